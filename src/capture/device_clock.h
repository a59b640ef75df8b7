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

#include <stdint.h>

#include "tcpmill/clock_line.h"

struct device_clock {
	struct clock_line line; /* through (ticks, UTC) */

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
