/* SPDX-License-Identifier: BSD-3-Clause */

/* Every column of one flow that is not null, both sides in one line. */

#include <string.h>

#include "show_flow_priv.h"
#include "tcpmill/arrow.h"
#include "text.h"

/* The help of a column with its unit, cut to what is left of the line. */
static void print_help(const struct show_view *v, const struct arrow_field *field, bool is_pair,
		       size_t used)
{
	const char *help = show_field_metadata(field, "help");
	char text[SHOW_TEXT_MAX];
	size_t len;

	if (!help)
		return;
	/* "orig: packets with FIN" is said of both sides. */
	if (is_pair && strncmp(help, "orig: ", 6) == 0)
		help += 6;
	len = text_clean(text, sizeof(text), help, strlen(help));
	if (v->width > 0 && used + text_width(text, len) > v->width) {
		while (len > 0 && (used + text_width(text, len) + 1 > v->width ||
				   ((unsigned char)text[len] & 0xc0u) == 0x80u))
			len--;
		snprintf(text + len, sizeof(text) - len, "…");
	}
	fputs(text, v->out);
}

static bool is_isn(const char *name)
{
	return strcmp(name, "o_isn") == 0 || strcmp(name, "r_isn") == 0;
}

static void format_value(const struct show_view *v, size_t field, char out[SHOW_TEXT_MAX])
{
	struct show_column column;
	char text[SHOW_TEXT_MAX];
	const char *s;

	show_column_from_field(v->reader, field, &column);
	s = show_column_format(&column, v->cells, text);
	if (is_isn(column.name) && !v->cells[field].is_null)
		snprintf(out, SHOW_TEXT_MAX, "%.64s (relative 0)", s);
	else
		snprintf(out, SHOW_TEXT_MAX, "%s", s);
}

/* The field of the other side, r_x for o_x; -1 when the field is not one of a pair. */
static int partner(const struct show_view *v, const char *name, const char *mine, const char *other)
{
	char full[80];

	if (strncmp(name, mine, 2) != 0 ||
	    snprintf(full, sizeof(full), "%s%s", other, name + 2) >= (int)sizeof(full))
		return -1;
	return arrow_reader_find(v->reader, full);
}

/* Durations and times are written with their units. */
static const char *unit_of(const struct arrow_field *field, char out[SHOW_TEXT_MAX])
{
	const char *unit = show_field_metadata(field, "unit");

	if (!unit || strcmp(unit, "ns") == 0)
		unit = "";
	text_clean(out, SHOW_TEXT_MAX, unit, strlen(unit));
	return out;
}

#define NAME_WIDTH 25
#define VALUE_WIDTH 15 /* of one side; a value of the whole flow has the room of both */
#define UNIT_WIDTH 9

/* other is the r_ to an o_, or -1. */
static void print_column(const struct show_view *v, size_t field, int other)
{
	const struct arrow_field *f = arrow_reader_field(v->reader, field);
	size_t used = 2 + NAME_WIDTH + 2 * VALUE_WIDTH + UNIT_WIDTH;
	char text[SHOW_TEXT_MAX];
	size_t width;

	text_clean(text, sizeof(text), f->name, strlen(f->name));
	fputs("  ", v->out);
	text_put_left(v->out, text + (other >= 0 ? 2 : 0), NAME_WIDTH);
	format_value(v, field, text);
	if (other >= 0) {
		text_put_left(v->out, text, VALUE_WIDTH);
		format_value(v, (size_t)other, text);
		text_put_left(v->out, text, VALUE_WIDTH);
	} else {
		width = text_width(text, strlen(text));
		text_put_left(v->out, text, 2 * VALUE_WIDTH);
		/* A long history pushes its help out of the way. */
		used += width >= 2 * VALUE_WIDTH ? width - 2 * VALUE_WIDTH + 1 : 0;
		if (width >= 2 * VALUE_WIDTH)
			putc(' ', v->out);
	}
	text_put_left(v->out, unit_of(f, text), UNIT_WIDTH);
	if (v->width == 0 || used + 10 < v->width)
		print_help(v, f, other >= 0, used);
	putc('\n', v->out);
}

void show_view_print_columns(const struct show_view *v)
{
	text_put_left(v->out, "\nColumns", 3 + NAME_WIDTH);
	text_put_left(v->out, "o_ (A)", VALUE_WIDTH);
	fputs("r_ (B)\n", v->out);
	for (size_t i = 0; i < arrow_reader_nb_fields(v->reader); i++) {
		const char *name = arrow_reader_field(v->reader, i)->name;
		int other = is_isn(name) ? -1 : partner(v, name, "o_", "r_");

		/* The r_ half was printed with its o_. */
		if (!is_isn(name) && partner(v, name, "r_", "o_") >= 0)
			continue;
		if (!v->cells[i].is_null || (other >= 0 && !v->cells[other].is_null))
			print_column(v, i, other);
	}
}
