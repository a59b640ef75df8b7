/* SPDX-License-Identifier: BSD-3-Clause */

/* One flow from top to bottom: who and when, how it began, flags, losses, and every column. */

#include <string.h>

#include "show_flow_priv.h"
#include "show_json.h"
#include "tcpmill/arrow.h"
#include "text.h"

const struct show_cell *show_view_cell(const struct show_view *v, const char *name)
{
	return show_cell_find(v->reader, v->cells, name);
}

const char *show_view_word(const struct show_view *v, const char *name, char out[SHOW_TEXT_MAX])
{
	const struct show_cell *c = show_view_cell(v, name);

	out[0] = '\0';
	if (c && c->s)
		text_clean(out, SHOW_TEXT_MAX, c->s, c->len);
	return out;
}

/* Column name of the flow, formatted for people; NULL when there is none or it is null. */
static const char *formatted(const struct show_view *v, const char *name, char out[SHOW_TEXT_MAX])
{
	struct show_column column;
	const char *text;

	if (!show_column_find(v->reader, name, &column))
		return NULL;
	text = show_column_format(&column, v->cells, out);
	return strcmp(text, "-") == 0 ? NULL : text;
}

static const char *state_meaning(const char *state)
{
	static const struct {
		const char *state, *meaning;
	} meanings[] = {
		{"S0", "SYN without an answer"},
		{"S1", "opened, not closed"},
		{"SF", "opened and closed by both"},
		{"REJ", "refused"},
		{"S2", "opened, closed by A alone"},
		{"S3", "opened, closed by B alone"},
		{"RSTO", "opened, reset by A"},
		{"RSTR", "reset by B"},
		{"RSTOS0", "A sent SYN, then RST; no answer seen"},
		{"RSTRH", "B answered, then reset; no SYN of A seen"},
		{"SH", "A sent SYN, then FIN; no answer seen"},
		{"SHR", "B answered, then closed; no SYN of A seen"},
		{"OTH", "neither beginning nor end seen"},
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].state, state) == 0)
			return meanings[i].meaning;
	}
	return NULL;
}

static void print_title(const struct show_view *v)
{
	char text[SHOW_TEXT_MAX];
	const char *s = formatted(v, "stream", text);

	fprintf(v->out, "%s%s", s ? "Stream " : "Flow", s ? s : "");
	s = formatted(v, "flow", text);
	if (s) {
		const char *arrow = strstr(s, " → ");

		fprintf(v->out, " · %.*s (A) → %s (B)", arrow ? (int)(arrow - s) : 0, s,
			arrow ? arrow + strlen(" → ") : s);
	}
	putc('\n', v->out);
}

/* Second line: when, where in the capture, how long. */
static void print_when(const struct show_view *v)
{
	const struct show_cell *ts = show_view_cell(v, "ts"),
			       *duration = show_view_cell(v, "duration_ns");
	const struct show_cell *first = show_view_cell(v, "first_frame"),
			       *last = show_view_cell(v, "last_frame");
	const char *separator = "";

	if (ts) {
		fprintf(v->out, "%s UTC", text_time(ts->n).s);
		separator = " · ";
	}
	if (first && last) {
		fprintf(v->out, "%sframes %s–%s", separator, text_count(first->n).s,
			text_count(last->n).s);
		separator = " · ";
	}
	if (duration)
		fprintf(v->out, "%s%s", separator, text_duration(duration->n).s);
	if (ts || (first && last) || duration)
		putc('\n', v->out);
}

static const char *metadata_of(const struct arrow_kv *kv, size_t nb, const char *key)
{
	for (size_t i = 0; i < nb; i++) {
		if (strcmp(kv[i].key, key) == 0)
			return kv[i].value;
	}
	return NULL;
}

/*
 * The number that the flow's first frame has in its own file; 0 if it is not known: of merged
 * inputs, and without a footer.
 */
static int64_t own_frame(const struct show_view *v, int64_t frame)
{
	size_t nb, nb_footer;
	const struct arrow_kv *kv = arrow_reader_metadata(v->reader, &nb);
	const struct arrow_kv *footer = arrow_reader_footer(v->reader, &nb_footer);
	const char *const options = metadata_of(kv, nb, "options");
	const char *const inputs = metadata_of(footer, nb_footer, "inputs");
	const struct show_cell *file = show_view_cell(v, "input_file");
	int64_t first;

	if (inputs == NULL || file == NULL || file->n < 0 ||
	    (options != NULL && show_json_is_true(options, "merge")) ||
	    !show_json_array_number(inputs, (size_t)file->n, "first_frame", &first) || first < 1 ||
	    frame < first)
		return 0;
	return frame - first + 1;
}

/* "#501 is client.pcap #1": where the flow begins, if there are several captures. */
static void print_where(const struct show_view *v)
{
	const struct show_cell *first = show_view_cell(v, "first_frame");
	char path[SHOW_TEXT_MAX], name[SHOW_TEXT_MAX];
	const char *slash;
	int64_t own;
	size_t nb;

	if (first == NULL || !show_input_find(v->reader, v->cells, path, sizeof(path), &nb) ||
	    nb < 2)
		return;
	slash = strrchr(path, '/');
	text_input(name, sizeof(name), slash != NULL && slash[1] != '\0' ? slash + 1 : path);
	own = own_frame(v, first->n);
	fprintf(v->out, "#%s is %s%s", text_count(first->n).s, own != 0 ? "" : "in ", name);
	if (own != 0)
		fprintf(v->out, " #%s", text_count(own).s);
	putc('\n', v->out);
}

static void print_end(const struct show_view *v)
{
	char text[SHOW_TEXT_MAX];
	const char *meaning;

	if (show_view_word(v, "conn_state", text)[0] == '\0')
		return;
	meaning = state_meaning(text);
	fprintf(v->out, "State %s%s%s", text, meaning ? ": " : "", meaning ? meaning : "");
	if (show_view_word(v, "end_reason", text)[0] != '\0')
		fprintf(v->out, " · end: %s", text);
	putc('\n', v->out);
}

static const struct {
	const char *letter, *name, *column, *meaning;
} flags[] = {
	{"F", "FIN", "fin", "has no more to send"},
	{"S", "SYN", "syn", "opens: here my sequence numbers begin"},
	{"R", "RST", "rst", "breaks off or refuses at once"},
	{"P", "PSH", "psh", "hand this to the program without waiting for more"},
	{"A", "ACK", "ack", "the acknowledgment number counts: all but the first packet"},
	{"U", "URG", "urg", "the urgent pointer counts"},
	{"E", "ECE", "ece", "congestion was signalled to me; on a SYN: I can do ECN"},
	{"W", "CWR", "cwr", "I have slowed down; on a SYN: I can do ECN"},
};

/* o_ and r_ of a column; false when the file does not have both. */
static bool find_pair(const struct show_view *v, const char *column,
		      const struct show_cell *pair[static 2])
{
	char name[32];

	snprintf(name, sizeof(name), "o_%s", column);
	pair[0] = show_view_cell(v, name);
	snprintf(name, sizeof(name), "r_%s", column);
	pair[1] = show_view_cell(v, name);
	return pair[0] && pair[1];
}

static void print_flags(const struct show_view *v)
{
	bool has_heading = false;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const struct show_cell *pair[2];

		if (!find_pair(v, flags[i].column, pair))
			continue;
		if (!has_heading)
			fputs("\nFlags         of A        of B\n", v->out);
		has_heading = true;
		fprintf(v->out, "  %s %s ", flags[i].letter, flags[i].name);
		text_put_right(v->out, text_count(pair[0]->n).s, 10);
		text_put_right(v->out, text_count(pair[1]->n).s, 12);
		fprintf(v->out, "  %s\n", flags[i].meaning);
	}
}

static const struct {
	const char *where, *column, *meaning;
} losses[] = {
	{"before capture point", "lost_before_bytes", "bytes: gaps that a resend filled"},
	{"behind capture point", "lost_after_bytes",
	 "bytes at most: seen, then resent unacknowledged"},
	{"missed by the capture", "missed_bytes", "bytes: acknowledged, but never seen"},
	{"not lost, only late", "reordered_pkts", "packets: overtaken on the way"},
	{"not known", "unresolved_bytes", "bytes: gaps that nobody filled or acknowledged"},
};

/* A side that was not seen has null: nothing is known of what it lost. */
static void print_losses(const struct show_view *v)
{
	bool has_heading = false;

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		const struct show_cell *pair[2];

		(void)find_pair(v, losses[i].column, pair);
		if ((!pair[0] || pair[0]->n == 0) && (!pair[1] || pair[1]->n == 0))
			continue;
		if (!has_heading)
			fputs("\nWhere it was lost          of A        of B\n", v->out);
		has_heading = true;
		fputs("  ", v->out);
		text_put_left(v->out, losses[i].where, 21);
		text_put_right(v->out, pair[0] ? text_count(pair[0]->n).s : "-", 8);
		text_put_right(v->out, pair[1] ? text_count(pair[1]->n).s : "-", 12);
		fprintf(v->out, "  %s\n", losses[i].meaning);
	}
}

void show_flow_print(FILE *out, const struct arrow_reader *reader, const struct show_cell *cells,
		     size_t width)
{
	struct show_view v = {out, reader, cells, width};

	print_title(&v);
	print_when(&v);
	print_where(&v);
	print_end(&v);
	show_view_print_handshake(&v);
	print_flags(&v);
	print_losses(&v);
	show_view_print_columns(&v);
	fputs("\nA full look: ", out);
	show_wireshark_print(out, reader, cells);
}
