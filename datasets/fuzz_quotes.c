/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors that quote fuzzed packets: of any length, with and without that of RFC 4884. */
#include <string.h>

#include "fuzz_carry.h"

#define PROTOCOL_ICMP 1
#define PROTOCOL_ICMPV6 58

static size_t quote_len(struct fuzz *fuzz, const struct cargo *packet)
{
	static const size_t usual[] = {28, 36, 40, 48, 60, 64, 80, 128, 548, 1232};
	size_t len = packet->len;

	if (fuzz_chance(fuzz, 300))
		len = usual[fuzz_below(fuzz, sizeof(usual) / sizeof(usual[0]))];
	else if (fuzz_chance(fuzz, 300))
		len = 20 + fuzz_below(fuzz, 90);
	return len < packet->len ? len : packet->len;
}

/* Words of the quoted packet that the header tells, 0 mostly; and extensions behind it. */
static unsigned add_extensions(struct fuzz *fuzz, struct cargo *error)
{
	static const uint8_t extensions[] = {0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 1, 0x40};
	static const uint8_t words[] = {8, 9, 10, 12, 16, 17, 32, 33, 128, 255};
	const unsigned said = words[fuzz_below(fuzz, sizeof(words))];

	if (fuzz_chance(fuzz, 700))
		return 0;
	if (fuzz_chance(fuzz, 600) && error->len <= 4u * said) {
		error->len = 4u * said; /* with zeros up to there */
		memcpy(error->bytes + error->len, extensions, sizeof(extensions));
		error->len += sizeof(extensions);
	}
	return said;
}

static uint8_t error_type(struct fuzz *fuzz, bool is_ipv6)
{
	static const uint8_t types[2][8] = {{3, 3, 3, 4, 5, 11, 11, 12}, {1, 1, 2, 2, 3, 3, 4, 5}};

	return fuzz_chance(fuzz, 10) ? (uint8_t)fuzz_random(fuzz)
				     : types[is_ipv6][fuzz_below(fuzz, 8)];
}

void cargo_quote(struct fuzz *fuzz, const struct cargo *packet, struct cargo *error)
{
	const bool is_ipv6 = packet->type == CARGO_IPV6;
	unsigned words;
	uint8_t *at;

	memset(error, 0, sizeof(*error));
	error->len = quote_len(fuzz, packet);
	memcpy(error->bytes, packet->bytes, error->len);
	if (error->len == packet->len)
		error->more = packet->more;
	words = error->more == 0 ? add_extensions(fuzz, error) : 0;
	at = cargo_put_front(error, 8);
	at[0] = error_type(fuzz, is_ipv6);
	at[1] = (uint8_t)fuzz_below(fuzz, 4);
	at[is_ipv6 ? 4 : 5] = (uint8_t)words;
	cargo_wrap_ip(fuzz, error, is_ipv6 ? 6 : 4, is_ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
	/* To who sent it. */
	if (is_ipv6)
		memcpy(error->bytes + 24, packet->bytes + 8, 16);
	else
		memcpy(error->bytes + 16, packet->bytes + 12, 4);
}
