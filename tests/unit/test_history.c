/* SPDX-License-Identifier: BSD-3-Clause */

/* How a flow went: conn_state, history and end_reason (definitions 4 and 2.5). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define assert_conn_state(s, word) assert_int_equal(script_row(s)->conn_state, CONN_##word)
#define assert_history(s, letters) assert_string_equal(script_row(s)->history, (letters))

/* ---- 4.2: conn_state ----------------------------------------------------- */

static void s0_syn_without_a_reply(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_conn_state(s, S0);
	script_ack(s, REV); /* a bare ACK of resp changes nothing */
	assert_conn_state(s, S0);
	script_ack(s, FWD); /* orig stays syn_sent */
	assert_conn_state(s, S0);
}

static void s1_established(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	assert_conn_state(s, S1);
	script_ack(s, FWD);
	script_data(s, FWD, LEN(10));
	assert_conn_state(s, S1);
}

static void s1_by_two_syns(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV);
	assert_conn_state(s, S1);
}

static void s1_when_the_syn_was_not_captured(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	assert_conn_state(s, OTH);
	script_ack(s, FWD); /* an ACK to an established peer */
	assert_conn_state(s, S1);
}

static void sf_closed_by_both(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, REV);
	script_fin(s, FWD);
	assert_conn_state(s, SF);
	script_rst(s, REV); /* both are closed: the RST changes nothing */
	assert_conn_state(s, SF);
}

static void sf_of_a_flow_without_syns(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1));
	script_fin(s, FWD);
	script_fin(s, REV);
	assert_conn_state(s, SF);
}

static void sf_a_fin_takes_back_the_reset_of_a_closed_peer(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	script_rst(s, FWD);
	assert_conn_state(s, RSTO);
	script_fin(s, REV);
	assert_conn_state(s, SF);
}

static void rej_syn_refused(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_rst(s, REV, ALSO(TCP_ACK));
	assert_conn_state(s, REJ);
}

static void rej_both_reset_without_data(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD);
	script_rst(s, REV);
	assert_conn_state(s, REJ);
}

static void s2_only_orig_closed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	assert_conn_state(s, S2);
	script_data(s, REV, LEN(10));
	assert_conn_state(s, S2);
}

static void s3_only_resp_closed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, REV);
	assert_conn_state(s, S3);
}

static void rsto_orig_aborted(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD);
	assert_conn_state(s, RSTO);
}

static void rsto_after_the_fin_of_resp(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, REV);
	script_rst(s, FWD);
	assert_conn_state(s, RSTO);
}

static void rsto_a_fin_after_the_own_rst_is_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD);
	script_fin(s, FWD);
	script_fin(s, REV); /* orig was never closed, so nothing turns it back */
	assert_conn_state(s, RSTO);
}

static void rstr_resp_aborted(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, REV);
	assert_conn_state(s, RSTR);
}

static void rstr_both_reset_with_data(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1));
	script_rst(s, FWD);
	script_rst(s, REV);
	assert_conn_state(s, RSTR);
}

static void rstos0_syn_then_rst(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_rst(s, FWD);
	assert_conn_state(s, RSTOS0);
}

static void rstos0_data_on_the_syn_is_not_between(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(10));
	script_rst(s, FWD);
	assert_conn_state(s, RSTOS0);
}

static void rstos0_what_came_before_the_syn_is_not_between(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(10));
	script_syn(s, FWD);
	script_rst(s, FWD);
	assert_conn_state(s, RSTOS0);
}

static void oth_syn_ack_then_rst_of_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, FWD);
	script_rst(s, FWD);
	assert_conn_state(s, OTH);
}

static void oth_syn_data_then_rst_of_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_segment(s, FWD, FLAGS(TCP_PSH), LEN(1));
	script_rst(s, FWD);
	assert_conn_state(s, OTH);
}

static void oth_rst_midstream(void **state)
{
	struct tcp_script *s = *state;

	script_rst(s, FWD);
	assert_conn_state(s, OTH);
}

static void rstrh_syn_ack_then_rst(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_rst(s, REV);
	assert_conn_state(s, RSTRH);
}

static void sh_syn_then_fin(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_fin(s, FWD);
	assert_conn_state(s, SH);
	script_data(s, REV, LEN(1)); /* partial */
	assert_conn_state(s, SH);
}

static void shr_syn_ack_then_fin(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_fin(s, REV);
	assert_conn_state(s, SHR);
}

static void oth_midstream(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1));
	assert_conn_state(s, OTH);
	script_data(s, REV, LEN(1));
	assert_conn_state(s, OTH);
}

static void oth_data_of_resp_to_an_unanswered_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_data(s, REV, LEN(1)); /* partial, and orig stays syn_sent */
	assert_conn_state(s, OTH);
}

/* ---- 4.3: history -------------------------------------------------------- */

static void history_of_an_ordinary_conversation(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(10));
	script_ack(s, REV);
	script_data(s, REV, LEN(10));
	script_ack(s, FWD);
	script_data(s, FWD, LEN(10));
	script_fin(s, FWD);
	script_fin(s, REV);
	script_ack(s, FWD);
	assert_history(s, "ShADadFf");
}

static void history_turned_around(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_ack(s, FWD);
	assert_history(s, "^hA");
}

static void history_s_again_only_with_another_number(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_syn_ack(s, REV);
	script_syn_ack(s, REV, SEQ(6000));
	script_syn_ack(s, REV, SEQ(5000)); /* compared with the last one only */
	assert_history(s, "Shhh");
}

static void history_f_and_r_again_only_with_another_number(void **state)
{
	struct tcp_script *s = *state;

	script_fin(s, FWD, SEQ(100));
	script_fin(s, FWD, SEQ(100));
	script_fin(s, FWD, SEQ(101));
	script_rst(s, FWD, SEQ(200));
	script_rst(s, FWD, SEQ(200));
	script_rst(s, FWD, SEQ(201));
	script_rst(s, REV, SEQ(201));
	assert_history(s, "FFRRr");
}

static void history_letters_are_counted_per_side(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV);
	script_fin(s, FWD);
	script_fin(s, REV, SEQ(7));
	script_fin(s, REV, SEQ(7));
	assert_history(s, "SsFf");
}

static void history_i_is_fin_with_rst_once(void **state)
{
	struct tcp_script *s = *state;

	script_fin(s, FWD, ALSO(TCP_RST), SEQ(1));
	script_fin(s, FWD, ALSO(TCP_RST), SEQ(2));
	script_fin(s, REV, ALSO(TCP_RST));
	assert_history(s, "Ii");
}

static void history_q_is_syn_with_fin_or_rst_once(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, ALSO(TCP_FIN));
	script_syn(s, FWD, ALSO(TCP_RST));
	script_syn_ack(s, REV, ALSO(TCP_RST));
	assert_history(s, "Qq");
}

static void history_nothing_for_no_flags(void **state)
{
	struct tcp_script *s = *state;

	script_segment(s, FWD, FLAGS(0));
	assert_history(s, "");
	script_ack(s, FWD);
	script_segment(s, REV, FLAGS(0), LEN(1));
	assert_history(s, "Ad");
}

static void history_t_is_payload_that_brings_nothing_new(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_history(s, "ShADT");
	script_data(s, FWD, SEQ(1001), LEN(101)); /* one byte is new */
	script_data(s, FWD, SEQ(1002), LEN(100)); /* the 2nd time */
	script_rst(s, FWD, SEQ(1001), LEN(5));
	assert_history(s, "ShADTR");
}

static void history_t_at_the_1st_10th_and_100th_time(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(100));
	for (int i = 1; i <= 1000; i++) {
		script_data(s, FWD, SEQ(1001), LEN(100));
		if (i == 1 || i == 9)
			assert_history(s, "DT");
		if (i == 10 || i == 99)
			assert_history(s, "DTT");
		if (i == 100 || i == 999)
			assert_history(s, "DTTT");
	}
	assert_history(s, "DTTTT");
}

static void history_w_at_the_1st_10th_and_100th_time(void **state)
{
	struct tcp_script *s = *state;

	for (int i = 1; i <= 100; i++) {
		script_ack(s, FWD, WIN(0));
		if (i == 1 || i == 9)
			assert_history(s, "AW");
		if (i == 10 || i == 99)
			assert_history(s, "AWW");
	}
	assert_history(s, "AWWW");
	script_ack(s, REV, WIN(0)); /* each side counts for itself */
	assert_history(s, "AWWWaw");
}

static void history_w_comes_after_the_packets_own_letter_and_t(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WIN(0));
	assert_history(s, "SW");
	script_data(s, REV, LEN(5));
	script_data(s, REV, SEQ(5001), LEN(5), WIN(0));
	assert_history(s, "SWdtw");
}

static void history_w_not_on_a_rst(void **state)
{
	struct tcp_script *s = *state;

	script_rst(s, FWD, WIN(0));
	assert_history(s, "R");
}

static void history_w_not_after_the_peers_fin(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, WIN(0)); /* its own FIN does not matter */
	script_ack(s, REV, WIN(0));
	assert_history(s, "ShAFWa");
	script_rst(s, FWD);
	script_ack(s, REV, WIN(0)); /* nor does what FWD did after it */
	assert_history(s, "ShAFWaR");
}

static void history_stops_at_32(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	for (uint32_t i = 0; i < 40; i++)
		script_rst(s, FWD, SEQ(i));
	assert_history(s, "^hRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR");
}

/* ---- 2.5: end_reason ----------------------------------------------------- */

#define assert_end_reason(s, word) assert_int_equal(script_finish(s)->end_reason, END_##word)

static void end_by_fins_of_both(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	script_fin(s, REV);
	script_rst(s, FWD); /* too late */
	assert_end_reason(s, FIN);
}

static void end_by_rst_of_orig(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, REV);
	script_rst(s, FWD);
	script_fin(s, FWD);
	assert_end_reason(s, RST_ORIG);
}

static void end_by_rst_of_resp(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_rst(s, REV);
	script_rst(s, FWD); /* the first one counts */
	assert_end_reason(s, RST_RESP);
}

static void end_not_by_a_rst_that_is_not_analysed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, FWD, SHORT);
	assert_end_reason(s, OF_INPUT);
}

static void end_not_by_one_fin(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	script_fin(s, FWD);
	assert_end_reason(s, OF_INPUT);
}

static void end_by_fins_before_port_reuse(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD);
	script_fin(s, REV);
	script_syn(s, FWD, SEQ(90000));
	assert_int_equal(script_ended(s, 0)->end_reason, END_FIN);
}

static void end_by_idle_timeout(void **state)
{
	struct tcp_script *s = *state;

	script_idle_timeout(s, (uint64_t)(60 * 1000 * SCRIPT_MS));
	script_handshake(s);
	script_fin(s, FWD);
	script_ack(s, REV, AFTER_US(60 * 1000 * 1000));
	assert_int_equal(script_nb_ended(s), 0);
	script_ack(s, REV, AFTER_NS(60 * 1000 * SCRIPT_MS + 1));
	assert_int_equal(script_nb_ended(s), 1);
	assert_int_equal(script_ended(s, 0)->end_reason, END_IDLE_TIMEOUT);
	assert_int_equal(script_ended(s, 0)->last_frame, 5);
	/* What comes later is midstream. */
	assert_int_equal(script_row(s)->first_frame, 6);
	assert_int_equal(script_row(s)->handshake, HANDSHAKE_MIDSTREAM);
	assert_int_equal(script_row(s)->reused_ports, 0);
}

/* ---- 2.4: the class for eviction ----------------------------------------- */

static void class_follows_the_conversation(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_int_equal(script_flow(s)->flow->class, FLOW_HALF_OPEN);
	script_syn(s, FWD);
	assert_int_equal(script_flow(s)->flow->class, FLOW_HALF_OPEN);
	script_syn_ack(s, REV);
	assert_int_equal(script_flow(s)->flow->class, FLOW_OPEN);
	script_fin(s, FWD);
	assert_int_equal(script_flow(s)->flow->class, FLOW_OPEN);
	script_fin(s, REV);
	assert_int_equal(script_flow(s)->flow->class, FLOW_CLOSED);
	script_data(s, REV, LEN(1));
	assert_int_equal(script_flow(s)->flow->class, FLOW_CLOSED);
}

static void class_of_a_first_rst_is_closed(void **state)
{
	struct tcp_script *s = *state;

	script_rst(s, FWD);
	assert_int_equal(script_flow(s)->flow->class, FLOW_CLOSED);
}

static void class_of_a_midstream_flow_is_open(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(1));
	assert_int_equal(script_flow(s)->flow->class, FLOW_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(s0_syn_without_a_reply),
		SCRIPT_TEST(s1_established),
		SCRIPT_TEST(s1_by_two_syns),
		SCRIPT_TEST(s1_when_the_syn_was_not_captured),
		SCRIPT_TEST(sf_closed_by_both),
		SCRIPT_TEST(sf_of_a_flow_without_syns),
		SCRIPT_TEST(sf_a_fin_takes_back_the_reset_of_a_closed_peer),
		SCRIPT_TEST(rej_syn_refused),
		SCRIPT_TEST(rej_both_reset_without_data),
		SCRIPT_TEST(s2_only_orig_closed),
		SCRIPT_TEST(s3_only_resp_closed),
		SCRIPT_TEST(rsto_orig_aborted),
		SCRIPT_TEST(rsto_after_the_fin_of_resp),
		SCRIPT_TEST(rsto_a_fin_after_the_own_rst_is_nothing),
		SCRIPT_TEST(rstr_resp_aborted),
		SCRIPT_TEST(rstr_both_reset_with_data),
		SCRIPT_TEST(rstos0_syn_then_rst),
		SCRIPT_TEST(rstos0_data_on_the_syn_is_not_between),
		SCRIPT_TEST(rstos0_what_came_before_the_syn_is_not_between),
		SCRIPT_TEST(oth_syn_ack_then_rst_of_orig),
		SCRIPT_TEST(oth_syn_data_then_rst_of_orig),
		SCRIPT_TEST(oth_rst_midstream),
		SCRIPT_TEST(rstrh_syn_ack_then_rst),
		SCRIPT_TEST(sh_syn_then_fin),
		SCRIPT_TEST(shr_syn_ack_then_fin),
		SCRIPT_TEST(oth_midstream),
		SCRIPT_TEST(oth_data_of_resp_to_an_unanswered_syn),
		SCRIPT_TEST(history_of_an_ordinary_conversation),
		SCRIPT_TEST(history_turned_around),
		SCRIPT_TEST(history_s_again_only_with_another_number),
		SCRIPT_TEST(history_f_and_r_again_only_with_another_number),
		SCRIPT_TEST(history_letters_are_counted_per_side),
		SCRIPT_TEST(history_i_is_fin_with_rst_once),
		SCRIPT_TEST(history_q_is_syn_with_fin_or_rst_once),
		SCRIPT_TEST(history_nothing_for_no_flags),
		SCRIPT_TEST(history_t_is_payload_that_brings_nothing_new),
		SCRIPT_TEST(history_t_at_the_1st_10th_and_100th_time),
		SCRIPT_TEST(history_w_at_the_1st_10th_and_100th_time),
		SCRIPT_TEST(history_w_comes_after_the_packets_own_letter_and_t),
		SCRIPT_TEST(history_w_not_on_a_rst),
		SCRIPT_TEST(history_w_not_after_the_peers_fin),
		SCRIPT_TEST(history_stops_at_32),
		SCRIPT_TEST(end_by_fins_of_both),
		SCRIPT_TEST(end_by_rst_of_orig),
		SCRIPT_TEST(end_by_rst_of_resp),
		SCRIPT_TEST(end_not_by_a_rst_that_is_not_analysed),
		SCRIPT_TEST(end_not_by_one_fin),
		SCRIPT_TEST(end_by_fins_before_port_reuse),
		SCRIPT_TEST(end_by_idle_timeout),
		SCRIPT_TEST(class_follows_the_conversation),
		SCRIPT_TEST(class_of_a_first_rst_is_closed),
		SCRIPT_TEST(class_of_a_midstream_flow_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
