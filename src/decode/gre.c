/* SPDX-License-Identifier: BSD-3-Clause */

/* Generic routing encapsulation (RFC 1701, 2784, 2890; 2637 for PPTP), and ERSPAN in it. */

#include "decode_priv.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, /* PPTP's version 1 */
	GRE_VERSION = 0x0007,
};

enum {
	GRE_ERSPAN_III = 0x22eb,
	GRE_BRIDGED_OLD = 0x6400,
	GRE_FRAME_RELAY = 0x6559,
	GRE_ARUBA_FIRST = 0x8200, /* frames of access points: their kinds in steps of 16 */
	GRE_ARUBA_LAST = 0x8370,
	GRE_PPP = 0x880b,
	GRE_WCCP = 0x883e,
	GRE_ERSPAN = 0x88be,
	GRE_NSH = 0x894f,
};

static bool skip_bytes(struct cursor *c, size_t n)
{
	if (cursor_left(c) < n)
		return false;
	cursor_skip(c, n);
	return true;
}

/* RFC 1701: source route entries, up to one without an address. */
static bool skip_routing(struct cursor *c)
{
	size_t len;

	do {
		if (cursor_left(c) < 4)
			return false;
		len = c->at[3];
		if (!skip_bytes(c, 4 + len))
			return false;
	} while (len != 0);
	return true;
}

/* Everything between the protocol type and the payload. */
static bool skip_options(struct cursor *c, uint16_t flags, bool is_pptp)
{
	if ((flags & (GRE_CHECKSUM | GRE_ROUTING)) && !skip_bytes(c, 4))
		return false;
	if ((flags & GRE_KEY) && !skip_bytes(c, 4))
		return false;
	if ((flags & GRE_SEQUENCE) && !skip_bytes(c, 4))
		return false;
	if (is_pptp && (flags & GRE_ACK) && !skip_bytes(c, 4))
		return false;
	return !(flags & GRE_ROUTING) || skip_routing(c);
}

/* The version of ERSPAN's header is one less than that of its name; type I has none. */
static enum fate decode_erspan(struct cursor *c)
{
	size_t len = 8;

	c->segment->tunnel = TUNNEL_ERSPAN;
	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	switch (c->at[0] >> 4) {
	case 1:
		break;
	case 2:
		if (cursor_left(c) < 12 || (c->at[10] & 0x7c) != 0) /* no Ethernet frame */
			return FATE_TUNNEL;
		len = c->at[11] & 1 ? 20 : 12; /* with a subheader of the platform */
		break;
	default:
		return FATE_TUNNEL;
	}
	return skip_bytes(c, len) ? decode_ethernet(c) : FATE_TUNNEL;
}

/* A redirect header may be in front (version 2); its first byte is no IP version. */
static enum fate decode_wccp(struct cursor *c)
{
	if (cursor_left(c) < 4)
		return FATE_TUNNEL;
	if (c->at[0] >> 4 != 4)
		cursor_skip(c, 4);
	return decode_ip(c);
}

enum fate decode_gre_type(struct cursor *c, uint16_t type, uint16_t flags)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return decode_ip(c);
	case ETHERTYPE_IPV6:
		return decode_ipv6_only(c);
	case ETHERTYPE_BRIDGED:
	case GRE_BRIDGED_OLD:
		return decode_ethernet(c);
	case GRE_PPP:
		return decode_ppp_link(c);
	case GRE_FRAME_RELAY:
		return decode_frame_relay(c);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MULTI:
		return decode_mpls(c);
	case GRE_WCCP:
		return decode_wccp(c);
	case GRE_ERSPAN:
		if (flags & GRE_SEQUENCE)
			return decode_erspan(c);
		c->segment->tunnel = TUNNEL_ERSPAN;
		return decode_ethernet(c);
	case GRE_ERSPAN_III:
		return decode_erspan(c);
	case GRE_NSH:
		return decode_nsh(c);
	default:
		if (type >= GRE_ARUBA_FIRST && type <= GRE_ARUBA_LAST && type % 16 == 0)
			return decode_80211(c, 0);
		return FATE_TUNNEL;
	}
}

enum fate decode_gre(struct cursor *c)
{
	uint16_t flags, type;

	if (cursor_left(c) < 4)
		return FATE_TUNNEL;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	c->segment->tunnel = TUNNEL_GRE;
	flags = get_be16(c->at);
	type = get_be16(c->at + 2);
	cursor_skip(c, 4);
	if (!skip_options(c, flags, type == GRE_PPP && (flags & GRE_VERSION) != 0))
		return FATE_TUNNEL;
	return decode_gre_type(c, type, flags);
}
