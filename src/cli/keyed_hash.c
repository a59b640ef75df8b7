/* SPDX-License-Identifier: BSD-3-Clause */

/* SipHash-2-4 (Aumasson and Bernstein, 2012): two rounds a word, four at the end. */

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "keyed_hash.h"

void keyed_hash_init(struct keyed_hash *hash)
{
	struct timespec now;

	if (getrandom(hash->key, sizeof(hash->key), GRND_NONBLOCK) == sizeof(hash->key))
		return;
	/* Less than random, but who wrote the file did not know it. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	hash->key[0] = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec;
	hash->key[1] = (uint64_t)getpid();
}

static inline uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v);
	mix(v);
	v[0] ^= word;
}

uint64_t keyed_hash_of(const struct keyed_hash *hash, uint64_t seed, const void *data, size_t len)
{
	const uint64_t k0 = hash->key[0] ^ seed, k1 = hash->key[1];
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	const unsigned char *at = data;
	const unsigned char *const end = at + len;
	uint64_t word;

	for (; end - at >= 8; at += 8) {
		memcpy(&word, at, sizeof(word));
		take_word(v, word);
	}
	/* The last word: what is left, and the length in its top byte. */
	word = (uint64_t)len << 56;
	for (int i = 0; at < end; i += 8)
		word |= (uint64_t)*at++ << i;
	take_word(v, word);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
