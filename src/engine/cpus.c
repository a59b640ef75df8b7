/* SPDX-License-Identifier: BSD-3-Clause */

/* Where workers run. */

#include <pthread.h>

#include "cpus.h"

uint32_t cpus_usable(int *ids)
{
	cpu_set_t set;
	uint32_t nb = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			ids[nb++] = (int)cpu;
	}
	return nb;
}

int cpus_deal(uint32_t nb_workers, int *cpus)
{
	int usable[CPU_SETSIZE];
	const uint32_t nb = cpus_usable(usable);

	if (nb == 0)
		return -1;
	for (uint32_t i = 0; i < nb_workers; i++)
		cpus[i] = usable[i % nb];
	return 0;
}

int cpus_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
