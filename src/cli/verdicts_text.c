/* SPDX-License-Identifier: BSD-3-Clause */

/* Verdicts as lines of four columns. */

#include "tcpmill/engine.h"
#include "verdicts_priv.h"

/* The names in the order in which they are told, with commas between. */
static char *put_names(char *at, uint32_t verdicts)
{
	bool has_one = false;

	for (int i = 0; i < NB_VERDICTS; i++) {
		const unsigned int v = verdict_order[i];

		if ((verdicts >> v & 1) == 0)
			continue;
		if (has_one)
			*at++ = ',';
		has_one = true;
		at = put_text(at, verdict_names[v], strlen(verdict_names[v]));
	}
	return at;
}

char *verdicts_put_text(char *at, const struct engine_told *told)
{
	const struct tcp_note *note = &told->note;

	at = put_uint(at, note->frame);
	*at++ = '\t';
	at = put_uint(at, (uint64_t)note->stream);
	*at++ = '\t';
	if (note->verdicts != 0)
		at = put_names(at, note->verdicts);
	*at++ = '\t';
	if (note->verdicts >> VERDICT_DUPLICATE_ACK & 1)
		at = put_uint(at, note->dup_ack);
	*at++ = '\n';
	return at;
}
