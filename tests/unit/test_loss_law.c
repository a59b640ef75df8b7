/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Random conversations against definitions 5 played byte by byte, and the law 5.9:
 * payload = bytes - missed - unresolved + retransmitted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"

#define SPACE 4096 /* numbers of a side, from its first data byte on */
#define NEVER INT64_MIN

/* ---- the model ------------------------------------------------------------ */

struct number {
	uint32_t hole; /* serial number of the hole it lies in; 0 = in none */
	int64_t acked_ts;
};

struct opener {
	int64_t ts;
	uint64_t frame;
	bool has_tsval;
	uint32_t tsval;
};

struct half {
	uint32_t start;   /* raw */
	int hi, ack, fin; /* from start; -1 = not known */
	uint32_t pkts, syns;
	struct number numbers[SPACE];
	struct opener openers[SPACE];
	uint32_t nb_openers;
	int64_t bytes, lost_before, lost_after, missed, unresolved, retransmitted, payload;
	int64_t told_payload; /* in active records */
	int32_t reordered_pkts, overflowed;
	/* Of the latest packet. */
	uint32_t filled, resent;
};

static void give_up(struct half *half, struct number *number)
{
	*(number->acked_ts != NEVER ? &half->missed : &half->unresolved) += 1;
	number->hole = 0;
}

/* 5.2 */
static void start_at(struct half *half, uint32_t start)
{
	for (int i = 0; i < SPACE; i++) {
		if (half->numbers[i].hole != 0)
			half->unresolved++;
		half->numbers[i] = (struct number){0, NEVER};
	}
	half->start = start;
	half->hi = 0;
	half->ack = half->fin = -1;
}

/* 5.6: what waited for T. */
static void settle(struct half *half, int64_t now, int64_t t)
{
	for (int i = 0; i < half->hi; i++) {
		struct number *number = &half->numbers[i];

		if (number->hole != 0 && number->acked_ts != NEVER && now - number->acked_ts >= t)
			give_up(half, number);
	}
}

/* Of one hole: opened by the same packet and acknowledged at the same time, or both not. */
static bool is_same_hole(const struct number *a, const struct number *b)
{
	return a->hole == b->hole && a->acked_ts == b->acked_ts;
}

/* 5.8 */
static void displace(struct half *half)
{
	struct number lowest = {0, NEVER};
	int nb = 0, at = 0;

	for (int i = 0; i < half->hi; i++) {
		const struct number *number = &half->numbers[i];

		if (number->hole == 0 || (i > 0 && is_same_hole(number, number - 1)))
			continue;
		if (nb++ == 0)
			at = i;
	}
	if (nb <= 16)
		return;
	half->overflowed++;
	for (lowest = half->numbers[at]; is_same_hole(&half->numbers[at], &lowest); at++)
		give_up(half, &half->numbers[at]);
}

/* 5.3 and 5.6: [hi, to) was passed over. */
static void open_to(struct half *half, int to, const struct opener *opener, bool is_acked)
{
	half->openers[++half->nb_openers] = *opener;
	for (; half->hi < to; half->hi++) {
		half->bytes++;
		half->numbers[half->hi] = (struct number){half->nb_openers, NEVER};
		if (is_acked)
			half->numbers[half->hi].acked_ts = opener->ts;
	}
	displace(half);
}

/* 5.6 */
static void take_ack(struct half *r, const struct tcp_note *n)
{
	const int ack = (int)(n->ack - r->start);

	if (!(n->flags & TCP_ACK) || r->hi < 0 || ack <= r->ack ||
	    (ack > r->hi && r->pkts == r->syns))
		return;
	r->ack = ack;
	for (int i = 0; i < ack && i < r->hi; i++) {
		if (r->numbers[i].hole != 0 && r->numbers[i].acked_ts == NEVER)
			r->numbers[i].acked_ts = n->ts_ns;
	}
	displace(r);
	if (ack > r->hi)
		open_to(r, ack, &(const struct opener){.ts = n->ts_ns, .frame = n->frame}, true);
}

/* 5.5 */
static bool is_late(const struct half *f, const struct number *number, const struct opener *now,
		    int64_t t)
{
	const struct opener *opener = &f->openers[number->hole];
	const int32_t newer = (int32_t)(now->tsval - opener->tsval);

	if (number->acked_ts != NEVER)
		return true;
	if (now->has_tsval && opener->has_tsval && newer != 0)
		return newer < 0;
	return now->ts - opener->ts >= 0 && now->ts - opener->ts < t;
}

/* 5.1 to 5.5 */
static void take_data(struct half *f, const struct tcp_note *n, const struct opener *now, int64_t t)
{
	const uint32_t first = n->seq + ((n->flags & TCP_SYN) != 0);
	bool is_reordered = false;
	int from, end;

	if (f->hi < 0 || (n->verdicts & V(REUSED_PORTS)))
		start_at(f, first);
	from = (int)(first - f->start);
	end = from + (int)n->len;
	f->payload += n->len;
	if (from > f->hi)
		open_to(f, from, now, false);
	for (int i = from; i < end && i < f->hi; i++) {
		if (f->numbers[i].hole == 0) {
			f->resent++;
			f->lost_after += i >= f->ack;
			continue;
		}
		f->filled++;
		if (is_late(f, &f->numbers[i], now, t))
			is_reordered = true;
		else
			f->lost_before++;
		f->numbers[i].hole = 0;
	}
	f->retransmitted += f->resent;
	f->reordered_pkts += is_reordered;
	if (end > f->hi) {
		f->bytes += end - f->hi;
		f->hi = end;
	}
	if (n->flags & TCP_FIN) {
		if (end < f->hi && f->numbers[end].hole != 0) {
			/* An ACK told of it before: it looked like a byte. */
			f->numbers[end].hole = 0;
			f->bytes--;
		}
		f->hi = end + 1 > f->hi ? end + 1 : f->hi;
		f->fin = end;
	}
	displace(f);
}

static void model_step(struct half *f, struct half *r, const struct tcp_note *n,
		       const struct opener *now, int64_t t)
{
	f->filled = f->resent = 0;
	settle(f, n->ts_ns, t);
	settle(r, n->ts_ns, t);
	f->pkts++;
	f->syns += (n->flags & TCP_SYN) != 0;
	if (!(n->bits & NOTE_ANALYSED) || (n->bits & NOTE_CAPTURE_DUP) || (n->flags & TCP_RST))
		return;
	take_ack(r, n);
	if (!(n->verdicts & V(KEEP_ALIVE)))
		take_data(f, n, now, t);
}

/* ---- conversations -------------------------------------------------------- */

struct talk {
	uint64_t random;
	struct script_segment last[2];
	bool has_tsvals;
	uint32_t tsval;
	uint16_t ip_id;
	/* How often there is a gap, an ACK that moves, one of the unseen, and a resend. */
	uint32_t gaps, moves, unseen, resends;
	int fin[2]; /* where the FIN is, once it was sent */
};

static uint32_t draw(struct talk *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)((t->random >> 32) % below);
}

static bool one_in(struct talk *t, uint32_t n)
{
	return draw(t, n) == 0;
}

static void draw_time(struct talk *t, struct script_segment *in)
{
	in->said_time = true;
	in->at_ns = INT64_MIN;
	in->after_ns = draw(t, one_in(t, 15) ? 20000000 : 700000);
	if (one_in(t, 60))
		in->after_ns = -in->after_ns;
}

/* Data somewhere from start on, never behind the FIN. */
static void draw_data(struct talk *t, struct script_segment *in, const struct half *f)
{
	const int from = in->direction == REV;
	int at = f->hi + (one_in(t, t->gaps) ? (int)draw(t, 60) : 0);

	in->len = one_in(t, 4) ? 0 : 1 + draw(t, 60);
	if (one_in(t, t->resends))
		at -= (int)draw(t, 300);
	at = at < 0 ? 0 : at;
	if (t->fin[from] >= 0 && at > t->fin[from])
		at = t->fin[from];
	if (t->fin[from] >= 0 && at + (int)in->len > t->fin[from])
		in->len = (uint32_t)(t->fin[from] - at);
	in->seq = f->start + (uint32_t)at;
	in->flags = TCP_ACK;
	if (t->fin[from] < 0 && at + (int)in->len >= f->hi && one_in(t, 60))
		t->fin[from] = at + (int)in->len;
	if (t->fin[from] == at + (int)in->len)
		in->flags |= TCP_FIN;
}

static void draw_segment(struct talk *t, struct script_segment *in, const struct half halves[2])
{
	const int from = (int)draw(t, 2);
	const struct half *r = &halves[!from];

	if (t->last[from].said_seq && one_in(t, 25)) {
		*in = t->last[from]; /* a capture duplicate, if it comes in time */
		draw_time(t, in);
		return;
	}
	*in = (struct script_segment){.direction = from == 0 ? FWD : REV,
				      .said_seq = true,
				      .said_ack = true,
				      .said_ip_id = true};
	in->ip_id = ++t->ip_id;
	draw_data(t, in, &halves[from]);
	in->ack = r->start + (uint32_t)(r->ack < 0 ? 0 : r->ack);
	if (one_in(t, t->moves))
		in->ack += draw(t, (uint32_t)(r->hi - r->ack) + 1);
	else if (one_in(t, t->unseen))
		in->ack = r->start + (uint32_t)r->hi + draw(t, 80);
	if (t->fin[!from] >= 0 && (int)(in->ack - r->start) > t->fin[!from] + 1)
		in->ack = r->start + (uint32_t)t->fin[!from] + 1;
	if (one_in(t, 50))
		in->flags = one_in(t, 2) ? TCP_RST | TCP_ACK : 0;
	if (one_in(t, 80))
		in->bits = SEGMENT_SHORT;
	if (from == 1 && one_in(t, 150)) {
		in->flags = TCP_SYN | TCP_ACK;
		in->seq = draw(t, UINT32_MAX);
		in->len = 0;
		t->fin[1] = -1;
		t->last[0].said_seq = false; /* its ack is of the old numbers */
	}
	in->ts_option = t->has_tsvals && !one_in(t, 10);
	t->tsval += draw(t, 2);
	in->tsval = t->tsval - (one_in(t, 10) ? draw(t, 5) : 0);
	draw_time(t, in);
	t->last[from] = *in;
}

/* 5.9 */
static void assert_law(const struct flow_record_side *side, const struct half *half)
{
	assert_int_equal(half->payload - half->told_payload, side->bytes - side->missed_bytes -
								     side->unresolved_bytes +
								     side->retransmitted_bytes);
}

/* told: what active records had before. */
static void assert_side(const struct flow_record_side *side, const struct flow_record_side *told,
			const struct half *half)
{
	int64_t missed = half->missed, unresolved = half->unresolved;

	for (int i = 0; i < half->hi; i++) {
		if (half->numbers[i].hole != 0)
			*(half->numbers[i].acked_ts != NEVER ? &missed : &unresolved) += 1;
	}
	assert_int_equal(told->bytes + side->bytes, half->bytes);
	assert_int_equal(told->retransmitted_bytes + side->retransmitted_bytes,
			 half->retransmitted);
	assert_int_equal(told->lost_before_bytes + side->lost_before_bytes, half->lost_before);
	assert_int_equal(told->lost_after_bytes + side->lost_after_bytes, half->lost_after);
	assert_int_equal(told->missed_bytes + side->missed_bytes, missed);
	assert_int_equal(told->unresolved_bytes + side->unresolved_bytes, unresolved);
	assert_int_equal(told->reordered_pkts + side->reordered_pkts, half->reordered_pkts);
	assert_law(side, half);
}

/* A record of what goes on: the law holds in it, too, and what follows begins anew. */
static void tell(struct tcp_script *s, struct half halves[2], struct flow_record *told)
{
	const struct flow_record *row = script_active(s);

	for (int i = 0; i < 2; i++) {
		struct flow_record_side *sum = &told->side[i];
		const struct flow_record_side *side = &row->side[i];

		if (halves[i].pkts == 0)
			continue;
		assert_law(side, &halves[i]);
		halves[i].told_payload = halves[i].payload;
		sum->bytes += side->bytes;
		sum->retransmitted_bytes += side->retransmitted_bytes;
		sum->lost_before_bytes += side->lost_before_bytes;
		sum->lost_after_bytes += side->lost_after_bytes;
		sum->missed_bytes += side->missed_bytes;
		sum->unresolved_bytes += side->unresolved_bytes;
		sum->reordered_pkts += side->reordered_pkts;
	}
	told->holes_overflowed += row->holes_overflowed;
}

static void step(struct tcp_script *s, struct half halves[2], const struct flow_record *told,
		 const struct script_segment *in)
{
	struct half *f = &halves[in->direction == REV], *r = &halves[in->direction == FWD];
	const int64_t rtt = f->pkts + r->pkts == 0 ? 0 : script_flow(s)->initial_rtt_ns;
	const struct tcp_note *n = script_note(s);

	script_play(s, in);
	model_step(f, r, n, &(const struct opener){n->ts_ns, n->frame, in->ts_option, in->tsval},
		   rtt > 0 ? rtt : 3000000);
	assert_int_equal(n->fill_bytes, f->filled);
	assert_int_equal(n->resent_bytes, f->resent);
	for (int i = 0; i < 2; i++) {
		if (halves[i].pkts != 0)
			assert_side(&script_row(s)->side[i], &told->side[i], &halves[i]);
	}
	assert_int_equal(told->holes_overflowed + script_row(s)->holes_overflowed,
			 halves[0].overflowed + halves[1].overflowed);
}

struct sums {
	int64_t lost_before, lost_after, missed, unresolved;
	int32_t reordered_pkts, overflowed;
};

/* A handshake, then nb segments at most; told after each of tells on average (0: never). */
static void converse(uint64_t seed, uint32_t isn, uint32_t nb, uint32_t tells, struct sums *sums)
{
	struct tcp_script *s = script_create(seed % 2);
	struct half *halves = calloc(2, sizeof(*halves));
	struct flow_record told = {0};
	struct talk talk = {.random = seed, .has_tsvals = seed % 3 == 0, .fin = {-1, -1}};
	const struct script_segment opening[] = {
		{.direction = FWD, .flags = TCP_SYN},
		{.direction = REV, .flags = TCP_SYN | TCP_ACK},
		{.direction = FWD, .flags = TCP_ACK},
	};

	assert_non_null(halves);
	talk.gaps = 2 + draw(&talk, 5);
	talk.moves = 2 + draw(&talk, 20);
	talk.unseen = 10 + draw(&talk, 100);
	talk.resends = 2 + draw(&talk, 5);
	script_isn(s, isn, isn + 777);
	for (int i = 0; i < 2; i++)
		halves[i].hi = halves[i].ack = halves[i].fin = -1;
	for (int i = 0; i < 3; i++)
		step(s, halves, &told, &opening[i]);
	while (nb-- > 0 && halves[0].hi < SPACE - 400 && halves[1].hi < SPACE - 400 &&
	       halves[0].nb_openers < SPACE - 8 && halves[1].nb_openers < SPACE - 8) {
		struct script_segment in;

		draw_segment(&talk, &in, halves);
		step(s, halves, &told, &in);
		if (tells != 0 && one_in(&talk, tells))
			tell(s, halves, &told);
	}
	for (int i = 0; i < 2; i++) {
		sums->lost_before += halves[i].lost_before;
		sums->lost_after += halves[i].lost_after;
		sums->missed += halves[i].missed;
		sums->unresolved += halves[i].unresolved;
		sums->reordered_pkts += halves[i].reordered_pkts;
		sums->overflowed += halves[i].overflowed;
	}
	free(halves);
	script_destroy(s);
}

static void the_law_and_every_column_hold_byte_by_byte(void **state)
{
	struct sums sums = {0};

	(void)state;
	for (uint32_t seed = 1; seed <= 400; seed++)
		converse(seed * 2654435761u, seed * 40503u, 300, 0, &sums);
	/* It is worth little if it seldom happens. */
	assert_true(sums.lost_before > 1000 && sums.lost_after > 1000 && sums.missed > 1000);
	assert_true(sums.unresolved > 1000 && sums.reordered_pkts > 100 && sums.overflowed > 100);
}

static void the_law_holds_where_numbers_wrap(void **state)
{
	struct sums sums = {0};

	(void)state;
	for (uint32_t seed = 1; seed <= 100; seed++)
		converse(seed * 7919u, 0u - seed * 20, 300, 0, &sums);
}

/* Definitions 2.6: in the sum of the records, and 5.9 in each. */
static void the_law_holds_in_every_active_record(void **state)
{
	struct sums sums = {0};

	(void)state;
	for (uint32_t seed = 1; seed <= 400; seed++)
		converse(seed * 2654435761u, seed * 40503u, 300, 1 + seed % 50, &sums);
	assert_true(sums.missed > 1000 && sums.unresolved > 1000 && sums.overflowed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_law_and_every_column_hold_byte_by_byte),
		cmocka_unit_test(the_law_holds_where_numbers_wrap),
		cmocka_unit_test(the_law_holds_in_every_active_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
