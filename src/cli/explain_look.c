/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Looking back and ahead in a flow's notes. Rows that are shown ask, and the plan and
 * the tallies for a bounded number of others, so plain walks do. None is longer than
 * look_max notes, which is the less the more rows there are.
 */

#include "explain_priv.h"
#include "tcp/seq.h"

/* What came of a resend is said soon, or not at all. */
#define PROOF_MAX 64u
/* Shorter round trips depend on what else the receiver does. */
#define EARLY_RTT_NS 2000000

/* A segment that is younger may be a late original, when the RTT is not known. */
#define REORDER_NS 3000000

int64_t explain_reorder_ns(const struct explain *e)
{
	return e->record.initial_rtt_ns > 0 ? e->record.initial_rtt_ns : REORDER_NS;
}

bool note_carries(const struct tcp_note *note, uint32_t seq)
{
	return note->len > 0 && !seq_lt(seq, data_start(note)) && seq_lt(seq, data_end(note));
}

bool note_opens_around(const struct tcp_note *note, uint32_t seq)
{
	return (note->bits & NOTE_OPENS_HOLE) && !seq_lt(seq, note->hole_start) &&
	       seq_lt(seq, note->hole_end);
}

static bool has_sequence(const struct tcp_note *note)
{
	return note->len > 0 || (note->flags & (TCP_SYN | TCP_FIN)) != 0;
}

/* True if all that the sender of j had sent by then lies below seq: no copy is older. */
static bool is_below(const struct explain *e, size_t j, uint32_t seq)
{
	return !seq_lt(seq, e->highest[j]);
}

static size_t floor_of(const struct explain *e, size_t i)
{
	return i > e->look_max ? i - e->look_max : 0;
}

static size_t ceiling_of(const struct explain *e, size_t i)
{
	return e->nb - i > e->look_max ? i + e->look_max : e->nb;
}

size_t look_frame(const struct explain *e, uint64_t frame)
{
	size_t low = 0, high = e->nb;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (e->notes[middle].frame < frame)
			low = middle + 1;
		else
			high = middle;
	}
	return low < e->nb && e->notes[low].frame == frame ? low : EXPLAIN_NONE;
}

size_t look_copy(const struct explain *e, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	const uint8_t control = note->flags & (TCP_SYN | TCP_FIN);
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *earlier = &e->notes[j];

		if (side_of(earlier) != side_of(note) || !(earlier->bits & NOTE_ANALYSED))
			continue;
		if (is_below(e, j, note->seq))
			break;
		if (note->len > 0 && earlier->len > 0 &&
		    seq_lt(data_start(earlier), data_end(note)) &&
		    seq_lt(data_start(note), data_end(earlier)))
			return j;
		if (note->len == 0 && (earlier->flags & control) != 0 &&
		    data_end(earlier) == data_end(note))
			return j;
	}
	return EXPLAIN_NONE;
}

size_t look_acked_before(const struct explain *e, size_t i, uint32_t end)
{
	const int side = side_of(&e->notes[i]);
	size_t first = EXPLAIN_NONE, j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) == side || !(note->flags & TCP_ACK))
			continue;
		if (seq_lt(note->ack, end))
			break;
		first = j;
	}
	return first;
}

size_t look_carrier(const struct explain *e, size_t i, int side, uint32_t seq)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) != side)
			continue;
		if (note_carries(&e->notes[j], seq))
			return j;
		if (is_below(e, j, seq))
			break;
	}
	return EXPLAIN_NONE;
}

size_t look_hole(const struct explain *e, size_t i, int side, uint32_t seq)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) != side)
			continue;
		if (note_carries(note, seq))
			return EXPLAIN_NONE;
		if (note_opens_around(note, seq))
			return j;
		if (is_below(e, j, seq))
			break;
	}
	return EXPLAIN_NONE;
}

uint32_t look_gap_end(const struct explain *e, size_t opener, size_t i, uint32_t ack)
{
	uint32_t end = e->notes[opener].hole_end;

	for (size_t j = opener; j < i; j++) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) == side_of(&e->notes[opener]) && note->len > 0 &&
		    seq_lt(ack, data_start(note)) && seq_lt(data_start(note), end))
			end = data_start(note);
	}
	return end;
}

size_t look_before(const struct explain *e, size_t i, int side)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) == side && has_sequence(&e->notes[j]))
			return j;
	}
	return EXPLAIN_NONE;
}

uint32_t look_highest(const struct explain *e, size_t i, int side)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) == side)
			return e->highest[j];
	}
	return 0;
}

bool look_all_acked(const struct explain *e, size_t i, int side)
{
	const size_t last = look_before(e, i, side);

	if (last == EXPLAIN_NONE)
		return true;
	for (size_t j = i; j-- > last;) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) != side && (note->flags & TCP_ACK) &&
		    !seq_lt(note->ack, data_end(&e->notes[last])))
			return true;
	}
	return false;
}

/* Bytes of [start, end) that note carries. */
static uint32_t overlap(const struct tcp_note *note, uint32_t start, uint32_t end)
{
	const uint32_t from = seq_lt(data_start(note), start) ? start : data_start(note);
	const uint32_t to = seq_lt(end, data_end(note)) ? end : data_end(note);

	return note->len > 0 && seq_lt(from, to) ? to - from : 0;
}

static void take_fill(struct explain_fate *fate, const struct tcp_note *note, size_t i,
		      uint32_t bytes)
{
	if (bytes > note->fill_bytes)
		bytes = note->fill_bytes;
	if (bytes > fate->bytes - fate->filled)
		bytes = fate->bytes - fate->filled;
	if (bytes == 0)
		return;
	fate->filled += bytes;
	if (note->cause == CAUSE_REORDERED)
		fate->late += bytes;
	if (fate->nb_fills++ == 0)
		fate->first_fill = i;
	fate->last_fill = i;
}

void look_fate(const struct explain *e, size_t opener, int side, uint32_t start, uint32_t end,
	       struct explain_fate *fate)
{
	/* A late original may come so long after the ACK of it (definitions 5.6). */
	const int64_t settle_ns = explain_reorder_ns(e);

	*fate = (struct explain_fate){
		.bytes = end - start,
		.first_fill = EXPLAIN_NONE,
		.last_fill = EXPLAIN_NONE,
		.acked = EXPLAIN_NONE,
	};
	for (size_t i = opener; i < ceiling_of(e, opener) && fate->filled < fate->bytes; i++) {
		const struct tcp_note *note = &e->notes[i];

		fate->nb_seen++;
		if (side_of(note) == side) {
			if (note->bits & NOTE_FILLS_HOLE)
				take_fill(fate, note, i, overlap(note, start, end));
		} else if (fate->acked == EXPLAIN_NONE && (note->flags & TCP_ACK) != 0 &&
			   !seq_lt(note->ack, end)) {
			fate->acked = i;
		}
		if (fate->acked != EXPLAIN_NONE && words_ns(e, fate->acked, i) > settle_ns)
			break;
	}
}

bool look_opens_window(const struct explain *e, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	size_t j = i;

	if (note->win == 0 || (note->flags & (TCP_SYN | TCP_RST)) != 0)
		return false;
	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) == side_of(note))
			return e->notes[j].win == 0 &&
			       !(e->notes[j].flags & (TCP_SYN | TCP_FIN | TCP_RST));
	}
	return false;
}

size_t look_resend(const struct explain *e, size_t i)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) == side_of(&e->notes[i]) && note->cause != CAUSE_NONE &&
		    note->cause != CAUSE_REORDERED && note->cause != CAUSE_CAPTURE_DUPLICATE)
			return j;
	}
	return EXPLAIN_NONE;
}

size_t look_twin(const struct explain *e, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *earlier = &e->notes[j];

		if (side_of(earlier) == side_of(note) && earlier->seq == note->seq &&
		    earlier->ack == note->ack && earlier->len == note->len &&
		    earlier->flags == note->flags && earlier->win == note->win)
			return j;
	}
	return EXPLAIN_NONE;
}

size_t look_own(const struct explain *e, size_t i)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) == side_of(&e->notes[i]))
			return j;
	}
	return EXPLAIN_NONE;
}

size_t look_answer(const struct explain *e, size_t i)
{
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		if (side_of(&e->notes[j]) != side_of(&e->notes[i]))
			return j;
	}
	return EXPLAIN_NONE;
}

/* True if note, of either side, opened a hole of side; its bounds are the note's. */
static bool opens_hole_of(const struct tcp_note *note, int side)
{
	return (note->bits & (side_of(note) == side ? NOTE_OPENS_HOLE : NOTE_MISSES)) != 0;
}

size_t look_open_hole(const struct explain *e, size_t i, int side, uint32_t ack)
{
	size_t nb_left = 2 * e->look_max; /* each hole has its fate looked up */
	size_t j = i;

	while (j-- > floor_of(e, i)) {
		const struct tcp_note *note = &e->notes[j];
		struct explain_fate fate;

		if (!opens_hole_of(note, side) || !seq_lt(note->hole_start, ack))
			continue;
		look_fate(e, j, side, note->hole_start, note->hole_end, &fate);
		if (fate.filled < fate.bytes || fate.last_fill > i)
			return j;
		if (fate.nb_seen >= nb_left)
			break;
		nb_left -= fate.nb_seen;
	}
	return EXPLAIN_NONE;
}

/* i's sender has all it sent acknowledged by note j, which reports a duplicate besides. */
static bool is_dsack(const struct explain *e, size_t j, int side)
{
	const struct tcp_note *note = &e->notes[j];

	return note_has(note, VERDICT_DUPLICATE_ACK) && (note->bits & NOTE_HAS_SACK) &&
	       note->ack == look_highest(e, j, side);
}

/* True if an ACK that comes soon after i is not one of i: the round trip takes longer. */
static bool can_be_early(const struct tcp_note *resend, int64_t rtt_ns)
{
	return rtt_ns >= EARLY_RTT_NS && resend->cause != CAUSE_FAST &&
	       resend->cause != CAUSE_RECOVERY;
}

size_t look_proof(const struct explain *e, size_t i, bool *by_dsack)
{
	const struct tcp_note *resend = &e->notes[i];
	const int side = side_of(resend);
	const int64_t rtt_ns = e->record.side[side].rtt_min_ns; /* negative: not known */
	size_t early = EXPLAIN_NONE;

	*by_dsack = false;
	for (size_t j = i + 1; j < e->nb && j - i <= PROOF_MAX; j++) {
		const struct tcp_note *note = &e->notes[j];

		if (side_of(note) == side && note->cause != CAUSE_NONE)
			break; /* what follows may speak of that one */
		if (side_of(note) == side || !(note->flags & TCP_ACK) ||
		    seq_lt(note->ack, data_end(resend)))
			continue;
		*by_dsack = is_dsack(e, j, side);
		if (*by_dsack)
			return j;
		if (early == EXPLAIN_NONE && can_be_early(resend, rtt_ns) &&
		    words_ns(e, i, j) >= 0 && words_ns(e, i, j) < rtt_ns / 2)
			early = j;
	}
	return early;
}
