/* SPDX-License-Identifier: BSD-3-Clause */

/* Compressed IP payloads (RFC 3173): the packet that comes out, wherever it finds room. */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "frame_support.h"
#include "tcpmill/reassembly.h"

#define PROTO_IPCOMP 108
#define IPIP 4

/* The rest of b from byte at on, compressed; window_bits as deflateInit2() has them. */
static void compress_from(struct bytes *b, size_t at, int window_bits)
{
	const size_t room = b->len - at + 1024;
	uint8_t *out = malloc(room);
	z_stream stream = {0};

	assert_non_null(out);
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	stream.next_in = b->data + at;
	stream.avail_in = (unsigned int)(b->len - at);
	stream.next_out = out;
	stream.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	b->len = at;
	put_raw(b, out, room - stream.avail_out);
	assert_int_equal(deflateEnd(&stream), Z_OK);
	free(out);
}

/* A segment with that much payload, in an IPv4 packet (IPIP) or alone (TCP). */
static void put_compressed(struct bytes *b, uint8_t next, size_t payload_len, int window_bits)
{
	const size_t ip = ipv4_begin(b, PROTO_IPCOMP, "", 0);
	size_t from, inner;

	put8(b, next);
	put8(b, 0);
	put16(b, 2); /* DEFLATE */
	from = b->len;
	inner = next == IPIP ? ipv4_begin(b, PROTO_TCP, "", 0) : 0;
	put_tcp_options(b, "\1\1\x08\x0a\0\0\1\2\0\0\3\4", 12, payload_len);
	if (next == IPIP)
		ipv4_end(b, inner);
	compress_from(b, from, window_bits);
	ipv4_end(b, ip);
}

static void a_packet_comes_out(void **state)
{
	/* As the RFC has it, and with the headers that some put there. */
	static const int window_bits[] = {-15, -9, 15, 31};
	static const size_t lens[] = {0, 1, 100, 1400, 60000};

	(void)state;
	for (size_t i = 0; i < 4 * 5 * 2; i++) {
		struct bytes b = FRAME;
		struct decoded d;
		const uint8_t next = i % 2 ? IPIP : PROTO_TCP;
		const size_t len = lens[i / 2 % 5];

		put_compressed(&b, next, len, window_bits[i / 10]);
		d = decode_all(&b, LINK_RAW);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(d.segment.payload_len, len);
		assert_int_equal(d.segment.tunnel, next == IPIP ? TUNNEL_IPIP : TUNNEL_NONE);
		assert_int_equal(d.segment.tcp_hlen, 32);
		assert_int_equal(d.segment.seq, 0x01020304);
		assert_int_equal(d.segment.port_hi, 80);
		/* A segment alone has only the room of its compressed bytes. */
		if (next == IPIP || !(d.segment.bits & SEGMENT_CUT))
			assert_int_equal(d.segment.tsval, 0x102);
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* Of what is cut, that counts which comes out. */
static void cut_at_every_byte(void **state)
{
	struct bytes b = FRAME;
	bool was_tracked = false;

	(void)state;
	put_compressed(&b, IPIP, 700, -15);
	for (size_t len = 0; len <= b.len; len++) {
		struct decoded d = decode_cut(&b, LINK_RAW, len, (uint32_t)b.len);

		assert_true(d.fate == FATE_TRACKED || !was_tracked);
		assert_int_not_equal(d.fate, FATE_NOT_TCP);
		was_tracked = d.fate == FATE_TRACKED;
		if (was_tracked)
			assert_in_range(d.segment.payload_len, 0, 700);
		decoded_fini(&d);
	}
	assert_true(was_tracked);
	bytes_fini(&b);
}

static void what_does_not_come_out(void **state)
{
	struct bytes b = FRAME;
	size_t ip = ipv4_begin(&b, PROTO_IPCOMP, "", 0);

	(void)state;
	/* Not compressed. */
	put_raw(&b, "\4\0\0\2", 4);
	put_ipv4_tcp(&b);
	ipv4_end(&b, ip);
	assert_fate(&b, LINK_RAW, FATE_TUNNEL);
	/* Compressed twice, which nobody does. */
	ip = ipv4_begin(&b, PROTO_IPCOMP, "", 0);
	put_raw(&b, "\4\0\0\2", 4);
	put_compressed(&b, IPIP, 10, -15);
	compress_from(&b, 24, -15);
	ipv4_end(&b, ip);
	assert_fate(&b, LINK_RAW, FATE_TUNNEL);
	/* Nothing at all. */
	ip = ipv4_begin(&b, PROTO_IPCOMP, "", 0);
	put_raw(&b, "\4\0\0\2", 4);
	ipv4_end(&b, ip);
	assert_fate(&b, LINK_RAW, FATE_TUNNEL);
}

/* A copy of bytes [at, end) of b behind its IPv4 header, as a fragment. */
static struct frame make_fragment(const struct bytes *b, size_t at, size_t end,
				  const struct capture_interface *interface)
{
	const uint32_t len = (uint32_t)(20 + end - at);
	const uint16_t bits = (uint16_t)(at / 8 | (20 + end < b->len ? 0x2000 : 0));
	uint8_t *data = malloc(len);

	assert_non_null(data);
	memcpy(data, b->data, 20);
	memcpy(data + 20, b->data + 20 + at, end - at);
	data[2] = (uint8_t)(len >> 8);
	data[3] = (uint8_t)len;
	data[6] = (uint8_t)(bits >> 8);
	data[7] = (uint8_t)bits;
	return (struct frame){.data = data, .caplen = len, .wire_len = len, .interface = interface};
}

/* What comes out of a datagram that was put together is written there, not over the last frame. */
static void a_fragmented_packet_comes_out(void **state)
{
	static const struct capture_interface interface = {.link_type = LINK_RAW};
	struct decode_keys keys;
	const struct reassembly_params params = {.keys = &keys, .max_bytes = 1 << 20};
	struct decode_context context = {.keys = &keys};
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct bytes b = FRAME;
	struct frame first, last;
	uint8_t as_it_came[128];
	uint32_t nb;

	(void)state;
	decode_keys_init(&keys, 1);
	context.reassembly = reassembly_create(&params);
	put_compressed(&b, IPIP, 700, -15);
	first = make_fragment(&b, 0, 32, &interface);
	last = make_fragment(&b, 32, b.len - 20, &interface);
	assert_in_range(last.caplen, 21, sizeof(as_it_came));
	memcpy(as_it_came, last.data, last.caplen);
	assert_int_equal(decode_frame(&context, &first, segments, &nb), FATE_FRAGMENT);
	assert_int_equal(decode_frame(&context, &last, segments, &nb), FATE_TRACKED);
	assert_int_equal(segments[0].payload_len, 700);
	assert_int_equal(segments[0].seq, 0x01020304);
	assert_int_equal(segments[0].tunnel, TUNNEL_IPIP);
	assert_memory_equal(last.data, as_it_came, last.caplen);
	datagrams_free(reassembly_take(context.reassembly));
	reassembly_destroy(context.reassembly);
	free((void *)(uintptr_t)first.data);
	free((void *)(uintptr_t)last.data);
	bytes_fini(&b);
}

/*
 * What comes out is written over the frame: one that has to be decoded again, for a fragment
 * further on, is as it came until then.
 */
static void a_frame_for_later_is_left_alone(void **state)
{
	static const struct capture_interface interface = {.link_type = LINK_RAW};
	struct decode_keys keys;
	const struct decode_context context = {.keys = &keys};
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct bytes b = FRAME;
	struct frame frame = {.interface = &interface};
	uint8_t *copy;
	uint32_t nb;

	(void)state;
	decode_keys_init(&keys, 1);
	put_compressed(&b, IPIP, 700, -15);
	frame.data = b.data;
	frame.caplen = frame.wire_len = (uint32_t)b.len;
	copy = malloc(b.len);
	assert_non_null(copy);
	memcpy(copy, b.data, b.len);
	assert_int_equal(decode_frame(&context, &frame, segments, &nb), FATE_LATER);
	assert_int_equal(nb, 0);
	assert_memory_equal(b.data, copy, b.len);
	free(copy);
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fragmented_packet_comes_out),
		cmocka_unit_test(a_frame_for_later_is_left_alone),
		cmocka_unit_test(a_packet_comes_out),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(what_does_not_come_out),
	};

	return cmocka_run_group_tests_name("decode IPComp", tests, NULL, NULL);
}
