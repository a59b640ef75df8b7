/* SPDX-License-Identifier: BSD-3-Clause */

/* Bytes by sequence space (definitions 5.1 to 5.6) and capture duplicates (6). */

#include "tcp_priv.h"

/* No window is larger (RFC 7323 2.3): a step this wide is no gap but garbage. */
#define MAX_STEP (1u << 30)

#define DUP_WITH_ID_NS 10000000
#define DUP_WITHOUT_ID_NS 100000

/*
 * 31 bits for everything that two copies of a packet have in common; never 0. Different
 * packets seldom agree, and count as copies only if they bring nothing new either.
 */
uint32_t bytes_digest(const struct segment *s)
{
	const uint64_t numbers = (uint64_t)s->seq << 32 | s->ack;
	const uint64_t sizes = (uint64_t)s->payload_len << 32 | (uint32_t)s->win << 16 | s->cksum;
	const uint64_t others = (uint64_t)s->ip_id << 16 | s->tcp_flags;

	return (uint32_t)((numbers * 0x9e3779b97f4a7c15 + sizes * 0xc2b2ae3d27d4eb4f +
			   others * 0xd6e8feb86659fd93) >>
			  32) |
	       1;
}

/* age_ns: since the packet that it would be a copy of. */
static bool is_copy(const struct step *s, uint64_t age_ns)
{
	if (s->segment->ip_id != 0)
		return age_ns <= DUP_WITH_ID_NS;
	return age_ns <= DUP_WITHOUT_ID_NS &&
	       (s->segment->payload_len > 0 || step_is(s, TCP_SYN | TCP_FIN));
}

static void remember(struct step *s, uint32_t now)
{
	struct tcp_side *f = s->f;
	const int64_t gap_ns = time_since(s->segment->ts_ns, f->last_ts_ns);

	f->seen[1] = f->seen[0];
	f->seen[0] = now;
	f->before_last_ns = gap_ns == (int32_t)gap_ns ? (int32_t)gap_ns : FAR_APART;
}

/* What passes hi was not there before; but a RST never counted, nor did a keep-alive. */
static bool may_be_copy(const struct step *s)
{
	return step_is(s, TCP_RST) || s->segment->payload_len <= 1 || !(s->f->bits & TCP_HAS_HI) ||
	       !bytes_is_new(s);
}

bool bytes_is_capture_dup(struct step *s)
{
	const uint32_t now = bytes_digest(s->segment);
	const struct tcp_side *f = s->f;
	const uint64_t age_ns = (uint64_t)s->segment->ts_ns - (uint64_t)f->last_ts_ns;
	const bool is_dup = (f->seen[0] == now && is_copy(s, age_ns)) ||
			    (f->seen[1] == now && f->before_last_ns != FAR_APART &&
			     is_copy(s, age_ns + (uint64_t)(int64_t)f->before_last_ns));

	remember(s, now);
	return is_dup && may_be_copy(s);
}

bool bytes_note_fresh(struct step *s)
{
	const uint32_t now = bytes_digest(s->segment);

	if (s->f->seen[0] == now || s->f->seen[1] == now)
		return false;
	remember(s, now);
	return true;
}

/* Data of the packet, without the SYN's own number. */
static uint32_t data_start(const struct step *s)
{
	return s->segment->seq + (step_is(s, TCP_SYN) ? 1 : 0);
}

static bool is_counted(const struct step *s)
{
	return s->is_analysed && !s->is_dup && !step_is(s, TCP_RST) &&
	       !step_has(s, VERDICT_KEEP_ALIVE);
}

bool bytes_is_new(const struct step *s)
{
	return !(s->f->bits & TCP_HAS_HI) ||
	       seq_gt(data_start(s) + s->segment->payload_len, s->f->hi);
}

/* Moves hi to end; the number of a FIN on the way is no byte. */
static void advance(struct step *s, struct tcp_side *f, uint32_t end)
{
	uint32_t step = end - f->hi;

	if ((f->bits & TCP_SENT_FIN) && seq_lt(f->hi, f->fin_end) && seq_le(f->fin_end, end))
		step--;
	f->bytes += step;
	f->hi = end;
	if (f->loss_bits & TCP_LOSS_HOLES)
		loss_forget(s, f);
}

/* The first data, or a SYN+ACK with another sequence number: bytes adds up over both. */
static void start_over(struct step *s, uint32_t start)
{
	struct tcp_side *f = s->f;

	if (f->bits & TCP_HAS_HI) {
		/* Numbers of the old base mean nothing in the new one. */
		rtt_abandon(f);
		f->fin_end = start;
		loss_abandon(s);
		s->r->loss_bits &= (uint8_t)~TCP_LOSS_ACK_SEEN;
	}
	f->hi = start;
	f->start = start;
	f->bits |= TCP_HAS_HI;
}

/*
 * 5.6: R has what the capture may not have seen. An ack of a side that sent nothing
 * but SYNs is no news of data: it belongs to an older connection (RFC 5961 4).
 */
static void follow_ack(struct step *s)
{
	struct tcp_side *r = s->r;
	const uint32_t ack = s->segment->ack;

	if (!step_is(s, TCP_ACK) || !(r->bits & TCP_HAS_HI))
		return;
	if (seq_gt(ack, r->hi) && (ack - r->hi >= MAX_STEP || r->pkts == tcp_side_flags(r, 1)))
		return;
	loss_take_ack(s, ack);
	if (seq_gt(ack, r->hi)) {
		loss_open(s, r, r->hi, ack, true);
		advance(s, r, ack);
	}
	loss_raise_ack(s->f, r, ack);
}

/* The number behind end is a FIN's: it is no byte. */
static void note_fin(struct step *s, uint32_t end)
{
	struct tcp_side *f = s->f;

	if (!(f->bits & TCP_SENT_FIN) || f->fin_end != end + 1) {
		/* R's ACK may have come first, when the FIN still looked like a byte. */
		if (seq_lt(end, f->hi) && loss_drop_number(s, end))
			f->bytes--;
		f->bits |= TCP_SENT_FIN;
		f->fin_end = end + 1;
	}
	if (!seq_lt(f->hi, f->fin_end))
		return;
	f->hi = f->fin_end;
	if (f->loss_bits & TCP_LOSS_HOLES)
		loss_forget(s, f);
}

static void follow_data(struct step *s)
{
	struct tcp_side *f = s->f;
	const uint32_t start = data_start(s), end = start + s->segment->payload_len;

	if (!(f->bits & TCP_HAS_HI) || step_has(s, VERDICT_REUSED_PORTS))
		start_over(s, start);
	if (seq_gt(start, f->hi)) {
		if (start - f->hi >= MAX_STEP) {
			/* The step itself is no data: only what is in the packet counts. */
			count(&tracker_trouble(s->tracker, f)->seq_jumps);
			f->hi = start;
			f->fin_end = start;
			if (f->loss_bits & TCP_LOSS_HOLES)
				loss_forget(s, f);
		} else {
			loss_open(s, f, f->hi, start, false);
			advance(s, f, start);
		}
	} else {
		loss_fill(s, start, s->segment->payload_len);
	}
	if (seq_gt(end, f->hi))
		advance(s, f, end);
	if (step_is(s, TCP_FIN))
		note_fin(s, end);
}

void bytes_track(struct step *s)
{
	if (!s->is_analysed || s->is_dup || step_is(s, TCP_RST))
		return;
	follow_ack(s);
	if (is_counted(s))
		follow_data(s);
}
