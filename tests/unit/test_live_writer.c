/* SPDX-License-Identifier: BSD-3-Clause */

/* The writer's thread and its files, while all goes well: batches, names, rotation, books. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "live_support.h"

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *path, const char *text)
{
	char found[64] = "";
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_non_null(fgets(found, sizeof(found), file));
	assert_string_equal(found, text);
	fclose(file);
}

static off_t file_size(const struct live_bed *bed, const char *name)
{
	struct stat st;

	assert_int_equal(stat(bed_path(bed, name), &st), 0);
	return st.st_size;
}

/* ---- one file ----------------------------------------------------------------------- */

static void all_rows_come_back_whatever_the_batch(void **state)
{
	static const uint32_t sizes[] = {1, 100, 256, 257, 5000};
	struct live_bed *bed = *state;

	write_text(bed_path(bed, "x.arrow"), "old");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bed->config.batch_rows = sizes[i];
		bed->received = 42;
		bed_start(bed, "x.arrow");
		bed_put_all(bed, 0, 0, 300);
		live_writer_stop(bed->writer);
		bed_assert_file(bed, "x.arrow", 0, 300, "42");
		assert_int_equal(bed_nb_files(bed), 1);
		assert_int_equal(bed_stats(bed).rows, 300);
		assert_int_equal(bed_stats(bed).files, 1);
		assert_int_equal(bed_stats(bed).bytes, file_size(bed, "x.arrow"));
		assert_int_equal(bed_stats(bed).rows_lost, 0);
		assert_int_equal(bed_stats(bed).failures, 0);
		assert_string_equal(live_writer_path(bed->writer), bed_path(bed, "x.arrow"));
		assert_string_equal(live_writer_failure(bed->writer), "");
		assert_false(live_writer_is_stream(bed->writer));
		live_writer_destroy(bed->writer);
		bed->writer = NULL;
	}
}

/* Many blocks of two workers: of each the rows are in order, and none is missing or twice. */
static void rows_of_all_workers_come_through(void **state)
{
	enum { NB = 20000 };
	struct live_bed *bed = *state;
	int64_t *numbers = malloc((2 * NB + 2) * sizeof(*numbers));
	int64_t next[2] = {0, NB};
	char books[24];
	bool is_complete;

	assert_non_null(numbers);
	bed->config.batch_rows = 3000;
	bed_start(bed, "x.arrow");
	for (int64_t i = 0; i < NB; i += 1000) {
		bed_put_all(bed, 0, i, 1000);
		bed_put_all(bed, 1, NB + i, 1000);
	}
	live_writer_stop(bed->writer);
	assert_int_equal(
		bed_read(bed_path(bed, "x.arrow"), numbers, 2 * NB + 2, books, &is_complete),
		2 * NB);
	for (size_t i = 0; i < 2 * NB; i++)
		assert_int_equal(numbers[i], next[numbers[i] >= NB]++);
	free(numbers);
}

static void rows_wait_for_a_second_at_most(void **state)
{
	struct live_bed *bed = *state;
	int64_t numbers[8];
	char books[24];
	bool is_complete;

	bed_start(bed, "x.arrow");
	bed_put_all(bed, 1, 10, 3);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + SECOND - 1);
	bed_sleep_ms(50);
	assert_int_equal(bed_stats(bed).rows, 0);
	bed_set_clock(bed, NOON + SECOND);
	bed_await_rows(bed, 3);
	assert_int_equal(bed_read(bed_path(bed, "x.arrow.part"), numbers, 8, books, &is_complete),
			 3);
	assert_int_equal(numbers[2], 12);
	assert_false(is_complete);
	assert_false(bed_exists(bed, "x.arrow"));
}

/* A clock that was set back by an hour does not hold the rows up for that hour. */
static void a_clock_set_back_holds_no_row_up(void **state)
{
	struct live_bed *bed = *state;

	bed_start(bed, "x.arrow");
	bed_put_all(bed, 0, 0, 1);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON - 3600 * SECOND);
	bed_await_rows(bed, 1);
}

static void without_an_output_blocks_only_come_back(void **state)
{
	struct live_bed *bed = *state;

	bed_start(bed, NULL);
	bed_put_all(bed, 0, 0, 20 * LIVE_BLOCK_ROWS);
	live_writer_stop(bed->writer);
	assert_int_equal(rte_ring_count(bed->outboxes[0].full), 0);
	assert_int_equal(rte_ring_count(bed->outboxes[0].empty), 4);
	assert_int_equal(bed_stats(bed).rows, 0);
	assert_int_equal(bed_stats(bed).rows_lost, 0);
	assert_string_equal(live_writer_path(bed->writer), "");
	assert_string_equal(live_writer_failure(bed->writer), "");
}

/* ---- rotation ----------------------------------------------------------------------- */

static void assert_shows(struct live_bed *bed, const char *path)
{
	char shown[256];

	live_writer_get_path(bed->writer, shown, sizeof(shown));
	assert_string_equal(shown, path);
}

static void files_begin_with_their_intervals(void **state)
{
	struct live_bed *bed = *state;

	bed->config.rotate_ns = 60 * SECOND;
	bed_set_clock(bed, NOON + 30 * SECOND + SECOND / 2);
	bed_start(bed, "%Y%m%dT%H%M%S.arrow");
	assert_shows(bed, bed_path(bed, "20251122T120030.arrow"));
	bed_put_all(bed, 0, 0, 10);
	bed_await_empty(bed);
	bed->received = 7;
	/* Rows that wait at the border belong to the interval in which they came. */
	bed_set_clock(bed, NOON + 60 * SECOND);
	bed_await_files(bed, 1);
	bed_assert_file(bed, "20251122T120030.arrow", 0, 10, "7");
	bed_await_exists(bed, "20251122T120100.arrow.part");
	/* Nothing comes for an interval; and the writer notices late. */
	bed->received = 9;
	bed_set_clock(bed, NOON + 125 * SECOND);
	bed_await_files(bed, 2);
	bed_assert_file(bed, "20251122T120100.arrow", 0, 0, "2");
	bed_put_all(bed, 1, 10, 5);
	bed->received = 19;
	live_writer_stop(bed->writer);
	assert_shows(bed, "");
	bed_assert_file(bed, "20251122T120200.arrow", 10, 5, "10");
	assert_int_equal(bed_nb_files(bed), 3);
	assert_int_equal(bed_stats(bed).bytes, file_size(bed, "20251122T120030.arrow") +
						       file_size(bed, "20251122T120100.arrow") +
						       file_size(bed, "20251122T120200.arrow"));
	assert_string_equal(live_writer_path(bed->writer), bed_path(bed, "20251122T120200.arrow"));
}

/* A machine that slept: one file for the time, and its books say all that was in it. */
static void intervals_that_passed_at_once_are_one_file(void **state)
{
	struct live_bed *bed = *state;

	bed->config.rotate_ns = 10 * SECOND;
	bed_start(bed, "%H%M%S.arrow");
	bed->received = 5;
	bed_set_clock(bed, NOON + 3605 * SECOND);
	bed_await_files(bed, 1);
	live_writer_stop(bed->writer);
	bed_assert_file(bed, "120000.arrow", 0, 0, "5");
	bed_assert_file(bed, "130000.arrow", 0, 0, "0");
	assert_int_equal(bed_nb_files(bed), 2);
}

static void a_clock_set_back_begins_a_file_of_another_name(void **state)
{
	struct live_bed *bed = *state;

	bed->config.rotate_ns = 60 * SECOND;
	bed_start(bed, "%H%M.arrow");
	bed_put_all(bed, 0, 0, 1);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + 60 * SECOND);
	bed_await_files(bed, 1);
	bed_put_all(bed, 0, 1, 1);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + 5 * SECOND);
	bed_await_files(bed, 2);
	bed_put_all(bed, 0, 2, 1);
	live_writer_stop(bed->writer);
	bed_assert_file(bed, "1200.arrow", 0, 1, "0");
	bed_assert_file(bed, "1201.arrow", 1, 1, "0");
	bed_assert_file(bed, "1200-1.arrow", 2, 1, "0");
	assert_int_equal(bed_nb_files(bed), 3);
}

/* Each batch fills a file. What lies there already, whole or not, is somebody else's. */
static void files_that_are_long_enough_are_followed_by_others(void **state)
{
	struct live_bed *bed = *state;

	write_text(bed_path(bed, "x.arrow"), "old");
	write_text(bed_path(bed, "x-2.arrow.part"), "killed");
	assert_int_equal(mkdir(bed_path(bed, "x-3.arrow"), 0700), 0);
	bed->config.batch_rows = 100;
	bed->config.rotate_bytes = 1;
	bed_start(bed, "x.arrow");
	bed_put_all(bed, 0, 0, 300);
	bed_await_files(bed, 3);
	live_writer_stop(bed->writer);
	bed_assert_file(bed, "x-1.arrow", 0, 100, "0");
	bed_assert_file(bed, "x-4.arrow", 100, 100, "0");
	bed_assert_file(bed, "x-5.arrow", 200, 100, "0");
	bed_assert_file(bed, "x-6.arrow", 0, 0, "0");
	assert_holds(bed_path(bed, "x.arrow"), "old");
	assert_holds(bed_path(bed, "x-2.arrow.part"), "killed");
	assert_int_equal(bed_nb_files(bed), 7);
}

static void a_file_is_as_long_as_was_asked_for(void **state)
{
	struct live_bed *bed = *state;
	int64_t *numbers = malloc(10002 * sizeof(*numbers));
	int64_t next = 0;
	char name[32], books[24];
	bool is_complete;
	size_t files;

	assert_non_null(numbers);
	bed->config.batch_rows = 100;
	bed->config.rotate_bytes = 150000;
	bed_start(bed, "x.arrow");
	bed_put_all(bed, 0, 0, 10000);
	live_writer_stop(bed->writer);
	files = bed_nb_files(bed);
	assert_in_range(files, 2, 99);
	assert_int_equal(bed_stats(bed).files, files);
	for (size_t i = 0; i < files; i++) {
		size_t nb;

		snprintf(name, sizeof(name), i == 0 ? "x.arrow" : "x-%zu.arrow", i);
		if (i + 1 < files)
			assert_in_range(file_size(bed, name), 150000, 200000);
		nb = bed_read(bed_path(bed, name), numbers, 10002, books, &is_complete);
		assert_true(is_complete);
		for (size_t row = 0; row < nb; row++)
			assert_int_equal(numbers[row], next++);
	}
	assert_int_equal(next, 10000);
	free(numbers);
}

static void a_name_from_a_pattern_without_rotation_is_of_the_start(void **state)
{
	struct live_bed *bed = *state;

	bed_set_clock(bed, NOON + 3661 * SECOND);
	write_text(bed_path(bed, "130101.arrow"), "old");
	bed_start(bed, "%H%M%S.arrow");
	bed_set_clock(bed, NOON + 7200 * SECOND);
	bed_put_all(bed, 0, 0, 2);
	assert_holds(bed_path(bed, "130101.arrow"), "old");
	live_writer_stop(bed->writer);
	bed_assert_file(bed, "130101.arrow", 0, 2, "0");
	assert_int_equal(bed_nb_files(bed), 1);
}

/* Two runs with the same pattern turn at the same moment: neither takes the other's name. */
static void two_writers_do_not_take_each_others_names(void **state)
{
	struct live_bed *bed = *state, *other;
	int64_t numbers[64], sum = 0;
	char pattern[128], books[24];
	size_t nb = 0;

	assert_int_equal(bed_setup((void **)&other), 0);
	snprintf(pattern, sizeof(pattern), "%s/x.arrow", bed->dir);
	bed->config.rotate_ns = other->config.rotate_ns = 10 * SECOND;
	bed_start(bed, pattern);
	bed_start(other, pattern);
	for (int64_t i = 0; i < 10; i++) {
		bed_put_all(bed, 0, 2 * i, 1);
		bed_put_all(other, 0, 2 * i + 1, 1);
		bed_await_empty(bed);
		bed_await_empty(other);
		bed_set_clock(bed, NOON + (i + 1) * 10 * SECOND);
		bed_set_clock(other, NOON + (i + 1) * 10 * SECOND);
		bed_await_files(bed, (uint64_t)i + 1);
		bed_await_files(other, (uint64_t)i + 1);
	}
	live_writer_stop(bed->writer);
	live_writer_stop(other->writer);
	assert_int_equal(bed_nb_files(bed), 22);
	for (int i = 0; i < 22; i++) {
		char name[32];
		bool is_complete;
		size_t found;

		snprintf(name, sizeof(name), i == 0 ? "x.arrow" : "x-%d.arrow", i);
		found = bed_read(bed_path(bed, name), numbers, 64, books, &is_complete);
		assert_true(is_complete);
		nb += found;
		for (size_t row = 0; row < found; row++)
			sum += numbers[row];
	}
	assert_int_equal(nb, 20);
	assert_int_equal(sum, 19 * 20 / 2);
	bed_teardown((void **)&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_rows_come_back_whatever_the_batch),
		TEST(rows_of_all_workers_come_through),
		TEST(rows_wait_for_a_second_at_most),
		TEST(a_clock_set_back_holds_no_row_up),
		TEST(without_an_output_blocks_only_come_back),
		TEST(files_begin_with_their_intervals),
		TEST(intervals_that_passed_at_once_are_one_file),
		TEST(a_clock_set_back_begins_a_file_of_another_name),
		TEST(files_that_are_long_enough_are_followed_by_others),
		TEST(a_file_is_as_long_as_was_asked_for),
		TEST(a_name_from_a_pattern_without_rotation_is_of_the_start),
		TEST(two_writers_do_not_take_each_others_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
