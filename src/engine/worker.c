/* SPDX-License-Identifier: BSD-3-Clause */

/* What a worker does to a chunk's segments of its partitions: it tracks them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "ring.h"

/* How far ahead of the segment at hand its bucket, then its flow, are fetched. */
#define BUCKET_AHEAD 16u
#define FLOW_AHEAD 8u

#define RING_LISTS 64u

static void on_flow_ended(void *context, struct flow *flow)
{
	struct worker *worker = context;

	/* At the end of the input nothing gives way any more. */
	if (flow->end_reason != END_OF_INPUT)
		tcp_flow_end(worker->tracker, flow);
	if (ended_list_add(worker->ended, flow) != 0)
		worker->failed = true;
}

static uint64_t partitions_of(uint32_t worker, uint32_t nb_workers)
{
	uint64_t mask = 0;

	for (uint32_t p = worker; p < FLOW_NB_PARTITIONS; p += nb_workers)
		mask |= 1ull << p;
	return mask;
}

int worker_init(struct worker *worker, struct engine *engine, uint32_t id)
{
	struct flow_table_params params = {
		.partitions = partitions_of(id, engine->nb_workers),
		.max_flows = engine->config->max_flows,
		.max_bytes = engine->config->memory.state_bytes,
		.slot_size = sizeof(struct flow),
		/* Ended flows of the epochs in flight, and of the batches being written. */
		.nb_spare = ((engine->epochs_ahead + 2) << engine->epoch_shift) +
			    (ENGINE_MAX_JOBS + 1u) * engine->config->batch_rows,
		.ended = on_flow_ended,
		.context = worker,
	};

	worker->engine = engine;
	worker->teller = engine->teller;
	memcpy(params.timeout_ns, engine->config->timeout_ns, sizeof(params.timeout_ns));
	flow_limits_init(&worker->limits, params.timeout_ns);
	worker->id = id;
	worker->delay_state = engine->config->delay_seed + id + 1;
	pthread_mutex_init(&worker->returned_lock, NULL);
	worker->table = flow_table_create(&params);
	worker->tracker =
		tcp_tracker_create(worker->teller != NULL && worker->teller->wants_details);
	worker->ended = ended_list_create();
	worker->ended_ring = ring_create(RING_LISTS);
	worker->rows = calloc(MERGER_TILE, sizeof(*worker->rows));
	worker->owners = malloc(engine->config->batch_rows);
	if (engine->config->output != NULL)
		worker->encoder =
			arrow_encoder_create(flow_record_format(), engine->config->batch_rows);
	if (worker->table == NULL || worker->tracker == NULL || worker->ended == NULL ||
	    worker->ended_ring == NULL || worker->rows == NULL || worker->owners == NULL ||
	    (engine->config->output != NULL && worker->encoder == NULL))
		return -ENOMEM;
	tcp_tracker_join(worker->tracker, worker->table);
	return 0;
}

void worker_fini(struct worker *worker)
{
	if (worker->engine == NULL)
		return;
	flow_table_destroy(worker->table);
	tcp_tracker_destroy(worker->tracker);
	ended_list_destroy(worker->ended);
	if (worker->ended_ring != NULL) {
		void *list;

		while (rte_ring_dequeue(worker->ended_ring, &list) == 0)
			ended_list_destroy(list);
		free(worker->ended_ring);
	}
	arrow_encoder_destroy(worker->encoder);
	free(worker->rows);
	free(worker->owners);
	free(worker->returned);
	pthread_mutex_destroy(&worker->returned_lock);
}

/* Hands the current epoch's list to the merger and starts the next one. */
static int send_ended(struct worker *worker, uint64_t epoch, uint64_t sequence)
{
	struct engine *engine = worker->engine;
	struct ended_list *next = ended_list_create();
	int rc = ended_list_sort(worker->ended);

	if (next == NULL || rc != 0 || worker->failed) {
		ended_list_destroy(next);
		return -ENOMEM;
	}
	worker->ended->epoch = epoch;
	worker->ended->sequence = sequence;
	rc = rte_ring_sp_enqueue(worker->ended_ring, worker->ended);
	assert(rc == 0); /* EPOCHS_AHEAD bounds what is in the ring */
	worker->ended = next;
	pthread_mutex_lock(&engine->lock);
	pthread_cond_signal(&engine->merger_wakeup);
	pthread_mutex_unlock(&engine->lock);
	return rc;
}

/* The end of an epoch: whoever is idle for too long by now ended in it. */
static int pass_border(struct worker *worker, const struct slot *slot)
{
	worker->border_done = slot->sequence + 1;
	if (flow_table_expire(worker->table, slot->chunk.border_clock_ns, FLOW_EXPIRE_ALL) != 0)
		return -ENOMEM;
	return send_ended(worker, worker->epoch++, slot->sequence);
}

int worker_end_chunk(struct worker *worker, struct slot *slot)
{
	struct flow_table_stats stats;

	if (worker->failed || tcp_tracker_failed(worker->tracker))
		return -ENOMEM;
	flow_table_get_stats(worker->table, &stats);
	if (stats.nb_full_partitions != 0)
		atomic_store_explicit(&worker->engine->nearly_full, true, memory_order_relaxed);
	if (slot->chunk.border_frame != 0 && worker->border_done <= slot->sequence)
		return pass_border(worker, slot);
	return 0;
}

static int note_born(struct born_list *list, struct flow *flow)
{
	if (list->nb == list->room) {
		const uint32_t room = list->room == 0 ? 256 : list->room * 2;
		struct born_flow *items = realloc(list->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	list->items[list->nb++] = (struct born_flow){.place = flow_place(flow), .flow = flow};
	return 0;
}

/*
 * Keeps what is to be told of a segment. Most flows have their stream number, which spares
 * the teller a look at them; the others were born in a chunk that is not numbered yet.
 */
static void keep_told(const struct worker *worker, struct told_list *list, struct engine_told *told,
		      const struct flow *flow)
{
	if (worker->teller->only_verdicts && told->note.verdicts == 0)
		return;
	told->flow = flow;
	told->note.stream = __atomic_load_n(&flow->stream, __ATOMIC_RELAXED);
	list->nb++;
}

static int track_one(struct worker *worker, struct slot *slot, const struct segment *segment,
		     uint64_t frame, struct flow *guess)
{
	struct tcp_arrival arrival = tcp_flow_find(
		worker->table, segment, frame, chunk_input(&slot->chunk, segment->frame), guess);
	struct engine_told *told = NULL;
	struct tcp_result result;

	if (arrival.flow == NULL) {
		/* Of several headers the first tells what became of the frame. */
		worker->fates[FATE_TRACKED] -= segment->layer == 0;
		worker->fates[FATE_UNTRACKED] += segment->layer == 0;
		return 0;
	}
	if (arrival.is_fresh && note_born(&slot->born[worker->id], arrival.flow) != 0)
		return -ENOMEM;
	if (worker->teller != NULL) {
		told = told_list_next(&slot->told[worker->id]);
		if (told == NULL)
			return -ENOMEM;
	}
	arrival.is_tried = arrival.flow == guess;
	result = tcp_track(worker->tracker, &arrival, segment, told != NULL ? &told->note : NULL);
	if (told != NULL)
		keep_told(worker, &slot->told[worker->id], told, arrival.flow);
	tcp_flow_touch(worker->table, &arrival, segment, &result);
	worker->tracked++;
	worker->quoted += segment->is_quoted;
	worker->offload_segments += result.is_offload;
	worker->anomalous_packets += result.is_anomaly;
	return 0;
}

/* Most segments: the guess was right, and they go on where their flow stopped. */
static inline bool track_next(struct worker *worker, const struct segment *segment, uint64_t frame,
			      struct flow *flow)
{
	bool is_offload;

	if (worker->teller != NULL ||
	    !tcp_track_guess(flow, segment, &worker->limits, frame, &is_offload))
		return false;
	worker->tracked++;
	worker->offload_segments += is_offload;
	return true;
}

static int track_segment(struct worker *worker, struct slot *slot, const struct segment *segment,
			 struct flow *guess)
{
	const struct chunk *chunk = &slot->chunk;
	const uint64_t frame = chunk->first_frame + segment->frame;
	int rc = 0;

	if (chunk->border_frame != 0 && frame >= chunk->border_frame &&
	    worker->border_done <= slot->sequence)
		rc = pass_border(worker, slot);
	if (rc != 0 || track_next(worker, segment, frame, guess))
		return rc;
	return track_one(worker, slot, segment, frame, guess);
}

/* The segment's bucket is there by now: whom it is about, and what it will touch. */
static struct flow *guess_flow(const struct worker *worker, const struct segment *segment)
{
	struct flow *flow = flow_table_guess(worker->table, segment);

	tcp_flow_prefetch(flow, segment);
	if (worker->teller != NULL)
		__builtin_prefetch(&flow->stream); /* which a note needs */
	return flow;
}

/*
 * Fetches run ahead by a fixed distance, a few lines a segment: many at a time are dropped
 * by the processor.
 */
int worker_track(struct worker *worker, struct slot *slot, const struct segment *segments,
		 uint32_t nb)
{
	struct flow *guesses[FLOW_AHEAD]; /* of the segments to come, by index modulo */
	int rc = 0;

	for (uint32_t i = 0; i < nb && i < BUCKET_AHEAD; i++)
		flow_table_prefetch_bucket(worker->table, &segments[i]);
	for (uint32_t i = 0; i < nb && i < FLOW_AHEAD; i++)
		guesses[i] = guess_flow(worker, &segments[i]);
	for (uint32_t i = 0; rc == 0 && i < nb; i++) {
		struct flow *guess = guesses[i % FLOW_AHEAD];

		if (i + BUCKET_AHEAD < nb)
			flow_table_prefetch_bucket(worker->table, &segments[i + BUCKET_AHEAD]);
		if (i + FLOW_AHEAD < nb)
			guesses[i % FLOW_AHEAD] = guess_flow(worker, &segments[i + FLOW_AHEAD]);
		if (worker->teller != NULL && i + FLOW_AHEAD / 2 < nb)
			tcp_flow_prefetch_beside(guesses[(i + FLOW_AHEAD / 2) % FLOW_AHEAD],
						 &segments[i + FLOW_AHEAD / 2]);
		rc = track_segment(worker, slot, &segments[i], guess);
	}
	return rc;
}

int worker_track_list(struct worker *worker, struct slot *slot)
{
	const struct segment_list *list = &slot->segments[worker->id];

	return worker_track(worker, slot, list->items, list->nb);
}

int worker_finish(struct worker *worker)
{
	const uint64_t last = worker->sequence == 0 ? 0 : worker->sequence - 1;

	/* Flows that ended in the last epoch come before those that are alive at its end. */
	if (send_ended(worker, worker->epoch++, last) != 0)
		return -ENOMEM;
	flow_table_end_all(worker->table);
	return send_ended(worker, EPOCH_LAST, last);
}

void worker_reclaim(struct worker *worker)
{
	pthread_mutex_lock(&worker->returned_lock);
	for (size_t i = 0; i < worker->nb_returned; i++) {
		if (i + 4 < worker->nb_returned)
			__builtin_prefetch(worker->returned[i + 4]);
		tcp_flow_release(worker->tracker, worker->returned[i]);
		flow_table_release(worker->table, worker->returned[i]);
	}
	worker->nb_returned = 0;
	pthread_mutex_unlock(&worker->returned_lock);
}
