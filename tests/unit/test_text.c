/* SPDX-License-Identifier: BSD-3-Clause */

/* Numbers and times as people read them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/text.h"
#include "tcpmill/record.h"

static void counts_have_separators(void **state)
{
	(void)state;
	assert_string_equal(text_count(0).s, "0");
	assert_string_equal(text_count(999).s, "999");
	assert_string_equal(text_count(1204).s, "1,204");
	assert_string_equal(text_count(-21904113).s, "-21,904,113");
	assert_string_equal(text_count(INT64_MIN).s, "-9,223,372,036,854,775,808");
	assert_string_equal(text_ucount(UINT64_MAX).s, "18,446,744,073,709,551,615");
	assert_string_equal(text_short_count(930).s, "930");
	assert_string_equal(text_short_count(7900000).s, "7.9 M");
	assert_string_equal(text_short_count(14249).s, "14.2 k");
}

static void bytes_have_units(void **state)
{
	(void)state;
	assert_string_equal(text_bytes(0).s, "0 B");
	assert_string_equal(text_bytes(999).s, "999 B");
	assert_string_equal(text_bytes(1000).s, "1 kB");
	assert_string_equal(text_bytes(19840000).s, "19.8 MB");
	assert_string_equal(text_bytes(94000001).s, "94 MB");
	assert_string_equal(text_bytes(123456789).s, "123 MB");
	assert_string_equal(text_bytes(999499).s, "999 kB");
	assert_string_equal(text_bytes(999500).s, "1 MB");
	assert_string_equal(text_bytes(99960).s, "100 kB");
	assert_string_equal(text_bytes(3100000000).s, "3.1 GB");
	assert_string_equal(text_bytes(UINT64_MAX).s, "18.4 EB");
	assert_string_equal(text_bytes_of(1900000000, 3100000000).s, "1.9 of 3.1 GB");
	assert_string_equal(text_bytes_of(0, 500).s, "0 of 500 B");
	assert_string_equal(text_bytes_of(500, 3100000).s, "0 of 3.1 MB");
}

static void rates_and_percents(void **state)
{
	(void)state;
	assert_string_equal(text_rate(14.2e6, "pps").s, "14.2 Mpps");
	assert_string_equal(text_rate(2.1e9, "B/s").s, "2.1 GB/s");
	assert_string_equal(text_rate(999.7, "pps").s, "1 kpps");
	assert_string_equal(text_rate(1.0 / 0.0, "pps").s, "0 pps");
	assert_string_equal(text_percent(19, 10000).s, "0.19 %");
	assert_string_equal(text_percent(62, 100).s, "62 %");
	assert_string_equal(text_percent(1, 1000000).s, "< 0.01 %");
	assert_string_equal(text_percent(0, 10).s, "0 %");
	assert_string_equal(text_percent(10, 10).s, "100 %");
	assert_string_equal(text_percent(9999, 10000).s, "> 99 %");
	assert_string_equal(text_percent(0, 0).s, "-");
}

static void durations_have_three_digits(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 s"},
		{1, "0.001 µs"},
		{300, "0.3 µs"},
		{999, "0.999 µs"},
		{1234, "1.23 µs"},
		{999949, "1 ms"},
		{18400000, "18.4 ms"},
		{18449999, "18.4 ms"},
		{92000000, "92 ms"},
		{312400000, "312 ms"},
		{999600000, "1 s"},
		{3020000000, "3.02 s"},
		{INT64_C(59940000000), "59.9 s"},
		{INT64_C(59950000000), "1 min"},
		{INT64_C(320000000000), "5 min 20 s"},
		{INT64_C(3600000000000), "1 h"},
		{INT64_C(3599600000000), "1 h"},
		{INT64_C(5400000000000), "1 h 30 min"},
		{INT64_C(183600000000000), "2 d 3 h"},
		{-18400000, "-18.4 ms"},
		{INT64_MIN, "-106752 d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_duration(cases[i].ns).s, cases[i].text);
	assert_string_equal(text_clock(1).s, "0:01");
	assert_string_equal(text_clock(754).s, "12:34");
	assert_string_equal(text_clock(3723).s, "1:02:03");
}

static void times_are_utc(void **state)
{
	int64_t ns = INT64_C(1795165200000000123);

	(void)state;
	setenv("TZ", "America/Caracas", 1);
	assert_string_equal(text_time(ns).s, "2026-11-20 09:00:00.000000123");
	assert_string_equal(text_time_iso(ns).s, "2026-11-20T09:00:00.000000123Z");
	assert_string_equal(text_time_iso(-1).s, "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(text_time_iso(INT64_MAX).s, "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(text_time_iso(INT64_MIN).s, "1677-09-21T00:12:43.145224192Z");
	assert_string_equal(text_date(INT64_C(951782400000000000)).s, "2000-02-29");
	assert_string_equal(text_date(INT64_C(951868800000000000)).s, "2000-03-01");
	assert_string_equal(text_time_of_day(INT64_C(1795166000118999999), 3).s, "09:13:20.118");
	assert_string_equal(text_time_of_day(ns, 0).s, "09:00:00");
	assert_string_equal(text_time_of_day(ns, 99).s, "09:00:00.000000123");
}

static void endpoints(void **state)
{
	struct record_address v4 = {{10, 1, 4, 7}, 4};
	struct record_address v6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 6};

	(void)state;
	assert_string_equal(text_address(&v4).s, "10.1.4.7");
	assert_string_equal(text_address(&v6).s, "2001:db8::1");
	assert_string_equal(text_address_endpoint(&v4, 50122).s, "10.1.4.7:50122");
	assert_string_equal(text_address_endpoint(&v6, 443).s, "[2001:db8::1]:443");
	assert_string_equal(
		text_endpoint("aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:255.255.255.255 and more text", 1).s,
		"[aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:255.255.255.255]:1");
}

static void width_counts_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("18 µs", strlen("18 µs")), 5);
	assert_int_equal(text_width("a → b", strlen("a → b")), 5);
	assert_int_equal(text_width("e\xcc\x81", 3), 1);
	assert_int_equal(text_width("日本", strlen("日本")), 4);
	assert_int_equal(text_width("\xff\xc3", 2), 2);
}

static void untrusted_text_is_harmless(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(text_clean(out, sizeof(out), "a\x1b[2Jb", 6), 8);
	assert_string_equal(out, "a\xef\xbf\xbd[2Jb");
	text_clean(out, sizeof(out),
		   "\xc2\x9b"
		   "5n",
		   4); /* C1 CSI */
	assert_string_equal(out, "\xef\xbf\xbd"
				 "5n");
	text_clean(out, sizeof(out), "x\xff", 2);
	assert_string_equal(out, "x\xef\xbf\xbd");
	text_clean(out, sizeof(out), "\xed\xa0\x80", 3); /* a surrogate: three broken bytes */
	assert_string_equal(out, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	text_clean(out, sizeof(out), "\xc0\xaf", 2); /* an overlong slash */
	assert_string_equal(out, "\xef\xbf\xbd\xef\xbf\xbd");
	assert_int_equal(text_clean(out, 4, "ab\xe2\x86\x92", 5), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(text_clean(out, 1, "ab", 2), 0);
	assert_string_equal(out, "");
}

static void colour_is_refused_by_no_color(void **state)
{
	(void)state;
	setenv("NO_COLOR", "1", 1);
	assert_false(text_wants_colour(1));
	assert_string_equal(text_style(false, TEXT_RED), "");
	assert_string_equal(text_style(true, TEXT_NORMAL), "\x1b[0m");
	assert_int_equal(text_terminal_width(-1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(bytes_have_units),
		cmocka_unit_test(rates_and_percents),
		cmocka_unit_test(durations_have_three_digits),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(untrusted_text_is_harmless),
		cmocka_unit_test(colour_is_refused_by_no_color),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
