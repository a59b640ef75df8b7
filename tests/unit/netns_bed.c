/* SPDX-License-Identifier: BSD-3-Clause */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns_bed.h"

#define PATIENCE_MS 20000 /* it hangs, on a busy machine too */

static char reason[160];
/* Frames polled; and those among them that are older than an earlier complete_ns. */
static uint64_t nb_polled, nb_late;

int netns_setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
		snprintf(reason, sizeof(reason), "no network namespace: %s", strerror(errno));
		return 0;
	}
	/* The namespace's own /sys/class/net. */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) != 0) {
		snprintf(reason, sizeof(reason), "no sysfs of the namespace: %s", strerror(errno));
		return 0;
	}
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		snprintf(reason, sizeof(reason), "/dev/net/tun: %s", strerror(errno));
		return 0;
	}
	interface_set_up("lo", true);
	return 0;
}

/* A kernel that was not run for some time is late: it happens on a busy virtual machine. */
int netns_teardown(void **state)
{
	(void)state;
	if (nb_late > 0)
		print_message("# %u of %u frames came late\n", (unsigned int)nb_late,
			      (unsigned int)nb_polled);
	return nb_late * 10 > nb_polled ? -1 : 0;
}

void netns_need(void)
{
	if (reason[0] == '\0')
		return;
	print_message("# skipped: %s\n", reason);
	skip();
}

void interface_set_up(const char *name, bool up)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	assert_true(fd >= 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	if (up)
		request.ifr_flags |= IFF_UP;
	else
		request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(close(fd), 0);
}

bool interface_is_promiscuous(const char *name)
{
	unsigned int flags = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%x", &flags), 1);
	assert_int_equal(fclose(file), 0);
	return (flags & IFF_PROMISC) != 0;
}

int tap_open(void)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = {.ifr_name = TAP, .ifr_flags = IFF_TAP | IFF_NO_PI};
	FILE *file;

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	/* So that the kernel does not speak first. */
	file = fopen("/proc/sys/net/ipv6/conf/" TAP "/disable_ipv6", "we");
	if (file != NULL) {
		(void)fputs("1", file);
		(void)fclose(file);
	}
	interface_set_up(TAP, true);
	return fd;
}

void tap_frame(uint8_t *frame, uint16_t port, uint16_t number, size_t len)
{
	static const uint8_t ethernet[] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00};
	const uint16_t ip_len = (uint16_t)(len - 14);
	const uint16_t words[] = {htons(0x4500),
				  htons(ip_len),
				  htons(number),
				  0,
				  htons(0x4011),
				  0,
				  htons(0x0a00),
				  htons(1),
				  htons(0x0a00),
				  htons(2),
				  htons(port),
				  htons(port),
				  0,
				  0,
				  htons(number),
				  htons(0xabcd)};

	assert_true(len >= TAP_MIN_LEN);
	memcpy(frame, ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), words, sizeof(words));
	((uint8_t *)frame)[38] = (uint8_t)((len - 34) >> 8); /* the UDP datagram's length */
	((uint8_t *)frame)[39] = (uint8_t)(len - 34);
	for (size_t i = TAP_MIN_LEN; i < len; i++)
		frame[i] = (uint8_t)(number + i);
}

void tap_send(int tap, uint16_t port, uint16_t number, size_t len)
{
	uint8_t frame[2048];

	tap_frame(frame, port, number, len);
	assert_int_equal(write(tap, frame, len), len);
}

int64_t realtime_ns(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sleep_ms(int ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

struct port *bed_open(const char *name, const char *filter, uint64_t buffer_bytes)
{
	const struct port_params params = {
		.name = name,
		.nb_workers = 1,
		.snaplen = BED_SNAPLEN,
		.buffer_bytes = buffer_bytes,
		.promiscuous = true,
		.filter = filter,
	};
	char error[512] = "";
	bool usage = true;
	struct port *port = kernel_port_open(&params, error, sizeof(error), &usage);

	if (port == NULL)
		fail_msg("%s", error);
	assert_false(usage);
	return port;
}

void bed_start(struct port *port)
{
	char error[512] = "";

	if (port->ops->start(port, error, sizeof(error)) != 0)
		fail_msg("%s", error);
}

void bed_close(struct port *port)
{
	port->ops->close(port);
}

static void keep(struct polled *polled, const struct frame *frame)
{
	assert_true(frame->caplen <= BED_SNAPLEN);
	assert_true(frame->wire_len >= frame->caplen);
	nb_polled++;
	nb_late += frame->ts_ns < polled->complete_ns;
	if (frame->wire_len > polled->max_wire_len)
		polled->max_wire_len = frame->wire_len;
	if (polled->nb < BED_MAX_FRAMES) {
		polled->frames[polled->nb].caplen = frame->caplen;
		polled->frames[polled->nb].wire_len = frame->wire_len;
		polled->frames[polled->nb].ts_ns = frame->ts_ns;
		memcpy(polled->frames[polled->nb].data, frame->data, frame->caplen);
	}
	polled->nb++;
}

static void poll_once(struct port *port, struct polled *polled, uint16_t max)
{
	static struct port_burst burst;
	const int64_t before_ns = realtime_ns();
	int64_t after_ns;

	port->ops->poll(port, 0, before_ns, &burst, max);
	after_ns = realtime_ns();
	assert_true(burst.nb <= max);
	assert_false(burst.has_vlan);
	for (uint16_t i = 0; i < burst.nb; i++) {
		assert_ptr_equal(burst.frames[i].interface, burst.frames[0].interface);
		assert_int_equal(burst.frames[i].interface->link_type, port->info.link_type);
		keep(polled, &burst.frames[i]);
	}
	assert_true(burst.complete_ns >= polled->complete_ns);
	assert_true(burst.complete_ns <= after_ns);
	if (burst.nb < max)
		assert_true(burst.complete_ns >= before_ns - 25000000);
	polled->complete_ns = burst.complete_ns;
	polled->is_over = burst.is_over;
	port->ops->release(port, &burst);
}

void bed_poll(struct port *port, struct polled *polled, uint64_t nb, uint16_t max)
{
	const int64_t end_ns = realtime_ns() + PATIENCE_MS * INT64_C(1000000);

	while (polled->nb < nb && !polled->is_over && realtime_ns() < end_ns)
		poll_once(port, polled, max);
}

void bed_poll_for(struct port *port, struct polled *polled, int ms)
{
	const int64_t end_ns = realtime_ns() + (int64_t)ms * 1000000;

	while (!polled->is_over && realtime_ns() < end_ns)
		poll_once(port, polled, PORT_BURST);
}

void bed_poll_to_end(struct port *port, struct polled *polled)
{
	bed_poll_for(port, polled, PATIENCE_MS);
	assert_true(polled->is_over);
}
