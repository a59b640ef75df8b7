/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_OUTPUT_PRIV_H
#define TCPMILL_ARROW_OUTPUT_PRIV_H

/* Bytes out, all of them or an error: short writes and interrupts are dealt with. */

#include <stddef.h>
#include <stdint.h>

/*
 * 0 or -errno. With give_up_ns the call never blocks longer than until then (CLOCK_MONOTONIC),
 * also when that is changed meanwhile: -ETIMEDOUT. NULL: it waits for ever.
 */
int arrow_write_stream(int fd, const uint8_t *data, size_t len, const _Atomic int64_t *give_up_ns);
int arrow_write_file(int fd, const uint8_t *data, size_t len, uint64_t offset);

#endif
