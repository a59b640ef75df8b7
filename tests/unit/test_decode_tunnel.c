/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tunnels: the usual segment inside of each of them. Every header is written out here by its
 * standard, and what tshark 4.0.17 says of such frames is compared by tests/oracle/tunnels.py.
 */

#include "frame_support.h"

/* A tunnel's header as bytes, and how many of them. */
#define BYTES(string) (string), sizeof(string) - 1

enum inner {
	IN4, /* the usual segment in IPv4 */
	IN6,
	INE,              /* and in IPv4 in Ethernet */
	IN4_PUT_TOGETHER, /* as IN4, but lengths are those of what was captured */
};

/* Where the header stands: behind an Ethernet type, a protocol of IP or a port of UDP. */
enum outer {
	BY_TYPE,
	BY_PROTOCOL,
	BY_PORT,
};

struct tunnel_case {
	const char *name;
	enum outer outer;
	uint16_t number;
	const char *header;
	size_t len;
	enum inner inner;
	enum tunnel tunnel;
};

#define ADDRESSES "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
#define LABEL "\0\1\1\x40"

static const struct tunnel_case cases[] = {
	/* RFC 2003, 4213, 2473; EtherIP, RFC 3378; MPLS, RFC 4023; Ethernet, RFC 8986. */
	{"IPv4 in IP", BY_PROTOCOL, 4, BYTES(""), IN4, TUNNEL_IPIP},
	{"IPv6 in IPv4", BY_PROTOCOL, 41, BYTES(""), IN6, TUNNEL_6IN4},
	{"EtherIP", BY_PROTOCOL, 97, BYTES("\x30\0"), INE, TUNNEL_OTHER},
	{"MPLS in IP", BY_PROTOCOL, 137, BYTES(LABEL), IN4, TUNNEL_MPLS},
	{"Ethernet in IP", BY_PROTOCOL, 143, BYTES(""), INE, TUNNEL_OTHER},
	/* RFC 1701, 2784, 2890. */
	{"GRE", BY_PROTOCOL, 47, BYTES("\0\0\x08\0"), IN4, TUNNEL_GRE},
	{"GRE of IPv6", BY_PROTOCOL, 47, BYTES("\0\0\x86\xdd"), IN6, TUNNEL_GRE},
	{"GRE, checksum", BY_PROTOCOL, 47, BYTES("\x80\0\x08\0ck\0\0"), IN4, TUNNEL_GRE},
	{"GRE, key", BY_PROTOCOL, 47, BYTES("\x20\0\x08\0key!"), IN4, TUNNEL_GRE},
	{"GRE, sequence", BY_PROTOCOL, 47, BYTES("\x10\0\x08\0\0\0\0\1"), IN4, TUNNEL_GRE},
	{"GRE, all three", BY_PROTOCOL, 47, BYTES("\xb0\0\x08\0ck\0\0key!\0\0\0\1"), IN4,
	 TUNNEL_GRE},
	{"GRE, routing", BY_PROTOCOL, 47, BYTES("\x40\0\x08\0\0\0\0\0\x08\0\0\4abcd\0\0\0\0"), IN4,
	 TUNNEL_GRE},
	{"GRE of Ethernet", BY_PROTOCOL, 47, BYTES("\x20\0\x65\x58key!"), INE, TUNNEL_GRE},
	{"GRE of MPLS", BY_PROTOCOL, 47, BYTES("\0\0\x88\x47" LABEL), IN4, TUNNEL_MPLS},
	{"GRE in UDP", BY_PORT, 4754, BYTES("\0\0\x08\0"), IN4, TUNNEL_GRE},
	/* RFC 2637: PPTP. */
	{"PPTP", BY_PROTOCOL, 47, BYTES("\x30\x81\x88\x0b\0\x2f\0\1\0\0\0\1\0\0\0\1\xff\3\0\x21"),
	 IN4, TUNNEL_GRE},
	{"PPTP, compressed", BY_PROTOCOL, 47, BYTES("\x20\1\x88\x0b\0\x2f\0\1\x21"), IN4,
	 TUNNEL_GRE},
	/* draft-wilson-wrec-wccp-v2: with and without a redirect header. */
	{"WCCP", BY_PROTOCOL, 47, BYTES("\0\0\x88\x3e"), IN4, TUNNEL_GRE},
	{"WCCP 2", BY_PROTOCOL, 47, BYTES("\0\0\x88\x3e\0\1\2\3"), IN4, TUNNEL_GRE},
	/* draft-foschiano-erspan. */
	{"ERSPAN I", BY_PROTOCOL, 47, BYTES("\0\0\x88\xbe"), INE, TUNNEL_ERSPAN},
	{"ERSPAN II", BY_PROTOCOL, 47, BYTES("\x10\0\x88\xbe\0\0\0\1\x10\1\0\1\0\0\0\0"), INE,
	 TUNNEL_ERSPAN},
	{"ERSPAN III", BY_PROTOCOL, 47, BYTES("\x10\0\x22\xeb\0\0\0\1\x20\1\0\1\0\0\0\1\0\0\0\0"),
	 INE, TUNNEL_ERSPAN},
	{"ERSPAN III, subheader", BY_PROTOCOL, 47,
	 BYTES("\x10\0\x22\xeb\0\0\0\1\x20\1\0\1\0\0\0\1\0\0\0\1ABCDEFGH"), INE, TUNNEL_ERSPAN},
	/* RFC 7348; draft-ietf-nvo3-vxlan-gpe; RFC 8926; RFC 9300; RFC 7510. */
	{"VXLAN", BY_PORT, 4789, BYTES("\x08\0\0\0\0\0\1\0"), INE, TUNNEL_VXLAN},
	{"VXLAN, reserved bits", BY_PORT, 4789, BYTES("\xff\1\2\3\0\0\1\xff"), INE, TUNNEL_VXLAN},
	{"VXLAN-GPE", BY_PORT, 4790, BYTES("\x0c\0\0\1\0\0\1\0"), IN4, TUNNEL_VXLAN},
	{"VXLAN-GPE of IPv6", BY_PORT, 4790, BYTES("\x0c\0\0\2\0\0\1\0"), IN6, TUNNEL_VXLAN},
	{"VXLAN-GPE of Ethernet", BY_PORT, 4790, BYTES("\x0c\0\0\3\0\0\1\0"), INE, TUNNEL_VXLAN},
	{"VXLAN-GPE of NSH", BY_PORT, 4790, BYTES("\x0c\0\0\4\0\0\1\0\x0f\xc2\2\3\0\0\1\xff"), INE,
	 TUNNEL_OTHER},
	{"Geneve", BY_PORT, 6081, BYTES("\0\0\x65\x58\0\0\1\0"), INE, TUNNEL_GENEVE},
	{"Geneve of IP", BY_PORT, 6081, BYTES("\0\0\x08\0\0\0\1\0"), IN4, TUNNEL_GENEVE},
	{"Geneve, options", BY_PORT, 6081, BYTES("\2\x40\x86\xdd\0\0\1\0\1\2\3\1abcd"), IN6,
	 TUNNEL_GENEVE},
	{"LISP", BY_PORT, 4341, BYTES("\x88\0\0\1\0\0\1\1"), IN4, TUNNEL_OTHER},
	{"MPLS in UDP", BY_PORT, 6635, BYTES(LABEL), IN4, TUNNEL_MPLS},
	/* 3GPP TS 29.281, 29.060. */
	{"GTP-U", BY_PORT, 2152, BYTES("\x30\xff\0\x2d\0\0\0\1"), IN4, TUNNEL_GTPU},
	{"GTP-U, sequence", BY_PORT, 2152, BYTES("\x32\xff\0\x31\0\0\0\1\0\1\0\0"), IN4,
	 TUNNEL_GTPU},
	{"GTP-U, extensions", BY_PORT, 2152,
	 BYTES("\x34\xff\0\x3d\0\0\0\1\0\0\0\xc0\1\0\1\x85\2\0\1\0\0\0\0\0"), IN4, TUNNEL_GTPU},
	{"GTP-U of Ethernet", BY_PORT, 2152, BYTES("\x30\xff\0\x3b\0\0\0\1"), INE, TUNNEL_GTPU},
	{"GTP version 0", BY_PORT, 3386,
	 BYTES("\x1e\xff\0\x2d\0\1\0\1\xff\xff\xff\xff\0\0\0\0\0\0\0\0"), IN4, TUNNEL_GTPU},
	/* RFC 2661. */
	{"L2TP", BY_PORT, 1701, BYTES("\0\2\0\1\0\2\xff\3\0\x21"), IN4, TUNNEL_L2TP},
	{"L2TP, no address", BY_PORT, 1701, BYTES("\0\2\0\1\0\2\0\x57"), IN6, TUNNEL_L2TP},
	{"L2TP, length", BY_PORT, 1701, BYTES("\x40\2\0\x39\0\1\0\2\xff\3\0\x21"), IN4,
	 TUNNEL_L2TP},
	{"L2TP, everything", BY_PORT, 1701,
	 BYTES("\x4b\2\0\x42\0\1\0\2\0\7\0\7\0\3pad\xff\3\0\x21"), IN4, TUNNEL_L2TP},
	/* RFC 4380; AYIYA's draft; RFC 7450; RFC 3519. */
	{"Teredo", BY_PORT, 3544, BYTES(""), IN6, TUNNEL_TEREDO},
	{"Teredo, origin", BY_PORT, 3544, BYTES("\0\0\1\2\3\4\5\6"), IN6, TUNNEL_TEREDO},
	{"Teredo, both", BY_PORT, 3544, BYTES("\0\1\2\3idvalnonce!!!\0\0\0\1\2\3\4\5\6"), IN6,
	 TUNNEL_TEREDO},
	{"AYIYA", BY_PORT, 5072, BYTES("\x21\x12\1\x29\0\0\0\1wholsign"), IN6, TUNNEL_OTHER},
	{"AMT", BY_PORT, 2268, BYTES("\6\0"), IN4, TUNNEL_OTHER},
	{"mobile IP", BY_PORT, 434, BYTES("\4\4\0\0"), IN4, TUNNEL_OTHER},
	{"jmirror", BY_PORT, 30030, BYTES("whosepkt"), IN4, TUNNEL_OTHER},
	{"TZSP", BY_PORT, 37008, BYTES("\1\0\0\1\0\x0a\1\x22\1"), INE, TUNNEL_OTHER},
	/* RFC 5415: bridged frames, and 802.11 with its frame control swapped. */
	{"CAPWAP", BY_PORT, 5247, BYTES("\0\x10\0\0\0\0\0\0"), INE, TUNNEL_CAPWAP},
	{"CAPWAP of 802.11", BY_PORT, 5247,
	 BYTES("\0\x20\x03\x20\0\0\0\0\4abcd\0\0\0"
	       "\1\x08\0\0abcdef\2ghijk\4mnopq\0\0\xaa\xaa\3\0\0\0\x08\0"),
	 IN4, TUNNEL_CAPWAP},
	{"LWAPP", BY_PORT, 12222,
	 BYTES("\0\0\0\x4d\0\0"
	       "\x08\1\0\0abcdef\2ghijk\4mnopq\0\0\xaa\xaa\3\0\0\0\x08\0"),
	 IN4, TUNNEL_CAPWAP},
	{"LLC in UDP", BY_PORT, 12000, BYTES("\6\6\3"), IN4, TUNNEL_OTHER},
	{"batman", BY_TYPE, 0x4305, BYTES("\x40\x0f\x32\1\2\0\0\0\0\3"), INE, TUNNEL_OTHER},
	{"LWAPP in Ethernet", BY_TYPE, 0x88bb,
	 BYTES("\0\0\0\x4d\0\0"
	       "\x08\1\0\0abcdef\2ghijk\4mnopq\0\0\xaa\xaa\3\0\0\0\x08\0"),
	 IN4, TUNNEL_CAPWAP},
	{"Arista's stamp", BY_TYPE, 0xd28b,
	 BYTES("\0\1\0\x10"
	       "12345678\x86\xdd"),
	 IN6, TUNNEL_NONE},
	/* RFC 4385, 4448: pseudo-wires of Ethernet, and an associated channel of IP. */
	{"pseudo-wire", BY_TYPE, 0x8847, BYTES(LABEL), INE, TUNNEL_MPLS},
	{"pseudo-wire, control word", BY_TYPE, 0x8847, BYTES(LABEL "\0\0\0\7"), INE, TUNNEL_MPLS},
	{"pseudo-wire's channel", BY_TYPE, 0x8847, BYTES(LABEL "\x10\0\0\x21"), IN4, TUNNEL_MPLS},
	{"alert label's channel", BY_TYPE, 0x8847, BYTES("\0\0\xd1\1\x10\0\0\x57"), IN6,
	 TUNNEL_MPLS},
	/* IEEE 802.1ah, 802.1BR, 802.1CB, HSR, MACsec; RFC 6325; RFC 8300; Cisco's. */
	{"PBB", BY_TYPE, 0x88e7, BYTES("\0\0\0\1"), INE, TUNNEL_OTHER},
	{"E-TAG", BY_TYPE, 0x893f, BYTES("\0\1\0\2\0\0\x08\0"), IN4, TUNNEL_NONE},
	{"R-TAG", BY_TYPE, 0xf1c1, BYTES("\0\0\0\1\x08\0"), IN4, TUNNEL_NONE},
	{"HSR", BY_TYPE, 0x892f, BYTES("\0\x33\0\1\x08\0"), IN4, TUNNEL_NONE},
	{"TRILL", BY_TYPE, 0x22f3, BYTES("\0\x41\0\1\0\2opts"), INE, TUNNEL_OTHER},
	{"NSH", BY_TYPE, 0x894f, BYTES("\x0f\xc6\1\1\0\0\1\xff" ADDRESSES "abcd"), IN4,
	 TUNNEL_OTHER},
	{"SGT", BY_TYPE, 0x8909, BYTES("\1\1\0\1\0\1\x08\0"), IN4, TUNNEL_NONE},
	{"VN-tag", BY_TYPE, 0x8926, BYTES("\xc0\1\0\2\x86\xdd"), IN6, TUNNEL_NONE},
	{"Ethernet in Ethernet", BY_TYPE, 0x6558, BYTES(""), INE, TUNNEL_NONE},
	{"jumbo LLC", BY_TYPE, 0x8870, BYTES("\xaa\xaa\3\0\0\0\x08\0"), IN4, TUNNEL_NONE},
	/* PPP's ways: RFC 1661, 1990, 1144, 3518. */
	{"PPPoE", BY_TYPE, 0x8864, BYTES("\x11\0\0\1\0\x2f\0\x21"), IN4, TUNNEL_PPPOE},
	{"PPP multilink", BY_TYPE, 0x8864, BYTES("\x11\0\0\1\0\x35\0\x3d\xc0\0\0\1\0\x21"),
	 IN4_PUT_TOGETHER, TUNNEL_PPPOE},
	{"PPP bridged", BY_TYPE, 0x8864, BYTES("\x11\0\0\1\0\x3f\0\x31\0\1"), INE, TUNNEL_PPPOE},
	{"PPP of OSI's IP", BY_TYPE, 0x8864, BYTES("\x11\0\0\1\0\x30\0\x23\xcc"), IN4,
	 TUNNEL_PPPOE},
};

/* outer_ipv6: the outer packet, if there is one, is IPv6. */
static void put_case(struct bytes *b, const struct tunnel_case *t, bool outer_ipv6)
{
	size_t ip = 0, udp = 0;
	const uint8_t protocol = t->outer == BY_PORT ? PROTO_UDP : (uint8_t)t->number;

	put_ethernet(b, t->outer == BY_TYPE ? t->number : outer_ipv6 ? 0x86dd : 0x0800);
	if (t->outer != BY_TYPE)
		ip = outer_ipv6 ? ipv6_begin(b, protocol) : ipv4_begin(b, protocol, "", 0);
	if (t->outer == BY_PORT) {
		udp = b->len;
		put16(b, 50000);
		put16(b, t->number);
		put32(b, 0);
	}
	put_raw(b, t->header, t->len);
	if (t->inner == INE)
		put_ethernet(b, 0x0800);
	if (t->inner == IN6)
		put_ipv6_tcp(b);
	else
		put_ipv4_tcp(b);
	if (t->outer == BY_PORT)
		set16(b, udp + 4, (uint16_t)(b->len - udp));
	if (t->outer != BY_TYPE && outer_ipv6)
		ipv6_end(b, ip);
	else if (t->outer != BY_TYPE)
		ipv4_end(b, ip);
}

static enum tunnel expected_tunnel(const struct tunnel_case *t, bool outer_ipv6)
{
	return t->tunnel == TUNNEL_6IN4 && outer_ipv6 ? TUNNEL_IPIP : t->tunnel;
}

static void each_tunnel_is_opened(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct bytes b = FRAME;

			print_message("# %s, IPv%c\n", cases[i].name, v6 ? '6' : '4');
			put_case(&b, &cases[i], v6 != 0);
			assert_usual(&b, LINK_ETHERNET, expected_tunnel(&cases[i], v6 != 0), 0);
		}
	}
}

/* Wherever a snapshot ends: 16 bytes of TCP are enough, and nothing is read behind it. */
static void each_tunnel_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes b = FRAME;

		put_case(&b, &cases[i], false);
		for (size_t len = 0; len <= b.len; len++) {
			struct decoded d = decode_cut(&b, LINK_ETHERNET, len, (uint32_t)b.len);
			const bool enough = len >= b.len - 25 + 16;

			assert_int_equal(d.fate == FATE_TRACKED, enough);
			assert_int_equal(d.nb, enough);
			if (enough) {
				const size_t captured = len < b.len - 5 ? 0 : len - (b.len - 5);
				const size_t payload =
					cases[i].inner == IN4_PUT_TOGETHER ? captured : 5;

				assert_int_equal(d.segment.payload_len, payload);
				assert_int_equal(d.segment.tunnel, cases[i].tunnel);
			}
			decoded_fini(&d);
		}
		bytes_fini(&b);
	}
}

/* Where a frame ends on the wire, and the packet inside says that it is longer. */
static void the_frame_ends_before_the_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes b = FRAME;
		struct decoded d;

		put_case(&b, &cases[i], false);
		d = decode_cut(&b, LINK_ETHERNET, b.len - 2, (uint32_t)b.len - 2);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(d.segment.payload_len, 3);
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* Each of these can be repeated inside of itself for ever, without IP between. */
static void headers_nested_to_the_frame_s_end(void **state)
{
	static const struct {
		uint16_t type;
		const char *header;
		size_t len;
	} layers[] = {
		{0x8100, BYTES("\0\1\x81\0")},
		{0x88a8, BYTES("\0\1\x88\xa8")},
		{0x6558, BYTES(ADDRESSES "\x65\x58")},
		{0x88e7, BYTES("\0\0\0\1" ADDRESSES "\x88\xe7")},
		{0x8847, BYTES(LABEL ADDRESSES "\x88\x47")},
		{0x8909, BYTES("\1\1\0\1\0\1\x89\x09")},
		{0x8870, BYTES("\xaa\xaa\3\0\0\0\x88\x70")},
		{0x894f, BYTES("\x0f\xc2\2\4\0\0\1\xff")},
		{0x8864, BYTES("\x11\0\0\1\xff\xff\0\x31\0\1" ADDRESSES "\x88\x64")},
		{0x8864, BYTES("\x11\0\0\1\xff\xff\0\x4b\xaa\xaa\3\0\0\0\x88\x64")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		struct bytes b = FRAME;

		put_ethernet(&b, layers[i].type);
		while (b.len < 256 * 1024)
			put_raw(&b, layers[i].header, layers[i].len);
		assert_fate(&b, LINK_ETHERNET, FATE_TUNNEL);
	}
}

static void twenty_vlan_tags_and_no_more(void **state)
{
	(void)state;
	for (int tags = 19; tags <= 22; tags++) {
		struct bytes b = FRAME;

		put_ethernet(&b, 0x8100);
		for (int i = 1; i < tags; i++)
			put_raw(&b, BYTES("\0\1\x81\0"));
		put_raw(&b, BYTES("\0\1\x08\0"));
		put_ipv4_tcp(&b);
		if (tags <= 20)
			assert_usual(&b, LINK_ETHERNET, TUNNEL_NONE, 2);
		else
			assert_fate(&b, LINK_ETHERNET, FATE_TUNNEL);
	}
}

/* The oracle opens more than these, and so do we. */
static void many_packets_around_one_another(void **state)
{
	struct bytes b = FRAME;
	size_t at[200];
	struct decoded d;

	(void)state;
	put_ethernet(&b, 0x0800);
	for (size_t i = 0; i < 200; i++)
		at[i] = ipv4_begin(&b, 4, "", 0);
	put_ipv4_tcp(&b);
	for (size_t i = 0; i < 200; i++)
		ipv4_end(&b, at[i]);
	d = decode_all(&b, LINK_ETHERNET);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.segment.tunnel, TUNNEL_IPIP);
	assert_int_equal(d.ip_at, b.len - 45);
	decoded_fini(&d);
	bytes_fini(&b);
}

/* Unknown, encrypted, or not for anybody's eyes. */
static void what_is_not_opened(void **state)
{
	static const struct {
		uint8_t protocol;
		const char *payload;
		size_t len;
		enum fate fate;
	} packets[] = {
		{50, BYTES("\0\0\1\0\0\0\0\1"), FATE_TUNNEL},      /* ESP */
		{115, BYTES("\0\0\0\1\xff\3\0\x21"), FATE_TUNNEL}, /* L2TP version 3 */
		{47, BYTES("\0\0\x12\x34"), FATE_TUNNEL},          /* GRE of nobody knows what */
		{47, BYTES("\0\0"), FATE_TUNNEL},
		{47, BYTES("\0\0\x65\x58" ADDRESSES "\x08\x06"), FATE_NOT_TCP}, /* ARP in it */
		{41, BYTES("\x45\0\0\0"), FATE_IP_BAD},                         /* not IPv6 */
		{PROTO_UDP, BYTES("\xc3\x50\x12\xb5\0\x0c\0\0\x08\0\0\0"), FATE_TUNNEL},
		{PROTO_UDP, BYTES("\xc3\x50\x12\xb5\0\0\0\0"), FATE_NOT_TCP},
		{PROTO_UDP, BYTES("\xc3\x50\x06\xa5\0\x14\0\0\xc8\2\0\x0c\0\1\0\2\0\0\0\0"),
		 FATE_NOT_TCP}, /* an L2TP control message */
		{PROTO_UDP, BYTES("\xc3\x50\x08\x68\0\x10\0\0\x30\1\0\0\0\0\0\0"),
		 FATE_NOT_TCP}, /* a GTP-U echo */
		{PROTO_UDP, BYTES("\xc3\x50\x14\x7f\0\x14\0\0\1\x10\0\0\0\0\0\0\0\0\0\0"),
		 FATE_TUNNEL}, /* DTLS around CAPWAP */
	};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const size_t at = ipv4_begin(&b, packets[i].protocol, "", 0);

		print_message("# protocol %u, %zu bytes\n", packets[i].protocol, packets[i].len);
		put_raw(&b, packets[i].payload, packets[i].len);
		ipv4_end(&b, at);
		assert_fate(&b, LINK_RAW, packets[i].fate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tunnel_is_opened),
		cmocka_unit_test(each_tunnel_cut_at_every_byte),
		cmocka_unit_test(the_frame_ends_before_the_packet),
		cmocka_unit_test(headers_nested_to_the_frame_s_end),
		cmocka_unit_test(twenty_vlan_tags_and_no_more),
		cmocka_unit_test(many_packets_around_one_another),
		cmocka_unit_test(what_is_not_opened),
	};

	return cmocka_run_group_tests_name("decode tunnels", tests, NULL, NULL);
}
