/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/*
 * What a measurement has to tell: facts, then rows of cells. Printed as aligned text
 * for people, or as one JSON object for a program:
 *
 *   {"command": "...", FACT: ..., "rows": [{CELL: ...}, ...]}
 *
 * Every value is a number, a text or null; all rows of a report have the same cells.
 * Keys name their unit (_bytes, _seconds, ns_per_..., mpps = millions of packets a second,
 * gb_per_s = 10^9 bytes a second). What is measured in rounds is KEY, the median, with
 * KEY_min and KEY_max.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_MAX_FACTS 32
#define REPORT_MAX_CELLS 40
#define REPORT_MAX_ROWS 128

struct report_cell {
	const char *key;
	const char *title; /* of the column for people; NULL: only in JSON */
	const char *text;  /* borrowed; or NULL: a number */
	double number;     /* NAN: null */
	int decimals;
};

struct report_row {
	struct report_cell cells[REPORT_MAX_CELLS];
	uint32_t nb;
};

struct report {
	const char *command;
	struct report_cell facts[REPORT_MAX_FACTS];
	uint32_t nb_facts;
	struct report_row *rows; /* [REPORT_MAX_ROWS] */
	uint32_t nb_rows;
};

/* False without memory. */
bool report_init(struct report *report, const char *command);
void report_fini(struct report *report);

/* title: as of a cell. Facts beyond the maximum are a bug and stop the program. */
void report_fact_text(struct report *report, const char *key, const char *title, const char *text);
void report_fact(struct report *report, const char *key, const char *title, double number,
		 int decimals);

/* A new row, to which the following cells go. */
void report_row(struct report *report);
void report_text(struct report *report, const char *key, const char *title, const char *text);
void report_number(struct report *report, const char *key, const char *title, double number,
		   int decimals);

/* Returns the exit status: 0, or 1 when it cannot be written. */
int report_print(const struct report *report, bool json, FILE *out);

#endif
