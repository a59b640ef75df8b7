/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill run: captures in, flow records and a summary out. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "options.h"
#include "run_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/flow.h"
#include "tcpmill/tcp.h"
#include "text.h"

enum {
	OPT_WRITE,
	OPT_FILTER,
	OPT_COUNT,
	OPT_FROM,
	OPT_TO,
	OPT_WORKERS,
	OPT_MAX_FLOWS,
	OPT_IDLE_TIMEOUT,
	OPT_JSON,
	OPT_QUIET,
	OPT_CHUNK_SIZE,
	OPT_BATCH_ROWS,
	OPT_HASH_KEY,
	OPT_DELAY_WORKERS,
};

static const struct option_spec run_options[] = {
	{"write", 'w', "FILE", "write flow records as Arrow + LZ4; - is an Arrow stream on stdout",
	 NULL, OPTION_EVERYBODY, OPT_WRITE},
	{"filter", 'f', "BPF", "read only packets that this capture filter passes", NULL,
	 OPTION_EVERYBODY, OPT_FILTER},
	{"count", 'c', "N", "stop after N packets", NULL, OPTION_EVERYBODY, OPT_COUNT},
	{"from", 0, "TIME",
	 "only packets from this time on (UTC, as 2026-11-20T09:00:00 or @seconds)", NULL,
	 OPTION_EVERYBODY, OPT_FROM},
	{"to", 0, "TIME", "only packets before this time", NULL, OPTION_EVERYBODY, OPT_TO},
	{"workers", 0, "N", "worker threads, one pinned to a core each; default: all cores", NULL,
	 OPTION_EVERYBODY, OPT_WORKERS},
	{"max-flows", 0, "N", "flows kept at once; default: what half of the memory holds", NULL,
	 OPTION_EVERYBODY, OPT_MAX_FLOWS},
	{"idle-timeout", 0, "SECONDS",
	 "end flows that are idle for so long; default 0: flows last as in tshark, all records "
	 "come "
	 "at the end and memory grows with the flows",
	 NULL, OPTION_EVERYBODY, OPT_IDLE_TIMEOUT},
	{"json", 0, NULL, "the summary for machines", NULL, OPTION_EVERYBODY, OPT_JSON},
	{"quiet", 'q', NULL, "no summary, no progress, no warnings", NULL, OPTION_EVERYBODY,
	 OPT_QUIET},
	{"chunk-size", 0, "BYTES", "bytes of a file that are read at a time (4 KiB to 8 MiB)",
	 "For experts and tests:", OPTION_EXPERT, OPT_CHUNK_SIZE},
	{"batch-rows", 0, "N", "rows of a record batch; default 65536", NULL, OPTION_EXPERT,
	 OPT_BATCH_ROWS},
	{"hash-key", 0, "N", "seed of the flow table's hash; default: random", NULL, OPTION_EXPERT,
	 OPT_HASH_KEY},
	{"delay-workers", 0, "SEED", "pause workers at random", NULL, OPTION_EXPERT,
	 OPT_DELAY_WORKERS},
};

static const struct command_spec run_command = {
	.name = "run",
	.synopsis = "tcpmill run [options] CAPTURE...",
	.summary =
		"Reads captures in the order given as one stream and prints what TCP did in them.",
	.notes = "CAPTURE is pcap or pcapng; - is stdin.\n"
		 "Exit status: 0 all read, 1 failed, 2 usage, 3 done but an input was damaged, "
		 "130 interrupted.",
	.options = run_options,
	.nb_options = sizeof(run_options) / sizeof(run_options[0]),
};

static const char *take_u32(const char *value, uint64_t min, uint64_t max, uint32_t *to)
{
	uint64_t n;
	const char *why = parse_count_between(value, min, max, &n);

	if (why == NULL)
		*to = (uint32_t)n;
	return why;
}

static const char *take_chunk_size(const char *value, uint32_t *to)
{
	uint64_t n;
	const char *why = parse_bytes(value, &n);

	if (why != NULL)
		return why;
	if (n < CAPTURE_MIN_CHUNK || n > CAPTURE_MAX_CHUNK)
		return "expected 4096 bytes to 8 MiB";
	*to = (uint32_t)n;
	return NULL;
}

static const char *take(void *context, int id, const char *value)
{
	struct run_options *options = context;
	struct engine_config *config = &options->config;

	switch (id) {
	case OPTION_OPERAND:
		options->paths[options->nb_paths++] = value;
		return NULL;
	case OPT_WRITE:
		config->output = value;
		return *value != '\0' ? NULL : "expected a file name";
	case OPT_FILTER:
		config->filter = value;
		return NULL;
	case OPT_COUNT:
		return parse_count_between(value, 1, UINT64_MAX / 2, &config->max_frames);
	case OPT_FROM:
		return parse_time(value, &config->from_ns);
	case OPT_TO:
		return parse_time(value, &config->to_ns);
	case OPT_WORKERS:
		return take_u32(value, 1, ENGINE_MAX_WORKERS, &config->nb_workers);
	case OPT_MAX_FLOWS:
		options->has_max_flows = true;
		return parse_count_between(value, 1, 2000000000, &config->max_flows);
	case OPT_IDLE_TIMEOUT:
		return parse_duration(value, &config->idle_timeout_ns);
	case OPT_JSON:
		options->json = true;
		return NULL;
	case OPT_QUIET:
		options->quiet = true;
		return NULL;
	case OPT_CHUNK_SIZE:
		return take_chunk_size(value, &config->chunk_size);
	case OPT_BATCH_ROWS:
		return take_u32(value, 1, 1u << 20, &config->batch_rows);
	case OPT_HASH_KEY:
		return parse_count(value, &config->hash_seed);
	case OPT_DELAY_WORKERS:
		return parse_count(value, &config->delay_seed);
	default:
		return "unknown option";
	}
}

uint64_t run_bytes_per_flow(void)
{
	/* A slot in whole cache lines, and buckets that are 5/16 to 5/8 full. */
	return (sizeof(struct tcp_flow) + 63) / 64 * 64 + 24;
}

/* What the machine, or the container we are in, has. */
static uint64_t memory_bytes(void)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
	unsigned long long limit;

	if (file == NULL)
		return bytes;
	if (fscanf(file, "%llu", &limit) == 1 && limit < bytes)
		bytes = limit;
	fclose(file);
	return bytes;
}

uint64_t run_default_max_flows(void)
{
	const uint64_t flows = memory_bytes() / 2 / run_bytes_per_flow();

	return flows < 1000000000 ? flows : 1000000000;
}

static uint32_t nb_usable_cpus(void)
{
	cpu_set_t set;
	int nb;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	nb = CPU_COUNT(&set);
	return nb < ENGINE_MAX_WORKERS ? (uint32_t)nb : ENGINE_MAX_WORKERS;
}

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	/* Without randomness an attacker could aim at a bucket, but no answer changes. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)getpid();
	return seed;
}

static void on_signal(int signal)
{
	(void)signal;
	engine_interrupt();
}

static void catch_signals(void)
{
	/* The second signal ends the process: somebody is in a hurry. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A reader that went away is an error that write() tells. */
	action = (struct sigaction){.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &action, NULL);
}

/* An output that is an input would be overwritten by what is read from it. */
static bool output_is_input(const struct run_options *options)
{
	struct stat output, input;

	if (options->config.output == NULL || strcmp(options->config.output, "-") == 0 ||
	    stat(options->config.output, &output) != 0 || !S_ISREG(output.st_mode))
		return false;
	for (size_t i = 0; i < options->nb_paths; i++) {
		if (stat(options->paths[i], &input) == 0 && input.st_dev == output.st_dev &&
		    input.st_ino == output.st_ino)
			return true;
	}
	return false;
}

static int check_usage(const struct run_options *options)
{
	if (options->nb_paths == 0)
		return options_usage_error(&run_command, "expected at least one capture");
	if (options->config.output != NULL && strcmp(options->config.output, "-") == 0 &&
	    isatty(STDOUT_FILENO))
		return options_usage_error(
			&run_command, "-w - writes binary records: stdout must not be a terminal");
	if (output_is_input(options))
		return options_usage_error(&run_command, "-w %s would overwrite an input",
					   options->config.output);
	if (options->config.from_ns >= options->config.to_ns)
		return options_usage_error(&run_command, "expected --from to be before --to");
	return OPTIONS_GO_ON;
}

/* Everything that the hooks of the engine need. */
struct run {
	struct run_options options;
	struct run_bar bar;
	const struct capture *capture;
	struct arrow_kv footer[16];
	size_t nb_footer;
};

static void on_progress(void *context, const struct engine_progress *progress)
{
	struct run *run = context;

	run_bar_progress(&run->bar, progress);
}

static size_t on_footer(void *context, const struct engine_result *result, struct arrow_kv *kv,
			size_t max)
{
	struct run *run = context;
	const struct run_report report = {
		.options = &run->options, .capture = run->capture, .result = result};

	run->nb_footer = run_footer_metadata(&report, run->footer, 16);
	for (size_t i = 0; i < run->nb_footer && i < max; i++)
		kv[i] = run->footer[i];
	return run->nb_footer < max ? run->nb_footer : max;
}

static void print_damage(const struct run_report *report)
{
	const struct capture_totals *totals = capture_totals(report->capture);
	const uint64_t nb = totals->nb_damage;

	for (uint64_t i = 0; i < nb && i < CAPTURE_NB_DAMAGE; i++) {
		const struct capture_damage *damage = capture_damage(report->capture, (size_t)i);

		fprintf(stderr, "tcpmill: %s: %s\n",
			capture_input(report->capture, damage->input)->path, damage->text);
	}
	fprintf(stderr,
		"tcpmill: kept everything before it: %s packets, %s flows (exit status 3)\n",
		text_ucount(totals->nb_frames).s, text_ucount(report->result->totals.flows).s);
}

/* Prints what there is to say and tells the exit status. */
static int conclude(const struct run_report *report)
{
	const struct run_options *options = report->options;
	const bool to_stderr =
		options->config.output != NULL && strcmp(options->config.output, "-") == 0;
	FILE *out = to_stderr ? stderr : stdout;
	int status = EXIT_OK;

	if (capture_totals(report->capture)->nb_damage != 0)
		status = EXIT_DAMAGED;
	if (report->result->interrupted)
		status = EXIT_INTERRUPTED;
	if (options->json)
		run_print_json(report, out);
	else if (!options->quiet)
		run_print_summary(report, out);
	if (to_stderr && !options->quiet && !options->json)
		run_print_stream_footer(report, out);
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(stderr, "tcpmill: cannot write the summary: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	if (!options->quiet)
		run_print_warnings(report, stderr);
	if (capture_totals(report->capture)->nb_damage != 0)
		print_damage(report);
	if (report->result->interrupted)
		fprintf(stderr, "tcpmill: interrupted after %s packets%s%s\n",
			text_ucount(capture_totals(report->capture)->nb_frames).s,
			options->config.output != NULL ? "; records so far are in " : "",
			options->config.output != NULL ? report->result->record_path : "");
	return status;
}

static int run_open(struct run *run, struct engine_result *result)
{
	const struct run_options *options = &run->options;
	const struct capture_params params = {
		.paths = options->paths,
		.nb_paths = options->nb_paths,
		.chunk_size = options->config.chunk_size,
		.max_frames = options->config.max_frames,
		.filter = options->config.filter,
	};
	struct engine_hooks hooks = {.progress = on_progress, .footer = on_footer, .context = run};
	struct run_report report = {.options = options, .result = result};
	struct arrow_kv metadata[8];
	char error[640];
	struct capture *capture;
	bool usage;
	int rc;

	capture = capture_open(&params, error, sizeof(error), &usage);
	if (capture == NULL) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return usage ? EXIT_USAGE : EXIT_FAILED;
	}
	run->capture = capture;
	report.capture = capture;
	hooks.nb_metadata = run_schema_metadata(options, metadata, 8);
	hooks.metadata = metadata;
	catch_signals();
	rc = engine_run(&options->config, capture, &hooks, result, error, sizeof(error));
	run_bar_clear(&run->bar);
	if (rc != 0)
		fprintf(stderr, "tcpmill: %s\n", error);
	rc = rc != 0 ? EXIT_FAILED : conclude(&report);
	run_metadata_free(metadata, hooks.nb_metadata);
	run_metadata_free(run->footer, run->nb_footer);
	capture_close(capture);
	return rc;
}

int cmd_run(int argc, char **argv)
{
	struct run run = {
		.options.config =
			{
				.from_ns = INT64_MIN,
				.to_ns = INT64_MAX,
				.nb_workers = nb_usable_cpus(),
				.max_flows = run_default_max_flows(),
				.chunk_size = 1u << 20,
				.batch_rows = 65536,
				.hash_seed = random_seed(),
			},
	};
	struct engine_result *result = calloc(1, sizeof(*result));
	int status;

	run.options.paths = calloc((size_t)argc + 1, sizeof(*run.options.paths));
	if (run.options.paths == NULL || result == NULL) {
		fputs("tcpmill: out of memory\n", stderr);
		status = EXIT_FAILED;
		goto out;
	}
	status = options_parse(&run_command, argc, argv, take, &run.options);
	if (status == OPTIONS_GO_ON)
		status = check_usage(&run.options);
	if (status != OPTIONS_GO_ON)
		goto out;
	run.bar = (struct run_bar){
		.name = run.options.nb_paths == 1 ? run.options.paths[0] : "captures",
		.out = isatty(STDERR_FILENO) && !run.options.quiet ? stderr : NULL,
		.quiet = run.options.quiet,
		.max_flows = run.options.config.max_flows,
	};
	status = run_open(&run, result);
out:
	free(result);
	free(run.options.paths);
	return status;
}
