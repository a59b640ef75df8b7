/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64

bool report_init(struct report *report, const char *command)
{
	memset(report, 0, sizeof(*report));
	report->command = command;
	report->rows = calloc(REPORT_MAX_ROWS, sizeof(*report->rows));
	return report->rows != NULL;
}

void report_fini(struct report *report)
{
	free(report->rows);
	report->rows = NULL;
}

/* Room for one more, which the program's own tables cannot exceed. */
static struct report_cell *take(struct report_cell *cells, uint32_t *nb, uint32_t max)
{
	if (*nb == max)
		abort();
	return &cells[(*nb)++];
}

static struct report_cell *take_fact(struct report *report)
{
	return take(report->facts, &report->nb_facts, REPORT_MAX_FACTS);
}

static struct report_cell *take_cell(struct report *report)
{
	struct report_row *row = &report->rows[report->nb_rows - 1];

	assert(report->nb_rows != 0);
	return take(row->cells, &row->nb, REPORT_MAX_CELLS);
}

void report_fact_text(struct report *report, const char *key, const char *title, const char *text)
{
	*take_fact(report) = (struct report_cell){
		.key = key, .title = title, .text = text, .number = (double)NAN};
}

void report_fact(struct report *report, const char *key, const char *title, double number,
		 int decimals)
{
	*take_fact(report) = (struct report_cell){
		.key = key, .title = title, .number = number, .decimals = decimals};
}

void report_row(struct report *report)
{
	if (report->nb_rows == REPORT_MAX_ROWS)
		abort();
	report->nb_rows++;
}

void report_text(struct report *report, const char *key, const char *title, const char *text)
{
	*take_cell(report) = (struct report_cell){
		.key = key, .title = title, .text = text, .number = (double)NAN};
}

void report_number(struct report *report, const char *key, const char *title, double number,
		   int decimals)
{
	*take_cell(report) = (struct report_cell){
		.key = key, .title = title, .number = number, .decimals = decimals};
}

/* ---- JSON --------------------------------------------------------------- */

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void put_json_cell(FILE *out, const struct report_cell *cell)
{
	put_string(out, cell->key);
	fputs(": ", out);
	if (cell->text != NULL)
		put_string(out, cell->text);
	else if (isfinite(cell->number))
		fprintf(out, "%.*f", cell->decimals, cell->number);
	else
		fputs("null", out);
}

static void print_json(const struct report *report, FILE *out)
{
	fputs("{\"command\": ", out);
	put_string(out, report->command);
	for (uint32_t i = 0; i < report->nb_facts; i++) {
		fputs(", ", out);
		put_json_cell(out, &report->facts[i]);
	}
	fputs(", \"rows\": [", out);
	for (uint32_t r = 0; r < report->nb_rows; r++) {
		fputs(r == 0 ? "{" : ", {", out);
		for (uint32_t i = 0; i < report->rows[r].nb; i++) {
			if (i != 0)
				fputs(", ", out);
			put_json_cell(out, &report->rows[r].cells[i]);
		}
		fputc('}', out);
	}
	fputs("]}\n", out);
}

/* ---- for people ---------------------------------------------------------- */

/* "12,345,678"; "-" for what is not known. */
static const char *people(const struct report_cell *cell, char text[NUMBER_MAX])
{
	char plain[NUMBER_MAX];
	size_t len, digits, to = 0;

	if (cell->text != NULL)
		return cell->text;
	if (!isfinite(cell->number))
		return "-";
	snprintf(plain, sizeof(plain) / 2, "%.*f", cell->decimals, cell->number);
	len = strlen(plain);
	digits = strspn(plain, "0123456789");
	for (size_t i = 0; i < len && to < NUMBER_MAX - 2; i++) {
		if (i != 0 && i < digits && (digits - i) % 3 == 0)
			text[to++] = ',';
		text[to++] = plain[i];
	}
	text[to] = '\0';
	return text;
}

static void print_facts(const struct report *report, FILE *out)
{
	char text[NUMBER_MAX];

	for (uint32_t i = 0; i < report->nb_facts; i++) {
		const struct report_cell *fact = &report->facts[i];

		if (fact->title != NULL)
			fprintf(out, "%-18s %s\n", fact->title, people(fact, text));
	}
}

static size_t column_width(const struct report *report, uint32_t column)
{
	char text[NUMBER_MAX];
	size_t width = strlen(report->rows[0].cells[column].title);

	for (uint32_t r = 0; r < report->nb_rows; r++) {
		const size_t len = strlen(people(&report->rows[r].cells[column], text));

		width = len > width ? len : width;
	}
	return width;
}

static void print_people(const struct report *report, FILE *out)
{
	size_t width[REPORT_MAX_CELLS] = {0};
	char text[NUMBER_MAX];

	print_facts(report, out);
	if (report->nb_rows == 0)
		return;
	if (report->nb_facts != 0)
		fputc('\n', out);
	for (uint32_t i = 0; i < report->rows[0].nb; i++) {
		const struct report_cell *cell = &report->rows[0].cells[i];

		if (cell->title == NULL)
			continue;
		width[i] = column_width(report, i);
		fprintf(out, cell->text != NULL ? "%-*s  " : "%*s  ", (int)width[i], cell->title);
	}
	fputc('\n', out);
	for (uint32_t r = 0; r < report->nb_rows; r++) {
		for (uint32_t i = 0; i < report->rows[r].nb; i++) {
			const struct report_cell *cell = &report->rows[r].cells[i];

			if (cell->title != NULL)
				fprintf(out, cell->text != NULL ? "%-*s  " : "%*s  ", (int)width[i],
					people(cell, text));
		}
		fputc('\n', out);
	}
}

int report_print(const struct report *report, bool json, FILE *out)
{
	if (json)
		print_json(report, out);
	else
		print_people(report, out);
	if (fflush(out) != 0 || ferror(out)) {
		fputs("tcpmill-bench: the report cannot be written\n", stderr);
		return 1;
	}
	return 0;
}
