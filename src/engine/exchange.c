/* SPDX-License-Identifier: BSD-3-Clause */

/* The plan: which chunk is where, and who does what next. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_priv.h"
#include "tcpmill/reassembly.h"

int exchange_init(struct engine *engine)
{
	/* Each worker one chunk at work, one to sort, one being read; two for the serial steps. */
	engine->nb_slots = 3 * engine->nb_workers + 2;
	/* And one each to tell, one that is put. */
	if (engine->teller != NULL)
		engine->nb_slots += engine->nb_workers + 1;
	engine->slots = calloc(engine->nb_slots, sizeof(*engine->slots));
	engine->in_flight = calloc(engine->nb_slots, sizeof(*engine->in_flight));
	engine->free_slots = calloc(engine->nb_slots, sizeof(*engine->free_slots));
	if (engine->slots == NULL || engine->in_flight == NULL || engine->free_slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < engine->nb_slots; i++) {
		struct slot *slot = &engine->slots[i];

		engine->free_slots[engine->nb_free++] = slot;
		slot->segments = calloc(engine->nb_workers, sizeof(*slot->segments));
		slot->born = calloc(engine->nb_workers, sizeof(*slot->born));
		if (slot->segments == NULL || slot->born == NULL ||
		    chunk_init(&slot->chunk, engine->capture) != 0)
			return -ENOMEM;
		if (engine->teller != NULL && teller_init_slot(slot, engine->nb_workers) != 0)
			return -ENOMEM;
	}
	return 0;
}

void exchange_fini(struct engine *engine)
{
	for (uint32_t i = 0; engine->slots != NULL && i < engine->nb_slots; i++) {
		struct slot *slot = &engine->slots[i];

		for (uint32_t w = 0; w < engine->nb_workers; w++) {
			if (slot->segments != NULL)
				free(slot->segments[w].items);
			if (slot->born != NULL)
				free(slot->born[w].items);
		}
		teller_fini_slot(slot, engine->nb_workers);
		free(slot->later.items);
		datagrams_free(slot->datagrams);
		free(slot->segments);
		free(slot->born);
		chunk_fini(&slot->chunk);
	}
	free(engine->slots);
	free(engine->in_flight);
	free(engine->free_slots);
}

/* The chunk of that number if it is in this state, or NULL. */
static struct slot *slot_in_state(struct engine *engine, uint64_t sequence, enum slot_state state)
{
	struct slot *slot = engine->in_flight[sequence % engine->nb_slots];

	if (slot == NULL || slot->sequence != sequence || slot->state != state)
		return NULL;
	return slot;
}

/* Test option: pauses make every order of events likely. */
static void maybe_pause(struct worker *worker)
{
	uint64_t x = worker->delay_state;

	if (worker->engine->config->delay_seed == 0)
		return;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->delay_state = x;
	if ((x & 3) == 0)
		usleep((useconds_t)(x >> 8 & 1023));
}

/*
 * Every step below is entered and left with the lock held, and drops it for the
 * work itself.
 */
static void step_begin(struct worker *worker)
{
	pthread_mutex_unlock(&worker->engine->lock);
	maybe_pause(worker);
}

static void step_end(struct worker *worker, int rc, const char *what)
{
	if (rc == -ENOMEM)
		engine_fail(worker->engine, "out of memory (%s)", what);
	pthread_mutex_lock(&worker->engine->lock);
	pthread_cond_broadcast(&worker->engine->changed);
}

/* The stream numbers of a chunk's new flows: a merge of the workers' lists by place. */
static void number_flows(struct engine *engine, struct slot *slot)
{
	uint32_t at[ENGINE_MAX_WORKERS] = {0};

	for (;;) {
		struct born_flow *first = NULL;
		uint32_t from = 0;

		for (uint32_t w = 0; w < engine->nb_workers; w++) {
			struct born_flow *head;

			if (at[w] == slot->born[w].nb)
				continue;
			head = &slot->born[w].items[at[w]];
			if (first == NULL || head->place < first->place) {
				first = head;
				from = w;
			}
		}
		if (first == NULL)
			return;
		/* Its worker may look by now whether a later segment's flow has its number. */
		__atomic_store_n(&first->flow->stream, engine->nb_streams++, __ATOMIC_RELAXED);
		at[from]++;
	}
}

/* A chunk that nobody looks at again: its flows may be written, its buffer is free. */
static void finish_slot(struct engine *engine, struct slot *slot)
{
	engine->in_flight[slot->sequence % engine->nb_slots] = NULL;
	engine->free_slots[engine->nb_free++] = slot;
	engine->next_done++;
	/* The merger waits for chunks in which an epoch ends, and for the last one. */
	if (slot->chunk.border_frame != 0 ||
	    (engine->all_claimed && engine->next_done == engine->next_read))
		pthread_cond_signal(&engine->merger_wakeup);
}

static bool step_number(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, engine->next_number, SLOT_SORTED);

	if (slot == NULL || engine->numbering || slot->nb_worked < engine->nb_workers)
		return false;
	engine->numbering = true;
	step_begin(worker);
	number_flows(engine, slot);
	datagrams_free(slot->datagrams);
	slot->datagrams = NULL;
	step_end(worker, 0, NULL);
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		slot->segments[w].nb = 0;
		slot->born[w].nb = 0;
	}
	engine->next_number++;
	engine->numbering = false;
	if (engine->teller != NULL)
		slot->state = SLOT_NUMBERED;
	else
		finish_slot(engine, slot);
	return true;
}

static bool step_tell(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, engine->next_tell, SLOT_NUMBERED);

	if (slot == NULL)
		return false;
	slot->state = SLOT_TELLING;
	engine->next_tell++;
	step_begin(worker);
	teller_tell(engine, slot);
	step_end(worker, 0, NULL);
	slot->state = SLOT_TOLD;
	return true;
}

static bool step_put(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, engine->next_done, SLOT_TOLD);

	if (slot == NULL || engine->putting)
		return false;
	engine->putting = true;
	step_begin(worker);
	teller_put(engine, slot);
	step_end(worker, 0, NULL);
	engine->putting = false;
	finish_slot(engine, slot);
	return true;
}

/* A worker may not run away from the merger: ended flows keep their slots until written. */
static bool is_too_far_ahead(const struct engine *engine, const struct slot *slot)
{
	return slot->chunk.border_frame >> engine->epoch_shift >
	       engine->merged_epochs + engine->epochs_ahead;
}

static bool step_work(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, worker->sequence, SLOT_SORTED);
	int rc;

	if (slot == NULL || is_too_far_ahead(engine, slot))
		return false;
	step_begin(worker);
	worker_reclaim(worker);
	rc = worker_track_list(worker, slot);
	if (rc == 0)
		rc = worker_end_chunk(worker, slot);
	step_end(worker, rc, "flows");
	worker->sequence++;
	slot->nb_worked++;
	return true;
}

/* The next chunk that has something to resolve, if all those before it are sorted. */
static struct slot *next_to_resolve(struct engine *engine)
{
	for (;; engine->next_resolve++) {
		struct slot *slot = engine->in_flight[engine->next_resolve % engine->nb_slots];

		if (engine->next_resolve < engine->next_done)
			continue;
		if (slot == NULL || slot->sequence != engine->next_resolve)
			return NULL;
		if (slot->state < SLOT_SORTED)
			return slot->state == SLOT_LATER ? slot : NULL;
	}
}

static bool step_resolve(struct worker *worker)
{
	struct slot *slot = next_to_resolve(worker->engine);
	int rc;

	if (slot == NULL)
		return false;
	slot->state = SLOT_RESOLVING;
	step_begin(worker);
	rc = worker_resolve(worker, slot);
	step_end(worker, rc, "fragments");
	slot->state = SLOT_SORTED;
	return true;
}

static bool step_sort(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, engine->next_sort, SLOT_CUT);
	int rc;

	if (slot == NULL || (engine->nb_workers == 1 && is_too_far_ahead(engine, slot)))
		return false;
	slot->state = SLOT_SORTING;
	engine->next_sort++;
	step_begin(worker);
	if (engine->nb_workers == 1)
		worker_reclaim(worker);
	rc = worker_sort(worker, slot);
	if (engine->nb_workers == 1 && rc == 0)
		rc = worker_end_chunk(worker, slot);
	step_end(worker, rc, "segments");
	slot->state = slot->later.nb == 0 ? SLOT_SORTED : SLOT_LATER;
	if (engine->nb_workers == 1) {
		worker->sequence++;
		slot->nb_worked = 1;
	}
	return true;
}

static bool step_cut(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot = slot_in_state(engine, engine->next_cut, SLOT_READ);
	int rc;

	if (slot == NULL || engine->cutting)
		return false;
	engine->cutting = true;
	step_begin(worker);
	rc = capture_cut(engine->capture, &slot->chunk);
	if (rc != 0)
		engine_fail(engine, "%s", capture_failure(engine->capture));
	atomic_store_explicit(&engine->frames, capture_totals(engine->capture)->nb_frames,
			      memory_order_relaxed);
	atomic_store_explicit(&engine->bytes_done, capture_totals(engine->capture)->input_bytes,
			      memory_order_relaxed);
	step_end(worker, 0, NULL);
	slot->state = SLOT_CUT;
	engine->next_cut++;
	engine->cutting = false;
	return true;
}

static bool step_read(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct slot *slot;

	if (engine->all_claimed || engine->nb_free == 0)
		return false;
	slot = engine->free_slots[engine->nb_free - 1];
	/* The claim opens files now and then, so it is short but for that. */
	if (!capture_claim(engine->capture, &slot->chunk)) {
		engine->all_claimed = true;
		pthread_cond_broadcast(&engine->changed);
		return true;
	}
	engine->nb_free--;
	slot->sequence = engine->next_read++;
	slot->state = SLOT_CLAIMED;
	engine->in_flight[slot->sequence % engine->nb_slots] = slot;
	slot->nb_worked = 0;
	step_begin(worker);
	capture_read(engine->capture, &slot->chunk);
	step_end(worker, 0, NULL);
	slot->state = SLOT_READ;
	return true;
}

static bool step_encode(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct job *job = merger_take_job(&engine->merger);

	if (job == NULL)
		return false;
	step_begin(worker);
	merger_encode(worker, job);
	step_end(worker, 0, NULL);
	job->is_done = true;
	pthread_cond_signal(&engine->merger_wakeup);
	return true;
}

static bool step_finish(struct worker *worker)
{
	struct engine *engine = worker->engine;
	int rc;

	if (worker->is_finished || !engine->all_claimed || worker->sequence != engine->next_read)
		return false;
	if (engine->read_end_ns == 0) {
		engine->read_end_ns = engine_now_ns();
		atomic_store(&engine->reading_done, true);
	}
	worker->is_finished = true;
	step_begin(worker);
	rc = worker_finish(worker);
	step_end(worker, rc, "ended flows");
	return true;
}

/*
 * Own work first, so that few chunks are in flight; reading ahead last. One worker alone sorts
 * before it cuts: the cut of a pipe may have to wait.
 */
static bool do_something(struct worker *worker)
{
	if (worker->engine->nb_workers == 1 && step_sort(worker))
		return true;
	return step_work(worker) || step_number(worker) || step_put(worker) || step_tell(worker) ||
	       step_cut(worker) || step_resolve(worker) || step_sort(worker) ||
	       step_encode(worker) || step_read(worker) || step_finish(worker);
}

void exchange_work(struct worker *worker)
{
	struct engine *engine = worker->engine;

	pthread_mutex_lock(&engine->lock);
	while (!engine->failed && !(worker->is_finished && engine->merger.is_finished)) {
		if (!do_something(worker))
			pthread_cond_wait(&engine->changed, &engine->lock);
	}
	pthread_mutex_unlock(&engine->lock);
}
