/* SPDX-License-Identifier: BSD-3-Clause */

/* lz4's frame format, by liblz4. */

#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

#include "decompress_block.h"
#include "decompress_lz4_row.h"

#define BLOCK_HEADER LZ4_NUMBER

struct lz4_decoder {
	struct decompress_limits limits;
	LZ4F_dctx *context;
	struct decompress_feed feed;
	uint64_t part; /* bytes of the frame in front of the block at hand, or what is no block */
	bool is_row;   /* its blocks are none of the library's */
	struct lz4_row row;
};

static bool lz4_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0x04, 0x22, 0x4d, 0x18};

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

/*
 * The library has a block on its way in and one on its way out, with what blocks refer back to.
 * How large they are is in the frame's sixth byte: 64 KiB to 4 MiB.
 */
static uint64_t lz4_needs(const void *decoder)
{
	const struct lz4_decoder *lz4 = decoder;
	const unsigned int size = lz4->feed.nb_head > 5 ? lz4->feed.head[5] >> 4 & 7 : 0;

	return (256u << 10) + (size >= 4 ? UINT64_C(2) << (8 + 2 * size) : 0);
}

/* The library's own reset keeps what is left of a frame that it did not see the end of. */
static bool lz4_reopen(void *decoder)
{
	struct lz4_decoder *lz4 = decoder;

	lz4->feed = (struct decompress_feed){.hint = BLOCK_HEADER};
	lz4->part = 0;
	lz4->is_row = false;
	(void)LZ4F_freeDecompressionContext(lz4->context);
	lz4->context = NULL;
	return !LZ4F_isError(LZ4F_createDecompressionContext(&lz4->context, LZ4F_VERSION));
}

static void lz4_close(void *decoder)
{
	struct lz4_decoder *lz4 = decoder;

	(void)LZ4F_freeDecompressionContext(lz4->context);
	lz4_row_fini(&lz4->row);
	free(lz4);
}

static void *lz4_open(const struct decompress_limits *limits)
{
	struct lz4_decoder *lz4 = calloc(1, sizeof(*lz4));

	if (lz4 == NULL)
		return NULL;
	lz4->limits = *limits;
	lz4_row_init(&lz4->row);
	if (lz4_reopen(lz4))
		return lz4;
	lz4_close(lz4);
	return NULL;
}

/* Behind the header: who decompresses the blocks. */
static void choose_way(struct lz4_decoder *lz4)
{
	const uint8_t flags = lz4->feed.nb_head > 4 ? lz4->feed.head[4] : 0;
	const uint64_t header_len = 7 + ((flags & 0x08) != 0 ? 8 : 0);

	lz4->is_row = lz4->feed.taken == header_len &&
		      lz4_row_begin(&lz4->row, lz4->feed.head, header_len, &lz4->limits);
}

static enum decompress_step by_library(struct lz4_decoder *lz4, struct decompress_io *io,
				       const char **why)
{
	size_t nb_in = feed_size(&lz4->feed, io, BLOCK_HEADER), nb_out = io->nb_out;
	enum decompress_step step;
	size_t rc;

	if (lz4->feed.taken < FEED_HEAD) {
		feed_look(&lz4->feed, io, nb_in);
		if (lz4_needs(lz4) > io->max_bytes)
			return STEP_TOO_LARGE;
	}
	rc = LZ4F_decompress(lz4->context, io->out, &nb_out, io->in, &nb_in, NULL);
	if (LZ4F_isError(rc)) {
		*why = LZ4F_getErrorName(rc);
		if (strcmp(*why, "ERROR_allocation_failed") == 0)
			*why = decompress_no_memory;
		io->nb_behind = lz4->feed.taken - lz4->part;
		return STEP_FAILED;
	}
	step = feed_took(&lz4->feed, io, nb_in, nb_out);
	lz4->feed.hint = rc;
	if (rc == BLOCK_HEADER) {
		lz4->part = lz4->feed.taken;
		choose_way(lz4);
	}
	return rc == 0 ? STEP_END : step;
}

static enum decompress_step lz4_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct lz4_decoder *lz4 = decoder;

	return lz4->is_row ? lz4_row_step(&lz4->row, io, why) : by_library(lz4, io, why);
}

const struct decompress_format decompress_lz4 = {
	.name = "lz4",
	.member = "frame",
	.matches = lz4_matches,
	.may_skip = true,
	.runs_ahead = true,
	.open = lz4_open,
	.reopen = lz4_reopen,
	.step = lz4_step,
	.needs = lz4_needs,
	.close = lz4_close,
};
