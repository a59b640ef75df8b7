/* SPDX-License-Identifier: BSD-3-Clause */

/* The line that stands for segments that are not shown. */

#include <string.h>

#include "explain_priv.h"

static const struct {
	const char *one, *many;
} verdict_nouns[NB_VERDICTS] = {
	[VERDICT_RETRANSMISSION] = {"retransmission", "retransmissions"},
	[VERDICT_FAST_RETRANSMISSION] = {"fast retransmission", "fast retransmissions"},
	[VERDICT_SPURIOUS_RETRANSMISSION] = {"spurious retransmission", "spurious retransmissions"},
	[VERDICT_OUT_OF_ORDER] = {"out of order", "out of order"},
	[VERDICT_DUPLICATE_ACK] = {"dup ACK", "dup ACKs"},
	[VERDICT_LOST_SEGMENT] = {"gap", "gaps"},
	[VERDICT_ACK_LOST_SEGMENT] = {"ACK of unseen data", "ACKs of unseen data"},
	[VERDICT_WINDOW_UPDATE] = {"window update", "window updates"},
	[VERDICT_WINDOW_FULL] = {"full window", "full windows"},
	[VERDICT_ZERO_WINDOW] = {"zero window", "zero windows"},
	[VERDICT_ZERO_WINDOW_PROBE] = {"window probe", "window probes"},
	[VERDICT_ZERO_WINDOW_PROBE_ACK] = {"probe ACK", "probe ACKs"},
	[VERDICT_KEEP_ALIVE] = {"keep-alive", "keep-alives"},
	[VERDICT_KEEP_ALIVE_ACK] = {"keep-alive ACK", "keep-alive ACKs"},
	[VERDICT_REUSED_PORTS] = {"reuse of ports", "reuses of ports"},
	[VERDICT_TFO_SYN] = {"Fast Open SYN", "Fast Open SYNs"},
	[VERDICT_TFO_ACK] = {"Fast Open ACK", "Fast Open ACKs"},
	[VERDICT_TFO_IGNORED] = {"Fast Open refusal", "Fast Open refusals"},
};

const char *explain_verdict_noun(int verdict, uint64_t n)
{
	return n == 1 ? verdict_nouns[verdict].one : verdict_nouns[verdict].many;
}

struct fold {
	uint64_t verdicts[NB_VERDICTS];
	uint64_t nb_events, nb_hidden, nb_resets, nb_capture_dups;
	uint64_t bytes[2];
};

static void add_up(const struct explain *e, size_t from, size_t to, struct fold *fold)
{
	*fold = (struct fold){0};
	for (size_t i = from; i < to; i++) {
		const struct tcp_note *note = &e->notes[i];

		fold->bytes[side_of(note)] += note->len;
		fold->nb_hidden += (e->marks[i] & EXPLAIN_MARK_HIDDEN) != 0;
		fold->nb_events += explain_is_event(e, i);
		fold->nb_resets += (note->flags & TCP_RST) != 0;
		fold->nb_capture_dups += (note->bits & NOTE_CAPTURE_DUP) != 0;
		for (int v = 0; v < NB_VERDICTS; v++)
			fold->verdicts[v] += note_has(note, (enum verdict)v);
		/* The answer to a probe says in other words that the window is zero. */
		fold->verdicts[VERDICT_ZERO_WINDOW] -=
			note_has(note, VERDICT_ZERO_WINDOW) &&
			note_has(note, VERDICT_ZERO_WINDOW_PROBE_ACK);
	}
}

/* ": 3 gaps, 18 dup ACKs", in the order of the verdicts. */
static void say_events(struct explain_words *words, const struct fold *fold)
{
	const char *before = ": ";

	for (int i = 0; i < NB_VERDICTS; i++) {
		const int v = verdict_order[i];

		if (fold->verdicts[v] == 0)
			continue;
		say(words, "%s%s", before,
		    words_many(fold->verdicts[v], verdict_nouns[v].one, verdict_nouns[v].many).s);
		before = ", ";
	}
	if (fold->nb_resets != 0) {
		say(words, "%s%s", before, words_many(fold->nb_resets, "reset", "resets").s);
		before = ", ";
	}
	if (fold->nb_capture_dups != 0)
		say(words, "%s%s captured twice", before, text_ucount(fold->nb_capture_dups).s);
}

void explain_print_fold(const struct explain *e, size_t from, size_t to)
{
	struct explain_words words = {0};
	const char *before = "";
	struct fold fold;

	add_up(e, from, to, &fold);
	if (fold.nb_hidden == to - from)
		return;
	say(&words, "… %s%s (%s–%s", words_many(to - from, "segment", "segments").s,
	    fold.nb_events == 0 ? " in order" : "", words_frame(e, from).s,
	    words_frame(e, to - 1).s);
	say(&words, "; ");
	for (int side = 0; side < 2; side++) {
		if (fold.bytes[side] == 0)
			continue;
		say(&words, "%s%s from %c", before, text_bytes(fold.bytes[side]).s,
		    letter_of(side));
		before = ", ";
	}
	say(&words, "%s%s)", before, words_time(e, from, to - 1).s);
	if (fold.nb_events != 0)
		say_events(&words, &fold);
	explain_put(e, e->indent, TEXT_DIM, "", words.s);
	if (e->first_left == EXPLAIN_NONE || e->first_left >= to || e->first_left < from)
		return;
	words = (struct explain_words){0};
	say(&words, "%s more %s not shown: --around %llu shows the first of them, --all everything",
	    text_ucount(e->nb_events_left).s, e->nb_events_left == 1 ? "event is" : "events are",
	    (unsigned long long)e->notes[e->first_left].frame);
	explain_put(e, e->indent, TEXT_YELLOW, "", words.s);
}
