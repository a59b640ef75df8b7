/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_PORT_H
#define TCPMILL_PORT_H

/*
 * Live ports: a DPDK device, or an interface of the kernel through libpcap, as queues that
 * give bursts of frames.
 *
 * Threads: open, start, stop, close and the list by the main thread, with EAL running;
 *          port_poll() and port_release() of one queue by one thread; port_get_counters()
 *          by any one thread at a time, also while queues are polled.
 * Memory:  a burst belongs to the caller; its frames point into memory of the port until
 *          port_release().
 * Time:    stamps are ns since the Unix epoch and never go back within a queue by more than
 *          the source of the stamps does.
 * Source:  DPDK 22.11 ethdev API; pcap(3PCAP); packet(7).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tcpmill/capture.h"
#include "tcpmill/wall_clock.h"

struct port; /* layout in src/capture/port_priv.h */
struct rte_mbuf;

#define PORT_BURST 64 /* frames that one poll gives at most */
#define PORT_MAX_PORTS 16
#define PORT_MAX_QUEUES 64

/* Who captures. */
enum port_kind {
	PORT_KERNEL, /* libpcap: the kernel keeps its traffic */
	PORT_DPDK,   /* a poll-mode driver */
};

/* Where a frame's stamp comes from. */
enum port_clock {
	PORT_CLOCK_KERNEL,   /* the kernel's, ns, at reception */
	PORT_CLOCK_HARDWARE, /* the NIC's, brought to UTC */
	PORT_CLOCK_FILE,     /* net_pcap: the file's, us */
	PORT_CLOCK_BURST,    /* ours: the same for all frames of a burst */
};
extern const char *const port_clock_names[];

struct port_params {
	const char *name;    /* as typed: PCI address, device string, or interface of the kernel */
	uint32_t nb_workers; /* queues that can be made use of */
	uint32_t snaplen;    /* bytes of a frame that are looked at; the kernel cuts there */
	uint64_t buffer_bytes; /* of the kernel's ring; 0: the default */
	bool promiscuous;
	const char *filter;   /* BPF text, or NULL */
	uint16_t rss_pattern; /* repeated: the symmetric Toeplitz key */
	const struct wall_clock *clock;
};

/* What a port turned out to be. Strings live as long as the port. */
struct port_info {
	const char *name;   /* as typed */
	const char *driver; /* "libpcap", "net_af_packet", "net_ixgbe" ... */
	enum port_kind kind;
	enum port_clock clock;
	uint16_t link_type; /* LINKTYPE_ value */
	uint16_t nb_queues;
	/*
	 * Both directions of a flow come to the same queue, by port_rss_queue(), but for what
	 * the NIC cannot parse. False: only the exchange brings them together, and why says so
	 * in words ("one queue", "no RSS", "fanout rolls over under load" ...).
	 */
	bool is_affine;
	uint16_t reta_size; /* if is_affine: entry i of the NIC's table is queue i % nb_queues */
	char why[96];
	bool is_promiscuous;
	uint32_t snaplen;
	char warning[192]; /* what the user should know (AF_XDP takes packets away ...); or "" */
	/* Why nothing comes any more: written before a poll says is_over; "" after a stop. */
	char ended[128];
};

/* Frames of one poll. */
struct port_burst {
	struct frame frames[PORT_BURST]; /* clock_ns is not set */
	struct rte_mbuf *mbufs[PORT_BURST];
	uint16_t vlan[PORT_BURST]; /* of a tag that the NIC took out: id + 1; valid if has_vlan */
	uint16_t nb;
	bool has_vlan;
	bool is_over; /* nothing will come any more: the interface is gone */
	/*
	 * Every frame with an earlier stamp has been given: what comes is not older. Goes back
	 * where the clock was set back.
	 */
	int64_t complete_ns;
};

/* Since the start. What the source cannot count stays 0. */
struct port_counters {
	uint64_t received;        /* by the driver or the kernel, dropped ones not among them */
	uint64_t missed;          /* imissed: the NIC had no descriptor */
	uint64_t no_mbuf;         /* rx_nombuf */
	uint64_t errors;          /* ierrors */
	uint64_t kernel_drops;    /* AF_PACKET's or AF_XDP's ring was full */
	uint64_t interface_drops; /* by the interface, as the kernel counts them; not among the
				     above */
	uint64_t cut; /* frames longer than a buffer: their wire length is the IP header's */
};

/* MiB of EAL's memory that a port of these parameters wants (its mbufs). */
uint32_t port_memory_mib(const struct port_params *params);
/* True if the name can only be DPDK's PCI device: then EAL must look for PCI devices. */
bool port_is_pci(const char *name);

/* NULL with one line in error; *usage: the name or filter is at fault. Not started yet. */
struct port *port_open(const struct port_params *params, char *error, size_t error_size,
		       bool *usage);
/* From now on frames come. 0, or -1 with one line in error. */
int port_start(struct port *port, char *error, size_t error_size);
/*
 * Nothing new comes; what is queued can still be polled where the source allows. Takes
 * back promiscuous mode. May be called twice, and while queues are polled.
 */
void port_stop(struct port *port);
void port_close(struct port *port);

const struct port_info *port_info(const struct port *port);

/*
 * Up to max (<= PORT_BURST) frames of a queue; 0 frames when there are none. now_ns is the
 * caller's wall_clock_now(), of just before. Never blocks.
 */
void port_poll(struct port *port, uint16_t queue, int64_t now_ns, struct port_burst *burst,
	       uint16_t max);
void port_release(struct port *port, struct port_burst *burst);

/* A descriptor that becomes readable when frames wait, for who wants to sleep; -1: none. */
int port_fd(const struct port *port);

void port_get_counters(struct port *port, struct port_counters *counters);

/*
 * The queue that a NIC with the symmetric key deals a flow to: folded is the exclusive or of
 * all 16-bit words of both addresses and both ports, in host order.
 */
struct port_rss {
	uint16_t hash[2][256]; /* of the low and of the high byte of folded */
};
void port_rss_init(struct port_rss *rss, uint16_t pattern);
static inline uint32_t port_rss_hash(const struct port_rss *rss, uint16_t folded)
{
	const uint16_t half = rss->hash[0][folded & 0xff] ^ rss->hash[1][folded >> 8];

	return (uint32_t)half << 16 | half;
}

/* Prints what can be captured from: DPDK's devices and the kernel's interfaces. 0 or -1. */
int port_print_list(FILE *out);

#endif
