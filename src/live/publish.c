/* SPDX-License-Identifier: BSD-3-Clause */

/* Counters that other threads read: whole snapshots, so that the books balance in each. */

#include <string.h>

#include "worker_priv.h"

uint64_t live_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void live_publish(struct live_worker *worker)
{
	const uint_fast32_t sequence =
		atomic_load_explicit(&worker->sequence, memory_order_relaxed);
	uint64_t words[LIVE_NB_WORDS];

	memcpy(words, &worker->stats, sizeof(words));
	atomic_store_explicit(&worker->sequence, sequence + 1, memory_order_relaxed);
	/* Who sees one of these sees the odd sequence too. */
	for (size_t i = 0; i < LIVE_NB_WORDS; i++)
		atomic_store_explicit(&worker->words[i], words[i], memory_order_release);
	atomic_store_explicit(&worker->sequence, sequence + 2, memory_order_release);
}

static void read_worker(const struct live_worker *worker, struct live_worker_stats *stats)
{
	uint64_t words[LIVE_NB_WORDS];
	uint_fast32_t before, after;

	do {
		before = atomic_load_explicit(&worker->sequence, memory_order_acquire);
		for (size_t i = 0; i < LIVE_NB_WORDS; i++)
			words[i] = atomic_load_explicit(&worker->words[i], memory_order_acquire);
		after = atomic_load_explicit(&worker->sequence, memory_order_relaxed);
	} while (before != after || (before & 1) != 0);
	memcpy(stats, words, sizeof(words));
}

void live_snapshot(void *context, struct live_stats *stats)
{
	struct live *live = context;
	struct live_writer *writer;

	memset(stats, 0, sizeof(*stats));
	pthread_mutex_lock(&live->snapshot_lock);
	stats->now_ns = wall_clock_now(&live->clock);
	stats->elapsed_ns = live_monotonic_ns() - live->start_ns;
	stats->nb_ports = live->nb_ports;
	stats->nb_workers = live->nb_workers;
	for (uint32_t i = 0; i < live->nb_ports; i++)
		port_get_counters(live->ports[i], &stats->ports[i]);
	for (uint32_t i = 0; i < live->nb_workers; i++)
		read_worker(&live->workers[i], &stats->workers[i]);
	writer = atomic_load_explicit(&live->writer, memory_order_acquire);
	if (writer != NULL) {
		live_writer_get_stats(writer, &stats->writer);
		live_writer_get_path(writer, stats->record_path, sizeof(stats->record_path));
	}
	stats->clock_error_ns = atomic_load_explicit(&live->clock.error_ns, memory_order_relaxed);
	stats->clock_steps = atomic_load_explicit(&live->clock.nb_steps, memory_order_relaxed);
	pthread_mutex_unlock(&live->snapshot_lock);
}
