/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The writer when the disk is full or gone, and when nobody reads: it goes on where it can,
 * ends in bounded time, and every row is written, lost or dropped, and counted as that.
 */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "live_support.h"

#define PART_MAX 2000

static void assert_books_balance(const struct live_bed *bed)
{
	const struct live_writer_stats stats = bed_stats(bed);

	assert_int_equal(stats.rows + stats.rows_lost, bed->put);
}

static void assert_failure_says(const struct live_bed *bed, const char *what)
{
	const char *failure = live_writer_failure(bed->writer);

	if (strstr(failure, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", failure, what);
}

/* Rows of a .part: [first, first + nb). */
static void assert_part(const struct live_bed *bed, const char *name, int64_t first, size_t nb)
{
	int64_t numbers[PART_MAX];
	char books[24];
	bool is_complete;

	assert_int_equal(bed_read(bed_path(bed, name), numbers, PART_MAX, books, &is_complete), nb);
	assert_false(is_complete);
	for (size_t i = 0; i < nb; i++)
		assert_int_equal(numbers[i], first + (int64_t)i);
}

/* ---- the disk ----------------------------------------------------------------------- */

/* A size limit stands in for the full disk: a short write, then an error. */
static struct rlimit limit_files(rlim_t bytes)
{
	struct rlimit old, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = bytes;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	return old;
}

/* Bytes of the .part by now, and some more, but not another batch. */
static rlim_t just_now(const struct live_bed *bed, const char *part)
{
	struct stat st;

	assert_int_equal(stat(bed_path(bed, part), &st), 0);
	return (rlim_t)st.st_size + 1000;
}

static void a_full_disk_without_rotation_is_the_end(void **state)
{
	struct live_bed *bed = *state;
	struct rlimit old;

	bed->config.batch_rows = 100;
	bed_start(bed, "x.arrow");
	bed_put_all(bed, 0, 0, 200);
	bed_await_rows(bed, 200);
	old = limit_files(just_now(bed, "x.arrow.part"));
	bed_put_all(bed, 0, 200, 100);
	bed_await_failures(bed, 1);
	setrlimit(RLIMIT_FSIZE, &old);
	bed_put_all(bed, 0, 300, 5000);
	bed_set_clock(bed, NOON + 60 * SECOND);
	bed_put_all(bed, 0, 5300, 10);
	live_writer_stop(bed->writer);
	assert_part(bed, "x.arrow.part", 0, 200);
	assert_int_equal(bed_nb_files(bed), 1);
	assert_int_equal(bed_stats(bed).rows, 200);
	assert_int_equal(bed_stats(bed).rows_lost, 5110);
	assert_int_equal(bed_stats(bed).files, 0);
	assert_int_equal(bed_stats(bed).failures, 1);
	assert_books_balance(bed);
	assert_failure_says(bed, "x.arrow.part: cannot write: File too large, 5110 records lost");
	assert_string_equal(live_writer_path(bed->writer), bed_path(bed, "x.arrow.part"));
}

/* What was lost meanwhile is in the books of the file that follows. */
static void rotation_goes_on_when_the_disk_has_room_again(void **state)
{
	struct live_bed *bed = *state;
	struct rlimit old;

	bed->config.batch_rows = 100;
	bed->config.rotate_ns = 60 * SECOND;
	bed_start(bed, "%H%M%S.arrow");
	bed->received = 3;
	bed_put_all(bed, 0, 0, 100);
	bed_await_rows(bed, 100);
	old = limit_files(just_now(bed, "120000.arrow.part"));
	bed_put_all(bed, 0, 100, 100);
	bed_await_failures(bed, 1);
	/* Not at once ... */
	bed_set_clock(bed, NOON + 5 * SECOND - 1);
	bed_put_all(bed, 0, 200, 100);
	bed_await_empty(bed);
	/* ... and not yet: the schema is too long already, and leaves nothing behind. */
	limit_files(1000);
	bed_set_clock(bed, NOON + 5 * SECOND);
	bed_await_failures(bed, 2);
	assert_int_equal(bed_nb_files(bed), 1);
	setrlimit(RLIMIT_FSIZE, &old);
	bed_set_clock(bed, NOON + 10 * SECOND);
	bed_await_exists(bed, "120010.arrow.part");
	bed_put_all(bed, 0, 300, 100);
	bed_await_rows(bed, 200);
	bed->received = 10;
	bed_set_clock(bed, NOON + 60 * SECOND);
	bed_await_files(bed, 1);
	live_writer_stop(bed->writer);
	assert_part(bed, "120000.arrow.part", 0, 100);
	bed_assert_file(bed, "120010.arrow", 300, 100, "10");
	bed_assert_file(bed, "120100.arrow", 0, 0, "0");
	assert_int_equal(bed_nb_files(bed), 3);
	assert_int_equal(bed_stats(bed).rows_lost, 200);
	assert_int_equal(bed_stats(bed).failures, 2);
	assert_books_balance(bed);
	assert_failure_says(bed, "120000.arrow.part: cannot write: File too large, 200 records");
}

/* The next interval begins anew, however short the time since the failure. */
static void a_border_is_a_reason_to_try_again(void **state)
{
	struct live_bed *bed = *state;
	const char *hidden;
	char moved[128];

	bed->config.rotate_ns = 60 * SECOND;
	bed_set_clock(bed, NOON + 59 * SECOND);
	snprintf(moved, sizeof(moved), "%s/sub", bed->dir);
	assert_int_equal(mkdir(moved, 0700), 0);
	bed_start(bed, "sub/%H%M%S.arrow");
	hidden = bed_path(bed, "hidden");
	assert_int_equal(rename(moved, hidden), 0);
	/* The file cannot be given its name, and the next one cannot be opened. */
	bed_put_all(bed, 0, 0, 10);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + 60 * SECOND);
	bed_await_failures(bed, 2);
	bed_put_all(bed, 0, 10, 20);
	bed_await_empty(bed);
	assert_int_equal(rename(hidden, moved), 0);
	bed_set_clock(bed, NOON + 63 * SECOND);
	bed_set_clock(bed, NOON + 120 * SECOND);
	bed_await_exists(bed, "sub/120200.arrow.part");
	bed_put_all(bed, 0, 30, 40);
	live_writer_stop(bed->writer);
	bed_assert_file(bed, "sub/120200.arrow", 30, 40, "0");
	assert_int_equal(bed_stats(bed).rows, 50);
	assert_int_equal(bed_stats(bed).rows_lost, 20);
	assert_books_balance(bed);
	assert_failure_says(bed, "120059.arrow.part: cannot finish: No such file or directory");
	/* Its footer is there: only the name was missing. */
	assert_int_equal(rename(bed_path(bed, "sub/120059.arrow.part"), bed_path(bed, "whole")), 0);
	bed_assert_file(bed, "whole", 0, 10, "0");
	remove(bed_path(bed, "sub/120200.arrow"));
}

/* No file may be longer than that: only the batch that did not fit is lost. */
static void a_file_that_went_on_for_a_while_is_followed_at_once(void **state)
{
	struct live_bed *bed = *state;
	struct rlimit old;

	bed->config.batch_rows = 100;
	bed->config.rotate_ns = 3600 * SECOND;
	bed_start(bed, "%H%M%S.arrow");
	bed_put_all(bed, 0, 0, 100);
	bed_await_rows(bed, 100);
	old = limit_files(just_now(bed, "120000.arrow.part"));
	bed_set_clock(bed, NOON + 6 * SECOND);
	bed_put_all(bed, 0, 100, 100);
	bed_await_failures(bed, 1);
	bed_await_exists(bed, "120006.arrow.part");
	bed_put_all(bed, 0, 200, 100);
	bed_await_rows(bed, 200);
	setrlimit(RLIMIT_FSIZE, &old);
	live_writer_stop(bed->writer);
	assert_part(bed, "120000.arrow.part", 0, 100);
	bed_assert_file(bed, "120006.arrow", 200, 100, "0");
	assert_int_equal(bed_stats(bed).rows_lost, 100);
	assert_books_balance(bed);
}

/* Nothing is lost: the rows are in the .part. */
static void a_file_that_cannot_be_finished_keeps_its_rows(void **state)
{
	struct live_bed *bed = *state;
	struct rlimit old;

	bed_start(bed, "x.arrow");
	bed_put_all(bed, 0, 0, 20);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + SECOND);
	bed_await_rows(bed, 20);
	old = limit_files(just_now(bed, "x.arrow.part"));
	live_writer_stop(bed->writer);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_part(bed, "x.arrow.part", 0, 20);
	assert_int_equal(bed_stats(bed).rows, 20);
	assert_int_equal(bed_stats(bed).rows_lost, 0);
	assert_int_equal(bed_stats(bed).files, 0);
	assert_int_equal(bed_stats(bed).failures, 1);
	assert_books_balance(bed);
	assert_failure_says(bed, "x.arrow.part: cannot finish: File too large");
	assert_string_equal(live_writer_path(bed->writer), bed_path(bed, "x.arrow.part"));
}

/* A .part of no rows is of no use to anybody. */
static void a_file_that_fails_before_its_first_row_goes(void **state)
{
	struct live_bed *bed = *state;
	struct rlimit old;

	bed->config.rotate_ns = 60 * SECOND;
	bed_start(bed, "x.arrow");
	old = limit_files(just_now(bed, "x.arrow.part"));
	bed_put_all(bed, 0, 0, 1);
	bed_await_empty(bed);
	bed_set_clock(bed, NOON + SECOND);
	bed_await_failures(bed, 1);
	live_writer_stop(bed->writer);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(bed_nb_files(bed), 0);
	assert_int_equal(bed_stats(bed).rows_lost, 1);
	assert_failure_says(bed, ", 1 record lost");
	assert_books_balance(bed);
}

static void a_start_that_fails_says_why_and_leaves_nothing(void **state)
{
	struct live_bed *bed = *state;
	char longer[600];

	assert_non_null(strstr(bed_start_error(bed, "missing/x.arrow"),
			       "missing/x.arrow.part: cannot write: No"));
	assert_non_null(strstr(bed_start_error(bed, "/dev/full"), "No space left on device"));
	assert_non_null(strstr(bed_start_error(bed, "/tmp"), "Is a directory"));
	bed->config.batch_rows = 0;
	assert_non_null(strstr(bed_start_error(bed, "x.arrow"), "a batch of 0 records"));
	bed->config.batch_rows = 1;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	bed->config.output = longer;
	assert_non_null(strstr(bed_start_error(bed, NULL), "File name too long"));
	assert_int_equal(bed_nb_files(bed), 0);
}

/* ---- the reader --------------------------------------------------------------------- */

/* A pipe instead of standard output. Until restore() nothing may be printed. */
struct redirected {
	int saved, reader;
};

static struct redirected redirect(void)
{
	struct redirected r;
	int fds[2];

	fflush(stdout);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r.saved = dup(STDOUT_FILENO);
	r.reader = fds[0];
	assert_true(r.saved >= 0);
	assert_true(dup2(fds[1], STDOUT_FILENO) >= 0);
	close(fds[1]);
	return r;
}

static void restore(const struct redirected *r)
{
	fflush(stdout);
	dup2(r->saved, STDOUT_FILENO);
	close(r->saved);
}

/* As many rows as go in until the pipe and all blocks are full, and some more. */
static void put_until_full(struct live_bed *bed)
{
	for (int64_t i = 0; bed->dropped < 1000 && i < 1000; i++) {
		bed_put(bed, 0, 10000 + i * 100, 100);
		bed_sleep_ms(1);
	}
}

static void a_reader_that_does_not_read_holds_nobody_up(void **state)
{
	struct live_bed *bed = *state;
	const struct redirected r = redirect();
	uint64_t before;

	bed->config.batch_rows = 50;
	bed->config.rotate_ns = 60 * SECOND; /* is no matter of a stream */
	bed_start(bed, "-");
	put_until_full(bed);
	bed_send(bed);
	before = bed_seconds();
	live_writer_stop(bed->writer);
	restore(&r);
	/* Five seconds; on a machine with other things to do some more. */
	assert_in_range(bed_seconds() - before, 4, 30);
	assert_in_range(bed->dropped, 1000, 1100);
	assert_true(bed_stats(bed).rows > 0);
	assert_true(bed_stats(bed).rows_lost > 0);
	assert_int_equal(bed_stats(bed).failures, 1);
	assert_books_balance(bed);
	assert_failure_says(bed, "stdout: cannot write: the reader does not read, ");
	assert_true(live_writer_is_stream(bed->writer));
	assert_string_equal(live_writer_path(bed->writer), "stdout");
	close(r.reader);
}

struct slow_reader {
	int fd;
	FILE *copy;
};

static void *read_late(void *context)
{
	struct slow_reader *reader = context;
	char data[4096];
	ssize_t n;

	bed_sleep_ms(300);
	while ((n = read(reader->fd, data, sizeof(data))) > 0)
		fwrite(data, 1, (size_t)n, reader->copy);
	return NULL;
}

/* It begins to read after the stop: what waits is written, to the end of the stream. */
static void a_reader_that_is_late_gets_it_all(void **state)
{
	struct live_bed *bed = *state;
	struct slow_reader reader = {.copy = fopen(bed_path(bed, "copy"), "we")};
	const struct redirected r = redirect();
	int64_t *numbers = malloc(100000 * sizeof(*numbers));
	pthread_t thread;
	char books[24];
	bool is_complete;
	size_t nb;

	assert_non_null(reader.copy);
	assert_non_null(numbers);
	reader.fd = r.reader;
	bed->config.batch_rows = 500;
	bed_start(bed, "-");
	put_until_full(bed);
	bed_send(bed);
	assert_int_equal(pthread_create(&thread, NULL, read_late, &reader), 0);
	live_writer_stop(bed->writer);
	restore(&r);
	pthread_join(thread, NULL);
	fclose(reader.copy);
	close(r.reader);
	nb = bed_read(bed_path(bed, "copy"), numbers, 100000, books, &is_complete);
	assert_true(is_complete);
	assert_int_equal(nb, bed->put);
	assert_int_equal(bed_stats(bed).rows, bed->put);
	assert_int_equal(bed_stats(bed).rows_lost, 0);
	assert_int_equal(bed_stats(bed).files, 1);
	assert_string_equal(live_writer_failure(bed->writer), "");
	free(numbers);
}

/* SIGPIPE is as the test found it: the thread must not die of it. */
static void a_reader_that_goes_away_does_not_come_back(void **state)
{
	struct live_bed *bed = *state;
	const struct redirected r = redirect();

	bed->config.batch_rows = 100;
	bed_start(bed, "-");
	close(r.reader);
	bed_put_all(bed, 0, 0, 5000);
	live_writer_stop(bed->writer);
	restore(&r);
	assert_int_equal(bed_stats(bed).rows, 0);
	assert_int_equal(bed_stats(bed).rows_lost, 5000);
	assert_int_equal(bed_stats(bed).failures, 1);
	assert_failure_says(bed, "the reader went away, 5000 records lost");
}

/* The seconds that a stop took. */
static uint64_t stop_without_a_reader(struct live_bed *bed)
{
	uint64_t before;

	assert_int_equal(mkfifo(bed_path(bed, "fifo"), 0600), 0);
	bed_start(bed, "fifo");
	bed_put(bed, 0, 0, 4 * LIVE_BLOCK_ROWS + 5);
	bed_sleep_ms(50);
	assert_int_equal(bed->dropped, 5);
	assert_int_equal(rte_ring_count(bed->outboxes[0].full), 4);
	before = bed_seconds();
	live_writer_stop(bed->writer);
	before = bed_seconds() - before;
	assert_int_equal(bed_stats(bed).rows_lost, 4 * LIVE_BLOCK_ROWS);
	assert_books_balance(bed);
	assert_failure_says(bed, "fifo: nobody reads it, 1024 records lost");
	assert_true(live_writer_is_stream(bed->writer));
	return before;
}

/*
 * The stop waits for nobody. A machine with other things to do may take seconds all the same, but
 * not each time.
 */
static void a_fifo_that_nobody_reads_is_waited_for_by_the_rows(void **state)
{
	uint64_t least = UINT64_MAX;

	(void)state;
	for (int i = 0; i < 5 && least > 2; i++) {
		struct live_bed *bed;
		uint64_t seconds;

		assert_int_equal(bed_setup((void **)&bed), 0);
		seconds = stop_without_a_reader(bed);
		least = seconds < least ? seconds : least;
		assert_int_equal(bed_teardown((void **)&bed), 0);
	}
	assert_in_range(least, 0, 2);
}

static void a_fifo_is_written_once_somebody_reads_it(void **state)
{
	struct live_bed *bed = *state;
	struct slow_reader reader = {.copy = fopen(bed_path(bed, "copy"), "we")};
	pthread_t thread;

	assert_non_null(reader.copy);
	assert_int_equal(mkfifo(bed_path(bed, "fifo"), 0600), 0);
	bed_start(bed, "fifo");
	bed_put(bed, 0, 0, 300);
	bed_sleep_ms(30);
	reader.fd = open(bed_path(bed, "fifo"), O_RDONLY | O_CLOEXEC);
	assert_true(reader.fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, read_late, &reader), 0);
	bed_put_all(bed, 0, 300, 2000);
	live_writer_stop(bed->writer);
	pthread_join(thread, NULL);
	fclose(reader.copy);
	close(reader.fd);
	bed_assert_file(bed, "copy", 0, 2300, "");
	assert_int_equal(bed_stats(bed).rows, 2300);
	assert_string_equal(live_writer_failure(bed->writer), "");
	assert_string_equal(live_writer_path(bed->writer), bed_path(bed, "fifo"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_without_rotation_is_the_end),
		TEST(rotation_goes_on_when_the_disk_has_room_again),
		TEST(a_border_is_a_reason_to_try_again),
		TEST(a_file_that_went_on_for_a_while_is_followed_at_once),
		TEST(a_file_that_cannot_be_finished_keeps_its_rows),
		TEST(a_file_that_fails_before_its_first_row_goes),
		TEST(a_start_that_fails_says_why_and_leaves_nothing),
		TEST(a_reader_that_does_not_read_holds_nobody_up),
		TEST(a_reader_that_is_late_gets_it_all),
		TEST(a_reader_that_goes_away_does_not_come_back),
		TEST(a_fifo_that_nobody_reads_is_waited_for_by_the_rows),
		TEST(a_fifo_is_written_once_somebody_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
