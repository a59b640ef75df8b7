/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Options of IPv4, and what is in the extension headers of IPv6: source routes and other
 * addresses, and what cannot be. The oracle shows no TCP behind that: neither is it decoded.
 */

#include <string.h>

#include "decode_priv.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_QUICK_START = 25,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

enum {
	OPTION6_PAD1 = 0,
	OPTION6_CALIPSO = 7,
	OPTION6_IOAM = 0x31,
	OPTION6_JUMBO = 0xc2,
	OPTION6_HOME_ADDRESS = 0xc9,
};

enum {
	ROUTING_SOURCE = 0,
	ROUTING_HOME = 2,
	ROUTING_RPL = 3,
	ROUTING_SEGMENTS = 4,
	ROUTING_COMPACT_16 = 5,
	ROUTING_COMPACT_32 = 6,
};

/* What the fixed part of an IPv4 option takes, with type and length; 2 for all others. */
static const uint8_t fixed_len[256] = {
	[7] = 3 /* record route */,        [11] = 4 /* MTU probe */,
	[12] = 4 /* MTU reply */,          [OPTION_QUICK_START] = 3,
	[68] = 4 /* time stamps */,        [82] = 12 /* traceroute */,
	[130] = 3 /* security */,          [OPTION_LOOSE_ROUTE] = 3,
	[133] = 3 /* extended security */, [134] = 6 /* CIPSO */,
	[136] = 4 /* stream identifier */, [OPTION_STRICT_ROUTE] = 3,
	[148] = 4 /* router alert */,
};

/* len: at least 2, and as many bytes are there. */
static bool ipv4_option_is_right(const uint8_t *option, uint8_t len)
{
	if (len < fixed_len[option[0]])
		return false;
	/* A rate request and a rate report are longer than other functions (RFC 4782 3.1). */
	return option[0] != OPTION_QUICK_START || len >= 8 || (option[2] & 0x70) != 0;
}

/* Loose or strict (RFC 791 3.1), with a pointer into it. */
static bool is_source_route(const uint8_t *option, uint8_t len)
{
	if ((option[0] != OPTION_LOOSE_ROUTE && option[0] != OPTION_STRICT_ROUTE) || len < 4)
		return false;
	return option[2] >= 4 && option[2] % 4 == 0 && option[2] <= len;
}

bool read_ipv4_options(uint8_t *header, size_t header_len, bool is_quoted)
{
	bool has_route = false;
	size_t i = 20;

	while (i < header_len && header[i] != OPTION_END) {
		const uint8_t *option = header + i;

		if (option[0] == OPTION_NOP) {
			i++;
			continue;
		}
		if (header_len - i < 2 || option[1] < 2 || option[1] > header_len - i)
			break;
		if (!is_quoted && !ipv4_option_is_right(option, option[1]))
			return false;
		if (!has_route && is_source_route(option, option[1])) {
			memcpy(header + 16, option + option[1] - 4, 4);
			has_route = true;
		}
		i += option[1];
	}
	return true;
}

/* An option of at least two bytes at option, in a packet that has left bytes from there on. */
static bool ipv6_option_is_right(const uint8_t *option, size_t left)
{
	const size_t len = option[1];

	if (left < 2 + len)
		return false;
	switch (option[0]) {
	case OPTION6_CALIPSO: /* the length of a bitmap counts, wherever it leads (RFC 5570 5.1) */
		return left >= 10 && left >= 10 + 4 * (size_t)option[6];
	case OPTION6_IOAM:
		return len != 0;
	case OPTION6_HOME_ADDRESS: /* of any length: the address is read all the same */
		return left >= 2 + 16;
	default:
		return true;
	}
}

/* Its value must be larger than what the 16-bit field could say (RFC 2675 2). */
static void read_jumbo(const uint8_t *option, size_t left, uint32_t *jumbo)
{
	/* With the fixed header it must not go over 32 bits. */
	const uint32_t most = UINT32_MAX - 40;

	if (option[1] == 4 && left >= 6 && *jumbo == 0 && get_be32(option + 2) > UINT16_MAX &&
	    get_be32(option + 2) <= most)
		*jumbo = get_be32(option + 2);
}

bool read_ipv6_options(uint8_t *header, const uint8_t *options, size_t len, size_t left,
		       uint32_t *jumbo)
{
	size_t i = 2;

	while (i < len) {
		const uint8_t *option = options + i;

		if (option[0] == OPTION6_PAD1) {
			i++;
			continue;
		}
		/* Only the packet is a limit: an option may go on behind its header. */
		if (left - i < 2 || !ipv6_option_is_right(option, left - i))
			return false;
		if (option[0] == OPTION6_HOME_ADDRESS)
			memcpy(header + 8, option + 2, 16);
		if (option[0] == OPTION6_JUMBO)
			read_jumbo(option, len - i, jumbo);
		i += 2u + option[1];
	}
	return true;
}

/*
 * RFC 6554: *address is the last one's bytes that are not elided, *kept of them. False if the
 * addresses do not fit; without one NULL.
 */
static bool find_rpl(const uint8_t *routing, size_t len, const uint8_t **address, size_t *kept)
{
	const int list = (int)len - 8, elided = routing[4] >> 4, elided_last = routing[4] & 0xf;
	const int padding = routing[5] >> 4, before = list - padding - (16 - elided_last);
	int nb = before / (16 - elided), at;

	*address = NULL;
	if (list == 0 || nb < 0)
		return true;
	at = nb * (16 - elided);
	*kept = (size_t)(16 - elided_last);
	*address = routing + 8 + at;
	return at + 16 - elided_last <= list;
}

/* Compact routing headers: the identifiers end with a zero, and what is left is among them. */
static bool has_compact(const uint8_t *routing, size_t len, size_t size)
{
	size_t i;

	if (4 + size * (routing[3] + 1u) > len)
		return false;
	for (i = 4; i + size <= len; i += size) {
		if (get_be16(routing + i) == 0 && get_be16(routing + i + size - 2) == 0)
			return true;
	}
	return false;
}

bool read_ipv6_routing(uint8_t *header, const uint8_t *routing, size_t len)
{
	const uint8_t *address = NULL;
	size_t kept = 16;

	switch (routing[2]) {
	case ROUTING_SOURCE:
		if (len >= 8 + 16)
			address = routing + 8 + (len - 8) / 16 * 16 - 16;
		break;
	case ROUTING_HOME:
		if (len < 8 + 16)
			return false;
		address = routing + 8;
		break;
	case ROUTING_RPL:
		if (!find_rpl(routing, len, &address, &kept))
			return false;
		break;
	case ROUTING_SEGMENTS:
		if (len < 8 + 16 * (routing[4] + 1u))
			return false;
		address = routing + 8;
		break;
	case ROUTING_COMPACT_16:
		return has_compact(routing, len, 2);
	case ROUTING_COMPACT_32:
		return has_compact(routing, len, 4);
	default:
		break;
	}
	if (address != NULL && routing[3] != 0) /* segments left */
		memcpy(header + 24 + 16 - kept, address, kept);
	return true;
}
