/* SPDX-License-Identifier: BSD-3-Clause */

/* Parts of a flow against the whole: see parts_support.h. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "parts_support.h"
#include "tcpmill/tcp_words.h"

enum rule {
	UNKNOWN, /* a column that nobody has thought about */
	SUM,     /* null counts as 0 */
	MAX,
	MIN,
	SAME,  /* in each part */
	GROWS, /* what is known so far: the last part has it all */
	MEAN,  /* of the round trips */
	END,   /* active_timeout, and in the last part the flow's end */
};

/* A name stands for o_name and r_name too. */
static const struct {
	enum rule rule;
	const char *names;
} rules[] = {
	{SUM, " pkts ip_bytes bytes data_pkts pure_acks fin syn rst psh ack urg ece cwr "},
	{SUM, " retransmission fast_retransmission spurious_retransmission out_of_order "
	      "duplicate_ack lost_segment ack_lost_segment window_update window_full zero_window "
	      "zero_window_probe zero_window_probe_ack keep_alive keep_alive_ack "},
	{SUM, " retransmitted_bytes capture_dups unresolved_bytes holes_overflowed seq_jumps "
	      "icmp_errors dsack lost_before_bytes lost_after_bytes missed_bytes reordered_pkts "
	      "rtt_samples "},
	{MAX, " duplicate_ack_max rtt_max_ns rto_max_ns win_max ttl_max last_anomaly_frame "},
	{MIN, " rtt_min_ns ttl_min first_anomaly_frame "},
	{MEAN, " rtt_mean_ns "},
	{SAME, " ts src_ip dst_ip src_port dst_port ip_version vlan tunnel stream first_frame "
	       "input_file midstream "},
	{GROWS, " duration_ns last_frame handshake conn_state isn orig_syns resp_syn_acks "
		"syn_rtt_ns synack_rtt_ns initial_rtt_ns mss wscale sack_ok ts_ok ecn_ok tfo "
		"reused_ports ttfb_ns history truncated completeness "},
	{END, " end_reason "},
};

static enum rule rule_of(const char *name)
{
	char word[64];

	if (name[1] == '_' && (name[0] == 'o' || name[0] == 'r'))
		name += 2;
	snprintf(word, sizeof(word), " %s ", name);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (strstr(rules[i].names, word) != NULL)
			return rules[i].rule;
	}
	return UNKNOWN;
}

static size_t width_of(const struct column *column)
{
	switch (column->type) {
	case COLUMN_INT16:
	case COLUMN_UINT16:
		return 2;
	case COLUMN_INT32:
		return 4;
	case COLUMN_INT64:
	case COLUMN_TIMESTAMP:
		return 8;
	case COLUMN_ADDRESS:
		return sizeof(struct record_address);
	case COLUMN_TEXT:
		return 0;
	default:
		return 1;
	}
}

/* A number of the row; a null of any width is RECORD_NULL_64. */
static int64_t number_of(const struct column *column, const struct flow_record *row)
{
	const char *at = (const char *)row + column->offset;
	int64_t wide;
	int32_t narrow;
	int16_t small;

	switch (width_of(column)) {
	case 8:
		memcpy(&wide, at, sizeof(wide));
		return wide;
	case 4:
		memcpy(&narrow, at, sizeof(narrow));
		return narrow == RECORD_NULL_32 ? RECORD_NULL_64 : narrow;
	case 2:
		memcpy(&small, at, sizeof(small));
		return small == RECORD_NULL_16 ? RECORD_NULL_64 : small;
	default:
		fail_msg("%s is no number that parts add up", column->name);
		return 0;
	}
}

static bool is_equal(const struct column *column, const struct flow_record *a,
		     const struct flow_record *b)
{
	const char *x = (const char *)a + column->offset, *y = (const char *)b + column->offset;

	if (column->type == COLUMN_TEXT)
		return strcmp(x, y) == 0;
	return memcmp(x, y, width_of(column)) == 0;
}

/* Null is nothing beside a number. */
static int64_t join(enum rule rule, int64_t a, int64_t b)
{
	if (a == RECORD_NULL_64 || b == RECORD_NULL_64)
		return a == RECORD_NULL_64 ? b : a;
	if (rule == SUM)
		return a + b;
	return (rule == MAX) == (a > b) ? a : b;
}

/* Means are rounded down. */
static void add_means(struct parts *parts, const struct flow_record *part)
{
	for (int i = 0; i < 2; i++) {
		const struct flow_record_side *side = &part->side[i];

		if (side->rtt_samples <= 0)
			continue;
		parts->mean_low[i] += side->rtt_mean_ns * side->rtt_samples;
		parts->mean_high[i] += (side->rtt_mean_ns + 1) * side->rtt_samples - 1;
	}
}

void parts_add(struct parts *parts, const struct flow_record *part)
{
	const struct table_format *format = flow_record_format();

	assert_true(format->nb_columns <= PARTS_MAX_COLUMNS);
	if (parts->nb++ == 0) {
		parts->first = *part;
		for (size_t i = 0; i < PARTS_MAX_COLUMNS; i++)
			parts->values[i] = RECORD_NULL_64;
	} else {
		assert_int_equal(parts->last.end_reason, END_ACTIVE_TIMEOUT);
	}
	for (size_t i = 0; i < format->nb_columns; i++) {
		const struct column *column = &format->columns[i];
		const enum rule rule = rule_of(column->name);

		if (rule == SUM || rule == MAX || rule == MIN)
			parts->values[i] = join(rule, parts->values[i], number_of(column, part));
		else if (rule == SAME && !is_equal(column, part, &parts->first))
			fail_msg("%s is not the same in part %u", column->name, parts->nb);
	}
	add_means(parts, part);
	parts->last = *part;
}

static bool fits(const struct parts *parts, size_t i, const struct flow_record *whole)
{
	const struct column *column = &flow_record_format()->columns[i];

	switch (rule_of(column->name)) {
	case SUM:
	case MAX:
	case MIN:
		return parts->values[i] == number_of(column, whole);
	case SAME:
	case GROWS:
	case END:
		return is_equal(column, &parts->last, whole);
	case MEAN: {
		const int d = column->name[0] == 'r';
		const struct flow_record_side *side = &whole->side[d];

		if (side->rtt_samples <= 0)
			return parts->mean_high[d] == 0;
		return parts->mean_low[d] <= (side->rtt_mean_ns + 1) * side->rtt_samples - 1 &&
		       parts->mean_high[d] >= side->rtt_mean_ns * side->rtt_samples;
	}
	default:
		return false;
	}
}

void parts_assert(const struct parts *parts, const struct flow_record *whole)
{
	const struct table_format *format = flow_record_format();

	for (size_t i = 0; i < format->nb_columns; i++) {
		if (!fits(parts, i, whole))
			fail_msg("%s: the parts do not make up the whole", format->columns[i].name);
	}
}
