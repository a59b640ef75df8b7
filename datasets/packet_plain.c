/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * packet_build() for what bulk traces are made of, several times faster: headers are made
 * and added up as whole words before they are stored. A word that is read back from bytes
 * just written waits for them, which was a third of the time.
 */

#include <string.h>

#include "packet.h"

#define ETHERNET_LEN 14
#define IPV4_LEN 20
#define IPV6_LEN 40

/* As in packet.c: who is told here is nobody. */
static const uint8_t ethernet_heads[2][ETHERNET_LEN - 2] = {
	{0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a},
	{0x02, 0, 0, 0, 0, 0x0a, 0x02, 0, 0, 0, 0, 0x0b},
};

static void store16(uint8_t *at, unsigned value)
{
	const uint16_t swapped = __builtin_bswap16((uint16_t)value);

	memcpy(at, &swapped, sizeof(swapped));
}

static void store32(uint8_t *at, uint32_t value)
{
	const uint32_t swapped = __builtin_bswap32(value);

	memcpy(at, &swapped, sizeof(swapped));
}

static uint32_t load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return __builtin_bswap32(value);
}

/* ---- sums: of 32-bit words, to be folded to 16 bits (RFC 1071 section 2) ---------- */

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* In the machine's order; len is a multiple of 4. */
static uint64_t sum_native(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint64_t sum_payload(uint32_t seq, uint32_t len)
{
	const uint8_t *start = packet_pattern_at(seq);
	const uint32_t periods = len / PACKET_PATTERN_LEN, rest = len % PACKET_PATTERN_LEN;
	const uint32_t tail = rest & 3u;
	uint64_t sum = sum_native(start, rest & ~3u);

	if (periods != 0)
		sum += sum_native(start, PACKET_PATTERN_LEN) * periods;
	/* Swapped sums are sums of what is swapped. The tail's word is filled up with zeros. */
	sum = __builtin_bswap16(fold(sum));
	if (tail != 0)
		sum += load32(start + (rest & ~3u)) & ~(UINT32_MAX >> (8 * tail));
	return sum;
}

static uint64_t store_words(uint8_t *at, const uint32_t *words, size_t nb)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nb; i++) {
		store32(at + 4 * i, words[i]);
		sum += words[i];
	}
	return sum;
}

/* ---- headers -------------------------------------------------------------------- */

static uint64_t copy_words(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i += 4) {
		const uint32_t word = load32(from + i);

		store32(to + i, word);
		sum += word;
	}
	return sum;
}

/* Returns the sum of the addresses; *len becomes the header's length. */
static uint64_t put_ip(const struct packet *packet, uint32_t payload_len, uint8_t *ip, size_t *len)
{
	const uint32_t src = load32(packet->src), dst = load32(packet->dst);
	uint32_t words[5] = {
		0x45u << 24 | (uint32_t)packet->tos << 16 | (IPV4_LEN + payload_len),
		(uint32_t)packet->ip_id << 16 | (packet->dont_fragment ? 0x4000 : 0),
		(uint32_t)packet->ttl << 24 | (uint32_t)packet->protocol << 16,
		src,
		dst,
	};
	uint64_t sum = 0;

	if (packet->version == 6) {
		*len = IPV6_LEN;
		store32(ip, 6u << 28 | (uint32_t)packet->tos << 20);
		store32(ip + 4, payload_len << 16 | (uint32_t)packet->protocol << 8 | packet->ttl);
		return copy_words(ip + 8, packet->src, 16) + copy_words(ip + 24, packet->dst, 16);
	}
	*len = IPV4_LEN;
	for (size_t i = 0; i < 5; i++)
		sum += words[i];
	words[2] |= fold(sum) ^ 0xffffu;
	store_words(ip, words, 5);
	return (uint64_t)src + dst;
}

/* sum: of all but the header. */
static void put_tcp(const struct packet *packet, size_t len, uint64_t sum, uint8_t *tcp)
{
	const uint32_t words[5] = {
		(uint32_t)packet->src_port << 16 | packet->dst_port,
		packet->seq,
		packet->ack,
		(uint32_t)(len / 4) << 28 | (uint32_t)packet->flags << 16 | packet->window,
		packet->urgent,
	};

	sum += store_words(tcp, words, 5);
	sum += copy_words(tcp + 20, packet->options, packet->options_len);
	store16(tcp + 16, fold(sum) ^ 0xffffu);
}

bool packet_is_plain(const struct packet *packet)
{
	return packet->fragment == 0 && packet->protocol == PACKET_PROTOCOL_TCP &&
	       packet->vlan == 0 && packet->payload == NULL && packet->options_len % 4 == 0 &&
	       packet->options_len <= PACKET_OPTIONS_MAX && packet->payload_len <= 60000;
}

size_t packet_build_plain(const struct packet *packet, uint8_t *buf, size_t size, size_t *wire_len)
{
	const uint32_t tcp_len = 20u + packet->options_len;
	const uint32_t ip_payload_len = tcp_len + packet->payload_len;
	uint8_t *const ip = buf + ETHERNET_LEN, *tcp;
	size_t ip_len, head_len, total, room;
	uint64_t sum;

	memcpy(buf, ethernet_heads[packet->reverse], sizeof(ethernet_heads[0]));
	store16(buf + 12, packet->version == 6 ? 0x86dd : 0x0800);
	sum = put_ip(packet, ip_payload_len, ip, &ip_len);
	tcp = ip + ip_len;
	/* The rest of the pseudo header: a length and a protocol. */
	sum += packet->protocol + ip_payload_len + sum_payload(packet->seq, packet->payload_len);
	put_tcp(packet, tcp_len, sum, tcp);

	head_len = (size_t)(tcp - buf) + tcp_len;
	total = head_len + packet->payload_len;
	room = size > head_len ? size - head_len : 0;
	if (room > packet->payload_len)
		room = packet->payload_len;
	packet_copy_pattern(buf + head_len, packet->seq, room);
	if (total < packet->min_frame) {
		memset(buf + total, 0, packet->min_frame - total);
		total = packet->min_frame;
	}
	*wire_len = total;
	return total < size ? total : size;
}
