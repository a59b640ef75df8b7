/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages into a file or a stream. In a file each message is committed by
 * writing its first 8 bytes last: until then readers meet four zero bytes where
 * a message would start, which means the end, so a process killed at any moment
 * leaves a table that opens cleanly with every batch committed before.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tcpmill/arrow.h>
#include <tcpmill/record.h>

#include "arrow_footer_priv.h"
#include "arrow_output_priv.h"
#include "arrow_priv.h"
#include "flatbuffer_priv.h"

struct arrow_writer {
	const struct table_format *format;
	struct arrow_kv *metadata; /* strings owned */
	size_t nb_metadata;
	char *path;      /* what the caller asked for */
	char *part_path; /* what is written until it is renamed; same as path in a stream */
	int fd;
	bool is_stream;
	bool owns_fd;
	struct arrow_writer_options options;
	int error;       /* sticky */
	uint64_t offset; /* committed bytes; where the next message goes */
	struct arrow_blocks dictionaries, batches;
};

static int sticky(struct arrow_writer *writer, int error)
{
	if (!writer->error)
		writer->error = error;
	return writer->error;
}

/* ---- bytes ------------------------------------------------------------- */

/* Appends len >= 8 bytes; in a file the first 8 appear last. */
static int commit_bytes(struct arrow_writer *writer, const uint8_t *data, size_t len)
{
	int ret;

	if (writer->error)
		return writer->error;
	if (writer->is_stream) {
		ret = arrow_write_stream(writer->fd, data, len, writer->options.give_up_ns);
	} else {
		ret = arrow_write_file(writer->fd, data + ARROW_PREFIX_LEN, len - ARROW_PREFIX_LEN,
				       writer->offset + ARROW_PREFIX_LEN);
		if (!ret)
			ret = arrow_write_file(writer->fd, data, ARROW_PREFIX_LEN, writer->offset);
	}
	if (ret)
		return sticky(writer, ret);
	writer->offset += len;
	return 0;
}

/* Writes a message that the footer will point to. */
static int commit_message(struct arrow_writer *writer, const struct arrow_message *msg,
			  struct arrow_blocks *list)
{
	const struct arrow_block block = {writer->offset, msg->metadata_len, msg->body_len};
	int ret = writer->error;

	if (!ret && !writer->is_stream)
		ret = arrow_blocks_add(list, &block);
	if (ret)
		return sticky(writer, ret);
	return commit_bytes(writer, msg->data, msg->len);
}

/* ---- opening ----------------------------------------------------------- */

static int copy_metadata(struct arrow_writer *writer, const struct arrow_kv *metadata, size_t nb)
{
	if (nb == 0)
		return 0;
	writer->metadata = calloc(nb, sizeof(*writer->metadata));
	if (!writer->metadata)
		return -ENOMEM;
	writer->nb_metadata = nb;
	for (size_t i = 0; i < nb; i++) {
		if (!metadata[i].value)
			return -ENOMEM;
		writer->metadata[i].key = strdup(metadata[i].key);
		writer->metadata[i].value = strdup(metadata[i].value);
		if (!writer->metadata[i].key || !writer->metadata[i].value)
			return -ENOMEM;
	}
	return 0;
}

static void free_text(const char *text)
{
	union {
		const char *borrowed;
		void *owned;
	} u = {.borrowed = text};

	free(u.owned);
}

static void destroy(struct arrow_writer *writer)
{
	for (size_t i = 0; i < writer->nb_metadata; i++) {
		free_text(writer->metadata[i].key);
		free_text(writer->metadata[i].value);
	}
	free(writer->metadata);
	arrow_blocks_fini(&writer->dictionaries);
	arrow_blocks_fini(&writer->batches);
	if (writer->part_path != writer->path)
		free(writer->part_path);
	free(writer->path);
	free(writer);
}

/* Opens something that is no regular file: a FIFO, a device. */
static int open_stream(struct arrow_writer *writer)
{
	writer->is_stream = true;
	writer->part_path = writer->path;
	writer->fd = open(writer->path, O_WRONLY | O_CLOEXEC | O_NOCTTY |
						(writer->options.give_up_ns ? O_NONBLOCK : 0));
	return writer->fd < 0 ? -errno : 0;
}

/* Whoever has made the .part owns the name; somebody may have been through just before. */
static bool name_is_taken(const struct arrow_writer *writer)
{
	struct stat st;

	return writer->options.is_new && lstat(writer->path, &st) == 0;
}

static int open_part(struct arrow_writer *writer)
{
	const int how = writer->options.is_new ? O_EXCL : O_TRUNC;
	struct stat st;
	int ret;

	if (asprintf(&writer->part_path, "%s.part", writer->path) < 0) {
		writer->part_path = NULL;
		return -ENOMEM;
	}
	/* Neither follow a link nor hang on a FIFO that somebody left under this name. */
	writer->fd = open(writer->part_path,
			  O_WRONLY | O_CREAT | how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
	if (writer->fd < 0)
		return -errno;
	if (name_is_taken(writer)) {
		unlink(writer->part_path);
		return -EEXIST;
	}
	if (fstat(writer->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		ret = arrow_write_file(writer->fd, (const uint8_t *)ARROW_MAGIC, ARROW_MAGIC_LEN,
				       0);
		writer->offset = ARROW_MAGIC_LEN;
		if (ret)
			unlink(writer->part_path);
		return ret;
	}
	return -EEXIST;
}

static int open_output(struct arrow_writer *writer)
{
	struct stat st;

	if (strcmp(writer->path, "-") == 0) {
		writer->is_stream = true;
		writer->part_path = writer->path;
		writer->fd = STDOUT_FILENO;
		return 0;
	}
	writer->owns_fd = true;
	if (writer->path[0] == '\0')
		return -ENOENT;
	if (name_is_taken(writer))
		return -EEXIST;
	if (stat(writer->path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		if (!S_ISREG(st.st_mode))
			return open_stream(writer);
	}
	return open_part(writer);
}

/* Writes the schema and every dictionary. */
static int start_table(struct arrow_writer *writer)
{
	struct arrow_message msg;
	int ret = arrow_schema_message(writer->format, writer->metadata, writer->nb_metadata, &msg);

	if (!ret) {
		ret = commit_bytes(writer, msg.data, msg.len);
		free(msg.data);
	}
	for (size_t i = 0; i < writer->format->nb_columns && !ret; i++) {
		const struct column *column = &writer->format->columns[i];

		if (column->type != COLUMN_DICT)
			continue;
		ret = arrow_dictionary_message(i, column->values, &msg);
		if (!ret) {
			ret = commit_message(writer, &msg, &writer->dictionaries);
			free(msg.data);
		}
	}
	return ret;
}

/* A link stays as it is: what it points to is written, and its .part beside that. */
static char *resolve(const char *path)
{
	struct stat st;
	char *real = NULL;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		real = realpath(path, NULL);
	return real != NULL ? real : strdup(path);
}

struct arrow_writer *arrow_writer_open_with(const char *path, const struct table_format *format,
					    const struct arrow_kv *metadata, size_t nb,
					    const struct arrow_writer_options *options, char *error,
					    size_t error_size)
{
	struct arrow_writer *writer = calloc(1, sizeof(*writer));
	int ret = -ENOMEM;

	if (!writer)
		goto fail;
	writer->fd = -1;
	writer->options = *options;
	writer->format = format;
	writer->path = resolve(path);
	if (!writer->path)
		goto fail;
	ret = copy_metadata(writer, metadata, nb);
	if (ret)
		goto fail;
	ret = open_output(writer);
	if (ret)
		goto fail;
	ret = start_table(writer);
	if (ret) {
		if (!writer->is_stream)
			unlink(writer->part_path);
		goto fail;
	}
	return writer;

fail:
	snprintf(error, error_size, "%s: cannot write: %s",
		 writer && writer->part_path ? arrow_writer_path(writer) : path, strerror(-ret));
	if (writer) {
		if (writer->owns_fd && writer->fd >= 0)
			close(writer->fd);
		destroy(writer);
	}
	errno = -ret;
	return NULL;
}

struct arrow_writer *arrow_writer_open(const char *path, const struct table_format *format,
				       const struct arrow_kv *metadata, size_t nb, char *error,
				       size_t error_size)
{
	static const struct arrow_writer_options plain = {.is_new = false};

	return arrow_writer_open_with(path, format, metadata, nb, &plain, error, error_size);
}

/* ---- appending and ending ---------------------------------------------- */

int arrow_writer_append(struct arrow_writer *writer, const struct arrow_message *msg)
{
	const uint64_t offset = writer->offset;
	int ret;

	assert(msg->len == msg->metadata_len + msg->body_len);
	ret = commit_message(writer, msg, &writer->batches);
	/* The disk begins at once, so that little is left to wait for at the end. */
	if (!ret && !writer->is_stream && writer->options.is_durable)
		(void)sync_file_range(writer->fd, (off_t)offset, (off_t)msg->len,
				      SYNC_FILE_RANGE_WRITE);
	return ret;
}

/* End of stream, footer, its length, magic. */
static int write_footer(struct arrow_writer *writer, const struct arrow_kv *metadata, size_t nb)
{
	struct flatbuffer fb;
	const size_t footer = arrow_footer_begin(&fb, nb);
	int ret = -ENOMEM;
	uint8_t *tail;
	size_t len;

	for (size_t i = 0; i < nb; i++)
		fb.failed |= !metadata[i].value;
	if (fb.failed)
		nb = 0;
	flatbuffer_ref(
		&fb, flatbuffer_slot(&fb, footer, FOOTER_SCHEMA),
		arrow_build_schema(&fb, writer->format, writer->metadata, writer->nb_metadata));
	arrow_footer_end(&fb, footer, &writer->dictionaries, &writer->batches, metadata, nb);
	tail = arrow_footer_tail(&fb, &len);
	if (tail)
		ret = commit_bytes(writer, tail, len);
	free(tail);
	flatbuffer_fini(&fb);
	return ret ? sticky(writer, ret) : 0;
}

static int write_end_of_stream(struct arrow_writer *writer)
{
	uint8_t end[ARROW_PREFIX_LEN];

	arrow_put64(end, ARROW_CONTINUATION);
	return commit_bytes(writer, end, sizeof(end));
}

/* After a failure the .part ends where the last whole message does. */
static void close_output(struct arrow_writer *writer)
{
	if (!writer->owns_fd)
		return;
	if (writer->error && !writer->is_stream &&
	    ftruncate(writer->fd, (off_t)writer->offset) != 0) {
		/* Not worse than before: readers stop at the missing prefix. */
	}
	if (close(writer->fd) != 0)
		sticky(writer, -errno);
}

int arrow_writer_commit(struct arrow_writer *writer, const struct arrow_kv *metadata, size_t nb)
{
	int ret;

	if (!writer->error) {
		if (writer->is_stream)
			write_end_of_stream(writer);
		else
			write_footer(writer, metadata, nb);
	}
	if (!writer->error && !writer->is_stream && writer->options.is_durable &&
	    fdatasync(writer->fd) != 0)
		sticky(writer, -errno);
	close_output(writer);
	if (!writer->error && !writer->is_stream && rename(writer->part_path, writer->path) != 0)
		sticky(writer, -errno);
	ret = writer->error;
	destroy(writer);
	return ret;
}

void arrow_writer_abandon(struct arrow_writer *writer)
{
	if (!writer)
		return;
	close_output(writer);
	destroy(writer);
}

const char *arrow_writer_path(const struct arrow_writer *writer)
{
	return writer->owns_fd ? writer->part_path : "stdout";
}

uint64_t arrow_writer_bytes(const struct arrow_writer *writer)
{
	return writer->offset;
}

bool arrow_writer_is_stream(const struct arrow_writer *writer)
{
	return writer->is_stream;
}
