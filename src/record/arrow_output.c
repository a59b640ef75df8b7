/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "arrow_output_priv.h"

/* Waits until a stream set to O_NONBLOCK by somebody else takes more. */
static int wait_writable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	return poll(&pfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int arrow_write_stream(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			return -EIO;
		} else if (errno == EAGAIN) {
			const int ret = wait_writable(fd);

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
