/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_RIGHTS_H
#define TCPMILL_RIGHTS_H

/*
 * What the process asks the kernel to deny it from now on, for whoever takes it over through
 * a hostile file: programs, sockets, other processes, mounts, and files to write.
 *
 * A seccomp filter, because it reaches every thread that already runs: those that decompress
 * start when captures are opened, and Landlock rules hold for the calling thread and its children
 * only. What is denied fails with EPERM. Reading files stays allowed: inputs are opened late.
 */

#include <stdbool.h>

enum rights {
	RIGHTS_ALL,  /* nothing is given up */
	RIGHTS_READ, /* reads files, writes to what is open and renames it */
	RIGHTS_MAKE, /* makes, links and removes files, too */
};

/*
 * For good, for all threads. False where it is not done: the kernel has no seccomp, somebody
 * filters already what would be needed, or a sanitizer that needs those calls is built in.
 */
bool rights_keep_only(enum rights rights);

#endif
