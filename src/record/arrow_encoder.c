/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows in, record batches out. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tcpmill/arrow.h>
#include <tcpmill/record.h>

#include "arrow_priv.h"
#include "column_buffers_priv.h"
#include "flatbuffer_priv.h"
#include "lz4_priv.h"

#define MAX_ROWS (1u << 26)
struct arrow_encoder {
	const struct table_format *format;
	struct flatbuffer header; /* of a record batch; the numbers are patched */
	struct arrow_batch_places places;
	struct lz4_packer *packer;
	uint8_t *arena;   /* values and validity of all columns */
	uint8_t *changes; /* [row_size] of the tile at hand */
	uint32_t nb_rows, max_rows;
	int error; /* sticky until the next finish */
	struct column_buffers buffers[];
};

static size_t align_body(size_t len)
{
	return (len + ARROW_BODY_ALIGN - 1) & ~(size_t)(ARROW_BODY_ALIGN - 1);
}

/* Gives each column its part of the arena; with arena NULL only adds up. */
static size_t place_columns(struct arrow_encoder *encoder, uint8_t *arena)
{
	size_t len = 0;

	for (size_t i = 0; i < encoder->format->nb_columns; i++) {
		const struct column *column = &encoder->format->columns[i];
		const size_t values = column_values_len(column->type, encoder->max_rows);
		const size_t bits = column_values_len(COLUMN_BOOL, encoder->max_rows);

		if (arena)
			encoder->buffers[i].values = arena + len;
		len += align_body(values + COLUMN_SLACK);
		if (!column->nullable)
			continue;
		if (arena)
			encoder->buffers[i].validity = arena + len;
		len += align_body(bits + COLUMN_SLACK);
	}
	return len;
}

struct arrow_encoder *arrow_encoder_create(const struct table_format *format, uint32_t max_rows)
{
	struct arrow_encoder *encoder;

	if (max_rows == 0 || max_rows > MAX_ROWS || format->nb_columns == 0) {
		errno = EINVAL;
		return NULL;
	}
	encoder = calloc(1, sizeof(*encoder) + format->nb_columns * sizeof(encoder->buffers[0]));
	if (!encoder)
		return NULL;
	encoder->format = format;
	encoder->max_rows = max_rows;
	arrow_build_batch(&encoder->header, format, &encoder->places);
	encoder->packer = lz4_packer_create();
	/* calloc() maps zero pages at this size: none is touched before its rows come. */
	encoder->arena = calloc(1, place_columns(encoder, NULL));
	encoder->changes = malloc(format->row_size);
	if (encoder->header.failed || !encoder->packer || !encoder->arena || !encoder->changes) {
		arrow_encoder_destroy(encoder);
		errno = ENOMEM;
		return NULL;
	}
	place_columns(encoder, encoder->arena);
	for (size_t i = 0; i < format->nb_columns; i++)
		column_init(&encoder->buffers[i], &format->columns[i]);
	return encoder;
}

void arrow_encoder_destroy(struct arrow_encoder *encoder)
{
	if (!encoder)
		return;
	for (size_t i = 0; i < encoder->format->nb_columns; i++)
		free(encoder->buffers[i].text);
	free(encoder->arena);
	free(encoder->changes);
	lz4_packer_destroy(encoder->packer);
	flatbuffer_fini(&encoder->header);
	free(encoder);
}

static void append_tile(struct arrow_encoder *encoder, const uint8_t *rows, uint32_t nb)
{
	const size_t row_size = encoder->format->row_size;

	column_find_changes(encoder->changes, rows, row_size, nb);
	for (size_t c = 0; c < encoder->format->nb_columns; c++) {
		const int ret =
			column_append(&encoder->buffers[c], &encoder->format->columns[c], rows,
				      row_size, encoder->nb_rows, nb, encoder->changes);

		if (ret)
			encoder->error = ret;
	}
	encoder->nb_rows += nb;
}

void arrow_encoder_append(struct arrow_encoder *encoder, const void *rows, uint32_t nb)
{
	const uint8_t *row = rows;

	assert(nb <= encoder->max_rows - encoder->nb_rows);
	while (nb > 0 && !encoder->error) {
		const uint32_t tile = nb < COLUMN_TILE_MAX ? nb : COLUMN_TILE_MAX;

		append_tile(encoder, row, tile);
		row += tile * encoder->format->row_size;
		nb -= tile;
	}
}

/* Room for one Buffer. */
static size_t buffer_bound(const struct column_body *body)
{
	if (body->len == 0)
		return 0;
	return align_body(body->data ? lz4_pack_bound(body->len) : lz4_run_bound(body->len));
}

static size_t body_bound(struct arrow_encoder *encoder)
{
	struct column_body body[3];
	size_t len = 0;

	for (size_t c = 0; c < encoder->format->nb_columns; c++) {
		const size_t nb = column_body(&encoder->buffers[c], &encoder->format->columns[c],
					      encoder->nb_rows, body);

		for (size_t b = 0; b < nb; b++)
			len += buffer_bound(&body[b]);
	}
	return len;
}

/* Packs one Buffer; its length, or 0 when LZ4 failed. */
static size_t pack_buffer(struct lz4_packer *packer, const struct column_body *body, uint8_t *out,
			  size_t size)
{
	if (body->data)
		return lz4_pack(packer, body->data, body->len, out, size);
	return lz4_pack_run(packer, body->value, body->width, body->len, out, size);
}

/* Packs all buffers into msg and writes down where they are. 0 or -EIO. */
static int pack_body(struct arrow_encoder *encoder, struct arrow_message *msg, size_t size)
{
	uint8_t *metadata = msg->data + ARROW_PREFIX_LEN;
	uint8_t *node = metadata + encoder->places.nodes;
	uint8_t *buffer = metadata + encoder->places.buffers;
	uint8_t *out = msg->data + msg->metadata_len;
	struct column_body body[3];
	size_t at = 0;

	for (size_t c = 0; c < encoder->format->nb_columns; c++, node += ARROW_NODE_LEN) {
		const size_t nb = column_body(&encoder->buffers[c], &encoder->format->columns[c],
					      encoder->nb_rows, body);

		arrow_put64(node, encoder->nb_rows);
		arrow_put64(node + 8, encoder->buffers[c].nb_nulls);
		for (size_t b = 0; b < nb; b++, buffer += ARROW_BUFFER_LEN) {
			size_t len = 0;

			if (body[b].len) {
				len = pack_buffer(encoder->packer, &body[b], out + at, size - at);
				if (len == 0)
					return -EIO;
			}
			arrow_put64(buffer, at);
			arrow_put64(buffer + 8, len);
			memset(out + at + len, 0, align_body(len) - len);
			at += align_body(len);
		}
	}
	arrow_put64(metadata + encoder->places.nb_rows, encoder->nb_rows);
	arrow_put64(metadata + encoder->places.body_len, at);
	msg->body_len = at;
	msg->len = msg->metadata_len + at;
	return 0;
}

static void start_over(struct arrow_encoder *encoder)
{
	for (size_t c = 0; c < encoder->format->nb_columns; c++)
		column_start_over(&encoder->buffers[c], &encoder->format->columns[c],
				  encoder->nb_rows);
	encoder->nb_rows = 0;
	encoder->error = 0;
}

/* Room for size bytes, and for the next batch that needs a little more. 0 or -ENOMEM. */
static int reserve(struct arrow_message *msg, size_t size)
{
	if (msg->data && msg->room >= size)
		return 0;
	free(msg->data); /* nothing of it is kept: no realloc() */
	msg->room = size + size / 8;
	msg->data = malloc(msg->room);
	return msg->data ? 0 : -ENOMEM;
}

int arrow_encoder_finish_into(struct arrow_encoder *encoder, struct arrow_message *msg)
{
	const size_t bound = body_bound(encoder);
	int ret = encoder->error;

	msg->metadata_len = arrow_metadata_len(&encoder->header);
	msg->nb_rows = encoder->nb_rows;
	if (!ret)
		ret = reserve(msg, msg->metadata_len + bound);
	if (!ret) {
		arrow_put_metadata(&encoder->header, msg->data);
		ret = pack_body(encoder, msg, bound);
	}
	start_over(encoder);
	if (ret) {
		free(msg->data);
		*msg = (struct arrow_message){0};
	}
	return ret;
}

int arrow_encoder_finish(struct arrow_encoder *encoder, struct arrow_message *msg)
{
	uint8_t *data;
	int ret;

	*msg = (struct arrow_message){0};
	ret = arrow_encoder_finish_into(encoder, msg);
	if (ret)
		return ret;
	data = realloc(msg->data, msg->len);
	if (data) {
		msg->data = data;
		msg->room = msg->len;
	}
	return 0;
}
