/* SPDX-License-Identifier: BSD-3-Clause */

/* Remarks on how a connection opens and closes, and on the seldom flags. */

#include "explain_priv.h"
#include "tcp/seq.h"

/* " It offers MSS 1,460, window scale 7 (×128), SACK.": what is in a SYN's options. */
static void say_offer(struct explain_words *words, const struct tcp_note *note)
{
	const uint8_t ecn = note->flags & (TCP_ECE | TCP_CWR);
	const char *before = " It offers ";

	if (note->bits & NOTE_HAS_MSS) {
		say(words, "%sMSS %s", before, text_ucount(note->mss).s);
		before = ", ";
	}
	if (note->bits & NOTE_HAS_WSCALE) {
		say(words, "%swindow scale %u (×%s)", before, note->wscale,
		    text_ucount(1ull << (note->wscale > 14 ? 14 : note->wscale)).s);
		before = ", ";
	}
	if (note->bits & NOTE_SACK_PERMITTED) {
		say(words, "%sSACK", before);
		before = ", ";
	}
	/* RFC 3168 6.1.1: both flags on a SYN, ECE alone on its answer. */
	if (ecn == (note->flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR)) {
		say(words, "%sECN", before);
		before = ", ";
	}
	if (before[0] == ',')
		say(words, ".");
}

/*
 * "ack 1932704550 = A's ISN + 1 ✓.", or what was expected instead. Data on the SYN may
 * be acknowledged with it (RFC 7413).
 */
static void say_ack_check(const struct explain *e, size_t i, struct explain_words *words)
{
	const struct tcp_note *note = &e->notes[i];
	const int peer = !side_of(note);
	const size_t syn = e->first_syn[peer];
	uint32_t isn;

	if (syn == EXPLAIN_NONE) {
		say_also(words, "ack %u; the SYN that it answers is not in the capture.",
			 note->ack);
		return;
	}
	isn = e->notes[syn].seq;
	if (note->ack == isn + 1)
		say_also(words, "ack %u = %c's ISN + 1 ✓.", note->ack, letter_of(peer));
	else if (seq_lt(isn, note->ack) && seq_le(note->ack, look_highest(e, i, peer)))
		say_also(words, "ack %u = %c's ISN + 1 + %s of its data ✓.", note->ack,
			 letter_of(peer), words_bytes(note->ack - isn - 1).s);
	else
		say_also(words, "ack %u is not %c's ISN + 1, which is %u ✗.", note->ack,
			 letter_of(peer), isn + 1);
	if (syn > i)
		say(words, " The SYN that it answers comes later in the capture, in %s.",
		    words_frame(e, syn).s);
}

/* True if side's first SYN came before i, and was a pure one or not. */
static bool had_syn(const struct explain *e, size_t i, int side, bool pure)
{
	const size_t syn = e->first_syn[side];

	return syn < i && pure == ((e->notes[syn].flags & TCP_ACK) == 0);
}

static void tell_syn(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);

	if (had_syn(e, i, side, true))
		return; /* told as a resend */
	remark_title(remark, TEXT_CYAN, "Handshake 1 of 3");
	if (had_syn(e, i, !side, true)) {
		remark_title(remark, TEXT_CYAN, "Simultaneous open");
		say(&remark->words, "%c opens too; its ISN is %u (RFC 9293, 3.5).", letter_of(side),
		    note->seq);
	} else {
		say(&remark->words, "%c opens; its first sequence number (ISN) is %u.",
		    letter_of(side), note->seq);
	}
	say_offer(&remark->words, note);
	if (had_syn(e, i, !side, false))
		say_also(&remark->words, "The capture has it behind its answer, %s.",
			 words_frame(e, e->first_syn[!side]).s);
}

static void tell_syn_ack(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);

	if (note->cause != CAUSE_NONE && had_syn(e, i, side, false))
		return; /* told as a resend */
	remark_title(remark, TEXT_CYAN, "Handshake 2 of 3");
	say(&remark->words, "%c answers", letter_of(side));
	if (had_syn(e, i, !side, true) && words_ns(e, e->first_syn[!side], i) != 0)
		say(&remark->words, " after %s", words_time(e, e->first_syn[!side], i).s);
	if (had_syn(e, i, side, true))
		remark_title(remark, TEXT_CYAN, "Simultaneous open");
	say(&remark->words, ":");
	say_ack_check(e, i, &remark->words);
	if (had_syn(e, i, side, true))
		return; /* the rest was told with its SYN */
	say_also(&remark->words, "%c's own ISN is %u.", letter_of(side), note->seq);
	say_offer(&remark->words, note);
}

/* True if i is A's first ACK behind a SYN+ACK. */
static bool is_third(const struct explain *e, size_t i)
{
	const size_t syn_ack = e->first_syn[1];

	if (e->completes != EXPLAIN_NONE)
		return i == e->completes;
	if (syn_ack >= i || side_of(&e->notes[i]) != 0 || !(e->notes[syn_ack].flags & TCP_ACK))
		return false;
	for (size_t j = syn_ack + 1; j < i; j++) {
		if (side_of(&e->notes[j]) == 0 && (e->notes[j].flags & TCP_ACK))
			return false;
	}
	return true;
}

static void tell_third(const struct explain *e, size_t i, struct explain_remark *remark)
{
	remark_title(remark, TEXT_CYAN,
		     e->record.handshake == HANDSHAKE_SIMULTANEOUS ? "Simultaneous open"
								   : "Handshake 3 of 3");
	say_ack_check(e, i, &remark->words);
	if (i == e->completes && e->first_syn[0] < i && words_ns(e, e->first_syn[0], i) != 0)
		say_also(&remark->words, "Open after %s.", words_time(e, e->first_syn[0], i).s);
}

void remark_handshake(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const uint8_t flags = e->notes[i].flags;

	if ((flags & TCP_SYN) && (flags & (TCP_FIN | TCP_RST))) {
		remark_title(remark, TEXT_YELLOW, "ODD FLAGS");
		say(&remark->words, "SYN with %s: no TCP does that; a scan or a broken device.",
		    flags & TCP_FIN ? "FIN" : "RST");
	} else if ((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
		tell_syn_ack(e, i, remark);
	} else if (flags & TCP_SYN) {
		tell_syn(e, i, remark);
	} else if ((flags & TCP_ACK) && !(flags & TCP_RST) && is_third(e, i)) {
		tell_third(e, i, remark);
	}
}

void remark_midstream(const struct explain *e, size_t i, struct explain_remark *remark)
{
	if (i != 0 || !e->record.midstream)
		return;
	say(&remark->words,
	    "The capture begins in the middle: relative numbers count from the first seen%s.",
	    e->record.handshake == HANDSHAKE_MIDSTREAM ? ", windows are shown unscaled" : "");
}

void remark_reused_ports(const struct explain *e, size_t i, struct explain_remark *remark)
{
	remark_title(remark, TEXT_YELLOW, "PORTS REUSED");
	if (e->notes[i].flags & TCP_ACK)
		say(&remark->words,
		    "%c's SYN has another sequence number than before: it starts anew.",
		    letter_of(side_of(&e->notes[i])));
	else
		say(&remark->words,
		    "an older flow has the same addresses and ports; this SYN, with another ISN, "
		    "begins a new one.");
}

void remark_fast_open(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const char side = letter_of(side_of(note));

	remark_title(remark, TEXT_YELLOW, "FAST OPEN");
	if (note_has(note, VERDICT_TFO_SYN) && note->len > 0)
		say(&remark->words,
		    "%c sends %s with the SYN and a cookie of an earlier visit (RFC 7413).", side,
		    words_bytes(note->len).s);
	else if (note_has(note, VERDICT_TFO_SYN))
		say(&remark->words,
		    "%c shows a cookie of an earlier visit, without data (RFC 7413).", side);
	else if (note_has(note, VERDICT_TFO_ACK) &&
		 seq_lt(look_highest(e, i, !side_of(note)), note->ack))
		say(&remark->words,
		    "Wireshark takes %c's ack for one of data on the SYN, because it is larger "
		    "than "
		    "ISN + 1.",
		    side);
	else if (note_has(note, VERDICT_TFO_ACK))
		say(&remark->words,
		    "%c acknowledges more than the SYN: it took data that came with it.", side);
	else
		say(&remark->words, "%c did not take the data on the SYN: they must be sent again.",
		    side);
}

void remark_congestion(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);

	if (note->flags & TCP_SYN)
		return;
	if (note->flags & TCP_ECE)
		say_also(&remark->words,
			 "ECE: a router marked what %c sent as congested, and %c says so (RFC "
			 "3168).",
			 letter_of(!side), letter_of(side));
	if (note->flags & TCP_CWR)
		say_also(&remark->words, "CWR: %c has slowed down.", letter_of(side));
}

void remark_urgent(const struct explain *e, size_t i, struct explain_remark *remark)
{
	if (e->notes[i].flags & TCP_URG)
		say(&remark->words, "URG: the urgent pointer marks data to be read out of turn.");
}

void remark_fin(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);

	if (!(note->flags & TCP_FIN) || (note->flags & (TCP_SYN | TCP_RST)) ||
	    note->cause != CAUSE_NONE)
		return;
	say(&remark->words, "FIN: %c has no more to send%s.", letter_of(side),
	    e->first_fin[!side] < i ? " either: both have closed" : "");
}

/* A RST that answers a SYN: nobody is there. */
static bool answers_syn(const struct explain *e, size_t i)
{
	const int side = side_of(&e->notes[i]);

	return had_syn(e, i, !side, true) && e->first_syn[side] >= i &&
	       look_own(e, i) == EXPLAIN_NONE;
}

static void tell_refusal(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const int side = side_of(note);
	const size_t syn = e->first_syn[!side];

	/* RFC 9293 3.10.7.3: it counts only if it acknowledges the SYN. */
	if (!(note->flags & TCP_ACK) || note->ack == e->notes[syn].seq ||
	    seq_lt(look_highest(e, i, !side), note->ack)) {
		say(&remark->words,
		    "it does not acknowledge %c's SYN, so %c must ignore it: perhaps it is forged.",
		    letter_of(!side), letter_of(!side));
		return;
	}
	remark_title(remark, TEXT_RED, "REFUSED");
	say(&remark->words,
	    "%c answers RST after %s: it is up, but nobody listens on that port (or a firewall "
	    "answers for it).",
	    letter_of(side), words_time(e, syn, i).s);
}

void remark_rst(const struct explain *e, size_t i, struct explain_remark *remark)
{
	const struct tcp_note *note = &e->notes[i];
	const char side = letter_of(side_of(note));
	const int nb_fins = (e->first_fin[0] < i) + (e->first_fin[1] < i);
	const size_t own = look_own(e, i);

	if (!(note->flags & TCP_RST) || (note->flags & TCP_SYN))
		return;
	remark_title(remark, TEXT_RED, "RESET");
	if (answers_syn(e, i))
		tell_refusal(e, i, remark);
	else if (own != EXPLAIN_NONE && (e->notes[own].flags & TCP_RST))
		say(&remark->words, "%c says again that there is no such connection.", side);
	else if (nb_fins == 2)
		say(&remark->words, "both had closed already; %c drops what is left.", side);
	else if (nb_fins != 0)
		say(&remark->words, "%c does not wait for the end: the connection was half closed.",
		    side);
	else
		say(&remark->words,
		    "%c breaks off: the connection is gone at once, in both directions.", side);
}
