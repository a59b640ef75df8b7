/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows from a worker to the writer in blocks that come back. Without EAL. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live/live_priv.h"

static struct live_block *take(struct live_outbox *outbox)
{
	void *block;

	return rte_ring_sc_dequeue(outbox->full, &block) == 0 ? block : NULL;
}

static bool put(struct live_outbox *outbox, int64_t number, int64_t now_ns)
{
	struct flow_record *row = live_outbox_next(outbox, now_ns);

	if (row == NULL)
		return false;
	row->stream = number;
	live_outbox_put(outbox);
	return true;
}

static void a_full_block_goes_and_comes_back(void **state)
{
	struct live_outbox outbox;
	struct live_block *block;

	(void)state;
	assert_int_equal(live_outbox_init(&outbox, 1), 0);
	for (int64_t i = 0; i < LIVE_BLOCK_ROWS; i++) {
		assert_null(take(&outbox));
		assert_true(put(&outbox, i, 0));
	}
	assert_null(live_outbox_next(&outbox, 0));
	block = take(&outbox);
	assert_non_null(block);
	assert_int_equal(block->nb, LIVE_BLOCK_ROWS);
	for (int64_t i = 0; i < LIVE_BLOCK_ROWS; i++)
		assert_int_equal(block->rows[i].stream, i);
	assert_null(live_outbox_next(&outbox, 0));
	rte_ring_sp_enqueue(outbox.empty, block);
	assert_true(put(&outbox, 1, 0));
	live_outbox_flush(&outbox, 1);
	assert_ptr_equal(take(&outbox), block);
	assert_int_equal(block->nb, 1);
	live_outbox_fini(&outbox);
}

static void what_waits_too_long_is_sent_alone(void **state)
{
	struct live_outbox outbox;
	struct live_block *block;

	(void)state;
	assert_int_equal(live_outbox_init(&outbox, 3), 0);
	live_outbox_flush(&outbox, INT64_MAX);
	assert_null(take(&outbox));
	/* A row that is only got is not sent. */
	assert_non_null(live_outbox_next(&outbox, 90));
	live_outbox_flush(&outbox, INT64_MAX);
	assert_null(take(&outbox));
	assert_true(put(&outbox, 1, 100));
	assert_true(put(&outbox, 2, 200));
	live_outbox_flush(&outbox, 100);
	assert_null(take(&outbox));
	live_outbox_flush(&outbox, 101);
	block = take(&outbox);
	assert_non_null(block);
	assert_int_equal(block->nb, 2);
	live_outbox_flush(&outbox, INT64_MAX);
	assert_null(take(&outbox));
	live_outbox_fini(&outbox);
	live_outbox_fini(&outbox);
}

/* All blocks that were asked for are there, however many: rings have powers of two. */
static void as_many_blocks_as_wanted(void **state)
{
	(void)state;
	for (uint32_t nb = 1; nb <= 9; nb++) {
		struct live_outbox outbox;
		uint32_t rows = 0, blocks = 0;

		assert_int_equal(live_outbox_init(&outbox, nb), 0);
		assert_int_equal((uintptr_t)outbox.blocks % RTE_CACHE_LINE_SIZE, 0);
		while (put(&outbox, rows, 0))
			rows++;
		assert_int_equal(rows, nb * LIVE_BLOCK_ROWS);
		while (take(&outbox) != NULL)
			blocks++;
		assert_int_equal(blocks, nb);
		live_outbox_fini(&outbox);
	}
}

#define NB_SENT 200000

static void *receive(void *context)
{
	struct live_outbox *outbox = context;
	int64_t next = 0;

	while (next < NB_SENT) {
		struct live_block *block = take(outbox);

		if (block == NULL)
			continue;
		for (uint32_t i = 0; i < block->nb; i++, next++) {
			if (block->rows[i].stream != next)
				return "a row is not the next one";
		}
		rte_ring_sp_enqueue(outbox->empty, block);
	}
	return NULL;
}

/* Two threads: every row once, in order. TSan looks on. */
static void rows_keep_their_order_between_threads(void **state)
{
	struct live_outbox outbox;
	pthread_t thread;
	void *complaint;

	(void)state;
	assert_int_equal(live_outbox_init(&outbox, 4), 0);
	assert_int_equal(pthread_create(&thread, NULL, receive, &outbox), 0);
	for (int64_t i = 0; i < NB_SENT;) {
		if (put(&outbox, i, i)) {
			i++;
			if (i % 1000 == 0)
				live_outbox_flush(&outbox, i);
		}
	}
	live_outbox_flush(&outbox, INT64_MAX);
	assert_int_equal(pthread_join(thread, &complaint), 0);
	assert_null(complaint);
	live_outbox_fini(&outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_block_goes_and_comes_back),
		cmocka_unit_test(what_waits_too_long_is_sent_alone),
		cmocka_unit_test(as_many_blocks_as_wanted),
		cmocka_unit_test(rows_keep_their_order_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
