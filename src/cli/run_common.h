/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_RUN_COMMON_H
#define TCPMILL_CLI_RUN_COMMON_H

/* What every command that reads captures shares: its options, its inputs, its last words. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"
#include "tcpmill/engine.h"

struct run_link_type;
struct capture;
struct capture_folder;
struct run_events_result;

struct run_options {
	struct engine_config config;
	const char **paths;
	size_t nb_paths;
	bool *is_found;                 /* [nb_paths]: in a folder, not named */
	struct capture_folder *folders; /* whose captures stand among the paths */
	size_t nb_folders;
	bool json, quiet;
	bool merge;  /* inputs by time */
	bool follow; /* the last one is still written */
	uint64_t follow_timeout_ns;
	bool has_max_flows; /* given, not the default of this machine */
	bool has_max_memory;
	bool has_workers;
	bool has_batch_rows;
	bool has_timeout[NB_FLOW_CLASSES]; /* of its own, not --idle-timeout's */
	bool has_idle_timeout;
};

/* What is said about a run: the same facts for people and for machines. */
struct run_report {
	const struct run_options *options;
	const struct capture *capture;
	const struct engine_result *result;
	const struct run_events_result *events; /* NULL: no events table was asked for */
	const struct run_link_type *link_types; /* those of run_link_types() */
	size_t nb_link_types;
};

/* ids of the shared options; a command's own begin at RUN_OPT_OWN. */
enum run_option {
	RUN_OPT_FILTER,
	RUN_OPT_COUNT,
	RUN_OPT_MERGE,
	RUN_OPT_FOLLOW,
	RUN_OPT_FOLLOW_TIMEOUT,
	RUN_OPT_FROM,
	RUN_OPT_TO,
	RUN_OPT_WORKERS,
	RUN_OPT_MAX_FLOWS,
	RUN_OPT_MAX_MEMORY,
	RUN_OPT_IDLE_TIMEOUT,
	RUN_OPT_HALF_OPEN_TIMEOUT,
	RUN_OPT_CLOSED_TIMEOUT,
	RUN_OPT_QUIET,
	RUN_OPT_CHUNK_SIZE,
	RUN_OPT_HASH_KEY,
	RUN_OPT_DELAY_WORKERS,
	RUN_OPT_OWN,
};

/* What a CAPTURE may be, for the notes of each command. */
#define RUN_NOTE_CAPTURES                                                                          \
	"CAPTURE is pcap or pcapng, maybe in gzip, zstd, lz4, xz or bzip2; - is stdin. A folder "  \
	"stands\n"                                                                                 \
	"for the captures in it, found by content, by their first packets; no sub-folders.\n"

/* Rows of a command's option table: which packets are read. */
/* clang-format off */
#define RUN_ROWS_INPUT                                                                             \
	{"filter", 'f', "BPF", "read only packets that this capture filter passes", NULL,          \
	 OPTION_EVERYBODY, RUN_OPT_FILTER},                                                        \
	{"count", 'c', "N", "stop after N packets", NULL, OPTION_EVERYBODY, RUN_OPT_COUNT},        \
	{"from", 0, "TIME",                                                                        \
	 "only packets from this time on (UTC, as 2026-11-20T09:00:00 or @seconds)", NULL,         \
	 OPTION_EVERYBODY, RUN_OPT_FROM},                                                          \
	{"to", 0, "TIME", "only packets before this time", NULL, OPTION_EVERYBODY, RUN_OPT_TO},    \
	RUN_ROW_MERGE

#define RUN_ROW_MERGE                                                                              \
	{"merge", 0, NULL,                                                                         \
	 "merge all captures by time, as mergecap does",   \
	 NULL, OPTION_EVERYBODY, RUN_OPT_MERGE}

#define RUN_ROWS_FOLLOW                                                                            \
	{"follow", 0, NULL,                                                                        \
	 "the (last) capture is still written: wait for more; live timeouts", NULL, OPTION_EVERYBODY,                \
	 RUN_OPT_FOLLOW},                                                                          \
	{"follow-timeout", 0, "SECONDS", "end when nothing came for so long", NULL,                \
	 OPTION_EVERYBODY, RUN_OPT_FOLLOW_TIMEOUT}

/* With how much machine. */
#define RUN_ROWS_MACHINE                                                                           \
	{"workers", 0, "N", "worker threads, one pinned to a core each; default: all cores", NULL, \
	 OPTION_EVERYBODY, RUN_OPT_WORKERS},                                                       \
	{"max-memory", 0, "BYTES",                                                                 \
	 "for everything together, 64MiB or more; default: half of the machine's. When "   \
	 "it is short, details give way, then flows are evicted: all is counted",      \
	 NULL, OPTION_EVERYBODY, RUN_OPT_MAX_MEMORY},                                              \
	{"max-flows", 0, "N", "flows kept at once; default: what --max-memory holds", NULL,        \
	 OPTION_EVERYBODY, RUN_OPT_MAX_FLOWS},                                                     \
	{"idle-timeout", 0, "SECONDS",                                                             \
	 "end flows idle so long; default 0: none, memory grows, records come last", NULL, OPTION_EVERYBODY,                \
	 RUN_OPT_IDLE_TIMEOUT},                                                                    \
	{"half-open-timeout", 0, "SECONDS",                                                        \
	 "the same for a SYN that nobody answered; default: the idle timeout", NULL,               \
	 OPTION_EXPERT, RUN_OPT_HALF_OPEN_TIMEOUT},                                             \
	{"closed-timeout", 0, "SECONDS",                                                           \
	 "the same for a flow that FINs or a RST closed; default: the idle timeout", NULL,         \
	 OPTION_EXPERT, RUN_OPT_CLOSED_TIMEOUT}

#define RUN_ROWS_EXPERT                                                                            \
	{"chunk-size", 0, "BYTES", "bytes of a file that are read at a time (4 KiB to 8 MiB)",     \
	 "For experts and tests", OPTION_EXPERT, RUN_OPT_CHUNK_SIZE},                             \
	{"hash-key", 0, "N", "seed of the flow table's hash; default: random", NULL,               \
	 OPTION_EXPERT, RUN_OPT_HASH_KEY},                                                         \
	{"delay-workers", 0, "SEED", "pause workers at random", NULL, OPTION_EXPERT,               \
	 RUN_OPT_DELAY_WORKERS}
/* clang-format on */

/*
 * Defaults, with room for as many paths as there are arguments. 0, or EXIT_FAILED after
 * a line on stderr.
 */
int run_options_init(struct run_options *options, int argc);
void run_options_fini(struct run_options *options);
/* Takes a shared option or an operand; see option_take_fn. */
const char *run_options_take(struct run_options *options, int id, const char *value);
/* A number option that is kept in 32 bits. */
const char *run_take_u32(const char *value, uint64_t min, uint64_t max, uint32_t *to);
/*
 * What the shared options must be together; puts the captures of folders in their place.
 * OPTIONS_GO_ON, EXIT_USAGE, or EXIT_FAILED after a line on stderr.
 */
int run_options_check(const struct command_spec *command, struct run_options *options);
/* run_inputs.c: OPTIONS_GO_ON or EXIT_FAILED; likewise. */
int run_inputs_expand(struct run_options *options);
void run_inputs_free(struct run_options *options);

/*
 * How memory is shared out, once all options are known: it sets the flows, the size of chunks
 * and the number of workers that were not given. OPTIONS_GO_ON or EXIT_USAGE.
 */
int run_options_plan_memory(const struct command_spec *command, struct run_options *options);

/*
 * Fills in the timeouts of live capture where none was given: 300 s, 30 s for a SYN without an
 * answer, 5 s for a closed flow. None lasts longer than the idle timeout unless it was given.
 */
void run_live_timeouts(uint64_t timeout_ns[NB_FLOW_CLASSES], const bool given[NB_FLOW_CLASSES]);
/* What --follow asks for, and what cannot be asked with it: OPTIONS_GO_ON or EXIT_USAGE. */
int run_follow_finish(const struct command_spec *command, struct run_options *options);

/* Opens the captures; NULL after a line on stderr, with the exit status in *status. */
struct capture *run_open_capture(const struct run_options *options, int *status);
/*
 * Workers share the memory that the captures leave, now that it is known what they take. 0, or
 * EXIT_USAGE after a line on stderr.
 */
int run_plan_workers(struct run_options *options, const struct capture *capture);

/* An interrupt makes the run finish what it has; a broken pipe is an error of write(). */
void run_catch_signals(void);

/* "tcpmill: ERROR" on stderr, in one line whatever is in it. */
void run_print_error(const char *error);

/* "tcpmill: FILE: " on stderr: whose fault it is. */
void run_blame(const struct run_options *options);
/* What to end with after a run that did not fail: interrupted, damaged or all well. */
int run_exit_status(const struct run_report *report);
/* Whatever stopped an input before its end; nothing if all were read. */
void run_print_damage(const struct run_report *report);

/* The progress line on a terminal. */
struct run_bar {
	char name[256];
	FILE *out; /* NULL: no line is drawn */
	bool is_drawn, has_warned;
	bool quiet;
	uint64_t max_flows, max_memory;
};
void run_bar_init(struct run_bar *bar, const struct run_options *options);
void run_bar_progress(void *context, const struct engine_progress *progress);
void run_bar_clear(struct run_bar *bar);

/* run_summary.c */
void run_print_warnings(const struct run_report *report, FILE *out);

#endif
