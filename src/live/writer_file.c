/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The file that the writer writes: its name, its batches, its end, and what happens when the
 * disk or the reader fails.
 *
 * Rotation. The first file is named after the start; with rotation by time the later ones
 * begin at whole multiples of the interval since the epoch and are named after that. Where a
 * file begins in between (the one before was long enough, or a disk works again), it is named
 * after that moment. A row is in the file that was open when the writer took it over. An
 * interval in which no row came has a file all the same: its books say that nothing came, or
 * what was dropped, and who waits for the file gets it. Intervals that passed while the
 * writer was blocked have none: the file that was open then covers them.
 *
 * Failure. Rows that could not be written are lost, and counted. What stands in the .part
 * by then is not: it stays, readable to its last batch. That also goes for a file whose
 * footer or new name failed. Rotation goes on with a new file a while later, or in the next
 * interval; without it, and in a stream, there is nothing to go on with.
 *
 * Books. A file's end where those of the one before did, so the books of all whole files add
 * up: what happened to a file that failed, or while none could be opened, is in the next one's.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live/file_name.h"
#include "live/writer_priv.h"

/*
 * From one opening to the next when a file has failed. One that had gone on for longer is
 * followed at once: it may be only its length that the disk does not take.
 */
#define RETRY_NS INT64_C(5000000000)
#define MAX_VARIANTS 1000000u /* names that are tried before we call it a failure */
#define MAX_FOOTER 32
#define SHOWN_MAX 120u /* bytes of a path in a failure's line */

/* ---- failures ----------------------------------------------------------------------- */

/* Counts a failure; the first one is kept in words. */
static void fail(struct live_writer *writer, const char *what)
{
	writer_count(&writer->failures, 1);
	if (writer->failure[0] == '\0')
		snprintf(writer->failure, sizeof(writer->failure), "%s", what);
}

static const char *reason(const struct live_writer *writer, int error)
{
	if (writer->is_stream && error == -EPIPE)
		return "the reader went away";
	if (writer->is_stream && error == -ETIMEDOUT)
		return "the reader does not read";
	return strerror(-error);
}

static void fail_file(struct live_writer *writer, const char *path, const char *verb, int error)
{
	const size_t len = strlen(path);
	const bool is_long = len > SHOWN_MAX; /* then its end says more than its beginning */
	char what[sizeof(writer->failure)];

	snprintf(what, sizeof(what), "%s%s: cannot %s: %s", is_long ? "..." : "",
		 is_long ? path + len - SHOWN_MAX : path, verb, reason(writer, error));
	fail(writer, what);
}

/* The .part that stays, or goes: on a full disk there would be a new one every few seconds. */
static void leave_part(struct live_writer *writer, uint64_t bytes)
{
	char part[WRITER_PATH_MAX + 8];

	snprintf(part, sizeof(part), "%s.part", writer->path);
	if (writer->is_stream || writer->file_rows > 0)
		writer->past_bytes += bytes;
	if (writer->is_stream)
		return;
	if (writer->file_rows == 0)
		unlink(part);
	else
		snprintf(writer->last_path, sizeof(writer->last_path), "%.*s", WRITER_PATH_MAX - 1,
			 part);
}

/* ---- opening ------------------------------------------------------------------------ */

static bool is_stream_path(const char *path)
{
	struct stat st;

	return strcmp(path, "-") == 0 ||
	       (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* The next free variant of the name, opened. NULL with errno and one line in error. */
static struct arrow_writer *open_variant(struct live_writer *writer, uint32_t *variant, char *error,
					 size_t error_size)
{
	const struct arrow_writer_options options = {
		.is_new = writer->rotates,
		.is_durable = true,
		.give_up_ns = &writer->give_up_ns,
	};
	struct arrow_writer *file;

	for (uint32_t nb_tried = 0; nb_tried < MAX_VARIANTS; nb_tried++) {
		if (file_name_variant(writer->base, *variant, writer->path, sizeof(writer->path)) !=
		    0) {
			snprintf(error, error_size, "%s: the name is too long", writer->base);
			errno = ENAMETOOLONG;
			return NULL;
		}
		file = arrow_writer_open_with(writer->path, flow_record_format(),
					      writer->params.metadata, writer->params.nb_metadata,
					      &options, error, error_size);
		if (file != NULL || errno != EEXIST || !writer->rotates)
			return file;
		++*variant;
	}
	return NULL; /* with the last error */
}

/* Which file is being written, or "". */
static void show_path(struct live_writer *writer, const char *path)
{
	pthread_mutex_lock(&writer->shown_lock);
	snprintf(writer->shown_path, sizeof(writer->shown_path), "%.*s",
		 (int)sizeof(writer->shown_path) - 1, path);
	pthread_mutex_unlock(&writer->shown_lock);
}

/* A file named after that moment. 0, or -errno with one line in error. */
static int open_file(struct live_writer *writer, int64_t name_ns, char *error, size_t error_size)
{
	char before[WRITER_PATH_MAX];
	uint32_t variant = 0;
	int rc;

	memcpy(before, writer->base, sizeof(before));
	rc = file_name_expand(writer->params.config->output, name_ns, writer->base,
			      sizeof(writer->base));
	if (rc != 0) {
		snprintf(error, error_size, "no file can have this name (%s): %s", strerror(-rc),
			 writer->params.config->output);
		return rc;
	}
	/* Not from 0 each time: a pattern that says little may have 100,000 variants by now. */
	if (strcmp(before, writer->base) == 0)
		variant = writer->variant;
	writer->file = open_variant(writer, &variant, error, error_size);
	if (writer->file == NULL)
		return -errno;
	error[0] = '\0'; /* of names that were taken */
	writer->variant = variant;
	writer->file_rows = 0;
	writer->awaits_reader = false;
	show_path(writer, writer->path);
	return 0;
}

int writer_file_start(struct live_writer *writer, int64_t now_ns, char *error, size_t error_size)
{
	const struct live_config *config = writer->params.config;
	char path[WRITER_PATH_MAX];
	int rc;

	if (file_name_expand(config->output, now_ns, path, sizeof(path)) == 0)
		writer->is_stream = is_stream_path(path);
	writer->rotates =
		!writer->is_stream && (config->rotate_ns != 0 || config->rotate_bytes != 0);
	writer->interval_ns = file_interval(now_ns, config->rotate_ns);
	writer->opened_ns = now_ns;
	rc = open_file(writer, now_ns, error, error_size);
	/* Nobody reads the FIFO yet. The thread tries again. */
	writer->awaits_reader = writer->is_stream && rc == -ENXIO;
	if (writer->awaits_reader)
		error[0] = '\0';
	return rc == 0 || writer->awaits_reader ? 0 : -1;
}

static void open_next(struct live_writer *writer, int64_t name_ns, int64_t now_ns)
{
	char error[sizeof(writer->failure)];
	int rc;

	writer->opened_ns = now_ns;
	rc = open_file(writer, name_ns, error, sizeof(error));
	if (rc == 0 || (writer->awaits_reader && rc == -ENXIO))
		return;
	writer->awaits_reader = false;
	fail(writer, error);
}

/* ---- batches ------------------------------------------------------------------------ */

static void publish_bytes(struct live_writer *writer)
{
	atomic_store_explicit(&writer->bytes, writer->past_bytes + arrow_writer_bytes(writer->file),
			      memory_order_relaxed);
}

static void break_file(struct live_writer *writer, int error)
{
	uint64_t bytes;

	fail_file(writer, arrow_writer_path(writer->file), "write", error);
	bytes = arrow_writer_bytes(writer->file);
	arrow_writer_abandon(writer->file);
	writer->file = NULL;
	show_path(writer, "");
	leave_part(writer, bytes);
}

void writer_file_flush(struct live_writer *writer)
{
	const uint32_t nb = writer->nb_waiting;
	int rc;

	if (nb == 0)
		return;
	writer->nb_waiting = 0;
	rc = arrow_encoder_finish_into(writer->encoder, &writer->message);
	if (rc != 0) {
		fail_file(writer, writer->path, "encode a batch", rc);
		writer_count(&writer->rows_lost, nb);
		return;
	}
	rc = arrow_writer_append(writer->file, &writer->message);
	if (rc != 0) {
		writer_count(&writer->rows_lost, nb);
		break_file(writer, rc);
		return;
	}
	writer->file_rows += nb;
	writer_count(&writer->rows, nb);
	publish_bytes(writer);
}

/* ---- ending ------------------------------------------------------------------------- */

/* What the caller says about the time since the last books. */
static size_t make_footer(struct live_writer *writer, const struct live_stats *now,
			  struct arrow_kv *footer)
{
	struct live_stats *since;
	size_t nb;

	if (writer->params.footer == NULL)
		return 0;
	since = malloc(sizeof(*since));
	if (since == NULL)
		return 0;
	live_stats_since(&writer->at, now, since);
	nb = writer->params.footer(writer->params.footer_context, since, footer, MAX_FOOTER);
	free(since);
	return nb;
}

static void count_whole(struct live_writer *writer, uint64_t bytes)
{
	struct stat st;

	/* With the footer. */
	if (!writer->is_stream && stat(writer->path, &st) == 0)
		bytes = (uint64_t)st.st_size;
	writer->past_bytes += bytes;
	atomic_store_explicit(&writer->bytes, writer->past_bytes, memory_order_relaxed);
	writer_count(&writer->files, 1);
	snprintf(writer->last_path, sizeof(writer->last_path), "%s", writer->path);
}

static void finish_file(struct live_writer *writer)
{
	char path[WRITER_PATH_MAX + 8];
	struct arrow_kv footer[MAX_FOOTER];
	struct live_stats now;
	uint64_t bytes;
	int rc;

	writer_file_flush(writer);
	if (writer->file == NULL)
		return;
	memset(&now, 0, sizeof(now));
	if (writer->params.snapshot != NULL)
		writer->params.snapshot(writer->params.context, &now);
	snprintf(path, sizeof(path), "%s", arrow_writer_path(writer->file));
	bytes = arrow_writer_bytes(writer->file);
	rc = arrow_writer_commit(writer->file, footer, make_footer(writer, &now, footer));
	writer->file = NULL;
	show_path(writer, "");
	if (rc == 0) {
		count_whole(writer, bytes);
		writer->at = now;
		return;
	}
	fail_file(writer, path, "finish", rc);
	leave_part(writer, bytes);
}

static bool is_long_enough(const struct live_writer *writer)
{
	const uint64_t limit = writer->params.config->rotate_bytes;

	/* A limit below the schema's length is no reason to make files of nothing else. */
	return writer->file_rows > 0 && writer->file != NULL && limit != 0 &&
	       arrow_writer_bytes(writer->file) >= limit;
}

void writer_file_turn(struct live_writer *writer, int64_t now_ns)
{
	const int64_t interval_ns = file_interval(now_ns, writer->params.config->rotate_ns);

	if (writer->awaits_reader) {
		open_next(writer, now_ns, now_ns);
	} else if (!writer->rotates) {
		return;
	} else if (interval_ns != writer->interval_ns) {
		/* A later interval, or an earlier one: the clock was set back. */
		writer->interval_ns = interval_ns;
		finish_file(writer);
		open_next(writer, interval_ns, now_ns);
	} else if (is_long_enough(writer)) {
		finish_file(writer);
		open_next(writer, now_ns, now_ns);
	} else if (writer->file == NULL &&
		   (now_ns - writer->opened_ns >= RETRY_NS || now_ns < writer->opened_ns)) {
		open_next(writer, now_ns, now_ns);
	}
}

void writer_file_stop(struct live_writer *writer)
{
	if (writer->awaits_reader) {
		char what[sizeof(writer->failure)];

		snprintf(what, sizeof(what), "%s: nobody reads it", writer->path);
		fail(writer, what);
		writer->awaits_reader = false;
	}
	finish_file(writer);
	if (writer->is_stream)
		snprintf(writer->last_path, sizeof(writer->last_path), "%s",
			 strcmp(writer->path, "-") == 0 ? "stdout" : writer->path);
}

void writer_file_discard(struct live_writer *writer)
{
	if (writer->file == NULL)
		return;
	arrow_writer_abandon(writer->file);
	writer->file = NULL;
	show_path(writer, "");
	leave_part(writer, 0);
}
