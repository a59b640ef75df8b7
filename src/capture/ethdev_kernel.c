/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The kernel's side of net_af_packet and net_af_xdp: what DPDK's drivers do not tell, asked
 * from their sockets, and what they leave behind, not done their way.
 *
 * Source: packet(7), the kernel's Documentation/networking/af_xdp.rst.
 */

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethdev_priv.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

uint32_t ethdev_kernel_list_sockets(const struct ethdev *ethdev, int sockets[ETHDEV_MAX_SOCKETS])
{
	const int family = ethdev->name.is_af_xdp ? AF_XDP : AF_PACKET;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	uint32_t nb = 0;

	if (dir == NULL)
		return 0;
	while (nb < ETHDEV_MAX_SOCKETS && (entry = readdir(dir)) != NULL) {
		const int fd = atoi(entry->d_name); /* 0 for "." is a file like any other */
		int domain = -1;
		socklen_t len = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == family)
			sockets[nb++] = fd;
	}
	closedir(dir);
	return nb;
}

static bool is_among(int fd, const int *list, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		if (list[i] == fd)
			return true;
	}
	return false;
}

void ethdev_kernel_take_sockets(struct ethdev *ethdev, const int *before, uint32_t nb_before)
{
	struct ethdev_kernel *kernel = &ethdev->kernel;
	int now[ETHDEV_MAX_SOCKETS];
	const uint32_t nb = ethdev_kernel_list_sockets(ethdev, now);

	for (uint32_t i = 0; i < nb; i++) {
		if (!is_among(now[i], before, nb_before) &&
		    !is_among(now[i], kernel->sockets, kernel->nb_sockets) &&
		    now[i] != kernel->promiscuous_socket && kernel->nb_sockets < ETHDEV_MAX_SOCKETS)
			kernel->sockets[kernel->nb_sockets++] = now[i];
	}
}

/* The kernel starts again at 0 with every look. */
static uint64_t packet_drops(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 ? stats.tp_drops
										: 0;
}

/*
 * A frame is lost when no buffer was there for it or it was too long (rx_dropped), or when
 * the receive ring had no place (rx_ring_full). rx_fill_ring_empty_descs is not added: when
 * frames are copied it counts those that rx_dropped has, and without copying it counts how
 * often a driver asked for buffers, whose losses are the NIC's. Sums since the socket opened.
 */
static uint64_t xdp_drops(int fd)
{
	struct xdp_statistics stats = {0};
	socklen_t len = sizeof(stats);

	return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &stats, &len) == 0
		       ? stats.rx_dropped + stats.rx_ring_full
		       : 0;
}

void ethdev_kernel_count_drops(struct ethdev *ethdev)
{
	struct ethdev_kernel *kernel = &ethdev->kernel;
	uint64_t xdp = 0;

	for (uint32_t i = 0; i < kernel->nb_sockets; i++) {
		if (ethdev->kind == ETHDEV_AF_PACKET)
			kernel->drops += packet_drops(kernel->sockets[i]);
		else
			xdp += xdp_drops(kernel->sockets[i]);
	}
	if (xdp > kernel->drops)
		kernel->drops = xdp;
}

/*
 * Fanout forbids to bind the driver's sockets anew, but not to filter: a program that
 * takes nothing. What it refuses is no drop.
 */
void ethdev_kernel_shut(struct ethdev *ethdev, bool shut)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &refuse};
	const struct ethdev_kernel *kernel = &ethdev->kernel;

	for (uint32_t i = 0; i < kernel->nb_sockets; i++)
		(void)setsockopt(kernel->sockets[i], SOL_SOCKET,
				 shut ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &program,
				 sizeof(program));
}

bool ethdev_kernel_is_promiscuous(const char *iface)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};
	bool is_on = false;

	if (fd < 0)
		return false;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		is_on = (request.ifr_flags & IFF_PROMISC) != 0;
	close(fd);
	return is_on;
}

uint32_t ethdev_kernel_count_queues(const char *iface)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (char *)&channels};
	uint32_t nb = 1;

	if (fd < 0)
		return nb;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	if (ioctl(fd, SIOCETHTOOL, &request) == 0 && channels.max_combined != 0)
		nb = channels.combined_count;
	close(fd);
	return nb != 0 ? nb : 1;
}

/*
 * The drivers set IFF_PROMISC, which stays when the process dies and which they take from
 * whoever else had set it. A membership of a socket does neither.
 */
int ethdev_kernel_set_promiscuous(struct ethdev *ethdev, bool on)
{
	struct ethdev_kernel *kernel = &ethdev->kernel;
	const struct packet_mreq request = {
		.mr_ifindex = (int)kernel->ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};

	if (!on) {
		if (kernel->promiscuous_socket >= 0)
			close(kernel->promiscuous_socket);
		kernel->promiscuous_socket = -1;
		return 0;
	}
	if (kernel->promiscuous_socket >= 0)
		return 0;
	/* Protocol 0: no frame comes to it. */
	kernel->promiscuous_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (kernel->promiscuous_socket < 0)
		return -errno;
	if (setsockopt(kernel->promiscuous_socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
		       sizeof(request)) != 0) {
		const int rc = -errno;

		(void)ethdev_kernel_set_promiscuous(ethdev, false);
		return rc;
	}
	return 0;
}
