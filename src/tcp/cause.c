/* SPDX-License-Identifier: BSD-3-Clause */

/* Why a segment was sent again, or came late (definitions 8): what its packets say by then. */

#include "tcp_priv.h"

#define TIMEOUT_NS 200000000 /* the shortest that kernels wait; RFC 6298 asks for a second */
#define PROMPT_NS 20000000

/* 8.4. The first SYN+ACK of a simultaneous open has its SYN's number, but is not that again. */
static bool is_repeated_syn(const struct step *s)
{
	const uint8_t letter = step_is(s, TCP_ACK) ? TCP_HISTORY_H : TCP_HISTORY_S;

	return step_is(s, TCP_SYN) && (s->f->history_bits & letter) != 0 &&
	       !step_has(s, VERDICT_REUSED_PORTS);
}

/* 8.5: R asked for this segment, and the answer is prompt. */
static bool is_fast(const struct step *s)
{
	const struct tcp_side *r = s->r;
	const int64_t prompt_ns = s->story.reorder_ns > PROMPT_NS ? s->story.reorder_ns : PROMPT_NS;
	const int64_t age_ns = time_since(s->segment->ts_ns, r->last_ts_ns);
	bool asked;

	if (!(r->loss_bits & TCP_LOSS_ACK_SEEN))
		return false;
	asked = (s->segment->seq == r->ack_max && r->dup >= 3 && r->dup != DUP_SPECIAL) ||
		(!seq_lt(s->segment->seq, r->ack_max) && (r->loss_bits & TCP_LOSS_SACK_LAST));
	return asked && age_ns >= 0 && age_ns < prompt_ns;
}

/* RACK-TLP needs SACK (RFC 8985 3). Without a handshake nobody knows. */
static bool may_probe_tail(const struct step *s)
{
	const uint32_t both = TCP_FLOW_ORIG_SYN | TCP_FLOW_RESP_SYN_ACK;

	return (s->flow->bits & both) != both ||
	       (s->f->bits & s->r->bits & TCP_SACK_PERMITTED) != 0;
}

/* Of all round trips, also those before the flow was restarted. */
static int64_t smallest_rtt(const struct step *s)
{
	const int i = s->f == &s->flow->side[1];
	const int64_t told_ns = s->flow->told_rtt_min_ns[i];

	if ((s->flow->told[i] & TCP_TOLD_RTT) && told_ns < s->f->rtt_min_ns)
		return told_ns;
	return s->f->rtt_min_ns;
}

/* 8.6: the last segment, sent again sooner than a timeout would (RFC 8985 7.2). */
static bool is_tail_probe(const struct step *s)
{
	const int64_t rtt_ns = s->f->rtt_samples != 0 ? smallest_rtt(s) : s->flow->initial_rtt_ns;

	if (s->segment->seq + s->segment->payload_len != s->f->hi || rtt_ns <= 0 ||
	    !may_probe_tail(s) || (s->r->loss_bits & TCP_LOSS_ASKED) ||
	    (s->f->loss_bits & TCP_LOSS_RESENT))
		return false;
	return s->story.silence_ns >= rtt_ns && s->story.silence_ns - rtt_ns >= rtt_ns / 2 &&
	       s->story.silence_ns - TIMEOUT_NS < rtt_ns;
}

/* 8.8: an earlier resend's recovery goes on. */
static bool is_recovering(struct step *s)
{
	const struct tcp_side *r = s->r;

	if (!(s->f->loss_bits & TCP_LOSS_RECOVERY))
		return false;
	if (!(r->loss_bits & TCP_LOSS_ACK_SEEN) || seq_lt(r->ack_max, s->f->recovery_hi))
		return true;
	s->f->loss_bits &= (uint8_t)~TCP_LOSS_RECOVERY;
	return false;
}

static enum cause find_resend(struct step *s, bool recovering)
{
	if (s->story.fill.is_reordered)
		return CAUSE_REORDERED;
	if (step_has(s, VERDICT_SPURIOUS_RETRANSMISSION))
		return CAUSE_SPURIOUS;
	if (is_repeated_syn(s))
		return CAUSE_TIMEOUT; /* RFC 6298 2.1 */
	if (is_fast(s))
		return CAUSE_FAST;
	if (is_tail_probe(s))
		return CAUSE_TAIL_PROBE;
	if (s->story.silence_ns >= TIMEOUT_NS)
		return CAUSE_TIMEOUT;
	return recovering ? CAUSE_RECOVERY : CAUSE_UNKNOWN;
}

/* What R's packet says to the next resend. */
static void note_asking(struct step *s)
{
	struct tcp_side *f = s->f;
	const bool has_sack = (s->segment->bits & SEGMENT_HAS_SACK) != 0;

	f->loss_bits &= (uint8_t)~TCP_LOSS_SACK_LAST;
	if (has_sack)
		f->loss_bits |= TCP_LOSS_SACK_LAST;
	if (has_sack || step_has(s, VERDICT_DUPLICATE_ACK))
		f->loss_bits |= TCP_LOSS_ASKED;
}

void cause_find(struct step *s)
{
	struct tcp_side *f = s->f;
	bool recovering;

	if (!s->is_analysed)
		return;
	if (s->is_dup) {
		s->story.cause = s->verdicts != 0 ? CAUSE_CAPTURE_DUPLICATE : CAUSE_NONE;
		return;
	}
	note_asking(s);
	if ((s->verdicts & VERDICT_RESENDS) == 0)
		return;
	recovering = is_recovering(s);
	s->story.cause = (uint8_t)find_resend(s, recovering);
	if (s->story.cause == CAUSE_REORDERED)
		return;
	f->loss_bits |= TCP_LOSS_RESENT;
	if (!recovering) {
		f->loss_bits |= TCP_LOSS_RECOVERY;
		f->recovery_hi = f->hi;
	}
}
