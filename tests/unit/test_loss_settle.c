/* SPDX-License-Identifier: BSD-3-Clause */

/* What becomes of holes that nobody fills (definitions 5.2, 5.6 to 5.8). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

#define GIB (1u << 30)

/* Settled so far: what time or displacement decided, not what the end would. */
#define assert_settled(s, missed, unresolved)                                                      \
	do {                                                                                       \
		assert_int_equal(script_trouble(s, FWD)->missed_bytes, (missed));                  \
		assert_int_equal(script_trouble(s, FWD)->unresolved_bytes, (unresolved));          \
	} while (0)

/* The hole of open_hole(), acknowledged at 50 ms; T is 2 ms. */
static void open_and_ack(struct tcp_script *s)
{
	open_hole(s);
	script_ack(s, REV, ACKS(1201), AT_US(50000));
	assert_settled(s, 0, 0);
}

/* ---- 5.6: missed ---------------------------------------------------------- */

static void at_t_after_its_ack_it_is_missed(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_ack(s, FWD, AFTER_NS(1999999));
	assert_settled(s, 0, 0);
	script_ack(s, FWD, AT_US(52000));
	assert_settled(s, 100, 0);
	assert_loss(s, FWD, .bytes = 200, .missed = 100);
}

/* The packet that comes at T settles first: what it brings was missed before. */
static void the_fill_itself_may_come_too_late(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(2000));
	assert_false(script_note(s)->bits & NOTE_FILLS_HOLE);
	assert_loss(s, FWD, .bytes = 200, .missed = 100, .retransmitted = 100);
}

static void any_packet_of_the_flow_settles(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_rst(s, REV, ACKS(1201), AFTER_US(2000));
	assert_settled(s, 100, 0);
}

static void an_unanalysed_packet_settles_too(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_ack(s, REV, SHORT, AFTER_US(2000));
	assert_settled(s, 100, 0);
}

static void a_capture_dup_settles_too(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1201), IP_ID(9), AT_US(50000));
	script_ack(s, REV, ACKS(1201), IP_ID(9), AFTER_US(2000));
	assert_true(script_note(s)->bits & NOTE_CAPTURE_DUP);
	assert_settled(s, 100, 0);
}

static void an_earlier_time_settles_nothing(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_ack(s, FWD, AFTER_US(-10000));
	assert_settled(s, 0, 0);
}

/* Time runs from the first ACK of a byte, not from later ones of the same hole. */
static void each_byte_waits_from_its_own_ack(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1061), AT_US(50000));
	script_ack(s, REV, ACKS(1201), AT_US(51000));
	script_ack(s, FWD, AT_US(52000));
	assert_settled(s, 60, 0);
	script_ack(s, FWD, AT_US(53000));
	assert_settled(s, 100, 0);
}

static void an_ack_again_does_not_begin_anew(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_data(s, REV, LEN(1), ACKS(1201), AFTER_US(1000));
	script_ack(s, FWD, AFTER_US(1000));
	assert_settled(s, 100, 0);
}

static void an_ack_inside_a_hole_tells_of_its_part(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1061));
	assert_loss(s, FWD, .bytes = 200, .missed = 60, .unresolved = 40);
}

static void an_ack_below_tells_nothing(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1001), AT_US(50000));
	script_ack(s, REV, ACKS(1001), AT_US(60000));
	assert_loss(s, FWD, .bytes = 200, .unresolved = 100);
}

/* Contract of struct tcp_note: "its ACK covers bytes the capture has not seen". */
static void an_ack_over_an_open_hole_misses_it(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1201));
	assert_misses(s, 1001, 1101);
	script_ack(s, REV, ACKS(1201));
	assert_false(script_note(s)->bits & NOTE_MISSES);
}

/* The lowest of what it covers is told, as far as it covers it, and only once. */
static void an_ack_inside_an_open_hole_misses_its_part(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1061));
	assert_misses(s, 1001, 1061);
	script_ack(s, REV, ACKS(1101));
	assert_misses(s, 1061, 1101);
}

static void an_ack_over_many_holes_misses_the_lowest(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1301), LEN(100));
	script_ack(s, REV, ACKS(1501)); /* two holes, and 100 bytes above hi */
	assert_misses(s, 1001, 1101);
	assert_loss(s, FWD, .bytes = 500, .missed = 300);
}

/* ---- 5.6: an ACK above hi ------------------------------------------------- */

static void an_ack_above_hi_opens_an_acknowledged_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1301), AT_US(50000));
	assert_misses(s, 1101, 1301);
	assert_loss(s, FWD, .bytes = 300, .missed = 200);
	assert_settled(s, 0, 0);
	script_data(s, FWD, SEQ(1301), LEN(10), AT_US(52000));
	assert_false(script_note(s)->bits & (NOTE_OPENS_HOLE | NOTE_MISSES));
	assert_settled(s, 200, 0);
	assert_loss(s, FWD, .bytes = 310, .missed = 200);
}

static void an_ack_just_below_2_to_the_30_above(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1001 + GIB - 1));
	assert_loss(s, FWD, .bytes = GIB - 1, .missed = GIB - 1);
}

/* Nor is it remembered: what is resent is not acknowledged by it. */
static void an_ack_of_2_to_the_30_above_is_ignored(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1101 + GIB));
	assert_false(script_note(s)->bits & NOTE_MISSES);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(50000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 100, .lost_after = 100);
}

static void a_side_that_sent_only_syns_misses_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, REV, ACKS(90000));
	assert_false(script_note(s)->bits & NOTE_MISSES);
	script_data(s, FWD, SEQ(1001), LEN(10));
	assert_loss(s, FWD, .bytes = 10);
}

/* ---- 5.6: FIN ------------------------------------------------------------- */

static void a_fin_never_captured_is_one_missed_byte(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1102));
	assert_misses(s, 1101, 1102);
	assert_loss(s, FWD, .bytes = 101, .missed = 1);
}

static void a_fin_captured_after_its_ack_is_none(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1102));
	script_fin(s, FWD, SEQ(1101));
	assert_loss(s, FWD, .bytes = 100);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 0);
}

static void a_fin_with_data_captured_after_their_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1102));
	script_fin(s, FWD, SEQ(1051), LEN(50));
	assert_loss(s, FWD, .bytes = 100, .missed = 50, .reordered_pkts = 1);
}

/* The ACK behind a FIN overtook it: the FIN's number was no byte, whatever the hole looked like. */
static void a_fin_overtaken_by_an_ack_of_its_sender(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, FWD, SEQ(1102));
	assert_opens_hole(s, 1101, 1102);
	assert_loss(s, FWD, .bytes = 101, .unresolved = 1);
	script_fin(s, FWD, SEQ(1101));
	assert_false(script_note(s)->bits & NOTE_FILLS_HOLE);
	assert_loss(s, FWD, .bytes = 100);
}

static void a_fin_with_data_overtaken(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1102));
	script_fin(s, FWD, SEQ(1001), LEN(100), AFTER_US(50000));
	assert_fills(s, 100, 4, 50 * SCRIPT_MS);
	assert_loss(s, FWD, .bytes = 100, .lost_before = 100);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 0);
}

/* A FIN in the middle of a hole splits it. */
static void a_fin_inside_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1202));
	script_fin(s, FWD, SEQ(1101));
	assert_hole(s, 0, 1001, 1101);
	assert_hole(s, 1, 1102, 1202);
	assert_loss(s, FWD, .bytes = 200, .unresolved = 200);
}

static void a_fin_again_changes_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(100));
	script_fin(s, FWD, SEQ(1101), AFTER_US(50000));
	script_fin(s, FWD, SEQ(1051), LEN(50), AFTER_US(50000));
	assert_loss(s, FWD, .bytes = 100, .retransmitted = 50, .lost_after = 50);
}

/* What was settled is not taken back: payload 100 = bytes 101 - missed 1. */
static void a_fin_captured_long_after_its_ack_stays_missed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1102));
	script_fin(s, FWD, SEQ(1101), AFTER_US(50000));
	assert_loss(s, FWD, .bytes = 101, .missed = 1);
}

static void an_ack_of_a_captured_fin_misses_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1102));
	assert_false(script_note(s)->bits & NOTE_MISSES);
	assert_loss(s, FWD, .bytes = 100);
}

/* ---- 5.2 and 5.8: unresolved ---------------------------------------------- */

static void what_nobody_acked_is_unresolved_at_the_end(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, LEN(10), AFTER_US(5000000));
	assert_settled(s, 0, 0);
	script_finish(s);
	assert_loss(s, FWD, .bytes = 210, .unresolved = 100);
}

static void what_was_acked_is_missed_at_the_end(void **state)
{
	struct tcp_script *s = *state;

	open_and_ack(s);
	script_finish(s);
	assert_loss(s, FWD, .bytes = 200, .missed = 100);
}

static void an_unseen_direction_is_null(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record_side *side;

	script_data(s, FWD, SEQ(7000), LEN(10));
	script_data(s, FWD, LEN(10), ACKS(9000));
	side = &script_row(s)->side[1];
	assert_int_equal(side->lost_before_bytes, RECORD_NULL_64);
	assert_int_equal(side->lost_after_bytes, RECORD_NULL_64);
	assert_int_equal(side->missed_bytes, RECORD_NULL_64);
	assert_int_equal(side->unresolved_bytes, RECORD_NULL_64);
	assert_int_equal(side->retransmitted_bytes, RECORD_NULL_64);
	assert_int_equal(side->reordered_pkts, RECORD_NULL_32);
}

/* A SYN+ACK with another number: the old numbers mean nothing in the new ones. */
static void a_new_base_leaves_holes_unresolved(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_ack(s, FWD);
	script_data(s, REV, SEQ(5101), LEN(100));
	assert_verdicts(script_syn_ack(s, REV, SEQ(2000)), V(REUSED_PORTS) | V(OUT_OF_ORDER));
	assert_int_equal(script_trouble(s, REV)->unresolved_bytes, 100);
	script_data(s, REV, SEQ(2001), LEN(50), AFTER_US(50000));
	assert_false(script_note(s)->bits & (NOTE_OPENS_HOLE | NOTE_FILLS_HOLE));
	script_data(s, REV, SEQ(2001), LEN(50), AFTER_US(50000)); /* 5001 was acked, not this */
	assert_loss(s, REV, .bytes = 250, .unresolved = 100, .retransmitted = 50, .lost_after = 50);
}

static void a_new_base_leaves_acked_holes_unresolved_too(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(10));
	script_ack(s, FWD, ACKS(5101));
	assert_misses(s, 5011, 5101);
	script_syn_ack(s, REV, SEQ(9000), AFTER_US(100));
	assert_loss(s, REV, .bytes = 100, .unresolved = 90);
}

/* 5101 was acknowledged of the old numbers: of the new ones nothing is. */
static void a_new_base_forgets_the_highest_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(100));
	script_ack(s, FWD);
	script_syn_ack(s, REV, SEQ(5030));
	script_data(s, REV, SEQ(5031), LEN(100));
	script_data(s, REV, SEQ(5031), LEN(100), AFTER_US(50000));
	assert_loss(s, REV, .bytes = 200, .retransmitted = 100, .lost_after = 100);
}

/* The FIN of the old numbers is forgotten: the new one is captured after its ACK, and no byte. */
static void a_new_base_forgets_the_fin(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(10));
	script_fin(s, REV);
	script_syn_ack(s, REV, SEQ(9000));
	script_data(s, REV, SEQ(9001), LEN(10));
	script_ack(s, FWD, ACKS(9012));
	assert_misses(s, 9011, 9012);
	script_fin(s, REV, SEQ(9011), AFTER_US(100));
	assert_loss(s, REV, .bytes = 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(at_t_after_its_ack_it_is_missed),
		SCRIPT_TEST(the_fill_itself_may_come_too_late),
		SCRIPT_TEST(any_packet_of_the_flow_settles),
		SCRIPT_TEST(an_unanalysed_packet_settles_too),
		SCRIPT_TEST(a_capture_dup_settles_too),
		SCRIPT_TEST(an_earlier_time_settles_nothing),
		SCRIPT_TEST(each_byte_waits_from_its_own_ack),
		SCRIPT_TEST(an_ack_again_does_not_begin_anew),
		SCRIPT_TEST(an_ack_inside_a_hole_tells_of_its_part),
		SCRIPT_TEST(an_ack_below_tells_nothing),
		SCRIPT_TEST(an_ack_over_an_open_hole_misses_it),
		SCRIPT_TEST(an_ack_inside_an_open_hole_misses_its_part),
		SCRIPT_TEST(an_ack_over_many_holes_misses_the_lowest),
		SCRIPT_TEST(an_ack_above_hi_opens_an_acknowledged_hole),
		SCRIPT_TEST(an_ack_just_below_2_to_the_30_above),
		SCRIPT_TEST(an_ack_of_2_to_the_30_above_is_ignored),
		SCRIPT_TEST(a_side_that_sent_only_syns_misses_nothing),
		SCRIPT_TEST(a_fin_never_captured_is_one_missed_byte),
		SCRIPT_TEST(a_fin_captured_after_its_ack_is_none),
		SCRIPT_TEST(a_fin_with_data_captured_after_their_ack),
		SCRIPT_TEST(a_fin_captured_long_after_its_ack_stays_missed),
		SCRIPT_TEST(an_ack_of_a_captured_fin_misses_nothing),
		SCRIPT_TEST(a_fin_overtaken_by_an_ack_of_its_sender),
		SCRIPT_TEST(a_fin_with_data_overtaken),
		SCRIPT_TEST(a_fin_inside_a_hole),
		SCRIPT_TEST(a_fin_again_changes_nothing),
		SCRIPT_TEST(what_nobody_acked_is_unresolved_at_the_end),
		SCRIPT_TEST(what_was_acked_is_missed_at_the_end),
		SCRIPT_TEST(an_unseen_direction_is_null),
		SCRIPT_TEST(a_new_base_leaves_holes_unresolved),
		SCRIPT_TEST(a_new_base_leaves_acked_holes_unresolved_too),
		SCRIPT_TEST(a_new_base_forgets_the_highest_ack),
		SCRIPT_TEST(a_new_base_forgets_the_fin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
