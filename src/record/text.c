/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>

#include <tcpmill/record.h>

#include "text_priv.h"

/* A byte in decimal and a dot behind it. */
#define ONES(n) ('0' + (n) % 10)
#define TENS(n) ('0' + (n) / 10 % 10)
#define HUNDREDS(n) ('0' + (n) / 100 % 10)
#define BY_LENGTH(n, three, two, one) ((n) >= 100 ? (three) : (n) >= 10 ? (two) : (one))
#define OCTET(n)                                                                                   \
	{                                                                                          \
		BY_LENGTH(n, HUNDREDS(n), TENS(n), ONES(n)), BY_LENGTH(n, TENS(n), ONES(n), '.'),  \
			BY_LENGTH(n, ONES(n), '.', 0), BY_LENGTH(n, '.', 0, 0),                    \
	}
#define OCTETS4(n) OCTET(n), OCTET((n) + 1), OCTET((n) + 2), OCTET((n) + 3)
#define OCTETS16(n) OCTETS4(n), OCTETS4((n) + 4), OCTETS4((n) + 8), OCTETS4((n) + 12)
#define OCTETS64(n) OCTETS16(n), OCTETS16((n) + 16), OCTETS16((n) + 32), OCTETS16((n) + 48)

static const char octets[256][4] = {OCTETS64(0), OCTETS64(64), OCTETS64(128), OCTETS64(192)};

/* Stores four bytes; the length of digits and dot. */
static size_t put_octet(char *out, uint8_t value)
{
	memcpy(out, octets[value], 4);
	return 2u + (value >= 10) + (value >= 100);
}

static size_t put_ipv4(char *out, const uint8_t bytes[4])
{
	char *at = out;

	for (int i = 0; i < 4; i++)
		at += put_octet(at, bytes[i]);
	return (size_t)(at - out) - 1; /* without the last dot */
}

/* Lower-case, no leading zeros. */
static size_t put_hex16(char *out, unsigned int word)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	if (word >= 0x1000)
		out[n++] = digits[word >> 12];
	if (word >= 0x100)
		out[n++] = digits[word >> 8 & 15];
	if (word >= 0x10)
		out[n++] = digits[word >> 4 & 15];
	out[n++] = digits[word & 15];
	return n;
}

/* The longest run of at least two zero words, the first of equals; its length, or 0. */
static int longest_zero_run(const unsigned int words[8], int *start)
{
	int best = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && words[i + n] == 0)
			n++;
		if (n > best) {
			best = n;
			*start = i;
		}
		i += n;
	}
	return best >= 2 ? best : 0;
}

static size_t put_ipv6(char *out, const uint8_t bytes[16])
{
	unsigned int words[8];
	int start = -1, run;
	size_t n = 0;

	for (int i = 0; i < 8; i++)
		words[i] = (unsigned int)bytes[2 * i] << 8 | bytes[2 * i + 1];
	run = longest_zero_run(words, &start);
	for (int i = 0; i < 8; i++) {
		if (run > 0 && i == start) {
			out[n++] = ':';
			out[n++] = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && out[n - 1] != ':')
			out[n++] = ':';
		/* IPv4 in IPv6, ::a.b.c.d and ::ffff:a.b.c.d (RFC 4291, 2.5.5). */
		if (i == 6 && start == 0 && (run == 6 || (run == 5 && words[5] == 0xffff)))
			return n + put_ipv4(out + n, bytes + 12);
		n += put_hex16(out + n, words[i]);
	}
	return n;
}

size_t text_put_address(char *out, const struct record_address *address)
{
	switch (address->version) {
	case 4:
		return put_ipv4(out, address->bytes);
	case 6:
		return put_ipv6(out, address->bytes);
	default:
		return 0;
	}
}
