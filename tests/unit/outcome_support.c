/* SPDX-License-Identifier: BSD-3-Clause */

/* Compressed images, read with one thread and with several. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/capture/decompress.h"
#include "outcome_support.h"

void put_lines(struct bytes *b, size_t len)
{
	static const char words[] = "stream frame segment window retransmission capture of the ";
	uint32_t random = 1;

	while (b->len < len) {
		random = random * 1103515245u + 12345u;
		put_raw(b, words + (random >> 16) % 40, 1 + (random >> 24) % 16);
	}
	b->len = len;
}

/* Most images here hold little; a damaged block of bzip2 may give 46 MB. */
static size_t make_room(struct outcome *outcome)
{
	if (outcome->len == outcome->room) {
		outcome->room = outcome->room == 0 ? 1u << 20 : 2 * outcome->room;
		outcome->out = realloc(outcome->out, outcome->room);
		assert_non_null(outcome->out);
	}
	return outcome->room - outcome->len;
}

static void read_from(struct outcome *outcome, int fd, bool is_pipe, uint32_t nb_threads)
{
	struct decompressor d;
	ssize_t n;

	*outcome = (struct outcome){0};
	assert_true(decompressor_init(&d, fd, is_pipe, NULL, 0));
	d.limits.nb_threads = nb_threads;
	do {
		const size_t room = make_room(outcome);

		n = decompressor_read(&d, outcome->out + outcome->len, room);
		outcome->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	outcome->taken = decompressor_taken(&d);
	memcpy(outcome->error, d.error, sizeof(outcome->error));
	decompressor_fini(&d);
	close(fd);
}

void outcome_read(struct outcome *outcome, const struct bytes *packed, uint32_t nb_threads)
{
	const int fd = memfd_create("packed", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, packed->data, packed->len), packed->len);
	read_from(outcome, fd, false, nb_threads);
}

struct writer {
	int fd;
	const uint8_t *data;
	size_t len;
	bool closes;
};

static void *write_all(void *context)
{
	const struct writer *writer = context;
	size_t len = 0;

	while (len < writer->len) {
		const ssize_t n = write(writer->fd, writer->data + len, writer->len - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	if (writer->closes)
		close(writer->fd);
	return NULL;
}

void outcome_read_broken(struct outcome *outcome, const struct bytes *packed, uint32_t nb_threads)
{
	struct writer writer = {.data = packed->data, .len = packed->len, .closes = true};
	pthread_t thread;
	int fds[2];

	/* The other side closes with a byte that it has not read: a connection that was reset. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], "x", 1), 1);
	writer.fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, write_all, &writer), 0);
	read_from(outcome, fds[0], true, nb_threads);
	pthread_join(thread, NULL);
}

void outcome_read_each_way(struct outcome *alone, const struct bytes *packed)
{
	static const uint32_t threads[] = {2, 5};

	outcome_read(alone, packed, 1);
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct outcome crew;

		outcome_read(&crew, packed, threads[i]);
		assert_same_outcome(alone, &crew);
		outcome_fini(&crew);
	}
}

void outcome_fini(struct outcome *outcome)
{
	free(outcome->out);
	*outcome = (struct outcome){0};
}

void assert_same_outcome(const struct outcome *a, const struct outcome *b)
{
	assert_string_equal(a->error, b->error);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->out, b->out, a->len);
	assert_int_equal(a->taken, b->taken);
}

void assert_whole(const struct bytes *packed, const struct bytes *plain)
{
	struct outcome outcome;

	outcome_read_each_way(&outcome, packed);
	assert_string_equal(outcome.error, "");
	assert_int_equal(outcome.len, plain->len);
	assert_memory_equal(outcome.out, plain->data, plain->len);
	assert_int_equal(outcome.taken, packed->len);
	outcome_fini(&outcome);
}

static void read_pipe(int fd, uint32_t nb_threads, uint8_t *out, size_t want)
{
	struct decompressor d;
	size_t len = 0;

	assert_true(decompressor_init(&d, fd, true, NULL, 0));
	d.limits.nb_threads = nb_threads;
	while (len < want) {
		const ssize_t n = decompressor_read(&d, out + len, want - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	decompressor_fini(&d);
}

void assert_not_held_back(const struct bytes *packed, size_t nb_written, const struct bytes *plain,
			  size_t len)
{
	for (uint32_t nb_threads = 1; nb_threads < 4; nb_threads++) {
		struct writer writer = {.data = packed->data, .len = nb_written};
		uint8_t *out = malloc(len);
		pthread_t thread;
		int fds[2];

		assert_non_null(out);
		assert_int_equal(pipe(fds), 0);
		writer.fd = fds[1];
		assert_int_equal(pthread_create(&thread, NULL, write_all, &writer), 0);
		read_pipe(fds[0], nb_threads, out, len);
		assert_memory_equal(out, plain->data, len);
		pthread_join(thread, NULL);
		close(fds[0]);
		close(fds[1]);
		free(out);
	}
}
