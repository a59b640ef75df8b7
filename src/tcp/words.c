/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include <tcpmill/tcp_words.h>

const char *const handshake_names[NB_HANDSHAKES + 1] = {
	[HANDSHAKE_COMPLETE] = "complete",
	[HANDSHAKE_SYN_ONLY] = "syn_only",
	[HANDSHAKE_REFUSED] = "refused",
	[HANDSHAKE_SYN_ACK_UNACKED] = "syn_ack_unacked",
	[HANDSHAKE_BAD_ACK] = "bad_ack",
	[HANDSHAKE_SIMULTANEOUS] = "simultaneous",
	[HANDSHAKE_SPLIT] = "split",
	[HANDSHAKE_MIDSTREAM] = "midstream",
	[HANDSHAKE_RESP_ONLY] = "resp_only",
	[HANDSHAKE_REPLY_UNSEEN] = "reply_unseen",
	[NB_HANDSHAKES] = NULL,
};

/* Zeek's spelling, so that filters written for its conn.log work here. */
const char *const conn_state_names[NB_CONN_STATES + 1] = {
	[CONN_S0] = "S0",       [CONN_S1] = "S1",        [CONN_SF] = "SF",
	[CONN_REJ] = "REJ",     [CONN_S2] = "S2",        [CONN_S3] = "S3",
	[CONN_RSTO] = "RSTO",   [CONN_RSTR] = "RSTR",    [CONN_RSTOS0] = "RSTOS0",
	[CONN_RSTRH] = "RSTRH", [CONN_SH] = "SH",        [CONN_SHR] = "SHR",
	[CONN_OTH] = "OTH",     [NB_CONN_STATES] = NULL,
};

const char *const end_reason_names[NB_END_REASONS + 1] = {
	[END_FIN] = "fin",
	[END_RST_ORIG] = "rst_orig",
	[END_RST_RESP] = "rst_resp",
	[END_IDLE_TIMEOUT] = "idle_timeout",
	[END_ACTIVE_TIMEOUT] = "active_timeout",
	[END_PORT_REUSE] = "port_reuse",
	[END_EVICTED] = "evicted",
	[END_OF_INPUT] = "end_of_input",
	[NB_END_REASONS] = NULL,
};

/* Each is tshark's field tcp.analysis.<name>. */
const char *const verdict_names[NB_VERDICTS + 1] = {
	[VERDICT_RETRANSMISSION] = "retransmission",
	[VERDICT_FAST_RETRANSMISSION] = "fast_retransmission",
	[VERDICT_SPURIOUS_RETRANSMISSION] = "spurious_retransmission",
	[VERDICT_OUT_OF_ORDER] = "out_of_order",
	[VERDICT_DUPLICATE_ACK] = "duplicate_ack",
	[VERDICT_LOST_SEGMENT] = "lost_segment",
	[VERDICT_ACK_LOST_SEGMENT] = "ack_lost_segment",
	[VERDICT_WINDOW_UPDATE] = "window_update",
	[VERDICT_WINDOW_FULL] = "window_full",
	[VERDICT_ZERO_WINDOW] = "zero_window",
	[VERDICT_ZERO_WINDOW_PROBE] = "zero_window_probe",
	[VERDICT_ZERO_WINDOW_PROBE_ACK] = "zero_window_probe_ack",
	[VERDICT_KEEP_ALIVE] = "keep_alive",
	[VERDICT_KEEP_ALIVE_ACK] = "keep_alive_ack",
	[VERDICT_REUSED_PORTS] = "reused_ports",
	[VERDICT_TFO_SYN] = "tfo_syn",
	[VERDICT_TFO_ACK] = "tfo_ack",
	[VERDICT_TFO_IGNORED] = "tfo_ignored",
	[NB_VERDICTS] = NULL,
};

const char *const cause_names[NB_CAUSES + 1] = {
	[CAUSE_NONE] = "",
	[CAUSE_CAPTURE_DUPLICATE] = "capture_duplicate",
	[CAUSE_REORDERED] = "reordered",
	[CAUSE_SPURIOUS] = "spurious",
	[CAUSE_TIMEOUT] = "timeout",
	[CAUSE_FAST] = "fast",
	[CAUSE_TAIL_PROBE] = "tail_probe",
	[CAUSE_RECOVERY] = "recovery",
	[CAUSE_UNKNOWN] = "unknown",
	[NB_CAUSES] = NULL,
};

const uint8_t verdict_order[NB_VERDICTS] = {
	VERDICT_RETRANSMISSION,
	VERDICT_FAST_RETRANSMISSION,
	VERDICT_SPURIOUS_RETRANSMISSION,
	VERDICT_OUT_OF_ORDER,
	VERDICT_LOST_SEGMENT,
	VERDICT_ACK_LOST_SEGMENT,
	VERDICT_WINDOW_UPDATE,
	VERDICT_WINDOW_FULL,
	VERDICT_KEEP_ALIVE,
	VERDICT_KEEP_ALIVE_ACK,
	VERDICT_ZERO_WINDOW,
	VERDICT_ZERO_WINDOW_PROBE,
	VERDICT_ZERO_WINDOW_PROBE_ACK,
	VERDICT_REUSED_PORTS,
	VERDICT_DUPLICATE_ACK,
	VERDICT_TFO_SYN,
	VERDICT_TFO_ACK,
	VERDICT_TFO_IGNORED,
};
