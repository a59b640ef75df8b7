/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill verdicts: what tshark would say of every TCP segment, in the order of the capture. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "options.h"
#include "run_common.h"
#include "tcpmill/capture.h"
#include "text.h"
#include "verdicts_priv.h"

/* Lines that are made before the room for more is looked at. */
#define LINES 64u
/* How far ahead of the segment at hand its flow's addresses are fetched. */
#define PREFETCH 8u

enum {
	OPT_STREAM = RUN_OPT_OWN,
	OPT_ONLY_ANOMALIES,
	OPT_JSON,
};

static const struct option_spec verdicts_options[] = {
	{"stream", 0, "N", "only this stream (tcp.stream)", NULL, OPTION_EVERYBODY, OPT_STREAM},
	{"only-anomalies", 0, NULL, "only segments with trouble: no keep-alives, window updates",
	 NULL, OPTION_EVERYBODY, OPT_ONLY_ANOMALIES},
	{"json", 0, NULL, "one JSON object a line, with all that tshark shows beside the verdicts",
	 NULL, OPTION_EVERYBODY, OPT_JSON},
	RUN_ROWS_INPUT,
	RUN_ROWS_FOLLOW,
	RUN_ROWS_MACHINE,
	{"quiet", 'q', NULL, "no progress, no warnings", NULL, OPTION_EVERYBODY, RUN_OPT_QUIET},
	RUN_ROWS_EXPERT,
};

static const struct command_spec verdicts_command = {
	.name = "verdicts",
	.synopsis = "tcpmill verdicts [options] CAPTURE...",
	.summary = "Prints tshark's verdict on every TCP packet: frame, stream, verdicts, number "
		   "of the\nduplicate ACK, with tabs between.",
	.notes = RUN_NOTE_CAPTURES
	"Verdicts are named as tshark's fields "
	"tcp.analysis.*.\n"
	"Exit status: 0 all read, 1 failed or no such stream, 2 usage, 3 done but an input "
	"was damaged,\n  130 interrupted.",
	.options = verdicts_options,
	.nb_options = sizeof(verdicts_options) / sizeof(verdicts_options[0]),
};

/* const from the first segment on, but for write_errno, which put() alone writes. */
struct verdicts {
	struct run_options run;
	uint64_t stream; /* UINT64_MAX: all */
	bool only_anomalies;
	int write_errno; /* of stdout, 0 = none */
};

static const char *take(void *context, int id, const char *value)
{
	struct verdicts *verdicts = context;

	switch (id) {
	case OPT_STREAM:
		return parse_count_between(value, 0, INT64_MAX, &verdicts->stream);
	case OPT_ONLY_ANOMALIES:
		verdicts->only_anomalies = true;
		return NULL;
	case OPT_JSON:
		verdicts->run.json = true;
		return NULL;
	default:
		return run_options_take(&verdicts->run, id, value);
	}
}

static bool is_wanted(const struct verdicts *verdicts, const struct tcp_note *note)
{
	if (verdicts->only_anomalies && (note->verdicts & VERDICT_ANOMALIES) == 0)
		return false;
	return verdicts->stream == UINT64_MAX || verdicts->stream == (uint64_t)note->stream;
}

/* The end of the segments from i on that are one line: those of a frame, but JSON's are alone. */
static size_t line_end(const struct verdicts *verdicts, const struct engine_told *const *told,
		       size_t nb, size_t i)
{
	size_t end = i + 1;

	while (!verdicts->run.json && end < nb && told[end]->note.frame == told[i]->note.frame)
		end++;
	return end;
}

static char *put_line(const struct verdicts *verdicts, struct verdicts_json *json, char *at,
		      const struct engine_told *const *told, size_t nb)
{
	const struct engine_told *wanted[DECODE_MAX_SEGMENTS];
	size_t nb_wanted = 0;

	for (size_t i = 0; i < nb; i++) {
		if (is_wanted(verdicts, &told[i]->note))
			wanted[nb_wanted++] = told[i];
	}
	if (nb_wanted == 0)
		return at;
	return verdicts->run.json ? verdicts_put_json(json, at, wanted[0])
				  : verdicts_put_text(at, wanted, nb_wanted);
}

static int tell(void *context, const struct engine_told *const *told, size_t nb,
		struct engine_bytes *out)
{
	const struct verdicts *verdicts = context;
	struct verdicts_json json = {.second = INT64_MIN};

	for (size_t i = 0; i < nb;) {
		const size_t end = nb - i < LINES ? nb : i + LINES;
		/* The last line may have all that a frame can have. */
		uint8_t *room =
			engine_bytes_room(out, (LINES + DECODE_MAX_SEGMENTS) * VERDICTS_LINE_MAX);
		char *at = (char *)room;

		if (room == NULL)
			return -ENOMEM;
		while (i < end) {
			const size_t next = line_end(verdicts, told, nb, i);

			if (verdicts->run.json && i + PREFETCH < nb)
				verdicts_prefetch(told[i + PREFETCH]);
			at = put_line(verdicts, &json, at, told + i, next - i);
			i = next;
		}
		out->len += (size_t)(at - (char *)room);
	}
	return 0;
}

/* stdout may be a pipe that somebody else set to O_NONBLOCK. */
static bool wait_writable(void)
{
	struct pollfd stdout_fd = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&stdout_fd, 1, -1) >= 0 || errno == EINTR;
}

static int put(void *context, const uint8_t *data, size_t len)
{
	struct verdicts *verdicts = context;

	while (len > 0) {
		const ssize_t n = write(STDOUT_FILENO, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			return -EIO;
		} else if (errno != EINTR && (errno != EAGAIN || !wait_writable())) {
			verdicts->write_errno = errno;
			return -errno;
		}
	}
	return 0;
}

/* True if the stream that was asked for is in the captures, as far as they were read. */
static bool found_stream(const struct verdicts *verdicts, const struct run_report *report)
{
	const uint64_t nb_streams = report->result->totals.flows;

	if (verdicts->stream == UINT64_MAX || verdicts->stream < nb_streams ||
	    report->result->interrupted)
		return true;
	run_blame(&verdicts->run);
	fprintf(stderr, "no stream %" PRIu64, verdicts->stream);
	if (nb_streams == 0)
		fputs(": there is no TCP flow\n", stderr);
	else
		fprintf(stderr, ": the streams are 0 to %" PRIu64 "\n", nb_streams - 1);
	return false;
}

/* What there is to say behind the lines; the exit status. */
static int conclude(const struct verdicts *verdicts, const struct run_report *report)
{
	if (!verdicts->run.quiet)
		run_print_warnings(report, stderr);
	run_print_damage(report);
	if (report->result->interrupted)
		fprintf(stderr, "tcpmill: interrupted after %s packets\n",
			text_ucount(capture_totals(report->capture)->nb_frames).s);
	return found_stream(verdicts, report) ? run_exit_status(report) : EXIT_FAILED;
}

static int run(struct verdicts *verdicts, struct engine_result *result)
{
	const struct run_options *options = &verdicts->run;
	const struct engine_teller teller = {
		.wants_details = true, /* without them the 10,000-entry cap is not exact */
		.only_verdicts = verdicts->only_anomalies,
		.tell = tell,
		.put = put,
		.name = "stdout",
		.context = verdicts,
	};
	struct run_report report = {.options = options, .result = result};
	struct run_bar bar;
	const struct engine_hooks hooks = {
		.progress = run_bar_progress, .context = &bar, .teller = &teller};
	struct capture *capture;
	char error[640];
	int status;

	capture = run_open_capture(options, &status);
	if (capture == NULL)
		return status;
	status = run_plan_workers(&verdicts->run, capture);
	if (status != 0) {
		capture_close(capture);
		return status;
	}
	report.capture = capture;
	run_bar_init(&bar, options);
	if (isatty(STDOUT_FILENO))
		bar.out = NULL; /* it would run into the lines */
	run_catch_signals();
	status = engine_run(&options->config, capture, &hooks, result, error, sizeof(error));
	run_bar_clear(&bar);
	if (status == 0) {
		status = conclude(verdicts, &report);
	} else if (verdicts->write_errno == EPIPE) {
		status = EXIT_OK; /* whoever reads has seen enough */
	} else {
		fprintf(stderr, "tcpmill: %s\n", error);
		status = EXIT_FAILED;
	}
	capture_close(capture);
	return status;
}

int cmd_verdicts(int argc, char **argv)
{
	struct verdicts verdicts = {.stream = UINT64_MAX};
	struct engine_result *result = calloc(1, sizeof(*result));
	int status = run_options_init(&verdicts.run, argc);

	if (status == 0 && result == NULL) {
		fputs("tcpmill: out of memory\n", stderr);
		status = EXIT_FAILED;
	}
	if (status != 0)
		goto out;
	status = options_parse(&verdicts_command, argc, argv, take, &verdicts);
	if (status == OPTIONS_GO_ON)
		status = run_options_check(&verdicts_command, &verdicts.run);
	if (status == OPTIONS_GO_ON)
		status = run(&verdicts, result);
out:
	free(result);
	run_options_fini(&verdicts.run);
	return status;
}
