/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_POOL_H
#define TCPMILL_TCP_POOL_H

/*
 * Blocks of memory for what few flows need, in powers of two and halves
 * between them (64, 96, 128, 192 ... bytes) up to 256 KiB, used again as they come back; all go
 * with the pool.
 *
 * Thread: one worker's. A zeroed struct is an empty pool.
 */

#include <stddef.h>

#define POOL_MIN_SHIFT 6
#define POOL_NB_CLASSES 25
#define POOL_MAX_BLOCK ((size_t)1 << (POOL_MIN_SHIFT + (POOL_NB_CLASSES - 1) / 2))

struct pool_block;
struct pool_slab;

struct pool {
	struct pool_block *free[POOL_NB_CLASSES];
	struct pool_slab *slabs;
};

/* Bytes of the block that pool_take() gives for size bytes. */
size_t pool_block_size(size_t size);
/* size <= POOL_MAX_BLOCK. The block is not zeroed. NULL when memory is short. */
void *pool_take(struct pool *pool, size_t size);
/* size: as it was taken. */
void pool_give(struct pool *pool, void *block, size_t size);
void pool_fini(struct pool *pool);

#endif
