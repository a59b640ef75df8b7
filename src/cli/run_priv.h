/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_RUN_PRIV_H
#define TCPMILL_CLI_RUN_PRIV_H

/* Parts of the run command. */

#include <stdbool.h>
#include <stdio.h>

#include "tcpmill/capture.h"
#include "tcpmill/engine.h"

struct arrow_kv;

struct run_options {
	struct engine_config config;
	const char **paths;
	size_t nb_paths;
	bool json, quiet;
	bool has_max_flows; /* given, not the default of this machine */
};

/* What is said about a run: the same facts for people and for machines. */
struct run_report {
	const struct run_options *options;
	const struct capture *capture;
	const struct engine_result *result;
};

void run_print_summary(const struct run_report *report, FILE *out);
void run_print_warnings(const struct run_report *report, FILE *out);
void run_print_json(const struct run_report *report, FILE *out);
/* What a file's footer would hold, for records that went out as a stream. */
void run_print_stream_footer(const struct run_report *report, FILE *out);

/* What pcapng's interface statistics say was dropped; false if they say nothing. */
bool run_reported_drops(const struct capture *capture, uint64_t *drops);

/*
 * Metadata of the records. Values are malloc'ed; they live until the process ends
 * or run_metadata_free(). Returns how many were made.
 */
size_t run_schema_metadata(const struct run_options *options, struct arrow_kv *kv, size_t max);
size_t run_footer_metadata(const struct run_report *report, struct arrow_kv *kv, size_t max);
void run_metadata_free(struct arrow_kv *kv, size_t nb);

/* The progress line on a terminal. */
struct run_bar {
	const char *name;
	FILE *out; /* NULL: no line is drawn */
	bool is_drawn, has_warned;
	bool quiet;
	uint64_t max_flows;
};
void run_bar_progress(void *context, const struct engine_progress *progress);
void run_bar_clear(struct run_bar *bar);

/* Flows that this machine's memory holds, and the bytes of one. */
uint64_t run_default_max_flows(void);
uint64_t run_bytes_per_flow(void);

#endif
