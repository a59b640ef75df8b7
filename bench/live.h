/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

/*
 * The parts of `tcpmill-bench live`: a feeder on one core, and on another what is measured.
 *
 * EAL starts once a process, so each measurement is a child's (cmd_live.c), which hands a
 * struct live_outcome back.
 */

#include <stdbool.h>
#include <stdint.h>

#define LIVE_PORT "net_ring_bench"
#define LIVE_MIB 256 /* of EAL's memory, for mbufs */
#define LIVE_WORKER_LCORE 1

/* Who takes the packets. */
enum live_consumer {
	LIVE_NULL,   /* receives from net_null, of another driver's making */
	LIVE_EMPTY,  /* receives from the feeder, and frees */
	LIVE_DECODE, /* decodes them, too */
	LIVE_TRACK,  /* and gives them their verdicts */
	LIVE_ENGINE, /* live_run(), one worker */
	NB_LIVE_CONSUMERS,
};

struct live_job {
	enum live_consumer consumer;
	uint64_t flows, packets; /* packets: those that are timed */
	uint64_t mbufs, slots;   /* of the pool; of the ring that the port receives from */
};

struct live_outcome {
	/*
	 * Of the timed packets, by the consumer's clock or, if it is the engine, the feeder's;
	 * ticks of the TSC.
	 */
	double seconds, ticks;
	double waited; /* share of this time in which the feeder found the ring full */
	uint64_t tcp;  /* segments, where they are looked at */
	/* Of the engine. */
	uint64_t flows, anomalous, records;
	char error[256]; /* empty: all is well */
};

/* ---- live_feed.c --------------------------------------------------------------------- */

/*
 * A port, and a thread that keeps it full. Made once EAL runs, by the main lcore; NULL with
 * one line in error.
 */
struct live_feed;
struct live_feed *live_feed_create(const struct live_job *job, char *error, size_t error_size);

/* Frames that come in all: handshakes, those that nobody times, and the timed ones. */
uint64_t live_feed_total(const struct live_job *job);

/* Somebody receives now. The thread is kept to a CPU. 0 or -errno. */
int live_feed_start(struct live_feed *feed, int cpu);
/*
 * Waits for its end, at once if give_up, and tells what it measured. The port stays to the
 * end of the process.
 */
void live_feed_finish(struct live_feed *feed, bool give_up, struct live_outcome *outcome);

/* The last one of those that this process may use, so that the first is the worker's. */
int live_feed_cpu(void);

/* ---- consumers, each in a process of its own ----------------------------------------- */

void live_loop_run(const struct live_job *job, struct live_outcome *outcome);
void live_engine_run(const struct live_job *job, struct live_outcome *outcome);

#endif
