/* SPDX-License-Identifier: BSD-3-Clause */

/* A flow as a row of the flow table. */

#include <string.h>

#include "tcpmill/record.h"
#include "tcpmill/tcp.h"

static int32_t clamp32(uint64_t v)
{
	return v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

static int8_t known(bool both_seen, bool value)
{
	return both_seen ? value : RECORD_NULL_8;
}

/* What a side has in its record of which nothing was seen: definitions 5 and 7 are null (5.7). */
static const struct flow_record_side unseen = {
	.bytes = RECORD_NULL_64,
	.capture_dups = RECORD_NULL_32,
	.retransmitted_bytes = RECORD_NULL_64,
	.unresolved_bytes = RECORD_NULL_64,
	.lost_before_bytes = RECORD_NULL_64,
	.lost_after_bytes = RECORD_NULL_64,
	.missed_bytes = RECORD_NULL_64,
	.reordered_pkts = RECORD_NULL_32,
	.rtt_min_ns = RECORD_NULL_64,
	.rtt_mean_ns = RECORD_NULL_64,
	.rtt_max_ns = RECORD_NULL_64,
	.rtt_samples = RECORD_NULL_32,
	.rto_max_ns = RECORD_NULL_64,
	.ttl_min = RECORD_NULL_16,
	.ttl_max = RECORD_NULL_16,
};

/* ... and of which something was seen, but nothing went wrong and no round trip was timed. */
static const struct flow_record_side calm = {
	.rtt_min_ns = RECORD_NULL_64,
	.rtt_mean_ns = RECORD_NULL_64,
	.rtt_max_ns = RECORD_NULL_64,
	.rto_max_ns = RECORD_NULL_64,
};

/* Counts of what it sent, and how long that took. */
static void fill_sent(const struct tcp_side *side, struct flow_record_side *row)
{
	row->pkts = side->pkts;
	row->ip_bytes = (int64_t)side->ip_bytes;
	row->bytes = (int64_t)side->bytes;
	row->data_pkts = clamp32(side->data_pkts);
	row->pure_acks = clamp32(tcp_side_pure_acks(side));
	for (int i = 0; i < TCP_NB_FLAGS; i++)
		row->flags[i] = clamp32(tcp_side_flags(side, i));
	row->ttl_min = side->pkts != 0 ? side->ttl_min : RECORD_NULL_16;
	row->ttl_max = side->pkts != 0 ? side->ttl_max : RECORD_NULL_16;
	row->rtt_samples = clamp32(side->rtt_samples);
	if (side->rtt_samples == 0)
		return;
	row->rtt_min_ns = side->rtt_min_ns;
	row->rtt_max_ns = side->rtt_max_ns;
	row->rtt_mean_ns = side->rtt_sum_ns / side->rtt_samples;
}

/* Where it was lost (definitions 5). Null unless something was seen. */
static void fill_loss(const struct tcp_side *side, bool goes_on, struct flow_record_side *row)
{
	const struct tcp_trouble *trouble = side->trouble;
	uint64_t missed = trouble->missed_bytes, unresolved = trouble->unresolved_bytes;

	if (!goes_on)
		tcp_side_settled(side, &missed, &unresolved);
	row->capture_dups = clamp32(trouble->capture_dups);
	row->retransmitted_bytes = (int64_t)trouble->retransmitted_bytes;
	row->unresolved_bytes = (int64_t)unresolved;
	row->lost_before_bytes = (int64_t)trouble->lost_before_bytes;
	row->lost_after_bytes = (int64_t)trouble->lost_after_bytes;
	row->missed_bytes = (int64_t)missed;
	row->reordered_pkts = clamp32(trouble->reordered_pkts);
}

static void fill_trouble(const struct tcp_side *side, struct flow_record_side *row)
{
	const struct tcp_trouble *trouble = side->trouble;

	for (int i = 0; i < NB_COUNTED_VERDICTS; i++)
		row->verdicts[i] = clamp32(trouble->verdicts[i]);
	row->duplicate_ack_max = clamp32(trouble->dup_max);
	row->dsack = clamp32(trouble->dsack);
	row->rto_max_ns = trouble->rto_max_ns; /* INT64_MIN is null in both */
}

/* is_seen: the flow saw packets of it; none need have come since its last active record. */
static void fill_counts(const struct tcp_side *side, bool is_seen, bool goes_on,
			struct flow_record_side *row)
{
	if (is_seen)
		fill_sent(side, row);
	if (side->trouble == NULL)
		return;
	fill_trouble(side, row);
	if (is_seen)
		fill_loss(side, goes_on, row);
}

static void fill_side(const struct tcp_flow *flow, const struct tcp_side *side, bool goes_on,
		      struct flow_record_side *row)
{
	struct tcp_side untold;

	*row = side->pkts != 0 ? calm : unseen;
	row->isn = side->bits & TCP_ISN_KNOWN ? (int64_t)side->isn : RECORD_NULL_64;
	row->mss = side->bits & TCP_MSS_KNOWN ? side->mss : RECORD_NULL_32;
	row->wscale = side->bits & TCP_WSCALE_KNOWN ? side->wscale : RECORD_NULL_8;
	row->win_max = side->bits & TCP_WIN_KNOWN ? side->win_max : RECORD_NULL_64;
	if (!goes_on && (flow->told[0] | flow->told[1]) == 0) {
		fill_counts(side, side->pkts != 0, false, row);
		return;
	}
	tcp_side_untold(flow, side, goes_on, &untold);
	fill_counts(&untold, side->pkts != 0, goes_on, row);
}

static void fill_address(const struct tcp_flow *flow, bool high, struct record_address *row)
{
	flow_address(flow->flow, high, row->bytes);
	row->version = flow->flow->bits & FLOW_IPV6 ? 6 : 4;
}

/* What the handshake agreed on: null unless both its packets were seen (3.6). */
static void fill_agreed(const struct tcp_flow *flow, struct flow_record *row)
{
	const uint32_t need = TCP_FLOW_ORIG_SYN | TCP_FLOW_RESP_SYN_ACK;
	const bool both = (flow->bits & need) == need;
	const uint16_t agreed = tcp_flow_orig(flow)->bits & tcp_flow_resp(flow)->bits;

	row->sack_ok = known(both, (agreed & TCP_SACK_PERMITTED) != 0);
	row->ts_ok = known(both, (agreed & TCP_TIMESTAMPS) != 0);
	row->ecn_ok = known(both, (agreed & TCP_ECN_SETUP) != 0);
	row->tfo = known(both, (flow->bits & TCP_FLOW_SYN_DATA_ACKED) != 0);
}

static void fill_times(const struct tcp_flow *flow, struct flow_record *row)
{
	row->ts_ns = flow->first_ts_ns;
	row->duration_ns = (int64_t)((uint64_t)flow->max_ts_ns - (uint64_t)flow->min_ts_ns);
	row->syn_rtt_ns = flow->bits & TCP_FLOW_SYN_RTT ? flow->syn_rtt_ns : RECORD_NULL_64;
	row->synack_rtt_ns = flow->bits & TCP_FLOW_COMPLETE ? flow->synack_rtt_ns : RECORD_NULL_64;
	row->initial_rtt_ns = flow->initial_rtt_ns != 0 ? flow->initial_rtt_ns : RECORD_NULL_64;
	row->ttfb_ns = flow->bits & TCP_FLOW_HAS_TTFB ? flow->ttfb_ns : RECORD_NULL_64;
}

/* What open holes would mean is not written yet while the flow goes on. */
static void fill_history(const struct tcp_flow *flow, bool goes_on, struct flow_record *row)
{
	size_t len = flow->history_len;

	if (goes_on)
		memcpy(row->history, flow->history, len);
	else
		len = tcp_flow_history(flow, row->history);
	row->history[len] = '\0';
}

static void fill_flow(const struct tcp_flow *flow, bool goes_on, struct flow_record *row)
{
	const bool orig_high = (flow->bits & TCP_FLOW_ORIG_HIGH) != 0;
	const struct tcp_side *orig = tcp_flow_orig(flow), *resp = tcp_flow_resp(flow);

	fill_times(flow, row);
	fill_address(flow, orig_high, &row->src);
	fill_address(flow, !orig_high, &row->dst);
	row->src_port = orig_high ? flow->flow->port_hi : flow->flow->port_lo;
	row->dst_port = orig_high ? flow->flow->port_lo : flow->flow->port_hi;
	row->ip_version = flow->flow->bits & FLOW_IPV6 ? 6 : 4;
	row->vlan = flow->vlan != 0 ? (int16_t)(flow->vlan - 1) : RECORD_NULL_16;
	row->tunnel = (int8_t)flow->tunnel;
	row->stream = flow->flow->stream;
	row->first_frame = (int64_t)flow->flow->first_frame;
	row->last_frame = (int64_t)flow->flow->last_frame;
	row->input_file = (int32_t)flow->input;
	row->handshake = (int8_t)tcp_flow_handshake(flow);
	row->conn_state = (int8_t)tcp_flow_conn_state(flow);
	row->end_reason = (int8_t)(goes_on ? END_ACTIVE_TIMEOUT : tcp_flow_end_reason(flow));
	row->orig_syns = clamp32(flow->orig_syns);
	row->resp_syn_acks = clamp32(flow->resp_syn_acks);
	fill_agreed(flow, row);
	fill_side(flow, orig, goes_on, &row->side[0]);
	fill_side(flow, resp, goes_on, &row->side[1]);
	row->reused_ports = (flow->bits & TCP_FLOW_REUSED_PORTS) != 0;
	row->first_anomaly_frame = flow->first_anomaly_frame != 0
					   ? (int64_t)flow->first_anomaly_frame
					   : RECORD_NULL_64;
	row->last_anomaly_frame =
		flow->last_anomaly_frame != 0 ? (int64_t)flow->last_anomaly_frame : RECORD_NULL_64;
	row->holes_overflowed = clamp32((uint64_t)tcp_side_trouble(orig)->holes_overflowed +
					tcp_side_trouble(resp)->holes_overflowed);
	row->seq_jumps = clamp32((uint64_t)tcp_side_trouble(orig)->seq_jumps +
				 tcp_side_trouble(resp)->seq_jumps);
	row->icmp_errors = clamp32((uint64_t)tcp_side_trouble(orig)->icmp_errors +
				   tcp_side_trouble(resp)->icmp_errors);
	fill_history(flow, goes_on, row);
	row->midstream = (flow->bits & TCP_FLOW_MIDSTREAM) != 0;
	row->truncated = (flow->bits & TCP_FLOW_TRUNCATED) != 0;
	row->completeness = (int8_t)flow->completeness;
}

void flow_record_fill(const struct tcp_flow *flow, struct flow_record *row)
{
	fill_flow(flow, false, row);
}

void flow_record_fill_active(const struct tcp_flow *flow, struct flow_record *row)
{
	fill_flow(flow, true, row);
}

void flow_record_make_live(struct flow_record *row)
{
	row->stream = RECORD_NULL_64;
	row->first_frame = RECORD_NULL_64;
	row->last_frame = RECORD_NULL_64;
	row->first_anomaly_frame = RECORD_NULL_64;
	row->last_anomaly_frame = RECORD_NULL_64;
}
