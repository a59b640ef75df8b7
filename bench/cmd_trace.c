/* SPDX-License-Identifier: BSD-3-Clause */

/* tcpmill-bench trace: the shapes, each a name for options of the bulk generator. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bulk.h"
#include "output.h"
#include "report.h"

/* More packets a flow than that make no difference. */
#define PLAIN_PACKETS_PER_FLOW 200

#define OPTIONS_MAX 256

struct shape {
	const char *name;
	const char *options; /* as of tcpmill-generate bulk; %s is the number of packets */
	const char *help;
};

static const struct shape shapes[] = {
	{"plain", "", "many flows at once (--live), as in the sweep"},
	{"syn-flood", "--flows %s --live 1", "one flow a packet: SYNs"},
	{"elephant", "--flows 1", "one flow"},
	{"one-way", "--sides one", "only one direction of every flow was captured"},
	{"lossy", "--packets-per-flow 100 --loss 5 --reorder 5",
	 "5 % of the data segments lost, 5 % overtaken"},
	{"ipv6", "--ipv6 100", "flows over IPv6"},
	{"short-flows", "--packets-per-flow 6-10", "flows of 6 to 10 packets"},
	{"not-tcp", "--dns 80", "80 % of the packets are DNS"},
	{"fixed", "--live 1000 --end none", "a fixed set of flows (--live) that never end"},
	{"new-flows", "--packets-per-flow 8 --live 1000 --tick 1000000",
	 "125 new flows a second, for --idle-timeout 60s"},
};

uint64_t bench_plain_flows(uint64_t nb_packets, uint64_t nb_live)
{
	const uint64_t nb = nb_packets / PLAIN_PACKETS_PER_FLOW;

	return nb > nb_live ? nb : nb_live;
}

int bench_make_trace(const struct bulk_params *params, const char *path, struct bulk_counts *counts,
		     uint64_t *captured, uint64_t *file_bytes)
{
	const struct output_params output_params = {
		.path = path,
		.format = CAPTURE_PCAP,
		.link = PACKET_LINK_ETHERNET,
		.snaplen = params->size == BULK_96SNAP ? 96 : 0,
		.nb_frames = params->nb_packets,
	};
	struct output *output = output_create(&output_params);
	int error, close_error;

	memset(counts, 0, sizeof(*counts));
	if (output == NULL)
		return bench_fail(1, path, strerror(errno));
	error = bulk_write(params, output, counts);
	*captured = output_captured(output);
	*file_bytes = output_bytes(output);
	close_error = output_destroy(output);
	if (error == 0)
		error = close_error;
	return error == 0 ? 0 : bench_fail(1, path, strerror(-error));
}

static int list_shapes(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		printf("%-12s %s\n", shapes[i].name, shapes[i].help);
	return fflush(stdout) == 0 ? 0 : 1;
}

static const struct shape *find_shape(const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	}
	return NULL;
}

/* Each pair of words in text is set; 0 or 2. */
static int apply(struct bulk_params *params, const char *text)
{
	char words[OPTIONS_MAX], *state = NULL, *option, *value;

	snprintf(words, sizeof(words), "%s", text);
	option = strtok_r(words, " ", &state);
	while (option != NULL) {
		value = strtok_r(NULL, " ", &state);
		if (value == NULL || !bulk_set_option(params, option, value))
			return bench_fail(2, option, "no such value");
		option = strtok_r(NULL, " ", &state);
	}
	return 0;
}

struct trace_options {
	const char *path, *packets, *live, *flows, *size, *seed;
	bool json;
};

/* The trace's options as text, so that it can be had from tcpmill-generate as well. */
static int make_options(const struct shape *shape, const struct trace_options *options,
			char text[OPTIONS_MAX])
{
	const struct {
		const char *name, *value;
	} own[] = {
		{"--live", options->live},
		{"--flows", options->flows},
		{"--size", options->size},
		{"--seed", options->seed},
	};
	uint64_t packets, live;
	size_t n;

	n = (size_t)snprintf(text, OPTIONS_MAX, "--packets %s ", options->packets);
	/* The text has at most one %s. */
	for (const char *at = shape->options; *at != '\0' && n < OPTIONS_MAX - 64; at++) {
		if (at[0] == '%' && at[1] == 's') {
			n += (size_t)snprintf(text + n, OPTIONS_MAX - n, "%s", options->packets);
			at++;
		} else {
			text[n++] = *at;
			text[n] = '\0';
		}
	}
	if (shape == shapes && options->flows == NULL &&
	    bulk_parse_number(options->packets, UINT32_MAX, &packets) &&
	    bulk_parse_number(options->live != NULL ? options->live : "10000", 1 << 28, &live))
		n += (size_t)snprintf(text + n, OPTIONS_MAX - n, "--flows %" PRIu64,
				      bench_plain_flows(packets, live));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && n < OPTIONS_MAX; i++) {
		if (own[i].value != NULL)
			n += (size_t)snprintf(text + n, OPTIONS_MAX - n, " %s %s", own[i].name,
					      own[i].value);
	}
	return n < OPTIONS_MAX ? 0 : bench_fail(2, "trace", "the options are too long");
}

static int tell(const struct trace_options *options, const char *shape, const char *text,
		const struct bulk_counts *counts, const uint64_t bytes[2], double seconds)
{
	struct bulk_named_count named[BULK_NB_COUNTS];
	struct report report;
	int status;

	if (!report_init(&report, "trace"))
		return bench_fail(1, "trace", "out of memory");
	bulk_name_counts(counts, named);
	report_fact_text(&report, "shape", "shape", shape);
	for (size_t i = 0; i < BULK_NB_COUNTS; i++)
		report_fact(&report, named[i].key, named[i].key, (double)named[i].value, 0);
	report_fact(&report, "captured_bytes", "captured_bytes", (double)bytes[0], 0);
	report_fact(&report, "file_bytes", "file_bytes", (double)bytes[1], 0);
	report_fact(&report, "seconds", "seconds", seconds, 3);
	report_fact_text(&report, "bulk_options", "bulk_options", text);
	status = report_print(&report, options->json,
			      strcmp(options->path, "-") == 0 ? stderr : stdout);
	report_fini(&report);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	struct trace_options options = {.path = NULL};
	const struct bench_option table[] = {
		{"-o", BENCH_TEXT, 0, &options.path},
		{"--packets", BENCH_TEXT, 0, &options.packets},
		{"--live", BENCH_TEXT, 0, &options.live},
		{"--flows", BENCH_TEXT, 0, &options.flows},
		{"--size", BENCH_TEXT, 0, &options.size},
		{"--seed", BENCH_TEXT, 0, &options.seed},
		{"--json", BENCH_FLAG, 0, &options.json},
	};
	struct bulk_params params = BULK_DEFAULTS;
	struct bulk_counts counts;
	const struct shape *shape;
	const char *name;
	char text[OPTIONS_MAX];
	uint64_t bytes[2], start;
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), &name, 1);

	(void)argc;
	if (status != 0)
		return status;
	if (strcmp(name, "list") == 0)
		return list_shapes();
	shape = find_shape(name);
	if (shape == NULL)
		return bench_fail(2, name, "no such shape (see tcpmill-bench trace list)");
	if (options.path == NULL || options.packets == NULL)
		return bench_fail(2, "trace", "-o FILE and --packets N must be given");
	status = make_options(shape, &options, text);
	if (status == 0)
		status = apply(&params, text);
	if (status == 0 && params.nb_packets == 0)
		status = bench_fail(2, "--packets", "no such value");
	if (status != 0)
		return status;
	start = bench_now_ns();
	status = bench_make_trace(&params, options.path, &counts, &bytes[0], &bytes[1]);
	if (status != 0)
		return status;
	return tell(&options, name, text, &counts, bytes, (double)(bench_now_ns() - start) / 1e9);
}
