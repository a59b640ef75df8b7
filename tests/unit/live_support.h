/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TESTS_LIVE_SUPPORT_H
#define TCPMILL_TESTS_LIVE_SUPPORT_H

/* A writer with workers that the test plays itself, a clock that it sets, and a folder. */

#include "live/live_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/wall_clock.h"

#define SECOND INT64_C(1000000000)
#define NOON (INT64_C(1763812800) * SECOND) /* 2025-11-22T12:00:00Z, says date(1) */
#define BED_WORKERS 2

struct live_bed {
	char dir[64];
	char pattern[128]; /* dir and what the test asks for */
	struct live_config config;
	struct live_outbox outboxes[BED_WORKERS];
	struct live_outbox *list[BED_WORKERS];
	struct wall_clock clock;
	_Atomic uint64_t received; /* what the snapshot says of worker 0 */
	char footer[24];
	struct live_writer *writer;
	uint64_t put, dropped; /* rows; dropped: the writer had all blocks */
};

/* cmocka's setup and teardown. */
int bed_setup(void **state);
int bed_teardown(void **state);

/* dir/name. Static, for four uses at a time. */
const char *bed_path(const struct live_bed *bed, const char *name);
/* Pattern is below dir unless it begins with '/' or is "-"; NULL: none. */
void bed_start(struct live_bed *bed, const char *pattern);
/* The same, but it fails: the error's text is static. */
const char *bed_start_error(struct live_bed *bed, const char *pattern);
/* Rows with numbers [first, first + nb) from one worker; what finds no room is dropped. */
void bed_put(struct live_bed *bed, uint32_t worker, int64_t first, uint32_t nb);
/* The same, but waits for room; then all is sent. */
void bed_put_all(struct live_bed *bed, uint32_t worker, int64_t first, uint32_t nb);
void bed_send(struct live_bed *bed);
void bed_set_clock(struct live_bed *bed, int64_t ns);
struct live_writer_stats bed_stats(const struct live_bed *bed);
/* Wait, at most some seconds, until so much has come about. */
void bed_await_rows(const struct live_bed *bed, uint64_t rows);
void bed_await_files(const struct live_bed *bed, uint64_t files);
void bed_await_failures(const struct live_bed *bed, uint64_t failures);
void bed_await_empty(const struct live_bed *bed);
/* A file is whole, and counted, before the next one is there. */
void bed_await_exists(const struct live_bed *bed, const char *name);
void bed_sleep_ms(unsigned int ms);
uint64_t bed_seconds(void); /* monotonic */

/*
 * A file's rows must be what bed_put() made. Their numbers go to numbers, -1 behind them;
 * returns how many. footer: the books' value, "" in a .part.
 */
size_t bed_read(const char *path, int64_t *numbers, size_t max, char *footer, bool *is_complete);
/* The file in dir is whole and holds exactly [first, first + nb), and its books say that. */
void bed_assert_file(const struct live_bed *bed, const char *name, int64_t first, size_t nb,
		     const char *footer);
/* Regular files in dir. */
size_t bed_nb_files(const struct live_bed *bed);
bool bed_exists(const struct live_bed *bed, const char *name);

#endif
