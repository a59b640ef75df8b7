/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_JSON_OUT_H
#define TCPMILL_CLI_JSON_OUT_H

/* Writing JSON: commas are put in by themselves. Nesting up to 16. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *file;
	uint32_t depth;
	bool has_item[16];
};

/*
 * One value in memory, malloc'ed: what put() puts, with name NULL, from its context. NULL when
 * memory is short.
 */
typedef void json_put_fn(struct json_out *json, const void *context);
char *json_make(json_put_fn *put, const void *context);
/* The same of an array of texts [nb]. */
char *json_make_texts(const char *const *texts, size_t nb);

/* name is NULL inside an array and for the outermost value. */
void json_open(struct json_out *json, const char *name, char bracket);
void json_close(struct json_out *json, char bracket);
void json_uint(struct json_out *json, const char *name, uint64_t value);
void json_int(struct json_out *json, const char *name, int64_t value);
/* A number with six digits behind the point. */
void json_real(struct json_out *json, const char *name, double value);
void json_bool(struct json_out *json, const char *name, bool value);
void json_text(struct json_out *json, const char *name, const char *value);

#endif
