/* SPDX-License-Identifier: BSD-3-Clause */

/* The summary of a run for people (docs/screens: the answer first, units, frames). */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run_events.h"
#include "run_priv.h"
#include "text.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void print_link_types(const struct run_report *report, FILE *out)
{
	const struct run_link_type *types = report->link_types;
	const char *separator = " \xc2\xb7 ";

	for (size_t i = 0; i < report->nb_link_types; i++) {
		const char *name = capture_link_type_name(types[i].link_type);

		if (types[i].nb_frames == 0)
			continue;
		if (name != NULL)
			fprintf(out, "%s%s", separator,
				strcmp(name, "EN10MB") == 0 ? "Ethernet" : name);
		else
			fprintf(out, "%slink type %u", separator, types[i].link_type);
		separator = " + ";
	}
}

static void print_input(const struct run_report *report, FILE *out)
{
	const struct capture *capture = report->capture;
	const struct capture_totals *totals = capture_totals(capture);
	const struct engine_result *result = report->result;
	const double seconds = (double)result->read_ns / 1e9;
	const size_t nb = capture_nb_inputs(capture);
	char name[1024]; /* of a folder's file, maybe */

	text_input(name, sizeof(name), base_name(capture_input(capture, 0)->path));
	if (nb == 1)
		fprintf(out, "%s \xc2\xb7 %s", name, capture_input(capture, 0)->format);
	else
		fprintf(out, "%zu captures (%s \xe2\x80\xa6)", nb, name);
	print_link_types(report, out);
	fprintf(out, " \xc2\xb7 %s packets, %s", text_ucount(totals->nb_frames).s,
		text_bytes(totals->file_bytes).s);
	if (totals->input_bytes != totals->file_bytes)
		fprintf(out, " (%s compressed)", text_bytes(totals->input_bytes).s);
	fputc('\n', out);
	if (totals->nb_frames == 0)
		return;
	fprintf(out, "%s \xe2\x86\x92 %s UTC \xc2\xb7 %s\n", text_time(totals->first_ts_ns).s,
		text_time(totals->last_ts_ns).s,
		text_duration(totals->last_ts_ns - totals->first_ts_ns).s);
	if (seconds > 0)
		fprintf(out, "read in %s (%s, %s, %u worker%s)\n",
			text_duration((int64_t)(result->read_ns + result->write_ns)).s,
			text_rate((double)totals->nb_frames * 1e9 /
					  (double)(result->read_ns + result->write_ns),
				  "pps")
				.s,
			text_rate((double)totals->file_bytes * 1e9 /
					  (double)(result->read_ns + result->write_ns),
				  "B/s")
				.s,
			result->nb_workers, result->nb_workers == 1 ? "" : "s");
	fputc('\n', out);
}

static void print_books(const struct run_report *report, FILE *out)
{
	const uint64_t *fates = report->result->fates;
	uint64_t drops;

	fprintf(out, "Packets read %s = %s tracked",
		text_ucount(capture_totals(report->capture)->nb_frames).s,
		text_ucount(fates[FATE_TRACKED]).s);
	for (int f = 0; f < NB_FATES; f++) {
		if (f != FATE_TRACKED && fates[f] != 0)
			fprintf(out, " + %s %s", text_ucount(fates[f]).s, run_fate_words[f]);
	}
	if (run_reported_drops(report->capture, &drops))
		fprintf(out, " \xc2\xb7 the capture reports %s dropped", text_ucount(drops).s);
	fputc('\n', out);
}

static void print_written(const struct run_report *report, FILE *out)
{
	const struct engine_result *result = report->result;
	const struct run_events_result *events = report->events;
	const char *wrote = result->interrupted ? "Kept" : "Wrote";

	if (report->options->config.output != NULL) {
		fprintf(out, "%s %s \xc2\xb7 %s record%s, %s", wrote, result->record_path,
			text_ucount(result->records).s, result->records == 1 ? "" : "s",
			text_bytes(result->record_bytes).s);
		if (result->records != 0)
			fprintf(out, " (%s bytes each)",
				text_ucount(result->record_bytes / result->records).s);
		fputc('\n', out);
	}
	if (events != NULL)
		fprintf(out, "%s %s \xc2\xb7 %s event%s, %s\n", wrote, events->path,
			text_ucount(events->rows).s, events->rows == 1 ? "" : "s",
			text_bytes(events->bytes).s);
}

void run_print_summary(const struct run_report *report, FILE *out)
{
	const struct run_sums sums = run_sums_of(report);

	print_input(report, out);
	run_print_totals(&sums, out);
	print_books(report, out);
	run_print_headers(&sums, out);
	print_written(report, out);
}

static void warn_drops(const struct run_report *report, FILE *out)
{
	uint64_t drops;

	if (run_reported_drops(report->capture, &drops) && drops != 0)
		fprintf(out,
			"tcpmill: warning: the capture itself reports %s dropped packets: gaps may "
			"be "
			"the capture's, not the network's\n",
			text_ucount(drops).s);
}

/* Frames of link types that are not decoded, one line a type. */
static void warn_link_types(const struct run_report *report, FILE *out)
{
	const struct run_link_type *types = report->link_types;

	for (size_t i = 0; i < report->nb_link_types; i++) {
		const char *name = capture_link_type_name(types[i].link_type);
		char input[4096];

		if (decode_knows_link_type(types[i].link_type) || types[i].nb_frames == 0)
			continue;
		fprintf(out,
			"tcpmill: warning: %s: expected a link type that is decoded, found "
			"%u%s%s%s: "
			"its packets are counted and passed over\n",
			text_input(input, sizeof(input),
				   capture_input(report->capture, types[i].input)->path),
			types[i].link_type, name != NULL ? " (" : "", name != NULL ? name : "",
			name != NULL ? ")" : "");
	}
}

void run_print_warnings(const struct run_report *report, FILE *out)
{
	const struct run_sums sums = run_sums_of(report);

	warn_link_types(report, out);
	warn_drops(report, out);
	run_print_totals_warnings(&sums, out);
	if (capture_totals(report->capture)->time_jumps != 0)
		fprintf(out, "tcpmill: warning: time jumps %s times in the capture\n",
			text_ucount(capture_totals(report->capture)->time_jumps).s);
}
