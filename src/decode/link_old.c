/* SPDX-License-Identifier: BSD-3-Clause */

/* Local networks that are not Ethernet: FDDI, Token Ring, ARCNET, IP over InfiniBand. */

#include "decode_priv.h"

#define FDDI_LEN 13
#define TOKEN_RING_LEN 14
#define IPOIB_LEN 44

enum {
	ARCNET_LLC = 0xcd,
	ARCNET_IP = 0xd4,     /* RFC 1201 */
	ARCNET_IP_OLD = 0xf0, /* RFC 1051: no header of its own */
};

/* ISO 9314-2: frame control, two addresses, then IEEE 802.2. */
enum fate decode_fddi(struct cursor *c)
{
	if (cursor_left(c) < FDDI_LEN || c->at[0] >> 4 != 5) /* asynchronous LLC */
		return FATE_NOT_IP;
	cursor_skip(c, FDDI_LEN);
	return decode_llc(c);
}

/* IEEE 802.5: access and frame control, two addresses, the way through the bridges. */
enum fate decode_token_ring(struct cursor *c)
{
	bool routed;

	if (cursor_left(c) < TOKEN_RING_LEN || c->at[1] >> 6 != 1)
		return FATE_NOT_IP;
	routed = c->at[8] & 0x80; /* the source is a group: there is routing information */
	cursor_skip(c, TOKEN_RING_LEN);
	if (routed) {
		const size_t len = cursor_left(c) != 0 ? c->at[0] & 0x1fu : 0;

		if (cursor_left(c) < len)
			return FATE_NOT_IP;
		cursor_skip(c, len);
	}
	return decode_llc(c);
}

/* protocol_at: where the protocol is behind the two addresses; Linux has an offset there. */
static enum fate decode_arcnet_at(struct cursor *c, size_t protocol_at, bool exceptions)
{
	uint8_t protocol;

	if (cursor_left(c) < protocol_at + 1)
		return FATE_NOT_IP;
	protocol = c->at[protocol_at];
	cursor_skip(c, protocol_at + 1);
	switch (protocol) {
	case ARCNET_LLC:
		return decode_llc(c);
	case ARCNET_IP_OLD:
		return decode_ip(c);
	case ARCNET_IP:
		/* RFC 1201: an exception packet has four bytes of padding in front. */
		if (exceptions && cursor_left(c) >= 4 && c->at[0] == 0xff)
			cursor_skip(c, 4);
		if (cursor_left(c) < 3)
			return FATE_NOT_IP;
		cursor_skip(c, 3); /* split flag, sequence number */
		return decode_ip(c);
	default:
		return FATE_NOT_IP;
	}
}

enum fate decode_arcnet(struct cursor *c)
{
	return decode_arcnet_at(c, 2, true);
}

enum fate decode_arcnet_linux(struct cursor *c)
{
	return decode_arcnet_at(c, 4, false);
}

/* RFC 4391, with a global route header in front; two bytes behind the type are reserved. */
enum fate decode_ipoib(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < IPOIB_LEN)
		return FATE_NOT_IP;
	type = get_be16(c->at + 40);
	cursor_skip(c, IPOIB_LEN);
	return decode_ip_of_type(c, type);
}
