/* SPDX-License-Identifier: BSD-3-Clause */

/* Bits of a bzip2 stream, and the search for its magics. */

#include <stdlib.h>
#include <string.h>

#include "decompress_bits.h"

#define SEEN 7u /* bytes in which a magic lies, whichever bit of the first it begins at */

/*
 * Of the magic that begins at bit s of a byte, the byte two further on is a known one. A look
 * at it tells most places from those that are worth a look at the whole: bit s of its entry is
 * for the magic of a block, bit 8 + s for that of an end.
 */
void bits_init(struct bits *bits)
{
	*bits = (struct bits){0};
	for (unsigned int s = 0; s < 8; s++) {
		bits->suspects[(uint8_t)(BZIP2_BLOCK >> (24 + s))] |= (uint16_t)(1u << s);
		bits->suspects[(uint8_t)(BZIP2_END >> (24 + s))] |= (uint16_t)(0x100u << s);
	}
}

void bits_fini(struct bits *bits)
{
	free(bits->data);
	*bits = (struct bits){0};
}

bool bits_append(struct bits *bits, const uint8_t *in, size_t len)
{
	if (bits->room - bits->len < len) {
		const size_t room = 2 * (bits->len + len);
		uint8_t *data = realloc(bits->data, room);

		if (data == NULL)
			return false;
		bits->data = data;
		bits->room = room;
	}
	memcpy(bits->data + bits->len, in, len);
	bits->len += len;
	return true;
}

void bits_give_back(struct bits *bits, size_t len)
{
	bits->len -= len;
}

void bits_drop(struct bits *bits, uint64_t place)
{
	const uint64_t all = place / 8 > bits->base ? place / 8 - bits->base : 0;
	const size_t n = all < bits->len ? (size_t)all : bits->len;

	/* What is moved is never more than what goes. */
	if (n == 0 || n < bits->len - n)
		return;
	memmove(bits->data, bits->data + n, bits->len - n);
	bits->len -= n;
	bits->base += n;
}

uint64_t bits_at(const struct bits *bits, uint64_t place, uint32_t nb)
{
	const uint8_t *p = bits->data + (place / 8 - bits->base);
	const uint32_t skip = place % 8, nb_bytes = (skip + nb + 7) / 8;
	uint64_t value = 0;

	for (uint32_t i = 0; i < nb_bytes; i++)
		value = value << 8 | p[i];
	return value >> (8 * nb_bytes - skip - nb) & ((UINT64_C(1) << nb) - 1);
}

size_t bits_copy(const struct bits *bits, uint64_t place, uint8_t *to, size_t room)
{
	const uint64_t there = bits_behind(bits, place) / 8;
	const size_t n = there < room ? (size_t)there : room;
	const uint8_t *p = bits->data + (place / 8 - bits->base);
	const unsigned int skip = place % 8;

	if (n == 0)
		return 0;
	if (skip == 0) {
		memcpy(to, p, n);
		return n;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(p[i] << skip | p[i + 1] >> (8 - skip));
	return n;
}

/* A magic that begins in that byte, at one of those bits. */
static bool is_magic(const struct bits *bits, size_t byte, unsigned int suspects, uint64_t *place,
		     uint64_t *magic)
{
	for (unsigned int s = 0; s < 8; s++) {
		const uint64_t at = 8 * (bits->base + byte) + s;

		if ((suspects >> s & 0x101u) == 0 || at < bits->scanned)
			continue;
		*magic = bits_at(bits, at, BZIP2_MAGIC_BITS);
		*place = at;
		if (*magic == BZIP2_BLOCK || *magic == BZIP2_END)
			return true;
	}
	return false;
}

bool bits_find(struct bits *bits, uint64_t *place, uint64_t *magic)
{
	size_t i = bits->scanned / 8 > bits->base ? (size_t)(bits->scanned / 8 - bits->base) : 0;

	for (; i + SEEN <= bits->len; i++) {
		const unsigned int suspects = bits->suspects[bits->data[i + 2]];

		if (suspects != 0 && is_magic(bits, i, suspects, place, magic)) {
			bits->scanned = *place + 1;
			return true;
		}
	}
	if (bits->scanned < 8 * (bits->base + i))
		bits->scanned = 8 * (bits->base + i);
	return false;
}
