/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_RUN_EVENTS_H
#define TCPMILL_CLI_RUN_EVENTS_H

/*
 * The events table of a run: a teller that makes rows of the verdicts it is told and
 * writes them as batches. Rows come in the order of the capture and a batch is full at
 * a fixed number of rows, so the file does not depend on chunks or workers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrow_kv;
struct engine_teller;
struct run_events;

struct run_events_params {
	const char *path;  /* "-": an Arrow stream on stdout */
	uint32_t verdicts; /* bit v: enum verdict v is wanted */
	uint32_t batch_rows;
	const struct arrow_kv *metadata; /* of the schema */
	size_t nb_metadata;
};

/* What was written and where it stands. */
struct run_events_result {
	char path[512]; /* "x.arrow", or "x.arrow.part" of a run that was cut off */
	uint64_t rows, bytes;
};

/* All 18. */
#define RUN_EVENTS_ALL ((1u << NB_VERDICTS) - 1)

/*
 * "duplicate_ack,zero_window" becomes bits. When a name is unknown it is in unknown,
 * cut to size, *nearest is what may have been meant or NULL, and false comes back.
 */
bool run_events_parse_only(const char *list, uint32_t *verdicts, char *unknown, size_t size,
			   const char **nearest);

/* NULL with one line in error. */
struct run_events *run_events_open(const struct run_events_params *params, char *error,
				   size_t error_size);
/* What the engine is given; it lives as long as events. */
const struct engine_teller *run_events_teller(const struct run_events *events);

/*
 * After the run: writes the rows that are left, and, unless the run was cut off, ends
 * the table with footer [nb] and renames it. 0, or -1 with one line in error.
 */
int run_events_finish(struct run_events *events, bool was_cut_off, const struct arrow_kv *footer,
		      size_t nb, struct run_events_result *result, char *error, size_t error_size);
uint64_t run_events_nb_rows(const struct run_events *events);

/* After a run that failed: takes away a .part that has no rows. NULL is fine. */
void run_events_discard(struct run_events *events);
/* What is not finished stays as a .part. NULL is fine. */
void run_events_close(struct run_events *events);

#endif
