/* SPDX-License-Identifier: BSD-3-Clause */

/* A ring is a block of memory that rte_ring_init() fills in. */

#include <stdlib.h>
#include <string.h>

#include "ring.h"

struct rte_ring *ring_create(uint32_t nb)
{
	const ssize_t size = rte_ring_get_memsize(rte_align32pow2(nb + 1));
	struct rte_ring *ring;

	if (size < 0)
		return NULL;
	ring = aligned_alloc(RTE_CACHE_LINE_SIZE,
			     RTE_ALIGN_CEIL((size_t)size, RTE_CACHE_LINE_SIZE));
	if (ring == NULL)
		return NULL;
	memset(ring, 0, (size_t)size);
	if (rte_ring_init(ring, "tcpmill", nb, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ) !=
	    0) {
		free(ring);
		return NULL;
	}
	return ring;
}
