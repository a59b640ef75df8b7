/* SPDX-License-Identifier: BSD-3-Clause */

/* Writing the events table while a capture is read. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "near.h"
#include "run_events.h"
#include "tcpmill/arrow.h"
#include "tcpmill/engine.h"
#include "tcpmill/event.h"

struct run_events {
	struct engine_teller teller;
	char *path;
	uint32_t verdicts;
	uint32_t batch_rows;
	/* From here on touched by put() and after the run only. */
	struct arrow_encoder *encoder;
	struct arrow_writer *writer;
	uint32_t nb_pending; /* rows in the encoder */
	uint64_t nb_rows;    /* of the table so far, those in the encoder included */
};

static int tell(void *context, const struct engine_told *const *told, size_t nb,
		struct engine_bytes *out)
{
	const struct run_events *events = context;

	for (size_t i = 0; i < nb; i++) {
		struct event_record rows[NB_VERDICTS];
		const size_t len =
			event_record_fill(&told[i]->note, told[i]->flow, events->verdicts, rows) *
			sizeof(rows[0]);
		uint8_t *to;

		if (len == 0)
			continue;
		to = engine_bytes_room(out, len);
		if (to == NULL)
			return -ENOMEM;
		memcpy(to, rows, len);
		out->len += len;
	}
	return 0;
}

/* Writes the rows in the encoder as one batch. */
static int flush_batch(struct run_events *events)
{
	struct arrow_message message;
	int rc;

	if (events->nb_pending == 0)
		return 0;
	events->nb_pending = 0;
	rc = arrow_encoder_finish(events->encoder, &message);
	if (rc != 0)
		return rc;
	rc = arrow_writer_append(events->writer, &message);
	free(message.data);
	return rc;
}

static int put(void *context, const uint8_t *data, size_t len)
{
	struct run_events *events = context;
	size_t nb = len / sizeof(struct event_record);

	while (nb != 0) {
		const uint32_t room = events->batch_rows - events->nb_pending;
		const uint32_t part = nb < room ? (uint32_t)nb : room;
		int rc;

		arrow_encoder_append(events->encoder, data, part);
		events->nb_pending += part;
		events->nb_rows += part;
		data += part * sizeof(struct event_record);
		nb -= part;
		rc = events->nb_pending == events->batch_rows ? flush_batch(events) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The verdict of this name, or NB_VERDICTS. */
static int find_verdict(const char *name)
{
	int v = 0;

	while (v < NB_VERDICTS && strcmp(verdict_names[v], name) != 0)
		v++;
	return v;
}

static const char *nearest_verdict(const char *name)
{
	unsigned int smallest = NEAR_FAR;
	const char *nearest = NULL;

	for (int v = 0; v < NB_VERDICTS; v++) {
		const unsigned int distance = near_distance(name, verdict_names[v]);

		if (distance < smallest) {
			smallest = distance;
			nearest = verdict_names[v];
		}
	}
	return nearest;
}

bool run_events_parse_only(const char *list, uint32_t *verdicts, char *unknown, size_t size,
			   const char **nearest)
{
	*verdicts = 0;
	for (;; list++) {
		const size_t len = strcspn(list, ",");
		int v;

		snprintf(unknown, size, "%.*s", len < size ? (int)len : (int)size - 1, list);
		v = find_verdict(unknown);
		if (v == NB_VERDICTS) {
			*nearest = nearest_verdict(unknown);
			return false;
		}
		*verdicts |= 1u << v;
		list += len;
		if (*list == '\0')
			return true;
	}
}

struct run_events *run_events_open(const struct run_events_params *params, char *error,
				   size_t error_size)
{
	struct run_events *events = calloc(1, sizeof(*events));

	if (events != NULL) {
		events->path = strdup(params->path);
		events->verdicts = params->verdicts;
		events->batch_rows = params->batch_rows;
		events->encoder = arrow_encoder_create(event_record_format(), params->batch_rows);
	}
	if (events == NULL || events->path == NULL || events->encoder == NULL) {
		snprintf(error, error_size, "out of memory");
		goto fail;
	}
	events->writer = arrow_writer_open(params->path, event_record_format(), params->metadata,
					   params->nb_metadata, error, error_size);
	if (events->writer == NULL)
		goto fail;
	events->teller = (struct engine_teller){
		.wants_details = true,
		.only_verdicts = true,
		.tell = tell,
		.put = put,
		.name = arrow_writer_path(events->writer),
		.context = events,
	};
	return events;
fail:
	run_events_close(events);
	return NULL;
}

const struct engine_teller *run_events_teller(const struct run_events *events)
{
	return &events->teller;
}

uint64_t run_events_nb_rows(const struct run_events *events)
{
	return events->nb_rows;
}

int run_events_finish(struct run_events *events, bool was_cut_off, const struct arrow_kv *footer,
		      size_t nb, struct run_events_result *result, char *error, size_t error_size)
{
	struct arrow_writer *writer = events->writer;
	const bool is_stream = arrow_writer_is_stream(writer);
	struct stat st;
	int rc = flush_batch(events);

	snprintf(result->path, sizeof(result->path), "%s", arrow_writer_path(writer));
	result->rows = events->nb_rows;
	result->bytes = arrow_writer_bytes(writer);
	if (rc == 0 && !was_cut_off) {
		events->writer = NULL;
		rc = arrow_writer_commit(writer, footer, nb);
	}
	if (rc != 0) {
		snprintf(error, error_size, "%s: cannot write: %s", result->path, strerror(-rc));
		return -1;
	}
	if (is_stream || was_cut_off)
		return 0;
	snprintf(result->path, sizeof(result->path), "%s", events->path);
	if (stat(events->path, &st) == 0)
		result->bytes = (uint64_t)st.st_size; /* with the footer */
	return 0;
}

void run_events_discard(struct run_events *events)
{
	if (events != NULL && events->nb_rows == 0 && !arrow_writer_is_stream(events->writer))
		(void)unlink(arrow_writer_path(events->writer));
}

void run_events_close(struct run_events *events)
{
	if (events == NULL)
		return;
	arrow_writer_abandon(events->writer);
	arrow_encoder_destroy(events->encoder);
	free(events->path);
	free(events);
}
