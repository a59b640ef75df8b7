/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The short way of decode against the general one, on the same bytes: usual frames with every
 * byte set to every value, every length, chaos, and the real captures beside the repository.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode_bed.h"

#define NB_RANDOM 3000000
#define MAX_FRAME 4096u

/* One frame to be decoded, and where it lies. */
struct subject {
	uint8_t data[MAX_FRAME];
	uint32_t caplen, wire_len;
	uint16_t link_type;
};

static void check_subject(struct bed *bed, const struct subject *s)
{
	bed_check(bed, s->data, s->caplen, s->wire_len, s->link_type);
}

/* ---- frames ------------------------------------------------------------- */

struct recipe {
	uint16_t link_type;
	uint8_t nb_vlans;
	uint8_t version;
	const char *ip_options; /* or extension header, IPv6 */
	uint8_t ip_options_len;
	const char *tcp_options;
	uint8_t tcp_options_len;
	uint16_t payload_len, padding_len;
};

#define TIME_STAMPS "\x01\x01\x08\x0a\x11\x22\x33\x44\x55\x66\x77\x88"

/* The first NB_USUAL are usual. */
#define NB_USUAL 10u
#define NB_RECIPES 20u
static const struct recipe recipes[NB_RECIPES] = {
	{LINK_ETHERNET, 0, 4, "", 0, "", 0, 0, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "", 0, 100, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "", 0, 0, 6}, /* padded to the shortest frame */
	{LINK_ETHERNET, 0, 4, "", 0, TIME_STAMPS, 12, 0, 0},
	{LINK_ETHERNET, 0, 4, "", 0, TIME_STAMPS, 12, 9, 0},
	{LINK_ETHERNET, 1, 4, "", 0, "", 0, 3, 0},
	{LINK_ETHERNET, 1, 4, "", 0, TIME_STAMPS, 12, 3, 4},
	{LINK_ETHERNET, 0, 6, "", 0, "", 0, 0, 0},
	{LINK_ETHERNET, 0, 6, "", 0, TIME_STAMPS, 12, 5, 0},
	{LINK_ETHERNET, 1, 6, "", 0, TIME_STAMPS, 12, 5, 2},
	/* Not usual. */
	{LINK_RAW, 0, 4, "", 0, "", 0, 100, 0},
	{LINK_ETHERNET, 2, 4, "", 0, "", 0, 100, 0},
	{LINK_ETHERNET, 0, 4, "\x83\x07\x04\x01\x02\x03\x04\x00", 8, "", 0, 20, 0}, /* routed */
	{LINK_ETHERNET, 0, 4, "\x94\x04\x00\x00", 4, TIME_STAMPS, 12, 20, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "\x02\x04\x05\xb4", 4, 0, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08\x01\x01", 12, 1, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "\x01\x01\x05\x0a\x01\x02\x03\x04\x05\x06\x07\x08", 12, 1, 0},
	{LINK_ETHERNET, 0, 4, "", 0, "\x01\x01\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0", 16,
	 1, 0},
	{LINK_ETHERNET, 0, 6, "\x06\x00\x01\x04\x00\x00\x00\x00", 8, "", 0, 20, 0},
	{LINK_RAW, 0, 6, "", 0, TIME_STAMPS, 12, 20, 0},
};

static void put_packet_of(struct bytes *b, const struct recipe *r)
{
	size_t at;

	if (r->version == 4) {
		at = ipv4_begin(b, PROTO_TCP, r->ip_options, r->ip_options_len);
		put_tcp_options(b, r->tcp_options, r->tcp_options_len, r->payload_len);
		ipv4_end(b, at);
	} else {
		/* An extension header of these tests is for hops. */
		at = ipv6_begin(b, r->ip_options_len == 0 ? PROTO_TCP : 0);
		put_raw(b, r->ip_options, r->ip_options_len);
		put_tcp_options(b, r->tcp_options, r->tcp_options_len, r->payload_len);
		ipv6_end(b, at);
	}
}

static struct subject subject_of(const struct recipe *r)
{
	struct subject s = {.link_type = r->link_type};
	const uint16_t type = r->version == 4 ? 0x0800 : 0x86dd;
	struct bytes b = FRAME;

	if (r->link_type == LINK_ETHERNET)
		put_ethernet(&b, r->nb_vlans == 0 ? type : 0x8100);
	for (int i = 0; i < r->nb_vlans; i++) {
		put16(&b, (uint16_t)(0x2000 + 77 * i));
		put16(&b, i + 1 < r->nb_vlans ? 0x8100 : type);
	}
	put_packet_of(&b, r);
	put_zeros(&b, r->padding_len);
	assert_true(b.len <= sizeof(s.data));
	memcpy(s.data, b.data, b.len);
	s.caplen = s.wire_len = (uint32_t)b.len;
	bytes_fini(&b);
	return s;
}

/* ---- systematic ---------------------------------------------------------- */

static void usual_frames_go_the_short_way(void **state)
{
	struct bed *bed = *state;

	bed->nb_fast = bed->nb_general = 0;
	for (size_t i = 0; i < NB_RECIPES; i++) {
		struct subject s = subject_of(&recipes[i]);

		check_subject(bed, &s);
		assert_int_equal(bed->nb_fast, i < NB_USUAL ? i + 1 : NB_USUAL);
		/* The same bytes would be something else. */
		s.link_type = LINK_RAW;
		check_subject(bed, &s);
	}
	assert_int_equal(bed->nb_fast, NB_USUAL);
}

static void every_byte_takes_every_value(void **state)
{
	struct bed *bed = *state;

	for (size_t i = 0; i < NB_RECIPES; i++) {
		struct subject s = subject_of(&recipes[i]);

		for (uint32_t at = 0; at < s.caplen; at++) {
			const uint8_t was = s.data[at];

			for (int value = 0; value < 256; value++) {
				s.data[at] = (uint8_t)value;
				check_subject(bed, &s);
			}
			s.data[at] = was;
		}
	}
}

/* Cut by the snaplen at every byte, with wire lengths on both sides of what was captured. */
static void every_captured_and_wire_length(void **state)
{
	struct bed *bed = *state;

	for (size_t i = 0; i < NB_RECIPES; i++) {
		struct subject s = subject_of(&recipes[i]);
		const uint32_t len = s.caplen;

		for (s.caplen = 0; s.caplen <= len; s.caplen++) {
			for (s.wire_len = 0; s.wire_len <= len + 20; s.wire_len++)
				check_subject(bed, &s);
			s.wire_len = UINT32_MAX;
			check_subject(bed, &s);
		}
	}
}

/* What the IP header says of its length: all of 16 bits, in long and in short frames. */
static void every_length_in_the_ip_header(void **state)
{
	struct bed *bed = *state;

	for (size_t i = 0; i < NB_USUAL; i++) {
		struct subject s = subject_of(&recipes[i]);
		const size_t ip = 14 + 4u * recipes[i].nb_vlans;
		const size_t at = ip + (recipes[i].version == 4 ? 2 : 4);
		const uint32_t wire_lens[] = {s.caplen, 1514, 65535, 65549, 70000};

		for (size_t k = 0; k < 5; k++) {
			s.wire_len = wire_lens[k];
			for (uint32_t len = 0; len <= UINT16_MAX; len++) {
				s.data[at] = (uint8_t)(len >> 8);
				s.data[at + 1] = (uint8_t)len;
				check_subject(bed, &s);
			}
		}
	}
}

/* ---- chaos ---------------------------------------------------------------- */

/* Addresses and ports that often are the same or differ in one byte: the order's corners. */
static void shuffle_endpoints(struct bed *bed, struct subject *s, const struct recipe *r)
{
	const size_t link_len = r->link_type == LINK_ETHERNET ? 14 + 4u * r->nb_vlans : 0;
	const size_t len = r->version == 4 ? 4 : 16;
	uint8_t *src = s->data + link_len + (r->version == 4 ? 12 : 8), *dst = src + len;
	uint8_t *ports = dst + len;

	for (size_t i = 0; i < len; i++) {
		src[i] = (uint8_t)next_random(bed);
		dst[i] = (uint8_t)next_random(bed);
	}
	if (chance(bed, 2)) {
		memcpy(dst, src, len);
		if (chance(bed, 2))
			dst[next_random(bed) % len] ^= (uint8_t)(1u << next_random(bed) % 8);
	}
	if (r->ip_options_len != 0)
		return;
	for (size_t i = 0; i < 4; i++)
		ports[i] = (uint8_t)next_random(bed);
	if (chance(bed, 2))
		ports[2] = ports[0];
	if (chance(bed, 2))
		ports[3] = ports[1];
}

static void change_bytes(struct bed *bed, struct subject *s)
{
	const uint32_t nb = chance(bed, 2) ? 0 : 1 + next_random(bed) % 4;

	for (uint32_t i = 0; i < nb; i++) {
		uint8_t *byte = &s->data[next_random(bed) % s->caplen];

		if (chance(bed, 2))
			*byte = (uint8_t)next_random(bed);
		else
			*byte = (uint8_t)(*byte ^ 1u << next_random(bed) % 8);
	}
}

static void change_lengths(struct bed *bed, struct subject *s)
{
	if (chance(bed, 4))
		s->caplen = next_random(bed) % (s->caplen + 1);
	switch (next_random(bed) % 8) {
	case 0:
		s->wire_len = next_random(bed) % (s->wire_len + 30);
		break;
	case 1:
		s->wire_len = next_random(bed);
		break;
	case 2:
		s->wire_len = s->caplen;
		break;
	default:
		break;
	}
}

static void random_frames(void **state)
{
	struct bed *bed = *state;

	bed->nb_fast = bed->nb_general = 0;
	for (uint32_t i = 0; i < NB_RANDOM;) {
		/* Usual ones three times as often. */
		const uint32_t which = next_random(bed) % (NB_USUAL * 2 + NB_RECIPES);
		struct recipe r = recipes[which < NB_RECIPES ? which : which % NB_USUAL];
		struct subject s;

		r.payload_len = (uint16_t)(next_random(bed) % (chance(bed, 8) ? 1400 : 32));
		r.padding_len = (uint16_t)(chance(bed, 2) ? 0 : next_random(bed) % 8);
		s = subject_of(&r);
		/* Building a frame costs more than decoding it. */
		for (uint32_t k = 0; k < 10; k++, i++) {
			struct subject changed = s;

			shuffle_endpoints(bed, &changed, &r);
			change_bytes(bed, &changed);
			change_lengths(bed, &changed);
			check_subject(bed, &changed);
		}
	}
	/* Neither way may be the exception, or there was little to compare. */
	assert_true(bed->nb_fast > NB_RANDOM / 5);
	assert_true(bed->nb_general > NB_RANDOM / 5);
}

/* ---- real captures --------------------------------------------------------- */

/* Frames of one file, or 0 if it is no capture. */
static uint64_t check_capture(struct bed *bed, const char *path)
{
	const struct capture_params params = {.paths = &path, .nb_paths = 1, .chunk_size = 1 << 20};
	char error[256];
	bool usage;
	struct capture *capture = capture_open(&params, error, sizeof(error), &usage);
	struct chunk chunk = {0};
	uint64_t nb = 0;

	if (capture == NULL)
		return 0;
	assert_int_equal(chunk_init(&chunk, capture), 0);
	while (capture_claim(capture, &chunk)) {
		capture_read(capture, &chunk);
		assert_int_equal(capture_cut(capture, &chunk), 0);
		for (uint32_t i = 0; i < chunk.nb_frames; i++, nb++) {
			const struct frame *frame = &chunk.frames[i];

			bed_check(bed, frame->data, frame->caplen, frame->wire_len,
				  frame->interface->link_type);
		}
	}
	chunk_fini(&chunk);
	capture_close(capture);
	return nb;
}

/* TCPMILL_CAPTURES, or ../shared/captures beside the repository, which meson names. */
static DIR *open_captures(char *folder, size_t size)
{
	const char *given = getenv("TCPMILL_CAPTURES"), *repo = getenv("TCPMILL_REPO");

	if (given != NULL)
		snprintf(folder, size, "%s", given);
	else
		snprintf(folder, size, "%s/../shared/captures", repo != NULL ? repo : ".");
	return opendir(folder);
}

static void real_captures(void **state)
{
	char folder[2048], path[4096];
	DIR *dir = open_captures(folder, sizeof(folder));
	struct bed *bed = *state;
	struct dirent *entry;
	uint64_t nb = 0;

	if (dir == NULL) {
		print_message("no captures in %s: not tested\n", folder);
		skip();
		return;
	}
	bed->nb_fast = 0;
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			nb += check_capture(bed, path);
	}
	closedir(dir);
	print_message("%llu real frames, %llu of them the short way\n", (unsigned long long)nb,
		      (unsigned long long)bed->nb_fast);
	assert_true(nb > 0 && bed->nb_fast > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_frames_go_the_short_way),
		cmocka_unit_test(every_byte_takes_every_value),
		cmocka_unit_test(every_captured_and_wire_length),
		cmocka_unit_test(every_length_in_the_ip_header),
		cmocka_unit_test(random_frames),
		cmocka_unit_test(real_captures),
	};

	return cmocka_run_group_tests_name("decode, the short way", tests, bed_setup, bed_teardown);
}
