/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels, tags and link headers around fuzzed packets. */
#include <string.h>

#include "fuzz_carry.h"

#define PROTOCOL_IPV4 4
#define PROTOCOL_UDP 17
#define PROTOCOL_IPV6 41
#define PROTOCOL_GRE 47

#define TYPE_BRIDGED 0x6558
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8

#define PORT_GTP 2152
#define PORT_VXLAN 4789
#define PORT_GENEVE 6081

uint8_t *cargo_put_front(struct cargo *cargo, size_t len)
{
	memmove(cargo->bytes + len, cargo->bytes, cargo->len);
	memset(cargo->bytes, 0, len);
	cargo->len += len;
	return cargo->bytes;
}

void cargo_wrap_ip(struct fuzz *fuzz, struct cargo *cargo, uint8_t version, uint8_t protocol)
{
	const size_t inside = cargo_len(cargo);
	const uint8_t near = (uint8_t)(1 + fuzz_below(fuzz, 3)), far = (uint8_t)(near + 10);
	uint8_t *at = cargo_put_front(cargo, version == 6 ? 40 : 20);

	if (version == 6) {
		at[0] = 0x60;
		cargo_store16(at + 4, inside);
		at[6] = protocol;
		at[7] = 64;
		at[8] = at[24] = 0xfd;
		at[23] = near;
		at[39] = far;
		cargo->type = CARGO_IPV6;
		return;
	}
	at[0] = 0x45;
	cargo_store16(at + 2, inside + 20);
	cargo_store16(at + 4, fuzz_below(fuzz, 16));
	at[8] = 64;
	at[9] = protocol;
	memcpy(at + 12, (const uint8_t[]){192, 0, 2, near}, 4);
	memcpy(at + 16, (const uint8_t[]){192, 0, 2, far}, 4);
	cargo->type = CARGO_IPV4;
}

static void wrap_any_ip(struct fuzz *fuzz, struct cargo *cargo, uint8_t protocol)
{
	cargo_wrap_ip(fuzz, cargo, fuzz_chance(fuzz, 700) ? 4 : 6, protocol);
}

static void wrap_udp(struct fuzz *fuzz, struct cargo *cargo, uint16_t port)
{
	const size_t inside = cargo_len(cargo);
	uint8_t *at = cargo_put_front(cargo, 8);

	cargo_store16(at, 49152 + fuzz_below(fuzz, 8));
	cargo_store16(at + 2, port);
	cargo_store16(at + 4, inside + 8);
	wrap_any_ip(fuzz, cargo, PROTOCOL_UDP);
}

void cargo_wrap_ethernet(struct fuzz *fuzz, struct cargo *cargo)
{
	const uint16_t type = cargo->type;
	uint8_t *at;

	if (type == CARGO_FRAME)
		return;
	at = cargo_put_front(cargo, 14);
	at[0] = at[6] = 0x02;
	at[5] = (uint8_t)fuzz_below(fuzz, 4);
	at[11] = (uint8_t)(4 + fuzz_below(fuzz, 4));
	cargo_store16(at + 12, type);
	cargo->type = CARGO_FRAME;
}

/* flags: which of checksum, key and sequence number are there (RFC 2784, RFC 2890). */
static void wrap_gre(struct fuzz *fuzz, struct cargo *cargo, uint8_t flags)
{
	const uint16_t type = cargo->type == CARGO_FRAME ? TYPE_BRIDGED : cargo->type;
	const size_t len = 4 + 4u * (flags >> 7) + 4u * (flags >> 5 & 1) + 4u * (flags >> 4 & 1);
	uint8_t *at = cargo_put_front(cargo, len);

	at[0] = flags;
	cargo_store16(at + 2, type);
	wrap_any_ip(fuzz, cargo, PROTOCOL_GRE);
}

static void wrap_vxlan(struct fuzz *fuzz, struct cargo *cargo)
{
	uint8_t *at;

	cargo_wrap_ethernet(fuzz, cargo);
	at = cargo_put_front(cargo, 8);
	at[0] = 0x08;
	at[6] = (uint8_t)fuzz_below(fuzz, 4);
	wrap_udp(fuzz, cargo, PORT_VXLAN);
}

static void wrap_geneve(struct fuzz *fuzz, struct cargo *cargo)
{
	const uint16_t type = cargo->type == CARGO_FRAME ? TYPE_BRIDGED : cargo->type;
	const unsigned words = fuzz_below(fuzz, 3) * 2; /* options of 8 bytes each */
	uint8_t *at = cargo_put_front(cargo, 8 + 4u * words);
	unsigned i;

	at[0] = (uint8_t)words;
	cargo_store16(at + 2, type);
	for (i = 0; i < words; i += 2)
		at[8 + 4u * i + 3] = 1;
	wrap_udp(fuzz, cargo, PORT_GENEVE);
}

static void wrap_gtp(struct fuzz *fuzz, struct cargo *cargo)
{
	const size_t more = fuzz_chance(fuzz, 300) ? 4 : 0; /* with a sequence number */
	const size_t inside = cargo_len(cargo);
	uint8_t *at = cargo_put_front(cargo, 8 + more);

	at[0] = more != 0 ? 0x32 : 0x30;
	at[1] = 0xff; /* a packet of the user */
	cargo_store16(at + 2, inside + more);
	at[7] = 7;
	wrap_udp(fuzz, cargo, PORT_GTP);
}

static void wrap_mpls(struct fuzz *fuzz, struct cargo *cargo)
{
	const unsigned nb = 1 + fuzz_below(fuzz, 3);
	uint8_t *at = cargo_put_front(cargo, (size_t)4 * nb);
	unsigned i;

	for (i = 0; i < nb; i++) {
		cargo_store16(at + 4 * i, 1 + fuzz_below(fuzz, 1000));
		at[4 * i + 2] = i + 1 == nb;
		at[4 * i + 3] = 64;
	}
	cargo->type = CARGO_MPLS;
}

static void wrap_pppoe(struct cargo *cargo)
{
	const size_t inside = cargo_len(cargo);
	const bool is_ipv6 = cargo->type == CARGO_IPV6;
	uint8_t *at = cargo_put_front(cargo, 8);

	at[0] = 0x11;
	at[3] = 1;
	cargo_store16(at + 4, inside + 2);
	at[7] = is_ipv6 ? 0x57 : 0x21;
	cargo->type = CARGO_PPPOE;
}

static void wrap_tag(struct fuzz *fuzz, struct cargo *cargo, uint16_t type)
{
	const uint16_t inside = cargo->type;
	uint8_t *at = cargo_put_front(cargo, 4);

	cargo_store16(at, 1 + fuzz_below(fuzz, 20));
	cargo_store16(at + 2, inside);
	cargo->type = type;
}

void cargo_wrap_tunnel(struct fuzz *fuzz, struct cargo *cargo, unsigned kind)
{
	const uint8_t protocol = cargo->type == CARGO_IPV6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4;

	switch (kind) {
	case 0:
		wrap_gre(fuzz, cargo, 0);
		break;
	case 1:
		wrap_gre(fuzz, cargo, (uint8_t)(0xb0 & fuzz_random(fuzz)));
		break;
	case 2:
		cargo_wrap_ethernet(fuzz, cargo);
		wrap_gre(fuzz, cargo, 0x20);
		break;
	case 3:
		cargo_wrap_ip(fuzz, cargo, 4, protocol);
		break;
	case 4:
		cargo_wrap_ip(fuzz, cargo, 6, protocol);
		break;
	case 5:
		wrap_vxlan(fuzz, cargo);
		break;
	case 6:
		wrap_geneve(fuzz, cargo);
		break;
	case 7:
		wrap_gtp(fuzz, cargo);
		break;
	case 8:
		wrap_mpls(fuzz, cargo);
		break;
	case 9:
		wrap_pppoe(cargo);
		break;
	case 10:
		wrap_tag(fuzz, cargo, TYPE_VLAN);
		break;
	case 11:
		wrap_tag(fuzz, cargo, TYPE_VLAN);
		wrap_tag(fuzz, cargo, TYPE_QINQ);
		break;
	default: /* two of those that end in IP */
		cargo_wrap_tunnel(fuzz, cargo, fuzz_below(fuzz, 8));
		cargo_wrap_tunnel(fuzz, cargo, fuzz_below(fuzz, 8));
		break;
	}
}
