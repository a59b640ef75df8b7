/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_TALK_SUPPORT_H
#define TESTS_TALK_SUPPORT_H

/* Random conversations that mostly behave, for tests that hold two ways against each other. */

#include <stdbool.h>
#include <stdint.h>

#include "tcpmill/segment.h"

struct random {
	uint64_t state;
};

uint32_t draw(struct random *random, uint32_t below);
bool one_in(struct random *random, uint32_t n);

/* A conversation that mostly behaves: where each side stands, and what it has heard. */
struct talk {
	struct random random;
	uint32_t next[2], window[2], acked[2];
	int64_t now_ns;
	uint16_t ip_id;
	uint32_t speaker, speaks_on; /* the same side, for so many segments */
	uint32_t calm;               /* oddities are so much rarer */
	uint8_t header[40];
};

/* The seed also says how odd it is, from hardly to very. */
struct talk talk_begin(uint64_t seed, uint32_t isn);
/* Segment i of a handshake: 0, 1 and 2. */
void talk_open(struct talk *talk, uint32_t i, struct segment *segment);
void talk_next(struct talk *talk, struct segment *segment);

#endif
