/* SPDX-License-Identifier: BSD-3-Clause */

/* `tcpmill recover`: a whole file out of the .part that a crash left. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json_out.h"
#include "options.h"
#include "tcpmill/arrow.h"
#include "text.h"

enum { OPT_WRITE };

static const struct option_spec option_specs[] = {
	{"write", 'w', "FILE", "the file to make; default: the name without its .part", NULL,
	 OPTION_EVERYBODY, OPT_WRITE},
};

static const struct command_spec command = {
	.name = "recover",
	.synopsis = "tcpmill recover [options] FILE.part   (- is stdin)",
	.summary = "Makes a whole file of what a crash left of flow records or events.",
	.notes = "Every whole record batch is checked and copied as it is; the footer says that "
		 "the file was\n"
		 "recovered, and has no books. FILE.part stays, and no file is overwritten.\n"
		 "Exit status: 0 recovered, 3 recovered up to damaged data, 1 nothing could be "
		 "saved or FILE is\n  whole, 2 usage.",
	.options = option_specs,
	.nb_options = sizeof(option_specs) / sizeof(option_specs[0]),
};

struct request {
	const char *from;
	const char *to; /* or NULL */
	char *json;     /* what the footer says */
	const struct arrow_recovered *result;
};

static const char *take(void *context, int id, const char *value)
{
	struct request *request = context;

	if (id == OPT_WRITE) {
		request->to = value;
		if (strcmp(value, "-") == 0)
			return "expected a file name: a whole file cannot go to stdout";
		return *value != '\0' ? NULL : "expected a file name";
	}
	if (request->from != NULL)
		return "recover reads one file at a time";
	request->from = value;
	return NULL;
}

static void put_recovered(struct json_out *json, const void *context)
{
	const struct request *request = context;
	const struct arrow_recovered *result = request->result;

	json_open(json, NULL, '{');
	json_text(json, "from", request->from);
	json_uint(json, "batches", result->nb_batches);
	json_uint(json, "rows", result->nb_rows);
	json_uint(json, "bytes", result->nb_bytes);
	json_text(json, "why", result->is_damaged ? result->damage : "its end is missing");
	json_close(json, '}');
}

static size_t describe(void *context, const struct arrow_recovered *result,
		       struct arrow_kv kv[ARROW_RECOVERED_KV_MAX])
{
	struct request *request = context;

	request->result = result;
	request->json = json_make(put_recovered, request);
	kv[0] = (struct arrow_kv){.key = "recovered", .value = request->json};
	return request->json != NULL ? 1 : 0;
}

/* Does it, and says so in one line. */
static int run(struct request *request, const char *to)
{
	struct arrow_recovered result;
	char error[640];
	int rc = arrow_recover(request->from, to, describe, request, &result, error, sizeof(error));

	free(request->json);
	if (rc != 0) {
		fprintf(stderr, "tcpmill: %s\n", error);
		return EXIT_FAILED;
	}
	printf("%s: %s record%s in %s batch%s recovered\n", to, text_ucount(result.nb_rows).s,
	       result.nb_rows == 1 ? "" : "s", text_ucount(result.nb_batches).s,
	       result.nb_batches == 1 ? "" : "es");
	if (fflush(stdout) != 0) {
		fprintf(stderr, "tcpmill: %s is recovered, but stdout: cannot write: %s\n", to,
			strerror(errno));
		return EXIT_FAILED;
	}
	if (!result.is_damaged)
		return EXIT_OK;
	fprintf(stderr, "tcpmill: %s (exit status 3)\n", result.damage);
	return EXIT_DAMAGED;
}

int cmd_recover(int argc, char **argv)
{
	static const char suffix[] = ".part";
	struct request request = {.from = NULL};
	int status = options_parse(&command, argc, argv, take, &request);
	size_t len;
	char *to;

	if (status != OPTIONS_GO_ON)
		return status;
	if (request.from == NULL)
		return options_usage_error(&command, "which file? expected FILE.part");
	signal(SIGPIPE, SIG_IGN);
	if (request.to != NULL)
		return run(&request, request.to);
	len = strlen(request.from);
	if (len < sizeof(suffix) || strcmp(request.from + len - strlen(suffix), suffix) != 0)
		return options_usage_error(&command, "%s: no name without .part: expected -w FILE",
					   request.from);
	to = strndup(request.from, len - strlen(suffix));
	if (to == NULL) {
		fputs("tcpmill: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	status = run(&request, to);
	free(to);
	return status;
}
