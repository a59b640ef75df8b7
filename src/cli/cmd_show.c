/* SPDX-License-Identifier: BSD-3-Clause */

/* `tcpmill show`: from the command line to the right printer. */

#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "explain_priv.h"
#include "options.h"
#include "show_run.h"
#include "text.h"

enum {
	OPT_COLUMNS,
	OPT_SORT,
	OPT_TOP,
	OPT_WHERE,
	OPT_STREAM,
	OPT_FLOW,
	OPT_BY,
	OPT_FORMAT,
	OPT_WIRESHARK,
	OPT_SCHEMA,
	OPT_BOOKS,
	OPT_WIDTH,
};

static const struct option_spec option_specs[] = {
	{"where", 'w', "COND", "only flows with COLUMN OPERATOR VALUE; several: all must hold",
	 NULL, OPTION_EVERYBODY, OPT_WHERE},
	{"sort", 's', "COL", "order: numbers from the largest, text from A; +COL, -COL: up, down",
	 NULL, OPTION_EVERYBODY, OPT_SORT},
	{"top", 'n', "N", "only the first N", NULL, OPTION_EVERYBODY, OPT_TOP},
	{"columns", 'c', "COL,...", "columns to show: the file's, x for o_x + r_x, flow, rtt, ...",
	 NULL, OPTION_EVERYBODY, OPT_COLUMNS},
	{"by", 'b', "COL,...", "totals of flows, packets, bytes and anomalies by columns", NULL,
	 OPTION_EVERYBODY, OPT_BY},
	{"stream", 0, "N", "everything about one flow, its handshake told step by step", NULL,
	 OPTION_EVERYBODY, OPT_STREAM},
	{"flow", 0, "A:P-B:P", "the same of the flow between these ends; IPv6 as [A]:P", NULL,
	 OPTION_EVERYBODY, OPT_FLOW},
	{"format", 'f', "FORMAT", "table; tsv, csv or json (a line each): raw values, all columns",
	 NULL, OPTION_EVERYBODY, OPT_FORMAT},
	{"wireshark", 0, NULL, "the command that opens each flow in Wireshark", NULL,
	 OPTION_EVERYBODY, OPT_WIRESHARK},
	{"schema", 0, NULL, "what the columns mean", NULL, OPTION_EVERYBODY, OPT_SCHEMA},
	{"books", 0, NULL,
	 "what became of every packet of the run; damage, or losses of live capture", NULL,
	 OPTION_EVERYBODY, OPT_BOOKS},
	{"width", 0, "N", "columns of the screen; 0: no limit", "Experts", OPTION_EXPERT,
	 OPT_WIDTH},
};

static const struct command_spec command = {
	.name = "show",
	.synopsis = "tcpmill show [options] FILE.arrow   (- is stdin)",
	.summary = "Shows the flow records of a run, or its events.",
	.notes = "Operators: == != < <= > >= =~ (contains) in (a network), is null, is not null.\n"
		 "  tcpmill show flows.arrow --sort retransmission --top 3\n"
		 "  tcpmill show flows.arrow -w 'ip in 10.0.0.0/8' -w 'syn_rtt_ns > 20ms'\n"
		 "  tcpmill show flows.arrow --by dst_port,handshake\n"
		 "  tcpmill show events.arrow --by verdict,cause",
	.options = option_specs,
	.nb_options = sizeof(option_specs) / sizeof(option_specs[0]),
};

static const char *take_format(struct show_request *request, const char *value)
{
	static const char *const names[] = {
		[SHOW_FORMAT_TABLE] = "table",
		[SHOW_FORMAT_TSV] = "tsv",
		[SHOW_FORMAT_CSV] = "csv",
		[SHOW_FORMAT_JSON] = "json",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], value) == 0) {
			request->format = (enum show_format)i;
			return NULL;
		}
	}
	return "expected table, tsv, csv or json";
}

static const char *take_where(struct show_request *request, const char *value)
{
	const char *refusal;

	if (request->nb_conditions == SHOW_CONDITIONS_MAX)
		return "too many conditions";
	refusal = show_condition_parse(value, &request->conditions[request->nb_conditions]);
	request->nb_conditions += refusal ? 0 : 1;
	return refusal;
}

/* --stream N is the condition stream == N, shown at length. */
static const char *take_stream(struct show_request *request, const char *value)
{
	char text[64];
	uint64_t n;

	if (parse_count_between(value, 0, INT64_MAX, &n))
		return "expected the number of a stream";
	snprintf(text, sizeof(text), "stream == %llu", (unsigned long long)n);
	request->one_stream = true;
	request->has_stream = true;
	return take_where(request, text);
}

static void put_flow(char text[SHOW_WORD_MAX], const struct explain_endpoint *from,
		     const struct explain_endpoint *to)
{
	/* As the column "flow" reads. */
	snprintf(text, SHOW_WORD_MAX, "%s \xe2\x86\x92 %s",
		 text_address_endpoint(&from->address, from->port).s,
		 text_address_endpoint(&to->address, to->port).s);
}

/* --flow A:P-B:P is a condition, too: whoever of them called. */
static const char *take_flow(struct show_request *request, const char *value)
{
	struct show_condition condition = {.column = "flow", .op = SHOW_EQUAL};
	struct explain_endpoint ends[2];
	const char *refusal = explain_parse_endpoints(value, ends);

	if (refusal)
		return refusal;
	if (request->nb_conditions == SHOW_CONDITIONS_MAX)
		return "too many conditions";
	put_flow(condition.value, &ends[0], &ends[1]);
	put_flow(condition.other, &ends[1], &ends[0]);
	request->conditions[request->nb_conditions++] = condition;
	request->one_stream = true;
	return NULL;
}

static const char *take_sort(struct show_request *request, const char *value)
{
	request->sort_sign = value[0] == '+' || value[0] == '-' ? value[0] : 0;
	request->sort = request->sort_sign ? value + 1 : value;
	return request->sort[0] == '\0' ? "expected a column" : NULL;
}

static const char *take(void *context, int id, const char *value)
{
	struct show_request *request = context;
	const char *refusal = NULL;
	uint64_t n = 0;

	switch (id) {
	case OPTION_OPERAND:
		if (request->path)
			return "show reads one file at a time";
		request->path = value;
		return NULL;
	case OPT_COLUMNS:
		request->columns = value;
		return NULL;
	case OPT_SORT:
		return take_sort(request, value);
	case OPT_TOP:
		refusal = parse_count_between(value, 1, SIZE_MAX / 16, &n);
		request->top = (size_t)n;
		return refusal;
	case OPT_WHERE:
		return take_where(request, value);
	case OPT_STREAM:
		return take_stream(request, value);
	case OPT_FLOW:
		return take_flow(request, value);
	case OPT_BY:
		request->by = value;
		return NULL;
	case OPT_FORMAT:
		return take_format(request, value);
	case OPT_WIRESHARK:
		request->wireshark = true;
		return NULL;
	case OPT_SCHEMA:
		request->schema = true;
		return NULL;
	case OPT_BOOKS:
		request->books = true;
		return NULL;
	case OPT_WIDTH:
		refusal = parse_count_between(value, 0, 100000, &n);
		request->width = (size_t)n;
		return refusal;
	default:
		return "unknown option";
	}
}

/* What excludes what; OPTIONS_GO_ON when all is well. */
static int check_request(const struct show_request *request)
{
	int nb_pages = request->schema + request->books + request->wireshark +
		       (request->by != NULL) + request->one_stream;

	if (!request->path)
		return options_usage_error(&command, "which file? expected FILE.arrow");
	if (nb_pages > 1)
		return options_usage_error(&command, "choose one of --by, --stream (or --flow), "
						     "--wireshark, --schema and --books");
	if (request->by && request->columns)
		return options_usage_error(&command, "--by chooses the columns itself; leave out "
						     "--columns");
	return OPTIONS_GO_ON;
}

int cmd_show(int argc, char **argv)
{
	struct show_request *request = calloc(1, sizeof(*request));
	int status;

	if (!request) {
		fprintf(stderr, "tcpmill: out of memory\n");
		return EXIT_FAILED;
	}
	/* A reader that has seen enough closes the pipe: an error code, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	/* One thread writes: no lock for each character. */
	__fsetlocking(stdout, FSETLOCKING_BYCALLER);
	request->command = &command;
	request->width = text_terminal_width(STDOUT_FILENO);
	request->colour = text_wants_colour(STDOUT_FILENO);
	status = options_parse(&command, argc, argv, take, request);
	if (status == OPTIONS_GO_ON)
		status = check_request(request);
	if (status == OPTIONS_GO_ON)
		status = show_run(request, stdout);
	free(request);
	return status;
}
