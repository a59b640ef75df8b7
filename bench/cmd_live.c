/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench live: packets a second that one worker takes from a port. A thread on
 * another core keeps a net_ring port full of 64-byte TCP frames; beside the whole of live
 * capture stand loops that only receive, so that it shows what is the worker's own.
 */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "live.h"
#include "live_flows.h"
#include "report.h"

#define MAX_ROWS (NB_LIVE_CONSUMERS + BENCH_LIST_MAX)

static const struct {
	const char *name, *what;
} consumers[NB_LIVE_CONSUMERS] = {
	[LIVE_NULL] = {"null", "net_null: receive, free"},
	[LIVE_EMPTY] = {"empty", "receive, free"},
	[LIVE_DECODE] = {"decode", "receive, decode, free"},
	[LIVE_TRACK] = {"track", "receive, decode, track, free"},
	[LIVE_ENGINE] = {"live", "live capture"},
};

/* A row of the table, and its rounds. */
struct row {
	struct live_job job;
	struct live_outcome last;
	double ns[BENCH_ROUNDS_MAX], ticks[BENCH_ROUNDS_MAX], waited[BENCH_ROUNDS_MAX];
};

/* In the child: never returns. */
static void be_child(const struct live_job *job, int out)
{
	struct live_outcome outcome = {.error = ""};

	if (job->consumer == LIVE_ENGINE)
		live_engine_run(job, &outcome);
	else
		live_loop_run(job, &outcome);
	if (write(out, &outcome, sizeof(outcome)) != (ssize_t)sizeof(outcome))
		_exit(1);
	_exit(0);
}

/* EAL starts once a process: each measurement has its own. 0, or 1 after a message. */
static int run_job(const struct live_job *job, struct live_outcome *outcome)
{
	const char *const what = consumers[job->consumer].what;
	int pipes[2], status = 0;
	ssize_t got;
	pid_t pid;

	fflush(NULL);
	if (pipe(pipes) != 0)
		return bench_fail(1, "live", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		be_child(job, pipes[1]);
	}
	close(pipes[1]);
	got = pid > 0 ? read(pipes[0], outcome, sizeof(*outcome)) : -1;
	close(pipes[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)sizeof(*outcome))
		return bench_fail(1, what, "the measurement did not end well");
	return outcome->error[0] == '\0' ? 0 : bench_fail(1, what, outcome->error);
}

static int run_row(struct row *row, uint64_t round)
{
	const int status = run_job(&row->job, &row->last);
	const double packets = (double)row->job.packets;

	row->ns[round] = row->last.seconds * 1e9 / packets;
	row->ticks[round] = row->last.ticks / packets;
	row->waited[round] = row->last.waited * 100;
	return status;
}

/* ---- the table ----------------------------------------------------------------------- */

static void tell_row(struct report *report, struct row *row, uint32_t rounds)
{
	const enum live_consumer consumer = row->job.consumer;
	const struct bench_spread ns = bench_spread(row->ns, rounds);
	const struct bench_spread ticks = bench_spread(row->ticks, rounds);
	const struct bench_spread waited = bench_spread(row->waited, rounds);
	const bool is_fed = consumer != LIVE_NULL;

	report_row(report);
	report_text(report, "consumer", "consumer", consumers[consumer].name);
	report_text(report, "what", "what", consumers[consumer].what);
	report_number(report, "flows", "flows", is_fed ? (double)row->job.flows : (double)NAN, 0);
	report_number(report, "packets", NULL, (double)row->job.packets, 0);
	report_number(report, "mpps", "Mpps", 1e3 / ns.median, 2);
	report_number(report, "mpps_min", "min", 1e3 / ns.max, 2);
	report_number(report, "mpps_max", "max", 1e3 / ns.min, 2);
	report_number(report, "ns_per_packet", "ns/packet", ns.median, 1);
	report_number(report, "ticks_per_packet", "ticks/packet", ticks.median, 0);
	report_number(report, "feeder_waited_percent", "feeder waited, %",
		      is_fed ? waited.median : (double)NAN, 0);
	report_number(report, "feeder_waited_percent_min", NULL, is_fed ? waited.min : (double)NAN,
		      0);
}

static int tell(struct row *rows, uint32_t nb, uint32_t rounds, bool json)
{
	struct report report;
	int status;

	if (!report_init(&report, "live"))
		return bench_fail(1, "live", "out of memory");
	report_fact(&report, "rounds", "rounds", rounds, 0);
	report_fact(&report, "frame_bytes", "bytes of a frame", LIVE_FRAME_LEN + 4, 0);
	for (uint32_t i = 0; i < nb; i++)
		tell_row(&report, &rows[i], rounds);
	status = report_print(&report, json, stdout);
	report_fini(&report);
	return status;
}

/* The loops have the first number of flows, live capture each. */
static uint32_t make_rows(const struct live_job *base, const struct bench_list *flows,
			  const char *only, struct row *rows)
{
	uint32_t nb = 0;

	for (enum live_consumer consumer = 0; consumer < NB_LIVE_CONSUMERS; consumer++) {
		const uint32_t times = consumer == LIVE_ENGINE ? flows->nb : 1;

		if (only != NULL && strcmp(only, consumers[consumer].name) != 0)
			continue;
		for (uint32_t i = 0; i < times; i++) {
			rows[nb].job = *base;
			rows[nb].job.consumer = consumer;
			rows[nb++].job.flows = flows->values[i];
		}
	}
	return nb;
}

int cmd_live(int argc, char **argv)
{
	static struct row rows[MAX_ROWS];
	struct live_job base = {.packets = 20000000, .mbufs = 16383, .slots = 1024};
	struct bench_list flows = {.values = {100000, 1000, 1000000}, .nb = 3};
	uint64_t rounds = BENCH_ROUNDS;
	const char *only = NULL, *frames = NULL;
	bool json = false;
	const struct bench_option table[] = {
		{"--flows", BENCH_LIST, 1u << 24, &flows},
		{"--packets", BENCH_NUMBER, UINT64_C(1) << 40, &base.packets},
		{"--mbufs", BENCH_NUMBER, 1u << 20, &base.mbufs},
		{"--slots", BENCH_NUMBER, 1u << 16, &base.slots},
		{"--rounds", BENCH_NUMBER, BENCH_ROUNDS_MAX, &rounds},
		{"--only", BENCH_TEXT, 0, &only},
		{"--frames", BENCH_TEXT, 0, &frames},
		{"--json", BENCH_FLAG, 0, &json},
	};
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), NULL, 0);
	uint32_t nb;

	(void)argc;
	if (status == 0 && frames != NULL)
		return live_flows_write(flows.values[0], base.packets, frames);
	if (status == 0 && (base.slots & (base.slots - 1)) != 0)
		status = bench_fail(2, "--slots", "not a power of two");
	nb = make_rows(&base, &flows, only, rows);
	if (status == 0 && nb == 0)
		status = bench_fail(2, only, "no such consumer: null, empty, decode, track, live");
	for (uint64_t round = 0; status == 0 && round < rounds; round++) {
		/* Every other round backwards: a machine that drifts drifts for all. */
		for (uint32_t i = 0; status == 0 && i < nb; i++)
			status = run_row(&rows[round % 2 == 0 ? i : nb - 1 - i], round);
	}
	return status == 0 ? tell(rows, nb, (uint32_t)rounds, json) : status;
}
