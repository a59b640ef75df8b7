/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LIVE_WRITER_PRIV_H
#define TCPMILL_LIVE_WRITER_PRIV_H

/* Inside the writer: its thread (writer.c) and the file that it writes (writer_file.c). */

#include "live/live_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/wall_clock.h"

#define WRITER_PATH_MAX 512

/* All but the atomics and the shown path belongs to the thread while it runs. */
struct live_writer {
	struct live_writer_params params;
	uint32_t batch_rows;

	struct arrow_encoder *encoder; /* NULL: without an output */
	struct arrow_message message;  /* its buffer is used again */
	uint32_t nb_waiting;           /* rows in the encoder */
	int64_t waiting_since_ns;      /* the first of them */

	struct arrow_writer *file; /* NULL: none is open, what comes is lost */
	uint64_t file_rows;        /* in it */
	uint64_t past_bytes;       /* of the files before it */
	char path[WRITER_PATH_MAX];
	char base[WRITER_PATH_MAX]; /* what the pattern said, and ... */
	uint32_t variant;           /* ... which variant of it path is */
	char last_path[WRITER_PATH_MAX];
	bool is_stream, rotates;
	bool awaits_reader;   /* of a FIFO: nothing is taken from the workers meanwhile */
	int64_t interval_ns;  /* the beginning of the one we are in */
	int64_t opened_ns;    /* when a file was opened, or tried to be, last */
	struct live_stats at; /* the last file's books end here */
	char failure[WRITER_PATH_MAX + 256];

	pthread_mutex_t shown_lock;
	char shown_path[256]; /* path while a file is open, for other threads */

	pthread_t thread;
	bool is_running;
	atomic_bool stop;
	_Atomic int64_t give_up_ns; /* CLOCK_MONOTONIC: no reader is waited for any longer */
	_Atomic uint64_t rows, bytes, files, rows_lost, failures;
};

/* Only the thread adds. */
static inline void writer_count(_Atomic uint64_t *counter, uint64_t nb)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + nb,
			      memory_order_relaxed);
}

/* Opens the first file. 0 (also if a FIFO's reader is yet to come), or -1 with one line in error.
 */
int writer_file_start(struct live_writer *writer, int64_t now_ns, char *error, size_t error_size);
/* The rows that wait become a batch of the file, or are lost. */
void writer_file_flush(struct live_writer *writer);
/* Ends the file at the border of an interval or when it is long enough, and begins the next. */
void writer_file_turn(struct live_writer *writer, int64_t now_ns);
/* The end of all: no file is open afterwards. */
void writer_file_stop(struct live_writer *writer);
/* Nothing has come yet and nothing will: leaves no file behind. */
void writer_file_discard(struct live_writer *writer);

#endif
