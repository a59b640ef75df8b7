/* SPDX-License-Identifier: BSD-3-Clause */

/* A pattern and a time make a name. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "live/file_name.h"

#define NS_PER_S INT64_C(1000000000)

int64_t file_interval(int64_t now_ns, uint64_t rotate_ns)
{
	int64_t into;

	if (rotate_ns == 0 || rotate_ns > INT64_MAX)
		return 0;
	into = now_ns % (int64_t)rotate_ns;
	return now_ns - (into < 0 ? into + (int64_t)rotate_ns : into);
}

/* strftime() takes %s for local time, so it is put in before. */
static int put_seconds(const char *pattern, int64_t seconds, char *out, size_t size)
{
	size_t n = 0;

	while (*pattern != '\0' && n < size) {
		if (pattern[0] == '%' && pattern[1] == 's') {
			n += (size_t)snprintf(out + n, size - n, "%" PRId64, seconds);
			pattern += 2;
			continue;
		}
		/* Of "%%s" the second % belongs to the first. */
		if (pattern[0] == '%' && pattern[1] != '\0')
			out[n++] = *pattern++;
		if (n < size)
			out[n++] = *pattern++;
	}
	if (n >= size)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

int file_name_expand(const char *pattern, int64_t ns, char *name, size_t size)
{
	const time_t seconds = file_interval(ns, NS_PER_S) / NS_PER_S;
	char text[1024], expanded[1024];
	struct tm tm;
	size_t len;
	int rc;

	if (gmtime_r(&seconds, &tm) == NULL)
		return -EINVAL;
	/* strftime() returns 0 for what is empty and for what is too long; a mark tells them apart.
	 */
	rc = put_seconds(pattern, seconds, text, sizeof(text) - 1);
	if (rc != 0)
		return rc;
	strcat(text, "|");
	len = strftime(expanded, sizeof(expanded), text, &tm);
	if (len == 0 || len > size)
		return -ENAMETOOLONG;
	if (len == 1)
		return -EINVAL;
	memcpy(name, expanded, len - 1);
	name[len - 1] = '\0';
	return 0;
}

int file_name_variant(const char *base, uint32_t n, char *name, size_t size)
{
	const char *slash = strrchr(base, '/');
	const char *file = slash != NULL ? slash + 1 : base;
	const char *dot = strrchr(file, '.');
	int len;

	/* A leading dot hides a file and begins no extension. */
	if (dot == NULL || dot == file)
		dot = base + strlen(base);
	if (n == 0)
		len = snprintf(name, size, "%s", base);
	else
		len = snprintf(name, size, "%.*s-%" PRIu32 "%s", (int)(dot - base), base, n, dot);
	return len >= 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}
