/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_H
#define TCPMILL_TCP_H

/*
 * What TCP did in a flow: handshake, verdicts, round trips, end.
 *
 * Verdicts follow the TCP analysis spec (tshark 4.0.17), section by section;
 * everything else follows docs/definitions.md. F is the sender of the segment at
 * hand, R the other side.
 *
 * Thread: a flow and its tracker belong to one worker. No clock but the packets'.
 * Memory: a flow whose sides are in order lies packed in its slot of the table, all
 *         others beside it; see src/tcp/packed.h. What few flows need (lists of segments,
 *         holes) is the tracker's and is given back by tcp_flow_release(); all of it goes
 *         with the tracker.
 * Sides:  side[0] is the lower endpoint of the canonical key, side[1] the higher;
 *         which one is orig is decided by the flow's first segment.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/flow.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp_note.h"
#include "tcpmill/tcp_words.h"

#define TCP_HISTORY_MAX 32

/* Bits of struct tcp_side. */
#define TCP_BASE_KNOWN 0x0001u
#define TCP_SYN_WINDOW 0x0002u /* win comes from a SYN: unscaled */
#define TCP_LAST_KEEP_ALIVE 0x0004u
#define TCP_LAST_ZERO_WINDOW_PROBE 0x0008u
#define TCP_HAS_HI 0x0010u /* hi and start are set: a counted segment was seen */
#define TCP_RTT_RUNNING 0x0020u
#define TCP_ISN_KNOWN 0x0040u
#define TCP_SENT_DATA 0x0080u
#define TCP_SENT_FIN 0x0100u
#define TCP_SACK_PERMITTED 0x0200u /* in the packet that gave the ISN */
#define TCP_TIMESTAMPS 0x0400u
#define TCP_ECN_SETUP 0x0800u
#define TCP_MSS_KNOWN 0x1000u
#define TCP_WSCALE_KNOWN 0x2000u
#define TCP_WIN_KNOWN 0x4000u
#define TCP_WAS_CLOSED 0x8000u /* the endpoint state was closed; it may be reset now */

/* Letters of the history that are written once a side. */
#define TCP_HISTORY_I 0x01u
#define TCP_HISTORY_Q 0x02u
#define TCP_HISTORY_D 0x04u
#define TCP_HISTORY_A 0x08u
#define TCP_HISTORY_S 0x10u /* these four again when the sequence number differs */
#define TCP_HISTORY_H 0x20u
#define TCP_HISTORY_F 0x40u
#define TCP_HISTORY_R 0x80u

/* Zeek's endpoint states (definitions 4.1). */
enum tcp_endpoint {
	ENDPOINT_NONE,
	ENDPOINT_SYN_SENT,
	ENDPOINT_ESTABLISHED,
	ENDPOINT_PARTIAL,
	ENDPOINT_CLOSED,
	ENDPOINT_RESET,
};

/* Bits of a side's loss_bits (definitions 5 and 8). */
#define TCP_LOSS_HOLES 0x01u     /* holes are open in what it sent */
#define TCP_LOSS_ACKED 0x02u     /* ... some of them acknowledged: they settle with time */
#define TCP_LOSS_ACK_SEEN 0x04u  /* ack_max is set */
#define TCP_LOSS_SACK_LAST 0x08u /* its last packet had SACK blocks */
#define TCP_LOSS_ASKED 0x10u     /* it sent a dup ACK or SACK since its ack last moved */
#define TCP_LOSS_RESENT 0x20u    /* it resent since the other side's ack last moved */
#define TCP_LOSS_RECOVERY 0x40u  /* it resent, and recovery_hi is not acknowledged yet */
#define TCP_LOSS_UNLISTED 0x80u  /* what waits for an ACK is only counted: its list gave way */

#define TCP_MAX_HOLES 16 /* a side; definitions 5.8 */

/* Sequence space [start, end) that was passed over, and not seen since. */
struct tcp_hole {
	uint32_t start, end;
	int64_t ts_ns; /* of what opened it: a later segment, or an ACK of it */
	uint64_t frame;
	int64_t acked_ts_ns; /* of the ACK that covered it, if is_acked */
	uint32_t tsval;      /* of the opener, if has_tsval */
	bool has_tsval, is_acked;
	uint8_t unused[2]; /* zero: holes compare as bytes in tests */
};

/* What may give way when memory is short, in the order in which it began. */
struct tcp_link {
	struct tcp_link *prev, *next;
	struct flow *flow; /* whose it is; NULL: in no order */
};

/* What only a side with some trouble has. Counters stay at their end. */
struct tcp_trouble {
	uint32_t verdicts[NB_COUNTED_VERDICTS];
	uint32_t dup_max, dsack, capture_dups, seq_jumps;
	uint64_t retransmitted_bytes, lost_before_bytes, lost_after_bytes;
	uint64_t missed_bytes, unresolved_bytes; /* of settled holes */
	uint32_t reordered_pkts, holes_overflowed;
	uint32_t history_g;            /* settled holes with missed bytes */
	uint32_t history_t, history_w; /* segments that may get these letters (definitions 4.3) */
	uint32_t icmp_errors;          /* its headers in ICMP errors, and samples of sFlow */
	int64_t rto_max_ns;            /* INT64_MIN = none */
	uint32_t nb_holes;
	uint32_t room;           /* from here on: of the block, not of the side */
	struct tcp_link link;    /* while there is room for holes */
	struct tcp_hole holes[]; /* [room], lowest first */
};

/* The segments of a side that are not acknowledged yet; see src/tcp/unacked.c. */
struct tcp_unacked;

/*
 * Laid out by how often a packet touches it: of its sender's side two cache
 * lines, of the receiver's side the first, and a third with a round trip.
 */
struct tcp_side {
	/* Line 1. Spec section 1; 0 means "nothing seen" where it says so. */
	_Alignas(64) int64_t last_ts_ns;
	int64_t next_ts_ns;
	uint32_t next, contig, ack, dup, win;
	int8_t shift; /* -1 unknown, -2 not used, 0 .. 14 */
	uint8_t endpoint;
	uint8_t ttl_min, ttl_max;
	uint32_t hi;      /* definitions 5.2 */
	uint32_t rtt_end; /* of the timed segment, if TCP_RTT_RUNNING; else 0 */
	uint32_t ack_max; /* highest ack, if TCP_LOSS_ACK_SEEN */
	uint32_t unused;
	/* At most nb_unacked segments wait for an ACK; all but nb_unacked_new end by rtt_end. */
	uint16_t nb_unacked, nb_unacked_new;
	uint16_t bits;
	uint8_t history_bits;
	uint8_t loss_bits;

	/* Line 2. Counters stay at their end. */
	uint32_t pkts, data_pkts, psh;
	int32_t before_last_ns; /* from the analysed packet before the last one to the last one */
	uint64_t ip_bytes;
	uint64_t bytes; /* sequence space from start to hi, without the FIN */
	int64_t last_data_ts_ns;
	uint64_t unused_2;
	uint32_t seen[2]; /* digests of the last two analysed packets (definitions 6.1); 0 = none */
	uint64_t ack_frame; /* at which ack last changed; only with details */

	/* Line 3. */
	int64_t rtt_ts_ns, rtt_min_ns, rtt_max_ns, rtt_sum_ns;
	uint32_t rtt_samples;
	uint32_t win_max;
	uint32_t isn;
	uint32_t fin_end;            /* sequence number behind the FIN */
	uint32_t base;               /* of relative numbers */
	uint32_t start;              /* first data byte (definitions 5.2) */
	struct tcp_unacked *unacked; /* or NULL */

	/* Line 4, seldom. */
	struct tcp_trouble *trouble;      /* or NULL: tcp_side_trouble() */
	uint32_t flags[TCP_NB_FLAGS - 2]; /* FIN SYN RST URG ECE CWR: tcp_side_flags() */
	uint32_t no_ack_pkts, other_pkts; /* without the ACK flag; neither data nor pure ACK */
	uint32_t history_seq[4];          /* of the last S, H, F, R */
	uint32_t recovery_hi;             /* hi at the resend that began it */
	uint16_t mss;
	int8_t wscale;
	uint8_t mptcp_seen; /* MPTCP operations of the connection at its last packet */
};

static_assert(sizeof(struct tcp_side) == 256, "four cache lines");
static_assert(offsetof(struct tcp_side, pkts) == 64, "line 1 is 64 bytes");
static_assert(offsetof(struct tcp_side, rtt_ts_ns) == 128, "line 2 is 64 bytes");
static_assert(offsetof(struct tcp_side, trouble) == 192, "line 3 is 64 bytes");

/* Bits of struct tcp_flow. */
#define TCP_FLOW_ORIG_HIGH 0x0001u /* orig is side[1] */
#define TCP_FLOW_REUSED_PORTS 0x0002u
#define TCP_FLOW_MIDSTREAM 0x0004u
#define TCP_FLOW_TRUNCATED 0x0008u
#define TCP_FLOW_ORIG_SYN 0x0010u /* a pure SYN of orig was seen */
#define TCP_FLOW_RESP_SYN 0x0020u
#define TCP_FLOW_BOTH_SYN 0x0040u /* ... of both, before any SYN+ACK */
#define TCP_FLOW_ORIG_SYN_ACK 0x0080u
#define TCP_FLOW_RESP_SYN_ACK 0x0100u
#define TCP_FLOW_GOOD_SYN_ACK 0x0200u
#define TCP_FLOW_COMPLETE 0x0400u
#define TCP_FLOW_ORIG_ACKED 0x0800u /* an ACK of orig after its SYN */
#define TCP_FLOW_RESP_RST 0x1000u
#define TCP_FLOW_TFO_DATA 0x2000u /* a SYN carried data with a cookie (spec) */
#define TCP_FLOW_SYN_DATA_ACKED 0x4000u
#define TCP_FLOW_ORIG_OTHER 0x8000u /* SYN+ACK, ACK, FIN or data of orig after its SYN */
#define TCP_FLOW_RSTOS0 0x10000u
#define TCP_FLOW_END_KNOWN 0x20000u /* end is set: RST before both FINs, or both FINs */
#define TCP_FLOW_HAS_TTFB 0x40000u
#define TCP_FLOW_ORIG_DATA 0x80000u
#define TCP_FLOW_SYN_RTT 0x100000u /* syn_rtt_ns is set */
#define TCP_FLOW_MPTCP 0x200000u   /* mptcp_ops is kept (spec section 5) */

/*
 * What a side's counters keep of what was told, because rules ask for it: whether there was
 * any. The low two bits are the packets: 1 if all were SYNs, else 2.
 */
#define TCP_TOLD_PKTS 0x03u
#define TCP_TOLD_SYN 0x04u
#define TCP_TOLD_FIN 0x08u
#define TCP_TOLD_RTT 0x10u

/* A flow as the rules know it. Without padding: two compare as bytes. */
struct tcp_flow {
	const struct flow *flow; /* its slot in the table */
	int64_t max_ts_ns;
	uint32_t bits;
	uint8_t completeness;
	uint8_t end; /* enum end_reason, if TCP_FLOW_END_KNOWN */
	uint8_t history_len;
	uint8_t tunnel;
	uint64_t unused[5];

	struct tcp_side side[2];

	/* Seldom; from here on struct tcp_annex of src/tcp/packed.h has the same. */
	int64_t first_ts_ns, min_ts_ns;
	int64_t initial_rtt_ns;                     /* spec section 1; 0 = none */
	int64_t syn_ts_ns;                          /* likewise */
	int64_t orig_syn_ts_ns, resp_syn_ack_ts_ns; /* the latest of each */
	int64_t syn_rtt_ns, synack_rtt_ns;
	int64_t orig_data_ts_ns, ttfb_ns;
	/* What an active record has told already: see tcp_flow_restart(). */
	uint64_t told_bytes[2];
	int64_t told_rtt_min_ns[2];                       /* the smallest ever, if TCP_TOLD_RTT */
	uint64_t first_anomaly_frame, last_anomaly_frame; /* 0 = none */
	uint32_t orig_syns, resp_syn_acks, orig_syn_len;
	uint32_t input;
	char history[TCP_HISTORY_MAX];
	uint16_t vlan;     /* id + 1, 0 = untagged */
	uint8_t mptcp_ops; /* operations seen, one bit each */
	uint8_t told[2];   /* TCP_TOLD_*, of each side */
	uint8_t unused_2[11];
};

static_assert(offsetof(struct tcp_flow, side) == 64, "sides begin a cache line");

/* What a segment did to its flow. */
struct tcp_result {
	uint32_t verdicts; /* bit v: enum verdict v */
	bool is_capture_dup;
	bool is_anomaly; /* definitions 9.1 */
	bool is_offload; /* payload above 1,500 bytes and the receiver's MSS: not one packet on the
			    wire */
	uint8_t class;   /* enum flow_class of the flow by now */
	bool has_grown;  /* the flow has more beside its slot than before */
};

/* Fetches the cache lines of a slot that the segment will touch. */
static inline void tcp_flow_prefetch(const struct flow *flow, const struct segment *segment)
{
	const char *slot = (const char *)flow;

	__builtin_prefetch(slot, 1);
	__builtin_prefetch(slot + 64, 1);
	__builtin_prefetch(slot + 128, 1);
	/* An acknowledgement may end the timing of a round trip; the rules touch everything. */
	if (segment->payload_len == 0)
		__builtin_prefetch(slot + 192, 1);
	if (segment->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		__builtin_prefetch(slot + 256, 1);
}
/* The same for what lies beside the slot, once the slot is there. */
void tcp_flow_prefetch_beside(const struct flow *flow, const struct segment *segment);

/* A segment's flow, and how it came to it. */
struct tcp_arrival {
	struct flow *flow; /* NULL when the table has no room */
	uint64_t frame;    /* the segment's place in the run */
	uint32_t input;    /* index of its capture */
	bool created;      /* the segment made the flow, other than by taking over ports */
	bool is_fresh;     /* made, or put in the place of one whose ports it takes over */
	bool is_tried;     /* tcp_track_next() has refused it */
};

/* The segment's flow in the table (guess: see flow_table_lookup()): found, made, or put in the
 * place of another. */
struct tcp_arrival tcp_flow_find(struct flow_table *table, const struct segment *segment,
				 uint64_t frame, uint32_t input, struct flow *guess);
/* After tcp_track(): the segment was the flow's latest, for the order of eviction. */
void tcp_flow_reclass(struct flow_table *table, struct flow *flow, uint8_t class);
static inline void tcp_flow_touch(struct flow_table *table, const struct tcp_arrival *arrival,
				  const struct segment *segment, const struct tcp_result *result)
{
	flow_table_touch(arrival->flow, segment->clock_ns, arrival->frame);
	if (result->class != arrival->flow->class)
		tcp_flow_reclass(table, arrival->flow, result->class);
	if (result->has_grown)
		flow_table_fit(table, arrival->flow);
}

/* What the flows of one worker share. */
struct tcp_tracker;

/*
 * wants_details: notes are filled whole. Without it rto, bytes in flight, push bytes,
 * acks_frame and dup_ack_frame stay empty, no list of unacknowledged segments is kept for
 * them, and flows in order lie packed in their slots.
 * NULL with errno ENOMEM.
 */
struct tcp_tracker *tcp_tracker_create(bool wants_details);
/*
 * Segments without an ACK are only counted from now on, however many there are: a flow's memory
 * has a bound that nobody can push by 240 kB. Called before the first flow; not with details.
 */
void tcp_tracker_only_count(struct tcp_tracker *tracker);
void tcp_tracker_destroy(struct tcp_tracker *tracker);
/*
 * The flows are the table's: what they have beside their slots counts there, and gives way where
 * the table is short of memory. Called before the first flow.
 */
void tcp_tracker_join(struct tcp_tracker *tracker, struct flow_table *table);
/*
 * Memory is short in a partition (definitions 2.8): gives up the list of segments without an ACK
 * that was begun first, or if there is none, settles the holes of the side that has had some for
 * longest. False if there is nothing of either kind. Not while a segment is tracked.
 */
bool tcp_tracker_give_way(struct tcp_tracker *tracker, uint8_t partition);

struct tcp_tracker_stats {
	uint64_t lists_cut, holes_cut; /* that gave way */
};
void tcp_tracker_get_stats(const struct tcp_tracker *tracker, struct tcp_tracker_stats *stats);
/* True once memory for a flow's lists was short: its answers are wrong from then on. */
bool tcp_tracker_failed(const struct tcp_tracker *tracker);

/*
 * The short way of the next data, or a new ACK, to a flow that is packed and in order:
 * true if the segment was one, and is done with, without a verdict. Else nothing has
 * changed, and tcp_track() knows what it means. *is_offload: see struct tcp_result.
 */
bool tcp_track_next(struct flow *flow, const struct segment *segment, bool *is_offload);

/* The same for a guess: true if it is the segment's flow as well, lives, and was not idle too long.
 */
static inline bool tcp_track_guess(struct flow *flow, const struct segment *segment,
				   const struct flow_limits *limits, uint64_t frame,
				   bool *is_offload)
{
	if (!flow_is_of(flow, segment) || flow_is_idle(flow, limits, segment->clock_ns) ||
	    !tcp_track_next(flow, segment, is_offload))
		return false;
	flow_table_touch(flow, segment->clock_ns, frame);
	return true;
}

/*
 * Runs one segment through its flow. note is filled but for its stream; NULL if
 * nobody wants it.
 */
struct tcp_result tcp_track(struct tcp_tracker *tracker, const struct tcp_arrival *arrival,
			    const struct segment *segment, struct tcp_note *note);

/* The flow in a slot: as it lies beside it, or unpacked into *room. */
const struct tcp_flow *tcp_flow_view(const struct flow *flow, struct tcp_flow *room);

/*
 * An active record was filled from the flow: what records count begins anew (definitions 2.6);
 * all that the rules go by, and what a record repeats, goes on. True if that takes more memory
 * beside its slot, for which the caller makes room: flow_table_fit().
 */
bool tcp_flow_restart(struct tcp_tracker *tracker, struct flow *flow);
/* True if a packet came since the flow began, or was restarted. */
bool tcp_flow_has_news(const struct flow *flow);
/*
 * The side as a record counts it: since the flow was restarted. goes_on: an active record's,
 * to which bytes of open holes do not belong yet.
 */
void tcp_side_untold(const struct tcp_flow *flow, const struct tcp_side *side, bool goes_on,
		     struct tcp_side *untold);

/*
 * The flow has ended: what it has beside its slot does not count any more, and what its record
 * does not tell is given back. Not needed of flows that live to the end of the run.
 */
void tcp_flow_end(struct tcp_tracker *tracker, struct flow *flow);
/* Gives back the memory behind a flow whose record is filled, before its slot is. */
void tcp_flow_release(struct tcp_tracker *tracker, struct flow *flow);

/* The flow's class for eviction, after its latest segment. */
enum flow_class tcp_flow_class(const struct tcp_flow *flow);

/* How the flow is told in one word each (definitions 2.5, 3.4, 4.2). */
enum handshake tcp_flow_handshake(const struct tcp_flow *flow);
enum conn_state tcp_flow_conn_state(const struct tcp_flow *flow);
enum end_reason tcp_flow_end_reason(const struct tcp_flow *flow);

/* Packets of a side with flag number i (0 FIN .. 7 CWR). */
static inline uint32_t tcp_side_flags(const struct tcp_side *side, int i)
{
	if (i == 3)
		return side->psh;
	if (i == 4)
		return side->pkts - side->no_ack_pkts;
	return side->flags[i < 3 ? i : i - 2];
}

/* ACKs without payload, SYN, FIN or RST. */
static inline uint32_t tcp_side_pure_acks(const struct tcp_side *side)
{
	return side->pkts - side->data_pkts - side->other_pkts;
}

/* All zero if the side had none. */
const struct tcp_trouble *tcp_side_trouble(const struct tcp_side *side);

/*
 * What the flow would be told as if it ended now: acknowledged holes are missed,
 * others unresolved (definitions 5.8), and history has their letters.
 */
void tcp_side_settled(const struct tcp_side *side, uint64_t *missed_bytes,
		      uint64_t *unresolved_bytes);
/* Returns the number of letters. */
size_t tcp_flow_history(const struct tcp_flow *flow, char letters[TCP_HISTORY_MAX]);

static inline const struct tcp_side *tcp_flow_orig(const struct tcp_flow *flow)
{
	return &flow->side[(flow->bits & TCP_FLOW_ORIG_HIGH) != 0];
}

static inline const struct tcp_side *tcp_flow_resp(const struct tcp_flow *flow)
{
	return &flow->side[(flow->bits & TCP_FLOW_ORIG_HIGH) == 0];
}

#endif
