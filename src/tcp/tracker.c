/* SPDX-License-Identifier: BSD-3-Clause */

/* What the flows of one worker share: memory for what few of them need. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_priv.h"

static const struct tcp_trouble no_trouble = {.rto_max_ns = INT64_MIN};

struct tcp_tracker *tcp_tracker_create(bool wants_details)
{
	struct tcp_tracker *tracker = aligned_alloc(64, sizeof(*tracker));

	if (tracker == NULL)
		return NULL;
	memset(tracker, 0, sizeof(*tracker));
	tracker->wants_details = wants_details;
	tracker->beside = tracker->uncounted;
	tracker->scratch = calloc(1, sizeof(*tracker->scratch));
	if (tracker->scratch == NULL) {
		free(tracker);
		return NULL;
	}
	return tracker;
}

void tcp_tracker_only_count(struct tcp_tracker *tracker)
{
	assert(!tracker->wants_details);
	tracker->only_counts = true;
}

void tcp_tracker_destroy(struct tcp_tracker *tracker)
{
	if (tracker == NULL)
		return;
	pool_fini(&tracker->pool);
	free(tracker->scratch);
	free(tracker);
}

static bool on_memory_short(void *tracker, uint8_t partition)
{
	return tcp_tracker_give_way(tracker, partition);
}

void tcp_tracker_join(struct tcp_tracker *tracker, struct flow_table *table)
{
	tracker->beside = flow_table_beside(table);
	flow_table_on_short(table, on_memory_short, tracker);
}

void tcp_tracker_get_stats(const struct tcp_tracker *tracker, struct tcp_tracker_stats *stats)
{
	*stats = tracker->stats;
}

bool tcp_tracker_failed(const struct tcp_tracker *tracker)
{
	return tracker->failed;
}

const struct tcp_trouble *tcp_side_trouble(const struct tcp_side *side)
{
	return side->trouble != NULL ? side->trouble : &no_trouble;
}

/* ---- what is counted, and in which order it gives way ------------------------------- */

void *tracker_take(struct tcp_tracker *tracker, size_t size)
{
	void *block = pool_take(&tracker->pool, size);

	if (block == NULL) {
		tracker->failed = true;
		return NULL;
	}
	tracker->beside[tracker->partition] += pool_block_cost(size);
	tracker->has_grown = true;
	return block;
}

void tracker_give(struct tcp_tracker *tracker, void *block, size_t size)
{
	tracker->beside[tracker->partition] -= pool_block_cost(size);
	pool_give(&tracker->pool, block, size);
}

void link_begin(struct tcp_order *order, struct tcp_link *link, struct flow *flow)
{
	assert(flow != NULL); /* NULL is of a link that is in no order */
	*link = (struct tcp_link){.prev = order->last, .flow = flow};
	link_moved(order, link);
}

void link_moved(struct tcp_order *order, struct tcp_link *link)
{
	if (link->prev != NULL)
		link->prev->next = link;
	else
		order->first = link;
	if (link->next != NULL)
		link->next->prev = link;
	else
		order->last = link;
}

void link_end(struct tcp_order *order, struct tcp_link *link)
{
	if (link->flow == NULL)
		return;
	if (link->prev != NULL)
		link->prev->next = link->next;
	else
		order->first = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	else
		order->last = link->prev;
	*link = (struct tcp_link){0};
}

/* ---- what only a side with some trouble has ------------------------------------------ */

static size_t trouble_size(uint32_t room)
{
	return sizeof(struct tcp_trouble) + room * sizeof(struct tcp_hole);
}

size_t tracker_trouble_size(const struct tcp_trouble *trouble)
{
	return trouble_size(trouble->room);
}

struct tcp_trouble *tracker_trouble(struct tcp_tracker *tracker, struct tcp_side *side)
{
	if (side->trouble != NULL)
		return side->trouble;
	side->trouble = tracker_take(tracker, sizeof(*side->trouble));
	if (side->trouble == NULL)
		return tracker->scratch; /* the run ends; until then somebody may write here */
	memset(side->trouble, 0, sizeof(*side->trouble));
	side->trouble->rto_max_ns = INT64_MIN;
	return side->trouble;
}

struct tcp_trouble *tracker_grow_holes(struct tcp_tracker *tracker, struct tcp_side *side)
{
	struct tcp_trouble *old = tracker_trouble(tracker, side), *new;
	size_t size;

	if (old->nb_holes < old->room)
		return old;
	size = pool_block_size(trouble_size(old->room + 1u));
	new = side->trouble == NULL ? NULL : tracker_take(tracker, size);
	if (new == NULL)
		return NULL;
	memcpy(new, old, trouble_size(old->nb_holes));
	new->room = (uint32_t)((size - sizeof(*new)) / sizeof(struct tcp_hole));
	if (old->room == 0)
		link_begin(&tracker->holes[tracker->partition], &new->link, tracker->slot);
	else
		link_moved(&tracker->holes[tracker->partition], &new->link);
	tracker_give(tracker, old, trouble_size(old->room));
	side->trouble = new;
	return new;
}

bool tracker_drop_room(struct tcp_tracker *tracker, struct tcp_side *side)
{
	struct tcp_trouble *old = side->trouble, *new;

	if (old == NULL || old->room == 0)
		return true;
	assert(old->nb_holes == 0);
	new = tracker_take(tracker, sizeof(*new));
	if (new == NULL)
		return false;
	link_end(&tracker->holes[tracker->partition], &old->link);
	memcpy(new, old, sizeof(*new));
	new->room = 0;
	tracker_give(tracker, old, trouble_size(old->room));
	side->trouble = new;
	return true;
}
