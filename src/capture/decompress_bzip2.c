/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bzip2: the streams of a file, block by block. While one is given out, magics that may begin
 * another are looked for further on, and threads decompress from there. Only where a block ends
 * does the next one begin: what a thread made of a place that turns out to be none is thrown away.
 *
 * A stream behind another one belongs to the same member here, so that their blocks (of pbzip2,
 * one a stream) can be decompressed beside each other.
 */

#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "decompress_bzip2_ahead.h"

#define WAIT_MS 100 /* a step gives back after so long, that it can be told to quit */
#define HEADER_BITS 32u
#define PART_BITS 80u /* a magic and a checksum */

enum bzip2_stage {
	BZIP2_HEADER,
	BZIP2_PART, /* a block or the end: as its magic says */
	BZIP2_TURN, /* of a block; a thread may have it */
	BZIP2_GIVE, /* what the thread has made of it */
	BZIP2_DECODE,
	BZIP2_STREAM_END,
	BZIP2_BROKEN,
};

struct bzip2_decoder {
	enum bzip2_stage stage;
	const char *why; /* BZIP2_BROKEN: and in the part that begins at place */
	uint64_t place;
	uint64_t at; /* in bits: where the next part begins, or up to slack of them before */
	uint32_t slack;
	char level; /* of the stream: its blocks' size */
	uint32_t checksum;
	struct bzip2_block *block; /* the one at hand */
	struct bzip2_ahead ahead;
	size_t out_at, out_len; /* in out, not given out yet */
	uint8_t out[BZIP2_PIECE];
};

static void drop_block(struct bzip2_decoder *bz)
{
	bzip2_block_destroy(bz->block);
	bz->block = NULL;
}

static bool bzip2_reopen(void *decoder)
{
	struct bzip2_decoder *bz = decoder;

	drop_block(bz);
	bzip2_ahead_reset(&bz->ahead);
	bz->stage = BZIP2_HEADER;
	bz->at = bz->slack = 0;
	bz->out_at = bz->out_len = 0;
	return true;
}

static void bzip2_close(void *decoder)
{
	struct bzip2_decoder *bz = decoder;

	drop_block(bz);
	bzip2_ahead_fini(&bz->ahead);
	free(bz);
}

static void *bzip2_open(const struct decompress_limits *limits)
{
	struct bzip2_decoder *bz = calloc(1, sizeof(*bz));

	if (bz == NULL)
		return NULL;
	bzip2_ahead_init(&bz->ahead, limits);
	(void)bzip2_reopen(bz);
	return bz;
}

static uint64_t bzip2_needs(const void *decoder)
{
	(void)decoder;
	return BZIP2_BLOCK_MEMORY + sizeof(struct bzip2_decoder);
}

/* The part of the stream that begins at the place; what came before was given out. */
static enum decompress_step broken(struct bzip2_decoder *bz, const char *why, uint64_t place)
{
	drop_block(bz);
	bzip2_ahead_drop_crew(&bz->ahead);
	bz->place = place;
	bz->why = why;
	bz->stage = BZIP2_BROKEN;
	return STEP_MORE;
}

static const char *words_of(int rc)
{
	switch (rc) {
	case BZ_MEM_ERROR:
		return decompress_no_memory;
	case BZ_DATA_ERROR_MAGIC:
		return "bad magic bytes";
	default:
		return "a wrong checksum or bad codes";
	}
}

/* What is at hand does not go on without more. */
static enum decompress_step need_more(struct bzip2_decoder *bz, struct decompress_io *io)
{
	ssize_t n;

	bzip2_ahead_pass_end(&bz->ahead);
	n = bzip2_ahead_take(&bz->ahead, io,
			     (bz->block != NULL ? bz->block->taken : bz->at) - bz->slack);
	if (n < 0)
		return broken(bz, decompress_no_memory, bz->at);
	if (n > 0)
		return STEP_MORE;
	bz->ahead.is_paused = false;
	return STEP_STARVED;
}

static enum decompress_step read_header(struct bzip2_decoder *bz, struct decompress_io *io)
{
	if (bits_behind(&bz->ahead.bits, bz->at) < HEADER_BITS)
		return need_more(bz, io);
	bz->level = (char)bits_at(&bz->ahead.bits, bz->at + HEADER_BITS - 8, 8);
	bz->checksum = 0;
	bz->at += HEADER_BITS;
	bz->slack = 0;
	bz->stage = BZIP2_PART;
	return STEP_MORE;
}

/* The stream ends here. */
static enum decompress_step check_stream(struct bzip2_decoder *bz)
{
	if (bits_at(&bz->ahead.bits, bz->at + BZIP2_MAGIC_BITS, 32) != bz->checksum)
		return broken(bz, words_of(BZ_DATA_ERROR), bz->at);
	bz->at = (bz->at + PART_BITS + 7) / 8 * 8;
	bz->stage = BZIP2_STREAM_END;
	return STEP_MORE;
}

/*
 * The block at hand is done, and the bytes of a magic are there. The library, which may hold a few
 * bits of it already, tells whether it is one.
 */
static bool ends_in_magic(struct bzip2_decoder *bz)
{
	uint8_t in[BZIP2_MAGIC_BITS / 8];

	(void)bits_copy(&bz->ahead.bits, bz->block->taken, in, sizeof(in));
	return bzip2_block_precedes(bz->block, in);
}

/* A block, or the stream's end: where its magic is. */
static enum decompress_step read_part(struct bzip2_decoder *bz, struct decompress_io *io)
{
	const uint64_t last = bz->at;

	if (bz->block != NULL) {
		if (bits_behind(&bz->ahead.bits, last) < BZIP2_MAGIC_BITS)
			return need_more(bz, io);
		if (!ends_in_magic(bz))
			return broken(bz, words_of(BZ_DATA_ERROR_MAGIC), last - bz->slack);
		drop_block(bz);
	}
	for (uint64_t place = last - bz->slack; place <= last; place++) {
		uint64_t magic;

		if (bits_behind(&bz->ahead.bits, place) < PART_BITS)
			return need_more(bz, io);
		magic = bits_at(&bz->ahead.bits, place, BZIP2_MAGIC_BITS);
		if (magic != BZIP2_BLOCK && magic != BZIP2_END)
			continue;
		bz->at = place;
		bz->slack = 0;
		if (magic == BZIP2_END)
			return check_stream(bz);
		bz->stage = BZIP2_TURN;
		return STEP_MORE;
	}
	return broken(bz, words_of(BZ_DATA_ERROR_MAGIC), last - bz->slack);
}

/* The block at hand was given out, as far as it was decompressed. */
static enum decompress_step judge_block(struct bzip2_decoder *bz)
{
	struct bzip2_block *b = bz->block;

	if (b->state == BLOCK_BROKEN)
		return broken(bz, words_of(b->rc), b->place);
	bz->stage = BZIP2_DECODE;
	if (b->state != BLOCK_DONE)
		return STEP_MORE;
	bz->at = b->taken;
	bz->slack = BZIP2_SLACK;
	bz->stage = BZIP2_PART;
	return STEP_MORE;
}

/* Of the block whose turn it is; its checksum is in the stream's. */
static void begin_block(struct bzip2_decoder *bz, struct bzip2_block *b)
{
	const uint32_t checksum = (uint32_t)bits_at(&bz->ahead.bits, bz->at + BZIP2_MAGIC_BITS, 32);

	bz->checksum = (bz->checksum << 1 | bz->checksum >> 31) ^ checksum;
	bz->block = b;
	bz->slack = BZIP2_SLACK;
	bz->stage = b->job.has_thread ? BZIP2_GIVE : BZIP2_DECODE;
}

static enum decompress_step decode_here(struct bzip2_decoder *bz)
{
	struct bzip2_block *b = bzip2_block_create(bz->level, bz->at);

	if (b == NULL)
		return broken(bz, decompress_no_memory, bz->at);
	bzip2_ahead_leave(&bz->ahead, bz->at);
	begin_block(bz, b);
	return STEP_MORE;
}

static enum decompress_step take_turn(struct bzip2_decoder *bz, struct decompress_io *io)
{
	struct bzip2_block *b = bzip2_ahead_find(&bz->ahead, bz->at, bz->level);
	const uint32_t nb_running = crew_running(&bz->ahead.shared);
	enum bzip2_went went;

	if (b != NULL && job_wait(&b->job, 0)) {
		bzip2_ahead_remove(&bz->ahead, b);
		begin_block(bz, b);
		return STEP_MORE;
	}
	if (b == NULL && !bzip2_ahead_is_next(&bz->ahead, bz->at))
		return decode_here(bz);
	went = bzip2_ahead_go(&bz->ahead, io, bz->at);
	if (went == AHEAD_LATER)
		return STEP_STARVED;
	if (went == AHEAD_NO && b == NULL)
		return decode_here(bz);
	if (went == AHEAD_NO)
		crew_wait(&bz->ahead.shared, nb_running, WAIT_MS);
	return STEP_MORE;
}

static enum decompress_step give(struct bzip2_decoder *bz, struct decompress_io *io)
{
	struct bzip2_block *b = bz->block;
	const size_t left = b->out_len - b->out_given, n = left < io->nb_out ? left : io->nb_out;

	if (n != 0)
		memcpy(io->out, b->out + b->out_given, n);
	io->out += n;
	io->nb_out -= n;
	b->out_given += n;
	return n < left ? STEP_MORE : judge_block(bz);
}

/* Bits that are no whole byte are the last ones of an input that was cut. */
static size_t last_bits(const struct bzip2_decoder *bz, uint8_t *to)
{
	const uint64_t place = bz->block->taken;
	const uint32_t left = (uint32_t)bits_behind(&bz->ahead.bits, place);

	if (left == 0)
		return 0;
	to[0] = (uint8_t)(bits_at(&bz->ahead.bits, place, left) << (8 - left));
	return 1;
}

static enum decompress_step decode(struct bzip2_decoder *bz, struct decompress_io *io)
{
	struct bzip2_block *b = bz->block;
	uint8_t in[4096];
	size_t nb_in = 0;

	if (b->state == BLOCK_TAKES) {
		nb_in = bits_copy(&bz->ahead.bits, b->taken, in, sizeof(in));
		if (nb_in == 0 && (!io->is_last || io->nb_in != 0))
			return need_more(bz, io);
		if (nb_in == 0)
			nb_in = last_bits(bz, in);
		if (nb_in == 0)
			return STEP_STARVED;
	}
	bz->out_at = 0;
	bz->out_len = bzip2_block_call(b, in, nb_in, bz->out);
	return judge_block(bz);
}

static enum decompress_step go_on(struct bzip2_decoder *bz, struct decompress_io *io,
				  const char **why)
{
	switch (bz->stage) {
	case BZIP2_HEADER:
		return read_header(bz, io);
	case BZIP2_PART:
		return read_part(bz, io);
	case BZIP2_TURN:
		return take_turn(bz, io);
	case BZIP2_GIVE:
		return give(bz, io);
	case BZIP2_DECODE:
		return decode(bz, io);
	case BZIP2_STREAM_END:
		/* What is there behind it was seen to go on. */
		if (bits_behind(&bz->ahead.bits, bz->at) == 0 &&
		    !bzip2_ahead_goes_on(&bz->ahead, io))
			return STEP_END;
		bz->stage = BZIP2_HEADER;
		return STEP_MORE;
	case BZIP2_BROKEN:
		break;
	}
	*why = bz->why;
	io->nb_behind = bits_end(&bz->ahead.bits) - bz->place / 8;
	return STEP_FAILED;
}

static enum decompress_step bzip2_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct bzip2_decoder *bz = decoder;

	if (bz->out_at < bz->out_len) {
		const size_t left = bz->out_len - bz->out_at;
		const size_t n = left < io->nb_out ? left : io->nb_out;

		memcpy(io->out, bz->out + bz->out_at, n);
		bz->out_at += n;
		io->out += n;
		io->nb_out -= n;
		return STEP_MORE;
	}
	bz->ahead.is_paused |= io->is_all;
	return go_on(bz, io, why);
}

const struct decompress_format decompress_bzip2 = {
	.name = "bzip2",
	.member = "stream",
	.matches = bzip2_matches,
	.runs_ahead = true,
	.open = bzip2_open,
	.reopen = bzip2_reopen,
	.step = bzip2_step,
	.needs = bzip2_needs,
	.close = bzip2_close,
};
