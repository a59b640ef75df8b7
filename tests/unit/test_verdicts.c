/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The verdicts of section 3 of the TCP analysis spec, step by step. What is
 * expected was worked out by hand from the steps.
 *
 * After script_handshake() FWD stands at 1001 and REV at 5001, both windows are
 * 1000 and unscaled, and the initial RTT is 2 ms.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

static void an_ordinary_conversation_gets_no_verdict(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD), NO_VERDICT);
	assert_verdicts(script_syn_ack(s, REV), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, LEN(100)), NO_VERDICT);
	assert_verdicts(script_ack(s, REV), NO_VERDICT);
	assert_verdicts(script_data(s, REV, LEN(100)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD), NO_VERDICT);
	assert_verdicts(script_fin(s, FWD), NO_VERDICT);
	assert_verdicts(script_fin(s, REV), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD), NO_VERDICT);
	assert_int_equal(script_row(s)->first_anomaly_frame, RECORD_NULL_64);
}

/* ---- Step 3 -------------------------------------------------------------- */

static void step_3_zero_window_probe(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, WIN(0)), V(ZERO_WINDOW));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1)), V(ZERO_WINDOW_PROBE));
	/* It does not move next: the same byte is a probe again. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1)), V(ZERO_WINDOW_PROBE));
	/* Two bytes are none, and in order. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(2)), NO_VERDICT);
}

static void step_3_needs_a_zero_window_of_the_peer(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1)), NO_VERDICT);
}

static void step_3_any_flags(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	assert_verdicts(script_fin(s, FWD, SEQ(1001), LEN(1)), V(ZERO_WINDOW_PROBE));
	assert_verdicts(script_rst(s, FWD, SEQ(1001), LEN(1)), V(ZERO_WINDOW_PROBE));
}

static void step_3_first_packet_with_seq_0(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, REV, ACKS(0), WIN(0));
	assert_verdicts(script_data(s, FWD, SEQ(0), LEN(1)), V(ZERO_WINDOW_PROBE));
}

static void step_3_probe_of_a_byte_that_was_acked_is_spurious_too(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, ACKS(1002), WIN(0)),
			V(ZERO_WINDOW) | V(ACK_LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1)),
			V(ZERO_WINDOW_PROBE) | V(SPURIOUS_RETRANSMISSION));
}

static void step_3_skips_steps_4_to_9(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	/* Its own window of 0 is not said. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1), WIN(0)), V(ZERO_WINDOW_PROBE));
}

/* ---- Step 4 -------------------------------------------------------------- */

static void step_4_zero_window(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, LEN(10), WIN(0)), V(ZERO_WINDOW));
	assert_verdicts(script_fin(s, FWD, WIN(0)), NO_VERDICT);
	assert_verdicts(script_rst(s, FWD, WIN(0)), NO_VERDICT);
}

static void step_4_not_on_a_syn(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, WIN(0)), NO_VERDICT);
	assert_verdicts(script_syn_ack(s, REV, WIN(0)), NO_VERDICT);
}

/* ---- Step 5 -------------------------------------------------------------- */

static void step_5_lost_segment(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1002), LEN(100)), V(LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1102), LEN(100)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, SEQ(1203)), V(LOST_SEGMENT));
	assert_verdicts(script_fin(s, FWD, SEQ(1204)), V(LOST_SEGMENT));
}

static void step_5_not_on_a_rst(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_rst(s, FWD, SEQ(90000)), NO_VERDICT);
}

static void step_5_not_on_the_first_packet(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_data(s, FWD, SEQ(70000), LEN(1)), NO_VERDICT);
}

static void step_5_next_of_zero_means_nothing_seen(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffffe, 5000);
	script_handshake(s);
	script_data(s, FWD, SEQ(0xffffffff), LEN(1)); /* next wraps to 0 */
	assert_verdicts(script_data(s, FWD, SEQ(500), LEN(10)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(511), LEN(10)), V(LOST_SEGMENT));
}

/* ---- Step 6 -------------------------------------------------------------- */

static void step_6_keep_alive(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, FWD, SEQ(1000)), V(KEEP_ALIVE));
	assert_verdicts(script_data(s, FWD, SEQ(1000), LEN(1)), V(KEEP_ALIVE));
	/* Two bytes are none; step 12 does not call them old either. */
	assert_verdicts(script_data(s, FWD, SEQ(1000), LEN(2)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, SEQ(1000)), NO_VERDICT); /* next is 1002 now */
}

static void step_6_not_on_fin_or_rst(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_rst(s, FWD, SEQ(1000)), NO_VERDICT);
	/* A FIN at 1000 ends at next, so it is old and not out of order. */
	assert_verdicts(script_fin(s, FWD, SEQ(1000)), V(RETRANSMISSION));
}

static void step_6_first_packet_at_the_end_of_the_numbers(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_ack(s, FWD, SEQ(0xffffffff)), V(KEEP_ALIVE)); /* next is 0 */
}

/* ---- Step 7 -------------------------------------------------------------- */

static void step_7_window_update(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, WIN(2000)), V(WINDOW_UPDATE));
	assert_verdicts(script_ack(s, REV, WIN(500)), V(WINDOW_UPDATE));
	assert_verdicts(script_ack(s, REV, WIN(0)), V(ZERO_WINDOW));
	assert_verdicts(script_ack(s, REV, WIN(500)), V(WINDOW_UPDATE));
}

static void step_7_not_with_data_a_new_ack_or_another_seq(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, REV, LEN(1), WIN(900)), NO_VERDICT);
	script_data(s, FWD, LEN(10));
	assert_verdicts(script_ack(s, REV, ACKS(1011), WIN(800)), NO_VERDICT);
	assert_verdicts(script_ack(s, REV, SEQ(5001), WIN(700)), V(KEEP_ALIVE));
	assert_verdicts(script_fin(s, REV, WIN(600)), NO_VERDICT);
}

/* ---- Step 8 -------------------------------------------------------------- */

static void step_8_window_full_with_the_window_of_a_syn_unscaled(void **state)
{
	struct tcp_script *s = *state;

	script_handshake_scaled(s, 3, 2);
	assert_verdicts(script_data(s, FWD, LEN(999)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, LEN(1)), V(WINDOW_FULL));
}

static void step_8_window_full_with_a_scaled_window(void **state)
{
	struct tcp_script *s = *state;

	script_handshake_scaled(s, 3, 2);
	script_ack(s, REV, WIN(250));
	assert_verdicts(script_data(s, FWD, LEN(250)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, LEN(750)), V(WINDOW_FULL));
}

static void step_8_window_full_without_scaling(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(300));
	assert_verdicts(script_data(s, FWD, LEN(300)), V(WINDOW_FULL));
	/* The same again: window_full goes together with the kinds of resends. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(300)),
			V(WINDOW_FULL) | V(RETRANSMISSION));
}

static void step_8_not_while_the_scale_is_unknown(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, REV, ACKS(1001), WIN(300));
	assert_verdicts(script_data(s, FWD, LEN(300)), NO_VERDICT);
}

static void step_8_not_on_a_fin(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_fin(s, FWD, LEN(1000)), NO_VERDICT);
}

static void step_8_wraps(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffff0, 5000);
	script_handshake(s);
	assert_verdicts(script_data(s, FWD, LEN(1000)), V(WINDOW_FULL));
}

static void step_8_uses_the_window_that_is_not_there_yet(void **state)
{
	struct tcp_script *s = *state;

	/* R.ack = 0, R.win = 0xffffffff, R.shift = -2 by the SYN without the option. */
	script_isn(s, 0xfffffff4, 5000);
	script_syn(s, FWD);
	assert_verdicts(script_data(s, FWD, SEQ(0xfffffff5), LEN(10)), V(WINDOW_FULL));
}

/* ---- Step 9 -------------------------------------------------------------- */

static void step_9_keep_alive_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, FWD, SEQ(1000)), V(KEEP_ALIVE));
	assert_verdicts(script_ack(s, REV), V(KEEP_ALIVE_ACK));
	assert_verdicts(script_ack(s, REV), V(KEEP_ALIVE_ACK));
	/* The dup counter was not touched: after data it starts at 1. */
	script_data(s, FWD, SEQ(1001), LEN(10));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 1);
	assert_int_equal(script_row(s)->side[1].verdicts[VERDICT_KEEP_ALIVE_ACK], 2);
}

static void step_9_other_window_after_a_keep_alive_is_an_update(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1000));
	assert_verdicts(script_ack(s, REV, WIN(900)), V(WINDOW_UPDATE));
}

static void step_9_zero_window_probe_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	script_data(s, FWD, SEQ(1001), LEN(1));
	assert_verdicts(script_ack(s, REV, ACKS(1001), WIN(0)),
			V(ZERO_WINDOW) | V(ZERO_WINDOW_PROBE_ACK));
	script_ack(s, FWD, SEQ(1001)); /* the probe is no longer FWD's last packet */
	assert_verdicts(script_ack(s, REV, ACKS(1001), WIN(0)), V(ZERO_WINDOW));
}

static void step_9_duplicate_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_ack(s, REV), NO_VERDICT);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_int_equal(script_side(s, REV)->dup, 3);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_ack(s, REV), NO_VERDICT); /* step 10: from 0 again */
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_int_equal(script_side(s, REV)->dup, 1);
	assert_int_equal(script_row(s)->side[1].verdicts[VERDICT_DUPLICATE_ACK], 4);
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 3);
	assert_int_equal(script_row(s)->side[0].duplicate_ack_max, 0);
}

static void step_9_duplicate_ack_needs_everything_equal(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV);
	assert_verdicts(script_ack(s, REV, WIN(900)), V(WINDOW_UPDATE));
	assert_verdicts(script_data(s, REV, LEN(1), WIN(900)), NO_VERDICT);
	assert_verdicts(script_ack(s, REV, SEQ(5003), WIN(900)), V(LOST_SEGMENT));
	assert_verdicts(script_fin(s, REV, SEQ(5003), WIN(900)), NO_VERDICT);
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 0);
}

static void step_9_duplicate_ack_after_the_special_mark_is_number_1(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, FWD, ACKS(6001)), V(ACK_LOST_SEGMENT)); /* marks REV.dup */
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 1);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 2);
}

/* ---- Step 10 ------------------------------------------------------------- */

static void step_10_ack_field_counts_without_the_flag(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	script_rst(s, REV); /* its ack field is 0 */
	assert_int_equal(script_side(s, REV)->dup, 0);
	assert_verdicts(script_ack(s, REV), NO_VERDICT);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
}

/* ---- Step 11 ------------------------------------------------------------- */

static void step_11_ack_lost_segment_then_muted(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, FWD, ACKS(6001)), V(ACK_LOST_SEGMENT));
	assert_verdicts(script_ack(s, FWD, ACKS(6002)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, ACKS(6003)), NO_VERDICT);
	/* REV's ack number changes: no longer muted. */
	script_data(s, FWD, LEN(10));
	script_ack(s, REV);
	assert_verdicts(script_ack(s, FWD, ACKS(6004)), V(ACK_LOST_SEGMENT));
}

static void step_11_next_ahead_of_contig(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, SEQ(5001), LEN(100));
	assert_verdicts(script_data(s, REV, SEQ(5201), LEN(100)), V(LOST_SEGMENT));
	assert_verdicts(script_ack(s, FWD, ACKS(5101)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, ACKS(5102)), V(ACK_LOST_SEGMENT));
	assert_int_equal(script_side(s, REV)->dup, 0); /* raised contig, no mark */
	assert_verdicts(script_ack(s, FWD, ACKS(5301)), NO_VERDICT);
}

static void step_11_needs_the_flag(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_segment(s, FWD, FLAGS(TCP_PSH), LEN(1), ACKS(6001)), NO_VERDICT);
}

static void step_11_needs_something_of_the_peer(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_ack(s, FWD, ACKS(6001)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, ACKS(7001)), NO_VERDICT);
}

static void step_11_together_with_others(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(10), ACKS(6001)),
			V(LOST_SEGMENT) | V(ACK_LOST_SEGMENT));
	script_ack(s, REV, ACKS(1111)); /* clears the mark; FWD.contig is raised to 1111 */
	assert_verdicts(script_ack(s, FWD, ACKS(6001)), V(DUPLICATE_ACK) | V(ACK_LOST_SEGMENT));
	script_data(s, REV, LEN(1), ACKS(1110));
	assert_verdicts(script_ack(s, FWD, SEQ(1110), ACKS(6001)),
			V(KEEP_ALIVE) | V(ACK_LOST_SEGMENT));
}

/* ---- Step 12 ------------------------------------------------------------- */

static void step_12a_spurious_retransmission(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(SPURIOUS_RETRANSMISSION));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(101)), V(RETRANSMISSION));
}

static void step_12a_does_not_need_old(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, ACKS(2001)), V(ACK_LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(SPURIOUS_RETRANSMISSION));
}

static void step_12a_not_while_the_peer_acked_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(0xf0000000), LEN(10)); /* below 0 */
	assert_verdicts(script_data(s, FWD, SEQ(0xf000000a), LEN(10)), NO_VERDICT);
}

/* Five segments of 100 bytes, the first acked, then dup ACKs; the last at 10 ms. */
static void send_and_ask_again(struct tcp_script *s, int nb_dups)
{
	script_handshake(s);
	for (int i = 0; i < 5; i++)
		script_data(s, FWD, LEN(100), AT_US(3000));
	script_ack(s, REV, ACKS(1101), AT_US(10000));
	for (int i = 0; i < nb_dups; i++)
		assert_verdicts(script_ack(s, REV, ACKS(1101), AT_US(10000)), V(DUPLICATE_ACK));
}

static void step_12c_fast_retransmission(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 2);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_NS(29999999)),
			V(FAST_RETRANSMISSION));
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_US(10000)),
			V(FAST_RETRANSMISSION));
}

static void step_12c_at_20_ms_it_is_too_late(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 2);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_US(30000)), V(RETRANSMISSION));
}

static void step_12c_not_before_the_request(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 2);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_NS(9999999)),
			V(RETRANSMISSION));
}

static void step_12c_one_duplicate_is_too_few(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 1);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_US(11000)), V(RETRANSMISSION));
}

static void step_12c_only_the_segment_asked_for(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 2);
	assert_verdicts(script_data(s, FWD, SEQ(1201), LEN(100), AT_US(11000)), V(RETRANSMISSION));
}

static void step_12c_the_special_mark_counts(void **state)
{
	struct tcp_script *s = *state;

	send_and_ask_again(s, 0);
	assert_verdicts(script_ack(s, FWD, ACKS(6001)), V(ACK_LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(FAST_RETRANSMISSION));
}

static void step_12c_comes_before_out_of_order(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(FAST_RETRANSMISSION));
}

static void step_12d_out_of_order_within_the_initial_rtt(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(50), AFTER_NS(0)), V(OUT_OF_ORDER));
	assert_verdicts(script_data(s, FWD, SEQ(1051), LEN(50), AFTER_NS(1999999)),
			V(OUT_OF_ORDER));
}

static void step_12d_at_the_initial_rtt_it_is_too_late(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(2000000)),
			V(RETRANSMISSION));
}

static void step_12d_3_ms_without_an_initial_rtt(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(100));
	script_data(s, FWD, SEQ(1201), LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(50), AFTER_NS(2999999)),
			V(OUT_OF_ORDER));
	assert_verdicts(script_data(s, FWD, SEQ(1151), LEN(50), AFTER_NS(1)), V(RETRANSMISSION));
}

static void step_12d_not_what_ends_at_next(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(0)), V(RETRANSMISSION));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(99), AFTER_NS(0)), V(OUT_OF_ORDER));
	assert_verdicts(script_fin(s, FWD, SEQ(1001), LEN(99), AFTER_NS(0)), V(RETRANSMISSION));
}

static void step_12d_age_is_counted_from_the_packet_that_set_next(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(10), AFTER_NS(1500000));
	assert_verdicts(script_data(s, FWD, SEQ(1011), LEN(10), AFTER_NS(500000)),
			V(RETRANSMISSION));
}

static void step_12d_not_before_it(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(-1)), V(RETRANSMISSION));
}

static void step_12d_negative_initial_rtt_lets_every_age_pass(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(10000));
	script_syn_ack(s, REV, AT_US(10000));
	script_ack(s, FWD, AT_US(9000)); /* initial RTT: -1 ms */
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(20000));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(10), AT_US(900000000)), V(OUT_OF_ORDER));
	/* Both negative: the wrapped values compare, -2 ms < -1 ms <= -1 ms. */
	assert_verdicts(script_data(s, FWD, SEQ(1011), LEN(10), AT_US(18000)), V(OUT_OF_ORDER));
	assert_verdicts(script_data(s, FWD, SEQ(1021), LEN(10), AT_US(19000)), V(RETRANSMISSION));
}

static void step_12d_packet_that_sets_the_initial_rtt_uses_3_ms(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(200), AT_US(0));
	script_syn_ack(s, REV, ACKS(1001), AT_US(1000));
	/* 2.5 ms old: the initial RTT will be 2.5 ms, but 3 ms count. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AT_US(2500)), V(OUT_OF_ORDER));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(50), AT_US(2500)), V(RETRANSMISSION));
}

static void step_12e_retransmission(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(200000)),
			V(RETRANSMISSION));
	assert_int_equal(script_row(s)->side[0].verdicts[VERDICT_RETRANSMISSION], 1);
	assert_int_equal(script_row(s)->first_anomaly_frame, 6);
	assert_int_equal(script_row(s)->last_anomaly_frame, 6);
}

static void step_12e_syn_and_fin_again(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_verdicts(script_syn(s, FWD), V(RETRANSMISSION));
	script_syn_ack(s, REV);
	assert_verdicts(script_syn_ack(s, REV), V(RETRANSMISSION));
	script_fin(s, FWD, SEQ(1001));
	assert_verdicts(script_fin(s, FWD, SEQ(1001)), V(RETRANSMISSION));
}

static void step_12_not_on_a_bare_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_ack(s, FWD, SEQ(1001)), NO_VERDICT);
	assert_verdicts(script_rst(s, FWD, SEQ(1001)), NO_VERDICT);
}

static void step_12_not_on_a_keep_alive(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV);
	/* Acked already, and old: neither spurious nor a retransmission. */
	assert_verdicts(script_data(s, FWD, SEQ(1100), LEN(1)), V(KEEP_ALIVE));
}

static void step_12_one_byte_back_with_more_is_not_old(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1100), LEN(2)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(1100), LEN(2)), V(RETRANSMISSION));
}

/* ---- Steps 13 to 16 ------------------------------------------------------ */

static void step_13_syn_and_fin_take_one_number_together(void **state)
{
	struct tcp_script *s = *state;

	script_segment(s, FWD, FLAGS(TCP_SYN | TCP_FIN));
	assert_int_equal(script_side(s, FWD)->next, 1001);
}

static void step_14_fin_moves_next(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(9));
	assert_verdicts(script_data(s, FWD, SEQ(1011), LEN(1)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, SEQ(1013)), V(LOST_SEGMENT));
}

static void step_15_a_hole_filled_at_its_start_jumps(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1201), LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(0)); /* contig is 1301 */
	assert_verdicts(script_ack(s, REV, ACKS(1301)), NO_VERDICT);
}

static void step_15_a_hole_filled_elsewhere_stays(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001), LEN(100));
	script_data(s, FWD, SEQ(1201), LEN(100));
	script_data(s, FWD, SEQ(1051), LEN(150), AFTER_NS(0)); /* contig is 1101 */
	assert_verdicts(script_ack(s, REV, ACKS(1301)), V(ACK_LOST_SEGMENT));
}

static void step_16_a_rst_without_ack_sets_the_ack_to_zero(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV);
	script_rst(s, REV);
	assert_int_equal(script_side(s, REV)->ack, 0);
	/* R.ack == 0: nothing is spurious. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(RETRANSMISSION));
}

static void step_16_only_the_last_packet_is_a_keep_alive(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1000));
	script_data(s, FWD, SEQ(1001), LEN(1));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
}

/* ---- Wraps --------------------------------------------------------------- */

static void retransmission_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffff0, 0xffffffff);
	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(0xfffffff1), LEN(100)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(0xfffffff1), LEN(100)), V(RETRANSMISSION));
	assert_verdicts(script_data(s, FWD, SEQ(0x55), LEN(100)), NO_VERDICT);
	assert_verdicts(script_ack(s, REV, ACKS(0x55)), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(0xfffffff1), LEN(100)), V(SPURIOUS_RETRANSMISSION));
	assert_int_equal(script_row(s)->side[0].bytes, 200);
}

static void loss_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffff0, 5000);
	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(10), LEN(10)), V(LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(0xfffffff1), LEN(25)), V(OUT_OF_ORDER));
	assert_verdicts(script_ack(s, REV, ACKS(21)), V(ACK_LOST_SEGMENT));
}

static void keep_alive_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffffe, 5000);
	script_handshake(s);
	script_data(s, FWD, SEQ(0xffffffff), LEN(2)); /* next is 1 */
	assert_verdicts(script_ack(s, FWD, SEQ(0)), V(KEEP_ALIVE));
}

/* ---- What is not shown --------------------------------------------------- */

static void a_cut_header_hides_its_verdicts_but_counts(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), TS(1, 1), CUT_AT(24)),
			NO_VERDICT); /* a lost segment */
	assert_int_equal(script_row(s)->side[0].verdicts[VERDICT_LOST_SEGMENT], 0);
	assert_int_equal(script_row(s)->first_anomaly_frame, RECORD_NULL_64);
	assert_int_equal(script_row(s)->truncated, 1);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(RETRANSMISSION));
}

static void hidden_duplicate_acks_have_no_number(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, TS(1, 1), CUT_AT(20)), NO_VERDICT);
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 0);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
	assert_int_equal(script_row(s)->side[1].duplicate_ack_max, 2);
}

static void sixteen_bytes_show_fast_open_only(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, FAST_OPEN(10), LEN(100)), V(TFO_SYN));
	assert_verdicts(script_syn_ack(s, REV, ACKS(1101), MSS(1400), CUT_AT(16)), V(TFO_ACK));
	assert_int_equal(script_row(s)->side[1].mss, RECORD_NULL_32);
}

static void a_cut_header_gives_the_options_before_the_cut(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, MSS(1460), WSCALE(7), CUT_AT(26)); /* MSS is whole, the scale is not */
	assert_int_equal(script_row(s)->side[0].mss, 1460);
	assert_int_equal(script_row(s)->side[0].wscale, RECORD_NULL_8);
	assert_int_equal(script_side(s, FWD)->shift, -1); /* step 23 did not run */
}

static void a_bad_offset_hides_its_verdicts_but_counts(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), BAD_OFFSET), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100)), V(RETRANSMISSION));
}

static void a_sack_option_without_a_block_hides_verdicts(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, OPTIONS("\5\2\1\1")), NO_VERDICT);
	assert_int_equal(script_row(s)->side[1].verdicts[VERDICT_DUPLICATE_ACK], 0);
	assert_verdicts(script_ack(s, REV, SACK(1200, 1300)), V(DUPLICATE_ACK));
	assert_int_equal(script_side(s, REV)->dup, 2);
}

static void a_short_segment_is_not_analysed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(9000), LEN(100), WIN(0), SHORT), NO_VERDICT);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), NO_VERDICT);
	assert_int_equal(script_row(s)->side[0].pkts, 4);
}

/* ---- Combinations -------------------------------------------------------- */

static int nb_of(uint32_t verdicts, uint32_t of)
{
	return __builtin_popcount(verdicts & of);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Whatever comes, some verdicts exclude each other (spec section 4). */
static void exclusive_verdicts_never_meet(void **state)
{
	static const uint8_t flags[] = {TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN,
					TCP_RST, 0,       TCP_SYN | TCP_ACK};
	const uint32_t resends = V(RETRANSMISSION) | V(FAST_RETRANSMISSION) |
				 V(SPURIOUS_RETRANSMISSION) | V(OUT_OF_ORDER);
	const uint32_t step_9 =
		V(KEEP_ALIVE_ACK) | V(ZERO_WINDOW_PROBE_ACK) | V(DUPLICATE_ACK) | V(WINDOW_UPDATE);
	const uint32_t steps_4_to_9 =
		step_9 | V(ZERO_WINDOW) | V(LOST_SEGMENT) | V(KEEP_ALIVE) | V(WINDOW_FULL);
	struct tcp_script *s = *state;
	uint64_t random = 1;
	uint32_t seen = 0;

	script_isn(s, 0xfffffff0, 0xffffff00);
	script_handshake(s);
	for (int i = 0; i < 200000; i++) {
		const enum script_direction d = next_random(&random) % 2 ? FWD : REV;
		const uint32_t next = script_side(s, d)->next;
		const uint32_t ack = script_side(s, d == FWD ? REV : FWD)->next;
		const uint32_t v =
			script_segment(s, d, FLAGS(flags[next_random(&random) % sizeof(flags)]),
				       SEQ(next + 1 - next_random(&random) % 5),
				       ACKS(ack + 1 - next_random(&random) % 3),
				       LEN(next_random(&random) % 3),
				       WIN((uint16_t)(next_random(&random) % 3)),
				       AFTER_US((int)(next_random(&random) % 5000) - 1000))
				.verdicts;

		seen |= v;
		assert_true(nb_of(v, resends) <= 1);
		assert_true(nb_of(v, step_9) <= 1);
		if (v & V(KEEP_ALIVE))
			assert_int_equal(nb_of(v, resends | step_9), 0);
		if (v & V(ZERO_WINDOW_PROBE))
			assert_int_equal(nb_of(v, steps_4_to_9), 0);
		if (v & V(LOST_SEGMENT))
			assert_int_equal(nb_of(v, step_9 | V(KEEP_ALIVE)), 0);
	}
	/* The walk came by everything. */
	assert_int_equal(seen & ((1u << NB_COUNTED_VERDICTS) - 1), (1u << NB_COUNTED_VERDICTS) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(an_ordinary_conversation_gets_no_verdict),
		SCRIPT_TEST(step_3_zero_window_probe),
		SCRIPT_TEST(step_3_needs_a_zero_window_of_the_peer),
		SCRIPT_TEST(step_3_any_flags),
		SCRIPT_TEST(step_3_first_packet_with_seq_0),
		SCRIPT_TEST(step_3_probe_of_a_byte_that_was_acked_is_spurious_too),
		SCRIPT_TEST(step_3_skips_steps_4_to_9),
		SCRIPT_TEST(step_4_zero_window),
		SCRIPT_TEST(step_4_not_on_a_syn),
		SCRIPT_TEST(step_5_lost_segment),
		SCRIPT_TEST(step_5_not_on_a_rst),
		SCRIPT_TEST(step_5_not_on_the_first_packet),
		SCRIPT_TEST(step_5_next_of_zero_means_nothing_seen),
		SCRIPT_TEST(step_6_keep_alive),
		SCRIPT_TEST(step_6_not_on_fin_or_rst),
		SCRIPT_TEST(step_6_first_packet_at_the_end_of_the_numbers),
		SCRIPT_TEST(step_7_window_update),
		SCRIPT_TEST(step_7_not_with_data_a_new_ack_or_another_seq),
		SCRIPT_TEST(step_8_window_full_with_the_window_of_a_syn_unscaled),
		SCRIPT_TEST(step_8_window_full_with_a_scaled_window),
		SCRIPT_TEST(step_8_window_full_without_scaling),
		SCRIPT_TEST(step_8_not_while_the_scale_is_unknown),
		SCRIPT_TEST(step_8_not_on_a_fin),
		SCRIPT_TEST(step_8_wraps),
		SCRIPT_TEST(step_8_uses_the_window_that_is_not_there_yet),
		SCRIPT_TEST(step_9_keep_alive_ack),
		SCRIPT_TEST(step_9_other_window_after_a_keep_alive_is_an_update),
		SCRIPT_TEST(step_9_zero_window_probe_ack),
		SCRIPT_TEST(step_9_duplicate_ack),
		SCRIPT_TEST(step_9_duplicate_ack_needs_everything_equal),
		SCRIPT_TEST(step_9_duplicate_ack_after_the_special_mark_is_number_1),
		SCRIPT_TEST(step_10_ack_field_counts_without_the_flag),
		SCRIPT_TEST(step_11_ack_lost_segment_then_muted),
		SCRIPT_TEST(step_11_next_ahead_of_contig),
		SCRIPT_TEST(step_11_needs_the_flag),
		SCRIPT_TEST(step_11_needs_something_of_the_peer),
		SCRIPT_TEST(step_11_together_with_others),
		SCRIPT_TEST(step_12a_spurious_retransmission),
		SCRIPT_TEST(step_12a_does_not_need_old),
		SCRIPT_TEST(step_12a_not_while_the_peer_acked_nothing),
		SCRIPT_TEST(step_12c_fast_retransmission),
		SCRIPT_TEST(step_12c_at_20_ms_it_is_too_late),
		SCRIPT_TEST(step_12c_not_before_the_request),
		SCRIPT_TEST(step_12c_one_duplicate_is_too_few),
		SCRIPT_TEST(step_12c_only_the_segment_asked_for),
		SCRIPT_TEST(step_12c_the_special_mark_counts),
		SCRIPT_TEST(step_12c_comes_before_out_of_order),
		SCRIPT_TEST(step_12d_out_of_order_within_the_initial_rtt),
		SCRIPT_TEST(step_12d_at_the_initial_rtt_it_is_too_late),
		SCRIPT_TEST(step_12d_3_ms_without_an_initial_rtt),
		SCRIPT_TEST(step_12d_not_what_ends_at_next),
		SCRIPT_TEST(step_12d_age_is_counted_from_the_packet_that_set_next),
		SCRIPT_TEST(step_12d_not_before_it),
		SCRIPT_TEST(step_12d_negative_initial_rtt_lets_every_age_pass),
		SCRIPT_TEST(step_12d_packet_that_sets_the_initial_rtt_uses_3_ms),
		SCRIPT_TEST(step_12e_retransmission),
		SCRIPT_TEST(step_12e_syn_and_fin_again),
		SCRIPT_TEST(step_12_not_on_a_bare_ack),
		SCRIPT_TEST(step_12_not_on_a_keep_alive),
		SCRIPT_TEST(step_12_one_byte_back_with_more_is_not_old),
		SCRIPT_TEST(step_13_syn_and_fin_take_one_number_together),
		SCRIPT_TEST(step_14_fin_moves_next),
		SCRIPT_TEST(step_15_a_hole_filled_at_its_start_jumps),
		SCRIPT_TEST(step_15_a_hole_filled_elsewhere_stays),
		SCRIPT_TEST(step_16_a_rst_without_ack_sets_the_ack_to_zero),
		SCRIPT_TEST(step_16_only_the_last_packet_is_a_keep_alive),
		SCRIPT_TEST(retransmission_across_the_wrap),
		SCRIPT_TEST(loss_across_the_wrap),
		SCRIPT_TEST(keep_alive_across_the_wrap),
		SCRIPT_TEST(a_cut_header_hides_its_verdicts_but_counts),
		SCRIPT_TEST(hidden_duplicate_acks_have_no_number),
		SCRIPT_TEST(sixteen_bytes_show_fast_open_only),
		SCRIPT_TEST(a_cut_header_gives_the_options_before_the_cut),
		SCRIPT_TEST(a_bad_offset_hides_its_verdicts_but_counts),
		SCRIPT_TEST(a_sack_option_without_a_block_hides_verdicts),
		SCRIPT_TEST(a_short_segment_is_not_analysed),
		SCRIPT_TEST(exclusive_verdicts_never_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
