/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bzip2 with several threads gives what it gives with one, sound or damaged, byte for byte, and
 * the same words about it: whatever stands where a block might begin.
 */

#include <stdlib.h>
#include <string.h>

#include "outcome_support.h"
#include "pack_support.h"

#define STREAM 45000u /* more than 4 KiB compressed: enough for a thread */
#define NB_STREAMS 6u

#define BAD_PART "expected sound data in the part that begins there, found: "
#define BAD_MAGIC BAD_PART "bad magic bytes"
#define BAD_CHECKSUM BAD_PART "a wrong checksum or bad codes"

/* One stream behind the other, as pbzip2 makes them; where each ends. */
struct row {
	struct bytes plain, packed;
	size_t ends[NB_STREAMS];
};

static void row_init(struct row *row)
{
	*row = (struct row){0};
	put_lines(&row->plain, (size_t)STREAM * NB_STREAMS);
	for (size_t i = 0; i < NB_STREAMS; i++) {
		put_bzip2(&row->packed, 9 - (int)i, row->plain.data + i * STREAM, STREAM);
		row->ends[i] = row->packed.len;
	}
}

static void row_fini(struct row *row)
{
	bytes_fini(&row->plain);
	bytes_fini(&row->packed);
}

static void sound_streams_come_out_whole(void **state)
{
	struct bytes packed = {0};
	struct row row;

	(void)state;
	row_init(&row);
	assert_whole(&row.packed, &row.plain);
	/* One stream of three blocks. */
	put_bzip2(&packed, 1, row.plain.data, row.plain.len);
	assert_whole(&packed, &row.plain);
	/* With small ones and empty ones between them. */
	packed.len = 0;
	put_bzip2(&packed, 9, row.plain.data, 0);
	put_bzip2(&packed, 1, row.plain.data, 150000);
	put_bzip2(&packed, 3, row.plain.data + 150000, 1);
	put_bzip2(&packed, 9, row.plain.data, 0);
	put_bzip2(&packed, 9, row.plain.data, 0);
	put_bzip2(&packed, 1, row.plain.data + 150001, row.plain.len - 150001);
	put_bzip2(&packed, 9, row.plain.data, 0);
	assert_whole(&packed, &row.plain);
	bytes_fini(&packed);
	row_fini(&row);
}

/* Blocks of zeros: a few bytes each, of which 45 MB could come. */
static void blocks_of_a_few_bytes_come_out_whole(void **state)
{
	struct bytes plain = {0}, packed = {0};

	(void)state;
	put_zeros(&plain, 300000);
	put_lines(&plain, 500000);
	put_zeros(&plain, 400000);
	put_bzip2(&packed, 1, plain.data, plain.len);
	assert_whole(&packed, &plain);
	bytes_fini(&plain);
	bytes_fini(&packed);
}

/* ---- magics that are none ----------------------------------------------------------- */

/* A stream of one block, a bit a byte. */
struct loose {
	uint8_t *bits; /* [len] */
	size_t len;
};

static void loose_init(struct loose *loose, const struct bytes *packed)
{
	*loose = (struct loose){.bits = malloc(8 * packed->len), .len = 8 * packed->len};
	assert_non_null(loose->bits);
	for (size_t i = 0; i < loose->len; i++)
		loose->bits[i] = packed->data[i / 8] >> (7 - i % 8) & 1;
}

static size_t number_at(const struct loose *loose, size_t at, size_t nb)
{
	size_t value = 0;

	for (size_t i = 0; i < nb; i++)
		value = value << 1 | loose->bits[at + i];
	return value;
}

/* Without the bits that fill its last byte. */
static void trim(struct loose *loose)
{
	while (number_at(loose, loose->len - 80, 48) != 0x177245385090)
		loose->len--;
}

static void insert(struct loose *loose, size_t at, uint64_t value, size_t nb)
{
	loose->bits = realloc(loose->bits, loose->len + nb);
	assert_non_null(loose->bits);
	memmove(loose->bits + at + nb, loose->bits + at, loose->len - at);
	for (size_t i = 0; i < nb; i++)
		loose->bits[at + i] = value >> (nb - 1 - i) & 1;
	loose->len += nb;
}

static void put_loose(struct bytes *b, const struct loose *loose)
{
	uint8_t byte = 0;

	for (size_t i = 0; i < loose->len; i++) {
		byte = (uint8_t)(byte << 1 | loose->bits[i]);
		if (i % 8 == 7)
			put8(b, byte);
	}
	if (loose->len % 8 != 0)
		put8(b, (uint8_t)(byte << (8 - loose->len % 8)));
}

/*
 * A block says which of its code tables each 50 codes use: a number of selectors, each of ones and
 * a zero. More of them than are needed are allowed. So behind those that are needed, any bits
 * may stand that have no long rows of ones, and end with a zero.
 */
#define NB_SELECTORS 15u

static size_t selectors_of(const struct loose *loose)
{
	size_t at = 32 + 48 + 32 + 1 + 24; /* headers, checksum, and where the text begins */
	const size_t used = number_at(loose, at, 16);

	at += 16 + 16 * (size_t)__builtin_popcountll(used);
	assert_int_equal(number_at(loose, at, 3), 6); /* tables */
	return at + 3;
}

static size_t behind_selectors(const struct loose *loose, size_t at)
{
	size_t left = number_at(loose, at, NB_SELECTORS);

	for (at += NB_SELECTORS; left > 0; at++)
		left -= loose->bits[at] == 0;
	return at;
}

/* Says how many zeros stand between there and here. */
static void count_selectors(struct loose *loose, size_t at, size_t end)
{
	size_t nb = 0;

	for (size_t i = at + NB_SELECTORS; i < end; i++)
		nb += loose->bits[i] == 0;
	for (size_t i = 0; i < NB_SELECTORS; i++)
		loose->bits[at + i] = nb >> (NB_SELECTORS - 1 - i) & 1;
}

enum none { NO_BLOCK, NO_END, NO_STREAM, NB_NONES };

/* A stream with something in its block, more than 4 KiB from its beginning, that looks like that.
 */
static void put_trap(struct bytes *b, enum none none, size_t shift, const void *data, size_t len)
{
	struct bytes packed = {0};
	struct loose loose;
	size_t at, end;

	put_bzip2(&packed, 9, data, len);
	loose_init(&loose, &packed);
	trim(&loose);
	at = selectors_of(&loose);
	end = behind_selectors(&loose, at);
	for (size_t i = 0; i < 5600; i++, end += 6)
		insert(&loose, end, 0x3e, 6);
	while (end % 8 != shift)
		insert(&loose, end++, 0, 1);
	insert(&loose, end, none == NO_BLOCK ? 0x314159265359 : 0x177245385090, 48);
	end += 48;
	insert(&loose, end, 0, 32);
	end += 32;
	if (none == NO_STREAM) {
		while (end % 8 != 0)
			insert(&loose, end++, 0, 1);
		insert(&loose, end, 0x425a6839, 32); /* "BZh9" */
		insert(&loose, end + 32, 0x314159265359, 48);
		insert(&loose, end + 80, 0, 1);
		end += 81;
	}
	count_selectors(&loose, at, end);
	put_loose(b, &loose);
	bytes_fini(&packed);
	free(loose.bits);
}

static void a_magic_inside_a_block_is_none(void **state)
{
	struct bytes trap = {0};
	struct row row;

	(void)state;
	row_init(&row);
	for (enum none none = 0; none < NB_NONES; none++) {
		for (size_t shift = 0; shift < 8; shift += 3) {
			trap.len = 0;
			put_bzip2(&trap, 9, row.plain.data, STREAM);
			put_trap(&trap, none, shift, row.plain.data + STREAM, STREAM);
			put_raw(&trap, row.packed.data + row.ends[1], row.packed.len - row.ends[1]);
			assert_whole(&trap, &row.plain);
		}
	}
	bytes_fini(&trap);
	row_fini(&row);
}

/* Bits too many between a block and what follows it: bzip2 reads no further than to them. */
static void a_part_begins_where_the_block_ends(void **state)
{
	struct bytes plain = {0}, packed = {0}, loosened = {0};

	(void)state;
	put_lines(&plain, STREAM);
	put_bzip2(&packed, 9, plain.data, plain.len);
	for (size_t nb = 1; nb < 10; nb++) {
		struct outcome outcome;
		struct loose loose;

		loose_init(&loose, &packed);
		trim(&loose);
		for (size_t i = 0; i < nb; i++)
			insert(&loose, loose.len - 80, 0, 1);
		loosened.len = 0;
		put_loose(&loosened, &loose);
		put_raw(&loosened, packed.data, packed.len);
		outcome_read_each_way(&outcome, &loosened);
		assert_string_equal(outcome.error, BAD_MAGIC);
		assert_int_equal(outcome.len, plain.len);
		assert_memory_equal(outcome.out, plain.data, plain.len);
		assert_in_range(outcome.taken, packed.len - 13, packed.len - 9);
		outcome_fini(&outcome);
		free(loose.bits);
	}
	bytes_fini(&plain);
	bytes_fini(&packed);
	bytes_fini(&loosened);
}

/* ---- damage ------------------------------------------------------------------------- */

/* Whatever bit is flipped: streams in front of it are there, and nothing depends on chance. */
static void damage_is_the_same_for_any_number_of_threads(void **state)
{
	struct row row;

	(void)state;
	row_init(&row);
	for (size_t i = 0, k = 0; i < row.packed.len; i += 2503) {
		struct outcome outcome;

		while (i >= row.ends[k])
			k++;
		row.packed.data[i] ^= (uint8_t)(1u << i % 8);
		outcome_read_each_way(&outcome, &row.packed);
		assert_string_not_equal(outcome.error, "");
		assert_true(outcome.len >= k * STREAM);
		assert_memory_equal(outcome.out, row.plain.data, k * STREAM);
		assert_in_range(outcome.taken, k == 0 ? 0 : row.ends[k - 1], i + 1);
		row.packed.data[i] ^= (uint8_t)(1u << i % 8);
		outcome_fini(&outcome);
	}
	row_fini(&row);
}

/* Headers, checksums and what stands around: each bit of a border between two streams. */
static void damage_between_streams_is_told(void **state)
{
	struct row row;

	(void)state;
	row_init(&row);
	for (size_t i = 8 * (row.ends[0] - 5); i < 8 * (row.ends[0] + 14); i++) {
		struct outcome outcome;

		row.packed.data[i / 8] ^= (uint8_t)(1u << i % 8);
		outcome_read_each_way(&outcome, &row.packed);
		assert_true(outcome.len >= STREAM);
		assert_memory_equal(outcome.out, row.plain.data, STREAM);
		/* A level that is no smaller does as well, and bits of padding mean nothing. */
		if (outcome.error[0] == '\0')
			assert_int_equal(outcome.len, row.plain.len);
		else
			assert_in_range(outcome.taken, row.ends[0] - 14, i / 8 + 1);
		row.packed.data[i / 8] ^= (uint8_t)(1u << i % 8);
		outcome_fini(&outcome);
	}
	row_fini(&row);
}

/* The last one too: that nothing comes behind it does not make the file one that was cut. */
static void a_damaged_end_is_no_cut(void **state)
{
	struct loose loose;
	struct row row;

	(void)state;
	row_init(&row);
	row.packed.len = row.ends[0];
	loose_init(&loose, &row.packed);
	trim(&loose);
	for (size_t i = loose.len - 80; i < loose.len; i++) {
		struct outcome outcome;

		row.packed.data[i / 8] ^= (uint8_t)(0x80u >> i % 8);
		outcome_read_each_way(&outcome, &row.packed);
		assert_string_equal(outcome.error, i < loose.len - 32 ? BAD_MAGIC : BAD_CHECKSUM);
		assert_int_equal(outcome.len, STREAM);
		row.packed.data[i / 8] ^= (uint8_t)(0x80u >> i % 8);
		outcome_fini(&outcome);
	}
	free(loose.bits);
	row_fini(&row);
}

/* A file that was cut gives all blocks that are there whole. */
static void cuts_are_the_same_for_any_number_of_threads(void **state)
{
	struct row row;
	size_t whole;

	(void)state;
	row_init(&row);
	whole = row.packed.len;
	for (size_t len = 14, k = 0; len < whole; len += 2003) {
		struct outcome outcome;

		while (len >= row.ends[k])
			k++;
		row.packed.len = len;
		outcome_read_each_way(&outcome, &row.packed);
		assert_string_equal(outcome.error, "cut short: expected more of the stream, got "
						   "the end of the input");
		assert_int_equal(outcome.len, k * STREAM);
		assert_memory_equal(outcome.out, row.plain.data, outcome.len);
		assert_int_equal(outcome.taken, len);
		outcome_fini(&outcome);
	}
	row.packed.len = whole;
	row_fini(&row);
}

static void what_follows_is_no_stream(void **state)
{
	struct row row;
	struct outcome outcome;
	size_t len;

	(void)state;
	row_init(&row);
	len = row.packed.len;
	put_raw(&row.packed, "ABCDEFGHIJKLMNOP", 16);
	for (row.packed.len = len + 4; row.packed.len < len + 16; row.packed.len++) {
		outcome_read_each_way(&outcome, &row.packed);
		assert_string_equal(outcome.error, "expected another bzip2 stream or the end, "
						   "found 41424344");
		assert_int_equal(outcome.len, row.plain.len);
		assert_int_equal(outcome.taken, len);
		outcome_fini(&outcome);
	}
	row_fini(&row);
}

/* A writer that pauses: what it wrote is given out to the last whole block. */
static void a_pause_holds_nothing_back(void **state)
{
	static const size_t behind[] = {0, 1, 3, 9, 10, 14, 2000};
	struct row row;

	(void)state;
	row_init(&row);
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		assert_not_held_back(&row.packed, row.ends[2] + behind[i], &row.plain,
				     (size_t)3 * STREAM);
	row_fini(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_streams_come_out_whole),
		cmocka_unit_test(blocks_of_a_few_bytes_come_out_whole),
		cmocka_unit_test(a_magic_inside_a_block_is_none),
		cmocka_unit_test(a_part_begins_where_the_block_ends),
		cmocka_unit_test(damage_is_the_same_for_any_number_of_threads),
		cmocka_unit_test(damage_between_streams_is_told),
		cmocka_unit_test(a_damaged_end_is_no_cut),
		cmocka_unit_test(cuts_are_the_same_for_any_number_of_threads),
		cmocka_unit_test(what_follows_is_no_stream),
		cmocka_unit_test(a_pause_holds_nothing_back),
	};

	return cmocka_run_group_tests_name("bzip2_threads", tests, NULL, NULL);
}
