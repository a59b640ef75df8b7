/* SPDX-License-Identifier: BSD-3-Clause */
#include "around.h"

#include <errno.h>
#include <string.h>

#define PROTOCOL_ICMP 1
#define PROTOCOL_IPV4 4
#define PROTOCOL_IPV6 41
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_GRE 47
#define PROTOCOL_ICMPV6 58

#define MORE_FRAGMENTS 0x2000u
#define PORT_VXLAN 4789
#define PORT_GTPU 2152
#define PORT_SENDER 50000

static void store16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* From its IP header on, or from the link's; returns its length, 0 if it is too long. */
static size_t build(const struct packet *packet, enum packet_link link, uint8_t *to, size_t room)
{
	size_t wire_len;
	const size_t len = packet_build(packet, link, to, room, &wire_len);

	return len == wire_len ? len : 0;
}

/* Two routers; the addresses of either version. */
static void init_outer(struct packet *outer, const struct packet *inner, uint8_t protocol,
		       const uint8_t *bytes, size_t len)
{
	packet_init(outer, 4);
	packet_set_addresses(outer, inner->reverse ? "203.0.113.2" : "203.0.113.1",
			     inner->reverse ? "203.0.113.1" : "203.0.113.2");
	outer->reverse = inner->reverse;
	outer->ip_id = inner->ip_id;
	outer->protocol = protocol;
	outer->is_raw = protocol != PACKET_PROTOCOL_UDP;
	outer->payload = bytes;
	outer->payload_len = (uint32_t)len;
}

int around_tunnel(const struct packet *inner, enum around around, struct packet *outer,
		  uint8_t *bytes)
{
	static const uint8_t front_len[] = {
		[AROUND_GRE] = 4,
		[AROUND_IPIP] = 0,
		[AROUND_VXLAN] = 8,
		[AROUND_GTPU] = 8,
	};
	const size_t front = front_len[around];
	const bool is_frame = around == AROUND_VXLAN, is_ipv6 = inner->version == 6;
	size_t len = build(inner, is_frame ? PACKET_LINK_ETHERNET : PACKET_LINK_RAW, bytes + front,
			   AROUND_MAX - front);
	uint8_t protocol = PACKET_PROTOCOL_UDP;

	if (len == 0)
		return -EINVAL;
	memset(bytes, 0, front);
	if (around == AROUND_GRE) {
		protocol = PROTOCOL_GRE;
		store16(bytes + 2, is_ipv6 ? 0x86dd : 0x0800);
	} else if (around == AROUND_IPIP) {
		protocol = is_ipv6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4;
	} else if (around == AROUND_VXLAN) {
		bytes[0] = 0x08;
		bytes[6] = 100;
	} else {
		bytes[0] = 0x30;
		bytes[1] = 0xff;
		store16(bytes + 2, len);
		bytes[7] = 7;
	}
	init_outer(outer, inner, protocol, bytes, front + len);
	outer->src_port = around == AROUND_GTPU ? PORT_GTPU : PORT_SENDER;
	outer->dst_port = around == AROUND_GTPU ? PORT_GTPU : PORT_VXLAN;
	return 0;
}

int around_fragment(const struct packet *whole, size_t start, size_t end, struct packet *piece,
		    uint8_t *bytes)
{
	const bool is_ipv6 = whole->version == 6;
	const size_t ip_len = is_ipv6 ? 40 : 20, front = is_ipv6 ? 8 : 0;
	const size_t len = build(whole, PACKET_LINK_RAW, bytes, AROUND_MAX);
	const bool is_last = end >= len - ip_len;

	if (len <= ip_len + start || start % 8 != 0 || (!is_last && end % 8 != 0))
		return -EINVAL;
	if (is_last)
		end = len - ip_len;
	memmove(bytes + front, bytes + ip_len + start, end - start);
	*piece = *whole;
	piece->is_raw = true;
	piece->payload = bytes;
	piece->payload_len = (uint32_t)(front + end - start);
	if (!is_ipv6) {
		piece->dont_fragment = false;
		piece->fragment = (uint16_t)(start / 8 | (is_last ? 0 : MORE_FRAGMENTS));
		return 0;
	}
	piece->protocol = PROTOCOL_FRAGMENT;
	memset(bytes, 0, front);
	bytes[0] = whole->protocol;
	store16(bytes + 2, start | !is_last);
	store16(bytes + 6, whole->ip_id);
	return 0;
}

/* Of a message whose checksum field is zero; of ICMPv6 with the pseudo header. */
static void set_icmp_checksum(const struct packet *error, uint8_t *bytes)
{
	uint32_t sum = 0, i;

	for (i = 0; i < error->payload_len; i++)
		sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	for (i = 0; error->version == 6 && i < 16; i++)
		sum += (uint32_t)(error->src[i] + error->dst[i]) << (i % 2 == 0 ? 8 : 0);
	if (error->version == 6)
		sum += error->payload_len + PROTOCOL_ICMPV6;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	store16(bytes + 2, ~sum & 0xffff);
}

int around_quote(const struct packet *quoted, size_t len, struct packet *error, uint8_t *bytes)
{
	const bool is_ipv6 = quoted->version == 6;
	const size_t there = build(quoted, PACKET_LINK_RAW, bytes + 8, AROUND_MAX - 8);

	if (there == 0)
		return -EINVAL;
	if (len > there)
		len = there;
	memset(bytes, 0, 8);
	bytes[0] = is_ipv6 ? 1 : 3;
	bytes[1] = is_ipv6 ? 4 : 3;
	packet_init(error, quoted->version);
	packet_set_addresses(error, is_ipv6 ? "2001:db8:ff::1" : "203.0.113.9",
			     is_ipv6 ? "2001:db8:ff::1" : "203.0.113.9");
	memcpy(error->dst, quoted->src, sizeof(error->dst));
	error->reverse = !quoted->reverse;
	error->protocol = is_ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
	error->is_raw = true;
	error->payload = bytes;
	error->payload_len = (uint32_t)(8 + len);
	set_icmp_checksum(error, bytes);
	return 0;
}
