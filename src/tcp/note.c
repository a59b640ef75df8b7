/* SPDX-License-Identifier: BSD-3-Clause */

/* What is told of one segment, once all rules have run. */

#include "tcp_priv.h"

static uint32_t note_bits(const struct step *s, bool created)
{
	uint32_t bits = 0;

	bits |= s->is_analysed ? NOTE_ANALYSED : 0;
	bits |= s->is_orig ? 0 : NOTE_FROM_RESP;
	bits |= s->flow->bits & TCP_FLOW_ORIG_HIGH ? NOTE_ORIG_HIGH : 0;
	bits |= s->is_dup ? NOTE_CAPTURE_DUP : 0;
	bits |= s->segment->bits & SEGMENT_CUT ? NOTE_CUT : 0;
	bits |= created || s->frame == s->flow->flow.first_frame ? NOTE_CREATED : 0;
	bits |= s->segment->bits & SEGMENT_HAS_SACK ? NOTE_HAS_SACK : 0;
	bits |= s->f->bits & TCP_BASE_KNOWN ? NOTE_SEQ_BASE : 0;
	bits |= s->r->bits & TCP_BASE_KNOWN ? NOTE_ACK_BASE : 0;
	return bits;
}

void note_fill(const struct step *s, bool created, struct tcp_note *note)
{
	const struct segment *segment = s->segment;

	*note = (struct tcp_note){
		.frame = s->frame,
		.stream = -1,
		.ts_ns = segment->ts_ns,
		.bits = note_bits(s, created),
		.verdicts = s->verdicts,
		.seq = segment->seq,
		.ack = segment->ack,
		.len = segment->payload_len,
		.win = segment->win,
		.flags = segment->tcp_flags,
		.shift = s->f->shift,
		.seq_base = s->f->base,
		.ack_base = s->r->base,
		.completeness = s->completeness_before,
		.is_shown = !s->hides_verdicts,
		.initial_rtt_ns = s->flow->initial_rtt_ns,
	};
	if (step_has(s, VERDICT_DUPLICATE_ACK))
		note->dup_ack = s->f->dup;
}
