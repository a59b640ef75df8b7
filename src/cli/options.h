/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_OPTIONS_H
#define TCPMILL_CLI_OPTIONS_H

/*
 * Command lines, driven by one table per command: the table is what is parsed
 * and what --help prints, so the two cannot disagree.
 *
 * GNU habits: --name=value, --name value, -wFILE, -w FILE, bundled flags, "--"
 * ends the options, options and operands mix freely, "-" is an operand. Long
 * names are not abbreviated: a script must not break when an option is added.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Who an option is for: experts find theirs with --help-all. */
enum option_audience {
	OPTION_EVERYBODY,
	OPTION_EXPERT,
};

struct option_spec {
	const char *long_name; /* without the dashes */
	char short_name;       /* 0: has none */
	const char *argument;  /* what the value is called in help ("FILE"); NULL: a flag */
	const char *help;      /* without a full stop; wrapped as needed */
	const char *group;     /* heading printed above this option, or NULL: as before */
	enum option_audience audience;
	int id; /* >= 0, the command's own */
};

struct command_spec {
	const char *name;     /* "run" */
	const char *synopsis; /* "tcpmill run [options] FILE..." */
	const char *summary;  /* one or two lines under the synopsis */
	const char *notes;    /* printed last, lines of its own (examples), or NULL */
	const struct option_spec *options;
	size_t nb_options;
	bool has_rest; /* what is behind "--" is handed over as OPTION_REST, not OPTION_OPERAND */
};

/* The id under which operands (what is no option) are handed over. */
#define OPTION_OPERAND (-1)
/* The same of what is behind "--", for a command that tells the two apart. */
#define OPTION_REST (-4)

/* options_parse() returns this when the command shall go on. */
#define OPTIONS_GO_ON (-1)

/*
 * Called for each option and operand, in order; value is NULL for a flag and
 * lives as long as argv. Returns NULL, or why the value is refused: a string
 * that lives until options_parse() returns, such as the parsers below give.
 */
typedef const char *option_take_fn(void *context, int id, const char *value);

/*
 * Parses argv[1..argc). --help, -h and --help-all are understood for every
 * command. Returns OPTIONS_GO_ON or the exit status to end with: EXIT_OK after
 * help, EXIT_USAGE after one line on stderr, such as
 * "tcpmill run: unknown option '--foo' (see tcpmill run --help)".
 */
int options_parse(const struct command_spec *command, int argc, char **argv, option_take_fn *take,
		  void *context);

/* Prints help; with everything == false the expert options are left out. */
void options_print_help(const struct command_spec *command, bool everything, FILE *out);

/* Prints "tcpmill run: <message> (see tcpmill run --help)" and returns EXIT_USAGE. */
int options_usage_error(const struct command_spec *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Parsers of values. Each takes the whole text or nothing: NULL when *value is
 * set, else what is wrong, as a static string ("expected ..., ..."), and *value
 * is untouched. No locale, no blanks, no sign, nothing overflows.
 */

/* "250", "64k", "1.5M", "2G": powers of 1000; a fraction must come out whole. */
const char *parse_count(const char *text, uint64_t *value);
/* The same with bounds, both inclusive, for workers, rows and the like. */
/* The name of an output; the system's other names of standard output are -, too. */
const char *option_output(const char *name);
const char *parse_count_between(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* As parse_count(), with an optional sign. */
const char *parse_integer(const char *text, int64_t *value);
/* "4096", "64k" = "64kB" = 64,000, "1.5MiB", "2GiB"; B, kB .. TB and KiB .. TiB. */
const char *parse_bytes(const char *text, uint64_t *value);
/* "60" and "60s" = seconds, "1.5", "300ms", "20us", "5ns", "5m", "1h", "2d"; <= INT64_MAX ns. */
const char *parse_duration(const char *text, uint64_t *ns);
/*
 * UTC: "2026-11-20T09:00:00.5Z", "2026-11-20 09:00:00", "2026-11-20T09:00", "2026-11-20",
 * "@1700000000.25" or plain epoch seconds; ns since the epoch, years 1678 .. 2261.
 */
const char *parse_time(const char *text, int64_t *ns);

#endif
