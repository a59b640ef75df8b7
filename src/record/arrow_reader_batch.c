/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Record batches and dictionaries into columns. After this, every offset and
 * index of a column is known to be inside its buffer.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arrow_priv.h"
#include "arrow_reader_priv.h"
#include "lz4_priv.h"

#define BUFFER_MAX ((uint64_t)2 << 30)
/* Some writers pad a buffer before they compress it; more than this is not padding. */
#define PADDING_MAX 4096

/* A batch being read. */
struct source {
	struct arrow_reader *reader;
	struct arrow_incoming *msg;
	bool is_compressed;
	uint32_t nb_rows;
	uint32_t next_buffer;
	uint64_t taken; /* bytes of the body that buffers have had so far */
	struct flatview_vector nodes, buffers;
};

struct slice {
	const uint8_t *data;
	size_t len;
};

void reader_column_fini(struct reader_column *column)
{
	for (int i = 0; i < 3; i++)
		arrow_bytes_fini(&column->unpacked[i]);
}

static int damaged(const struct source *src, size_t column, const char *what)
{
	return arrow_input_damaged(&src->reader->in, src->msg->offset, "column %zu: %s", column,
				   what);
}

/* Unpacks a compressed buffer of at least 8 bytes whose content is at most max bytes. */
static int unpack(const struct source *src, size_t c, struct arrow_bytes *out, uint64_t max,
		  struct slice *slice)
{
	const struct flatview raw = {.data = slice->data, .len = slice->len};
	const uint64_t len = flatview_number(&raw, 0, 8);

	slice->data += 8;
	slice->len -= 8;
	if (len == UINT64_MAX) /* stored as it is */
		return 0;
	if (len > max || len > BUFFER_MAX || len > (uint64_t)slice->len * LZ4_RATIO_MAX)
		return damaged(src, c, "an uncompressed length that cannot be right");
	if (!arrow_bytes_reserve(out, (size_t)len + 1))
		return arrow_input_failed(&src->reader->in, "out of memory");
	if (len > 0 &&
	    lz4_unpack(src->reader->unpacker, slice->data, slice->len, out->data, (size_t)len) != 0)
		return damaged(src, c, "the LZ4 data is damaged");
	slice->data = out->data;
	slice->len = (size_t)len;
	return 0;
}

/* The next buffer of the batch: at least need bytes, and at most max once unpacked. */
static int take_buffer(struct source *src, size_t c, struct arrow_bytes *unpacked, uint64_t need,
		       uint64_t max, struct slice *slice)
{
	const size_t at = src->buffers.pos + ARROW_BUFFER_LEN * (size_t)src->next_buffer++;
	const uint64_t offset = flatview_number(&src->msg->view, at, 8);
	const uint64_t len = flatview_number(&src->msg->view, at + 8, 8);

	if (offset > src->msg->body.len || len > src->msg->body.len - offset)
		return damaged(src, c, "a buffer lies outside the body");
	/* The same bytes unpacked for ten thousand columns would be a bomb. */
	src->taken += len;
	if (src->taken > src->msg->body.len)
		return damaged(src, c, "buffers lie on top of each other");
	slice->data = src->msg->body.data + offset;
	slice->len = (size_t)len;
	if (len == 0)
		slice->data = NULL;
	if (src->is_compressed && len > 0) {
		if (len < 8)
			return damaged(src, c, "a compressed buffer shorter than its prefix");
		if (unpack(src, c, unpacked, max, slice) != 0)
			return -1;
	}
	if (slice->len < need)
		return damaged(src, c, "a buffer is too short for its rows");
	return 0;
}

static int take_validity(struct source *src, size_t c, struct reader_column *column)
{
	const size_t node = src->nodes.pos + ARROW_NODE_LEN * c;
	const uint64_t nb_rows = flatview_number(&src->msg->view, node, 8);
	const uint64_t nb_nulls = flatview_number(&src->msg->view, node + 8, 8);
	const uint64_t need = ((uint64_t)src->nb_rows + 7) / 8;
	struct slice slice;

	column->validity = NULL;
	if (nb_rows != src->nb_rows || nb_nulls > nb_rows)
		return damaged(src, c, "its row or null count does not fit the batch");
	if (nb_nulls == 0) {
		src->next_buffer++;
		return 0;
	}
	if (take_buffer(src, c, &column->unpacked[0], need, need + PADDING_MAX, &slice) != 0)
		return -1;
	column->validity = slice.data;
	return 0;
}

static int take_text(struct source *src, size_t c, struct reader_column *column)
{
	const uint64_t need = src->nb_rows ? 4 * ((uint64_t)src->nb_rows + 1) : 0;
	int32_t last = 0;
	struct slice offsets, text;

	if (take_buffer(src, c, &column->unpacked[1], need, 4 + need + PADDING_MAX, &offsets) != 0)
		return -1;
	if (src->nb_rows) {
		bool is_sorted = reader_offset(offsets.data, 0) >= 0;

		for (size_t i = 0; i < src->nb_rows; i++)
			is_sorted &= reader_offset(offsets.data, i) <=
				     reader_offset(offsets.data, i + 1);
		if (!is_sorted)
			return damaged(src, c, "text offsets run backwards");
		last = reader_offset(offsets.data, src->nb_rows);
	}
	if (take_buffer(src, c, &column->unpacked[2], (uint64_t)last, BUFFER_MAX, &text) != 0)
		return -1;
	column->values = offsets.data;
	column->text = text.data;
	return 0;
}

static const struct reader_dictionary *find_dictionary(const struct arrow_reader *reader,
						       int64_t id)
{
	for (size_t i = 0; i < reader->nb_dictionaries; i++)
		if (reader->dictionaries[i]->id == id)
			return reader->dictionaries[i];
	return NULL;
}

/* Every index of a present row must be in the dictionary. */
static int check_indices(const struct source *src, size_t c, const struct reader_column *column)
{
	const int64_t nb = column->dictionary ? column->dictionary->nb : 0;

	for (uint32_t i = 0; i < src->nb_rows; i++) {
		int64_t index;

		if (column->validity && !(column->validity[i / 8] >> (i & 7) & 1))
			continue;
		index = reader_number(column->values, &src->reader->types[c], i);
		if (index < 0 || index >= nb)
			return damaged(src, c, "an index outside its dictionary");
	}
	return 0;
}

static int take_column(struct source *src, size_t c, struct reader_column *column)
{
	const struct reader_field *type = &src->reader->types[c];
	const enum arrow_kind kind = src->reader->fields[c].kind;
	uint64_t need = (uint64_t)src->nb_rows * type->width;
	struct slice slice;

	if (take_validity(src, c, column) != 0)
		return -1;
	if (kind == ARROW_TEXT && !type->is_dictionary)
		return take_text(src, c, column);
	if (kind == ARROW_BOOL)
		need = ((uint64_t)src->nb_rows + 7) / 8;
	if (take_buffer(src, c, &column->unpacked[1], need, need + PADDING_MAX, &slice) != 0)
		return -1;
	column->values = slice.data;
	if (!type->is_dictionary)
		return 0;
	if (!column->dictionary) /* it stays where it is, also when it is replaced */
		column->dictionary = find_dictionary(src->reader, type->dictionary_id);
	return check_indices(src, c, column);
}

/* Reads the RecordBatch table; nb_columns columns with nb_buffers buffers are expected. */
static int open_source(struct source *src, struct arrow_reader *reader, struct arrow_incoming *msg,
		       const struct flatview_table *batch, size_t nb_columns, size_t nb_buffers)
{
	struct flatview *view = &msg->view;
	const uint64_t nb_rows = flatview_scalar(view, batch, BATCH_LENGTH, 8, 0);
	const struct flatview_table compression = flatview_sub(view, batch, BATCH_COMPRESSION);

	*src = (struct source){.reader = reader, .msg = msg, .nb_rows = (uint32_t)nb_rows};
	src->nodes = flatview_elements(view, batch, BATCH_NODES, ARROW_NODE_LEN);
	src->buffers = flatview_elements(view, batch, BATCH_BUFFERS, ARROW_BUFFER_LEN);
	src->is_compressed = compression.pos != 0;
	if (flatview_scalar(view, &compression, COMPRESSION_CODEC, 1, 0) != ARROW_CODEC_LZ4_FRAME ||
	    flatview_scalar(view, &compression, COMPRESSION_METHOD, 1, 0) != 0)
		return arrow_input_failed(&reader->in,
					  "compressed with another codec than LZ4_FRAME "
					  "(ZSTD?), which is not read here");
	if (view->bad || batch->pos == 0)
		return arrow_input_damaged(&reader->in, msg->offset,
					   "the metadata points outside itself");
	/* Rows of nothing cost a file no bytes, but whoever counts them time. */
	if (nb_rows > INT32_MAX || (nb_columns == 0 && nb_rows > 0))
		return arrow_input_damaged(&reader->in, msg->offset, "a batch of %" PRId64 " rows",
					   (int64_t)nb_rows);
	if (src->nodes.nb != nb_columns || src->buffers.nb != nb_buffers)
		return arrow_input_damaged(&reader->in, msg->offset,
					   "expected %zu columns in %zu buffers, found %" PRIu32
					   " in %" PRIu32,
					   nb_columns, nb_buffers, src->nodes.nb, src->buffers.nb);
	return 0;
}

int reader_decode_batch(struct arrow_reader *reader, struct arrow_incoming *msg)
{
	struct source src;
	size_t nb_buffers = 0;

	for (size_t c = 0; c < reader->nb_fields; c++)
		nb_buffers +=
			reader->fields[c].kind == ARROW_TEXT && !reader->types[c].is_dictionary ? 3
												: 2;
	if (open_source(&src, reader, msg, &msg->header, reader->nb_fields, nb_buffers) != 0)
		return -1;
	for (size_t c = 0; c < reader->nb_fields; c++)
		if (take_column(&src, c, &reader->batch.columns[c]) != 0)
			return -1;
	reader->batch.nb_rows = src.nb_rows;
	return 0;
}

/* The dictionary of this id, made when it is new; NULL without memory. */
static struct reader_dictionary *get_dictionary(struct arrow_reader *reader, int64_t id)
{
	struct reader_dictionary **list = reader->dictionaries;

	for (size_t i = 0; i < reader->nb_dictionaries; i++)
		if (list[i]->id == id)
			return list[i];
	list = realloc(list, (reader->nb_dictionaries + 1) * sizeof(struct reader_dictionary *));
	if (!list)
		return NULL;
	reader->dictionaries = list;
	list[reader->nb_dictionaries] = calloc(1, sizeof(struct reader_dictionary));
	if (!list[reader->nb_dictionaries])
		return NULL;
	list[reader->nb_dictionaries]->id = id;
	return list[reader->nb_dictionaries++];
}

static bool is_wanted(const struct arrow_reader *reader, int64_t id)
{
	for (size_t i = 0; i < reader->nb_fields; i++)
		if (reader->types[i].is_dictionary && reader->types[i].dictionary_id == id)
			return true;
	return false;
}

int reader_decode_dictionary(struct arrow_reader *reader, struct arrow_incoming *msg)
{
	struct flatview *view = &msg->view;
	const int64_t id = (int64_t)flatview_scalar(view, &msg->header, DICTIONARY_ID, 8, 0);
	const struct flatview_table batch = flatview_sub(view, &msg->header, DICTIONARY_DATA);
	struct reader_dictionary *dictionary;
	struct source src;

	if (flatview_scalar(view, &msg->header, DICTIONARY_IS_DELTA, 1, 0) != 0)
		return arrow_input_failed(&reader->in, "dictionaries that grow are not read here");
	if (open_source(&src, reader, msg, &batch, 1, 3) != 0)
		return -1;
	if (!is_wanted(reader, id))
		return arrow_input_damaged(&reader->in, msg->offset,
					   "a dictionary (%" PRId64 ") of no column", id);
	dictionary = get_dictionary(reader, id);
	if (!dictionary)
		return arrow_input_failed(&reader->in, "out of memory");
	dictionary->nb = 0;
	if (take_validity(&src, 0, &dictionary->column) != 0 ||
	    take_text(&src, 0, &dictionary->column) != 0)
		return -1;
	dictionary->nb = src.nb_rows;
	/* The next message gets the old body's memory. */
	const struct arrow_bytes body = dictionary->body;

	dictionary->body = msg->body;
	msg->body = body;
	return 0;
}
