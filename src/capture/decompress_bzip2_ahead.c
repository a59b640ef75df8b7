/* SPDX-License-Identifier: BSD-3-Clause */

/* bzip2: how far the input was looked through, and by which threads. */

#include <stdlib.h>
#include <string.h>

#include "decompress_bzip2_ahead.h"

/* Bytes of the input at a time: what is behind an end goes back, and is looked through again. */
#define TAKE 4096u
#define HEAD 10u /* bytes that tell a stream with a block */
#define NOWHERE UINT64_MAX
/* A magic and a checksum. */
#define END_BITS 80u

/* A block that seems to be smaller, compressed, is sooner decompressed than a thread is made. */
#define MIN_FOR_THREAD (8 * UINT64_C(4096))
#define MAX_FOR_THREAD (8 * UINT64_C(1048576))
/* The library, what is made, and two times what it is made of. */
#define THREAD_MEMORY (BZIP2_BLOCK_MEMORY + BZIP2_MAX_OUT + MAX_FOR_THREAD / 8 * 2)

bool bzip2_matches(const uint8_t *head, size_t len)
{
	static const uint8_t block[] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};
	static const uint8_t end[] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};

	return len >= HEAD && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
	       (memcmp(head + 4, block, sizeof(block)) == 0 ||
		memcmp(head + 4, end, sizeof(end)) == 0);
}

void bzip2_ahead_init(struct bzip2_ahead *a, const struct decompress_limits *limits)
{
	const uint64_t fit = limits->threads_bytes / THREAD_MEMORY;

	*a = (struct bzip2_ahead){0};
	/* Blocks are long and short by turns in files of pbzip2: so some may be done already. */
	a->max_running = limits->nb_threads;
	a->max_crew =
		2 * limits->nb_threads < BZIP2_MAX_CREW ? 2 * limits->nb_threads : BZIP2_MAX_CREW;
	a->max_crew = fit < a->max_crew ? (uint32_t)fit : a->max_crew;
	if (limits->nb_threads < 2 || a->max_crew < 2)
		a->max_crew = 0;
	crew_init(&a->shared);
	bzip2_ahead_reset(a);
}

void bzip2_ahead_reset(struct bzip2_ahead *a)
{
	bzip2_ahead_drop_crew(a);
	bits_fini(&a->bits);
	bits_init(&a->bits);
	a->is_paused = false;
	a->stop = NOWHERE;
	a->nb_marks = 0;
}

void bzip2_ahead_fini(struct bzip2_ahead *a)
{
	bzip2_ahead_drop_crew(a);
	crew_fini(&a->shared);
	bits_fini(&a->bits);
}

static struct bzip2_block *oldest(const struct bzip2_ahead *a)
{
	return a->nb_crew != 0 ? a->crew[a->first] : NULL;
}

static void drop_oldest(struct bzip2_ahead *a)
{
	struct bzip2_block *b = oldest(a);

	bzip2_ahead_remove(a, b);
	bzip2_block_destroy(b);
}

void bzip2_ahead_drop_crew(struct bzip2_ahead *a)
{
	while (a->nb_crew != 0)
		drop_oldest(a);
}

/* ---- the input ---------------------------------------------------------------------- */

static void drop_mark(struct bzip2_ahead *a)
{
	a->nb_marks--;
	memmove(a->marks, a->marks + 1, a->nb_marks * sizeof(a->marks[0]));
}

/* Looks through what was just taken. */
static void find_marks(struct bzip2_ahead *a)
{
	uint64_t place, magic;

	while (a->stop == NOWHERE && bits_find(&a->bits, &place, &magic)) {
		/* What finds no place is decompressed without a thread. */
		if (a->nb_marks < BZIP2_MARKS)
			a->marks[a->nb_marks++] =
				(struct bzip2_mark){place, magic == BZIP2_BLOCK ? a->level : 0};
		if (magic == BZIP2_END)
			a->stop = (place + END_BITS + 7) / 8;
	}
}

void bzip2_ahead_pass_end(struct bzip2_ahead *a)
{
	if (bits_end(&a->bits) >= a->stop)
		a->stop = NOWHERE;
}

bool bzip2_ahead_goes_on(struct bzip2_ahead *a, const struct decompress_io *io)
{
	if (!bzip2_matches(io->in, io->nb_in) || io->in[4] != (uint8_t)(BZIP2_BLOCK >> 40))
		return false;
	a->level = (char)io->in[3];
	a->stop = NOWHERE;
	return true;
}

ssize_t bzip2_ahead_take(struct bzip2_ahead *a, struct decompress_io *io, uint64_t needed)
{
	const uint64_t before = bits_end(&a->bits);
	size_t n = decompress_usable(io, a->is_paused);

	/* At the member's beginning it was seen to be one. */
	if (before == 0)
		a->level = (char)io->in[3];
	if (before == a->stop && !bzip2_ahead_goes_on(a, io))
		return 0;
	if (n > TAKE)
		n = TAKE;
	if (n > a->stop - before)
		n = (size_t)(a->stop - before);
	if (n == 0)
		return 0;
	bits_drop(&a->bits, needed);
	if (!bits_append(&a->bits, io->in, n))
		return -1;
	find_marks(a);
	if (bits_end(&a->bits) > a->stop)
		bits_give_back(&a->bits, (size_t)(bits_end(&a->bits) - a->stop));
	n = (size_t)(bits_end(&a->bits) - before);
	io->in += n;
	io->nb_in -= n;
	return (ssize_t)n;
}

/* ---- the threads -------------------------------------------------------------------- */

/* For the block of the first mark, which seems to end at the second one. */
static void start_thread(struct bzip2_ahead *a, uint64_t at)
{
	const struct bzip2_mark from = a->marks[0];
	const uint64_t len = a->marks[1].place - from.place;
	struct bzip2_block *b;

	drop_mark(a);
	if (from.level == 0 || from.place < at || len < MIN_FOR_THREAD || len > MAX_FOR_THREAD)
		return;
	b = bzip2_block_create(from.level, from.place);
	if (b == NULL)
		return;
	b->in_len = (size_t)(len + 7) / 8;
	b->in = malloc(b->in_len);
	if (b->in != NULL)
		b->in_len = bits_copy(&a->bits, from.place, b->in, b->in_len);
	if (b->in != NULL && bzip2_block_start(b, &a->shared))
		a->crew[(a->first + a->nb_crew++) % BZIP2_MAX_CREW] = b;
	else
		bzip2_block_destroy(b);
}

enum bzip2_went bzip2_ahead_go(struct bzip2_ahead *a, struct decompress_io *io, uint64_t at)
{
	if (a->nb_crew == a->max_crew || crew_running(&a->shared) == a->max_running)
		return AHEAD_NO;
	if (a->nb_marks > 1) {
		start_thread(a, at);
		return AHEAD_WENT;
	}
	if (8 * a->bits.len > a->max_crew * MAX_FOR_THREAD)
		return AHEAD_NO;
	if (bzip2_ahead_take(a, io, at) > 0)
		return AHEAD_WENT;
	if (io->is_last || a->is_paused)
		return AHEAD_NO;
	/* At an end it takes a few bytes to tell what follows. */
	return io->nb_in < (bits_end(&a->bits) == a->stop ? HEAD : 2) ? AHEAD_LATER : AHEAD_NO;
}

struct bzip2_block *bzip2_ahead_find(struct bzip2_ahead *a, uint64_t at, char level)
{
	struct bzip2_block *b;

	while ((b = oldest(a)) != NULL && (b->place < at || (b->place == at && b->level != level)))
		drop_oldest(a);
	while (a->nb_marks != 0 && a->marks[0].place < at)
		drop_mark(a);
	return b != NULL && b->place == at ? b : NULL;
}

void bzip2_ahead_remove(struct bzip2_ahead *a, const struct bzip2_block *block)
{
	if (block != oldest(a))
		return;
	a->first = (a->first + 1) % BZIP2_MAX_CREW;
	a->nb_crew--;
}

bool bzip2_ahead_is_next(const struct bzip2_ahead *a, uint64_t at)
{
	return a->nb_marks != 0 && a->marks[0].place == at;
}

void bzip2_ahead_leave(struct bzip2_ahead *a, uint64_t at)
{
	while (a->nb_marks != 0 && a->marks[0].place <= at)
		drop_mark(a);
}
