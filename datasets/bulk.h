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
	BULK_1500,   /* frames of 1,514 bytes, without pure ACKs */
};

struct bulk_params {
	uint64_t nb_packets;
	uint64_t nb_flows;         /* 0: from packets_per_flow */
	uint64_t packets_per_flow; /* 0: 20 */
	uint64_t packets_spread;   /* each flow has up to so many more or less */
	uint64_t nb_live;
	uint64_t ipv6_percent, loss_percent, reorder_percent, duplicate_percent;
	uint64_t not_tcp_percent, dns_percent; /* of frames; together at most 100 */
	uint64_t tick_ns;                      /* mean time between frames */
	uint64_t seed;
	enum bulk_size size;
	bool round_robin;
	bool one_side; /* of each flow only what one side sent is captured */
	bool endless;  /* flows never end: the nb_live first ones are all there are */
};

/* Frames are counted as written, so what was lost before the capture is not in. */
struct bulk_counts {
	uint64_t packets, tcp, not_tcp, dns, ipv6; /* not_tcp has dns in it */
	uint64_t flows, complete_flows;            /* the latter with handshake and both FINs */
	uint64_t syn, syn_ack, fin;                /* syn without ACK */
	uint64_t data;                             /* packets with payload */
	uint64_t payload_bytes;                    /* of all packets, repeated ones too */
	uint64_t lost, reordered, duplicates;      /* holes made; frames captured again */
	uint64_t wire_bytes;
};

#define BULK_DEFAULTS                                                                              \
	{                                                                                          \
		.nb_live = 10000, .tick_ns = 1000, .seed = 1                                       \
	}

/* Decimal only. False when text is not a number of [0, max]. */
bool bulk_parse_number(const char *text, uint64_t max, uint64_t *number);

/* "--flows", "1000" and so on, as tcpmill-generate has them. False: no such option or value. */
bool bulk_set_option(struct bulk_params *params, const char *option, const char *text);

/* Returns 0, -ENOMEM, or -EPROTOTYPE when the link type can't carry a packet. */
int bulk_write(const struct bulk_params *params, struct output *output, struct bulk_counts *counts);

/* The counts by name, in the order in which they are told. */
#define BULK_NB_COUNTS 15
struct bulk_named_count {
	const char *key;
	uint64_t value;
};
void bulk_name_counts(const struct bulk_counts *counts,
		      struct bulk_named_count named[BULK_NB_COUNTS]);

/* One line of key=value. */
void bulk_print_counts(FILE *to, const struct bulk_counts *counts, uint64_t captured,
		       uint64_t file_bytes);

#endif
