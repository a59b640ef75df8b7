/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xz: what stands around the blocks of a stream. Blocks that say how long they are (as of
 * "xz -T") are decompressed by threads, as many as there is memory for, and given out in their
 * order; the others one after the other as their input comes.
 *
 * What comes out in front of damage is the same whichever way a block was decompressed; only
 * that of a block that does not say how long it is, out of a pipe that pauses, ends where the
 * pause was.
 */

#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "decompress_xz_block.h"

#define MAX_CREW 17u
#define WAIT_MS 100 /* a step gives back after so long, that it can be told to quit */

/* A smaller block is decompressed sooner than a thread is made. */
#define MIN_FOR_THREAD 16384u

enum xz_state {
	XZ_HEADER,
	XZ_BLOCK_HEADER,
	XZ_ROOM,   /* for the block, which will have a thread */
	XZ_GATHER, /* the block's input */
	XZ_GOING,  /* it is decompressed from there: it was cut, or there was no thread */
	XZ_SERIAL, /* decompressed from where the input lies */
	XZ_INDEX,
	XZ_FOOTER,
	XZ_END,
	XZ_TOO_LARGE,
	XZ_BROKEN,
};

struct xz_decoder {
	struct decompress_limits limits;
	uint64_t needed; /* by the last block; by itself */
	enum xz_state state;
	const char *why; /* XZ_BROKEN: and in the part that begins at place */
	uint64_t place;
	uint64_t taken, part; /* bytes of the stream so far; where what is in head began */
	bool is_paused; /* the input was: what threads make is given out before more is asked for */
	lzma_stream_flags flags;
	lzma_index_hash *index;
	uint8_t head[LZMA_BLOCK_HEADER_SIZE_MAX];
	size_t head_len;
	struct xz_block *block;          /* the one at hand */
	lzma_stream spare;               /* of the one before it, if that had no thread */
	struct xz_block *crew[MAX_CREW]; /* those with a thread; the oldest at first */
	uint32_t first, nb_crew, max_crew;
	uint64_t memory; /* of all blocks that were gathered */
	struct crew shared;
	size_t out_at, out_len; /* in out, not given out yet */
	uint8_t out[XZ_PIECE_OUT];
};

static bool xz_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static struct xz_block *oldest(const struct xz_decoder *xz)
{
	return xz->crew[xz->first];
}

static void drop_oldest(struct xz_decoder *xz)
{
	xz->memory -= xz_block_cost(oldest(xz));
	xz_block_destroy(oldest(xz));
	xz->first = (xz->first + 1) % MAX_CREW;
	xz->nb_crew--;
}

static void drop_block(struct xz_decoder *xz)
{
	if (xz->block != NULL && xz->block->in != NULL)
		xz->memory -= xz_block_cost(xz->block);
	xz_block_destroy(xz->block);
	xz->block = NULL;
}

static void drop_all(struct xz_decoder *xz)
{
	while (xz->nb_crew != 0)
		drop_oldest(xz);
	drop_block(xz);
}

/* Also of one that was in use, whose memory is used again. */
static bool xz_reopen(void *decoder)
{
	struct xz_decoder *xz = decoder;

	drop_all(xz);
	xz->index = lzma_index_hash_init(xz->index, NULL);
	xz->state = XZ_HEADER;
	xz->is_paused = false;
	xz->head_len = xz->out_at = xz->out_len = 0;
	xz->taken = 0;
	return xz->index != NULL;
}

static void xz_close(void *decoder)
{
	struct xz_decoder *xz = decoder;

	drop_all(xz);
	crew_fini(&xz->shared);
	lzma_end(&xz->spare);
	lzma_index_hash_end(xz->index, NULL);
	free(xz);
}

static void *xz_open(const struct decompress_limits *limits)
{
	struct xz_decoder *xz = calloc(1, sizeof(*xz));

	if (xz == NULL)
		return NULL;
	xz->limits = *limits;
	xz->needed = sizeof(*xz);
	xz->spare = (lzma_stream)LZMA_STREAM_INIT;
	/* One more, so that none waits while the oldest is given out. */
	xz->max_crew = limits->nb_threads < MAX_CREW ? limits->nb_threads + 1 : MAX_CREW;
	crew_init(&xz->shared);
	if (xz_reopen(xz))
		return xz;
	xz_close(xz);
	return NULL;
}

/* The part of the stream that begins at place; what came before is given out first. */
static enum decompress_step broken(struct xz_decoder *xz, lzma_ret rc, uint64_t place)
{
	drop_block(xz);
	xz->place = place;
	xz->state = XZ_BROKEN;
	xz->why = xz_words_of(rc);
	return STEP_MORE;
}

static size_t usable(const struct decompress_io *io)
{
	return decompress_usable(io, io->is_all);
}

static void took(struct xz_decoder *xz, struct decompress_io *io, size_t n)
{
	io->in += n;
	io->nb_in -= n;
	xz->taken += n;
}

static size_t take(struct xz_decoder *xz, struct decompress_io *io, uint8_t *to, size_t room)
{
	const size_t there = usable(io), n = there < room ? there : room;

	if (n != 0)
		memcpy(to, io->in, n);
	took(xz, io, n);
	return n;
}

/* True when so many bytes are in head. */
static bool collect(struct xz_decoder *xz, struct decompress_io *io, size_t len)
{
	if (xz->head_len == 0)
		xz->part = xz->taken;
	if (xz->head_len < len)
		xz->head_len += take(xz, io, xz->head + xz->head_len, len - xz->head_len);
	return xz->head_len >= len;
}

static enum decompress_step read_header(struct xz_decoder *xz, struct decompress_io *io)
{
	lzma_ret rc;

	if (!collect(xz, io, LZMA_STREAM_HEADER_SIZE))
		return STEP_STARVED;
	rc = lzma_stream_header_decode(&xz->flags, xz->head);
	if (rc != LZMA_OK)
		return broken(xz, rc, xz->part);
	xz->state = XZ_BLOCK_HEADER;
	xz->head_len = 0;
	return STEP_MORE;
}

static bool deserves_thread(const struct xz_decoder *xz)
{
	const struct xz_block *block = xz->block;

	return xz->limits.nb_threads > 1 && xz_block_cost(block) <= xz->limits.threads_bytes &&
	       block->block.uncompressed_size >= MIN_FOR_THREAD;
}

static enum decompress_step read_block_header(struct xz_decoder *xz, struct decompress_io *io)
{
	uint64_t needed;
	size_t len;
	lzma_ret rc;

	if (!collect(xz, io, 1))
		return STEP_STARVED;
	if (xz->head[0] == 0) {
		xz->state = XZ_INDEX;
		return STEP_MORE;
	}
	len = lzma_block_header_size_decode(xz->head[0]);
	if (!collect(xz, io, len))
		return STEP_STARVED;
	xz->head_len = 0;
	xz->block = xz_block_create(xz->head, len, xz->flags.check, xz->limits.max_bytes,
				    &xz->spare, &needed, &rc);
	xz->needed = sizeof(*xz) + needed;
	if (rc == LZMA_MEMLIMIT_ERROR)
		xz->state = XZ_TOO_LARGE;
	if (rc == LZMA_MEMLIMIT_ERROR)
		return STEP_MORE;
	if (xz->block == NULL)
		return broken(xz, rc, xz->part);
	xz->block->begins = xz->part;
	xz->state = deserves_thread(xz) ? XZ_ROOM : XZ_SERIAL;
	return STEP_MORE;
}

/* There is room. */
static enum decompress_step begin_to_gather(struct xz_decoder *xz)
{
	if (!xz_block_make_room(xz->block)) {
		xz->state = XZ_SERIAL;
		return STEP_MORE;
	}
	xz->memory += xz_block_cost(xz->block);
	xz->state = XZ_GATHER;
	return STEP_MORE;
}

static size_t gather_more(struct xz_decoder *xz, struct decompress_io *io)
{
	struct xz_block *b = xz->block;
	const size_t n = take(xz, io, b->in + b->in_len, (size_t)b->data_len - b->in_len);

	b->in_len += n;
	return n;
}

static enum decompress_step gather(struct xz_decoder *xz, struct decompress_io *io)
{
	struct xz_block *b = xz->block;
	const size_t n = gather_more(xz, io);

	if (b->in_len == b->data_len) {
		if (!xz_block_start(b, &xz->shared)) {
			xz->state = XZ_GOING;
			return STEP_MORE;
		}
		xz->crew[(xz->first + xz->nb_crew++) % MAX_CREW] = b;
		xz->block = NULL;
		xz->state = XZ_BLOCK_HEADER;
		return STEP_MORE;
	}
	if (n != 0)
		return STEP_MORE;
	if (!io->is_last)
		return STEP_STARVED;
	xz->state = XZ_GOING;
	return STEP_MORE;
}

/* The block was decompressed, in its turn. */
static lzma_ret count_block(struct xz_decoder *xz, const struct xz_block *block)
{
	return lzma_index_hash_append(xz->index, lzma_block_unpadded_size(&block->block),
				      block->block.uncompressed_size);
}

/* A call of the library has ended the block at hand, or not. */
static enum decompress_step judge_call(struct xz_decoder *xz)
{
	lzma_ret rc = xz->block->rc;

	if (rc == LZMA_OK)
		return STEP_MORE;
	if (rc == LZMA_STREAM_END)
		rc = count_block(xz, xz->block);
	if (rc != LZMA_OK)
		return broken(xz, rc, xz->block->begins);
	/* Blocks may be small, and many. */
	xz->spare = xz->block->lzma;
	xz->block->lzma = (lzma_stream)LZMA_STREAM_INIT;
	drop_block(xz);
	xz->state = XZ_BLOCK_HEADER;
	return STEP_MORE;
}

static enum decompress_step decode_gathered(struct xz_decoder *xz)
{
	struct xz_block *b = xz->block;
	const uint8_t *in = b->in + b->taken;
	size_t nb_in = b->in_len - (size_t)b->taken;

	xz->out_at = 0;
	if (xz_block_call(b, &in, &nb_in, true, xz->out, &xz->out_len) == XZ_STARVED)
		return STEP_STARVED;
	return judge_call(xz);
}

static enum decompress_step decode_in_place(struct xz_decoder *xz, struct decompress_io *io)
{
	const bool may_be_short = io->is_last || io->is_all;
	const size_t nb_in = io->nb_in;

	xz->out_at = 0;
	if (xz_block_call(xz->block, &io->in, &io->nb_in, may_be_short, xz->out, &xz->out_len) ==
	    XZ_STARVED)
		return STEP_STARVED;
	xz->taken += nb_in - io->nb_in;
	return judge_call(xz);
}

static enum decompress_step read_index(struct xz_decoder *xz, struct decompress_io *io)
{
	size_t at = 0;
	lzma_ret rc = LZMA_OK;

	/* Its first byte told it from a block. */
	if (xz->head_len != 0)
		rc = lzma_index_hash_decode(xz->index, xz->head, &at, 1);
	xz->head_len = 0;
	at = 0;
	if (rc == LZMA_OK && usable(io) == 0)
		return STEP_STARVED;
	if (rc == LZMA_OK)
		rc = lzma_index_hash_decode(xz->index, io->in, &at, usable(io));
	took(xz, io, at);
	if (rc == LZMA_STREAM_END)
		xz->state = XZ_FOOTER;
	else if (rc != LZMA_OK)
		return broken(xz, rc, xz->part);
	return STEP_MORE;
}

static enum decompress_step read_footer(struct xz_decoder *xz, struct decompress_io *io)
{
	lzma_stream_flags footer;
	lzma_ret rc;

	if (!collect(xz, io, LZMA_STREAM_HEADER_SIZE))
		return STEP_STARVED;
	rc = lzma_stream_footer_decode(&footer, xz->head);
	if (rc == LZMA_OK)
		rc = lzma_stream_flags_compare(&xz->flags, &footer);
	if (rc == LZMA_OK && footer.backward_size != lzma_index_hash_size(xz->index))
		rc = LZMA_DATA_ERROR;
	if (rc == LZMA_FORMAT_ERROR)
		rc = LZMA_DATA_ERROR;
	if (rc != LZMA_OK)
		return broken(xz, rc, xz->part);
	xz->state = XZ_END;
	return STEP_MORE;
}

/* True if nothing goes on before the oldest thread's block was given out. */
static bool must_wait(const struct xz_decoder *xz, const struct decompress_io *io)
{
	if (xz->nb_crew == 0)
		return false;
	if (xz->state == XZ_ROOM)
		return xz->nb_crew == xz->max_crew ||
		       xz->memory + xz_block_cost(xz->block) > xz->limits.threads_bytes;
	return xz->state > XZ_GATHER || ((xz->is_paused || io->is_last) && usable(io) == 0);
}

/* Gives out what the oldest thread has made, if it is done. */
static enum decompress_step give_oldest(struct xz_decoder *xz, struct decompress_io *io)
{
	struct xz_block *b = oldest(xz);
	size_t n = b->out_len - b->out_given;
	uint64_t place;
	lzma_ret rc;

	n = n < io->nb_out ? n : io->nb_out;
	memcpy(io->out, b->out + b->out_given, n);
	io->out += n;
	io->nb_out -= n;
	b->out_given += n;
	if (b->out_given < b->out_len)
		return STEP_MORE;
	rc = b->rc == LZMA_STREAM_END ? count_block(xz, b) : b->rc;
	if (rc == LZMA_OK) {
		drop_oldest(xz);
		return STEP_MORE;
	}
	/* What comes behind it does not count. */
	place = b->begins;
	drop_all(xz);
	return broken(xz, rc, place);
}

static enum decompress_step go_on(struct xz_decoder *xz, struct decompress_io *io, const char **why)
{
	switch (xz->state) {
	case XZ_HEADER:
		return read_header(xz, io);
	case XZ_BLOCK_HEADER:
		return read_block_header(xz, io);
	case XZ_ROOM:
		return begin_to_gather(xz);
	case XZ_GATHER:
		return gather(xz, io);
	case XZ_GOING:
		return decode_gathered(xz);
	case XZ_SERIAL:
		return decode_in_place(xz, io);
	case XZ_INDEX:
		return read_index(xz, io);
	case XZ_FOOTER:
		return read_footer(xz, io);
	case XZ_END:
		return STEP_END;
	case XZ_TOO_LARGE:
		return STEP_TOO_LARGE;
	case XZ_BROKEN:
		break;
	}
	*why = xz->why;
	io->nb_behind = xz->taken - xz->place;
	return STEP_FAILED;
}

static enum decompress_step xz_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct xz_decoder *xz = decoder;
	enum decompress_step step;
	bool waits;

	if (xz->out_at < xz->out_len) {
		const size_t left = xz->out_len - xz->out_at;
		const size_t n = left < io->nb_out ? left : io->nb_out;

		memcpy(io->out, xz->out + xz->out_at, n);
		xz->out_at += n;
		io->out += n;
		io->nb_out -= n;
		return STEP_MORE;
	}
	xz->limits.max_bytes = io->max_bytes;
	xz->is_paused |= io->is_all;
	waits = must_wait(xz, io);
	if (xz->nb_crew != 0 && job_wait(&oldest(xz)->job, waits ? WAIT_MS : 0))
		return give_oldest(xz, io);
	if (waits)
		return STEP_MORE;
	step = go_on(xz, io, why);
	if (step == STEP_STARVED && xz->nb_crew != 0 && (io->is_last || xz->is_paused))
		return STEP_MORE; /* these come first */
	if (step == STEP_STARVED)
		xz->is_paused = false;
	return step;
}

static uint64_t xz_needs(const void *decoder)
{
	const struct xz_decoder *xz = decoder;

	return xz->needed;
}

const struct decompress_format decompress_xz = {
	.name = "xz",
	.member = "stream",
	.matches = xz_matches,
	.runs_ahead = true,
	.padding = 4,
	.open = xz_open,
	.reopen = xz_reopen,
	.step = xz_step,
	.needs = xz_needs,
	.close = xz_close,
};
