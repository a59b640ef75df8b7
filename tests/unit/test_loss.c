/* SPDX-License-Identifier: BSD-3-Clause */

/* Holes: how they open and what fills them (definitions 5.1 to 5.5). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

#define GIB (1u << 30)

/* ---- 5.3: opening --------------------------------------------------------- */

static void a_gap_opens_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_opens_hole(s, 1001, 1101);
	assert_loss(s, FWD, .bytes = 200, .unresolved = 100);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 1);
	assert_loss(s, REV, .bytes = 0);
	script_data(s, FWD, LEN(100));
	assert_false(script_note(s)->bits & NOTE_OPENS_HOLE);
}

static void a_packet_without_data_opens_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1101));
	assert_opens_hole(s, 1001, 1101);
	script_data(s, FWD, SEQ(1101), LEN(50));
	assert_loss(s, FWD, .bytes = 150, .unresolved = 100);
}

static void a_fin_opens_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, SEQ(1101));
	assert_opens_hole(s, 1001, 1101);
	assert_loss(s, FWD, .bytes = 100, .unresolved = 100);
}

/* What is no data opens nothing: RST, keep-alive, unanalysed packets, capture duplicates. */
static void a_rst_opens_none(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD, SEQ(1101), LEN(10));
	assert_false(script_note(s)->bits & NOTE_OPENS_HOLE);
	script_ack(s, FWD, SEQ(1101), SHORT);
	assert_loss(s, FWD, .bytes = 0);
}

static void a_step_just_below_2_to_the_30_is_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001 + GIB - 1), LEN(100));
	assert_opens_hole(s, 1001, 1000 + GIB);
	assert_loss(s, FWD, .bytes = GIB + 99, .unresolved = GIB - 1);
	assert_int_equal(script_row(s)->seq_jumps, 0);
}

static void a_step_of_2_to_the_30_is_none(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001 + GIB), LEN(100));
	assert_false(script_note(s)->bits & NOTE_OPENS_HOLE);
	assert_loss(s, FWD, .bytes = 100);
	assert_int_equal(script_row(s)->seq_jumps, 1);
	/* hi is behind it now. */
	script_data(s, FWD, SEQ(1001 + GIB + 150), LEN(10));
	assert_loss(s, FWD, .bytes = 160, .unresolved = 50);
}

static void seq_jumps_of_both_sides_add_up(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001 + GIB), LEN(1));
	script_data(s, REV, SEQ(5001 + GIB), LEN(1), ACKS(1001));
	script_data(s, REV, SEQ(5002 + 2 * GIB), LEN(1), ACKS(1001));
	assert_int_equal(script_row(s)->seq_jumps, 3);
}

static void a_hole_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xffffffce, 5000);
	script_handshake(s);
	script_data(s, FWD, SEQ(51), LEN(100)); /* hole [2^32 - 49, 51) */
	assert_opens_hole(s, 0xffffffcf, 51);
	script_data(s, FWD, SEQ(0xffffffcf), LEN(99), AFTER_US(10)); /* to 50 */
	assert_fills(s, 99, 4, 10 * SCRIPT_US);
	assert_loss(s, FWD, .bytes = 200, .unresolved = 1, .reordered_pkts = 1);
	script_data(s, FWD, SEQ(40), LEN(20), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 1, .reordered_pkts = 1,
		    .retransmitted = 19, .lost_after = 19);
}

/* ---- 5.4: filling --------------------------------------------------------- */

static void a_whole_fill_closes_the_hole(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	assert_fills(s, 100, 4, 10 * SCRIPT_MS);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 100);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 0);
}

static void a_fill_at_the_start_shortens_it(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(30), AFTER_US(10000));
	assert_fills(s, 30, 4, 10 * SCRIPT_MS);
	assert_hole(s, 0, 1031, 1101);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 30, .unresolved = 70);
}

static void a_fill_at_the_end_shortens_it(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1071), LEN(30), AFTER_US(10000));
	assert_fills(s, 30, 4, 10 * SCRIPT_MS);
	assert_hole(s, 0, 1001, 1071);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 30, .unresolved = 70);
}

static void a_fill_in_the_middle_splits_it(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1041), LEN(20), AFTER_US(10000));
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 2);
	assert_hole(s, 0, 1001, 1041);
	assert_hole(s, 1, 1061, 1101);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 20, .unresolved = 80);
	/* Both rests keep the opener: frame 4 at 3 ms. */
	script_data(s, FWD, SEQ(1061), LEN(40), AT_US(20000));
	assert_fills(s, 40, 4, 17 * SCRIPT_MS);
	script_data(s, FWD, SEQ(1001), LEN(40), AT_US(21000));
	assert_fills(s, 40, 4, 18 * SCRIPT_MS);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 100);
}

/* Of [1051, 1251) half was seen: 1101 to 1201 are of the hole's opener. */
static void what_was_seen_around_a_hole_is_resent(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));            /* 1001 to 1101 */
	script_data(s, FWD, SEQ(1151), LEN(100)); /* hole [1101, 1151) */
	script_data(s, FWD, SEQ(1051), LEN(200), AFTER_US(10000));
	assert_fills(s, 50, 5, 10 * SCRIPT_MS);
	assert_int_equal(script_note(s)->resent_bytes, 150);
	assert_loss(s, FWD, .bytes = 250, .lost_before = 50, .retransmitted = 150,
		    .lost_after = 150);
}

static void one_packet_fills_resends_and_is_new(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(400), AFTER_US(10000));
	assert_fills(s, 100, 4, 10 * SCRIPT_MS);
	assert_int_equal(script_note(s)->resent_bytes, 100);
	assert_loss(s, FWD, .bytes = 400, .lost_before = 100, .retransmitted = 100,
		    .lost_after = 100);
}

/* Holes [1001, 1101) of 3 ms and [1151, 1251) of 4 ms; at 5.5 ms only the first is old. */
static void one_packet_fills_two_holes(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(50));
	script_data(s, FWD, SEQ(1251), LEN(50));
	script_data(s, FWD, SEQ(1001), LEN(300), AFTER_US(1500));
	assert_fills(s, 200, 4, 2500 * SCRIPT_US);
	assert_loss(s, FWD, .bytes = 300, .lost_before = 100, .reordered_pkts = 1,
		    .retransmitted = 100, .lost_after = 100);
}

static void a_fill_may_reach_into_the_next_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(50));
	script_data(s, FWD, SEQ(1251), LEN(50));
	script_data(s, FWD, SEQ(1081), LEN(100), AFTER_US(10000)); /* 20, 50 seen, 30 */
	assert_fills(s, 50, 4, 11 * SCRIPT_MS);
	assert_hole(s, 0, 1001, 1081);
	assert_hole(s, 1, 1181, 1251);
	assert_loss(s, FWD, .bytes = 300, .lost_before = 50, .retransmitted = 50, .lost_after = 50,
		    .unresolved = 150);
}

/* Two holes that touch: each has its own opener. */
static void a_fill_over_holes_that_touch(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1101)); /* 3 ms */
	script_ack(s, FWD, SEQ(1201)); /* 4 ms */
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 2);
	script_data(s, FWD, SEQ(1051), LEN(100), AFTER_US(1500));
	assert_fills(s, 100, 4, 2500 * SCRIPT_US);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 50, .reordered_pkts = 1,
		    .unresolved = 100);
}

static void a_zero_window_probe_fills(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	script_data(s, FWD, SEQ(1001), LEN(1));
	assert_loss(s, FWD, .bytes = 1);
	script_data(s, FWD, SEQ(1001), LEN(1), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 1, .retransmitted = 1, .lost_after = 1);
}

static void what_is_no_data_fills_nothing(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_rst(s, FWD, SEQ(1001), LEN(100));
	script_ack(s, FWD, SEQ(1001), SHORT);
	script_fin(s, FWD, SEQ(1201), LEN(0));
	assert_verdicts(script_data(s, FWD, SEQ(1201), LEN(1)), V(KEEP_ALIVE));
	assert_loss(s, FWD, .bytes = 200, .unresolved = 100);
}

static void a_capture_dup_fills_and_resends_nothing(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(700));
	assert_loss(s, FWD, .bytes = 200, .reordered_pkts = 1);
	script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(700));
	assert_true(script_note(s)->bits & NOTE_CAPTURE_DUP);
	assert_int_equal(script_note(s)->resent_bytes, 0);
	assert_loss(s, FWD, .bytes = 200, .reordered_pkts = 1);
}

/* ---- 5.4: seen before ----------------------------------------------------- */

static void a_byte_sent_twice_more_counts_twice(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	assert_int_equal(script_note(s)->resent_bytes, 100);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 200, .lost_after = 200);
}

static void lost_after_is_what_nobody_acknowledged(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1071));
	script_data(s, FWD, SEQ(1001), LEN(200), AFTER_US(10000)); /* 70 below, 130 above */
	assert_loss(s, FWD, .bytes = 200, .retransmitted = 200, .lost_after = 130);
	script_ack(s, REV, ACKS(1201));
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 200, .retransmitted = 300, .lost_after = 130);
}

/* The highest ACK counts, not the latest. */
static void an_older_ack_takes_nothing_back(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1101));
	script_ack(s, REV, ACKS(1001));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 100);
}

static void without_any_ack_all_may_be_lost_after(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(100));
	script_data(s, FWD, SEQ(7000), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 100, .lost_after = 100);
}

/* Nothing is known, not even that 0 was acknowledged. */
static void without_any_ack_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(0xffffffce), LEN(100));
	script_data(s, FWD, SEQ(0xffffffce), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 100, .lost_after = 100);
}

static void an_ack_needs_its_flag(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	SCRIPT_PLAY(s, 0, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 100, .lost_after = 100);
}

static void bytes_below_start_count_nowhere(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(10));
	script_data(s, FWD, SEQ(6900), LEN(50));
	assert_int_equal(script_note(s)->resent_bytes, 0);
	assert_loss(s, FWD, .bytes = 10);
	script_data(s, FWD, SEQ(6900), LEN(150)); /* 100 below, 10 seen, 40 new */
	assert_int_equal(script_note(s)->resent_bytes, 10);
	assert_loss(s, FWD, .bytes = 50, .retransmitted = 10, .lost_after = 10);
}

/* 3 GiB above start is not below it, though numbers compare like that. */
static void start_is_not_forgotten_in_a_long_flow(void **state)
{
	struct tcp_script *s = *state;
	uint32_t seq = 7000;

	script_data(s, FWD, SEQ(seq), LEN(10));
	for (int i = 0; i < 3; i++, seq += GIB - 5) {
		script_ack(s, REV, SEQ(5000), ACKS(seq + 10));
		script_ack(s, FWD, SEQ(seq + GIB - 5));
	}
	script_data(s, FWD, SEQ(seq), LEN(100));
	script_data(s, FWD, SEQ(seq), LEN(100), AFTER_US(10000));
	assert_int_equal(script_row(s)->side[0].retransmitted_bytes, 100);
}

/* From 2^32 - 4 above start to 2^32 + 100: around start itself, as numbers go. */
static void start_is_not_met_again_after_4_gib(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, FWD, SEQ(7000));
	for (uint32_t i = 1; i <= 4; i++) {
		script_ack(s, REV, SEQ(5000), ACKS(7000 + (i - 1) * (GIB - 1)));
		script_ack(s, FWD, SEQ(7000 + i * (GIB - 1)));
	}
	script_data(s, FWD, SEQ(6996), LEN(104));
	script_data(s, FWD, SEQ(6996), LEN(104), AFTER_US(10000));
	assert_int_equal(script_row(s)->side[0].bytes, (INT64_C(1) << 32) + 100);
	assert_int_equal(script_row(s)->side[0].retransmitted_bytes, 104);
}

static void the_highest_ack_may_lie_2_gib_back(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	for (uint32_t i = 1; i <= 3; i++)
		script_ack(s, FWD, SEQ(1001 + i * (GIB - 1)));
	script_data(s, FWD, SEQ(998 + 3 * GIB), LEN(100));
	script_data(s, FWD, SEQ(998 + 3 * GIB), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = INT64_C(3) * GIB + 97, .unresolved = INT64_C(3) * GIB - 3,
		    .retransmitted = 100, .lost_after = 100);
}

/* The two lower holes fell 2 GiB behind; the ACK of everything is the highest all the same. */
static void an_ack_after_2_gib_of_silence(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	for (uint32_t i = 1; i <= 3; i++)
		script_ack(s, FWD, SEQ(1001 + i * (GIB - 1)));
	script_data(s, FWD, SEQ(998 + 3 * GIB), LEN(100));
	assert_int_equal(script_trouble(s, FWD)->unresolved_bytes, 2 * INT64_C(1073741823));
	script_ack(s, REV, ACKS(1098 + 3 * GIB));
	script_data(s, FWD, SEQ(998 + 3 * GIB), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = INT64_C(3) * GIB + 97, .retransmitted = 100, .missed = GIB - 1,
		    .unresolved = 2 * INT64_C(1073741823));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(a_gap_opens_a_hole),
		SCRIPT_TEST(a_packet_without_data_opens_a_hole),
		SCRIPT_TEST(a_fin_opens_a_hole),
		SCRIPT_TEST(a_rst_opens_none),
		SCRIPT_TEST(a_step_just_below_2_to_the_30_is_a_hole),
		SCRIPT_TEST(a_step_of_2_to_the_30_is_none),
		SCRIPT_TEST(seq_jumps_of_both_sides_add_up),
		SCRIPT_TEST(a_hole_across_the_wrap),
		SCRIPT_TEST(a_whole_fill_closes_the_hole),
		SCRIPT_TEST(a_fill_at_the_start_shortens_it),
		SCRIPT_TEST(a_fill_at_the_end_shortens_it),
		SCRIPT_TEST(a_fill_in_the_middle_splits_it),
		SCRIPT_TEST(what_was_seen_around_a_hole_is_resent),
		SCRIPT_TEST(one_packet_fills_resends_and_is_new),
		SCRIPT_TEST(one_packet_fills_two_holes),
		SCRIPT_TEST(a_fill_may_reach_into_the_next_hole),
		SCRIPT_TEST(a_fill_over_holes_that_touch),
		SCRIPT_TEST(a_zero_window_probe_fills),
		SCRIPT_TEST(what_is_no_data_fills_nothing),
		SCRIPT_TEST(a_capture_dup_fills_and_resends_nothing),
		SCRIPT_TEST(a_byte_sent_twice_more_counts_twice),
		SCRIPT_TEST(lost_after_is_what_nobody_acknowledged),
		SCRIPT_TEST(an_older_ack_takes_nothing_back),
		SCRIPT_TEST(without_any_ack_all_may_be_lost_after),
		SCRIPT_TEST(without_any_ack_across_the_wrap),
		SCRIPT_TEST(an_ack_needs_its_flag),
		SCRIPT_TEST(bytes_below_start_count_nowhere),
		SCRIPT_TEST(start_is_not_forgotten_in_a_long_flow),
		SCRIPT_TEST(start_is_not_met_again_after_4_gib),
		SCRIPT_TEST(the_highest_ack_may_lie_2_gib_back),
		SCRIPT_TEST(an_ack_after_2_gib_of_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
