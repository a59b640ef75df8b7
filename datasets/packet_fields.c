/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling in a packet: addresses and TCP options. */
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void store16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void store32(uint8_t *at, uint32_t value)
{
	store16(at, value >> 16);
	store16(at + 2, value & 0xffff);
}

void packet_init(struct packet *packet, uint8_t version)
{
	memset(packet, 0, sizeof(*packet));
	packet->version = version;
	packet->protocol = PACKET_PROTOCOL_TCP;
	packet->ttl = 64;
	packet->window = 65535;
}

int packet_set_addresses(struct packet *packet, const char *src, const char *dst)
{
	int family = packet->version == 6 ? AF_INET6 : AF_INET;

	if (inet_pton(family, src, packet->src) != 1 || inet_pton(family, dst, packet->dst) != 1)
		return -EINVAL;
	return 0;
}

int packet_add_option(struct packet *packet, uint8_t kind, const uint8_t *value, size_t len)
{
	uint8_t *at = packet->options + packet->options_len;

	if (packet->options_len + 2 + len > PACKET_OPTIONS_MAX)
		return -ENOSPC;
	at[0] = kind;
	at[1] = (uint8_t)(2 + len);
	if (len != 0)
		memcpy(at + 2, value, len);
	packet->options_len = (uint8_t)(packet->options_len + 2 + len);
	return 0;
}

int packet_add_mss(struct packet *packet, uint16_t mss)
{
	uint8_t value[2];

	store16(value, mss);
	return packet_add_option(packet, 2, value, sizeof(value));
}

int packet_add_wscale(struct packet *packet, uint8_t shift)
{
	return packet_add_option(packet, 3, &shift, 1);
}

int packet_add_sack_ok(struct packet *packet)
{
	return packet_add_option(packet, 4, NULL, 0);
}

int packet_add_nops(struct packet *packet, size_t nb)
{
	if (packet->options_len + nb > PACKET_OPTIONS_MAX)
		return -ENOSPC;
	memset(packet->options + packet->options_len, 1, nb);
	packet->options_len = (uint8_t)(packet->options_len + nb);
	return 0;
}

int packet_add_timestamps(struct packet *packet, uint32_t value, uint32_t echo)
{
	uint8_t bytes[8];

	store32(bytes, value);
	store32(bytes + 4, echo);
	return packet_add_option(packet, 8, bytes, sizeof(bytes));
}

int packet_add_sack(struct packet *packet, const uint32_t (*edges)[2], size_t nb_blocks)
{
	uint8_t bytes[PACKET_OPTIONS_MAX];
	size_t i;

	if (nb_blocks * 8 + 2 > sizeof(bytes))
		return -ENOSPC;
	for (i = 0; i < nb_blocks; i++) {
		store32(bytes + 8 * i, edges[i][0]);
		store32(bytes + 8 * i + 4, edges[i][1]);
	}
	return packet_add_option(packet, 5, bytes, 8 * nb_blocks);
}

int packet_add_fast_open(struct packet *packet, const uint8_t *cookie, size_t cookie_len)
{
	return packet_add_option(packet, 34, cookie, cookie_len);
}
