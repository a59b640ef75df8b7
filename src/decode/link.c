/* SPDX-License-Identifier: BSD-3-Clause */

/* Link layers, down to an IP header. */

#include "decode_priv.h"

/* LINKTYPE_ values (tcpdump.org/linktypes.html). */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = DECODE_LINK_ETHERNET,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_80211 = 105,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

/* Linux cooked captures; header_len and the place of the protocol differ. */
static enum fate decode_cooked(struct cursor *c, size_t header_len, size_t protocol_at)
{
	uint16_t protocol;

	if (cursor_left(c) < header_len)
		return FATE_NOT_IP;
	protocol = get_be16(c->at + protocol_at);
	cursor_skip(c, header_len);
	if (protocol == 0x0004) /* LINUX_SLL_P_802_2 */
		return decode_llc(c);
	return protocol > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, protocol) : FATE_NOT_IP;
}

/* BSD loopback: the address family of the writer's system, in its byte order. */
static enum fate decode_loopback(struct cursor *c)
{
	uint32_t family;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	family = get_be32(c->at);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	cursor_skip(c, 4);
	switch (family) {
	case 2:  /* AF_INET everywhere */
	case 10: /* AF_INET6: Linux, NetBSD and OpenBSD, FreeBSD, macOS */
	case 24:
	case 28:
	case 30:
		return decode_ip(c);
	default:
		return FATE_NOT_IP;
	}
}

enum fate decode_link(struct cursor *c, uint16_t link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return decode_ethernet(c);
	case LINK_SLL:
		return decode_cooked(c, 16, 14);
	case LINK_SLL2:
		return decode_cooked(c, 20, 0);
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		return decode_ip(c);
	case LINK_NULL:
	case LINK_LOOP:
		return decode_loopback(c);
	case LINK_PPP:
	case LINK_PPP_HDLC:
		return decode_ppp_link(c);
	case LINK_PPP_ETHER:
		return decode_pppoe(c);
	case LINK_80211:
		return decode_80211(c, 0);
	default:
		return FATE_LINK_UNKNOWN;
	}
}

bool decode_knows_link_type(uint16_t link_type)
{
	struct cursor nothing = {0};

	/* An empty frame of a known link type is bad for another reason. */
	return decode_link(&nothing, link_type) != FATE_LINK_UNKNOWN;
}
