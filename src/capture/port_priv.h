/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_PORT_PRIV_H
#define TCPMILL_CAPTURE_PORT_PRIV_H

/* Inside the capture room: the two kinds of live ports. */

#include "tcpmill/port.h"

/* What a kind of port does; see port.h. fd may be NULL. */
struct port_ops {
	int (*start)(struct port *port, char *error, size_t error_size);
	void (*stop)(struct port *port);
	void (*close)(struct port *port);
	void (*poll)(struct port *port, uint16_t queue, int64_t now_ns, struct port_burst *burst,
		     uint16_t max);
	void (*release)(struct port *port, struct port_burst *burst);
	void (*get_counters)(struct port *port, struct port_counters *counters);
	int (*fd)(const struct port *port);
};

/* The first member of each kind's own struct. */
struct port {
	const struct port_ops *ops;
	struct port_info info;
};

/* kernel_port.c, ethdev.c. As port_open(). */
struct port *kernel_port_open(const struct port_params *params, char *error, size_t error_size,
			      bool *usage);
struct port *ethdev_open(const struct port_params *params, char *error, size_t error_size,
			 bool *usage);

/* port_xdp.c: true if an XDP program is on the interface. */
bool port_has_xdp(unsigned int ifindex);
#define PORT_XDP_WARNING                                                                           \
	"an XDP program was on %.15s already and may keep packets from here; if it was left "      \
	"behind: ip link set %.15s xdp off"

/* Each prints its part of the list. */
int kernel_port_print_list(FILE *out);
int ethdev_print_list(FILE *out);

#endif
