/* SPDX-License-Identifier: BSD-3-Clause */

/* How a flow went, in Zeek's words: endpoint states and history (definitions 4). */

#include <string.h>

#include "tcp_priv.h"

static void append_letter(struct tcp_flow *flow, char letter, bool is_orig)
{
	if (flow->history_len == TCP_HISTORY_MAX)
		return;
	/* Capitals are orig's; the two differ in one bit. */
	flow->history[flow->history_len++] = (char)(is_orig ? letter & ~0x20 : letter);
}

static void put_letter(struct step *s, char letter)
{
	append_letter(s->flow, letter, s->is_orig);
}

/* S, H, F, R: again only with a sequence number other than the side's last one. */
static void put_numbered(struct step *s, char letter, int slot, uint8_t bit)
{
	struct tcp_side *f = s->f;

	if ((f->history_bits & bit) && f->history_seq[slot] == s->segment->seq)
		return;
	f->history_bits |= bit;
	f->history_seq[slot] = s->segment->seq;
	put_letter(s, letter);
}

static void put_once(struct step *s, char letter, uint8_t bit)
{
	if (s->f->history_bits & bit)
		return;
	s->f->history_bits |= bit;
	put_letter(s, letter);
}

static bool is_power_of_ten(uint32_t n)
{
	while (n != 0 && n % 10 == 0)
		n /= 10;
	return n == 1;
}

/* At the 1st, 10th, 100th ... time. */
static void put_scaled(struct step *s, char letter, uint32_t *counter)
{
	count(counter);
	if (is_power_of_ten(*counter))
		put_letter(s, letter);
}

void history_missed(struct tcp_flow *flow, struct tcp_side *side)
{
	uint32_t *counter = &side->trouble->history_g;

	count(counter);
	if (is_power_of_ten(*counter))
		append_letter(flow, 'g', side == tcp_flow_orig(flow));
}

size_t tcp_flow_history(const struct tcp_flow *flow, char letters[TCP_HISTORY_MAX])
{
	size_t len = flow->history_len;

	memcpy(letters, flow->history, len);
	for (int d = 0; d < 2; d++) {
		const struct tcp_trouble *trouble =
			tcp_side_trouble(d == 0 ? tcp_flow_orig(flow) : tcp_flow_resp(flow));
		uint32_t n = trouble->history_g;

		for (uint32_t i = 0; i < trouble->nb_holes && len < TCP_HISTORY_MAX; i++) {
			if (trouble->holes[i].is_acked && is_power_of_ten(++n))
				letters[len++] = d == 0 ? 'G' : 'g';
		}
	}
	return len;
}

void history_track(struct step *s)
{
	const bool syn = step_is(s, TCP_SYN), fin = step_is(s, TCP_FIN), rst = step_is(s, TCP_RST);

	if (s->flow->history_len == 0 && !s->is_orig)
		s->flow->history[s->flow->history_len++] = '^';
	if (s->flow->history_len == TCP_HISTORY_MAX)
		return;
	if (syn && (fin || rst)) {
		put_once(s, 'q', TCP_HISTORY_Q);
	} else if (fin && rst) {
		put_once(s, 'i', TCP_HISTORY_I);
	} else if (syn && step_is(s, TCP_ACK)) {
		put_numbered(s, 'h', 1, TCP_HISTORY_H);
	} else if (syn) {
		put_numbered(s, 's', 0, TCP_HISTORY_S);
	} else if (fin) {
		put_numbered(s, 'f', 2, TCP_HISTORY_F);
	} else if (rst) {
		put_numbered(s, 'r', 3, TCP_HISTORY_R);
	} else if (s->segment->payload_len > 0) {
		put_once(s, 'd', TCP_HISTORY_D);
	} else if (step_is(s, TCP_ACK)) {
		put_once(s, 'a', TCP_HISTORY_A);
	}
	if (s->segment->payload_len > 0 && !rst && !s->is_new)
		put_scaled(s, 't', &tracker_trouble(s->tracker, s->f)->history_t);
	if (s->segment->win == 0 && !rst && tcp_side_flags(s->r, 0) == 0)
		put_scaled(s, 'w', &tracker_trouble(s->tracker, s->f)->history_w);
}

static void see_syn(struct step *s)
{
	struct tcp_side *f = s->f, *r = s->r;

	if (s->is_orig && r->endpoint != ENDPOINT_ESTABLISHED) {
		if (f->endpoint == ENDPOINT_NONE)
			f->endpoint = ENDPOINT_SYN_SENT;
		return;
	}
	if (f->endpoint == ENDPOINT_NONE || f->endpoint == ENDPOINT_SYN_SENT)
		f->endpoint = ENDPOINT_ESTABLISHED;
	if (r->endpoint == ENDPOINT_SYN_SENT)
		r->endpoint = ENDPOINT_ESTABLISHED;
}

static void see_plain(struct step *s)
{
	struct tcp_side *f = s->f, *r = s->r;
	const bool bare_ack = s->segment->payload_len == 0 && step_is(s, TCP_ACK);

	if (f->endpoint != ENDPOINT_NONE)
		return;
	if (bare_ack && !s->is_orig && r->endpoint == ENDPOINT_SYN_SENT)
		return;
	f->endpoint = step_is(s, TCP_ACK) && r->endpoint == ENDPOINT_ESTABLISHED
			      ? ENDPOINT_ESTABLISHED
			      : ENDPOINT_PARTIAL;
}

/* An RST before both FINs, or both FINs: the flow's own end (2.5), decided once. */
static void decide_end(struct step *s, bool both_fins)
{
	struct tcp_flow *flow = s->flow;

	if (flow->bits & TCP_FLOW_END_KNOWN)
		return;
	if (both_fins)
		flow->end = END_FIN;
	else if (s->is_analysed && step_is(s, TCP_RST))
		flow->end = s->is_orig ? END_RST_ORIG : END_RST_RESP;
	else
		return;
	flow->bits |= TCP_FLOW_END_KNOWN;
}

/* Bits that REJ, RSTOS0 and the end need. */
static void note_orig(struct step *s)
{
	struct tcp_flow *flow = s->flow;
	const bool syn_ack = step_is(s, TCP_SYN) && step_is(s, TCP_ACK);

	if (!s->is_orig || !(flow->bits & TCP_FLOW_ORIG_SYN))
		return;
	if (step_is(s, TCP_RST)) {
		if (!(flow->bits & TCP_FLOW_ORIG_OTHER))
			flow->bits |= TCP_FLOW_RSTOS0;
		return;
	}
	if (step_is(s, TCP_SYN) && !syn_ack)
		return; /* what the SYN itself carries does not come after it */
	if (syn_ack || step_is(s, TCP_FIN) || s->segment->payload_len > 0 ||
	    (step_is(s, TCP_ACK) && !step_is(s, TCP_SYN)))
		flow->bits |= TCP_FLOW_ORIG_OTHER;
}

void endpoint_track(struct step *s)
{
	struct tcp_side *f = s->f, *r = s->r;

	note_orig(s);
	if (s->segment->payload_len > 0)
		f->bits |= TCP_SENT_DATA;
	if (step_is(s, TCP_SYN))
		see_syn(s);
	if (step_is(s, TCP_FIN)) {
		if (f->endpoint != ENDPOINT_RESET) {
			f->endpoint = ENDPOINT_CLOSED;
			if (!step_is(s, TCP_RST))
				f->bits |= TCP_WAS_CLOSED;
		}
		if (r->endpoint == ENDPOINT_RESET && (r->bits & TCP_WAS_CLOSED))
			r->endpoint = ENDPOINT_CLOSED;
	}
	decide_end(s, (f->bits & r->bits & TCP_SENT_FIN) != 0);
	if (step_is(s, TCP_RST)) {
		if (f->endpoint != ENDPOINT_CLOSED || r->endpoint != ENDPOINT_CLOSED)
			f->endpoint = ENDPOINT_RESET;
	}
	if (!step_is(s, TCP_SYN | TCP_FIN | TCP_RST))
		see_plain(s);
}

static bool is_none_or_partial(const struct tcp_side *side)
{
	return side->endpoint == ENDPOINT_NONE || side->endpoint == ENDPOINT_PARTIAL;
}

enum conn_state tcp_flow_conn_state(const struct tcp_flow *flow)
{
	const struct tcp_side *o = tcp_flow_orig(flow), *r = tcp_flow_resp(flow);
	const bool any_data = ((o->bits | r->bits) & TCP_SENT_DATA) != 0;

	if (r->endpoint == ENDPOINT_RESET) {
		if (o->endpoint == ENDPOINT_SYN_SENT ||
		    (o->endpoint == ENDPOINT_RESET && !any_data))
			return CONN_REJ;
		return is_none_or_partial(o) ? CONN_RSTRH : CONN_RSTR;
	}
	if (o->endpoint == ENDPOINT_RESET) {
		if (is_none_or_partial(r))
			return flow->bits & TCP_FLOW_RSTOS0 ? CONN_RSTOS0 : CONN_OTH;
		return CONN_RSTO;
	}
	if (o->endpoint == ENDPOINT_CLOSED && r->endpoint == ENDPOINT_CLOSED)
		return CONN_SF;
	if (o->endpoint == ENDPOINT_CLOSED)
		return is_none_or_partial(r) ? CONN_SH : CONN_S2;
	if (r->endpoint == ENDPOINT_CLOSED)
		return is_none_or_partial(o) ? CONN_SHR : CONN_S3;
	if (o->endpoint == ENDPOINT_SYN_SENT && r->endpoint == ENDPOINT_NONE)
		return CONN_S0;
	if (o->endpoint == ENDPOINT_ESTABLISHED && r->endpoint == ENDPOINT_ESTABLISHED)
		return CONN_S1;
	return CONN_OTH;
}

enum end_reason tcp_flow_end_reason(const struct tcp_flow *flow)
{
	if (flow->bits & TCP_FLOW_END_KNOWN)
		return (enum end_reason)flow->end;
	return (enum end_reason)flow->flow->end_reason;
}

enum flow_class tcp_flow_class(const struct tcp_flow *flow)
{
	const struct tcp_side *o = tcp_flow_orig(flow), *r = tcp_flow_resp(flow);

	if (flow->bits & TCP_FLOW_END_KNOWN)
		return FLOW_CLOSED;
	if (o->endpoint == ENDPOINT_SYN_SENT && r->pkts == 0)
		return FLOW_HALF_OPEN;
	return FLOW_OPEN;
}
