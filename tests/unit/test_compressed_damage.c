/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Compressed inputs that are damaged, are no captures, or never end. What was decompressed
 * in front of the damage is kept; the text says where it is, in both countings.
 */

#include <lzma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pack_support.h"

/* A decoder that runs ahead knows the part only. */
#define PART " in the part that begins there"

static void assert_first_frames(const struct reading *r)
{
	for (uint32_t i = 1; i <= r->nb_frames; i++)
		assert_frame(r, i,
			     &(struct want_frame){.ts_ns = i * 1000000000ll,
						  .caplen = PLAIN_CAPLEN,
						  .wire_len = PLAIN_CAPLEN,
						  .seed = i,
						  .link_type = 1});
}

/* Reads the image as a file and as a FIFO: nb frames, then this damage. */
static void assert_damage(void **state, const struct bytes *packed, size_t nb, const char *text)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = write_file(state, "packed", packed);
		struct feeder *feeder = i == 0 ? NULL : feeder_start(state, "fifo", packed);
		struct reading r;

		reading_of(&r, feeder != NULL ? feeder_path(feeder) : path, 4096);
		assert_int_equal(r.nb_frames, nb);
		assert_first_frames(&r);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		assert_string_equal(capture_damage(r.capture, 0)->text, text);
		reading_fini(&r);
		if (feeder != NULL)
			feeder_stop(feeder);
		free(path);
	}
}

static void assert_refused(void **state, const struct bytes *packed, const char *text)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = write_file(state, "packed", packed);
		struct feeder *feeder = i == 0 ? NULL : feeder_start(state, "fifo", packed);
		const char *at = feeder != NULL ? feeder_path(feeder) : path;
		char error[512] = "", want[512];
		bool usage;

		assert_null(capture_open(
			&(struct capture_params){.paths = &at, .nb_paths = 1, .chunk_size = 4096},
			error, sizeof(error), &usage));
		(void)snprintf(want, sizeof(want), "%s: %s", at, text);
		assert_string_equal(error, want);
		if (feeder != NULL)
			feeder_stop(feeder);
		free(path);
	}
}

static void a_wrong_checksum_keeps_all_that_was_decompressed(void **state)
{
	/* From the end: the checksum of all that was compressed, or of its only block. */
	static const struct {
		size_t from_end;
		const char *where, *what;
	} cases[NB_PACKINGS] = {
		[PACK_GZIP] = {8, "", "incorrect data check"},
		[PACK_ZSTD] = {1, "", "Restored data doesn't match checksum"},
		[PACK_LZ4] = {1, PART, "ERROR_contentChecksum_invalid"},
		/* The block's, in front of an index and a footer of 8 and 12 bytes. */
		[PACK_XZ] = {21, PART, "a wrong checksum or bad codes"},
		[PACK_BZIP2] = {1, PART, "a wrong checksum or bad codes"},
	};

	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		char *path, want[128];
		struct reading r;

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len);
		packed.data[packed.len - cases[p].from_end] ^= 0x10;
		path = write_file(state, "packed", &packed);
		reading_of(&r, path, 4096);
		assert_int_equal(r.nb_frames, PLAIN_RECORDS);
		assert_first_frames(&r);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		(void)snprintf(want, sizeof(want), "of the %s: expected sound data%s, found: %s",
			       packing_names[p], cases[p].where, cases[p].what);
		assert_non_null(strstr(capture_damage(r.capture, 0)->text, want));
		(void)snprintf(want, sizeof(want), "damaged at byte %u decompressed: byte ",
			       PLAIN_BYTES);
		assert_ptr_equal(strstr(capture_damage(r.capture, 0)->text, want),
				 capture_damage(r.capture, 0)->text);
		reading_fini(&r);
		free(path);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void garbage_behind_the_last_member_is_told(void **state)
{
	static const char *const members[NB_PACKINGS] = {"member", "frame", "frame", "stream",
							 "stream"};

	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		char text[160];
		size_t len;

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len);
		len = packed.len;
		put_raw(&packed, "ABCDE", 5);
		(void)snprintf(text, sizeof(text),
			       "damaged at byte %u decompressed: byte %zu of the %s: expected "
			       "another %s %s or the end, found 41424344",
			       PLAIN_BYTES, len, packing_names[p], packing_names[p], members[p]);
		assert_damage(state, &packed, PLAIN_RECORDS, text);
		packed.len = len;
		/* Another format's member is none. */
		put_packed(&packed, p == PACK_GZIP ? PACK_XZ : PACK_GZIP, "", 0);
		packed.data[len + 3] = 0x41;
		(void)snprintf(text, sizeof(text),
			       "damaged at byte %u decompressed: byte %zu of the %s: expected "
			       "another %s %s or the end, found %s",
			       PLAIN_BYTES, len, packing_names[p], packing_names[p], members[p],
			       p == PACK_GZIP ? "fd377a41" : "1f8b0841");
		assert_damage(state, &packed, PLAIN_RECORDS, text);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void padding_that_is_none_is_told(void **state)
{
	struct bytes b = {0}, packed = {0};
	char text[160];
	size_t len;

	put_plain(&b);
	put_packed(&packed, PACK_XZ, b.data, b.len);
	put_zeros(&packed, 6);
	(void)snprintf(text, sizeof(text),
		       "damaged at byte %u decompressed: byte %zu of the xz: expected padding of a "
		       "multiple of 4 zeros, found 6",
		       PLAIN_BYTES, packed.len);
	assert_damage(state, &packed, PLAIN_RECORDS, text);
	packed.len = 0;
	put_packed(&packed, PACK_GZIP, b.data, b.len);
	put_zeros(&packed, 512);
	len = packed.len;
	put_raw(&packed, "x", 1);
	(void)snprintf(text, sizeof(text),
		       "damaged at byte %u decompressed: byte %zu of the gzip: expected another "
		       "gzip member or the end, found 78",
		       PLAIN_BYTES, len);
	assert_damage(state, &packed, PLAIN_RECORDS, text);
	packed.len = 0;
	put_packed(&packed, PACK_BZIP2, b.data, b.len);
	len = packed.len;
	put_zeros(&packed, 4);
	(void)snprintf(text, sizeof(text),
		       "damaged at byte %u decompressed: byte %zu of the bzip2: expected another "
		       "bzip2 stream or the end, found 00000000",
		       PLAIN_BYTES, len);
	assert_damage(state, &packed, PLAIN_RECORDS, text);
	packed.len = 0;
	put_packed(&packed, PACK_ZSTD, b.data, b.len);
	put_skippable(&packed, 100);
	packed.len -= 30;
	(void)snprintf(text, sizeof(text),
		       "damaged at byte %u decompressed: byte %zu of the zstd: cut short: expected "
		       "30 more bytes of a skippable frame, got none",
		       PLAIN_BYTES, packed.len);
	assert_damage(state, &packed, PLAIN_RECORDS, text);
	bytes_fini(&b);
	bytes_fini(&packed);
}

/* Opens and reads to the end: refused, or the first frames and one damage. Returns them. */
static size_t read_hurt(void **state, const struct bytes *packed, bool is_cut)
{
	char *path = write_file(state, "hurt", packed), error[512] = "";
	const char *const at = path;
	struct reading r = {0};
	size_t nb = 0;
	bool usage;

	r.capture = capture_open(
		&(struct capture_params){.paths = &at, .nb_paths = 1, .chunk_size = 4096}, error,
		sizeof(error), &usage);
	if (r.capture != NULL) {
		reading_run(&r);
		assert_int_equal(r.rc, 0);
		assert_true(r.nb_frames <= PLAIN_RECORDS || !is_cut);
		assert_true(capture_totals(r.capture)->nb_damage <= 1);
		assert_true(capture_totals(r.capture)->nb_damage == 1 || !is_cut);
		if (is_cut)
			assert_first_frames(&r);
		nb = r.nb_frames;
		reading_fini(&r);
	} else {
		assert_string_not_equal(error, "");
	}
	free(path);
	return nb;
}

/* Many members, so that there are borders to be cut at, but for that between two members. */
static void a_stream_cut_anywhere_keeps_what_came_before(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		size_t len, border, nb, least = 0;

		put_plain(&b);
		put_packed(&packed, p, b.data, PLAIN_BYTES / 2);
		border = packed.len;
		put_packed(&packed, p, b.data + PLAIN_BYTES / 2, b.len - PLAIN_BYTES / 2);
		len = packed.len;
		/* Nothing that was given out once is lost by more bytes. */
		for (packed.len = 1; packed.len < len; packed.len += 3) {
			if (packed.len == border)
				continue;
			nb = read_hurt(state, &packed, true);
			assert_true(nb >= least);
			least = nb;
		}
		assert_true(least >= (PLAIN_RECORDS - 1) / 2);
		packed.len = len;
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void bits_that_are_flipped_are_survived(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len);
		for (size_t i = 0; i < packed.len; i += 5) {
			packed.data[i] ^= (uint8_t)(1u << i % 8);
			(void)read_hurt(state, &packed, false);
			packed.data[i] ^= (uint8_t)(1u << i % 8);
		}
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

/* What is wrong inside has its place in what was decompressed. */
static void a_damaged_capture_in_sound_data_is_told(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len - 1);
		assert_damage(state, &packed, PLAIN_RECORDS - 1,
			      "damaged at byte 12348 decompressed: record 40 is cut short: "
			      "expected 316 bytes of header and packet, got 315");
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

static void what_holds_no_capture_is_refused(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, once = {0}, packed = {0};
		char text[160];

		put_packed(&packed, p, "", 0);
		(void)snprintf(text, sizeof(text), "expected a capture in %s, found nothing",
			       packing_names[p]);
		assert_refused(state, &packed, text);
		packed.len = 0;
		put_packed(&packed, p, "hello, this is no capture", 25);
		(void)snprintf(text, sizeof(text),
			       "not a capture: expected pcap or pcapng in %s, found 68656c6c",
			       packing_names[p]);
		assert_refused(state, &packed, text);
		packed.len = 0;
		put_pcap_header(&b, MAGIC_US, 2, 3, 1);
		put_packed(&packed, p, b.data, b.len);
		(void)snprintf(text, sizeof(text),
			       "expected pcap 2.4 or pcapng in %s, found an older pcap: decompress "
			       "it first",
			       packing_names[p]);
		assert_refused(state, &packed, text);
		packed.len = b.len = 0;
		put_plain(&b);
		put_packed(&packed, p, b.data, 23);
		(void)snprintf(text, sizeof(text),
			       "cut short: expected a pcap header of 24 bytes in %s, got 23",
			       packing_names[p]);
		assert_refused(state, &packed, text);
		packed.len = 0;
		put_packed(&once, p == PACK_XZ ? PACK_GZIP : p, b.data, b.len);
		put_packed(&packed, p, once.data, once.len);
		(void)snprintf(text, sizeof(text),
			       "expected a capture in %s, found %s: only one is decompressed",
			       packing_names[p], packing_names[p == PACK_XZ ? PACK_GZIP : p]);
		assert_refused(state, &packed, text);
		bytes_fini(&b);
		bytes_fini(&once);
		bytes_fini(&packed);
	}
}

static void a_window_larger_than_the_limit_is_refused(void **state)
{
	struct bytes b = {0}, packed = {0};
	size_t header_len, at;

	put_plain(&b);
	put_zstd_window(&packed, 28, b.data, b.len);
	assert_refused(state, &packed, "zstd needs 257 MiB of memory, there are 256 for it");
	packed.len = 0;
	put_packed(&packed, PACK_XZ, b.data, b.len);
	/* The block's header: a quarter of its size - 1, then LZMA2 with one byte, its checksum. */
	header_len = 4u * packed.data[12];
	for (at = 14; packed.data[at] != 0x21 || packed.data[at + 1] != 1; at++)
		assert_true(at < 12 + header_len);
	packed.data[at + 2] = 37; /* a dictionary of 1.5 GiB */
	set32(&packed, 12 + header_len, lzma_crc32(packed.data + 12, header_len, 0));
	assert_refused(state, &packed, "xz needs 1537 MiB of memory, there are 256 for it");
	bytes_fini(&b);
	bytes_fini(&packed);
}

/* Of all threads: whatever else the machine does meanwhile does not count. */
static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Once what is there has been read; after 20 s it is not. */
static void *stop_then(void *context)
{
	struct reading *r = context;

	for (int ms = 0; r->nb_frames < PLAIN_RECORDS - 1 && ms < 20000; ms++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	capture_stop(r->capture);
	return NULL;
}

/* A pipe that says nothing more, in the middle of a member. */
static void a_stop_ends_the_wait_for_a_compressed_pipe(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		struct feeder *feeder;
		struct reading r;
		pthread_t thread;
		const char *path;

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len);
		put_packed(&packed, p, b.data + 24, b.len - 24);
		packed.len -= 20;
		feeder = feeder_start_held(state, "fifo", &packed);
		path = feeder_path(feeder);
		reading_open(&r, &(struct capture_params){
					 .paths = &path, .nb_paths = 1, .chunk_size = 4096});
		assert_int_equal(pthread_create(&thread, NULL, stop_then, &r), 0);
		reading_run(&r);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(r.nb_frames >= PLAIN_RECORDS - 1);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		reading_fini(&r);
		feeder_stop(feeder);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

/* Seconds of CPU that it takes to read so many frames of a file, at most. */
static double cpu_seconds_of(const char *path, uint64_t max_frames)
{
	const double start = cpu_seconds();
	struct reading r;

	reading_open(&r, &(struct capture_params){.paths = &path,
						  .nb_paths = 1,
						  .chunk_size = 4096,
						  .max_frames = max_frames});
	reading_run(&r);
	assert_int_equal(r.nb_frames, max_frames);
	reading_fini(&r);
	return cpu_seconds() - start;
}

/* Captures of 32 MiB of zeros: a stop after one frame does not take what half of them do. */
static void a_stop_ends_a_long_stream_at_once(void **state)
{
	for (enum packing p = 0; p < NB_PACKINGS; p++) {
		struct bytes b = {0}, packed = {0};
		const char *path;

		put_plain(&b);
		put_packed(&packed, p, b.data, b.len);
		b.len = 0;
		put_zeros(&b, 4u << 20); /* empty records */
		for (int i = 0; i < 8; i++)
			put_packed(&packed, p, b.data, b.len);
		path = write_file(state, "long", &packed);
		/* To the end it would be two million frames. */
		assert_true(cpu_seconds_of(path, 1) < cpu_seconds_of(path, 1u << 20));
		bytes_fini(&b);
		bytes_fini(&packed);
		free((char *)(uintptr_t)path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_checksum_keeps_all_that_was_decompressed),
		cmocka_unit_test(garbage_behind_the_last_member_is_told),
		cmocka_unit_test(padding_that_is_none_is_told),
		cmocka_unit_test(a_stream_cut_anywhere_keeps_what_came_before),
		cmocka_unit_test(bits_that_are_flipped_are_survived),
		cmocka_unit_test(a_damaged_capture_in_sound_data_is_told),
		cmocka_unit_test(what_holds_no_capture_is_refused),
		cmocka_unit_test(a_window_larger_than_the_limit_is_refused),
		cmocka_unit_test(a_stop_ends_the_wait_for_a_compressed_pipe),
		cmocka_unit_test(a_stop_ends_a_long_stream_at_once),
	};

	return cmocka_run_group_tests_name("compressed damage", tests, folder_setup,
					   folder_teardown);
}
