/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK ports that need no rights: net_null, net_ring and net_pcap. */

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/ethdev_priv.h"
#include "frame_support.h"

#define NOW INT64_C(1767225600123456789)

static struct port_params params_of(const char *name)
{
	return (struct port_params){
		.name = name, .nb_workers = 2, .snaplen = 65535, .promiscuous = true};
}

/* Opens and starts; the test fails here if that does. */
static struct port *open_started(const struct port_params *params)
{
	char error[512] = "";
	bool usage;
	struct port *port = port_open(params, error, sizeof(error), &usage);

	if (port == NULL)
		fail_msg("%s", error);
	if (port_start(port, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return port;
}

static void null_frames_have_the_time_of_their_burst(void **state)
{
	const struct port_params params = params_of("net_null0,size=64");
	struct port *port = open_started(&params);
	const struct port_info *info = port_info(port);
	struct port_burst burst;
	struct port_counters counters;

	(void)state;
	assert_string_equal(info->name, "net_null0,size=64");
	assert_string_equal(info->driver, "net_null");
	assert_int_equal(info->kind, PORT_DPDK);
	assert_int_equal(info->clock, PORT_CLOCK_BURST);
	/* It claims RSS and many queues. */
	assert_int_equal(info->nb_queues, 1);
	assert_false(info->is_affine);
	assert_string_equal(info->why, "no RSS: a virtual device");
	assert_int_equal(port_fd(port), -1);
	port_poll(port, 0, NOW, &burst, 7);
	assert_int_equal(burst.nb, 7);
	assert_int_equal(burst.complete_ns, NOW);
	assert_false(burst.has_vlan);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(burst.frames[i].ts_ns, NOW);
		assert_int_equal(burst.frames[i].caplen, 64);
		assert_int_equal(burst.frames[i].wire_len, 64);
		assert_int_equal(burst.frames[i].interface->link_type, LINK_ETHERNET);
		assert_null(burst.frames[i].interface->filter);
	}
	port_release(port, &burst);
	/* The clock was set back. */
	port_poll(port, 0, NOW - 3600000000000, &burst, 7);
	assert_int_equal(burst.complete_ns, NOW - 3600000000000);
	port_release(port, &burst);
	port_get_counters(port, &counters);
	assert_int_equal(counters.received, 14);
	assert_int_equal(counters.missed + counters.no_mbuf + counters.errors + counters.cut, 0);
	port_close(port);
}

/* It never runs dry: a stop has to end it all the same. */
static void a_stopped_port_is_over_some_time(void **state)
{
	const struct port_params params = params_of("net_null0");
	struct port *port = open_started(&params);
	struct port_burst burst = {0};
	int nb_polls = 0;

	(void)state;
	port_poll(port, 0, NOW, &burst, PORT_BURST);
	assert_false(burst.is_over);
	port_release(port, &burst);
	port_stop(port);
	port_stop(port);
	while (!burst.is_over && nb_polls++ < 100000) {
		port_poll(port, 0, NOW, &burst, PORT_BURST);
		port_release(port, &burst);
	}
	assert_true(burst.is_over);
	port_poll(port, 0, NOW, &burst, PORT_BURST);
	assert_int_equal(burst.nb, 0);
	assert_true(burst.is_over);
	assert_string_equal(port_info(port)->ended, "");
	port_close(port);
}

static void nothing_stays_behind(void **state)
{
	(void)state;
	/* 256 MiB would not do for so many, if memory stayed. */
	for (int i = 0; i < 40; i++) {
		const struct port_params params = params_of("net_null0");
		struct port *port = open_started(&params);

		port_close(port);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
	port_close(NULL);
}

/* ---- net_ring: mbufs as the test wants them ---------------------------------------------- */

struct ring_bed {
	struct rte_mempool *pool;
	struct rte_ring *ring;
	int id; /* of the port */
};

static void ring_bed_init(struct ring_bed *bed)
{
	static unsigned int nb_beds;
	char name[32];

	snprintf(name, sizeof(name), "bed%u", nb_beds++);
	bed->pool = rte_pktmbuf_pool_create(name, 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	bed->ring = rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	assert_non_null(bed->pool);
	assert_non_null(bed->ring);
	bed->id = rte_eth_from_rings(name, &bed->ring, 1, &bed->ring, 1, 0);
	assert_true(bed->id >= 0);
}

static void ring_bed_fini(struct ring_bed *bed)
{
	assert_int_equal(rte_mempool_avail_count(bed->pool), 255);
	rte_ring_free(bed->ring);
	rte_mempool_free(bed->pool);
}

static struct rte_mbuf *put_frame(struct ring_bed *bed, const struct bytes *b)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(bed->pool);

	assert_non_null(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)b->len), b->data, b->len);
	assert_int_equal(rte_ring_enqueue(bed->ring, mbuf), 0);
	return mbuf;
}

static struct port *open_ring(const struct ring_bed *bed, struct port_params *params)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	static char typed[RTE_ETH_NAME_MAX_LEN + 1];

	assert_int_equal(rte_eth_dev_get_name_by_port((uint16_t)bed->id, name), 0);
	/* As an interface of the kernel cannot be called. */
	snprintf(typed, sizeof(typed), "%s,", name);
	params->name = typed;
	return open_started(params);
}

static void a_ring_that_is_a_port_already_is_used(void **state)
{
	struct port_params params = params_of(NULL);
	struct bytes tcp = FRAME, other = FRAME;
	struct ring_bed bed;
	struct port_burst burst;
	struct port *port;

	(void)state;
	ring_bed_init(&bed);
	put_ethernet(&tcp, 0x0800);
	put_ipv4_tcp(&tcp);
	put_ethernet(&other, 0x0806);
	put_zeros(&other, 46);
	params.filter = "tcp port 80";
	params.snaplen = 40;
	port = open_ring(&bed, &params);
	assert_string_equal(port_info(port)->driver, "net_ring");
	put_frame(&bed, &tcp);
	put_frame(&bed, &other);
	port_poll(port, 0, NOW, &burst, PORT_BURST);
	assert_int_equal(burst.nb, 2);
	assert_int_equal(burst.complete_ns, NOW);
	assert_int_equal(burst.frames[0].caplen, 40);
	assert_int_equal(burst.frames[0].wire_len, 59);
	assert_memory_equal(burst.frames[0].data, tcp.data, 40);
	assert_true(capture_filter_match(&burst.frames[0]));
	assert_int_equal(burst.frames[1].wire_len, 60);
	assert_false(capture_filter_match(&burst.frames[1]));
	port_release(port, &burst);
	/* What waits when it stops is still given. */
	put_frame(&bed, &tcp);
	port_stop(port);
	port_poll(port, 0, NOW + 1, &burst, PORT_BURST);
	assert_int_equal(burst.nb, 1);
	assert_false(burst.is_over);
	port_release(port, &burst);
	port_poll(port, 0, NOW + 2, &burst, PORT_BURST);
	assert_true(burst.is_over);
	port_close(port);
	ring_bed_fini(&bed);
	bytes_fini(&tcp);
	bytes_fini(&other);
}

static void a_tag_that_was_taken_out_is_told(void **state)
{
	struct port_params params = params_of(NULL);
	struct bytes frame = FRAME;
	struct ring_bed bed;
	struct port_burst burst;
	struct rte_mbuf *mbuf;
	struct port *port;

	(void)state;
	ring_bed_init(&bed);
	put_ethernet(&frame, 0x0800);
	put_ipv4_tcp(&frame);
	port = open_ring(&bed, &params);
	put_frame(&bed, &frame);
	mbuf = put_frame(&bed, &frame);
	mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	mbuf->vlan_tci = 0x6064; /* priority 3 */
	/* Seen, but still in the frame. */
	mbuf = put_frame(&bed, &frame);
	mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN;
	mbuf->vlan_tci = 7;
	port_poll(port, 0, NOW, &burst, PORT_BURST);
	assert_int_equal(burst.nb, 3);
	assert_true(burst.has_vlan);
	assert_int_equal(burst.vlan[0], 0);
	assert_int_equal(burst.vlan[1], 101);
	assert_int_equal(burst.vlan[2], 0);
	port_release(port, &burst);
	port_close(port);
	ring_bed_fini(&bed);
	bytes_fini(&frame);
}

/* Scattered: the first mbuf is what is looked at. */
static void a_frame_in_pieces_is_its_first(void **state)
{
	struct port_params params = params_of(NULL);
	struct bytes frame = FRAME, tail = FRAME;
	struct rte_mbuf *mbuf, *next;
	struct ring_bed bed;
	struct port_burst burst;
	struct port *port;

	(void)state;
	ring_bed_init(&bed);
	put_ethernet(&frame, 0x0800);
	put_ipv4_tcp(&frame);
	put_zeros(&tail, 1000);
	port = open_ring(&bed, &params);
	mbuf = put_frame(&bed, &frame);
	next = rte_pktmbuf_alloc(bed.pool);
	assert_non_null(next);
	memcpy(rte_pktmbuf_append(next, 1000), tail.data, 1000);
	assert_int_equal(rte_pktmbuf_chain(mbuf, next), 0);
	port_poll(port, 0, NOW, &burst, PORT_BURST);
	assert_int_equal(burst.nb, 1);
	assert_int_equal(burst.frames[0].caplen, 59);
	assert_int_equal(burst.frames[0].wire_len, 1059);
	port_release(port, &burst);
	port_close(port);
	ring_bed_fini(&bed);
	bytes_fini(&frame);
	bytes_fini(&tail);
}

/* ---- net_pcap -------------------------------------------------------------------------- */

/* Frames of 59 bytes, cut at 54; stamps go up by 1 s and some us. */
static char *write_capture(void **state, const char *name, uint32_t first_s, uint32_t nb)
{
	struct bytes frame = FRAME, file = {0};
	char *path;

	put_ethernet(&frame, 0x0800);
	put_ipv4_tcp(&frame);
	put_pcap_header(&file, MAGIC_US, 2, 4, LINK_ETHERNET);
	for (uint32_t i = 0; i < nb; i++) {
		put32(&file, first_s + i);
		put32(&file, 100 + i);
		put32(&file, 54);
		put32(&file, 59);
		put_raw(&file, frame.data, 54);
	}
	path = write_file(state, name, &file);
	bytes_fini(&file);
	bytes_fini(&frame);
	return path;
}

static void check_file_queue(struct port *port, uint16_t queue, int64_t first_s, uint32_t nb)
{
	struct port_burst burst;
	uint32_t at = 0;

	for (int polls = 0; polls < 100; polls++) {
		port_poll(port, queue, NOW, &burst, PORT_BURST);
		for (uint16_t i = 0; i < burst.nb; i++, at++) {
			const struct frame *frame = &burst.frames[i];

			assert_int_equal(frame->ts_ns,
					 (first_s + at) * INT64_C(1000000000) + (100 + at) * 1000);
			assert_int_equal(frame->caplen, 54);
			assert_int_equal(frame->wire_len, 59);
		}
		if (burst.nb != 0)
			assert_int_equal(burst.complete_ns, burst.frames[burst.nb - 1].ts_ns);
		port_release(port, &burst);
		if (burst.is_over)
			break;
	}
	assert_true(burst.is_over);
	assert_int_equal(at, nb);
}

static void files_have_their_own_time_and_an_end(void **state)
{
	char *first = write_capture(state, "first.pcap", 1000000000, 200);
	char *second = write_capture(state, "second.pcap", 1100000000, 3);
	struct port_counters counters;
	struct port_params params;
	struct port *port;
	char name[1024];

	snprintf(name, sizeof(name), "net_pcap0,rx_pcap=%s,rx_pcap=%s", first, second);
	params = params_of(name);
	params.nb_workers = 1;
	port = open_started(&params);
	assert_string_equal(port_info(port)->driver, "net_pcap");
	assert_int_equal(port_info(port)->clock, PORT_CLOCK_FILE);
	assert_int_equal(port_info(port)->nb_queues, 2);
	assert_false(port_info(port)->is_affine);
	check_file_queue(port, 1, 1100000000, 3);
	check_file_queue(port, 0, 1000000000, 200);
	port_get_counters(port, &counters);
	assert_string_equal(port_info(port)->ended, "net_pcap0: the end of the file");
	assert_int_equal(counters.received, 203);
	assert_int_equal(counters.cut, 203);
	port_close(port);
	unlink(first);
	unlink(second);
	free(first);
	free(second);
}

static int setup(void **state)
{
	static char args[][24] = {
		"test_ethdev", "--no-huge", "--no-shconf", "--no-pci",       "-m",
		"256",         "-l",        "0",           "--no-telemetry", "--log-level=*:error"};
	char *argv[RTE_DIM(args)];

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(RTE_DIM(args), argv) < 0 ? -1 : folder_setup(state);
}

static int teardown(void **state)
{
	const int rc = folder_teardown(state);

	return rte_eal_cleanup() == 0 ? rc : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_frames_have_the_time_of_their_burst),
		cmocka_unit_test(a_stopped_port_is_over_some_time),
		cmocka_unit_test(nothing_stays_behind),
		cmocka_unit_test(a_ring_that_is_a_port_already_is_used),
		cmocka_unit_test(a_tag_that_was_taken_out_is_told),
		cmocka_unit_test(a_frame_in_pieces_is_its_first),
		cmocka_unit_test(files_have_their_own_time_and_an_end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
