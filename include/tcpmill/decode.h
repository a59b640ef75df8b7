/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECODE_H
#define TCPMILL_DECODE_H

/*
 * From a frame to a segment: link layers, IPv4 and IPv6, the TCP header; and the
 * two hashes of the flow key.
 *
 * Rules: docs/definitions.md 9.2 and the TCP analysis spec, section 6. Lengths come
 * from the headers and the wire length, never from captured bytes.
 * Thread: any number at once, each with its own reassembly.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/segment.h"

struct frame;
struct reassembly;

/* Where a frame ended up: every frame has exactly one fate (the books). */
enum fate {
	FATE_TRACKED,      /* a segment was made */
	FATE_FILTERED,     /* -f, --from, --to: set by the engine */
	FATE_LINK_UNKNOWN, /* link type that is not decoded */
	FATE_NOT_IP,
	FATE_IP_BAD,   /* an IP header that cannot be */
	FATE_FRAGMENT, /* an IP fragment */
	FATE_TUNNEL,   /* a tunnel that is not opened */
	FATE_NOT_TCP,
	FATE_TCP_SHORT, /* fewer than 16 bytes of TCP header captured */
	FATE_UNTRACKED, /* no room in the flow table; cannot happen while eviction works */
	NB_FATES,
	FATE_LATER = NB_FATES, /* none yet: see decode_frame() */
};

/* Names as in the books of --json and the records' footer. */
extern const char *const fate_names[NB_FATES + 1];

/* Keys of the bucket hash; drawn at start, or set by a test. */
#define DECODE_NB_KEYS 10
struct decode_keys {
	uint64_t word[DECODE_NB_KEYS];
};

/* Fills the keys from a seed; the same seed gives the same keys. */
void decode_keys_init(struct decode_keys *keys, uint64_t seed);

/* True if frames of this LINKTYPE_ value are decoded. */
bool decode_knows_link_type(uint16_t link_type);

/* TCP headers of one frame that are read; samples of sFlow and A-MSDUs can bring more. */
#define DECODE_MAX_SEGMENTS 32

struct decode_context {
	const struct decode_keys *keys;
	/*
	 * Of IP fragments. NULL: a frame that has one, or compressed IP payload, is FATE_LATER,
	 * and shall be decoded again, in the order of the capture, with the run's one reassembly.
	 */
	struct reassembly *reassembly;
	/* Or NULL. TCP headers that a frame has beyond DECODE_MAX_SEGMENTS are added to it. */
	uint64_t *nb_unread;
};

/*
 * Decodes one frame. On FATE_TRACKED *nb segments are set, outer layers first; all of them but
 * frame, which is the engine's. The frame's bytes may be changed: a source route's final
 * destination is written over the header's, as the flow key has it.
 * segments [DECODE_MAX_SEGMENTS]: written to also when the fate is another.
 */
enum fate decode_frame(const struct decode_context *context, const struct frame *frame,
		       struct segment *segments, uint32_t *nb);

#endif
