/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill run: captures or ports in; flow records, events and a summary out. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "live_cli.h"
#include "options.h"
#include "run_events.h"
#include "run_priv.h"
#include "tcpmill/arrow.h"
#include "text.h"

enum {
	OPT_WRITE = RUN_OPT_OWN,
	OPT_EVENTS,
	OPT_ONLY,
	OPT_JSON,
	OPT_BATCH_ROWS,
};

static const struct option_spec run_options[] = {
	{"write", 'w', "FILE", "write flow records as Arrow + LZ4; - is an Arrow stream on stdout",
	 NULL, OPTION_EVERYBODY, OPT_WRITE},
	{"events", 0, "FILE", "write a row for each verdict on a packet, as Arrow + LZ4", NULL,
	 OPTION_EVERYBODY, OPT_EVENTS},
	{"only", 0, "LIST", "of the events only these verdicts, with commas between", NULL,
	 OPTION_EVERYBODY, OPT_ONLY},
	RUN_ROWS_INPUT,
	RUN_ROWS_FOLLOW,
	RUN_ROWS_MACHINE,
	{"json", 0, NULL, "the summary for machines", NULL, OPTION_EVERYBODY, OPT_JSON},
	{"quiet", 'q', NULL, "no summary, no progress, no warnings", NULL, OPTION_EVERYBODY,
	 RUN_OPT_QUIET},
	LIVE_ROWS,
	RUN_ROWS_EXPERT,
	{"batch-rows", 0, "N", "rows of a record batch; default 65536, or fewer with --max-memory",
	 NULL, OPTION_EXPERT, OPT_BATCH_ROWS},
	LIVE_ROWS_EXPERT,
};

static const struct command_spec run_command = {
	.name = "run",
	.synopsis =
		"tcpmill run [options] CAPTURE... | tcpmill run -i PORT [options] [-- EAL OPTIONS]",
	.summary = "Reads captures in the order given as one stream, or what ports receive, and "
		   "tells what TCP did.",
	.notes = RUN_NOTE_CAPTURES
	"Live capture goes on until an interrupt, its normal end, with --idle-timeout 300s, for\n"
	"half-open flows 30s, closed ones 5s, a core left free for the kernel. Losses: "
	"docs/live.md.\n"
	"Exit status: 0 all read, or live capture ended; 1 failed, 2 usage, 3 done but an "
	"input was\n  damaged (or with --follow cut short, replaced or deleted), 130 interrupted "
	"while reading captures.\n"
	"Verdicts: retransmission, fast_retransmission, spurious_retransmission, out_of_order, "
	"lost_segment,\n"
	"  ack_lost_segment, window_update, window_full, keep_alive, keep_alive_ack, zero_window, "
	"tfo_syn,\n"
	"  tfo_ack, tfo_ignored, zero_window_probe, zero_window_probe_ack, reused_ports, "
	"duplicate_ack.",
	.options = run_options,
	.nb_options = sizeof(run_options) / sizeof(run_options[0]),
	.has_rest = true,
};

/* The command, and everything that the hooks of the engine need. */
struct run {
	struct run_options options;
	struct live_options live; /* in place of captures, if ports are named */
	const char *events_path;  /* or NULL */
	const char *only;         /* as typed, or NULL */
	uint32_t verdicts;        /* bit v: the events have verdict v */
	struct run_bar bar;
	struct capture *capture;
	struct arrow_kv footer[16];
	size_t nb_footer;
	struct run_link_type *link_types; /* NULL until the input is read */
	size_t nb_link_types;
};

static const char *take(void *context, int id, const char *value)
{
	struct run *run = context;
	struct run_options *options = &run->options;
	bool is_live;
	const char *refusal = live_options_take(&run->live, id, value, &is_live);

	if (refusal != NULL || is_live)
		return refusal;
	switch (id) {
	case OPT_WRITE:
		options->config.output = option_output(value);
		return *value != '\0' ? NULL : "expected a file name";
	case OPT_EVENTS:
		run->events_path = option_output(value);
		return *value != '\0' ? NULL : "expected a file name";
	case OPT_ONLY:
		run->only = value;
		return NULL;
	case OPT_JSON:
		options->json = true;
		return NULL;
	case OPT_BATCH_ROWS:
		options->has_batch_rows = true;
		return run_take_u32(value, 1, 1u << 20, &options->config.batch_rows);
	default:
		return run_options_take(options, id != OPTION_REST ? id : OPTION_OPERAND, value);
	}
}

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

/* Neither is there: the same name in the same folder. */
static bool would_be_same_file(const char *a, const char *b)
{
	const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
	const char *name_a = slash_a != NULL ? slash_a + 1 : a;
	const char *name_b = slash_b != NULL ? slash_b + 1 : b;
	char folder_a[PATH_MAX], folder_b[PATH_MAX];
	struct stat stat_a, stat_b;

	if (strcmp(name_a, name_b) != 0)
		return false;
	snprintf(folder_a, sizeof(folder_a), "%.*s.", (int)(name_a - a), a);
	snprintf(folder_b, sizeof(folder_b), "%.*s.", (int)(name_b - b), b);
	return stat(folder_a, &stat_a) == 0 && stat(folder_b, &stat_b) == 0 &&
	       stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino;
}

/* Two names of one file. A device such as /dev/null may be named twice. */
static bool are_same_file(const char *a, const char *b)
{
	struct stat stat_a, stat_b;
	const bool has_a = stat(a, &stat_a) == 0, has_b = stat(b, &stat_b) == 0;

	if (!has_a && !has_b)
		return would_be_same_file(a, b);
	return has_a && has_b && !S_ISCHR(stat_a.st_mode) && stat_a.st_dev == stat_b.st_dev &&
	       stat_a.st_ino == stat_b.st_ino;
}

/* Would writing output, or the .part that it is until it is whole, destroy other? */
static bool destroys(const char *output, const char *other)
{
	char part[PATH_MAX];

	if (is_stdout(output) || is_stdout(other))
		return false;
	snprintf(part, sizeof(part), "%s.part", output);
	return are_same_file(output, other) || are_same_file(part, other);
}

/* One table that is written: option is "-w" or "--events". */
static int check_output(const struct run_options *options, const char *option, const char *path)
{
	if (path == NULL)
		return OPTIONS_GO_ON;
	if (is_stdout(path) && isatty(STDOUT_FILENO))
		return options_usage_error(
			&run_command, "%s - writes binary records: stdout must not be a terminal",
			option);
	for (size_t i = 0; i < options->nb_paths; i++) {
		if (destroys(path, options->paths[i]))
			return options_usage_error(&run_command, "%s %s would overwrite an input",
						   option, path);
	}
	return OPTIONS_GO_ON;
}

static int check_only(struct run *run)
{
	const char *nearest = NULL;
	char unknown[64];

	run->verdicts = RUN_EVENTS_ALL;
	if (run->only == NULL)
		return OPTIONS_GO_ON;
	if (run->events_path == NULL)
		return options_usage_error(
			&run_command, "--only chooses among the events: expected --events FILE");
	if (run_events_parse_only(run->only, &run->verdicts, unknown, sizeof(unknown), &nearest))
		return OPTIONS_GO_ON;
	return options_usage_error(&run_command, "--only: there is no verdict '%s'%s%s%s", unknown,
				   nearest != NULL ? "; is it '" : "",
				   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static int check_usage(struct run *run)
{
	struct run_options *options = &run->options;
	const char *output = options->config.output, *events = run->events_path;
	int status = live_options_check_absent(&run_command, &run->live);

	if (status == OPTIONS_GO_ON)
		status = run_options_check(&run_command, options);
	if (status == OPTIONS_GO_ON)
		status = check_output(options, "-w", output);
	if (status == OPTIONS_GO_ON)
		status = check_output(options, "--events", events);
	if (status == OPTIONS_GO_ON)
		status = check_only(run);
	if (status != OPTIONS_GO_ON || output == NULL || events == NULL)
		return status;
	if (is_stdout(output) && is_stdout(events))
		return options_usage_error(&run_command,
					   "-w - and --events -: stdout takes one table only");
	if (destroys(output, events) || destroys(events, output))
		return options_usage_error(&run_command, "--events %s would overwrite -w %s",
					   events, output);
	return OPTIONS_GO_ON;
}

/* As check_usage(), of a line with -i. */
static int check_live_usage(struct run *run)
{
	if (run->events_path != NULL || run->only != NULL)
		return options_usage_error(&run_command,
					   "--%s is for captures: live capture (-i) tells no "
					   "events",
					   run->events_path != NULL ? "events" : "only");
	return live_options_finish(&run_command, &run->live, &run->options);
}

static void on_progress(void *context, const struct engine_progress *progress)
{
	struct run *run = context;

	run_bar_progress(&run->bar, progress);
}

/* The report's list of link types, once; false when memory is short. */
static bool list_link_types(struct run *run)
{
	return run->link_types != NULL ||
	       run_link_types(run->capture, &run->link_types, &run->nb_link_types);
}

static struct run_report report_of(const struct run *run, const struct engine_result *result)
{
	return (struct run_report){
		.options = &run->options,
		.capture = run->capture,
		.result = result,
		.link_types = run->link_types,
		.nb_link_types = run->nb_link_types,
	};
}

static size_t on_footer(void *context, const struct engine_result *result, struct arrow_kv *kv,
			size_t max)
{
	const bool is_whole = list_link_types(context);
	struct run *run = context;
	const struct run_report report = report_of(run, result);

	run->nb_footer = run_footer_metadata(&report, run->footer, 16);
	for (size_t i = 0; i < run->nb_footer && i < max; i++)
		kv[i] = run->footer[i];
	if (!is_whole)
		kv[0].value = NULL; /* as if there had been no memory for it */
	return run->nb_footer < max ? run->nb_footer : max;
}

static void print_interrupted(const struct run_report *report)
{
	fprintf(stderr, "tcpmill: interrupted after %s packets",
		text_ucount(capture_totals(report->capture)->nb_frames).s);
	if (report->options->config.output != NULL)
		fprintf(stderr, "; records so far are in %s", report->result->record_path);
	if (report->events != NULL)
		fprintf(stderr, "; events so far are in %s", report->events->path);
	fputc('\n', stderr);
}

/* Prints what there is to say and tells the exit status. */
static int conclude(const struct run *run, const struct run_report *report)
{
	const struct run_options *options = report->options;
	const bool to_stderr = is_stdout(options->config.output) || is_stdout(run->events_path);
	FILE *out = to_stderr ? stderr : stdout;

	if (options->json)
		run_print_json(report, out);
	else if (!options->quiet)
		run_print_summary(report, out);
	if (to_stderr && !options->quiet && !options->json)
		run_print_stream_footer(report, out);
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(stderr, "tcpmill: %s: cannot write: %s\n", to_stderr ? "stderr" : "stdout",
			strerror(errno));
		return EXIT_FAILED;
	}
	if (!options->quiet)
		run_print_warnings(report, stderr);
	run_print_damage(report);
	if (report->result->interrupted)
		print_interrupted(report);
	return run_exit_status(report);
}

/* *events stays NULL if none were asked for. 0, or EXIT_FAILED after a line on stderr. */
static int open_events(const struct run *run, struct run_events **events)
{
	struct arrow_kv metadata[8];
	struct run_events_params params = {
		.path = run->events_path,
		.verdicts = run->verdicts,
		.batch_rows = run->options.config.batch_rows,
		.metadata = metadata,
	};
	char error[640];

	if (run->events_path == NULL)
		return 0;
	params.nb_metadata = run_events_schema_metadata(&run->options, run->verdicts, metadata, 8);
	*events = run_events_open(&params, error, sizeof(error));
	run_metadata_free(metadata, params.nb_metadata);
	if (*events != NULL)
		return 0;
	fprintf(stderr, "tcpmill: %s\n", error);
	return EXIT_FAILED;
}

/* Ends the events table and lets the report tell of it; both as above. */
static int finish_events(struct run_events *events, struct run_report *report,
			 struct run_events_result *told)
{
	struct arrow_kv footer[16];
	char error[640];
	size_t nb;
	int rc;

	if (events == NULL)
		return 0;
	nb = run_events_footer_metadata(report, run_events_nb_rows(events), footer, 16);
	rc = run_events_finish(events, report->result->interrupted, footer, nb, told, error,
			       sizeof(error));
	run_metadata_free(footer, nb);
	report->events = told;
	if (rc == 0)
		return 0;
	fprintf(stderr, "tcpmill: %s\n", error);
	return EXIT_FAILED;
}

/* Runs the engine and says what came of it; capture is open. Returns the exit status. */
static int run_engine(struct run *run, struct engine_result *result)
{
	const struct run_options *options = &run->options;
	struct engine_hooks hooks = {.progress = on_progress, .footer = on_footer, .context = run};
	struct run_report report;
	struct run_events_result told;
	struct run_events *events = NULL;
	struct arrow_kv metadata[8];
	char error[640];
	int status;

	run_catch_signals();
	status = open_events(run, &events);
	if (status != 0)
		return status;
	if (events != NULL)
		hooks.teller = run_events_teller(events);
	hooks.nb_metadata = run_schema_metadata(options, metadata, 8);
	hooks.metadata = metadata;
	if (engine_run(&options->config, run->capture, &hooks, result, error, sizeof(error)) != 0)
		status = EXIT_FAILED;
	run_bar_clear(&run->bar);
	if (status != 0) {
		fprintf(stderr, "tcpmill: %s\n", error);
		run_events_discard(events);
	}
	if (status == 0 && !list_link_types(run)) {
		fputs("tcpmill: out of memory\n", stderr);
		status = EXIT_FAILED;
	}
	report = report_of(run, result);
	if (status == 0)
		status = finish_events(events, &report, &told);
	if (status == 0)
		status = conclude(run, &report);
	run_events_close(events);
	run_metadata_free(metadata, hooks.nb_metadata);
	run_metadata_free(run->footer, run->nb_footer);
	free(run->link_types);
	return status;
}

static int run_open(struct run *run, struct engine_result *result)
{
	struct capture *capture;
	int status;

	capture = run_open_capture(&run->options, &status);
	if (capture == NULL)
		return status;
	run->capture = capture;
	status = run_plan_workers(&run->options, capture);
	if (status == 0)
		status = run_engine(run, result);
	capture_close(capture);
	return status;
}

static int run_captures(struct run *run)
{
	struct engine_result *result = calloc(1, sizeof(*result));
	int status = EXIT_FAILED;

	if (result != NULL) {
		run_bar_init(&run->bar, &run->options);
		status = run_open(run, result);
	} else {
		fputs("tcpmill: out of memory\n", stderr);
	}
	free(result);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run run = {.nb_footer = 0};
	bool is_live = false;
	int status = run_options_init(&run.options, argc);

	if (status == 0)
		status = live_options_init(&run.live, argc);
	if (status == 0) {
		status = options_parse(&run_command, argc, argv, take, &run);
		is_live = live_options_is_live(&run.live);
		if (status == OPTIONS_GO_ON)
			status = is_live ? check_live_usage(&run) : check_usage(&run);
		if (status == OPTIONS_GO_ON)
			status = is_live ? live_main(&run.live) : run_captures(&run);
	}
	live_options_fini(&run.live);
	run_options_fini(&run.options);
	return status;
}
