/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_COLUMN_PICK_PRIV_H
#define TCPMILL_COLUMN_PICK_PRIV_H

/* Storing one column of a tile into its buffers, row by row. */

#include <stddef.h>
#include <stdint.h>

struct column;
struct column_buffers;

/* ORs nb <= 64 bits into a bit map; bits beyond nb are zero. */
void column_put_bits(uint8_t *map, size_t at, uint64_t bits);

/*
 * Stores the column of nb <= COLUMN_TILE_MAX rows behind `at` earlier ones, nulls as
 * zeros; the bits of the null rows. from points to the member in the first row, changes
 * to what the tile has of it (see column_find_changes()).
 */
uint64_t column_pick(struct column_buffers *buffers, const struct column *column,
		     const uint8_t *from, size_t row_size, uint32_t at, uint32_t nb,
		     const uint8_t *changes);

#endif
