/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What rows would else look up by long walks that grow with the flow: worked out for
 * all of them in one pass forwards and one backwards. With --all every note is a row.
 */

#include <errno.h>
#include <stdlib.h>

#include "explain_priv.h"
#include "tcp/seq.h"

/* A side's notes in a row that have the same ACK number, as far as they were read. */
struct run {
	bool has_begun;
	uint32_t ack;
	size_t first, third; /* dup ACKs #1 and #3 */
	uint32_t max;        /* the highest number of one, read backwards */
	/* What is known of the byte that it waits for, once a row has asked. */
	bool is_told;
	size_t carrier, opener;
	uint32_t gap_end;
};

static void take_own(const struct explain *e, struct run *run, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	const bool is_dup = note_has(note, VERDICT_DUPLICATE_ACK);
	struct explain_facts *facts = &e->facts[i];

	if (!run->has_begun || note->ack != run->ack) {
		*run = (struct run){
			.has_begun = true,
			.ack = note->ack,
			.first = EXPLAIN_NONE,
			.third = EXPLAIN_NONE,
			.carrier = EXPLAIN_NONE,
			.opener = EXPLAIN_NONE,
		};
	}
	if (is_dup && note->dup_ack == 1)
		run->first = i;
	if (is_dup && note->dup_ack == 3)
		run->third = i;
	if (is_dup && !run->is_told && (e->marks[i] & EXPLAIN_MARK_SHOWN)) {
		run->is_told = true;
		run->carrier = look_carrier(e, i, !side_of(note), run->ack);
		run->opener = look_hole(e, i, !side_of(note), run->ack);
		if (run->opener != EXPLAIN_NONE)
			run->gap_end = look_gap_end(e, run->opener, i, run->ack);
	}
	facts->first_dup = run->first;
	facts->third_dup = run->third;
	facts->carrier = run->carrier;
	facts->opener = run->opener;
	facts->gap_end = run->gap_end;
}

/* Note i of the other side may carry what the run waits for, or open the hole around it. */
static void take_peer(const struct explain *e, struct run *run, size_t i)
{
	const struct tcp_note *note = &e->notes[i];

	if (!run->is_told)
		return;
	if (note_carries(note, run->ack)) {
		run->carrier = i;
		run->opener = EXPLAIN_NONE;
	} else if (note_opens_around(note, run->ack)) {
		run->opener = i;
		run->gap_end = note->hole_end;
	}
	if (run->opener != EXPLAIN_NONE && note->len > 0 && seq_lt(run->ack, data_start(note)) &&
	    seq_lt(data_start(note), run->gap_end))
		run->gap_end = data_start(note);
}

static void look_ahead(const struct explain *e)
{
	struct run runs[2] = {{0}, {0}};
	uint64_t nb[2] = {0, 0}, bytes[2] = {0, 0};

	for (size_t i = 0; i < e->nb; i++) {
		const struct tcp_note *note = &e->notes[i];
		const int side = side_of(note);

		e->facts[i].nb_data = nb[side];
		e->facts[i].data_bytes = bytes[side];
		nb[side] += note->len > 0;
		bytes[side] += note->len;
		take_own(e, &runs[side], i);
		take_peer(e, &runs[!side], i);
	}
}

static void look_back(const struct explain *e)
{
	size_t opens[2] = {EXPLAIN_NONE, EXPLAIN_NONE};
	struct run runs[2] = {{0}, {0}};

	for (size_t i = e->nb; i-- > 0;) {
		const struct tcp_note *note = &e->notes[i];
		const int side = side_of(note);
		struct run *run = &runs[side];

		e->facts[i].opens = opens[side];
		if (note->win != 0)
			opens[side] = note->flags & TCP_RST ? EXPLAIN_NONE : i;
		if (!run->has_begun || note->ack != run->ack)
			*run = (struct run){.has_begun = true, .ack = note->ack};
		if (note_has(note, VERDICT_DUPLICATE_ACK) && note->dup_ack > run->max)
			run->max = note->dup_ack;
		e->facts[i].last_dup = run->max;
	}
}

int explain_find_facts(struct explain *e)
{
	e->facts = calloc(e->nb, sizeof(*e->facts));
	if (e->facts == NULL)
		return -ENOMEM;
	look_ahead(e);
	look_back(e);
	return 0;
}
