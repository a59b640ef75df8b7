/* SPDX-License-Identifier: BSD-3-Clause */

/* Random conversations: see talk_support.h. */

#include <string.h>

#include "talk_support.h"
#include "tcp/seq.h"

uint32_t draw(struct random *random, uint32_t below)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (uint32_t)((random->state >> 32) % below);
}

bool one_in(struct random *random, uint32_t n)
{
	return draw(random, n) == 0;
}

void talk_next(struct talk *t, struct segment *s)
{
	struct random *r = &t->random;
	const uint32_t from = t->speaks_on != 0 ? t->speaker : draw(r, 2);
	static const uint8_t odd_flags[] = {
		TCP_ACK | TCP_FIN, TCP_RST,           TCP_ACK | TCP_RST, 0,
		TCP_SYN,           TCP_SYN | TCP_ACK, TCP_ACK | TCP_URG};

	memset(s, 0, sizeof(*s));
	t->now_ns += draw(r, 40) * 1000000 - (one_in(r, 50 * t->calm) ? 60000000 : 0);
	s->ts_ns = t->now_ns;
	s->ip_header = t->header;
	s->bits = from == 1 ? SEGMENT_SWAPPED : 0;
	s->tcp_flags = one_in(r, 40 * t->calm) ? odd_flags[draw(r, sizeof(odd_flags))] : TCP_ACK;
	s->tcp_flags |= one_in(r, 3) ? TCP_PSH : 0;
	s->payload_len = one_in(r, 2) ? 0 : draw(r, 1460) >> (one_in(r, 20) ? 10 : 0);
	if (t->calm > 1 && s->payload_len == 0 && t->next[1 - from] == t->acked[from])
		s->payload_len = 100; /* it has nothing new to acknowledge */
	t->acked[from] = t->next[1 - from];
	s->ip_len = 40 + s->payload_len;
	s->seq = t->next[from];
	s->ack = t->next[1 - from];
	if (one_in(r, 12 * t->calm))
		s->seq += draw(r, 4000) - 2000;
	if (one_in(r, 12 * t->calm))
		s->ack += draw(r, 4000) - 2000;
	if (one_in(r, 10))
		t->window[from] = one_in(r, 8 * t->calm) ? 0 : draw(r, 65536);
	s->win = (uint16_t)t->window[from];
	s->ip_id = one_in(r, 30 * t->calm) ? t->ip_id : ++t->ip_id;
	s->tcp_hlen = 20;
	s->tcp_caplen = 20;
	s->tcp_off = 20;
	s->ttl = (uint8_t)(60 + (one_in(r, t->calm) ? draw(r, 3) : 1));
	if (one_in(r, 60 * t->calm)) {
		s->bits |= SEGMENT_SHORT;
		s->payload_len = 0;
	}
	if (one_in(r, 60 * t->calm))
		s->bits |= SEGMENT_CUT;
	t->speaks_on -= t->speaks_on != 0;
	/* Half the sequence space away what is before and what is behind changes. */
	if (t->calm == 30 && one_in(r, 150)) {
		t->next[from] += (1u << 31) - draw(r, 3000);
		t->speaker = from;
		t->speaks_on = 10;
	}
	if (seq_gt(s->seq + s->payload_len, t->next[from]) && !one_in(r, 20 * t->calm))
		t->next[from] = s->seq + s->payload_len;
}

struct talk talk_begin(uint64_t seed, uint32_t isn)
{
	return (struct talk){
		.random = {seed},
		.calm = seed % 3 == 0   ? 1
			: seed % 3 == 1 ? 30
					: 300,
		.next = {isn, isn + 77},
		.window = {1000, 2000},
		.now_ns = 1700000000000000000,
	};
}

void talk_open(struct talk *t, uint32_t i, struct segment *s)
{
	static const uint8_t opening[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};
	const uint32_t from = i == 1;

	talk_next(t, s);
	s->tcp_flags = opening[i];
	s->payload_len = 0;
	s->bits = from == 1 ? SEGMENT_SWAPPED : 0;
	s->seq = t->next[from];
	s->ack = i == 0 ? 0 : t->next[1 - from];
	t->next[from] += i < 2;
}
