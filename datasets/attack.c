/* SPDX-License-Identifier: BSD-3-Clause */

/* What an attacker would send: see attack.h. */

#include "attack.h"

#include <errno.h>
#include <string.h>

#include "output.h"
#include "packet.h"

#define START_NS INT64_C(1767225600000000000) /* 2026-01-01 00:00:00 UTC */
#define IDLE_STEP_NS INT64_C(3600000000000)

/* Segments of one turn of the walk, and the ACKs that follow them. */
#define WALK 4096u

struct attack {
	const char *name;
	uint64_t nb_flows; /* packets go round them; 0: each packet has its own */
	/* n: of the packet in its flow. The packet is a data segment of its flow's client. */
	void (*fill)(uint64_t n, struct packet *packet);
	bool idles; /* the last packet comes an hour later */
};

static uint32_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x7fb5d329728ea185);
	x = (x ^ x >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return (uint32_t)(x >> 32);
}

static void send_syn(uint64_t n, struct packet *packet)
{
	(void)n;
	packet->flags = PACKET_SYN;
	packet->ack = 0;
	packet->payload_len = 0;
}

static void take_ports_over(uint64_t n, struct packet *packet)
{
	send_syn(n, packet);
	packet->seq = mix(n + 1);
}

static void leave_hole(uint64_t n, struct packet *packet)
{
	packet->seq += (uint32_t)(20 * n);
}

static void go_unacked(uint64_t n, struct packet *packet)
{
	packet->seq += (uint32_t)(10 * n);
}

/* Options of 40 bytes, each list odd in its own way. */
static void bring_options(uint64_t n, struct packet *packet)
{
	static const uint8_t kinds[8] = {1, 5, 8, 30, 34, 254, 3, 2};
	uint8_t *to = packet->options;
	const uint8_t kind = kinds[n % 8];

	go_unacked(n, packet);
	packet->options_len = PACKET_OPTIONS_MAX;
	memset(to, 1, PACKET_OPTIONS_MAX);
	if (kind == 5) {
		to[0] = 5;
		to[1] = 34;
		for (uint32_t i = 0; i < 32; i++)
			to[2 + i] = (uint8_t)mix(n * 32 + i);
	} else if (kind != 1) {
		for (uint32_t i = 0; i < PACKET_OPTIONS_MAX; i += 2) {
			to[i] = kind;
			to[i + 1] = 2;
		}
	}
}

/*
 * Segments in falling order, so that no list of them is sorted; then ACKs of one byte more
 * each, for which all of it is looked at.
 */
static void make_walk(uint64_t n, struct packet *packet)
{
	const uint32_t turn = (uint32_t)(n / (2 * WALK)), at = (uint32_t)(n % (2 * WALK));
	const uint32_t base = packet->seq + turn * WALK * 10;
	uint8_t address[16];

	if (at < WALK) {
		packet->seq = base + (WALK - 1 - at) * 10;
		return;
	}
	memcpy(address, packet->src, sizeof(address));
	memcpy(packet->src, packet->dst, sizeof(address));
	memcpy(packet->dst, address, sizeof(address));
	packet->reverse = true;
	packet->dst_port = packet->src_port;
	packet->src_port = 443;
	packet->payload_len = 0;
	packet->seq = packet->ack;
	packet->ack = at == 2 * WALK - 1 ? base + WALK * 10 : base + 1 + (at - WALK);
}

/* The first part of a datagram, of which no other comes. */
static void begin_datagram(uint64_t n, struct packet *packet)
{
	(void)n;
	packet->fragment = 0x2000;
	packet->payload_len = 500;
}

/* clang-format off */
static const struct attack attacks[] = {
	{"syn-flood", 0, send_syn, false},
	{"port-reuse", 1000, take_ports_over, false},
	{"holes", 1, leave_hole, false},
	{"many-holes", 100000, leave_hole, false},
	{"unacked", 1000, go_unacked, false},
	{"walk", 1, make_walk, false},
	{"options", 1000, bring_options, false},
	{"idle", 0, send_syn, true},
	{"fragments", 0, begin_datagram, false},
};
/* clang-format on */

#define NB_ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

const struct attack *attack_find(const char *name)
{
	for (size_t i = 0; i < NB_ATTACKS; i++) {
		if (strcmp(name, attacks[i].name) == 0)
			return &attacks[i];
	}
	return NULL;
}

static void begin_packet(uint64_t flow, struct packet *packet)
{
	const uint32_t client = (uint32_t)(flow & 0xffffff);

	packet_init(packet, 4);
	packet->src[0] = 10;
	packet->src[1] = (uint8_t)(client >> 16);
	packet->src[2] = (uint8_t)(client >> 8);
	packet->src[3] = (uint8_t)client;
	packet->dst[0] = 198;
	packet->dst[1] = 18;
	packet->dst[3] = 1;
	packet->src_port = (uint16_t)(1024 + (flow >> 24));
	packet->dst_port = 443;
	packet->flags = PACKET_ACK;
	packet->seq = mix(flow);
	packet->ack = mix(~flow);
	packet->payload_len = 10;
}

int attack_write(const struct attack_params *params, struct output *output)
{
	const struct attack *attack = params->attack;
	const uint64_t nb_flows = params->nb_flows != 0   ? params->nb_flows
				  : attack->nb_flows != 0 ? attack->nb_flows
							  : params->nb_packets;
	int64_t ts_ns = START_NS;

	for (uint64_t i = 0; i < params->nb_packets; i++) {
		struct packet packet;

		begin_packet(i % nb_flows, &packet);
		attack->fill(i / nb_flows, &packet);
		packet.ip_id = (uint16_t)i;
		if (attack->idles && i == params->nb_packets - 1)
			ts_ns += IDLE_STEP_NS;
		if (output_write(output, ts_ns, &packet, 0) == 0)
			return -EPROTOTYPE;
		ts_ns += (int64_t)params->tick_ns;
	}
	return 0;
}
