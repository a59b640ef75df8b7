/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_FLOW_H
#define TCPMILL_FLOW_H

/*
 * The live flows of one worker, found by canonical 5-tuple.
 *
 * A table holds some of the 64 fixed partitions of the flow space. Each partition
 * has its own index, its own capacity and its own order of eviction, so that what
 * happens in it depends on its packets alone, not on who owns it.
 *
 * Thread: a table belongs to one worker and takes no lock.
 * Memory: address space for all slots is reserved in flow_table_create() and
 *         touched as flows come; an ended flow keeps its slot until
 *         flow_table_release(). Callers borrow flows.
 * Time:   the capture clock of docs/definitions.md 2.1, never the wall clock.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tcpmill/segment.h"
#include "tcpmill/tcp_words.h"

struct flow_table;

#define FLOW_NB_PARTITIONS 64
#define FLOW_MIN_PER_PARTITION 64

/*
 * Bytes that a flow counts where memory has a limit, whatever it takes at a time: its slot, an
 * IPv6 address, buckets that are 5/16 to 5/8 full, and an entry of the eviction order in an array
 * that grew by half or doubled.
 */
#define FLOW_BYTES 448

/* Order of eviction, first to last (definitions 2.4), and what a timeout is of (2.2). The tcp room
 * keeps it current. */
enum flow_class {
	FLOW_HALF_OPEN, /* a SYN that was never answered */
	FLOW_CLOSED,
	FLOW_OPEN,
	NB_FLOW_CLASSES,
};

/* A frame has no more TCP headers than DECODE_MAX_SEGMENTS. */
#define FLOW_LAYER_BITS 6

/* Bytes of a slot that belong to its user; the first ones share the head's cache line. */
#define FLOW_USER_BYTES 264

/*
 * A slot: five cache lines. The first one is what every packet touches: half of it
 * is the table's, half the user's. What the table seldom needs is at the end.
 */
struct flow {
	union {
		struct {
			uint32_t quick_lo, quick_hi; /* IPv4: the addresses as in the segment */
		};
		uint8_t *ipv6; /* IPv6: both addresses, 32 bytes beside the slots */
	};
	uint16_t port_lo, port_hi;
	uint8_t partition;
	uint8_t bits;       /* FLOW_IPV6; as long as the flow lives, others may read it */
	uint8_t class;      /* enum flow_class */
	uint8_t end_reason; /* enum end_reason of an ended flow, or FLOW_LIVES */
	uint64_t last_frame;
	uint64_t last_clock_ns;
	uint64_t user[FLOW_USER_BYTES / 8];
	uint32_t hash;
	uint32_t generation; /* of the slot, for entries of the eviction order */
	/* Place of the first segment (definitions 1.4): see flow_place(). */
	uint64_t first_frame : 64 - FLOW_LAYER_BITS, first_layer : FLOW_LAYER_BITS;
	int64_t stream; /* rank by place; -1 until it is given */
};

/* Bits of a flow. */
#define FLOW_IPV6 0x01u

#define FLOW_LIVES 0xffu /* in end_reason: not ended yet */

static_assert(offsetof(struct flow, user) == 32, "the user has the other half of the first line");
static_assert(sizeof(struct flow) == 320, "five cache lines");

/* The lower or the higher address in network order; IPv4 in the first four bytes. */
static inline void flow_address(const struct flow *flow, bool high, uint8_t bytes[16])
{
	const uint32_t address = __builtin_bswap32(high ? flow->quick_hi : flow->quick_lo);

	if (flow->bits & FLOW_IPV6) {
		memcpy(bytes, flow->ipv6 + (high ? 16 : 0), 16);
		return;
	}
	memset(bytes, 0, 16);
	memcpy(bytes, &address, sizeof(address));
}

/* Orders flows by their first segments: a frame may have several. */
static inline uint64_t flow_place(const struct flow *flow)
{
	return (uint64_t)flow->first_frame << FLOW_LAYER_BITS | flow->first_layer;
}

/* Timeouts as they are compared. */
struct flow_limits {
	int64_t ns[NB_FLOW_CLASSES];
};
/* timeout_ns: 0, or INT64_MAX and more, is none. */
void flow_limits_init(struct flow_limits *limits, const uint64_t timeout_ns[NB_FLOW_CLASSES]);

/* True if a packet at clock_ns begins a new flow. A clock that went back never does. */
static inline bool flow_is_idle(const struct flow *flow, const struct flow_limits *limits,
				uint64_t clock_ns)
{
	return (int64_t)(clock_ns - flow->last_clock_ns) > limits->ns[flow->class];
}

struct flow_table_params {
	uint64_t partitions; /* bit p set: partition p is in this table */
	uint64_t max_flows;  /* of all 64 partitions together */
	/*
	 * Likewise: FLOW_BYTES of each live flow, and what flows have beside their slots
	 * (flow_table_beside()); 0: no limit.
	 */
	uint64_t max_bytes;
	/* Idle time that ends a flow of each class; 0: it lasts. */
	uint64_t timeout_ns[NB_FLOW_CLASSES];
	size_t slot_size;  /* bytes of a slot: a struct flow, and what may follow it */
	uint32_t nb_spare; /* slots for ended flows that are not yet released */
	/*
	 * Called for each flow that ends, before its key can come again; from then on it may
	 * be released, also from within.
	 */
	void (*ended)(void *context, struct flow *flow);
	void *context;
};

/* Returns NULL with errno set to EINVAL or ENOMEM. */
struct flow_table *flow_table_create(const struct flow_table_params *params);
void flow_table_destroy(struct flow_table *table);

/* Flows that one partition may hold, and bytes. */
uint64_t flow_partition_capacity(uint64_t max_flows);
uint64_t flow_partition_bytes(uint64_t max_bytes);

/*
 * [FLOW_NB_PARTITIONS] what the flows of each partition have beside their slots, in bytes: the
 * user counts it, of live flows alone, in amounts that follow from what the flows saw.
 */
uint64_t *flow_table_beside(struct flow_table *table);
/*
 * give_way is called where max_bytes is short: to do with less beside the slots of that
 * partition. Flows are evicted once it is false, for want of anything to do without.
 */
void flow_table_on_short(struct flow_table *table,
			 bool (*give_way)(void *context, uint8_t partition), void *context);
/*
 * The flow has more beside its slot than before: others give way until all is within max_bytes
 * again. It does not end itself.
 */
void flow_table_fit(struct flow_table *table, const struct flow *flow);

/*
 * Hints for a segment that will be looked up soon: first its bucket is fetched;
 * later, when it is there, the flow behind it is told without being touched (it
 * may be another one, or none, but never NULL), so that its lines can be fetched too.
 */
void flow_table_prefetch_bucket(const struct flow_table *table, const struct segment *segment);
struct flow *flow_table_guess(const struct flow_table *table, const struct segment *segment);

bool flow_has_ipv6(const struct flow *flow, const struct segment *segment);
/* True if this is the segment's flow, and lives. */
static inline bool flow_is_of(const struct flow *flow, const struct segment *segment)
{
	static_assert(FLOW_IPV6 == SEGMENT_IPV6, "compared as one bit");
	const uint32_t is_ipv6 = segment->bits & SEGMENT_IPV6;

	if (flow->bits != is_ipv6 || flow->end_reason != FLOW_LIVES ||
	    flow->port_lo != segment->port_lo || flow->port_hi != segment->port_hi)
		return false;
	if (is_ipv6)
		return flow_has_ipv6(flow, segment);
	return flow->quick_lo == segment->addr_lo && flow->quick_hi == segment->addr_hi;
}

/*
 * The segment's flow, made if there is none (*created). A flow that was idle for
 * too long ends first; a full partition evicts. frame is the segment's place.
 * guess: of flow_table_guess(), or NULL. NULL if no slot could be had (the reservation
 * is used up).
 */
struct flow *flow_table_lookup(struct flow_table *table, const struct segment *segment,
			       uint64_t frame, struct flow *guess, bool *created);
/* Ends flow by port reuse and puts a fresh one in its place. NULL as above. */
struct flow *flow_table_replace(struct flow_table *table, struct flow *flow,
				const struct segment *segment, uint64_t frame);

/* Notes that the segment was the flow's latest; a flow that is replaced is not touched. */
static inline void flow_table_touch(struct flow *flow, uint64_t clock_ns, uint64_t frame)
{
	flow->last_frame = frame;
	flow->last_clock_ns = clock_ns;
}

/* Notes that the flow's class changed; call it after the change. */
void flow_table_reclass(struct flow_table *table, struct flow *flow);

#define FLOW_EXPIRE_ALL UINT32_MAX
/*
 * Ends flows that are idle for longer than the timeout of their class at clock_ns, and looks at
 * nb_at_most for that, which may leave some to the next call: what a lookup finds does not hang
 * on it. -ENOMEM when memory for their order is short: likewise.
 */
int flow_table_expire(struct flow_table *table, uint64_t clock_ns, uint32_t nb_at_most);
/* Ends every flow that is left, as end_of_input. */
void flow_table_end_all(struct flow_table *table);

/* Gives an ended flow's slot back. */
void flow_table_release(struct flow_table *table, struct flow *flow);

struct flow_table_stats {
	uint64_t nb_live, max_live; /* now, and at most */
	uint64_t nb_created;
	uint64_t nb_evicted, nb_evicted_of[NB_FLOW_CLASSES]; /* the sum, and by class */
	uint64_t nb_full_partitions; /* that reached 90 % of their capacity, or bytes */
	uint64_t slot_bytes;         /* touched */
};
void flow_table_get_stats(const struct flow_table *table, struct flow_table_stats *stats);

#endif
