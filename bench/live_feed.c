/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The feeder: mbufs from a pool, each with the next frame written into it, into the ring that
 * a net_ring port receives from. The consumer frees them into the pool.
 *
 * Only the frame's cache line is written here. What a driver writes into an mbuf's head
 * (length, offset) stays from its first use; the reader's core has it in its cache.
 */

#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "live.h"
#include "live_flows.h"

#define BATCH 64u
#define CACHE 512u
#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + 128)

/* A look at the ring takes its head from the reader's core: between two looks of a feeder
 * that found it full it should be emptied by many packets. */
#define PAUSES 64u

/* Frames before time is taken: every mbuf was used for one several times. */
#define WARM_ROUNDS 4u

struct live_feed {
	struct live_job job;
	struct live_flows flows;
	struct rte_mempool *pool;
	struct rte_ring *ring;
	pthread_t thread;
	bool has_thread;
	atomic_bool give_up;
	/* The thread's own. */
	uint64_t ticks_waited;
	uint64_t ticks, ns; /* of the timed packets */
};

static uint64_t nb_warm(const struct live_job *job)
{
	return WARM_ROUNDS * (job->mbufs + job->flows);
}

uint64_t live_feed_total(const struct live_job *job)
{
	return job->flows * LIVE_HANDSHAKE + nb_warm(job) + job->packets;
}

struct live_feed *live_feed_create(const struct live_job *job, char *error, size_t error_size)
{
	struct live_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL || live_flows_init(&feed->flows, job->flows) != 0) {
		snprintf(error, error_size, "no memory for %llu flows",
			 (unsigned long long)job->flows);
		free(feed);
		return NULL;
	}
	feed->job = *job;
	feed->pool = rte_pktmbuf_pool_create("bench", (unsigned int)job->mbufs, CACHE, 0, DATA_ROOM,
					     SOCKET_ID_ANY);
	feed->ring = rte_ring_create("bench", (unsigned int)job->slots, SOCKET_ID_ANY,
				     RING_F_SP_ENQ | RING_F_SC_DEQ);
	/* Its name becomes LIVE_PORT. Nobody sends, but 22.11 does not make a port without a queue
	 * for it. */
	if (feed->pool == NULL || feed->ring == NULL ||
	    rte_eth_from_rings("bench", &feed->ring, 1, &feed->ring, 1,
			       (unsigned int)SOCKET_ID_ANY) < 0) {
		snprintf(error, error_size, "the mbufs, their ring or its port: %s",
			 rte_strerror(rte_errno));
		return NULL;
	}
	return feed;
}

/* ---- the thread ------------------------------------------------------------------------ */

/* Until the ring has room for half of its slots, the pool mbufs. False: the feeder gives up. */
static bool wait_for_reader(struct live_feed *feed)
{
	const uint64_t start = rte_rdtsc();
	const uint32_t enough = (uint32_t)feed->job.slots / 2;

	do {
		for (uint32_t i = 0; i < PAUSES; i++)
			rte_pause();
		if (atomic_load_explicit(&feed->give_up, memory_order_relaxed))
			return false;
	} while (rte_ring_free_count(feed->ring) < enough);
	feed->ticks_waited += rte_rdtsc() - start;
	return true;
}

static bool get_mbufs(struct live_feed *feed, struct rte_mbuf **mbufs, uint32_t nb)
{
	while (rte_mempool_get_bulk(feed->pool, (void **)mbufs, nb) != 0) {
		if (!wait_for_reader(feed))
			return false;
	}
	return true;
}

static bool send_mbufs(struct live_feed *feed, struct rte_mbuf **mbufs, uint32_t nb)
{
	while (rte_ring_sp_enqueue_bulk(feed->ring, (void **)mbufs, nb, NULL) == 0) {
		if (!wait_for_reader(feed))
			return false;
	}
	return true;
}

static void set_up(struct rte_mbuf *mbuf, uint32_t len)
{
	rte_pktmbuf_reset(mbuf);
	mbuf->data_len = (uint16_t)len;
	mbuf->pkt_len = len;
}

static bool send_handshakes(struct live_feed *feed)
{
	const uint64_t total = feed->job.flows * LIVE_HANDSHAKE;
	struct rte_mbuf *mbufs[BATCH];

	for (uint64_t done = 0; done < total;) {
		const uint32_t nb = total - done < BATCH ? (uint32_t)(total - done) : BATCH;

		if (!get_mbufs(feed, mbufs, nb))
			return false;
		for (uint32_t i = 0; i < nb; i++, done++) {
			set_up(mbufs[i], 0);
			mbufs[i]->data_len = (uint16_t)live_flows_open(
				&feed->flows, done / LIVE_HANDSHAKE, done % LIVE_HANDSHAKE,
				rte_pktmbuf_mtod(mbufs[i], uint8_t *));
			mbufs[i]->pkt_len = mbufs[i]->data_len;
		}
		if (!send_mbufs(feed, mbufs, nb))
			return false;
	}
	return true;
}

/* is_first: the mbufs may have been used for a handshake, or never. */
static bool send_frames(struct live_feed *feed, uint64_t total, bool is_first)
{
	struct rte_mbuf *mbufs[BATCH];

	for (uint64_t done = 0; done < total;) {
		const uint32_t nb = total - done < BATCH ? (uint32_t)(total - done) : BATCH;

		if (!get_mbufs(feed, mbufs, nb))
			return false;
		for (uint32_t i = 0; i < nb; i++)
			__builtin_prefetch(rte_pktmbuf_mtod(mbufs[i], void *), 1);
		for (uint32_t i = 0; i < nb; i++) {
			if (is_first)
				set_up(mbufs[i], LIVE_FRAME_LEN);
			live_flows_next(&feed->flows, rte_pktmbuf_mtod(mbufs[i], uint8_t *));
		}
		if (!send_mbufs(feed, mbufs, nb))
			return false;
		done += nb;
	}
	return true;
}

static void *feed_main(void *context)
{
	struct live_feed *const feed = context;
	uint64_t start_ns, start;

	if (!send_handshakes(feed) || !send_frames(feed, nb_warm(&feed->job), true))
		return NULL;
	feed->ticks_waited = 0;
	start_ns = bench_now_ns();
	start = rte_rdtsc();
	if (!send_frames(feed, feed->job.packets, false))
		return NULL;
	feed->ticks = rte_rdtsc() - start;
	feed->ns = bench_now_ns() - start_ns;
	return NULL;
}

/* ---- its start and end ------------------------------------------------------------------ */

int live_feed_cpu(void)
{
	int last = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			last = CPU_ISSET((size_t)cpu, &set) ? cpu : last;
	}
	return last;
}

int live_feed_start(struct live_feed *feed, int cpu)
{
	pthread_attr_t attributes;
	cpu_set_t set;
	int rc;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	rc = pthread_attr_init(&attributes);
	if (rc != 0)
		return -rc;
	rc = pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	if (rc == 0)
		rc = pthread_create(&feed->thread, &attributes, feed_main, feed);
	feed->has_thread = rc == 0;
	pthread_attr_destroy(&attributes);
	return -rc;
}

void live_feed_finish(struct live_feed *feed, bool give_up, struct live_outcome *outcome)
{
	atomic_store_explicit(&feed->give_up, give_up, memory_order_relaxed);
	if (feed->has_thread)
		pthread_join(feed->thread, NULL);
	outcome->seconds = (double)feed->ns / 1e9;
	outcome->ticks = (double)feed->ticks;
	outcome->waited = (double)feed->ticks_waited / (double)feed->ticks;
	live_flows_fini(&feed->flows);
	free(feed);
}
