/* SPDX-License-Identifier: BSD-3-Clause */

/* Networks in CIDR notation and the addresses in them. */

#include <arpa/inet.h>
#include <string.h>

#include "show_priv.h"

/* Digits only, no leading zero, at most max. */
static bool parse_prefix(const char *text, unsigned int max, unsigned int *prefix)
{
	unsigned int n = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text >= '0' && *text <= '9' && n <= max; text++)
		n = n * 10 + (unsigned int)(*text - '0');
	if (*text != '\0' || n > max)
		return false;
	*prefix = n;
	return true;
}

/* inet_pton() for text that is not terminated; the family, or 0. */
static unsigned int parse_address(const char *text, size_t len, uint8_t bytes[16])
{
	char buffer[INET6_ADDRSTRLEN];
	int family = memchr(text, ':', len) ? AF_INET6 : AF_INET;

	if (len >= sizeof(buffer))
		return 0;
	memcpy(buffer, text, len);
	buffer[len] = '\0';
	/* A NUL inside would hide what follows it. */
	if (strlen(buffer) != len || inet_pton(family, buffer, bytes) != 1)
		return 0;
	return (unsigned int)family;
}

bool show_network_parse(const char *text, struct show_network *network)
{
	size_t len = strcspn(text, "/");
	unsigned int bits;

	memset(network, 0, sizeof(*network));
	network->family = parse_address(text, len, network->bytes);
	if (network->family == 0)
		return false;
	bits = network->family == AF_INET6 ? 128 : 32;
	network->prefix = bits;
	return text[len] == '\0' || parse_prefix(text + len + 1, bits, &network->prefix);
}

bool show_network_contains(const struct show_network *network, const char *ip, size_t len)
{
	uint8_t bytes[16];
	size_t whole = network->prefix / 8;
	unsigned int rest = network->prefix % 8;

	if (parse_address(ip, len, bytes) != network->family)
		return false;
	if (memcmp(bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}
