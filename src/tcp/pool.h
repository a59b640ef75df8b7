/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_POOL_H
#define TCPMILL_TCP_POOL_H

/*
 * Blocks of memory for what few flows need, in powers of two and halves
 * between them (64, 96, 128, 192 ... bytes) up to 96 KiB, and one size above; used again as
 * they come back.
 *
 * Blocks are cut from slabs, each for one size, and a slab that is empty serves any size: so
 * what the pool has of the system is what was used at most at one time, not the sum of what
 * each size was used at its most.
 *
 * Thread: one worker's. A zeroed struct is an empty pool.
 */

#include <stddef.h>
#include <stdint.h>

#define POOL_MIN_SHIFT 6
#define POOL_NB_CLASSES 23
#define POOL_SLAB_BYTES ((size_t)256 << 10)
#define POOL_SLAB_HEAD ((size_t)64)
#define POOL_MAX_BLOCK (POOL_SLAB_BYTES - POOL_SLAB_HEAD)

struct pool_slab;
struct pool_region;

struct pool {
	struct pool_slab *open[POOL_NB_CLASSES]; /* with a free block, by class */
	struct pool_slab *empty;                 /* of no class */
	struct pool_region *regions;
};

/* Bytes of the block that pool_take() gives for size bytes. */
size_t pool_block_size(size_t size);
/* ... and what it takes of its slab, with its share of what is left over there. */
size_t pool_block_cost(size_t size);
/* size <= POOL_MAX_BLOCK. The block is not zeroed. NULL when memory is short. */
void *pool_take(struct pool *pool, size_t size);
/* size: as it was taken. */
void pool_give(struct pool *pool, void *block, size_t size);
void pool_fini(struct pool *pool);

#endif
