/* SPDX-License-Identifier: BSD-3-Clause */

/* What is said under a row: which remarks there are, and in which order. */

#include <stdarg.h>

#include "explain_priv.h"

#define ALWAYS UINT32_MAX

#define V(name) (1u << VERDICT_##name)

static const struct {
	uint32_t verdicts; /* any of them calls for the remark; ALWAYS: it decides for itself */
	explain_remark_fn *fill;
} remarks[] = {
	{ALWAYS, remark_midstream},
	{ALWAYS, remark_silence},
	{ALWAYS, remark_capture_dup},
	{V(REUSED_PORTS), remark_reused_ports},
	{ALWAYS, remark_handshake},
	{V(TFO_SYN) | V(TFO_ACK) | V(TFO_IGNORED), remark_fast_open},
	{ALWAYS, remark_resend},
	{ALWAYS, remark_gap},
	{ALWAYS, remark_ack_of_unseen},
	{V(DUPLICATE_ACK), remark_dup_ack},
	{V(WINDOW_FULL), remark_window_full},
	{V(ZERO_WINDOW), remark_zero_window},
	{V(ZERO_WINDOW_PROBE), remark_probe},
	{V(ZERO_WINDOW_PROBE_ACK), remark_probe_ack},
	{ALWAYS, remark_window_update},
	{V(KEEP_ALIVE), remark_keep_alive},
	{V(KEEP_ALIVE_ACK), remark_keep_alive_ack},
	{ALWAYS, remark_congestion},
	{ALWAYS, remark_urgent},
	{ALWAYS, remark_fin},
	{ALWAYS, remark_rst},
};

void remark_title(struct explain_remark *remark, enum text_style style, const char *format, ...)
{
	va_list args;

	remark->style = style;
	va_start(args, format);
	vsnprintf(remark->title, sizeof(remark->title), format, args);
	va_end(args);
}

void explain_print_remarks(const struct explain *e, size_t i)
{
	for (size_t r = 0; r < sizeof(remarks) / sizeof(remarks[0]); r++) {
		struct explain_remark remark = {.style = TEXT_NORMAL};

		if (remarks[r].verdicts != ALWAYS && !(e->notes[i].verdicts & remarks[r].verdicts))
			continue;
		remarks[r].fill(e, i, &remark);
		if (remark.words.len != 0)
			explain_put(e, e->indent, remark.style, remark.title, remark.words.s);
	}
}
