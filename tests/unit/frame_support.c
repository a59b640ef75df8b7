/* SPDX-License-Identifier: BSD-3-Clause */

/* See frame_support.h. */

#include <stdlib.h>
#include <string.h>

#include "frame_support.h"
#include "tcpmill/reassembly.h"

void put_ethernet(struct bytes *b, uint16_t type)
{
	put_raw(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
	put16(b, type);
}

void set8(struct bytes *b, size_t at, uint8_t value)
{
	assert_true(at < b->len);
	b->data[at] = value;
}

void set16(struct bytes *b, size_t at, uint16_t value)
{
	set8(b, at, (uint8_t)(value >> 8));
	set8(b, at + 1, (uint8_t)value);
}

size_t ipv4_begin(struct bytes *b, uint8_t protocol, const void *options, size_t len)
{
	const size_t at = b->len;

	assert_true(b->big_endian && len % 4 == 0);
	put8(b, (uint8_t)(0x45 + len / 4));
	put8(b, 0);
	put16(b, 0);
	put16(b, 0x04d2);
	put16(b, 0);
	put8(b, 61);
	put8(b, protocol);
	put16(b, 0);
	put32(b, 0x0a000001);
	put32(b, 0x0a000002);
	put_raw(b, options, len);
	return at;
}

void ipv4_end(struct bytes *b, size_t at)
{
	set16(b, at + 2, (uint16_t)(b->len - at));
}

size_t ipv6_begin(struct bytes *b, uint8_t next)
{
	static const uint8_t addresses[32] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1,
					      0x20, 0x01, 0x0d, 0xb8, [31] = 2};
	const size_t at = b->len;

	assert_true(b->big_endian);
	put32(b, 0x60000000);
	put16(b, 0);
	put8(b, next);
	put8(b, 61);
	put_raw(b, addresses, sizeof(addresses));
	return at;
}

void ipv6_end(struct bytes *b, size_t at)
{
	set16(b, at + 4, (uint16_t)(b->len - at - 40));
}

void put_tcp_options(struct bytes *b, const void *options, size_t len, size_t payload_len)
{
	assert_true(b->big_endian && len % 4 == 0);
	put16(b, 40000);
	put16(b, 80);
	put32(b, 0x01020304);
	put32(b, 0x05060708);
	put8(b, (uint8_t)(0x50 + len * 4));
	put8(b, TCP_PSH | TCP_ACK);
	put16(b, 0x1234);
	put16(b, 0xabcd);
	put16(b, 0);
	put_raw(b, options, len);
	put_zeros(b, payload_len);
}

void put_extension(struct bytes *b, uint8_t next, size_t len, const void *data, size_t nb)
{
	put8(b, next);
	put8(b, (uint8_t)(len / 8 - 1));
	put_raw(b, data, nb);
	put_zeros(b, len - 2 - nb);
}

void put_tcp(struct bytes *b)
{
	put_tcp_options(b, "", 0, 0);
	put_raw(b, "hello", 5);
}

void put_ipv4_tcp(struct bytes *b)
{
	const size_t at = ipv4_begin(b, PROTO_TCP, "", 0);

	put_tcp(b);
	ipv4_end(b, at);
}

void put_ipv6_tcp(struct bytes *b)
{
	const size_t at = ipv6_begin(b, PROTO_TCP);

	put_tcp(b);
	ipv6_end(b, at);
}

struct decoded decode_cut(const struct bytes *b, uint16_t link_type, size_t caplen,
			  uint32_t wire_len)
{
	const struct capture_interface interface = {.link_type = link_type};
	struct reassembly_params params = {.max_bytes = REASSEMBLY_BYTES};
	struct decode_context context;
	struct decode_keys keys;
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct decoded d = {0};
	struct frame frame;

	assert_true(caplen <= b->len);
	/* Not one byte more: a sanitizer sees the first one beyond. */
	d.data = malloc(caplen);
	if (caplen != 0)
		memcpy(d.data, b->data, caplen);
	frame = (struct frame){.data = d.data,
			       .caplen = (uint32_t)caplen,
			       .wire_len = wire_len,
			       .interface = &interface};
	/* What decode leaves alone must not look as if it were set. */
	decode_keys_init(&keys, 1);
	params.keys = &keys;
	d.reassembly = reassembly_create(&params);
	assert_non_null(d.reassembly);
	context = (struct decode_context){
		.keys = &keys, .reassembly = d.reassembly, .nb_unread = &d.nb_unread};
	memset(segments, 0xee, sizeof(segments));
	d.fate = decode_frame(&context, &frame, segments, &d.nb);
	d.segment = segments[0];
	if (d.fate == FATE_TRACKED)
		d.ip_at = (size_t)(d.segment.ip_header - d.data);
	return d;
}

struct decoded decode_all(const struct bytes *b, uint16_t link_type)
{
	return decode_cut(b, link_type, b->len, (uint32_t)b->len);
}

void decoded_fini(struct decoded *d)
{
	free(d->data);
	d->data = NULL;
	reassembly_destroy(d->reassembly);
	d->reassembly = NULL;
}

void assert_fate(struct bytes *b, uint16_t link_type, enum fate fate)
{
	struct decoded d = decode_all(b, link_type);

	assert_string_equal(fate_names[d.fate], fate_names[fate]);
	decoded_fini(&d);
	bytes_fini(b);
	b->big_endian = true;
}

void assert_usual_tcp(const struct segment *s)
{
	assert_int_equal(s->port_lo, 40000);
	assert_int_equal(s->port_hi, 80);
	assert_int_equal(s->seq, 0x01020304);
	assert_int_equal(s->ack, 0x05060708);
	assert_int_equal(s->tcp_flags, 0x18);
	assert_int_equal(s->win, 0x1234);
	assert_int_equal(s->cksum, 0xabcd);
	assert_int_equal(s->tcp_hlen, 20);
	assert_int_equal(s->tcp_caplen, 20);
	assert_int_equal(s->payload_len, 5);
	assert_int_equal(s->tsval, 0);
	assert_int_equal(s->ttl, 61);
	assert_int_equal(s->bits & ~SEGMENT_IPV6, 0);
	assert_in_range(s->partition, 0, 63);
}

void assert_usual(struct bytes *b, uint16_t link_type, enum tunnel tunnel, uint16_t vlan)
{
	struct decoded d = decode_all(b, link_type);
	const struct segment *s = &d.segment;

	assert_string_equal(fate_names[d.fate], "tracked");
	assert_usual_tcp(s);
	assert_int_equal(s->tunnel, tunnel);
	assert_int_equal(s->vlan, vlan);
	if (s->bits & SEGMENT_IPV6) {
		assert_int_equal(d.ip_at, b->len - 65);
		assert_int_equal(s->tcp_off, 40);
		assert_int_equal(s->ip_len, 65);
		assert_int_equal(s->ip_id, 0);
	} else {
		assert_int_equal(d.ip_at, b->len - 45);
		assert_int_equal(s->tcp_off, 20);
		assert_int_equal(s->ip_len, 45);
		assert_int_equal(s->ip_id, 0x04d2);
		assert_int_equal(s->addr_lo, 0x0a000001);
		assert_int_equal(s->addr_hi, 0x0a000002);
	}
	decoded_fini(&d);
	bytes_fini(b);
	b->big_endian = true;
}
