/* SPDX-License-Identifier: BSD-3-Clause */

/* Numbers and addresses; nothing here asks the locale. */

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tcpmill/record.h"
#include "text.h"

/* Powers of 1000, as prefixes of units. */
static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};

#define NB_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

static struct text text_signed_count(bool negative, uint64_t n)
{
	struct text t = {""};
	char digits[24];
	size_t nb = 0, at = 0;

	do {
		digits[nb++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	if (negative)
		t.s[at++] = '-';
	while (nb > 0) {
		t.s[at++] = digits[--nb];
		if (nb > 0 && nb % 3 == 0)
			t.s[at++] = ',';
	}
	return t;
}

struct text text_count(int64_t n)
{
	return n < 0 ? text_signed_count(true, 0 - (uint64_t)n)
		     : text_signed_count(false, (uint64_t)n);
}

struct text text_ucount(uint64_t n)
{
	return text_signed_count(false, n);
}

/* n / 1000^power in tenths, rounded half up: to whole units from 100 on. */
static uint64_t tenths(uint64_t n, size_t power)
{
	uint64_t unit = 1;
	uint64_t rest, whole;

	for (size_t i = 0; i < power; i++)
		unit *= 1000;
	if (unit == 1)
		return n * 10;
	whole = n / unit;
	rest = n % unit;
	if (whole >= 100)
		return (whole + (rest >= unit / 2 ? 1 : 0)) * 10;
	return whole * 10 + rest / (unit / 10) + (rest % (unit / 10) >= unit / 20 ? 1 : 0);
}

/* The power of 1000 in which n is written: the largest that leaves at least 1.0 after rounding. */
static size_t power_of(uint64_t n)
{
	size_t power = 0;

	for (uint64_t rest = n; rest >= 1000 && power + 1 < NB_PREFIXES; rest /= 1000)
		power++;
	/* 999,960 rounds to 1000.0 k, which is 1 M. */
	if (power > 0 && power + 1 < NB_PREFIXES && tenths(n, power) >= 10000)
		power++;
	return power;
}

/* A value in tenths, the decimal left out when it is 0. */
static struct text format_tenths(uint64_t value, const char *separator, const char *prefix,
				 const char *unit)
{
	struct text t;

	if (value % 10 != 0)
		snprintf(t.s, sizeof(t.s), "%llu.%llu%s%s%s", (unsigned long long)(value / 10),
			 (unsigned long long)(value % 10), separator, prefix, unit);
	else
		snprintf(t.s, sizeof(t.s), "%llu%s%s%s", (unsigned long long)(value / 10),
			 separator, prefix, unit);
	return t;
}

struct text text_short_count(uint64_t n)
{
	size_t power = power_of(n);

	if (power == 0)
		return text_ucount(n);
	return format_tenths(tenths(n, power), " ", prefixes[power], "");
}

struct text text_bytes(uint64_t n)
{
	size_t power = power_of(n);

	return format_tenths(power == 0 ? n * 10 : tenths(n, power), " ", prefixes[power], "B");
}

struct text text_bytes_of(uint64_t done, uint64_t whole)
{
	size_t power = power_of(whole);
	struct text total = text_bytes(whole);
	struct text part = format_tenths(tenths(done, power), "", "", "");
	struct text t = {""};

	/* Both are short: a 64-bit number has at most 20 digits. */
	snprintf(t.s, sizeof(t.s), "%.24s of %.32s", part.s, total.s);
	return t;
}

struct text text_rate(double per_second, const char *unit)
{
	size_t power = 0;
	uint64_t value;

	if (!isfinite(per_second) || per_second < 0)
		per_second = 0;
	while (per_second >= 999.5 && power + 1 < NB_PREFIXES) {
		per_second /= 1000;
		power++;
	}
	if (per_second > 1e15)
		per_second = 1e15;
	value = per_second < 99.95 ? (uint64_t)(per_second * 10 + 0.5)
				   : (uint64_t)(per_second + 0.5) * 10;
	return format_tenths(value, " ", prefixes[power], unit);
}

struct text text_percent(uint64_t part, uint64_t whole)
{
	struct text t;
	double percent;

	if (whole == 0) {
		snprintf(t.s, sizeof(t.s), "-");
		return t;
	}
	percent = 100.0 * (double)part / (double)whole;
	if (part > 0 && percent < 0.01)
		snprintf(t.s, sizeof(t.s), "< 0.01 %%");
	else if (part == 0 || percent >= 10)
		snprintf(t.s, sizeof(t.s), "%llu %%", (unsigned long long)(percent + 0.5));
	else {
		/* Integers, because printf("%f") writes the locale's decimal point. */
		unsigned int hundredths = (unsigned int)(percent * 100 + 0.5);

		snprintf(t.s, sizeof(t.s), "%u.%02u %%", hundredths / 100, hundredths % 100);
	}
	/* Almost all is not all. */
	if (part < whole && strcmp(t.s, "100 %") == 0)
		snprintf(t.s, sizeof(t.s), "> 99 %%");
	return t;
}

struct text text_address(const struct record_address *address)
{
	struct text t = {"-"};

	if (!inet_ntop(address->version == 6 ? AF_INET6 : AF_INET, address->bytes, t.s,
		       sizeof(t.s)))
		snprintf(t.s, sizeof(t.s), "-");
	return t;
}

struct text text_endpoint(const char *ip, uint16_t port)
{
	struct text t;

	/* The longest IPv6 address has 45 characters. */
	if (strchr(ip, ':'))
		snprintf(t.s, sizeof(t.s), "[%.45s]:%u", ip, (unsigned int)port);
	else
		snprintf(t.s, sizeof(t.s), "%.45s:%u", ip, (unsigned int)port);
	return t;
}

struct text text_address_endpoint(const struct record_address *address, uint16_t port)
{
	return text_endpoint(text_address(address).s, port);
}
