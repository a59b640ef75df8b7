/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_SCAN_H
#define TCPMILL_SCAN_H

/*
 * A look at one flow: captures read once, in order, by the calling thread alone.
 *
 * Flows, streams and verdicts are those of engine_run(); what a run does on every
 * core, a scan does on one, without records, and with every segment of
 * one flow told as a note. Ended flows are given back at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;
struct flow;
struct tcp_note;
struct tcp_result;

/* All may be NULL. Flows and notes are the callee's until it returns. */
struct scan_hooks {
	/*
	 * A flow was made by the segment at hand and has its stream number. True: it is the
	 * one to follow, from now on.
	 */
	bool (*created)(void *context, const struct flow *flow);
	/* A segment went through its flow; flow->last_frame is its frame. */
	void (*tracked)(void *context, const struct flow *flow, const struct tcp_result *result);
	/* A segment of the followed flow, told whole. False ends the scan. */
	bool (*told)(void *context, const struct tcp_note *note);
	/* A flow ended. */
	void (*ended)(void *context, const struct flow *flow);
	void *context;
};

struct scan_params {
	uint64_t max_flows, max_bytes; /* as of struct flow_table_params */
	uint64_t fragment_bytes;       /* as of struct engine_memory */
	uint64_t hash_seed;            /* of struct engine_config */
};

struct scan_totals {
	uint64_t nb_flows;
	uint64_t nb_evicted;
};

/*
 * Reads capture, which is open and stays the caller's, to its end; damage is in
 * the capture's totals.
 *
 * Returns 0, or -1 with one line in error.
 */
int scan_run(struct capture *capture, const struct scan_params *params,
	     const struct scan_hooks *hooks, struct scan_totals *totals, char *error,
	     size_t error_size);

#endif
