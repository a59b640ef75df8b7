/* SPDX-License-Identifier: BSD-3-Clause */

/* Networks laid over UDP: VXLAN, Geneve, LISP; and service chains. */

#include "decode_priv.h"

/* Of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) and of the service header (RFC 8300). */
enum next_protocol {
	NEXT_IPV4 = 1,
	NEXT_IPV6 = 2,
	NEXT_ETHERNET = 3,
	NEXT_NSH = 4,
	NEXT_MPLS = 5,
};

static enum fate decode_next(struct cursor *c, uint8_t next)
{
	switch (next) {
	case NEXT_IPV4:
		return decode_ip(c);
	case NEXT_IPV6:
		return decode_ipv6_only(c);
	case NEXT_ETHERNET:
		return decode_ethernet(c);
	case NEXT_NSH:
		return decode_nsh(c);
	case NEXT_MPLS:
		return decode_mpls(c);
	default:
		return FATE_TUNNEL;
	}
}

/* RFC 7348. Flags and reserved fields are as senders like them. */
enum fate decode_vxlan(struct cursor *c)
{
	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	cursor_skip(c, 8);
	return decode_ethernet(c);
}

enum fate decode_vxlan_gpe(struct cursor *c)
{
	uint8_t next;

	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	next = c->at[3];
	cursor_skip(c, 8);
	return decode_next(c, next);
}

/* RFC 8926: options, then what an Ethernet type says. */
enum fate decode_geneve(struct cursor *c)
{
	size_t len;
	uint16_t type;

	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	len = 8 + (size_t)(c->at[0] & 0x3f) * 4;
	type = get_be16(c->at + 2);
	if (cursor_left(c) < len)
		return FATE_TUNNEL;
	cursor_skip(c, len);
	return type > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, type) : FATE_TUNNEL;
}

/* RFC 9300: eight bytes, then a packet. */
enum fate decode_lisp_data(struct cursor *c)
{
	if (cursor_left(c) < 9)
		return FATE_TUNNEL;
	cursor_skip(c, 8);
	return decode_ip(c);
}

/* RFC 9301 5.8: only an encapsulated control message holds a packet. */
enum fate decode_lisp_control(struct cursor *c)
{
	if (cursor_left(c) < 4 || c->at[0] >> 4 != 8)
		return FATE_NOT_TCP;
	cursor_skip(c, 4);
	return decode_ip(c);
}

/* RFC 8300: of type 1 it is 24 bytes long; else its length says, in words of 4 bytes. */
enum fate decode_nsh(struct cursor *c)
{
	size_t len;
	uint8_t next;

	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	len = (c->at[2] & 0xf) == 1 ? 24 : (size_t)(c->at[1] & 0x3f) * 4;
	if (len < 8)
		len = 8;
	next = c->at[3];
	if (cursor_left(c) < len)
		return FATE_TUNNEL;
	c->segment->tunnel = TUNNEL_OTHER;
	cursor_skip(c, len);
	return decode_next(c, next);
}
