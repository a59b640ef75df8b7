/* SPDX-License-Identifier: BSD-3-Clause */

/* Lists of ended flows, in the order of their first segments. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

struct ended_list *ended_list_create(void)
{
	return calloc(1, sizeof(struct ended_list));
}

void ended_list_destroy(struct ended_list *list)
{
	if (list == NULL)
		return;
	free(list->items);
	free(list);
}

int ended_list_add(struct ended_list *list, struct flow *flow)
{
	if (list->nb == list->room) {
		const size_t room = list->room == 0 ? 1024 : list->room * 2;
		struct ended_flow *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	list->items[list->nb++] = (struct ended_flow){.place = flow_place(flow), .flow = flow};
	return 0;
}

static bool is_sorted(const struct ended_list *list)
{
	for (size_t i = 1; i < list->nb; i++) {
		if (list->items[i - 1].place > list->items[i].place)
			return false;
	}
	return true;
}

/* One pass of a byte-wise radix sort, stable. */
static void radix_pass(const struct ended_flow *from, struct ended_flow *to, size_t nb,
		       unsigned int shift)
{
	size_t at[256] = {0}, sum = 0;

	for (size_t i = 0; i < nb; i++)
		at[from[i].place >> shift & 0xff]++;
	for (int i = 0; i < 256; i++) {
		const size_t n = at[i];

		at[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < nb; i++)
		to[at[from[i].place >> shift & 0xff]++] = from[i];
}

int ended_list_sort(struct ended_list *list)
{
	struct ended_flow *spare;
	uint64_t largest = 0;

	/* Without slots that were used twice, slot order is creation order. */
	if (is_sorted(list))
		return 0;
	spare = malloc(list->nb * sizeof(*spare));
	if (spare == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < list->nb; i++)
		largest |= list->items[i].place;
	for (unsigned int shift = 0; shift < 64 && largest >> shift != 0; shift += 8) {
		struct ended_flow *items = list->items;

		radix_pass(items, spare, list->nb, shift);
		list->items = spare;
		spare = items;
		list->room = list->nb;
	}
	free(spare);
	return 0;
}
