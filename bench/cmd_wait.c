/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench wait: how long a packet waits for an idle worker, by busy poll and with
 * --sleep-idle, and what of its core either takes.
 *
 * One frame at a time goes into the ring of a net_ring port. Its sender keeps a reference to
 * the mbuf, and so sees when the worker, which has tracked the segment then, gives up its own.
 */

#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "live.h"
#include "live_flows.h"
#include "report.h"
#include "tcpmill/live.h"

#define MAX_PACKETS 100000u
#define PATIENCE_NS 5000000000u /* for one packet */

struct wait_job {
	bool sleeps;
	uint64_t interval_us, packets;
};

struct wait_outcome {
	double us[5];      /* at quantiles[] */
	double worker_cpu; /* share of a core, all but the sender's; the main thread's is small */
	char error[256];   /* empty: all is well */
};

static const double quantiles[5] = {0, 0.5, 0.9, 0.99, 1};

struct wait_run {
	const struct wait_job *job;
	struct wait_outcome *outcome;
	struct live_flows flows;
	struct rte_mempool *pool;
	struct rte_ring *ring;
	pthread_t thread;
	bool has_thread;
	double us[MAX_PACKETS];
};

static int on_eal_started(void *context, char *error, size_t error_size)
{
	struct wait_run *const run = context;

	run->pool = rte_pktmbuf_pool_create("bench", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 256,
					    SOCKET_ID_ANY);
	run->ring = rte_ring_create("bench", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (run->pool != NULL && run->ring != NULL &&
	    rte_eth_from_rings("bench", &run->ring, 1, &run->ring, 1,
			       (unsigned int)SOCKET_ID_ANY) >= 0 &&
	    live_flows_init(&run->flows, 1) == 0)
		return 0;
	snprintf(error, error_size, "no net_ring port: %s", rte_strerror(rte_errno));
	return -1;
}

/* ---- the sender ------------------------------------------------------------------------ */

/* Returns the ticks until the worker gave the mbuf back; 0: it does not. */
static uint64_t send_one(struct wait_run *run, struct rte_mbuf *mbuf, uint64_t nth)
{
	uint8_t *const data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint64_t start, until;

	mbuf->data_len = LIVE_FRAME_LEN;
	if (nth < LIVE_HANDSHAKE)
		mbuf->data_len = (uint16_t)live_flows_open(&run->flows, 0, nth, data);
	else
		live_flows_next(&run->flows, data);
	mbuf->pkt_len = mbuf->data_len;
	rte_mbuf_refcnt_set(mbuf, 2);
	start = rte_rdtsc();
	until = bench_now_ns() + PATIENCE_NS;
	(void)rte_ring_sp_enqueue(run->ring, mbuf);
	while (rte_mbuf_refcnt_read(mbuf) != 1) {
		rte_pause();
		if (bench_now_ns() > until)
			return 0;
	}
	return rte_rdtsc() - start;
}

static double cpu_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *sender_main(void *context)
{
	struct wait_run *const run = context;
	const struct wait_job *const job = run->job;
	struct rte_mbuf *const mbuf = rte_pktmbuf_alloc(run->pool);
	const double us_per_tick = 1e6 / (double)rte_get_tsc_hz();
	const uint64_t start_ns = bench_now_ns();
	const double cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
	double own;

	for (uint64_t i = 0; mbuf != NULL && i < job->packets + LIVE_HANDSHAKE; i++) {
		const uint64_t ticks = send_one(run, mbuf, i);

		if (ticks == 0) {
			snprintf(run->outcome->error, sizeof(run->outcome->error),
				 "a packet did not come back");
			break;
		}
		if (i >= LIVE_HANDSHAKE)
			run->us[i - LIVE_HANDSHAKE] = (double)ticks * us_per_tick;
		usleep((useconds_t)job->interval_us);
	}
	own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
	run->outcome->worker_cpu = (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu - own) * 1e9 /
				   (double)(bench_now_ns() - start_ns);
	live_interrupt();
	return NULL;
}

static void on_started(void *context, const struct live_start *start)
{
	struct wait_run *const run = context;
	pthread_attr_t attributes;
	cpu_set_t set;

	(void)start;
	CPU_ZERO(&set);
	CPU_SET((size_t)live_feed_cpu(), &set);
	pthread_attr_init(&attributes);
	(void)pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	run->has_thread = pthread_create(&run->thread, &attributes, sender_main, run) == 0;
	pthread_attr_destroy(&attributes);
	if (!run->has_thread)
		live_interrupt();
}

/* ---- one measurement -------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void measure(const struct wait_job *job, struct wait_outcome *outcome)
{
	static const char *const ports[] = {LIVE_PORT};
	static struct wait_run run;
	static struct live_result result;
	const struct live_config config = {
		.ports = ports,
		.nb_ports = 1,
		.nb_workers = 1,
		.snaplen = 262144,
		.sleep_idle = job->sleeps,
		.max_flows = 65536,
		.batch_rows = 65536,
		.exchange_cells = 4096,
		.record_blocks = 64,
	};
	const struct live_hooks hooks = {
		.eal_started = on_eal_started,
		.started = on_started,
		.context = &run,
	};
	bool usage;

	run.job = job;
	run.outcome = outcome;
	if (live_run(&config, &hooks, &result, outcome->error, sizeof(outcome->error), &usage) != 0)
		return;
	if (!run.has_thread) {
		snprintf(outcome->error, sizeof(outcome->error), "no thread");
		return;
	}
	pthread_join(run.thread, NULL);
	qsort(run.us, job->packets, sizeof(run.us[0]), compare);
	for (size_t i = 0; i < 5; i++)
		outcome->us[i] = run.us[(size_t)(quantiles[i] * (double)(job->packets - 1))];
}

/* EAL starts once a process. 0, or 1 after a message. */
static int run_child(const struct wait_job *job, struct wait_outcome *outcome)
{
	int pipes[2], status = 0;
	ssize_t got = -1;
	pid_t pid;

	fflush(NULL);
	if (pipe(pipes) != 0)
		return bench_fail(1, "wait", strerror(errno));
	pid = fork();
	if (pid == 0) {
		struct wait_outcome mine = {.error = ""};

		close(pipes[0]);
		measure(job, &mine);
		_exit(write(pipes[1], &mine, sizeof(mine)) != (ssize_t)sizeof(mine));
	}
	close(pipes[1]);
	if (pid > 0)
		got = read(pipes[0], outcome, sizeof(*outcome));
	close(pipes[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)sizeof(*outcome))
		return bench_fail(1, "wait", "the measurement did not end well");
	return outcome->error[0] == '\0' ? 0 : bench_fail(1, "wait", outcome->error);
}

static void tell_row(struct report *report, const struct wait_job *job,
		     const struct wait_outcome *outcome)
{
	report_row(report);
	report_text(report, "policy", "worker", job->sleeps ? "--sleep-idle" : "busy poll");
	report_number(report, "interval_us", "interval, us", (double)job->interval_us, 0);
	report_number(report, "packets", NULL, (double)job->packets, 0);
	report_number(report, "us_min", "least, us", outcome->us[0], 2);
	report_number(report, "us_median", "median", outcome->us[1], 2);
	report_number(report, "us_90", "90 %", outcome->us[2], 2);
	report_number(report, "us_99", "99 %", outcome->us[3], 2);
	report_number(report, "us_max", "most", outcome->us[4], 2);
	report_number(report, "worker_cpu_percent", "of a core, %", outcome->worker_cpu * 100, 1);
}

int cmd_wait(int argc, char **argv)
{
	struct bench_list intervals = {.values = {100, 1000, 10000}, .nb = 3};
	uint64_t packets = 1000;
	bool json = false;
	const struct bench_option table[] = {
		{"--intervals", BENCH_LIST, 999999, &intervals},
		{"--packets", BENCH_NUMBER, MAX_PACKETS, &packets},
		{"--json", BENCH_FLAG, 0, &json},
	};
	struct report report;
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), NULL, 0);

	(void)argc;
	if (status != 0 || !report_init(&report, "wait"))
		return status != 0 ? status : bench_fail(1, "wait", "out of memory");
	for (uint32_t i = 0; status == 0 && i < 2 * intervals.nb; i++) {
		const struct wait_job job = {
			.sleeps = i % 2 == 1,
			.interval_us = intervals.values[i / 2],
			.packets = packets,
		};
		struct wait_outcome outcome;

		status = run_child(&job, &outcome);
		if (status == 0)
			tell_row(&report, &job, &outcome);
	}
	if (status == 0)
		status = report_print(&report, json, stdout);
	report_fini(&report);
	return status;
}
