/* SPDX-License-Identifier: BSD-3-Clause */

/* Values of options. All arithmetic is on integers, so that what is typed is what is meant. */

#include <string.h>

#include "options.h"

#define NS_PER_S UINT64_C(1000000000)

/* A decimal number: digits with an optional fraction of up to 18 digits. */
struct decimal {
	uint64_t whole;
	uint64_t fraction; /* fraction / scale is behind the point */
	uint64_t scale;    /* a power of ten */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char too_large[] = "too large";
static const char too_fine[] = "has more digits behind the point than it can keep";

/* Reads digits at *text and moves it behind them. */
static const char *read_decimal(const char **text, struct decimal *d)
{
	const char *at = *text;

	*d = (struct decimal){0, 0, 1};
	if (!is_digit(*at))
		return "expected a number";
	for (; is_digit(*at); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (d->whole > (UINT64_MAX - digit) / 10)
			return too_large;
		d->whole = d->whole * 10 + digit;
	}
	if (*at == '.') {
		if (!is_digit(at[1]))
			return "expected a digit behind the point";
		for (at++; is_digit(*at); at++) {
			if (d->scale == UINT64_C(1000000000000000000)) {
				if (*at != '0')
					return too_fine;
				continue;
			}
			d->scale *= 10;
			d->fraction = d->fraction * 10 + (uint64_t)(*at - '0');
		}
		while (d->scale > 1 && d->fraction % 10 == 0) {
			d->fraction /= 10;
			d->scale /= 10;
		}
	}
	*text = at;
	return NULL;
}

/* d * unit, which must be a whole number. */
static const char *scale_decimal(const struct decimal *d, uint64_t unit, uint64_t max,
				 uint64_t *value)
{
	uint64_t rest = 0;
	uint64_t unit_left = unit, scale = d->scale;

	if (d->whole > max / unit)
		return too_large;
	if (d->fraction > 0) {
		/* fraction * unit / scale, divided down first so that nothing overflows. */
		while (scale > 1 && unit_left % 10 == 0) {
			scale /= 10;
			unit_left /= 10;
		}
		while (scale > 1 && scale % 2 == 0 && unit_left % 2 == 0) {
			scale /= 2;
			unit_left /= 2;
		}
		if (d->fraction % scale == 0)
			rest = d->fraction / scale * unit_left;
		else
			return too_fine;
	}
	if (rest > max - d->whole * unit)
		return too_large;
	*value = d->whole * unit + rest;
	return NULL;
}

struct suffix {
	const char *name;
	uint64_t unit;
};

static const char *parse_with_suffix(const char *text, const struct suffix *suffixes,
				     const char *unknown_suffix, uint64_t max, uint64_t *value)
{
	struct decimal d;
	const char *refusal = read_decimal(&text, &d);

	if (refusal)
		return refusal;
	for (; suffixes->name; suffixes++) {
		if (strcmp(suffixes->name, text) == 0)
			return scale_decimal(&d, suffixes->unit, max, value);
	}
	return unknown_suffix;
}

static const struct suffix count_suffixes[] = {
	{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

static const char count_expected[] = "expected a number such as 250, 64k, 1.5M or 2G";

const char *parse_count(const char *text, uint64_t *value)
{
	if (!is_digit(*text))
		return count_expected;
	return parse_with_suffix(text, count_suffixes, count_expected, UINT64_MAX, value);
}

const char *parse_count_between(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t n;
	const char *refusal = parse_count(text, &n);

	if (refusal)
		return refusal;
	if (n < min)
		return "too small";
	if (n > max)
		return too_large;
	*value = n;
	return NULL;
}

const char *parse_integer(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t n = 0;
	const char *refusal;

	if (*text == '-' || *text == '+')
		text++;
	if (!is_digit(*text))
		return count_expected;
	refusal = parse_with_suffix(text, count_suffixes, count_expected, max, &n);
	if (refusal)
		return refusal;
	*value = negative ? (int64_t)(0 - n) : (int64_t)n;
	return NULL;
}

const char *parse_bytes(const char *text, uint64_t *value)
{
	static const struct suffix suffixes[] = {
		{"", 1},
		{"B", 1},
		{"k", 1000},
		{"K", 1000},
		{"kB", 1000},
		{"KB", 1000},
		{"M", 1000000},
		{"MB", 1000000},
		{"G", 1000000000},
		{"GB", 1000000000},
		{"T", UINT64_C(1000000000000)},
		{"TB", UINT64_C(1000000000000)},
		{"KiB", UINT64_C(1) << 10},
		{"kiB", UINT64_C(1) << 10},
		{"MiB", UINT64_C(1) << 20},
		{"GiB", UINT64_C(1) << 30},
		{"TiB", UINT64_C(1) << 40},
		{NULL, 0},
	};
	static const char expected[] = "expected a size such as 4096, 64kB, 1.5MiB or 2GiB";

	if (!is_digit(*text))
		return expected;
	return parse_with_suffix(text, suffixes, expected, UINT64_MAX, value);
}

const char *parse_duration(const char *text, uint64_t *ns)
{
	static const struct suffix suffixes[] = {
		{"", NS_PER_S},
		{"s", NS_PER_S},
		{"ms", 1000000},
		{"us", 1000},
		{"µs", 1000},
		{"ns", 1},
		{"m", 60 * NS_PER_S},
		{"min", 60 * NS_PER_S},
		{"h", 3600 * NS_PER_S},
		{"d", 86400 * NS_PER_S},
		{NULL, 0},
	};
	static const char expected[] = "expected a duration such as 60, 1.5s, 300ms, 5m, 1h or 2d";

	if (!is_digit(*text))
		return expected;
	return parse_with_suffix(text, suffixes, expected, INT64_MAX, ns);
}

const char *option_output(const char *name)
{
	static const char *const names[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return "-";
	}
	return name;
}
