/* SPDX-License-Identifier: BSD-3-Clause */

/* Opening a connection: the facts of definitions 3. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

/* ---- 3.4: the word ------------------------------------------------------ */

#define assert_handshake(s, word) assert_int_equal(script_row(s)->handshake, HANDSHAKE_##word)

static void three_packets_are_complete(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	assert_handshake(s, SYN_ACK_UNACKED);
	script_ack(s, FWD, ACKS(5000)); /* not r_isn + 1 */
	assert_handshake(s, SYN_ACK_UNACKED);
	script_ack(s, FWD);
	assert_handshake(s, COMPLETE);
}

static void data_or_rst_with_the_ack_completes(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_rst(s, FWD); /* without ACK */
	assert_handshake(s, SYN_ACK_UNACKED);
	script_rst(s, FWD, ALSO(TCP_ACK));
	assert_handshake(s, COMPLETE);
}

static void ack_beyond_the_isn_completes(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_data(s, FWD, ACKS(5701), LEN(10));
	assert_handshake(s, COMPLETE);
}

static void syn_alone_is_syn_only(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_handshake(s, SYN_ONLY);
	script_rst(s, FWD);
	assert_handshake(s, SYN_ONLY);
}

static void rst_of_resp_is_refused(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_rst(s, REV, ALSO(TCP_ACK), SEQ(0));
	assert_handshake(s, REFUSED);
}

static void rst_after_a_good_syn_ack_is_not_refused(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_rst(s, REV);
	assert_handshake(s, SYN_ACK_UNACKED);
}

static void wrong_ack_is_bad_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV, ACKS(1000));
	assert_handshake(s, BAD_ACK);
	script_ack(s, FWD);
	assert_handshake(s, BAD_ACK);
	script_rst(s, REV); /* bad_ack comes before refused */
	assert_handshake(s, BAD_ACK);
	script_syn_ack(s, REV);
	assert_handshake(s, SYN_ACK_UNACKED);
}

static void two_syns_that_cross_are_simultaneous(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV);
	assert_handshake(s, SIMULTANEOUS);
	script_syn_ack(s, FWD);
	script_syn_ack(s, REV);
	assert_handshake(s, SIMULTANEOUS);
	script_ack(s, FWD);
	assert_handshake(s, SIMULTANEOUS);
}

static void syn_answered_by_a_syn_is_split(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV);
	script_syn_ack(s, FWD);
	script_ack(s, REV);
	assert_handshake(s, SPLIT);
}

static void syn_of_resp_after_a_syn_ack_is_not_simultaneous(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_syn(s, REV); /* its base again, so the ports are not taken over */
	assert_handshake(s, SYN_ACK_UNACKED);
}

static void no_syn_at_all_is_midstream(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, LEN(10));
	script_ack(s, REV);
	assert_handshake(s, MIDSTREAM);
	assert_int_equal(script_row(s)->midstream, 1);
}

static void syn_ack_without_syn_is_resp_only(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_ack(s, FWD);
	assert_handshake(s, RESP_ONLY);
	assert_int_equal(script_row(s)->midstream, 0);
}

static void acks_of_one_captured_side_are_reply_unseen(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, FWD);
	assert_handshake(s, REPLY_UNSEEN);
	script_ack(s, REV); /* now something of resp was captured */
	assert_handshake(s, SYN_ONLY);
}

/* ---- 3.1: who is orig --------------------------------------------------- */

static void assert_orig_is(struct tcp_script *s, enum script_direction direction)
{
	const struct flow_record *row = script_row(s);
	const uint16_t port[2] = {SCRIPT_FWD_PORT, SCRIPT_REV_PORT};

	assert_int_equal(row->src_port, port[direction]);
	assert_int_equal(row->dst_port, port[direction == FWD ? REV : FWD]);
}

static void sender_of_the_syn_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, REV);
	script_syn_ack(s, FWD);
	assert_orig_is(s, REV);
}

static void receiver_of_the_syn_ack_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_data(s, REV, LEN(1));
	assert_orig_is(s, FWD);
	assert_string_equal(script_row(s)->history, "^hd");
}

static void sender_of_anything_else_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_rst(s, REV);
	script_syn(s, FWD, SEQ(1)); /* too late to change it */
	assert_orig_is(s, REV);
}

static void sender_of_the_syn_that_takes_over_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, REV, LEN(10), ACKS(1001));
	assert_orig_is(s, REV);
	script_syn(s, FWD, SEQ(77000));
	assert_orig_is(s, FWD);
}

static void addresses_and_identity_follow_orig(void **state)
{
	static const uint8_t low[4] = {192, 0, 2, 1}, high[4] = {198, 51, 100, 2};
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_syn_ack(s, REV, VLAN(12), TTL(50));
	script_ack(s, REV, TTL(53));
	row = script_row(s);
	assert_memory_equal(row->src.bytes,
			    row->src_port == script_flow(s)->flow->port_lo ? low : high, 4);
	assert_memory_equal(row->dst.bytes,
			    row->src_port == script_flow(s)->flow->port_lo ? high : low, 4);
	assert_int_equal(row->src.version, 4);
	assert_int_equal(row->vlan, 12);
	assert_int_equal(row->side[1].ttl_min, 50);
	assert_int_equal(row->side[1].ttl_max, 53);
	assert_int_equal(row->side[0].ttl_min, RECORD_NULL_16);
	assert_int_equal(row->first_frame, 1);
	assert_int_equal(row->last_frame, 2);
	assert_int_equal(row->ts_ns, SCRIPT_EPOCH_NS);
	assert_int_equal(row->duration_ns, SCRIPT_MS);
}

static void duration_is_largest_minus_smallest_time(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(500));
	script_syn_ack(s, REV, AT_US(900));
	script_ack(s, FWD, AT_US(200));
	assert_int_equal(script_row(s)->ts_ns, SCRIPT_EPOCH_NS + 500 * SCRIPT_US);
	assert_int_equal(script_row(s)->duration_ns, 700 * SCRIPT_US);
}

/* ---- 3.2: ISNs and what came with them ---------------------------------- */

static void isns_come_from_syns_only(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, FWD, ACKS(5001));
	assert_int_equal(script_row(s)->side[0].isn, 1000);
	assert_int_equal(script_row(s)->side[1].isn, RECORD_NULL_64);
}

static void isn_of_orig_is_not_known_from_the_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_ack(s, FWD);
	assert_int_equal(script_row(s)->side[0].isn, RECORD_NULL_64);
	assert_int_equal(script_row(s)->side[1].isn, 5000);
}

static void largest_isn_is_no_null(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xffffffff, 0x80000000);
	script_handshake(s);
	assert_int_equal(script_row(s)->side[0].isn, INT64_C(0xffffffff));
	assert_int_equal(script_row(s)->side[1].isn, INT64_C(0x80000000));
	assert_handshake(s, COMPLETE);
}

static void first_syn_ack_comes_before_a_syn_of_resp(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn(s, REV, MSS(1000));
	assert_int_equal(script_row(s)->side[1].isn, 5000);
	assert_int_equal(script_row(s)->side[1].mss, 1000);
	script_syn_ack(s, REV, SEQ(6000), MSS(1200), WSCALE(3));
	assert_int_equal(script_row(s)->side[1].isn, 6000);
	assert_int_equal(script_row(s)->side[1].mss, 1200);
	assert_int_equal(script_row(s)->side[1].wscale, 3);
	/* A later one with another number changes nothing. */
	script_syn_ack(s, REV, SEQ(7000), MSS(1300));
	assert_int_equal(script_row(s)->side[1].isn, 6000);
	assert_int_equal(script_row(s)->side[1].mss, 1200);
}

static void options_come_from_the_packet_that_gave_the_isn(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record *row;

	script_syn(s, FWD, MSS(1460), WSCALE(7), SACK_OK, TS(1, 0));
	script_syn(s, FWD, MSS(536));
	script_syn_ack(s, REV);
	script_syn_ack(s, REV, MSS(1400), WSCALE(2), SACK_OK);
	script_ack(s, FWD, MSS(99), WSCALE(1));
	row = script_row(s);
	assert_int_equal(row->side[0].mss, 1460);
	assert_int_equal(row->side[0].wscale, 7);
	assert_int_equal(row->side[1].mss, RECORD_NULL_32);
	assert_int_equal(row->side[1].wscale, RECORD_NULL_8);
	assert_int_equal(row->sack_ok, 0);
	assert_int_equal(row->ts_ok, 0);
}

static void wscale_is_at_most_14(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(15));
	assert_int_equal(script_row(s)->side[0].wscale, 14);
	assert_int_equal(script_side(s, FWD)->shift, 14);
}

static void options_of_a_wrong_length_are_skipped(void **state)
{
	struct tcp_script *s = *state;

	/* MSS of 3, scale of 4, SACK permitted of 3, time stamps of 6; then a good MSS. */
	script_syn(s, FWD,
		   OPTIONS("\2\3\5"
			   "\3\4\1\1"
			   "\4\3\0"
			   "\10\6\0\0\0\0"
			   "\2\4\5\264"));
	script_syn_ack(s, REV, SACK_OK, TS(1, 1));
	assert_int_equal(script_row(s)->side[0].mss, 1460);
	assert_int_equal(script_row(s)->side[0].wscale, RECORD_NULL_8);
	assert_int_equal(script_row(s)->sack_ok, 0);
	assert_int_equal(script_row(s)->ts_ok, 0);
}

static void options_end_at_an_impossible_length(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, MSS(1460),
		   OPTIONS("\3\1\7\1"
			   "\4\2\1\1"));
	script_syn_ack(s, REV, MSS(1400),
		       OPTIONS("\3\40\7\1"
			       "\4\2\1\1"));
	assert_int_equal(script_row(s)->side[0].mss, 1460);
	assert_int_equal(script_row(s)->side[0].wscale, RECORD_NULL_8);
	assert_int_equal(script_row(s)->side[1].mss, 1400);
	assert_int_equal(script_row(s)->sack_ok, 0);
}

static void options_end_at_the_end_option(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, OPTIONS("\1\0\3\3\7\0\0\0"));
	assert_int_equal(script_row(s)->side[0].wscale, RECORD_NULL_8);
}

/* ---- 3.3: a good SYN+ACK ------------------------------------------------ */

static void syn_ack_may_leave_the_data_of_the_syn_out(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(100));
	script_syn_ack(s, REV, ACKS(1001));
	assert_handshake(s, SYN_ACK_UNACKED);
	assert_int_equal(script_row(s)->tfo, 0);
}

static void syn_ack_may_acknowledge_the_data_of_the_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(100));
	script_syn_ack(s, REV, ACKS(1101));
	assert_handshake(s, SYN_ACK_UNACKED);
	assert_int_equal(script_row(s)->tfo, 1);
}

static void syn_ack_of_more_than_was_sent_is_bad(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(100));
	script_syn_ack(s, REV, ACKS(1102));
	assert_handshake(s, BAD_ACK);
	assert_int_equal(script_row(s)->tfo, 0);
}

/* ---- 3.5: times --------------------------------------------------------- */

static void handshake_times_between_neighbours(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn_ack(s, REV, AT_US(30000));
	assert_int_equal(script_row(s)->syn_rtt_ns, 30 * SCRIPT_MS);
	assert_int_equal(script_row(s)->synack_rtt_ns, RECORD_NULL_64);
	script_ack(s, FWD, AT_US(31000));
	assert_int_equal(script_row(s)->synack_rtt_ns, SCRIPT_MS);
	assert_int_equal(script_row(s)->initial_rtt_ns, 31 * SCRIPT_MS);
}

static void handshake_times_use_the_latest_retry(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn(s, FWD, AT_US(1000000));
	script_syn(s, FWD, AT_US(3000000));
	script_syn_ack(s, REV, AT_US(3030000));
	script_syn_ack(s, REV, AT_US(4030000));
	script_ack(s, FWD, AT_US(4031000));
	script_ack(s, FWD, AT_US(4035000));
	assert_int_equal(script_row(s)->syn_rtt_ns, 30 * SCRIPT_MS);
	assert_int_equal(script_row(s)->synack_rtt_ns, SCRIPT_MS);
	assert_int_equal(script_row(s)->orig_syns, 3);
	assert_int_equal(script_row(s)->resp_syn_acks, 2);
}

static void syn_rtt_waits_for_a_good_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, AT_US(0));
	script_syn_ack(s, REV, AT_US(5000), ACKS(7));
	assert_int_equal(script_row(s)->syn_rtt_ns, RECORD_NULL_64);
	script_syn_ack(s, REV, AT_US(9000));
	assert_int_equal(script_row(s)->syn_rtt_ns, 9 * SCRIPT_MS);
	script_syn_ack(s, REV, AT_US(19000));
	assert_int_equal(script_row(s)->syn_rtt_ns, 9 * SCRIPT_MS);
}

static void syn_rtt_is_null_without_a_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_ack(s, FWD);
	assert_int_equal(script_row(s)->syn_rtt_ns, RECORD_NULL_64);
	assert_int_equal(script_row(s)->initial_rtt_ns, RECORD_NULL_64);
}

/* ---- 3.6: what was agreed ----------------------------------------------- */

static void assert_agreed(struct tcp_script *s, int sack, int ts, int ecn, int tfo)
{
	const struct flow_record *row = script_row(s);

	assert_int_equal(row->sack_ok, sack);
	assert_int_equal(row->ts_ok, ts);
	assert_int_equal(row->ecn_ok, ecn);
	assert_int_equal(row->tfo, tfo);
}

static void agreed_when_both_packets_say_so(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, ALSO(TCP_ECE | TCP_CWR), SACK_OK, TS(1, 0), LEN(5));
	assert_agreed(s, RECORD_NULL_8, RECORD_NULL_8, RECORD_NULL_8, RECORD_NULL_8);
	script_syn_ack(s, REV, ALSO(TCP_ECE), SACK_OK, TS(9, 1));
	assert_agreed(s, 1, 1, 1, 1);
}

static void not_agreed_when_one_packet_does_not(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, ALSO(TCP_ECE | TCP_CWR), SACK_OK, TS(1, 0));
	script_syn_ack(s, REV);
	assert_agreed(s, 0, 0, 0, 0);
}

static void only_time_stamps_in_the_syns_are_agreed_too(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, TS(1, 0));
	script_syn_ack(s, REV, TS(9, 1));
	assert_agreed(s, 0, 1, 0, 0);
}

static void unknown_when_a_packet_is_missing(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV, SACK_OK, TS(9, 1));
	script_ack(s, FWD);
	assert_agreed(s, RECORD_NULL_8, RECORD_NULL_8, RECORD_NULL_8, RECORD_NULL_8);
}

static void ecn_needs_both_bits_on_the_syn(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, ALSO(TCP_ECE));
	script_syn_ack(s, REV, ALSO(TCP_ECE));
	assert_agreed(s, 0, 0, 0, 0);
}

static void ecn_needs_one_bit_only_on_the_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, ALSO(TCP_ECE | TCP_CWR));
	script_syn_ack(s, REV, ALSO(TCP_ECE | TCP_CWR));
	assert_agreed(s, 0, 0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(three_packets_are_complete),
		SCRIPT_TEST(data_or_rst_with_the_ack_completes),
		SCRIPT_TEST(ack_beyond_the_isn_completes),
		SCRIPT_TEST(syn_alone_is_syn_only),
		SCRIPT_TEST(rst_of_resp_is_refused),
		SCRIPT_TEST(rst_after_a_good_syn_ack_is_not_refused),
		SCRIPT_TEST(wrong_ack_is_bad_ack),
		SCRIPT_TEST(two_syns_that_cross_are_simultaneous),
		SCRIPT_TEST(syn_answered_by_a_syn_is_split),
		SCRIPT_TEST(syn_of_resp_after_a_syn_ack_is_not_simultaneous),
		SCRIPT_TEST(no_syn_at_all_is_midstream),
		SCRIPT_TEST(syn_ack_without_syn_is_resp_only),
		SCRIPT_TEST(acks_of_one_captured_side_are_reply_unseen),
		SCRIPT_TEST(sender_of_the_syn_is_orig),
		SCRIPT_TEST(receiver_of_the_syn_ack_is_orig),
		SCRIPT_TEST(sender_of_anything_else_is_orig),
		SCRIPT_TEST(sender_of_the_syn_that_takes_over_is_orig),
		SCRIPT_TEST(addresses_and_identity_follow_orig),
		SCRIPT_TEST(duration_is_largest_minus_smallest_time),
		SCRIPT_TEST(isns_come_from_syns_only),
		SCRIPT_TEST(isn_of_orig_is_not_known_from_the_ack),
		SCRIPT_TEST(largest_isn_is_no_null),
		SCRIPT_TEST(first_syn_ack_comes_before_a_syn_of_resp),
		SCRIPT_TEST(options_come_from_the_packet_that_gave_the_isn),
		SCRIPT_TEST(wscale_is_at_most_14),
		SCRIPT_TEST(options_of_a_wrong_length_are_skipped),
		SCRIPT_TEST(options_end_at_an_impossible_length),
		SCRIPT_TEST(options_end_at_the_end_option),
		SCRIPT_TEST(syn_ack_may_leave_the_data_of_the_syn_out),
		SCRIPT_TEST(syn_ack_may_acknowledge_the_data_of_the_syn),
		SCRIPT_TEST(syn_ack_of_more_than_was_sent_is_bad),
		SCRIPT_TEST(handshake_times_between_neighbours),
		SCRIPT_TEST(handshake_times_use_the_latest_retry),
		SCRIPT_TEST(syn_rtt_waits_for_a_good_syn_ack),
		SCRIPT_TEST(syn_rtt_is_null_without_a_syn),
		SCRIPT_TEST(agreed_when_both_packets_say_so),
		SCRIPT_TEST(not_agreed_when_one_packet_does_not),
		SCRIPT_TEST(only_time_stamps_in_the_syns_are_agreed_too),
		SCRIPT_TEST(unknown_when_a_packet_is_missing),
		SCRIPT_TEST(ecn_needs_both_bits_on_the_syn),
		SCRIPT_TEST(ecn_needs_one_bit_only_on_the_syn_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
