/* SPDX-License-Identifier: BSD-3-Clause */

/* What every command that reads captures shares. */

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "run_common.h"
#include "tcpmill/capture.h"
#include "tcpmill/tcp.h"
#include "text.h"

#define MAX_FLOWS 2000000000u

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

static uint64_t default_max_memory(void)
{
	const uint64_t bytes = memory_bytes() / 2;

	return bytes > ENGINE_MIN_MEMORY ? bytes : ENGINE_MIN_MEMORY;
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

int run_options_init(struct run_options *options, int argc)
{
	*options = (struct run_options){
		.config =
			{
				.from_ns = INT64_MIN,
				.to_ns = INT64_MAX,
				.nb_workers = nb_usable_cpus(),
				.memory.max_bytes = default_max_memory(),
				.chunk_size = 1u << 18,
				.hash_seed = random_seed(),
			},
		.paths = calloc((size_t)argc + 1, sizeof(*options->paths)),
	};
	if (options->paths != NULL)
		return 0;
	fputs("tcpmill: out of memory\n", stderr);
	return EXIT_FAILED;
}

void run_options_fini(struct run_options *options)
{
	run_inputs_free(options);
	free(options->paths);
}

const char *run_take_u32(const char *value, uint64_t min, uint64_t max, uint32_t *to)
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

static const char *take_max_memory(const char *value, uint64_t *to)
{
	const char *why = parse_bytes(value, to);

	if (why != NULL)
		return why;
	return *to < ENGINE_MIN_MEMORY || *to > UINT64_C(1) << 46 ? "expected 64MiB to 64TiB"
								  : NULL;
}

/* Of all flows but those whose class has its own, whichever comes first. */
static const char *take_idle_timeout(struct run_options *options, const char *value)
{
	uint64_t timeout_ns;
	const char *why = parse_duration(value, &timeout_ns);

	if (why != NULL)
		return why;
	options->has_idle_timeout = true;
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		if (!options->has_timeout[c])
			options->config.timeout_ns[c] = timeout_ns;
	}
	return NULL;
}

const char *run_options_take(struct run_options *options, int id, const char *value)
{
	struct engine_config *config = &options->config;
	const char *why;

	switch (id) {
	case OPTION_OPERAND:
		options->paths[options->nb_paths++] = value;
		return NULL;
	case RUN_OPT_FILTER:
		config->filter = value;
		return NULL;
	case RUN_OPT_COUNT:
		return parse_count_between(value, 1, UINT64_MAX / 2, &config->max_frames);
	case RUN_OPT_FOLLOW:
		options->follow = true;
		config->interrupt_ends = true;
		return NULL;
	case RUN_OPT_FOLLOW_TIMEOUT:
		why = parse_duration(value, &options->follow_timeout_ns);
		return why == NULL && options->follow_timeout_ns == 0 ? "expected more than 0"
								      : why;
	case RUN_OPT_MERGE:
		options->merge = true;
		return NULL;
	case RUN_OPT_FROM:
		return parse_time(value, &config->from_ns);
	case RUN_OPT_TO:
		return parse_time(value, &config->to_ns);
	case RUN_OPT_WORKERS:
		options->has_workers = true;
		return run_take_u32(value, 1, ENGINE_MAX_WORKERS, &config->nb_workers);
	case RUN_OPT_MAX_FLOWS:
		options->has_max_flows = true;
		return parse_count_between(value, 1, MAX_FLOWS, &config->max_flows);
	case RUN_OPT_MAX_MEMORY:
		options->has_max_memory = true;
		return take_max_memory(value, &config->memory.max_bytes);
	case RUN_OPT_IDLE_TIMEOUT:
		return take_idle_timeout(options, value);
	case RUN_OPT_HALF_OPEN_TIMEOUT:
		options->has_timeout[FLOW_HALF_OPEN] = true;
		return parse_duration(value, &config->timeout_ns[FLOW_HALF_OPEN]);
	case RUN_OPT_CLOSED_TIMEOUT:
		options->has_timeout[FLOW_CLOSED] = true;
		return parse_duration(value, &config->timeout_ns[FLOW_CLOSED]);
	case RUN_OPT_QUIET:
		options->quiet = true;
		return NULL;
	case RUN_OPT_CHUNK_SIZE:
		return take_chunk_size(value, &config->chunk_size);
	case RUN_OPT_HASH_KEY:
		return parse_count(value, &config->hash_seed);
	case RUN_OPT_DELAY_WORKERS:
		return parse_count(value, &config->delay_seed);
	default:
		return "unknown option";
	}
}

int run_options_plan_memory(const struct command_spec *command, struct run_options *options)
{
	struct engine_config *config = &options->config;
	uint32_t nb_workers;

	if (config->memory.max_bytes == 0)
		return OPTIONS_GO_ON; /* no limit, and nothing to share out */
	engine_memory_plan(config->memory.max_bytes, options->has_max_memory, &config->memory);
	config->chunk_size = engine_memory_chunk_size(&config->memory, config->chunk_size);
	if (!options->has_batch_rows)
		config->batch_rows = config->memory.batch_rows;
	if (!options->has_max_flows)
		config->max_flows = config->memory.state_bytes / FLOW_BYTES;
	if (config->max_flows > MAX_FLOWS)
		config->max_flows = MAX_FLOWS;
	nb_workers = engine_memory_workers(&config->memory, config->chunk_size, 0);
	if (config->nb_workers <= nb_workers)
		return OPTIONS_GO_ON;
	if (options->has_workers && options->has_max_memory)
		return options_usage_error(
			command, "--max-memory %s is enough for %u worker%s, found --workers %u",
			text_bytes(config->memory.max_bytes).s, nb_workers,
			nb_workers == 1 ? "" : "s", config->nb_workers);
	if (!options->has_workers)
		config->nb_workers = nb_workers;
	return OPTIONS_GO_ON;
}

int run_options_check(const struct command_spec *command, struct run_options *options)
{
	int status;

	if (options->nb_paths == 0)
		return options_usage_error(command, "expected at least one capture");
	if (options->config.from_ns >= options->config.to_ns)
		return options_usage_error(command, "expected --from to be before --to");
	if (run_options_plan_memory(command, options) != OPTIONS_GO_ON)
		return EXIT_USAGE;
	status = run_follow_finish(command, options);
	return status == OPTIONS_GO_ON ? run_inputs_expand(options) : status;
}

void run_print_error(const char *error)
{
	char clean[CAPTURE_ERROR_SIZE]; /* it may have a name that nobody typed */

	text_clean(clean, sizeof(clean), error, strlen(error));
	fprintf(stderr, "tcpmill: %s\n", clean);
}

struct capture *run_open_capture(const struct run_options *options, int *status)
{
	const struct capture_params params = {
		.paths = options->paths,
		.nb_paths = options->nb_paths,
		.is_found = options->is_found,
		.chunk_size = options->config.chunk_size,
		.max_frames = options->config.max_frames,
		.filter = options->config.filter,
		.merge = options->merge,
		.epoch_shift = options->config.memory.epoch_shift,
		.follow = options->follow,
		.follow_timeout_ns = options->follow_timeout_ns,
		.is_stopped = engine_is_interrupted,
		.max_memory = engine_memory_of_inputs(&options->config.memory,
						      options->config.chunk_size),
		.enough = engine_memory_enough,
	};
	char error[CAPTURE_ERROR_SIZE];
	bool usage;
	struct capture *capture;

	/* It may be waited for. */
	if (options->follow)
		run_catch_signals();
	capture = capture_open(&params, error, sizeof(error), &usage);
	if (capture == NULL) {
		run_print_error(error);
		*status = usage ? EXIT_USAGE : EXIT_FAILED;
	}
	return capture;
}

int run_plan_workers(struct run_options *options, const struct capture *capture)
{
	struct engine_config *config = &options->config;
	const uint32_t nb_workers =
		engine_memory_workers(&config->memory, config->chunk_size, capture_memory(capture));

	if (config->nb_workers <= nb_workers || !options->has_max_memory)
		return 0;
	if (!options->has_workers) {
		config->nb_workers = nb_workers;
		return 0;
	}
	fprintf(stderr,
		"tcpmill: --max-memory %s is enough for %u worker%s beside the %s that these "
		"captures take, found --workers %u\n",
		text_bytes(config->memory.max_bytes).s, nb_workers, nb_workers == 1 ? "" : "s",
		text_bytes(capture_memory(capture)).s, config->nb_workers);
	return EXIT_USAGE;
}

static void on_signal(int signal)
{
	(void)signal;
	engine_interrupt();
}

void run_catch_signals(void)
{
	/* The second signal ends the process: somebody is in a hurry. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A reader that went away is an error that write() tells. */
	action = (struct sigaction){.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &action, NULL);
}

void run_blame(const struct run_options *options)
{
	char name[4096];

	if (options->nb_paths == 1)
		fprintf(stderr, "tcpmill: %s: ", text_input(name, sizeof(name), options->paths[0]));
	else
		fprintf(stderr, "tcpmill: %zu captures: ", options->nb_paths);
}

int run_exit_status(const struct run_report *report)
{
	if (report->result->interrupted)
		return EXIT_INTERRUPTED;
	return capture_totals(report->capture)->nb_damage != 0 ? EXIT_DAMAGED : EXIT_OK;
}

void run_print_damage(const struct run_report *report)
{
	const struct capture_totals *totals = capture_totals(report->capture);
	const uint64_t nb = totals->nb_damage;

	if (nb == 0)
		return;
	for (uint64_t i = 0; i < nb && i < CAPTURE_NB_DAMAGE; i++) {
		const struct capture_damage *damage = capture_damage(report->capture, (size_t)i);

		const char *path = capture_input(report->capture, damage->input)->path;
		char name[4096]; /* of a folder's file: one line, whatever is in it */

		fprintf(stderr, "tcpmill: %s: %s\n", text_input(name, sizeof(name), path),
			damage->text);
	}
	if (nb > CAPTURE_NB_DAMAGE)
		fprintf(stderr, "tcpmill: %s more inputs are damaged\n",
			text_ucount(nb - CAPTURE_NB_DAMAGE).s);
	fprintf(stderr,
		"tcpmill: kept everything before it: %s packets, %s flow%s (exit status 3)\n",
		text_ucount(totals->nb_frames).s, text_ucount(report->result->totals.flows).s,
		report->result->totals.flows == 1 ? "" : "s");
}
