/* SPDX-License-Identifier: BSD-3-Clause */

/* A table for people that never wraps. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show_priv.h"
#include "text.h"

#define BLOCK_ROWS 2000
#define GAP 2
#define ELLIPSIS "…"
#define NS_PER_DAY INT64_C(86400000000000)

struct slot {
	size_t width;  /* of the widest cell and the heading */
	bool is_empty; /* all null, or 0 where 0 says nothing happened */
	bool is_null;
	bool is_shown;
	bool was_left_out; /* in some block */
	int64_t first_day, last_day;
};

struct show_table {
	struct show_table_params params;
	struct show_store *store;
	struct show_cell *cells;
	struct slot *slots;
	struct slot *printed; /* as of the last heading; widths of 0 before the first */
	bool has_heading;
};

struct show_table *show_table_create(const struct show_table_params *params, const uint8_t *kept,
				     size_t nb_fields)
{
	struct show_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->params = *params;
	table->store = show_store_create(kept, nb_fields);
	table->cells = calloc(nb_fields + 1, sizeof(*table->cells));
	table->slots = calloc(params->nb_columns + 1, sizeof(*table->slots));
	table->printed = calloc(params->nb_columns + 1, sizeof(*table->printed));
	if (table->store && table->cells && table->slots && table->printed)
		return table;
	show_table_destroy(table);
	return NULL;
}

void show_table_destroy(struct show_table *table)
{
	if (!table)
		return;
	show_store_destroy(table->store);
	free(table->cells);
	free(table->slots);
	free(table->printed);
	free(table);
}

static bool is_right_aligned(const struct show_column *column)
{
	return column->look != SHOW_TEXT && column->look != SHOW_TIME &&
	       column->look != SHOW_TIME_OF_DAY && column->look != SHOW_FRAME &&
	       column->look != SHOW_BOOL;
}

/* A cell as it is printed; the time of day gets its date when the block spans midnight. */
static const char *format_cell(const struct show_table *table, size_t i, char out[SHOW_TEXT_MAX])
{
	const struct show_column *column = &table->params.columns[i];
	const struct slot *slot = &table->slots[i];
	char text[SHOW_TEXT_MAX];
	struct show_cell value;

	if (column->look != SHOW_TIME_OF_DAY || slot->first_day == slot->last_day)
		return show_column_format(column, table->cells, out);
	value = show_column_value(column, table->cells, text);
	if (value.is_null)
		return "-";
	snprintf(out, SHOW_TEXT_MAX, "%s %s", text_date(value.n).s, text_time_of_day(value.n, 3).s);
	return out;
}

/* 0 of these says that nothing happened; stream 0 and port 0 are something. */
static bool zero_is_empty(enum show_look look)
{
	return look == SHOW_COUNT || look == SHOW_BYTES;
}

/* Takes what a cell's value says about its column: empty or not, which days. */
static void note_value(struct slot *slot, const struct show_column *column,
		       const struct show_cell *value)
{
	int64_t day = value->n / NS_PER_DAY;

	if (value->is_null)
		return;
	slot->is_null = false;
	if (value->s || value->n != 0 || !zero_is_empty(column->look))
		slot->is_empty = false;
	if (column->look != SHOW_TIME_OF_DAY)
		return;
	slot->first_day = day < slot->first_day ? day : slot->first_day;
	slot->last_day = day > slot->last_day || slot->last_day == INT64_MIN ? day : slot->last_day;
}

static void note_values(struct show_table *table)
{
	size_t nb = show_store_nb_rows(table->store);
	char text[SHOW_TEXT_MAX];

	for (size_t row = 0; row < nb; row++) {
		show_store_get(table->store, row, table->cells);
		for (size_t i = 0; i < table->params.nb_columns; i++) {
			const struct show_column *column = &table->params.columns[i];
			struct show_cell value = show_column_value(column, table->cells, text);

			note_value(&table->slots[i], column, &value);
		}
	}
}

static void measure(struct show_table *table)
{
	size_t nb = show_store_nb_rows(table->store);
	char text[SHOW_TEXT_MAX];

	for (size_t i = 0; i < table->params.nb_columns; i++) {
		const char *heading = table->params.columns[i].heading;

		table->slots[i].width = text_width(heading, strlen(heading));
		table->slots[i].is_empty = true;
		table->slots[i].is_null = true;
		table->slots[i].first_day = INT64_MAX;
		table->slots[i].last_day = INT64_MIN;
	}
	note_values(table);
	for (size_t row = 0; row < nb; row++) {
		show_store_get(table->store, row, table->cells);
		for (size_t i = 0; i < table->params.nb_columns; i++) {
			const char *cell = format_cell(table, i, text);
			size_t width = text_width(cell, strlen(cell));

			if (width > table->slots[i].width)
				table->slots[i].width = width;
		}
	}
}

static size_t total_width(const struct show_table *table, size_t *nb_shown)
{
	size_t width = 0;

	*nb_shown = 0;
	for (size_t i = 0; i < table->params.nb_columns; i++) {
		if (!table->slots[i].is_shown)
			continue;
		width += table->slots[i].width + (*nb_shown > 0 ? GAP : 0);
		(*nb_shown)++;
	}
	return width;
}

/* Of the shown columns the one least missed: empty ones, then by importance, then the last. */
static size_t least_missed(const struct show_table *table)
{
	size_t found = table->params.nb_columns;

	for (size_t i = 0; i < table->params.nb_columns; i++) {
		const struct slot *slot = &table->slots[i];
		const struct slot *best = &table->slots[found];
		unsigned int keep = table->params.columns[i].keep;

		if (!slot->is_shown)
			continue;
		if (found == table->params.nb_columns ||
		    (table->params.may_hide && slot->is_empty != best->is_empty
			     ? slot->is_empty
			     : keep <= table->params.columns[found].keep))
			found = i;
	}
	return found;
}

/* Leaves columns out until the rest fits; the last one left is cut instead. */
static void fit(struct show_table *table)
{
	size_t limit = table->params.width;
	size_t nb_shown;

	for (size_t i = 0; i < table->params.nb_columns; i++)
		table->slots[i].is_shown = !(table->params.may_hide && table->slots[i].is_null);
	while (limit > 0 && total_width(table, &nb_shown) > limit) {
		struct slot *slot = &table->slots[least_missed(table)];

		if (nb_shown == 1) {
			slot->width = limit;
			break;
		}
		slot->is_shown = false;
		slot->was_left_out = true;
	}
}

/* Prints s in width columns, cut when it is longer; blanks behind the last column are not printed.
 */
static void print_cell(FILE *out, const char *s, size_t width, bool right, bool is_last)
{
	char cut[SHOW_TEXT_MAX];
	size_t len = strlen(s);

	if (text_width(s, len) > width) {
		do {
			len--;
		} while (len > 0 && (((unsigned char)s[len] & 0xc0u) == 0x80u ||
				     text_width(s, len) + 1 > width));
		snprintf(cut, sizeof(cut), "%.*s%s", (int)len, s, ELLIPSIS);
		s = cut;
	}
	if (right)
		text_put_right(out, s, width);
	else
		text_put_left(out, s, is_last ? 0 : width);
}

static size_t last_shown(const struct show_table *table)
{
	size_t last = 0;

	for (size_t i = 0; i < table->params.nb_columns; i++)
		last = table->slots[i].is_shown ? i : last;
	return last;
}

static void print_heading(const struct show_table *table)
{
	FILE *out = table->params.out;
	size_t last = last_shown(table);
	bool is_first = true;

	fputs(text_style(table->params.colour, TEXT_BOLD), out);
	for (size_t i = 0; i < table->params.nb_columns; i++) {
		const struct show_column *column = &table->params.columns[i];

		if (!table->slots[i].is_shown)
			continue;
		text_put_left(out, "", is_first ? 0 : GAP);
		print_cell(out, column->heading, table->slots[i].width, is_right_aligned(column),
			   i == last);
		is_first = false;
	}
	fputs(text_style(table->params.colour, TEXT_NORMAL), out);
	putc('\n', out);
}

static void print_row(const struct show_table *table)
{
	FILE *out = table->params.out;
	size_t last = last_shown(table);
	char text[SHOW_TEXT_MAX];
	bool is_first = true;

	for (size_t i = 0; i < table->params.nb_columns; i++) {
		const struct show_column *column = &table->params.columns[i];

		if (!table->slots[i].is_shown)
			continue;
		text_put_left(out, "", is_first ? 0 : GAP);
		print_cell(out, format_cell(table, i, text), table->slots[i].width,
			   is_right_aligned(column), i == last);
		is_first = false;
	}
	putc('\n', out);
}

/* True when the block at hand fits under the heading last printed, which is then kept. */
static bool keep_layout(struct show_table *table)
{
	for (size_t i = 0; i < table->params.nb_columns; i++) {
		const struct slot *now = &table->slots[i], *before = &table->printed[i];

		if ((before->is_shown && now->width > before->width) ||
		    (now->is_shown && !before->is_shown))
			return false;
	}
	for (size_t i = 0; i < table->params.nb_columns; i++) {
		table->slots[i].width = table->printed[i].width;
		table->slots[i].is_shown = table->printed[i].is_shown;
	}
	return true;
}

static void flush_block(struct show_table *table)
{
	size_t nb = show_store_nb_rows(table->store);

	if (nb == 0)
		return;
	measure(table);
	fit(table);
	if (!table->has_heading || !keep_layout(table)) {
		if (table->has_heading)
			putc('\n', table->params.out);
		print_heading(table);
		memcpy(table->printed, table->slots,
		       table->params.nb_columns * sizeof(*table->slots));
		table->has_heading = true;
	}
	for (size_t row = 0; row < nb; row++) {
		show_store_get(table->store, row, table->cells);
		print_row(table);
	}
	show_store_clear(table->store);
}

int show_table_add(struct show_table *table, const struct show_cell *cells)
{
	int rc = show_store_add(table->store, cells);

	if (rc == 0 && show_store_nb_rows(table->store) == BLOCK_ROWS)
		flush_block(table);
	return rc;
}

static void tell_left_out(const struct show_table *table)
{
	bool is_first = true;

	for (size_t i = 0; i < table->params.nb_columns; i++) {
		if (!table->slots[i].was_left_out)
			continue;
		if (is_first)
			fprintf(stderr,
				"tcpmill: left out to fit %zu columns: ", table->params.width);
		fprintf(stderr, "%s%s", is_first ? "" : ", ", table->params.columns[i].heading);
		is_first = false;
	}
	if (!is_first)
		fputs(" (--columns chooses, --width=0 shows all)\n", stderr);
}

int show_table_finish(struct show_table *table)
{
	int rc;

	flush_block(table);
	rc = fflush(table->params.out) == 0 ? 0 : -errno;
	if (rc == 0)
		tell_left_out(table);
	show_table_destroy(table);
	return rc;
}
