/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_OUTPUT_PRIV_H
#define TCPMILL_ARROW_OUTPUT_PRIV_H

/* Bytes out, all of them or an error: short writes and interrupts are dealt with. */

#include <stddef.h>
#include <stdint.h>

/* 0 or -errno. */
int arrow_write_stream(int fd, const uint8_t *data, size_t len);
int arrow_write_file(int fd, const uint8_t *data, size_t len, uint64_t offset);

#endif
