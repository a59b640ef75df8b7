/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The verdict engine: bytes as a conversation (talk.h). A flow as the program tracks it, packed
 * and by its short ways, is after every segment what the rules alone make of it; records are
 * possible; and 5.9 of the definitions holds where it binds.
 */

#include <string.h>

#include "fuzz.h"
#include "law.h"
#include "pass.h"
#include "talk.h"
#include "tcp/packed.h"
#include "tcpmill/capture.h"
#include "tcpmill/decode.h"
#include "tcpmill/record.h"

#define LINK_RAW 101
#define MAX_SEGMENTS 4096

struct bed {
	struct flow_table *table;
	struct tcp_tracker *tracker, *rules_tracker;
	struct tcp_flow rules; /* the same flow, by the rules alone */
	struct law laws[2];    /* of the rules' sides */
	struct decode_keys keys;
	uint64_t frame;
	bool is_told; /* an active record was, of the flow at hand */
};

static void check_same_list(const struct tcp_unacked *a, const struct tcp_unacked *b)
{
	fuzz_check((a == NULL) == (b == NULL));
	if (a == NULL)
		return;
	fuzz_check(a->nb == b->nb && a->nb_counted == b->nb_counted);
	fuzz_check(a->is_sorted == b->is_sorted && a->bif_unknown == b->bif_unknown);
	fuzz_check(a->push_prev == b->push_prev && a->push_sum == b->push_sum);
	fuzz_check(a->sack_bytes == b->sack_bytes && a->next_frame == b->next_frame);
	fuzz_check(memcmp(a->entries + a->first, b->entries + b->first,
			  a->nb * sizeof(a->entries[0])) == 0);
}

/* Equal in all they say: blocks behind pointers are compared by content. */
static void check_same_flow(const struct tcp_flow *a, const struct tcp_flow *b)
{
	struct tcp_flow flat[2] = {*a, *b};

	for (int i = 0; i < 2; i++) {
		const struct tcp_trouble *x = tcp_side_trouble(&a->side[i]);
		const struct tcp_trouble *y = tcp_side_trouble(&b->side[i]);

		check_same_list(a->side[i].unacked, b->side[i].unacked);
		/* What is behind it is of the block, not of the side. */
		fuzz_check(memcmp(x, y, offsetof(struct tcp_trouble, room)) == 0);
		fuzz_check(memcmp(x->holes, y->holes, x->nb_holes * sizeof(x->holes[0])) == 0);
		for (int j = 0; j < 2; j++) {
			flat[j].side[i].trouble = NULL;
			flat[j].side[i].unacked = NULL;
		}
	}
	fuzz_check(memcmp(&flat[0], &flat[1], sizeof(flat[0])) == 0);
}

static void check_record(struct bed *bed, const struct flow *flow, bool is_active)
{
	const bool orig_high = (bed->rules.bits & TCP_FLOW_ORIG_HIGH) != 0;
	struct flow_record record = {0};
	struct tcp_flow room;

	if (is_active)
		flow_record_fill_active(tcp_flow_view(flow, &room), &record);
	else
		flow_record_fill(tcp_flow_view(flow, &room), &record);
	for (int i = 0; i < 2; i++)
		law_check(&bed->laws[orig_high ? !i : i], &record.side[i]);
	pass_check_record(&record, bed->is_told);
}

static void on_flow_ended(void *context, struct flow *flow)
{
	struct bed *bed = context;

	check_record(bed, flow, false);
	tcp_flow_end(bed->tracker, flow);
	tcp_flow_release(bed->tracker, flow);
	flow_table_release(bed->table, flow);
	memset(bed->laws, 0, sizeof(bed->laws));
	bed->is_told = false;
}

/* The rules' flow, and what they say of the segment. */
static void track_rules(struct bed *bed, const struct segment *segment,
			const struct tcp_arrival *arrival, struct tcp_note *note)
{
	const int from = (segment->bits & SEGMENT_SWAPPED) != 0;
	struct step step;

	/* As tcp_track() does: what the flow has beside its slot is linked as its own. */
	tracker_look_at(bed->rules_tracker, arrival->flow);
	if (arrival->is_fresh)
		track_begin(&bed->rules, segment, arrival);
	step_init(&step, bed->rules_tracker, &bed->rules, segment, arrival->frame);
	step.is_first = arrival->is_fresh;
	track_by_rules(&step, arrival->created);
	note_fill(&step, note);
	law_take(&bed->laws[from], &bed->rules.side[from], note, step.hides_verdicts);
}

static void take(struct bed *bed, const struct talk_segment *from, const struct segment *segment)
{
	const struct tcp_arrival arrival =
		tcp_flow_find(bed->table, segment, ++bed->frame, 0, NULL);
	struct tcp_note note = {0}, rules_note = {0};
	struct tcp_result result;
	struct tcp_flow room;

	fuzz_check(arrival.flow != NULL);
	track_rules(bed, segment, &arrival, &rules_note);
	result = tcp_track(bed->tracker, &arrival, segment, from->is_told ? &note : NULL);
	tcp_flow_touch(bed->table, &arrival, segment, &result);
	if (from->is_told)
		fuzz_check(memcmp(&note, &rules_note, sizeof(note)) == 0);
	fuzz_check(result.verdicts == rules_note.verdicts);
	fuzz_check((result.verdicts & ~((1u << NB_VERDICTS) - 1)) == 0);
	check_same_flow(tcp_flow_view(arrival.flow, &room), &bed->rules);
	if (!from->ends_record)
		return;
	bed->is_told = true;
	check_record(bed, arrival.flow, true);
	restart_flow(&bed->rules);
	tcp_flow_restart(bed->tracker, arrival.flow);
	check_same_flow(tcp_flow_view(arrival.flow, &room), &bed->rules);
	law_restart(&bed->laws[0]);
	law_restart(&bed->laws[1]);
}

static void play(struct bed *bed, struct talk *talk)
{
	const struct capture_interface interface = {.link_type = LINK_RAW};
	const struct decode_context context = {.keys = &bed->keys};
	struct segment segments[DECODE_MAX_SEGMENTS];
	struct talk_segment from;
	uint32_t nb_made;

	for (int nb = 0; nb < MAX_SEGMENTS && talk_next(talk, &from); nb++) {
		const struct frame frame = {.data = from.packet,
					    .caplen = from.caplen,
					    .wire_len = from.wire_len,
					    .ts_ns = from.ts_ns,
					    .interface = &interface};

		if (decode_frame(&context, &frame, segments, &nb_made) == FATE_TRACKED)
			take(bed, &from, &segments[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool details = size > 0 && (data[0] & 1) != 0;
	struct bed bed = {.tracker = tcp_tracker_create(details),
			  .rules_tracker = tcp_tracker_create(details)};
	const struct flow_table_params params = {
		.partitions = UINT64_MAX,
		.max_flows = 64,
		.slot_size = sizeof(struct flow),
		.ended = on_flow_ended,
		.context = &bed,
	};
	struct talk talk;

	if (size < 9)
		goto out;
	bed.table = flow_table_create(&params);
	fuzz_check(bed.table != NULL && bed.tracker != NULL && bed.rules_tracker != NULL);
	decode_keys_init(&bed.keys, 5);
	talk_begin(&talk, data + 1, size - 1);
	play(&bed, &talk);
	flow_table_end_all(bed.table);
	fuzz_check(!tcp_tracker_failed(bed.tracker) && !tcp_tracker_failed(bed.rules_tracker));
	flow_table_destroy(bed.table);
out:
	tcp_tracker_destroy(bed.tracker);
	tcp_tracker_destroy(bed.rules_tracker);
	return 0;
}
