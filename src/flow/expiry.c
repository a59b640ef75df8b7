/* SPDX-License-Identifier: BSD-3-Clause */

/* Who goes first: idle flows, and the least recently used when a partition is full. */

#include <stdlib.h>

#include "flow_priv.h"

static void sift_down(struct order *order, size_t i)
{
	const struct order_entry entry = order->entries[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= order->nb)
			break;
		if (child + 1 < order->nb &&
		    order->entries[child + 1].last_frame < order->entries[child].last_frame)
			child++;
		if (order->entries[child].last_frame >= entry.last_frame)
			break;
		order->entries[i] = order->entries[child];
		i = child;
	}
	order->entries[i] = entry;
}

static void sift_up(struct order *order, size_t i)
{
	const struct order_entry entry = order->entries[i];

	while (i > 0 && order->entries[(i - 1) / 2].last_frame > entry.last_frame) {
		order->entries[i] = order->entries[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	order->entries[i] = entry;
}

/* Appends without ordering. */
static int append(struct order *order, const struct flow *flow, uint32_t slot)
{
	if (order->nb == order->room) {
		const size_t room = order->room == 0 ? 64 : order->room * 2;
		struct order_entry *entries = realloc(order->entries, room * sizeof(*entries));

		if (entries == NULL)
			return -1;
		order->entries = entries;
		order->room = room;
	}
	order->entries[order->nb++] = (struct order_entry){
		.last_frame = flow->last_frame, .slot = slot, .generation = flow->generation};
	return 0;
}

/* Entries of flows that ended pile up under port reuse: start over before they matter. */
static bool is_bloated(const struct partition *partition, const struct order *order)
{
	return order->nb > 1024 && order->nb / 4 > partition->nb_live;
}

int order_push(struct flow_table *table, struct flow *flow)
{
	struct partition *partition = &table->partitions[flow->partition];
	struct order *order = &partition->order[flow->class];

	if (is_bloated(partition, order))
		return order_build(table, flow->partition);
	if (append(order, flow, flow_slot(table, flow)) != 0)
		return -1;
	sift_up(order, order->nb - 1);
	return 0;
}

int order_build(struct flow_table *table, uint8_t p)
{
	struct partition *partition = &table->partitions[p];

	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		partition->order[c].nb = 0;
	for (uint32_t i = 0; partition->buckets != NULL && i <= partition->mask; i++) {
		const struct flow *flow = flow_at(table, partition->buckets[i].slot);

		if (partition->buckets[i].slot == 0)
			continue;
		if (append(&partition->order[flow->class], flow, partition->buckets[i].slot) != 0) {
			order_drop(partition);
			return -1;
		}
	}
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		struct order *order = &partition->order[c];

		for (size_t i = order->nb / 2; i-- > 0;)
			sift_down(order, i);
	}
	partition->is_ordered = true;
	return 0;
}

void order_drop(struct partition *partition)
{
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		free(partition->order[c].entries);
		partition->order[c] = (struct order){0};
	}
	partition->is_ordered = false;
}

static void pop(struct order *order)
{
	order->entries[0] = order->entries[--order->nb];
	if (order->nb > 1)
		sift_down(order, 0);
}

/* Brings the top up to date. NULL when the class is empty. */
static struct flow *least_recent(struct flow_table *table, struct order *order, int class)
{
	while (order->nb > 0) {
		struct order_entry *top = &order->entries[0];
		struct flow *flow = flow_at(table, top->slot);

		if ((flow->bits & FLOW_LIVE) == 0 || flow->generation != top->generation ||
		    flow->class != class) {
			pop(order); /* ended, or it has an entry in its new class */
			continue;
		}
		if (flow->last_frame == top->last_frame)
			return flow;
		top->last_frame = flow->last_frame;
		sift_down(order, 0);
	}
	return NULL;
}

/* Makes room in a full partition. False only when memory for the order is short. */
bool order_evict(struct flow_table *table, uint8_t p)
{
	struct partition *partition = &table->partitions[p];

	if (!partition->is_ordered && order_build(table, p) != 0)
		return false;
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		struct flow *flow = least_recent(table, &partition->order[c], c);

		if (flow == NULL)
			continue;
		table->stats.nb_evicted++;
		flow_end(table, flow, END_EVICTED);
		return true;
	}
	return false;
}

void flow_table_reclass(struct flow_table *table, struct flow *flow)
{
	struct partition *partition = &table->partitions[flow->partition];

	if (partition->is_ordered && order_push(table, flow) != 0)
		order_drop(partition);
}

static void expire_partition(struct flow_table *table, uint8_t p, uint64_t clock_ns)
{
	struct partition *partition = &table->partitions[p];

	if (!partition->is_ordered && partition->nb_live != 0 && order_build(table, p) != 0)
		return;
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		struct flow *flow;

		while ((flow = least_recent(table, &partition->order[c], c)) != NULL &&
		       clock_ns - flow->last_clock_ns > table->params.idle_timeout_ns)
			flow_end(table, flow, END_IDLE_TIMEOUT);
	}
}

void flow_table_expire(struct flow_table *table, uint64_t clock_ns)
{
	if (table->params.idle_timeout_ns == 0)
		return;
	for (uint8_t p = 0; p < FLOW_NB_PARTITIONS; p++)
		expire_partition(table, p, clock_ns);
}
