/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tcpmill/record.h>

#include "column_buffers_priv.h"
#include "column_pick_priv.h"
#include "text_priv.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are stored as they are");

void column_put_bits(uint8_t *map, size_t at, uint64_t bits)
{
	const unsigned int shift = at & 7;
	uint64_t word;

	memcpy(&word, map + at / 8, 8);
	word |= bits << shift;
	memcpy(map + at / 8, &word, 8);
	if (shift)
		map[at / 8 + 8] |= (uint8_t)(bits >> (64 - shift));
}

/*
 * Picks one column of a tile, nulls stored as 0; the bits of the null rows.
 * `rows` points to the member in the first row.
 */
#define DEFINE_PICK(bits, width)                                                                   \
	static uint64_t pick_##bits(uint8_t *restrict out, const uint8_t *restrict rows,           \
				    size_t row_size, uint32_t nb, bool nullable)                   \
	{                                                                                          \
		uint64_t nulls = 0;                                                                \
		int##bits##_t value;                                                               \
                                                                                                   \
		if (!nullable) {                                                                   \
			for (uint32_t i = 0; i < nb; i++)                                          \
				memcpy(out + (width) * (size_t)i, rows + i * row_size, width);     \
			return 0;                                                                  \
		}                                                                                  \
		for (uint32_t i = 0; i < nb; i++) {                                                \
			memcpy(&value, rows + i * row_size, width);                                \
			nulls |= (uint64_t)(value == INT##bits##_MIN) << i;                        \
			value = value == INT##bits##_MIN ? 0 : value;                              \
			memcpy(out + (width) * (size_t)i, &value, width);                          \
		}                                                                                  \
		return nulls;                                                                      \
	}

DEFINE_PICK(8, 1)
DEFINE_PICK(16, 2)
DEFINE_PICK(32, 4)
DEFINE_PICK(64, 8)

static uint64_t pick_bool(struct column_buffers *buffers, uint32_t at, const uint8_t *rows,
			  size_t row_size, uint32_t nb, bool nullable)
{
	uint64_t nulls = 0, bits = 0;

	for (uint32_t i = 0; i < nb; i++) {
		const int8_t value = (int8_t)rows[i * row_size];
		const bool is_null = nullable && value == RECORD_NULL_8;

		nulls |= (uint64_t)is_null << i;
		bits |= (uint64_t)(value != 0 && !is_null) << i;
	}
	column_put_bits(buffers->values, at, bits);
	return nulls;
}

/* Room for len more bytes of text; false when there is none. */
static bool reserve_text(struct column_buffers *buffers, size_t len)
{
	size_t capacity = buffers->text_capacity ? buffers->text_capacity : 4096;
	char *text;

	if (len <= buffers->text_capacity - buffers->text_len)
		return true;
	if (buffers->text_len + len > INT32_MAX)
		return false;
	while (capacity < buffers->text_len + len)
		capacity *= 2;
	text = realloc(buffers->text, capacity);
	if (!text)
		return false;
	buffers->text = text;
	buffers->text_capacity = capacity;
	return true;
}

static void put_offset(uint8_t *offsets, size_t row, size_t len)
{
	const int32_t end = (int32_t)len;

	memcpy(offsets + 4 * (row + 1), &end, 4);
}

/* The text of the first row, which is that of all. */
static uint64_t same_text(struct column_buffers *buffers, uint32_t at, uint32_t nb,
			  const char *text, size_t len)
{
	char *out;

	if (!reserve_text(buffers, nb * len)) {
		buffers->error = -ENOMEM;
		return 0;
	}
	/* Nothing was reserved yet if all texts so far are empty. */
	out = len ? buffers->text + buffers->text_len : NULL;
	for (uint32_t i = 0; i < nb; i++) {
		if (len)
			memcpy(out + i * len, text, len);
		put_offset(buffers->values, at + i, buffers->text_len + (i + 1) * len);
	}
	buffers->text_len += nb * len;
	return len == 0 ? UINT64_MAX >> (COLUMN_TILE_MAX - nb) : 0;
}

static bool is_same(const uint8_t *changes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= changes[i];
	return any == 0;
}

/* Empty text is what null looks like in a nullable column of text or addresses. */
static uint64_t pick_addresses(struct column_buffers *buffers, uint32_t at, const uint8_t *rows,
			       size_t row_size, uint32_t nb, const uint8_t *changes)
{
	size_t end = buffers->text_len;
	uint64_t nulls = 0;

	if (is_same(changes, sizeof(struct record_address))) {
		char text[TEXT_ADDRESS_ROOM];

		return same_text(buffers, at, nb, text, text_put_address(text, (const void *)rows));
	}
	if (!reserve_text(buffers, (size_t)nb * TEXT_ADDRESS_ROOM)) {
		buffers->error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < nb; i++) {
		const struct record_address *address = (const void *)(rows + i * row_size);
		const size_t len = text_put_address(buffers->text + end, address);

		end += len;
		put_offset(buffers->values, at + i, end);
		nulls |= (uint64_t)(len == 0) << i;
	}
	buffers->text_len = end;
	return nulls;
}

static uint64_t pick_text(struct column_buffers *buffers, uint32_t at, const uint8_t *rows,
			  size_t row_size, uint32_t nb, const uint8_t *changes)
{
	const size_t first_len = strlen((const char *)rows);
	uint64_t nulls = 0;

	if (is_same(changes, first_len + 1))
		return same_text(buffers, at, nb, (const char *)rows, first_len);
	for (uint32_t i = 0; i < nb; i++) {
		const char *text = (const char *)rows + i * row_size;
		const size_t len = strlen(text);

		if (!reserve_text(buffers, len)) {
			buffers->error = -ENOMEM;
			return 0;
		}
		if (len)
			memcpy(buffers->text + buffers->text_len, text, len);
		buffers->text_len += len;
		put_offset(buffers->values, at + i, buffers->text_len);
		nulls |= (uint64_t)(len == 0) << i;
	}
	return nulls;
}

uint64_t column_pick(struct column_buffers *buffers, const struct column *column,
		     const uint8_t *from, size_t row_size, uint32_t at, uint32_t nb,
		     const uint8_t *changes)
{
	switch (column->type) {
	case COLUMN_INT8:
	case COLUMN_DICT:
		return pick_8(buffers->values + at, from, row_size, nb, column->nullable);
	case COLUMN_INT16:
		return pick_16(buffers->values + 2 * (size_t)at, from, row_size, nb,
			       column->nullable);
	case COLUMN_UINT16: /* every value of a port is a port */
		return pick_16(buffers->values + 2 * (size_t)at, from, row_size, nb, false);
	case COLUMN_INT32:
		return pick_32(buffers->values + 4 * (size_t)at, from, row_size, nb,
			       column->nullable);
	case COLUMN_INT64:
	case COLUMN_TIMESTAMP:
		return pick_64(buffers->values + 8 * (size_t)at, from, row_size, nb,
			       column->nullable);
	case COLUMN_BOOL:
		return pick_bool(buffers, at, from, row_size, nb, column->nullable);
	case COLUMN_TEXT:
		return pick_text(buffers, at, from, row_size, nb, changes);
	case COLUMN_ADDRESS:
		return pick_addresses(buffers, at, from, row_size, nb, changes);
	}
	return 0;
}
