/* SPDX-License-Identifier: BSD-3-Clause */

/* Active records (definitions 2.6): a flow told in parts, against the same flow told once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parts_support.h"
#include "script.h"
#include "talk_support.h"
#include "tcp/packed.h"

/* ---- random flows ------------------------------------------------------------- */

struct way {
	struct tcp_tracker *tracker;
	struct flow slot;
	struct tcp_flow room;
};

static struct tcp_result play(struct way *way, const struct segment *segment, uint32_t i,
			      struct tcp_note *note)
{
	const struct tcp_arrival arrival = {
		.flow = &way->slot, .frame = i + 1, .created = i == 0, .is_fresh = i == 0};
	const struct tcp_result result = tcp_track(way->tracker, &arrival, segment, note);

	way->slot.last_frame = i + 1;
	way->slot.class = result.class;
	return result;
}

static void report_active(struct way *way, struct parts *parts)
{
	struct flow_record row;

	flow_record_fill_active(tcp_flow_view(&way->slot, &way->room), &row);
	assert_int_equal(row.end_reason, END_ACTIVE_TIMEOUT);
	parts_add(parts, &row);
	tcp_flow_restart(way->tracker, &way->slot);
	assert_false(tcp_flow_has_news(&way->slot));
}

static void end(struct way *way, struct flow_record *row)
{
	way->slot.end_reason = END_OF_INPUT;
	flow_record_fill(tcp_flow_view(&way->slot, &way->room), row);
	tcp_flow_release(way->tracker, &way->slot);
}

/* What the sampled flows came to: the test is worth little without. */
struct worth {
	uint64_t nb_parts, nb_holes_over, nb_silent_parts, nb_verdicts;
};

/* Round trips, holes and duplicate ACKs go on over the border of two records. */
static void look_at(const struct way *way, struct worth *worth)
{
	struct tcp_flow room;
	const struct tcp_flow *flow = tcp_flow_view(&way->slot, &room);

	worth->nb_parts++;
	for (int i = 0; i < 2; i++)
		worth->nb_holes_over += (flow->side[i].loss_bits & TCP_LOSS_HOLES) != 0;
}

static void tell_in_parts(uint64_t seed, uint32_t isn, uint32_t nb, bool details,
			  struct worth *worth)
{
	struct talk talk = talk_begin(seed, isn);
	struct random when = {seed * 31 + 7};
	struct way whole = {.tracker = tcp_tracker_create(details)};
	struct way split = {.tracker = tcp_tracker_create(details)};
	struct parts *parts = calloc(1, sizeof(*parts));
	struct flow_record rows[2];
	const uint32_t pace = 1 + draw(&when, 60);

	assert_non_null(parts);
	whole.slot.first_frame = split.slot.first_frame = 1;
	for (uint32_t i = 0; i < nb; i++) {
		struct segment segment;
		struct tcp_note notes[2];
		struct tcp_result results[2];
		const bool wants_notes = one_in(&when, 2);

		if (seed % 4 != 0 && i < 3)
			talk_open(&talk, i, &segment);
		else
			talk_next(&talk, &segment);
		results[0] = play(&whole, &segment, i, wants_notes ? &notes[0] : NULL);
		results[1] = play(&split, &segment, i, wants_notes ? &notes[1] : NULL);
		/* Nothing is judged otherwise because a record was written in between. */
		assert_int_equal(results[0].verdicts, results[1].verdicts);
		assert_int_equal(results[0].class, results[1].class);
		assert_int_equal(results[0].is_offload, results[1].is_offload);
		if (wants_notes)
			assert_memory_equal(&notes[0], &notes[1], sizeof(notes[0]));
		worth->nb_verdicts += results[0].verdicts != 0;
		assert_true(tcp_flow_has_news(&split.slot));
		if (!one_in(&when, pace))
			continue;
		report_active(&split, parts);
		look_at(&split, worth);
		/* A flow may be told again though nothing came. */
		if (one_in(&when, 10)) {
			report_active(&split, parts);
			worth->nb_silent_parts++;
		}
	}
	end(&whole, &rows[0]);
	end(&split, &rows[1]);
	parts_add(parts, &rows[1]);
	parts_assert(parts, &rows[0]);
	free(parts);
	tcp_tracker_destroy(whole.tracker);
	tcp_tracker_destroy(split.tracker);
}

static void parts_make_up_the_whole(void **state)
{
	struct worth worth = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 600; seed++)
		tell_in_parts(seed * 7919, (uint32_t)(seed * 2654435761u), 300, seed % 3 == 0,
			      &worth);
	print_message("# parts %lu, with open holes %lu, without a packet %lu, verdicts %lu\n",
		      (unsigned long)worth.nb_parts, (unsigned long)worth.nb_holes_over,
		      (unsigned long)worth.nb_silent_parts, (unsigned long)worth.nb_verdicts);
	assert_true(worth.nb_parts > 5000 && worth.nb_holes_over > 500);
	assert_true(worth.nb_silent_parts > 300 && worth.nb_verdicts > 10000);
}

static void parts_make_up_the_whole_where_numbers_wrap(void **state)
{
	struct worth worth = {0};

	(void)state;
	for (uint32_t back = 0; back < 200; back++)
		tell_in_parts(back + 31337, 0u - back * 97, 200, back % 3 == 0, &worth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_make_up_the_whole),
		cmocka_unit_test(parts_make_up_the_whole_where_numbers_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
