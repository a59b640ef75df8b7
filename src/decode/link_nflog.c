/* SPDX-License-Identifier: BSD-3-Clause */

/* Linux's netfilter log (LINKTYPE_NFLOG): a packet is one of the attributes. */

#include "decode_priv.h"

#define NFLOG_HEADER_LEN 4 /* address family, version, resource id */
#define ATTRIBUTE_HEADER_LEN 4
#define ATTRIBUTE_TYPE 0x7fffu
#define ATTRIBUTE_PAYLOAD 9

#define FAMILY_INET 2
#define FAMILY_INET6 10

/*
 * Lengths and types are in the writer's byte order; as libpcap does not turn them, and
 * nothing in the frame tells, they are read as little-endian, like everybody does.
 */
enum fate decode_nflog(struct cursor *c)
{
	uint8_t family;

	if (cursor_left(c) < NFLOG_HEADER_LEN)
		return FATE_NOT_IP;
	family = c->at[0];
	cursor_skip(c, NFLOG_HEADER_LEN);
	while (cursor_left(c) >= ATTRIBUTE_HEADER_LEN) {
		const size_t len = get_le16(c->at), padded = (len + 3) / 4 * 4;
		const uint32_t type = get_le16(c->at + 2) & ATTRIBUTE_TYPE;

		if (len < ATTRIBUTE_HEADER_LEN || len > c->wire_left)
			return FATE_NOT_IP;
		if (type == ATTRIBUTE_PAYLOAD) {
			cursor_limit(c, len);
			cursor_skip(c, ATTRIBUTE_HEADER_LEN);
			if (family == FAMILY_INET)
				return decode_ip(c);
			return family == FAMILY_INET6 ? decode_ipv6_only(c) : FATE_NOT_IP;
		}
		if (padded > cursor_left(c))
			return FATE_NOT_IP;
		cursor_skip(c, padded);
	}
	return FATE_NOT_IP;
}
