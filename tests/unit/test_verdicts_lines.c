/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines of `verdicts`, from notes made by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/verdicts_priv.h"
#include "tcpmill/engine.h"
#include "tcpmill/flow.h"
#include "tcpmill/segment.h"

struct line {
	char s[VERDICTS_LINE_MAX + 1];
};

static struct line text_of(const struct engine_told *told)
{
	struct line line;

	*verdicts_put_text(line.s, &told, 1) = '\0';
	return line;
}

static struct line json_of(const struct engine_told *told)
{
	struct verdicts_json json = {.second = INT64_MIN};
	struct line line;

	*verdicts_put_json(&json, line.s, told) = '\0';
	return line;
}

/* Low end 10.0.0.9:80, high end 192.0.2.200:50000, which called. */
static const struct flow flow = {
	.port_lo = 80,
	.port_hi = 50000,
	.quick_lo = 0x0a000009,
	.quick_hi = 0xc00002c8,
};

static struct engine_told plain(void)
{
	return (struct engine_told){
		.note =
			{
				.frame = 12,
				.stream = 0,
				.ts_ns = 1700000000000000042, /* 2023-11-14T22:13:20 */
				.bits = NOTE_ANALYSED | NOTE_SEQ_BASE | NOTE_ACK_BASE |
					NOTE_ORIG_HIGH,
				.seq = 105,
				.seq_base = 100,
				.ack = 4,
				.ack_base = UINT32_MAX,
				.len = 7,
				.flags = TCP_ACK | TCP_PSH,
				.is_shown = true,
			},
		.flow = &flow,
	};
}

static void numbers_of_every_length(void **state)
{
	char largest[32];
	uint64_t n = 0;

	(void)state;
	/* Powers of ten with their neighbours. */
	for (int i = 0; i < 20; i++) {
		const uint64_t some[] = {n, n + 1, n == 0 ? 0 : n - 1};

		for (int j = 0; j < 3; j++) {
			char got[32], want[32];

			*put_uint(got, some[j]) = '\0';
			snprintf(want, sizeof(want), "%llu", (unsigned long long)some[j]);
			assert_string_equal(got, want);
		}
		n = n == 0 ? 10 : n * 10;
	}
	*put_uint(largest, UINT64_MAX) = '\0';
	assert_string_equal(largest, "18446744073709551615");
}

static void four_columns_always(void **state)
{
	struct engine_told told = plain();

	(void)state;
	assert_string_equal(text_of(&told).s, "12\t0\t\t\n");
	told.note.frame = 4294967296;
	told.note.stream = 1234567;
	told.note.verdicts = 1u << VERDICT_KEEP_ALIVE;
	assert_string_equal(text_of(&told).s, "4294967296\t1234567\tkeep_alive\t\n");
}

/* As the oracle joins the layers of a frame. */
static void a_line_of_several_segments(void **state)
{
	struct engine_told outer = plain(), middle = plain(), inner = plain();
	const struct engine_told *const told[] = {&outer, &middle, &inner};
	struct line line;

	(void)state;
	outer.note.verdicts = 1u << VERDICT_DUPLICATE_ACK | 1u << VERDICT_LOST_SEGMENT;
	outer.note.dup_ack = 3;
	middle.note.stream = 41;
	inner.note.stream = 2;
	inner.note.verdicts = 1u << VERDICT_DUPLICATE_ACK | 1u << VERDICT_RETRANSMISSION;
	inner.note.dup_ack = 10;
	*verdicts_put_text(line.s, told, 3) = '\0';
	assert_string_equal(line.s, "12\t0,41,2\tretransmission,lost_segment,duplicate_ack,"
				    "duplicate_ack\t3,10\n");
	*verdicts_put_text(line.s, told, 2) = '\0';
	assert_string_equal(line.s, "12\t0,41\tlost_segment,duplicate_ack\t3\n");
}

/* 40 bytes have room for 13 Fast Open options with a cookie of one byte. */
static void a_cookie_each(void **state)
{
	struct engine_told told = plain();
	const struct engine_told *const twice[] = {&told, &told};
	struct line line;
	size_t len;

	(void)state;
	told.note.verdicts = 1u << VERDICT_TFO_SYN | 1u << VERDICT_REUSED_PORTS;
	told.note.nb_tfo_more = 1;
	assert_string_equal(text_of(&told).s, "12\t0\treused_ports,tfo_syn,tfo_syn\t\n");
	assert_non_null(strstr(json_of(&told).s,
			       "\"verdicts\":[\"reused_ports\",\"tfo_syn\",\"tfo_syn\"]"));
	*verdicts_put_text(line.s, twice, 2) = '\0';
	assert_string_equal(line.s, "12\t0,0\treused_ports,reused_ports,tfo_syn,tfo_syn,tfo_syn,"
				    "tfo_syn\t\n");
	told.note.verdicts = 1u << VERDICT_TFO_SYN;
	told.note.nb_tfo_more = 12;
	len = strlen(text_of(&told).s);
	assert_int_equal(len, strlen("12\t0\t\t\n") + 13 * strlen("tfo_syn,") - 1);
}

/* The oracle's order: lost_segment, ack_lost_segment, ..., reused_ports, duplicate_ack. */
static void verdicts_come_in_the_oracles_order(void **state)
{
	struct engine_told told = plain();

	(void)state;
	told.note.verdicts = 1u << VERDICT_DUPLICATE_ACK | 1u << VERDICT_ACK_LOST_SEGMENT |
			     1u << VERDICT_REUSED_PORTS | 1u << VERDICT_LOST_SEGMENT;
	told.note.dup_ack = 31;
	assert_string_equal(
		text_of(&told).s,
		"12\t0\tlost_segment,ack_lost_segment,reused_ports,duplicate_ack\t31\n");
}

static void json_tells_the_segment(void **state)
{
	struct engine_told told = plain();

	(void)state;
	/* seq 105 - 100; ack 4 - (2^32 - 1) = 5. */
	assert_string_equal(
		json_of(&told).s,
		"{\"frame\":12,\"stream\":0,\"ts\":\"2023-11-14T22:13:20.000000042Z\","
		"\"src\":\"192.0.2.200\",\"sport\":50000,\"dst\":\"10.0.0.9\",\"dport\":80,"
		"\"flags\":\"PSH,ACK\",\"seq\":5,\"seq_raw\":105,\"ack\":5,\"ack_raw\":4,"
		"\"len\":7,\"verdicts\":[],\"completeness\":0}\n");
}

static void json_of_resp_comes_from_the_other_end(void **state)
{
	struct engine_told told = plain();

	(void)state;
	told.note.bits |= NOTE_FROM_RESP;
	assert_non_null(strstr(json_of(&told).s, "\"src\":\"10.0.0.9\",\"sport\":80,"
						 "\"dst\":\"192.0.2.200\",\"dport\":50000,"));
	told.note.bits &= ~NOTE_ORIG_HIGH;
	assert_non_null(strstr(json_of(&told).s, "\"src\":\"192.0.2.200\",\"sport\":50000,"));
}

static void json_has_raw_numbers_where_no_base_is_known(void **state)
{
	struct engine_told told = plain();

	(void)state;
	told.note.flags = TCP_SYN; /* without ACK the field means nothing */
	assert_non_null(
		strstr(json_of(&told).s, "\"seq\":5,\"seq_raw\":105,\"ack\":4,\"ack_raw\":4,"));
	told.note.flags = TCP_ACK;
	told.note.bits &= ~NOTE_ANALYSED;
	assert_non_null(
		strstr(json_of(&told).s, "\"seq\":105,\"seq_raw\":105,\"ack\":4,\"ack_raw\":4,"));
}

static void json_tells_what_tshark_shows(void **state)
{
	struct engine_told told = plain();

	(void)state;
	told.note.verdicts = 1u << VERDICT_RETRANSMISSION;
	told.note.bits |= NOTE_HAS_RTO | NOTE_HAS_ACK_RTT | NOTE_RECORD;
	told.note.rto_ns = -1500000000;
	told.note.rto_frame = 3;
	told.note.acks_frame = 11;
	told.note.ack_rtt_ns = 120;
	told.note.initial_rtt_ns = 61000000000;
	told.note.bytes_in_flight = 14;
	told.note.push_bytes = 7;
	told.note.completeness = 31;
	told.note.cause = CAUSE_TIMEOUT;
	assert_non_null(
		strstr(json_of(&told).s,
		       "\"verdicts\":[\"retransmission\"],\"rto\":-1.500000000,\"rto_frame\":3,"
		       "\"acks_frame\":11,\"ack_rtt\":0.000000120,\"initial_rtt\":61.000000000,"
		       "\"bytes_in_flight\":14,\"push_bytes_sent\":7,\"completeness\":31,"
		       "\"cause\":\"timeout\"}\n"));
	/* A header that the snaplen cut: tshark shows nothing of its analysis. */
	told.note.is_shown = false;
	assert_non_null(strstr(json_of(&told).s, "\"verdicts\":[\"retransmission\"],"
						 "\"completeness\":31,"));
}

static void json_of_times_before_1970(void **state)
{
	struct engine_told told = plain();

	(void)state;
	told.note.ts_ns = -1;
	assert_non_null(strstr(json_of(&told).s, "\"ts\":\"1969-12-31T23:59:59.999999999Z\""));
	told.note.ts_ns = INT64_MIN;
	assert_non_null(strstr(json_of(&told).s, "\"ts\":\"1677-09-21T00:12:43.145224192Z\""));
}

/* Everything at its longest fits into the room a line is given. */
static void longest_lines_fit(void **state)
{
	struct flow far = flow;
	uint8_t addresses[32];
	struct engine_told told = {.flow = &far};

	(void)state;
	memset(&told.note, 0xff, sizeof(told.note));
	told.note.stream = INT64_MAX;
	told.note.ts_ns = INT64_MAX;
	told.note.verdicts = (1u << NB_VERDICTS) - 1;
	told.note.nb_tfo_more = 12;
	told.note.cause = CAUSE_CAPTURE_DUPLICATE;
	told.note.rto_ns = INT64_MIN;
	told.note.ack_rtt_ns = INT64_MIN;
	told.note.initial_rtt_ns = INT64_MIN;
	told.note.is_shown = true;
	far.bits = FLOW_IPV6;
	far.ipv6 = addresses;
	memset(addresses, 0xab, 16);
	memset(addresses + 16, 0xcd, 16);
	assert_in_range(strlen(text_of(&told).s), 300, VERDICTS_LINE_MAX);
	assert_in_range(strlen(json_of(&told).s), 900, VERDICTS_LINE_MAX);
	assert_non_null(strstr(json_of(&told).s, "\"rto\":-9223372036.854775808,"));
	assert_non_null(
		strstr(json_of(&told).s, "\"src\":\"abab:abab:abab:abab:abab:abab:abab:abab\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_every_length),
		cmocka_unit_test(four_columns_always),
		cmocka_unit_test(a_line_of_several_segments),
		cmocka_unit_test(a_cookie_each),
		cmocka_unit_test(verdicts_come_in_the_oracles_order),
		cmocka_unit_test(json_tells_the_segment),
		cmocka_unit_test(json_of_resp_comes_from_the_other_end),
		cmocka_unit_test(json_has_raw_numbers_where_no_base_is_known),
		cmocka_unit_test(json_tells_what_tshark_shows),
		cmocka_unit_test(json_of_times_before_1970),
		cmocka_unit_test(longest_lines_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
