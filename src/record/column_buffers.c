/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <tcpmill/record.h>

#include "column_buffers_priv.h"
#include "column_pick_priv.h"

size_t column_values_len(enum column_type type, size_t nb)
{
	switch (type) {
	case COLUMN_INT8:
	case COLUMN_DICT:
		return nb;
	case COLUMN_INT16:
	case COLUMN_UINT16:
		return 2 * nb;
	case COLUMN_INT32:
		return 4 * nb;
	case COLUMN_INT64:
	case COLUMN_TIMESTAMP:
		return 8 * nb;
	case COLUMN_BOOL:
		return (nb + 7) / 8;
	case COLUMN_TEXT:
	case COLUMN_ADDRESS:
		return 4 * (nb + 1);
	}
	return 0;
}

/* Bytes of the member in the row; 0: text, which is always stored. */
static size_t member_width(enum column_type type)
{
	if (type == COLUMN_TEXT || type == COLUMN_ADDRESS)
		return 0;
	return type == COLUMN_BOOL ? 1 : column_values_len(type, 1);
}

/* ---- changes ----------------------------------------------------------- */

/* Two words that are compared with one instruction where the machine can. */
typedef uint64_t lane __attribute__((vector_size(16)));

#define LANES 4u
#define BLOCK (LANES * sizeof(lane))

static void block_changes(uint8_t *restrict changes, const uint8_t *restrict rows, size_t row_size,
			  uint32_t nb)
{
	lane first[LANES], differ[LANES];

	for (size_t l = 0; l < LANES; l++) {
		memcpy(&first[l], rows + l * sizeof(lane), sizeof(lane));
		differ[l] = first[l] ^ first[l];
	}
	for (uint32_t i = 1; i < nb; i++) {
		const uint8_t *row = rows + i * row_size;

		for (size_t l = 0; l < LANES; l++) {
			lane word;

			memcpy(&word, row + l * sizeof(lane), sizeof(lane));
			differ[l] |= word ^ first[l];
		}
	}
	memcpy(changes, differ, sizeof(differ));
}

void column_find_changes(uint8_t *restrict changes, const uint8_t *restrict rows, size_t row_size,
			 uint32_t nb)
{
	if (row_size < BLOCK) {
		memset(changes, 1, row_size); /* small rows are not worth a look */
		return;
	}
	for (size_t at = 0; at + BLOCK < row_size; at += BLOCK)
		block_changes(changes + at, rows + at, row_size, nb);
	/* The last block may have some of the bytes before it once more. */
	block_changes(changes + row_size - BLOCK, rows + row_size - BLOCK, row_size, nb);
}

/* width <= 8 bytes as a number. */
static uint64_t take_value(const uint8_t *from, size_t width)
{
	uint64_t value = 0;

	switch (width) {
	case 1:
		return *from;
	case 2:
		memcpy(&value, from, 2);
		return value;
	case 4:
		memcpy(&value, from, 4);
		return value;
	default:
		memcpy(&value, from, 8);
		return value;
	}
}

/* ---- one value in many rows -------------------------------------------- */

static bool is_null(const struct column *column, uint64_t value)
{
	switch (member_width(column->type)) {
	case 1:
		return column->nullable && (int8_t)value == RECORD_NULL_8;
	case 2:
		return column->nullable && column->type != COLUMN_UINT16 &&
		       (int16_t)value == RECORD_NULL_16;
	case 4:
		return column->nullable && (int32_t)value == RECORD_NULL_32;
	default:
		return column->nullable && (int64_t)value == RECORD_NULL_64;
	}
}

static void put_ones(uint8_t *map, size_t at, size_t nb)
{
	for (; nb >= 64; nb -= 64, at += 64)
		column_put_bits(map, at, UINT64_MAX);
	if (nb != 0)
		column_put_bits(map, at, (1ull << nb) - 1);
}

#define DEFINE_SPREAD(bits)                                                                        \
	static void spread_##bits(uint8_t *out, uint64_t value, size_t nb)                         \
	{                                                                                          \
		const uint##bits##_t one = (uint##bits##_t)value;                                  \
                                                                                                   \
		for (size_t i = 0; i < nb; i++)                                                    \
			memcpy(out + i * sizeof(one), &one, sizeof(one));                          \
	}

DEFINE_SPREAD(16)
DEFINE_SPREAD(32)
DEFINE_SPREAD(64)

/* Stores a value that is the same in nb rows behind `at` earlier ones. */
static void put_same(struct column_buffers *buffers, const struct column *column, uint64_t value,
		     size_t at, size_t nb)
{
	const bool null = is_null(column, value);

	if (buffers->validity != NULL && !null)
		put_ones(buffers->validity, at, nb);
	if (null) {
		buffers->nb_nulls += (uint32_t)nb;
		value = 0;
	}
	if (column->type == COLUMN_BOOL) {
		if (value != 0)
			put_ones(buffers->values, at, nb);
		return;
	}
	switch (buffers->width) {
	case 1:
		memset(buffers->values + at, (int)value, nb);
		return;
	case 2:
		spread_16(buffers->values + 2 * at, value, nb);
		return;
	case 4:
		spread_32(buffers->values + 4 * at, value, nb);
		return;
	default:
		spread_64(buffers->values + 8 * at, value, nb);
		return;
	}
}

/* From now on values are stored; `at` rows came before. */
static void start_storing(struct column_buffers *buffers, const struct column *column, uint32_t at)
{
	buffers->is_stored = true;
	if (at != 0)
		put_same(buffers, column, buffers->value, 0, at);
}

/* ---- appending --------------------------------------------------------- */

/* A tile whose rows all hold value. */
static void append_same(struct column_buffers *buffers, const struct column *column, uint64_t value,
			uint32_t at, uint32_t nb)
{
	if (!buffers->is_stored) {
		if (at == 0)
			buffers->value = value;
		if (buffers->value == value)
			return;
		start_storing(buffers, column, at);
	}
	put_same(buffers, column, value, at, nb);
}

int column_append(struct column_buffers *buffers, const struct column *column, const uint8_t *rows,
		  size_t row_size, uint32_t at, uint32_t nb, const uint8_t *changes)
{
	const size_t width = buffers->width;
	const uint64_t all = nb == 64 ? UINT64_MAX : (1ull << nb) - 1;
	uint64_t nulls;

	if (width != 0 && take_value(changes + column->offset, width) == 0) {
		append_same(buffers, column, take_value(rows + column->offset, width), at, nb);
		return 0;
	}
	if (!buffers->is_stored)
		start_storing(buffers, column, at);
	nulls = column_pick(buffers, column, rows + column->offset, row_size, at, nb,
			    changes + column->offset);
	if (buffers->validity) {
		column_put_bits(buffers->validity, at, all & ~nulls);
		if (nulls)
			buffers->nb_nulls += (uint32_t)__builtin_popcountll(nulls);
	}
	return buffers->error;
}

/* ---- the whole column -------------------------------------------------- */

/* A run of zeros; data comes later if it is more than that. */
static struct column_body zeros(size_t len)
{
	return (struct column_body){.len = len, .width = 1};
}

size_t column_body(struct column_buffers *buffers, const struct column *column, uint32_t nb,
		   struct column_body body[3])
{
	const size_t bits_len = column_values_len(COLUMN_BOOL, nb);
	const bool null = !buffers->is_stored && is_null(column, buffers->value);

	/* A run of bits may end within a byte, and no bit behind its end is set. */
	if (!buffers->is_stored && !null && column->type == COLUMN_BOOL && buffers->value != 0)
		start_storing(buffers, column, nb);
	body[0] = zeros(0);
	body[1] = zeros(column_values_len(column->type, nb));
	if (buffers->is_stored) {
		body[0].len = buffers->nb_nulls ? bits_len : 0;
		body[0].data = buffers->validity;
		body[1].data = buffers->values;
	} else if (null) {
		buffers->nb_nulls = nb;
		body[0].len = bits_len;
	} else if (column->type != COLUMN_BOOL) {
		body[1].width = buffers->width;
		memcpy(body[1].value, &buffers->value, sizeof(body[1].value));
	}
	if (column->type != COLUMN_TEXT && column->type != COLUMN_ADDRESS)
		return 2;
	body[2] = (struct column_body){.data = (const uint8_t *)buffers->text,
				       .len = buffers->text_len};
	return 3;
}

void column_init(struct column_buffers *buffers, const struct column *column)
{
	buffers->width = member_width(column->type);
	buffers->is_stored = buffers->width == 0;
	buffers->value = 0;
	buffers->text_len = 0;
	buffers->nb_nulls = 0;
	buffers->error = 0;
}

/* Bit maps are ORed into, so what was used of them goes back to zero. */
void column_start_over(struct column_buffers *buffers, const struct column *column, uint32_t nb)
{
	const size_t bits_len = column_values_len(COLUMN_BOOL, nb);

	if (buffers->is_stored && buffers->validity)
		memset(buffers->validity, 0, bits_len);
	if (buffers->is_stored && column->type == COLUMN_BOOL)
		memset(buffers->values, 0, bits_len);
	column_init(buffers, column);
}
