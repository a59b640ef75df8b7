/* SPDX-License-Identifier: BSD-3-Clause */

/* bzip2, by libbz2. */

#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"

/*
 * When a block turns out to be broken the library forgets what that call has written. So much
 * is asked for at a time, up to the next multiple: then the bytes in front of the damage do not
 * depend on how much room there happened to be.
 */
#define PIECE 4096u

/* "BZh", the size of blocks, and the magic of a block or of the end of an empty stream. */
static bool bzip2_matches(const uint8_t *head, size_t len)
{
	static const uint8_t block[] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};
	static const uint8_t end[] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};

	return len >= 10 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
	       (memcmp(head + 4, block, sizeof(block)) == 0 ||
		memcmp(head + 4, end, sizeof(end)) == 0);
}

static bool bzip2_init(bz_stream *bz)
{
	*bz = (bz_stream){0};
	return BZ2_bzDecompressInit(bz, 0, 0) == BZ_OK;
}

static void *bzip2_open(const struct decompress_limits *limits)
{
	bz_stream *bz = malloc(sizeof(*bz));

	(void)limits;
	if (bz != NULL && !bzip2_init(bz)) {
		free(bz);
		return NULL;
	}
	return bz;
}

/* bzip2(1): "100 kB + (4 x block size)", which is 900 kB at most. */
static uint64_t bzip2_needs(const void *decoder)
{
	(void)decoder;
	return 4u << 20;
}

static bool bzip2_reopen(void *decoder)
{
	(void)BZ2_bzDecompressEnd(decoder);
	return bzip2_init(decoder);
}

static enum decompress_step bzip2_step(void *decoder, struct decompress_io *io, const char **why)
{
	bz_stream *bz = decoder;
	const struct decompress_io before = *io;
	const unsigned int piece = PIECE - bz->total_out_lo32 % PIECE;
	const unsigned int room = io->nb_out < piece ? (unsigned int)io->nb_out : piece;
	int rc;

	bz->next_in = (char *)(uintptr_t)io->in; /* libbz2 does not write to it */
	bz->avail_in = (unsigned int)io->nb_in;
	bz->next_out = (char *)io->out;
	bz->avail_out = room;
	rc = BZ2_bzDecompress(bz);
	io->in += io->nb_in - bz->avail_in;
	io->nb_in = bz->avail_in;
	io->out += room - bz->avail_out;
	io->nb_out -= room - bz->avail_out;
	switch (rc) {
	case BZ_OK:
		return io->nb_in == before.nb_in && io->nb_out == before.nb_out ? STEP_STARVED
										: STEP_MORE;
	case BZ_STREAM_END:
		return STEP_END;
	case BZ_MEM_ERROR:
		*why = decompress_no_memory;
		return STEP_FAILED;
	case BZ_DATA_ERROR_MAGIC:
		*why = "bad magic bytes";
		return STEP_FAILED;
	default:
		*why = "a wrong checksum or bad codes";
		return STEP_FAILED;
	}
}

static void bzip2_close(void *decoder)
{
	(void)BZ2_bzDecompressEnd(decoder);
	free(decoder);
}

const struct decompress_format decompress_bzip2 = {
	.name = "bzip2",
	.member = "stream",
	.matches = bzip2_matches,
	.open = bzip2_open,
	.reopen = bzip2_reopen,
	.step = bzip2_step,
	.needs = bzip2_needs,
	.close = bzip2_close,
};
