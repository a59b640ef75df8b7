/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The short way of packed flows: the next data, or a new ACK, of a connection that
 * is open and in order. It leaves the slot as packing what the rules made of it would;
 * a test holds the two against each other. First everything is looked at, and only
 * then anything changed.
 */

#include "packed.h"

/* What a word of a packed side has above its 48 bits. */
#define HIGH(value) ((uint64_t)(value) << 48)
#define LOW_BITS (HIGH(1) - 1)
#define ONE_UNACKED HIGH(1)
#define NEW_UNACKED HIGH(0x7ffu)

/* A pointer that the compiler may not compute again at each use. */
#define KEEP(pointer) __asm__("" : "+r"(pointer))

/* 2^31 such packets, and the 2^47 bytes that pack.c lets in, do not pass 2^48. */
#define MAX_IP_LEN (1u << 16)

enum { WORD_LAST, WORD_NEXT_AT, WORD_RTT_AT, WORD_IP_BYTES };

/* Nothing in the header asks for a second look. */
static inline bool is_plain(const struct segment *segment)
{
	const uint32_t odd = SEGMENT_SHORT | SEGMENT_BAD_OFFSET | SEGMENT_CUT | SEGMENT_OPTIONS;
	const uint32_t both = segment->tcp_flags | (uint32_t)segment->bits << 8;

	return (both & ((0xff & ~TCP_PSH) | odd << 8)) == TCP_ACK && segment->win != 0 &&
	       segment->ip_len < MAX_IP_LEN;
}

/* It goes on where F stopped, and acknowledges nothing that was not seen. */
static inline bool is_next(const struct segment *segment, const struct packed_side *f,
			   const struct packed_side *r)
{
	const int32_t ahead = (int32_t)(segment->ack - f->ack);

	return segment->seq == f->next && (int32_t)(r->next - segment->ack) >= 0 &&
	       (ahead > 0 || (ahead == 0 && segment->payload_len != 0));
}

/* A window as it is meant; code: PACKED_SHIFT of its side. */
static inline uint32_t scaled(uint32_t win, uint32_t code)
{
	return win << (code > 2 ? code - 2 : 0);
}

/* Its time is not before anything that was seen: times compare above the other 16 bits. */
static inline bool is_in_time(uint64_t now, const struct packed_side *f,
			      const struct packed_side *r)
{
	return now <= LOW_BITS && now << 16 >= f->words[WORD_LAST] << 16 &&
	       now << 16 >= r->words[WORD_LAST] << 16;
}

/*
 * Numbers do not pass 2^32, R did not acknowledge it, nor does it fill R's window, and one
 * more can be counted.
 */
static inline bool is_good_data(uint32_t seq, uint32_t end, const struct packed_side *f,
				const struct packed_side *r, uint32_t code)
{
	const uint32_t win = (uint32_t)(r->words[WORD_LAST] >> 48);

	if ((f->words[WORD_NEXT_AT] & HIGH(TCP_RTT_RUNNING)) != 0 && seq_lt(seq, f->rtt_end))
		return false; /* 2^31 behind counts as ahead */
	return end > seq && (r->ack == 0 || !seq_le(end, r->ack)) &&
	       (code == 1 || end != r->ack + scaled(win, code)) &&
	       f->words[WORD_RTT_AT] < HIGH(UNACKED_COUNTED_MAX);
}

static inline void count_sample(struct packed_more *more, uint32_t sample)
{
	if (more->rtt_samples == 0 || sample < more->rtt_min)
		more->rtt_min = sample;
	if (sample > more->rtt_max)
		more->rtt_max = sample;
	more->rtt_sum = (more->rtt_sum + sample) & LOW_BITS;
	more->rtt_samples++;
}

/*
 * What waits for an ACK at R: nothing if all is acknowledged, what came behind the timed
 * segment if that is; its timing ends. Words are loaded and stored whole: a load of what
 * was just stored in parts waits long.
 */
static inline void take_ack_at(struct packed_side *r, uint32_t ack, bool is_timed)
{
	const bool is_all = ack == r->next;
	const uint64_t rtt_at = r->words[WORD_RTT_AT], ip_bytes = r->words[WORD_IP_BYTES];
	uint64_t nb_unacked = rtt_at >> 48;

	if (!is_all && !is_timed)
		return;
	if (is_all)
		nb_unacked = 0;
	else if (ack - r->rtt_end < UNACKED_NEAR)
		nb_unacked = ip_bytes >> 48 & 0x7ff;
	r->words[WORD_IP_BYTES] = (ip_bytes & ~NEW_UNACKED) | nb_unacked << 48;
	if (!is_timed) {
		r->words[WORD_RTT_AT] = rtt_at & LOW_BITS;
		return;
	}
	r->words[WORD_RTT_AT] = nb_unacked << 48;
	r->words[WORD_NEXT_AT] &= ~HIGH(TCP_RTT_RUNNING);
	r->rtt_end = 0;
}

static inline void take_ack(struct tcp_packed *p, struct packed_side *f, uint32_t ack, uint32_t i)
{
	p->loss_bits[i] &= (uint8_t)~TCP_LOSS_SACK_LAST;
	if (ack == f->ack)
		return;
	f->ack = ack;
	p->loss_bits[i] &= (uint8_t)~TCP_LOSS_ASKED;
	p->loss_bits[1 - i] &= (uint8_t)~TCP_LOSS_RESENT;
}

/* Data starts the timing of a round trip if none runs. */
static inline void take_data(struct tcp_packed *p, struct packed_side *f, uint32_t end,
			     uint64_t now, uint32_t i)
{
	const uint64_t bits = f->words[WORD_NEXT_AT] & ~LOW_BITS;
	const uint64_t rtt_at = f->words[WORD_RTT_AT] + ONE_UNACKED;

	p->bits &= ~(PACKED_DATA_TIME << i);
	f->data_pkts++;
	f->next = end;
	f->words[WORD_NEXT_AT] = now | bits | HIGH(TCP_RTT_RUNNING);
	if (bits & HIGH(TCP_RTT_RUNNING)) {
		f->words[WORD_RTT_AT] = rtt_at;
		f->words[WORD_IP_BYTES] += ONE_UNACKED;
		return;
	}
	f->words[WORD_RTT_AT] = (rtt_at & ~LOW_BITS) | now;
	f->words[WORD_IP_BYTES] &= ~NEW_UNACKED;
	f->rtt_end = end;
}

static void take_window(struct packed_more *more, uint32_t win, uint32_t code)
{
	const uint32_t window = scaled(win, code);

	if (code != 1 && window > more->win_max)
		more->win_max = window;
}

static inline void count_segment(struct packed_side *f, const struct segment *segment, uint64_t now,
				 uint32_t digest)
{
	f->words[WORD_LAST] = now | HIGH(segment->win);
	f->words[WORD_IP_BYTES] += segment->ip_len; /* is_plain() and pkts bound the sum */
	f->pkts++;
	f->psh += segment->tcp_flags / TCP_PSH & 1;
	f->seen[1] = f->seen[0];
	f->seen[0] = digest;
}

bool tcp_track_next(struct flow *flow, const struct segment *segment, bool *is_offload)
{
	struct tcp_packed *p = packed_of(flow);
	const uint32_t i = segment->bits / SEGMENT_SWAPPED & 1, j = 1 - i; /* of F, of R */
	struct packed_side *f = &p->side[i], *r = &p->side[j];
	struct packed_more *r_more = &p->more[j];
	const uint32_t len = segment->payload_len, end = segment->seq + len;
	uint64_t now, gap, sample = 0;
	uint32_t digest;
	bool is_timed;

	KEEP(f);
	KEEP(r);
	KEEP(r_more);
	if (!(p->fast[i] & (len != 0 ? PACKED_FAST_DATA : PACKED_FAST_ACK)) || !is_plain(segment) ||
	    !is_next(segment, f, r) || segment->ttl < p->ttl_min[i] ||
	    segment->ttl > p->ttl_max[i] || f->pkts >= INT32_MAX)
		return false;
	now = (uint64_t)segment->ts_ns - (uint64_t)packed_first_ts(p);
	if (!is_in_time(now, f, r) ||
	    (len != 0 && !is_good_data(segment->seq, end, f, r, p->fast[j] & PACKED_SHIFT)))
		return false;
	/* Longer data that is new is no copy of anything. */
	digest = bytes_digest(segment);
	if (len <= 1 && (digest == f->seen[0] || digest == f->seen[1]))
		return false;
	is_timed = (r->words[WORD_NEXT_AT] & HIGH(TCP_RTT_RUNNING)) != 0 &&
		   (int32_t)(segment->ack - r->rtt_end) >= 0;
	if (is_timed) {
		sample = now - (r->words[WORD_RTT_AT] & LOW_BITS);
		if (sample >= UINT32_MAX || r_more->rtt_sum + sample > LOW_BITS ||
		    (p->bits & PACKED_RTT_LONG << j) != 0)
			return false;
		count_sample(r_more, (uint32_t)sample);
	}
	take_ack_at(r, segment->ack, is_timed);
	take_ack(p, f, segment->ack, i);
	gap = now - (f->words[WORD_LAST] & LOW_BITS);
	p->before_last_ns[i] = gap <= INT32_MAX ? (int32_t)gap : FAR_APART;
	if (f->words[WORD_LAST] >> 48 != segment->win)
		take_window(&p->more[i], segment->win, p->fast[i] & PACKED_SHIFT);
	count_segment(f, segment, now, digest);
	if (len != 0)
		take_data(p, f, end, now, i);
	*is_offload = track_is_offload(len, (r->bits & TCP_MSS_KNOWN) != 0, r_more->mss);
	return true;
}
