/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one table of columns of the flow record. Its order is the order in the
 * file; columns are only ever added at its end (and RECORD_SCHEMA_VERSION
 * raised). docs/definitions.md has the exact meaning behind each help line.
 */
#include <string.h>

#include <tcpmill/record.h>
#include <tcpmill/segment.h>
#include <tcpmill/tcp_words.h>

#include "columns_priv.h"

#define ONE(...) COLUMN_OF(struct flow_record, __VA_ARGS__)

/* o_x and r_x. */
#define PAIR(name_, member, type_, nullable_, unit_, help_)                                        \
	ONE("o_" name_, side[0].member, type_, nullable_, unit_, "orig: " help_, .zeek = NULL),    \
		ONE("r_" name_, side[1].member, type_, nullable_, unit_, "resp: " help_,           \
		    .zeek = NULL)

/* The two columns of a TCP flag; IPFIX counts six of the eight. */
#define FLAG(name_, bit, flag)                                                                     \
	PAIR(name_, flags[bit], COLUMN_INT32, ALWAYS, "packets", "packets with " flag)
#define FLAG_IPFIX(name_, bit, flag, element)                                                      \
	ONE("o_" name_, side[0].flags[bit], COLUMN_INT32, ALWAYS, "packets",                       \
	    "orig: packets with " flag, .ipfix = "tcp" element),                                   \
		ONE("r_" name_, side[1].flags[bit], COLUMN_INT32, ALWAYS, "packets",               \
		    "resp: packets with " flag, .ipfix = "reverseTcp" element)

/* The two columns of a verdict; its name is tshark's field tcp.analysis.<name>. */
#define VERDICT(name_, index, help_)                                                               \
	PAIR(name_, verdicts[index], COLUMN_INT32, NULLABLE, "packets", help_)

/* clang-format off: one column a line or two reads as the table it is. */
static const struct column columns[] = {
	/* Who and when. */
	ONE("ts", ts_ns, COLUMN_TIMESTAMP, ALWAYS, "ns", "time stamp of the first packet",
	    .zeek = "ts", .ipfix = "flowStartNanoseconds", .ecs = "event.start"),
	ONE("duration_ns", duration_ns, COLUMN_INT64, ALWAYS, "ns",
	    "largest minus smallest time stamp of the flow's packets", .zeek = "duration",
	    .ecs = "event.duration"),
	ONE("src_ip", src, COLUMN_ADDRESS, ALWAYS, NULL,
	    "address of orig: the sender of the first SYN, else of the first packet seen",
	    .zeek = "id.orig_h", .ipfix = "sourceIPv4Address,sourceIPv6Address",
	    .ecs = "source.ip"),
	ONE("dst_ip", dst, COLUMN_ADDRESS, ALWAYS, NULL, "address of resp, the other side",
	    .zeek = "id.resp_h", .ipfix = "destinationIPv4Address,destinationIPv6Address",
	    .ecs = "destination.ip"),
	ONE("src_port", src_port, COLUMN_UINT16, ALWAYS, NULL, "TCP port of orig",
	    .zeek = "id.orig_p", .ipfix = "sourceTransportPort", .ecs = "source.port"),
	ONE("dst_port", dst_port, COLUMN_UINT16, ALWAYS, NULL, "TCP port of resp",
	    .zeek = "id.resp_p", .ipfix = "destinationTransportPort", .ecs = "destination.port"),
	ONE("ip_version", ip_version, COLUMN_INT8, ALWAYS, NULL, "4 or 6", .ipfix = "ipVersion",
	    .ecs = "network.type"),
	ONE("vlan", vlan, COLUMN_INT16, NULLABLE, NULL, "outermost VLAN id; null when untagged",
	    .zeek = "vlan", .ipfix = "vlanId", .ecs = "network.vlan.id"),
	ONE("tunnel", tunnel, COLUMN_DICT, ALWAYS, NULL,
	    "innermost tunnel in front of the flow's IP header", .values = tunnel_names),
	ONE("stream", stream, COLUMN_INT64, NULLABLE, NULL,
	    "tshark's tcp.stream: rank of the flow by its first segment; null in live capture",
	    .zeek = NULL),
	ONE("first_frame", first_frame, COLUMN_INT64, NULLABLE, NULL,
	    "number of the flow's first packet in the input, from 1; null in live capture",
	    .zeek = NULL),
	ONE("last_frame", last_frame, COLUMN_INT64, NULLABLE, NULL,
	    "number of the flow's last packet in the input, from 1; null in live capture",
	    .zeek = NULL),
	ONE("input_file", input_file, COLUMN_INT32, ALWAYS, NULL,
	    "input of the first packet: index, from 0, in the schema's list of inputs",
	    .zeek = NULL),

	/* How it began and ended. */
	ONE("handshake", handshake, COLUMN_DICT, ALWAYS, NULL, "how far the handshake came",
	    .values = handshake_names),
	ONE("conn_state", conn_state, COLUMN_DICT, ALWAYS, NULL,
	    "state of the connection in Zeek's words", .values = conn_state_names,
	    .zeek = "conn_state"),
	ONE("end_reason", end_reason, COLUMN_DICT, ALWAYS, NULL, "why the flow ended",
	    .values = end_reason_names, .ipfix = "flowEndReason"),
	PAIR("isn", isn, COLUMN_INT64, NULLABLE, NULL, "initial sequence number as sent (32 bits)"),
	ONE("orig_syns", orig_syns, COLUMN_INT32, ALWAYS, "packets",
	    "SYNs sent by orig, retries included", .zeek = NULL),
	ONE("resp_syn_acks", resp_syn_acks, COLUMN_INT32, ALWAYS, "packets",
	    "SYN-ACKs sent by resp, retries included", .zeek = NULL),
	ONE("syn_rtt_ns", syn_rtt_ns, COLUMN_INT64, NULLABLE, "ns",
	    "latest SYN to the first good SYN-ACK", .zeek = NULL),
	ONE("synack_rtt_ns", synack_rtt_ns, COLUMN_INT64, NULLABLE, "ns",
	    "latest SYN-ACK to the packet that completes the handshake", .zeek = NULL),
	ONE("initial_rtt_ns", initial_rtt_ns, COLUMN_INT64, NULLABLE, "ns",
	    "tshark's tcp.analysis.initial_rtt", .zeek = NULL),
	PAIR("mss", mss, COLUMN_INT32, NULLABLE, "bytes", "MSS option of the handshake"),
	PAIR("wscale", wscale, COLUMN_INT8, NULLABLE, "bits",
	     "window scale option of the handshake"),
	ONE("sack_ok", sack_ok, COLUMN_BOOL, NULLABLE, NULL, "SACK permitted in SYN and SYN-ACK",
	    .zeek = NULL),
	ONE("ts_ok", ts_ok, COLUMN_BOOL, NULLABLE, NULL, "timestamps option in SYN and SYN-ACK",
	    .zeek = NULL),
	ONE("ecn_ok", ecn_ok, COLUMN_BOOL, NULLABLE, NULL, "ECN agreed (RFC 3168, 6.1.1)",
	    .zeek = NULL),
	ONE("tfo", tfo, COLUMN_BOOL, NULLABLE, NULL,
	    "data on the SYN was acknowledged by the SYN-ACK (RFC 7413)", .zeek = NULL),

	/* How much. */
	ONE("o_pkts", side[0].pkts, COLUMN_INT64, ALWAYS, "packets", "orig: packets",
	    .zeek = "orig_pkts", .ipfix = "initiatorPackets", .ecs = "source.packets"),
	ONE("r_pkts", side[1].pkts, COLUMN_INT64, ALWAYS, "packets", "resp: packets",
	    .zeek = "resp_pkts", .ipfix = "responderPackets", .ecs = "destination.packets"),
	ONE("o_ip_bytes", side[0].ip_bytes, COLUMN_INT64, ALWAYS, "bytes",
	    "orig: bytes of IP packets, headers included", .zeek = "orig_ip_bytes",
	    .ipfix = "octetTotalCount", .ecs = "source.bytes"),
	ONE("r_ip_bytes", side[1].ip_bytes, COLUMN_INT64, ALWAYS, "bytes",
	    "resp: bytes of IP packets, headers included", .zeek = "resp_ip_bytes",
	    .ipfix = "reverseOctetTotalCount", .ecs = "destination.bytes"),
	ONE("o_bytes", side[0].bytes, COLUMN_INT64, NULLABLE, "bytes",
	    "orig: payload by sequence space, bytes never seen included", .zeek = "orig_bytes",
	    .ipfix = "initiatorOctets"),
	ONE("r_bytes", side[1].bytes, COLUMN_INT64, NULLABLE, "bytes",
	    "resp: payload by sequence space, bytes never seen included", .zeek = "resp_bytes",
	    .ipfix = "responderOctets"),
	PAIR("data_pkts", data_pkts, COLUMN_INT32, ALWAYS, "packets", "packets with payload"),
	PAIR("pure_acks", pure_acks, COLUMN_INT32, ALWAYS, "packets", "ACKs without payload"),
	FLAG_IPFIX("fin", 0, "FIN", "FinTotalCount"),
	FLAG_IPFIX("syn", 1, "SYN", "SynTotalCount"),
	FLAG_IPFIX("rst", 2, "RST", "RstTotalCount"),
	FLAG_IPFIX("psh", 3, "PSH", "PshTotalCount"),
	FLAG_IPFIX("ack", 4, "ACK", "AckTotalCount"),
	FLAG_IPFIX("urg", 5, "URG", "UrgTotalCount"),
	FLAG("ece", 6, "ECE"),
	FLAG("cwr", 7, "CWR"),

	/* tshark's verdicts. */
	VERDICT("retransmission", VERDICT_RETRANSMISSION,
		"sent again, neither fast nor spurious (tcp.analysis.retransmission)"),
	VERDICT("fast_retransmission", VERDICT_FAST_RETRANSMISSION,
		"sent again within 20 ms of duplicate ACKs (tcp.analysis.fast_retransmission)"),
	VERDICT("spurious_retransmission", VERDICT_SPURIOUS_RETRANSMISSION,
		"sent again though acknowledged (tcp.analysis.spurious_retransmission)"),
	VERDICT("out_of_order", VERDICT_OUT_OF_ORDER,
		"came late, within one RTT (tcp.analysis.out_of_order)"),
	VERDICT("duplicate_ack", VERDICT_DUPLICATE_ACK,
		"the same ACK again (tcp.analysis.duplicate_ack)"),
	VERDICT("lost_segment", VERDICT_LOST_SEGMENT,
		"something before it is missing (tcp.analysis.lost_segment)"),
	VERDICT("ack_lost_segment", VERDICT_ACK_LOST_SEGMENT,
		"acknowledges what was not captured (tcp.analysis.ack_lost_segment)"),
	VERDICT("window_update", VERDICT_WINDOW_UPDATE,
		"changes only the window (tcp.analysis.window_update)"),
	VERDICT("window_full", VERDICT_WINDOW_FULL,
		"fills the peer's window (tcp.analysis.window_full)"),
	VERDICT("zero_window", VERDICT_ZERO_WINDOW,
		"closes its own window (tcp.analysis.zero_window)"),
	VERDICT("zero_window_probe", VERDICT_ZERO_WINDOW_PROBE,
		"one byte into a closed window (tcp.analysis.zero_window_probe)"),
	VERDICT("zero_window_probe_ack", VERDICT_ZERO_WINDOW_PROBE_ACK,
		"answers such a probe (tcp.analysis.zero_window_probe_ack)"),
	VERDICT("keep_alive", VERDICT_KEEP_ALIVE, "keep-alive (tcp.analysis.keep_alive)"),
	VERDICT("keep_alive_ack", VERDICT_KEEP_ALIVE_ACK,
		"answers a keep-alive (tcp.analysis.keep_alive_ack)"),
	ONE("reused_ports", reused_ports, COLUMN_BOOL, NULLABLE, NULL,
	    "the flow took over an older flow's ports (tcp.analysis.reused_ports)", .zeek = NULL),
	PAIR("duplicate_ack_max", duplicate_ack_max, COLUMN_INT32, NULLABLE, NULL,
	     "highest number a duplicate ACK reached (tcp.analysis.duplicate_ack_num)"),
	ONE("first_anomaly_frame", first_anomaly_frame, COLUMN_INT64, NULLABLE, NULL,
	    "number of the first packet with an anomaly", .zeek = NULL),
	ONE("last_anomaly_frame", last_anomaly_frame, COLUMN_INT64, NULLABLE, NULL,
	    "number of the last packet with an anomaly", .zeek = NULL),

	/* Where it was lost. */
	PAIR("retransmitted_bytes", retransmitted_bytes, COLUMN_INT64, NULLABLE, "bytes",
	     "payload seen more than once"),
	PAIR("capture_dups", capture_dups, COLUMN_INT32, NULLABLE, "packets",
	     "the same packet seen twice by the capture"),
	PAIR("unresolved_bytes", unresolved_bytes, COLUMN_INT64, NULLABLE, "bytes",
	     "bytes of holes that nobody filled or acknowledged"),
	ONE("holes_overflowed", holes_overflowed, COLUMN_INT32, NULLABLE, NULL,
	    "holes settled early because 16 were open", .zeek = NULL),
	ONE("seq_jumps", seq_jumps, COLUMN_INT32, ALWAYS, NULL,
	    "jumps in sequence space too wide for any window", .zeek = NULL),
	ONE("icmp_errors", icmp_errors, COLUMN_INT32, ALWAYS, NULL,
	    "headers of this flow quoted in ICMP errors, or sampled by sFlow", .zeek = NULL),
	PAIR("dsack", dsack, COLUMN_INT32, NULLABLE, "packets",
	     "packets that report a duplicate by SACK (RFC 2883)"),
	ONE("ttfb_ns", ttfb_ns, COLUMN_INT64, NULLABLE, "ns",
	    "first payload of orig to the first payload of resp", .zeek = NULL),
	PAIR("lost_before_bytes", lost_before_bytes, COLUMN_INT64, NULLABLE, "bytes",
	     "holes filled by a resend: lost between sender and capture point"),
	PAIR("lost_after_bytes", lost_after_bytes, COLUMN_INT64, NULLABLE, "bytes",
	     "seen, then resent before acknowledged: lost behind the capture point"),
	PAIR("missed_bytes", missed_bytes, COLUMN_INT64, NULLABLE, "bytes",
	     "acknowledged but never seen: the capture missed them"),
	PAIR("reordered_pkts", reordered_pkts, COLUMN_INT32, NULLABLE, "packets",
	     "late originals that filled a hole"),

	/* Waits, windows, hops. */
	PAIR("rtt_min_ns", rtt_min_ns, COLUMN_INT64, NULLABLE, "ns",
	     "smallest time from data to its ACK (Karn's rule)"),
	PAIR("rtt_mean_ns", rtt_mean_ns, COLUMN_INT64, NULLABLE, "ns",
	     "mean time from data to its ACK, rounded down"),
	PAIR("rtt_max_ns", rtt_max_ns, COLUMN_INT64, NULLABLE, "ns",
	     "largest time from data to its ACK"),
	PAIR("rtt_samples", rtt_samples, COLUMN_INT32, NULLABLE, NULL,
	     "number of times measured from data to ACK"),
	PAIR("rto_max_ns", rto_max_ns, COLUMN_INT64, NULLABLE, "ns",
	     "longest silence before a packet with verdict retransmission"),
	PAIR("win_max", win_max, COLUMN_INT64, NULLABLE, "bytes", "largest window, scaled"),
	ONE("o_ttl_min", side[0].ttl_min, COLUMN_INT16, NULLABLE, "hops",
	    "orig: smallest TTL or hop limit", .ipfix = "minimumTTL"),
	ONE("r_ttl_min", side[1].ttl_min, COLUMN_INT16, NULLABLE, "hops",
	    "resp: smallest TTL or hop limit", .ipfix = "reverseMinimumTTL"),
	ONE("o_ttl_max", side[0].ttl_max, COLUMN_INT16, NULLABLE, "hops",
	    "orig: largest TTL or hop limit", .ipfix = "maximumTTL"),
	ONE("r_ttl_max", side[1].ttl_max, COLUMN_INT16, NULLABLE, "hops",
	    "resp: largest TTL or hop limit", .ipfix = "reverseMaximumTTL"),
	{.name = "history",
	 .type = COLUMN_TEXT,
	 .nullable = ALWAYS,
	 .offset = offsetof(struct flow_record, history),
	 .help = "what happened, in Zeek's letters, at most 32; capitals are orig's",
	 .zeek = "history"},
	ONE("midstream", midstream, COLUMN_BOOL, ALWAYS, NULL,
	    "the first packet was neither SYN nor SYN-ACK", .zeek = NULL),
	ONE("truncated", truncated, COLUMN_BOOL, ALWAYS, NULL, "the snaplen cut a TCP header",
	    .zeek = NULL),
	ONE("completeness", completeness, COLUMN_INT8, ALWAYS, NULL,
	    "tshark's tcp.completeness: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST",
	    .zeek = NULL),
};
/* clang-format on */

static const struct table_format flow_format = {
	.name = "flows",
	.columns = columns,
	.nb_columns = sizeof(columns) / sizeof(columns[0]),
	.row_size = sizeof(struct flow_record),
};

const struct table_format *flow_record_format(void)
{
	return &flow_format;
}

int table_format_find(const struct table_format *format, const char *name)
{
	for (size_t i = 0; i < format->nb_columns; i++)
		if (strcmp(format->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}
