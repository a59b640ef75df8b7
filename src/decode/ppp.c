/* SPDX-License-Identifier: BSD-3-Clause */

/* PPP (RFC 1661), as a link layer and inside others. */

#include "decode_priv.h"

enum {
	PPP_IPV4 = 0x0021,
	PPP_OSI = 0x0023,
	PPP_VJ_UNCOMPRESSED = 0x002f, /* RFC 1144 */
	PPP_BRIDGED = 0x0031,         /* RFC 3518 */
	PPP_MULTILINK = 0x003d,       /* RFC 1990 */
	PPP_LLC = 0x004b,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTI = 0x0283,
	PPP_ETHERTYPE_IPV4 = 0x0800, /* some senders write the Ethernet type */
	PPP_ETHERTYPE_IPV6 = 0x86dd,
	IP_TCP = 6,
};

/*
 * RFC 1990 3: a fragment that is first and last is a whole packet; 4-byte header. What was not
 * captured does not count: the oracle has put the fragments together.
 */
static enum fate decode_multilink(struct cursor *c)
{
	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	if ((c->at[0] & 0xc0) != 0xc0)
		return FATE_FRAGMENT;
	cursor_skip(c, 4);
	c->wire_left = cursor_left(c);
	return decode_ppp(c);
}

/* RFC 1144 3.2.2: the connection's number stands in place of IP's protocol. */
static enum fate decode_vj_uncompressed(struct cursor *c)
{
	if (cursor_left(c) < 20 || c->at[0] >> 4 != 4)
		return FATE_IP_BAD;
	c->at[9] = IP_TCP;
	return decode_ip(c);
}

/* RFC 3518 4.2: flags and padding, the kind of frame, and its check sequence maybe. */
static enum fate decode_bridged(struct cursor *c)
{
	uint8_t flags;

	if (cursor_left(c) < 2)
		return FATE_NOT_IP;
	if (c->at[1] != 1) /* IEEE 802.3 */
		return FATE_TUNNEL;
	flags = c->at[0];
	cursor_skip(c, 2);
	cursor_trim(c, (flags & 0x0f) + (flags & 0x80 ? 4u : 0u));
	return decode_ethernet(c);
}

static enum fate decode_ppp_protocol(struct cursor *c, uint16_t protocol)
{
	switch (protocol) {
	case PPP_IPV4:
	case PPP_ETHERTYPE_IPV4:
		return decode_ip(c);
	case PPP_IPV6:
	case PPP_ETHERTYPE_IPV6:
		return decode_ipv6_only(c);
	case PPP_OSI:
		return decode_nlpid(c);
	case PPP_VJ_UNCOMPRESSED:
		return decode_vj_uncompressed(c);
	case PPP_BRIDGED:
		return decode_bridged(c);
	case PPP_MULTILINK:
		return decode_multilink(c);
	case PPP_LLC:
		return decode_llc(c);
	case PPP_MPLS:
	case PPP_MPLS_MULTI:
		return decode_mpls(c);
	default:
		return FATE_NOT_IP;
	}
}

/* RFC 1661 2: a protocol field whose first byte is odd is one byte long. */
enum fate decode_ppp(struct cursor *c)
{
	uint16_t protocol;

	if (cursor_left(c) < 2)
		return FATE_NOT_IP;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	if (c->at[0] & 1) {
		protocol = c->at[0];
		cursor_skip(c, 1);
	} else {
		protocol = get_be16(c->at);
		cursor_skip(c, 2);
	}
	return decode_ppp_protocol(c, protocol);
}

/* PPP as a link layer: address and control bytes may be there (RFC 1662). */
enum fate decode_ppp_link(struct cursor *c)
{
	if (cursor_left(c) >= 1 && (c->at[0] == 0x0f || c->at[0] == 0x8f))
		return decode_chdlc(c);
	if (cursor_left(c) >= 2 && c->at[0] == 0xff)
		cursor_skip(c, 2);
	return decode_ppp(c);
}

enum fate decode_pppoe(struct cursor *c)
{
	uint16_t len;

	if (cursor_left(c) < 6)
		return FATE_NOT_IP;
	c->segment->tunnel = TUNNEL_PPPOE;
	len = get_be16(c->at + 4);
	cursor_skip(c, 6);
	cursor_limit(c, len);
	return decode_ppp(c);
}
