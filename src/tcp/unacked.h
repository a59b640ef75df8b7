/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_UNACKED_H
#define TCPMILL_TCP_UNACKED_H

/*
 * The segments of a side that wait for an ACK (spec sections 1 and 3, steps 13,
 * 17 and 18).
 *
 * Verdicts ask only whether 10,000 of them wait. So a side counts them, from above
 * (an ACK is noticed once it passes the timed segment of rtt.c, or all), and keeps the
 * list only while the count is large, or details are wanted: then from its first
 * segment on. The count is too high by what ACKs took in part before the list began,
 * until an ACK passes that: it matters if R falls silent then and the true number is
 * just below 10,000 when a SYN or FIN comes. Never too low. The list is in order of arrival, which
 * nearly always is the order of sequence numbers too, so that ACKs pop from its front. Where it is
 * not, an ACK that takes something walks the list, as in tshark.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tcpmill/tcp.h"

#define UNACKED_CAP 10000u        /* tshark's */
#define UNACKED_COUNTED_MAX 1024  /* beyond it a list is kept */
#define UNACKED_NEAR (1u << 30)   /* numbers farther off delete who knows what */
#define UNACKED_LISTED UINT16_MAX /* in nb_unacked: there is a list */

/*
 * Looks at entries that a list is given: at its begin, and for each segment. What a lossy path
 * asks for is far below it; a list that was made to be walked by each ACK gives way, as for want
 * of memory. More where its entries are told, and not only counted.
 */
#define UNACKED_LOOKS_FIRST (1u << 17)
#define UNACKED_LOOKS_DETAILS (1u << 24)
#define UNACKED_LOOKS_EACH 512u

struct unacked_entry {
	uint32_t seq, end;
	int64_t ts_ns;
	uint64_t frame;
};

struct tcp_unacked {
	uint32_t first, nb, room; /* entries[first, first + nb) */
	/* Segments from before the list began; all are acknowledged by an ACK of counted_end. */
	uint32_t nb_counted, counted_end;
	uint32_t low, high; /* the lowest seq and the highest end, if is_near */
	bool is_near;       /* all numbers lie within 2^30 */
	bool is_sorted;     /* and entries do not overlap and lie in order */
	bool bif_unknown, push_prev;
	uint32_t push_sum, sack_bytes;
	uint64_t next_frame; /* that set next */
	uint64_t looks_left;
	struct tcp_link link;
	struct unacked_entry entries[];
};

/* The segment that an ACK acknowledged exactly; frame 0 = none. */
struct unacked_match {
	uint64_t frame;
	int64_t ts_ns;
};

/*
 * Begins the list if there is none. NULL when memory is short (the tracker notes it), and in a
 * tracker that only counts.
 */
struct tcp_unacked *unacked_begin(struct tcp_tracker *tracker, struct tcp_side *side);
void unacked_release(struct tcp_tracker *tracker, struct tcp_side *side);

/* The list becomes a count, and stays one (TCP_LOSS_UNLISTED). */
void unacked_give_way(struct tcp_tracker *tracker, struct tcp_side *side);

/* True at tshark's cap: nothing is appended then. */
bool unacked_is_full(const struct tcp_side *side);
/* Appends a segment, or counts it. */
void unacked_add(struct tcp_tracker *tracker, struct tcp_side *side,
		 const struct unacked_entry *entry);
/* Step 17: what ack leaves of the side's segments. */
struct unacked_match unacked_take_ack(struct tcp_tracker *tracker, struct tcp_side *side,
				      uint32_t ack);
/* The oldest entry, or NULL. */
const struct unacked_entry *unacked_oldest(const struct tcp_side *side);
/*
 * Bytes between the lowest and the highest number in the list, relative to base; it is not empty.
 * 0 if that takes too long.
 */
uint32_t unacked_span(struct tcp_unacked *list, uint32_t base);

#endif
