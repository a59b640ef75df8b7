/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP errors (RFC 792, RFC 4443), and the packets they quote. */

#include "decode_priv.h"

#define ICMP_HEADER_LEN 8u

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

enum {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PARAMETER_PROBLEM = 4,
};

/* RFC 4884: the quoted packet is padded to words of 4 bytes, and extensions follow. */
static void limit_quote(struct cursor *c, uint8_t type, uint8_t words)
{
	const uint64_t header_len = (uint64_t)(c->at[0] & 0xf) * 4, bytes = words * 4u;

	if (type == ICMP_REDIRECT)
		cursor_limit(c, header_len + 8);
	else if (words != 0 && c->wire_left > bytes && get_be16(c->at + 2) > bytes)
		cursor_limit(c, header_len + bytes);
}

/* What is wrong with a quote is no fault of the packet that brings it. */
static enum fate decode_quote(struct cursor *c)
{
	c->is_quoted = true;
	return decode_ip(c) == FATE_TRACKED ? FATE_TRACKED : FATE_NOT_TCP;
}

enum fate decode_icmp(struct cursor *c, uint64_t payload)
{
	uint8_t type, words;

	cursor_limit(c, payload);
	if (cursor_left(c) < ICMP_HEADER_LEN + 4)
		return FATE_NOT_TCP;
	type = c->at[0];
	words = c->at[5];
	switch (type) {
	case ICMP_UNREACHABLE:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		cursor_skip(c, ICMP_HEADER_LEN);
		limit_quote(c, type, words);
		return decode_quote(c);
	default:
		return FATE_NOT_TCP;
	}
}

enum fate decode_icmpv6(struct cursor *c, uint64_t payload)
{
	cursor_limit(c, payload);
	if (cursor_left(c) <= ICMP_HEADER_LEN || c->at[0] < ICMPV6_UNREACHABLE ||
	    c->at[0] > ICMPV6_PARAMETER_PROBLEM)
		return FATE_NOT_TCP;
	cursor_skip(c, ICMP_HEADER_LEN);
	if (c->at[0] >> 4 != 6)
		return FATE_NOT_TCP;
	return decode_quote(c);
}
