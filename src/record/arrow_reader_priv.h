/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_READER_PRIV_H
#define TCPMILL_ARROW_READER_PRIV_H

/* What the reader's files share: schema.c fills fields, batch.c fills columns. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tcpmill/arrow.h>

#include "arrow_input_priv.h"

struct lz4_unpacker;

/* How a field is stored, beyond what arrow_field tells the caller. */
struct reader_field {
	uint8_t width; /* bytes of a value or an index; 0 for bool and plain text */
	bool is_signed;
	bool is_dictionary;
	int64_t dictionary_id;
	char type_name[64];
};

/* One column of a batch. Nothing is aligned: read through memcpy(). */
struct reader_column {
	const uint8_t *validity; /* NULL: no nulls */
	const uint8_t *values;   /* values, indices, bits, or offsets of text */
	const uint8_t *text;
	const struct reader_dictionary *dictionary;
	struct arrow_bytes unpacked[3];
};

struct reader_dictionary {
	int64_t id;
	uint32_t nb;
	struct arrow_bytes body; /* the message's, which plain buffers point into */
	struct reader_column column;
};

struct arrow_batch {
	const struct arrow_reader *reader;
	uint32_t nb_rows;
	struct reader_column *columns;
};

struct kv_list {
	struct arrow_kv *kv; /* strings lie in the metadata they came from */
	size_t nb;
};

struct arrow_reader {
	struct arrow_input in;
	char *path;
	struct arrow_bytes schema; /* metadata of the schema message; names point into it */
	size_t nb_fields;
	struct arrow_field *fields;
	struct reader_field *types;
	struct kv_list metadata, footer;
	size_t nb_kv; /* of all lists together, for the limit */
	bool has_footer;
	bool is_at_end;
	uint64_t nb_batches_in_footer, nb_batches;
	struct arrow_incoming msg;
	struct lz4_unpacker *unpacker;
	struct arrow_batch batch;
	size_t nb_dictionaries;
	struct reader_dictionary **dictionaries;
};

/* A value or an index; what a uint64 has above INT64_MAX is cut off. */
static inline int64_t reader_number(const uint8_t *values, const struct reader_field *type,
				    size_t row)
{
	uint64_t value = 0;

	memcpy(&value, values + row * type->width, type->width);
	if (!type->is_signed)
		return value > INT64_MAX ? INT64_MAX : (int64_t)value;
	switch (type->width) {
	case 1:
		return (int8_t)value;
	case 2:
		return (int16_t)value;
	case 4:
		return (int32_t)value;
	default:
		return (int64_t)value;
	}
}

/* Where text i begins. */
static inline int32_t reader_offset(const uint8_t *offsets, size_t i)
{
	int32_t value;

	memcpy(&value, offsets + 4 * i, 4);
	return value;
}

/* arrow_reader.c */
enum { READER_DAMAGED = -1, READER_END, READER_BATCH, READER_DICTIONARY };
/* The next message, decoded; a batch is in reader->batch. One of the above. */
int arrow_reader_next_message(struct arrow_reader *reader);

/* arrow_reader_schema.c */
int reader_parse_schema(struct arrow_reader *reader, struct arrow_incoming *msg);
/* A footer that makes no sense is as good as none. */
void reader_parse_footer(struct arrow_reader *reader);

/* arrow_reader_batch.c */
int reader_decode_batch(struct arrow_reader *reader, struct arrow_incoming *msg);
int reader_decode_dictionary(struct arrow_reader *reader, struct arrow_incoming *msg);
void reader_column_fini(struct reader_column *column);

#endif
