/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_LIVE_CLI_H
#define TCPMILL_CLI_LIVE_CLI_H

/*
 * The live half of the run command: `tcpmill run -i PORT`.
 *
 * Everything that is printed, written as metadata or offered to a scraper is made from one
 * struct live_report, so that people and machines are told the same.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "run_common.h"
#include "tcpmill/live.h"

struct arrow_kv;
struct json_out;
struct run_sums;

/* ---- options (live_options.c) --------------------------------------------------------- */

struct live_options {
	uint64_t max_memory; /* of all, in bytes */
	struct live_config config;
	const char **ports;  /* [config.nb_ports] as typed */
	const char **eal;    /* [config.nb_eal] */
	const char *metrics; /* file, or NULL */
	bool list_ports;
	bool json, quiet;
	uint64_t seen; /* bit id: this option was given */
};

/* ids of live capture's own options, behind those of the run command. */
enum live_option {
	LIVE_OPT_FIRST = RUN_OPT_OWN + 16,
	LIVE_OPT_INTERFACE = LIVE_OPT_FIRST,
	LIVE_OPT_LIST_PORTS,
	LIVE_OPT_ROTATE,
	LIVE_OPT_DURATION,
	LIVE_OPT_ACTIVE_TIMEOUT,
	LIVE_OPT_METRICS,
	LIVE_OPT_USER,
	LIVE_OPT_NO_PROMISCUOUS,
	LIVE_OPT_SNAPLEN,
	LIVE_OPT_BUFFER,
	LIVE_OPT_SLEEP_IDLE,
	LIVE_OPT_EXCHANGE_CELLS,
	LIVE_OPT_RECORD_BLOCKS,
	LIVE_OPT_END,
};

/* clang-format off */
#define LIVE_ROWS                                                                                  \
	{"interface", 'i', "PORT",                                                                 \
	 "capture from an interface (eth0, any) or a DPDK port (0000:3b:00.0, "                    \
	 "net_af_packet0,iface=eth0); may be given several times",                                 \
	 "Live capture", OPTION_EVERYBODY, LIVE_OPT_INTERFACE},                                    \
	{"list-ports", 0, NULL, "print what can be captured from", NULL, OPTION_EVERYBODY,         \
	 LIVE_OPT_LIST_PORTS},                                                                     \
	{"rotate", 0, "TIME|BYTES",                                                                \
	 "begin a new FILE so often (60s, 1h) or when it is so large (100MB); "                     \
	 "-w is then a strftime pattern, times in UTC: flows-%Y%m%dT%H%M%SZ.arrow", NULL,               \
	 OPTION_EVERYBODY, LIVE_OPT_ROTATE},                                                       \
	{"duration", 0, "TIME", "stop after this time", NULL, OPTION_EVERYBODY,                    \
	 LIVE_OPT_DURATION},                                                                       \
	{"active-timeout", 0, "T", "a flow that goes on reports a record each T", NULL,            \
	 OPTION_EVERYBODY, LIVE_OPT_ACTIVE_TIMEOUT},                                               \
	{"metrics", 0, "FILE", "counters for Prometheus, replaced each second", NULL,              \
	 OPTION_EVERYBODY, LIVE_OPT_METRICS},                                                      \
	{"user", 'Z', "USER", "become USER for good as soon as the ports are open", NULL,                   \
	 OPTION_EVERYBODY, LIVE_OPT_USER},                                                         \
	{"no-promiscuous", 'p', NULL, "only what is meant for this machine", NULL,                 \
	 OPTION_EVERYBODY, LIVE_OPT_NO_PROMISCUOUS},                                               \
	{"snaplen", 's', "BYTES",                                                                  \
	 "look at so much of a packet; default 512, for its headers; 0: all", NULL,                \
	 OPTION_EVERYBODY, LIVE_OPT_SNAPLEN},                                                      \
	{"buffer", 'B', "BYTES", "the kernel's ring of each port; default 64MiB", NULL, OPTION_EVERYBODY,         \
	 LIVE_OPT_BUFFER},                                                                         \
	{"sleep-idle", 0, NULL, "let idle workers of DPDK ports sleep instead of polling", NULL,                 \
	 OPTION_EVERYBODY, LIVE_OPT_SLEEP_IDLE}

#define LIVE_ROWS_EXPERT                                                                           \
	{"exchange-cells", 0, "N",                                                                 \
	 "live: segments that wait between two workers, a power of two", NULL, OPTION_EXPERT,      \
	 LIVE_OPT_EXCHANGE_CELLS},                                                                 \
	{"record-blocks", 0, "N",                                                                  \
	 "live: blocks of records that wait for the writer, a worker", NULL, OPTION_EXPERT,        \
	 LIVE_OPT_RECORD_BLOCKS}
/* clang-format on */

/* Defaults, with room for argc ports. 0, or EXIT_FAILED after a line on stderr. */
int live_options_init(struct live_options *options, int argc);
void live_options_fini(struct live_options *options);
/*
 * Hears every option before the command does; *is_taken: it is live capture's alone. See
 * option_take_fn.
 */
const char *live_options_take(struct live_options *options, int id, const char *value,
			      bool *is_taken);
/* True if live capture was asked for, or the list of its ports. */
bool live_options_is_live(const struct live_options *options);
/* Without -i: options that need it are refused. OPTIONS_GO_ON or EXIT_USAGE. */
int live_options_check_absent(const struct command_spec *command,
			      const struct live_options *options);
/*
 * With -i: takes over what the run command's own options say, and checks the whole.
 * OPTIONS_GO_ON or EXIT_USAGE.
 */
int live_options_finish(const struct command_spec *command, struct live_options *options,
			struct run_options *shared);
/* A TIME (a duration) or BYTES (a size with a unit); each kind once. As parse_count(). */
const char *live_parse_rotate(const char *text, uint64_t *rotate_ns, uint64_t *rotate_bytes);

/* ---- what is told ---------------------------------------------------------------------- */

/* How the run began: what the ports turned out to be, kept beyond their life. */
struct live_ports {
	uint32_t nb, nb_workers;
	bool has_hugepages;
	bool is_exchanged; /* segments go from worker to worker, or are merged by time */
	int cpus[ENGINE_MAX_WORKERS];
	struct port_info infos[PORT_MAX_PORTS];
	char drivers[PORT_MAX_PORTS][64];
	char names[PORT_MAX_PORTS][128];
};
void live_ports_copy(struct live_ports *ports, const struct live_start *start);
/* What brings both directions of a flow to one worker: "rss", "exchange", or "one_worker". */
const char *live_dealt_by(const struct live_ports *ports);

/* stats: of the whole run, or since a file was opened. */
struct live_report {
	const struct live_options *options;
	const struct live_ports *ports;
	const struct live_stats *stats;
	const struct live_sum *sum;
	const struct live_result *result; /* NULL: the run goes on */
};

/* Where every packet went (live_books.c). */
struct live_books {
	uint64_t received; /* by the workers: the sum of fates and exchange */
	uint64_t fates[NB_FATES];
	uint64_t exchange; /* dropped between two workers */
	/* What the ports were offered: received + not_read + the drops in front of the workers. */
	uint64_t offered;
	uint64_t ports_received; /* as the ports count */
	int64_t not_read;        /* ports_received - received; 0 once all is drained */
	uint64_t cut;            /* of the received: longer than a buffer */
};
void live_books_make(struct live_books *books, const struct live_stats *stats,
		     const struct live_sum *sum);
/* Flows of all classes that --max-flows threw out. */
uint64_t live_evicted(const struct live_sum *sum);

/* What the flows of a run that has ended add up to (run_priv.h). */
struct run_sums live_sums_of(const struct live_report *report);

/* How one kind of loss is told to people. */
struct live_drop_words {
	const char *name;   /* in a line: "dropped by the NIC" */
	const char *advice; /* what can be done about it */
};
extern const struct live_drop_words live_drop_words[NB_LIVE_DROPS];

/* A line made of parts, broken before it gets wider than the screen. Starts as {out, 0}. */
struct live_line {
	FILE *out;
	size_t columns;
};
/* separator is left out at the start, and what it begins with at the start of a later line. */
void live_line_put(struct live_line *line, const char *separator, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void live_line_end(struct live_line *line);

/* Ports as they were opened, a line each, and what runs worse than it could. */
void live_print_started(const struct live_report *report, FILE *out);

/* live_summary.c: of a run that has ended. */
void live_print_summary(const struct live_report *report, FILE *out);
void live_print_warnings(const struct live_report *report, FILE *out);

/* The status line on a terminal (live_status.c). */
struct live_status {
	FILE *out; /* NULL: no line is drawn */
	bool is_drawn;
	bool has_last;
	uint64_t last_ns, last_received, last_bytes, last_flows;
};
void live_status_init(struct live_status *status, bool quiet);
void live_status_draw(struct live_status *status, const struct live_report *report);
void live_status_clear(struct live_status *status);
/* A second. */
struct live_rates {
	double packets, bits, flows;
};
/* The line as text, without the terminal's controls: at most so many columns. */
void live_status_line(char *line, size_t size, size_t columns, const struct live_report *report,
		      const struct live_rates *rates);

/* live_json.c */
void live_print_json(const struct live_report *report, FILE *out);
/* The footer of records that went out as a stream. */
void live_print_stream_footer(const struct live_report *report, FILE *out);
/* Values are malloc'ed: run_metadata_free(). Returns how many were made. */
size_t live_schema_metadata(const struct live_report *report, struct arrow_kv *kv, size_t max);
size_t live_footer_metadata(const struct live_report *report, struct arrow_kv *kv, size_t max);

/* live_metrics.c: Prometheus' text format. */
void live_metrics_print(const struct live_report *report, int64_t process_start_ns, FILE *out);
/* Replaces the file at once. 0 or -errno. */
int live_metrics_replace(const char *path, const struct live_report *report,
			 int64_t process_start_ns);

/* cmd_live.c: the command, once its line is understood. Returns the exit status. */
int live_main(const struct live_options *options);

#endif
