/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_WALL_CLOCK_PRIV_H
#define TCPMILL_CAPTURE_WALL_CLOCK_PRIV_H

/* The clock's arithmetic, which reads no clock itself. */

#include "tcpmill/wall_clock.h"

#define WALL_CLOCK_STEP_NS 1000000000 /* an error above it is followed at once */
#define WALL_CLOCK_SLEW 100u          /* an error is taken back by at most 1 / so much */
#define WALL_CLOCK_BEND 1000u         /* the rate moves by at most 1 / so much in a correction */

/* rate_q32: ns a tick, 32 bits behind the point; above 0. */
void wall_clock_start_at(struct wall_clock *clock, uint64_t tsc, int64_t realtime_ns,
			 uint64_t rate_q32);
/* At this TSC, CLOCK_REALTIME was that. */
void wall_clock_correct_at(struct wall_clock *clock, uint64_t tsc, int64_t realtime_ns);
int64_t wall_clock_at(const struct wall_clock *clock, uint64_t tsc);
/* ns a tick between two readings, or 0 if they make no sense. */
uint64_t wall_clock_rate_q32(uint64_t ticks, int64_t ns);

#endif
