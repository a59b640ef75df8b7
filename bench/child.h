/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

/* One run of the program, as `tcpmill run --json` tells of it. */

#include <stdbool.h>
#include <stdint.h>

struct child_result {
	double startup_seconds, read_seconds, write_seconds;
	uint64_t packets, tracked, flows, records, record_bytes;
	uint64_t peak_rss_bytes;
	uint64_t flow_bytes, max_live_flows; /* of all workers */
};

struct child_run {
	const char *tcpmill;
	const char *capture;
	const char *records; /* written, and removed again */
	uint64_t workers, max_flows;
};

/* Returns 0, or 1 after a message. */
int child_run(const struct child_run *run, struct child_result *result);

#endif
