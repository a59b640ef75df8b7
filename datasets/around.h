/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_AROUND_H
#define DATASETS_AROUND_H

/*
 * Packets of packets: tunnels, fragments, ICMP errors. Each function makes another
 * struct packet whose payload is in bytes[AROUND_MAX], which the caller keeps.
 * All return 0, or -EINVAL when the packet is too long for it.
 */

#include "packet.h"

#define AROUND_MAX 4096

enum around {
	AROUND_NONE,
	AROUND_GRE, /* between 203.0.113.1 and 203.0.113.2, as all of them */
	AROUND_IPIP,
	AROUND_VXLAN, /* 4789, VNI 100 */
	AROUND_GTPU,  /* 2152, tunnel id 7 */
};

int around_tunnel(const struct packet *inner, enum around around, struct packet *outer,
		  uint8_t *bytes);

/* The bytes [start, end) of what IP carries; start is a multiple of 8. */
int around_fragment(const struct packet *whole, size_t start, size_t end, struct packet *piece,
		    uint8_t *bytes);

/* A router's answer to its sender: port unreachable, with the packet's first len bytes. */
int around_quote(const struct packet *quoted, size_t len, struct packet *error, uint8_t *bytes);

#endif
