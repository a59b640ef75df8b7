/* SPDX-License-Identifier: BSD-3-Clause */

/* IP fragments: what decode does with one, and with the datagram that it completes. */

#include <string.h>

#include "decode_priv.h"
#include "tcpmill/capture.h"
#include "tcpmill/reassembly.h"

#define IPV4_MORE_FRAGMENTS 0x2000u
#define IPV4_OFFSET 0x1fffu
#define IPV6_MORE_FRAGMENTS 0x0001u
#define IPV6_OFFSET 0xfff8u

/* Private (RFC 1918) or link-local (RFC 3927): such addresses are used again in every VLAN. */
static bool is_private(const uint8_t *address)
{
	const uint32_t a = get_be32(address);

	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe;
}

/*
 * Adds a fragment; if its datagram is whole then, the cursor goes on there. The segment's
 * header is the copy in front of it.
 */
static bool complete(struct cursor *c, const struct fragment *fragment)
{
	struct reassembly *reassembly = c->layers->context->reassembly;
	uint32_t len;
	uint8_t *payload;

	if (reassembly == NULL) {
		c->layers->is_later = true;
		return false;
	}
	payload = reassembly_add(reassembly, fragment, &len);
	if (payload == NULL)
		return false;
	c->start = payload;
	c->at = payload;
	c->end = payload + len;
	c->wire_left = len;
	c->segment->ip_header = payload - fragment->header_len;
	c->segment->ip_len = fragment->header_len + len;
	return true;
}

/* A fragment stays one in the books unless it brought TCP. */
static enum fate with_tcp(enum fate fate)
{
	return fate == FATE_TRACKED ? FATE_TRACKED : FATE_FRAGMENT;
}

enum fate decode_ipv4_fragment(struct cursor *c, uint8_t *header, uint64_t payload, bool is_short)
{
	const uint16_t bits = get_be16(header + 6);
	struct fragment fragment = {
		.id = (uint32_t)get_be16(header + 4) ^ header[9],
		.is_last = (bits & IPV4_MORE_FRAGMENTS) == 0,
		.offset = (bits & IPV4_OFFSET) * 8,
		.len = (uint32_t)payload,
		.payload = c->at,
		.header = header,
		.header_len = (uint32_t)(c->at - header),
		.ts_ns = c->layers->frame->ts_ns,
	};

	if (is_short || cursor_left(c) < payload) {
		if (fragment.offset != 0)
			return FATE_FRAGMENT;
		/* Nobody knows how much comes behind it. */
		c->segment->bits |= SEGMENT_SHORT;
		return with_tcp(decode_payload(c, payload, header[9]));
	}
	memcpy(fragment.src, header + 12, 4);
	memcpy(fragment.dst, header + 16, 4);
	if (is_private(header + 12) || is_private(header + 16))
		fragment.id ^= c->layers->fragment_vlan;
	if (!complete(c, &fragment))
		return FATE_FRAGMENT;
	return with_tcp(decode_payload(c, cursor_left(c), header[9]));
}

enum fate decode_ipv6_fragment(struct cursor *c, uint8_t *header, uint64_t payload, bool is_short)
{
	const uint8_t *fragment_header = c->at - 8;
	const uint16_t bits = get_be16(fragment_header + 2);
	struct fragment fragment = {
		.id = get_be32(fragment_header + 4),
		.is_ipv6 = true,
		.is_last = (bits & IPV6_MORE_FRAGMENTS) == 0,
		.offset = bits & IPV6_OFFSET,
		.len = (uint32_t)payload,
		.payload = c->at,
		.header = header,
		.header_len = 40,
		.ts_ns = c->layers->frame->ts_ns,
	};

	if (is_short || cursor_left(c) < payload)
		return FATE_FRAGMENT;
	memcpy(fragment.src, header + 8, 16);
	memcpy(fragment.dst, header + 24, 16);
	if (!complete(c, &fragment))
		return FATE_FRAGMENT;
	header = (uint8_t *)(uintptr_t)c->segment->ip_header;
	return with_tcp(decode_ipv6_payload(c, header, cursor_left(c), fragment_header[0]));
}
