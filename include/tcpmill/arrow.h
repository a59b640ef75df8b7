/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_H
#define TCPMILL_ARROW_H

/*
 * Apache Arrow IPC (format version V5): record batches whose buffers are LZ4
 * frames, written and read with liblz4 alone.
 * Source: apache/arrow docs/source/format/Columnar.rst and format/fbs.
 *
 * Encoders turn rows into finished messages and are independent of each other:
 * one per thread. A writer puts messages into a file in the order it is given
 * them: one thread. The same rows give the same bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_format;
struct arrow_encoder;
struct arrow_writer;
struct arrow_reader;

/* A value of NULL is one that there was no memory for: who writes it fails with ENOMEM. */
struct arrow_kv {
	const char *key;
	const char *value;
};

/* ---- encoding ---------------------------------------------------------- */

/* One IPC message, complete: prefix, metadata, body. Owned by whoever holds it. */
struct arrow_message {
	uint8_t *data;       /* malloc'ed */
	size_t room;         /* of data, at least len */
	size_t len;          /* metadata_len + body_len */
	size_t metadata_len; /* prefix and padding included: Block.metaDataLength */
	size_t body_len;
	uint32_t nb_rows;
};

/* max_rows >= 1. NULL with errno ENOMEM or EINVAL. Memory is touched as rows come. */
struct arrow_encoder *arrow_encoder_create(const struct table_format *format, uint32_t max_rows);
void arrow_encoder_destroy(struct arrow_encoder *encoder);

/* Appends nb rows of format->row_size bytes each; at most max_rows between encodes. */
void arrow_encoder_append(struct arrow_encoder *encoder, const void *rows, uint32_t nb);

/*
 * Makes the appended rows one compressed record batch and starts over. The
 * caller frees msg->data. Returns 0, or -ENOMEM / -EIO (LZ4 failed).
 */
int arrow_encoder_finish(struct arrow_encoder *encoder, struct arrow_message *msg);
/* The same in the buffer that msg has from the time before; all zero if it has none. */
int arrow_encoder_finish_into(struct arrow_encoder *encoder, struct arrow_message *msg);

/* ---- writing ----------------------------------------------------------- */

/*
 * Starts a table at path; "-" = an Arrow stream on stdout. A regular file is
 * written as path.part (an Arrow file; what is committed stays readable after
 * a crash) and renamed by arrow_writer_commit(); anything else that exists
 * (FIFO, device) is written directly as a stream.
 *
 * metadata [nb] becomes the schema's metadata. All strings are copied.
 * Returns NULL with errno and fills error (one line, no newline) when path can't be made.
 */
struct arrow_writer *arrow_writer_open(const char *path, const struct table_format *format,
				       const struct arrow_kv *metadata, size_t nb, char *error,
				       size_t error_size);

/* What a run that must go on whatever the disk and the reader do wants besides. */
struct arrow_writer_options {
	bool is_new;     /* neither path nor path.part may exist yet: else NULL with EEXIST */
	bool is_durable; /* a file is on the disk before commit gives it its name */
	/*
	 * Until then (CLOCK_MONOTONIC, ns) a stream's reader is waited for, not longer: then
	 * -ETIMEDOUT. Any thread may change it meanwhile. A FIFO that nobody has open for reading
	 * is not waited for at all: NULL with ENXIO.
	 */
	const _Atomic int64_t *give_up_ns;
};
struct arrow_writer *arrow_writer_open_with(const char *path, const struct table_format *format,
					    const struct arrow_kv *metadata, size_t nb,
					    const struct arrow_writer_options *options, char *error,
					    size_t error_size);

/* Appends one message; it is durable against the process's death on return. 0 or -errno; errors are
 * sticky. */
int arrow_writer_append(struct arrow_writer *writer, const struct arrow_message *msg);

/*
 * Writes the end of stream and, in a file, the footer with metadata [nb] (the
 * schema's own metadata stays in the schema); then closes and renames.
 * 0 or -errno of the first failure of the writer's life; then the .part stays.
 * Frees the writer.
 */
int arrow_writer_commit(struct arrow_writer *writer, const struct arrow_kv *metadata, size_t nb);

/* Closes and keeps the .part as it is. Frees the writer; NULL is fine. */
void arrow_writer_abandon(struct arrow_writer *writer);

/* What is being written to ("x.arrow.part"), for messages; bytes written so far; is it a stream. */
const char *arrow_writer_path(const struct arrow_writer *writer);
uint64_t arrow_writer_bytes(const struct arrow_writer *writer);
bool arrow_writer_is_stream(const struct arrow_writer *writer);

/* ---- reading ----------------------------------------------------------- */

/* Any table of these types can be read, ours or not. Files are treated as hostile. */
enum arrow_kind {
	ARROW_INT, /* 8..64 bits, signed or unsigned */
	ARROW_BOOL,
	ARROW_TIMESTAMP, /* ns, UTC */
	ARROW_TEXT,      /* utf8, or a dictionary of utf8 */
};

struct arrow_field {
	const char *name;
	enum arrow_kind kind;
	const char *type_name; /* "int32", "timestamp[ns, UTC]", "dictionary<int8, utf8>" ... */
	bool nullable;
	const struct arrow_kv *metadata;
	size_t nb_metadata;
};

/* A batch's column, borrowed until the next arrow_reader_next(). */
struct arrow_batch;

/*
 * Opens a file or a stream; "-" = stdin. A .part without a footer is read as far
 * as whole batches go. NULL and error (one line with what was expected, what
 * was found, where) when it is not an Arrow table.
 */
struct arrow_reader *arrow_reader_open(const char *path, char *error, size_t error_size);
void arrow_reader_close(struct arrow_reader *reader);

size_t arrow_reader_nb_fields(const struct arrow_reader *reader);
const struct arrow_field *arrow_reader_field(const struct arrow_reader *reader, size_t i);
int arrow_reader_find(const struct arrow_reader *reader, const char *name); /* or -1 */

const struct arrow_kv *arrow_reader_metadata(const struct arrow_reader *reader, size_t *nb);
/* Of the footer. NULL and 0 for a stream or a .part. */
const struct arrow_kv *arrow_reader_footer(const struct arrow_reader *reader, size_t *nb);
/* A file with a footer, or a stream that ended with its end mark. Final only after the last batch.
 */
bool arrow_reader_is_complete(const struct arrow_reader *reader);

/* 1: *batch is the next one; 0: the end; -1: damaged, see arrow_reader_error(). */
int arrow_reader_next(struct arrow_reader *reader, const struct arrow_batch **batch);
const char *arrow_reader_error(const struct arrow_reader *reader);

uint32_t arrow_batch_nb_rows(const struct arrow_batch *batch);
bool arrow_batch_is_null(const struct arrow_batch *batch, size_t field, uint32_t row);
/* ARROW_INT (sign-extended; uint64 above INT64_MAX saturates), BOOL (0/1), TIMESTAMP (ns). */
int64_t arrow_batch_int(const struct arrow_batch *batch, size_t field, uint32_t row);
/* ARROW_TEXT; not NUL-terminated. */
const char *arrow_batch_text(const struct arrow_batch *batch, size_t field, uint32_t row,
			     size_t *len);

/* ---- recovering -------------------------------------------------------- */

struct arrow_recovered {
	uint64_t nb_batches, nb_rows;
	uint64_t nb_bytes; /* of the source, up to the end of the last batch that was saved */
	bool is_damaged;   /* else it just ends too early */
	char damage[512];  /* with the source's name, if so */
};

/* What the footer of a recovered file shall say: fills kv and returns how many; 0: no memory. */
#define ARROW_RECOVERED_KV_MAX 4
typedef size_t arrow_recovered_kv_fn(void *context, const struct arrow_recovered *result,
				     struct arrow_kv kv[ARROW_RECOVERED_KV_MAX]);

/*
 * Makes a whole file, to, of the whole batches at the start of a file or stream that has no
 * end; "-" = stdin. Messages are checked, then copied as they are. What is there is never
 * overwritten, and to does not exist before it is whole. 0, or -1 and error (one line).
 */
int arrow_recover(const char *from, const char *to, arrow_recovered_kv_fn *describe, void *context,
		  struct arrow_recovered *result, char *error, size_t error_size);

#endif
