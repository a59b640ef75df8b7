/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_TEXT_PRIV_H
#define TCPMILL_TEXT_PRIV_H

/* Text forms of what records hold. */

#include <stddef.h>

struct record_address;

/* Room for any address, and a little more because the writer stores in steps of four bytes. */
#define TEXT_ADDRESS_ROOM 48

/*
 * Writes the address as inet_ntop(3) does (RFC 5952 for IPv6), without a NUL;
 * its length. An address that is neither version 4 nor 6 is empty.
 */
size_t text_put_address(char *out, const struct record_address *address);

#endif
