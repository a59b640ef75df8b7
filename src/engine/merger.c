/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The merger: brings the workers' ended flows into one order, deals them out as
 * batches to be encoded by workers, and writes the batches in that order.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

#define PREFETCH_AHEAD 4u /* flows whose lines are fetched before they are looked at */

int merger_init(struct engine *engine, const struct engine_hooks *hooks, char *error,
		size_t error_size)
{
	struct merger *merger = &engine->merger;
	const uint32_t rows = engine->config->batch_rows;

	merger->engine = engine;
	merger->nb_jobs = 2 * engine->nb_workers + 2;
	if (merger->nb_jobs > ENGINE_MAX_JOBS)
		merger->nb_jobs = ENGINE_MAX_JOBS;
	merger->pending = malloc(rows * sizeof(struct flow *));
	if (merger->pending == NULL)
		goto no_memory;
	for (uint32_t i = 0; i < merger->nb_jobs; i++) {
		merger->jobs[i].flows = malloc(rows * sizeof(struct flow *));
		if (merger->jobs[i].flows == NULL)
			goto no_memory;
	}
	if (engine->config->output == NULL)
		return 0;
	merger->writer = arrow_writer_open(engine->config->output, flow_record_format(),
					   hooks->metadata, hooks->nb_metadata, error, error_size);
	return merger->writer != NULL ? 0 : -1;
no_memory:
	snprintf(error, error_size, "out of memory");
	return -1;
}

void merger_fini(struct engine *engine)
{
	struct merger *merger = &engine->merger;

	arrow_writer_abandon(merger->writer);
	for (uint32_t i = 0; i < merger->nb_jobs; i++) {
		free(merger->jobs[i].flows);
		free(merger->jobs[i].message.data);
	}
	free(merger->pending);
}

struct job *merger_take_job(struct merger *merger)
{
	for (uint64_t i = merger->next_written; i < merger->next_job; i++) {
		struct job *job = &merger->jobs[i % merger->nb_jobs];

		if (!job->is_taken) {
			job->is_taken = true;
			return job;
		}
	}
	return NULL;
}

/* Appends the flows of one owner. With its lock held. */
static int append_returned(struct worker *owner, const struct job *job, const uint8_t *owners)
{
	for (uint32_t i = 0; i < job->nb; i++) {
		if (owners[i] != owner->id)
			continue;
		if (owner->nb_returned == owner->room_returned) {
			const size_t room =
				owner->room_returned == 0 ? 1024 : owner->room_returned * 2;
			struct flow **items =
				realloc(owner->returned, room * sizeof(struct flow *));

			if (items == NULL)
				return -ENOMEM;
			owner->returned = items;
			owner->room_returned = room;
		}
		owner->returned[owner->nb_returned++] = job->flows[i];
	}
	return 0;
}

/*
 * Gives the slots of written flows back to the workers that own them, which are in
 * owners. A flow may be taken for another one at once, so none is looked at here.
 */
static int return_flows(struct worker *worker, const struct job *job)
{
	struct engine *engine = worker->engine;

	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		struct worker *owner = &engine->workers[w];
		int rc;

		pthread_mutex_lock(&owner->returned_lock);
		rc = append_returned(owner, job, worker->owners);
		pthread_mutex_unlock(&owner->returned_lock);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void prefetch_flow(const struct flow *flow)
{
	const char *lines = (const char *)flow;

	for (size_t line = 0; line < sizeof(struct flow); line += 64)
		__builtin_prefetch(lines + line);
}

/* Fills the rows of nb flows of a job. */
static void fill_tile(struct worker *worker, const struct job *job, uint32_t at, uint32_t nb)
{
	const uint32_t nb_workers = worker->engine->nb_workers;
	struct tcp_flow room;

	for (uint32_t i = 0; i < nb; i++) {
		const struct flow *flow = job->flows[at + i];

		if (at + i + PREFETCH_AHEAD < job->nb)
			prefetch_flow(job->flows[at + i + PREFETCH_AHEAD]);
		flow_record_fill(tcp_flow_view(flow, &room), &worker->rows[i]);
		totals_add(&worker->totals, &worker->rows[i]);
		worker->owners[at + i] = (uint8_t)(flow->partition % nb_workers);
	}
}

void merger_encode(struct worker *worker, struct job *job)
{
	const bool writes = worker->encoder != NULL;

	for (uint32_t at = 0; at < job->nb; at += MERGER_TILE) {
		const uint32_t nb = job->nb - at < MERGER_TILE ? job->nb - at : MERGER_TILE;

		fill_tile(worker, job, at, nb);
		if (writes)
			arrow_encoder_append(worker->encoder, worker->rows, nb);
	}
	job->rc = writes ? arrow_encoder_finish_into(worker->encoder, &job->message) : 0;
	if (job->rc == 0 && !job->is_last_phase)
		job->rc = return_flows(worker, job);
	if (job->rc != 0)
		engine_fail(worker->engine, "records: %s", strerror(-job->rc));
}

/* Waits for the oldest job and writes it. With the lock held; false on failure. */
static bool write_oldest(struct merger *merger)
{
	struct engine *engine = merger->engine;
	struct job *job = &merger->jobs[merger->next_written % merger->nb_jobs];
	int rc = 0;

	while (!job->is_done && !engine->failed)
		pthread_cond_wait(&engine->merger_wakeup, &engine->lock);
	if (engine->failed)
		return false;
	pthread_mutex_unlock(&engine->lock);
	if (merger->writer != NULL)
		rc = arrow_writer_append(merger->writer, &job->message);
	if (rc != 0)
		engine_fail(engine, "%s: cannot write: %s", arrow_writer_path(merger->writer),
			    strerror(-rc));
	atomic_fetch_add_explicit(&engine->rows_done, job->nb, memory_order_relaxed);
	pthread_mutex_lock(&engine->lock);
	merger->next_written++;
	return rc == 0;
}

/* Makes the pending rows a job. Without the lock; false on failure. */
static bool flush_pending(struct merger *merger, bool is_last_phase)
{
	struct engine *engine = merger->engine;
	struct flow **flows;
	struct job *job;

	if (merger->nb_pending == 0)
		return true;
	pthread_mutex_lock(&engine->lock);
	if (merger->next_job - merger->next_written == merger->nb_jobs && !write_oldest(merger)) {
		pthread_mutex_unlock(&engine->lock);
		return false;
	}
	job = &merger->jobs[merger->next_job % merger->nb_jobs];
	flows = job->flows;
	job->flows = merger->pending;
	merger->pending = flows;
	job->nb = merger->nb_pending;
	job->is_taken = false;
	job->is_done = false;
	job->is_last_phase = is_last_phase;
	merger->rows += job->nb;
	merger->nb_pending = 0;
	merger->next_job++;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	return true;
}

/* One list from every worker, all of the same epoch. False on failure. */
static bool collect_lists(struct merger *merger, struct ended_list **lists)
{
	struct engine *engine = merger->engine;
	bool go_on;

	pthread_mutex_lock(&engine->lock);
	for (uint32_t w = 0; w < engine->nb_workers; w++) {
		void *list = NULL;

		while (!engine->failed &&
		       rte_ring_sc_dequeue(engine->workers[w].ended_ring, &list) != 0)
			pthread_cond_wait(&engine->merger_wakeup, &engine->lock);
		lists[w] = list;
	}
	/*
	 * The flows' stream numbers must be there before anybody writes them, and whoever is
	 * told of their segments must be through: written flows lose their slots.
	 */
	while (!engine->failed && engine->next_done <= lists[0]->sequence &&
	       engine->next_done < engine->next_read)
		pthread_cond_wait(&engine->merger_wakeup, &engine->lock);
	go_on = !engine->failed;
	pthread_mutex_unlock(&engine->lock);
	return go_on;
}

static bool merge_lists(struct merger *merger, struct ended_list **lists)
{
	const uint32_t nb_lists = merger->engine->nb_workers;
	const bool is_last = lists[0]->epoch == EPOCH_LAST;
	size_t at[ENGINE_MAX_WORKERS] = {0};

	for (;;) {
		const struct ended_flow *first = NULL;
		uint32_t from = 0;

		for (uint32_t w = 0; w < nb_lists; w++) {
			const struct ended_flow *head;

			if (at[w] == lists[w]->nb)
				continue;
			head = lists[w]->items + at[w];
			if (first == NULL || head->place < first->place) {
				first = head;
				from = w;
			}
		}
		if (first == NULL)
			return true;
		at[from]++;
		merger->pending[merger->nb_pending++] = first->flow;
		if (merger->nb_pending == merger->engine->config->batch_rows &&
		    !flush_pending(merger, is_last))
			return false;
	}
}

/* Merges one epoch. *last is set after the final one. False on failure. */
static bool merge_epoch(struct merger *merger, bool *last)
{
	struct engine *engine = merger->engine;
	struct ended_list *lists[ENGINE_MAX_WORKERS] = {NULL};
	uint64_t nb = 0;
	bool ok = collect_lists(merger, lists);

	if (ok) {
		*last = lists[0]->epoch == EPOCH_LAST;
		for (uint32_t w = 0; w < engine->nb_workers; w++) {
			assert(lists[w]->epoch == lists[0]->epoch);
			nb += lists[w]->nb;
		}
		atomic_fetch_add_explicit(&engine->rows_total, nb, memory_order_relaxed);
		ok = merge_lists(merger, lists);
	}
	for (uint32_t w = 0; w < engine->nb_workers; w++)
		ended_list_destroy(lists[w]);
	pthread_mutex_lock(&engine->lock);
	engine->merged_epochs++;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	return ok;
}

static void *merger_main(void *arg)
{
	struct merger *merger = arg;
	struct engine *engine = merger->engine;
	bool last = false, ok = true;

	while (ok && !last)
		ok = merge_epoch(merger, &last);
	ok = ok && flush_pending(merger, true);
	pthread_mutex_lock(&engine->lock);
	while (ok && merger->next_written < merger->next_job)
		ok = write_oldest(merger);
	merger->is_finished = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_cond_broadcast(&engine->ended);
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

int merger_start(struct engine *engine)
{
	const int rc = pthread_create(&engine->merger.thread, NULL, merger_main, &engine->merger);

	engine->merger.is_started = rc == 0;
	return -rc;
}

void merger_join(struct engine *engine)
{
	if (engine->merger.is_started)
		pthread_join(engine->merger.thread, NULL);
	engine->merger.is_started = false;
}
