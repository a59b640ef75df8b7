/* SPDX-License-Identifier: BSD-3-Clause */

/* Compressed inputs that are whole: the same frames as of what was compressed. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "pack_support.h"

#define NB_RECORDS 300u

static const size_t chunk_sizes[] = {4096, 65536};

/* Records of all sizes, the last of which spans chunks. */
static uint32_t caplen_of(uint32_t i)
{
	return i == NB_RECORDS ? 100000 : i * 7 % 1500;
}

static void some_pcap(struct bytes *b)
{
	put_pcap_header(b, MAGIC_NS, 2, 4, 1);
	for (uint32_t i = 1; i <= NB_RECORDS; i++)
		put_pcap_record(b, i, i, caplen_of(i), caplen_of(i), caplen_of(i), i);
}

static void some_pcapng(struct bytes *b)
{
	put_section(b, false);
	put_interface(b, 1, 0, 9, 0);
	for (uint32_t i = 1; i <= NB_RECORDS; i++) {
		put_enhanced(b, 0, i * 1000000001ull, caplen_of(i), caplen_of(i), i);
		if (i == 7)
			put_custom(b, 400000); /* does not fit a chunk: passed over */
	}
}

static void assert_all_frames(const struct reading *r)
{
	assert_int_equal(r->nb_frames, NB_RECORDS);
	for (uint32_t i = 1; i <= NB_RECORDS; i++)
		assert_frame(r, i,
			     &(struct want_frame){.ts_ns = i * 1000000001ll,
						  .caplen = caplen_of(i),
						  .wire_len = caplen_of(i),
						  .seed = i,
						  .link_type = 1});
	assert_int_equal(capture_totals(r->capture)->nb_damage, 0);
}

/* Reads the image as a file and as a FIFO, in small chunks and in large ones. */
static void assert_whole(void **state, const struct bytes *packed, const char *format)
{
	for (size_t i = 0; i < 4; i++) {
		char *path = write_file(state, "packed", packed);
		struct feeder *feeder = i < 2 ? NULL : feeder_start(state, "fifo", packed);
		const struct capture_input *input;
		struct reading r;

		reading_of(&r, feeder != NULL ? feeder_path(feeder) : path, chunk_sizes[i % 2]);
		input = capture_input(r.capture, 0);
		assert_all_frames(&r);
		assert_string_equal(input->format, format);
		assert_int_equal(input->size, feeder != NULL ? 0 : packed->len);
		assert_int_equal(capture_totals(r.capture)->input_bytes, packed->len);
		reading_fini(&r);
		if (feeder != NULL)
			feeder_stop(feeder);
		free(path);
	}
}

static void each_format_gives_the_frames_of_a_pcap(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		char format[32];

		some_pcap(&b);
		put_packed(&packed, p, b.data, b.len);
		(void)snprintf(format, sizeof(format), "pcap, ns, %s", packing_names[p]);
		assert_whole(state, &packed, format);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void each_format_gives_the_frames_of_a_pcapng(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		char format[32];

		some_pcapng(&b);
		put_packed(&packed, p, b.data, b.len);
		(void)snprintf(format, sizeof(format), "pcapng, %s", packing_names[p]);
		assert_whole(state, &packed, format);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

/* Borders of members lie anywhere: in the file's header, in a record; some are empty. */
static void members_one_behind_the_other_are_one_capture(void **state)
{
	static const size_t borders[] = {1, 1, 10, 23, 24, 30, 5000, 5001, 100000};

	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		char format[32];
		size_t at = 0;

		some_pcap(&b);
		for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
			put_packed(&packed, p, b.data + at, borders[i] - at);
			at = borders[i];
		}
		put_packed(&packed, p, b.data + at, b.len - at);
		put_packed(&packed, p, "", 0);
		(void)snprintf(format, sizeof(format), "pcap, ns, %s", packing_names[p]);
		assert_whole(state, &packed, format);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void skippable_frames_and_padding_are_passed_over(void **state)
{
	static const struct {
		enum packing packing;
		size_t zeros;
		const char *format;
	} cases[] = {{PACK_GZIP, 1, "pcap, ns, gzip"}, {PACK_GZIP, 70001, "pcap, ns, gzip"},
		     {PACK_XZ, 4, "pcap, ns, xz"},     {PACK_XZ, 400000, "pcap, ns, xz"},
		     {PACK_ZSTD, 0, "pcap, ns, zstd"}, {PACK_LZ4, 0, "pcap, ns, lz4"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool skips = cases[i].zeros == 0;
		struct bytes b = {0}, packed = {0};

		some_pcap(&b);
		if (skips) {
			put_skippable(&packed, 4);
			put_skippable(&packed, 700000);
		}
		put_packed(&packed, cases[i].packing, b.data, 5000);
		put_zeros(&packed, cases[i].zeros);
		if (skips)
			put_skippable(&packed, 0);
		put_packed(&packed, cases[i].packing, b.data + 5000, b.len - 5000);
		put_zeros(&packed, cases[i].zeros);
		if (skips)
			put_skippable(&packed, 1);
		assert_whole(state, &packed, cases[i].format);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void what_the_tools_can_do_with_options_is_read(void **state)
{
	struct bytes b = {0}, packed = {0};

	some_pcap(&b);
	put_zstd_window(&packed, 27, b.data, b.len);
	assert_whole(state, &packed, "pcap, ns, zstd");
	packed.len = 0;
	put_lz4_linked(&packed, b.data, b.len);
	assert_whole(state, &packed, "pcap, ns, lz4");
	packed.len = 0;
	put_xz_blocks(&packed, 4096, b.data, b.len);
	assert_whole(state, &packed, "pcap, ns, xz");
	bytes_fini(&b);
	bytes_fini(&packed);
}

static size_t nb_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t nb = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		nb++;
	(void)closedir(dir);
	return nb;
}

/* A thread that was joined may be listed for a moment longer. */
static void assert_nb_threads(size_t nb)
{
	for (int i = 0; i < 1000 && nb_entries("/proc/self/task") != nb; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(nb_entries("/proc/self/task"), nb);
}

/* While they are opened and while they are read: one at a time. */
static void many_inputs_hold_neither_files_nor_threads(void **state)
{
	enum { NB = 200 };
	const char *paths[NB];
	struct bytes b = {0}, packed[NB_PACKINGS] = {0};
	struct reading r;
	size_t nb_files, nb_threads;

	some_pcap(&b);
	for (enum packing p = 0; p < NB_PACKINGS; p++)
		put_packed(&packed[p], p, b.data, b.len);
	for (size_t i = 0; i < NB; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "many-%zu", i);
		paths[i] = write_file(state, name, &packed[i % NB_PACKINGS]);
	}
	nb_files = nb_entries("/proc/self/fd");
	nb_threads = nb_entries("/proc/self/task");
	reading_open(&r,
		     &(struct capture_params){.paths = paths, .nb_paths = NB, .chunk_size = 4096});
	assert_int_equal(nb_entries("/proc/self/fd"), nb_files);
	assert_nb_threads(nb_threads);
	reading_run(&r);
	assert_int_equal(r.nb_frames, NB * NB_RECORDS);
	assert_int_equal(nb_entries("/proc/self/fd"), nb_files);
	assert_nb_threads(nb_threads);
	reading_fini(&r);
	for (size_t i = 0; i < NB; i++)
		free((char *)(uintptr_t)paths[i]);
	for (enum packing p = 0; p < NB_PACKINGS; p++)
		bytes_fini(&packed[p]);
	bytes_fini(&b);
}

/* All at once are merged by time: each has its turn with a frame a second. */
static void many_inputs_are_merged_with_few_files(void **state)
{
	enum { NB = 100, NB_EACH = 50 };
	const char *paths[NB];
	struct rlimit before, few;
	struct reading r;
	size_t nb_threads;

	for (uint32_t i = 0; i < NB; i++) {
		struct bytes b = {0}, packed = {0};
		char name[16];

		put_pcap_header(&b, MAGIC_US, 2, 4, 1);
		for (uint32_t j = 0; j < NB_EACH; j++)
			put_pcap_record(&b, 1 + j, i, 1000, 1000, 1000, i + j);
		put_packed(&packed, i % NB_PACKINGS, b.data, b.len);
		(void)snprintf(name, sizeof(name), "merged-%u", i);
		paths[i] = write_file(state, name, &packed);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = nb_entries("/proc/self/fd") + 10;
	nb_threads = nb_entries("/proc/self/task");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	reading_open(&r,
		     &(struct capture_params){
			     .paths = paths, .nb_paths = NB, .chunk_size = 65536, .merge = true});
	reading_run(&r);
	assert_nb_threads(nb_threads);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
	assert_int_equal(r.nb_frames, NB * NB_EACH);
	for (uint32_t i = 0; i < NB * NB_EACH; i++)
		assert_frame(
			&r, i + 1,
			&(struct want_frame){.ts_ns = (1 + i / NB) * 1000000000ll + i % NB * 1000ll,
					     .caplen = 1000,
					     .wire_len = 1000,
					     .seed = i % NB + i / NB,
					     .link_type = 1});
	reading_fini(&r);
	for (size_t i = 0; i < NB; i++)
		free((char *)(uintptr_t)paths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_gives_the_frames_of_a_pcap),
		cmocka_unit_test(each_format_gives_the_frames_of_a_pcapng),
		cmocka_unit_test(members_one_behind_the_other_are_one_capture),
		cmocka_unit_test(skippable_frames_and_padding_are_passed_over),
		cmocka_unit_test(what_the_tools_can_do_with_options_is_read),
		cmocka_unit_test(many_inputs_hold_neither_files_nor_threads),
		cmocka_unit_test(many_inputs_are_merged_with_few_files),
	};

	return cmocka_run_group_tests_name("compressed", tests, folder_setup, folder_teardown);
}
