/* SPDX-License-Identifier: BSD-3-Clause */

/* The verdicts of a segment as rows of the events table, and the table's columns. */

#include <string.h>

#include "columns_priv.h"
#include "tcpmill/event.h"
#include "tcpmill/flow.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp_note.h"

static const char *const direction_names[] = {"orig", "resp", NULL};

#define ONE(...) COLUMN_OF(struct event_record, __VA_ARGS__)

/* clang-format off: one column a line or two reads as the table it is. */
static const struct column columns[] = {
	ONE("ts", ts_ns, COLUMN_TIMESTAMP, ALWAYS, "ns", "time stamp of the packet", .zeek = "ts",
	    .ipfix = "observationTimeNanoseconds", .ecs = "@timestamp"),
	ONE("frame", frame, COLUMN_INT64, NULLABLE, NULL,
	    "number of the packet in the input, from 1; null in live capture", .zeek = NULL),
	ONE("stream", stream, COLUMN_INT64, NULLABLE, NULL,
	    "tshark's tcp.stream: rank of the flow by its first segment; null in live capture",
	    .zeek = NULL),
	ONE("src_ip", src, COLUMN_ADDRESS, ALWAYS, NULL,
	    "address of orig, as in the flow records: not always the packet's sender",
	    .zeek = "id.orig_h", .ipfix = "sourceIPv4Address,sourceIPv6Address",
	    .ecs = "source.ip"),
	ONE("dst_ip", dst, COLUMN_ADDRESS, ALWAYS, NULL, "address of resp, the other side",
	    .zeek = "id.resp_h", .ipfix = "destinationIPv4Address,destinationIPv6Address",
	    .ecs = "destination.ip"),
	ONE("src_port", src_port, COLUMN_UINT16, ALWAYS, NULL, "TCP port of orig",
	    .zeek = "id.orig_p", .ipfix = "sourceTransportPort", .ecs = "source.port"),
	ONE("dst_port", dst_port, COLUMN_UINT16, ALWAYS, NULL, "TCP port of resp",
	    .zeek = "id.resp_p", .ipfix = "destinationTransportPort", .ecs = "destination.port"),
	ONE("direction", direction, COLUMN_DICT, ALWAYS, NULL, "who sent the packet: orig or resp",
	    .values = direction_names),
	ONE("verdict", verdict, COLUMN_DICT, ALWAYS, NULL,
	    "tshark's tcp.analysis.NAME; a retransmission is neither fast nor spurious",
	    .values = verdict_names),
	ONE("seq", seq, COLUMN_INT64, NULLABLE, NULL, "relative sequence number (tcp.seq)",
	    .zeek = NULL),
	ONE("ack", ack, COLUMN_INT64, NULLABLE, NULL,
	    "relative acknowledgment number (tcp.ack); null without the ACK flag", .zeek = NULL),
	ONE("raw_seq", raw_seq, COLUMN_INT64, ALWAYS, NULL, "sequence number as sent (tcp.seq_raw)",
	    .ipfix = "tcpSequenceNumber"),
	ONE("raw_ack", raw_ack, COLUMN_INT64, ALWAYS, NULL,
	    "acknowledgment field as sent, also without the ACK flag (tcp.ack_raw)",
	    .ipfix = "tcpAcknowledgementNumber"),
	ONE("len", len, COLUMN_INT64, ALWAYS, "bytes", "payload of the packet (tcp.len)",
	    .zeek = NULL),
	ONE("duplicate_ack_num", duplicate_ack_num, COLUMN_INT64, NULLABLE, NULL,
	    "of a duplicate_ack: its number, from 1 (tcp.analysis.duplicate_ack_num)",
	    .zeek = NULL),
	ONE("duplicate_ack_frame", duplicate_ack_frame, COLUMN_INT64, NULLABLE, NULL,
	    "of a duplicate_ack: the packet it repeats (tcp.analysis.duplicate_ack_frame)",
	    .zeek = NULL),
	ONE("rto_ns", rto_ns, COLUMN_INT64, NULLABLE, "ns",
	    "of a retransmission: time since the oldest unacknowledged segment (tcp.analysis.rto)",
	    .zeek = NULL),
	ONE("cause", cause, COLUMN_DICT, NULLABLE, NULL,
	    "why the packet was sent again or came late (definitions 8)",
	    .values = &cause_names[CAUSE_NONE + 1]),
	ONE("layer", layer, COLUMN_INT8, ALWAYS, NULL,
	    "TCP headers in front of this one in the frame: 0 is the outermost", .zeek = NULL),
};
/* clang-format on */

static const struct table_format event_format = {
	.name = "events",
	.columns = columns,
	.nb_columns = sizeof(columns) / sizeof(columns[0]),
	.row_size = sizeof(struct event_record),
};

const struct table_format *event_record_format(void)
{
	return &event_format;
}

static void fill_address(const struct flow *flow, bool high, struct record_address *address)
{
	flow_address(flow, high, address->bytes);
	address->version = flow->bits & FLOW_IPV6 ? 6 : 4;
}

static int64_t relative(const struct tcp_note *note, uint32_t number, uint32_t base, uint32_t known)
{
	const uint32_t need = NOTE_ANALYSED | known;

	return (note->bits & need) == need ? (int64_t)(uint32_t)(number - base) : RECORD_NULL_64;
}

/* What all rows of a segment have in common. */
static void fill_segment(const struct tcp_note *note, const struct flow *flow,
			 struct event_record *row)
{
	const bool orig_high = (note->bits & NOTE_ORIG_HIGH) != 0;

	*row = (struct event_record){
		.ts_ns = note->ts_ns,
		.frame = (int64_t)note->frame,
		.stream = note->stream >= 0 ? note->stream : RECORD_NULL_64,
		.src_port = orig_high ? flow->port_hi : flow->port_lo,
		.dst_port = orig_high ? flow->port_lo : flow->port_hi,
		.direction = (note->bits & NOTE_FROM_RESP) != 0,
		.layer = (int8_t)note->layer,
		.seq = relative(note, note->seq, note->seq_base, NOTE_SEQ_BASE),
		.ack = RECORD_NULL_64,
		.raw_seq = note->seq,
		.raw_ack = note->ack,
		.len = note->len,
	};
	fill_address(flow, orig_high, &row->src);
	fill_address(flow, !orig_high, &row->dst);
	if (note->flags & TCP_ACK)
		row->ack = relative(note, note->ack, note->ack_base, NOTE_ACK_BASE);
}

static int8_t cause_of(const struct tcp_note *note, enum verdict verdict)
{
	/* Whether a gap is filled is known later: the filling segment's own row says it (8.10). */
	if (verdict == VERDICT_LOST_SEGMENT || verdict == VERDICT_ACK_LOST_SEGMENT ||
	    note->cause == CAUSE_NONE)
		return RECORD_NULL_8;
	return (int8_t)(note->cause - 1);
}

static void fill_verdict(const struct tcp_note *note, enum verdict verdict,
			 struct event_record *row)
{
	const bool is_dup_ack = verdict == VERDICT_DUPLICATE_ACK;
	const bool has_rto = verdict == VERDICT_RETRANSMISSION && (note->bits & NOTE_HAS_RTO) != 0;

	row->verdict = (int8_t)verdict;
	row->cause = cause_of(note, verdict);
	row->duplicate_ack_num = is_dup_ack ? (int64_t)note->dup_ack : RECORD_NULL_64;
	row->duplicate_ack_frame = is_dup_ack ? (int64_t)note->dup_ack_frame : RECORD_NULL_64;
	row->rto_ns = has_rto ? note->rto_ns : RECORD_NULL_64;
}

uint32_t event_record_fill(const struct tcp_note *note, const struct flow *flow, uint32_t verdicts,
			   struct event_record rows[NB_VERDICTS])
{
	uint32_t nb = 0;

	verdicts &= note->verdicts;
	for (size_t i = 0; i < NB_VERDICTS && verdicts != 0; i++) {
		const enum verdict verdict = verdict_order[i];

		if (!(verdicts & 1u << verdict))
			continue;
		verdicts &= ~(1u << verdict);
		if (nb == 0)
			fill_segment(note, flow, &rows[0]);
		else
			rows[nb] = rows[0];
		fill_verdict(note, verdict, &rows[nb++]);
	}
	return nb;
}
