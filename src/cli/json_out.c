/* SPDX-License-Identifier: BSD-3-Clause */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "json_out.h"
#include "text.h"

static void put_string(FILE *file, const char *s)
{
	fputc('"', file);
	while (*s != '\0') {
		uint32_t code;
		const size_t left = (size_t)(__builtin_strlen(s));
		const size_t n = text_decode(s, left < 4 ? left : 4, &code);

		if (n == 0) { /* a path may hold any byte: JSON may not */
			fputs("\\ufffd", file);
			s++;
			continue;
		}
		if (code == '"' || code == '\\')
			fprintf(file, "\\%c", (int)code);
		else if (code < 0x20)
			fprintf(file, "\\u%04" PRIx32, code);
		else
			fwrite(s, 1, n, file);
		s += n;
	}
	fputc('"', file);
}

static void begin(struct json_out *json, const char *name)
{
	if (json->has_item[json->depth])
		fputs(", ", json->file);
	json->has_item[json->depth] = true;
	if (name != NULL) {
		put_string(json->file, name);
		fputs(": ", json->file);
	}
}

void json_open(struct json_out *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->file);
	json->depth++;
	json->has_item[json->depth] = false;
}

void json_close(struct json_out *json, char bracket)
{
	fputc(bracket, json->file);
	json->depth--;
}

void json_uint(struct json_out *json, const char *name, uint64_t value)
{
	begin(json, name);
	fprintf(json->file, "%" PRIu64, value);
}

void json_int(struct json_out *json, const char *name, int64_t value)
{
	begin(json, name);
	fprintf(json->file, "%" PRId64, value);
}

void json_real(struct json_out *json, const char *name, double value)
{
	begin(json, name);
	fprintf(json->file, "%.6f", value);
}

void json_bool(struct json_out *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->file);
}

void json_text(struct json_out *json, const char *name, const char *value)
{
	begin(json, name);
	put_string(json->file, value);
}

/* open_memstream() does not tell when it runs out of memory in the middle. */
struct memory {
	char *text;
	size_t len, size;
};

static ssize_t append(void *cookie, const char *data, size_t len)
{
	struct memory *memory = cookie;

	if (memory->len + len + 1 > memory->size) {
		const size_t size = 2 * (memory->len + len + 1);
		char *text = realloc(memory->text, size);

		if (text == NULL)
			return 0;
		memory->text = text;
		memory->size = size;
	}
	memcpy(memory->text + memory->len, data, len);
	memory->len += len;
	memory->text[memory->len] = '\0';
	return (ssize_t)len;
}

char *json_make(json_put_fn *put, const void *context)
{
	const cookie_io_functions_t functions = {.write = append};
	struct memory memory = {.text = NULL};
	struct json_out json = {.file = fopencookie(&memory, "w", functions)};
	bool failed;

	if (json.file == NULL)
		return NULL;
	put(&json, context);
	failed = fflush(json.file) != 0 || ferror(json.file) != 0;
	if (fclose(json.file) == 0 && !failed)
		return memory.text;
	free(memory.text);
	return NULL;
}

struct texts {
	const char *const *items;
	size_t nb;
};

static void put_texts(struct json_out *json, const void *context)
{
	const struct texts *texts = context;

	json_open(json, NULL, '[');
	for (size_t i = 0; i < texts->nb; i++)
		json_text(json, NULL, texts->items[i]);
	json_close(json, ']');
}

char *json_make_texts(const char *const *texts, size_t nb)
{
	const struct texts context = {texts, nb};

	return json_make(put_texts, &context);
}
