/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which segments of a flow are shown. By default: the handshake, every event with its
 * neighbours, the end. Of many alike in a row only the first and the last are shown,
 * and after MAX_EVENTS the rest is left to --all and --around.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain_priv.h"
#include "tcp/seq.h"

#define NB_NEIGHBOURS 2u
#define NB_AROUND 10u
#define MAX_EVENTS 60u
#define MAX_OPENING 12u
/* A flow of so few segments is shown whole. */
#define SHORT_FLOW 32u
/* Fewer segments are shown rather than summed up. */
#define MIN_FOLD 5u
/* Events of a kind with so many other segments between them, at most, are a row of alike. */
#define MAX_STEP 8u
#define MAX_TWINS 3u
/* Steps that the rows may take together to look around, and that each may take at least. */
#define MAX_STEPS 200000000u
#define MIN_LOOK 2000u
#define LONG_SILENCE_NS 1000000000
/* Stamps of several queues or cores may be a little out of order. */
#define BACKWARDS_NS 1000000

/* Anomalies (definitions 9.1) and what else is worth a line whenever it happens. */
#define EVENTS                                                                                     \
	(VERDICT_ANOMALIES | 1u << VERDICT_ZERO_WINDOW_PROBE_ACK | 1u << VERDICT_KEEP_ALIVE |      \
	 1u << VERDICT_KEEP_ALIVE_ACK)

/* Kinds of events behind the verdicts. */
enum {
	KIND_RESET = NB_VERDICTS,
	KIND_CONGESTION,
	KIND_URGENT,
	KIND_CAPTURE_DUP,
	KIND_OTHER,
	NB_KINDS,
	KIND_NONE = NB_KINDS,
};

static int kind_of(const struct explain *e, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	const uint32_t verdicts = note->verdicts & EVENTS;

	if (note->bits & NOTE_CAPTURE_DUP)
		return KIND_CAPTURE_DUP;
	for (int v = 0; v < NB_VERDICTS; v++) {
		if (verdicts >> verdict_order[v] & 1)
			return verdict_order[v];
	}
	if (note->flags & TCP_RST)
		return KIND_RESET;
	if (note->cause != CAUSE_NONE || (note->bits & (NOTE_OPENS_HOLE | NOTE_MISSES)))
		return KIND_OTHER;
	if (note->flags & TCP_SYN)
		return KIND_NONE; /* ECE and CWR mean something else there */
	if (note->flags & (TCP_ECE | TCP_CWR))
		return KIND_CONGESTION;
	if (note->flags & TCP_URG)
		return KIND_URGENT;
	return i == e->silence || look_opens_window(e, i) ? KIND_OTHER : KIND_NONE;
}

bool explain_is_event(const struct explain *e, size_t i)
{
	return (e->marks[i] & EXPLAIN_MARK_EVENT) != 0;
}

/* Events of one kind and side that follow each other. */
struct alike {
	size_t nb, last;
	uint32_t dup_ack;
};

static bool goes_on(const struct explain *e, const struct alike *alike, size_t i)
{
	if (alike->nb == 0 || i - alike->last > MAX_STEP)
		return false;
	/* Dup ACKs are counted: a new count is a new story. */
	return !note_has(&e->notes[i], VERDICT_DUPLICATE_ACK) ||
	       e->notes[i].dup_ack == alike->dup_ack + 1;
}

/* Marks events, and folds those that have many alike before and one behind them. */
static void mark_events(struct explain *e)
{
	struct alike table[NB_KINDS][2];

	memset(table, 0, sizeof(table));
	for (size_t i = 0; i < e->nb; i++) {
		const int kind = kind_of(e, i);
		struct alike *alike;
		size_t nb_kept;

		if (kind == KIND_NONE)
			continue;
		e->marks[i] |= EXPLAIN_MARK_EVENT;
		alike = &table[kind][side_of(&e->notes[i])];
		nb_kept = kind == VERDICT_DUPLICATE_ACK ? 3 : 2;
		if (!goes_on(e, alike, i))
			alike->nb = 0;
		/* The one before was the last of its row until now. */
		if (alike->nb > nb_kept)
			e->marks[alike->last] |= EXPLAIN_MARK_FOLDED;
		alike->nb++;
		alike->last = i;
		alike->dup_ack = e->notes[i].dup_ack;
	}
}

static void show(struct explain *e, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < e->nb; i++) {
		if (!(e->marks[i] & EXPLAIN_MARK_HIDDEN))
			e->marks[i] |= EXPLAIN_MARK_SHOWN;
	}
}

/* Of packets that were captured twice a few show how it looks. */
static void hide_twins(struct explain *e)
{
	size_t nb = 0, last = 0;

	for (size_t i = 0; i < e->nb; i++) {
		if (!(e->notes[i].bits & NOTE_CAPTURE_DUP))
			continue;
		if (nb++ >= MAX_TWINS)
			e->marks[i] |= EXPLAIN_MARK_HIDDEN;
		else
			last = i;
	}
	if (nb > MAX_TWINS)
		e->last_twin = last;
}

/* The rows that open the connection. */
static void show_opening(struct explain *e)
{
	size_t nb = NB_NEIGHBOURS;

	if (e->completes < MAX_OPENING)
		nb = e->completes + 1;
	show(e, 0, nb);
}

/* The last rows, from the first FIN among them on. */
static void show_end(struct explain *e)
{
	size_t from = e->nb > NB_NEIGHBOURS ? e->nb - NB_NEIGHBOURS : 0;
	const size_t earliest = e->nb > MAX_OPENING ? e->nb - MAX_OPENING : 0;

	for (size_t i = earliest; i < from; i++) {
		if (e->notes[i].flags & TCP_FIN)
			from = i;
	}
	show(e, from, e->nb);
}

/* An event's neighbours help to see it; other events are shown for their own sake. */
static void show_neighbours(struct explain *e, size_t i)
{
	const size_t from = i > NB_NEIGHBOURS ? i - NB_NEIGHBOURS : 0;

	if (e->marks[i] & EXPLAIN_MARK_HIDDEN)
		return;
	for (size_t j = from; j <= i + NB_NEIGHBOURS && j < e->nb; j++) {
		if (!(e->marks[j] & EXPLAIN_MARK_FOLDED))
			show(e, j, j + 1);
	}
}

/* What a resend repeats: it is spoken of. */
static void show_copy(struct explain *e, size_t i)
{
	const uint8_t cause = e->notes[i].cause;
	size_t copy = EXPLAIN_NONE;

	if (cause != CAUSE_NONE && cause != CAUSE_REORDERED && cause != CAUSE_CAPTURE_DUPLICATE)
		copy = look_copy(e, i);
	if (copy != EXPLAIN_NONE)
		show(e, copy, copy + 1);
}

/* Returns the first event that there was no room for, or the number of notes. */
static size_t show_events(struct explain *e)
{
	size_t nb = 0;

	for (size_t i = 0; i < e->nb; i++) {
		const uint8_t marks = e->marks[i];

		if ((marks & (EXPLAIN_MARK_EVENT | EXPLAIN_MARK_HIDDEN)) != EXPLAIN_MARK_EVENT)
			continue;
		if (nb == MAX_EVENTS)
			return i;
		if (!(marks & EXPLAIN_MARK_FOLDED)) {
			show_neighbours(e, i);
			show_copy(e, i);
			nb++;
		}
	}
	return e->nb;
}

/* Counts the events from i on that are not shown. */
static void count_left(struct explain *e, size_t i)
{
	for (; i < e->nb; i++) {
		const uint8_t marks = e->marks[i];

		if (!(marks & EXPLAIN_MARK_EVENT) ||
		    (marks & (EXPLAIN_MARK_SHOWN | EXPLAIN_MARK_HIDDEN)))
			continue;
		if (e->nb_events_left++ == 0)
			e->first_left = i;
	}
}

/* Closes gaps that are not worth a line of their own. */
static void close_gaps(struct explain *e)
{
	for (size_t i = 0; i < e->nb;) {
		size_t to = i, nb = 0;

		for (; to < e->nb && !(e->marks[to] & EXPLAIN_MARK_SHOWN); to++)
			nb += !(e->marks[to] & EXPLAIN_MARK_HIDDEN);
		if (nb < MIN_FOLD)
			show(e, i, to);
		i = to + 1;
	}
}

static void find_facts(struct explain *e)
{
	const struct flow_record_side *sides = e->record.side;

	e->completes = EXPLAIN_NONE;
	e->first_syn[0] = e->first_syn[1] = EXPLAIN_NONE;
	e->first_fin[0] = e->first_fin[1] = EXPLAIN_NONE;
	for (size_t i = 0; i < e->nb; i++) {
		const struct tcp_note *note = &e->notes[i];

		if ((note->bits & NOTE_COMPLETES) && e->completes == EXPLAIN_NONE)
			e->completes = i;
		if ((note->flags & TCP_SYN) && e->first_syn[side_of(note)] == EXPLAIN_NONE)
			e->first_syn[side_of(note)] = i;
		if ((note->flags & TCP_FIN) && e->first_fin[side_of(note)] == EXPLAIN_NONE)
			e->first_fin[side_of(note)] = i;
	}
	e->rtt_ns = e->record.initial_rtt_ns > 0 ? e->record.initial_rtt_ns : 0;
	for (int s = 0; s < 2 && e->rtt_ns == 0; s++) {
		if (sides[s].rtt_min_ns > 0)
			e->rtt_ns = sides[s].rtt_min_ns;
	}
}

static void find_highest(struct explain *e)
{
	uint32_t highest[2];
	bool is_known[2] = {false, false};

	for (size_t i = 0; i < e->nb; i++) {
		const struct tcp_note *note = &e->notes[i];
		const uint32_t end = data_end(note) + (note->flags & TCP_FIN ? 1 : 0);
		const int side = side_of(note);

		/* The number of a RST may be anything. */
		if (!is_known[side] || (seq_lt(highest[side], end) && !(note->flags & TCP_RST)))
			highest[side] = end;
		is_known[side] = true;
		e->highest[i] = highest[side];
	}
}

/* The longest silence, if it is long and nothing was under way: then nobody had to speak. */
static void find_silence(struct explain *e)
{
	int64_t longest_ns = 0;
	size_t at = 0;

	e->silence = EXPLAIN_NONE;
	for (size_t i = 1; i < e->nb; i++) {
		const int64_t ns = words_ns(e, i - 1, i);

		e->goes_back |= ns < -BACKWARDS_NS;
		if (ns > longest_ns) {
			longest_ns = ns;
			at = i;
		}
	}
	if (longest_ns < LONG_SILENCE_NS || longest_ns < e->record.duration_ns / 4 || e->goes_back)
		return;
	if (e->notes[at].cause == CAUSE_NONE && e->notes[at].verdicts == 0 &&
	    !(e->notes[at].flags & (TCP_SYN | TCP_RST)) && look_all_acked(e, at, 0) &&
	    look_all_acked(e, at, 1))
		e->silence = at;
}

/* Which rows are shown. */
static void choose_rows(struct explain *e)
{
	const uint64_t around = e->request->around;

	if (e->request->all || (around == 0 && e->nb <= SHORT_FLOW)) {
		show(e, 0, e->nb);
		return;
	}
	if (around == 0)
		hide_twins(e);
	show_opening(e);
	if (around != 0) {
		const size_t i = look_frame(e, around);

		show(e, i > NB_AROUND ? i - NB_AROUND : 0, i + NB_AROUND + 1);
		close_gaps(e);
	} else {
		const size_t left = show_events(e);

		show_end(e);
		close_gaps(e);
		count_left(e, left);
	}
}

/* The more rows have something to tell, the less far each may look for it. */
static void limit_walks(struct explain *e)
{
	const uint8_t both = EXPLAIN_MARK_EVENT | EXPLAIN_MARK_SHOWN;
	size_t nb = 0;

	for (size_t i = 0; i < e->nb; i++)
		nb += (e->marks[i] & both) == both;
	if (nb > MAX_STEPS / EXPLAIN_LOOK_MAX)
		e->look_max = MAX_STEPS / nb > MIN_LOOK ? MAX_STEPS / nb : MIN_LOOK;
}

int explain_plan(struct explain *e)
{
	e->marks = calloc(e->nb, sizeof(*e->marks));
	e->highest = calloc(e->nb, sizeof(*e->highest));
	if (e->marks == NULL || e->highest == NULL)
		return -ENOMEM;
	e->look_max = EXPLAIN_LOOK_MAX;
	e->first_left = e->last_twin = EXPLAIN_NONE;
	find_facts(e);
	find_highest(e);
	find_silence(e);
	mark_events(e);
	choose_rows(e);
	limit_walks(e);
	return explain_find_facts(e);
}
