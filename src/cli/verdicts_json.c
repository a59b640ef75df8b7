/* SPDX-License-Identifier: BSD-3-Clause */

/* Verdicts as JSON, one object a line: what tshark shows of a segment, and the segment itself. */

#include "tcpmill/engine.h"
#include "tcpmill/flow.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "text.h"
#include "verdicts_priv.h"

#define SECOND_NS 1000000000

/* In the order of bits. */
static const char *const flag_names[TCP_NB_FLAGS] = {"FIN", "SYN", "RST", "PSH",
						     "ACK", "URG", "ECE", "CWR"};

static char *put_word(char *at, const char *text)
{
	return put_text(at, text, strlen(text));
}

/* The name of the next field; all but the first, which opens the object, begin like this. */
static char *put_name(char *at, const char *name)
{
	at = put_text(at, ",\"", 2);
	at = put_word(at, name);
	return put_text(at, "\":", 2);
}

static char *put_number(char *at, const char *name, uint64_t n)
{
	return put_uint(put_name(at, name), n);
}

static char *put_string(char *at, const char *name, const char *text)
{
	at = put_name(at, name);
	*at++ = '"';
	at = put_word(at, text);
	*at++ = '"';
	return at;
}

/* Nine digits. */
static char *put_fraction(char *at, uint32_t ns)
{
	for (int i = 8; i >= 0; i--) {
		at[i] = (char)('0' + ns % 10);
		ns /= 10;
	}
	return at + 9;
}

/* "-0.000000120" */
static char *put_seconds(char *at, const char *name, int64_t ns)
{
	const uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	at = put_name(at, name);
	if (ns < 0)
		*at++ = '-';
	at = put_uint(at, n / SECOND_NS);
	*at++ = '.';
	return put_fraction(at, (uint32_t)(n % SECOND_NS));
}

/* "2026-11-20T09:00:00.000000123Z"; the date is only made when the second changes. */
static char *put_time(struct verdicts_json *json, char *at, int64_t ts_ns)
{
	int64_t second = ts_ns / SECOND_NS, ns = ts_ns % SECOND_NS;

	if (ns < 0) {
		ns += SECOND_NS;
		second--;
	}
	if (second != json->second) {
		const struct text text = text_time_iso(ts_ns);

		memcpy(json->date, text.s, sizeof(json->date));
		json->second = second;
	}
	at = put_text(put_name(at, "ts"), "\"", 1);
	at = put_text(at, json->date, sizeof(json->date));
	at = put_fraction(at, (uint32_t)ns);
	return put_text(at, "Z\"", 2);
}

/* IPv4 by hand, for most addresses are; inet_ntop(3) does it with printf. */
static char *put_address(char *at, const uint8_t *bytes, bool is_ipv6)
{
	struct record_address address = {.version = 6};

	if (!is_ipv6) {
		for (int i = 0; i < 4; i++) {
			at = put_uint(at, bytes[i]);
			*at++ = '.';
		}
		return at - 1; /* without the last dot */
	}
	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return put_word(at, text_address(&address).s);
}

static char *put_end(char *at, const struct flow *flow, bool high, const char *const names[2])
{
	uint8_t address[16];

	at = put_text(put_name(at, names[0]), "\"", 1);
	flow_address(flow, high, address);
	at = put_address(at, address, (flow->bits & FLOW_IPV6) != 0);
	*at++ = '"';
	return put_number(at, names[1], high ? flow->port_hi : flow->port_lo);
}

static char *put_ends(char *at, const struct engine_told *told)
{
	static const char *const source[2] = {"src", "sport"}, *const target[2] = {"dst", "dport"};
	const bool orig_high = (told->note.bits & NOTE_ORIG_HIGH) != 0;
	const bool from_high = orig_high != ((told->note.bits & NOTE_FROM_RESP) != 0);

	at = put_end(at, told->flow, from_high, source);
	return put_end(at, told->flow, !from_high, target);
}

/* Relative numbers are those of tshark, which are raw where it knows no base. */
static char *put_segment(char *at, const struct tcp_note *note)
{
	const bool analysed = (note->bits & NOTE_ANALYSED) != 0;
	const bool has_seq = analysed && (note->bits & NOTE_SEQ_BASE) != 0;
	const bool has_ack =
		analysed && (note->bits & NOTE_ACK_BASE) != 0 && (note->flags & TCP_ACK) != 0;
	bool has_one = false;

	at = put_text(put_name(at, "flags"), "\"", 1);
	for (int i = 0; i < TCP_NB_FLAGS; i++) {
		if ((note->flags >> i & 1) == 0)
			continue;
		if (has_one)
			*at++ = ',';
		has_one = true;
		at = put_text(at, flag_names[i], 3);
	}
	*at++ = '"';
	at = put_number(at, "seq", note->seq - (has_seq ? note->seq_base : 0));
	at = put_number(at, "seq_raw", note->seq);
	at = put_number(at, "ack", note->ack - (has_ack ? note->ack_base : 0));
	at = put_number(at, "ack_raw", note->ack);
	return put_number(at, "len", note->len);
}

static char *put_verdicts(char *at, const struct tcp_note *note)
{
	bool has_one = false;

	at = put_text(put_name(at, "verdicts"), "[", 1);
	for (int i = 0; note->verdicts != 0 && i < NB_VERDICTS; i++) {
		const unsigned int v = verdict_order[i];

		for (uint32_t n = verdicts_times(note, v); n != 0; n--) {
			at = put_word(at, has_one ? ",\"" : "\"");
			has_one = true;
			at = put_word(at, verdict_names[v]);
			*at++ = '"';
		}
	}
	*at++ = ']';
	return at;
}

/* Fields of tshark's analysis; each is there only where tshark shows it. */
static char *put_analysis(char *at, const struct tcp_note *note)
{
	if (note->verdicts >> VERDICT_DUPLICATE_ACK & 1) {
		at = put_number(at, "duplicate_ack_num", note->dup_ack);
		at = put_number(at, "duplicate_ack_frame", note->dup_ack_frame);
	}
	if (note->bits & NOTE_HAS_RTO)
		at = put_seconds(at, "rto", note->rto_ns);
	if (note->rto_frame != 0)
		at = put_number(at, "rto_frame", note->rto_frame);
	if (note->acks_frame != 0)
		at = put_number(at, "acks_frame", note->acks_frame);
	if (note->bits & NOTE_HAS_ACK_RTT)
		at = put_seconds(at, "ack_rtt", note->ack_rtt_ns);
	if ((note->bits & NOTE_RECORD) != 0 && note->initial_rtt_ns != 0)
		at = put_seconds(at, "initial_rtt", note->initial_rtt_ns);
	if (note->bytes_in_flight != 0) {
		at = put_number(at, "bytes_in_flight", note->bytes_in_flight);
		at = put_number(at, "push_bytes_sent", note->push_bytes);
	}
	return at;
}

void verdicts_prefetch(const struct engine_told *told)
{
	__builtin_prefetch(told->flow);
}

char *verdicts_put_json(struct verdicts_json *json, char *at, const struct engine_told *told)
{
	const struct tcp_note *note = &told->note;

	at = put_word(at, "{\"frame\":");
	at = put_uint(at, note->frame);
	if (note->layer != 0)
		at = put_number(at, "layer", note->layer);
	at = put_number(at, "stream", (uint64_t)note->stream);
	at = put_time(json, at, note->ts_ns);
	at = put_ends(at, told);
	at = put_segment(at, note);
	if (note->bits & NOTE_QUOTED)
		at = put_word(put_name(at, "quoted"), "true");
	at = put_verdicts(at, note);
	if (note->is_shown)
		at = put_analysis(at, note);
	at = put_number(at, "completeness", note->completeness);
	if (note->cause != CAUSE_NONE)
		at = put_string(at, "cause", cause_names[note->cause]);
	return put_text(at, "}\n", 2);
}
