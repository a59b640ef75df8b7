/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory of the partitions' indexes: see flow_priv.h. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "flow_priv.h"

/* Smaller arrays stay touched. */
#define PAGE_BYTES ((size_t)4096)
#define GIVE_BACK_BYTES ((size_t)64 << 10)

int arena_init(struct bucket_arena *arena, uint64_t nb_buckets_at_most)
{
	void *start;

	arena->size = nb_buckets_at_most * sizeof(struct bucket) + PAGE_BYTES;
	start = mmap(NULL, arena->size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED) {
		errno = ENOMEM;
		return -1;
	}
	(void)madvise(start, arena->size, MADV_HUGEPAGE);
	arena->start = start;
	return 0;
}

void arena_fini(struct bucket_arena *arena)
{
	if (arena->start != NULL)
		munmap(arena->start, arena->size);
}

static unsigned int class_of(uint32_t nb)
{
	return (unsigned int)__builtin_ctz(nb);
}

struct bucket *arena_take(struct bucket_arena *arena, uint32_t nb)
{
	const size_t bytes = nb * sizeof(struct bucket);
	struct bucket *buckets = arena->free[class_of(nb)];

	if (buckets != NULL) {
		memcpy(&arena->free[class_of(nb)], (void *)buckets, sizeof(void *));
		memset(buckets, 0, bytes);
		return buckets;
	}
	/* What may be given back has pages of its own. */
	if (bytes >= GIVE_BACK_BYTES)
		arena->used = (arena->used + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	if (arena->size < arena->used + bytes)
		return NULL;
	buckets = (struct bucket *)(void *)(arena->start + arena->used);
	arena->used += bytes;
	return buckets;
}

void arena_give(struct bucket_arena *arena, struct bucket *buckets, uint32_t nb)
{
	const size_t bytes = nb * sizeof(struct bucket);

	/* All but the page of the link. The arrays of one size lie together. */
	if (bytes >= GIVE_BACK_BYTES)
		(void)madvise((uint8_t *)buckets + PAGE_BYTES, bytes - PAGE_BYTES, MADV_DONTNEED);
	memcpy((void *)buckets, &arena->free[class_of(nb)], sizeof(void *));
	arena->free[class_of(nb)] = buckets;
}

void arena_drop(struct bucket_arena *arena)
{
	(void)madvise(arena->start, arena->used, MADV_DONTNEED);
	arena->used = 0;
	memset(arena->free, 0, sizeof(arena->free));
}
