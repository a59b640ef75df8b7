/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

/*
 * What every fuzz target shares. A target is LLVMFuzzerTestOneInput() in a file of its own:
 * libFuzzer calls it with what it thinks of (-Dfuzz=true), main.c with the files of folders.
 *
 * A target says that something cannot be with fuzz_check(); the process then ends as by a crash.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own name; it calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition)                                                                      \
	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__, ""))
/* The same with what is known of it. */
#define fuzz_check_text(condition, text)                                                           \
	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__, (text)))
__attribute__((noreturn)) void fuzz_fail(const char *condition, const char *file, int line,
					 const char *text);

/* A file in memory with these bytes, and its path. */
struct fuzz_file {
	int fd;
	char path[32];
};
void fuzz_file_open(struct fuzz_file *file, const uint8_t *data, size_t size);
/* The same bytes as a pipe whose writer has left; size <= FUZZ_PIPE_MAX. */
#define FUZZ_PIPE_MAX 65536
void fuzz_pipe_open(struct fuzz_file *file, const uint8_t *data, size_t size);
void fuzz_file_close(struct fuzz_file *file);

/* Bytes that are used up from the front; zeros behind the end. */
struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};
uint8_t fuzz_take8(struct fuzz_bytes *bytes);
uint16_t fuzz_take16(struct fuzz_bytes *bytes);
uint32_t fuzz_take32(struct fuzz_bytes *bytes);
uint64_t fuzz_take64(struct fuzz_bytes *bytes);

/* FNV-1a, for comparing what two ways made of the same bytes. */
#define FUZZ_DIGEST_START UINT64_C(0xcbf29ce484222325)
uint64_t fuzz_digest(uint64_t digest, const void *data, size_t size);

#endif
