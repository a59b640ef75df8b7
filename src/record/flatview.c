/* SPDX-License-Identifier: BSD-3-Clause */
#include "flatbuffer_priv.h"

static const struct flatview_table no_table = {0};
static const struct flatview_vector no_vector = {0};

uint64_t flatview_number(const struct flatview *view, size_t at, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)view->data[at + i] << (8 * i);
	return value;
}

/* Are [at, at + len) bytes of the buffer? Marks the view bad when not. */
static bool inside(struct flatview *view, size_t at, uint64_t len)
{
	if (at <= view->len && len <= view->len - at)
		return true;
	view->bad = true;
	return false;
}

static struct flatview_table table_at(struct flatview *view, size_t pos)
{
	struct flatview_table table = {.pos = pos};
	int64_t vtable;

	if (!inside(view, pos, 4))
		return no_table;
	vtable = (int64_t)pos - (int32_t)flatview_number(view, pos, 4);
	if (vtable < 0 || !inside(view, (size_t)vtable, 4)) {
		view->bad = true;
		return no_table;
	}
	table.vtable = (size_t)vtable;
	table.vtable_len = (size_t)flatview_number(view, table.vtable, 2);
	table.len = (size_t)flatview_number(view, table.vtable + 2, 2);
	if (table.vtable_len < 4 || table.len < 4 || pos == 0 ||
	    !inside(view, table.vtable, table.vtable_len) || !inside(view, pos, table.len)) {
		view->bad = true;
		return no_table;
	}
	return table;
}

struct flatview_table flatview_root(struct flatview *view)
{
	if (!inside(view, 0, 4))
		return no_table;
	return table_at(view, (size_t)flatview_number(view, 0, 4));
}

/* Position of a slot's width bytes, or 0 when absent or bad. */
static size_t slot_at(struct flatview *view, const struct flatview_table *table, size_t slot,
		      size_t width)
{
	size_t offset;

	if (table->pos == 0 || 4 + 2 * slot + 2 > table->vtable_len)
		return 0;
	offset = (size_t)flatview_number(view, table->vtable + 4 + 2 * slot, 2);
	if (offset == 0)
		return 0;
	if (offset < 4 || offset + width > table->len) {
		view->bad = true;
		return 0;
	}
	return table->pos + offset;
}

/* Where the reference in a slot points, or 0. */
static size_t target_of(struct flatview *view, const struct flatview_table *table, size_t slot)
{
	size_t at = slot_at(view, table, slot, 4);

	return at ? at + (size_t)flatview_number(view, at, 4) : 0;
}

uint64_t flatview_scalar(struct flatview *view, const struct flatview_table *table, size_t slot,
			 size_t width, uint64_t otherwise)
{
	size_t at = slot_at(view, table, slot, width);

	return at ? flatview_number(view, at, width) : otherwise;
}

struct flatview_table flatview_sub(struct flatview *view, const struct flatview_table *table,
				   size_t slot)
{
	size_t pos = target_of(view, table, slot);

	return pos ? table_at(view, pos) : no_table;
}

struct flatview_vector flatview_elements(struct flatview *view, const struct flatview_table *table,
					 size_t slot, size_t width)
{
	size_t pos = target_of(view, table, slot);
	struct flatview_vector vector;

	if (pos == 0 || !inside(view, pos, 4))
		return no_vector;
	vector.pos = pos + 4;
	vector.nb = (uint32_t)flatview_number(view, pos, 4);
	if (!inside(view, vector.pos, (uint64_t)vector.nb * width))
		return no_vector;
	return vector;
}

const char *flatview_text(struct flatview *view, const struct flatview_table *table, size_t slot)
{
	const struct flatview_vector bytes = flatview_elements(view, table, slot, 1);

	if (bytes.pos == 0)
		return NULL;
	if (!inside(view, bytes.pos, (uint64_t)bytes.nb + 1) ||
	    view->data[bytes.pos + bytes.nb] != 0) {
		view->bad = true;
		return NULL;
	}
	return (const char *)view->data + bytes.pos;
}

struct flatview_table flatview_item(struct flatview *view, const struct flatview_vector *vector,
				    uint32_t i)
{
	const size_t at = vector->pos + 4 * (size_t)i;

	return table_at(view, at + (size_t)flatview_number(view, at, 4));
}
