/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_ROOMS_H
#define BENCH_ROOMS_H

/* The part of `tcpmill-bench rooms` that has to do with flows: table, verdicts, records. */

#include <stdint.h>

struct segment;
struct rooms_flows;

enum room {
	ROOM_READ,
	ROOM_CUT,
	ROOM_DECODE,
	ROOM_TABLE,
	ROOM_VERDICTS,
	ROOM_FILL,
	ROOM_ENCODE,
	NB_ROOMS,
};

struct rooms_times {
	uint64_t ticks[NB_ROOMS]; /* of the processor's counter */
	uint64_t rows, encoded_bytes;
};

/* Takes less time than the clock: a group of segments needs four. */
static inline uint64_t rooms_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* NULL without memory. */
struct rooms_flows *rooms_flows_create(void);
void rooms_flows_destroy(struct rooms_flows *flows);

/* A burst of segments, in order; first_frame is added to their frame. 0 or -errno. */
int rooms_flows_add(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		    uint64_t first_frame, struct rooms_times *times);

/* Ends all flows and makes records of them. 0 or -errno. */
int rooms_flows_finish(struct rooms_flows *flows, struct rooms_times *times);

#endif
