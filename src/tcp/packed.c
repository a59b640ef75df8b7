/* SPDX-License-Identifier: BSD-3-Clause */

/* Flows to and from their slots: see packed.h. */

#include <string.h>

#include "packed.h"

#define HISTORY_NUMBERED (TCP_HISTORY_F | TCP_HISTORY_R)

/* ---- a slot's contents as a flow ------------------------------------------ */

static uint32_t side_flag(uint32_t flags, int i)
{
	return flags >> 3 * i & 7;
}

static bool has_sent_data(const struct tcp_side *side)
{
	return side->data_pkts != 0 || side->flags[0] != 0 || side->flags[1] != 0;
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
	if (has_sent_data(to))
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
	to->trouble = annex->trouble[i];
	to->recovery_hi = annex->recovery_hi[i];
	to->isn = annex->isn[i];
	to->fin_end = annex->fin_end[i];
	to->start = annex->start[i];
	memcpy(to->history_seq, annex->history_seq[i], sizeof(to->history_seq));
}

static void open_side(const struct tcp_packed *p, int i, int64_t first_ts_ns, struct tcp_side *to)
{
	const struct packed_side *from = &p->side[i];
	const struct packed_more *more = &p->more[i];

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
	to->bits = p->bits & (PACKED_ACK_MAX - 1);
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

/* ---- a flow as a slot's contents ------------------------------------------- */

/* Values are cut to the widths of their fields: is_same() sees what that loses. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

static uint64_t time_of(const struct tcp_flow *from, int64_t ts_ns)
{
	return (uint64_t)ts_ns - (uint64_t)from->first_ts_ns;
}

static void pack_side(const struct tcp_flow *flow, int i, struct tcp_packed *p)
{
	const struct tcp_side *from = &flow->side[i];
	const bool has_fin = (from->bits & TCP_SENT_FIN) != 0;
	const uint32_t closing = from->history_seq[from->history_bits & TCP_HISTORY_F ? 2 : 3];

	p->side[i] = (struct packed_side){
		.last = time_of(flow, from->last_ts_ns),
		.win = from->win,
		.next_at = time_of(flow, from->next_ts_ns),
		.bits = from->bits | (from->win == UINT32_MAX ? PACKED_WIN_UNKNOWN : 0),
		.rtt_at = time_of(flow, from->rtt_ts_ns),
		.nb_unacked = from->nb_unacked,
		.ip_bytes = from->ip_bytes,
		.nb_unacked_new = from->nb_unacked_new,
		/* Each 2^32 is one passing of next through 0. */
		.bytes_high = (from->bytes + has_fin - from->next + from->start) >> 32,
		.next = from->next,
		.ack = from->ack,
		.rtt_end = from->bits & TCP_RTT_RUNNING ? from->rtt_end : closing,
		.pkts = from->pkts,
		.data_pkts = from->data_pkts,
		.psh = from->psh,
		.seen = {from->seen[0], from->seen[1]},
	};
}

static void pack_more(const struct tcp_side *from, struct packed_more *more)
{
	uint32_t flags = 0;

	for (int i = 0; i < TCP_NB_FLAGS - 2; i++)
		flags |= (from->flags[i] & 7) << 3 * i;
	*more = (struct packed_more){
		.rtt_sum = (uint64_t)from->rtt_sum_ns,
		.mss = from->mss,
		.base = from->base,
		.rtt_min = (uint32_t)from->rtt_min_ns,
		.rtt_max = (uint32_t)from->rtt_max_ns,
		.rtt_samples = from->rtt_samples,
		.win_max = from->win_max,
		.flags = flags,
		.no_ack_pkts = from->no_ack_pkts,
		.other_pkts = from->other_pkts,
		.history_bits = from->history_bits,
	};
}

static void pack_seldom(const struct tcp_flow *from, struct tcp_packed *p)
{
	p->first_ts_ns = from->first_ts_ns;
	p->orig_data = time_of(from, from->orig_data_ts_ns);
	p->orig_syns = from->orig_syns;
	p->resp_syn_acks = from->resp_syn_acks;
	p->ttfb = (uint64_t)from->ttfb_ns;
	p->vlan = from->vlan;
	p->initial_rtt = (uint32_t)from->initial_rtt_ns;
	p->syn_ack = (uint32_t)(from->resp_syn_ack_ts_ns - from->first_ts_ns);
	p->synack_rtt = (uint32_t)from->synack_rtt_ns;
	p->input = (uint16_t)from->input;
	memcpy(p->history, from->history, sizeof(p->history));
}

static void pack(const struct tcp_flow *from, struct tcp_packed *p)
{
	p->bits = from->bits;
	p->completeness = from->completeness;
	p->end = from->end;
	p->history_len = from->history_len;
	p->tunnel = from->tunnel;
	p->endpoint_0 = from->side[0].endpoint;
	p->endpoint_1 = from->side[1].endpoint;
	p->wscale_0 = (uint8_t)from->side[0].wscale;
	p->wscale_1 = (uint8_t)from->side[1].wscale;
	for (int i = 0; i < 2; i++) {
		p->ttl_min[i] = from->side[i].ttl_min;
		p->ttl_max[i] = from->side[i].ttl_max;
		p->before_last_ns[i] = from->side[i].before_last_ns;
		p->loss_bits[i] = from->side[i].loss_bits;
		p->fast[i] = (uint8_t)(from->side[i].shift + 2) & PACKED_SHIFT;
		pack_side(from, i, p);
		pack_more(&from->side[i], &p->more[i]);
	}
}

#pragma GCC diagnostic pop

/* ---- what may take the short way ------------------------------------------- */

/* Handshake, history and endpoint states have learnt from segments like this before. */
static bool is_settled(const struct tcp_flow *flow, int i, bool has_data)
{
	const struct tcp_side *f = &flow->side[i];
	const bool is_orig = (i == 1) == ((flow->bits & TCP_FLOW_ORIG_HIGH) != 0);
	uint32_t need = 0;

	if (is_orig) {
		need |= has_data ? TCP_FLOW_ORIG_DATA : 0;
		need |= flow->bits & TCP_FLOW_ORIG_SYN ? TCP_FLOW_ORIG_ACKED | TCP_FLOW_ORIG_OTHER
						       : 0;
		need |= flow->bits & TCP_FLOW_GOOD_SYN_ACK ? TCP_FLOW_COMPLETE : 0;
	} else if (has_data) {
		need |= flow->bits & TCP_FLOW_ORIG_DATA ? TCP_FLOW_HAS_TTFB : 0;
	}
	return (flow->bits & (need | TCP_FLOW_MPTCP)) == need &&
	       (flow->completeness & (has_data ? COMPLETE_DATA : COMPLETE_ACK)) != 0 &&
	       (f->history_bits & (has_data ? TCP_HISTORY_D : TCP_HISTORY_A)) != 0 &&
	       (!has_data || (f->bits & TCP_SENT_DATA) != 0);
}

/* Both sides are open and in order, as far as F's segments ask. */
static bool is_in_order(const struct tcp_flow *flow, const struct tcp_side *f,
			const struct tcp_side *r)
{
	const uint32_t known = TCP_BASE_KNOWN | TCP_HAS_HI;

	return (f->bits & (known | TCP_SYN_WINDOW)) == known &&
	       (r->bits & (known | TCP_SYN_WINDOW)) == known &&
	       (f->loss_bits & TCP_LOSS_ACK_SEEN) != 0 && f->ack == f->ack_max && f->next != 0 &&
	       r->next != 0 && r->win != 0 && r->win != UINT32_MAX && f->win != UINT32_MAX &&
	       ((r->loss_bits & TCP_LOSS_ACK_SEEN) != 0 ? seq_le(r->ack, f->next) : r->ack == 0) &&
	       (f->shift == -1 || (f->bits & TCP_WIN_KNOWN) != 0) && f->endpoint != ENDPOINT_NONE &&
	       (flow->initial_rtt_ns != 0 || flow->syn_ts_ns == 0);
}

static void set_fast(const struct tcp_flow *flow, struct tcp_packed *p)
{
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *f = &flow->side[i];
		const bool has_closed =
			(f->history_bits & HISTORY_NUMBERED) != 0 || (f->bits & TCP_SENT_FIN) != 0;

		if (!is_in_order(flow, &flow->side[i], &flow->side[!i]))
			continue;
		p->fast[i] |= is_settled(flow, i, false) ? PACKED_FAST_ACK : 0;
		/* A timed segment and a FIN's number share their place. */
		p->fast[i] |= is_settled(flow, i, true) && !has_closed ? PACKED_FAST_DATA : 0;
	}
}

/* ---- back into the slot ------------------------------------------------------ */

/* The usual reasons not to try. */
static bool may_pack(const struct tcp_tracker *tracker, const struct tcp_flow *from)
{
	if (tracker->wants_details)
		return false;
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &from->side[i];

		if ((side->loss_bits & TCP_LOSS_HOLES) != 0 || side->dup != 0 ||
		    side->contig != side->next || side->unacked != NULL)
			return false;
	}
	return true;
}

static bool is_same(struct tcp_tracker *tracker, struct flow *slot, const struct tcp_flow *from)
{
	struct tcp_flow *again = &tracker->again;

	packed_open(slot, again);
	return memcmp(again, from, sizeof(*again)) == 0;
}

static bool wants_annex(const struct tcp_flow *from)
{
	return from->first_anomaly_frame != 0 || from->side[0].trouble != NULL ||
	       from->side[1].trouble != NULL;
}

/* Into the slot alone. */
static bool close_plain(struct tcp_tracker *tracker, struct flow *flow, const struct tcp_flow *from)
{
	struct tcp_packed *p = packed_of(flow);

	if (wants_annex(from))
		return false;
	memset(p, 0, sizeof(*p));
	pack(from, p);
	pack_seldom(from, p);
	return is_same(tracker, flow, from);
}

static void fill_annex(const struct tcp_flow *from, struct tcp_packed *p)
{
	struct tcp_annex *annex = p->annex;

	memcpy(annex->seldom, (const char *)from + PACKED_SELDOM_AT, PACKED_SELDOM_BYTES);
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &from->side[i];
		const uint32_t ack_max = side->loss_bits & TCP_LOSS_ACK_SEEN ? side->ack : 0;
		const int64_t data_ts_ns = has_sent_data(side) ? side->next_ts_ns : INT64_MIN;

		p->bits |= side->ack_max != ack_max ? PACKED_ACK_MAX << i : 0;
		p->bits |= side->last_data_ts_ns != data_ts_ns ? PACKED_DATA_TIME << i : 0;
		annex->trouble[i] = side->trouble;
		annex->last_data_ts_ns[i] = side->last_data_ts_ns;
		annex->ack_max[i] = side->ack_max;
		annex->recovery_hi[i] = side->recovery_hi;
		annex->isn[i] = side->isn;
		annex->fin_end[i] = side->fin_end;
		annex->start[i] = side->start;
		memcpy(annex->history_seq[i], side->history_seq, sizeof(side->history_seq));
	}
}

static bool close_with_annex(struct tcp_tracker *tracker, struct flow *flow,
			     const struct tcp_flow *from, struct tcp_annex **annex)
{
	struct tcp_packed *p = packed_of(flow);

	if (*annex == NULL)
		*annex = pool_take(&tracker->pool, sizeof(**annex));
	if (*annex == NULL) {
		tracker->failed = true;
		return false;
	}
	memset(p, 0, sizeof(*p));
	pack(from, p);
	p->bits |= PACKED_ANNEX;
	p->annex = *annex;
	fill_annex(from, p);
	return is_same(tracker, flow, from);
}

/* Beside the slot: where it lies, or anew. */
static void close_beside(struct tcp_tracker *tracker, struct flow *flow, struct tcp_flow *from)
{
	struct tcp_packed *p = packed_of(flow);
	struct tcp_flow *beside = from;

	if (from == &tracker->open) {
		beside = pool_take(&tracker->pool, sizeof(*beside));
		if (beside == NULL) {
			tracker->failed = true; /* the run ends; the slot must not point nowhere */
			memset(p, 0, sizeof(*p));
			return;
		}
		*beside = *from;
	}
	memset(p, 0, sizeof(*p));
	p->bits = PACKED_BESIDE;
	p->flow = beside;
}

void packed_close(struct tcp_tracker *tracker, struct flow *flow, struct tcp_flow *from)
{
	struct tcp_packed *p = packed_of(flow);
	struct tcp_annex *annex = p->bits & PACKED_ANNEX ? p->annex : NULL;
	bool is_packed = false;

	if (p->bits == PACKED_BESIDE && !may_pack(tracker, from))
		return;
	if (may_pack(tracker, from))
		is_packed = close_plain(tracker, flow, from) ||
			    close_with_annex(tracker, flow, from, &annex);
	if (is_packed)
		set_fast(from, p);
	else
		close_beside(tracker, flow, from);
	if (is_packed && from != &tracker->open)
		pool_give(&tracker->pool, from, sizeof(*from));
	if (annex != NULL && (p->bits & PACKED_ANNEX) == 0)
		pool_give(&tracker->pool, annex, sizeof(*annex));
}

const struct tcp_flow *tcp_flow_view(const struct flow *flow, struct tcp_flow *room)
{
	const struct tcp_packed *p = packed_at(flow);

	if (p->bits == PACKED_BESIDE)
		return p->flow;
	packed_open(flow, room);
	return room;
}

void tcp_flow_release(struct tcp_tracker *tracker, struct flow *flow)
{
	struct tcp_packed *p = packed_of(flow);

	if (p->bits == PACKED_BESIDE) {
		for (int i = 0; i < 2; i++) {
			tracker_give_trouble(tracker, p->flow->side[i].trouble);
			unacked_release(tracker, &p->flow->side[i]);
		}
		pool_give(&tracker->pool, p->flow, sizeof(*p->flow));
	} else if (p->bits & PACKED_ANNEX) {
		for (int i = 0; i < 2; i++)
			tracker_give_trouble(tracker, p->annex->trouble[i]);
		pool_give(&tracker->pool, p->annex, sizeof(*p->annex));
	}
	p->bits = PACKED_FRESH;
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
