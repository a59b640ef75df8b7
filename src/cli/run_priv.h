/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_RUN_PRIV_H
#define TCPMILL_CLI_RUN_PRIV_H

/* Parts of the run command. */

#include <stdio.h>

#include "run_common.h"
#include "tcpmill/capture.h"

struct arrow_kv;
struct json_out;

/* What the flows of a run add up to, and the counts beside it. */
struct run_sums {
	const struct engine_totals *totals; /* of records: live, a flow may have several, or none */
	uint64_t flows;
	uint64_t tracked, anomalous_packets, offload_segments, evicted; /* packets; flows */
	uint64_t headers, headers_unread, headers_dropped;              /* of TCP */
	uint64_t lists_cut, holes_cut;                                  /* for want of memory */
	uint64_t max_flows, max_bytes;
	bool has_frames; /* packets have numbers that can be looked up */
};
struct run_sums run_sums_of(const struct run_report *report);
/* Flows, anomalies, losses and flags (run_totals.c). */
void run_print_totals(const struct run_sums *sums, FILE *out);
/* A line about TCP headers of tracked packets that were not read (run_totals.c), if any was. */
void run_print_headers(const struct run_sums *sums, FILE *out);
/* What is odd about the flows, or about how they were captured. */
void run_print_totals_warnings(const struct run_sums *sums, FILE *out);
/* The totals as members of the object that is open (run_totals_json.c). */
void run_put_totals(struct json_out *json, const struct run_sums *sums);
/* Flows by the tunnel they came through. */
void run_put_tunnels(struct json_out *json, const char *key, const struct engine_totals *totals);
/* What became of a packet, as the books say it. */
extern const char *const run_fate_words[NB_FATES];

void run_print_summary(const struct run_report *report, FILE *out);
void run_print_json(const struct run_report *report, FILE *out);
/* What a file's footer would hold, for records that went out as a stream. */
void run_print_stream_footer(const struct run_report *report, FILE *out);

/* Frames of one link type. */
struct run_link_type {
	uint64_t nb_frames;
	uint32_t input; /* the first that has such frames */
	uint16_t link_type;
};
/*
 * Those of all interfaces, in the order in which they appear: a list of nb for free(). False
 * when memory is short.
 */
bool run_link_types(const struct capture *capture, struct run_link_type **types, size_t *nb);

/* What pcapng's interface statistics say was dropped; false if they say nothing. */
bool run_reported_drops(const struct capture *capture, uint64_t *drops);

/*
 * Metadata of the records. Values are malloc'ed; they live until the process ends
 * or run_metadata_free(). Returns how many were made.
 */
size_t run_schema_metadata(const struct run_options *options, struct arrow_kv *kv, size_t max);
size_t run_footer_metadata(const struct run_report *report, struct arrow_kv *kv, size_t max);
/* The same of the events: with the verdicts that were asked for, and the number of rows. */
size_t run_events_schema_metadata(const struct run_options *options, uint32_t verdicts,
				  struct arrow_kv *kv, size_t max);
size_t run_events_footer_metadata(const struct run_report *report, uint64_t nb_rows,
				  struct arrow_kv *kv, size_t max);
/*
 * Appends an entry whose value is malloc'ed and becomes the list's; one too many is left out.
 * NULL, for want of memory, stays: who writes it fails. Returns how many there are.
 */
size_t run_metadata_add(struct arrow_kv *kv, size_t nb, size_t max, const char *key, char *value);
void run_metadata_free(struct arrow_kv *kv, size_t nb);

#endif
