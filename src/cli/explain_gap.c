/* SPDX-License-Identifier: BSD-3-Clause */

/* Remarks on data that the capture has not seen, and on those who ask for it. */

#include "explain_priv.h"
#include "tcp/seq.h"

static const char *is_or_are(uint32_t bytes)
{
	return bytes == 1 ? "is" : "are";
}

static const char *it_or_them(uint32_t bytes)
{
	return bytes == 1 ? "it" : "them";
}

/* "They came in #57, 38 ms later" or "They came in 3 segments, #57 to #61, the last 41 ms later".
 */
static void say_fills(const struct explain *e, size_t i, const struct explain_fate *fate,
		      struct explain_words *words)
{
	if (fate->filled < fate->bytes)
		say_also(words, "%s of them came", words_bytes(fate->filled).s);
	else
		say_also(words, fate->bytes == 1 ? "It came" : "They came");
	if (fate->nb_fills == 2)
		say(words, " in %s and %s, the last %s", words_frame(e, fate->first_fill).s,
		    words_frame(e, fate->last_fill).s, words_later(e, i, fate->last_fill).s);
	else if (fate->nb_fills == 1)
		say(words, " in %s, %s", words_frame(e, fate->first_fill).s,
		    words_later(e, i, fate->first_fill).s);
	else
		say(words, " in %s, %s to %s, the last %s",
		    words_many(fate->nb_fills, "segment", "segments").s,
		    words_frame(e, fate->first_fill).s, words_frame(e, fate->last_fill).s,
		    words_later(e, i, fate->last_fill).s);
}

/* What became of a hole: filled, acknowledged all the same, or left open. */
static void say_fate(const struct explain *e, size_t i, int side, const struct explain_fate *fate,
		     struct explain_words *words)
{
	if (fate->filled != 0) {
		say_fills(e, i, fate, words);
		if (fate->late == fate->filled)
			say(words, ": only late, not lost.");
		else if (fate->late != 0)
			say(words, ": in part late, in part sent again.");
		else
			say(words, ", sent again: lost on the way to the capture point.");
	}
	if (fate->filled == fate->bytes)
		return;
	if (fate->filled != 0)
		say_also(words, "The other %s:", words_bytes(fate->bytes - fate->filled).s);
	if (fate->acked != EXPLAIN_NONE)
		say_also(words, "%c acknowledged %s in %s, %s: only the capture missed %s.",
			 letter_of(!side), it_or_them(fate->bytes), words_frame(e, fate->acked).s,
			 words_later(e, i, fate->acked).s, it_or_them(fate->bytes));
	else if (e->record.side[!side].pkts == 0)
		say_also(words, "Nothing of %c is captured that could acknowledge %s.",
			 letter_of(!side), it_or_them(fate->bytes));
	else
		say_also(words, "Nobody sent %s again or acknowledged %s in this capture.",
			 it_or_them(fate->bytes), it_or_them(fate->bytes));
}

/* The gap before i was there when its ACK came, or is none by our count (definitions 5.3). */
static void tell_known_gap(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t acked = look_acked_before(e, i, note->seq);
	const struct tcp_note *hole;
	uint32_t bytes = 1;

	if (acked == EXPLAIN_NONE) {
		say(&remark->words,
		    "%s is not the next number of %c, and too far from it for a gap.",
		    words_own_range(e, i, note->seq, note->seq).s, letter_of(side));
		return;
	}
	hole = &e->notes[acked];
	if ((hole->bits & NOTE_MISSES) && hole->hole_end == note->seq) {
		bytes = hole->hole_end - hole->hole_start;
		say(&remark->words, "%s of %c (%s) %s missing before this one,",
		    words_bytes(bytes).s, letter_of(side),
		    words_own_range(e, i, hole->hole_start, hole->hole_end).s, is_or_are(bytes));
	} else {
		say(&remark->words, "what %c sent before it is not in the capture,",
		    letter_of(side));
	}
	say_also(&remark->words, "but %c had acknowledged %s in %s: only the capture missed %s.",
		 letter_of(!side), it_or_them(bytes), words_frame(e, acked).s, it_or_them(bytes));
}

void remark_gap(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	struct explain_fate fate;

	if (!note_has(note, VERDICT_LOST_SEGMENT) && !(note->bits & NOTE_OPENS_HOLE))
		return;
	remark_title(remark, TEXT_RED, "%s",
		     note_has(note, VERDICT_LOST_SEGMENT) ? "PREVIOUS SEGMENT NOT CAPTURED"
							  : "GAP");
	if (!(note->bits & NOTE_OPENS_HOLE)) {
		tell_known_gap(e, i, remark);
		return;
	}
	look_fate(e, i, side, note->hole_start, note->hole_end, &fate);
	say(&remark->words, "%s of %c (%s) %s missing before this one.", words_bytes(fate.bytes).s,
	    letter_of(side), words_own_range(e, i, note->hole_start, note->hole_end).s,
	    is_or_are(fate.bytes));
	if (fate.late == fate.bytes)
		remark->style = TEXT_YELLOW;
	say_fate(e, i, side, &fate, &remark->words);
}

/* An ACK of what the capture has not seen, above everything before. */
static void tell_misses(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	struct explain_fate fate;

	look_fate(e, i, !side, note->hole_start, note->hole_end, &fate);
	say(&remark->words, "%c acknowledges %s of %c (%s) that the capture has not seen.",
	    letter_of(side), words_bytes(fate.bytes).s, letter_of(!side),
	    words_peer_range(e, i, note->hole_start, note->hole_end).s);
	if (fate.filled == fate.bytes) {
		say_fills(e, i, &fate, &remark->words);
		say(&remark->words, ": the capture has data and ACK in the wrong order.");
		return;
	}
	if (fate.filled != 0)
		say_fills(e, i, &fate, &remark->words);
	if (e->record.midstream && look_before(e, i, !side) == EXPLAIN_NONE)
		say_also(&remark->words, "%c sent %s before the capture began.", letter_of(!side),
			 it_or_them(fate.bytes));
	else
		say_also(&remark->words, "%c has %s: only the capture missed %s.", letter_of(side),
			 it_or_them(fate.bytes), it_or_them(fate.bytes));
}

void remark_ack_of_unseen(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const struct tcp_note *hole;
	size_t opener;

	if (!note_has(note, VERDICT_ACK_LOST_SEGMENT) && !(note->bits & NOTE_MISSES))
		return;
	/* Wireshark is silent about an ACK that comes behind others of the same kind. */
	remark_title(remark, TEXT_RED, "%s",
		     note_has(note, VERDICT_ACK_LOST_SEGMENT) ? "ACKED UNSEEN SEGMENT"
							      : "ACKED, NOT SEEN");
	if (note->bits & NOTE_MISSES) {
		tell_misses(e, i, remark);
		return;
	}
	opener = look_open_hole(e, i, !side, note->ack);
	if (opener == EXPLAIN_NONE) {
		remark->style = TEXT_YELLOW;
		if (seq_lt(look_highest(e, i, !side), note->ack))
			say(&remark->words,
			    "%c acknowledges more than %c has sent: this ACK is not of this "
			    "connection.",
			    letter_of(side), letter_of(!side));
		else
			say(&remark->words,
			    "nothing is missing: all that %c acknowledges was seen, but Wireshark "
			    "lost count when it came in another order or cut differently.",
			    letter_of(side));
		return;
	}
	hole = &e->notes[opener];
	say(&remark->words, "%c acknowledges, among others, %s of %c (%s)", letter_of(side),
	    words_bytes(hole->hole_end - hole->hole_start).s, letter_of(!side),
	    words_peer_range(e, i, hole->hole_start, hole->hole_end).s);
	if (side_of(hole) == side)
		say(&remark->words, " that the capture has not seen (%s).",
		    words_frame(e, opener).s);
	else
		say(&remark->words, ", the gap before %s: only the capture missed them.",
		    words_frame(e, opener).s);
}

/* What the sender of a dup ACK waits for. */
static void say_wanted(const struct explain *e, size_t i, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t carrier = e->facts[i].carrier;
	const size_t opener = e->facts[i].opener;

	if (carrier == EXPLAIN_NONE && opener == EXPLAIN_NONE) {
		say(words, "nothing is missing, %c has all before %s%s", letter_of(side),
		    words_peer_range(e, i, note->ack, note->ack).s,
		    note->bits & NOTE_HAS_SACK
			    ? ", and says that something came twice (D-SACK, RFC 2883)"
			    : "");
		return;
	}
	say(words, "%c still waits for %s", letter_of(side),
	    words_peer_range(e, i, note->ack, note->ack).s);
	if (opener != EXPLAIN_NONE)
		say(words, " (%s, the gap before %s)",
		    words_bytes(e->facts[i].gap_end - note->ack).s, words_frame(e, opener).s);
	else
		say(words, " (the %s of %s, which passed here)",
		    words_bytes(data_end(&e->notes[carrier]) - note->ack).s,
		    words_frame(e, carrier).s);
}

void remark_dup_ack(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const uint32_t max = e->facts[i].last_dup;
	const size_t repeated = look_frame(e, note->dup_ack_frame);
	const size_t first = e->facts[i].first_dup;

	if (note->bits & NOTE_CAPTURE_DUP)
		return;
	if (max > 1)
		remark_title(remark, TEXT_YELLOW, "DUP ACK #%u of #%u", note->dup_ack, max);
	else
		remark_title(remark, TEXT_YELLOW, "DUP ACK #%u", note->dup_ack);
	say_wanted(e, i, &remark->words);
	if (note->dup_ack > 1 && first != EXPLAIN_NONE && words_ns(e, first, i) != 0)
		say(&remark->words, ", asked %u times in %s.", note->dup_ack,
		    words_time(e, first, i).s);
	else if (repeated != EXPLAIN_NONE)
		say(&remark->words, "; it repeats %s%s.", words_frame(e, repeated).s,
		    e->record.side[side_of(note)].capture_dups > 0 &&
				    words_ns(e, repeated, i) < 1000000
			    ? ", perhaps captured twice"
			    : "");
	else
		say(&remark->words, ".");
}
