/* SPDX-License-Identifier: BSD-3-Clause */

/* MPLS (RFC 3032): labels, then a packet or a pseudo-wire (RFC 4385). */

#include "decode_priv.h"

enum {
	LABEL_GENERIC_CHANNEL = 13, /* RFC 5586: in front of an associated channel */
	LABEL_OAM = 14,
	CHANNEL_IPV4 = 0x0021,
	CHANNEL_IPV6 = 0x0057,
	ETHERNET_HEADER = 14,
	CONTROL_WORD = 4,
};

/* RFC 4385 5: the associated channel of a pseudo-wire. */
static enum fate decode_channel(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 4)
		return FATE_TUNNEL;
	type = get_be16(c->at + 2);
	cursor_skip(c, 4);
	if (type == CHANNEL_IPV4)
		return decode_ip(c);
	return type == CHANNEL_IPV6 ? decode_ipv6_only(c) : FATE_NOT_TCP;
}

/* True if the bytes at p can be an Ethernet header: its type is known, or a length that fits. */
static bool looks_like_ethernet(const struct cursor *c, size_t at)
{
	const uint8_t *p = c->at + at;
	uint16_t type;

	if (cursor_left(c) < at + ETHERNET_HEADER)
		return false;
	type = get_be16(p + 12);
	if (p[6] & 1) /* from a group */
		return false;
	if (type <= ETHERTYPE_MAX_LENGTH)
		return type >= 3 && type <= c->wire_left - at - ETHERNET_HEADER;
	switch (type) {
	case 0x0800:
	case 0x0806:
	case 0x8100:
	case 0x86dd:
	case 0x8847:
	case 0x8848:
	case 0x8863:
	case 0x8864:
	case 0x88a8:
	case 0x88e7:
	case 0x9100:
		return true;
	default:
		return false;
	}
}

/*
 * A first nibble of 0 is a control word's, or the destination's of an Ethernet frame without
 * one. Nothing tells which; the Ethernet type of one of the two is as a rule nonsense.
 */
static enum fate decode_pseudo_wire(struct cursor *c)
{
	if (looks_like_ethernet(c, CONTROL_WORD))
		cursor_skip(c, CONTROL_WORD);
	else if (!looks_like_ethernet(c, 0))
		return FATE_TUNNEL;
	return decode_ethernet(c);
}

enum fate decode_mpls(struct cursor *c)
{
	bool bottom = false;
	uint32_t label = 0;

	if (!cursor_enter(c))
		return FATE_TUNNEL;
	c->segment->tunnel = TUNNEL_MPLS;
	while (!bottom) {
		if (cursor_left(c) < 4)
			return FATE_NOT_IP;
		label = get_be32(c->at) >> 12;
		bottom = (c->at[2] & 1) != 0;
		cursor_skip(c, 4);
	}
	if (cursor_left(c) < 1)
		return FATE_NOT_IP;
	if (label == LABEL_GENERIC_CHANNEL)
		return decode_channel(c);
	if (label == LABEL_OAM)
		return FATE_NOT_TCP;
	switch (c->at[0] >> 4) {
	case 0:
		return decode_pseudo_wire(c);
	case 1:
		return decode_channel(c);
	case 4:
	case 6:
		return decode_ip(c);
	default:
		return FATE_TUNNEL;
	}
}
