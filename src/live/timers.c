/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * When flows are due for an active record. All wait equally long, so what is pushed last is
 * due last: a queue is in order by itself, and costs the same with ten flows or ten million.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker_priv.h"

static bool is_of_live_flow(const struct live_timer *timer)
{
	return timer->flow->end_reason == FLOW_LIVES &&
	       timer->flow->generation == timer->generation;
}

/* Entries of flows that ended wait for their time; in a flood they would be most of all. */
static void forget_ended(struct live_timers *timers)
{
	size_t kept = 0;

	for (size_t i = timers->head; i < timers->tail; i++) {
		if (is_of_live_flow(&timers->items[i]))
			timers->items[kept++] = timers->items[i];
	}
	timers->head = 0;
	timers->tail = kept;
}

static int make_room(struct live_timers *timers)
{
	const size_t nb = timers->tail - timers->head;

	if (timers->head > timers->room / 2) {
		memmove(timers->items, timers->items + timers->head, nb * sizeof(*timers->items));
	} else {
		const size_t room = timers->room == 0 ? 1024 : timers->room * 2;
		struct live_timer *items = realloc(timers->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		timers->items = items;
		timers->room = room;
		return 0;
	}
	timers->head = 0;
	timers->tail = nb;
	return 0;
}

int live_timers_push(struct live_timers *timers, const struct live_timer *timer, size_t nb_live)
{
	const size_t nb = timers->tail - timers->head;

	if (timers->tail == timers->room && nb > 1024 && nb / 4 > nb_live)
		forget_ended(timers);
	if (timers->tail == timers->room && make_room(timers) != 0)
		return -ENOMEM;
	timers->items[timers->tail++] = *timer;
	return 0;
}

bool live_timers_pop(struct live_timers *timers, uint64_t clock_ns, struct live_timer *timer)
{
	while (timers->head != timers->tail &&
	       timers->items[timers->head].deadline_ns <= clock_ns) {
		*timer = timers->items[timers->head++];
		if (is_of_live_flow(timer))
			return true;
	}
	return false;
}

void live_timers_fini(struct live_timers *timers)
{
	free(timers->items);
	*timers = (struct live_timers){0};
}
