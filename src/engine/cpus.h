/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ENGINE_CPUS_H
#define TCPMILL_ENGINE_CPUS_H

/* The CPUs that this process may use (sched_getaffinity(2)), and a worker's place on one. */

#include <sched.h>
#include <stdint.h>

/* In ascending order; ids [CPU_SETSIZE]. Their number; 0 if the kernel does not tell. */
uint32_t cpus_usable(int *ids);

/* cpus [nb_workers]: dealt round where there are more workers. 0, or -1 if none are known. */
int cpus_deal(uint32_t nb_workers, int *cpus);

/* Keeps the calling thread to one CPU. 0, or an errno value. */
int cpus_pin(int cpu);

#endif
