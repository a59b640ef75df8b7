/* SPDX-License-Identifier: BSD-3-Clause */

/* What a worker does to a cut chunk: sort its frames by the owners of their flows. */

#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "tcpmill/reassembly.h"

#define BURST 256u

int segment_list_reserve(struct segment_list *list, uint32_t nb, uint32_t nb_frames)
{
	uint32_t room = list->room == 0 ? nb_frames / 2 + 64 : list->room;
	struct segment *items;

	if (list->room - list->nb >= nb)
		return 0;
	while (room - list->nb < nb)
		room *= 2;
	items = realloc(list->items, room * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	list->room = room;
	return 0;
}

/* Leaves a frame to resolve; 0 or -ENOMEM. */
static int add_later(struct frame_list *list, uint32_t frame)
{
	if (list->nb == list->room) {
		const uint32_t room = list->room == 0 ? 64 : list->room * 2;
		uint32_t *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	list->items[list->nb++] = frame;
	return 0;
}

/* What is the same for every frame of a chunk, so that it stays in registers. */
struct sorter {
	int64_t from_ns;
	uint64_t span_ns; /* frames so long after from_ns, or longer, are filtered */
	struct decode_context decode;
};

static struct sorter sorter_of(struct worker *worker)
{
	const struct engine *engine = worker->engine;
	const struct engine_config *config = engine->config;

	return (struct sorter){
		.from_ns = config->from_ns,
		.span_ns = (uint64_t)config->to_ns - (uint64_t)config->from_ns,
		.decode = {.keys = &engine->keys,
			   .reassembly = engine->nb_workers == 1 ? engine->reassembly : NULL,
			   .nb_unread = &worker->unread},
	};
}

static inline enum fate decode(const struct sorter *sorter, const struct frame *frame,
			       struct segment *segments, uint32_t *nb)
{
	if ((uint64_t)frame->ts_ns - (uint64_t)sorter->from_ns >= sorter->span_ns ||
	    (frame->interface->filter != NULL && !capture_filter_match(frame)))
		return FATE_FILTERED;
	return decode_frame(&sorter->decode, frame, segments, nb);
}

/*
 * Decodes frames from *next on into segments [BURST + DECODE_MAX_SEGMENTS]. Returns how many
 * there are; *next is the first frame that was not looked at.
 */
static uint32_t decode_burst(struct worker *worker, struct slot *slot, uint32_t *next,
			     struct segment *segments)
{
	const struct sorter sorter = sorter_of(worker);
	const struct chunk *chunk = &slot->chunk;
	const struct frame *frame = &chunk->frames[*next];
	const struct frame *const end = &chunk->frames[chunk->nb_frames];
	struct segment *segment = segments, *const full = segments + BURST;

	for (uint32_t i = *next; frame < end && segment < full; frame++, i++) {
		uint32_t nb;
		const enum fate fate = decode(&sorter, frame, segment, &nb);

		worker->fates[fate]++;
		if (fate == FATE_LATER && add_later(&slot->later, i) != 0)
			worker->failed = true;
		if (fate != FATE_TRACKED)
			continue;
		do
			segment++->frame = i;
		while (--nb != 0);
	}
	*next = (uint32_t)(frame - chunk->frames);
	return (uint32_t)(segment - segments);
}

/*
 * Copies segments to the lists of their owners; 0 or -ENOMEM. A burst at a time: a copy right
 * behind the decoder's small writes would wait for them.
 */
static int deal(struct slot *slot, uint32_t nb_workers, const struct segment *segments, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		struct segment_list *list = &slot->segments[segments[i].partition % nb_workers];

		if (segment_list_reserve(list, 1, slot->chunk.nb_frames) != 0)
			return -ENOMEM;
		list->items[list->nb++] = segments[i];
	}
	return 0;
}

/* One worker alone needs no lists: bursts go straight from decode to track. */
int worker_sort(struct worker *worker, struct slot *slot)
{
	const uint32_t nb_workers = worker->engine->nb_workers;
	const struct chunk *chunk = &slot->chunk;
	struct segment burst[BURST + DECODE_MAX_SEGMENTS];
	uint32_t next = 0;
	int rc = 0;

	while (rc == 0 && next < chunk->nb_frames) {
		const uint32_t nb = decode_burst(worker, slot, &next, burst);

		rc = nb_workers == 1 ? worker_track(worker, slot, burst, nb)
				     : deal(slot, nb_workers, burst, nb);
	}
	worker->decoded += chunk->nb_frames;
	if (nb_workers == 1) {
		datagrams_free(reassembly_take(worker->engine->reassembly));
		if (reassembly_failed(worker->engine->reassembly))
			return -ENOMEM;
	}
	return worker->failed ? -ENOMEM : rc;
}
