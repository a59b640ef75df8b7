/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Link types: the usual segment behind the header of each. Every header is written out here by
 * its specification; tests/oracle/links.py compares many more of them with tshark 4.0.17.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame_support.h"

#define BYTES(string) (string), sizeof(string) - 1
#define ADDRESSES "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
#define SNAP "\xaa\xaa\3\0\0\0"
#define ETHERNET ADDRESSES "\x08\0"
#define ZEROS4 "\0\0\0\0"
#define ZEROS8 ZEROS4 ZEROS4
#define ZEROS16 ZEROS8 ZEROS8
#define ZEROS32 ZEROS16 ZEROS16
/* IEEE 802.11 data to the distribution system, with SNAP; and what is behind frame control. */
#define WLAN_REST "\0\0" ADDRESSES "\x02\0\0\0\0\3\0\0" SNAP
#define WLAN "\x08\1" WLAN_REST

static const struct link_case {
	uint16_t link_type;
	const char *name, *header;
	size_t len;
	bool is_ipv6;
	enum tunnel tunnel;
} cases[] = {
	{0, "null of OpenBSD", BYTES("\0\0\0\x18"), true, TUNNEL_NONE},
	{0, "null with an ethertype", BYTES("\0\0\x08\0"), false, TUNNEL_NONE},
	{0, "null with PPP", BYTES("\xff\3\0\x21"), false, TUNNEL_NONE},
	{6, "Token Ring", BYTES("\x10\x40" ADDRESSES SNAP "\x08\0"), false, TUNNEL_NONE},
	{6, "Token Ring, routed",
	 BYTES("\x10\x40\x02\0\0\0\0\x02\x82\0\0\0\0\x01\6\x30\0\x12\0\x20" SNAP "\x08\0"), false,
	 TUNNEL_NONE},
	{7, "ARCNET, RFC 1201", BYTES("\1\2\xd4\0\0\1"), false, TUNNEL_NONE},
	{7, "ARCNET, RFC 1051", BYTES("\1\2\xf0"), false, TUNNEL_NONE},
	{7, "ARCNET, an exception", BYTES("\1\2\xd4\xff\xff\xff\xd4\0\0\1"), false, TUNNEL_NONE},
	{8, "SLIP", BYTES(ZEROS16), false, TUNNEL_NONE},
	{10, "FDDI", BYTES("\x50" ADDRESSES SNAP "\x86\xdd"), true, TUNNEL_NONE},
	{11, "IEEE 802.2", BYTES(SNAP "\x08\0"), false, TUNNEL_NONE},
	{12, "raw with PPP", BYTES("\xff\3\0\x57"), true, TUNNEL_NONE},
	{101, "raw behind ten zeros", BYTES(ZEROS8 "\0\0"), false, TUNNEL_NONE},
	{16, "IP over ATM", BYTES(""), false, TUNNEL_NONE},
	{100, "RFC 2684, bridged", BYTES("\xaa\xaa\3\0\x80\xc2\0\7\0\0" ETHERNET), false,
	 TUNNEL_NONE},
	{104, "Cisco HDLC", BYTES("\x0f\0\x08\0"), false, TUNNEL_NONE},
	{112, "Cisco HDLC, broadcast", BYTES("\x8f\0\x86\xdd"), true, TUNNEL_NONE},
	{104, "Cisco HDLC, OSI", BYTES("\x0f\0\xfe\xfe\3\xcc"), false, TUNNEL_NONE},
	{9, "Cisco HDLC said to be PPP", BYTES("\x0f\0\x08\0"), false, TUNNEL_NONE},
	{105, "802.11", BYTES(WLAN "\x08\0"), false, TUNNEL_NONE},
	{106, "IP over ATM", BYTES(""), true, TUNNEL_NONE},
	{107, "RFC 2427", BYTES("\x18\x41\3\xcc"), false, TUNNEL_NONE},
	{107, "RFC 2427, address of four bytes", BYTES("\x18\x40\x40\1\3\x8e"), true, TUNNEL_NONE},
	{107, "RFC 2427, SNAP", BYTES("\x18\x41\3\0\x80\0\0\0\x08\0"), false, TUNNEL_NONE},
	{107, "RFC 2427, bridged", BYTES("\x18\x41\3\0\x80\0\x80\xc2\0\7" ETHERNET), false,
	 TUNNEL_NONE},
	{107, "Cisco's Frame Relay", BYTES("\x18\x41\x08\0"), false, TUNNEL_NONE},
	{109, "enc", BYTES("\2\0\0\0" ZEROS8), false, TUNNEL_NONE},
	{13, "enc, big-endian", BYTES("\0\0\0\x18" ZEROS8), true, TUNNEL_NONE},
	{113, "cooked, PPP", BYTES("\0\0\2\0\0\0" ZEROS8 "\0\7\0\x21"), false, TUNNEL_NONE},
	{113, "cooked, Ethernet", BYTES("\0\0\0\1\0\0" ZEROS8 "\0\3" ETHERNET), false, TUNNEL_NONE},
	{113, "cooked, Frame Relay", BYTES("\0\0\3\2\0\0" ZEROS8 "\0\0\x18\x41\3\xcc"), false,
	 TUNNEL_NONE},
	{113, "cooked, radiotap",
	 BYTES("\0\0\3\x23\0\0" ZEROS8 "\0\4\0\0\x08\0" ZEROS4 WLAN "\x08\0"), false, TUNNEL_NONE},
	{113, "cooked, GRE", BYTES("\0\0\3\x0a\0\0" ZEROS8 "\x08\0"), false, TUNNEL_NONE},
	{276, "cooked 2, IEEE 802.2", BYTES("\0\4\0\0\0\0\0\1\0\1\0\6" ZEROS8 SNAP "\x08\0"), false,
	 TUNNEL_NONE},
	{117, "pflog of 61 bytes", BYTES("\x3d\2" ZEROS32 ZEROS16 ZEROS8 ZEROS4 "\0\0"), false,
	 TUNNEL_NONE},
	{117, "pflog of FreeBSD", BYTES("\x30\x1c" ZEROS32 ZEROS8 ZEROS4 "\0\0"), true,
	 TUNNEL_NONE},
	{119, "Prism",
	 BYTES("\x44\0\0\0\x90\0\0\0" ZEROS32 ZEROS32 ZEROS32 ZEROS32 ZEROS8 WLAN "\x08\0"), false,
	 TUNNEL_NONE},
	{119, "AVS", BYTES("\x80\x21\x10\1\0\0\0\x40" ZEROS32 ZEROS16 ZEROS8 WLAN "\x08\0"), false,
	 TUNNEL_NONE},
	{163, "AVS 2", BYTES("\x80\x21\x10\2\0\0\0\x50" ZEROS32 ZEROS32 ZEROS8 WLAN "\x08\0"),
	 false, TUNNEL_NONE},
	{122, "RFC 2625", BYTES(ZEROS16 SNAP "\x08\0"), false, TUNNEL_NONE},
	{123, "SunATM", BYTES("\x82\1\0\x20" SNAP "\x08\0"), false, TUNNEL_NONE},
	{123, "SunATM, LAN emulation", BYTES("\x81\1\0\x20\0\1" ETHERNET), false, TUNNEL_NONE},
	{127, "radiotap", BYTES("\0\0\x08\0" ZEROS4 WLAN "\x08\0"), false, TUNNEL_NONE},
	{127, "radiotap, padding behind a time stamp",
	 BYTES("\0\0\x11\0\3\0\0\0" ZEROS8 "\x20\x88\1\0\0" ADDRESSES
	       "\x02\0\0\0\0\3\0\0\0\0xx" SNAP "\x08\0"),
	 false, TUNNEL_NONE},
	{128, "TZSP", BYTES("\1\0\0\1\x0a\1\x30\1" ETHERNET), false, TUNNEL_NONE},
	{129, "ARCNET of Linux", BYTES("\1\2\0\0\xd4\0\0\1"), false, TUNNEL_NONE},
	{130, "Juniper, MLPPP", BYTES("MGC\0\0\x21"), false, TUNNEL_NONE},
	{131, "Juniper, MLFR", BYTES("MGC\0\x18\x41\3\xcc"), false, TUNNEL_NONE},
	{133, "Juniper, GGSN", BYTES("MGC\0\2\0\0\0"), false, TUNNEL_NONE},
	{135, "Juniper, ATM2", BYTES("MGC\0" ZEROS8 SNAP "\x08\0"), false, TUNNEL_NONE},
	{135, "Juniper, ATM2 without a header", BYTES(ZEROS8), true, TUNNEL_NONE},
	{136, "Juniper, services", BYTES("MGC\0" ZEROS8 ZEROS4), false, TUNNEL_NONE},
	{136, "Juniper, services, to the router", BYTES("MGC\1" ZEROS16), false, TUNNEL_NONE},
	{137, "Juniper, ATM1", BYTES("MGC\0" ZEROS4 "\3\xcc"), false, TUNNEL_NONE},
	{167, "Juniper, PPPoE", BYTES("MGC\0" ADDRESSES "\x88\x64\x11\0\0\1\0\x2f\0\x21"), false,
	 TUNNEL_PPPOE},
	{178, "Juniper, Ethernet", BYTES("MGC\x80\0\4extn" ETHERNET), false, TUNNEL_NONE},
	{178, "Juniper, no link layer", BYTES("MGC\2\6\0\0\0"), true, TUNNEL_NONE},
	{179, "Juniper, PPP", BYTES("MGC\0\xff\3\0\x21"), false, TUNNEL_NONE},
	{180, "Juniper, Frame Relay", BYTES("MGC\0\x18\x41\3\xcc"), false, TUNNEL_NONE},
	{181, "Juniper, Cisco HDLC", BYTES("MGC\0\x0f\0\x08\0"), false, TUNNEL_NONE},
	{183, "Juniper, voice", BYTES("MGC\0" ZEROS16 "\0\0"), false, TUNNEL_NONE},
	{138, "IEEE 1394", BYTES(ZEROS16 "\x86\xdd"), true, TUNNEL_NONE},
	{143, "DOCSIS", BYTES("\0\0\0\x3b\x8e\x73" ETHERNET), false, TUNNEL_NONE},
	{258, "pktap", BYTES("\x6c\0\0\0\1\0\0\0\1\0\0\0" ZEROS32 ZEROS32 ZEROS32 ETHERNET), false,
	 TUNNEL_NONE},
	{149, "pktap, raw", BYTES("\x6c\0\0\0\1\0\0\0\x0c\0\0\0" ZEROS32 ZEROS32 ZEROS32), true,
	 TUNNEL_NONE},
	{166, "pppd", BYTES("\1\3\0\x21"), false, TUNNEL_NONE},
	{192, "PPI", BYTES("\0\0\x08\0\x69\0\0\0" WLAN "\x08\0"), false, TUNNEL_NONE},
	{192, "PPI, aligned fields",
	 BYTES("\0\1\x15\0\1\0\0\0\x63\0\5\0field\0\0\0\x63\0\0\0" ETHERNET), false, TUNNEL_NONE},
	{197, "ERF", BYTES(ZEROS8 "\2\4\0\x4d\0\0\0\x3b\0\0" ETHERNET), false, TUNNEL_NONE},
	{197, "ERF, extensions",
	 BYTES(ZEROS8 "\x82\4\0\x4d\0\0\0\x3b\x84" ZEROS4 "\0\0\0\3" ZEROS4 "\0\0\0\0\0" ETHERNET),
	 false, TUNNEL_NONE},
	{197, "ERF, HDLC", BYTES(ZEROS8 "\1\4\0\x41\0\0\0\x31\x0f\0\x08\0"), false, TUNNEL_NONE},
	{204, "PPP with direction", BYTES("\1\xff\3\0\x21"), false, TUNNEL_NONE},
	{205, "Cisco HDLC with direction", BYTES("\0\x0f\0\x08\0"), false, TUNNEL_NONE},
	{206, "Frame Relay with direction", BYTES("\1\x18\x41\3\xcc"), false, TUNNEL_NONE},
	{226, "ipnet", BYTES("\1\x1a\0\0\0\0\0\x41" ZEROS16), true, TUNNEL_NONE},
	{239, "NFLOG", BYTES("\2\0\0\0\x08\0\1\0\x08\0\0\0\x05\0\x0a\0p\0\0\0\x31\0\x09\0"), false,
	 TUNNEL_NONE},
	{239, "NFLOG, IPv6", BYTES("\x0a\0\0\0\x45\0\x09\0"), true, TUNNEL_NONE},
	{242, "RFC 4391", BYTES(ZEROS32 ZEROS8 "\x08\0\0\0"), false, TUNNEL_NONE},
	{259, "EPON", BYTES("\x55\x55\xd5\x55\x55\x7f\xff\x12" ETHERNET), false, TUNNEL_NONE},
	{274, "mPacket without preamble", BYTES(ETHERNET), false, TUNNEL_NONE},
	{281, "Broadcom's tag", BYTES(ADDRESSES "\0\0\0\1\x08\0"), false, TUNNEL_NONE},
	{282, "Broadcom's tag in front", BYTES("\0\0\0\1" ETHERNET), false, TUNNEL_NONE},
	{284, "Marvell's tag", BYTES(ADDRESSES "\xc0\0\0\1\x08\0"), false, TUNNEL_NONE},
	{285, "Marvell's tag with a type", BYTES(ADDRESSES "\xda\xda\0\0\xc0\0\0\1\x86\xdd"), true,
	 TUNNEL_NONE},
};

#define NB_CASES (sizeof(cases) / sizeof(cases[0]))

static void put_case(struct bytes *b, const struct link_case *l)
{
	put_raw(b, l->header, l->len);
	if (l->is_ipv6)
		put_ipv6_tcp(b);
	else
		put_ipv4_tcp(b);
}

static void each_link_type_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < NB_CASES; i++) {
		struct bytes b = FRAME;

		print_message("# %u: %s\n", cases[i].link_type, cases[i].name);
		put_case(&b, &cases[i]);
		assert_usual(&b, cases[i].link_type, cases[i].tunnel, 0);
		assert_true(decode_knows_link_type(cases[i].link_type));
	}
}

/* Wherever a snapshot ends: 16 bytes of TCP are enough, and nothing is read behind it. */
static void each_link_type_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < NB_CASES; i++) {
		struct bytes b = FRAME;

		put_case(&b, &cases[i]);
		for (size_t len = 0; len <= b.len; len++) {
			struct decoded d = decode_cut(&b, cases[i].link_type, len, (uint32_t)b.len);
			const bool enough = len >= b.len - 25 + 16;

			assert_int_equal(d.fate == FATE_TRACKED, enough);
			assert_int_not_equal(d.fate, FATE_LINK_UNKNOWN);
			if (enough)
				assert_int_equal(d.segment.payload_len, 5);
			decoded_fini(&d);
		}
		bytes_fini(&b);
	}
}

/* Of any bytes: nothing outside the frame is read, whatever the lengths in it say. */
static void each_link_type_with_any_byte_changed(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x40, 0x7f, 0x80, 0xff};

	(void)state;
	for (size_t i = 0; i < NB_CASES; i++) {
		struct bytes b = FRAME;

		put_case(&b, &cases[i]);
		for (size_t at = 0; at < cases[i].len; at++) {
			for (size_t v = 0; v < sizeof(values); v++) {
				const uint8_t was = b.data[at];
				struct decoded d;

				b.data[at] = values[v];
				d = decode_all(&b, cases[i].link_type);
				assert_int_not_equal(d.fate, FATE_LINK_UNKNOWN);
				assert_true(d.nb <= 1);
				decoded_fini(&d);
				b.data[at] = was;
			}
		}
		bytes_fini(&b);
	}
}

/* What keeps a frame of a known link type from being read. */
static void frames_that_hold_no_ip(void **state)
{
	static const struct link_case others[] = {
		{0, "IPX", BYTES("\0\0\0\x17"), false, 0},
		{6, "Token Ring's own", BYTES("\x10\0" ADDRESSES SNAP "\x08\0"), false, 0},
		{7, "ARCNET, ARP", BYTES("\1\2\xd5\0\0\1"), false, 0},
		{10, "FDDI, station management", BYTES("\x41" ADDRESSES SNAP "\x08\0"), false, 0},
		{104, "SLARP", BYTES("\x8f\0\x80\x35"), false, 0},
		{109, "enc, another family", BYTES("\0\0\0\7" ZEROS8), false, 0},
		{113, "netlink", BYTES("\0\0\3\x38\0\0" ZEROS8 "\x08\0"), false, 0},
		{123, "SunATM, signalling", BYTES("\x86\0\0\5" SNAP "\x08\0"), false, 0},
		{127, "radiotap without a frame", BYTES("\0\0\x09\0\0\0\0\4\0" WLAN "\x08\0"),
		 false, 0},
		{143, "DOCSIS, another check sequence", BYTES("\0\0\0\x3b\x8f\x73" ETHERNET), false,
		 0},
		{166, "pppd without control", BYTES("\1\0\x21"), false, 0},
		{197, "ERF, InfiniBand", BYTES(ZEROS8 "\x15\4\0\x4d\0\0\0\x3b\0\0" ETHERNET), false,
		 0},
		{239, "NFLOG of a bridge", BYTES("\7\0\0\0\x31\0\x09\0"), false, 0},
		{242, "RFC 4391, ARP", BYTES(ZEROS32 ZEROS8 "\x08\6\0\0"), false, 0},
		{258, "pktap, no packet",
		 BYTES("\x6c\0\0\0\2\0\0\0\1\0\0\0" ZEROS32 ZEROS32 ZEROS32 ETHERNET), false, 0},
		{258, "pktap, unknown link type",
		 BYTES("\x6c\0\0\0\1\0\0\0\x93\0\0\0" ZEROS32 ZEROS32 ZEROS32), false, 0},
		{259, "EPON without a link id", BYTES(ZEROS8 ETHERNET), false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct bytes b = FRAME;

		print_message("# %u: %s\n", others[i].link_type, others[i].name);
		put_case(&b, &others[i]);
		assert_fate(&b, others[i].link_type, FATE_NOT_IP);
	}
}

/* The rest of the frame, for a total length of 0, does not hold what is known to be behind. */
static void check_sequences_and_padding_are_no_payload(void **state)
{
	static const struct link_case ends[] = {
		{127, "radiotap", BYTES("\0\0\x09\0\2\0\0\0\x10" WLAN "\x08\0"), false, 0},
		{192, "PPI",
		 BYTES("\0\0\x20\0\x69\0\0\0\2\0\x14\0" ZEROS8 "\1\0" ZEROS8 "\0\0" WLAN "\x08\0"),
		 false, 0},
		{197, "ERF", BYTES(ZEROS8 "\2\4\0\x51\0\0\0\x3b\0\0" ETHERNET), false, 0},
		{239, "NFLOG", BYTES("\2\0\0\0\x31\0\x09\0"), false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct bytes b = FRAME;
		struct decoded d;

		put_case(&b, &ends[i]);
		set16(&b, ends[i].len + 2, 0);
		put_zeros(&b, 4);
		d = decode_all(&b, ends[i].link_type);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_int_equal(d.segment.payload_len, 5);
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* CRC-32 of the Ethernet frame with the usual segment, by zlib. */
#define FRAME_CHECK "\x61\xf0\xae\x49"

static void mpackets_with_their_check_sequence(void **state)
{
	static const uint8_t starts[] = {0xd5, 0xe6, 0x4c, 0x7f, 0xb3};
	struct bytes b = FRAME;
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(starts); i++) {
		put_raw(&b, "\x55\x55\x55\x55\x55\x55\x55", 7);
		put8(&b, starts[i]);
		put_ethernet(&b, 0x0800);
		put_ipv4_tcp(&b);
		put_raw(&b, FRAME_CHECK, 4);
		d = decode_all(&b, 274);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_usual_tcp(&d.segment);
		decoded_fini(&d);
		b.data[b.len - 1] ^= 1; /* the sequence of a fragment, or damage */
		assert_fate(&b, 274, FATE_FRAGMENT);
	}
}

static void marvells_tag_can_be_a_vlan_tag(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_raw(&b, BYTES(ADDRESSES "\x20\0\x60\x64\x08\0"));
	put_ipv4_tcp(&b);
	assert_usual(&b, 284, TUNNEL_NONE, 101);
}

/* A header that says that one of its kind follows, as often as 4 KiB allow. */
static void link_types_in_link_types_have_an_end(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (int i = 0; i < 512; i++)
		put_raw(&b, BYTES("\0\0\x08\0\xc0\0\0\0"));
	put_raw(&b, BYTES("\0\0\x08\0\x65\0\0\0"));
	put_ipv4_tcp(&b);
	assert_fate(&b, 192, FATE_TUNNEL);
}

/* docs/formats.md has each link type that is read in its table, and no other. */
static void the_documentation_lists_what_is_read(void **state)
{
	bool listed[UINT16_MAX + 1] = {false};
	char path[4096], line[1024];
	FILE *file;

	(void)state;
	assert_non_null(getenv("TCPMILL_REPO"));
	snprintf(path, sizeof(path), "%s/docs/formats.md", getenv("TCPMILL_REPO"));
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned int link_type;

		if (sscanf(line, "| %u |", &link_type) == 1) {
			assert_true(link_type <= UINT16_MAX && !listed[link_type]);
			listed[link_type] = true;
		}
	}
	fclose(file);
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		if (listed[i] != decode_knows_link_type((uint16_t)i))
			fail_msg("link type %u: listed %d, read %d", i, listed[i], !listed[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_link_type_is_read),
		cmocka_unit_test(each_link_type_cut_at_every_byte),
		cmocka_unit_test(each_link_type_with_any_byte_changed),
		cmocka_unit_test(frames_that_hold_no_ip),
		cmocka_unit_test(check_sequences_and_padding_are_no_payload),
		cmocka_unit_test(mpackets_with_their_check_sequence),
		cmocka_unit_test(marvells_tag_can_be_a_vlan_tag),
		cmocka_unit_test(link_types_in_link_types_have_an_end),
		cmocka_unit_test(the_documentation_lists_what_is_read),
	};

	return cmocka_run_group_tests_name("decode link types", tests, NULL, NULL);
}
