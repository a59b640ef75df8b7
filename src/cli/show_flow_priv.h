/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_SHOW_FLOW_PRIV_H
#define TCPMILL_CLI_SHOW_FLOW_PRIV_H

/* The parts of the page about one flow, each printed when the file has its columns. */

#include <stdio.h>

#include "show_priv.h"

/* What is printed from, and where to. A is orig, B is resp. */
struct show_view {
	FILE *out;
	const struct arrow_reader *reader;
	const struct show_cell *cells;
	size_t width; /* columns of the terminal; 0: no limit */
};

/* A field's cell, or NULL when the file has no such field or it is null. */
const struct show_cell *show_view_cell(const struct show_view *v, const char *name);
/* Text of a field, cleaned; "" when it is null. Returns out. */
const char *show_view_word(const struct show_view *v, const char *name, char out[SHOW_TEXT_MAX]);

void show_view_print_handshake(const struct show_view *v);
void show_view_print_columns(const struct show_view *v);

#endif
