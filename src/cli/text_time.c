/* SPDX-License-Identifier: BSD-3-Clause */

/* Times and durations. The calendar is computed here: no time zone, no locale, no state. */

#include <stdio.h>

#include "text.h"

#define NS_PER_S INT64_C(1000000000)
#define S_PER_DAY INT64_C(86400)

struct calendar {
	int64_t year;
	unsigned int month, day; /* 1-based */
	unsigned int hour, minute, second;
	unsigned int ns;
};

/*
 * Days since the epoch to the proleptic Gregorian date, counted in years that
 * start in March, so that the leap day is the last of its year.
 */
static void calendar_set_day(struct calendar *c, int64_t days)
{
	int64_t shifted = days + 719468; /* since 0000-03-01 */
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	unsigned int day_of_era = (unsigned int)(shifted - era * 146097);
	unsigned int year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned int day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned int month = (5 * day_of_year + 2) / 153; /* 0 = March */

	c->day = day_of_year - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = (int64_t)year_of_era + era * 400 + (c->month <= 2 ? 1 : 0);
}

static struct calendar calendar_of(int64_t ns)
{
	struct calendar c;
	int64_t s = ns / NS_PER_S;
	int64_t rest = ns % NS_PER_S;
	int64_t days, second;

	if (rest < 0) {
		rest += NS_PER_S;
		s--;
	}
	days = s / S_PER_DAY;
	second = s % S_PER_DAY;
	if (second < 0) {
		second += S_PER_DAY;
		days--;
	}
	calendar_set_day(&c, days);
	c.hour = (unsigned int)(second / 3600);
	c.minute = (unsigned int)(second / 60 % 60);
	c.second = (unsigned int)(second % 60);
	c.ns = (unsigned int)rest;
	return c;
}

static struct text format_time(int64_t ns, const char *separator, const char *end)
{
	struct calendar c = calendar_of(ns);
	struct text t;

	snprintf(t.s, sizeof(t.s), "%04d-%02u-%02u%s%02u:%02u:%02u.%09u%s", (int)c.year, c.month,
		 c.day, separator, c.hour, c.minute, c.second, c.ns, end);
	return t;
}

struct text text_time(int64_t ns)
{
	return format_time(ns, " ", "");
}

struct text text_time_iso(int64_t ns)
{
	return format_time(ns, "T", "Z");
}

struct text text_date(int64_t ns)
{
	struct calendar c = calendar_of(ns);
	struct text t;

	snprintf(t.s, sizeof(t.s), "%04d-%02u-%02u", (int)c.year, c.month, c.day);
	return t;
}

struct text text_time_of_day(int64_t ns, unsigned int digits)
{
	struct calendar c = calendar_of(ns);
	unsigned int fraction = c.ns;
	struct text t;

	if (digits > 9)
		digits = 9;
	for (unsigned int i = digits; i < 9; i++)
		fraction /= 10;
	if (digits == 0)
		snprintf(t.s, sizeof(t.s), "%02u:%02u:%02u", c.hour, c.minute, c.second);
	else
		snprintf(t.s, sizeof(t.s), "%02u:%02u:%02u.%0*u", c.hour, c.minute, c.second,
			 (int)digits, fraction);
	return t;
}

/* ns below a minute, in the largest unit that leaves at least 1: three digits, no zeros behind. */
static struct text format_short_duration(bool negative, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "µs"}};
	const char *sign = negative ? "-" : "";
	uint64_t thousandths = 0;
	struct text t;
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && ns < units[i].ns)
		i++;
	for (;; i--) {
		uint64_t unit = units[i].ns;
		uint64_t step = ns >= 100 * unit  ? 1000
				: ns >= 10 * unit ? 100
				: ns >= unit      ? 10
						  : 1;
		uint64_t quantum = unit / 1000 * step;

		thousandths = (ns + quantum / 2) / quantum * step;
		if (thousandths < 1000000 || i == 0)
			break;
		/* 999.9 µs rounds to 1000, which is 1 ms. */
	}
	if (thousandths % 1000 == 0)
		snprintf(t.s, sizeof(t.s), "%s%llu %s", sign,
			 (unsigned long long)(thousandths / 1000), units[i].name);
	else {
		unsigned int fraction = (unsigned int)(thousandths % 1000);
		int digits = 3;

		for (; fraction % 10 == 0; fraction /= 10)
			digits--;
		snprintf(t.s, sizeof(t.s), "%s%llu.%0*u %s", sign,
			 (unsigned long long)(thousandths / 1000), digits, fraction, units[i].name);
	}
	return t;
}

/* Two neighbouring units, the smaller left out when it is 0. */
static struct text format_pair(bool negative, uint64_t large, const char *large_unit,
			       uint64_t small, const char *small_unit)
{
	struct text t;

	if (small == 0)
		snprintf(t.s, sizeof(t.s), "%s%llu %s", negative ? "-" : "",
			 (unsigned long long)large, large_unit);
	else
		snprintf(t.s, sizeof(t.s), "%s%llu %s %llu %s", negative ? "-" : "",
			 (unsigned long long)large, large_unit, (unsigned long long)small,
			 small_unit);
	return t;
}

struct text text_duration(int64_t ns)
{
	bool negative = ns < 0;
	uint64_t abs_ns = negative ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t s = (abs_ns + 500000000) / 1000000000;

	if (ns == 0)
		return (struct text){"0 s"};
	/* 59.95 s and more would be shown as 60 s. */
	if (abs_ns < UINT64_C(59950000000))
		return format_short_duration(negative, abs_ns);
	if (s < 3600)
		return format_pair(negative, s / 60, "min", s % 60, "s");
	s = (s + 30) / 60; /* minutes from here on */
	if (s < 24 * 60)
		return format_pair(negative, s / 60, "h", s % 60, "min");
	s = (s + 30) / 60; /* hours */
	return format_pair(negative, s / 24, "d", s % 24, "h");
}

struct text text_clock(uint64_t seconds)
{
	struct text t;

	if (seconds < 3600)
		snprintf(t.s, sizeof(t.s), "%llu:%02llu", (unsigned long long)(seconds / 60),
			 (unsigned long long)(seconds % 60));
	else
		snprintf(t.s, sizeof(t.s), "%llu:%02llu:%02llu",
			 (unsigned long long)(seconds / 3600),
			 (unsigned long long)(seconds / 60 % 60),
			 (unsigned long long)(seconds % 60));
	return t;
}
