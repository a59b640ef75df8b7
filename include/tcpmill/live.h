/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LIVE_H
#define TCPMILL_LIVE_H

/*
 * A live run: ports in, rotated records, counters and totals out, until somebody ends it.
 *
 * Every worker polls its queues, decodes, and tracks the segments of its own flows; those of
 * others go through rings of the exchange, which also brings ports and queues into one order
 * by time. Ended flows become rows at once, in blocks that go to the writer's thread over an
 * rte_ring; when it cannot keep up, records are dropped and counted, nobody waits.
 *
 * Threads: live_run() blocks its caller (EAL's main lcore), which ticks, corrects the clock and
 *          watches for the end; live_interrupt() is safe in a signal handler. Hooks are called by
 *          the caller's thread, footer() by the writer's. All hooks may be NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/decode.h"
#include "tcpmill/engine.h"
#include "tcpmill/flow.h"
#include "tcpmill/port.h"

struct arrow_kv;

struct live_config {
	const char *const *ports; /* [nb_ports] as typed */
	uint32_t nb_ports;
	uint32_t nb_workers;
	const char *filter; /* or NULL */
	uint32_t snaplen;
	uint64_t buffer_bytes; /* of a kernel ring; 0: default */
	bool promiscuous;
	bool sleep_idle;
	const char *user;     /* to become once the ports are open; or NULL */
	uint64_t max_frames;  /* 0: no end */
	uint64_t duration_ns; /* 0: no end */

	uint64_t max_flows;
	uint64_t max_bytes;                   /* of the state of flows; 0: no limit */
	uint64_t fragment_bytes;              /* of all workers; 0: REASSEMBLY_BYTES each */
	uint64_t timeout_ns[NB_FLOW_CLASSES]; /* 0: none */
	uint64_t active_timeout_ns;           /* 0: no active records */
	uint64_t hash_seed;

	const char *output;    /* strftime pattern (UTC), "-", or NULL: no records */
	uint64_t rotate_ns;    /* 0: not by time. Files begin at whole multiples since the epoch */
	uint64_t rotate_bytes; /* 0: not by size */
	uint32_t batch_rows;

	const char *const *eal; /* [nb_eal] arguments for experts, behind ours */
	uint32_t nb_eal;
	uint32_t exchange_cells; /* of each ring; a power of two; tests make it small */
	uint32_t record_blocks;  /* blocks of rows that each worker has; likewise */
};

/* What one worker counted. All members are uint64_t: they are published as words. */
struct live_worker_stats {
	uint64_t received, wire_bytes;
	uint64_t fates[NB_FATES];
	uint64_t exchange_full; /* segments dropped: their owner's ring was full */
	/* received = sum of fates + exchange_full, in every snapshot. */
	uint64_t forwarded;       /* segments that another worker owns */
	uint64_t tracked;         /* of its own flows, whoever received them */
	uint64_t quoted;          /* of them quoted (definitions 1.11): no packets of their flows */
	uint64_t headers_dropped; /* as exchange_full, but another one of the frame was kept */
	uint64_t headers_unread;  /* of frames that had DECODE_MAX_SEGMENTS others */
	uint64_t datagrams, datagrams_given_up; /* of fragments: whole; that did not become so */
	uint64_t datagrams_held;                /* now: that may still become whole */
	uint64_t anomalous_packets, offload_segments;
	uint64_t live_flows, max_live_flows, flows; /* now, at most, made so far */
	uint64_t evicted[NB_FLOW_CLASSES];
	uint64_t holes_cut;               /* that settled early for want of memory */
	uint64_t records, active_records; /* rows handed over; active ones among them */
	uint64_t records_dropped;         /* the writer's ring was full */
	uint64_t polls, idle_polls, sleeps;
	uint64_t flow_bytes; /* of slots touched */
	uint64_t cpu;
};

/* What the writer counted; words as above. */
struct live_writer_stats {
	uint64_t rows;      /* in batches that are whole, be it in a .part */
	uint64_t bytes;     /* of these, of schemas, and of the footers of whole files */
	uint64_t files;     /* finished under their names; a stream: ended as it should */
	uint64_t rows_lost; /* taken over, but not written: the disk failed, nobody read */
	uint64_t failures;  /* of opening, writing or finishing a file */
};

/* A snapshot; sums over the parts are the caller's. */
struct live_stats {
	int64_t now_ns;      /* UTC */
	uint64_t elapsed_ns; /* since the start */
	uint32_t nb_ports, nb_workers;
	struct port_counters ports[PORT_MAX_PORTS];
	struct live_worker_stats workers[ENGINE_MAX_WORKERS];
	struct live_writer_stats writer;
	int64_t clock_error_ns; /* of the wall clock at its last correction */
	uint64_t clock_steps;
	char record_path[256]; /* of the file being written, as it will be called; or "" */
};

/* Where packets or records were lost. */
enum live_drop {
	LIVE_DROP_NIC,       /* packets: imissed */
	LIVE_DROP_NO_MBUF,   /* packets: rx_nombuf */
	LIVE_DROP_ERRORS,    /* packets: ierrors */
	LIVE_DROP_KERNEL,    /* packets: ring of AF_PACKET or AF_XDP full */
	LIVE_DROP_INTERFACE, /* packets: by the interface, before anybody */
	LIVE_DROP_EXCHANGE,  /* packets: ring to the flow's worker full */
	LIVE_DROP_TABLE,     /* packets: no room in the flow table */
	LIVE_DROP_RECORDS,   /* records: ring to the writer full */
	LIVE_DROP_DISK,      /* records: could not be written */
	NB_LIVE_DROPS,
};
/* Names as in --json, metadata, metrics and telemetry: "nic", "no_mbuf" ... */
extern const char *const live_drop_names[NB_LIVE_DROPS + 1];
/* True of packets that were lost in front of the workers, and counted among the offered. */
bool live_drop_is_offered(enum live_drop drop);
/* True of packets, false of records. */
bool live_drop_is_of_packets(enum live_drop drop);
/* The drops of one port, by place; 0 of those that no port counts. */
void live_port_drops(const struct port_counters *counters, uint64_t drops[NB_LIVE_DROPS]);

/* As above: "half_open" ... */
extern const char *const live_class_names[NB_FLOW_CLASSES];

/* Sums of a snapshot. */
struct live_sum {
	struct live_worker_stats all; /* cpu: 0 */
	uint64_t drops[NB_LIVE_DROPS];
};
void live_sum(const struct live_stats *stats, struct live_sum *sum);
/* What happened between two snapshots; levels (live_flows, datagrams_held) are the later's. */
void live_stats_since(const struct live_stats *from, const struct live_stats *to,
		      struct live_stats *difference);

/* How the run begins: ports are open, and nothing was received yet. */
struct live_start {
	const struct port_info *const *ports; /* [nb_ports] */
	uint32_t nb_ports, nb_workers;
	bool has_hugepages; /* EAL's memory is in huge pages */
	/* Segments go through the rings of the exchange: the ports do not bring flows together. */
	bool is_exchanged;
	const int *cpus; /* [nb_workers] that workers are pinned to */
};

struct live_hooks {
	/* EAL runs, no port is open yet; may make ports. 0, or -1 with one line in error. */
	int (*eal_started)(void *context, char *error, size_t error_size);
	/* All ports are open and started. */
	void (*started)(void *context, const struct live_start *start);
	/* Each second, and once at the end. */
	void (*tick)(void *context, const struct live_stats *stats);
	/*
	 * A file of records is about to be finished: its footer's metadata, of what happened
	 * since it was opened (for the last file and for a stream: until the end). Time in which
	 * no file could be written is in the next one's: the books of all files add up. Values
	 * stay the caller's until the next call. Returns how many.
	 */
	size_t (*footer)(void *context, const struct live_stats *since_opened,
			 struct arrow_kv *metadata, size_t max);
	/* The schema's metadata, called once behind started(); values as above. */
	size_t (*metadata)(void *context, const struct live_start *start, struct arrow_kv *metadata,
			   size_t max);
	void *context;
};

struct live_result {
	struct live_stats stats; /* at the end, everything drained */
	struct engine_totals totals;
	char last_path[512]; /* of the last file of records */
	bool wrote_stream;
	bool interrupted;   /* by live_interrupt(): a clean end all the same */
	bool output_failed; /* some record was not written; failure says why first */
	char failure[256];
	char ended[PORT_MAX_PORTS][128]; /* why a port was over before the run was; or "" */
	uint64_t startup_ns;
	uint64_t peak_rss_bytes;
};

/*
 * Runs until an interrupt, max_frames, duration_ns, or until all ports are gone; then
 * drains what is queued, ends all flows as end_of_input, and finishes the records.
 *
 * Returns 0, or -1 with one line in error (*usage: a name or filter is at fault).
 */
int live_run(const struct live_config *config, const struct live_hooks *hooks,
	     struct live_result *result, char *error, size_t error_size, bool *usage);

void live_interrupt(void);

/* --list-ports: starts EAL, prints, and ends it. 0, or -1 with one line in error. */
int live_list_ports(FILE *out, const char *const *eal, uint32_t nb_eal, char *error,
		    size_t error_size);

#endif
