/* SPDX-License-Identifier: BSD-3-Clause */

/* Link layers: how an IP header is found in a frame, or why there is none. */

#include <string.h>

#include "frame_support.h"

/* What stands in front of the usual segment, in bytes. */
#define PREFIX(b, bytes) put_raw(b, bytes, sizeof(bytes) - 1)

static void ethernet(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
	put_ethernet(&b, 0x86dd);
	put_ipv6_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
}

static void ethernet_without_ip(void **state)
{
	/* ARP, PPPoE discovery, LLDP, and what is neither a length nor a type. */
	static const uint16_t types[] = {0x0806, 0x8863, 0x88cc, 1501, 1535, 0xffff};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		put_ethernet(&b, types[i]);
		put_ipv4_tcp(&b);
		assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	}
	put_ethernet(&b, 0x0800);
	b.len--;
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP); /* an empty frame */
	put_ethernet(&b, 0x0800);
	assert_fate(&b, LINK_ETHERNET, FATE_IP_BAD); /* it says IP, and there is nothing */
}

static void vlan_tags_of_each_kind(void **state)
{
	static const uint16_t kinds[] = {0x8100, 0x88a8, 0x9100};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		put_ethernet(&b, kinds[i]);
		put16(&b, 0xe064); /* priority 7, id 100 */
		put16(&b, 0x0800);
		put_ipv4_tcp(&b);
		assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 101);
	}
	put_ethernet(&b, 0x8100);
	put16(&b, 0xe000); /* a priority tag: id 0 is an id */
	put16(&b, 0x86dd);
	put_ipv6_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 1);
	put_ethernet(&b, 0x8100);
	put16(&b, 0x0fff);
	put16(&b, 0x0800);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 4096);
}

static void vlan_tags_of_any_depth_show_the_outermost(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (int depth = 2; depth <= 20; depth++) {
		put_ethernet(&b, 0x88a8);
		for (int i = 1; i < depth; i++) {
			put16(&b, (uint16_t)(200 + i));
			put16(&b, i % 3 == 0 ? 0x9100 : i % 3 == 1 ? 0x8100 : 0x88a8);
		}
		put16(&b, 7);
		put16(&b, 0x0800);
		put_ipv4_tcp(&b);
		assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 202);
	}
	put_ethernet(&b, 0x8100);
	put16(&b, 7);
	put8(&b, 0x08);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
}

static void ieee_802_3_length_with_llc(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 8 + 45);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x08\x00");
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
	/* 00-00-f8 encapsulates Ethernet as well. */
	put_ethernet(&b, 8 + 65);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\xf8\x86\xdd");
	put_ipv6_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
	/* IP has a service access point of its own. */
	put_ethernet(&b, 3 + 45);
	PREFIX(&b, "\x06\x06\x03");
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 0);
	/* Behind a tag there may be a length, too. */
	put_ethernet(&b, 0x8100);
	put16(&b, 4);
	put16(&b, 1500);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x08\x00");
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 5);
}

static void ieee_802_3_without_ip(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 8 + 45);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x0c\x08\x00"); /* Cisco's numbers, not ethertypes */
	put_ipv4_tcp(&b);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 8 + 45);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x00\x2b"); /* a length where a type should be */
	put_ipv4_tcp(&b);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 38);
	PREFIX(&b, "\x42\x42\x03"); /* spanning tree */
	put_ipv4_tcp(&b);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 7);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x08");
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 2);
	PREFIX(&b, "\xaa\xaa");
	put_zeros(&b, 58);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
}

/* The rest of the frame, for a total length of 0, ends where 802.3 says. */
static void ieee_802_3_length_bounds_what_follows(void **state)
{
	struct bytes b = FRAME;
	struct decoded d;
	size_t at;

	(void)state;
	put_ethernet(&b, 8 + 45);
	PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x08\x00");
	at = b.len;
	put_ipv4_tcp(&b);
	put_zeros(&b, 10);
	set16(&b, at + 2, 0);
	d = decode_all(&b, LINK_ETHERNET);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.segment.ip_len, 45);
	assert_int_equal(d.segment.payload_len, 5);
	decoded_fini(&d);
	bytes_fini(&b);
}

static void mpls_labels_up_to_the_bottom_of_the_stack(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 0x8847);
	put32(&b, 0x00010140); /* label 16, bottom, TTL 64 */
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_MPLS, 0);
	for (int labels = 1; labels <= 10; labels++) {
		put_ethernet(&b, labels % 2 ? 0x8847 : 0x8848);
		for (int i = 1; i < labels; i++)
			put32(&b, 0x00010040);
		put32(&b, 0x00000140);
		put_ipv6_tcp(&b);
		assert_usual(&b, LINK_ETHERNET, TUNNEL_MPLS, 0);
	}
	put_ethernet(&b, 0x8100);
	put16(&b, 9);
	put16(&b, 0x8847);
	put32(&b, 0x00010140);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_MPLS, 10);
}

static void mpls_without_ip(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	/* A pseudo-wire that does not look like Ethernet. */
	put_ethernet(&b, 0x8847);
	put32(&b, 0x00010140);
	put32(&b, 0);
	put_ethernet(&b, 0x1234);
	put_ipv4_tcp(&b);
	assert_fate(&b, LINK_ETHERNET, FATE_TUNNEL);
	/* The stack has no bottom. */
	put_ethernet(&b, 0x8847);
	put32(&b, 0x00010040);
	put32(&b, 0x00010040);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 0x8847);
	put32(&b, 0x00010140);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 0x8847);
	PREFIX(&b, "\x00\x01\x01");
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
}

static void put_pppoe(struct bytes *b, uint16_t len)
{
	put16(b, 0x1100); /* version 1, type 1, session data */
	put16(b, 0x0001);
	put16(b, len);
}

static void pppoe_sessions(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 0x8864);
	put_pppoe(&b, 2 + 45);
	put16(&b, 0x0021);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_PPPOE, 0);
	put_ethernet(&b, 0x8100);
	put16(&b, 7);
	put16(&b, 0x8864);
	put_pppoe(&b, 1 + 65);
	put8(&b, 0x57);
	put_ipv6_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_PPPOE, 8);
	/* MPLS is nearer to the packet. */
	put_ethernet(&b, 0x8864);
	put_pppoe(&b, 2 + 4 + 45);
	put16(&b, 0x0281);
	put32(&b, 0x00010140);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_ETHERNET, TUNNEL_MPLS, 0);
	put_ethernet(&b, 0x8864);
	put_pppoe(&b, 4);
	put16(&b, 0xc021); /* link control */
	put16(&b, 0);
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	put_ethernet(&b, 0x8864);
	PREFIX(&b, "\x11\x00\x00\x01\x00");
	assert_fate(&b, LINK_ETHERNET, FATE_NOT_IP);
	/* Link type 51 starts with the PPPoE header. */
	put_pppoe(&b, 2 + 45);
	put16(&b, 0x0021);
	put_ipv4_tcp(&b);
	assert_usual(&b, 51, TUNNEL_PPPOE, 0);
}

static void ppp_with_and_without_address_and_long_protocol(void **state)
{
	static const uint16_t link_types[] = {9, 50};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		PREFIX(&b, "\xff\x03\x00\x21");
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		PREFIX(&b, "\x00\x57");
		put_ipv6_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		PREFIX(&b, "\xff\x03\x21");
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		PREFIX(&b, "\x21");
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		PREFIX(&b, "\xff\x03\x02\x83");
		put32(&b, 0x00010140);
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_MPLS, 0);
		PREFIX(&b, "\xff\x03\x80\x21"); /* IPCP */
		put_ipv4_tcp(&b);
		assert_fate(&b, link_types[i], FATE_NOT_IP);
		PREFIX(&b, "\xff\x03\x00");
		assert_fate(&b, link_types[i], FATE_NOT_IP);
		PREFIX(&b, "\xff\x03");
		assert_fate(&b, link_types[i], FATE_NOT_IP);
	}
}

/* Link type 113: the protocol is the last field of 16 bytes. */
static void put_sll(struct bytes *b, uint16_t protocol)
{
	PREFIX(b, "\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00");
	put16(b, protocol);
}

/* Link type 276: it is the first one of 20. */
static void put_sll2(struct bytes *b, uint16_t protocol)
{
	put16(b, protocol);
	PREFIX(b, "\x00\x00\x00\x00\x00\x03\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00");
}

static void linux_cooked_captures_of_both_versions(void **state)
{
	static const uint16_t link_types[] = {113, 276};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		void (*const put_cooked)(struct bytes *, uint16_t) = i == 0 ? put_sll : put_sll2;

		put_cooked(&b, 0x0800);
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		put_cooked(&b, 0x86dd);
		put_ipv6_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		put_cooked(&b, 0x8100);
		put16(&b, 42);
		put16(&b, 0x0800);
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 43);
		put_cooked(&b, 0x0004); /* 802.2 */
		PREFIX(&b, "\xaa\xaa\x03\x00\x00\x00\x08\x00");
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		put_cooked(&b, 0x0806);
		put_ipv4_tcp(&b);
		assert_fate(&b, link_types[i], FATE_NOT_IP);
		put_cooked(&b, 0x0001); /* Novell's raw 802.3 */
		put_ipv4_tcp(&b);
		assert_fate(&b, link_types[i], FATE_NOT_IP);
		put_cooked(&b, 0x0800);
		b.len--;
		assert_fate(&b, link_types[i], FATE_NOT_IP);
	}
}

static void raw_ip_is_told_by_its_version(void **state)
{
	static const uint16_t link_types[] = {101, 12, 14, 228};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++) {
		put_ipv4_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		put_ipv6_tcp(&b);
		assert_usual(&b, link_types[i], TUNNEL_NONE, 0);
		assert_fate(&b, link_types[i], FATE_IP_BAD);
	}
	put_ipv6_tcp(&b);
	assert_usual(&b, 229, TUNNEL_NONE, 0);
	put_ipv4_tcp(&b); /* it has been said that this is IPv6 */
	assert_fate(&b, 229, FATE_IP_BAD);
}

static void bsd_loopback_of_any_writer(void **state)
{
	/* AF_INET6 of NetBSD and OpenBSD; FreeBSD; macOS. Linux does not write this link type. */
	static const uint8_t inet6[] = {24, 28, 30};
	struct bytes b = FRAME;

	(void)state;
	put32(&b, 0x02000000); /* by a little-endian machine */
	put_ipv4_tcp(&b);
	assert_usual(&b, 0, TUNNEL_NONE, 0);
	put32(&b, 2);
	put_ipv4_tcp(&b);
	assert_usual(&b, 0, TUNNEL_NONE, 0);
	put32(&b, 2); /* LOOP: always network order */
	put_ipv4_tcp(&b);
	assert_usual(&b, 108, TUNNEL_NONE, 0);
	for (size_t i = 0; i < 3; i++) {
		put32(&b, inet6[i]);
		put_ipv6_tcp(&b);
		assert_usual(&b, i % 2 ? 108 : 0, TUNNEL_NONE, 0);
		put32(&b, (uint32_t)inet6[i] << 24);
		put_ipv6_tcp(&b);
		assert_usual(&b, 0, TUNNEL_NONE, 0);
	}
	put32(&b, 7); /* OSI */
	put_ipv4_tcp(&b);
	assert_fate(&b, 0, FATE_NOT_IP);
	PREFIX(&b, "\x02\x00\x00");
	assert_fate(&b, 0, FATE_NOT_IP);
}

static void other_link_types_are_unknown(void **state)
{
	static const uint16_t link_types[] = {2, 147, 195, 286, 65535};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++) {
		put_ethernet(&b, 0x0800);
		put_ipv4_tcp(&b);
		assert_fate(&b, link_types[i], FATE_LINK_UNKNOWN);
	}
}

static void every_fate_and_tunnel_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < NB_FATES; i++)
		assert_non_null(fate_names[i]);
	for (int i = 0; i < NB_TUNNELS; i++)
		assert_non_null(tunnel_names[i]);
	assert_null(fate_names[NB_FATES]);
	assert_null(tunnel_names[NB_TUNNELS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet),
		cmocka_unit_test(ethernet_without_ip),
		cmocka_unit_test(vlan_tags_of_each_kind),
		cmocka_unit_test(vlan_tags_of_any_depth_show_the_outermost),
		cmocka_unit_test(ieee_802_3_length_with_llc),
		cmocka_unit_test(ieee_802_3_without_ip),
		cmocka_unit_test(ieee_802_3_length_bounds_what_follows),
		cmocka_unit_test(mpls_labels_up_to_the_bottom_of_the_stack),
		cmocka_unit_test(mpls_without_ip),
		cmocka_unit_test(pppoe_sessions),
		cmocka_unit_test(ppp_with_and_without_address_and_long_protocol),
		cmocka_unit_test(linux_cooked_captures_of_both_versions),
		cmocka_unit_test(raw_ip_is_told_by_its_version),
		cmocka_unit_test(bsd_loopback_of_any_writer),
		cmocka_unit_test(other_link_types_are_unknown),
		cmocka_unit_test(every_fate_and_tunnel_has_a_name),
	};

	return cmocka_run_group_tests_name("decode links", tests, NULL, NULL);
}
