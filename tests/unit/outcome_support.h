/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_OUTCOME_SUPPORT_H
#define TESTS_OUTCOME_SUPPORT_H

/* What comes out of a compressed image, with so many threads. */

#include "capture_support.h"

struct outcome {
	uint8_t *out; /* [len] of [room] */
	size_t len, room;
	uint64_t taken;
	char error[160];
};

/* Text that can be compressed to about a quarter: lines of a few words. */
void put_lines(struct bytes *b, size_t len);

void outcome_read(struct outcome *outcome, const struct bytes *packed, uint32_t nb_threads);
/* From a stream that cannot be read on once that came. */
void outcome_read_broken(struct outcome *outcome, const struct bytes *packed, uint32_t nb_threads);
/* With one thread and with more, whose outcomes are the same; leaves what the first gave. */
void outcome_read_each_way(struct outcome *alone, const struct bytes *packed);
void outcome_fini(struct outcome *outcome);

void assert_same_outcome(const struct outcome *a, const struct outcome *b);
/* The whole of it, without a word. */
void assert_whole(const struct bytes *packed, const struct bytes *plain);

/*
 * A pipe whose writer wrote so many bytes and pauses: the first bytes of plain come out, with each
 * number of threads.
 */
void assert_not_held_back(const struct bytes *packed, size_t nb_written, const struct bytes *plain,
			  size_t len);

#endif
