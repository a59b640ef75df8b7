/* SPDX-License-Identifier: BSD-3-Clause */

/* IP payload compression (RFC 3173), by DEFLATE (RFC 2394). */

#include <string.h>
#include <zlib.h>

#include "decode_priv.h"

#define IPCOMP_HEADER 4
/* What a packet can be, and how much of it is kept: its headers. */
#define MAX_PACKET 65536
#define MAX_HEAD 512

enum {
	ANY_HEADER = 32 + 15, /* window bits for zlib: of zlib or gzip, */
	NO_HEADER = -15,      /* or none, as the RFC has it */
	IPIP = 4,
	IPV6 = 41,
};

/* Memory for one inflate state. Its window is not needed: all goes into one buffer. */
struct arena {
	size_t used;
	_Alignas(16) uint8_t bytes[16384];
};

static void *take(void *opaque, unsigned int nb, unsigned int size)
{
	struct arena *arena = opaque;
	const size_t len = ((size_t)nb * size + 15) / 16 * 16;
	void *at = arena->bytes + arena->used;

	if (len > sizeof(arena->bytes) - arena->used)
		return NULL;
	arena->used += len;
	return at;
}

static void give_back(void *opaque, void *at)
{
	(void)opaque;
	(void)at;
}

/* Bytes that came out, also of a stream that is cut or wrong further on. */
static size_t inflate_to(uint8_t *out, const struct cursor *c, int window_bits)
{
	struct arena arena = {0};
	z_stream stream = {.zalloc = take, .zfree = give_back, .opaque = &arena};

	if (inflateInit2(&stream, window_bits) != Z_OK)
		return 0;
	stream.next_in = c->at;
	stream.avail_in = (unsigned int)cursor_left(c);
	stream.next_out = out;
	stream.avail_out = MAX_PACKET;
	(void)inflate(&stream, Z_FINISH);
	return (size_t)(stream.next_out - out);
}

/* Its big buffers are gone when the next layer is decoded. */
static __attribute__((noinline)) size_t inflate_head(const struct cursor *c, uint8_t *head)
{
	uint8_t out[MAX_PACKET];
	size_t len = inflate_to(out, c, ANY_HEADER);

	if (len == 0)
		len = inflate_to(out, c, NO_HEADER);
	memcpy(head, out, len < MAX_HEAD ? len : MAX_HEAD);
	return len;
}

/*
 * The headers are written over the frame, where segments can point to them: over the compressed
 * bytes, which may be fewer, and for a packet in a packet over what was in front of them too. So
 * nobody may decode the frame once more.
 */
enum fate decode_ipcomp(struct cursor *c)
{
	struct layers *layers = c->layers;
	uint8_t head[MAX_HEAD], next;
	size_t total, len;

	if (layers->context->reassembly == NULL) {
		layers->is_later = true;
		return FATE_TUNNEL;
	}
	if (layers->is_inflated || cursor_left(c) < IPCOMP_HEADER + 1)
		return FATE_TUNNEL;
	next = c->at[0];
	cursor_skip(c, IPCOMP_HEADER);
	total = inflate_head(c, head);
	if (total == 0)
		return FATE_TUNNEL;
	layers->is_inflated = true;
	if ((next == IPIP || next == IPV6) && layers->nb == 0)
		c->at = c->start;
	len = total < MAX_HEAD ? total : MAX_HEAD;
	if (len > cursor_left(c))
		len = cursor_left(c);
	memcpy(c->at, head, len);
	c->end = c->at + len;
	c->wire_left = total;
	return decode_payload(c, total, next);
}
