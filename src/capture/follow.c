/* SPDX-License-Identifier: BSD-3-Clause */

/* See follow.h. */

#include "follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "capture_priv.h"

#define NS_PER_S UINT64_C(1000000000)
#define LOOK_NS (NS_PER_S / 10) /* between looks at the file */
#define GRACE_NS NS_PER_S       /* without growth, of a file that lost its name */

struct follow {
	const char *path;
	uint64_t timeout_ns;
	bool (*is_stopped)(void);
	uint64_t nb_read;
	uint64_t grown_ns;  /* when it last had something; monotonic */
	uint64_t looked_ns; /* when it was last looked at */
	uint64_t gone_ns;   /* since when its name is not its own; 0 = it is */
	char trouble[160];
};

struct follow *follow_create(const char *path, uint64_t timeout_ns, bool (*is_stopped)(void))
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (follow == NULL)
		return NULL;
	follow->path = path;
	follow->timeout_ns = timeout_ns;
	follow->is_stopped = is_stopped;
	follow->grown_ns = waiting_now_ns();
	return follow;
}

void follow_destroy(struct follow *follow)
{
	free(follow);
}

void follow_took(struct follow *follow, uint64_t nb)
{
	follow->nb_read += nb;
	follow->grown_ns = waiting_now_ns();
}

/* True when the file whose name is another's by now has not grown for a while. */
static bool is_gone(struct follow *follow, const struct stat *own, uint64_t now_ns)
{
	struct stat named;
	const bool is_there = stat(follow->path, &named) == 0;

	if (is_there && named.st_dev == own->st_dev && named.st_ino == own->st_ino) {
		follow->gone_ns = 0;
		return false;
	}
	if (follow->gone_ns == 0)
		follow->gone_ns = now_ns;
	if (now_ns - follow->gone_ns < GRACE_NS || now_ns - follow->grown_ns < GRACE_NS)
		return false;
	snprintf(follow->trouble, sizeof(follow->trouble), "%s",
		 is_there ? "another file has this name now, and this one grows no more: follow "
			    "the other to go on"
			  : "the file was deleted or renamed, and grows no more");
	return true;
}

bool follow_is_over(struct follow *follow, int fd)
{
	const uint64_t now_ns = waiting_now_ns();
	struct stat own;

	if (now_ns - follow->looked_ns < LOOK_NS)
		return false;
	follow->looked_ns = now_ns;
	if (fstat(fd, &own) != 0)
		return false;
	if ((uint64_t)own.st_size < follow->nb_read) {
		snprintf(follow->trouble, sizeof(follow->trouble),
			 "expected the file to grow, it has only %" PRIu64
			 " bytes now: start again to read it anew",
			 (uint64_t)own.st_size);
		return true;
	}
	/* It has grown since it was read to its end: nothing is over before that was read, too. */
	if ((uint64_t)own.st_size > follow->nb_read)
		return false;
	if (is_gone(follow, &own, now_ns))
		return true;
	return follow->timeout_ns != 0 && now_ns - follow->grown_ns >= follow->timeout_ns;
}

bool follow_is_stopped(const struct follow *follow)
{
	return follow->is_stopped != NULL && follow->is_stopped();
}

const char *follow_trouble(const struct follow *follow)
{
	return follow->trouble[0] != '\0' ? follow->trouble : NULL;
}
