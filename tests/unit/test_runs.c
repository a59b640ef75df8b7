/* SPDX-License-Identifier: BSD-3-Clause */

/* Runs of one value are packed without their bytes: liblz4 must find them all in what is made. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/lz4_priv.h"

static const uint8_t value[8] = {0x11, 0x02, 0xf3, 0x84, 0x75, 0x06, 0x97, 0xa8};
static const uint8_t zeros[8];

static uint64_t prefix_of(const uint8_t *packed)
{
	uint64_t len = 0;

	for (int i = 0; i < 8; i++)
		len |= (uint64_t)packed[i] << (8 * i);
	return len;
}

/* Packs a run of nb values, takes it apart again, and returns the packed length. */
static size_t round_trip(const uint8_t *what, size_t width, size_t nb)
{
	struct lz4_packer *packer = lz4_packer_create();
	struct lz4_unpacker *unpacker = lz4_unpacker_create();
	const size_t len = width * nb, bound = lz4_run_bound(len);
	uint8_t *packed = malloc(bound), *out = malloc(len), *run = malloc(len);
	size_t packed_len;

	assert_true(packer && unpacker && packed && out && run);
	for (size_t i = 0; i < len; i++)
		run[i] = what[i % width];
	packed_len = lz4_pack_run(packer, what, width, len, packed, bound);
	assert_in_range(packed_len, 9, bound);
	if (prefix_of(packed) == UINT64_MAX) { /* as it is */
		assert_int_equal(packed_len, 8 + len);
		memcpy(out, packed + 8, len);
	} else {
		assert_int_equal(prefix_of(packed), len);
		assert_true(packed_len - 8 < len);
		assert_int_equal(lz4_unpack(unpacker, packed + 8, packed_len - 8, out, len), 0);
	}
	assert_memory_equal(out, run, len);
	lz4_packer_destroy(packer);
	lz4_unpacker_destroy(unpacker);
	free(packed);
	free(out);
	free(run);
	return packed_len;
}

static void runs_of_every_length_come_back(void **state)
{
	(void)state;
	for (size_t width = 1; width <= 8; width *= 2) {
		for (size_t nb = 1; nb < 1500; nb++) {
			round_trip(value, width, nb);
			round_trip(zeros, width, nb);
		}
	}
}

/* A frame has blocks of 64 KiB, 256 KiB, 1 MiB or 4 MiB; only the last size comes more than once.
 */
static void runs_around_the_sizes_of_blocks_come_back(void **state)
{
	static const size_t sizes[] = {64u << 10, 256u << 10, 1u << 20, 4u << 20, 8u << 20};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (size_t width = 1; width <= 8; width *= 2) {
			round_trip(value, width, sizes[s] / width - 1);
			round_trip(value, width, sizes[s] / width);
			round_trip(value, width, sizes[s] / width + 1);
			round_trip(value, width, sizes[s] / width + 63);
			round_trip(value, width, sizes[s] / width + 64);
		}
	}
}

static void a_long_run_takes_a_byte_for_255(void **state)
{
	(void)state;
	assert_in_range(round_trip(value, 8, 65536), 65536 * 8 / 255, 65536 * 8 / 255 + 64);
	assert_in_range(round_trip(zeros, 1, 65536), 65536 / 255, 65536 / 255 + 64);
}

static void a_run_is_not_packed_where_its_room_is_short(void **state)
{
	struct lz4_packer *packer = lz4_packer_create();
	uint8_t out[512];

	(void)state;
	assert_non_null(packer);
	assert_true(lz4_run_bound(4096) <= sizeof(out));
	assert_int_equal(lz4_pack_run(packer, value, 8, 4096, out, lz4_run_bound(4096) - 1), 0);
	lz4_packer_destroy(packer);
}

/* What is packed next must not notice that a frame was begun by hand. */
static void other_bytes_can_be_packed_after_a_run(void **state)
{
	struct lz4_packer *packer = lz4_packer_create(), *fresh = lz4_packer_create();
	uint8_t data[300], run[512];
	const size_t bound = lz4_pack_bound(sizeof(data));
	uint8_t *after = malloc(bound), *alone = malloc(bound);
	size_t len;

	(void)state;
	assert_true(packer && fresh && after && alone);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i / 50);
	assert_true(lz4_pack_run(packer, value, 8, 4096, run, sizeof(run)) > 0);
	len = lz4_pack(packer, data, sizeof(data), after, bound);
	assert_int_equal(lz4_pack(fresh, data, sizeof(data), alone, bound), len);
	assert_memory_equal(after, alone, len);
	lz4_packer_destroy(packer);
	lz4_packer_destroy(fresh);
	free(after);
	free(alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_of_every_length_come_back),
		cmocka_unit_test(runs_around_the_sizes_of_blocks_come_back),
		cmocka_unit_test(a_long_run_takes_a_byte_for_255),
		cmocka_unit_test(a_run_is_not_packed_where_its_room_is_short),
		cmocka_unit_test(other_bytes_can_be_packed_after_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
