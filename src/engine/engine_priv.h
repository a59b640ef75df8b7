/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ENGINE_PRIV_H
#define TCPMILL_ENGINE_PRIV_H

/*
 * Inside the engine room.
 *
 * One lock guards the plan: which chunk is in which state, and what can be done
 * next. It is taken a few times a chunk, never for a packet; all work is done
 * outside it. A worker with nothing to do waits on the condition, it does not spin.
 *
 * A chunk goes read -> cut -> sort -> work (by every worker) -> number -> free; with a
 * teller it goes number -> tell -> put -> free. Reads, sorts, work and tell are parallel;
 * cut, number and put follow the order of the file. So does resolve, between sort and work,
 * which only chunks with frames need that want to know of those before them (fragments).
 */

#include <assert.h>
#include <pthread.h>
#include <rte_ring.h>
#include <stdatomic.h>

#include "tcpmill/arrow.h"
#include "tcpmill/capture.h"
#include "tcpmill/engine.h"
#include "tcpmill/flow.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"
#include "totals.h"

#define EPOCH_LAST UINT64_MAX /* of the flows that are alive at the end */
#define EPOCHS_AHEAD 2        /* workers may be so many epochs ahead of the merger, or fewer */

/* Rows that are filled and transposed at a time: they stay in L2. */
#define MERGER_TILE 512u

struct segment_list {
	struct segment *items;
	uint32_t nb, room;
};

/* A flow that a chunk's segments made. */
struct born_flow {
	uint64_t place; /* flow_place() */
	struct flow *flow;
};

struct born_list {
	struct born_flow *items;
	uint32_t nb, room;
};

/* What one worker has to tell of a chunk, in the order of its segments. */
struct told_list {
	struct engine_told *items;
	uint32_t nb, room;
};

/* Frames of a chunk, by index; ascending. */
struct frame_list {
	uint32_t *items;
	uint32_t nb, room;
};

enum slot_state {
	SLOT_CLAIMED, /* being read */
	SLOT_READ,
	SLOT_CUT,
	SLOT_SORTING,
	SLOT_LATER, /* sorted, but for frames that want to be resolved */
	SLOT_RESOLVING,
	SLOT_SORTED,
	SLOT_NUMBERED, /* waits to be told; only with a teller */
	SLOT_TELLING,
	SLOT_TOLD,
};

/* One chunk in flight, with what the workers make of it. */
struct slot {
	struct chunk chunk;
	uint64_t sequence;
	enum slot_state state;
	uint32_t nb_worked;
	struct segment_list *segments; /* [nb_workers] by owner; made by the sort */
	struct born_list *born;        /* [nb_workers] */
	struct frame_list later;       /* that sort left to resolve; empty with one worker */
	struct datagram *datagrams;    /* into which segments point, beside the chunk */

	/* Only with a teller. */
	struct told_list *told; /* [nb_workers] */
	const struct engine_told **order;
	uint32_t order_room;
	uint32_t *at; /* [at_room] where a frame's segments begin in order; if any has several */
	uint32_t at_room;
	struct engine_bytes out; /* what the teller made of the chunk */
};

/* An ended flow and its place in the order of records. */
struct ended_flow {
	uint64_t place; /* flow_place() */
	struct flow *flow;
};

/* What one worker hands to the merger for one epoch; sorted by place. */
struct ended_list {
	uint64_t epoch;
	uint64_t sequence; /* chunk that must be done with before the flows can be written */
	struct ended_flow *items;
	size_t nb, room;
};

struct worker {
	_Alignas(
		64) struct engine *engine; /* own cache lines: another worker writes the next one */
	struct flow_table *table;
	struct tcp_tracker *tracker;
	const struct engine_teller *teller; /* NULL: nobody is told */
	struct rte_ring *ended_ring;        /* to the merger; struct ended_list * */
	struct ended_list *ended;           /* of the current epoch */
	struct flow_limits limits;          /* timeouts */
	uint64_t sequence;                  /* of the next chunk to work on */
	uint64_t epoch;                     /* that ended belongs to */
	uint64_t border_done;               /* sequence + 1 of the chunk whose border was passed */
	uint64_t frame;                     /* at hand */
	uint64_t fates[NB_FATES + 1];       /* FATE_LATER too: nobody asks for it */
	uint64_t tracked, quoted, unread, decoded, offload_segments, anomalous_packets;
	uint64_t delay_state;
	struct slot *slot; /* at hand */
	bool is_finished;  /* all chunks are worked on, the last list is sent */
	bool failed;
	uint32_t id;
	int cpu;
	pthread_t thread;

	pthread_mutex_t returned_lock; /* guards returned: slots the merger is done with */
	struct flow **returned;
	size_t nb_returned, room_returned;

	/* Encoding. */
	struct arrow_encoder *encoder;
	struct flow_record *rows; /* one tile */
	uint8_t *owners;          /* [batch_rows] workers that a job's flows belong to */
	struct engine_totals totals;
};

/* Rows that become one record batch. */
struct job {
	struct flow **flows;
	uint32_t nb;
	bool is_taken, is_done, is_last_phase;
	int rc;
	struct arrow_message message;
};

#define ENGINE_MAX_JOBS 32

struct merger {
	struct engine *engine;
	pthread_t thread;
	bool is_started;
	struct arrow_writer *writer;
	struct job jobs[ENGINE_MAX_JOBS]; /* ring, by row order */
	uint32_t nb_jobs;                 /* of the ring in use */
	uint64_t next_job, next_written;
	struct flow **pending; /* rows that do not fill a batch yet */
	uint32_t nb_pending;
	uint64_t rows;
	bool is_finished; /* all rows are out */
};

struct engine {
	const struct engine_config *config;
	const struct engine_teller *teller; /* or NULL */
	struct capture *capture;
	struct decode_keys keys;
	struct reassembly *reassembly; /* whoever resolves has it; a single worker's own */
	uint32_t nb_workers;
	uint32_t epoch_shift, epochs_ahead;
	struct worker *workers;
	struct merger merger;

	pthread_mutex_t lock;
	pthread_cond_t changed;       /* something for a worker to do */
	pthread_cond_t merger_wakeup; /* a list, a chunk that is done with or an encoded batch */
	pthread_cond_t ended;         /* the merger is done, or the run failed */
	struct slot *slots;
	uint32_t nb_slots, nb_free;
	struct slot **in_flight;  /* [nb_slots] by sequence modulo nb_slots; NULL: none */
	struct slot **free_slots; /* [nb_free] the one used last, whose memory is warm, on top */
	uint64_t next_read, next_cut, next_sort, next_number, next_tell;
	uint64_t next_resolve; /* chunks below it are resolved, or need it not */
	uint64_t next_done;    /* chunks below it are numbered and, with a teller, put */
	bool cutting, numbering, putting, all_claimed;
	uint64_t merged_epochs; /* epochs below this are written, or are in jobs */
	int64_t nb_streams;     /* numbered so far */
	bool failed;
	char failure[384];

	/* For progress; written under the lock, read without. */
	atomic_uint_fast64_t bytes_done, frames, rows_done, rows_total;
	atomic_bool reading_done, nearly_full;
	uint64_t read_end_ns;
};

uint64_t engine_now_ns(void);

/* Notes the first failure and wakes everybody. */
void engine_fail(struct engine *engine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* exchange.c: the plan, and what a worker does next. */
int exchange_init(struct engine *engine);
void exchange_fini(struct engine *engine);
/* Runs until the worker's part is done, or the engine failed. */
void exchange_work(struct worker *worker);

/* worker.c */
int worker_init(struct worker *worker, struct engine *engine, uint32_t id);
void worker_fini(struct worker *worker);
/* Tracks segments of one chunk, in frame order, a border between them included. */
int worker_track(struct worker *worker, struct slot *slot, const struct segment *segments,
		 uint32_t nb);
/* Tracks the worker's list of the chunk. */
int worker_track_list(struct worker *worker, struct slot *slot);
/* After a chunk's last segment: passes its border if no segment did. */
int worker_end_chunk(struct worker *worker, struct slot *slot);
/* After the last chunk: ends all flows and sends them. */
int worker_finish(struct worker *worker);
/* Gives back the slots that the merger is done with. */
void worker_reclaim(struct worker *worker);

/* sort.c */
/* Decodes a cut chunk into the lists of its owners; a single worker tracks at once. */
int worker_sort(struct worker *worker, struct slot *slot);
/* Room for nb segments more at the end of a list; 0 or -ENOMEM. */
int segment_list_reserve(struct segment_list *list, uint32_t nb, uint32_t nb_frames);

/* resolve.c */
/*
 * Decodes the frames that sort left over, and puts their segments in their places in the lists.
 * Chunk by chunk, in order. 0 or -ENOMEM.
 */
int worker_resolve(struct worker *worker, struct slot *slot);

/* teller.c: for slots of an engine that has a teller. */
int teller_init_slot(struct slot *slot, uint32_t nb_workers);
void teller_fini_slot(struct slot *slot, uint32_t nb_workers);
/* Room for one more segment at the end of a list, or NULL. */
struct engine_told *told_list_next(struct told_list *list);
/* Tells a numbered chunk and empties its lists; a failure is the engine's. */
void teller_tell(struct engine *engine, struct slot *slot);
/* Puts what was made of it; a failure is the engine's. */
void teller_put(struct engine *engine, struct slot *slot);

/* ended.c */
struct ended_list *ended_list_create(void);
void ended_list_destroy(struct ended_list *list);
int ended_list_add(struct ended_list *list, struct flow *flow);
/* By place; 0 or -ENOMEM. */
int ended_list_sort(struct ended_list *list);

/* merger.c */
int merger_init(struct engine *engine, const struct engine_hooks *hooks, char *error,
		size_t error_size);
int merger_start(struct engine *engine);
void merger_join(struct engine *engine);
void merger_fini(struct engine *engine);
/* Encodes one job; called by workers with the lock not held. */
void merger_encode(struct worker *worker, struct job *job);
/* Next job that waits for a worker, or NULL; with the lock held. */
struct job *merger_take_job(struct merger *merger);

#endif
