/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_BULK_PRIV_H
#define DATASETS_BULK_PRIV_H

/*
 * Inside the bulk generator: bulk.c says what each flow sends next, bulk_packet.c
 * makes a packet of it, bulk_dns.c is what is not TCP.
 */

#include <assert.h>
#include <stddef.h>

#include "bulk.h"
#include "packet.h"

#define BULK_SMALL_SEGMENT 6
#define BULK_SMALL_FRAME 60

/* So many flows are chosen, and fetched from memory, before they are served: a power of two. */
#define BULK_AHEAD 8u

/* FIN+ACK, FIN+ACK, ACK. */
#define BULK_CLOSE_PACKETS 3

/* The sides of a flow, as bits. */
#define BULK_SIDE_ORIG 1u
#define BULK_SIDE_RESP 2u

enum bulk_state {
	FLOW_SYN,
	FLOW_SYN_ACK,
	FLOW_ACK,
	FLOW_OPEN,
	FLOW_FIN_ORIG,
	FLOW_FIN_RESP,
	FLOW_LAST_ACK,
};

enum bulk_hole {
	HOLE_NONE,
	HOLE_LOST,
	HOLE_REORDERED,
};

/* One live flow. Arrays are by side: [0] originator, [1] responder. */
struct bulk_flow {
	uint64_t left; /* frames still to be written */
	uint32_t id;
	uint32_t next_seq[2];
	uint32_t rcv_next[2]; /* what the side acknowledges */
	uint32_t last_tsval[2];
	uint32_t hole_seq, hole_len;
	uint16_t ip_id[2];
	uint8_t state;      /* enum bulk_state */
	uint8_t hole;       /* enum bulk_hole */
	uint8_t hole_step;  /* index in its steps */
	uint8_t sender;     /* of the data at present */
	uint8_t burst_left; /* segments until it is the other's turn */
	uint8_t unacked;    /* segments since the receiver's last ACK */
	uint8_t captured;   /* bits BULK_SIDE_* */
	bool closes;
	bool ipv6;
	bool written; /* a frame of it is in the file */
};

static_assert(sizeof(struct bulk_flow) == 64, "a flow is a cache line");

struct bulk {
	const struct bulk_params *params;
	struct output *output;
	struct bulk_counts *counts;
	uint64_t random;
	uint64_t seed; /* mixed */
	int64_t now_ns;
	uint64_t nb_flows, next_flow;
	uint64_t budget, budget_rest; /* frames per flow; the first budget_rest have one more */
	uint64_t nb_live;
	uint64_t last_index; /* of the flow served last */
	uint64_t choice;     /* the random numbers that choose flows, apart from the others */
	uint32_t choices[BULK_AHEAD]; /* the next ones, from next_choice on, in a ring */
	uint32_t next_choice;
	struct bulk_flow *live; /* [params->nb_live] */
	uint32_t dns_random;    /* of the query that waits for its answer */
	bool dns_is_asked;
};

/* ---- numbers ----------------------------------------------------------- */

/* Finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t bulk_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The next number of a stream. */
static inline uint64_t bulk_next(uint64_t *stream)
{
	return bulk_mix(*stream += UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t bulk_random(struct bulk *bulk)
{
	return bulk_next(&bulk->random);
}

/* Of [0, n), n < 2^32. */
static inline uint32_t bulk_random_below(struct bulk *bulk, uint64_t n)
{
	return (uint32_t)((bulk_random(bulk) >> 32) * n >> 32);
}

static inline bool bulk_chance(struct bulk *bulk, uint64_t percent)
{
	return percent != 0 && bulk_random_below(bulk, 100) < percent;
}

static inline uint64_t bulk_flow_hash(const struct bulk *bulk, uint32_t id)
{
	return bulk_mix(bulk->seed + id);
}

/* ---- packets: each is written, unless it is of a side that is not captured ------ */

/* Returns 0 or -EPROTOTYPE, as the others. Moves the clock. */
int bulk_write_packet(struct bulk *bulk, const struct packet *packet);

int bulk_send_control(struct bulk *bulk, struct bulk_flow *flow, unsigned side, unsigned flags);
int bulk_send_data(struct bulk *bulk, struct bulk_flow *flow, uint32_t seq, uint32_t len);
/* With SACK for what is behind the hole. */
int bulk_send_dup_ack(struct bulk *bulk, struct bulk_flow *flow);

/* A datagram to the discard port. */
int bulk_send_udp(struct bulk *bulk);
/* A query, and the next time its answer. */
int bulk_send_dns(struct bulk *bulk);

/* Addresses and ports of what a side of the flow sends. */
void bulk_set_addresses(const struct bulk_flow *flow, uint64_t hash, unsigned side,
			struct packet *packet);

#endif
