/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_FILE_NAME_H
#define TCPMILL_FILE_NAME_H

/* Names of rotated files. Time is UTC, in ns since the Unix epoch. */

#include <stddef.h>
#include <stdint.h>

/* When the interval began that this moment lies in; 0 if there are no intervals. */
int64_t file_interval(int64_t now_ns, uint64_t rotate_ns);

/*
 * What the strftime pattern says of that moment; %s, seconds since the epoch, too. 0,
 * -ENAMETOOLONG, or -EINVAL if nothing is left of it.
 */
int file_name_expand(const char *pattern, int64_t ns, char *name, size_t size);

/*
 * The name's nth variant, for when it exists already: "-n" goes before the extension; 0 is
 * the name itself. 0 or -ENAMETOOLONG.
 */
int file_name_variant(const char *base, uint32_t n, char *name, size_t size);

#endif
