/* SPDX-License-Identifier: BSD-3-Clause */

/* Round trips, waits, windows and the time to the first byte (definitions 7). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

/* ---- 7.1: round trips ------------------------------------------------------ */

static void assert_rtt(struct tcp_script *s, int32_t samples, int64_t min, int64_t mean,
		       int64_t max)
{
	const struct flow_record_side *side = &script_row(s)->side[0];

	assert_int_equal(side->rtt_samples, samples);
	assert_int_equal(side->rtt_min_ns, min);
	assert_int_equal(side->rtt_mean_ns, mean);
	assert_int_equal(side->rtt_max_ns, max);
}

static void assert_no_rtt(struct tcp_script *s)
{
	assert_rtt(s, 0, RECORD_NULL_64, RECORD_NULL_64, RECORD_NULL_64);
}

static void round_trip_of_a_segment(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_no_rtt(s); /* handshake packets give no sample */
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_ack(s, REV, ACKS(1100), AT_US(20000)); /* one byte short */
	assert_no_rtt(s);
	script_ack(s, REV, AT_US(35000));
	assert_rtt(s, 1, 25 * SCRIPT_MS, 25 * SCRIPT_MS, 25 * SCRIPT_MS);
	script_ack(s, REV, AT_US(45000)); /* the first one counts */
	assert_int_equal(script_row(s)->side[0].rtt_samples, 1);
	assert_int_equal(script_row(s)->side[1].rtt_samples, 0);
}

/* Stamps of a capture may lie anywhere: three round trips of 136 years each do not add up. */
static void the_sum_stays_at_its_end(void **state)
{
	struct tcp_script *s = *state;
	const int64_t wait_ns = INT64_C(4294967295) * 1000000000;

	script_handshake(s);
	for (int i = 0; i < 3; i++) {
		script_data(s, FWD, LEN(10), AT_NS((i + 1) * INT64_C(10000000)));
		script_ack(s, REV, AT_NS((i + 1) * INT64_C(10000000) + wait_ns));
	}
	assert_int_equal(script_row(s)->side[0].rtt_samples, 3);
	assert_int_equal(script_row(s)->side[0].rtt_max_ns, wait_ns);
	assert_int_equal(script_row(s)->side[0].rtt_mean_ns, INT64_MAX / 3);
}

static void mean_is_rounded_down(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1), AFTER_NS(0));
	script_ack(s, REV, AFTER_NS(8));
	script_data(s, FWD, LEN(1), AFTER_NS(0));
	script_ack(s, REV, AFTER_NS(3));
	script_data(s, FWD, LEN(1), AFTER_NS(0));
	script_ack(s, REV, AFTER_NS(3));
	assert_rtt(s, 3, 3, 4, 8); /* 14 / 3 */
}

static void a_round_trip_of_zero_is_a_sample(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1));
	script_ack(s, REV, AFTER_NS(0));
	assert_rtt(s, 1, 0, 0, 0);
}

static void one_segment_is_timed_at_a_time(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_data(s, FWD, LEN(100), AT_US(15000));
	script_ack(s, REV, AT_US(30000)); /* of both */
	assert_rtt(s, 1, 20 * SCRIPT_MS, 20 * SCRIPT_MS, 20 * SCRIPT_MS);
	script_data(s, FWD, LEN(100), AT_US(31000));
	script_ack(s, REV, AT_US(41000));
	assert_rtt(s, 2, 10 * SCRIPT_MS, 15 * SCRIPT_MS, 20 * SCRIPT_MS);
}

static void any_packet_with_ack_ends_it(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_segment(s, REV, FLAGS(TCP_PSH), ACKS(1101), LEN(1), AT_US(11000)); /* no ACK */
	assert_no_rtt(s);
	script_data(s, REV, LEN(10), ACKS(1101), AT_US(12000));
	assert_int_equal(script_row(s)->side[0].rtt_min_ns, 2 * SCRIPT_MS);
}

static void a_negative_round_trip_is_dropped(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_ack(s, REV, AT_US(9000));
	script_ack(s, REV, AT_US(20000)); /* the timing was over */
	assert_no_rtt(s);
}

static void a_resend_cancels(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	script_ack(s, REV, AFTER_US(1000));
	assert_no_rtt(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, AFTER_US(5000));
	assert_rtt(s, 1, 5 * SCRIPT_MS, 5 * SCRIPT_MS, 5 * SCRIPT_MS);
}

static void a_resend_of_anything_below_cancels(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100)); /* timed */
	script_ack(s, REV);
	script_data(s, FWD, LEN(100)); /* timed next */
	script_data(s, FWD, SEQ(1001), LEN(1));
	script_ack(s, REV);
	assert_int_equal(script_row(s)->side[0].rtt_samples, 1);
}

static void a_resend_of_one_byte_cancels_too(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1), AT_US(10000));
	/* The spec calls it a keep-alive; for Karn the byte was sent twice. */
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1), AT_US(300000)), V(KEEP_ALIVE));
	script_ack(s, REV, AT_US(301000));
	assert_no_rtt(s);
}

static void a_keep_alive_without_data_does_not_cancel(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_ack(s, FWD, SEQ(1100), AT_US(11000));
	script_ack(s, REV, AT_US(12000));
	assert_int_equal(script_row(s)->side[0].rtt_min_ns, 2 * SCRIPT_MS);
}

static void filling_a_hole_below_cancels(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100)); /* opens a hole: not timed */
	script_data(s, FWD, SEQ(1201), LEN(100)); /* timed */
	script_data(s, FWD, SEQ(1001), LEN(100));
	script_ack(s, REV);
	assert_no_rtt(s);
}

static void a_segment_that_opens_a_hole_is_not_timed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	script_ack(s, REV, ACKS(1201));
	assert_no_rtt(s);
}

static void a_segment_that_is_partly_old_is_not_timed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, AFTER_US(4000));
	script_data(s, FWD, SEQ(1051), LEN(100));
	script_ack(s, REV, ACKS(1151));
	assert_rtt(s, 1, 4 * SCRIPT_MS, 4 * SCRIPT_MS, 4 * SCRIPT_MS);
}

static void an_ack_above_hi_cancels(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1102));
	assert_no_rtt(s);
}

static void data_on_a_syn_is_not_timed(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(10));
	script_syn_ack(s, REV);
	assert_no_rtt(s);
}

static void midstream_data_is_timed(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(10));
	script_ack(s, REV, AFTER_US(70));
	assert_rtt(s, 1, 70 * SCRIPT_US, 70 * SCRIPT_US, 70 * SCRIPT_US);
}

static void round_trip_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffff0, 5000);
	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(0xfffffff9));
	assert_no_rtt(s);
	script_ack(s, REV, AFTER_US(1000));
	assert_rtt(s, 1, 2 * SCRIPT_MS, 2 * SCRIPT_MS, 2 * SCRIPT_MS);
}

static void a_new_base_cancels(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, FWD); /* so that FWD is resp */
	script_data(s, FWD, LEN(100));
	script_syn_ack(s, FWD, SEQ(9000));
	script_ack(s, REV, ACKS(9001)); /* of the new SYN, not of the old data */
	assert_int_equal(script_row(s)->side[1].rtt_samples, 0);
}

/* ---- 7.2: waits before resends --------------------------------------------- */

#define assert_rto_max(s, ns) assert_int_equal(script_row(s)->side[0].rto_max_ns, (ns))

static void silence_before_repeated_syns(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn(s, FWD, AT_US(1000000));
	assert_rto_max(s, 1000 * SCRIPT_MS);
	script_syn(s, FWD, AT_US(3000000));
	assert_rto_max(s, 2000 * SCRIPT_MS);
	script_syn(s, FWD, AT_US(3500000));
	assert_rto_max(s, 2000 * SCRIPT_MS);
}

static void silence_counts_from_data_syn_and_fin(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), AT_US(10000));
	script_ack(s, FWD, AT_US(100000)); /* no data: silent */
	script_data(s, FWD, SEQ(1001), LEN(100), AT_US(300000));
	assert_rto_max(s, 290 * SCRIPT_MS);
	script_fin(s, FWD, SEQ(1101), AT_US(800000));
	script_fin(s, FWD, SEQ(1101), AT_US(900000));
	assert_rto_max(s, 290 * SCRIPT_MS);
	assert_int_equal(script_row(s)->side[1].rto_max_ns, RECORD_NULL_64);
}

static void silence_before_other_verdicts_does_not_count(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(500000)),
			V(SPURIOUS_RETRANSMISSION));
	script_data(s, FWD, LEN(100), AFTER_US(500000));
	assert_rto_max(s, RECORD_NULL_64);
}

static void a_capture_dup_does_not_break_the_silence(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(777), AT_US(10000));
	script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(777), AT_US(15000));
	script_data(s, FWD, SEQ(1001), LEN(100), AT_US(215000));
	assert_rto_max(s, 205 * SCRIPT_MS);
}

/* ---- 7.3: windows ---------------------------------------------------------- */

#define assert_win_max(s, d, n) assert_int_equal(script_row(s)->side[d].win_max, (n))

static void win_max_is_null_while_the_scale_is_unknown(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1), WIN(65535));
	assert_win_max(s, FWD, RECORD_NULL_64);
}

static void win_max_of_a_syn_is_unscaled(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WIN(64240), WSCALE(7));
	script_syn_ack(s, REV, WIN(65535), WSCALE(3));
	assert_win_max(s, FWD, 64240);
	assert_win_max(s, REV, 65535);
	script_ack(s, FWD, WIN(501)); /* 501 << 7 = 64128 */
	assert_win_max(s, FWD, 64240);
	script_ack(s, FWD, WIN(502));
	assert_win_max(s, FWD, 64256);
	script_ack(s, FWD, WIN(0));
	assert_win_max(s, FWD, 64256);
}

static void win_max_of_the_same_number_scaled(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WIN(1000), WSCALE(14));
	script_syn_ack(s, REV, WIN(1000), WSCALE(1));
	script_ack(s, FWD, WIN(1000));
	assert_win_max(s, FWD, 1000 << 14);
	script_ack(s, REV, WIN(1000));
	assert_win_max(s, REV, 2000);
}

static void win_max_without_scaling_is_raw(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WIN(100), WSCALE(7));
	script_syn_ack(s, REV, WIN(200));
	script_ack(s, FWD, WIN(300));
	script_ack(s, REV, WIN(400));
	assert_win_max(s, FWD, 300);
	assert_win_max(s, REV, 400);
}

static void win_max_of_the_side_whose_syn_ack_was_not_captured(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(7));
	script_ack(s, REV, WIN(500));
	assert_win_max(s, REV, RECORD_NULL_64);
}

/* ---- Time to first byte ----------------------------------------------------- */

static void ttfb_from_first_payload_to_first_payload(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1), AT_US(10000));
	script_data(s, FWD, LEN(1), AT_US(20000));
	script_ack(s, REV, AT_US(25000));
	assert_int_equal(script_row(s)->ttfb_ns, RECORD_NULL_64);
	script_data(s, REV, LEN(1), AT_US(60000));
	script_data(s, REV, LEN(1), AT_US(70000));
	assert_int_equal(script_row(s)->ttfb_ns, 50 * SCRIPT_MS);
}

static void ttfb_is_null_without_a_request(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(1));
	assert_int_equal(script_row(s)->ttfb_ns, RECORD_NULL_64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(round_trip_of_a_segment),
		SCRIPT_TEST(mean_is_rounded_down),
		SCRIPT_TEST(the_sum_stays_at_its_end),
		SCRIPT_TEST(a_round_trip_of_zero_is_a_sample),
		SCRIPT_TEST(one_segment_is_timed_at_a_time),
		SCRIPT_TEST(any_packet_with_ack_ends_it),
		SCRIPT_TEST(a_negative_round_trip_is_dropped),
		SCRIPT_TEST(a_resend_cancels),
		SCRIPT_TEST(a_resend_of_anything_below_cancels),
		SCRIPT_TEST(a_resend_of_one_byte_cancels_too),
		SCRIPT_TEST(a_keep_alive_without_data_does_not_cancel),
		SCRIPT_TEST(filling_a_hole_below_cancels),
		SCRIPT_TEST(a_segment_that_opens_a_hole_is_not_timed),
		SCRIPT_TEST(a_segment_that_is_partly_old_is_not_timed),
		SCRIPT_TEST(an_ack_above_hi_cancels),
		SCRIPT_TEST(data_on_a_syn_is_not_timed),
		SCRIPT_TEST(midstream_data_is_timed),
		SCRIPT_TEST(round_trip_across_the_wrap),
		SCRIPT_TEST(a_new_base_cancels),
		SCRIPT_TEST(silence_before_repeated_syns),
		SCRIPT_TEST(silence_counts_from_data_syn_and_fin),
		SCRIPT_TEST(silence_before_other_verdicts_does_not_count),
		SCRIPT_TEST(a_capture_dup_does_not_break_the_silence),
		SCRIPT_TEST(win_max_is_null_while_the_scale_is_unknown),
		SCRIPT_TEST(win_max_of_a_syn_is_unscaled),
		SCRIPT_TEST(win_max_of_the_same_number_scaled),
		SCRIPT_TEST(win_max_without_scaling_is_raw),
		SCRIPT_TEST(win_max_of_the_side_whose_syn_ack_was_not_captured),
		SCRIPT_TEST(ttfb_from_first_payload_to_first_payload),
		SCRIPT_TEST(ttfb_is_null_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
