/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xz, by liblzma. A stream of several blocks that say how long they are (as of "xz -T")
 * is decompressed by several threads.
 *
 * How much of bad data the library gives out before it sees that depends on how much it was
 * given and asked for. So both are pieces of one size, whoever reads and from what: but for
 * a pipe that has less for now.
 */

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"

#define WAIT_MS 100 /* a step gives back after so long, that it can be told to quit */

#define PIECE_IN 16384u
#define PIECE_OUT 65536u

struct xz_decoder {
	lzma_stream lzma;
	struct decompress_limits limits;
	size_t nb_in;           /* bytes of the piece that are not taken yet */
	size_t out_at, out_len; /* in out, not given out yet */
	lzma_action action;     /* of the last call */
	lzma_ret rc;            /* behind them */
	uint8_t out[PIECE_OUT];
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
		.threads = xz->limits.nb_threads,
		.timeout = WAIT_MS,
		.memlimit_threading = xz->limits.threads_bytes,
		.memlimit_stop = xz->limits.max_bytes,
	};

	xz->nb_in = xz->out_at = xz->out_len = 0;
	xz->rc = LZMA_OK;
	if (xz->limits.nb_threads > 1)
		return lzma_stream_decoder_mt(&xz->lzma, &mt) == LZMA_OK;
	return lzma_stream_decoder(&xz->lzma, xz->limits.max_bytes, 0) == LZMA_OK;
}

static void *xz_open(const struct decompress_limits *limits)
{
	struct xz_decoder *xz = malloc(sizeof(*xz));

	if (xz == NULL)
		return NULL;
	xz->lzma = (lzma_stream)LZMA_STREAM_INIT;
	xz->limits = *limits;
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
	case LZMA_FORMAT_ERROR:
		return "no xz stream";
	case LZMA_OPTIONS_ERROR:
		return "options that liblzma does not know";
	default:
		return "a wrong checksum or bad codes";
	}
}

/* One call of the library, of what is left of a piece. False if there is not enough for one. */
static bool decode(struct xz_decoder *xz, struct decompress_io *io)
{
	const size_t whole = io->nb_in < PIECE_IN ? io->nb_in : PIECE_IN;

	if (xz->nb_in == 0 && whole < PIECE_IN && !io->is_last && (!io->is_all || whole == 0))
		return false;
	if (xz->nb_in == 0)
		xz->nb_in = whole;
	xz->lzma.next_in = io->in;
	xz->lzma.avail_in = xz->nb_in;
	xz->lzma.next_out = xz->out;
	xz->lzma.avail_out = PIECE_OUT;
	xz->action = io->is_last && xz->nb_in == io->nb_in ? LZMA_FINISH : LZMA_RUN;
	xz->rc = lzma_code(&xz->lzma, xz->action);
	io->in = xz->lzma.next_in;
	io->nb_in -= xz->nb_in - xz->lzma.avail_in;
	xz->nb_in = xz->lzma.avail_in;
	xz->out_at = 0;
	xz->out_len = PIECE_OUT - xz->lzma.avail_out;
	return true;
}

/*
 * With several threads the library only says what a block needs once that began: so it may, but
 * nothing is given out any more, and of the memory that it takes next to nothing is touched.
 */
static void let_begin(struct xz_decoder *xz)
{
	if (lzma_memlimit_set(&xz->lzma, UINT64_MAX) != LZMA_OK)
		return;
	xz->lzma.avail_out = 0;
	xz->rc = lzma_code(&xz->lzma, xz->action);
}

static enum decompress_step xz_step(void *decoder, struct decompress_io *io, const char **why)
{
	struct xz_decoder *xz = decoder;
	size_t n;

	if (io->max_bytes != xz->limits.max_bytes) {
		xz->limits.max_bytes = io->max_bytes;
		(void)lzma_memlimit_set(&xz->lzma, io->max_bytes);
	}
	if (xz->out_at == xz->out_len && xz->rc == LZMA_OK && !decode(xz, io))
		return STEP_STARVED;
	n = xz->out_len - xz->out_at < io->nb_out ? xz->out_len - xz->out_at : io->nb_out;
	memcpy(io->out, xz->out + xz->out_at, n);
	xz->out_at += n;
	io->out += n;
	io->nb_out -= n;
	if (xz->out_at < xz->out_len)
		return STEP_MORE;
	switch (xz->rc) {
	case LZMA_OK:
		return STEP_MORE;
	case LZMA_STREAM_END:
		return STEP_END;
	case LZMA_BUF_ERROR:
		xz->rc = LZMA_OK;
		return STEP_STARVED;
	case LZMA_MEMLIMIT_ERROR:
		let_begin(xz);
		return STEP_TOO_LARGE;
	default:
		*why = words_of(xz->rc);
		return STEP_FAILED;
	}
}

static uint64_t xz_needs(const void *decoder)
{
	const struct xz_decoder *xz = decoder;

	return sizeof(*xz) + lzma_memusage(&xz->lzma);
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
	.needs = xz_needs,
	.close = xz_close,
};
