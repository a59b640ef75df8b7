/* SPDX-License-Identifier: BSD-3-Clause */

/* The summary of a run for people (docs/screens: the answer first, units, frames). */

#include <inttypes.h>
#include <string.h>

#include "run_events.h"
#include "run_priv.h"
#include "text.h"

static const char *const fate_words[NB_FATES] = {
	[FATE_TRACKED] = "tracked",
	[FATE_FILTERED] = "filtered",
	[FATE_LINK_UNKNOWN] = "of an unknown link type",
	[FATE_NOT_IP] = "not IP",
	[FATE_IP_BAD] = "with a bad IP header",
	[FATE_FRAGMENT] = "IP fragments",
	[FATE_TUNNEL] = "in tunnels",
	[FATE_ICMP_QUOTED] = "ICMP errors about TCP",
	[FATE_NOT_TCP] = "not TCP",
	[FATE_TCP_SHORT] = "too short for a TCP header",
	[FATE_UNTRACKED] = "untracked",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* True if an earlier interface that has frames is of the same link type. */
static bool is_repeated_link_type(const struct run_report *report, size_t i)
{
	const uint16_t link_type = capture_interface(report->capture, i)->link_type;

	for (size_t j = 0; j < i; j++) {
		const struct capture_interface *other = capture_interface(report->capture, j);

		if (other->link_type == link_type && other->nb_frames != 0)
			return true;
	}
	return false;
}

static void print_link_types(const struct run_report *report, FILE *out)
{
	const size_t nb = capture_nb_interfaces(report->capture);
	const char *separator = " \xc2\xb7 ";

	for (size_t i = 0; i < nb; i++) {
		const struct capture_interface *interface = capture_interface(report->capture, i);
		const char *name = capture_link_type_name(interface->link_type);

		if (interface->nb_frames == 0 || is_repeated_link_type(report, i))
			continue;
		if (name != NULL)
			fprintf(out, "%s%s", separator,
				strcmp(name, "EN10MB") == 0 ? "Ethernet" : name);
		else
			fprintf(out, "%slink type %u", separator, interface->link_type);
		separator = " + ";
	}
}

static void print_input(const struct run_report *report, FILE *out)
{
	const struct capture *capture = report->capture;
	const struct capture_totals *totals = capture_totals(capture);
	const struct engine_result *result = report->result;
	const double seconds = (double)result->read_ns / 1e9;
	const size_t nb = capture_nb_inputs(capture);

	if (nb == 1)
		fprintf(out, "%s \xc2\xb7 %s", base_name(capture_input(capture, 0)->path),
			capture_input(capture, 0)->format);
	else
		fprintf(out, "%zu captures (%s \xe2\x80\xa6)", nb,
			base_name(capture_input(capture, 0)->path));
	print_link_types(report, out);
	fprintf(out, " \xc2\xb7 %s packets, %s\n", text_ucount(totals->nb_frames).s,
		text_bytes(totals->file_bytes).s);
	if (totals->nb_frames == 0)
		return;
	fprintf(out, "%s \xe2\x86\x92 %s UTC \xc2\xb7 %s\n", text_time(totals->first_ts_ns).s,
		text_time(totals->last_ts_ns).s,
		text_duration(totals->last_ts_ns - totals->first_ts_ns).s);
	if (seconds > 0)
		fprintf(out, "read in %s (%s, %s, %u worker%s) \xc2\xb7 start-up %s\n",
			text_duration((int64_t)(result->read_ns + result->write_ns)).s,
			text_rate((double)totals->nb_frames * 1e9 /
					  (double)(result->read_ns + result->write_ns),
				  "pps")
				.s,
			text_rate((double)totals->file_bytes * 1e9 /
					  (double)(result->read_ns + result->write_ns),
				  "B/s")
				.s,
			result->nb_workers, result->nb_workers == 1 ? "" : "s",
			text_duration((int64_t)result->startup_ns).s);
	fputc('\n', out);
}

static void print_share(FILE *out, const char **separator, uint64_t n, const char *word)
{
	if (n == 0)
		return;
	fprintf(out, "%s%s %s", *separator, text_ucount(n).s, word);
	*separator = " \xc2\xb7 ";
}

static void print_flows(const struct engine_totals *t, FILE *out)
{
	static const struct {
		enum handshake handshake;
		const char *word;
	} words[] = {
		{HANDSHAKE_COMPLETE, "complete"},
		{HANDSHAKE_SYN_ONLY, "unanswered"},
		{HANDSHAKE_REFUSED, "refused"},
		{HANDSHAKE_SYN_ACK_UNACKED, "half-open"},
		{HANDSHAKE_BAD_ACK, "with a wrong ack"},
		{HANDSHAKE_SIMULTANEOUS, "simultaneous"},
		{HANDSHAKE_SPLIT, "split"},
		{HANDSHAKE_MIDSTREAM, "midstream"},
		{HANDSHAKE_RESP_ONLY, "without their SYN"},
		{HANDSHAKE_REPLY_UNSEEN, "one-sided"},
	};
	const char *separator = "";

	fprintf(out, "Flows          %-12s ", text_ucount(t->flows).s);
	if (t->flows != 0)
		fputs("handshake: ", out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print_share(out, &separator, t->handshakes[words[i].handshake], words[i].word);
	fputs("\nEnded          ", out);
	separator = "";
	print_share(out, &separator, t->ends[END_FIN], "FIN");
	print_share(out, &separator, t->ends[END_RST_ORIG] + t->ends[END_RST_RESP], "RST");
	print_share(out, &separator, t->ends[END_PORT_REUSE], "by port reuse");
	print_share(out, &separator, t->ends[END_IDLE_TIMEOUT], "idle");
	print_share(out, &separator, t->ends[END_EVICTED], "evicted");
	print_share(out, &separator, t->ends[END_OF_INPUT], "still open");
	fputc('\n', out);
	if (t->nb_rtts != 0)
		fprintf(out, "Handshake time median %s \xc2\xb7 p95 %s \xc2\xb7 max %s\n",
			text_duration(engine_rtt_quantile(t, 0.5)).s,
			text_duration(engine_rtt_quantile(t, 0.95)).s,
			text_duration(t->rtt_max_ns).s);
}

static void print_anomaly(const struct engine_totals *t, enum verdict verdict, const char *word,
			  uint64_t packets, FILE *out)
{
	const struct engine_worst *worst = &t->verdicts[verdict];

	if (worst->total == 0)
		return;
	fprintf(out, "  %-22s %9s  %7s   ", word, text_ucount(worst->total).s,
		text_percent(worst->total, packets).s);
	fprintf(out, "worst %s   %s, from frame %s\n", worst->flow, text_ucount(worst->count).s,
		text_ucount(worst->frame).s);
}

static void print_anomalies(const struct run_report *report, FILE *out)
{
	static const struct {
		enum verdict verdict;
		const char *word;
	} words[] = {
		{VERDICT_RETRANSMISSION, "retransmission"},
		{VERDICT_FAST_RETRANSMISSION, "fast retransmission"},
		{VERDICT_SPURIOUS_RETRANSMISSION, "spurious retransmission"},
		{VERDICT_OUT_OF_ORDER, "out-of-order"},
		{VERDICT_DUPLICATE_ACK, "duplicate ACK"},
		{VERDICT_LOST_SEGMENT, "previous segment lost"},
		{VERDICT_ACK_LOST_SEGMENT, "ACKed unseen segment"},
		{VERDICT_ZERO_WINDOW, "zero window"},
		{VERDICT_WINDOW_FULL, "window full"},
	};
	const struct engine_totals *t = &report->result->totals;
	const uint64_t tracked = report->result->fates[FATE_TRACKED];

	if (report->result->anomalous_packets == 0) {
		fputs("Anomalies      none\n", out);
		return;
	}
	fprintf(out, "Anomalies      %s packets in %s flow%s (%s of TCP packets)\n\n",
		text_ucount(report->result->anomalous_packets).s, text_ucount(t->anomalous_flows).s,
		t->anomalous_flows == 1 ? "" : "s",
		text_percent(report->result->anomalous_packets, tracked).s);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print_anomaly(t, words[i].verdict, words[i].word, tracked, out);
	fputc('\n', out);
}

static struct text loss_text(int loss, uint64_t n)
{
	return loss == LOSS_LATE ? text_ucount(n) : text_bytes(n);
}

/* Two lines each: how much, and which flow to look at. */
static void print_losses(const struct engine_totals *t, FILE *out)
{
	static const struct {
		const char *where, *how;
	} words[NB_LOSSES] = {
		[LOSS_BEFORE] = {"before capture point", "gaps that a resend filled"},
		[LOSS_BEHIND] = {"behind capture point",
				 "seen, then resent unacknowledged: at most that"},
		[LOSS_MISSED] = {"missed by the capture", "acknowledged, but never seen"},
		[LOSS_LATE] = {"not lost, only late", "packets that were overtaken on the way"},
		[LOSS_OPEN] = {"not known", "gaps that nobody filled or acknowledged"},
	};
	bool has_heading = false;

	for (int i = 0; i < NB_LOSSES; i++) {
		const struct engine_worst *worst = &t->losses[i];

		if (worst->total == 0)
			continue;
		if (!has_heading)
			fputs("Where it was lost\n\n", out);
		has_heading = true;
		fprintf(out, "  %-22s %9s   %s\n", words[i].where, loss_text(i, worst->total).s,
			words[i].how);
		fprintf(out, "%37sworst %s   %s", "", worst->flow, loss_text(i, worst->count).s);
		/* A cut header hides the anomaly that a loss comes with. */
		if (worst->frame != 0)
			fprintf(out, ", from frame %s", text_ucount(worst->frame).s);
		fputc('\n', out);
	}
	if (has_heading)
		fputc('\n', out);
}

static void print_flags(const struct engine_totals *t, FILE *out)
{
	static const char *const names[8] = {"FIN", "SYN", "RST", "PSH",
					     "ACK", "URG", "ECE", "CWR"};
	static const int order[8] = {1, 0, 2, 3, 4, 5, 6, 7};

	fputs("Flags         ", out);
	for (int i = 0; i < 8; i++)
		fprintf(out, "%s %s %s", i == 0 ? "" : " \xc2\xb7", names[order[i]],
			text_ucount(t->flags[0][order[i]] + t->flags[1][order[i]]).s);
	fputs("\n\n", out);
}

static void print_books(const struct run_report *report, FILE *out)
{
	const uint64_t *fates = report->result->fates;
	uint64_t drops;

	fprintf(out, "Packets read %s = %s tracked",
		text_ucount(capture_totals(report->capture)->nb_frames).s,
		text_ucount(fates[FATE_TRACKED]).s);
	for (int f = 0; f < NB_FATES; f++) {
		if (f != FATE_TRACKED && fates[f] != 0)
			fprintf(out, " + %s %s", text_ucount(fates[f]).s, fate_words[f]);
	}
	if (run_reported_drops(report->capture, &drops))
		fprintf(out, " \xc2\xb7 the capture reports %s dropped", text_ucount(drops).s);
	fputc('\n', out);
}

static void print_written(const struct run_report *report, FILE *out)
{
	const struct engine_result *result = report->result;
	const struct run_events_result *events = report->events;
	const char *wrote = result->interrupted ? "Kept" : "Wrote";

	if (report->options->config.output != NULL) {
		fprintf(out, "%s %s \xc2\xb7 %s record%s, %s", wrote, result->record_path,
			text_ucount(result->records).s, result->records == 1 ? "" : "s",
			text_bytes(result->record_bytes).s);
		if (result->records != 0)
			fprintf(out, " (%s bytes each)",
				text_ucount(result->record_bytes / result->records).s);
		fputc('\n', out);
	}
	if (events != NULL)
		fprintf(out, "%s %s \xc2\xb7 %s event%s, %s\n", wrote, events->path,
			text_ucount(events->rows).s, events->rows == 1 ? "" : "s",
			text_bytes(events->bytes).s);
}

void run_print_summary(const struct run_report *report, FILE *out)
{
	const struct engine_result *result = report->result;

	print_input(report, out);
	print_flows(&result->totals, out);
	print_anomalies(report, out);
	print_losses(&result->totals, out);
	print_flags(&result->totals, out);
	print_books(report, out);
	print_written(report, out);
}

static void warn_drops(const struct run_report *report, FILE *out)
{
	uint64_t drops;

	if (run_reported_drops(report->capture, &drops) && drops != 0)
		fprintf(out,
			"tcpmill: warning: the capture itself reports %s dropped packets: gaps may "
			"be "
			"the capture's, not the network's\n",
			text_ucount(drops).s);
}

/* Frames of link types that are not decoded, one line a type. */
static void warn_link_types(const struct run_report *report, FILE *out)
{
	const size_t nb = capture_nb_interfaces(report->capture);

	for (size_t i = 0; i < nb; i++) {
		const struct capture_interface *interface = capture_interface(report->capture, i);
		const char *name = capture_link_type_name(interface->link_type);

		if (decode_knows_link_type(interface->link_type) ||
		    is_repeated_link_type(report, i) || interface->nb_frames == 0)
			continue;
		fprintf(out,
			"tcpmill: warning: %s: expected a link type that is decoded, found "
			"%u%s%s%s: "
			"its packets are counted and passed over\n",
			capture_input(report->capture, interface->input)->path,
			interface->link_type, name != NULL ? " (" : "", name != NULL ? name : "",
			name != NULL ? ")" : "");
	}
}

void run_print_warnings(const struct run_report *report, FILE *out)
{
	const struct engine_result *result = report->result;
	const struct engine_totals *t = &result->totals;
	const uint64_t tracked = result->fates[FATE_TRACKED];

	warn_link_types(report, out);
	warn_drops(report, out);
	if (t->many_packet != 0 && t->one_sided * 2 > t->many_packet)
		fprintf(out,
			"tcpmill: warning: a one-sided capture: %s of %s flows show one direction "
			"only\n",
			text_ucount(t->one_sided).s, text_ucount(t->many_packet).s);
	if (t->capture_dups * 100 > tracked)
		fprintf(out,
			"tcpmill: warning: %s of the TCP packets were captured twice (%s): many "
			"retransmissions and duplicate ACKs are the capture's\n",
			text_percent(t->capture_dups, tracked).s, text_ucount(t->capture_dups).s);
	if (t->truncated != 0)
		fprintf(out,
			"tcpmill: warning: the snaplen cuts TCP headers in %s flows: their options "
			"and "
			"some verdicts are not known\n",
			text_ucount(t->truncated).s);
	if (result->offload_segments != 0)
		fprintf(out,
			"tcpmill: warning: %s segments are larger than the MSS: captured before "
			"segmentation offload, so they were no packets on the wire\n",
			text_ucount(result->offload_segments).s);
	if (capture_totals(report->capture)->time_jumps != 0)
		fprintf(out, "tcpmill: warning: time jumps %s times in the capture\n",
			text_ucount(capture_totals(report->capture)->time_jumps).s);
	if (result->evicted != 0)
		fprintf(out, "tcpmill: warning: %s flows were evicted (--max-flows %s)\n",
			text_ucount(result->evicted).s,
			text_ucount(report->options->config.max_flows).s);
}
