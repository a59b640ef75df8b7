/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_SHOW_RUN_H
#define TCPMILL_CLI_SHOW_RUN_H

/* What was asked of `tcpmill show`, and doing it. */

#include "show_priv.h"

#define SHOW_CONDITIONS_MAX 32

struct show_request {
	const struct command_spec *command; /* for its name in messages */
	const char *path;
	const char *name;    /* of the path, in messages */
	const char *columns; /* names with commas between, or NULL: the default */
	const char *by;
	const char *sort;
	char sort_sign; /* '+', '-' or 0: as the column is usually wanted */
	size_t top;     /* 0: all */
	enum show_format format;
	bool one_stream; /* a page about each flow that is chosen, by its number or its ends */
	bool has_stream, wireshark, schema, books;
	bool colour;
	size_t width; /* 0: no limit */
	struct show_condition conditions[SHOW_CONDITIONS_MAX];
	size_t nb_conditions;
};

/* Returns the exit status; everything that went wrong has been said on stderr. */
int show_run(struct show_request *request, FILE *out);

#endif
