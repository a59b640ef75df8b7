/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_KEYED_HASH_H
#define TCPMILL_CLI_KEYED_HASH_H

/*
 * A hash that nobody can aim at who does not know the key (SipHash-2-4): what comes out of a
 * file may have been written to meet in one bucket. No answer depends on the key.
 */

#include <stddef.h>
#include <stdint.h>

struct keyed_hash {
	uint64_t key[2];
};

/* Makes a key of its own for this process. */
void keyed_hash_init(struct keyed_hash *hash);

/* seed is another part of what is hashed: 0, or the hash of what stands before. */
uint64_t keyed_hash_of(const struct keyed_hash *hash, uint64_t seed, const void *data, size_t len);

#endif
