/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_BITS_H
#define TCPMILL_DECOMPRESS_BITS_H

/*
 * The part of a bzip2 stream that is at hand. Its blocks begin at any bit, and do not say how
 * long they are: the magics in front of them are looked for. Places are bits of the input, the
 * highest of a byte first.
 *
 * A magic of 48 bits may also stand inside a block by chance, or because somebody put it there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BZIP2_BLOCK UINT64_C(0x314159265359)
#define BZIP2_END UINT64_C(0x177245385090)
#define BZIP2_MAGIC_BITS 48u

struct bits {
	uint8_t *data; /* [len] of [room] */
	size_t room, len;
	uint64_t base;          /* bytes of the input in front of them */
	uint64_t scanned;       /* no magic that was not told begins in front of this place */
	uint16_t suspects[256]; /* of the third byte that has a bit of a magic; see bits_init() */
};

void bits_init(struct bits *bits);
void bits_fini(struct bits *bits);

/* In bytes. */
static inline uint64_t bits_end(const struct bits *bits)
{
	return bits->base + bits->len;
}

/* How many there are from that place on. */
static inline uint64_t bits_behind(const struct bits *bits, uint64_t place)
{
	return 8 * bits_end(bits) > place ? 8 * bits_end(bits) - place : 0;
}

/* False if memory does not suffice. */
bool bits_append(struct bits *bits, const uint8_t *in, size_t len);
/* The last bytes go back to where they came from. */
void bits_give_back(struct bits *bits, size_t len);
/* Nothing in front of the place is needed any more. */
void bits_drop(struct bits *bits, uint64_t place);

/* So many of them, at most 48; they are there. */
uint64_t bits_at(const struct bits *bits, uint64_t place, uint32_t nb);
/* Copies bytes, at most so many, the first of which begins at that place. */
size_t bits_copy(const struct bits *bits, uint64_t place, uint8_t *to, size_t room);

/* The next magic that was not told yet, of those that are there whole, with a byte behind. */
bool bits_find(struct bits *bits, uint64_t *place, uint64_t *magic);

#endif
