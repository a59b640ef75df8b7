/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_LIVE_FLOWS_H
#define BENCH_LIVE_FLOWS_H

/*
 * What a feeder sends: frames of 60 bytes (64 with the checksum that no driver hands up) of
 * many live flows, chosen at random. Each flow opens with a handshake; then it goes on for
 * ever, six bytes of data a segment, every second one acknowledged, both ways in turn: in
 * order, and with right checksums.
 *
 * A frame is copied from one of two templates, which datasets/ made, and what is the flow's is
 * stored over it; checksums are made from the templates' sums. So a flow takes half a cache
 * line, and the feeder leaves the cache that the cores share to those who are measured.
 */

#include <stdint.h>
#include <string.h>

#include "packet.h"

#define LIVE_FRAME_LEN 60u
#define LIVE_FRAME_ROOM 64u /* so many bytes may be written */
#define LIVE_HEADERS_LEN 54u
#define LIVE_SEGMENT_LEN 6u

/* A handshake's frame has options. */
#define LIVE_HANDSHAKE 3u
#define LIVE_HANDSHAKE_ROOM PACKET_HEADERS_MAX

/* Flows are chosen so many frames before they are needed; a power of two. */
#define LIVE_AHEAD 16u

/* By side: [0] client, [1] server. */
struct live_flow {
	uint32_t addresses[2];
	uint32_t next_seq[2];
	uint16_t ports[2];
	uint16_t ip_id[2];
	uint8_t step;
	uint8_t unused[7];
};

struct live_flows {
	/* By side, of no addresses and ports; their sums are in the fields for checksums. */
	uint8_t templates[2][LIVE_HEADERS_LEN];
	struct live_flow *flows;
	uint64_t nb;
	uint64_t random;
	uint32_t ahead[LIVE_AHEAD];
	uint32_t next;
};

/* 0 or -ENOMEM. nb < 2^32. */
int live_flows_init(struct live_flows *flows, uint64_t nb);
void live_flows_fini(struct live_flows *flows);

/* Step 0 to 2 of a flow's handshake; returns the frame's length. */
uint32_t live_flows_open(struct live_flows *flows, uint64_t flow, uint64_t step,
			 uint8_t to[LIVE_HANDSHAKE_ROOM]);

/*
 * Writes what a feeder sends into a pcap file: all handshakes, then nb frames. 0, or 1 after a
 * message.
 */
int live_flows_write(uint64_t nb_flows, uint64_t nb, const char *path);

/* ---- the next frame, in as little time as can be --------------------------------------- */

struct live_step {
	uint8_t side;
	uint8_t len; /* of data */
	uint8_t flags;
	uint8_t next;
};

#define LIVE_NB_STEPS 6u
extern const struct live_step live_steps[LIVE_NB_STEPS];

static inline uint16_t live_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static inline uint16_t live_get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return __builtin_bswap16(value);
}

static inline void live_put16(uint8_t *at, unsigned value)
{
	const uint16_t swapped = __builtin_bswap16((uint16_t)value);

	memcpy(at, &swapped, sizeof(swapped));
}

static inline void live_put32(uint8_t *at, uint32_t value)
{
	const uint32_t swapped = __builtin_bswap32(value);

	memcpy(at, &swapped, sizeof(swapped));
}

/* A flow at random; the one for LIVE_AHEAD frames later is fetched. */
static inline struct live_flow *live_flows_choose(struct live_flows *flows)
{
	uint32_t *const ahead = &flows->ahead[flows->next++ % LIVE_AHEAD];
	struct live_flow *const chosen = &flows->flows[*ahead];

	/* Knuth's MMIX; its high half is good enough for a choice. */
	flows->random =
		flows->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	*ahead = (uint32_t)((flows->random >> 32) * flows->nb >> 32);
	__builtin_prefetch(&flows->flows[*ahead], 1);
	return chosen;
}

/* Writes LIVE_FRAME_LEN bytes that are of use. */
static inline void live_flows_next(struct live_flows *flows, uint8_t to[LIVE_FRAME_ROOM])
{
	struct live_flow *const flow = live_flows_choose(flows);
	const struct live_step *const step = &live_steps[flow->step];
	const unsigned side = step->side;
	const uint8_t *const head = flows->templates[side];
	const uint32_t seq = flow->next_seq[side], ack = flow->next_seq[!side];
	const uint16_t id = ++flow->ip_id[side];
	const uint64_t addresses = (uint64_t)flow->addresses[0] + flow->addresses[1];
	uint64_t ip_sum = live_get16(head + 24), tcp_sum = live_get16(head + 50), data = 0;

	memcpy(to, head, LIVE_HEADERS_LEN);
	if (step->len != 0)
		memcpy(&data, packet_pattern_at(seq), LIVE_SEGMENT_LEN);
	memcpy(to + LIVE_HEADERS_LEN, &data, sizeof(data));

	ip_sum += addresses + id + step->len;
	live_put16(to + 16, 40u + step->len);
	live_put16(to + 18, id);
	live_put16(to + 24, 0xffffu ^ live_fold(ip_sum));
	live_put32(to + 26, flow->addresses[side]);
	live_put32(to + 30, flow->addresses[!side]);

	/* The data's sum, which is of words as the machine has them, becomes the network's. */
	tcp_sum += addresses + flow->ports[0] + flow->ports[1] + seq + ack + step->flags +
		   step->len + __builtin_bswap16(live_fold(data));
	live_put16(to + 34, flow->ports[side]);
	live_put16(to + 36, flow->ports[!side]);
	live_put32(to + 38, seq);
	live_put32(to + 42, ack);
	to[47] = step->flags;
	live_put16(to + 50, 0xffffu ^ live_fold(tcp_sum));
	flow->next_seq[side] = seq + step->len;
	flow->step = step->next;
}

#endif
