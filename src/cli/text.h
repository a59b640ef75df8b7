/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_TEXT_H
#define TCPMILL_CLI_TEXT_H

/*
 * Numbers, times and addresses as people read them; UTF-8, English, the same
 * in every locale and time zone.
 *
 * The formatters return their text by value, to be used in the same
 * expression: printf("%s packets", text_count(n).s).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_MAX 64

struct text {
	char s[TEXT_MAX]; /* NUL-terminated */
};

struct record_address;

/* "21,904,113" */
struct text text_count(int64_t n);
struct text text_ucount(uint64_t n);
/* "930", "14.2 k", "7.9 M": at most one decimal. */
struct text text_short_count(uint64_t n);
/* "512 B", "3.1 GB", "94 MB": powers of 1000, at most one decimal. */
struct text text_bytes(uint64_t n);
/* "1.9 of 3.1 GB": both in the unit of the whole. */
struct text text_bytes_of(uint64_t done, uint64_t whole);
/* text_rate(14.2e6, "pps") = "14.2 Mpps", text_rate(2.1e9, "B/s") = "2.1 GB/s". */
struct text text_rate(double per_second, const char *unit);
/* "0.19 %", "62 %", "< 0.01 %"; "-" when whole is 0. */
struct text text_percent(uint64_t part, uint64_t whole);
/* "0.3 µs", "18.4 ms", "3.02 s", "5 min 20 s", "1 h", "2 d 3 h": three digits below a minute. */
struct text text_duration(int64_t ns);
/* "0:01", "12:34", "1:02:03": for progress lines; whole seconds. */
struct text text_clock(uint64_t seconds);

/* Times in ns since the epoch, all UTC. */
struct text text_time(int64_t ns);     /* "2026-11-20 09:00:00.000000123" */
struct text text_time_iso(int64_t ns); /* "2026-11-20T09:00:00.000000123Z" */
struct text text_date(int64_t ns);     /* "2026-11-20" */
/* "09:12:04.118": digits 0 .. 9 of the second, cut, not rounded. */
struct text text_time_of_day(int64_t ns, unsigned int digits);

/* "10.1.4.7", "2001:db8::1" */
struct text text_address(const struct record_address *address);
/* "10.1.4.7:50122", "[2001:db8::1]:443" */
struct text text_endpoint(const char *ip, uint16_t port);
struct text text_address_endpoint(const struct record_address *address, uint16_t port);

/* Bytes of the UTF-8 character at s, or 0 when it is broken; *code is its code point. */
size_t text_decode(const char *s, size_t len, uint32_t *code);
/* Columns that len bytes of UTF-8 take on a terminal; a broken byte takes one. */
size_t text_width(const char *s, size_t len);
/*
 * Copies untrusted text for a terminal: control characters (escape sequences
 * start with one) and broken UTF-8 become U+FFFD. Always terminates; cuts
 * between characters. Returns the length written.
 */
size_t text_clean(char *out, size_t size, const char *s, size_t len);
/* An input as messages call it: stdin for "-", else its cleaned path. Returns out. */
const char *text_input(char *out, size_t size, const char *path);
/* Writes s padded with blanks to width columns; longer text is written whole. */
void text_put_left(FILE *out, const char *s, size_t width);
void text_put_right(FILE *out, const char *s, size_t width);

/* Writes a file's name as one word of a shell: quoted unless it is plain. */
void text_put_shell_word(FILE *out, const char *word);

/* Columns of the terminal behind fd; 100 when it is none. */
unsigned int text_terminal_width(int fd);

/* Colour: only on a terminal that has it, and never when NO_COLOR is set (no-color.org). */
bool text_wants_colour(int fd);

enum text_style {
	TEXT_NORMAL, /* ends any other style */
	TEXT_BOLD,
	TEXT_DIM,
	TEXT_RED,
	TEXT_GREEN,
	TEXT_YELLOW,
	TEXT_CYAN,
};

/* The escape sequence that starts a style, or "" when colour is false. */
const char *text_style(bool colour, enum text_style style);

#endif
