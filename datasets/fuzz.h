/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_FUZZ_H
#define DATASETS_FUZZ_H

/*
 * Random adversarial traces, to compare verdicts with another tool's.
 *
 * Two endpoints that mostly behave play short scripts; segments are then left
 * out, doubled, late, bent or damaged, and some are wholly random, with numbers
 * near those that decide a verdict. Nothing here says what the verdicts are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "capture_file.h"
#include "packet.h"

enum fuzz_profile {
	FUZZ_MIXED,
	FUZZ_WILD,    /* mostly random segments */
	FUZZ_BULK,    /* long flows: 10,000 segments one way, more than 65,535 of a kind */
	FUZZ_CARRIED, /* as mixed, in fragments, tunnels and ICMP errors; Ethernet only */
	NB_FUZZ_PROFILES,
};

struct fuzz_params {
	uint64_t seed;
	uint64_t nb_packets;
	enum fuzz_profile profile;
	enum packet_link link;
};

/* As in --profile; from a name: the profile, or NB_FUZZ_PROFILES. */
enum fuzz_profile fuzz_profile_from_name(const char *name);

/* Returns 0, -ENOMEM, or -EPROTOTYPE when the link type can't carry a packet. */
int fuzz_write(const struct fuzz_params *params, struct capture_file *file);

#endif
