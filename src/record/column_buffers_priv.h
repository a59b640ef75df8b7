/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_COLUMN_BUFFERS_PRIV_H
#define TCPMILL_COLUMN_BUFFERS_PRIV_H

/*
 * One column of a batch that is being collected: the buffers Arrow wants, filled
 * from rows a tile at a time. A tile has at most 64 rows: they stay in the first
 * caches while each column is picked from them, and one word holds their nulls.
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
	char *text;        /* malloc'ed */
	size_t text_len, text_capacity;
	uint32_t nb_nulls;
	int error; /* sticky until it starts over */
};

/* Bytes of the values buffer for nb rows. */
size_t column_values_len(enum column_type type, size_t nb);

/* Appends the column of nb <= COLUMN_TILE_MAX rows behind `at` earlier ones. 0 or -ENOMEM. */
int column_append(struct column_buffers *buffers, const struct column *column, const uint8_t *rows,
		  size_t row_size, uint32_t at, uint32_t nb);

/* Forgets nb rows. */
void column_start_over(struct column_buffers *buffers, const struct column *column, uint32_t nb);

#endif
