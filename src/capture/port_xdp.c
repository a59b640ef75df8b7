/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whether an XDP program is on an interface of the kernel: it may keep packets from everybody
 * behind it, also from us, and one stays when its process is killed.
 *
 * Source: rtnetlink(7).
 */

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port_priv.h"

/* IFLA_XDP_ATTACHED in the attribute IFLA_XDP: 0 is none. Netlink's macros want no const. */
static bool says_attached(struct rtattr *xdp)
{
	struct rtattr *inner = RTA_DATA(xdp);
	size_t left = RTA_PAYLOAD(xdp);

	for (; RTA_OK(inner, left); inner = RTA_NEXT(inner, left)) {
		if ((inner->rta_type & NLA_TYPE_MASK) == IFLA_XDP_ATTACHED &&
		    RTA_PAYLOAD(inner) >= 1)
			return *(const uint8_t *)RTA_DATA(inner) != XDP_ATTACHED_NONE;
	}
	return false;
}

static bool link_has_xdp(struct nlmsghdr *header)
{
	struct ifinfomsg *info = NLMSG_DATA(header);
	struct rtattr *attribute = IFLA_RTA(info);
	size_t left = IFLA_PAYLOAD(header);

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if ((attribute->rta_type & NLA_TYPE_MASK) == IFLA_XDP)
			return says_attached(attribute);
	}
	return false;
}

bool port_has_xdp(unsigned int ifindex)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = (int)ifindex},
	};
	_Alignas(struct nlmsghdr) char answer[32768];
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	ssize_t len = -1;

	if (fd < 0)
		return false;
	if (send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request))
		len = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	return len >= 0 && NLMSG_OK(header, (size_t)len) && header->nlmsg_type == RTM_NEWLINK &&
	       link_has_xdp(header);
}
