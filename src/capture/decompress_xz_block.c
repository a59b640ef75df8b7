/* SPDX-License-Identifier: BSD-3-Clause */

/* Blocks of xz, by liblzma, some of them by threads. */

#include <stdlib.h>

#include "decompress.h"
#include "decompress_xz_block.h"

/* What the header says; its filters are the block's to free. */
static lzma_ret open_block(struct xz_block *b, const uint8_t *header, size_t header_len,
			   uint64_t max_bytes, uint64_t *needed)
{
	lzma_ret rc = lzma_block_header_decode(&b->block, NULL, header);
	lzma_vli total;

	if (rc != LZMA_OK)
		return rc;
	total = lzma_block_total_size(&b->block);
	if (total == 0)
		return LZMA_DATA_ERROR;
	b->data_len = total == LZMA_VLI_UNKNOWN ? total : total - header_len;
	b->memory = lzma_raw_decoder_memusage(b->filters);
	if (b->memory == UINT64_MAX)
		return LZMA_OPTIONS_ERROR;
	*needed = b->memory;
	if (b->memory > max_bytes)
		return LZMA_MEMLIMIT_ERROR;
	return lzma_block_decoder(&b->lzma, &b->block);
}

struct xz_block *xz_block_create(const uint8_t *header, size_t header_len, lzma_check check,
				 uint64_t max_bytes, lzma_stream *spare, uint64_t *needed,
				 lzma_ret *rc)
{
	struct xz_block *b = calloc(1, sizeof(*b));

	*needed = 0;
	*rc = LZMA_MEM_ERROR;
	if (b == NULL)
		return NULL;
	b->lzma = *spare;
	*spare = (lzma_stream)LZMA_STREAM_INIT;
	b->filters[0].id = LZMA_VLI_UNKNOWN;
	b->block.version = 1;
	b->block.check = check;
	b->block.filters = b->filters;
	b->block.header_size = (uint32_t)header_len;
	b->rc = LZMA_OK;
	*rc = open_block(b, header, header_len, max_bytes, needed);
	if (*rc == LZMA_OK)
		return b;
	xz_block_destroy(b);
	return NULL;
}

void xz_block_destroy(struct xz_block *b)
{
	if (b == NULL)
		return;
	job_end(&b->job);
	lzma_end(&b->lzma);
	lzma_filters_free(b->filters, NULL);
	free(b->in);
	free(b->out);
	free(b);
}

uint64_t xz_block_cost(const struct xz_block *b)
{
	const uint64_t in = b->data_len, out = b->block.uncompressed_size;

	/* An unknown one is larger than any other. */
	if (in > DECOMPRESS_MEMORY || out > DECOMPRESS_MEMORY)
		return UINT64_MAX;
	return in + out + XZ_PIECE_OUT + b->memory;
}

bool xz_block_make_room(struct xz_block *b)
{
	b->in = malloc((size_t)b->data_len + 1);
	b->out = malloc((size_t)b->block.uncompressed_size + XZ_PIECE_OUT);
	if (b->in != NULL && b->out != NULL)
		return true;
	free(b->in);
	free(b->out);
	b->in = b->out = NULL;
	return false;
}

enum xz_call xz_block_call(struct xz_block *b, const uint8_t **in, size_t *nb_in, bool may_be_short,
			   uint8_t *out, size_t *nb_out)
{
	const uint64_t left = b->data_len == LZMA_VLI_UNKNOWN ? UINT64_MAX : b->data_len - b->taken;
	const size_t whole = left < XZ_PIECE_IN ? (size_t)left : XZ_PIECE_IN;
	size_t took;

	*nb_out = 0;
	if (b->piece == 0) {
		if (*nb_in < whole && (!may_be_short || *nb_in == 0))
			return XZ_STARVED;
		b->piece = *nb_in < whole ? *nb_in : whole;
	}
	b->lzma.next_in = *in;
	b->lzma.avail_in = b->piece;
	b->lzma.next_out = out;
	b->lzma.avail_out = XZ_PIECE_OUT;
	b->rc = lzma_code(&b->lzma, LZMA_RUN);
	took = b->piece - b->lzma.avail_in;
	*nb_out = XZ_PIECE_OUT - b->lzma.avail_out;
	*in += took;
	*nb_in -= took;
	b->taken += took;
	b->piece -= took;
	/* It asked in vain for a second time: the block is longer than it says. */
	if (b->rc == LZMA_BUF_ERROR)
		b->rc = LZMA_DATA_ERROR;
	return XZ_CALLED;
}

static void decode_block(struct job *job)
{
	struct xz_block *b = (struct xz_block *)job;
	const uint8_t *in = b->in;
	size_t nb_in = b->in_len;

	while (b->rc == LZMA_OK && !job_quits(job)) {
		size_t n;

		(void)xz_block_call(b, &in, &nb_in, true, b->out + b->out_len, &n);
		b->out_len += n;
		/* The library sees to that: else the next piece would have no room. */
		if (b->out_len > b->block.uncompressed_size)
			b->rc = LZMA_DATA_ERROR;
	}
}

bool xz_block_start(struct xz_block *b, struct crew *crew)
{
	return job_start(&b->job, crew, "tcpmill-xz", decode_block);
}

const char *xz_words_of(lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEM_ERROR:
		return decompress_no_memory;
	case LZMA_FORMAT_ERROR:
		return "no xz stream";
	case LZMA_OPTIONS_ERROR:
		return "options that liblzma does not know";
	default:
		return "a wrong checksum or bad codes";
	}
}
