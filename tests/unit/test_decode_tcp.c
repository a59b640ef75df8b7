/* SPDX-License-Identifier: BSD-3-Clause */

/* The TCP header: what was captured of it, what it says of itself, its options. */

#include <string.h>

#include "frame_support.h"

/* The usual segment with these options in IPv4, of which len - cut bytes were captured. */
static struct segment segment_with(const void *options, size_t len, size_t cut)
{
	struct bytes b = FRAME;
	const size_t at = ipv4_begin(&b, PROTO_TCP, "", 0);
	struct decoded d;

	put_tcp_options(&b, options, len, 0);
	ipv4_end(&b, at);
	d = decode_cut(&b, LINK_RAW, b.len - cut, (uint32_t)b.len);
	assert_string_equal(fate_names[d.fate], "tracked");
	assert_int_equal(d.segment.tcp_hlen, 20 + len);
	assert_int_equal(d.segment.tcp_caplen, 20 + len - cut);
	assert_int_equal(d.segment.payload_len, 0);
	decoded_fini(&d);
	bytes_fini(&b);
	return d.segment;
}

#define SEGMENT_WITH(options) segment_with(options, sizeof(options) - 1, 0)

/* ---- captured bytes ---------------------------------------------------- */

static void fewer_than_16_captured_bytes_are_no_segment(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (size_t captured = 0; captured < 16; captured++) {
		struct decoded d;

		put_ipv4_tcp(&b);
		d = decode_cut(&b, LINK_RAW, 20 + captured, 1500);
		assert_int_equal(d.fate, FATE_TCP_SHORT);
		decoded_fini(&d);
		b.len = 0;
		put_ipv6_tcp(&b);
		d = decode_cut(&b, LINK_RAW, 40 + captured, 1500);
		assert_int_equal(d.fate, FATE_TCP_SHORT);
		decoded_fini(&d);
		b.len = 0;
	}
	bytes_fini(&b);
}

static void from_16_to_19_captured_bytes_the_header_is_cut(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ipv4_tcp(&b);
	for (size_t captured = 16; captured <= 25; captured++) {
		struct decoded d = decode_cut(&b, LINK_RAW, 20 + captured, (uint32_t)b.len);
		const struct segment *s = &d.segment;

		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(s->bits, captured < 20 ? SEGMENT_CUT : 0);
		assert_int_equal(s->tcp_caplen, captured < 20 ? captured : 20);
		assert_int_equal(s->cksum, captured < 18 ? 0 : 0xabcd);
		assert_int_equal(s->win, 0x1234);
		assert_int_equal(s->payload_len, 5);
		decoded_fini(&d);
	}
	bytes_fini(&b);
}

/* NOP, NOP, time stamps, then MSS: what was not captured is not there. */
static void options_that_the_snap_length_cut(void **state)
{
	static const uint8_t options[] = {1, 1, 8, 10, 0xaa, 0xbb, 0xcc, 0xdd,
					  1, 2, 3, 4,  2,    4,    5,    0xb4};

	(void)state;
	for (size_t cut = 0; cut <= 16; cut++) {
		const struct segment s = segment_with(options, sizeof(options), cut);
		const size_t captured = 16 - cut;
		unsigned bits = cut > 0 ? SEGMENT_CUT : 0;

		/* An option that is cut is left to those who look closer. */
		if (captured > 12 || (captured > 2 && captured < 12))
			bits |= SEGMENT_OPTIONS;
		if (captured >= 12)
			bits |= SEGMENT_HAS_TSVAL;
		assert_int_equal(s.bits, bits);
		assert_int_equal(s.tsval, captured >= 12 ? 0xaabbccdd : 0);
	}
}

static void a_cut_payload_is_harmless(void **state)
{
	struct bytes b = FRAME;
	struct decoded d;
	size_t at;

	(void)state;
	at = ipv4_begin(&b, PROTO_TCP, "", 0);
	put_tcp_options(&b, "\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02", 12, 1448);
	ipv4_end(&b, at);
	d = decode_cut(&b, LINK_RAW, 20 + 32, (uint32_t)b.len);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.segment.payload_len, 1448);
	assert_int_equal(d.segment.bits, SEGMENT_HAS_TSVAL);
	assert_int_equal(d.segment.tcp_caplen, 32);
	decoded_fini(&d);
	bytes_fini(&b);
}

/* ---- the data offset --------------------------------------------------- */

static void a_data_offset_below_5_counts_the_header_as_data(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (uint8_t offset = 0; offset < 5; offset++) {
		struct decoded d;
		const struct segment *s = &d.segment;

		b.len = 0;
		put_ipv4_tcp(&b);
		set8(&b, 20 + 12, (uint8_t)(offset << 4 | 0x0f)); /* reserved bits do not count */
		d = decode_all(&b, LINK_RAW);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(s->bits, SEGMENT_BAD_OFFSET);
		assert_int_equal(s->tcp_hlen, 4 * offset);
		assert_int_equal(s->tcp_caplen, 16);
		assert_int_equal(s->payload_len, 25 - 4 * offset);
		decoded_fini(&d);
	}
	bytes_fini(&b);
}

static void an_ip_payload_below_the_header_is_a_short_segment(void **state)
{
	struct bytes b = FRAME;
	struct decoded d;

	(void)state;
	/* 16 to 19 bytes: some of the fixed header is missing. */
	for (uint16_t payload = 16; payload < 20; payload++) {
		b.len = 0;
		put_ethernet(&b, 0x0800);
		put_ipv4_tcp(&b);
		put_zeros(&b, 60);
		set16(&b, 14 + 2, (uint16_t)(20 + payload));
		d = decode_all(&b, LINK_ETHERNET);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(d.segment.bits, SEGMENT_SHORT);
		assert_int_equal(d.segment.payload_len, 0);
		assert_int_equal(d.segment.ip_len, 20 + payload);
		assert_int_equal(d.segment.tcp_caplen, payload);
		assert_int_equal(d.segment.cksum, payload < 18 ? 0 : 0xabcd);
		decoded_fini(&d);
	}
	/* Fewer than 16 are nothing at all, whatever the padding. */
	b.len = 0;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	put_zeros(&b, 60);
	set16(&b, 14 + 2, 20 + 15);
	d = decode_all(&b, LINK_ETHERNET);
	assert_int_equal(d.fate, FATE_TCP_SHORT);
	decoded_fini(&d);
	/* Options as far as they exist: 60 bytes of header are said, 32 are there. */
	b.len = 0;
	{
		const size_t at = ipv4_begin(&b, PROTO_TCP, "", 0);

		put_tcp_options(&b, "\x01\x01\x08\x0a\x00\x00\x00\x09\x00\x00\x00\x00", 12, 0);
		set8(&b, 20 + 12, 0xf0);
		ipv4_end(&b, at);
	}
	d = decode_all(&b, LINK_RAW);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.segment.bits, SEGMENT_SHORT | SEGMENT_HAS_TSVAL);
	assert_int_equal(d.segment.tsval, 9);
	assert_int_equal(d.segment.tcp_hlen, 60);
	assert_int_equal(d.segment.tcp_caplen, 32);
	decoded_fini(&d);
	bytes_fini(&b);
}

/* ---- options ----------------------------------------------------------- */

static void time_stamps_wherever_they_stand(void **state)
{
	struct segment s;

	(void)state;
	s = SEGMENT_WITH("\x01\x01\x08\x0a\x11\x22\x33\x44\x00\x00\x00\x00");
	assert_int_equal(s.bits, SEGMENT_HAS_TSVAL);
	assert_int_equal(s.tsval, 0x11223344);
	s = SEGMENT_WITH("\x08\x0a\x11\x22\x33\x44\x00\x00\x00\x00\x01\x01");
	assert_int_equal(s.bits, SEGMENT_HAS_TSVAL);
	assert_int_equal(s.tsval, 0x11223344);
	s = SEGMENT_WITH("\x01\x08\x0a\x11\x22\x33\x44\x00\x00\x00\x00\x00");
	assert_int_equal(s.bits, SEGMENT_HAS_TSVAL);
	assert_int_equal(s.tsval, 0x11223344);
	/* The first option of Linux's SYN is another one. */
	s = SEGMENT_WITH(
		"\x02\x04\x05\xb4\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x01\x03\x03\x07");
	assert_int_equal(s.bits, SEGMENT_HAS_TSVAL | SEGMENT_OPTIONS);
	assert_int_equal(s.tsval, UINT32_MAX);
}

static void other_options_are_worth_a_parse(void **state)
{
	(void)state;
	assert_int_equal(SEGMENT_WITH("\x01\x01\x01\x01").bits, 0);
	assert_int_equal(SEGMENT_WITH("\x00\x02\x04\x05").bits, 0); /* behind the end */
	assert_int_equal(SEGMENT_WITH("\x02\x04\x05\xb4").bits, SEGMENT_OPTIONS);
	assert_int_equal(SEGMENT_WITH("\x01\x03\x03\x07").bits, SEGMENT_OPTIONS);
	assert_int_equal(SEGMENT_WITH("\x01\x01\x05\x0a\x00\x00\x00\x01\x00\x00\x00\x02").bits,
			 SEGMENT_OPTIONS | SEGMENT_HAS_SACK);
	assert_int_equal(SEGMENT_WITH("\xfd\x04\xf9\x89").bits, SEGMENT_OPTIONS);
}

static void options_with_a_bad_length_are_left_to_those_who_look_closer(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(SEGMENT_WITH("\x02\x00\x05\xb4").bits, SEGMENT_OPTIONS);
	assert_int_equal(SEGMENT_WITH("\x02\x01\x05\xb4").bits, SEGMENT_OPTIONS);
	assert_int_equal(SEGMENT_WITH("\x02\x05\x05\xb4").bits, SEGMENT_OPTIONS);
	assert_int_equal(SEGMENT_WITH("\x01\x01\x01\x02").bits, SEGMENT_OPTIONS);
	/* Time stamps of another length are none. */
	s = SEGMENT_WITH("\x08\x08\x11\x22\x33\x44\x00\x00\x01\x01\x01\x01");
	assert_int_equal(s.bits, SEGMENT_OPTIONS);
	assert_int_equal(s.tsval, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_than_16_captured_bytes_are_no_segment),
		cmocka_unit_test(from_16_to_19_captured_bytes_the_header_is_cut),
		cmocka_unit_test(options_that_the_snap_length_cut),
		cmocka_unit_test(a_cut_payload_is_harmless),
		cmocka_unit_test(a_data_offset_below_5_counts_the_header_as_data),
		cmocka_unit_test(an_ip_payload_below_the_header_is_a_short_segment),
		cmocka_unit_test(time_stamps_wherever_they_stand),
		cmocka_unit_test(other_options_are_worth_a_parse),
		cmocka_unit_test(options_with_a_bad_length_are_left_to_those_who_look_closer),
	};

	return cmocka_run_group_tests_name("decode TCP", tests, NULL, NULL);
}
