/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * MPTCP's exception (spec section 3, steps 9, 16 and 24, and section 5): an ACK that
 * repeats the last one, after an operation that its side has not seen, is no dup ACK.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

/* Kind 30; the subtype is the high half of the third byte. */
#define KEY "\1\2\3\4\5\6\7\x08"
#define MP_CAPABLE_4 "\x1e\4\1\x81"
#define MP_CAPABLE_12 "\x1e\x0c\0\x81" KEY
#define MP_CAPABLE_20 "\x1e\x14\0\x81" KEY KEY
#define MP_CAPABLE_22 "\x1e\x16\1\x81" KEY KEY "\0\x0a"
#define MP_CAPABLE_24 "\x1e\x18\1\x81" KEY KEY "\0\x0a\0\0"
#define MP_CAPABLE_16 "\x1e\x10\0\x81" KEY "\0\0\0\0"
#define MP_JOIN_12 "\x1e\x0c\x10\1\0\1\2\3\4\5\6\7"
#define MP_JOIN_16 "\x1e\x10\x10\1\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b"
#define DSS "\x1e\x08\x20\1\0\0\0\1"
#define ADD_ADDR "\x1e\x08\x34\1\xc0\0\2\7"
#define REMOVE_ADDR "\x1e\4\x40\1"
#define MP_PRIO "\x1e\3\x50"
#define MP_FAIL "\x1e\x0c\x60\0\0\0\0\0\0\0\0\1"
#define MP_FASTCLOSE "\x1e\x0c\x70\0" KEY

/* R sends the same ACK again: is it a duplicate of number nb, or none (0)? */
static void assert_asks_again(struct tcp_script *s, uint32_t nb)
{
	assert_verdicts(script_ack(s, REV), nb != 0 ? V(DUPLICATE_ACK) : NO_VERDICT);
	assert_int_equal(script_note(s)->dup_ack, nb);
}

/* A handshake, data of F with the option, and then R's ACK as before, twice. */
#define ASK_AFTER(s, option, first, second)                                                        \
	do {                                                                                       \
		script_handshake(s);                                                               \
		script_data(s, FWD, LEN(100), OPTIONS(option));                                    \
		assert_verdicts(script_ack(s, REV, ACKS(1001)),                                    \
				(first) ? V(DUPLICATE_ACK) : NO_VERDICT);                          \
		assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));                 \
		assert_int_equal(script_note(s)->dup_ack, (second));                               \
	} while (0)

static void without_mptcp_the_first_counts(void **state)
{
	ASK_AFTER(*state, "\1\1", true, 2);
}

static void dss_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, DSS, false, 1);
}

static void add_addr_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, ADD_ADDR, false, 1);
}

static void remove_addr_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, REMOVE_ADDR, false, 1);
}

static void prio_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_PRIO, false, 1);
}

static void fail_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_FAIL, false, 1);
}

static void fastclose_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_FASTCLOSE, false, 1);
}

static void join_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_JOIN_12, false, 1);
}

static void join_of_another_length_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_JOIN_16, false, 1);
}

static void capable_of_length_12_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_12, false, 1);
}

static void capable_of_length_20_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_20, false, 1);
}

static void capable_of_length_22_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_22, false, 1);
}

static void capable_of_length_24_makes_it_mptcp(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_24, false, 1);
}

/* The SYN of version 1 has no key: nothing begins yet. */
static void capable_of_length_4_does_not(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_4, true, 2);
}

static void capable_of_length_16_does_not(void **state)
{
	ASK_AFTER(*state, MP_CAPABLE_16, true, 2);
}

/* MP_CAPABLE of both sides, then DSS: what R has seen, F's and its own operations. */
static void handshake_of_version_0(struct tcp_script *s)
{
	script_syn(s, FWD, OPTIONS(MP_CAPABLE_12));
	script_syn_ack(s, REV, OPTIONS(MP_CAPABLE_12));
	script_ack(s, FWD, OPTIONS(MP_CAPABLE_20));
}

static void each_new_operation_excepts_one_ack(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	assert_asks_again(s, 1); /* R saw MP_CAPABLE before its SYN+ACK */
	script_data(s, FWD, LEN(100), OPTIONS(DSS));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), NO_VERDICT);
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
	assert_int_equal(script_note(s)->dup_ack, 2); /* not counted, and not begun anew */
	script_data(s, FWD, LEN(100), OPTIONS(DSS));  /* no new one */
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
	assert_int_equal(script_note(s)->dup_ack, 3);
	script_data(s, FWD, LEN(100), OPTIONS(MP_PRIO));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), NO_VERDICT);
}

/* The options of a packet are read behind its own verdicts, and seen by its next. */
static void its_own_operation_excepts_its_next_ack(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	assert_verdicts(script_ack(s, REV, OPTIONS(DSS)), V(DUPLICATE_ACK));
	assert_asks_again(s, 0);
	assert_asks_again(s, 2);
}

static void any_packet_of_its_side_sees(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	script_data(s, FWD, LEN(100), OPTIONS(DSS));
	script_data(s, REV, LEN(10), ACKS(1001));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
}

/* Also when nothing about it is new: no options, the next bytes, an ACK of all. */
static void a_plain_packet_sees_too(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	for (int i = 0; i < 4; i++) {
		script_data(s, FWD, LEN(100));
		script_data(s, REV, LEN(100));
	}
	script_data(s, FWD, LEN(100), OPTIONS(DSS));
	script_data(s, REV, LEN(100));
	assert_verdicts(script_ack(s, REV), V(DUPLICATE_ACK));
}

/* The SYN of version 1 is forgotten: with the SYN+ACK's key R begins, and F has seen nothing. */
static void version_1_begins_with_the_syn_ack(void **state)
{
	struct tcp_script *s = *state;

	script_syn(s, FWD, OPTIONS(MP_CAPABLE_4));
	script_syn_ack(s, REV, OPTIONS(MP_CAPABLE_12));
	assert_asks_again(s, 0);
	assert_asks_again(s, 1);
}

/* An excepted ACK still is a packet: its window and time count, and the peer's probe too. */
static void keep_alive_acks_are_not_excepted(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	script_data(s, FWD, LEN(100), OPTIONS(DSS));
	script_ack(s, REV, ACKS(1101));
	assert_verdicts(script_data(s, FWD, SEQ(1100), LEN(1), OPTIONS(MP_PRIO)), V(KEEP_ALIVE));
	assert_verdicts(script_ack(s, REV, ACKS(1101)), V(KEEP_ALIVE_ACK));
}

static void a_cut_option_is_none(void **state)
{
	struct tcp_script *s = *state;

	script_handshake(s);
	script_data(s, FWD, LEN(100), OPTIONS(DSS), CUT_AT(24));
	assert_verdicts(script_ack(s, REV, ACKS(1001)), V(DUPLICATE_ACK));
}

static void it_is_forgotten_with_the_flow(void **state)
{
	struct tcp_script *s = *state;

	handshake_of_version_0(s);
	script_data(s, FWD, LEN(100), OPTIONS(DSS));
	script_syn(s, FWD, SEQ(9000));
	script_syn_ack(s, REV, ACKS(9001), SEQ(20000));
	script_ack(s, FWD, SEQ(9001), ACKS(20001));
	assert_verdicts(script_ack(s, REV, ACKS(9001), SEQ(20001)), V(DUPLICATE_ACK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(without_mptcp_the_first_counts),
		SCRIPT_TEST(dss_makes_it_mptcp),
		SCRIPT_TEST(add_addr_makes_it_mptcp),
		SCRIPT_TEST(remove_addr_makes_it_mptcp),
		SCRIPT_TEST(prio_makes_it_mptcp),
		SCRIPT_TEST(fail_makes_it_mptcp),
		SCRIPT_TEST(fastclose_makes_it_mptcp),
		SCRIPT_TEST(join_makes_it_mptcp),
		SCRIPT_TEST(join_of_another_length_makes_it_mptcp),
		SCRIPT_TEST(capable_of_length_12_makes_it_mptcp),
		SCRIPT_TEST(capable_of_length_20_makes_it_mptcp),
		SCRIPT_TEST(capable_of_length_22_makes_it_mptcp),
		SCRIPT_TEST(capable_of_length_24_makes_it_mptcp),
		SCRIPT_TEST(capable_of_length_4_does_not),
		SCRIPT_TEST(capable_of_length_16_does_not),
		SCRIPT_TEST(each_new_operation_excepts_one_ack),
		SCRIPT_TEST(its_own_operation_excepts_its_next_ack),
		SCRIPT_TEST(any_packet_of_its_side_sees),
		SCRIPT_TEST(a_plain_packet_sees_too),
		SCRIPT_TEST(version_1_begins_with_the_syn_ack),
		SCRIPT_TEST(keep_alive_acks_are_not_excepted),
		SCRIPT_TEST(a_cut_option_is_none),
		SCRIPT_TEST(it_is_forgotten_with_the_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
