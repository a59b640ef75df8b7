/* SPDX-License-Identifier: BSD-3-Clause */
/* The two captures that documents and tests quote number by number. */
#include "script.h"

/*
 * The founding example of the project, as docs and `explain` show it: A's second
 * data segment (#6) passes the capture point and is lost behind it; A resends it
 * after 201 ms (#8).
 */
static const struct conn founding_conns[] = {
	{.a = {"10.44.124.5", 50122, 1932704549},
	 .b = {"93.184.216.34", 80, 402913877},
	 .b_ttl = 52},
};

static const struct step founding_steps[] = {
	/* #1 */ A(AT(0), FLAGS(SYN), WIN(65535), MSS(1460)),
	/* #2 */ B(AT(23100), FLAGS(SYN | ACK), WIN(65535), MSS(1460)),
	/* #3 */ A(AT(23300), FLAGS(ACK)),
	/* #4 */ A(AT(23900), FLAGS(PSH | ACK), LEN(512)),
	/* #5 */ B(AT(47000), FLAGS(ACK)),
	/* #6 */ A(AT(47100), FLAGS(PSH | ACK), LEN(512), LOST_BEHIND),
	/* #7 */ B(AT(150200), FLAGS(PSH | ACK), LEN(512)),
	/* #8 */ A(AT(248100), FLAGS(PSH | ACK), SEQ(513), LEN(512)),
	/* #9 */ B(AT(271200), FLAGS(ACK)),
	/* #10 */ A(AT(271400), FLAGS(FIN | ACK)),
	/* #11 */ B(AT(294500), FLAGS(FIN | ACK)),
	/* #12 */ A(AT(312000), FLAGS(ACK)),
};

/*
 * One flow in which nearly every record column has a value, and one that differs
 * between the sides. every-column.expected.tsv is worked out by hand from this
 * script; whoever changes a line here works it out anew.
 */
static const struct conn every_column_conns[] = {
	{.a = {"10.1.2.3", 40001, 1000000000},
	 .b = {"198.51.100.7", 8080, 3000000000},
	 .vlan = 42,
	 .timestamps = true},
	{.a = {"2001:db8::1", 50001, 5000}, .b = {"2001:db8::2", 443, 6000}},
	{.a = {"10.1.2.4", 40002, 7000}, .b = {"198.51.100.7", 8080, 8000}},
};

static const struct step every_column_steps[] = {
	/* #1 Not TCP, so that first_frame is not 1. */
	A(CONN(2), AT(0), UDP, LEN(30)),

	/* #2-#7 Two SYNs, three SYN+ACKs, ECN on both sides. */
	A(AT(0), FLAGS(SYN | ECE | CWR), WIN(64240), MSS(1460), SACK_OK, WSCALE(7), LOST_BEHIND),
	A(AT(1000000), FLAGS(SYN | ECE | CWR), SEQ(0), MSS(1460), SACK_OK, WSCALE(7)),
	B(AT(1020000), FLAGS(SYN | ACK | ECE), WIN(28960), MSS(1400), SACK_OK, WSCALE(5)),
	B(AT(1023000), FLAGS(SYN | ACK | ECE), SEQ(0), MSS(1400), SACK_OK, WSCALE(5)),
	B(AT(1025000), FLAGS(SYN | ACK | ECE), SEQ(0), MSS(1400), SACK_OK, WSCALE(5)),
	A(AT(1027000), FLAGS(ACK), WIN(502)), /* << 7 = 64,256 */

	/* #8-#13 RTTs of A's data: 20, 30, 40 ms. */
	A(AT(1028000), FLAGS(PSH | ACK | URG), LEN(100), URGENT(100)),
	B(AT(1048000), FLAGS(ACK), WIN(905)), /* << 5 = 28,960 */
	A(AT(1050000), FLAGS(PSH | ACK), LEN(200)),
	B(AT(1080000), FLAGS(ACK)),
	A(AT(1090000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(1130000), FLAGS(ACK | ECE)),

	/* #14-#17 RTTs of B's data: 1, 3 ms. */
	B(AT(1140000), FLAGS(ACK | URG), LEN(1000), URGENT(10)),
	A(AT(1141000), FLAGS(ACK | ECE), TTL(60)),
	B(AT(1150000), FLAGS(PSH | ACK | URG | CWR), LEN(1000), URGENT(10)),
	A(AT(1153000), FLAGS(ACK)),

	/* #18-#25 B's bytes 2001-3000 are lost before the capture and resent: no RTT sample. */
	B(AT(1160000), FLAGS(ACK), LEN(1000), LOST_BEFORE),
	B(AT(1161000), FLAGS(PSH | ACK), LEN(1000)),
	A(AT(1162000), FLAGS(ACK), SACK(3001, 4001)),
	B(AT(1162500), FLAGS(ACK), LEN(1000), TTL(50)),
	A(AT(1163000), FLAGS(ACK), SACK(3001, 5001)),
	B(AT(1163500), FLAGS(PSH | ACK), LEN(1000)),
	A(AT(1164000), FLAGS(ACK), SACK(3001, 6001)),
	B(AT(1170000), FLAGS(ACK), SEQ(2001), LEN(1000)),
	A(AT(1171000), FLAGS(ACK), ACKS(6001)),

	/* #26-#30 Lost behind the capture, resent after 210 ms, then once too often: D-SACK. */
	B(AT(1300000), FLAGS(PSH | ACK), LEN(500), LOST_BEHIND),
	B(AT(1510000), FLAGS(PSH | ACK), SEQ(6001), LEN(500)),
	A(AT(1511000), FLAGS(ACK)),
	B(AT(1515000), FLAGS(PSH | ACK), SEQ(6001), LEN(500)),
	A(AT(1516000), FLAGS(ACK), SACK(6001, 6501)),

	/* #31-#33 Two segments of A change places, 0.2 ms apart. */
	A(AT(1600000), FLAGS(PSH | ACK), SEQ(751), LEN(150)),
	A(AT(1600200), FLAGS(ACK), SEQ(601), LEN(150)),
	B(AT(1630000), FLAGS(ACK), ACKS(901)),

	/* #34-#37 250 bytes of A that the capture missed; a fourth RTT of 30 ms; B's ACK twice. */
	A(AT(1640000), FLAGS(PSH | ACK), LEN(250), MISSED),
	B(AT(1660000), FLAGS(ACK)),
	A(AT(1700000), FLAGS(PSH | ACK), LEN(100)),
	B(AT(1730000), FLAGS(ACK)),
	B(AT(1730100), AGAIN),

	/* #38-#43 B's window closes, A probes with one byte that B does not take. */
	B(AT(1740000), FLAGS(ACK), WIN(0)),
	A(AT(1940000), FLAGS(ACK), LEN(1), LOST_BEHIND),
	B(AT(1941000), FLAGS(ACK), WIN(0)),
	B(AT(2000000), FLAGS(ACK), WIN(905)),
	A(AT(2010000), FLAGS(PSH | ACK), SEQ(1251), LEN(100)),
	B(AT(2031000), FLAGS(ACK)),

	/* #44-#49 Keep-alives: two of A, one of B. */
	A(AT(3031000), FLAGS(ACK), SEQ(1350)),
	B(AT(3051000), FLAGS(ACK)),
	A(AT(4051000), FLAGS(ACK), SEQ(1350)),
	B(AT(4071000), FLAGS(ACK)),
	B(AT(5000000), FLAGS(ACK), SEQ(6500)),
	A(AT(5001000), FLAGS(ACK)),

	/* #50-#55 B fills A's window of 8 << 7 = 1,024; RTT 2 ms; A's ACK three times. */
	A(AT(5100000), FLAGS(ACK), WIN(8)),
	B(AT(5200000), FLAGS(PSH | ACK), LEN(1024)),
	A(AT(5202000), FLAGS(ACK), WIN(0)),
	A(AT(5202100), AGAIN),
	A(AT(5202300), AGAIN),
	A(AT(5300000), FLAGS(ACK), WIN(502)),

	/* #56-#62 Three FINs of B (waits of 210 and 220 ms), one of A, then a late RST. */
	B(AT(5310000), FLAGS(FIN | ACK), LOST_BEHIND),
	B(AT(5520000), FLAGS(FIN | ACK), SEQ(7525), LOST_BEHIND),
	B(AT(5740000), FLAGS(FIN | ACK), SEQ(7525)),
	A(AT(5741000), FLAGS(ACK)),
	A(AT(5750000), FLAGS(FIN | ACK)),
	B(AT(5770000), FLAGS(ACK)),
	A(AT(5780000), FLAGS(RST), SEQ(1352)),

	/* #63-#64 A second flow: IPv6, midstream, so most of its columns are null. */
	A(CONN(1), AT(6000000), FLAGS(PSH | ACK), SEQ(1), ACKS(1), LEN(40)),
	B(CONN(1), AT(6010000), FLAGS(ACK), SEQ(1)),

	/* #65-#66 A third: its SYN is cut inside the options, and refused. */
	A(CONN(2), AT(7000000), FLAGS(SYN), MSS(1460), SACK_OK, WSCALE(7), KEEP(42)),
	B(CONN(2), AT(7020000), FLAGS(RST | ACK), SEQ(0), WIN(0)),
};

const struct scenario scenarios_named[] = {
	SCENARIO("founding", "the founding example: one resend after 201 ms", founding_conns,
		 founding_steps),
	SCENARIO("every-column", "one flow with a value in nearly every record column",
		 every_column_conns, every_column_steps),
	{.name = NULL},
};
