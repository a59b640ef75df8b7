/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_FUZZ_PRIV_H
#define DATASETS_FUZZ_PRIV_H

/*
 * What the parts of the fuzz generator share. What a side keeps here follows the
 * rules of verdicts only as far as it takes to aim at their edges.
 */

#include "fuzz.h"

#define FUZZ_NS_PER_MS INT64_C(1000000)
#define FUZZ_NS_PER_S INT64_C(1000000000)

#define FUZZ_SENT_MAX 16
#define FUZZ_HOLES_MAX 64

/* Sequence numbers [seq, seq + len). */
struct fuzz_range {
	uint32_t seq, len;
};

struct fuzz_side {
	uint8_t address[16];
	uint16_t port;
	uint16_t ip_id;
	int shift;         /* window scale it offers; -1: none */
	uint32_t isn;      /* of the SYN it sends */
	uint32_t position; /* where its next new byte goes */
	/* As a capture sees it: highest end, contiguous end, last ack and window. */
	uint32_t next, contig, ack;
	uint16_t win, open_win; /* the latter: the last one above 0 */
	int64_t next_ts_ns, last_ts_ns;
	struct fuzz_range sent[FUZZ_SENT_MAX]; /* a ring: the latest segments that take numbers */
	uint64_t nb_sent;
	struct fuzz_range holes[FUZZ_HOLES_MAX]; /* what was left out */
	unsigned nb_holes;
};

struct fuzz_segment {
	unsigned side;
	uint32_t seq, ack, len;
	uint16_t win, ip_id;
	uint8_t flags;
	uint8_t options_len;
	uint8_t options[PACKET_OPTIONS_MAX];
	bool is_copy; /* of an earlier one: takes its options and identification */
	int64_t ts_ns;
};

/* Whether a flow has MPTCP options, and which it had. */
enum fuzz_mptcp {
	FUZZ_MPTCP_NEVER,
	FUZZ_MPTCP_UNUSED,
	FUZZ_MPTCP_CAPABLE, /* only MP_CAPABLE */
	FUZZ_MPTCP_USED,
};

struct fuzz_flow {
	struct fuzz_side side[2];
	uint8_t version;
	uint8_t fast_open; /* which option a SYN carries; 0: none */
	uint8_t mptcp;     /* enum fuzz_mptcp */
	bool timestamps;
	bool is_gentle; /* nothing is damaged or bent */
	uint16_t vlan, min_frame;
	uint8_t tunnel; /* of the profile "carried": see fuzz_carry.h */
	uint64_t mptcp_key;
	int64_t syn_ts_ns, rtt_ns;
	struct fuzz_segment last; /* for captures of a packet twice */
	uint64_t left;            /* packets until another takes its place */
	/* Where it is in its script. */
	unsigned script, stage, position, sender;
	uint32_t rounds;
};

struct fuzz_carry;

struct fuzz {
	const struct fuzz_params *params;
	struct capture_file *file;
	uint64_t random;
	int64_t now_ns;
	uint64_t nb_written;
	uint32_t next_flow;           /* number of the next pair of ports that nobody had */
	unsigned nb_one_way, nb_many; /* long flows started */
	struct fuzz_flow *flows;
	uint64_t nb_flows;
	uint64_t current;
	struct fuzz_carry *carry; /* of the profile "carried", else NULL */
	uint8_t frame[65536];
};

/* ---- numbers ----------------------------------------------------------- */

/* Finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t fuzz_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t fuzz_random(struct fuzz *fuzz)
{
	return fuzz_mix(fuzz->random += UINT64_C(0x9e3779b97f4a7c15));
}

/* Of [0, n), 0 < n < 2^32. At most one call in an expression: C leaves the order open. */
static inline uint32_t fuzz_below(struct fuzz *fuzz, uint64_t n)
{
	return (uint32_t)((fuzz_random(fuzz) >> 32) * n >> 32);
}

/* True n times in a thousand. */
static inline bool fuzz_chance(struct fuzz *fuzz, uint32_t n)
{
	return fuzz_below(fuzz, 1000) < n;
}

/* ---- fuzz_moves.c ------------------------------------------------------ */

/* What one side does next; the numbers that a segment takes follow from the flow. */
enum fuzz_move {
	MOVE_END,
	MOVE_SYN,
	MOVE_SYN_AGAIN,   /* the same sequence number */
	MOVE_SYN_NEW,     /* the same ports, another connection */
	MOVE_SYN_ACK,     /* all of it: data on the SYN too */
	MOVE_SYN_ACK_SYN, /* only the SYN */
	MOVE_SYN_ACK_NEW, /* another sequence number than before */
	MOVE_ACK,         /* what came without a gap */
	MOVE_ACK_ALL,     /* the highest end */
	MOVE_ACK_PART,    /* somewhere in what is not acknowledged yet */
	MOVE_ACK_OLD,
	MOVE_ACK_UNSEEN,
	MOVE_ACK_ZERO, /* the same, and the window is closed */
	MOVE_SAME,     /* nothing new at all: a dup ACK, and the answer to any probe */
	MOVE_UPDATE,   /* nothing new but the window */
	MOVE_DATA,
	MOVE_DATA_BIG,    /* as large as IP allows, nearly */
	MOVE_SKIP,        /* data that the capture does not have */
	MOVE_GALLOP,      /* a large part of the number space is left out */
	MOVE_FILL,        /* some of what was left out */
	MOVE_RESEND,      /* something near what was sent before */
	MOVE_RESEND_LAST, /* exactly */
	MOVE_RESEND_AT_ACK,
	MOVE_RESEND_ACKED,
	MOVE_PROBE, /* one byte behind the end */
	MOVE_KEEP_ALIVE,
	MOVE_KEEP_ALIVE_BYTE,
	MOVE_FILL_WINDOW,
	MOVE_SMALL_WINDOW, /* an ACK that offers little */
	MOVE_FIN,
	MOVE_RST,
	MOVE_COPY,  /* the flow's last packet once more */
	MOVE_CHAOS, /* any numbers near the edges */
	NB_FUZZ_MOVES,
};

/* In scripts: the other side's move. */
#define FUZZ_OTHER 0x80u

/* Returns 0 or -errno. *sent: whether there was a packet. */
int fuzz_move(struct fuzz *fuzz, struct fuzz_flow *flow, unsigned side, enum fuzz_move move,
	      bool *sent);

/* A random place to start from, often one where numbers wrap. */
uint32_t fuzz_isn(struct fuzz *fuzz);

/* ---- fuzz_chaos.c ------------------------------------------------------ */

void fuzz_chaos(struct fuzz *fuzz, const struct fuzz_flow *flow, struct fuzz_segment *segment);

/* A time at an edge of the rules of lateness, instead of now. */
void fuzz_aim(struct fuzz *fuzz, const struct fuzz_flow *flow, struct fuzz_segment *segment);

/* ---- fuzz_options.c ---------------------------------------------------- */

/* Puts TCP options on it, such as the flow has, or others. */
void fuzz_add_options(struct fuzz *fuzz, struct fuzz_flow *flow, struct fuzz_segment *segment);

/* ---- fuzz_frame.c ------------------------------------------------------ */

/* Writes it, perhaps damaged, and notes what the capture saw. Returns 0 or -EPROTOTYPE. */
int fuzz_send(struct fuzz *fuzz, struct fuzz_flow *flow, struct fuzz_segment *segment);

/* ---- fuzz_carry.c ------------------------------------------------------ */

struct fuzz_carry *fuzz_carry_create(void);
void fuzz_carry_destroy(struct fuzz_carry *carry);

/* Writes those of the frames held back whose turn has come. */
void fuzz_carry_late(struct fuzz *fuzz);

/* Writes the IP packet in fuzz->frame as some frames, or as none. */
void fuzz_carry_packet(struct fuzz *fuzz, const struct fuzz_flow *flow,
		       const struct fuzz_segment *segment, size_t caplen, size_t wire_len);

/* ---- fuzz_flows.c ------------------------------------------------------ */

/* Another connection in this place, between endpoints that nobody had. */
void fuzz_start_flow(struct fuzz *fuzz, struct fuzz_flow *flow);

/* The flow's next packet by its script. Returns 0 or -errno. */
int fuzz_step_script(struct fuzz *fuzz, struct fuzz_flow *flow);

/* ---- fuzz_long.c ------------------------------------------------------- */

void fuzz_start_long(struct fuzz *fuzz, struct fuzz_flow *flow);
int fuzz_step_long(struct fuzz *fuzz, struct fuzz_flow *flow);

#endif
