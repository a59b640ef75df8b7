/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Interfaces of the kernel, through libpcap: a packet socket with a ring of TPACKET_V3 blocks.
 *
 * The kernel fills a block and hands it over when it is full or KERNEL_PORT_RETIRE_MS old; libpcap
 * gives it back as soon as its last packet was looked at. So what decode needs is copied.
 *
 * Counters are read from the socket itself (PACKET_STATISTICS; packet(7)) and not with
 * pcap_stats(), which no other thread than the polling one may call. The kernel says what it
 * counted since it was asked last, so that its 32 bits do not wrap.
 *
 * An interface that goes down is waited for, as one that is removed cannot be.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "capture_priv.h"
#include "kernel_port_priv.h"

/*
 * By then the kernel has handed over what it stamped before: KERNEL_PORT_RETIRE_MS, its timer's
 * own lateness (10 ms at 100 Hz), and a little of ours.
 */
#define LATE_NS INT64_C(25000000)

/* Packets of several CPUs come into the ring in another order than they were stamped in. */
#define DISORDER_NS INT64_C(1000000)

static struct kernel_port *kernel_port_of(struct port *port)
{
	return (struct kernel_port *)port; /* its first member */
}

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now); /* cannot fail for those that we read */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t kernel_port_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* ---- polling ------------------------------------------------------------------------- */

struct taking {
	struct kernel_port *port;
	struct port_burst *burst;
};

static void take_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
	const struct taking *taking = (const void *)user;
	struct kernel_port *port = taking->port;
	struct port_burst *burst = taking->burst;
	const uint32_t snaplen = port->port.info.snaplen;
	uint8_t *to = port->room + burst->nb * port->stride;
	/* Nanoseconds stand in tv_usec if libpcap was asked for them. */
	const int64_t ts_ns = (int64_t)header->ts.tv_sec * 1000000000 +
			      (int64_t)header->ts.tv_usec * port->ns_per_fraction;

	assert(burst->nb < PORT_BURST);
	burst->frames[burst->nb] = (struct frame){
		.data = to,
		.caplen = header->caplen < snaplen ? header->caplen : snaplen,
		.wire_len = header->len,
		.ts_ns = ts_ns,
		.interface = &port->interface,
	};
	memcpy(to, bytes, burst->frames[burst->nb].caplen);
	burst->mbufs[burst->nb] = NULL;
	if (ts_ns > port->newest_ns)
		port->newest_ns = ts_ns;
	burst->nb++;
}

/*
 * How far everything was given; with less than was asked for, the ring was empty. By the clock
 * that the kernel stamps with: our own follows it slowly, and from afar when it is set.
 */
int64_t kernel_port_complete(struct kernel_port *port, int64_t now_ns,
			     const struct port_burst *burst, uint16_t max)
{
	int64_t complete_ns = port->newest_ns - DISORDER_NS;

	if (burst->nb < max && complete_ns < now_ns - LATE_NS)
		complete_ns = now_ns - LATE_NS;
	/* It may have been set back since. */
	if (complete_ns > now_ns)
		complete_ns = now_ns;
	if (complete_ns > port->complete_ns || port->complete_ns > now_ns)
		port->complete_ns = complete_ns;
	return port->complete_ns;
}

/*
 * After a stop, or with the interface gone, the ring is empty once nothing came and all blocks
 * were handed over.
 */
static bool is_drained(struct kernel_port *port, int64_t now_ns, const struct port_burst *burst)
{
	if (!port->has_failed && !atomic_load_explicit(&port->stopped, memory_order_acquire))
		return false;
	if (port->draining_ns == 0 || now_ns < port->draining_ns)
		port->draining_ns = now_ns;
	return burst->nb == 0 && now_ns - port->draining_ns > LATE_NS;
}

static void kernel_port_poll(struct port *of, uint16_t queue, int64_t now_ns,
			     struct port_burst *burst, uint16_t max)
{
	struct kernel_port *port = kernel_port_of(of);
	struct taking taking = {port, burst};
	/* Before it is asked: what comes while it is, it may not give. */
	const int64_t asked_ns = read_clock(CLOCK_REALTIME);

	assert(queue == 0 && max <= PORT_BURST);
	(void)queue;
	burst->nb = 0;
	burst->has_vlan = false; /* libpcap puts it back into the frame */
	port->newest_ns = 0;
	/* 0 would mean all there are. */
	if (max > 0 && !port->is_over) {
		const int rc = pcap_dispatch(port->pcap, max, take_frame, (u_char *)&taking);

		if (rc < 0 && !port->has_failed) {
			snprintf(of->info.ended, sizeof(of->info.ended), "%s: %s", port->name,
				 pcap_geterr(port->pcap));
			port->has_failed = true;
		}
		port->is_over = is_drained(port, now_ns, burst);
	}
	burst->is_over = port->is_over;
	burst->complete_ns = kernel_port_complete(port, asked_ns, burst, max);
}

static void kernel_port_release(struct port *port, struct port_burst *burst)
{
	(void)port;
	burst->nb = 0;
}

static int kernel_port_fd(const struct port *port)
{
	return ((const struct kernel_port *)port)->fd;
}

/* ---- counters ------------------------------------------------------------------------ */

/* What the interface's driver dropped before the kernel saw it, as libpcap has it. */
static uint64_t read_interface_drops(const struct kernel_port *port)
{
	static const char *const names[] = {"rx_missed_errors", "rx_fifo_errors"};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[160];
		uint64_t nb = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", port->name,
			 names[i]);
		file = fopen(path, "re");
		if (file == NULL)
			continue; /* "any" */
		if (fscanf(file, "%" SCNu64, &nb) == 1)
			sum += nb;
		(void)fclose(file);
	}
	return sum;
}

/* 0 or -errno. */
static int read_counters(struct kernel_port *port)
{
	struct tpacket_stats_v3 since;
	socklen_t len = sizeof(since);
	const uint64_t interface_drops = read_interface_drops(port);

	/* Resets them. Drops are among the packets, in the kernel and here alone. */
	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &since, &len) != 0)
		return -errno;
	port->counters.received += since.tp_packets - since.tp_drops;
	port->counters.kernel_drops += since.tp_drops;
	/* A driver may begin anew, or the interface be gone. */
	if (interface_drops > port->interface_drops)
		port->counters.interface_drops += interface_drops - port->interface_drops;
	port->interface_drops = interface_drops;
	return 0;
}

static void kernel_port_get_counters(struct port *of, struct port_counters *counters)
{
	struct kernel_port *port = kernel_port_of(of);

	(void)read_counters(port); /* worked before; then there is nothing new */
	*counters = port->counters;
}

/* ---- start, stop, close -------------------------------------------------------------- */

static void drop_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
	(void)user;
	(void)header;
	(void)bytes;
}

/*
 * The socket took packets for a moment before its filter closed it. Once their block was handed
 * over they go, so that received is what polls give, to the packet.
 */
static int kernel_port_start(struct port *of, char *error, size_t error_size)
{
	struct kernel_port *port = kernel_port_of(of);
	const int64_t wait_ns = port->shut_ns + LATE_NS - kernel_port_monotonic_ns();
	int rc;

	if (wait_ns > 0)
		(void)nanosleep(&(struct timespec){.tv_nsec = wait_ns}, NULL);
	do
		rc = pcap_dispatch(port->pcap, -1, drop_frame, NULL);
	while (rc > 0);
	if (rc < 0) {
		snprintf(error, error_size, "%s: %s", port->name, pcap_geterr(port->pcap));
		return -1;
	}
	rc = read_counters(port);
	port->counters = (struct port_counters){0};
	if (rc == 0)
		rc = kernel_filter_open(port);
	if (rc == 0)
		return 0;
	snprintf(error, error_size, "%s: cannot start: %s", port->name, strerror(-rc));
	return -1;
}

static void kernel_port_stop(struct port *of)
{
	struct kernel_port *port = kernel_port_of(of);
	const struct packet_mreq promiscuous = {
		.mr_ifindex = (int)port->ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};

	/* Neither can fail in a way that matters: closing does both. */
	(void)kernel_filter_shut(port);
	if (port->is_promiscuous) {
		(void)setsockopt(port->fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &promiscuous,
				 sizeof(promiscuous));
		port->is_promiscuous = false;
	}
	atomic_store_explicit(&port->stopped, true, memory_order_release);
}

static void kernel_port_close(struct port *of)
{
	struct kernel_port *port = kernel_port_of(of);

	if (port->pcap != NULL)
		pcap_close(port->pcap);
	free(port->filter.filter);
	free(port->room);
	free(port);
}

const struct port_ops kernel_port_ops = {
	.start = kernel_port_start,
	.stop = kernel_port_stop,
	.close = kernel_port_close,
	.poll = kernel_port_poll,
	.release = kernel_port_release,
	.get_counters = kernel_port_get_counters,
	.fd = kernel_port_fd,
};
