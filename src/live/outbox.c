/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows from a worker to the writer, by the block, and empty blocks back. A block is always
 * in one place: open at the worker, in one of the two rings, or in the writer's hands.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ring.h"
#include "live_priv.h"

int live_outbox_init(struct live_outbox *outbox, uint32_t nb_blocks)
{
	memset(outbox, 0, sizeof(*outbox));
	outbox->full = ring_create(nb_blocks);
	outbox->empty = ring_create(nb_blocks);
	/* Pages are touched when rows come for the first time. */
	outbox->blocks = aligned_alloc(
		RTE_CACHE_LINE_SIZE,
		RTE_ALIGN_CEIL(nb_blocks * sizeof(*outbox->blocks), RTE_CACHE_LINE_SIZE));
	if (outbox->full == NULL || outbox->empty == NULL || outbox->blocks == NULL) {
		live_outbox_fini(outbox);
		return -ENOMEM;
	}
	/* The ring holds them all: no enqueue in this file can fail. */
	for (uint32_t i = 0; i < nb_blocks; i++)
		rte_ring_sp_enqueue(outbox->empty, &outbox->blocks[i]);
	return 0;
}

void live_outbox_fini(struct live_outbox *outbox)
{
	free(outbox->full);
	free(outbox->empty);
	free(outbox->blocks);
	memset(outbox, 0, sizeof(*outbox));
}

struct flow_record *live_outbox_next(struct live_outbox *outbox, int64_t now_ns)
{
	struct live_block *block = outbox->open;

	if (block == NULL) {
		void *empty;

		if (rte_ring_sc_dequeue(outbox->empty, &empty) != 0)
			return NULL;
		block = outbox->open = empty;
		block->nb = 0;
	}
	if (block->nb == 0)
		outbox->opened_ns = now_ns;
	return &block->rows[block->nb];
}

static void send_open(struct live_outbox *outbox)
{
	rte_ring_sp_enqueue(outbox->full, outbox->open);
	outbox->open = NULL;
}

void live_outbox_put(struct live_outbox *outbox)
{
	outbox->open->nb++;
	if (outbox->open->nb == LIVE_BLOCK_ROWS)
		send_open(outbox);
}

void live_outbox_flush(struct live_outbox *outbox, int64_t before_ns)
{
	if (outbox->open != NULL && outbox->open->nb > 0 && outbox->opened_ns < before_ns)
		send_open(outbox);
}
