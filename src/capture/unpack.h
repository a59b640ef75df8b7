/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_UNPACK_H
#define TCPMILL_UNPACK_H

/*
 * A compressed input, decompressed by a thread of its own ahead of who reads it.
 *
 * Threads: one at a time reads; unpacker_stop() may come from another one when nobody
 *          reads any more.
 * Memory:  UNPACK_BLOCKS blocks, made when they are first needed, while the thread runs; and
 *          what decompression takes, while it lasts.
 */

#include <sched.h>

#include "decompress.h"

#define UNPACK_BLOCKS 8u
#define UNPACK_BLOCK (512u << 10)
/* Beside unpacker_needs(): with a thread, and without. */
#define UNPACK_MEMORY ((uint64_t)UNPACK_BLOCKS * UNPACK_BLOCK + DECOMPRESS_IN)
#define UNPACK_LAZY_MEMORY (UINT64_C(36) << 10)

struct unpacker;

/* The number of threads is the unpacker's. NULL if memory does not suffice. */
struct unpacker *unpacker_create(bool is_pipe, const struct decompress_limits *limits);
void unpacker_destroy(struct unpacker *unpacker);

/*
 * Decompresses the first bytes of the input, up to len; head was read of it before.
 * Returns how many there are, or -1, see unpacker_error(). A pipe goes on from there, a
 * file is to be closed: unpacker_start() opens it again, and starts behind these bytes.
 */
ssize_t unpacker_sniff(struct unpacker *unpacker, int fd, const uint8_t *head, size_t nb_head,
		       uint8_t *to, size_t len);

/* After unpacker_sniff(): bytes that decompression takes, by the first member. */
uint64_t unpacker_needs(const struct unpacker *unpacker);
/* After unpacker_sniff(), and before it is started: it may take so much, which is not less. */
void unpacker_limit(struct unpacker *unpacker, uint64_t max_bytes);

/* Does nothing when it was started already. 0, or -errno. */
int unpacker_start(struct unpacker *unpacker, int fd);
/*
 * Instead of unpacker_start(), before each read: without a thread, the reader decompresses what
 * it needs itself. The file may be closed and opened again between reads.
 */
int unpacker_start_lazy(struct unpacker *unpacker, int fd);
/* Ends the thread, whatever it is doing; frees all but what the functions below say. */
void unpacker_stop(struct unpacker *unpacker);

/*
 * Gives need bytes, and up to room of those that are there; less at the end, after damage
 * and when *stop is set.
 */
size_t unpacker_read(struct unpacker *unpacker, uint8_t *to, size_t need, size_t room,
		     const atomic_bool *stop);

/* Bytes that a member would have needed that was refused; 0: none was. Then it is the error. */
uint64_t unpacker_refused(const struct unpacker *unpacker);
/* Of the reader: there was not enough memory to go on; the input may be sound. */
bool unpacker_no_memory(const struct unpacker *unpacker);
/* Of the reader: what ended the input before its end, or NULL; where in the input. */
const char *unpacker_error(const struct unpacker *unpacker, uint64_t *in_offset,
			   uint64_t *out_bytes);
/* Bytes of the input behind what was read so far. */
uint64_t unpacker_taken(const struct unpacker *unpacker);
/* "gzip", after unpacker_sniff(). */
const char *unpacker_name(const struct unpacker *unpacker);

#endif
