/* SPDX-License-Identifier: BSD-3-Clause */

/* See decode_bed.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decode_bed.h"

int bed_setup(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), readable = CAPTURE_MAX_CAPLEN;
	uint8_t *pages = mmap(NULL, readable + page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct bed *bed = calloc(1, sizeof(*bed));

	if (pages == MAP_FAILED || bed == NULL || readable % page != 0 ||
	    mprotect(pages + readable, page, PROT_NONE) != 0)
		return -1;
	bed->end = pages + readable;
	bed->random = 20261122;
	decode_keys_init(&bed->keys, 5);
	*state = bed;
	return 0;
}

int bed_teardown(void **state)
{
	struct bed *bed = *state;

	munmap(bed->end - CAPTURE_MAX_CAPLEN, CAPTURE_MAX_CAPLEN + (size_t)sysconf(_SC_PAGESIZE));
	free(bed);
	return 0;
}

/* ---- what is usual ------------------------------------------------------ */

/* The TCP header at byte tcp of an IP packet of len bytes, as far as lengths and options go. */
static bool is_usual_tcp(const uint8_t *ip, size_t caplen, size_t wire_len, size_t tcp, size_t len)
{
	static const uint8_t time_stamps[4] = {1, 1, 8, 10};
	size_t header_len;

	if (caplen < tcp + 20 || len > wire_len)
		return false;
	header_len = (size_t)(ip[tcp + 12] >> 4) * 4;
	if (len < tcp + header_len || caplen < tcp + header_len)
		return false;
	return header_len == 20 || (header_len == 32 && memcmp(ip + tcp + 20, time_stamps, 4) == 0);
}

static bool is_usual(const uint8_t *data, uint32_t caplen, uint32_t wire_len, uint16_t link_type)
{
	size_t at = 12;

	if (link_type != LINK_ETHERNET || caplen < 54)
		return false;
	if (data[12] == 0x81 && data[13] == 0x00)
		at = 16;
	if (wire_len < at + 2)
		return false;
	if (data[at] == 0x08 && data[at + 1] == 0x00) {
		const uint8_t *ip = data + at + 2;

		return ip[0] == 0x45 && (ip[6] & 0x3f) == 0 && ip[7] == 0 && ip[9] == PROTO_TCP &&
		       is_usual_tcp(ip, caplen - at - 2, wire_len - at - 2, 20,
				    (size_t)ip[2] << 8 | ip[3]);
	}
	if (data[at] == 0x86 && data[at + 1] == 0xdd) {
		const uint8_t *ip = data + at + 2;

		return ip[0] >> 4 == 6 && ip[6] == PROTO_TCP &&
		       is_usual_tcp(ip, caplen - at - 2, wire_len - at - 2, 40,
				    40 + ((size_t)ip[4] << 8 | ip[5]));
	}
	return false;
}

/* ---- one frame both ways ------------------------------------------------ */

static void assert_same_segment(const struct segment *a, const struct segment *b,
				const uint8_t *data, uint32_t caplen)
{
	if (memcmp(a, b, sizeof(*a)) == 0)
		return;
	for (uint32_t i = 0; i < caplen && i < 128; i++)
		fprintf(stderr, "%02x%s", data[i], i % 32 == 31 ? "\n" : " ");
	for (size_t i = 0; i < sizeof(*a); i++) {
		const uint8_t x = ((const uint8_t *)a)[i], y = ((const uint8_t *)b)[i];

		if (x != y)
			fprintf(stderr, "\nsegment byte %zu: fast %02x, general %02x", i, x, y);
	}
	fail_msg("the two ways do not agree");
}

void bed_check(struct bed *bed, const uint8_t *bytes, uint32_t caplen, uint32_t wire_len,
	       uint16_t link_type)
{
	const struct capture_interface interface = {.link_type = link_type};
	uint8_t *data = bed->end - caplen;
	const struct frame frame = {
		.data = data, .caplen = caplen, .wire_len = wire_len, .interface = &interface};
	const struct decode_context context = {.keys = &bed->keys};
	static struct segment general[DECODE_MAX_SEGMENTS], either[DECODE_MAX_SEGMENTS];
	struct segment fast = {0}, nothing = {0};
	uint32_t nb;
	enum fate fate;
	bool taken;

	memset(general, 0, sizeof(general[0]));
	memset(either, 0, sizeof(either[0]));
	memcpy(data, bytes, caplen);
	taken = decode_fast(&frame, &bed->keys, &fast);
	assert_int_equal(taken, is_usual(data, caplen, wire_len, link_type));
	assert_memory_equal(data, bytes, caplen);
	fate = decode_general(&context, &frame, general, &nb);
	if (taken) {
		assert_int_equal(fate, FATE_TRACKED);
		assert_same_segment(&fast, &general[0], bytes, caplen);
		bed->nb_fast++;
		return;
	}
	bed->nb_general++;
	assert_memory_equal(&fast, &nothing, sizeof(fast));
	/* A source route was written into the frame: decode it as it came. */
	memcpy(data, bytes, caplen);
	assert_int_equal(decode_frame(&context, &frame, either, &nb), fate);
	if (fate == FATE_TRACKED)
		assert_same_segment(&either[0], &general[0], bytes, caplen);
}
