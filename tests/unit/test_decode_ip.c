/* SPDX-License-Identifier: BSD-3-Clause */

/* IPv4 and IPv6: lengths, fragments, extension headers, and what is no TCP. */

#include <string.h>

#include "frame_support.h"
#include "tcpmill/reassembly.h"

/* Decodes and empties a frame that holds the usual TCP part. */
static struct segment segment_of(struct bytes *b, uint16_t link_type, uint32_t wire_len)
{
	struct decoded d = decode_cut(b, link_type, b->len, wire_len);
	struct segment s = d.segment;

	assert_string_equal(fate_names[d.fate], "tracked");
	s.ip_header = NULL;
	decoded_fini(&d);
	bytes_fini(b);
	b->big_endian = true;
	return s;
}

/* ---- IPv4 -------------------------------------------------------------- */

static void ipv4_total_length_0_is_the_rest_of_the_frame(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	put_zeros(&b, 6); /* padding counts, then */
	set16(&b, 14 + 2, 0);
	s = segment_of(&b, LINK_ETHERNET, (uint32_t)b.len);
	assert_int_equal(s.ip_len, 51);
	assert_int_equal(s.payload_len, 11);
	/* On the wire, not in the capture: offloaded segments are larger than 64 KiB. */
	put_ipv4_tcp(&b);
	set16(&b, 2, 0);
	s = segment_of(&b, LINK_RAW, 100040);
	assert_int_equal(s.ip_len, 100040);
	assert_int_equal(s.payload_len, 100000);
}

static void ipv4_total_length_beyond_the_frame_is_the_rest_of_it(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	set16(&b, 14 + 2, 60000);
	s = segment_of(&b, LINK_ETHERNET, 14 + 45);
	assert_int_equal(s.ip_len, 45);
	assert_int_equal(s.payload_len, 5);
	put_ipv4_tcp(&b);
	set16(&b, 2, 60000);
	s = segment_of(&b, LINK_RAW, 59999);
	assert_int_equal(s.ip_len, 59999);
	assert_int_equal(s.payload_len, 59959);
}

static void lengths_never_come_from_captured_bytes(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ipv4_tcp(&b);
	set16(&b, 2, 1400);
	s = segment_of(&b, LINK_RAW, 1500);
	assert_int_equal(s.ip_len, 1400);
	assert_int_equal(s.payload_len, 1360);
	assert_int_equal(s.bits, 0); /* a cut payload is harmless */
	put_ipv6_tcp(&b);
	set16(&b, 4, 1360);
	s = segment_of(&b, LINK_RAW, 1500);
	assert_int_equal(s.ip_len, 1400);
	assert_int_equal(s.payload_len, 1340);
}

/* A record that has more captured bytes than bytes on the wire is one with a wrong length. */
static void a_wire_length_below_the_captured_one_is_not_believed(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ipv4_tcp(&b);
	s = segment_of(&b, LINK_RAW, 0);
	assert_int_equal(s.ip_len, 45);
	assert_int_equal(s.payload_len, 5);
}

static void bytes_behind_the_ip_length_are_padding(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	put_zeros(&b, 100);
	s = segment_of(&b, LINK_ETHERNET, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.ip_len, 45);
	put_ethernet(&b, 0x86dd);
	put_ipv6_tcp(&b);
	put_zeros(&b, 100);
	s = segment_of(&b, LINK_ETHERNET, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.ip_len, 65);
}

static void ipv4_headers_that_cannot_be(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (unsigned first = 0; first <= 255; first++) {
		if (first >> 4 == 6 || (first >= 0x45 && first <= 0x4f))
			continue;
		put_ipv4_tcp(&b);
		set8(&b, 0, (uint8_t)first);
		assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	}
	for (uint16_t total = 1; total < 20; total++) {
		put_ipv4_tcp(&b);
		set16(&b, 2, total);
		assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	}
	for (size_t len = 0; len < 20; len++) {
		put_ipv4_tcp(&b);
		b.len = len;
		assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	}
	/* Options that the length leaves no room for. */
	put_ipv4_tcp(&b);
	set8(&b, 0, 0x4f);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
}

/* Link type 228 says IPv4; the version nibble is believed more. */
static void ipv6_in_a_link_of_ipv4(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ipv6_tcp(&b);
	assert_usual(&b, 228, TUNNEL_NONE, 0);
	put_ethernet(&b, 0x0800);
	put_ipv6_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
}

static void ipv4_fragments(void **state)
{
	/* More fragments; offsets, the largest and the smallest; both. */
	static const uint16_t fragments[] = {0x2000, 0x1fff, 0x0001, 0x2001, 0x6000, 0xffff};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
		put_ipv4_tcp(&b);
		set16(&b, 6, fragments[i]);
		assert_fate(&b, LINK_RAW, FATE_FRAGMENT);
		put_ipv4_tcp(&b);
		set16(&b, 6, fragments[i]);
		set8(&b, 9, PROTO_UDP);
		assert_fate(&b, LINK_RAW, FATE_FRAGMENT);
	}
	/* "Don't fragment" and the reserved bit make none. */
	put_ipv4_tcp(&b);
	set16(&b, 6, 0xc000);
	assert_usual(&b, LINK_RAW, TUNNEL_NONE, 0);
}

static void put_tag(struct bytes *b, uint16_t type, uint16_t id)
{
	set16(b, b->len - 2, type);
	put16(b, id);
	put16(b, 0x0800);
}

/* Of the usual segment 16 bytes, then the rest, in frames with these tags (type and id). */
static bool meet(const uint16_t (*first)[2], const uint16_t (*second)[2])
{
	const struct capture_interface interface = {.link_type = LINK_ETHERNET};
	struct reassembly_params params = {.max_bytes = 1 << 20};
	struct decode_keys keys;
	struct decode_context context = {.keys = &keys};
	struct segment segments[DECODE_MAX_SEGMENTS];
	bool is_whole = false;

	decode_keys_init(&keys, 1);
	params.keys = &keys;
	context.reassembly = reassembly_create(&params);
	assert_non_null(context.reassembly);
	for (int i = 0; i < 2; i++) {
		struct bytes b = FRAME, tcp = FRAME;
		struct frame frame = {.interface = &interface};
		uint32_t nb;
		size_t at;

		put_tcp(&tcp);
		put_ethernet(&b, 0x0800);
		for (int k = 0; k < 2 && (i == 0 ? first : second)[k][0] != 0; k++)
			put_tag(&b, (i == 0 ? first : second)[k][0],
				(i == 0 ? first : second)[k][1]);
		at = ipv4_begin(&b, PROTO_TCP, "", 0);
		put_raw(&b, tcp.data + (i == 0 ? 0 : 16), i == 0 ? 16 : 9);
		ipv4_end(&b, at);
		set16(&b, at + 6, i == 0 ? 0x2000 : 2);
		frame.data = b.data;
		frame.caplen = (uint32_t)b.len;
		frame.wire_len = (uint32_t)b.len;
		is_whole = decode_frame(&context, &frame, segments, &nb) == FATE_TRACKED;
		bytes_fini(&b);
		bytes_fini(&tcp);
	}
	reassembly_destroy(context.reassembly);
	return is_whole;
}

/* Of private addresses; a service tag (0x88a8) has no say, nor has an id of 0. */
static void ipv4_fragments_in_vlans(void **state)
{
	static const uint16_t none[2][2] = {{0}}, of_5[2][2] = {{0x8100, 5}},
			      priority[2][2] = {{0x8100, 0xe000}},
			      old_5_of_6[2][2] = {{0x9100, 5}, {0x8100, 6}},
			      of_6_of_5[2][2] = {{0x8100, 6}, {0x8100, 5}},
			      service_6_of_5[2][2] = {{0x88a8, 6}, {0x8100, 5}},
			      zero_of_5[2][2] = {{0x8100, 0}, {0x8100, 5}},
			      service_6[2][2] = {{0x88a8, 6}};

	(void)state;
	assert_true(meet(none, none));
	assert_true(meet(of_5, of_5));
	assert_false(meet(of_5, none));
	assert_true(meet(priority, none));
	assert_true(meet(service_6, none));
	assert_true(meet(of_5, old_5_of_6));
	assert_true(meet(of_5, service_6_of_5));
	assert_true(meet(of_5, zero_of_5));
	assert_false(meet(of_5, of_6_of_5));
}

/* A first fragment that was cut has a payload of unknown length; IPv4 in it tells its own. */
static void packets_in_a_fragment_that_is_cut(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		struct bytes b = FRAME;
		const size_t at = ipv4_begin(&b, version == 4 ? 4 : 41, "", 0);
		struct decoded d;

		(void)(version == 4 ? put_ipv4_tcp(&b) : put_ipv6_tcp(&b));
		ipv4_end(&b, at);
		set16(&b, at + 6, 0x2000);
		d = decode_cut(&b, LINK_RAW, b.len - 1, (uint32_t)b.len);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(d.segment.bits, version == 4 ? 0 : SEGMENT_IPV6 | SEGMENT_SHORT);
		assert_int_equal(d.segment.payload_len, version == 4 ? 5 : 0);
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* ---- authentication header --------------------------------------------- */

static void put_ah(struct bytes *b, uint8_t next, uint8_t words_minus_2)
{
	put8(b, next);
	put8(b, words_minus_2);
	put16(b, 0);
	put_zeros(b, words_minus_2 * 4u + 4);
}

static void authentication_headers_are_skipped(void **state)
{
	struct bytes b = FRAME;
	struct segment s;
	size_t at;

	(void)state;
	at = ipv4_begin(&b, 51, "", 0);
	put_ah(&b, 51, 4); /* 24 bytes */
	put_ah(&b, PROTO_TCP, 1);
	put_tcp(&b);
	ipv4_end(&b, at);
	s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.tcp_off, 20 + 24 + 12);
	assert_int_equal(s.ip_len, 20 + 24 + 12 + 25);
	at = ipv4_begin(&b, 51, "", 0);
	put_ah(&b, PROTO_TCP, 0); /* 8 bytes: the oracle believes it */
	put_tcp(&b);
	ipv4_end(&b, at);
	s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.tcp_off, 20 + 8);
	at = ipv6_begin(&b, 51);
	put_ah(&b, PROTO_TCP, 4);
	put_tcp(&b);
	ipv6_end(&b, at);
	s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.tcp_off, 40 + 24);
	assert_int_equal(s.ip_len, 40 + 24 + 25);
}

static void authentication_headers_that_are_not_there(void **state)
{
	struct bytes b = FRAME;
	size_t at;

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		/* Longer than the packet says. */
		at = version == 4 ? ipv4_begin(&b, 51, "", 0) : ipv6_begin(&b, 51);
		put_ah(&b, PROTO_TCP, 4);
		(void)(version == 4 ? ipv4_end(&b, at) : ipv6_end(&b, at));
		put_tcp(&b); /* in the padding */
		set8(&b, at + (version == 4 ? 20 : 40) + 1, 5);
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		/* Cut by the snap length. */
		at = version == 4 ? ipv4_begin(&b, 51, "", 0) : ipv6_begin(&b, 51);
		put_ah(&b, PROTO_TCP, 4);
		put_tcp(&b);
		(void)(version == 4 ? ipv4_end(&b, at) : ipv6_end(&b, at));
		b.len -= 25 + 1;
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		b.len = 0;
		at = version == 4 ? ipv4_begin(&b, 51, "", 0) : ipv6_begin(&b, 51);
		put_zeros(&b, 11);
		(void)(version == 4 ? ipv4_end(&b, at) : ipv6_end(&b, at));
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	}
}

/* ---- IPv6 -------------------------------------------------------------- */

static void put_fragment(struct bytes *b, uint8_t next, uint16_t offset_and_more)
{
	put8(b, next);
	put8(b, 0);
	put16(b, offset_and_more);
	put32(b, 0x12345678);
}

static void each_ipv6_extension_header_is_skipped(void **state)
{
	static const uint8_t types[] = {0, 43, 60, 44};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t len = 8; len <= 2048; len *= 2) {
			struct bytes b = FRAME;
			const size_t at = ipv6_begin(&b, types[i]);
			struct segment s;

			if (types[i] == 44)
				put_fragment(&b, PROTO_TCP, 0);
			else
				put_extension(&b, PROTO_TCP, len, "\x01\x04",
					      types[i] == 43 ? 0 : 2);
			put_tcp(&b);
			ipv6_end(&b, at);
			s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
			assert_usual_tcp(&s);
			assert_int_equal(s.tcp_off, 40 + (types[i] == 44 ? 8 : len));
			assert_int_equal(s.ip_len, s.tcp_off + 25);
			assert_int_equal(s.bits, SEGMENT_IPV6);
		}
	}
}

static void a_chain_of_ipv6_extension_headers(void **state)
{
	struct bytes b = FRAME;
	const size_t at = ipv6_begin(&b, 0);
	struct segment s;

	(void)state;
	put_extension(&b, 60, 8, "\x01\x04", 2);
	put_extension(&b, 43, 16, "", 0);
	put_extension(&b, 44, 24, "", 0);
	put_fragment(&b, 51, 0x0006); /* atomic; the reserved bits do not count */
	put_ah(&b, 60, 4);
	put_extension(&b, PROTO_TCP, 8, "", 0);
	put_tcp(&b);
	ipv6_end(&b, at);
	s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
	assert_usual_tcp(&s);
	assert_int_equal(s.tcp_off, 40 + 8 + 16 + 24 + 8 + 24 + 8);
	assert_int_equal(s.ip_len, 40 + 8 + 16 + 24 + 8 + 24 + 8 + 25);
}

static void ipv6_fragments(void **state)
{
	/* More fragments; the smallest offset; both. */
	static const uint16_t fragments[] = {0x0001, 0x0008, 0x0009, 0xfff8};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const size_t at = ipv6_begin(&b, 44);

		put_fragment(&b, PROTO_TCP, fragments[i]);
		put_tcp(&b);
		ipv6_end(&b, at);
		assert_fate(&b, LINK_RAW, FATE_FRAGMENT);
	}
}

static void ipv6_payload_length_beyond_the_frame_is_the_rest_of_it(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ipv6_tcp(&b);
	set16(&b, 4, 60000);
	s = segment_of(&b, LINK_RAW, 1040);
	assert_int_equal(s.ip_len, 1040);
	assert_int_equal(s.payload_len, 1000 - 20);
}

static void ipv6_payload_length_0_needs_the_jumbo_option(void **state)
{
	struct bytes b = FRAME;
	struct segment s;

	(void)state;
	put_ipv6_tcp(&b);
	set16(&b, 4, 0);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	(void)ipv6_begin(&b, 0);
	put_extension(&b, PROTO_TCP, 8, "\x01\x04", 2);
	put_tcp(&b);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	/* 65,536 + 16 bytes behind the IPv6 header: 8 of options, 20 of TCP. */
	(void)ipv6_begin(&b, 0);
	put_extension(&b, PROTO_TCP, 8, "\xc2\x04\x00\x01\x00\x10", 6);
	put_tcp(&b);
	s = segment_of(&b, LINK_RAW, 200000);
	assert_int_equal(s.ip_len, 40 + 65552);
	assert_int_equal(s.payload_len, 65552 - 28);
	assert_int_equal(s.tcp_off, 48);
	/* More than the frame has: the rest of it. Padding options stand in front. */
	(void)ipv6_begin(&b, 0);
	put_extension(&b, PROTO_TCP, 16, "\x00\x01\x02\x00\x00\xc2\x04\x00\x01\x00\x10", 11);
	put_tcp(&b);
	s = segment_of(&b, LINK_RAW, 60040);
	assert_int_equal(s.ip_len, 60040);
	assert_int_equal(s.payload_len, 60000 - 36);
	/* 65,535 would have fitted the field: not believed. */
	(void)ipv6_begin(&b, 0);
	put_extension(&b, PROTO_TCP, 8, "\xc2\x04\x00\x00\xff\xff", 6);
	put_tcp(&b);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	/* With a payload length the option is passed over. */
	{
		const size_t at = ipv6_begin(&b, 0);

		put_extension(&b, PROTO_TCP, 8, "\xc2\x04\x00\x01\x00\x10", 6);
		put_tcp(&b);
		ipv6_end(&b, at);
		s = segment_of(&b, LINK_RAW, (uint32_t)b.len);
		assert_usual_tcp(&s);
	}
}

static void ipv6_headers_that_cannot_be(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (size_t len = 1; len < 40; len++) {
		put_ipv6_tcp(&b);
		b.len = len;
		assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	}
	/* An extension header longer than the payload. */
	(void)ipv6_begin(&b, 60);
	put_extension(&b, PROTO_TCP, 16, "", 0);
	put_tcp(&b);
	set16(&b, 4, 15);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
	/* One that the snap length cut: nothing can be said. */
	for (size_t cut = 0; cut < 16; cut++) {
		const size_t at = ipv6_begin(&b, 60);

		put_extension(&b, PROTO_TCP, 16, "", 0);
		put_tcp(&b);
		ipv6_end(&b, at);
		b.len = 40 + cut;
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	}
}

/* ---- no TCP ------------------------------------------------------------ */

static void put_ipv4_of(struct bytes *b, uint8_t protocol, const void *payload, size_t len)
{
	const size_t at = ipv4_begin(b, protocol, "", 0);

	put_raw(b, payload, len);
	put_zeros(b, 60);
	ipv4_end(b, at);
}

static void put_ipv6_of(struct bytes *b, uint8_t protocol, const void *payload, size_t len)
{
	const size_t at = ipv6_begin(b, protocol);

	put_raw(b, payload, len);
	put_zeros(b, 60);
	ipv6_end(b, at);
}

static void other_protocols_are_not_tcp(void **state)
{
	/* IGMP, UDP, no next header, OSPF, SCTP, UDP-Lite. */
	static const uint8_t protocols[] = {2, PROTO_UDP, 59, 89, 132, 136};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		put_ipv4_of(&b, protocols[i], "\x00\x35\x00\x35", 4);
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		put_ipv6_of(&b, protocols[i], "\x00\x35\x00\x35", 4);
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	}
	put_ipv4_of(&b, PROTO_UDP, "\x12\xb5\x12", 0);
	b.len = 20 + 3; /* the ports are not all there */
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
}

/* An ICMP error of this type; behind its 8 bytes, the packet it quotes, cut to len. */
static void put_quote(struct bytes *b, int version, uint8_t type, size_t len)
{
	const size_t at = version == 4 ? ipv4_begin(b, 1, "", 0) : ipv6_begin(b, 58);
	size_t from;

	put8(b, type);
	put_zeros(b, 7);
	from = b->len;
	if (version == 4)
		put_ipv4_tcp(b);
	else
		put_ipv6_tcp(b);
	assert_true(from + len <= b->len);
	b->len = from + len;
	(void)(version == 4 ? ipv4_end(b, at) : ipv6_end(b, at));
}

/* The frame has one header, which is quoted; the frame is emptied. */
static void assert_quoted(struct bytes *b, uint8_t bits)
{
	struct decoded d = decode_all(b, LINK_RAW);

	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.nb, 1);
	assert_true(d.segment.is_quoted);
	assert_int_equal(d.segment.bits & (SEGMENT_SHORT | SEGMENT_CUT | SEGMENT_IPV6), bits);
	assert_int_equal(d.segment.payload_len, 0);
	assert_int_equal(d.segment.port_lo, 40000);
	decoded_fini(&d);
	bytes_fini(b);
	b->big_endian = true;
}

static void icmp_errors_that_quote_16_bytes_of_tcp(void **state)
{
	static const uint8_t types_4[] = {3, 4, 11, 12}, types_6[] = {1, 2, 3, 4};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		put_quote(&b, 4, types_4[i], 45);
		assert_quoted(&b, SEGMENT_SHORT);
		put_quote(&b, 4, types_4[i], 36);
		assert_quoted(&b, SEGMENT_SHORT);
		put_quote(&b, 6, types_6[i], 56);
		assert_quoted(&b, SEGMENT_SHORT | SEGMENT_IPV6);
		put_quote(&b, 4, types_4[i], 35);
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		put_quote(&b, 4, types_4[i], 28); /* a router that returns 8 bytes */
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		put_quote(&b, 6, types_6[i], 55);
		assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	}
}

static void the_length_of_a_quote(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	/* A redirect has 8 bytes of TCP, whatever is there. */
	put_quote(&b, 4, 5, 45);
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	/* RFC 4884: words of 4 bytes, if the message and the quoted packet have more of them. */
	for (uint8_t words = 0; words < 13; words++) {
		put_quote(&b, 4, 3, 45);
		set8(&b, 20 + 5, words);
		if (words >= 1 && words <= 3) /* behind its IP header: 4, 8 and 12 bytes of TCP */
			assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
		else
			assert_quoted(&b, SEGMENT_SHORT);
	}
}

static void other_icmp_is_not_tcp(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_quote(&b, 4, 8, 45); /* an echo request may hold anything */
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	put_quote(&b, 6, 128, 65);
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	put_quote(&b, 4, 3, 45);
	set8(&b, 28 + 9, PROTO_UDP);
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	put_quote(&b, 4, 3, 45);
	set8(&b, 28, 0x44); /* no IPv4 header */
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	put_quote(&b, 6, 1, 65);
	set8(&b, 48 + 6, PROTO_UDP);
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
	put_quote(&b, 6, 1, 65);
	set8(&b, 48, 0x40);
	assert_fate(&b, LINK_RAW, FATE_NOT_TCP);
}

/* 64 authentication headers of 1028 bytes: the place of TCP does not fit its field. */
static void more_headers_than_a_segment_can_tell(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	(void)ipv4_begin(&b, 51, "", 0);
	for (int i = 0; i < 63; i++)
		put_ah(&b, 51, 255);
	put_ah(&b, PROTO_TCP, 255);
	put_tcp(&b);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD); /* total length 0: the rest of the frame */
	(void)ipv6_begin(&b, 0);
	put_extension(&b, 51, 8, "\xc2\x04\x00\x02\x00\x00", 6);
	for (int i = 0; i < 63; i++)
		put_ah(&b, 51, 255);
	put_ah(&b, PROTO_TCP, 255);
	put_tcp(&b);
	assert_fate(&b, LINK_RAW, FATE_IP_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_total_length_0_is_the_rest_of_the_frame),
		cmocka_unit_test(ipv4_total_length_beyond_the_frame_is_the_rest_of_it),
		cmocka_unit_test(lengths_never_come_from_captured_bytes),
		cmocka_unit_test(a_wire_length_below_the_captured_one_is_not_believed),
		cmocka_unit_test(bytes_behind_the_ip_length_are_padding),
		cmocka_unit_test(ipv4_headers_that_cannot_be),
		cmocka_unit_test(ipv6_in_a_link_of_ipv4),
		cmocka_unit_test(ipv4_fragments),
		cmocka_unit_test(ipv4_fragments_in_vlans),
		cmocka_unit_test(packets_in_a_fragment_that_is_cut),
		cmocka_unit_test(authentication_headers_are_skipped),
		cmocka_unit_test(authentication_headers_that_are_not_there),
		cmocka_unit_test(each_ipv6_extension_header_is_skipped),
		cmocka_unit_test(a_chain_of_ipv6_extension_headers),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(ipv6_payload_length_beyond_the_frame_is_the_rest_of_it),
		cmocka_unit_test(ipv6_payload_length_0_needs_the_jumbo_option),
		cmocka_unit_test(ipv6_headers_that_cannot_be),
		cmocka_unit_test(other_protocols_are_not_tcp),
		cmocka_unit_test(icmp_errors_that_quote_16_bytes_of_tcp),
		cmocka_unit_test(the_length_of_a_quote),
		cmocka_unit_test(other_icmp_is_not_tcp),
		cmocka_unit_test(more_headers_than_a_segment_can_tell),
	};

	return cmocka_run_group_tests_name("decode IP", tests, NULL, NULL);
}
