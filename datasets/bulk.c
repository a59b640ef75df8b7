/* SPDX-License-Identifier: BSD-3-Clause */
#include "bulk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bulk_priv.h"

/* 2026-01-01 00:00:00 UTC */
#define START_NS INT64_C(1767225600000000000)

/* Fits an Ethernet frame of 1,514 bytes and an LLC length in any wrapping. */
#define FULL_SEGMENT 1400
/* Fills an Ethernet frame of 1,514 bytes, with time stamps. */
#define MTU_SEGMENT 1448
#define MTU_SEGMENT_IPV6 1428

#define HUGE_PAGE ((size_t)2 << 20)

/* Handshake and close; a flow that has fewer never closes. */
#define WHOLE_FLOW_MIN 6
/* What a loss and its repair can need, and what must be left for the close. */
#define HOLE_PACKETS_MAX 12

/* What is sent, step by step, once a segment is missing. */
enum hole_step {
	HOLE_DATA,
	HOLE_DUP_ACK,
	HOLE_FILL,
	HOLE_ACK,
};

static const enum hole_step lost_steps[] = {
	HOLE_DATA, HOLE_DUP_ACK, HOLE_DATA, HOLE_DUP_ACK,
	HOLE_DATA, HOLE_DUP_ACK, HOLE_FILL, HOLE_ACK,
};

static const enum hole_step reordered_steps[] = {HOLE_DATA, HOLE_FILL, HOLE_ACK};

static uint32_t segment_len(struct bulk *bulk, const struct bulk_flow *flow)
{
	uint64_t random = bulk_random(bulk);

	if (bulk->params->size == BULK_SMALL)
		return BULK_SMALL_SEGMENT;
	if (bulk->params->size == BULK_1500)
		return flow->ipv6 ? MTU_SEGMENT_IPV6 : MTU_SEGMENT;
	if (flow->sender == 0)
		return 40 + (uint32_t)(random % 600);
	if ((random >> 8 & 15) > 6)
		return random & 1 ? FULL_SEGMENT - 300 : FULL_SEGMENT;
	return 1 + (uint32_t)(random >> 32) % 400;
}

/* The next segment is missing: its bytes count as sent, the frame does not exist. */
static void open_hole(struct bulk *bulk, struct bulk_flow *flow, enum bulk_hole kind)
{
	uint32_t len = segment_len(bulk, flow);

	flow->hole = (uint8_t)kind;
	flow->hole_step = 0;
	flow->hole_seq = flow->next_seq[flow->sender];
	flow->hole_len = len;
	flow->next_seq[flow->sender] += len;
	if (kind == HOLE_LOST)
		bulk->counts->lost++;
	else
		bulk->counts->reordered++;
}

static int step_hole(struct bulk *bulk, struct bulk_flow *flow)
{
	const enum hole_step *steps = flow->hole == HOLE_LOST ? lost_steps : reordered_steps;
	uint32_t seq = flow->next_seq[flow->sender], len;

	switch (steps[flow->hole_step++]) {
	case HOLE_DATA:
		len = segment_len(bulk, flow);
		flow->next_seq[flow->sender] += len;
		return bulk_send_data(bulk, flow, seq, len);
	case HOLE_DUP_ACK:
		return bulk_send_dup_ack(bulk, flow);
	case HOLE_FILL:
		flow->rcv_next[!flow->sender] = flow->next_seq[flow->sender];
		return bulk_send_data(bulk, flow, flow->hole_seq, flow->hole_len);
	default:
		flow->hole = HOLE_NONE;
		flow->unacked = 0;
		return bulk_send_control(bulk, flow, !flow->sender, PACKET_ACK);
	}
}

static int step_open(struct bulk *bulk, struct bulk_flow *flow)
{
	const struct bulk_params *params = bulk->params;
	uint32_t seq, len;

	if (params->size == BULK_1500)
		flow->unacked = 0; /* data of the other side will acknowledge */
	if (flow->unacked == 2 || (flow->unacked == 1 && flow->burst_left == 0)) {
		flow->unacked = 0;
		return bulk_send_control(bulk, flow, !flow->sender, PACKET_ACK);
	}
	if (flow->burst_left == 0) {
		flow->sender = !flow->sender;
		flow->burst_left =
			(uint8_t)(flow->sender == 0 ? 1 : 1 + bulk_random_below(bulk, 10));
	}
	flow->burst_left--;
	if (flow->left > HOLE_PACKETS_MAX) {
		if (bulk_chance(bulk, params->loss_percent))
			open_hole(bulk, flow, HOLE_LOST);
		else if (bulk_chance(bulk, params->reorder_percent))
			open_hole(bulk, flow, HOLE_REORDERED);
		if (flow->hole != HOLE_NONE)
			return step_hole(bulk, flow);
	}
	seq = flow->next_seq[flow->sender];
	len = segment_len(bulk, flow);
	flow->next_seq[flow->sender] += len;
	flow->rcv_next[!flow->sender] = flow->next_seq[flow->sender];
	flow->unacked++;
	return bulk_send_data(bulk, flow, seq, len);
}

/* Frames of the close that will be captured. */
static uint64_t close_packets(const struct bulk_flow *flow)
{
	if (flow->captured == BULK_SIDE_ORIG)
		return BULK_CLOSE_PACKETS - 1;
	return flow->captured == BULK_SIDE_RESP ? 1 : BULK_CLOSE_PACKETS;
}

/* Writes the flow's next packet. */
static int step_flow(struct bulk *bulk, struct bulk_flow *flow)
{
	if (flow->hole != HOLE_NONE)
		return step_hole(bulk, flow);
	if (flow->state == FLOW_OPEN && flow->closes && flow->left <= close_packets(flow))
		flow->state = FLOW_FIN_ORIG;
	switch (flow->state) {
	case FLOW_SYN:
		flow->state = FLOW_SYN_ACK;
		return bulk_send_control(bulk, flow, 0, PACKET_SYN);
	case FLOW_SYN_ACK:
		flow->state = FLOW_ACK;
		return bulk_send_control(bulk, flow, 1, PACKET_SYN | PACKET_ACK);
	case FLOW_ACK:
		flow->state = FLOW_OPEN;
		return bulk_send_control(bulk, flow, 0, PACKET_ACK);
	case FLOW_FIN_ORIG:
		flow->state = FLOW_FIN_RESP;
		return bulk_send_control(bulk, flow, 0, PACKET_FIN | PACKET_ACK);
	case FLOW_FIN_RESP:
		flow->state = FLOW_LAST_ACK;
		return bulk_send_control(bulk, flow, 1, PACKET_FIN | PACKET_ACK);
	case FLOW_LAST_ACK:
		return bulk_send_control(bulk, flow, 0, PACKET_ACK);
	default:
		return step_open(bulk, flow);
	}
}

/* Frames of a flow: pairs of neighbours share, so that the sum is as asked for. */
static uint64_t flow_budget(const struct bulk *bulk, uint64_t id)
{
	uint64_t budget = bulk->budget + (id < bulk->budget_rest);
	uint64_t partner = id ^ 1, spread;

	if (bulk->params->packets_spread != 0) {
		/* Who has one of the rest may not have more. */
		if (partner >= bulk->nb_flows || (id & ~UINT64_C(1)) < bulk->budget_rest)
			return budget;
		spread = bulk_mix(id >> 1) % (bulk->params->packets_spread + 1);
	} else {
		if (partner >= bulk->nb_flows || bulk->budget < 2 * HOLE_PACKETS_MAX)
			return budget;
		spread = bulk_mix(id >> 1) % (bulk->budget / 2);
	}
	return id & 1 ? budget + spread : budget - spread;
}

static void start_flow(struct bulk *bulk, struct bulk_flow *flow)
{
	const struct bulk_params *params = bulk->params;
	uint32_t id = (uint32_t)bulk->next_flow++;
	uint64_t hash = bulk_flow_hash(bulk, id), isns = bulk_mix(hash);

	memset(flow, 0, sizeof(*flow));
	flow->id = id;
	flow->left = params->endless ? UINT64_MAX : flow_budget(bulk, id);
	flow->closes = flow->left >= WHOLE_FLOW_MIN && !params->endless;
	flow->captured = BULK_SIDE_ORIG | BULK_SIDE_RESP;
	if (params->one_side)
		flow->captured = hash >> 63 ? BULK_SIDE_ORIG : BULK_SIDE_RESP;
	flow->ipv6 = (hash >> 40) % 100 < params->ipv6_percent;
	flow->next_seq[0] = (uint32_t)isns;
	flow->next_seq[1] = (uint32_t)(isns >> 32);
	flow->ip_id[0] = (uint16_t)hash;
	flow->ip_id[1] = (uint16_t)(hash >> 16);
	flow->sender = 1; /* so the first burst is the originator's */
	bulk->counts->complete_flows += flow->closes && !params->one_side;
}

/* A flow at random, known BULK_AHEAD flows before: its memory has come when it is served. */
static uint64_t random_flow(struct bulk *bulk)
{
	uint32_t *choice = &bulk->choices[bulk->next_choice++ % BULK_AHEAD];
	uint64_t index = *choice * bulk->nb_live >> 32;

	*choice = (uint32_t)(bulk_next(&bulk->choice) >> 32);
	__builtin_prefetch(&bulk->live[*choice * bulk->nb_live >> 32], 1);
	return index;
}

static struct bulk_flow *choose_flow(struct bulk *bulk)
{
	struct bulk_flow *flow = &bulk->live[bulk->last_index];

	/* A late segment follows its successor at once. */
	if (bulk->last_index < bulk->nb_live && flow->hole == HOLE_REORDERED)
		return flow;
	if (bulk->params->round_robin)
		bulk->last_index = bulk->last_index + 1 < bulk->nb_live ? bulk->last_index + 1 : 0;
	else
		bulk->last_index = random_flow(bulk);
	return &bulk->live[bulk->last_index];
}

static int write_tcp(struct bulk *bulk)
{
	struct bulk_flow *flow = choose_flow(bulk);
	int error = step_flow(bulk, flow);

	if (flow->left != 0)
		return error;
	if (bulk->next_flow < bulk->nb_flows)
		start_flow(bulk, flow);
	else
		*flow = bulk->live[--bulk->nb_live];
	return error;
}

static int write_not_tcp(struct bulk *bulk)
{
	const struct bulk_params *params = bulk->params;

	if (bulk->counts->dns * 100 < bulk->counts->packets * params->dns_percent ||
	    params->not_tcp_percent == 0)
		return bulk_send_dns(bulk);
	return bulk_send_udp(bulk);
}

/* How many flows there are and how many frames each has. */
static void share_out(struct bulk *bulk, uint64_t nb_tcp)
{
	const struct bulk_params *params = bulk->params;
	uint64_t per_flow = params->packets_per_flow != 0 ? params->packets_per_flow : 20;

	bulk->nb_flows = (nb_tcp + per_flow - 1) / per_flow;
	/* Rounded down none is below the least. */
	if (params->packets_spread != 0 && nb_tcp >= per_flow)
		bulk->nb_flows = nb_tcp / per_flow;
	if (params->nb_flows != 0)
		bulk->nb_flows = params->nb_flows;
	if (bulk->nb_flows > nb_tcp)
		bulk->nb_flows = nb_tcp;
	if (bulk->nb_flows > UINT32_MAX)
		bulk->nb_flows = UINT32_MAX;
	if (bulk->nb_flows != 0) {
		bulk->budget = nb_tcp / bulk->nb_flows;
		bulk->budget_rest = nb_tcp % bulk->nb_flows;
	}
	bulk->nb_live = params->nb_live < bulk->nb_flows ? params->nb_live : bulk->nb_flows;
	if (bulk->nb_live == 0)
		bulk->nb_live = bulk->nb_flows != 0;
}

/* Flows a cache line each, in large pages where the kernel has them. Not zeroed. */
static struct bulk_flow *make_room(uint64_t nb_flows)
{
	size_t size = nb_flows * sizeof(struct bulk_flow);
	size_t align = size < HUGE_PAGE ? 64 : HUGE_PAGE;
	struct bulk_flow *flows = aligned_alloc(align, (size + align - 1) / align * align);

	if (flows != NULL && align == HUGE_PAGE)
		(void)madvise(flows, size, MADV_HUGEPAGE);
	return flows;
}

int bulk_write(const struct bulk_params *params, struct output *output, struct bulk_counts *counts)
{
	struct bulk bulk = {
		.params = params,
		.output = output,
		.counts = counts,
		.random = bulk_mix(params->seed),
		.seed = bulk_mix(params->seed),
		.choice = bulk_mix(~params->seed),
		.now_ns = START_NS,
	};
	uint64_t not_tcp_percent = params->not_tcp_percent + params->dns_percent;
	uint64_t i;
	int error = 0;

	share_out(&bulk, params->nb_packets - params->nb_packets * not_tcp_percent / 100);
	bulk.live = make_room(bulk.nb_live + 1);
	if (bulk.live == NULL)
		return -ENOMEM;
	for (i = 0; i < BULK_AHEAD; i++)
		bulk.choices[i] = (uint32_t)(bulk_next(&bulk.choice) >> 32);
	for (i = 0; i < bulk.nb_live; i++)
		start_flow(&bulk, &bulk.live[i]);
	while (error == 0 && counts->packets < params->nb_packets) {
		if (counts->not_tcp < counts->packets * not_tcp_percent / 100 || bulk.nb_live == 0)
			error = write_not_tcp(&bulk);
		else
			error = write_tcp(&bulk);
	}
	free(bulk.live);
	return error;
}
