/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Opening a connection: section 5, and rules 2 and 3 of section 2, of the TCP
 * analysis spec.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

/* ---- Spec section 5: window scale, its eight rows ------------------------ */

static void assert_shifts(struct tcp_script *s, int client, int server)
{
	assert_int_equal(script_side(s, FWD)->shift, client);
	assert_int_equal(script_side(s, REV)->shift, server);
}

static void scale_in_syn_and_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake_scaled(s, 7, 3);
	assert_shifts(s, 7, 3);
}

static void scale_in_syn_but_not_in_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(7));
	script_syn_ack(s, REV);
	assert_shifts(s, -2, -2);
}

static void scale_not_in_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_shifts(s, -2, -2);
	script_syn_ack(s, REV, WSCALE(3));
	assert_shifts(s, -2, -2);
}

static void scale_in_syn_and_no_syn_ack_captured(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(7));
	script_ack(s, FWD);
	script_ack(s, REV);
	assert_shifts(s, 7, -1);
}

static void scale_in_the_only_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV, WSCALE(3));
	script_ack(s, FWD);
	assert_shifts(s, -1, 3);
}

static void scale_not_in_the_only_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_ack(s, FWD);
	assert_shifts(s, -2, -2);
}

static void scale_without_a_handshake(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1));
	script_ack(s, REV);
	assert_shifts(s, -1, -1);
}

static void scale_dropped_by_a_repeated_syn_is_kept(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(7));
	script_syn(s, FWD);
	assert_shifts(s, 7, -1);
}

static void scale_is_read_from_any_packet(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1), WSCALE(4));
	assert_shifts(s, 4, -1);
}

/* ---- Spec section 5: initial RTT ---------------------------------------- */

static void assert_initial_rtt(struct tcp_script *s, int64_t ns)
{
	assert_int_equal(script_row(s)->initial_rtt_ns, ns);
}

static void initial_rtt_may_come_from_either_side(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_rst(s, REV, ALSO(TCP_ACK), AT_US(7000));
	assert_initial_rtt(s, 7 * SCRIPT_MS);
}

static void initial_rtt_needs_an_ack_without_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn_ack(s, REV, AT_US(1000));
	script_rst(s, REV, AT_US(2000));
	assert_initial_rtt(s, RECORD_NULL_64);
	script_data(s, FWD, LEN(1), AT_US(5000));
	assert_initial_rtt(s, 5 * SCRIPT_MS);
	script_ack(s, FWD, AT_US(9000)); /* the first one counts */
	assert_initial_rtt(s, 5 * SCRIPT_MS);
}

static void initial_rtt_is_from_the_latest_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn(s, FWD, AT_US(3000));
	script_syn_ack(s, REV, AT_US(4000));
	script_ack(s, FWD, AT_US(5000));
	assert_initial_rtt(s, 2 * SCRIPT_MS);
}

static void initial_rtt_of_zero_stays_unset(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn_ack(s, REV, AT_US(0));
	script_ack(s, FWD, AT_US(0));
	assert_initial_rtt(s, RECORD_NULL_64);
	script_data(s, FWD, LEN(1), AT_US(400));
	assert_initial_rtt(s, 400 * SCRIPT_US);
}

static void initial_rtt_may_be_negative(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(10000));
	script_ack(s, FWD, AT_US(4000));
	assert_initial_rtt(s, -6 * SCRIPT_MS);
}

/* ---- Spec section 5: completeness --------------------------------------- */

enum {
	C_SYN = 1,
	C_SYN_ACK = 2,
	C_ACK = 4,
	C_DATA = 8,
	C_FIN = 16,
	C_RST = 32,
};

#define assert_completeness(s, bits) assert_int_equal(script_row(s)->completeness, (bits))

static void completeness_grows_by_one_bit_each(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_completeness(s, C_SYN);
	script_syn(s, FWD);
	assert_completeness(s, C_SYN);
	script_syn_ack(s, REV);
	assert_completeness(s, C_SYN | C_SYN_ACK);
	script_segment(s, FWD, FLAGS(TCP_FIN)); /* without ACK: nothing */
	assert_completeness(s, C_SYN | C_SYN_ACK);
	script_segment(s, FWD, FLAGS(TCP_PSH), LEN(1));
	assert_completeness(s, C_SYN | C_SYN_ACK);
	script_data(s, FWD, LEN(1));
	assert_completeness(s, C_SYN | C_SYN_ACK | C_DATA);
	script_ack(s, FWD);
	assert_completeness(s, C_SYN | C_SYN_ACK | C_DATA | C_ACK);
	script_rst(s, FWD);
	assert_completeness(s, C_SYN | C_SYN_ACK | C_DATA | C_ACK | C_RST);
	script_fin(s, REV);
	assert_completeness(s, 63);
}

static void completeness_of_fin_ack_counts_its_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_fin(s, FWD);
	assert_completeness(s, C_SYN | C_FIN | C_ACK);
}

static void completeness_of_fin_ack_with_data_counts_data(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_fin(s, FWD, LEN(1));
	assert_completeness(s, C_SYN | C_FIN | C_DATA);
}

static void completeness_of_rst_ack_counts_its_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_rst(s, REV, ALSO(TCP_ACK));
	assert_completeness(s, C_SYN | C_RST | C_ACK);
}

static void completeness_of_a_first_syn_with_data(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(10));
	assert_completeness(s, C_SYN | C_DATA);
}

static void completeness_of_another_first_packet_is_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(10));
	assert_completeness(s, 0);
	script_syn(s, FWD); /* its base: the same flow; the SYN bit is gone for ever */
	assert_completeness(s, 0);
	script_syn_ack(s, REV);
	assert_completeness(s, C_SYN_ACK);
}

static void completeness_of_a_first_syn_ack_is_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	assert_completeness(s, 0);
}

static void completeness_after_reuse_starts_at_1(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_syn(s, FWD, SEQ(9000), LEN(10)); /* its data adds nothing */
	assert_completeness(s, C_SYN);
}

static void completeness_of_short_segments_has_no_data(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_data(s, FWD, LEN(10), SHORT);
	assert_completeness(s, C_SYN | C_ACK);
}

static void completeness_is_not_read_from_a_bad_offset(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_data(s, FWD, LEN(10), BAD_OFFSET);
	assert_completeness(s, C_SYN);
	assert_initial_rtt(s, RECORD_NULL_64);
}

/* ---- Spec section 2, rules 2 and 3 -------------------------------------- */

static void syn_with_another_number_takes_the_ports_over(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_syn(s, FWD, SEQ(9000)), V(REUSED_PORTS));
	assert_int_equal(script_nb_ended(s), 1);
	assert_int_equal(script_ended(s, 0)->end_reason, END_PORT_REUSE);
	assert_int_equal(script_ended(s, 0)->first_frame, 1);
	assert_int_equal(script_ended(s, 0)->last_frame, 3);
	assert_int_equal(script_ended(s, 0)->reused_ports, 0);
	assert_int_equal(script_ended(s, 0)->first_anomaly_frame, RECORD_NULL_64);
	assert_int_equal(script_row(s)->first_frame, 4);
	assert_int_equal(script_row(s)->reused_ports, 1);
	assert_int_equal(script_row(s)->first_anomaly_frame, 4);
	assert_int_equal(script_row(s)->side[0].isn, 9000);
	assert_int_equal(script_row(s)->side[0].pkts, 1);
	assert_verdicts(script_syn_ack(s, REV, SEQ(20000), ACKS(9001)), NO_VERDICT);
	assert_verdicts(script_ack(s, FWD, SEQ(9001), ACKS(20001)), NO_VERDICT);
	assert_int_equal(script_row(s)->handshake, HANDSHAKE_COMPLETE);
}

static void syn_from_the_other_side_takes_the_ports_over_too(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_syn(s, REV, SEQ(9000)), V(REUSED_PORTS));
	assert_int_equal(script_row(s)->src_port, SCRIPT_REV_PORT);
}

static void repeated_syn_stays_in_its_flow(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_syn(s, FWD);
	assert_int_equal(script_nb_ended(s), 0);
	assert_int_equal(script_row(s)->orig_syns, 2);
}

static void first_number_minus_one_is_the_base_midstream(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10));
	script_syn(s, FWD, SEQ(1000));
	assert_int_equal(script_nb_ended(s), 0);
	script_syn(s, FWD, SEQ(1001));
	assert_int_equal(script_nb_ended(s), 1);
}

static void an_ack_gives_the_silent_side_its_base(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, ACKS(5001), LEN(10));
	script_syn(s, REV, SEQ(5000));
	assert_int_equal(script_nb_ended(s), 0);
	script_syn(s, REV, SEQ(5001));
	assert_int_equal(script_nb_ended(s), 1);
}

static void without_an_ack_the_silent_side_has_no_base(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_verdicts(script_syn(s, REV, SEQ(123456)), NO_VERDICT);
	assert_int_equal(script_nb_ended(s), 0);
}

static void syn_ack_with_another_number_stays_in_its_flow(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	/* 8000 is beyond next, so it is a lost segment as well. */
	assert_verdicts(script_syn_ack(s, REV, SEQ(8000)), V(REUSED_PORTS) | V(LOST_SEGMENT));
	assert_int_equal(script_nb_ended(s), 0);
	assert_int_equal(script_row(s)->reused_ports, 0);
	/* 8000 is the base now; the same once more is merely a retransmission. */
	assert_verdicts(script_syn_ack(s, REV, SEQ(8000)), V(RETRANSMISSION));
}

static void repeated_syn_takes_next_back_to_contig(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_verdicts(script_data(s, FWD, SEQ(1201), LEN(100)), V(LOST_SEGMENT));
	assert_verdicts(script_data(s, FWD, SEQ(1301), LEN(100)), NO_VERDICT);
	/* next is 1101 again: the SYN lies below it and is 1 ms younger than it. */
	assert_verdicts(script_syn(s, FWD), V(OUT_OF_ORDER));
	assert_verdicts(script_data(s, FWD, SEQ(1401), LEN(100)), V(LOST_SEGMENT));
}

static void nothing_but_a_syn_takes_over(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	script_fin(s, REV);
	script_rst(s, FWD);
	script_data(s, FWD, LEN(5), AFTER_US(INT64_C(1000000000)));
	assert_int_equal(script_nb_ended(s), 0);
}

/* ---- Spec section 5: Fast Open ------------------------------------------ */

static void cookie_on_a_syn_is_tfo_syn(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, FAST_OPEN(10), LEN(100)), V(TFO_SYN));
	assert_verdicts(script_syn_ack(s, REV, ACKS(1101)), V(TFO_ACK));
	assert_int_equal(script_row(s)->tfo, 1);
}

static void experimental_cookie_is_tfo_syn(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, EXPERIMENT(8), LEN(100)), V(TFO_SYN));
	assert_verdicts(script_syn_ack(s, REV, ACKS(1001)), V(TFO_IGNORED));
}

/* Told as often as the oracle does: once for each cookie; one is only asked for. */
static void each_cookie_on_a_syn_is_told(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, LEN(100),
				   OPTIONS("\x22\6abcd\x22\2\xfe\x08\xf9\x89"
					   "abcd\x22\6abcd")),
			V(TFO_SYN));
	assert_int_equal(script_note(s)->nb_tfo_more, 2);
	assert_verdicts(script_syn_ack(s, REV, ACKS(1101)), V(TFO_ACK));
	assert_int_equal(script_note(s)->nb_tfo_more, 0);
}

static void asking_for_a_cookie_is_no_tfo_syn(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, FAST_OPEN(2), LEN(100)), NO_VERDICT);
	assert_verdicts(script_syn_ack(s, REV, ACKS(1001)), NO_VERDICT);
}

static void cookie_without_data_is_not_ignored(void **state)
{
	struct tcp_script *s = *state;

	assert_verdicts(script_syn(s, FWD, FAST_OPEN(10)), V(TFO_SYN));
	assert_verdicts(script_syn_ack(s, REV, ACKS(1001)), NO_VERDICT);
}

static void syn_ack_of_more_than_the_syn_is_tfo_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	/* 1050 is beyond what was seen of the client: ack_lost_segment as well. */
	assert_verdicts(script_syn_ack(s, REV, ACKS(1050)), V(TFO_ACK) | V(ACK_LOST_SEGMENT));
}

static void cookie_on_a_syn_ack_is_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_verdicts(script_syn_ack(s, REV, FAST_OPEN(10)), NO_VERDICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(scale_in_syn_and_syn_ack),
		SCRIPT_TEST(scale_in_syn_but_not_in_syn_ack),
		SCRIPT_TEST(scale_not_in_syn),
		SCRIPT_TEST(scale_in_syn_and_no_syn_ack_captured),
		SCRIPT_TEST(scale_in_the_only_syn_ack),
		SCRIPT_TEST(scale_not_in_the_only_syn_ack),
		SCRIPT_TEST(scale_without_a_handshake),
		SCRIPT_TEST(scale_dropped_by_a_repeated_syn_is_kept),
		SCRIPT_TEST(scale_is_read_from_any_packet),
		SCRIPT_TEST(initial_rtt_may_come_from_either_side),
		SCRIPT_TEST(initial_rtt_needs_an_ack_without_syn),
		SCRIPT_TEST(initial_rtt_is_from_the_latest_syn),
		SCRIPT_TEST(initial_rtt_of_zero_stays_unset),
		SCRIPT_TEST(initial_rtt_may_be_negative),
		SCRIPT_TEST(completeness_grows_by_one_bit_each),
		SCRIPT_TEST(completeness_of_fin_ack_counts_its_ack),
		SCRIPT_TEST(completeness_of_fin_ack_with_data_counts_data),
		SCRIPT_TEST(completeness_of_rst_ack_counts_its_ack),
		SCRIPT_TEST(completeness_of_a_first_syn_with_data),
		SCRIPT_TEST(completeness_of_another_first_packet_is_nothing),
		SCRIPT_TEST(completeness_of_a_first_syn_ack_is_nothing),
		SCRIPT_TEST(completeness_after_reuse_starts_at_1),
		SCRIPT_TEST(completeness_of_short_segments_has_no_data),
		SCRIPT_TEST(completeness_is_not_read_from_a_bad_offset),
		SCRIPT_TEST(syn_with_another_number_takes_the_ports_over),
		SCRIPT_TEST(syn_from_the_other_side_takes_the_ports_over_too),
		SCRIPT_TEST(repeated_syn_stays_in_its_flow),
		SCRIPT_TEST(first_number_minus_one_is_the_base_midstream),
		SCRIPT_TEST(an_ack_gives_the_silent_side_its_base),
		SCRIPT_TEST(without_an_ack_the_silent_side_has_no_base),
		SCRIPT_TEST(syn_ack_with_another_number_stays_in_its_flow),
		SCRIPT_TEST(repeated_syn_takes_next_back_to_contig),
		SCRIPT_TEST(nothing_but_a_syn_takes_over),
		SCRIPT_TEST(cookie_on_a_syn_is_tfo_syn),
		SCRIPT_TEST(experimental_cookie_is_tfo_syn),
		SCRIPT_TEST(each_cookie_on_a_syn_is_told),
		SCRIPT_TEST(asking_for_a_cookie_is_no_tfo_syn),
		SCRIPT_TEST(cookie_without_data_is_not_ignored),
		SCRIPT_TEST(syn_ack_of_more_than_the_syn_is_tfo_ack),
		SCRIPT_TEST(cookie_on_a_syn_ack_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
