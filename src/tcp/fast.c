/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The short way for what most segments are: the next data, or a new ACK, of a
 * connection that is open and in order. It does what the rules together would do,
 * and a test holds the two against each other, flow state by flow state. Anything
 * that is not plainly so takes the long way.
 */

#include "tcp_priv.h"

/* Nothing in the header asks for a second look. */
static bool is_plain(const struct segment *segment)
{
	const uint8_t odd = SEGMENT_SHORT | SEGMENT_BAD_OFFSET | SEGMENT_CUT | SEGMENT_OPTIONS;

	return (segment->tcp_flags & (uint8_t)~TCP_PSH) == TCP_ACK && (segment->bits & odd) == 0 &&
	       segment->win != 0 && segment->payload_len < 1u << 30;
}

bool fast_is_settled(const struct tcp_flow *flow, int i, bool has_data)
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
	       (flow->initial_rtt_ns != 0 || flow->syn_ts_ns == 0) &&
	       (flow->completeness & (has_data ? COMPLETE_DATA : COMPLETE_ACK)) != 0 &&
	       (f->history_bits & (has_data ? TCP_HISTORY_D : TCP_HISTORY_A)) != 0 &&
	       (!has_data || (f->bits & TCP_SENT_DATA) != 0) && f->endpoint != ENDPOINT_NONE;
}

/* With details both sides have a list of unacknowledged segments, without them none. */
static bool has_usual_lists(const struct step *s)
{
	if (s->tracker->wants_details)
		return s->f->unacked != NULL && s->r->unacked != NULL;
	return s->f->nb_unacked < UNACKED_COUNTED_MAX && s->r->nb_unacked != UNACKED_LISTED;
}

/* The segment goes on where F stopped, and acknowledges nothing that was not seen. */
static bool is_next(const struct step *s)
{
	const struct segment *segment = s->segment;
	const struct tcp_side *f = s->f, *r = s->r;
	const uint16_t known = TCP_BASE_KNOWN | TCP_HAS_HI;

	if ((f->bits & (known | TCP_SYN_WINDOW)) != known || (r->bits & known) != known)
		return false;
	if (((f->loss_bits | r->loss_bits) & TCP_LOSS_HOLES) != 0 || !has_usual_lists(s))
		return false;
	if (f->next == 0 || segment->seq != f->next || segment->seq != f->hi || r->win == 0)
		return false;
	if ((r->contig != 0 && seq_gt(segment->ack, r->contig)) || seq_gt(segment->ack, r->hi))
		return false;
	if (segment->payload_len == 0)
		return segment->ack != f->ack; /* the same again may be a duplicate */
	return !verdict_fills_window(s) &&
	       !(r->ack != 0 && seq_le(segment->seq + segment->payload_len, r->ack));
}

bool fast_track(struct step *s)
{
	const struct segment *segment = s->segment;
	const bool has_data = segment->payload_len > 0;
	struct tcp_side *f = s->f;

	if (!is_plain(segment) || !fast_is_settled(s->flow, s->f == &s->flow->side[1], has_data) ||
	    !is_next(s) || !bytes_note_fresh(s))
		return false;
	track_count_packet(s);
	if (has_data) {
		f->next = segment->seq + segment->payload_len;
		f->next_ts_ns = segment->ts_ns;
	}
	if (f->contig == 0 || segment->seq == f->contig)
		f->contig = f->next;
	if (segment->ack != f->ack) {
		f->ack_frame = s->tracker->wants_details ? s->frame : 0;
		f->dup = 0;
	}
	if (s->tracker->wants_details) {
		verdict_details(s);
	} else {
		f->nb_unacked = (uint16_t)(f->nb_unacked + has_data);
		f->nb_unacked_new = (uint16_t)(f->nb_unacked_new + has_data);
		unacked_count_ack(s->r, segment->ack);
	}
	rtt_track(s);
	if (has_data) {
		f->bytes += segment->payload_len;
		f->hi = f->next;
	}
	f->loss_bits &= (uint8_t)~TCP_LOSS_SACK_LAST;
	loss_raise_ack(f, s->r, segment->ack);
	f->win = segment->win;
	f->ack = segment->ack;
	f->last_ts_ns = segment->ts_ns;
	f->bits &= (uint16_t) ~(TCP_LAST_KEEP_ALIVE | TCP_LAST_ZERO_WINDOW_PROBE);
	track_note_window(s);
	return true;
}
