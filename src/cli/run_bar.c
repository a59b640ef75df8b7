/* SPDX-License-Identifier: BSD-3-Clause */

/* The progress line: bytes, percent, speed, time left. */

#include <string.h>
#include <unistd.h>

#include "run_common.h"
#include "text.h"

static void draw_bar(FILE *out, uint64_t done, uint64_t total, unsigned int width)
{
	const unsigned int full =
		total == 0 ? 0 : (unsigned int)((double)done / (double)total * width);

	for (unsigned int i = 0; i < width; i++)
		fputs(i < full ? "\xe2\x94\x81" : i == full ? "\xe2\x95\xb8" : " ", out);
}

void run_bar_init(struct run_bar *bar, const struct run_options *options)
{
	*bar = (struct run_bar){
		.out = isatty(STDERR_FILENO) && !options->quiet ? stderr : NULL,
		.quiet = options->quiet,
		.max_flows = options->config.max_flows,
		.max_memory = options->config.memory.max_bytes,
	};
	text_input(bar->name, sizeof(bar->name),
		   options->nb_paths == 1 ? options->paths[0] : "captures");
}

void run_bar_clear(struct run_bar *bar)
{
	if (bar->is_drawn)
		fputs("\r\033[K", bar->out);
	bar->is_drawn = false;
}

static void warn_nearly_full(struct run_bar *bar)
{
	bar->has_warned = true;
	run_bar_clear(bar);
	fprintf(stderr,
		"tcpmill: warning: the flow table is 90 %% full (--max-flows %s, --max-memory %s): "
		"flows will be evicted; --idle-timeout ends idle ones\n",
		text_ucount(bar->max_flows).s, text_bytes(bar->max_memory).s);
}

void run_bar_progress(void *context, const struct engine_progress *p)
{
	struct run_bar *bar = context;
	const double seconds = (double)p->elapsed_ns / 1e9;
	uint64_t left;

	if (p->nearly_full && !bar->has_warned && !bar->quiet)
		warn_nearly_full(bar);
	if (bar->out == NULL)
		return;
	run_bar_clear(bar);
	bar->is_drawn = true;
	if (p->writing) {
		fprintf(bar->out, "%s   writing records  %s   ", bar->name,
			text_percent(p->rows_done, p->rows_total).s);
		draw_bar(bar->out, p->rows_done, p->rows_total, 20);
	} else if (p->bytes_total == 0) {
		fprintf(bar->out, "%s   %s packets   %s   %s", bar->name, text_ucount(p->frames).s,
			text_bytes(p->bytes_done).s,
			text_rate((double)p->frames / seconds, "pps").s);
	} else {
		left = p->bytes_done == 0
			       ? 0
			       : (uint64_t)(seconds * (double)(p->bytes_total - p->bytes_done) /
					    (double)p->bytes_done);
		fprintf(bar->out, "%s  %3.0f %% ", bar->name,
			100.0 * (double)p->bytes_done / (double)p->bytes_total);
		draw_bar(bar->out, p->bytes_done, p->bytes_total, 20);
		fprintf(bar->out, "  %s   %s   %s   %s left",
			text_bytes_of(p->bytes_done, p->bytes_total).s,
			text_rate((double)p->frames / seconds, "pps").s,
			text_rate((double)p->bytes_done / seconds, "B/s").s, text_clock(left).s);
	}
	fflush(bar->out);
}
