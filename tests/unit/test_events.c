/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verdicts as rows of the events table, from notes written by hand and from a
 * conversation, and the table as a file gives it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "script.h"
#include "tcpmill/arrow.h"
#include "tcpmill/event.h"
#include "tcpmill/flow.h"

#define ALL_VERDICTS ((1u << NB_VERDICTS) - 1)

/* 10.0.0.1:40000 is the lower endpoint, 10.0.0.2:80 the higher one. */
static struct flow make_flow(void)
{
	struct flow flow = {
		.port_lo = 40000,
		.port_hi = 80,
		.quick_lo = 0x0a000001,
		.quick_hi = 0x0a000002,
		.stream = 7,
	};

	return flow;
}

/* An ACK of orig in an open connection, with ISNs 1000 and 5000, that repeats frame 40. */
static struct tcp_note make_note(void)
{
	struct tcp_note note = {
		.frame = 42,
		.stream = 7,
		.ts_ns = SCRIPT_EPOCH_NS,
		.bits = NOTE_ANALYSED | NOTE_SEQ_BASE | NOTE_ACK_BASE | NOTE_HAS_RTO,
		.verdicts = V(DUPLICATE_ACK),
		.seq = 1501,
		.ack = 5101,
		.len = 0,
		.flags = TCP_ACK,
		.seq_base = 1000,
		.ack_base = 5000,
		.dup_ack = 3,
		.dup_ack_frame = 40,
		.rto_ns = 250 * SCRIPT_MS,
	};

	return note;
}

/* The one row of a note. */
static struct event_record only_row(const struct tcp_note *note)
{
	const struct flow flow = make_flow();
	struct event_record rows[NB_VERDICTS];

	assert_int_equal(event_record_fill(note, &flow, ALL_VERDICTS, rows), 1);
	return rows[0];
}

/* ---- what a row says ----------------------------------------------------- */

static void row_tells_segment_and_flow(void **state)
{
	const struct tcp_note note = make_note();
	const struct event_record row = only_row(&note);

	(void)state;
	assert_int_equal(row.ts_ns, SCRIPT_EPOCH_NS);
	assert_int_equal(row.frame, 42);
	assert_int_equal(row.stream, 7);
	assert_int_equal(row.src.version, 4);
	assert_int_equal(row.src.bytes[3], 1);
	assert_int_equal(row.src_port, 40000);
	assert_int_equal(row.dst.version, 4);
	assert_int_equal(row.dst.bytes[3], 2);
	assert_int_equal(row.dst_port, 80);
	assert_int_equal(row.direction, 0);
	assert_int_equal(row.verdict, VERDICT_DUPLICATE_ACK);
	assert_int_equal(row.seq, 501);
	assert_int_equal(row.ack, 101);
	assert_int_equal(row.raw_seq, 1501);
	assert_int_equal(row.raw_ack, 5101);
	assert_int_equal(row.len, 0);
}

/* src is orig also in a packet that resp sent, and wherever orig is in the key. */
static void src_is_orig_whoever_sent(void **state)
{
	struct tcp_note note = make_note();
	struct event_record row;

	(void)state;
	note.bits |= NOTE_FROM_RESP;
	row = only_row(&note);
	assert_int_equal(row.direction, 1);
	assert_int_equal(row.src_port, 40000);
	assert_int_equal(row.src.bytes[3], 1);

	note.bits |= NOTE_ORIG_HIGH;
	row = only_row(&note);
	assert_int_equal(row.direction, 1);
	assert_int_equal(row.src_port, 80);
	assert_int_equal(row.src.bytes[3], 2);
	assert_int_equal(row.dst_port, 40000);
	assert_int_equal(row.dst.bytes[3], 1);
}

static void ipv6_addresses_are_whole(void **state)
{
	const struct tcp_note note = make_note();
	struct event_record rows[NB_VERDICTS];
	struct flow flow = make_flow();
	uint8_t addresses[32];

	(void)state;
	for (int i = 0; i < 32; i++)
		addresses[i] = (uint8_t)(0xa0 + i);
	flow.bits = FLOW_IPV6;
	flow.ipv6 = addresses;
	assert_int_equal(event_record_fill(&note, &flow, ALL_VERDICTS, rows), 1);
	assert_int_equal(rows[0].src.version, 6);
	assert_memory_equal(rows[0].src.bytes, addresses, 16);
	assert_memory_equal(rows[0].dst.bytes, addresses + 16, 16);
}

static void relative_numbers_wrap(void **state)
{
	struct tcp_note note = make_note();
	struct event_record row;

	(void)state;
	/* 0x10 comes 0x20 behind 0xfffffff0; one before the base is 2^32 - 1, as in tshark. */
	note.seq_base = 0xfffffff0;
	note.seq = 0x10;
	note.ack = note.ack_base - 1;
	row = only_row(&note);
	assert_int_equal(row.seq, 0x20);
	assert_int_equal(row.ack, INT64_C(0xffffffff));
	assert_int_equal(row.raw_seq, 0x10);
}

static void relative_numbers_are_null_when_unknown(void **state)
{
	struct tcp_note note = make_note();

	(void)state;
	note.bits &= ~NOTE_SEQ_BASE;
	assert_int_equal(only_row(&note).seq, RECORD_NULL_64);
	assert_int_equal(only_row(&note).ack, 101);

	note = make_note();
	note.bits &= ~NOTE_ACK_BASE;
	assert_int_equal(only_row(&note).seq, 501);
	assert_int_equal(only_row(&note).ack, RECORD_NULL_64);

	note = make_note();
	note.bits &= ~NOTE_ANALYSED;
	assert_int_equal(only_row(&note).seq, RECORD_NULL_64);
	assert_int_equal(only_row(&note).ack, RECORD_NULL_64);
	assert_int_equal(only_row(&note).raw_seq, 1501);
}

static void ack_without_its_flag_is_null(void **state)
{
	struct tcp_note note = make_note();

	(void)state;
	note.flags = TCP_RST;
	assert_int_equal(only_row(&note).ack, RECORD_NULL_64);
	assert_int_equal(only_row(&note).raw_ack, 5101);
}

static void stream_that_was_not_given_is_null(void **state)
{
	struct tcp_note note = make_note();

	(void)state;
	note.stream = -1;
	assert_int_equal(only_row(&note).stream, RECORD_NULL_64);
}

/* ---- what belongs to one verdict ----------------------------------------- */

static void duplicate_ack_has_number_and_frame(void **state)
{
	struct tcp_note note = make_note();
	struct event_record row = only_row(&note);

	(void)state;
	assert_int_equal(row.duplicate_ack_num, 3);
	assert_int_equal(row.duplicate_ack_frame, 40);
	assert_int_equal(row.rto_ns, RECORD_NULL_64);

	note.dup_ack = UINT32_MAX;
	note.dup_ack_frame = 0; /* a value, as in tshark */
	row = only_row(&note);
	assert_int_equal(row.duplicate_ack_num, INT64_C(4294967295));
	assert_int_equal(row.duplicate_ack_frame, 0);
}

static void retransmission_has_rto(void **state)
{
	struct tcp_note note = make_note();
	struct event_record row;

	(void)state;
	note.verdicts = V(RETRANSMISSION);
	row = only_row(&note);
	assert_int_equal(row.rto_ns, 250 * SCRIPT_MS);
	assert_int_equal(row.duplicate_ack_num, RECORD_NULL_64);
	assert_int_equal(row.duplicate_ack_frame, RECORD_NULL_64);

	note.bits &= ~NOTE_HAS_RTO;
	assert_int_equal(only_row(&note).rto_ns, RECORD_NULL_64);

	/* tshark tells it of plain retransmissions only. */
	note.bits |= NOTE_HAS_RTO;
	note.verdicts = V(FAST_RETRANSMISSION);
	assert_int_equal(only_row(&note).rto_ns, RECORD_NULL_64);
}

static void cause_is_its_name(void **state)
{
	const struct table_format *format = event_record_format();
	const struct column *column = &format->columns[table_format_find(format, "cause")];
	struct tcp_note note = make_note();

	(void)state;
	note.verdicts = V(RETRANSMISSION);
	note.cause = CAUSE_NONE;
	assert_int_equal(only_row(&note).cause, RECORD_NULL_8);
	for (uint8_t cause = CAUSE_NONE + 1; cause < NB_CAUSES; cause++) {
		note.cause = cause;
		assert_string_equal(column->values[only_row(&note).cause], cause_names[cause]);
	}
	assert_null(column->values[NB_CAUSES - 1]); /* and there is no other value */
}

/* Definitions 8.10. */
static void gaps_have_no_cause(void **state)
{
	struct tcp_note note = make_note();

	(void)state;
	note.cause = CAUSE_TIMEOUT;
	note.verdicts = V(LOST_SEGMENT);
	assert_int_equal(only_row(&note).cause, RECORD_NULL_8);
	note.verdicts = V(ACK_LOST_SEGMENT);
	assert_int_equal(only_row(&note).cause, RECORD_NULL_8);
	note.verdicts = V(OUT_OF_ORDER);
	assert_int_equal(only_row(&note).cause, CAUSE_TIMEOUT - 1);
}

/* ---- how many, in which order -------------------------------------------- */

static void no_verdict_makes_no_row(void **state)
{
	const struct flow flow = make_flow();
	struct event_record rows[NB_VERDICTS];
	struct tcp_note note = make_note();

	(void)state;
	note.verdicts = 0;
	assert_int_equal(event_record_fill(&note, &flow, ALL_VERDICTS, rows), 0);
}

/* The oracle tells duplicate_ack behind ack_lost_segment, and both behind lost_segment. */
static void each_verdict_makes_a_row_in_the_order_told(void **state)
{
	static const enum verdict wanted[] = {VERDICT_LOST_SEGMENT, VERDICT_ACK_LOST_SEGMENT,
					      VERDICT_ZERO_WINDOW, VERDICT_DUPLICATE_ACK};
	const struct flow flow = make_flow();
	struct event_record rows[NB_VERDICTS];
	struct tcp_note note = make_note();

	(void)state;
	note.verdicts = V(DUPLICATE_ACK) | V(ZERO_WINDOW) | V(LOST_SEGMENT) | V(ACK_LOST_SEGMENT);
	assert_int_equal(event_record_fill(&note, &flow, ALL_VERDICTS, rows), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rows[i].verdict, wanted[i]);
		assert_int_equal(rows[i].frame, 42);
		assert_int_equal(rows[i].seq, 501);
		assert_int_equal(rows[i].src_port, 40000);
	}
	assert_int_equal(rows[2].duplicate_ack_num, RECORD_NULL_64);
	assert_int_equal(rows[3].duplicate_ack_num, 3);
}

static void every_verdict_fits(void **state)
{
	const struct flow flow = make_flow();
	struct event_record rows[NB_VERDICTS];
	struct tcp_note note = make_note();
	uint32_t seen = 0;

	(void)state;
	note.verdicts = ALL_VERDICTS;
	assert_int_equal(event_record_fill(&note, &flow, ALL_VERDICTS, rows), NB_VERDICTS);
	for (size_t i = 0; i < NB_VERDICTS; i++)
		seen |= 1u << rows[i].verdict;
	assert_int_equal(seen, ALL_VERDICTS);
}

static void other_verdicts_are_left_out(void **state)
{
	const uint32_t wanted = V(ZERO_WINDOW) | V(KEEP_ALIVE);
	const struct flow flow = make_flow();
	struct event_record rows[NB_VERDICTS];
	struct tcp_note note = make_note();

	(void)state;
	assert_int_equal(event_record_fill(&note, &flow, wanted, rows), 0);
	note.verdicts |= V(ZERO_WINDOW);
	assert_int_equal(event_record_fill(&note, &flow, wanted, rows), 1);
	assert_int_equal(rows[0].verdict, VERDICT_ZERO_WINDOW);
}

/* ---- from a conversation ------------------------------------------------- */

/* A resend after 300 ms, by orig, whichever endpoint of the key it is. */
static void resend_of_a_conversation(void **state)
{
	struct tcp_script *s = *state;
	struct event_record rows[NB_VERDICTS];
	const struct flow_record *record;
	const struct tcp_note *note;

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	note = script_note(s);
	record = script_row(s);
	assert_int_equal(event_record_fill(note, script_flow(s)->flow, ALL_VERDICTS, rows), 1);
	assert_int_equal(rows[0].verdict, VERDICT_RETRANSMISSION);
	assert_int_equal(rows[0].frame, 5);
	assert_int_equal(rows[0].direction, 0);
	assert_int_equal(rows[0].seq, 1);
	assert_int_equal(rows[0].ack, 1);
	assert_int_equal(rows[0].raw_seq, 1001);
	assert_int_equal(rows[0].raw_ack, 5001);
	assert_int_equal(rows[0].len, 100);
	assert_int_equal(rows[0].src_port, SCRIPT_FWD_PORT);
	assert_int_equal(rows[0].dst_port, SCRIPT_REV_PORT);
	assert_memory_equal(rows[0].src.bytes, record->src.bytes, 4);
	assert_memory_equal(rows[0].dst.bytes, record->dst.bytes, 4);
}

/* ---- the file ------------------------------------------------------------ */

static const char *text_of(const struct arrow_reader *reader, const struct arrow_batch *batch,
			   const char *name, char out[64])
{
	const int field = arrow_reader_find(reader, name);
	size_t len = 0;
	const char *text;

	assert_true(field >= 0);
	if (arrow_batch_is_null(batch, (size_t)field, 0))
		return "null";
	text = arrow_batch_text(batch, (size_t)field, 0, &len);
	assert_true(len < 64);
	memcpy(out, text, len);
	out[len] = '\0';
	return out;
}

static int64_t number_of(const struct arrow_reader *reader, const struct arrow_batch *batch,
			 const char *name)
{
	const int field = arrow_reader_find(reader, name);

	assert_true(field >= 0);
	if (arrow_batch_is_null(batch, (size_t)field, 0))
		return RECORD_NULL_64;
	return arrow_batch_int(batch, (size_t)field, 0);
}

static void write_row(const char *path, const struct event_record *row)
{
	struct arrow_encoder *encoder = arrow_encoder_create(event_record_format(), 8);
	struct arrow_writer *writer;
	struct arrow_message message;
	char error[256];

	assert_non_null(encoder);
	arrow_encoder_append(encoder, row, 1);
	assert_int_equal(arrow_encoder_finish(encoder, &message), 0);
	writer = arrow_writer_open(path, event_record_format(), NULL, 0, error, sizeof(error));
	assert_non_null(writer);
	assert_int_equal(arrow_writer_append(writer, &message), 0);
	assert_int_equal(arrow_writer_commit(writer, NULL, 0), 0);
	free(message.data);
	arrow_encoder_destroy(encoder);
}

/* Each column once, by name: the row of duplicate_ack_has_number_and_frame, with a cause. */
static void file_gives_the_row_back(void **state)
{
	static const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{"ts", SCRIPT_EPOCH_NS},
		{"frame", 42},
		{"stream", 7},
		{"src_port", 40000},
		{"dst_port", 80},
		{"seq", 501},
		{"ack", 101},
		{"raw_seq", 1501},
		{"raw_ack", 5101},
		{"len", 0},
		{"duplicate_ack_num", 3},
		{"duplicate_ack_frame", 40},
		{"rto_ns", RECORD_NULL_64},
		{"layer", 2},
	};
	static const struct {
		const char *name, *value;
	} texts[] = {
		{"src_ip", "10.0.0.1"},       {"dst_ip", "10.0.0.2"},         {"direction", "resp"},
		{"verdict", "duplicate_ack"}, {"cause", "capture_duplicate"},
	};
	char path[] = "/tmp/tcpmill-test-events-XXXXXX", error[256], text[64];
	const int fd = mkstemp(path);
	struct tcp_note note = make_note();
	const struct arrow_batch *batch;
	struct arrow_reader *reader;
	struct event_record row;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	note.bits |= NOTE_FROM_RESP;
	note.cause = CAUSE_CAPTURE_DUPLICATE;
	note.layer = 2;
	row = only_row(&note);
	write_row(path, &row);
	reader = arrow_reader_open(path, error, sizeof(error));
	assert_non_null(reader);
	assert_int_equal(arrow_reader_nb_fields(reader), 14 + 5);
	assert_int_equal(arrow_reader_next(reader, &batch), 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(number_of(reader, batch, numbers[i].name), numbers[i].value);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(text_of(reader, batch, texts[i].name, text), texts[i].value);
	assert_int_equal(arrow_reader_next(reader, &batch), 0);
	arrow_reader_close(reader);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_tells_segment_and_flow),
		cmocka_unit_test(src_is_orig_whoever_sent),
		cmocka_unit_test(ipv6_addresses_are_whole),
		cmocka_unit_test(relative_numbers_wrap),
		cmocka_unit_test(relative_numbers_are_null_when_unknown),
		cmocka_unit_test(ack_without_its_flag_is_null),
		cmocka_unit_test(stream_that_was_not_given_is_null),
		cmocka_unit_test(duplicate_ack_has_number_and_frame),
		cmocka_unit_test(retransmission_has_rto),
		cmocka_unit_test(cause_is_its_name),
		cmocka_unit_test(gaps_have_no_cause),
		cmocka_unit_test(no_verdict_makes_no_row),
		cmocka_unit_test(each_verdict_makes_a_row_in_the_order_told),
		cmocka_unit_test(every_verdict_fits),
		cmocka_unit_test(other_verdicts_are_left_out),
		SCRIPT_TEST(resend_of_a_conversation),
		cmocka_unit_test(file_gives_the_row_back),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
