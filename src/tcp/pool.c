/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pool.h"

/* Slabs come from the system so many at a time. They are touched as they are used. */
#define REGION_SLABS 16u

/* Classes of which a slab has few blocks; the last one has all of it. */
#define CLASS_48K 19u
#define CLASS_MAX (POOL_NB_CLASSES - 1u)

struct pool_block {
	struct pool_block *next;
};

/* A piece of memory that is cut into blocks of one size. It lies at a multiple of its size. */
struct pool_slab {
	_Alignas(64) struct pool_slab *prev; /* in the list of open or of empty ones */
	struct pool_slab *next;
	struct pool_block *free; /* that came back */
	uint32_t nb_used;
	uint32_t nb_cut; /* blocks that were ever used: those behind are not touched yet */
	uint32_t nb;     /* blocks */
	uint32_t class;
};

static_assert(sizeof(struct pool_slab) == POOL_SLAB_HEAD, "a cache line, and blocks keep theirs");

struct pool_region {
	struct pool_region *next;
	void *start;
	size_t bytes;
};

static size_t size_of_class(unsigned int class)
{
	const size_t size = (size_t)1 << (POOL_MIN_SHIFT + class / 2);

	if (class == CLASS_MAX)
		return POOL_MAX_BLOCK;
	return class % 2 == 0 ? size : size / 2 * 3;
}

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	assert(size <= POOL_MAX_BLOCK);
	if (size > size_of_class(CLASS_MAX - 1))
		return CLASS_MAX;
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

size_t pool_block_cost(size_t size)
{
	const unsigned int class = class_of(size);

	if (class < CLASS_48K)
		return size_of_class(class);
	return POOL_SLAB_BYTES / (POOL_MAX_BLOCK / size_of_class(class));
}

static void list_put(struct pool_slab **head, struct pool_slab *slab)
{
	slab->prev = NULL;
	slab->next = *head;
	if (*head != NULL)
		(*head)->prev = slab;
	*head = slab;
}

static void list_remove(struct pool_slab **head, struct pool_slab *slab)
{
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		*head = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
}

static int add_region(struct pool *pool)
{
	const size_t bytes = (REGION_SLABS + 1) * POOL_SLAB_BYTES;
	struct pool_region *region = malloc(sizeof(*region));
	uintptr_t first;
	void *start;

	if (region == NULL)
		return -1;
	start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED) {
		free(region);
		return -1;
	}
	*region = (struct pool_region){.next = pool->regions, .start = start, .bytes = bytes};
	pool->regions = region;
	first = ((uintptr_t)start + POOL_SLAB_BYTES - 1) / POOL_SLAB_BYTES * POOL_SLAB_BYTES;
	/* The one that lies first comes out first. */
	for (size_t i = REGION_SLABS; i-- > 0;)
		list_put(&pool->empty, (struct pool_slab *)(first + i * POOL_SLAB_BYTES));
	return 0;
}

static struct pool_slab *open_slab(struct pool *pool, unsigned int class)
{
	struct pool_slab *slab;

	if (pool->empty == NULL && add_region(pool) != 0)
		return NULL;
	slab = pool->empty;
	list_remove(&pool->empty, slab);
	*slab = (struct pool_slab){
		.nb = (uint32_t)(POOL_MAX_BLOCK / size_of_class(class)),
		.class = class,
	};
	list_put(&pool->open[class], slab);
	return slab;
}

void *pool_take(struct pool *pool, size_t size)
{
	struct pool_block *block;
	struct pool_slab *slab;
	unsigned int class;

	if (size > POOL_MAX_BLOCK)
		return NULL;
	class = class_of(size);
	slab = pool->open[class];
	if (slab == NULL)
		slab = open_slab(pool, class);
	if (slab == NULL)
		return NULL;
	block = slab->free;
	if (block != NULL)
		slab->free = block->next;
	else
		block = (struct pool_block *)(void *)((char *)(slab + 1) +
						      slab->nb_cut++ * size_of_class(class));
	if (++slab->nb_used == slab->nb)
		list_remove(&pool->open[class], slab);
	return block;
}

/* One that lies alone in its class stays there: the next block is likely of that class. */
static void note_less(struct pool *pool, struct pool_slab *slab)
{
	struct pool_slab **open = &pool->open[slab->class];

	if (slab->nb_used-- == slab->nb)
		list_put(open, slab);
	if (slab->nb_used != 0 || (*open == slab && slab->next == NULL))
		return;
	list_remove(open, slab);
	list_put(&pool->empty, slab);
}

void pool_give(struct pool *pool, void *memory, size_t size)
{
	struct pool_block *block = memory;
	struct pool_slab *slab =
		(struct pool_slab *)((uintptr_t)memory & ~(uintptr_t)(POOL_SLAB_BYTES - 1));

	if (block == NULL)
		return;
	assert(slab->class == class_of(size));
	(void)size;
	block->next = slab->free;
	slab->free = block;
	note_less(pool, slab);
}

void pool_fini(struct pool *pool)
{
	while (pool->regions != NULL) {
		struct pool_region *region = pool->regions;

		pool->regions = region->next;
		munmap(region->start, region->bytes);
		free(region);
	}
	*pool = (struct pool){0};
}
