/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_BLOCK_H
#define TCPMILL_DECOMPRESS_BLOCK_H

/*
 * zstd and lz4 decompress in blocks, and a call of their libraries that fails does not say
 * what it gave out of the blocks in front of the bad one. So a call gets one block, or one
 * header, as the library itself hints: nothing in front of damage is lost, and a block is
 * decompressed from where it lies.
 */

#include "decompress.h"

/* Of a frame's header: all of it that says how much memory the frame needs, in both formats. */
#define FEED_HEAD 18u

struct decompress_feed {
	uint8_t head[FEED_HEAD]; /* [nb_head] the frame's first bytes */
	uint8_t nb_head;
	uint64_t taken; /* bytes of the frame so far */
	size_t hint;    /* bytes the library asks for next, of which a header may be the last */
	bool is_full;   /* out was filled: there may be more without any input */
};

/* How much of the input the next call gets. */
static inline size_t feed_size(const struct decompress_feed *feed, const struct decompress_io *io,
			       size_t header_len)
{
	const size_t want = feed->hint > header_len ? feed->hint - header_len : feed->hint;

	if (feed->is_full)
		return 0;
	return want < io->nb_in ? want : io->nb_in;
}

/* Notes the frame's first bytes: n of the input are about to be given to the library. */
static inline void feed_look(struct decompress_feed *feed, const struct decompress_io *io, size_t n)
{
	for (size_t i = 0; i < n && feed->taken + i < FEED_HEAD; i++) {
		feed->head[feed->taken + i] = io->in[i];
		feed->nb_head = (uint8_t)(feed->taken + i + 1);
	}
}

/* What a call took and gave. STEP_STARVED if it had nothing to take. */
static inline enum decompress_step feed_took(struct decompress_feed *feed, struct decompress_io *io,
					     size_t nb_in, size_t nb_out)
{
	const bool was_full = feed->is_full;

	feed->taken += nb_in;
	io->in += nb_in;
	io->nb_in -= nb_in;
	io->out += nb_out;
	io->nb_out -= nb_out;
	feed->is_full = io->nb_out == 0;
	if (nb_in == 0 && nb_out == 0 && !was_full && io->nb_in == 0)
		return STEP_STARVED;
	return STEP_MORE;
}

#endif
