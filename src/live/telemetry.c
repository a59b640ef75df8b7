/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The live run over DPDK's telemetry socket: /tcpmill/stats, /tcpmill/books and
 * /tcpmill/worker,N, for dpdk-telemetry.py.
 *
 * Threads: callbacks run on threads of telemetry's own and take a snapshot.
 * 22.11: commands cannot be taken back, so what they reach is guarded; names in a
 *        dictionary are letters, digits, '_' and '/'; containers nest in dictionaries only.
 */

#include <errno.h>
#include <rte_telemetry.h>
#include <stdlib.h>
#include <string.h>

#include "live_priv.h"

/*
 * rte_telemetry_register_cmd() takes no context, and keeps its commands until the process
 * ends: this is what they find. NULL: no run.
 */
static struct {
	pthread_mutex_t lock;
	live_snapshot_fn *snapshot;
	void *context;
	bool is_registered;
} telemetry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One member of a struct of uint64_t, by the name that --json has for it. */
struct member {
	const char *name;
	size_t offset;
};

/* clang-format off */
#define WORKER(member) offsetof(struct live_worker_stats, member)
static const struct member worker_members[] = {
	{"received", WORKER(received)},
	{"bytes_wire", WORKER(wire_bytes)},
	{"exchange", WORKER(exchange_full)},
	{"forwarded", WORKER(forwarded)},
	{"tracked", WORKER(tracked)},
	{"quoted", WORKER(quoted)},
	{"headers_dropped", WORKER(headers_dropped)},
	{"headers_unread", WORKER(headers_unread)},
	{"anomalous_packets", WORKER(anomalous_packets)},
	{"live_flows", WORKER(live_flows)},
	{"max_live_flows", WORKER(max_live_flows)},
	{"flows", WORKER(flows)},
	{"records", WORKER(records)},
	{"active_records", WORKER(active_records)},
	{"records_dropped", WORKER(records_dropped)},
	{"polls", WORKER(polls)},
	{"idle_polls", WORKER(idle_polls)},
	{"sleeps", WORKER(sleeps)},
	{"flow_bytes", WORKER(flow_bytes)},
	{"offload_segments", WORKER(offload_segments)},
	{"datagrams", WORKER(datagrams)},
	{"datagrams_given_up", WORKER(datagrams_given_up)},
	{"datagrams_held", WORKER(datagrams_held)},
	{"holes_cut", WORKER(holes_cut)},
};

#define WRITER(member) offsetof(struct live_writer_stats, member)
static const struct member writer_members[] = {
	{"records", WRITER(rows)},
	{"record_bytes", WRITER(bytes)},
	{"record_files", WRITER(files)},
	{"record_failures", WRITER(failures)},
	{"disk", WRITER(rows_lost)},
};
/* clang-format on */

#define NB(array) (sizeof(array) / sizeof((array)[0]))

/* A snapshot, malloc'ed; NULL when no run is there, or no memory. */
static struct live_stats *take_snapshot(void)
{
	struct live_stats *stats = calloc(1, sizeof(*stats));
	bool is_there;

	if (stats == NULL)
		return NULL;
	pthread_mutex_lock(&telemetry.lock);
	is_there = telemetry.snapshot != NULL;
	if (is_there)
		telemetry.snapshot(telemetry.context, stats);
	pthread_mutex_unlock(&telemetry.lock);
	if (is_there)
		return stats;
	free(stats);
	return NULL;
}

static void add_members(struct rte_tel_data *d, const struct member *members, size_t nb,
			const void *from)
{
	for (size_t i = 0; i < nb; i++) {
		uint64_t n;

		memcpy(&n, (const char *)from + members[i].offset, sizeof(n));
		(void)rte_tel_data_add_dict_u64(d, members[i].name, n);
	}
}

/* An empty dictionary inside d; it is d's. NULL without memory: then the part is missing. */
static struct rte_tel_data *add_dict(struct rte_tel_data *d, const char *name)
{
	struct rte_tel_data *part = rte_tel_data_alloc();

	if (part == NULL)
		return NULL;
	(void)rte_tel_data_start_dict(part);
	if (rte_tel_data_add_dict_container(d, name, part, 0) == 0)
		return part;
	rte_tel_data_free(part);
	return NULL;
}

static void add_drops(struct rte_tel_data *d, const struct live_sum *sum)
{
	struct rte_tel_data *drops = add_dict(d, "drops");

	for (int i = 0; drops != NULL && i < NB_LIVE_DROPS; i++)
		(void)rte_tel_data_add_dict_u64(drops, live_drop_names[i], sum->drops[i]);
}

static void add_evicted(struct rte_tel_data *d, const struct live_sum *sum)
{
	struct rte_tel_data *evicted = add_dict(d, "evicted");

	for (int c = 0; evicted != NULL && c < NB_FLOW_CLASSES; c++)
		(void)rte_tel_data_add_dict_u64(evicted, live_class_names[c], sum->all.evicted[c]);
}

static void add_port(struct rte_tel_data *port, const struct port_counters *counters)
{
	uint64_t drops[NB_LIVE_DROPS];

	live_port_drops(counters, drops);
	(void)rte_tel_data_add_dict_u64(port, "received", counters->received);
	(void)rte_tel_data_add_dict_u64(port, "cut", counters->cut);
	for (int i = 0; i < NB_LIVE_DROPS; i++) {
		if (live_drop_is_offered((enum live_drop)i))
			(void)rte_tel_data_add_dict_u64(port, live_drop_names[i], drops[i]);
	}
}

/* Ports by number: their names are not such as a dictionary may have. */
static void add_ports(struct rte_tel_data *d, const struct live_stats *stats)
{
	for (uint32_t i = 0; i < stats->nb_ports; i++) {
		struct rte_tel_data *port;
		char name[16];

		snprintf(name, sizeof(name), "port_%u", i);
		port = add_dict(d, name);
		if (port != NULL)
			add_port(port, &stats->ports[i]);
	}
}

static int on_stats(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct live_stats *stats = take_snapshot();
	struct live_sum sum;
	struct rte_tel_data *writer;

	(void)cmd;
	(void)params;
	if (stats == NULL)
		return -EAGAIN;
	live_sum(stats, &sum);
	(void)rte_tel_data_start_dict(d);
	(void)rte_tel_data_add_dict_u64(d, "now_ns", (uint64_t)stats->now_ns);
	(void)rte_tel_data_add_dict_u64(d, "elapsed_ns", stats->elapsed_ns);
	(void)rte_tel_data_add_dict_u64(d, "ports", stats->nb_ports);
	(void)rte_tel_data_add_dict_u64(d, "workers", stats->nb_workers);
	add_members(d, worker_members, NB(worker_members), &sum.all);
	add_evicted(d, &sum);
	add_drops(d, &sum);
	add_ports(d, stats);
	writer = add_dict(d, "writer");
	if (writer != NULL)
		add_members(writer, writer_members, NB(writer_members), &stats->writer);
	(void)rte_tel_data_add_dict_string(d, "record_path", stats->record_path);
	(void)rte_tel_data_add_dict_u64(d, "clock_steps", stats->clock_steps);
	free(stats);
	return 0;
}

/* received = the sum of the others in "books"; what the ports lost is in "drops". */
static int on_books(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct live_stats *stats = take_snapshot();
	struct live_sum sum;
	struct rte_tel_data *books;

	(void)cmd;
	(void)params;
	if (stats == NULL)
		return -EAGAIN;
	live_sum(stats, &sum);
	(void)rte_tel_data_start_dict(d);
	books = add_dict(d, "books");
	if (books != NULL) {
		(void)rte_tel_data_add_dict_u64(books, "frames", sum.all.received);
		for (int f = 0; f < NB_FATES; f++)
			(void)rte_tel_data_add_dict_u64(books, fate_names[f], sum.all.fates[f]);
		(void)rte_tel_data_add_dict_u64(books, live_drop_names[LIVE_DROP_EXCHANGE],
						sum.all.exchange_full);
	}
	add_drops(d, &sum);
	free(stats);
	return 0;
}

/* "0" .. ; false of anything else. */
static bool parse_worker(const char *params, uint32_t *worker)
{
	char *end;
	unsigned long n;

	if (params == NULL || *params < '0' || *params > '9')
		return false;
	n = strtoul(params, &end, 10);
	if (*end != '\0' || n >= ENGINE_MAX_WORKERS)
		return false;
	*worker = (uint32_t)n;
	return true;
}

static int on_worker(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct live_stats *stats;
	const struct live_worker_stats *worker;
	uint32_t i;
	int rc = -EINVAL;

	(void)cmd;
	if (!parse_worker(params, &i))
		return -EINVAL;
	stats = take_snapshot();
	if (stats == NULL)
		return -EAGAIN;
	if (i < stats->nb_workers) {
		struct live_sum sum = {.all = stats->workers[i]};
		struct rte_tel_data *fates;

		worker = &stats->workers[i];
		(void)rte_tel_data_start_dict(d);
		(void)rte_tel_data_add_dict_u64(d, "worker", i);
		(void)rte_tel_data_add_dict_u64(d, "cpu", worker->cpu);
		add_members(d, worker_members, NB(worker_members), worker);
		add_evicted(d, &sum);
		fates = add_dict(d, "fates");
		for (int f = 0; fates != NULL && f < NB_FATES; f++)
			(void)rte_tel_data_add_dict_u64(fates, fate_names[f], worker->fates[f]);
		rc = 0;
	}
	free(stats);
	return rc;
}

void live_telemetry_start(live_snapshot_fn *snapshot, void *context)
{
	bool is_registered;

	pthread_mutex_lock(&telemetry.lock);
	telemetry.snapshot = snapshot;
	telemetry.context = context;
	is_registered = telemetry.is_registered;
	telemetry.is_registered = true;
	pthread_mutex_unlock(&telemetry.lock);
	if (is_registered)
		return;
	/* A run without telemetry is still a run: what fails here is not told. */
	(void)rte_telemetry_register_cmd("/tcpmill/stats", on_stats,
					 "What the live run counted. Takes no parameters");
	(void)rte_telemetry_register_cmd(
		"/tcpmill/books", on_books,
		"Where every packet went, and what was lost. Takes no parameters");
	(void)rte_telemetry_register_cmd("/tcpmill/worker", on_worker,
					 "What one worker counted. Parameter: its number, from 0");
}

void live_telemetry_stop(void)
{
	pthread_mutex_lock(&telemetry.lock);
	telemetry.snapshot = NULL;
	telemetry.context = NULL;
	pthread_mutex_unlock(&telemetry.lock);
}
