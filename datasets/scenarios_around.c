/* SPDX-License-Identifier: BSD-3-Clause */
/* What is around segments: tunnels, IP fragments, ICMP errors that quote them. */
#include "script.h"

static const struct conn in_tunnels[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}, .around = AROUND_GRE},
	{.a = {"10.0.0.1", 49153, 2000}, .b = {"192.0.2.80", 80, 800000}, .around = AROUND_VXLAN},
	{.a = {"2001:db8::1", 49154, 3000},
	 .b = {"2001:db8::2", 80, 700000},
	 .around = AROUND_IPIP},
	{.a = {"10.0.0.1", 49155, 4000}, .b = {"192.0.2.80", 80, 600000}, .around = AROUND_GTPU},
};

static const struct step tunnels[] = {
	A(CONN(0), AT(0), FLAGS(SYN), MSS(1460)),
	A(CONN(1), AT(100), FLAGS(SYN), MSS(1410)),
	A(CONN(2), AT(200), FLAGS(SYN), MSS(1420)),
	A(CONN(3), AT(300), FLAGS(SYN), MSS(1400)),
	B(CONN(0), AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	B(CONN(1), AT(20100), FLAGS(SYN | ACK), MSS(1400)),
	B(CONN(2), AT(20200), FLAGS(SYN | ACK), MSS(1400)),
	B(CONN(3), AT(20300), FLAGS(RST | ACK), SEQ(0), WIN(0)), /* refused */
	A(CONN(0), AT(20400), FLAGS(ACK)),
	A(CONN(1), AT(20500), FLAGS(ACK)),
	A(CONN(2), AT(20600), FLAGS(ACK)),
	A(CONN(0), AT(21000), FLAGS(PSH | ACK), LEN(300)),
	A(CONN(1), AT(21100), FLAGS(PSH | ACK), LEN(200), LOST_BEHIND),
	A(CONN(2), AT(21200), FLAGS(PSH | ACK), LEN(100)),
	B(CONN(0), AT(41000), FLAGS(ACK)),
	B(CONN(2), AT(41200), FLAGS(ACK)),
	A(CONN(1), AT(321100), FLAGS(PSH | ACK), SEQ(1), LEN(200)),
	B(CONN(1), AT(341100), FLAGS(ACK)),
};

static const struct conn ipv4[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
};

/* Captured in front of a router, and behind it, where a tunnel begins. */
static const struct step inside_and_outside[] = {
	A(AT(0), FLAGS(SYN), MSS(1460)),
	A(AT(30), AGAIN, IN(AROUND_GRE)),
	B(AT(20000), FLAGS(SYN | ACK), MSS(1400), IN(AROUND_GRE)),
	B(AT(20030), AGAIN),
	A(AT(20200), FLAGS(ACK)),
	A(AT(20230), AGAIN, IN(AROUND_GRE)),
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	A(AT(21030), AGAIN, IN(AROUND_GRE)),
	B(AT(41000), FLAGS(ACK), IN(AROUND_GRE)),
	B(AT(41030), AGAIN),
};

/* No private addresses: fragments of those meet only in their VLAN. */
static const struct conn both[] = {
	{.a = {"198.51.100.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
	{.a = {"2001:db8::1", 49153, 2000}, .b = {"2001:db8::2", 80, 800000}},
};

/* A packet's TCP header takes the first 20 bytes of its fragments. */
static const struct step fragments[] = {
	A(CONN(0), AT(0), FLAGS(SYN), MSS(1460)),
	B(CONN(0), AT(20000), FLAGS(SYN | ACK), MSS(1400)),
	A(CONN(0), AT(20200), FLAGS(ACK)),
	/* In order, the header in two of them. */
	A(CONN(0), AT(21000), FLAGS(PSH | ACK), LEN(1000), PIECE(0, 16)),
	A(CONN(0), AT(21010), NEXT_PIECE(16, 520)),
	A(CONN(0), AT(21020), NEXT_PIECE(520, 1020)),
	B(CONN(0), AT(41000), FLAGS(ACK)),
	/* The last one first. */
	A(CONN(0), AT(42000), FLAGS(PSH | ACK), LEN(1000), PIECE(520, 1020)),
	A(CONN(0), AT(42010), NEXT_PIECE(0, 520)),
	B(CONN(0), AT(62000), FLAGS(ACK)),
	/* One is lost before the capture: nobody sees a segment. */
	A(CONN(0), AT(63000), FLAGS(PSH | ACK), LEN(500), PIECE(0, 264), LOST_BEHIND),
	A(CONN(0), AT(63010), FLAGS(PSH | ACK), LEN(500)),
	B(CONN(0), AT(83000), FLAGS(ACK)),
	A(CONN(0), AT(363000), FLAGS(PSH | ACK), SEQ(2001), LEN(500)),
	B(CONN(0), AT(383000), FLAGS(ACK), ACKS(3001)),
	/* IPv6, in the middle of the connection. */
	A(CONN(1), AT(400000), FLAGS(PSH | ACK), LEN(1400), PIECE(0, 712)),
	A(CONN(1), AT(400010), NEXT_PIECE(712, 1420)),
	B(CONN(1), AT(420000), FLAGS(ACK)),
};

static const struct conn to_quote[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
	{.a = {"2001:db8::1", 49153, 2000}, .b = {"2001:db8::2", 80, 800000}},
	{.a = {"10.0.0.1", 49154, 3000}, .b = {"192.0.2.81", 80, 700000}},
};

static const struct step quotes[] = {
	/* 8 bytes of TCP, as old routers have it: they tell nothing. Then all of the header. */
	A(CONN(0), AT(0), FLAGS(SYN), MSS(1460), LOST_BEHIND),
	A(CONN(0), AT(5000), QUOTED(28)),
	A(CONN(0), AT(6000), QUOTED(44)),
	/* A connection that goes on. */
	A(CONN(1), AT(10000), FLAGS(SYN), MSS(1440)),
	B(CONN(1), AT(30000), FLAGS(SYN | ACK), MSS(1440)),
	A(CONN(1), AT(30200), FLAGS(ACK)),
	A(CONN(1), AT(31000), FLAGS(PSH | ACK), LEN(1000), LOST_BEHIND),
	A(CONN(1), AT(36000), QUOTED(1060)),
	A(CONN(1), AT(331000), FLAGS(PSH | ACK), SEQ(1), LEN(1000)),
	B(CONN(1), AT(351000), FLAGS(ACK)),
	/* What the capture has of it is only this. */
	A(CONN(2), AT(400000), FLAGS(SYN), MSS(1460), MISSED),
	A(CONN(2), AT(405000), QUOTED(44)),
};

const struct scenario scenarios_around[] = {
	SCENARIO("tunnels", "flows in GRE, VXLAN, IP in IP and GTP-U", in_tunnels, tunnels),
	SCENARIO("inside-and-outside", "a flow in front of a tunnel and in it: duplicates", ipv4,
		 inside_and_outside),
	SCENARIO("fragments", "IP fragments in and out of order, one missing, IPv4 and IPv6", both,
		 fragments),
	SCENARIO("quotes", "ICMP errors that quote a SYN, data, and what was not captured",
		 to_quote, quotes),
	{.name = NULL},
};
