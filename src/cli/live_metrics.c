/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Metrics for Prometheus, as node_exporter's textfile collector reads them.
 * Source: prometheus.io, "Text-based exposition format" and "Metric and label naming".
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "live_cli.h"

static void begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP tcpmill_%s %s\n# TYPE tcpmill_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and end of line are escaped. */
static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

/* A sample with at most two labels; a name that is NULL is none. */
static void put(FILE *out, const char *metric, const char *name, const char *value,
		const char *name2, const char *value2, uint64_t n)
{
	fprintf(out, "tcpmill_%s", metric);
	if (name != NULL) {
		fputc('{', out);
		put_label(out, name, value);
		if (name2 != NULL) {
			fputc(',', out);
			put_label(out, name2, value2);
		}
		fputc('}', out);
	}
	fprintf(out, " %" PRIu64 "\n", n);
}

static void put_one(FILE *out, const char *metric, const char *type, const char *help, uint64_t n)
{
	begin(out, metric, type, help);
	put(out, metric, NULL, NULL, NULL, NULL, n);
}

/* ns as seconds, exact: no double is in the way. */
static void put_seconds(FILE *out, const char *metric, const char *help, int64_t ns)
{
	const uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	begin(out, metric, "gauge", help);
	fprintf(out, "tcpmill_%s %s%" PRIu64 ".%09" PRIu64 "\n", metric, ns < 0 ? "-" : "",
		n / 1000000000u, n % 1000000000u);
}

static void put_ports(const struct live_report *report, FILE *out)
{
	static const char received[] = "packets_received_total";

	begin(out, received, "counter",
	      "Packets that the port received, dropped ones not among them.");
	for (uint32_t i = 0; i < report->ports->nb; i++)
		put(out, received, "port", report->ports->infos[i].name, NULL, NULL,
		    report->stats->ports[i].received);
	begin(out, "packets_cut_total", "counter",
	      "Packets longer than a buffer; their length is the IP header's.");
	for (uint32_t i = 0; i < report->ports->nb; i++)
		put(out, "packets_cut_total", "port", report->ports->infos[i].name, NULL, NULL,
		    report->stats->ports[i].cut);
}

static void put_drops(const struct live_report *report, FILE *out)
{
	static const char packets[] = "packets_dropped_total";
	static const char records[] = "records_dropped_total";

	begin(out, packets, "counter", "Packets lost, by place; behind the ports without a port.");
	for (uint32_t i = 0; i < report->ports->nb; i++) {
		uint64_t drops[NB_LIVE_DROPS];

		live_port_drops(&report->stats->ports[i], drops);
		for (int d = 0; d < NB_LIVE_DROPS; d++) {
			if (live_drop_is_offered((enum live_drop)d))
				put(out, packets, "place", live_drop_names[d], "port",
				    report->ports->infos[i].name, drops[d]);
		}
	}
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (live_drop_is_of_packets((enum live_drop)d) &&
		    !live_drop_is_offered((enum live_drop)d))
			put(out, packets, "place", live_drop_names[d], NULL, NULL,
			    report->sum->drops[d]);
	}
	begin(out, records, "counter", "Flow records lost, by place.");
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (!live_drop_is_of_packets((enum live_drop)d))
			put(out, records, "place", live_drop_names[d], NULL, NULL,
			    report->sum->drops[d]);
	}
}

static void put_traffic(const struct live_report *report, FILE *out)
{
	static const char headers[] = "headers_dropped_total";
	const struct live_worker_stats *all = &report->sum->all;

	put_one(out, "bytes_received_total", "counter",
		"Bytes on the wire of the packets that workers received.", all->wire_bytes);
	begin(out, "packets_total", "counter",
	      "Packets that workers received, by fate; with those dropped in the exchange, all.");
	for (int f = 0; f < NB_FATES; f++)
		put(out, "packets_total", "fate", fate_names[f], NULL, NULL, all->fates[f]);
	begin(out, headers, "counter",
	      "TCP headers not tracked, of packets that have others which are, by place.");
	put(out, headers, "place", live_drop_names[LIVE_DROP_EXCHANGE], NULL, NULL,
	    all->headers_dropped);
	put(out, headers, "place", "decode", NULL, NULL, all->headers_unread);
	put_one(out, "packets_anomalous_total", "counter",
		"TCP packets with a retransmission, a duplicate ACK or another anomaly.",
		all->anomalous_packets);
	put_one(out, "packets_offloaded_total", "counter",
		"TCP packets that were several on the wire, or will be (TSO, GRO).",
		all->offload_segments);
	put_one(out, "headers_quoted_total", "counter",
		"TCP headers quoted in ICMP errors and samples: no packets of their flows.",
		all->quoted);
	put_one(out, "datagrams_total", "counter", "IP datagrams that fragments made whole.",
		all->datagrams);
	put_one(out, "datagrams_given_up_total", "counter",
		"IP datagrams given up before all fragments came: too old, or for want of memory.",
		all->datagrams_given_up);
	put_one(out, "datagrams_held", "gauge", "IP datagrams that wait for fragments now.",
		all->datagrams_held);
}

static void put_flows(const struct live_report *report, FILE *out)
{
	const struct live_worker_stats *all = &report->sum->all;
	const struct live_writer_stats *writer = &report->stats->writer;

	put_one(out, "flows_live", "gauge", "Flows that are tracked now.", all->live_flows);
	put_one(out, "flows_max", "gauge", "Flows that may be tracked at once.",
		report->options->config.max_flows);
	put_one(out, "flows_created_total", "counter", "Flows that began.", all->flows);
	begin(out, "flows_evicted_total", "counter",
	      "Flows that were thrown out for want of room, by class.");
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		put(out, "flows_evicted_total", "class", live_class_names[c], NULL, NULL,
		    all->evicted[c]);
	put_one(out, "holes_cut_total", "counter",
		"Gaps in flows' data that were given up early for want of memory.", all->holes_cut);
	put_one(out, "flow_bytes", "gauge", "Bytes of the flow table that were ever used.",
		all->flow_bytes);
	put_one(out, "records_total", "counter", "Flow records handed to the writer.",
		all->records);
	put_one(out, "records_active_total", "counter",
		"Flow records of flows that went on, among records_total.", all->active_records);
	put_one(out, "records_written_total", "counter", "Flow records written.", writer->rows);
	put_one(out, "record_bytes_written_total", "counter", "Bytes of flow records written.",
		writer->bytes);
	put_one(out, "record_files_total", "counter", "Files of flow records that are whole.",
		writer->files);
	put_one(out, "record_failures_total", "counter", "Failures to open or write such files.",
		writer->failures);
}

static void put_workers(const struct live_report *report, FILE *out)
{
	static const struct {
		const char *metric, *help;
		size_t offset;
	} counters[] = {
		{"worker_packets_received_total", "Packets that the worker received.",
		 offsetof(struct live_worker_stats, received)},
		{"worker_packets_tracked_total", "TCP packets of the worker's own flows.",
		 offsetof(struct live_worker_stats, tracked)},
		{"worker_polls_total", "Times the worker looked for packets.",
		 offsetof(struct live_worker_stats, polls)},
		{"worker_idle_polls_total", "Polls that found nothing to do.",
		 offsetof(struct live_worker_stats, idle_polls)},
		{"worker_sleeps_total", "Times an idle worker slept.",
		 offsetof(struct live_worker_stats, sleeps)},
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		begin(out, counters[i].metric, "counter", counters[i].help);
		for (uint32_t w = 0; w < report->stats->nb_workers; w++) {
			const struct live_worker_stats *stats = &report->stats->workers[w];
			char worker[16], cpu[24];
			uint64_t n;

			memcpy(&n, (const char *)stats + counters[i].offset, sizeof(n));
			snprintf(worker, sizeof(worker), "%u", w);
			snprintf(cpu, sizeof(cpu), "%" PRIu64, stats->cpu);
			put(out, counters[i].metric, "worker", worker, "cpu", cpu, n);
		}
	}
}

void live_metrics_print(const struct live_report *report, int64_t process_start_ns, FILE *out)
{
	begin(out, "build_info", "gauge", "Always 1; the version is in the label.");
	put(out, "build_info", "version", TCPMILL_VERSION, NULL, NULL, 1);
	put_seconds(out, "process_start_time_seconds", "When the program started, Unix time.",
		    process_start_ns);
	put_seconds(out, "snapshot_time_seconds", "When these values were taken, Unix time.",
		    report->stats->now_ns);
	put_ports(report, out);
	put_drops(report, out);
	put_traffic(report, out);
	put_flows(report, out);
	put_workers(report, out);
	put_seconds(out, "clock_error_seconds",
		    "Our clock minus the system's, at the last correction.",
		    report->stats->clock_error_ns);
	put_one(out, "clock_steps_total", "counter", "Times the system's clock was set.",
		report->stats->clock_steps);
}

int live_metrics_replace(const char *path, const struct live_report *report,
			 int64_t process_start_ns)
{
	char tmp[PATH_MAX];
	FILE *out;
	int fd, rc = 0;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return -ENAMETOOLONG;
	/* Nobody makes us write elsewhere through a link in a folder that others may write. */
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	out = fdopen(fd, "w");
	if (out == NULL) {
		close(fd);
		return -ENOMEM;
	}
	live_metrics_print(report, process_start_ns, out);
	if (ferror(out))
		rc = -EIO;
	if (fclose(out) != 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, path) != 0)
		rc = -errno;
	if (rc != 0)
		(void)unlink(tmp);
	return rc;
}
