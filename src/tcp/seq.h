/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TCP_SEQ_H
#define TCPMILL_TCP_SEQ_H

/* Sequence numbers compare modulo 2^32 (RFC 9293 3.4; spec section 1). */

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* At a distance of exactly 2^31 both seq_lt() and seq_gt() hold, as in the spec. */
static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) < 0;
}

#endif
