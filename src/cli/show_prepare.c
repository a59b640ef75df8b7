/* SPDX-License-Identifier: BSD-3-Clause */

/* The request meets the file: names become columns, and who reads which field is settled. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "show_run_priv.h"
#include "tcpmill/arrow.h"

#define DEFAULT_COLUMNS_MAX 64

static int out_of_memory(void)
{
	fprintf(stderr, "tcpmill: out of memory\n");
	return EXIT_FAILED;
}

static int unknown_column(const struct show_run *run, const char *option, const char *name)
{
	char near[SHOW_TEXT_MAX];

	show_column_suggest(run->reader, name, near, sizeof(near));
	return options_usage_error(run->request->command, "%s: there is no column '%s'%s", option,
				   name, near);
}

/* Names with commas between become columns. OPTIONS_GO_ON or the exit status. */
static int parse_columns(const struct show_run *run, const char *option, const char *list,
			 struct show_column *columns, size_t max, size_t *nb)
{
	char name[SHOW_WORD_MAX];

	for (*nb = 0;; list++) {
		size_t len = strcspn(list, ",");

		snprintf(name, sizeof(name), "%.*s",
			 len < sizeof(name) ? (int)len : (int)sizeof(name) - 1, list);
		if (*nb == max)
			return options_usage_error(run->request->command,
						   "%s: more than %zu columns", option, max);
		if (!show_column_find(run->reader, name, &columns[*nb]))
			return unknown_column(run, option, name);
		(*nb)++;
		list += len;
		if (*list == '\0')
			return OPTIONS_GO_ON;
	}
}

static int set_all_columns(struct show_run *run)
{
	run->nb_columns = arrow_reader_nb_fields(run->reader);
	run->columns = calloc(run->nb_columns + 1, sizeof(*run->columns));
	if (!run->columns)
		return out_of_memory();
	for (size_t i = 0; i < run->nb_columns; i++)
		show_column_from_field(run->reader, i, &run->columns[i]);
	return OPTIONS_GO_ON;
}

static int set_columns(struct show_run *run)
{
	const struct show_request *request = run->request;
	size_t max = DEFAULT_COLUMNS_MAX;

	if (request->columns ? strcmp(request->columns, "all") == 0
			     : request->format != SHOW_FORMAT_TABLE)
		return set_all_columns(run);
	for (const char *c = request->columns; c && *c != '\0'; c++)
		max += *c == ',' ? 1 : 0;
	run->columns = calloc(max, sizeof(*run->columns));
	if (!run->columns)
		return out_of_memory();
	if (request->columns)
		return parse_columns(run, "--columns", request->columns, run->columns, max,
				     &run->nb_columns);
	/* One place stays free for what is sorted by. */
	run->nb_columns = show_column_defaults(run->reader, run->columns, max - 1);
	run->are_default_columns = true;
	return OPTIONS_GO_ON;
}

static bool shows_field(const struct show_column *column, uint32_t field)
{
	for (size_t i = 0; i < column->nb_fields; i++) {
		if (column->fields[i] == field)
			return true;
	}
	return false;
}

/* Sorted by a column that is not to be seen, a table would look unsorted: shows it. */
static void show_sort_column(struct show_run *run, const struct show_column *sort)
{
	size_t at = 0;

	for (size_t i = 0; i < run->nb_columns; i++) {
		size_t f = 0;

		while (f < sort->nb_fields && shows_field(&run->columns[i], sort->fields[f]))
			f++;
		if (f == sort->nb_fields)
			return;
		if (run->columns[i].combine == SHOW_FLOW)
			at = i + 1;
	}
	memmove(&run->columns[at + 1], &run->columns[at],
		(run->nb_columns - at) * sizeof(*run->columns));
	run->columns[at] = *sort;
	run->columns[at].keep = 11;
	run->nb_columns++;
}

static int set_sort(struct show_run *run, struct show_sort_params *params)
{
	const struct show_request *request = run->request;

	if (!show_column_find(run->reader, request->sort, &params->column))
		return unknown_column(run, "--sort", request->sort);
	params->top = request->top;
	params->descending =
		request->sort_sign == '-' ||
		(request->sort_sign == 0 && params->column.look != SHOW_TEXT &&
		 params->column.look != SHOW_TIME && params->column.look != SHOW_TIME_OF_DAY);
	if (run->are_default_columns)
		show_sort_column(run, &params->column);
	return OPTIONS_GO_ON;
}

static int set_totals(struct show_run *run)
{
	const struct show_request *request = run->request;
	struct show_column by[SHOW_TOTALS_BY_MAX];
	size_t nb;
	int status = parse_columns(run, "--by", request->by, by, SHOW_TOTALS_BY_MAX, &nb);

	if (status != OPTIONS_GO_ON)
		return status;
	run->totals = show_totals_create(run->reader, by, nb);
	if (!run->totals)
		return out_of_memory();
	if (request->sort &&
	    !show_totals_order(run->totals, request->sort, request->sort_sign != '+'))
		return options_usage_error(
			request->command,
			"--sort '%s': totals are sorted by flows (or events), packets, "
			"bytes or anomalies, as far as the file has them",
			request->sort);
	return OPTIONS_GO_ON;
}

static int bind_conditions(struct show_run *run, bool *filtered)
{
	char error[2 * SHOW_TEXT_MAX];

	for (size_t i = 0; i < run->request->nb_conditions; i++) {
		struct show_condition *condition = &run->request->conditions[i];

		if (!show_condition_bind(condition, run->reader, error, sizeof(error)))
			return options_usage_error(run->request->command, "%s", error);
		for (size_t s = 0; s < condition->nb_sides; s++) {
			for (size_t f = 0; f < condition->sides[s].nb_fields; f++)
				filtered[condition->sides[s].fields[f]] = true;
		}
	}
	return OPTIONS_GO_ON;
}

static void mark_column(const struct show_column *column, bool *needed)
{
	for (size_t i = 0; i < column->nb_fields; i++)
		needed[column->fields[i]] = true;
}

/* What the printer reads of each row. */
static void mark_needed(struct show_run *run)
{
	const struct show_request *request = run->request;
	bool is_table = request->format == SHOW_FORMAT_TABLE;

	if (run->totals) {
		show_totals_mark(run->totals, run->needed);
		return;
	}
	if (request->wireshark || is_table)
		show_wireshark_mark(run->reader, run->needed);
	if (request->wireshark)
		return;
	if (request->one_stream && is_table)
		memset(run->needed, true, arrow_reader_nb_fields(run->reader));
	for (size_t i = 0; i < run->nb_columns; i++)
		mark_column(&run->columns[i], run->needed);
}

/* filtered fields are loaded first, what else is loaded only for rows that pass. */
static void list_fields(struct show_run *run, const bool *filtered, const bool *others)
{
	for (uint32_t i = 0; i < arrow_reader_nb_fields(run->reader); i++) {
		if (filtered[i])
			run->filter_fields.fields[run->filter_fields.nb++] = i;
		else if (others[i])
			run->other_fields.fields[run->other_fields.nb++] = i;
	}
}

static bool allocate(struct show_run *run)
{
	size_t nb = arrow_reader_nb_fields(run->reader) + 1;

	run->cells = calloc(nb, sizeof(*run->cells));
	run->needed = calloc(nb, sizeof(*run->needed));
	run->kept = calloc(nb, sizeof(*run->kept));
	run->filter_fields.fields = calloc(nb, sizeof(*run->filter_fields.fields));
	run->other_fields.fields = calloc(nb, sizeof(*run->other_fields.fields));
	if (!run->cells || !run->needed || !run->kept || !run->filter_fields.fields ||
	    !run->other_fields.fields)
		return false;
	for (size_t i = 0; i < nb; i++)
		run->cells[i].is_null = true;
	return true;
}

int show_run_open_table(struct show_run *run, const struct show_column *columns, size_t nb_columns,
			const uint8_t *kept, size_t nb_fields)
{
	struct show_table_params params = {
		.out = run->out,
		.columns = columns,
		.nb_columns = nb_columns,
		.width = run->request->width,
		.may_hide = run->are_default_columns,
		.colour = run->request->colour,
	};

	run->table = show_table_create(&params, kept, nb_fields);
	return run->table ? 0 : -ENOMEM;
}

/* Makes what keeps or prints the rows. */
static int open_printer(struct show_run *run, const struct show_sort_params *sort)
{
	const struct show_request *request = run->request;
	size_t nb_fields = arrow_reader_nb_fields(run->reader);

	if (run->totals)
		return OPTIONS_GO_ON;
	if (request->sort) {
		run->sorter = show_sorter_create(run->kept, nb_fields, sort);
		if (!run->sorter)
			return out_of_memory();
	}
	if (request->wireshark)
		return OPTIONS_GO_ON;
	if (request->format != SHOW_FORMAT_TABLE)
		show_machine_print_heading(run->out, request->format, run->columns,
					   run->nb_columns);
	else if (!request->one_stream &&
		 show_run_open_table(run, run->columns, run->nb_columns, run->kept, nb_fields))
		return out_of_memory();
	return OPTIONS_GO_ON;
}

static int refuse_stream(const char *name)
{
	fprintf(stderr,
		"tcpmill: %s: flows of live capture have no stream numbers: choose one by its ends "
		"(--flow A:PORT-B:PORT)\n",
		name);
	return EXIT_FAILED;
}

int show_run_prepare(struct show_run *run)
{
	struct show_sort_params sort = {.top = 0};
	size_t nb_fields = arrow_reader_nb_fields(run->reader);
	bool *filtered = calloc(nb_fields + 1, sizeof(*filtered));
	bool *others = calloc(nb_fields + 1, sizeof(*others));
	int status;

	if (!filtered || !others || !allocate(run)) {
		free(filtered);
		free(others);
		return out_of_memory();
	}
	/* The page about one flow is made of its record: the events of one are a table. */
	if (show_column_are_events(run->reader))
		run->request->one_stream = false;
	if (run->request->has_stream && show_is_live(run->reader))
		status = refuse_stream(run->request->name);
	else
		status = run->request->by ? set_totals(run) : set_columns(run);
	if (status == OPTIONS_GO_ON && run->request->sort && !run->totals)
		status = set_sort(run, &sort);
	if (status == OPTIONS_GO_ON)
		status = bind_conditions(run, filtered);
	if (status == OPTIONS_GO_ON) {
		mark_needed(run);
		show_kept_fill(run->reader, run->needed, run->kept);
		memcpy(others, run->needed, nb_fields * sizeof(*others));
		if (run->request->sort && !run->totals)
			mark_column(&sort.column, others);
		list_fields(run, filtered, others);
		status = open_printer(run, &sort);
	}
	free(filtered);
	free(others);
	return status;
}

void show_run_release(struct show_run *run)
{
	show_sorter_destroy(run->sorter);
	show_totals_destroy(run->totals);
	show_table_destroy(run->table);
	free(run->columns);
	free(run->cells);
	free(run->needed);
	free(run->kept);
	free(run->filter_fields.fields);
	free(run->other_fields.fields);
	free(run->line);
}
