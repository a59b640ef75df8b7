/* SPDX-License-Identifier: BSD-3-Clause */

/* Remarks on segments that were sent again, or came late (definitions 5 and 8). */

#include "explain_priv.h"

/* No timer is so short (definitions 8.7). */
#define TOO_SOON_NS 200000000

static void set_title(const struct tcp_note *note, struct explain_remark *remark)
{
	const char *title = "RESENT";

	if (note_has(note, VERDICT_RETRANSMISSION))
		title = "RETRANSMISSION";
	else if (note_has(note, VERDICT_FAST_RETRANSMISSION))
		title = "FAST RETRANSMISSION";
	else if (note_has(note, VERDICT_SPURIOUS_RETRANSMISSION))
		title = "SPURIOUS RETRANSMISSION";
	else if (note_has(note, VERDICT_OUT_OF_ORDER))
		title = "OUT OF ORDER";
	remark_title(remark, note->cause == CAUSE_REORDERED ? TEXT_YELLOW : TEXT_RED, "%s", title);
}

/*
 * The same bytes before, one packet after the other: how often, and where first, as far
 * back as one walk reaches.
 */
static size_t count_copies(const struct explain *e, size_t copy, size_t *first)
{
	size_t nb = 0;

	*first = copy;
	for (size_t at = copy; at != EXPLAIN_NONE && copy - at <= e->look_max;
	     at = look_copy(e, at)) {
		*first = at;
		nb++;
	}
	return nb;
}

/* "the SYN of #1 again": a packet without data. */
static void say_control_copy(const struct explain *e, size_t i, size_t copy,
			     struct explain_words *words)
{
	const uint8_t flags = e->notes[i].flags;
	size_t first;
	const size_t nb = count_copies(e, copy, &first);

	say(words, "the %s of %s",
	    !(flags & TCP_SYN) ? "FIN"
	    : flags & TCP_ACK  ? "SYN, ACK"
			       : "SYN",
	    words_frame(e, first).s);
	if (nb == 2)
		say(words, " and %s again", words_frame(e, copy).s);
	else if (nb > 2)
		say(words, " again, sent %s times now", text_ucount(nb + 1).s);
	else
		say(words, " again");
}

/* "sent before in #6": where its bytes were seen already. */
static void say_data_copy(const struct explain *e, size_t i, size_t copy,
			  struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const size_t start = look_carrier(e, i, side_of(note), data_start(note));
	size_t first;
	const size_t nb = count_copies(e, copy, &first);

	if (data_start(&e->notes[copy]) != data_start(note) || e->notes[copy].len != note->len) {
		if (start != EXPLAIN_NONE && start != copy)
			say(words, "sent before in %s and %s, cut differently",
			    words_frame(e, start < copy ? start : copy).s,
			    words_frame(e, start < copy ? copy : start).s);
		else
			say(words, "sent before in %s, cut differently", words_frame(e, copy).s);
		return;
	}
	if (nb == 1)
		say(words, "sent before in %s", words_frame(e, copy).s);
	else if (nb == 2)
		say(words, "sent before in %s and %s", words_frame(e, first).s,
		    words_frame(e, copy).s);
	else
		say(words, "sent %s times before, from %s to %s", text_ucount(nb).s,
		    words_frame(e, first).s, words_frame(e, copy).s);
}

/* What is sent once more, if it was seen. */
static void say_what(const struct explain *e, size_t i, size_t copy, struct explain_words *words)
{
	if (copy == EXPLAIN_NONE)
		return;
	if (e->notes[i].len == 0)
		say_control_copy(e, i, copy, words);
	else
		say_data_copy(e, i, copy, words);
}

/* "; no ACK came for 201 ms, so A's timer fired (RFC 6298)." */
static void say_timeout(const struct explain *e, size_t i, size_t copy, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const char side = letter_of(side_of(note));
	const size_t asked = look_answer(e, i);

	if (copy != EXPLAIN_NONE && (note->flags & TCP_SYN) && words_ns(e, copy, i) < TOO_SOON_NS)
		say(words, "; %s after it is too soon for a timer: it was duplicated on its way.",
		    words_time(e, copy, i).s);
	else if (copy != EXPLAIN_NONE)
		say(words, "; no %s came for %s, so %c's timer fired (RFC 6298).",
		    note->flags & TCP_SYN ? "answer" : "ACK", words_time(e, copy, i).s, side);
	else
		say(words,
		    "after %s of silence %c's timer fired and it sent this again (RFC 6298).",
		    text_duration(note->silence_ns).s, side);
	if (asked != EXPLAIN_NONE && note_has(&e->notes[asked], VERDICT_DUPLICATE_ACK) &&
	    e->notes[asked].dup_ack >= 3 && e->notes[asked].ack == note->seq)
		say_also(words, "(%u dup ACKs had asked for it, the last %s before.)",
			 e->notes[asked].dup_ack, words_time(e, asked, i).s);
}

/*
 * The third dup ACK is what makes a sender act (RFC 5681); of SACKs it cannot be seen here
 * which one did.
 */
static void say_fast(const struct explain *e, size_t i, struct explain_words *words)
{
	const size_t asked = look_answer(e, i);
	const int side = side_of(&e->notes[i]);
	size_t third;

	say(words, words->len != 0 ? "; " : "");
	if (asked == EXPLAIN_NONE)
		return;
	third = e->facts[asked].third_dup;
	if (third != EXPLAIN_NONE && note_has(&e->notes[asked], VERDICT_DUPLICATE_ACK))
		say(words,
		    "%c asked for it with %s, and %c resent it %s after the third, %s "
		    "(fast retransmit, RFC 5681).",
		    letter_of(!side), words_many(e->notes[asked].dup_ack, "dup ACK", "dup ACKs").s,
		    letter_of(side), words_time(e, third, i).s, words_frame(e, third).s);
	else
		say(words, "%c's SACKs report it missing, as in %s, so %c resent it (RFC 6675).",
		    letter_of(!side), words_frame(e, asked).s, letter_of(side));
}

static void say_spurious(const struct explain *e, size_t i, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const size_t acked = look_acked_before(e, i, data_end(note));
	const int side = side_of(note);

	say(words, words->len != 0 ? "; " : "");
	if (acked == EXPLAIN_NONE) {
		say(words, "%c had acknowledged it already: it was not needed (RFC 4015).",
		    letter_of(!side));
		return;
	}
	say(words, "%c had acknowledged it in %s, %s before: it was not needed (RFC 4015).",
	    letter_of(!side), words_frame(e, acked).s, words_time(e, acked, i).s);
	if (e->rtt_ns > 0 && words_ns(e, acked, i) < e->rtt_ns)
		say_also(words, "That ACK was still on its way to %c.", letter_of(side));
	else
		say_also(words, "%c did not get that ACK, or was too hasty.", letter_of(side));
}

static void say_recovery(const struct explain *e, size_t i, struct explain_words *words)
{
	const size_t resend = look_resend(e, i);
	const char side = letter_of(side_of(&e->notes[i]));

	say(words, words->len != 0 ? "; " : "");
	if (resend == EXPLAIN_NONE)
		say(words, "%c repairs an earlier loss and resends what was not acknowledged.",
		    side);
	else
		say(words, "part of the same repair as %s: %c resends what was not acknowledged.",
		    words_frame(e, resend).s, side);
}

/* Why it was sent again. */
static void say_cause(const struct explain *e, size_t i, size_t copy, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const char side = letter_of(side_of(note));

	switch (note->cause) {
	case CAUSE_TIMEOUT:
		say_timeout(e, i, copy, words);
		return;
	case CAUSE_FAST:
		say_fast(e, i, words);
		return;
	case CAUSE_TAIL_PROBE:
		say(words,
		    "%s%c probes the end of its data after %s without an ACK "
		    "(tail loss probe, RFC 8985).",
		    words->len != 0 ? "; " : "", side, text_duration(note->silence_ns).s);
		return;
	case CAUSE_RECOVERY:
		say_recovery(e, i, words);
		return;
	case CAUSE_SPURIOUS:
		say_spurious(e, i, words);
		return;
	default:
		if (copy == EXPLAIN_NONE && note->fill_bytes == 0 && note->resent_bytes == 0) {
			say(words,
			    "its number is below the next of %c, but nothing like it was sent.",
			    side);
			return;
		}
		say(words, "%swhat made %c send it again cannot be seen here.",
		    words->len != 0 ? "; " : "", side);
		return;
	}
}

/* True if it can be told that the first copy was not lost at all. */
static bool say_proof(const struct explain *e, size_t i, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	bool by_dsack;
	size_t proof;

	if (note->fill_bytes != 0 || note->resent_bytes == 0 || note->cause == CAUSE_SPURIOUS)
		return false;
	proof = look_proof(e, i, &by_dsack);
	if (proof == EXPLAIN_NONE)
		return false;
	if (by_dsack)
		say_also(words,
			 "But the first copy was not lost: %c reports in %s that it has both "
			 "(D-SACK, RFC 2883).",
			 letter_of(!side_of(note)), words_frame(e, proof).s);
	else
		say_also(words,
			 "But the first copy was not lost: %c's ACK %s came %s later, too soon to "
			 "be "
			 "for this one.",
			 letter_of(!side_of(note)), words_frame(e, proof).s,
			 words_time(e, i, proof).s);
	return true;
}

/* Where the first copy was lost: the capture point is between the sender and the receiver. */
static void say_where(const struct explain *e, size_t i, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t opener = look_frame(e, note->fill_frame);

	if (note->fill_bytes != 0) {
		say_also(words, "It fills the gap");
		if (opener != EXPLAIN_NONE)
			say(words, " before %s", words_frame(e, opener).s);
		if (note->fill_bytes < note->len)
			say(words, " with %s", words_bytes(note->fill_bytes).s);
		say(words, ": the first copy was lost between %c and the capture point.",
		    letter_of(side));
	}
	if (note->resent_bytes != 0 && note->cause != CAUSE_SPURIOUS) {
		if (note->fill_bytes != 0 || note->resent_bytes < note->len)
			say_also(words, "%s of it passed the capture point before",
				 words_bytes(note->resent_bytes).s);
		else
			say_also(words, "The first copy passed the capture point");
		say(words,
		    note->cause == CAUSE_FAST ? " and was lost on the way to %c."
					      : ": it was lost on the way to %c, or its ACK was.",
		    letter_of(!side));
	}
	if (note->fill_bytes + note->resent_bytes < note->len && note->resent_bytes != 0)
		say_also(words, "The rest is new.");
}

static void tell_late(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const size_t opener = look_frame(e, note->fill_frame);
	const int64_t limit_ns = explain_reorder_ns(e);

	if (!note_has(note, VERDICT_OUT_OF_ORDER))
		say(&remark->words, "not sent again, but a late original:");
	if (opener == EXPLAIN_NONE) {
		say_also(&remark->words, "it came late.");
		return;
	}
	if (side_of(&e->notes[opener]) != side_of(note)) {
		say_also(&remark->words,
			 "%c had acknowledged it in %s already: the capture has the two in the "
			 "wrong order.",
			 letter_of(!side_of(note)), words_frame(e, opener).s);
		return;
	}
	say_also(&remark->words, "belongs before %s, came %s late,", words_frame(e, opener).s,
		 text_duration(note->fill_age_ns).s);
	if (note->fill_age_ns >= limit_ns)
		say(&remark->words, " and its TCP time stamp is the older one");
	else if (e->record.initial_rtt_ns > 0)
		say(&remark->words, " less than the RTT (%s)", text_duration(limit_ns).s);
	else
		say(&remark->words, " too soon to be a resend");
	/* Its side's segments with data since the hole opened. */
	say(&remark->words, ": overtaken on its way by %s",
	    words_many(e->facts[i].nb_data - e->facts[opener].nb_data, "segment", "segments").s);
	say(&remark->words, " (%s).",
	    words_bytes(e->facts[i].data_bytes - e->facts[opener].data_bytes).s);
}

/* What repeats a SYN without a loss: its second step, and its data, when they were refused. */
static bool tell_second_syn(const struct explain *e, size_t i, size_t copy,
			    struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i], *syn = &e->notes[copy];
	const int side = side_of(note);

	if (!(syn->flags & TCP_SYN) || (syn->flags & TCP_ACK))
		return false;
	if ((note->flags & TCP_SYN) && (note->flags & TCP_ACK))
		say(&remark->words,
		    "nothing was lost: it is the SYN of %s with an ACK of the other side's SYN.",
		    words_frame(e, copy).s);
	else if (!(note->flags & TCP_SYN) && syn->len > 0)
		say(&remark->words,
		    "nothing was lost: %c sends the data of its SYN (%s) again, because %c did not "
		    "take them there.",
		    letter_of(side), words_frame(e, copy).s, letter_of(!side));
	return remark->words.len != 0;
}

void remark_resend(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const bool is_resend = (note->verdicts & VERDICT_RESENDS) != 0;
	size_t copy;

	if ((note->bits & NOTE_CAPTURE_DUP) || (!is_resend && note->cause == CAUSE_NONE))
		return;
	copy = look_copy(e, i);
	set_title(note, remark);
	if (note->cause == CAUSE_REORDERED) {
		tell_late(e, i, remark);
		return;
	}
	if (copy != EXPLAIN_NONE && tell_second_syn(e, i, copy, remark))
		return;
	say_what(e, i, copy, &remark->words);
	say_cause(e, i, copy, &remark->words);
	if (!say_proof(e, i, &remark->words))
		say_where(e, i, &remark->words);
	if (note_has(note, VERDICT_OUT_OF_ORDER))
		say_also(&remark->words,
			 "(Wireshark takes it for out of order: it came within a round trip of "
			 "the newest data.)");
}

void remark_capture_dup(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	size_t twin;

	if (!(note->bits & NOTE_CAPTURE_DUP))
		return;
	twin = look_twin(e, i);
	remark_title(remark, TEXT_YELLOW, "CAPTURED TWICE");
	if (twin == EXPLAIN_NONE)
		say(&remark->words, "once more; nothing was sent again");
	else
		say(&remark->words, "%s again, %s; nothing was sent again", words_frame(e, twin).s,
		    words_later(e, twin, i).s);
	for (int v = 0; v < NB_VERDICTS; v++) {
		if (note->verdicts >> verdict_order[v] & 1) {
			say(&remark->words, " (Wireshark: %s)",
			    explain_verdict_noun(verdict_order[v], 1));
			break;
		}
	}
	say(&remark->words, ".");
	if (i == e->last_twin)
		say_also(&remark->words, "Further copies are left out; --all shows them.");
}
