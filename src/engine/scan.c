/* SPDX-License-Identifier: BSD-3-Clause */

/* A pass over captures by one thread: see scan.h. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tcpmill/capture.h"
#include "tcpmill/decode.h"
#include "tcpmill/flow.h"
#include "tcpmill/reassembly.h"
#include "tcpmill/scan.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

struct scan {
	struct capture *capture;
	const struct scan_hooks *hooks;
	struct decode_keys keys;
	struct reassembly *reassembly;
	struct flow_table *table;
	struct tcp_tracker *tracker;
	struct flow *followed;
	struct chunk chunk;
	struct scan_totals *totals;
	bool is_stopped; /* a hook has seen enough */
};

static void on_flow_ended(void *context, struct flow *flow)
{
	struct scan *scan = context;

	if (scan->hooks->ended != NULL)
		scan->hooks->ended(scan->hooks->context, flow);
	tcp_flow_end(scan->tracker, flow);
	tcp_flow_release(scan->tracker, flow);
	if (flow == scan->followed)
		scan->followed = NULL;
	flow_table_release(scan->table, flow);
}

static int init(struct scan *scan, const struct scan_params *from)
{
	const struct flow_table_params params = {
		.partitions = UINT64_MAX,
		.max_flows = from->max_flows,
		.max_bytes = from->max_bytes,
		.slot_size = sizeof(struct flow),
		.ended = on_flow_ended,
		.context = scan,
	};
	const struct reassembly_params reassembly = {
		.keys = &scan->keys,
		.max_bytes = from->fragment_bytes != 0 ? from->fragment_bytes : REASSEMBLY_BYTES,
	};

	decode_keys_init(&scan->keys, from->hash_seed);
	scan->reassembly = reassembly_create(&reassembly);
	scan->table = flow_table_create(&params);
	scan->tracker = tcp_tracker_create(scan->hooks->told != NULL);
	if (scan->reassembly == NULL || scan->table == NULL || scan->tracker == NULL)
		return -ENOMEM;
	tcp_tracker_join(scan->tracker, scan->table);
	return chunk_init(&scan->chunk, scan->capture);
}

static void fini(struct scan *scan)
{
	flow_table_destroy(scan->table);
	tcp_tracker_destroy(scan->tracker);
	chunk_fini(&scan->chunk);
	reassembly_destroy(scan->reassembly);
}

/* A flow was made: it gets its stream number, and may be the one to follow. */
static void number_flow(struct scan *scan, struct flow *flow)
{
	flow->stream = (int64_t)scan->totals->nb_flows++;
	if (scan->hooks->created != NULL && scan->hooks->created(scan->hooks->context, flow))
		scan->followed = flow;
}

static void track(struct scan *scan, const struct segment *segment, uint64_t frame)
{
	const struct tcp_arrival arrival = tcp_flow_find(
		scan->table, segment, frame, chunk_input(&scan->chunk, segment->frame), NULL);
	struct tcp_result result;
	struct tcp_note note;
	bool is_followed;

	if (arrival.flow == NULL)
		return;
	if (arrival.is_fresh)
		number_flow(scan, arrival.flow);
	is_followed = arrival.flow == scan->followed;
	result = tcp_track(scan->tracker, &arrival, segment, is_followed ? &note : NULL);
	tcp_flow_touch(scan->table, &arrival, segment, &result);
	if (scan->hooks->tracked != NULL)
		scan->hooks->tracked(scan->hooks->context, arrival.flow, &result);
	if (!is_followed || scan->hooks->told == NULL)
		return;
	note.stream = arrival.flow->stream;
	if (!scan->hooks->told(scan->hooks->context, &note))
		scan->is_stopped = true;
}

static void walk(struct scan *scan)
{
	const struct chunk *chunk = &scan->chunk;
	const struct decode_context decode = {.keys = &scan->keys, .reassembly = scan->reassembly};
	struct segment segments[DECODE_MAX_SEGMENTS];

	for (uint32_t i = 0; !scan->is_stopped && i < chunk->nb_frames; i++) {
		const struct frame *frame = &chunk->frames[i];
		uint32_t nb;

		if (!capture_filter_match(frame))
			continue;
		if (decode_frame(&decode, frame, segments, &nb) != FATE_TRACKED)
			continue;
		for (uint32_t s = 0; s < nb; s++) {
			segments[s].frame = i;
			track(scan, &segments[s], chunk->first_frame + i);
		}
	}
	datagrams_free(reassembly_take(scan->reassembly));
}

static int scan_chunks(struct scan *scan, char *error, size_t error_size)
{
	while (!scan->is_stopped && capture_claim(scan->capture, &scan->chunk)) {
		capture_read(scan->capture, &scan->chunk);
		if (capture_cut(scan->capture, &scan->chunk) != 0) {
			snprintf(error, error_size, "%s", capture_failure(scan->capture));
			return -1;
		}
		walk(scan);
		if (tcp_tracker_failed(scan->tracker) || reassembly_failed(scan->reassembly)) {
			snprintf(error, error_size, "out of memory (flows)");
			return -1;
		}
	}
	return 0;
}

int scan_run(struct capture *capture, const struct scan_params *params,
	     const struct scan_hooks *hooks, struct scan_totals *totals, char *error,
	     size_t error_size)
{
	struct scan scan = {.capture = capture, .hooks = hooks, .totals = totals};
	struct flow_table_stats stats;
	int rc;

	*totals = (struct scan_totals){0};
	rc = init(&scan, params);
	if (rc != 0)
		snprintf(error, error_size, "out of memory");
	if (rc == 0)
		rc = scan_chunks(&scan, error, error_size);
	if (scan.table != NULL) {
		flow_table_end_all(scan.table);
		flow_table_get_stats(scan.table, &stats);
		totals->nb_evicted = stats.nb_evicted;
	}
	fini(&scan);
	return rc == 0 ? 0 : -1;
}
