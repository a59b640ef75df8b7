/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill-bench: traces and timings, in one program that can be copied to another machine. */

#include <stdio.h>
#include <string.h>

#include "bench.h"

static const char usage[] =
	"usage: tcpmill-bench COMMAND ... [--json]\n"
	"\n"
	"  floor FILE [--rounds R]\n"
	"        what the machine allows: read() in pieces of 1 MiB, and walk and parse only\n"
	"  rooms FILE [--rounds R] [--packets MAX]\n"
	"        ns a packet of each room alone: read, cut, decode, table, verdicts, record\n"
	"  scale [--workers 1,2,4] [--live 1000,100000] [--packets N] [--size "
	"96snap|full|small|1500]\n"
	"        [--rounds R] [--tcpmill PATH] [--dir DIR]\n"
	"        the whole program, for each number of workers and live flows\n"
	"  trace SHAPE -o FILE --packets N [--live L] [--flows M] [--size S] [--seed S]\n"
	"        makes a trace; trace list tells the shapes\n"
	"  aim buckets|partition -o FILE [--packets N] [--flows M] [--key K]\n"
	"        a trace of tuples chosen for their bucket under that --hash-key, or their "
	"partition\n"
	"  live [--flows 100000,1000,1000000] [--packets N] [--rounds R] [--only CONSUMER]\n"
	"        packets a second that one worker takes from a port fed by another core, beside\n"
	"        loops that do less; --only null, empty, decode, track or live\n"
	"  live --frames FILE [--flows F] [--packets N]\n"
	"        writes what it is fed\n"
	"  wait [--intervals 100,1000,10000] [--packets N]\n"
	"        how long a packet waits for an idle worker, every so many us one, and what of "
	"its\n"
	"        core that takes: by busy poll and with --sleep-idle\n"
	"  pmd FILE\n"
	"        what DPDK's own net_pcap driver receives, without analysis\n"
	"\n"
	"--json: one object for a program (bench/report.h says how it is made).\n"
	"Rounds of everything are taken in turn; told is the median.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"floor", cmd_floor}, {"rooms", cmd_rooms}, {"scale", cmd_scale}, {"trace", cmd_trace},
	{"aim", cmd_aim},     {"live", cmd_live},   {"pmd", cmd_pmd},     {"wait", cmd_wait},
};

int main(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	}
	fputs(usage, stderr);
	return 2;
}
