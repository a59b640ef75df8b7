/* SPDX-License-Identifier: BSD-3-Clause */

/* The short ways of the tcp room leave a flow exactly as the rules would. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "talk_support.h"
#include "tcp/packed.h"

/* Equal in all they say: blocks behind pointers are compared by content. */
static void assert_same_list(const struct tcp_unacked *a, const struct tcp_unacked *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a == NULL)
		return;
	assert_int_equal(a->nb, b->nb);
	assert_int_equal(a->nb_counted, b->nb_counted);
	assert_int_equal(a->is_sorted, b->is_sorted);
	assert_int_equal(a->bif_unknown, b->bif_unknown);
	assert_int_equal(a->push_prev, b->push_prev);
	assert_int_equal(a->push_sum, b->push_sum);
	assert_int_equal(a->sack_bytes, b->sack_bytes);
	assert_int_equal(a->next_frame, b->next_frame);
	assert_memory_equal(a->entries + a->first, b->entries + b->first,
			    a->nb * sizeof(a->entries[0]));
}

static void assert_same_flow(const struct tcp_flow *a, const struct tcp_flow *b)
{
	struct tcp_flow flat[2] = {*a, *b};

	for (int i = 0; i < 2; i++) {
		const struct tcp_trouble *x = tcp_side_trouble(&a->side[i]);
		const struct tcp_trouble *y = tcp_side_trouble(&b->side[i]);

		assert_same_list(a->side[i].unacked, b->side[i].unacked);
		assert_memory_equal(x, y, offsetof(struct tcp_trouble, room));
		assert_memory_equal(x->holes, y->holes, x->nb_holes * sizeof(x->holes[0]));
		for (int j = 0; j < 2; j++) {
			flat[j].side[i].trouble = NULL;
			flat[j].side[i].unacked = NULL;
		}
	}
	assert_memory_equal(&flat[0], &flat[1], sizeof(flat[0]));
}

/* A flow in its slot, tracked as the program does it. */
struct packed_way {
	struct tcp_tracker *tracker;
	struct flow slot;
	uint32_t nb_short, nb_packed, nb_annexes;
};

/* The same segment; then the flow is what the rules alone made of theirs. */
static void play_packed(struct packed_way *way, const struct segment *segment, uint32_t i,
			const struct tcp_flow *expected)
{
	const struct tcp_arrival arrival = {
		.flow = &way->slot, .frame = i + 1, .created = i == 0, .is_fresh = i == 0};
	const struct tcp_packed *p = packed_at(&way->slot);
	struct flow before = way->slot, tried = way->slot;
	struct tcp_flow room;
	bool is_offload;

	if (tcp_track_next(&tried, segment, &is_offload))
		way->nb_short++;
	else
		assert_memory_equal(&tried, &before, sizeof(tried));
	(void)tcp_track(way->tracker, &arrival, segment, NULL);
	way->nb_packed += p->bits != PACKED_BESIDE;
	way->nb_annexes += (p->bits & PACKED_ANNEX) != 0;
	assert_same_flow(tcp_flow_view(&way->slot, &room), expected);
}

/* What the ways were worth: how many segments went each. */
struct taken {
	uint32_t nb_short, nb_short_packed, nb_packed, nb_annexes;
	uint32_t nb_restarts, nb_packed_restarts;
};

/* A flow as the rules know it, alone with its tracker. */
struct rules_way {
	struct tcp_tracker *tracker;
	struct flow *owner; /* whose state it says it is: that of the packed way, to be equal */
	struct tcp_flow flow;
	struct tcp_note note;
};

/* Segment i by the rules, or shorter if it can be. Returns whether it was; the step is filled. */
static bool play_rules(struct rules_way *way, const struct segment *segment, uint32_t i,
		       bool tries_short, struct step *step)
{
	const struct tcp_arrival arrival = {.flow = way->owner, .created = true};
	struct tcp_flow before;
	bool is_short;

	tracker_look_at(way->tracker, way->owner);
	if (i == 0)
		track_begin(&way->flow, segment, &arrival);
	before = way->flow;
	step_init(step, way->tracker, &way->flow, segment, i + 1);
	story_init(step);
	is_short = tries_short && i != 0 && fast_track(step);
	if (!is_short) {
		assert_memory_equal(&before, &way->flow, sizeof(before));
		track_by_rules(step, i == 0);
	}
	note_fill(step, &way->note);
	return is_short;
}

/* An active record was written of the flow: however it lies, it goes on the same. */
static void restart_all(struct taken *taken, struct packed_way *way, struct rules_way rules[2])
{
	struct tcp_flow room;

	assert_true(tcp_flow_has_news(&way->slot));
	restart_flow(&rules[0].flow);
	restart_flow(&rules[1].flow);
	tcp_flow_restart(way->tracker, &way->slot);
	assert_same_flow(tcp_flow_view(&way->slot, &room), &rules[1].flow);
	assert_false(tcp_flow_has_news(&way->slot));
	taken->nb_restarts++;
	taken->nb_packed_restarts += packed_at(&way->slot)->bits != PACKED_BESIDE;
}

static void compare_ways(struct taken *taken, uint64_t seed, uint32_t nb, uint32_t isn,
			 bool handshake, bool details)
{
	struct talk talk = talk_begin(seed, isn);
	struct packed_way way = {.tracker = tcp_tracker_create(details)};
	struct rules_way rules[2] = {{.tracker = tcp_tracker_create(details), .owner = &way.slot},
				     {.tracker = tcp_tracker_create(details), .owner = &way.slot}};

	way.slot.first_frame = 1;
	for (uint32_t i = 0; i < nb; i++) {
		struct segment segment;
		struct step step;

		if (handshake && i < 3)
			talk_open(&talk, i, &segment);
		else
			talk_next(&talk, &segment);
		if (play_rules(&rules[0], &segment, i, true, &step)) {
			taken->nb_short++;
			assert_int_equal(step.verdicts, 0);
		}
		(void)play_rules(&rules[1], &segment, i, false, &step);
		assert_memory_equal(&rules[0].note, &rules[1].note, sizeof(rules[0].note));
		assert_same_flow(&rules[0].flow, &rules[1].flow);
		play_packed(&way, &segment, i, &rules[1].flow);
		if (one_in(&talk.random, 40))
			restart_all(taken, &way, rules);
	}
	taken->nb_short_packed += way.nb_short;
	taken->nb_packed += way.nb_packed;
	taken->nb_annexes += way.nb_annexes;
	tcp_tracker_destroy(rules[0].tracker);
	tcp_tracker_destroy(rules[1].tracker);
	tcp_tracker_destroy(way.tracker);
}

/* Of 400 flows of 500 segments, half with details. A short way is worth nothing if seldom taken. */
static void assert_taken(const struct taken *taken)
{
	print_message("# short %u, packed and short %u, packed %u, annexes %u, restarts %u/%u\n",
		      taken->nb_short, taken->nb_short_packed, taken->nb_packed, taken->nb_annexes,
		      taken->nb_packed_restarts, taken->nb_restarts);
	assert_true(taken->nb_short > 400 * 500 / 10);
	assert_true(taken->nb_short_packed > 200 * 500 / 20);
	assert_true(taken->nb_packed > 200 * 500 / 5);
	assert_true(taken->nb_annexes > 200 * 500 / 10);
	assert_true(taken->nb_restarts > 400 * 500 / 50);
	assert_true(taken->nb_packed_restarts > 200 * 500 / 50 / 5);
}

static void short_way_equals_the_rules_after_a_handshake(void **state)
{
	struct taken taken = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		compare_ways(&taken, seed * 7919, 500, (uint32_t)(seed * 2654435761u), true,
			     seed % 2 == 0);
	assert_taken(&taken);
}

static void short_way_equals_the_rules_midstream(void **state)
{
	struct taken taken = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		compare_ways(&taken, seed * 104729, 500, (uint32_t)(seed * 40503u), false,
			     seed % 2 == 0);
	assert_taken(&taken);
}

static void short_way_equals_the_rules_where_numbers_wrap(void **state)
{
	struct taken taken = {0};

	(void)state;
	for (uint32_t back = 0; back < 300; back++)
		compare_ways(&taken, back + 31337, 300, 0u - back * 97, back % 2 == 0,
			     back % 3 == 0);
}

/* One flow both ways, segment by segment. */
struct pair {
	struct packed_way way;
	struct rules_way rules;
	uint32_t nb;
};

/* Returns the verdicts of the rules; the packed flow is compared. */
static uint32_t play_both(struct pair *pair, uint32_t from, uint8_t flags, uint32_t seq,
			  uint32_t ack, uint32_t len)
{
	static const uint8_t ip_header[40];
	const struct segment segment = {.ts_ns = 1700000000000000000 + pair->nb * 1000000,
					.ip_header = ip_header,
					.seq = seq,
					.ack = ack,
					.payload_len = len,
					.ip_len = 40 + len,
					.win = 1000,
					.ip_id = (uint16_t)(pair->nb + 1),
					.tcp_off = 20,
					.tcp_flags = flags,
					.bits = from == 1 ? SEGMENT_SWAPPED : 0,
					.tcp_hlen = 20,
					.tcp_caplen = 20,
					.ttl = 64};
	struct step step;

	pair->way.slot.first_frame = 1;
	pair->rules.owner = &pair->way.slot;
	(void)play_rules(&pair->rules, &segment, pair->nb, false, &step);
	play_packed(&pair->way, &segment, pair->nb++, &pair->rules.flow);
	return step.verdicts;
}

/* seq_gt() is not the contrary of seq_le() at a distance of exactly 2^31. */
static void half_the_sequence_space_away(void **state)
{
	struct pair pair = {.way.tracker = tcp_tracker_create(false),
			    .rules.tracker = tcp_tracker_create(false)};

	(void)state;
	(void)play_both(&pair, 0, TCP_SYN, 0, 0, 0);
	(void)play_both(&pair, 1, TCP_SYN | TCP_ACK, 0, 1, 0);
	(void)play_both(&pair, 0, TCP_ACK, 1, 1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		(void)play_both(&pair, 0, TCP_ACK, 1 + 100 * i, 1 + 100 * i, 100);
		(void)play_both(&pair, 1, TCP_ACK, 1 + 100 * i, 101 + 100 * i, 100);
	}
	assert_true(pair.way.nb_short >= 2);
	(void)play_both(&pair, 1, TCP_ACK, 401, 501 - (1u << 31), 0);
	assert_int_equal(play_both(&pair, 0, TCP_ACK, 401, 401, 100),
			 1u << VERDICT_SPURIOUS_RETRANSMISSION);
	tcp_tracker_destroy(pair.way.tracker);
	tcp_tracker_destroy(pair.rules.tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_way_equals_the_rules_after_a_handshake),
		cmocka_unit_test(short_way_equals_the_rules_midstream),
		cmocka_unit_test(short_way_equals_the_rules_where_numbers_wrap),
		cmocka_unit_test(half_the_sequence_space_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
