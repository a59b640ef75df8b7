/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_LAYOUT_H
#define TESTS_FUZZ_LAYOUT_H

/*
 * Where the records, packets and length fields of a sound pcap or pcapng file lie: read here
 * from the formats' descriptions, and not with the program's own reader, which is held against it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout_field {
	size_t at;
	uint8_t width;    /* bytes: 2 or 4 */
	const char *name; /* "captured length" */
};

struct layout {
	const uint8_t *data;
	size_t size;
	size_t sound; /* so far the file is understood: its size, unless it was damaged before */
	bool is_known, is_pcapng, is_swapped;
	size_t *frame_ends; /* of the records or blocks of packets */
	size_t nb_frames;
	size_t *borders; /* ends of all records and blocks, and of pcap's header */
	size_t nb_borders;
	struct layout_field *fields;
	size_t nb_fields;
};

/* is_known stays false for what is neither. The bytes stay the caller's. */
void layout_read(struct layout *layout, const uint8_t *data, size_t size);
void layout_fini(struct layout *layout);

/* Frames whose records end at or before the byte. */
size_t layout_frames_before(const struct layout *layout, size_t at);
bool layout_is_border(const struct layout *layout, size_t at);

#endif
