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

/* A decoder has at most so many. */
#define MAX_CREW 17u

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job is done */
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

/* Runs it in a thread of its own. False if there is none to be had. */
bool job_start(struct job *job, struct crew *crew, const char *name, void (*run)(struct job *job));
/* In the job: true if nobody wants what it makes. */
bool job_quits(struct job *job);
/* True when it has run; waits so many ms for that. */
bool job_wait(struct job *job, long ms);
/* Ends its thread, if it has one. */
void job_end(struct job *job);

#endif
