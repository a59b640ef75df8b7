/* SPDX-License-Identifier: BSD-3-Clause */
#include "rooms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tcpmill/arrow.h"
#include "tcpmill/flow.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

/* As in the program: groups whose memory is fetched ahead, rows of a batch and of a tile. */
#define GROUP 8u
#define BATCH_ROWS 65536u
#define TILE 512u

#define MAX_FLOWS (UINT64_C(16) << 20)

/* A group of segments on its way. */
struct group {
	const struct segment *segments;
	uint32_t nb;
	uint64_t first_frame;
	struct flow *guesses[GROUP];
	struct tcp_arrival arrivals[GROUP];
	struct tcp_result results[GROUP];
};

struct rooms_flows {
	struct flow_table *table;
	struct tcp_tracker *tracker;
	struct arrow_encoder *encoder;
	struct flow_record *rows; /* [TILE] */
	struct flow **ended;      /* none is released before the end, so every flow has its row */
	size_t nb_ended, room;
	bool failed;
	struct group groups[2];
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
		.slot_size = sizeof(struct flow),
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
		tcp_flow_release(flows->tracker, flows->ended[i]);
	flow_table_destroy(flows->table);
	tcp_tracker_destroy(flows->tracker);
	arrow_encoder_destroy(flows->encoder);
	free(flows->rows);
	free(flows->ended);
	free(flows);
}

/* ---- every call into the flow and tcp rooms for a segment is in one of these ------- */

/* What a worker fetches ahead: buckets two groups, flows one. */
static void fetch_buckets(const struct rooms_flows *flows, const struct segment *segments,
			  uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		flow_table_prefetch_bucket(flows->table, &segments[i]);
}

static void fetch_flows(const struct rooms_flows *flows, struct group *group)
{
	for (uint32_t i = 0; i < group->nb; i++) {
		group->guesses[i] = flow_table_guess(flows->table, &group->segments[i]);
		tcp_flow_prefetch(group->guesses[i], &group->segments[i]);
	}
}

static bool look_up(struct rooms_flows *flows, struct group *group)
{
	for (uint32_t i = 0; i < group->nb; i++) {
		const struct segment *segment = &group->segments[i];
		const uint64_t frame = group->first_frame + segment->frame;

		if (flow_is_of(group->guesses[i], segment))
			group->arrivals[i] =
				(struct tcp_arrival){.flow = group->guesses[i], .frame = frame};
		else
			group->arrivals[i] =
				tcp_flow_find(flows->table, segment, frame, 0, group->guesses[i]);
		if (group->arrivals[i].flow == NULL)
			return false;
	}
	return true;
}

static void track(struct rooms_flows *flows, struct group *group)
{
	for (uint32_t i = 0; i < group->nb; i++) {
		const struct tcp_arrival *arrival = &group->arrivals[i];
		struct tcp_result *result = &group->results[i];

		result->class = arrival->flow->class;
		if (arrival->is_fresh ||
		    !tcp_track_next(arrival->flow, &group->segments[i], &result->is_offload))
			*result = tcp_track(flows->tracker, arrival, &group->segments[i], NULL);
	}
}

static void touch(struct rooms_flows *flows, struct group *group)
{
	for (uint32_t i = 0; i < group->nb; i++)
		tcp_flow_touch(flows->table, &group->arrivals[i], &group->segments[i],
			       &group->results[i]);
}

static void fill(const struct flow *flow, struct flow_record *row)
{
	struct tcp_flow room;

	flow_record_fill(tcp_flow_view(flow, &room), row);
}

/* ----------------------------------------------------------------------------------- */

/* The group of segments that starts at segments[at]. */
static void begin_group(struct group *group, const struct segment *segments, uint32_t nb,
			uint32_t at, uint64_t first_frame)
{
	group->segments = segments + (at < nb ? at : nb);
	group->nb = at >= nb ? 0 : nb - at < GROUP ? nb - at : GROUP;
	group->first_frame = first_frame;
}

int rooms_flows_add(struct rooms_flows *flows, const struct segment *segments, uint32_t nb,
		    uint64_t first_frame, struct rooms_times *times)
{
	struct group *group = &flows->groups[0], *next = &flows->groups[1], *swap;

	fetch_buckets(flows, segments, nb < 2 * GROUP ? nb : 2 * GROUP);
	begin_group(group, segments, nb, 0, first_frame);
	fetch_flows(flows, group);
	for (uint32_t at = 0; at < nb; at += GROUP) {
		const uint32_t far = at + 2 * GROUP;
		uint64_t start = rooms_ticks(), found, tracked;

		if (far < nb)
			fetch_buckets(flows, segments + far, nb - far < GROUP ? nb - far : GROUP);
		begin_group(next, segments, nb, at + GROUP, first_frame);
		fetch_flows(flows, next);
		if (!look_up(flows, group))
			return -ENOMEM;
		found = rooms_ticks();
		track(flows, group);
		tracked = rooms_ticks();
		touch(flows, group);
		times->ticks[ROOM_TABLE] += found - start + rooms_ticks() - tracked;
		times->ticks[ROOM_VERDICTS] += tracked - found;
		swap = group;
		group = next;
		next = swap;
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

		at[0] = rooms_ticks();
		for (uint32_t i = 0; i < n; i++)
			fill(flows->ended[done + i], &flows->rows[i]);
		at[1] = rooms_ticks();
		arrow_encoder_append(flows->encoder, flows->rows, n);
		done += n;
		in_batch += n;
		if (in_batch == BATCH_ROWS || done == flows->nb_ended) {
			rc = encode(flows, times);
			in_batch = 0;
		}
		at[2] = rooms_ticks();
		times->ticks[ROOM_FILL] += at[1] - at[0];
		times->ticks[ROOM_ENCODE] += at[2] - at[1];
		times->rows += n;
	}
	return rc;
}
