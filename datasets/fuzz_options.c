/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options of fuzzed segments: right ones, odd ones, and lists that no parser can like. */
#include <string.h>

#include "fuzz_priv.h"

#define KIND_SACK 5
#define KIND_MPTCP 30
#define KIND_FAST_OPEN 34
#define KIND_EXPERIMENT_1 253
#define KIND_EXPERIMENT_2 254

static void init_packet(struct packet *packet, const struct fuzz_segment *segment)
{
	packet_init(packet, 4);
	memcpy(packet->options, segment->options, segment->options_len);
	packet->options_len = segment->options_len;
}

static void take_options(struct fuzz_segment *segment, const struct packet *packet)
{
	memcpy(segment->options, packet->options, packet->options_len);
	segment->options_len = packet->options_len;
}

/* An option of any kind and length, cut where the 40 bytes end. */
static void add_bytes(struct fuzz *fuzz, struct packet *packet, uint8_t kind, uint8_t said_len,
		      unsigned len)
{
	uint8_t *to = packet->options + packet->options_len;
	unsigned i, room = PACKET_OPTIONS_MAX - packet->options_len;

	for (i = 0; i < len && i < room; i++)
		to[i] = i == 0 ? kind : i == 1 ? said_len : (uint8_t)fuzz_random(fuzz);
	packet->options_len = (uint8_t)(packet->options_len + i);
}

/* ---- Fast Open (RFC 7413, and its experimental number) ------------------ */

static void add_fast_open(struct fuzz *fuzz, uint8_t variant, struct packet *packet)
{
	static const uint8_t cookie[] = {0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8};
	unsigned len;

	switch (variant) {
	case 1:
		packet_add_fast_open(packet, cookie, 8);
		break;
	case 2:
		packet_add_option(packet, KIND_EXPERIMENT_2, cookie, sizeof(cookie));
		break;
	case 3:
		packet_add_option(packet, KIND_EXPERIMENT_1, cookie, sizeof(cookie));
		break;
	case 4: /* asks for a cookie */
		packet_add_fast_open(packet, NULL, 0);
		break;
	case 5:
		packet_add_option(packet, KIND_EXPERIMENT_2, cookie, 2);
		break;
	case 7: /* told once each */
		packet_add_fast_open(packet, cookie, 4);
		packet_add_option(packet, KIND_EXPERIMENT_2, cookie, 6);
		break;
	case 6: /* another experiment */
		packet_add_option(packet, KIND_EXPERIMENT_2, cookie + 1, 6);
		break;
	default:
		len = 2 + fuzz_below(fuzz, 8);
		add_bytes(fuzz, packet, KIND_FAST_OPEN, (uint8_t)len, len);
		break;
	}
}

/* ---- SACK -------------------------------------------------------------- */

static void add_sack(struct fuzz *fuzz, const struct fuzz_flow *flow,
		     const struct fuzz_segment *segment, struct packet *packet)
{
	const struct fuzz_side *peer = &flow->side[!segment->side];
	uint32_t edges[4][2];
	unsigned i, nb = fuzz_below(fuzz, 5);

	for (i = 0; i < nb; i++) {
		const struct fuzz_range *range = &peer->sent[fuzz_below(fuzz, FUZZ_SENT_MAX)];

		edges[i][0] = range->seq;
		edges[i][1] = range->seq + range->len;
		switch (fuzz_below(fuzz, 8)) {
		case 0: /* a duplicate: below the acknowledgement */
			edges[i][0] = segment->ack - 1 - fuzz_below(fuzz, 1000);
			edges[i][1] = segment->ack;
			break;
		case 1:
			edges[i][1] = edges[i][0];
			break;
		case 2:
			edges[i][1] = edges[i][0] - 100;
			break;
		case 3:
			edges[i][0] = segment->ack + 1 + fuzz_below(fuzz, 1000);
			edges[i][1] = edges[i][0] + fuzz_below(fuzz, 1000);
			break;
		default:
			break;
		}
	}
	packet_add_sack(packet, (const uint32_t(*)[2])edges, nb);
}

static void add_broken_sack(struct fuzz *fuzz, struct packet *packet)
{
	unsigned len = 2 + fuzz_below(fuzz, 33);

	add_bytes(fuzz, packet, KIND_SACK, (uint8_t)len, len);
}

/* ---- MPTCP (RFC 8684 3) ------------------------------------------------- */

static void put_key(uint8_t *to, const struct fuzz_flow *flow, unsigned side)
{
	uint64_t key = fuzz_mix(flow->mptcp_key + side);
	unsigned i;

	for (i = 0; i < 8; i++)
		to[i] = (uint8_t)(key >> 8 * i);
}

/* Some operation, mostly well-formed. */
static void add_mptcp(struct fuzz *fuzz, struct fuzz_flow *flow, const struct fuzz_segment *segment,
		      struct packet *packet)
{
	static const uint8_t lens[8] = {20, 12, 12, 8, 4, 3, 12, 12};
	bool may_begin = flow->mptcp == FUZZ_MPTCP_UNUSED;
	unsigned subtype = fuzz_below(fuzz, 8), i, len;
	uint8_t value[22];

	if (flow->mptcp != FUZZ_MPTCP_USED && fuzz_chance(fuzz, 600))
		subtype = 0;
	/* tshark stops with an assertion at an option that begins what has begun. */
	if ((subtype == 0 && flow->mptcp == FUZZ_MPTCP_USED) || (subtype == 1 && !may_begin))
		subtype = 2;
	flow->mptcp = subtype == 0 ? FUZZ_MPTCP_CAPABLE : FUZZ_MPTCP_USED;
	len = lens[subtype];
	for (i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)fuzz_random(fuzz);
	value[0] = (uint8_t)(subtype << 4);
	value[1] = 0;
	switch (subtype) {
	case 0: /* MP_CAPABLE: the sender's key, in the third packet also the other's */
		len = segment->flags & PACKET_SYN ? 12 : 20;
		value[1] = 0x01;
		put_key(value + 2, flow, segment->side);
		put_key(value + 10, flow, !segment->side);
		break;
	case 1: /* MP_JOIN: differs by packet of the handshake */
		len = !(segment->flags & PACKET_SYN) ? 24 : segment->flags & PACKET_ACK ? 16 : 12;
		break;
	case 2: /* DSS: data ack of 4 bytes, or a mapping */
		len = segment->len != 0 ? 14 : 8;
		value[1] = segment->len != 0 ? 0x04 : 0x01;
		break;
	case 3: /* ADD_ADDR, version 4 */
		value[0] |= 4;
		break;
	default:
		break;
	}
	packet_add_option(packet, KIND_MPTCP, value, len - 2);
}

/* ---- lists ------------------------------------------------------------- */

static void add_syn_options(struct fuzz *fuzz, const struct fuzz_flow *flow,
			    const struct fuzz_segment *segment, struct packet *packet)
{
	int shift = flow->side[segment->side].shift;

	packet_add_mss(packet, 1460);
	packet_add_sack_ok(packet);
	if (shift >= 0)
		packet_add_wscale(packet, (uint8_t)shift);
	if (flow->fast_open != 0 && !(segment->flags & PACKET_ACK))
		add_fast_open(fuzz, flow->fast_open, packet);
}

/* A kind that tshark reads over, or of a fixed length; others stop it in ways of their own. */
static void add_any_option(struct fuzz *fuzz, struct packet *packet)
{
	static const uint8_t kinds[] = {6, 7, 9, 10, 11, 12, 13, 14, 15, 19, 24, 31, 100, 200, 255};
	uint8_t kind = kinds[fuzz_below(fuzz, sizeof(kinds))];
	unsigned len = fuzz_below(fuzz, PACKET_OPTIONS_MAX);

	add_bytes(fuzz, packet, kind, (uint8_t)fuzz_random(fuzz), len);
}

static void add_odd_options(struct fuzz *fuzz, const struct fuzz_flow *flow,
			    const struct fuzz_segment *segment, struct packet *packet)
{
	unsigned len = 2 + fuzz_below(fuzz, 10), kind;

	switch (fuzz_below(fuzz, 9)) {
	case 0:
		packet_add_wscale(packet, (uint8_t)fuzz_below(fuzz, 17));
		break;
	case 1:
		packet_add_wscale(packet, (uint8_t)fuzz_random(fuzz));
		packet_add_wscale(packet, (uint8_t)fuzz_below(fuzz, 3));
		break;
	case 2:
		add_broken_sack(fuzz, packet);
		break;
	case 3:
		add_fast_open(fuzz, (uint8_t)(1 + fuzz_below(fuzz, 8)), packet);
		break;
	case 4: /* the right kind, another length */
		kind = 2 + fuzz_below(fuzz, 7);
		add_bytes(fuzz, packet, (uint8_t)kind, (uint8_t)fuzz_below(fuzz, 12), len);
		break;
	case 5: /* the end, and something behind it */
		add_bytes(fuzz, packet, 0, (uint8_t)fuzz_below(fuzz, 2), len);
		packet_add_wscale(packet, 3);
		break;
	case 6:
		add_any_option(fuzz, packet);
		break;
	case 7: /* twice */
		add_sack(fuzz, flow, segment, packet);
		add_sack(fuzz, flow, segment, packet);
		break;
	default: /* the length itself is missing */
		packet_add_nops(packet, 3);
		add_bytes(fuzz, packet, KIND_SACK, 0, 1);
		break;
	}
}

void fuzz_add_options(struct fuzz *fuzz, struct fuzz_flow *flow, struct fuzz_segment *segment)
{
	uint32_t clock = (uint32_t)(segment->ts_ns / FUZZ_NS_PER_MS);
	bool is_syn = segment->flags & PACKET_SYN;
	struct packet packet;

	init_packet(&packet, segment);
	if (is_syn && (flow->is_gentle || !fuzz_chance(fuzz, 50)))
		add_syn_options(fuzz, flow, segment, &packet);
	if (flow->timestamps) {
		packet_add_nops(&packet, 2);
		packet_add_timestamps(&packet, clock, clock - 1);
	}
	if (flow->mptcp != FUZZ_MPTCP_NEVER && fuzz_chance(fuzz, 400))
		add_mptcp(fuzz, flow, segment, &packet);
	if (!flow->is_gentle && fuzz_chance(fuzz, is_syn ? 10 : 60))
		add_sack(fuzz, flow, segment, &packet);
	/* Two Fast Open options count twice in tshark: that is left out. */
	if (!flow->is_gentle && !(is_syn && flow->fast_open != 0) && fuzz_chance(fuzz, 30))
		add_odd_options(fuzz, flow, segment, &packet);
	take_options(segment, &packet);
}
