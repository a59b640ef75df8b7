/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill explain: one flow as a ladder, with causes and a diagnosis. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "explain_priv.h"
#include "options.h"
#include "tcpmill/capture.h"

enum {
	OPT_STREAM = RUN_OPT_OWN,
	OPT_FLOW,
	OPT_AROUND,
	OPT_ALL,
};

static const struct option_spec option_specs[] = {
	{"stream", 's', "N", "the flow with this stream number", NULL, OPTION_EVERYBODY,
	 OPT_STREAM},
	{"flow", 0, "A:P-B:P", "the flow between these ends; IPv6 as [A]:P", NULL, OPTION_EVERYBODY,
	 OPT_FLOW},
	{"around", 'a', "FRAME", "the flow of this frame, and only its surroundings", NULL,
	 OPTION_EVERYBODY, OPT_AROUND},
	{"all", 0, NULL, "show every segment, not only where something happens", NULL,
	 OPTION_EVERYBODY, OPT_ALL},
	{"filter", 'f', "BPF", "read only packets that this capture filter passes", NULL,
	 OPTION_EVERYBODY, RUN_OPT_FILTER},
	RUN_ROW_MERGE,
	{"chunk-size", 0, "BYTES", "bytes of a file that are read at a time (4 KiB to 8 MiB)",
	 "For experts and tests", OPTION_EXPERT, RUN_OPT_CHUNK_SIZE},
	{"max-flows", 0, "N", "flows kept at once; as of run", NULL, OPTION_EXPERT,
	 RUN_OPT_MAX_FLOWS},
};

static const struct command_spec command = {
	.name = "explain",
	.synopsis = "tcpmill explain [options] CAPTURE...",
	.summary =
		"Shows a flow segment by segment and says what went wrong, why, and where. Without "
		"an\noption: the only flow, or the one with most trouble.",
	.notes = RUN_NOTE_CAPTURES
	"  tcpmill explain office.pcapng\n"
	"  tcpmill explain office.pcapng --stream 17 --around 4711\n"
	"  tcpmill explain office.pcapng --flow 10.0.0.1:50122-93.184.216.34:80 --all\n"
	"Exit status: 0 shown, 1 failed or no such flow, 2 usage, 3 shown but an input was "
	"damaged.",
	.options = option_specs,
	.nb_options = sizeof(option_specs) / sizeof(option_specs[0]),
};

static const char *take(void *context, int id, const char *value)
{
	struct explain_request *request = context;
	const char *refusal;
	uint64_t n = 0;

	switch (id) {
	case OPT_STREAM:
		refusal = parse_count_between(value, 0, INT64_MAX, &n);
		request->has_stream = true;
		request->stream = (int64_t)n;
		return refusal;
	case OPT_FLOW:
		request->has_endpoints = true;
		request->endpoints_text = value;
		return explain_parse_endpoints(value, request->endpoints);
	case OPT_AROUND:
		return parse_count_between(value, 1, INT64_MAX, &request->around);
	case OPT_ALL:
		request->all = true;
		return NULL;
	default:
		return run_options_take(&request->run, id, value);
	}
}

/* What is left to say when the ladder is out. */
static int conclude(const struct explain *e)
{
	struct engine_result result = {.totals.flows = e->nb_flows};
	const struct run_report report = {
		.options = &e->request->run, .capture = e->capture, .result = &result};

	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		/* A reader that has seen enough closes the pipe. */
		if (errno == EPIPE)
			return EXIT_OK;
		fprintf(stderr, "tcpmill: stdout: cannot write: %s\n",
			strerror(errno != 0 ? errno : EIO));
		return EXIT_FAILED;
	}
	run_print_damage(&report);
	return run_exit_status(&report);
}

static int explain(const struct explain_request *request)
{
	struct explain e = {.out = stdout, .colour = text_wants_colour(STDOUT_FILENO)};
	int status = explain_find(&e, request);

	if (status == EXIT_OK && explain_plan(&e) != 0) {
		fputs("tcpmill: out of memory\n", stderr);
		status = EXIT_FAILED;
	}
	if (status == EXIT_OK) {
		explain_print(&e);
		status = conclude(&e);
	}
	capture_close(e.capture);
	free(e.notes);
	free(e.marks);
	free(e.highest);
	free(e.facts);
	return status;
}

int cmd_explain(int argc, char **argv)
{
	struct explain_request request = {0};
	int status = run_options_init(&request.run, argc);

	if (status != EXIT_OK)
		return status;
	/* A reader that went away is an error of write(), not a signal. */
	signal(SIGPIPE, SIG_IGN);
	status = options_parse(&command, argc, argv, take, &request);
	if (status == OPTIONS_GO_ON)
		status = run_options_check(&command, &request.run);
	if (status == OPTIONS_GO_ON)
		status = explain(&request);
	run_options_fini(&request.run);
	return status;
}
