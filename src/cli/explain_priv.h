/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_EXPLAIN_PRIV_H
#define TCPMILL_CLI_EXPLAIN_PRIV_H

/*
 * Parts of the explain command: a flow is found (explain_find.c), read into an array
 * of notes, some of which are chosen to be shown (explain_plan.c) and about which more is
 * worked out (explain_facts.c), and told: as rows
 * of a ladder (explain_ladder.c) with remarks under them (explain_open.c, _resend.c,
 * _gap.c, _window.c) that look back and ahead in the notes (explain_look.c), and at the
 * end in a few sentences (explain_diagnosis.c).
 *
 * A is orig, B is resp: side 0 and 1. An index is one of the array of notes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "run_common.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp_note.h"
#include "text.h"

/* No line is wider, but for the command in the last one. */
#define EXPLAIN_WIDTH 100

#define EXPLAIN_NONE SIZE_MAX /* an index that there is not */

struct capture;

struct explain_endpoint {
	struct record_address address;
	uint16_t port;
};

/* What the command line asks for. */
struct explain_request {
	struct run_options run; /* captures, filter */
	bool has_stream, has_endpoints, all;
	int64_t stream;
	struct explain_endpoint endpoints[2];
	const char *endpoints_text;
	uint64_t around; /* frame; 0 = none */
};

/* How the flow came to be chosen. */
enum explain_why {
	EXPLAIN_ASKED,     /* --stream */
	EXPLAIN_ONLY,      /* there is no other */
	EXPLAIN_TROUBLED,  /* it has most anomalies */
	EXPLAIN_ENDPOINTS, /* --flow */
	EXPLAIN_FRAME,     /* --around */
};

/* Streams with the same endpoints that are named. */
#define EXPLAIN_NB_OTHERS 4

/* What is worked out beforehand for a note. Indexes; EXPLAIN_NONE when there is none. */
struct explain_facts {
	uint64_t nb_data, data_bytes; /* segments of its side with data before it, their bytes */
	size_t opens;                 /* the next of its side whose window is open; a RST is none */

	/* Of the run of equal ACK numbers that it is in. */
	size_t first_dup, third_dup; /* dup ACKs #1 and #3, not behind it */
	uint32_t last_dup;           /* number of the last one */

	/* What a shown dup ACK waits for. */
	uint32_t gap_end; /* of the hole, by then */
	size_t carrier;   /* as look_carrier() */
	size_t opener;    /* as look_hole() */
};

/* No walk through the notes is longer. */
#define EXPLAIN_LOOK_MAX 200000u

/* A flow and what was worked out of it. Read-only once the plan is made. */
struct explain {
	struct tcp_note *notes;
	size_t nb, room;
	uint8_t *marks;              /* [nb] EXPLAIN_MARK_* */
	uint32_t *highest;           /* [nb] number behind all that i's side had sent, i included */
	struct explain_facts *facts; /* [nb] */
	size_t look_max;             /* notes that a walk may pass */
	struct flow_record record;
	bool has_record;
	uint64_t quoted_frame; /* of the first ICMP error or sFlow sample of it; 0 = none */
	struct capture *capture;

	enum explain_why why;
	uint64_t nb_flows;                 /* of the captures */
	uint64_t nb_same;                  /* EXPLAIN_ENDPOINTS: flows between the endpoints */
	int64_t others[EXPLAIN_NB_OTHERS]; /* the first of them but the chosen one */
	const struct explain_request *request;

	/* Facts. */
	int64_t rtt_ns;      /* of the handshake, else the shortest seen; 0 = not known */
	size_t first_syn[2]; /* of each side, SYN+ACK too */
	size_t first_fin[2];
	size_t completes; /* completes the handshake */
	size_t silence;   /* the segment behind the longest silence, if it was nobody's loss */
	bool goes_back;   /* a time stamp is well below the one before */

	/* Screen. */
	FILE *out;
	bool colour;
	int frame_width, time_width, lane_width;
	int indent; /* of the lane, and of the remarks */
	uint64_t time_unit_ns, time_step_ns;
	uint64_t nb_events_left; /* that the plan had no room for */
	size_t first_left;
	size_t last_twin; /* the last packet captured twice that is shown, if some are not */
};

#define EXPLAIN_MARK_EVENT 0x01u  /* something to tell happened */
#define EXPLAIN_MARK_SHOWN 0x02u  /* its row is printed */
#define EXPLAIN_MARK_FOLDED 0x04u /* an event in the middle of many alike */
#define EXPLAIN_MARK_HIDDEN 0x08u /* a packet captured twice: left out without a word */

static inline int side_of(const struct tcp_note *note)
{
	return (note->bits & NOTE_FROM_RESP) != 0;
}

static inline char letter_of(int side)
{
	return side == 0 ? 'A' : 'B';
}

static inline bool note_has(const struct tcp_note *note, enum verdict verdict)
{
	return (note->verdicts >> verdict & 1) != 0;
}

/* Sequence numbers of the payload: its first, and the one behind it. */
static inline uint32_t data_start(const struct tcp_note *note)
{
	return note->seq + (note->flags & TCP_SYN ? 1 : 0);
}

static inline uint32_t data_end(const struct tcp_note *note)
{
	return data_start(note) + note->len;
}

/* The window as tshark shows it. */
static inline uint32_t shown_window(const struct tcp_note *note)
{
	const bool is_scaled = !(note->flags & TCP_SYN) && note->shift > 0;

	return is_scaled ? (uint32_t)note->win << note->shift : note->win;
}

/*
 * explain_find.c: finds the flow, reads its notes and its record. 0, or the exit status
 * after a line on stderr. The capture stays open: it knows of damage.
 */
int explain_find(struct explain *e, const struct explain_request *request);
/* explain_endpoints.c: "A:P-B:P"; NULL or what is wrong with it. */
const char *explain_parse_endpoints(const char *text, struct explain_endpoint endpoints[2]);

/* explain_facts.c: e->facts, once it is known which rows are shown. 0 or -errno. */
int explain_find_facts(struct explain *e);

/* explain_plan.c: facts, and which rows are shown. 0 or -errno. */
int explain_plan(struct explain *e);
/* True if something to tell happened at i. */
bool explain_is_event(const struct explain *e, size_t i);

/* explain_ladder.c */
void explain_print(struct explain *e);
/* explain_fold.c: the line that stands for notes [from, to). */
void explain_print_fold(const struct explain *e, size_t from, size_t to);
/* What n packets with a verdict are called. */
const char *explain_verdict_noun(int verdict, uint64_t n);

/* What the notes of one side add up to. */
struct explain_tally {
	uint64_t nb_data, nb_resent; /* segments with data */
	uint64_t causes[NB_CAUSES];  /* of those resent */
	uint64_t nb_asked;           /* of those resent, because the other side said so */
	int64_t longest_wait_ns;     /* before a resend after a timeout */
	uint64_t nb_closed, nb_full; /* times that the window was closed, was filled */
	uint64_t closed_ns;
	uint64_t nb_walks; /* to the copies of resends after a timeout */
	size_t closed_at;  /* the window has been closed since; EXPLAIN_NONE: it is open */
	uint64_t nb_capture_dups;
	uint64_t nb_syns, nb_keep_alives;
	uint64_t nb_refused; /* bytes that were not lost: probes, data on the SYN, needless ones */
	uint64_t nb_proven;  /* resends of what had arrived, as the other side's ACKs prove */
};
/* explain_tally.c */
void explain_take_tallies(const struct explain *e, struct explain_tally tallies[2]);

/* explain_diagnosis.c: the sentences at the end; explain_wireshark.c: the last line. */
void explain_print_diagnosis(const struct explain *e);
void explain_print_wireshark(const struct explain *e);

/*
 * A text that grows: what is said about one thing. Too long a text is cut; the longest
 * there is has half the room.
 */
struct explain_words {
	char s[1600];
	size_t len;
};
void say(struct explain_words *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* As say(), behind a blank if something was said before. */
void say_also(struct explain_words *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints words, wrapped, each line behind indent blanks; title, if any, in style before them. */
void explain_put(const struct explain *e, int indent, enum text_style style, const char *title,
		 const char *words);

/* explain_words.c: pieces of sentences. */
struct text words_frame(const struct explain *e, size_t i);            /* "#57" */
struct text words_number(uint64_t frame);                              /* the same of a frame */
struct text words_many(uint64_t n, const char *one, const char *many); /* "3 segments" */
struct text words_times(uint64_t n); /* "once", "twice", "3 times" */
struct text words_bytes(uint64_t n); /* "1 byte", "1,460 bytes" */
/* "seq 2921–4380": [start, end) relative to base, if it is known. */
struct text words_range(uint32_t start, uint32_t end, uint32_t base, bool has_base);
/* Of data that i's sender sent, and that the other side sent. */
struct text words_own_range(const struct explain *e, size_t i, uint32_t start, uint32_t end);
struct text words_peer_range(const struct explain *e, size_t i, uint32_t start, uint32_t end);
/* From i to j: in ns, as "4 ms", and as "4 ms later" or "at the same time". */
int64_t words_ns(const struct explain *e, size_t i, size_t j);
struct text words_time(const struct explain *e, size_t i, size_t j);
struct text words_later(const struct explain *e, size_t i, size_t j);

/* explain_remarks.c: prints everything there is to say under row i. */
void explain_print_remarks(const struct explain *e, size_t i);

/* One remark; the functions below fill it, and leave it empty when there is nothing to say. */
struct explain_remark {
	char title[64];
	enum text_style style;
	struct explain_words words;
};
typedef void explain_remark_fn(const struct explain *e, size_t i, struct explain_remark *remark);
void remark_title(struct explain_remark *remark, enum text_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

explain_remark_fn remark_handshake, remark_reused_ports, remark_fast_open, remark_fin, remark_rst,
	remark_congestion, remark_urgent, remark_midstream;         /* explain_open.c */
explain_remark_fn remark_resend, remark_capture_dup;                /* explain_resend.c */
explain_remark_fn remark_gap, remark_ack_of_unseen, remark_dup_ack; /* explain_gap.c */
explain_remark_fn remark_zero_window, remark_window_full, remark_probe, remark_probe_ack,
	remark_window_update, remark_keep_alive, remark_keep_alive_ack,
	remark_silence; /* explain_window.c */

/* explain_look.c */
/* True if note carries byte seq, and if it opens a hole of its side around it. */
bool note_carries(const struct tcp_note *note, uint32_t seq);
bool note_opens_around(const struct tcp_note *note, uint32_t seq);
/* What comes later than this was not merely overtaken on its way (definitions 5.6). */
int64_t explain_reorder_ns(const struct explain *e);
/* Looking back and ahead. Indexes; EXPLAIN_NONE when there is none. */
size_t look_frame(const struct explain *e, uint64_t frame);
/* The latest segment before i, of the same side, that carried some of the same sequence space. */
size_t look_copy(const struct explain *e, size_t i);
/* The first segment of the other side that acknowledged end before i. */
size_t look_acked_before(const struct explain *e, size_t i, uint32_t end);
/* The segment before i of side that carried byte seq. */
size_t look_carrier(const struct explain *e, size_t i, int side, uint32_t seq);
/* The segment before i that opened a hole of side around seq; none if seq came since. */
size_t look_hole(const struct explain *e, size_t i, int side, uint32_t seq);
/* Where the hole that opener opened, and that begins at ack, ends by i. */
uint32_t look_gap_end(const struct explain *e, size_t opener, size_t i, uint32_t ack);
/*
 * The segment before i that opened a hole of side below ack which is not all filled at i:
 * one of side that left it out, or one of the other side that acknowledged it unseen.
 */
size_t look_open_hole(const struct explain *e, size_t i, int side, uint32_t ack);
/* Sequence number behind all that side sent before i; 0 if it sent nothing. */
uint32_t look_highest(const struct explain *e, size_t i, int side);
/* True if all that side sent before i was acknowledged before i. */
bool look_all_acked(const struct explain *e, size_t i, int side);
/* The latest data, SYN or FIN of side before i. */
size_t look_before(const struct explain *e, size_t i, int side);
/* True if i opens the window that its side had closed. */
bool look_opens_window(const struct explain *e, size_t i);
/* The latest segment of i's side before it that was sent again. */
size_t look_resend(const struct explain *e, size_t i);
/*
 * The segment that proves that the first copy of resend i had arrived: a D-SACK, or an ACK that
 * came too soon to be one of the resend.
 */
size_t look_proof(const struct explain *e, size_t i, bool *by_dsack);
/* The packet that i is a second capture of. */
size_t look_twin(const struct explain *e, size_t i);
/* The latest segment of i's side, and of the other side, before i. */
size_t look_own(const struct explain *e, size_t i);
size_t look_answer(const struct explain *e, size_t i);

/* What became of the hole that opened at index opener. */
struct explain_fate {
	uint32_t bytes, filled, late; /* late: filled by originals that were overtaken */
	size_t nb_fills, first_fill, last_fill;
	size_t nb_seen; /* notes that were looked at */
	size_t acked;   /* the segment that acknowledged all of it; no matter if filled before */
};
void look_fate(const struct explain *e, size_t opener, int side, uint32_t start, uint32_t end,
	       struct explain_fate *fate);

#endif
