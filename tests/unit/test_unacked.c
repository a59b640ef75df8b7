/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the list of unacknowledged segments tells: rto, acks_frame, ack_rtt (spec
 * section 3, steps 12e, 13 and 17). Bytes in flight: test_unacked_flight.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

/* frame: 0 = no segment was acknowledged exactly; rtt of 0 = not shown. */
#define assert_acks(s, frame, rtt_ns_)                                                             \
	do {                                                                                       \
		const struct tcp_note *n_ = script_note(s);                                        \
		assert_int_equal(n_->acks_frame, (frame));                                         \
		assert_int_equal(n_->ack_rtt_ns, (rtt_ns_));                                       \
		assert_int_equal((n_->bits & NOTE_HAS_ACK_RTT) != 0, (rtt_ns_) != 0);              \
	} while (0)

#define assert_rto(s, ns, frame)                                                                   \
	do {                                                                                       \
		const struct tcp_note *n_ = script_note(s);                                        \
		assert_int_equal(n_->rto_ns, (ns));                                                \
		assert_int_equal((n_->bits & NOTE_HAS_RTO) != 0, (ns) != 0);                       \
		assert_int_equal(n_->rto_frame, (frame));                                          \
	} while (0)

#define assert_in_flight(s, in_flight, push)                                                       \
	do {                                                                                       \
		assert_int_equal(script_note(s)->bytes_in_flight, (in_flight));                    \
		assert_int_equal(script_note(s)->push_bytes, (push));                              \
	} while (0)

#define assert_record(s, has) assert_int_equal((script_note(s)->bits & NOTE_RECORD) != 0, (has))

/* Frames 1 to 3 are the handshake at 0, 1, 2 ms; 4 and 5: 100 bytes each at 3 and 4 ms. */
static void send_two(struct tcp_script *s)
{
	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, LEN(100));
}

/* ---- step 12e: rto -------------------------------------------------------- */

static void rto_is_counted_from_the_oldest_unacked_segment(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AT_US(300000)), V(RETRANSMISSION));
	assert_rto(s, 297 * SCRIPT_MS, 4);
	assert_record(s, true);
}

static void rto_of_a_repeated_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_verdicts(script_syn(s, FWD, SEQ(1000), AT_US(1000000)), V(RETRANSMISSION));
	assert_rto(s, 1000 * SCRIPT_MS, 1);
}

static void a_segment_that_is_partly_acked_stays_the_oldest(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1051));
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(300000));
	assert_rto(s, 297 * SCRIPT_MS, 4);
	script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(600000));
	assert_rto(s, 596 * SCRIPT_MS, 5);
}

/* All is acknowledged, then an older ACK comes late: the resend is not spurious. */
static void rto_with_an_empty_list_is_counted_from_next(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1201));
	script_ack(s, REV, ACKS(1001));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AT_US(50000)), V(RETRANSMISSION));
	assert_rto(s, 46 * SCRIPT_MS, 5);
}

/* Nor is its frame: tshark 4.0.17 was asked. */
static void rto_of_zero_is_not_shown(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(0)), V(RETRANSMISSION));
	assert_rto(s, 0, 0);
}

static void rto_may_be_negative(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(-500)),
			V(RETRANSMISSION));
	assert_rto(s, -500 * SCRIPT_US, 4);
}

static void no_rto_with_other_verdicts(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(OUT_OF_ORDER));
	assert_rto(s, 0, 0);
	script_ack(s, REV, ACKS(1201));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100)), V(SPURIOUS_RETRANSMISSION));
	assert_rto(s, 0, 0);
}

/* ---- step 17: acked segments ---------------------------------------------- */

static void an_ack_names_the_segment_that_ends_there(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_record(s, false);
	script_syn_ack(s, REV);
	assert_acks(s, 1, SCRIPT_MS);
	assert_record(s, true);
	script_ack(s, FWD);
	assert_acks(s, 2, SCRIPT_MS);
	script_data(s, FWD, LEN(100));
	assert_acks(s, 0, 0);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1101), AT_US(10000));
	assert_acks(s, 4, 7 * SCRIPT_MS);
	assert_record(s, true);
	script_ack(s, REV, ACKS(1201), AT_US(12000));
	assert_acks(s, 5, 8 * SCRIPT_MS);
}

static void an_ack_in_the_middle_of_a_segment_names_none(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1151));
	assert_acks(s, 0, 0);
	assert_record(s, false);
	script_ack(s, REV, ACKS(1201), AT_US(14000));
	assert_acks(s, 5, 10 * SCRIPT_MS);
}

static void an_ack_deletes_what_lies_below_it(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1201));
	assert_acks(s, 5, SCRIPT_MS);
	script_ack(s, REV, ACKS(1101));
	assert_acks(s, 0, 0);
}

static void an_ack_below_keeps_what_lies_above(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1001));
	assert_acks(s, 0, 0);
	script_ack(s, REV, ACKS(1101), AT_US(6000));
	assert_acks(s, 4, 3 * SCRIPT_MS);
}

static void the_oldest_match_wins_and_all_go(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AT_US(53000));
	script_ack(s, REV, ACKS(1101), AT_US(60000));
	assert_acks(s, 4, 57 * SCRIPT_MS);
	script_ack(s, REV, ACKS(1101));
	assert_acks(s, 0, 0);
}

static void an_ack_in_data_counts_too(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_data(s, REV, LEN(10));
	assert_acks(s, 5, SCRIPT_MS);
	assert_in_flight(s, 10, 10);
}

static void the_ack_flag_is_not_looked_at(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_rst(s, REV, ACKS(1101), AT_US(10000));
	assert_acks(s, 4, 7 * SCRIPT_MS);
}

/* 0 lies above 3,000,000,001: a RST without an ACK takes all, and rto falls back to next. */
static void an_ack_field_of_zero_is_a_number_like_others(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 3000000000u, 5000);
	send_two(s);
	script_rst(s, REV);
	assert_acks(s, 0, 0);
	assert_verdicts(script_data(s, FWD, SEQ(3000000001u), LEN(100), AT_US(300000)),
			V(RETRANSMISSION));
	assert_rto(s, 296 * SCRIPT_MS, 5);
}

static void an_ack_field_of_zero_below_keeps_all(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_rst(s, REV);
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(100), AT_US(300000)), V(RETRANSMISSION));
	assert_rto(s, 297 * SCRIPT_MS, 4);
}

static void an_ack_rtt_of_zero_is_not_shown_but_its_frame_is(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1201), AFTER_NS(0));
	assert_acks(s, 5, 0);
	assert_record(s, true);
}

static void an_ack_rtt_may_be_negative(void **state)
{
	struct tcp_script *s = *state;

	send_two(s);
	script_ack(s, REV, ACKS(1201), AFTER_US(-300));
	assert_acks(s, 5, -300 * SCRIPT_US);
}

static void syn_fin_and_data_take_their_numbers(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(20));
	script_ack(s, REV, ACKS(1021));
	assert_acks(s, 0, 0);
	script_ack(s, REV, ACKS(1022), AT_US(5000));
	assert_acks(s, 4, 2 * SCRIPT_MS);
	/* Both flags together take one number. */
	SCRIPT_PLAY(s, TCP_SYN | TCP_FIN, REV, SEQ(5001));
	script_ack(s, FWD, ACKS(5002), AT_US(7000));
	assert_acks(s, 7, SCRIPT_MS);
}

static void bare_acks_are_not_listed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV);
	assert_acks(s, 0, 0);
	script_ack(s, FWD);
	assert_acks(s, 0, 0);
}

static void acks_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xffffff9b, 5000); /* data begins 100 below 0 */
	send_two(s);
	script_ack(s, REV, ACKS(0), AT_US(10000));
	assert_acks(s, 4, 7 * SCRIPT_MS);
	script_ack(s, REV, ACKS(100), AT_US(10000));
	assert_acks(s, 5, 6 * SCRIPT_MS);
}

/* ---- probes and records --------------------------------------------------- */

static void a_zero_window_probe_is_listed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(1)), V(ZERO_WINDOW_PROBE));
	assert_in_flight(s, 1, 1);
	script_ack(s, REV, ACKS(1002), AT_US(10000));
	assert_acks(s, 5, 6 * SCRIPT_MS);
}

static void a_keep_alive_with_a_byte_is_listed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1000), LEN(1)), V(KEEP_ALIVE));
	assert_in_flight(s, 1, 1);
	script_ack(s, REV, ACKS(1001), AT_US(10000));
	assert_acks(s, 4, 7 * SCRIPT_MS);
}

static void a_repeated_syn_has_a_record_and_numbers_of_its_own(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_syn(s, FWD, SEQ(1000), AT_US(5000));
	assert_record(s, true);
	script_ack(s, REV, SEQ(5001), ACKS(1001), AT_US(9000));
	assert_acks(s, 3, 4 * SCRIPT_MS);
}

/* The ACK told of number 5000 before: it is not new, and no SYN that is repeated. */
static void a_syn_ack_of_the_known_base_has_no_record(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, FWD, ACKS(5001));
	assert_verdicts(script_syn_ack(s, REV, ACKS(1000)), NO_VERDICT);
	assert_record(s, false);
	assert_int_equal(script_note(s)->initial_rtt_ns, 0);
}

/* Step 11 makes a record even where its verdict is muted. */
static void an_ack_of_the_unseen_has_a_record_each_time(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_ack(s, REV, ACKS(1101)), V(ACK_LOST_SEGMENT));
	assert_verdicts(script_data(s, REV, ACKS(1101), LEN(10)), NO_VERDICT);
	assert_record(s, true);
	assert_verdicts(script_rst(s, REV, ACKS(1101)), NO_VERDICT);
	assert_record(s, false);
}

static void nothing_of_it_is_told_without_details(void **state)
{
	struct tcp_script *s = *state;

	script_without_details(s);
	send_two(s);
	assert_in_flight(s, 0, 0);
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(300000));
	assert_rto(s, 0, 0);
	script_ack(s, REV, ACKS(1201));
	assert_acks(s, 0, 0);
	assert_null(script_side(s, FWD)->unacked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(rto_is_counted_from_the_oldest_unacked_segment),
		SCRIPT_TEST(rto_of_a_repeated_syn),
		SCRIPT_TEST(a_segment_that_is_partly_acked_stays_the_oldest),
		SCRIPT_TEST(rto_with_an_empty_list_is_counted_from_next),
		SCRIPT_TEST(rto_of_zero_is_not_shown),
		SCRIPT_TEST(rto_may_be_negative),
		SCRIPT_TEST(no_rto_with_other_verdicts),
		SCRIPT_TEST(an_ack_names_the_segment_that_ends_there),
		SCRIPT_TEST(an_ack_in_the_middle_of_a_segment_names_none),
		SCRIPT_TEST(an_ack_deletes_what_lies_below_it),
		SCRIPT_TEST(an_ack_below_keeps_what_lies_above),
		SCRIPT_TEST(the_oldest_match_wins_and_all_go),
		SCRIPT_TEST(an_ack_in_data_counts_too),
		SCRIPT_TEST(the_ack_flag_is_not_looked_at),
		SCRIPT_TEST(an_ack_field_of_zero_is_a_number_like_others),
		SCRIPT_TEST(an_ack_field_of_zero_below_keeps_all),
		SCRIPT_TEST(an_ack_rtt_of_zero_is_not_shown_but_its_frame_is),
		SCRIPT_TEST(an_ack_rtt_may_be_negative),
		SCRIPT_TEST(syn_fin_and_data_take_their_numbers),
		SCRIPT_TEST(bare_acks_are_not_listed),
		SCRIPT_TEST(acks_across_the_wrap),
		SCRIPT_TEST(a_zero_window_probe_is_listed),
		SCRIPT_TEST(a_keep_alive_with_a_byte_is_listed),
		SCRIPT_TEST(a_repeated_syn_has_a_record_and_numbers_of_its_own),
		SCRIPT_TEST(a_syn_ack_of_the_known_base_has_no_record),
		SCRIPT_TEST(an_ack_of_the_unseen_has_a_record_each_time),
		SCRIPT_TEST(nothing_of_it_is_told_without_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
