/* SPDX-License-Identifier: BSD-3-Clause */

/* Arithmetic of snapshots. */

#include <assert.h>
#include <string.h>

#include "tcpmill/live.h"

const char *const live_drop_names[NB_LIVE_DROPS + 1] = {
	[LIVE_DROP_NIC] = "nic",
	[LIVE_DROP_NO_MBUF] = "no_mbuf",
	[LIVE_DROP_ERRORS] = "errors",
	[LIVE_DROP_KERNEL] = "kernel",
	[LIVE_DROP_INTERFACE] = "interface",
	[LIVE_DROP_EXCHANGE] = "exchange",
	[LIVE_DROP_TABLE] = "table",
	[LIVE_DROP_RECORDS] = "records",
	[LIVE_DROP_DISK] = "disk",
};

const char *const live_class_names[NB_FLOW_CLASSES] = {
	[FLOW_HALF_OPEN] = "half_open",
	[FLOW_CLOSED] = "closed",
	[FLOW_OPEN] = "open",
};

bool live_drop_is_offered(enum live_drop drop)
{
	return drop == LIVE_DROP_NIC || drop == LIVE_DROP_NO_MBUF || drop == LIVE_DROP_ERRORS ||
	       drop == LIVE_DROP_KERNEL || drop == LIVE_DROP_INTERFACE;
}

bool live_drop_is_of_packets(enum live_drop drop)
{
	return drop != LIVE_DROP_RECORDS && drop != LIVE_DROP_DISK;
}

void live_port_drops(const struct port_counters *counters, uint64_t drops[NB_LIVE_DROPS])
{
	memset(drops, 0, NB_LIVE_DROPS * sizeof(*drops));
	drops[LIVE_DROP_NIC] = counters->missed;
	drops[LIVE_DROP_NO_MBUF] = counters->no_mbuf;
	drops[LIVE_DROP_ERRORS] = counters->errors;
	drops[LIVE_DROP_KERNEL] = counters->kernel_drops;
	drops[LIVE_DROP_INTERFACE] = counters->interface_drops;
}

/* The parts of a snapshot are all counters of 64 bits, so that they can be taken as words. */
static_assert(sizeof(struct live_worker_stats) % sizeof(uint64_t) == 0, "words");
static_assert(sizeof(struct live_writer_stats) % sizeof(uint64_t) == 0, "words");
static_assert(sizeof(struct port_counters) % sizeof(uint64_t) == 0, "words");

static uint64_t word_at(const void *words, size_t i)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)words + i * sizeof(word), sizeof(word));
	return word;
}

static void put_word(void *words, size_t i, uint64_t word)
{
	memcpy((uint8_t *)words + i * sizeof(word), &word, sizeof(word));
}

static void add_words(void *sum, const void *part, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		put_word(sum, i, word_at(sum, i) + word_at(part, i));
}

/* A driver whose counter begins anew, as no worker's does, is no reason for 2^64. */
static uint64_t since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static void subtract_words(const void *from, const void *to, void *difference, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		put_word(difference, i, since(word_at(from, i), word_at(to, i)));
}

void live_sum(const struct live_stats *stats, struct live_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < stats->nb_workers; i++)
		add_words(&sum->all, &stats->workers[i], sizeof(sum->all));
	sum->all.cpu = 0;
	for (uint32_t i = 0; i < stats->nb_ports; i++) {
		const struct port_counters *port = &stats->ports[i];

		sum->drops[LIVE_DROP_NIC] += port->missed;
		sum->drops[LIVE_DROP_NO_MBUF] += port->no_mbuf;
		sum->drops[LIVE_DROP_ERRORS] += port->errors;
		sum->drops[LIVE_DROP_KERNEL] += port->kernel_drops;
		sum->drops[LIVE_DROP_INTERFACE] += port->interface_drops;
	}
	sum->drops[LIVE_DROP_EXCHANGE] = sum->all.exchange_full;
	sum->drops[LIVE_DROP_TABLE] = sum->all.fates[FATE_UNTRACKED];
	sum->drops[LIVE_DROP_RECORDS] = sum->all.records_dropped;
	sum->drops[LIVE_DROP_DISK] = stats->writer.rows_lost;
}

static void worker_since(const struct live_worker_stats *from, const struct live_worker_stats *to,
			 struct live_worker_stats *difference)
{
	/*
	 * Modulo 2^64: what an owner has no room for it takes from "tracked", which another
	 * worker may have counted; only sums over all workers mean something there.
	 */
	for (size_t i = 0; i < sizeof(*difference) / sizeof(uint64_t); i++)
		put_word(difference, i, word_at(to, i) - word_at(from, i));
	difference->live_flows = to->live_flows;
	difference->max_live_flows = to->max_live_flows;
	difference->flow_bytes = to->flow_bytes;
	difference->datagrams_held = to->datagrams_held;
	difference->cpu = to->cpu;
}

void live_stats_since(const struct live_stats *from, const struct live_stats *to,
		      struct live_stats *difference)
{
	memset(difference, 0, sizeof(*difference));
	difference->now_ns = to->now_ns;
	difference->elapsed_ns = since(from->elapsed_ns, to->elapsed_ns);
	difference->nb_ports = to->nb_ports;
	difference->nb_workers = to->nb_workers;
	for (uint32_t i = 0; i < to->nb_ports; i++)
		subtract_words(&from->ports[i], &to->ports[i], &difference->ports[i],
			       sizeof(difference->ports[i]));
	for (uint32_t i = 0; i < to->nb_workers; i++)
		worker_since(&from->workers[i], &to->workers[i], &difference->workers[i]);
	subtract_words(&from->writer, &to->writer, &difference->writer, sizeof(difference->writer));
	difference->clock_error_ns = to->clock_error_ns;
	difference->clock_steps = since(from->clock_steps, to->clock_steps);
}
