/* SPDX-License-Identifier: BSD-3-Clause */

/* Blocks of lz4 frames, by liblz4, each by a thread. */

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "decompress_lz4_row.h"

#define WAIT_MS 100 /* a step gives back after so long, that it can be told to quit */
#define STORED 0x80000000u
/* Of smaller blocks a thread would be made as fast as they are decompressed. */
#define MIN_BLOCK (256u << 10)
/* Nor for so few bytes of a large one: whoever flushes often makes many. */
#define MIN_DATA (32u << 10)
/* A byte of a block is at most so many, and what the library wants free behind them is less. */
#define MAX_RATIO 255u
#define BEHIND 64u

struct lz4_block {
	struct job job;  /* the first */
	uint64_t begins; /* in the row */
	bool is_stored, has_sum;
	const char *why;        /* it is damaged; else NULL */
	size_t in_len, in_room; /* header, data, and a checksum */
	size_t out_len, out_given, out_room;
	uint8_t *in, *out;
	const uint8_t *window; /* what it may refer back to */
	size_t window_len;
};

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void block_destroy(struct lz4_block *b)
{
	if (b == NULL)
		return;
	job_end(&b->job);
	free(b->in);
	free(b->out);
	free(b);
}

static struct lz4_block *block_create(const struct lz4_row *row)
{
	const uint32_t header = number(row->head);
	const size_t len = header & ~STORED, most = MAX_RATIO * len + BEHIND;
	struct lz4_block *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->begins = row->part;
	b->window = row->window;
	b->window_len = row->window_len;
	b->is_stored = (header & STORED) != 0;
	b->has_sum = row->has_sums;
	b->in_room = LZ4_NUMBER + len + (b->has_sum ? LZ4_NUMBER : 0);
	b->out_room = most < row->block_max ? most : row->block_max;
	b->in = malloc(b->in_room);
	b->out = malloc(b->out_room);
	if (b->in == NULL || b->out == NULL) {
		block_destroy(b);
		return NULL;
	}
	memcpy(b->in, row->head, LZ4_NUMBER);
	b->in_len = LZ4_NUMBER;
	return b;
}

static size_t data_len(const struct lz4_block *b)
{
	return b->in_room - LZ4_NUMBER - (b->has_sum ? LZ4_NUMBER : 0);
}

static void decode_block(struct job *job)
{
	struct lz4_block *b = (struct lz4_block *)job;
	const uint8_t *in = b->in + LZ4_NUMBER;
	const size_t len = data_len(b);
	int n = (int)len;

	if (b->has_sum && XXH32(in, len, 0) != number(in + len)) {
		b->why = "ERROR_blockChecksum_invalid";
		return;
	}
	if (b->is_stored)
		memcpy(b->out, in, len);
	else
		n = LZ4_decompress_safe_usingDict((const char *)in, (char *)b->out, (int)len,
						  (int)b->out_room, (const char *)b->window,
						  (int)b->window_len);
	if (n < 0)
		b->why = "ERROR_decompressionFailed";
	else
		b->out_len = (size_t)n;
}

/* The input ends in it: what is stored as it is can be given out. */
static void decode_cut_block(struct lz4_block *b)
{
	const size_t here = b->in_len - LZ4_NUMBER, len = data_len(b);

	if (!b->is_stored)
		return;
	b->out_len = here < len ? here : len;
	memcpy(b->out, b->in + LZ4_NUMBER, b->out_len);
}

/* ---- the row ------------------------------------------------------------------------ */

void lz4_row_init(struct lz4_row *row)
{
	memset(row, 0, sizeof(*row));
	crew_init(&row->shared);
}

static struct lz4_block *oldest(const struct lz4_row *row)
{
	return row->crew[row->first];
}

static struct lz4_block *remove_oldest(struct lz4_row *row)
{
	struct lz4_block *b = oldest(row);

	row->first = (row->first + 1) % LZ4_MAX_CREW;
	row->nb_crew--;
	return b;
}

static void drop_all(struct lz4_row *row)
{
	while (row->nb_crew != 0)
		block_destroy(remove_oldest(row));
	block_destroy(row->block);
	row->block = NULL;
}

void lz4_row_fini(struct lz4_row *row)
{
	drop_all(row);
	crew_fini(&row->shared);
	XXH32_freeState(row->sum);
}

bool lz4_row_begin(struct lz4_row *row, const uint8_t *header, size_t header_len,
		   const struct decompress_limits *limits)
{
	const uint8_t flags = header[4];
	const uint32_t size = header[5] >> 4 & 7;
	const size_t block_max = size >= 4 ? (size_t)1 << (8 + 2 * size) : 0;
	const uint64_t fit = block_max >= MIN_BLOCK ? limits->threads_bytes / (2 * block_max) : 0;

	drop_all(row);
	row->max_crew = limits->nb_threads < LZ4_MAX_CREW ? limits->nb_threads + 1 : LZ4_MAX_CREW;
	row->max_crew = fit < row->max_crew ? (uint32_t)fit : row->max_crew;
	row->is_linked = (flags & 0x20) == 0;
	row->window_len = 0;
	if (limits->nb_threads < 2 || row->max_crew < 2 || row->is_linked)
		row->max_crew = 1; /* without a thread */
	row->has_sums = (flags & 0x10) != 0;
	if ((flags & 0x01) != 0 || (row->max_crew == 1 && !row->has_sums))
		return false;
	if (row->sum == NULL)
		row->sum = XXH32_createState();
	if (row->sum == NULL)
		return false;
	XXH32_reset(row->sum, 0);
	row->block_max = block_max;
	row->has_sum = (flags & 0x04) != 0;
	row->left = (uint64_t)number(header + 6) | (uint64_t)number(header + 10) << 32;
	row->has_length = (flags & 0x08) != 0 && row->left != 0; /* as the library takes a 0 */
	row->stage = LZ4_NUMBERS;
	row->taken = header_len;
	row->head_len = 0;
	row->is_paused = false;
	return true;
}

static enum decompress_step wrong(struct lz4_row *row, const char *why)
{
	row->stage = LZ4_WRONG;
	row->why = why;
	row->place = row->part;
	return STEP_MORE;
}

static size_t take(struct lz4_row *row, struct decompress_io *io, uint8_t *to, size_t room)
{
	const size_t there = decompress_usable(io, row->is_paused), n = there < room ? there : room;

	if (n != 0)
		memcpy(to, io->in, n);
	io->in += n;
	io->nb_in -= n;
	row->taken += n;
	return n;
}

/* True when a number is in head. */
static bool collect(struct lz4_row *row, struct decompress_io *io)
{
	if (row->head_len == 0)
		row->part = row->taken;
	row->head_len += take(row, io, row->head + row->head_len, LZ4_NUMBER - row->head_len);
	return row->head_len == LZ4_NUMBER;
}

static enum decompress_step read_numbers(struct lz4_row *row, struct decompress_io *io)
{
	uint32_t header;

	if (!collect(row, io))
		return STEP_STARVED;
	row->head_len = 0;
	header = number(row->head);
	if ((header & ~STORED) > row->block_max)
		return wrong(row, "ERROR_maxBlockSize_invalid");
	row->stage = header == 0 ? LZ4_CHECK : LZ4_GATHER;
	return STEP_MORE;
}

/* The end of what came out is what the next block may refer back to. */
static void slide_window(struct lz4_row *row, const struct lz4_block *b)
{
	const size_t room = LZ4_WINDOW, n = b->out_len < room ? b->out_len : room;
	const size_t kept = row->window_len < room - n ? row->window_len : room - n;

	memmove(row->window, row->window + row->window_len - kept, kept);
	memcpy(row->window + kept, b->out + b->out_len - n, n);
	row->window_len = kept + n;
}

/* The gathered block is the youngest of the crew. */
static void add_block(struct lz4_row *row)
{
	row->crew[(row->first + row->nb_crew++) % LZ4_MAX_CREW] = row->block;
	row->block = NULL;
	row->stage = LZ4_NUMBERS;
}

static enum decompress_step gather(struct lz4_row *row, struct decompress_io *io)
{
	struct lz4_block *b = row->block != NULL ? row->block : block_create(row);
	size_t n;

	if (b == NULL && row->nb_crew != 0) {
		row->max_crew = row->nb_crew; /* when others are out of the way there may be room */
		return STEP_MORE;
	}
	if (b == NULL)
		return wrong(row, decompress_no_memory);
	row->block = b;
	n = take(row, io, b->in + b->in_len, b->in_room - b->in_len);
	b->in_len += n;
	if (b->in_len == b->in_room) {
		if (row->max_crew == 1 || b->in_len < MIN_DATA ||
		    !job_start(&b->job, &row->shared, "tcpmill-lz4", decode_block))
			decode_block(&b->job);
		if (row->is_linked)
			slide_window(row, b);
		add_block(row);
		return STEP_MORE;
	}
	if (n != 0)
		return STEP_MORE;
	if (!io->is_last)
		return STEP_STARVED;
	decode_cut_block(b);
	add_block(row);
	return STEP_MORE;
}

static enum decompress_step check(struct lz4_row *row, struct decompress_io *io)
{
	if (row->has_length && row->left != 0)
		return wrong(row, "ERROR_frameSize_wrong");
	if (row->has_sum && !collect(row, io))
		return STEP_STARVED;
	if (row->has_sum && number(row->head) != XXH32_digest(row->sum))
		return wrong(row, "ERROR_contentChecksum_invalid");
	row->stage = LZ4_ENDED;
	return STEP_MORE;
}

/* Gives out what the oldest thread has made. */
static enum decompress_step give_oldest(struct lz4_row *row, struct decompress_io *io)
{
	struct lz4_block *b = oldest(row);
	const size_t left = b->out_len - b->out_given, n = left < io->nb_out ? left : io->nb_out;

	if (b->why != NULL) {
		row->part = b->begins;
		(void)wrong(row, b->why);
		drop_all(row); /* what comes behind it does not count */
		return STEP_MORE;
	}
	memcpy(io->out, b->out + b->out_given, n);
	if (row->has_sum)
		(void)XXH32_update(row->sum, io->out, n);
	io->out += n;
	io->nb_out -= n;
	row->left -= n;
	b->out_given += n;
	if (b->out_given == b->out_len)
		block_destroy(remove_oldest(row));
	return STEP_MORE;
}

/* True if nothing goes on before the oldest thread's block was given out. */
static bool must_wait(const struct lz4_row *row, const struct decompress_io *io)
{
	if (row->nb_crew == 0)
		return false;
	return row->stage > LZ4_GATHER ||
	       (row->stage == LZ4_GATHER && row->nb_crew == row->max_crew) ||
	       ((row->is_paused || io->is_last) && decompress_usable(io, row->is_paused) == 0);
}

static enum decompress_step go_on(struct lz4_row *row, struct decompress_io *io, const char **why)
{
	switch (row->stage) {
	case LZ4_NUMBERS:
		return read_numbers(row, io);
	case LZ4_GATHER:
		return gather(row, io);
	case LZ4_CHECK:
		return check(row, io);
	case LZ4_ENDED:
		return STEP_END;
	case LZ4_WRONG:
		break;
	}
	*why = row->why;
	io->nb_behind = row->taken - row->place;
	return STEP_FAILED;
}

enum decompress_step lz4_row_step(struct lz4_row *row, struct decompress_io *io, const char **why)
{
	enum decompress_step step;
	bool waits;

	*why = NULL;
	row->is_paused |= io->is_all;
	waits = must_wait(row, io);
	if (row->nb_crew != 0 &&
	    (!oldest(row)->job.has_thread || job_wait(&oldest(row)->job, waits ? WAIT_MS : 0)))
		return give_oldest(row, io);
	if (waits)
		return STEP_MORE;
	step = go_on(row, io, why);
	if (step == STEP_STARVED && row->nb_crew != 0 && (io->is_last || row->is_paused))
		return STEP_MORE; /* these come first */
	if (step == STEP_STARVED)
		row->is_paused = false;
	return step;
}
