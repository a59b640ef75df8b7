/* SPDX-License-Identifier: BSD-3-Clause */

/* The handshake of a flow, step by step. */

#include <string.h>

#include "show_flow_priv.h"
#include "text.h"

static int64_t number(const struct show_view *v, const char *name, int64_t otherwise)
{
	const struct show_cell *c = show_view_cell(v, name);

	return c && !c->s ? c->n : otherwise;
}

#define STEP_SYN 0x1u
#define STEP_SYN_ACK 0x2u
#define STEP_BAD_SYN_ACK 0x4u
#define STEP_ACK 0x8u
#define STEP_B_SYN 0x10u

static const struct story {
	const char *handshake;
	unsigned int steps;
	const char *ending;
} stories[] = {
	{"complete", STEP_SYN | STEP_SYN_ACK | STEP_ACK, "The handshake is complete"},
	{"syn_only", STEP_SYN, "No answer of B was seen."},
	{"refused", STEP_SYN, "B answers RST: the connection is refused."},
	{"syn_ack_unacked", STEP_SYN | STEP_SYN_ACK, "A never acknowledges: half open."},
	{"bad_ack", STEP_SYN | STEP_BAD_SYN_ACK, "Nobody acknowledged A's ISN + 1."},
	{"simultaneous", STEP_SYN | STEP_B_SYN, "Both opened at the same time (RFC 9293, 3.5)."},
	{"split", STEP_SYN | STEP_B_SYN,
	 "B answered with a SYN of its own and A with SYN+ACK: a split handshake."},
	{"midstream", 0, "No SYN was seen: the flow began before the capture."},
	{"resp_only", STEP_SYN_ACK, "A's SYN was not seen."},
	{"reply_unseen", STEP_SYN,
	 "A goes on with an ACK, but nothing of B was seen: one side is "
	 "missing in the capture."},
};

/* ", ISN 1932704549 (relative 0)" and what the SYN agreed on. */
static void print_isn(const struct show_view *v, const char *prefix)
{
	char name[16];
	const struct show_cell *c;

	snprintf(name, sizeof(name), "%sisn", prefix);
	c = show_view_cell(v, name);
	if (c)
		fprintf(v->out, ", ISN %lld (relative 0)", (long long)c->n);
	snprintf(name, sizeof(name), "%smss", prefix);
	c = show_view_cell(v, name);
	if (c)
		fprintf(v->out, ", MSS %s", text_count(c->n).s);
	snprintf(name, sizeof(name), "%swscale", prefix);
	c = show_view_cell(v, name);
	if (c)
		fprintf(v->out, ", window scale %lld", (long long)c->n);
}

/* ", ack 1932704550 = A's ISN + 1 (relative 1)": what a good acknowledgment is. */
static void print_ack_of(const struct show_view *v, const char *isn_name, char whose)
{
	const struct show_cell *isn = show_view_cell(v, isn_name);

	if (isn)
		fprintf(v->out, ", ack %lld = %c's ISN + 1 (relative 1)",
			(long long)(((uint64_t)isn->n + 1) & UINT32_MAX), whose);
	else
		fprintf(v->out, ", ack = %c's ISN + 1", whose);
}

static void print_delay(const struct show_view *v, const char *name)
{
	const struct show_cell *c = show_view_cell(v, name);

	if (c)
		fprintf(v->out, ", %s later", text_duration(c->n).s);
}

static void print_syn_step(const struct show_view *v)
{
	int64_t nb = number(v, "orig_syns", 1);

	fputs("  A sends SYN", v->out);
	print_isn(v, "o_");
	if (nb > 1)
		fprintf(v->out, ", %s times", text_count(nb).s);
	putc('\n', v->out);
}

static void print_syn_ack_step(const struct show_view *v, bool good)
{
	int64_t nb = number(v, "resp_syn_acks", 1);

	fputs("  B answers SYN+ACK", v->out);
	if (!good)
		fputs(", but its ack is not A's ISN + 1", v->out);
	else if (number(v, "tfo", 0) == 1)
		fputs(", ack = A's ISN + 1 + the data on its SYN (TCP Fast Open)", v->out);
	else
		print_ack_of(v, "o_isn", 'A');
	print_delay(v, "syn_rtt_ns");
	if (nb > 1)
		fprintf(v->out, ", %s times", text_count(nb).s);
	fputs("\n    in it B's own SYN", v->out);
	print_isn(v, "r_");
	putc('\n', v->out);
}

void show_view_print_handshake(const struct show_view *v)
{
	char text[SHOW_TEXT_MAX];
	const struct story *story = NULL;
	int64_t syn_rtt = number(v, "syn_rtt_ns", -1);
	int64_t synack_rtt = number(v, "synack_rtt_ns", -1);

	if (show_view_word(v, "handshake", text)[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		if (strcmp(stories[i].handshake, text) == 0)
			story = &stories[i];
	}
	fprintf(v->out, "\nHandshake: %s\n", text);
	if (!story)
		return;
	if (story->steps & STEP_SYN)
		print_syn_step(v);
	if (story->steps & STEP_B_SYN) {
		fputs("  B sends SYN", v->out);
		print_isn(v, "r_");
		putc('\n', v->out);
	}
	if (story->steps & (STEP_SYN_ACK | STEP_BAD_SYN_ACK))
		print_syn_ack_step(v, (story->steps & STEP_SYN_ACK) != 0);
	if (story->steps & STEP_ACK) {
		fputs("  A sends ACK", v->out);
		print_ack_of(v, "r_isn", 'B');
		print_delay(v, "synack_rtt_ns");
		putc('\n', v->out);
	}
	fprintf(v->out, "  %s", story->ending);
	if (story->steps & STEP_ACK) {
		if (syn_rtt >= 0 && synack_rtt >= 0 && syn_rtt <= INT64_MAX - synack_rtt)
			fprintf(v->out, ": it took %s", text_duration(syn_rtt + synack_rtt).s);
		putc('.', v->out);
	}
	putc('\n', v->out);
}
