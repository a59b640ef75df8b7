/* SPDX-License-Identifier: BSD-3-Clause */

/* sFlow: many packets in one frame, each with headers of its own. */

#include "frame_support.h"

#define BYTES(string) (string), sizeof(string) - 1
#define SAMPLE_LEN (8 + 32 + 8 + 16 + 60)

/* The usual segment in Ethernet, with one VLAN tag or without. */
static void put_tagged(struct bytes *b, bool is_tagged)
{
	put_ethernet(b, is_tagged ? 0x8100 : 0x0800);
	if (is_tagged)
		put32(b, 0x00070800);
	put_ipv4_tcp(b);
}

/*
 * A sample of sFlow with one record, and in that such a frame. is_udp: the same bytes, but IP
 * says that they are UDP, of ports that nobody knows.
 */
static void put_sample(struct bytes *b, bool is_tagged, bool is_udp)
{
	const uint32_t len = is_tagged ? 63 : 59;

	put32(b, 1);                                      /* a flow sample, */
	put32(b, 32 + 8 + 16 + 60 + (is_tagged ? 4 : 0)); /* its length, */
	put_zeros(b, 28);                                 /* who sampled, */
	put32(b, 1);                                      /* and one record: */
	put32(b, 1);                                      /* a packet's first bytes, */
	put32(b, 16 + len + 1);                           /* the record's length, */
	put32(b, 1);                                      /* Ethernet, */
	put32(b, len + 4);                                /* bytes on the wire, */
	put32(b, 4);                                      /* bytes left out at the end, */
	put32(b, len);                                    /* bytes that follow, */
	put_tagged(b, is_tagged);
	if (is_udp) {
		set8(b, b->len - 45 + 9, PROTO_UDP);
		set16(b, b->len - 25 + 2, 50000);
	}
	put_zeros(b, 1); /* to a multiple of four. */
}

/* A datagram of sFlow 5 that says it has as many samples. */
static size_t sflow_begin(struct bytes *b, uint32_t nb)
{
	const size_t ip = ipv4_begin(b, PROTO_UDP, "", 0);

	put16(b, 50000);
	put16(b, 6343);
	put32(b, 0);
	put_raw(b, BYTES("\0\0\0\5\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\0\1\0\0\0\1"));
	put32(b, nb);
	return ip;
}

static void sflow_end(struct bytes *b, size_t ip)
{
	set16(b, ip + 20 + 4, (uint16_t)(b->len - ip - 20));
	ipv4_end(b, ip);
}

/* One with as many samples, each of them the usual segment. */
static void put_sflow(struct bytes *b, uint32_t nb)
{
	const size_t ip = sflow_begin(b, nb);

	for (uint32_t i = 0; i < nb; i++)
		put_sample(b, false, false);
	sflow_end(b, ip);
}

static void each_sample_is_a_packet(void **state)
{
	(void)state;
	for (uint32_t nb = 0; nb <= 40; nb++) {
		struct bytes b = FRAME;
		struct decoded d;

		put_sflow(&b, nb);
		d = decode_all(&b, LINK_RAW);
		/* Of 40 headers 32 are read, and 8 are counted. */
		assert_int_equal(d.nb, nb < 32 ? nb : 32);
		assert_int_equal(d.nb_unread, nb < 32 ? 0 : nb - 32);
		assert_int_equal(d.fate, nb != 0 ? FATE_TRACKED : FATE_NOT_TCP);
		if (nb != 0) {
			assert_int_equal(d.segment.tunnel, TUNNEL_OTHER);
			assert_true(d.segment.is_quoted);
			assert_int_equal(d.segment.port_hi, 80);
		}
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* What was around a packet of another sample is not around this one. */
static void each_sample_is_as_deep_as_the_first(void **state)
{
	struct bytes b = FRAME;
	struct decoded d;
	size_t ip = sflow_begin(&b, 300);

	(void)state;
	/* Ethernet, its type, IP and UDP: 299 times four headers that have no TCP in them. */
	for (uint32_t i = 0; i < 299; i++)
		put_sample(&b, false, true);
	put_sample(&b, false, false);
	sflow_end(&b, ip);
	d = decode_all(&b, LINK_RAW);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.nb, 1);
	decoded_fini(&d);
	bytes_fini(&b);
	b = (struct bytes)FRAME;

	/* More VLAN tags than one packet may have. */
	ip = sflow_begin(&b, 32);
	for (uint32_t i = 0; i < 32; i++)
		put_sample(&b, true, false);
	sflow_end(&b, ip);
	d = decode_all(&b, LINK_RAW);
	assert_int_equal(d.nb, 32);
	assert_int_equal(d.segment.vlan, 8);
	decoded_fini(&d);
	bytes_fini(&b);
}

static void cut_at_every_byte(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_sflow(&b, 3);
	for (size_t len = 0; len <= b.len; len++) {
		struct decoded d = decode_cut(&b, LINK_RAW, len, (uint32_t)b.len);
		uint32_t nb = 0;

		/* Whole samples, with their byte of padding. */
		for (size_t i = 1; i <= 3; i++)
			nb += len >= b.len - (3 - i) * SAMPLE_LEN;
		assert_int_equal(d.nb, nb);
		decoded_fini(&d);
	}
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample_is_a_packet),
		cmocka_unit_test(each_sample_is_as_deep_as_the_first),
		cmocka_unit_test(cut_at_every_byte),
	};

	return cmocka_run_group_tests_name("decode sFlow", tests, NULL, NULL);
}
