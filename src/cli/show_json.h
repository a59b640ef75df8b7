/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_SHOW_JSON_H
#define TCPMILL_CLI_SHOW_JSON_H

/* The JSON in a file's metadata: read for one string, or printed for people. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

bool show_json_is_valid(const char *text);

/*
 * String number index of an array: true when there is one; *nb is the number of
 * items, 0 when text is no array. A string too long for out is cut.
 */
bool show_json_array_string(const char *text, size_t index, char *out, size_t size, size_t *nb);

/* The number under key in the object that is item number index of an array; false: there is none.
 */
bool show_json_array_number(const char *text, size_t index, const char *key, int64_t *n);

/* True if the object says that key is true. */
bool show_json_is_true(const char *text, const char *key);

/* One line a key, nested ones indented; what is not JSON is printed as text. */
void show_json_print(FILE *out, const char *text, int indent);

#endif
