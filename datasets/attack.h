/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_ATTACK_H
#define DATASETS_ATTACK_H

/*
 * Captures that are made to cost a reader more than they cost whoever sends them: time, memory,
 * or a place in a table.
 */

#include <stdint.h>

struct output;
struct attack;

struct attack_params {
	const struct attack *attack;
	uint64_t nb_packets;
	uint64_t nb_flows; /* 0: as many as the attack likes */
	uint64_t tick_ns;
};

/* NULL: there is no such attack. */
const struct attack *attack_find(const char *name);

/* Returns 0, or -EPROTOTYPE when the link type can't carry a packet. */
int attack_write(const struct attack_params *params, struct output *output);

#endif
