/* SPDX-License-Identifier: BSD-3-Clause */

/* Flows out of their slots: see packed.h. */

#include <string.h>

#include "packed.h"

static uint32_t side_flag(uint32_t flags, int i)
{
	return flags >> 3 * i & 7;
}

/* What follows from the side's numbers while it is in order. */
static void derive_numbers(struct tcp_side *to)
{
	to->ack_max = to->loss_bits & TCP_LOSS_ACK_SEEN ? to->ack : 0;
	to->isn = to->bits & TCP_ISN_KNOWN ? to->base : 0;
	to->fin_end = to->bits & TCP_SENT_FIN ? to->next : 0;
	if (to->bits & TCP_HAS_HI) {
		to->hi = to->next;
		to->start = to->base + 1;
	}
	to->history_seq[0] = to->history_bits & TCP_HISTORY_S ? to->base : 0;
	to->history_seq[1] = to->history_bits & TCP_HISTORY_H ? to->base : 0;
}

static void open_times(const struct packed_side *from, int64_t first_ts_ns, struct tcp_side *to)
{
	const uint64_t first = (uint64_t)first_ts_ns;

	to->last_data_ts_ns = INT64_MIN;
	if (from->pkts == 0)
		return;
	to->last_ts_ns = (int64_t)(first + from->last);
	to->next_ts_ns = (int64_t)(first + from->next_at);
	to->rtt_ts_ns = from->bits & TCP_RTT_RUNNING ? (int64_t)(first + from->rtt_at) : 0;
	if (packed_has_sent_data(to))
		to->last_data_ts_ns = to->next_ts_ns;
}

static void open_counters(const struct packed_side *from, const struct packed_more *more,
			  struct tcp_side *to)
{
	to->pkts = from->pkts;
	to->data_pkts = from->data_pkts;
	to->psh = from->psh;
	to->ip_bytes = from->ip_bytes;
	to->nb_unacked = from->nb_unacked;
	to->nb_unacked_new = from->nb_unacked_new;
	to->rtt_sum_ns = (int64_t)more->rtt_sum;
	to->rtt_min_ns = more->rtt_min;
	to->rtt_max_ns = more->rtt_max;
	to->rtt_samples = more->rtt_samples;
	to->win_max = more->win_max;
	to->mss = more->mss;
	for (int i = 0; i < TCP_NB_FLAGS - 2; i++)
		to->flags[i] = side_flag(more->flags, i);
	to->no_ack_pkts = more->no_ack_pkts;
	to->other_pkts = more->other_pkts;
}

/* What does not follow. */
static void open_odd_numbers(const struct tcp_packed *p, int i, struct tcp_side *to)
{
	const struct tcp_annex *annex = p->annex;

	if (p->bits & PACKED_DATA_TIME << i)
		to->last_data_ts_ns = annex->last_data_ts_ns[i];
	if (p->bits & PACKED_ACK_MAX << i)
		to->ack_max = annex->ack_max[i];
	if (p->bits & PACKED_RTT_LONG << i) {
		to->rtt_min_ns = annex->rtt_min_ns[i];
		to->rtt_max_ns = annex->rtt_max_ns[i];
	}
	to->trouble = annex->trouble[i];
	to->recovery_hi = annex->recovery_hi[i];
	to->isn = annex->isn[i];
	to->fin_end = annex->fin_end[i];
	to->start = annex->start[i];
	memcpy(to->history_seq, annex->history_seq[i], sizeof(to->history_seq));
	memcpy(to->flags, annex->flags[i], sizeof(to->flags));
	to->no_ack_pkts = annex->no_ack_pkts[i];
	to->other_pkts = annex->other_pkts[i];
}

static void open_side(const struct tcp_packed *p, int i, int64_t first_ts_ns, struct tcp_side *to)
{
	const struct packed_side *from = &p->side[i];
	const struct packed_more *more = &p->more[i];

	if (from->pkts != 0)
		open_counters(from, more, to);
	open_times(from, first_ts_ns, to);
	to->next = from->next;
	to->ack = from->ack;
	to->base = more->base;
	to->win = from->bits & PACKED_WIN_UNKNOWN ? UINT32_MAX : from->win;
	to->bits = (uint16_t)(from->bits & ~PACKED_WIN_UNKNOWN);
	to->seen[0] = from->seen[0];
	to->seen[1] = from->seen[1];
	to->before_last_ns = p->before_last_ns[i];
	to->ttl_min = p->ttl_min[i];
	to->ttl_max = p->ttl_max[i];
	to->loss_bits = p->loss_bits[i];
	to->history_bits = more->history_bits;
	to->shift = (int8_t)((p->fast[i] & PACKED_SHIFT) - 2);
	to->endpoint = i == 0 ? p->endpoint_0 : p->endpoint_1;
	to->wscale = i == 0 ? p->wscale_0 : p->wscale_1;
	to->contig = to->next;
	if (to->bits & TCP_RTT_RUNNING) {
		to->rtt_end = from->rtt_end;
	} else {
		to->history_seq[2] = to->history_bits & TCP_HISTORY_F ? from->rtt_end : 0;
		to->history_seq[3] = to->history_bits & TCP_HISTORY_R ? from->rtt_end : 0;
	}
	derive_numbers(to);
	if (p->bits & PACKED_ANNEX)
		open_odd_numbers(p, i, to);
	if (to->bits & TCP_HAS_HI)
		to->bytes = ((uint64_t)from->bytes_high << 32) + to->next - to->start -
			    (to->bits & TCP_SENT_FIN ? 1 : 0);
}

static void open_seldom(const struct tcp_packed *p, struct tcp_flow *to)
{
	const uint64_t first = (uint64_t)p->first_ts_ns;

	to->first_ts_ns = p->first_ts_ns;
	to->min_ts_ns = p->first_ts_ns;
	to->initial_rtt_ns = p->initial_rtt;
	if (p->bits & TCP_FLOW_ORIG_SYN) {
		to->syn_ts_ns = p->first_ts_ns;
		to->orig_syn_ts_ns = p->first_ts_ns;
	}
	if (p->bits & TCP_FLOW_RESP_SYN_ACK)
		to->resp_syn_ack_ts_ns = (int64_t)(first + p->syn_ack);
	if (p->bits & TCP_FLOW_SYN_RTT)
		to->syn_rtt_ns = p->syn_ack;
	to->synack_rtt_ns = p->synack_rtt;
	if (p->bits & TCP_FLOW_ORIG_DATA)
		to->orig_data_ts_ns = (int64_t)(first + p->orig_data);
	to->ttfb_ns = (int64_t)p->ttfb;
	to->orig_syns = p->orig_syns;
	to->resp_syn_acks = p->resp_syn_acks;
	to->input = p->input;
	to->vlan = p->vlan;
	memcpy(to->history, p->history, sizeof(p->history));
}

void packed_open(const struct flow *flow, struct tcp_flow *to)
{
	const struct tcp_packed *p = packed_at(flow);

	memset(to, 0, sizeof(*to));
	to->flow = flow;
	if (p->bits & PACKED_ANNEX)
		memcpy((char *)to + PACKED_SELDOM_AT, p->annex->seldom, PACKED_SELDOM_BYTES);
	else
		open_seldom(p, to);
	to->bits = p->bits & (PACKED_RTT_LONG - 1);
	to->completeness = p->completeness;
	to->end = p->end;
	to->history_len = p->history_len;
	to->tunnel = p->tunnel;
	to->max_ts_ns = to->first_ts_ns;
	for (int i = 0; i < 2; i++) {
		open_side(p, i, to->first_ts_ns, &to->side[i]);
		if (to->side[i].pkts != 0 && to->side[i].last_ts_ns > to->max_ts_ns)
			to->max_ts_ns = to->side[i].last_ts_ns;
	}
}

const struct tcp_flow *tcp_flow_view(const struct flow *flow, struct tcp_flow *room)
{
	const struct tcp_packed *p = packed_at(flow);

	if (p->bits == PACKED_BESIDE)
		return p->flow;
	packed_open(flow, room);
	return room;
}

/* What a side has beside the slot stays for its record, but counts no longer. */
static uint64_t end_trouble(struct tcp_tracker *tracker, struct tcp_trouble *trouble)
{
	if (trouble == NULL)
		return 0;
	link_end(&tracker->holes[tracker->partition], &trouble->link);
	return pool_block_cost(tracker_trouble_size(trouble));
}

void tcp_flow_end(struct tcp_tracker *tracker, struct flow *flow)
{
	struct tcp_packed *p = packed_of(flow);
	uint64_t bytes = 0;

	tracker_look_at(tracker, flow);
	if (p->bits == PACKED_BESIDE) {
		bytes = pool_block_cost(sizeof(*p->flow));
		for (int i = 0; i < 2; i++) {
			unacked_release(tracker, &p->flow->side[i]);
			bytes += end_trouble(tracker, p->flow->side[i].trouble);
		}
	} else if (p->bits & PACKED_ANNEX) {
		bytes = pool_block_cost(sizeof(*p->annex));
		for (int i = 0; i < 2; i++)
			bytes += end_trouble(tracker, p->annex->trouble[i]);
	}
	tracker->beside[tracker->partition] -= bytes;
}

static void release_trouble(struct tcp_tracker *tracker, struct tcp_trouble *trouble)
{
	if (trouble == NULL)
		return;
	link_end(&tracker->holes[tracker->partition], &trouble->link);
	pool_give(&tracker->pool, trouble, tracker_trouble_size(trouble));
}

void tcp_flow_release(struct tcp_tracker *tracker, struct flow *flow)
{
	struct tcp_packed *p = packed_of(flow);

	tracker_look_at(tracker, flow);
	if (p->bits == PACKED_BESIDE) {
		for (int i = 0; i < 2; i++) {
			release_trouble(tracker, p->flow->side[i].trouble);
			unacked_release(tracker, &p->flow->side[i]);
		}
		pool_give(&tracker->pool, p->flow, sizeof(*p->flow));
	} else if (p->bits & PACKED_ANNEX) {
		for (int i = 0; i < 2; i++)
			release_trouble(tracker, p->annex->trouble[i]);
		pool_give(&tracker->pool, p->annex, sizeof(*p->annex));
	}
	p->bits = PACKED_FRESH;
}

/* The side of a flow beside its slot. */
static void cut_list(struct tcp_tracker *tracker, struct tcp_flow *flow,
		     const struct tcp_link *link)
{
	const struct tcp_unacked *first = flow->side[0].unacked;
	const int i = first == NULL || &first->link != link;

	unacked_give_way(tracker, &flow->side[i]);
}

static void cut_holes(struct tcp_tracker *tracker, struct tcp_flow *flow,
		      const struct tcp_link *link)
{
	const struct tcp_trouble *first = flow->side[0].trouble;
	struct tcp_side *side = &flow->side[first == NULL || &first->link != link];

	tracker->stats.holes_cut += loss_give_way(flow, side);
	/* Without memory for less, it stays as it is, but not first. */
	if (!tracker_drop_room(tracker, side))
		link_end(&tracker->holes[tracker->partition], &side->trouble->link);
}

bool tcp_tracker_give_way(struct tcp_tracker *tracker, uint8_t partition)
{
	const struct tcp_link *list = tracker->lists[partition].first;
	const struct tcp_link *link = list != NULL ? list : tracker->holes[partition].first;
	struct flow *slot;
	struct tcp_flow *flow;

	if (link == NULL)
		return false;
	/* A list or a hole keeps its flow beside the slot, unless there was no memory for that. */
	slot = link->flow;
	flow = packed_of(slot)->flow;
	if (packed_of(slot)->bits != PACKED_BESIDE) {
		assert(tcp_tracker_failed(tracker));
		return false;
	}
	tracker_look_at(tracker, slot);
	if (list != NULL)
		cut_list(tracker, flow, link);
	else
		cut_holes(tracker, flow, link);
	packed_close(tracker, slot, flow);
	return true;
}

void tcp_flow_prefetch_beside(const struct flow *flow, const struct segment *segment)
{
	const struct tcp_packed *p = packed_at(flow);
	const bool from_high = (segment->bits & SEGMENT_SWAPPED) != 0;

	if (p->bits == PACKED_BESIDE) {
		const char *f = (const char *)&p->flow->side[from_high];
		const char *r = (const char *)&p->flow->side[!from_high];

		__builtin_prefetch(p->flow, 1);
		__builtin_prefetch(f, 1);
		__builtin_prefetch(f + 64, 1);
		__builtin_prefetch(r, 1);
		__builtin_prefetch((segment->payload_len == 0 ? r : f) + 128, 1);
	} else if (p->bits & PACKED_ANNEX) {
		__builtin_prefetch(p->annex, 1);
	}
}
