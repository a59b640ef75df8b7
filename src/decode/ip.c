/* SPDX-License-Identifier: BSD-3-Clause */

/* IPv4 (RFC 791) and IPv6 (RFC 8200), down to a TCP header. */

#include "decode_priv.h"

enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DESTINATION = 60,
	PROTO_SHIM6 = 140,
};

/* RFC 4302 2.2: the length is in 4-byte words minus 2. False if it is not all there. */
static bool skip_ah(struct cursor *c, uint64_t *payload, uint8_t *protocol)
{
	size_t len;

	if (cursor_left(c) < 12)
		return false;
	*protocol = c->at[0];
	len = ((size_t)c->at[1] + 2) * 4;
	if (cursor_left(c) < len || *payload < len)
		return false;
	cursor_skip(c, len);
	*payload -= len;
	return true;
}

enum fate decode_payload(struct cursor *c, uint64_t payload, uint8_t protocol)
{
	while (protocol == PROTO_AH) {
		if (!skip_ah(c, &payload, &protocol))
			return FATE_NOT_TCP;
	}
	/* Bytes behind the IP length are padding. */
	cursor_limit(c, payload);
	switch (protocol) {
	case PROTO_TCP:
		return decode_tcp(c, payload);
	case PROTO_UDP:
		return decode_udp(c, payload);
	case PROTO_ICMP:
		return decode_icmp(c, payload);
	case PROTO_ICMPV6:
		return decode_icmpv6(c, payload);
	default:
		return decode_tunnel(c, payload, protocol);
	}
}

static enum fate decode_ipv4(struct cursor *c)
{
	struct segment *segment = c->segment;
	uint8_t *header = c->at;
	size_t header_len;
	uint64_t total;
	bool is_long;

	if (cursor_left(c) < 20)
		return FATE_IP_BAD;
	header_len = (size_t)(header[0] & 0xf) * 4;
	total = get_be16(header + 2);
	is_long = total > c->wire_left;
	if (header_len < 20)
		return FATE_IP_BAD;
	/* Zero is segmentation offload: the rest of the frame. So is more than there is. */
	if (total == 0 || is_long)
		total = c->wire_left;
	if (total < header_len || cursor_left(c) < header_len)
		return FATE_IP_BAD;
	if (header_len > 20 && !read_ipv4_options(header, header_len, c->is_quoted))
		return FATE_IP_BAD;
	segment->ip_header = header;
	segment->bits = 0;
	segment->ip_len = (uint32_t)total;
	segment->ip_id = get_be16(header + 4);
	segment->ttl = header[8];
	cursor_skip(c, header_len);
	if ((get_be16(header + 6) & 0x3fff) != 0) /* more fragments, or an offset */
		return decode_ipv4_fragment(c, header, total - header_len, is_long);
	return decode_payload(c, total - header_len, header[9]);
}

/* What is known of an IPv6 packet on the way through its headers. */
struct ipv6 {
	uint8_t *header;
	uint64_t payload;
	bool is_sized; /* payload is known: a jumbogram's is in an option */
	bool is_whole; /* it was put together: that is not done again */
	bool is_short; /* the frame is shorter than the header says */
	uint8_t next;
};

/*
 * What it says of addresses, and of a jumbogram's length. left: bytes of the packet. False for
 * what cannot be. The oracle does not follow the routes of what is only quoted.
 */
static bool read_extension(struct cursor *c, struct ipv6 *p, size_t len, size_t left)
{
	uint32_t jumbo = 0;

	switch (p->next) {
	case PROTO_ROUTING:
		return c->is_quoted || read_ipv6_routing(p->header, c->at, len);
	case PROTO_HOP_BY_HOP:
	case PROTO_DESTINATION:
		if (!read_ipv6_options(p->header, c->at, len, left, &jumbo))
			return false;
		break;
	default:
		return true;
	}
	if (p->next == PROTO_HOP_BY_HOP && !p->is_sized && jumbo != 0) {
		p->payload = jumbo > c->wire_left ? c->wire_left : jumbo;
		p->is_sized = true;
	}
	return true;
}

/* One extension header at c->at. FATE_TRACKED = skipped, go on with next. */
static enum fate skip_extension(struct cursor *c, struct ipv6 *p)
{
	size_t len, left = cursor_left(c);

	if (p->is_sized && p->payload < left)
		left = (size_t)p->payload;
	if (cursor_left(c) < 8)
		return FATE_NOT_TCP;
	len = p->next == PROTO_FRAGMENT ? 8 : ((size_t)c->at[1] + 1) * 8;
	if (cursor_left(c) < len)
		return FATE_NOT_TCP;
	if (p->is_sized && p->payload < len)
		return FATE_IP_BAD;
	if (!read_extension(c, p, len, left) || !p->is_sized)
		return FATE_IP_BAD;
	p->next = c->at[0];
	p->payload -= len;
	cursor_skip(c, len);
	return FATE_TRACKED;
}

/* Shim6 (RFC 5533 5.1): with this bit there is a packet behind it, without it a message in it. */
static bool is_shim6_payload(const struct cursor *c)
{
	return cursor_left(c) >= 8 && (c->at[1] == 0 || (c->at[2] & 0x80) != 0);
}

static bool is_extension(const struct cursor *c, uint8_t type)
{
	return type == PROTO_HOP_BY_HOP || type == PROTO_ROUTING || type == PROTO_FRAGMENT ||
	       type == PROTO_DESTINATION || (type == PROTO_SHIM6 && is_shim6_payload(c));
}

/* From the first header behind the fixed one. */
static enum fate decode_ipv6_headers(struct cursor *c, struct ipv6 *p)
{
	while (is_extension(c, p->next) || p->next == PROTO_AH) {
		bool is_fragment;
		enum fate fate;

		if (p->next == PROTO_AH) {
			if (!skip_ah(c, &p->payload, &p->next))
				return FATE_NOT_TCP;
			continue;
		}
		is_fragment = p->next == PROTO_FRAGMENT && !p->is_whole;
		fate = skip_extension(c, p);
		if (fate != FATE_TRACKED)
			return fate;
		/* RFC 6946: with offset 0, and no more behind it, it is none. */
		if (is_fragment && (get_be16(c->at - 6) & 0xfff9) != 0)
			return decode_ipv6_fragment(c, p->header, p->payload, p->is_short);
	}
	if (!p->is_sized)
		return FATE_IP_BAD;
	c->segment->ip_len = (uint32_t)((uint64_t)(c->at - p->header) + p->payload);
	return decode_payload(c, p->payload, p->next);
}

enum fate decode_ipv6_payload(struct cursor *c, uint8_t *header, uint64_t payload, uint8_t next)
{
	struct ipv6 p = {
		.header = header,
		.payload = payload,
		.is_sized = true,
		.is_whole = true,
		.next = next,
	};

	return decode_ipv6_headers(c, &p);
}

static enum fate decode_ipv6(struct cursor *c)
{
	struct segment *segment = c->segment;
	struct ipv6 p = {.header = c->at};

	if (cursor_left(c) < 40)
		return FATE_IP_BAD;
	p.payload = get_be16(c->at + 4);
	p.next = c->at[6];
	p.is_sized = p.payload != 0;
	segment->ip_header = p.header;
	segment->ip_id = 0;
	segment->ttl = c->at[7];
	/* In a fragment of unknown length that stays unknown; IPv4 inside of it tells its own. */
	segment->bits = SEGMENT_IPV6 | (segment->bits & SEGMENT_SHORT);
	cursor_skip(c, 40);
	p.is_short = p.payload > c->wire_left;
	if (p.is_short)
		p.payload = c->wire_left;
	if (!p.is_sized && p.next != PROTO_HOP_BY_HOP)
		return p.next == PROTO_TCP ? FATE_IP_BAD : FATE_NOT_TCP;
	return decode_ipv6_headers(c, &p);
}

enum fate decode_ip(struct cursor *c)
{
	if (cursor_left(c) < 1)
		return FATE_IP_BAD;
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	switch (c->at[0] >> 4) {
	case 4:
		return decode_ipv4(c);
	case 6:
		return decode_ipv6(c);
	default:
		return FATE_IP_BAD;
	}
}
