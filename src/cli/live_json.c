/* SPDX-License-Identifier: BSD-3-Clause */

/* A live run's facts as JSON: --json, and the metadata of its files. */

#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "live_cli.h"
#include "run_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/capture.h"
#include "tcpmill/record.h"

/* Puts one part of the report; name as in json_open(). */
typedef void put_fn(struct json_out *json, const char *name, const struct live_report *report);

/* What a port is: members of the object that is open. */
static void put_info(struct json_out *json, const struct live_ports *ports, uint32_t i)
{
	const struct port_info *info = &ports->infos[i];
	const char *link_type = capture_link_type_name(info->link_type);

	json_text(json, "port", info->name);
	json_text(json, "source", info->kind == PORT_KERNEL ? "kernel" : "dpdk");
	json_text(json, "driver", info->driver);
	json_text(json, "clock", port_clock_names[info->clock]);
	json_uint(json, "link_type", info->link_type);
	if (link_type != NULL)
		json_text(json, "link_type_name", link_type);
	json_uint(json, "snaplen", info->snaplen);
	json_bool(json, "promiscuous", info->is_promiscuous);
	json_uint(json, "queues", info->nb_queues);
	json_text(json, "dealt_by", live_dealt_by(ports));
	json_bool(json, "affine", info->is_affine);
	if (info->why[0] != '\0')
		json_text(json, "why", info->why);
	if (info->warning[0] != '\0')
		json_text(json, "warning", info->warning);
}

/* What a port counted; likewise. */
static void put_counters(struct json_out *json, const struct port_counters *counters)
{
	uint64_t drops[NB_LIVE_DROPS];

	live_port_drops(counters, drops);
	json_uint(json, "received", counters->received);
	json_uint(json, "cut", counters->cut);
	json_open(json, "drops", '{');
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (live_drop_is_offered((enum live_drop)d))
			json_uint(json, live_drop_names[d], drops[d]);
	}
	json_close(json, '}');
}

static void put_capture(struct json_out *json, const char *name, const struct live_report *report)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < report->ports->nb; i++) {
		json_open(json, NULL, '{');
		put_info(json, report->ports, i);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_port_counters(struct json_out *json, const char *name,
			      const struct live_report *report)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < report->ports->nb && i < report->stats->nb_ports; i++) {
		json_open(json, NULL, '{');
		json_text(json, "port", report->ports->infos[i].name);
		put_counters(json, &report->stats->ports[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* frames = sum of the others, as in the books of captures. */
static void put_books(struct json_out *json, const char *name, const struct live_report *report)
{
	struct live_books books;

	live_books_make(&books, report->stats, report->sum);
	json_open(json, name, '{');
	json_uint(json, "frames", books.received);
	for (int f = 0; f < NB_FATES; f++)
		json_uint(json, fate_names[f], books.fates[f]);
	json_uint(json, live_drop_names[LIVE_DROP_EXCHANGE], books.exchange);
	json_close(json, '}');
}

/* As of captures; and those dropped on the way to their worker, of frames that had others. */
static void put_segments(struct json_out *json, const char *name, const struct live_report *report)
{
	const struct live_worker_stats *all = &report->sum->all;

	json_open(json, name, '{');
	json_uint(json, "read", all->tracked);
	json_uint(json, "quoted", all->quoted);
	json_uint(json, "unread", all->headers_unread);
	json_uint(json, "dropped", all->headers_dropped);
	json_close(json, '}');
}

/* offered = sum of the others. */
static void put_offered(struct json_out *json, const char *name, const struct live_report *report)
{
	struct live_books books;

	live_books_make(&books, report->stats, report->sum);
	json_open(json, name, '{');
	json_uint(json, "offered", books.offered);
	json_uint(json, "received", books.received);
	json_int(json, "not_read", books.not_read);
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (live_drop_is_offered((enum live_drop)d))
			json_uint(json, live_drop_names[d], report->sum->drops[d]);
	}
	json_close(json, '}');
}

static void put_drops(struct json_out *json, const char *name, const struct live_report *report)
{
	json_open(json, name, '{');
	for (int d = 0; d < NB_LIVE_DROPS; d++)
		json_uint(json, live_drop_names[d], report->sum->drops[d]);
	json_close(json, '}');
}

static void put_evicted(struct json_out *json, const char *name, const struct live_report *report)
{
	json_open(json, name, '{');
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		json_uint(json, live_class_names[c], report->sum->all.evicted[c]);
	json_close(json, '}');
}

/* As in replay. */
static void put_datagrams(struct json_out *json, const char *name, const struct live_report *report)
{
	const struct live_worker_stats *all = &report->sum->all;

	json_open(json, name, '{');
	json_uint(json, "completed", all->datagrams);
	json_uint(json, "incomplete", all->datagrams_held);
	json_uint(json, "given_up", all->datagrams_given_up);
	json_close(json, '}');
}

static void put_holes_cut(struct json_out *json, const char *name, const struct live_report *report)
{
	json_uint(json, name, report->sum->all.holes_cut);
}

static void put_interval(struct json_out *json, const char *name, const struct live_report *report)
{
	const struct live_stats *stats = report->stats;

	json_open(json, name, '{');
	json_int(json, "from_ns", stats->now_ns - (int64_t)stats->elapsed_ns);
	json_int(json, "to_ns", stats->now_ns);
	json_close(json, '}');
}

static void put_worker(struct json_out *json, const struct live_worker_stats *worker)
{
	json_open(json, NULL, '{');
	json_uint(json, "cpu", worker->cpu);
	json_uint(json, "received", worker->received);
	json_uint(json, "forwarded", worker->forwarded);
	json_uint(json, live_drop_names[LIVE_DROP_EXCHANGE], worker->exchange_full);
	json_uint(json, "headers_dropped", worker->headers_dropped);
	json_uint(json, "headers_unread", worker->headers_unread);
	json_uint(json, "datagrams_given_up", worker->datagrams_given_up);
	json_uint(json, "tracked", worker->tracked);
	json_uint(json, "quoted", worker->quoted);
	json_uint(json, "flows", worker->flows);
	json_uint(json, "live_flows", worker->live_flows);
	json_uint(json, "max_live_flows", worker->max_live_flows);
	json_uint(json, "records", worker->records);
	json_uint(json, "records_dropped", worker->records_dropped);
	json_uint(json, "polls", worker->polls);
	json_uint(json, "idle_polls", worker->idle_polls);
	json_uint(json, "sleeps", worker->sleeps);
	json_uint(json, "flow_bytes", worker->flow_bytes);
	json_uint(json, "holes_cut", worker->holes_cut);
	json_close(json, '}');
}

/* How the run went on this machine. */
static void put_machine(struct json_out *json, const struct live_report *report)
{
	const struct live_stats *stats = report->stats;

	json_open(json, "workers", '[');
	for (uint32_t i = 0; i < stats->nb_workers; i++)
		put_worker(json, &stats->workers[i]);
	json_close(json, ']');
	json_bool(json, "hugepages", report->ports->has_hugepages);
	json_int(json, "clock_error_ns", stats->clock_error_ns);
	json_uint(json, "clock_steps", stats->clock_steps);
	json_real(json, "elapsed_seconds", (double)stats->elapsed_ns / 1e9);
	json_real(json, "startup_seconds", (double)report->result->startup_ns / 1e9);
	json_uint(json, "peak_rss_bytes", report->result->peak_rss_bytes);
}

static void put_written(struct json_out *json, const struct live_report *report)
{
	const struct live_writer_stats *writer = &report->stats->writer;
	const struct live_result *result = report->result;

	if (report->options->config.output == NULL)
		return;
	json_text(json, "output", result->last_path);
	json_uint(json, "records", writer->rows);
	json_uint(json, "record_bytes", writer->bytes);
	json_uint(json, "record_files", writer->files);
	json_uint(json, "record_failures", writer->failures);
	json_uint(json, "active_records", report->sum->all.active_records);
	json_bool(json, "output_failed", result->output_failed);
	if (result->failure[0] != '\0')
		json_text(json, "failure", result->failure);
}

void live_print_json(const struct live_report *report, FILE *out)
{
	const struct live_worker_stats *all = &report->sum->all;
	const struct live_ports *ports = report->ports;
	const struct run_sums sums = live_sums_of(report);
	struct json_out json = {.file = out};

	json_open(&json, NULL, '{');
	json_text(&json, "program", "tcpmill " TCPMILL_VERSION);
	json_open(&json, "ports", '[');
	for (uint32_t i = 0; i < ports->nb; i++) {
		json_open(&json, NULL, '{');
		put_info(&json, ports, i);
		put_counters(&json, &report->stats->ports[i]);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_uint(&json, "packets", all->received);
	json_uint(&json, "bytes_wire", all->wire_bytes);
	put_interval(&json, "interval", report);
	run_put_totals(&json, &sums);
	put_evicted(&json, "evicted_by_class", report);
	put_books(&json, "books", report);
	put_segments(&json, "segments", report);
	put_datagrams(&json, "datagrams", report);
	put_offered(&json, "offered", report);
	put_drops(&json, "drops", report);
	json_bool(&json, "interrupted", report->result->interrupted);
	put_written(&json, report);
	put_machine(&json, report);
	json_close(&json, '}');
	fputc('\n', out);
}

static void put_options(struct json_out *json, const void *context)
{
	const struct live_config *config = context;

	/* Only what can change the answer; worker counts, paths and dates cannot. */
	json_open(json, NULL, '{');
	if (config->filter != NULL)
		json_text(json, "filter", config->filter);
	if (config->max_frames != 0)
		json_uint(json, "count", config->max_frames);
	json_uint(json, "idle_timeout_ns", config->timeout_ns[FLOW_OPEN]);
	json_uint(json, "half_open_timeout_ns", config->timeout_ns[FLOW_HALF_OPEN]);
	json_uint(json, "closed_timeout_ns", config->timeout_ns[FLOW_CLOSED]);
	if (config->active_timeout_ns != 0)
		json_uint(json, "active_timeout_ns", config->active_timeout_ns);
	/* Its default follows from the machine, but it bounds what is remembered. */
	json_uint(json, "max_flows", config->max_flows);
	json_close(json, '}');
}

/* One part of the report as a value of its own. */
struct part {
	put_fn *put;
	const struct live_report *report;
};

static void put_part(struct json_out *json, const void *context)
{
	const struct part *part = context;

	part->put(json, NULL, part->report);
}

static char *part_json(const struct live_report *report, put_fn *put)
{
	const struct part part = {put, report};

	return json_make(put_part, &part);
}

size_t live_schema_metadata(const struct live_report *report, struct arrow_kv *kv, size_t max)
{
	size_t nb = 0;

	nb = run_metadata_add(kv, nb, max, "program", strdup("tcpmill " TCPMILL_VERSION));
	nb = run_metadata_add(kv, nb, max, "schema_version", strdup(RECORD_SCHEMA_VERSION));
	nb = run_metadata_add(
		kv, nb, max, "inputs",
		json_make_texts(report->options->ports, report->options->config.nb_ports));
	nb = run_metadata_add(kv, nb, max, "options",
			      json_make(put_options, &report->options->config));
	nb = run_metadata_add(kv, nb, max, "capture", part_json(report, put_capture));
	return nb;
}

/* The parts of a footer, in the order in which `show --books` prints them. */
static const struct {
	const char *key;
	put_fn *put;
} footer_parts[] = {
	{"interval", put_interval},   {"books", put_books},     {"segments", put_segments},
	{"datagrams", put_datagrams}, {"offered", put_offered}, {"drops", put_drops},
	{"holes_cut", put_holes_cut}, {"evicted", put_evicted}, {"ports", put_port_counters},
};

size_t live_footer_metadata(const struct live_report *report, struct arrow_kv *kv, size_t max)
{
	size_t nb = 0;

	for (size_t i = 0; i < sizeof(footer_parts) / sizeof(footer_parts[0]); i++)
		nb = run_metadata_add(kv, nb, max, footer_parts[i].key,
				      part_json(report, footer_parts[i].put));
	return nb;
}

void live_print_stream_footer(const struct live_report *report, FILE *out)
{
	struct json_out json = {.file = out};

	json_open(&json, NULL, '{');
	for (size_t i = 0; i < sizeof(footer_parts) / sizeof(footer_parts[0]); i++)
		footer_parts[i].put(&json, footer_parts[i].key, report);
	json_close(&json, '}');
	fputc('\n', out);
}
