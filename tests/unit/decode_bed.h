/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_DECODE_BED_H
#define TESTS_DECODE_BED_H

/*
 * The short way of decode beside the general one, on the same bytes. The frame lies right
 * before a page that is out of bounds, so that no look behind its end goes unseen.
 */

#include "decode/decode_priv.h"
#include "frame_support.h"

struct bed {
	uint8_t *end; /* of the readable bytes */
	struct decode_keys keys;
	uint64_t random; /* xorshift64 */
	uint64_t nb_fast, nb_general;
};

/* cmocka fixtures; *state is the bed. */
int bed_setup(void **state);
int bed_teardown(void **state);

static inline uint32_t next_random(struct bed *bed)
{
	bed->random ^= bed->random << 13;
	bed->random ^= bed->random >> 7;
	bed->random ^= bed->random << 17;
	return (uint32_t)(bed->random >> 32);
}

/* True once in n times. */
static inline bool chance(struct bed *bed, uint32_t n)
{
	return next_random(bed) % n == 0;
}

/*
 * Decodes one frame both ways. It must go the short way exactly when it is usual, by the
 * words in decode_bed.c, and then give the same segment; else the segment is left alone.
 */
void bed_check(struct bed *bed, const uint8_t *bytes, uint32_t caplen, uint32_t wire_len,
	       uint16_t link_type);

#endif
