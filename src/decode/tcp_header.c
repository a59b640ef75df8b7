/* SPDX-License-Identifier: BSD-3-Clause */

/* The TCP header (RFC 9293 3.1) and the flow key with its hashes. */

#include <string.h>

#include "decode_priv.h"
#include "tcpmill/capture.h"

#define TCP_MIN_CAPTURED 16u

const struct decode_keys decode_partition_keys = {
	{0x8f1bbcdcca62c1d7, 0x5a827999d76aa479, 0xc3d2e1f06ed9eba3, 0x98badcfe10325477,
	 0x67452301efcdab8b, 0xb5c0fbcfe9b5dba7, 0x3956c25bf348b539, 0xd807aa98a3030243,
	 0x72be5d7480deb1ff, 0xc19bf174e49b69c5},
};

static void key_ipv4(const struct decode_keys *keys, struct segment *s, uint16_t src_port,
		     uint16_t dst_port)
{
	const uint32_t src = get_be32(s->ip_header + 12), dst = get_be32(s->ip_header + 16);
	const bool swapped = src > dst || (src == dst && src_port > dst_port);
	struct key_ipv4 key;

	s->addr_lo = swapped ? dst : src;
	s->addr_hi = swapped ? src : dst;
	s->port_lo = swapped ? dst_port : src_port;
	s->port_hi = swapped ? src_port : dst_port;
	s->bits |= swapped ? SEGMENT_SWAPPED : 0;
	key = (struct key_ipv4){s->addr_lo, s->addr_hi, segment_ports(s)};
	set_hashes(s, hash_ipv4(&decode_partition_keys, key), hash_ipv4(keys, key));
}

static void key_ipv6(const struct decode_keys *keys, struct segment *s, uint16_t src_port,
		     uint16_t dst_port)
{
	const uint8_t *src = s->ip_header + 8, *dst = s->ip_header + 24;
	const int order = memcmp(src, dst, 16);
	const bool swapped = order > 0 || (order == 0 && src_port > dst_port);
	uint64_t lo[2], hi[2];

	memcpy(lo, swapped ? dst : src, sizeof(lo));
	memcpy(hi, swapped ? src : dst, sizeof(hi));
	s->addr_lo = 0;
	s->addr_hi = 0;
	s->port_lo = swapped ? dst_port : src_port;
	s->port_hi = swapped ? src_port : dst_port;
	s->bits |= swapped ? SEGMENT_SWAPPED : 0;
	set_hashes(s, hash_ipv6(&decode_partition_keys, lo, hi, segment_ports(s)),
		   hash_ipv6(keys, lo, hi, segment_ports(s)));
}

/* Marks what the options hold; most segments have none or only time stamps. */
static void scan_options(struct segment *s, const uint8_t *options, size_t len)
{
	size_t i = 0;

	/* NOP, NOP, time stamps: what Linux puts on every segment. */
	if (len == 12 && get_be32(options) == 0x0101080a) {
		s->tsval = get_be32(options + 4);
		s->bits |= SEGMENT_HAS_TSVAL;
		return;
	}
	while (i < len && options[i] != 0) {
		uint8_t kind = options[i], size;

		if (kind == 1) {
			i++;
			continue;
		}
		if (len - i < 2 || options[i + 1] < 2 || options[i + 1] > len - i) {
			s->bits |= SEGMENT_OPTIONS;
			return;
		}
		size = options[i + 1];
		if (kind == 8 && size == 10) {
			s->tsval = get_be32(options + i + 2);
			s->bits |= SEGMENT_HAS_TSVAL;
		} else {
			s->bits |= SEGMENT_OPTIONS;
			if (kind == 5)
				s->bits |= SEGMENT_HAS_SACK;
		}
		i += size;
	}
}

enum fate decode_tcp(struct cursor *c, uint64_t ip_payload)
{
	struct segment *s = c->segment;
	const uint8_t *tcp = c->at;
	const size_t captured = cursor_left(c);
	size_t header_captured;

	if (captured < TCP_MIN_CAPTURED)
		return FATE_TCP_SHORT;
	if (tcp - s->ip_header > UINT16_MAX)
		return FATE_IP_BAD; /* more headers than tcp_off can tell */
	s->tcp_off = (uint16_t)(tcp - s->ip_header);
	s->seq = get_be32(tcp + 4);
	s->ack = get_be32(tcp + 8);
	s->tcp_hlen = (uint8_t)((tcp[12] >> 4) * 4);
	s->tcp_flags = tcp[13];
	s->win = get_be16(tcp + 14);
	s->cksum = captured >= 18 ? get_be16(tcp + 16) : 0;
	s->tsval = 0;
	s->payload_len = 0;
	header_captured = captured < s->tcp_hlen ? captured : s->tcp_hlen;
	s->tcp_caplen = (uint8_t)header_captured;
	if (ip_payload < s->tcp_hlen || c->is_quoted)
		s->bits |= SEGMENT_SHORT;
	if (!(s->bits & SEGMENT_SHORT))
		s->payload_len = (uint32_t)(ip_payload - s->tcp_hlen);
	if (s->tcp_hlen < 20) {
		s->bits |= SEGMENT_BAD_OFFSET;
		s->tcp_caplen = TCP_MIN_CAPTURED;
	} else {
		if (header_captured < s->tcp_hlen &&
		    (!(s->bits & SEGMENT_SHORT) || captured < c->wire_left))
			s->bits |= SEGMENT_CUT;
		if (header_captured > 20)
			scan_options(s, tcp + 20, header_captured - 20);
	}
	if (s->bits & SEGMENT_IPV6)
		key_ipv6(c->layers->context->keys, s, get_be16(tcp), get_be16(tcp + 2));
	else
		key_ipv4(c->layers->context->keys, s, get_be16(tcp), get_be16(tcp + 2));
	s->ts_ns = c->layers->frame->ts_ns;
	s->clock_ns = c->layers->frame->clock_ns;
	s->is_quoted = c->is_quoted;
	if (s == &c->layers->unread)
		c->layers->nb_unread++;
	else
		s->layer = (uint8_t)c->layers->nb++;
	return FATE_TRACKED;
}

void decode_keys_init(struct decode_keys *keys, uint64_t seed)
{
	/* splitmix64: any seed gives well-spread words. */
	for (int i = 0; i < DECODE_NB_KEYS; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		keys->word[i] = z ^ z >> 31;
	}
}

static void begin_segment(struct segment *segment)
{
	segment->bits = 0;
	segment->vlan = 0;
	segment->tunnel = TUNNEL_NONE;
}

struct cursor cursor_fork(const struct cursor *c, size_t len, uint64_t wire_len)
{
	struct layers *layers = c->layers;
	struct cursor inner = *c;

	inner.end = c->at + len;
	inner.wire_left = wire_len;
	inner.segment =
		layers->nb < DECODE_MAX_SEGMENTS ? &layers->segments[layers->nb] : &layers->unread;
	begin_segment(inner.segment);
	return inner;
}

enum fate decode_general(const struct decode_context *context, const struct frame *frame,
			 struct segment *segments, uint32_t *nb)
{
	struct layers layers = {.context = context, .frame = frame, .segments = segments};
	struct cursor c = {
		/* The bytes are the chunk's own buffer: see decode.h on source routes. */
		.start = (uint8_t *)(uintptr_t)frame->data,
		.at = (uint8_t *)(uintptr_t)frame->data,
		.end = (uint8_t *)(uintptr_t)frame->data + frame->caplen,
		.wire_left = frame->wire_len > frame->caplen ? frame->wire_len : frame->caplen,
		.segment = segments,
		.layers = &layers,
	};
	enum fate fate;

	begin_segment(segments);
	fate = decode_link(&c, frame->interface->link_type);
	*nb = layers.is_later ? 0 : layers.nb;
	if (layers.is_later)
		return FATE_LATER;
	if (layers.nb_unread != 0 && context->nb_unread != NULL)
		*context->nb_unread += layers.nb_unread;
	return layers.nb != 0 ? FATE_TRACKED : fate;
}

enum fate decode_frame(const struct decode_context *context, const struct frame *frame,
		       struct segment *segments, uint32_t *nb)
{
	if (decode_fast(frame, context->keys, segments)) {
		*nb = 1;
		return FATE_TRACKED;
	}
	return decode_general(context, frame, segments, nb);
}
