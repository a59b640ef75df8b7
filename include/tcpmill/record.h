/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_RECORD_H
#define TCPMILL_RECORD_H

/*
 * Rows and columns: one struct flow_record per finished flow, and the one table
 * that says how each of its members is named, typed, explained and written.
 *
 * The writer, the reader's checks, `show`, the docs and the tests are all driven
 * by that table. Columns are only ever added at its end.
 *
 * Null: a member holding RECORD_NULL_x was not observed; a null never means 0.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_NULL_8 INT8_MIN
#define RECORD_NULL_16 INT16_MIN
#define RECORD_NULL_32 INT32_MIN
#define RECORD_NULL_64 INT64_MIN

#define RECORD_HISTORY_MAX 32 /* letters, without the NUL */

/* The schema's version; raised when columns are added. */
#define RECORD_SCHEMA_VERSION "1"

struct record_address {
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
	uint8_t version;   /* 4 or 6 */
};

/* Per direction: [0] sent by orig, [1] sent by resp. */
struct flow_record_side {
	int64_t isn;
	int32_t mss;
	int8_t wscale;
	int64_t pkts, ip_bytes, bytes;
	int32_t data_pkts, pure_acks;
	int32_t flags[8];     /* FIN SYN RST PSH ACK URG ECE CWR */
	int32_t verdicts[14]; /* in the order of enum verdict (tcp.h), without reused_ports and TFO
			       */
	int32_t duplicate_ack_max;
	int64_t retransmitted_bytes;
	int32_t capture_dups;
	int64_t unresolved_bytes;
	int32_t dsack;
	int64_t lost_before_bytes, lost_after_bytes, missed_bytes;
	int32_t reordered_pkts;
	int64_t rtt_min_ns, rtt_mean_ns, rtt_max_ns;
	int32_t rtt_samples;
	int64_t rto_max_ns;
	int64_t win_max;
	int16_t ttl_min, ttl_max;
};

struct flow_record {
	int64_t ts_ns, duration_ns;
	struct record_address src, dst; /* orig, resp */
	uint16_t src_port, dst_port;
	int8_t ip_version;
	int16_t vlan;
	int8_t tunnel; /* enum tunnel */
	int64_t stream;
	int64_t first_frame, last_frame;
	int32_t input_file;
	int8_t handshake;  /* enum handshake */
	int8_t conn_state; /* enum conn_state */
	int8_t end_reason; /* enum end_reason */
	int32_t orig_syns, resp_syn_acks;
	int64_t syn_rtt_ns, synack_rtt_ns, initial_rtt_ns;
	int8_t sack_ok, ts_ok, ecn_ok, tfo; /* 0, 1 or RECORD_NULL_8 */
	struct flow_record_side side[2];
	int8_t reused_ports;
	int64_t first_anomaly_frame, last_anomaly_frame;
	int32_t holes_overflowed, seq_jumps, icmp_errors;
	int64_t ttfb_ns;
	char history[RECORD_HISTORY_MAX + 1];
	int8_t midstream, truncated;
	int8_t completeness; /* the six bits of tcp.completeness, final value */
};

/* How a member is stored in the row and typed in the file. */
enum column_type {
	COLUMN_INT8,
	COLUMN_INT16,
	COLUMN_INT32,
	COLUMN_INT64,
	COLUMN_UINT16,
	COLUMN_BOOL,      /* int8_t in the row: 0, 1 or RECORD_NULL_8 */
	COLUMN_TIMESTAMP, /* int64_t ns since the Unix epoch; timestamp[ns, UTC] in the file */
	COLUMN_DICT,      /* int8_t index into values; dictionary(int8, utf8) in the file */
	COLUMN_TEXT,      /* NUL-terminated char array in the row; utf8 in the file */
	COLUMN_ADDRESS,   /* struct record_address in the row; utf8 in the file */
};

struct column {
	const char *name;
	enum column_type type;
	bool nullable;             /* may hold RECORD_NULL_x of its width */
	size_t offset;             /* of the member in the row */
	const char *const *values; /* COLUMN_DICT: NULL-terminated, every value there can be */
	const char *unit;          /* "ns", "bytes", "packets", ... or NULL */
	const char *help;          /* one line */
	const char *zeek;          /* equivalents elsewhere, or NULL */
	const char *ipfix;
	const char *ecs;
};

struct table_format {
	const char *name;
	const struct column *columns;
	size_t nb_columns;
	size_t row_size;
};

/* The flow table. Static; never freed. */
const struct table_format *flow_record_format(void);

struct tcp_flow;

/*
 * Fills a row from a flow that has ended; its stream number is given. It counts from the flow's
 * last active record on.
 */
void flow_record_fill(const struct tcp_flow *flow, struct flow_record *row);
/*
 * The same from a flow that goes on: the record's end is active_timeout, and what is not decided
 * yet (open holes) is left to a later one. tcp_flow_restart() comes next.
 */
void flow_record_fill_active(const struct tcp_flow *flow, struct flow_record *row);
/* Sets to null what live capture does not number: streams and frames (definitions 1.9). */
void flow_record_make_live(struct flow_record *row);

/* Index of a column by name, or -1. */
int table_format_find(const struct table_format *format, const char *name);

#endif
