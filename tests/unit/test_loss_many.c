/* SPDX-License-Identifier: BSD-3-Clause */

/* More holes than a side keeps (definitions 5.8), and the letter `g` (4.3). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

/* Settled so far: what time or displacement decided, not what the end would. */
#define assert_settled(s, missed, unresolved)                                                      \
	do {                                                                                       \
		assert_int_equal(script_trouble(s, FWD)->missed_bytes, (missed));                  \
		assert_int_equal(script_trouble(s, FWD)->unresolved_bytes, (unresolved));          \
	} while (0)

#define assert_overflowed(s, n) assert_int_equal(script_row(s)->holes_overflowed, (n))

/* Behind a handshake: hole number i is [1001 + 200 i, 1101 + 200 i), 100 bytes of data follow. */
static void open_holes(struct tcp_script *s, uint32_t nb)
{
	script_handshake(s);
	for (uint32_t i = 0; i < nb; i++)
		script_data(s, FWD, SEQ(1101 + 200 * i), LEN(100), AFTER_US(1));
}

/* ---- 5.8 ------------------------------------------------------------------ */

static void sixteen_holes_fit(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 16);
	assert_overflowed(s, 0);
	assert_settled(s, 0, 0);
	assert_loss(s, FWD, .bytes = 3200, .unresolved = 1600);
}

static void the_17th_settles_the_lowest(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 17);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 16);
	assert_hole(s, 0, 1201, 1301);
	assert_hole(s, 15, 4201, 4301);
	assert_overflowed(s, 1);
	assert_settled(s, 0, 100);
	/* Its bytes count as seen from now on, those of the second are still open. */
	script_data(s, FWD, SEQ(1001), LEN(300), AFTER_US(1));
	assert_int_equal(script_note(s)->fill_bytes, 100);
	assert_int_equal(script_note(s)->fill_frame, 5);
	assert_loss(s, FWD, .bytes = 3400, .unresolved = 1600, .reordered_pkts = 1,
		    .retransmitted = 200, .lost_after = 200);
}

static void the_lowest_is_missed_if_it_was_acked(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_ack(s, REV, ACKS(1101), AFTER_US(1));
	script_data(s, FWD, SEQ(1101 + 3200), LEN(100), AFTER_US(1));
	assert_settled(s, 100, 0);
	assert_overflowed(s, 1);
}

/* An ACK inside a hole makes two of it, of which the lower is settled at once. */
static void an_ack_inside_a_hole_may_need_the_17th(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_ack(s, REV, ACKS(1041), AFTER_US(1));
	assert_overflowed(s, 1);
	assert_settled(s, 40, 0);
	assert_hole(s, 0, 1041, 1101);
	script_data(s, FWD, SEQ(1101 + 3200), LEN(100), AFTER_US(1));
	assert_overflowed(s, 2);
	assert_settled(s, 40, 60);
}

/* One that covers a hole whole makes no two. */
static void an_ack_between_holes_needs_none(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_ack(s, REV, ACKS(1101), AFTER_US(1));
	script_ack(s, REV, ACKS(1201), AFTER_US(1));
	assert_overflowed(s, 0);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 16);
}

static void a_split_may_need_the_17th(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_data(s, FWD, SEQ(1441), LEN(20), AFTER_US(1)); /* in [1401, 1501) */
	assert_overflowed(s, 1);
	assert_settled(s, 0, 100);
	assert_hole(s, 0, 1201, 1301);
	assert_hole(s, 1, 1401, 1441);
	assert_hole(s, 2, 1461, 1501);
	assert_loss(s, FWD, .bytes = 3200, .unresolved = 1580, .reordered_pkts = 1);
}

static void a_split_of_the_lowest_settles_its_lower_rest(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_data(s, FWD, SEQ(1041), LEN(20), AFTER_US(1));
	assert_overflowed(s, 1);
	assert_settled(s, 0, 40);
	assert_hole(s, 0, 1061, 1101);
	assert_hole(s, 1, 1201, 1301);
	assert_loss(s, FWD, .bytes = 3200, .unresolved = 1580, .reordered_pkts = 1);
}

/* The ACK that opens the 17th acknowledged the lowest before. */
static void an_ack_above_hi_may_need_the_17th(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_ack(s, REV, ACKS(4251), AFTER_US(1));
	assert_overflowed(s, 1);
	assert_settled(s, 100, 0);
	assert_loss(s, FWD, .bytes = 3250, .missed = 1650);
}

static void a_filled_hole_makes_room(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_data(s, FWD, SEQ(2001), LEN(100), AFTER_US(1));
	script_data(s, FWD, SEQ(1101 + 3200), LEN(100), AFTER_US(1));
	assert_overflowed(s, 0);
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 16);
}

static void one_packet_fills_them_all(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_data(s, FWD, SEQ(1001), LEN(3200), AFTER_US(1));
	assert_int_equal(script_trouble(s, FWD)->nb_holes, 0);
	assert_loss(s, FWD, .bytes = 3200, .reordered_pkts = 1, .retransmitted = 1600,
		    .lost_after = 1600);
}

static void a_thousand_holes(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 1000);
	assert_overflowed(s, 984);
	assert_settled(s, 0, 98400);
	assert_loss(s, FWD, .bytes = 200000, .unresolved = 100000);
}

static void overflows_of_both_sides_add_up(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 18);
	for (uint32_t i = 0; i < 17; i++)
		script_data(s, REV, SEQ(5002 + 2 * i), LEN(1), ACKS(1001), AFTER_US(1));
	assert_overflowed(s, 3);
}

/* ---- 4.3 ------------------------------------------------------------------ */

#define assert_history(s, letters) assert_string_equal(script_row(s)->history, (letters))

static void g_stands_where_the_hole_was_settled(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_ack(s, REV, ACKS(1301));
	assert_history(s, "ShADaG"); /* if it ended now */
	script_fin(s, FWD, SEQ(1301));
	assert_history(s, "ShADaFG");
	script_fin(s, REV, AFTER_US(5000)); /* the hole first, then the packet */
	assert_history(s, "ShADaFGf");
}

static void g_is_of_the_side_whose_bytes_were_missed(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, REV, LEN(100));
	script_ack(s, FWD, ACKS(5301));
	assert_history(s, "ShAdg");
	script_ack(s, FWD, AFTER_US(5000));
	assert_history(s, "ShAdg");
}

static void g_not_for_what_is_filled_or_unresolved(void **state)
{
	struct tcp_script *s = *state;

	open_hole(s);
	assert_history(s, "ShAD");
	script_ack(s, REV, ACKS(1201));
	assert_history(s, "ShADaG");
	script_data(s, FWD, SEQ(1001), LEN(100)); /* below the highest byte: T */
	assert_history(s, "ShADaT");
}

static void g_at_the_1st_10th_and_100th_time(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	for (uint32_t i = 1; i <= 101; i++) {
		script_ack(s, REV, ACKS(1101 + 10 * i), AFTER_US(5000));
		if (i == 1 || i == 9)
			assert_history(s, "ShADaG");
		else if (i == 10 || i == 99)
			assert_history(s, "ShADaGG");
		else if (i == 100)
			assert_history(s, "ShADaGGG");
	}
	assert_history(s, "ShADaGGG");
}

/* Nine are settled; what is still open makes ten, if it ends now. */
static void what_is_open_at_the_end_counts_for_g(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	for (uint32_t i = 1; i <= 8; i++)
		script_ack(s, REV, ACKS(1101 + 10 * i), AFTER_US(5000));
	script_ack(s, REV, ACKS(1191), AFTER_US(5000));
	script_ack(s, REV, ACKS(1201), AFTER_US(10));
	assert_int_equal(script_trouble(s, FWD)->missed_bytes, 80);
	script_finish(s);
	assert_history(s, "ShADaGG");
}

static void a_displaced_hole_counts_for_g(void **state)
{
	struct tcp_script *s = *state;

	open_holes(s, 16);
	script_ack(s, REV, ACKS(1101), AFTER_US(1));
	script_data(s, FWD, SEQ(1101 + 3200), LEN(100), AFTER_US(1));
	assert_settled(s, 100, 0);
	assert_history(s, "ShADaG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(sixteen_holes_fit),
		SCRIPT_TEST(the_17th_settles_the_lowest),
		SCRIPT_TEST(the_lowest_is_missed_if_it_was_acked),
		SCRIPT_TEST(an_ack_inside_a_hole_may_need_the_17th),
		SCRIPT_TEST(an_ack_between_holes_needs_none),
		SCRIPT_TEST(a_split_may_need_the_17th),
		SCRIPT_TEST(a_split_of_the_lowest_settles_its_lower_rest),
		SCRIPT_TEST(an_ack_above_hi_may_need_the_17th),
		SCRIPT_TEST(a_filled_hole_makes_room),
		SCRIPT_TEST(one_packet_fills_them_all),
		SCRIPT_TEST(a_thousand_holes),
		SCRIPT_TEST(overflows_of_both_sides_add_up),
		SCRIPT_TEST(g_stands_where_the_hole_was_settled),
		SCRIPT_TEST(g_is_of_the_side_whose_bytes_were_missed),
		SCRIPT_TEST(g_not_for_what_is_filled_or_unresolved),
		SCRIPT_TEST(g_at_the_1st_10th_and_100th_time),
		SCRIPT_TEST(what_is_open_at_the_end_counts_for_g),
		SCRIPT_TEST(a_displaced_hole_counts_for_g),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
