/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What inputs take beside chunks, and that it stays within what there is (definitions 2.8).
 *
 * It is shared out once all inputs are open, by what the first member of each says that it needs:
 * so it follows from the inputs and from the limit alone, and so does what is refused.
 */

#include <inttypes.h>
#include <stdio.h>

#include "capture_priv.h"
#include "unpack.h"

/* Of each input, also of one that waits its turn: its place, its name, its interface. */
#define INPUT_BYTES UINT64_C(1024)

/* What is there for decompression, and for what --merge has of its inputs. */
static uint64_t bytes_left(const struct capture *capture, size_t nb_inputs)
{
	const uint64_t places = nb_inputs * INPUT_BYTES;

	return capture->max_memory > places ? capture->max_memory - places : 1;
}

static uint64_t without(uint64_t bytes, uint64_t part)
{
	return bytes > part ? bytes - part : 1;
}

struct decompress_limits budget_limits(const struct capture *capture, size_t nb_inputs)
{
	struct decompress_limits limits = {DECOMPRESS_MEMORY, DECOMPRESS_MEMORY, 1};
	const uint64_t left = bytes_left(capture, nb_inputs);

	if (capture->max_memory != 0) {
		limits.max_bytes = without(left, UNPACK_MEMORY);
		/* Of pipes, which begin before it is known what the others take. */
		limits.threads_bytes = without(left / 4 / nb_inputs, UNPACK_MEMORY);
	}
	return limits;
}

uint64_t budget_input(const struct source *source, bool is_lazy)
{
	if (source->unpacker == NULL)
		return 0;
	return unpacker_needs(source->unpacker) + (is_lazy ? UNPACK_LAZY_MEMORY : UNPACK_MEMORY);
}

/* What all inputs take together that are open at the same time, with lanes of that size. */
static uint64_t sum_of(const struct capture *capture, uint64_t lane_bytes, bool is_lazy)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < capture->nb_sources; i++)
		sum += lane_bytes + budget_input(&capture->sources[i], is_lazy);
	return sum;
}

/* One behind the other: there is never more than one decompressor. */
static void plan_row(struct capture *capture, uint64_t left)
{
	uint64_t most = 0;

	for (size_t i = 0; i < capture->nb_sources; i++) {
		const uint64_t bytes = budget_input(&capture->sources[i], false);

		if (bytes > most)
			most = bytes;
	}
	capture->memory = capture->nb_sources * INPUT_BYTES;
	if (most == 0)
		return;
	if (most < left / 4)
		most = left / 4;
	capture->memory += most;
	for (size_t i = 0; i < capture->nb_sources; i++) {
		if (capture->sources[i].unpacker != NULL)
			unpacker_limit(capture->sources[i].unpacker, most - UNPACK_MEMORY);
	}
}

void budget_plan(struct capture *capture)
{
	if (capture->max_memory != 0)
		plan_row(capture, bytes_left(capture, capture->nb_sources));
}

/*
 * Decompressors share the spare bytes, beside what their first members need. Returns what they got:
 * nothing if there are none.
 */
static uint64_t limit_unpackers(struct capture *capture, uint64_t spare)
{
	uint64_t nb = 0;

	for (size_t i = 0; i < capture->nb_sources; i++)
		nb += capture->sources[i].unpacker != NULL;
	for (size_t i = 0; nb != 0 && i < capture->nb_sources; i++) {
		struct unpacker *unpacker = capture->sources[i].unpacker;

		if (unpacker != NULL)
			unpacker_limit(unpacker, unpacker_needs(unpacker) + spare / nb);
	}
	return nb != 0 ? spare : 0;
}

/*
 * All lanes together shall have half of what there is, by less for each where that is needed; if
 * they need less, that half is theirs all the same, for packets larger than a lane's block and
 * for later members that need more.
 */
uint64_t budget_plan_lanes(struct capture *capture, struct budget_lanes *lanes)
{
	const uint64_t left = bytes_left(capture, capture->nb_sources);
	uint64_t sum, all, spare;

	if (capture->max_memory == 0)
		return UINT64_MAX;
	while ((sum = sum_of(capture, merge_lane_bytes(lanes->block), lanes->is_lazy)) > left / 2) {
		if (!lanes->is_lazy)
			lanes->is_lazy = true;
		else if (lanes->block > lanes->least_block)
			lanes->block /= 2;
		else
			break;
	}
	/* They may all be open at the same time, or one behind the other. */
	all = sum <= left / 2 ? left / 2 : left;
	lanes->sum = sum;
	capture->memory = capture->nb_sources * INPUT_BYTES + all;
	spare = limit_unpackers(capture, all > sum ? (all - sum) / 2 : 0);
	lanes->has_unpackers = spare != 0;
	return all - spare;
}

const char *budget_hint(const struct capture *capture, uint64_t bytes, char *text, size_t size)
{
	const uint64_t enough = capture->enough != NULL ? capture->enough(bytes) : 0;

	text[0] = '\0';
	if (enough != 0)
		(void)snprintf(text, size, ": --max-memory %" PRIu64 "MiB would do", enough >> 20);
	return text;
}
