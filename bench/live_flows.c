/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_flows.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "capture_file.h"

#define HUGE_PAGE ((size_t)2 << 20)

#define WSCALE 7
#define WINDOW 512 /* << 7 = 64 KiB */

/* 2026-01-01 00:00:00 UTC */
#define START_NS INT64_C(1767225600000000000)
#define TICK_NS 67 /* 10 Gbit/s */

static_assert(sizeof(struct live_flow) == 32, "a flow is half a cache line");

/* Two segments and their ACK, and the same from the other side. */
const struct live_step live_steps[LIVE_NB_STEPS] = {
	{.side = 0, .len = LIVE_SEGMENT_LEN, .flags = PACKET_ACK, .next = 1},
	{.side = 0, .len = LIVE_SEGMENT_LEN, .flags = PACKET_ACK | PACKET_PSH, .next = 2},
	{.side = 1, .len = 0, .flags = PACKET_ACK, .next = 3},
	{.side = 1, .len = LIVE_SEGMENT_LEN, .flags = PACKET_ACK, .next = 4},
	{.side = 1, .len = LIVE_SEGMENT_LEN, .flags = PACKET_ACK | PACKET_PSH, .next = 5},
	{.side = 0, .len = 0, .flags = PACKET_ACK, .next = 0},
};

/* Finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 10.x.y.z speaks to a server of 198.18.0.0/22. */
static void start_flow(struct live_flow *flow, uint64_t id)
{
	const uint64_t hash = mix(id), isns = mix(~id);

	*flow = (struct live_flow){
		.addresses = {0x0a000000u | (uint32_t)(id & 0xffffff),
			      0xc6120000u | (uint32_t)((hash >> 32 & 0x3ff) ^ id >> 24)},
		.next_seq = {(uint32_t)isns, (uint32_t)(isns >> 32)},
		.ports = {(uint16_t)(1024 + hash % 64512), 443},
	};
}

static void init_packet(const struct live_flow *flow, unsigned side, struct packet *packet)
{
	packet_init(packet, 4);
	live_put32(packet->src, flow->addresses[side]);
	live_put32(packet->dst, flow->addresses[!side]);
	packet->src_port = flow->ports[side];
	packet->dst_port = flow->ports[!side];
	packet->reverse = side == 1;
	packet->ttl = side == 0 ? 64 : 56;
	packet->dont_fragment = true;
	packet->window = WINDOW;
	packet->min_frame = LIVE_FRAME_LEN;
}

static void make_template(unsigned side, uint8_t template[LIVE_HEADERS_LEN])
{
	static const struct live_flow nobody;
	uint8_t frame[PACKET_HEADERS_MAX];
	struct packet packet;
	size_t wire_len;

	init_packet(&nobody, side, &packet);
	packet_build_plain(&packet, frame, sizeof(frame), &wire_len);
	memcpy(template, frame, LIVE_HEADERS_LEN);
	live_put16(template + 24, 0xffffu ^ live_get16(template + 24));
	live_put16(template + 50, 0xffffu ^ live_get16(template + 50));
}

int live_flows_init(struct live_flows *flows, uint64_t nb)
{
	const size_t size = (size_t)nb * sizeof(*flows->flows);

	*flows = (struct live_flows){.nb = nb, .random = mix(nb)};
	flows->flows = aligned_alloc(HUGE_PAGE, (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
	if (flows->flows == NULL)
		return -ENOMEM;
	(void)madvise(flows->flows, size, MADV_HUGEPAGE);
	make_template(0, flows->templates[0]);
	make_template(1, flows->templates[1]);
	for (uint64_t id = 0; id < nb; id++)
		start_flow(&flows->flows[id], id);
	for (uint32_t i = 0; i < LIVE_AHEAD; i++)
		(void)live_flows_choose(flows);
	return 0;
}

void live_flows_fini(struct live_flows *flows)
{
	free(flows->flows);
	flows->flows = NULL;
}

uint32_t live_flows_open(struct live_flows *flows, uint64_t id, uint64_t step,
			 uint8_t to[LIVE_HANDSHAKE_ROOM])
{
	struct live_flow *const flow = &flows->flows[id];
	const unsigned side = step == 1;
	struct packet packet;
	size_t wire_len;

	init_packet(flow, side, &packet);
	packet.flags = PACKET_ACK;
	packet.seq = flow->next_seq[side];
	packet.ack = step == 0 ? 0 : flow->next_seq[!side];
	packet.ip_id = ++flow->ip_id[side];
	if (step < 2) {
		packet.flags = step == 0 ? PACKET_SYN : PACKET_SYN | PACKET_ACK;
		packet.window = 64240;
		packet_add_mss(&packet, side == 0 ? 1460 : 1440);
		packet_add_sack_ok(&packet);
		packet_add_wscale(&packet, WSCALE);
		while (packet.options_len % 4 != 0)
			packet_add_nops(&packet, 1);
		flow->next_seq[side]++;
	}
	return (uint32_t)packet_build_plain(&packet, to, LIVE_HANDSHAKE_ROOM, &wire_len);
}

int live_flows_write(uint64_t nb_flows, uint64_t nb, const char *path)
{
	static const struct capture_interface interface = {.link_type = 1};
	struct capture_file *const file = capture_file_create(path, CAPTURE_PCAP_NS, &interface);
	uint8_t bytes[LIVE_HANDSHAKE_ROOM];
	struct capture_frame frame = {.ts_ns = START_NS, .data = bytes};
	struct live_flows flows;
	int rc;

	if (file == NULL)
		return bench_fail(1, path, strerror(errno));
	rc = live_flows_init(&flows, nb_flows);
	for (uint64_t i = 0; rc == 0 && i < nb_flows * LIVE_HANDSHAKE; i++) {
		frame.caplen =
			live_flows_open(&flows, i / LIVE_HANDSHAKE, i % LIVE_HANDSHAKE, bytes);
		frame.wire_len = frame.caplen;
		capture_file_write(file, &frame);
		frame.ts_ns += TICK_NS;
	}
	frame.caplen = frame.wire_len = LIVE_FRAME_LEN;
	for (uint64_t i = 0; rc == 0 && i < nb; i++) {
		live_flows_next(&flows, bytes);
		capture_file_write(file, &frame);
		frame.ts_ns += TICK_NS;
	}
	live_flows_fini(&flows);
	if (rc == 0)
		rc = capture_file_close(file);
	else
		(void)capture_file_close(file);
	return rc == 0 ? 0 : bench_fail(1, path, strerror(-rc));
}
