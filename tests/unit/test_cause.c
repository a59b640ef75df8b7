/* SPDX-License-Identifier: BSD-3-Clause */

/* Why a segment was sent again or came late: each cause, and what just is not (definitions 8). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

#define assert_cause(s, wanted)                                                                    \
	assert_string_equal(cause_names[script_note(s)->cause], cause_names[CAUSE_##wanted])

/* Frames 1 to 3 are a handshake with an initial RTT of 2 ms; then nb times 100 bytes from 1001. */
static void send_data(struct tcp_script *s, int nb)
{
	script_handshake(s);
	for (int i = 0; i < nb; i++)
		script_data(s, FWD, LEN(100));
}

/* ---- no cause ------------------------------------------------------------- */

static void what_is_neither_resent_nor_late_has_none(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_cause(s, NONE);
	script_syn_ack(s, REV);
	assert_cause(s, NONE);
	script_data(s, FWD, LEN(100));
	assert_cause(s, NONE);
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
	assert_cause(s, NONE);
	assert_verdicts(script_data(s, FWD, SEQ(1100), LEN(1)), V(KEEP_ALIVE));
	assert_cause(s, NONE);
}

static void a_lost_segment_has_none(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(LOST_SEGMENT));
	assert_cause(s, NONE);
	assert_verdicts(script_ack(s, REV, ACKS(1301)), V(ACK_LOST_SEGMENT));
	assert_cause(s, NONE);
}

/* ---- 8.1 ------------------------------------------------------------------ */

static void the_same_packet_twice_is_a_capture_duplicate(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), IP_ID(77));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(77)), V(RETRANSMISSION));
	assert_cause(s, CAPTURE_DUPLICATE);
}

static void another_identification_is_no_capture_duplicate(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), IP_ID(77));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(78)), V(RETRANSMISSION));
	assert_cause(s, UNKNOWN); /* 1 ms is less than 1.5 x 2 ms */
}

/* A RST is not sent again; and a second one says nothing. */
static void a_copy_without_a_verdict_has_no_cause(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD, IP_ID(77));
	assert_verdicts(script_rst(s, FWD, IP_ID(77)), NO_VERDICT);
	assert_true(script_note(s)->bits & NOTE_CAPTURE_DUP);
	assert_cause(s, NONE);
}

/* First that applies: the copy of an acknowledged segment is not spurious. */
static void a_capture_duplicate_comes_before_all(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), IP_ID(77));
	script_ack(s, REV, ACKS(1101));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(77)),
			V(SPURIOUS_RETRANSMISSION));
	assert_cause(s, CAPTURE_DUPLICATE);
}

/* ---- 8.2 ------------------------------------------------------------------ */

static void what_fills_a_young_hole_is_reordered(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_cause(s, REORDERED);
}

static void what_fills_an_old_hole_is_not(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(2000));
	assert_cause(s, UNKNOWN);
}

/* Acknowledged before it came by: spurious for tshark, and its verdict, but only late. */
static void reordered_comes_before_spurious(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_ack(s, REV, ACKS(1201), AT_US(50000));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(SPURIOUS_RETRANSMISSION));
	assert_cause(s, REORDERED);
}

/* ---- 8.3 ------------------------------------------------------------------ */

static void what_was_acknowledged_is_spurious(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	assert_cause(s, SPURIOUS);
}

static void what_was_acknowledged_in_part_is_not(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_ack(s, REV, ACKS(1100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	assert_cause(s, TIMEOUT);
}

/* ---- 8.4 ------------------------------------------------------------------ */

static void a_repeated_syn_is_a_timeout_at_any_time(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, FWD, SEQ(1000));
	assert_cause(s, TIMEOUT);
	script_syn(s, FWD, SEQ(1000), AFTER_US(3000000));
	assert_cause(s, TIMEOUT);
}

static void a_repeated_syn_ack_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_syn_ack(s, REV);
	assert_cause(s, TIMEOUT);
}

/* Its SYN+ACK has its SYN's number, but is the first. */
static void a_simultaneous_open_repeats_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV);
	assert_verdicts(script_syn_ack(s, FWD, SEQ(1000)), V(RETRANSMISSION));
	assert_cause(s, UNKNOWN);
	script_syn_ack(s, FWD, SEQ(1000), AFTER_US(1000));
	assert_cause(s, TIMEOUT);
}

static void a_syn_of_another_connection_is_none(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_verdicts(script_syn(s, FWD, SEQ(9000), AFTER_US(3000000)), V(REUSED_PORTS));
	assert_cause(s, NONE);
}

static void a_syn_ack_with_another_number_is_not_repeated(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(100));
	assert_verdicts(script_syn_ack(s, REV, SEQ(2000)), V(REUSED_PORTS) | V(OUT_OF_ORDER));
	assert_cause(s, UNKNOWN);
}

/* ---- 8.5: asked with dup ACKs --------------------------------------------- */

/* Four segments at 3 to 6 ms, an ACK of the first at 7 ms, then duplicates of it. */
static void ask_with_dups(struct tcp_script *s, int nb_dups)
{
	send_data(s, 4);
	script_ack(s, REV, ACKS(1101));
	for (int i = 0; i < nb_dups; i++)
		assert_verdicts(script_ack(s, REV, ACKS(1101)), V(DUPLICATE_ACK));
}

static void three_dup_acks_make_it_fast(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(FAST_RETRANSMISSION));
	assert_cause(s, FAST);
}

static void two_dup_acks_do_not(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 2);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(FAST_RETRANSMISSION));
	assert_cause(s, UNKNOWN);
}

static void dup_acks_of_another_segment_do_not(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	script_data(s, FWD, SEQ(1201), LEN(100));
	assert_cause(s, UNKNOWN);
}

static void the_highest_ack_must_be_its_number(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	script_data(s, FWD, SEQ(1091), LEN(100));
	assert_cause(s, UNKNOWN);
}

static void the_special_mark_is_no_dup_ack(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 4);
	script_ack(s, REV, ACKS(1101));
	/* F acknowledges the unseen: R's counter has the mark. */
	assert_verdicts(script_ack(s, FWD, ACKS(5101)), V(ACK_LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), ACKS(5101)),
			V(FAST_RETRANSMISSION));
	assert_cause(s, UNKNOWN);
}

static void just_below_20_ms_it_is_prompt(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_NS(19999999));
	assert_cause(s, FAST);
}

static void at_20_ms_it_is_not(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(20000));
	assert_cause(s, UNKNOWN);
}

static void an_answer_before_the_request_is_none(void **state)
{
	struct tcp_script *s = *state;

	ask_with_dups(s, 3);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(-100));
	assert_cause(s, UNKNOWN);
}

/* A long way: T is the initial RTT of 50 ms. */
static void ask_over_50_ms(struct tcp_script *s)
{
	script_syn(s, FWD);
	script_syn_ack(s, REV, AFTER_US(50000));
	script_ack(s, FWD, AFTER_NS(0));
	for (int i = 0; i < 4; i++)
		script_data(s, FWD, LEN(100));
	for (int i = 0; i < 4; i++)
		script_ack(s, REV, ACKS(1101));
}

static void just_below_t_it_is_prompt(void **state)
{
	struct tcp_script *s = *state;

	ask_over_50_ms(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_NS(49999999));
	assert_cause(s, FAST);
}

static void at_t_it_is_not(void **state)
{
	struct tcp_script *s = *state;

	ask_over_50_ms(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(50000));
	assert_cause(s, UNKNOWN);
}

/* The answer may also fill a hole: it was lost before the capture point. */
static void a_fill_may_be_fast(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	for (uint32_t i = 0; i < 3; i++)
		script_data(s, FWD, SEQ(1201 + 100 * i), LEN(100));
	for (int i = 0; i < 4; i++)
		script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_fills(s, 100, 5, 7 * SCRIPT_MS);
	assert_cause(s, FAST);
}

/* ---- 8.5: asked with SACK ------------------------------------------------- */

static void ask_with_sack(struct tcp_script *s)
{
	send_data(s, 4);
	script_ack(s, REV, ACKS(1101), SACK(1201, 1301));
}

static void a_sack_makes_it_fast(void **state)
{
	struct tcp_script *s = *state;

	ask_with_sack(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_cause(s, FAST);
}

static void a_sack_asks_for_all_above_the_ack(void **state)
{
	struct tcp_script *s = *state;

	ask_with_sack(s);
	script_data(s, FWD, SEQ(1301), LEN(100));
	assert_cause(s, FAST);
}

static void a_sack_does_not_ask_for_what_lies_below(void **state)
{
	struct tcp_script *s = *state;

	ask_with_sack(s);
	script_data(s, FWD, SEQ(1100), LEN(100));
	assert_cause(s, UNKNOWN);
}

static void only_the_last_packets_sack_asks(void **state)
{
	struct tcp_script *s = *state;

	ask_with_sack(s);
	script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_cause(s, UNKNOWN);
}

static void a_sack_must_be_young(void **state)
{
	struct tcp_script *s = *state;

	ask_with_sack(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(20000));
	assert_cause(s, UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(what_is_neither_resent_nor_late_has_none),
		SCRIPT_TEST(a_lost_segment_has_none),
		SCRIPT_TEST(the_same_packet_twice_is_a_capture_duplicate),
		SCRIPT_TEST(another_identification_is_no_capture_duplicate),
		SCRIPT_TEST(a_copy_without_a_verdict_has_no_cause),
		SCRIPT_TEST(a_capture_duplicate_comes_before_all),
		SCRIPT_TEST(what_fills_a_young_hole_is_reordered),
		SCRIPT_TEST(what_fills_an_old_hole_is_not),
		SCRIPT_TEST(reordered_comes_before_spurious),
		SCRIPT_TEST(what_was_acknowledged_is_spurious),
		SCRIPT_TEST(what_was_acknowledged_in_part_is_not),
		SCRIPT_TEST(a_repeated_syn_is_a_timeout_at_any_time),
		SCRIPT_TEST(a_repeated_syn_ack_is_a_timeout),
		SCRIPT_TEST(a_simultaneous_open_repeats_nothing),
		SCRIPT_TEST(a_syn_of_another_connection_is_none),
		SCRIPT_TEST(a_syn_ack_with_another_number_is_not_repeated),
		SCRIPT_TEST(three_dup_acks_make_it_fast),
		SCRIPT_TEST(two_dup_acks_do_not),
		SCRIPT_TEST(dup_acks_of_another_segment_do_not),
		SCRIPT_TEST(the_highest_ack_must_be_its_number),
		SCRIPT_TEST(the_special_mark_is_no_dup_ack),
		SCRIPT_TEST(just_below_20_ms_it_is_prompt),
		SCRIPT_TEST(at_20_ms_it_is_not),
		SCRIPT_TEST(an_answer_before_the_request_is_none),
		SCRIPT_TEST(just_below_t_it_is_prompt),
		SCRIPT_TEST(at_t_it_is_not),
		SCRIPT_TEST(a_fill_may_be_fast),
		SCRIPT_TEST(a_sack_makes_it_fast),
		SCRIPT_TEST(a_sack_asks_for_all_above_the_ack),
		SCRIPT_TEST(a_sack_does_not_ask_for_what_lies_below),
		SCRIPT_TEST(only_the_last_packets_sack_asks),
		SCRIPT_TEST(a_sack_must_be_young),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
