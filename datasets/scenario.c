/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <errno.h>
#include <string.h>

#include "output.h"

/* 2026-11-20 09:00:00 UTC */
#define START_NS INT64_C(1795165200000000000)

#define TTL_NEAR 64
#define TTL_FAR 57

/* What one side of a connection knows. Sequence numbers are absolute. */
struct side {
	uint32_t isn;
	uint32_t next_seq;
	uint32_t rcv_next; /* of the other side's numbers: received without a gap */
	bool received;     /* rcv_next is meaningful */
	uint16_t win;
	uint16_t ip_id;
	uint32_t last_tsval;
	struct packet last;
	uint32_t last_keep;
};

struct player {
	const struct scenario *scenario;
	struct output *output;
	struct side sides[SCENARIO_CONNS_MAX][2];
};

static const struct scenario *const chapters[] = {
	scenarios_named, scenarios_opening, scenarios_closing,
	scenarios_loss,  scenarios_capture, scenarios_around,
};

#define NB_CHAPTERS (sizeof(chapters) / sizeof(chapters[0]))

const struct scenario *scenario_at(size_t n)
{
	const struct scenario *scenario;
	size_t i;

	for (i = 0; i < NB_CHAPTERS; i++) {
		for (scenario = chapters[i]; scenario->name != NULL; scenario++) {
			if (n-- == 0)
				return scenario;
		}
	}
	return NULL;
}

const struct scenario *scenario_find(const char *name)
{
	const struct scenario *scenario;
	size_t i;

	for (i = 0; (scenario = scenario_at(i)) != NULL; i++) {
		if (strcmp(scenario->name, name) == 0)
			break;
	}
	return scenario;
}

static bool is_captured(const struct step *step)
{
	return step->fate != STEP_LOST_BEFORE && step->fate != STEP_MISSED;
}

size_t scenario_nb_frames(const struct scenario *scenario)
{
	size_t i, nb = 0;

	for (i = 0; i < scenario->nb_steps; i++)
		nb += is_captured(&scenario->steps[i]);
	return nb;
}

static void init_sides(struct player *player)
{
	const struct conn *conn;
	struct side *sides;
	unsigned i, k;

	for (i = 0; i < player->scenario->nb_conns; i++) {
		conn = &player->scenario->conns[i];
		sides = player->sides[i];
		for (k = 0; k < 2; k++) {
			sides[k].isn = k == 0 ? conn->a.isn : conn->b.isn;
			sides[k].next_seq = sides[k].isn;
			sides[k].win = 65535;
			sides[k].ip_id = (uint16_t)((k == 0 ? 0x1000 : 0x8000) + 0x100 * i);
		}
	}
}

static void add_options(const struct player *player, const struct step *step, struct packet *packet)
{
	static const uint8_t cookie[16] = "tcpmill cookie!";
	const struct conn *conn = &player->scenario->conns[step->conn];
	const struct side *other = &player->sides[step->conn][!step->side];
	uint32_t edges[3][2];
	unsigned i;

	if (step->mss != 0)
		packet_add_mss(packet, step->mss);
	if (step->sack_ok)
		packet_add_sack_ok(packet);
	if (step->said_ts)
		packet_add_timestamps(packet, step->tsval, step->tsecr);
	else if (conn->timestamps && !(step->flags & RST))
		packet_add_timestamps(packet, (uint32_t)(step->at_us / 1000) + 1000,
				      step->flags & ACK ? other->last_tsval : 0);
	if (step->said_wscale)
		packet_add_wscale(packet, step->wscale);
	if (step->said_fast_open)
		packet_add_fast_open(packet, cookie, step->cookie_len);
	for (i = 0; i < step->nb_sack; i++) {
		edges[i][0] = other->isn + step->sack[i][0];
		edges[i][1] = other->isn + step->sack[i][1];
	}
	if (step->nb_sack != 0)
		packet_add_sack(packet, (const uint32_t(*)[2])edges, step->nb_sack);
}

static int address_packet(const struct conn *conn, const struct step *step, struct packet *packet)
{
	bool from_b = step->side == 1;
	const struct endpoint *src = from_b ? &conn->b : &conn->a;
	const struct endpoint *dst = from_b ? &conn->a : &conn->b;
	uint8_t ttl = from_b ? conn->b_ttl : conn->a_ttl;

	packet_init(packet, strchr(src->address, ':') != NULL ? 6 : 4);
	packet->reverse = from_b;
	packet->vlan = conn->vlan;
	packet->min_frame = conn->min_frame;
	packet->src_port = src->port;
	packet->dst_port = dst->port;
	packet->ttl = from_b ? TTL_FAR : TTL_NEAR;
	if (ttl != 0)
		packet->ttl = ttl;
	if (step->ttl != 0)
		packet->ttl = step->ttl;
	packet->tos = step->tos;
	packet->dont_fragment = true;
	return packet_set_addresses(packet, src->address, dst->address);
}

static int make_packet(struct player *player, const struct step *step, struct packet *packet)
{
	struct side *side = &player->sides[step->conn][step->side];
	struct side *other = &player->sides[step->conn][!step->side];
	int error = address_packet(&player->scenario->conns[step->conn], step, packet);

	if (error != 0)
		return error;
	packet->ip_id = ++side->ip_id;
	packet->payload_len = step->len;
	if (step->udp) {
		packet->protocol = PACKET_PROTOCOL_UDP;
		return 0;
	}
	packet->flags = step->flags;
	packet->seq = step->said_seq ? side->isn + (uint32_t)step->seq : side->next_seq;
	if (step->said_ack)
		packet->ack = other->isn + step->ack;
	else if (step->flags & ACK)
		packet->ack = side->received ? side->rcv_next : other->next_seq;
	if (step->said_win)
		side->win = step->win;
	packet->window = side->win;
	packet->urgent = step->urgent;
	add_options(player, step, packet);
	return 0;
}

static bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* What both sides know after the step. */
static void deliver(struct player *player, const struct step *step, const struct packet *packet)
{
	struct side *side = &player->sides[step->conn][step->side];
	struct side *other = &player->sides[step->conn][!step->side];
	uint32_t end = packet->seq + packet->payload_len;

	end += (step->flags & SYN) != 0;
	end += (step->flags & FIN) != 0;
	if (seq_lt(side->next_seq, end))
		side->next_seq = end;
	if (step->said_ack && (!side->received || seq_lt(side->rcv_next, packet->ack))) {
		side->rcv_next = packet->ack;
		side->received = true;
	}
	if (step->said_ts)
		side->last_tsval = step->tsval;
	else
		side->last_tsval = (uint32_t)(step->at_us / 1000) + 1000;
	if (step->fate == STEP_LOST_BEFORE || step->fate == STEP_LOST_BEHIND)
		return;
	if (!other->received) {
		other->received = true;
		other->rcv_next = end;
	} else if (!seq_lt(other->rcv_next, packet->seq) && seq_lt(other->rcv_next, end)) {
		other->rcv_next = end;
	}
}

/* Fragments, quotes and tunnels are packets around the packet. */
static int write_packet(struct player *player, const struct step *step, const struct packet *packet,
			uint32_t keep)
{
	const enum around around =
		step->said_around ? step->around : player->scenario->conns[step->conn].around;
	const int64_t ts_ns = START_NS + step->at_us * 1000 + step->add_ns;
	uint8_t inside[AROUND_MAX], outside[AROUND_MAX];
	struct packet inner = *packet, outer;
	int error = 0;

	if (step->end != 0)
		error = around_fragment(packet, step->start, step->end, &inner, inside);
	else if (step->fate == STEP_QUOTED)
		error = around_quote(packet, step->quote_len, &inner, inside);
	if (error == 0 && around != AROUND_NONE)
		error = around_tunnel(&inner, around, &outer, outside);
	if (error != 0)
		return error;
	if (output_write(player->output, ts_ns, around != AROUND_NONE ? &outer : &inner, keep) == 0)
		return -EPROTOTYPE;
	return 0;
}

static int play_step(struct player *player, const struct step *step)
{
	struct side *side;
	struct packet packet;
	uint32_t keep = step->keep;
	int error;

	if (step->conn >= player->scenario->nb_conns)
		return -EINVAL;
	side = &player->sides[step->conn][step->side];
	if (step->fate >= STEP_AGAIN) {
		packet = side->last;
		if (step->fate == STEP_AGAIN)
			packet.ttl--;
		keep = side->last_keep;
	} else {
		error = make_packet(player, step, &packet);
		if (error != 0)
			return error;
		if (!step->udp)
			deliver(player, step, &packet);
		side->last = packet;
		side->last_keep = keep;
	}
	return is_captured(step) ? write_packet(player, step, &packet, keep) : 0;
}

int scenario_write(const struct scenario *scenario, struct output *output)
{
	struct player player = {.scenario = scenario, .output = output};
	size_t i;
	int error = 0;

	if (scenario->nb_conns > SCENARIO_CONNS_MAX)
		return -EINVAL;
	init_sides(&player);
	for (i = 0; i < scenario->nb_steps && error == 0; i++)
		error = play_step(&player, &scenario->steps[i]);
	return error;
}
