/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_ETHDEV_PRIV_H
#define TCPMILL_CAPTURE_ETHDEV_PRIV_H

/* DPDK ports, inside the capture room. */

#include <limits.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <rte_ethdev.h>
#include <stdatomic.h>

#include "device_clock.h"
#include "port_priv.h"

#define ETHDEV_MAX_SOCKETS 64
#define ETHDEV_MAX_KEY_LEN 64
#define ETHDEV_ROOM 2048u /* bytes of a frame that fit an mbuf, if nothing else is asked for */

/* What of a driver needs care. */
enum ethdev_kind {
	ETHDEV_OTHER,
	ETHDEV_AF_PACKET,
	ETHDEV_AF_XDP,
	ETHDEV_PCAP_FILE,
	ETHDEV_PCAP_LIVE,
	ETHDEV_VIRTUAL, /* net_null, net_ring, net_tap ...: not on a real bus */
};

/* One queue; the thread that polls it writes here. */
struct ethdev_queue {
	_Alignas(64) _Atomic uint64_t received;
	_Atomic uint64_t cut;
	int64_t complete_ns; /* largest so far */
	uint64_t trouble;    /* net_pcap: frames that the driver lost, when it was last empty */
	uint32_t left;       /* frames that may still come once the port ends */
	bool is_over;
};

/* A device string taken apart. */
struct ethdev_name {
	char device[RTE_ETH_NAME_MAX_LEN]; /* "net_null0", "0000:3b:00.0" */
	char args[PATH_MAX + 256];         /* behind the first comma, with what we add */
	char iface[IF_NAMESIZE];           /* iface=; or "" */
	uint32_t frame_size;               /* net_af_packet: bytes of a ring's frame; or 0 */
	uint32_t nb_frames;                /* likewise */
	uint32_t nb_queues;                /* net_af_xdp: that must be polled; or 0 */
	bool is_pci;
	bool is_af_packet;
	bool is_af_xdp;
};

/* The kernel's interface under a device, and sockets that its driver has there. */
struct ethdev_kernel {
	unsigned int ifindex; /* 0: none */
	int sockets[ETHDEV_MAX_SOCKETS];
	uint32_t nb_sockets;
	bool was_promiscuous;   /* set by somebody before us */
	int promiscuous_socket; /* its membership is the port's promiscuous mode; -1: none */
	uint64_t drops;         /* of the sockets, so far */
	uint64_t drops_before;  /* the start */
};

struct ethdev {
	struct port port;
	struct ethdev_name name;
	struct capture_interface interface; /* that frames are of */
	struct bpf_program filter;
	bool has_filter;
	enum ethdev_kind kind;
	uint16_t id;
	bool is_plugged; /* by us: to be removed */
	bool is_found;
	bool has_started;
	struct rte_device *device;
	struct rte_mempool *pool;
	uint16_t nb_descriptors;
	char *typed_name;
	/* net_pcap and hardware: a field of mbufs, and the flag that it is set. */
	size_t stamp_offset;
	uint64_t stamp_flag;
	uint32_t cut_from; /* frames from this length on may have been longer */
	uint32_t drain;    /* frames that may wait in a queue */
	bool wants_promiscuous;
	struct rte_eth_stats before; /* the start */
	const struct wall_clock *wall_clock;
	struct device_clock device_clock;
	struct ethdev_kernel kernel;
	_Atomic bool is_ending; /* stopped, or the device is gone */
	_Atomic bool has_ended; /* somebody sees to that already */
	atomic_uint nb_over;    /* queues */
	struct ethdev_queue queues[PORT_MAX_QUEUES];
};

/* ---- ethdev_name.c: names as typed --------------------------------------------------- */

/* Takes it apart and adds arguments. 0, or -1 with one line in error. */
int ethdev_name_parse(struct ethdev_name *name, const struct port_params *params, char *error,
		      size_t error_size);

/* ---- ethdev_probe.c: from a name to a port of DPDK ------------------------------------ */

/* Sets id, device, is_plugged. 0, or -1 with one line in error. */
int ethdev_probe(struct ethdev *ethdev, char *error, size_t error_size, bool *usage);
/* The kernel's driver of a PCI device, "ixgbe"; "" if it has none. */
void ethdev_pci_driver(const char *device, char *driver, size_t size);
/* True if DPDK gets on with it. */
bool ethdev_can_use_driver(const char *driver);
/* After a failure: "; what could be done", as far as that can be seen from outside, or "". */
void ethdev_advise(const struct ethdev *ethdev, char *advice, size_t size);
/* Closes the port and takes out what was plugged in. */
void ethdev_remove(struct ethdev *ethdev);

/* DPDK's log goes to memory for a while; at the end its first line is given. */
struct ethdev_log {
	FILE *stream, *before;
	char *text;
	size_t len;
};
void ethdev_log_begin(struct ethdev_log *log);
void ethdev_log_end(struct ethdev_log *log, char *first, size_t size);

/* ---- ethdev_setup.c -------------------------------------------------------------------- */

/* What kind of device it is, and what that means for frames and stamps. */
void ethdev_plan(struct ethdev *ethdev, const char *driver);
/* Configures it and lets it run. 0, or -1 with one line in error. */
int ethdev_set_up(struct ethdev *ethdev, const struct port_params *params,
		  const struct rte_eth_dev_info *dev_info, char *error, size_t error_size);

/* ---- ethdev_clock.c ------------------------------------------------------------------- */

/* Finds the field of mbufs that drivers set. False: there is no room for it. */
bool ethdev_register_stamps(struct ethdev *ethdev);
/* Stamps by the device's clock, if that can be read. */
void ethdev_clock_open(struct ethdev *ethdev);
/* About once a second. */
void ethdev_clock_correct(struct ethdev *ethdev);

/* ---- ethdev_rss.c --------------------------------------------------------------------- */

/*
 * How many queues, and the part of the configuration that deals frames to them. Sets
 * info.nb_queues, is_affine and why.
 */
void ethdev_rss_plan(struct ethdev *ethdev, const struct port_params *params,
		     const struct rte_eth_dev_info *dev_info, struct rte_eth_conf *conf,
		     uint8_t key[ETHDEV_MAX_KEY_LEN]);
/* The device takes no such configuration: one queue. */
void ethdev_rss_give_up(struct ethdev *ethdev, struct rte_eth_conf *conf);
/* The device has started: sets the table of queues, and looks whether the key is there. */
void ethdev_rss_check(struct ethdev *ethdev, const uint8_t *key);
void ethdev_rss_key(uint16_t pattern, uint8_t *key, size_t len);

/* ---- ethdev_kernel.c: interfaces of the kernel and sockets of drivers ----------------- */

/* Sockets of this process of the family that the port's driver uses. Returns how many. */
uint32_t ethdev_kernel_list_sockets(const struct ethdev *ethdev, int sockets[ETHDEV_MAX_SOCKETS]);
/* Keeps those of now that are not in the list of before. */
void ethdev_kernel_take_sockets(struct ethdev *ethdev, const int *before, uint32_t nb_before);
/* Frames that sockets of the port lost since the last call are added to kernel.drops. */
void ethdev_kernel_count_drops(struct ethdev *ethdev);
/* No frame comes to sockets of AF_PACKET any more; or they come again. */
void ethdev_kernel_shut(struct ethdev *ethdev, bool shut);
/* As net_af_xdp counts them: combined channels, or 1. */
uint32_t ethdev_kernel_count_queues(const char *iface);
bool ethdev_kernel_is_promiscuous(const char *iface);
/* 0 or -errno. Ends with the process, whatever becomes of that. */
int ethdev_kernel_set_promiscuous(struct ethdev *ethdev, bool on);

/* ---- ethdev_poll.c -------------------------------------------------------------------- */

void ethdev_poll(struct port *port, uint16_t queue, int64_t now_ns, struct port_burst *burst,
		 uint16_t max);
/* Nothing comes any more, for a reason in words; NULL: it was stopped. Any thread. */
void ethdev_end(struct ethdev *ethdev, const char *why);
void ethdev_release(struct port *port, struct port_burst *burst);
/*
 * Bytes of the frame on the wire as IPv4's or IPv6's header has them, behind Ethernet and
 * tags of VLANs; 0 if there is no such header.
 */
uint32_t ethdev_ip_wire_len(const uint8_t *data, uint32_t caplen);

#endif
