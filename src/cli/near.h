/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CLI_NEAR_H
#define TCPMILL_CLI_NEAR_H

/* Which known name somebody may have meant. */

#include <stddef.h>

/*
 * How far two names are apart: single-letter changes, a swap of neighbours counting one.
 * Names that begin with or contain the typed one are nearer than their length
 * says. 0 = equal; NEAR_FAR and more = nothing to suggest.
 */
unsigned int near_distance(const char *typed, const char *known);

#define NEAR_FAR 4

#endif
