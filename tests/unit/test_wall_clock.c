/* SPDX-License-Identifier: BSD-3-Clause */

/* The clock of live capture, by made-up readings of both clocks, and on the real ones. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "capture/wall_clock_priv.h"

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1800000000) * SECOND)
#define HALF_NS (UINT64_C(1) << 31) /* a tick of half a ns: a TSC of 2 GHz */
#define TICKS UINT64_C(2000000000)  /* of that TSC in a second */

/* An invented machine: a TSC, and a system clock that may drift and be set. */
struct machine {
	struct wall_clock clock;
	uint64_t tsc;
	int64_t realtime_ns;
	int64_t drift_ns;   /* of the system's clock against the TSC, each second */
	int64_t last_given; /* by the clock */
};

static void machine_start(struct machine *m, int64_t drift_ns)
{
	*m = (struct machine){.tsc = 12345, .realtime_ns = START, .drift_ns = drift_ns};
	wall_clock_start_at(&m->clock, m->tsc, m->realtime_ns, HALF_NS);
}

static void read_forward(struct machine *m, uint64_t tsc)
{
	const int64_t now = wall_clock_at(&m->clock, tsc);

	assert_true(now >= m->last_given);
	m->last_given = now;
}

/* A second passes, in which the clock is read often, and is corrected. Returns the error found. */
static int64_t pass_second(struct machine *m)
{
	for (uint64_t i = 0; i < 1000; i++)
		read_forward(m, m->tsc + i * (TICKS / 1000));
	m->tsc += TICKS;
	m->realtime_ns += SECOND + m->drift_ns;
	for (uint64_t i = 50; i > 0; i--)
		read_forward(m, m->tsc - i);
	wall_clock_correct_at(&m->clock, m->tsc, m->realtime_ns);
	/* Just behind the joint, and of a core whose TSC is a little behind. */
	read_forward(m, m->tsc - 3);
	read_forward(m, m->tsc);
	read_forward(m, m->tsc + 1);
	return m->clock.error_ns;
}

static void ticks_become_nanoseconds(void **state)
{
	struct wall_clock clock;

	(void)state;
	wall_clock_start_at(&clock, 1000, START, HALF_NS);
	assert_int_equal(wall_clock_at(&clock, 1000), START);
	assert_int_equal(wall_clock_at(&clock, 3001), START + 1000);
	/* A year without a correction: 2^56 ticks, more than 64 bits with those behind the point.
	 */
	assert_int_equal(wall_clock_at(&clock, 1000 + (UINT64_C(1) << 56)),
			 START + (INT64_C(1) << 55));
	/* The TSC may run over. */
	wall_clock_start_at(&clock, UINT64_MAX - 9, START, HALF_NS);
	assert_int_equal(wall_clock_at(&clock, 10), START + 10);
	assert_int_equal(wall_clock_rate_q32(TICKS, SECOND), HALF_NS);
	assert_int_equal(wall_clock_rate_q32(0, SECOND), 0);
	assert_int_equal(wall_clock_rate_q32(TICKS, -1), 0);
}

/* 40 ppm: more than an oscillator is off. */
static void drift_is_found_and_taken_back(void **state)
{
	static const int64_t drifts[] = {40000, -40000};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct machine m;

		machine_start(&m, drifts[i]);
		assert_int_equal(pass_second(&m), -drifts[i]);
		/* Then the rate is known, and the error taken back within a second. */
		for (int s = 0; s < 5; s++)
			assert_in_range(pass_second(&m) + 10, 0, 20);
		assert_int_equal(m.clock.nb_steps, 0);
	}
}

/* Set by less than a second: the clock runs at 99 or 101 % until it has it. */
static void small_step_is_slewed(void **state)
{
	static const int64_t steps[] = {SECOND * 3 / 4, -SECOND * 3 / 4};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		int64_t error = 0;

		machine_start(&m, 0);
		(void)pass_second(&m);
		m.realtime_ns += steps[i];
		assert_int_equal(pass_second(&m), -steps[i]);
		for (int s = 0; s < 74; s++) {
			const int64_t before = m.clock.error_ns;
			const int64_t back = before - (error = pass_second(&m));

			/* 1 %, give or take the rate's 0.1 % that the step moved. */
			assert_in_range(before > 0 ? back : -back, SECOND * 89 / 10000,
					SECOND * 111 / 10000);
		}
		for (int s = 0; s < 5; s++)
			error = pass_second(&m);
		assert_in_range(error + 10, 0, 20);
		assert_int_equal(m.clock.nb_steps, 0);
	}
}

static void large_step_is_followed_at_once(void **state)
{
	struct machine m;

	(void)state;
	machine_start(&m, 0);
	(void)pass_second(&m);
	m.tsc += TICKS;
	m.realtime_ns += SECOND + 3600 * SECOND;
	wall_clock_correct_at(&m.clock, m.tsc, m.realtime_ns);
	assert_int_equal(m.clock.error_ns, -3600 * SECOND);
	assert_int_equal(m.clock.nb_steps, 1);
	assert_int_equal(wall_clock_at(&m.clock, m.tsc), m.realtime_ns);
	assert_int_equal(wall_clock_at(&m.clock, m.tsc + TICKS), m.realtime_ns + SECOND);

	m.tsc += TICKS;
	m.realtime_ns += SECOND - 2 * SECOND;
	wall_clock_correct_at(&m.clock, m.tsc, m.realtime_ns);
	assert_int_equal(m.clock.nb_steps, 2);
	assert_int_equal(wall_clock_at(&m.clock, m.tsc + TICKS), m.realtime_ns + SECOND);
	m.last_given = 0;
	assert_int_equal(pass_second(&m), 0);
	assert_int_equal(m.clock.nb_steps, 2);
}

/* A virtual machine that was moved: its TSC starts anew. */
static void tsc_that_goes_back_is_followed(void **state)
{
	struct machine m;

	(void)state;
	machine_start(&m, 0);
	for (int s = 0; s < 10; s++)
		(void)pass_second(&m);
	m.tsc = 77;
	m.realtime_ns += SECOND;
	wall_clock_correct_at(&m.clock, m.tsc, m.realtime_ns);
	assert_int_equal(m.clock.nb_steps, 1);
	assert_int_equal(wall_clock_at(&m.clock, 77 + TICKS), m.realtime_ns + SECOND);
}

/* Corrections that come at odd times do not make the clock swing. */
static void odd_intervals_are_harmless(void **state)
{
	static const unsigned int per_mille[] = {1, 0, 1000, 5, 5000, 20, 1000, 900, 1100};
	struct machine m;

	(void)state;
	machine_start(&m, 0);
	m.realtime_ns += 1000000; /* an error of 1 ms to begin with */
	for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++) {
		m.tsc += TICKS / 1000 * per_mille[i];
		m.realtime_ns += SECOND / 1000 * per_mille[i];
		wall_clock_correct_at(&m.clock, m.tsc, m.realtime_ns);
		read_forward(&m, m.tsc);
		assert_in_range(m.clock.error_ns + 5000000, 0, 10000000);
	}
	for (int s = 0; s < 4; s++)
		(void)pass_second(&m);
	assert_in_range(m.clock.error_ns + 10, 0, 20);
}

static int64_t realtime(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

struct reader {
	struct wall_clock clock;
	atomic_bool stop;
	_Atomic uint64_t reads;
	uint64_t falls;
};

static void *read_on(void *argument)
{
	struct reader *reader = argument;
	int64_t last = 0;

	while (!atomic_load(&reader->stop)) {
		const int64_t now = wall_clock_now(&reader->clock);

		reader->falls += now < last;
		reader->reads++;
		last = now;
	}
	return NULL;
}

/* The machine may sleep between two readings, so that only the least difference tells. */
static void the_real_clock_is_near_and_never_falls(void **state)
{
	static struct reader reader;
	const struct timespec pause = {.tv_nsec = 2000000};
	int64_t least = INT64_MAX;
	pthread_t thread;

	(void)state;
	wall_clock_init(&reader.clock);
	assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
	/* Longer where the other thread is hardly ever run. */
	for (int i = 0; i < 100 || (reader.reads <= 1000 && i < 10000); i++) {
		int64_t difference;

		(void)nanosleep(&pause, NULL);
		wall_clock_correct(&reader.clock);
		difference = wall_clock_now(&reader.clock) - realtime();
		difference = difference < 0 ? -difference : difference;
		least = difference < least ? difference : least;
	}
	atomic_store(&reader.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(reader.reads > 1000);
	assert_int_equal(reader.falls, 0);
	assert_true(least < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_become_nanoseconds),
		cmocka_unit_test(drift_is_found_and_taken_back),
		cmocka_unit_test(small_step_is_slewed),
		cmocka_unit_test(large_step_is_followed_at_once),
		cmocka_unit_test(tsc_that_goes_back_is_followed),
		cmocka_unit_test(odd_intervals_are_harmless),
		cmocka_unit_test(the_real_clock_is_near_and_never_falls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
