/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The last words: what happened to this flow, in a few sentences. Bytes are those of
 * the flow's record, so that `show` says the same.
 */

#include "explain_priv.h"

/* An answer that takes so long, and so many round trips, is the program's doing. */
#define SLOW_ANSWER_NS 200000000
#define SLOW_ANSWER_RTTS 10
/* A window that more than one data segment in so many fills is what limits the speed. */
#define FULL_SHARE 20

/* ": 23.1 ms to B and back, 200 µs to A and back, so the capture point is near A" */
static void say_halves(const struct explain *e, struct explain_words *words)
{
	const size_t syn = e->first_syn[0], answer = e->first_syn[1];
	int64_t to_b, to_a;

	if (syn >= answer || answer >= e->completes)
		return;
	to_b = words_ns(e, syn, answer);
	to_a = words_ns(e, answer, e->completes);
	if (to_a <= 0 || to_b <= 0)
		return;
	say(words, ": %s to B and back, %s to A and back", text_duration(to_b).s,
	    text_duration(to_a).s);
	if (to_a / 5 > to_b || to_b / 5 > to_a)
		say(words, ", so it was captured near %c", to_a > to_b ? 'B' : 'A');
}

static void say_complete(const struct explain *e, const struct explain_tally tallies[2],
			 struct explain_words *words)
{
	const uint64_t nb_syns = tallies[0].nb_syns, nb_syn_acks = tallies[1].nb_syns;

	if (e->completes == EXPLAIN_NONE || e->first_syn[0] >= e->completes ||
	    words_ns(e, e->first_syn[0], e->completes) == 0) {
		say(words, "The handshake is complete.");
		return;
	}
	say(words, "The handshake took %s", words_time(e, e->first_syn[0], e->completes).s);
	if (nb_syns > 1)
		say(words, ", because A had to send its SYN %s", words_times(nb_syns).s);
	if (nb_syn_acks > 1)
		say(words, "%s B %s its SYN, ACK %s", nb_syns > 1 ? " and" : ", because",
		    nb_syns > 1 ? "sent" : "had to send", words_times(nb_syn_acks).s);
	if (nb_syns < 2 && nb_syn_acks < 2)
		say_halves(e, words);
	say(words, ".");
}

static void say_unanswered(const struct explain *e, const struct explain_tally *a,
			   struct explain_words *words)
{
	if (e->record.side[1].pkts != 0) {
		say(words, "B answered A's SYN, but not with SYN, ACK: no handshake.");
		return;
	}
	say(words, "B never answered: A sent its SYN %s", words_times(a->nb_syns).s);
	if (a->nb_syns > 1)
		say(words, " in %s", text_duration(e->record.duration_ns).s);
	say(words, ". Nothing is there, or something on the way drops the SYNs or the answers.");
}

static void say_handshake(const struct explain *e, const struct explain_tally tallies[2],
			  struct explain_words *words)
{
	static const char *const endings[NB_HANDSHAKES] = {
		[HANDSHAKE_BAD_ACK] =
			"The handshake failed: B acknowledged something else than A's "
			"ISN + 1, perhaps for an older connection.",
		[HANDSHAKE_SIMULTANEOUS] =
			"Both sides opened at the same time, which is seldom but "
			"allowed (RFC 9293, 3.5).",
		[HANDSHAKE_SPLIT] = "B answered A's SYN with a SYN of its own: a split handshake, "
				    "which some scanners and middleboxes do.",
		[HANDSHAKE_RESP_ONLY] = "A's SYN was not captured, B's answer was.",
		[HANDSHAKE_REPLY_UNSEEN] =
			"Nothing of B was captured, but A goes on: B did answer, "
			"on a way that this capture does not see.",
		[HANDSHAKE_MIDSTREAM] = "The capture begins in the middle of the connection.",
	};
	const int handshake = e->record.handshake;

	if (handshake == HANDSHAKE_COMPLETE)
		say_complete(e, tallies, words);
	else if (handshake == HANDSHAKE_SYN_ONLY)
		say_unanswered(e, &tallies[0], words);
	else if (handshake == HANDSHAKE_REFUSED)
		say(words,
		    "B refused the connection: it can be reached, but nobody listens on port %u, "
		    "or "
		    "a firewall says so.",
		    e->record.dst_port);
	else if (handshake == HANDSHAKE_SYN_ACK_UNACKED)
		say(words,
		    "The handshake was never completed: B sent its SYN, ACK %s, and A never "
		    "acknowledged it. It did not reach A, or A is not interested (a scan, a forged "
		    "address).",
		    words_times(tallies[1].nb_syns).s);
	else if (handshake >= 0 && handshake < NB_HANDSHAKES && endings[handshake] != NULL)
		say(words, "%s", endings[handshake]);
}

/* ": 10 by fast retransmit, 4 after a timeout (the longest wait was 201 ms)" */
static void say_causes(struct explain_words *words, const struct explain_tally *tally)
{
	static const struct {
		enum cause cause;
		const char *how;
	} causes[] = {
		{CAUSE_FAST, "by fast retransmit"},
		{CAUSE_TIMEOUT, "after a timeout"},
		{CAUSE_TAIL_PROBE, "as a tail loss probe"},
		{CAUSE_RECOVERY, "in the recovery that followed"},
		{CAUSE_SPURIOUS, "although it was acknowledged already"},
		{CAUSE_UNKNOWN, "for a reason that cannot be seen"},
	};
	const char *before = ": ";

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		const uint64_t nb = tally->causes[causes[i].cause];

		if (nb == 0)
			continue;
		if (nb == tally->nb_resent)
			say(words, " %s", causes[i].how);
		else
			say(words, "%s%s %s", before, text_ucount(nb).s, causes[i].how);
		if (causes[i].cause == CAUSE_TIMEOUT)
			say(words, nb == 1 ? " of %s" : " (of %s at most)",
			    text_duration(tally->longest_wait_ns).s);
		before = ", ";
	}
}

static bool some(int64_t value)
{
	return value != RECORD_NULL_64 && value > 0;
}

/* Bytes that passed here and were sent again, but for those that the receiver refused. */
static uint64_t lost_after(const struct explain *e, const struct explain_tally tallies[2], int side)
{
	const int64_t bytes = e->record.side[side].lost_after_bytes;

	return some(bytes) && (uint64_t)bytes > tallies[side].nb_refused
		       ? (uint64_t)bytes - tallies[side].nb_refused
		       : 0;
}

/* True if there is something to say of losses. */
static bool was_lost(const struct explain *e, const struct explain_tally tallies[2])
{
	for (int side = 0; side < 2; side++) {
		const struct flow_record_side *row = &e->record.side[side];

		if (lost_after(e, tallies, side) != 0 || some(row->lost_before_bytes) ||
		    some(row->missed_bytes) || some(row->unresolved_bytes))
			return true;
	}
	return false;
}

static void say_resends(const struct explain *e, const struct explain_tally tallies[2],
			struct explain_words *words)
{
	const uint64_t nb_data = tallies[0].nb_data + tallies[1].nb_data;

	if (nb_data == 0)
		return;
	if (tallies[0].nb_resent + tallies[1].nb_resent == 0) {
		say_also(words, "No data was resent");
		if (!was_lost(e, tallies))
			say(words, e->record.side[0].pkts != 0 && e->record.side[1].pkts != 0
					   ? ", none is missing"
					   : "");
		say(words, ".");
		return;
	}
	for (int side = 0; side < 2; side++) {
		const struct explain_tally *tally = &tallies[side];

		if (tally->nb_resent == 0)
			continue;
		if (tally->nb_resent == 1)
			say_also(words, "One of %c's %s was resent", letter_of(side),
				 words_many(tally->nb_data, "data segment", "data segments").s);
		else
			say_also(words, "%s of %c's %s (%s) were resent",
				 text_ucount(tally->nb_resent).s, letter_of(side),
				 words_many(tally->nb_data, "data segment", "data segments").s,
				 text_percent(tally->nb_resent, tally->nb_data).s);
		say_causes(words, tally);
		say(words, ".");
		if (tally->nb_proven != 0 && tally->nb_proven == tally->nb_resent)
			say_also(words, "The first %s not lost: the ACK was late.",
				 tally->nb_proven == 1 ? "copy was" : "copies were");
		else if (tally->nb_proven != 0)
			say_also(words, "%s of them had arrived the first time.",
				 text_ucount(tally->nb_proven).s);
	}
}

static const char *was_or_were(uint64_t bytes)
{
	return bytes == 1 ? "was" : "were";
}

/* Where what side sent was lost; *before joins the parts. */
static void say_losses(const struct explain *e, const struct explain_tally tallies[2], int side,
		       const char **before, struct explain_words *words)
{
	const struct flow_record_side *row = &e->record.side[side];
	const char from = letter_of(side), to = letter_of(!side);
	const uint64_t after = lost_after(e, tallies, side);

	if (some(row->lost_before_bytes)) {
		say(words, "%s%s of %c %s lost between %c and the capture point", *before,
		    words_bytes((uint64_t)row->lost_before_bytes).s, from,
		    was_or_were((uint64_t)row->lost_before_bytes), from);
		*before = "; ";
	}
	if (after != 0) {
		say(words, "%s%s of %c passed the capture point and %s lost on the way to %c%s",
		    *before, words_bytes(after).s, from, was_or_were(after), to,
		    tallies[side].nb_asked == tallies[side].nb_resent ? "" : ", or the ACKs were");
		*before = "; ";
	}
	if (some(row->missed_bytes)) {
		say(words, "%s%s of %c reached %c, and only the capture missed %s", *before,
		    words_bytes((uint64_t)row->missed_bytes).s, from, to,
		    row->missed_bytes == 1 ? "it" : "them");
		*before = "; ";
	}
	if (some(row->unresolved_bytes)) {
		say(words, "%s%s of %c %s neither captured nor acknowledged", *before,
		    words_bytes((uint64_t)row->unresolved_bytes).s, from,
		    was_or_were((uint64_t)row->unresolved_bytes));
		*before = "; ";
	}
	if (row->reordered_pkts != RECORD_NULL_32 && row->reordered_pkts > 0) {
		say(words, "%s%s of %c came out of order, which cost nothing", *before,
		    words_many((uint64_t)row->reordered_pkts, "segment", "segments").s, from);
		*before = "; ";
	}
}

static void say_where(const struct explain *e, const struct explain_tally tallies[2],
		      struct explain_words *words)
{
	const char *before = words->len != 0 ? " " : "";
	const size_t len = words->len;

	for (int side = 0; side < 2; side++)
		say_losses(e, tallies, side, &before, words);
	if (words->len > len)
		say(words, ".");
}

static void say_windows(const struct explain_tally tallies[2], struct explain_words *words)
{
	for (int side = 0; side < 2; side++) {
		const struct explain_tally *own = &tallies[side], *peer = &tallies[!side];

		const bool is_full = peer->nb_full > peer->nb_data / FULL_SHARE;

		if (own->nb_closed != 0) {
			say_also(words, "%c closed its window %s, for %s in all", letter_of(side),
				 words_times(own->nb_closed).s,
				 text_duration((int64_t)own->closed_ns).s);
			if (is_full)
				say(words, ", and %c filled it %s", letter_of(!side),
				    words_times(peer->nb_full).s);
			say(words, ": %c's program, not the network, is too slow.",
			    letter_of(side));
		} else if (is_full) {
			say_also(words,
				 "%c filled %c's window %s: the window limits the speed, not the "
				 "network.",
				 letter_of(!side), letter_of(side), words_times(peer->nb_full).s);
		}
	}
}

/* Time that went by because a program had nothing to say, or was slow to. */
static void say_waits(const struct explain *e, const struct explain_tally tallies[2],
		      struct explain_words *words)
{
	const int64_t ttfb_ns = e->record.ttfb_ns;

	for (int side = 0; side < 2; side++) {
		if (tallies[side].nb_keep_alives != 0)
			say_also(words, "%c kept the idle connection alive with %s.",
				 letter_of(side),
				 words_many(tallies[side].nb_keep_alives, "keep-alive",
					    "keep-alives")
					 .s);
	}
	if (e->goes_back)
		say_also(words, "Time stamps go backwards in it: do not trust the times.");
	else if (ttfb_ns != RECORD_NULL_64 && ttfb_ns >= SLOW_ANSWER_NS &&
		 ttfb_ns / SLOW_ANSWER_RTTS >= e->rtt_ns && ttfb_ns >= e->record.duration_ns / 3 &&
		 tallies[0].nb_resent + tallies[1].nb_resent == 0)
		say_also(words, "B took %s to answer A's first data: its program, not the network.",
			 text_duration(ttfb_ns).s);
	else if (e->silence != EXPLAIN_NONE)
		say_also(
			words,
			"Before %s nobody spoke for %s: all was acknowledged, so the programs were "
			"silent, not the network.",
			words_frame(e, e->silence).s, words_time(e, e->silence - 1, e->silence).s);
}

static void say_capture(const struct explain *e, const struct explain_tally tallies[2],
			struct explain_words *words)
{
	const uint64_t nb = tallies[0].nb_capture_dups + tallies[1].nb_capture_dups;

	if (nb != 0)
		say_also(
			words,
			"%s of %s packets are second copies that the capture made: Wireshark takes "
			"them for resends and dup ACKs.",
			text_ucount(nb).s, text_ucount(e->nb).s);
	for (int side = 0; side < 2; side++) {
		if (e->record.side[side].pkts == 0 && e->record.side[!side].pkts > 1 &&
		    e->record.handshake != HANDSHAKE_SYN_ONLY &&
		    e->record.handshake != HANDSHAKE_REPLY_UNSEEN)
			say_also(words, "Nothing of %c was captured, so losses cannot be told.",
				 letter_of(side));
	}
}

static void say_end(const struct explain *e, struct explain_words *words)
{
	if (e->record.handshake == HANDSHAKE_REFUSED ||
	    (e->record.handshake == HANDSHAKE_SYN_ONLY && e->record.side[1].pkts == 0))
		return;
	switch ((enum end_reason)e->record.end_reason) {
	case END_FIN:
		say_also(words, "Both sides closed it.");
		break;
	case END_RST_ORIG:
		say_also(words, "A broke it off with a RST.");
		break;
	case END_RST_RESP:
		say_also(words, "B broke it off with a RST.");
		break;
	case END_EVICTED:
		say_also(words, "Too many flows were open at once, so it was given up here: what "
				"came later between these ends is another stream.");
		break;
	default:
		if (e->first_fin[0] != e->first_fin[1]) {
			/* One of them is EXPLAIN_NONE, or end_reason would be END_FIN. */
			say_also(words, "Only %c closed its side (%s) before the capture ended.",
				 letter_of(e->first_fin[0] == EXPLAIN_NONE),
				 words_frame(e, e->first_fin[0] == EXPLAIN_NONE ? e->first_fin[1]
										: e->first_fin[0])
					 .s);
			break;
		}
		say_also(words, "It was still open when the capture ended.");
		break;
	}
}

void explain_print_diagnosis(const struct explain *e)
{
	struct explain_words words = {0};
	struct explain_tally tallies[2];

	explain_take_tallies(e, tallies);
	say_handshake(e, tallies, &words);
	say_resends(e, tallies, &words);
	say_where(e, tallies, &words);
	say_windows(tallies, &words);
	say_waits(e, tallies, &words);
	say_capture(e, tallies, &words);
	say_end(e, &words);
	explain_put(e, 0, TEXT_NORMAL, "", words.s);
	explain_print_wireshark(e);
}
