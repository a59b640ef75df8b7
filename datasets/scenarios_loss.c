/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss, resends, reordering: what happened on the way, before or behind the capture point. */
#include "script.h"

static const struct conn ipv4[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
};

static const struct conn timestamps[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}, .timestamps = true},
};

/* Data bytes of A cross 2^32 inside its third segment, of B inside its first. */
static const struct conn wrapping[] = {
	{.a = {"10.0.0.1", 49152, 0xfffff000}, .b = {"192.0.2.80", 80, 0xffffff00}},
};

/* How every script here begins; B's data are on their way from 30 ms on. */
#define OPEN                                                                                       \
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460), SACK_OK, WSCALE(7)),                           \
		B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400), SACK_OK, WSCALE(5)),         \
		A(AT(20200), FLAGS(ACK), WIN(502)), A(AT(21000), FLAGS(PSH | ACK), LEN(100)),      \
		B(AT(29000), FLAGS(ACK), WIN(905))

static const struct step lost_before[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	A(AT(30200), FLAGS(ACK)),
	B(AT(31000), FLAGS(ACK), LEN(1000), LOST_BEFORE),
	B(AT(31100), FLAGS(ACK), LEN(1000)),
	A(AT(31300), FLAGS(ACK), SACK(2001, 3001)),
	B(AT(31400), FLAGS(ACK), LEN(1000)),
	A(AT(31600), FLAGS(ACK), SACK(2001, 4001)),
	B(AT(31700), FLAGS(ACK), LEN(1000)),
	A(AT(31900), FLAGS(ACK), SACK(2001, 5001)),
	B(AT(51900), FLAGS(ACK), SEQ(1001), LEN(1000)),
	A(AT(52100), FLAGS(ACK), ACKS(5001)),
};

static const struct step two_holes[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	A(AT(30200), FLAGS(ACK)),
	B(AT(31000), FLAGS(ACK), LEN(1000), LOST_BEFORE),
	B(AT(31100), FLAGS(ACK), LEN(1000)),
	A(AT(31300), FLAGS(ACK), SACK(2001, 3001)),
	B(AT(31400), FLAGS(ACK), LEN(1000), LOST_BEFORE),
	B(AT(31500), FLAGS(ACK), LEN(1000)),
	A(AT(31700), FLAGS(ACK), SACK_2(4001, 5001, 2001, 3001)),
	B(AT(31800), FLAGS(ACK), LEN(1000)),
	A(AT(32000), FLAGS(ACK), SACK_2(4001, 6001, 2001, 3001)),
	B(AT(52000), FLAGS(ACK), SEQ(1001), LEN(1000)),
	A(AT(52200), FLAGS(ACK), ACKS(3001), SACK(4001, 6001)),
	B(AT(72200), FLAGS(ACK), SEQ(3001), LEN(1000)),
	A(AT(72400), FLAGS(ACK), ACKS(6001)),
};

static const struct step lost_behind[] = {
	OPEN,
	B(AT(30000), FLAGS(PSH | ACK), LEN(1000), LOST_BEHIND),
	B(AT(260000), FLAGS(PSH | ACK), SEQ(1), LEN(1000), LOST_BEHIND),
	B(AT(720000), FLAGS(PSH | ACK), SEQ(1), LEN(1000)),
	A(AT(720200), FLAGS(ACK)),
};

static const struct step fast_retransmission[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000), LOST_BEHIND),
	B(AT(30100), FLAGS(ACK), LEN(1000)),
	B(AT(30200), FLAGS(ACK), LEN(1000)),
	B(AT(30300), FLAGS(ACK), LEN(1000)),
	A(AT(50100), FLAGS(ACK), SACK(1001, 2001)),
	A(AT(50200), FLAGS(ACK), SACK(1001, 3001)),
	A(AT(50300), FLAGS(ACK), SACK(1001, 4001)),
	B(AT(50400), FLAGS(ACK), SEQ(1), LEN(1000)),
	A(AT(70400), FLAGS(ACK), ACKS(4001)),
};

static const struct step missed[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30100), FLAGS(ACK), LEN(1000), MISSED),
	A(AT(30300), FLAGS(ACK)),
	B(AT(30400), FLAGS(PSH | ACK), LEN(1000)),
	A(AT(60000), FLAGS(ACK)),
	A(AT(61000), FLAGS(FIN | ACK)),
	B(AT(81000), FLAGS(FIN | ACK)),
	A(AT(81100), FLAGS(ACK)),
};

static const struct step reordered[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30200), FLAGS(ACK), SEQ(2001), LEN(1000)),
	A(AT(30300), FLAGS(ACK), ACKS(1001), SACK(2001, 3001)),
	B(AT(30400), FLAGS(ACK), SEQ(1001), LEN(1000)),
	A(AT(30500), FLAGS(ACK), ACKS(3001)),
};

static const struct step spurious[] = {
	OPEN,
	B(AT(30000), FLAGS(PSH | ACK), LEN(1000)),
	A(AT(30200), FLAGS(ACK)),
	B(AT(250000), FLAGS(PSH | ACK), SEQ(1), LEN(1000)),
	A(AT(250200), FLAGS(ACK), SACK(1, 1001)), /* D-SACK, RFC 2883 */
};

static const struct step tail_probe[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30100), FLAGS(PSH | ACK), LEN(1000), LOST_BEHIND),
	A(AT(50000), FLAGS(ACK)),
	B(AT(90100), FLAGS(PSH | ACK), SEQ(1001), LEN(1000)),
	A(AT(110100), FLAGS(ACK)),
};

static const struct step other_cuts[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000), LOST_BEHIND),
	B(AT(30100), FLAGS(ACK), LEN(1000), LOST_BEHIND),
	B(AT(260000), FLAGS(ACK), SEQ(1), LEN(1400)), /* old bytes, cut otherwise */
	A(AT(280000), FLAGS(ACK)),
	B(AT(280100), FLAGS(PSH | ACK), SEQ(1401), LEN(1200)), /* 600 old bytes, 600 new ones */
	A(AT(300100), FLAGS(ACK)),
};

static const struct step partial_fill[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30100), FLAGS(ACK), SEQ(4001), LEN(1000)),
	A(AT(30300), FLAGS(ACK), ACKS(1001), SACK(4001, 5001)),
	B(AT(260000), FLAGS(ACK), SEQ(2001), LEN(1000)), /* the middle of the hole */
	A(AT(260200), FLAGS(ACK), ACKS(1001), SACK_2(2001, 3001, 4001, 5001)),
	B(AT(280000), FLAGS(ACK), SEQ(1001), LEN(1000)),
	A(AT(280200), FLAGS(ACK), ACKS(3001), SACK(4001, 5001)),
	B(AT(300000), FLAGS(ACK), SEQ(3001), LEN(1000)),
	A(AT(300200), FLAGS(ACK), ACKS(5001)),
};

static const struct step unresolved[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30100), FLAGS(ACK), SEQ(4001), LEN(1000)),
	A(AT(30300), FLAGS(ACK), ACKS(1001), SACK(4001, 5001)),
};

static const struct step seq_wrap[] = {
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460)),
	B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400)),
	A(AT(20200), FLAGS(ACK)),
	A(AT(21000), FLAGS(ACK), LEN(1400)),
	A(AT(21100), FLAGS(ACK), LEN(1400)),
	A(AT(21200), FLAGS(ACK), LEN(1400)),
	B(AT(41000), FLAGS(ACK)),
	B(AT(41100), FLAGS(ACK), LEN(1000), LOST_BEHIND),
	B(AT(270000), FLAGS(ACK), SEQ(1), LEN(1000)),
	A(AT(270200), FLAGS(ACK)),
	A(AT(300000), FLAGS(FIN | ACK)),
	B(AT(320000), FLAGS(FIN | ACK)),
	A(AT(320100), FLAGS(ACK)),
};

static const struct step seq_jump[] = {
	OPEN,
	B(AT(30000), FLAGS(ACK), LEN(1000)),
	B(AT(30100), FLAGS(ACK), SEQ(0x50000000), LEN(1000)), /* further than any window */
	A(AT(30300), FLAGS(ACK), ACKS(1001)),
};

const struct scenario scenarios_loss[] = {
	SCENARIO("lost-before", "a hole, three dup ACKs with SACK, the resend fills it", ipv4,
		 lost_before),
	SCENARIO("lost-before-timestamps", "the same with time stamps", timestamps, lost_before),
	SCENARIO("two-holes", "two holes at once, two SACK blocks", timestamps, two_holes),
	SCENARIO("lost-behind", "seen, lost behind the capture point, resent twice by timer", ipv4,
		 lost_behind),
	SCENARIO("fast-retransmission", "seen, lost behind, resent after three dup ACKs", ipv4,
		 fast_retransmission),
	SCENARIO("missed", "the capture missed a segment that was acknowledged", ipv4, missed),
	SCENARIO("reordered", "a late original 0.2 ms after its successor", ipv4, reordered),
	SCENARIO("spurious", "resent although acknowledged; a D-SACK tells", ipv4, spurious),
	SCENARIO("tail-probe", "the last segment is resent after two RTTs (RFC 8985)", ipv4,
		 tail_probe),
	SCENARIO("other-cuts", "resends with other borders, partly new data", ipv4, other_cuts),
	SCENARIO("partial-fill", "a hole is filled in the middle first", timestamps, partial_fill),
	SCENARIO("unresolved", "a hole that nobody fills or acknowledges", ipv4, unresolved),
	SCENARIO("seq-wrap", "sequence numbers pass 2^32 on both sides, with a resend", wrapping,
		 seq_wrap),
	SCENARIO("seq-jump", "a sequence number far outside any window", ipv4, seq_jump),
	{.name = NULL},
};
