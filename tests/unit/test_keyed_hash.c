/* SPDX-License-Identifier: BSD-3-Clause */

/* The hash of texts and groups of `show`, and what it stores by it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/keyed_hash.h"
#include "../../src/cli/show_priv.h"

#define NB_TEXTS 2000
#define LOW_BITS 0xfffu

/* Of the paper's appendix: bytes 0 to 14, key 0 to 15; and the first ones of its reference. */
static void it_is_siphash_2_4(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} known[] = {{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {15, 0xa129ca6149be45e5}};
	const struct keyed_hash hash = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	unsigned char data[16];

	(void)state;
	for (unsigned char i = 0; i < sizeof(data); i++)
		data[i] = i;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(keyed_hash_of(&hash, 0, data, known[i].len) == known[i].hash);
}

/* The next text behind *number whose hash has no low bits. */
static void next_aimed(const struct keyed_hash *hash, uint64_t *number, char text[static 32])
{
	do {
		snprintf(text, 32, "192.0.2.%llu", (unsigned long long)++*number);
	} while ((keyed_hash_of(hash, 0, text, strlen(text)) & LOW_BITS) != 0);
}

/* What is aimed at one bucket of a known key lies all over the table of another. */
static void another_key_is_another_table(void **state)
{
	static bool is_taken[LOW_BITS + 1];
	const struct keyed_hash known = {{0, 0}};
	struct keyed_hash own;
	uint64_t number = 0;
	size_t nb_taken = 0;

	(void)state;
	keyed_hash_init(&own);
	memset(is_taken, 0, sizeof(is_taken));
	for (size_t i = 0; i < NB_TEXTS; i++) {
		char text[32];
		bool *taken;

		next_aimed(&known, &number, text);
		taken = &is_taken[keyed_hash_of(&own, 0, text, strlen(text)) & LOW_BITS];
		nb_taken += !*taken;
		*taken = true;
	}
	/* 2,000 balls in 4,096 urns: 1,582 of them, give or take 15. */
	assert_in_range(nb_taken, 1450, 1710);
}

/* Each process has a key of its own; two in a row are not alike. */
static void keys_differ(void **state)
{
	struct keyed_hash a, b;

	(void)state;
	keyed_hash_init(&a);
	keyed_hash_init(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_false(keyed_hash_of(&a, 0, "", 0) == keyed_hash_of(&a, 1, "", 0));
}

/* Equal texts are kept once, others never met in the table: all come back as they were. */
static void texts_come_back(void **state)
{
	const uint8_t kept[] = {SHOW_KEPT_TEXT};
	struct show_store *store = show_store_create(kept, 1);
	struct show_cell cell = {0};
	char text[32];

	(void)state;
	assert_non_null(store);
	for (int i = 0; i < 20000; i++) {
		cell.s = text;
		cell.len = (size_t)snprintf(text, sizeof(text), "%d", i % 7001);
		assert_int_equal(show_store_add(store, &cell), 0);
	}
	assert_int_equal(show_store_nb_rows(store), 20000);
	for (size_t i = 0; i < 20000; i++) {
		const size_t len = (size_t)snprintf(text, sizeof(text), "%zu", i % 7001);

		show_store_get(store, i, &cell);
		assert_int_equal(cell.len, len);
		assert_memory_equal(cell.s, text, len);
	}
	show_store_destroy(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_siphash_2_4),
		cmocka_unit_test(another_key_is_another_table),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(texts_come_back),
	};

	return cmocka_run_group_tests_name("keyed_hash", tests, NULL, NULL);
}
