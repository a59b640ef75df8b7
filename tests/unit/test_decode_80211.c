/* SPDX-License-Identifier: BSD-3-Clause */

/* IEEE 802.11 data frames: all their headers, and what can be behind them. */

#include <stdlib.h>
#include <string.h>

#include "frame_support.h"
#include "tcpmill/capture.h"

#define LINK_80211 105

#define TO_DS 0x01u
#define FROM_DS 0x02u
#define DATA 0x08u
#define QOS_DATA 0x88u

#define BYTES(string) (string), sizeof(string) - 1
#define SNAP_IPV4 "\xaa\xaa\3\0\0\0\x08\0"

/* Addresses 1 to 4 are 02:00:00:00:00:01 and so on. */
static void put_address(struct bytes *b, uint8_t number)
{
	put_raw(b, "\2\0\0\0\0", 5);
	put8(b, number);
}

static void put_header(struct bytes *b, uint8_t control, uint8_t flags)
{
	put8(b, control);
	put8(b, flags);
	put16(b, 0);
	for (uint8_t i = 1; i <= 3; i++)
		put_address(b, i);
	put16(b, 0);
	if ((flags & 3) == 3)
		put_address(b, 4);
	if (control & 0x80)
		put16(b, 0);
	if (control & 0x80 && flags & 0x80)
		put32(b, 0x12345678); /* HT control */
}

static void put_snap(struct bytes *b)
{
	put_raw(b, BYTES(SNAP_IPV4));
	put_ipv4_tcp(b);
}

static void every_data_frame(void **state)
{
	static const uint8_t controls[] = {0x08, 0x18, 0x28, 0x38, 0x88, 0x98, 0xa8, 0xb8};
	/* Retry, power management and more data change nothing; order announces HT control. */
	static const uint8_t more[] = {0x00, 0x08, 0x10, 0x20, 0x80};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(controls); i++) {
		for (uint8_t direction = 0; direction < 4; direction++) {
			for (size_t j = 0; j < sizeof(more); j++) {
				put_header(&b, controls[i], direction | more[j]);
				put_snap(&b);
				assert_usual(&b, LINK_80211, TUNNEL_NONE, 0);
			}
		}
	}
}

static void frames_without_data(void **state)
{
	/* Null data of all kinds; management, control, extension; other protocol versions. */
	static const uint8_t controls[] = {0x48, 0x58, 0x68, 0x78, 0xc8, 0xd8, 0xe8, 0xf8,
					   0x00, 0x80, 0xb4, 0xd4, 0x0c, 0x09, 0x0a, 0x0b};
	struct bytes b = FRAME;

	(void)state;
	for (size_t i = 0; i < sizeof(controls); i++) {
		put_header(&b, controls[i], TO_DS);
		put_snap(&b);
		assert_fate(&b, LINK_80211, FATE_NOT_IP);
	}
	put_header(&b, DATA, TO_DS | 0x40); /* protected: encrypted */
	put_snap(&b);
	assert_fate(&b, LINK_80211, FATE_NOT_IP);
	put_header(&b, DATA, TO_DS | 0x04); /* more fragments */
	put_snap(&b);
	assert_fate(&b, LINK_80211, FATE_FRAGMENT);
}

/* IEEE 802.11 9.2.4.7.3: flags tell how many addresses of six bytes a mesh adds. */
static void mesh_control(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (uint8_t extra = 0; extra <= 3; extra++) {
		put_header(&b, QOS_DATA, TO_DS | FROM_DS);
		put8(&b, extra);
		put8(&b, 31);
		put32(&b, 1);
		put_zeros(&b, (size_t)extra * 6);
		put_snap(&b);
		if (extra < 3)
			assert_usual(&b, LINK_80211, TUNNEL_NONE, 0);
		else
			assert_fate(&b, LINK_80211, FATE_NOT_IP); /* reserved */
	}
}

/* Drivers that write an Ethernet header, an ethertype or padding where LLC should be. */
static void what_drivers_write(void **state)
{
	/* Destination and source for each of the four directions. */
	static const uint8_t addresses[4][2] = {{1, 2}, {3, 2}, {1, 3}, {3, 4}};
	struct bytes b = FRAME;

	(void)state;
	for (uint8_t direction = 0; direction < 4; direction++) {
		for (int wrong = 0; wrong < 4; wrong++) {
			put_header(&b, DATA, direction);
			put_address(&b, wrong & 1 ? 9 : addresses[direction][0]);
			put_address(&b, wrong & 2 ? 9 : addresses[direction][1]);
			put16(&b, 0x0800);
			put_ipv4_tcp(&b);
			if (wrong != 3) /* one that is right is enough */
				assert_usual(&b, LINK_80211, TUNNEL_NONE, 0);
			else
				assert_fate(&b, LINK_80211, FATE_NOT_IP);
		}
	}
	put_header(&b, DATA, TO_DS);
	put16(&b, 0x0800);
	put_ipv4_tcp(&b);
	assert_usual(&b, LINK_80211, TUNNEL_NONE, 0);
	put_header(&b, QOS_DATA, TO_DS);
	put16(&b, 0);
	put_snap(&b);
	assert_usual(&b, LINK_80211, TUNNEL_NONE, 0);
}

/* A subframe of an A-MSDU; its packet has this port, so that the flows differ. */
static void put_subframe(struct bytes *b, uint16_t port, bool padded)
{
	const size_t at = b->len;

	put_address(b, 1);
	put_address(b, 2);
	put16(b, 8 + 45);
	put_snap(b);
	set16(b, b->len - 25, port);
	while (padded && (b->len - at) % 4 != 0)
		put8(b, 0);
}

static void put_amsdu(struct bytes *b, uint16_t nb)
{
	put_header(b, QOS_DATA, TO_DS);
	set8(b, 24, 0x80); /* an A-MSDU is present */
	for (uint16_t i = 0; i < nb; i++)
		put_subframe(b, (uint16_t)(1000 + i), i + 1 < nb);
}

/* Decodes it; returns what became of it, and the segments. */
static enum fate decode_amsdu(const struct bytes *b, size_t len, struct segment *segments,
			      uint32_t *nb, uint64_t *nb_unread)
{
	const struct capture_interface interface = {.link_type = LINK_80211};
	uint8_t *data = malloc(len);
	struct decode_keys keys;
	struct frame frame;
	enum fate fate;

	if (len != 0)
		memcpy(data, b->data, len);
	decode_keys_init(&keys, 1);
	frame = (struct frame){.data = data,
			       .caplen = (uint32_t)len,
			       .wire_len = (uint32_t)b->len,
			       .interface = &interface};
	fate = decode_frame(&(struct decode_context){.keys = &keys, .nb_unread = nb_unread}, &frame,
			    segments, nb);
	free(data);
	return fate;
}

static void aggregated_msdus_make_a_segment_each(void **state)
{
	struct segment segments[DECODE_MAX_SEGMENTS];

	(void)state;
	for (uint16_t n = 1; n <= 40; n++) {
		struct bytes b = FRAME;
		uint64_t nb_unread = 100;
		uint32_t nb;

		put_amsdu(&b, n);
		assert_int_equal(decode_amsdu(&b, b.len, segments, &nb, &nb_unread), FATE_TRACKED);
		/* Of 40 headers 32 are read, and 8 are counted. */
		assert_int_equal(nb, n < 32 ? n : 32);
		assert_int_equal(nb_unread, n < 32 ? 100 : 100 + n - 32);
		for (uint32_t i = 0; i < nb; i++) {
			/* The lower address sends. */
			assert_int_equal(segments[i].port_lo, 1000 + i);
			assert_int_equal(segments[i].port_hi, 80);
			assert_int_equal(segments[i].payload_len, 5);
			assert_int_equal(segments[i].layer, i);
			assert_int_equal(segments[i].vlan, 0);
			assert_int_equal(segments[i].tunnel, TUNNEL_NONE);
		}
		bytes_fini(&b);
	}
}

static void aggregated_msdus_cut_at_every_byte(void **state)
{
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct bytes b = FRAME;

	(void)state;
	put_amsdu(&b, 3);
	for (size_t len = 0; len <= b.len; len++) {
		uint32_t want = 0, nb;

		for (uint32_t i = 0; i < 3; i++) /* 26, then 14 + 8 + 20 + 16 of 68 bytes each */
			want += len >= 26 + i * 68 + 14 + 8 + 20 + 16;
		assert_int_equal(decode_amsdu(&b, len, segments, &nb, NULL) == FATE_TRACKED,
				 want != 0);
		assert_int_equal(nb, want);
	}
	bytes_fini(&b);
}

/* Whoever does not want to know how many are not read gives no place for it. */
static void more_aggregated_msdus_than_anybody_counts(void **state)
{
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct bytes b = FRAME;
	uint32_t nb;

	(void)state;
	put_amsdu(&b, 40);
	assert_int_equal(decode_amsdu(&b, b.len, segments, &nb, NULL), FATE_TRACKED);
	assert_int_equal(nb, 32);
	bytes_fini(&b);
}

/* The length of a subframe says nothing, or too much. */
static void aggregated_msdus_with_bad_lengths(void **state)
{
	static const uint16_t lengths[] = {0, 1, 2, 1000, 0xffff};
	static const uint32_t wants[] = {0, 0, 0, 1, 1};
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct bytes b = FRAME;
	uint32_t nb;

	(void)state;
	put_amsdu(&b, 2);
	for (size_t i = 0; i < 5; i++) {
		set16(&b, 26 + 12, lengths[i]);
		assert_int_equal(decode_amsdu(&b, b.len, segments, &nb, NULL),
				 wants[i] ? FATE_TRACKED : FATE_NOT_IP);
		assert_int_equal(nb, wants[i]);
	}
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_data_frame),
		cmocka_unit_test(frames_without_data),
		cmocka_unit_test(mesh_control),
		cmocka_unit_test(what_drivers_write),
		cmocka_unit_test(aggregated_msdus_make_a_segment_each),
		cmocka_unit_test(aggregated_msdus_cut_at_every_byte),
		cmocka_unit_test(aggregated_msdus_with_bad_lengths),
		cmocka_unit_test(more_aggregated_msdus_than_anybody_counts),
	};

	return cmocka_run_group_tests_name("decode 802.11", tests, NULL, NULL);
}
