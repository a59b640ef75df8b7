/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_FLOW_PRIV_H
#define TCPMILL_FLOW_PRIV_H

/* Inside the flow room: partitions, their index, and their order of eviction. */

#include "tcpmill/flow.h"

/* One entry of the index; slot 0 is empty, so slots are numbered from 1. */
struct bucket {
	uint32_t hash;
	uint32_t slot;
};

/* An entry of the eviction order. Its key may be older than the flow's last frame. */
struct order_entry {
	uint64_t last_frame, clock_ns;
	uint32_t slot;
	uint32_t generation;
};

/*
 * The flows of a class by last frame, brought up to date lazily: a flow's entry keeps
 * the frame it was pushed with, and moves down when it is the first and turns out to be
 * stale. So a packet costs nothing here, and the first is still exactly the least
 * recently used flow of the class.
 *
 * Frames come in order, so what is pushed goes to the end of a queue; a binary min-heap
 * has what was found stale. Flows of one packet, of a flood for one, never get there.
 */
struct order {
	struct order_entry *queue; /* [head, tail) */
	size_t head, tail, queue_room;
	struct order_entry *heap;
	size_t nb, room;
};

struct partition {
	struct bucket *buckets;
	uint32_t mask; /* number of buckets - 1 */
	uint32_t nb_live;
	bool is_ordered; /* the order of eviction is kept */
	bool is_nearly_full;
	struct order order[NB_FLOW_CLASSES];
};

/*
 * Memory of the indexes: one piece of address space, so that huge pages fit, handed out
 * from its start. An array that grew leaves its place to another partition's.
 */
struct bucket_arena {
	uint8_t *start;
	size_t used, size;
	struct bucket *free[32]; /* by log2 of the number of buckets; linked by their first word */
};

struct flow_table {
	struct flow_table_params params;
	bool (*give_way)(void *context, uint8_t partition); /* see flow_table_on_short(); or NULL */
	void *give_way_context;
	struct flow_limits limits;
	bool has_timeout; /* of some class */
	/*
	 * No flow of the class is idle for too long before the clock passes this, and none of
	 * the whole table before it passes next_due_ns. What a flow's later packets mean is
	 * found when it does, so that each packet is looked at once at most.
	 */
	uint64_t next_due_ns, due_ns[FLOW_NB_PARTITIONS][NB_FLOW_CLASSES];
	struct bucket_arena arena;
	uint32_t capacity;  /* of a partition */
	uint64_t max_bytes; /* of a partition; UINT64_MAX: no limit */
	uint64_t beside[FLOW_NB_PARTITIONS];
	uint8_t *slots;
	size_t slots_bytes;
	size_t stride;       /* bytes from slot to slot */
	uint8_t (*ipv6)[32]; /* addresses of the IPv6 flow in each slot: touched for these only */
	uint32_t nb_slots;   /* reserved */
	uint32_t nb_used;    /* touched */
	uint32_t free_slot;  /* head of the list of released slots; 0 = none */
	struct flow_table_stats stats;
	struct partition partitions[FLOW_NB_PARTITIONS];
};

static inline struct flow *flow_at(const struct flow_table *table, uint32_t slot)
{
	return (struct flow *)(void *)(table->slots + (size_t)slot * table->stride);
}

static inline uint32_t flow_slot(const struct flow_table *table, const struct flow *flow)
{
	return (uint32_t)((size_t)((const uint8_t *)flow - table->slots) / table->stride);
}

/* arena.c: nb is a power of two, 64 or more. 0, or -1 with errno ENOMEM. */
int arena_init(struct bucket_arena *arena, uint64_t nb_buckets_at_most);
void arena_fini(struct bucket_arena *arena);
/* Empty buckets; NULL when none are left. */
struct bucket *arena_take(struct bucket_arena *arena, uint32_t nb);
void arena_give(struct bucket_arena *arena, struct bucket *buckets, uint32_t nb);
/* Gives all of it back, and to the kernel. */
void arena_drop(struct bucket_arena *arena);

/* table.c: takes the flow out of the index and hands it to ended(). */
void flow_end(struct flow_table *table, struct flow *flow, enum end_reason reason);

/* expiry.c. -1 when memory is short: then the order is given up and built again later. */
int order_push(struct flow_table *table, struct flow *flow);
int order_build(struct flow_table *table, uint8_t partition);
void order_drop(struct flow_table *table, uint8_t partition);
/* spared: is not evicted; or NULL. */
bool order_evict(struct flow_table *table, uint8_t partition, const struct flow *spared);

#endif
