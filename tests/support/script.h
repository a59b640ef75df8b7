/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

/*
 * TCP conversations for tests, one line a segment:
 *
 *	script_handshake(s);
 *	script_data(s, FWD, LEN(100));
 *	script_ack(s, REV, AFTER_US(20000));
 *	script_data(s, FWD, SEQ(1001), LEN(100));
 *
 * Each line sends one segment through the flow table and the tcp room, as a
 * worker does, and gives back what tcp_track() said of it.
 *
 * FWD is sent by the script's first endpoint, REV by its second. What a line does
 * not say: seq is the sender's next number, ack the next number of the other side
 * (0 without the ACK flag), the window is 1000, the IPv4 identification is a new
 * one, and the segment comes 1 ms after the one before it. The first comes at
 * SCRIPT_EPOCH_NS. ISNs are 1000 and 5000 unless script_isn() says otherwise.
 * Numbers are raw, never relative. A wrong script stops the test.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpmill/record.h"
#include "tcpmill/segment.h"
#include "tcpmill/tcp.h"

#define SCRIPT_EPOCH_NS INT64_C(1700000000000000000)
#define SCRIPT_US INT64_C(1000)
#define SCRIPT_MS INT64_C(1000000)

#define SCRIPT_FWD_PORT 40000
#define SCRIPT_REV_PORT 80

enum script_direction {
	FWD,
	REV,
};

struct script_segment {
	enum script_direction direction;
	uint8_t flags, more_flags;
	bool said_seq, said_ack, said_win, said_time, said_ip_id, said_wscale;
	uint32_t seq, ack, len;
	uint16_t win, ip_id, cksum;
	int64_t at_ns;    /* since the script's epoch */
	int64_t after_ns; /* since the segment before */
	/* Options, written as bytes in this order. */
	uint16_t mss;
	uint8_t wscale;
	bool sack_ok, ts_option;
	uint32_t tsval, tsecr;
	uint8_t nb_sack;
	uint32_t sack[3][2];
	uint8_t fast_open;   /* length of the option: 2 asks for a cookie */
	uint8_t experiment;  /* the same, as an experimental option */
	const char *options; /* raw bytes, behind the others */
	uint8_t options_len;
	/* What decode would have said of it. */
	uint8_t bits;   /* SEGMENT_SHORT, SEGMENT_BAD_OFFSET */
	uint8_t caplen; /* of the TCP header, if the snaplen cut it */
	uint8_t ttl;
	uint16_t vlan; /* id + 1 */
};

#define FLAGS(f) .flags = (f)
#define ALSO(f) .more_flags = (f)
#define SEQ(n) .said_seq = true, .seq = (n)
#define ACKS(n) .said_ack = true, .ack = (n)
#define LEN(n) .len = (n)
#define WIN(n) .said_win = true, .win = (n)
#define AT_NS(ns) .said_time = true, .at_ns = (ns)
#define AT_US(us) AT_NS((us)*SCRIPT_US)
#define AFTER_NS(ns) .said_time = true, .at_ns = INT64_MIN, .after_ns = (ns)
#define AFTER_US(us) AFTER_NS((us)*SCRIPT_US)
#define MSS(n) .mss = (n)
#define WSCALE(n) .said_wscale = true, .wscale = (n)
#define SACK_OK .sack_ok = true
#define TS(val, ecr) .ts_option = true, .tsval = (val), .tsecr = (ecr)
#define SACK(l, r) .nb_sack = 1, .sack = {{(l), (r)}}
#define SACK_2(l1, r1, l2, r2) .nb_sack = 2, .sack = {{(l1), (r1)}, {(l2), (r2)}}
#define FAST_OPEN(option_len) .fast_open = (option_len)
#define EXPERIMENT(option_len) .experiment = (option_len)
#define OPTIONS(bytes) .options = (bytes), .options_len = sizeof(bytes) - 1
#define IP_ID(n) .said_ip_id = true, .ip_id = (n)
#define CKSUM(n) .cksum = (n)
#define TTL(n) .ttl = (n)
#define VLAN(id) .vlan = (id) + 1
#define CUT_AT(tcp_bytes) .caplen = (tcp_bytes)
#define SHORT .bits = SEGMENT_SHORT
#define BAD_OFFSET .bits = SEGMENT_BAD_OFFSET

struct tcp_script;

/* from_high: the first endpoint is the higher one of the canonical key. */
struct tcp_script *script_create(bool from_high);
void script_destroy(struct tcp_script *script);

/* Before the first segment. */
void script_isn(struct tcp_script *script, uint32_t fwd, uint32_t rev);
void script_ipv6(struct tcp_script *script);
void script_idle_timeout(struct tcp_script *script, uint64_t timeout_ns);
/* The tracker is one that was not asked for details: it counts where it can. */
void script_without_details(struct tcp_script *script);
/* ... and never keeps a list, as live capture's. */
void script_only_count(struct tcp_script *script);

struct tcp_result script_play(struct tcp_script *script, const struct script_segment *segment);

/* script_xxx(script, direction, ...) */
#define SCRIPT_PLAY(script, flags_, ...)                                                           \
	script_play((script),                                                                      \
		    &(const struct script_segment){.flags = (flags_), .direction = __VA_ARGS__})
#define script_segment(script, ...)                                                                \
	script_play((script), &(const struct script_segment){.direction = __VA_ARGS__})
#define script_syn(script, ...) SCRIPT_PLAY(script, TCP_SYN, __VA_ARGS__)
#define script_syn_ack(script, ...) SCRIPT_PLAY(script, TCP_SYN | TCP_ACK, __VA_ARGS__)
#define script_ack(script, ...) SCRIPT_PLAY(script, TCP_ACK, __VA_ARGS__)
#define script_fin(script, ...) SCRIPT_PLAY(script, TCP_FIN | TCP_ACK, __VA_ARGS__)
#define script_rst(script, ...) SCRIPT_PLAY(script, TCP_RST, __VA_ARGS__)
#define script_data(script, ...) SCRIPT_PLAY(script, TCP_PSH | TCP_ACK, __VA_ARGS__)

/* SYN, SYN+ACK, ACK at 0, 1 and 2 ms, without options. */
void script_handshake(struct tcp_script *script);
/* The same with a window scale on both sides. */
void script_handshake_scaled(struct tcp_script *script, uint8_t fwd, uint8_t rev);

/* What is behind the script: its tracker, and the slot of the latest segment's flow. */
struct tcp_tracker *script_tracker(struct tcp_script *script);
struct flow *script_slot(struct tcp_script *script);

/* What is told of the latest segment. */
const struct tcp_note *script_note(const struct tcp_script *script);

/* The flow of the latest segment, its sides as the script names them, and its row. */
const struct tcp_flow *script_flow(const struct tcp_script *script);
const struct tcp_side *script_side(const struct tcp_script *script,
				   enum script_direction direction);
const struct flow_record *script_row(struct tcp_script *script);
/* The flow's active record; what comes next counts for another one. */
const struct flow_record *script_active(struct tcp_script *script);
/* What happened to a side so far; its row tells what would come of it if it ended now. */
const struct tcp_trouble *script_trouble(const struct tcp_script *script,
					 enum script_direction direction);

/* Flows that ended so far, in the order in which they did. */
size_t script_nb_ended(const struct tcp_script *script);
const struct flow_record *script_ended(const struct tcp_script *script, size_t i);
/* Ends the input. Returns the row of the flow that was the latest one's. */
const struct flow_record *script_finish(struct tcp_script *script);

/* ---- for cmocka --------------------------------------------------------- */

#define V(name) (1u << VERDICT_##name)
#define NO_VERDICT 0u

/* Fails with the names of what was said and what was expected. */
#define assert_verdicts(result, wanted)                                                            \
	script_assert_verdicts((result).verdicts, (wanted), __FILE__, __LINE__)
void script_assert_verdicts(uint32_t got, uint32_t wanted, const char *file, int line);

/* Fails with the name of the first column in which two rows differ. */
#define assert_same_rows(a, b) script_assert_rows((a), (b), __FILE__, __LINE__)
void script_assert_rows(const struct flow_record *a, const struct flow_record *b, const char *file,
			int line);

int script_setup_low(void **state);
int script_setup_high(void **state);
int script_teardown(void **state);

/* Each test runs from the lower endpoint of the key and from the higher one. */
#define SCRIPT_TEST(f)                                                                             \
	{#f, f, script_setup_low, script_teardown, NULL},                                          \
	{                                                                                          \
#f " (from the higher endpoint)", f, script_setup_high, script_teardown, NULL      \
	}

#endif
