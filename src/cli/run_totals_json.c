/* SPDX-License-Identifier: BSD-3-Clause */

/* What the flows of a run add up to, for machines. */

#include "json_out.h"
#include "run_priv.h"

void run_put_tunnels(struct json_out *json, const char *key, const struct engine_totals *totals)
{
	json_open(json, key, '{');
	for (int i = 0; i < NB_TUNNELS; i++)
		json_uint(json, tunnel_names[i], totals->tunnels[i]);
	json_close(json, '}');
}

void run_put_totals(struct json_out *json, const struct run_sums *sums)
{
	static const char *const flags[8] = {"fin", "syn", "rst", "psh",
					     "ack", "urg", "ece", "cwr"};
	/* The names of the columns that are added up. */
	static const char *const losses[NB_LOSSES] = {
		[LOSS_BEFORE] = "lost_before_bytes", [LOSS_BEHIND] = "lost_after_bytes",
		[LOSS_MISSED] = "missed_bytes",      [LOSS_LATE] = "reordered_pkts",
		[LOSS_OPEN] = "unresolved_bytes",
	};
	const struct engine_totals *t = sums->totals;

	json_uint(json, "flows", sums->flows);
	json_open(json, "handshakes", '{');
	for (int i = 0; i < NB_HANDSHAKES; i++)
		json_uint(json, handshake_names[i], t->handshakes[i]);
	json_close(json, '}');
	json_open(json, "conn_states", '{');
	for (int i = 0; i < NB_CONN_STATES; i++)
		json_uint(json, conn_state_names[i], t->conn_states[i]);
	json_close(json, '}');
	json_open(json, "end_reasons", '{');
	for (int i = 0; i < NB_END_REASONS; i++)
		json_uint(json, end_reason_names[i], t->ends[i]);
	json_close(json, '}');
	run_put_tunnels(json, "tunnels", t);
	json_open(json, "flags", '{');
	for (int i = 0; i < 8; i++)
		json_uint(json, flags[i], t->flags[0][i] + t->flags[1][i]);
	json_close(json, '}');
	json_open(json, "verdicts", '{');
	for (int i = 0; i < NB_COUNTED_VERDICTS; i++)
		json_uint(json, verdict_names[i], t->verdicts[i].total);
	json_uint(json, verdict_names[VERDICT_REUSED_PORTS], t->reused_ports);
	json_close(json, '}');
	json_open(json, "loss", '{');
	for (int i = 0; i < NB_LOSSES; i++)
		json_uint(json, losses[i], t->losses[i].total);
	json_close(json, '}');
	json_uint(json, "anomalous_packets", sums->anomalous_packets);
	json_uint(json, "anomalous_flows", t->anomalous_flows);
	json_uint(json, "one_sided_flows", t->one_sided);
	json_uint(json, "truncated_flows", t->truncated);
	json_uint(json, "capture_dups", t->capture_dups);
	json_uint(json, "offload_segments", sums->offload_segments);
	json_uint(json, "lists_cut", sums->lists_cut);
	json_uint(json, "holes_cut", sums->holes_cut);
	json_uint(json, "evicted", sums->evicted);
	if (t->nb_rtts == 0)
		return;
	json_int(json, "handshake_median_ns", engine_rtt_quantile(t, 0.5));
	json_int(json, "handshake_p95_ns", engine_rtt_quantile(t, 0.95));
	json_int(json, "handshake_max_ns", t->rtt_max_ns);
}
