/* SPDX-License-Identifier: BSD-3-Clause */

/* The note of a segment: its bits, its numbers, and what tshark would not show of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define assert_has(s, mask) assert_int_equal(script_note(s)->bits &(mask), (mask))
#define assert_has_not(s, mask) assert_int_equal(script_note(s)->bits &(mask), 0)

/* ---- what every note has --------------------------------------------------- */

static void the_segment_as_sent(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_handshake(s);
	script_data(s, FWD, LEN(100), WIN(777));
	assert_int_equal(n->frame, 4);
	assert_int_equal(n->stream, -1);
	assert_int_equal(n->ts_ns, SCRIPT_EPOCH_NS + 3 * SCRIPT_MS);
	assert_int_equal(n->seq, 1001);
	assert_int_equal(n->ack, 5001);
	assert_int_equal(n->len, 100);
	assert_int_equal(n->win, 777);
	assert_int_equal(n->flags, TCP_PSH | TCP_ACK);
	assert_true(n->is_shown);
	script_rst(s, REV, ACKS(3)); /* the field, without its flag */
	assert_int_equal(n->frame, 5);
	assert_int_equal(n->ack, 3);
	assert_int_equal(n->flags, TCP_RST);
}

static void verdicts_are_those_of_the_result(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_data(s, FWD, SEQ(1101), LEN(10)), V(LOST_SEGMENT));
	assert_int_equal(script_note(s)->verdicts, V(LOST_SEGMENT));
	script_data(s, FWD, LEN(10));
	assert_int_equal(script_note(s)->verdicts, NO_VERDICT);
}

static void sides_are_told_from_the_first_segment_on(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_has(s, NOTE_ANALYSED);
	assert_has_not(s, NOTE_FROM_RESP);
	script_syn_ack(s, REV);
	assert_has(s, NOTE_FROM_RESP);
	script_ack(s, FWD);
	assert_has_not(s, NOTE_FROM_RESP);
}

/* The first segment is a SYN+ACK: its receiver is orig. */
static void a_syn_ack_is_from_resp(void **state)
{
	struct tcp_script *s = *state;

	script_syn_ack(s, FWD, ACKS(5001));
	assert_has(s, NOTE_FROM_RESP);
	script_ack(s, REV, SEQ(5001));
	assert_has_not(s, NOTE_FROM_RESP);
}

static void the_low_endpoint_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_has_not(s, NOTE_ORIG_HIGH);
	script_syn_ack(s, REV);
	assert_has_not(s, NOTE_ORIG_HIGH);
}

static void the_high_endpoint_is_orig(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_has(s, NOTE_ORIG_HIGH);
	script_syn_ack(s, REV);
	assert_has(s, NOTE_ORIG_HIGH);
}

/* A SYN with another number takes the flow over: the note is of a new one, whose SYN it is. */
static void a_flow_that_took_over_begins_anew(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	assert_verdicts(script_syn(s, FWD, SEQ(9000)), V(REUSED_PORTS));
	assert_has(s, NOTE_RECORD);
	assert_int_equal(script_note(s)->completeness, 1);
	assert_verdicts(script_syn(s, FWD, SEQ(9000)), V(RETRANSMISSION));
}

static void completeness_is_that_before_the_segment(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_syn(s, FWD);
	assert_int_equal(n->completeness, 0);
	script_syn_ack(s, REV);
	assert_int_equal(n->completeness, 1);
	script_ack(s, FWD);
	assert_int_equal(n->completeness, 3);
	script_data(s, FWD, LEN(1));
	assert_int_equal(n->completeness, 7);
	script_fin(s, FWD);
	assert_int_equal(n->completeness, 15);
	script_rst(s, REV);
	assert_int_equal(n->completeness, 31);
	script_rst(s, REV);
	assert_int_equal(n->completeness, 63);
}

static void the_handshake_is_completed_once(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_has_not(s, NOTE_COMPLETES);
	script_syn_ack(s, REV);
	assert_has_not(s, NOTE_COMPLETES);
	script_ack(s, FWD, ACKS(5000)); /* not yet */
	assert_has_not(s, NOTE_COMPLETES);
	script_ack(s, FWD);
	assert_has(s, NOTE_COMPLETES);
	script_ack(s, FWD);
	assert_has_not(s, NOTE_COMPLETES);
}

/* ---- relative numbers ------------------------------------------------------ */

static void bases_of_a_handshake(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_syn(s, FWD);
	assert_has(s, NOTE_SEQ_BASE);
	assert_has_not(s, NOTE_ACK_BASE);
	assert_int_equal(n->seq_base, 1000);
	script_syn_ack(s, REV);
	assert_has(s, NOTE_SEQ_BASE | NOTE_ACK_BASE);
	assert_int_equal(n->seq_base, 5000);
	assert_int_equal(n->ack_base, 1000);
	script_syn_ack(s, REV, SEQ(9000)); /* the base moves */
	assert_int_equal(n->seq_base, 9000);
}

static void bases_midstream_lie_one_below(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_data(s, FWD, SEQ(7000), ACKS(300), LEN(1));
	assert_has(s, NOTE_SEQ_BASE | NOTE_ACK_BASE);
	assert_int_equal(n->seq_base, 6999);
	assert_int_equal(n->ack_base, 299);
	script_ack(s, REV, SEQ(310), ACKS(7001));
	assert_int_equal(n->seq_base, 299);
	assert_int_equal(n->ack_base, 6999);
}

static void an_unanalysed_segment_gives_no_base(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, FWD, SEQ(7000), ACKS(300), SHORT);
	assert_has_not(s, NOTE_ANALYSED | NOTE_SEQ_BASE | NOTE_ACK_BASE);
	assert_int_equal(script_note(s)->len, 0);
}

/* ---- options --------------------------------------------------------------- */

static void options_of_a_syn(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_syn(s, FWD, MSS(1460), WSCALE(7), SACK_OK);
	assert_has(s, NOTE_HAS_MSS | NOTE_HAS_WSCALE | NOTE_SACK_PERMITTED);
	assert_int_equal(n->mss, 1460);
	assert_int_equal(n->wscale, 7);
	script_syn_ack(s, REV, MSS(0xffff));
	assert_has(s, NOTE_HAS_MSS);
	assert_has_not(s, NOTE_HAS_WSCALE | NOTE_SACK_PERMITTED);
	assert_int_equal(n->mss, 0xffff);
	script_ack(s, FWD);
	assert_has_not(s, NOTE_HAS_MSS);
	assert_int_equal(n->shift, -2);
}

static void a_scale_of_zero_is_one(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, WSCALE(0));
	assert_has(s, NOTE_HAS_WSCALE);
	assert_has_not(s, NOTE_HAS_MSS);
	assert_int_equal(script_note(s)->wscale, 0);
	script_ack(s, FWD, ACKS(5001));
	assert_int_equal(script_note(s)->shift, 0);
}

/* As tshark shows it: an option counts from the next segment on. */
static void the_scale_is_that_before_the_segment(void **state)
{
	struct tcp_script *s = *state;

	script_data(s, FWD, SEQ(7000), LEN(1));
	assert_int_equal(script_note(s)->shift, -1);
	script_ack(s, FWD, SEQ(7001), WSCALE(3));
	assert_int_equal(script_note(s)->shift, -1);
	script_ack(s, FWD, SEQ(7001));
	assert_int_equal(script_note(s)->shift, 3);
}

static void each_side_has_its_scale(void **state)
{
	struct tcp_script *s = *state;

	script_handshake_scaled(s, 7, 2);
	assert_int_equal(script_note(s)->shift, 7);
	script_ack(s, REV);
	assert_int_equal(script_note(s)->shift, 2);
}

static void sack_blocks_are_marked(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	assert_has_not(s, NOTE_HAS_SACK);
	script_ack(s, REV, ACKS(1001), SACK(1051, 1101));
	assert_has(s, NOTE_HAS_SACK);
	script_ack(s, REV, ACKS(1001));
	assert_has_not(s, NOTE_HAS_SACK);
}

/* ---- what tshark would not show -------------------------------------------- */

/* It has a SACK option without a block: a broken header, and no record. */
static void nothing_is_shown_of_a_broken_header(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	SCRIPT_PLAY(s, TCP_PSH | TCP_ACK, REV, ACKS(1101), LEN(10), OPTIONS("\5\2"),
		    .bits = SEGMENT_HAS_SACK);
	assert_false(n->is_shown);
	assert_has_not(s, NOTE_RECORD | NOTE_HAS_ACK_RTT);
	assert_int_equal(n->acks_frame, 0);
	assert_int_equal(n->bytes_in_flight, 0);
	assert_int_equal(n->initial_rtt_ns, 0);
	/* But it counted: what it acknowledged is gone. */
	script_ack(s, REV, ACKS(1101));
	assert_int_equal(n->acks_frame, 0);
}

static void nothing_is_shown_of_a_cut_header(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), CUT_AT(16), AFTER_US(300000));
	assert_has(s, NOTE_ANALYSED);
	assert_has_not(s, NOTE_RECORD | NOTE_HAS_RTO);
	assert_false(n->is_shown);
	assert_int_equal(n->rto_frame, 0);
	assert_int_equal(n->bytes_in_flight, 0);
	/* What the project itself tells is no matter of the header's end. */
	assert_int_equal(n->resent_bytes, 100);
}

static void nothing_is_shown_of_a_bad_offset(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), BAD_OFFSET);
	assert_has(s, NOTE_ANALYSED);
	assert_has_not(s, NOTE_RECORD);
	assert_false(script_note(s)->is_shown);
}

static void the_initial_rtt_is_shown_with_a_record(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_syn(s, FWD);
	script_syn_ack(s, REV);
	assert_has(s, NOTE_RECORD);
	assert_int_equal(n->initial_rtt_ns, 0);
	script_ack(s, FWD, AT_US(30000)); /* sets it, and is behind it */
	assert_has(s, NOTE_RECORD);
	assert_int_equal(n->initial_rtt_ns, 30 * SCRIPT_MS);
	script_ack(s, FWD, WIN(500));
	assert_has(s, NOTE_RECORD); /* a window update */
	assert_int_equal(n->initial_rtt_ns, 30 * SCRIPT_MS);
}

/* ---- dup ACKs -------------------------------------------------------------- */

static void a_dup_ack_repeats_the_frame_that_set_the_ack(void **state)
{
	struct tcp_script *s = *state;
	const struct tcp_note *n = script_note(s);

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, LEN(100));
	script_data(s, REV, ACKS(1101), LEN(10)); /* frame 6: the ack changed */
	script_ack(s, REV, ACKS(1101), WIN(1000));
	assert_int_equal(n->dup_ack, 1);
	assert_int_equal(n->dup_ack_frame, 6);
	script_ack(s, REV, ACKS(1101));
	assert_int_equal(n->dup_ack, 2);
	assert_int_equal(n->dup_ack_frame, 6);
	script_ack(s, REV, ACKS(1201)); /* frame 9 */
	assert_int_equal(n->dup_ack, 0);
	assert_int_equal(n->dup_ack_frame, 0);
	script_ack(s, REV, ACKS(1201));
	assert_int_equal(n->dup_ack, 1);
	assert_int_equal(n->dup_ack_frame, 9);
}

/* An ack of 0 is where a side begins: it never changed, and the frame is 0. */
static void a_dup_ack_may_repeat_frame_0(void **state)
{
	struct tcp_script *s = *state;

	script_ack(s, FWD, SEQ(7000), ACKS(0));
	assert_verdicts(script_ack(s, FWD, SEQ(7000), ACKS(0)), V(DUPLICATE_ACK));
	assert_int_equal(script_note(s)->dup_ack, 1);
	assert_int_equal(script_note(s)->dup_ack_frame, 0);
}

/* A RST without the flag has the field too. */
static void the_frame_moves_with_the_ack_field(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_rst(s, REV, ACKS(1000)); /* frame 4 */
	assert_verdicts(script_ack(s, REV, ACKS(1000)), V(DUPLICATE_ACK));
	assert_int_equal(script_note(s)->dup_ack_frame, 4);
}

static void without_details_a_dup_ack_is_told_as_well(void **state)
{
	struct tcp_script *s = *state;

	script_without_details(s);
	script_handshake(s);
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK)); /* the SYN+ACK's */
	assert_int_equal(script_note(s)->dup_ack, 1);
	assert_int_equal(script_note(s)->dup_ack_frame, 0); /* a detail */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(the_segment_as_sent),
		SCRIPT_TEST(verdicts_are_those_of_the_result),
		SCRIPT_TEST(sides_are_told_from_the_first_segment_on),
		SCRIPT_TEST(a_syn_ack_is_from_resp),
		cmocka_unit_test_setup_teardown(the_low_endpoint_is_orig, script_setup_low,
						script_teardown),
		cmocka_unit_test_setup_teardown(the_high_endpoint_is_orig, script_setup_high,
						script_teardown),
		SCRIPT_TEST(a_flow_that_took_over_begins_anew),
		SCRIPT_TEST(completeness_is_that_before_the_segment),
		SCRIPT_TEST(the_handshake_is_completed_once),
		SCRIPT_TEST(bases_of_a_handshake),
		SCRIPT_TEST(bases_midstream_lie_one_below),
		SCRIPT_TEST(an_unanalysed_segment_gives_no_base),
		SCRIPT_TEST(options_of_a_syn),
		SCRIPT_TEST(a_scale_of_zero_is_one),
		SCRIPT_TEST(the_scale_is_that_before_the_segment),
		SCRIPT_TEST(each_side_has_its_scale),
		SCRIPT_TEST(sack_blocks_are_marked),
		SCRIPT_TEST(nothing_is_shown_of_a_broken_header),
		SCRIPT_TEST(nothing_is_shown_of_a_cut_header),
		SCRIPT_TEST(nothing_is_shown_of_a_bad_offset),
		SCRIPT_TEST(the_initial_rtt_is_shown_with_a_record),
		SCRIPT_TEST(a_dup_ack_repeats_the_frame_that_set_the_ack),
		SCRIPT_TEST(a_dup_ack_may_repeat_frame_0),
		SCRIPT_TEST(the_frame_moves_with_the_ack_field),
		SCRIPT_TEST(without_details_a_dup_ack_is_told_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
