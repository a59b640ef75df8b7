/* SPDX-License-Identifier: BSD-3-Clause */

/* Opens an interface of the kernel through libpcap, and says in one line why it cannot. */

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "capture_priv.h"
#include "kernel_port_priv.h"
#include "tcpmill/decode.h"

/*
 * A block of libpcap's is 256 KiB, and one is used up each KERNEL_PORT_RETIRE_MS even by a single
 * packet: 64 MiB hold 2.5 s of little traffic, 0.2 s of 10 Gbit/s whole, and more if packets are
 * cut. libpcap's own default of 2 MiB would be full in 80 ms.
 */
#define BUFFER_BYTES (64u << 20)

/* "eth9: no such interface; there are lo and eth0, and any for all": as many as fit. */
static void say_no_such(const char *name, char *error, size_t error_size)
{
	struct if_nameindex *all = if_nameindex();
	size_t n =
		(size_t)snprintf(error, error_size, "%s: no such interface; there are any", name);

	for (size_t i = 0; all != NULL && all[i].if_index != 0 && i < 16 && n < error_size; i++)
		n += (size_t)snprintf(error + n, error_size - n, ", %s", all[i].if_name);
	if_freenameindex(all);
}

static void say_not_activated(struct kernel_port *port, int rc, char *error, size_t error_size,
			      bool *usage)
{
	const char *why = pcap_geterr(port->pcap);

	switch (rc) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		say_no_such(port->name, error, error_size);
		*usage = true;
		break;
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		snprintf(error, error_size,
			 "%s: capturing is not permitted: needs CAP_NET_RAW; run as root with "
			 "-Z USER, or setcap cap_net_raw+ep on tcpmill",
			 port->name);
		break;
	case PCAP_ERROR_IFACE_NOT_UP:
		snprintf(error, error_size, "%s: the interface is down: ip link set %s up",
			 port->name, port->name);
		break;
	default:
		snprintf(error, error_size, "%s: cannot capture: %s", port->name,
			 why[0] != '\0' ? why : pcap_statustostr(rc));
	}
}

static int activate(struct kernel_port *port, const struct port_params *params, char *error,
		    size_t error_size, bool *usage)
{
	const uint64_t buffer = params->buffer_bytes != 0 ? params->buffer_bytes : BUFFER_BYTES;
	struct port_info *info = &port->port.info;
	char why[PCAP_ERRBUF_SIZE];
	int rc;

	if (buffer > INT_MAX) {
		snprintf(error, error_size,
			 "%s: expected a buffer of less than 2 GiB, got %" PRIu64, port->name,
			 buffer);
		*usage = true;
		return -1;
	}
	port->pcap = pcap_create(port->name, why);
	if (port->pcap == NULL) {
		snprintf(error, error_size, "%s: cannot capture: %s", port->name, why);
		return -1;
	}
	/* These fail on activated handles only; but for stamps: then they are microseconds. */
	(void)pcap_set_tstamp_precision(port->pcap, PCAP_TSTAMP_PRECISION_NANO);
	(void)pcap_set_snaplen(port->pcap, (int)info->snaplen);
	(void)pcap_set_promisc(port->pcap, info->is_promiscuous);
	(void)pcap_set_buffer_size(port->pcap, (int)buffer);
	(void)pcap_set_timeout(port->pcap, KERNEL_PORT_RETIRE_MS);
	rc = pcap_activate(port->pcap);
	if (rc < 0) {
		say_not_activated(port, rc, error, error_size, usage);
		return -1;
	}
	if (rc > 0)
		snprintf(info->warning, sizeof(info->warning), "%s",
			 rc == PCAP_WARNING ? pcap_geterr(port->pcap) : pcap_statustostr(rc));
	else if (port->ifindex != 0 && port_has_xdp(port->ifindex))
		snprintf(info->warning, sizeof(info->warning), PORT_XDP_WARNING, port->name,
			 port->name);
	if (pcap_setnonblock(port->pcap, 1, why) != 0) {
		snprintf(error, error_size, "%s: %s", port->name, why);
		return -1;
	}
	port->fd = pcap_get_selectable_fd(port->pcap);
	if (pcap_get_tstamp_precision(port->pcap) == PCAP_TSTAMP_PRECISION_NANO)
		port->ns_per_fraction = 1;
	return 0;
}

/* Of the link types offered, one that is decoded: the later cooked one names the interface. */
static int choose_link_type(struct kernel_port *port, char *error, size_t error_size)
{
	int dlt = pcap_datalink(port->pcap);
	uint16_t link_type;
	const char *name;

	if (dlt == DLT_LINUX_SLL && pcap_set_datalink(port->pcap, DLT_LINUX_SLL2) == 0)
		dlt = DLT_LINUX_SLL2;
	link_type = dlt == DLT_RAW ? 101 : (uint16_t)dlt; /* else LINKTYPE_ is the same */
	port->port.info.link_type = link_type;
	port->interface.link_type = link_type;
	if (decode_knows_link_type(link_type))
		return 0;
	name = pcap_datalink_val_to_name(dlt);
	snprintf(error, error_size, "%s: frames of link type %s (%d) cannot be decoded", port->name,
		 name != NULL ? name : "unknown", dlt);
	return -1;
}

struct port *kernel_port_open(const struct port_params *params, char *error, size_t error_size,
			      bool *usage)
{
	struct kernel_port *port = calloc(1, sizeof(*port));
	const bool is_any = strcmp(params->name, "any") == 0;

	assert(params->snaplen > 0);
	*usage = false;
	if (port == NULL)
		goto no_memory;
	snprintf(port->name, sizeof(port->name), "%s", params->name);
	port->fd = -1;
	port->ns_per_fraction = 1000;
	port->is_promiscuous = params->promiscuous && !is_any;
	port->ifindex = is_any ? 0 : if_nametoindex(port->name);
	port->stride = ((size_t)params->snaplen + 63) / 64 * 64;
	port->interface.snaplen = params->snaplen;
	port->port.ops = &kernel_port_ops;
	port->port.info = (struct port_info){
		.name = port->name,
		.driver = "libpcap",
		.kind = PORT_KERNEL,
		.clock = PORT_CLOCK_KERNEL,
		.nb_queues = 1,
		.why = "one queue",
		.is_promiscuous = port->is_promiscuous,
		.snaplen = params->snaplen,
	};
	port->room = aligned_alloc(64, port->stride * PORT_BURST);
	if (port->room == NULL)
		goto no_memory;
	if (activate(port, params, error, error_size, usage) != 0 ||
	    choose_link_type(port, error, error_size) != 0 ||
	    kernel_filter_prepare(port, params->filter, error, error_size, usage) != 0)
		goto failed;
	port->shut_ns = kernel_port_monotonic_ns();
	return &port->port;

no_memory:
	snprintf(error, error_size, "%s: out of memory", params->name);
failed:
	if (port != NULL)
		kernel_port_ops.close(&port->port);
	return NULL;
}
