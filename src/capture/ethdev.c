/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports of DPDK.
 *
 * A device runs from open on, so that it can be asked what it really does; start throws
 * away what came until then.
 */

#include <stdlib.h>
#include <string.h>

#include "capture_priv.h"
#include "ethdev_priv.h"

static int on_removal(uint16_t id, enum rte_eth_event_type type, void *arg, void *result)
{
	struct ethdev *ethdev = arg;

	(void)id;
	(void)type;
	(void)result;
	ethdev_end(ethdev, "the device was taken out");
	return 0;
}

/* ---- start and stop -------------------------------------------------------------------- */

/* Drivers of the kernel's interfaces get it by a socket of ours, others by their own way. */
static int set_promiscuous(struct ethdev *ethdev, char *error, size_t error_size)
{
	struct port_info *info = &ethdev->port.info;
	int rc = 0;

	if (ethdev->kind == ETHDEV_PCAP_LIVE || ethdev->kernel.was_promiscuous) {
		info->is_promiscuous = true; /* net_pcap opens its interfaces so */
		return 0;
	}
	if (!ethdev->wants_promiscuous)
		return 0;
	if (ethdev->kernel.ifindex != 0)
		rc = ethdev_kernel_set_promiscuous(ethdev, true);
	else
		(void)rte_eth_promiscuous_enable(ethdev->id);
	if (rc != 0) {
		snprintf(error, error_size, "%s: no promiscuous mode: %s; needs CAP_NET_RAW",
			 ethdev->name.device, strerror(-rc));
		return -1;
	}
	info->is_promiscuous =
		ethdev->kernel.ifindex != 0 || rte_eth_promiscuous_get(ethdev->id) == 1;
	return 0;
}

/* What came before the start, or from other interfaces until the driver bound its socket. */
static void discard_waiting(struct ethdev *ethdev)
{
	struct rte_mbuf *mbufs[PORT_BURST];

	/* What these have is not of a time, but all that there is. */
	if (ethdev->kind == ETHDEV_PCAP_FILE || ethdev->kind == ETHDEV_VIRTUAL)
		return;
	for (uint16_t q = 0; q < ethdev->port.info.nb_queues; q++) {
		for (uint32_t nb_all = 0; nb_all < ethdev->drain;) {
			const uint16_t nb = rte_eth_rx_burst(ethdev->id, q, mbufs, PORT_BURST);

			rte_pktmbuf_free_bulk(mbufs, nb);
			if (nb == 0)
				break;
			nb_all += nb;
		}
	}
}

static int start(struct port *port, char *error, size_t error_size)
{
	struct ethdev *ethdev = (struct ethdev *)port;

	if (set_promiscuous(ethdev, error, error_size) != 0)
		return -1;
	discard_waiting(ethdev);
	(void)rte_eth_stats_get(ethdev->id, &ethdev->before);
	ethdev_kernel_count_drops(ethdev);
	ethdev->kernel.drops_before = ethdev->kernel.drops;
	if (ethdev->kind == ETHDEV_AF_PACKET)
		ethdev_kernel_shut(ethdev, false);
	return 0;
}

static void stop(struct port *port)
{
	struct ethdev *ethdev = (struct ethdev *)port;

	if (ethdev->kind == ETHDEV_AF_PACKET)
		ethdev_kernel_shut(ethdev, true);
	if (ethdev->kernel.ifindex != 0)
		(void)ethdev_kernel_set_promiscuous(ethdev, false);
	else if (ethdev->has_started && ethdev->wants_promiscuous)
		(void)rte_eth_promiscuous_disable(ethdev->id);
	ethdev_end(ethdev, NULL);
}

static void get_counters(struct port *port, struct port_counters *counters)
{
	struct ethdev *ethdev = (struct ethdev *)port;
	struct rte_eth_stats stats = {0};
	char iface[IF_NAMESIZE];

	*counters = (struct port_counters){0};
	if (rte_eth_stats_get(ethdev->id, &stats) == 0) {
		/* net_af_xdp tells a part of what its socket knows. */
		if (ethdev->kind != ETHDEV_AF_XDP)
			counters->missed = stats.imissed - ethdev->before.imissed;
		counters->no_mbuf = stats.rx_nombuf - ethdev->before.rx_nombuf;
		counters->errors = stats.ierrors - ethdev->before.ierrors;
	}
	ethdev_kernel_count_drops(ethdev);
	counters->kernel_drops = ethdev->kernel.drops - ethdev->kernel.drops_before;
	/* What was given, and no more: what a device has at the end and nobody asks for is no loss.
	 */
	for (uint16_t q = 0; q < port->info.nb_queues; q++) {
		const struct ethdev_queue *queue = &ethdev->queues[q];

		counters->received += atomic_load_explicit(&queue->received, memory_order_relaxed);
		counters->cut += atomic_load_explicit(&queue->cut, memory_order_relaxed);
	}
	/* Once a second is often enough for these, too. */
	if (port->info.clock == PORT_CLOCK_HARDWARE)
		ethdev_clock_correct(ethdev);
	if (ethdev->kernel.ifindex != 0 && if_indextoname(ethdev->kernel.ifindex, iface) == NULL)
		ethdev_end(ethdev, "the interface is gone");
	if (rte_eth_dev_is_removed(ethdev->id) != 0)
		ethdev_end(ethdev, "the device was taken out");
}

static void close_port(struct port *port)
{
	struct ethdev *ethdev = (struct ethdev *)port;
	struct port_counters counters;

	if (ethdev->has_started) {
		stop(port);
		get_counters(port, &counters); /* sockets go with the device */
		(void)rte_eth_dev_callback_unregister(ethdev->id, RTE_ETH_EVENT_INTR_RMV,
						      on_removal, ethdev);
		(void)rte_eth_dev_stop(ethdev->id);
	}
	if (ethdev->is_found)
		ethdev_remove(ethdev);
	(void)ethdev_kernel_set_promiscuous(ethdev, false);
	rte_mempool_free(ethdev->pool);
	if (ethdev->has_filter)
		pcap_freecode(&ethdev->filter);
	free(ethdev->typed_name);
	free(ethdev);
}

static const struct port_ops ethdev_ops = {
	.start = start,
	.stop = stop,
	.close = close_port,
	.poll = ethdev_poll,
	.release = ethdev_release,
	.get_counters = get_counters,
};

/* ---- open ------------------------------------------------------------------------------ */

/* Everything that needs no device. */
static int init(struct ethdev *ethdev, const struct port_params *params, char *error,
		size_t error_size)
{
	struct port_info *info = &ethdev->port.info;

	ethdev->port.ops = &ethdev_ops;
	ethdev->kernel.promiscuous_socket = -1;
	ethdev->wants_promiscuous = params->promiscuous;
	ethdev->wall_clock = params->clock;
	for (uint32_t i = 0; i < PORT_MAX_QUEUES; i++)
		ethdev->queues[i].complete_ns = INT64_MIN;
	ethdev->typed_name = strdup(params->name);
	if (ethdev->typed_name == NULL) {
		snprintf(error, error_size, "%.60s: out of memory", params->name);
		return -1;
	}
	info->name = ethdev->typed_name;
	info->kind = PORT_DPDK;
	info->link_type = DLT_EN10MB;
	info->snaplen = params->snaplen != 0 ? params->snaplen : CAPTURE_MAX_CAPLEN;
	if (ethdev_name_parse(&ethdev->name, params, error, error_size) != 0)
		return -1;
	ethdev->interface = (struct capture_interface){
		.drops = UINT64_MAX,
		.snaplen = info->snaplen,
		.link_type = info->link_type,
		.ts_resol = 9,
		.ns_per_tick = 1,
	};
	if (params->filter == NULL)
		return 0;
	if (filter_compile_text(params->filter, info->link_type, &ethdev->filter, error,
				error_size) != 0)
		return -1;
	ethdev->has_filter = true;
	ethdev->interface.filter = ethdev->filter.bf_insns;
	return 0;
}

static void set_warning(struct ethdev *ethdev, bool had_xdp)
{
	struct port_info *info = &ethdev->port.info;
	const char *iface = ethdev->name.iface;

	if (had_xdp)
		snprintf(info->warning, sizeof(info->warning), PORT_XDP_WARNING, iface, iface);
	else if (ethdev->kind == ETHDEV_AF_XDP)
		snprintf(info->warning, sizeof(info->warning),
			 "AF_XDP takes packets away from the kernel: %s receives nothing else "
			 "meanwhile; after a kill -9: ip link set %s xdp off",
			 iface, iface);
	else if (ethdev->kind == ETHDEV_PCAP_LIVE)
		snprintf(info->warning, sizeof(info->warning),
			 "net_pcap does not tell what the kernel drops, and is always promiscuous; "
			 "the interface's name alone is better");
}

/* Finds the device and lets it run; the sockets that appear meanwhile are its driver's. */
static int open_device(struct ethdev *ethdev, const struct port_params *params, char *error,
		       size_t error_size, bool *usage)
{
	struct ethdev_kernel *kernel = &ethdev->kernel;
	struct rte_eth_dev_info dev_info;
	int before[ETHDEV_MAX_SOCKETS];
	const uint32_t nb_before = ethdev_kernel_list_sockets(ethdev, before);
	int rc;

	if (ethdev->name.iface[0] != '\0') {
		kernel->ifindex = if_nametoindex(ethdev->name.iface);
		kernel->was_promiscuous = ethdev_kernel_is_promiscuous(ethdev->name.iface);
	}
	if (ethdev_probe(ethdev, error, error_size, usage) != 0)
		return -1;
	ethdev->is_found = true;
	rc = rte_eth_dev_info_get(ethdev->id, &dev_info);
	if (rc != 0) {
		snprintf(error, error_size, "%s: the device does not say what it is: %s",
			 ethdev->name.device, strerror(-rc));
		return -1;
	}
	ethdev->port.info.driver = dev_info.driver_name;
	ethdev_plan(ethdev, dev_info.driver_name);
	rc = ethdev_set_up(ethdev, params, &dev_info, error, error_size);
	if (kernel->ifindex != 0)
		ethdev_kernel_take_sockets(ethdev, before, nb_before);
	return rc;
}

struct port *ethdev_open(const struct port_params *params, char *error, size_t error_size,
			 bool *usage)
{
	struct ethdev *ethdev = aligned_alloc(64, sizeof(*ethdev));
	bool had_xdp = false;

	if (ethdev == NULL) {
		snprintf(error, error_size, "%.60s: out of memory", params->name);
		return NULL;
	}
	memset(ethdev, 0, sizeof(*ethdev));
	if (init(ethdev, params, error, error_size) != 0) {
		*usage = true;
		goto fail;
	}
	if (ethdev->name.iface[0] != '\0')
		had_xdp = port_has_xdp(if_nametoindex(ethdev->name.iface));
	if (open_device(ethdev, params, error, error_size, usage) != 0)
		goto fail;
	if (ethdev->kind == ETHDEV_AF_PACKET)
		ethdev_kernel_shut(ethdev, true);
	(void)rte_eth_dev_callback_register(ethdev->id, RTE_ETH_EVENT_INTR_RMV, on_removal, ethdev);
	set_warning(ethdev, had_xdp);
	return &ethdev->port;
fail:
	close_port(&ethdev->port);
	return NULL;
}
