/* SPDX-License-Identifier: BSD-3-Clause */

/* Interfaces of the kernel as ports, in a network namespace: needs root. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns_bed.h"

/* Too large for a stack. */
static struct polled *polled_new(void)
{
	struct polled *polled;

	netns_need();
	polled = calloc(1, sizeof(*polled));
	assert_non_null(polled);
	return polled;
}

static void assert_counters(struct port *port, uint64_t received, uint64_t drops)
{
	struct port_counters counters;

	port->ops->get_counters(port, &counters);
	assert_int_equal(counters.received, received);
	assert_int_equal(counters.kernel_drops, drops);
	assert_int_equal(counters.interface_drops, 0);
}

/* ---- frames ---------------------------------------------------------------------------- */

static size_t len_of(uint16_t number)
{
	return TAP_MIN_LEN + (number * 37u) % (1514 - TAP_MIN_LEN);
}

static void frames_come_as_they_were_sent(void **state)
{
	struct polled *polled = polled_new();
	struct port *port;
	int64_t before;
	int tap;

	(void)state;
	netns_need();
	tap = tap_open();
	port = bed_open(TAP, NULL, 0);
	assert_string_equal(port->info.name, TAP);
	assert_string_equal(port->info.driver, "libpcap");
	assert_int_equal(port->info.kind, PORT_KERNEL);
	assert_int_equal(port->info.clock, PORT_CLOCK_KERNEL);
	assert_int_equal(port->info.link_type, 1);
	assert_int_equal(port->info.nb_queues, 1);
	assert_false(port->info.is_affine);
	assert_string_equal(port->info.warning, "");
	bed_start(port);
	before = realtime_ns();
	for (uint16_t i = 0; i < 300; i++)
		tap_send(tap, 5000, i, len_of(i));
	bed_poll(port, polled, 300, 7);
	bed_poll_for(port, polled, 30);
	assert_int_equal(polled->nb, 300);
	for (uint16_t i = 0; i < 300; i++) {
		const size_t len = len_of(i);
		uint8_t want[2048];

		tap_frame(want, 5000, i, len);
		assert_int_equal(polled->frames[i].wire_len, len);
		assert_int_equal(polled->frames[i].caplen, len < BED_SNAPLEN ? len : BED_SNAPLEN);
		assert_memory_equal(polled->frames[i].data, want, polled->frames[i].caplen);
		assert_true(polled->frames[i].ts_ns >= before);
		before = polled->frames[i].ts_ns;
	}
	assert_true(before <= realtime_ns());
	assert_counters(port, 300, 0);
	bed_close(port);
	assert_int_equal(close(tap), 0);
	free(polled);
}

/* The kernel takes the tag out; libpcap puts it back. */
static void vlan_tag_is_in_its_place(void **state)
{
	struct polled *polled = polled_new();
	uint8_t frame[104], plain[100];
	struct port *port;
	int tap;

	(void)state;
	netns_need();
	tap = tap_open();
	tap_frame(plain, 5000, 1, sizeof(plain));
	memcpy(frame, plain, 12);
	memcpy(frame + 12, "\x81\x00\x00\x7b", 4); /* VLAN 123 */
	memcpy(frame + 16, plain + 12, sizeof(plain) - 12);
	port = bed_open(TAP, "vlan 123 and udp port 5000", 0);
	bed_start(port);
	tap_send(tap, 5000, 7, 60); /* untagged: does not pass */
	assert_int_equal(write(tap, frame, sizeof(frame)), sizeof(frame));
	bed_poll(port, polled, 1, PORT_BURST);
	assert_int_equal(polled->nb, 1);
	assert_int_equal(polled->frames[0].wire_len, sizeof(frame));
	assert_int_equal(polled->frames[0].caplen, BED_SNAPLEN);
	assert_memory_equal(polled->frames[0].data, frame, BED_SNAPLEN);
	bed_close(port);
	assert_int_equal(close(tap), 0);
	free(polled);
}

/* ---- the loopback interface -------------------------------------------------------------- */

static int bound_socket(int type, struct sockaddr_in *address)
{
	const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*address);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

/* The kernel shows each of its packets twice, and is to count it once. */
static void loopback_packets_come_once(const char *name, uint32_t link_len)
{
	struct polled *polled = polled_new();
	struct sockaddr_in address;
	struct port *port;
	int fd;

	netns_need();
	fd = bound_socket(SOCK_DGRAM, &address);
	port = bed_open(name, NULL, 0);
	bed_start(port);
	for (int i = 0; i < 50; i++)
		assert_int_equal(sendto(fd, "hello", 5, 0, (const struct sockaddr *)&address,
					sizeof(address)),
				 5);
	bed_poll(port, polled, 50, PORT_BURST);
	bed_poll_for(port, polled, 30);
	assert_int_equal(polled->nb, 50);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(polled->frames[i].wire_len, link_len + 20 + 8 + 5);
		assert_memory_equal(polled->frames[i].data + link_len + 28, "hello", 5);
	}
	assert_counters(port, 50, 0);
	bed_close(port);
	assert_int_equal(close(fd), 0);
	free(polled);
}

static void loopback_packets_come_once_of_lo(void **state)
{
	(void)state;
	loopback_packets_come_once("lo", 14);
}

static void loopback_packets_come_once_of_any(void **state)
{
	struct port *port;

	(void)state;
	netns_need();
	loopback_packets_come_once("any", 20);
	port = bed_open("any", "tcp port 80", 0);
	assert_int_equal(port->info.link_type, 276); /* LINUX_SLL2 */
	assert_false(port->info.is_promiscuous);
	bed_close(port);
}

/* One send of 60 kB makes one packet on lo, which the NIC would have cut up. */
static void super_packets_keep_their_length(void **state)
{
	static uint8_t data[60000];
	struct polled *polled = polled_new();
	struct sockaddr_in address, client;
	struct port *port;
	int listener, from, to;
	size_t got = 0;

	(void)state;
	netns_need();
	listener = bound_socket(SOCK_STREAM, &address);
	assert_int_equal(listen(listener, 1), 0);
	from = bound_socket(SOCK_STREAM, &client);
	port = bed_open("lo", "tcp", 0);
	bed_start(port);
	assert_int_equal(connect(from, (const struct sockaddr *)&address, sizeof(address)), 0);
	to = accept(listener, NULL, NULL);
	assert_true(to >= 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(send(from, data, sizeof(data), 0), sizeof(data));
		for (got = 0; got < sizeof(data);) {
			const ssize_t n = recv(to, data, sizeof(data) - got, 0);

			assert_true(n > 0);
			got += (size_t)n;
		}
	}
	bed_poll(port, polled, 11, PORT_BURST);
	bed_poll_for(port, polled, 30);
	assert_true(polled->nb > 10);
	assert_true(polled->max_wire_len > 30000);
	for (uint64_t i = 0; i < polled->nb; i++)
		assert_int_equal(polled->frames[i].wire_len,
				 14 + (polled->frames[i].data[16] << 8 |
				       polled->frames[i].data[17])); /* IP's own length */
	bed_close(port);
	assert_int_equal(close(to) + close(from) + close(listener), 0);
	free(polled);
}

/* ---- the filter -------------------------------------------------------------------------- */

static void only_what_passes_the_filter_is_received(void **state)
{
	/* "inbound" is known to the kernel alone: libpcap's own filter says no. */
	static const char *const filters[] = {"udp port 5001", "inbound and udp port 5001"};

	(void)state;
	netns_need();
	for (size_t f = 0; f < 2; f++) {
		struct polled *polled = polled_new();
		struct port *port;
		const int tap = tap_open();

		port = bed_open(TAP, filters[f], 0);
		bed_start(port);
		for (uint16_t i = 0; i < 60; i++)
			tap_send(tap, (uint16_t)(5000 + i % 3), i, 100);
		bed_poll(port, polled, 20, PORT_BURST);
		bed_poll_for(port, polled, 30);
		assert_int_equal(polled->nb, 20);
		for (uint16_t i = 0; i < 20; i++) {
			uint8_t want[128];

			tap_frame(want, 5001, (uint16_t)(i * 3 + 1), 100);
			assert_memory_equal(polled->frames[i].data, want, BED_SNAPLEN);
		}
		assert_counters(port, 20, 0);
		bed_close(port);
		assert_int_equal(close(tap), 0);
		free(polled);
	}
}

/* ---- what cannot be opened ------------------------------------------------------------- */

static void assert_refused(const char *name, const char *filter, const char *text, bool is_usage)
{
	const struct port_params params = {
		.name = name, .snaplen = BED_SNAPLEN, .filter = filter, .promiscuous = true};
	char error[256] = "";
	bool usage = !is_usage;

	assert_null(kernel_port_open(&params, error, sizeof(error), &usage));
	if (strstr(error, text) == NULL)
		fail_msg("expected '%s', got '%s'", text, error);
	assert_int_equal(usage, is_usage);
	assert_null(strchr(error, '\n'));
}

static void errors_name_the_cure(void **state)
{
	static char endless[60000];
	size_t n = 0;
	int tap;

	(void)state;
	netns_need();
	assert_refused("eth9", NULL, "eth9: no such interface; there are any, lo", true);
	assert_refused("lo", "tcp prt 80", "filter 'tcp prt 80' (link type EN10MB): ", true);
	assert_refused("any", "tcp prt 80", "(link type LINUX_SLL2): ", true);
	tap = tap_open();
	interface_set_up(TAP, false);
	assert_refused(TAP, NULL, TAP ": the interface is down: ip link set " TAP " up", false);
	assert_int_equal(close(tap), 0);
	/* More instructions than the kernel takes, not so many that libpcap takes long. */
	for (int i = 0; i < 1200; i++)
		n += (size_t)snprintf(endless + n, sizeof(endless) - n,
				      "%sether host 02:00:00:00:%02x:%02x", i == 0 ? "" : " or ",
				      i >> 8, i & 0xff);
	assert_refused("lo", endless, "the kernel takes 4096", true);
}

/* Another user, without rights. */
static void rights_are_asked_for(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	netns_need();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct port_params params = {.name = "lo", .snaplen = BED_SNAPLEN};
		char error[256] = "";
		bool usage = true;

		if (setresuid(65534, 65534, 65534) != 0 ||
		    kernel_port_open(&params, error, sizeof(error), &usage) != NULL)
			_exit(1);
		_exit(strstr(error, "needs CAP_NET_RAW") != NULL && !usage ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_as_they_were_sent),
		cmocka_unit_test(vlan_tag_is_in_its_place),
		cmocka_unit_test(loopback_packets_come_once_of_lo),
		cmocka_unit_test(loopback_packets_come_once_of_any),
		cmocka_unit_test(super_packets_keep_their_length),
		cmocka_unit_test(only_what_passes_the_filter_is_received),
		cmocka_unit_test(errors_name_the_cure),
		cmocka_unit_test(rights_are_asked_for),
	};

	return cmocka_run_group_tests(tests, netns_setup, netns_teardown);
}
