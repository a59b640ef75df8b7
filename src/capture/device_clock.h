/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_DEVICE_CLOCK_H
#define TCPMILL_CAPTURE_DEVICE_CLOCK_H

/*
 * The clock of a NIC, brought to UTC by a line through (ticks, UTC).
 *
 * A correction measures the rate since the one before, and bends the line where it stands,
 * so that the error is gone one period later: converted stamps never jump, unless UTC itself
 * was stepped by more than a second.
 *
 * Threads: set and correct by one; to_utc by any number meanwhile.
 */

#include <stdatomic.h>
#include <stdint.h>

struct device_clock {
	_Alignas(64) atomic_uint_fast32_t sequence; /* odd while the line is being changed */
	_Atomic uint64_t ticks;                     /* at which ... */
	_Atomic int64_t utc_ns;                     /* ... it was so late */
	_Atomic uint64_t ns_per_tick_q32;           /* slope, 32 bits behind the point */

	/* The corrector's: when it last looked. */
	uint64_t seen_ticks;
	int64_t seen_ns;
};

/* Through two looks at both clocks. 0, or -1 if the device's clock stands still. */
int device_clock_set(struct device_clock *clock, uint64_t first_ticks, int64_t first_ns,
		     uint64_t ticks, int64_t utc_ns);
/* Another look. */
void device_clock_correct(struct device_clock *clock, uint64_t ticks, int64_t utc_ns);
int64_t device_clock_to_utc(const struct device_clock *clock, uint64_t ticks);

#endif
