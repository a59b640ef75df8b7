/* SPDX-License-Identifier: BSD-3-Clause */

/* What a core can receive at most: loops of our own that do less than the engine. */

#include <inttypes.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "live/eal.h"
#include "live.h"
#include "rooms.h"
#include "tcpmill/capture.h"
#include "tcpmill/decode.h"

#define BURST 64u
#define NB_DESCRIPTORS 512
#define NULL_PORT "net_null_bench"

/* The lcore's work. */
struct loop {
	const struct live_job *job;
	uint16_t port;
	uint64_t total, tcp; /* packets */
	uint64_t ticks;      /* of the timed packets, in polls that gave any */
	double ns_per_tick;
	struct decode_keys keys;
	struct rooms_flows *flows;
	int rc;
};

/* Returns the number of segments. */
static uint32_t decode_burst(struct rte_mbuf *const *mbufs, uint32_t nb,
			     const struct decode_keys *keys, struct segment *segments)
{
	static const struct capture_interface interface = {.link_type = 1};
	const struct decode_context context = {.keys = keys};
	struct segment *segment = segments;
	uint32_t nb_tcp;

	for (uint32_t i = 0; i < nb; i++)
		__builtin_prefetch(rte_pktmbuf_mtod(mbufs[i], const void *));
	for (uint32_t i = 0; i < nb; i++) {
		const struct frame frame = {
			.data = rte_pktmbuf_mtod(mbufs[i], const uint8_t *),
			.caplen = mbufs[i]->data_len,
			.wire_len = mbufs[i]->pkt_len,
			.interface = &interface,
		};

		if (decode_frame(&context, &frame, segment, &nb_tcp) == FATE_TRACKED)
			segment++->frame = i; /* made here: one segment a frame */
	}
	return (uint32_t)(segment - segments);
}

/* Returns 0 or -ENOMEM. */
static int do_burst(struct loop *loop, struct rte_mbuf *const *mbufs, uint32_t nb, uint64_t done)
{
	const uint64_t now_ns = bench_now_ns();
	struct segment segments[BURST + DECODE_MAX_SEGMENTS];
	struct rooms_times unused;
	uint32_t nb_tcp;

	if (loop->job->consumer == LIVE_EMPTY)
		return 0;
	nb_tcp = decode_burst(mbufs, nb, &loop->keys, segments);
	loop->tcp += nb_tcp;
	/* As if somebody used them. */
	__asm__ volatile("" : : "r"(segments) : "memory");
	if (loop->job->consumer != LIVE_TRACK)
		return 0;
	for (uint32_t i = 0; i < nb_tcp; i++) {
		segments[i].ts_ns = (int64_t)now_ns;
		segments[i].clock_ns = now_ns;
	}
	return rooms_flows_add(loop->flows, segments, nb_tcp, done, &unused);
}

/* The feeder may be slower than such a loop: time goes by only while there are packets. */
static int loop_main(void *context)
{
	struct loop *const loop = context;
	const uint64_t untimed = loop->total - loop->job->packets;
	const uint64_t start_ns = bench_now_ns(), start = __builtin_ia32_rdtsc();
	struct rte_mbuf *burst[BURST];
	uint64_t done = 0;

	while (loop->rc == 0 && done < loop->total) {
		const uint64_t polled = __builtin_ia32_rdtsc();
		const uint16_t nb = rte_eth_rx_burst(loop->port, 0, burst, BURST);

		if (nb == 0)
			continue;
		loop->rc = do_burst(loop, burst, nb, done);
		rte_pktmbuf_free_bulk(burst, nb);
		if (done >= untimed)
			loop->ticks += __builtin_ia32_rdtsc() - polled;
		done += nb;
	}
	loop->ns_per_tick =
		(double)(bench_now_ns() - start_ns) / (double)(__builtin_ia32_rdtsc() - start);
	return 0;
}

/* Returns 0, or -1 with one line in error. */
static int open_port(const char *name, uint64_t mbufs, uint16_t *port, char *error,
		     size_t error_size)
{
	const struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_mempool *const pool = rte_pktmbuf_pool_create(
		"loop", (unsigned int)mbufs, 512, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);

	if (pool != NULL && rte_eth_dev_get_port_by_name(name, port) == 0 &&
	    rte_eth_dev_configure(*port, 1, 0, &conf) == 0 &&
	    rte_eth_rx_queue_setup(*port, 0, NB_DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, NULL,
				   pool) == 0 &&
	    rte_eth_dev_start(*port) == 0)
		return 0;
	snprintf(error, error_size, "port %s does not start", name);
	return -1;
}

static void run_loop(struct loop *loop, struct live_outcome *outcome)
{
	decode_keys_init(&loop->keys, 1);
	loop->flows = rooms_flows_create();
	if (loop->flows == NULL)
		snprintf(outcome->error, sizeof(outcome->error), "out of memory");
	else if (rte_eal_remote_launch(loop_main, loop, LIVE_WORKER_LCORE) != 0)
		snprintf(outcome->error, sizeof(outcome->error), "the lcore does not start");
	/* rte_eal_wait_lcore() would spin, on a CPU that others need. */
	while (rte_eal_get_lcore_state(LIVE_WORKER_LCORE) == RUNNING)
		usleep(1000);
	if (loop->rc != 0)
		snprintf(outcome->error, sizeof(outcome->error), "%s", strerror(-loop->rc));
	rooms_flows_destroy(loop->flows);
	outcome->tcp = loop->tcp;
	outcome->ticks = (double)loop->ticks;
	outcome->seconds = (double)loop->ticks * loop->ns_per_tick / 1e9;
}

static void run_null(const struct live_job *job, struct live_outcome *outcome)
{
	struct loop loop = {.job = job, .total = job->packets};

	if (rte_eal_hotplug_add("vdev", NULL_PORT, "size=60") != 0) {
		snprintf(outcome->error, sizeof(outcome->error), "no net_null in this build");
		return;
	}
	if (open_port(NULL_PORT, job->mbufs, &loop.port, outcome->error, sizeof(outcome->error)) !=
	    0)
		return;
	run_loop(&loop, outcome);
}

static void run_fed(const struct live_job *job, struct live_outcome *outcome)
{
	struct loop loop = {.job = job, .total = live_feed_total(job)};
	struct live_outcome fed = {.error = ""};
	struct live_feed *const feed =
		live_feed_create(job, outcome->error, sizeof(outcome->error));
	int rc = -1;

	if (feed == NULL)
		return;
	if (open_port(LIVE_PORT, 1023, &loop.port, outcome->error, sizeof(outcome->error)) == 0) {
		rc = live_feed_start(feed, live_feed_cpu());
		if (rc != 0)
			snprintf(outcome->error, sizeof(outcome->error), "%s", strerror(-rc));
		else
			run_loop(&loop, outcome);
	}
	live_feed_finish(feed, rc != 0 || loop.rc != 0, &fed);
	outcome->waited = fed.waited;
	if (outcome->error[0] == '\0' && job->consumer != LIVE_EMPTY && outcome->tcp != loop.total)
		snprintf(outcome->error, sizeof(outcome->error),
			 "%" PRIu64 " of %" PRIu64 " frames are TCP", outcome->tcp, loop.total);
}

void live_loop_run(const struct live_job *job, struct live_outcome *outcome)
{
	const struct eal_params params = {.nb_workers = 1, .mib = LIVE_MIB};
	int cpu;

	if (eal_start(&params, &cpu, outcome->error, sizeof(outcome->error)) != 0)
		return;
	if (job->consumer == LIVE_NULL)
		run_null(job, outcome);
	else
		run_fed(job, outcome);
	eal_stop();
}
