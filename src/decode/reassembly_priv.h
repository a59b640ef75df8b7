/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_REASSEMBLY_PRIV_H
#define TCPMILL_REASSEMBLY_PRIV_H

/*
 * Inside the reassembly: one incomplete datagram.
 *
 * Of bytes that several fragments bring, those of the fragment with the lowest offset count, and
 * of equal offsets those that came first. So what fragments with no higher offset have from
 * some byte on lies in one piece, and a new fragment adds what lies behind that.
 */

#include "tcpmill/reassembly.h"

/* Bytes [start, end) of the datagram, from a fragment at that offset. */
struct piece {
	uint32_t start, end;
	uint32_t at; /* in the datagram's data */
	uint32_t offset;
};

struct partial {
	struct partial *in_bucket;
	struct partial *older, *younger;
	uint32_t hash;
	uint32_t bytes; /* of memory it takes */

	uint8_t src[16], dst[16];
	uint32_t id;
	bool is_ipv6, has_len;
	int64_t ts_ns; /* of its first fragment */

	uint32_t len;         /* if has_len: where its first last fragment ends */
	uint32_t covered;     /* bytes that are there, below len if has_len */
	struct piece *pieces; /* [nb_pieces] in order, disjoint, not empty */
	uint32_t nb_pieces, room_pieces;
	uint8_t *data; /* [data_len] in the order of arrival; not all of it is in pieces still */
	uint32_t data_len, room_data;
};

/* NULL without memory. */
struct partial *partial_create(const struct fragment *fragment, uint32_t hash);
void partial_destroy(struct partial *partial);
bool partial_is_of(const struct partial *partial, const struct fragment *fragment);
/* Adds a fragment that is not empty; 0 or -ENOMEM. */
int partial_add(struct partial *partial, const struct fragment *fragment);
bool partial_is_whole(const struct partial *partial);
/* The whole datagram to to [len]. */
void partial_copy(const struct partial *partial, uint8_t *to);

#endif
