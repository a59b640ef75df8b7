/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments through their flows, and ended flows into records. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/totals.h"
#include "tcpmill/reassembly.h"
#include "worker_priv.h"

/* Flows that are looked at each millisecond for their timeout. */
#define EXPIRE_AT_MOST 1024u

/* How far ahead of the segment at hand its flow is fetched. */
#define FLOW_AHEAD 8u

/* RFC 8200 4.5: a datagram is given up so long after its first fragment. */
#define FRAGMENT_TIMEOUT_NS 60000000000u

/* ---- records ------------------------------------------------------------------------- */

#define PATIENCE_NS 3000000000 /* that the end of a run has with a writer that is stuck */
#define PAUSE_US 200u

/* At the end nothing comes in any more, so a record may wait for the writer's next block. */
static struct flow_record *wait_for_row(struct live_worker *worker)
{
	const uint64_t from_ns = live_monotonic_ns();
	struct flow_record *row = NULL;

	while (row == NULL && !atomic_load(&worker->live->is_stuck)) {
		usleep(PAUSE_US);
		row = live_outbox_next(&worker->outbox, worker->now_ns);
		if (row == NULL && live_monotonic_ns() - from_ns > PATIENCE_NS)
			atomic_store(&worker->live->is_stuck, true);
	}
	return row;
}

/* The flow as a row on its way to the writer; false when that is full. */
static bool hand_over(struct live_worker *worker, const struct flow *flow, bool is_active)
{
	struct flow_record *row = live_outbox_next(&worker->outbox, worker->now_ns);
	struct tcp_flow room;

	if (row == NULL && worker->is_ending)
		row = wait_for_row(worker);
	if (row == NULL)
		return false;
	if (is_active)
		flow_record_fill_active(tcp_flow_view(flow, &room), row);
	else
		flow_record_fill(tcp_flow_view(flow, &room), row);
	totals_add(&worker->totals, row);
	flow_record_make_live(row);
	live_outbox_put(&worker->outbox);
	worker->stats.records++;
	worker->stats.active_records += is_active;
	return true;
}

/* Its slot may be taken for the next flow as soon as this returns. */
static void on_flow_ended(void *context, struct flow *flow)
{
	struct live_worker *worker = context;

	if (!hand_over(worker, flow, false))
		worker->stats.records_dropped++;
	tcp_flow_end(worker->tracker, flow);
	tcp_flow_release(worker->tracker, flow);
	flow_table_release(worker->table, flow);
}

/* ---- time ---------------------------------------------------------------------------- */

static int arm_timer(struct live_worker *worker, struct flow *flow, uint64_t clock_ns)
{
	const struct live_timer timer = {
		.deadline_ns = clock_ns + worker->live->config->active_timeout_ns,
		.flow = flow,
		.generation = flow->generation,
	};

	return live_timers_push(&worker->timers, &timer, worker->stats.live_flows);
}

static void make_active_records(struct live_worker *worker)
{
	const uint64_t clock_ns = worker->clock.elapsed_ns;
	struct live_timer timer;

	while (live_timers_pop(&worker->timers, clock_ns, &timer)) {
		/* When the writer is full the counts go on, and are told the next time. */
		if (tcp_flow_has_news(timer.flow) && hand_over(worker, timer.flow, true) &&
		    tcp_flow_restart(worker->tracker, timer.flow))
			flow_table_fit(worker->table, timer.flow);
		if (arm_timer(worker, timer.flow, clock_ns) != 0)
			worker->failed = true;
	}
}

static void count_flows(struct live_worker *worker)
{
	struct flow_table_stats table;
	struct tcp_tracker_stats tracker;
	struct reassembly_stats fragments;

	flow_table_get_stats(worker->table, &table);
	worker->stats.live_flows = table.nb_live;
	worker->stats.max_live_flows = table.max_live;
	worker->stats.flows = table.nb_created;
	worker->stats.flow_bytes = table.slot_bytes;
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		worker->stats.evicted[c] = table.nb_evicted_of[c];
	tcp_tracker_get_stats(worker->tracker, &tracker);
	worker->stats.holes_cut = tracker.holes_cut;
	reassembly_get_stats(worker->reassembly, &fragments);
	worker->stats.datagrams = fragments.completed;
	worker->stats.datagrams_given_up = fragments.given_up;
	worker->stats.datagrams_held = fragments.incomplete;
}

/*
 * Time goes on between segments, but by no more than it did since the last look: while the
 * system's clock is being set, stamps and until_ns are of two times of day, and each change from
 * one to the other would count as time.
 */
static void pass_time(struct live_worker *worker, int64_t until_ns)
{
	struct capture_clock *clock = &worker->clock;
	const int64_t passed_ns = until_ns - worker->until_ns;
	const int64_t ahead_ns = until_ns - clock->reference_ns;

	worker->until_ns = until_ns;
	if (!clock->started)
		(void)capture_clock_tick(clock, until_ns);
	else if (passed_ns > 0 && ahead_ns > 0)
		(void)capture_clock_tick(clock, clock->reference_ns + RTE_MIN(passed_ns, ahead_ns));
}

void live_expire(struct live_worker *worker, int64_t until_ns)
{
	if (until_ns != INT64_MIN)
		pass_time(worker, until_ns);
	/*
	 * Where memory for their order is short, or many are idle all at once (the clock was set),
	 * some live on until the next time, a millisecond later: the writer needs that.
	 */
	(void)flow_table_expire(worker->table, worker->clock.elapsed_ns, EXPIRE_AT_MOST);
	if (worker->live->config->active_timeout_ns != 0)
		make_active_records(worker);
	count_flows(worker);
	if (tcp_tracker_failed(worker->tracker))
		worker->failed = true;
}

void live_end_flows(struct live_worker *worker)
{
	worker->is_ending = true;
	(void)flow_table_expire(worker->table, worker->clock.elapsed_ns, FLOW_EXPIRE_ALL);
	flow_table_end_all(worker->table);
	live_outbox_flush(&worker->outbox, INT64_MAX);
	count_flows(worker);
}

/* ---- segments ------------------------------------------------------------------------ */

static void track_one(struct live_worker *worker, const struct segment *segment, struct flow *guess)
{
	struct tcp_arrival arrival =
		tcp_flow_find(worker->table, segment, worker->frame, segment->port, guess);
	struct tcp_result result;

	if (arrival.flow == NULL) {
		worker->stats.fates[FATE_TRACKED]--; /* its receiver counted it; sums hold */
		worker->stats.fates[FATE_UNTRACKED]++;
		return;
	}
	if (arrival.is_fresh && worker->live->config->active_timeout_ns != 0 &&
	    arm_timer(worker, arrival.flow, segment->clock_ns) != 0)
		worker->failed = true;
	arrival.is_tried = arrival.flow == guess;
	result = tcp_track(worker->tracker, &arrival, segment, NULL);
	tcp_flow_touch(worker->table, &arrival, segment, &result);
	worker->stats.tracked++;
	worker->stats.quoted += segment->is_quoted;
	worker->stats.offload_segments += result.is_offload;
	worker->stats.anomalous_packets += result.is_anomaly;
}

/* Most segments: the guess was right, and they go on where their flow stopped. */
static inline bool track_next(struct live_worker *worker, const struct segment *segment,
			      struct flow *flow)
{
	bool is_offload;

	if (!tcp_track_guess(flow, segment, &worker->limits, worker->frame, &is_offload))
		return false;
	worker->stats.tracked++;
	worker->stats.offload_segments += is_offload;
	return true;
}

static struct flow *guess_flow(const struct live_worker *worker, const struct segment *segment)
{
	struct flow *flow = flow_table_guess(worker->table, segment);

	tcp_flow_prefetch(flow, segment);
	return flow;
}

void live_track(struct live_worker *worker, struct segment *const *segments, uint32_t nb)
{
	struct flow *guesses[FLOW_AHEAD]; /* of the segments to come, by index modulo */

	for (uint32_t i = 0; i < nb && i < FLOW_AHEAD; i++)
		guesses[i] = guess_flow(worker, segments[i]);
	for (uint32_t i = 0; i < nb; i++) {
		struct flow *guess = guesses[i % FLOW_AHEAD];
		struct segment *segment = segments[i];

		if (i + FLOW_AHEAD < nb)
			guesses[i % FLOW_AHEAD] = guess_flow(worker, segments[i + FLOW_AHEAD]);
		(void)capture_clock_tick(&worker->clock, segment->ts_ns);
		segment->clock_ns = worker->clock.elapsed_ns;
		worker->frame++;
		if (!track_next(worker, segment, guess))
			track_one(worker, segment, guess);
	}
}

/* ---- set-up -------------------------------------------------------------------------- */

/*
 * Where the NIC deals flows, a worker's are in all partitions; else it has partitions of its
 * own, as in replay.
 */
static uint64_t partitions_of(const struct live *live, uint32_t id)
{
	uint64_t mask = 0;

	if (live->is_affine)
		return UINT64_MAX;
	for (uint32_t p = id; p < FLOW_NB_PARTITIONS; p += live->nb_workers)
		mask |= 1ull << p;
	return mask;
}

int live_worker_init(struct live_worker *worker, struct live *live, uint32_t id)
{
	const struct live_config *config = live->config;
	struct flow_table_params params = {
		.partitions = partitions_of(live, id),
		.max_flows = config->max_flows / (live->is_affine ? live->nb_workers : 1),
		.max_bytes = config->max_bytes / (live->is_affine ? live->nb_workers : 1),
		.slot_size = sizeof(struct flow),
		.nb_spare = 1, /* ended flows are given back at once */
		.ended = on_flow_ended,
		.context = worker,
	};
	const struct reassembly_params reassembly = {
		.keys = &live->keys,
		.max_bytes = config->fragment_bytes != 0 ? config->fragment_bytes / live->nb_workers
							 : REASSEMBLY_BYTES,
		.timeout_ns = FRAGMENT_TIMEOUT_NS,
	};

	memcpy(params.timeout_ns, config->timeout_ns, sizeof(params.timeout_ns));
	worker->live = live;
	worker->id = id;
	worker->merged_ns = INT64_MIN;
	flow_limits_init(&worker->limits, params.timeout_ns);
	worker->queues = calloc(live->nb_queues, sizeof(struct live_queue *));
	worker->table = flow_table_create(&params);
	worker->tracker = tcp_tracker_create(false);
	worker->reassembly = reassembly_create(&reassembly);
	if (worker->queues == NULL || worker->table == NULL || worker->tracker == NULL ||
	    worker->reassembly == NULL ||
	    live_outbox_init(&worker->outbox, config->record_blocks) != 0)
		return -ENOMEM;
	tcp_tracker_only_count(worker->tracker);
	tcp_tracker_join(worker->tracker, worker->table);
	return 0;
}

void live_worker_fini(struct live_worker *worker)
{
	if (worker->live == NULL)
		return;
	flow_table_destroy(worker->table);
	tcp_tracker_destroy(worker->tracker);
	reassembly_destroy(worker->reassembly);
	live_outbox_fini(&worker->outbox);
	live_timers_fini(&worker->timers);
	free(worker->queues);
}
