/* SPDX-License-Identifier: BSD-3-Clause */

/* See fuzz.h. */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *condition, const char *file, int line, const char *text)
{
	dprintf(STDERR_FILENO, "%s:%d: expected %s%s%s\n", file, line, condition,
		*text != '\0' ? ": " : "", text);
	abort();
}

static void name(struct fuzz_file *file, int fd)
{
	fuzz_check(fd >= 0);
	file->fd = fd;
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", fd);
}

static void write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(fd, data, size);

		fuzz_check(n > 0);
		data += n;
		size -= (size_t)n;
	}
}

void fuzz_file_open(struct fuzz_file *file, const uint8_t *data, size_t size)
{
	name(file, memfd_create("fuzz", MFD_CLOEXEC));
	write_all(file->fd, data, size);
}

void fuzz_pipe_open(struct fuzz_file *file, const uint8_t *data, size_t size)
{
	int ends[2];

	fuzz_check(size <= FUZZ_PIPE_MAX && pipe(ends) == 0);
	write_all(ends[1], data, size);
	close(ends[1]);
	name(file, ends[0]);
}

void fuzz_file_close(struct fuzz_file *file)
{
	close(file->fd);
}

static void take(struct fuzz_bytes *bytes, void *to, size_t size)
{
	const size_t n = size < bytes->left ? size : bytes->left;

	memset(to, 0, size);
	if (n != 0)
		memcpy(to, bytes->at, n);
	bytes->at += n;
	bytes->left -= n;
}

uint8_t fuzz_take8(struct fuzz_bytes *bytes)
{
	uint8_t value;

	take(bytes, &value, sizeof(value));
	return value;
}

uint16_t fuzz_take16(struct fuzz_bytes *bytes)
{
	uint16_t value;

	take(bytes, &value, sizeof(value));
	return value;
}

uint32_t fuzz_take32(struct fuzz_bytes *bytes)
{
	uint32_t value;

	take(bytes, &value, sizeof(value));
	return value;
}

uint64_t fuzz_take64(struct fuzz_bytes *bytes)
{
	uint64_t value;

	take(bytes, &value, sizeof(value));
	return value;
}

uint64_t fuzz_digest(uint64_t digest, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
	return digest;
}
