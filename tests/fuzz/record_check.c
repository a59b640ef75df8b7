/* SPDX-License-Identifier: BSD-3-Clause */

/* What can be in no flow record, whatever was captured: definitions 2 to 9. */

#include <string.h>

#include "fuzz.h"
#include "pass.h"
#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp_words.h"

static bool is_null_or_count(int64_t value, int64_t null)
{
	return value == null || value >= 0;
}

static void check_counts(const struct flow_record_side *side, bool is_part)
{
	fuzz_check(side->pkts >= 0 && side->ip_bytes >= 0 && side->data_pkts >= 0);
	fuzz_check(side->pure_acks >= 0 && side->data_pkts + side->pure_acks <= side->pkts);
	for (int i = 0; i < 8; i++)
		fuzz_check(side->flags[i] >= 0 && side->flags[i] <= side->pkts);
	for (int i = 0; i < NB_COUNTED_VERDICTS; i++)
		fuzz_check(side->verdicts[i] >= 0 && side->verdicts[i] <= side->pkts);
	fuzz_check(side->dsack >= 0 && side->dsack <= side->pkts);
	fuzz_check(side->duplicate_ack_max >= 0);
	fuzz_check(side->duplicate_ack_max <= side->pkts || is_part);
	fuzz_check(is_null_or_count(side->isn, RECORD_NULL_64));
	fuzz_check(is_null_or_count(side->mss, RECORD_NULL_32) && side->mss <= 65535);
	fuzz_check(is_null_or_count(side->wscale, RECORD_NULL_8) && side->wscale <= 14);
	fuzz_check(is_null_or_count(side->win_max, RECORD_NULL_64));
	fuzz_check(side->win_max <= INT64_C(65535) << 14);
	fuzz_check(is_null_or_count(side->ttl_min, RECORD_NULL_16) && side->ttl_max <= 255);
	fuzz_check(side->ttl_min <= side->ttl_max);
}

/*
 * Sections 5 and 7 are null, all of them, if and only if nothing was seen (5.7): in an active
 * record or behind one, before it either.
 */
static void check_loss(const struct flow_record_side *side, bool is_part)
{
	const bool unseen = side->bytes == RECORD_NULL_64;

	fuzz_check(!unseen || side->pkts == 0);
	fuzz_check(unseen || side->pkts != 0 || is_part);
	fuzz_check((side->retransmitted_bytes == RECORD_NULL_64) == unseen);
	fuzz_check((side->missed_bytes == RECORD_NULL_64) == unseen);
	fuzz_check((side->unresolved_bytes == RECORD_NULL_64) == unseen);
	fuzz_check((side->lost_before_bytes == RECORD_NULL_64) == unseen);
	fuzz_check((side->lost_after_bytes == RECORD_NULL_64) == unseen);
	fuzz_check((side->reordered_pkts == RECORD_NULL_32) == unseen);
	fuzz_check((side->rtt_samples == RECORD_NULL_32) == unseen);
	if (unseen)
		return;
	fuzz_check(side->bytes >= 0 && side->retransmitted_bytes >= 0);
	fuzz_check(side->missed_bytes >= 0 && side->unresolved_bytes >= 0);
	fuzz_check(side->missed_bytes + side->unresolved_bytes <= side->bytes);
	fuzz_check(side->lost_before_bytes >= 0 && side->lost_after_bytes >= 0);
	fuzz_check(side->lost_after_bytes <= side->retransmitted_bytes);
	fuzz_check(side->reordered_pkts >= 0 && side->reordered_pkts <= side->pkts);
	fuzz_check(side->capture_dups >= 0 && side->capture_dups <= side->pkts);
	fuzz_check(side->rtt_samples >= 0);
	fuzz_check(side->rtt_samples <= side->data_pkts || is_part);
}

static void check_rtt(const struct flow_record_side *side)
{
	if (side->rtt_samples <= 0) {
		fuzz_check(side->rtt_min_ns == RECORD_NULL_64);
		fuzz_check(side->rtt_mean_ns == RECORD_NULL_64);
		fuzz_check(side->rtt_max_ns == RECORD_NULL_64);
		return;
	}
	fuzz_check(side->rtt_min_ns <= side->rtt_max_ns);
}

/* Letters of definitions 4.3, and "^" only in front. */
static void check_history(const char *history)
{
	const size_t len = strnlen(history, RECORD_HISTORY_MAX + 1);

	fuzz_check(len <= RECORD_HISTORY_MAX);
	fuzz_check_text(strspn(history, "^shfriqdatwgSHFRIQDATWG") == len, history);
	fuzz_check(strchr(history, '^') == NULL || strrchr(history, '^') == history);
}

void pass_check_record(const struct flow_record *record, bool is_part)
{
	fuzz_check(record->ip_version == 4 || record->ip_version == 6);
	fuzz_check(record->src.version == record->ip_version);
	fuzz_check(record->dst.version == record->ip_version);
	fuzz_check(is_null_or_count(record->vlan, RECORD_NULL_16) && record->vlan < 4096);
	fuzz_check(record->tunnel >= 0 && record->tunnel < NB_TUNNELS);
	fuzz_check(record->handshake >= 0 && record->handshake < NB_HANDSHAKES);
	fuzz_check(record->conn_state >= 0 && record->conn_state < NB_CONN_STATES);
	fuzz_check(record->end_reason >= 0 && record->end_reason < NB_END_REASONS);
	fuzz_check(record->first_frame >= 1 && record->first_frame <= record->last_frame);
	fuzz_check((record->first_anomaly_frame == RECORD_NULL_64) ==
		   (record->last_anomaly_frame == RECORD_NULL_64));
	fuzz_check(record->first_anomaly_frame == RECORD_NULL_64 ||
		   (record->first_anomaly_frame >= record->first_frame &&
		    record->first_anomaly_frame <= record->last_anomaly_frame &&
		    record->last_anomaly_frame <= record->last_frame));
	fuzz_check(record->orig_syns >= 0 && record->resp_syn_acks >= 0);
	fuzz_check(record->holes_overflowed >= 0 && record->seq_jumps >= 0);
	fuzz_check(record->completeness >= 0 && record->completeness < 64);
	fuzz_check(record->icmp_errors >= 0);
	/* A flow of which only ICMP errors tell has no packets, and no history (9.2). */
	if (!is_part && record->side[0].pkts + record->side[1].pkts == 0)
		fuzz_check(record->icmp_errors >= 1 && record->history[0] == '\0');
	check_history(record->history);
	for (int i = 0; i < 2; i++) {
		check_counts(&record->side[i], is_part);
		check_loss(&record->side[i], is_part);
		check_rtt(&record->side[i]);
	}
}
