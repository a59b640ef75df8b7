/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The command line of run, whose options are nearly all there are: the bytes are its words, with
 * line ends between. A line is understood in silence, or refused in one message; what a number,
 * a time or a size was understood as means the same when it is written out.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/explain_priv.h"
#include "cli/live_cli.h"
#include "cli/options.h"
#include "cli/run_events.h"
#include "fuzz.h"

#define MAX_WORDS 32

enum {
	OPT_WRITE = RUN_OPT_OWN,
	OPT_ONLY,
};

static const struct option_spec rows[] = {
	{"write", 'w', "FILE", "", NULL, OPTION_EVERYBODY, OPT_WRITE},
	{"only", 0, "LIST", "", NULL, OPTION_EVERYBODY, OPT_ONLY},
	{"quiet", 'q', NULL, "", NULL, OPTION_EVERYBODY, RUN_OPT_QUIET},
	RUN_ROWS_INPUT,
	RUN_ROWS_MACHINE,
	LIVE_ROWS,
	RUN_ROWS_EXPERT,
	LIVE_ROWS_EXPERT,
};

static const struct command_spec command = {
	.name = "run",
	.synopsis = "tcpmill run",
	.options = rows,
	.nb_options = sizeof(rows) / sizeof(rows[0]),
	.has_rest = true,
};

struct line {
	struct run_options run;
	struct live_options live;
	uint32_t verdicts;
};

static const char *take(void *context, int id, const char *value)
{
	struct line *line = context;
	char unknown[64];
	bool is_live;
	const char *nearest, *refusal = live_options_take(&line->live, id, value, &is_live);

	if (refusal != NULL || is_live)
		return refusal;
	switch (id) {
	case OPT_WRITE:
		line->run.config.output = value;
		return NULL;
	case OPT_ONLY:
		return run_events_parse_only(value, &line->verdicts, unknown, sizeof(unknown),
					     &nearest)
			       ? NULL
			       : "there is no such verdict";
	default:
		/* Folders among the operands would be looked into: no word of the input is one. */
		if (id == OPTION_OPERAND || id == OPTION_REST)
			return run_options_take(&line->run, OPTION_OPERAND, "x.pcap");
		return run_options_take(&line->run, id, value);
	}
}

static int parse_line(struct line *line, int argc, char **argv)
{
	int status = options_parse(&command, argc, argv, take, line);

	if (status != OPTIONS_GO_ON)
		return status;
	if (live_options_is_live(&line->live))
		return live_options_finish(&command, &line->live, &line->run);
	status = live_options_check_absent(&command, &line->live);
	return status == OPTIONS_GO_ON ? run_options_check(&command, &line->run) : status;
}

/* What was said, by the status: nothing, help, or one message of the command's. */
static void check_said(int status, const char *out, const char *err)
{
	static const char head[] = "tcpmill run: ", tail[] = " (see tcpmill run --help)\n";
	const size_t len = strlen(err);

	fuzz_check(status == OPTIONS_GO_ON || status == EXIT_OK || status == EXIT_USAGE);
	fuzz_check((status == EXIT_OK) == (*out != '\0'));
	fuzz_check_text((status == EXIT_USAGE) == (len != 0), err);
	if (len == 0)
		return;
	fuzz_check_text(strncmp(err, head, sizeof(head) - 1) == 0, err);
	fuzz_check_text(len > sizeof(tail) && strcmp(err + len - (sizeof(tail) - 1), tail) == 0,
			err);
}

/* Parses with both outputs in memory: glibc lets them be set. */
static void try_line(int argc, char **argv)
{
	FILE *const real_out = stdout, *const real_err = stderr;
	char *out = NULL, *err = NULL;
	size_t out_size, err_size;
	struct line line = {0};
	int status;

	stdout = open_memstream(&out, &out_size);
	stderr = open_memstream(&err, &err_size);
	fuzz_check(stdout != NULL && stderr != NULL);
	fuzz_check(run_options_init(&line.run, argc) == 0);
	fuzz_check(live_options_init(&line.live, argc) == 0);
	status = parse_line(&line, argc, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = real_out;
	stderr = real_err;
	check_said(status, out, err);
	live_options_fini(&line.live);
	run_options_fini(&line.run);
	free(out);
	free(err);
}

static void check_numbers(const char *word)
{
	uint64_t count, again;
	int64_t integer, same;
	char text[40];

	if (parse_count(word, &count) == NULL) {
		snprintf(text, sizeof(text), "%" PRIu64, count);
		fuzz_check(parse_count(text, &again) == NULL && again == count);
	}
	if (parse_integer(word, &integer) == NULL) {
		snprintf(text, sizeof(text), "%" PRId64, integer);
		fuzz_check(parse_integer(text, &same) == NULL && same == integer);
	}
	if (parse_bytes(word, &count) == NULL) {
		snprintf(text, sizeof(text), "%" PRIu64 "B", count);
		fuzz_check(parse_bytes(text, &again) == NULL && again == count);
	}
	if (parse_duration(word, &count) == NULL) {
		snprintf(text, sizeof(text), "%" PRIu64 "ns", count);
		fuzz_check(count <= INT64_MAX);
		fuzz_check(parse_duration(text, &again) == NULL && again == count);
	}
}

static void check_values(const char *word)
{
	struct explain_endpoint ends[2];
	int64_t time, same;
	char text[40];

	check_numbers(word);
	(void)explain_parse_endpoints(word, ends);
	if (parse_time(word, &time) != NULL || time < 0)
		return;
	snprintf(text, sizeof(text), "@%" PRId64 ".%09" PRId64, time / 1000000000,
		 time % 1000000000);
	fuzz_check_text(parse_time(text, &same) == NULL && same == time, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[MAX_WORDS + 2] = {NULL}, *rest = text;
	int argc = 1;

	fuzz_check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	argv[0] = text + size; /* "" */
	while (rest != NULL && argc <= MAX_WORDS) {
		argv[argc++] = strsep(&rest, "\n");
		check_values(argv[argc - 1]);
	}
	try_line(argc, argv);
	free(text);
	return 0;
}
