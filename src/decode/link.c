/* SPDX-License-Identifier: BSD-3-Clause */

/* Link layers, down to an IP header. */

#include "decode_priv.h"

/* LINKTYPE_ values (tcpdump.org/linktypes.html). */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = DECODE_LINK_ETHERNET,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_MULTI = 0x8848,
	ETHERTYPE_PPPOE = 0x8864,
	ETHERTYPE_MAX_LENGTH = 1500, /* up to here the field is a length (IEEE 802.3) */
};

enum {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTI = 0x0283,
};

static enum fate decode_ethertype(struct cursor *c, uint16_t type);

/* Pops labels until the bottom of the stack; the nibble behind tells IP (RFC 4928). */
static enum fate decode_mpls(struct cursor *c)
{
	bool bottom = false;

	c->segment->tunnel = TUNNEL_MPLS;
	while (!bottom) {
		if (cursor_left(c) < 4)
			return FATE_NOT_IP;
		bottom = (c->at[2] & 1) != 0;
		cursor_skip(c, 4);
	}
	if (cursor_left(c) < 1)
		return FATE_NOT_IP;
	if (c->at[0] >> 4 == 4 || c->at[0] >> 4 == 6)
		return decode_ip(c);
	return FATE_TUNNEL; /* a pseudo-wire */
}

/* RFC 1661 2: a protocol field whose first byte is odd is one byte long. */
static enum fate decode_ppp(struct cursor *c)
{
	uint16_t protocol;

	if (cursor_left(c) < 2)
		return FATE_NOT_IP;
	if (c->at[0] & 1) {
		protocol = c->at[0];
		cursor_skip(c, 1);
	} else {
		protocol = get_be16(c->at);
		cursor_skip(c, 2);
	}
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return decode_ip(c);
	case PPP_MPLS:
	case PPP_MPLS_MULTI:
		return decode_mpls(c);
	default:
		return FATE_NOT_IP;
	}
}

/* PPP as a link layer: address and control bytes may be there (RFC 1662). */
static enum fate decode_ppp_link(struct cursor *c)
{
	if (cursor_left(c) >= 2 && c->at[0] == 0xff && c->at[1] == 0x03)
		cursor_skip(c, 2);
	return decode_ppp(c);
}

static enum fate decode_pppoe(struct cursor *c)
{
	if (cursor_left(c) < 6)
		return FATE_NOT_IP;
	c->segment->tunnel = TUNNEL_PPPOE;
	cursor_skip(c, 6);
	return decode_ppp(c);
}

/* IEEE 802.2: SNAP with an ethertype, or IP straight behind the SAPs. */
static enum fate decode_llc(struct cursor *c)
{
	if (cursor_left(c) < 3)
		return FATE_NOT_IP;
	if (c->at[0] == 0xaa && c->at[1] == 0xaa && c->at[2] == 0x03) {
		uint16_t type;
		uint32_t organisation;

		if (cursor_left(c) < 8)
			return FATE_NOT_IP;
		organisation = get_be32(c->at + 2) & 0xffffffu;
		type = get_be16(c->at + 6);
		cursor_skip(c, 8);
		if (organisation != 0 && organisation != 0xf8) /* encapsulated Ethernet */
			return FATE_NOT_IP;
		return type > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, type) : FATE_NOT_IP;
	}
	if (c->at[0] == 0x06 && c->at[1] == 0x06) {
		cursor_skip(c, 3);
		return decode_ip(c);
	}
	return FATE_NOT_IP;
}

/* A type, or a length that also bounds what follows. */
static enum fate decode_type_or_length(struct cursor *c, uint16_t type)
{
	if (type > ETHERTYPE_MAX_LENGTH)
		return decode_ethertype(c, type);
	if (type < c->wire_left) {
		c->wire_left = type;
		if (type < cursor_left(c))
			c->end = c->at + type;
	}
	return decode_llc(c);
}

static enum fate decode_vlan(struct cursor *c)
{
	uint16_t tag;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	tag = get_be16(c->at);
	if (c->segment->vlan == 0)
		c->segment->vlan = (uint16_t)((tag & 0xfff) + 1);
	tag = get_be16(c->at + 2);
	cursor_skip(c, 4);
	return decode_type_or_length(c, tag);
}

static enum fate decode_ethertype(struct cursor *c, uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
		return decode_ip(c);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_OLD:
		return decode_vlan(c);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MULTI:
		return decode_mpls(c);
	case ETHERTYPE_PPPOE:
		return decode_pppoe(c);
	default:
		return FATE_NOT_IP;
	}
}

static enum fate decode_ethernet(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 14)
		return FATE_NOT_IP;
	type = get_be16(c->at + 12);
	cursor_skip(c, 14);
	return decode_type_or_length(c, type);
}

/* Linux cooked captures; header_len and the place of the protocol differ. */
static enum fate decode_cooked(struct cursor *c, size_t header_len, size_t protocol_at)
{
	uint16_t protocol;

	if (cursor_left(c) < header_len)
		return FATE_NOT_IP;
	protocol = get_be16(c->at + protocol_at);
	cursor_skip(c, header_len);
	if (protocol == 0x0004) /* LINUX_SLL_P_802_2 */
		return decode_llc(c);
	return protocol > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, protocol) : FATE_NOT_IP;
}

/* BSD loopback: the address family of the writer's system, in its byte order. */
static enum fate decode_loopback(struct cursor *c)
{
	uint32_t family;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	family = get_be32(c->at);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	cursor_skip(c, 4);
	switch (family) {
	case 2:  /* AF_INET everywhere */
	case 10: /* AF_INET6: Linux, NetBSD and OpenBSD, FreeBSD, macOS */
	case 24:
	case 28:
	case 30:
		return decode_ip(c);
	default:
		return FATE_NOT_IP;
	}
}

enum fate decode_link(struct cursor *c, uint16_t link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return decode_ethernet(c);
	case LINK_SLL:
		return decode_cooked(c, 16, 14);
	case LINK_SLL2:
		return decode_cooked(c, 20, 0);
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		return decode_ip(c);
	case LINK_NULL:
	case LINK_LOOP:
		return decode_loopback(c);
	case LINK_PPP:
	case LINK_PPP_HDLC:
		return decode_ppp_link(c);
	case LINK_PPP_ETHER:
		return decode_pppoe(c);
	default:
		return FATE_LINK_UNKNOWN;
	}
}

bool decode_knows_link_type(uint16_t link_type)
{
	struct cursor nothing = {0};

	/* An empty frame of a known link type is bad for another reason. */
	return decode_link(&nothing, link_type) != FATE_LINK_UNKNOWN;
}
