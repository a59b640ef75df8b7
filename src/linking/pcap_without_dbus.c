/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Stands in for the part of libpcap.a that captures from D-Bus: the linker takes these two
 * functions, and leaves the object with its own, which would need libdbus, where it is.
 */

#include <stddef.h>

/* As libpcap's pcap-dbus.h has them. */
void *dbus_create(const char *device, char *error, int *is_ours);
int dbus_findalldevs(void *devices, char *error);

void *dbus_create(const char *device, char *error, int *is_ours)
{
	(void)device;
	(void)error;
	*is_ours = 0;
	return NULL;
}

int dbus_findalldevs(void *devices, char *error)
{
	(void)devices;
	(void)error;
	return 0;
}
