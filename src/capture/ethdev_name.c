/* SPDX-License-Identifier: BSD-3-Clause */

/* Device strings: taken apart, and what a driver must be told is added. */

#include <rte_kvargs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ethdev_priv.h"

#define MIN_FRAME 256u
#define BLOCK 65536u
#define RING_BYTES (32u << 20)
#define MAX_RING_BYTES (1u << 30) /* the driver reckons both its rings in 32 bits */

static int copy_device(struct ethdev_name *name, const char *text, char *error, size_t error_size)
{
	const size_t len = strcspn(text, ",");
	const char *args = text[len] == ',' ? text + len + 1 : "";
	/* PCI addresses without the domain are of domain 0. */
	const char *domain = port_is_pci(text) && len == 7 ? "0000:" : "";

	if (snprintf(name->device, sizeof(name->device), "%s%.*s", domain, (int)len, text) >=
		    (int)sizeof(name->device) ||
	    strlen(args) > PATH_MAX) {
		snprintf(error, error_size, "%.60s...: too long for a name of a DPDK device", text);
		return -1;
	}
	snprintf(name->args, sizeof(name->args), "%s", args);
	return 0;
}

static bool begins_with(const char *device, const char *driver)
{
	return strncmp(device, driver, strlen(driver)) == 0;
}

static uint32_t number_of(struct rte_kvargs *args, const char *key)
{
	const char *text = rte_kvargs_get(args, key);
	const unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;

	return value <= UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static void add_arg(struct ethdev_name *name, struct rte_kvargs *args, const char *key,
		    uint32_t value)
{
	const size_t len = strlen(name->args);

	if (rte_kvargs_count(args, key) == 0)
		snprintf(name->args + len, sizeof(name->args) - len, "%s%s=%u", len == 0 ? "" : ",",
			 key, value);
}

static int check_ring(const struct ethdev_name *name, uint32_t block_size, char *error,
		      size_t error_size)
{
	const uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), frame = name->frame_size;

	/* Room for a frame is that of an mbuf, whose length has 16 bits. */
	if (frame < MIN_FRAME || frame % 16 != 0 || frame > UINT16_MAX - RTE_PKTMBUF_HEADROOM)
		snprintf(error, error_size,
			 "%s: framesz is %u; use a multiple of 16 from %u to 65392", name->device,
			 frame, MIN_FRAME);
	else if (block_size % page != 0 || block_size % frame != 0)
		snprintf(error, error_size,
			 "%s: blocksz is %u; use a multiple of framesz (%u) and of a page (%u)",
			 name->device, block_size, frame, page);
	else if (name->nb_frames == 0 || name->nb_frames % (block_size / frame) != 0 ||
		 (uint64_t)name->nb_frames * frame > MAX_RING_BYTES)
		snprintf(error, error_size,
			 "%s: framecnt is %u; use a multiple of blocksz / framesz (%u), of 1 GiB "
			 "at most",
			 name->device, name->nb_frames, block_size / frame);
	else
		return 0;
	return -1;
}

/*
 * The ring's frames are no larger than an mbuf, since the driver copies all of one; the
 * kernel cuts super-packets there. They are no smaller with a short snaplen, for frames that
 * are not IP would lose their length. The driver's own ring is 512 frames of 2048 bytes: nothing at
 * any speed. qpairs is 1, as its fanout gives a full ring's packets to the next one, and flows with
 * them.
 */
static int complete_af_packet(struct ethdev_name *name, struct rte_kvargs *args,
			      const struct port_params *params, char *error, size_t error_size)
{
	const uint64_t wanted = params->buffer_bytes != 0 ? params->buffer_bytes : RING_BYTES;
	const uint64_t bytes = RTE_MIN(wanted, (uint64_t)MAX_RING_BYTES);
	uint32_t block_size = number_of(args, "blocksz");

	if (rte_kvargs_count(args, "qpairs") != 0 && number_of(args, "qpairs") != 1) {
		snprintf(error, error_size,
			 "%s: qpairs must be 1: its fanout moves flows between queues under load",
			 name->device);
		return -1;
	}
	name->frame_size =
		rte_kvargs_count(args, "framesz") != 0 ? number_of(args, "framesz") : ETHDEV_ROOM;
	if (rte_kvargs_count(args, "blocksz") == 0)
		block_size = BLOCK;
	name->nb_frames = number_of(args, "framecnt");
	if (rte_kvargs_count(args, "framecnt") == 0 && name->frame_size != 0 &&
	    block_size / name->frame_size != 0) {
		const uint32_t nb_blocks = (uint32_t)RTE_MAX(bytes / block_size, UINT64_C(1));

		name->nb_frames = nb_blocks * (block_size / name->frame_size);
	}
	add_arg(name, args, "framesz", name->frame_size);
	add_arg(name, args, "blocksz", block_size);
	add_arg(name, args, "framecnt", name->nb_frames);
	add_arg(name, args, "qpairs", 1);
	return check_ring(name, block_size, error, error_size);
}

/*
 * Each queue of the interface has a socket of its own, and the driver opens one alone unless
 * it is told: the rest would go past us.
 */
static int complete_af_xdp(struct ethdev_name *name, struct rte_kvargs *args, char *error,
			   size_t error_size)
{
	name->nb_queues = number_of(args, "queue_count");
	if (rte_kvargs_count(args, "queue_count") == 0)
		name->nb_queues = rte_kvargs_count(args, "start_queue") == 0
					  ? ethdev_kernel_count_queues(name->iface)
					  : 1;
	if (name->nb_queues == 0 || name->nb_queues > PORT_MAX_QUEUES) {
		snprintf(
			error, error_size,
			"%s: %u queues; use queue_count= from 1 to %u, or ethtool -L %s combined N",
			name->device, name->nb_queues, PORT_MAX_QUEUES, name->iface);
		return -1;
	}
	add_arg(name, args, "queue_count", name->nb_queues);
	return 0;
}

/* Drivers with an interface of the kernel say little when it is not there. */
static int find_iface(struct ethdev_name *name, struct rte_kvargs *args, char *error,
		      size_t error_size)
{
	const char *iface = rte_kvargs_get(args, "iface");

	if (iface == NULL) {
		snprintf(error, error_size, "%s: which interface? Add ,iface=NAME", name->device);
		return -1;
	}
	if (strlen(iface) >= sizeof(name->iface) || if_nametoindex(iface) == 0) {
		snprintf(error, error_size, "%s: no interface is called '%.64s' (see ip link)",
			 name->device, iface);
		return -1;
	}
	snprintf(name->iface, sizeof(name->iface), "%s", iface);
	return 0;
}

static int complete(struct ethdev_name *name, const struct port_params *params, char *error,
		    size_t error_size)
{
	struct rte_kvargs *args = rte_kvargs_parse(name->args, NULL);
	int rc;

	if (args == NULL) {
		snprintf(error, error_size, "%s: expected arguments like iface=eth0, got '%s'",
			 name->device, name->args);
		return -1;
	}
	rc = find_iface(name, args, error, error_size);
	if (rc == 0 && name->is_af_packet)
		rc = complete_af_packet(name, args, params, error, error_size);
	if (rc == 0 && name->is_af_xdp)
		rc = complete_af_xdp(name, args, error, error_size);
	rte_kvargs_free(args);
	return rc;
}

int ethdev_name_parse(struct ethdev_name *name, const struct port_params *params, char *error,
		      size_t error_size)
{
	memset(name, 0, sizeof(*name));
	if (copy_device(name, params->name, error, error_size) != 0)
		return -1;
	name->is_pci = port_is_pci(params->name);
	/* DPDK knows drivers as they were called once, as well. */
	name->is_af_packet = begins_with(name->device, "net_af_packet") ||
			     begins_with(name->device, "eth_af_packet");
	name->is_af_xdp = begins_with(name->device, "net_af_xdp");
	if (name->is_af_packet || name->is_af_xdp)
		return complete(name, params, error, error_size);
	return 0;
}
