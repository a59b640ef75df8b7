/* SPDX-License-Identifier: BSD-3-Clause */

/* The run's facts as JSON: --json, and the records' metadata. */

#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "run_events.h"
#include "run_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/record.h"

static void put_books(struct json_out *json, const char *name, const struct run_report *report)
{
	json_open(json, name, '{');
	json_uint(json, "frames", capture_totals(report->capture)->nb_frames);
	for (int f = 0; f < NB_FATES; f++)
		json_uint(json, fate_names[f], report->result->fates[f]);
	json_close(json, '}');
}

/* TCP headers, which frames may have several of, and datagrams made of fragments. */
static void put_segments(struct json_out *json, const char *name, const struct run_report *report)
{
	json_open(json, name, '{');
	json_uint(json, "read", report->result->segments);
	json_uint(json, "quoted", report->result->quoted);
	json_uint(json, "unread", report->result->unread);
	json_close(json, '}');
}

static void put_datagrams(struct json_out *json, const char *name, const struct run_report *report)
{
	const struct reassembly_stats *stats = &report->result->fragments;

	json_open(json, name, '{');
	json_uint(json, "completed", stats->completed);
	json_uint(json, "incomplete", stats->incomplete);
	json_uint(json, "given_up", stats->given_up);
	json_close(json, '}');
}

static void put_inputs(struct json_out *json, const char *name, const struct capture *capture)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < capture_nb_inputs(capture); i++) {
		const struct capture_input *input = capture_input(capture, i);

		json_open(json, NULL, '{');
		json_text(json, "path", input->path);
		json_text(json, "format", input->format);
		json_uint(json, "first_frame", input->nb_frames != 0 ? input->first_frame : 0);
		json_uint(json, "packets", input->nb_frames);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* Frames by link type, and what the capture says it dropped. */
static void put_link_types(struct json_out *json, const char *name, const struct run_report *report)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < report->nb_link_types; i++) {
		const struct run_link_type *type = &report->link_types[i];

		json_open(json, NULL, '{');
		json_uint(json, "link_type", type->link_type);
		if (capture_link_type_name(type->link_type) != NULL)
			json_text(json, "name", capture_link_type_name(type->link_type));
		json_uint(json, "packets", type->nb_frames);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_damage(struct json_out *json, const char *name, const struct capture *capture)
{
	const uint64_t nb = capture_totals(capture)->nb_damage;

	json_open(json, name, '[');
	for (size_t i = 0; i < nb && i < CAPTURE_NB_DAMAGE; i++) {
		const struct capture_damage *damage = capture_damage(capture, i);

		json_open(json, NULL, '{');
		json_text(json, "path", capture_input(capture, damage->input)->path);
		json_text(json, "what", damage->text);
		json_close(json, '}');
	}
	json_close(json, ']');
}

bool run_reported_drops(const struct capture *capture, uint64_t *drops)
{
	bool reported = false;

	*drops = 0;
	for (size_t i = 0; i < capture_nb_interfaces(capture); i++) {
		const struct capture_interface *interface = capture_interface(capture, i);

		if (interface->drops == UINT64_MAX)
			continue;
		reported = true;
		*drops += interface->drops;
	}
	return reported;
}

static void put_drops(struct json_out *json, const struct capture *capture)
{
	uint64_t drops;

	if (run_reported_drops(capture, &drops))
		json_uint(json, "capture_drops", drops);
}

static char *count_text(uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return strdup(text);
}

/* How the run went on this machine: the only part that differs from run to run. */
static void put_machine(struct json_out *json, const struct engine_result *result)
{
	json_open(json, "workers", '[');
	for (uint32_t i = 0; i < result->nb_workers; i++) {
		const struct engine_worker_stats *stats = &result->workers[i];

		json_open(json, NULL, '{');
		json_int(json, "cpu", stats->cpu);
		json_uint(json, "decoded", stats->decoded);
		json_uint(json, "tracked", stats->tracked);
		json_uint(json, "max_live_flows", stats->max_live_flows);
		json_uint(json, "flow_bytes", stats->flow_bytes);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_real(json, "startup_seconds", (double)result->startup_ns / 1e9);
	json_real(json, "read_seconds", (double)result->read_ns / 1e9);
	json_real(json, "write_seconds", (double)result->write_ns / 1e9);
	json_uint(json, "peak_rss_bytes", result->peak_rss_bytes);
	json_uint(json, "max_memory", result->max_memory);
	json_bool(json, "few_rights", result->has_few_rights);
}

void run_print_json(const struct run_report *report, FILE *out)
{
	const struct capture_totals *totals = capture_totals(report->capture);
	const struct run_sums sums = run_sums_of(report);
	struct json_out json = {.file = out};

	json_open(&json, NULL, '{');
	json_text(&json, "program", "tcpmill " TCPMILL_VERSION);
	put_inputs(&json, "inputs", report->capture);
	put_link_types(&json, "link_types", report);
	json_uint(&json, "packets", totals->nb_frames);
	json_uint(&json, "bytes_wire", totals->wire_bytes);
	json_uint(&json, "bytes_captured", totals->captured_bytes);
	json_uint(&json, "bytes_file", totals->file_bytes);
	json_uint(&json, "bytes_input", totals->input_bytes);
	if (totals->nb_frames != 0) {
		json_int(&json, "first_ts", totals->first_ts_ns);
		json_int(&json, "last_ts", totals->last_ts_ns);
	}
	json_uint(&json, "time_jumps", totals->time_jumps);
	run_put_totals(&json, &sums);
	put_books(&json, "books", report);
	put_segments(&json, "segments", report);
	put_datagrams(&json, "datagrams", report);
	put_drops(&json, report->capture);
	put_damage(&json, "damage", report->capture);
	json_bool(&json, "interrupted", report->result->interrupted);
	if (report->options->config.output != NULL) {
		json_text(&json, "output", report->result->record_path);
		json_uint(&json, "records", report->result->records);
		json_uint(&json, "record_bytes", report->result->record_bytes);
	}
	if (report->events != NULL) {
		json_open(&json, "events", '{');
		json_text(&json, "output", report->events->path);
		json_uint(&json, "rows", report->events->rows);
		json_uint(&json, "bytes", report->events->bytes);
		json_close(&json, '}');
	}
	put_machine(&json, report->result);
	json_close(&json, '}');
	fputc('\n', out);
}

void run_print_stream_footer(const struct run_report *report, FILE *out)
{
	struct json_out json = {.file = out};

	json_open(&json, NULL, '{');
	put_books(&json, "books", report);
	put_segments(&json, "segments", report);
	put_datagrams(&json, "datagrams", report);
	put_inputs(&json, "inputs", report->capture);
	put_link_types(&json, "link_types", report);
	put_damage(&json, "damage", report->capture);
	json_uint(&json, "lists_cut", report->result->lists_cut);
	json_uint(&json, "holes_cut", report->result->holes_cut);
	json_uint(&json, "evicted", report->result->evicted);
	put_drops(&json, report->capture);
	if (report->events != NULL)
		json_uint(&json, "events", report->events->rows);
	json_close(&json, '}');
	fputc('\n', out);
}

size_t run_metadata_add(struct arrow_kv *kv, size_t nb, size_t max, const char *key, char *value)
{
	if (nb == max) {
		free(value);
		return nb;
	}
	kv[nb] = (struct arrow_kv){.key = key, .value = value};
	return nb + 1;
}

static void put_options(struct json_out *json, const void *context)
{
	const struct run_options *options = context;
	const struct engine_config *config = &options->config;

	/* Only what can change the answer; worker counts, paths and dates cannot. */
	json_open(json, NULL, '{');
	if (config->filter != NULL)
		json_text(json, "filter", config->filter);
	if (config->max_frames != 0)
		json_uint(json, "count", config->max_frames);
	if (options->merge)
		json_bool(json, "merge", true);
	if (config->from_ns != INT64_MIN)
		json_int(json, "from_ns", config->from_ns);
	if (config->to_ns != INT64_MAX)
		json_int(json, "to_ns", config->to_ns);
	if (config->timeout_ns[FLOW_OPEN] != 0)
		json_uint(json, "idle_timeout_ns", config->timeout_ns[FLOW_OPEN]);
	if (options->has_timeout[FLOW_HALF_OPEN])
		json_uint(json, "half_open_timeout_ns", config->timeout_ns[FLOW_HALF_OPEN]);
	if (options->has_timeout[FLOW_CLOSED])
		json_uint(json, "closed_timeout_ns", config->timeout_ns[FLOW_CLOSED]);
	if (options->has_max_flows)
		json_uint(json, "max_flows", config->max_flows);
	if (options->has_max_memory)
		json_uint(json, "max_memory", config->memory.max_bytes);
	json_close(json, '}');
}

size_t run_schema_metadata(const struct run_options *options, struct arrow_kv *kv, size_t max)
{
	size_t nb = 0;

	nb = run_metadata_add(kv, nb, max, "program", strdup("tcpmill " TCPMILL_VERSION));
	nb = run_metadata_add(kv, nb, max, "schema_version", strdup(RECORD_SCHEMA_VERSION));
	nb = run_metadata_add(kv, nb, max, "inputs",
			      json_make_texts(options->paths, options->nb_paths));
	nb = run_metadata_add(kv, nb, max, "options", json_make(put_options, options));
	return nb;
}

/* Names of the verdicts, in the order in which they are told. */
static char *verdicts_json(uint32_t verdicts)
{
	const char *names[NB_VERDICTS];
	size_t nb = 0;

	for (size_t i = 0; i < NB_VERDICTS; i++) {
		if (verdicts & 1u << verdict_order[i])
			names[nb++] = verdict_names[verdict_order[i]];
	}
	return json_make_texts(names, nb);
}

size_t run_events_schema_metadata(const struct run_options *options, uint32_t verdicts,
				  struct arrow_kv *kv, size_t max)
{
	const size_t nb = run_schema_metadata(options, kv, max);

	return verdicts == RUN_EVENTS_ALL
		       ? nb
		       : run_metadata_add(kv, nb, max, "only", verdicts_json(verdicts));
}

static void put_footer_books(struct json_out *json, const void *report)
{
	put_books(json, NULL, report);
}

static void put_footer_segments(struct json_out *json, const void *report)
{
	put_segments(json, NULL, report);
}

static void put_footer_datagrams(struct json_out *json, const void *report)
{
	put_datagrams(json, NULL, report);
}

static void put_footer_inputs(struct json_out *json, const void *capture)
{
	put_inputs(json, NULL, capture);
}

static void put_footer_link_types(struct json_out *json, const void *report)
{
	put_link_types(json, NULL, report);
}

static void put_footer_damage(struct json_out *json, const void *capture)
{
	put_damage(json, NULL, capture);
}

static void put_footer_tunnels(struct json_out *json, const void *totals)
{
	run_put_tunnels(json, NULL, totals);
}

size_t run_footer_metadata(const struct run_report *report, struct arrow_kv *kv, size_t max)
{
	uint64_t drops;
	size_t nb = 0;

	nb = run_metadata_add(kv, nb, max, "books", json_make(put_footer_books, report));
	nb = run_metadata_add(kv, nb, max, "segments", json_make(put_footer_segments, report));
	nb = run_metadata_add(kv, nb, max, "datagrams", json_make(put_footer_datagrams, report));
	nb = run_metadata_add(kv, nb, max, "inputs", json_make(put_footer_inputs, report->capture));
	nb = run_metadata_add(kv, nb, max, "link_types", json_make(put_footer_link_types, report));
	nb = run_metadata_add(kv, nb, max, "tunnels",
			      json_make(put_footer_tunnels, &report->result->totals));
	nb = run_metadata_add(kv, nb, max, "damage", json_make(put_footer_damage, report->capture));
	nb = run_metadata_add(kv, nb, max, "lists_cut", count_text(report->result->lists_cut));
	nb = run_metadata_add(kv, nb, max, "holes_cut", count_text(report->result->holes_cut));
	nb = run_metadata_add(kv, nb, max, "evicted", count_text(report->result->evicted));
	if (run_reported_drops(report->capture, &drops))
		nb = run_metadata_add(kv, nb, max, "capture_drops", count_text(drops));
	return nb;
}

size_t run_events_footer_metadata(const struct run_report *report, uint64_t nb_rows,
				  struct arrow_kv *kv, size_t max)
{
	return run_metadata_add(kv, run_footer_metadata(report, kv, max), max, "events",
				count_text(nb_rows));
}

void run_metadata_free(struct arrow_kv *kv, size_t nb)
{
	for (size_t i = 0; i < nb; i++)
		free((void *)(uintptr_t)kv[i].value);
}
