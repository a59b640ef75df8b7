/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The short way for what most frames are: Ethernet with at most one VLAN tag, IPv4
 * without options or IPv6 without extension headers, not a fragment, and a TCP header
 * that was wholly captured, with no options or only the time stamps as Linux has them.
 * Every other frame, and every one whose lengths do not agree, is the general decoder's;
 * a test holds the two against each other.
 *
 * The headers are read as vectors of 16 bytes (SSE4, which x86-64-v2 has), and their
 * fields shuffled to where the segment has them. All branches ask whether the frame is
 * usual: who sends, and whether there are options, only chooses among shuffles.
 */

#include <smmintrin.h>
#include <stdalign.h>
#include <stddef.h>

#include "decode_priv.h"
#include "tcpmill/capture.h"

#define ETHERNET_LEN 14u
#define VLAN_LEN 4u
#define IPV4_LEN 20u
#define IPV6_LEN 40u
#define TCP_LEN 20u

/* What is stored as vectors from byte 32 of the segment on. */
#define SEGMENT_HAS(field, at) static_assert(offsetof(struct segment, field) == (at), #field)
SEGMENT_HAS(addr_lo, 32);
SEGMENT_HAS(addr_hi, 36);
SEGMENT_HAS(port_lo, 40);
SEGMENT_HAS(port_hi, 42);
SEGMENT_HAS(seq, 44);
SEGMENT_HAS(ack, 48);
SEGMENT_HAS(payload_len, 52);
SEGMENT_HAS(ip_len, 56);
SEGMENT_HAS(tsval, 60);
SEGMENT_HAS(win, 64);
SEGMENT_HAS(ip_id, 66);
SEGMENT_HAS(cksum, 68);
SEGMENT_HAS(tcp_off, 70);
SEGMENT_HAS(vlan, 72);
SEGMENT_HAS(tcp_flags, 74);
SEGMENT_HAS(bits, 75);
SEGMENT_HAS(tcp_hlen, 76);
SEGMENT_HAS(tcp_caplen, 77);
SEGMENT_HAS(ttl, 78);
SEGMENT_HAS(tunnel, 79);

/* Constants, or for a shuffle: which byte of the source goes where, NONE for a zero. */
struct bytes16 {
	alignas(16) uint8_t byte[16];
};
#define NONE 0x80

/* How a segment is put together, by the TCP header's length and by who sends. */
struct shape {
	struct bytes16 key;     /* order of addresses, ports and seq, in addr_lo to seq */
	struct bytes16 number;  /* order of ack and tsval, in ack to tsval */
	struct bytes16 tail;    /* what win to tunnel have beside the frame's own fields */
	uint32_t header_len;    /* of IP and TCP */
	uint32_t minus_headers; /* 2^32 - header_len; 0 for a data offset that is not usual */
	/* What the bits of the mask must be in the last 12 bytes of the TCP header. */
	uint32_t options_mask, options;
};

/* The sender is the lower endpoint (0), or the higher one. Each of these is a source's order. */
#define KEY_IPV4_0 3, 2, 1, 0, 7, 6, 5, 4, 9, 8, 11, 10, 15, 14, 13, 12
#define KEY_IPV4_1 7, 6, 5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 15, 14, 13, 12
/* IPv6 has its addresses elsewhere: the source is ports and seq alone. */
#define KEY_IPV6_0 NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 1, 0, 3, 2, 7, 6, 5, 4
#define KEY_IPV6_1 NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 3, 2, 1, 0, 7, 6, 5, 4

/* NOP, NOP, time stamps of ten bytes; as read on a little-endian machine. */
#define NOP_NOP_TS 0x0a080101u

#define SHAPE(version, swapped, ip_header_len, tcp_len, has_ts)                                    \
	{                                                                                          \
		.key = {{KEY_##version##_##swapped}},                                              \
		.number = {{7, 6, 5, 4, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,            \
			    has_ts ? 15 : NONE, has_ts ? 14 : NONE, has_ts ? 13 : NONE,            \
			    has_ts ? 12 : NONE}},                                                  \
		.tail = {{[6] = ip_header_len,                                                     \
			  [11] = (ip_header_len == IPV6_LEN ? SEGMENT_IPV6 : 0) |                  \
				 (swapped ? SEGMENT_SWAPPED : 0) |                                 \
				 (has_ts ? SEGMENT_HAS_TSVAL : 0),                                 \
			  [12] = tcp_len,                                                          \
			  [13] = tcp_len}},                                                        \
		.header_len = ip_header_len + tcp_len,                                             \
		.minus_headers = 0u - ip_header_len - tcp_len,                                     \
		.options_mask = has_ts ? UINT32_MAX : 0, .options = has_ts ? NOP_NOP_TS : 0,       \
	}
#define SHAPES(version, ip_header_len)                                                             \
	{                                                                                          \
		[5] = {SHAPE(version, 0, ip_header_len, 20, false),                                \
		       SHAPE(version, 1, ip_header_len, 20, false)},                               \
		[8] = {SHAPE(version, 0, ip_header_len, 32, true),                                 \
		       SHAPE(version, 1, ip_header_len, 32, true)},                                \
	}

/* By data offset, and by whether the sender is the higher endpoint. */
static const struct shape ipv4_shapes[16][2] = SHAPES(IPV4, IPV4_LEN);
static const struct shape ipv6_shapes[16][2] = SHAPES(IPV6, IPV6_LEN);

/* From the Ethernet type on: what a usual packet has there, and where the tail's fields are. */
struct layout {
	struct bytes16 mask, value, tail;
};
/* Type, version and header length, fragment bits and offset, protocol. */
static const struct layout ipv4_layout = {
	.mask = {{0xff, 0xff, 0xff, [8] = 0x3f, 0xff, [11] = 0xff}},
	.value = {{0x08, 0x00, 0x45, [11] = 6}},
	.tail = {{NONE, NONE, 7, 6, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 10,
		  NONE}},
};
/* Type, version, next header. */
static const struct layout ipv6_layout = {
	.mask = {{0xff, 0xff, 0xf0, [8] = 0xff}},
	.value = {{0x86, 0xdd, 0x60, [8] = 6}},
	.tail = {{NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
		  NONE, 9, NONE}},
};
/* An IPv4 endpoint as a number, source first: port, and address above it. */
static const struct bytes16 ipv4_endpoints = {
	{9, 8, 3, 2, 1, 0, NONE, NONE, 11, 10, 7, 6, 5, 4, NONE, NONE}};
/* From seq on: win, cksum and flags. */
static const struct bytes16 tcp_tail = {
	{11, 10, NONE, NONE, 13, 12, NONE, NONE, NONE, NONE, 9, NONE, NONE, NONE, NONE, NONE}};

static inline __m128i constant(const struct bytes16 *bytes)
{
	return _mm_load_si128((const __m128i *)(const void *)bytes->byte);
}

static inline __m128i load(const uint8_t *from)
{
	return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static inline void store(void *to, __m128i v)
{
	_mm_storeu_si128(to, v);
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline bool is_usual(__m128i type, const struct layout *layout)
{
	return _mm_testz_si128(_mm_xor_si128(type, constant(&layout->value)),
			       constant(&layout->mask));
}

/* A packet whose link layer and protocols are usual. */
struct packet {
	const struct frame *frame;
	const uint8_t *ip, *tcp;
	__m128i type; /* 16 bytes from the Ethernet type on */
	const struct layout *layout;
	uint32_t ip_len;
};

/*
 * The packet's shapes by who sends, and the length of its payload; NULL if the lengths do
 * not agree or the options are others. The fixed part of the TCP header was captured.
 */
static inline const struct shape *
find_shapes(const struct packet *p, const struct shape shapes[16][2], uint32_t *payload_len)
{
	const uint32_t link_len = (uint32_t)(p->ip - p->frame->data);
	const struct shape *shape = shapes[(size_t)p->tcp[12] >> 4];

	/* It overflows unless the packet is shorter than its headers. */
	if (!__builtin_add_overflow(p->ip_len, shape->minus_headers, payload_len) ||
	    p->frame->wire_len < link_len + p->ip_len ||
	    p->frame->caplen < link_len + shape->header_len ||
	    (load32(p->ip + shape->header_len - 12) & shape->options_mask) != shape->options)
		return NULL;
	return shape;
}

/* All of the segment but the key and its hashes. */
static inline void set_fields(const struct packet *p, const struct shape *shape,
			      uint32_t payload_len, struct segment *segment)
{
	const __m128i tcp = load(p->tcp + 4);
	const __m128i tail = _mm_or_si128(_mm_shuffle_epi8(p->type, constant(&p->layout->tail)),
					  _mm_shuffle_epi8(tcp, constant(&tcp_tail)));
	const uint32_t tsval = load32(p->ip + shape->header_len - 8);
	__m128i number = _mm_insert_epi32(tcp, (int)tsval, 3);

	segment->ts_ns = p->frame->ts_ns;
	segment->clock_ns = p->frame->clock_ns;
	number = _mm_shuffle_epi8(number, constant(&shape->number));
	number = _mm_insert_epi32(number, (int)payload_len, 1);
	number = _mm_insert_epi32(number, (int)p->ip_len, 2);
	segment->ip_header = p->ip;
	store(&segment->ack, number);
	store(&segment->win, _mm_or_si128(tail, constant(&shape->tail)));
}

/* addr_lo, addr_hi and both ports as they are in a segment, the lower port first. */
static inline struct key_ipv4 vector_key(__m128i key)
{
	const uint32_t ports = (uint32_t)_mm_extract_epi32(key, 2);

	return (struct key_ipv4){
		.addr_lo = (uint32_t)_mm_cvtsi128_si32(key),
		.addr_hi = (uint32_t)_mm_extract_epi32(key, 1),
		.ports = ports << 16 | ports >> 16,
	};
}

static inline bool decode_ipv4_tcp(const struct frame *frame, const uint8_t *ip, __m128i type,
				   const struct decode_keys *keys, struct segment *segment)
{
	const struct packet p = {
		.frame = frame,
		.ip = ip,
		.tcp = ip + IPV4_LEN,
		.type = type,
		.layout = &ipv4_layout,
		.ip_len = get_be16(ip + 2),
	};
	const __m128i addresses = load(ip + 12);
	const __m128i endpoints = _mm_shuffle_epi8(addresses, constant(&ipv4_endpoints));
	uint32_t payload_len;
	__m128i key;
	const struct shape *shape = find_shapes(&p, ipv4_shapes, &payload_len);

	if (shape == NULL)
		return false;
	/* Numbers of 48 bits: the sign of the difference tells which one is higher. */
	shape +=
		(uint64_t)(_mm_extract_epi64(endpoints, 1) - _mm_extract_epi64(endpoints, 0)) >> 63;
	set_fields(&p, shape, payload_len, segment);
	key = _mm_shuffle_epi8(addresses, constant(&shape->key));
	store(&segment->addr_lo, key);
	set_hashes(segment, hash_ipv4(&decode_partition_keys, vector_key(key)),
		   hash_ipv4(keys, vector_key(key)));
	return true;
}

/* True if the sender is the higher endpoint. */
static inline bool is_ipv6_swapped(const uint8_t *ip)
{
	const uint64_t src = load_be64(ip + 8), src_low = load_be64(ip + 16);
	const uint64_t dst = load_be64(ip + 24), dst_low = load_be64(ip + 32);

	if (src != dst)
		return src > dst;
	if (src_low != dst_low)
		return src_low > dst_low;
	return get_be16(ip + IPV6_LEN) > get_be16(ip + IPV6_LEN + 2);
}

static inline bool decode_ipv6_tcp(const struct frame *frame, const uint8_t *ip, __m128i type,
				   const struct decode_keys *keys, struct segment *segment)
{
	const struct packet p = {
		.frame = frame,
		.ip = ip,
		.tcp = ip + IPV6_LEN,
		.type = type,
		.layout = &ipv6_layout,
		.ip_len = IPV6_LEN + get_be16(ip + 4),
	};
	uint32_t payload_len;
	const struct shape *shape = find_shapes(&p, ipv6_shapes, &payload_len);
	const bool swapped = is_ipv6_swapped(ip);
	uint64_t address[2][2];
	uint32_t ports;

	if (shape == NULL)
		return false;
	shape += swapped;
	set_fields(&p, shape, payload_len, segment);
	store(&segment->addr_lo, _mm_shuffle_epi8(load(p.tcp), constant(&shape->key)));
	store(address[swapped], load(ip + 8));
	store(address[!swapped], load(ip + 24));
	ports = segment_ports(segment);
	set_hashes(segment, hash_ipv6(&decode_partition_keys, address[0], address[1], ports),
		   hash_ipv6(keys, address[0], address[1], ports));
	return true;
}

/* Usual, but not quite as usual: a VLAN tag, or IPv6. */
static __attribute__((noinline)) bool
decode_second(const struct frame *frame, const struct decode_keys *keys, struct segment *segment)
{
	const uint8_t *ip = frame->data + ETHERNET_LEN;
	const uint8_t *end = frame->data + frame->caplen;
	uint16_t vlan = 0;
	bool ok = false;
	__m128i type;

	if (get_be16(ip - 2) == 0x8100) {
		vlan = (uint16_t)((get_be16(ip) & 0xfff) + 1);
		ip += VLAN_LEN;
	}
	type = load(ip - 2);
	if (is_usual(type, &ipv4_layout) && (size_t)(end - ip) >= IPV4_LEN + TCP_LEN)
		ok = decode_ipv4_tcp(frame, ip, type, keys, segment);
	else if (is_usual(type, &ipv6_layout) && (size_t)(end - ip) >= IPV6_LEN + TCP_LEN)
		ok = decode_ipv6_tcp(frame, ip, type, keys, segment);
	if (ok)
		segment->vlan = vlan;
	return ok;
}

bool decode_fast(const struct frame *frame, const struct decode_keys *keys, struct segment *segment)
{
	const uint8_t *ip = frame->data + ETHERNET_LEN;
	__m128i type;

	if (frame->interface->link_type != DECODE_LINK_ETHERNET ||
	    frame->caplen < ETHERNET_LEN + IPV4_LEN + TCP_LEN)
		return false;
	type = load(ip - 2);
	if (is_usual(type, &ipv4_layout))
		return decode_ipv4_tcp(frame, ip, type, keys, segment);
	return decode_second(frame, keys, segment);
}
