/* SPDX-License-Identifier: BSD-3-Clause */

/* What rotated files are called. Expected times are date(1)'s: date -u -d @SECONDS. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "live/file_name.h"

#define SECOND INT64_C(1000000000)

static void assert_expands(const char *pattern, int64_t ns, const char *expected)
{
	char name[256];

	assert_int_equal(file_name_expand(pattern, ns, name, sizeof(name)), 0);
	assert_string_equal(name, expected);
}

static void assert_variant(const char *base, uint32_t n, const char *expected)
{
	char name[256];

	assert_int_equal(file_name_variant(base, n, name, sizeof(name)), 0);
	assert_string_equal(name, expected);
}

static void a_pattern_is_told_in_utc(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	assert_expands("flows-%Y%m%dT%H%M%S.arrow", 1763834096 * SECOND,
		       "flows-20251122T175456.arrow");
	assert_expands("%s", 1763834096 * SECOND + 999999999, "1763834096");
	assert_expands("%F %T%z", 951782400 * SECOND, "2000-02-29 00:00:00+0000");
	unsetenv("TZ");
	tzset();
}

static void a_doubled_percent_is_one_and_takes_no_letter_along(void **state)
{
	(void)state;
	assert_expands("a%%s", 7 * SECOND, "a%s");
	assert_expands("%%%s%%", 7 * SECOND, "%7%");
	assert_expands("-", 7 * SECOND, "-");
	assert_expands("/dev/null", 7 * SECOND, "/dev/null");
}

static void what_is_empty_or_does_not_fit_is_an_error(void **state)
{
	char name[8], *pattern = malloc(3000);

	(void)state;
	assert_non_null(pattern);
	assert_int_equal(file_name_expand("", 0, name, sizeof(name)), -EINVAL);
	assert_int_equal(file_name_expand("1234567", 0, name, sizeof(name)), 0);
	assert_int_equal(file_name_expand("12345678", 0, name, sizeof(name)), -ENAMETOOLONG);
	assert_int_equal(file_name_expand("%Y%m%d", 0, name, sizeof(name)), -ENAMETOOLONG);
	/* Around the size of its own buffers; ASan looks on. */
	for (size_t len = 1000; len < 2600; len++) {
		memset(pattern, '%', len);
		pattern[len] = '\0';
		assert_int_equal(file_name_expand(pattern, 0, name, sizeof(name)), -ENAMETOOLONG);
		memset(pattern, 'x', len);
		assert_int_equal(file_name_expand(pattern, 0, name, sizeof(name)), -ENAMETOOLONG);
		memcpy(pattern + len - 2, "%s", 2);
		assert_int_equal(file_name_expand(pattern, 0, name, sizeof(name)), -ENAMETOOLONG);
	}
	free(pattern);
}

static void variants_count_before_the_extension(void **state)
{
	char name[8];

	(void)state;
	assert_variant("x.arrow", 0, "x.arrow");
	assert_variant("x.arrow", 1, "x-1.arrow");
	assert_variant("/a.b/c", 12, "/a.b/c-12");
	assert_variant("/a.b/c.d.e", 3, "/a.b/c.d-3.e");
	assert_variant(".hidden", 1, ".hidden-1");
	assert_variant("d/.hidden", 1, "d/.hidden-1");
	assert_variant("x.", 1, "x-1.");
	assert_int_equal(file_name_variant("abc.def", 0, name, sizeof(name)), 0);
	assert_int_equal(file_name_variant("abc.def", 1, name, sizeof(name)), -ENAMETOOLONG);
}

static void intervals_begin_at_whole_multiples(void **state)
{
	(void)state;
	assert_int_equal(file_interval(1763834096 * SECOND + 5, 60 * SECOND), 1763834040 * SECOND);
	assert_int_equal(file_interval(1763834040 * SECOND, 60 * SECOND), 1763834040 * SECOND);
	assert_int_equal(file_interval(1763834040 * SECOND - 1, 60 * SECOND), 1763833980 * SECOND);
	assert_int_equal(file_interval(-1, 60 * SECOND), -60 * SECOND);
	assert_int_equal(file_interval(12345, 0), 0);
	assert_int_equal(file_interval(12345, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_is_told_in_utc),
		cmocka_unit_test(a_doubled_percent_is_one_and_takes_no_letter_along),
		cmocka_unit_test(what_is_empty_or_does_not_fit_is_an_error),
		cmocka_unit_test(variants_count_before_the_extension),
		cmocka_unit_test(intervals_begin_at_whole_multiples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
