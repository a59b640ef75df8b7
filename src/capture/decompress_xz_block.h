/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_XZ_BLOCK_H
#define TCPMILL_DECOMPRESS_XZ_BLOCK_H

/*
 * A block of an xz stream, decompressed as its input comes, or by a thread of its own once all
 * of it is there.
 *
 * How much of a damaged block the library gives out depends on how much it is given and asked
 * for at a time. So both are pieces of one size, counted from where the block's data begins,
 * whoever decompresses it: the bytes are the same.
 */

#include <lzma.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decompress_crew.h"

#define XZ_PIECE_IN 16384u
#define XZ_PIECE_OUT 65536u

struct xz_block {
	struct job job; /* the first */
	lzma_block block;
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_stream lzma;
	uint64_t begins;   /* in the stream */
	uint64_t memory;   /* of the library, for it */
	uint64_t data_len; /* with padding and check, without header; LZMA_VLI_UNKNOWN */
	uint64_t taken;    /* of it, by the library */
	size_t piece;      /* bytes of the piece that are not taken yet */

	/* Of one that says how long it is, and for which there is room. */
	uint8_t *in; /* [data_len] */
	size_t in_len;
	uint8_t *out; /* [uncompressed_size + XZ_PIECE_OUT] */
	size_t out_len, out_given;
	lzma_ret rc; /* how it ended */
};

/*
 * By its header of so many bytes. NULL with *rc set if it is damaged, or the library needs more
 * than max_bytes for it; *needed is what it needs, as far as that is known. It takes *spare over,
 * which has memory that it need not ask for.
 */
struct xz_block *xz_block_create(const uint8_t *header, size_t header_len, lzma_check check,
				 uint64_t max_bytes, lzma_stream *spare, uint64_t *needed,
				 lzma_ret *rc);
/* Ends its thread, if it has one. Accepts NULL. */
void xz_block_destroy(struct xz_block *block);

/* Bytes that it takes as a whole, with a thread; UINT64_MAX if it does not say. */
uint64_t xz_block_cost(const struct xz_block *block);
/* Makes room for all of it. False, and there is none, if memory does not suffice. */
bool xz_block_make_room(struct xz_block *block);
/* All its input is there. False if there is no thread to be had. */
bool xz_block_start(struct xz_block *block, struct crew *crew);

enum xz_call { XZ_CALLED, XZ_STARVED };

/*
 * One call of the library, of what is left of a piece of [*in, *in + *nb_in), to out with its
 * XZ_PIECE_OUT bytes. A piece is shorter only at the block's end, or if it may be. rc is
 * LZMA_OK to go on.
 */
enum xz_call xz_block_call(struct xz_block *block, const uint8_t **in, size_t *nb_in,
			   bool may_be_short, uint8_t *out, size_t *nb_out);

/* Why a block, or what stands around blocks, is broken. */
const char *xz_words_of(lzma_ret rc);

#endif
