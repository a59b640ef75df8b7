/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What show is asked with --where: the bytes are a condition, as typed. It is refused with a
 * reason, or asked of rows of every kind of value: its contrary holds where it does not.
 */

#include <stdlib.h>
#include <string.h>

#include "cli/show_priv.h"
#include "fuzz.h"
#include "small_table.h"
#include "tcpmill/arrow.h"

static bool holds(const struct show_condition *condition, enum show_operator op,
		  const struct show_cell *cells)
{
	struct show_condition other = *condition;

	other.op = op;
	return show_condition_holds(&other, cells);
}

static bool has_null(const struct show_condition *condition, const struct show_cell *cells)
{
	bool found = false;

	for (size_t i = 0; i < condition->nb_sides; i++) {
		char text[SHOW_TEXT_MAX];

		found |= show_column_value(&condition->sides[i], cells, text).is_null;
	}
	return found;
}

static void check_row(const struct show_condition *c, const struct show_cell *cells)
{
	const bool is_true = show_condition_holds(c, cells);

	fuzz_check(c->nb_sides >= 1 && c->nb_sides <= 2);
	if (c->nb_sides != 1)
		return;
	fuzz_check(holds(c, SHOW_IS_NULL, cells) != holds(c, SHOW_IS_NOT_NULL, cells));
	fuzz_check(holds(c, SHOW_IS_NULL, cells) == has_null(c, cells));
	if (has_null(c, cells)) {
		fuzz_check(is_true == (c->op == SHOW_IS_NULL));
		return;
	}
	if (c->op == SHOW_EQUAL || c->op == SHOW_NOT_EQUAL)
		fuzz_check(holds(c, SHOW_EQUAL, cells) != holds(c, SHOW_NOT_EQUAL, cells));
	if (c->op == SHOW_IN || c->op == SHOW_NOT_IN)
		fuzz_check(holds(c, SHOW_IN, cells) != holds(c, SHOW_NOT_IN, cells));
	if (c->op == SHOW_LESS || c->op == SHOW_GREATER_EQUAL)
		fuzz_check(holds(c, SHOW_LESS, cells) != holds(c, SHOW_GREATER_EQUAL, cells));
	if (c->op == SHOW_GREATER || c->op == SHOW_LESS_EQUAL)
		fuzz_check(holds(c, SHOW_GREATER, cells) != holds(c, SHOW_LESS_EQUAL, cells));
}

static void load_row(const struct arrow_reader *reader, const struct arrow_batch *batch,
		     uint32_t row, struct show_cell *cells)
{
	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		struct show_cell *cell = &cells[i];

		*cell = (struct show_cell){.is_null = arrow_batch_is_null(batch, i, row)};
		if (arrow_reader_field(reader, i)->kind == ARROW_TEXT)
			cell->s = arrow_batch_text(batch, i, row, &cell->len);
		else
			cell->n = arrow_batch_int(batch, i, row);
	}
}

static void ask(struct show_condition *condition, struct arrow_reader *reader)
{
	struct show_cell *cells = calloc(arrow_reader_nb_fields(reader), sizeof(*cells));
	const struct arrow_batch *batch;
	char error[512] = "";

	fuzz_check(cells != NULL);
	if (!show_condition_bind(condition, reader, error, sizeof(error))) {
		fuzz_check(error[0] != '\0');
	} else {
		while (arrow_reader_next(reader, &batch) == 1) {
			for (uint32_t row = 0; row < arrow_batch_nb_rows(batch); row++) {
				load_row(reader, batch, row, cells);
				check_row(condition, cells);
			}
		}
	}
	free(cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), error[512];
	struct show_condition condition;
	struct arrow_reader *reader;
	struct fuzz_file file;
	const char *refusal;

	fuzz_check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	refusal = show_condition_parse(text, &condition);
	fuzz_check(refusal == NULL || *refusal != '\0');
	if (refusal == NULL) {
		fuzz_check(condition.column[0] != '\0');
		fuzz_check(memchr(condition.column, '\0', SHOW_WORD_MAX) != NULL);
		fuzz_check(memchr(condition.value, '\0', SHOW_WORD_MAX) != NULL);
		small_table_open(&file);
		reader = arrow_reader_open(file.path, error, sizeof(error));
		fuzz_check_text(reader != NULL, error);
		ask(&condition, reader);
		arrow_reader_close(reader);
		fuzz_file_close(&file);
	}
	free(text);
	return 0;
}
