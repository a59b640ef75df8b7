/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_SEGMENT_H
#define TCPMILL_SEGMENT_H

/*
 * A segment: one TCP header of one frame, with everything the TCP logic needs,
 * so that the worker that owns its flow need not parse the packet again.
 *
 * Byte order: addresses stay as on the wire; every number is in host order.
 * Memory:     segments lie in the lists of a chunk (engine) and live as long as
 *             the chunk's buffer, to which tcp_header and ip_header point.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Encapsulation nearest in front of the flow's IP header. Values are in the records. */
enum tunnel {
	TUNNEL_NONE,
	TUNNEL_GRE,
	TUNNEL_ERSPAN,
	TUNNEL_VXLAN,
	TUNNEL_GENEVE,
	TUNNEL_GTPU,
	TUNNEL_L2TP,
	TUNNEL_TEREDO,
	TUNNEL_IPIP,
	TUNNEL_6IN4,
	TUNNEL_PPPOE,
	TUNNEL_MPLS,
	TUNNEL_CAPWAP,
	TUNNEL_OTHER,
	NB_TUNNELS,
};

extern const char *const tunnel_names[NB_TUNNELS + 1];

/* TCP flags as in byte 13 of the header (RFC 9293 3.1); the AE bit is not kept. */
#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u
#define TCP_ECE 0x40u
#define TCP_CWR 0x80u
#define TCP_NB_FLAGS 8

/* What decode found out about the segment beyond its fields. */
#define SEGMENT_IPV6 0x01u       /* the addresses are 16 bytes, at ip_header */
#define SEGMENT_SWAPPED 0x02u    /* the sender is the higher endpoint of the canonical key */
#define SEGMENT_SHORT 0x04u      /* not analysed: shorter than its header, quoted, of no size */
#define SEGMENT_BAD_OFFSET 0x08u /* data offset below 5: analysed, no options, nothing shown */
#define SEGMENT_CUT 0x10u        /* the snaplen cut the TCP header */
#define SEGMENT_HAS_TSVAL 0x20u  /* tsval is valid */
#define SEGMENT_HAS_SACK 0x40u   /* a SACK option (kind 5) is present */
#define SEGMENT_OPTIONS 0x80u    /* options other than NOP, EOL and timestamps: worth a parse */

struct segment {
	int64_t ts_ns;            /* time stamp, ns since the Unix epoch */
	uint64_t clock_ns;        /* capture clock (docs/definitions.md, 2.1) at this frame */
	const uint8_t *ip_header; /* innermost IP header, in the chunk's buffer */
	uint32_t frame;           /* frame number minus the chunk's first frame */
	uint32_t hash;            /* keyed hash of the canonical key: bucket in the partition */
	uint32_t addr_lo;         /* IPv4: canonical addresses in host order; 0 for IPv6 */
	uint32_t addr_hi;
	uint16_t port_lo;
	uint16_t port_hi;
	uint32_t seq;
	uint32_t ack;         /* the field, also when the ACK flag is clear */
	uint32_t payload_len; /* from IP lengths, never from captured bytes; 0 if SEGMENT_SHORT */
	uint32_t ip_len;      /* IP header(s) + payload, bytes */
	uint32_t tsval;
	uint16_t win;     /* as sent, unscaled */
	uint16_t ip_id;   /* IPv4 identification; 0 for IPv6 */
	uint16_t cksum;   /* TCP checksum field, 0 when cut off */
	uint16_t tcp_off; /* bytes from ip_header to the TCP header */
	uint16_t vlan;    /* outermost VLAN id + 1; 0 = untagged */
	uint8_t tcp_flags;
	uint8_t bits;       /* SEGMENT_* */
	uint8_t tcp_hlen;   /* 4 x data offset */
	uint8_t tcp_caplen; /* captured bytes of the TCP header, 16 .. 60 */
	uint8_t ttl;        /* TTL or hop limit */
	uint8_t tunnel;     /* enum tunnel */
	uint8_t partition;  /* 0 .. 63, unkeyed hash of the canonical key */
	uint8_t port;       /* live capture: index of the port it came through; else 0 */
	uint8_t layer;      /* TCP headers in front of it in the frame (definitions 1.4) */
	bool is_quoted;     /* in an ICMP error, or sFlow's; SEGMENT_SHORT is set too */
	uint8_t unused[2];
};

static_assert(sizeof(struct segment) == 88, "the exchange moves this many bytes a packet");

#endif
