/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_WALL_CLOCK_H
#define TCPMILL_WALL_CLOCK_H

/*
 * The time of day at the price of reading the TSC: what live capture stamps bursts with.
 *
 * A line through (TSC, UTC) that one thread corrects now and then. Drift against
 * CLOCK_REALTIME is taken back by a changed slope, so the clock never goes backwards; only
 * a step of the system's clock of more than a second is followed at once.
 *
 * Threads: wall_clock_correct() by one; wall_clock_now() by any number meanwhile.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "tcpmill/clock_line.h"

struct wall_clock {
	struct clock_line line;    /* through (TSC, UTC) */
	_Atomic int64_t error_ns;  /* at the last correction: clock - CLOCK_REALTIME */
	_Atomic uint64_t nb_steps; /* followed at once */

	/* The corrector's: */
	uint64_t rate_q32;   /* ns a tick as measured: the slope where there is no error */
	int64_t realtime_ns; /* CLOCK_REALTIME at the last correction ... */
	uint64_t tsc;        /* ... and the TSC then; the line may begin later */
};

/* Takes some milliseconds: the TSC's rate is measured, to some 1e-5; EAL's is rounded to 10 MHz. */
void wall_clock_init(struct wall_clock *clock);
/* Call it once a second. */
void wall_clock_correct(struct wall_clock *clock);
/* ns since the Unix epoch. */
int64_t wall_clock_now(const struct wall_clock *clock);

#endif
