/* SPDX-License-Identifier: BSD-3-Clause */

/* Live ports: which kind a name stands for, and the way to it. */

#include <ctype.h>
#include <string.h>

#include "port_priv.h"

const char *const port_clock_names[] = {
	[PORT_CLOCK_KERNEL] = "kernel",
	[PORT_CLOCK_HARDWARE] = "hardware",
	[PORT_CLOCK_FILE] = "file",
	[PORT_CLOCK_BURST] = "burst",
};

static bool are_hex(const char *text, size_t nb)
{
	for (size_t i = 0; i < nb; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

/* "0000:3b:00.1" or "3b:00.1", and device arguments behind a comma. */
bool port_is_pci(const char *name)
{
	size_t len = strcspn(name, ",");

	if (len == 12 && are_hex(name, 4) && name[4] == ':') {
		name += 5;
		len -= 5;
	}
	return len == 7 && are_hex(name, 2) && name[2] == ':' && are_hex(name + 3, 2) &&
	       name[5] == '.' && name[6] >= '0' && name[6] <= '7';
}

/* DPDK's virtual devices are named after their drivers; no interface of the kernel can hold a comma
 * with its 15 characters and be of use here. */
static bool is_ethdev(const char *name)
{
	return port_is_pci(name) || strncmp(name, "net_", 4) == 0 || strchr(name, ',') != NULL;
}

struct port *port_open(const struct port_params *params, char *error, size_t error_size,
		       bool *usage)
{
	*usage = false;
	return is_ethdev(params->name) ? ethdev_open(params, error, error_size, usage)
				       : kernel_port_open(params, error, error_size, usage);
}

int port_start(struct port *port, char *error, size_t error_size)
{
	return port->ops->start(port, error, error_size);
}

void port_stop(struct port *port)
{
	port->ops->stop(port);
}

void port_close(struct port *port)
{
	if (port != NULL)
		port->ops->close(port);
}

const struct port_info *port_info(const struct port *port)
{
	return &port->info;
}

void port_poll(struct port *port, uint16_t queue, int64_t now_ns, struct port_burst *burst,
	       uint16_t max)
{
	port->ops->poll(port, queue, now_ns, burst, max);
}

void port_release(struct port *port, struct port_burst *burst)
{
	port->ops->release(port, burst);
}

int port_fd(const struct port *port)
{
	return port->ops->fd != NULL ? port->ops->fd(port) : -1;
}

void port_get_counters(struct port *port, struct port_counters *counters)
{
	port->ops->get_counters(port, counters);
}

int port_print_list(FILE *out)
{
	const int kernel = kernel_port_print_list(out), ethdev = ethdev_print_list(out);

	return kernel == 0 && ethdev == 0 ? 0 : -1;
}
