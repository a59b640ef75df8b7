/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP errors, and the TCP headers they quote. */

#include "decode_priv.h"

enum fate decode_icmp(struct cursor *c, uint64_t payload)
{
	(void)c;
	(void)payload;
	return FATE_NOT_TCP;
}

enum fate decode_icmpv6(struct cursor *c, uint64_t payload)
{
	(void)c;
	(void)payload;
	return FATE_NOT_TCP;
}
