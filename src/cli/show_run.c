/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows from the file through the filters to a printer, and what to say at the end. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "show_run_priv.h"
#include "tcpmill/arrow.h"
#include "text.h"

static int out_of_memory(void)
{
	fprintf(stderr, "tcpmill: out of memory\n");
	return EXIT_FAILED;
}

static void load_cell(const struct arrow_batch *batch, uint32_t field, enum arrow_kind kind,
		      uint32_t row, struct show_cell *cell)
{
	*cell = (struct show_cell){.is_null = arrow_batch_is_null(batch, field, row)};
	if (cell->is_null)
		return;
	if (kind != ARROW_TEXT) {
		cell->n = arrow_batch_int(batch, field, row);
		return;
	}
	cell->s = arrow_batch_text(batch, field, row, &cell->len);
	if (!cell->s) {
		cell->s = "";
		cell->len = 0;
	}
}

static void load_cells(struct show_run *run, const struct arrow_batch *batch,
		       const struct show_field_list *list, uint32_t row)
{
	for (size_t i = 0; i < list->nb; i++) {
		uint32_t field = list->fields[i];

		load_cell(batch, field, arrow_reader_field(run->reader, field)->kind, row,
			  &run->cells[field]);
	}
}

/* Remembers the error of the first write that failed. */
static void note_write_error(struct show_run *run)
{
	if (run->write_errno == 0 && ferror(run->out))
		run->write_errno = errno != 0 ? errno : EIO;
}

/* Keeps the Wireshark line of the first row: it is printed when there is no other. */
static void keep_line(struct show_run *run, const struct show_cell *cells)
{
	size_t size;
	FILE *memory = open_memstream(&run->line, &size);

	if (!memory)
		return;
	show_wireshark_print(memory, run->reader, cells);
	fclose(memory);
}

/* Gives one row to the printer. 0 or -errno. */
static int emit(struct show_run *run, const struct show_cell *cells)
{
	const struct show_request *request = run->request;
	int rc = 0;

	errno = 0;
	if (request->wireshark) {
		show_wireshark_print(run->out, run->reader, cells);
	} else if (request->format != SHOW_FORMAT_TABLE) {
		show_machine_print_row(run->out, request->format, run->columns, run->nb_columns,
				       cells);
	} else if (request->one_stream) {
		if (run->nb_shown > 0)
			putc('\n', run->out);
		show_flow_print(run->out, run->reader, cells, request->width);
	} else {
		if (run->nb_shown == 0)
			keep_line(run, cells);
		rc = show_table_add(run->table, cells);
	}
	run->nb_shown++;
	note_write_error(run);
	return rc;
}

static bool all_hold(const struct show_run *run)
{
	for (size_t i = 0; i < run->request->nb_conditions; i++) {
		if (!show_condition_holds(&run->request->conditions[i], run->cells))
			return false;
	}
	return true;
}

static int take_row(struct show_run *run)
{
	if (run->totals)
		return show_totals_add(run->totals, run->cells);
	if (run->sorter)
		return show_sorter_add(run->sorter, run->cells);
	return emit(run, run->cells);
}

static bool seen_enough(const struct show_run *run)
{
	if (run->write_errno != 0)
		return true;
	return run->request->top > 0 && !run->totals && !run->sorter &&
	       run->nb_shown >= run->request->top;
}

/* 0 or -errno of the printers. Sets read_rc to 0, -1 (damaged) or 1 (stopped before the end). */
static int read_rows(struct show_run *run)
{
	const struct arrow_batch *batch;

	while ((run->read_rc = arrow_reader_next(run->reader, &batch)) == 1) {
		uint32_t nb = arrow_batch_nb_rows(batch);

		for (uint32_t row = 0; row < nb; row++) {
			int rc;

			run->nb_read++;
			load_cells(run, batch, &run->filter_fields, row);
			if (!all_hold(run))
				continue;
			load_cells(run, batch, &run->other_fields, row);
			rc = take_row(run);
			if (rc)
				return rc;
			if (seen_enough(run))
				return 0;
		}
	}
	return 0;
}

static int emit_sorted(struct show_run *run)
{
	size_t nb = show_sorter_finish(run->sorter);
	int rc = 0;

	for (size_t i = 0; i < nb && rc == 0 && run->write_errno == 0; i++) {
		show_sorter_get(run->sorter, i, run->cells);
		rc = emit(run, run->cells);
	}
	return rc;
}

/* Totals have columns of their own: the same printers, another set of cells. */
static int emit_totals(struct show_run *run)
{
	const struct show_request *request = run->request;
	struct show_cell cells[SHOW_TOTALS_BY_MAX + SHOW_NB_TOTALS] = {{.is_null = true}};
	size_t nb_columns;
	const struct show_column *columns = show_totals_columns(run->totals, &nb_columns);
	size_t nb = show_totals_finish(run->totals);
	int rc = 0;

	errno = 0;
	if (request->format == SHOW_FORMAT_TABLE)
		rc = show_run_open_table(run, columns, nb_columns, show_totals_kept(run->totals),
					 nb_columns);
	else
		show_machine_print_heading(run->out, request->format, columns, nb_columns);
	if (request->top > 0 && request->top < nb)
		nb = request->top;
	for (size_t i = 0; i < nb && rc == 0 && run->write_errno == 0; i++) {
		show_totals_get(run->totals, i, cells);
		if (run->table)
			rc = show_table_add(run->table, cells);
		else
			show_machine_print_row(run->out, request->format, columns, nb_columns,
					       cells);
		run->nb_shown++;
		note_write_error(run);
	}
	return rc;
}

/* Prints what is still held back. 0 or -errno. */
static int finish_rows(struct show_run *run)
{
	int rc = run->totals ? emit_totals(run) : run->sorter ? emit_sorted(run) : 0;

	errno = 0;
	if (run->table) {
		struct show_table *table = run->table;

		run->table = NULL;
		if (rc == 0 && run->write_errno == 0)
			rc = show_table_finish(table);
		else
			show_table_destroy(table);
	}
	if (rc == 0 && run->nb_shown == 1 && run->line && !run->request->one_stream)
		fprintf(run->out, "\n%s", run->line);
	if (fflush(run->out) != 0)
		note_write_error(run);
	return rc;
}

/* A file made by `tcpmill recover` is whole as a file, but not as the records of its run. */
static void tell_recovered(const struct show_run *run)
{
	size_t nb;
	const struct arrow_kv *kv = arrow_reader_footer(run->reader, &nb);

	for (size_t i = 0; i < nb; i++) {
		if (strcmp(kv[i].key, "recovered") == 0)
			fprintf(stderr,
				"tcpmill: %s: recovered from a run that was cut off: what it would "
				"have written later is missing\n",
				run->request->name);
	}
}

/* Says how the reading ended and returns the exit status for it. */
static int judge_reading(const struct show_run *run)
{
	const struct show_request *request = run->request;

	if (run->read_rc < 0) {
		fprintf(stderr, "tcpmill: %s: %s\n", request->name,
			arrow_reader_error(run->reader));
		fprintf(stderr, "tcpmill: read the %s records before it (exit status 3)\n",
			text_count((int64_t)run->nb_read).s);
		return EXIT_DAMAGED;
	}
	if (run->read_rc == 0 && !arrow_reader_is_complete(run->reader)) {
		fprintf(stderr,
			"tcpmill: %s: unfinished, its end is missing: read %s records (exit status "
			"3)\n",
			request->name, text_count((int64_t)run->nb_read).s);
		return EXIT_DAMAGED;
	}
	tell_recovered(run);
	if (run->nb_shown > 0 || request->format != SHOW_FORMAT_TABLE)
		return EXIT_OK;
	if (request->one_stream) {
		fprintf(stderr, "tcpmill: %s: no such %s\n", request->name,
			request->has_stream ? "stream" : "flow");
		return EXIT_FAILED;
	}
	fprintf(stderr, "tcpmill: %s: no %s\n", request->name,
		request->nb_conditions > 0 ? "record matches" : "records");
	return EXIT_OK;
}

static int judge(const struct show_run *run, int rc)
{
	int write_errno = run->write_errno;

	/* The table hands its write errors back as its own. */
	if (write_errno == 0 && ferror(run->out) && rc != 0)
		write_errno = -rc;
	if (write_errno == EPIPE)
		return EXIT_OK;
	if (write_errno != 0) {
		fprintf(stderr, "tcpmill: stdout: cannot write: %s\n", strerror(write_errno));
		return EXIT_FAILED;
	}
	if (rc == -EFBIG) {
		fprintf(stderr, "tcpmill: too many records to keep; ask for fewer with --where\n");
		return EXIT_FAILED;
	}
	if (rc != 0)
		return out_of_memory();
	return judge_reading(run);
}

int show_run(struct show_request *request, FILE *out)
{
	struct show_run run = {.request = request, .out = out};
	char error[512];
	int status, rc;

	request->name = strcmp(request->path, "-") == 0 ? "stdin" : request->path;
	run.reader = arrow_reader_open(request->path, error, sizeof(error));
	if (!run.reader) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return EXIT_FAILED;
	}
	if (request->schema || request->books) {
		status = request->schema ? show_schema(run.reader, out)
					 : show_books(run.reader, request->name, out);
		if (fflush(out) != 0)
			note_write_error(&run);
		if (run.write_errno != 0)
			status = judge(&run, 0);
	} else {
		status = show_run_prepare(&run);
		if (status == OPTIONS_GO_ON) {
			rc = read_rows(&run);
			if (rc == 0)
				rc = finish_rows(&run);
			status = judge(&run, rc);
		}
	}
	show_run_release(&run);
	arrow_reader_close(run.reader);
	return status;
}
