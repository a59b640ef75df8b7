/* SPDX-License-Identifier: BSD-3-Clause */

/* IP fragments. */

#include "decode_priv.h"

enum fate decode_ipv4_fragment(struct cursor *c, uint8_t *ip_header, uint64_t payload)
{
	(void)c;
	(void)ip_header;
	(void)payload;
	return FATE_FRAGMENT;
}

enum fate decode_ipv6_fragment(struct cursor *c, uint8_t *ip_header, uint64_t payload)
{
	(void)c;
	(void)ip_header;
	(void)payload;
	return FATE_FRAGMENT;
}
