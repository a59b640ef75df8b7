/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_PRIV_H
#define TCPMILL_TCP_PRIV_H

/* Inside the tcp room: one segment on its way through the rules. */

#include "pool.h"
#include "seq.h"
#include "tcpmill/tcp.h"
#include "unacked.h"

/* Marks "acked something unseen" on a dup-ack counter (spec step 11). */
#define DUP_SPECIAL UINT32_MAX

/* Age below which an older segment is taken for reordered while no RTT is known. */
#define DEFAULT_REORDER_NS 3000000

/* In before_last_ns: more than two seconds, or backwards. */
#define FAR_APART INT32_MIN

/* What may give way in one partition, the oldest first. */
struct tcp_order {
	struct tcp_link *first, *last;
};

struct tcp_tracker {
	struct pool pool;
	uint64_t *beside;                           /* [FLOW_NB_PARTITIONS] bytes */
	uint64_t uncounted[FLOW_NB_PARTITIONS];     /* beside, if nobody asks for it */
	struct tcp_order lists[FLOW_NB_PARTITIONS]; /* of segments without an ACK */
	struct tcp_order holes[FLOW_NB_PARTITIONS]; /* troubles with room for holes */
	struct tcp_tracker_stats stats;
	struct flow *slot;           /* at hand */
	uint8_t partition;           /* of it */
	bool has_grown;              /* memory was taken since it was cleared */
	struct tcp_trouble *scratch; /* written to when memory was short */
	bool wants_details;
	bool only_counts; /* no lists of unacknowledged segments */
	bool failed;      /* memory was short */

	struct tcp_flow open;  /* the flow at hand, if it is packed in its slot */
	struct tcp_flow again; /* and unpacked once more, to compare */
};

/* What a segment did to the holes of its side (definitions 5.3 to 5.5). */
struct fill {
	uint32_t filled, resent; /* bytes in holes; bytes seen before */
	bool is_reordered;       /* some filled byte is */
	uint64_t frame;          /* that opened the first hole */
	int64_t age_ns;
};

/* What only the rules look at and the note tells; the short way does without. */
struct story {
	int64_t reorder_ns; /* age below which a late segment is taken for reordered: T */
	int64_t silence_ns; /* INT64_MIN = none */
	int64_t rto_ns;
	uint64_t rto_frame;
	struct unacked_match match;
	struct fill fill;
	uint32_t bytes_in_flight, push_bytes;
	uint32_t hole_start, hole_end;
	struct syn_options {
		uint16_t mss;
		uint8_t wscale;
		bool has_mss, has_wscale, sack_permitted;
	} syn_options;
	uint8_t cause;
	uint8_t nb_tfo_more; /* see struct tcp_note */
	bool has_record, completes, opens_hole, misses;
};

struct step {
	struct tcp_tracker *tracker;
	struct tcp_flow *flow;
	const struct segment *segment;
	struct tcp_side *f, *r;
	uint64_t frame;
	uint32_t verdicts;
	uint8_t completeness_before;
	int8_t shift;        /* of F's window, before this segment's options */
	bool is_orig;        /* F is orig */
	bool is_first;       /* the flow's first segment */
	bool is_analysed;    /* section 3 of the spec ran */
	bool is_dup;         /* a capture duplicate */
	bool is_new;         /* bytes_is_new() */
	bool may_raise_win;  /* the window shown may be larger than any before */
	bool hides_verdicts; /* cut or broken header: verdicts count for the state, but are not
				shown */
	struct story story;
};

static inline void step_verdict(struct step *s, enum verdict verdict)
{
	s->verdicts |= 1u << verdict;
}

/* Stamps may be anything: the difference wraps, it does not overflow. */
static inline int64_t time_since(int64_t now_ns, int64_t then_ns)
{
	return (int64_t)((uint64_t)now_ns - (uint64_t)then_ns);
}

static inline bool step_has(const struct step *s, enum verdict verdict)
{
	return (s->verdicts >> verdict & 1) != 0;
}

static inline bool step_is(const struct step *s, uint32_t flag)
{
	return (s->segment->tcp_flags & flag) != 0;
}

/* A counter that stays at its end. */
static inline void count(uint32_t *counter)
{
	*counter += *counter != UINT32_MAX;
}

/* Counted from above (unacked.h): an ACK of everything leaves none. */
static inline void unacked_count_ack(struct tcp_side *side, uint32_t ack)
{
	if (side->nb_unacked == UNACKED_LISTED || ack - side->next >= UNACKED_NEAR)
		return;
	side->nb_unacked = 0;
	side->nb_unacked_new = 0;
}

/*
 * The timing of a round trip ends; is_passed: by an ACK that is not far off. What came
 * behind the timed segment may wait still, and without a timed segment all may.
 */
static inline void unacked_end_timing(struct tcp_side *side, bool is_passed)
{
	if (side->nb_unacked == UNACKED_LISTED)
		return;
	if (is_passed)
		side->nb_unacked = side->nb_unacked_new;
	side->nb_unacked_new = side->nb_unacked;
}

/* ... and begins, with the latest segment. */
static inline void unacked_begin_timing(struct tcp_side *side)
{
	if (side->nb_unacked != UNACKED_LISTED && side->rtt_end == side->next)
		side->nb_unacked_new = 0;
}

/* F acknowledges, and not beyond R's hi: definitions 5.4 and 8. Depths below it compare. */
static inline void loss_raise_ack(struct tcp_side *f, struct tcp_side *r, uint32_t ack)
{
	if ((f->loss_bits & TCP_LOSS_ACK_SEEN) && r->hi - ack >= r->hi - f->ack_max)
		return;
	f->ack_max = ack;
	f->loss_bits = (uint8_t)((f->loss_bits | TCP_LOSS_ACK_SEEN) & ~TCP_LOSS_ASKED);
	r->loss_bits &= (uint8_t)~TCP_LOSS_RESENT;
}

/* Bits of tcp.completeness (spec section 5). */
enum {
	COMPLETE_SYN = 1,
	COMPLETE_SYN_ACK = 2,
	COMPLETE_ACK = 4,
	COMPLETE_DATA = 8,
	COMPLETE_FIN = 16,
	COMPLETE_RST = 32,
};

/* restart.c: tcp_flow_restart() of a flow as the rules know it. */
void restart_flow(struct tcp_flow *flow);

/* What the options of one packet said. */
struct tcp_options {
	uint16_t mss;
	uint8_t wscale; /* 0xff = absent; already at most 14 */
	bool has_mss, sack_permitted, timestamps, dsack;
	uint8_t nb_cookies;                   /* of Fast Open, on a SYN */
	uint8_t mptcp_ops;                    /* operations named (spec section 5) */
	bool makes_mptcp;                     /* one of them begins the connection's state */
	uint32_t sack_bytes;                  /* of the first three blocks */
	uint32_t sack_left[2], sack_right[2]; /* edges of the first two blocks, relative */
	uint8_t nb_sack;                      /* of them known */
	bool is_cut;                          /* the list goes on where the header was cut */
	bool is_broken; /* a SACK option that counts as a broken header (spec section 5) */
};

/*
 * options.c. The header's first 20 bytes at least were captured. ack_base: of relative
 * acknowledgement numbers.
 */
void options_read(const struct segment *segment, uint32_t ack_base, struct tcp_options *options);

/*
 * track.c. track_by_rules() is all rules in order; tcp_track() tries tcp_track_next(), then
 * fast_track() first.
 * step_init() leaves the story to track_by_rules(), or to story_init() for a note.
 */
void story_init(struct step *s);
void step_init(struct step *s, struct tcp_tracker *tracker, struct tcp_flow *flow,
	       const struct segment *segment, uint64_t frame);
void track_by_rules(struct step *s, bool created);
/* A flow from its first segment: zeroed but for what that says. */
void track_begin(struct tcp_flow *flow, const struct segment *segment,
		 const struct tcp_arrival *arrival);
void track_count_packet(struct step *s);
/* The payload is more than one packet has on the wire; mss: the receiver's. */
static inline bool track_is_offload(uint32_t len, bool mss_known, uint32_t mss)
{
	return len > 1500 && len > (mss_known ? mss : 8960);
}
void track_note_window(struct step *s);
/* note.c: what is told of the segment; after all rules. */
void note_fill(const struct step *s, struct tcp_note *note);
/*
 * fast.c: true if the segment was a plain one, and is done with. fast_is_settled(): handshake,
 * history and endpoint states have learnt from segments of side i like that before.
 */
bool fast_track(struct step *s);
bool fast_is_settled(const struct tcp_flow *flow, int i, bool has_data);
/*
 * verdict.c: section 3; step 8 alone; what details ask of a plain segment (steps 2, 13, 14, 17
 * and 18), once next is set.
 */
void verdict_analyse(struct step *s);
bool verdict_fills_window(const struct step *s);
void verdict_details(struct step *s);
/* handshake.c: steps 19 to 24, and definitions 3. */
void handshake_completeness(struct step *s, bool created);
void handshake_after(struct step *s, const struct tcp_options *options);
void handshake_facts(struct step *s, const struct tcp_options *options);
/*
 * tracker.c: memory of the flow at hand, which is counted. tracker_look_at() says which flow that
 * is; ended flows give their blocks back to the pool, uncounted.
 */
static inline void tracker_look_at(struct tcp_tracker *tracker, struct flow *slot)
{
	tracker->slot = slot;
	tracker->partition = slot->partition;
}
void *tracker_take(struct tcp_tracker *tracker, size_t size);
void tracker_give(struct tcp_tracker *tracker, void *block, size_t size);
/* Of what may give way: link_end() of one that is in no order does nothing. */
void link_begin(struct tcp_order *order, struct tcp_link *link, struct flow *flow);
void link_end(struct tcp_order *order, struct tcp_link *link);
/* The block that link is in has moved. */
void link_moved(struct tcp_order *order, struct tcp_link *link);

/* What only some sides have, made on first need; never NULL. */
struct tcp_trouble *tracker_trouble(struct tcp_tracker *tracker, struct tcp_side *side);
/* The same with room for one more hole; NULL when memory is short. */
struct tcp_trouble *tracker_grow_holes(struct tcp_tracker *tracker, struct tcp_side *side);
/* No hole is open: gives the room for them back. False when memory is short. */
bool tracker_drop_room(struct tcp_tracker *tracker, struct tcp_side *side);
size_t tracker_trouble_size(const struct tcp_trouble *trouble);
/*
 * bytes.c: definitions 5.1-5.3, 5.6 and 6. bytes_is_capture_dup() is asked once for every
 * analysed packet, before verdict_analyse(); bytes_note_fresh() instead of it, for a packet
 * that is like none before: else it is false and changes nothing. bytes_is_new(): payload that
 * passes hi.
 */
uint32_t bytes_digest(const struct segment *segment);
bool bytes_note_fresh(struct step *s);
bool bytes_is_capture_dup(struct step *s);
bool bytes_is_new(const struct step *s);
void bytes_track(struct step *s);
/*
 * loss.c: the holes of definitions 5.3 to 5.8; from bytes_track().
 * loss_settle(): what time has decided, in both sides. loss_take_ack(): an ACK of R's holes.
 * loss_open(): [start, end) of side was passed over. loss_fill(): F sent len bytes from start,
 * which is not above hi. loss_forget(): hi of a side with holes has moved. loss_drop_number(): that
 * number (a FIN's) was no byte; false if it is in no hole. loss_abandon(): all of F's holes become
 * unresolved. loss_give_way(): they settle, for want of memory; returns how many there were.
 */
uint32_t loss_give_way(struct tcp_flow *flow, struct tcp_side *side);
void loss_settle(struct step *s);
void loss_take_ack(struct step *s, uint32_t ack);
void loss_open(struct step *s, struct tcp_side *side, uint32_t start, uint32_t end, bool is_acked);
void loss_forget(struct step *s, struct tcp_side *side);
void loss_fill(struct step *s, uint32_t start, uint32_t len);
bool loss_drop_number(struct step *s, uint32_t number);
void loss_abandon(struct step *s);
/* cause.c: definitions 8; after bytes_track(). */
void cause_find(struct step *s);
/* rtt.c: definitions 7; before bytes_track(). */
void rtt_track(struct step *s);
/* The timed segment, if any, will not be acknowledged. */
void rtt_abandon(struct tcp_side *side);
/* history.c: definitions 4 and 2.5. */
void history_track(struct step *s);
void endpoint_track(struct step *s);
/* A hole in what side sent turned out to be missed by the capture. */
void history_missed(struct tcp_flow *flow, struct tcp_side *side);

#endif
