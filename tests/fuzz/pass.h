/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_PASS_H
#define TESTS_FUZZ_PASS_H

/*
 * One pass over one capture, as a worker makes it: cut, decode, find the flow, track, and a record
 * of each flow that ends. Everything that must hold of any capture is checked on the way: the books
 * balance, records are possible, damage is told in one line with its place.
 *
 * What each frame was and came to is kept as a digest, to compare passes frame by frame. Frames
 * are decoded from copies of their own size, and what lies in a chunk behind the file's end is
 * poison: with ASan no byte outside can be read unseen.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/decode.h"

/* A chunk that holds any of the small captures whole. */
#define PASS_WHOLE (1u << 17)

struct pass {
	bool is_open; /* a capture; else error says why not */
	char error[256];
	char damage[256]; /* "" if there was none */
	uint64_t nb_frames, nb_flows;
	uint64_t fates[NB_FATES];
	uint64_t *frames; /* [nb_frames] */
	size_t room;
	uint64_t records; /* digest of all of them, in the order of their ends */
};

struct pass_params {
	const char *path;
	size_t chunk_size;
	bool poisons; /* the file fits one chunk */
};

/* Reads it all; a pass that was used before is used again with its memory. */
void pass_run(struct pass *pass, const struct pass_params *params);
void pass_fini(struct pass *pass);

/* True if the first nb frames of both are the same, and came to the same. */
bool pass_begins_alike(const struct pass *a, const struct pass *b, uint64_t nb);

struct flow_record;
/* What can be in no record. is_part: it is an active one, or there were such before it. */
void pass_check_record(const struct flow_record *record, bool is_part);

#endif
