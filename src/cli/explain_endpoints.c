/* SPDX-License-Identifier: BSD-3-Clause */

/* The two ends of a connection as people type them: "10.0.0.1:1234-10.0.0.2:80". */

#include <arpa/inet.h>
#include <string.h>

#include "explain_priv.h"

static const char expected[] = "expected A:PORT-B:PORT, an IPv6 address in brackets";

/* "10.0.0.1:80" or "[2001:db8::1]:80", len bytes of it. */
static bool parse_endpoint(const char *text, size_t len, struct explain_endpoint *endpoint)
{
	const bool in_brackets = len > 0 && text[0] == '[';
	const char *colon = memrchr(text, ':', len);
	char address[INET6_ADDRSTRLEN], port[8];
	size_t address_len, port_len;
	uint64_t number;

	if (colon == NULL)
		return false;
	address_len = (size_t)(colon - text);
	port_len = len - address_len - 1;
	if (in_brackets) {
		if (address_len < 2 || colon[-1] != ']')
			return false;
		text++;
		address_len -= 2;
	}
	if (address_len >= sizeof(address) || port_len >= sizeof(port))
		return false;
	memcpy(address, text, address_len);
	address[address_len] = '\0';
	memcpy(port, colon + 1, port_len);
	port[port_len] = '\0';
	if (parse_count_between(port, 0, UINT16_MAX, &number) != NULL)
		return false;
	*endpoint = (struct explain_endpoint){.port = (uint16_t)number};
	endpoint->address.version = in_brackets ? 6 : 4;
	return inet_pton(in_brackets ? AF_INET6 : AF_INET, address, endpoint->address.bytes) == 1;
}

const char *explain_parse_endpoints(const char *text, struct explain_endpoint endpoints[2])
{
	const char *dash = strchr(text, '-');

	if (dash == NULL || !parse_endpoint(text, (size_t)(dash - text), &endpoints[0]) ||
	    !parse_endpoint(dash + 1, strlen(dash + 1), &endpoints[1]))
		return expected;
	if (endpoints[0].address.version != endpoints[1].address.version)
		return "expected two addresses of one kind, IPv4 or IPv6";
	return NULL;
}
