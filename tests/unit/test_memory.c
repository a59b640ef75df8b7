/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What gives way when memory is short (definitions 2.8), and how memory is shared out. That the
 * answer is the same for any workers: tests/e2e/memory.py.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_priv.h"
#include "script.h"
#include "tcp/tcp_priv.h"
#include "tcpmill/engine.h"
#include "tcpmill/record.h"

/* ---- lists and holes of one flow ---------------------------------------------------------- */

static bool give_way(struct tcp_script *s)
{
	return tcp_tracker_give_way(script_tracker(s), script_flow(s)->flow->partition);
}

static void assert_cut(struct tcp_script *s, uint64_t nb_lists, uint64_t nb_holes)
{
	struct tcp_tracker_stats stats;

	tcp_tracker_get_stats(script_tracker(s), &stats);
	assert_int_equal(stats.lists_cut, nb_lists);
	assert_int_equal(stats.holes_cut, nb_holes);
}

/* With details each side has a list from its first segment on. */
static void lists_give_way_first_and_then_holes(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(1));
	assert_cut(s, 0, 0);
	assert_true(give_way(s)); /* begun first: that of the SYN's sender */
	assert_cut(s, 1, 0);
	assert_true(give_way(s));
	assert_cut(s, 2, 0);
	assert_true(give_way(s));
	assert_cut(s, 2, 1);
	assert_false(give_way(s));
	assert_int_equal(script_row(s)->holes_overflowed, 1);
	assert_int_equal(script_row(s)->side[0].unresolved_bytes, 100);
}

static void a_list_that_gave_way_is_a_count(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AFTER_US(1));
	script_data(s, FWD, LEN(100), AFTER_US(1));
	assert_true(give_way(s));
	assert_null(script_side(s, FWD)->unacked);
	assert_int_equal(script_side(s, FWD)->nb_unacked, 2);
	/* The verdicts go on, only what the list would have told is missing. */
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(300000)),
			V(RETRANSMISSION));
	assert_int_equal(script_note(s)->rto_ns, 0);
	script_ack(s, REV, ACKS(1201), AFTER_US(1));
	assert_int_equal(script_note(s)->acks_frame, 0);
	assert_int_equal(script_side(s, FWD)->nb_unacked, 0);
	/* The other side still has its own. */
	script_data(s, REV, LEN(50), AFTER_US(1));
	assert_int_equal(script_note(s)->bytes_in_flight, 50);
	script_ack(s, FWD, AFTER_US(1));
	assert_int_equal(script_note(s)->acks_frame, 8);
}

/* Holes: [1001, 1101) acknowledged, [1201, 1301) not. */
static void holes_that_give_way_settle(void **state)
{
	struct tcp_script *s = *state;

	script_without_details(s);
	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(1));
	script_ack(s, REV, ACKS(1201), AFTER_US(1));
	script_data(s, FWD, SEQ(1301), LEN(100), AFTER_US(1));
	assert_true(give_way(s));
	assert_false(give_way(s));
	assert_cut(s, 0, 2);
	assert_int_equal(script_row(s)->holes_overflowed, 2);
	assert_int_equal(script_row(s)->side[0].missed_bytes, 100);
	assert_int_equal(script_row(s)->side[0].unresolved_bytes, 100);
	assert_int_equal(script_row(s)->side[0].bytes, 400);
	/* What comes now was seen before (5.6). */
	script_data(s, FWD, SEQ(1201), LEN(100), AFTER_US(1));
	assert_int_equal(script_row(s)->side[0].retransmitted_bytes, 100);
	assert_int_equal(script_row(s)->side[0].lost_before_bytes, 0);
	/* A new hole is one as before. */
	script_data(s, FWD, SEQ(1501), LEN(100), AFTER_US(1));
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 1);
	assert_true(give_way(s));
	assert_cut(s, 0, 3);
}

/* ---- what is counted ----------------------------------------------------------------------- */

static uint64_t beside(struct tcp_script *s)
{
	return script_tracker(s)->beside[script_flow(s)->flow->partition];
}

static void what_a_flow_has_beside_its_slot_is_counted(void **state)
{
	struct tcp_script *s = *state;
	uint64_t in_order;

	script_without_details(s);
	script_handshake(s);
	assert_int_equal(beside(s), 0);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(1));
	/* Counters of a side with room for one hole, and the flow itself. */
	assert_int_equal(beside(s), 256 + 768);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	script_ack(s, REV, ACKS(1201), AFTER_US(1));
	in_order = beside(s);
	assert_int_equal(in_order, 192 + 384); /* no hole, and an annex */
	tcp_flow_end(script_tracker(s), script_slot(s));
	assert_int_equal(beside(s), 0);
}

static void a_list_counts_as_it_grows(void **state)
{
	struct tcp_script *s = *state;
	uint64_t before;

	script_handshake(s);
	before = beside(s);
	for (int i = 0; i < 1000; i++)
		script_data(s, FWD, LEN(7), AFTER_US(1)); /* never exactly a window of 1,000 */
	/* 1,000 entries of 24 bytes and a head are more than 24 KiB at their next doubling. */
	assert_in_range(beside(s) - before, 24000, 32768);
	assert_true(give_way(s));
	assert_true(beside(s) < before);
	tcp_flow_end(script_tracker(s), script_slot(s));
	assert_int_equal(beside(s), 0);
}

/* ---- the table ------------------------------------------------------------------------------ */

struct bed {
	struct flow_table *table;
	uint64_t nb_ended, nb_given, may_give;
	uint64_t frame;
	uint8_t ip[40];
};

static void on_ended(void *context, struct flow *flow)
{
	struct bed *bed = context;

	bed->nb_ended++;
	flow_table_release(bed->table, flow);
}

/* Gives 1,000 bytes at a time, as long as it may. */
static bool on_short(void *context, uint8_t partition)
{
	struct bed *bed = context;

	if (bed->may_give == 0)
		return false;
	bed->may_give--;
	bed->nb_given++;
	flow_table_beside(bed->table)[partition] -= 1000;
	return true;
}

static struct flow *see(struct bed *bed, uint32_t id, uint8_t flags)
{
	const struct segment segment = {
		.hash = id * 2654435761u,
		.addr_lo = id,
		.addr_hi = UINT32_MAX,
		.tcp_flags = flags,
		.ip_header = bed->ip,
	};
	struct flow *flow;
	bool created;

	flow = flow_table_lookup(bed->table, &segment, ++bed->frame, NULL, &created);
	assert_non_null(flow);
	flow_table_touch(flow, bed->frame, bed->frame);
	return flow;
}

/* A partition that has room for 100 flows. */
static void begin(struct bed *bed)
{
	const struct flow_table_params params = {
		.partitions = 1,
		.max_flows = 1 << 20,
		.max_bytes = 100ull * FLOW_BYTES * FLOW_NB_PARTITIONS,
		.slot_size = sizeof(struct flow),
		.ended = on_ended,
		.context = bed,
	};

	bed->table = flow_table_create(&params);
	assert_non_null(bed->table);
	flow_table_on_short(bed->table, on_short, bed);
}

static void bytes_bound_the_flows(void **state)
{
	struct bed bed = {.nb_ended = 0};

	(void)state;
	begin(&bed);
	for (uint32_t i = 0; i < 100; i++)
		(void)see(&bed, i, TCP_ACK);
	assert_int_equal(bed.nb_ended, 0);
	(void)see(&bed, 100, TCP_ACK);
	assert_int_equal(bed.nb_ended, 1);
	flow_table_destroy(bed.table);
}

static void what_is_beside_gives_way_before_flows(void **state)
{
	struct bed bed = {.may_give = 3};
	struct flow *flow = NULL;

	(void)state;
	begin(&bed);
	for (uint32_t i = 0; i < 90; i++)
		flow = see(&bed, i, TCP_ACK);
	/* Room for ten flows: 4,480 bytes. */
	flow_table_beside(bed.table)[0] += 4480;
	flow_table_fit(bed.table, flow);
	assert_int_equal(bed.nb_given, 0);
	flow_table_beside(bed.table)[0] += 2001;
	flow_table_fit(bed.table, flow);
	assert_int_equal(bed.nb_given, 3);
	assert_int_equal(bed.nb_ended, 0);
	flow_table_beside(bed.table)[0] += 1000; /* 1 more than is there */
	flow_table_fit(bed.table, flow);
	assert_int_equal(bed.nb_ended, 1);
	flow_table_destroy(bed.table);
}

/* A SYN that was never answered goes first, but not for what it takes itself. */
static void a_flow_does_not_evict_itself(void **state)
{
	struct bed bed = {.may_give = 0};
	struct flow *flow;

	(void)state;
	begin(&bed);
	for (uint32_t i = 0; i < 99; i++)
		(void)see(&bed, i, TCP_ACK);
	flow = see(&bed, 99, TCP_SYN);
	flow_table_beside(bed.table)[0] += 1000;
	flow_table_fit(bed.table, flow);
	assert_int_equal(bed.nb_ended, 3);
	assert_int_equal(flow->end_reason, FLOW_LIVES);
	/* With nobody else to go it may have more than its share. */
	flow_table_beside(bed.table)[0] += 1 << 20;
	flow_table_fit(bed.table, flow);
	assert_int_equal(bed.nb_ended, 99);
	assert_int_equal(flow->end_reason, FLOW_LIVES);
	flow_table_destroy(bed.table);
}

/* ---- the plan ------------------------------------------------------------------------------- */

static void the_plan_is_within_what_is_given(void **state)
{
	(void)state;
	for (uint64_t bytes = ENGINE_MIN_MEMORY; bytes < UINT64_C(1) << 40; bytes += bytes / 7) {
		for (int is_given = 0; is_given < 2; is_given++) {
			struct engine_memory m;
			uint64_t epochs;

			engine_memory_plan(bytes, is_given, &m);
			epochs = (m.epochs_ahead + 1ull) << m.epoch_shift << 10;
			assert_true(m.epochs_ahead >= 1);
			assert_true(m.state_bytes >= bytes / 3);
			if (is_given || bytes > UINT64_C(8) << 30)
				assert_true(m.state_bytes + m.fragment_bytes + m.worker_bytes +
						    epochs <=
					    bytes);
			/* A chunk of the smallest records fits into an epoch, so it has one border.
			 */
			assert_true(engine_memory_chunk_size(&m, 8u << 20) / 16 + 1 <=
				    1u << m.epoch_shift);
			assert_true(engine_memory_workers(&m, 4096, 0) >= 1);
		}
	}
}

/* Each share is what the plan says it is, and what would do does, but nothing much less. */
static void inputs_and_workers_share(void **state)
{
	const uint32_t chunk = 256 << 10;

	(void)state;
	for (uint64_t bytes = ENGINE_MIN_MEMORY; bytes < UINT64_C(1) << 38; bytes += bytes / 5) {
		struct engine_memory m;
		uint64_t most;

		engine_memory_plan(bytes, true, &m);
		most = engine_memory_of_inputs(&m, chunk);
		assert_true(most > bytes / 8 || most > UINT64_C(1) << 30);
		assert_int_equal(engine_memory_workers(&m, chunk, most), 1);
		for (uint64_t inputs = 0; inputs < most; inputs += most / 10) {
			const uint32_t nb = engine_memory_workers(&m, chunk, inputs);

			if (nb < ENGINE_MAX_WORKERS)
				assert_true(engine_memory_workers(&m, chunk, 0) >= nb);
			/* One that is alone takes what inputs leave it. */
			assert_true(nb * (m.worker_bytes - most) + inputs <= m.worker_bytes);
		}
		engine_memory_plan(bytes, false, &m);
		assert_int_equal(engine_memory_of_inputs(&m, chunk), 0);
	}
	for (uint64_t inputs = 1 << 20; inputs < UINT64_C(1) << 30; inputs += inputs / 3) {
		const uint64_t enough = engine_memory_enough(inputs);
		struct engine_memory m;

		assert_in_range(enough, ENGINE_MIN_MEMORY, 8 * inputs + ENGINE_MIN_MEMORY);
		engine_memory_plan(enough, true, &m);
		assert_true(engine_memory_of_inputs(&m, engine_memory_chunk_size(&m, chunk)) >=
			    inputs);
	}
	assert_int_equal(engine_memory_enough(UINT64_C(4) << 30), 0);
}

static void a_default_changes_no_answer(void **state)
{
	struct engine_memory m;

	(void)state;
	for (uint64_t bytes = ENGINE_MIN_MEMORY; bytes < UINT64_C(1) << 40; bytes *= 2) {
		engine_memory_plan(bytes, false, &m);
		assert_int_equal(m.epoch_shift, 20);
		assert_int_equal(m.batch_rows, 65536);
	}
	engine_memory_plan(UINT64_C(16) << 30, true, &m);
	assert_int_equal(m.epoch_shift, 20);
	assert_int_equal(m.batch_rows, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(lists_give_way_first_and_then_holes),
		SCRIPT_TEST(a_list_that_gave_way_is_a_count),
		SCRIPT_TEST(holes_that_give_way_settle),
		SCRIPT_TEST(what_a_flow_has_beside_its_slot_is_counted),
		SCRIPT_TEST(a_list_counts_as_it_grows),
		cmocka_unit_test(bytes_bound_the_flows),
		cmocka_unit_test(what_is_beside_gives_way_before_flows),
		cmocka_unit_test(a_flow_does_not_evict_itself),
		cmocka_unit_test(the_plan_is_within_what_is_given),
		cmocka_unit_test(inputs_and_workers_share),
		cmocka_unit_test(a_default_changes_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
