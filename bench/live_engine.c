/* SPDX-License-Identifier: BSD-3-Clause */

/* The whole of live capture as the feeder's reader: what `tcpmill run -i` does, one worker. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "tcpmill/live.h"

struct run {
	const struct live_job *job;
	struct live_feed *feed;
};

static int on_eal_started(void *context, char *error, size_t error_size)
{
	struct run *const run = context;

	run->feed = live_feed_create(run->job, error, error_size);
	return run->feed != NULL ? 0 : -1;
}

static void on_started(void *context, const struct live_start *start)
{
	struct run *const run = context;

	(void)start;
	/* Without it nothing comes, and the run ends by its duration. */
	(void)live_feed_start(run->feed, live_feed_cpu());
}

/* Every frame came, was of a flow that was fed, and was in order. */
static void check(const struct live_job *job, const struct live_result *result,
		  struct live_outcome *outcome)
{
	struct live_sum sum;

	live_sum(&result->stats, &sum);
	outcome->tcp = sum.all.tracked;
	outcome->flows = result->totals.flows;
	outcome->anomalous = sum.all.anomalous_packets;
	outcome->records = sum.all.records;
	if (sum.all.received != live_feed_total(job) || sum.all.tracked != sum.all.received)
		snprintf(outcome->error, sizeof(outcome->error),
			 "%" PRIu64 " packets received, %" PRIu64 " tracked, %" PRIu64 " fed",
			 sum.all.received, sum.all.tracked, live_feed_total(job));
	else if (outcome->flows != job->flows || outcome->anomalous != 0)
		snprintf(outcome->error, sizeof(outcome->error),
			 "%" PRIu64 " flows, %" PRIu64 " fed; %" PRIu64 " anomalous packets",
			 outcome->flows, job->flows, outcome->anomalous);
}

void live_engine_run(const struct live_job *job, struct live_outcome *outcome)
{
	static const char *const ports[] = {LIVE_PORT};
	char mib[16];
	const char *const eal[] = {"-m", mib};
	struct run run = {.job = job};
	const struct live_config config = {
		.ports = ports,
		.nb_ports = 1,
		.nb_workers = 1,
		.snaplen = 262144,
		.promiscuous = true,
		.max_frames = live_feed_total(job),
		.duration_ns = UINT64_C(300) * 1000000000u,
		.max_flows = 2 * job->flows + 65536,
		.timeout_ns = {0},
		.hash_seed = 1,
		.batch_rows = 65536,
		.eal = eal,
		.nb_eal = 2,
		.exchange_cells = 4096,
		.record_blocks = 64,
	};
	const struct live_hooks hooks = {
		.eal_started = on_eal_started,
		.started = on_started,
		.context = &run,
	};
	struct live_result *const result = calloc(1, sizeof(*result));
	bool usage;

	snprintf(mib, sizeof(mib), "%d", LIVE_MIB);
	if (result == NULL)
		snprintf(outcome->error, sizeof(outcome->error), "out of memory");
	else if (live_run(&config, &hooks, result, outcome->error, sizeof(outcome->error),
			  &usage) == 0)
		check(job, result, outcome);
	if (run.feed != NULL)
		live_feed_finish(run.feed, outcome->error[0] != '\0', outcome);
	free(result);
}
