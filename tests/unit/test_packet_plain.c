/* SPDX-License-Identifier: BSD-3-Clause */

/* packet_build_plain() makes the bytes that packet_build() makes, however a packet is cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"

#define FRAME_MAX 66000

static uint32_t next(uint32_t *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 8;
}

static void make(uint32_t *random, struct packet *packet)
{
	static const uint32_t lengths[] = {0, 1, 2, 3, 4, 5, 63, 64, 65, 127, 1399, 1448, 60000};

	packet_init(packet, next(random) % 2 == 0 ? 4 : 6);
	for (size_t i = 0; i < 16; i++) {
		packet->src[i] = (uint8_t)next(random);
		packet->dst[i] = (uint8_t)next(random);
	}
	packet->tos = (uint8_t)next(random);
	packet->ttl = (uint8_t)next(random);
	packet->reverse = next(random) % 2 == 0;
	packet->dont_fragment = next(random) % 2 == 0;
	packet->ip_id = (uint16_t)next(random);
	packet->min_frame = next(random) % 2 == 0 ? 60 : 0;
	packet->src_port = (uint16_t)next(random);
	packet->dst_port = (uint16_t)next(random);
	packet->seq = next(random) << 8 | next(random) % 256;
	packet->ack = next(random) << 8 | next(random) % 256;
	packet->flags = (uint8_t)next(random);
	packet->window = (uint16_t)next(random);
	packet->urgent = (uint16_t)next(random);
	packet->payload_len = lengths[next(random) % (sizeof(lengths) / sizeof(lengths[0]))];
	packet->options_len = (uint8_t)(next(random) % 11 * 4);
	for (size_t i = 0; i < packet->options_len; i++)
		packet->options[i] = (uint8_t)next(random);
}

static void same_bytes_as_the_simple_way(void **state)
{
	static uint8_t simple[FRAME_MAX], plain[FRAME_MAX];
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t size = FRAME_MAX, len[2], wire_len[2];
		struct packet packet;

		make(&random, &packet);
		if (i % 2 == 0)
			size = 1 + next(&random) % 200;
		assert_true(packet_is_plain(&packet));
		len[0] = packet_build(&packet, PACKET_LINK_ETHERNET, simple, size, &wire_len[0]);
		len[1] = packet_build_plain(&packet, plain, size, &wire_len[1]);
		assert_int_equal(len[0], len[1]);
		assert_int_equal(wire_len[0], wire_len[1]);
		assert_memory_equal(simple, plain, len[0]);
	}
}

static void what_is_not_plain_is_told(void **state)
{
	static const uint8_t payload[4];
	struct packet packet;

	(void)state;
	packet_init(&packet, 4);
	assert_true(packet_is_plain(&packet));
	packet.vlan = 1;
	assert_false(packet_is_plain(&packet));
	packet_init(&packet, 4);
	packet.protocol = PACKET_PROTOCOL_UDP;
	assert_false(packet_is_plain(&packet));
	packet_init(&packet, 4);
	packet.payload = payload;
	assert_false(packet_is_plain(&packet));
	packet_init(&packet, 4);
	packet.options_len = 3;
	assert_false(packet_is_plain(&packet));
	packet.options_len = PACKET_OPTIONS_MAX + 4;
	assert_false(packet_is_plain(&packet));
	packet_init(&packet, 4);
	packet.payload_len = 65000;
	assert_false(packet_is_plain(&packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes_as_the_simple_way),
		cmocka_unit_test(what_is_not_plain_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
