/* SPDX-License-Identifier: BSD-3-Clause */

/* Telling the segments of a chunk, in frame order, to whoever wants to know. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

uint8_t *engine_bytes_room(struct engine_bytes *bytes, size_t more)
{
	size_t room = bytes->room == 0 ? 4096 : bytes->room;
	uint8_t *data;

	if (bytes->room - bytes->len >= more)
		return bytes->data + bytes->len;
	while (room - bytes->len < more) {
		if (room > SIZE_MAX / 2)
			return NULL;
		room *= 2;
	}
	data = realloc(bytes->data, room);
	if (data == NULL)
		return NULL;
	bytes->data = data;
	bytes->room = room;
	return data + bytes->len;
}

int teller_init_slot(struct slot *slot, uint32_t nb_workers)
{
	slot->told = calloc(nb_workers, sizeof(*slot->told));
	return slot->told != NULL ? 0 : -ENOMEM;
}

void teller_fini_slot(struct slot *slot, uint32_t nb_workers)
{
	for (uint32_t w = 0; slot->told != NULL && w < nb_workers; w++)
		free(slot->told[w].items);
	free(slot->told);
	free(slot->order);
	free(slot->out.data);
}

struct engine_told *told_list_next(struct told_list *list)
{
	if (list->nb == list->room) {
		const uint32_t room = list->room == 0 ? 256 : list->room * 2;
		struct engine_told *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return NULL;
		list->items = items;
		list->room = room;
	}
	return &list->items[list->nb];
}

static int make_room(struct slot *slot)
{
	const uint32_t room = slot->chunk.nb_frames;
	const struct engine_told **order;

	if (slot->order_room >= room)
		return 0;
	order = realloc(slot->order, room * sizeof(*order));
	if (order == NULL)
		return -ENOMEM;
	slot->order = order;
	slot->order_room = room;
	return 0;
}

/*
 * Brings the workers' lists into frame order, with the streams of the chunk's new flows.
 * A frame has one segment at most, so each has a place of its own.
 */
static size_t order_told(const struct engine *engine, struct slot *slot)
{
	const struct chunk *chunk = &slot->chunk;
	size_t nb = 0;

	for (uint32_t i = 0; i < chunk->nb_frames; i++)
		slot->order[i] = NULL;
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		const struct told_list *list = &slot->told[w];

		for (uint32_t i = 0; i < list->nb; i++) {
			struct engine_told *told = &list->items[i];

			if (told->note.stream < 0)
				told->note.stream = told->flow->stream;
			/* An ended flow keeps its slot until its segments are told. */
			assert(told->note.stream >= 0 && told->note.stream == told->flow->stream);
			slot->order[told->note.frame - chunk->first_frame] = told;
		}
	}
	for (uint32_t i = 0; i < chunk->nb_frames; i++) {
		slot->order[nb] = slot->order[i];
		nb += slot->order[i] != NULL;
	}
	return nb;
}

void teller_tell(struct engine *engine, struct slot *slot)
{
	const struct engine_teller *teller = engine->teller;
	int rc = make_room(slot);

	slot->out.len = 0;
	if (rc == 0) {
		const size_t nb = order_told(engine, slot);

		rc = nb != 0 ? teller->tell(teller->context, slot->order, nb, &slot->out) : 0;
	}
	if (rc == -ENOMEM)
		engine_fail(engine, "out of memory (%s)", teller->name);
	else if (rc != 0)
		engine_fail(engine, "%s: %s", teller->name, strerror(-rc));
	for (uint32_t w = 0; w < engine->nb_workers; w++)
		slot->told[w].nb = 0;
}

void teller_put(struct engine *engine, struct slot *slot)
{
	const struct engine_teller *teller = engine->teller;
	int rc = 0;

	if (slot->out.len != 0)
		rc = teller->put(teller->context, slot->out.data, slot->out.len);
	if (rc != 0)
		engine_fail(engine, "%s: cannot write: %s", teller->name, strerror(-rc));
}
