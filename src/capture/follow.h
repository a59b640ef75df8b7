/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_FOLLOW_H
#define TCPMILL_CAPTURE_FOLLOW_H

/*
 * A file that somebody still writes: its end is only the end so far.
 *
 * It is over when nothing came for the timeout, when it is shorter than what was read, and a
 * moment after its name was given to another file or to none: who writes it may not know yet.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct follow;

/*
 * timeout_ns: 0 = none. is_stopped: see follow_is_stopped(); or NULL. NULL without
 * memory.
 */
struct follow *follow_create(const char *path, uint64_t timeout_ns, bool (*is_stopped)(void));
void follow_destroy(struct follow *follow);

/* So many bytes were read from it. */
void follow_took(struct follow *follow, uint64_t nb);
/* While there is no capture yet that could be stopped. */
bool follow_is_stopped(const struct follow *follow);
/* fd is at the end of the file: true if nothing is to be waited for. */
bool follow_is_over(struct follow *follow, int fd);
/* Why it is over, if not by the timeout or a stop; else NULL. */
const char *follow_trouble(const struct follow *follow);

#endif
