/* SPDX-License-Identifier: BSD-3-Clause */

/* A live run from start to end. */

#include <errno.h>
#include <rte_launch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "eal.h"
#include "engine/totals.h"
#include "tcpmill/arrow.h"
#include "worker_priv.h"

#define WATCH_STEP_NS 20000000
#define TICK_NS 1000000000u
#define EAL_MIB 64u /* without ports */

/* The one thing a signal handler can reach. */
static atomic_bool interrupted;

void live_interrupt(void)
{
	atomic_store(&interrupted, true);
}

/* ---- ports --------------------------------------------------------------------------- */

static struct port_params port_params_of(const struct live *live, const char *name,
					 uint16_t rss_pattern)
{
	const struct live_config *config = live->config;

	return (struct port_params){
		.name = name,
		.nb_workers = live->nb_workers,
		.snaplen = config->snaplen,
		.buffer_bytes = config->buffer_bytes,
		.promiscuous = config->promiscuous,
		.filter = config->filter,
		.rss_pattern = rss_pattern,
		.clock = &live->clock,
	};
}

/* PCI devices that nobody asked for are left alone: "-a ADDRESS" for each of ours. */
static uint32_t put_eal_arguments(const struct live_config *config, const char **arguments)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < config->nb_ports; i++) {
		if (!port_is_pci(config->ports[i]))
			continue;
		arguments[nb++] = "-a";
		arguments[nb++] = config->ports[i];
	}
	for (uint32_t i = 0; i < config->nb_eal; i++)
		arguments[nb++] = config->eal[i];
	return nb;
}

static int start_eal(const struct live *live, int *cpus, char *error, size_t error_size)
{
	const struct live_config *config = live->config;
	const char **arguments = calloc(2 * config->nb_ports + config->nb_eal + 1, sizeof(char *));
	struct eal_params params = {
		.nb_workers = live->nb_workers,
		.mib = EAL_MIB,
		.extra = arguments,
	};
	int rc;

	if (arguments == NULL) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	params.nb_extra = put_eal_arguments(config, arguments);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		const struct port_params port = port_params_of(live, config->ports[i], 0);

		params.wants_pci |= port_is_pci(config->ports[i]);
		params.mib += port_memory_mib(&port);
	}
	rc = eal_start(&params, cpus, error, error_size);
	free(arguments);
	return rc;
}

static int open_ports(struct live *live, char *error, size_t error_size, bool *usage)
{
	const struct live_config *config = live->config;
	/* Neither all zeros nor all ones: those deal everything to one queue, or to two. */
	const uint16_t pattern = (uint16_t)(live->keys.word[0] % 0xfffe + 1);

	port_rss_init(&live->rss, pattern);
	for (uint32_t i = 0; i < config->nb_ports; i++) {
		const struct port_params params = port_params_of(live, config->ports[i], pattern);

		live->ports[i] = port_open(&params, error, error_size, usage);
		if (live->ports[i] == NULL)
			return -1;
		live->nb_ports++;
		live->infos[i] = port_info(live->ports[i]);
		live->nb_queues += live->infos[i]->nb_queues;
	}
	return 0;
}

/* ---- set-up -------------------------------------------------------------------------- */

static int start_ports(struct live *live, char *error, size_t error_size)
{
	for (uint32_t i = 0; i < live->nb_ports; i++) {
		if (live->config->user != NULL &&
		    strcmp(live->infos[i]->driver, "net_af_xdp") == 0) {
			snprintf(error, error_size,
				 "-Z %s: %s could not take its XDP program off the interface at "
				 "the end, and the kernel would see no packet any more",
				 live->config->user, live->infos[i]->name);
			return -1;
		}
		if (port_start(live->ports[i], error, error_size) != 0)
			return -1;
	}
	if (live->config->user != NULL)
		return live_become_user(live->config->user, error, error_size);
	return 0;
}

/* Tells the caller that it starts, and opens the records. */
static int start_writer(struct live *live, const int *cpus, char *error, size_t error_size)
{
	const struct live_hooks *hooks = live->hooks;
	const struct live_start start = {
		.ports = live->infos,
		.nb_ports = live->nb_ports,
		.nb_workers = live->nb_workers,
		.has_hugepages = eal_has_hugepages(),
		.is_exchanged = live->is_merged || (live->nb_workers > 1 && !live->is_affine),
		.cpus = cpus,
	};
	struct live_writer_params params = {
		.config = live->config,
		.outboxes = live->outboxes,
		.nb_outboxes = live->nb_workers,
		.snapshot = live_snapshot,
		.footer = hooks->footer,
		.footer_context = hooks->context,
		.context = live,
		.metadata = live->metadata,
		.clock = &live->clock,
	};

	if (hooks->started != NULL)
		hooks->started(hooks->context, &start);
	if (hooks->metadata != NULL)
		params.nb_metadata =
			hooks->metadata(hooks->context, &start, live->metadata, LIVE_MAX_METADATA);
	for (uint32_t i = 0; i < live->nb_workers; i++)
		live->outboxes[i] = &live->workers[i].outbox;
	atomic_store(&live->writer, live_writer_start(&params, error, error_size));
	return live->writer != NULL ? 0 : -1;
}

/* ---- the run ------------------------------------------------------------------------- */

/* Ports take nothing new from now on; what they have is still polled, until they are over. */
static void request_stop(struct live *live)
{
	if (atomic_load(&live->stop_ns) != INT64_MAX)
		return;
	for (uint32_t i = 0; i < live->nb_ports; i++)
		port_stop(live->ports[i]);
	atomic_store(&live->stop_ns, wall_clock_now(&live->clock));
}

static void tick(struct live *live)
{
	struct live_stats stats;

	if (live->hooks->tick == NULL)
		return;
	live_snapshot(live, &stats);
	live->hooks->tick(live->hooks->context, &stats);
}

/* Until all workers are through. */
static void watch(struct live *live)
{
	const struct timespec step = {.tv_nsec = WATCH_STEP_NS};
	const uint64_t duration_ns = live->config->duration_ns;
	uint64_t next_ns = live->start_ns + TICK_NS;

	while (atomic_load(&live->nb_running) != 0) {
		const uint64_t at_ns = live_monotonic_ns();

		if (atomic_load(&interrupted) ||
		    (duration_ns != 0 && at_ns - live->start_ns >= duration_ns))
			request_stop(live);
		if (at_ns >= next_ns) {
			wall_clock_correct(&live->clock);
			tick(live);
			next_ns += TICK_NS;
		}
		(void)nanosleep(&step, NULL);
	}
}

static int run_threads(struct live *live, char *error, size_t error_size)
{
	uint32_t launched = 0;

	atomic_store(&live->nb_running, live->nb_workers);
	for (; launched < live->nb_workers; launched++) {
		if (rte_eal_remote_launch(live_worker_main, &live->workers[launched],
					  eal_worker_lcore(launched)) != 0)
			break;
	}
	if (launched < live->nb_workers) {
		atomic_store(&live->failed, true);
		atomic_fetch_sub(&live->nb_running, live->nb_workers - launched);
	}
	watch(live);
	for (uint32_t i = 0; i < launched; i++)
		(void)rte_eal_wait_lcore(eal_worker_lcore(i));
	if (!atomic_load(&live->failed))
		return 0;
	if (launched < live->nb_workers)
		snprintf(error, error_size, "cannot start worker %u", launched);
	else
		snprintf(error, error_size, "out of memory (flows)");
	return -1;
}

static void collect_result(struct live *live, struct live_result *result)
{
	struct rusage usage;

	live_snapshot(live, &result->stats);
	for (uint32_t i = 0; i < live->nb_workers; i++)
		totals_merge(&result->totals, &live->workers[i].totals);
	result->interrupted = atomic_load(&interrupted);
	snprintf(result->last_path, sizeof(result->last_path), "%s",
		 live_writer_path(live->writer));
	snprintf(result->failure, sizeof(result->failure), "%s", live_writer_failure(live->writer));
	for (uint32_t i = 0; i < live->nb_ports; i++)
		snprintf(result->ended[i], sizeof(result->ended[i]), "%s", live->infos[i]->ended);
	result->wrote_stream = live_writer_is_stream(live->writer);
	result->output_failed = result->failure[0] != '\0';
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		result->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

/* With everything open: runs, drains, writes the rest. */
static int run(struct live *live, const int *cpus, struct live_result *result, char *error,
	       size_t error_size)
{
	int rc = start_ports(live, error, error_size);

	live->start_ns = live_monotonic_ns();
	if (rc == 0)
		rc = start_writer(live, cpus, error, error_size);
	if (rc != 0)
		return rc;
	live_telemetry_start(live_snapshot, live);
	rc = run_threads(live, error, error_size);
	for (uint32_t i = 0; i < live->nb_ports; i++)
		port_stop(live->ports[i]);
	live_writer_stop(live->writer);
	live_telemetry_stop();
	tick(live);
	collect_result(live, result);
	return rc;
}

static void fini(struct live *live)
{
	live_writer_destroy(live->writer);
	live_unplan(live);
	for (uint32_t i = 0; i < live->nb_ports; i++)
		port_close(live->ports[i]);
	pthread_mutex_destroy(&live->snapshot_lock);
}

int live_run(const struct live_config *config, const struct live_hooks *hooks,
	     struct live_result *result, char *error, size_t error_size, bool *usage)
{
	struct live live = {
		.config = config,
		.hooks = hooks,
		.nb_workers = config->nb_workers,
		.stop_ns = INT64_MAX,
		.frames_left = (int64_t)config->max_frames,
	};
	const uint64_t start_ns = live_monotonic_ns();
	int cpus[ENGINE_MAX_WORKERS];
	int rc;

	memset(result, 0, sizeof(*result));
	*usage = false;
	pthread_mutex_init(&live.snapshot_lock, NULL);
	decode_keys_init(&live.keys, config->hash_seed);
	if (start_eal(&live, cpus, error, error_size) != 0) {
		pthread_mutex_destroy(&live.snapshot_lock);
		return -1;
	}
	wall_clock_init(&live.clock);
	rc = hooks->eal_started != NULL ? hooks->eal_started(hooks->context, error, error_size) : 0;
	if (rc == 0)
		rc = open_ports(&live, error, error_size, usage);
	if (rc == 0 && live_plan(&live, cpus) != 0) {
		snprintf(error, error_size, "out of memory for %u workers and %llu flows",
			 live.nb_workers, (unsigned long long)config->max_flows);
		rc = -1;
	}
	result->startup_ns = live_monotonic_ns() - start_ns;
	if (rc == 0)
		rc = run(&live, cpus, result, error, error_size);
	fini(&live);
	eal_stop();
	return rc;
}

int live_list_ports(FILE *out, const char *const *eal, uint32_t nb_eal, char *error,
		    size_t error_size)
{
	const struct eal_params params = {
		.nb_workers = 1,
		.mib = EAL_MIB,
		.extra = eal,
		.nb_extra = nb_eal,
	};
	int cpu, rc;

	if (eal_start(&params, &cpu, error, error_size) != 0)
		return -1;
	rc = port_print_list(out);
	if (rc != 0)
		snprintf(error, error_size, "cannot list all ports");
	eal_stop();
	return rc;
}
