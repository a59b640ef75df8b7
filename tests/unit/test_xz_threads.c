/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xz with several threads gives what it gives with one: sound or damaged, byte for byte, and the
 * same words about it, as often as it is tried.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/capture/decompress.h"
#include "pack_support.h"

#define BLOCK 20000u
#define NB_BLOCKS 9u
#define PLAIN_LEN (BLOCK * (NB_BLOCKS - 1) + 17777u) /* each long enough for a thread */

struct outcome {
	uint8_t *out; /* [PLAIN_LEN + 1] */
	size_t len;
	uint64_t taken;
	char error[160];
};

/* Text that can be compressed to about a quarter: lines of a few words. */
static void put_lines(struct bytes *b, size_t len)
{
	static const char words[] = "stream frame segment window retransmission capture of the ";
	uint32_t random = 1;

	while (b->len < len) {
		random = random * 1103515245u + 12345u;
		put_raw(b, words + (random >> 16) % 40, 1 + (random >> 24) % 16);
	}
	b->len = len;
}

static void read_all(struct outcome *outcome, const struct bytes *packed, uint32_t nb_threads)
{
	const int fd = memfd_create("packed", 0);
	struct decompressor d;
	ssize_t n;

	*outcome = (struct outcome){.out = malloc(PLAIN_LEN + 1)};
	assert_non_null(outcome->out);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, packed->data, packed->len), packed->len);
	assert_true(decompressor_init(&d, fd, false, NULL, 0));
	d.limits.nb_threads = nb_threads;
	do {
		n = decompressor_read(&d, outcome->out + outcome->len,
				      PLAIN_LEN + 1 - outcome->len);
		outcome->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	outcome->taken = decompressor_taken(&d);
	memcpy(outcome->error, d.error, sizeof(outcome->error));
	decompressor_fini(&d);
	close(fd);
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_string_equal(a->error, b->error);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->out, b->out, a->len);
	assert_int_equal(a->taken, b->taken);
}

/* Reads it with one thread and with more, and leaves what the first gave. */
static void read_each_way(struct outcome *alone, const struct bytes *packed)
{
	static const uint32_t threads[] = {2, 5};

	read_all(alone, packed, 1);
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct outcome crew;

		read_all(&crew, packed, threads[i]);
		assert_same(alone, &crew);
		free(crew.out);
	}
}

static void pack(struct bytes *plain, struct bytes *packed)
{
	put_lines(plain, PLAIN_LEN);
	put_xz_blocks(packed, BLOCK, plain->data, plain->len);
}

static void sound_streams_come_out_whole(void **state)
{
	struct bytes plain = {0}, packed = {0}, two = {0};
	struct outcome outcome;

	(void)state;
	pack(&plain, &packed);
	read_each_way(&outcome, &packed);
	assert_int_equal(outcome.len, PLAIN_LEN);
	assert_memory_equal(outcome.out, plain.data, PLAIN_LEN);
	assert_string_equal(outcome.error, "");
	assert_int_equal(outcome.taken, packed.len);
	free(outcome.out);
	/* Two streams, with padding between them and behind; blocks that do not say how long. */
	put_xz_blocks(&two, BLOCK, plain.data, 70000);
	put_zeros(&two, 8);
	put_packed(&two, PACK_XZ, plain.data + 70000, 30000);
	put_xz_blocks(&two, 5000, plain.data + 100000, PLAIN_LEN - 100000);
	put_zeros(&two, 4);
	read_each_way(&outcome, &two);
	assert_int_equal(outcome.len, PLAIN_LEN);
	assert_memory_equal(outcome.out, plain.data, PLAIN_LEN);
	assert_string_equal(outcome.error, "");
	free(outcome.out);
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
		read_each_way(&outcome, &packed);
		assert_string_not_equal(outcome.error, "");
		while (same < outcome.len && outcome.out[same] == plain.data[same])
			same++;
		/* The place that is told is where a part begins; all parts before it are sound. */
		assert_true(outcome.taken <= i);
		assert_true(outcome.len == 0 || same >= (outcome.len - 1) / BLOCK * BLOCK);
		nb_partial += outcome.len % BLOCK != 0;
		packed.data[i] ^= (uint8_t)(1u << i % 8);
		free(outcome.out);
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
	read_all(&first, &packed, 2);
	assert_string_not_equal(first.error, "");
	for (int i = 0; i < 20; i++) {
		struct outcome again;

		read_all(&again, &packed, 2 + (uint32_t)i % 3);
		assert_same(&first, &again);
		free(again.out);
	}
	free(first.out);
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
		read_each_way(&outcome, &packed);
		assert_string_equal(outcome.error, "cut short: expected more of the stream, got "
						   "the end of the input");
		assert_memory_equal(outcome.out, plain.data, outcome.len);
		assert_int_equal(outcome.taken, len);
		assert_true(outcome.len >= last);
		last = outcome.len;
		free(outcome.out);
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
