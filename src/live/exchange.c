/* SPDX-License-Identifier: BSD-3-Clause */

/* Rings of cells from every queue to every worker, and their merge by time. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker_priv.h"

#define CELL_BYTES ((unsigned int)sizeof(struct live_cell))

/* ---- set-up -------------------------------------------------------------------------- */

static struct rte_ring *ring_create(uint32_t nb_cells)
{
	const ssize_t bytes = rte_ring_get_memsize_elem(CELL_BYTES, nb_cells);
	struct rte_ring *ring = bytes < 0 ? NULL : aligned_alloc(64, ((size_t)bytes + 63) & ~63ul);

	if (ring == NULL)
		return NULL;
	if (rte_ring_init(ring, "cells", nb_cells, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(ring);
		return NULL;
	}
	return ring;
}

/* Does a queue's traffic for that worker go through a ring? Unmerged, queue q is worker q's. */
static bool has_ring(const struct live *live, const struct live_queue *queue, uint32_t owner)
{
	return live->is_merged || owner != queue->queue;
}

static int queue_init(struct live *live, struct live_queue *queue)
{
	queue->rings = calloc(live->nb_workers, sizeof(*queue->rings));
	queue->windows = calloc(live->nb_workers, sizeof(*queue->windows));
	if (queue->rings == NULL || queue->windows == NULL)
		return -ENOMEM;
	for (uint32_t w = 0; w < live->nb_workers; w++) {
		if (!has_ring(live, queue, w))
			continue;
		queue->rings[w] = ring_create(live->config->exchange_cells);
		if (queue->rings[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int streams_init(struct live *live, struct live_worker *worker)
{
	worker->streams = calloc(live->nb_queues, sizeof(struct live_queue *));
	worker->windows = calloc(live->nb_queues, sizeof(*worker->windows));
	if (worker->streams == NULL || worker->windows == NULL)
		return -ENOMEM;
	for (uint32_t q = 0; q < live->nb_queues; q++) {
		if (live->queues[q].rings[worker->id] != NULL)
			worker->streams[worker->nb_streams++] = &live->queues[q];
	}
	return 0;
}

int live_exchange_init(struct live *live)
{
	int rc = 0;

	for (uint32_t q = 0; q < live->nb_queues && rc == 0; q++)
		rc = queue_init(live, &live->queues[q]);
	for (uint32_t w = 0; w < live->nb_workers && rc == 0; w++)
		rc = streams_init(live, &live->workers[w]);
	return rc;
}

void live_exchange_fini(struct live *live)
{
	for (uint32_t q = 0; live->queues != NULL && q < live->nb_queues; q++) {
		struct live_queue *queue = &live->queues[q];

		for (uint32_t w = 0; queue->rings != NULL && w < live->nb_workers; w++)
			free(queue->rings[w]);
		free(queue->rings);
		free(queue->windows);
	}
	for (uint32_t w = 0; live->workers != NULL && w < live->nb_workers; w++) {
		free(live->workers[w].streams);
		free(live->workers[w].windows);
	}
}

/* ---- the sender's side --------------------------------------------------------------- */

static struct live_cell *window_cell(const struct live_window *window, uint32_t i)
{
	struct live_cell *cells = window->at.ptr1;

	if (i < window->at.n1)
		return &cells[i];
	cells = window->at.ptr2;
	return &cells[i - window->at.n1];
}

static void cell_fill(struct live_cell *cell, const struct segment *segment)
{
	const uint16_t ip_len = segment->bits & SEGMENT_IPV6 ? 40 : 20;

	cell->segment = *segment;
	memcpy(cell->headers, segment->ip_header, ip_len);
	memcpy(cell->headers + ip_len, segment->ip_header + segment->tcp_off, segment->tcp_caplen);
	cell->segment.ip_header = cell->headers;
	cell->segment.tcp_off = ip_len;
}

bool live_exchange_put(struct live_queue *queue, uint32_t owner, const struct segment *segment)
{
	struct live_window *window = &queue->windows[owner];

	static_assert(40 + 60 <= LIVE_CELL_HEADERS, "what cell_fill() copies");
	if (window->nb == 0)
		window->nb = rte_ring_enqueue_zc_burst_elem_start(queue->rings[owner], CELL_BYTES,
								  PORT_BURST, &window->at, NULL);
	if (window->used == window->nb)
		return false;
	cell_fill(window_cell(window, window->used++), segment);
	return true;
}

bool live_exchange_has_room(struct live_queue *queue, uint32_t owner)
{
	struct rte_ring_zc_data at;
	/* rte_ring_free_count() is not for a thread while the other one moves its end. */
	const uint32_t nb = rte_ring_enqueue_zc_burst_elem_start(queue->rings[owner], CELL_BYTES,
								 PORT_BURST, &at, NULL);

	assert(queue->windows[owner].nb == 0);
	if (nb != 0)
		rte_ring_enqueue_zc_elem_finish(queue->rings[owner], 0);
	return nb == PORT_BURST;
}

void live_exchange_publish(struct live *live, struct live_queue *queue, int64_t complete_ns)
{
	for (uint32_t w = 0; w < live->nb_workers; w++) {
		struct live_window *window = &queue->windows[w];

		if (window->nb == 0)
			continue;
		rte_ring_enqueue_zc_elem_finish(queue->rings[w], window->used);
		*window = (struct live_window){.nb = 0};
	}
	atomic_store_explicit(&queue->complete_ns, complete_ns, memory_order_release);
}

/* ---- the owner's side ---------------------------------------------------------------- */

/*
 * No queue says that it has come less far than this behind a segment of its own, unless the
 * clock was set back in between.
 */
#define SET_BACK_NS 250000000

static int64_t horizon_of(const struct live_worker *worker, int64_t complete_ns)
{
	/* Time in a file passes as it likes. */
	if (worker->live->reads_file || complete_ns == INT64_MIN || complete_ns == INT64_MAX)
		return INT64_MAX;
	return complete_ns + SET_BACK_NS;
}

static int64_t stream_complete(const struct live_worker *worker, uint32_t i)
{
	return atomic_load_explicit(&worker->streams[i]->complete_ns, memory_order_acquire);
}

/* So far every queue has come; read before the rings are looked at. */
static int64_t merge_limit(const struct live_worker *worker)
{
	int64_t limit = INT64_MAX;

	for (uint32_t i = 0; i < worker->nb_streams; i++) {
		const int64_t complete_ns = stream_complete(worker, i);

		worker->windows[i].horizon_ns = horizon_of(worker, complete_ns);
		if (complete_ns < limit)
			limit = complete_ns;
	}
	return limit;
}

/*
 * Stamped by a clock that was set back since. To wait until it comes round again would fill
 * the ring.
 */
static bool is_astray(const struct live_worker *worker, uint32_t i, int64_t ts_ns)
{
	/* What horizon_ns says may be old by now. */
	return ts_ns > worker->windows[i].horizon_ns &&
	       ts_ns > horizon_of(worker, stream_complete(worker, i));
}

static void windows_open(struct live_worker *worker)
{
	for (uint32_t i = 0; i < worker->nb_streams; i++) {
		struct live_window *window = &worker->windows[i];

		window->used = 0;
		window->nb = rte_ring_dequeue_zc_burst_elem_start(
			worker->streams[i]->rings[worker->id], CELL_BYTES, LIVE_DRAIN, &window->at,
			NULL);
	}
}

static void windows_close(struct live_worker *worker)
{
	for (uint32_t i = 0; i < worker->nb_streams; i++) {
		const struct live_window *window = &worker->windows[i];

		if (window->nb != 0)
			rte_ring_dequeue_zc_elem_finish(worker->streams[i]->rings[worker->id],
							window->used);
	}
}

/*
 * The oldest segment of all windows, or NULL when it is too young. *ran_dry: a window is
 * used up that was full, so its ring may have older ones than the others' next.
 */
static struct segment *merge_next(struct live_worker *worker, int64_t limit_ns, bool *ran_dry)
{
	struct live_window *oldest = NULL;
	struct segment *first = NULL;

	for (uint32_t i = 0; i < worker->nb_streams; i++) {
		struct live_window *window = &worker->windows[i];
		struct segment *head;

		if (window->used == window->nb) {
			*ran_dry |= window->nb == LIVE_DRAIN;
			continue;
		}
		head = &window_cell(window, window->used)->segment;
		if (is_astray(worker, i, head->ts_ns)) {
			window->used++;
			return head;
		}
		if (first == NULL || head->ts_ns < first->ts_ns) {
			first = head;
			oldest = window;
		}
	}
	if (first == NULL || *ran_dry || first->ts_ns > limit_ns)
		return NULL;
	oldest->used++;
	return first;
}

/* One round: at most LIVE_DRAIN segments. *is_empty: nothing that is old enough is left. */
static uint32_t drain_some(struct live_worker *worker, int64_t limit_ns, bool *is_empty)
{
	struct segment *batch[LIVE_DRAIN];
	bool ran_dry = false;
	uint32_t nb = 0;

	windows_open(worker);
	while (nb < LIVE_DRAIN) {
		batch[nb] = merge_next(worker, limit_ns, &ran_dry);
		if (batch[nb] == NULL)
			break;
		flow_table_prefetch_bucket(worker->table, batch[nb]);
		nb++;
	}
	live_track(worker, batch, nb);
	windows_close(worker);
	*is_empty = nb < LIVE_DRAIN && !ran_dry;
	return nb;
}

/* Not for ever: the own queues want to be polled. */
#define MAX_ROUNDS 8

uint32_t live_exchange_drain(struct live_worker *worker)
{
	const int64_t complete_ns = merge_limit(worker);
	/* One queue alone is in order as it is. */
	const int64_t limit_ns = worker->nb_streams == 1 ? INT64_MAX : complete_ns;
	bool is_empty = false;
	uint32_t nb = 0;

	for (int i = 0; i < MAX_ROUNDS && !is_empty; i++)
		nb += drain_some(worker, limit_ns, &is_empty);
	if (is_empty && complete_ns != INT64_MAX)
		worker->merged_ns = complete_ns;
	return nb;
}
