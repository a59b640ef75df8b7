/* SPDX-License-Identifier: BSD-3-Clause */

/* Giving up root once the ports are open. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker_priv.h"

int live_become_user(const char *user, char *error, size_t error_size)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL) {
		snprintf(error, error_size, "-Z %s: %s", user,
			 errno != 0 ? strerror(errno) : "there is no such user");
		return -1;
	}
	/* glibc does this for all threads of the process, lcores among them. */
	if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
	    setuid(entry->pw_uid) != 0) {
		snprintf(error, error_size, "-Z %s: cannot become that user: %s", user,
			 strerror(errno));
		return -1;
	}
	return 0;
}
