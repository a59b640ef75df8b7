/* SPDX-License-Identifier: BSD-3-Clause */

/* From a name to a port of DPDK: what is there already, or is plugged in. */

#include <linux/capability.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ethdev_priv.h"

/*
 * Drivers tell why they fail in lines of DPDK's log alone. They are kept from the screen,
 * and the first one, nearest to the cause, becomes part of our own line.
 */
void ethdev_log_begin(struct ethdev_log *log)
{
	*log = (struct ethdev_log){0};
	log->stream = open_memstream(&log->text, &log->len);
	if (log->stream == NULL)
		return;
	log->before = rte_log_get_stream();
	(void)rte_openlog_stream(log->stream);
}

void ethdev_log_end(struct ethdev_log *log, char *first, size_t size)
{
	first[0] = '\0';
	if (log->stream == NULL)
		return;
	(void)rte_openlog_stream(log->before == stderr ? NULL : log->before);
	if (fclose(log->stream) == 0) {
		const char *line = strstr(log->text, "(): ");

		/* They begin with the name of a function. */
		line = line != NULL ? line + 4 : log->text;
		snprintf(first, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	free(log->text);
}

/* A device that is a port already: EAL's --vdev or -a, or rte_eth_from_rings(). */
static bool find_port(struct ethdev *ethdev)
{
	struct rte_eth_dev_info dev_info;
	uint16_t id;

	if (rte_eth_dev_get_port_by_name(ethdev->name.device, &ethdev->id) == 0)
		return true;
	for (id = 0; id < RTE_MAX_ETHPORTS; id++) {
		if (rte_eth_dev_is_valid_port(id) && rte_eth_dev_info_get(id, &dev_info) == 0 &&
		    dev_info.device != NULL &&
		    strcmp(rte_dev_name(dev_info.device), ethdev->name.device) == 0) {
			ethdev->id = id;
			return true;
		}
	}
	return false;
}

/* Drivers that hand a device to DPDK, and those that share it with the kernel. */
bool ethdev_can_use_driver(const char *driver)
{
	static const char *const usable[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core",
					     "mlx5_core"};

	for (size_t i = 0; i < RTE_DIM(usable); i++) {
		if (strcmp(driver, usable[i]) == 0)
			return true;
	}
	return false;
}

void ethdev_pci_driver(const char *device, char *driver, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", device);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = '\0';
	snprintf(driver, size, "%s", len < 0 ? "" : basename(target));
}

/* 0 if DPDK can have it, or -1 with the reason. */
static int check_pci(const char *device, char *error, size_t error_size)
{
	char path[128], driver[64];

	if (rte_bus_find_by_name("pci") == NULL) {
		snprintf(error, error_size, "%s: this tcpmill was built without PCI drivers",
			 device);
		return -1;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device);
	if (access(path, F_OK) != 0) {
		snprintf(error, error_size, "%s: no such PCI device (see lspci)", device);
		return -1;
	}
	ethdev_pci_driver(device, driver, sizeof(driver));
	if (driver[0] == '\0' || ethdev_can_use_driver(driver))
		return 0;
	snprintf(error, error_size,
		 "%s: the kernel's driver %s has it; name its interface instead, or take it from "
		 "the kernel: dpdk-devbind.py --bind=vfio-pci %s",
		 device, driver, device);
	return -1;
}

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) != 0 ||
	       (data[capability / 32].effective >> capability % 32 & 1) != 0;
}

void ethdev_advise(const struct ethdev *ethdev, char *advice, size_t size)
{
	const struct ethdev_name *name = &ethdev->name;
	const bool is_kernel = name->is_af_packet || name->is_af_xdp;
	/* The one driver locks both of its rings, the other one all of its mbufs. */
	const uint64_t locked = name->is_af_packet ? 2ull * name->nb_frames * name->frame_size
						   : (uint64_t)name->nb_queues << 24;
	struct rlimit limit;

	advice[0] = '\0';
	if (name->is_pci)
		snprintf(advice, size,
			 "; bind it to vfio-pci, and see that this user may open /dev/vfio/*");
	else if (is_kernel && (!has_capability(CAP_NET_RAW) || !has_capability(CAP_NET_ADMIN)))
		snprintf(advice, size, "; needs CAP_NET_RAW and CAP_NET_ADMIN");
	else if (name->is_af_xdp && !has_capability(CAP_BPF) && !has_capability(CAP_SYS_ADMIN))
		snprintf(advice, size, "; needs CAP_BPF");
	else if (name->is_af_xdp && port_has_xdp(if_nametoindex(name->iface)))
		snprintf(advice, size,
			 "; an XDP program is on %s already; if it was left behind: ip link set %s "
			 "xdp off",
			 name->iface, name->iface);
	else if (is_kernel && !has_capability(CAP_IPC_LOCK) &&
		 getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < locked)
		snprintf(advice, size, "; needs CAP_IPC_LOCK, or a higher ulimit -l%s",
			 name->is_af_packet ? ", or a smaller framecnt=" : "");
}

static int plug(struct ethdev *ethdev, char *error, size_t error_size, bool *usage)
{
	const struct ethdev_name *name = &ethdev->name;
	char devargs[sizeof(name->device) + sizeof(name->args) + 1], first[160];
	struct ethdev_log log;
	char advice[160];
	int rc;

	snprintf(devargs, sizeof(devargs), "%s%s%s", name->device, name->args[0] != '\0' ? "," : "",
		 name->args);
	ethdev_log_begin(&log);
	rc = rte_dev_probe(devargs);
	ethdev_log_end(&log, first, sizeof(first));
	if (rc == 0 && find_port(ethdev)) {
		ethdev->is_plugged = true;
		return 0;
	}
	ethdev_advise(ethdev, advice, sizeof(advice));
	/* Nothing is known to stand in the way: so it is what was asked for. */
	*usage = advice[0] == '\0';
	snprintf(error, error_size, "%s: DPDK cannot open it%s%s%s%s", name->device,
		 first[0] != '\0' ? " (" : "", first, first[0] != '\0' ? ")" : "",
		 *usage ? "; --list-ports has examples" : advice);
	return -1;
}

int ethdev_probe(struct ethdev *ethdev, char *error, size_t error_size, bool *usage)
{
	struct rte_eth_dev_info dev_info;

	if (!find_port(ethdev)) {
		if (ethdev->name.is_pci && check_pci(ethdev->name.device, error, error_size) != 0) {
			*usage = true;
			return -1;
		}
		if (plug(ethdev, error, error_size, usage) != 0)
			return -1;
	}
	if (rte_eth_dev_info_get(ethdev->id, &dev_info) == 0)
		ethdev->device = dev_info.device;
	return 0;
}

/*
 * A port that was there is closed as well, since its mbufs go with us; rings and devices
 * stay with whoever made them.
 */
void ethdev_remove(struct ethdev *ethdev)
{
	struct ethdev_log log;
	char first[1];

	if (!rte_eth_dev_is_valid_port(ethdev->id))
		return;
	ethdev_log_begin(&log);
	(void)rte_eth_dev_close(ethdev->id);
	if (ethdev->is_plugged && ethdev->device != NULL)
		(void)rte_dev_remove(ethdev->device);
	ethdev_log_end(&log, first, sizeof(first));
}
