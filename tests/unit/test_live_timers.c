/* SPDX-License-Identifier: BSD-3-Clause */

/* Timers of active records: in order, none of an ended flow, and no more than needed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "live/worker_priv.h"

#define NB 20000u

static struct flow flows[NB];

static void begin(void)
{
	memset(flows, 0, sizeof(flows));
	for (uint32_t i = 0; i < NB; i++)
		flows[i].end_reason = FLOW_LIVES;
}

static void push(struct live_timers *timers, uint32_t i, uint64_t deadline_ns, size_t nb_live)
{
	const struct live_timer timer = {
		.deadline_ns = deadline_ns, .flow = &flows[i], .generation = flows[i].generation};

	assert_int_equal(live_timers_push(timers, &timer, nb_live), 0);
}

static void timers_fall_due_in_order(void **state)
{
	struct live_timers timers = {0};
	struct live_timer timer;

	(void)state;
	begin();
	for (uint32_t i = 0; i < 1000; i++)
		push(&timers, i, 100 + i, i);
	assert_false(live_timers_pop(&timers, 99, &timer));
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(live_timers_pop(&timers, 100 + i, &timer));
		assert_ptr_equal(timer.flow, &flows[i]);
		assert_false(live_timers_pop(&timers, 100 + i, &timer));
	}
	assert_false(live_timers_pop(&timers, UINT64_MAX, &timer));
	live_timers_fini(&timers);
}

static void timers_of_ended_flows_do_not_fire(void **state)
{
	struct live_timers timers = {0};
	struct live_timer timer;

	(void)state;
	begin();
	for (uint32_t i = 0; i < 3; i++)
		push(&timers, i, 10, i);
	flows[0].end_reason = 0; /* ended */
	flows[1].generation++;   /* ended, and its slot is another flow's */
	assert_true(live_timers_pop(&timers, 10, &timer));
	assert_ptr_equal(timer.flow, &flows[2]);
	assert_false(live_timers_pop(&timers, 10, &timer));
	live_timers_fini(&timers);
}

/* Ten million short flows, a few of which live at a time. */
static void a_flood_does_not_pile_up(void **state)
{
	struct live_timers timers = {0};

	(void)state;
	begin();
	for (uint32_t n = 0; n < 10000000; n++) {
		const uint32_t i = n % 100;

		flows[i].generation++;
		push(&timers, i, 1000000000 + n, 100);
	}
	assert_true(timers.room < 10000);
	live_timers_fini(&timers);
}

/* Flows that live for ever are armed again and again. */
static void room_is_used_again(void **state)
{
	struct live_timers timers = {0};
	struct live_timer timer;

	(void)state;
	begin();
	for (uint32_t i = 0; i < NB; i++)
		push(&timers, i, i, NB);
	for (uint64_t round = 1; round < 50; round++) {
		for (uint32_t i = 0; i < NB; i++) {
			assert_true(live_timers_pop(&timers, UINT64_MAX, &timer));
			assert_ptr_equal(timer.flow, &flows[i]);
			push(&timers, i, round * NB + i, NB);
		}
	}
	assert_int_equal(timers.tail - timers.head, NB);
	assert_true(timers.room < 4 * NB);
	live_timers_fini(&timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fall_due_in_order),
		cmocka_unit_test(timers_of_ended_flows_do_not_fire),
		cmocka_unit_test(a_flood_does_not_pile_up),
		cmocka_unit_test(room_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
