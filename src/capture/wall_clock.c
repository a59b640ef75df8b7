/* SPDX-License-Identifier: BSD-3-Clause */

/* Stands in until the real one comes. */

#include <rte_cycles.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "tcpmill/wall_clock.h"

static int64_t utc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void wall_clock_init(struct wall_clock *clock)
{
	memset(clock, 0, sizeof(*clock));
	wall_clock_correct(clock);
}

void wall_clock_correct(struct wall_clock *clock)
{
	atomic_store(&clock->tsc, rte_rdtsc());
	atomic_store(&clock->utc_ns, utc_now());
}

int64_t wall_clock_now(const struct wall_clock *clock)
{
	const uint64_t ticks = rte_rdtsc() - atomic_load(&clock->tsc);
	const uint64_t slope = atomic_load(&clock->ns_per_tick_q32);

	return atomic_load(&clock->utc_ns) + (int64_t)((ticks >> 16) * (slope >> 16));
}
