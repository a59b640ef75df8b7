/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which flow is told, and everything that was captured of it.
 *
 * A stream or two endpoints are found and read in one pass. Else a first pass finds
 * out which flow it shall be, and a second one reads it. A pipe cannot be read twice:
 * its first flow is kept for the case that it is the only one.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "explain_priv.h"
#include "tcpmill/capture.h"
#include "tcpmill/scan.h"
#include "tcpmill/tcp.h"

struct finder {
	struct explain *e;
	const struct explain_request *request;
	bool is_looking;     /* the first of two passes */
	bool is_pipe;        /* there is no second one */
	bool failed;         /* memory was short */
	int64_t wanted;      /* stream to follow; -1: one between the endpoints */
	int64_t followed;    /* -1: none yet */
	int64_t around;      /* stream of the frame that was asked for */
	uint32_t *anomalies; /* packets of each stream */
	size_t nb_anomalies, room;
	struct scan_totals totals;
};

static bool same_endpoint(const struct flow *flow, bool high,
			  const struct explain_endpoint *endpoint)
{
	const bool is_ipv6 = (flow->bits & FLOW_IPV6) != 0;
	uint8_t address[16];

	flow_address(flow, high, address);
	return (high ? flow->port_hi : flow->port_lo) == endpoint->port &&
	       is_ipv6 == (endpoint->address.version == 6) &&
	       memcmp(address, endpoint->address.bytes, is_ipv6 ? 16 : 4) == 0;
}

static bool has_endpoints(const struct flow *flow, const struct explain_request *request)
{
	const struct explain_endpoint *ends = request->endpoints;

	return (same_endpoint(flow, false, &ends[0]) && same_endpoint(flow, true, &ends[1])) ||
	       (same_endpoint(flow, false, &ends[1]) && same_endpoint(flow, true, &ends[0]));
}

/* A flow between the endpoints that were asked for; true if it shall be followed. */
static bool take_same(struct finder *finder, int64_t stream, uint64_t first_frame)
{
	struct explain *e = finder->e;
	bool is_it = finder->wanted < 0 ? e->nb_same == 0 : stream == finder->wanted;

	/* Flows between the same ends follow each other: the last that began by then has it. */
	if (finder->wanted < 0 && finder->request->around != 0) {
		is_it = first_frame <= finder->request->around;
		e->nb = is_it ? 0 : e->nb;
		e->quoted_frame = is_it ? 0 : e->quoted_frame;
		e->has_record = !is_it && e->has_record;
	}

	if (!is_it && e->nb_same - (finder->followed >= 0) < EXPLAIN_NB_OTHERS)
		e->others[e->nb_same - (finder->followed >= 0)] = stream;
	e->nb_same++;
	return is_it;
}

static bool on_created(void *context, const struct flow *flow)
{
	struct finder *finder = context;
	const int64_t stream = flow->stream;
	bool follows;

	if (finder->is_looking)
		follows = finder->is_pipe && stream == 0;
	else if (finder->request->has_endpoints)
		follows = has_endpoints(flow, finder->request) &&
			  take_same(finder, stream, flow->first_frame);
	else
		follows = stream == finder->wanted;
	if (follows)
		finder->followed = stream;
	return follows;
}

/* Counts of streams up to stream exist; false when memory is short. */
static bool grow_anomalies(struct finder *finder, size_t stream)
{
	const size_t room = stream < 512 ? 1024 : stream * 2;
	uint32_t *anomalies;

	if (stream >= finder->room) {
		anomalies = realloc(finder->anomalies, room * sizeof(*anomalies));
		if (anomalies == NULL)
			return false;
		finder->anomalies = anomalies;
		finder->room = room;
	}
	while (finder->nb_anomalies <= stream)
		finder->anomalies[finder->nb_anomalies++] = 0;
	return true;
}

static void on_tracked(void *context, const struct flow *flow, const struct tcp_result *result)
{
	struct finder *finder = context;
	const size_t stream = (size_t)flow->stream;

	if (!grow_anomalies(finder, stream)) {
		finder->failed = true;
		return;
	}
	finder->anomalies[stream] += result->is_anomaly && finder->anomalies[stream] < UINT32_MAX;
	if (flow->last_frame == finder->request->around)
		finder->around = flow->stream;
}

static bool on_told(void *context, const struct tcp_note *note)
{
	struct finder *finder = context;
	struct explain *e = finder->e;

	/* On a pipe: not the only flow after all. */
	if (finder->is_looking && finder->nb_anomalies > 1) {
		e->nb = 0;
		e->quoted_frame = 0;
		return true;
	}
	/* No packet of the flow. */
	if (note->bits & NOTE_QUOTED) {
		if (e->quoted_frame == 0)
			e->quoted_frame = note->frame;
		return true;
	}
	if (e->nb == e->room) {
		const size_t room = e->room == 0 ? 1024 : e->room * 2;
		struct tcp_note *notes = realloc(e->notes, room * sizeof(*notes));

		if (notes == NULL) {
			finder->failed = true;
			return false;
		}
		e->notes = notes;
		e->room = room;
	}
	e->notes[e->nb++] = *note;
	return true;
}

static void on_ended(void *context, const struct flow *flow)
{
	struct finder *finder = context;
	struct tcp_flow room;

	if (flow->stream != finder->followed)
		return;
	flow_record_fill(tcp_flow_view(flow, &room), &finder->e->record);
	finder->e->has_record = true;
}

/* Reads the captures once. 0, or the exit status after a line on stderr. */
static int pass(struct finder *finder)
{
	const bool follows = !finder->is_looking || finder->is_pipe;
	const struct scan_hooks hooks = {
		.created = on_created,
		.tracked = finder->is_looking ? on_tracked : NULL,
		.told = follows ? on_told : NULL,
		.ended = follows ? on_ended : NULL,
		.context = finder,
	};
	const struct run_options *options = &finder->request->run;
	const struct scan_params params = {
		.max_flows = options->config.max_flows,
		.max_bytes = options->config.memory.state_bytes,
		.fragment_bytes = options->config.memory.fragment_bytes,
		.hash_seed = options->config.hash_seed,
	};
	char error[640];
	int status = EXIT_OK;

	finder->followed = -1;
	capture_close(finder->e->capture);
	finder->e->capture = run_open_capture(options, &status);
	if (finder->e->capture == NULL)
		return status;
	if (scan_run(finder->e->capture, &params, &hooks, &finder->totals, error, sizeof(error)) !=
	    0) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return EXIT_FAILED;
	}
	if (finder->failed) {
		fputs("tcpmill: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	finder->e->nb_flows = finder->totals.nb_flows;
	return EXIT_OK;
}

static bool is_pipe(const char *path)
{
	struct stat st;

	return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

/* Which flow the first pass has found; -1 after a line on stderr. */
static int64_t choose(struct finder *finder)
{
	struct explain *e = finder->e;
	const struct explain_request *request = finder->request;
	size_t worst = 0;

	if (request->around != 0) {
		e->why = EXPLAIN_FRAME;
		if (finder->around >= 0)
			return finder->around;
		run_blame(&request->run);
		fprintf(stderr, "frame %" PRIu64 " is in no TCP flow (of %s packets)\n",
			request->around, text_ucount(capture_totals(e->capture)->nb_frames).s);
		return -1;
	}
	for (size_t i = 1; i < finder->nb_anomalies; i++) {
		if (finder->anomalies[i] > finder->anomalies[worst])
			worst = i;
	}
	e->why = e->nb_flows == 1 ? EXPLAIN_ONLY : EXPLAIN_TROUBLED;
	return (int64_t)worst;
}

/* Both passes, or the one that there can be. */
static int find_by_looking(struct finder *finder)
{
	struct explain *e = finder->e;
	int status;

	finder->is_looking = true;
	for (size_t i = 0; i < finder->request->run.nb_paths; i++)
		finder->is_pipe |= is_pipe(finder->request->run.paths[i]);
	status = pass(finder);
	if (status != EXIT_OK || e->nb_flows == 0)
		return status;
	finder->wanted = choose(finder);
	if (finder->wanted < 0)
		return EXIT_FAILED;
	if (finder->is_pipe && e->nb_flows == 1)
		return EXIT_OK;
	if (finder->is_pipe) {
		run_blame(&finder->request->run);
		fprintf(stderr,
			"a pipe cannot be read twice: choose one of its %s flows with --stream; "
			"%s is stream %" PRId64 "\n",
			text_ucount(e->nb_flows).s,
			e->why == EXPLAIN_FRAME ? "that frame's" : "the most troubled",
			finder->wanted);
		return EXIT_FAILED;
	}
	finder->is_looking = false;
	return pass(finder);
}

/* What was found must be what was asked for; EXIT_FAILED after a line on stderr. */
static int check(const struct finder *finder)
{
	const struct explain *e = finder->e;
	const struct explain_request *request = finder->request;

	if (e->nb_flows == 0) {
		run_blame(&request->run);
		fprintf(stderr, "no TCP segment in %s packets%s\n",
			text_ucount(capture_totals(e->capture)->nb_frames).s,
			request->run.config.filter != NULL ? " passes the filter" : "");
		return EXIT_FAILED;
	}
	if (e->why == EXPLAIN_FRAME && request->has_endpoints && e->nb_same > 0 &&
	    look_frame(e, request->around) == EXPLAIN_NONE) {
		run_blame(&request->run);
		fprintf(stderr, "frame %" PRIu64 " is in no flow between %s\n", request->around,
			request->endpoints_text);
		return EXIT_FAILED;
	}
	if (e->nb == 0 && e->has_record && e->quoted_frame != 0) {
		run_blame(&request->run);
		fprintf(stderr,
			"no packet of stream %" PRId64 ": frame %" PRIu64
			" quotes one in an ICMP error or a sample of sFlow, that is all\n",
			e->record.stream, e->quoted_frame);
		return EXIT_FAILED;
	}
	if (e->nb == 0 || !e->has_record) {
		run_blame(&request->run);
		if (request->has_endpoints)
			fprintf(stderr, "no %s between %s (of %s flows)\n",
				request->has_stream && e->nb_same > 0 ? "such stream" : "flow",
				request->endpoints_text, text_ucount(e->nb_flows).s);
		else
			fprintf(stderr, "no stream %" PRId64 ": the streams are 0 to %" PRIu64 "\n",
				request->stream, e->nb_flows - 1);
		return EXIT_FAILED;
	}
	if (request->around != 0 && look_frame(e, request->around) == EXPLAIN_NONE) {
		run_blame(&request->run);
		fprintf(stderr, "frame %" PRIu64 " is not in stream %" PRId64 "\n", request->around,
			e->record.stream);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int explain_find(struct explain *e, const struct explain_request *request)
{
	struct finder finder = {.e = e, .request = request, .wanted = -1, .around = -1};
	int status;

	e->request = request;
	if (request->has_stream || request->has_endpoints) {
		e->why = request->has_stream    ? EXPLAIN_ASKED
			 : request->around != 0 ? EXPLAIN_FRAME
						: EXPLAIN_ENDPOINTS;
		finder.wanted = request->has_stream ? request->stream : -1;
		status = pass(&finder);
	} else {
		status = find_by_looking(&finder);
	}
	free(finder.anomalies);
	return status == EXIT_OK ? check(&finder) : status;
}
