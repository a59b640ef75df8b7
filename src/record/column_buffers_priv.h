/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_COLUMN_BUFFERS_PRIV_H
#define TCPMILL_COLUMN_BUFFERS_PRIV_H

/*
 * One column of a batch that is being collected: the buffers Arrow wants, filled
 * from rows a tile at a time. A tile has at most 64 rows: they stay in the first
 * caches while each column is picked from them, and one word holds their nulls.
 *
 * Most columns of most batches hold one value: nothing is stored of them but it,
 * and a tile in which a column does not change is filled without a look at its rows.
 */

#include <stddef.h>
#include <stdint.h>

#include <tcpmill/record.h>

#define COLUMN_TILE_MAX 64u

/* Bytes that must be there behind the last bit or value. */
#define COLUMN_SLACK 64

struct column_buffers {
	uint8_t *values;   /* fixed width, or bits, or int32 offsets of text; starts as zeros */
	uint8_t *validity; /* bits, 1 = present; NULL when the column has no nulls */
	size_t width;      /* of the member in the row; 0: text, which is always stored */
	bool is_stored;    /* false: all rows hold `value`, nothing is in values and validity */
	uint64_t value;    /* as in the row */
	char *text;        /* malloc'ed */
	size_t text_len, text_capacity;
	uint32_t nb_nulls;
	int error; /* sticky until it starts over */
};

/* Bytes of the values buffer for nb rows. */
size_t column_values_len(enum column_type type, size_t nb);

/* changes [row_size] out: 0 where a byte is the same in all nb >= 1 rows of a tile. */
void column_find_changes(uint8_t *restrict changes, const uint8_t *restrict rows, size_t row_size,
			 uint32_t nb);

/*
 * Appends the column of a tile behind `at` earlier rows; changes are those of the tile.
 * 0 or -ENOMEM.
 */
int column_append(struct column_buffers *buffers, const struct column *column, const uint8_t *rows,
		  size_t row_size, uint32_t at, uint32_t nb, const uint8_t *changes);

/* One Buffer of a batch. */
struct column_body {
	const uint8_t *data; /* NULL: a run of the value */
	size_t len;
	uint8_t value[8];
	size_t width;
};

/* The buffers of a column of nb rows in file order; how many. */
size_t column_body(struct column_buffers *buffers, const struct column *column, uint32_t nb,
		   struct column_body body[3]);

/* Makes the column ready for its first row. */
void column_init(struct column_buffers *buffers, const struct column *column);

/* Forgets nb rows. */
void column_start_over(struct column_buffers *buffers, const struct column *column, uint32_t nb);

#endif
