/* SPDX-License-Identifier: BSD-3-Clause */

/* Who gets how much of --max-memory (definitions 2.8; why: docs/architecture.md). */

#include "engine_priv.h"

/* More than that is of no use beside the state of flows. */
#define MAX_BESIDE_STATE (4ull << 30)

/*
 * What each frame of an epoch can add to what waits to be written: a flow whose ports the next
 * frame takes over, with its annex and the counters of one side.
 */
#define FRAME_BYTES 1024u

#define DEFAULT_ROWS 65536u
#define MIN_ROWS 1024u
#define MIN_EPOCH_SHIFT 12

/* Of each row of a batch: two on their way and one, in columns, in the encoder. */
#define ROW_BYTES 2048u
/* Of each byte of a chunk: lists of frames and of segments; three chunks a worker. */
#define CHUNK_FACTOR 12u
#define USUAL_CHUNK (256u << 10)

/* The larger an epoch is, and the more rows a batch has, the more waits to be written. */
static void share_beside_state(uint64_t beside, uint64_t max_bytes, struct engine_memory *memory)
{
	while (memory->batch_rows > MIN_ROWS && memory->batch_rows > max_bytes >> 16)
		memory->batch_rows /= 2;
	while (memory->epoch_shift > MIN_EPOCH_SHIFT &&
	       (uint64_t)FRAME_BYTES << memory->epoch_shift > beside / 4)
		memory->epoch_shift--;
}

void engine_memory_plan(uint64_t max_bytes, bool is_given, struct engine_memory *memory)
{
	uint64_t beside = max_bytes / 2, epochs;

	if (beside > MAX_BESIDE_STATE)
		beside = MAX_BESIDE_STATE;
	*memory = (struct engine_memory){
		.max_bytes = max_bytes,
		.is_given = is_given,
		.fragment_bytes = (max_bytes - beside) / 8,
		.batch_rows = DEFAULT_ROWS,
		.epoch_shift = CAPTURE_EPOCH_SHIFT,
		.epochs_ahead = EPOCHS_AHEAD,
	};
	if (memory->fragment_bytes > REASSEMBLY_BYTES)
		memory->fragment_bytes = REASSEMBLY_BYTES;
	memory->state_bytes = max_bytes - beside - memory->fragment_bytes;
	if (is_given)
		share_beside_state(beside, max_bytes, memory);
	epochs = (memory->epochs_ahead + 1ull) * FRAME_BYTES << memory->epoch_shift;
	if (epochs > beside / 2) {
		memory->epochs_ahead = 1;
		epochs = 2ull * FRAME_BYTES << memory->epoch_shift;
	}
	memory->worker_bytes = epochs < beside ? beside - epochs : 0;
	/* A small machine's epochs are as long as any: few captures fill them with flows that end.
	 */
	if (!is_given && memory->worker_bytes < beside / 2)
		memory->worker_bytes = beside / 2;
}

uint32_t engine_memory_chunk_size(const struct engine_memory *memory, uint32_t chunk_size)
{
	const uint32_t most = CAPTURE_MIN_RECORD / 2 << memory->epoch_shift;

	return chunk_size < most ? chunk_size : most;
}

static uint64_t bytes_of_worker(const struct engine_memory *memory, uint32_t chunk_size)
{
	return (uint64_t)memory->batch_rows * ROW_BYTES + (uint64_t)chunk_size * CHUNK_FACTOR;
}

uint32_t engine_memory_workers(const struct engine_memory *memory, uint32_t chunk_size,
			       uint64_t input_bytes)
{
	const uint64_t each = bytes_of_worker(memory, chunk_size);
	uint64_t nb;

	if (memory->worker_bytes < input_bytes + each)
		return 1;
	nb = (memory->worker_bytes - input_bytes) / each;
	return nb < ENGINE_MAX_WORKERS ? (uint32_t)nb : ENGINE_MAX_WORKERS;
}

uint64_t engine_memory_of_inputs(const struct engine_memory *memory, uint32_t chunk_size)
{
	const uint64_t each = bytes_of_worker(memory, chunk_size);

	if (!memory->is_given)
		return 0;
	return memory->worker_bytes > each ? memory->worker_bytes - each : 1;
}

uint64_t engine_memory_enough(uint64_t input_bytes)
{
	/* Powers of two, and three steps between them. */
	for (uint64_t power = ENGINE_MIN_MEMORY; power < UINT64_C(1) << 40; power *= 2) {
		for (uint64_t bytes = power; bytes < 2 * power; bytes += power / 4) {
			struct engine_memory memory;
			uint32_t chunk_size;

			engine_memory_plan(bytes, true, &memory);
			chunk_size = engine_memory_chunk_size(&memory, USUAL_CHUNK);
			if (engine_memory_of_inputs(&memory, chunk_size) >= input_bytes)
				return bytes;
		}
	}
	return 0;
}
