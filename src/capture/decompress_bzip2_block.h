/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_BZIP2_BLOCK_H
#define TCPMILL_DECOMPRESS_BZIP2_BLOCK_H

/*
 * A block of a bzip2 stream, decompressed by itself: the library is given the header of a stream,
 * then the block, and is stopped where the next one begins.
 *
 * Where a block ends, only the library finds out: at most 7 bits in front of what it took when
 * it begins to give. It is asked for pieces of one size, so that what comes out of a damaged block
 * does not depend on who asks.
 */

#include <bzlib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decompress_crew.h"

#define BZIP2_PIECE 16384u
/* The library keeps so many bits at most that it has no use for yet. */
#define BZIP2_SLACK 7u
/* Bytes of the library for one, at most. bzip2(1): "100k + (4 x block size)". */
#define BZIP2_BLOCK_MEMORY (4u << 20)
/* What a thread makes of a block before the rest of it has to wait for its turn. */
#define BZIP2_MAX_OUT (4u << 20)

enum bzip2_state {
	BLOCK_TAKES, /* input */
	BLOCK_GIVES, /* and takes no more */
	BLOCK_DONE,  /* its checksum is right */
	BLOCK_BROKEN,
};

struct bzip2_block {
	struct job job; /* the first */
	bz_stream bz;
	enum bzip2_state state;
	int rc;         /* BLOCK_BROKEN: of the library */
	char level;     /* of its stream */
	uint64_t place; /* in bits of the input, where its magic begins */
	uint64_t taken; /* likewise, what the library took */

	/* With a thread: what it has, and what it made of that as far as there is room for it. */
	uint8_t *in; /* [in_len] */
	size_t in_at, in_len;
	uint8_t *out; /* [out_room] */
	size_t out_len, out_room, out_given;
};

/* NULL if memory does not suffice. */
struct bzip2_block *bzip2_block_create(char level, uint64_t place);
/* Ends its thread, if it has one. Accepts NULL. */
void bzip2_block_destroy(struct bzip2_block *block);

/*
 * One call of the library, with bytes that begin at the block's "taken", or with none if it
 * gives. Returns what was written to out with its BZIP2_PIECE bytes.
 */
size_t bzip2_block_call(struct bzip2_block *block, const uint8_t *in, size_t nb_in, uint8_t *out);

/*
 * True if a magic follows a block that is done: the bytes of one, which begin at its "taken", or up
 * to BZIP2_SLACK bits of it stand in front of that.
 */
bool bzip2_block_precedes(struct bzip2_block *block, const uint8_t *in);

/* By a thread, from its own input. False if there is none to be had. */
bool bzip2_block_start(struct bzip2_block *block, struct crew *crew);

#endif
