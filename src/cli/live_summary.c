/* SPDX-License-Identifier: BSD-3-Clause */

/* The summary of a live run for people: what TCP did, then what was lost and where. */

#include <string.h>

#include "live_cli.h"
#include "run_priv.h"
#include "text.h"

#define DOT " \xc2\xb7 "

static void print_input(const struct live_report *report, FILE *out)
{
	const struct live_stats *stats = report->stats;
	const struct live_worker_stats *all = &report->sum->all;
	const double seconds = (double)stats->elapsed_ns / 1e9;
	struct live_line line = {.out = out};

	for (uint32_t i = 0; i < report->ports->nb; i++)
		live_line_put(&line, " + ", "%s", report->ports->infos[i].name);
	live_line_put(&line, DOT, "live");
	live_line_put(&line, DOT, "%s packet%s, %s", text_ucount(all->received).s,
		      all->received == 1 ? "" : "s", text_bytes(all->wire_bytes).s);
	live_line_end(&line);
	fprintf(out, "%s \xe2\x86\x92 %s UTC%s%s\n",
		text_time(stats->now_ns - (int64_t)stats->elapsed_ns).s, text_time(stats->now_ns).s,
		DOT, text_duration((int64_t)stats->elapsed_ns).s);
	if (seconds > 0)
		fprintf(out,
			"on average %s, %s%s%u worker%s%s"
			"at most %s flows at once%s"
			"start-up %s\n",
			text_rate((double)all->received / seconds, "pps").s,
			text_rate((double)all->wire_bytes * 8 / seconds, "bit/s").s, DOT,
			stats->nb_workers, stats->nb_workers == 1 ? "" : "s", DOT,
			text_ucount(all->max_live_flows).s, DOT,
			text_duration((int64_t)report->result->startup_ns).s);
	fputc('\n', out);
}

static void print_port(const struct live_report *report, uint32_t i, size_t width, FILE *out)
{
	const struct port_counters *c = &report->stats->ports[i];
	const char *name = report->ports->infos[i].name;
	const size_t columns = text_width(name, strlen(name));
	struct live_line line = {.out = out};
	uint64_t drops[NB_LIVE_DROPS];

	live_line_put(&line, "", "  %s%*s", name, columns < width ? (int)(width - columns) : 0, "");
	live_line_put(&line, "  ", "%s received", text_ucount(c->received).s);
	live_port_drops(c, drops);
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (drops[d] != 0)
			live_line_put(&line, DOT, "%s %s", text_ucount(drops[d]).s,
				      live_drop_words[d].name);
	}
	if (c->cut != 0)
		live_line_put(&line, DOT, "%s cut at the buffer's size", text_ucount(c->cut).s);
	live_line_end(&line);
}

static void print_ports(const struct live_report *report, FILE *out)
{
	size_t width = 0;

	for (uint32_t i = 0; i < report->ports->nb; i++) {
		const char *name = report->ports->infos[i].name;
		const size_t columns = text_width(name, strlen(name));

		width = columns > width && columns <= 40 ? columns : width;
	}
	fputs("Ports\n\n", out);
	for (uint32_t i = 0; i < report->ports->nb; i++)
		print_port(report, i, width, out);
	fputc('\n', out);
}

/* A line each, with what can be done. */
static void print_drops(const struct live_report *report, const struct live_books *books, FILE *out)
{
	bool has_heading = false;

	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		const uint64_t n = report->sum->drops[d];
		const uint64_t whole =
			live_drop_is_of_packets((enum live_drop)d)
				? books->offered
				: report->sum->all.records + report->sum->all.records_dropped;

		if (n == 0)
			continue;
		if (!has_heading)
			fputs("Lost by the capture\n\n", out);
		has_heading = true;
		fprintf(out, "  %11s  %7s  %-9s  %s\n", text_ucount(n).s, text_percent(n, whole).s,
			live_drop_names[d], live_drop_words[d].name);
		fprintf(out, "%35s%s\n", "", live_drop_words[d].advice);
	}
	if (has_heading)
		fputc('\n', out);
}

/* Two lines whose parts add up to what they begin with. */
static void print_books(const struct live_report *report, const struct live_books *books, FILE *out)
{
	struct live_line line = {.out = out};

	live_line_put(&line, "", "Packets received %s = %s tracked", text_ucount(books->received).s,
		      text_ucount(books->fates[FATE_TRACKED]).s);
	for (int f = 0; f < NB_FATES; f++) {
		if (f != FATE_TRACKED && books->fates[f] != 0)
			live_line_put(&line, " + ", "%s %s", text_ucount(books->fates[f]).s,
				      run_fate_words[f]);
	}
	if (books->exchange != 0)
		live_line_put(&line, " + ", "%s %s", text_ucount(books->exchange).s,
			      live_drop_words[LIVE_DROP_EXCHANGE].name);
	live_line_end(&line);
	live_line_put(&line, "", "Offered by the ports %s = %s received",
		      text_ucount(books->offered).s, text_ucount(books->received).s);
	if (books->not_read != 0)
		live_line_put(
			&line, books->not_read < 0 ? " - " : " + ", "%s not read",
			text_count(books->not_read < 0 ? -books->not_read : books->not_read).s);
	for (int d = 0; d < NB_LIVE_DROPS; d++) {
		if (live_drop_is_offered((enum live_drop)d) && report->sum->drops[d] != 0)
			live_line_put(&line, " + ", "%s %s", text_ucount(report->sum->drops[d]).s,
				      live_drop_words[d].name);
	}
	live_line_end(&line);
}

static void print_written(const struct live_report *report, FILE *out)
{
	const struct live_writer_stats *writer = &report->stats->writer;

	if (report->options->config.output == NULL)
		return;
	fprintf(out, "Wrote %s record%s, %s", text_ucount(writer->rows).s,
		writer->rows == 1 ? "" : "s", text_bytes(writer->bytes).s);
	if (writer->rows != 0)
		fprintf(out, " (%s bytes each)", text_ucount(writer->bytes / writer->rows).s);
	if (report->result->wrote_stream)
		fputs(" as a stream", out);
	else if (writer->files > 1)
		fprintf(out, " in %s files, the last is %s", text_ucount(writer->files).s,
			report->result->last_path);
	else if (report->result->last_path[0] != '\0')
		fprintf(out, " to %s", report->result->last_path);
	fputc('\n', out);
}

void live_print_summary(const struct live_report *report, FILE *out)
{
	const struct run_sums sums = live_sums_of(report);
	struct live_books books;

	live_books_make(&books, report->stats, report->sum);
	print_input(report, out);
	run_print_totals(&sums, out);
	print_ports(report, out);
	print_drops(report, &books, out);
	print_books(report, &books, out);
	run_print_headers(&sums, out);
	print_written(report, out);
}

void live_print_warnings(const struct live_report *report, FILE *out)
{
	const struct run_sums sums = live_sums_of(report);

	/* A file's end is as it should be. */
	for (uint32_t i = 0; i < report->ports->nb; i++) {
		if (report->result->ended[i][0] != '\0' &&
		    report->ports->infos[i].clock != PORT_CLOCK_FILE)
			fprintf(out, "tcpmill: warning: %s (the port was over)\n",
				report->result->ended[i]);
	}
	run_print_totals_warnings(&sums, out);
	if (report->stats->clock_steps != 0)
		fprintf(out,
			"tcpmill: warning: the system's clock was set %s times: times of flows may "
			"be wrong by as much\n",
			text_ucount(report->stats->clock_steps).s);
}
