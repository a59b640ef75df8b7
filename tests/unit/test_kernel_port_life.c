/* SPDX-License-Identifier: BSD-3-Clause */

/* A port of the kernel from its start to its end: what is counted, and what is lost. Needs root. */

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/kernel_port_priv.h"
#include "netns_bed.h"

struct bed {
	int tap;
	struct port *port;
	struct polled polled;
};

static struct bed *bed_new(uint64_t buffer_bytes)
{
	struct bed *bed;

	netns_need();
	bed = calloc(1, sizeof(*bed));
	assert_non_null(bed);
	bed->tap = tap_open();
	bed->port = bed_open(TAP, NULL, buffer_bytes);
	return bed;
}

static void bed_free(struct bed *bed)
{
	bed_close(bed->port);
	if (bed->tap >= 0)
		assert_int_equal(close(bed->tap), 0);
	free(bed);
}

static void send_some(struct bed *bed, uint16_t nb)
{
	for (uint16_t i = 0; i < nb; i++)
		tap_send(bed->tap, 5000, i, 200);
}

static struct port_counters counters_of(struct bed *bed)
{
	struct port_counters counters;

	bed->port->ops->get_counters(bed->port, &counters);
	return counters;
}

static void frames_before_the_start_do_not_come(void **state)
{
	struct bed *bed = bed_new(0);

	(void)state;
	send_some(bed, 100);
	bed_start(bed->port);
	send_some(bed, 5);
	bed_poll(bed->port, &bed->polled, 5, PORT_BURST);
	bed_poll_for(bed->port, &bed->polled, 30);
	assert_int_equal(bed->polled.nb, 5);
	assert_int_equal(counters_of(bed).received, 5);
	bed_free(bed);
}

struct sender {
	struct bed *bed;
	atomic_bool stop;
};

/* No more than the ring of 64 MiB holds of some seconds, in which nobody may get to poll. */
static void *send_on(void *argument)
{
	struct sender *sender = argument;

	while (!atomic_load(&sender->stop)) {
		send_some(sender->bed, 50);
		sleep_ms(1);
	}
	return NULL;
}

/* Traffic is there before the port and after it: what the kernel counts is what polls give. */
static void books_balance_at_both_ends(void **state)
{
	struct bed *bed = bed_new(0);
	struct sender sender = {.bed = bed};
	struct port_counters counters;
	pthread_t thread;

	(void)state;
	bed_close(bed->port);
	assert_int_equal(pthread_create(&thread, NULL, send_on, &sender), 0);
	for (int i = 0; i < 3; i++) {
		memset(&bed->polled, 0, sizeof(bed->polled));
		if (i > 0)
			bed_close(bed->port);
		bed->port = bed_open(TAP, NULL, 0);
		bed_start(bed->port);
		bed_poll(bed->port, &bed->polled, 1, PORT_BURST);
		bed_poll_for(bed->port, &bed->polled, 30);
		bed->port->ops->stop(bed->port);
		bed_poll_to_end(bed->port, &bed->polled);
		counters = counters_of(bed);
		assert_int_equal(counters.kernel_drops, 0);
		assert_true(counters.received > 0);
		assert_int_equal(bed->polled.nb, counters.received);
	}
	atomic_store(&sender.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	bed_free(bed);
}

/* Two blocks of 256 KiB: full with 2,000 frames, or 10 ms old each if we are slow. */
static void a_flood_is_counted_to_the_packet(void **state)
{
	struct bed *bed = bed_new(512 << 10);
	struct port_counters counters, before;

	(void)state;
	bed_start(bed->port);
	for (int i = 0; i < 10; i++)
		send_some(bed, 2000);
	counters = counters_of(bed);
	assert_true(counters.kernel_drops > 0);
	assert_true(counters.received > 0);
	assert_int_equal(counters.received + counters.kernel_drops, 20000);
	bed_poll(bed->port, &bed->polled, counters.received, PORT_BURST);
	/*
	 * And it goes on; what was counted stays counted. Who does not run for twice 10 ms while
	 * he sends has filled both blocks with what little he sent: then more are dropped.
	 */
	sleep_ms(30);
	send_some(bed, 500);
	before = counters;
	counters = counters_of(bed);
	assert_true(counters.received > before.received);
	assert_true(counters.kernel_drops >= before.kernel_drops);
	assert_int_equal(counters.received + counters.kernel_drops, 20500);
	bed_poll(bed->port, &bed->polled, counters.received, PORT_BURST);
	bed_poll_for(bed->port, &bed->polled, 30);
	assert_int_equal(bed->polled.nb, counters.received);
	bed_free(bed);
}

static void what_came_before_the_stop_can_be_polled(void **state)
{
	struct bed *bed = bed_new(0);

	(void)state;
	assert_true(bed->port->info.is_promiscuous);
	assert_true(interface_is_promiscuous(TAP));
	bed_start(bed->port);
	send_some(bed, 300);
	bed->port->ops->stop(bed->port);
	assert_false(interface_is_promiscuous(TAP));
	bed->port->ops->stop(bed->port);
	send_some(bed, 50);
	bed_poll_to_end(bed->port, &bed->polled);
	assert_string_equal(bed->port->info.ended, "");
	assert_int_equal(bed->polled.nb, 300);
	assert_int_equal(counters_of(bed).received, 300);
	bed_free(bed);
}

/* Closed without a stop. */
static void closing_takes_promiscuous_mode_back(void **state)
{
	struct bed *bed = bed_new(0);

	(void)state;
	bed_start(bed->port);
	assert_true(interface_is_promiscuous(TAP));
	bed_close(bed->port);
	assert_false(interface_is_promiscuous(TAP));
	bed->port = bed_open("lo", NULL, 0);
	bed_free(bed);
}

static void a_removed_interface_ends_the_port(void **state)
{
	struct bed *bed = bed_new(0);

	(void)state;
	bed_start(bed->port);
	send_some(bed, 100);
	assert_int_equal(close(bed->tap), 0);
	bed->tap = -1;
	bed_poll_to_end(bed->port, &bed->polled);
	assert_int_equal(bed->polled.nb, 100);
	assert_string_equal(bed->port->info.ended, TAP ": The interface disappeared");
	bed->polled.is_over = false;
	bed_poll_for(bed->port, &bed->polled, 1);
	assert_true(bed->polled.is_over);
	assert_int_equal(counters_of(bed).received, 100);
	bed->port->ops->stop(bed->port);
	bed_free(bed);
}

static void an_interface_that_was_down_goes_on(void **state)
{
	struct bed *bed = bed_new(0);

	(void)state;
	bed_start(bed->port);
	send_some(bed, 10);
	bed_poll(bed->port, &bed->polled, 10, PORT_BURST);
	interface_set_up(TAP, false);
	bed_poll_for(bed->port, &bed->polled, 50);
	assert_false(bed->polled.is_over);
	interface_set_up(TAP, true);
	send_some(bed, 10);
	bed_poll(bed->port, &bed->polled, 20, PORT_BURST);
	assert_int_equal(bed->polled.nb, 20);
	assert_false(bed->polled.is_over);
	bed_free(bed);
}

static void the_descriptor_tells_of_frames(void **state)
{
	struct bed *bed = bed_new(0);
	struct pollfd wait = {.events = POLLIN};

	(void)state;
	bed_start(bed->port);
	wait.fd = bed->port->ops->fd(bed->port);
	assert_int_equal(poll(&wait, 1, 40), 0);
	send_some(bed, 1);
	assert_int_equal(poll(&wait, 1, 20000), 1);
	assert_int_equal(wait.revents, POLLIN);
	bed_poll(bed->port, &bed->polled, 1, PORT_BURST);
	assert_int_equal(bed->polled.nb, 1);
	assert_int_equal(poll(&wait, 1, 0), 0);
	bed_free(bed);
}

struct asker {
	struct bed *bed;
	atomic_bool stop;
	uint64_t received; /* the last answer; answers never fall */
};

static void *ask_on(void *argument)
{
	struct asker *asker = argument;

	while (!atomic_load(&asker->stop)) {
		const uint64_t received = counters_of(asker->bed).received;

		if (received < asker->received)
			return argument;
		asker->received = received;
		sleep_ms(1);
	}
	return NULL;
}

/* As the main thread does, which also ends it. */
static void counters_may_be_asked_for_meanwhile(void **state)
{
	struct bed *bed = bed_new(0);
	struct asker asker = {.bed = bed};
	pthread_t thread;
	void *wrong;

	(void)state;
	bed_start(bed->port);
	assert_int_equal(pthread_create(&thread, NULL, ask_on, &asker), 0);
	for (int i = 1; i <= 10; i++) {
		send_some(bed, 200);
		bed_poll(bed->port, &bed->polled, (uint64_t)i * 200, PORT_BURST);
	}
	atomic_store(&asker.stop, true);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(bed->polled.nb, 2000);
	assert_int_equal(counters_of(bed).received, 2000);
	bed_free(bed);
}

static void the_list_fits_and_has_the_interfaces(void **state)
{
	char *text = NULL, *line;
	size_t size = 0;
	bool has_tap = false, has_lo = false, has_any = false;
	FILE *out;
	int tap;

	(void)state;
	netns_need();
	tap = tap_open();
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(kernel_port_print_list(out), 0);
	assert_int_equal(fclose(out), 0);
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) <= 100);
		assert_int_not_equal(line[strlen(line) - 1], ' ');
		has_tap = has_tap || strncmp(line, "  " TAP " ", strlen(TAP) + 3) == 0;
		has_any = has_any || strncmp(line, "  any ", 6) == 0;
		has_lo =
			has_lo || (strncmp(line, "  lo ", 5) == 0 && strstr(line, " up ") != NULL &&
				   strstr(line, " 127.0.0.1 ::1") != NULL);
		assert_null(strstr(line, "dbus"));
	}
	assert_true(has_tap && has_lo && has_any);
	free(text);
	assert_int_equal(close(tap), 0);
}

/* Whatever is done to the system's clock, a port says how far it has come by that clock. */
static void the_clock_is_set(void **state)
{
	static struct kernel_port port;
	const int64_t noon = 1700000000000000000, second = 1000000000, hour = 3600 * second;
	struct port_burst *burst = calloc(1, sizeof(*burst));

	(void)state;
	assert_non_null(burst);
	assert_in_range(kernel_port_complete(&port, noon, burst, PORT_BURST), noon - second / 10,
			noon - second / 100);
	/* Back, with the ring empty and with more in it; frames are of the new time. */
	assert_in_range(kernel_port_complete(&port, noon - 2 * hour, burst, PORT_BURST),
			noon - 2 * hour - second / 10, noon - 2 * hour);
	burst->nb = PORT_BURST;
	port.newest_ns = noon - 3 * hour;
	assert_in_range(kernel_port_complete(&port, noon - 3 * hour + 1000, burst, PORT_BURST),
			noon - 3 * hour - second / 10, noon - 3 * hour);
	/* A moment earlier than it said before is no reason to go back. */
	burst->nb = 0;
	port.newest_ns = 0;
	assert_true(kernel_port_complete(&port, noon - 3 * hour + 1001, burst, PORT_BURST) >=
		    noon - 3 * hour - second / 100);
	/* Forward. */
	assert_in_range(kernel_port_complete(&port, noon + hour, burst, PORT_BURST),
			noon + hour - second / 10, noon + hour);
	free(burst);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_before_the_start_do_not_come),
		cmocka_unit_test(books_balance_at_both_ends),
		cmocka_unit_test(a_flood_is_counted_to_the_packet),
		cmocka_unit_test(what_came_before_the_stop_can_be_polled),
		cmocka_unit_test(closing_takes_promiscuous_mode_back),
		cmocka_unit_test(a_removed_interface_ends_the_port),
		cmocka_unit_test(an_interface_that_was_down_goes_on),
		cmocka_unit_test(the_descriptor_tells_of_frames),
		cmocka_unit_test(counters_may_be_asked_for_meanwhile),
		cmocka_unit_test(the_clock_is_set),
		cmocka_unit_test(the_list_fits_and_has_the_interfaces),
	};

	return cmocka_run_group_tests(tests, netns_setup, netns_teardown);
}
