/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include <tcpmill/decode.h>

const char *const tunnel_names[NB_TUNNELS + 1] = {
	[TUNNEL_NONE] = "none",     [TUNNEL_GRE] = "gre",       [TUNNEL_ERSPAN] = "erspan",
	[TUNNEL_VXLAN] = "vxlan",   [TUNNEL_GENEVE] = "geneve", [TUNNEL_GTPU] = "gtpu",
	[TUNNEL_L2TP] = "l2tp",     [TUNNEL_TEREDO] = "teredo", [TUNNEL_IPIP] = "ipip",
	[TUNNEL_6IN4] = "6in4",     [TUNNEL_PPPOE] = "pppoe",   [TUNNEL_MPLS] = "mpls",
	[TUNNEL_CAPWAP] = "capwap", [TUNNEL_OTHER] = "other",   [NB_TUNNELS] = NULL,
};

const char *const fate_names[NB_FATES + 1] = {
	[FATE_TRACKED] = "tracked",
	[FATE_FILTERED] = "filtered",
	[FATE_LINK_UNKNOWN] = "link_unknown",
	[FATE_NOT_IP] = "not_ip",
	[FATE_IP_BAD] = "ip_bad",
	[FATE_FRAGMENT] = "fragment",
	[FATE_TUNNEL] = "tunnel",
	[FATE_NOT_TCP] = "not_tcp",
	[FATE_TCP_SHORT] = "tcp_short",
	[FATE_UNTRACKED] = "untracked",
	[NB_FATES] = NULL,
};
