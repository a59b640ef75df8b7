/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * As much JSON as the metadata of a file needs: it is checked once, then
 * printed as lines for people. The text comes from a file and is not trusted.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show_json.h"
#include "text.h"

#define DEPTH_MAX 16
#define KEY_WIDTH 30
#define NUMBER_WIDTH 18

static void skip_blanks(const char **p)
{
	*p += strspn(*p, " \t\r\n");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_hex4(const char *p, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return false;
		*code = *code << 4 | (uint32_t)digit;
	}
	return true;
}

/* The code point of the \uXXXX (or pair of them) at *p, which stands behind the 'u'. */
static bool read_unicode(const char **p, uint32_t *code)
{
	uint32_t low;

	if (!read_hex4(*p, code))
		return false;
	*p += 4;
	if (*code >= 0xd800 && *code < 0xdc00 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
	    read_hex4(*p + 2, &low) && low >= 0xdc00 && low < 0xe000) {
		*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
		*p += 6;
	}
	/* A NUL would end the C string early; lone surrogates are no characters. */
	if (*code == 0 || (*code >= 0xd800 && *code < 0xe000))
		*code = 0xfffd;
	return true;
}

static size_t utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Reads one escape behind the backslash at *p into out; the bytes written, 0 when it is none. */
static size_t read_escape(const char **p, char out[4])
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	uint32_t code;
	const char *found;

	if (**p == 'u') {
		(*p)++;
		return read_unicode(p, &code) ? utf8_encode(code, out) : 0;
	}
	found = **p == '\0' ? NULL : strchr(letters, **p);
	if (!found)
		return 0;
	(*p)++;
	out[0] = meanings[found - letters];
	return 1;
}

/* A string at *p, decoded into out as far as it fits. */
static bool read_string(const char **p, char *out, size_t size)
{
	size_t used = 0;

	if (**p != '"')
		return false;
	for ((*p)++; **p != '"';) {
		char bytes[4] = {**p};
		size_t nb = 1;

		if ((unsigned char)**p < 0x20)
			return false; /* NUL, the end of the text, too */
		(*p)++;
		if (bytes[0] == '\\')
			nb = read_escape(p, bytes);
		if (nb == 0)
			return false;
		if (used + nb < size) {
			memcpy(out + used, bytes, nb);
			used += nb;
		} else {
			size = 0; /* what follows must not fill a gap */
		}
	}
	(*p)++;
	out[used] = '\0';
	return true;
}

/* Steps over one value; false when it is not JSON. */
static bool skip_value(const char **p, unsigned int depth);

/* Steps over what is between the brackets of an array or object. */
static bool skip_items(const char **p, char end, unsigned int depth)
{
	char key[4];

	if (depth >= DEPTH_MAX)
		return false;
	(*p)++;
	skip_blanks(p);
	if (**p == end) {
		(*p)++;
		return true;
	}
	for (;;) {
		if (end == '}') {
			skip_blanks(p);
			if (!read_string(p, key, sizeof(key)))
				return false;
			skip_blanks(p);
			if (**p != ':')
				return false;
			(*p)++;
		}
		if (!skip_value(p, depth + 1))
			return false;
		skip_blanks(p);
		if (**p == end) {
			(*p)++;
			return true;
		}
		if (**p != ',')
			return false;
		(*p)++;
	}
}

static bool skip_value(const char **p, unsigned int depth)
{
	char text[4];
	size_t len;

	skip_blanks(p);
	if (**p == '{')
		return skip_items(p, '}', depth);
	if (**p == '[')
		return skip_items(p, ']', depth);
	if (**p == '"')
		return read_string(p, text, sizeof(text));
	/* Numbers and words are shown as they are: enough to know where they end. */
	len = strspn(*p, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
	*p += len;
	return len > 0;
}

bool show_json_is_valid(const char *text)
{
	if (!skip_value(&text, 0))
		return false;
	skip_blanks(&text);
	return *text == '\0';
}

bool show_json_array_string(const char *text, size_t index, char *out, size_t size, size_t *nb)
{
	bool found = false;
	const char *p = text;

	*nb = 0;
	if (!show_json_is_valid(text))
		return false;
	skip_blanks(&p);
	if (*p != '[')
		return false;
	p++;
	skip_blanks(&p);
	while (*p != ']' && *p != '\0') {
		const char *item = p;

		if (*nb == index)
			found = read_string(&item, out, size);
		if (!skip_value(&p, 1))
			return false;
		(*nb)++;
		skip_blanks(&p);
		if (*p == ',')
			p++;
		skip_blanks(&p);
	}
	return found;
}

/* The value under key of the object at p, or NULL. All of it is JSON. */
static const char *find_key(const char *p, const char *key)
{
	char name[64];

	skip_blanks(&p);
	if (*p != '{')
		return NULL;
	p++;
	skip_blanks(&p);
	while (*p == '"' && read_string(&p, name, sizeof(name))) {
		skip_blanks(&p);
		p++; /* the colon */
		skip_blanks(&p);
		if (strcmp(name, key) == 0)
			return p;
		if (!skip_value(&p, 1))
			return NULL;
		skip_blanks(&p);
		if (*p == ',')
			p++;
		skip_blanks(&p);
	}
	return NULL;
}

bool show_json_array_number(const char *text, size_t index, const char *key, int64_t *n)
{
	const char *p = text, *value;
	char *end;

	if (!show_json_is_valid(text))
		return false;
	skip_blanks(&p);
	if (*p != '[')
		return false;
	p++;
	for (; index > 0 && skip_value(&p, 1); index--) {
		skip_blanks(&p);
		if (*p != ',')
			return false;
		p++;
	}
	value = find_key(p, key);
	if (value == NULL)
		return false;
	errno = 0;
	*n = strtoll(value, &end, 10);
	return end != value && errno == 0;
}

bool show_json_is_true(const char *text, const char *key)
{
	const char *value = show_json_is_valid(text) ? find_key(text, key) : NULL;

	return value != NULL && strncmp(value, "true", 4) == 0;
}

/* A time stamp: ns since the epoch under one of the names that we give them. */
static bool print_time(FILE *out, const char **p, const char *key)
{
	char *end;
	int64_t ns;

	if (strcmp(key, "from_ns") != 0 && strcmp(key, "to_ns") != 0)
		return false;
	errno = 0;
	ns = strtoll(*p, &end, 10);
	if (end == *p || errno != 0 || strspn(end, ",}] \t\r\n") == 0)
		return false;
	*p = end;
	fprintf(out, "%s UTC", text_time(ns).s);
	return true;
}

/* A string, number or word; p stands on it. */
static void print_scalar(FILE *out, const char **p, bool aligned)
{
	const char *start = *p;
	char raw[1024], clean[1024];
	size_t digits;

	if (**p == '"') {
		read_string(p, raw, sizeof(raw));
		text_clean(clean, sizeof(clean), raw, strlen(raw));
		fputs(clean, out);
		return;
	}
	skip_value(p, DEPTH_MAX);
	digits = strspn(start, "0123456789");
	if (digits > 0 && digits <= 18 && start + digits == *p) {
		int64_t n = 0;

		for (size_t i = 0; i < digits; i++)
			n = n * 10 + (start[i] - '0');
		text_put_right(out, text_count(n).s, aligned ? NUMBER_WIDTH : 0);
	} else {
		text_clean(clean, sizeof(clean), start, (size_t)(*p - start));
		text_put_right(out, clean, aligned ? NUMBER_WIDTH : 0);
	}
}

static void print_value(FILE *out, const char **p, int indent);

/* Steps over a comma to the next item; false at the closing bracket, which is stepped over too. */
static bool next_item(const char **p, char end)
{
	skip_blanks(p);
	if (**p == ',')
		(*p)++;
	skip_blanks(p);
	if (**p != end && **p != '\0')
		return true;
	if (**p == end)
		(*p)++;
	return false;
}

static void print_object(FILE *out, const char **p, int indent)
{
	for ((*p)++; next_item(p, '}');) {
		char raw[128], key[128];

		read_string(p, raw, sizeof(raw));
		text_clean(key, sizeof(key), raw, strlen(raw));
		skip_blanks(p);
		(*p)++; /* the colon */
		skip_blanks(p);
		fprintf(out, "%*s", indent, "");
		if (**p == '{' || **p == '[') {
			fprintf(out, "%s\n", key);
			print_value(out, p, indent + 2);
		} else {
			text_put_left(out, key, (size_t)(KEY_WIDTH - indent));
			putc(' ', out);
			if (!print_time(out, p, raw))
				print_scalar(out, p, true);
			putc('\n', out);
		}
	}
}

static void print_array(FILE *out, const char **p, int indent)
{
	bool first = true;

	for ((*p)++; next_item(p, ']'); first = false) {
		if (**p == '{' && !first)
			putc('\n', out);
		print_value(out, p, indent);
	}
	if (first)
		fprintf(out, "%*snone\n", indent, "");
}

static void print_value(FILE *out, const char **p, int indent)
{
	skip_blanks(p);
	if (indent > KEY_WIDTH - 2)
		indent = KEY_WIDTH - 2;
	if (**p == '{') {
		print_object(out, p, indent);
	} else if (**p == '[') {
		print_array(out, p, indent);
	} else {
		fprintf(out, "%*s", indent, "");
		print_scalar(out, p, false);
		putc('\n', out);
	}
}

void show_json_print(FILE *out, const char *text, int indent)
{
	char clean[1024];

	if (show_json_is_valid(text)) {
		print_value(out, &text, indent);
		return;
	}
	text_clean(clean, sizeof(clean), text, strlen(text));
	fprintf(out, "%*s%s\n", indent, "", clean);
}
