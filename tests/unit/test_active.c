/* SPDX-License-Identifier: BSD-3-Clause */

/* Active records (definitions 2.6): a flow told in parts, against the same flow told once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parts_support.h"
#include "script.h"
#include "talk_support.h"
#include "tcp/packed.h"

/* ---- random flows ------------------------------------------------------------- */

struct way {
	struct tcp_tracker *tracker;
	struct flow slot;
	struct tcp_flow room;
};

static struct tcp_result play(struct way *way, const struct segment *segment, uint32_t i,
			      struct tcp_note *note)
{
	const struct tcp_arrival arrival = {
		.flow = &way->slot, .frame = i + 1, .created = i == 0, .is_fresh = i == 0};
	const struct tcp_result result = tcp_track(way->tracker, &arrival, segment, note);

	way->slot.last_frame = i + 1;
	way->slot.class = result.class;
	return result;
}

static void report_active(struct way *way, struct parts *parts)
{
	struct flow_record row;

	flow_record_fill_active(tcp_flow_view(&way->slot, &way->room), &row);
	assert_int_equal(row.end_reason, END_ACTIVE_TIMEOUT);
	parts_add(parts, &row);
	tcp_flow_restart(way->tracker, &way->slot);
	assert_false(tcp_flow_has_news(&way->slot));
}

static void end(struct way *way, struct flow_record *row)
{
	way->slot.end_reason = END_OF_INPUT;
	flow_record_fill(tcp_flow_view(&way->slot, &way->room), row);
	tcp_flow_release(way->tracker, &way->slot);
}

/* What the sampled flows came to: the test is worth little without. */
struct worth {
	uint64_t nb_parts, nb_holes_over, nb_silent_parts, nb_verdicts;
};

/* Round trips, holes and duplicate ACKs go on over the border of two records. */
static void look_at(const struct way *way, struct worth *worth)
{
	struct tcp_flow room;
	const struct tcp_flow *flow = tcp_flow_view(&way->slot, &room);

	worth->nb_parts++;
	for (int i = 0; i < 2; i++)
		worth->nb_holes_over += (flow->side[i].loss_bits & TCP_LOSS_HOLES) != 0;
}

static void tell_in_parts(uint64_t seed, uint32_t isn, uint32_t nb, bool details,
			  struct worth *worth)
{
	struct talk talk = talk_begin(seed, isn);
	struct random when = {seed * 31 + 7};
	struct way whole = {.tracker = tcp_tracker_create(details)};
	struct way split = {.tracker = tcp_tracker_create(details)};
	struct parts *parts = calloc(1, sizeof(*parts));
	struct flow_record rows[2];
	const uint32_t pace = 1 + draw(&when, 60);

	assert_non_null(parts);
	whole.slot.first_frame = split.slot.first_frame = 1;
	for (uint32_t i = 0; i < nb; i++) {
		struct segment segment;
		struct tcp_note notes[2];
		struct tcp_result results[2];
		const bool wants_notes = one_in(&when, 2);

		if (seed % 4 != 0 && i < 3)
			talk_open(&talk, i, &segment);
		else
			talk_next(&talk, &segment);
		results[0] = play(&whole, &segment, i, wants_notes ? &notes[0] : NULL);
		results[1] = play(&split, &segment, i, wants_notes ? &notes[1] : NULL);
		/* Nothing is judged otherwise because a record was written in between. */
		assert_int_equal(results[0].verdicts, results[1].verdicts);
		assert_int_equal(results[0].class, results[1].class);
		assert_int_equal(results[0].is_offload, results[1].is_offload);
		if (wants_notes)
			assert_memory_equal(&notes[0], &notes[1], sizeof(notes[0]));
		worth->nb_verdicts += results[0].verdicts != 0;
		assert_true(tcp_flow_has_news(&split.slot));
		if (!one_in(&when, pace))
			continue;
		report_active(&split, parts);
		look_at(&split, worth);
		/* A flow may be told again though nothing came. */
		if (one_in(&when, 10)) {
			report_active(&split, parts);
			worth->nb_silent_parts++;
		}
	}
	end(&whole, &rows[0]);
	end(&split, &rows[1]);
	parts_add(parts, &rows[1]);
	parts_assert(parts, &rows[0]);
	free(parts);
	tcp_tracker_destroy(whole.tracker);
	tcp_tracker_destroy(split.tracker);
}

static void parts_make_up_the_whole(void **state)
{
	struct worth worth = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 600; seed++)
		tell_in_parts(seed * 7919, (uint32_t)(seed * 2654435761u), 300, seed % 3 == 0,
			      &worth);
	print_message("# parts %lu, with open holes %lu, without a packet %lu, verdicts %lu\n",
		      (unsigned long)worth.nb_parts, (unsigned long)worth.nb_holes_over,
		      (unsigned long)worth.nb_silent_parts, (unsigned long)worth.nb_verdicts);
	assert_true(worth.nb_parts > 5000 && worth.nb_holes_over > 500);
	assert_true(worth.nb_silent_parts > 300 && worth.nb_verdicts > 10000);
}

static void parts_make_up_the_whole_where_numbers_wrap(void **state)
{
	struct worth worth = {0};

	(void)state;
	for (uint32_t back = 0; back < 200; back++)
		tell_in_parts(back + 31337, 0u - back * 97, 200, back % 3 == 0, &worth);
}

/* ---- one rule at a time ---------------------------------------------------------- */

static void a_part_has_its_own_extremes(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_handshake(s);
	script_data(s, FWD, LEN(100), TTL(50), WIN(9000));
	script_data(s, FWD, LEN(100), TTL(60), WIN(800));
	script_ack(s, REV, AFTER_US(50000));
	row = script_active(s);
	assert_int_equal(row->end_reason, END_ACTIVE_TIMEOUT);
	assert_int_equal(row->side[0].pkts, 4);
	assert_int_equal(row->side[0].bytes, 200);
	assert_int_equal(row->side[0].ttl_min, 50);
	assert_int_equal(row->side[0].win_max, 9000);
	assert_int_equal(row->side[0].rtt_max_ns, 51 * SCRIPT_MS);

	script_data(s, FWD, LEN(300), TTL(61), WIN(700));
	script_ack(s, REV, AFTER_US(10000));
	row = script_active(s);
	assert_int_equal(row->side[0].pkts, 1);
	assert_int_equal(row->side[0].data_pkts, 1);
	assert_int_equal(row->side[0].flags[1], 0); /* the SYN was told */
	assert_int_equal(row->side[0].flags[4], 1);
	assert_int_equal(row->side[0].bytes, 300);
	assert_int_equal(row->side[0].ip_bytes, 340);
	assert_int_equal(row->side[0].ttl_min, 61);
	assert_int_equal(row->side[0].ttl_max, 61);
	assert_int_equal(row->side[0].win_max, 700);
	assert_int_equal(row->side[0].rtt_samples, 1);
	assert_int_equal(row->side[0].rtt_min_ns, 10 * SCRIPT_MS);
	assert_int_equal(row->side[0].rtt_mean_ns, 10 * SCRIPT_MS);
	assert_int_equal(row->side[0].rtt_max_ns, 10 * SCRIPT_MS);
	assert_int_equal(row->side[1].pure_acks, 1);

	script_data(s, FWD, LEN(300));
	script_ack(s, REV, AFTER_US(30000));
	assert_int_equal(script_active(s)->side[0].rtt_min_ns, 30 * SCRIPT_MS);
}

static void frames_of_anomalies_are_of_the_part(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	row = script_active(s);
	assert_int_equal(row->first_anomaly_frame, 5);
	assert_int_equal(row->last_anomaly_frame, 5);
	assert_int_equal(row->side[0].rto_max_ns, 300 * SCRIPT_MS);
	script_ack(s, REV);
	row = script_active(s);
	assert_int_equal(row->first_anomaly_frame, RECORD_NULL_64);
	assert_int_equal(row->last_anomaly_frame, RECORD_NULL_64);
	assert_int_equal(row->side[0].rto_max_ns, RECORD_NULL_64);
	assert_int_equal(row->side[0].retransmitted_bytes, 0);
}

static void who_and_how_it_began_repeat(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	(void)script_active(s);
	script_data(s, REV, LEN(10));
	row = script_active(s);
	assert_int_equal(row->ts_ns, SCRIPT_EPOCH_NS);
	assert_int_equal(row->duration_ns, 4 * SCRIPT_MS);
	assert_int_equal(row->src_port, SCRIPT_FWD_PORT);
	assert_int_equal(row->handshake, HANDSHAKE_COMPLETE);
	assert_int_equal(row->conn_state, CONN_S1);
	assert_int_equal(row->side[0].isn, 1000);
	assert_int_equal(row->side[1].isn, 5000);
	assert_int_equal(row->orig_syns, 1);
	assert_int_equal(row->syn_rtt_ns, SCRIPT_MS);
	assert_int_equal(row->ttfb_ns, SCRIPT_MS);
	assert_string_equal(row->history, "ShADd");
}

static void of_a_silent_side_counts_are_0_and_extremes_null(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record_side *side;

	script_handshake(s);
	script_data(s, REV, LEN(100));
	script_ack(s, FWD);
	(void)script_active(s);
	script_data(s, FWD, LEN(100));
	side = &script_active(s)->side[1];
	assert_int_equal(side->pkts, 0);
	assert_int_equal(side->bytes, 0);
	assert_int_equal(side->retransmitted_bytes, 0);
	assert_int_equal(side->rtt_samples, 0);
	assert_int_equal(side->rtt_min_ns, RECORD_NULL_64);
	assert_int_equal(side->rtt_max_ns, RECORD_NULL_64);
	assert_int_equal(side->rto_max_ns, RECORD_NULL_64);
	assert_int_equal(side->win_max, RECORD_NULL_64);
	assert_int_equal(side->ttl_min, RECORD_NULL_16);
	assert_int_equal(side->ttl_max, RECORD_NULL_16);
}

static void a_side_that_was_never_seen_stays_null(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(100));
	(void)script_active(s);
	script_data(s, FWD, LEN(100));
	assert_int_equal(script_active(s)->side[1].bytes, RECORD_NULL_64);
	assert_int_equal(script_finish(s)->side[1].missed_bytes, RECORD_NULL_64);
}

static void bytes_of_a_hole_count_where_it_closes(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	row = script_active(s);
	assert_int_equal(row->side[0].bytes, 100);
	assert_int_equal(row->side[0].unresolved_bytes, 0);
	assert_int_equal(row->side[0].verdicts[VERDICT_LOST_SEGMENT], 1);
	script_data(s, FWD, SEQ(1001), LEN(60), AFTER_US(50000));
	row = script_active(s);
	assert_int_equal(row->side[0].bytes, 60);
	assert_int_equal(row->side[0].lost_before_bytes, 60);
	assert_int_equal(row->side[0].verdicts[VERDICT_LOST_SEGMENT], 0);
	row = script_finish(s);
	assert_int_equal(row->side[0].pkts, 0);
	assert_int_equal(row->side[0].bytes, 40);
	assert_int_equal(row->side[0].unresolved_bytes, 40);
	assert_int_equal(row->end_reason, END_OF_INPUT);
}

static void duplicate_acks_go_on_counting(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_handshake(s);
	script_data(s, REV, LEN(100));
	for (int i = 0; i < 3; i++)
		script_ack(s, FWD);
	row = script_active(s);
	assert_int_equal(row->side[0].verdicts[VERDICT_DUPLICATE_ACK], 2);
	assert_int_equal(row->side[0].duplicate_ack_max, 2);
	script_ack(s, FWD);
	row = script_active(s);
	assert_int_equal(row->side[0].verdicts[VERDICT_DUPLICATE_ACK], 1);
	assert_int_equal(row->side[0].duplicate_ack_max, 3);
	script_data(s, FWD, LEN(1));
	assert_int_equal(script_active(s)->side[0].duplicate_ack_max, 0);
}

/* Its bytes pass 128 GiB, which a slot could not hold. */
static void a_flow_of_many_bytes_fits_its_slot_again(void **state)
{
	struct tcp_flow flow = {0};
	struct tcp_side *side = &flow.side[0], untold;

	(void)state;
	side->pkts = UINT32_MAX;
	side->data_pkts = 1000;
	side->bytes = (UINT64_C(1) << 40) + 5;
	restart_flow(&flow);
	assert_true(side->bytes >> 32 == 1 && (uint32_t)side->bytes == 5);
	assert_int_equal(side->pkts, 2);
	side->pkts += 3;
	side->bytes += 7000;
	tcp_side_untold(&flow, side, false, &untold);
	assert_int_equal(untold.bytes, 7000);
	assert_int_equal(untold.pkts, 3);
	assert_int_equal(untold.data_pkts, 0);
}

/* ---- the short way ---------------------------------------------------------------- */

/* Data and ACKs in turn, in order. True if the short way took it. */
static bool play_next(struct way *way, uint32_t i, uint32_t seq[2])
{
	static const uint8_t ip_header[40], opening[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};
	const uint32_t from = i % 2;
	const struct segment segment = {
		.ts_ns = SCRIPT_EPOCH_NS + i * SCRIPT_MS,
		.ip_header = ip_header,
		.seq = seq[from],
		.ack = i == 0 ? 0 : seq[!from],
		.payload_len = i < 3 ? 0 : 100,
		.ip_len = 140,
		.win = 1000,
		.ip_id = (uint16_t)(i + 1),
		.tcp_off = 20,
		.tcp_flags = i < 3 ? opening[i] : TCP_ACK,
		.bits = from == 1 ? SEGMENT_SWAPPED : 0,
		.tcp_hlen = 20,
		.tcp_caplen = 20,
		.ttl = 64,
	};
	struct flow tried = way->slot;
	bool is_offload;

	seq[from] += i < 2 ? 1 : segment.payload_len;
	(void)play(way, &segment, i, NULL);
	return i > 2 && tcp_track_next(&tried, &segment, &is_offload);
}

static void each_side_takes_the_short_way_again(void **state)
{
	struct way way = {.tracker = tcp_tracker_create(false)};
	uint32_t seq[2] = {1000, 5000}, i = 0;

	(void)state;
	for (; i < 10; i++)
		(void)play_next(&way, i, seq);
	assert_true(play_next(&way, i++, seq) && play_next(&way, i++, seq));
	for (int parts = 0; parts < 3; parts++) {
		tcp_flow_restart(way.tracker, &way.slot);
		assert_true(packed_at(&way.slot)->bits != PACKED_BESIDE);
		(void)play_next(&way, i++, seq);
		(void)play_next(&way, i++, seq);
		/* Windows, hops and round trips of this part are known again. */
		for (int n = 0; n < 20; n++)
			assert_true(play_next(&way, i++, seq));
	}
	tcp_tracker_destroy(way.tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_make_up_the_whole),
		cmocka_unit_test(parts_make_up_the_whole_where_numbers_wrap),
		SCRIPT_TEST(a_part_has_its_own_extremes),
		SCRIPT_TEST(frames_of_anomalies_are_of_the_part),
		SCRIPT_TEST(who_and_how_it_began_repeat),
		SCRIPT_TEST(of_a_silent_side_counts_are_0_and_extremes_null),
		SCRIPT_TEST(a_side_that_was_never_seen_stays_null),
		SCRIPT_TEST(bytes_of_a_hole_count_where_it_closes),
		SCRIPT_TEST(duplicate_acks_go_on_counting),
		cmocka_unit_test(a_flow_of_many_bytes_fits_its_slot_again),
		cmocka_unit_test(each_side_takes_the_short_way_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
