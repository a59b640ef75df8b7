/* SPDX-License-Identifier: BSD-3-Clause */
/* What the capture itself does to packets, and files with more than one flow. */
#include "script.h"

static const struct conn ipv4[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
};

static const struct conn padded[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}, .min_frame = 60},
};

static const struct conn several[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
	{.a = {"2001:db8::1", 49152, 2000}, .b = {"2001:db8::2", 443, 800000}, .timestamps = true},
	{.a = {"10.0.0.1", 49153, 3000}, .b = {"192.0.2.80", 80, 700000}, .vlan = 7},
	{.a = {"192.0.2.80", 49152, 4000}, .b = {"10.0.0.1", 80, 600000}},
};

static const struct step duplicates[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	A(AT(20), AGAIN),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	B(AT(20020), AGAIN),
	A(AT(20200), FLAGS(ACK)),
	A(AT(20220), AGAIN),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	A(AT(21020), AGAIN),
	B(AT(41000), FLAGS(ACK)),
	B(AT(41020), AGAIN),
};

static const struct step headers_cut[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), SACK_OK, WSCALE(7), KEEP(46)), /* in the options */
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400), SACK_OK, WSCALE(5), KEEP(40)), /* no options */
	A(AT(20200), FLAGS(ACK), KEEP(36)),                 /* 16 bytes: a window, no checksum */
	A(AT(21000), FLAGS(PSH | ACK), LEN(300), KEEP(35)), /* 15 bytes: not enough */
	A(AT(21100), FLAGS(PSH | ACK), LEN(300), KEEP(60)), /* only payload is cut */
	B(AT(41000), FLAGS(ACK), KEEP(28)),                 /* ports and sequence number */
	B(AT(41100), FLAGS(PSH | ACK), LEN(100), KEEP(18)), /* in the IP header */
};

static const struct step not_tcp[] = {
	A(AT(0), UDP, LEN(100)),      A(AT(100), FLAGS(SYN), MSS(1460)),
	B(AT(200), UDP, LEN(0)),      B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(20100), UDP, LEN(1200)), A(AT(20200), FLAGS(ACK)),
};

static const struct step time_backwards[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(20200), FLAGS(ACK)),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(15000), FLAGS(ACK)),
	B(AT(16000), FLAGS(PSH | ACK), LEN(300)),
	A(AT(16200), FLAGS(ACK)),
	A(AT(INT64_C(-90000000000)), FLAGS(PSH | ACK), LEN(300)), /* a day and an hour back */
	B(AT(INT64_C(-89999980000)), FLAGS(ACK)),
	A(AT(INT64_C(300000000000)), FLAGS(PSH | ACK), LEN(300)), /* four days on */
};

static const struct step nanoseconds[] = {
	A(AT(0), ADD_NS(1), FLAGS(SYN), MSS(1460)),
	B(AT(0), ADD_NS(987), FLAGS(SYN | ACK), MSS(1400)),
	A(AT(1), ADD_NS(12), FLAGS(ACK)),
	A(AT(1), ADD_NS(999), FLAGS(PSH | ACK), LEN(10)),
	B(AT(2), ADD_NS(345), FLAGS(ACK)),
};

static const struct step several_steps[] = {
	A(CONN(0), AT(0), FLAGS(SYN), MSS(1460)),
	A(CONN(1), AT(100), FLAGS(SYN), MSS(1440), SACK_OK, WSCALE(7)),
	A(CONN(2), AT(200), FLAGS(SYN), MSS(1460)),
	B(CONN(0), AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	A(CONN(0), AT(20100), FLAGS(ACK)),
	B(CONN(2), AT(20200), FLAGS(RST | ACK), SEQ(0), WIN(0)),
	B(CONN(1), AT(30000), FLAGS(SYN | ACK), MSS(1440), SACK_OK, WSCALE(8)),
	A(CONN(1), AT(30100), FLAGS(ACK), WIN(502)),
	A(CONN(3), AT(30200), FLAGS(SYN), MSS(1460)), /* the tuple of flow 0 with ports crossed */
	A(CONN(1), AT(30300), FLAGS(PSH | ACK), LEN(517)),
	A(CONN(0), AT(31000), FLAGS(PSH | ACK), LEN(80)),
	B(CONN(3), AT(32000), FLAGS(SYN | ACK), MSS(1400)),
	B(CONN(0), AT(51000), FLAGS(PSH | ACK), LEN(1200)),
	A(CONN(0), AT(51100), FLAGS(ACK)),
	A(CONN(3), AT(52000), FLAGS(ACK)),
	B(CONN(1), AT(60000), FLAGS(PSH | ACK), LEN(1300), WIN(250)),
	A(CONN(1), AT(60100), FLAGS(ACK)),
	A(CONN(0), AT(61000), FLAGS(FIN | ACK)),
	B(CONN(0), AT(81000), FLAGS(FIN | ACK)),
	A(CONN(0), AT(81100), FLAGS(ACK)),
	B(CONN(1), AT(90000), FLAGS(RST | ACK), WIN(0)),
};

static const struct step large_segments[] = {
	A(AT(0), FLAGS(SYN), MSS(1460), SACK_OK, WSCALE(7)),
	B(AT(100), FLAGS(SYN | ACK), MSS(1460), SACK_OK, WSCALE(7)),
	A(AT(200), FLAGS(ACK), WIN(502)),
	A(AT(300), FLAGS(PSH | ACK), LEN(14600)),
	B(AT(400), FLAGS(ACK), WIN(502)),
	A(AT(500), FLAGS(PSH | ACK), LEN(65000)),
	B(AT(600), FLAGS(ACK)),
};

const struct scenario scenarios_capture[] = {
	SCENARIO("several-flows", "four interleaved flows, IPv4, IPv6 and a VLAN", several,
		 several_steps),
	SCENARIO("capture-duplicates", "every packet was captured twice, 20 us apart", ipv4,
		 duplicates),
	SCENARIO("headers-cut", "TCP headers cut by the snaplen at telling places", ipv4,
		 headers_cut),
	SCENARIO("padding", "short Ethernet frames padded to 60 bytes", padded, duplicates),
	SCENARIO("not-tcp", "UDP between the segments of one flow", ipv4, not_tcp),
	SCENARIO("time-backwards", "time stamps that jump back and forth", ipv4, time_backwards),
	SCENARIO("nanoseconds", "steps of less than a microsecond", ipv4, nanoseconds),
	SCENARIO("large-segments", "segments larger than any MTU, as captured before TSO", ipv4,
		 large_segments),
	{.name = NULL},
};
