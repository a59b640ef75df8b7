/* SPDX-License-Identifier: BSD-3-Clause */

/* The status line of live capture: one a second, on a terminal. */

#include <string.h>
#include <unistd.h>

#include "live_cli.h"
#include "text.h"

#define WIDTH 100

/* A line under construction that never gets wider than the screen. */
struct line {
	char *text;
	size_t size, len, columns;
	size_t limit; /* of columns */
};

/* Appends a part if it fits, with a gap in front of it. */
static bool append(struct line *line, const char *gap, const char *part)
{
	const size_t columns = text_width(gap, strlen(gap)) + text_width(part, strlen(part));
	int n;

	if (line->columns + columns > line->limit)
		return false;
	n = snprintf(line->text + line->len, line->size - line->len, "%s%s", gap, part);
	if (n < 0 || (size_t)n >= line->size - line->len) {
		line->text[line->len] = '\0';
		return false;
	}
	line->len += (size_t)n;
	line->columns += columns;
	return true;
}

static void append_drops(struct line *line, const struct live_sum *sum)
{
	const char *gap = "  dropped ";

	line->limit -= line->limit > 2 ? 2 : 0; /* for what says that there are more */
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		char part[2 * TEXT_MAX + 32];

		if (sum->drops[d] == 0)
			continue;
		snprintf(part, sizeof(part), "%s %s", text_short_count(sum->drops[d]).s,
			 live_drop_names[d]);
		if (!append(line, gap, part)) {
			line->limit += 2;
			(void)append(line, "", " \xe2\x80\xa6");
			return;
		}
		gap = ", ";
	}
	line->limit += 2;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

void live_status_line(char *text, size_t size, size_t columns, const struct live_report *report,
		      const struct live_rates *rates)
{
	const struct live_worker_stats *all = &report->sum->all;
	struct line line = {.text = text, .size = size, .limit = columns};
	char part[2 * TEXT_MAX + 32];

	text[0] = '\0';
	(void)append(&line, "", text_rate(rates->packets, "pps").s);
	(void)append(&line, "  ", text_rate(rates->bits, "bit/s").s);
	snprintf(part, sizeof(part), "%s flows, %s new/s", text_short_count(all->live_flows).s,
		 text_short_count((uint64_t)rates->flows).s);
	(void)append(&line, "  ", part);
	append_drops(&line, report->sum);
	if (report->options->config.output == NULL)
		return;
	snprintf(part, sizeof(part), "%s records", text_short_count(all->records).s);
	(void)append(&line, "  ", part);
	if (report->stats->record_path[0] != '\0') {
		char name[256];

		text_clean(name, sizeof(name), base_name(report->stats->record_path),
			   strlen(base_name(report->stats->record_path)));
		(void)append(&line, "  ", name);
	}
}

void live_status_init(struct live_status *status, bool quiet)
{
	*status = (struct live_status){.out = isatty(STDERR_FILENO) && !quiet ? stderr : NULL};
}

void live_status_clear(struct live_status *status)
{
	if (status->is_drawn)
		fputs("\r\033[K", status->out);
	status->is_drawn = false;
}

static double rate_of(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

void live_status_draw(struct live_status *status, const struct live_report *report)
{
	const struct live_worker_stats *all = &report->sum->all;
	const uint64_t now_ns = report->stats->elapsed_ns;
	const double seconds = (double)(now_ns - status->last_ns) / 1e9;
	const struct live_rates rates = {
		.packets = rate_of(all->received, status->last_received, seconds),
		.bits = 8 * rate_of(all->wire_bytes, status->last_bytes, seconds),
		.flows = rate_of(all->flows, status->last_flows, seconds),
	};
	const size_t width = text_terminal_width(STDERR_FILENO);
	char line[4 * WIDTH];

	if (status->out == NULL || now_ns <= status->last_ns)
		return;
	/* A line that wraps could not be drawn over. */
	live_status_line(line, sizeof(line), (width < WIDTH ? width : WIDTH) - 1, report, &rates);
	live_status_clear(status);
	fputs(line, status->out);
	fflush(status->out);
	status->is_drawn = true;
	status->last_ns = now_ns;
	status->last_received = all->received;
	status->last_bytes = all->wire_bytes;
	status->last_flows = all->flows;
}
