/* SPDX-License-Identifier: BSD-3-Clause */

/* Threads that decompress parts of an input. */

#include <signal.h>
#include <time.h>

#include "decompress_crew.h"

void crew_init(struct crew *crew)
{
	pthread_condattr_t attributes;

	crew->nb_running = 0;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&crew->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

void crew_fini(struct crew *crew)
{
	pthread_mutex_destroy(&crew->lock);
	pthread_cond_destroy(&crew->changed);
}

static struct timespec in_ms(long ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += ms * 1000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

uint32_t crew_running(struct crew *crew)
{
	uint32_t nb;

	pthread_mutex_lock(&crew->lock);
	nb = crew->nb_running;
	pthread_mutex_unlock(&crew->lock);
	return nb;
}

void crew_wait(struct crew *crew, uint32_t nb_running, long ms)
{
	const struct timespec until = in_ms(ms);

	pthread_mutex_lock(&crew->lock);
	while (crew->nb_running == nb_running &&
	       pthread_cond_timedwait(&crew->changed, &crew->lock, &until) == 0)
		;
	pthread_mutex_unlock(&crew->lock);
}

static void *job_main(void *arg)
{
	struct job *job = arg;

	/* By itself: another thread's name is a file in /proc, which is out of reach by now. */
	(void)pthread_setname_np(pthread_self(), job->name);
	job->run(job);
	pthread_mutex_lock(&job->crew->lock);
	job->is_done = true;
	job->crew->nb_running--;
	pthread_cond_signal(&job->crew->changed);
	pthread_mutex_unlock(&job->crew->lock);
	return NULL;
}

bool job_start(struct job *job, struct crew *crew, const char *name, void (*run)(struct job *job))
{
	sigset_t all, old;

	job->crew = crew;
	job->name = name;
	job->run = run;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&crew->lock);
	job->has_thread = pthread_create(&job->thread, NULL, job_main, job) == 0;
	crew->nb_running += job->has_thread;
	pthread_mutex_unlock(&crew->lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return job->has_thread;
}

bool job_quits(struct job *job)
{
	bool quits;

	pthread_mutex_lock(&job->crew->lock);
	quits = job->quits;
	pthread_mutex_unlock(&job->crew->lock);
	return quits;
}

bool job_wait(struct job *job, long ms)
{
	const struct timespec until = in_ms(ms);
	bool is_done;

	pthread_mutex_lock(&job->crew->lock);
	while (!job->is_done && ms != 0 &&
	       pthread_cond_timedwait(&job->crew->changed, &job->crew->lock, &until) == 0)
		;
	is_done = job->is_done;
	pthread_mutex_unlock(&job->crew->lock);
	return is_done;
}

void job_end(struct job *job)
{
	if (!job->has_thread)
		return;
	pthread_mutex_lock(&job->crew->lock);
	job->quits = true;
	pthread_mutex_unlock(&job->crew->lock);
	(void)pthread_join(job->thread, NULL);
	job->has_thread = false;
}
