/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_PRIV_H
#define TCPMILL_TCP_PRIV_H

/* Inside the tcp room: one segment on its way through the rules. */

#include "seq.h"
#include "tcpmill/tcp.h"

/* Marks "acked something unseen" on a dup-ack counter (spec step 11). */
#define DUP_SPECIAL UINT32_MAX

/* Age below which an older segment is taken for reordered while no RTT is known. */
#define DEFAULT_REORDER_NS 3000000

struct tcp_tracker {
	bool wants_details;
	bool failed; /* memory was short */
};

struct step {
	struct tcp_tracker *tracker;
	struct tcp_flow *flow;
	const struct segment *segment;
	struct tcp_side *f, *r;
	uint64_t frame;
	uint32_t verdicts;
	uint8_t completeness_before;
	bool is_orig;        /* F is orig */
	bool is_analysed;    /* section 3 of the spec ran */
	bool is_dup;         /* a capture duplicate */
	bool may_raise_win;  /* the window shown may be larger than any before */
	bool hides_verdicts; /* cut or broken header: verdicts count for the state, but are not
				shown */
};

static inline void step_verdict(struct step *s, enum verdict verdict)
{
	s->verdicts |= 1u << verdict;
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

/* Bits of tcp.completeness (spec section 5). */
enum {
	COMPLETE_SYN = 1,
	COMPLETE_SYN_ACK = 2,
	COMPLETE_ACK = 4,
	COMPLETE_DATA = 8,
	COMPLETE_FIN = 16,
	COMPLETE_RST = 32,
};

/* What the options of one packet said. */
struct tcp_options {
	uint16_t mss;
	uint8_t wscale; /* 0xff = absent; already at most 14 */
	bool has_mss, sack_permitted, timestamps, fast_open_cookie, dsack;
	bool is_broken; /* a SACK option that counts as a broken header (spec section 5) */
};

/* options.c. The header's first 20 bytes at least were captured. */
void options_read(const struct segment *segment, struct tcp_options *options);

/* track.c. track_by_rules() is all rules in order; tcp_track() tries fast_track() first. */
void step_init(struct step *s, struct tcp_tracker *tracker, struct tcp_flow *flow,
	       const struct segment *segment, uint64_t frame);
void track_by_rules(struct step *s, bool created);
void track_count_packet(struct step *s);
void track_note_window(struct step *s);
/* note.c: what is told of the segment; after all rules. */
void note_fill(const struct step *s, bool created, struct tcp_note *note);
/* fast.c: true if the segment was a plain one, and is done with. */
bool fast_track(struct step *s);
/* verdict.c: section 3, steps 1 to 17; step 8 alone. */
void verdict_analyse(struct step *s);
bool verdict_fills_window(const struct step *s);
/* handshake.c: steps 19 to 24, and definitions 3. */
void handshake_completeness(struct step *s, bool created);
void handshake_after(struct step *s, const struct tcp_options *options);
void handshake_facts(struct step *s, const struct tcp_options *options);
/*
 * bytes.c: definitions 5.1-5.3, 5.6 and 6. bytes_is_capture_dup() is asked once for every
 * analysed packet, before verdict_analyse(); bytes_note_fresh() instead of it, for a packet
 * that is like none before: else it is false and changes nothing. bytes_is_new(): payload that
 * passes hi.
 */
bool bytes_note_fresh(struct step *s);
bool bytes_is_capture_dup(struct step *s);
bool bytes_is_new(const struct step *s);
void bytes_track(struct step *s);
/* rtt.c: definitions 7; before bytes_track(). */
void rtt_track(struct step *s);
/* history.c: definitions 4 and 2.5. is_new: see bytes_is_new(). */
void history_track(struct step *s, bool is_new);
void endpoint_track(struct step *s);

#endif
