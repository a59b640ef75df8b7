/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_SMALL_TABLE_H
#define TESTS_FUZZ_SMALL_TABLE_H

/*
 * A flow table of a few columns and rows, with a value of every kind, nulls, both ends of
 * numbers: small enough that a change of any byte of it is soon tried.
 */

#include <stdbool.h>

#include "fuzz.h"

/* Writes it to path; "-" is a stream on stdout. False when that cannot be. */
bool small_table_write(const char *path);
/* As a stream in a pipe. */
void small_table_open(struct fuzz_file *file);

#endif
