/* SPDX-License-Identifier: BSD-3-Clause */

/* Serial lines and wide area networks: Cisco HDLC, Frame Relay. */

#include "decode_priv.h"

#define TYPE_OSI 0xfefe /* Cisco HDLC's, for OSI protocols */

#define NLPID_SNAP 0x80

/* RFC 2427: bridged Ethernet, with and without its check sequence. */
#define SNAP_BRIDGED 0x0080c2u
#define BRIDGED_WITH_FCS 0x0001
#define BRIDGED 0x0007

/* Q.922: a control field of one byte; that of other frames has two. */
#define CONTROL_UNNUMBERED 0x03

/* These ethertypes and no other have a meaning behind the headers of this file. */
static bool is_wan_type(uint16_t type)
{
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 || type == ETHERTYPE_BRIDGED ||
	       type == ETHERTYPE_MPLS || type == ETHERTYPE_MPLS_MULTI;
}

static enum fate decode_wan_type(struct cursor *c, uint16_t type)
{
	return is_wan_type(type) ? decode_ethertype(c, type) : FATE_NOT_IP;
}

/* Address, control, an ethertype or, for OSI, a control byte and the protocol. */
enum fate decode_chdlc(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	type = get_be16(c->at + 2);
	cursor_skip(c, 4);
	if (type != TYPE_OSI)
		return decode_wan_type(c, type);
	if (cursor_left(c) < 1)
		return FATE_NOT_IP;
	cursor_skip(c, 1);
	return decode_nlpid(c);
}

/* An organisation's protocol; unlike in IEEE 802.2, a bridged frame follows at once. */
static enum fate decode_snap(struct cursor *c)
{
	uint32_t organisation;
	uint16_t type;

	if (cursor_left(c) < 5)
		return FATE_NOT_IP;
	organisation = get_be32(c->at) >> 8;
	type = get_be16(c->at + 3);
	cursor_skip(c, 5);
	if (organisation == 0)
		return type > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, type) : FATE_NOT_IP;
	if (organisation != SNAP_BRIDGED || (type != BRIDGED && type != BRIDGED_WITH_FCS))
		return FATE_NOT_IP;
	if (type == BRIDGED_WITH_FCS)
		cursor_trim(c, 4);
	return decode_ethernet(c);
}

/*
 * RFC 2427: an address whose last byte is odd, then control, padding and a protocol id;
 * or an ethertype, as Cisco's routers have it.
 */
enum fate decode_frame_relay(struct cursor *c)
{
	size_t len = 1;
	uint16_t type;

	while (len < cursor_left(c) && !(c->at[len - 1] & 1))
		len++;
	if (cursor_left(c) < len + 2)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	type = get_be16(c->at);
	if (is_wan_type(type)) {
		cursor_skip(c, 2);
		return decode_wan_type(c, type);
	}
	cursor_skip(c, (c->at[0] & CONTROL_UNNUMBERED) == CONTROL_UNNUMBERED ? 1 : 2);
	if (cursor_left(c) >= 1 && c->at[0] == 0)
		cursor_skip(c, 1);
	if (cursor_left(c) >= 1 && c->at[0] == NLPID_SNAP) {
		cursor_skip(c, 1);
		return decode_snap(c);
	}
	return decode_nlpid(c);
}
