/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_SHOW_PRIV_H
#define TCPMILL_CLI_SHOW_PRIV_H

/*
 * The parts of `tcpmill show`: a row of cells is read from a batch, passes the
 * filters, and goes to a printer, at once or after sorting.
 *
 * A row is an array of cells, indexed by the field of the file; only fields
 * that somebody asked for are filled. Text in cells is borrowed from the batch
 * or the store and lives until the next row is loaded from it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"

struct arrow_batch;
struct arrow_field;
struct arrow_reader;

struct show_cell {
	int64_t n;     /* numbers, times, 0 or 1 */
	const char *s; /* text, not NUL-terminated; else NULL */
	size_t len;
	bool is_null;
};

/* ---- columns (show_column.c): what can be shown, sorted and filtered by ---- */

/* How a value is written for people. */
enum show_look {
	SHOW_PLAIN, /* a number that names something: a port, a stream */
	SHOW_COUNT, /* a number of something, with separators */
	SHOW_BYTES,
	SHOW_DURATION, /* ns */
	SHOW_TIME,     /* ns since the epoch */
	SHOW_TIME_OF_DAY,
	SHOW_FRAME,
	SHOW_BOOL,
	SHOW_TEXT,
};

/* How the fields of a column become one value; nulls are passed over, all null is null. */
enum show_combine {
	SHOW_FIRST, /* the first that is not null */
	SHOW_SUM,
	SHOW_MAX,
	SHOW_MIN,
	SHOW_FLOW, /* src_ip, src_port, dst_ip, dst_port: "10.1.4.7:50122 → 93.184.216.34:443" */
};

#define SHOW_COLUMN_FIELDS_MAX 24

struct show_column {
	const char *name;    /* for --columns and machines; lives with the reader */
	const char *heading; /* for people */
	enum show_look look;
	enum show_combine combine;
	unsigned int keep; /* when space is short the smallest goes first */
	size_t nb_fields;
	uint32_t fields[SHOW_COLUMN_FIELDS_MAX];
};

#define SHOW_TEXT_MAX 512

/* Finds a field, a composite ("flow", "packets") or the sum of o_x and r_x as "x". */
bool show_column_find(const struct arrow_reader *reader, const char *name,
		      struct show_column *column);
void show_column_from_field(const struct arrow_reader *reader, size_t field,
			    struct show_column *column);
/* Says which names are near an unknown one: "; is it a, b or c?" or "". */
void show_column_suggest(const struct arrow_reader *reader, const char *name, char *out,
			 size_t size);
/* Is it the events table of a run? */
bool show_column_are_events(const struct arrow_reader *reader);
/* The columns shown by default, as far as the file has them; returns how many, <= max. */
size_t show_column_defaults(const struct arrow_reader *reader, struct show_column *columns,
			    size_t max);
bool show_column_is_text(const struct show_column *column);
/* text is room for a composed value. */
struct show_cell show_column_value(const struct show_column *column, const struct show_cell *cells,
				   char text[SHOW_TEXT_MAX]);
/* Value for people; "-" for null. Returns out. */
const char *show_column_format(const struct show_column *column, const struct show_cell *cells,
			       char out[SHOW_TEXT_MAX]);
const char *show_field_metadata(const struct arrow_field *field, const char *key);

/* ---- conditions (show_filter.c, show_network.c) ---- */

struct show_network {
	uint8_t bytes[16];
	unsigned int family; /* AF_INET, AF_INET6 */
	unsigned int prefix; /* leading bits that count */
};

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. False when it is neither. */
bool show_network_parse(const char *text, struct show_network *network);
bool show_network_contains(const struct show_network *network, const char *ip, size_t len);

enum show_operator {
	SHOW_EQUAL,
	SHOW_NOT_EQUAL,
	SHOW_LESS,
	SHOW_LESS_EQUAL,
	SHOW_GREATER,
	SHOW_GREATER_EQUAL,
	SHOW_CONTAINS,
	SHOW_IN,
	SHOW_NOT_IN,
	SHOW_IS_NULL,
	SHOW_IS_NOT_NULL,
};

#define SHOW_WORD_MAX 256

/* A condition as typed, taken apart. */
struct show_condition {
	char column[SHOW_WORD_MAX];
	enum show_operator op;
	char value[SHOW_WORD_MAX];
	char other[SHOW_WORD_MAX]; /* a text that is as good; or "" */
	/* Set by show_condition_bind(): */
	struct show_column sides[2]; /* "ip" and "port" look at both ends */
	size_t nb_sides;
	bool is_network;
	int64_t number;
	struct show_network network;
};

/* Returns NULL or what is wrong. */
const char *show_condition_parse(const char *text, struct show_condition *condition);
/* Reads the value as the look of sides[0] asks. Returns NULL or what is wrong. */
const char *show_condition_type(struct show_condition *condition);
/* Finds the columns in the file, then types the value. False with a message in error. */
bool show_condition_bind(struct show_condition *condition, const struct arrow_reader *reader,
			 char *error, size_t error_size);
bool show_condition_holds(const struct show_condition *condition, const struct show_cell *cells);

/* ---- rows kept in memory (show_store.c) ---- */

struct show_store;

/* How much of a cell is kept: a number of so many bytes, or a text. */
enum show_kept {
	SHOW_KEPT_NOT,
	SHOW_KEPT_1,
	SHOW_KEPT_2,
	SHOW_KEPT_4,
	SHOW_KEPT_8,
	SHOW_KEPT_TEXT,
};

/* Sets kept[i] for each field of the file: as wide as its type where needed[i]. */
void show_kept_fill(const struct arrow_reader *reader, const bool *needed, uint8_t *kept);

/* kept [nb_fields] holds enum show_kept and is copied. NULL: no memory. */
struct show_store *show_store_create(const uint8_t *kept, size_t nb_fields);
void show_store_destroy(struct show_store *store);
/* Returns 0, -ENOMEM, or -EFBIG when texts or rows pass what their 32-bit places name. */
int show_store_add(struct show_store *store, const struct show_cell *cells);
void show_store_get(const struct show_store *store, size_t row, struct show_cell *cells);
size_t show_store_nb_rows(const struct show_store *store);
void show_store_clear(struct show_store *store);

/* ---- sorting (show_sort.c) ---- */

struct show_sorter;

struct show_sort_params {
	struct show_column column;
	bool descending;
	size_t top; /* rows wanted; 0: all */
};

struct show_sorter *show_sorter_create(const uint8_t *kept, size_t nb_fields,
				       const struct show_sort_params *params);
void show_sorter_destroy(struct show_sorter *sorter);
int show_sorter_add(struct show_sorter *sorter, const struct show_cell *cells);
/* Sorts; returns the number of rows that show_sorter_get() then gives in order, <= top. */
size_t show_sorter_finish(struct show_sorter *sorter);
void show_sorter_get(const struct show_sorter *sorter, size_t i, struct show_cell *cells);

/* ---- printers (show_table.c, show_machine.c, show_wireshark.c, show_flow.c) ---- */

enum show_format {
	SHOW_FORMAT_TABLE,
	SHOW_FORMAT_TSV,
	SHOW_FORMAT_CSV,
	SHOW_FORMAT_JSON,
};

/*
 * A table comes in blocks of rows, so that its widths fit and memory stays
 * bounded; the heading is repeated when a later block needs another layout.
 */
struct show_table_params {
	FILE *out;
	const struct show_column *columns;
	size_t nb_columns;
	size_t width;  /* columns of the terminal; 0: as wide as it gets */
	bool may_hide; /* leave out columns that are null in all rows */
	bool colour;
};

struct show_table;

/* kept[] as for the store. The columns are borrowed. */
struct show_table *show_table_create(const struct show_table_params *params, const uint8_t *kept,
				     size_t nb_fields);
int show_table_add(struct show_table *table, const struct show_cell *cells);
/* Prints what is left, and on stderr what did not fit. Frees the table. 0 or -errno. */
int show_table_finish(struct show_table *table);
void show_table_destroy(struct show_table *table);

void show_machine_print_heading(FILE *out, enum show_format format,
				const struct show_column *columns, size_t nb);
void show_machine_print_row(FILE *out, enum show_format format, const struct show_column *columns,
			    size_t nb, const struct show_cell *cells);

/* Marks what the line of a flow is made of. */
/* The input of a flow; false when it is not known. *nb is the number of inputs. */
bool show_input_find(const struct arrow_reader *reader, const struct show_cell *cells, char *path,
		     size_t size, size_t *nb);
void show_wireshark_mark(const struct arrow_reader *reader, bool *needed);
void show_wireshark_print(FILE *out, const struct arrow_reader *reader,
			  const struct show_cell *cells);

/* One flow, told from the top to the bottom. */
void show_flow_print(FILE *out, const struct arrow_reader *reader, const struct show_cell *cells,
		     size_t width);

/* Records of live capture: no streams, no frames, and its inputs are ports, not files. */
bool show_is_live(const struct arrow_reader *reader);

/* The cell of a named field, or NULL when the file has none or it is null. */
const struct show_cell *show_cell_find(const struct arrow_reader *reader,
				       const struct show_cell *cells, const char *name);

/* ---- totals (show_totals.c) ---- */

struct show_totals;

#define SHOW_TOTALS_BY_MAX 8
#define SHOW_NB_TOTALS 4 /* flows, packets, bytes, anomalies */

struct show_totals *show_totals_create(const struct arrow_reader *reader,
				       const struct show_column *by, size_t nb_by);
void show_totals_destroy(struct show_totals *totals);
/* Marks the fields that are read. */
void show_totals_mark(const struct show_totals *totals, bool *needed);
int show_totals_add(struct show_totals *totals, const struct show_cell *cells);
/*
 * Orders by "flows" (the default; "events" in a table of them), "packets", "bytes" or
 * "anomalies"; false: there is none.
 */
bool show_totals_order(struct show_totals *totals, const char *name, bool descending);
/* Sorts the groups and returns how many there are. */
size_t show_totals_finish(struct show_totals *totals);
/* The columns of a line, what is kept of its cells, and the cells of group i. */
const struct show_column *show_totals_columns(const struct show_totals *totals, size_t *nb);
const uint8_t *show_totals_kept(const struct show_totals *totals);
void show_totals_get(const struct show_totals *totals, size_t i, struct show_cell *cells);

/* ---- about the file (show_books.c) ---- */

int show_schema(const struct arrow_reader *reader, FILE *out);
/* Reads the file to its end first. Returns the exit status. */
int show_books(struct arrow_reader *reader, const char *name, FILE *out);

#endif
