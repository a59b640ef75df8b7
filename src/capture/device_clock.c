/* SPDX-License-Identifier: BSD-3-Clause */

/* The clock of a NIC, brought to UTC; see device_clock.h. */

#include <stdbool.h>

#include "device_clock.h"

#define NS_PER_S 1000000000
#define SOON_NS (NS_PER_S / 2)

/* GCC and clang have it on every 64-bit target; ISO C has no word for it. */
__extension__ typedef __int128 int128;

static int64_t line_at(uint64_t at_ticks, int64_t utc_ns, uint64_t slope, uint64_t ticks)
{
	const int64_t passed = (int64_t)(ticks - at_ticks); /* a stamp may be older than the line */

	return utc_ns + (int64_t)(((int128)passed * (int128)slope) >> 32);
}

/* ns a tick, 32 bits behind the point; 0 if that is no rate. */
static uint64_t rate_of(uint64_t ticks, int64_t ns)
{
	uint64_t rate;

	/* No clock counts slower than 100 kHz or runs backwards. */
	if (ns <= 0 || ticks == 0 || ticks > INT64_MAX || (uint64_t)ns / 10000 > ticks)
		return 0;
	rate = (uint64_t)(((int128)ns << 32) / (int128)ticks);
	return rate;
}

int device_clock_set(struct device_clock *clock, uint64_t first_ticks, int64_t first_ns,
		     uint64_t ticks, int64_t utc_ns)
{
	const uint64_t rate = rate_of(ticks - first_ticks, utc_ns - first_ns);

	if (rate == 0)
		return -1;
	clock->seen_ticks = ticks;
	clock->seen_ns = utc_ns;
	clock_line_set(&clock->line, ticks, utc_ns, rate);
	return 0;
}

void device_clock_correct(struct device_clock *clock, uint64_t ticks, int64_t utc_ns)
{
	const int64_t period_ns = utc_ns - clock->seen_ns;
	uint64_t slope = rate_of(ticks - clock->seen_ticks, period_ns);
	const int64_t shown_ns = device_clock_to_utc(clock, ticks);
	const int64_t error_ns = shown_ns - utc_ns;
	const bool is_step = error_ns > NS_PER_S || error_ns < -NS_PER_S;
	int64_t bend_ns;

	/* So soon the rate would be that of two looks' noise, until the next correction. */
	if (!is_step && period_ns >= 0 && period_ns < SOON_NS)
		return;
	clock->seen_ticks = ticks;
	clock->seen_ns = utc_ns;
	if (is_step) {
		/* The rate over a step is of no use: the one that was good before stays. */
		slope = atomic_load_explicit(&clock->line.ns_per_tick_q32, memory_order_relaxed);
		clock_line_set(&clock->line, ticks, utc_ns, slope);
		return;
	}
	if (slope == 0)
		return;
	/* At most half of a period is taken back in one: the line always rises. */
	bend_ns = error_ns;
	if (bend_ns > period_ns / 2)
		bend_ns = period_ns / 2;
	if (bend_ns < -(period_ns / 2))
		bend_ns = -(period_ns / 2);
	slope = (uint64_t)((int128)slope * (period_ns - bend_ns) / period_ns);
	clock_line_set(&clock->line, ticks, shown_ns, slope);
}

int64_t device_clock_to_utc(const struct device_clock *clock, uint64_t ticks)
{
	const struct clock_line_now line = clock_line_get(&clock->line);

	return line_at(line.ticks, line.utc_ns, line.ns_per_tick_q32, ticks);
}
