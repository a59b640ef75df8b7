/* SPDX-License-Identifier: BSD-3-Clause */

/* What a worker does to a cut chunk: sort its frames by the owners of their flows. */

#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"

#define BURST 256u

/* Room for one more segment at the end of a list, or NULL. */
static struct segment *list_next(struct segment_list *list, uint32_t nb_frames)
{
	if (list->nb == list->room) {
		const uint32_t room = list->room == 0 ? nb_frames / 2 + 64 : list->room * 2;
		struct segment *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return NULL;
		list->items = items;
		list->room = room;
	}
	return &list->items[list->nb];
}

static enum fate decode(struct worker *worker, const struct frame *frame, struct segment *segment)
{
	const struct engine_config *config = worker->engine->config;

	if (frame->ts_ns < config->from_ns || frame->ts_ns >= config->to_ns ||
	    !capture_filter_match(frame))
		return FATE_FILTERED;
	segment->ts_ns = frame->ts_ns;
	segment->clock_ns = frame->clock_ns;
	return decode_frame(frame, &worker->engine->keys, segment);
}

/* One worker alone needs no lists: bursts go straight from decode to track. */
static int sort_alone(struct worker *worker, struct slot *slot)
{
	const struct chunk *chunk = &slot->chunk;
	struct segment burst[BURST];
	uint32_t nb = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < chunk->nb_frames; i++) {
		const enum fate fate = decode(worker, &chunk->frames[i], &burst[nb]);

		worker->fates[fate]++;
		if (fate != FATE_TRACKED)
			continue;
		burst[nb].frame = i;
		if (++nb == BURST) {
			rc = worker_track(worker, slot, burst, nb);
			nb = 0;
		}
	}
	worker->decoded += chunk->nb_frames;
	return rc == 0 ? worker_track(worker, slot, burst, nb) : rc;
}

int worker_sort(struct worker *worker, struct slot *slot)
{
	const uint32_t nb_workers = worker->engine->nb_workers;
	const struct chunk *chunk = &slot->chunk;
	struct segment segment;

	if (nb_workers == 1)
		return sort_alone(worker, slot);
	for (uint32_t i = 0; i < chunk->nb_frames; i++) {
		const enum fate fate = decode(worker, &chunk->frames[i], &segment);
		struct segment_list *list;
		struct segment *to;

		worker->fates[fate]++;
		if (fate != FATE_TRACKED)
			continue;
		segment.frame = i;
		list = &slot->segments[segment.partition % nb_workers];
		to = list_next(list, chunk->nb_frames);
		if (to == NULL)
			return -ENOMEM;
		*to = segment;
		list->nb++;
	}
	worker->decoded += chunk->nb_frames;
	return 0;
}
