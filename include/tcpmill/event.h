/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_EVENT_H
#define TCPMILL_EVENT_H

/*
 * The events table: one struct event_record per verdict, and the table of its
 * columns. A segment with two verdicts makes two rows.
 *
 * src and dst are orig and resp of the flow, as in the flow records, so that the
 * two tables join; direction says which of them sent the segment.
 */

#include <stddef.h>
#include <stdint.h>

#include "tcpmill/record.h"
#include "tcpmill/tcp_words.h"

struct flow;
struct tcp_note;

struct event_record {
	int64_t ts_ns;
	int64_t frame, stream;
	struct record_address src, dst;
	uint16_t src_port, dst_port;
	int8_t direction; /* 0 orig, 1 resp */
	int8_t verdict;   /* enum verdict */
	int8_t cause;     /* enum cause less 1: CAUSE_NONE is null, and no value of the column */
	int8_t layer;     /* of the segment in its frame (definitions 1.4) */
	int64_t seq, ack; /* relative, modulo 2^32 */
	int64_t raw_seq, raw_ack, len;
	int64_t duplicate_ack_num, duplicate_ack_frame;
	int64_t rto_ns;
};

/* The events table. Static; never freed. */
const struct table_format *event_record_format(void);

/*
 * Makes a row of each verdict of the note that is in `verdicts` (bit v: enum verdict v),
 * in the order in which verdicts are told (definitions 1.7). Of the flow only addresses
 * and ports are read. Returns the number of rows.
 */
uint32_t event_record_fill(const struct tcp_note *note, const struct flow *flow, uint32_t verdicts,
			   struct event_record rows[NB_VERDICTS]);

#endif
