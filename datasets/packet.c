/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include <assert.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_QINQ 0x88a8u
#define ETHERTYPE_MPLS 0x8847u
#define ETHERTYPE_PPPOE 0x8864u

#define PPP_IPV4 0x0021u
#define PPP_IPV6 0x0057u

/* Above this an 802.3 length field would be read as an EtherType. */
#define LLC_LENGTH_MAX 1500u

#define VLAN_DEFAULT 100u
#define VLAN_OUTER 200u

/* The payload repeats this; a sequence number modulo 64 finds its byte. */
#define PATTERN_LEN PACKET_PATTERN_LEN
#define PATTERN "abcdefghijklmnopqrstuvwxyz0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"

/* Twice, so that a whole period can be read from any start in one piece. */
static const uint8_t pattern_bytes[] = PATTERN PATTERN;

static_assert(sizeof(pattern_bytes) == 2 * PATTERN_LEN + 1, "the mask below needs a period of 64");

static const struct {
	const char *name;
	uint16_t link_type;
	bool ethernet; /* may be padded */
} links[NB_PACKET_LINKS] = {
	[PACKET_LINK_ETHERNET] = {"ethernet", 1, true},
	[PACKET_LINK_VLAN] = {"vlan", 1, true},
	[PACKET_LINK_QINQ] = {"qinq", 1, true},
	[PACKET_LINK_MPLS] = {"mpls", 1, true},
	[PACKET_LINK_PPPOE] = {"pppoe", 1, true},
	[PACKET_LINK_LLC_SNAP] = {"llc-snap", 1, true},
	[PACKET_LINK_SLL] = {"sll", 113, false},
	[PACKET_LINK_SLL2] = {"sll2", 276, false},
	[PACKET_LINK_RAW] = {"raw", 101, false},
	[PACKET_LINK_IPV4] = {"ipv4", 228, false},
	[PACKET_LINK_IPV6] = {"ipv6", 229, false},
	[PACKET_LINK_NULL] = {"null", 0, false},
	[PACKET_LINK_NULL_BE] = {"null-be", 0, false},
	[PACKET_LINK_LOOP] = {"loop", 108, false},
	[PACKET_LINK_PPP] = {"ppp", 9, false},
};

/* Headers under construction: a buffer that PACKET_HEADERS_MAX always fits. */
struct head {
	uint8_t bytes[PACKET_HEADERS_MAX];
	size_t len;
};

static void put8(struct head *head, unsigned value)
{
	head->bytes[head->len++] = (uint8_t)value;
}

static void put16(struct head *head, unsigned value)
{
	put8(head, value >> 8 & 0xff);
	put8(head, value & 0xff);
}

static void put32(struct head *head, uint32_t value)
{
	put16(head, value >> 16);
	put16(head, value & 0xffff);
}

static void put_bytes(struct head *head, const uint8_t *bytes, size_t len)
{
	memcpy(head->bytes + head->len, bytes, len);
	head->len += len;
}

static void store16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---- the Internet checksum (RFC 1071) ---------------------------------- */

static uint64_t sum_bytes(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (unsigned)bytes[i] << 8 | bytes[i + 1];
	if (len % 2 != 0)
		sum += (unsigned)bytes[len - 1] << 8;
	return sum;
}

/* Whole periods all have one sum: nobody has to look at a byte that a snaplen drops. */
static uint64_t sum_pattern(uint32_t seq, size_t len)
{
	const uint8_t *start = pattern_bytes + (seq & (PATTERN_LEN - 1));
	uint64_t sum = sum_bytes(start, len % PATTERN_LEN);

	/* A period is of even length, so the rest starts at an even offset, too. */
	if (len >= PATTERN_LEN)
		sum += sum_bytes(start, PATTERN_LEN) * (len / PATTERN_LEN);
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint8_t packet_pattern(uint32_t seq)
{
	return pattern_bytes[seq & (PATTERN_LEN - 1)];
}

const uint8_t *packet_pattern_at(uint32_t seq)
{
	return pattern_bytes + (seq & (PATTERN_LEN - 1));
}

void packet_copy_pattern(uint8_t *to, uint32_t seq, size_t len)
{
	const uint8_t *start = pattern_bytes + (seq & (PATTERN_LEN - 1));

	for (; len > PATTERN_LEN; len -= PATTERN_LEN, to += PATTERN_LEN)
		memcpy(to, start, PATTERN_LEN);
	memcpy(to, start, len);
}

static uint32_t pattern_start(const struct packet *packet)
{
	return packet->protocol == PACKET_PROTOCOL_TCP ? packet->seq : 0;
}

/* ---- link layers ------------------------------------------------------- */

/* Locally administered addresses: nobody's. */
static void put_mac(struct head *head, bool second)
{
	static const uint8_t macs[2][6] = {
		{0x02, 0x00, 0x00, 0x00, 0x00, 0x0a},
		{0x02, 0x00, 0x00, 0x00, 0x00, 0x0b},
	};

	put_bytes(head, macs[second], 6);
}

static void put_tag(struct head *head, unsigned ethertype, unsigned id)
{
	put16(head, ethertype);
	put16(head, id & 0x0fff);
}

static void put_ethernet(struct head *head, const struct packet *packet, enum packet_link link,
			 size_t ip_len)
{
	bool ipv6 = packet->version == 6;
	unsigned ethertype = ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	unsigned vlan = packet->vlan != 0 ? packet->vlan : VLAN_DEFAULT;

	put_mac(head, !packet->reverse);
	put_mac(head, packet->reverse);
	if (link == PACKET_LINK_QINQ)
		put_tag(head, ETHERTYPE_QINQ, VLAN_OUTER);
	if (link == PACKET_LINK_VLAN || link == PACKET_LINK_QINQ || packet->vlan != 0)
		put_tag(head, ETHERTYPE_VLAN, vlan);

	switch (link) {
	case PACKET_LINK_MPLS:
		put16(head, ETHERTYPE_MPLS);
		put32(head, 16001u << 12 | 64);           /* label, TTL */
		put32(head, 16002u << 12 | 1u << 8 | 64); /* the same, bottom of stack */
		break;
	case PACKET_LINK_PPPOE:
		put16(head, ETHERTYPE_PPPOE);
		put16(head, 0x1100); /* version 1, type 1, session data */
		put16(head, 0x0042); /* session */
		put16(head, (unsigned)ip_len + 2);
		put16(head, ipv6 ? PPP_IPV6 : PPP_IPV4);
		break;
	case PACKET_LINK_LLC_SNAP:
		put16(head, (unsigned)ip_len + 8);
		put32(head, 0xaaaa0300);
		put16(head, 0x0000);
		put16(head, ethertype);
		break;
	default:
		put16(head, ethertype);
		break;
	}
}

static void put_sll(struct head *head, const struct packet *packet)
{
	put16(head, packet->reverse ? 0 : 4); /* to us, or sent by us */
	put16(head, 1);                       /* ARPHRD_ETHER */
	put16(head, 6);
	put_mac(head, packet->reverse);
	put16(head, 0);
	put16(head, packet->version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
}

static void put_sll2(struct head *head, const struct packet *packet)
{
	put16(head, packet->version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	put16(head, 0);
	put32(head, 2); /* interface index */
	put16(head, 1); /* ARPHRD_ETHER */
	put8(head, packet->reverse ? 0 : 4);
	put8(head, 6);
	put_mac(head, packet->reverse);
	put16(head, 0);
}

static void put_link(struct head *head, const struct packet *packet, enum packet_link link,
		     size_t ip_len)
{
	unsigned family = packet->version == 6 ? 30 : 2; /* AF_INET6 as Darwin has it */

	switch (link) {
	case PACKET_LINK_SLL:
		put_sll(head, packet);
		break;
	case PACKET_LINK_SLL2:
		put_sll2(head, packet);
		break;
	case PACKET_LINK_NULL:
		put32(head, family << 24);
		break;
	case PACKET_LINK_NULL_BE:
	case PACKET_LINK_LOOP:
		put32(head, family);
		break;
	case PACKET_LINK_PPP:
		put16(head, 0xff03);
		put16(head, packet->version == 6 ? PPP_IPV6 : PPP_IPV4);
		break;
	case PACKET_LINK_RAW:
	case PACKET_LINK_IPV4:
	case PACKET_LINK_IPV6:
		break;
	default:
		put_ethernet(head, packet, link, ip_len);
		break;
	}
}

/* ---- IP, TCP, UDP ------------------------------------------------------ */

static void put_ip(struct head *head, const struct packet *packet, size_t ip_len)
{
	size_t start = head->len;

	if (packet->version == 6) {
		put32(head, 6u << 28 | (uint32_t)packet->tos << 20);
		put16(head, (unsigned)ip_len - 40);
		put8(head, packet->protocol);
		put8(head, packet->ttl);
		put_bytes(head, packet->src, 16);
		put_bytes(head, packet->dst, 16);
		return;
	}
	put8(head, 0x45);
	put8(head, packet->tos);
	put16(head, (unsigned)ip_len);
	put16(head, packet->ip_id);
	put16(head, packet->fragment | (packet->dont_fragment ? 0x4000u : 0u));
	put8(head, packet->ttl);
	put8(head, packet->protocol);
	put16(head, 0);
	put_bytes(head, packet->src, 4);
	put_bytes(head, packet->dst, 4);
	store16(head->bytes + start + 10, sum_fold(sum_bytes(head->bytes + start, 20)));
}

static size_t tcp_header_len(const struct packet *packet)
{
	return 20 + (size_t)((packet->options_len + 3) & ~3);
}

static void put_tcp(struct head *head, const struct packet *packet)
{
	size_t len = tcp_header_len(packet);
	size_t end = head->len + len;

	put16(head, packet->src_port);
	put16(head, packet->dst_port);
	put32(head, packet->seq);
	put32(head, packet->ack);
	put8(head, (unsigned)(len / 4) << 4);
	put8(head, packet->flags);
	put16(head, packet->window);
	put16(head, 0);
	put16(head, packet->urgent);
	put_bytes(head, packet->options, packet->options_len);
	while (head->len < end)
		put8(head, 1); /* NOP */
}

static void put_udp(struct head *head, const struct packet *packet)
{
	put16(head, packet->src_port);
	put16(head, packet->dst_port);
	put16(head, 8 + packet->payload_len);
	put16(head, 0);
}

/* Over the pseudo header (RFC 9293 3.1, RFC 8200 8.1), the header at start, and the payload. */
static void set_checksum(struct head *head, const struct packet *packet, size_t start)
{
	bool udp = packet->protocol == PACKET_PROTOCOL_UDP;
	size_t address_len = packet->version == 6 ? 16 : 4;
	uint64_t sum = packet->protocol + head->len - start + packet->payload_len;
	uint16_t checksum;

	sum += sum_bytes(packet->src, address_len) + sum_bytes(packet->dst, address_len);
	sum += sum_bytes(head->bytes + start, head->len - start);
	if (packet->payload != NULL)
		sum += sum_bytes(packet->payload, packet->payload_len);
	else
		sum += sum_pattern(pattern_start(packet), packet->payload_len);
	checksum = sum_fold(sum);
	if (udp && checksum == 0)
		checksum = 0xffff; /* 0 would say: none */
	store16(head->bytes + start + (udp ? 6 : 16), checksum);
}

static bool link_can_carry(const struct packet *packet, enum packet_link link, size_t ip_len)
{
	if (ip_len > UINT16_MAX || packet->options_len > PACKET_OPTIONS_MAX)
		return false;
	switch (link) {
	case PACKET_LINK_IPV4:
		return packet->version == 4;
	case PACKET_LINK_IPV6:
		return packet->version == 6;
	case PACKET_LINK_LLC_SNAP:
		return ip_len + 8 <= LLC_LENGTH_MAX;
	case PACKET_LINK_PPPOE:
		return ip_len + 2 <= UINT16_MAX;
	default:
		return link < NB_PACKET_LINKS;
	}
}

static size_t transport_len(const struct packet *packet)
{
	if (packet->is_raw)
		return 0;
	return packet->protocol == PACKET_PROTOCOL_UDP ? 8 : tcp_header_len(packet);
}

static void put_transport(struct head *head, const struct packet *packet)
{
	const size_t start = head->len;

	if (packet->is_raw)
		return;
	if (packet->protocol == PACKET_PROTOCOL_UDP)
		put_udp(head, packet);
	else
		put_tcp(head, packet);
	set_checksum(head, packet, start);
}

size_t packet_build(const struct packet *packet, enum packet_link link, uint8_t *buf, size_t size,
		    size_t *wire_len)
{
	struct head head = {.len = 0};
	size_t ip_len, total, written, payload_room;

	ip_len = (packet->version == 6 ? 40u : 20u) + transport_len(packet) + packet->payload_len;
	if (!link_can_carry(packet, link, ip_len))
		return 0;

	put_link(&head, packet, link, ip_len);
	put_ip(&head, packet, ip_len);
	put_transport(&head, packet);

	total = head.len + packet->payload_len;
	written = head.len < size ? head.len : size;
	memcpy(buf, head.bytes, written);
	payload_room = size - written;
	if (payload_room > packet->payload_len)
		payload_room = packet->payload_len;
	if (packet->payload == NULL)
		packet_copy_pattern(buf + written, pattern_start(packet), payload_room);
	else if (payload_room != 0)
		memcpy(buf + written, packet->payload, payload_room);
	written += payload_room;

	if (links[link].ethernet && total < packet->min_frame) {
		total = packet->min_frame;
		for (; written < total && written < size; written++)
			buf[written] = 0;
	}
	if (wire_len != NULL)
		*wire_len = total;
	return written;
}

size_t packet_link_len(const struct packet *packet, enum packet_link link)
{
	struct head head = {.len = 0};

	put_link(&head, packet, link, 0);
	return head.len;
}

uint16_t packet_link_type(enum packet_link link)
{
	return links[link].link_type;
}

const char *packet_link_name(enum packet_link link)
{
	return link < NB_PACKET_LINKS ? links[link].name : NULL;
}

enum packet_link packet_link_from_name(const char *name)
{
	enum packet_link link;

	for (link = 0; link < NB_PACKET_LINKS; link++) {
		if (strcmp(links[link].name, name) == 0)
			break;
	}
	return link;
}
