/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_PRIV_H
#define TCPMILL_ARROW_PRIV_H

/*
 * The words of Arrow's IPC metadata, and how this project builds them.
 * Numbers are those of apache/arrow format/{Message,Schema,File}.fbs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrow_kv;
struct arrow_message;
struct column;
struct flatbuffer;
struct table_format;

#define ARROW_MAGIC "ARROW1\0" /* 8 bytes with the literal's own NUL; at the end only 6 */
#define ARROW_MAGIC_LEN 8
#define ARROW_TAIL_LEN 10 /* int32 footer length, 6 bytes of magic */
#define ARROW_PREFIX_LEN 8
#define ARROW_CONTINUATION 0xffffffffu
#define ARROW_BODY_ALIGN 64

#define ARROW_VERSION_4 3
#define ARROW_VERSION_5 4

enum arrow_header {
	ARROW_HEADER_SCHEMA = 1,
	ARROW_HEADER_DICTIONARY = 2,
	ARROW_HEADER_BATCH = 3,
};

enum arrow_type {
	ARROW_TYPE_INT = 2,
	ARROW_TYPE_UTF8 = 5,
	ARROW_TYPE_BOOL = 6,
	ARROW_TYPE_TIMESTAMP = 10,
};

#define ARROW_UNIT_NS 3
#define ARROW_CODEC_LZ4_FRAME 0

/* Slots of the tables. */
enum { MESSAGE_VERSION, MESSAGE_TYPE, MESSAGE_HEADER, MESSAGE_BODY_LEN, NB_MESSAGE_SLOTS };
enum { SCHEMA_ENDIANNESS, SCHEMA_FIELDS, SCHEMA_METADATA, NB_SCHEMA_SLOTS };
enum {
	FIELD_NAME,
	FIELD_NULLABLE,
	FIELD_TYPE,
	FIELD_TYPE_TABLE,
	FIELD_DICTIONARY,
	FIELD_CHILDREN,
	FIELD_METADATA,
	NB_FIELD_SLOTS,
};
enum { INT_BITS, INT_SIGNED, NB_INT_SLOTS };
enum { TIMESTAMP_UNIT, TIMESTAMP_ZONE, NB_TIMESTAMP_SLOTS };
enum { ENCODING_ID, ENCODING_INDEX, NB_ENCODING_SLOTS };
enum { KV_KEY, KV_VALUE, NB_KV_SLOTS };
enum { BATCH_LENGTH, BATCH_NODES, BATCH_BUFFERS, BATCH_COMPRESSION, NB_BATCH_SLOTS };
enum { COMPRESSION_CODEC, COMPRESSION_METHOD, NB_COMPRESSION_SLOTS };
enum { DICTIONARY_ID, DICTIONARY_DATA, DICTIONARY_IS_DELTA, NB_DICTIONARY_SLOTS };
enum {
	FOOTER_VERSION,
	FOOTER_SCHEMA,
	FOOTER_DICTIONARIES,
	FOOTER_BATCHES,
	FOOTER_METADATA,
	NB_FOOTER_SLOTS,
};

/* Structs inside vectors. */
#define ARROW_NODE_LEN 16   /* int64 length, int64 null_count */
#define ARROW_BUFFER_LEN 16 /* int64 offset, int64 length */
#define ARROW_BLOCK_LEN 24  /* int64 offset, int32 metadata length, pad, int64 body length */

/* ---- building ---------------------------------------------------------- */

/* Where the numbers of a record batch lie in its flatbuffer, to be patched. */
struct arrow_batch_places {
	size_t body_len;
	size_t nb_rows;
	size_t nodes;   /* the first FieldNode */
	size_t buffers; /* the first Buffer */
};

/* Buffers of one column in a record batch: 2, or 3 for text. */
size_t arrow_nb_buffers(const struct column *column);

/* Appends a Schema table, or the metadata's [KeyValue]; their positions. */
size_t arrow_build_schema(struct flatbuffer *fb, const struct table_format *format,
			  const struct arrow_kv *metadata, size_t nb);
size_t arrow_build_metadata(struct flatbuffer *fb, const struct arrow_kv *metadata, size_t nb);

/* Builds the whole Message of a compressed record batch, numbers zero. */
void arrow_build_batch(struct flatbuffer *fb, const struct table_format *format,
		       struct arrow_batch_places *places);

/* Finished messages; msg->data is the caller's. 0 or -ENOMEM. */
int arrow_schema_message(const struct table_format *format, const struct arrow_kv *metadata,
			 size_t nb, struct arrow_message *msg);
int arrow_dictionary_message(uint64_t id, const char *const *values, struct arrow_message *msg);

/* The length of fb as metadata of a message, prefix and padding included. */
size_t arrow_metadata_len(const struct flatbuffer *fb);

/* Writes prefix and metadata, arrow_metadata_len() bytes, to the start of a message. */
void arrow_put_metadata(const struct flatbuffer *fb, uint8_t *out);

/* Little-endian 64 bits anywhere. */
void arrow_put64(uint8_t *out, uint64_t value);

#endif
