/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_SCRIPT_H
#define DATASETS_SCRIPT_H

/*
 * Small captures told as scripts: who sends what, when.
 *
 *	A(AT(0), FLAGS(SYN), MSS(1460)),
 *	B(AT(23100), FLAGS(SYN | ACK), MSS(1400)),
 *	A(AT(23300), FLAGS(ACK)),
 *	A(AT(23900), FLAGS(PSH | ACK), LEN(512), LOST_BEHIND),
 *
 * A is the first endpoint of the connection, B the second. Sequence numbers are
 * relative: 0 is the ISN. What a step does not say follows from the steps before:
 * SEQ is the sender's next one, ACK what the sender has received without a gap,
 * WIN the sender's last one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "around.h"
#include "packet.h"

struct output;

#define FIN PACKET_FIN
#define SYN PACKET_SYN
#define RST PACKET_RST
#define PSH PACKET_PSH
#define ACK PACKET_ACK
#define URG PACKET_URG
#define ECE PACKET_ECE
#define CWR PACKET_CWR

/* What became of a segment on its way. */
enum step_fate {
	STEP_CAPTURED,    /* seen, and it arrives */
	STEP_LOST_BEFORE, /* lost between sender and capture point: not seen, does not arrive */
	STEP_LOST_BEHIND, /* seen, lost between capture point and receiver */
	STEP_MISSED,      /* arrives, but the capture missed it */
	STEP_AGAIN,       /* the side's last packet, captured once more; one router further */
	STEP_PIECE,       /* another fragment of it */
	STEP_QUOTED,      /* an ICMP error of a router that quotes it */
};

struct step {
	uint8_t side; /* 0: A, 1: B */
	uint8_t conn;
	uint8_t flags;
	enum step_fate fate;
	int64_t at_us; /* since the start of the capture */
	/* What the script gives instead of leaving it to the rules above. */
	bool said_seq, said_ack, said_win, said_ts, said_fast_open, said_wscale;
	int32_t seq;  /* relative to the sender's ISN */
	uint32_t ack; /* relative to the other's ISN */
	uint32_t len;
	uint16_t win; /* as sent, unscaled */
	uint16_t mss;
	uint8_t wscale;
	bool sack_ok;
	uint32_t sack[3][2]; /* relative to the other's ISN */
	uint8_t nb_sack;
	uint32_t tsval, tsecr;
	uint8_t cookie_len;
	uint8_t ttl, tos;
	uint16_t urgent;
	uint32_t keep; /* captured bytes from the IP header on; 0: all */
	bool udp;      /* not a segment at all */
	bool said_around;
	enum around around;  /* instead of the connection's */
	uint16_t start, end; /* of this fragment, in what IP carries; end 0: it is none */
	uint16_t quote_len;  /* bytes of the packet in an ICMP error */
	int32_t add_ns;      /* to at_us */
};

#define A(...)                                                                                     \
	{                                                                                          \
		.side = 0, __VA_ARGS__                                                             \
	}
#define B(...)                                                                                     \
	{                                                                                          \
		.side = 1, __VA_ARGS__                                                             \
	}
#define CONN(n) .conn = (n)
#define AT(us) .at_us = (us)
#define ADD_NS(ns) .add_ns = (ns)
#define FLAGS(f) .flags = (f)
#define LEN(n) .len = (n)
#define SEQ(n) .said_seq = true, .seq = (n)
#define ACKS(n) .said_ack = true, .ack = (n)
#define WIN(n) .said_win = true, .win = (n)
#define MSS(n) .mss = (n)
#define WSCALE(n) .said_wscale = true, .wscale = (n)
#define SACK_OK .sack_ok = true
#define SACK(l, r) .nb_sack = 1, .sack = {{(l), (r)}}
#define SACK_2(l1, r1, l2, r2) .nb_sack = 2, .sack = {{(l1), (r1)}, {(l2), (r2)}}
#define TS(val, ecr) .said_ts = true, .tsval = (val), .tsecr = (ecr)
#define FAST_OPEN(cookie_bytes) .said_fast_open = true, .cookie_len = (cookie_bytes)
#define TTL(n) .ttl = (n)
#define TOS(n) .tos = (n)
#define URGENT(n) .urgent = (n)
#define KEEP(n) .keep = (n)
#define UDP .udp = true
#define LOST_BEFORE .fate = STEP_LOST_BEFORE
#define LOST_BEHIND .fate = STEP_LOST_BEHIND
#define MISSED .fate = STEP_MISSED
#define AGAIN .fate = STEP_AGAIN
#define IN(what) .said_around = true, .around = (what)
#define PIECE(from, to) .start = (from), .end = (to)
#define NEXT_PIECE(from, to) .fate = STEP_PIECE, PIECE(from, to)
#define QUOTED(bytes) .fate = STEP_QUOTED, .quote_len = (bytes)

struct endpoint {
	const char *address;
	uint16_t port;
	uint32_t isn;
};

/* Two endpoints and what holds for all packets between them. */
struct conn {
	struct endpoint a, b;
	uint8_t a_ttl, b_ttl; /* 0: 64 and 57 */
	uint16_t vlan;
	uint16_t min_frame;
	bool timestamps;    /* on every segment but RST: milliseconds, echoed */
	enum around around; /* the tunnel that all is in */
};

struct scenario {
	const char *name;
	const char *help; /* one line */
	const struct conn *conns;
	size_t nb_conns;
	const struct step *steps; /* in capture order */
	size_t nb_steps;
};

#define SCENARIO(id, text, connections, script)                                                    \
	{                                                                                          \
		.name = (id), .help = (text), .conns = (connections),                              \
		.nb_conns = sizeof(connections) / sizeof((connections)[0]), .steps = (script),     \
		.nb_steps = sizeof(script) / sizeof((script)[0])                                   \
	}

/* Chapters of scenarios; each ends with a NULL name. */
extern const struct scenario scenarios_opening[];
extern const struct scenario scenarios_closing[];
extern const struct scenario scenarios_loss[];
extern const struct scenario scenarios_capture[];
extern const struct scenario scenarios_around[];
extern const struct scenario scenarios_named[];

#define SCENARIO_CONNS_MAX 8

/* NULL when there is none of that name. */
const struct scenario *scenario_find(const char *name);
/* The nth of all, or NULL behind the last. */
const struct scenario *scenario_at(size_t n);

/* Frames it puts into a capture. */
size_t scenario_nb_frames(const struct scenario *scenario);

/*
 * Plays it. Returns 0, or -EPROTOTYPE when the output's link type can't carry one
 * of the packets, or -EINVAL when the script is wrong (a bug).
 */
int scenario_write(const struct scenario *scenario, struct output *output);

#endif
