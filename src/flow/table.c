/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Slots and index. A bucket array of {hash, slot} with linear probing: eight
 * buckets lie in a cache line, so that a lookup touches one line of the index and
 * then the flow. Deletion shifts back; there are no tombstones.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "flow_priv.h"
#include "tcpmill/segment.h"

#define FIRST_BUCKETS 64u
#define SLOT_ALIGN 64u

static bool index_grow(struct flow_table *table, struct partition *partition);

uint64_t flow_partition_capacity(uint64_t max_flows)
{
	const uint64_t share = max_flows / FLOW_NB_PARTITIONS;

	return share > FLOW_MIN_PER_PARTITION ? share : FLOW_MIN_PER_PARTITION;
}

uint64_t flow_partition_bytes(uint64_t max_bytes)
{
	const uint64_t share = max_bytes / FLOW_NB_PARTITIONS;
	const uint64_t least = (uint64_t)FLOW_MIN_PER_PARTITION * FLOW_BYTES;

	return share > least ? share : least;
}

/* As many as both limits let in. */
static uint64_t capacity_of(const struct flow_table_params *params)
{
	const uint64_t capacity = flow_partition_capacity(params->max_flows);
	const uint64_t fit = flow_partition_bytes(params->max_bytes) / FLOW_BYTES;

	return params->max_bytes != 0 && fit < capacity ? fit : capacity;
}

/* Arrays double: the largest, and all before it, which are as much together. */
static uint64_t buckets_at_most(const struct flow_table *table)
{
	uint64_t nb = FIRST_BUCKETS;

	while ((uint64_t)table->capacity * 8 >= nb * 5)
		nb *= 2;
	return 2 * nb * (uint64_t)__builtin_popcountll(table->params.partitions);
}

struct flow_table *flow_table_create(const struct flow_table_params *params)
{
	struct flow_table *table;
	const uint64_t capacity = capacity_of(params);
	const uint64_t nb_slots = capacity * (uint64_t)__builtin_popcountll(params->partitions) +
				  params->nb_spare + 1;

	if (nb_slots >= UINT32_MAX || params->slot_size < sizeof(struct flow)) {
		errno = EINVAL;
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	table->params = *params;
	flow_limits_init(&table->limits, params->timeout_ns);
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		table->has_timeout = table->has_timeout || params->timeout_ns[c] != 0;
	table->capacity = (uint32_t)capacity;
	table->max_bytes =
		params->max_bytes != 0 ? flow_partition_bytes(params->max_bytes) : UINT64_MAX;
	table->nb_slots = (uint32_t)nb_slots;
	table->nb_used = 1; /* slot 0 means none */
	table->stride = (params->slot_size + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
	table->slots_bytes = table->stride * nb_slots;
	table->slots = mmap(NULL, table->slots_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->slots == MAP_FAILED) {
		free(table);
		errno = ENOMEM;
		return NULL;
	}
	table->ipv6 = mmap(NULL, sizeof(*table->ipv6) * nb_slots, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->ipv6 == MAP_FAILED) {
		munmap(table->slots, table->slots_bytes);
		free(table);
		errno = ENOMEM;
		return NULL;
	}
	if (arena_init(&table->arena, buckets_at_most(table)) != 0) {
		flow_table_destroy(table);
		return NULL;
	}
	/* Random access over gigabytes: fewer TLB misses where the kernel can. */
	(void)madvise(table->slots, table->slots_bytes, MADV_HUGEPAGE);
	for (int i = 0; i < FLOW_NB_PARTITIONS; i++) {
		if ((params->partitions >> i & 1) != 0 &&
		    !index_grow(table, &table->partitions[i])) {
			flow_table_destroy(table);
			errno = ENOMEM;
			return NULL;
		}
	}
	return table;
}

void flow_table_destroy(struct flow_table *table)
{
	if (table == NULL)
		return;
	for (int i = 0; i < FLOW_NB_PARTITIONS; i++)
		order_drop(table, (uint8_t)i);
	arena_fini(&table->arena);
	munmap(table->slots, table->slots_bytes);
	munmap(table->ipv6, sizeof(*table->ipv6) * table->nb_slots);
	free(table);
}

bool flow_has_ipv6(const struct flow *flow, const struct segment *s)
{
	const bool swapped = (s->bits & SEGMENT_SWAPPED) != 0;
	const uint8_t *src = s->ip_header + 8, *dst = s->ip_header + 24;

	return memcmp(flow->ipv6, swapped ? dst : src, 16) == 0 &&
	       memcmp(flow->ipv6 + 16, swapped ? src : dst, 16) == 0;
}

static void set_key(struct flow_table *table, struct flow *flow, const struct segment *s)
{
	const bool swapped = (s->bits & SEGMENT_SWAPPED) != 0;

	flow->port_lo = s->port_lo;
	flow->port_hi = s->port_hi;
	flow->hash = s->hash;
	flow->partition = s->partition;
	if (s->bits & SEGMENT_IPV6) {
		flow->bits |= FLOW_IPV6;
		flow->ipv6 = table->ipv6[flow_slot(table, flow)];
		memcpy(flow->ipv6, s->ip_header + (swapped ? 24 : 8), 16);
		memcpy(flow->ipv6 + 16, s->ip_header + (swapped ? 8 : 24), 16);
	} else {
		flow->quick_lo = s->addr_lo;
		flow->quick_hi = s->addr_hi;
	}
}

/* A zeroed slot, or NULL when the reservation is used up. */
static struct flow *slot_take(struct flow_table *table)
{
	struct flow *flow;
	uint32_t slot = table->free_slot, generation = 0;

	if (slot != 0) {
		flow = flow_at(table, slot);
		generation = flow->generation + 1;
		table->free_slot = (uint32_t)flow->stream;
		memset(flow, 0, table->params.slot_size);
	} else {
		if (table->nb_used == table->nb_slots)
			return NULL;
		slot = table->nb_used++;
		flow = flow_at(table, slot);
	}
	flow->generation = generation;
	flow->stream = -1;
	flow->end_reason = FLOW_LIVES;
	return flow;
}

void flow_table_release(struct flow_table *table, struct flow *flow)
{
	/* The list runs through the stream member. */
	flow->stream = table->free_slot;
	table->free_slot = flow_slot(table, flow);
}

static void index_put(struct bucket *buckets, uint32_t mask, uint32_t hash, uint32_t slot)
{
	uint32_t i = hash & mask;

	while (buckets[i].slot != 0)
		i = (i + 1) & mask;
	buckets[i] = (struct bucket){.hash = hash, .slot = slot};
}

/* Keeps the load at or below 5/8. False when memory is short and nothing is left. */
static bool index_grow(struct flow_table *table, struct partition *partition)
{
	const uint32_t nb_old = partition->buckets == NULL ? 0 : partition->mask + 1;
	const uint32_t nb = nb_old == 0 ? FIRST_BUCKETS : nb_old * 2;
	struct bucket *buckets;

	if (nb_old != 0 && (uint64_t)partition->nb_live * 8 < (uint64_t)nb_old * 5)
		return true;
	buckets = arena_take(&table->arena, nb);
	if (buckets == NULL)
		return (uint64_t)partition->nb_live + 1 < nb_old;
	for (uint32_t i = 0; i < nb_old; i++) {
		if (partition->buckets[i].slot != 0)
			index_put(buckets, nb - 1, partition->buckets[i].hash,
				  partition->buckets[i].slot);
	}
	if (nb_old != 0)
		arena_give(&table->arena, partition->buckets, nb_old);
	partition->buckets = buckets;
	partition->mask = nb - 1;
	return true;
}

static void index_remove(struct partition *partition, uint32_t hash, uint32_t slot)
{
	struct bucket *buckets = partition->buckets;
	const uint32_t mask = partition->mask;
	uint32_t hole = hash & mask, i;

	while (buckets[hole].slot != slot)
		hole = (hole + 1) & mask;
	for (i = (hole + 1) & mask; buckets[i].slot != 0; i = (i + 1) & mask) {
		/* An entry may move back only as far as its own home. */
		if (((i - (buckets[i].hash & mask)) & mask) >= ((i - hole) & mask)) {
			buckets[hole] = buckets[i];
			hole = i;
		}
	}
	buckets[hole].slot = 0;
}

static struct flow *index_find(const struct flow_table *table, const struct partition *partition,
			       const struct segment *segment)
{
	uint32_t i;

	for (i = segment->hash & partition->mask; partition->buckets[i].slot != 0;
	     i = (i + 1) & partition->mask) {
		if (partition->buckets[i].hash == segment->hash) {
			struct flow *flow = flow_at(table, partition->buckets[i].slot);

			if (flow_is_of(flow, segment))
				return flow;
		}
	}
	return NULL;
}

void flow_table_prefetch_bucket(const struct flow_table *table, const struct segment *segment)
{
	const struct partition *partition = &table->partitions[segment->partition];

	__builtin_prefetch(&partition->buckets[segment->hash & partition->mask]);
}

struct flow *flow_table_guess(const struct flow_table *table, const struct segment *segment)
{
	const struct partition *partition = &table->partitions[segment->partition];
	const struct bucket *buckets = partition->buckets;
	uint32_t i = segment->hash & partition->mask;

	while (buckets[i].hash != segment->hash && buckets[i].slot != 0)
		i = (i + 1) & partition->mask;
	return flow_at(table, buckets[i].slot);
}

void flow_end(struct flow_table *table, struct flow *flow, enum end_reason reason)
{
	struct partition *partition = &table->partitions[flow->partition];

	index_remove(partition, flow->hash, flow_slot(table, flow));
	partition->nb_live--;
	table->stats.nb_live--;
	flow->end_reason = (uint8_t)reason;
	table->params.ended(table->params.context, flow);
}

uint64_t *flow_table_beside(struct flow_table *table)
{
	return table->beside;
}

void flow_table_on_short(struct flow_table *table,
			 bool (*give_way)(void *context, uint8_t partition), void *context)
{
	table->give_way = give_way;
	table->give_way_context = context;
}

static bool is_over_bytes(const struct flow_table *table, uint8_t p, uint32_t nb_more)
{
	const uint64_t nb = (uint64_t)table->partitions[p].nb_live + nb_more;

	return nb * FLOW_BYTES + table->beside[p] > table->max_bytes;
}

/*
 * Makes room for nb_more flows. First gives way what no flow is lost by. False if there is too
 * much still: nobody is left to evict, or memory for their order is short.
 */
static bool make_room(struct flow_table *table, uint8_t p, uint32_t nb_more,
		      const struct flow *spared)
{
	const struct partition *partition = &table->partitions[p];

	for (;;) {
		const bool is_over = is_over_bytes(table, p, nb_more);

		if (!is_over && partition->nb_live + nb_more <= table->capacity)
			return true;
		if (is_over && table->give_way != NULL &&
		    table->give_way(table->give_way_context, p))
			continue;
		if (!order_evict(table, p, spared))
			return false;
	}
}

/* Said once of each partition. */
static void note_nearly_full(struct flow_table *table, uint8_t p)
{
	struct partition *partition = &table->partitions[p];
	const uint64_t bytes = (uint64_t)partition->nb_live * FLOW_BYTES + table->beside[p];

	if (partition->is_nearly_full ||
	    (partition->nb_live <= table->capacity / 10 * 9 && bytes <= table->max_bytes / 10 * 9))
		return;
	partition->is_nearly_full = true;
	table->stats.nb_full_partitions++;
}

void flow_table_fit(struct flow_table *table, const struct flow *flow)
{
	note_nearly_full(table, flow->partition);
	if (is_over_bytes(table, flow->partition, 0))
		(void)make_room(table, flow->partition, 0, flow);
}

static struct flow *insert(struct flow_table *table, const struct segment *segment, uint64_t frame)
{
	struct partition *partition = &table->partitions[segment->partition];
	struct flow *flow;

	if (!make_room(table, segment->partition, 1, NULL) && partition->nb_live >= table->capacity)
		return NULL;
	if (!index_grow(table, partition))
		return NULL;
	flow = slot_take(table);
	if (flow == NULL)
		return NULL;
	set_key(table, flow, segment);
	flow->class =
		(segment->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? FLOW_HALF_OPEN : FLOW_OPEN;
	flow->first_frame = frame & (UINT64_MAX >> FLOW_LAYER_BITS);
	flow->first_layer = segment->layer & ((1u << FLOW_LAYER_BITS) - 1);
	flow->last_frame = frame;
	flow->last_clock_ns = segment->clock_ns;
	index_put(partition->buckets, partition->mask, flow->hash, flow_slot(table, flow));
	partition->nb_live++;
	note_nearly_full(table, flow->partition);
	table->stats.nb_live++;
	table->stats.nb_created++;
	if (table->stats.nb_live > table->stats.max_live)
		table->stats.max_live = table->stats.nb_live;
	/* With a timeout the order is kept from the first flow on; once dropped it is rebuilt. */
	if (table->has_timeout && partition->nb_live == 1)
		partition->is_ordered = true;
	if (partition->is_ordered) {
		if (order_push(table, flow) != 0)
			order_drop(table, flow->partition);
	}
	return flow;
}

struct flow *flow_table_lookup(struct flow_table *table, const struct segment *segment,
			       uint64_t frame, struct flow *guess, bool *created)
{
	struct flow *flow = guess;

	if (guess == NULL || !flow_is_of(guess, segment))
		flow = index_find(table, &table->partitions[segment->partition], segment);

	if (flow != NULL && flow_is_idle(flow, &table->limits, segment->clock_ns)) {
		flow_end(table, flow, END_IDLE_TIMEOUT);
		flow = NULL;
	}
	*created = flow == NULL;
	return flow != NULL ? flow : insert(table, segment, frame);
}

struct flow *flow_table_replace(struct flow_table *table, struct flow *flow,
				const struct segment *segment, uint64_t frame)
{
	flow_end(table, flow, END_PORT_REUSE);
	return insert(table, segment, frame);
}

void flow_table_end_all(struct flow_table *table)
{
	/* First what nobody needs any more: the list of what ended takes as much. */
	for (int i = 0; i < FLOW_NB_PARTITIONS; i++) {
		struct partition *partition = &table->partitions[i];

		partition->buckets = NULL;
		partition->mask = 0;
		partition->nb_live = 0;
		order_drop(table, (uint8_t)i);
	}
	arena_drop(&table->arena);
	for (uint32_t slot = 1; slot < table->nb_used; slot++) {
		struct flow *flow = flow_at(table, slot);

		if (flow->end_reason != FLOW_LIVES)
			continue;
		flow->end_reason = END_OF_INPUT;
		table->stats.nb_live--;
		table->params.ended(table->params.context, flow);
	}
}

void flow_table_get_stats(const struct flow_table *table, struct flow_table_stats *stats)
{
	*stats = table->stats;
	stats->slot_bytes = (uint64_t)table->nb_used * table->stride;
}
