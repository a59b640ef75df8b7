/* SPDX-License-Identifier: BSD-3-Clause */

/* What the notes of a flow add up to, for its diagnosis. */

#include "explain_priv.h"

/* Nobody asks so soon whether the other side is still there. */
#define KEEP_ALIVE_NS 500000000
/* So many resends may be far from their copies. */
#define MAX_WALKS 1000u

/* The window was closed until i. */
static void add_closed(const struct explain *e, size_t i, struct explain_tally *tally)
{
	const int64_t ns = words_ns(e, tally->closed_at, i);

	if (ns > 0)
		tally->closed_ns += (uint64_t)ns;
	tally->closed_at = EXPLAIN_NONE;
}

static void take_window(const struct explain *e, size_t i, struct explain_tally *tally)
{
	const struct tcp_note *note = &e->notes[i];

	if (note->flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return;
	if (note->win == 0 && tally->closed_at == EXPLAIN_NONE) {
		tally->closed_at = i;
		tally->nb_closed++;
	} else if (note->win != 0 && tally->closed_at != EXPLAIN_NONE) {
		add_closed(e, i, tally);
	}
}

/* Data that were on the SYN and not taken are no loss. */
static bool repeats_syn(const struct explain *e, size_t i)
{
	const size_t syn = e->first_syn[side_of(&e->notes[i])];

	return syn < i && e->notes[syn].len > 0 &&
	       data_start(&e->notes[i]) == data_start(&e->notes[syn]);
}

/* What had arrived before it was sent again was not lost. */
static void take_proof(const struct explain *e, size_t i, struct explain_tally *tally)
{
	const struct tcp_note *note = &e->notes[i];
	bool by_dsack;

	if (note->cause == CAUSE_SPURIOUS || note->resent_bytes == 0 || note->fill_bytes != 0 ||
	    look_proof(e, i, &by_dsack) == EXPLAIN_NONE)
		return;
	tally->nb_refused += note->resent_bytes;
	tally->nb_proven++;
}

/* The longest wait for a timer. A fill has no copy by definition. */
static void take_wait(const struct explain *e, size_t i, struct explain_tally *tally)
{
	const struct tcp_note *note = &e->notes[i];
	size_t copy = EXPLAIN_NONE;
	int64_t ns;

	if (note->resent_bytes != 0 && tally->nb_walks < MAX_WALKS) {
		tally->nb_walks++;
		copy = look_copy(e, i);
	}
	ns = copy != EXPLAIN_NONE ? words_ns(e, copy, i) : note->silence_ns;
	if (ns > tally->longest_wait_ns)
		tally->longest_wait_ns = ns;
}

static void take_note(const struct explain *e, size_t i, struct explain_tally *tally)
{
	const struct tcp_note *note = &e->notes[i];

	if (note->bits & NOTE_CAPTURE_DUP) {
		tally->nb_capture_dups++;
		return;
	}
	take_window(e, i, tally);
	tally->nb_full += note_has(note, VERDICT_WINDOW_FULL);
	tally->nb_syns += (note->flags & TCP_SYN) != 0 && i < e->completes;
	tally->nb_keep_alives += note_has(note, VERDICT_KEEP_ALIVE) && i > 0 &&
				 words_ns(e, i - 1, i) >= KEEP_ALIVE_NS;
	if (note_has(note, VERDICT_ZERO_WINDOW_PROBE) || (note->flags & TCP_SYN))
		tally->nb_refused += note->len;
	if (note->len == 0)
		return;
	tally->nb_data++;
	if (note->cause == CAUSE_NONE || note->cause == CAUSE_REORDERED || repeats_syn(e, i))
		return;
	tally->nb_resent++;
	tally->nb_asked += note->cause == CAUSE_FAST || note->cause == CAUSE_RECOVERY;
	take_proof(e, i, tally);
	tally->causes[note->cause]++;
	if (note->cause == CAUSE_TIMEOUT)
		take_wait(e, i, tally);
}

void explain_take_tallies(const struct explain *e, struct explain_tally tallies[2])
{
	for (int side = 0; side < 2; side++)
		tallies[side] = (struct explain_tally){.closed_at = EXPLAIN_NONE};
	for (size_t i = 0; i < e->nb; i++)
		take_note(e, i, &tallies[side_of(&e->notes[i])]);
	for (int side = 0; side < 2; side++) {
		if (tallies[side].closed_at != EXPLAIN_NONE)
			add_closed(e, e->nb - 1, &tallies[side]);
	}
}
