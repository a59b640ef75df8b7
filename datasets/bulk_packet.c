/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets of bulk flows: what is in them, and how they are counted. */

#include "bulk_priv.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "output.h"

#define NS_PER_MS 1000000

#define WSCALE 7
#define WINDOW 512 /* << 7 = 64 KiB */

void bulk_set_addresses(const struct bulk_flow *flow, uint64_t hash, unsigned side,
			struct packet *packet)
{
	static const uint16_t server_ports[8] = {443, 443, 80, 22, 8080, 5432, 25, 993};
	/* 40503 is odd, so 65,536 flows in a row have as many clients; then the port moves. */
	unsigned client = flow->id * 40503u & 0xffff, server = hash >> 8 & 0x3ff;
	uint16_t ports[2];
	/* The first word of IPv4, 10.1.x.y and 198.18.x.y; and the last one of 2001:db8:0:n::. */
	const uint32_t ipv4[2] = {
		htobe32(0x0a010000u | client),
		htobe32(0xc6120000u | server),
	};
	const uint64_t prefix[2] = {
		htobe64(UINT64_C(0x20010db800010000)),
		htobe64(UINT64_C(0x20010db800020000)),
	};
	const uint64_t host[2] = {htobe64(client), htobe64(server)};

	ports[0] = (uint16_t)(1024 + ((flow->id >> 16) + client * 31) % 64512);
	ports[1] = server_ports[hash & 7];
	/* Whole words, since whole words will be read. */
	if (flow->ipv6) {
		memcpy(packet->src, &prefix[side], 8);
		memcpy(packet->src + 8, &host[side], 8);
		memcpy(packet->dst, &prefix[!side], 8);
		memcpy(packet->dst + 8, &host[!side], 8);
	} else {
		memcpy(packet->src, &ipv4[side], 4);
		memcpy(packet->dst, &ipv4[!side], 4);
	}
	packet->src_port = ports[side];
	packet->dst_port = ports[!side];
}

/* Two NOPs and the time stamps in front of any other option, in whole words. */
static void add_usual_timestamps(struct packet *packet, uint32_t tsval, uint32_t tsecr)
{
	const uint32_t words[3] = {htobe32(0x0101080a), htobe32(tsval), htobe32(tsecr)};

	memcpy(packet->options, words, sizeof(words));
	packet->options_len = sizeof(words);
}

static void add_options(const struct bulk *bulk, struct bulk_flow *flow, uint64_t hash,
			unsigned side, struct packet *packet)
{
	uint32_t tsval = (uint32_t)(bulk->now_ns / NS_PER_MS) + (uint32_t)(hash >> (32 * side));

	if (packet->flags & PACKET_SYN) {
		packet_add_mss(packet, side == 0 ? 1460 : 1440);
		packet_add_sack_ok(packet);
	}
	if (bulk->params->size != BULK_SMALL) {
		uint32_t tsecr = packet->flags & PACKET_ACK ? flow->last_tsval[!side] : 0;

		if (packet->flags & PACKET_SYN)
			packet_add_timestamps(packet, tsval, tsecr);
		else
			add_usual_timestamps(packet, tsval, tsecr);
		flow->last_tsval[side] = tsval;
	}
	if (packet->flags & PACKET_SYN)
		packet_add_wscale(packet, WSCALE);
}

static void init_packet(struct bulk *bulk, struct bulk_flow *flow, unsigned side, unsigned flags,
			struct packet *packet)
{
	uint64_t hash = bulk_flow_hash(bulk, flow->id);

	packet_init(packet, flow->ipv6 ? 6 : 4);
	bulk_set_addresses(flow, hash, side, packet);
	packet->flags = (uint8_t)flags;
	packet->reverse = side == 1;
	packet->ttl = side == 0 ? 64 : (uint8_t)(50 + (hash >> 20) % 8);
	packet->dont_fragment = true;
	packet->ip_id = ++flow->ip_id[side];
	packet->window = flags & PACKET_SYN ? 64240 : WINDOW;
	packet->seq = flow->next_seq[side];
	packet->ack = flags & PACKET_ACK ? flow->rcv_next[side] : 0;
	if (bulk->params->size == BULK_SMALL)
		packet->min_frame = BULK_SMALL_FRAME;
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
int bulk_write_packet(struct bulk *bulk, const struct packet *packet)
{
	size_t wire_len = output_write(bulk->output, bulk->now_ns, packet, 0);

	if (wire_len == 0)
		return -EPROTOTYPE;
	count(bulk->counts, packet, wire_len);
	bulk->now_ns += 1 + bulk_random_below(bulk, 2 * bulk->params->tick_ns);
	return 0;
}

/* A packet of a flow, now and then captured twice, or not if its side is not captured. */
static int write_segment(struct bulk *bulk, struct bulk_flow *flow, const struct packet *packet)
{
	unsigned side = packet->reverse ? BULK_SIDE_RESP : BULK_SIDE_ORIG;
	int error;

	if ((flow->captured & side) == 0)
		return 0;
	error = bulk_write_packet(bulk, packet);
	bulk->counts->flows += !flow->written;
	flow->written = true;
	flow->left--;
	if (error == 0 && flow->hole == HOLE_NONE && flow->left > BULK_CLOSE_PACKETS &&
	    bulk_chance(bulk, bulk->params->duplicate_percent)) {
		error = bulk_write_packet(bulk, packet);
		flow->left--;
		bulk->counts->duplicates++;
	}
	return error;
}

int bulk_send_control(struct bulk *bulk, struct bulk_flow *flow, unsigned side, unsigned flags)
{
	struct packet packet;

	init_packet(bulk, flow, side, flags, &packet);
	if (flags & (PACKET_SYN | PACKET_FIN)) {
		flow->next_seq[side]++;
		flow->rcv_next[!side] = flow->next_seq[side];
	}
	return write_segment(bulk, flow, &packet);
}

int bulk_send_data(struct bulk *bulk, struct bulk_flow *flow, uint32_t seq, uint32_t len)
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

int bulk_send_dup_ack(struct bulk *bulk, struct bulk_flow *flow)
{
	const uint32_t edges[1][2] = {
		{flow->hole_seq + flow->hole_len, flow->next_seq[flow->sender]},
	};
	struct packet packet;

	init_packet(bulk, flow, !flow->sender, PACKET_ACK, &packet);
	packet_add_sack(&packet, edges, 1);
	return write_segment(bulk, flow, &packet);
}
