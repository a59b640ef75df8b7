/* SPDX-License-Identifier: BSD-3-Clause */

/* Where every packet went, and every loss by its place. */

#include <string.h>

#include "live_cli.h"
#include "run_priv.h"

const struct live_drop_words live_drop_words[NB_LIVE_DROPS] = {
	[LIVE_DROP_NIC] = {"dropped by the NIC",
			   "workers were behind: more of them on cores of their own; -f"},
	[LIVE_DROP_NO_MBUF] = {"dropped for want of buffers",
			       "workers hold all of them: more workers, or fewer ports each"},
	[LIVE_DROP_ERRORS] = {"with errors, by the NIC",
			      "cable, optics, or a speed that the two ends do not agree on"},
	[LIVE_DROP_KERNEL] = {"dropped by the kernel",
			      "its ring was full: --buffer makes it longer, -f lets less in"},
	[LIVE_DROP_INTERFACE] = {"dropped by the interface",
				 "before anybody captured: see ethtool -S and ip -s link"},
	[LIVE_DROP_EXCHANGE] = {"dropped in the exchange",
				"a worker was behind: RSS on the port, more workers, or -f"},
	[LIVE_DROP_TABLE] = {"without room in the flow table",
			     "a larger --max-flows, or shorter timeouts"},
	[LIVE_DROP_RECORDS] = {"records dropped: the writer was behind",
			       "a faster disk or reader for -w, or longer timeouts"},
	[LIVE_DROP_DISK] = {"records lost: they could not be written",
			    "room on the disk of -w, or a reader that goes on reading"},
};

void live_books_make(struct live_books *books, const struct live_stats *stats,
		     const struct live_sum *sum)
{
	*books = (struct live_books){
		.received = sum->all.received,
		.exchange = sum->all.exchange_full,
	};
	memcpy(books->fates, sum->all.fates, sizeof(books->fates));
	for (uint32_t i = 0; i < stats->nb_ports; i++) {
		books->ports_received += stats->ports[i].received;
		books->cut += stats->ports[i].cut;
	}
	/* Counters are read one after the other: while frames come, either may be ahead. */
	books->not_read = (int64_t)(books->ports_received - books->received);
	books->offered = books->ports_received;
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (live_drop_is_offered((enum live_drop)d))
			books->offered += sum->drops[d];
	}
}

uint64_t live_evicted(const struct live_sum *sum)
{
	uint64_t evicted = 0;

	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		evicted += sum->all.evicted[c];
	return evicted;
}

struct run_sums live_sums_of(const struct live_report *report)
{
	const struct live_worker_stats *all = &report->sum->all;

	return (struct run_sums){
		.totals = &report->result->totals,
		.flows = all->flows,
		.tracked = all->tracked,
		.anomalous_packets = all->anomalous_packets,
		.offload_segments = all->offload_segments,
		.evicted = live_evicted(report->sum),
		.headers = all->tracked,
		.headers_unread = all->headers_unread,
		.headers_dropped = all->headers_dropped,
		.holes_cut = all->holes_cut,
		.max_flows = report->options->config.max_flows,
		.max_bytes = report->options->max_memory,
	};
}

void live_ports_copy(struct live_ports *ports, const struct live_start *start)
{
	*ports = (struct live_ports){
		.nb = start->nb_ports < PORT_MAX_PORTS ? start->nb_ports : PORT_MAX_PORTS,
		.nb_workers = start->nb_workers,
		.has_hugepages = start->has_hugepages,
		.is_exchanged = start->is_exchanged,
	};
	for (uint32_t i = 0; i < start->nb_workers && i < ENGINE_MAX_WORKERS; i++)
		ports->cpus[i] = start->cpus[i];
	for (uint32_t i = 0; i < ports->nb; i++) {
		const struct port_info *info = start->ports[i];

		ports->infos[i] = *info;
		snprintf(ports->names[i], sizeof(ports->names[i]), "%s", info->name);
		snprintf(ports->drivers[i], sizeof(ports->drivers[i]), "%s", info->driver);
		ports->infos[i].name = ports->names[i];
		ports->infos[i].driver = ports->drivers[i];
	}
}

const char *live_dealt_by(const struct live_ports *ports)
{
	if (ports->is_exchanged)
		return "exchange";
	return ports->nb_workers > 1 ? "rss" : "one_worker";
}
