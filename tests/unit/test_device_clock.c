/* SPDX-License-Identifier: BSD-3-Clause */

/* A NIC's clock brought to UTC, with clocks made up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>

#include "capture/device_clock.h"

#define NS_PER_S INT64_C(1000000000)
#define UTC INT64_C(1767225600000000000) /* 2026-01-01 */

/* A device whose clock has a rate of its own, exactly. */
struct device {
	uint64_t first_ticks;
	uint64_t ticks_per_s;
};

static uint64_t ticks_at(const struct device *device, int64_t since_ns)
{
	__extension__ typedef __int128 int128;

	return device->first_ticks +
	       (uint64_t)((int128)since_ns * (int128)device->ticks_per_s / NS_PER_S);
}

static void begin(struct device_clock *clock, const struct device *device)
{
	*clock = (struct device_clock){0};
	assert_int_equal(device_clock_set(clock, ticks_at(device, 0), UTC,
					  ticks_at(device, NS_PER_S / 20), UTC + NS_PER_S / 20),
			 0);
}

static void assert_near(int64_t got, int64_t want, int64_t within)
{
	if (llabs(got - want) > within)
		fail_msg("%" PRId64 " is not within %" PRId64 " of %" PRId64, got, within, want);
}

/* 156.25 MHz, 1 GHz of ns, and a coarse one: all are told from two looks. */
static void a_line_goes_through_both_looks(void **state)
{
	static const struct device devices[] = {
		{.first_ticks = 12345, .ticks_per_s = 156250000},
		{.first_ticks = (uint64_t)UTC + 37 * NS_PER_S, .ticks_per_s = NS_PER_S},
		{.first_ticks = UINT64_MAX - 1000, .ticks_per_s = 1000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		const int64_t tick_ns = NS_PER_S / (int64_t)devices[i].ticks_per_s + 1;
		struct device_clock clock;

		begin(&clock, &devices[i]);
		for (int64_t since_ns = -NS_PER_S / 2; since_ns < NS_PER_S; since_ns += 99999989)
			assert_near(device_clock_to_utc(&clock, ticks_at(&devices[i], since_ns)),
				    UTC + since_ns, 40 * tick_ns);
	}
}

static void a_clock_that_stands_still_is_refused(void **state)
{
	struct device_clock clock = {0};

	(void)state;
	assert_int_equal(device_clock_set(&clock, 5, UTC, 5, UTC + NS_PER_S), -1);
	assert_int_equal(device_clock_set(&clock, 5, UTC, 4, UTC + NS_PER_S), -1);
	assert_int_equal(device_clock_set(&clock, 5, UTC, 6, UTC), -1);
}

/* 100 ppm off what the first looks said, and 3 us of noise in each look. */
static void drift_is_taken_back(void **state)
{
	const struct device device = {.first_ticks = 1u << 30, .ticks_per_s = 156250000};
	struct device_clock clock = {0};

	(void)state;
	/* The second look said 5 us too much: a rate that is wrong by 100 ppm. */
	assert_int_equal(device_clock_set(&clock, ticks_at(&device, 0), UTC,
					  ticks_at(&device, NS_PER_S / 20),
					  UTC + NS_PER_S / 20 + 5000),
			 0);
	for (int64_t s = 1; s < 100; s++) {
		const int64_t at_ns = s * NS_PER_S;
		const int64_t noise_ns = s * 7919 % 6001 - 3000;
		const int64_t shown_ns =
			device_clock_to_utc(&clock, ticks_at(&device, at_ns)) - UTC;

		/* A second of 100 ppm is 100 us; then only the noise is left, twice. */
		assert_near(shown_ns, at_ns, s == 1 ? 106000 : 20000);
		device_clock_correct(&clock, ticks_at(&device, at_ns), UTC + at_ns + noise_ns);
	}
}

/* Converted stamps rise through every correction, and without a jump. */
static void a_correction_does_not_jump(void **state)
{
	const struct device device = {.first_ticks = 77, .ticks_per_s = NS_PER_S};
	struct device_clock clock;
	int64_t before_ns = INT64_MIN;

	(void)state;
	begin(&clock, &device);
	for (int64_t s = 1; s < 20; s++) {
		/* UTC runs away by up to 400 ms, and comes back. */
		const int64_t error_ns = (s % 4 - 2) * 200000000;
		const uint64_t ticks = ticks_at(&device, s * NS_PER_S);
		const int64_t shown_ns = device_clock_to_utc(&clock, ticks);

		assert_true(shown_ns > before_ns);
		device_clock_correct(&clock, ticks, UTC + s * NS_PER_S + error_ns);
		assert_int_equal(device_clock_to_utc(&clock, ticks), shown_ns);
		before_ns = shown_ns;
		for (uint64_t part = 1; part <= 10; part++) {
			const int64_t then_ns =
				device_clock_to_utc(&clock, ticks + part * NS_PER_S / 11);

			assert_true(then_ns > before_ns);
			before_ns = then_ns;
		}
	}
}

static void a_step_of_utc_is_followed_at_once(void **state)
{
	const struct device device = {.first_ticks = 77, .ticks_per_s = NS_PER_S};
	const int64_t step_ns = -3600 * NS_PER_S;
	struct device_clock clock;

	(void)state;
	begin(&clock, &device);
	device_clock_correct(&clock, ticks_at(&device, NS_PER_S), UTC + NS_PER_S + step_ns);
	assert_near(device_clock_to_utc(&clock, ticks_at(&device, NS_PER_S)),
		    UTC + NS_PER_S + step_ns, 10);
	assert_near(device_clock_to_utc(&clock, ticks_at(&device, 2 * NS_PER_S)),
		    UTC + 2 * NS_PER_S + step_ns, 10);
}

/* Somebody asks twice in a row: what a look is off by must not become the rate. */
static void a_look_too_soon_changes_nothing(void **state)
{
	const struct device device = {.first_ticks = 77, .ticks_per_s = NS_PER_S};
	struct device_clock clock;

	(void)state;
	begin(&clock, &device);
	for (int64_t s = 1; s < 10; s++) {
		const int64_t at_ns = s * NS_PER_S, soon_ns = at_ns + 20000;

		assert_near(device_clock_to_utc(&clock, ticks_at(&device, at_ns)), UTC + at_ns,
			    2000);
		device_clock_correct(&clock, ticks_at(&device, at_ns), UTC + at_ns);
		device_clock_correct(&clock, ticks_at(&device, soon_ns), UTC + soon_ns + 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_goes_through_both_looks),
		cmocka_unit_test(a_clock_that_stands_still_is_refused),
		cmocka_unit_test(drift_is_taken_back),
		cmocka_unit_test(a_correction_does_not_jump),
		cmocka_unit_test(a_look_too_soon_changes_nothing),
		cmocka_unit_test(a_step_of_utc_is_followed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
