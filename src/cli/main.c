/* SPDX-License-Identifier: BSD-3-Clause */

/* The program: picks a command. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "tcpmill/rights.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
	enum rights rights; /* those it keeps from its start on */
};

static const struct command commands[] = {
	{"run", cmd_run, "read captures or ports, print a summary, write flow records", RIGHTS_ALL},
	{"show", cmd_show, "show flow records as a table, totals, CSV or JSON", RIGHTS_READ},
	{"explain", cmd_explain, "show one flow as a ladder: what went wrong, why, and where",
	 RIGHTS_READ},
	{"verdicts", cmd_verdicts, "print tshark's verdict on every TCP packet", RIGHTS_ALL},
	{"recover", cmd_recover, "make a whole file of the .part that a crash left", RIGHTS_MAKE},
};

static void print_help(FILE *out)
{
	fputs("tcpmill: what TCP did in a capture or on a port, on every core\n\nusage: tcpmill "
	      "COMMAND "
	      "[options] "
	      "...\n\n",
	      out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\ntcpmill COMMAND --help tells the options of a command; tcpmill --version.\n"
	      "Exit status: 0 all well, 1 failed, 2 usage, 3 done but an input was damaged, "
	      "130 interrupted\n(live capture ends with 0: an interrupt is its normal end).\n",
	      out);
}

/*
 * A file opened under the number of a closed stdout would be mixed with text: no number is
 * left free. Reading gives the end at once, writing fails.
 */
static bool fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return false;
	}
	return true;
}

static int flush_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_OK;
	fprintf(stderr, "tcpmill: stdout: cannot write: %s\n", strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	if (!fill_standard_streams()) {
		fputs("tcpmill: cannot open /dev/null\n", stderr);
		return EXIT_FAILED;
	}
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return flush_stdout();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("tcpmill " TCPMILL_VERSION);
		return flush_stdout();
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		(void)rights_keep_only(commands[i].rights);
		return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "tcpmill: unknown command '%s' (see tcpmill --help)\n", argv[1]);
	return EXIT_USAGE;
}
