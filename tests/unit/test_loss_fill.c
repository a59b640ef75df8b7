/* SPDX-License-Identifier: BSD-3-Clause */

/* What a fill says: lost before the capture point, or only late (definitions 5.5). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

#define assert_filled_reordered(s)                                                                 \
	assert_loss(s, FWD, .bytes = 200, .unresolved = 0, .reordered_pkts = 1)
#define assert_filled_lost_before(s) assert_loss(s, FWD, .bytes = 200, .lost_before = 100)

/* ---- by age: T is the initial RTT, 2 ms in these scripts ------------------- */

static void younger_than_t_it_is_reordered(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(1999999));
	assert_filled_reordered(s);
	assert_int_equal(script_note(s)->cause, CAUSE_REORDERED);
}

static void at_t_it_was_lost_before(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(2000000));
	assert_filled_lost_before(s);
	assert_int_not_equal(script_note(s)->cause, CAUSE_REORDERED);
}

static void at_no_age_at_all_it_is_reordered(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(0));
	assert_filled_reordered(s);
}

/* The clock of the capture went back: the age says nothing of the network. */
static void of_negative_age_it_was_lost_before(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(-1));
	assert_filled_lost_before(s);
	assert_fills(s, 100, 4, -1);
}

/* A pcapng file may claim any 64-bit times: their difference is none (UBSan watches). */
static void times_may_lie_too_far_apart(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(50), AT_NS(INT64_MIN + 1));
	script_data(s, FWD, SEQ(7150), LEN(50), AT_NS(INT64_MIN + 1));
	script_ack(s, REV, SEQ(5000), ACKS(7060), AT_NS(INT64_MIN + 1));
	script_data(s, FWD, SEQ(7060), LEN(90), AT_NS(INT64_MAX - SCRIPT_EPOCH_NS));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 90, .missed = 10);
	script_data(s, FWD, SEQ(7190), LEN(10), AT_NS(INT64_MIN + 1));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 90, .missed = 10, .retransmitted = 10,
		    .lost_after = 10);
}

/* Midstream nothing is known of the RTT: T is 3 ms. */
static void fill_midstream(struct tcp_script *s, int64_t after_ns)
{
	script_data(s, FWD, SEQ(7000), LEN(50));
	script_data(s, FWD, SEQ(7150), LEN(50));
	script_data(s, FWD, SEQ(7050), LEN(100), AFTER_NS(after_ns));
}

static void without_an_rtt_t_is_3_ms(void **state)
{
	fill_midstream(*state, 2999999);
	assert_filled_reordered(*state);
}

static void without_an_rtt_3_ms_are_too_late(void **state)
{
	fill_midstream(*state, 3000000);
	assert_filled_lost_before(*state);
}

static void a_negative_rtt_is_none(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_ack(s, FWD, AFTER_US(-5000));
	script_data(s, FWD, SEQ(1101), LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(2999999));
	assert_filled_reordered(s);
}

/* T is that before the packet: the ACK that gives the initial RTT of 50 ms is judged with 3 ms. */
static void the_packet_that_gives_the_rtt_is_judged_without(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	SCRIPT_PLAY(s, TCP_PSH, FWD, SEQ(1101), LEN(100), ACKS(5001));
	script_data(s, FWD, SEQ(1001), LEN(50), AT_US(50000));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 50, .unresolved = 50);
	script_data(s, FWD, SEQ(1051), LEN(50), AT_NS(51999999)); /* the hole is of 2 ms */
	assert_loss(s, FWD, .bytes = 200, .lost_before = 50, .reordered_pkts = 1);
}

/* ---- by time stamps ------------------------------------------------------- */

/* The opener has TSval opener, the fill comes after after_us with TSval fill. */
static void fill_with_tsval(struct tcp_script *s, uint32_t opener, uint32_t fill, int64_t after_us)
{
	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), TS(opener, 1));
	script_data(s, FWD, SEQ(1001), LEN(100), TS(fill, 1), AFTER_US(after_us));
}

static void an_older_tsval_is_reordered_at_any_age(void **state)
{
	fill_with_tsval(*state, 500, 499, 60000);
	assert_filled_reordered(*state);
}

static void a_newer_tsval_was_lost_before_at_any_age(void **state)
{
	fill_with_tsval(*state, 500, 501, 10);
	assert_filled_lost_before(*state);
}

static void an_equal_tsval_and_young(void **state)
{
	fill_with_tsval(*state, 500, 500, 1999);
	assert_filled_reordered(*state);
}

static void an_equal_tsval_and_old(void **state)
{
	fill_with_tsval(*state, 500, 500, 2000);
	assert_filled_lost_before(*state);
}

static void tsvals_wrap(void **state)
{
	fill_with_tsval(*state, 5, 0xfffffff0, 60000);
	assert_filled_reordered(*state);
}

static void newer_tsvals_wrap_too(void **state)
{
	fill_with_tsval(*state, 0xfffffff0, 5, 10);
	assert_filled_lost_before(*state);
}

static void a_tsval_of_zero_is_a_tsval(void **state)
{
	fill_with_tsval(*state, 0, 1, 10);
	assert_filled_lost_before(*state);
}

static void without_a_tsval_of_the_opener_age_counts(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), TS(0xfffffff0, 1), AFTER_US(60000));
	assert_filled_lost_before(s);
}

static void without_a_tsval_of_the_fill_age_counts(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), TS(500, 1));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(60000));
	assert_filled_lost_before(s);
}

/* Both rests of a split hole keep the opener's TSval, not that of what split them. */
static void the_rests_of_a_hole_keep_its_tsval(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), TS(500, 1));
	script_data(s, FWD, SEQ(1041), LEN(20), TS(600, 1));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 20, .unresolved = 80);
	script_data(s, FWD, SEQ(1061), LEN(40), TS(550, 1));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 60, .unresolved = 40);
	script_data(s, FWD, SEQ(1001), LEN(40), TS(499, 1), AFTER_US(60000));
	assert_loss(s, FWD, .bytes = 200, .lost_before = 60, .reordered_pkts = 1);
}

/* ---- acknowledged: the capture swapped data and ACK ------------------------ */

static void what_was_acked_is_reordered_at_any_age(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1201), AT_US(50000));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(1999999));
	assert_filled_reordered(s);
	assert_int_equal(script_note(s)->cause, CAUSE_REORDERED);
}

static void what_was_acked_is_reordered_with_any_tsval(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100), TS(500, 1));
	script_ack(s, REV, ACKS(1201));
	script_data(s, FWD, SEQ(1001), LEN(100), TS(501, 1));
	assert_filled_reordered(s);
}

/* 60 of its bytes were acked: they are reordered, the others of age 47 ms were lost before. */
static void what_was_acked_in_part(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1061), AT_US(49000));
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_fills(s, 100, 4, 47 * SCRIPT_MS);
	assert_loss(s, FWD, .bytes = 200, .lost_before = 40, .reordered_pkts = 1);
}

static void an_ack_above_hi_then_its_data(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1101), AT_US(50000));
	assert_misses(s, 1001, 1101);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(1999999));
	assert_fills(s, 100, 4, 1999999);
	assert_loss(s, FWD, .bytes = 100, .reordered_pkts = 1);
}

/* ---- reordered packets ---------------------------------------------------- */

static void one_packet_with_any_reordered_byte_counts_once(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(50), AT_US(3000));
	script_data(s, FWD, SEQ(1201), LEN(50), AT_US(3100));
	script_data(s, FWD, SEQ(1001), LEN(250), AT_US(3200)); /* both holes */
	assert_loss(s, FWD, .bytes = 250, .reordered_pkts = 1, .retransmitted = 100,
		    .lost_after = 100);
}

static void each_reordered_packet_counts(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(50), AFTER_US(10));
	script_data(s, FWD, SEQ(1051), LEN(50), AFTER_US(10));
	assert_loss(s, FWD, .bytes = 200, .reordered_pkts = 2);
}

static void sides_are_told_apart(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, SEQ(5101), LEN(100));
	script_data(s, REV, SEQ(5001), LEN(100), AFTER_US(10000));
	assert_loss(s, FWD, .bytes = 0);
	assert_loss(s, REV, .bytes = 200, .lost_before = 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(younger_than_t_it_is_reordered),
		SCRIPT_TEST(at_t_it_was_lost_before),
		SCRIPT_TEST(at_no_age_at_all_it_is_reordered),
		SCRIPT_TEST(of_negative_age_it_was_lost_before),
		SCRIPT_TEST(times_may_lie_too_far_apart),
		SCRIPT_TEST(without_an_rtt_t_is_3_ms),
		SCRIPT_TEST(without_an_rtt_3_ms_are_too_late),
		SCRIPT_TEST(a_negative_rtt_is_none),
		SCRIPT_TEST(the_packet_that_gives_the_rtt_is_judged_without),
		SCRIPT_TEST(an_older_tsval_is_reordered_at_any_age),
		SCRIPT_TEST(a_newer_tsval_was_lost_before_at_any_age),
		SCRIPT_TEST(an_equal_tsval_and_young),
		SCRIPT_TEST(an_equal_tsval_and_old),
		SCRIPT_TEST(tsvals_wrap),
		SCRIPT_TEST(newer_tsvals_wrap_too),
		SCRIPT_TEST(a_tsval_of_zero_is_a_tsval),
		SCRIPT_TEST(without_a_tsval_of_the_opener_age_counts),
		SCRIPT_TEST(without_a_tsval_of_the_fill_age_counts),
		SCRIPT_TEST(the_rests_of_a_hole_keep_its_tsval),
		SCRIPT_TEST(what_was_acked_is_reordered_at_any_age),
		SCRIPT_TEST(what_was_acked_is_reordered_with_any_tsval),
		SCRIPT_TEST(what_was_acked_in_part),
		SCRIPT_TEST(an_ack_above_hi_then_its_data),
		SCRIPT_TEST(one_packet_with_any_reordered_byte_counts_once),
		SCRIPT_TEST(each_reordered_packet_counts),
		SCRIPT_TEST(sides_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
