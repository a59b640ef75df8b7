/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The screen: who, then one line a segment, A on the left and B on the right.
 *
 *  #4  23.900 ms  ── PSH, ACK ──────── 512 bytes ────►  seq 1  ack 1  win 65,535
 *
 * Frame, time, lane and numbers: the lane takes what the others leave of the width.
 */

#include <string.h>

#include "explain_priv.h"
#include "tcpmill/capture.h"

#define LANE_MIN 26
#define LANE_MAX 44
/* Captures whose frame numbers are told, and bytes of their names. */
#define NB_FILES 4
#define NAME_MAX_SHOWN 100
#define MARGIN 1 /* blanks in front of a row */
#define GAP 2    /* blanks between its parts */

/* Names of the flags from bit 0 on, in the order in which they are told. */
static const struct {
	uint8_t bit;
	char letter;
	const char *name;
} flags[] = {
	{TCP_SYN, 'S', "SYN"}, {TCP_FIN, 'F', "FIN"}, {TCP_RST, 'R', "RST"}, {TCP_PSH, 'P', "PSH"},
	{TCP_ACK, 'A', "ACK"}, {TCP_URG, 'U', "URG"}, {TCP_ECE, 'E', "ECE"}, {TCP_CWR, 'W', "CWR"},
};

static void say_flags(struct explain_words *words, uint8_t set, bool as_letters)
{
	const size_t len = words->len;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(set & flags[i].bit))
			continue;
		if (as_letters)
			say(words, "%c", flags[i].letter);
		else
			say(words, "%s%s", words->len > len ? ", " : "", flags[i].name);
	}
	if (set == 0)
		say(words, "no flags");
}

static int width_of(const struct explain_words *words)
{
	return (int)text_width(words->s, words->len);
}

/* Time since the first segment, in one unit for the whole ladder. */
static struct text row_time(const struct explain *e, size_t i)
{
	const int64_t ns = words_ns(e, 0, i);
	const uint64_t abs_ns = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const uint64_t unit = e->time_unit_ns, step = e->time_step_ns;
	const char *name = unit == 1000 ? "µs" : unit == 1000000 ? "ms" : "s";
	const int digits = unit / step == 1000 ? 3 : 6;
	struct text t;

	snprintf(t.s, sizeof(t.s), "%s%llu.%0*llu %s", ns < 0 ? "-" : "",
		 (unsigned long long)(abs_ns / unit), digits,
		 (unsigned long long)(abs_ns % unit / step), name);
	return t;
}

/* "seq 1  ack 513  win 65,535"; compact leaves out what is not needed to read it. */
static void say_numbers(struct explain_words *words, const struct tcp_note *note, bool compact)
{
	const char *gap = compact ? " " : "  ";

	if (!(note->bits & NOTE_SEQ_BASE))
		say(words, "raw seq %u", note->seq);
	else if ((note->flags & TCP_SYN) && !compact)
		say(words, "seq %u (raw %u)", note->seq - note->seq_base, note->seq);
	else
		say(words, "seq %u", note->seq - note->seq_base);
	if (note->flags & TCP_ACK) {
		if (note->bits & NOTE_ACK_BASE)
			say(words, "%sack %u", gap, note->ack - note->ack_base);
		else
			say(words, "%sraw ack %u", gap, note->ack);
	}
	if (compact)
		say(words, "%swin %u", gap, shown_window(note));
	else
		say(words, "%swin %s", gap, text_ucount(shown_window(note)).s);
}

/* What stands in the lane: flags near the sender, the length near the receiver. */
static void say_label(struct explain_words *near, struct explain_words *far,
		      const struct tcp_note *note, int room)
{
	for (int brief = 0; brief < 2; brief++) {
		*near = *far = (struct explain_words){0};
		say_flags(near, note->flags, brief != 0);
		if (note->len > 0 && brief)
			say(far, "%u B", note->len);
		else if (note->len > 0)
			say(far, "%s", words_many(note->len, "byte", "bytes").s);
		if (width_of(near) + width_of(far) <= room)
			return;
	}
}

static void put_line(FILE *out, int nb)
{
	for (; nb > 0; nb--)
		fputs("─", out);
}

/* "── PSH, ACK ──────── 512 bytes ────►" or its mirror image. */
static void print_lane(const struct explain *e, const struct tcp_note *note)
{
	/* Two at the sender's end, the blanks around the words, the arrow's head. */
	const int fixed = 2 + 1 + 1 + 1;
	struct explain_words near, far;
	int rest, behind, between;

	say_label(&near, &far, note, e->lane_width - fixed - (note->len > 0 ? 4 : 0));
	rest = e->lane_width - fixed - width_of(&near);
	if (far.len != 0)
		rest -= width_of(&far) + 2;
	behind = far.len == 0 ? 0 : rest > 8 ? 4 : rest > 2 ? 2 : 1;
	between = rest - behind;
	if (side_of(note) == 0) {
		fprintf(e->out, "── %s ", near.s);
		put_line(e->out, between);
		if (far.len != 0)
			fprintf(e->out, " %s ", far.s);
		put_line(e->out, behind);
		fputs("►", e->out);
	} else {
		fputs("◄", e->out);
		put_line(e->out, behind);
		if (far.len != 0)
			fprintf(e->out, " %s ", far.s);
		put_line(e->out, between);
		fprintf(e->out, " %s ──", near.s);
	}
}

static enum text_style row_style(const struct explain *e, size_t i)
{
	if (!explain_is_event(e, i))
		return TEXT_NORMAL;
	return e->notes[i].flags & TCP_RST ? TEXT_RED : TEXT_BOLD;
}

static void print_row(const struct explain *e, size_t i)
{
	const struct tcp_note *note = &e->notes[i];
	struct explain_words numbers = {0};

	say_numbers(&numbers, note, false);
	if (width_of(&numbers) > EXPLAIN_WIDTH - (e->indent + e->lane_width + GAP)) {
		numbers = (struct explain_words){0};
		say_numbers(&numbers, note, true);
	}
	fprintf(e->out, "%s%*s", text_style(e->colour, row_style(e, i)), MARGIN,
		note->frame == e->request->around ? ">" : "");
	text_put_right(e->out, words_frame(e, i).s, (size_t)e->frame_width);
	fprintf(e->out, "%*s", GAP, "");
	text_put_right(e->out, row_time(e, i).s, (size_t)e->time_width);
	fprintf(e->out, "%*s", GAP, "");
	print_lane(e, note);
	fprintf(e->out, "%*s%s%s\n", GAP, "", numbers.s,
		row_style(e, i) == TEXT_NORMAL ? "" : text_style(e->colour, TEXT_NORMAL));
}

/* The smallest unit in which all times have few digits. */
static void choose_time_unit(struct explain *e)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < e->nb; i++) {
		const int64_t ns = words_ns(e, 0, i);
		const uint64_t abs_ns = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

		if ((e->marks[i] & EXPLAIN_MARK_SHOWN) && abs_ns > longest)
			longest = abs_ns;
	}
	e->time_unit_ns = longest < 1000000 ? 1000 : longest < 10000000000u ? 1000000 : 1000000000;
	e->time_step_ns = longest < 1000000 ? 1 : longest < 100000000000000u ? 1000 : 1000000;
}

static void measure(struct explain *e)
{
	int widest = 0;

	e->frame_width = 0;
	e->time_width = 0;
	choose_time_unit(e);
	for (size_t i = 0; i < e->nb; i++) {
		struct explain_words numbers = {0};
		struct text time, frame;

		if (!(e->marks[i] & EXPLAIN_MARK_SHOWN))
			continue;
		time = row_time(e, i);
		frame = words_frame(e, i);
		say_numbers(&numbers, &e->notes[i], false);
		if (width_of(&numbers) > widest)
			widest = width_of(&numbers);
		if ((int)text_width(time.s, strlen(time.s)) > e->time_width)
			e->time_width = (int)text_width(time.s, strlen(time.s));
		if ((int)text_width(frame.s, strlen(frame.s)) > e->frame_width)
			e->frame_width = (int)text_width(frame.s, strlen(frame.s));
	}
	e->indent = MARGIN + e->frame_width + GAP + e->time_width + GAP;
	e->lane_width = EXPLAIN_WIDTH - e->indent - GAP - widest;
	if (e->lane_width > LANE_MAX)
		e->lane_width = LANE_MAX;
	if (e->lane_width < LANE_MIN)
		e->lane_width = LANE_MIN;
}

static struct text endpoint(const struct explain *e, int side)
{
	const struct flow_record *record = &e->record;

	return side == 0 ? text_address_endpoint(&record->src, record->src_port)
			 : text_address_endpoint(&record->dst, record->dst_port);
}

/* How the flow came to be chosen, where that is not plain. */
static void say_why(const struct explain *e, struct explain_words *words)
{
	if (e->why == EXPLAIN_TROUBLED) {
		if (e->record.first_anomaly_frame == RECORD_NULL_64)
			say(words, "None of %s flows has an anomaly: this is the first;",
			    text_ucount(e->nb_flows).s);
		else
			say(words, "The most troubled of %s flows;", text_ucount(e->nb_flows).s);
		say(words, " --stream N shows another.");
	} else if (e->why == EXPLAIN_ENDPOINTS && e->nb_same > 1) {
		say(words, "The first of %s flows between these ends; --stream N shows another:",
		    text_ucount(e->nb_same).s);
		for (uint64_t i = 0; i + 1 < e->nb_same && i < EXPLAIN_NB_OTHERS; i++)
			say(words, "%s %lld", i == 0 ? "" : ",", (long long)e->others[i]);
		say(words, e->nb_same - 1 > EXPLAIN_NB_OTHERS ? " ..." : "");
	}
}

/*
 * "#501 is client.pcap #1": where the flow's frames are in the captures, which have numbers of
 * their own. Merged ones are no ranges.
 */
static void say_files(const struct explain *e, struct explain_words *words)
{
	const size_t nb = e->request->run.merge ? 0 : capture_nb_inputs(e->capture);
	uint32_t nb_said = 0;

	for (size_t i = 0; nb > 1 && i < nb; i++) {
		const struct capture_input *input = capture_input(e->capture, i);
		const char *slash = strrchr(input->path, '/');
		uint64_t frame = (uint64_t)e->record.first_frame;
		char name[NAME_MAX_SHOWN];

		if (frame < input->first_frame)
			frame = input->first_frame;
		if (input->nb_frames == 0 || frame >= input->first_frame + input->nb_frames ||
		    frame > (uint64_t)e->record.last_frame)
			continue;
		if (nb_said++ == NB_FILES) {
			say(words, ", ...");
			break;
		}
		slash = slash != NULL && slash[1] != '\0' ? slash + 1 : input->path;
		say(words, "%s%s is %s %s", nb_said == 1 ? "" : ", ", words_number(frame).s,
		    text_input(name, sizeof(name), slash),
		    words_number(frame - input->first_frame + 1).s);
	}
}

/* What a row speaks of may be too far away to be found: it is told as if it were not there. */
static void say_limit(const struct explain *e, struct explain_words *words)
{
	if (e->nb > e->look_max)
		say(words,
		    "No row looks further ahead or back than %s segments: a first copy, an ACK or "
		    "the end of a gap beyond that is not found.",
		    text_ucount(e->look_max).s);
}

static void print_title(const struct explain *e)
{
	struct explain_words words = {0}, why = {0}, files = {0}, limit = {0};

	say(&words, "Stream %lld%s", (long long)e->record.stream,
	    e->why == EXPLAIN_ONLY ? " (the only flow)" : "");
	say(&words, " · %s (A) → %s (B) ·", endpoint(e, 0).s, endpoint(e, 1).s);
	if (e->record.first_frame == e->record.last_frame)
		say(&words, " frame %s", text_count(e->record.first_frame).s);
	else
		say(&words, " frames %s–%s · %s", text_count(e->record.first_frame).s,
		    text_count(e->record.last_frame).s, text_duration(e->record.duration_ns).s);
	explain_put(e, 0, TEXT_BOLD, "", words.s);
	say_files(e, &files);
	if (files.len != 0)
		explain_put(e, 0, TEXT_DIM, "", files.s);
	say_why(e, &why);
	if (why.len != 0)
		explain_put(e, 0, TEXT_DIM, "", why.s);
	say_limit(e, &limit);
	if (limit.len != 0)
		explain_put(e, 0, TEXT_DIM, "", limit.s);
	putc('\n', e->out);
}

/* The ends of the lane: names as far as there is room for both. */
static void print_ends(const struct explain *e)
{
	struct explain_words a = {0}, b = {0};

	say(&a, "A %s", endpoint(e, 0).s);
	say(&b, "B %s", endpoint(e, 1).s);
	if (width_of(&a) + GAP + width_of(&b) > EXPLAIN_WIDTH - e->indent) {
		a = b = (struct explain_words){0};
		say(&a, "A");
		say(&b, "B");
	}
	fprintf(e->out, "%s%*s%s", text_style(e->colour, TEXT_DIM), e->indent, "", a.s);
	/* B ends where the lane does, if that leaves room for A. */
	text_put_right(e->out, b.s,
		       width_of(&a) + GAP + width_of(&b) > e->lane_width
			       ? (size_t)(width_of(&b) + GAP)
			       : (size_t)(e->lane_width - width_of(&a)));
	fprintf(e->out, "%s\n", text_style(e->colour, TEXT_NORMAL));
}

void explain_print(struct explain *e)
{
	measure(e);
	print_title(e);
	print_ends(e);
	for (size_t i = 0; i < e->nb;) {
		size_t to = i;

		while (to < e->nb && !(e->marks[to] & EXPLAIN_MARK_SHOWN))
			to++;
		if (to > i)
			explain_print_fold(e, i, to);
		if (to < e->nb) {
			print_row(e, to);
			explain_print_remarks(e, to);
		}
		i = to + 1;
	}
	putc('\n', e->out);
	explain_print_diagnosis(e);
}
