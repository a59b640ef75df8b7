/* SPDX-License-Identifier: BSD-3-Clause */

/* What can be asked of a live run, and what cannot be asked together. */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "live_cli.h"
#include "run_priv.h"

#define NS_PER_S UINT64_C(1000000000)

/* Headers with every tunnel that is opened fit; nothing behind them is looked at. */
#define DEFAULT_SNAPLEN 512u
/* A smaller frame may lack its TCP header. */
#define MIN_SNAPLEN 64u
#define MAX_SNAPLEN 262144u
/* Cells and blocks: what a burst needs (a ring has room for all but one), what memory bears. */
#define MIN_CELLS (2 * PORT_BURST)
#define MAX_CELLS (1u << 20)
#define MAX_BLOCKS (1u << 16)

int live_options_init(struct live_options *options, int argc)
{
	*options = (struct live_options){
		.config =
			{
				.snaplen = DEFAULT_SNAPLEN,
				.promiscuous = true,
				.exchange_cells = 4096,
				.record_blocks = 64,
			},
		.ports = calloc((size_t)argc + 1, sizeof(*options->ports)),
		.eal = calloc((size_t)argc + 1, sizeof(*options->eal)),
	};
	if (options->ports != NULL && options->eal != NULL)
		return 0;
	fputs("tcpmill: out of memory\n", stderr);
	return EXIT_FAILED;
}

void live_options_fini(struct live_options *options)
{
	free(options->ports);
	free(options->eal);
}

const char *live_parse_rotate(const char *text, uint64_t *rotate_ns, uint64_t *rotate_bytes)
{
	uint64_t value;

	if (parse_duration(text, &value) == NULL) {
		if (*rotate_ns != 0)
			return "a time was given already: expected one time and one size at most";
		if (value < NS_PER_S)
			return "expected at least 1s: names of files tell seconds apart";
		*rotate_ns = value;
		return NULL;
	}
	if (parse_bytes(text, &value) != NULL)
		return "expected a time such as 60s or 1h, or a size such as 100MB";
	if (*rotate_bytes != 0)
		return "a size was given already: expected one time and one size at most";
	if (value < 4096)
		return "expected at least 4096B";
	*rotate_bytes = value;
	return NULL;
}

static const char *take_snaplen(const char *value, uint32_t *to)
{
	uint64_t n;
	const char *why = parse_bytes(value, &n);

	if (why != NULL)
		return why;
	if (n != 0 && (n < MIN_SNAPLEN || n > MAX_SNAPLEN))
		return "expected 64 to 262144 bytes, or 0 for whole packets";
	*to = n != 0 ? (uint32_t)n : MAX_SNAPLEN;
	return NULL;
}

static const char *take_buffer(const char *value, uint64_t *to)
{
	uint64_t n;
	const char *why = parse_bytes(value, &n);

	if (why != NULL)
		return why;
	if (n < 65536 || n > INT32_MAX)
		return "expected 64KiB to 2GiB";
	*to = n;
	return NULL;
}

static const char *take_cells(const char *value, uint32_t *to)
{
	uint32_t n;
	const char *why = run_take_u32(value, MIN_CELLS, MAX_CELLS, &n);

	if (why != NULL)
		return why;
	if ((n & (n - 1)) != 0)
		return "expected a power of two";
	*to = n;
	return NULL;
}

static const char *take_positive(const char *value, uint64_t *ns)
{
	uint64_t n;
	const char *why = parse_duration(value, &n);

	if (why != NULL)
		return why;
	if (n == 0)
		return "expected more than 0";
	*ns = n;
	return NULL;
}

static const char *take_text(const char *value, const char *what, const char **to)
{
	if (*value == '\0')
		return what;
	*to = value;
	return NULL;
}

static const char *take_port(struct live_options *options, const char *value)
{
	if (options->config.nb_ports == PORT_MAX_PORTS)
		return "more than 16 ports";
	for (uint32_t i = 0; i < options->config.nb_ports; i++) {
		if (strcmp(options->ports[i], value) == 0)
			return "given twice";
	}
	return take_text(value, "expected the name of a port",
			 &options->ports[options->config.nb_ports++]);
}

/* Options of live capture alone. */
static const char *take_own(struct live_options *options, int id, const char *value)
{
	struct live_config *config = &options->config;

	switch (id) {
	case LIVE_OPT_INTERFACE:
		return take_port(options, value);
	case LIVE_OPT_LIST_PORTS:
		options->list_ports = true;
		return NULL;
	case LIVE_OPT_ROTATE:
		return live_parse_rotate(value, &config->rotate_ns, &config->rotate_bytes);
	case LIVE_OPT_DURATION:
		return take_positive(value, &config->duration_ns);
	case LIVE_OPT_ACTIVE_TIMEOUT:
		return parse_duration(value, &config->active_timeout_ns);
	case LIVE_OPT_METRICS:
		return take_text(value, "expected a file name", &options->metrics);
	case LIVE_OPT_USER:
		return take_text(value, "expected the name of a user", &config->user);
	case LIVE_OPT_NO_PROMISCUOUS:
		config->promiscuous = false;
		return NULL;
	case LIVE_OPT_SNAPLEN:
		return take_snaplen(value, &config->snaplen);
	case LIVE_OPT_BUFFER:
		return take_buffer(value, &config->buffer_bytes);
	case LIVE_OPT_SLEEP_IDLE:
		config->sleep_idle = true;
		return NULL;
	case LIVE_OPT_EXCHANGE_CELLS:
		return take_cells(value, &config->exchange_cells);
	default:
		return run_take_u32(value, 2, MAX_BLOCKS, &config->record_blocks);
	}
}

const char *live_options_take(struct live_options *options, int id, const char *value,
			      bool *is_taken)
{
	*is_taken = true;
	if (id >= 0)
		options->seen |= UINT64_C(1) << id;
	if (id >= LIVE_OPT_FIRST)
		return take_own(options, id, value);
	/* Without -i it is the name of a capture, which may begin with a dash. */
	*is_taken = id == OPTION_REST && live_options_is_live(options);
	if (*is_taken)
		options->eal[options->config.nb_eal++] = value;
	return NULL;
}

bool live_options_is_live(const struct live_options *options)
{
	return options->config.nb_ports != 0 || options->list_ports;
}

static bool is_seen(const struct live_options *options, int id)
{
	return (options->seen >> id & 1) != 0;
}

/* The name of the option with this id, as the command's table has it. */
static const char *option_name(const struct command_spec *command, int id)
{
	for (size_t i = 0; i < command->nb_options; i++) {
		if (command->options[i].id == id)
			return command->options[i].long_name;
	}
	return "";
}

int live_options_check_absent(const struct command_spec *command,
			      const struct live_options *options)
{
	for (int id = LIVE_OPT_FIRST; id < LIVE_OPT_END; id++) {
		if (is_seen(options, id))
			return options_usage_error(command,
						   "--%s is for live capture: expected -i PORT",
						   option_name(command, id));
	}
	return OPTIONS_GO_ON;
}

/* Would two files that are opened one after the other have the same name? */
static bool names_repeat(const char *pattern, uint64_t rotate_ns)
{
	char names[2][512];

	for (size_t i = 0; i < 2; i++) {
		/* Files begin at whole multiples of the time. */
		const time_t at = (time_t)(i * (rotate_ns / NS_PER_S));
		struct tm tm;

		if (gmtime_r(&at, &tm) == NULL ||
		    strftime(names[i], sizeof(names[i]), pattern, &tm) == 0)
			return false;
	}
	return strcmp(names[0], names[1]) == 0;
}

static int check_output(const struct command_spec *command, const struct live_options *options)
{
	const struct live_config *config = &options->config;
	const char *output = config->output;
	const bool is_stdout = output != NULL && strcmp(output, "-") == 0;

	if (is_stdout && isatty(STDOUT_FILENO))
		return options_usage_error(
			command, "-w - writes binary records: stdout must not be a terminal");
	if (output != NULL && options->metrics != NULL && strcmp(output, options->metrics) == 0)
		return options_usage_error(command, "--metrics %s would overwrite -w %s",
					   options->metrics, output);
	if (config->rotate_ns == 0 && config->rotate_bytes == 0)
		return OPTIONS_GO_ON;
	if (output == NULL)
		return options_usage_error(command, "--rotate begins new files: expected -w FILE");
	if (is_stdout)
		return options_usage_error(command,
					   "--rotate begins new files: expected -w FILE, not -");
	if (config->rotate_ns != 0 && names_repeat(output, config->rotate_ns))
		return options_usage_error(
			command,
			"-w %s: files that follow each other would have one name: expected one "
			"such as flows-%%Y%%m%%dT%%H%%M%%S.arrow",
			output);
	return OPTIONS_GO_ON;
}

/* What replay understands and live capture does not, or OPTIONS_GO_ON. */
static int check_foreign(const struct command_spec *command, const struct live_options *options,
			 const struct run_options *shared)
{
	if (shared->nb_paths != 0)
		return options_usage_error(
			command,
			"'%s': expected captures or -i PORT, not both (EAL options go "
			"behind --)",
			shared->paths[0]);
	for (size_t i = 0; i < command->nb_options; i++) {
		const int id = command->options[i].id;
		const bool is_of_captures = id == RUN_OPT_FROM || id == RUN_OPT_TO ||
					    id == RUN_OPT_MERGE || id == RUN_OPT_FOLLOW ||
					    id == RUN_OPT_FOLLOW_TIMEOUT ||
					    id == RUN_OPT_CHUNK_SIZE || id == RUN_OPT_DELAY_WORKERS;

		if (is_of_captures && is_seen(options, id))
			return options_usage_error(
				command,
				"--%s is for captures: live capture (-i) has no such thing",
				command->options[i].long_name);
	}
	return OPTIONS_GO_ON;
}

/* What was given, or the default of live capture. */
static void finish_timeouts(struct live_options *options, const struct run_options *shared)
{
	const bool given[NB_FLOW_CLASSES] = {
		[FLOW_HALF_OPEN] = is_seen(options, RUN_OPT_HALF_OPEN_TIMEOUT),
		[FLOW_CLOSED] = is_seen(options, RUN_OPT_CLOSED_TIMEOUT),
		[FLOW_OPEN] = is_seen(options, RUN_OPT_IDLE_TIMEOUT),
	};

	memcpy(options->config.timeout_ns, shared->config.timeout_ns,
	       sizeof(options->config.timeout_ns));
	run_live_timeouts(options->config.timeout_ns, given);
}

int live_options_finish(const struct command_spec *command, struct live_options *options,
			struct run_options *shared)
{
	const struct engine_config *config = &shared->config;
	int status = check_foreign(command, options, shared);

	if (status == OPTIONS_GO_ON)
		status = run_options_plan_memory(command, shared);
	if (status != OPTIONS_GO_ON)
		return status;
	options->json = shared->json;
	options->quiet = shared->quiet;
	finish_timeouts(options, shared);
	options->config.ports = options->ports;
	options->config.eal = options->eal;
	options->config.filter = config->filter;
	options->config.output = config->output;
	options->config.max_frames = config->max_frames;
	options->config.max_flows = config->max_flows;
	options->config.nb_workers = config->nb_workers;
	/* The kernel, the writer and the ticks need a core that nobody polls on. */
	if (!is_seen(options, RUN_OPT_WORKERS) && config->nb_workers > 1)
		options->config.nb_workers--;
	options->config.max_bytes = config->memory.state_bytes;
	options->config.fragment_bytes = config->memory.fragment_bytes;
	options->max_memory = config->memory.max_bytes;
	options->config.hash_seed = config->hash_seed;
	/* A batch is compressed at one go, and the writer hears nothing meanwhile: 3 ms, not 22. */
	options->config.batch_rows = shared->has_batch_rows ? config->batch_rows : 8192;
	return check_output(command, options);
}
