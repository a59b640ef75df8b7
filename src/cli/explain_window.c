/* SPDX-License-Identifier: BSD-3-Clause */

/* Remarks on windows: what the receiver allows; and on keep-alives. */

#include "explain_priv.h"

/* Nobody asks so soon whether the other side is still there. */
#define KEEP_ALIVE_NS 500000000

void remark_window_full(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t answer = look_answer(e, i);

	remark_title(remark, TEXT_YELLOW, "WINDOW FULL");
	say(&remark->words, "%c has used %c's window", letter_of(side), letter_of(!side));
	if (answer != EXPLAIN_NONE)
		say(&remark->words, " of %s (%s)", words_bytes(shown_window(&e->notes[answer])).s,
		    words_frame(e, answer).s);
	say(&remark->words, " to the last byte and must wait: %c sets the pace, not the network.",
	    letter_of(!side));
}

void remark_zero_window(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t opens = e->facts[i].opens;

	if (note_has(note, VERDICT_ZERO_WINDOW_PROBE_ACK))
		return;
	remark_title(remark, TEXT_RED, "ZERO WINDOW");
	say(&remark->words, "%c's buffer is full, its program does not read: %c must stop sending.",
	    letter_of(side), letter_of(!side));
	if (opens == EXPLAIN_NONE)
		say_also(&remark->words, "It does not open again in this capture.");
	else
		say_also(&remark->words, "It opens again in %s, %s.", words_frame(e, opens).s,
			 words_later(e, i, opens).s);
}

void remark_probe(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const int side = side_of(&e->notes[i]);

	remark_title(remark, TEXT_YELLOW, "ZERO WINDOW PROBE");
	say(&remark->words,
	    "%c asks with one byte whether %c's window is still closed (RFC 9293, 3.8.6.1).",
	    letter_of(side), letter_of(!side));
}

void remark_probe_ack(const struct explain *e, size_t i, struct explain_remark *remark)
{
	remark_title(remark, TEXT_YELLOW, "PROBE ACK");
	say(&remark->words, "%c: still closed.", letter_of(side_of(&e->notes[i])));
}

void remark_window_update(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];

	if (look_opens_window(e, i)) {
		remark_title(remark, TEXT_GREEN, "WINDOW OPENS");
		say(&remark->words, "%c has room for %s again: %c may go on.",
		    letter_of(side_of(note)), words_bytes(shown_window(note)).s,
		    letter_of(!side_of(note)));
	} else if (note_has(note, VERDICT_WINDOW_UPDATE)) {
		remark_title(remark, TEXT_NORMAL, "WINDOW UPDATE");
		say(&remark->words, "%c's window is %s now.", letter_of(side_of(note)),
		    words_bytes(shown_window(note)).s);
	}
}

void remark_keep_alive(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const int side = side_of(&e->notes[i]);

	remark_title(remark, TEXT_NORMAL, "KEEP-ALIVE");
	if (i > 0 && words_ns(e, i - 1, i) >= 0 && words_ns(e, i - 1, i) < KEEP_ALIVE_NS) {
		say(&remark->words, "by its number, one below the next; too soon to be one.");
		return;
	}
	say(&remark->words, "%c asks whether %c is still there", letter_of(side), letter_of(!side));
	if (i > 0)
		say(&remark->words, ", after %s without a segment", words_time(e, i - 1, i).s);
	say(&remark->words, ".");
}

void remark_keep_alive_ack(const struct explain *e, size_t i, struct explain_remark *remark)
{
	remark_title(remark, TEXT_NORMAL, "KEEP-ALIVE ACK");
	say(&remark->words, "%c is still there.", letter_of(side_of(&e->notes[i])));
}

void remark_silence(const struct explain *e, size_t i, struct explain_remark *remark)
{
	if (i == e->silence)
		say(&remark->words, "After %s of silence; all had been acknowledged.",
		    words_time(e, i - 1, i).s);
}
