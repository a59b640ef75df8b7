/* SPDX-License-Identifier: BSD-3-Clause */

/* Bytes, capture duplicates and what a row holds of them (definitions 5.1-5.7 and 6). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define assert_bytes(s, direction, n) assert_int_equal(script_row(s)->side[direction].bytes, (n))

/* ---- 5.1 to 5.3: bytes ---------------------------------------------------- */

static void syn_and_fin_are_no_bytes(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_bytes(s, FWD, 0);
	assert_bytes(s, REV, 0);
	script_data(s, FWD, LEN(100));
	script_fin(s, FWD, LEN(20));
	script_fin(s, REV);
	script_ack(s, FWD);
	script_ack(s, REV);
	assert_bytes(s, FWD, 120);
	assert_bytes(s, REV, 0);
	assert_int_equal(script_side(s, FWD)->hi, 1001 + 120 + 1);
	assert_int_equal(script_side(s, REV)->hi, 5002);
}

static void data_on_the_syn_counts(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(10));
	script_data(s, FWD, SEQ(1011), LEN(5));
	assert_bytes(s, FWD, 15);
}

static void midstream_bytes_start_at_the_first_packet(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(10));
	script_data(s, FWD, SEQ(6000), LEN(10)); /* below start: counts nowhere */
	assert_bytes(s, FWD, 10);
	script_ack(s, REV, SEQ(5000));
	assert_bytes(s, REV, 0);
}

static void bytes_sent_again_count_once(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_bytes(s, FWD, 100);
	script_data(s, FWD, SEQ(1051), LEN(100));
	assert_bytes(s, FWD, 150);
}

static void bytes_of_a_hole_count(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
	assert_bytes(s, FWD, 200);
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_bytes(s, FWD, 200);
}

static void a_packet_without_data_opens_a_hole_too(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(1101));
	assert_bytes(s, FWD, 100);
}

static void rst_and_keep_alive_do_not_count(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1000), LEN(1));
	script_rst(s, FWD, SEQ(1501), LEN(30));
	assert_bytes(s, FWD, 0);
	assert_int_equal(script_row(s)->side[0].data_pkts, 2);
}

static void a_zero_window_probe_counts(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, WIN(0));
	script_data(s, FWD, SEQ(1001), LEN(1));
	assert_bytes(s, FWD, 1);
	script_data(s, FWD, SEQ(1001), LEN(100));
	assert_bytes(s, FWD, 100);
}

static void short_segments_do_not_count(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, FWD, SEQ(2001), SHORT);
	assert_bytes(s, FWD, 0);
}

static void fin_sent_again_moves_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(10));
	script_fin(s, FWD);
	script_fin(s, FWD, SEQ(1011));
	script_fin(s, FWD, SEQ(1001), LEN(10));
	script_ack(s, FWD);
	assert_bytes(s, FWD, 10);
	assert_int_equal(script_side(s, FWD)->hi, 1012);
}

static void fin_behind_a_hole(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, SEQ(1101));
	assert_bytes(s, FWD, 100);
	script_data(s, FWD, SEQ(1001), LEN(100));
	script_ack(s, REV, ACKS(1102));
	assert_bytes(s, FWD, 100);
}

static void bytes_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xfffffff0, 5000);
	script_handshake(s);
	script_data(s, FWD, LEN(0x20));
	script_data(s, FWD, LEN(0x20));
	assert_bytes(s, FWD, 0x40);
	assert_int_equal(script_side(s, FWD)->hi, 0x31);
}

static void bytes_past_4_gib(void **state)
{
	struct tcp_script *s = *state;
	const uint32_t step = (1u << 30) - 1; /* the largest hole */
	uint32_t seq = 1001;

	script_handshake(s);
	for (int i = 0; i < 9; i++) {
		seq += step;
		script_data(s, FWD, SEQ(seq), LEN(1));
		seq++;
	}
	assert_bytes(s, FWD, INT64_C(9) << 30);
	assert_int_equal(script_row(s)->seq_jumps, 0);
}

static void a_step_of_2_to_the_30_is_a_jump(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1101 + (1u << 30)), LEN(50));
	assert_int_equal(script_row(s)->seq_jumps, 1);
	/* hi = e; what was stepped over is no data. */
	assert_int_equal(script_side(s, FWD)->hi, 1151 + (1u << 30));
	assert_bytes(s, FWD, 150);
	script_data(s, REV, SEQ(5001 + (1u << 30)), LEN(1));
	assert_int_equal(script_row(s)->seq_jumps, 2);
}

/* The numbers start over, the sum goes on: it is what the packets carried. */
static void a_new_base_of_the_syn_ack_adds_up(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_data(s, REV, LEN(700));
	assert_bytes(s, REV, 700);
	script_syn_ack(s, REV, SEQ(9000));
	assert_bytes(s, REV, 700);
	script_data(s, REV, SEQ(9001), LEN(30));
	assert_bytes(s, REV, 730);
	assert_int_equal(script_row(s)->seq_jumps, 0);
}

static void starting_over_forgets_the_old_fin_number(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, REV);
	script_fin(s, REV, SEQ(5001));
	script_syn_ack(s, REV, SEQ(4990));
	script_data(s, REV, SEQ(4991), LEN(100)); /* over 5001, which is data now */
	assert_bytes(s, REV, 100);
}

/* ---- 5.6, as far as hi goes ----------------------------------------------- */

static void an_ack_above_hi_moves_it(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1301));
	assert_bytes(s, FWD, 300);
	script_data(s, FWD, SEQ(1001), LEN(300)); /* captured after its ACK */
	assert_bytes(s, FWD, 300);
}

/* RFC 5961 4: the answer to a SYN on a live connection carries that connection's ack. */
static void a_challenge_ack_counts_no_bytes(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_ack(s, REV, SEQ(90000), ACKS(501001));
	assert_bytes(s, FWD, 0);
}

static void a_wild_ack_moves_nothing(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1001 + (1u << 30)));
	assert_bytes(s, FWD, 0);
	script_ack(s, REV, ACKS(1000 + (1u << 30)));
	assert_bytes(s, FWD, (1 << 30) - 1);
}

static void an_ack_needs_its_flag_to_move_hi(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_segment(s, REV, FLAGS(TCP_PSH), LEN(1), ACKS(1301));
	assert_bytes(s, FWD, 0);
}

static void a_fin_never_captured_counts_as_one_byte(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(10));
	script_ack(s, REV, ACKS(1012));
	assert_bytes(s, FWD, 11);
}

static void a_fin_captured_after_its_ack_is_no_byte(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(10));
	script_ack(s, REV, ACKS(1012));
	script_fin(s, FWD, SEQ(1011));
	assert_bytes(s, FWD, 10);
	assert_int_equal(script_side(s, FWD)->hi, 1012);
}

static void an_ack_over_a_known_fin_is_no_byte(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(10));
	script_ack(s, REV, ACKS(1012));
	assert_bytes(s, FWD, 10);
}

/* ---- 5.7 ------------------------------------------------------------------ */

static void an_unseen_direction_is_null(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record_side *side;

	script_data(s, FWD, LEN(10));
	side = &script_row(s)->side[1];
	assert_int_equal(side->bytes, RECORD_NULL_64);
	assert_int_equal(side->retransmitted_bytes, RECORD_NULL_64);
	assert_int_equal(side->unresolved_bytes, RECORD_NULL_64);
	assert_int_equal(side->lost_before_bytes, RECORD_NULL_64);
	assert_int_equal(side->lost_after_bytes, RECORD_NULL_64);
	assert_int_equal(side->missed_bytes, RECORD_NULL_64);
	assert_int_equal(side->reordered_pkts, RECORD_NULL_32);
	assert_int_equal(side->rtt_samples, RECORD_NULL_32);
	assert_int_equal(side->rtt_min_ns, RECORD_NULL_64);
	assert_int_equal(side->rto_max_ns, RECORD_NULL_64);
	assert_int_equal(side->win_max, RECORD_NULL_64);
	assert_int_equal(side->ttl_min, RECORD_NULL_16);
	assert_int_equal(side->ttl_max, RECORD_NULL_16);
	assert_int_equal(side->pkts, 0);
	assert_int_equal(side->ip_bytes, 0);
}

static void a_seen_direction_is_not(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record_side *side;

	script_syn(s, FWD);
	side = &script_row(s)->side[0];
	assert_int_equal(side->bytes, 0);
	assert_int_equal(side->rtt_samples, 0);
	assert_int_equal(side->capture_dups, 0);
	assert_int_equal(side->win_max, 1000);
	/* No sample, no resend: unknown, not 0. */
	assert_int_equal(side->rtt_min_ns, RECORD_NULL_64);
	assert_int_equal(side->rtt_mean_ns, RECORD_NULL_64);
	assert_int_equal(side->rtt_max_ns, RECORD_NULL_64);
	assert_int_equal(side->rto_max_ns, RECORD_NULL_64);
}

/* ---- What is counted of every packet -------------------------------------- */

static void flags_and_packets_are_counted(void **state)
{
	struct tcp_script *s = *state;
	const struct flow_record_side *side;

	script_ack(s, FWD);
	script_segment(s, FWD, FLAGS(0xff), LEN(1));
	script_ack(s, FWD, ALSO(TCP_URG | TCP_ECE));
	script_fin(s, FWD);
	side = &script_row(s)->side[0];
	assert_int_equal(side->pkts, 4);
	assert_int_equal(side->data_pkts, 1);
	assert_int_equal(side->pure_acks, 2);
	assert_int_equal(side->flags[0], 2); /* FIN */
	assert_int_equal(side->flags[1], 1); /* SYN */
	assert_int_equal(side->flags[2], 1); /* RST */
	assert_int_equal(side->flags[3], 1); /* PSH */
	assert_int_equal(side->flags[4], 4); /* ACK */
	assert_int_equal(side->flags[5], 2); /* URG */
	assert_int_equal(side->flags[6], 2); /* ECE */
	assert_int_equal(side->flags[7], 1); /* CWR */
	assert_int_equal(side->ip_bytes, 4 * 40 + 1);
}

static void dsacks_are_counted(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(1000));
	script_ack(s, REV, ACKS(1501), SACK(1001, 1101));               /* below the ACK */
	script_ack(s, REV, ACKS(1501), SACK(1701, 1801));               /* an ordinary block */
	script_ack(s, REV, ACKS(1501), SACK_2(1701, 1751, 1701, 1801)); /* inside the second */
	script_ack(s, REV, ACKS(1501), SACK_2(1701, 1801, 1901, 1951));
	assert_int_equal(script_row(s)->side[1].dsack, 2);
	assert_int_equal(script_row(s)->side[0].dsack, 0);
}

static void payload_above_the_mss_is_offload(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, MSS(1460));
	script_syn_ack(s, REV, MSS(8000));
	assert_false(script_data(s, FWD, LEN(8000)).is_offload);
	assert_true(script_data(s, FWD, LEN(8001)).is_offload);
	assert_true(script_data(s, REV, LEN(2920)).is_offload);
	assert_false(script_data(s, REV, LEN(1460)).is_offload);
}

static void payload_of_a_jumbo_frame_is_no_offload(void **state)
{
	struct tcp_script *s = *state;

	assert_false(script_data(s, FWD, LEN(8960)).is_offload);
	assert_true(script_data(s, FWD, LEN(8961)).is_offload);
}

/* ---- 6: capture duplicates ------------------------------------------------- */

static void assert_is_dup(struct tcp_script *s, struct tcp_result result, int32_t nb)
{
	assert_true(result.is_capture_dup);
	assert_int_equal(script_row(s)->side[0].capture_dups, nb);
}

static void same_packet_within_10_ms_is_a_capture_dup(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7));
	assert_is_dup(s, script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7), AFTER_NS(0)), 1);
	assert_is_dup(s, script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7), AFTER_US(10000)), 2);
	assert_false(script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7), AFTER_NS(10000001))
			     .is_capture_dup);
	assert_int_equal(script_row(s)->side[0].capture_dups, 2);
	assert_int_equal(script_row(s)->side[1].capture_dups, RECORD_NULL_32);
}

static void not_a_capture_dup_when_it_comes_before(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7));
	assert_false(
		script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(7), AFTER_NS(-1)).is_capture_dup);
}

static void bare_acks_with_an_identification_are_capture_dups(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, FWD, IP_ID(7));
	assert_is_dup(s, script_ack(s, FWD, IP_ID(7), AFTER_US(10000)), 1);
}

static void without_an_identification_100_us_count(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(0));
	assert_is_dup(s, script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(0), AFTER_US(100)), 1);
	assert_false(
		script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(0), AFTER_NS(100001)).is_capture_dup);
}

static void without_an_identification_bare_acks_are_none(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, FWD, IP_ID(0));
	assert_false(script_ack(s, FWD, IP_ID(0), AFTER_NS(0)).is_capture_dup);
	script_rst(s, FWD, IP_ID(0));
	assert_false(script_rst(s, FWD, IP_ID(0), AFTER_NS(0)).is_capture_dup);
}

static void ipv6_has_no_identification(void **state)
{
	struct tcp_script *s = *state;

	script_ipv6(s);
	script_syn(s, FWD);
	assert_is_dup(s, script_syn(s, FWD, AFTER_US(100)), 1);
	script_fin(s, FWD, SEQ(1001));
	assert_is_dup(s, script_fin(s, FWD, SEQ(1001), AFTER_US(100)), 2);
	script_ack(s, FWD, SEQ(1002));
	assert_false(script_ack(s, FWD, SEQ(1002), AFTER_NS(0)).is_capture_dup);
	script_data(s, FWD, SEQ(1002), LEN(9));
	assert_false(script_data(s, FWD, SEQ(1002), LEN(9), AFTER_NS(100001)).is_capture_dup);
	assert_int_equal(script_row(s)->ip_version, 6);
}

static void the_last_two_packets_are_compared(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(1));
	script_data(s, FWD, SEQ(1011), LEN(10), IP_ID(2));
	assert_is_dup(s, script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(1)), 1);
	script_ack(s, REV); /* the other side's do not count */
	script_ack(s, REV);
	script_ack(s, REV);
	assert_is_dup(s, script_data(s, FWD, SEQ(1011), LEN(10), IP_ID(2)), 2);
	script_data(s, FWD, SEQ(1021), LEN(10), IP_ID(3));
	/* The last two are now the 1021 and the copy of 1011. */
	assert_false(script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(1)).is_capture_dup);
}

static void time_is_counted_from_the_packet_it_equals(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(1), AT_US(0));
	script_data(s, FWD, SEQ(1011), LEN(10), IP_ID(2), AT_US(9000));
	assert_false(
		script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(1), AT_NS(10000001)).is_capture_dup);
}

static void copies_may_differ_in_the_ttl_only(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(1001), ACKS(5), LEN(10), IP_ID(7), CKSUM(99), TTL(64));
	assert_false(
		script_data(s, FWD, SEQ(1002), ACKS(5), LEN(10), IP_ID(7), CKSUM(99), AFTER_NS(0))
			.is_capture_dup);
	assert_false(
		script_data(s, FWD, SEQ(1001), ACKS(6), LEN(10), IP_ID(7), CKSUM(99), AFTER_NS(0))
			.is_capture_dup);
	assert_false(
		script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(7), CKSUM(99), AFTER_NS(0))
			.is_capture_dup);
	assert_false(
		script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(8), CKSUM(99), AFTER_NS(0))
			.is_capture_dup);
	assert_false(
		script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(8), CKSUM(98), AFTER_NS(0))
			.is_capture_dup);
	assert_false(script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(8), CKSUM(98), WIN(77),
				 AFTER_NS(0))
			     .is_capture_dup);
	assert_false(script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(8), CKSUM(98), WIN(77),
				 ALSO(TCP_URG), AFTER_NS(0))
			     .is_capture_dup);
	assert_is_dup(s,
		      script_data(s, FWD, SEQ(1001), ACKS(5), LEN(11), IP_ID(8), CKSUM(98), WIN(77),
				  ALSO(TCP_URG), TTL(63), AFTER_NS(0)),
		      1);
}

static void a_capture_dup_keeps_its_verdict_and_is_a_packet(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(777));
	assert_verdicts(script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(777)), V(RETRANSMISSION));
	assert_int_equal(script_row(s)->side[0].verdicts[VERDICT_RETRANSMISSION], 1);
	assert_int_equal(script_row(s)->side[0].pkts, 4);
	assert_int_equal(script_row(s)->side[0].flags[3], 2);
	assert_int_equal(script_row(s)->side[0].data_pkts, 2);
	assert_bytes(s, FWD, 10);
	assert_int_equal(script_row(s)->side[0].rto_max_ns, RECORD_NULL_64);
}

static void a_capture_dup_does_not_cancel_a_round_trip(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(777), AT_US(10000));
	script_data(s, FWD, SEQ(1001), LEN(10), IP_ID(777), AT_US(11000));
	script_ack(s, REV, AT_US(30000));
	assert_int_equal(script_row(s)->side[0].rtt_min_ns, 20 * SCRIPT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(syn_and_fin_are_no_bytes),
		SCRIPT_TEST(data_on_the_syn_counts),
		SCRIPT_TEST(midstream_bytes_start_at_the_first_packet),
		SCRIPT_TEST(bytes_sent_again_count_once),
		SCRIPT_TEST(bytes_of_a_hole_count),
		SCRIPT_TEST(a_packet_without_data_opens_a_hole_too),
		SCRIPT_TEST(rst_and_keep_alive_do_not_count),
		SCRIPT_TEST(a_zero_window_probe_counts),
		SCRIPT_TEST(short_segments_do_not_count),
		SCRIPT_TEST(fin_sent_again_moves_nothing),
		SCRIPT_TEST(fin_behind_a_hole),
		SCRIPT_TEST(bytes_across_the_wrap),
		SCRIPT_TEST(bytes_past_4_gib),
		SCRIPT_TEST(a_step_of_2_to_the_30_is_a_jump),
		SCRIPT_TEST(a_new_base_of_the_syn_ack_adds_up),
		SCRIPT_TEST(starting_over_forgets_the_old_fin_number),
		SCRIPT_TEST(an_ack_above_hi_moves_it),
		SCRIPT_TEST(a_challenge_ack_counts_no_bytes),
		SCRIPT_TEST(a_wild_ack_moves_nothing),
		SCRIPT_TEST(an_ack_needs_its_flag_to_move_hi),
		SCRIPT_TEST(a_fin_never_captured_counts_as_one_byte),
		SCRIPT_TEST(a_fin_captured_after_its_ack_is_no_byte),
		SCRIPT_TEST(an_ack_over_a_known_fin_is_no_byte),
		SCRIPT_TEST(an_unseen_direction_is_null),
		SCRIPT_TEST(a_seen_direction_is_not),
		SCRIPT_TEST(flags_and_packets_are_counted),
		SCRIPT_TEST(dsacks_are_counted),
		SCRIPT_TEST(payload_above_the_mss_is_offload),
		SCRIPT_TEST(payload_of_a_jumbo_frame_is_no_offload),
		SCRIPT_TEST(same_packet_within_10_ms_is_a_capture_dup),
		SCRIPT_TEST(not_a_capture_dup_when_it_comes_before),
		SCRIPT_TEST(bare_acks_with_an_identification_are_capture_dups),
		SCRIPT_TEST(without_an_identification_100_us_count),
		SCRIPT_TEST(without_an_identification_bare_acks_are_none),
		SCRIPT_TEST(ipv6_has_no_identification),
		SCRIPT_TEST(the_last_two_packets_are_compared),
		SCRIPT_TEST(time_is_counted_from_the_packet_it_equals),
		SCRIPT_TEST(copies_may_differ_in_the_ttl_only),
		SCRIPT_TEST(a_capture_dup_keeps_its_verdict_and_is_a_packet),
		SCRIPT_TEST(a_capture_dup_does_not_cancel_a_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
