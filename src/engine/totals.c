/* SPDX-License-Identifier: BSD-3-Clause */

/* What all flows add up to, for the summary. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "engine_priv.h"

/* Log-linear bins: 32 to a power of two, so a bin is at most 3 % wide. */
#define BIN_BITS 5

static uint32_t rtt_bin(uint64_t ns)
{
	uint32_t power, bin;

	if (ns < 1u << BIN_BITS)
		return (uint32_t)ns;
	power = 63u - (uint32_t)__builtin_clzll(ns) - BIN_BITS;
	bin = (power << BIN_BITS) + (uint32_t)(ns >> power);
	return bin < 1023 ? bin : 1023;
}

static int64_t rtt_bin_middle(uint32_t bin)
{
	uint32_t power;

	if (bin < 2u << BIN_BITS)
		return bin;
	power = (bin >> BIN_BITS) - 1;
	return (int64_t)((((uint64_t)(bin & 31) + 32) << power) + ((1ull << power) >> 1));
}

int64_t engine_rtt_quantile(const struct engine_totals *totals, double q)
{
	uint64_t below = 0;

	for (uint32_t i = 0; i < 1024; i++) {
		below += totals->rtt_bins[i];
		if (totals->nb_rtts != 0 && (double)below >= q * (double)totals->nb_rtts) {
			const int64_t middle = rtt_bin_middle(i);

			return middle < totals->rtt_max_ns ? middle : totals->rtt_max_ns;
		}
	}
	return 0;
}

static size_t endpoint_text(char *to, size_t size, const struct record_address *address,
			    uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";
	const bool v6 = address->version == 6;

	(void)inet_ntop(v6 ? AF_INET6 : AF_INET, address->bytes, text, sizeof(text));
	return (size_t)snprintf(to, size, "%s%s%s:%u", v6 ? "[" : "", text, v6 ? "]" : "", port);
}

static void describe(struct engine_worst *worst, const struct flow_record *row)
{
	size_t n = endpoint_text(worst->flow, sizeof(worst->flow), &row->src, row->src_port);

	n += (size_t)snprintf(worst->flow + n, sizeof(worst->flow) - n, " \xe2\x86\x92 ");
	(void)endpoint_text(worst->flow + n, sizeof(worst->flow) - n, &row->dst, row->dst_port);
}

/* n: what this flow has of it. Out of line: most flows have nothing of anything. */
static __attribute__((noinline)) void add_to(struct engine_worst *worst,
					     const struct flow_record *row, uint64_t n)
{
	if (n == 0)
		return;
	worst->total += n;
	worst->flows++;
	if (n < worst->count || (n == worst->count && row->stream > worst->stream))
		return;
	worst->count = n;
	worst->stream = row->stream;
	worst->frame =
		row->first_anomaly_frame != RECORD_NULL_64 ? (uint64_t)row->first_anomaly_frame : 0;
	describe(worst, row);
}

static uint64_t known(int64_t value)
{
	return value != RECORD_NULL_64 ? (uint64_t)value : 0;
}

static void add_losses(struct engine_totals *totals, const struct flow_record *row)
{
	uint64_t n[NB_LOSSES] = {0};

	for (int d = 0; d < 2; d++) {
		const struct flow_record_side *side = &row->side[d];

		n[LOSS_BEFORE] += known(side->lost_before_bytes);
		n[LOSS_BEHIND] += known(side->lost_after_bytes);
		n[LOSS_MISSED] += known(side->missed_bytes);
		n[LOSS_OPEN] += known(side->unresolved_bytes);
		if (side->reordered_pkts != RECORD_NULL_32)
			n[LOSS_LATE] += (uint64_t)side->reordered_pkts;
	}
	if ((n[LOSS_BEFORE] | n[LOSS_BEHIND] | n[LOSS_MISSED] | n[LOSS_OPEN] | n[LOSS_LATE]) == 0)
		return;
	for (int i = 0; i < NB_LOSSES; i++)
		add_to(&totals->losses[i], row, n[i]);
}

static void add_verdicts(struct engine_totals *totals, const struct flow_record *row)
{
	const int32_t *orig = row->side[0].verdicts, *resp = row->side[1].verdicts;
	int32_t any = 0;

	/* Few flows have any. */
	for (int v = 0; v < NB_COUNTED_VERDICTS; v++)
		any |= orig[v] | resp[v];
	if (any == 0)
		return;
	for (int v = 0; v < NB_COUNTED_VERDICTS; v++)
		add_to(&totals->verdicts[v], row, (uint64_t)orig[v] + (uint64_t)resp[v]);
}

static void add_handshake_time(struct engine_totals *totals, const struct flow_record *row)
{
	if (row->initial_rtt_ns == RECORD_NULL_64 || row->initial_rtt_ns < 0 ||
	    row->handshake != HANDSHAKE_COMPLETE)
		return;
	totals->rtt_bins[rtt_bin((uint64_t)row->initial_rtt_ns)]++;
	totals->nb_rtts++;
	if (row->initial_rtt_ns > totals->rtt_max_ns)
		totals->rtt_max_ns = row->initial_rtt_ns;
}

/* One direction. */
static void add_side(struct engine_totals *totals, int d, const struct flow_record_side *side)
{
	for (int f = 0; f < 8; f++)
		totals->flags[d][f] += (uint64_t)side->flags[f];
	totals->pkts[d] += (uint64_t)side->pkts;
	if (side->bytes != RECORD_NULL_64)
		totals->bytes[d] += (uint64_t)side->bytes;
	if (side->capture_dups != RECORD_NULL_32)
		totals->capture_dups += (uint64_t)side->capture_dups;
	if (side->duplicate_ack_max > 0 &&
	    (uint64_t)side->duplicate_ack_max > totals->duplicate_ack_max)
		totals->duplicate_ack_max = (uint64_t)side->duplicate_ack_max;
}

/* What is said once of a flow, at its end. */
static void add_flow(struct engine_totals *totals, const struct flow_record *row)
{
	const bool many = row->side[0].pkts + row->side[1].pkts > 1;
	/* Null is a side that was never seen, 0 one that was silent since an active record. */
	const bool one_sided =
		row->side[0].bytes == RECORD_NULL_64 || row->side[1].bytes == RECORD_NULL_64;

	totals->flows++;
	totals->handshakes[row->handshake]++;
	totals->conn_states[row->conn_state]++;
	totals->ends[row->end_reason]++;
	totals->tunnels[row->tunnel]++;
	totals->many_packet += many;
	totals->one_sided += many && one_sided && row->handshake != HANDSHAKE_SYN_ONLY;
	totals->truncated += row->truncated != 0;
	totals->reused_ports += row->reused_ports != 0;
	add_handshake_time(totals, row);
}

void totals_add(struct engine_totals *totals, const struct flow_record *row)
{
	if (row->end_reason != END_ACTIVE_TIMEOUT)
		add_flow(totals, row);
	add_side(totals, 0, &row->side[0]);
	add_side(totals, 1, &row->side[1]);
	totals->anomalous_flows += row->first_anomaly_frame != RECORD_NULL_64;
	add_verdicts(totals, row);
	add_losses(totals, row);
}

static void merge_array(uint64_t *to, const uint64_t *from, size_t nb)
{
	for (size_t i = 0; i < nb; i++)
		to[i] += from[i];
}

static void merge_worst(struct engine_worst *to, const struct engine_worst *from)
{
	const uint64_t total = to->total + from->total, flows = to->flows + from->flows;

	if (from->count > to->count || (from->count == to->count && from->stream < to->stream))
		*to = *from;
	to->total = total;
	to->flows = flows;
}

void totals_merge(struct engine_totals *to, const struct engine_totals *from)
{
	to->flows += from->flows;
	merge_array(to->handshakes, from->handshakes, NB_HANDSHAKES);
	merge_array(to->conn_states, from->conn_states, NB_CONN_STATES);
	merge_array(to->ends, from->ends, NB_END_REASONS);
	merge_array(to->tunnels, from->tunnels, NB_TUNNELS);
	merge_array(to->flags[0], from->flags[0], 8);
	merge_array(to->flags[1], from->flags[1], 8);
	merge_array(to->pkts, from->pkts, 2);
	merge_array(to->bytes, from->bytes, 2);
	to->one_sided += from->one_sided;
	to->many_packet += from->many_packet;
	to->truncated += from->truncated;
	to->capture_dups += from->capture_dups;
	to->anomalous_flows += from->anomalous_flows;
	to->reused_ports += from->reused_ports;
	if (from->duplicate_ack_max > to->duplicate_ack_max)
		to->duplicate_ack_max = from->duplicate_ack_max;
	for (int v = 0; v < NB_COUNTED_VERDICTS; v++)
		merge_worst(&to->verdicts[v], &from->verdicts[v]);
	for (int i = 0; i < NB_LOSSES; i++)
		merge_worst(&to->losses[i], &from->losses[i]);
	merge_array(to->rtt_bins, from->rtt_bins, 1024);
	to->nb_rtts += from->nb_rtts;
	if (from->rtt_max_ns > to->rtt_max_ns)
		to->rtt_max_ns = from->rtt_max_ns;
}
