/* SPDX-License-Identifier: BSD-3-Clause */

/* The symmetric hash in one word, against Toeplitz bit by bit and against DPDK's own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_thash.h>
#include <string.h>

#include "tcpmill/port.h"

#define V4_LEN 12 /* addresses and ports */
#define V6_LEN 36

/* As Microsoft describes it: each set bit of the input lets 32 bits of the key in. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *input, size_t len)
{
	uint32_t hash = 0;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		uint32_t window = 0;

		if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0)
			continue;
		for (size_t i = bit; i < bit + 32; i++)
			window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1);
		hash ^= window;
	}
	return hash;
}

static uint32_t dpdk_toeplitz(const uint8_t *key, const uint8_t *input, size_t len)
{
	uint32_t words[V6_LEN / 4];

	for (size_t i = 0; i < len / 4; i++)
		words[i] = (uint32_t)input[4 * i] << 24 | (uint32_t)input[4 * i + 1] << 16 |
			   (uint32_t)input[4 * i + 2] << 8 | input[4 * i + 3];
	return rte_softrss(words, (uint32_t)(len / 4), key);
}

static uint16_t fold(const uint8_t *input, size_t len)
{
	uint16_t folded = 0;

	for (size_t i = 0; i < len; i += 2)
		folded = (uint16_t)(folded ^ (input[i] << 8 | input[i + 1]));
	return folded;
}

/* Source and destination change places, as in the other direction. */
static void turn(const uint8_t *input, uint8_t *turned, size_t len)
{
	const size_t address = (len - 4) / 2;

	memcpy(turned, input + address, address);
	memcpy(turned + address, input, address);
	memcpy(turned + 2 * address, input + 2 * address + 2, 2);
	memcpy(turned + 2 * address + 2, input + 2 * address, 2);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void fill_key(uint16_t pattern, uint8_t key[40])
{
	for (size_t i = 0; i < 40; i += 2) {
		key[i] = (uint8_t)(pattern >> 8);
		key[i + 1] = (uint8_t)pattern;
	}
}

/* Microsoft's verification suite: first tuples of IPv4 and IPv6, its key. */
static void the_plain_one_is_toeplitz(void **state)
{
	static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
					0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
					0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
					0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
	/* 66.9.149.187 port 2794 to 161.142.100.80 port 1766 */
	static const uint8_t input[V4_LEN] = {
		66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 0xff, 1766 >> 8, 1766 & 0xff};

	(void)state;
	assert_int_equal(toeplitz(key, input, V4_LEN), 0x51ccc178);
}

static void check_tuples(size_t len)
{
	uint64_t random = 7 + len;

	for (int round = 0; round < 2000; round++) {
		const uint16_t pattern = (uint16_t)next_random(&random);
		_Alignas(uint32_t) uint8_t key[40];
		uint8_t input[V6_LEN], turned[V6_LEN];
		struct port_rss rss;
		uint32_t hash;

		for (size_t i = 0; i < len; i++)
			input[i] = (uint8_t)next_random(&random);
		turn(input, turned, len);
		fill_key(pattern, key);
		port_rss_init(&rss, pattern);
		hash = port_rss_hash(&rss, fold(input, len));
		assert_int_equal(hash, toeplitz(key, input, len));
		assert_int_equal(hash, dpdk_toeplitz(key, input, len));
		assert_int_equal(hash, toeplitz(key, turned, len));
	}
}

static void it_is_what_a_nic_has_for_ipv4(void **state)
{
	(void)state;
	check_tuples(V4_LEN);
}

static void it_is_what_a_nic_has_for_ipv6(void **state)
{
	(void)state;
	check_tuples(V6_LEN);
}

/* Alone, a bit of the folded word lets the pattern in, turned by the bit's place. */
static void single_bits_are_rotations(void **state)
{
	struct port_rss rss;

	(void)state;
	port_rss_init(&rss, 0x6d5a);
	assert_int_equal(port_rss_hash(&rss, 0x8000), 0x6d5a6d5a);
	assert_int_equal(port_rss_hash(&rss, 0x4000), 0xdab4dab4);
	assert_int_equal(port_rss_hash(&rss, 0x0001), 0x36ad36ad);
	assert_int_equal(port_rss_hash(&rss, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_one_is_toeplitz),
		cmocka_unit_test(it_is_what_a_nic_has_for_ipv4),
		cmocka_unit_test(it_is_what_a_nic_has_for_ipv6),
		cmocka_unit_test(single_bits_are_rotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
