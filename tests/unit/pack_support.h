/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PACK_SUPPORT_H
#define TESTS_PACK_SUPPORT_H

/* Compressed images, made by the libraries themselves. */

#include "capture_support.h"

/* A capture to be compressed. */
#define PLAIN_RECORDS 40u
#define PLAIN_CAPLEN 300u
#define PLAIN_BYTES (24u + PLAIN_RECORDS * (16u + PLAIN_CAPLEN))

/* Appends those PLAIN_BYTES bytes. */
void put_plain(struct bytes *b);

enum packing { PACK_GZIP, PACK_ZSTD, PACK_LZ4, PACK_XZ, PACK_BZIP2, NB_PACKINGS };

extern const char *const packing_names[NB_PACKINGS];

/* Appends one member, frame or stream that holds the data. */
void put_packed(struct bytes *b, enum packing packing, const void *data, size_t len);
/* A zstd frame of such a window, that does not say how long it is. */
void put_zstd_window(struct bytes *b, int window_log, const void *data, size_t len);
/* An lz4 frame of blocks of 256 KiB, each for itself; with all that it may say about them, or not.
 */
void put_lz4_blocks(struct bytes *b, bool says_all, const void *data, size_t len);
/* An lz4 frame of small blocks that need those before them. */
void put_lz4_linked(struct bytes *b, const void *data, size_t len);
/* An xz stream of blocks of such a size, each of which says how long it is. */
void put_xz_blocks(struct bytes *b, size_t block, const void *data, size_t len);
/* A bzip2 stream whose blocks are of so many times 100 kB. */
void put_bzip2(struct bytes *b, int level, const void *data, size_t len);
/* A skippable frame of zstd and lz4. */
void put_skippable(struct bytes *b, uint32_t len);

#endif
