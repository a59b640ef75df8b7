/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that can only be decoded in the order of the capture: IP fragments, whose datagram ends
 * in another chunk, maybe; and compressed packets, which may hold some, and are written over the
 * frame, so that they cannot be decoded twice. With several workers sort leaves them for this step.
 */

#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "tcpmill/reassembly.h"

/* What became of the frames, in their order. */
struct resolved {
	struct segment_list segments;
	uint32_t nb_of[ENGINE_MAX_WORKERS]; /* of segments, by owner */
};

static int decode_later(struct worker *worker, struct slot *slot, struct resolved *resolved)
{
	const struct engine *engine = worker->engine;
	const struct decode_context decode = {.keys = &engine->keys,
					      .reassembly = engine->reassembly,
					      .nb_unread = &worker->unread};
	struct segment_list *list = &resolved->segments;

	for (uint32_t i = 0; i < slot->later.nb; i++) {
		const uint32_t frame = slot->later.items[i];
		enum fate fate;
		uint32_t nb;

		if (segment_list_reserve(list, DECODE_MAX_SEGMENTS, slot->later.nb) != 0)
			return -ENOMEM;
		fate = decode_frame(&decode, &slot->chunk.frames[frame], list->items + list->nb,
				    &nb);
		worker->fates[fate]++;
		for (; fate == FATE_TRACKED && nb != 0; nb--) {
			struct segment *segment = &list->items[list->nb++];

			segment->frame = frame;
			resolved->nb_of[segment->partition % engine->nb_workers]++;
		}
	}
	return reassembly_failed(engine->reassembly) ? -ENOMEM : 0;
}

/* Merges one owner's segments into its list, from the end, where there is room for them. */
static int merge(struct worker *worker, struct slot *slot, uint32_t owner,
		 const struct resolved *resolved)
{
	const uint32_t nb_workers = worker->engine->nb_workers;
	struct segment_list *list = &slot->segments[owner];
	uint32_t left = list->nb, nb = resolved->nb_of[owner];
	const struct segment *from = resolved->segments.items + resolved->segments.nb;

	if (segment_list_reserve(list, nb, slot->chunk.nb_frames) != 0)
		return -ENOMEM;
	list->nb += nb;
	while (nb != 0) {
		struct segment *to = list->items + left + nb - 1;

		do
			from--;
		while (from->partition % nb_workers != owner);
		/* No frame has segments in both. */
		for (; left != 0 && list->items[left - 1].frame > from->frame; left--)
			*to-- = list->items[left - 1];
		*to = *from;
		nb--;
	}
	return 0;
}

int worker_resolve(struct worker *worker, struct slot *slot)
{
	struct resolved resolved = {.segments = {.nb = 0}};
	int rc = decode_later(worker, slot, &resolved);

	for (uint32_t w = 0; rc == 0 && w < worker->engine->nb_workers; w++) {
		if (resolved.nb_of[w] != 0)
			rc = merge(worker, slot, w, &resolved);
	}
	free(resolved.segments.items);
	slot->later.nb = 0;
	slot->datagrams = reassembly_take(worker->engine->reassembly);
	return rc;
}
