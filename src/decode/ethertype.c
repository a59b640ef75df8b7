/* SPDX-License-Identifier: BSD-3-Clause */

/* Ethernet, what its types mean, and IEEE 802.2. */

#include "decode_priv.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_MULTI = 0x8848,
	ETHERTYPE_PPPOE = 0x8864,
};

/* Pops labels until the bottom of the stack; the nibble behind tells IP (RFC 4928). */
enum fate decode_mpls(struct cursor *c)
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

/* IEEE 802.2: SNAP with an ethertype, or IP straight behind the SAPs. */
enum fate decode_llc(struct cursor *c)
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
enum fate decode_type_or_length(struct cursor *c, uint16_t type)
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

enum fate decode_ethertype(struct cursor *c, uint16_t type)
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

enum fate decode_ethernet(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 14)
		return FATE_NOT_IP;
	type = get_be16(c->at + 12);
	cursor_skip(c, 14);
	return decode_type_or_length(c, type);
}
