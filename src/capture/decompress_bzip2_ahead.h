/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_BZIP2_AHEAD_H
#define TCPMILL_DECOMPRESS_BZIP2_AHEAD_H

/*
 * What was taken of a bzip2 file and not decompressed yet, and the threads that decompress from
 * places further on, where blocks seem to begin.
 *
 * Places are bits of the input from where the member begins; "at" is the one that has come up.
 */

#include <sys/types.h>

#include "decompress.h"
#include "decompress_bits.h"
#include "decompress_bzip2_block.h"

#define BZIP2_MARKS 64u
#define BZIP2_MAX_CREW 33u

/* A magic that was found. */
struct bzip2_mark {
	uint64_t place;
	char level; /* of the stream that a block is of; 0: an end */
};

struct bzip2_ahead {
	struct bits bits;
	bool is_paused; /* the input was: what is there is given out before more is asked for */
	uint64_t stop;  /* bytes: where a stream seems to end; nothing behind it is taken */
	char level;     /* of the stream that is looked through */
	struct bzip2_mark marks[BZIP2_MARKS];
	uint32_t nb_marks;
	struct bzip2_block *crew[BZIP2_MAX_CREW]; /* those with a thread; the oldest at first */
	uint32_t first, nb_crew, max_crew, max_running;
	struct crew shared;
};

/* "BZh", the size of blocks, and the magic of a block or of the end of an empty stream. */
bool bzip2_matches(const uint8_t *head, size_t len);

void bzip2_ahead_init(struct bzip2_ahead *ahead, const struct decompress_limits *limits);
/* For another member; ends its threads. */
void bzip2_ahead_reset(struct bzip2_ahead *ahead);
void bzip2_ahead_fini(struct bzip2_ahead *ahead);
void bzip2_ahead_drop_crew(struct bzip2_ahead *ahead);

/*
 * Takes some of the input; what lies in front of "needed" is forgotten. Returns how many bytes,
 * 0 where there are none, or a stream seems to end and no other one follows; -1 if memory does
 * not suffice.
 */
ssize_t bzip2_ahead_take(struct bzip2_ahead *ahead, struct decompress_io *io, uint64_t needed);
/* Where a stream seemed to end there is none: more is needed of what began before. */
void bzip2_ahead_pass_end(struct bzip2_ahead *ahead);
/* True if behind the stream that ends where nothing more is taken another one with a block begins.
 */
bool bzip2_ahead_goes_on(struct bzip2_ahead *ahead, const struct decompress_io *io);

enum bzip2_went {
	AHEAD_WENT,
	AHEAD_LATER, /* when there is more input */
	AHEAD_NO,    /* it is far enough, or there is no more */
};

/* Gets something for threads to do. */
enum bzip2_went bzip2_ahead_go(struct bzip2_ahead *ahead, struct decompress_io *io, uint64_t at);

/* The block of such a stream that begins there, if it has a thread. What lies before it goes. */
struct bzip2_block *bzip2_ahead_find(struct bzip2_ahead *ahead, uint64_t at, char level);
/* It is the caller's from now on. */
void bzip2_ahead_remove(struct bzip2_ahead *ahead, const struct bzip2_block *block);
/* True if it has none, but gets one by going on. */
bool bzip2_ahead_is_next(const struct bzip2_ahead *ahead, uint64_t at);
/* The caller decompresses it. */
void bzip2_ahead_leave(struct bzip2_ahead *ahead, uint64_t at);

#endif
