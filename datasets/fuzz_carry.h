/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_FUZZ_CARRY_H
#define DATASETS_FUZZ_CARRY_H

/*
 * What is around a segment's packet in the profile "carried": a packet or frame that headers
 * are put in front of, fragments of it, errors that quote it, tunnels.
 */

#include "fuzz_priv.h"

/* More of a packet is not captured. */
#define CARGO_MAX 6144
/* And so much of it, with room left for all that is put in front. */
#define CARGO_KEEP 3000
#define CARGO_PIECES_MAX 16

struct cargo {
	uint16_t type;            /* Ethernet type of what it is; CARGO_FRAME: a whole frame */
	size_t len;               /* captured */
	size_t more;              /* bytes on the wire behind it */
	uint8_t bytes[CARGO_MAX]; /* zero behind len */
};

#define CARGO_FRAME 0
#define CARGO_IPV4 0x0800
#define CARGO_IPV6 0x86dd
#define CARGO_MPLS 0x8847
#define CARGO_PPPOE 0x8864

/* On the wire. */
static inline size_t cargo_len(const struct cargo *cargo)
{
	return cargo->len + cargo->more;
}

static inline bool cargo_is_ip(const struct cargo *cargo)
{
	return cargo->type == CARGO_IPV4 || cargo->type == CARGO_IPV6;
}

static inline void cargo_store16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---- fuzz_tunnels.c ---------------------------------------------------- */

/* Makes room for len bytes in front, zero, and returns where they are. */
uint8_t *cargo_put_front(struct cargo *cargo, size_t len);

/* An IP header of either version between two routers. */
void cargo_wrap_ip(struct fuzz *fuzz, struct cargo *cargo, uint8_t version, uint8_t protocol);

/* Ethernet addresses and the type, or of MPLS and others their headers too. */
void cargo_wrap_ethernet(struct fuzz *fuzz, struct cargo *cargo);

/* Some tunnel around an IP packet. How many there are: kind < this. */
#define CARGO_TUNNELS 13
void cargo_wrap_tunnel(struct fuzz *fuzz, struct cargo *cargo, unsigned kind);

/* ---- fuzz_pieces.c ------------------------------------------------------ */

/* Fragments of an IP packet, in pieces[CARGO_PIECES_MAX]; returns how many. */
unsigned cargo_split(struct fuzz *fuzz, const struct cargo *cargo, uint16_t id,
		     struct cargo *pieces);

/* ---- fuzz_quotes.c ------------------------------------------------------- */

/* An ICMP error of a router to the packet's source; how: fuzz's chance. */
void cargo_quote(struct fuzz *fuzz, const struct cargo *packet, struct cargo *error);

#endif
