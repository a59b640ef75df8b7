/* SPDX-License-Identifier: BSD-3-Clause */

/* IPv4 (RFC 791) and IPv6 (RFC 8200), down to a TCP header. */

#include <string.h>

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
};

/* RFC 4302 2.2: the length is in 4-byte words minus 2. False if it is not all there. */
static bool skip_ah(struct cursor *c, uint64_t *payload, uint8_t *protocol)
{
	size_t len;

	if (cursor_left(c) < 12)
		return false;
	*protocol = c->at[0];
	len = ((size_t)c->at[1] + 2) * 4;
	if (len < 12 || cursor_left(c) < len || *payload < len)
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

/*
 * Loose and strict source routes change the destination (RFC 791 3.1). False for
 * an option that cannot be: such a packet shows no TCP in the oracle either.
 */
static bool read_ipv4_options(uint8_t *header, size_t header_len)
{
	size_t i = 20;

	while (i < header_len) {
		uint8_t type = header[i], len;

		if (type == 0)
			break;
		if (type == 1) {
			i++;
			continue;
		}
		if (header_len - i < 2)
			break;
		len = header[i + 1];
		if (len < 2 || len > header_len - i)
			break;
		if (type == 130 && len < 3) /* security: no room for its level */
			return false;
		if ((type == 131 || type == 137) && len >= 7 && header[i + 2] >= 4 &&
		    header[i + 2] % 4 == 0 && header[i + 2] <= len)
			memcpy(header + 16, header + i + len - 4, 4);
		i += len;
	}
	return true;
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
	if (header_len > 20 && !read_ipv4_options(header, header_len))
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

/* The destination as the flow key has it, while segments are left (spec, section 6). */
static void apply_routing(uint8_t *header, const uint8_t *routing, size_t len)
{
	const uint8_t type = routing[2], left = routing[3];
	const uint8_t *address = NULL;

	if (left == 0)
		return;
	if (type == 0 && len >= 24)
		address = routing + len - 16;
	else if ((type == 2 || type == 4) && len >= 24)
		address = routing + 8;
	if (type == 3 && len >= 8) { /* RPL, RFC 6554: the last address, its prefix elided */
		const size_t elided = routing[4] & 0xf, padding = routing[5] >> 4;
		const size_t kept = 16 - elided;

		if (8 + kept + padding <= len)
			memcpy(header + 24 + elided, routing + len - padding - kept, kept);
		return;
	}
	if (address != NULL)
		memcpy(header + 24, address, 16);
}

/*
 * The jumbo payload option (RFC 2675) of a hop-by-hop header, or 0. Its value
 * must be larger than what the 16-bit field could say.
 */
static uint32_t jumbo_length(const uint8_t *options, size_t len)
{
	size_t i = 2;

	while (i + 1 < len) {
		if (options[i] == 0) {
			i++;
			continue;
		}
		if (options[i] == 0xc2 && options[i + 1] == 4 && i + 6 <= len) {
			const uint32_t length = get_be32(options + i + 2);

			return length > 65535 ? length : 0;
		}
		i += 2u + options[i + 1];
	}
	return 0;
}

/* What is known of an IPv6 packet on the way through its headers. */
struct ipv6 {
	uint8_t *header;
	uint64_t payload;
	bool is_sized; /* payload is known: a jumbogram's is in an option */
	bool is_short; /* the frame is shorter than the header says */
	uint8_t next;
};

/* One extension header at c->at. FATE_TRACKED = skipped, go on with next. */
static enum fate skip_extension(struct cursor *c, struct ipv6 *p)
{
	const uint8_t type = p->next;
	size_t len;

	if (cursor_left(c) < 8)
		return FATE_NOT_TCP;
	len = type == PROTO_FRAGMENT ? 8 : ((size_t)c->at[1] + 1) * 8;
	if (cursor_left(c) < len)
		return FATE_NOT_TCP;
	if (type == PROTO_ROUTING)
		apply_routing(p->header, c->at, len);
	if (type == PROTO_HOP_BY_HOP && !p->is_sized) {
		p->payload = jumbo_length(c->at, len);
		if (p->payload > c->wire_left)
			p->payload = c->wire_left;
		p->is_sized = p->payload != 0;
	}
	if (p->is_sized && p->payload < len)
		return FATE_IP_BAD;
	p->next = c->at[0];
	p->payload -= p->is_sized ? len : 0;
	cursor_skip(c, len);
	return FATE_TRACKED;
}

static bool is_extension(uint8_t type)
{
	return type == PROTO_HOP_BY_HOP || type == PROTO_ROUTING || type == PROTO_FRAGMENT ||
	       type == PROTO_DESTINATION;
}

/* From the first header behind the fixed one. */
static enum fate decode_ipv6_headers(struct cursor *c, struct ipv6 *p)
{
	while (is_extension(p->next) || p->next == PROTO_AH) {
		bool is_fragment;
		enum fate fate;

		if (p->next == PROTO_AH) {
			if (!skip_ah(c, &p->payload, &p->next))
				return FATE_NOT_TCP;
			continue;
		}
		is_fragment = p->next == PROTO_FRAGMENT;
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
	struct ipv6 p = {.header = header, .payload = payload, .is_sized = true, .next = next};

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
	segment->bits = SEGMENT_IPV6;
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
