/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECODE_PRIV_H
#define TCPMILL_DECODE_PRIV_H

/* Inside the decode room: a cursor over one frame, handed from layer to layer. */

#include "tcpmill/decode.h"

struct cursor {
	uint8_t *at;        /* next byte; the buffer is the chunk's own */
	uint8_t *end;       /* end of what was captured */
	uint64_t wire_left; /* bytes from at to the end of the frame on the wire */
	struct segment *segment;
	const struct decode_keys *keys;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The caller has checked that n bytes are there. */
static inline void cursor_skip(struct cursor *c, size_t n)
{
	c->at += n;
	c->wire_left = c->wire_left > n ? c->wire_left - n : 0;
}

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

/* link.c: from the link type to an IP header. */
enum fate decode_link(struct cursor *c, uint16_t link_type);
/* ip.c: c->at stands on an IP header of either version. */
enum fate decode_ip(struct cursor *c);
/* tcp_header.c: c->at stands on the TCP header, ip_payload bytes by the IP lengths. */
enum fate decode_tcp(struct cursor *c, uint64_t ip_payload);

#endif
