/* SPDX-License-Identifier: BSD-3-Clause */
#include "rooms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench.h"
#include "tcpmill/arrow.h"
#include "tcpmill/flow.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

/* As in the program: its burst, its distances, its batches. */
#define BURST 256u
#define PREFETCH_BUCKET 16u
#define PREFETCH_FLOW 8u
#define BATCH_ROWS 65536u
#define TILE 512u

#define MAX_FLOWS (UINT64_C(16) << 20)

struct rooms_flows {
	struct flow_table *table;
	struct tcp_tracker *tracker;
	struct arrow_encoder *encoder;
	struct flow_record *rows; /* [TILE] */
	struct flow **ended;      /* none is released before the end, so every flow has its row */
	size_t nb_ended, room;
	bool failed;

	/* Of the burst at hand. */
	struct tcp_flow *burst[BURST];
	bool created[BURST];
};

static void on_ended(void *context, struct flow *flow)
{
	struct rooms_flows *flows = context;

	if (flows->nb_ended == flows->room) {
		const size_t room = flows->room == 0 ? 65536 : flows->room * 2;
		struct flow **ended = realloc(flows->ended, room * sizeof(*ended));

		if (ended == NULL) {
			flows->failed = true;
			return;
		}
		flows->ended = ended;
		flows->room = room;
	}
	flows->ended[flows->nb_ended++] = flow;
}

struct rooms_flows *rooms_flows_create(void)
{
	struct rooms_flows *flows = calloc(1, sizeof(*flows));
	const struct flow_table_params params = {
		.partitions = UINT64_MAX,
		.max_flows = MAX_FLOWS,
		.slot_size = sizeof(struct tcp_flow),
		.nb_spare = MAX_FLOWS,
		.ended = on_ended,
		.context = flows,
	};

	if (flows == NULL)
		return NULL;
	flows->table = flow_table_create(&params);
	flows->tracker = tcp_tracker_create(false);
	flows->encoder = arrow_encoder_create(flow_record_format(), BATCH_ROWS);
	flows->rows = calloc(TILE, sizeof(*flows->rows));
	if (flows->table != NULL && flows->tracker != NULL && flows->encoder != NULL &&
	    flows->rows != NULL)
		return flows;
	rooms_flows_destroy(flows);
	return NULL;
}

void rooms_flows_destroy(struct rooms_flows *flows)
{
	if (flows == NULL)
		return;
	for (size_t i = 0; i < flows->nb_ended; i++)
		tcp_flow_release(flows->tracker, (struct tcp_flow *)(void *)flows->ended[i]);
	flow_table_destroy(flows->table);
	tcp_tracker_destroy(flows->tracker);
	arrow_encoder_destroy(flows->encoder);
	free(flows->rows);
	free(flows->ended);
	free(flows);
}

/* ---- every call into the flow and tcp rooms is in one of these three -------------- */

/* Finds the burst's flows, their lines fetched ahead as the worker does it. */
static bool look_up(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		    uint64_t first_frame)
{
	bool is_fresh;

	for (uint32_t i = 0; i < nb && i < PREFETCH_BUCKET; i++)
		flow_table_prefetch_bucket(flows->table, &segments[i]);
	for (uint32_t i = 0; i < nb && i < PREFETCH_FLOW; i++)
		tcp_flow_prefetch(flow_table_guess(flows->table, &segments[i]), &segments[i]);
	for (uint32_t i = 0; i < nb; i++) {
		if (i + PREFETCH_BUCKET < nb)
			flow_table_prefetch_bucket(flows->table, &segments[i + PREFETCH_BUCKET]);
		if (i + PREFETCH_FLOW < nb)
			tcp_flow_prefetch(
				flow_table_guess(flows->table, &segments[i + PREFETCH_FLOW]),
				&segments[i + PREFETCH_FLOW]);
		flows->burst[i] =
			tcp_flow_find(flows->table, &segments[i], first_frame + segments[i].frame,
				      0, &flows->created[i], &is_fresh);
		if (flows->burst[i] == NULL)
			return false;
	}
	return true;
}

static void track(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		  uint64_t first_frame)
{
	for (uint32_t i = 0; i < nb; i++)
		(void)tcp_track(flows->tracker, flows->burst[i], &segments[i],
				first_frame + segments[i].frame, flows->created[i], NULL);
}

static void touch(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		  uint64_t first_frame)
{
	for (uint32_t i = 0; i < nb; i++)
		tcp_flow_touch(flows->table, flows->burst[i], &segments[i],
			       first_frame + segments[i].frame);
}

/* ----------------------------------------------------------------------------------- */

int rooms_flows_add(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		    uint64_t first_frame, struct rooms_times *times)
{
	for (uint32_t done = 0; done < nb; done += BURST) {
		const uint32_t n = nb - done < BURST ? nb - done : BURST;
		uint64_t at[4];

		at[0] = bench_now_ns();
		if (!look_up(flows, segments + done, n, first_frame))
			return -ENOMEM;
		at[1] = bench_now_ns();
		track(flows, segments + done, n, first_frame);
		at[2] = bench_now_ns();
		touch(flows, segments + done, n, first_frame);
		at[3] = bench_now_ns();
		times->ns[ROOM_TABLE] += at[1] - at[0] + at[3] - at[2];
		times->ns[ROOM_VERDICTS] += at[2] - at[1];
	}
	return flows->failed || tcp_tracker_failed(flows->tracker) ? -ENOMEM : 0;
}

static int encode(struct rooms_flows *flows, struct rooms_times *times)
{
	struct arrow_message message;
	const int rc = arrow_encoder_finish(flows->encoder, &message);

	if (rc != 0)
		return rc;
	times->encoded_bytes += message.len;
	free(message.data);
	return 0;
}

int rooms_flows_finish(struct rooms_flows *flows, struct rooms_times *times)
{
	uint32_t in_batch = 0;
	int rc = 0;

	flow_table_end_all(flows->table);
	if (flows->failed)
		return -ENOMEM;
	for (size_t done = 0; rc == 0 && done < flows->nb_ended;) {
		const size_t left = flows->nb_ended - done;
		const uint32_t n = left < TILE ? (uint32_t)left : TILE;
		uint64_t at[3];

		at[0] = bench_now_ns();
		for (uint32_t i = 0; i < n; i++)
			flow_record_fill(
				(const struct tcp_flow *)(const void *)flows->ended[done + i],
				&flows->rows[i]);
		at[1] = bench_now_ns();
		arrow_encoder_append(flows->encoder, flows->rows, n);
		done += n;
		in_batch += n;
		if (in_batch == BATCH_ROWS || done == flows->nb_ended) {
			rc = encode(flows, times);
			in_batch = 0;
		}
		at[2] = bench_now_ns();
		times->ns[ROOM_FILL] += at[1] - at[0];
		times->ns[ROOM_ENCODE] += at[2] - at[1];
		times->rows += n;
	}
	return rc;
}
