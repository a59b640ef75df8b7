/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>

#include "pool.h"

#define SLAB_BYTES ((size_t)64 << 10)

struct pool_block {
	struct pool_block *next;
};

/* A piece of memory that was cut into blocks of one size. */
struct pool_slab {
	_Alignas(64) struct pool_slab *next;
};

static size_t size_of_class(unsigned int class)
{
	const size_t size = (size_t)1 << (POOL_MIN_SHIFT + class / 2);

	return class % 2 == 0 ? size : size / 2 * 3;
}

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	assert(size <= POOL_MAX_BLOCK);
	if (size > (size_t)1 << POOL_MIN_SHIFT)
		class = 2 * (63 - POOL_MIN_SHIFT - (unsigned int)__builtin_clzll(size - 1));
	while (size_of_class(class) < size)
		class ++;
	return class;
}

size_t pool_block_size(size_t size)
{
	return size_of_class(class_of(size));
}

static int refill(struct pool *pool, unsigned int class)
{
	const size_t block_size = size_of_class(class);
	const size_t nb = block_size < SLAB_BYTES ? SLAB_BYTES / block_size : 1;
	struct pool_slab *slab = aligned_alloc(64, sizeof(*slab) + nb * block_size);

	if (slab == NULL)
		return -1;
	slab->next = pool->slabs;
	pool->slabs = slab;
	for (size_t i = nb; i-- > 0;) {
		struct pool_block *block =
			(struct pool_block *)(void *)((char *)(slab + 1) + i * block_size);

		block->next = pool->free[class];
		pool->free[class] = block;
	}
	return 0;
}

void *pool_take(struct pool *pool, size_t size)
{
	unsigned int class;
	struct pool_block *block;

	if (size > POOL_MAX_BLOCK)
		return NULL;
	class = class_of(size);
	if (pool->free[class] == NULL && refill(pool, class) != 0)
		return NULL;
	block = pool->free[class];
	pool->free[class] = block->next;
	return block;
}

void pool_give(struct pool *pool, void *memory, size_t size)
{
	const unsigned int class = class_of(size);
	struct pool_block *block = memory;

	if (block == NULL)
		return;
	block->next = pool->free[class];
	pool->free[class] = block;
}

void pool_fini(struct pool *pool)
{
	while (pool->slabs != NULL) {
		struct pool_slab *slab = pool->slabs;

		pool->slabs = slab->next;
		free(slab);
	}
	*pool = (struct pool){0};
}
