/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/*
 * The bench kit: one program that makes traces and times the rooms, the whole
 * program and the machine under it, without anything else installed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bulk_counts;
struct bulk_params;

/* Each takes what follows its name and returns the exit status: 0, 1 failed, 2 usage. */
int cmd_aim(int argc, char **argv);
int cmd_floor(int argc, char **argv);
int cmd_live(int argc, char **argv);
int cmd_pmd(int argc, char **argv);
int cmd_rooms(int argc, char **argv);
int cmd_scale(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_wait(int argc, char **argv);

/* "tcpmill-bench: what: why" to stderr; returns the status. */
int bench_fail(int status, const char *what, const char *why);

/* ---- arguments ------------------------------------------------------------ */

#define BENCH_LIST_MAX 16

struct bench_list {
	uint64_t values[BENCH_LIST_MAX];
	uint32_t nb;
};

enum bench_option_kind {
	BENCH_FLAG,   /* bool */
	BENCH_NUMBER, /* uint64_t, 1 to max */
	BENCH_LIST,   /* struct bench_list, each 1 to max */
	BENCH_TEXT,   /* const char * */
};

struct bench_option {
	const char *name;
	enum bench_option_kind kind;
	uint64_t max;
	void *to;
};

/*
 * Takes the options out of argv; what is left are up to nb_names words. An option is given
 * at most once a run of a program, so the last wins. Returns 0, or 2 after a message.
 */
int bench_parse(char **argv, const struct bench_option *options, size_t nb_options,
		const char **names, size_t nb_names);

/* ---- figures --------------------------------------------------------------- */

#define BENCH_ROUNDS_MAX 64
#define BENCH_ROUNDS 5 /* unless the user says otherwise */

/* Of the rounds: any two figures of a machine that drifts are told with their spread. */
struct bench_spread {
	double median, min, max;
};

uint64_t bench_now_ns(void);
/* Sorts values. nb >= 1. */
struct bench_spread bench_spread(double *values, uint32_t nb);

/* ---- traces ---------------------------------------------------------------- */

/*
 * Writes a trace as tcpmill-generate bulk does. captured and file_bytes: as in its line of
 * counts. Returns 0, or 1 after a message.
 */
int bench_make_trace(const struct bulk_params *params, const char *path, struct bulk_counts *counts,
		     uint64_t *captured, uint64_t *file_bytes);

/* live flows at once, as in the sweep; longer flows than 200 packets are not needed. */
uint64_t bench_plain_flows(uint64_t nb_packets, uint64_t nb_live);

#endif
