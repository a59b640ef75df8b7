/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Flows that go on behind an active record (definitions 2.6).
 *
 * What a record adds up begins anew, here and in what only a side with trouble has. Some
 * counters are asked by the rules too, though not how large they are: of these a mark is left
 * that gives the same answers, and is taken out of the next record. So they cannot come to
 * their ends in a flow that lasts for weeks, and the flow is packed as before.
 */

#include <string.h>

#include "packed.h"

/* Bytes in holes that are open. */
static uint64_t open_bytes(const struct tcp_side *side)
{
	const struct tcp_trouble *trouble = tcp_side_trouble(side);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < trouble->nb_holes; i++)
		bytes += trouble->holes[i].end - trouble->holes[i].start;
	return bytes;
}

/* Those of open holes belong to the record in which the hole closes. */
static uint64_t closed_bytes(const struct tcp_side *side)
{
	const uint64_t open = open_bytes(side);

	return side->bytes > open ? side->bytes - open : 0;
}

/*
 * Nobody asks how often 2^32 were passed, only whether they were: so bytes never grow out of
 * the slot's bits.
 */
static void restart_bytes(struct tcp_side *side, uint64_t *told)
{
	const uint64_t closed = closed_bytes(side);
	uint64_t passed = 0;

	if (closed > *told)
		*told = closed;
	if (side->bytes >> 33 != 0)
		passed = (side->bytes >> 32) - 1;
	side->bytes -= passed << 32;
	*told -= passed << 32;
}

/* Letters of the history go on, and so do open holes. */
static void restart_trouble(struct tcp_trouble *trouble)
{
	const struct tcp_trouble old = *trouble;

	memset(trouble, 0, sizeof(*trouble));
	trouble->rto_max_ns = INT64_MIN;
	trouble->history_g = old.history_g;
	trouble->history_t = old.history_t;
	trouble->history_w = old.history_w;
	trouble->nb_holes = old.nb_holes;
	trouble->room = old.room;
	trouble->link = old.link;
}

/* Counters as marks. */
static uint8_t mark_of(const struct tcp_side *side)
{
	uint32_t mark = side->pkts == side->flags[1] ? 1 : 2;

	mark |= side->flags[0] != 0 ? TCP_TOLD_FIN : 0;
	mark |= side->flags[1] != 0 ? TCP_TOLD_SYN : 0;
	mark |= side->rtt_samples != 0 ? TCP_TOLD_RTT : 0;
	return (uint8_t)mark;
}

static void restart_counters(struct tcp_side *side, uint8_t mark)
{
	side->pkts = mark & TCP_TOLD_PKTS;
	side->data_pkts = 0;
	side->psh = 0;
	side->ip_bytes = 0;
	memset(side->flags, 0, sizeof(side->flags));
	side->flags[0] = (mark & TCP_TOLD_FIN) != 0;
	side->flags[1] = (mark & TCP_TOLD_SYN) != 0;
	side->no_ack_pkts = 0;
	side->other_pkts = 0;
	side->ttl_min = UINT8_MAX;
	side->ttl_max = 0;
	side->win_max = 0;
	side->bits &= (uint16_t)~TCP_WIN_KNOWN;
}

/* The smallest round trip ever goes on beside that of the record. */
static void restart_round_trips(struct tcp_side *side, bool has_told, int64_t *told_min_ns)
{
	if (side->rtt_samples == 0)
		return;
	if (!has_told || side->rtt_min_ns < *told_min_ns)
		*told_min_ns = side->rtt_min_ns;
	side->rtt_samples = 1;
	side->rtt_min_ns = INT64_MAX;
	side->rtt_max_ns = 0;
	side->rtt_sum_ns = 0;
}

void restart_flow(struct tcp_flow *flow)
{
	for (int i = 0; i < 2; i++) {
		struct tcp_side *side = &flow->side[i];

		if (side->trouble != NULL)
			restart_trouble(side->trouble);
		if (side->pkts == 0)
			continue;
		restart_bytes(side, &flow->told_bytes[i]);
		restart_round_trips(side, (flow->told[i] & TCP_TOLD_RTT) != 0,
				    &flow->told_rtt_min_ns[i]);
		flow->told[i] = mark_of(side);
		restart_counters(side, flow->told[i]);
	}
	flow->first_anomaly_frame = 0;
	flow->last_anomaly_frame = 0;
}

bool tcp_flow_restart(struct tcp_tracker *tracker, struct flow *flow)
{
	struct tcp_packed *p = packed_of(flow);

	tracker_look_at(tracker, flow);
	tracker->has_grown = false;
	if (p->bits == PACKED_BESIDE) {
		restart_flow(p->flow);
		packed_close(tracker, flow, p->flow);
	} else {
		packed_open(flow, &tracker->open);
		restart_flow(&tracker->open);
		packed_close(tracker, flow, &tracker->open);
	}
	return tracker->has_grown;
}

bool tcp_flow_has_news(const struct flow *flow)
{
	const struct tcp_packed *p = packed_at(flow);
	bool has_news = false;

	for (int i = 0; i < 2; i++) {
		if (p->bits == PACKED_BESIDE)
			has_news |= p->flow->side[i].pkts != (p->flow->told[i] & TCP_TOLD_PKTS);
		else
			has_news |= p->side[i].pkts != (packed_told(p, i) & TCP_TOLD_PKTS);
	}
	return has_news;
}

void tcp_side_untold(const struct tcp_flow *flow, const struct tcp_side *side, bool goes_on,
		     struct tcp_side *untold)
{
	const int i = side == &flow->side[1];
	const uint8_t told = flow->told[i];
	const uint64_t bytes = goes_on ? closed_bytes(side) : side->bytes;

	*untold = *side;
	untold->bytes = bytes > flow->told_bytes[i] ? bytes - flow->told_bytes[i] : 0;
	untold->pkts -= told & TCP_TOLD_PKTS;
	untold->flags[0] -= (told & TCP_TOLD_FIN) != 0;
	untold->flags[1] -= (told & TCP_TOLD_SYN) != 0;
	untold->rtt_samples -= (told & TCP_TOLD_RTT) != 0;
}
