/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ENGINE_H
#define TCPMILL_ENGINE_H

/*
 * A run: captures in, records and totals out, on every core.
 *
 * engine_run() starts the workers, cuts the inputs into chunks, exchanges their
 * segments between the workers, merges the finished flows in the order of
 * docs/definitions.md 1.6, and returns when all is written. One run a process:
 * what it gives up (rights.h) does not come back.
 *
 * Threads: a worker is a thread kept to one CPU. engine_run() blocks its caller and
 *          calls progress from it; engine_interrupt() is safe in a signal handler.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/decode.h"
#include "tcpmill/flow.h"
#include "tcpmill/reassembly.h"
#include "tcpmill/tcp_note.h"
#include "tcpmill/tcp_words.h"

struct capture;

#define ENGINE_MAX_WORKERS 64

/*
 * How the bytes that a run may have are shared out (definitions 2.8). What an answer can hang on
 * follows from them alone, not from the number of workers or the size of a chunk.
 */
struct engine_memory {
	uint64_t max_bytes;      /* of all */
	uint64_t state_bytes;    /* of live flows; 0: no limit */
	uint64_t fragment_bytes; /* of IP fragments that wait for others; 0: REASSEMBLY_BYTES */
	uint64_t worker_bytes;   /* of chunks, of encoders, of inputs (capture_memory()) */
	bool is_given;           /* by whoever runs it */
	uint32_t batch_rows;     /* rows of a record batch */
	uint8_t epoch_shift;     /* an epoch is 2^epoch_shift frames; 0: 2^20 */
	uint8_t epochs_ahead;    /* that workers may be ahead of the merger; 0: 2 */
};

#define ENGINE_MIN_MEMORY ((uint64_t)64 << 20)
/* is_given: by whoever runs it; the default of a machine must not change an answer. */
void engine_memory_plan(uint64_t max_bytes, bool is_given, struct engine_memory *memory);
/* Frames that a chunk may have must fit into an epoch. */
uint32_t engine_memory_chunk_size(const struct engine_memory *memory, uint32_t chunk_size);
/* What inputs may take (struct capture_params), by which workers get fewer: all but one's share.
 * 0: no limit, as memory was not given. */
uint64_t engine_memory_of_inputs(const struct engine_memory *memory, uint32_t chunk_size);
/* What to give so that inputs may take so much; 0: nothing would do. */
uint64_t engine_memory_enough(uint64_t input_bytes);
/* Workers that memory is enough for beside what inputs take; at least 1. */
uint32_t engine_memory_workers(const struct engine_memory *memory, uint32_t chunk_size,
			       uint64_t input_bytes);

struct engine_config {
	const char *output;  /* NULL: no records are written; "-": stdout */
	const char *filter;  /* BPF text or NULL */
	uint64_t max_frames; /* 0: all */
	int64_t from_ns;     /* frames before it are filtered; INT64_MIN: none */
	int64_t to_ns;       /* frames at or after it are filtered; INT64_MAX: none */
	uint32_t nb_workers; /* 1 .. ENGINE_MAX_WORKERS */
	uint64_t max_flows;
	struct engine_memory memory;
	uint64_t timeout_ns[NB_FLOW_CLASSES]; /* see struct flow_table_params */
	uint32_t chunk_size;                  /* bytes */
	uint32_t batch_rows;                  /* rows of a record batch */
	uint64_t hash_seed;                   /* of the bucket keys */
	bool interrupt_ends; /* an interrupt is the run's normal end: all is written, nothing told
			      */
	uint64_t delay_seed; /* test: workers pause at random; 0 = they do not */
};

/* One kind of trouble and the flow that has most of it. */
struct engine_worst {
	uint64_t total; /* packets with the verdict, or bytes */
	uint64_t flows; /* flows that have it */
	uint64_t count; /* in the worst flow */
	int64_t stream; /* of the worst flow; the lowest of equals */
	uint64_t frame; /* its first anomaly */
	char flow[128]; /* "a:p -> b:p" */
};

/* Where data was lost (definitions 5). */
enum engine_loss {
	LOSS_BEFORE, /* bytes: on the way to the capture point */
	LOSS_BEHIND, /* bytes: behind it, at most */
	LOSS_MISSED, /* bytes: not at all, the capture did not see them */
	LOSS_LATE,   /* packets: not at all, they were overtaken */
	LOSS_OPEN,   /* bytes: nobody filled or acknowledged the gap */
	NB_LOSSES,
};

/* What the flows add up to; sums do not depend on the order of adding. */
struct engine_totals {
	uint64_t flows;
	uint64_t handshakes[NB_HANDSHAKES];
	uint64_t conn_states[NB_CONN_STATES];
	uint64_t ends[NB_END_REASONS];
	uint64_t tunnels[NB_TUNNELS]; /* that the flows' first packets came through */
	uint64_t flags[2][8];         /* by orig and resp: FIN SYN RST PSH ACK URG ECE CWR */
	uint64_t pkts[2];
	uint64_t bytes[2];
	uint64_t one_sided;   /* flows of which one direction was seen, more than one packet long */
	uint64_t many_packet; /* flows of more than one packet */
	uint64_t truncated;   /* flows with a TCP header that the snaplen cut */
	uint64_t capture_dups;
	uint64_t anomalous_flows;
	struct engine_worst verdicts[NB_COUNTED_VERDICTS];
	struct engine_worst losses[NB_LOSSES];
	uint64_t reused_ports;
	uint64_t duplicate_ack_max;
	uint64_t rtt_bins[1024]; /* handshake times, see engine_rtt_quantile() */
	uint64_t nb_rtts;
	int64_t rtt_max_ns;
};

struct engine_worker_stats {
	uint64_t tracked; /* segments of its partitions */
	uint64_t decoded; /* frames it decoded */
	uint64_t max_live_flows;
	uint64_t flow_bytes;
	int cpu; /* that it is pinned to */
};

struct engine_result {
	struct engine_totals totals;
	uint64_t fates[NB_FATES]; /* the books: they add up to the frames read */
	uint64_t segments;        /* TCP headers that were tracked; a frame may have several */
	uint64_t quoted;          /* of them quoted (definitions 1.11): no packets of their flows */
	uint64_t unread;          /* more of them, in frames that had DECODE_MAX_SEGMENTS others */
	struct reassembly_stats fragments;
	uint64_t offload_segments;
	uint64_t anomalous_packets;
	uint64_t evicted;
	uint64_t lists_cut, holes_cut;  /* that gave way for want of memory */
	uint64_t records, record_bytes; /* written */
	char record_path[512];          /* where they stand ("x.arrow", or "x.arrow.part") */
	bool wrote_stream;
	bool interrupted;
	bool has_few_rights; /* see rights.h */
	bool nearly_full;    /* a partition reached 90 % of --max-flows */
	/* Wall time: of engine_run() before its threads; of the input; of what came after it. */
	uint64_t startup_ns, read_ns, write_ns;
	uint64_t peak_rss_bytes, max_memory; /* the latter is what there was for it */
	uint32_t nb_workers;
	struct engine_worker_stats workers[ENGINE_MAX_WORKERS];
};

/* A glance at a run that goes on. */
struct engine_progress {
	uint64_t bytes_done, bytes_total; /* of the inputs; total 0 = unknown */
	uint64_t frames;
	uint64_t elapsed_ns; /* since the first read */
	bool writing;        /* all is read; records are being written */
	uint64_t rows_done, rows_total;
	bool nearly_full;
};

typedef void engine_progress_fn(void *context, const struct engine_progress *progress);

struct arrow_kv;

/*
 * One segment as the run tells it. Of the flow only what never changes may be read: its
 * addresses and ports (struct flow in flow.h), for it goes on while it is told.
 */
struct engine_told {
	struct tcp_note note;
	const struct flow *flow;
};

/* Bytes that a teller makes. The engine owns them. */
struct engine_bytes {
	uint8_t *data;
	size_t len, room;
};

/* Where the next bytes go: room for at least more of them behind len; NULL without memory. */
uint8_t *engine_bytes_room(struct engine_bytes *bytes, size_t more);

/*
 * Who wants to be told every segment of a run, in the order of the capture.
 *
 * The work is cut in two, so that all cores share it: tell() makes bytes of a chunk's
 * segments, put() takes the bytes of one chunk after the other.
 */
struct engine_teller {
	bool wants_details; /* notes are filled whole, see tcp_tracker_create() */
	bool only_verdicts; /* segments without a verdict are not told */
	/*
	 * told [nb], in order of frame and layer, those of a frame in one call: appends to out what
	 * shall be put. Called by any worker, for several chunks at once. 0 or -errno.
	 */
	int (*tell)(void *context, const struct engine_told *const *told, size_t nb,
		    struct engine_bytes *out);
	/*
	 * Takes what tell() made of a chunk, if it made anything: one call at a time, in
	 * order. The bytes are the teller's until it returns. 0 or -errno, which ends the run.
	 */
	int (*put)(void *context, const uint8_t *data, size_t len);
	const char *name; /* of what is written, for the message when put() fails */
	void *context;
};

/* What the caller of a run adds to it. */
struct engine_hooks {
	engine_progress_fn *progress; /* or NULL */
	/*
	 * Called once all is known, just before the records are finished: fills up to max
	 * entries of the footer's metadata, which stay the caller's, and returns how many.
	 */
	size_t (*footer)(void *context, const struct engine_result *result,
			 struct arrow_kv *metadata, size_t max);
	void *context;
	const struct arrow_kv *metadata; /* of the schema */
	size_t nb_metadata;
	const struct engine_teller *teller; /* or NULL */
};

/*
 * Runs to the end of the inputs (or to an interrupt). capture is open already and
 * stays the caller's.
 *
 * Returns 0, or -1 with one line in error: then the records' .part stays.
 */
int engine_run(const struct engine_config *config, struct capture *capture,
	       const struct engine_hooks *hooks, struct engine_result *result, char *error,
	       size_t error_size);

/* Makes the run stop reading and finish what it has. Async-signal-safe. */
void engine_interrupt(void);
bool engine_is_interrupted(void);

/* The handshake time below which a share q (0 .. 1) of all lies, within 3 %. */
int64_t engine_rtt_quantile(const struct engine_totals *totals, double q);

#endif
