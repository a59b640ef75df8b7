/* SPDX-License-Identifier: BSD-3-Clause */

/* MPLS (RFC 3032): labels, then a packet or a pseudo-wire (RFC 4385). */

#include <string.h>

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

/* How much the bytes there look like an Ethernet header: 0 not at all, 2 its type is known. */
static int ethernet_likeness(const struct cursor *c, size_t at)
{
	const uint8_t *p = c->at + at;
	uint16_t type;

	if (cursor_left(c) < at + ETHERNET_HEADER || p[6] & 1) /* sent by a group */
		return 0;
	type = get_be16(p + 12);
	if (type <= ETHERTYPE_MAX_LENGTH) {
		const size_t llc = at + ETHERNET_HEADER;

		if (cursor_left(c) >= llc + 3 &&
		    memcmp(p + ETHERNET_HEADER, "\xaa\xaa\x03", 3) == 0)
			return 2;
		return type >= 3 && llc + type <= c->wire_left ? 1 : 0;
	}
	return ethertype_is_known(type) ? 2 : 0;
}

/*
 * A first nibble of 0 is a control word's, or the destination's of an Ethernet frame without
 * one. Nothing tells which, but the Ethernet type of one of the two is as a rule nonsense.
 * (The oracle asks instead whether the addresses' vendors are in its list.)
 */
static enum fate decode_pseudo_wire(struct cursor *c)
{
	const int with_word = ethernet_likeness(c, CONTROL_WORD), without = ethernet_likeness(c, 0);

	if (with_word == 0 && without == 0)
		return FATE_TUNNEL;
	/* The first two bytes of an Ethernet pseudo-wire's word are zero (RFC 4448 4.6). */
	if (with_word > without || (with_word == without && get_be16(c->at) == 0))
		cursor_skip(c, CONTROL_WORD);
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
