/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_TALK_H
#define TESTS_FUZZ_TALK_H

/*
 * Bytes as a TCP conversation: each few of them are a segment, told by how it differs from the
 * next one in order. seeds.py writes the same language.
 *
 *	byte 0   bit 0 sender; 1-3 flags; then what follows: 4 seq, 5 ack, 6 options, 7 more
 *	byte 1   payload / 6; 255: 16 bits follow
 *	seq, ack 16 bits, signed: how far from the next one (32 bits if more says so)
 *	more     bits 0-2 time since the last; 3 window; 4 IPv4 id; 5 seq is wide; 6 ack is wide;
 *	         7 a byte of odd things follows
 *	odd      bits 0-1 header cut at 16, 20 or all; 2 IP length 8 short; 3 an active record
 *	         is told behind it; 4 data offset 4; 5 flags byte follows; 6 time as 32 bits of us;
 *	         7 it is told as a note
 *	then     flags, time, window, id, options (length, bytes), seq, ack: those that are there
 *
 * Numbers are of this machine's byte order, which is little-endian.
 */

#include "fuzz.h"

struct talk {
	struct fuzz_bytes bytes;
	uint32_t next[2]; /* of each side */
	int64_t now_ns;
	uint16_t id, window[2];
};

struct talk_segment {
	uint8_t packet[20 + 60]; /* IPv4 and TCP headers */
	uint32_t caplen, wire_len;
	int64_t ts_ns;
	bool is_told, ends_record;
};

void talk_begin(struct talk *talk, const uint8_t *data, size_t size);
/* False at the end. */
bool talk_next(struct talk *talk, struct talk_segment *segment);

#endif
