/* SPDX-License-Identifier: BSD-3-Clause */

/* The short way of the tcp room leaves a flow exactly as the rules would. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/tcp_priv.h"

struct random {
	uint64_t state;
};

static uint32_t draw(struct random *random, uint32_t below)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (uint32_t)((random->state >> 32) % below);
}

static bool one_in(struct random *random, uint32_t n)
{
	return draw(random, n) == 0;
}

/* A conversation that mostly behaves: where each side stands, and what it has heard. */
struct talk {
	struct random random;
	uint32_t next[2], window[2];
	int64_t now_ns;
	uint16_t ip_id;
	uint8_t header[40];
};

static void next_segment(struct talk *t, struct segment *s)
{
	struct random *r = &t->random;
	const uint32_t from = draw(r, 2);
	static const uint8_t odd_flags[] = {
		TCP_ACK | TCP_FIN, TCP_RST,           TCP_ACK | TCP_RST, 0,
		TCP_SYN,           TCP_SYN | TCP_ACK, TCP_ACK | TCP_URG};

	memset(s, 0, sizeof(*s));
	t->now_ns += draw(r, 40) * 1000000 - (one_in(r, 50) ? 60000000 : 0);
	s->ts_ns = t->now_ns;
	s->ip_header = t->header;
	s->bits = from == 1 ? SEGMENT_SWAPPED : 0;
	s->tcp_flags = one_in(r, 40) ? odd_flags[draw(r, sizeof(odd_flags))] : TCP_ACK;
	s->tcp_flags |= one_in(r, 3) ? TCP_PSH : 0;
	s->payload_len = one_in(r, 2) ? 0 : draw(r, 1460) >> (one_in(r, 20) ? 10 : 0);
	s->ip_len = 40 + s->payload_len;
	s->seq = t->next[from];
	s->ack = t->next[1 - from];
	if (one_in(r, 12))
		s->seq += draw(r, 4000) - 2000;
	if (one_in(r, 12))
		s->ack += draw(r, 4000) - 2000;
	if (one_in(r, 10))
		t->window[from] = one_in(r, 8) ? 0 : draw(r, 65536);
	s->win = (uint16_t)t->window[from];
	s->ip_id = one_in(r, 30) ? t->ip_id : ++t->ip_id;
	s->tcp_hlen = 20;
	s->tcp_caplen = 20;
	s->tcp_off = 20;
	s->ttl = (uint8_t)(60 + draw(r, 3));
	if (one_in(r, 60)) {
		s->bits |= SEGMENT_SHORT;
		s->payload_len = 0;
	}
	if (one_in(r, 60))
		s->bits |= SEGMENT_CUT;
	if (seq_gt(s->seq + s->payload_len, t->next[from]) && !one_in(r, 20))
		t->next[from] = s->seq + s->payload_len;
}

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
		assert_memory_equal(x, y, sizeof(*x));
		assert_memory_equal(x->holes, y->holes, x->nb_holes * sizeof(x->holes[0]));
		for (int j = 0; j < 2; j++) {
			flat[j].side[i].trouble = NULL;
			flat[j].side[i].unacked = NULL;
		}
	}
	assert_memory_equal(&flat[0], &flat[1], sizeof(flat[0]));
}

/* Both ways on copies of one flow. Returns how many segments took the short way. */
static uint32_t compare_ways(uint64_t seed, uint32_t nb, uint32_t isn, bool handshake, bool details)
{
	static const uint8_t opening[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};
	struct talk talk = {.random = {seed},
			    .next = {isn, isn + 77},
			    .window = {1000, 2000},
			    .now_ns = 1700000000000000000};
	struct tcp_tracker *trackers[2] = {tcp_tracker_create(details),
					   tcp_tracker_create(details)};
	struct tcp_flow both[2];
	struct tcp_note notes[2];
	uint32_t nb_short = 0;

	memset(both, 0, sizeof(both));
	for (uint32_t i = 0; i < nb; i++) {
		struct tcp_flow before;
		struct segment segment;
		struct step step;

		next_segment(&talk, &segment);
		if (handshake && i < 3) {
			const uint32_t from = i == 1;

			segment.tcp_flags = opening[i];
			segment.payload_len = 0;
			segment.bits = from == 1 ? SEGMENT_SWAPPED : 0;
			segment.seq = talk.next[from];
			segment.ack = i == 0 ? 0 : talk.next[1 - from];
			talk.next[from] += i < 2;
		}
		if (i == 0) {
			tcp_flow_begin(&both[0], &segment, 0, false);
			tcp_flow_begin(&both[1], &segment, 0, false);
		}
		both[0].flow.first_frame = both[1].flow.first_frame = 1;
		before = both[0];
		step_init(&step, trackers[0], &both[0], &segment, i + 1);
		story_init(&step);
		if (i == 0 || !fast_track(&step)) {
			assert_memory_equal(&before, &both[0], sizeof(before));
			track_by_rules(&step, i == 0);
		} else {
			nb_short++;
			assert_int_equal(step.verdicts, 0);
		}
		note_fill(&step, i == 0, &notes[0]);
		step_init(&step, trackers[1], &both[1], &segment, i + 1);
		track_by_rules(&step, i == 0);
		note_fill(&step, i == 0, &notes[1]);
		assert_memory_equal(&notes[0], &notes[1], sizeof(notes[0]));
		assert_same_flow(&both[0], &both[1]);
	}
	tcp_tracker_destroy(trackers[0]);
	tcp_tracker_destroy(trackers[1]);
	return nb_short;
}

static void short_way_equals_the_rules_after_a_handshake(void **state)
{
	uint32_t nb_short = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		nb_short += compare_ways(seed * 7919, 500, (uint32_t)(seed * 2654435761u), true,
					 seed % 2 == 0);
	/* It is worth nothing if it is seldom taken. */
	assert_true(nb_short > 400 * 500 / 10);
}

static void short_way_equals_the_rules_midstream(void **state)
{
	uint32_t nb_short = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		nb_short += compare_ways(seed * 104729, 500, (uint32_t)(seed * 40503u), false,
					 seed % 2 == 0);
	assert_true(nb_short > 400 * 500 / 10);
}

static void short_way_equals_the_rules_where_numbers_wrap(void **state)
{
	(void)state;
	for (uint32_t back = 0; back < 300; back++)
		(void)compare_ways(back + 31337, 300, 0u - back * 97, back % 2 == 0, back % 3 == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_way_equals_the_rules_after_a_handshake),
		cmocka_unit_test(short_way_equals_the_rules_midstream),
		cmocka_unit_test(short_way_equals_the_rules_where_numbers_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
