/* SPDX-License-Identifier: BSD-3-Clause */

/* Round trips and silences (definitions 7; RFC 6298 section 3, Karn's rule). */

#include "tcp_priv.h"

/* ack: that passed the timed segment, or any other number if none did. */
static void stop_timer(struct tcp_side *side, uint32_t ack)
{
	unacked_end_timing(side, ack - side->rtt_end < UNACKED_NEAR);
	side->bits &= (uint16_t)~TCP_RTT_RUNNING;
	side->rtt_end = 0;
	side->rtt_ts_ns = 0;
}

void rtt_abandon(struct tcp_side *side)
{
	if (side->bits & TCP_RTT_RUNNING)
		stop_timer(side, side->rtt_end - 1);
}

static void take_sample(struct tcp_side *side, int64_t ns)
{
	if (ns < 0)
		return;
	if (side->rtt_samples == 0 || ns < side->rtt_min_ns)
		side->rtt_min_ns = ns;
	if (ns > side->rtt_max_ns)
		side->rtt_max_ns = ns;
	if (__builtin_add_overflow(side->rtt_sum_ns, ns, &side->rtt_sum_ns))
		side->rtt_sum_ns = INT64_MAX;
	count(&side->rtt_samples);
}

/* The ACK side: R waits for the end of its timed segment. */
static void end_timer(struct step *s)
{
	struct tcp_side *r = s->r;

	if (!(r->bits & TCP_RTT_RUNNING) || !step_is(s, TCP_ACK) ||
	    seq_lt(s->segment->ack, r->rtt_end))
		return;
	/* Beyond hi it acknowledges what was not seen. */
	if (!seq_gt(s->segment->ack, r->hi))
		take_sample(r, time_since(s->segment->ts_ns, r->rtt_ts_ns));
	stop_timer(r, s->segment->ack);
}

/* The data side: a resend makes the timed segment ambiguous, new data starts a timer. */
static void start_timer(struct step *s)
{
	const struct segment *segment = s->segment;
	struct tcp_side *f = s->f;

	if (segment->payload_len == 0)
		return;
	if (f->bits & TCP_RTT_RUNNING) {
		if (seq_lt(segment->seq, f->rtt_end))
			stop_timer(f, f->rtt_end - 1);
		return;
	}
	if (step_is(s, TCP_SYN) || step_has(s, VERDICT_KEEP_ALIVE))
		return;
	if ((f->bits & TCP_HAS_HI) && segment->seq != f->hi)
		return;
	f->rtt_end = segment->seq + segment->payload_len;
	f->rtt_ts_ns = segment->ts_ns;
	f->bits |= TCP_RTT_RUNNING;
	unacked_begin_timing(f);
}

static void note_silence(struct step *s)
{
	struct tcp_side *f = s->f;
	const int64_t ts_ns = s->segment->ts_ns;

	if (s->segment->payload_len == 0 && !step_is(s, TCP_SYN | TCP_FIN))
		return;
	if (f->last_data_ts_ns != INT64_MIN)
		s->story.silence_ns = time_since(ts_ns, f->last_data_ts_ns);
	if (step_has(s, VERDICT_RETRANSMISSION)) {
		struct tcp_trouble *trouble = tracker_trouble(s->tracker, f);

		if (s->story.silence_ns > trouble->rto_max_ns)
			trouble->rto_max_ns = s->story.silence_ns;
	}
	f->last_data_ts_ns = ts_ns;
}

void rtt_track(struct step *s)
{
	if (!s->is_analysed || s->is_dup)
		return;
	note_silence(s);
	if (step_is(s, TCP_RST))
		return;
	end_timer(s);
	start_timer(s);
}
