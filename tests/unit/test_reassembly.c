/* SPDX-License-Identifier: BSD-3-Clause */

/* Fragments into datagrams: which bytes count, what is given up, and that none of it is slow. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcpmill/decode.h"
#include "tcpmill/reassembly.h"

#define NB_UNITS 8192u /* offsets that a header can tell */

struct table {
	struct decode_keys keys;
	struct reassembly *reassembly;
	uint8_t header[20];
	uint8_t data[8 * NB_UNITS + 65535];
};

static void make(struct table *t, uint64_t max_bytes, uint64_t timeout_ns)
{
	const struct reassembly_params params = {
		.keys = &t->keys, .max_bytes = max_bytes, .timeout_ns = timeout_ns};

	reassembly_destroy(t->reassembly);
	t->reassembly = reassembly_create(&params);
	assert_non_null(t->reassembly);
}

static int setup(void **state)
{
	struct table *t = calloc(1, sizeof(*t));

	*state = t;
	if (t == NULL)
		return -1;
	decode_keys_init(&t->keys, 3);
	make(t, REASSEMBLY_BYTES, 0);
	return 0;
}

static int teardown(void **state)
{
	struct table *t = *state;

	reassembly_destroy(t->reassembly);
	free(t);
	return 0;
}

/* len bytes of that value at offset, of the datagram id; see reassembly_add(). */
static uint8_t *add(struct table *t, uint32_t id, uint32_t offset, uint32_t len, bool is_last,
		    char value, uint32_t *whole)
{
	const struct fragment fragment = {
		.src = {1},
		.dst = {2},
		.id = id,
		.is_last = is_last,
		.offset = offset,
		.len = len,
		.payload = memset(t->data, value, len),
		.header = t->header,
		.header_len = sizeof(t->header),
	};

	return reassembly_add(t->reassembly, &fragment, whole);
}

/* Fragments as "OFFSET-END LETTER", the last ones with '!'; what the last of them completes. */
static void assert_whole(struct table *t, const char *fragments, const char *want)
{
	const char *at = fragments;
	uint8_t *whole = NULL;
	uint32_t len = 0;

	while (*at != '\0') {
		char *end;
		const uint32_t offset = (uint32_t)strtoul(at, &end, 10);
		const uint32_t stop = (uint32_t)strtoul(end + 1, &end, 10);

		assert_null(whole);
		whole = add(t, 1, offset, stop - offset, end[1] == '!', end[0], &len);
		at = end + 1 + (end[1] == '!');
		at += *at == ' ';
	}
	if (want == NULL) {
		assert_null(whole);
	} else {
		assert_non_null(whole);
		assert_int_equal(len, strlen(want));
		assert_memory_equal(whole, want, len);
	}
	make(t, REASSEMBLY_BYTES, 0);
}

/* Each line is tshark 4.0.17's answer to such fragments, byte by byte (tcp.payload). */
static void bytes_of_several_fragments(void **state)
{
	struct table *t = *state;

	assert_whole(t, "0-8a 8-12b!", "aaaaaaaabbbb");
	assert_whole(t, "8-12b! 0-8a", "aaaaaaaabbbb");
	assert_whole(t, "0-16a 8-20b!", "aaaaaaaaaaaaaaaabbbb");
	assert_whole(t, "8-20b! 0-16a", "aaaaaaaaaaaaaaaabbbb");
	assert_whole(t, "0-8a 0-16b 16-20c!", "aaaaaaaabbbbbbbbcccc");
	assert_whole(t, "0-16a 0-8b 16-20c!", "aaaaaaaaaaaaaaaacccc");
	/* The first end counts, bytes behind it do not. */
	assert_whole(t, "8-20a! 8-24b! 0-8c", "ccccccccaaaaaaaaaaaa");
	assert_whole(t, "8-24a! 8-20b! 0-8c", "ccccccccaaaaaaaaaaaaaaaa");
	assert_whole(t, "16-24a 8-16b! 0-8c", "ccccccccbbbbbbbb");
	assert_whole(t, "8-16b! 16-24a 0-8c", "ccccccccbbbbbbbb");
	assert_whole(t, "8-16b! 8-24a 0-8c", "ccccccccbbbbbbbb");
	/* Ends need be no multiple of 8; a gap is one. */
	assert_whole(t, "0-12a 8-20b!", "aaaaaaaaaaaabbbbbbbb");
	assert_whole(t, "0-12a 16-20b!", NULL);
	/* Without bytes there is no fragment. */
	assert_whole(t, "0-0a 0-8b 8-8c! 8-16d 16-16e!", NULL);
	assert_whole(t, "8-8c! 0-8b 8-16d!", "bbbbbbbbdddddddd");
	/* Pieces of all kinds go when a lower offset covers them. */
	assert_whole(t, "8-16a 24-32b 40-64c! 0-48d",
		     "dddddddddddddddddddddddddddddddddddddddddddddddd"
		     "cccccccccccccccc");
}

static void a_datagram_that_is_whole_is_forgotten(void **state)
{
	struct table *t = *state;
	struct reassembly_stats stats;
	uint32_t len;

	for (int i = 0; i < 3; i++) {
		assert_null(add(t, 7, 0, 8, false, 'a', &len));
		assert_null(add(t, 8, 8, 8, true, 'b', &len));
		assert_non_null(add(t, 7, 8, 8, true, 'c', &len));
	}
	reassembly_get_stats(t->reassembly, &stats);
	assert_int_equal(stats.completed, 3);
	assert_int_equal(stats.incomplete, 1);
	assert_int_equal(stats.given_up, 0);
}

static void larger_than_ip_can_be(void **state)
{
	struct table *t = *state;
	uint32_t len = 0;

	assert_null(add(t, 1, 0, 65512, false, 'a', &len));
	assert_non_null(add(t, 1, 65512, 65515, true, 'b', &len));
	assert_int_equal(len, 65512 + 65515);
}

static void the_oldest_gives_way(void **state)
{
	struct table *t = *state;
	struct reassembly_stats stats;
	uint32_t len;

	make(t, 100000, 0);
	for (uint32_t id = 0; id < 1000; id++) {
		assert_null(add(t, id, 0, 1000, false, 'a', &len));
		reassembly_get_stats(t->reassembly, &stats);
		assert_true(stats.bytes <= 100000);
	}
	assert_true(stats.incomplete >= 50); /* half of the bytes at least are payload */
	assert_int_equal(stats.incomplete + stats.given_up, 1000);
	/* Those that are left are the youngest. */
	for (uint32_t i = 0; i < stats.incomplete; i++)
		assert_non_null(add(t, 999 - i, 1000, 8, true, 'b', &len));
	assert_null(add(t, 999 - (uint32_t)stats.incomplete, 1000, 8, true, 'b', &len));
	/* A single one that is too large goes too, and the table works on. */
	for (uint32_t i = 0; i < 100; i++)
		assert_null(add(t, 5000, i * 1000 / 8 * 8, 1000, false, 'c', &len));
	assert_null(add(t, 5001, 0, 8, false, 'd', &len));
	assert_non_null(add(t, 5001, 8, 8, true, 'd', &len));
	assert_false(reassembly_failed(t->reassembly));
}

static void old_ones_begin_anew_with_a_time_out(void **state)
{
	struct table *t = *state;
	struct fragment f = {.id = 1, .len = 8, .payload = t->data, .header = t->header};
	uint32_t len;

	make(t, REASSEMBLY_BYTES, 60);
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.offset = 8;
	f.is_last = true;
	f.ts_ns = 61;
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.offset = 0;
	f.is_last = false;
	f.ts_ns = 121;
	assert_non_null(reassembly_add(t->reassembly, &f, &len));
}

static void keys_are_whole(void **state)
{
	struct table *t = *state;
	struct fragment f = {.len = 8, .payload = t->data, .header = t->header};
	uint32_t len;

	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.offset = 8;
	f.is_last = true;
	f.src[15] = 1;
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.src[15] = 0;
	f.dst[0] = 1;
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.dst[0] = 0;
	f.is_ipv6 = true;
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.is_ipv6 = false;
	f.id = 1;
	assert_null(reassembly_add(t->reassembly, &f, &len));
	f.id = 0;
	assert_non_null(reassembly_add(t->reassembly, &f, &len));
}

/* All offsets there are, in an order that jumps about: the data is in order. */
static void every_offset_once(void **state)
{
	struct table *t = *state;
	uint8_t *whole = NULL;
	uint32_t len = 0;

	for (uint32_t i = 0; i < NB_UNITS; i++) {
		const uint32_t unit = i * 5167 % NB_UNITS; /* odd: no unit comes twice */

		assert_null(whole);
		whole = add(t, 1, unit * 8, 8, unit == NB_UNITS - 1, (char)unit, &len);
	}
	assert_non_null(whole);
	assert_int_equal(len, NB_UNITS * 8);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(whole[i], (uint8_t)(i / 8));
}

/* Each lies over all that came before: memory is that of one datagram, not of all fragments. */
static void fragments_that_cover_others(void **state)
{
	struct table *t = *state;
	struct reassembly_stats stats;
	uint32_t len;

	for (uint32_t i = 0; i < 2000; i++) {
		assert_null(add(t, 1, (NB_UNITS - 1 - i) * 8, 65000, false, 'a', &len));
		reassembly_get_stats(t->reassembly, &stats);
		assert_true(stats.bytes < 1u << 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_several_fragments),
		cmocka_unit_test(a_datagram_that_is_whole_is_forgotten),
		cmocka_unit_test(larger_than_ip_can_be),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(old_ones_begin_anew_with_a_time_out),
		cmocka_unit_test(keys_are_whole),
		cmocka_unit_test(every_offset_once),
		cmocka_unit_test(fragments_that_cover_others),
	};
	struct CMUnitTest all[sizeof(tests) / sizeof(tests[0])];

	memcpy(all, tests, sizeof(tests));
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		all[i].setup_func = setup;
		all[i].teardown_func = teardown;
	}
	return cmocka_run_group_tests_name("reassembly", all, NULL, NULL);
}
