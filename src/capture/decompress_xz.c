/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xz, by liblzma. A stream of several blocks that say how long they are (as of "xz -T")
 * is decompressed by several threads.
 */

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"

#define WAIT_MS 100 /* a step gives back after so long, that it can be told to quit */

struct xz_decoder {
	lzma_stream lzma;
	uint32_t nb_threads;
};

static bool xz_matches(const uint8_t *head, size_t len)
{
	static const uint8_t magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};

	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

/* Also of one that was in use, whose memory is used again. */
static bool xz_reopen(void *decoder)
{
	struct xz_decoder *xz = decoder;
	const lzma_mt mt = {
		.threads = xz->nb_threads,
		.timeout = WAIT_MS,
		.memlimit_threading = DECOMPRESS_MEMORY,
		.memlimit_stop = DECOMPRESS_MEMORY,
	};

	if (xz->nb_threads > 1)
		return lzma_stream_decoder_mt(&xz->lzma, &mt) == LZMA_OK;
	return lzma_stream_decoder(&xz->lzma, DECOMPRESS_MEMORY, 0) == LZMA_OK;
}

static void *xz_open(uint32_t nb_threads)
{
	struct xz_decoder *xz = malloc(sizeof(*xz));

	if (xz == NULL)
		return NULL;
	*xz = (struct xz_decoder){.lzma = LZMA_STREAM_INIT, .nb_threads = nb_threads};
	if (xz_reopen(xz))
		return xz;
	lzma_end(&xz->lzma);
	free(xz);
	return NULL;
}

static const char *words_of(lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEM_ERROR:
		return "out of memory";
	case LZMA_MEMLIMIT_ERROR:
		return "a dictionary that needs more than 256 MiB of memory";
	case LZMA_FORMAT_ERROR:
		return "no xz stream";
	case LZMA_OPTIONS_ERROR:
		return "options that liblzma does not know";
	default:
		return "a wrong checksum or bad codes";
	}
}

static enum decompress_step xz_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct xz_decoder *xz = decoder;
	lzma_ret rc;

	xz->lzma.next_in = io->in;
	xz->lzma.avail_in = io->nb_in;
	xz->lzma.next_out = io->out;
	xz->lzma.avail_out = io->nb_out;
	rc = lzma_code(&xz->lzma, io->is_last ? LZMA_FINISH : LZMA_RUN);
	io->in = xz->lzma.next_in;
	io->nb_in = xz->lzma.avail_in;
	io->out = xz->lzma.next_out;
	io->nb_out = xz->lzma.avail_out;
	switch (rc) {
	case LZMA_OK:
		return STEP_MORE;
	case LZMA_STREAM_END:
		return STEP_END;
	case LZMA_BUF_ERROR:
		return STEP_STARVED;
	default:
		*why = words_of(rc);
		return STEP_FAILED;
	}
}

static void xz_close(void *decoder)
{
	struct xz_decoder *xz = decoder;

	lzma_end(&xz->lzma);
	free(xz);
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
	.close = xz_close,
};
