/* SPDX-License-Identifier: BSD-3-Clause */

/* Blocks of memory that are used again (src/tcp/pool.h), and how flows give theirs back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/pool.h"
#include "tcpmill/tcp.h"

static void blocks_are_powers_of_two_and_halves_between_from_64(void **state)
{
	(void)state;
	assert_int_equal(pool_block_size(1), 64);
	assert_int_equal(pool_block_size(64), 64);
	assert_int_equal(pool_block_size(65), 96);
	assert_int_equal(pool_block_size(96), 96);
	assert_int_equal(pool_block_size(97), 128);
	assert_int_equal(pool_block_size(128), 128);
	assert_int_equal(pool_block_size(129), 192);
	assert_int_equal(pool_block_size(193), 256);
	assert_int_equal(pool_block_size(65536), 65536);
	assert_int_equal(pool_block_size(65537), 98304);
	assert_int_equal(pool_block_size(98305), 262080); /* a slab of 256 KiB without its head */
	assert_int_equal(pool_block_size(262080), 262080);
	assert_int_equal(POOL_MAX_BLOCK, 262080);
}

static size_t size_of(int class)
{
	if (class == POOL_NB_CLASSES - 1)
		return POOL_MAX_BLOCK;
	return ((size_t)64 << class / 2) + (class % 2 != 0 ? (size_t)32 << class / 2 : 0);
}

/* A block of each size, filled to its end: no other is touched (ASan sees the rest). */
static void blocks_do_not_overlap(void **state)
{
	struct pool pool = {0};
	unsigned char *blocks[POOL_NB_CLASSES][8];

	(void)state;
	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < POOL_NB_CLASSES; i++) {
			const size_t size = size_of(i);

			blocks[i][round] = pool_take(&pool, size);
			assert_non_null(blocks[i][round]);
			assert_int_equal((uintptr_t)blocks[i][round] % _Alignof(max_align_t), 0);
			memset(blocks[i][round], i * 8 + round, size);
		}
	}
	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < POOL_NB_CLASSES; i++) {
			for (size_t at = 0; at < size_of(i); at++)
				assert_int_equal(blocks[i][round][at], i * 8 + round);
		}
	}
	pool_fini(&pool);
}

static void a_block_comes_back(void **state)
{
	struct pool pool = {0};
	void *first, *second, *third;

	(void)state;
	first = pool_take(&pool, 100);
	second = pool_take(&pool, 100);
	assert_ptr_not_equal(first, second);
	pool_give(&pool, first, 100);
	third = pool_take(&pool, 120); /* of the same class */
	assert_ptr_equal(third, first);
	pool_fini(&pool);
}

static void a_block_comes_back_to_its_class_only(void **state)
{
	struct pool pool = {0};
	void *small, *large;

	(void)state;
	small = pool_take(&pool, 64);
	pool_give(&pool, small, 64);
	large = pool_take(&pool, 65);
	assert_ptr_not_equal(large, small);
	assert_ptr_equal(pool_take(&pool, 1), small);
	pool_fini(&pool);
}

static void many_blocks_come_back(void **state)
{
	enum { NB = 5000 };
	static void *blocks[NB];
	struct pool pool = {0};

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NB; i++) {
			blocks[i] = pool_take(&pool, 200);
			assert_non_null(blocks[i]);
			memset(blocks[i], i, 200);
		}
		for (int i = 0; i < NB; i++) {
			assert_int_equal(*(unsigned char *)blocks[i], i % 256);
			assert_int_equal(((unsigned char *)blocks[i])[199], i % 256);
		}
		for (int i = 0; i < NB; i++)
			pool_give(&pool, blocks[i], 200);
	}
	pool_fini(&pool);
}

/* First many of one size, then as many bytes of another: they lie in the same memory. */
static void an_empty_slab_serves_any_size(void **state)
{
	enum { NB = 600, SLABS = 16 };
	static char *blocks[2][NB];
	struct pool pool = {0};
	uintptr_t low = UINTPTR_MAX, high = 0;

	(void)state;
	for (int i = 0; i < NB; i++) {
		blocks[0][i] = pool_take(&pool, 4096);
		low = (uintptr_t)blocks[0][i] < low ? (uintptr_t)blocks[0][i] : low;
		high = (uintptr_t)blocks[0][i] > high ? (uintptr_t)blocks[0][i] : high;
	}
	for (int i = 0; i < NB; i++)
		pool_give(&pool, blocks[0][i], 4096);
	for (int i = 0; i < NB; i++) {
		blocks[1][i] = pool_take(&pool, 3072);
		assert_in_range((uintptr_t)blocks[1][i], low, high + SLABS * POOL_SLAB_BYTES);
	}
	assert_true(high - low < SLABS * POOL_SLAB_BYTES);
	pool_fini(&pool);
}

/* What a slab has left over is its blocks' to pay. */
static void a_block_costs_its_share_of_the_slab(void **state)
{
	(void)state;
	assert_int_equal(pool_block_cost(64), 64);
	assert_int_equal(pool_block_cost(700), 768);
	assert_int_equal(pool_block_cost(65536), POOL_SLAB_BYTES / 3);
	assert_int_equal(pool_block_cost(98304), POOL_SLAB_BYTES / 2);
	assert_int_equal(pool_block_cost(240000), POOL_SLAB_BYTES);
}

/* Both the zeroed struct and one that is done with are empty pools. */
static void an_empty_pool_can_be_ended(void **state)
{
	struct pool pool = {0};

	(void)state;
	pool_give(&pool, NULL, 64);
	pool_fini(&pool);
	pool_fini(&pool);
	assert_non_null(pool_take(&pool, POOL_MAX_BLOCK));
	pool_fini(&pool);
}

/* A flow with a hole on one side, and a list with details. */
static void begin_flow(struct tcp_tracker *tracker, struct flow *flow)
{
	static const uint8_t ip_header[40];
	struct segment segment = {.ip_header = ip_header,
				  .ts_ns = 1700000000000000000,
				  .tcp_flags = TCP_ACK,
				  .win = 1000,
				  .payload_len = 100,
				  .seq = 7000,
				  .ip_len = 140,
				  .tcp_off = 20,
				  .tcp_hlen = 20,
				  .tcp_caplen = 20};
	struct tcp_arrival arrival = {.flow = flow, .frame = 1, .created = true, .is_fresh = true};

	memset(flow, 0, sizeof(*flow));
	(void)tcp_track(tracker, &arrival, &segment, NULL);
	segment.seq = 7200;
	arrival = (struct tcp_arrival){.flow = flow, .frame = 2};
	(void)tcp_track(tracker, &arrival, &segment, NULL);
}

static void a_flow_gives_its_memory_back(void **state)
{
	(void)state;
	for (int details = 0; details < 2; details++) {
		struct tcp_tracker *tracker = tcp_tracker_create(details);
		struct tcp_flow room;
		const struct tcp_flow *seen;
		const void *trouble, *list, *beside;
		struct flow flow;

		begin_flow(tracker, &flow);
		beside = seen = tcp_flow_view(&flow, &room);
		assert_ptr_not_equal(seen, &room); /* a hole is open */
		trouble = seen->side[0].trouble;
		list = seen->side[0].unacked;
		assert_non_null(trouble);
		assert_int_equal(list != NULL, details);
		tcp_flow_release(tracker, &flow);
		tcp_flow_release(tracker, &flow);
		begin_flow(tracker, &flow); /* the next one gets the same blocks */
		seen = tcp_flow_view(&flow, &room);
		assert_ptr_equal(seen, beside);
		assert_true(seen->side[0].trouble == trouble || seen->side[0].trouble == list);
		assert_false(tcp_tracker_failed(tracker));
		tcp_tracker_destroy(tracker);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_powers_of_two_and_halves_between_from_64),
		cmocka_unit_test(blocks_do_not_overlap),
		cmocka_unit_test(a_block_comes_back),
		cmocka_unit_test(a_block_comes_back_to_its_class_only),
		cmocka_unit_test(many_blocks_come_back),
		cmocka_unit_test(an_empty_slab_serves_any_size),
		cmocka_unit_test(a_block_costs_its_share_of_the_slab),
		cmocka_unit_test(an_empty_pool_can_be_ended),
		cmocka_unit_test(a_flow_gives_its_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
