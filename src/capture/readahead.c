/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A file that is not in the page cache: the disk is kept busy ahead of the workers. The
 * kernel's own reading ahead follows one reader who does nothing else; several, who compute
 * between their reads, leave the disk idle.
 */

#include <fcntl.h>
#include <sys/uio.h>

#include "capture_priv.h"

/* So far ahead of what is being read; bounds what lies in the cache for nothing after a stop. */
#define AHEAD (32u << 20)
#define STEP (4u << 20)
/*
 * The kernel cuts what one call asks for to the larger of a device's request and its own
 * window, without a word; with default settings that is 256 KiB at least.
 */
#define SLICE (256u << 10)
/* The start is a ramp: the first reader's own bytes come first. */
#define STEPS_A_CALL 2

/* True if the byte can be had without waiting for the disk. */
static bool is_cached(int fd, uint64_t offset)
{
	uint8_t byte;
	const struct iovec one = {.iov_base = &byte, .iov_len = 1};

	return preadv2(fd, &one, 1, (off_t)offset, RWF_NOWAIT) == 1;
}

/*
 * Asked for a byte, the kernel begins to read some pages around it, and where the disk is quick or
 * this thread is not run for a moment they are there when it looks: one answer is none. The ends
 * are where the part before and the part behind were asked for.
 */
static bool is_probably_cached(int fd, uint64_t from, uint64_t to)
{
	const uint64_t quarter = (to - from) / 4;

	return is_cached(fd, from + quarter) && is_cached(fd, from + 2 * quarter) &&
	       is_cached(fd, from + 3 * quarter);
}

static void advise(int fd, uint64_t from, uint64_t to)
{
	/* Of a file that is there already the kernel would look at every page. */
	if (is_probably_cached(fd, from, to))
		return;
	/* In large requests where that goes; what is on its way costs little to ask for again. */
	(void)posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_WILLNEED);
	for (; from < to; from += SLICE)
		(void)posix_fadvise(fd, (off_t)from, (off_t)(to - from < SLICE ? to - from : SLICE),
				    POSIX_FADV_WILLNEED);
}

void source_read_ahead(struct source *source, const struct chunk *chunk)
{
	const uint64_t size = source->info.size;
	uint64_t want = chunk->offset + chunk->limit + AHEAD;

	if (source->is_stream || size <= AHEAD)
		return;
	if (want > size)
		want = size;
	for (int i = 0; i < STEPS_A_CALL; i++) {
		uint64_t from = atomic_load(&source->read_ahead), to;

		if (from >= want)
			return;
		to = size - from < STEP ? size : from + STEP;
		if (!atomic_compare_exchange_strong(&source->read_ahead, &from, to))
			return; /* another reader is at it */
		advise(source->fd, from, to);
	}
}
