/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flow key and its two hashes; and that no frame, cut anywhere or changed
 * anywhere, makes decode read outside of it (the sanitizers watch).
 */

#include <stdlib.h>
#include <string.h>

#include "frame_support.h"

#define NB_PARTITIONS 64
#define NB_TUPLES 100000

/* xorshift64: any seed but 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

struct tuple {
	uint8_t version;
	uint8_t src[16], dst[16];
	uint16_t src_port, dst_port;
};

static struct tuple reversed(const struct tuple *t)
{
	struct tuple r = *t;

	memcpy(r.src, t->dst, 16);
	memcpy(r.dst, t->src, 16);
	r.src_port = t->dst_port;
	r.dst_port = t->src_port;
	return r;
}

static struct tuple random_tuple(uint64_t *random, uint8_t version)
{
	struct tuple t = {.version = version};

	for (int i = 0; i < 16; i++) {
		t.src[i] = (uint8_t)(next_random(random) >> 32);
		t.dst[i] = (uint8_t)(next_random(random) >> 32);
	}
	t.src_port = (uint16_t)(next_random(random) >> 32);
	t.dst_port = (uint16_t)(next_random(random) >> 32);
	return t;
}

/* Only version, addresses and ports differ: one buffer serves all. */
static struct segment segment_of(const struct tuple *t, uint64_t seed)
{
	static const struct capture_interface interface = {.link_type = LINK_RAW};
	const size_t ip = t->version == 4 ? 20 : 40, len = t->version == 4 ? 4 : 16;
	uint8_t packet[60] = {0};
	struct frame frame = {.data = packet, .interface = &interface};
	struct decode_keys keys;
	const struct decode_context context = {.keys = &keys};
	struct segment s[DECODE_MAX_SEGMENTS];
	uint32_t nb;

	if (t->version == 4) {
		packet[0] = 0x45;
		packet[3] = 40;
		packet[9] = PROTO_TCP;
	} else {
		packet[0] = 0x60;
		packet[5] = 20;
		packet[6] = PROTO_TCP;
	}
	memcpy(packet + ip - 2 * len, t->src, len);
	memcpy(packet + ip - len, t->dst, len);
	packet[ip] = (uint8_t)(t->src_port >> 8);
	packet[ip + 1] = (uint8_t)t->src_port;
	packet[ip + 2] = (uint8_t)(t->dst_port >> 8);
	packet[ip + 3] = (uint8_t)t->dst_port;
	packet[ip + 12] = 0x50;
	frame.caplen = frame.wire_len = (uint32_t)ip + 20;
	decode_keys_init(&keys, seed);
	assert_int_equal(decode_frame(&context, &frame, s, &nb), FATE_TRACKED);
	s[0].ip_header = NULL;
	return s[0];
}

/* ---- the key ----------------------------------------------------------- */

static void the_lower_endpoint_comes_first(void **state)
{
	/* The address decides, as a number from the network; then the port. */
	const struct tuple up = {4, {10, 0, 0, 1}, {10, 0, 0, 2}, 80, 79};
	const struct tuple high_bit = {4, {9, 255, 255, 255}, {200, 0, 0, 0}, 5, 4};
	const struct tuple same = {4, {10, 0, 0, 1}, {10, 0, 0, 1}, 79, 80};
	const struct tuple self = {4, {10, 0, 0, 1}, {10, 0, 0, 1}, 80, 80};
	struct tuple down = reversed(&up);
	struct segment s = segment_of(&up, 1);

	(void)state;
	assert_int_equal(s.bits & SEGMENT_SWAPPED, 0);
	assert_int_equal(s.addr_lo, 0x0a000001);
	assert_int_equal(s.addr_hi, 0x0a000002);
	assert_int_equal(s.port_lo, 80);
	assert_int_equal(s.port_hi, 79);
	s = segment_of(&down, 1);
	assert_int_equal(s.bits & SEGMENT_SWAPPED, SEGMENT_SWAPPED);
	assert_int_equal(s.addr_lo, 0x0a000001);
	assert_int_equal(s.port_lo, 80);
	s = segment_of(&high_bit, 1);
	assert_int_equal(s.bits & SEGMENT_SWAPPED, 0);
	assert_int_equal(s.addr_hi, 0xc8000000);
	s = segment_of(&same, 1);
	assert_int_equal(s.bits & SEGMENT_SWAPPED, 0);
	assert_int_equal(s.port_lo, 79);
	down = reversed(&same);
	s = segment_of(&down, 1);
	assert_int_equal(s.bits & SEGMENT_SWAPPED, SEGMENT_SWAPPED);
	assert_int_equal(s.port_lo, 79);
	s = segment_of(&self, 1);
	assert_int_equal(s.bits & SEGMENT_SWAPPED, 0);
}

static void the_lower_port_comes_first_between_equal_ipv6_addresses(void **state)
{
	const struct tuple up = {6, {0xfd, [15] = 1}, {0xfd, [15] = 1}, 79, 80};
	const struct tuple down = reversed(&up);
	struct segment s = segment_of(&up, 1);

	(void)state;
	assert_int_equal(s.bits, SEGMENT_IPV6);
	assert_int_equal(s.port_lo, 79);
	s = segment_of(&down, 1);
	assert_int_equal(s.bits, SEGMENT_IPV6 | SEGMENT_SWAPPED);
	assert_int_equal(s.port_lo, 79);
}

/* Pairs with equal sums, and the same words at other places, are other flows. */
static void the_place_of_an_address_matters_to_the_hash(void **state)
{
	const struct tuple outer = {4, {10, 0, 0, 1}, {10, 0, 0, 4}, 5, 5};
	const struct tuple inner = {4, {10, 0, 0, 2}, {10, 0, 0, 3}, 5, 5};
	struct tuple words[8] = {0};

	(void)state;
	assert_int_not_equal(segment_of(&outer, 7).hash, segment_of(&inner, 7).hash);
	for (int i = 0; i < 8; i++) {
		words[i].version = 6;
		(i < 4 ? words[i].src : words[i].dst)[i % 4 * 4 + 3] = 9;
		words[i].src_port = 7;
		for (int k = 0; k < i; k++)
			assert_int_not_equal(segment_of(&words[i], 7).hash,
					     segment_of(&words[k], 7).hash);
	}
}

static void both_directions_have_the_same_key_and_hashes(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct tuple t = random_tuple(&random, i % 2 ? 4 : 6), r = reversed(&t);
		const struct segment a = segment_of(&t, 7), b = segment_of(&r, 7);

		assert_int_equal(a.partition, b.partition);
		assert_int_equal(a.hash, b.hash);
		assert_int_equal(a.addr_lo, b.addr_lo);
		assert_int_equal(a.addr_hi, b.addr_hi);
		assert_int_equal(a.port_lo, b.port_lo);
		assert_int_equal(a.port_hi, b.port_hi);
		assert_int_equal((a.bits ^ b.bits) & SEGMENT_SWAPPED, SEGMENT_SWAPPED);
	}
}

static void the_bucket_hash_depends_on_the_seed_and_the_partition_does_not(void **state)
{
	uint64_t random = 2;
	int equal = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct tuple t = random_tuple(&random, i % 2 ? 4 : 6);
		const struct segment a = segment_of(&t, 7), b = segment_of(&t, 8);
		const struct segment again = segment_of(&t, 7);

		assert_int_equal(a.partition, b.partition);
		assert_int_equal(a.hash, again.hash);
		equal += a.hash == b.hash;
	}
	assert_in_range(equal, 0, 2); /* by chance: 20,000 / 2^32 */
}

static void each_part_of_the_key_changes_the_hash(void **state)
{
	uint64_t random = 3;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		const size_t len = version == 4 ? 4 : 16;
		const struct tuple t = random_tuple(&random, version);
		const uint32_t hash = segment_of(&t, 7).hash;

		for (size_t i = 0; i < len * 8; i++) {
			struct tuple u = t;

			u.src[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_int_not_equal(segment_of(&u, 7).hash, hash);
			u = t;
			u.dst[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_int_not_equal(segment_of(&u, 7).hash, hash);
		}
		for (int i = 0; i < 16; i++) {
			struct tuple u = t;

			u.src_port ^= (uint16_t)(1 << i);
			assert_int_not_equal(segment_of(&u, 7).hash, hash);
			u = t;
			u.dst_port ^= (uint16_t)(1 << i);
			assert_int_not_equal(segment_of(&u, 7).hash, hash);
		}
	}
}

/* ---- even spread ------------------------------------------------------- */

/* Sum over the bins of (found - expected)^2 / expected. */
static double chi_square(const uint32_t *bins, size_t nb, uint32_t total)
{
	const double expected = (double)total / (double)nb;
	double sum = 0;

	for (size_t i = 0; i < nb; i++)
		sum += ((double)bins[i] - expected) * ((double)bins[i] - expected) / expected;
	return sum;
}

/*
 * For 64 bins chi-square has mean 63 and deviation 11.2; above 120 is less
 * likely than 1 in 50,000. The seeds are fixed: it is the same each time.
 */
#define CHI_SQUARE_64 120.0

static void random_tuples_spread_evenly(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t partitions[NB_PARTITIONS] = {0}, low[NB_PARTITIONS] = {0},
			 high[NB_PARTITIONS] = {0}, within[NB_PARTITIONS] = {0};
		uint64_t random = 4;

		for (int i = 0; i < NB_TUPLES; i++) {
			const struct tuple t = random_tuple(&random, version);
			const struct segment s = segment_of(&t, 9);

			partitions[s.partition]++;
			low[s.hash % NB_PARTITIONS]++;
			high[s.hash >> 26]++;
			/* The bucket must not follow from the partition. */
			within[(s.hash ^ s.partition) % NB_PARTITIONS]++;
		}
		assert_true(chi_square(partitions, NB_PARTITIONS, NB_TUPLES) < CHI_SQUARE_64);
		assert_true(chi_square(low, NB_PARTITIONS, NB_TUPLES) < CHI_SQUARE_64);
		assert_true(chi_square(high, NB_PARTITIONS, NB_TUPLES) < CHI_SQUARE_64);
		assert_true(chi_square(within, NB_PARTITIONS, NB_TUPLES) < CHI_SQUARE_64);
	}
}

/* What traffic looks like: one server, clients in a row, ports in a row. */
static void tuples_in_a_row_spread_evenly(void **state)
{
	static const struct {
		uint32_t clients, ports;
	} shapes[] = {{1, 60000}, {60000, 1}, {250, 250}, {16, 4096}};

	(void)state;
	for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			uint32_t partitions[NB_PARTITIONS] = {0};
			const uint32_t total = shapes[k].clients * shapes[k].ports;

			for (uint32_t i = 0; i < total; i++) {
				const uint32_t client = i / shapes[k].ports;
				struct tuple t = {.version = version, .dst_port = 443};

				t.src[0] = 10;
				t.src[version == 4 ? 2 : 14] = (uint8_t)(client >> 8);
				t.src[version == 4 ? 3 : 15] = (uint8_t)client;
				memcpy(t.dst, (uint8_t[]){192, 168, 3, 4}, 4);
				t.src_port = (uint16_t)(1024 + i % shapes[k].ports);
				partitions[segment_of(&t, 1).partition]++;
			}
			/* No partition has half as much again, or half, of its share. */
			for (int i = 0; i < NB_PARTITIONS; i++) {
				assert_true(partitions[i] < total / NB_PARTITIONS * 3 / 2);
				assert_true(partitions[i] > total / NB_PARTITIONS / 2);
			}
		}
	}
}

/* ---- frames cut and changed -------------------------------------------- */

static void put_all_extensions(struct bytes *b)
{
	static const uint8_t headers[] = {
		60, 0, 1, 4, 0, 0, 0, 0, /* hop-by-hop */
		43, 0, 1, 4, 0, 0, 0, 0, /* destination */
		44, 2, 0, 1, 0, 0, 0, 0, 1, 2,  3,  4,
		5,  6, 7, 8, 1, 2, 3, 4, 5, 6,  7,  8, /* routing */
		51, 0, 0, 0, 1, 2, 3, 4,               /* fragment */
		6,  4, 0, 0, 0, 0, 0, 1, 0, 0,  0,  2,
		1,  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, /* AH */
	};
	const size_t at = ipv6_begin(b, 0);

	put_raw(b, headers, sizeof(headers));
	put_tcp(b);
	ipv6_end(b, at);
}

/* What is cut and changed below: every layer is in one of them. */
static uint16_t build(struct bytes *b, int which)
{
	size_t at;

	b->len = 0;
	switch (which) {
	case 0: /* QinQ, options of every kind */
		put_ethernet(b, 0x88a8);
		put32(b, 0x00c88100);
		put32(b, 0x00640800);
		at = ipv4_begin(b, PROTO_TCP, "\x01\x83\x0b\x04\x0a\x00\x00\x07\x0a\x00\x00\x08",
				12);
		put_tcp_options(
			b,
			"\x02\x04\x05\xb4\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x01"
			"\x03\x03\x07",
			20, 30);
		ipv4_end(b, at);
		return LINK_ETHERNET;
	case 1:
		put_ethernet(b, 8 + 45);
		put_raw(b, "\xaa\xaa\x03\x00\x00\x00\x08\x00", 8);
		put_ipv4_tcp(b);
		return LINK_ETHERNET;
	case 2:
		put_ethernet(b, 0x8847);
		put32(b, 0x00010040);
		put32(b, 0x00010140);
		put_ipv6_tcp(b);
		return LINK_ETHERNET;
	case 3:
		put_ethernet(b, 0x8864);
		put_raw(b, "\x11\x00\x00\x01\x00\x2f\x00\x21", 8);
		put_ipv4_tcp(b);
		return LINK_ETHERNET;
	case 4:
		put_zeros(b, 14);
		put16(b, 0x0800);
		put_ipv4_tcp(b);
		return 113;
	case 5:
		put16(b, 0x86dd);
		put_zeros(b, 18);
		put_ipv6_tcp(b);
		return 276;
	case 6:
		put32(b, 2);
		put_ipv4_tcp(b);
		return 0;
	case 7:
		put_raw(b, "\xff\x03\x00\x21", 4);
		put_ipv4_tcp(b);
		return 9;
	case 8:
		put_all_extensions(b);
		return LINK_RAW;
	default:
		at = ipv4_begin(b, 51, "\x82\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12);
		put_raw(b, "\x06\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02", 12);
		put_zeros(b, 12);
		put_tcp_options(b, "\x01\x01\x05\x0a\x00\x00\x00\x01\x00\x00\x00\x02", 12, 4);
		ipv4_end(b, at);
		return LINK_RAW;
	}
}

enum { NB_BUILDS = 10 };

/* Whatever a frame holds: a fate that decode may give, and a segment inside of it. */
static void assert_sound(const struct decoded *d, size_t caplen)
{
	const struct segment *s = &d->segment;

	assert_true(d->fate < NB_FATES);
	assert_true(d->fate != FATE_FILTERED && d->fate != FATE_UNTRACKED);
	if (d->fate != FATE_TRACKED)
		return;
	assert_true(s->tcp_caplen >= 16 && s->tcp_caplen <= 60);
	assert_true(d->ip_at + s->tcp_off + s->tcp_caplen <= caplen);
	assert_true(s->tcp_off >= (s->bits & SEGMENT_IPV6 ? 40 : 20));
	assert_true(s->partition < NB_PARTITIONS);
	assert_true(s->tunnel < NB_TUNNELS);
	assert_true(s->payload_len < s->ip_len);
}

static void a_frame_cut_at_any_byte_is_read_inside_its_bounds(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	for (int which = 0; which < NB_BUILDS; which++) {
		const uint16_t link_type = build(&b, which);
		struct decoded whole = decode_all(&b, link_type);
		const size_t tcp_at = whole.ip_at + whole.segment.tcp_off;

		assert_int_equal(whole.fate, FATE_TRACKED);
		for (size_t caplen = 0; caplen <= b.len; caplen++) {
			struct decoded d = decode_cut(&b, link_type, caplen, (uint32_t)b.len);

			assert_sound(&d, caplen);
			/* Tracked from 16 bytes of TCP on, and with the same lengths. */
			assert_int_equal(d.fate == FATE_TRACKED, caplen >= tcp_at + 16);
			if (d.fate == FATE_TRACKED) {
				assert_int_equal(d.segment.payload_len, whole.segment.payload_len);
				assert_int_equal(d.segment.ip_len, whole.segment.ip_len);
				assert_int_equal(d.segment.hash, whole.segment.hash);
			} else if (caplen >= tcp_at) {
				assert_int_equal(d.fate, FATE_TCP_SHORT);
			}
			decoded_fini(&d);
		}
		decoded_fini(&whole);
	}
	bytes_fini(&b);
}

static void a_frame_with_any_byte_changed_is_read_inside_its_bounds(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x02, 0x04, 0x06, 0x10, 0x29, 0x2b, 0x2c,
					 0x2f, 0x33, 0x3a, 0x3c, 0x40, 0x45, 0x4f, 0x60, 0x7f,
					 0x80, 0x81, 0x83, 0x88, 0xaa, 0xf0, 0xfe, 0xff};
	struct bytes b = FRAME;

	(void)state;
	for (int which = 0; which < NB_BUILDS; which++) {
		const uint16_t link_type = build(&b, which);

		for (size_t at = 0; at < b.len; at++) {
			const uint8_t kept = b.data[at];

			for (size_t i = 0; i < sizeof(values); i++) {
				struct decoded d;

				b.data[at] = values[i];
				d = decode_cut(&b, link_type, b.len, (uint32_t)(b.len + i * 7));
				assert_sound(&d, b.len);
				decoded_fini(&d);
			}
			b.data[at] = kept;
		}
	}
	bytes_fini(&b);
}

static void a_frame_with_many_bytes_changed_is_read_inside_its_bounds(void **state)
{
	struct bytes b = FRAME;
	uint64_t random = 5;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const uint16_t link_type = build(&b, i % NB_BUILDS);
		const size_t nb_changes = 1 + (next_random(&random) >> 32) % 6;
		struct decoded d;
		size_t caplen;

		for (size_t k = 0; k < nb_changes; k++) {
			const size_t at = (next_random(&random) >> 32) % b.len;

			b.data[at] = (uint8_t)(next_random(&random) >> 32);
		}
		caplen = b.len - (next_random(&random) >> 32) % (b.len / 2);
		d = decode_cut(&b, link_type, caplen,
			       (uint32_t)((next_random(&random) >> 32) % 70000));
		assert_sound(&d, caplen);
		decoded_fini(&d);
	}
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lower_endpoint_comes_first),
		cmocka_unit_test(the_lower_port_comes_first_between_equal_ipv6_addresses),
		cmocka_unit_test(the_place_of_an_address_matters_to_the_hash),
		cmocka_unit_test(both_directions_have_the_same_key_and_hashes),
		cmocka_unit_test(the_bucket_hash_depends_on_the_seed_and_the_partition_does_not),
		cmocka_unit_test(each_part_of_the_key_changes_the_hash),
		cmocka_unit_test(random_tuples_spread_evenly),
		cmocka_unit_test(tuples_in_a_row_spread_evenly),
		cmocka_unit_test(a_frame_cut_at_any_byte_is_read_inside_its_bounds),
		cmocka_unit_test(a_frame_with_any_byte_changed_is_read_inside_its_bounds),
		cmocka_unit_test(a_frame_with_many_bytes_changed_is_read_inside_its_bounds),
	};

	return cmocka_run_group_tests_name("decode keys", tests, NULL, NULL);
}
