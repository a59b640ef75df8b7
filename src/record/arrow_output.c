/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "arrow_output_priv.h"

#define LOOK_MS 100 /* so often is looked whether to give up */

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Waits until a stream takes something: for ever, or until it is time to give up. */
static int wait_writable(int fd, const _Atomic int64_t *give_up_ns)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int ret;

	do {
		if (give_up_ns &&
		    monotonic_ns() >= atomic_load_explicit(give_up_ns, memory_order_relaxed))
			return -ETIMEDOUT;
		ret = poll(&pfd, 1, give_up_ns ? LOOK_MS : -1);
		if (ret < 0 && errno != EINTR)
			return -errno;
	} while (ret <= 0);
	return 0;
}

/*
 * Whoever may give up writes no more at a time than a pipe takes whole once it takes
 * anything. O_NONBLOCK would be simpler, but it is not ours to set: others, a shell or
 * our own stderr, may share the open file.
 */
int arrow_write_stream(int fd, const uint8_t *data, size_t len, const _Atomic int64_t *give_up_ns)
{
	while (len > 0) {
		int ret = give_up_ns ? wait_writable(fd, give_up_ns) : 0;
		ssize_t n;

		if (ret)
			return ret;
		n = write(fd, data, give_up_ns && len > PIPE_BUF ? PIPE_BUF : len);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			return -EIO;
		} else if (errno == EAGAIN) {
			/* Somebody else has set it to O_NONBLOCK. */
			ret = wait_writable(fd, give_up_ns);
			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int arrow_write_file(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		const ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
			offset += (uint64_t)n;
		} else if (n == 0) {
			return -EIO;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}
