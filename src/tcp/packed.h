/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_PACKED_H
#define TCPMILL_TCP_PACKED_H

/*
 * A flow in its slot.
 *
 * The rules work on struct tcp_flow, 768 bytes. Most flows are in order most of the
 * time: then much of it follows from the rest (hi and contig are next, ack_max is ack,
 * the ISN is the base ...), times fit 48 bits and counters of odd things fit three.
 * Such a flow lies packed in the 264 bytes that a slot has for its user. What the
 * rules changed is packed again, unless that would lose anything; builds with assert()
 * unpack it once more and compare all bytes, so that no condition can be forgotten.
 *
 * A flow that had some trouble, and is in order again, keeps in an annex what does
 * not fit the slot. One that is not in order, or odd in another way, lies beside its
 * slot as a struct tcp_flow; so do all flows when details are wanted.
 *
 * The short way of packed flows (tcp_track_next()) knows from `fast` what the state says
 * about the next segment, and looks only at the segment besides.
 */

#include "tcp_priv.h"

#define PACKED_TIME_BITS 48

/* Bits of struct tcp_packed beyond those of struct tcp_flow. */
#define PACKED_BESIDE 0x80000000u /* flow is set, nothing else */
#define PACKED_ANNEX 0x40000000u  /* annex is set */
/* Of side[i], shifted by i: the annex has what does not follow from the rest. */
#define PACKED_DATA_TIME 0x10000000u /* last_data_ts_ns; until the side sends its next data */
#define PACKED_ACK_MAX 0x04000000u   /* ack_max */
#define PACKED_RTT_LONG 0x01000000u  /* rtt_min_ns and rtt_max_ns */
#define PACKED_FRESH 0u              /* nothing at all was said yet */

/* Bits of a packed side beyond those of struct tcp_side, in place of one that is clear. */
#define PACKED_WIN_UNKNOWN TCP_LAST_KEEP_ALIVE

/* A side's `fast`: its window's shift + 2, and what may take the short way. */
#define PACKED_SHIFT 0x1fu
#define PACKED_FAST_ACK 0x20u  /* a new ACK without data */
#define PACKED_FAST_DATA 0x40u /* the next data */

/* What a packet of either direction touches. Times: ns since the flow's first packet. */
struct packed_side {
	union {
		struct {
			uint64_t last : PACKED_TIME_BITS, win : 16;
			uint64_t next_at : PACKED_TIME_BITS, bits : 16;
			uint64_t rtt_at : PACKED_TIME_BITS, nb_unacked : 16;
			uint64_t ip_bytes : 48, nb_unacked_new : 11, bytes_high : 5;
		};
		uint64_t words[4]; /* on a little-endian machine the same: the low 48 bits, and what
				      is above them */
	};
	uint32_t next, ack;
	uint32_t rtt_end; /* if TCP_RTT_RUNNING; else history_seq of the FIN or RST */
	uint32_t pkts, data_pkts, psh;
	uint32_t seen[2];
};

/* The rest of a side: a round trip, a raised window. */
struct packed_more {
	uint64_t rtt_sum : 48, mss : 16;
	uint32_t base, rtt_min, rtt_max, rtt_samples, win_max;
	uint32_t flags : 18, no_ack_pkts : 3, other_pkts : 3, history_bits : 8;
};

/* The part of struct tcp_flow from first_ts_ns on. */
#define PACKED_SELDOM_AT offsetof(struct tcp_flow, first_ts_ns)
#define PACKED_SELDOM_BYTES (offsetof(struct tcp_flow, unused_2) - PACKED_SELDOM_AT)

struct tcp_annex {
	int64_t seldom[(PACKED_SELDOM_BYTES + 7) / 8]; /* begins with first_ts_ns */
	struct tcp_trouble *trouble[2];
	int64_t last_data_ts_ns[2];           /* if PACKED_DATA_TIME */
	int64_t rtt_min_ns[2], rtt_max_ns[2]; /* if PACKED_RTT_LONG */
	uint32_t ack_max[2];                  /* if PACKED_ACK_MAX */
	uint32_t recovery_hi[2], isn[2], fin_end[2], start[2];
	uint32_t history_seq[2][4];
	uint32_t flags[2][TCP_NB_FLAGS - 2], no_ack_pkts[2], other_pkts[2];
};

static_assert(sizeof(struct tcp_annex) <= 384, "a block of the pool");

#define PACKED_HISTORY_MAX 10

struct tcp_packed {
	union {
		int64_t first_ts_ns;
		struct tcp_annex *annex;
		struct tcp_flow *flow;
	};
	uint32_t bits; /* TCP_FLOW_*, PACKED_* */
	uint32_t completeness : 6, end : 3, history_len : 4, tunnel : 4;
	uint32_t endpoint_0 : 3, endpoint_1 : 3, wscale_0 : 4, wscale_1 : 4, unused : 1;
	uint8_t ttl_min[2], ttl_max[2];
	int32_t before_last_ns[2];
	uint8_t loss_bits[2], fast[2];

	struct packed_side side[2];
	struct packed_more more[2];

	uint64_t orig_data : PACKED_TIME_BITS, orig_syns : 8, resp_syn_acks : 8;
	uint64_t ttfb : PACKED_TIME_BITS, vlan : 16;
	uint32_t initial_rtt, syn_ack, synack_rtt;
	uint16_t input;
	char history[PACKED_HISTORY_MAX];
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words[] are the fields above");
static_assert(sizeof(struct packed_side) == 64, "a cache line");
static_assert(sizeof(struct packed_more) == 32, "half of one");
static_assert(sizeof(struct tcp_packed) == FLOW_USER_BYTES, "the user's part of a slot");
static_assert(offsetof(struct flow, user) + offsetof(struct tcp_packed, side) == 64,
	      "sides begin a cache line");

static inline struct tcp_packed *packed_of(struct flow *flow)
{
	return (struct tcp_packed *)(void *)flow->user;
}

static inline const struct tcp_packed *packed_at(const struct flow *flow)
{
	return (const struct tcp_packed *)(const void *)flow->user;
}

/* Then last_data_ts_ns is next_ts_ns, unless the annex knows better. */
static inline bool packed_has_sent_data(const struct tcp_side *side)
{
	return side->data_pkts != 0 || side->flags[0] != 0 || side->flags[1] != 0;
}

static inline int64_t packed_first_ts(const struct tcp_packed *p)
{
	return p->bits & PACKED_ANNEX ? p->annex->seldom[0] : p->first_ts_ns;
}

/* TCP_TOLD_* of side i of a flow that is packed. */
static inline uint8_t packed_told(const struct tcp_packed *p, int i)
{
	const size_t at = offsetof(struct tcp_flow, told) - PACKED_SELDOM_AT;

	return p->bits & PACKED_ANNEX ? ((const uint8_t *)p->annex->seldom)[at + (size_t)i] : 0;
}

/* The flow as the rules know it, in *to; not for one beside its slot. */
void packed_open(const struct flow *flow, struct tcp_flow *to);
/*
 * Stores what the rules made of the flow: from is tracker->open, or what lies beside
 * the slot. Packs it if it can; a shortage of memory is the tracker's.
 */
void packed_close(struct tcp_tracker *tracker, struct flow *flow, struct tcp_flow *from);

#endif
