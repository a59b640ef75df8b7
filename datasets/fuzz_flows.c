/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: who they are between, and the short scripts that they play. */
#include <string.h>

#include "fuzz_carry.h"

#define O(move) ((move) | FUZZ_OTHER)
#define SCRIPT_MAX 16

/* Each is played rounds times; weights are those of the profiles. */
static const struct {
	uint8_t moves[SCRIPT_MAX];
	uint16_t rounds_max;
	uint8_t mixed, wild;
	bool opens;
} scripts[] = {
	/* ---- how it starts */
	{{MOVE_SYN, O(MOVE_SYN_ACK), MOVE_ACK}, 1, 60, 30, true},
	{{MOVE_SYN, O(MOVE_SYN_ACK_SYN), MOVE_ACK, MOVE_DATA}, 1, 10, 10, true},
	{{MOVE_SYN, MOVE_SYN_AGAIN, MOVE_SYN_AGAIN, O(MOVE_SYN_ACK), MOVE_ACK}, 1, 8, 8, true},
	{{MOVE_SYN, O(MOVE_SYN_ACK), O(MOVE_SYN_ACK_NEW), MOVE_ACK}, 1, 4, 4, true},
	{{MOVE_SYN, O(MOVE_SYN), MOVE_SYN_ACK, O(MOVE_SYN_ACK), MOVE_ACK}, 1, 3, 3, true},
	{{MOVE_SYN, O(MOVE_RST)}, 1, 2, 2, true},
	{{MOVE_SYN, MOVE_ACK, MOVE_DATA}, 1, 5, 5, true},
	{{O(MOVE_SYN_ACK), MOVE_ACK}, 1, 6, 6, true},
	{{O(MOVE_DATA), MOVE_ACK}, 1, 10, 10, true},
	{{MOVE_CHAOS}, 3, 4, 30, true},
	/* ---- what happens */
	{{MOVE_DATA, MOVE_DATA, O(MOVE_ACK)}, 6, 50, 10, false},
	{{MOVE_DATA, O(MOVE_ACK), O(MOVE_DATA), MOVE_ACK}, 6, 40, 10, false},
	{{MOVE_DATA, O(MOVE_DATA)}, 4, 10, 5, false},
	{{MOVE_SKIP, MOVE_DATA, O(MOVE_SAME), MOVE_DATA, O(MOVE_SAME), MOVE_DATA, O(MOVE_SAME),
	  MOVE_RESEND_AT_ACK, O(MOVE_ACK)},
	 2,
	 40,
	 5,
	 false},
	{{MOVE_DATA, MOVE_DATA, O(MOVE_SAME), O(MOVE_SAME), O(MOVE_SAME), MOVE_RESEND_AT_ACK,
	  MOVE_RESEND_AT_ACK, O(MOVE_ACK_ALL)},
	 2,
	 25,
	 5,
	 false},
	{{MOVE_SKIP, MOVE_DATA, MOVE_FILL, O(MOVE_ACK)}, 4, 40, 5, false},
	{{MOVE_SKIP, MOVE_DATA, MOVE_SKIP, MOVE_DATA, O(MOVE_SAME), MOVE_FILL, MOVE_FILL,
	  O(MOVE_ACK_ALL)},
	 2,
	 20,
	 5,
	 false},
	{{MOVE_SKIP, MOVE_DATA}, 40, 5, 1, false}, /* more holes than anybody keeps */
	{{MOVE_FILL}, 30, 6, 1, false},
	{{MOVE_FILL, O(MOVE_ACK_ALL)}, 6, 6, 1, false},
	{{MOVE_DATA, MOVE_RESEND_LAST, O(MOVE_ACK)}, 3, 20, 5, false},
	{{MOVE_DATA, MOVE_RESEND, MOVE_RESEND, O(MOVE_ACK)}, 3, 20, 5, false},
	{{MOVE_DATA, O(MOVE_ACK_ALL), MOVE_RESEND_ACKED, MOVE_RESEND_LAST}, 2, 20, 5, false},
	{{MOVE_DATA, MOVE_COPY, O(MOVE_ACK), O(MOVE_COPY)}, 2, 15, 5, false},
	{{MOVE_KEEP_ALIVE, O(MOVE_SAME)}, 3, 20, 5, false},
	{{MOVE_KEEP_ALIVE_BYTE, O(MOVE_SAME)}, 3, 15, 5, false},
	{{O(MOVE_ACK_ZERO), MOVE_PROBE, O(MOVE_SAME), MOVE_PROBE, O(MOVE_SAME), O(MOVE_UPDATE),
	  MOVE_DATA},
	 2,
	 30,
	 5,
	 false},
	{{O(MOVE_ACK_ZERO), MOVE_KEEP_ALIVE, O(MOVE_ACK_ZERO), MOVE_KEEP_ALIVE_BYTE, O(MOVE_SAME),
	  O(MOVE_UPDATE)},
	 1,
	 10,
	 5,
	 false},
	{{O(MOVE_UPDATE)}, 3, 15, 5, false},
	{{O(MOVE_SMALL_WINDOW), MOVE_FILL_WINDOW, O(MOVE_ACK_ZERO), MOVE_PROBE, O(MOVE_SAME)},
	 2,
	 20,
	 5,
	 false},
	{{O(MOVE_SMALL_WINDOW), MOVE_FILL_WINDOW, O(MOVE_ACK_ALL)}, 3, 30, 5, false},
	{{O(MOVE_UPDATE), MOVE_FILL_WINDOW, MOVE_RESEND_LAST}, 2, 10, 5, false},
	{{MOVE_DATA, O(MOVE_ACK_UNSEEN), O(MOVE_ACK_UNSEEN), MOVE_DATA}, 2, 15, 5, false},
	{{MOVE_SKIP, O(MOVE_ACK_UNSEEN), O(MOVE_SAME), MOVE_DATA}, 2, 10, 5, false},
	{{MOVE_DATA, O(MOVE_ACK_PART), O(MOVE_ACK_OLD), MOVE_RESEND}, 3, 20, 5, false},
	{{MOVE_DATA, MOVE_DATA, MOVE_DATA, O(MOVE_ACK_PART)}, 20, 8, 2, false},
	{{MOVE_DATA}, 1500, 1, 0, false},
	{{MOVE_DATA, MOVE_DATA, MOVE_RESEND, MOVE_SKIP, MOVE_DATA, MOVE_FILL}, 150, 1, 0, false},
	{{MOVE_GALLOP, MOVE_DATA, O(MOVE_ACK_ALL)}, 4, 5, 3, false},
	{{MOVE_DATA_BIG, MOVE_DATA_BIG, O(MOVE_ACK_ALL)}, 3, 3, 1, false},
	{{MOVE_SYN_AGAIN, O(MOVE_SYN_ACK_SYN), MOVE_ACK}, 1, 6, 5, false},
	{{O(MOVE_SYN_ACK_NEW), MOVE_ACK, O(MOVE_DATA)}, 1, 4, 5, false},
	{{MOVE_SYN_NEW, O(MOVE_SYN_ACK_NEW), MOVE_ACK, MOVE_DATA}, 1, 8, 5, false},
	{{O(MOVE_SYN_NEW), MOVE_SYN_ACK_NEW, O(MOVE_ACK)}, 1, 4, 5, false},
	{{MOVE_FIN, O(MOVE_ACK_ALL), O(MOVE_FIN), MOVE_ACK_ALL}, 1, 15, 5, false},
	{{MOVE_FIN, MOVE_FIN, O(MOVE_DATA), O(MOVE_FIN), MOVE_ACK}, 1, 6, 5, false},
	{{MOVE_FIN, MOVE_RESEND_LAST, O(MOVE_SAME), O(MOVE_RST)}, 1, 6, 5, false},
	{{O(MOVE_RST), MOVE_DATA}, 1, 6, 5, false},
	{{MOVE_CHAOS, O(MOVE_CHAOS)}, 10, 15, 255, false},
	{{MOVE_CHAOS, MOVE_CHAOS, MOVE_CHAOS, O(MOVE_CHAOS), O(MOVE_ACK_ALL)}, 4, 5, 255, false},
};

#define NB_SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

/* ---- endpoints --------------------------------------------------------- */

static void set_address(struct fuzz_side *side, uint8_t version, unsigned net, uint32_t host)
{
	static const uint8_t prefix[16] = {0x20, 0x01, 0x0d, 0xb8};
	size_t last = version == 6 ? 15 : 3;

	memset(side->address, 0, sizeof(side->address));
	if (version == 6)
		memcpy(side->address, prefix, sizeof(prefix));
	else
		side->address[0] = 10;
	if (version == 6)
		side->address[5] = (uint8_t)net;
	else
		side->address[1] = (uint8_t)net;
	side->address[last - 1] = (uint8_t)(host >> 8);
	side->address[last] = (uint8_t)host;
}

static void set_endpoints(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	static const uint16_t ports[8] = {80, 443, 22, 8080, 1, 65535, 0, 25};
	uint32_t id = fuzz->next_flow++;
	unsigned client = fuzz_below(fuzz, 2);

	flow->version = fuzz_chance(fuzz, 350) ? 6 : 4;
	set_address(&flow->side[client], flow->version, 1, id & 0xff);
	set_address(&flow->side[!client], flow->version, 2, fuzz_below(fuzz, 20));
	flow->side[client].port = (uint16_t)(1024 + (id >> 8) % 60000);
	flow->side[!client].port = ports[fuzz_below(fuzz, 8)];
	if (fuzz_chance(fuzz, 60)) /* a machine talks to itself */
		memcpy(flow->side[!client].address, flow->side[client].address, 16);
	if (fuzz_chance(fuzz, 20)) { /* every packet seems to come from the same side */
		memcpy(flow->side[!client].address, flow->side[client].address, 16);
		flow->side[!client].port = flow->side[client].port;
	}
}

static void init_side(struct fuzz *fuzz, struct fuzz_side *side)
{
	struct fuzz_side fresh = {.port = side->port};

	memcpy(fresh.address, side->address, sizeof(fresh.address));
	*side = fresh;
	side->ip_id = (uint16_t)fuzz_random(fuzz);
	side->shift = fuzz_chance(fuzz, 650) ? (int)fuzz_below(fuzz, 15) : -1;
	side->isn = fuzz_isn(fuzz);
	side->position = side->isn;
	side->next = side->isn;
	side->contig = side->isn;
	side->win = (uint16_t)(1 + fuzz_below(fuzz, 65535));
	side->open_win = side->win;
}

static void choose_script(struct fuzz *fuzz, struct fuzz_flow *flow, bool opens);

/* is_new: nobody had its endpoints before. */
static void init_flow(struct fuzz *fuzz, struct fuzz_flow *flow, bool is_new)
{
	const uint32_t lives[4] = {4, 60, 600, 4000};
	uint32_t kind = fuzz_below(fuzz, 20);

	init_side(fuzz, &flow->side[0]);
	init_side(fuzz, &flow->side[1]);
	flow->fast_open = fuzz_chance(fuzz, 120) ? (uint8_t)(1 + fuzz_below(fuzz, 8)) : 0;
	flow->timestamps = fuzz_chance(fuzz, 300);
	flow->mptcp = is_new && fuzz_chance(fuzz, 40) ? FUZZ_MPTCP_UNUSED : FUZZ_MPTCP_NEVER;
	flow->is_gentle = false;
	flow->vlan = fuzz_chance(fuzz, 100) ? (uint16_t)(1 + fuzz_below(fuzz, 4094)) : 0;
	flow->min_frame = fuzz_chance(fuzz, 200) ? (uint16_t)(60 + fuzz_below(fuzz, 8)) : 0;
	flow->mptcp_key = fuzz_random(fuzz);
	flow->tunnel = CARGO_TUNNELS;
	if (fuzz->carry != NULL && fuzz_chance(fuzz, 400))
		flow->tunnel = (uint8_t)fuzz_below(fuzz, CARGO_TUNNELS);
	flow->syn_ts_ns = 0;
	flow->rtt_ns = 0;
	memset(&flow->last, 0, sizeof(flow->last));
	flow->last.ts_ns = fuzz->now_ns;
	flow->left = 1 + fuzz_below(fuzz, lives[kind < 3 ? 0 : kind < 15 ? 1 : kind < 19 ? 2 : 3]);
	flow->sender = fuzz_below(fuzz, 2);
	choose_script(fuzz, flow, true);
}

void fuzz_start_flow(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	set_endpoints(fuzz, flow);
	init_flow(fuzz, flow, true);
}

/* A new connection, now and then on ports that were or are another's. */
static void follow_flow(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	const struct fuzz_flow *other;
	bool is_new = fuzz_chance(fuzz, 750);

	if (is_new) {
		set_endpoints(fuzz, flow);
	} else if (fuzz_chance(fuzz, 200)) {
		other = &fuzz->flows[fuzz_below(fuzz, fuzz->nb_flows)];
		flow->version = other->version;
		memcpy(flow->side, other->side, sizeof(flow->side));
	}
	init_flow(fuzz, flow, is_new);
}

/* ---- scripts ----------------------------------------------------------- */

static uint32_t script_weight(const struct fuzz *fuzz, size_t i, bool opens)
{
	if (scripts[i].opens != opens)
		return 0;
	return fuzz->params->profile == FUZZ_WILD ? scripts[i].wild : scripts[i].mixed;
}

static void choose_script(struct fuzz *fuzz, struct fuzz_flow *flow, bool opens)
{
	uint32_t total = 0, at;
	size_t i;

	for (i = 0; i < NB_SCRIPTS; i++)
		total += script_weight(fuzz, i, opens);
	at = fuzz_below(fuzz, total);
	for (i = 0; at >= script_weight(fuzz, i, opens); i++)
		at -= script_weight(fuzz, i, opens);
	flow->script = (unsigned)i;
	flow->position = 0;
	flow->rounds = 1 + fuzz_below(fuzz, scripts[i].rounds_max);
	if (!opens && fuzz_chance(fuzz, 300))
		flow->sender = !flow->sender;
}

/* Random numbers have led a side astray: it goes on where the capture saw its end. */
static void settle(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (fuzz_chance(fuzz, 600))
			flow->side[i].position = flow->side[i].next;
		if (fuzz_chance(fuzz, 300))
			flow->side[i].contig = flow->side[i].next;
	}
}

static uint8_t next_move(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	if (flow->position == SCRIPT_MAX || scripts[flow->script].moves[flow->position] == 0) {
		flow->position = 0;
		if (--flow->rounds == 0) {
			choose_script(fuzz, flow, false);
			settle(fuzz, flow);
		}
	}
	return scripts[flow->script].moves[flow->position++];
}

int fuzz_step_script(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	bool sent = false;
	uint8_t move;
	int error = 0;

	if (flow->left-- == 0)
		follow_flow(fuzz, flow);
	while (error == 0 && !sent) {
		move = next_move(fuzz, flow);
		if (fuzz_chance(fuzz, 40)) /* lost before the capture, or never sent */
			continue;
		if (fuzz_chance(fuzz, 20))
			flow->position--; /* the same again, later */
		if (fuzz_chance(fuzz, 40))
			move = fuzz_chance(fuzz, 700) ? MOVE_CHAOS : MOVE_COPY;
		error = fuzz_move(fuzz, flow, flow->sender ^ (move >= FUZZ_OTHER),
				  (enum fuzz_move)(move & ~FUZZ_OTHER), &sent);
	}
	return error;
}
