/* SPDX-License-Identifier: BSD-3-Clause */

/* Protocols of IP that carry packets or frames. */

#include "decode_priv.h"

enum {
	PROTO_IPIP = 4,
	PROTO_IPV6 = 41,
	PROTO_GRE = 47,
	PROTO_L2TP = 115,
};

enum fate decode_tunnel(struct cursor *c, uint64_t payload, uint8_t protocol)
{
	(void)c;
	(void)payload;
	switch (protocol) {
	case PROTO_IPIP:
	case PROTO_IPV6:
	case PROTO_GRE:
	case PROTO_L2TP:
		return FATE_TUNNEL;
	default:
		return FATE_NOT_TCP;
	}
}
