/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_NOTE_H
#define TCPMILL_TCP_NOTE_H

/*
 * What one segment meant: everything that is told of it packet by packet, by
 * `verdicts`, the events table and `explain`.
 *
 * Rules: the TCP analysis spec, section 3 (names in its section 7), and
 * docs/definitions.md 5 and 8. F is the segment's sender, R the other side.
 * Order:  notes of a flow come in the order of its segments.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tcpmill/tcp_words.h"

#define NOTE_ANALYSED 0x0001u    /* section 3 of the spec ran: relative numbers make sense */
#define NOTE_RECORD 0x0002u      /* tshark has an analysis record of it that it shows */
#define NOTE_FROM_RESP 0x0004u   /* sent by resp; else by orig */
#define NOTE_CAPTURE_DUP 0x0008u /* the capture has the same packet twice (definitions 6) */
#define NOTE_HAS_MSS 0x0010u     /* mss, wscale: of a SYN's options */
#define NOTE_HAS_WSCALE 0x0020u
#define NOTE_SACK_PERMITTED 0x0040u
#define NOTE_HAS_SACK 0x0080u    /* the segment carries SACK blocks */
#define NOTE_OPENS_HOLE 0x0100u  /* hole_start, hole_end */
#define NOTE_FILLS_HOLE 0x0200u  /* fill_* */
#define NOTE_COMPLETES 0x0400u   /* completes the handshake (definitions 3.4) */
#define NOTE_HAS_ACK_RTT 0x0800u /* ack_rtt_ns is shown: it is not exactly 0 */
#define NOTE_HAS_RTO 0x1000u     /* rto_ns likewise */
#define NOTE_MISSES 0x2000u      /* its ACK covers bytes the capture has not seen: hole_* */
#define NOTE_SEQ_BASE 0x4000u    /* seq_base is known */
#define NOTE_ACK_BASE 0x8000u    /* ack_base is known */
#define NOTE_ORIG_HIGH 0x10000u  /* orig is the higher endpoint of the flow's key */
#define NOTE_QUOTED 0x20000u     /* in an ICMP error, or sFlow's sample: no packet of the flow */

struct tcp_note {
	uint64_t frame; /* number in the run */
	int64_t stream; /* -1 until it is given */
	int64_t ts_ns;
	uint32_t bits;     /* NOTE_* */
	uint32_t verdicts; /* bit v: enum verdict v; as tshark shows them */

	/* The segment as sent. */
	uint32_t seq, ack, len;      /* ack: the field, also without the ACK flag; len: payload */
	uint16_t win;                /* unscaled */
	uint8_t flags;               /* TCP_* of segment.h */
	int8_t shift;                /* of F's window as tshark shows it: -1 unknown, -2 not used */
	uint32_t seq_base, ack_base; /* relative number = raw - base, with NOTE_SEQ/ACK_BASE */
	uint16_t mss;
	uint8_t wscale;
	uint8_t cause;        /* enum cause (definitions 8) */
	uint8_t completeness; /* tcp.completeness: before this segment */
	uint8_t is_shown;     /* tshark shows an analysis of it (a header of 20 bytes, not cut) */
	uint8_t layer;        /* TCP headers in front of it in the frame */
	uint8_t nb_tfo_more;  /* Fast Open cookies behind the first, with VERDICT_TFO_SYN */
	uint8_t unused[4];    /* no padding: notes compare as bytes in tests */

	/* Spec section 3; a frame of 0 means none, a time of 0 that none is shown. */
	uint32_t dup_ack;       /* number, with VERDICT_DUPLICATE_ACK */
	uint64_t dup_ack_frame; /* frame that it repeats; 0 is a value, as in tshark */
	int64_t rto_ns;         /* with VERDICT_RETRANSMISSION */
	uint64_t rto_frame;
	uint64_t acks_frame;
	int64_t ack_rtt_ns;
	int64_t initial_rtt_ns;   /* of the flow behind this segment; shown with NOTE_RECORD */
	uint32_t bytes_in_flight; /* 0 = not shown, and push_bytes neither */
	uint32_t push_bytes;

	/* Definitions 5, 7 and 8. */
	int64_t silence_ns; /* since F's last data, SYN or FIN (7.2); 0 where it has none before */
	uint32_t hole_start,
		hole_end;      /* raw numbers: the gap this segment opened or acknowledged */
	uint32_t fill_bytes;   /* of it that lay in holes */
	uint32_t resent_bytes; /* of it that were seen before */
	uint64_t fill_frame;   /* what opened the (first) hole it fills */
	int64_t fill_age_ns;   /* age of that hole */
};

#endif
