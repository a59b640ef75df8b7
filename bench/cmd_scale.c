/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench scale: the whole program, records written, for each number of workers
 * and of live flows. Rounds of all workers are taken in turn on the same trace.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench.h"
#include "bulk.h"
#include "child.h"
#include "report.h"

/*
 * The run whose memory is what a flow's is told against: it has enough flows for whole
 * batches of records, whose buffers would else count as the flows'.
 */
#define BASE_PACKETS 2000000
#define BASE_FLOWS 200000
#define BASE_LIVE 1000

/* Fewer flows than that are not told from what else differs. */
#define RSS_MIN_FLOWS (4 * BASE_FLOWS)

#define PATH_ROOM 4096

struct scale {
	struct bench_list workers, live;
	uint64_t packets, rounds;
	const char *size, *tcpmill, *dir;
	bool json;

	char tcpmill_path[PATH_ROOM], capture[PATH_ROOM], records[PATH_ROOM];
	uint64_t base_rss[BENCH_LIST_MAX]; /* by worker count */
	struct child_result *results;      /* [workers][rounds] of the trace at hand */
	struct report report;
};

/* The trace at hand. */
struct trace {
	uint64_t live, file_bytes;
	struct bulk_counts counts;
};

static uint64_t nb_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
}

/* 1, 2, 4 ... and all. */
static void default_workers(struct bench_list *list)
{
	const uint64_t max = nb_cpus() < 64 ? nb_cpus() : 64;

	for (uint64_t w = 1; w < max; w *= 2)
		list->values[list->nb++] = w;
	list->values[list->nb++] = max;
}

/* Beside this program, or where the build folder has it. */
static int find_tcpmill(struct scale *scale)
{
	static const char *const places[] = {"tcpmill", "../tcpmill"};
	char own[PATH_ROOM / 2];
	const ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (scale->tcpmill != NULL) {
		snprintf(scale->tcpmill_path, PATH_ROOM, "%s", scale->tcpmill);
		if (access(scale->tcpmill_path, X_OK) != 0)
			return bench_fail(1, scale->tcpmill, strerror(errno));
		return 0;
	}
	own[len > 0 ? len : 0] = '\0';
	slash = strrchr(own, '/');
	if (slash == NULL)
		return bench_fail(1, "tcpmill", "not found: give --tcpmill PATH");
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(scale->tcpmill_path, PATH_ROOM, "%s/%s", own, places[i]);
		if (access(scale->tcpmill_path, X_OK) == 0)
			return 0;
	}
	return bench_fail(1, "tcpmill", "not beside tcpmill-bench: give --tcpmill PATH");
}

/*
 * A file without a name: nothing is left behind, however the program ends. The child reads
 * it by its number here. Returns the descriptor, or -1 after a message.
 */
static int open_nameless(struct scale *scale)
{
	const int fd = open(scale->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_fail(1, scale->dir, strerror(errno));
	snprintf(scale->capture, PATH_ROOM, "/proc/%d/fd/%d", (int)getpid(), fd);
	snprintf(scale->records, PATH_ROOM, "%s/tcpmill-bench-%d.arrow", scale->dir, (int)getpid());
	return fd;
}

/* Says so at once when the trace cannot fit. */
static int check_room(const struct scale *scale, const struct bulk_params *params)
{
	static const uint64_t bytes[] = {
		[BULK_96SNAP] = 104, [BULK_FULL] = 450, [BULK_SMALL] = 76, [BULK_1500] = 1530};
	const uint64_t need = params->nb_packets * bytes[params->size] + params->nb_flows * 160;
	struct statvfs fs;
	char text[160];

	if (statvfs(scale->dir, &fs) != 0)
		return bench_fail(1, scale->dir, strerror(errno));
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= need)
		return 0;
	snprintf(text, sizeof(text),
		 "%.1f GB needed for %" PRIu64 " packets, %.1f GB there: give --packets or --dir",
		 (double)need / 1e9, params->nb_packets,
		 (double)fs.f_bavail * (double)fs.f_frsize / 1e9);
	return bench_fail(1, scale->dir, text);
}

static int make_trace(struct scale *scale, uint64_t packets, uint64_t flows, uint64_t live,
		      struct trace *trace)
{
	struct bulk_params params = BULK_DEFAULTS;
	uint64_t captured;

	params.nb_packets = packets;
	params.nb_live = live;
	params.nb_flows = flows;
	if (!bulk_set_option(&params, "--size", scale->size))
		return bench_fail(2, "--size", "no such value");
	trace->live = live;
	if (check_room(scale, &params) != 0)
		return 1;
	return bench_make_trace(&params, scale->capture, &trace->counts, &captured,
				&trace->file_bytes);
}

static int run_once(const struct scale *scale, const struct trace *trace, uint64_t workers,
		    struct child_result *result)
{
	const struct bulk_counts *made = &trace->counts;
	const struct child_run run = {
		.tcpmill = scale->tcpmill_path,
		.capture = scale->capture,
		.records = scale->records,
		.workers = workers,
		.max_flows = made->flows + made->flows / 4 + 65536,
	};
	char text[192];

	if (child_run(&run, result) != 0)
		return 1;
	if (result->packets == made->packets && result->tracked == made->tcp &&
	    result->flows == made->flows && result->records == made->flows)
		return 0;
	snprintf(text, sizeof(text),
		 "counted %" PRIu64 " packets, %" PRIu64 " tracked, %" PRIu64
		 " flows; made %" PRIu64 ", %" PRIu64 ", %" PRIu64,
		 result->packets, result->tracked, result->flows, made->packets, made->tcp,
		 made->flows);
	return bench_fail(1, "wrong counts", text);
}

/* ---- the table --------------------------------------------------------------- */

static struct bench_spread spread_of(const struct child_result *results, uint64_t nb,
				     double (*value)(const struct child_result *result))
{
	double values[BENCH_ROUNDS_MAX];

	for (uint64_t i = 0; i < nb; i++)
		values[i] = value(&results[i]);
	return bench_spread(values, (uint32_t)nb);
}

static double startup_of(const struct child_result *r)
{
	return r->startup_seconds;
}

static double read_of(const struct child_result *r)
{
	return r->read_seconds;
}

static double write_of(const struct child_result *r)
{
	return r->write_seconds;
}

static double time_of(const struct child_result *r)
{
	return r->read_seconds + r->write_seconds;
}

static double rss_of(const struct child_result *r)
{
	return (double)r->peak_rss_bytes;
}

static void tell_memory(struct report *report, const struct child_result *results, uint64_t rounds,
			uint64_t base_rss)
{
	const double rss = spread_of(results, rounds, rss_of).median;
	const double flows = (double)results->max_live_flows;
	double rss_per_flow = (double)NAN;

	if (results->max_live_flows >= RSS_MIN_FLOWS && rss > (double)base_rss)
		rss_per_flow = (rss - (double)base_rss) / (flows - BASE_FLOWS);
	report_number(report, "peak_rss_bytes", NULL, rss, 0);
	report_number(report, "peak_rss_mb", "RSS, MB", rss / 1e6, 0);
	report_number(report, "rss_base_bytes", NULL, (double)base_rss, 0);
	report_number(report, "max_live_flows", NULL, flows, 0);
	report_number(report, "flow_bytes", NULL, (double)results->flow_bytes, 0);
	report_number(report, "slot_bytes_per_flow", "slot B/flow",
		      (double)results->flow_bytes / flows, 0);
	report_number(report, "rss_bytes_per_flow", "RSS B/flow", rss_per_flow, 0);
	report_number(report, "record_bytes", NULL, (double)results->record_bytes, 0);
	report_number(report, "bytes_per_record", "B/record",
		      (double)results->record_bytes / (double)results->records, 1);
}

/* one: the median of one worker, 0 = none. */
static double tell_row(struct scale *scale, const struct trace *trace, uint32_t w, double one)
{
	const struct child_result *results = scale->results + w * scale->rounds;
	const struct bench_spread seconds = spread_of(results, scale->rounds, time_of);
	const double packets = (double)trace->counts.packets;
	struct report *report = &scale->report;

	if (scale->workers.values[w] == 1)
		one = seconds.median;
	report_row(report);
	report_number(report, "live", "live flows", (double)trace->live, 0);
	report_number(report, "workers", "workers", (double)scale->workers.values[w], 0);
	report_text(report, "size", NULL, scale->size);
	report_number(report, "packets", NULL, packets, 0);
	report_number(report, "flows", "flows", (double)trace->counts.flows, 0);
	report_number(report, "file_bytes", NULL, (double)trace->file_bytes, 0);
	report_number(report, "seconds", NULL, seconds.median, 6);
	report_number(report, "seconds_min", NULL, seconds.min, 6);
	report_number(report, "seconds_max", NULL, seconds.max, 6);
	report_number(report, "mpps", "Mpps", packets / seconds.median / 1e6, 3);
	report_number(report, "mpps_min", "min", packets / seconds.max / 1e6, 3);
	report_number(report, "mpps_max", "max", packets / seconds.min / 1e6, 3);
	report_number(report, "ns_per_packet", "ns/packet", seconds.median / packets * 1e9, 1);
	report_number(report, "gb_per_s", "GB/s", (double)trace->file_bytes / seconds.median / 1e9,
		      3);
	report_number(report, "speedup", "x one", one != 0 ? one / seconds.median : (double)NAN, 2);
	report_number(report, "startup_seconds", NULL,
		      spread_of(results, scale->rounds, startup_of).median, 6);
	report_number(report, "read_seconds", NULL,
		      spread_of(results, scale->rounds, read_of).median, 6);
	report_number(report, "write_seconds", NULL,
		      spread_of(results, scale->rounds, write_of).median, 6);
	tell_memory(report, results, scale->rounds, scale->base_rss[w]);
	return one;
}

/* ---- the runs ---------------------------------------------------------------- */

static int measure_base(struct scale *scale)
{
	struct child_result result;
	struct trace trace;
	int status = make_trace(scale, BASE_PACKETS, BASE_FLOWS, BASE_LIVE, &trace);

	for (uint32_t w = 0; status == 0 && w < scale->workers.nb; w++) {
		status = run_once(scale, &trace, scale->workers.values[w], &result);
		scale->base_rss[w] = result.peak_rss_bytes;
	}
	return status;
}

static int measure_live(struct scale *scale, uint64_t live)
{
	struct trace trace;
	double one = 0;
	const uint64_t flows = bench_plain_flows(scale->packets, live);
	int status = make_trace(scale, scale->packets, flows, live, &trace);

	for (uint64_t round = 0; status == 0 && round < scale->rounds; round++) {
		for (uint32_t w = 0; status == 0 && w < scale->workers.nb; w++)
			status = run_once(scale, &trace, scale->workers.values[w],
					  &scale->results[w * scale->rounds + round]);
	}
	for (uint32_t w = 0; status == 0 && w < scale->workers.nb; w++)
		one = tell_row(scale, &trace, w, one);
	return status;
}

static int measure(struct scale *scale)
{
	const int fd = open_nameless(scale);
	int status = fd < 0 ? 1 : measure_base(scale);

	for (uint32_t i = 0; status == 0 && i < scale->live.nb; i++)
		status = measure_live(scale, scale->live.values[i]);
	if (fd >= 0)
		close(fd);
	if (status == 0)
		status = report_print(&scale->report, scale->json, stdout);
	return status;
}

static int prepare(struct scale *scale)
{
	if (scale->workers.nb == 0)
		default_workers(&scale->workers);
	scale->results = calloc(scale->workers.nb * scale->rounds, sizeof(*scale->results));
	if (scale->results == NULL || !report_init(&scale->report, "scale"))
		return bench_fail(1, "scale", "out of memory");
	report_fact_text(&scale->report, "tcpmill", "program", scale->tcpmill_path);
	report_fact(&scale->report, "cpus", "CPUs", (double)nb_cpus(), 0);
	report_fact(&scale->report, "rounds", "rounds", (double)scale->rounds, 0);
	report_fact(&scale->report, "packets", "packets", (double)scale->packets, 0);
	return find_tcpmill(scale);
}

int cmd_scale(int argc, char **argv)
{
	struct scale *scale = calloc(1, sizeof(*scale));
	int status;

	(void)argc;
	if (scale == NULL)
		return bench_fail(1, "scale", "out of memory");
	scale->live = (struct bench_list){.values = {1000, 100000, 1000000}, .nb = 3};
	scale->packets = 30000000;
	scale->rounds = BENCH_ROUNDS;
	scale->size = "96snap";
	scale->dir = "/dev/shm";
	const struct bench_option table[] = {
		{"--workers", BENCH_LIST, 64, &scale->workers},
		{"--live", BENCH_LIST, 1 << 28, &scale->live},
		{"--packets", BENCH_NUMBER, UINT32_MAX, &scale->packets},
		{"--size", BENCH_TEXT, 0, &scale->size},
		{"--rounds", BENCH_NUMBER, BENCH_ROUNDS_MAX, &scale->rounds},
		{"--tcpmill", BENCH_TEXT, 0, &scale->tcpmill},
		{"--dir", BENCH_TEXT, 0, &scale->dir},
		{"--json", BENCH_FLAG, 0, &scale->json},
	};
	status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), NULL, 0);
	if (status == 0)
		status = prepare(scale);
	if (status == 0)
		status = measure(scale);
	report_fini(&scale->report);
	free(scale->results);
	free(scale);
	return status;
}
