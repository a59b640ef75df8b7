/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECODE_PRIV_H
#define TCPMILL_DECODE_PRIV_H

/* Inside the decode room: a cursor over one frame, handed from layer to layer. */

#include "tcpmill/decode.h"

#define DECODE_LINK_ETHERNET 1
#define DECODE_LINK_80211 105

/* Up to here an Ethernet type is a length (IEEE 802.3). */
#define ETHERTYPE_MAX_LENGTH 1500

/* Ethernet types that others than Ethernet have, too. */
enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_BRIDGED = 0x6558,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_MULTI = 0x8848,
};

/* Headers around one another that are opened: the oracle gives up after as many layers. */
#define DECODE_MAX_DEPTH 500
#define DECODE_MAX_VLANS 20

/* What all layers of one frame share. */
struct layers {
	const struct decode_context *context;
	const struct frame *frame;
	struct segment *segments; /* [DECODE_MAX_SEGMENTS] */
	uint32_t nb;              /* of them that are made */
	uint32_t nb_unread;       /* TCP headers that found no room there */
	struct segment unread;    /* that one of those is read into */
	uint16_t fragment_vlan;   /* the first of them that is not 0, not a service tag's */
	bool is_later;            /* it must be decoded in its turn: see struct decode_context */
	bool is_inflated;         /* compressed bytes of the frame were replaced */
};

struct cursor {
	uint8_t *start;          /* of the frame, or of the datagram that was put together */
	uint8_t *at;             /* next byte; the buffer is the chunk's own */
	uint8_t *end;            /* end of what was captured */
	uint64_t wire_left;      /* bytes from at to the end of the frame on the wire */
	struct segment *segment; /* being made, with what the layers so far said of it */
	struct layers *layers;
	uint16_t depth;   /* headers around what is being decoded, counted by most */
	uint8_t nb_vlans; /* tags of IEEE 802.1Q around it */
	bool is_quoted;   /* in an ICMP error, or a sample of sFlow */
};

/*
 * Several packets in one (sFlow): a cursor on the next of them, which lies in the len bytes at
 * c->at and was wire_len bytes long. What is around it is around c; what is in one of the others
 * is not.
 */
struct cursor cursor_fork(const struct cursor *c, size_t len, uint64_t wire_len);

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The caller has checked that n bytes are there. */
static inline void cursor_skip(struct cursor *c, size_t n)
{
	c->at += n;
	c->wire_left = c->wire_left > n ? c->wire_left - n : 0;
}

/* The header that is left says that only n bytes are behind it: the rest is padding. */
static inline void cursor_limit(struct cursor *c, uint64_t n)
{
	if (n < c->wire_left)
		c->wire_left = n;
	if (n < cursor_left(c))
		c->end = c->at + n;
}

/* As many bytes at the end are no part of what is inside (a frame check sequence). */
static inline void cursor_trim(struct cursor *c, uint64_t n)
{
	cursor_limit(c, c->wire_left > n ? c->wire_left - n : 0);
}

/*
 * One more header. False if they are too many: every layer that can hold its like, with or
 * without others between, asks, so that the stack does not grow with the frame.
 */
static inline bool cursor_enter(struct cursor *c)
{
	return c->depth++ < DECODE_MAX_DEPTH;
}

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * Multilinear hashing: the sum of 32-bit words times random odd-or-even 64-bit
 * keys, upper half. It is strongly universal: without the keys nobody can aim at
 * a bucket. The partition's keys are fixed, so that evictions do not depend on a run.
 */
extern const struct decode_keys decode_partition_keys;

/* What is hashed of an IPv4 key; port_lo is the upper half of the ports. */
struct key_ipv4 {
	uint32_t addr_lo, addr_hi, ports;
};

static inline uint64_t hash_ipv4(const struct decode_keys *keys, struct key_ipv4 k)
{
	const uint64_t *key = keys->word;

	return key[0] + key[1] * k.addr_lo + key[2] * k.addr_hi + key[3] * k.ports;
}

/* Addresses as two words each, in the byte order of this machine. */
static inline uint64_t hash_ipv6(const struct decode_keys *keys, const uint64_t *lo,
				 const uint64_t *hi, uint32_t ports)
{
	const uint64_t *key = keys->word;

	return key[0] + key[1] * (uint32_t)lo[0] + key[2] * (lo[0] >> 32) +
	       key[3] * (uint32_t)lo[1] + key[4] * (lo[1] >> 32) + key[5] * (uint32_t)hi[0] +
	       key[6] * (hi[0] >> 32) + key[7] * (uint32_t)hi[1] + key[8] * (hi[1] >> 32) +
	       key[9] * ports;
}

static inline uint32_t segment_ports(const struct segment *s)
{
	return (uint32_t)s->port_lo << 16 | s->port_hi;
}

#define PARTITION_BITS 6
#define SEGMENT_PARTITION_AT offsetof(struct segment, partition)
static_assert(offsetof(struct segment, port) == SEGMENT_PARTITION_AT + 1 &&
		      offsetof(struct segment, layer) == SEGMENT_PARTITION_AT + 2 &&
		      offsetof(struct segment, is_quoted) == SEGMENT_PARTITION_AT + 3,
	      "set_hashes() writes them together");

static inline void set_hashes(struct segment *s, uint64_t partition, uint64_t bucket)
{
	/* The top bits of a multilinear sum are its best ones. */
	const uint32_t first = (uint32_t)(partition >> (64 - PARTITION_BITS));

	s->hash = (uint32_t)(bucket >> 32);
	/* And zeros behind it: port, layer and is_quoted, all in one go. */
	__builtin_memcpy((uint8_t *)s + SEGMENT_PARTITION_AT, &first, sizeof(first));
}

/*
 * fast.c: the usual frame in one go. False if it is not one: then nothing is set, and
 * decode_general() has to look at it, which treats every frame.
 */
bool decode_fast(const struct frame *frame, const struct decode_keys *keys,
		 struct segment *segment);
enum fate decode_general(const struct decode_context *context, const struct frame *frame,
			 struct segment *segments, uint32_t *nb);

/* Each of these starts at c->at, and decodes all that is behind it. */

/* link.c: a frame of this link type; IP where the type of it is 4 or 6 (0x0800, 0x86dd). */
enum fate decode_link(struct cursor *c, uint16_t link_type);
enum fate decode_raw(struct cursor *c);
enum fate decode_ip_of_type(struct cursor *c, uint16_t type);
/* link_radio.c: what drivers put in front of 802.11. */
enum fate decode_radiotap(struct cursor *c);
enum fate decode_ppi(struct cursor *c);
enum fate decode_prism(struct cursor *c);
enum fate decode_avs(struct cursor *c);
/* link_old.c */
enum fate decode_fddi(struct cursor *c);
enum fate decode_token_ring(struct cursor *c);
enum fate decode_arcnet(struct cursor *c);
enum fate decode_arcnet_linux(struct cursor *c);
enum fate decode_ipoib(struct cursor *c);
/* link_wan.c */
enum fate decode_chdlc(struct cursor *c);
enum fate decode_frame_relay(struct cursor *c);
/* link_nflog.c */
enum fate decode_nflog(struct cursor *c);
/* link_capture.c: also a frame of any link type inside another one. */
enum fate decode_inner_link(struct cursor *c, uint32_t link_type);
enum fate decode_loop(struct cursor *c);
enum fate decode_null(struct cursor *c);
enum fate decode_enc(struct cursor *c);
enum fate decode_pflog(struct cursor *c);
enum fate decode_ipnet(struct cursor *c);
enum fate decode_pktap(struct cursor *c);
enum fate decode_erf(struct cursor *c);
/* link_bridge.c: Ethernet in something. */
enum fate decode_ipfc(struct cursor *c);
enum fate decode_ap1394(struct cursor *c);
enum fate decode_sunatm(struct cursor *c);
enum fate decode_epon(struct cursor *c);
enum fate decode_mpacket(struct cursor *c);
enum fate decode_docsis(struct cursor *c);
enum fate decode_dsa_broadcom(struct cursor *c);
enum fate decode_dsa_marvell(struct cursor *c);
enum fate decode_dsa_marvell_ether(struct cursor *c);
enum fate decode_dsa_prepended(struct cursor *c);
/* link_juniper.c */
enum fate decode_juniper_mlppp(struct cursor *c);
enum fate decode_juniper_mlfr(struct cursor *c);
enum fate decode_juniper_ggsn(struct cursor *c);
enum fate decode_juniper_atm1(struct cursor *c);
enum fate decode_juniper_atm2(struct cursor *c);
enum fate decode_juniper_services(struct cursor *c);
enum fate decode_juniper_ethernet(struct cursor *c);
enum fate decode_juniper_ppp(struct cursor *c);
enum fate decode_juniper_frame_relay(struct cursor *c);
enum fate decode_juniper_chdlc(struct cursor *c);
enum fate decode_juniper_voice(struct cursor *c);
/*
 * link_80211.c: an IEEE 802.11 frame; how: WLAN_* or 0. Its aggregated MSDUs can make several
 * segments, which keep the tunnel and VLAN that the cursor's segment has.
 */
#define WLAN_PADDED 0x01u  /* the header is padded to a multiple of four bytes */
#define WLAN_FCS 0x02u     /* a frame check sequence is behind it */
#define WLAN_SWAPPED 0x04u /* the bytes of the frame control field are swapped (CAPWAP) */
enum fate decode_80211(struct cursor *c, uint32_t how);
/* ethertype.c: what is behind an Ethernet type; a whole Ethernet frame. */
enum fate decode_ethertype(struct cursor *c, uint16_t type);
enum fate decode_type_or_length(struct cursor *c, uint16_t type);
enum fate decode_ethernet(struct cursor *c);
/* True for the types that are decoded, and those of the usual frames that cannot have IP. */
bool ethertype_is_known(uint16_t type);
/* llc.c: IEEE 802.2; a protocol identifier of ISO 9577. */
enum fate decode_llc(struct cursor *c);
enum fate decode_nlpid(struct cursor *c);
/* tags.c: headers that end in an Ethernet type or frame; type: which of them. */
enum fate decode_tag(struct cursor *c, uint16_t type);
bool tag_is_known(uint16_t type);
/* mpls.c: labels, and a pseudo-wire maybe. */
enum fate decode_mpls(struct cursor *c);
/* ppp.c: the protocol field; the same with address and control bytes, maybe, in front. */
enum fate decode_ppp(struct cursor *c);
enum fate decode_ppp_link(struct cursor *c);
enum fate decode_pppoe(struct cursor *c);
/* ip.c: an IP header of either version; what it carries (payload: bytes by its lengths). */
enum fate decode_ip(struct cursor *c);
enum fate decode_payload(struct cursor *c, uint64_t payload, uint8_t protocol);
/*
 * ip_options.c: what options and extension headers do to the addresses in the IP header. False
 * for what cannot be. is_quoted: then it does not matter. left: bytes of the packet from the
 * options' header on, which has len of them; *jumbo: the length of a jumbogram, else unchanged.
 */
bool read_ipv4_options(uint8_t *header, size_t header_len, bool is_quoted);
bool read_ipv6_options(uint8_t *header, const uint8_t *options, size_t len, size_t left,
		       uint32_t *jumbo);
bool read_ipv6_routing(uint8_t *header, const uint8_t *routing, size_t len);
/* tunnel.c: IPv6 and no other version; protocols of IP that carry frames or packets. */
enum fate decode_ipv6_only(struct cursor *c);
enum fate decode_tunnel(struct cursor *c, uint64_t payload, uint8_t protocol);
/* udp.c: a UDP header. */
enum fate decode_udp(struct cursor *c, uint64_t payload);
/* ipcomp.c: a compressed payload. */
enum fate decode_ipcomp(struct cursor *c);
/* gre.c: a GRE header, in IP or in UDP; what is behind it, by its protocol type and flags. */
enum fate decode_gre(struct cursor *c);
enum fate decode_gre_type(struct cursor *c, uint16_t type, uint16_t flags);
/* overlay.c: networks over UDP, and the network service header (RFC 8300). */
enum fate decode_vxlan(struct cursor *c);
enum fate decode_vxlan_gpe(struct cursor *c);
enum fate decode_geneve(struct cursor *c);
enum fate decode_lisp_data(struct cursor *c);
enum fate decode_lisp_control(struct cursor *c);
enum fate decode_nsh(struct cursor *c);
/* gtp.c: GTP version 1, and 0. */
enum fate decode_gtp(struct cursor *c);
/* l2tp.c: L2TP version 2. */
enum fate decode_l2tp(struct cursor *c);
/* ip_in_udp.c: packets straight behind a few bytes. */
enum fate decode_teredo(struct cursor *c);
enum fate decode_ayiya(struct cursor *c);
enum fate decode_amt(struct cursor *c);
enum fate decode_mobile_ip(struct cursor *c);
enum fate decode_jmirror(struct cursor *c);
/* remote.c: frames sent to who analyses them. */
enum fate decode_tzsp(struct cursor *c);
enum fate decode_sflow(struct cursor *c);
bool is_peekremote(const uint8_t *at, size_t len); /* of a datagram's first bytes */
enum fate decode_peekremote(struct cursor *c);
/* capwap.c: the data channel of access points. */
enum fate decode_capwap(struct cursor *c);
enum fate decode_lwapp(struct cursor *c);
/* icmp.c: an error and what it quotes. */
enum fate decode_icmp(struct cursor *c, uint64_t payload);
enum fate decode_icmpv6(struct cursor *c, uint64_t payload);
/* What is behind IPv6's fixed header in a datagram that was put together. */
enum fate decode_ipv6_payload(struct cursor *c, uint8_t *header, uint64_t payload, uint8_t next);
/*
 * fragment.c: a fragment's payload at c->at, right behind the IPv4 header, or IPv6's fragment
 * header. is_short: it is longer than the frame by its own header.
 */
enum fate decode_ipv4_fragment(struct cursor *c, uint8_t *header, uint64_t payload, bool is_short);
enum fate decode_ipv6_fragment(struct cursor *c, uint8_t *header, uint64_t payload, bool is_short);
/* tcp_header.c: c->at stands on the TCP header, ip_payload bytes by the IP lengths. */
enum fate decode_tcp(struct cursor *c, uint64_t ip_payload);

#endif
