/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows for programs: raw values, null as null. */

#include <string.h>

#include "show_priv.h"
#include "text.h"

/* Printed as it is inside of a JSON string. */
static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* As it is, but for U+FFFD in place of each broken byte: JSON is valid UTF-8. */
static void put_json_string(FILE *out, const char *s, size_t len)
{
	putc('"', out);
	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t nb = 0;

		while (i + nb < len && is_plain(s[i + nb]))
			nb++;
		if (nb > 0) {
			fwrite(s + i, 1, nb, out);
			i += nb;
			continue;
		}
		nb = text_decode(s + i, len - i, &code);
		if (nb == 0)
			fputs("\xef\xbf\xbd", out);
		else if (code < 0x20 || code == 0x7f)
			fprintf(out, "\\u%04x", (unsigned int)code);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else
			fwrite(s + i, 1, nb, out);
		i += nb == 0 ? 1 : nb;
	}
	putc('"', out);
}

/* "%lld" by hand: most of what is printed is numbers. */
static void put_number(FILE *out, int64_t n)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		digits[--at] = '-';
	fwrite(digits + at, 1, sizeof(digits) - at, out);
}

/* RFC 4180: quoted when it must be; an empty text is quoted to tell it from null. */
static void put_csv_string(FILE *out, const char *s, size_t len)
{
	bool plain = len > 0;

	for (size_t i = 0; i < len && plain; i++)
		plain = s[i] != ',' && s[i] != '"' && s[i] != '\n' && s[i] != '\r';
	if (plain) {
		fwrite(s, 1, len, out);
		return;
	}
	putc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			putc('"', out);
		putc(s[i], out);
	}
	putc('"', out);
}

static void put_tsv_string(FILE *out, const char *s, size_t len)
{
	static const char special[] = "\t\n\r\\";
	static const char letters[] = "tnr\\";

	for (size_t i = 0; i < len; i++) {
		const char *found = s[i] == '\0' ? NULL : strchr(special, s[i]);

		if (found) {
			putc('\\', out);
			putc(letters[found - special], out);
		} else {
			putc(s[i], out);
		}
	}
}

static void put_string(FILE *out, enum show_format format, const char *s, size_t len)
{
	if (format == SHOW_FORMAT_JSON)
		put_json_string(out, s, len);
	else if (format == SHOW_FORMAT_CSV)
		put_csv_string(out, s, len);
	else
		put_tsv_string(out, s, len);
}

static void put_value(FILE *out, enum show_format format, const struct show_column *column,
		      const struct show_cell *value)
{
	if (value->is_null) {
		fputs(format == SHOW_FORMAT_JSON ? "null" : "", out);
	} else if (value->s) {
		put_string(out, format, value->s, value->len);
	} else if (column->look == SHOW_BOOL) {
		fputs(value->n ? "true" : "false", out);
	} else if (column->look == SHOW_TIME || column->look == SHOW_TIME_OF_DAY) {
		const char *quote = format == SHOW_FORMAT_JSON ? "\"" : "";

		fprintf(out, "%s%s%s", quote, text_time_iso(value->n).s, quote);
	} else {
		put_number(out, value->n);
	}
}

void show_machine_print_heading(FILE *out, enum show_format format,
				const struct show_column *columns, size_t nb)
{
	if (format == SHOW_FORMAT_JSON)
		return;
	for (size_t i = 0; i < nb; i++) {
		if (i > 0)
			putc(format == SHOW_FORMAT_CSV ? ',' : '\t', out);
		put_string(out, format, columns[i].name, strlen(columns[i].name));
	}
	putc('\n', out);
}

void show_machine_print_row(FILE *out, enum show_format format, const struct show_column *columns,
			    size_t nb, const struct show_cell *cells)
{
	char text[SHOW_TEXT_MAX];

	if (format == SHOW_FORMAT_JSON)
		putc('{', out);
	for (size_t i = 0; i < nb; i++) {
		struct show_cell value = show_column_value(&columns[i], cells, text);

		if (i > 0)
			putc(format == SHOW_FORMAT_TSV ? '\t' : ',', out);
		if (format == SHOW_FORMAT_JSON) {
			put_json_string(out, columns[i].name, strlen(columns[i].name));
			putc(':', out);
		}
		put_value(out, format, &columns[i], &value);
	}
	fputs(format == SHOW_FORMAT_JSON ? "}\n" : "\n", out);
}
