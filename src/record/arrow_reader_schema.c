/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow_priv.h"
#include "arrow_reader_priv.h"

/* A vector may list one table many times, so lists are bounded by number, not by the file. */
#define MAX_FIELDS 10000
#define MAX_KV 1000000

/* Reads [KeyValue]; false when it is damaged or memory is short. */
static bool parse_metadata(struct arrow_reader *reader, struct flatview *view,
			   const struct flatview_table *table, size_t slot, struct kv_list *list)
{
	const struct flatview_vector vector = flatview_elements(view, table, slot, 4);

	list->nb = 0;
	if (view->bad || vector.nb > MAX_KV - reader->nb_kv)
		return false;
	if (vector.nb == 0)
		return true;
	list->kv = calloc(vector.nb, sizeof(*list->kv));
	if (!list->kv)
		return false;
	for (uint32_t i = 0; i < vector.nb; i++) {
		const struct flatview_table kv = flatview_item(view, &vector, i);
		const char *key = flatview_text(view, &kv, KV_KEY);
		const char *value = flatview_text(view, &kv, KV_VALUE);

		list->kv[i].key = key ? key : "";
		list->kv[i].value = value ? value : "";
	}
	list->nb = vector.nb;
	reader->nb_kv += vector.nb;
	return !view->bad;
}

/* Width and sign of an Int table; false when no integer of ours. */
static bool parse_int(struct flatview *view, const struct flatview_table *table,
		      struct reader_field *type)
{
	const uint64_t bits = flatview_scalar(view, table, INT_BITS, 4, 0);

	type->is_signed = flatview_scalar(view, table, INT_SIGNED, 1, 0) != 0;
	type->width = (uint8_t)(bits / 8);
	return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

static const char *type_tag_name(unsigned int tag)
{
	static const char *const names[] = {
		"no type",
		"null",
		"int",
		"float",
		"binary",
		"utf8",
		"bool",
		"decimal",
		"date",
		"time",
		"timestamp",
		"interval",
		"list",
		"struct",
		"union",
		"fixed_size_binary",
		"fixed_size_list",
		"map",
		"duration",
		"large_binary",
		"large_utf8",
		"large_list",
		"run_end_encoded",
		"binary_view",
		"utf8_view",
	};

	return tag < sizeof(names) / sizeof(names[0]) ? names[tag] : "an unknown type";
}

static int refuse(struct arrow_reader *reader, size_t i, const char *what)
{
	return arrow_input_failed(&reader->in, "column %zu (%.64s) is %s, which is not read here",
				  i, reader->fields[i].name, what);
}

static int parse_timestamp(struct arrow_reader *reader, size_t i, struct flatview *view,
			   const struct flatview_table *table)
{
	const char *zone = flatview_text(view, table, TIMESTAMP_ZONE);

	if (flatview_scalar(view, table, TIMESTAMP_UNIT, 2, 0) != ARROW_UNIT_NS)
		return refuse(reader, i, "a timestamp in another unit than ns");
	reader->types[i].width = 8;
	reader->types[i].is_signed = true;
	reader->fields[i].kind = ARROW_TIMESTAMP;
	snprintf(reader->types[i].type_name, sizeof(reader->types[i].type_name),
		 "timestamp[ns%s%.40s]", zone ? ", " : "", zone ? zone : "");
	return 0;
}

static int parse_text(struct arrow_reader *reader, size_t i, struct flatview *view,
		      const struct flatview_table *field)
{
	const struct flatview_table encoding = flatview_sub(view, field, FIELD_DICTIONARY);
	struct reader_field *type = &reader->types[i];
	struct flatview_table index;

	reader->fields[i].kind = ARROW_TEXT;
	if (encoding.pos == 0) {
		snprintf(type->type_name, sizeof(type->type_name), "utf8");
		return 0;
	}
	type->is_dictionary = true;
	type->dictionary_id = (int64_t)flatview_scalar(view, &encoding, ENCODING_ID, 8, 0);
	/* Without an index type it is int32, says the format. */
	index = flatview_sub(view, &encoding, ENCODING_INDEX);
	type->width = 4;
	type->is_signed = true;
	if (index.pos && !parse_int(view, &index, type))
		return refuse(reader, i, "a dictionary with an odd index");
	snprintf(type->type_name, sizeof(type->type_name), "dictionary<%sint%d, utf8>",
		 type->is_signed ? "" : "u", 8 * type->width);
	return 0;
}

static int parse_type(struct arrow_reader *reader, size_t i, struct flatview *view,
		      const struct flatview_table *field)
{
	const unsigned int tag = (unsigned int)flatview_scalar(view, field, FIELD_TYPE, 1, 0);
	const struct flatview_table table = flatview_sub(view, field, FIELD_TYPE_TABLE);
	struct reader_field *type = &reader->types[i];

	if (tag == ARROW_TYPE_UTF8)
		return parse_text(reader, i, view, field);
	if (flatview_sub(view, field, FIELD_DICTIONARY).pos)
		return refuse(reader, i, "a dictionary of something else than utf8");
	switch (tag) {
	case ARROW_TYPE_INT:
		if (!parse_int(view, &table, type))
			return refuse(reader, i, "an integer of odd width");
		reader->fields[i].kind = ARROW_INT;
		snprintf(type->type_name, sizeof(type->type_name), "%sint%d",
			 type->is_signed ? "" : "u", 8 * type->width);
		return 0;
	case ARROW_TYPE_BOOL:
		reader->fields[i].kind = ARROW_BOOL;
		snprintf(type->type_name, sizeof(type->type_name), "bool");
		return 0;
	case ARROW_TYPE_TIMESTAMP:
		return parse_timestamp(reader, i, view, &table);
	default:
		return refuse(reader, i, type_tag_name(tag));
	}
}

/* Names are printed as headings: one that ends the line, or steers a terminal, is none. */
static bool has_controls(const char *name)
{
	for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++) {
		if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
			return true;
	}
	return false;
}

static int parse_field(struct arrow_reader *reader, size_t i, struct arrow_incoming *msg,
		       const struct flatview_table *field)
{
	struct flatview *view = &msg->view;
	struct arrow_field *out = &reader->fields[i];
	struct kv_list metadata = {0};
	bool is_whole;

	out->name = flatview_text(view, field, FIELD_NAME);
	if (!out->name)
		out->name = "";
	out->nullable = flatview_scalar(view, field, FIELD_NULLABLE, 1, 0) != 0;
	out->type_name = reader->types[i].type_name;
	is_whole = parse_metadata(reader, view, field, FIELD_METADATA, &metadata);
	out->metadata = metadata.kv;
	out->nb_metadata = metadata.nb;
	if (!is_whole || view->bad)
		return arrow_input_damaged(&reader->in, msg->offset, "column %zu of the schema", i);
	if (has_controls(out->name))
		return arrow_input_damaged(&reader->in, msg->offset,
					   "expected a name of column %zu to print, found control "
					   "characters in it",
					   i);
	return parse_type(reader, i, view, field);
}

int reader_parse_schema(struct arrow_reader *reader, struct arrow_incoming *msg)
{
	struct flatview *view = &msg->view;
	const struct flatview_vector fields =
		flatview_elements(view, &msg->header, SCHEMA_FIELDS, 4);

	if (flatview_scalar(view, &msg->header, SCHEMA_ENDIANNESS, 2, 0) != 0)
		return arrow_input_failed(&reader->in, "big-endian tables are not read here");
	if (view->bad || fields.nb > MAX_FIELDS)
		return arrow_input_damaged(&reader->in, msg->offset,
					   "a schema of %" PRIu32 " columns", fields.nb);
	reader->fields = calloc(fields.nb + 1u, sizeof(*reader->fields));
	reader->types = calloc(fields.nb + 1u, sizeof(*reader->types));
	reader->batch.columns = calloc(fields.nb + 1u, sizeof(*reader->batch.columns));
	if (!reader->fields || !reader->types || !reader->batch.columns)
		return arrow_input_failed(&reader->in, "out of memory");
	for (uint32_t i = 0; i < fields.nb; i++) {
		const struct flatview_table field = flatview_item(view, &fields, i);

		reader->nb_fields = i + 1u;
		if (parse_field(reader, i, msg, &field) != 0)
			return -1;
	}
	if (!parse_metadata(reader, view, &msg->header, SCHEMA_METADATA, &reader->metadata) ||
	    view->bad)
		return arrow_input_damaged(&reader->in, msg->offset, "the schema's metadata");

	/* Names stay where they are: the reader keeps this message's metadata. */
	reader->schema = msg->metadata;
	msg->metadata = (struct arrow_bytes){0};
	return 0;
}

void reader_parse_footer(struct arrow_reader *reader)
{
	struct flatview view = {.data = reader->in.footer.data, .len = reader->in.footer.len};
	struct flatview_table footer;
	struct flatview_vector batches;

	if (view.len == 0)
		return;
	footer = flatview_root(&view);
	batches = flatview_elements(&view, &footer, FOOTER_BATCHES, ARROW_BLOCK_LEN);
	if (!parse_metadata(reader, &view, &footer, FOOTER_METADATA, &reader->footer) || view.bad) {
		free(reader->footer.kv);
		reader->footer = (struct kv_list){0};
		return;
	}
	reader->nb_batches_in_footer = batches.nb;
	reader->has_footer = true;
}
