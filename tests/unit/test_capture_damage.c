/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures that are damaged or change while they are read. Everything in front of
 * the damage is kept, and the text says where it is, what was expected and what
 * was found.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture_support.h"

static const size_t chunk_sizes[] = {4096, 65536};

static void assert_damage_text(const struct reading *r, size_t i, uint32_t input, const char *text)
{
	assert_true(i < capture_totals(r->capture)->nb_damage);
	assert_int_equal(capture_damage(r->capture, i)->input, input);
	assert_string_equal(capture_damage(r->capture, i)->text, text);
}

/* Reads the image as a file and as a FIFO: nb frames, then this damage. */
static void assert_damage(void **state, const struct bytes *b, size_t nb, const char *text)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = write_file(state, "damaged", b);
		struct feeder *feeder = feeder_start(state, "fifo", b);
		struct reading r;

		reading_of(&r, path, chunk_sizes[i]);
		assert_int_equal(r.nb_frames, nb);
		assert_int_equal(capture_input(r.capture, 0)->nb_frames, nb);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		assert_damage_text(&r, 0, 0, text);
		reading_fini(&r);
		free(path);

		reading_of(&r, feeder_path(feeder), chunk_sizes[i]);
		assert_int_equal(r.nb_frames, nb);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		assert_damage_text(&r, 0, 0, text);
		reading_fini(&r);
		feeder_stop(feeder);
	}
}

/* ---- pcap -------------------------------------------------------------- */

/* Records start at 24, 100, 176: 16 + 60 bytes each. */
static void three_records(struct bytes *b)
{
	put_pcap_header(b, MAGIC_US, 2, 4, 1);
	for (uint32_t i = 1; i <= 3; i++)
		put_pcap_record(b, i, 0, 60, 60, 60, i);
}

static void pcap_cut_in_a_record_header(void **state)
{
	struct bytes b = {0};

	three_records(&b);
	b.len = 176 + 7;
	assert_damage(
		state, &b, 2,
		"damaged at byte 176: record 3 is cut short: expected 16 bytes of header, got 7");
	b.len = 24 + 1;
	assert_damage(
		state, &b, 0,
		"damaged at byte 24: record 1 is cut short: expected 16 bytes of header, got 1");
	bytes_fini(&b);
}

static void modified_pcap_cut_in_a_record_header(void **state)
{
	struct bytes b = {.big_endian = true};

	put_pcap_header(&b, MAGIC_MODIFIED, 2, 4, 1);
	put_zeros(&b, 24 + 20);
	assert_damage(
		state, &b, 1,
		"damaged at byte 48: record 2 is cut short: expected 24 bytes of header, got 20");
	bytes_fini(&b);
}

static void pcap_cut_in_a_packet(void **state)
{
	struct bytes b = {0};

	three_records(&b);
	b.len--;
	assert_damage(state, &b, 2,
		      "damaged at byte 176: record 3 is cut short: expected 76 bytes of header and "
		      "packet, got 75");
	b.len = 100 + 16;
	assert_damage(state, &b, 1,
		      "damaged at byte 100: record 2 is cut short: expected 76 bytes of header and "
		      "packet, got 16");
	bytes_fini(&b);
}

/* The record crosses borders of chunks before it ends too early. */
static void pcap_cut_in_a_packet_of_many_chunks(void **state)
{
	struct bytes b = {0};

	three_records(&b);
	put_pcap_record(&b, 4, 0, 200000, 200000, 150000, 4);
	assert_damage(
		state, &b, 3,
		"damaged at byte 252: record 4 is cut short: expected 200016 bytes of header and "
		"packet, got 150016");
	bytes_fini(&b);
}

static void pcap_with_a_captured_length_that_cannot_be(void **state)
{
	struct bytes b = {0};

	three_records(&b);
	set32(&b, 100 + 8, 262145);
	assert_damage(
		state, &b, 1,
		"damaged at byte 100: record 2: expected at most 262144 captured bytes, found "
		"262145");
	set32(&b, 100 + 8, UINT32_MAX);
	assert_damage(
		state, &b, 1,
		"damaged at byte 100: record 2: expected at most 262144 captured bytes, found "
		"4294967295");
	bytes_fini(&b);
}

/* ---- pcapng ------------------------------------------------------------ */

/* Section 0 - 28, interface 28 - 60, packets of 32 + 20 bytes at 60 and 112, to 164. */
static void two_blocks(struct bytes *b, bool big_endian)
{
	put_section(b, big_endian);
	put_interface(b, 1, 0, -1, 0);
	put_enhanced(b, 0, 1, 20, 20, 1);
	put_enhanced(b, 0, 2, 20, 20, 2);
	assert_int_equal(b->len, 164);
}

/* The second packet's block with one number changed. */
static void one_bad_number(void **state, size_t at, uint32_t value, const char *text)
{
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};

		two_blocks(&b, big_endian);
		set32(&b, at, value);
		assert_damage(state, &b, 1, text);
		bytes_fini(&b);
	}
}

static void pcapng_with_a_block_length_that_cannot_be(void **state)
{
	one_bad_number(state, 116, 0,
		       "damaged at byte 112: block 4 (type 6): expected a length of 12 to 16777216 "
		       "that 4 divides, found 0");
	one_bad_number(state, 116, 8,
		       "damaged at byte 112: block 4 (type 6): expected a length of 12 to 16777216 "
		       "that 4 divides, found 8");
	one_bad_number(state, 116, 51,
		       "damaged at byte 112: block 4 (type 6): expected a length of 12 to 16777216 "
		       "that 4 divides, found 51");
	one_bad_number(state, 116, 16777220,
		       "damaged at byte 112: block 4 (type 6): expected a length of 12 to 16777216 "
		       "that 4 divides, found 16777220");
	one_bad_number(state, 116, 0xfffffffc,
		       "damaged at byte 112: block 4 (type 6): expected a length of 12 to 16777216 "
		       "that 4 divides, found 4294967292");
}

static void pcapng_packet_block_larger_than_any_packet(void **state)
{
	one_bad_number(
		state, 116, 1 << 20,
		"damaged at byte 112: block 4 (type 6): expected at most 327680 bytes, found "
		"1048576");
}

static void pcapng_with_another_length_at_the_end_of_a_block(void **state)
{
	one_bad_number(
		state, 160, 56,
		"damaged at byte 112: block 4: expected its length 52 again at its end, found "
		"56");
}

static void pcapng_with_an_interface_that_was_not_described(void **state)
{
	one_bad_number(state, 120, 1,
		       "damaged at byte 112: block 4: expected an interface below 1, found 1");
	one_bad_number(
		state, 120, UINT32_MAX,
		"damaged at byte 112: block 4: expected an interface below 1, found 4294967295");
}

/* An interface of the section before is none of this section's. */
static void pcapng_section_forgets_the_interfaces_before_it(void **state)
{
	struct bytes b = {0};
	size_t at;

	two_blocks(&b, false);
	put_section(&b, false);
	put_enhanced(&b, 0, 3, 20, 20, 3);
	assert_damage(state, &b, 2,
		      "damaged at byte 192: block 6: expected an interface below 0, found 0");
	b.len = 192;
	at = block_begin(&b, BLOCK_SIMPLE);
	put32(&b, 0);
	block_end(&b, at);
	assert_damage(state, &b, 2,
		      "damaged at byte 192: block 6: expected an interface below 0, found 0");
	bytes_fini(&b);
}

static void pcapng_with_more_captured_bytes_than_the_block_has(void **state)
{
	one_bad_number(
		state, 132, 21,
		"damaged at byte 112: block 4: expected at most 20 captured bytes, found 21");
	one_bad_number(state, 132, UINT32_MAX,
		       "damaged at byte 112: block 4: expected at most 20 captured bytes, found "
		       "4294967295");
}

static void pcapng_packet_block_without_room_for_its_numbers(void **state)
{
	struct bytes b = {0};
	size_t at;

	two_blocks(&b, true);
	at = block_begin(&b, BLOCK_ENHANCED);
	put_zeros(&b, 16);
	block_end(&b, at);
	assert_damage(state, &b, 2,
		      "damaged at byte 164: packet block 5: expected at least 32 bytes, found 28");
	bytes_fini(&b);
}

/* The interface's option at 44: code 2, length 4. */
static void pcapng_with_an_option_that_leaves_its_block(void **state)
{
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct bytes b = {0};
		size_t at;

		two_blocks(&b, big_endian);
		b.data[46 + (big_endian ? 1 : 0)] = 9; /* 8 bytes are left in the block */
		assert_damage(
			state, &b, 0,
			"damaged at byte 28: block 2: expected options inside the block of 32 "
			"bytes, found one of 9 bytes that leaves it");
		b.len = 0;
		b.big_endian = big_endian;
		at = block_begin(&b, BLOCK_SECTION);
		put32(&b, 0x1a2b3c4d);
		put16(&b, 1);
		put16(&b, 0);
		put64(&b, UINT64_MAX);
		put16(&b, 4);
		put16(&b, 65535);
		block_end(&b, at);
		assert_damage(state, &b, 0,
			      "damaged at byte 0: block 1: expected options inside the block of 32 "
			      "bytes, found one of 65535 bytes that leaves it");
		bytes_fini(&b);
	}
}

static void pcapng_of_another_version(void **state)
{
	struct bytes b = {0};

	two_blocks(&b, false);
	put_section(&b, true);
	b.data[164 + 13] = 2; /* the major version */
	assert_damage(state, &b, 2,
		      "damaged at byte 164: section header: expected pcapng version 1, found 2");
	bytes_fini(&b);
}

static void pcapng_section_of_no_byte_order(void **state)
{
	struct bytes b = {0};

	two_blocks(&b, false);
	put_section(&b, false);
	set32(&b, 164 + 8, 0x1a2b3c4e);
	assert_damage(
		state, &b, 2,
		"damaged at byte 164: section header: expected byte-order magic 1a2b3c4d, found "
		"1a2b3c4e");
	bytes_fini(&b);
}

static void pcapng_with_headers_that_are_too_short(void **state)
{
	struct bytes b = {0};
	size_t at;

	two_blocks(&b, false);
	at = block_begin(&b, BLOCK_SECTION);
	put32(&b, 0x1a2b3c4d);
	put16(&b, 1);
	put16(&b, 0);
	block_end(&b, at);
	assert_damage(state, &b, 2,
		      "damaged at byte 164: section header: expected at least 28 bytes, found 20");
	b.len = 164;
	at = block_begin(&b, BLOCK_INTERFACE);
	put32(&b, 1);
	block_end(&b, at);
	assert_damage(state, &b, 2,
		      "damaged at byte 164: interface block: expected at least 20 bytes, found 16");
	bytes_fini(&b);
}

static void pcapng_cut_at_any_byte(void **state)
{
	struct bytes b = {0};
	char text[128];

	two_blocks(&b, false);
	for (b.len = 163; b.len >= 113; b.len -= 5) {
		(void)snprintf(
			text, sizeof(text),
			"damaged at byte 112: block 4 is cut short: expected %d bytes, got %zu",
			b.len < 124 ? 12 : 52, b.len - 112);
		assert_damage(state, &b, 1, text);
	}
	b.len = 27;
	assert_damage(state, &b, 0,
		      "damaged at byte 0: block 1 is cut short: expected 28 bytes, got 27");
	bytes_fini(&b);
}

/* A block that is skipped must still be there, whether it fits the buffer or not. */
static void pcapng_cut_in_a_block_that_is_passed_over(void **state)
{
	static const size_t sizes[] = {100, 400000, 2000000};

	for (size_t i = 0; i < 3; i++) {
		struct bytes b = {0};
		char text[128];

		two_blocks(&b, false);
		put_custom(&b, sizes[i]);
		b.len -= 50;
		(void)snprintf(
			text, sizeof(text),
			"damaged at byte 164: block 5 is cut short: expected %zu bytes, got %zu",
			sizes[i] + 12, sizes[i] - 38);
		assert_damage(state, &b, 2, text);
		bytes_fini(&b);
	}
}

/* ---- several inputs ---------------------------------------------------- */

static void damage_ends_one_input_and_not_the_run(void **state)
{
	enum { NB = CAPTURE_NB_DAMAGE + 3 };
	struct bytes cut = {0}, whole = {0};
	const char *paths[NB];
	char *damaged, *sound;
	struct reading r;

	three_records(&whole);
	three_records(&cut);
	cut.len -= 70;
	damaged = write_file(state, "cut", &cut);
	sound = write_file(state, "whole", &whole);
	for (size_t i = 0; i < NB; i++)
		paths[i] = i == 1 ? sound : damaged;
	reading_open(&r,
		     &(struct capture_params){.paths = paths, .nb_paths = NB, .chunk_size = 4096});
	reading_run(&r);
	assert_int_equal(r.nb_frames, 3 + 2 * (NB - 1));
	/* All are counted, the first ones are kept in words. */
	assert_int_equal(capture_totals(r.capture)->nb_damage, NB - 1);
	for (uint32_t i = 0; i < CAPTURE_NB_DAMAGE - 1; i++)
		assert_damage_text(
			&r, i, i == 0 ? 0 : i + 1,
			"damaged at byte 176: record 3 is cut short: expected 16 bytes of "
			"header, got 6");
	assert_int_equal(capture_input(r.capture, 2)->first_frame, 6);
	reading_fini(&r);
	bytes_fini(&cut);
	bytes_fini(&whole);
	free(damaged);
	free(sound);
}

/* ---- files that change ------------------------------------------------- */

/* 1000 records of 16 + 84 bytes; the file is cut to len before it is read. */
static void one_shrinking_file(void **state, off_t len, size_t nb, const char *text)
{
	struct bytes b = {0};
	const char *path;
	struct reading r;

	put_pcap_header(&b, MAGIC_US, 2, 4, 1);
	for (uint32_t i = 0; i < 1000; i++)
		put_pcap_record(&b, i, 0, 84, 84, 84, i);
	path = write_file(state, "shrinks", &b);
	reading_open(&r,
		     &(struct capture_params){.paths = &path, .nb_paths = 1, .chunk_size = 4096});
	assert_int_equal(truncate(path, len), 0);
	reading_run(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.nb_frames, nb);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
	assert_damage_text(&r, 0, 0, text);
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

static void a_file_that_shrinks_between_open_and_read(void **state)
{
	one_shrinking_file(
		state, 24 + 5000, 50,
		"damaged at byte 5024: expected 100024 bytes as at the start, the file is "
		"shorter now");
	one_shrinking_file(
		state, 24 + 5007, 50,
		"damaged at byte 5024: record 51 is cut short: expected 16 bytes of header, "
		"got 7");
	one_shrinking_file(
		state, 24 + 5050, 50,
		"damaged at byte 5024: record 51 is cut short: expected 100 bytes of header "
		"and packet, got 50");
	one_shrinking_file(state, 0, 0,
			   "damaged at byte 24: expected 100024 bytes as at the start, the file is "
			   "shorter now");
}

static void a_pcapng_file_that_shrinks_behind_a_large_block(void **state)
{
	struct bytes b = {0};
	const char *path;

	two_blocks(&b, false);
	put_custom(&b, 400000);
	put_enhanced(&b, 0, 3, 20, 20, 3);
	path = write_file(state, "shrinks", &b);
	for (size_t i = 0; i < 2; i++) {
		struct reading r;

		assert_int_equal(truncate(path, (off_t)b.len), 0);
		reading_open(&r, &(struct capture_params){.paths = &path,
							  .nb_paths = 1,
							  .chunk_size = chunk_sizes[i]});
		assert_int_equal(truncate(path, 1000), 0);
		reading_run(&r);
		assert_int_equal(r.nb_frames, 2);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		assert_damage_text(
			&r, 0, 0,
			"damaged at byte 400176: expected 400228 bytes as at the start, the "
			"file is shorter now");
		reading_fini(&r);
	}
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

/* What is appended later is not of this run, but for the end of the last record. */
static void a_file_that_grows_is_read_to_its_first_end(void **state)
{
	struct bytes b = {0};
	const char *path;
	struct reading r;

	three_records(&b);
	b.len -= 10;
	path = write_file(state, "grows", &b);
	reading_open(&r,
		     &(struct capture_params){.paths = &path, .nb_paths = 1, .chunk_size = 4096});
	b.len += 10;
	put_pcap_record(&b, 4, 0, 60, 60, 60, 4);
	free(write_file(state, "grows", &b));
	reading_run(&r);
	assert_int_equal(r.nb_frames, 3);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

static void a_file_that_is_removed_between_open_and_read(void **state)
{
	struct bytes pcap = {0}, pcapng = {0};
	const char *paths[2];
	struct reading r;

	three_records(&pcap);
	two_blocks(&pcapng, false);
	paths[0] = write_file(state, "gone", &pcap);
	paths[1] = write_file(state, "gone-too", &pcapng);
	reading_open(&r,
		     &(struct capture_params){.paths = paths, .nb_paths = 2, .chunk_size = 4096});
	assert_int_equal(unlink(paths[0]), 0);
	assert_int_equal(unlink(paths[1]), 0);
	reading_run(&r);
	assert_int_equal(r.nb_frames, 0);
	assert_int_equal(capture_totals(r.capture)->nb_damage, 2);
	assert_damage_text(&r, 0, 0,
			   "damaged at byte 24: record 1: read error: No such file or directory");
	assert_damage_text(&r, 1, 1,
			   "damaged at byte 0: block 1: read error: No such file or directory");
	reading_fini(&r);
	bytes_fini(&pcap);
	bytes_fini(&pcapng);
	free((char *)(uintptr_t)paths[0]);
	free((char *)(uintptr_t)paths[1]);
}

static void a_stop_ends_the_wait_for_a_pipe(void **state)
{
	struct bytes b = {0};
	struct feeder *feeder;
	struct reading r;
	const char *path;

	three_records(&b);
	b.len -= 10; /* the third record never comes whole */
	feeder = feeder_start_held(state, "held", &b);
	path = feeder_path(feeder);
	reading_open(&r,
		     &(struct capture_params){.paths = &path, .nb_paths = 1, .chunk_size = 4096});
	capture_stop(r.capture);
	(void)alarm(20);
	reading_run(&r);
	(void)alarm(0);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.nb_frames, 0);
	reading_fini(&r);
	feeder_stop(feeder);
	bytes_fini(&b);
}

static void *stop_later(void *arg)
{
	const struct timespec wait = {.tv_nsec = 300000000};

	(void)nanosleep(&wait, NULL);
	capture_stop(arg);
	return NULL;
}

/* Ctrl-C is no damage, whatever half a record was there. */
static void a_stop_inside_a_record_is_no_damage(void **state)
{
	for (int pcapng = 0; pcapng < 3; pcapng++) {
		struct bytes b = {0};
		struct feeder *feeder;
		struct reading r;
		const char *path;
		pthread_t thread;

		if (pcapng)
			two_blocks(&b, false);
		else
			three_records(&b);
		if (pcapng == 2)
			put_custom(&b, 400000);
		b.len -= 10;
		feeder = feeder_start_held(state, "held", &b);
		path = feeder_path(feeder);
		reading_open(&r, &(struct capture_params){
					 .paths = &path, .nb_paths = 1, .chunk_size = 4096});
		assert_int_equal(pthread_create(&thread, NULL, stop_later, r.capture), 0);
		(void)alarm(20);
		reading_run(&r);
		(void)alarm(0);
		(void)pthread_join(thread, NULL);
		assert_int_equal(r.rc, 0);
		assert_true(r.nb_frames <= 2);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 0);
		reading_fini(&r);
		feeder_stop(feeder);
		bytes_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_cut_in_a_record_header),
		cmocka_unit_test(modified_pcap_cut_in_a_record_header),
		cmocka_unit_test(pcap_cut_in_a_packet),
		cmocka_unit_test(pcap_cut_in_a_packet_of_many_chunks),
		cmocka_unit_test(pcap_with_a_captured_length_that_cannot_be),
		cmocka_unit_test(pcapng_with_a_block_length_that_cannot_be),
		cmocka_unit_test(pcapng_packet_block_larger_than_any_packet),
		cmocka_unit_test(pcapng_with_another_length_at_the_end_of_a_block),
		cmocka_unit_test(pcapng_with_an_interface_that_was_not_described),
		cmocka_unit_test(pcapng_section_forgets_the_interfaces_before_it),
		cmocka_unit_test(pcapng_with_more_captured_bytes_than_the_block_has),
		cmocka_unit_test(pcapng_packet_block_without_room_for_its_numbers),
		cmocka_unit_test(pcapng_with_an_option_that_leaves_its_block),
		cmocka_unit_test(pcapng_of_another_version),
		cmocka_unit_test(pcapng_section_of_no_byte_order),
		cmocka_unit_test(pcapng_with_headers_that_are_too_short),
		cmocka_unit_test(pcapng_cut_at_any_byte),
		cmocka_unit_test(pcapng_cut_in_a_block_that_is_passed_over),
		cmocka_unit_test(damage_ends_one_input_and_not_the_run),
		cmocka_unit_test(a_file_that_shrinks_between_open_and_read),
		cmocka_unit_test(a_pcapng_file_that_shrinks_behind_a_large_block),
		cmocka_unit_test(a_file_that_grows_is_read_to_its_first_end),
		cmocka_unit_test(a_file_that_is_removed_between_open_and_read),
		cmocka_unit_test(a_stop_ends_the_wait_for_a_pipe),
		cmocka_unit_test(a_stop_inside_a_record_is_no_damage),
	};

	return cmocka_run_group_tests_name("capture damage", tests, folder_setup, folder_teardown);
}
