/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The writer's thread: takes the workers' blocks, and gives them back as soon as their rows
 * are in the encoder. It may block on the disk or on a reader for as long as it takes: then
 * the workers run out of blocks, drop records and count them.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "live/writer_priv.h"

#define SECOND INT64_C(1000000000)
#define BATCH_WAIT_NS SECOND     /* rows wait so long for a batch to fill */
#define SLEEP_NS 10000000        /* when no block has come: nobody wakes us up */
#define PATIENCE_NS (5 * SECOND) /* with a reader that does not read, once we shall stop */
#define MAX_TAKEN 8u             /* blocks of one worker before it is the next one's turn */

/* ---- the thread --------------------------------------------------------------------- */

static void end_batch(struct live_writer *writer, int64_t now_ns)
{
	writer_file_flush(writer);
	writer_file_turn(writer, now_ns);
}

static void take_block(struct live_writer *writer, const struct live_block *block, int64_t now_ns)
{
	uint32_t at = 0;

	while (at < block->nb && writer->file != NULL) {
		const uint32_t room = writer->batch_rows - writer->nb_waiting;
		const uint32_t nb = block->nb - at < room ? block->nb - at : room;

		if (writer->nb_waiting == 0)
			writer->waiting_since_ns = now_ns;
		arrow_encoder_append(writer->encoder, &block->rows[at], nb);
		writer->nb_waiting += nb;
		at += nb;
		if (writer->nb_waiting == writer->batch_rows)
			end_batch(writer, now_ns);
	}
	if (writer->encoder != NULL)
		writer_count(&writer->rows_lost, block->nb - at);
}

/* Every worker's turn. False if none had anything. */
static bool take_round(struct live_writer *writer, int64_t now_ns)
{
	bool found = false;

	for (uint32_t i = 0; i < writer->params.nb_outboxes; i++) {
		struct live_outbox *outbox = writer->params.outboxes[i];

		for (uint32_t n = 0; n < MAX_TAKEN; n++) {
			void *block;

			if (rte_ring_sc_dequeue(outbox->full, &block) != 0)
				break;
			take_block(writer, block, now_ns);
			rte_ring_sp_enqueue(outbox->empty, block);
			found = true;
		}
	}
	return found;
}

/* Also when the clock was set back in between: a row never waits for it to come round again. */
static bool is_over(int64_t since_ns, int64_t wait_ns, int64_t now_ns)
{
	return now_ns - since_ns >= wait_ns || now_ns < since_ns;
}

static void *writer_main(void *context)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};
	struct live_writer *writer = context;

	for (;;) {
		/* First: what was put before the stop is found after it. */
		const bool is_last = atomic_load_explicit(&writer->stop, memory_order_acquire);
		const int64_t now_ns = wall_clock_now(writer->params.clock);
		bool found = false;

		writer_file_turn(writer, now_ns);
		if (!writer->awaits_reader || is_last)
			found = take_round(writer, now_ns);
		if (writer->nb_waiting > 0 &&
		    is_over(writer->waiting_since_ns, BATCH_WAIT_NS, now_ns))
			end_batch(writer, now_ns);
		if (found)
			continue;
		if (is_last)
			break;
		nanosleep(&pause, NULL);
	}
	writer_file_stop(writer);
	return NULL;
}

/* ---- the caller --------------------------------------------------------------------- */

/* Signals are the main thread's. */
static int start_thread(struct live_writer *writer)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&writer->thread, NULL, writer_main, writer);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return -rc;
	writer->is_running = true;
	pthread_setname_np(writer->thread, "tcpmill-writer");
	return 0;
}

static int open_output(struct live_writer *writer, char *error, size_t error_size)
{
	int rc;

	writer->encoder = arrow_encoder_create(flow_record_format(), writer->batch_rows);
	if (writer->encoder == NULL) {
		snprintf(error, error_size, "no room for a batch of %" PRIu32 " records: %s",
			 writer->batch_rows, strerror(errno));
		return -1;
	}
	atomic_store(&writer->give_up_ns, (int64_t)live_monotonic_ns() + PATIENCE_NS);
	rc = writer_file_start(writer, wall_clock_now(writer->params.clock), error, error_size);
	atomic_store(&writer->give_up_ns, INT64_MAX);
	return rc;
}

struct live_writer *live_writer_start(const struct live_writer_params *params, char *error,
				      size_t error_size)
{
	struct live_writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (writer == NULL) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&writer->shown_lock, NULL);
	writer->params = *params;
	writer->batch_rows = params->config->batch_rows;
	if (params->config->output != NULL && open_output(writer, error, error_size) != 0)
		goto fail;
	rc = start_thread(writer);
	if (rc == 0)
		return writer;
	snprintf(error, error_size, "cannot start the writer's thread: %s", strerror(-rc));
	writer_file_discard(writer);
fail:
	live_writer_destroy(writer);
	return NULL;
}

void live_writer_stop(struct live_writer *writer)
{
	uint64_t lost;
	size_t len;

	if (!writer->is_running)
		return;
	atomic_store(&writer->give_up_ns, (int64_t)live_monotonic_ns() + PATIENCE_NS);
	atomic_store_explicit(&writer->stop, true, memory_order_release);
	pthread_join(writer->thread, NULL);
	writer->is_running = false;
	lost = atomic_load(&writer->rows_lost);
	len = strlen(writer->failure);
	if (lost > 0)
		snprintf(writer->failure + len, sizeof(writer->failure) - len,
			 ", %" PRIu64 " record%s lost", lost, lost == 1 ? "" : "s");
}

void live_writer_destroy(struct live_writer *writer)
{
	if (writer == NULL)
		return;
	live_writer_stop(writer);
	arrow_encoder_destroy(writer->encoder);
	pthread_mutex_destroy(&writer->shown_lock);
	free(writer->message.data);
	free(writer);
}

void live_writer_get_stats(const struct live_writer *writer, struct live_writer_stats *stats)
{
	*stats = (struct live_writer_stats){
		.rows = atomic_load_explicit(&writer->rows, memory_order_relaxed),
		.bytes = atomic_load_explicit(&writer->bytes, memory_order_relaxed),
		.files = atomic_load_explicit(&writer->files, memory_order_relaxed),
		.rows_lost = atomic_load_explicit(&writer->rows_lost, memory_order_relaxed),
		.failures = atomic_load_explicit(&writer->failures, memory_order_relaxed),
	};
}

void live_writer_get_path(struct live_writer *writer, char *path, size_t size)
{
	pthread_mutex_lock(&writer->shown_lock);
	snprintf(path, size, "%s", writer->shown_path);
	pthread_mutex_unlock(&writer->shown_lock);
}

const char *live_writer_path(const struct live_writer *writer)
{
	return writer->last_path;
}

bool live_writer_is_stream(const struct live_writer *writer)
{
	return writer->is_stream;
}

const char *live_writer_failure(const struct live_writer *writer)
{
	return writer->failure;
}
