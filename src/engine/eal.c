/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DPDK's environment: one pinned lcore a worker, and a main lcore that may run
 * anywhere, so that threads made from it (the merger) are not tied to one CPU.
 */

#include <dirent.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

/* True if the kernel has free huge pages of any size. */
static bool has_hugepages(void)
{
	static const char dir_path[] = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(dir_path);
	struct dirent *entry;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		char path[512];
		unsigned long nb = 0;
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir_path, entry->d_name);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		found = fscanf(file, "%lu", &nb) == 1 && nb > 0 &&
			strstr(entry->d_name, "1048576") == NULL && nb >= 64;
		fclose(file);
	}
	closedir(dir);
	return found;
}

/* "0@(all),1@c1,2@c2": CPUs are dealt round when there are more workers than CPUs. */
static void make_lcore_map(uint32_t nb_workers, const cpu_set_t *set, int *cpus, char *map,
			   size_t size)
{
	int all[CPU_SETSIZE];
	uint32_t nb = 0;
	size_t n;

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, set))
			all[nb++] = (int)cpu;
	}
	n = (size_t)snprintf(map, size, "--lcores=0@(");
	for (uint32_t i = 0; i < nb && n < size; i++)
		n += (size_t)snprintf(map + n, size - n, "%s%d", i == 0 ? "" : ",", all[i]);
	n += (size_t)snprintf(map + n, size - n, ")");
	for (uint32_t i = 0; i < nb_workers && n < size; i++) {
		cpus[i] = all[i % nb];
		n += (size_t)snprintf(map + n, size - n, ",%u@%d", eal_worker_lcore(i), cpus[i]);
	}
}

int eal_start(uint32_t nb_workers, int *cpus, char *error, size_t error_size)
{
	char map[8192], program[] = "tcpmill", quiet[] = "--log-level=*:error";
	char no_pci[] = "--no-pci", no_shconf[] = "--no-shconf", no_telemetry[] = "--no-telemetry";
	char no_huge[] = "--no-huge", in_memory[] = "--in-memory", m[] = "-m", mib[] = "64";
	char *argv[] = {program, map, quiet, no_pci, no_telemetry, m, mib, NULL, NULL, NULL};
	int argc = 7;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		snprintf(error, error_size, "cannot read the CPUs this process may use");
		return -1;
	}
	make_lcore_map(nb_workers, &set, cpus, map, sizeof(map));
	/* 22.11 refuses --no-huge together with --in-memory. */
	if (has_hugepages()) {
		argv[argc++] = in_memory;
	} else {
		argv[argc++] = no_huge;
		argv[argc++] = no_shconf;
	}
	if (rte_eal_init(argc, argv) < 0) {
		snprintf(error, error_size, "DPDK's EAL does not start: %s (%s)",
			 rte_errno != 0 ? rte_strerror(rte_errno) : "see the lines above", map);
		return -1;
	}
	return 0;
}

void eal_stop(void)
{
	(void)rte_eal_cleanup();
}
