/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_H
#define TCPMILL_CLI_H

/*
 * The commands of the program. Each takes the arguments from its own name on
 * (argv[0] is "show" in `tcpmill show ...`) and returns the exit status.
 */

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,        /* could not do it: no such file, disk full, not a capture */
	EXIT_USAGE = 2,         /* asked in a way the program does not understand */
	EXIT_DAMAGED = 3,       /* did what the damaged or unfinished input allowed */
	EXIT_INTERRUPTED = 130, /* SIGINT */
};

int cmd_explain(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_verdicts(int argc, char **argv);

#endif
