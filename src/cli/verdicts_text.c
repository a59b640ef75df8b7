/* SPDX-License-Identifier: BSD-3-Clause */

/* Verdicts as lines of four columns. */

#include "tcpmill/engine.h"
#include "verdicts_priv.h"

/* The names in the order in which they are told, each as often as segments have it. */
static char *put_names(char *at, const struct engine_told *const *told, size_t nb)
{
	const char *const start = at;
	uint32_t verdicts = 0;

	for (size_t i = 0; i < nb; i++)
		verdicts |= told[i]->note.verdicts;
	for (int k = 0; verdicts != 0 && k < NB_VERDICTS; k++) {
		const unsigned int v = verdict_order[k];

		for (size_t i = 0; (verdicts >> v & 1) != 0 && i < nb; i++) {
			for (uint32_t n = verdicts_times(&told[i]->note, v); n != 0; n--) {
				if (at != start)
					*at++ = ',';
				at = put_text(at, verdict_names[v], strlen(verdict_names[v]));
			}
		}
	}
	return at;
}

static char *put_dup_acks(char *at, const struct engine_told *const *told, size_t nb)
{
	const char *const start = at;

	for (size_t i = 0; i < nb; i++) {
		if ((told[i]->note.verdicts >> VERDICT_DUPLICATE_ACK & 1) == 0)
			continue;
		if (at != start)
			*at++ = ',';
		at = put_uint(at, told[i]->note.dup_ack);
	}
	return at;
}

char *verdicts_put_text(char *at, const struct engine_told *const *told, size_t nb)
{
	at = put_uint(at, told[0]->note.frame);
	for (size_t i = 0; i < nb; i++) {
		*at++ = i == 0 ? '\t' : ',';
		at = put_uint(at, (uint64_t)told[i]->note.stream);
	}
	*at++ = '\t';
	at = put_names(at, told, nb);
	*at++ = '\t';
	at = put_dup_acks(at, told, nb);
	*at++ = '\n';
	return at;
}
