/* SPDX-License-Identifier: BSD-3-Clause */

/* Captures that are as they should be: pcap, chunks, several inputs, a limit. */

#include <stdlib.h>
#include <unistd.h>

#include "capture_support.h"

#define S INT64_C(1000000000)
#define T0 1700000000u
#define T0_NS (INT64_C(1700000000) * S)

static const size_t chunk_sizes[] = {4096, 5000, 65536, 1 << 20};
#define NB_CHUNK_SIZES (sizeof(chunk_sizes) / sizeof(chunk_sizes[0]))

/* ---- pcap -------------------------------------------------------------- */

static void one_pcap_variant(void **state, uint32_t magic, bool big_endian, const char *format)
{
	const bool ns = magic == MAGIC_NS, modified = magic == MAGIC_MODIFIED;
	const uint32_t fraction = ns ? 123456789 : 123456;
	const int64_t fraction_ns = ns ? 123456789 : 123456000;
	const struct want_frame want[] = {
		{T0_NS, 60, 60, 1, 1},
		{T0_NS + fraction_ns, 10, 1500, 2, 1},
		{T0_NS + S, 0, 40, 3, 1},
	};
	struct bytes b = {.big_endian = big_endian};
	struct reading r;
	char *path;

	put_pcap_header(&b, magic, 2, 4, 1);
	for (int i = 0; i < 3; i++) {
		put32(&b, T0 + (i == 2));
		put32(&b, i == 1 ? fraction : 0);
		put32(&b, want[i].caplen);
		put32(&b, want[i].wire_len);
		if (modified)
			put64(&b, 0x1122334455667788);
		put_packet(&b, want[i].seed, want[i].caplen);
	}
	path = write_file(state, "pcap", &b);
	reading_of(&r, path, 4096);
	assert_frames(&r, want, 3);
	assert_string_equal(capture_input(r.capture, 0)->format, format);
	assert_string_equal(capture_input(r.capture, 0)->path, path);
	assert_int_equal(capture_input(r.capture, 0)->size, 24 + 70 + (modified ? 72 : 48));
	assert_int_equal(capture_interface(r.capture, 0)->snaplen, 65535);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

static void pcap_in_micro_and_nanoseconds_of_both_byte_orders(void **state)
{
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		one_pcap_variant(state, MAGIC_US, big_endian, "pcap");
		one_pcap_variant(state, MAGIC_NS, big_endian, "pcap, ns");
		one_pcap_variant(state, MAGIC_MODIFIED, big_endian, "pcap, modified");
	}
}

static void totals_add_up(void **state)
{
	struct bytes b = {0};
	struct reading r;
	const struct capture_totals *totals;
	char *path;

	put_pcap_header(&b, MAGIC_US, 2, 4, 1);
	put_pcap_record(&b, T0 + 5, 0, 60, 100, 60, 1);
	put_pcap_record(&b, T0 + 2, 0, 70, 70, 70, 2);
	put_pcap_record(&b, T0 + 9, 0, 80, 9000, 80, 3);
	path = write_file(state, "totals", &b);
	reading_of(&r, path, 4096);
	totals = capture_totals(r.capture);
	assert_int_equal(totals->nb_frames, 3);
	assert_int_equal(totals->wire_bytes, 9170);
	assert_int_equal(totals->captured_bytes, 210);
	assert_int_equal(totals->file_bytes, 24 + 48 + 210);
	assert_int_equal(totals->first_ts_ns, T0_NS + 2 * S);
	assert_int_equal(totals->last_ts_ns, T0_NS + 9 * S);
	assert_int_equal(totals->time_jumps, 0);
	assert_int_equal(totals->nb_damage, 0);
	assert_int_equal(capture_interface(r.capture, 0)->nb_frames, 3);
	assert_int_equal(capture_interface(r.capture, 0)->drops, UINT64_MAX);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

static void a_fraction_of_a_second_or_more_is_added(void **state)
{
	const struct want_frame want[] = {
		{10 * S + 1500000000, 20, 20, 1, 1},
		/* 2^32 - 1 s and as many us: nothing overflows. */
		{INT64_C(4294967295) * S + INT64_C(4294967295000), 20, 20, 2, 1},
	};
	struct bytes b = {0};
	struct reading r;
	char *path;

	put_pcap_header(&b, MAGIC_US, 2, 4, 1);
	put_pcap_record(&b, 10, 1500000, 20, 20, 20, 1);
	put_pcap_record(&b, UINT32_MAX, UINT32_MAX, 20, 20, 20, 2);
	path = write_file(state, "fraction", &b);
	reading_of(&r, path, 4096);
	assert_frames(&r, want, 2);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

static void frame_check_sequence_bits_are_no_part_of_the_link_type(void **state)
{
	const struct want_frame want = {0, 20, 20, 1, 113};
	struct bytes b = {.big_endian = true};
	struct reading r;
	char *path;

	put_pcap_header(&b, MAGIC_US, 2, 4, 0x14000000u | 113);
	put_pcap_record(&b, 0, 0, 20, 20, 20, 1);
	path = write_file(state, "fcs", &b);
	reading_of(&r, path, 4096);
	assert_frames(&r, &want, 1);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

/* One frame of 20 captured bytes out of 90, and one that was not cut. */
static void one_old_version(void **state, uint16_t major, uint16_t minor, uint32_t a, uint32_t b20)
{
	const struct want_frame want[] = {{S, 20, 90, 1, 1}, {2 * S, 30, 30, 2, 1}};
	struct bytes b = {0};
	struct reading r;
	char *path;

	put_pcap_header(&b, MAGIC_US, major, minor, 1);
	put_pcap_record(&b, 1, 0, a, b20, 20, 1);
	put_pcap_record(&b, 2, 0, 30, 30, 30, 2);
	path = write_file(state, "old", &b);
	reading_of(&r, path, 4096);
	assert_frames(&r, want, 2);
	reading_fini(&r);
	bytes_fini(&b);
	free(path);
}

static void old_pcap_has_its_lengths_swapped(void **state)
{
	one_old_version(state, 2, 0, 90, 20);
	one_old_version(state, 2, 2, 90, 20);
	one_old_version(state, 543, 0, 90, 20);
	/* 2.3 was written both ways: the captured length is the smaller one. */
	one_old_version(state, 2, 3, 90, 20);
	one_old_version(state, 2, 3, 20, 90);
	one_old_version(state, 2, 4, 20, 90);
}

/* ---- chunks ------------------------------------------------------------ */

/* Reads the image as a file and as a FIFO, in chunks of every size. */
static void assert_same_for_all_chunks(void **state, const struct bytes *b,
				       const struct want_frame *want, size_t nb)
{
	char *path = write_file(state, "chunks", b);

	for (size_t i = 0; i < NB_CHUNK_SIZES; i++) {
		struct feeder *feeder = feeder_start(state, "fifo", b);
		struct reading r;

		reading_of(&r, path, chunk_sizes[i]);
		assert_frames(&r, want, nb);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		assert_int_equal(capture_totals(r.capture)->file_bytes, b->len);
		reading_fini(&r);
		reading_of(&r, feeder_path(feeder), chunk_sizes[i]);
		assert_frames(&r, want, nb);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		assert_int_equal(capture_input(r.capture, 0)->size, 0);
		reading_fini(&r);
		feeder_stop(feeder);
	}
	free(path);
}

/* Lengths that leave a header at every place of a border, and packets of many chunks. */
static uint32_t length_of(uint32_t i)
{
	if (i % 97 == 50)
		return CAPTURE_MAX_CAPLEN;
	if (i % 29 == 20)
		return 9000 + i;
	return i * 7 % 1501;
}

enum { NB_MIXED = 400 };

static void mixed_frames(struct want_frame *want)
{
	for (uint32_t i = 0; i < NB_MIXED; i++)
		want[i] =
			(struct want_frame){T0_NS + i * 1000, length_of(i), length_of(i) + i, i, 1};
}

static void pcap_gives_the_same_frames_for_any_chunk_size(void **state)
{
	struct want_frame want[NB_MIXED];

	mixed_frames(want);
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {.big_endian = big_endian};

		put_pcap_header(&b, MAGIC_US, 2, 4, 1);
		for (uint32_t i = 0; i < NB_MIXED; i++)
			put_pcap_record(&b, T0, i, want[i].caplen, want[i].wire_len, want[i].caplen,
					i);
		assert_same_for_all_chunks(state, &b, want, NB_MIXED);
		bytes_fini(&b);
	}
}

static void pcapng_gives_the_same_frames_for_any_chunk_size(void **state)
{
	struct want_frame want[NB_MIXED];

	mixed_frames(want);
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};

		put_section(&b, big_endian);
		put_interface(&b, 1, 0, -1, 0);
		for (uint32_t i = 0; i < NB_MIXED; i++) {
			put_enhanced(&b, 0, UINT64_C(1700000000000000) + i, want[i].caplen,
				     want[i].wire_len, i);
			if (i % 50 == 7) /* from a few bytes up to larger than any buffer */
				put_custom(&b, (size_t)1 << (i / 50 + 14));
		}
		assert_same_for_all_chunks(state, &b, want, NB_MIXED);
		bytes_fini(&b);
	}
}

/* The border of a chunk of 4096 bytes falls on each byte of a record's header. */
static void a_header_may_lie_across_a_border_at_any_byte(void **state)
{
	for (uint32_t shift = 0; shift < 64; shift++) {
		const uint32_t long_len = 4096 - 24 - 16 - 48 + shift;
		const struct want_frame want[] = {
			{S, long_len, 9000, 1, 1}, {2 * S, 5, 60, 2, 1}, {3 * S, 0, 60, 3, 1}};
		struct bytes pcap = {0}, pcapng = {0};
		struct reading r;
		char *path;

		put_pcap_header(&pcap, MAGIC_US, 2, 4, 1);
		put_section(&pcapng, true);
		put_interface(&pcapng, 1, 0, 0, 0);
		for (uint32_t i = 0; i < 3; i++) {
			put_pcap_record(&pcap, i + 1, 0, want[i].caplen, want[i].wire_len,
					want[i].caplen, i + 1);
			put_enhanced(&pcapng, 0, i + 1, want[i].caplen - (i == 0 ? 40 : 0),
				     want[i].wire_len, i + 1);
		}
		path = write_file(state, "border", &pcap);
		reading_of(&r, path, 4096);
		assert_frames(&r, want, 3);
		reading_fini(&r);
		free(path);

		path = write_file(state, "border", &pcapng);
		reading_of(&r, path, 4096);
		assert_int_equal(r.nb_frames, 3);
		assert_int_equal(r.frames[0].caplen, long_len - 40);
		assert_frame(&r, 2, &want[1]);
		assert_frame(&r, 3, &want[2]);
		reading_fini(&r);
		free(path);
		bytes_fini(&pcap);
		bytes_fini(&pcapng);
	}
}

static void a_capture_without_packets_is_no_damage(void **state)
{
	struct bytes pcap = {0}, pcapng = {0}, bare = {0};

	put_pcap_header(&pcap, MAGIC_US, 2, 4, 1);
	put_section(&bare, false);
	put_section(&pcapng, false);
	put_interface(&pcapng, 1, 0, -1, 0);
	assert_same_for_all_chunks(state, &pcap, NULL, 0);
	assert_same_for_all_chunks(state, &bare, NULL, 0);
	assert_same_for_all_chunks(state, &pcapng, NULL, 0);
	bytes_fini(&pcap);
	bytes_fini(&bare);
	bytes_fini(&pcapng);
}

/* ---- several inputs ---------------------------------------------------- */

static void inputs_follow_each_other_as_one_stream(void **state)
{
	const struct want_frame want[] = {
		{T0_NS, 20, 20, 1, 1},           {T0_NS + S, 20, 20, 2, 1},
		{T0_NS + 2 * S, 20, 20, 3, 101}, {T0_NS + 3 * S, 20, 20, 4, 113},
		{T0_NS + 4 * S, 20, 20, 5, 113},
	};
	static const uint32_t input_of[] = {0, 0, 2, 3, 3};
	struct bytes b[4] = {0};
	const char *paths[4];
	struct feeder *feeder;
	struct reading r;

	put_pcap_header(&b[0], MAGIC_US, 2, 4, 1);
	put_pcap_record(&b[0], T0, 0, 20, 20, 20, 1);
	put_pcap_record(&b[0], T0 + 1, 0, 20, 20, 20, 2);
	put_pcap_header(&b[1], MAGIC_US, 2, 4, 1); /* has no packet */
	b[2].big_endian = true;
	put_pcap_header(&b[2], MAGIC_NS, 2, 4, 101);
	put_pcap_record(&b[2], T0 + 2, 0, 20, 20, 20, 3);
	put_section(&b[3], false);
	put_interface(&b[3], 113, 0, 0, 0);
	put_enhanced(&b[3], 0, T0 + 3, 20, 20, 4);
	put_enhanced(&b[3], 0, T0 + 4, 20, 20, 5);
	paths[0] = write_file(state, "a", &b[0]);
	paths[1] = write_file(state, "b", &b[1]);
	feeder = feeder_start(state, "c", &b[2]);
	paths[2] = feeder_path(feeder);
	paths[3] = write_file(state, "d", &b[3]);

	reading_open(&r,
		     &(struct capture_params){.paths = paths, .nb_paths = 4, .chunk_size = 4096});
	reading_run(&r);
	assert_frames(&r, want, 5);
	assert_int_equal(capture_nb_inputs(r.capture), 4);
	assert_int_equal(capture_input(r.capture, 0)->first_frame, 1);
	assert_int_equal(capture_input(r.capture, 0)->nb_frames, 2);
	assert_int_equal(capture_input(r.capture, 1)->nb_frames, 0);
	assert_int_equal(capture_input(r.capture, 2)->first_frame, 3);
	assert_int_equal(capture_input(r.capture, 2)->nb_frames, 1);
	assert_int_equal(capture_input(r.capture, 3)->first_frame, 4);
	assert_int_equal(capture_input(r.capture, 3)->nb_frames, 2);
	for (size_t i = 0; i < 5; i++) {
		const uint32_t n = r.frames[i].interface;

		assert_int_equal(capture_interface(r.capture, n)->input, input_of[i]);
		assert_int_equal(r.frames[i].clock_ns, i * (uint64_t)S);
	}
	reading_fini(&r);
	feeder_stop(feeder);
	for (int i = 0; i < 4; i++) {
		if (i != 2)
			free((char *)(uintptr_t)paths[i]);
		bytes_fini(&b[i]);
	}
}

static void put_ten_records(struct bytes *b, bool pcapng)
{
	if (pcapng) {
		put_section(b, false);
		put_interface(b, 1, 0, -1, 0);
	} else {
		put_pcap_header(b, MAGIC_US, 2, 4, 1);
	}
	for (uint32_t i = 0; i < 10; i++) {
		if (pcapng)
			put_enhanced(b, 0, i, 1000, 1000, i);
		else
			put_pcap_record(b, 0, i, 1000, 1000, 1000, i);
	}
}

static size_t nb_frames_with_limit(const char *const *paths, size_t nb, uint64_t max_frames,
				   size_t chunk_size)
{
	struct reading r;
	size_t nb_frames;

	reading_open(&r, &(struct capture_params){.paths = paths,
						  .nb_paths = nb,
						  .chunk_size = chunk_size,
						  .max_frames = max_frames});
	reading_run(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(capture_totals(r.capture)->nb_frames, r.nb_frames);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
	nb_frames = r.nb_frames;
	reading_fini(&r);
	return nb_frames;
}

static void a_limit_stops_after_so_many_frames_of_all_inputs(void **state)
{
	struct bytes a = {0}, b = {0};
	const char *paths[2];

	put_ten_records(&a, false);
	put_ten_records(&b, true);
	paths[0] = write_file(state, "a", &a);
	paths[1] = write_file(state, "b", &b);
	for (size_t i = 0; i < NB_CHUNK_SIZES; i++) {
		for (uint64_t max = 1; max < 20; max++)
			assert_int_equal(nb_frames_with_limit(paths, 2, max, chunk_sizes[i]), max);
		assert_int_equal(nb_frames_with_limit(paths, 2, 20, chunk_sizes[i]), 20);
		assert_int_equal(nb_frames_with_limit(paths, 2, 21, chunk_sizes[i]), 20);
		assert_int_equal(nb_frames_with_limit(paths, 2, 0, chunk_sizes[i]), 20);
	}
	free((char *)(uintptr_t)paths[0]);
	free((char *)(uintptr_t)paths[1]);
	bytes_fini(&a);
	bytes_fini(&b);
}

static void nothing_behind_a_limit_is_looked_at(void **state)
{
	for (int pcapng = 0; pcapng < 2; pcapng++) {
		struct bytes b = {0};
		const char *path;

		put_ten_records(&b, pcapng);
		b.len -= 900; /* the tenth is cut */
		path = write_file(state, "limit", &b);
		assert_int_equal(nb_frames_with_limit(&path, 1, 9, 4096), 9);
		free((char *)(uintptr_t)path);
		bytes_fini(&b);
	}
}

static void a_limit_on_a_pipe_does_not_wait_for_another_frame(void **state)
{
	for (int pcapng = 0; pcapng < 2; pcapng++) {
		struct bytes b = {0};
		struct feeder *feeder;
		const char *path;

		put_ten_records(&b, pcapng);
		feeder = feeder_start_held(state, "held", &b);
		path = feeder_path(feeder);
		(void)alarm(20); /* a test that hangs is a test that fails */
		assert_int_equal(nb_frames_with_limit(&path, 1, 10, 4096), 10);
		(void)alarm(0);
		feeder_stop(feeder);
		bytes_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_in_micro_and_nanoseconds_of_both_byte_orders),
		cmocka_unit_test(totals_add_up),
		cmocka_unit_test(a_fraction_of_a_second_or_more_is_added),
		cmocka_unit_test(frame_check_sequence_bits_are_no_part_of_the_link_type),
		cmocka_unit_test(old_pcap_has_its_lengths_swapped),
		cmocka_unit_test(pcap_gives_the_same_frames_for_any_chunk_size),
		cmocka_unit_test(pcapng_gives_the_same_frames_for_any_chunk_size),
		cmocka_unit_test(a_header_may_lie_across_a_border_at_any_byte),
		cmocka_unit_test(a_capture_without_packets_is_no_damage),
		cmocka_unit_test(inputs_follow_each_other_as_one_stream),
		cmocka_unit_test(a_limit_stops_after_so_many_frames_of_all_inputs),
		cmocka_unit_test(nothing_behind_a_limit_is_looked_at),
		cmocka_unit_test(a_limit_on_a_pipe_does_not_wait_for_another_frame),
	};

	return cmocka_run_group_tests_name("capture", tests, folder_setup, folder_teardown);
}
