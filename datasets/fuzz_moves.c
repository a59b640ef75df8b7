/* SPDX-License-Identifier: BSD-3-Clause */
/* One side's next segment: what an endpoint would send, or nearly. */
#include <assert.h>

#include "fuzz_priv.h"

#define BIG_SEGMENT 65000
#define HALF UINT32_C(0x80000000)

struct turn {
	struct fuzz *fuzz;
	struct fuzz_flow *flow;
	struct fuzz_side *me, *peer;
	struct fuzz_segment segment; /* a bare ACK at the sender's end, to start with */
	bool sends;
};

uint32_t fuzz_isn(struct fuzz *fuzz)
{
	/* 0 means "nothing seen" to the rules: an ISN of 2^32 - 1 ends there. */
	static const uint32_t edges[] = {
		0, 1, UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 5000, HALF, HALF - 1, HALF - 3000,
	};

	if (fuzz_chance(fuzz, 600))
		return (uint32_t)fuzz_random(fuzz);
	return edges[fuzz_below(fuzz, sizeof(edges) / sizeof(edges[0]))];
}

/* ---- pieces ------------------------------------------------------------ */

static uint32_t data_len(struct fuzz *fuzz)
{
	switch (fuzz_below(fuzz, 8)) {
	case 0:
		return 1;
	case 1:
		return 2 + fuzz_below(fuzz, 8);
	case 2:
	case 3:
		return 1 + fuzz_below(fuzz, 600);
	case 4:
		return 1 + fuzz_below(fuzz, 20000);
	default:
		return 1400;
	}
}

static void put_data(struct turn *t, uint32_t seq, uint32_t len)
{
	t->segment.seq = seq;
	t->segment.len = len;
	if (fuzz_chance(t->fuzz, 300))
		t->segment.flags |= PACKET_PSH;
}

/* New bytes: where the sender is, which may be ahead of what was captured. */
static void put_new_data(struct turn *t, uint32_t len)
{
	put_data(t, t->me->position, len);
	t->me->position += len;
}

static void leave_out(struct turn *t, uint32_t len)
{
	struct fuzz_side *me = t->me;

	if (me->nb_holes < FUZZ_HOLES_MAX)
		me->holes[me->nb_holes++] = (struct fuzz_range){me->position, len};
	me->position += len;
	t->sends = false;
}

/* One of the latest segments; the sender's end and nothing if there is none. */
static struct fuzz_range some_sent(struct turn *t)
{
	const struct fuzz_side *me = t->me;
	uint64_t nb = me->nb_sent < FUZZ_SENT_MAX ? me->nb_sent : FUZZ_SENT_MAX;

	if (nb == 0)
		return (struct fuzz_range){me->next, 1};
	return me->sent[(me->nb_sent - 1 - fuzz_below(t->fuzz, nb)) % FUZZ_SENT_MAX];
}

/* ---- opening ----------------------------------------------------------- */

static void move_syn(struct turn *t)
{
	struct fuzz_side *me = t->me;

	t->segment.seq = me->isn;
	t->segment.ack = 0;
	t->segment.flags = PACKET_SYN;
	if (t->flow->fast_open != 0 && (t->flow->is_gentle || fuzz_chance(t->fuzz, 700)))
		t->segment.len = 1 + fuzz_below(t->fuzz, 500);
	me->position = me->isn + 1 + t->segment.len;
}

static void move_syn_new(struct turn *t)
{
	struct fuzz_side *me = t->me;

	me->isn = fuzz_chance(t->fuzz, 300) ? me->next + 1 : fuzz_isn(t->fuzz);
	me->shift = fuzz_chance(t->fuzz, 600) ? (int)fuzz_below(t->fuzz, 15) : -1;
	t->flow->mptcp_key = fuzz_random(t->fuzz);
	move_syn(t);
}

static void move_syn_ack(struct turn *t)
{
	t->segment.seq = t->me->isn;
	t->segment.ack = t->peer->next;
	t->segment.flags = PACKET_SYN | PACKET_ACK;
	t->me->position = t->me->isn + 1;
}

static void move_syn_ack_syn(struct turn *t)
{
	move_syn_ack(t);
	t->segment.ack = t->peer->isn + 1;
}

static void move_syn_ack_new(struct turn *t)
{
	t->me->isn = fuzz_chance(t->fuzz, 500) ? t->me->isn + 1 : fuzz_isn(t->fuzz);
	move_syn_ack(t);
}

/* ---- acknowledgements -------------------------------------------------- */

static void move_ack(struct turn *t)
{
	(void)t; /* a bare ACK is what a turn starts with */
}

static void move_ack_all(struct turn *t)
{
	t->segment.ack = t->peer->next;
}

static void move_ack_part(struct turn *t)
{
	uint32_t open = t->peer->next - t->me->ack;

	if (fuzz_chance(t->fuzz, 300)) { /* inside one of the latest segments */
		const struct fuzz_range range = t->peer->sent[fuzz_below(t->fuzz, FUZZ_SENT_MAX)];

		t->segment.ack = range.seq + fuzz_below(t->fuzz, range.len + UINT64_C(1));
	} else if (open != 0 && open < HALF) {
		t->segment.ack = t->me->ack + 1 + fuzz_below(t->fuzz, open);
	}
}

static void move_ack_old(struct turn *t)
{
	t->segment.ack = t->me->ack - 1 - fuzz_below(t->fuzz, 3000);
}

static void move_ack_unseen(struct turn *t)
{
	t->segment.ack = t->peer->next + 1 + fuzz_below(t->fuzz, 3000);
}

static void move_ack_zero(struct turn *t)
{
	t->segment.ack = t->me->ack;
	t->segment.win = 0;
}

static void move_same(struct turn *t)
{
	t->segment.ack = t->me->ack;
}

static void move_update(struct turn *t)
{
	t->segment.ack = t->me->ack;
	t->segment.win = (uint16_t)(1 + fuzz_below(t->fuzz, 65535));
}

static void move_small_window(struct turn *t)
{
	t->segment.win = (uint16_t)(1 + fuzz_below(t->fuzz, 40));
}

/* ---- data -------------------------------------------------------------- */

static void move_data(struct turn *t)
{
	put_new_data(t, data_len(t->fuzz));
}

static void move_data_big(struct turn *t)
{
	put_new_data(t, BIG_SEGMENT);
}

static void move_skip(struct turn *t)
{
	leave_out(t, data_len(t->fuzz));
}

static void move_gallop(struct turn *t)
{
	static const uint32_t steps[] = {HALF - 1, HALF, HALF - 2000, 1u << 30, 3000000000u};

	leave_out(t, steps[fuzz_below(t->fuzz, sizeof(steps) / sizeof(steps[0]))]);
}

/* The latest of what was left out, and all of it. */
static void fill_last(struct turn *t)
{
	const struct fuzz_range *hole = &t->me->holes[--t->me->nb_holes];

	put_data(t, hole->seq, hole->len);
}

static void fill_some(struct turn *t)
{
	struct fuzz_side *me = t->me;
	struct fuzz_range *hole, range;
	uint32_t at, len;

	hole = &me->holes[fuzz_chance(t->fuzz, 400) ? 0 : fuzz_below(t->fuzz, me->nb_holes)];
	range = *hole;
	at = fuzz_chance(t->fuzz, 700) ? 0 : fuzz_below(t->fuzz, range.len);
	len = range.len - at;
	if (len > BIG_SEGMENT || fuzz_chance(t->fuzz, 200))
		len = 1 + fuzz_below(t->fuzz, len < 60000 ? len : 60000);
	if (at == 0 && len < range.len)
		*hole = (struct fuzz_range){range.seq + len, range.len - len};
	else if (fuzz_chance(t->fuzz, 900))
		*hole = me->holes[--me->nb_holes];
	put_data(t, range.seq + at, len);
}

static void move_fill(struct turn *t)
{
	if (t->me->nb_holes == 0)
		put_new_data(t, data_len(t->fuzz));
	else if (t->flow->is_gentle)
		fill_last(t);
	else
		fill_some(t);
}

static void move_resend(struct turn *t)
{
	struct fuzz_range range = some_sent(t);

	switch (fuzz_below(t->fuzz, 8)) {
	case 0: /* its end only */
		range.seq += range.len / 2;
		range.len -= range.len / 2;
		break;
	case 1: /* its start, and what follows */
		range.len += data_len(t->fuzz);
		break;
	case 2: /* it lies in the middle */
		range.seq -= 10;
		range.len += 20;
		break;
	case 3:
		range.len = range.len / 2 + 1;
		break;
	default:
		break;
	}
	put_data(t, range.seq, range.len < BIG_SEGMENT ? range.len : BIG_SEGMENT);
}

static void move_resend_last(struct turn *t)
{
	const struct fuzz_side *me = t->me;
	struct fuzz_range range = {me->next - 10, 10};

	if (me->nb_sent != 0)
		range = me->sent[(me->nb_sent - 1) % FUZZ_SENT_MAX];
	put_data(t, range.seq, range.len);
}

static void move_resend_at_ack(struct turn *t)
{
	uint32_t open = t->me->next - t->peer->ack;

	put_data(t, t->peer->ack, open != 0 && open < 3000 ? open : data_len(t->fuzz));
}

static void move_resend_acked(struct turn *t)
{
	uint32_t len = 1 + fuzz_below(t->fuzz, 1000);
	uint32_t behind = fuzz_chance(t->fuzz, 500) ? 0 : fuzz_below(t->fuzz, 3000);

	put_data(t, t->peer->ack - len - behind, len);
}

static void move_probe(struct turn *t)
{
	put_data(t, t->me->next, 1);
}

static void move_keep_alive(struct turn *t)
{
	t->segment.seq = t->me->next - 1;
}

static void move_keep_alive_byte(struct turn *t)
{
	put_data(t, t->me->next - 1, 1);
}

/* Ends where the peer's window does, by one of the ways to scale it. */
static void move_fill_window(struct turn *t)
{
	const int shifts[] = {t->peer->shift, t->peer->shift, t->me->shift, 0};
	int shift = shifts[fuzz_below(t->fuzz, 4)];
	uint32_t edge = t->peer->ack + ((uint32_t)t->peer->win << (shift > 0 ? shift : 0));
	uint32_t len = edge - t->me->position;

	if (!t->flow->is_gentle && fuzz_chance(t->fuzz, 150))
		len += fuzz_below(t->fuzz, 3) - 1;
	if (len != 0 && len < BIG_SEGMENT) {
		put_new_data(t, len);
		return;
	}
	len = 1 + fuzz_below(t->fuzz, 1400);
	put_data(t, edge - len, len);
}

/* ---- ending ------------------------------------------------------------ */

static void move_fin(struct turn *t)
{
	if (fuzz_chance(t->fuzz, 250))
		put_new_data(t, data_len(t->fuzz));
	else
		t->segment.seq = t->me->position;
	t->me->position++;
	t->segment.flags |= PACKET_FIN;
	if (fuzz_chance(t->fuzz, 100))
		t->segment.flags &= (uint8_t)~PACKET_ACK;
}

static void move_rst(struct turn *t)
{
	t->segment.seq = t->me->position;
	t->segment.flags = PACKET_RST | PACKET_ACK;
	if (fuzz_chance(t->fuzz, 400)) {
		t->segment.flags = PACKET_RST;
		t->segment.ack = fuzz_chance(t->fuzz, 700) ? 0 : t->me->ack;
		t->segment.win = 0;
	}
	if (fuzz_chance(t->fuzz, 200)) /* a reason in words (RFC 9293 3.10.7.3) */
		t->segment.len = 1 + fuzz_below(t->fuzz, 60);
}

static void move_copy(struct turn *t)
{
	int64_t now = t->segment.ts_ns;

	t->segment = t->flow->last;
	t->segment.is_copy = true;
	t->segment.ts_ns = now;
}

static void move_chaos(struct turn *t)
{
	fuzz_chaos(t->fuzz, t->flow, &t->segment);
}

/* ---- all of them ------------------------------------------------------- */

static void (*const moves[NB_FUZZ_MOVES])(struct turn *t) = {
	[MOVE_SYN] = move_syn,
	[MOVE_SYN_AGAIN] = move_syn,
	[MOVE_SYN_NEW] = move_syn_new,
	[MOVE_SYN_ACK] = move_syn_ack,
	[MOVE_SYN_ACK_SYN] = move_syn_ack_syn,
	[MOVE_SYN_ACK_NEW] = move_syn_ack_new,
	[MOVE_ACK] = move_ack,
	[MOVE_ACK_ALL] = move_ack_all,
	[MOVE_ACK_PART] = move_ack_part,
	[MOVE_ACK_OLD] = move_ack_old,
	[MOVE_ACK_UNSEEN] = move_ack_unseen,
	[MOVE_ACK_ZERO] = move_ack_zero,
	[MOVE_SAME] = move_same,
	[MOVE_UPDATE] = move_update,
	[MOVE_DATA] = move_data,
	[MOVE_DATA_BIG] = move_data_big,
	[MOVE_SKIP] = move_skip,
	[MOVE_GALLOP] = move_gallop,
	[MOVE_FILL] = move_fill,
	[MOVE_RESEND] = move_resend,
	[MOVE_RESEND_LAST] = move_resend_last,
	[MOVE_RESEND_AT_ACK] = move_resend_at_ack,
	[MOVE_RESEND_ACKED] = move_resend_acked,
	[MOVE_PROBE] = move_probe,
	[MOVE_KEEP_ALIVE] = move_keep_alive,
	[MOVE_KEEP_ALIVE_BYTE] = move_keep_alive_byte,
	[MOVE_FILL_WINDOW] = move_fill_window,
	[MOVE_SMALL_WINDOW] = move_small_window,
	[MOVE_FIN] = move_fin,
	[MOVE_RST] = move_rst,
	[MOVE_COPY] = move_copy,
	[MOVE_CHAOS] = move_chaos,
};

/* Late data comes at the edges of what the rules call late; anything may, now and then. */
static bool wants_aim(struct fuzz *fuzz, const struct fuzz_flow *flow, enum fuzz_move move)
{
	if (flow->is_gentle)
		return false;
	if (move >= MOVE_FILL && move <= MOVE_RESEND_AT_ACK)
		return fuzz_chance(fuzz, 500);
	if (move == MOVE_ACK && flow->syn_ts_ns != 0 && flow->rtt_ns == 0)
		return fuzz_chance(fuzz, 300);
	return fuzz_chance(fuzz, 30);
}

int fuzz_move(struct fuzz *fuzz, struct fuzz_flow *flow, unsigned side, enum fuzz_move move,
	      bool *sent)
{
	struct turn t = {
		.fuzz = fuzz,
		.flow = flow,
		.me = &flow->side[side],
		.peer = &flow->side[!side],
		.sends = true,
	};

	assert(move > MOVE_END && move < NB_FUZZ_MOVES);
	t.segment = (struct fuzz_segment){
		.side = side,
		.seq = t.me->position,
		.ack = t.peer->contig,
		.win = t.me->open_win,
		.flags = PACKET_ACK,
		.ts_ns = fuzz->now_ns,
	};
	/* What repeats an answer repeats the whole of it. */
	if (move == MOVE_SAME || move == MOVE_UPDATE || move == MOVE_ACK_ZERO)
		t.segment.seq = t.me->next;
	if (move == MOVE_SAME)
		t.segment.win = t.me->win;
	moves[move](&t);
	*sent = t.sends;
	if (!t.sends)
		return 0;
	if (wants_aim(fuzz, flow, move))
		fuzz_aim(fuzz, flow, &t.segment);
	if (!flow->is_gentle && flow->mptcp == FUZZ_MPTCP_NEVER && fuzz_chance(fuzz, 15))
		t.segment.flags ^= (uint8_t)(1u << fuzz_below(fuzz, 8));
	return fuzz_send(fuzz, flow, &t.segment);
}
