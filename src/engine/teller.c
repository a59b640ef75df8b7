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
	free(slot->at);
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

static int make_order(struct slot *slot, uint32_t nb)
{
	const struct engine_told **order;

	if (slot->order_room >= nb)
		return 0;
	order = realloc(slot->order, nb * sizeof(*order));
	if (order == NULL)
		return -ENOMEM;
	slot->order = order;
	slot->order_room = nb;
	return 0;
}

static int make_at(struct slot *slot, uint32_t nb)
{
	uint32_t *at;

	if (slot->at_room >= nb)
		return 0;
	at = realloc(slot->at, nb * sizeof(*at));
	if (at == NULL)
		return -ENOMEM;
	slot->at = at;
	slot->at_room = nb;
	return 0;
}

static void learn_stream(struct engine_told *told)
{
	if (told->note.stream < 0)
		told->note.stream = told->flow->stream;
	/* An ended flow keeps its slot until its segments are told. */
	assert(told->note.stream >= 0 && told->note.stream == told->flow->stream);
}

static uint32_t frame_of(const struct slot *slot, const struct engine_told *told)
{
	return (uint32_t)(told->note.frame - slot->chunk.first_frame);
}

/* Puts each segment at its frame's place; false if a frame has several. */
static bool order_by_frame(const struct engine *engine, struct slot *slot)
{
	bool is_alone = true;

	for (uint32_t i = 0; i < slot->chunk.nb_frames; i++)
		slot->order[i] = NULL;
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		const struct told_list *list = &slot->told[w];

		for (uint32_t i = 0; i < list->nb; i++) {
			const uint32_t frame = frame_of(slot, &list->items[i]);

			learn_stream(&list->items[i]);
			is_alone &= slot->order[frame] == NULL;
			slot->order[frame] = &list->items[i];
		}
	}
	return is_alone;
}

/* The segment in its place among those of its frame; to: behind the last of them. */
static void put_by_layer(const struct engine_told **to, const struct engine_told *told)
{
	while (to[-1] != NULL && to[-1]->note.frame == told->note.frame &&
	       to[-1]->note.layer > told->note.layer) {
		to[0] = to[-1];
		to--;
	}
	to[0] = told;
}

/* A counting sort of nb segments; nb or -ENOMEM. */
static int64_t order_by_place(const struct engine *engine, struct slot *slot, uint32_t nb)
{
	const uint32_t nb_frames = slot->chunk.nb_frames;
	uint32_t sum = 1; /* order[0] is NULL, so that each has one in front of it */

	if (make_order(slot, nb + 1) != 0 || make_at(slot, nb_frames) != 0)
		return -ENOMEM;
	memset(slot->at, 0, nb_frames * sizeof(slot->at[0]));
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		for (uint32_t i = 0; i < slot->told[w].nb; i++)
			slot->at[frame_of(slot, &slot->told[w].items[i])]++;
	}
	for (uint32_t i = 0; i < nb_frames; i++) {
		const uint32_t n = slot->at[i];

		slot->at[i] = sum;
		sum += n;
	}
	memset(slot->order, 0, (nb + 1) * sizeof(slot->order[0]));
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		for (uint32_t i = 0; i < slot->told[w].nb; i++) {
			const struct engine_told *told = &slot->told[w].items[i];

			put_by_layer(&slot->order[slot->at[frame_of(slot, told)]++], told);
		}
	}
	memmove(slot->order, slot->order + 1, nb * sizeof(slot->order[0]));
	return nb;
}

/*
 * Brings the workers' lists into the order of frames and layers, with the streams of the chunk's
 * new flows. Returns how many there are, or -ENOMEM.
 */
static int64_t order_told(const struct engine *engine, struct slot *slot)
{
	const uint32_t nb_frames = slot->chunk.nb_frames;
	uint32_t nb = 0;

	for (uint32_t w = 0; w < engine->nb_workers; w++)
		nb += slot->told[w].nb;
	if (make_order(slot, nb_frames) != 0)
		return -ENOMEM;
	if (!order_by_frame(engine, slot))
		return order_by_place(engine, slot, nb);
	nb = 0;
	for (uint32_t i = 0; i < nb_frames; i++) {
		slot->order[nb] = slot->order[i];
		nb += slot->order[i] != NULL;
	}
	return nb;
}

void teller_tell(struct engine *engine, struct slot *slot)
{
	const struct engine_teller *teller = engine->teller;
	const int64_t nb = order_told(engine, slot);
	int rc = nb < 0 ? (int)nb : 0;

	slot->out.len = 0;
	if (nb > 0)
		rc = teller->tell(teller->context, slot->order, (size_t)nb, &slot->out);
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
