/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_REASSEMBLY_H
#define TCPMILL_REASSEMBLY_H

/*
 * IPv4 and IPv6 fragments on their way to datagrams, as tshark puts them together; the rules
 * are in docs/definitions.md, 1.9.
 *
 * Fragments must come in the order of the capture. What is held has a limit in bytes: when it is
 * reached, the datagram that was begun first is given up. That depends on the capture alone.
 * Thread: one at a time.
 * Memory: a whole datagram is handed over with the segments that point into it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode_keys;
struct reassembly;

struct reassembly_params {
	const struct decode_keys *keys; /* of its hash; they outlive it */
	uint64_t max_bytes;             /* of memory for what is incomplete */
	/* Fragments so much younger than the first of their kind begin anew; 0: however old. */
	uint64_t timeout_ns;
};

/* What a replay holds, and a worker of a live capture, unless told otherwise. */
#define REASSEMBLY_BYTES (64u << 20)

struct reassembly_stats {
	uint64_t completed;  /* datagrams */
	uint64_t given_up;   /* datagrams: there was no room for them, or they were too old */
	uint64_t incomplete; /* datagrams that are held */
	uint64_t bytes;      /* of memory they take */
	uint64_t max_bytes;  /* the most there were */
};

/* NULL with errno ENOMEM. */
struct reassembly *reassembly_create(const struct reassembly_params *params);
void reassembly_destroy(struct reassembly *reassembly);

/* A whole datagram: its IP header, and behind it the payload. */
struct datagram {
	struct datagram *next;
	uint8_t bytes[];
};

/*
 * The datagrams that were completed since the last call: segments point into them. The caller
 * gives the list to datagrams_free().
 */
struct datagram *reassembly_take(struct reassembly *reassembly);
void datagrams_free(struct datagram *datagrams);

/* True once memory was short: fragments were lost that no counter tells. */
bool reassembly_failed(const struct reassembly *reassembly);
void reassembly_get_stats(const struct reassembly *reassembly, struct reassembly_stats *stats);

/* What decode knows of a fragment. */
struct fragment {
	uint8_t src[16], dst[16]; /* IPv4: the first four bytes, zeros behind */
	uint32_t id;
	bool is_ipv6, is_last;
	uint32_t offset, len; /* of the payload */
	const uint8_t *payload;
	const uint8_t *header; /* of this fragment: the datagram gets it */
	uint32_t header_len;
	int64_t ts_ns;
};

/*
 * Adds a fragment. If the datagram is whole now: the payload's start in memory that
 * reassembly_take() hands out, with the fragment's header in front of it, and its length in
 * *len. Else NULL.
 */
uint8_t *reassembly_add(struct reassembly *reassembly, const struct fragment *fragment,
			uint32_t *len);

#endif
