/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow_priv.h"
#include "arrow_reader_priv.h"
#include "lz4_priv.h"

/* ---- opening and closing ----------------------------------------------- */

static int open_table(struct arrow_reader *reader)
{
	int ret;

	if (arrow_input_open(&reader->in, reader->path) != 0)
		return -1;
	reader->unpacker = lz4_unpacker_create();
	if (!reader->unpacker)
		return arrow_input_failed(&reader->in, "out of memory");
	ret = arrow_input_next(&reader->in, &reader->msg);
	if (ret == 0)
		return arrow_input_failed(
			&reader->in, "cut inside the schema: it ends at byte %" PRIu64,
			reader->in.end != UINT64_MAX ? reader->in.end : reader->in.offset);
	if (ret < 0)
		return -1;
	if (reader->msg.type != ARROW_HEADER_SCHEMA)
		return arrow_input_damaged(&reader->in, reader->msg.offset,
					   "expected a schema, found a message of type %u",
					   reader->msg.type);
	if (reader_parse_schema(reader, &reader->msg) != 0)
		return -1;
	reader_parse_footer(reader);
	return 0;
}

struct arrow_reader *arrow_reader_open(const char *path, char *error, size_t error_size)
{
	struct arrow_reader *reader = calloc(1, sizeof(*reader));

	if (reader) {
		reader->in.fd = -1;
		reader->batch.reader = reader;
		reader->path = strdup(path);
	}
	if (!reader || !reader->path) {
		snprintf(error, error_size, "%s: out of memory", path);
		free(reader);
		return NULL;
	}
	if (open_table(reader) != 0) {
		snprintf(error, error_size, "%s", reader->in.error);
		arrow_reader_close(reader);
		return NULL;
	}
	return reader;
}

static void free_kv(const struct arrow_kv *kv)
{
	union {
		const struct arrow_kv *borrowed;
		void *owned;
	} u = {.borrowed = kv};

	free(u.owned);
}

void arrow_reader_close(struct arrow_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->nb_fields; i++) {
		free_kv(reader->fields[i].metadata);
		reader_column_fini(&reader->batch.columns[i]);
	}
	for (size_t i = 0; i < reader->nb_dictionaries; i++) {
		reader_column_fini(&reader->dictionaries[i]->column);
		arrow_bytes_fini(&reader->dictionaries[i]->body);
		free(reader->dictionaries[i]);
	}
	free(reader->dictionaries);
	free(reader->fields);
	free(reader->types);
	free(reader->batch.columns);
	free(reader->metadata.kv);
	free(reader->footer.kv);
	arrow_bytes_fini(&reader->schema);
	arrow_incoming_fini(&reader->msg);
	lz4_unpacker_destroy(reader->unpacker);
	arrow_input_close(&reader->in);
	free(reader->path);
	free(reader);
}

/* ---- what the table is ------------------------------------------------- */

size_t arrow_reader_nb_fields(const struct arrow_reader *reader)
{
	return reader->nb_fields;
}

const struct arrow_field *arrow_reader_field(const struct arrow_reader *reader, size_t i)
{
	return &reader->fields[i];
}

int arrow_reader_find(const struct arrow_reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->nb_fields; i++)
		if (strcmp(reader->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

const struct arrow_kv *arrow_reader_metadata(const struct arrow_reader *reader, size_t *nb)
{
	*nb = reader->metadata.nb;
	return reader->metadata.kv;
}

const struct arrow_kv *arrow_reader_footer(const struct arrow_reader *reader, size_t *nb)
{
	*nb = reader->footer.nb;
	return reader->footer.kv;
}

bool arrow_reader_is_complete(const struct arrow_reader *reader)
{
	if (reader->in.error[0])
		return false;
	return reader->in.is_file ? reader->has_footer : reader->in.ended_well;
}

const char *arrow_reader_error(const struct arrow_reader *reader)
{
	return reader->in.error;
}

/* ---- batches ----------------------------------------------------------- */

/* The messages are over. Does the footer, where there is one, agree? */
static int finish(struct arrow_reader *reader)
{
	reader->is_at_end = true;
	if (reader->in.is_file && reader->in.end == UINT64_MAX && reader->in.ended_well) {
		if (arrow_input_read_tail(&reader->in) != 0)
			return -1;
		reader_parse_footer(reader);
	}
	if (reader->has_footer && reader->nb_batches != reader->nb_batches_in_footer)
		return arrow_input_damaged(&reader->in, reader->msg.offset,
					   "the footer lists %" PRIu64 " batches, found %" PRIu64,
					   reader->nb_batches_in_footer, reader->nb_batches);
	return 0;
}

int arrow_reader_next_message(struct arrow_reader *reader)
{
	int ret;

	if (reader->in.error[0])
		return READER_DAMAGED;
	if (reader->is_at_end)
		return READER_END;
	ret = arrow_input_next(&reader->in, &reader->msg);
	if (ret < 0)
		return READER_DAMAGED;
	if (ret == 0)
		return finish(reader) == 0 ? READER_END : READER_DAMAGED;
	switch (reader->msg.type) {
	case ARROW_HEADER_DICTIONARY:
		ret = reader_decode_dictionary(reader, &reader->msg);
		return ret == 0 ? READER_DICTIONARY : READER_DAMAGED;
	case ARROW_HEADER_BATCH:
		if (reader_decode_batch(reader, &reader->msg) != 0)
			return READER_DAMAGED;
		reader->nb_batches++;
		return READER_BATCH;
	default:
		arrow_input_damaged(&reader->in, reader->msg.offset,
				    "expected a batch, found a message of type %u",
				    reader->msg.type);
		return READER_DAMAGED;
	}
}

int arrow_reader_next(struct arrow_reader *reader, const struct arrow_batch **batch)
{
	int kind;

	do {
		kind = arrow_reader_next_message(reader);
	} while (kind == READER_DICTIONARY);
	*batch = kind == READER_BATCH ? &reader->batch : NULL;
	return kind;
}

uint32_t arrow_batch_nb_rows(const struct arrow_batch *batch)
{
	return batch->nb_rows;
}

static bool bit_at(const uint8_t *map, uint64_t i)
{
	return map[i / 8] >> (i & 7) & 1;
}

bool arrow_batch_is_null(const struct arrow_batch *batch, size_t field, uint32_t row)
{
	const struct reader_column *column = &batch->columns[field];
	const struct reader_field *type = &batch->reader->types[field];

	assert(field < batch->reader->nb_fields && row < batch->nb_rows);
	if (column->validity && !bit_at(column->validity, row))
		return true;
	/* A dictionary may hold a null, too. */
	return type->is_dictionary && column->dictionary->column.validity &&
	       !bit_at(column->dictionary->column.validity,
		       (uint64_t)reader_number(column->values, type, row));
}

int64_t arrow_batch_int(const struct arrow_batch *batch, size_t field, uint32_t row)
{
	const struct reader_column *column = &batch->columns[field];

	assert(field < batch->reader->nb_fields && row < batch->nb_rows);
	switch (batch->reader->fields[field].kind) {
	case ARROW_BOOL:
		return bit_at(column->values, row);
	case ARROW_INT:
	case ARROW_TIMESTAMP:
		return reader_number(column->values, &batch->reader->types[field], row);
	case ARROW_TEXT:
		break;
	}
	return 0;
}

const char *arrow_batch_text(const struct arrow_batch *batch, size_t field, uint32_t row,
			     size_t *len)
{
	const struct reader_column *column = &batch->columns[field];
	size_t i = row;
	int32_t start;

	*len = 0;
	if (batch->reader->fields[field].kind != ARROW_TEXT ||
	    arrow_batch_is_null(batch, field, row))
		return "";
	if (batch->reader->types[field].is_dictionary) {
		i = (size_t)reader_number(column->values, &batch->reader->types[field], row);
		column = &column->dictionary->column;
	}
	start = reader_offset(column->values, i);
	*len = (size_t)(reader_offset(column->values, i + 1) - start);
	return *len ? (const char *)column->text + start : "";
}
