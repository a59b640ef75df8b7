/* SPDX-License-Identifier: BSD-3-Clause */
/* Long flows: 10,000 segments that nobody acknowledges, more than 65,535 packets of a kind. */
#include "fuzz_priv.h"

#define O(move) ((move) | FUZZ_OTHER)
#define STAGES_MAX 5
#define STAGE_MOVES 6
#define MANY 67000

/* Stages end with one of no rounds. */
struct stage {
	uint32_t rounds;
	uint8_t moves[STAGE_MOVES];
};

#define OPEN MOVE_SYN, O(MOVE_SYN_ACK_SYN), MOVE_ACK
#define CLOSE MOVE_FIN, O(MOVE_FIN), MOVE_DATA, O(MOVE_DATA), O(MOVE_SYN_AGAIN), MOVE_ACK_ALL

/* Nobody answers; what ends them shows whether an end marker still counts. */
static const struct stage one_way[][STAGES_MAX] = {
	{{9990, {MOVE_DATA}}, {3, {MOVE_FIN, MOVE_DATA, MOVE_SYN_AGAIN, MOVE_DATA}}, {1, {CLOSE}}},
	{{10010, {MOVE_DATA}}, {3, {MOVE_FIN, MOVE_DATA, MOVE_SYN_AGAIN, MOVE_DATA}}, {1, {CLOSE}}},
	{{1, {OPEN}},
	 {9995, {MOVE_DATA}},
	 {12, {MOVE_FIN, MOVE_RESEND_LAST, MOVE_DATA}},
	 {1, {CLOSE}}},
	{{1, {OPEN}},
	 {9998, {MOVE_DATA}},
	 {12, {MOVE_SYN_AGAIN, MOVE_DATA, MOVE_FIN}},
	 {1, {CLOSE}}},
	/* An answer comes at last, or several. */
	{{10020, {MOVE_DATA}},
	 {4, {MOVE_FIN, O(MOVE_ACK_PART), MOVE_FIN, MOVE_DATA}},
	 {30, {O(MOVE_ACK_ALL), MOVE_DATA, MOVE_FIN}},
	 {1, {CLOSE}}},
	{{10005, {MOVE_DATA}},
	 {300, {O(MOVE_ACK_PART), MOVE_DATA, MOVE_FIN, MOVE_RESEND, MOVE_DATA}},
	 {5, {O(MOVE_RST), MOVE_DATA, MOVE_FIN}},
	 {300, {O(MOVE_ACK_OLD), MOVE_DATA, MOVE_FIN, MOVE_RESEND_ACKED}},
	 {1, {CLOSE}}},
	{{3400, {MOVE_SKIP, MOVE_DATA, MOVE_RESEND, MOVE_FILL}},
	 {100, {O(MOVE_ACK_PART), MOVE_DATA, MOVE_FIN, MOVE_DATA}},
	 {100, {O(MOVE_CHAOS), MOVE_DATA, MOVE_FIN, MOVE_DATA}},
	 {1, {CLOSE}}},
	{{300, {MOVE_DATA}},
	 {5000, {O(MOVE_ACK_PART), MOVE_DATA, MOVE_DATA, MOVE_RESEND, MOVE_FILL, MOVE_SKIP}},
	 {1, {CLOSE}}},
};

/* Those of the first five that a short trace begins with need one packet each time. */
static const struct stage many[][STAGES_MAX] = {
	{{1, {OPEN}}, {1, {O(MOVE_DATA)}}, {MANY, {MOVE_SAME}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {MOVE_UPDATE}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {1, {MOVE_DATA_BIG}}, {MANY, {MOVE_RESEND_LAST}}, {1, {CLOSE}}},
	{{1, {OPEN}},
	 {1, {MOVE_DATA_BIG, O(MOVE_ACK_ALL)}},
	 {MANY, {MOVE_RESEND_LAST}},
	 {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {O(MOVE_SYN_ACK_NEW)}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {1, {O(MOVE_ACK_ZERO)}}, {MANY, {MOVE_PROBE, O(MOVE_SAME)}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {1, {MOVE_DATA}}, {MANY, {MOVE_KEEP_ALIVE, O(MOVE_SAME)}}, {1, {CLOSE}}},
	/* Without a handshake the limit of lateness is 3 ms. */
	{{MANY, {MOVE_SKIP, MOVE_DATA, MOVE_FILL, O(MOVE_ACK_ALL)}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {MOVE_SKIP, MOVE_DATA, O(MOVE_ACK_UNSEEN)}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {O(MOVE_SMALL_WINDOW), MOVE_FILL_WINDOW}}, {1, {CLOSE}}},
	{{1, {OPEN}},
	 {1, {MOVE_DATA, O(MOVE_SAME), O(MOVE_SAME)}},
	 {MANY, {O(MOVE_SAME), MOVE_RESEND_AT_ACK}},
	 {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {MOVE_SYN_AGAIN, O(MOVE_SYN_ACK), O(MOVE_SYN_ACK_SYN)}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY, {O(MOVE_ACK_ZERO), O(MOVE_DATA), MOVE_ACK}}, {1, {CLOSE}}},
	{{1, {OPEN}}, {MANY / 2, {MOVE_DATA_BIG, MOVE_DATA_BIG, O(MOVE_ACK_ALL)}}, {1, {CLOSE}}},
};

#define NB_QUICK 5
#define NB_ONE_WAY (sizeof(one_way) / sizeof(one_way[0]))
#define NB_MANY (sizeof(many) / sizeof(many[0]))

static const struct stage *stage_of(const struct fuzz_flow *flow)
{
	if (flow->stage == STAGES_MAX)
		return NULL;
	if (flow->script < NB_ONE_WAY)
		return &one_way[flow->script][flow->stage];
	return &many[flow->script - NB_ONE_WAY][flow->stage];
}

/* The first place has flows of many packets of a kind; the others, too, after the one-way flows. */
void fuzz_start_long(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	uint64_t kind;

	do {
		fuzz_start_flow(fuzz, flow);
	} while (flow->side[0].port == flow->side[1].port);
	if (flow != fuzz->flows && fuzz->nb_one_way < NB_ONE_WAY) {
		flow->script = fuzz->nb_one_way++;
		flow->is_gentle = flow->script < NB_ONE_WAY / 2;
	} else {
		kind = (fuzz->params->seed % NB_QUICK + fuzz->nb_many++) % NB_MANY;
		flow->script = (unsigned)(NB_ONE_WAY + kind);
		flow->is_gentle = true;
	}
	flow->side[0].shift = 0;
	flow->side[1].shift = 0;
	flow->fast_open = 1;
	flow->stage = 0;
	flow->rounds = stage_of(flow)->rounds;
}

static uint8_t next_move(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	const struct stage *stage = stage_of(flow);

	if (flow->position == STAGE_MOVES || stage->moves[flow->position] == 0) {
		flow->position = 0;
		if (--flow->rounds == 0) {
			flow->stage++;
			stage = stage_of(flow);
			if (stage == NULL || stage->rounds == 0) {
				fuzz_start_long(fuzz, flow);
				stage = stage_of(flow);
			}
			flow->rounds = stage->rounds;
		}
	}
	return stage->moves[flow->position++];
}

int fuzz_step_long(struct fuzz *fuzz, struct fuzz_flow *flow)
{
	bool sent = false;
	uint8_t move;
	int error = 0;

	while (error == 0 && !sent) {
		move = next_move(fuzz, flow);
		error = fuzz_move(fuzz, flow, flow->sender ^ (move >= FUZZ_OTHER),
				  (enum fuzz_move)(move & ~FUZZ_OTHER), &sent);
	}
	return error;
}
