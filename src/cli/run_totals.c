/* SPDX-License-Identifier: BSD-3-Clause */

/* What the flows of a run add up to, for people: of captures and of live capture alike. */

#include "run_priv.h"
#include "text.h"

const char *const run_fate_words[NB_FATES] = {
	[FATE_TRACKED] = "tracked",
	[FATE_FILTERED] = "filtered",
	[FATE_LINK_UNKNOWN] = "of an unknown link type",
	[FATE_NOT_IP] = "not IP",
	[FATE_IP_BAD] = "with a bad IP header",
	[FATE_FRAGMENT] = "IP fragments",
	[FATE_TUNNEL] = "in tunnels that are not opened",
	[FATE_NOT_TCP] = "not TCP",
	[FATE_TCP_SHORT] = "too short for a TCP header",
	[FATE_UNTRACKED] = "untracked",
};

struct run_sums run_sums_of(const struct run_report *report)
{
	const struct engine_result *result = report->result;

	return (struct run_sums){
		.totals = &result->totals,
		.flows = result->totals.flows,
		.tracked = result->fates[FATE_TRACKED],
		.anomalous_packets = result->anomalous_packets,
		.offload_segments = result->offload_segments,
		.evicted = result->evicted,
		.headers = result->segments,
		.headers_unread = result->unread,
		.lists_cut = result->lists_cut,
		.holes_cut = result->holes_cut,
		.max_flows = report->options->config.max_flows,
		.max_bytes = report->options->config.memory.max_bytes,
		.has_frames = true,
	};
}

static void print_share(FILE *out, const char **separator, uint64_t n, const char *word)
{
	if (n == 0)
		return;
	fprintf(out, "%s%s %s", *separator, text_ucount(n).s, word);
	*separator = " \xc2\xb7 ";
}

/* What gave way before flows were evicted (definitions 2.8). */
static void print_cut(const struct run_sums *sums, FILE *out)
{
	const char *separator = "";

	if ((sums->lists_cut | sums->holes_cut) == 0)
		return;
	fputs("Gave way       ", out);
	print_share(out, &separator, sums->lists_cut, "lists of segments without an ACK");
	print_share(out, &separator, sums->holes_cut, "gaps");
	fputc('\n', out);
}

static void print_flows(const struct run_sums *sums, FILE *out)
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
	const struct engine_totals *t = sums->totals;
	const char *separator = "";

	if (t->flows == 0) {
		fprintf(out, "Flows          %s\n", text_ucount(sums->flows).s);
		return;
	}
	fprintf(out, "Flows          %-12s ", text_ucount(sums->flows).s);
	if (t->flows != sums->flows)
		fprintf(out, "in %s records \xc2\xb7 ", text_ucount(t->flows).s);
	fputs("handshake: ", out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print_share(out, &separator, t->handshakes[words[i].handshake], words[i].word);
	fputs("\nEnded          ", out);
	separator = "";
	print_share(out, &separator, t->ends[END_FIN], "FIN");
	print_share(out, &separator, t->ends[END_RST_ORIG] + t->ends[END_RST_RESP], "RST");
	print_share(out, &separator, t->ends[END_PORT_REUSE], "by port reuse");
	print_share(out, &separator, t->ends[END_IDLE_TIMEOUT], "idle");
	print_share(out, &separator, t->ends[END_ACTIVE_TIMEOUT], "reported while open");
	print_share(out, &separator, t->ends[END_EVICTED], "evicted");
	print_share(out, &separator, t->ends[END_OF_INPUT], "still open");
	fputc('\n', out);
	print_cut(sums, out);
	if (t->nb_rtts != 0)
		fprintf(out, "Handshake time median %s \xc2\xb7 p95 %s \xc2\xb7 max %s\n",
			text_duration(engine_rtt_quantile(t, 0.5)).s,
			text_duration(engine_rtt_quantile(t, 0.95)).s,
			text_duration(t->rtt_max_ns).s);
}

/* Only if there are any: "1,204 flows in VXLAN". */
static void print_tunnels(const struct engine_totals *t, FILE *out)
{
	static const char *const words[NB_TUNNELS] = {
		[TUNNEL_GRE] = "GRE",
		[TUNNEL_ERSPAN] = "ERSPAN",
		[TUNNEL_VXLAN] = "VXLAN",
		[TUNNEL_GENEVE] = "Geneve",
		[TUNNEL_GTPU] = "GTP-U",
		[TUNNEL_L2TP] = "L2TP",
		[TUNNEL_TEREDO] = "Teredo",
		[TUNNEL_IPIP] = "IP in IP",
		[TUNNEL_6IN4] = "IPv6 in IP",
		[TUNNEL_PPPOE] = "PPPoE",
		[TUNNEL_MPLS] = "MPLS",
		[TUNNEL_CAPWAP] = "CAPWAP",
		[TUNNEL_OTHER] = "other tunnels",
	};
	const char *separator = "Tunnels        ";

	for (int i = TUNNEL_NONE + 1; i < NB_TUNNELS; i++) {
		if (t->tunnels[i] == 0)
			continue;
		fprintf(out, "%s%s %sin %s", separator, text_ucount(t->tunnels[i]).s,
			separator[0] != 'T'  ? ""
			: t->tunnels[i] == 1 ? "flow "
					     : "flows ",
			words[i]);
		separator = " \xc2\xb7 ";
	}
	if (separator[0] != 'T')
		fputc('\n', out);
}

/* How much the worst flow has of it, and where it begins: ends the line. */
static void print_worst(const struct run_sums *sums, const struct engine_worst *worst,
			struct text count, FILE *out)
{
	fprintf(out, "worst %s   %s", worst->flow, count.s);
	/* A cut header hides the anomaly that a loss comes with. */
	if (sums->has_frames && worst->frame != 0)
		fprintf(out, ", from frame %s", text_ucount(worst->frame).s);
	fputc('\n', out);
}

static void print_anomaly(const struct run_sums *sums, enum verdict verdict, const char *word,
			  FILE *out)
{
	const struct engine_worst *worst = &sums->totals->verdicts[verdict];

	if (worst->total == 0)
		return;
	fprintf(out, "  %-22s %9s  %7s   ", word, text_ucount(worst->total).s,
		text_percent(worst->total, sums->tracked).s);
	print_worst(sums, worst, text_ucount(worst->count), out);
}

static void print_anomalies(const struct run_sums *sums, FILE *out)
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
	const struct engine_totals *t = sums->totals;

	if (sums->anomalous_packets == 0) {
		fputs("Anomalies      none\n", out);
		return;
	}
	fprintf(out, "Anomalies      %s packets in %s flow%s (%s of TCP packets)\n\n",
		text_ucount(sums->anomalous_packets).s, text_ucount(t->anomalous_flows).s,
		t->anomalous_flows == 1 ? "" : "s",
		text_percent(sums->anomalous_packets, sums->tracked).s);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print_anomaly(sums, words[i].verdict, words[i].word, out);
	fputc('\n', out);
}

static struct text loss_text(int loss, uint64_t n)
{
	return loss == LOSS_LATE ? text_ucount(n) : text_bytes(n);
}

/* Two lines each: how much, and which flow to look at. */
static void print_losses(const struct run_sums *sums, FILE *out)
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
		const struct engine_worst *worst = &sums->totals->losses[i];

		if (worst->total == 0)
			continue;
		if (!has_heading)
			fputs("Where it was lost\n\n", out);
		has_heading = true;
		fprintf(out, "  %-22s %9s   %s\n", words[i].where, loss_text(i, worst->total).s,
			words[i].how);
		fprintf(out, "%37s", "");
		print_worst(sums, worst, loss_text(i, worst->count), out);
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

void run_print_totals(const struct run_sums *sums, FILE *out)
{
	print_flows(sums, out);
	print_tunnels(sums->totals, out);
	print_anomalies(sums, out);
	print_losses(sums, out);
	print_flags(sums->totals, out);
}

void run_print_headers(const struct run_sums *sums, FILE *out)
{
	if ((sums->headers_unread | sums->headers_dropped) == 0)
		return;
	fprintf(out, "TCP headers read %s", text_ucount(sums->headers).s);
	if (sums->headers_unread != 0)
		fprintf(out, " + %s not read: packets have more than %d",
			text_ucount(sums->headers_unread).s, DECODE_MAX_SEGMENTS);
	if (sums->headers_dropped != 0)
		fprintf(out, " + %s dropped in the exchange", text_ucount(sums->headers_dropped).s);
	fputc('\n', out);
}

/* What gave way, in the order in which it does. */
static void warn_memory(const struct run_sums *sums, FILE *out)
{
	if ((sums->lists_cut | sums->holes_cut) != 0)
		fprintf(out,
			"tcpmill: warning: memory is short (--max-memory %s): in %s directions "
			"what "
			"waits for an ACK was only counted, %s gaps were given up early\n",
			text_bytes(sums->max_bytes).s, text_ucount(sums->lists_cut).s,
			text_ucount(sums->holes_cut).s);
	if (sums->evicted != 0)
		fprintf(out,
			"tcpmill: warning: %s flows were evicted (--max-flows %s, --max-memory "
			"%s)\n",
			text_ucount(sums->evicted).s, text_ucount(sums->max_flows).s,
			text_bytes(sums->max_bytes).s);
}

void run_print_totals_warnings(const struct run_sums *sums, FILE *out)
{
	const struct engine_totals *t = sums->totals;

	if (t->many_packet != 0 && t->one_sided * 2 > t->many_packet)
		fprintf(out,
			"tcpmill: warning: a one-sided capture: %s of %s flows show one direction "
			"only\n",
			text_ucount(t->one_sided).s, text_ucount(t->many_packet).s);
	if (t->capture_dups * 100 > sums->tracked)
		fprintf(out,
			"tcpmill: warning: %s of the TCP packets were captured twice (%s): many "
			"retransmissions and duplicate ACKs are the capture's\n",
			text_percent(t->capture_dups, sums->tracked).s,
			text_ucount(t->capture_dups).s);
	if (t->truncated != 0)
		fprintf(out,
			"tcpmill: warning: the snaplen cuts TCP headers in %s flows: their options "
			"and "
			"some verdicts are not known\n",
			text_ucount(t->truncated).s);
	if (sums->offload_segments != 0)
		fprintf(out,
			"tcpmill: warning: %s segments are larger than the MSS: captured before "
			"segmentation offload, so they were no packets on the wire\n",
			text_ucount(sums->offload_segments).s);
	warn_memory(sums, out);
}
