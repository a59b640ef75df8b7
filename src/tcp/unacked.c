/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "tcp_priv.h"

#define NEAR UNACKED_NEAR /* numbers that lie this close compare the same way from both ends */
#define FIRST_ROOM 2u

static_assert(sizeof(struct tcp_unacked) + (UNACKED_CAP + 1) * sizeof(struct unacked_entry) <=
		      POOL_MAX_BLOCK,
	      "a full list, and one entry to move by");

static size_t list_size(uint32_t room)
{
	return sizeof(struct tcp_unacked) + room * sizeof(struct unacked_entry);
}

static uint32_t room_of(size_t size)
{
	return (uint32_t)((size - sizeof(struct tcp_unacked)) / sizeof(struct unacked_entry));
}

static bool only_counts(const struct tcp_tracker *tracker, const struct tcp_side *side)
{
	return tracker->only_counts || (side->loss_bits & TCP_LOSS_UNLISTED) != 0;
}

struct tcp_unacked *unacked_begin(struct tcp_tracker *tracker, struct tcp_side *side)
{
	const size_t size = pool_block_size(list_size(FIRST_ROOM));

	if (side->unacked != NULL || only_counts(tracker, side))
		return side->unacked;
	side->unacked = tracker_take(tracker, size);
	if (side->unacked == NULL)
		return NULL;
	*side->unacked = (struct tcp_unacked){
		.room = room_of(size),
		.looks_left = tracker->wants_details ? UNACKED_LOOKS_DETAILS : UNACKED_LOOKS_FIRST,
		.nb_counted = side->nb_unacked,
		.counted_end = side->next,
		.is_sorted = true,
	};
	link_begin(&tracker->lists[tracker->partition], &side->unacked->link, tracker->slot);
	side->nb_unacked = UNACKED_LISTED;
	return side->unacked;
}

void unacked_release(struct tcp_tracker *tracker, struct tcp_side *side)
{
	if (side->unacked == NULL)
		return;
	link_end(&tracker->lists[tracker->partition], &side->unacked->link);
	tracker_give(tracker, side->unacked, list_size(side->unacked->room));
	side->unacked = NULL;
}

void unacked_give_way(struct tcp_tracker *tracker, struct tcp_side *side)
{
	const uint32_t nb = side->unacked->nb + side->unacked->nb_counted;

	unacked_release(tracker, side);
	side->nb_unacked = (uint16_t)(nb < UNACKED_CAP ? nb : UNACKED_CAP);
	side->nb_unacked_new = side->nb_unacked;
	side->loss_bits |= TCP_LOSS_UNLISTED;
	tracker->stats.lists_cut++;
}

bool unacked_is_full(const struct tcp_side *side)
{
	if (side->unacked == NULL)
		return side->nb_unacked >= UNACKED_CAP; /* only of a side that only counts */
	return side->unacked->nb_counted + side->unacked->nb >= UNACKED_CAP;
}

/* Makes room behind the last entry. NULL when memory is short. */
static struct tcp_unacked *grow(struct tcp_tracker *tracker, struct tcp_side *side)
{
	struct tcp_unacked *old = side->unacked, *new;
	size_t size;

	if (old->first + old->nb < old->room)
		return old;
	/* The largest block has room for tshark's cap and more: moving is always enough there. */
	if (old->first >= old->room / 2 || list_size(old->room + 1) > POOL_MAX_BLOCK) {
		memmove(old->entries, old->entries + old->first, old->nb * sizeof(old->entries[0]));
		old->first = 0;
		return old;
	}
	size = pool_block_size(list_size(old->room + 1));
	new = tracker_take(tracker, size);
	if (new == NULL)
		return NULL;
	*new = *old;
	new->first = 0;
	new->room = room_of(size);
	memcpy(new->entries, old->entries + old->first, old->nb * sizeof(old->entries[0]));
	link_moved(&tracker->lists[tracker->partition], &new->link);
	tracker_give(tracker, old, list_size(old->room));
	side->unacked = new;
	return new;
}

/* Takes an entry into low and high. */
static void widen(struct tcp_unacked *list, const struct unacked_entry *entry)
{
	if (list->low - entry->seq < NEAR)
		list->low = entry->seq;
	if (entry->end - list->high < NEAR)
		list->high = entry->end;
	list->is_near = list->is_near && entry->end - entry->seq < NEAR &&
			entry->seq - list->low < NEAR && list->high - list->low < NEAR &&
			list->high - entry->end < NEAR;
}

static void append(struct tcp_unacked *list, const struct unacked_entry *entry)
{
	if (list->nb == 0) {
		list->low = entry->seq;
		list->high = entry->end;
		list->is_near = entry->end - entry->seq < NEAR;
		list->is_sorted = list->is_near;
	} else {
		list->is_sorted = list->is_sorted && entry->seq - list->high < NEAR;
		widen(list, entry);
		list->is_sorted = list->is_sorted && list->is_near;
	}
	list->entries[list->first + list->nb++] = *entry;
}

void unacked_add(struct tcp_tracker *tracker, struct tcp_side *side,
		 const struct unacked_entry *entry)
{
	struct tcp_unacked *list;

	/* A count is good for numbers that lie close together. */
	if (only_counts(tracker, side) ||
	    (side->unacked == NULL && side->nb_unacked < UNACKED_COUNTED_MAX &&
	     (side->nb_unacked == 0 || entry->end - side->next + NEAR < 2 * NEAR))) {
		side->nb_unacked++;
		side->nb_unacked_new++;
		return;
	}
	if (unacked_begin(tracker, side) == NULL)
		return;
	list = grow(tracker, side);
	if (list == NULL)
		return;
	append(list, entry);
	list->looks_left += UNACKED_LOOKS_EACH;
}

/* nb entries are looked at; false when that is too much for what was sent. */
static bool may_look_at(struct tcp_unacked *list, uint32_t nb)
{
	if (list->looks_left < nb)
		return false;
	list->looks_left -= nb;
	return true;
}

/* The list lies in order: an ACK takes from its front. */
static struct unacked_match pop_sorted(struct tcp_unacked *list, uint32_t ack)
{
	struct unacked_match match = {0};
	struct unacked_entry *entry = &list->entries[list->first];

	while (list->nb > 0 && seq_le(entry->end, ack)) {
		if (entry->end == ack)
			match = (struct unacked_match){.frame = entry->frame,
						       .ts_ns = entry->ts_ns};
		list->first++;
		list->nb--;
		entry++;
	}
	if (list->nb > 0 && seq_lt(entry->seq, ack))
		entry->seq = ack;
	if (list->nb > 0)
		list->low = entry->seq;
	return match;
}

/* Measures a list anew of which all numbers lie within 2^30 from low on. */
static void measure_near(struct tcp_unacked *list)
{
	const struct unacked_entry *const entries = list->entries + list->first;
	const uint32_t base = list->low;
	uint32_t low = UINT32_MAX, high = 0, last = 0;
	bool is_sorted = true;

	for (uint32_t i = 0; i < list->nb; i++) {
		const uint32_t seq = entries[i].seq - base, end = entries[i].end - base;

		low = seq < low ? seq : low;
		high = end > high ? end : high;
		is_sorted = is_sorted && seq >= last;
		last = end;
	}
	list->low = base + low;
	list->high = base + high;
	list->is_sorted = is_sorted;
}

static void measure(struct tcp_unacked *list)
{
	const uint32_t nb = list->nb;

	if (nb != 0 && list->is_near) {
		measure_near(list);
		return;
	}
	list->nb = 0;
	for (uint32_t i = 0; i < nb; i++)
		append(list, &list->entries[list->first + i]);
}

/* The rule as it stands, entry by entry; the oldest match wins. */
static struct unacked_match walk_all(struct tcp_unacked *list, uint32_t ack)
{
	struct unacked_entry *const entries = list->entries + list->first;
	struct unacked_match match = {0};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->nb; i++) {
		struct unacked_entry *entry = &entries[i];

		if (entry->end == ack) {
			if (match.frame == 0)
				match = (struct unacked_match){.frame = entry->frame,
							       .ts_ns = entry->ts_ns};
			continue;
		}
		if (seq_gt(ack, entry->seq) && seq_le(ack, entry->end))
			entry->seq = ack;
		else if (!seq_gt(entry->end, ack))
			continue;
		if (kept != i)
			entries[kept] = *entry;
		kept++;
	}
	list->nb = kept;
	measure(list);
	return match;
}

/* False if the list should give way instead. */
static bool take_from_list(struct tcp_unacked *list, uint32_t ack, struct unacked_match *match)
{
	if (list->nb == 0 || (list->is_near && list->low - ack < NEAR))
		return true; /* all lies above the ACK */
	if (list->is_sorted && ack - list->low < NEAR)
		*match = pop_sorted(list, ack);
	else if (may_look_at(list, list->nb))
		*match = walk_all(list, ack);
	else
		return false;
	if (list->nb == 0)
		list->first = 0;
	return true;
}

struct unacked_match unacked_take_ack(struct tcp_tracker *tracker, struct tcp_side *side,
				      uint32_t ack)
{
	struct tcp_unacked *list = side->unacked;
	struct unacked_match match = {0};

	if (list != NULL && !take_from_list(list, ack, &match)) {
		unacked_give_way(tracker, side);
		list = NULL;
	}
	if (list == NULL) {
		unacked_count_ack(side, ack);
		return match;
	}
	if (ack - list->counted_end < NEAR)
		list->nb_counted = 0;
	if (list->nb == 0 && list->nb_counted == 0 && !tracker->wants_details) {
		unacked_release(tracker, side);
		side->nb_unacked = 0;
		side->nb_unacked_new = 0;
	}
	return match;
}

const struct unacked_entry *unacked_oldest(const struct tcp_side *side)
{
	const struct tcp_unacked *list = side->unacked;

	return list == NULL || list->nb == 0 ? NULL : &list->entries[list->first];
}

uint32_t unacked_span(struct tcp_unacked *list, uint32_t base)
{
	const struct unacked_entry *entries = list->entries + list->first;
	uint32_t low = list->low - base, high = list->high - base;

	/* Numbers lie close, and base not between them: the two ends are the extremes. */
	if (list->is_near && low <= high)
		return high - low;
	if (!may_look_at(list, list->nb))
		return 0;
	low = entries[0].seq - base;
	high = entries[0].end - base;
	for (uint32_t i = 1; i < list->nb; i++) {
		if (entries[i].seq - base < low)
			low = entries[i].seq - base;
		if (entries[i].end - base > high)
			high = entries[i].end - base;
	}
	return high - low;
}
