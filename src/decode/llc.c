/* SPDX-License-Identifier: BSD-3-Clause */

/* IEEE 802.2 logical link control, and SNAP. */

#include "decode_priv.h"

enum {
	SAP_IP = 0x06,
	SAP_SNAP = 0xaa,
	SAP_OSI = 0xfe,
	NLPID_IPV6 = 0x8e,
	NLPID_IPV4 = 0xcc,
	NLPID_PPP = 0xcf,
	SNAP_ETHERTYPE = 0x000000,
	SNAP_CISCO = 0x0000f8,   /* encapsulated Ethernet */
	SNAP_BRIDGED = 0x0080c2, /* RFC 2427, RFC 2684 */
	BRIDGED_ETHERNET_FCS = 0x0001,
	BRIDGED_ETHERNET = 0x0007,
};

static enum fate decode_snap(struct cursor *c)
{
	uint32_t organisation;
	uint16_t type;

	if (cursor_left(c) < 5)
		return FATE_NOT_IP;
	organisation = get_be32(c->at) >> 8;
	type = get_be16(c->at + 3);
	cursor_skip(c, 5);
	switch (organisation) {
	case SNAP_ETHERTYPE:
	case SNAP_CISCO:
		return type > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, type) : FATE_NOT_IP;
	case SNAP_BRIDGED:
		if (type != BRIDGED_ETHERNET && type != BRIDGED_ETHERNET_FCS)
			return FATE_NOT_IP;
		if (cursor_left(c) < 2)
			return FATE_NOT_IP;
		cursor_skip(c, 2); /* padding */
		if (type == BRIDGED_ETHERNET_FCS)
			cursor_trim(c, 4);
		return decode_ethernet(c);
	default:
		return FATE_NOT_IP;
	}
}

/* The control field is two bytes long in an I frame. */
enum fate decode_llc(struct cursor *c)
{
	size_t control;
	uint8_t sap;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	control = (c->at[2] & 1) == 0 ? 2 : 1;
	if (control == 1 && c->at[2] != 0x03)
		return FATE_NOT_IP;
	sap = c->at[0];
	if (sap == SAP_SNAP && c->at[1] != SAP_SNAP)
		return FATE_NOT_IP;
	cursor_skip(c, 2 + control);
	switch (sap) {
	case SAP_SNAP:
		return decode_snap(c);
	case SAP_IP:
		return decode_ip(c);
	case SAP_OSI:
		return decode_nlpid(c);
	default:
		return FATE_NOT_IP;
	}
}

/* ISO 9577: network layer protocol identifiers. */
enum fate decode_nlpid(struct cursor *c)
{
	uint8_t id;

	if (cursor_left(c) < 1)
		return FATE_NOT_IP;
	id = c->at[0];
	cursor_skip(c, 1);
	switch (id) {
	case NLPID_IPV4:
		return decode_ip(c);
	case NLPID_IPV6:
		return decode_ipv6_only(c);
	case NLPID_PPP:
		return decode_ppp(c);
	default:
		return FATE_NOT_IP;
	}
}
