/* SPDX-License-Identifier: BSD-3-Clause */

/* Ethernet, and what its types mean. */

#include <string.h>

#include "decode_priv.h"

enum {
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
	ETHERTYPE_PPPOE = 0x8864,
	ETHERTYPE_LLC = 0x8870,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_LWAPP = 0x88bb,
	ETHERTYPE_LLDP = 0x88cc,
	ETHERTYPE_FABRIC_PATH = 0x8903,
	ETHERTYPE_NSH = 0x894f,
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_LWAPP_OLD = 0xbbbb,
};

/* A type, or a length that also bounds what follows. */
enum fate decode_type_or_length(struct cursor *c, uint16_t type)
{
	if (type > ETHERTYPE_MAX_LENGTH)
		return decode_ethertype(c, type);
	cursor_limit(c, type);
	return decode_llc(c);
}

static enum fate decode_vlan(struct cursor *c, uint16_t type)
{
	uint16_t tag;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	if (type != ETHERTYPE_QINQ && c->nb_vlans++ == DECODE_MAX_VLANS)
		return FATE_TUNNEL;
	tag = get_be16(c->at);
	if (type != ETHERTYPE_QINQ && c->layers->fragment_vlan == 0)
		c->layers->fragment_vlan = tag & 0xfff;
	if (c->segment->vlan == 0)
		c->segment->vlan = (uint16_t)((tag & 0xfff) + 1);
	tag = get_be16(c->at + 2);
	cursor_skip(c, 4);
	return type == ETHERTYPE_QINQ ? decode_ethertype(c, tag) : decode_type_or_length(c, tag);
}

enum fate decode_ethertype(struct cursor *c, uint16_t type)
{
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	switch (type) {
	case ETHERTYPE_IPV4:
		return decode_ip(c);
	case ETHERTYPE_IPV6:
		return decode_ipv6_only(c);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_OLD:
		return decode_vlan(c, type);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MULTI:
		return decode_mpls(c);
	case ETHERTYPE_PPPOE:
		return decode_pppoe(c);
	case ETHERTYPE_BRIDGED:
		return decode_ethernet(c);
	case ETHERTYPE_LLC:
		return decode_llc(c);
	case ETHERTYPE_NSH:
		return decode_nsh(c);
	case ETHERTYPE_LWAPP:
	case ETHERTYPE_LWAPP_OLD:
		c->segment->tunnel = TUNNEL_CAPWAP;
		return decode_lwapp(c);
	default:
		return decode_tag(c, type);
	}
}

bool ethertype_is_known(uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_ARP:
	case ETHERTYPE_BRIDGED:
	case ETHERTYPE_VLAN:
	case ETHERTYPE_IPV6:
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MULTI:
	case ETHERTYPE_PPPOE_DISCOVERY:
	case ETHERTYPE_PPPOE:
	case ETHERTYPE_LLC:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_LWAPP:
	case ETHERTYPE_LWAPP_OLD:
	case ETHERTYPE_LLDP:
	case ETHERTYPE_FABRIC_PATH:
	case ETHERTYPE_NSH:
	case ETHERTYPE_QINQ_OLD:
		return true;
	default:
		return tag_is_known(type);
	}
}

/* Cisco's FabricPath: 16 bytes that look like an Ethernet header, then a whole frame with FCS. */
static enum fate decode_fabric_path(struct cursor *c)
{
	cursor_skip(c, 16);
	cursor_trim(c, 4);
	return decode_ethernet(c);
}

/*
 * Cisco's ISL: 26 bytes, then a whole frame with FCS. Its length, of what follows the first 14
 * bytes, is believed even if the frame around is shorter, as the oracle does.
 */
static enum fate decode_isl(struct cursor *c)
{
	const uint16_t len = get_be16(c->at + 12);

	if (len != 0) {
		c->wire_left = len + 14u;
		cursor_limit(c, len + 14u);
	}
	if (cursor_left(c) < 26)
		return FATE_NOT_IP;
	cursor_skip(c, 26);
	cursor_trim(c, 4);
	return decode_ethernet(c);
}

enum fate decode_ethernet(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < 14)
		return FATE_NOT_IP;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	type = get_be16(c->at + 12);
	if (type == ETHERTYPE_FABRIC_PATH && cursor_left(c) >= 16)
		return decode_fabric_path(c);
	if (type <= ETHERTYPE_MAX_LENGTH && (memcmp(c->at, "\x01\x00\x0c\x00\x00", 5) == 0 ||
					     memcmp(c->at, "\x03\x00\x0c\x00\x00", 5) == 0))
		return decode_isl(c);
	cursor_skip(c, 14);
	return decode_type_or_length(c, type);
}
