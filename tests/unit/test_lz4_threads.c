/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lz4 with several threads gives what it gives with one, sound or damaged, byte for byte, and the
 * same words about it.
 */

#include <string.h>

#include "outcome_support.h"
#include "pack_support.h"

#define BLOCK (256u << 10)
#define PLAIN_LEN (4 * BLOCK + 5555u)

/* Lines, but for the second block, which is noise and so is stored as it is. */
static void put_mixed(struct bytes *b)
{
	uint32_t random = 7;

	put_lines(b, PLAIN_LEN);
	for (size_t i = BLOCK; i < 2 * BLOCK; i++) {
		random = random * 1103515245u + 12345u;
		b->data[i] = (uint8_t)(random >> 16);
	}
}

static uint32_t number_at(const struct bytes *b, size_t at)
{
	return (uint32_t)b->data[at] | (uint32_t)b->data[at + 1] << 8 |
	       (uint32_t)b->data[at + 2] << 16 | (uint32_t)b->data[at + 3] << 24;
}

/* Where a block's header is, or the end mark: as the frame's description has it. */
static size_t place_of(const struct bytes *packed, bool says_all, size_t nb_blocks)
{
	size_t at = says_all ? 15 : 7;

	while (nb_blocks-- > 0)
		at += 4 + (number_at(packed, at) & 0x7fffffff) + (says_all ? 4 : 0);
	return at;
}

static void sound_frames_come_out_whole(void **state)
{
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	for (int says_all = 0; says_all < 2; says_all++) {
		packed.len = 0;
		put_lz4_blocks(&packed, says_all, plain.data, plain.len);
		assert_int_equal(number_at(&packed, place_of(&packed, says_all, 5)), 0);
		assert_int_equal(number_at(&packed, place_of(&packed, says_all, 1)),
				 0x80000000 + BLOCK);
		assert_whole(&packed, &plain);
	}
	/* Frames of all kinds, with what is skipped between them. */
	packed.len = 0;
	put_lz4_blocks(&packed, true, plain.data, 0);
	put_lz4_blocks(&packed, true, plain.data, 700000);
	put_skippable(&packed, 100);
	put_lz4_linked(&packed, plain.data + 700000, 100000);
	put_lz4_blocks(&packed, false, plain.data + 800000, 1);
	put_packed(&packed, PACK_LZ4, plain.data + 800001, 99999);
	put_lz4_blocks(&packed, false, plain.data + 900000, plain.len - 900000);
	assert_whole(&packed, &plain);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* Whatever bit is flipped: blocks in front of it are there, and nothing depends on chance. */
static void damage_is_the_same_for_any_number_of_threads(void **state)
{
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	for (int says_all = 0; says_all < 2; says_all++) {
		size_t nb_told = 0;

		packed.len = 0;
		put_lz4_blocks(&packed, says_all, plain.data, plain.len);
		for (size_t i = 0; i < packed.len; i += 12553) {
			struct outcome outcome;
			size_t nb = 0;

			while (nb < 5 && place_of(&packed, says_all, nb + 1) <= i)
				nb++;
			packed.data[i] ^= (uint8_t)(1u << i % 8);
			outcome_read_each_way(&outcome, &packed);
			assert_true(outcome.len >= nb * BLOCK);
			assert_memory_equal(outcome.out, plain.data, nb * BLOCK);
			nb_told += outcome.error[0] != '\0';
			packed.data[i] ^= (uint8_t)(1u << i % 8);
			/* With a checksum it is seen, and no bad byte is given out. */
			if (says_all && i >= 15) {
				assert_string_not_equal(outcome.error, "");
				assert_int_equal(outcome.len, nb * BLOCK);
				assert_int_equal(outcome.taken, place_of(&packed, true, nb));
			}
			outcome_fini(&outcome);
		}
		assert_true(nb_told > 10 || !says_all);
	}
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* What stands around the blocks. */
static void wrong_numbers_are_told(void **state)
{
	struct bytes plain = {0}, packed = {0};
	size_t third, end;
	struct {
		size_t at;
		uint8_t flip;
		size_t part, len;
		const char *what;
	} cases[] = {
		{0, 0x40, 0, 2 * BLOCK, "ERROR_maxBlockSize_invalid"},
		{0, 0x01, 0, PLAIN_LEN, "ERROR_contentChecksum_invalid"},
		/* Of the content's length, whose header's checksum is wrong then. */
		{6, 0x01, 0, 0, "ERROR_headerChecksum_invalid"},
	};

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&packed, true, plain.data, plain.len);
	third = place_of(&packed, true, 2);
	end = place_of(&packed, true, 5);
	cases[0].at = third + 3;
	cases[0].part = third;
	cases[1].at = cases[1].part = end + 4;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome;

		packed.data[cases[i].at] ^= cases[i].flip;
		outcome_read_each_way(&outcome, &packed);
		assert_non_null(strstr(outcome.error, cases[i].what));
		assert_int_equal(outcome.len, cases[i].len);
		assert_int_equal(outcome.taken, cases[i].part);
		packed.data[cases[i].at] ^= cases[i].flip;
		outcome_fini(&outcome);
	}
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* A frame that lacks a block says that it is longer than it is; one without its length does not. */
static void a_block_that_is_missing_is_told(void **state)
{
	struct bytes plain = {0}, packed = {0};
	struct outcome outcome;
	size_t second, third, end;

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&packed, true, plain.data, plain.len);
	second = place_of(&packed, true, 1);
	third = place_of(&packed, true, 2);
	memmove(packed.data + second, packed.data + third, packed.len - third);
	packed.len -= third - second;
	end = place_of(&packed, true, 4);
	outcome_read_each_way(&outcome, &packed);
	assert_non_null(strstr(outcome.error, "ERROR_frameSize_wrong"));
	assert_int_equal(outcome.len, PLAIN_LEN - BLOCK);
	assert_int_equal(outcome.taken, end);
	outcome_fini(&outcome);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* A length of 0 in a header stands for none: lz4(1) does not look at it either. */
static void a_length_of_0_is_none(void **state)
{
	static const uint8_t header[] = {0x04, 0x22, 0x4d, 0x18, 0x68, 0x50, 0,   0,
					 0,    0,    0,    0,    0,    0,    0xee};
	struct bytes plain = {0}, without = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&without, false, plain.data, plain.len);
	put_raw(&packed, header, sizeof(header));
	put_raw(&packed, without.data + 7, without.len - 7);
	assert_whole(&packed, &plain);
	bytes_fini(&plain);
	bytes_fini(&without);
	bytes_fini(&packed);
}

/* Whoever flushes often makes many blocks of few bytes, in a frame of large ones. */
static void many_small_blocks_come_out_whole(void **state)
{
	static const uint8_t block[20] = {16, 0, 0, 0x80, 's', 't', 'o', 'r', 'e', 'd'};
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&packed, false, plain.data, plain.len);
	packed.len = place_of(&packed, false, 0);
	plain.len = 0;
	for (int i = 0; i < 30000; i++) {
		put_raw(&packed, block, sizeof(block));
		put_raw(&plain, block + 4, sizeof(block) - 4);
	}
	put_raw(&packed, "\0\0\0", 4);
	assert_whole(&packed, &plain);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* Blocks that need those before them: a damaged one is not given out, as little as another one. */
static void linked_blocks_with_checksums_are_kept_back(void **state)
{
	struct bytes plain = {0}, packed = {0};
	size_t at = 7, nb_blocks = 0;

	(void)state;
	put_mixed(&plain);
	put_lz4_linked(&packed, plain.data, plain.len);
	assert_whole(&packed, &plain);
	for (size_t len; (len = number_at(&packed, at)) != 0; nb_blocks++) {
		struct outcome outcome;

		len &= 0x7fffffff;
		packed.data[at + 4 + len / 2] ^= 1;
		outcome_read_each_way(&outcome, &packed);
		packed.data[at + 4 + len / 2] ^= 1;
		assert_non_null(strstr(outcome.error, "ERROR_blockChecksum_invalid"));
		assert_int_equal(outcome.taken, at);
		assert_int_equal(outcome.len, nb_blocks * (64u << 10));
		assert_memory_equal(outcome.out, plain.data, outcome.len);
		outcome_fini(&outcome);
		at += 4 + len + 4;
	}
	assert_int_equal(nb_blocks, PLAIN_LEN / (64u << 10) + 1);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* Of a block that was cut, what is stored as it is comes out, too. */
static void cuts_are_the_same_for_any_number_of_threads(void **state)
{
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	for (int says_all = 0; says_all < 2; says_all++) {
		size_t second, third, whole;

		packed.len = 0;
		put_lz4_blocks(&packed, says_all, plain.data, plain.len);
		second = place_of(&packed, says_all, 1);
		third = place_of(&packed, says_all, 2);
		whole = packed.len;
		for (packed.len = 16; packed.len < whole; packed.len += 20011) {
			struct outcome outcome;

			outcome_read_each_way(&outcome, &packed);
			assert_string_equal(outcome.error,
					    "cut short: expected more of the frame, got the end of "
					    "the input");
			assert_int_equal(outcome.taken, packed.len);
			assert_memory_equal(outcome.out, plain.data, outcome.len);
			if (packed.len < second)
				assert_int_equal(outcome.len, 0);
			else if (packed.len < third - 4)
				assert_int_equal(outcome.len, BLOCK + packed.len - second - 4);
			else
				assert_in_range(outcome.len / BLOCK, 2, 4);
			outcome_fini(&outcome);
		}
		/* In the checksum of that block, or in its last bytes. */
		for (packed.len = third - 3; packed.len < third; packed.len++) {
			const size_t missing = says_all ? 0 : third - packed.len;
			struct outcome outcome;

			outcome_read_each_way(&outcome, &packed);
			assert_int_equal(outcome.len, 2 * BLOCK - missing);
			assert_memory_equal(outcome.out, plain.data, outcome.len);
			outcome_fini(&outcome);
		}
		packed.len = whole;
	}
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* A writer that pauses: what it wrote is given out to the last whole block. */
static void a_pause_holds_nothing_back(void **state)
{
	static const size_t behind[] = {0, 1, 3, 4, 5, 2000};
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&packed, true, plain.data, plain.len);
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		assert_not_held_back(&packed, place_of(&packed, true, 3) + behind[i], &plain,
				     (size_t)3 * BLOCK);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* All that was read is given out, whoever had it. */
static void a_stream_that_breaks_off_gives_all_that_came(void **state)
{
	struct bytes plain = {0}, packed = {0};
	size_t whole;

	(void)state;
	put_mixed(&plain);
	put_lz4_blocks(&packed, true, plain.data, plain.len);
	whole = packed.len;
	for (size_t nb_blocks = 0; nb_blocks < 5; nb_blocks++) {
		packed.len = place_of(&packed, true, nb_blocks) + 4;
		for (uint32_t nb_threads = 1; nb_threads < 6; nb_threads += 2) {
			struct outcome outcome;

			outcome_read_broken(&outcome, &packed, nb_threads);
			assert_string_equal(outcome.error, "read error: Connection reset by peer");
			assert_int_equal(outcome.len, nb_blocks * BLOCK);
			assert_memory_equal(outcome.out, plain.data, outcome.len);
			assert_int_equal(outcome.taken, packed.len);
			outcome_fini(&outcome);
		}
	}
	packed.len = whole;
	bytes_fini(&plain);
	bytes_fini(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_frames_come_out_whole),
		cmocka_unit_test(damage_is_the_same_for_any_number_of_threads),
		cmocka_unit_test(wrong_numbers_are_told),
		cmocka_unit_test(a_block_that_is_missing_is_told),
		cmocka_unit_test(a_length_of_0_is_none),
		cmocka_unit_test(many_small_blocks_come_out_whole),
		cmocka_unit_test(linked_blocks_with_checksums_are_kept_back),
		cmocka_unit_test(cuts_are_the_same_for_any_number_of_threads),
		cmocka_unit_test(a_pause_holds_nothing_back),
		cmocka_unit_test(a_stream_that_breaks_off_gives_all_that_came),
	};

	return cmocka_run_group_tests_name("lz4_threads", tests, NULL, NULL);
}
