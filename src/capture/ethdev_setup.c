/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK ports: memory, queues, and a device that runs. */

#include <rte_bus.h>
#include <string.h>
#include <sys/uio.h>

#include "ethdev_priv.h"

/* A burst of 64-byte frames at 10 Gbit/s fills so many in 0.3 ms; drivers may take fewer. */
#define DESCRIPTORS 4096u
#define POOL_CACHE 256u
/* Bursts that a worker holds at once, at most. */
#define BURSTS_HELD 4u
/* net_tap holds as many mbufs, net_af_xdp's ring of received frames has as many. */
#define VIRTUAL_DESCRIPTORS 2048u
/* net_af_xdp fills the kernel's ring of free buffers, and its own, with mbufs. */
#define AF_XDP_DESCRIPTORS 6144u
/* Frames that may wait in a virtual device, more or less. */
#define VIRTUAL_DRAIN 16384u

/* An mbuf with its object header, cache-aligned. */
#define MBUF_BYTES(room) ((room) + RTE_PKTMBUF_HEADROOM + sizeof(struct rte_mbuf) + 64)

/*
 * Mbufs: those that wait in descriptors, those in the hands of workers, and those that lie
 * in the caches of lcores (a cache may hold half as much again as its size).
 */
static uint32_t pool_size(uint32_t nb_queues, uint32_t nb_descriptors, uint32_t nb_workers)
{
	return nb_queues * nb_descriptors + nb_workers * BURSTS_HELD * PORT_BURST +
	       (nb_workers + 1) * (POOL_CACHE + POOL_CACHE / 2);
}

/* EAL asks for so much when it has no huge pages: then no mbuf crosses the border of a page. */
static uint64_t bytes_in_pages(uint32_t room)
{
	const uint64_t page = 4096, bytes = MBUF_BYTES(room);

	return bytes > page ? (bytes + page - 1) / page * page : page / (page / bytes);
}

uint32_t port_memory_mib(const struct port_params *params)
{
	uint32_t nb_queues = 1, nb_descriptors = VIRTUAL_DESCRIPTORS, room = ETHDEV_ROOM;
	struct ethdev_name name;
	uint64_t bytes = 0;
	char error[256];

	/* A name that is wrong is refused when it is opened. */
	if (ethdev_name_parse(&name, params, error, sizeof(error)) != 0)
		return 4;
	if (name.is_pci) {
		nb_queues = RTE_MIN(params->nb_workers, (uint32_t)PORT_MAX_QUEUES);
		nb_descriptors = DESCRIPTORS;
	} else if (name.is_af_xdp) {
		nb_queues = name.nb_queues;
		nb_descriptors = AF_XDP_DESCRIPTORS;
	} else if (name.is_af_packet) {
		room = RTE_MAX(name.frame_size, ETHDEV_ROOM);
		bytes = 2 * sizeof(struct iovec) *
			(uint64_t)name.nb_frames; /* the driver's tables */
	}
	bytes += (uint64_t)pool_size(nb_queues, nb_descriptors, params->nb_workers) *
		 bytes_in_pages(room);
	/* And what the driver has of its own. */
	return (uint32_t)(bytes >> 20) + 4;
}

static enum ethdev_kind kind_of(const struct ethdev *ethdev, const char *driver)
{
	const char *bus =
		ethdev->device != NULL ? rte_bus_name(rte_dev_bus(ethdev->device)) : "vdev";
	const char *args = ethdev->name.args;

	if (strcmp(driver, "net_af_packet") == 0)
		return ETHDEV_AF_PACKET;
	if (strcmp(driver, "net_af_xdp") == 0)
		return ETHDEV_AF_XDP;
	if (strcmp(driver, "net_pcap") == 0 && strstr(args, "rx_pcap=") == NULL)
		return ETHDEV_PCAP_LIVE;
	/* Read over and over, a file has no stamps and no end. */
	if (strcmp(driver, "net_pcap") == 0 && strstr(args, "infinite_rx=1") == NULL)
		return ETHDEV_PCAP_FILE;
	return strcmp(bus, "vdev") == 0 ? ETHDEV_VIRTUAL : ETHDEV_OTHER;
}

void ethdev_plan(struct ethdev *ethdev, const char *driver)
{
	struct port_info *info = &ethdev->port.info;

	ethdev->kind = kind_of(ethdev, driver);
	ethdev->nb_descriptors = ethdev->kind == ETHDEV_OTHER ? DESCRIPTORS : VIRTUAL_DESCRIPTORS;
	ethdev->drain = ethdev->kind == ETHDEV_OTHER       ? DESCRIPTORS
			: ethdev->kind == ETHDEV_AF_PACKET ? ethdev->name.nb_frames
							   : VIRTUAL_DRAIN;
	info->clock = PORT_CLOCK_BURST;
	ethdev->cut_from = UINT32_MAX;
	switch (ethdev->kind) {
	case ETHDEV_PCAP_FILE:
		info->clock = PORT_CLOCK_FILE;
		break;
	case ETHDEV_PCAP_LIVE:
		info->clock = PORT_CLOCK_KERNEL;
		break;
	case ETHDEV_AF_PACKET:
		/* Where exactly the kernel cuts depends on tags; shorter frames are whole. */
		ethdev->cut_from = ethdev->name.frame_size - 96;
		return;
	default:
		return;
	}
	/* The driver keeps the captured length alone. */
	ethdev->cut_from = 0;
	if (!ethdev_register_stamps(ethdev))
		info->clock = PORT_CLOCK_BURST;
}

/* Calls of DPDK, of which each can fail: then that, in one line. */
struct call {
	struct ethdev *ethdev;
	struct ethdev_log log;
	char *error;
	size_t error_size;
};

/* Begins one: what drivers log until its end is kept. */
static struct ethdev *begin(struct call *call)
{
	ethdev_log_begin(&call->log);
	return call->ethdev;
}

/* Its end; 0 if rc is 0, else -1. */
static int end(struct call *call, int rc, const char *what)
{
	const struct ethdev *ethdev = call->ethdev;
	char first[160], advice[160];

	ethdev_log_end(&call->log, first, sizeof(first));
	if (rc == 0)
		return 0;
	ethdev_advise(ethdev, advice, sizeof(advice));
	snprintf(call->error, call->error_size, "%s: the driver %s refuses %s: %s%s%s%s%s",
		 ethdev->name.device, ethdev->port.info.driver, what, strerror(-rc),
		 first[0] != '\0' ? " (" : "", first, first[0] != '\0' ? ")" : "", advice);
	return -1;
}

/* Mbufs that a driver holds on to, in each queue. */
static uint32_t held_by_driver(const struct ethdev *ethdev)
{
	switch (ethdev->kind) {
	case ETHDEV_AF_XDP:
		return AF_XDP_DESCRIPTORS;
	case ETHDEV_AF_PACKET:
	case ETHDEV_PCAP_FILE:
	case ETHDEV_PCAP_LIVE:
		return 0; /* each is for a frame that is given at once */
	default:
		return ethdev->nb_descriptors;
	}
}

static int make_pool(struct call *call, const struct port_params *params)
{
	struct ethdev *ethdev = call->ethdev;
	const uint32_t room = RTE_MAX(ethdev->name.frame_size, ETHDEV_ROOM);
	const uint32_t nb =
		pool_size(ethdev->port.info.nb_queues, held_by_driver(ethdev), params->nb_workers);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "tcpmill_port%u", ethdev->id);
	ethdev->pool = rte_pktmbuf_pool_create(name, nb, POOL_CACHE, 0,
					       (uint16_t)(room + RTE_PKTMBUF_HEADROOM),
					       rte_eth_dev_socket_id(ethdev->id));
	if (ethdev->pool != NULL)
		return 0;
	snprintf(call->error, call->error_size,
		 "%s: no memory of DPDK for %u packet buffers (%zu MiB); reserve huge pages, or "
		 "use fewer workers",
		 ethdev->name.device, nb, nb * MBUF_BYTES(room) >> 20);
	return -1;
}

static uint64_t plan_offloads(const struct ethdev *ethdev, const struct rte_eth_dev_info *dev_info,
			      uint16_t mtu)
{
	uint64_t offloads = 0;

	/* Frames that do not fit an mbuf come in several, where a driver can do that. */
	if (mtu + 64u > ETHDEV_ROOM)
		offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	if (ethdev->kind == ETHDEV_OTHER)
		offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	return offloads & dev_info->rx_offload_capa;
}

/* Nothing is sent; but some drivers want their queues in pairs. */
static uint16_t nb_tx_queues(const struct ethdev *ethdev)
{
	return ethdev->kind == ETHDEV_AF_XDP || strcmp(ethdev->port.info.driver, "net_tap") == 0
		       ? ethdev->port.info.nb_queues
		       : 0;
}

static int configure(struct call *call, const struct port_params *params,
		     const struct rte_eth_dev_info *dev_info, uint8_t key[ETHDEV_MAX_KEY_LEN])
{
	struct ethdev *ethdev = begin(call);
	struct rte_eth_conf conf = {0};
	uint16_t mtu = 0, tx_descriptors = VIRTUAL_DESCRIPTORS;
	uint16_t nb_tx;
	int rc;

	ethdev_rss_plan(ethdev, params, dev_info, &conf, key);
	nb_tx = nb_tx_queues(ethdev);
	/* Left alone, ethdev would set 1500. */
	if (rte_eth_dev_get_mtu(ethdev->id, &mtu) == 0)
		conf.rxmode.mtu = mtu;
	conf.rxmode.offloads = plan_offloads(ethdev, dev_info, mtu);
	conf.intr_conf.rmv = (*dev_info->dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	rc = rte_eth_dev_configure(ethdev->id, ethdev->port.info.nb_queues, nb_tx, &conf);
	if (rc != 0 && ethdev->port.info.is_affine) {
		ethdev_rss_give_up(ethdev, &conf);
		rc = rte_eth_dev_configure(ethdev->id, ethdev->port.info.nb_queues, nb_tx, &conf);
	}
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(ethdev->id, &ethdev->nb_descriptors,
						      &tx_descriptors);
	return end(call, rc, "its configuration");
}

static int set_up_queues(struct call *call)
{
	struct ethdev *ethdev = begin(call);
	const int socket = rte_eth_dev_socket_id(ethdev->id);
	int rc = 0;

	for (uint16_t i = 0; i < ethdev->port.info.nb_queues && rc == 0; i++)
		rc = rte_eth_rx_queue_setup(ethdev->id, i, ethdev->nb_descriptors,
					    (unsigned int)socket, NULL, ethdev->pool);
	for (uint16_t i = 0; i < nb_tx_queues(ethdev) && rc == 0; i++)
		rc = rte_eth_tx_queue_setup(ethdev->id, i, VIRTUAL_DESCRIPTORS,
					    (unsigned int)socket, NULL);
	return end(call, rc, "a receive queue");
}

static int start_device(struct call *call)
{
	struct ethdev *ethdev = begin(call);
	int rc;

	/* Starting takes promiscuous mode from the interface, unless the driver has set it. */
	if (ethdev->kernel.was_promiscuous)
		(void)rte_eth_promiscuous_enable(ethdev->id);
	rc = rte_eth_dev_start(ethdev->id);
	ethdev->has_started = rc == 0;
	return end(call, rc, "to start");
}

int ethdev_set_up(struct ethdev *ethdev, const struct port_params *params,
		  const struct rte_eth_dev_info *dev_info, char *error, size_t error_size)
{
	uint8_t key[ETHDEV_MAX_KEY_LEN];
	struct call call = {.ethdev = ethdev, .error = error, .error_size = error_size};

	if (configure(&call, params, dev_info, key) != 0 || make_pool(&call, params) != 0 ||
	    set_up_queues(&call) != 0 || start_device(&call) != 0)
		return -1;
	ethdev_rss_check(ethdev, key);
	if (ethdev->kind == ETHDEV_OTHER &&
	    (dev_info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0)
		ethdev_clock_open(ethdev);
	return 0;
}
