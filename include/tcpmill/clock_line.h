/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLOCK_LINE_H
#define TCPMILL_CLOCK_LINE_H

/*
 * A line through (ticks of a counter, UTC) that one thread bends while others read it: what the
 * clocks of live capture have in common.
 *
 * A sequence lock whose loads and stores have acquire and release order, which on x86 costs
 * nothing, so that no fence is needed: TSan does not know fences.
 */

#include <stdatomic.h>
#include <stdint.h>

struct clock_line {
	_Alignas(64) atomic_uint_fast32_t sequence; /* odd while the line is being changed */
	_Atomic uint64_t ticks;                     /* at which ... */
	_Atomic int64_t utc_ns;                     /* ... it was so late */
	_Atomic uint64_t ns_per_tick_q32;           /* slope, 32 bits behind the point */
};

/* As it was at one moment. */
struct clock_line_now {
	uint64_t ticks, ns_per_tick_q32;
	int64_t utc_ns;
};

static inline void clock_line_set(struct clock_line *line, uint64_t ticks, int64_t utc_ns,
				  uint64_t ns_per_tick_q32)
{
	const uint_fast32_t sequence = atomic_load_explicit(&line->sequence, memory_order_relaxed);

	atomic_store_explicit(&line->sequence, sequence + 1, memory_order_relaxed);
	/* Who sees one of these sees the odd sequence too. */
	atomic_store_explicit(&line->ticks, ticks, memory_order_release);
	atomic_store_explicit(&line->utc_ns, utc_ns, memory_order_release);
	atomic_store_explicit(&line->ns_per_tick_q32, ns_per_tick_q32, memory_order_release);
	atomic_store_explicit(&line->sequence, sequence + 2, memory_order_release);
}

static inline struct clock_line_now clock_line_get(const struct clock_line *line)
{
	uint_fast32_t before, after;
	struct clock_line_now now;

	do {
		before = atomic_load_explicit(&line->sequence, memory_order_acquire);
		now.ticks = atomic_load_explicit(&line->ticks, memory_order_acquire);
		now.utc_ns = atomic_load_explicit(&line->utc_ns, memory_order_acquire);
		now.ns_per_tick_q32 =
			atomic_load_explicit(&line->ns_per_tick_q32, memory_order_acquire);
		after = atomic_load_explicit(&line->sequence, memory_order_relaxed);
	} while (before != after || (before & 1) != 0);
	return now;
}

#endif
