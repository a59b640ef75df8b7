/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_LAW_H
#define TESTS_FUZZ_LAW_H

/*
 * The conservation law (definitions 5.9) of one side, segment by segment:
 * payload of all packets that count = bytes - missed - unresolved + retransmitted.
 */

#include <stdbool.h>
#include <stdint.h>

struct flow_record_side;
struct tcp_note;
struct tcp_side;

struct law {
	uint64_t payload; /* since the last record */
	uint32_t fin;     /* number of the lowest FIN, if has_fin */
	bool has_fin;
	bool is_excepted; /* jumps, bytes below the first one, data behind a FIN */
};

/* A segment went through: side is its sender's, afterwards. */
void law_take(struct law *law, const struct tcp_side *side, const struct tcp_note *note,
	      bool hides_verdicts);
/* An active record was told. */
void law_restart(struct law *law);
void law_check(const struct law *law, const struct flow_record_side *record);

#endif
