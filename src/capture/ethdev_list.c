/* SPDX-License-Identifier: BSD-3-Clause */

/* What DPDK could capture from: network devices on PCI, and its virtual devices. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ethdev_priv.h"

#define DEVICES "/sys/bus/pci/devices"

/* One line of an attribute's file; "" if there is none. */
static void read_attribute(const char *device, const char *attribute, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *file;

	text[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, attribute);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(text, (int)size, file) == NULL)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

/* The first name in a folder that begins so; "" if there is none. */
static void find_entry(const char *folder, const char *begin, char *name, size_t size)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	name[0] = '\0';
	while (dir != NULL && name[0] == '\0' && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, begin, strlen(begin)) == 0)
			snprintf(name, size, "%s", entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
}

/* The kernel's interface on a device, which virtio has one floor down. */
static void find_interface(const char *device, char *iface, size_t size)
{
	char path[PATH_MAX], virtio[NAME_MAX + 1];

	snprintf(path, sizeof(path), DEVICES "/%s", device);
	find_entry(path, "virtio", virtio, sizeof(virtio));
	snprintf(path, sizeof(path), DEVICES "/%s/%s/net", device, virtio);
	find_entry(path, "", iface, size);
}

/* True if it is one. */
static bool print_device(FILE *out, const char *device)
{
	char class[32], driver[64], iface[NAME_MAX + 1];

	read_attribute(device, "class", class, sizeof(class));
	if (strncmp(class, "0x02", 4) != 0)
		return false;
	ethdev_pci_driver(device, driver, sizeof(driver));
	find_interface(device, iface, sizeof(iface));
	fprintf(out, "  %-14s driver %s", device, driver[0] != '\0' ? driver : "none");
	if (iface[0] != '\0')
		fprintf(out, ", interface %s", iface);
	if (ethdev_can_use_driver(driver))
		fprintf(out, ", can be captured from\n");
	else
		fprintf(out,
			"\n%17sto take it from the kernel: dpdk-devbind.py --bind=vfio-pci %s\n",
			"", device);
	return true;
}

static void print_pci(FILE *out)
{
	struct dirent **entries;
	const int nb = scandir(DEVICES, &entries, NULL, alphasort);
	bool any = false;

	fprintf(out, "PCI network devices, through DPDK:\n");
	for (int i = 0; i < nb; i++) {
		any |= print_device(out, entries[i]->d_name);
		free(entries[i]);
	}
	if (nb >= 0)
		free(entries);
	if (!any)
		fprintf(out, "  none\n");
}

int ethdev_print_list(FILE *out)
{
	static const char *const examples[][2] = {
		{"net_af_packet0,iface=eth0", "an interface, beside the kernel"},
		{"net_af_xdp0,iface=eth0", "an interface; takes its packets from the kernel"},
		{"net_tap0,iface=dtap0", "a new interface of the kernel"},
		{"net_pcap0,rx_pcap=x.pcap", "a capture file"},
		{"net_null0,size=64", "empty frames, as many as can be taken"},
	};

	print_pci(out);
	fprintf(out, "Virtual devices of DPDK, for example:\n");
	for (size_t i = 0; i < RTE_DIM(examples); i++)
		fprintf(out, "  %-30s %s\n", examples[i][0], examples[i][1]);
	return ferror(out) ? -1 : 0;
}
