/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_BULK_H
#define DATASETS_BULK_H

/*
 * Large traces: many whole TCP flows, interleaved, from a seeded generator.
 *
 * Each flow has a fixed budget of frames: handshake, requests and responses with
 * their ACKs, FIN exchange. A flow of fewer than six frames has no room for the
 * end: one frame is a SYN, three are a handshake. When a flow ends, the next one
 * takes its place.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct output;

enum bulk_size {
	BULK_96SNAP, /* as BULK_FULL, snaplen 96 */
	BULK_FULL,   /* about 450 bytes a packet in the file */
	BULK_SMALL,  /* frames of 60 bytes, no time stamps */
};

struct bulk_params {
	uint64_t nb_packets;
	uint64_t nb_flows;         /* 0: from packets_per_flow */
	uint64_t packets_per_flow; /* 0: 20 */
	uint64_t nb_live;
	uint64_t ipv6_percent, loss_percent, reorder_percent, duplicate_percent, not_tcp_percent;
	uint64_t tick_ns; /* mean time between frames */
	uint64_t seed;
	enum bulk_size size;
	bool round_robin;
};

/* Frames are counted as written, so what was lost before the capture is not in. */
struct bulk_counts {
	uint64_t packets, tcp, not_tcp, ipv6;
	uint64_t flows, complete_flows;       /* the latter with handshake and both FINs */
	uint64_t syn, syn_ack, fin;           /* syn without ACK */
	uint64_t data;                        /* packets with payload */
	uint64_t payload_bytes;               /* of all packets, repeated ones too */
	uint64_t lost, reordered, duplicates; /* holes made; frames captured again */
	uint64_t wire_bytes;
};

bool bulk_size_from_name(const char *name, enum bulk_size *size);

/* Returns 0, -ENOMEM, or -EPROTOTYPE when the link type can't carry a packet. */
int bulk_write(const struct bulk_params *params, struct output *output, struct bulk_counts *counts);

/* One line of key=value. */
void bulk_print_counts(FILE *to, const struct bulk_counts *counts, uint64_t captured,
		       uint64_t file_bytes);

#endif
