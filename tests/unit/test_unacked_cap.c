/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The list of unacknowledged segments ends at 10,000: beyond it SYN and FIN take no
 * number (spec section 3, step 13). Each scene is played with a list and counted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define CAP 10000u

static int setup_listed(void **state)
{
	*state = script_create(false);
	return *state == NULL ? -1 : 0;
}

static int setup_counted(void **state)
{
	if (setup_listed(state) != 0)
		return -1;
	script_without_details(*state);
	return 0;
}

static int setup_only_counted(void **state)
{
	if (setup_listed(state) != 0)
		return -1;
	script_only_count(*state);
	return 0;
}

/* Known differences of a tracker that never keeps a list: these scenes have no third run. */
#define COUNTED_TEST(f)                                                                            \
	{#f, f, setup_listed, script_teardown, NULL},                                              \
	{                                                                                          \
#f " (counted)", f, setup_counted, script_teardown, NULL                           \
	}

#define CAP_TEST(f)                                                                                \
	COUNTED_TEST(f),                                                                           \
	{                                                                                          \
#f " (only counted)", f, setup_only_counted, script_teardown, NULL                 \
	}

/*
 * Known difference: a count is from above. An ACK of a part of what was counted may
 * go unnoticed, and then the cap is reached that much too early.
 */
#define LISTED_TEST(f)                                                                             \
	{                                                                                          \
#f, f, setup_listed, script_teardown, NULL                                         \
	}

/* nb segments of len bytes from seq on. Returns the number behind them. */
static uint32_t send_from(struct tcp_script *s, uint32_t seq, uint32_t nb, uint32_t len)
{
	for (uint32_t i = 0; i < nb; i++, seq += len)
		script_ack(s, FWD, SEQ(seq), LEN(len));
	return seq;
}

/*
 * A FIN that takes a number is behind it when it comes again; one that takes none
 * is not: the verdict tells how many segments wait.
 */
static void assert_nb_waiting_is_below_cap(struct tcp_script *s, uint32_t fin, bool is_below)
{
	script_fin(s, FWD, SEQ(fin));
	assert_verdicts(script_fin(s, FWD, SEQ(fin)), is_below ? V(RETRANSMISSION) : NO_VERDICT);
}

#define assert_below_cap(s, fin) assert_nb_waiting_is_below_cap((s), (fin), true)
#define assert_at_cap(s, fin) assert_nb_waiting_is_below_cap((s), (fin), false)

/* ---- one-way -------------------------------------------------------------- */

static void a_fin_behind_9990_segments_takes_a_number(void **state)
{
	struct tcp_script *s = *state;

	assert_below_cap(s, send_from(s, 7000, 9990, 1));
}

static void a_fin_behind_9999_segments_takes_a_number(void **state)
{
	struct tcp_script *s = *state;

	assert_below_cap(s, send_from(s, 7000, 9999, 1));
}

static void a_fin_behind_10000_segments_takes_none(void **state)
{
	struct tcp_script *s = *state;

	assert_at_cap(s, send_from(s, 7000, CAP, 1));
}

static void a_fin_behind_10010_segments_takes_none(void **state)
{
	struct tcp_script *s = *state;

	assert_at_cap(s, send_from(s, 7000, 10010, 1));
}

static void a_syn_waits_too(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_below_cap(s, send_from(s, 1001, 9998, 1));
}

static void a_syn_is_the_first_of_10000(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD);
	assert_at_cap(s, send_from(s, 1001, 9999, 1));
}

/* Resends wait beside what they repeat. */
static void resends_wait_too(void **state)
{
	struct tcp_script *s = *state;

	for (uint32_t i = 0; i < CAP / 2; i++)
		(void)send_from(s, 7000, 2, 100);
	assert_at_cap(s, 7200);
}

static void bare_acks_do_not_wait(void **state)
{
	struct tcp_script *s = *state;
	uint32_t end = send_from(s, 7000, 9990, 1);

	for (uint32_t i = 0; i < 100; i++)
		script_ack(s, FWD, SEQ(end), ACKS(i));
	assert_below_cap(s, end);
}

/* A FIN that took no number leaves next where it was: data goes on behind it. */
static void a_syn_takes_no_number_at_the_cap_either(void **state)
{
	struct tcp_script *s = *state;
	uint32_t end = send_from(s, 7000, CAP, 1);

	SCRIPT_PLAY(s, TCP_SYN | TCP_ACK, FWD, SEQ(end));
	assert_verdicts(script_data(s, FWD, SEQ(end + 1), LEN(10)), V(LOST_SEGMENT));
}

/* ---- with ACKs ------------------------------------------------------------ */

/* first segments, nb_acked of them acknowledged, then more. */
static void send_ack_send(struct tcp_script *s, uint32_t first, uint32_t nb_acked, uint32_t more,
			  bool is_below)
{
	uint32_t end = send_from(s, 7000, first, 2);

	script_ack(s, REV, SEQ(5000), ACKS(7000 + 2 * nb_acked));
	end = send_from(s, end, more, 2);
	assert_nb_waiting_is_below_cap(s, end, is_below);
}

static void an_ack_of_all_empties_it(void **state)
{
	send_ack_send(*state, 5000, 5000, 9999, true);
}

static void an_ack_of_all_empties_it_and_10000_fill_it(void **state)
{
	send_ack_send(*state, 5000, 5000, CAP, false);
}

static void an_ack_of_all_empties_a_full_one(void **state)
{
	send_ack_send(*state, 12000, 12000, 9999, true);
}

/* 5,000 - 2,500 + 7,499 */
static void an_ack_of_half_leaves_the_other_half(void **state)
{
	send_ack_send(*state, 5000, 2500, 7499, true);
}

static void an_ack_of_half_leaves_room_for_half(void **state)
{
	send_ack_send(*state, 5000, 2500, 7500, false);
}

/* An ACK of a few, which a count may miss; it never counts too few. */
static void an_ack_of_some_of_few(void **state)
{
	send_ack_send(*state, 1000, 400, 9399, true);
}

static void an_ack_of_some_of_few_and_10000(void **state)
{
	send_ack_send(*state, 1000, 400, 9400, false);
}

static void an_ack_of_some_of_many(void **state)
{
	send_ack_send(*state, 2000, 500, 8499, true);
}

static void an_ack_of_some_of_many_and_10000(void **state)
{
	send_ack_send(*state, 2000, 500, 8500, false);
}

static void an_ack_of_the_first_of_few(void **state)
{
	send_ack_send(*state, 20, 1, 9980, true);
}

static void an_ack_of_the_first_of_few_and_10000(void **state)
{
	send_ack_send(*state, 20, 1, 9981, false);
}

/* 5,000 are gone; then 2 - 1 + 9,990. */
static void what_was_acked_before_is_forgotten(void **state)
{
	struct tcp_script *s = *state;
	uint32_t end = send_from(s, 7000, 5000, 1);

	script_ack(s, REV, SEQ(5000), ACKS(end));
	end = send_from(s, end, 2, 1);
	script_ack(s, REV, SEQ(5000), ACKS(end - 1));
	assert_below_cap(s, send_from(s, end, 9990, 1));
}

static void what_is_acked_one_by_one_does_not_add_up(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	for (uint32_t i = 0; i < 11000; i++) {
		script_data(s, FWD, SEQ(1001 + i), LEN(1));
		script_ack(s, REV, ACKS(1002 + i));
	}
	assert_below_cap(s, 12001);
}

/* Of what the cap kept out nothing is known: an ACK of the first takes one from the list. */
static void an_ack_of_the_first_makes_room_for_one(void **state)
{
	send_ack_send(*state, 11000, 1, 0, true);
}

static void an_ack_of_the_first_makes_room_for_one_only(void **state)
{
	send_ack_send(*state, 11000, 1, 1, false);
}

static void an_ack_inside_a_segment_leaves_it(void **state)
{
	struct tcp_script *s = *state;
	uint32_t end = send_from(s, 7000, 9999, 10);

	script_ack(s, REV, SEQ(5000), ACKS(7005));
	assert_below_cap(s, end);
	script_ack(s, REV, SEQ(5000), ACKS(7005)); /* with the FIN there are 10,000 */
	assert_at_cap(s, end + 1);
}

/* ---- numbers that do not go up -------------------------------------------- */

/* An ACK of everything before the probes takes none of them. */
static void probe_window(struct tcp_script *s, uint32_t nb, bool is_below)
{
	script_handshake(s);
	for (uint32_t i = 0; i < nb; i++) {
		if (i % 100 == 0)
			script_ack(s, REV, ACKS(1001), WIN(0));
		script_ack(s, FWD, SEQ(1001), LEN(1));
	}
	script_ack(s, REV, ACKS(1001), WIN(0));
	assert_nb_waiting_is_below_cap(s, 1001, is_below);
}

static void behind_9999_window_probes(void **state)
{
	probe_window(*state, 9999, true);
}

static void behind_10000_window_probes(void **state)
{
	probe_window(*state, CAP, false);
}

static void an_ack_of_the_probes_takes_them(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_ack(s, REV, ACKS(1001), WIN(0));
	for (uint32_t i = 0; i < CAP; i++)
		script_ack(s, FWD, SEQ(1001), LEN(1));
	script_ack(s, REV, ACKS(1002), WIN(0));
	assert_below_cap(s, 1002);
}

/*
 * A repeated SYN takes next back to the hole at 1101: an ACK of it is none of
 * the 1,000 segments above the hole.
 */
static void repeat_the_syn(struct tcp_script *s, uint32_t more, bool is_below)
{
	uint32_t end;

	script_handshake(s);
	script_ack(s, FWD, LEN(100));
	end = send_from(s, 1201, 1000, 1);
	script_syn(s, FWD, SEQ(1000));
	script_ack(s, REV, SEQ(5001), ACKS(1101));
	end = send_from(s, end, more, 1);
	assert_nb_waiting_is_below_cap(s, end, is_below);
}

static void a_repeated_syn_empties_nothing_8999(void **state)
{
	repeat_the_syn(*state, 8999, true);
}

static void a_repeated_syn_empties_nothing_9000(void **state)
{
	repeat_the_syn(*state, 9000, false);
}

/*
 * When next wraps to exactly 0 any segment sets it (step 14): the first one, sent
 * again, takes it back. An ACK of it leaves 999.
 */
static void wrap_to_zero(struct tcp_script *s, uint32_t more, bool is_below)
{
	uint32_t end = send_from(s, 0u - 1000, 1000, 1);

	assert_int_equal(end, 0);
	(void)send_from(s, 0u - 1000, 1, 1);
	script_ack(s, REV, SEQ(5000), ACKS(0u - 999));
	end = send_from(s, end, more, 1);
	assert_nb_waiting_is_below_cap(s, end, is_below);
}

static void next_of_zero_goes_back_9000(void **state)
{
	wrap_to_zero(*state, 9000, true);
}

static void next_of_zero_goes_back_9001(void **state)
{
	wrap_to_zero(*state, 9001, false);
}

/*
 * 2^31 - 500 above everything: to the 500 highest segments the ACK lies above, to the
 * 500 lowest it lies below, and those stay.
 */
static void ack_from_the_other_half(struct tcp_script *s, uint32_t more, bool is_below)
{
	uint32_t end = send_from(s, 7000, 1000, 1);

	script_rst(s, REV, SEQ(5000), ACKS(end + (1u << 31) - 500));
	end = send_from(s, end, more, 1);
	assert_nb_waiting_is_below_cap(s, end, is_below);
}

static void an_ack_half_the_numbers_away_takes_half_9499(void **state)
{
	ack_from_the_other_half(*state, 9499, true);
}

static void an_ack_half_the_numbers_away_takes_half_9500(void **state)
{
	ack_from_the_other_half(*state, 9500, false);
}

/*
 * Between 9,850 and 9,900 wait while the list slides on through its memory, which is
 * largest by then: it must move to the front, it cannot grow. The oldest one is always
 * the first that no ACK reached.
 */
static void a_nearly_full_list_slides(void **state)
{
	struct tcp_script *s = *state;
	uint32_t seq = send_from(s, 7000, 9900, 1), acked = 7000;

	for (int round = 0; round < 400; round++) {
		acked += 50;
		script_ack(s, REV, ACKS(acked));
		seq = send_from(s, seq, 50, 1);
	}
	assert_int_equal(seq - acked, 9900);
	script_data(s, FWD, SEQ(seq), LEN(1));
	assert_int_equal(script_note(s)->bytes_in_flight, 9901);
	/* Frames: 9,900, then 51 a round. The oldest left was sent as the 20,001st. */
	assert_verdicts(script_data(s, FWD, SEQ(acked), LEN(2), AFTER_US(5000)), V(RETRANSMISSION));
	assert_int_equal(script_note(s)->rto_frame, 9900 + (20000 - 9900) / 50 * 51 + 2);
	assert_below_cap(s, seq + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAP_TEST(a_fin_behind_9990_segments_takes_a_number),
		CAP_TEST(a_fin_behind_9999_segments_takes_a_number),
		CAP_TEST(a_fin_behind_10000_segments_takes_none),
		CAP_TEST(a_fin_behind_10010_segments_takes_none),
		CAP_TEST(a_syn_waits_too),
		CAP_TEST(a_syn_is_the_first_of_10000),
		CAP_TEST(resends_wait_too),
		CAP_TEST(bare_acks_do_not_wait),
		CAP_TEST(a_syn_takes_no_number_at_the_cap_either),
		CAP_TEST(an_ack_of_all_empties_it),
		CAP_TEST(an_ack_of_all_empties_it_and_10000_fill_it),
		CAP_TEST(an_ack_of_all_empties_a_full_one),
		COUNTED_TEST(an_ack_of_half_leaves_the_other_half),
		CAP_TEST(an_ack_of_half_leaves_room_for_half),
		LISTED_TEST(an_ack_of_some_of_few),
		CAP_TEST(an_ack_of_some_of_few_and_10000),
		LISTED_TEST(an_ack_of_some_of_many),
		CAP_TEST(an_ack_of_some_of_many_and_10000),
		LISTED_TEST(an_ack_of_the_first_of_few),
		CAP_TEST(an_ack_of_the_first_of_few_and_10000),
		LISTED_TEST(an_ack_of_the_first_makes_room_for_one),
		CAP_TEST(an_ack_of_the_first_makes_room_for_one_only),
		CAP_TEST(what_was_acked_before_is_forgotten),
		CAP_TEST(what_is_acked_one_by_one_does_not_add_up),
		CAP_TEST(an_ack_inside_a_segment_leaves_it),
		CAP_TEST(behind_9999_window_probes),
		COUNTED_TEST(behind_10000_window_probes),
		CAP_TEST(an_ack_of_the_probes_takes_them),
		LISTED_TEST(a_repeated_syn_empties_nothing_8999),
		COUNTED_TEST(a_repeated_syn_empties_nothing_9000),
		LISTED_TEST(next_of_zero_goes_back_9000),
		COUNTED_TEST(next_of_zero_goes_back_9001),
		LISTED_TEST(an_ack_half_the_numbers_away_takes_half_9499),
		CAP_TEST(an_ack_half_the_numbers_away_takes_half_9500),
		LISTED_TEST(a_nearly_full_list_slides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
