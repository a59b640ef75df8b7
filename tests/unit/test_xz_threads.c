/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xz with several threads gives what it gives with one: sound or damaged, byte for byte, and the
 * same words about it, as often as it is tried.
 */

#include "outcome_support.h"
#include "pack_support.h"

#define BLOCK 20000u
#define NB_BLOCKS 9u
#define PLAIN_LEN (BLOCK * (NB_BLOCKS - 1) + 17777u) /* each long enough for a thread */

static void pack(struct bytes *plain, struct bytes *packed)
{
	put_lines(plain, PLAIN_LEN);
	put_xz_blocks(packed, BLOCK, plain->data, plain->len);
}

static void sound_streams_come_out_whole(void **state)
{
	struct bytes plain = {0}, packed = {0}, two = {0};

	(void)state;
	pack(&plain, &packed);
	assert_whole(&packed, &plain);
	/* Two streams, with padding between them and behind; blocks that do not say how long. */
	put_xz_blocks(&two, BLOCK, plain.data, 70000);
	put_zeros(&two, 8);
	put_packed(&two, PACK_XZ, plain.data + 70000, 30000);
	put_xz_blocks(&two, 5000, plain.data + 100000, PLAIN_LEN - 100000);
	put_zeros(&two, 4);
	assert_whole(&two, &plain);
	bytes_fini(&plain);
	bytes_fini(&packed);
	bytes_fini(&two);
}

/* Whatever bit is flipped: blocks in front of it are there, and nothing depends on chance. */
static void damage_is_the_same_for_any_number_of_threads(void **state)
{
	struct bytes plain = {0}, packed = {0};
	size_t nb_partial = 0;

	(void)state;
	pack(&plain, &packed);
	for (size_t i = 0; i < packed.len; i += 211) {
		struct outcome outcome;
		size_t same = 0;

		packed.data[i] ^= (uint8_t)(1u << i % 8);
		outcome_read_each_way(&outcome, &packed);
		assert_string_not_equal(outcome.error, "");
		while (same < outcome.len && outcome.out[same] == plain.data[same])
			same++;
		/* The place that is told is where a part begins; all parts before it are sound. */
		assert_true(outcome.taken <= i);
		assert_true(outcome.len == 0 || same >= (outcome.len - 1) / BLOCK * BLOCK);
		nb_partial += outcome.len % BLOCK != 0;
		packed.data[i] ^= (uint8_t)(1u << i % 8);
		outcome_fini(&outcome);
	}
	/* What a damaged block gives before it is seen is given. */
	assert_true(nb_partial > 10);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

static void twenty_runs_are_one(void **state)
{
	struct bytes plain = {0}, packed = {0};
	struct outcome first;

	(void)state;
	pack(&plain, &packed);
	packed.data[packed.len / 2] ^= 0x20;
	outcome_read(&first, &packed, 2);
	assert_string_not_equal(first.error, "");
	for (int i = 0; i < 20; i++) {
		struct outcome again;

		outcome_read(&again, &packed, 2 + (uint32_t)i % 3);
		assert_same_outcome(&first, &again);
		outcome_fini(&again);
	}
	outcome_fini(&first);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* A file that was cut gives all that is there, of the block that was cut too. */
static void cuts_are_the_same_for_any_number_of_threads(void **state)
{
	struct bytes plain = {0}, packed = {0};
	size_t last = 0;
	size_t whole;

	(void)state;
	pack(&plain, &packed);
	whole = packed.len;
	for (size_t len = 12; len < whole; len += 307) {
		struct outcome outcome;

		packed.len = len;
		outcome_read_each_way(&outcome, &packed);
		assert_string_equal(outcome.error, "cut short: expected more of the stream, got "
						   "the end of the input");
		assert_memory_equal(outcome.out, plain.data, outcome.len);
		assert_int_equal(outcome.taken, len);
		assert_true(outcome.len >= last);
		last = outcome.len;
		outcome_fini(&outcome);
	}
	/* No more is kept back than the last few codes need. */
	assert_true(last > PLAIN_LEN - BLOCK);
	packed.len = whole;
	bytes_fini(&plain);
	bytes_fini(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_streams_come_out_whole),
		cmocka_unit_test(damage_is_the_same_for_any_number_of_threads),
		cmocka_unit_test(twenty_runs_are_one),
		cmocka_unit_test(cuts_are_the_same_for_any_number_of_threads),
	};

	return cmocka_run_group_tests_name("xz_threads", tests, NULL, NULL);
}
