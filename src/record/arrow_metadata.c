/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tcpmill/arrow.h>
#include <tcpmill/record.h>

#include "arrow_priv.h"
#include "flatbuffer_priv.h"

static_assert(sizeof(ARROW_MAGIC) == ARROW_MAGIC_LEN, "the magic and two zero bytes");

void arrow_put64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

size_t arrow_nb_buffers(const struct column *column)
{
	return column->type == COLUMN_TEXT || column->type == COLUMN_ADDRESS ? 3 : 2;
}

size_t arrow_build_metadata(struct flatbuffer *fb, const struct arrow_kv *metadata, size_t nb)
{
	static const uint8_t kv_widths[NB_KV_SLOTS] = {4, 4};
	const size_t vector = flatbuffer_vector(fb, nb, 4, 4);

	for (size_t i = 0; i < nb; i++) {
		const size_t kv = flatbuffer_table(fb, kv_widths, NB_KV_SLOTS);

		flatbuffer_ref(fb, vector + 4 + 4 * i, kv);
		flatbuffer_ref(fb, flatbuffer_slot(fb, kv, KV_KEY),
			       flatbuffer_string(fb, metadata[i].key));
		flatbuffer_ref(fb, flatbuffer_slot(fb, kv, KV_VALUE),
			       flatbuffer_string(fb, metadata[i].value));
	}
	return vector;
}

static size_t build_int(struct flatbuffer *fb, unsigned int bits, bool is_signed)
{
	static const uint8_t widths[NB_INT_SLOTS] = {4, 1};
	const size_t table = flatbuffer_table(fb, widths, NB_INT_SLOTS);

	flatbuffer_put(fb, flatbuffer_slot(fb, table, INT_BITS), bits, 4);
	flatbuffer_put(fb, flatbuffer_slot(fb, table, INT_SIGNED), is_signed, 1);
	return table;
}

static size_t build_timestamp(struct flatbuffer *fb)
{
	static const uint8_t widths[NB_TIMESTAMP_SLOTS] = {2, 4};
	const size_t table = flatbuffer_table(fb, widths, NB_TIMESTAMP_SLOTS);

	flatbuffer_put(fb, flatbuffer_slot(fb, table, TIMESTAMP_UNIT), ARROW_UNIT_NS, 2);
	flatbuffer_ref(fb, flatbuffer_slot(fb, table, TIMESTAMP_ZONE),
		       flatbuffer_string(fb, "UTC"));
	return table;
}

/* The type table of a column; *tag says which it is. Dictionaries have that of their values. */
static size_t build_type(struct flatbuffer *fb, enum column_type type, enum arrow_type *tag)
{
	*tag = ARROW_TYPE_INT;
	switch (type) {
	case COLUMN_INT8:
		return build_int(fb, 8, true);
	case COLUMN_INT16:
		return build_int(fb, 16, true);
	case COLUMN_INT32:
		return build_int(fb, 32, true);
	case COLUMN_INT64:
		return build_int(fb, 64, true);
	case COLUMN_UINT16:
		return build_int(fb, 16, false);
	case COLUMN_BOOL:
		*tag = ARROW_TYPE_BOOL;
		break;
	case COLUMN_TIMESTAMP:
		*tag = ARROW_TYPE_TIMESTAMP;
		return build_timestamp(fb);
	case COLUMN_DICT:
	case COLUMN_TEXT:
	case COLUMN_ADDRESS:
		*tag = ARROW_TYPE_UTF8;
		break;
	}
	return flatbuffer_table(fb, NULL, 0);
}

static size_t build_encoding(struct flatbuffer *fb, uint64_t id)
{
	static const uint8_t widths[NB_ENCODING_SLOTS] = {8, 4};
	const size_t table = flatbuffer_table(fb, widths, NB_ENCODING_SLOTS);

	flatbuffer_put(fb, flatbuffer_slot(fb, table, ENCODING_ID), id, 8);
	flatbuffer_ref(fb, flatbuffer_slot(fb, table, ENCODING_INDEX), build_int(fb, 8, true));
	return table;
}

/* What the column table knows beyond name and type; returns how many. */
static size_t column_metadata(const struct column *column, struct arrow_kv kv[5])
{
	const struct arrow_kv all[5] = {
		{"help", column->help},   {"unit", column->unit}, {"zeek", column->zeek},
		{"ipfix", column->ipfix}, {"ecs", column->ecs},
	};
	size_t nb = 0;

	for (size_t i = 0; i < 5; i++)
		if (all[i].value)
			kv[nb++] = all[i];
	return nb;
}

static size_t build_field(struct flatbuffer *fb, const struct column *column, uint64_t id)
{
	struct arrow_kv kv[5];
	const size_t nb_kv = column_metadata(column, kv);
	const bool is_dict = column->type == COLUMN_DICT;
	const uint8_t widths[NB_FIELD_SLOTS] = {
		[FIELD_NAME] = 4,
		[FIELD_NULLABLE] = 1,
		[FIELD_TYPE] = 1,
		[FIELD_TYPE_TABLE] = 4,
		[FIELD_CHILDREN] = 4,
		[FIELD_DICTIONARY] = is_dict ? 4 : 0,
		[FIELD_METADATA] = nb_kv ? 4 : 0,
	};
	const size_t field = flatbuffer_table(fb, widths, NB_FIELD_SLOTS);
	enum arrow_type tag;
	size_t type;

	flatbuffer_ref(fb, flatbuffer_slot(fb, field, FIELD_NAME),
		       flatbuffer_string(fb, column->name));
	flatbuffer_put(fb, flatbuffer_slot(fb, field, FIELD_NULLABLE), column->nullable, 1);
	type = build_type(fb, column->type, &tag);
	flatbuffer_put(fb, flatbuffer_slot(fb, field, FIELD_TYPE), tag, 1);
	flatbuffer_ref(fb, flatbuffer_slot(fb, field, FIELD_TYPE_TABLE), type);
	if (is_dict)
		flatbuffer_ref(fb, flatbuffer_slot(fb, field, FIELD_DICTIONARY),
			       build_encoding(fb, id));
	/* Empty, but some readers refuse a field without it. */
	flatbuffer_ref(fb, flatbuffer_slot(fb, field, FIELD_CHILDREN),
		       flatbuffer_vector(fb, 0, 4, 4));
	if (nb_kv)
		flatbuffer_ref(fb, flatbuffer_slot(fb, field, FIELD_METADATA),
			       arrow_build_metadata(fb, kv, nb_kv));
	return field;
}

size_t arrow_build_schema(struct flatbuffer *fb, const struct table_format *format,
			  const struct arrow_kv *metadata, size_t nb)
{
	const uint8_t widths[NB_SCHEMA_SLOTS] = {
		[SCHEMA_FIELDS] = 4,
		[SCHEMA_METADATA] = nb ? 4 : 0,
	};
	const size_t schema = flatbuffer_table(fb, widths, NB_SCHEMA_SLOTS);
	const size_t fields = flatbuffer_vector(fb, format->nb_columns, 4, 4);

	flatbuffer_ref(fb, flatbuffer_slot(fb, schema, SCHEMA_FIELDS), fields);
	for (size_t i = 0; i < format->nb_columns; i++)
		flatbuffer_ref(fb, fields + 4 + 4 * i, build_field(fb, &format->columns[i], i));
	if (nb)
		flatbuffer_ref(fb, flatbuffer_slot(fb, schema, SCHEMA_METADATA),
			       arrow_build_metadata(fb, metadata, nb));
	return schema;
}

/* Starts a flatbuffer with a Message table and makes it the root. */
static size_t begin_message(struct flatbuffer *fb, enum arrow_header type)
{
	static const uint8_t widths[NB_MESSAGE_SLOTS] = {2, 1, 4, 8};
	size_t message;

	flatbuffer_init(fb);
	message = flatbuffer_table(fb, widths, NB_MESSAGE_SLOTS);
	flatbuffer_ref(fb, 0, message);
	flatbuffer_put(fb, flatbuffer_slot(fb, message, MESSAGE_VERSION), ARROW_VERSION_5, 2);
	flatbuffer_put(fb, flatbuffer_slot(fb, message, MESSAGE_TYPE), type, 1);
	return message;
}

/* Appends a RecordBatch table with zero numbers. */
static size_t build_record_batch(struct flatbuffer *fb, size_t nb_nodes, size_t nb_buffers,
				 bool is_compressed, struct arrow_batch_places *places)
{
	static const uint8_t compression_widths[NB_COMPRESSION_SLOTS] = {1, 1};
	const uint8_t widths[NB_BATCH_SLOTS] = {8, 4, 4, is_compressed ? 4 : 0};
	const size_t batch = flatbuffer_table(fb, widths, NB_BATCH_SLOTS);
	const size_t nodes = flatbuffer_vector(fb, nb_nodes, ARROW_NODE_LEN, 8);
	const size_t buffers = flatbuffer_vector(fb, nb_buffers, ARROW_BUFFER_LEN, 8);

	flatbuffer_ref(fb, flatbuffer_slot(fb, batch, BATCH_NODES), nodes);
	flatbuffer_ref(fb, flatbuffer_slot(fb, batch, BATCH_BUFFERS), buffers);
	/* Both fields are 0 (LZ4_FRAME, BUFFER); that the table is there says it all. */
	if (is_compressed)
		flatbuffer_ref(fb, flatbuffer_slot(fb, batch, BATCH_COMPRESSION),
			       flatbuffer_table(fb, compression_widths, NB_COMPRESSION_SLOTS));
	places->nb_rows = flatbuffer_slot(fb, batch, BATCH_LENGTH);
	places->nodes = nodes + 4;
	places->buffers = buffers + 4;
	return batch;
}

void arrow_build_batch(struct flatbuffer *fb, const struct table_format *format,
		       struct arrow_batch_places *places)
{
	const size_t message = begin_message(fb, ARROW_HEADER_BATCH);
	size_t nb_buffers = 0;

	for (size_t i = 0; i < format->nb_columns; i++)
		nb_buffers += arrow_nb_buffers(&format->columns[i]);
	flatbuffer_ref(fb, flatbuffer_slot(fb, message, MESSAGE_HEADER),
		       build_record_batch(fb, format->nb_columns, nb_buffers, true, places));
	places->body_len = flatbuffer_slot(fb, message, MESSAGE_BODY_LEN);
}

size_t arrow_metadata_len(const struct flatbuffer *fb)
{
	return (ARROW_PREFIX_LEN + fb->len + 7) & ~(size_t)7;
}

void arrow_put_metadata(const struct flatbuffer *fb, uint8_t *out)
{
	const size_t len = arrow_metadata_len(fb);

	arrow_put64(out, ARROW_CONTINUATION | (uint64_t)(len - ARROW_PREFIX_LEN) << 32);
	memcpy(out + ARROW_PREFIX_LEN, fb->data, fb->len);
	memset(out + ARROW_PREFIX_LEN + fb->len, 0, len - ARROW_PREFIX_LEN - fb->len);
}

/* Makes fb, and room for body_len zero bytes behind it, a message; ends fb. 0 or -ENOMEM. */
static int finish_message(struct flatbuffer *fb, size_t body_len, struct arrow_message *msg)
{
	*msg = (struct arrow_message){.metadata_len = arrow_metadata_len(fb), .body_len = body_len};
	msg->len = msg->metadata_len + body_len;
	msg->data = fb->failed ? NULL : calloc(1, msg->len);
	if (msg->data)
		arrow_put_metadata(fb, msg->data);
	flatbuffer_fini(fb);
	return msg->data ? 0 : -ENOMEM;
}

int arrow_schema_message(const struct table_format *format, const struct arrow_kv *metadata,
			 size_t nb, struct arrow_message *msg)
{
	struct flatbuffer fb;
	const size_t message = begin_message(&fb, ARROW_HEADER_SCHEMA);

	flatbuffer_ref(&fb, flatbuffer_slot(&fb, message, MESSAGE_HEADER),
		       arrow_build_schema(&fb, format, metadata, nb));
	return finish_message(&fb, 0, msg);
}

/*
 * Dictionaries travel uncompressed: they are small, and at least one reader
 * takes the compressed bytes for offsets.
 */
int arrow_dictionary_message(uint64_t id, const char *const *values, struct arrow_message *msg)
{
	static const uint8_t widths[] = {8, 4};
	struct arrow_batch_places places;
	struct flatbuffer fb;
	const size_t message = begin_message(&fb, ARROW_HEADER_DICTIONARY);
	const size_t dictionary = flatbuffer_table(&fb, widths, sizeof(widths));
	size_t nb = 0, text_len = 0, text_at, body_len;
	uint8_t *offset, *text;
	uint32_t end = 0;
	int ret;

	for (; values[nb]; nb++)
		text_len += strlen(values[nb]);
	text_at = (4 * (nb + 1) + ARROW_BODY_ALIGN - 1) & ~(size_t)(ARROW_BODY_ALIGN - 1);
	body_len = (text_at + text_len + ARROW_BODY_ALIGN - 1) & ~(size_t)(ARROW_BODY_ALIGN - 1);

	flatbuffer_ref(&fb, flatbuffer_slot(&fb, message, MESSAGE_HEADER), dictionary);
	flatbuffer_put(&fb, flatbuffer_slot(&fb, message, MESSAGE_BODY_LEN), body_len, 8);
	flatbuffer_put(&fb, flatbuffer_slot(&fb, dictionary, DICTIONARY_ID), id, 8);
	flatbuffer_ref(&fb, flatbuffer_slot(&fb, dictionary, DICTIONARY_DATA),
		       build_record_batch(&fb, 1, 3, false, &places));
	flatbuffer_put(&fb, places.nb_rows, nb, 8);
	flatbuffer_put(&fb, places.nodes, nb, 8);
	/* Buffer 0, the validity, stays empty: no value is null. */
	flatbuffer_put(&fb, places.buffers + ARROW_BUFFER_LEN + 8, 4 * (nb + 1), 8);
	flatbuffer_put(&fb, places.buffers + 2 * ARROW_BUFFER_LEN, text_at, 8);
	flatbuffer_put(&fb, places.buffers + 2 * ARROW_BUFFER_LEN + 8, text_len, 8);
	ret = finish_message(&fb, body_len, msg);
	if (ret)
		return ret;

	offset = msg->data + msg->metadata_len + 4;
	text = msg->data + msg->metadata_len + text_at;
	for (size_t i = 0; i < nb; i++, offset += 4) {
		const size_t len = strlen(values[i]);

		memcpy(text + end, values[i], len);
		end += (uint32_t)len;
		for (int b = 0; b < 4; b++)
			offset[b] = (uint8_t)(end >> (8 * b));
	}
	return 0;
}
