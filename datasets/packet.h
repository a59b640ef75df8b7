/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_PACKET_H
#define DATASETS_PACKET_H

/*
 * Builds the bytes of one frame: link layer, IPv4 or IPv6, TCP or UDP, payload,
 * with right lengths and checksums. Shared by the capture generator and tests.
 *
 * Byte order: every number in struct packet is in host order; addresses are
 *             bytes as on the wire.
 * Same input, same bytes, on any machine. Nothing is allocated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TCP flags as in byte 13 of the header (RFC 9293 3.1). */
#define PACKET_FIN 0x01u
#define PACKET_SYN 0x02u
#define PACKET_RST 0x04u
#define PACKET_PSH 0x08u
#define PACKET_ACK 0x10u
#define PACKET_URG 0x20u
#define PACKET_ECE 0x40u
#define PACKET_CWR 0x80u

#define PACKET_PROTOCOL_TCP 6
#define PACKET_PROTOCOL_UDP 17

/* The most that lies in front of the payload: QinQ + PPPoE, IPv6, full TCP options. */
#define PACKET_HEADERS_MAX 160
#define PACKET_OPTIONS_MAX 40

/* What stands in front of the IP header. */
enum packet_link {
	PACKET_LINK_ETHERNET, /* with an 802.1Q tag if packet.vlan is set */
	PACKET_LINK_VLAN,     /* 802.1Q, id packet.vlan or 100 */
	PACKET_LINK_QINQ,     /* 802.1ad id 200, then 802.1Q id packet.vlan or 100 */
	PACKET_LINK_MPLS,     /* Ethernet, two labels */
	PACKET_LINK_PPPOE,    /* Ethernet, PPPoE session */
	PACKET_LINK_LLC_SNAP, /* 802.3 length, LLC, SNAP */
	PACKET_LINK_SLL,      /* Linux cooked v1 */
	PACKET_LINK_SLL2,     /* Linux cooked v2 */
	PACKET_LINK_RAW,      /* nothing: the version nibble tells IPv4 from IPv6 */
	PACKET_LINK_IPV4,     /* nothing, IPv4 only */
	PACKET_LINK_IPV6,     /* nothing, IPv6 only */
	PACKET_LINK_NULL,     /* BSD loopback, address family little-endian */
	PACKET_LINK_NULL_BE,  /* the same written by a big-endian machine */
	PACKET_LINK_LOOP,     /* OpenBSD loopback, network order */
	PACKET_LINK_PPP,      /* PPP with HDLC framing bytes */
	NB_PACKET_LINKS,
};

struct packet {
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* PACKET_PROTOCOL_TCP or _UDP */
	uint8_t ttl;      /* or hop limit */
	uint8_t tos;      /* or traffic class; its two low bits are ECN */
	bool dont_fragment;
	bool is_raw;        /* the payload is all that IP carries, whatever the protocol */
	bool reverse;       /* sent by the second of the two machines: selects MAC addresses */
	uint16_t ip_id;     /* IPv4 only */
	uint16_t fragment;  /* IPv4 only: flags and offset as in the header, beside dont_fragment */
	uint16_t vlan;      /* 0: no tag of its own; ignored where there is no Ethernet */
	uint16_t min_frame; /* Ethernet frames are zero-padded to this length; 0: not */
	uint8_t src[16], dst[16]; /* IPv4 uses the first four */
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window, urgent;
	uint8_t options_len; /* bytes in options[]; padded with NOPs to a multiple of 4 */
	uint8_t options[PACKET_OPTIONS_MAX];
	uint32_t payload_len;
	const uint8_t *payload; /* NULL: packet_pattern() at seq (UDP: at 0) */
};

/* All zero but for TCP, the version, TTL 64 and a window of 65,535. */
void packet_init(struct packet *packet, uint8_t version);

/* Text addresses of one version; returns 0, or -EINVAL when either can't be read. */
int packet_set_addresses(struct packet *packet, const char *src, const char *dst);

/* Append one option; each returns 0, or -ENOSPC when the 40 bytes are used up. */
int packet_add_option(struct packet *packet, uint8_t kind, const uint8_t *value, size_t len);
int packet_add_mss(struct packet *packet, uint16_t mss);
int packet_add_wscale(struct packet *packet, uint8_t shift);
int packet_add_sack_ok(struct packet *packet);
/* Padding in front of the next option, as kernels align time stamps. */
int packet_add_nops(struct packet *packet, size_t nb);
int packet_add_timestamps(struct packet *packet, uint32_t value, uint32_t echo);
/* edges: nb_blocks pairs of left and right edge, absolute sequence numbers. */
int packet_add_sack(struct packet *packet, const uint32_t (*edges)[2], size_t nb_blocks);
/* RFC 7413; cookie_len 0 asks for a cookie. */
int packet_add_fast_open(struct packet *packet, const uint8_t *cookie, size_t cookie_len);

/*
 * Writes the frame's first bytes into buf, as far as size reaches, and its full
 * length to *wire_len (may be NULL). Returns the bytes written; 0 when this link
 * can't carry the packet (IP version, or longer than its length field says).
 */
size_t packet_build(const struct packet *packet, enum packet_link link, uint8_t *buf, size_t size,
		    size_t *wire_len);

/*
 * The same bytes, faster, for packets that are plain: TCP straight in Ethernet, payload
 * as packet_pattern() has it, options of whole words. buf has PACKET_HEADERS_MAX bytes or
 * more, whatever size says; what lies behind size is then not said.
 */
bool packet_is_plain(const struct packet *packet);
size_t packet_build_plain(const struct packet *packet, uint8_t *buf, size_t size, size_t *wire_len);

/* Bytes in front of the IP header that packet_build() would write. */
size_t packet_link_len(const struct packet *packet, enum packet_link link);

/* LINKTYPE_ value for capture files. */
uint16_t packet_link_type(enum packet_link link);

/* As in --link; NULL at the end. From a name: the link, or NB_PACKET_LINKS. */
const char *packet_link_name(enum packet_link link);
enum packet_link packet_link_from_name(const char *name);

/*
 * The byte that lies at a sequence number in every stream of the project, so that
 * resent data is equal to what was sent first, however it is cut.
 */
uint8_t packet_pattern(uint32_t seq);

/* It repeats; two periods of it can be read from any place. */
#define PACKET_PATTERN_LEN 64u
const uint8_t *packet_pattern_at(uint32_t seq);
void packet_copy_pattern(uint8_t *to, uint32_t seq, size_t len);

#endif
