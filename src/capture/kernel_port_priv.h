/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_KERNEL_PORT_PRIV_H
#define TCPMILL_CAPTURE_KERNEL_PORT_PRIV_H

/* An interface of the kernel as a port: what its files share. */

#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdatomic.h>

#include "port_priv.h"

/*
 * The oldest packet of a block waits so long at most. Each time a block is used up and whoever
 * sleeps is woken, so less would cost more, and win little.
 */
#define KERNEL_PORT_RETIRE_MS 10

struct kernel_port {
	struct port port; /* first: see port_priv.h */
	pcap_t *pcap;
	int fd;                             /* its packet socket */
	unsigned int ifindex;               /* 0: "any" */
	uint32_t ns_per_fraction;           /* of libpcap's stamps: 1 */
	struct sock_fprog filter;           /* as the kernel has it while the port runs */
	struct capture_interface interface; /* of all frames */
	int64_t shut_ns; /* CLOCK_MONOTONIC: since then the socket has taken nothing */
	atomic_bool stopped;

	/* The polling thread's: */
	uint8_t *room; /* [PORT_BURST] of info.snaplen bytes, rounded up to stride */
	size_t stride;
	int64_t newest_ns; /* of the frames of this poll */
	int64_t complete_ns;
	int64_t draining_ns; /* now_ns of the first poll behind the stop or failure, or 0 */
	bool has_failed;     /* the interface is gone */
	bool is_over;

	bool is_promiscuous; /* still: the starting and stopping thread's */

	/* Of the thread that asks for counters: */
	struct port_counters counters;
	uint64_t interface_drops; /* as the kernel counted when asked last */

	char name[64];
};

extern const struct port_ops kernel_port_ops;

int64_t kernel_port_monotonic_ns(void);

/* A poll for max frames ended at now_ns, of CLOCK_REALTIME: complete_ns of its burst. */
int64_t kernel_port_complete(struct kernel_port *port, int64_t now_ns,
			     const struct port_burst *burst, uint16_t max);

/*
 * Compiles the text (or NULL), sees that the kernel takes it, keeps what the kernel made of it
 * in port->filter, and closes the socket to all packets. 0, or -1 with one line in error;
 * *usage: the text is at fault.
 */
int kernel_filter_prepare(struct kernel_port *port, const char *text, char *error,
			  size_t error_size, bool *usage);
/* From now on the socket gets what passes the filter; or nothing. 0 or -errno. */
int kernel_filter_open(const struct kernel_port *port);
int kernel_filter_shut(const struct kernel_port *port);

#endif
