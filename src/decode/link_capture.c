/* SPDX-License-Identifier: BSD-3-Clause */

/* Headers that capture systems make up in front of a frame or packet. */

#include "decode_priv.h"

#define ENC_LEN 12
#define PFLOG_MIN_LEN 4
#define IPNET_LEN 24
#define PKTAP_MIN_LEN 108
#define PKTAP_PACKET 1
#define ERF_LEN 16
#define ERF_EXTENSION_LEN 8

/* Address families: of the BSDs and macOS, of OpenBSD alone, of Solaris. */
enum {
	FAMILY_INET = 2,
	FAMILY_INET6_BSD = 24,
	FAMILY_INET6_FREEBSD = 28,
	FAMILY_INET6_DARWIN = 30,
	FAMILY_INET6_SOLARIS = 26,
};

/* Types of ERF records (Endace). */
enum {
	ERF_HDLC = 1,
	ERF_ETHERNET = 2,
	ERF_AAL5 = 4,
	ERF_COLOUR_HDLC = 10,
	ERF_COLOUR_ETHERNET = 11,
	ERF_DSM_HDLC = 15,
	ERF_DSM_ETHERNET = 16,
	ERF_COLOUR_HASH_HDLC = 19,
	ERF_COLOUR_HASH_ETHERNET = 20,
	ERF_IPV4 = 22,
	ERF_IPV6 = 23,
};

static enum fate decode_family(struct cursor *c, uint32_t family)
{
	switch (family) {
	case FAMILY_INET:
		return decode_ip(c);
	case FAMILY_INET6_BSD:
	case FAMILY_INET6_FREEBSD:
	case FAMILY_INET6_DARWIN:
		return decode_ipv6_only(c);
	default:
		return FATE_NOT_IP;
	}
}

/* BSD loopback, in network order. */
enum fate decode_loop(struct cursor *c)
{
	uint32_t family;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	family = get_be32(c->at);
	cursor_skip(c, 4);
	return decode_family(c, family);
}

/* In the writer's byte order; some write an ethertype, or a PPP header. */
enum fate decode_null(struct cursor *c)
{
	uint32_t family;

	if (cursor_left(c) < 4)
		return FATE_NOT_IP;
	family = get_be32(c->at);
	if (family >> 16 == 0xff03)
		return decode_ppp_link(c);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	cursor_skip(c, 4);
	if (family > ETHERTYPE_MAX_LENGTH && family <= 0xffff)
		return decode_ip_of_type(c, (uint16_t)family);
	return decode_family(c, family);
}

/* OpenBSD's enc(4): family in the writer's byte order, SPI, flags. */
enum fate decode_enc(struct cursor *c)
{
	uint32_t family;

	if (cursor_left(c) < ENC_LEN)
		return FATE_NOT_IP;
	family = get_be32(c->at);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	cursor_skip(c, ENC_LEN);
	if (family == FAMILY_INET)
		return decode_ip(c);
	return family == FAMILY_INET6_BSD ? decode_ipv6_only(c) : FATE_NOT_IP;
}

/* pflog(4): its own length, without padding; the family. */
enum fate decode_pflog(struct cursor *c)
{
	uint8_t family;
	size_t len;

	if (cursor_left(c) < PFLOG_MIN_LEN)
		return FATE_NOT_IP;
	len = ((size_t)c->at[0] + 3) / 4 * 4;
	family = c->at[1];
	if (len < PFLOG_MIN_LEN || cursor_left(c) < len)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	return decode_family(c, family);
}

/* Solaris: version, family, hook type, length of the packet, and interfaces and zones. */
enum fate decode_ipnet(struct cursor *c)
{
	uint32_t len;
	uint8_t family;

	if (cursor_left(c) < IPNET_LEN)
		return FATE_NOT_IP;
	family = c->at[1];
	len = get_be32(c->at + 4);
	cursor_skip(c, IPNET_LEN);
	/* What is in front of the packet's len bytes is no part of it. */
	if (len > c->wire_left || c->wire_left - len > cursor_left(c))
		return FATE_NOT_IP;
	cursor_skip(c, (size_t)(c->wire_left - len));
	if (family == FAMILY_INET)
		return decode_ip(c);
	return family == FAMILY_INET6_SOLARIS ? decode_ipv6_only(c) : FATE_NOT_IP;
}

/* A frame of some link type inside; each takes a bite of the frame, and of the stack. */
enum fate decode_inner_link(struct cursor *c, uint32_t link_type)
{
	enum fate fate;

	if (link_type > UINT16_MAX)
		return FATE_NOT_IP;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	fate = decode_link(c, (uint16_t)link_type);
	return fate == FATE_LINK_UNKNOWN ? FATE_NOT_IP : fate;
}

/* macOS: length, record type and link type, little-endian. */
enum fate decode_pktap(struct cursor *c)
{
	uint32_t len, link_type;

	if (cursor_left(c) < PKTAP_MIN_LEN)
		return FATE_NOT_IP;
	len = get_le32(c->at);
	link_type = get_le32(c->at + 8);
	if (len < PKTAP_MIN_LEN || cursor_left(c) < len || get_le32(c->at + 4) != PKTAP_PACKET)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	return decode_inner_link(c, link_type);
}

/* wire_len: of the frame, with its check sequence; the record may be padded, or cut. */
static enum fate decode_erf_frame(struct cursor *c, uint8_t type, uint16_t wire_len)
{
	switch (type) {
	case ERF_HDLC:
	case ERF_COLOUR_HDLC:
	case ERF_DSM_HDLC:
	case ERF_COLOUR_HASH_HDLC:
		if (cursor_left(c) >= 1 && c->at[0] == 0xff)
			return decode_ppp_link(c);
		return decode_chdlc(c);
	case ERF_ETHERNET:
	case ERF_COLOUR_ETHERNET:
	case ERF_DSM_ETHERNET:
	case ERF_COLOUR_HASH_ETHERNET:
		if (cursor_left(c) < 2)
			return FATE_NOT_IP;
		cursor_skip(c, 2); /* offset and padding */
		c->wire_left = wire_len;
		cursor_limit(c, wire_len);
		return decode_ethernet(c);
	case ERF_AAL5:
		if (cursor_left(c) < 4)
			return FATE_NOT_IP;
		cursor_skip(c, 4); /* the cell's header */
		return decode_llc(c);
	case ERF_IPV4:
		return decode_ip(c);
	case ERF_IPV6:
		return decode_ipv6_only(c);
	default:
		return FATE_NOT_IP;
	}
}

/* Endace's records: time stamp, type, flags, lengths; extension headers while bit 7 is set. */
enum fate decode_erf(struct cursor *c)
{
	uint8_t type, more;
	uint16_t wire_len;

	if (cursor_left(c) < ERF_LEN)
		return FATE_NOT_IP;
	wire_len = get_be16(c->at + 14);
	type = c->at[8] & 0x7f;
	more = c->at[8] & 0x80;
	cursor_skip(c, ERF_LEN);
	while (more) {
		if (cursor_left(c) < ERF_EXTENSION_LEN)
			return FATE_NOT_IP;
		more = c->at[0] & 0x80;
		cursor_skip(c, ERF_EXTENSION_LEN);
	}
	return decode_erf_frame(c, type, wire_len);
}
