/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ENGINE_RING_H
#define TCPMILL_ENGINE_RING_H

/* Rings of one producer and one consumer in our own memory: those that DPDK makes need its EAL. */

#include <rte_ring.h>

/* For nb pointers at most. NULL without memory; free() frees it. */
struct rte_ring *ring_create(uint32_t nb);

#endif
