/* SPDX-License-Identifier: BSD-3-Clause */

/* Who goes first: idle flows, and the least recently used when a partition is full. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_priv.h"

/* How far ahead of the bucket at hand its flow is fetched. */
#define BUILD_AHEAD 16u

void flow_limits_init(struct flow_limits *limits, const uint64_t timeout_ns[NB_FLOW_CLASSES])
{
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		limits->ns[c] = timeout_ns[c] != 0 && timeout_ns[c] < INT64_MAX
					? (int64_t)timeout_ns[c]
					: INT64_MAX;
}

/* ---- heap -------------------------------------------------------------- */

static void sift_down(struct order *order, size_t i)
{
	const struct order_entry entry = order->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= order->nb)
			break;
		if (child + 1 < order->nb &&
		    order->heap[child + 1].last_frame < order->heap[child].last_frame)
			child++;
		if (order->heap[child].last_frame >= entry.last_frame)
			break;
		order->heap[i] = order->heap[child];
		i = child;
	}
	order->heap[i] = entry;
}

static void sift_up(struct order *order, size_t i)
{
	const struct order_entry entry = order->heap[i];

	while (i > 0 && order->heap[(i - 1) / 2].last_frame > entry.last_frame) {
		order->heap[i] = order->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	order->heap[i] = entry;
}

static struct order_entry entry_of(const struct flow *flow, uint32_t slot)
{
	return (struct order_entry){.last_frame = flow->last_frame,
				    .clock_ns = flow->last_clock_ns,
				    .slot = slot,
				    .generation = flow->generation};
}

/* Appends to the heap without ordering. */
static int heap_append(struct order *order, const struct flow *flow, uint32_t slot)
{
	if (order->nb == order->room) {
		const size_t room = order->room == 0 ? 64 : order->room * 2;
		struct order_entry *heap = realloc(order->heap, room * sizeof(*heap));

		if (heap == NULL)
			return -1;
		order->heap = heap;
		order->room = room;
	}
	order->heap[order->nb++] = entry_of(flow, slot);
	return 0;
}

static int heap_push(struct order *order, const struct flow *flow, uint32_t slot)
{
	if (heap_append(order, flow, slot) != 0)
		return -1;
	sift_up(order, order->nb - 1);
	return 0;
}

static void heap_pop(struct order *order)
{
	order->heap[0] = order->heap[--order->nb];
	if (order->nb > 1)
		sift_down(order, 0);
}

/* ---- queue ------------------------------------------------------------- */

/* Room for one more entry at the queue's end. */
static int queue_reserve(struct order *order)
{
	struct order_entry *queue;
	size_t room;

	if (order->tail < order->queue_room)
		return 0;
	if (order->head > order->queue_room / 4) {
		memmove(order->queue, order->queue + order->head,
			(order->tail - order->head) * sizeof(*order->queue));
		order->tail -= order->head;
		order->head = 0;
		return 0;
	}
	room = order->queue_room == 0 ? 64 : order->queue_room * 2;
	queue = realloc(order->queue, room * sizeof(*queue));
	if (queue == NULL)
		return -1;
	order->queue = queue;
	order->queue_room = room;
	return 0;
}

/* ---- order ------------------------------------------------------------- */

/*
 * Entries of flows that ended, or changed their class, pile up under port reuse: start over before
 * they take more than the flows' own. What starting over costs, a look at each bucket and each
 * flow, was pushed since the last time.
 */
static bool is_bloated(const struct partition *partition)
{
	size_t nb = 0;

	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		const struct order *order = &partition->order[c];

		nb += order->nb + order->tail - order->head;
	}
	return nb > 1024 + 2 * (size_t)partition->nb_live + partition->mask / 8;
}

/* An entry with this clock was added: from when on the class is worth a look. */
static void note_due(struct flow_table *table, uint8_t p, uint8_t class, uint64_t clock_ns)
{
	const uint64_t due_ns = clock_ns + (uint64_t)table->limits.ns[class];

	if (table->limits.ns[class] == INT64_MAX)
		return;
	if (due_ns < table->due_ns[p][class])
		table->due_ns[p][class] = due_ns;
	if (due_ns < table->next_due_ns)
		table->next_due_ns = due_ns;
}

/* The partition is worth a look at once. */
static void note_all_due(struct flow_table *table, uint8_t p)
{
	memset(table->due_ns[p], 0, sizeof(table->due_ns[p]));
	table->next_due_ns = 0;
}

int order_push(struct flow_table *table, struct flow *flow)
{
	struct partition *partition = &table->partitions[flow->partition];
	struct order *order = &partition->order[flow->class];
	const uint32_t slot = flow_slot(table, flow);

	if (is_bloated(partition))
		return order_build(table, flow->partition);
	note_due(table, flow->partition, flow->class, flow->last_clock_ns);
	if (order->tail != order->head &&
	    order->queue[order->tail - 1].last_frame > flow->last_frame)
		return heap_push(order, flow, slot);
	if (queue_reserve(order) != 0)
		return -1;
	order->queue[order->tail++] = entry_of(flow, slot);
	return 0;
}

/* What an order wants to know of a flow that was not looked at for long. */
static void prefetch_flow(const struct flow_table *table, uint32_t slot)
{
	const struct flow *flow = flow_at(table, slot);

	__builtin_prefetch(flow, 1);
	__builtin_prefetch(&flow->generation, 1);
}

/* Every flow of the partition goes into the heap of its class, in no order yet. */
static int collect(struct flow_table *table, struct partition *partition)
{
	for (uint32_t i = 0; i <= partition->mask; i++) {
		const uint32_t slot = partition->buckets[i].slot;
		const struct flow *flow = flow_at(table, slot);

		if (i + BUILD_AHEAD <= partition->mask)
			prefetch_flow(table, partition->buckets[i + BUILD_AHEAD].slot);
		if (slot != 0 && heap_append(&partition->order[flow->class], flow, slot) != 0)
			return -1;
	}
	return 0;
}

int order_build(struct flow_table *table, uint8_t p)
{
	struct partition *partition = &table->partitions[p];

	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		partition->order[c].head = 0;
		partition->order[c].tail = 0;
		partition->order[c].nb = 0;
	}
	if (partition->buckets != NULL && collect(table, partition) != 0) {
		order_drop(table, p);
		return -1;
	}
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		struct order *order = &partition->order[c];

		for (size_t i = order->nb / 2; i-- > 0;)
			sift_down(order, i);
	}
	partition->is_ordered = true;
	note_all_due(table, p);
	return 0;
}

void order_drop(struct flow_table *table, uint8_t p)
{
	struct partition *partition = &table->partitions[p];

	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		free(partition->order[c].queue);
		free(partition->order[c].heap);
		partition->order[c] = (struct order){0};
	}
	partition->is_ordered = false;
	note_all_due(table, p);
}

/* The entry with the lowest key, or NULL. */
static struct order_entry *first_entry(const struct order *order)
{
	if (order->head == order->tail)
		return order->nb > 0 ? &order->heap[0] : NULL;
	if (order->nb > 0 && order->heap[0].last_frame < order->queue[order->head].last_frame)
		return &order->heap[0];
	return &order->queue[order->head];
}

/* The flow of an entry; NULL if it has ended, or has an entry in its new class. */
static struct flow *flow_of(const struct flow_table *table, const struct order_entry *entry,
			    int class)
{
	struct flow *flow = flow_at(table, entry->slot);

	if (flow->end_reason != FLOW_LIVES || flow->generation != entry->generation ||
	    flow->class != class)
		return NULL;
	return flow;
}

static void drop_first(struct order *order, const struct order_entry *first)
{
	if (first == order->heap)
		heap_pop(order);
	else
		order->head++;
}

/* The first entry is older than its flow, and moves down. -1: out of memory. */
static int move_first(struct order *order, struct order_entry *first, const struct flow *flow)
{
	if (first != order->heap) {
		if (heap_push(order, flow, first->slot) != 0)
			return -1;
		order->head++;
		return 0;
	}
	*first = entry_of(flow, first->slot);
	sift_down(order, 0);
	return 0;
}

/* Brings the first entry up to date. *least: NULL when the class is empty. -1: out of memory. */
static int least_recent(struct flow_table *table, struct order *order, int class,
			struct flow **least)
{
	struct order_entry *first;

	while ((first = first_entry(order)) != NULL) {
		struct flow *flow = flow_of(table, first, class);

		*least = flow;
		if (flow == NULL)
			drop_first(order, first);
		else if (flow->last_frame == first->last_frame)
			return 0;
		else if (move_first(order, first, flow) != 0)
			return -1;
	}
	*least = NULL;
	return 0;
}

/* Who goes next. */
static void prefetch_next(const struct flow_table *table, const struct order *order)
{
	if (order->head + 1 < order->tail)
		prefetch_flow(table, order->queue[order->head + 1].slot);
}

/* Makes room in a full partition. False when memory for the order is short, or nobody is left. */
bool order_evict(struct flow_table *table, uint8_t p, const struct flow *spared)
{
	struct partition *partition = &table->partitions[p];

	if (!partition->is_ordered && order_build(table, p) != 0)
		return false;
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		struct flow *flow;

		if (least_recent(table, &partition->order[c], c, &flow) != 0) {
			order_drop(table, p);
			return false;
		}
		/* Of the latest segment, it comes first only where it is alone in its class. */
		if (flow == NULL || flow == spared)
			continue;
		table->stats.nb_evicted++;
		table->stats.nb_evicted_of[c]++;
		flow_end(table, flow, END_EVICTED);
		prefetch_next(table, &partition->order[c]);
		return true;
	}
	return false;
}

void flow_table_reclass(struct flow_table *table, struct flow *flow)
{
	const struct partition *partition = &table->partitions[flow->partition];

	if (partition->is_ordered && order_push(table, flow) != 0)
		order_drop(table, flow->partition);
}

/*
 * Entries whose own clock is not due say that none behind them is: they are left as they are,
 * stale or not.
 */
static int expire_class(struct flow_table *table, uint8_t p, int c, uint64_t clock_ns,
			uint32_t *nb_left)
{
	struct order *order = &table->partitions[p].order[c];
	const uint64_t limit_ns = (uint64_t)table->limits.ns[c];
	struct order_entry *first;

	table->due_ns[p][c] = UINT64_MAX;
	if (limit_ns == INT64_MAX)
		return 0;
	while ((first = first_entry(order)) != NULL) {
		const uint64_t due_ns = first->clock_ns + limit_ns;
		struct flow *flow;

		if (clock_ns <= due_ns || *nb_left == 0) {
			table->due_ns[p][c] = due_ns;
			return 0;
		}
		(*nb_left)--;
		prefetch_next(table, order);
		flow = flow_of(table, first, c);
		if (flow != NULL && !flow_is_idle(flow, &table->limits, clock_ns)) {
			if (move_first(order, first, flow) != 0)
				return -1;
			continue;
		}
		drop_first(order, first);
		if (flow != NULL)
			flow_end(table, flow, END_IDLE_TIMEOUT);
	}
	return 0;
}

static int expire_partition(struct flow_table *table, uint8_t p, uint64_t clock_ns,
			    uint32_t *nb_left)
{
	const struct partition *partition = &table->partitions[p];

	if (!partition->is_ordered && partition->nb_live != 0 && order_build(table, p) != 0)
		return -ENOMEM;
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		if (clock_ns > table->due_ns[p][c] &&
		    expire_class(table, p, c, clock_ns, nb_left) != 0) {
			order_drop(table, p);
			return -ENOMEM;
		}
	}
	return 0;
}

int flow_table_expire(struct flow_table *table, uint64_t clock_ns, uint32_t nb_at_most)
{
	uint64_t next_due_ns = UINT64_MAX;
	int rc = 0;

	if (!table->has_timeout || clock_ns <= table->next_due_ns)
		return 0;
	for (uint8_t p = 0; p < FLOW_NB_PARTITIONS; p++) {
		if (expire_partition(table, p, clock_ns, &nb_at_most) != 0)
			rc = -ENOMEM;
		for (int c = 0; c < NB_FLOW_CLASSES; c++) {
			if (table->due_ns[p][c] < next_due_ns)
				next_due_ns = table->due_ns[p][c];
		}
	}
	table->next_due_ns = next_due_ns;
	return rc;
}
