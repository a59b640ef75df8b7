/* SPDX-License-Identifier: BSD-3-Clause */

/* Layer two tunnelling protocol, version 2 (RFC 2661): PPP inside. */

#include "decode_priv.h"

enum {
	L2TP_CONTROL = 0x8000,
	L2TP_LENGTH = 0x4000,
	L2TP_SEQUENCE = 0x0800,
	L2TP_OFFSET = 0x0200,
	L2TP_VERSION = 0x000f,
};

/* The offset field and as many bytes of padding. */
static bool skip_offset(struct cursor *c)
{
	size_t offset;

	if (cursor_left(c) < 2)
		return false;
	offset = get_be16(c->at);
	cursor_skip(c, 2);
	if (cursor_left(c) < offset)
		return false;
	cursor_skip(c, offset);
	return true;
}

enum fate decode_l2tp(struct cursor *c)
{
	uint16_t flags;
	size_t len;

	if (cursor_left(c) < 6)
		return FATE_TUNNEL;
	flags = get_be16(c->at);
	/* In version 3 only the control connection tells what a session carries. */
	if ((flags & L2TP_VERSION) != 2)
		return FATE_TUNNEL;
	if (flags & L2TP_CONTROL)
		return FATE_NOT_TCP;
	if (flags & L2TP_LENGTH)
		cursor_limit(c, get_be16(c->at + 2));
	/* Flags, length, tunnel and session, and the two sequence numbers. */
	len = 6u + (flags & L2TP_LENGTH ? 2 : 0) + (flags & L2TP_SEQUENCE ? 4 : 0);
	if (cursor_left(c) < len)
		return FATE_TUNNEL;
	cursor_skip(c, len);
	if ((flags & L2TP_OFFSET) && !skip_offset(c))
		return FATE_TUNNEL;
	return decode_ppp_link(c);
}
