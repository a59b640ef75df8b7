/* SPDX-License-Identifier: BSD-3-Clause */

/* See pass.h. */

#include "pass.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "poison.h"
#include "tcpmill/capture.h"
#include "tcpmill/flow.h"
#include "tcpmill/reassembly.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

#define MAX_FLOWS 4096
#define HASH_SEED 7
#define FRAGMENT_BYTES (1u << 20)

/* A pass at work. */
struct walk {
	struct pass *pass;
	struct capture *capture;
	struct flow_table *table;
	struct tcp_tracker *tracker;
	struct reassembly *reassembly;
	struct decode_keys keys;
	struct chunk chunk;
};

static void on_flow_ended(void *context, struct flow *flow)
{
	struct walk *walk = context;
	struct flow_record record = {0};
	struct tcp_flow room;

	flow_record_fill(tcp_flow_view(flow, &room), &record);
	pass_check_record(&record, false);
	walk->pass->records = fuzz_digest(walk->pass->records, &record, sizeof(record));
	tcp_flow_end(walk->tracker, flow);
	tcp_flow_release(walk->tracker, flow);
	flow_table_release(walk->table, flow);
}

static uint64_t track(struct walk *walk, const struct segment *segment, uint64_t frame,
		      uint64_t digest)
{
	const struct tcp_arrival arrival = tcp_flow_find(walk->table, segment, frame, 0, NULL);
	struct tcp_result result;

	fuzz_check(arrival.flow != NULL);
	if (arrival.is_fresh)
		arrival.flow->stream = (int64_t)walk->pass->nb_flows++;
	result = tcp_track(walk->tracker, &arrival, segment, NULL);
	tcp_flow_touch(walk->table, &arrival, segment, &result);
	digest = fuzz_digest(digest, &arrival.flow->stream, sizeof(arrival.flow->stream));
	digest = fuzz_digest(digest, &result.verdicts, sizeof(result.verdicts));
	return fuzz_digest(digest, &result.class, sizeof(result.class));
}

/* What the capture room says of a frame. */
static uint64_t digest_frame(const struct frame *frame)
{
	uint64_t digest = fuzz_digest(FUZZ_DIGEST_START, frame->data, frame->caplen);

	digest = fuzz_digest(digest, &frame->caplen, sizeof(frame->caplen));
	digest = fuzz_digest(digest, &frame->wire_len, sizeof(frame->wire_len));
	digest = fuzz_digest(digest, &frame->ts_ns, sizeof(frame->ts_ns));
	digest = fuzz_digest(digest, &frame->clock_ns, sizeof(frame->clock_ns));
	return fuzz_digest(digest, &frame->interface->link_type,
			   sizeof(frame->interface->link_type));
}

static void add_frame(struct pass *pass, uint64_t digest)
{
	if (pass->nb_frames == pass->room) {
		pass->room = 2 * pass->room + 64;
		pass->frames = realloc(pass->frames, pass->room * sizeof(*pass->frames));
		fuzz_check(pass->frames != NULL);
	}
	pass->frames[pass->nb_frames++] = digest;
}

static void take_frame(struct walk *walk, const struct frame *original, uint64_t number)
{
	const struct decode_context context = {.keys = &walk->keys, .reassembly = walk->reassembly};
	uint8_t *copy = malloc(original->caplen != 0 ? original->caplen : 1);
	uint64_t digest = digest_frame(original);
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct frame frame = *original;
	uint32_t nb = 0;
	enum fate fate;

	fuzz_check(copy != NULL && original->caplen <= CAPTURE_MAX_CAPLEN);
	memcpy(copy, original->data, original->caplen);
	frame.data = copy;
	fuzz_check(capture_filter_match(&frame));
	fate = decode_frame(&context, &frame, segments, &nb);
	fuzz_check(fate < NB_FATES && fate != FATE_FILTERED && fate != FATE_UNTRACKED);
	walk->pass->fates[fate]++;
	digest = fuzz_digest(digest, &fate, sizeof(fate));
	for (uint32_t i = 0; fate == FATE_TRACKED && i < nb; i++)
		digest = track(walk, &segments[i], number, digest);
	add_frame(walk->pass, digest);
	datagrams_free(reassembly_take(walk->reassembly));
	free(copy);
}

static void take_chunk(struct walk *walk, bool poisons)
{
	struct chunk *chunk = &walk->chunk;

	/* The cut fills a stream's chunk. */
	poisons = poisons && !chunk->is_stream;
	capture_read(walk->capture, chunk);
	if (poisons)
		poison(chunk->data + chunk->len, chunk->capacity - chunk->len);
	fuzz_check(capture_cut(walk->capture, chunk) == 0);
	for (uint32_t i = 0; i < chunk->nb_frames; i++)
		take_frame(walk, &chunk->frames[i], chunk->first_frame + i);
	if (poisons)
		unpoison(chunk->data, chunk->capacity);
}

/* One line that says where and what. */
static void check_damage(struct walk *walk)
{
	const struct capture_totals *totals = capture_totals(walk->capture);
	char *text = walk->pass->damage;
	bool is_refused; /* no more memory for it */

	fuzz_check(totals->nb_damage <= 1);
	if (totals->nb_damage == 0)
		return;
	strcpy(text, capture_damage(walk->capture, 0)->text);
	is_refused = strncmp(text, "stopped at byte ", 16) == 0;
	fuzz_check_text(is_refused || strncmp(text, "damaged at byte ", 16) == 0, text);
	fuzz_check_text(!is_refused || strstr(text, " of memory, there are ") != NULL, text);
	fuzz_check_text(strchr(text, '\n') == NULL, text);
	/* What was expected, or what the system or libpcap said. */
	fuzz_check_text(is_refused || strstr(text, "expected") != NULL ||
				strstr(text, "error") != NULL ||
				strstr(text, "bytes counted as pcap") != NULL,
			text);
}

static void check_books(struct walk *walk)
{
	const struct pass *pass = walk->pass;
	uint64_t sum = 0;

	for (int i = 0; i < NB_FATES; i++)
		sum += pass->fates[i];
	fuzz_check(sum == capture_totals(walk->capture)->nb_frames);
	fuzz_check(sum == pass->nb_frames);
	fuzz_check(sum == capture_input(walk->capture, 0)->nb_frames);
	sum = 0;
	for (size_t i = 0; i < capture_nb_interfaces(walk->capture); i++)
		sum += capture_interface(walk->capture, i)->nb_frames;
	fuzz_check(sum == pass->nb_frames);
}

static void walk_all(struct walk *walk, bool poisons)
{
	const struct flow_table_params params = {
		.partitions = UINT64_MAX,
		.max_flows = MAX_FLOWS,
		.slot_size = sizeof(struct flow),
		.ended = on_flow_ended,
		.context = walk,
	};
	const struct reassembly_params reassembly = {.keys = &walk->keys,
						     .max_bytes = FRAGMENT_BYTES};

	decode_keys_init(&walk->keys, HASH_SEED);
	walk->reassembly = reassembly_create(&reassembly);
	walk->table = flow_table_create(&params);
	walk->tracker = tcp_tracker_create(false);
	fuzz_check(walk->reassembly != NULL && walk->table != NULL && walk->tracker != NULL);
	fuzz_check(chunk_init(&walk->chunk, walk->capture) == 0);
	while (capture_claim(walk->capture, &walk->chunk))
		take_chunk(walk, poisons);
	flow_table_end_all(walk->table);
	fuzz_check(!tcp_tracker_failed(walk->tracker));
	check_books(walk);
	check_damage(walk);
	reassembly_destroy(walk->reassembly);
	flow_table_destroy(walk->table);
	tcp_tracker_destroy(walk->tracker);
	chunk_fini(&walk->chunk);
}

void pass_run(struct pass *pass, const struct pass_params *params)
{
	const struct capture_params capture_params = {
		.paths = &params->path, .nb_paths = 1, .chunk_size = params->chunk_size};
	struct walk walk = {.pass = pass};
	bool usage;

	*pass = (struct pass){.frames = pass->frames, .room = pass->room};
	pass->records = FUZZ_DIGEST_START;
	walk.capture = capture_open(&capture_params, pass->error, sizeof(pass->error), &usage);
	pass->is_open = walk.capture != NULL;
	if (pass->is_open) {
		walk_all(&walk, params->poisons);
		capture_close(walk.capture);
		return;
	}
	fuzz_check(!usage);
	fuzz_check_text(strstr(pass->error, "expected") != NULL, pass->error);
	fuzz_check_text(strchr(pass->error, '\n') == NULL, pass->error);
}

void pass_fini(struct pass *pass)
{
	free(pass->frames);
	*pass = (struct pass){0};
}

bool pass_begins_alike(const struct pass *a, const struct pass *b, uint64_t nb)
{
	return a->nb_frames >= nb && b->nb_frames >= nb &&
	       (nb == 0 || memcmp(a->frames, b->frames, nb * sizeof(a->frames[0])) == 0);
}
