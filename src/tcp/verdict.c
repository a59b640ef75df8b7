/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The TCP analysis spec, section 3: what tshark 4.0.17 would say of a segment.
 * Step numbers are the spec's.
 */

#include "tcp_priv.h"

#define FAST_RETRANSMISSION_NS 20000000u

static bool is_syn_fin_rst(const struct step *s)
{
	return step_is(s, TCP_SYN | TCP_FIN | TCP_RST);
}

/* Step 1. */
static void learn_bases(struct step *s)
{
	const struct segment *segment = s->segment;

	if (!(s->f->bits & TCP_BASE_KNOWN)) {
		s->f->base = step_is(s, TCP_SYN) ? segment->seq : segment->seq - 1;
		s->f->bits |= TCP_BASE_KNOWN;
	}
	if (!(s->r->bits & TCP_BASE_KNOWN) && step_is(s, TCP_ACK)) {
		s->r->base = segment->ack - 1;
		s->r->bits |= TCP_BASE_KNOWN;
	}
}

/* Bits of the unacked list's owner that only details ask for: steps 2 and 5. */
static void note_bytes_in_flight_known(struct tcp_side *side, bool known)
{
	if (side->unacked != NULL)
		side->unacked->bif_unknown = !known;
}

/* Step 8: the segment ends exactly where R's window does. */
bool verdict_fills_window(const struct step *s)
{
	const struct tcp_side *r = s->r;
	uint32_t shift = 0;

	if (s->segment->payload_len == 0 || r->shift == -1 || is_syn_fin_rst(s))
		return false;
	if (!(r->bits & TCP_SYN_WINDOW) && r->shift != -2)
		shift = (uint32_t)r->shift;
	return s->segment->seq + s->segment->payload_len == r->ack + (r->win << shift);
}

/* Steps 4 to 8: none of them excludes another. */
static void judge_window_and_order(struct step *s)
{
	const struct segment *segment = s->segment;
	const struct tcp_side *f = s->f;
	const uint32_t len = segment->payload_len;
	const bool plain = !is_syn_fin_rst(s);

	if (segment->win == 0 && plain)
		step_verdict(s, VERDICT_ZERO_WINDOW);
	if (f->next != 0 && seq_gt(segment->seq, f->next) && !step_is(s, TCP_RST)) {
		step_verdict(s, VERDICT_LOST_SEGMENT);
		note_bytes_in_flight_known(s->f, false);
	}
	if (len <= 1 && segment->seq == f->next - 1 && plain)
		step_verdict(s, VERDICT_KEEP_ALIVE);
	if (len == 0 && segment->win != 0 && segment->win != f->win && segment->seq == f->next &&
	    segment->ack == f->ack && plain)
		step_verdict(s, VERDICT_WINDOW_UPDATE);
	if (verdict_fills_window(s))
		step_verdict(s, VERDICT_WINDOW_FULL);
}

/* Step 9: acknowledgements that say the same again. */
static void judge_repeated_ack(struct step *s)
{
	const struct segment *segment = s->segment;
	struct tcp_side *f = s->f;

	if (segment->payload_len != 0 || segment->seq != f->next || segment->ack != f->ack ||
	    is_syn_fin_rst(s))
		return;
	if (segment->win != 0 && segment->win == f->win &&
	    (s->r->bits & TCP_LAST_KEEP_ALIVE) != 0) {
		step_verdict(s, VERDICT_KEEP_ALIVE_ACK);
	} else if (segment->win == 0 && f->win == 0 &&
		   (s->r->bits & TCP_LAST_ZERO_WINDOW_PROBE) != 0) {
		step_verdict(s, VERDICT_ZERO_WINDOW_PROBE_ACK);
	} else if (segment->win != 0 && segment->win == f->win &&
		   !((s->flow->bits & TCP_FLOW_MPTCP) && s->flow->mptcp_ops != f->mptcp_seen)) {
		f->dup = f->dup == DUP_SPECIAL ? 1 : f->dup + 1;
		step_verdict(s, VERDICT_DUPLICATE_ACK);
	}
}

/* Step 11. */
static void judge_ack_of_unseen(struct step *s)
{
	struct tcp_side *r = s->r;

	if (!step_is(s, TCP_ACK) || r->contig == 0 || !seq_gt(s->segment->ack, r->contig))
		return;
	s->story.has_record = true;
	if (seq_lt(r->contig, r->next)) {
		r->contig = r->next;
		step_verdict(s, VERDICT_ACK_LOST_SEGMENT);
		return;
	}
	if (r->dup == 0)
		step_verdict(s, VERDICT_ACK_LOST_SEGMENT);
	r->dup = DUP_SPECIAL;
}

/* Step 12e: since the oldest segment that waits for an ACK. Wants the list from the start. */
static void measure_rto(struct step *s)
{
	const struct unacked_entry *oldest = unacked_oldest(s->f);
	int64_t since_ns = s->f->next_ts_ns;

	if (!s->tracker->wants_details || s->f->unacked == NULL)
		return;
	s->story.rto_frame = s->f->unacked->next_frame;
	if (oldest != NULL) {
		since_ns = oldest->ts_ns;
		s->story.rto_frame = oldest->frame;
	}
	s->story.rto_ns = time_since(s->segment->ts_ns, since_ns);
}

/* Step 12: a segment that does not move the sequence forward. */
static void judge_resend(struct step *s)
{
	const struct segment *segment = s->segment;
	const struct tcp_side *f = s->f, *r = s->r;
	const uint32_t len = segment->payload_len;
	const uint32_t control = step_is(s, TCP_SYN | TCP_FIN) ? 1 : 0;
	bool old = f->next != 0 && seq_lt(segment->seq, f->next);
	uint64_t reorder_ns = DEFAULT_REORDER_NS;

	if ((len == 0 && control == 0) || step_has(s, VERDICT_KEEP_ALIVE))
		return;
	if (len > 1 && segment->seq == f->next - 1)
		old = false;
	if (len > 0 && r->ack != 0 && seq_le(segment->seq + len, r->ack)) {
		step_verdict(s, VERDICT_SPURIOUS_RETRANSMISSION);
		return;
	}
	if (!old)
		return;
	if (r->dup >= 2 && r->ack == segment->seq &&
	    (uint64_t)segment->ts_ns - (uint64_t)r->last_ts_ns < FAST_RETRANSMISSION_NS) {
		step_verdict(s, VERDICT_FAST_RETRANSMISSION);
		return;
	}
	/* Unsigned: negative ages and negative round trips wrap, as in the spec. */
	if (s->flow->initial_rtt_ns != 0)
		reorder_ns = (uint64_t)s->flow->initial_rtt_ns;
	if (f->next != segment->seq + len + control &&
	    (uint64_t)segment->ts_ns - (uint64_t)f->next_ts_ns < reorder_ns) {
		step_verdict(s, VERDICT_OUT_OF_ORDER);
	} else {
		step_verdict(s, VERDICT_RETRANSMISSION);
		measure_rto(s);
	}
}

/* Step 13: the segment waits for its ACK. Returns its end, without the 1 of a SYN or FIN at the
 * cap.
 */
static uint32_t wait_for_ack(struct step *s, bool is_probe)
{
	const struct segment *segment = s->segment;
	struct unacked_entry entry = {
		.seq = segment->seq,
		.end = segment->seq + segment->payload_len,
		.ts_ns = segment->ts_ns,
		.frame = s->frame,
	};

	if ((segment->payload_len == 0 && !step_is(s, TCP_SYN | TCP_FIN)) || unacked_is_full(s->f))
		return entry.end;
	entry.end += step_is(s, TCP_SYN | TCP_FIN) ? 1 : 0;
	/* What may end above next is nothing for the count: a probe, or next that wrapped to 0. */
	if (is_probe || (s->f->next == 0 && s->f->nb_unacked != 0))
		(void)unacked_begin(s->tracker, s->f);
	unacked_add(s->tracker, s->f, &entry);
	return entry.end;
}

/* Steps 14 to 16. */
static void remember(struct step *s, uint32_t end, bool is_probe)
{
	const struct segment *segment = s->segment;
	struct tcp_side *f = s->f;

	if (!is_probe) {
		if (f->next == 0 || seq_gt(end, f->next)) {
			f->next = end;
			f->next_ts_ns = segment->ts_ns;
			if (f->unacked != NULL)
				f->unacked->next_frame = s->frame;
		}
		if (f->contig == 0 || segment->seq == f->contig)
			f->contig = f->next;
	}
	f->win = segment->win;
	f->ack = segment->ack;
	f->last_ts_ns = segment->ts_ns;
	f->mptcp_seen = s->flow->mptcp_ops;
	f->bits &= (uint16_t) ~(TCP_LAST_KEEP_ALIVE | TCP_LAST_ZERO_WINDOW_PROBE);
	if (step_has(s, VERDICT_KEEP_ALIVE))
		f->bits |= TCP_LAST_KEEP_ALIVE;
	if (is_probe)
		f->bits |= TCP_LAST_ZERO_WINDOW_PROBE;
}

/* Step 18's second half. */
static uint32_t add_pushed(struct tcp_unacked *list, uint32_t len, bool is_push)
{
	if (list->push_prev)
		list->push_sum = len;
	else
		list->push_sum += len;
	list->push_prev = is_push;
	return list->push_sum;
}

/* Step 18. */
static void measure_flight(struct step *s)
{
	struct tcp_unacked *list = s->f->unacked;
	const uint32_t len = s->segment->payload_len;
	uint32_t n;

	if (!s->tracker->wants_details || list == NULL || len == 0 || list->nb == 0 ||
	    list->bif_unknown)
		return;
	n = unacked_span(list, s->f->base);
	if (s->r->unacked != NULL)
		n -= s->r->unacked->sack_bytes;
	s->story.has_record = true;
	if (n > 0 && n < 2000000000)
		s->story.bytes_in_flight = n - (step_is(s, TCP_SYN | TCP_FIN) ? 1 : 0);
	s->story.push_bytes = add_pushed(list, len, step_is(s, TCP_PSH));
}

/* Step 17. */
static void take_ack(struct step *s)
{
	s->story.match = unacked_take_ack(s->tracker, s->r, s->segment->ack);
	s->story.has_record |= s->story.match.frame != 0 || s->verdicts != 0;
}

void verdict_details(struct step *s)
{
	s->f->unacked->sack_bytes = 0;
	note_bytes_in_flight_known(s->r, true);
	if (s->segment->payload_len > 0) {
		(void)wait_for_ack(s, false);
		s->f->unacked->next_frame = s->frame;
	}
	take_ack(s);
	measure_flight(s);
}

void verdict_analyse(struct step *s)
{
	const struct segment *segment = s->segment;
	struct tcp_side *f = s->f;
	uint32_t end;
	bool is_probe;

	learn_bases(s);
	if (step_is(s, TCP_ACK))
		note_bytes_in_flight_known(s->r, true);
	is_probe = segment->payload_len == 1 && segment->seq == f->next && s->r->win == 0;
	if (is_probe) {
		step_verdict(s, VERDICT_ZERO_WINDOW_PROBE);
	} else {
		judge_window_and_order(s);
		judge_repeated_ack(s);
	}
	if (segment->ack != f->ack) { /* step 10, also without the ACK flag */
		f->ack_frame = s->tracker->wants_details ? s->frame : 0;
		f->dup = 0;
	}
	judge_ack_of_unseen(s);
	judge_resend(s);
	end = wait_for_ack(s, is_probe);
	remember(s, end, is_probe);
	take_ack(s);
	measure_flight(s);
}
