/* SPDX-License-Identifier: BSD-3-Clause */

/* Names of DPDK's devices that are wrong, and what can be said of a port without a device. */

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#include "capture/ethdev_priv.h"
#include "frame_support.h"

static struct port_params params_of(const char *name)
{
	return (struct port_params){
		.name = name, .nb_workers = 2, .snaplen = 65535, .promiscuous = true};
}

/* The error has these words; usage as it should be. */
static void assert_refused(const struct port_params *params, const char *words, bool want_usage)
{
	char error[512] = "";
	bool usage = false;

	assert_null(port_open(params, error, sizeof(error), &usage));
	if (strstr(error, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, error);
	assert_null(strchr(error, '\n'));
	assert_int_equal(usage, want_usage);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void wrong_names_are_refused_in_words(void **state)
{
	static const struct {
		const char *name, *words;
		bool usage;
	} cases[] = {
		{"net_af_packet0", "which interface? Add ,iface=NAME", true},
		{"net_af_packet0,iface=nosuchif", "no interface is called 'nosuchif'", true},
		{"net_af_packet0,iface=lo,qpairs=2", "qpairs must be 1", true},
		{"net_af_packet0,iface=lo,framesz=100", "framesz is 100", true},
		{"net_af_packet0,iface=lo,framesz=65536", "framesz is 65536", true},
		{"net_af_packet0,iface=lo,blocksz=5000", "blocksz is 5000", true},
		{"net_af_packet0,iface=lo,framesz=3072", "blocksz is 65536", true},
		{"net_af_packet0,iface=lo,framecnt=33", "framecnt is 33", true},
		{"net_af_packet0,iface=lo,framecnt=0", "framecnt is 0", true},
		{"net_af_xdp0,iface=nosuchif", "no interface is called 'nosuchif'", true},
		{"net_pcap0,rx_pcap=/nonexistent/x.pcap",
		 "cannot open it (Couldn't open /nonexistent/x.pcap", true},
		{"net_nosuchdriver0", "net_nosuchdriver0: DPDK cannot open it", true},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		const struct port_params params = params_of(cases[i].name);

		assert_refused(&params, cases[i].words, cases[i].usage);
	}
}

static void pci_addresses_are_known_and_looked_for(void **state)
{
	struct port_params params = params_of("1f:1f.7");

	(void)state;
	assert_true(port_is_pci("0000:3b:00.1"));
	assert_true(port_is_pci("3b:00.0,representor=0"));
	assert_false(port_is_pci("3b:00.8"));
	assert_false(port_is_pci("net_null0"));
	assert_refused(&params, "0000:1f:1f.7: no such PCI device", true);
}

static void a_filter_that_is_wrong_is_refused(void **state)
{
	struct port_params params = params_of("net_null0");

	(void)state;
	params.filter = "tcp prot 80";
	assert_refused(&params, "tcp prot 80", true);
}

static void memory_is_enough_for_workers(void **state)
{
	struct port_params params = params_of("3b:00.0");
	const uint32_t two = port_memory_mib(&params);

	(void)state;
	/*
	 * 4096 descriptors with 2 KiB and some each, for each of two queues, and some more; a page
	 * of 4 KiB has room for one.
	 */
	assert_in_range(two, 2 * 4096 * 4 / 1024, 60);
	params.nb_workers = 8;
	assert_in_range(port_memory_mib(&params), 4 * two - 20, 4 * two);
	/* 2048 that the driver may hold, 4 bursts of 64 a worker, 65 caches of 384: 43392. */
	params = params_of("net_null0");
	params.nb_workers = 64;
	assert_in_range(port_memory_mib(&params), 43392 * 4 / 1024, 43392 * 4 / 1024 + 8);
}

/* ---- lengths --------------------------------------------------------------------------- */

static void check_wire_len(struct bytes *b, uint32_t want)
{
	/* As long as it is, so that reading behind its end is noticed. */
	uint8_t *copy = malloc(b->len);

	assert_non_null(copy);
	memcpy(copy, b->data, b->len);
	assert_int_equal(ethdev_ip_wire_len(copy, (uint32_t)b->len), want);
	free(copy);
	bytes_fini(b);
	*b = (struct bytes)FRAME;
}

static void ip_tells_how_long_a_frame_was(void **state)
{
	struct bytes b = FRAME;

	(void)state;
	put_ethernet(&b, 0x0800);
	put_ipv4_tcp(&b);
	set16(&b, 16, 40000);
	check_wire_len(&b, 40014);
	put_ethernet(&b, 0x8100);
	put16(&b, 5);
	put16(&b, 0x86dd);
	put_ipv6_tcp(&b);
	set16(&b, 22, 50000);
	check_wire_len(&b, 50000 + 40 + 18);
	/* 802.1ad and 802.1Q. */
	put_ethernet(&b, 0x88a8);
	put16(&b, 5);
	put16(&b, 0x8100);
	put16(&b, 6);
	put16(&b, 0x0800);
	put_ipv4_tcp(&b);
	check_wire_len(&b, 22 + 45);
	/* A jumbogram, and no IP at all. */
	put_ethernet(&b, 0x86dd);
	put_ipv6_tcp(&b);
	set16(&b, 18, 0);
	check_wire_len(&b, 0);
	put_ethernet(&b, 0x0806);
	put_zeros(&b, 46);
	check_wire_len(&b, 0);
	/* The type says IPv4, the header does not. */
	put_ethernet(&b, 0x0800);
	put_ipv6_tcp(&b);
	check_wire_len(&b, 0);
	/* Too short at every place. */
	put_ethernet(&b, 0x0800);
	put_zeros(&b, 19);
	set8(&b, 14, 0x45);
	check_wire_len(&b, 0);
	put_ethernet(&b, 0x8100);
	put_zeros(&b, 3);
	check_wire_len(&b, 0);
	put_zeros(&b, 13);
	check_wire_len(&b, 0);
}

static void a_list_can_be_printed(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	assert_int_equal(port_print_list(out), 0);
	fclose(out);
	assert_non_null(strstr(text, "net_af_packet0,iface="));
	free(text);
}

static int setup(void **state)
{
	static char args[][24] = {
		"test_ethdev", "--no-huge", "--no-shconf", "--no-pci",       "-m",
		"256",         "-l",        "0",           "--no-telemetry", "--log-level=*:error"};
	char *argv[RTE_DIM(args)];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(RTE_DIM(args), argv) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_names_are_refused_in_words),
		cmocka_unit_test(pci_addresses_are_known_and_looked_for),
		cmocka_unit_test(a_filter_that_is_wrong_is_refused),
		cmocka_unit_test(memory_is_enough_for_workers),
		cmocka_unit_test(ip_tells_how_long_a_frame_was),
		cmocka_unit_test(a_list_can_be_printed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
