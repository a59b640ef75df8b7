/* SPDX-License-Identifier: BSD-3-Clause */

/* IP straight behind a few bytes of UDP. */

#include "decode_priv.h"

/* RFC 4380 5.1.1: an authentication header and an origin indication, in this order. */
enum fate decode_teredo(struct cursor *c)
{
	if (cursor_left(c) >= 4 && get_be16(c->at) == 0x0001) {
		/* Identifier, value, nonce, confirmation. */
		const size_t len = 4u + c->at[2] + c->at[3] + 8 + 1;

		if (cursor_left(c) < len)
			return FATE_TUNNEL;
		cursor_skip(c, len);
	}
	if (cursor_left(c) >= 8 && get_be16(c->at) == 0x0000)
		cursor_skip(c, 8);
	return decode_ipv6_only(c);
}

/* Anything in anything: an identity, a signature, and a protocol of IP. */
enum fate decode_ayiya(struct cursor *c)
{
	uint8_t protocol;
	size_t len;

	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	if ((c->at[2] & 0xf) != 1) /* not to be forwarded */
		return FATE_NOT_TCP;
	protocol = c->at[3];
	len = 8 + ((size_t)1 << (c->at[0] >> 4)) + (size_t)(c->at[1] >> 4) * 4;
	if (cursor_left(c) < len)
		return FATE_TUNNEL;
	cursor_skip(c, len);
	switch (protocol) {
	case 4:
		return decode_ip(c);
	case 41:
		return decode_ipv6_only(c);
	default:
		return decode_payload(c, c->wire_left, protocol);
	}
}

/* RFC 7450 5.1.6: multicast data. */
enum fate decode_amt(struct cursor *c)
{
	if (cursor_left(c) < 2 || (c->at[0] & 0xf) != 6)
		return FATE_NOT_TCP;
	cursor_skip(c, 2);
	return decode_ip(c);
}

/* RFC 3519 3.2: tunnel data. */
enum fate decode_mobile_ip(struct cursor *c)
{
	if (cursor_left(c) < 4 || c->at[0] != 4)
		return FATE_NOT_TCP;
	cursor_skip(c, 4);
	return decode_ip(c);
}

/*
 * Juniper's packet mirroring: eight bytes of whose packets these are. Others use this port too:
 * the oracle believes only an IPv4 header without options, or IPv6.
 */
enum fate decode_jmirror(struct cursor *c)
{
	if (cursor_left(c) < 9)
		return FATE_NOT_TCP;
	cursor_skip(c, 8);
	return c->at[0] == 0x45 || c->at[0] >> 4 == 6 ? decode_ip(c) : FATE_NOT_TCP;
}
