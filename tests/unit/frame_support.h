/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FRAME_SUPPORT_H
#define TESTS_FRAME_SUPPORT_H

/*
 * Frames byte by byte for the tests of decode, and the usual segment in them:
 *
 *   10.0.0.1 (or 2001:db8::1) port 40000 > 10.0.0.2 (2001:db8::2) port 80,
 *   seq 0x01020304, ack 0x05060708, PSH+ACK, window 0x1234, checksum 0xabcd,
 *   TTL 61, IPv4 identification 0x04d2, no options, payload "hello".
 *
 * Everything is in network order: struct bytes must have big_endian set.
 */

#include "capture_support.h"
#include "tcpmill/decode.h"

#define FRAME                                                                                      \
	{                                                                                          \
		.big_endian = true                                                                 \
	}

#define LINK_ETHERNET 1
#define LINK_RAW 101

#define PROTO_TCP 6
#define PROTO_UDP 17

/* Addresses and an ethertype. */
void put_ethernet(struct bytes *b, uint16_t type);
/* Header, with options if len is not 0; the end function sets the total length. */
size_t ipv4_begin(struct bytes *b, uint8_t protocol, const void *options, size_t len);
void ipv4_end(struct bytes *b, size_t at);
size_t ipv6_begin(struct bytes *b, uint8_t next);
void ipv6_end(struct bytes *b, size_t at);
/* An extension header of len bytes (a multiple of 8), filled from data. */
void put_extension(struct bytes *b, uint8_t next, size_t len, const void *data, size_t nb);
/* The usual segment, alone and in IP: 25, 45 and 65 bytes. */
void put_tcp(struct bytes *b);
/* With options, and as many zero bytes of payload. */
void put_tcp_options(struct bytes *b, const void *options, size_t len, size_t payload_len);
void put_ipv4_tcp(struct bytes *b);
void put_ipv6_tcp(struct bytes *b);
void set8(struct bytes *b, size_t at, uint8_t value);
void set16(struct bytes *b, size_t at, uint16_t value);

/* What became of a frame; data is a copy that is exactly as long as was captured. */
struct decoded {
	enum fate fate;
	struct segment segment; /* the first one */
	uint32_t nb;
	uint64_t nb_unread;
	uint8_t *data;
	size_t ip_at;                  /* of the IP header, if tracked */
	struct reassembly *reassembly; /* holds the frame's fragments */
};

struct decoded decode_cut(const struct bytes *b, uint16_t link_type, size_t caplen,
			  uint32_t wire_len);
/* All was captured. */
struct decoded decode_all(const struct bytes *b, uint16_t link_type);
void decoded_fini(struct decoded *d);

/* These also empty the frame. */
void assert_fate(struct bytes *b, uint16_t link_type, enum fate fate);
/* The usual segment, in the last 45 bytes (IPv4) or in the last 65 (IPv6). */
void assert_usual(struct bytes *b, uint16_t link_type, enum tunnel tunnel, uint16_t vlan);
/* Its TCP part, wherever IP is. */
void assert_usual_tcp(const struct segment *s);

#endif
