/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_LIVE_EAL_H
#define TCPMILL_LIVE_EAL_H

/*
 * DPDK's environment: one pinned lcore a worker, and a main lcore that may run
 * anywhere, so that threads made from it (the writer) are not tied to one CPU.
 * It can be started once in a process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eal_params {
	uint32_t nb_workers;
	bool wants_pci;           /* look for PCI devices */
	uint32_t mib;             /* of memory, where there are no huge pages */
	const char *const *extra; /* [nb_extra] arguments behind ours */
	uint32_t nb_extra;
};

/* cpus [nb_workers]: where the workers are pinned. 0, or -1 with one line in error. */
int eal_start(const struct eal_params *params, int *cpus, char *error, size_t error_size);
void eal_stop(void);

/* True if the kernel has free huge pages, which EAL takes then. */
bool eal_has_hugepages(void);

/* Lcore of a worker. */
static inline unsigned int eal_worker_lcore(uint32_t worker)
{
	return worker + 1;
}

#endif
