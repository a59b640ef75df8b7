/* SPDX-License-Identifier: BSD-3-Clause */

/* Options of IPv4 and extension headers of IPv6: addresses in them, and what cannot be. */

#include <string.h>

#include "frame_support.h"

/* ---- IPv4 options ------------------------------------------------------ */

/* The destination of the usual segment under these options; 0 = not tracked. */
static uint32_t destination_with(const void *options, size_t len)
{
	struct bytes b = FRAME;
	struct decoded d;
	const size_t at = ipv4_begin(&b, PROTO_TCP, options, len);
	uint32_t destination = 0;

	put_tcp(&b);
	ipv4_end(&b, at);
	d = decode_all(&b, LINK_RAW);
	if (d.fate == FATE_TRACKED) {
		assert_usual_tcp(&d.segment);
		assert_int_equal(d.segment.ip_len, 45 + len);
		assert_int_equal(d.segment.tcp_off, 20 + len);
		destination = d.segment.addr_hi;
		/* The header says the same: the record takes the address from there. */
		assert_int_equal(d.data[19], destination & 0xff);
	} else {
		assert_int_equal(d.fate, FATE_IP_BAD);
	}
	decoded_fini(&d);
	bytes_fini(&b);
	return destination;
}

#define DESTINATION(options) destination_with(options, sizeof(options) - 1)
#define UNCHANGED 0x0a000002u

static void ipv4_options_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(DESTINATION("\x01\x01\x01\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x94\x04\x00\x00"), UNCHANGED); /* router alert */
	assert_int_equal(DESTINATION("\x07\x0b\x04\x0a\x00\x00\x07\x00\x00\x00\x00\x00"),
			 UNCHANGED);
	/* Behind the end of the list nothing counts. */
	assert_int_equal(DESTINATION("\x00\x83\x07\x04\x0a\x00\x00\x09"), UNCHANGED);
	/* The longest header there is. */
	assert_int_equal(
		DESTINATION("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
			    "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
			    "\x01\x01\x01\x01\x01\x01\x01\x01"),
		UNCHANGED);
}

static void ipv4_source_routes_change_the_destination(void **state)
{
	(void)state;
	/* Loose and strict: one and two addresses, the pointer at the first. */
	assert_int_equal(DESTINATION("\x83\x07\x04\x0a\x00\x00\x09\x00"), 0x0a000009);
	assert_int_equal(DESTINATION("\x89\x07\x04\x0a\x00\x00\x09\x00"), 0x0a000009);
	assert_int_equal(DESTINATION("\x83\x0b\x04\x0a\x00\x00\x07\x0a\x00\x00\x08\x00"),
			 0x0a000008);
	/* The pointer at the second; a NOP in front. */
	assert_int_equal(DESTINATION("\x01\x83\x0b\x08\x0a\x00\x00\x07\x0a\x00\x00\x08"),
			 0x0a000008);
	/* All of it is used up: the header's address is the final one. */
	assert_int_equal(DESTINATION("\x83\x0b\x0c\x0a\x00\x00\x07\x0a\x00\x00\x08\x00"),
			 UNCHANGED);
	/* Pointers that are not valid. */
	assert_int_equal(DESTINATION("\x83\x07\x00\x0a\x00\x00\x09\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x83\x07\x03\x0a\x00\x00\x09\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x83\x07\x05\x0a\x00\x00\x09\x00"), UNCHANGED);
	/* No room for the place that the pointer names, and none for an address behind it. */
	assert_int_equal(DESTINATION("\x83\x03\x04\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x83\x04\x04\x0a"), 0x8304040a);
	/* Of several routes the first one counts. */
	assert_int_equal(DESTINATION("\x83\x07\x04\x0a\x00\x00\x09\x89\x07\x04\x0a\x00"
				     "\x00\x08\x00\x00"),
			 0x0a000009);
}

static void ipv4_options_with_a_bad_length(void **state)
{
	(void)state;
	/* What leaves the header ends the list and harms nothing. */
	assert_int_equal(DESTINATION("\x07\x00\x00\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x07\x01\x00\x00"), UNCHANGED);
	assert_int_equal(DESTINATION("\x01\x01\x01\x07"), UNCHANGED);
	assert_int_equal(DESTINATION("\x83\x0b\x04\x0a\x00\x00\x07\x0a"), UNCHANGED);
}

/* What an option must have besides type and length: without it there is no TCP. */
static void ipv4_options_without_their_fixed_part(void **state)
{
	static const struct {
		uint8_t type, len;
	} least[] = {{7, 3},   {11, 4},  {12, 4},  {68, 4},  {82, 12}, {130, 3}, {131, 3},
		     {133, 3}, {134, 6}, {136, 4}, {137, 3}, {148, 4}, {205, 2}, {30, 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
		uint8_t options[12] = {least[i].type};

		for (options[1] = 2; options[1] <= 12; options[1]++)
			assert_int_equal(destination_with(options, 12),
					 options[1] < least[i].len ? 0 : UNCHANGED);
	}
	/* Quick-start: requests (0) and reports (8) are of 8 bytes, others of any length. */
	assert_int_equal(DESTINATION("\x19\x02\x00\x00"), 0);
	assert_int_equal(DESTINATION("\x19\x07\x0f\x00\x00\x00\x00\x01"), 0);
	assert_int_equal(DESTINATION("\x19\x07\x80\x00\x00\x00\x00\x01"), 0);
	assert_int_equal(DESTINATION("\x19\x08\x80\x00\x00\x00\x00\x01"), UNCHANGED);
	assert_int_equal(DESTINATION("\x19\x03\x10\x01"), UNCHANGED);
	assert_int_equal(DESTINATION("\x19\x03\x90\x01"), UNCHANGED);
}

/* In an ICMP error they are not looked at so closely. */
static void ipv4_options_that_are_quoted(void **state)
{
	struct bytes b = FRAME;
	struct decoded d;
	size_t at = ipv4_begin(&b, 1, "", 0), quoted;

	(void)state;
	put_raw(&b, "\x03\x00\x00\x00\x00\x00\x00\x00", 8);
	quoted = ipv4_begin(&b, PROTO_TCP, "\x82\x02\x01\x01\x83\x07\x04\x0a\x00\x00\x09\x01", 12);
	put_tcp(&b);
	ipv4_end(&b, quoted);
	ipv4_end(&b, at);
	d = decode_all(&b, LINK_RAW);
	assert_int_equal(d.fate, FATE_TRACKED);
	assert_int_equal(d.segment.addr_hi, 0x0a000009);
	decoded_fini(&d);
	bytes_fini(&b);
}

/* ---- IPv6 routing headers ---------------------------------------------- */

#define ADDRESS(last) "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" last

/* Decodes with a routing header of these bytes behind next header and length; NULL: no TCP. */
static void assert_destination(const void *routing, size_t nb, const char *destination)
{
	struct bytes b = FRAME;
	const size_t at = ipv6_begin(&b, 43);
	struct decoded d;

	put_extension(&b, PROTO_TCP, nb + 2, routing, nb);
	put_tcp(&b);
	ipv6_end(&b, at);
	d = decode_all(&b, LINK_RAW);
	assert_int_equal(d.fate, destination != NULL ? FATE_TRACKED : FATE_IP_BAD);
	if (destination != NULL) {
		assert_usual_tcp(&d.segment);
		assert_memory_equal(d.segment.ip_header + 24, destination, 16);
	}
	decoded_fini(&d);
	bytes_fini(&b);
}

#define ROUTED(routing, destination) assert_destination(routing, sizeof(routing) - 1, destination)
#define IPV6_UNCHANGED "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"

static void ipv6_routing_changes_the_destination(void **state)
{
	(void)state;
	/* Type 0: the last of the list. */
	ROUTED("\x00\x02\x00\x00\x00\x00" ADDRESS("\x07") ADDRESS("\x08"), ADDRESS("\x08"));
	/* Type 2 (mobile): its one address. */
	ROUTED("\x02\x01\x00\x00\x00\x00" ADDRESS("\x07"), ADDRESS("\x07"));
	/* Type 4 (segments): the first listed is the last to be visited. */
	ROUTED("\x04\x01\x01\x00\x00\x00" ADDRESS("\x07") ADDRESS("\x08"), ADDRESS("\x07"));
	/* Type 3 (RPL), nothing elided of the last address. */
	ROUTED("\x03\x01\x00\x00\x00\x00" ADDRESS("\x07"), ADDRESS("\x07"));
	/* The first 8 bytes of the last one are elided: they are the header's. */
	ROUTED("\x03\x01\x08\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08",
	       "\x20\x01\x0d\xb8\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
	/* 15 elided from each, three addresses and 5 bytes of padding. */
	ROUTED("\x03\x03\xff\x50\x00\x00\x0a\x0b\x0c\x00\x00\x00\x00\x00",
	       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0c");
}

static void ipv6_routing_that_changes_nothing(void **state)
{
	(void)state;
	/* No segments are left. */
	ROUTED("\x00\x00\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	ROUTED("\x02\x00\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	ROUTED("\x03\x00\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	ROUTED("\x04\x00\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	/* Types without a rule. */
	ROUTED("\x01\x01\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	ROUTED("\xfd\x01\x00\x00\x00\x00" ADDRESS("\x07"), IPV6_UNCHANGED);
	/* No room for an address. */
	ROUTED("\x00\x01\x00\x00\x00\x00", IPV6_UNCHANGED);
	ROUTED("\x03\x01\x00\x00\x00\x00", IPV6_UNCHANGED);
	/* More padding than there is, by all of an address: none is read. */
	ROUTED("\x03\x01\x88\xf0\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08", IPV6_UNCHANGED);
}

/* Whether or not segments are left. */
static void ipv6_routing_that_cannot_be(void **state)
{
	(void)state;
	ROUTED("\x02\x00\x00\x00\x00\x00", NULL);
	ROUTED("\x04\x00\x00\x00\x00\x00", NULL);
	/* More segments than there are. */
	ROUTED("\x04\x01\x01\x00\x00\x00" ADDRESS("\x07"), NULL);
	/* 16 bytes are the last address, of which 8 are there. */
	ROUTED("\x03\x01\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08", NULL);
	/* Compact headers: no zero at the end; more left than there is; both are right. */
	ROUTED("\x05\x00\x01\x00\x01\x00", NULL);
	ROUTED("\x05\x02\x01\x00\x00\x00", NULL);
	ROUTED("\x05\x01\x01\x00\x00\x00", IPV6_UNCHANGED);
	ROUTED("\x06\x00\x01\x00\x00\x00", NULL);
	ROUTED("\x06\x01\x00\x00\x00\x00", NULL);
	ROUTED("\x06\x00\x00\x00\x00\x00", IPV6_UNCHANGED);
}

/* A quoted packet's route is not followed, and may be anything. */
static void ipv6_routing_that_is_quoted(void **state)
{
	static const char *const routes[] = {"\x02\x01\x00\x00\x00\x00" ADDRESS("\x07"),
					     "\x04\x01\x07\x00\x00\x00" ADDRESS("\x07")};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes b = FRAME;
		const size_t at = ipv6_begin(&b, 58);
		struct decoded d;
		size_t quoted;

		put_raw(&b, "\x01\x00\x00\x00\x00\x00\x00\x00", 8);
		quoted = ipv6_begin(&b, 43);
		put_extension(&b, PROTO_TCP, 24, routes[i], 22);
		put_tcp(&b);
		ipv6_end(&b, quoted);
		ipv6_end(&b, at);
		d = decode_all(&b, LINK_RAW);
		assert_int_equal(d.fate, FATE_TRACKED);
		assert_memory_equal(d.segment.ip_header + 24, IPV6_UNCHANGED, 16);
		decoded_fini(&d);
		bytes_fini(&b);
	}
}

/* ---- options of IPv6 ---------------------------------------------------- */

/* A header of destination options in front of the usual segment, which has 25 bytes. */
static struct decoded with_options(const void *options, size_t len)
{
	struct bytes b = FRAME;
	const size_t at = ipv6_begin(&b, 60);
	struct decoded d;

	put_extension(&b, PROTO_TCP, len + 2, options, len);
	put_tcp(&b);
	ipv6_end(&b, at);
	put_zeros(&b, 9); /* behind the packet nothing counts */
	d = decode_all(&b, LINK_RAW);
	bytes_fini(&b);
	return d;
}

static enum fate fate_with(const void *options, size_t len)
{
	struct decoded d = with_options(options, len);

	decoded_fini(&d);
	return d.fate;
}

#define FATE_WITH(options) fate_with(options, sizeof(options) - 1)

static void ipv6_options_that_cannot_be(void **state)
{
	(void)state;
	/* An option may go on behind its header, up to the end of the packet. */
	assert_int_equal(FATE_WITH("\x3e\x04\x00\x00\x00\x00"), FATE_TRACKED);
	assert_int_equal(FATE_WITH("\x3e\x1d\x00\x00\x00\x00"), FATE_TRACKED); /* 4 + 25 */
	assert_int_equal(FATE_WITH("\x3e\x1e\x00\x00\x00\x00"), FATE_IP_BAD);
	assert_int_equal(FATE_WITH("\x01\xff\x00\x00\x00\x00"), FATE_IP_BAD);
	/* Its length is the first byte of port 40000: 156. */
	assert_int_equal(FATE_WITH("\x00\x00\x00\x00\x00\x3e"), FATE_IP_BAD);
	/* IOAM. CALIPSO with a bitmap of 7 and of 8 words: 39 bytes from its start, 10 of them
	 * fixed. */
	assert_int_equal(FATE_WITH("\x31\x00\x00\x00\x00\x00"), FATE_IP_BAD);
	assert_int_equal(FATE_WITH("\x31\x01\x00\x00\x00\x00"), FATE_TRACKED);
	assert_int_equal(FATE_WITH("\x07\x08\0\0\0\0\x07\0\0\0\0\0\0\0"), FATE_TRACKED);
	assert_int_equal(FATE_WITH("\x07\x08\0\0\0\0\x08\0\0\0\0\0\0\0"), FATE_IP_BAD);
}

/* A home address (RFC 6275 6.3) is the source of the flow, whatever length it says. */
static void ipv6_home_addresses_change_the_source(void **state)
{
	static const char *const options[] = {"\xc9\x10" ADDRESS("\x01") "\0\0\0\0",
					      "\xc9\x03" ADDRESS("\x01") "\0\0\0\0"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct decoded d = with_options(options[i], 22);

		assert_int_equal(d.fate, FATE_TRACKED);
		assert_memory_equal(d.segment.ip_header + 8, ADDRESS("\x01"), 16);
		decoded_fini(&d);
	}
}

/* ---- Shim6 ---------------------------------------------------------------- */

static void shim6_with_a_payload_is_skipped(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (uint8_t bit = 0; bit < 2; bit++) {
		const size_t at = ipv6_begin(&b, 140);
		uint8_t message = bit != 0 ? 0x80 : 0x40;

		put_extension(&b, PROTO_TCP, 16, &message, 1);
		put_tcp(&b);
		ipv6_end(&b, at);
		assert_fate(&b, LINK_RAW, bit != 0 ? FATE_TRACKED : FATE_NOT_TCP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_options_are_skipped),
		cmocka_unit_test(ipv4_source_routes_change_the_destination),
		cmocka_unit_test(ipv4_options_with_a_bad_length),
		cmocka_unit_test(ipv4_options_without_their_fixed_part),
		cmocka_unit_test(ipv4_options_that_are_quoted),
		cmocka_unit_test(ipv6_routing_changes_the_destination),
		cmocka_unit_test(ipv6_routing_that_changes_nothing),
		cmocka_unit_test(ipv6_routing_that_cannot_be),
		cmocka_unit_test(ipv6_routing_that_is_quoted),
		cmocka_unit_test(ipv6_options_that_cannot_be),
		cmocka_unit_test(ipv6_home_addresses_change_the_source),
		cmocka_unit_test(shim6_with_a_payload_is_skipped),
	};

	return cmocka_run_group_tests_name("decode IP options", tests, NULL, NULL);
}
