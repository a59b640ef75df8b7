/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_WORDS_H
#define TCPMILL_TCP_WORDS_H

#include <stdint.h>

/*
 * The words a flow is told in. Their order is in the records (dictionary index)
 * and never changes; new values go to the end before the count.
 * Meanings: docs/definitions.md 2.5, 3.4, 4.2 and 8.
 */

enum handshake {
	HANDSHAKE_COMPLETE,
	HANDSHAKE_SYN_ONLY,
	HANDSHAKE_REFUSED,
	HANDSHAKE_SYN_ACK_UNACKED,
	HANDSHAKE_BAD_ACK,
	HANDSHAKE_SIMULTANEOUS,
	HANDSHAKE_SPLIT,
	HANDSHAKE_MIDSTREAM,
	HANDSHAKE_RESP_ONLY,
	HANDSHAKE_REPLY_UNSEEN,
	NB_HANDSHAKES,
};

/* Zeek's endpoint states, reduced to one word a flow. */
enum conn_state {
	CONN_S0,
	CONN_S1,
	CONN_SF,
	CONN_REJ,
	CONN_S2,
	CONN_S3,
	CONN_RSTO,
	CONN_RSTR,
	CONN_RSTOS0,
	CONN_RSTRH,
	CONN_SH,
	CONN_SHR,
	CONN_OTH,
	NB_CONN_STATES,
};

enum end_reason {
	END_FIN,
	END_RST_ORIG,
	END_RST_RESP,
	END_IDLE_TIMEOUT,
	END_ACTIVE_TIMEOUT,
	END_PORT_REUSE,
	END_EVICTED,
	END_OF_INPUT,
	NB_END_REASONS,
};

/*
 * tshark's tcp.analysis.* flags. The first 14 are counted per direction in the
 * records; verdict_order says in which order they are told.
 */
enum verdict {
	VERDICT_RETRANSMISSION,
	VERDICT_FAST_RETRANSMISSION,
	VERDICT_SPURIOUS_RETRANSMISSION,
	VERDICT_OUT_OF_ORDER,
	VERDICT_DUPLICATE_ACK,
	VERDICT_LOST_SEGMENT,
	VERDICT_ACK_LOST_SEGMENT,
	VERDICT_WINDOW_UPDATE,
	VERDICT_WINDOW_FULL,
	VERDICT_ZERO_WINDOW,
	VERDICT_ZERO_WINDOW_PROBE,
	VERDICT_ZERO_WINDOW_PROBE_ACK,
	VERDICT_KEEP_ALIVE,
	VERDICT_KEEP_ALIVE_ACK,
	NB_COUNTED_VERDICTS,
	VERDICT_REUSED_PORTS = NB_COUNTED_VERDICTS,
	VERDICT_TFO_SYN,
	VERDICT_TFO_ACK,
	VERDICT_TFO_IGNORED,
	NB_VERDICTS,
};

/* The four kinds of resent or late segment, and all anomalies (docs/definitions.md 9.1). */
#define VERDICT_RESENDS                                                                            \
	(1u << VERDICT_RETRANSMISSION | 1u << VERDICT_FAST_RETRANSMISSION |                        \
	 1u << VERDICT_SPURIOUS_RETRANSMISSION | 1u << VERDICT_OUT_OF_ORDER)
#define VERDICT_ANOMALIES                                                                          \
	(VERDICT_RESENDS | 1u << VERDICT_LOST_SEGMENT | 1u << VERDICT_ACK_LOST_SEGMENT |           \
	 1u << VERDICT_DUPLICATE_ACK | 1u << VERDICT_ZERO_WINDOW | 1u << VERDICT_WINDOW_FULL |     \
	 1u << VERDICT_ZERO_WINDOW_PROBE | 1u << VERDICT_REUSED_PORTS)

/* Cause of a resent or late segment (docs/definitions.md 8). */
enum cause {
	CAUSE_NONE, /* null in the records */
	CAUSE_CAPTURE_DUPLICATE,
	CAUSE_REORDERED,
	CAUSE_SPURIOUS,
	CAUSE_TIMEOUT,
	CAUSE_FAST,
	CAUSE_TAIL_PROBE,
	CAUSE_RECOVERY,
	CAUSE_UNKNOWN,
	NB_CAUSES,
};

extern const char *const handshake_names[NB_HANDSHAKES + 1];
extern const char *const conn_state_names[NB_CONN_STATES + 1];
extern const char *const end_reason_names[NB_END_REASONS + 1];
extern const char *const verdict_names[NB_VERDICTS + 1];
/* The verdicts in the order in which they are told (that of the oracle, definitions 1.5). */
extern const uint8_t verdict_order[NB_VERDICTS];
extern const char *const cause_names[NB_CAUSES + 1]; /* [CAUSE_NONE] is "" */

#endif
