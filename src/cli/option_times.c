/* SPDX-License-Identifier: BSD-3-Clause */

/* Points in time as options; UTC and nothing else. */

#include <string.h>

#include "options.h"

#define NS_PER_S INT64_C(1000000000)

/* All whole years that fit into 64 bits of ns. */
#define YEAR_MIN 1678
#define YEAR_MAX 2261

static const char expected[] =
	"expected a UTC time such as 2026-11-20, 2026-11-20T09:00:00.5Z or @1700000000.25";
static const char out_of_range[] = "outside of the years 1678 to 2261";
static const char too_fine[] = "has more than nine digits behind the point";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly nb digits at *text; false leaves it where it stopped. */
static bool read_digits(const char **text, unsigned int nb, unsigned int *value)
{
	*value = 0;
	for (unsigned int i = 0; i < nb; i++, (*text)++) {
		if (!is_digit(**text))
			return false;
		*value = *value * 10 + (unsigned int)(**text - '0');
	}
	return true;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* ".25" = 250,000,000 ns; nothing there is 0. */
static const char *read_fraction(const char **text, int64_t *ns)
{
	int64_t unit = NS_PER_S;

	*ns = 0;
	if (!skip(text, '.'))
		return NULL;
	if (!is_digit(**text))
		return expected;
	for (; is_digit(**text); (*text)++) {
		if (unit == 1) {
			if (**text != '0')
				return too_fine;
			continue;
		}
		unit /= 10;
		*ns += unit * (**text - '0');
	}
	return NULL;
}

static unsigned int days_in_month(unsigned int year, unsigned int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Days from the epoch to a date of the Gregorian calendar, by whole years and months. */
static int64_t days_since_epoch(unsigned int year, unsigned int month, unsigned int day)
{
	int64_t before = (int64_t)year - 1;
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;

	for (unsigned int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1;
}

/* "2026-11-20", also as the front of a longer text. */
static const char *read_date(const char **text, int64_t *days)
{
	unsigned int year, month, day;

	if (!read_digits(text, 4, &year) || !skip(text, '-') || !read_digits(text, 2, &month) ||
	    !skip(text, '-') || !read_digits(text, 2, &day))
		return expected;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return "there is no such day";
	if (year < YEAR_MIN || year > YEAR_MAX)
		return out_of_range;
	*days = days_since_epoch(year, month, day);
	return NULL;
}

/* "09:00" or "09:00:00.5"; a leap second is not counted by the epoch and refused. */
static const char *read_time_of_day(const char **text, int64_t *ns)
{
	unsigned int hour, minute, second = 0;
	const char *refusal;
	int64_t fraction = 0;

	if (!read_digits(text, 2, &hour) || !skip(text, ':') || !read_digits(text, 2, &minute))
		return expected;
	if (skip(text, ':')) {
		if (!read_digits(text, 2, &second))
			return expected;
		refusal = read_fraction(text, &fraction);
		if (refusal)
			return refusal;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return "there is no such time of day";
	*ns = ((int64_t)hour * 3600 + minute * 60 + second) * NS_PER_S + fraction;
	return NULL;
}

/* "1700000000.25", as many seconds as the years above allow. */
static const char *parse_epoch_seconds(const char *text, int64_t *ns)
{
	int64_t seconds = 0, fraction;
	const char *refusal;

	if (!is_digit(*text))
		return expected;
	for (; is_digit(*text); text++) {
		if (seconds > INT64_MAX / NS_PER_S / 10)
			return out_of_range;
		seconds = seconds * 10 + (*text - '0');
	}
	refusal = read_fraction(&text, &fraction);
	if (refusal)
		return refusal;
	if (*text != '\0')
		return expected;
	if (seconds >= INT64_MAX / NS_PER_S)
		return out_of_range;
	*ns = seconds * NS_PER_S + fraction;
	return NULL;
}

static bool looks_like_seconds(const char *text)
{
	size_t nb = strspn(text, "0123456789");

	return nb > 0 && (text[nb] == '\0' || text[nb] == '.');
}

const char *parse_time(const char *text, int64_t *ns)
{
	const char *refusal;
	int64_t days, in_day = 0;

	if (*text == '@')
		return parse_epoch_seconds(text + 1, ns);
	if (looks_like_seconds(text))
		return parse_epoch_seconds(text, ns);
	refusal = read_date(&text, &days);
	if (refusal)
		return refusal;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		text++;
		refusal = read_time_of_day(&text, &in_day);
		if (refusal)
			return refusal;
		if (*text == 'Z' || *text == 'z')
			text++;
	}
	if (*text != '\0')
		return expected;
	*ns = days * 86400 * NS_PER_S + in_day;
	return NULL;
}
