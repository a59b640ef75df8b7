/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill run -i PORT: starts a live run, watches it, and says what came of it. */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "live_cli.h"
#include "run_priv.h"
#include "tcpmill/arrow.h"

#define MAX_METADATA 16

/* Metadata that is kept until it is made anew. */
struct live_metadata {
	struct arrow_kv kv[MAX_METADATA];
	size_t nb;
};

/* Everything that the hooks of a live run need. */
struct live {
	const struct live_options *options;
	struct live_ports ports; /* written before the writer's thread begins */
	struct live_status status;
	struct live_metadata schema, footer; /* the footer is the writer's thread's */
	int64_t process_start_ns;
	bool metrics_failed, records_failed; /* and it was said */
};

#define HURRY_NS 300000000

/*
 * A second signal ends the process: somebody is in a hurry. But not one right behind the first:
 * timeout(1) sends its own twice, to us and to our group.
 */
static void on_signal(int number)
{
	static _Atomic int64_t first_ns; /* a handler has no other place */
	struct timespec now;
	int64_t now_ns, none = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (atomic_compare_exchange_strong(&first_ns, &none, now_ns)) {
		live_interrupt();
	} else if (now_ns - none > HURRY_NS) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
	}
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction before;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A terminal that is closed ends the capture as well, unless nohup is in front of us. */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	/* A reader that went away is an error that write() tells. */
	action = (struct sigaction){.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &action, NULL);
}

static int64_t utc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t hand_over(const struct live_metadata *made, struct arrow_kv *kv, size_t max)
{
	const size_t nb = made->nb < max ? made->nb : max;

	for (size_t i = 0; i < nb; i++)
		kv[i] = made->kv[i];
	return nb;
}

static size_t on_metadata(void *context, const struct live_start *start, struct arrow_kv *kv,
			  size_t max)
{
	struct live *live = context;
	const struct live_report report = {.options = live->options, .ports = &live->ports};

	(void)start; /* started() kept it */
	run_metadata_free(live->schema.kv, live->schema.nb);
	live->schema.nb = live_schema_metadata(&report, live->schema.kv, MAX_METADATA);
	return hand_over(&live->schema, kv, max);
}

static size_t on_footer(void *context, const struct live_stats *since_opened, struct arrow_kv *kv,
			size_t max)
{
	struct live *live = context;
	struct live_sum sum;
	const struct live_report report = {.options = live->options,
					   .ports = &live->ports,
					   .stats = since_opened,
					   .sum = &sum};

	live_sum(since_opened, &sum);
	run_metadata_free(live->footer.kv, live->footer.nb);
	live->footer.nb = live_footer_metadata(&report, live->footer.kv, MAX_METADATA);
	return hand_over(&live->footer, kv, max);
}

static void on_started(void *context, const struct live_start *start)
{
	struct live *live = context;
	const struct live_report report = {.options = live->options, .ports = &live->ports};

	live_ports_copy(&live->ports, start);
	if (!live->options->quiet)
		live_print_started(&report, stderr);
}

/* A file that cannot be written is no reason to stop capturing. */
static void replace_metrics(struct live *live, const struct live_report *report)
{
	int rc;

	if (live->options->metrics == NULL)
		return;
	rc = live_metrics_replace(live->options->metrics, report, live->process_start_ns);
	if (rc == 0 || live->metrics_failed || live->options->quiet)
		return;
	live->metrics_failed = true;
	live_status_clear(&live->status);
	fprintf(stderr, "tcpmill: warning: %s: cannot write: %s (capture goes on)\n",
		live->options->metrics, strerror(-rc));
}

/* Said at once, for the run may go on for weeks; why is said at the end. */
static void warn_failed_records(struct live *live, const struct live_stats *stats)
{
	if (stats->writer.failures == 0 || live->records_failed)
		return;
	live->records_failed = true;
	live_status_clear(&live->status);
	fprintf(stderr, "tcpmill: -w %s: records cannot be written; capture goes on without them\n",
		live->options->config.output);
}

static void on_tick(void *context, const struct live_stats *stats)
{
	struct live *live = context;
	struct live_sum sum;
	const struct live_report report = {
		.options = live->options, .ports = &live->ports, .stats = stats, .sum = &sum};

	live_sum(stats, &sum);
	replace_metrics(live, &report);
	warn_failed_records(live, stats);
	live_status_draw(&live->status, &report);
}

/* Prints what there is to say and tells the exit status. */
static int conclude(const struct live *live, const struct live_report *report)
{
	const struct live_options *options = live->options;
	const bool to_stderr =
		options->config.output != NULL && strcmp(options->config.output, "-") == 0;
	FILE *out = to_stderr ? stderr : stdout;

	if (options->json)
		live_print_json(report, out);
	else if (!options->quiet)
		live_print_summary(report, out);
	if (to_stderr && !options->quiet && !options->json)
		live_print_stream_footer(report, out);
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(stderr, "tcpmill: %s: cannot write: %s\n", to_stderr ? "stderr" : "stdout",
			strerror(errno));
		return EXIT_FAILED;
	}
	if (!options->quiet)
		live_print_warnings(report, stderr);
	if (!report->result->output_failed)
		return EXIT_OK;
	fprintf(stderr, "tcpmill: %s\n", report->result->failure);
	return EXIT_FAILED;
}

static int run(struct live *live, struct live_result *result)
{
	const struct live_hooks hooks = {
		.started = on_started,
		.tick = on_tick,
		.footer = on_footer,
		.metadata = on_metadata,
		.context = live,
	};
	struct live_sum sum;
	const struct live_report report = {.options = live->options,
					   .ports = &live->ports,
					   .stats = &result->stats,
					   .sum = &sum,
					   .result = result};
	char error[640];
	bool usage = false;
	int rc;

	catch_signals();
	rc = live_run(&live->options->config, &hooks, result, error, sizeof(error), &usage);
	live_status_clear(&live->status);
	if (rc != 0) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return usage ? EXIT_USAGE : EXIT_FAILED;
	}
	live_sum(&result->stats, &sum);
	replace_metrics(live, &report);
	return conclude(live, &report);
}

static int list_ports(const struct live_options *options)
{
	char error[640];

	if (live_list_ports(stdout, options->eal, options->config.nb_eal, error, sizeof(error)) !=
	    0) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return EXIT_FAILED;
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_OK;
	fprintf(stderr, "tcpmill: stdout: cannot write: %s\n", strerror(errno));
	return EXIT_FAILED;
}

int live_main(const struct live_options *options)
{
	struct live *live;
	struct live_result *result;
	int status = EXIT_FAILED;

	if (options->list_ports)
		return list_ports(options);
	live = calloc(1, sizeof(*live));
	result = calloc(1, sizeof(*result));
	if (live != NULL && result != NULL) {
		live->options = options;
		live->process_start_ns = utc_now_ns();
		live_status_init(&live->status, options->quiet);
		status = run(live, result);
		run_metadata_free(live->schema.kv, live->schema.nb);
		run_metadata_free(live->footer.kv, live->footer.nb);
	} else {
		fputs("tcpmill: out of memory\n", stderr);
	}
	free(result);
	free(live);
	return status;
}
