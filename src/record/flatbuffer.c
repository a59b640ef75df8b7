/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flatbuffer_priv.h"

#define MAX_SLOTS 8

void flatbuffer_init(struct flatbuffer *fb)
{
	*fb = (struct flatbuffer){0};
	flatbuffer_room(fb, 4, 8);
}

void flatbuffer_fini(struct flatbuffer *fb)
{
	free(fb->data);
	*fb = (struct flatbuffer){0};
}

static bool reserve(struct flatbuffer *fb, size_t len)
{
	size_t capacity = fb->capacity ? fb->capacity : 4096;
	uint8_t *data;

	if (len <= fb->capacity)
		return true;
	while (capacity < len)
		capacity *= 2;
	data = fb->failed ? NULL : realloc(fb->data, capacity);
	if (!data) {
		fb->failed = true;
		return false;
	}
	memset(data + fb->capacity, 0, capacity - fb->capacity);
	fb->data = data;
	fb->capacity = capacity;
	return true;
}

size_t flatbuffer_room(struct flatbuffer *fb, size_t len, size_t align)
{
	size_t at = (fb->len + align - 1) & ~(align - 1);

	if (fb->failed || !reserve(fb, at + len))
		return 0;
	fb->len = at + len;
	return at;
}

void flatbuffer_put(struct flatbuffer *fb, size_t at, uint64_t value, size_t width)
{
	if (fb->failed)
		return;
	assert(at + width <= fb->len);
	for (size_t i = 0; i < width; i++)
		fb->data[at + i] = (uint8_t)(value >> (8 * i));
}

size_t flatbuffer_table(struct flatbuffer *fb, const uint8_t *widths, size_t nb)
{
	size_t vtable = flatbuffer_room(fb, 4 + 2 * nb, 2);
	size_t offsets[MAX_SLOTS];
	size_t len = 4; /* the soffset */
	size_t table;

	assert(nb <= MAX_SLOTS);
	for (size_t i = 0; i < nb; i++) {
		if (widths[i] == 0) {
			offsets[i] = 0;
			continue;
		}
		len = (len + widths[i] - 1u) & ~(size_t)(widths[i] - 1u);
		offsets[i] = len;
		len += widths[i];
	}
	table = flatbuffer_room(fb, len, 8);
	flatbuffer_put(fb, vtable, 4 + 2 * nb, 2);
	flatbuffer_put(fb, vtable + 2, len, 2);
	for (size_t i = 0; i < nb; i++)
		flatbuffer_put(fb, vtable + 4 + 2 * i, offsets[i], 2);
	flatbuffer_put(fb, table, table - vtable, 4);
	return table;
}

size_t flatbuffer_slot(const struct flatbuffer *fb, size_t table, size_t slot)
{
	const struct flatview view = {.data = fb->data, .len = fb->len};
	size_t vtable;

	if (fb->failed)
		return 0;
	vtable = table - (size_t)flatview_number(&view, table, 4);
	return table + (size_t)flatview_number(&view, vtable + 4 + 2 * slot, 2);
}

size_t flatbuffer_vector(struct flatbuffer *fb, size_t nb, size_t width, size_t align)
{
	size_t at;

	/* The elements are aligned, not the count in front of them. */
	if (align > 4)
		while ((fb->len + 4) % align != 0 && !fb->failed)
			flatbuffer_room(fb, 1, 1);
	at = flatbuffer_room(fb, 4 + nb * width, 4);
	flatbuffer_put(fb, at, nb, 4);
	return at;
}

size_t flatbuffer_string(struct flatbuffer *fb, const char *text)
{
	size_t len = strlen(text);
	size_t at = flatbuffer_room(fb, 4 + len + 1, 4);

	flatbuffer_put(fb, at, len, 4);
	if (!fb->failed)
		memcpy(fb->data + at + 4, text, len);
	return at;
}

void flatbuffer_ref(struct flatbuffer *fb, size_t at, size_t target)
{
	assert(fb->failed || target > at);
	flatbuffer_put(fb, at, target - at, 4);
}
