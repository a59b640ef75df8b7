/* SPDX-License-Identifier: BSD-3-Clause */

/* See law.h. */

#include "law.h"

#include <stdio.h>

#include "fuzz.h"
#include "tcpmill/record.h"
#include "tcpmill/tcp.h"

/* So far apart what is below and what above begins to change places. */
#define FAR (1u << 30)

static bool counts(const struct tcp_note *note)
{
	return (note->bits & NOTE_ANALYSED) && !(note->bits & NOTE_CAPTURE_DUP) &&
	       !(note->flags & TCP_RST) && !(note->verdicts >> VERDICT_KEEP_ALIVE & 1);
}

void law_take(struct law *law, const struct tcp_side *side, const struct tcp_note *note,
	      bool hides_verdicts)
{
	const uint32_t first = note->seq + ((note->flags & TCP_SYN) != 0);
	const uint32_t end = first + note->len;

	/* Whether it is a keep-alive, or has a new base, is not shown then. */
	if (hides_verdicts && (note->len <= 1 || (note->flags & TCP_SYN)))
		law->is_excepted = true;
	if (!counts(note))
		return;
	if (note->verdicts >> VERDICT_REUSED_PORTS & 1)
		law->has_fin = false;
	law->payload += note->len;
	if (tcp_side_trouble(side)->seq_jumps != 0 || side->bytes >= FAR ||
	    (int32_t)(first - side->start) < 0)
		law->is_excepted = true;
	if (note->flags & TCP_FIN && (!law->has_fin || (int32_t)(end - law->fin) < 0)) {
		law->has_fin = true;
		law->fin = end;
	}
	/* Also when what was there before turns out to lie behind it. */
	if (law->has_fin && ((int32_t)(end - law->fin) > 0 || (int32_t)(side->hi - law->fin) > 1))
		law->is_excepted = true;
}

void law_restart(struct law *law)
{
	law->payload = 0;
}

void law_check(const struct law *law, const struct flow_record_side *record)
{
	char text[160];
	int64_t sum;

	if (law->is_excepted)
		return;
	if (record->bytes == RECORD_NULL_64) {
		fuzz_check(law->payload == 0);
		return;
	}
	sum = record->bytes - record->missed_bytes - record->unresolved_bytes +
	      record->retransmitted_bytes;
	snprintf(text, sizeof(text),
		 "payload %lu, bytes %ld, missed %ld, unresolved %ld, again %ld",
		 (unsigned long)law->payload, (long)record->bytes, (long)record->missed_bytes,
		 (long)record->unresolved_bytes, (long)record->retransmitted_bytes);
	fuzz_check_text(sum == (int64_t)law->payload, text);
}
