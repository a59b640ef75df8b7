/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_PCAPNG_PRIV_H
#define TCPMILL_PCAPNG_PRIV_H

/* What the two files of pcapng share: packets in one, all other blocks in the other. */

#include "capture_priv.h"

/* pcapng block types. */
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 2u /* obsolete */
#define BLOCK_SIMPLE_PACKET 3u
#define BLOCK_STATISTICS 5u
#define BLOCK_ENHANCED_PACKET 6u

/* Everything a cut of one chunk carries from block to block. */
struct cutter {
	struct capture *capture;
	struct source *source;
	struct chunk *chunk;
	struct cut *cut;
	size_t pos;
	uint32_t type, total;
};

/*
 * The block at pos is whole in the buffer; each returns 1, 0 when the input ends here with
 * damage noted, or -errno.
 */
int pcapng_cut_section(struct cutter *c, const uint8_t *block);
int pcapng_cut_interface(struct cutter *c, const uint8_t *block);
int pcapng_cut_statistics(struct cutter *c, const uint8_t *block);

/* Ticks of which a nanosecond has several, or that are parts of 2^n of a second. */
uint64_t pcapng_odd_ticks_to_ns(uint64_t ticks, uint8_t ts_resol);

#endif
