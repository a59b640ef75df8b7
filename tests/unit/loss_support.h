/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_LOSS_SUPPORT_H
#define TESTS_LOSS_SUPPORT_H

/* What the tests of definitions 5 ask of a side: all its columns at once. */

#include "script.h"

/* Columns of the row; what is not named is 0. */
struct loss {
	int64_t bytes, lost_before, lost_after, missed, unresolved, retransmitted;
	int32_t reordered_pkts;
};

#define assert_loss(s, direction, ...)                                                             \
	loss_assert((s), (direction), &(const struct loss){__VA_ARGS__}, __FILE__, __LINE__)
void loss_assert(struct tcp_script *script, enum script_direction direction,
		 const struct loss *wanted, const char *file, int line);

/* Of the latest segment. */
#define assert_opens_hole(s, start, end)                                                           \
	do {                                                                                       \
		assert_true(script_note(s)->bits &NOTE_OPENS_HOLE);                                \
		assert_int_equal(script_note(s)->hole_start, (start));                             \
		assert_int_equal(script_note(s)->hole_end, (end));                                 \
	} while (0)

#define assert_misses(s, start, end)                                                               \
	do {                                                                                       \
		assert_true(script_note(s)->bits &NOTE_MISSES);                                    \
		assert_int_equal(script_note(s)->hole_start, (start));                             \
		assert_int_equal(script_note(s)->hole_end, (end));                                 \
	} while (0)

#define assert_fills(s, nb_bytes, frame, age_ns)                                                   \
	do {                                                                                       \
		assert_true(script_note(s)->bits &NOTE_FILLS_HOLE);                                \
		assert_int_equal(script_note(s)->fill_bytes, (nb_bytes));                          \
		assert_int_equal(script_note(s)->fill_frame, (frame));                             \
		assert_int_equal(script_note(s)->fill_age_ns, (age_ns));                           \
	} while (0)

/* Open hole number i of FWD, lowest first. */
#define assert_hole(s, i, start_, end_)                                                            \
	do {                                                                                       \
		assert_true(script_trouble(s, FWD)->nb_holes > (i));                               \
		assert_int_equal(script_trouble(s, FWD)->holes[i].start, (start_));                \
		assert_int_equal(script_trouble(s, FWD)->holes[i].end, (end_));                    \
	} while (0)

/*
 * Frames 1 to 3 are a handshake with an initial RTT of 2 ms, frame 4 at 3 ms opens
 * the hole [1001, 1101) and has 100 bytes of data.
 */
void open_hole(struct tcp_script *script);

#endif
