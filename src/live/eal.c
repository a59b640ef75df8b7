/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK's environment: its arguments, and the CPUs of its threads. */

#include <dirent.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eal.h"
#include "engine/cpus.h"

bool eal_has_hugepages(void)
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

/* "0@(all),1@c1,2@c2" */
static void make_lcore_map(uint32_t nb_workers, const int *cpus, char *map, size_t size)
{
	int all[CPU_SETSIZE];
	const uint32_t nb = cpus_usable(all);
	size_t n;

	n = (size_t)snprintf(map, size, "--lcores=0@(");
	for (uint32_t i = 0; i < nb && n < size; i++)
		n += (size_t)snprintf(map + n, size - n, "%s%d", i == 0 ? "" : ",", all[i]);
	n += (size_t)snprintf(map + n, size - n, ")");
	for (uint32_t i = 0; i < nb_workers && n < size; i++)
		n += (size_t)snprintf(map + n, size - n, ",%u@%d", eal_worker_lcore(i), cpus[i]);
}

/* What the run needs, behind the program's name and the map of lcores. */
static uint32_t put_arguments(const struct eal_params *params, char **argv, char *mib, size_t size)
{
	static char quiet[] = "--log-level=*:error", no_pci[] = "--no-pci", m[] = "-m";
	static char prefix[] = "--file-prefix=tcpmill"; /* where telemetry answers */
	static char no_huge[] = "--no-huge", no_shconf[] = "--no-shconf";
	static char in_memory[] = "--in-memory";
	uint32_t nb = 0;

	argv[nb++] = quiet;
	if (!params->wants_pci)
		argv[nb++] = no_pci;
	argv[nb++] = prefix;
	/* 22.11 refuses --no-huge together with --in-memory. */
	if (eal_has_hugepages()) {
		argv[nb++] = in_memory;
	} else {
		argv[nb++] = no_huge;
		argv[nb++] = no_shconf;
		snprintf(mib, size, "%u", params->mib);
		argv[nb++] = m;
		argv[nb++] = mib;
	}
	return nb;
}

/* DPDK aborts the process where it cannot start or pin a thread: a failure like others. */
static void on_abort(int signal)
{
	static const char line[] = "tcpmill: DPDK's EAL does not start: see the lines above\n";

	(void)signal;
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	_exit(EXIT_FAILURE);
}

static int init_eal(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_abort};
	struct sigaction before;
	int rc;

	sigaction(SIGABRT, &action, &before);
	rc = rte_eal_init(argc, argv);
	sigaction(SIGABRT, &before, NULL);
	return rc;
}

int eal_start(const struct eal_params *params, int *cpus, char *error, size_t error_size)
{
	char map[8192], mib[16], program[] = "tcpmill";
	char **argv = calloc(params->nb_extra + 16, sizeof(*argv));
	uint32_t argc = 0;
	int rc = -1;

	if (argv == NULL || cpus_deal(params->nb_workers, cpus) != 0) {
		snprintf(error, error_size, "cannot read the CPUs this process may use");
		goto out;
	}
	make_lcore_map(params->nb_workers, cpus, map, sizeof(map));
	argv[argc++] = program;
	argv[argc++] = map;
	argc += put_arguments(params, argv + argc, mib, sizeof(mib));
	for (uint32_t i = 0; i < params->nb_extra; i++)
		argv[argc++] = (char *)(uintptr_t)params->extra[i]; /* of main(): may be changed */
	rc = init_eal((int)argc, argv);
	if (rc < 0)
		snprintf(error, error_size, "DPDK's EAL does not start: %s (%s)",
			 rte_errno != 0 ? rte_strerror(rte_errno) : "see the lines above", map);
	rc = rc < 0 ? -1 : 0;
out:
	free(argv);
	return rc;
}

void eal_stop(void)
{
	(void)rte_eal_cleanup();
}
