/* SPDX-License-Identifier: BSD-3-Clause */

/* Flows into their slots: see packed.h. */

#include <string.h>

#include "packed.h"

#define HISTORY_NUMBERED (TCP_HISTORY_F | TCP_HISTORY_R)

/* ---- a flow as a slot's contents ------------------------------------------- */

/*
 * Stores a value in a field that may be too narrow for it. The functions below return
 * whether anything was lost so, or does not follow from the rest as packed_open() thinks.
 */
#define PUT(lost, field, value) ((lost) |= (uint64_t)((field) = (value)) != (uint64_t)(value))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

static uint64_t time_of(const struct tcp_flow *from, int64_t ts_ns)
{
	return (uint64_t)ts_ns - (uint64_t)from->first_ts_ns;
}

static bool pack_times(const struct tcp_flow *flow, const struct tcp_side *from,
		       struct packed_side *to)
{
	bool lost = false;

	if (from->pkts == 0)
		return (from->last_ts_ns | from->next_ts_ns | from->rtt_ts_ns) != 0 ||
		       from->last_data_ts_ns != INT64_MIN;
	PUT(lost, to->last, time_of(flow, from->last_ts_ns));
	PUT(lost, to->next_at, time_of(flow, from->next_ts_ns));
	if (from->bits & TCP_RTT_RUNNING)
		PUT(lost, to->rtt_at, time_of(flow, from->rtt_ts_ns));
	else
		lost |= from->rtt_ts_ns != 0;
	return lost;
}

/* Each 2^32 bytes is one passing of next through 0. */
static bool pack_bytes(const struct tcp_side *from, struct packed_side *to)
{
	const uint32_t no_byte = from->bits & TCP_SENT_FIN ? 1 : 0;
	const uint64_t passed = from->bytes + no_byte + from->start - from->next;
	bool lost = false;

	to->ip_bytes = from->ip_bytes;
	lost |= from->ip_bytes >> 47 != 0; /* the short way adds without a look */
	if (!(from->bits & TCP_HAS_HI))
		return lost || from->bytes != 0 || from->hi != 0;
	PUT(lost, to->bytes_high, passed >> 32);
	return lost || (uint32_t)passed != 0 || from->hi != from->next;
}

static bool pack_side(const struct tcp_flow *flow, int i, struct tcp_packed *p)
{
	const struct tcp_side *from = &flow->side[i];
	struct packed_side *to = &p->side[i];
	bool lost = pack_times(flow, from, to);

	lost |= pack_bytes(from, to);
	if (from->win == UINT32_MAX)
		to->bits = PACKED_WIN_UNKNOWN;
	else
		PUT(lost, to->win, from->win);
	lost |= (from->bits & PACKED_WIN_UNKNOWN) != 0;
	to->bits |= from->bits;
	PUT(lost, to->nb_unacked, from->nb_unacked);
	PUT(lost, to->nb_unacked_new, from->nb_unacked_new);
	to->next = from->next;
	to->ack = from->ack;
	to->rtt_end = from->rtt_end;
	to->pkts = from->pkts;
	to->data_pkts = from->data_pkts;
	to->psh = from->psh;
	to->seen[0] = from->seen[0];
	to->seen[1] = from->seen[1];
	lost |= from->rtt_end != 0 && !(from->bits & TCP_RTT_RUNNING);
	return lost || from->mptcp_seen != 0 || from->ack_frame != 0;
}

/* What does not fit here is in the annex: is_wide(). */
static bool pack_more(const struct tcp_side *from, struct packed_more *to)
{
	bool lost = false;
	uint32_t flags = 0;

	for (int i = 0; i < TCP_NB_FLAGS - 2; i++)
		flags |= (from->flags[i] & 7) << 3 * i;
	PUT(lost, to->rtt_sum, (uint64_t)from->rtt_sum_ns);
	to->rtt_min = (uint32_t)from->rtt_min_ns;
	to->rtt_max = (uint32_t)from->rtt_max_ns;
	to->mss = from->mss;
	to->base = from->base;
	to->rtt_samples = from->rtt_samples;
	to->win_max = from->win_max;
	to->flags = flags;
	to->no_ack_pkts = from->no_ack_pkts;
	to->other_pkts = from->other_pkts;
	to->history_bits = from->history_bits;
	return lost;
}

static bool has_long_rtt(const struct tcp_side *from)
{
	return ((uint64_t)from->rtt_min_ns | (uint64_t)from->rtt_max_ns) >> 32 != 0;
}

static bool is_wide(const struct tcp_side *from)
{
	uint32_t wide = from->no_ack_pkts | from->other_pkts;

	for (int i = 0; i < TCP_NB_FLAGS - 2; i++)
		wide |= from->flags[i];
	return wide > 7 || has_long_rtt(from);
}

/* What an annex would have if it did not follow from the rest. */
static bool pack_derived_side(const struct tcp_side *from, struct packed_side *to)
{
	const uint8_t history = from->history_bits;
	const uint32_t closing = from->history_seq[history & TCP_HISTORY_F ? 2 : 3];
	bool lost = false;

	lost |= from->ack_max != (from->loss_bits & TCP_LOSS_ACK_SEEN ? from->ack : 0);
	lost |= from->isn != (from->bits & TCP_ISN_KNOWN ? from->base : 0);
	lost |= from->fin_end != (from->bits & TCP_SENT_FIN ? from->next : 0);
	lost |= from->start != (from->bits & TCP_HAS_HI ? from->base + 1 : 0);
	lost |= from->history_seq[0] != (history & TCP_HISTORY_S ? from->base : 0);
	lost |= from->history_seq[1] != (history & TCP_HISTORY_H ? from->base : 0);
	lost |= from->recovery_hi != 0 || is_wide(from);
	if (from->pkts != 0)
		lost |= from->last_data_ts_ns !=
			(packed_has_sent_data(from) ? from->next_ts_ns : INT64_MIN);
	if (from->bits & TCP_RTT_RUNNING)
		return lost || (from->history_seq[2] | from->history_seq[3]) != 0;
	lost |= from->history_seq[2] != (history & TCP_HISTORY_F ? closing : 0);
	lost |= from->history_seq[3] != (history & TCP_HISTORY_R ? closing : 0);
	to->rtt_end = closing;
	return lost;
}

static bool pack_times_of_flow(const struct tcp_flow *from, struct tcp_packed *p)
{
	const int64_t syn_ts_ns = from->bits & TCP_FLOW_ORIG_SYN ? from->first_ts_ns : 0;
	bool lost = from->min_ts_ns != from->first_ts_ns;

	p->first_ts_ns = from->first_ts_ns;
	lost |= from->syn_ts_ns != syn_ts_ns || from->orig_syn_ts_ns != syn_ts_ns;
	if (from->bits & TCP_FLOW_RESP_SYN_ACK)
		PUT(lost, p->syn_ack, time_of(from, from->resp_syn_ack_ts_ns));
	else
		lost |= from->resp_syn_ack_ts_ns != 0;
	lost |= from->syn_rtt_ns != (from->bits & TCP_FLOW_SYN_RTT ? p->syn_ack : 0);
	if (from->bits & TCP_FLOW_ORIG_DATA)
		PUT(lost, p->orig_data, time_of(from, from->orig_data_ts_ns));
	else
		lost |= from->orig_data_ts_ns != 0;
	PUT(lost, p->ttfb, (uint64_t)from->ttfb_ns);
	PUT(lost, p->initial_rtt, from->initial_rtt_ns);
	PUT(lost, p->synack_rtt, from->synack_rtt_ns);
	return lost;
}

/* What an annex would have. */
static bool pack_seldom(const struct tcp_flow *from, struct tcp_packed *p)
{
	bool lost = pack_times_of_flow(from, p);

	PUT(lost, p->orig_syns, from->orig_syns);
	PUT(lost, p->resp_syn_acks, from->resp_syn_acks);
	PUT(lost, p->input, from->input);
	p->vlan = from->vlan;
	memcpy(p->history, from->history, sizeof(p->history));
	lost |= pack_derived_side(&from->side[0], &p->side[0]);
	lost |= pack_derived_side(&from->side[1], &p->side[1]);
	return lost || from->history_len > PACKED_HISTORY_MAX || from->orig_syn_len != 0 ||
	       from->mptcp_ops != 0;
}

static bool is_latest(const struct tcp_flow *from)
{
	int64_t max_ts_ns = from->first_ts_ns;

	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &from->side[i];

		if (side->pkts != 0 && side->last_ts_ns > max_ts_ns)
			max_ts_ns = side->last_ts_ns;
	}
	return from->max_ts_ns == max_ts_ns;
}

static bool pack(const struct tcp_flow *from, struct tcp_packed *p)
{
	bool lost = !is_latest(from) || from->bits >= PACKED_RTT_LONG;

	p->bits = from->bits;
	PUT(lost, p->completeness, from->completeness);
	PUT(lost, p->end, from->end);
	PUT(lost, p->history_len, from->history_len);
	PUT(lost, p->tunnel, from->tunnel);
	PUT(lost, p->endpoint_0, from->side[0].endpoint);
	PUT(lost, p->endpoint_1, from->side[1].endpoint);
	PUT(lost, p->wscale_0, (uint8_t)from->side[0].wscale);
	PUT(lost, p->wscale_1, (uint8_t)from->side[1].wscale);
	for (int i = 0; i < 2; i++) {
		p->ttl_min[i] = from->side[i].ttl_min;
		p->ttl_max[i] = from->side[i].ttl_max;
		p->before_last_ns[i] = from->side[i].before_last_ns;
		p->loss_bits[i] = from->side[i].loss_bits;
		p->fast[i] = (uint8_t)(from->side[i].shift + 2) & PACKED_SHIFT;
		lost |= pack_side(from, i, p);
		lost |= pack_more(&from->side[i], &p->more[i]);
	}
	return lost;
}

#pragma GCC diagnostic pop

/* The whole truth, for assert(): unpacked again, it is what the rules made of it. */
static bool __attribute__((unused))
is_same(struct tcp_tracker *tracker, const struct flow *slot, const struct tcp_flow *from)
{
	packed_open(slot, &tracker->again);
	return memcmp(&tracker->again, from, sizeof(*from)) == 0;
}

/* ---- what may take the short way ------------------------------------------- */

/* Both sides are open and in order, as far as F's segments ask. */
static bool is_in_order(const struct tcp_side *f, const struct tcp_side *r)
{
	const uint32_t known = TCP_BASE_KNOWN | TCP_HAS_HI;

	return (f->bits & (known | TCP_SYN_WINDOW | TCP_LAST_ZERO_WINDOW_PROBE)) == known &&
	       (r->bits & (known | TCP_SYN_WINDOW)) == known &&
	       (f->loss_bits & TCP_LOSS_ACK_SEEN) != 0 && f->ack == f->ack_max && f->next != 0 &&
	       r->next != 0 && r->win != 0 && r->win != UINT32_MAX && f->win != UINT32_MAX &&
	       (f->shift == -1 || (f->bits & TCP_WIN_KNOWN) != 0);
}

static void set_fast(const struct tcp_flow *flow, struct tcp_packed *p)
{
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *f = &flow->side[i];
		const bool has_closed =
			(f->history_bits & HISTORY_NUMBERED) != 0 || (f->bits & TCP_SENT_FIN) != 0;

		if (!is_in_order(&flow->side[i], &flow->side[!i]))
			continue;
		p->fast[i] |= fast_is_settled(flow, i, false) ? PACKED_FAST_ACK : 0;
		/* A timed segment and a FIN's number share their place. */
		p->fast[i] |= fast_is_settled(flow, i, true) && !has_closed ? PACKED_FAST_DATA : 0;
	}
}

/* ---- back into the slot ------------------------------------------------------ */

/* The usual reasons not to try. */
static bool may_pack(struct tcp_tracker *tracker, struct tcp_flow *from)
{
	if (tracker->wants_details)
		return false;
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &from->side[i];

		if ((side->loss_bits & TCP_LOSS_HOLES) != 0 || side->dup != 0 ||
		    side->contig != side->next || side->unacked != NULL)
			return false;
	}
	return tracker_drop_room(tracker, &from->side[0]) &&
	       tracker_drop_room(tracker, &from->side[1]);
}

static bool wants_annex(const struct tcp_flow *from)
{
	return from->first_anomaly_frame != 0 || from->side[0].trouble != NULL ||
	       from->side[1].trouble != NULL || (from->told[0] | from->told[1]) != 0;
}

static void fill_annex(const struct tcp_flow *from, struct tcp_packed *p)
{
	struct tcp_annex *annex = p->annex;

	memcpy(annex->seldom, (const char *)from + PACKED_SELDOM_AT, PACKED_SELDOM_BYTES);
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &from->side[i];
		const uint32_t ack_max = side->loss_bits & TCP_LOSS_ACK_SEEN ? side->ack : 0;
		const int64_t data_ts_ns =
			packed_has_sent_data(side) ? side->next_ts_ns : INT64_MIN;

		p->bits |= side->ack_max != ack_max ? PACKED_ACK_MAX << i : 0;
		p->bits |= side->last_data_ts_ns != data_ts_ns ? PACKED_DATA_TIME << i : 0;
		p->bits |= has_long_rtt(side) ? PACKED_RTT_LONG << i : 0;
		annex->trouble[i] = side->trouble;
		annex->last_data_ts_ns[i] = side->last_data_ts_ns;
		annex->ack_max[i] = side->ack_max;
		annex->recovery_hi[i] = side->recovery_hi;
		annex->isn[i] = side->isn;
		annex->fin_end[i] = side->fin_end;
		annex->start[i] = side->start;
		annex->rtt_min_ns[i] = side->rtt_min_ns;
		annex->rtt_max_ns[i] = side->rtt_max_ns;
		annex->no_ack_pkts[i] = side->no_ack_pkts;
		annex->other_pkts[i] = side->other_pkts;
		memcpy(annex->flags[i], side->flags, sizeof(side->flags));
		memcpy(annex->history_seq[i], side->history_seq, sizeof(side->history_seq));
	}
}

/* What the slot does not hold; annex: that the flow has had, or NULL. */
static bool add_annex(struct tcp_tracker *tracker, const struct tcp_flow *from,
		      struct tcp_packed *p, struct tcp_annex *annex)
{
	if (annex == NULL)
		annex = tracker_take(tracker, sizeof(*annex));
	if (annex == NULL)
		return false;
	p->bits |= PACKED_ANNEX;
	p->annex = annex;
	fill_annex(from, p);
	return true;
}

/* Beside the slot: where it lies, or anew. */
static void close_beside(struct tcp_tracker *tracker, struct flow *flow, struct tcp_flow *from)
{
	struct tcp_packed *p = packed_of(flow);
	struct tcp_flow *beside = from;

	if (from == &tracker->open) {
		beside = tracker_take(tracker, sizeof(*beside));
		if (beside == NULL) { /* the run ends; the slot must not point nowhere */
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
	bool is_packed = may_pack(tracker, from);

	if (!is_packed && p->bits == PACKED_BESIDE)
		return;
	memset(p, 0, sizeof(*p));
	is_packed = is_packed && !pack(from, p);
	if (is_packed && (wants_annex(from) || pack_seldom(from, p)))
		is_packed = add_annex(tracker, from, p, annex);
	assert(!is_packed || is_same(tracker, flow, from));
	if (is_packed)
		set_fast(from, p);
	else
		close_beside(tracker, flow, from);
	if (is_packed && from != &tracker->open)
		tracker_give(tracker, from, sizeof(*from));
	if (annex != NULL && (p->bits & PACKED_ANNEX) == 0)
		tracker_give(tracker, annex, sizeof(*annex));
}
