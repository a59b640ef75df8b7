/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LIVE_PRIV_H
#define TCPMILL_LIVE_PRIV_H

/* Inside the live room. */

#include <pthread.h>
#include <rte_ring.h>
#include <stdatomic.h>

#include "tcpmill/live.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

/* publish.c: CLOCK_MONOTONIC, for patience and pauses. */
uint64_t live_monotonic_ns(void);

/* ---- records: from the workers to the writer (writer.c) ------------------------------ */

#define LIVE_BLOCK_ROWS 256u

/* Rows on their way. A worker fills it, the writer empties it, and it goes back. */
struct live_block {
	uint32_t nb;
	struct flow_record rows[LIVE_BLOCK_ROWS];
};

/* Between one worker and the writer: two rings of struct live_block *, SP/SC. */
struct live_outbox {
	struct rte_ring *full;  /* to the writer */
	struct rte_ring *empty; /* back */
	struct live_block *blocks;
	struct live_block *open; /* being filled; NULL: none at hand. The worker's */
	int64_t opened_ns;       /* when its first row came */
};

/* 0 or -ENOMEM. Rings lie in plain memory, so EAL is not needed. */
int live_outbox_init(struct live_outbox *outbox, uint32_t nb_blocks);
void live_outbox_fini(struct live_outbox *outbox);
/* Where the next row goes, or NULL when the writer has all blocks: then it is dropped. */
struct flow_record *live_outbox_next(struct live_outbox *outbox, int64_t now_ns);
/* The row that was got is filled. */
void live_outbox_put(struct live_outbox *outbox);
/* Sends a block that is not full if its first row came before then. */
void live_outbox_flush(struct live_outbox *outbox, int64_t before_ns);

struct live_writer;

/* A snapshot of everything, for the books of a file. */
typedef void live_snapshot_fn(void *context, struct live_stats *stats);

/* What is pointed to must live until the stop: each file is begun with it. */
struct live_writer_params {
	const struct live_config *config;    /* output, rotation, batch_rows */
	struct live_outbox *const *outboxes; /* [nb_outboxes] one a worker */
	uint32_t nb_outboxes;
	live_snapshot_fn *snapshot;
	size_t (*footer)(void *context, const struct live_stats *since_opened,
			 struct arrow_kv *metadata, size_t max); /* or NULL */
	void *footer_context;
	void *context;                   /* of snapshot */
	const struct arrow_kv *metadata; /* of the schema */
	size_t nb_metadata;
	const struct wall_clock *clock;
};

/*
 * Opens the first file and starts the thread. Without an output it only gives blocks back.
 * NULL with one line in error.
 */
struct live_writer *live_writer_start(const struct live_writer_params *params, char *error,
				      size_t error_size);
/*
 * Workers are through, everything is in the rings: writes the rest, finishes the last file,
 * ends the thread. A disk that fails or a reader that does not read any more does not hold it up
 * for longer than some seconds.
 */
void live_writer_stop(struct live_writer *writer);
void live_writer_destroy(struct live_writer *writer);
/* Any thread. */
void live_writer_get_stats(const struct live_writer *writer, struct live_writer_stats *stats);
/* Any thread: the file that is being written, as it will be called; "" if none is. */
void live_writer_get_path(struct live_writer *writer, char *path, size_t size);
/* After the stop: path of the last file, whether it was a stream, and the first failure or "". */
const char *live_writer_path(const struct live_writer *writer);
bool live_writer_is_stream(const struct live_writer *writer);
const char *live_writer_failure(const struct live_writer *writer);

/* ---- telemetry.c ---------------------------------------------------------------------- */

/* Registers /tcpmill/...; stats come from the snapshot. Once a process. */
void live_telemetry_start(live_snapshot_fn *snapshot, void *context);
void live_telemetry_stop(void);

#endif
