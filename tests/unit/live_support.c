/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "live_support.h"

#define PATIENCE_MS 20000

static const struct arrow_kv schema_metadata[] = {{"program", "test"}};

int bed_setup(void **state)
{
	struct live_bed *bed = calloc(1, sizeof(*bed));

	if (bed == NULL)
		return -1;
	snprintf(bed->dir, sizeof(bed->dir), "/tmp/tcpmill-live-XXXXXX");
	if (mkdtemp(bed->dir) == NULL)
		return -1;
	bed->config.batch_rows = 1000;
	for (uint32_t i = 0; i < BED_WORKERS; i++) {
		bed->list[i] = &bed->outboxes[i];
		if (live_outbox_init(&bed->outboxes[i], 4) != 0)
			return -1;
	}
	bed_set_clock(bed, NOON);
	*state = bed;
	return 0;
}

int bed_teardown(void **state)
{
	struct live_bed *bed = *state;
	DIR *dir = opendir(bed->dir);
	struct dirent *entry;

	live_writer_destroy(bed->writer);
	for (uint32_t i = 0; i < BED_WORKERS; i++)
		live_outbox_fini(&bed->outboxes[i]);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			remove(bed_path(bed, entry->d_name));
	}
	closedir(dir);
	rmdir(bed->dir);
	free(bed);
	return 0;
}

const char *bed_path(const struct live_bed *bed, const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", bed->dir, name);
	return path;
}

/* ---- the writer --------------------------------------------------------------------- */

static void snapshot(void *context, struct live_stats *stats)
{
	struct live_bed *bed = context;

	memset(stats, 0, sizeof(*stats));
	stats->nb_workers = BED_WORKERS;
	stats->workers[0].received = bed->received;
}

static size_t footer(void *context, const struct live_stats *since, struct arrow_kv *metadata,
		     size_t max)
{
	struct live_bed *bed = context;

	if (max == 0)
		return 0;
	snprintf(bed->footer, sizeof(bed->footer), "%" PRIu64, since->workers[0].received);
	metadata[0] = (struct arrow_kv){"received", bed->footer};
	return 1;
}

static struct live_writer *try_start(struct live_bed *bed, const char *pattern, char *error,
				     size_t error_size)
{
	const struct live_writer_params params = {
		.config = &bed->config,
		.outboxes = bed->list,
		.nb_outboxes = BED_WORKERS,
		.snapshot = snapshot,
		.context = bed,
		.footer = footer,
		.footer_context = bed,
		.metadata = schema_metadata,
		.nb_metadata = 1,
		.clock = &bed->clock,
	};

	if (pattern != NULL) {
		if (pattern[0] == '/' || strcmp(pattern, "-") == 0)
			snprintf(bed->pattern, sizeof(bed->pattern), "%s", pattern);
		else
			snprintf(bed->pattern, sizeof(bed->pattern), "%s/%s", bed->dir, pattern);
		bed->config.output = bed->pattern;
	}
	return live_writer_start(&params, error, error_size);
}

void bed_start(struct live_bed *bed, const char *pattern)
{
	char error[256] = "";

	bed->writer = try_start(bed, pattern, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(bed->writer);
}

const char *bed_start_error(struct live_bed *bed, const char *pattern)
{
	static char error[256];

	error[0] = '\0';
	assert_null(try_start(bed, pattern, error, sizeof(error)));
	return error;
}

/* ---- the workers -------------------------------------------------------------------- */

static void fill_row(struct flow_record *row, int64_t number)
{
	memset(row, 0, sizeof(*row));
	row->ts_ns = NOON + number;
	row->src = (struct record_address){.bytes = {10, 0, 0, 1}, .version = 4};
	row->dst = (struct record_address){.bytes = {10, 0, 0, 2}, .version = 4};
	row->dst.bytes[2] = (uint8_t)number;
	row->src_port = (uint16_t)(number * 7);
	row->stream = number;
	row->side[1].bytes = number * number;
	row->history[0] = (char)('A' + number % 26);
}

static bool put_one(struct live_bed *bed, uint32_t worker, int64_t number)
{
	struct live_outbox *outbox = &bed->outboxes[worker];
	struct flow_record *row = live_outbox_next(outbox, wall_clock_now(&bed->clock));

	if (row == NULL)
		return false;
	fill_row(row, number);
	live_outbox_put(outbox);
	bed->put++;
	return true;
}

void bed_put(struct live_bed *bed, uint32_t worker, int64_t first, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		if (!put_one(bed, worker, first + i))
			bed->dropped++;
	}
}

void bed_put_all(struct live_bed *bed, uint32_t worker, int64_t first, uint32_t nb)
{
	unsigned int waited = 0;

	for (uint32_t i = 0; i < nb;) {
		if (put_one(bed, worker, first + i)) {
			i++;
			continue;
		}
		bed_sleep_ms(1);
		assert_true(++waited < PATIENCE_MS);
	}
	bed_send(bed);
}

void bed_send(struct live_bed *bed)
{
	for (uint32_t i = 0; i < BED_WORKERS; i++)
		live_outbox_flush(&bed->outboxes[i], INT64_MAX);
}

/* ---- time --------------------------------------------------------------------------- */

void bed_set_clock(struct live_bed *bed, int64_t ns)
{
	atomic_store(&bed->clock.line.utc_ns, ns); /* its slope is 0: it stands still */
}

void bed_sleep_ms(unsigned int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

uint64_t bed_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

struct live_writer_stats bed_stats(const struct live_bed *bed)
{
	struct live_writer_stats stats;

	live_writer_get_stats(bed->writer, &stats);
	return stats;
}

void bed_await_rows(const struct live_bed *bed, uint64_t rows)
{
	for (int ms = 0; bed_stats(bed).rows < rows && ms < PATIENCE_MS; ms++)
		bed_sleep_ms(1);
	assert_int_equal(bed_stats(bed).rows, rows);
}

void bed_await_files(const struct live_bed *bed, uint64_t files)
{
	for (int ms = 0; bed_stats(bed).files < files && ms < PATIENCE_MS; ms++)
		bed_sleep_ms(1);
	assert_int_equal(bed_stats(bed).files, files);
}

void bed_await_failures(const struct live_bed *bed, uint64_t failures)
{
	for (int ms = 0; bed_stats(bed).failures < failures && ms < PATIENCE_MS; ms++)
		bed_sleep_ms(1);
	assert_int_equal(bed_stats(bed).failures, failures);
}

/* rte_ring_count() reads what TSan wants to be read atomically. */
static bool is_empty(const struct rte_ring *ring)
{
	return __atomic_load_n(&ring->cons.tail, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE);
}

/* Until the writer has taken what was sent. */
void bed_await_empty(const struct live_bed *bed)
{
	for (uint32_t i = 0; i < BED_WORKERS; i++) {
		const struct rte_ring *ring = bed->outboxes[i].full;

		for (int ms = 0; !is_empty(ring) && ms < PATIENCE_MS; ms++)
			bed_sleep_ms(1);
		assert_true(is_empty(ring));
	}
}

void bed_await_exists(const struct live_bed *bed, const char *name)
{
	for (int ms = 0; !bed_exists(bed, name) && ms < PATIENCE_MS; ms++)
		bed_sleep_ms(1);
	assert_true(bed_exists(bed, name));
}

/* ---- what was written --------------------------------------------------------------- */

static void assert_text(const struct arrow_batch *batch, int field, uint32_t row,
			const char *expected)
{
	size_t len;
	const char *text = arrow_batch_text(batch, (size_t)field, row, &len);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static int64_t value(const struct arrow_reader *reader, const struct arrow_batch *batch,
		     const char *name, uint32_t row)
{
	return arrow_batch_int(batch, (size_t)arrow_reader_find(reader, name), row);
}

static int64_t check_row(const struct arrow_reader *reader, const struct arrow_batch *batch,
			 uint32_t row)
{
	const int64_t number = value(reader, batch, "stream", row);
	const char letter[2] = {(char)('A' + number % 26), '\0'};
	char address[32];

	assert_int_equal(value(reader, batch, "ts", row), NOON + number);
	assert_int_equal(value(reader, batch, "src_port", row), (uint16_t)(number * 7));
	assert_int_equal(value(reader, batch, "r_bytes", row), number * number);
	snprintf(address, sizeof(address), "10.0.%u.2", (uint8_t)number);
	assert_text(batch, arrow_reader_find(reader, "dst_ip"), row, address);
	assert_text(batch, arrow_reader_find(reader, "history"), row, letter);
	return number;
}

static void read_footer(const struct arrow_reader *reader, char *footer_value)
{
	const struct arrow_kv *kv;
	size_t nb;

	footer_value[0] = '\0';
	kv = arrow_reader_footer(reader, &nb);
	for (size_t i = 0; i < nb; i++) {
		if (strcmp(kv[i].key, "received") == 0)
			snprintf(footer_value, 24, "%s", kv[i].value);
	}
	kv = arrow_reader_metadata(reader, &nb);
	assert_int_equal(nb, 1);
	assert_string_equal(kv[0].value, "test");
}

size_t bed_read(const char *path, int64_t *numbers, size_t max, char *footer_value,
		bool *is_complete)
{
	char error[256] = "";
	struct arrow_reader *reader = arrow_reader_open(path, error, sizeof(error));
	const struct arrow_batch *batch;
	size_t nb = 0;
	int ret;

	assert_string_equal(error, "");
	assert_non_null(reader);
	while ((ret = arrow_reader_next(reader, &batch)) == 1) {
		for (uint32_t i = 0; i < arrow_batch_nb_rows(batch); i++) {
			assert_true(nb + 1 < max);
			numbers[nb++] = check_row(reader, batch, i);
		}
	}
	numbers[nb] = -1;
	assert_int_equal(ret, 0);
	read_footer(reader, footer_value);
	*is_complete = arrow_reader_is_complete(reader);
	arrow_reader_close(reader);
	return nb;
}

void bed_assert_file(const struct live_bed *bed, const char *name, int64_t first, size_t nb,
		     const char *expected)
{
	int64_t *numbers = malloc((nb + 2) * sizeof(*numbers));
	char found[24];
	bool is_complete;

	assert_non_null(numbers);
	assert_int_equal(bed_read(bed_path(bed, name), numbers, nb + 2, found, &is_complete), nb);
	for (size_t i = 0; i < nb; i++)
		assert_int_equal(numbers[i], first + (int64_t)i);
	assert_string_equal(found, expected);
	assert_true(is_complete);
	free(numbers);
}

size_t bed_nb_files(const struct live_bed *bed)
{
	DIR *dir = opendir(bed->dir);
	struct dirent *entry;
	size_t nb = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		nb += entry->d_name[0] != '.';
	closedir(dir);
	return nb;
}

bool bed_exists(const struct live_bed *bed, const char *name)
{
	return access(bed_path(bed, name), F_OK) == 0;
}
