/* SPDX-License-Identifier: BSD-3-Clause */

/* gzip (RFC 1952), by zlib. */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "decompress.h"

#define GZIP_ONLY 16 /* added to the window's bits: as zlib's inflateInit2() has it */

static bool gzip_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0x1f, 0x8b, 8}; /* 8: deflate, the only method */

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static void *gzip_open(const struct decompress_limits *limits)
{
	z_stream *z = calloc(1, sizeof(*z));

	(void)limits;
	if (z != NULL && inflateInit2(z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

/* A window of 32 KiB, and zlib's own. */
static uint64_t gzip_needs(const void *decoder)
{
	(void)decoder;
	return 44u << 10;
}

static bool gzip_reopen(void *decoder)
{
	return inflateReset(decoder) == Z_OK;
}

static enum decompress_step gzip_step(void *decoder, struct decompress_io *io, const char **why)
{
	z_stream *z = decoder;
	int rc;

	z->next_in = (z_const Bytef *)(uintptr_t)io->in; /* zlib does not write to it */
	z->avail_in = (uInt)io->nb_in;
	z->next_out = io->out;
	z->avail_out = (uInt)io->nb_out;
	rc = inflate(z, Z_NO_FLUSH);
	io->in = z->next_in;
	io->nb_in = z->avail_in;
	io->out = z->next_out;
	io->nb_out = z->avail_out;
	switch (rc) {
	case Z_OK:
		return STEP_MORE;
	case Z_STREAM_END:
		return STEP_END;
	case Z_BUF_ERROR:
		return STEP_STARVED;
	case Z_MEM_ERROR:
		*why = decompress_no_memory;
		return STEP_FAILED;
	default:
		*why = z->msg != NULL ? z->msg : "what zlib does not decompress";
		return STEP_FAILED;
	}
}

static void gzip_close(void *decoder)
{
	(void)inflateEnd(decoder);
	free(decoder);
}

const struct decompress_format decompress_gzip = {
	.name = "gzip",
	.member = "member",
	.matches = gzip_matches,
	.padding = 1,
	.open = gzip_open,
	.reopen = gzip_reopen,
	.step = gzip_step,
	.needs = gzip_needs,
	.close = gzip_close,
};
