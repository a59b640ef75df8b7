/* SPDX-License-Identifier: BSD-3-Clause */

/* Protocols of IP that carry packets or frames. */

#include "decode_priv.h"

enum {
	PROTO_IPIP = 4,
	PROTO_IPV6 = 41,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_ETHERIP = 97,
	PROTO_IPCOMP = 108,
	PROTO_L2TP = 115,
	PROTO_UDPLITE = 136,
	PROTO_MPLS = 137,
	PROTO_ETHERNET = 143,
};

enum fate decode_ipv6_only(struct cursor *c)
{
	if (cursor_left(c) < 1 || c->at[0] >> 4 != 6)
		return FATE_IP_BAD;
	return decode_ip(c);
}

static enum fate decode_ip_in_ip(struct cursor *c, uint8_t protocol)
{
	const bool in_ipv6 = (c->segment->bits & SEGMENT_IPV6) != 0;

	if (protocol == PROTO_IPIP) {
		c->segment->tunnel = TUNNEL_IPIP;
		return decode_ip(c);
	}
	c->segment->tunnel = in_ipv6 ? TUNNEL_IPIP : TUNNEL_6IN4;
	return decode_ipv6_only(c);
}

/* RFC 3378: a version and zeros, then a frame. */
static enum fate decode_etherip(struct cursor *c)
{
	if (cursor_left(c) < 2)
		return FATE_TUNNEL;
	cursor_skip(c, 2);
	return decode_ethernet(c);
}

static enum fate open_tunnel(struct cursor *c, uint8_t protocol)
{
	switch (protocol) {
	case PROTO_IPIP:
	case PROTO_IPV6:
		return decode_ip_in_ip(c, protocol);
	case PROTO_GRE:
		return decode_gre(c);
	case PROTO_ETHERIP:
		c->segment->tunnel = TUNNEL_OTHER;
		return decode_etherip(c);
	case PROTO_MPLS:
		return decode_mpls(c);
	case PROTO_ETHERNET:
		c->segment->tunnel = TUNNEL_OTHER;
		return decode_ethernet(c);
	case PROTO_IPCOMP:
		return decode_ipcomp(c);
	case PROTO_ESP:
	case PROTO_L2TP: /* version 3: only the control connection tells what is inside */
		return FATE_TUNNEL;
	default:
		return FATE_NOT_TCP;
	}
}

enum fate decode_tunnel(struct cursor *c, uint64_t payload, uint8_t protocol)
{
	enum fate fate;

	if (protocol == PROTO_UDPLITE)
		return decode_udp(c, payload);
	cursor_limit(c, payload);
	fate = open_tunnel(c, protocol);
	/* It was opened, and what it carries is something else. */
	return fate == FATE_NOT_IP ? FATE_NOT_TCP : fate;
}
