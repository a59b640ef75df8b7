/* SPDX-License-Identifier: BSD-3-Clause */

/* The time of day by the TSC; see wall_clock.h. */

#include <rte_cycles.h>
#include <time.h>

#include "wall_clock_priv.h"

__extension__ typedef unsigned __int128 uint128; /* gcc and clang have it on 64 bits */

#define MEASURE_NS 10000000 /* readings are good to some 100 ns: 1e-5 */
#define TRIES 8             /* of a reading, for one that nothing came into */

/* ---- arithmetic ---------------------------------------------------------------------- */

/* A TSC before the line's start is another core's, or was read just before a correction. */
static int64_t line_at(uint64_t start_tsc, int64_t utc_ns, uint64_t slope_q32, uint64_t tsc)
{
	const uint64_t ticks = (int64_t)(tsc - start_tsc) > 0 ? tsc - start_tsc : 0;

	return utc_ns + (int64_t)(uint64_t)((uint128)ticks * slope_q32 >> 32);
}

uint64_t wall_clock_rate_q32(uint64_t ticks, int64_t ns)
{
	uint128 rate;

	if (ns <= 0 || ticks == 0)
		return 0;
	rate = ((uint128)(uint64_t)ns << 32) / ticks;
	return rate <= UINT64_MAX ? (uint64_t)rate : 0;
}

int64_t wall_clock_at(const struct wall_clock *clock, uint64_t tsc)
{
	const struct clock_line_now line = clock_line_get(&clock->line);

	return line_at(line.ticks, line.utc_ns, line.ns_per_tick_q32, tsc);
}

void wall_clock_start_at(struct wall_clock *clock, uint64_t tsc, int64_t realtime_ns,
			 uint64_t rate_q32)
{
	atomic_init(&clock->line.sequence, 0);
	atomic_init(&clock->error_ns, 0);
	atomic_init(&clock->nb_steps, 0);
	clock->rate_q32 = rate_q32;
	clock->realtime_ns = realtime_ns;
	clock->tsc = tsc;
	clock_line_set(&clock->line, tsc, realtime_ns, rate_q32);
}

/*
 * The rate of the last interval, but not further from the one before than a bend: NTP turns
 * CLOCK_REALTIME by 500 ppm at most, so what differs more had a small step in it.
 */
static uint64_t bend_rate(uint64_t rate, uint64_t measured)
{
	const uint64_t most = rate / WALL_CLOCK_BEND;

	if (measured == 0)
		return rate;
	if (measured > rate)
		return rate + (measured - rate < most ? measured - rate : most);
	return rate - (rate - measured < most ? rate - measured : most);
}

/*
 * The slope that takes the error back until the next correction, if that comes as late as this
 * one did; not sooner than in a second, or an early correction would be overdone.
 */
static uint64_t slew_rate(uint64_t rate, int64_t error_ns, int64_t interval_ns)
{
	const uint64_t most = rate / WALL_CLOCK_SLEW;
	const uint64_t error = (uint64_t)(error_ns < 0 ? -error_ns : error_ns);
	const uint64_t within =
		(uint64_t)(interval_ns > WALL_CLOCK_STEP_NS ? interval_ns : WALL_CLOCK_STEP_NS);
	const uint128 wanted = (uint128)rate * error / within;
	const uint64_t change = wanted < most ? (uint64_t)wanted : most;

	return error_ns > 0 ? rate - change : rate + change;
}

/* The slope from now on, or 0: a step was followed. */
static uint64_t next_slope(struct wall_clock *clock, uint64_t tsc, int64_t realtime_ns)
{
	const uint64_t last_tsc = clock->tsc;
	const int64_t now_ns = wall_clock_at(clock, tsc);
	const int64_t error_ns = now_ns - realtime_ns;
	const int64_t interval_ns = realtime_ns - clock->realtime_ns;

	atomic_store_explicit(&clock->error_ns, error_ns, memory_order_relaxed);
	clock->realtime_ns = realtime_ns;
	clock->tsc = tsc;
	/* The TSC goes back where a virtual machine moved or slept. */
	if ((int64_t)(tsc - last_tsc) < 0 || error_ns > WALL_CLOCK_STEP_NS ||
	    error_ns < -WALL_CLOCK_STEP_NS) {
		clock_line_set(&clock->line, tsc, realtime_ns, clock->rate_q32);
		atomic_fetch_add_explicit(&clock->nb_steps, 1, memory_order_relaxed);
		return 0;
	}
	/* Not in a moment too short for it, nor if the system's clock was set back meanwhile. */
	if (interval_ns >= MEASURE_NS)
		clock->rate_q32 = bend_rate(clock->rate_q32,
					    wall_clock_rate_q32(tsc - last_tsc, interval_ns));
	return slew_rate(clock->rate_q32, error_ns, interval_ns);
}

static void bend_line(struct wall_clock *clock, uint64_t tsc, uint64_t slope_q32)
{
	clock_line_set(&clock->line, tsc, wall_clock_at(clock, tsc), slope_q32);
}

void wall_clock_correct_at(struct wall_clock *clock, uint64_t tsc, int64_t realtime_ns)
{
	const uint64_t slope_q32 = next_slope(clock, tsc, realtime_ns);

	if (slope_q32 != 0)
		bend_line(clock, tsc, slope_q32);
}

/* ---- the machine's clocks ------------------------------------------------------------ */

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now); /* cannot fail for those that we read */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* TSC and clock at once: of some readings the one that took least time. */
static int64_t read_both(clockid_t id, uint64_t *tsc)
{
	uint64_t least = UINT64_MAX;
	int64_t ns = 0;

	for (int i = 0; i < TRIES; i++) {
		const uint64_t before = rte_rdtsc();
		const int64_t read_ns = read_clock(id);
		const uint64_t took = rte_rdtsc() - before;

		if (took < least) {
			least = took;
			*tsc = before + took / 2;
			ns = read_ns;
		}
	}
	return ns;
}

void wall_clock_init(struct wall_clock *clock)
{
	const struct timespec pause = {.tv_nsec = MEASURE_NS};
	uint64_t from = 0, to = 0;
	/* Nobody sets this one. */
	const int64_t from_ns = read_both(CLOCK_MONOTONIC, &from);
	int64_t to_ns, realtime_ns;
	uint64_t rate_q32;

	(void)nanosleep(&pause, NULL);
	to_ns = read_both(CLOCK_MONOTONIC, &to);
	rate_q32 = wall_clock_rate_q32(to - from, to_ns - from_ns);
	realtime_ns = read_both(CLOCK_REALTIME, &to);
	wall_clock_start_at(clock, to, realtime_ns, rate_q32);
}

void wall_clock_correct(struct wall_clock *clock)
{
	uint64_t tsc = 0;
	const int64_t ns = read_both(CLOCK_REALTIME, &tsc);
	const uint64_t slope_q32 = next_slope(clock, tsc, ns);

	/*
	 * From now on, and not from when the clocks were read: this thread may not have been run
	 * since, and others went on along the old line. A flatter one from back there would fall.
	 */
	if (slope_q32 != 0)
		bend_line(clock, rte_rdtsc(), slope_q32);
}

int64_t wall_clock_now(const struct wall_clock *clock)
{
	return wall_clock_at(clock, rte_rdtsc());
}
