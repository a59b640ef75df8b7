/* SPDX-License-Identifier: BSD-3-Clause */

/* The capture clock (definitions 2.1) and the border of an epoch (1.6). */

#include <stdlib.h>

#include "capture_support.h"

#define S INT64_C(1000000000)
#define T0 1700000000u
#define T0_NS (INT64_C(1700000000) * S)

static const size_t chunk_sizes[] = {4096, 5000, 65536, 1 << 20};
#define NB_CHUNK_SIZES (sizeof(chunk_sizes) / sizeof(chunk_sizes[0]))

#define HOUR (3600 * S)
#define DAY (86400 * S)

static void the_clock_adds_steps_and_never_goes_back(void **state)
{
	/* The stamp, the clock then, and whether it is a jump. */
	static const struct {
		int64_t ts_ns;
		int64_t clock_ns;
		bool jump;
	} steps[] = {
		{T0_NS, 0, false}, /* the first starts it */
		{T0_NS + 5, 5, false},
		{T0_NS + 5, 5, false},                          /* twice the same */
		{T0_NS + 3, 5, false},                          /* a little behind: nothing */
		{T0_NS + 4, 5, false},                          /* still behind the reference */
		{T0_NS + 6, 6, false},                          /* counted from the reference */
		{T0_NS + 6 + DAY, 6 + DAY, false},              /* exactly a day is believed */
		{T0_NS + 7 + 2 * DAY, 6 + DAY, true},           /* 1 ns more is not */
		{T0_NS + 8 + 2 * DAY, 7 + DAY, false},          /* but is where it goes on */
		{T0_NS + 8 + 2 * DAY - HOUR, 7 + DAY, false},   /* exactly an hour behind */
		{T0_NS + 9 + 2 * DAY, 8 + DAY, false},          /* the reference stayed */
		{T0_NS + 8 + 2 * DAY - HOUR, 8 + DAY, true},    /* 1 ns more than an hour */
		{T0_NS + 10 + 2 * DAY - HOUR, 10 + DAY, false}, /* it goes on there */
		{-S, 10 + DAY, true},                           /* before 1970 */
		{S, 10 + DAY + 2 * S, false},
		{INT64_MAX, 10 + DAY + 2 * S, true}, /* and no overflow */
		{INT64_MIN, 10 + DAY + 2 * S, true},
		{INT64_MAX, 10 + DAY + 2 * S, true},
	};
	struct capture_clock clock = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const bool jump = capture_clock_tick(&clock, steps[i].ts_ns);

		if (jump != steps[i].jump || clock.elapsed_ns != (uint64_t)steps[i].clock_ns)
			fail_msg("step %zu: clock %ju, jump %d", i, (uintmax_t)clock.elapsed_ns,
				 jump);
	}
}

/* What capture_clock_tick() makes of a file's stamps, one by one. */
struct expected {
	struct capture_clock clock;
	int64_t first, last;
	uint64_t jumps;
};

static uint64_t expect_stamp(struct expected *expected, int64_t ts)
{
	expected->jumps += capture_clock_tick(&expected->clock, ts);
	expected->first = ts < expected->first ? ts : expected->first;
	expected->last = ts > expected->last ? ts : expected->last;
	return expected->clock.elapsed_ns;
}

static void check_clocks(const char *path, size_t chunk_size, const uint64_t *want, size_t nb,
			 const struct expected *expected)
{
	struct reading r;

	reading_of(&r, path, chunk_size);
	assert_int_equal(r.nb_frames, nb);
	for (size_t i = 0; i < nb; i++)
		assert_int_equal(r.frames[i].clock_ns, want[i]);
	assert_int_equal(capture_totals(r.capture)->time_jumps, expected->jumps);
	assert_int_equal(capture_totals(r.capture)->first_ts_ns, expected->first);
	assert_int_equal(capture_totals(r.capture)->last_ts_ns, expected->last);
	reading_fini(&r);
}

static void every_chunk_sees_the_same_clock(void **state)
{
	enum { NB = 600 };
	struct expected expected = {.first = INT64_MAX, .last = INT64_MIN};
	struct bytes b = {0};
	uint64_t want[NB];
	char *path;

	put_pcap_header(&b, MAGIC_NS, 2, 4, 1);
	for (uint32_t i = 0; i < NB; i++) {
		/* Mostly forward; now and then back, or years away. */
		const uint32_t seconds = i % 100 == 99 ? T0 / 2 : T0 + i - (i % 7 == 6 ? 4 : 0);

		put_pcap_record(&b, seconds, i, i, i, i, i);
		want[i] = expect_stamp(&expected, (int64_t)seconds * S + i);
	}
	assert_int_equal(expected.jumps, 11); /* there and back; the last is at the end */
	path = write_file(state, "clock", &b);
	for (size_t k = 0; k < NB_CHUNK_SIZES; k++)
		check_clocks(path, chunk_sizes[k], want, NB, &expected);
	bytes_fini(&b);
	free(path);
}

/* One of the stamps that pcapng can have: the ends of the range, near them, and random ones. */
static int64_t wild_stamp(uint64_t *seed)
{
	static const int64_t odd[] = {INT64_MIN, INT64_MAX, 0, -1, T0_NS};
	uint64_t x = *seed;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*seed = x;
	switch (x >> 60) {
	case 0:
		return (int64_t)(x * 0x9e3779b97f4a7c15u);
	case 1:
		return odd[(x >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	default: /* up to two days around a fixed point */
		return T0_NS + (int64_t)((x >> 8) % (uint64_t)(4 * DAY)) - 2 * DAY;
	}
}

static void the_cut_takes_any_stamps_as_the_clock_does(void **state)
{
	enum { NB = 400, NB_FILES = 60 };
	uint64_t seed = 88172645463325252u;

	for (uint32_t k = 0; k < NB_FILES; k++) {
		struct expected expected = {.first = INT64_MAX, .last = INT64_MIN};
		uint64_t want[NB];
		struct bytes b = {0};
		char *path;

		put_section(&b, k % 2 == 0);
		put_interface(&b, 1, 0, 9, 0);
		for (uint32_t i = 0; i < NB; i++) {
			const int64_t ts = wild_stamp(&seed);

			put_enhanced(&b, 0, (uint64_t)ts, i % 50, i % 50, i);
			want[i] = expect_stamp(&expected, ts);
		}
		path = write_file(state, "wild", &b);
		check_clocks(path, chunk_sizes[k % NB_CHUNK_SIZES], want, NB, &expected);
		bytes_fini(&b);
		free(path);
	}
}

/* Frame 2^20 is the first of the second epoch; the clock before it is the border's. */
static void frame_2_to_the_20_is_the_border_of_an_epoch(void **state)
{
	const uint32_t border = 1 << 20;
	struct bytes b = {0};
	char *path;

	put_pcap_header(&b, MAGIC_NS, 2, 4, 1);
	for (uint32_t i = 1; i <= border + 2; i++) {
		put32(&b, i == border ? T0 + 7
				      : T0 + (i > border ? 8 : 0)); /* a step before and after */
		put32(&b, i);
		put64(&b, 0); /* nothing was captured of it: cheap */
	}
	path = write_file(state, "epoch", &b);
	for (size_t k = 2; k < NB_CHUNK_SIZES; k++) {
		struct reading r;

		reading_of(&r, path, chunk_sizes[k]);
		assert_int_equal(r.nb_frames, border + 2);
		assert_int_equal(r.border_frame, border);
		/* Frames 1 to 2^20 - 1, a nanosecond apart. */
		assert_int_equal(r.border_clock_ns, border - 2);
		assert_int_equal(r.frames[border - 2].clock_ns, border - 2);
		assert_int_equal(r.frames[border - 1].clock_ns, border - 1 + (uint64_t)(7 * S));
		reading_fini(&r);
	}
	bytes_fini(&b);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_adds_steps_and_never_goes_back),
		cmocka_unit_test(every_chunk_sees_the_same_clock),
		cmocka_unit_test(the_cut_takes_any_stamps_as_the_clock_does),
		cmocka_unit_test(frame_2_to_the_20_is_the_border_of_an_epoch),
	};

	return cmocka_run_group_tests_name("capture clock", tests, folder_setup, folder_teardown);
}
