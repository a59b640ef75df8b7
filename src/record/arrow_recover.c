/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole file out of what a crash left: messages are read as every reader reads
 * them, and those that make sense are copied byte for byte; then comes a footer.
 * The copy has another name until it is whole and on the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tcpmill/arrow.h>

#include "arrow_footer_priv.h"
#include "arrow_output_priv.h"
#include "arrow_priv.h"
#include "arrow_reader_priv.h"

struct recovery {
	struct arrow_reader *reader;
	const char *to;
	char *temporary; /* NULL: there is none (any more) */
	int fd;
	uint64_t offset; /* where the next message goes */
	struct arrow_blocks dictionaries, batches;
	struct arrow_recovered *result;
	char *error;
	size_t error_size;
};

static int fail(const struct recovery *recovery, const char *name, const char *what)
{
	snprintf(recovery->error, recovery->error_size, "%s%s%s", name ? name : "",
		 name ? ": " : "", what);
	return -1;
}

static int cannot_write(const struct recovery *recovery, int error)
{
	char what[128];

	snprintf(what, sizeof(what), "cannot write: %s", strerror(error));
	return fail(recovery, recovery->temporary ? recovery->temporary : recovery->to, what);
}

/* ---- writing ----------------------------------------------------------- */

static int put_bytes(struct recovery *recovery, const uint8_t *data, size_t len)
{
	const int ret = arrow_write_file(recovery->fd, data, len, recovery->offset);

	if (ret)
		return cannot_write(recovery, -ret);
	recovery->offset += len;
	return 0;
}

/* One message as it was read; it is remembered in list unless that is NULL. */
static int put_message(struct recovery *recovery, const struct arrow_bytes *metadata,
		       const struct arrow_bytes *body, struct arrow_blocks *list)
{
	const struct arrow_block block = {recovery->offset, ARROW_PREFIX_LEN + metadata->len,
					  body->len};
	uint8_t prefix[ARROW_PREFIX_LEN];

	if (list && arrow_blocks_add(list, &block) != 0)
		return cannot_write(recovery, ENOMEM);
	arrow_put64(prefix, ARROW_CONTINUATION | (uint64_t)metadata->len << 32);
	if (put_bytes(recovery, prefix, sizeof(prefix)) != 0 ||
	    put_bytes(recovery, metadata->data, metadata->len) != 0)
		return -1;
	return body->len ? put_bytes(recovery, body->data, body->len) : 0;
}

/* Begins the copy under a name that nobody has. */
static int open_copy(struct recovery *recovery)
{
	struct stat st;

	if (lstat(recovery->to, &st) == 0)
		return fail(recovery, recovery->to, "exists already: it is not overwritten");
	if (asprintf(&recovery->temporary, "%s.recovering", recovery->to) < 0) {
		recovery->temporary = NULL;
		return cannot_write(recovery, ENOMEM);
	}
	recovery->fd = open(recovery->temporary,
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (recovery->fd < 0) {
		const int error = errno;

		cannot_write(recovery, error);
		free(recovery->temporary); /* not ours to remove */
		recovery->temporary = NULL;
		return -1;
	}
	return put_bytes(recovery, (const uint8_t *)ARROW_MAGIC, ARROW_MAGIC_LEN);
}

/* The schema's message with all that it says, known to us or not, inside of the footer. */
static size_t put_schema(struct flatbuffer *fb, const struct arrow_reader *reader)
{
	struct flatview view = {.data = reader->schema.data, .len = reader->schema.len};
	const struct flatview_table message = flatview_root(&view);
	const struct flatview_table schema = flatview_sub(&view, &message, MESSAGE_HEADER);
	const size_t at = flatbuffer_room(fb, reader->schema.len, 8);

	if (!fb->failed)
		memcpy(fb->data + at, reader->schema.data, reader->schema.len);
	return at + schema.pos;
}

static int put_footer(struct recovery *recovery, const struct arrow_kv *metadata, size_t nb)
{
	struct flatbuffer fb;
	const size_t footer = arrow_footer_begin(&fb, nb);
	uint8_t *tail;
	size_t len;
	int ret;

	flatbuffer_ref(&fb, flatbuffer_slot(&fb, footer, FOOTER_SCHEMA),
		       put_schema(&fb, recovery->reader));
	arrow_footer_end(&fb, footer, &recovery->dictionaries, &recovery->batches, metadata, nb);
	tail = arrow_footer_tail(&fb, &len);
	ret = tail ? put_bytes(recovery, tail, len) : cannot_write(recovery, ENOMEM);
	free(tail);
	flatbuffer_fini(&fb);
	return ret;
}

/* Gives the copy its name, unless somebody else has it by now. */
static int commit_copy(struct recovery *recovery)
{
	int ret = fdatasync(recovery->fd);

	if (close(recovery->fd) != 0)
		ret = -1;
	recovery->fd = -1;
	/* Not every file system can rename without replacing. */
	if (ret == 0 &&
	    renameat2(AT_FDCWD, recovery->temporary, AT_FDCWD, recovery->to, RENAME_NOREPLACE)) {
		ret = errno == EINVAL || errno == ENOSYS ? link(recovery->temporary, recovery->to)
							 : -1;
		if (ret == 0)
			unlink(recovery->temporary);
	}
	if (ret != 0)
		return cannot_write(recovery, errno);
	free(recovery->temporary);
	recovery->temporary = NULL;
	return 0;
}

/* ---- copying ----------------------------------------------------------- */

/* A file's dictionaries cannot change; a stream's may. */
static int copy_dictionary(struct recovery *recovery, size_t nb_before)
{
	struct arrow_reader *reader = recovery->reader;

	if (reader->nb_dictionaries == nb_before)
		return arrow_input_failed(&reader->in,
					  "a dictionary is replaced, which a file cannot have");
	return put_message(recovery, &reader->msg.metadata,
			   &reader->dictionaries[reader->nb_dictionaries - 1]->body,
			   &recovery->dictionaries);
}

/* Copies what is whole. The reader knows why it is over; -1 if the copy cannot be written. */
static int copy_messages(struct recovery *recovery)
{
	struct arrow_reader *reader = recovery->reader;
	int ret = put_message(recovery, &reader->schema, &reader->msg.body, NULL);

	while (ret == 0) {
		const size_t nb_dictionaries = reader->nb_dictionaries;
		const int kind = arrow_reader_next_message(reader);

		if (kind != READER_DICTIONARY && kind != READER_BATCH)
			break;
		if (kind == READER_DICTIONARY) {
			ret = copy_dictionary(recovery, nb_dictionaries);
			if (reader->in.error[0])
				return 0;
			continue;
		}
		ret = put_message(recovery, &reader->msg.metadata, &reader->msg.body,
				  &recovery->batches);
		recovery->result->nb_batches++;
		recovery->result->nb_rows += reader->batch.nb_rows;
		recovery->result->nb_bytes = reader->in.offset;
	}
	return ret;
}

/* Was it a crash that ended the table, or is it whole, or damaged? */
static int judge(const struct recovery *recovery)
{
	const struct arrow_reader *reader = recovery->reader;
	struct arrow_recovered *result = recovery->result;

	if (reader->in.error[0]) {
		if (!reader->in.is_damaged) /* another time, or elsewhere, it may be read */
			return fail(recovery, NULL, reader->in.error);
		result->is_damaged = true;
		snprintf(result->damage, sizeof(result->damage), "%s", reader->in.error);
	}
	if (arrow_reader_is_complete(reader))
		return fail(recovery, reader->in.name, "is whole: there is nothing to recover");
	if (result->nb_rows > 0)
		return 0;
	return fail(recovery, result->is_damaged ? result->damage : reader->in.name,
		    "nothing can be saved: it has no whole record batch");
}

static int recover(struct recovery *recovery, arrow_recovered_kv_fn *describe, void *context)
{
	struct arrow_kv metadata[ARROW_RECOVERED_KV_MAX];
	size_t nb;
	int ret;

	if (open_copy(recovery) != 0 || copy_messages(recovery) != 0 || judge(recovery) != 0)
		return -1;
	nb = describe(context, recovery->result, metadata);
	if (nb == 0)
		return cannot_write(recovery, ENOMEM);
	ret = put_footer(recovery, metadata, nb);
	return ret == 0 ? commit_copy(recovery) : ret;
}

int arrow_recover(const char *from, const char *to, arrow_recovered_kv_fn *describe, void *context,
		  struct arrow_recovered *result, char *error, size_t error_size)
{
	struct recovery recovery = {
		.to = to, .fd = -1, .result = result, .error = error, .error_size = error_size};
	int ret = -1;

	*result = (struct arrow_recovered){0};
	recovery.reader = arrow_reader_open(from, error, error_size);
	if (recovery.reader)
		ret = recover(&recovery, describe, context);
	if (recovery.fd >= 0)
		close(recovery.fd);
	if (recovery.temporary)
		unlink(recovery.temporary);
	free(recovery.temporary);
	arrow_blocks_fini(&recovery.dictionaries);
	arrow_blocks_fini(&recovery.batches);
	arrow_reader_close(recovery.reader);
	return ret;
}
