/* SPDX-License-Identifier: BSD-3-Clause */

/* The thread that decompresses an input, and the queue between it and the cut. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unpack.h"

#define WAIT_NS 100000000     /* a reader looks so often whether it is to stop */
#define SNIFF_MAX (16u << 20) /* bytes of an input that are decompressed to see what it is */
#define MAX_THREADS 16u
#define LAZY_IN (32u << 10) /* bytes of the input that are read at a time without a thread */

struct block {
	uint8_t *data;
	size_t len;
	uint64_t taken; /* of the input, when it was full */
};

struct unpacker {
	struct decompressor d; /* the thread's while it runs */
	const struct decompress_format *format;
	bool is_pipe, has_decompressor, is_started, is_running;
	bool is_lazy; /* no thread: the reader decompresses */
	size_t nb_sniffed;
	struct decompress_limits limits;
	uint64_t needed; /* by what was sniffed */
	cpu_set_t cpus;  /* of the program, not of a worker who happens to start the thread */
	pthread_t thread;
	atomic_bool quit;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct block blocks[UNPACK_BLOCKS];
	uint64_t nb_filled, nb_emptied; /* blocks so far; the one of number n is n modulo */
	bool is_over;                   /* nothing comes any more */

	/* The reader's. */
	size_t at; /* in the oldest block */
	uint64_t taken;
};

static uint32_t nb_threads(const struct unpacker *u)
{
	const uint32_t nb = (uint32_t)CPU_COUNT(&u->cpus);

	return nb < 1 ? 1 : nb < MAX_THREADS ? nb : MAX_THREADS;
}

struct unpacker *unpacker_create(bool is_pipe, const struct decompress_limits *limits)
{
	struct unpacker *u = calloc(1, sizeof(*u));
	pthread_condattr_t attributes;

	if (u == NULL)
		return NULL;
	u->is_pipe = is_pipe;
	u->limits = *limits;
	if (sched_getaffinity(0, sizeof(u->cpus), &u->cpus) != 0)
		CPU_ZERO(&u->cpus);
	u->limits.nb_threads = nb_threads(u);
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&u->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return u;
}

static bool make_decompressor(struct unpacker *u, int fd, const uint8_t *head, size_t nb_head)
{
	if (!decompressor_init(&u->d, fd, u->is_pipe, head, nb_head))
		return false;
	u->d.quit = &u->quit;
	u->d.limits = u->limits;
	u->has_decompressor = true;
	return true;
}

ssize_t unpacker_sniff(struct unpacker *u, int fd, const uint8_t *head, size_t nb_head, uint8_t *to,
		       size_t len)
{
	ssize_t n = 1;

	if (!make_decompressor(u, fd, head, nb_head)) {
		decompressor_fail_memory(&u->d);
		return -1;
	}
	/* Of a file only these bytes are decompressed now. */
	if (!u->is_pipe)
		u->d.limits.nb_threads = 1;
	/* Threads of xz take whole blocks before the first one gives anything. */
	u->d.in_limit = u->is_pipe ? SNIFF_MAX + u->limits.threads_bytes : SNIFF_MAX;
	while (u->nb_sniffed < len && n > 0) {
		n = decompressor_read(&u->d, to + u->nb_sniffed, len - u->nb_sniffed);
		if (n > 0)
			u->nb_sniffed += (size_t)n;
	}
	u->d.in_limit = UINT64_MAX;
	u->format = u->d.format;
	u->needed = decompressor_needs(&u->d);
	return n < 0 && u->nb_sniffed == 0 ? -1 : (ssize_t)u->nb_sniffed;
}

uint64_t unpacker_needs(const struct unpacker *u)
{
	return u->needed;
}

void unpacker_limit(struct unpacker *u, uint64_t max_bytes)
{
	u->limits.max_bytes = max_bytes;
	u->limits.threads_bytes = max_bytes;
	u->d.limits.max_bytes = max_bytes;
}

/* The next block to be filled, when there is room; NULL when the thread is to end. */
static struct block *next_block(struct unpacker *u)
{
	struct block *block;

	pthread_mutex_lock(&u->lock);
	while (!atomic_load(&u->quit) && u->nb_filled - u->nb_emptied == UNPACK_BLOCKS)
		pthread_cond_wait(&u->changed, &u->lock);
	block = &u->blocks[u->nb_filled % UNPACK_BLOCKS];
	pthread_mutex_unlock(&u->lock);
	if (atomic_load(&u->quit))
		return NULL;
	if (block->data == NULL)
		block->data = malloc(UNPACK_BLOCK);
	if (block->data == NULL) {
		decompressor_fail_memory(&u->d);
		return NULL;
	}
	return block;
}

/* A file was opened again: passes over what the reader has from the first time. */
static void pass_sniffed(struct unpacker *u)
{
	uint8_t waste[64];
	size_t left = u->is_pipe ? 0 : u->nb_sniffed;
	ssize_t n = 1;

	while (left > 0 && n > 0) {
		n = decompressor_read(&u->d, waste, left < sizeof(waste) ? left : sizeof(waste));
		left -= n > 0 ? (size_t)n : 0;
	}
}

static void *unpack_main(void *arg)
{
	struct unpacker *u = arg;
	struct block *block;

	/* By itself: another thread's name is a file in /proc, which is out of reach by now. */
	(void)pthread_setname_np(pthread_self(), "tcpmill-unpack");
	pass_sniffed(u);
	while ((block = next_block(u)) != NULL) {
		const ssize_t n = decompressor_read(&u->d, block->data, UNPACK_BLOCK);

		if (n <= 0)
			break;
		block->len = (size_t)n;
		block->taken = decompressor_taken(&u->d);
		pthread_mutex_lock(&u->lock);
		u->nb_filled++;
		pthread_cond_broadcast(&u->changed);
		pthread_mutex_unlock(&u->lock);
	}
	pthread_mutex_lock(&u->lock);
	u->is_over = true;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* Signals are the main thread's; the CPUs are all there are. */
static int start_thread(struct unpacker *u)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int rc;

	pthread_attr_init(&attributes);
	if (CPU_COUNT(&u->cpus) != 0)
		(void)pthread_attr_setaffinity_np(&attributes, sizeof(u->cpus), &u->cpus);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&u->thread, &attributes, unpack_main, u);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	if (rc != 0)
		return -rc;
	u->is_running = true;
	return 0;
}

int unpacker_start(struct unpacker *u, int fd)
{
	int rc;

	if (u->is_started)
		return 0;
	u->is_started = true;
	if (!u->has_decompressor && !make_decompressor(u, fd, NULL, 0))
		rc = -ENOMEM;
	else
		rc = start_thread(u);
	if (rc != 0)
		u->is_over = true; /* nobody gives anything */
	return rc;
}

int unpacker_start_lazy(struct unpacker *u, int fd)
{
	if (!u->has_decompressor) {
		if (u->is_started || !make_decompressor(u, fd, NULL, 0))
			return -ENOMEM;
		u->d.limits.nb_threads = 1;
		pass_sniffed(u);
	}
	u->is_started = true;
	u->is_lazy = true;
	u->d.fd = fd;
	u->d.in_max = LAZY_IN;
	return 0;
}

void unpacker_stop(struct unpacker *u)
{
	if (u->is_running) {
		pthread_mutex_lock(&u->lock);
		atomic_store(&u->quit, true);
		pthread_cond_broadcast(&u->changed);
		pthread_mutex_unlock(&u->lock);
		(void)pthread_join(u->thread, NULL);
		u->is_running = false;
	}
	for (size_t i = 0; i < UNPACK_BLOCKS; i++) {
		free(u->blocks[i].data);
		u->blocks[i] = (struct block){0};
	}
	if (u->has_decompressor)
		decompressor_fini(&u->d);
	u->has_decompressor = false;
}

void unpacker_destroy(struct unpacker *u)
{
	if (u == NULL)
		return;
	unpacker_stop(u);
	pthread_mutex_destroy(&u->lock);
	pthread_cond_destroy(&u->changed);
	free(u);
}

static struct timespec soon(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += WAIT_NS;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

/* The oldest block that is full, waiting for one if told to; NULL if there is none. */
static const struct block *oldest_block(struct unpacker *u, bool wait, const atomic_bool *stop)
{
	bool found;

	pthread_mutex_lock(&u->lock);
	while (wait && u->nb_filled == u->nb_emptied && !u->is_over && !atomic_load(stop)) {
		const struct timespec until = soon();

		(void)pthread_cond_timedwait(&u->changed, &u->lock, &until);
	}
	found = u->nb_filled != u->nb_emptied;
	if (!found && u->is_over && u->has_decompressor)
		u->taken = decompressor_taken(&u->d);
	pthread_mutex_unlock(&u->lock);
	return found ? &u->blocks[u->nb_emptied % UNPACK_BLOCKS] : NULL;
}

static void release_block(struct unpacker *u)
{
	pthread_mutex_lock(&u->lock);
	u->nb_emptied++;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	u->at = 0;
}

static size_t read_lazily(struct unpacker *u, uint8_t *to, size_t need, size_t room,
			  const atomic_bool *stop)
{
	size_t got = 0;
	ssize_t n = 1;

	u->d.quit = stop;
	while (got < need && n > 0 && u->has_decompressor) {
		n = decompressor_read(&u->d, to + got, room - got);
		got += n > 0 ? (size_t)n : 0;
	}
	u->taken = decompressor_taken(&u->d);
	return got;
}

size_t unpacker_read(struct unpacker *u, uint8_t *to, size_t need, size_t room,
		     const atomic_bool *stop)
{
	size_t got = 0;

	if (u->is_lazy)
		return read_lazily(u, to, need, room, stop);
	while (got < room) {
		const struct block *block = oldest_block(u, got < need, stop);
		size_t n;

		if (block == NULL)
			break;
		n = block->len - u->at < room - got ? block->len - u->at : room - got;
		memcpy(to + got, block->data + u->at, n);
		got += n;
		u->at += n;
		if (u->at == block->len) {
			u->taken = block->taken;
			release_block(u);
		}
	}
	return got;
}

bool unpacker_no_memory(const struct unpacker *u)
{
	return u->d.failed && u->d.no_memory;
}

const char *unpacker_error(const struct unpacker *u, uint64_t *in_offset, uint64_t *out_bytes)
{
	*in_offset = u->d.error_offset;
	*out_bytes = u->d.out_bytes;
	return u->d.failed ? u->d.error : NULL;
}

uint64_t unpacker_refused(const struct unpacker *u)
{
	return u->d.refused_bytes;
}

uint64_t unpacker_taken(const struct unpacker *u)
{
	return u->taken;
}

const char *unpacker_name(const struct unpacker *u)
{
	return u->format != NULL ? u->format->name : "zstd or lz4";
}
