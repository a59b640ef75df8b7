/* SPDX-License-Identifier: BSD-3-Clause */

/* What is told of one segment, once all rules have run. */

#include "tcp_priv.h"

static uint32_t note_bits(const struct step *s)
{
	uint32_t bits = 0;

	bits |= s->is_analysed ? NOTE_ANALYSED : 0;
	bits |= s->is_orig ? 0 : NOTE_FROM_RESP;
	bits |= s->flow->bits & TCP_FLOW_ORIG_HIGH ? NOTE_ORIG_HIGH : 0;
	bits |= s->is_dup ? NOTE_CAPTURE_DUP : 0;
	bits |= s->story.completes ? NOTE_COMPLETES : 0;
	bits |= s->segment->is_quoted ? NOTE_QUOTED : 0;
	bits |= s->segment->bits & SEGMENT_HAS_SACK ? NOTE_HAS_SACK : 0;
	bits |= s->f->bits & TCP_BASE_KNOWN ? NOTE_SEQ_BASE : 0;
	bits |= s->r->bits & TCP_BASE_KNOWN ? NOTE_ACK_BASE : 0;
	return bits;
}

static void fill_options(const struct step *s, struct tcp_note *note)
{
	note->mss = s->story.syn_options.mss;
	note->wscale = s->story.syn_options.wscale;
	note->bits |= s->story.syn_options.has_mss ? NOTE_HAS_MSS : 0;
	note->bits |= s->story.syn_options.has_wscale ? NOTE_HAS_WSCALE : 0;
	note->bits |= s->story.syn_options.sack_permitted ? NOTE_SACK_PERMITTED : 0;
}

/* tshark's own fields: nothing of them is shown where it shows no verdicts. */
static void fill_analysis(const struct step *s, struct tcp_note *note)
{
	note->bits |= s->story.has_record ? NOTE_RECORD : 0;
	note->initial_rtt_ns = s->story.has_record ? s->flow->initial_rtt_ns : 0;
	note->bytes_in_flight = s->story.bytes_in_flight;
	note->push_bytes = s->story.bytes_in_flight != 0 ? s->story.push_bytes : 0;
	if (step_has(s, VERDICT_DUPLICATE_ACK)) {
		note->dup_ack = s->f->dup;
		note->dup_ack_frame = s->f->ack_frame;
	}
	if (step_has(s, VERDICT_RETRANSMISSION)) {
		note->rto_ns = s->story.rto_ns;
		note->bits |= s->story.rto_ns != 0 ? NOTE_HAS_RTO : 0;
		note->rto_frame = s->story.rto_ns != 0 ? s->story.rto_frame : 0;
	}
	if (s->story.match.frame != 0) {
		note->acks_frame = s->story.match.frame;
		note->ack_rtt_ns = time_since(s->segment->ts_ns, s->story.match.ts_ns);
		note->bits |= note->ack_rtt_ns != 0 ? NOTE_HAS_ACK_RTT : 0;
	}
}

/* Definitions 5, 7 and 8. */
static void fill_loss(const struct step *s, struct tcp_note *note)
{
	note->bits |= s->story.opens_hole ? NOTE_OPENS_HOLE : 0;
	note->bits |= s->story.misses ? NOTE_MISSES : 0;
	note->hole_start = s->story.hole_start;
	note->hole_end = s->story.hole_end;
	if (s->story.silence_ns != INT64_MIN)
		note->silence_ns = s->story.silence_ns;
	note->resent_bytes = s->story.fill.resent;
	if (s->story.fill.filled == 0)
		return;
	note->bits |= NOTE_FILLS_HOLE;
	note->fill_bytes = s->story.fill.filled;
	note->fill_frame = s->story.fill.frame;
	note->fill_age_ns = s->story.fill.age_ns;
}

void note_fill(const struct step *s, struct tcp_note *note)
{
	const struct segment *segment = s->segment;

	*note = (struct tcp_note){
		.frame = s->frame,
		.stream = -1,
		.ts_ns = segment->ts_ns,
		.bits = note_bits(s),
		.verdicts = s->verdicts,
		.seq = segment->seq,
		.ack = segment->ack,
		.len = segment->payload_len,
		.win = segment->win,
		.flags = segment->tcp_flags,
		.shift = s->shift,
		.seq_base = s->f->base,
		.ack_base = s->r->base,
		.cause = s->story.cause,
		.completeness = s->completeness_before,
		.layer = segment->layer,
		.is_shown = !s->hides_verdicts,
		.nb_tfo_more = s->story.nb_tfo_more,
	};
	fill_options(s, note);
	if (!s->hides_verdicts)
		fill_analysis(s, note);
	fill_loss(s, note);
}
