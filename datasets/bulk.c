/* SPDX-License-Identifier: BSD-3-Clause */
#include "bulk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "packet.h"

/* 2026-01-01 00:00:00 UTC */
#define START_NS INT64_C(1767225600000000000)
#define NS_PER_MS 1000000

/* Fits an Ethernet frame of 1,514 bytes and an LLC length in any wrapping. */
#define FULL_SEGMENT 1400
#define SMALL_SEGMENT 6
#define SMALL_FRAME 60

#define WSCALE 7
#define WINDOW 512 /* << 7 = 64 KiB */

/* FIN+ACK, FIN+ACK, ACK. */
#define CLOSE_PACKETS 3
/* Handshake and close; a flow that has fewer never closes. */
#define WHOLE_FLOW_MIN 6
/* What a loss and its repair can need, and what must be left for the close. */
#define HOLE_PACKETS_MAX 12

enum flow_state {
	FLOW_SYN,
	FLOW_SYN_ACK,
	FLOW_ACK,
	FLOW_OPEN,
	FLOW_FIN_ORIG,
	FLOW_FIN_RESP,
	FLOW_LAST_ACK,
};

enum hole_kind {
	HOLE_NONE,
	HOLE_LOST,
	HOLE_REORDERED,
};

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

/* One live flow. Arrays are by side: [0] originator, [1] responder. */
struct flow {
	uint64_t left; /* frames still to be written */
	uint32_t id;
	uint32_t next_seq[2];
	uint32_t rcv_next[2]; /* what the side acknowledges */
	uint32_t last_tsval[2];
	uint32_t hole_seq, hole_len;
	uint16_t ip_id[2];
	uint8_t state;      /* enum flow_state */
	uint8_t hole;       /* enum hole_kind */
	uint8_t hole_step;  /* index in its steps */
	uint8_t sender;     /* of the data at present */
	uint8_t burst_left; /* segments until it is the other's turn */
	uint8_t unacked;    /* segments since the receiver's last ACK */
	bool closes;
	bool ipv6;
};

struct bulk {
	const struct bulk_params *params;
	struct output *output;
	struct bulk_counts *counts;
	uint64_t random;
	int64_t now_ns;
	uint64_t nb_flows, next_flow;
	uint64_t budget, budget_rest; /* frames per flow; the first budget_rest have one more */
	uint64_t nb_live;
	uint64_t last_index; /* of the flow served last */
	struct flow *live;   /* [params->nb_live] */
};

/* ---- numbers ----------------------------------------------------------- */

/* Finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t next_random(struct bulk *bulk)
{
	return mix(bulk->random += UINT64_C(0x9e3779b97f4a7c15));
}

/* Of [0, n), n < 2^32. */
static uint32_t random_below(struct bulk *bulk, uint64_t n)
{
	return (uint32_t)((next_random(bulk) >> 32) * n >> 32);
}

static bool chance(struct bulk *bulk, uint64_t percent)
{
	return percent != 0 && random_below(bulk, 100) < percent;
}

static uint64_t flow_hash(const struct bulk *bulk, uint32_t id)
{
	return mix(mix(bulk->params->seed) + id);
}

/* ---- packets ----------------------------------------------------------- */

static void set_addresses(const struct flow *flow, uint64_t hash, unsigned side,
			  struct packet *packet)
{
	static const uint16_t server_ports[8] = {443, 443, 80, 22, 8080, 5432, 25, 993};
	/* 40503 is odd, so 65,536 flows in a row have as many clients; then the port moves. */
	unsigned client = flow->id * 40503u & 0xffff, server = hash >> 8 & 0x3ff;
	uint16_t ports[2];
	uint8_t addresses[2][16] = {
		{0x20, 0x01, 0x0d, 0xb8, 0, 1},
		{0x20, 0x01, 0x0d, 0xb8, 0, 2},
	};
	size_t last = flow->ipv6 ? 15 : 3;

	if (!flow->ipv6) {
		memcpy(addresses[0], (const uint8_t[]){10, 1}, 2);
		memcpy(addresses[1], (const uint8_t[]){198, 18}, 2);
	}
	addresses[0][last - 1] = (uint8_t)(client >> 8);
	addresses[0][last] = (uint8_t)client;
	addresses[1][last - 1] = (uint8_t)(server >> 8);
	addresses[1][last] = (uint8_t)server;
	ports[0] = (uint16_t)(1024 + ((flow->id >> 16) + client * 31) % 64512);
	ports[1] = server_ports[hash & 7];

	memcpy(packet->src, addresses[side], 16);
	memcpy(packet->dst, addresses[!side], 16);
	packet->src_port = ports[side];
	packet->dst_port = ports[!side];
}

static void add_options(const struct bulk *bulk, struct flow *flow, uint64_t hash, unsigned side,
			struct packet *packet)
{
	uint32_t tsval = (uint32_t)(bulk->now_ns / NS_PER_MS) + (uint32_t)(hash >> (32 * side));

	if (packet->flags & PACKET_SYN) {
		packet_add_mss(packet, side == 0 ? 1460 : 1440);
		packet_add_sack_ok(packet);
	}
	if (bulk->params->size != BULK_SMALL) {
		if (!(packet->flags & PACKET_SYN))
			packet_add_nops(packet, 2);
		packet_add_timestamps(packet, tsval,
				      packet->flags & PACKET_ACK ? flow->last_tsval[!side] : 0);
		flow->last_tsval[side] = tsval;
	}
	if (packet->flags & PACKET_SYN)
		packet_add_wscale(packet, WSCALE);
}

static void init_packet(struct bulk *bulk, struct flow *flow, unsigned side, unsigned flags,
			struct packet *packet)
{
	uint64_t hash = flow_hash(bulk, flow->id);

	packet_init(packet, flow->ipv6 ? 6 : 4);
	set_addresses(flow, hash, side, packet);
	packet->flags = (uint8_t)flags;
	packet->reverse = side == 1;
	packet->ttl = side == 0 ? 64 : (uint8_t)(50 + (hash >> 20) % 8);
	packet->dont_fragment = true;
	packet->ip_id = ++flow->ip_id[side];
	packet->window = flags & PACKET_SYN ? 64240 : WINDOW;
	packet->seq = flow->next_seq[side];
	packet->ack = flags & PACKET_ACK ? flow->rcv_next[side] : 0;
	if (bulk->params->size == BULK_SMALL)
		packet->min_frame = SMALL_FRAME;
	add_options(bulk, flow, hash, side, packet);
}

static void count(struct bulk_counts *counts, const struct packet *packet, size_t wire_len)
{
	bool syn = packet->flags & PACKET_SYN, ack = packet->flags & PACKET_ACK;

	counts->packets++;
	counts->wire_bytes += wire_len;
	counts->ipv6 += packet->version == 6;
	if (packet->protocol != PACKET_PROTOCOL_TCP) {
		counts->not_tcp++;
		return;
	}
	counts->tcp++;
	counts->syn += syn && !ack;
	counts->syn_ack += syn && ack;
	counts->fin += (packet->flags & PACKET_FIN) != 0;
	counts->data += packet->payload_len != 0;
	counts->payload_bytes += packet->payload_len;
}

/* Returns 0 or -EPROTOTYPE. */
static int write_packet(struct bulk *bulk, const struct packet *packet)
{
	size_t wire_len = output_write(bulk->output, bulk->now_ns, packet, 0);

	if (wire_len == 0)
		return -EPROTOTYPE;
	count(bulk->counts, packet, wire_len);
	bulk->now_ns += 1 + random_below(bulk, 2 * bulk->params->tick_ns);
	return 0;
}

/* A packet of a flow, now and then captured twice. */
static int write_segment(struct bulk *bulk, struct flow *flow, const struct packet *packet)
{
	int error = write_packet(bulk, packet);

	flow->left--;
	if (error == 0 && flow->hole == HOLE_NONE && flow->left > CLOSE_PACKETS &&
	    chance(bulk, bulk->params->duplicate_percent)) {
		error = write_packet(bulk, packet);
		flow->left--;
		bulk->counts->duplicates++;
	}
	return error;
}

static int send_control(struct bulk *bulk, struct flow *flow, unsigned side, unsigned flags)
{
	struct packet packet;

	init_packet(bulk, flow, side, flags, &packet);
	if (flags & (PACKET_SYN | PACKET_FIN)) {
		flow->next_seq[side]++;
		flow->rcv_next[!side] = flow->next_seq[side];
	}
	return write_segment(bulk, flow, &packet);
}

static int send_data(struct bulk *bulk, struct flow *flow, uint32_t seq, uint32_t len)
{
	struct packet packet;
	unsigned flags = PACKET_ACK;

	if (flow->burst_left == 0)
		flags |= PACKET_PSH;
	init_packet(bulk, flow, flow->sender, flags, &packet);
	packet.seq = seq;
	packet.payload_len = len;
	return write_segment(bulk, flow, &packet);
}

static int send_udp(struct bulk *bulk)
{
	struct packet packet;
	uint32_t random = (uint32_t)next_random(bulk);
	const struct flow peers = {.id = random & 0xff};

	packet_init(&packet, 4);
	set_addresses(&peers, random, 0, &packet);
	packet.protocol = PACKET_PROTOCOL_UDP;
	packet.dst_port = 9; /* discard */
	packet.ip_id = (uint16_t)random;
	packet.payload_len = bulk->params->size == BULK_SMALL ? 18 : 20 + (random >> 8 & 0x1ff);
	return write_packet(bulk, &packet);
}

/* ---- flows ------------------------------------------------------------- */

static uint32_t segment_len(struct bulk *bulk, const struct flow *flow)
{
	uint64_t random = next_random(bulk);

	if (bulk->params->size == BULK_SMALL)
		return SMALL_SEGMENT;
	if (flow->sender == 0)
		return 40 + (uint32_t)(random % 600);
	if ((random >> 8 & 15) > 6)
		return random & 1 ? FULL_SEGMENT - 300 : FULL_SEGMENT;
	return 1 + (uint32_t)(random >> 32) % 400;
}

/* The next segment is missing: its bytes count as sent, the frame does not exist. */
static void open_hole(struct bulk *bulk, struct flow *flow, enum hole_kind kind)
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

static int send_dup_ack(struct bulk *bulk, struct flow *flow)
{
	const uint32_t edges[1][2] = {
		{flow->hole_seq + flow->hole_len, flow->next_seq[flow->sender]},
	};
	struct packet packet;

	init_packet(bulk, flow, !flow->sender, PACKET_ACK, &packet);
	packet_add_sack(&packet, edges, 1);
	return write_segment(bulk, flow, &packet);
}

static int step_hole(struct bulk *bulk, struct flow *flow)
{
	const enum hole_step *steps = flow->hole == HOLE_LOST ? lost_steps : reordered_steps;
	uint32_t seq = flow->next_seq[flow->sender], len;

	switch (steps[flow->hole_step++]) {
	case HOLE_DATA:
		len = segment_len(bulk, flow);
		flow->next_seq[flow->sender] += len;
		return send_data(bulk, flow, seq, len);
	case HOLE_DUP_ACK:
		return send_dup_ack(bulk, flow);
	case HOLE_FILL:
		flow->rcv_next[!flow->sender] = flow->next_seq[flow->sender];
		return send_data(bulk, flow, flow->hole_seq, flow->hole_len);
	default:
		flow->hole = HOLE_NONE;
		flow->unacked = 0;
		return send_control(bulk, flow, !flow->sender, PACKET_ACK);
	}
}

static int step_open(struct bulk *bulk, struct flow *flow)
{
	const struct bulk_params *params = bulk->params;
	uint32_t seq, len;

	if (flow->unacked == 2 || (flow->unacked == 1 && flow->burst_left == 0)) {
		flow->unacked = 0;
		return send_control(bulk, flow, !flow->sender, PACKET_ACK);
	}
	if (flow->burst_left == 0) {
		flow->sender = !flow->sender;
		flow->burst_left = (uint8_t)(flow->sender == 0 ? 1 : 1 + random_below(bulk, 10));
	}
	flow->burst_left--;
	if (flow->left > HOLE_PACKETS_MAX) {
		if (chance(bulk, params->loss_percent))
			open_hole(bulk, flow, HOLE_LOST);
		else if (chance(bulk, params->reorder_percent))
			open_hole(bulk, flow, HOLE_REORDERED);
		if (flow->hole != HOLE_NONE)
			return step_hole(bulk, flow);
	}
	seq = flow->next_seq[flow->sender];
	len = segment_len(bulk, flow);
	flow->next_seq[flow->sender] += len;
	flow->rcv_next[!flow->sender] = flow->next_seq[flow->sender];
	flow->unacked++;
	return send_data(bulk, flow, seq, len);
}

/* Writes the flow's next packet. */
static int step_flow(struct bulk *bulk, struct flow *flow)
{
	if (flow->hole != HOLE_NONE)
		return step_hole(bulk, flow);
	if (flow->state == FLOW_OPEN && flow->closes && flow->left <= CLOSE_PACKETS)
		flow->state = FLOW_FIN_ORIG;
	switch (flow->state) {
	case FLOW_SYN:
		flow->state = FLOW_SYN_ACK;
		return send_control(bulk, flow, 0, PACKET_SYN);
	case FLOW_SYN_ACK:
		flow->state = FLOW_ACK;
		return send_control(bulk, flow, 1, PACKET_SYN | PACKET_ACK);
	case FLOW_ACK:
		flow->state = FLOW_OPEN;
		return send_control(bulk, flow, 0, PACKET_ACK);
	case FLOW_FIN_ORIG:
		flow->state = FLOW_FIN_RESP;
		return send_control(bulk, flow, 0, PACKET_FIN | PACKET_ACK);
	case FLOW_FIN_RESP:
		flow->state = FLOW_LAST_ACK;
		return send_control(bulk, flow, 1, PACKET_FIN | PACKET_ACK);
	case FLOW_LAST_ACK:
		return send_control(bulk, flow, 0, PACKET_ACK);
	default:
		return step_open(bulk, flow);
	}
}

/* Frames of a flow: pairs of neighbours share, so that the sum is as asked for. */
static uint64_t flow_budget(const struct bulk *bulk, uint64_t id)
{
	uint64_t budget = bulk->budget + (id < bulk->budget_rest);
	uint64_t partner = id ^ 1, spread;

	if (partner >= bulk->nb_flows || bulk->budget < 2 * HOLE_PACKETS_MAX)
		return budget;
	spread = mix(id >> 1) % (bulk->budget / 2);
	return id & 1 ? budget + spread : budget - spread;
}

static void start_flow(struct bulk *bulk, struct flow *flow)
{
	uint32_t id = (uint32_t)bulk->next_flow++;
	uint64_t hash = flow_hash(bulk, id), isns = mix(hash);

	memset(flow, 0, sizeof(*flow));
	flow->id = id;
	flow->left = flow_budget(bulk, id);
	flow->closes = flow->left >= WHOLE_FLOW_MIN;
	flow->ipv6 = (hash >> 40) % 100 < bulk->params->ipv6_percent;
	flow->next_seq[0] = (uint32_t)isns;
	flow->next_seq[1] = (uint32_t)(isns >> 32);
	flow->ip_id[0] = (uint16_t)hash;
	flow->ip_id[1] = (uint16_t)(hash >> 16);
	flow->sender = 1; /* so the first burst is the originator's */
	bulk->counts->flows++;
	bulk->counts->complete_flows += flow->closes;
}

static struct flow *choose_flow(struct bulk *bulk)
{
	struct flow *flow = &bulk->live[bulk->last_index];

	/* A late segment follows its successor at once. */
	if (bulk->last_index < bulk->nb_live && flow->hole == HOLE_REORDERED)
		return flow;
	if (bulk->params->round_robin)
		bulk->last_index = bulk->last_index + 1 < bulk->nb_live ? bulk->last_index + 1 : 0;
	else
		bulk->last_index = random_below(bulk, bulk->nb_live);
	return &bulk->live[bulk->last_index];
}

static int write_tcp(struct bulk *bulk)
{
	struct flow *flow = choose_flow(bulk);
	int error = step_flow(bulk, flow);

	if (flow->left != 0)
		return error;
	if (bulk->next_flow < bulk->nb_flows)
		start_flow(bulk, flow);
	else
		*flow = bulk->live[--bulk->nb_live];
	return error;
}

int bulk_write(const struct bulk_params *params, struct output *output, struct bulk_counts *counts)
{
	struct bulk bulk = {
		.params = params,
		.output = output,
		.counts = counts,
		.random = mix(params->seed),
		.now_ns = START_NS,
	};
	uint64_t nb_not_tcp = params->nb_packets * params->not_tcp_percent / 100;
	uint64_t nb_tcp = params->nb_packets - nb_not_tcp;
	uint64_t per_flow = params->packets_per_flow != 0 ? params->packets_per_flow : 20;
	uint64_t i;
	int error = 0;

	bulk.nb_flows =
		params->nb_flows != 0 ? params->nb_flows : (nb_tcp + per_flow - 1) / per_flow;
	if (bulk.nb_flows > nb_tcp)
		bulk.nb_flows = nb_tcp;
	if (bulk.nb_flows > UINT32_MAX)
		bulk.nb_flows = UINT32_MAX;
	if (bulk.nb_flows != 0) {
		bulk.budget = nb_tcp / bulk.nb_flows;
		bulk.budget_rest = nb_tcp % bulk.nb_flows;
	}
	bulk.nb_live = params->nb_live < bulk.nb_flows ? params->nb_live : bulk.nb_flows;
	if (bulk.nb_live == 0)
		bulk.nb_live = bulk.nb_flows != 0;
	bulk.live = calloc(bulk.nb_live + 1, sizeof(*bulk.live));
	if (bulk.live == NULL)
		return -ENOMEM;
	for (i = 0; i < bulk.nb_live; i++)
		start_flow(&bulk, &bulk.live[i]);
	while (error == 0 && counts->packets < params->nb_packets) {
		if (counts->not_tcp < counts->packets * params->not_tcp_percent / 100 ||
		    bulk.nb_live == 0)
			error = send_udp(&bulk);
		else
			error = write_tcp(&bulk);
	}
	free(bulk.live);
	return error;
}

bool bulk_size_from_name(const char *name, enum bulk_size *size)
{
	static const char *const names[] = {
		[BULK_96SNAP] = "96snap",
		[BULK_FULL] = "full",
		[BULK_SMALL] = "small",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*size = (enum bulk_size)i;
			return true;
		}
	}
	return false;
}

void bulk_print_counts(FILE *to, const struct bulk_counts *counts, uint64_t captured,
		       uint64_t file_bytes)
{
	const struct {
		const char *key;
		uint64_t value;
	} pairs[] = {
		{"packets", counts->packets},
		{"tcp_packets", counts->tcp},
		{"not_tcp", counts->not_tcp},
		{"ipv6_packets", counts->ipv6},
		{"flows", counts->flows},
		{"complete_flows", counts->complete_flows},
		{"syn", counts->syn},
		{"syn_ack", counts->syn_ack},
		{"fin", counts->fin},
		{"data_packets", counts->data},
		{"payload_bytes", counts->payload_bytes},
		{"lost", counts->lost},
		{"reordered", counts->reordered},
		{"duplicates", counts->duplicates},
		{"wire_bytes", counts->wire_bytes},
		{"captured_bytes", captured},
		{"file_bytes", file_bytes},
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		fprintf(to, "%s%s=%" PRIu64, i == 0 ? "" : " ", pairs[i].key, pairs[i].value);
	fputc('\n', to);
}
