/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_SHOW_RUN_PRIV_H
#define TCPMILL_CLI_SHOW_RUN_PRIV_H

/* One reading of a file: what was asked, made ready for the file's columns. */

#include "show_run.h"

struct show_field_list {
	uint32_t *fields;
	size_t nb;
};

struct show_run {
	struct show_request *request;
	FILE *out;
	struct arrow_reader *reader;
	struct show_column *columns;
	size_t nb_columns;
	bool are_default_columns;
	struct show_cell *cells;              /* [fields of the file] */
	bool *needed;                         /* fields the printer reads */
	uint8_t *kept;                        /* the same, as the store wants it */
	struct show_field_list filter_fields; /* loaded for each row */
	struct show_field_list other_fields;  /* loaded for rows that pass */
	struct show_sorter *sorter;           /* at most one of these three */
	struct show_totals *totals;
	struct show_table *table;
	char *line; /* the Wireshark line of the first row, malloc'ed */
	size_t nb_read, nb_shown;
	int read_rc;     /* of the last arrow_reader_next() */
	int write_errno; /* of the first write that failed */
};

/* Binds the request to the file's columns. OPTIONS_GO_ON or the exit status. */
int show_run_prepare(struct show_run *run);
void show_run_release(struct show_run *run);

/* 0 or -ENOMEM. */
int show_run_open_table(struct show_run *run, const struct show_column *columns, size_t nb_columns,
			const uint8_t *kept, size_t nb_fields);

#endif
