/* SPDX-License-Identifier: BSD-3-Clause */

/* What a live run tells: options, books, the status line, metrics. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/cli.h"
#include "../../src/cli/live_cli.h"
#include "../../src/cli/text.h"

/* ---- --rotate --------------------------------------------------------------------------- */

static void rotate_takes_a_time_or_a_size(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns, bytes;
	} cases[] = {
		{"60s", 60000000000, 0}, {"60", 60000000000, 0},    {"1h", 3600000000000, 0},
		{"5m", 300000000000, 0}, {"1s", 1000000000, 0},     {"1.5s", 1500000000, 0},
		{"100MB", 0, 100000000}, {"1GiB", 0, 1073741824},   {"64k", 0, 64000},
		{"4096B", 0, 4096},      {"1000ms", 1000000000, 0}, {"1d", 86400000000000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0, bytes = 0;

		assert_null(live_parse_rotate(cases[i].text, &ns, &bytes));
		assert_int_equal(ns, cases[i].ns);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void rotate_refuses(void **state)
{
	static const char *const texts[] = {"",     "soon",  "60x",  "-5s",   "0",  "0s",
					    "10ms", "999ms", "100B", "4095B", "1 h"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t ns = 0, bytes = 0;

		assert_non_null(live_parse_rotate(texts[i], &ns, &bytes));
		assert_int_equal(ns | bytes, 0);
	}
}

static void rotate_takes_each_kind_once(void **state)
{
	uint64_t ns = 0, bytes = 0;

	(void)state;
	assert_null(live_parse_rotate("60s", &ns, &bytes));
	assert_null(live_parse_rotate("1MB", &ns, &bytes));
	assert_non_null(live_parse_rotate("30s", &ns, &bytes));
	assert_non_null(live_parse_rotate("2MB", &ns, &bytes));
	assert_int_equal(ns, 60000000000);
	assert_int_equal(bytes, 1000000);
}

/* ---- a run with numbers that are all different -------------------------------------------- */

struct bed {
	struct live_options options;
	struct live_ports ports;
	struct live_stats stats;
	struct live_sum sum;
	struct live_report report;
};

static struct bed *bed_create(void)
{
	static const struct port_info infos[2] = {
		{.name = "a\"b\\c\nd", .driver = "libpcap", .kind = PORT_KERNEL},
		{.name = "net_ring0", .driver = "net_ring", .kind = PORT_DPDK},
	};
	const struct port_info *list[2] = {&infos[0], &infos[1]};
	struct bed *bed = calloc(1, sizeof(*bed));
	struct live_worker_stats *all;

	assert_non_null(bed);
	all = &bed->sum.all;
	live_ports_copy(&bed->ports, &(struct live_start){.ports = list, .nb_ports = 2});
	bed->options.config.max_flows = 5000;
	bed->stats.nb_ports = 2;
	bed->stats.nb_workers = 2;
	bed->stats.now_ns = 1700000000000000042;
	bed->stats.clock_error_ns = -1500;
	bed->stats.clock_steps = 2;
	bed->stats.ports[0] = (struct port_counters){
		.received = 600, .kernel_drops = 7, .interface_drops = 3, .cut = 4};
	bed->stats.ports[1] =
		(struct port_counters){.received = 420, .missed = 11, .no_mbuf = 13, .errors = 17};
	bed->stats.workers[0] = (struct live_worker_stats){.received = 700,
							   .tracked = 410,
							   .polls = 9000,
							   .idle_polls = 8000,
							   .sleeps = 1,
							   .cpu = 3};
	bed->stats.workers[1] = (struct live_worker_stats){
		.received = 320, .tracked = 530, .polls = 9100, .idle_polls = 8100, .cpu = 5};
	*all = (struct live_worker_stats){
		.received = 1020,
		.wire_bytes = 65537,
		.fates = {[FATE_TRACKED] = 940,
			  [FATE_NOT_IP] = 31,
			  [FATE_NOT_TCP] = 20,
			  [FATE_UNTRACKED] = 6},
		.exchange_full = 23,
		.tracked = 940,
		.quoted = 8,
		.headers_dropped = 29,
		.headers_unread = 37,
		.anomalous_packets = 19,
		.offload_segments = 31,
		.datagrams = 35,
		.datagrams_given_up = 36,
		.datagrams_held = 39,
		.holes_cut = 38,
		.flow_bytes = 320000,
		.live_flows = 44,
		.max_live_flows = 55,
		.flows = 66,
		.evicted = {[FLOW_HALF_OPEN] = 5, [FLOW_CLOSED] = 2, [FLOW_OPEN] = 1},
		.records = 22,
		.active_records = 8,
		.records_dropped = 9,
	};
	memcpy(bed->sum.drops, (uint64_t[NB_LIVE_DROPS]){11, 13, 17, 7, 3, 23, 6, 9, 12},
	       sizeof(bed->sum.drops));
	bed->stats.writer = (struct live_writer_stats){
		.rows = 10, .bytes = 4242, .files = 3, .rows_lost = 12, .failures = 1};
	bed->report = (struct live_report){.options = &bed->options,
					   .ports = &bed->ports,
					   .stats = &bed->stats,
					   .sum = &bed->sum};
	return bed;
}

/* ---- books ------------------------------------------------------------------------------- */

static void books_balance(void **state)
{
	struct bed *bed = bed_create();
	struct live_books books;
	uint64_t sum;

	(void)state;
	live_books_make(&books, &bed->stats, &bed->sum);
	sum = books.exchange;
	for (int f = 0; f < NB_FATES; f++)
		sum += books.fates[f];
	assert_int_equal(books.received, 1020);
	assert_int_equal(sum, 1020); /* 940 + 31 + 20 + 6 + 23 */
	assert_int_equal(books.ports_received, 1020);
	assert_int_equal(books.not_read, 0);
	/* 1020 + nic 11 + no mbuf 13 + errors 17 + kernel 7 + interface 3 */
	assert_int_equal(books.offered, 1071);
	assert_int_equal(books.cut, 4);
	free(bed);
}

static void books_tell_what_was_not_read(void **state)
{
	struct bed *bed = bed_create();
	struct live_books books;

	(void)state;
	bed->stats.ports[0].received += 5;
	live_books_make(&books, &bed->stats, &bed->sum);
	assert_int_equal(books.not_read, 5);
	assert_int_equal(books.offered, 1076);
	/* A port whose counter is behind its packets. */
	bed->stats.ports[0].received -= 8;
	live_books_make(&books, &bed->stats, &bed->sum);
	assert_int_equal(books.not_read, -3);
	assert_int_equal(books.offered, 1068);
	free(bed);
}

static void every_loss_has_words_and_a_name(void **state)
{
	(void)state;
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		assert_non_null(live_drop_names[d]);
		assert_non_null(live_drop_words[d].name);
		assert_non_null(live_drop_words[d].advice);
	}
	assert_null(live_drop_names[NB_LIVE_DROPS]);
}

/* ---- the status line ------------------------------------------------------------------- */

static void the_status_line_names_what_is_lost(void **state)
{
	static const struct live_rates rates = {.packets = 1.3e6, .bits = 9.5e9, .flows = 1200};
	struct bed *bed = bed_create();
	char line[512];

	(void)state;
	memset(bed->sum.drops, 0, sizeof(bed->sum.drops));
	live_status_line(line, sizeof(line), 99, &bed->report, &rates);
	assert_string_equal(line, "1.3 Mpps  9.5 Gbit/s  44 flows, 1.2 k new/s");
	bed->sum.drops[LIVE_DROP_KERNEL] = 1234;
	bed->sum.drops[LIVE_DROP_TABLE] = 7;
	bed->options.config.output = "x-%S.arrow";
	snprintf(bed->stats.record_path, sizeof(bed->stats.record_path), "/data/x-17.arrow");
	live_status_line(line, sizeof(line), 99, &bed->report, &rates);
	assert_string_equal(line, "1.3 Mpps  9.5 Gbit/s  44 flows, 1.2 k new/s  dropped 1.2 k "
				  "kernel, 7 table  22 records  x-17.arrow");
	free(bed);
}

static void the_status_line_fits_a_screen(void **state)
{
	static const struct live_rates rates = {.packets = 999e9, .bits = 999e12, .flows = 999e9};
	struct bed *bed = bed_create();
	char line[512], small[16];

	(void)state;
	bed->sum.all.live_flows = bed->sum.all.records = 999900000;
	bed->options.config.output = "x-%S.arrow";
	for (size_t i = 0; i + 1 < sizeof(bed->stats.record_path); i++)
		bed->stats.record_path[i] = 'x';
	for (int d = 0; d < NB_LIVE_DROPS; d++)
		bed->sum.drops[d] = 999900000;
	live_status_line(line, sizeof(line), 99, &bed->report, &rates);
	assert_true(text_width(line, strlen(line)) < 100);
	assert_non_null(strstr(line, "nic"));
	assert_non_null(strstr(line, "\xe2\x80\xa6"));
	live_status_line(line, sizeof(line), 40, &bed->report, &rates);
	assert_true(text_width(line, strlen(line)) <= 40);
	live_status_line(small, sizeof(small), 99, &bed->report, &rates);
	assert_true(strlen(small) < sizeof(small));
	free(bed);
}

/* ---- timeouts ------------------------------------------------------------------------------ */

/* What comes of timeouts that were given; 0: was not. */
static void finish_timeouts(uint64_t half_open, uint64_t closed, uint64_t idle,
			    uint64_t timeout_ns[NB_FLOW_CLASSES])
{
	const struct command_spec command = {.name = "try"};
	struct run_options shared = {.config = {.nb_workers = 4}};
	struct live_options live;
	bool is_taken;

	assert_int_equal(live_options_init(&live, 3), 0);
	assert_null(live_options_take(&live, LIVE_OPT_INTERFACE, "eth0", &is_taken));
	assert_true(is_taken);
	shared.config.timeout_ns[FLOW_HALF_OPEN] = half_open;
	shared.config.timeout_ns[FLOW_CLOSED] = closed;
	shared.config.timeout_ns[FLOW_OPEN] = idle;
	if (half_open != 0)
		assert_null(live_options_take(&live, RUN_OPT_HALF_OPEN_TIMEOUT, "", &is_taken));
	if (closed != 0)
		assert_null(live_options_take(&live, RUN_OPT_CLOSED_TIMEOUT, "", &is_taken));
	if (idle != 0)
		assert_null(live_options_take(&live, RUN_OPT_IDLE_TIMEOUT, "", &is_taken));
	assert_int_equal(live_options_finish(&command, &live, &shared), OPTIONS_GO_ON);
	memcpy(timeout_ns, live.config.timeout_ns, sizeof(live.config.timeout_ns));
	assert_int_equal(live.config.nb_workers, 3); /* a core is left for the kernel */
	live_options_fini(&live);
}

static void timeouts_have_defaults_of_live_capture(void **state)
{
	static const struct {
		uint64_t half_open, closed, idle; /* seconds, as given */
		uint64_t want[NB_FLOW_CLASSES];
	} cases[] = {
		{0, 0, 0, {[FLOW_HALF_OPEN] = 30, [FLOW_CLOSED] = 5, [FLOW_OPEN] = 300}},
		{0, 0, 60, {[FLOW_HALF_OPEN] = 30, [FLOW_CLOSED] = 5, [FLOW_OPEN] = 60}},
		{0, 0, 10, {[FLOW_HALF_OPEN] = 10, [FLOW_CLOSED] = 5, [FLOW_OPEN] = 10}},
		{0, 0, 2, {[FLOW_HALF_OPEN] = 2, [FLOW_CLOSED] = 2, [FLOW_OPEN] = 2}},
		{40, 7, 2, {[FLOW_HALF_OPEN] = 40, [FLOW_CLOSED] = 7, [FLOW_OPEN] = 2}},
		{7, 0, 0, {[FLOW_HALF_OPEN] = 7, [FLOW_CLOSED] = 5, [FLOW_OPEN] = 300}},
		{0, 9, 0, {[FLOW_HALF_OPEN] = 30, [FLOW_CLOSED] = 9, [FLOW_OPEN] = 300}},
	};
	const uint64_t s = 1000000000;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got[NB_FLOW_CLASSES];

		finish_timeouts(cases[i].half_open * s, cases[i].closed * s, cases[i].idle * s,
				got);
		for (int c = 0; c < NB_FLOW_CLASSES; c++)
			assert_int_equal(got[c], cases[i].want[c] * s);
	}
}

/* ---- the summary -------------------------------------------------------------------------- */

/* A run that has ended, with a flow in trouble; frames have numbers that nobody can look up. */
static void end_run(struct bed *bed, struct live_result *result)
{
	*result = (struct live_result){.last_path = "x-17.arrow"};
	result->totals.flows = 66;
	result->totals.anomalous_flows = 2;
	result->totals.ends[END_FIN] = 66;
	result->totals.handshakes[HANDSHAKE_COMPLETE] = 66;
	result->totals.verdicts[VERDICT_RETRANSMISSION] = (struct engine_worst){
		.total = 19, .flows = 2, .count = 18, .frame = 4711, .flow = "10.0.0.1:1 > b"};
	result->totals.losses[LOSS_BEFORE] = (struct engine_worst){
		.total = 1900, .flows = 2, .count = 1800, .frame = 4711, .flow = "10.0.0.1:1 > b"};
	bed->options.config.output = "x-%S.arrow";
	bed->report.result = result;
}

static char *summary_of(const struct bed *bed)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	live_print_summary(&bed->report, out);
	fclose(out);
	return text;
}

static void the_summary_tells_books_losses_and_advice(void **state)
{
	static const char *const lines[] = {
		"Packets received 1,020 = 940 tracked + 31 not IP + 20 not TCP + 6 untracked\n"
		"    + 23 dropped in the exchange\n",
		/* It would end in column 100, which is kept for a comma. */
		"Offered by the ports 1,071 = 1,020 received + 11 dropped by the NIC\n"
		"    + 13 dropped for want of buffers + 17 with errors, by the NIC + 7 dropped by "
		"the kernel\n"
		"    + 3 dropped by the interface\n",
		"TCP headers read 940 + 37 not read: packets have more than 32"
		" + 29 dropped in the exchange\n",
		"Wrote 10 records, 4.2 kB (424 bytes each) in 3 files, the last is x-17.arrow\n",
		"Flows          66           handshake: 66 complete\n",
		/* 23 of 1071; 9 of 22 + 9 */
		"           23   2.15 %  exchange   dropped in the exchange\n",
		"            9     29 %  records    records dropped: the writer was behind\n",
	};
	struct bed *bed = bed_create();
	struct live_result result;
	char *text, *rest, *line;

	(void)state;
	end_run(bed, &result);
	text = summary_of(bed);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strstr(text, lines[i]) == NULL) {
			puts(text);
			fail_msg("missing: %s", lines[i]);
		}
	}
	for (int d = 0; d < NB_LIVE_DROPS; d++)
		assert_non_null(strstr(text, live_drop_words[d].advice));
	assert_null(strstr(text, "frame"));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		assert_true(text_width(line, strlen(line)) <= 100);
	free(text);
	free(bed);
}

static void the_summary_of_a_run_without_loss_has_no_losses(void **state)
{
	struct bed *bed = bed_create();
	struct live_result result;
	char *text;

	(void)state;
	end_run(bed, &result);
	memset(bed->sum.drops, 0, sizeof(bed->sum.drops));
	bed->sum.all.exchange_full = 0;
	bed->sum.all.headers_dropped = bed->sum.all.headers_unread = 0;
	bed->sum.all.received = 997;
	bed->stats.ports[0] = (struct port_counters){.received = 577};
	bed->stats.ports[1] = (struct port_counters){.received = 420};
	text = summary_of(bed);
	assert_null(strstr(text, "Lost by the capture"));
	assert_null(strstr(text, "dropped"));
	assert_null(strstr(text, "TCP headers"));
	assert_non_null(strstr(text, "Offered by the ports 997 = 997 received\n"));
	free(text);
	free(bed);
}

/* ---- lines that are broken ---------------------------------------------------------------- */

static void long_lines_are_broken_between_parts(void **state)
{
	char *text;
	size_t size, columns = 0, lines = 0;
	FILE *out = open_memstream(&text, &size);
	struct live_line line = {.out = out};

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 12; i++)
		live_line_put(&line, " + ", "part %02d of twelve", i);
	live_line_end(&line);
	fclose(out);
	assert_memory_equal(text, "part 00 of twelve + part 01 of twelve", 37);
	assert_non_null(strstr(text, "\n    + part 05 of twelve + "));
	for (const char *p = text; *p != '\0'; p++) {
		columns = *p == '\n' ? 0 : columns + 1;
		lines += *p == '\n';
		assert_true(columns <= 100);
	}
	assert_int_equal(lines, 3);
	free(text);
}

/* What is said at the start. */
static void started_lines_end_with_commas(void **state)
{
	struct bed *bed = bed_create();
	char *text, *rest, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	bed->ports.nb = 0;
	bed->ports.nb_workers = 40;
	for (int i = 0; i < 40; i++)
		bed->ports.cpus[i] = 100 + i;
	live_print_started(&bed->report, out);
	fclose(out);
	assert_non_null(strstr(text, "40 workers on CPU 100, 101, "));
	assert_non_null(strstr(text, ",\n    1"));
	assert_null(strstr(text, "\n    ,"));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		assert_true(strlen(line) <= 100);
	free(text);
	free(bed);
}

/* Why a port does not deal flows is of interest only where there is somebody to deal to. */
static void why_not_rss_is_told_to_several_workers(void **state)
{
	(void)state;
	for (uint32_t nb_workers = 1; nb_workers <= 2; nb_workers++) {
		struct bed *bed = bed_create();
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		bed->ports.nb_workers = nb_workers;
		snprintf(bed->ports.infos[1].why, sizeof(bed->ports.infos[1].why), "no RSS");
		live_print_started(&bed->report, out);
		fclose(out);
		assert_int_equal(strstr(text, "no RSS") != NULL, nb_workers == 2);
		free(text);
		free(bed);
	}
}

static void a_run_without_flows_does_not_tell_how_they_ended(void **state)
{
	struct bed *bed = bed_create();
	struct live_result result;
	char *text;

	(void)state;
	end_run(bed, &result);
	result.totals = (struct engine_totals){.flows = 0};
	bed->sum.all.flows = 0;
	bed->sum.all.received = 1;
	bed->sum.all.wire_bytes = 60;
	text = summary_of(bed);
	assert_non_null(strstr(text, " 1 packet, 60 B\n"));
	assert_non_null(strstr(text, "\nFlows          0\n"));
	assert_null(strstr(text, "Ended"));
	assert_null(strstr(text, " \n"));
	free(text);
	free(bed);
}

/* ---- metrics ------------------------------------------------------------------------------ */

/* Written by hand from prometheus.io's description of the text format. */
static const char *const golden_samples[] = {
	"tcpmill_process_start_time_seconds 1699999999.000000007",
	"tcpmill_snapshot_time_seconds 1700000000.000000042",
	"tcpmill_packets_received_total{port=\"a\\\"b\\\\c\\nd\"} 600",
	"tcpmill_packets_received_total{port=\"net_ring0\"} 420",
	"tcpmill_packets_cut_total{port=\"a\\\"b\\\\c\\nd\"} 4",
	"tcpmill_packets_cut_total{port=\"net_ring0\"} 0",
	"tcpmill_packets_dropped_total{place=\"nic\",port=\"a\\\"b\\\\c\\nd\"} 0",
	"tcpmill_packets_dropped_total{place=\"no_mbuf\",port=\"a\\\"b\\\\c\\nd\"} 0",
	"tcpmill_packets_dropped_total{place=\"errors\",port=\"a\\\"b\\\\c\\nd\"} 0",
	"tcpmill_packets_dropped_total{place=\"kernel\",port=\"a\\\"b\\\\c\\nd\"} 7",
	"tcpmill_packets_dropped_total{place=\"interface\",port=\"a\\\"b\\\\c\\nd\"} 3",
	"tcpmill_packets_dropped_total{place=\"nic\",port=\"net_ring0\"} 11",
	"tcpmill_packets_dropped_total{place=\"no_mbuf\",port=\"net_ring0\"} 13",
	"tcpmill_packets_dropped_total{place=\"errors\",port=\"net_ring0\"} 17",
	"tcpmill_packets_dropped_total{place=\"kernel\",port=\"net_ring0\"} 0",
	"tcpmill_packets_dropped_total{place=\"interface\",port=\"net_ring0\"} 0",
	"tcpmill_packets_dropped_total{place=\"exchange\"} 23",
	"tcpmill_packets_dropped_total{place=\"table\"} 6",
	"tcpmill_records_dropped_total{place=\"records\"} 9",
	"tcpmill_records_dropped_total{place=\"disk\"} 12",
	"tcpmill_bytes_received_total 65537",
	"tcpmill_packets_total{fate=\"tracked\"} 940",
	"tcpmill_packets_total{fate=\"filtered\"} 0",
	"tcpmill_packets_total{fate=\"link_unknown\"} 0",
	"tcpmill_packets_total{fate=\"not_ip\"} 31",
	"tcpmill_packets_total{fate=\"ip_bad\"} 0",
	"tcpmill_packets_total{fate=\"fragment\"} 0",
	"tcpmill_packets_total{fate=\"tunnel\"} 0",
	"tcpmill_packets_total{fate=\"not_tcp\"} 20",
	"tcpmill_packets_total{fate=\"tcp_short\"} 0",
	"tcpmill_packets_total{fate=\"untracked\"} 6",
	"tcpmill_headers_dropped_total{place=\"exchange\"} 29",
	"tcpmill_headers_dropped_total{place=\"decode\"} 37",
	"tcpmill_packets_anomalous_total 19",
	"tcpmill_packets_offloaded_total 31",
	"tcpmill_headers_quoted_total 8",
	"tcpmill_datagrams_total 35",
	"tcpmill_datagrams_given_up_total 36",
	"tcpmill_datagrams_held 39",
	"tcpmill_flows_live 44",
	"tcpmill_flows_max 5000",
	"tcpmill_flows_created_total 66",
	"tcpmill_flows_evicted_total{class=\"half_open\"} 5",
	"tcpmill_flows_evicted_total{class=\"closed\"} 2",
	"tcpmill_flows_evicted_total{class=\"open\"} 1",
	"tcpmill_holes_cut_total 38",
	"tcpmill_flow_bytes 320000",
	"tcpmill_records_total 22",
	"tcpmill_records_active_total 8",
	"tcpmill_records_written_total 10",
	"tcpmill_record_bytes_written_total 4242",
	"tcpmill_record_files_total 3",
	"tcpmill_record_failures_total 1",
	"tcpmill_worker_packets_received_total{worker=\"0\",cpu=\"3\"} 700",
	"tcpmill_worker_packets_received_total{worker=\"1\",cpu=\"5\"} 320",
	"tcpmill_worker_packets_tracked_total{worker=\"0\",cpu=\"3\"} 410",
	"tcpmill_worker_packets_tracked_total{worker=\"1\",cpu=\"5\"} 530",
	"tcpmill_worker_polls_total{worker=\"0\",cpu=\"3\"} 9000",
	"tcpmill_worker_polls_total{worker=\"1\",cpu=\"5\"} 9100",
	"tcpmill_worker_idle_polls_total{worker=\"0\",cpu=\"3\"} 8000",
	"tcpmill_worker_idle_polls_total{worker=\"1\",cpu=\"5\"} 8100",
	"tcpmill_worker_sleeps_total{worker=\"0\",cpu=\"3\"} 1",
	"tcpmill_worker_sleeps_total{worker=\"1\",cpu=\"5\"} 0",
	"tcpmill_clock_error_seconds -0.000001500",
	"tcpmill_clock_steps_total 2",
};

/* The name of the metric that a sample is of. */
static size_t name_len(const char *line)
{
	return strcspn(line, "{ ");
}

static void metrics_are_as_written_by_hand(void **state)
{
	const int64_t start_ns = 1699999999000000007;
	struct bed *bed = bed_create();
	char *text, *rest, *line, typed[128] = "";
	size_t size, at = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	live_metrics_print(&bed->report, start_ns, out);
	fclose(out);
	assert_true(size > 0 && text[size - 1] == '\n');
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
		char name[96], type[16];

		if (sscanf(line, "# TYPE %95s %15s", name, type) == 2) {
			const bool is_total =
				strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;

			assert_string_equal(type, is_total ? "counter" : "gauge");
			snprintf(typed, sizeof(typed), "%s", name);
		} else if (line[0] != '#') {
			/* Samples stand behind the type of their metric. */
			assert_int_equal(strlen(typed), name_len(line));
			assert_memory_equal(line, typed, name_len(line));
			if (strstr(line, "build_info") != NULL) {
				assert_string_equal(line,
						    "tcpmill_build_info{version=\"" TCPMILL_VERSION
						    "\"} 1");
				continue;
			}
			assert_true(at < sizeof(golden_samples) / sizeof(golden_samples[0]));
			assert_string_equal(line, golden_samples[at++]);
		} else {
			assert_memory_equal(line, "# HELP tcpmill_", 15);
		}
	}
	assert_int_equal(at, sizeof(golden_samples) / sizeof(golden_samples[0]));
	free(text);
	free(bed);
}

static void metrics_replace_their_file(void **state)
{
	struct bed *bed = bed_create();
	char folder[] = "/tmp/tcpmill-metrics-XXXXXX", path[64], tmp[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/m.prom", folder);
	snprintf(tmp, sizeof(tmp), "%s/m.prom.tmp", folder);
	assert_int_equal(live_metrics_replace(path, &bed->report, 1), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 1000);
	assert_int_equal(live_metrics_replace(path, &bed->report, 1), 0);
	assert_int_equal(stat(tmp, &st), -1);
	/* A link in the place of the new file is not followed. */
	assert_int_equal(symlink("/dev/null", tmp), 0);
	assert_int_not_equal(live_metrics_replace(path, &bed->report, 1), 0);
	assert_int_equal(unlink(tmp), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_not_equal(live_metrics_replace(path, &bed->report, 1), 0);
	free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rotate_takes_a_time_or_a_size),
		cmocka_unit_test(rotate_refuses),
		cmocka_unit_test(rotate_takes_each_kind_once),
		cmocka_unit_test(timeouts_have_defaults_of_live_capture),
		cmocka_unit_test(books_balance),
		cmocka_unit_test(books_tell_what_was_not_read),
		cmocka_unit_test(every_loss_has_words_and_a_name),
		cmocka_unit_test(the_status_line_names_what_is_lost),
		cmocka_unit_test(the_status_line_fits_a_screen),
		cmocka_unit_test(the_summary_tells_books_losses_and_advice),
		cmocka_unit_test(the_summary_of_a_run_without_loss_has_no_losses),
		cmocka_unit_test(long_lines_are_broken_between_parts),
		cmocka_unit_test(started_lines_end_with_commas),
		cmocka_unit_test(why_not_rss_is_told_to_several_workers),
		cmocka_unit_test(a_run_without_flows_does_not_tell_how_they_ended),
		cmocka_unit_test(metrics_are_as_written_by_hand),
		cmocka_unit_test(metrics_replace_their_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
