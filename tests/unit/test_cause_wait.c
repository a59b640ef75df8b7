/* SPDX-License-Identifier: BSD-3-Clause */

/* Causes that the sender's silence tells apart (definitions 8.6 to 8.9, and 7.2). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

#define assert_cause(s, wanted)                                                                    \
	assert_string_equal(cause_names[script_note(s)->cause], cause_names[CAUSE_##wanted])

/*
 * Frames 1 to 3 are a handshake with SACK on both sides and an initial RTT of 2 ms;
 * then nb times 100 bytes from 1001.
 */
static void send_data(struct tcp_script *s, int nb)
{
	script_syn(s, FWD, SACK_OK);
	script_syn_ack(s, REV, SACK_OK);
	script_ack(s, FWD);
	for (int i = 0; i < nb; i++)
		script_data(s, FWD, LEN(100));
}

/* ---- 7.2: silence --------------------------------------------------------- */

static void silence_is_since_data_syn_or_fin(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_int_equal(script_note(s)->silence_ns, 0);
	script_syn_ack(s, REV);
	assert_int_equal(script_note(s)->silence_ns, 0);
	script_ack(s, FWD, AT_US(7000)); /* breaks no silence */
	script_data(s, FWD, LEN(100), AT_US(9000));
	assert_int_equal(script_note(s)->silence_ns, 9 * SCRIPT_MS);
	script_fin(s, FWD, AT_US(19000));
	assert_int_equal(script_note(s)->silence_ns, 10 * SCRIPT_MS);
	script_fin(s, FWD, SEQ(1101), AT_US(20000));
	assert_int_equal(script_note(s)->silence_ns, SCRIPT_MS);
}

static void silence_may_be_zero_or_negative(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_data(s, FWD, LEN(100), AFTER_NS(0));
	assert_int_equal(script_note(s)->silence_ns, 0);
	script_data(s, FWD, LEN(100), AFTER_US(-700));
	assert_int_equal(script_note(s)->silence_ns, -700 * SCRIPT_US);
}

/* ---- 8.6: tail probe ------------------------------------------------------ */

/* A sample of 10 ms: data at 3 ms, its ACK at 13 ms, more data at 14 ms up to 1201. */
static void send_tail(struct tcp_script *s)
{
	send_data(s, 1);
	script_ack(s, REV, ACKS(1101), AT_US(13000));
	script_data(s, FWD, LEN(100), AT_US(14000));
}

static void at_one_and_a_half_rtt_it_is_a_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(15000)),
			V(RETRANSMISSION));
	assert_cause(s, TAIL_PROBE);
}

static void before_one_and_a_half_rtt_it_is_not(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_NS(14999999));
	assert_cause(s, UNKNOWN);
}

static void below_200_ms_and_an_rtt_it_is_a_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_NS(209999999));
	assert_cause(s, TAIL_PROBE);
}

static void at_200_ms_and_an_rtt_it_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(210000));
	assert_cause(s, TIMEOUT);
}

/* The last bytes may be cut in another way than before. */
static void it_ends_at_hi(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1151), LEN(50), AFTER_US(15000));
	assert_cause(s, TAIL_PROBE);
}

static void what_ends_below_hi_is_no_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(99), AFTER_US(15000));
	assert_cause(s, UNKNOWN);
}

static void without_a_sample_the_initial_rtt_counts(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(3000));
	assert_cause(s, TAIL_PROBE);
}

static void below_one_and_a_half_initial_rtt(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(2999999));
	assert_cause(s, UNKNOWN);
}

static void without_any_rtt_there_is_no_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(100));
	script_data(s, FWD, SEQ(7000), LEN(100), AFTER_NS(199999999));
	assert_cause(s, UNKNOWN);
	script_data(s, FWD, SEQ(7100), LEN(100));
	script_data(s, FWD, SEQ(7100), LEN(100), AFTER_US(200000));
	assert_cause(s, TIMEOUT);
}

/* Midstream a sample may be known, and nobody knows of SACK. */
static void midstream_a_tail_probe_is_possible(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(100));
	script_ack(s, REV, SEQ(5000), ACKS(7100), AFTER_US(10000));
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(7100), LEN(100), AFTER_US(15000));
	assert_cause(s, TAIL_PROBE);
}

/* RFC 8985 3: it needs SACK, which both sides permit. */
static void probe_after(struct tcp_script *s, bool syn_has_sack, bool syn_ack_has_sack)
{
	script_syn(s, FWD, .sack_ok = syn_has_sack);
	script_syn_ack(s, REV, .sack_ok = syn_ack_has_sack);
	script_ack(s, FWD);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(10000));
}

static void it_needs_sack_of_both_sides(void **state)
{
	probe_after(*state, true, true);
	assert_cause(*state, TAIL_PROBE);
}

static void without_sack_of_the_sender_there_is_none(void **state)
{
	probe_after(*state, false, true);
	assert_cause(*state, UNKNOWN);
}

static void without_sack_of_the_peer_there_is_none(void **state)
{
	probe_after(*state, true, false);
	assert_cause(*state, UNKNOWN);
}

static void a_dup_ack_before_makes_it_none(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	assert_verdicts(script_ack(s, REV, ACKS(1101)), V(DUPLICATE_ACK));
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(60000));
	assert_cause(s, UNKNOWN);
}

static void a_sack_before_makes_it_none(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, REV, LEN(10), ACKS(1101), SACK(1151, 1201)); /* no dup ACK */
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(60000));
	assert_cause(s, UNKNOWN);
}

/* Dup ACKs from before R's ack moved do not matter. */
static void a_moved_ack_forgets_the_dup_acks(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 2);
	script_ack(s, REV, ACKS(1001), AT_US(13000));
	script_ack(s, REV, ACKS(1101), AT_US(14000)); /* sample: 11 ms */
	script_data(s, FWD, SEQ(1101), LEN(100), AT_US(40000));
	assert_cause(s, TAIL_PROBE);
}

/* The second one is recovery: the first has not been answered. */
static void only_the_first_resend_is_a_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(20000));
	assert_cause(s, TAIL_PROBE);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(20000));
	assert_cause(s, RECOVERY);
}

static void a_moved_ack_allows_another_tail_probe(void **state)
{
	struct tcp_script *s = *state;

	send_tail(s);
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(20000));
	script_ack(s, REV, ACKS(1201));
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1201), LEN(100), AFTER_US(20000));
	assert_cause(s, TAIL_PROBE);
}

/* ---- 8.7: timeout --------------------------------------------------------- */

static void after_200_ms_it_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 2);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(200000));
	assert_cause(s, TIMEOUT);
}

static void before_200_ms_it_is_none(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 2);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_NS(199999999));
	assert_cause(s, UNKNOWN);
}

/* The peer's packets and bare ACKs of the sender itself do not break its silence. */
static void acks_do_not_break_the_silence(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 2);
	script_data(s, REV, LEN(10), ACKS(1001), AFTER_US(150000));
	script_ack(s, FWD);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(50000));
	assert_cause(s, TIMEOUT);
}

static void a_fill_may_be_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(250000));
	assert_fills(s, 100, 4, 250 * SCRIPT_MS);
	assert_cause(s, TIMEOUT);
}

static void a_fin_again_after_a_second_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 1);
	script_fin(s, FWD);
	assert_verdicts(script_fin(s, FWD, SEQ(1101), AFTER_US(1000000)), V(RETRANSMISSION));
	assert_cause(s, TIMEOUT);
}

/* An answer to dup ACKs that comes very late is no answer. */
static void late_after_dup_acks_it_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	send_data(s, 4);
	for (int i = 0; i < 4; i++)
		script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1101), LEN(100), AFTER_US(300000));
	assert_cause(s, TIMEOUT);
}

/* ---- 8.8: recovery -------------------------------------------------------- */

/* Three segments up to 1301; the first is sent again by a timeout. */
static void begin_recovery(struct tcp_script *s)
{
	send_data(s, 3);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	assert_cause(s, TIMEOUT);
}

static void what_follows_a_timeout_is_recovery(void **state)
{
	struct tcp_script *s = *state;

	begin_recovery(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_cause(s, RECOVERY);
	script_ack(s, REV, ACKS(1300)); /* all but the last byte */
	script_data(s, FWD, SEQ(1201), LEN(99 + 1));
	assert_cause(s, RECOVERY);
}

static void an_ack_of_all_of_that_moment_ends_it(void **state)
{
	struct tcp_script *s = *state;

	begin_recovery(s);
	script_data(s, FWD, LEN(100)); /* to 1401, sent since */
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1301));
	script_data(s, FWD, SEQ(1301), LEN(100));
	assert_cause(s, UNKNOWN);
}

/* Its end is what had been sent when it began, not at its last resend. */
static void recovery_ends_where_it_began(void **state)
{
	struct tcp_script *s = *state;

	begin_recovery(s);
	script_data(s, FWD, LEN(100)); /* to 1401 */
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_cause(s, RECOVERY);
	script_ack(s, REV, ACKS(1301));
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1301), LEN(100));
	assert_cause(s, UNKNOWN);
}

/* A late original was not sent again: nothing is recovered from. */
static void reordering_begins_no_recovery(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_cause(s, REORDERED);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_cause(s, UNKNOWN);
}

static void a_capture_duplicate_begins_no_recovery(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), IP_ID(77));
	script_data(s, FWD, SEQ(1001), LEN(100), IP_ID(77));
	assert_cause(s, CAPTURE_DUPLICATE);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_cause(s, UNKNOWN);
}

/* 8.7 comes first: a second timeout of the same segment is one. */
static void a_timeout_again_is_a_timeout(void **state)
{
	struct tcp_script *s = *state;

	begin_recovery(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(600000));
	assert_cause(s, TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(silence_is_since_data_syn_or_fin),
		SCRIPT_TEST(silence_may_be_zero_or_negative),
		SCRIPT_TEST(at_one_and_a_half_rtt_it_is_a_tail_probe),
		SCRIPT_TEST(before_one_and_a_half_rtt_it_is_not),
		SCRIPT_TEST(below_200_ms_and_an_rtt_it_is_a_tail_probe),
		SCRIPT_TEST(at_200_ms_and_an_rtt_it_is_a_timeout),
		SCRIPT_TEST(it_ends_at_hi),
		SCRIPT_TEST(what_ends_below_hi_is_no_tail_probe),
		SCRIPT_TEST(without_a_sample_the_initial_rtt_counts),
		SCRIPT_TEST(below_one_and_a_half_initial_rtt),
		SCRIPT_TEST(without_any_rtt_there_is_no_tail_probe),
		SCRIPT_TEST(midstream_a_tail_probe_is_possible),
		SCRIPT_TEST(it_needs_sack_of_both_sides),
		SCRIPT_TEST(without_sack_of_the_sender_there_is_none),
		SCRIPT_TEST(without_sack_of_the_peer_there_is_none),
		SCRIPT_TEST(a_dup_ack_before_makes_it_none),
		SCRIPT_TEST(a_sack_before_makes_it_none),
		SCRIPT_TEST(a_moved_ack_forgets_the_dup_acks),
		SCRIPT_TEST(only_the_first_resend_is_a_tail_probe),
		SCRIPT_TEST(a_moved_ack_allows_another_tail_probe),
		SCRIPT_TEST(after_200_ms_it_is_a_timeout),
		SCRIPT_TEST(before_200_ms_it_is_none),
		SCRIPT_TEST(acks_do_not_break_the_silence),
		SCRIPT_TEST(a_fill_may_be_a_timeout),
		SCRIPT_TEST(a_fin_again_after_a_second_is_a_timeout),
		SCRIPT_TEST(late_after_dup_acks_it_is_a_timeout),
		SCRIPT_TEST(what_follows_a_timeout_is_recovery),
		SCRIPT_TEST(an_ack_of_all_of_that_moment_ends_it),
		SCRIPT_TEST(recovery_ends_where_it_began),
		SCRIPT_TEST(reordering_begins_no_recovery),
		SCRIPT_TEST(a_capture_duplicate_begins_no_recovery),
		SCRIPT_TEST(a_timeout_again_is_a_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
