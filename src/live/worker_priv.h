/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LIVE_WORKER_PRIV_H
#define TCPMILL_LIVE_WORKER_PRIV_H

/*
 * Inside the live room: workers, the queues they poll, and the exchange between them.
 *
 * A flow belongs to one worker, found from its addresses and ports alone (live_owner()). Where
 * the NIC deals flows by the same rule, nearly all segments arrive where they belong. All others
 * go through the exchange: from each queue to each worker leads one SP/SC ring of cells. A cell is
 * the segment with the headers that it points to, so that no mbuf is lent to another core.
 *
 * Rings that lead to a worker are merged by time stamp, so that both directions of a flow are
 * tracked in the order of the wire, whichever queues they came through: a segment waits until
 * every queue has said that nothing older will come (complete_ns).
 */

#include "live_priv.h"
#include "tcpmill/arrow.h"

#define LIVE_CELL_HEADERS 104u /* an IP header without options, 40 bytes at most, and TCP's 60 */
#define LIVE_MAX_METADATA 32u
#define LIVE_DRAIN 64u /* segments that are tracked at a time */

/* A segment on its way to its worker; segment.ip_header points to headers. */
struct live_cell {
	struct segment segment;
	uint8_t headers[LIVE_CELL_HEADERS];
};

static_assert(sizeof(struct live_cell) == 192, "three cache lines");

/* What a ring has for us, or takes from us, until it is given back. */
struct live_window {
	struct rte_ring_zc_data at;
	uint32_t nb, used;
	int64_t horizon_ns; /* the owner's: stamps behind it are of a clock that was set back */
};

/* One queue of one port; polled by one worker. */
struct live_queue {
	_Alignas(64) _Atomic int64_t complete_ns; /* older segments are all in the rings */
	struct port *port;
	uint16_t queue;
	uint8_t port_index;
	bool is_done;                /* the poller's: nothing will come any more */
	struct rte_ring **rings;     /* [nb_workers] by owner; NULL: its poller tracks all */
	struct live_window *windows; /* [nb_workers] the poller's, while it sorts a burst */
};

/* An entry of the timers of active records; in order of deadline. */
struct live_timer {
	uint64_t deadline_ns; /* of the capture clock */
	struct flow *flow;
	uint32_t generation;
};

struct live_timers {
	struct live_timer *items; /* [head, tail) */
	size_t head, tail, room;
};

#define LIVE_NB_WORDS (sizeof(struct live_worker_stats) / sizeof(uint64_t))
static_assert(sizeof(struct live_worker_stats) % sizeof(uint64_t) == 0, "published as words");

struct live_worker {
	_Alignas(64) struct live *live; /* own cache lines: another worker writes the next one */
	struct flow_table *table;
	struct tcp_tracker *tracker;
	struct live_queue **queues; /* [nb_queues] that it polls */
	uint32_t nb_queues;
	struct live_queue **streams; /* [nb_streams] whose rings lead here */
	struct live_window *windows; /* [nb_streams] */
	uint32_t nb_streams;
	struct reassembly *reassembly; /* of the fragments that it receives */
	struct capture_clock clock;
	int64_t merged_ns; /* all older segments of its flows are tracked; INT64_MIN: unknown */
	int64_t until_ns;  /* time had come so far at the last live_expire() */
	uint64_t frame;    /* number of its latest segment: the order of eviction */
	struct flow_limits limits;
	struct live_timers timers;
	struct live_outbox outbox;
	int64_t now_ns, next_chore_ns;
	uint32_t nb_idle; /* passes without a segment, in a row */
	bool is_ending;   /* the input has ended: records may wait for the writer */
	bool failed;      /* memory was short */
	struct live_worker_stats stats;
	struct engine_totals totals;
	struct port_burst burst;
	uint32_t id;

	_Alignas(64) atomic_uint_fast32_t sequence; /* odd while words are being changed */
	_Atomic uint64_t words[LIVE_NB_WORDS];      /* stats as others may read them */
};

struct live {
	const struct live_config *config;
	const struct live_hooks *hooks;
	struct wall_clock clock;
	struct decode_keys keys;
	struct port_rss rss;
	struct port *ports[PORT_MAX_PORTS];
	const struct port_info *infos[PORT_MAX_PORTS];
	uint32_t nb_ports, nb_workers, nb_queues;
	struct live_queue *queues; /* [nb_queues] */
	struct live_worker *workers;
	_Atomic(struct live_writer *) writer; /* set while its thread runs already */
	/* What the writer looks at as long as it runs. */
	struct live_outbox *outboxes[ENGINE_MAX_WORKERS];
	struct arrow_kv metadata[LIVE_MAX_METADATA];

	bool is_affine;  /* flows are dealt by the NICs' rule */
	bool is_merged;  /* several queues have one flow's segments: all go through rings */
	bool reads_file; /* a port's stamps are a file's */
	bool sleeps;     /* an idle worker sleeps */
	uint32_t reta_size;

	_Atomic int64_t stop_ns;          /* when the ports were stopped; INT64_MAX: go on */
	_Atomic int64_t frames_left;      /* of -c, not reserved by anybody */
	_Atomic uint64_t frames_received; /* counted only with -c */
	atomic_uint_fast32_t nb_open_queues, nb_running;
	atomic_bool failed;
	atomic_bool is_stuck; /* the writer, at the end: nobody waits for it any more */

	pthread_mutex_t snapshot_lock;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
};

/* The worker that tracks the segment's flow. */
uint32_t live_owner(const struct live *live, const struct segment *segment);

/*
 * plan.c: queues and workers for the ports that are open; cpus [nb_workers] of the workers.
 * 0 or -ENOMEM; live_unplan() is called in any case.
 */
int live_plan(struct live *live, const int *cpus);
void live_unplan(struct live *live);

/* exchange.c. 0 or -ENOMEM. */
int live_exchange_init(struct live *live);
void live_exchange_fini(struct live *live);
/* Copies a segment on its way to its owner; false when the ring is full. */
bool live_exchange_put(struct live_queue *queue, uint32_t owner, const struct segment *segment);
/* True if a whole burst fits the ring; between bursts. */
bool live_exchange_has_room(struct live_queue *queue, uint32_t owner);
/* Shows the owners what was put, and how far the queue has come. */
void live_exchange_publish(struct live *live, struct live_queue *queue, int64_t complete_ns);
/* Tracks what is there and old enough; the number of segments. */
uint32_t live_exchange_drain(struct live_worker *worker);

/* track.c. 0 or -ENOMEM. */
int live_worker_init(struct live_worker *worker, struct live *live, uint32_t id);
void live_worker_fini(struct live_worker *worker);
/* Tracks segments in this order; their clock_ns is set, and their buckets were fetched. */
void live_track(struct live_worker *worker, struct segment *const *segments, uint32_t nb);
/* Time has come so far: ends idle flows, makes active records. */
void live_expire(struct live_worker *worker, int64_t until_ns);
/* The input has ended: ends all flows; waits for the writer, within reason. */
void live_end_flows(struct live_worker *worker);

/* timers.c */
int live_timers_push(struct live_timers *timers, const struct live_timer *timer, size_t nb_live);
/* The first one that is due, taken out; false if none is. */
bool live_timers_pop(struct live_timers *timers, uint64_t clock_ns, struct live_timer *timer);
void live_timers_fini(struct live_timers *timers);

/* poll.c: a worker's life; 0. */
int live_worker_main(void *worker);

/* publish.c */
void live_publish(struct live_worker *worker);
/* Of all that counts; any thread. */
void live_snapshot(void *live, struct live_stats *stats);

/* user.c: becomes that user for good. 0, or -1 with one line in error. */
int live_become_user(const char *user, char *error, size_t error_size);

#endif
