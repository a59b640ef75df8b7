/* SPDX-License-Identifier: BSD-3-Clause */

/* lz4's frame format, by liblz4. */

#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

#include "decompress_block.h"

#define BLOCK_HEADER 4u

struct lz4_decoder {
	LZ4F_dctx *context;
	struct decompress_feed feed;
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

static bool lz4_reopen(void *decoder)
{
	struct lz4_decoder *lz4 = decoder;

	lz4->feed = (struct decompress_feed){.hint = BLOCK_HEADER};
	LZ4F_resetDecompressionContext(lz4->context);
	return true;
}

static void *lz4_open(const struct decompress_limits *limits)
{
	struct lz4_decoder *lz4 = malloc(sizeof(*lz4));

	(void)limits;
	if (lz4 == NULL)
		return NULL;
	if (!LZ4F_isError(LZ4F_createDecompressionContext(&lz4->context, LZ4F_VERSION)) &&
	    lz4_reopen(lz4))
		return lz4;
	free(lz4);
	return NULL;
}

static enum decompress_step lz4_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct lz4_decoder *lz4 = decoder;
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
		return STEP_FAILED;
	}
	step = feed_took(&lz4->feed, io, nb_in, nb_out);
	lz4->feed.hint = rc;
	return rc == 0 ? STEP_END : step;
}

static void lz4_close(void *decoder)
{
	struct lz4_decoder *lz4 = decoder;

	(void)LZ4F_freeDecompressionContext(lz4->context);
	free(lz4);
}

const struct decompress_format decompress_lz4 = {
	.name = "lz4",
	.member = "frame",
	.matches = lz4_matches,
	.may_skip = true,
	.open = lz4_open,
	.reopen = lz4_reopen,
	.step = lz4_step,
	.needs = lz4_needs,
	.close = lz4_close,
};
