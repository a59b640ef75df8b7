/* SPDX-License-Identifier: BSD-3-Clause */

/* Command lines and the values in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/cli.h"
#include "../../src/cli/options.h"

enum { OPT_WRITE, OPT_VERBOSE, OPT_QUIET, OPT_LEVEL, OPT_SECRET };

static const struct option_spec specs[] = {
	{"write", 'w', "FILE", "write the records to FILE", NULL, OPTION_EVERYBODY, OPT_WRITE},
	{"verbose", 'v', NULL, "say more", "Talking", OPTION_EVERYBODY, OPT_VERBOSE},
	{"quiet", 'q', NULL, "say less", NULL, OPTION_EVERYBODY, OPT_QUIET},
	{"level", 0, "N",
	 "a text that is long enough to be wrapped once when it is printed in a hundred columns of "
	 "help",
	 NULL, OPTION_EVERYBODY, OPT_LEVEL},
	{"secret", 0, NULL, "for tests", "Experts", OPTION_EXPERT, OPT_SECRET},
};

static const struct command_spec command = {
	.name = "try",
	.synopsis = "tcpmill try [options] FILE",
	.options = specs,
	.nb_options = sizeof(specs) / sizeof(specs[0]),
};

/* What was handed over, "id=value " each, and what stderr and stdout said. */
struct outcome {
	char taken[256];
	char said[8192];
	int status;
};

static const char *record_option(void *context, int id, const char *value)
{
	struct outcome *o = context;
	size_t used = strlen(o->taken);

	snprintf(o->taken + used, sizeof(o->taken) - used, "%d=%s ", id, value ? value : "");
	return id == OPT_LEVEL && strcmp(value, "bad") == 0 ? "expected a good one" : NULL;
}

/* Parses the words for a command, with stream fd going into said. */
static void parse_words_of(const struct command_spec *parsed, struct outcome *o, int fd,
			   const char *words)
{
	char line[256];
	char *argv[16] = {line};
	int argc = 0;
	FILE *catcher = tmpfile();
	int kept = dup(fd);
	size_t len;

	memset(o, 0, sizeof(*o));
	snprintf(line, sizeof(line), "%s", words);
	for (char *word = strtok(line, " "); word && argc < 15; word = strtok(NULL, " "))
		argv[argc++] = word;
	assert_non_null(catcher);
	fflush(stdout);
	dup2(fileno(catcher), fd);
	o->status = options_parse(parsed, argc, argv, record_option, o);
	fflush(stdout);
	dup2(kept, fd);
	close(kept);
	rewind(catcher);
	len = fread(o->said, 1, sizeof(o->said) - 1, catcher);
	o->said[len] = '\0';
	fclose(catcher);
}

static void parse_words(struct outcome *o, int fd, const char *words)
{
	parse_words_of(&command, o, fd, words);
}

static void every_way_of_writing_a_value(void **state)
{
	static const char *const lines[] = {"try -w x f", "try -wx f", "try --write x f",
					    "try --write=x f"};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		parse_words(&o, STDERR_FILENO, lines[i]);
		assert_int_equal(o.status, OPTIONS_GO_ON);
		assert_string_equal(o.taken, "0=x -1=f ");
		assert_string_equal(o.said, "");
	}
}

static void flags_are_bundled(void **state)
{
	struct outcome o;

	(void)state;
	parse_words(&o, STDERR_FILENO, "try -vqw- -");
	assert_int_equal(o.status, OPTIONS_GO_ON);
	assert_string_equal(o.taken, "1= 2= 0=- -1=- ");
}

static void two_dashes_end_the_options(void **state)
{
	struct outcome o;

	(void)state;
	parse_words(&o, STDERR_FILENO, "try a -v -- -q --write --");
	assert_string_equal(o.taken, "-1=a 1= -1=-q -1=--write -1=-- ");
	assert_int_equal(o.status, OPTIONS_GO_ON);
}

static void a_command_may_tell_apart_what_is_behind_two_dashes(void **state)
{
	struct command_spec with_rest = command;
	struct outcome o;

	(void)state;
	with_rest.has_rest = true;
	parse_words_of(&with_rest, &o, STDERR_FILENO, "try a -v - -- b -q --write --");
	assert_string_equal(o.taken, "-1=a 1= -1=- -4=b -4=-q -4=--write -4=-- ");
	assert_int_equal(o.status, OPTIONS_GO_ON);
}

static void a_value_may_look_like_an_option(void **state)
{
	struct outcome o;

	(void)state;
	parse_words(&o, STDERR_FILENO, "try --write -v");
	assert_string_equal(o.taken, "0=-v ");
}

static void errors_name_the_command_and_the_option(void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		{"try --foo", "tcpmill try: unknown option '--foo' (see tcpmill try --help)\n"},
		{"try --verbos",
		 "tcpmill try: unknown option '--verbos'; is it '--verbose'? (see tcpmill try "
		 "--help)\n"},
		{"try --wirte=x", "tcpmill try: unknown option '--wirte'; is it '--write'? (see "
				  "tcpmill try --help)\n"},
		{"try -vz", "tcpmill try: unknown option '-z' (see tcpmill try --help)\n"},
		{"try --verbose=1",
		 "tcpmill try: option '--verbose' takes no value (see tcpmill try --help)\n"},
		{"try -w", "tcpmill try: option '--write' needs a value: --write=FILE (see tcpmill "
			   "try --help)\n"},
		{"try --level", "tcpmill try: option '--level' needs a value: --level=N (see "
				"tcpmill try --help)\n"},
		{"try --level bad",
		 "tcpmill try: --level 'bad': expected a good one (see tcpmill try --help)\n"},
	};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse_words(&o, STDERR_FILENO, cases[i].line);
		assert_string_equal(o.said, cases[i].said);
		assert_int_equal(o.status, EXIT_USAGE);
	}
}

static void help_comes_from_the_table(void **state)
{
	struct outcome o;

	(void)state;
	parse_words(&o, STDOUT_FILENO, "try --help");
	assert_int_equal(o.status, EXIT_OK);
	assert_non_null(strstr(o.said, "Usage: tcpmill try [options] FILE\n"));
	assert_non_null(strstr(o.said, "\n  -w, --write=FILE         write the records to FILE\n"));
	assert_non_null(strstr(o.said, "\nTalking:\n  -v, --verbose            say more\n"));
	assert_null(strstr(o.said, "secret"));
	assert_null(strstr(o.said, "Experts"));
	for (char *line = strtok(o.said, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 100);

	parse_words(&o, STDOUT_FILENO, "try --help-all");
	assert_non_null(strstr(o.said, "\nExperts:\n      --secret "));
}

static void counts(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_null(parse_count("0", &n));
	assert_int_equal(n, 0);
	assert_null(parse_count("64k", &n));
	assert_int_equal(n, 64000);
	assert_null(parse_count("1.5M", &n));
	assert_int_equal(n, 1500000);
	assert_null(parse_count("2.000000001G", &n));
	assert_int_equal(n, 2000000001);
	assert_null(parse_count("18446744073709551615", &n));
	assert_true(n == UINT64_MAX);

	n = 7;
	assert_string_equal(parse_count("18446744073709551616", &n), "too large");
	assert_string_equal(parse_count("18446744073709552k", &n), "too large");
	assert_non_null(parse_count("", &n));
	assert_non_null(parse_count(" 1", &n));
	assert_non_null(parse_count("-1", &n));
	assert_non_null(parse_count("+1", &n));
	assert_non_null(parse_count("0x10", &n));
	assert_non_null(parse_count("1e3", &n));
	assert_non_null(parse_count("1.k", &n));
	assert_non_null(parse_count("1.5", &n));
	assert_non_null(parse_count("1.0001k", &n));
	assert_non_null(parse_count("1kk", &n));
	assert_int_equal(n, 7);

	assert_null(parse_count_between("16", 1, 16, &n));
	assert_string_equal(parse_count_between("17", 1, 16, &n), "too large");
	assert_string_equal(parse_count_between("0", 1, 16, &n), "too small");
	assert_int_equal(n, 16);
}

static void integers(void **state)
{
	int64_t n = 0;

	(void)state;
	assert_null(parse_integer("-9223372036854775808", &n));
	assert_true(n == INT64_MIN);
	assert_null(parse_integer("+9223372036854775807", &n));
	assert_true(n == INT64_MAX);
	assert_null(parse_integer("-2k", &n));
	assert_int_equal(n, -2000);
	assert_non_null(parse_integer("9223372036854775808", &n));
	assert_non_null(parse_integer("-9223372036854775809", &n));
	assert_non_null(parse_integer("--1", &n));
	assert_non_null(parse_integer("-", &n));
}

static void sizes(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_null(parse_bytes("4096", &n));
	assert_int_equal(n, 4096);
	assert_null(parse_bytes("64kB", &n));
	assert_int_equal(n, 64000);
	assert_null(parse_bytes("1.5MiB", &n));
	assert_int_equal(n, 1572864);
	assert_null(parse_bytes("2GiB", &n));
	assert_true(n == UINT64_C(2) << 30);
	assert_non_null(parse_bytes("0.3KiB", &n));
	assert_non_null(parse_bytes("1 MB", &n));
	assert_non_null(parse_bytes("16777216TiB", &n));
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"60", UINT64_C(60000000000)},
		{"1.5", 1500000000},
		{"0.000000001", 1},
		{"300ms", 300000000},
		{"20us", 20000},
		{"0.3µs", 300},
		{"5ns", 5},
		{"5m", UINT64_C(300000000000)},
		{"0.5h", UINT64_C(1800000000000)},
		{"2d", UINT64_C(172800000000000)},
		{"0", 0},
		{"9223372036.854775807", INT64_MAX},
	};
	static const char *const bad[] = {"",    "-1", "1.5ns", "9223372036.854775808",
					  "1 s", "5M", "ms",    "106752d",
					  "1.",  ".5", "1h30m", "99999999999999999999"};
	uint64_t ns = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(parse_duration(good[i].text, &ns));
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(parse_duration(bad[i], &ns));
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"1970-01-01", 0},
		{"1969-12-31T23:59:59.999999999Z", -1},
		{"2026-11-20T09:00:00.5Z", INT64_C(1795165200500000000)},
		{"2026-11-20 09:00:00", INT64_C(1795165200000000000)},
		{"2026-11-20T09:00", INT64_C(1795165200000000000)},
		{"2000-02-29", INT64_C(951782400000000000)},
		{"@1700000000.25", INT64_C(1700000000250000000)},
		{"1700000000", INT64_C(1700000000000000000)},
		{"0.000000001", 1},
	};
	static const char *const bad[] = {"",
					  "yesterday",
					  "2026-11",
					  "2026-02-29",
					  "1900-02-29",
					  "2026-13-01",
					  "2026-11-20T24:00:00",
					  "2026-11-20T23:59:60",
					  "2026-11-20T09",
					  "2026-11-20T09:00:00.Z",
					  "2026-11-20T09:00:00.0000000001Z",
					  "2026-11-20T09:00:00+01:00",
					  "2026-11-20 ",
					  "1677-01-01",
					  "2262-01-01",
					  "@",
					  "@9223372037",
					  "@99999999999999999999999",
					  "-5",
					  "1700000000s"};
	int64_t ns = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(parse_time(good[i].text, &ns));
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(parse_time(bad[i], &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_writing_a_value),
		cmocka_unit_test(flags_are_bundled),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_command_may_tell_apart_what_is_behind_two_dashes),
		cmocka_unit_test(a_value_may_look_like_an_option),
		cmocka_unit_test(errors_name_the_command_and_the_option),
		cmocka_unit_test(help_comes_from_the_table),
		cmocka_unit_test(counts),
		cmocka_unit_test(integers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
