/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECODE_PRIV_H
#define TCPMILL_DECODE_PRIV_H

/* Inside the decode room: a cursor over one frame, handed from layer to layer. */

#include "tcpmill/decode.h"

#define DECODE_LINK_ETHERNET 1

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

/*
 * Multilinear hashing: the sum of 32-bit words times random odd-or-even 64-bit
 * keys, upper half. It is strongly universal: without the keys nobody can aim at
 * a bucket. The partition's keys are fixed, so that evictions do not depend on a run.
 */
extern const struct decode_keys decode_partition_keys;

/* What is hashed of an IPv4 key; port_lo is the upper half of the ports. */
struct key_ipv4 {
	uint32_t addr_lo, addr_hi, ports;
};

static inline uint64_t hash_ipv4(const struct decode_keys *keys, struct key_ipv4 k)
{
	const uint64_t *key = keys->word;

	return key[0] + key[1] * k.addr_lo + key[2] * k.addr_hi + key[3] * k.ports;
}

/* Addresses as two words each, in the byte order of this machine. */
static inline uint64_t hash_ipv6(const struct decode_keys *keys, const uint64_t *lo,
				 const uint64_t *hi, uint32_t ports)
{
	const uint64_t *key = keys->word;

	return key[0] + key[1] * (uint32_t)lo[0] + key[2] * (lo[0] >> 32) +
	       key[3] * (uint32_t)lo[1] + key[4] * (lo[1] >> 32) + key[5] * (uint32_t)hi[0] +
	       key[6] * (hi[0] >> 32) + key[7] * (uint32_t)hi[1] + key[8] * (hi[1] >> 32) +
	       key[9] * ports;
}

static inline uint32_t segment_ports(const struct segment *s)
{
	return (uint32_t)s->port_lo << 16 | s->port_hi;
}

#define PARTITION_BITS 6

static inline void set_hashes(struct segment *s, uint64_t partition, uint64_t bucket)
{
	/* The top bits of a multilinear sum are its best ones. */
	s->partition = (uint8_t)(partition >> (64 - PARTITION_BITS));
	s->hash = (uint32_t)(bucket >> 32);
}

/*
 * fast.c: the usual frame in one go. False if it is not one: then nothing is set, and
 * decode_general() has to look at it, which treats every frame.
 */
bool decode_fast(const struct frame *frame, const struct decode_keys *keys,
		 struct segment *segment);
enum fate decode_general(const struct frame *frame, const struct decode_keys *keys,
			 struct segment *segment);

/* link.c: from the link type to an IP header. */
enum fate decode_link(struct cursor *c, uint16_t link_type);
/* ip.c: c->at stands on an IP header of either version. */
enum fate decode_ip(struct cursor *c);
/* tcp_header.c: c->at stands on the TCP header, ip_payload bytes by the IP lengths. */
enum fate decode_tcp(struct cursor *c, uint64_t ip_payload);

#endif
