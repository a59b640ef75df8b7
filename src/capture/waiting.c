/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Streams that make their reader wait. A cut that finds nothing for a while ends its chunk with
 * what it has, so that packets are told soon after they came and no worker is held up; the
 * bytes of a record that is not whole yet are kept for the chunk to come.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "capture_priv.h"
#include "follow.h"

#define NS_PER_MS UINT64_C(1000000)
/* The oldest packet of a chunk waits about so long for the next ones. */
#define PATIENCE_NS (100 * NS_PER_MS)
/* A stop is seen, and a file looked at again, after at most so long. */
#define STEP_NS (20 * NS_PER_MS)

uint64_t waiting_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void waiting_begin(struct source *source, struct chunk *chunk)
{
	source->is_paused = false;
	source->pause_at_ns = waiting_now_ns() + PATIENCE_NS;
	if (source->nb_kept != 0) /* all chunks of a source have the same room */
		memcpy(chunk->data, source->kept, source->nb_kept);
	chunk->len = source->nb_kept;
	source->nb_kept = 0;
}

int waiting_end(struct source *source, const struct chunk *chunk)
{
	const uint64_t used = source->next_offset - chunk->offset;
	const size_t nb = used < chunk->len ? chunk->len - (size_t)used : 0;

	if (nb == 0 || atomic_load(&source->ended))
		return 0;
	if (source->room_kept < nb) {
		uint8_t *kept = realloc(source->kept, nb);

		if (kept == NULL)
			return -ENOMEM;
		source->kept = kept;
		source->room_kept = nb;
	}
	memcpy(source->kept, chunk->data + used, nb);
	source->nb_kept = nb;
	return 0;
}

/* Until there is something to read, for one step at most. False if there is nothing. */
static bool wait_a_step(const struct source *source)
{
	const uint64_t now_ns = waiting_now_ns();
	const uint64_t left_ns = now_ns < source->pause_at_ns ? source->pause_at_ns - now_ns : 0;
	const int ms = (int)((left_ns < STEP_NS ? left_ns : STEP_NS) / NS_PER_MS);
	struct pollfd pfd = {.fd = source->fd, .events = POLLIN};

	/* A file can always be read: at its end, of nothing. */
	if (source->follow != NULL)
		return poll(NULL, 0, ms), true;
	return poll(&pfd, 1, ms) != 0;
}

/* As read(); a file that is followed has no end unless it is over. */
static ssize_t read_once(struct source *source, uint8_t *to, size_t room, bool *is_end)
{
	const ssize_t n = read(source->fd, to, room);

	*is_end = n == 0;
	if (source->follow == NULL || n < 0)
		return n;
	if (n > 0)
		follow_took(source->follow, (uint64_t)n);
	else
		*is_end = follow_is_over(source->follow, source->fd);
	return n;
}

ssize_t waiting_read(const struct capture *capture, struct source *source, uint8_t *to, size_t room)
{
	bool is_ready = source->follow != NULL, is_end;
	ssize_t n;

	for (;;) {
		if (capture != NULL ? capture_stopped(capture)
				    : source->follow != NULL && follow_is_stopped(source->follow))
			return -EAGAIN;
		if (!is_ready)
			is_ready = wait_a_step(source);
		n = is_ready ? read_once(source, to, room, &is_end) : 0;
		if (n > 0 || (n == 0 && is_ready && is_end))
			return n;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		is_ready = false;
		if (waiting_now_ns() >= source->pause_at_ns) {
			source->is_paused = true;
			return -EAGAIN;
		}
	}
}
