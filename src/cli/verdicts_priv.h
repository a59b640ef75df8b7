/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_VERDICTS_PRIV_H
#define TCPMILL_CLI_VERDICTS_PRIV_H

/* The lines of `verdicts`: bytes by hand, because there are millions of them a second. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tcpmill/tcp_note.h"

struct engine_told;

/* No line is longer, for each segment that it tells. Writers store in steps, so this is room they
 * need, used up or not. */
#define VERDICTS_LINE_MAX 2048

/*
 * One line of frame, streams, verdicts and dup-ack numbers, with tabs between, as the
 * oracle prints it: of the segments told [nb] of one frame. Returns its end.
 */
char *verdicts_put_text(char *at, const struct engine_told *const *told, size_t nb);

/* How often a verdict is told of a segment: as the oracle does it, once for each cookie. */
static inline uint32_t verdicts_times(const struct tcp_note *note, unsigned int verdict)
{
	if ((note->verdicts >> verdict & 1) == 0)
		return 0;
	return verdict == VERDICT_TFO_SYN ? 1u + note->nb_tfo_more : 1;
}

/* What stays the same from line to line. */
struct verdicts_json {
	int64_t second; /* that date is the text of; INT64_MIN: of none */
	char date[20];  /* "2026-11-20T09:00:00." */
};

/* Fetches what a JSON line reads of the segment's flow. */
void verdicts_prefetch(const struct engine_told *told);
/* One line that is a JSON object. */
char *verdicts_put_json(struct verdicts_json *json, char *at, const struct engine_told *told);

/* In decimal; 20 digits at most. */
static inline char *put_uint(char *at, uint64_t n)
{
	/* clang-format off */
	static const uint64_t powers[20] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
		10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
		1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000u};
	/* clang-format on */
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	unsigned int nb = 1;
	char *end;

	while (nb < 20 && n >= powers[nb])
		nb++;
	end = at + nb;
	for (at = end; n >= 100; n /= 100) {
		at -= 2;
		memcpy(at, pairs + n % 100 * 2, 2);
	}
	if (n >= 10)
		memcpy(at - 2, pairs + n * 2, 2);
	else
		at[-1] = (char)('0' + n);
	return end;
}

static inline char *put_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#endif
