/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_RUN_PRIV_H
#define TCPMILL_CLI_RUN_PRIV_H

/* Parts of the run command. */

#include <stdio.h>

#include "run_common.h"
#include "tcpmill/capture.h"

struct arrow_kv;

void run_print_summary(const struct run_report *report, FILE *out);
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
/* The same of the events: with the verdicts that were asked for, and the number of rows. */
size_t run_events_schema_metadata(const struct run_options *options, uint32_t verdicts,
				  struct arrow_kv *kv, size_t max);
size_t run_events_footer_metadata(const struct run_report *report, uint64_t nb_rows,
				  struct arrow_kv *kv, size_t max);
void run_metadata_free(struct arrow_kv *kv, size_t nb);

#endif
