/* SPDX-License-Identifier: BSD-3-Clause */

/* UDP, and the tunnels in it. */

#include "decode_priv.h"

static bool is_tunnel_port(uint16_t port)
{
	switch (port) {
	case 1701: /* L2TP */
	case 2152: /* GTP-U */
	case 3544: /* Teredo */
	case 4789: /* VXLAN */
	case 5247: /* CAPWAP data */
	case 6081: /* Geneve */
		return true;
	default:
		return false;
	}
}

enum fate decode_udp(struct cursor *c, uint64_t payload)
{
	(void)payload;
	if (cursor_left(c) < 4)
		return FATE_NOT_TCP;
	return is_tunnel_port(get_be16(c->at)) || is_tunnel_port(get_be16(c->at + 2))
		       ? FATE_TUNNEL
		       : FATE_NOT_TCP;
}
