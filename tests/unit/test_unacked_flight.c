/* SPDX-License-Identifier: BSD-3-Clause */

/* Bytes in flight and since the last PSH (spec section 3, step 18). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define assert_in_flight(s, in_flight, push)                                                       \
	do {                                                                                       \
		assert_int_equal(script_note(s)->bytes_in_flight, (in_flight));                    \
		assert_int_equal(script_note(s)->push_bytes, (push));                              \
	} while (0)

#define assert_record(s, has) assert_int_equal((script_note(s)->bits & NOTE_RECORD) != 0, (has))

/* Data without PSH. */
#define script_stream(s, ...) script_ack(s, __VA_ARGS__)

/* ---- bytes in flight ------------------------------------------------------ */

static void all_that_waits_is_in_flight(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_in_flight(s, 100, 100);
	assert_record(s, true);
	script_stream(s, FWD, LEN(50));
	assert_in_flight(s, 150, 50);
	script_ack(s, REV, ACKS(1151));
	assert_in_flight(s, 0, 0);
	script_data(s, FWD, LEN(10));
	assert_in_flight(s, 10, 60);
}

static void what_an_ack_takes_of_a_segment_is_not(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1051));
	script_data(s, FWD, LEN(50)); /* 1251 - 1051 */
	assert_in_flight(s, 200, 50);
}

static void overlapping_segments_span_from_lowest_to_highest(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(200), AFTER_US(50000));
	assert_in_flight(s, 200, 200);
	script_ack(s, REV, ACKS(1101));
	script_data(s, FWD, SEQ(1201), LEN(50)); /* the second one waits from 1101 on */
	assert_in_flight(s, 150, 50);
	script_data(s, FWD, SEQ(1101), LEN(10), AFTER_US(50000));
	assert_in_flight(s, 150, 10);
}

static void only_with_payload(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, FWD);
	assert_in_flight(s, 0, 0);
	script_fin(s, FWD);
	assert_in_flight(s, 0, 0);
	assert_record(s, false);
}

static void a_syn_is_no_byte_of_its_own_packet(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, LEN(10)); /* numbers 1000 to 1011 */
	assert_in_flight(s, 10, 10);
	script_data(s, FWD, SEQ(1011), LEN(5)); /* the SYN is in flight, and no more taken off */
	assert_in_flight(s, 16, 15);
}

static void a_fin_is_no_byte_of_its_own_packet(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_fin(s, FWD, LEN(20));
	assert_in_flight(s, 20, 20);
	script_data(s, FWD, SEQ(1001), LEN(10), AFTER_US(50000)); /* 1001 to 1022 */
	assert_in_flight(s, 21, 30);
}

static void unknown_from_a_lost_segment_to_the_next_ack(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 100, 100);
	assert_verdicts(script_stream(s, FWD, SEQ(1201), LEN(100)), V(LOST_SEGMENT));
	assert_in_flight(s, 0, 0);
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 0, 0);
	assert_record(s, false);
	script_rst(s, REV); /* no ACK flag, 0 is below */
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 0, 0);
	script_ack(s, REV, ACKS(1101));
	script_stream(s, FWD, LEN(100)); /* 1201 to 1601; of push bytes three were not counted */
	assert_in_flight(s, 400, 200);
	assert_record(s, true);
}

static void a_lost_segment_of_the_peer_does_not_matter(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, REV, SEQ(5101), LEN(100)), V(LOST_SEGMENT));
	script_data(s, FWD, LEN(100));
	assert_in_flight(s, 100, 100);
}

/* The first ACK that comes is the one on the lost segment itself: the peer's, not its own. */
static void its_own_ack_flag_does_not_make_it_known(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(100));
	assert_in_flight(s, 100, 100);
	script_data(s, FWD, SEQ(7200), LEN(100));
	script_data(s, FWD, SEQ(7300), LEN(100));
	assert_in_flight(s, 0, 0);
}

/* ---- SACK blocks are taken off -------------------------------------------- */

static void send_three(struct tcp_script *s)
{
	script_handshake(s);
	script_stream(s, FWD, LEN(100));
	script_stream(s, FWD, LEN(100));
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 300, 300);
}

static void what_the_peer_sacked_is_not_in_flight(void **state)
{
	struct tcp_script *s = *state;

	send_three(s);
	script_ack(s, REV, ACKS(1001), SACK(1201, 1301));
	script_stream(s, FWD, LEN(100)); /* 400 - 100 */
	assert_in_flight(s, 300, 400);
	script_stream(s, FWD, LEN(100)); /* the peer's latest packet is still that one */
	assert_in_flight(s, 400, 500);
}

static void only_the_peers_latest_packet_counts(void **state)
{
	struct tcp_script *s = *state;

	send_three(s);
	script_ack(s, REV, ACKS(1001), SACK_2(1201, 1301, 1101, 1151));
	script_ack(s, REV, ACKS(1001), SACK(1201, 1231));
	script_stream(s, FWD, LEN(100)); /* 400 - 30 */
	assert_in_flight(s, 370, 400);
	script_rst(s, REV, ACKS(1001));
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 500, 500);
}

static void the_sack_of_its_own_packet_is_the_peers_business(void **state)
{
	struct tcp_script *s = *state;

	send_three(s);
	script_stream(s, FWD, LEN(100), SACK(5001, 5051));
	assert_in_flight(s, 400, 400);
	script_data(s, REV, LEN(200)); /* 200 - 50 */
	assert_in_flight(s, 150, 200);
}

static void three_blocks_count(void **state)
{
	struct tcp_script *s = *state;

	send_three(s);
	/* 10 + 20 + 40, and 80 that are not looked at. */
	SCRIPT_PLAY(s, TCP_ACK, REV, ACKS(1001), .bits = SEGMENT_HAS_SACK,
		    OPTIONS("\5\x22"
			    "\0\0\4\x4d\0\0\4\x57"
			    "\0\0\4\x61\0\0\4\x75"
			    "\0\0\4\x89\0\0\4\xb1"
			    "\0\0\4\xb5\0\0\5\x05"));
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 330, 400);
}

static void blocks_of_more_than_is_in_flight_hide_it(void **state)
{
	struct tcp_script *s = *state;

	send_three(s);
	script_ack(s, REV, ACKS(1001), SACK(1001, 1501));
	script_stream(s, FWD, LEN(100)); /* 400 - 500 wraps */
	assert_in_flight(s, 0, 0);
	assert_record(s, true);
	script_ack(s, REV, ACKS(1001), SACK(1001, 1501));
	script_stream(s, FWD, LEN(100)); /* 500 - 500 */
	assert_in_flight(s, 0, 0);
	assert_record(s, true);
	script_ack(s, REV, ACKS(1001));
	script_stream(s, FWD, LEN(100)); /* what was not shown was counted all the same */
	assert_in_flight(s, 600, 600);
}

/* ---- numbers that are far apart ------------------------------------------- */

static void in_flight_across_the_wrap(void **state)
{
	struct tcp_script *s = *state;

	script_isn(s, 0xffffffce, 5000);
	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_in_flight(s, 100, 100);
	script_data(s, FWD, LEN(100));
	assert_in_flight(s, 200, 100);
}

/* Numbers are relative to the base, 6999: 6000 is 2^32 - 999, and that far from 1. */
static void not_shown_across_the_base(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(10));
	assert_in_flight(s, 10, 10);
	script_data(s, FWD, SEQ(6000), LEN(10));
	assert_in_flight(s, 0, 0);
	assert_record(s, true);
}

/* A SYN+ACK may move the base between them: 9000. */
static void a_new_base_of_the_syn_ack_counts(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_data(s, REV, LEN(10)); /* SYN+ACK and data: 5000 to 5011 */
	assert_in_flight(s, 11, 10);
	script_syn_ack(s, REV, SEQ(9000));
	script_ack(s, FWD, ACKS(5011));
	/* From 9000 (the SYN+ACK) to 9011. */
	script_data(s, REV, SEQ(9001), LEN(10));
	assert_in_flight(s, 11, 10);
}

static void two_thousand_million_are_too_many(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001 + 1999999899u), LEN(100));
	assert_in_flight(s, 0, 0); /* it is a lost segment */
	script_ack(s, REV, ACKS(1001));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(50000));
	assert_in_flight(s, 1999999999, 100);
	script_data(s, FWD, SEQ(2000001000u), LEN(1));
	assert_in_flight(s, 0, 0);
	assert_record(s, true);
}

/* ---- push bytes ----------------------------------------------------------- */

static void push_bytes_are_counted_from_push_to_push(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_stream(s, FWD, LEN(100));
	assert_in_flight(s, 100, 100);
	script_stream(s, FWD, LEN(50));
	assert_in_flight(s, 150, 150);
	script_data(s, FWD, LEN(30));
	assert_in_flight(s, 180, 180);
	script_stream(s, FWD, LEN(20));
	assert_in_flight(s, 200, 20);
	script_data(s, FWD, LEN(5));
	assert_in_flight(s, 205, 25);
	script_data(s, FWD, LEN(7));
	assert_in_flight(s, 212, 7);
}

static void each_side_has_its_push_bytes(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_stream(s, FWD, LEN(100));
	script_stream(s, REV, LEN(10));
	assert_in_flight(s, 10, 10);
	script_data(s, REV, LEN(10));
	assert_in_flight(s, 20, 20);
	script_stream(s, FWD, LEN(50)); /* REV acknowledged the first 100 */
	assert_in_flight(s, 50, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(all_that_waits_is_in_flight),
		SCRIPT_TEST(what_an_ack_takes_of_a_segment_is_not),
		SCRIPT_TEST(overlapping_segments_span_from_lowest_to_highest),
		SCRIPT_TEST(only_with_payload),
		SCRIPT_TEST(a_syn_is_no_byte_of_its_own_packet),
		SCRIPT_TEST(a_fin_is_no_byte_of_its_own_packet),
		SCRIPT_TEST(unknown_from_a_lost_segment_to_the_next_ack),
		SCRIPT_TEST(a_lost_segment_of_the_peer_does_not_matter),
		SCRIPT_TEST(its_own_ack_flag_does_not_make_it_known),
		SCRIPT_TEST(what_the_peer_sacked_is_not_in_flight),
		SCRIPT_TEST(only_the_peers_latest_packet_counts),
		SCRIPT_TEST(the_sack_of_its_own_packet_is_the_peers_business),
		SCRIPT_TEST(three_blocks_count),
		SCRIPT_TEST(blocks_of_more_than_is_in_flight_hide_it),
		SCRIPT_TEST(in_flight_across_the_wrap),
		SCRIPT_TEST(not_shown_across_the_base),
		SCRIPT_TEST(a_new_base_of_the_syn_ack_counts),
		SCRIPT_TEST(two_thousand_million_are_too_many),
		SCRIPT_TEST(push_bytes_are_counted_from_push_to_push),
		SCRIPT_TEST(each_side_has_its_push_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
