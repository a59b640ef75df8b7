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

struct decompress_feed {
	size_t hint;  /* bytes the library asks for next, of which a header may be the last */
	bool is_full; /* out was filled: there may be more without any input */
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

/* What a call took and gave. STEP_STARVED if it had nothing to take. */
static inline enum decompress_step feed_took(struct decompress_feed *feed, struct decompress_io *io,
					     size_t nb_in, size_t nb_out)
{
	const bool was_full = feed->is_full;

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
