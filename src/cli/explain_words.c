/* SPDX-License-Identifier: BSD-3-Clause */

/* Pieces of sentences, and sentences on a screen of EXPLAIN_WIDTH columns. */

#include <stdarg.h>
#include <string.h>

#include "explain_priv.h"

static void say_list(struct explain_words *words, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void say_list(struct explain_words *words, const char *format, va_list args)
{
	const size_t room = sizeof(words->s) - words->len;
	const int n = vsnprintf(words->s + words->len, room, format, args);

	if (n > 0)
		words->len += (size_t)n < room ? (size_t)n : room - 1;
}

void say(struct explain_words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(words, format, args);
	va_end(args);
}

void say_also(struct explain_words *words, const char *format, ...)
{
	va_list args;

	if (words->len != 0)
		say(words, " ");
	va_start(args, format);
	say_list(words, format, args);
	va_end(args);
}

struct text words_number(uint64_t frame)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "#%.40s", text_ucount(frame).s);
	return t;
}

struct text words_frame(const struct explain *e, size_t i)
{
	return words_number(i < e->nb ? e->notes[i].frame : 0);
}

struct text words_many(uint64_t n, const char *one, const char *many)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.26s %.36s", text_ucount(n).s, n == 1 ? one : many);
	return t;
}

struct text words_times(uint64_t n)
{
	return n == 1   ? (struct text){"once"}
	       : n == 2 ? (struct text){"twice"}
			: words_many(n, "time", "times");
}

struct text words_bytes(uint64_t n)
{
	return n < 100000 ? words_many(n, "byte", "bytes") : text_bytes(n);
}

struct text words_range(uint32_t start, uint32_t end, uint32_t base, bool has_base)
{
	const uint32_t first = has_base ? start - base : start;
	struct text t;

	/* The number behind the last one is not in the range. */
	if (end - start <= 1)
		snprintf(t.s, sizeof(t.s), "seq %u", first);
	else
		snprintf(t.s, sizeof(t.s), "seq %u–%u", first, first + (end - start) - 1);
	return t;
}

struct text words_own_range(const struct explain *e, size_t i, uint32_t start, uint32_t end)
{
	const struct tcp_note *note = &e->notes[i];

	return words_range(start, end, note->seq_base, (note->bits & NOTE_SEQ_BASE) != 0);
}

struct text words_peer_range(const struct explain *e, size_t i, uint32_t start, uint32_t end)
{
	const struct tcp_note *note = &e->notes[i];

	return words_range(start, end, note->ack_base, (note->bits & NOTE_ACK_BASE) != 0);
}

int64_t words_ns(const struct explain *e, size_t i, size_t j)
{
	/* Stamps may be as far apart as they like. */
	return (int64_t)((uint64_t)e->notes[j].ts_ns - (uint64_t)e->notes[i].ts_ns);
}

struct text words_time(const struct explain *e, size_t i, size_t j)
{
	const int64_t ns = words_ns(e, i, j);

	return text_duration(ns >= 0 ? ns : ns == INT64_MIN ? INT64_MAX : -ns);
}

struct text words_later(const struct explain *e, size_t i, size_t j)
{
	const int64_t ns = words_ns(e, i, j);
	struct text t;

	if (ns == 0)
		snprintf(t.s, sizeof(t.s), "at the same time");
	else
		snprintf(t.s, sizeof(t.s), "%.32s %s", words_time(e, i, j).s,
			 ns < 0 ? "earlier by its stamp" : "later");
	return t;
}

static void put_blanks(FILE *out, int nb)
{
	text_put_left(out, "", nb > 0 ? (size_t)nb : 0);
}

/* A number and its unit, and RFC with its number, are one piece. */
static bool is_unit(const char *text)
{
	static const char *const units[] = {"µs", "ms", "s",  "min", "h",     "d",    "B",
					    "kB", "MB", "GB", "TB",  "bytes", "byte", "%"};
	const size_t len = strcspn(text, " ,.;:()");

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i]) == len && strncmp(units[i], text, len) == 0)
			return true;
	}
	return false;
}

/* Bytes of text up to the next blank at which a line may end. */
static size_t piece_len(const char *text)
{
	size_t len = strcspn(text, " ");

	while (len > 0 && text[len] == ' ' &&
	       ((text[len - 1] >= '0' && text[len - 1] <= '9' && is_unit(text + len + 1)) ||
		(len >= 3 && strncmp(text + len - 3, "RFC", 3) == 0)))
		len += 1 + strcspn(text + len + 1, " ");
	return len;
}

void explain_put(const struct explain *e, int indent, enum text_style style, const char *title,
		 const char *words)
{
	int column = indent;

	put_blanks(e->out, indent);
	if (title[0] != '\0') {
		fprintf(e->out, "%s%s:%s", text_style(e->colour, style), title,
			text_style(e->colour, TEXT_NORMAL));
		column += (int)text_width(title, strlen(title)) + 1;
	} else {
		fputs(text_style(e->colour, style), e->out);
	}
	for (const char *at = words; *at != '\0';) {
		const size_t len = piece_len(at);
		const int width = (int)text_width(at, len);

		if (column > indent && column + 1 + width > EXPLAIN_WIDTH) {
			putc('\n', e->out);
			put_blanks(e->out, indent);
			column = indent;
		} else if (column > indent) {
			putc(' ', e->out);
			column++;
		}
		fwrite(at, 1, len, e->out);
		column += width;
		at += len + strspn(at + len, " ");
	}
	if (title[0] == '\0')
		fputs(text_style(e->colour, TEXT_NORMAL), e->out);
	putc('\n', e->out);
}
