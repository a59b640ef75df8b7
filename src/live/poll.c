/* SPDX-License-Identifier: BSD-3-Clause */

/* A worker's life: poll, decode, deal, track, and now and then the chores. */

#include <rte_pause.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "tcpmill/reassembly.h"
#include "worker_priv.h"

#define CHORE_STEP_NS 1000000        /* expiry, timers, publication: a thousand times a second */
#define FLUSH_NS 100000000           /* records wait so long for others to fill their block */
#define DRAIN_PATIENCE_NS 2000000000 /* for a queue that never runs empty, after the stop */
#define IDLE_PASSES 64u              /* without a segment, before a worker sleeps */
#define SLEEP_NS 100000

/* Frames are fetched so far ahead: the NIC wrote them, no core has them yet. */
#define FRAME_AHEAD 8u

/*
 * Fragments of a datagram come to one worker, for NICs deal them by addresses alone; where they
 * come through several queues, they do not find each other.
 */

/* ---- dealing ------------------------------------------------------------------------- */

static uint16_t fold_ipv6(const struct segment *segment)
{
	uint32_t words[8], all = 0;

	memcpy(words, segment->ip_header + 8, sizeof(words));
	for (int i = 0; i < 8; i++)
		all ^= words[i];
	all = __builtin_bswap32(all);
	return (uint16_t)(all ^ all >> 16);
}

/* As the NIC does it: from the exclusive or of all words of the key. */
static uint32_t rss_owner(const struct live *live, const struct segment *segment)
{
	const uint32_t addresses = segment->addr_lo ^ segment->addr_hi;
	const uint16_t folded = segment->bits & SEGMENT_IPV6
					? fold_ipv6(segment)
					: (uint16_t)(addresses ^ addresses >> 16);
	const uint16_t key = (uint16_t)(folded ^ segment->port_lo ^ segment->port_hi);

	return (port_rss_hash(&live->rss, key) & (live->reta_size - 1)) % live->nb_workers;
}

uint32_t live_owner(const struct live *live, const struct segment *segment)
{
	return live->is_affine ? rss_owner(live, segment) : segment->partition % live->nb_workers;
}

static enum fate decode(struct live_worker *worker, const struct frame *frame,
			struct segment *segments, uint32_t *nb)
{
	const struct decode_context context = {.keys = &worker->live->keys,
					       .reassembly = worker->reassembly,
					       .nb_unread = &worker->stats.headers_unread};
	enum fate fate;

	if (frame->interface->filter != NULL && !capture_filter_match(frame))
		return FATE_FILTERED;
	fate = decode_frame(&context, frame, segments, nb);
	/* The replay's partitions are the same in every run; here nobody shall aim at one. */
	for (uint32_t i = 0; fate == FATE_TRACKED && i < *nb; i++)
		segments[i].partition = (uint8_t)(segments[i].hash >> 26);
	return fate;
}

static_assert(FLOW_NB_PARTITIONS == 1 << 6, "the six bits that hash >> 26 leaves");

/* One worker's burst, on the way from decode to its flows. */
struct own_segments {
	struct segment *items[PORT_BURST + DECODE_MAX_SEGMENTS];
	uint32_t nb;
};

/*
 * Deals a frame's segments: this worker's own are kept, the others go to their owners. False
 * when none found a place.
 */
static bool deal_segments(struct live_worker *worker, struct live_queue *queue,
			  struct segment *segments, uint32_t nb, struct own_segments *own)
{
	uint32_t nb_dropped = 0;

	for (uint32_t i = 0; i < nb; i++) {
		struct segment *segment = &segments[i];
		const uint32_t owner = live_owner(worker->live, segment);

		segment->port = queue->port_index;
		worker->stats.forwarded += owner != worker->id;
		if (queue->rings[owner] == NULL) {
			flow_table_prefetch_bucket(worker->table, segment);
			own->items[own->nb++] = segment;
		} else if (!live_exchange_put(queue, owner, segment)) {
			nb_dropped++;
		}
	}
	if (nb_dropped == nb)
		return false;
	worker->stats.headers_dropped += nb_dropped;
	return true;
}

/* Decodes a burst. Segments of this worker's own are tracked, or dealt like all others. */
static void deal_burst(struct live_worker *worker, struct live_queue *queue,
		       const struct port_burst *burst)
{
	struct segment segments[PORT_BURST + DECODE_MAX_SEGMENTS];
	struct segment *const full = segments + PORT_BURST, *segment = segments;
	struct own_segments own;

	own.nb = 0;
	for (uint16_t i = 0; i < burst->nb && i < FRAME_AHEAD; i++)
		__builtin_prefetch(burst->frames[i].data);
	for (uint16_t i = 0; i < burst->nb; i++) {
		uint32_t nb = 0;
		enum fate fate;

		if (i + FRAME_AHEAD < burst->nb)
			__builtin_prefetch(burst->frames[i + FRAME_AHEAD].data);
		fate = decode(worker, &burst->frames[i], segment, &nb);
		worker->stats.received++;
		worker->stats.wire_bytes += burst->frames[i].wire_len;
		if (fate != FATE_TRACKED) {
			worker->stats.fates[fate]++;
			continue;
		}
		if (burst->has_vlan && burst->vlan[i] != 0)
			for (uint32_t s = 0; s < nb; s++)
				segment[s].vlan = burst->vlan[i]; /* the outermost tag */
		if (deal_segments(worker, queue, segment, nb, &own))
			worker->stats.fates[FATE_TRACKED]++;
		else
			worker->stats.exchange_full++;
		segment += nb;
		if (segment >= full) {
			live_track(worker, own.items, own.nb);
			own.nb = 0;
			segment = segments;
		}
	}
	live_track(worker, own.items, own.nb);
	datagrams_free(reassembly_take(worker->reassembly));
}

/* ---- queues -------------------------------------------------------------------------- */

/* How many frames -c allows now; what is not received is given back by settle(). */
static uint16_t reserve(struct live *live)
{
	int64_t left;

	if (live->config->max_frames == 0)
		return PORT_BURST;
	left = atomic_fetch_sub(&live->frames_left, PORT_BURST);
	if (left >= PORT_BURST)
		return PORT_BURST;
	atomic_fetch_add(&live->frames_left, left > 0 ? PORT_BURST - left : PORT_BURST);
	return left > 0 ? (uint16_t)left : 0;
}

static void settle(struct live *live, uint16_t reserved, uint16_t received)
{
	if (live->config->max_frames == 0)
		return;
	atomic_fetch_add(&live->frames_left, reserved - received);
	atomic_fetch_add(&live->frames_received, received);
}

/* Not the same as none left: others may give some back. */
static bool has_all_frames(struct live *live)
{
	return live->config->max_frames != 0 &&
	       atomic_load(&live->frames_received) >= live->config->max_frames;
}

static void close_queue(struct live *live, struct live_queue *queue)
{
	queue->is_done = true;
	live_exchange_publish(live, queue, INT64_MAX);
	/* Whoever sees that no queue is open sees all that was put into the rings. */
	atomic_fetch_sub_explicit(&live->nb_open_queues, 1, memory_order_acq_rel);
}

/* After the stop a port says itself when all that came before was given; but not for ever. */
static bool is_patience_over(const struct live_worker *worker)
{
	const int64_t stop_ns = atomic_load_explicit(&worker->live->stop_ns, memory_order_relaxed);

	return worker->now_ns - stop_ns > DRAIN_PATIENCE_NS;
}

/*
 * A wire does not wait, a file can: its queue may be ahead of another one by millions of
 * frames, until that one's stamps have come as far.
 */
static bool must_wait(const struct live *live, struct live_queue *queue)
{
	if (live->infos[queue->port_index]->clock != PORT_CLOCK_FILE)
		return false;
	for (uint32_t w = 0; w < live->nb_workers; w++) {
		if (queue->rings[w] != NULL && !live_exchange_has_room(queue, w))
			return true;
	}
	return false;
}

/* Returns the number of frames. */
static uint32_t poll_queue(struct live_worker *worker, struct live_queue *queue)
{
	struct live *live = worker->live;
	const uint16_t max = must_wait(live, queue) ? 0 : reserve(live);
	struct port_burst *burst = &worker->burst;
	uint16_t nb;

	if (max == 0) {
		if (has_all_frames(live) || is_patience_over(worker))
			close_queue(live, queue);
		return 0;
	}
	port_poll(queue->port, queue->queue, worker->now_ns, burst, max);
	settle(live, max, burst->nb);
	worker->stats.polls++;
	worker->stats.idle_polls += burst->nb == 0;
	if (burst->nb != 0)
		deal_burst(worker, queue, burst);
	live_exchange_publish(live, queue, burst->complete_ns);
	nb = burst->nb;
	port_release(queue->port, burst); /* leaves none in it */
	if (burst->is_over || is_patience_over(worker))
		close_queue(live, queue);
	return nb;
}

/* ---- chores -------------------------------------------------------------------------- */

/* Everything older has been tracked. INT64_MIN: nobody knows. */
static int64_t complete_until(const struct live_worker *worker)
{
	int64_t until_ns = worker->nb_streams != 0 ? worker->merged_ns : INT64_MAX;

	/* Stamps of a file have nothing to do with now: time is what its frames say. */
	if (worker->live->reads_file)
		return INT64_MIN;
	for (uint32_t i = 0; i < worker->nb_queues; i++) {
		const int64_t complete_ns =
			atomic_load_explicit(&worker->queues[i]->complete_ns, memory_order_relaxed);

		if (complete_ns < until_ns)
			until_ns = complete_ns;
	}
	return until_ns != INT64_MAX ? until_ns : INT64_MIN;
}

/* Then what is in the future would be waited for until the clock comes round again. */
static bool was_set_back(const struct live_worker *worker)
{
	return worker->next_chore_ns - worker->now_ns > CHORE_STEP_NS;
}

static void do_chores(struct live_worker *worker)
{
	live_expire(worker, complete_until(worker));
	live_outbox_flush(&worker->outbox,
			  was_set_back(worker) ? INT64_MAX : worker->now_ns - FLUSH_NS);
	live_publish(worker);
	worker->next_chore_ns = worker->now_ns + CHORE_STEP_NS;
	if (worker->failed || reassembly_failed(worker->reassembly))
		atomic_store(&worker->live->failed, true);
}

static void rest(struct live_worker *worker)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};

	if (worker->nb_idle < IDLE_PASSES) {
		worker->nb_idle++;
		rte_pause();
	} else if (worker->live->sleeps) {
		worker->stats.sleeps++;
		(void)nanosleep(&pause, NULL);
	} else {
		rte_pause();
	}
}

/* One look at everything. Returns the number of frames and segments that were there. */
static uint32_t pass(struct live_worker *worker)
{
	uint32_t nb = 0;

	worker->now_ns = wall_clock_now(&worker->live->clock);
	for (uint32_t i = 0; i < worker->nb_queues; i++) {
		if (!worker->queues[i]->is_done)
			nb += poll_queue(worker, worker->queues[i]);
	}
	if (worker->nb_streams != 0)
		nb += live_exchange_drain(worker);
	if (worker->now_ns >= worker->next_chore_ns || was_set_back(worker))
		do_chores(worker);
	return nb;
}

int live_worker_main(void *arg)
{
	struct live_worker *worker = arg;
	struct live *live = worker->live;
	bool is_over = false;

	/* The kernel would let this thread sleep for twice as long. */
	(void)prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	/* The pass behind the one that saw the last queue closed finds the rings' last cells. */
	while (!is_over && !atomic_load_explicit(&live->failed, memory_order_relaxed)) {
		is_over = atomic_load_explicit(&live->nb_open_queues, memory_order_acquire) == 0;
		if (pass(worker) != 0) {
			worker->nb_idle = 0;
			is_over = false;
		} else if (!is_over) {
			rest(worker);
		}
	}
	live_end_flows(worker);
	live_publish(worker);
	atomic_fetch_sub(&live->nb_running, 1);
	return 0;
}
