/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Random conversations, each played twice: with details, compared with a model that
 * keeps its list as the spec says it, and without, which must say the same of all
 * that needs no list.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "tcp/seq.h"
#include "tcp/unacked.h"

#define CAP 10000
#define TAME 100 /* where numbers are wilder a count may be too low (known difference) */

/* ---- the model: spec section 3, as far as the list goes ------------------- */

struct entry {
	uint32_t seq, end;
	int64_t ts;
	uint64_t frame;
};

struct half {
	uint32_t base, next, contig, push_sum, sack_bytes;
	bool base_known, bif_ok, push_prev;
	int64_t next_ts;
	uint64_t next_frame;
	struct entry list[CAP];
	int nb;
};

/* What is expected of a note. */
struct told {
	int64_t rto_ns, ack_rtt_ns;
	uint64_t rto_frame, acks_frame;
	uint32_t bytes_in_flight, push_bytes;
	bool has_record;
};

static void forget(struct half *half)
{
	memset(half, 0, offsetof(struct half, list));
	half->bif_ok = true;
	half->nb = 0;
}

/* Section 2, rules 2 to 4, and steps 1 and 2. */
static void model_open(struct half *f, struct half *r, const struct tcp_note *n, struct told *told)
{
	const bool is_syn = n->flags & TCP_SYN, is_ack = n->flags & TCP_ACK;

	if (is_syn && f->base_known && n->seq != f->base) {
		told->has_record = true;
		if (!is_ack) {
			forget(f);
			forget(r);
		}
		f->base = n->seq;
	} else if (is_syn && !is_ack && f->base_known) {
		told->has_record = true;
		f->next = f->contig;
	}
	f->sack_bytes = 0;
	if (!f->base_known) {
		f->base = is_syn ? n->seq : n->seq - 1;
		f->base_known = true;
	}
	if (!r->base_known && is_ack) {
		r->base = n->ack - 1;
		r->base_known = true;
	}
	if (is_ack)
		r->bif_ok = true;
}

/* Steps 13 to 15. */
static void model_append(struct half *f, const struct tcp_note *n)
{
	const bool has_number = n->flags & (TCP_SYN | TCP_FIN);
	uint32_t end = n->seq + n->len;

	if ((n->len > 0 || has_number) && f->nb < CAP) {
		end += has_number;
		f->list[f->nb++] = (struct entry){n->seq, end, n->ts_ns, n->frame};
	}
	if (n->verdicts & V(ZERO_WINDOW_PROBE))
		return;
	if (seq_gt(end, f->next) || f->next == 0) {
		f->next = end;
		f->next_ts = n->ts_ns;
		f->next_frame = n->frame;
	}
	if (n->seq == f->contig || f->contig == 0)
		f->contig = f->next;
}

/* Step 17. */
static void model_take_ack(struct half *r, const struct tcp_note *n, struct told *told)
{
	int nb = 0;

	for (int i = r->nb - 1; i >= 0; i--) {
		struct entry *e = &r->list[i];
		bool is_kept = seq_gt(e->end, n->ack);

		if (n->ack == e->end) {
			told->acks_frame = e->frame;
			told->ack_rtt_ns = n->ts_ns - e->ts;
			told->has_record = true;
			is_kept = false;
		} else if (seq_gt(n->ack, e->seq) && seq_le(n->ack, e->end)) {
			e->seq = n->ack;
			is_kept = true;
		}
		if (!is_kept)
			e->frame = 0;
	}
	for (int i = 0; i < r->nb; i++) {
		if (r->list[i].frame != 0)
			r->list[nb++] = r->list[i];
	}
	r->nb = nb;
}

/* Step 18. */
static void model_in_flight(struct half *f, const struct half *r, const struct tcp_note *n,
			    struct told *told)
{
	uint32_t low = UINT32_MAX, high = 0;
	const bool push = n->flags & TCP_PSH;

	if (n->len == 0 || f->nb == 0 || !f->bif_ok)
		return;
	for (int i = 0; i < f->nb; i++) {
		const uint32_t seq = f->list[i].seq - f->base, end = f->list[i].end - f->base;

		low = seq < low ? seq : low;
		high = end > high ? end : high;
	}
	high = high - low - r->sack_bytes;
	told->has_record = true;
	if (high > 0 && high < 2000000000u)
		told->bytes_in_flight = high - ((n->flags & (TCP_SYN | TCP_FIN)) != 0);
	f->push_sum = n->len + (push == f->push_prev && push ? 0
				: !push && f->push_prev      ? 0
							     : f->push_sum);
	f->push_prev = push;
	told->push_bytes = told->bytes_in_flight != 0 ? f->push_sum : 0;
}

static void model_step(struct half *f, struct half *r, const struct tcp_note *n,
		       uint32_t sack_bytes, struct told *told)
{
	const uint32_t no_record = V(TFO_SYN) | V(TFO_ACK) | V(TFO_IGNORED);

	memset(told, 0, sizeof(*told));
	told->has_record = (n->verdicts & ~no_record) != 0;
	model_open(f, r, n, told);
	if (n->verdicts & V(LOST_SEGMENT))
		f->bif_ok = false;
	/* Step 11, and 12e. */
	if ((n->flags & TCP_ACK) && r->contig != 0 && seq_gt(n->ack, r->contig)) {
		told->has_record = true;
		if (seq_lt(r->contig, r->next))
			r->contig = r->next;
	}
	if (n->verdicts & V(RETRANSMISSION)) {
		told->rto_ns = n->ts_ns - (f->nb > 0 ? f->list[0].ts : f->next_ts);
		told->rto_frame = f->nb > 0 ? f->list[0].frame : f->next_frame;
		if (told->rto_ns == 0)
			told->rto_frame = 0;
	}
	model_append(f, n);
	model_take_ack(r, n, told);
	model_in_flight(f, r, n, told);
	f->sack_bytes = sack_bytes;
}

/* ---- conversations -------------------------------------------------------- */

struct talk {
	uint64_t random;
	uint32_t next[2], base[2];
	int silent; /* segments that only one side will send from now on */
	int talker;
	uint32_t max_silent;
	uint32_t tame;       /* one number in so many lies anywhere */
	bool acks_by_halves; /* an ACK may be of a part of what waits */
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

/* Most go on where the side stands; the odd ones are what lists are hard on. */
static void draw_numbers(struct talk *t, struct script_segment *in)
{
	const int from = in->direction == REV;

	in->said_seq = in->said_ack = true;
	in->seq = t->next[from];
	in->ack = in->flags & TCP_ACK ? t->next[!from] : 0;
	if (in->flags & TCP_SYN && !one_in(t, 40))
		in->seq = t->base[from];
	else if (one_in(t, 10))
		in->seq -= draw(t, 3) * 100 + draw(t, 2);
	else if (one_in(t, 30))
		in->seq += draw(t, 300);
	else if (one_in(t, t->tame))
		in->seq = draw(t, UINT32_MAX);
	if (t->acks_by_halves && one_in(t, 3))
		in->ack -= draw(t, 20) * 50;
	else if (one_in(t, 40))
		in->ack += draw(t, 200);
	else if (one_in(t, t->tame))
		in->ack = draw(t, UINT32_MAX);
}

static void draw_sack(struct talk *t, struct script_segment *in)
{
	in->nb_sack = (uint8_t)(1 + draw(t, 3));
	for (int i = 0; i < in->nb_sack; i++) {
		in->sack[i][0] = in->ack + draw(t, 500);
		in->sack[i][1] = in->sack[i][0] + 1 + draw(t, 200);
	}
}

static void draw_segment(struct talk *t, struct script_segment *in)
{
	static const uint8_t odd[] = {TCP_SYN,           TCP_SYN | TCP_ACK,
				      TCP_FIN | TCP_ACK, TCP_RST,
				      TCP_RST | TCP_ACK, 0,
				      TCP_SYN | TCP_FIN, TCP_FIN};
	static const uint16_t lens[] = {1, 100, 100, 100, 1460};

	memset(in, 0, sizeof(*in));
	if (t->silent == 0 && one_in(t, 3000)) {
		t->silent = (int)draw(t, t->max_silent);
		t->talker = (int)draw(t, 2);
	}
	in->direction = t->silent > 0 ? (enum script_direction)t->talker
				      : (enum script_direction)draw(t, 2);
	in->flags = one_in(t, 60) ? odd[draw(t, sizeof(odd))] : TCP_ACK;
	in->flags |= one_in(t, 3) ? TCP_PSH : 0;
	in->len = one_in(t, 3) ? 0 : lens[draw(t, 5)];
	if (one_in(t, t->tame))
		in->len = draw(t, UINT32_MAX); /* a jumbogram may say so */
	draw_numbers(t, in);
	in->said_win = true;
	in->win = one_in(t, 20) ? 0 : 1000;
	if (one_in(t, 8))
		draw_sack(t, in);
	in->said_time = true;
	in->at_ns = INT64_MIN;
	in->after_ns = draw(t, 4000000) - (one_in(t, 50) ? 3000000 : 0);
	if (in->seq == t->next[in->direction == REV] && !one_in(t, 30))
		t->next[in->direction == REV] += in->len + ((in->flags & (TCP_SYN | TCP_FIN)) != 0);
	t->silent -= t->silent > 0;
}

static void assert_told(const struct tcp_note *n, const struct told *told)
{
	assert_int_equal(n->rto_ns, told->rto_ns);
	assert_int_equal((n->bits & NOTE_HAS_RTO) != 0, told->rto_ns != 0);
	assert_int_equal(n->rto_frame, told->rto_frame);
	assert_int_equal(n->acks_frame, told->acks_frame);
	assert_int_equal(n->ack_rtt_ns, told->ack_rtt_ns);
	assert_int_equal(n->bytes_in_flight, told->bytes_in_flight);
	assert_int_equal(n->push_bytes, told->push_bytes);
	assert_int_equal((n->bits & NOTE_RECORD) != 0, told->has_record);
}

/* In all that needs no list. */
static void assert_same_note(const struct tcp_note *a, const struct tcp_note *b)
{
	const uint32_t of_list = NOTE_RECORD | NOTE_HAS_ACK_RTT | NOTE_HAS_RTO;

	assert_int_equal(a->bits & ~of_list, b->bits & ~of_list);
	assert_int_equal(a->verdicts, b->verdicts);
	assert_int_equal(a->shift, b->shift);
	assert_int_equal(a->seq_base, b->seq_base);
	assert_int_equal(a->ack_base, b->ack_base);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->completeness, b->completeness);
	assert_int_equal(a->dup_ack, b->dup_ack);
	assert_int_equal(a->silence_ns, b->silence_ns);
	assert_int_equal(a->hole_start, b->hole_start);
	assert_int_equal(a->hole_end, b->hole_end);
	assert_int_equal(a->fill_bytes, b->fill_bytes);
	assert_int_equal(a->resent_bytes, b->resent_bytes);
	assert_int_equal(a->fill_frame, b->fill_frame);
	assert_int_equal(a->fill_age_ns, b->fill_age_ns);
}

static void assert_counted_from_above(const struct tcp_script *counted, const struct half halves[2])
{
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = script_side(counted, i == 0 ? FWD : REV);
		const bool has_list = side->nb_unacked == UNACKED_LISTED;

		assert_true((has_list ? side->unacked->nb_counted + side->unacked->nb
				      : side->nb_unacked) >= (uint32_t)halves[i].nb);
	}
}

/* Returns the most segments that waited. */
static int converse(struct talk talk, uint32_t nb)
{
	struct tcp_script *listed = script_create(talk.random % 2), *counted;
	struct half *halves = malloc(2 * sizeof(*halves));
	int most = 0;

	talk.base[0] = talk.next[0] - 1;
	talk.base[1] = talk.next[1] - 1;
	counted = script_create(talk.random % 2);
	assert_non_null(halves);
	forget(&halves[0]);
	forget(&halves[1]);
	script_without_details(counted);
	for (uint32_t i = 0; i < nb; i++) {
		struct script_segment in;
		uint32_t sack_bytes = 0;
		struct told told;

		draw_segment(&talk, &in);
		for (int j = 0; j < in.nb_sack; j++)
			sack_bytes += in.sack[j][1] - in.sack[j][0];
		assert_int_equal(script_play(listed, &in).verdicts,
				 script_play(counted, &in).verdicts);
		model_step(&halves[in.direction], &halves[!in.direction], script_note(listed),
			   sack_bytes, &told);
		assert_told(script_note(listed), &told);
		assert_same_note(script_note(listed), script_note(counted));
		assert_same_rows(script_row(listed), script_row(counted));
		if (talk.tame >= TAME)
			assert_counted_from_above(counted, halves);
		most = halves[0].nb > most ? halves[0].nb : most;
		most = halves[1].nb > most ? halves[1].nb : most;
	}
	free(halves);
	script_destroy(listed);
	script_destroy(counted);
	return most;
}

static void short_conversations(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++)
		(void)converse((struct talk){.random = seed * 7919u,
					     .next = {seed * 2654435761u, seed * 40503u},
					     .max_silent = 200,
					     .tame = 2000,
					     .acks_by_halves = seed % 2},
			       500);
}

/* Numbers wrap to 0 exactly now and then, and below it SYNs are repeated. */
static void conversations_where_numbers_wrap(void **state)
{
	(void)state;
	for (uint32_t back = 0; back < 200; back++)
		(void)converse((struct talk){.random = back + 31337,
					     .next = {0u - back * 100, 0u - back},
					     .max_silent = 200,
					     .tame = 2000,
					     .acks_by_halves = back % 2},
			       400);
}

/* Numbers that compare one way from here and another way from there. */
static void conversations_of_wild_numbers(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++)
		(void)converse((struct talk){.random = seed * 6700417u,
					     .next = {seed * 2654435761u, seed * 40503u},
					     .max_silent = 100,
					     .tame = 5 + seed % 40,
					     .acks_by_halves = seed % 2},
			       300);
}

static void thousands_in_flight(void **state)
{
	int most = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 6; seed++) {
		int waited = converse((struct talk){.random = seed * 104729u,
						    .next = {seed * 1234567u, 99},
						    .max_silent = 8000,
						    .tame = 20000,
						    .acks_by_halves = true},
				      20000);

		most = waited > most ? waited : most;
	}
	assert_in_range(most, 1500, CAP - 1);
}

/* The ACKs are of all that was sent, or of nothing: so a count is exact. */
static void more_in_flight_than_a_list_holds(void **state)
{
	int most = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++) {
		int waited = converse((struct talk){.random = seed * 15485863u,
						    .next = {seed * 7654321u, 99},
						    .max_silent = 40000,
						    .tame = 20000},
				      30000);

		most = waited > most ? waited : most;
	}
	assert_int_equal(most, CAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_conversations),
		cmocka_unit_test(conversations_where_numbers_wrap),
		cmocka_unit_test(conversations_of_wild_numbers),
		cmocka_unit_test(thousands_in_flight),
		cmocka_unit_test(more_in_flight_than_a_list_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
