/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_LZ4_ROW_H
#define TCPMILL_DECOMPRESS_LZ4_ROW_H

/*
 * The blocks of an lz4 frame: each says how long it is. Those that do not need the ones before them
 * (as lz4(1) makes them) are decompressed by a thread each once they are there, others one by one.
 * Of a damaged one nothing is given out.
 *
 * Source: lz4's description of the frame format, 1.6.
 */

#include "decompress.h"
#include "decompress_crew.h"

#define LZ4_MAX_CREW 17u
#define LZ4_WINDOW (64u << 10)
#define LZ4_NUMBER 4u /* bytes of a block's header, and of a checksum */

struct lz4_block;
struct XXH32_state_s;

enum lz4_stage {
	LZ4_NUMBERS, /* a block's header, or the end mark */
	LZ4_GATHER,  /* the block */
	LZ4_CHECK,   /* of all that the frame holds, behind the end mark */
	LZ4_ENDED,
	LZ4_WRONG,
};

struct lz4_row {
	enum lz4_stage stage; /* of what is taken; threads may have something before it */
	const char *why;      /* LZ4_WRONG: and in the part that begins at place */
	uint64_t place;
	uint64_t taken, part; /* bytes of the row so far; where the part at hand begins */
	bool is_paused; /* the input was: what is made is given out before more is asked for */
	bool has_sums, has_sum, has_length; /* of each block; of the content; how long it is */
	uint64_t left;                      /* has_length: of the content, modulo 2^64 */
	size_t block_max;
	uint8_t head[LZ4_NUMBER];
	size_t head_len;
	struct lz4_block *block; /* the one that is gathered */
	struct lz4_block *crew[LZ4_MAX_CREW];
	uint32_t first, nb_crew, max_crew;
	struct XXH32_state_s *sum;
	bool is_linked;
	size_t window_len;
	uint8_t window[LZ4_WINDOW]; /* is_linked: what a block may refer back to, in front of it */
	struct crew shared;
};

void lz4_row_init(struct lz4_row *row);
void lz4_row_fini(struct lz4_row *row);

/*
 * Behind the header of a frame: true if its blocks are for threads, within the limits, or have
 * checksums, which the library looks at too late to keep a damaged block back.
 */
bool lz4_row_begin(struct lz4_row *row, const uint8_t *header, size_t header_len,
		   const struct decompress_limits *limits);

enum decompress_step lz4_row_step(struct lz4_row *row, struct decompress_io *io, const char **why);

#endif
