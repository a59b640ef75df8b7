/* SPDX-License-Identifier: BSD-3-Clause */

/* Who polls which queue, and whose segments go through the exchange. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker_priv.h"

/* Flows are dealt by the NICs only if all of them deal alike, one queue a worker. */
static void choose_exchange(struct live *live)
{
	bool is_kernel = true;

	live->is_affine = live->nb_workers > 1;
	live->reta_size = live->infos[0]->reta_size;
	for (uint32_t i = 0; i < live->nb_ports; i++) {
		live->is_affine &=
			live->infos[i]->is_affine && live->infos[i]->nb_queues == live->nb_workers;
		is_kernel &= live->infos[i]->kind == PORT_KERNEL;
		live->reads_file |= live->infos[i]->clock == PORT_CLOCK_FILE;
	}
	live->is_merged = live->nb_ports > 1 || (!live->is_affine && live->nb_queues > 1);
	/* The kernel hands frames over in blocks: to ask more often brings nothing. */
	live->sleeps = live->config->sleep_idle || is_kernel;
}

/* Queue i of the run goes to worker i, round and round; queue q of an affine port to worker q. */
static void deal_queues(struct live *live)
{
	uint32_t nb = 0;

	for (uint32_t p = 0; p < live->nb_ports; p++) {
		for (uint16_t q = 0; q < live->infos[p]->nb_queues; q++, nb++) {
			struct live_queue *queue = &live->queues[nb];
			struct live_worker *worker =
				&live->workers[(live->is_affine ? q : nb) % live->nb_workers];

			queue->port = live->ports[p];
			queue->port_index = (uint8_t)p;
			queue->queue = q;
			atomic_init(&queue->complete_ns, INT64_MIN);
			worker->queues[worker->nb_queues++] = queue;
		}
	}
}

int live_plan(struct live *live, const int *cpus)
{
	choose_exchange(live);
	live->queues = aligned_alloc(64, live->nb_queues * sizeof(*live->queues));
	live->workers = aligned_alloc(64, live->nb_workers * sizeof(*live->workers));
	if (live->queues == NULL || live->workers == NULL)
		return -ENOMEM;
	memset(live->queues, 0, live->nb_queues * sizeof(*live->queues));
	memset(live->workers, 0, live->nb_workers * sizeof(*live->workers));
	for (uint32_t i = 0; i < live->nb_workers; i++) {
		if (live_worker_init(&live->workers[i], live, i) != 0)
			return -ENOMEM;
		live->workers[i].stats.cpu = (uint64_t)cpus[i];
	}
	deal_queues(live);
	atomic_store(&live->nb_open_queues, live->nb_queues);
	return live_exchange_init(live);
}

void live_unplan(struct live *live)
{
	live_exchange_fini(live);
	for (uint32_t i = 0; live->workers != NULL && i < live->nb_workers; i++)
		live_worker_fini(&live->workers[i]);
	free(live->workers);
	free(live->queues);
}
