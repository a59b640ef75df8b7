/* SPDX-License-Identifier: BSD-3-Clause */

/* A run from start to end. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "cpus.h"
#include "engine_priv.h"
#include "tcpmill/rights.h"

#define PROGRESS_STEP_NS 100000000

/* The one thing a signal handler can reach. */
static atomic_bool interrupted;

void engine_interrupt(void)
{
	atomic_store(&interrupted, true);
}

bool engine_is_interrupted(void)
{
	return atomic_load(&interrupted);
}

uint64_t engine_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void engine_fail(struct engine *engine, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&engine->lock);
	if (!engine->failed) {
		va_start(args, format);
		(void)vsnprintf(engine->failure, sizeof(engine->failure), format, args);
		va_end(args);
		engine->failed = true;
	}
	pthread_cond_broadcast(&engine->changed);
	pthread_cond_broadcast(&engine->merger_wakeup);
	pthread_cond_broadcast(&engine->ended);
	pthread_mutex_unlock(&engine->lock);
	capture_stop(engine->capture); /* who waits for a pipe looks at that alone */
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	const int rc = cpus_pin(worker->cpu);

	(void)pthread_setname_np(pthread_self(), "tcpmill-worker");
	if (rc != 0)
		engine_fail(worker->engine, "cannot keep worker %u to CPU %d: %s", worker->id,
			    worker->cpu, strerror(rc));
	exchange_work(worker);
	return NULL;
}

static struct reassembly *create_reassembly(const struct engine *engine)
{
	const uint64_t max_bytes = engine->config->memory.fragment_bytes;
	const struct reassembly_params params = {
		.keys = &engine->keys,
		.max_bytes = max_bytes != 0 ? max_bytes : REASSEMBLY_BYTES,
	};

	return reassembly_create(&params);
}

static int init(struct engine *engine, const struct engine_hooks *hooks, char *error,
		size_t error_size)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&engine->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->changed, NULL);
	pthread_cond_init(&engine->merger_wakeup, NULL);
	pthread_cond_init(&engine->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	decode_keys_init(&engine->keys, engine->config->hash_seed);
	engine->epoch_shift = engine->config->memory.epoch_shift;
	engine->epochs_ahead = engine->config->memory.epochs_ahead;
	if (engine->epoch_shift == 0)
		engine->epoch_shift = CAPTURE_EPOCH_SHIFT;
	if (engine->epochs_ahead == 0)
		engine->epochs_ahead = EPOCHS_AHEAD;
	engine->reassembly = create_reassembly(engine);
	if (engine->reassembly == NULL)
		goto no_memory;
	engine->workers = aligned_alloc(64, engine->nb_workers * sizeof(*engine->workers));
	if (engine->workers == NULL)
		goto no_memory;
	memset(engine->workers, 0, engine->nb_workers * sizeof(*engine->workers));
	if (exchange_init(engine) != 0)
		goto no_memory;
	for (uint32_t i = 0; i < engine->nb_workers; i++) {
		if (worker_init(&engine->workers[i], engine, i) != 0)
			goto no_memory;
	}
	return merger_init(engine, hooks, error, error_size);
no_memory:
	snprintf(error, error_size,
		 "out of memory for %u workers and %llu flows: where vm.overcommit_memory is 2, "
		 "address space counts as memory; a smaller --max-memory reserves less",
		 engine->nb_workers, (unsigned long long)engine->config->max_flows);
	return -1;
}

static void fini(struct engine *engine)
{
	merger_fini(engine);
	for (uint32_t i = 0; engine->workers != NULL && i < engine->nb_workers; i++)
		worker_fini(&engine->workers[i]);
	free(engine->workers);
	exchange_fini(engine);
	reassembly_destroy(engine->reassembly);
	pthread_cond_destroy(&engine->changed);
	pthread_cond_destroy(&engine->merger_wakeup);
	pthread_cond_destroy(&engine->ended);
	pthread_mutex_destroy(&engine->lock);
}

static void report_progress(struct engine *engine, const struct engine_hooks *hooks,
			    uint64_t start_ns, uint64_t bytes_total)
{
	struct engine_progress progress = {
		.bytes_done = atomic_load(&engine->bytes_done),
		.bytes_total = bytes_total,
		.frames = atomic_load(&engine->frames),
		.elapsed_ns = engine_now_ns() - start_ns,
		.writing = atomic_load(&engine->reading_done),
		.rows_done = atomic_load(&engine->rows_done),
		.rows_total = atomic_load(&engine->rows_total),
		.nearly_full = atomic_load(&engine->nearly_full),
	};

	if (hooks->progress != NULL)
		hooks->progress(hooks->context, &progress);
}

/* Waits for the end, reporting progress and watching for an interrupt. */
static void watch(struct engine *engine, const struct engine_hooks *hooks, uint64_t start_ns)
{
	uint64_t bytes_total = 0, next_ns = start_ns + PROGRESS_STEP_NS;

	for (size_t i = 0; i < capture_nb_inputs(engine->capture); i++) {
		bytes_total += capture_input(engine->capture, i)->size;
		if (capture_input(engine->capture, i)->size == 0) {
			bytes_total = 0; /* not known of a pipe, so not of all */
			break;
		}
	}
	pthread_mutex_lock(&engine->lock);
	while (!engine->failed && !engine->merger.is_finished) {
		const struct timespec until = {.tv_sec = (time_t)(next_ns / 1000000000u),
					       .tv_nsec = (long)(next_ns % 1000000000u)};

		if (atomic_load(&interrupted))
			capture_stop(engine->capture);
		if (pthread_cond_timedwait(&engine->ended, &engine->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&engine->lock);
		report_progress(engine, hooks, start_ns, bytes_total);
		pthread_mutex_lock(&engine->lock);
		next_ns = engine_now_ns() + PROGRESS_STEP_NS;
	}
	pthread_mutex_unlock(&engine->lock);
}

static void collect_result(struct engine *engine, struct engine_result *result)
{
	struct rusage usage;

	for (uint32_t i = 0; i < engine->nb_workers; i++) {
		struct worker *worker = &engine->workers[i];
		struct engine_worker_stats *stats = &result->workers[i];
		struct flow_table_stats table;
		struct tcp_tracker_stats tracker;

		flow_table_get_stats(worker->table, &table);
		for (int f = 0; f < NB_FATES; f++)
			result->fates[f] += worker->fates[f];
		result->offload_segments += worker->offload_segments;
		result->anomalous_packets += worker->anomalous_packets;
		result->evicted += table.nb_evicted;
		tcp_tracker_get_stats(worker->tracker, &tracker);
		result->lists_cut += tracker.lists_cut;
		result->holes_cut += tracker.holes_cut;
		result->nearly_full |= table.nb_full_partitions != 0;
		stats->tracked = worker->tracked;
		result->segments += worker->tracked;
		result->quoted += worker->quoted;
		result->unread += worker->unread;
		stats->decoded = worker->decoded;
		stats->max_live_flows = table.max_live;
		stats->flow_bytes = table.slot_bytes;
		stats->cpu = worker->cpu;
		totals_merge(&result->totals, &worker->totals);
	}
	result->nb_workers = engine->nb_workers;
	result->max_memory = engine->config->memory.max_bytes;
	reassembly_get_stats(engine->reassembly, &result->fragments);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		result->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

/* Ends the records: whole, or as a .part when the run was cut off. */
static int finish_records(struct engine *engine, const struct engine_hooks *hooks,
			  struct engine_result *result, char *error, size_t error_size)
{
	struct arrow_writer *writer = engine->merger.writer;
	struct arrow_kv footer[16];
	size_t nb = 0;
	int rc;

	if (writer == NULL)
		return 0;
	result->records = engine->merger.rows;
	result->wrote_stream = arrow_writer_is_stream(writer);
	snprintf(result->record_path, sizeof(result->record_path), "%s", arrow_writer_path(writer));
	result->record_bytes = arrow_writer_bytes(writer);
	if (result->interrupted)
		return 0; /* fini() abandons it: what is committed stays */
	if (hooks->footer != NULL)
		nb = hooks->footer(hooks->context, result, footer, 16);
	engine->merger.writer = NULL;
	rc = arrow_writer_commit(writer, footer, nb);
	if (rc != 0) {
		snprintf(error, error_size, "%s: cannot write: %s", result->record_path,
			 strerror(-rc));
		return -1;
	}
	if (!result->wrote_stream) {
		struct stat st;

		snprintf(result->record_path, sizeof(result->record_path), "%s",
			 engine->config->output);
		if (stat(result->record_path, &st) == 0)
			result->record_bytes = (uint64_t)st.st_size; /* with the footer */
	}
	return 0;
}

/* Starts all threads and waits for them. */
static int run_threads(struct engine *engine, const struct engine_hooks *hooks,
		       struct engine_result *result, char *error, size_t error_size)
{
	const uint64_t start_ns = engine_now_ns();
	uint32_t started = 0;
	int rc = merger_start(engine);

	if (rc != 0) {
		snprintf(error, error_size, "cannot start the merger's thread: %s", strerror(-rc));
		return -1;
	}
	for (; started < engine->nb_workers; started++) {
		struct worker *worker = &engine->workers[started];

		rc = pthread_create(&worker->thread, NULL, worker_main, worker);
		if (rc != 0) {
			engine_fail(engine, "cannot start worker %u: %s", started, strerror(rc));
			break;
		}
	}
	watch(engine, hooks, start_ns);
	merger_join(engine);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(engine->workers[i].thread, NULL);
	result->interrupted = atomic_load(&interrupted) && !engine->config->interrupt_ends;
	if (engine->read_end_ns > start_ns) {
		result->read_ns = engine->read_end_ns - start_ns;
		result->write_ns = engine_now_ns() - engine->read_end_ns;
	}
	if (engine->failed) {
		snprintf(error, error_size, "%s", engine->failure);
		return -1;
	}
	return 0;
}

int engine_run(const struct engine_config *config, struct capture *capture,
	       const struct engine_hooks *hooks, struct engine_result *result, char *error,
	       size_t error_size)
{
	struct engine engine = {
		.config = config,
		.teller = hooks->teller,
		.capture = capture,
		.nb_workers = config->nb_workers,
	};
	int cpus[ENGINE_MAX_WORKERS];
	uint64_t start_ns = engine_now_ns();
	int rc;

	memset(result, 0, sizeof(*result));
	if (cpus_deal(config->nb_workers, cpus) != 0) {
		snprintf(error, error_size, "cannot read the CPUs this process may use");
		return -1;
	}
	rc = init(&engine, hooks, error, error_size);
	for (uint32_t i = 0; rc == 0 && i < engine.nb_workers; i++)
		engine.workers[i].cpu = cpus[i];
	if (rc == 0) {
		result->has_few_rights = rights_keep_only(RIGHTS_READ);
		result->startup_ns = engine_now_ns() - start_ns;
		rc = run_threads(&engine, hooks, result, error, error_size);
	}
	if (rc == 0) {
		collect_result(&engine, result);
		rc = finish_records(&engine, hooks, result, error, error_size);
	}
	fini(&engine);
	return rc;
}
