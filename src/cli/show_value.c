/* SPDX-License-Identifier: BSD-3-Clause */

/* The value of a column in a row, and how people read it. */

#include <string.h>

#include "show_priv.h"
#include "text.h"
#include "tcpmill/arrow.h"

bool show_column_is_text(const struct show_column *column)
{
	return column->look == SHOW_TEXT;
}

/* Adds without passing the ends: these numbers come from a file. */
static int64_t add_saturated(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int64_t combine(enum show_combine how, int64_t a, int64_t b)
{
	switch (how) {
	case SHOW_MAX:
		return a > b ? a : b;
	case SHOW_MIN:
		return a < b ? a : b;
	case SHOW_SUM:
		return add_saturated(a, b);
	case SHOW_FIRST:
	case SHOW_FLOW:
		break;
	}
	return a;
}

static struct text format_end(const struct show_cell *ip, const struct show_cell *port)
{
	char clean[64];

	text_clean(clean, sizeof(clean), ip->is_null ? "-" : ip->s, ip->is_null ? 1 : ip->len);
	return text_endpoint(clean, (uint16_t)(port->is_null ? 0 : port->n));
}

static struct show_cell flow_value(const struct show_column *column, const struct show_cell *cells,
				   char text[SHOW_TEXT_MAX])
{
	struct text src = format_end(&cells[column->fields[0]], &cells[column->fields[1]]);
	struct text dst = format_end(&cells[column->fields[2]], &cells[column->fields[3]]);
	int len = snprintf(text, SHOW_TEXT_MAX, "%s → %s", src.s, dst.s);

	return (struct show_cell){.s = text, .len = (size_t)len};
}

struct show_cell show_column_value(const struct show_column *column, const struct show_cell *cells,
				   char text[SHOW_TEXT_MAX])
{
	struct show_cell value = {.is_null = true};

	if (column->combine == SHOW_FLOW)
		return flow_value(column, cells, text);
	for (size_t i = 0; i < column->nb_fields; i++) {
		const struct show_cell *cell = &cells[column->fields[i]];

		if (cell->is_null)
			continue;
		if (value.is_null)
			value = *cell;
		else
			value.n = combine(column->combine, value.n, cell->n);
	}
	return value;
}

static struct text format_number(enum show_look look, int64_t n)
{
	struct text t;

	switch (look) {
	case SHOW_COUNT:
		return text_count(n);
	case SHOW_BYTES:
		return n < 0 ? text_count(n) : text_bytes((uint64_t)n);
	case SHOW_DURATION:
		return text_duration(n);
	case SHOW_TIME:
		return text_time(n);
	case SHOW_TIME_OF_DAY:
		return text_time_of_day(n, 3);
	case SHOW_FRAME:
		snprintf(t.s, sizeof(t.s), "frame %.40s", text_count(n).s);
		return t;
	case SHOW_BOOL:
		return (struct text){"no"};
	case SHOW_PLAIN:
	case SHOW_TEXT:
		break;
	}
	snprintf(t.s, sizeof(t.s), "%lld", (long long)n);
	return t;
}

const char *show_column_format(const struct show_column *column, const struct show_cell *cells,
			       char out[SHOW_TEXT_MAX])
{
	char composed[SHOW_TEXT_MAX];
	struct show_cell value = show_column_value(column, cells, composed);

	if (value.is_null)
		return "-";
	if (value.s) {
		text_clean(out, SHOW_TEXT_MAX, value.s, value.len);
		return out;
	}
	if (column->look == SHOW_BOOL)
		return value.n ? "yes" : "no";
	snprintf(out, SHOW_TEXT_MAX, "%s", format_number(column->look, value.n).s);
	return out;
}

bool show_is_live(const struct arrow_reader *reader)
{
	size_t nb;
	const struct arrow_kv *metadata = arrow_reader_metadata(reader, &nb);

	for (size_t i = 0; i < nb; i++) {
		if (strcmp(metadata[i].key, "capture") == 0)
			return true;
	}
	return false;
}

const struct show_cell *show_cell_find(const struct arrow_reader *reader,
				       const struct show_cell *cells, const char *name)
{
	int field = arrow_reader_find(reader, name);

	return field < 0 || cells[field].is_null ? NULL : &cells[field];
}
