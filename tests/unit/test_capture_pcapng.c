/* SPDX-License-Identifier: BSD-3-Clause */

/* pcapng that is as it should be: sections, interfaces, stamps, blocks. */

#include <stdlib.h>

#include "capture_support.h"

#define S INT64_C(1000000000)
#define T0 1700000000u
#define T0_NS (INT64_C(1700000000) * S)

static const size_t chunk_sizes[] = {4096, 5000, 65536, 1 << 20};
#define NB_CHUNK_SIZES (sizeof(chunk_sizes) / sizeof(chunk_sizes[0]))

static void pcapng_of_both_byte_orders(void **state)
{
	const struct want_frame want[] = {
		{T0_NS + 1000, 60, 60, 1, 1},
		{T0_NS + 2000, 61, 1500, 2, 1},
		{T0_NS + 3000, 0, 40, 3, 1},
	};

	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};
		struct reading r;
		char *path;

		put_section(&b, big_endian);
		put_interface(&b, 1, 0, -1, 0);
		for (uint32_t i = 0; i < 3; i++)
			put_enhanced(&b, 0, UINT64_C(1700000000000001) + i, want[i].caplen,
				     want[i].wire_len, want[i].seed);
		path = write_file(state, "pcapng", &b);
		reading_of(&r, path, 4096);
		assert_frames(&r, want, 3);
		assert_string_equal(capture_input(r.capture, 0)->format, "pcapng");
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		assert_int_equal(capture_totals(r.capture)->file_bytes, b.len);
		reading_fini(&r);
		bytes_fini(&b);
		free(path);
	}
}

/* Two sections of different byte order; interface numbers start again in the second. */
static void sections_have_their_own_interfaces_and_byte_order(void **state)
{
	const struct want_frame want[] = {
		{1000, 20, 20, 1, 1},   {5, 20, 20, 2, 101},     {1000, 20, 20, 3, 1},
		{3000, 20, 20, 4, 113}, {7 * S, 20, 20, 5, 276}, {3000, 20, 20, 6, 113},
	};
	static const uint32_t interface[] = {0, 1, 0, 2, 3, 2};
	struct bytes b = {0};
	char *path;

	put_section(&b, false);
	put_interface(&b, 1, 0, -1, 0);
	put_enhanced(&b, 0, 1, 20, 20, 1);
	put_interface(&b, 101, 0, 9, 0); /* appears after packets */
	put_enhanced(&b, 1, 5, 20, 20, 2);
	put_enhanced(&b, 0, 1, 20, 20, 3);
	put_section(&b, true);
	put_interface(&b, 113, 0, 6, 0);
	put_interface(&b, 276, 0, 0, 0);
	put_enhanced(&b, 0, 3, 20, 20, 4);
	put_enhanced(&b, 1, 7, 20, 20, 5);
	put_enhanced(&b, 0, 3, 20, 20, 6);
	path = write_file(state, "sections", &b);
	for (size_t i = 0; i < NB_CHUNK_SIZES; i++) {
		struct reading r;

		reading_of(&r, path, chunk_sizes[i]);
		assert_frames(&r, want, 6);
		for (size_t k = 0; k < 6; k++)
			assert_int_equal(r.frames[k].interface, interface[k]);
		assert_int_equal(capture_nb_interfaces(r.capture), 4);
		assert_int_equal(capture_interface(r.capture, 0)->nb_frames, 2);
		assert_int_equal(capture_interface(r.capture, 3)->nb_frames, 1);
		reading_fini(&r);
	}
	bytes_fini(&b);
	free(path);
}

/* Many sections of a few packets: a chunk starts inside any of them. */
static void sections_change_at_any_place_of_a_chunk(void **state)
{
	enum { NB = 400 };
	struct want_frame want[NB];
	struct bytes b = {0};
	char *path;

	for (uint32_t i = 0; i < NB; i++) {
		const bool first = i % 3 == 0;

		if (first) {
			put_section(&b, i % 2 == 1);
			put_interface(&b, (uint16_t)(200 + i / 3), 0, 9, 0);
		}
		put_enhanced(&b, 0, i, i % 50, 90, i);
		want[i] = (struct want_frame){i, i % 50, 90, i, (uint16_t)(200 + i / 3)};
	}
	path = write_file(state, "many-sections", &b);
	for (size_t i = 0; i < NB_CHUNK_SIZES; i++) {
		struct reading r;

		reading_of(&r, path, chunk_sizes[i]);
		assert_frames(&r, want, NB);
		assert_int_equal(capture_nb_interfaces(r.capture), 134);
		reading_fini(&r);
	}
	bytes_fini(&b);
	free(path);
}

/* Ticks of one interface; the time they stand for, worked out by hand. */
static const struct {
	int ts_resol;
	int64_t offset_s;
	uint64_t ticks;
	int64_t ts_ns;
} stamps[] = {
	{-1, 0, 1500000, 1500000000},          /* no option: microseconds */
	{6, 0, 1500000, 1500000000},           /* 10^-6 s */
	{9, 0, 1500000, 1500000},              /* 10^-9 s */
	{0, 0, 1500000, INT64_C(1500000) * S}, /* whole seconds */
	{3, 0, 1500, 1500000000},              /* milliseconds */
	{10, 0, 15000000009, 1500000000},      /* finer than ns: cut */
	{12, 0, 1500000000999, 1500000000},    /* picoseconds */
	{127, 0, UINT64_MAX, 0},               /* a tick is nothing */
	{0x80 | 10, 0, 1536, 1500000000},      /* 2^-10 s: 1536 / 1024 = 1.5 s */
	{0x80 | 10, 0, 1, 976562},             /* 976562.5 ns, cut */
	{0x80 | 0, 0, 7, 7 * S},               /* 2^0 s */
	{0x80 | 32, 0, UINT64_C(1700000000) << 32 | 0x80000000u, T0_NS + 500000000},
	{0x80 | 63, 0, UINT64_C(1) << 62, 500000000},
	{6, 1000, 1500000, 1001500000000}, /* if_tsoffset, in seconds */
	{6, -1, 1500000, 500000000},
	{9, -2, 1500000000, -500000000}, /* before the epoch */
	{0x80 | 10, -1, 1536, 500000000},
};

static void time_stamps_follow_resolution_and_offset(void **state)
{
	enum { NB = sizeof(stamps) / sizeof(stamps[0]) };

	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct want_frame want[NB];
		struct bytes b = {0};
		struct reading r;
		char *path;

		put_section(&b, big_endian);
		for (uint32_t i = 0; i < NB; i++)
			put_interface(&b, 1, 0, stamps[i].ts_resol, stamps[i].offset_s);
		for (uint32_t i = 0; i < NB; i++) {
			want[i] = (struct want_frame){stamps[i].ts_ns, 20, 20, i, 1};
			put_enhanced(&b, i, stamps[i].ticks, 20, 20, i);
		}
		path = write_file(state, "stamps", &b);
		reading_of(&r, path, 4096);
		assert_frames(&r, want, NB);
		reading_fini(&r);
		bytes_fini(&b);
		free(path);
	}
}

static void put_simple(struct bytes *b, uint32_t caplen, uint32_t wire_len, uint32_t seed)
{
	const size_t at = block_begin(b, BLOCK_SIMPLE);

	put32(b, wire_len);
	put_packet(b, seed, caplen);
	block_end(b, at);
}

static void put_obsolete(struct bytes *b, uint16_t interface, uint64_t ticks, uint32_t caplen,
			 uint32_t wire_len, uint32_t seed)
{
	const size_t at = block_begin(b, BLOCK_OBSOLETE);

	put16(b, interface);
	put16(b, 0xffff);
	put32(b, (uint32_t)(ticks >> 32));
	put32(b, (uint32_t)ticks);
	put32(b, caplen);
	put32(b, wire_len);
	put_packet(b, seed, caplen);
	block_end(b, at);
}

static void simple_and_obsolete_packet_blocks(void **state)
{
	const struct want_frame want[] = {
		{0, 61, 61, 1, 1},   /* simple: no stamp, padding is no part of it */
		{0, 96, 1500, 2, 1}, /* simple, cut by interface 0's snaplen */
		{0, 40, 90, 3, 1},   /* simple, cut further: the block has no more */
		{0, 40, 42, 4, 1},   /* simple: two bytes short of what it says */
		{5000, 33, 34, 5, 113},
		{0, 5, 5, 6, 1}, /* simple, where the interface has no snaplen */
	};

	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};
		struct reading r;
		char *path;

		put_section(&b, big_endian);
		put_interface(&b, 1, 96, -1, 5);
		put_interface(&b, 113, 0, -1, 0);
		put_simple(&b, 61, 61, 1);
		put_simple(&b, 96, 1500, 2);
		put_simple(&b, 40, 90, 3);
		put_simple(&b, 40, 42, 4);
		put_obsolete(&b, 1, 5, 33, 34, 5);
		put_section(&b, big_endian);
		put_interface(&b, 1, 0, -1, 0);
		put_simple(&b, 5, 5, 6);
		path = write_file(state, "blocks", &b);
		reading_of(&r, path, 4096);
		assert_frames(&r, want, 6);
		reading_fini(&r);
		bytes_fini(&b);
		free(path);
	}
}

static void put_statistics(struct bytes *b, uint32_t interface, uint16_t code, uint64_t first,
			   uint64_t os_drops)
{
	const size_t at = block_begin(b, BLOCK_STATISTICS);

	put32(b, interface);
	put64(b, 0);
	put_option_64(b, code, first);
	if (os_drops != 0)
		put_option_64(b, 7, os_drops);
	put_option(b, 0, "", 0);
	block_end(b, at);
}

static void interface_statistics_tell_drops_and_the_last_counts(void **state)
{
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};
		struct reading r;
		char *path;

		put_section(&b, big_endian);
		for (int i = 0; i < 3; i++)
			put_interface(&b, 1, 0, -1, 0);
		put_statistics(&b, 0, 5, 11, 0);
		put_statistics(&b, 0, 5, UINT64_C(0x100000002), 3); /* interface's and system's */
		put_statistics(&b, 1, 5, 0, 0);
		put_statistics(&b, 2, 4, 1000, 0); /* received only: drops are not known */
		/* No such interface: passed over. */
		put_statistics(&b, 3, 5, 99, 0);
		put_statistics(&b, UINT32_MAX, 5, 99, 0);
		put_enhanced(&b, 2, 1, 20, 20, 1);
		path = write_file(state, "statistics", &b);
		reading_of(&r, path, 4096);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		assert_int_equal(r.nb_frames, 1);
		assert_int_equal(capture_interface(r.capture, 0)->drops, UINT64_C(0x100000005));
		assert_int_equal(capture_interface(r.capture, 1)->drops, 0);
		assert_int_equal(capture_interface(r.capture, 2)->drops, UINT64_MAX);
		reading_fini(&r);
		bytes_fini(&b);
		free(path);
	}
}

static void unknown_blocks_and_options_are_passed_over(void **state)
{
	const struct want_frame want[] = {{1000, 20, 20, 1, 1}, {2000, 21, 21, 2, 1}};
	struct bytes b = {0};
	struct reading r;
	char *path;
	size_t at;

	put_section(&b, false);
	put_custom(&b, 0);
	put_interface(&b, 1, 0, -1, 0);
	put_custom(&b, 100);
	at = block_begin(&b, BLOCK_NAMES);
	put16(&b, 1);
	put16(&b, 6);
	put_raw(&b, "\x0a\x00\x00\x01x", 6);
	put_zeros(&b, 6);
	block_end(&b, at);
	put_enhanced(&b, 0, 1, 20, 20, 1);
	at = block_begin(&b, BLOCK_ENHANCED);
	put32(&b, 0);
	put32(&b, 0);
	put32(&b, 2);
	put32(&b, 21);
	put32(&b, 21);
	put_packet(&b, 2, 21);
	put_zeros(&b, 3);
	put_option(&b, 1, "a comment", 9);
	put_option(&b, 0x8fff, "?", 1);
	put_option(&b, 0, "", 0);
	block_end(&b, at);
	at = block_begin(&b, 0x7fffffff);
	block_end(&b, at);
	path = write_file(state, "unknown", &b);
	reading_of(&r, path, 4096);
	assert_frames(&r, want, 2);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcapng_of_both_byte_orders),
		cmocka_unit_test(sections_have_their_own_interfaces_and_byte_order),
		cmocka_unit_test(sections_change_at_any_place_of_a_chunk),
		cmocka_unit_test(time_stamps_follow_resolution_and_offset),
		cmocka_unit_test(simple_and_obsolete_packet_blocks),
		cmocka_unit_test(interface_statistics_tell_drops_and_the_last_counts),
		cmocka_unit_test(unknown_blocks_and_options_are_passed_over),
	};

	return cmocka_run_group_tests_name("capture pcapng", tests, folder_setup, folder_teardown);
}
