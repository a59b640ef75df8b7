/* SPDX-License-Identifier: BSD-3-Clause */
/* How connections begin. */
#include "script.h"

static const struct conn ipv4[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
};

static const struct conn ipv6[] = {
	{.a = {"2001:db8:1::10", 51000, 0x12345678}, .b = {"2001:db8:2::443", 443, 0x9abcdef0}},
};

static const struct conn ipv4_timestamps[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}, .timestamps = true},
};

static const struct conn same_ports[] = {
	{.a = {"192.0.2.1", 179, 10}, .b = {"192.0.2.2", 179, 20}},
	{.a = {"192.0.2.3", 5000, 30}, .b = {"192.0.2.3", 5001, 40}},
};

static const struct step handshake[] = {
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460), SACK_OK, WSCALE(7)),
	B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400), SACK_OK, WSCALE(5)),
	A(AT(20200), FLAGS(ACK), WIN(502)),
};

static const struct step data[] = {
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460), SACK_OK, WSCALE(7)),
	B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400), SACK_OK, WSCALE(5)),
	A(AT(20200), FLAGS(ACK), WIN(502)),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(41000), FLAGS(ACK), WIN(905)),
	B(AT(45000), FLAGS(ACK), LEN(1300)),
	B(AT(45100), FLAGS(ACK), LEN(1300)),
	A(AT(45300), FLAGS(ACK)),
	B(AT(45400), FLAGS(ACK), LEN(1300)),
	B(AT(45500), FLAGS(PSH | ACK), LEN(700)),
	A(AT(45700), FLAGS(ACK)),
	A(AT(60000), FLAGS(FIN | ACK)),
	B(AT(80000), FLAGS(FIN | ACK)),
	A(AT(80200), FLAGS(ACK)),
};

static const struct step syn_retries[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	A(AT(1000000), FLAGS(SYN), SEQ(0), MSS(1460)),
	A(AT(3000000), FLAGS(SYN), SEQ(0), MSS(1460)),
	A(AT(7000000), FLAGS(SYN), SEQ(0), MSS(1460)),
};

static const struct step syn_retries_answered[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), LOST_BEHIND),
	A(AT(1000000), FLAGS(SYN), SEQ(0), MSS(1460), LOST_BEHIND),
	A(AT(3000000), FLAGS(SYN), SEQ(0), MSS(1460)),
	B(AT(3020000), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(3020100), FLAGS(ACK)),
};

static const struct step syn_ack_unacked[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	B(AT(1020000), FLAGS(SYN | ACK), SEQ(0), MSS(1400)),
	B(AT(3020000), FLAGS(SYN | ACK), SEQ(0), MSS(1400)),
};

static const struct step refused[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(RST | ACK), WIN(0), SEQ(-900000)), /* seq 0 on the wire */
};

static const struct step bad_ack[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), ACKS(4242), MSS(1400)),
	A(AT(20100), FLAGS(RST), SEQ(4242), WIN(0)),
};

static const struct step simultaneous[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(100), FLAGS(SYN), MSS(1400)),
	A(AT(20000), FLAGS(SYN | ACK), SEQ(0), MSS(1460)),
	B(AT(20100), FLAGS(SYN | ACK), SEQ(0), MSS(1400)),
	A(AT(40000), FLAGS(PSH | ACK), LEN(10)),
	B(AT(60000), FLAGS(ACK)),
};

static const struct step split[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(ACK), SEQ(0)),
	B(AT(20100), FLAGS(SYN), MSS(1400)),
	A(AT(20300), FLAGS(SYN | ACK), SEQ(0), MSS(1460)),
	B(AT(40000), FLAGS(ACK)),
	A(AT(41000), FLAGS(PSH | ACK), LEN(100)),
	B(AT(61000), FLAGS(ACK)),
};

static const struct step one_sided_orig[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400), MISSED),
	A(AT(20200), FLAGS(ACK)),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(45000), FLAGS(PSH | ACK), LEN(1300), MISSED),
	A(AT(45300), FLAGS(ACK)),
	A(AT(46000), FLAGS(PSH | ACK), LEN(200)),
	A(AT(90000), FLAGS(FIN | ACK)),
};

static const struct step one_sided_resp[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), MISSED),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(20200), FLAGS(ACK), MISSED),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300), MISSED),
	B(AT(41000), FLAGS(ACK)),
	B(AT(45000), FLAGS(PSH | ACK), LEN(1300)),
	B(AT(90000), FLAGS(FIN | ACK)),
};

static const struct step midstream[] = {
	B(AT(0), FLAGS(ACK), SEQ(50001), ACKS(7001), LEN(1000)),
	B(AT(100), FLAGS(PSH | ACK), LEN(1000)),
	A(AT(300), FLAGS(ACK), SEQ(7001)),
	A(AT(5000), FLAGS(PSH | ACK), LEN(80)),
	B(AT(25000), FLAGS(ACK)),
};

static const struct step crossed[] = {
	B(AT(0), FLAGS(SYN | ACK), ACKS(1), MSS(1400)),
	A(AT(50), FLAGS(SYN), MSS(1460)),
	A(AT(300), FLAGS(ACK)),
	A(AT(400), FLAGS(PSH | ACK), LEN(100)),
	B(AT(20000), FLAGS(ACK)),
};

static const struct step tfo[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), FAST_OPEN(8), LEN(200)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	B(AT(21000), FLAGS(PSH | ACK), LEN(500)),
	A(AT(21200), FLAGS(ACK)),
};

static const struct step tfo_request[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), FAST_OPEN(0)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400), FAST_OPEN(8)),
	A(AT(20200), FLAGS(ACK)),
};

static const struct step tfo_ignored[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), FAST_OPEN(8), LEN(200)),
	B(AT(20000), FLAGS(SYN | ACK), ACKS(1), MSS(1400)),
	A(AT(20200), FLAGS(ACK)),
	A(AT(20300), FLAGS(PSH | ACK), SEQ(1), LEN(200)),
	B(AT(40300), FLAGS(ACK), ACKS(201)),
};

static const struct step ecn[] = {
	A(AT(0), FLAGS(SYN | ECE | CWR), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK | ECE), MSS(1400)),
	A(AT(20200), FLAGS(ACK)),
	A(AT(21000), FLAGS(PSH | ACK), LEN(1000), TOS(3)), /* marked CE by a router */
	B(AT(41000), FLAGS(ACK | ECE)),
	A(AT(42000), FLAGS(PSH | ACK | CWR), LEN(1000), TOS(2)),
	B(AT(62000), FLAGS(ACK)),
};

static const struct step syn_ack_data[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400), LEN(300)),
	A(AT(20200), FLAGS(ACK)),
};

static const struct step same_ports_steps[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(100), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(200), FLAGS(ACK)),
	A(CONN(1), AT(1000), FLAGS(SYN), MSS(1460)),
	B(CONN(1), AT(1100), FLAGS(SYN | ACK), MSS(1400)),
	A(CONN(1), AT(1200), FLAGS(ACK)),
	B(AT(2000), FLAGS(PSH | ACK), LEN(19)),
	A(AT(2100), FLAGS(ACK)),
};

static const struct step odd_flags[] = {
	A(AT(0), FLAGS(0), SEQ(0)),
	A(AT(1000), FLAGS(FIN | PSH | URG), SEQ(0)),
	A(AT(2000), FLAGS(SYN | FIN), SEQ(0)),
	A(AT(3000), FLAGS(SYN | RST), SEQ(0)),
	A(AT(4000), FLAGS(FIN), SEQ(0)),
	B(AT(5000), FLAGS(RST | ACK), SEQ(0), WIN(0)),
};

const struct scenario scenarios_opening[] = {
	SCENARIO("handshake", "SYN, SYN+ACK, ACK and nothing else", ipv4, handshake),
	SCENARIO("data", "request, response with delayed ACKs, FIN exchange", ipv4_timestamps,
		 data),
	SCENARIO("ipv6", "the same over IPv6", ipv6, data),
	SCENARIO("syn-retries", "SYNs at 0, 1, 3, 7 s that nobody answers", ipv4, syn_retries),
	SCENARIO("syn-retries-answered", "the third SYN is answered", ipv4, syn_retries_answered),
	SCENARIO("syn-ack-unacked", "half-open: SYN+ACK three times, no ACK", ipv4,
		 syn_ack_unacked),
	SCENARIO("refused", "RST to the SYN", ipv4, refused),
	SCENARIO("bad-ack", "SYN+ACK that acknowledges something else", ipv4, bad_ack),
	SCENARIO("simultaneous-open", "both sides send a SYN (RFC 9293 3.5)", ipv4, simultaneous),
	SCENARIO("split-handshake", "the responder answers with ACK and its own SYN", ipv4, split),
	SCENARIO("one-sided-orig", "only the originator's packets were captured", ipv4,
		 one_sided_orig),
	SCENARIO("one-sided-resp", "only the responder's packets were captured", ipv4,
		 one_sided_resp),
	SCENARIO("midstream", "the capture starts in the middle of a transfer", ipv4, midstream),
	SCENARIO("crossed-handshake", "the SYN+ACK was captured before the SYN", ipv4, crossed),
	SCENARIO("tfo", "Fast Open: data on the SYN, acknowledged at once (RFC 7413)", ipv4, tfo),
	SCENARIO("tfo-request", "a Fast Open cookie asked for and given", ipv4, tfo_request),
	SCENARIO("tfo-ignored", "data on the SYN is not taken and sent again", ipv4, tfo_ignored),
	SCENARIO("ecn", "ECN agreed, one CE mark, ECE and CWR (RFC 3168)", ipv4, ecn),
	SCENARIO("syn-ack-data", "payload on the SYN+ACK", ipv4, syn_ack_data),
	SCENARIO("same-ports", "equal ports, and equal addresses", same_ports, same_ports_steps),
	SCENARIO("odd-flags", "null, Xmas, SYN+FIN, SYN+RST and FIN scans", ipv4, odd_flags),
	{.name = NULL},
};
