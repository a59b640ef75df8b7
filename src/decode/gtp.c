/* SPDX-License-Identifier: BSD-3-Clause */

/* GPRS tunnelling protocol: user packets of mobile networks (3GPP TS 29.060, 29.281). */

#include "decode_priv.h"

enum {
	GTP_VERSION = 0xe0,
	GTP_VERSION_1 = 0x20,
	GTP_NOT_PRIME = 0x10,
	GTP_EXTENSION = 0x04,
	GTP_OPTIONAL = 0x07, /* extension, sequence number, N-PDU number: all there, or none */
	GTP_USER_PACKET = 255,
	GTP_0_HEADER = 20,
};

/* Extension headers: length in words of 4 bytes, content, type of the next. */
static bool skip_extensions(struct cursor *c, uint8_t type)
{
	while (type != 0) {
		size_t len;

		if (cursor_left(c) < 1)
			return false;
		len = (size_t)c->at[0] * 4;
		if (len == 0 || cursor_left(c) < len)
			return false;
		type = c->at[len - 1];
		cursor_skip(c, len);
	}
	return true;
}

/*
 * Nothing says what a user packet is; the first half byte tells IP from Ethernet as a rule.
 * An Ethernet frame is taken for one only if IP is next in it.
 */
static enum fate decode_user_packet(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 1)
		return FATE_TUNNEL;
	switch (c->at[0] >> 4) {
	case 4:
	case 6:
		return decode_ip(c);
	default:
		if (cursor_left(c) < 14)
			return FATE_TUNNEL;
		type = get_be16(c->at + 12);
		return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 ? decode_ethernet(c)
									: FATE_TUNNEL;
	}
}

static enum fate decode_gtp_1(struct cursor *c)
{
	const uint8_t flags = c->at[0];
	uint8_t extension;

	/* The length is of what follows its eight bytes. */
	cursor_limit(c, (uint64_t)get_be16(c->at + 2) + 8);
	cursor_skip(c, 8);
	if (flags & GTP_OPTIONAL) {
		if (cursor_left(c) < 4)
			return FATE_TUNNEL;
		extension = c->at[3];
		cursor_skip(c, 4);
		if ((flags & GTP_EXTENSION) && !skip_extensions(c, extension))
			return FATE_TUNNEL;
	}
	return decode_user_packet(c);
}

static enum fate decode_gtp_0(struct cursor *c)
{
	if (cursor_left(c) < GTP_0_HEADER)
		return FATE_TUNNEL;
	cursor_limit(c, (uint64_t)get_be16(c->at + 2) + GTP_0_HEADER);
	cursor_skip(c, GTP_0_HEADER);
	return decode_user_packet(c);
}

enum fate decode_gtp(struct cursor *c)
{
	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	if (c->at[1] != GTP_USER_PACKET)
		return FATE_NOT_TCP;
	switch (c->at[0] & GTP_VERSION) {
	case 0:
		return decode_gtp_0(c);
	case GTP_VERSION_1:
		return c->at[0] & GTP_NOT_PRIME ? decode_gtp_1(c) : FATE_NOT_TCP;
	default:
		return FATE_NOT_TCP;
	}
}
