/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "near.h"

#define NAME_MAX_LEN 40

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Optimal string alignment, three rows of the usual table. */
static unsigned int edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *before = rows[(i + 2) % 3];
		const unsigned int *before_that = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int change = a[i - 1] == b[j - 1] ? 0 : 1;

			row[j] = min3(before[j] + 1, row[j - 1] + 1, before[j - 1] + change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before_that[j - 2] + 1 < row[j])
				row[j] = before_that[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

unsigned int near_distance(const char *typed, const char *known)
{
	size_t typed_len = strlen(typed);
	size_t known_len = strlen(known);
	unsigned int distance;

	if (typed_len == 0 || typed_len > NAME_MAX_LEN || known_len > NAME_MAX_LEN)
		return NEAR_FAR;
	distance = edit_distance(typed, typed_len, known, known_len);
	if (distance > 1 && typed_len >= 3) {
		if (strncmp(typed, known, typed_len) == 0)
			return 1;
		if (strstr(known, typed))
			return 2;
	}
	/* A short name has few letters to be wrong in. */
	if (distance > 0 && (distance > typed_len / 2 || distance > 3))
		return NEAR_FAR;
	return distance;
}
