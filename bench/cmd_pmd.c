/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench pmd: DPDK's own net_pcap driver, receive only, one queue. It says neither
 * when the file ends nor how many packets there are: those are counted before.
 */

#include <errno.h>
#include <math.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"
#include "tcpmill/capture.h"

#define CHUNK_SIZE ((size_t)1 << 20)

/* Returns 0, or 1 after a message. */
static int count_packets(const char *path, uint64_t *packets, uint64_t *file_bytes)
{
	const struct capture_params params = {
		.paths = &path, .nb_paths = 1, .chunk_size = CHUNK_SIZE};
	char error[256];
	bool usage;
	struct capture *capture = capture_open(&params, error, sizeof(error), &usage);
	struct chunk chunk = {.data = NULL};
	int rc;

	if (capture == NULL)
		return bench_fail(1, "pmd", error);
	rc = chunk_init(&chunk, capture);
	while (rc == 0 && capture_claim(capture, &chunk)) {
		capture_read(capture, &chunk);
		rc = capture_cut(capture, &chunk);
	}
	*packets = capture_totals(capture)->nb_frames;
	*file_bytes = capture_totals(capture)->file_bytes;
	chunk_fini(&chunk);
	capture_close(capture);
	return rc == 0 ? 0 : bench_fail(1, path, strerror(-rc));
}

#define BURST 64
#define NB_DESCRIPTORS 512
#define NB_MBUFS 8191

/* Nothing for so long: the file has ended, whatever was counted. */
#define PATIENCE_NS 1000000000u

static int start_eal(void)
{
	char program[] = "tcpmill-bench", lcores[32], quiet[] = "--log-level=*:critical";
	char no_huge[] = "--no-huge", no_shconf[] = "--no-shconf", no_pci[] = "--no-pci";
	char no_telemetry[] = "--no-telemetry", m[] = "-m", mib[] = "512";
	char *argv[] = {program, lcores, quiet, no_huge,      no_shconf,
			no_pci,  m,      mib,   no_telemetry, NULL};
	size_t cpu = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
			cpu++;
	}
	snprintf(lcores, sizeof(lcores), "--lcores=0@%zu", cpu);
	return rte_eal_init(9, argv);
}

/* Returns 0, or -1 with the reason why there is no such port. */
static int start_port(const char *path, uint16_t *port, const char **why)
{
	const struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_mempool *pool;
	char options[4200];

	snprintf(options, sizeof(options), "rx_pcap=%s", path);
	if (rte_eal_hotplug_add("vdev", "net_pcap0", options) != 0 ||
	    rte_eth_dev_get_port_by_name("net_pcap0", port) != 0) {
		*why = "DPDK's net_pcap driver is not in this build, or does not read the file";
		return -1;
	}
	pool = rte_pktmbuf_pool_create("pmd", NB_MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL || rte_eth_dev_configure(*port, 1, 0, &conf) != 0 ||
	    rte_eth_rx_queue_setup(*port, 0, NB_DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, NULL,
				   pool) != 0 ||
	    rte_eth_dev_start(*port) != 0) {
		*why = "the net_pcap port does not start";
		return -1;
	}
	return 0;
}

/* Receives until all are there, or nothing comes any more. */
static uint64_t receive(uint16_t port, uint64_t packets, double *seconds)
{
	struct rte_mbuf *burst[BURST];
	uint64_t start = bench_now_ns(), last = start, done = 0, now;

	while (done < packets) {
		const uint16_t nb = rte_eth_rx_burst(port, 0, burst, BURST);

		if (nb == 0) {
			now = bench_now_ns();
			if (now - last > PATIENCE_NS)
				break;
			continue;
		}
		rte_pktmbuf_free_bulk(burst, nb);
		done += nb;
		if (done % 4096 < nb)
			last = bench_now_ns();
	}
	*seconds = (double)(bench_now_ns() - start) / 1e9;
	return done;
}

static int measure(const char *path, uint64_t packets, double *seconds, const char **why)
{
	uint64_t received;
	uint16_t port = 0;

	if (start_eal() < 0) {
		*why = "DPDK's EAL does not start";
		return 0;
	}
	if (start_port(path, &port, why) == 0) {
		received = receive(port, packets, seconds);
		rte_eth_dev_stop(port);
		if (received != packets)
			return bench_fail(1, path, "net_pcap did not receive all packets");
	}
	rte_eal_cleanup();
	return 0;
}

int cmd_pmd(int argc, char **argv)
{
	const char *path, *why = NULL;
	struct report report;
	uint64_t packets = 0, file_bytes = 0;
	double seconds = (double)NAN;
	bool json = false;
	const struct bench_option table[] = {{"--json", BENCH_FLAG, 0, &json}};
	int status = bench_parse(argv, table, 1, &path, 1);

	(void)argc;
	if (status == 0)
		status = count_packets(path, &packets, &file_bytes);
	if (status == 0)
		status = measure(path, packets, &seconds, &why);
	if (status != 0)
		return status;
	if (!report_init(&report, "pmd"))
		return bench_fail(1, path, "out of memory");
	report_fact_text(&report, "file", "file", path);
	report_fact(&report, "packets", "packets", (double)packets, 0);
	report_fact(&report, "file_bytes", "bytes", (double)file_bytes, 0);
	report_fact(&report, "available", NULL, why == NULL, 0);
	report_fact_text(&report, "why", why == NULL ? NULL : "left out", why);
	if (why == NULL) {
		report_row(&report);
		report_text(&report, "what", "what", "net_pcap rx");
		report_number(&report, "packets", NULL, (double)packets, 0);
		report_number(&report, "seconds", "seconds", seconds, 6);
		report_number(&report, "ns_per_packet", "ns/packet",
			      seconds / (double)packets * 1e9, 2);
		report_number(&report, "mpps", "Mpps", (double)packets / seconds / 1e6, 3);
		report_number(&report, "gb_per_s", "GB/s", (double)file_bytes / seconds / 1e9, 3);
	}
	status = report_print(&report, json, stdout);
	report_fini(&report);
	return status;
}
