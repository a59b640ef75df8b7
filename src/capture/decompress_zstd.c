/* SPDX-License-Identifier: BSD-3-Clause */

/* zstd (RFC 8878), by libzstd. */

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "decompress_block.h"

#define BLOCK_HEADER 3u

struct zstd_decoder {
	ZSTD_DCtx *context;
	struct decompress_feed feed;
};

static bool zstd_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static bool zstd_reopen(void *decoder)
{
	struct zstd_decoder *zstd = decoder;

	zstd->feed = (struct decompress_feed){.hint = BLOCK_HEADER};
	return !ZSTD_isError(ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only));
}

static void *zstd_open(uint32_t nb_threads)
{
	struct zstd_decoder *zstd = malloc(sizeof(*zstd));

	(void)nb_threads;
	if (zstd == NULL)
		return NULL;
	zstd->context = ZSTD_createDCtx();
	if (zstd->context != NULL &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax,
						 DECOMPRESS_WINDOW_LOG)) &&
	    zstd_reopen(zstd))
		return zstd;
	(void)ZSTD_freeDCtx(zstd->context);
	free(zstd);
	return NULL;
}

static enum decompress_step zstd_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct zstd_decoder *zstd = decoder;
	ZSTD_inBuffer in = {.src = io->in, .size = feed_size(&zstd->feed, io, BLOCK_HEADER)};
	ZSTD_outBuffer out = {.dst = io->out, .size = io->nb_out};
	const size_t rc = ZSTD_decompressStream(zstd->context, &out, &in);
	enum decompress_step step;

	if (ZSTD_isError(rc)) {
		*why = ZSTD_getErrorName(rc);
		return STEP_FAILED;
	}
	step = feed_took(&zstd->feed, io, in.pos, out.pos);
	zstd->feed.hint = rc;
	return rc == 0 ? STEP_END : step;
}

static void zstd_close(void *decoder)
{
	struct zstd_decoder *zstd = decoder;

	(void)ZSTD_freeDCtx(zstd->context);
	free(zstd);
}

const struct decompress_format decompress_zstd = {
	.name = "zstd",
	.member = "frame",
	.matches = zstd_matches,
	.may_skip = true,
	.open = zstd_open,
	.reopen = zstd_reopen,
	.step = zstd_step,
	.close = zstd_close,
};
