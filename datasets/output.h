/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_OUTPUT_H
#define DATASETS_OUTPUT_H

/*
 * Where generated packets go: any file format with any link type, so that one
 * scenario can be had in every wrapping.
 */

#include <stddef.h>
#include <stdint.h>

#include "capture_file.h"
#include "packet.h"

/* The formats of capture_file.h, and one more that mixes everything pcapng knows. */
#define OUTPUT_PCAPNG_MULTI ((int)NB_CAPTURE_FORMATS)

struct output;

struct output_params {
	const char *path; /* "-" = stdout */
	int format;       /* enum capture_format or OUTPUT_PCAPNG_MULTI */
	enum packet_link link;
	uint32_t snaplen;   /* 0: whole frames */
	uint64_t nb_frames; /* to come; OUTPUT_PCAPNG_MULTI starts its second section half-way */
};

/* NULL with errno set. */
struct output *output_create(const struct output_params *params);

/*
 * Writes one packet; keep > 0 cuts it to so many bytes from its IP header on.
 * Returns its wire length, or 0 when the link type can't carry it.
 */
size_t output_write(struct output *output, int64_t ts_ns, const struct packet *packet,
		    uint32_t keep);

uint64_t output_bytes(const struct output *output);
uint64_t output_captured(const struct output *output); /* sum of captured lengths */

/* 0 or -errno. Frees the output; NULL is fine. */
int output_destroy(struct output *output);

/* From the word after --format; -1 when there is no such format. */
int output_format_from_name(const char *name);

#endif
