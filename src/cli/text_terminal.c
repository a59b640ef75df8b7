/* SPDX-License-Identifier: BSD-3-Clause */

/* What depends on the terminal: how wide text is, what may be written, colour. */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

#define WIDTH_WITHOUT_TERMINAL 100
#define WIDTH_MIN 20

size_t text_decode(const char *s, size_t len, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)s;
	size_t nb;

	if (len == 0)
		return 0;
	if (b[0] < 0x80) {
		*code = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] < 0xe0) {
		nb = 2;
		*code = b[0] & 0x1fu;
	} else if (b[0] >= 0xe0 && b[0] < 0xf0) {
		nb = 3;
		*code = b[0] & 0x0fu;
	} else if (b[0] >= 0xf0 && b[0] < 0xf5) {
		nb = 4;
		*code = b[0] & 0x07u;
	} else {
		return 0;
	}
	if (len < nb)
		return 0;
	for (size_t i = 1; i < nb; i++) {
		if ((b[i] & 0xc0u) != 0x80u)
			return 0;
		*code = *code << 6 | (b[i] & 0x3fu);
	}
	if (*code < smallest[nb] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return nb;
}

/* First and last code points that take no column, or two. The rest takes one. */
static const struct {
	uint32_t first, last;
	uint8_t width;
} odd_widths[] = {
	{0x0300, 0x036f, 0}, /* combining marks */
	{0x1100, 0x115f, 2}, /* Hangul letters */
	{0x200b, 0x200f, 0}, /* zero width space, joiners, direction marks */
	{0x20d0, 0x20ff, 0}, /* combining marks for symbols */
	{0x2e80, 0x303e, 2}, /* CJK radicals and punctuation */
	{0x3041, 0xa4cf, 2}, /* kana, CJK, Yi */
	{0xac00, 0xd7a3, 2}, /* Hangul */
	{0xf900, 0xfaff, 2}, /* CJK compatibility */
	{0xfe00, 0xfe0f, 0}, /* variation selectors */
	{0xfe20, 0xfe2f, 0}, /* combining half marks */
	{0xfe30, 0xfe6f, 2}, /* CJK forms */
	{0xfeff, 0xfeff, 0}, /* byte order mark */
	{0xff00, 0xff60, 2}, /* full width forms */
	{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},                        /* pictographs */
	{0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, /* CJK extensions */
};

static size_t width_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof(odd_widths) / sizeof(odd_widths[0]); i++) {
		if (code >= odd_widths[i].first && code <= odd_widths[i].last)
			return odd_widths[i].width;
	}
	return 1;
}

size_t text_width(const char *s, size_t len)
{
	size_t width = 0;

	for (size_t at = 0; at < len;) {
		uint32_t code = 0;
		size_t nb = text_decode(s + at, len - at, &code);

		width += nb == 0 ? 1 : width_of(code);
		at += nb == 0 ? 1 : nb;
	}
	return width;
}

/*
 * C0 and C1 controls and DEL move cursors, set titles and worse; the direction
 * marks and overrides make a line read as what it is not.
 */
static bool is_unprintable(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

const char *text_input(char *out, size_t size, const char *path)
{
	const char *const name = strcmp(path, "-") == 0 ? "stdin" : path;

	text_clean(out, size, name, strlen(name));
	return out;
}

size_t text_clean(char *out, size_t size, const char *s, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	size_t written = 0;

	if (size == 0)
		return 0;
	for (size_t at = 0; at < len;) {
		uint32_t code = 0;
		size_t nb = text_decode(s + at, len - at, &code);
		bool bad = nb == 0 || is_unprintable(code);
		size_t nb_out = bad ? sizeof(replacement) - 1 : nb;

		if (size - written <= nb_out)
			break;
		memcpy(out + written, bad ? replacement : s + at, nb_out);
		written += nb_out;
		at += nb == 0 ? 1 : nb;
	}
	out[written] = '\0';
	return written;
}

static void put_blanks(FILE *out, size_t nb)
{
	static const char blanks[] =
		"                                                                ";

	for (; nb >= sizeof(blanks); nb -= sizeof(blanks) - 1)
		fwrite(blanks, 1, sizeof(blanks) - 1, out);
	fwrite(blanks, 1, nb, out);
}

void text_put_left(FILE *out, const char *s, size_t width)
{
	size_t used = text_width(s, strlen(s));

	fputs(s, out);
	if (used < width)
		put_blanks(out, width - used);
}

void text_put_right(FILE *out, const char *s, size_t width)
{
	size_t used = text_width(s, strlen(s));

	if (used < width)
		put_blanks(out, width - used);
	fputs(s, out);
}

void text_put_shell_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./+=:@%-";

	if (word[0] != '\0' && word[0] != '-' && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	/* A name that begins with '-' would be read as an option. */
	fputs(word[0] == '-' ? "'./" : "'", out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
}

unsigned int text_terminal_width(int fd)
{
	struct winsize size = {0};

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_WITHOUT_TERMINAL;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

bool text_wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && no_color[0] != '\0')
		return false;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

const char *text_style(bool colour, enum text_style style)
{
	static const char *const sequences[] = {
		[TEXT_NORMAL] = "\x1b[0m", [TEXT_BOLD] = "\x1b[1m",   [TEXT_DIM] = "\x1b[2m",
		[TEXT_RED] = "\x1b[31m",   [TEXT_GREEN] = "\x1b[32m", [TEXT_YELLOW] = "\x1b[33m",
		[TEXT_CYAN] = "\x1b[36m",
	};

	return colour ? sequences[style] : "";
}
