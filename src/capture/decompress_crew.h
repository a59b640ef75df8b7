/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_CREW_H
#define TCPMILL_DECOMPRESS_CREW_H

/*
 * The threads of a decoder, one for each part of the input that is decompressed beside others.
 *
 * Threads: a job's functions belong to the thread that owns the decoder, but for job_quits().
 * Memory:  a job lies inside of what it decompresses, whose owner ends it before that is freed.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job is done */
	uint32_t nb_running;    /* under the lock */
};

struct job {
	struct crew *crew;
	pthread_t thread;
	void (*run)(struct job *job);
	const char *name; /* of the thread; at most 15 characters */
	bool has_thread;
	bool is_done, quits; /* under the crew's lock */
};

void crew_init(struct crew *crew);
void crew_fini(struct crew *crew);
/* How many of its jobs are not done. */
uint32_t crew_running(struct crew *crew);
/* Waits so many ms for others than so many. */
void crew_wait(struct crew *crew, uint32_t nb_running, long ms);

/* Runs it in a thread of its own. False if there is none to be had. */
bool job_start(struct job *job, struct crew *crew, const char *name, void (*run)(struct job *job));
/* In the job: true if nobody wants what it makes. */
bool job_quits(struct job *job);
/* True when it has run; waits so many ms for that. */
bool job_wait(struct job *job, long ms);
/* Ends its thread, if it has one. */
void job_end(struct job *job);

#endif
