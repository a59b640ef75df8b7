/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments and times at random, near the numbers that decide a verdict. */
#include "fuzz_priv.h"

#define HALF UINT32_C(0x80000000)

static uint32_t nudge(struct fuzz *fuzz, uint32_t number)
{
	switch (fuzz_below(fuzz, 16)) {
	case 0:
	case 1:
		return number - 1;
	case 2:
	case 3:
		return number + 1;
	case 4:
		return number - 2;
	case 5:
		return number + HALF;
	case 6:
		return number + HALF - 1 + 2 * fuzz_below(fuzz, 2);
	case 7:
		return number + fuzz_below(fuzz, 3000);
	case 8:
		return number - fuzz_below(fuzz, 3000);
	default:
		return number;
	}
}

/* A number of the sender's space, where peer_ack is what the other acknowledged. */
static uint32_t pick_number(struct fuzz *fuzz, const struct fuzz_side *from, uint32_t peer_ack)
{
	const struct fuzz_range *sent = &from->sent[fuzz_below(fuzz, FUZZ_SENT_MAX)];
	const struct fuzz_range *hole = &from->holes[fuzz_below(fuzz, FUZZ_HOLES_MAX)];

	switch (fuzz_below(fuzz, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return from->next;
	case 4:
	case 5:
		return from->contig;
	case 6:
	case 7:
		return peer_ack;
	case 8:
	case 9:
		return sent->seq;
	case 10:
		return sent->seq + sent->len;
	case 11:
		return hole->len != 0 ? hole->seq : from->position;
	case 12:
		return from->isn + fuzz_below(fuzz, 3);
	case 13:
		return from->position;
	case 14:
		return fuzz_below(fuzz, 3) - 1;
	default:
		return (uint32_t)fuzz_random(fuzz);
	}
}

static uint8_t pick_flags(struct fuzz *fuzz)
{
	static const uint8_t odd[] = {
		0,
		PACKET_FIN,
		PACKET_FIN | PACKET_ACK,
		PACKET_SYN,
		PACKET_SYN | PACKET_ACK,
		PACKET_SYN | PACKET_FIN,
		PACKET_SYN | PACKET_RST,
		PACKET_SYN | PACKET_FIN | PACKET_ACK,
		PACKET_RST,
		PACKET_RST | PACKET_ACK,
		PACKET_RST | PACKET_FIN,
		PACKET_PSH,
		PACKET_PSH | PACKET_ACK | PACKET_URG,
		PACKET_ACK | PACKET_ECE | PACKET_CWR,
		PACKET_FIN | PACKET_PSH | PACKET_URG,
	};

	if (fuzz_chance(fuzz, 700))
		return fuzz_chance(fuzz, 800) ? PACKET_ACK : PACKET_ACK | PACKET_PSH;
	if (fuzz_chance(fuzz, 100))
		return (uint8_t)fuzz_random(fuzz);
	return odd[fuzz_below(fuzz, sizeof(odd) / sizeof(odd[0]))];
}

static uint16_t pick_window(struct fuzz *fuzz, uint16_t same)
{
	switch (fuzz_below(fuzz, 8)) {
	case 0:
	case 1:
		return 0;
	case 2:
		return (uint16_t)fuzz_random(fuzz);
	case 3:
		return (uint16_t)(1 + fuzz_below(fuzz, 40));
	default:
		return same;
	}
}

static uint32_t pick_len(struct fuzz *fuzz, const struct fuzz_side *me,
			 const struct fuzz_side *peer, uint32_t seq)
{
	uint32_t to_edge;

	switch (fuzz_below(fuzz, 12)) {
	case 0:
	case 1:
		return 1;
	case 2:
		return 2;
	case 3:
		return 1 + fuzz_below(fuzz, 2000);
	case 4: /* up to where the window ends */
		to_edge = peer->ack + ((uint32_t)peer->win << (peer->shift > 0 ? peer->shift : 0)) -
			  seq;
		break;
	case 5:
		to_edge = me->next - seq;
		break;
	case 6:
		to_edge = peer->ack - seq;
		break;
	default:
		return 0;
	}
	return to_edge < 60000 ? to_edge : 1;
}

void fuzz_chaos(struct fuzz *fuzz, const struct fuzz_flow *flow, struct fuzz_segment *segment)
{
	const struct fuzz_side *me = &flow->side[segment->side];
	const struct fuzz_side *peer = &flow->side[!segment->side];

	segment->flags = pick_flags(fuzz);
	segment->seq = me->next;
	segment->ack = me->ack;
	segment->win = me->win;
	if (fuzz_chance(fuzz, 700))
		segment->seq = nudge(fuzz, pick_number(fuzz, me, peer->ack));
	if (fuzz_chance(fuzz, 500))
		segment->ack = nudge(fuzz, pick_number(fuzz, peer, me->ack));
	segment->win = pick_window(fuzz, me->win);
	segment->len = pick_len(fuzz, me, peer, segment->seq);
}

void fuzz_aim(struct fuzz *fuzz, const struct fuzz_flow *flow, struct fuzz_segment *segment)
{
	const int64_t from[] = {
		flow->side[segment->side].next_ts_ns,
		flow->side[!segment->side].last_ts_ns,
		flow->syn_ts_ns,
	};
	const int64_t anywhere = fuzz_below(fuzz, 25000000);
	const int64_t ages[] = {
		0,
		3 * FUZZ_NS_PER_MS,
		20 * FUZZ_NS_PER_MS,
		flow->rtt_ns,
		-flow->rtt_ns,
		-5 * FUZZ_NS_PER_MS,
		anywhere,
	};
	int64_t start = from[fuzz_below(fuzz, sizeof(from) / sizeof(from[0]))];
	int64_t age = ages[fuzz_below(fuzz, sizeof(ages) / sizeof(ages[0]))];

	if (start != 0)
		segment->ts_ns = start + age + (int64_t)fuzz_below(fuzz, 3) - 1;
}
