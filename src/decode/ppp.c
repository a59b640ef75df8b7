/* SPDX-License-Identifier: BSD-3-Clause */

/* PPP (RFC 1661), as a link layer and inside others. */

#include "decode_priv.h"

enum {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTI = 0x0283,
};

/* RFC 1661 2: a protocol field whose first byte is odd is one byte long. */
enum fate decode_ppp(struct cursor *c)
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
enum fate decode_ppp_link(struct cursor *c)
{
	if (cursor_left(c) >= 2 && c->at[0] == 0xff && c->at[1] == 0x03)
		cursor_skip(c, 2);
	return decode_ppp(c);
}

enum fate decode_pppoe(struct cursor *c)
{
	if (cursor_left(c) < 6)
		return FATE_NOT_IP;
	c->segment->tunnel = TUNNEL_PPPOE;
	cursor_skip(c, 6);
	return decode_ppp(c);
}
