/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Opening a connection: the facts of the spec's section 5 (window scale, initial
 * RTT, completeness, Fast Open) and those of definitions 3.
 */

#include "tcp_priv.h"

static bool is_pure_syn(const struct step *s)
{
	return (s->segment->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static bool is_syn_ack(const struct step *s)
{
	return (s->segment->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* Step 19. */
void handshake_completeness(struct step *s, bool created)
{
	uint8_t *complete = &s->flow->completeness;
	const bool has_data = s->segment->payload_len > 0;
	uint32_t ack_relative = s->segment->ack;

	if (created) {
		if (is_pure_syn(s))
			*complete |= (uint8_t)(COMPLETE_SYN | (has_data ? COMPLETE_DATA : 0));
	} else {
		if (is_syn_ack(s))
			*complete |= COMPLETE_SYN_ACK;
		if (step_is(s, TCP_ACK) && !step_is(s, TCP_SYN))
			*complete |= has_data ? COMPLETE_DATA : COMPLETE_ACK;
		if (step_is(s, TCP_FIN) && step_is(s, TCP_ACK))
			*complete |= COMPLETE_FIN;
		if (step_is(s, TCP_RST))
			*complete |= COMPLETE_RST;
	}
	if (!is_syn_ack(s))
		return;
	if (s->is_analysed)
		ack_relative -= s->r->base;
	if (ack_relative > 1)
		step_verdict(s, VERDICT_TFO_ACK);
	else if (s->flow->bits & TCP_FLOW_TFO_DATA)
		step_verdict(s, VERDICT_TFO_IGNORED);
}

/* Steps 20 and 21 always; 22 and 23 if options is not NULL (the header is whole). */
void handshake_after(struct step *s, const struct tcp_options *options)
{
	const struct segment *segment = s->segment;
	struct tcp_flow *flow = s->flow;

	if (step_is(s, TCP_SYN)) {
		if (!step_is(s, TCP_ACK))
			flow->syn_ts_ns = segment->ts_ns;
		s->f->bits |= TCP_SYN_WINDOW;
	} else if (step_is(s, TCP_ACK)) {
		if (flow->syn_ts_ns != 0 && flow->initial_rtt_ns == 0)
			flow->initial_rtt_ns = time_since(segment->ts_ns, flow->syn_ts_ns);
		s->f->bits &= (uint16_t)~TCP_SYN_WINDOW;
	}
	if (options == NULL)
		return;
	if (options->wscale != 0xff)
		s->f->shift = (int8_t)options->wscale;
	if (options->nb_cookies != 0 && is_pure_syn(s)) {
		step_verdict(s, VERDICT_TFO_SYN);
		s->story.nb_tfo_more = (uint8_t)(options->nb_cookies - 1);
		if (segment->payload_len > 0)
			flow->bits |= TCP_FLOW_TFO_DATA;
	}
	if (!step_is(s, TCP_SYN) || s->hides_verdicts)
		return;
	if (s->f->shift == -1) {
		s->f->shift = -2;
		s->r->shift = -2;
	} else if (step_is(s, TCP_ACK) && s->r->shift == -2) {
		s->f->shift = -2;
	}
}

/* MSS, scale, SACK and time stamps come from the packet that gave the ISN (3.2). */
static void learn_isn(struct step *s, const struct tcp_options *options)
{
	struct tcp_side *f = s->f;

	f->isn = s->segment->seq;
	f->bits &= (uint16_t) ~(TCP_MSS_KNOWN | TCP_WSCALE_KNOWN | TCP_SACK_PERMITTED |
				TCP_TIMESTAMPS | TCP_ECN_SETUP);
	f->bits |= TCP_ISN_KNOWN;
	if (step_is(s, TCP_ECE) && step_is(s, TCP_CWR) == is_pure_syn(s))
		f->bits |= TCP_ECN_SETUP; /* RFC 3168 6.1.1 */
	if (options == NULL)
		return;
	if (options->has_mss) {
		f->mss = options->mss;
		f->bits |= TCP_MSS_KNOWN;
	}
	if (options->wscale != 0xff) {
		f->wscale = (int8_t)options->wscale;
		f->bits |= TCP_WSCALE_KNOWN;
	}
	if (options->sack_permitted)
		f->bits |= TCP_SACK_PERMITTED;
	if (options->timestamps)
		f->bits |= TCP_TIMESTAMPS;
}

static void orig_syn(struct step *s, const struct tcp_options *options)
{
	struct tcp_flow *flow = s->flow;

	if (!(flow->bits & TCP_FLOW_ORIG_SYN))
		learn_isn(s, options);
	flow->bits |= TCP_FLOW_ORIG_SYN;
	count(&flow->orig_syns);
	flow->orig_syn_ts_ns = s->segment->ts_ns;
	if (s->segment->seq == s->f->isn && s->segment->payload_len > flow->orig_syn_len)
		flow->orig_syn_len = s->segment->payload_len;
	if ((flow->bits & (TCP_FLOW_RESP_SYN | TCP_FLOW_RESP_SYN_ACK | TCP_FLOW_ORIG_SYN_ACK)) ==
	    TCP_FLOW_RESP_SYN)
		flow->bits |= TCP_FLOW_BOTH_SYN;
}

static void resp_syn(struct step *s, const struct tcp_options *options)
{
	struct tcp_flow *flow = s->flow;

	if (!(s->f->bits & TCP_ISN_KNOWN))
		learn_isn(s, options);
	if ((flow->bits & (TCP_FLOW_ORIG_SYN | TCP_FLOW_RESP_SYN_ACK | TCP_FLOW_ORIG_SYN_ACK)) ==
	    TCP_FLOW_ORIG_SYN)
		flow->bits |= TCP_FLOW_BOTH_SYN;
	flow->bits |= TCP_FLOW_RESP_SYN;
}

static void resp_syn_ack(struct step *s, const struct tcp_options *options)
{
	struct tcp_flow *flow = s->flow;
	const uint32_t acked = s->segment->ack - s->r->isn; /* of orig, SYN included */
	const bool isn_known = (s->r->bits & TCP_ISN_KNOWN) != 0;
	const bool good = !isn_known || (acked >= 1 && acked - 1 <= flow->orig_syn_len);

	/* The first SYN+ACK gives resp's ISN, before a SYN of its own. */
	if (!(flow->bits & TCP_FLOW_RESP_SYN_ACK))
		learn_isn(s, options);
	flow->bits |= TCP_FLOW_RESP_SYN_ACK;
	count(&flow->resp_syn_acks);
	flow->resp_syn_ack_ts_ns = s->segment->ts_ns;
	if (!good)
		return;
	if (isn_known && acked > 1)
		flow->bits |= TCP_FLOW_SYN_DATA_ACKED;
	if (!(flow->bits & TCP_FLOW_GOOD_SYN_ACK) && (flow->bits & TCP_FLOW_ORIG_SYN)) {
		flow->syn_rtt_ns = time_since(s->segment->ts_ns, flow->orig_syn_ts_ns);
		flow->bits |= TCP_FLOW_SYN_RTT;
	}
	flow->bits |= TCP_FLOW_GOOD_SYN_ACK;
}

/* A packet of orig without SYN: does it complete the handshake (3.4)? */
static void orig_ack(struct step *s)
{
	struct tcp_flow *flow = s->flow;

	if (flow->bits & TCP_FLOW_ORIG_SYN)
		flow->bits |= TCP_FLOW_ORIG_ACKED;
	if ((flow->bits & (TCP_FLOW_GOOD_SYN_ACK | TCP_FLOW_COMPLETE)) != TCP_FLOW_GOOD_SYN_ACK)
		return;
	if (seq_lt(s->segment->ack, s->r->isn + 1))
		return;
	flow->bits |= TCP_FLOW_COMPLETE;
	s->story.completes = true;
	flow->synack_rtt_ns = time_since(s->segment->ts_ns, flow->resp_syn_ack_ts_ns);
}

/* Definitions 3.2 to 3.6. */
void handshake_facts(struct step *s, const struct tcp_options *options)
{
	if (!s->is_orig && step_is(s, TCP_RST))
		s->flow->bits |= TCP_FLOW_RESP_RST;
	if (is_pure_syn(s)) {
		if (s->is_orig)
			orig_syn(s, options);
		else
			resp_syn(s, options);
	} else if (is_syn_ack(s)) {
		if (s->is_orig)
			s->flow->bits |= TCP_FLOW_ORIG_SYN_ACK;
		else
			resp_syn_ack(s, options);
	} else if (s->is_orig && step_is(s, TCP_ACK)) {
		orig_ack(s);
	}
}

enum handshake tcp_flow_handshake(const struct tcp_flow *flow)
{
	const uint32_t bits = flow->bits;
	const bool any_syn_ack = (bits & (TCP_FLOW_ORIG_SYN_ACK | TCP_FLOW_RESP_SYN_ACK)) != 0;
	const bool any_syn = (bits & (TCP_FLOW_ORIG_SYN | TCP_FLOW_RESP_SYN)) != 0;

	if (!any_syn && !any_syn_ack)
		return HANDSHAKE_MIDSTREAM;
	if (!any_syn)
		return HANDSHAKE_RESP_ONLY;
	if (bits & TCP_FLOW_BOTH_SYN) {
		/* Split: resp answered with a SYN, and only orig sent SYN+ACK. */
		const uint32_t both = TCP_FLOW_ORIG_SYN_ACK | TCP_FLOW_RESP_SYN_ACK;

		if ((bits & both) != TCP_FLOW_ORIG_SYN_ACK)
			return HANDSHAKE_SIMULTANEOUS;
		return HANDSHAKE_SPLIT;
	}
	if (bits & TCP_FLOW_COMPLETE)
		return HANDSHAKE_COMPLETE;
	if (bits & TCP_FLOW_GOOD_SYN_ACK)
		return HANDSHAKE_SYN_ACK_UNACKED;
	if (bits & TCP_FLOW_RESP_SYN_ACK)
		return HANDSHAKE_BAD_ACK;
	if (bits & TCP_FLOW_RESP_RST)
		return HANDSHAKE_REFUSED;
	if (tcp_flow_resp(flow)->pkts == 0 && (bits & TCP_FLOW_ORIG_ACKED))
		return HANDSHAKE_REPLY_UNSEEN;
	return HANDSHAKE_SYN_ONLY;
}
