/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where data was lost (definitions 5): the holes in each side's sequence space, how
 * they close, and what that says. The capture point splits the path: what a
 * resend fills was lost before it, what was seen and is sent again was lost behind
 * it, what R acknowledges unseen was missed by the capture alone.
 */

#include <string.h>

#include "tcp_priv.h"

/* No hole stays so far below hi: a sequence number there would mean one above it. */
#define MAX_DEPTH (1u << 31)

/*
 * A range of sequence space as depths below its side's hi: they compare as plain
 * numbers, whatever a packet claims. It lies between two depths, top < bottom.
 */
struct range {
	uint32_t bottom, top;
};

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static struct range range_of(const struct tcp_side *side, const struct tcp_hole *hole)
{
	return (struct range){.bottom = side->hi - hole->start, .top = side->hi - hole->end};
}

static uint32_t size_of(const struct range *range)
{
	return range->bottom > range->top ? range->bottom - range->top : 0;
}

/* What two ranges have in common; of size 0 if nothing. */
static struct range common(struct range a, struct range b)
{
	return (struct range){.bottom = min32(a.bottom, b.bottom), .top = max32(a.top, b.top)};
}

static void set_bits(struct tcp_side *side)
{
	const struct tcp_trouble *trouble = side->trouble;

	side->loss_bits &= (uint8_t) ~(TCP_LOSS_HOLES | TCP_LOSS_ACKED);
	for (uint32_t i = 0; trouble != NULL && i < trouble->nb_holes; i++)
		side->loss_bits |=
			TCP_LOSS_HOLES | (trouble->holes[i].is_acked ? TCP_LOSS_ACKED : 0);
}

static void remove_hole(struct tcp_trouble *trouble, uint32_t i)
{
	trouble->nb_holes--;
	memmove(&trouble->holes[i], &trouble->holes[i + 1],
		(trouble->nb_holes - i) * sizeof(trouble->holes[0]));
}

/* The hole will not be filled any more: it was missed, or nobody knows. */
static void settle_hole(struct tcp_flow *flow, struct tcp_side *side, uint32_t i)
{
	struct tcp_trouble *trouble = side->trouble;
	const struct tcp_hole *hole = &trouble->holes[i];

	if (hole->is_acked) {
		trouble->missed_bytes += hole->end - hole->start;
		history_missed(flow, side);
	} else {
		trouble->unresolved_bytes += hole->end - hole->start;
	}
	remove_hole(trouble, i);
}

/* Puts a hole in front of the i-th. A 17th settles the lowest, which may be the new one. */
static void insert_hole(struct step *s, struct tcp_side *side, uint32_t i,
			const struct tcp_hole *hole)
{
	struct tcp_trouble *trouble = tracker_grow_holes(s->tracker, side);

	if (trouble == NULL)
		return;
	memmove(&trouble->holes[i + 1], &trouble->holes[i],
		(trouble->nb_holes - i) * sizeof(trouble->holes[0]));
	trouble->holes[i] = *hole;
	if (++trouble->nb_holes <= TCP_MAX_HOLES)
		return;
	count(&trouble->holes_overflowed);
	settle_hole(s->flow, side, 0);
}

static void settle_side(struct step *s, struct tcp_side *side)
{
	if (!(side->loss_bits & TCP_LOSS_ACKED))
		return;
	for (uint32_t i = 0; i < side->trouble->nb_holes;) {
		const struct tcp_hole *hole = &side->trouble->holes[i];

		if (hole->is_acked &&
		    time_since(s->segment->ts_ns, hole->acked_ts_ns) >= s->story.reorder_ns)
			settle_hole(s->flow, side, i);
		else
			i++;
	}
	set_bits(side);
}

void loss_settle(struct step *s)
{
	settle_side(s, s->f);
	settle_side(s, s->r);
}

/* The lowest of what an ACK covers unseen is told. */
static void note_missed(struct step *s, uint32_t start, uint32_t end)
{
	if (s->story.misses)
		return;
	s->story.misses = true;
	s->story.hole_start = start;
	s->story.hole_end = end;
}

void loss_open(struct step *s, struct tcp_side *side, uint32_t start, uint32_t end, bool is_acked)
{
	const struct tcp_hole hole = {
		.start = start,
		.end = end,
		.ts_ns = s->segment->ts_ns,
		.frame = s->frame,
		.acked_ts_ns = s->segment->ts_ns,
		.tsval = s->segment->tsval,
		.has_tsval = !is_acked && (s->segment->bits & SEGMENT_HAS_TSVAL) != 0,
		.is_acked = is_acked,
	};

	insert_hole(s, side, tracker_trouble(s->tracker, side)->nb_holes, &hole);
	set_bits(side);
	if (is_acked) {
		note_missed(s, start, end);
		return;
	}
	s->story.opens_hole = true;
	s->story.hole_start = start;
	s->story.hole_end = end;
}

/* hi has moved: a hole that fell too far behind it is given up. */
void loss_forget(struct step *s, struct tcp_side *side)
{
	while (side->trouble->nb_holes != 0 &&
	       range_of(side, &side->trouble->holes[0]).bottom >= MAX_DEPTH)
		settle_hole(s->flow, side, 0);
	set_bits(side);
}

uint32_t loss_give_way(struct tcp_flow *flow, struct tcp_side *side)
{
	struct tcp_trouble *trouble = side->trouble;
	const uint32_t nb = trouble->nb_holes;

	for (uint32_t i = 0; i < nb; i++) {
		count(&trouble->holes_overflowed);
		settle_hole(flow, side, 0);
	}
	set_bits(side);
	return nb;
}

/* R's holes below ack are acknowledged from now on; the hole around it is split. */
void loss_take_ack(struct step *s, uint32_t ack)
{
	struct tcp_side *r = s->r;
	const uint32_t depth = r->hi - ack; /* from MAX_DEPTH on: ack lies above hi */

	if (!(r->loss_bits & TCP_LOSS_HOLES))
		return;
	for (uint32_t i = 0; i < r->trouble->nb_holes; i++) {
		struct tcp_hole *hole = &r->trouble->holes[i];
		const struct range range = range_of(r, hole);
		struct tcp_hole below = *hole;

		if (hole->is_acked || (depth >= range.bottom && depth < MAX_DEPTH))
			continue;
		below.is_acked = true;
		below.acked_ts_ns = s->segment->ts_ns;
		note_missed(s, hole->start,
			    depth < range.bottom && depth > range.top ? ack : hole->end);
		if (depth <= range.top || depth >= MAX_DEPTH) {
			*hole = below;
			continue;
		}
		below.end = ack;
		hole->start = ack;
		insert_hole(s, r, i, &below);
		break; /* what lies above is not acknowledged */
	}
	set_bits(r);
}

/* 5.5: is what comes late the original, overtaken on its way? */
static bool is_late_original(const struct step *s, const struct tcp_hole *hole)
{
	const int64_t age_ns = time_since(s->segment->ts_ns, hole->ts_ns);

	if (hole->is_acked)
		return true;
	if (hole->has_tsval && (s->segment->bits & SEGMENT_HAS_TSVAL) &&
	    hole->tsval != s->segment->tsval)
		return seq_lt(s->segment->tsval, hole->tsval);
	return age_ns >= 0 && age_ns < s->story.reorder_ns;
}

/* Takes a range out of the i-th hole; what is left of it may be two. */
static void cut_hole(struct step *s, uint32_t i, struct range cut)
{
	struct tcp_hole *hole = &s->f->trouble->holes[i];
	const struct range range = range_of(s->f, hole);
	struct tcp_hole below = *hole;

	below.end = s->f->hi - cut.bottom;
	if (cut.top > range.top)
		hole->start = s->f->hi - cut.top;
	else if (cut.bottom < range.bottom)
		hole->end = s->f->hi - cut.bottom;
	else
		remove_hole(s->f->trouble, i);
	if (cut.top > range.top && cut.bottom < range.bottom)
		insert_hole(s, s->f, i, &below);
}

static void note_fill_of(struct step *s, const struct tcp_hole *hole, uint32_t bytes)
{
	if (s->story.fill.filled == 0) {
		s->story.fill.frame = hole->frame;
		s->story.fill.age_ns = time_since(s->segment->ts_ns, hole->ts_ns);
	}
	s->story.fill.filled += bytes;
	if (is_late_original(s, hole))
		s->story.fill.is_reordered = true;
	else
		tracker_trouble(s->tracker, s->f)->lost_before_bytes += bytes;
}

void loss_fill(struct step *s, uint32_t start, uint32_t len)
{
	struct tcp_side *f = s->f;
	struct range sent = {.bottom = f->hi - start, .top = f->hi - start}, unacked;
	uint32_t lost_after;
	struct tcp_trouble *trouble;

	sent.top -= min32(len, sent.bottom);
	if (f->bytes < MAX_DEPTH)
		sent.bottom = min32(sent.bottom, f->hi - f->start);
	/* What R has not acknowledged: seen, and sent again, it was lost behind us. */
	unacked = sent;
	if (s->r->loss_bits & TCP_LOSS_ACK_SEEN)
		unacked.bottom = min32(unacked.bottom, f->hi - s->r->ack_max);
	if (size_of(&sent) == 0)
		return;
	lost_after = size_of(&unacked);
	for (uint32_t i = 0; (f->loss_bits & TCP_LOSS_HOLES) && i < f->trouble->nb_holes;) {
		const struct tcp_hole *hole = &f->trouble->holes[i];
		const struct range range = range_of(f, hole);
		const struct range filled = common(range, sent);
		const struct range spared = common(range, unacked);

		if (size_of(&filled) == 0) {
			i++;
			continue;
		}
		lost_after -= size_of(&spared);
		note_fill_of(s, hole, size_of(&filled));
		cut_hole(s, i, filled);
	}
	set_bits(f);
	s->story.fill.resent = size_of(&sent) - s->story.fill.filled;
	if (s->story.fill.resent == 0 && !s->story.fill.is_reordered)
		return;
	trouble = tracker_trouble(s->tracker, f);
	trouble->retransmitted_bytes += s->story.fill.resent;
	trouble->lost_after_bytes += lost_after;
	if (s->story.fill.is_reordered)
		count(&trouble->reordered_pkts);
}

bool loss_drop_number(struct step *s, uint32_t number)
{
	struct tcp_side *f = s->f;
	const struct range one = {.bottom = f->hi - number, .top = f->hi - number - 1};

	for (uint32_t i = 0; (f->loss_bits & TCP_LOSS_HOLES) && i < f->trouble->nb_holes; i++) {
		const struct range hit = common(range_of(f, &f->trouble->holes[i]), one);

		if (size_of(&hit) == 0)
			continue;
		cut_hole(s, i, one);
		set_bits(f);
		return true;
	}
	return false;
}

void loss_abandon(struct step *s)
{
	struct tcp_trouble *trouble = s->f->trouble;

	if (!(s->f->loss_bits & TCP_LOSS_HOLES))
		return;
	for (uint32_t i = 0; i < trouble->nb_holes; i++)
		trouble->unresolved_bytes += trouble->holes[i].end - trouble->holes[i].start;
	trouble->nb_holes = 0;
	set_bits(s->f);
}

void tcp_side_settled(const struct tcp_side *side, uint64_t *missed_bytes,
		      uint64_t *unresolved_bytes)
{
	const struct tcp_trouble *trouble = tcp_side_trouble(side);

	*missed_bytes = trouble->missed_bytes;
	*unresolved_bytes = trouble->unresolved_bytes;
	for (uint32_t i = 0; i < trouble->nb_holes; i++) {
		const struct tcp_hole *hole = &trouble->holes[i];

		*(hole->is_acked ? missed_bytes : unresolved_bytes) += hole->end - hole->start;
	}
}
