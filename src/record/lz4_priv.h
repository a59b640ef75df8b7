/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LZ4_PRIV_H
#define TCPMILL_LZ4_PRIV_H

/*
 * Arrow's compressed buffers: int64 uncompressed length, then one LZ4 frame; or
 * -1 and the bytes themselves when a frame would not be smaller.
 *
 * Thread: a packer or an unpacker belongs to one thread.
 */

#include <stddef.h>
#include <stdint.h>

struct lz4_packer;
struct lz4_unpacker;

/* NULL with errno ENOMEM. */
struct lz4_packer *lz4_packer_create(void);
void lz4_packer_destroy(struct lz4_packer *packer);

/* Room that lz4_pack() asks for, at most, for len bytes. */
size_t lz4_pack_bound(size_t len);

/* Packs len >= 1 bytes. Returns the packed length, or 0 when LZ4 failed. */
size_t lz4_pack(struct lz4_packer *packer, const uint8_t *data, size_t len, uint8_t *out,
		size_t out_size);

/* A run is packed without looking at its bytes, unless it is shorter than this. */
#define LZ4_RUN_MIN 64
#define LZ4_VALUE_MAX 8

/* Room that lz4_pack_run() asks for, at most. */
size_t lz4_run_bound(size_t len);

/*
 * Packs len >= 1 bytes that are one value of width <= LZ4_VALUE_MAX bytes again and
 * again; width divides len. Returns the packed length, or 0 when LZ4 failed.
 */
size_t lz4_pack_run(struct lz4_packer *packer, const uint8_t *value, size_t width, size_t len,
		    uint8_t *out, size_t out_size);

/* NULL with errno ENOMEM. */
struct lz4_unpacker *lz4_unpacker_create(void);
void lz4_unpacker_destroy(struct lz4_unpacker *unpacker);

/* LZ4 writes at least one byte for 255; what claims more cannot be true. */
#define LZ4_RATIO_MAX 255

/* Unpacks one frame that gives exactly out_len bytes. 0 or -1. */
int lz4_unpack(struct lz4_unpacker *unpacker, const uint8_t *frame, size_t frame_len, uint8_t *out,
	       size_t out_len);

#endif
