/* SPDX-License-Identifier: BSD-3-Clause */

/* zstd (RFC 8878), by libzstd. */

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "decompress_block.h"

#define BLOCK_HEADER 3u
#define BLOCK_MAX (128u << 10)
#define WINDOW_LOG_MAX 31 /* the library's limit; ours is in bytes */
/* Beside the window: the library's tables, a block on its way in, one on its way out. */
#define BASE_BYTES ((256u << 10) + 2 * BLOCK_MAX)

#define NEEDED_MAX (UINT64_C(1) << 46) /* what claims more needs no more to be refused */

struct zstd_decoder {
	ZSTD_DCtx *context;
	struct decompress_feed feed;
	uint64_t needed; /* by the frame, once its header was seen; else BASE_BYTES */
};

static bool zstd_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static uint64_t get_number(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	while (len-- > 0)
		n = n << 8 | p[len];
	return n;
}

/* The frame's header, RFC 8878 3.1.1.1; head begins with the magic. False if it is not whole. */
static bool read_header(struct zstd_decoder *zstd)
{
	static const uint8_t id_lens[] = {0, 1, 2, 4}, size_lens[] = {0, 2, 4, 8};
	const uint8_t *const head = zstd->feed.head;
	const uint8_t flags = zstd->feed.nb_head > 4 ? head[4] : 0;
	const bool is_single = (flags & 0x20) != 0; /* the content is the window */
	const size_t size_at = (is_single ? 5u : 6u) + id_lens[flags & 3];
	const size_t size_len = flags >> 6 == 0 ? is_single : size_lens[flags >> 6];
	uint64_t window, size = UINT64_MAX;

	if (zstd->feed.nb_head < size_at + size_len)
		return false;
	if (size_len != 0)
		size = get_number(head + size_at, size_len) + (size_len == 2 ? 256 : 0);
	window = UINT64_C(1) << (10 + (head[5] >> 3));
	window += window / 8 * (head[5] & 7);
	zstd->needed = BASE_BYTES + (is_single || size < window ? size : window);
	if (zstd->needed < BASE_BYTES || zstd->needed > NEEDED_MAX)
		zstd->needed = NEEDED_MAX;
	return true;
}

static uint64_t zstd_needs(const void *decoder)
{
	const struct zstd_decoder *zstd = decoder;

	return zstd->needed;
}

static bool zstd_reopen(void *decoder)
{
	struct zstd_decoder *zstd = decoder;

	zstd->feed = (struct decompress_feed){.hint = BLOCK_HEADER};
	zstd->needed = BASE_BYTES;
	return !ZSTD_isError(ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only));
}

static void *zstd_open(const struct decompress_limits *limits)
{
	struct zstd_decoder *zstd = malloc(sizeof(*zstd));

	(void)limits;
	if (zstd == NULL)
		return NULL;
	zstd->context = ZSTD_createDCtx();
	if (zstd->context != NULL &&
	    !ZSTD_isError(
		    ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)) &&
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
	enum decompress_step step;
	size_t rc;

	/* The library takes the window's memory when it has the whole header. */
	if (zstd->feed.taken < FEED_HEAD) {
		feed_look(&zstd->feed, io, in.size);
		if (read_header(zstd) && zstd->needed > io->max_bytes)
			return STEP_TOO_LARGE;
	}
	rc = ZSTD_decompressStream(zstd->context, &out, &in);
	if (ZSTD_isError(rc)) {
		*why = ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation
			       ? decompress_no_memory
			       : ZSTD_getErrorName(rc);
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
	.needs = zstd_needs,
	.close = zstd_close,
};
