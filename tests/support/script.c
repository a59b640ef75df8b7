/* SPDX-License-Identifier: BSD-3-Clause */

/* Plays segments the way a worker does: see script.h. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define MAX_ENDED 64

struct endpoint {
	uint32_t isn, next;
	bool is_started; /* next follows from what it sent */
};

struct tcp_script {
	struct flow_table_params params;
	struct flow_table *table; /* made by the first segment */
	struct tcp_tracker *tracker;
	struct tcp_note note; /* of the latest segment */
	struct endpoint endpoint[2];
	bool from_high, is_ipv6;
	uint64_t frame, clock_ns;
	int64_t now_ns; /* since the epoch; the time of the latest segment */
	uint16_t ip_id;
	struct flow *flow;
	const struct tcp_flow *seen; /* the flow as the rules know it: in its place, or in view */
	struct tcp_flow view;
	struct flow_record row;
	struct flow_record ended[MAX_ENDED];
	size_t nb_ended;
	uint8_t packet[40 + 60];
};

static void on_ended(void *context, struct flow *flow)
{
	struct tcp_script *s = context;

	assert_true(s->nb_ended < MAX_ENDED);
	flow_record_fill(tcp_flow_view(flow, &s->view), &s->ended[s->nb_ended++]);
}

struct tcp_script *script_create(bool from_high)
{
	struct tcp_script *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->from_high = from_high;
	s->params = (struct flow_table_params){
		.partitions = UINT64_MAX,
		.max_flows = 0,
		.slot_size = sizeof(struct flow),
		.nb_spare = MAX_ENDED,
		.ended = on_ended,
		.context = s,
	};
	s->tracker = tcp_tracker_create(true);
	assert_non_null(s->tracker);
	s->ip_id = 1;
	script_isn(s, 1000, 5000);
	return s;
}

void script_destroy(struct tcp_script *s)
{
	if (s == NULL)
		return;
	flow_table_destroy(s->table);
	tcp_tracker_destroy(s->tracker);
	free(s);
}

void script_isn(struct tcp_script *s, uint32_t fwd, uint32_t rev)
{
	const uint32_t isn[2] = {fwd, rev};

	for (int i = 0; i < 2; i++) {
		s->endpoint[i].isn = isn[i];
		s->endpoint[i].next = isn[i] + 1;
		s->endpoint[i].is_started = false;
	}
}

void script_ipv6(struct tcp_script *s)
{
	s->is_ipv6 = true;
}

void script_idle_timeout(struct tcp_script *s, uint64_t timeout_ns)
{
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		s->params.timeout_ns[c] = timeout_ns;
}

void script_without_details(struct tcp_script *s)
{
	assert_null(s->table);
	tcp_tracker_destroy(s->tracker);
	s->tracker = tcp_tracker_create(false);
	assert_non_null(s->tracker);
}

void script_only_count(struct tcp_script *s)
{
	script_without_details(s);
	tcp_tracker_only_count(s->tracker);
}

/* ---- bytes -------------------------------------------------------------- */

static uint8_t *put8(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	return put8(put8(p, (uint8_t)(v >> 8)), (uint8_t)v);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

static uint8_t *put_filled(uint8_t *p, uint8_t kind, uint8_t len, uint16_t id, uint8_t id_len)
{
	p = put8(put8(p, kind), len);
	if (id_len != 0)
		p = put16(p, id);
	memset(p, 0xcc, len - 2u - id_len);
	return p + (len - 2 - id_len);
}

static uint8_t *put_options(uint8_t *p, const struct script_segment *in)
{
	if (in->mss != 0)
		p = put16(put8(put8(p, 2), 4), in->mss);
	if (in->said_wscale)
		p = put8(put8(put8(p, 3), 3), in->wscale);
	if (in->sack_ok)
		p = put8(put8(p, 4), 2);
	if (in->ts_option)
		p = put32(put32(put8(put8(p, 8), 10), in->tsval), in->tsecr);
	if (in->nb_sack != 0)
		p = put8(put8(p, 5), (uint8_t)(2 + 8 * in->nb_sack));
	for (int i = 0; i < in->nb_sack; i++)
		p = put32(put32(p, in->sack[i][0]), in->sack[i][1]);
	if (in->fast_open != 0)
		p = put_filled(p, 34, in->fast_open, 0, 0);
	if (in->experiment != 0)
		p = put_filled(p, 254, in->experiment, 0xf989, 2);
	if (in->options_len != 0) {
		memcpy(p, in->options, in->options_len);
		p += in->options_len;
	}
	return p;
}

/* The innermost IP header as far as the rooms read it: the addresses. */
static size_t put_addresses(struct tcp_script *s, struct segment *segment, bool from_high)
{
	/* 192.0.2.1 and 198.51.100.2, and two of 2001:db8::/32. */
	static const uint8_t v4[2][4] = {{192, 0, 2, 1}, {198, 51, 100, 2}};
	static const uint8_t v6[2][16] = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1},
					  {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

	if (s->is_ipv6) {
		memcpy(s->packet + 8, v6[from_high], 16);
		memcpy(s->packet + 24, v6[!from_high], 16);
		segment->bits |= SEGMENT_IPV6;
		return 40;
	}
	memcpy(s->packet + 12, v4[from_high], 4);
	memcpy(s->packet + 16, v4[!from_high], 4);
	segment->addr_lo = 0xc0000201;
	segment->addr_hi = 0xc6336402;
	return 20;
}

/* Header, options, and the marks that decode leaves on the segment. */
static void put_tcp(struct tcp_script *s, const struct script_segment *in, struct segment *segment)
{
	uint8_t *const tcp = s->packet + segment->tcp_off;
	uint8_t *end = put_options(tcp + 20, in);
	const bool only_timestamps = in->ts_option && end - tcp == 30;

	while ((end - tcp) % 4 != 0)
		end = put8(end, 1);
	assert_true(end - tcp <= 60);
	segment->tcp_hlen = (uint8_t)(end - tcp);
	segment->tcp_caplen = segment->tcp_hlen;
	if (in->caplen != 0) {
		assert_in_range(in->caplen, 16, segment->tcp_hlen - 1);
		segment->tcp_caplen = in->caplen;
		segment->bits |= SEGMENT_CUT;
	}
	if (in->bits & SEGMENT_BAD_OFFSET) {
		segment->tcp_hlen = 0;
		segment->tcp_caplen = 16;
	}
	if (segment->tcp_caplen <= 20)
		return;
	if (!only_timestamps)
		segment->bits |= SEGMENT_OPTIONS;
	if (in->nb_sack != 0)
		segment->bits |= SEGMENT_HAS_SACK;
	if (in->ts_option) {
		segment->bits |= SEGMENT_HAS_TSVAL;
		segment->tsval = in->tsval;
	}
}

/* ---- playing ------------------------------------------------------------ */

static void move_time(struct tcp_script *s, const struct script_segment *in)
{
	const int64_t before_ns = s->now_ns;

	if (!in->said_time)
		s->now_ns += s->frame == 0 ? 0 : SCRIPT_MS;
	else if (in->at_ns != INT64_MIN)
		s->now_ns = in->at_ns;
	else
		s->now_ns += in->after_ns;
	if (s->now_ns > before_ns)
		s->clock_ns += (uint64_t)s->now_ns - (uint64_t)before_ns;
}

static uint32_t default_seq(const struct endpoint *from, uint8_t flags)
{
	return flags & TCP_SYN ? from->isn : from->next;
}

static void note_sent(struct endpoint *from, const struct segment *segment)
{
	const uint32_t end = segment->seq + segment->payload_len +
			     (segment->tcp_flags & TCP_SYN ? 1 : 0) +
			     (segment->tcp_flags & TCP_FIN ? 1 : 0);

	if (!from->is_started || (int32_t)(end - from->next) > 0)
		from->next = end;
	from->is_started = true;
}

static void build(struct tcp_script *s, const struct script_segment *in, struct segment *segment)
{
	struct endpoint *from = &s->endpoint[in->direction == REV];
	const struct endpoint *to = &s->endpoint[in->direction == FWD];
	const bool from_high = s->from_high != (in->direction == REV);

	memset(s->packet, 0, sizeof(s->packet));
	*segment = (struct segment){
		.ts_ns = SCRIPT_EPOCH_NS + s->now_ns,
		.clock_ns = s->clock_ns,
		.ip_header = s->packet,
		.hash = 0x5eed,
		.port_lo = s->from_high ? SCRIPT_REV_PORT : SCRIPT_FWD_PORT,
		.port_hi = s->from_high ? SCRIPT_FWD_PORT : SCRIPT_REV_PORT,
		.seq = in->seq,
		.ack = in->ack,
		.payload_len = in->len,
		.win = in->said_win ? in->win : 1000,
		.cksum = in->cksum,
		.tcp_flags = in->flags | in->more_flags,
		.ttl = in->ttl != 0 ? in->ttl : 64,
		.vlan = in->vlan,
		.bits = (uint8_t)(in->bits | (from_high ? SEGMENT_SWAPPED : 0)),
		.partition = 7,
	};
	if (!in->said_seq)
		segment->seq = default_seq(from, segment->tcp_flags);
	if (!in->said_ack && (segment->tcp_flags & TCP_ACK))
		segment->ack = to->next;
	if (in->said_ip_id)
		segment->ip_id = in->ip_id;
	else if (!s->is_ipv6)
		segment->ip_id = s->ip_id++;
	if (in->bits & SEGMENT_SHORT)
		segment->payload_len = 0;
	segment->tcp_off = (uint16_t)put_addresses(s, segment, from_high);
	put_tcp(s, in, segment);
	segment->ip_len = segment->tcp_off + segment->tcp_hlen + segment->payload_len;
	note_sent(from, segment);
}

struct tcp_result script_play(struct tcp_script *s, const struct script_segment *in)
{
	struct segment segment;
	struct tcp_arrival arrival;
	struct tcp_result result;

	if (s->table == NULL)
		s->table = flow_table_create(&s->params);
	assert_non_null(s->table);
	move_time(s, in);
	build(s, in, &segment);
	s->frame++;
	arrival = tcp_flow_find(s->table, &segment, s->frame, 0, NULL);
	assert_non_null(arrival.flow);
	result = tcp_track(s->tracker, &arrival, &segment, &s->note);
	tcp_flow_touch(s->table, &arrival, &segment, &result);
	s->flow = arrival.flow;
	s->seen = tcp_flow_view(s->flow, &s->view);
	return result;
}

void script_handshake(struct tcp_script *s)
{
	script_syn(s, FWD);
	script_syn_ack(s, REV);
	script_ack(s, FWD);
}

void script_handshake_scaled(struct tcp_script *s, uint8_t fwd, uint8_t rev)
{
	script_syn(s, FWD, WSCALE(fwd));
	script_syn_ack(s, REV, WSCALE(rev));
	script_ack(s, FWD);
}

struct tcp_tracker *script_tracker(struct tcp_script *s)
{
	return s->tracker;
}

struct flow *script_slot(struct tcp_script *s)
{
	return s->flow;
}

/* ---- what came of it ---------------------------------------------------- */

const struct tcp_flow *script_flow(const struct tcp_script *s)
{
	assert_non_null(s->flow);
	return s->seen;
}

const struct tcp_note *script_note(const struct tcp_script *s)
{
	return &s->note;
}

const struct tcp_side *script_side(const struct tcp_script *s, enum script_direction direction)
{
	return &script_flow(s)->side[s->from_high != (direction == REV)];
}

const struct flow_record *script_row(struct tcp_script *s)
{
	flow_record_fill(script_flow(s), &s->row);
	return &s->row;
}

const struct flow_record *script_active(struct tcp_script *s)
{
	flow_record_fill_active(script_flow(s), &s->row);
	tcp_flow_restart(s->tracker, s->flow);
	s->seen = tcp_flow_view(s->flow, &s->view);
	return &s->row;
}

const struct tcp_trouble *script_trouble(const struct tcp_script *s,
					 enum script_direction direction)
{
	return tcp_side_trouble(script_side(s, direction));
}

size_t script_nb_ended(const struct tcp_script *s)
{
	return s->nb_ended;
}

const struct flow_record *script_ended(const struct tcp_script *s, size_t i)
{
	assert_true(i < s->nb_ended);
	return &s->ended[i];
}

const struct flow_record *script_finish(struct tcp_script *s)
{
	flow_table_end_all(s->table);
	return script_row(s);
}

/* ---- for cmocka --------------------------------------------------------- */

static void name_verdicts(uint32_t verdicts, char *text, size_t room)
{
	size_t used = 0;

	snprintf(text, room, "nothing");
	for (int v = 0; v < NB_VERDICTS; v++) {
		if ((verdicts >> v & 1) == 0 || used >= room)
			continue;
		used += (size_t)snprintf(text + used, room - used, "%s%s", used == 0 ? "" : " + ",
					 verdict_names[v]);
	}
}

void script_assert_verdicts(uint32_t got, uint32_t wanted, const char *file, int line)
{
	char got_names[512], wanted_names[512];

	if (got == wanted)
		return;
	name_verdicts(got, got_names, sizeof(got_names));
	name_verdicts(wanted, wanted_names, sizeof(wanted_names));
	print_error("verdicts: %s; expected: %s\n", got_names, wanted_names);
	_fail(file, line);
}

static size_t width_of(enum column_type type)
{
	switch (type) {
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
	default: /* a text is compared by itself */
		return 1;
	}
}

void script_assert_rows(const struct flow_record *a, const struct flow_record *b, const char *file,
			int line)
{
	const struct table_format *format = flow_record_format();

	for (size_t i = 0; i < format->nb_columns; i++) {
		const struct column *column = &format->columns[i];
		const char *x = (const char *)a + column->offset;
		const char *y = (const char *)b + column->offset;

		if (column->type == COLUMN_TEXT ? strcmp(x, y) == 0
						: memcmp(x, y, width_of(column->type)) == 0)
			continue;
		print_error("rows differ in %s\n", column->name);
		_fail(file, line);
	}
}

static int setup(void **state, bool from_high)
{
	*state = script_create(from_high);
	return *state == NULL ? -1 : 0;
}

int script_setup_low(void **state)
{
	return setup(state, false);
}

int script_setup_high(void **state)
{
	return setup(state, true);
}

int script_teardown(void **state)
{
	script_destroy(*state);
	return 0;
}
