/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows in memory: numbers as wide as their type, texts as the 32-bit place of
 * one shared copy (addresses and words repeat), one bit per null.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyed_hash.h"
#include "show_priv.h"
#include "tcpmill/arrow.h"

struct show_store {
	size_t nb_fields;
	size_t row_size;
	size_t null_size; /* bytes of null bits in front of each row */
	uint8_t *kept;    /* [nb_fields] enum show_kept */
	uint8_t *rows;
	size_t nb_rows, max_rows;
	char *pool; /* texts, each behind its length of 4 bytes */
	size_t pool_used, pool_size;
	uint32_t *index; /* open addressing over the pool: place + 1, 0 = free */
	struct keyed_hash hash;
	size_t index_size, index_used;
};

static const uint8_t kept_size[] = {
	[SHOW_KEPT_NOT] = 0, [SHOW_KEPT_1] = 1, [SHOW_KEPT_2] = 2,
	[SHOW_KEPT_4] = 4,   [SHOW_KEPT_8] = 8, [SHOW_KEPT_TEXT] = 4,
};

static enum show_kept kept_of(const struct arrow_field *field)
{
	static const struct {
		const char *type;
		enum show_kept kept;
	} widths[] = {
		{"int8", SHOW_KEPT_1},  {"int16", SHOW_KEPT_2},  {"int32", SHOW_KEPT_4},
		{"uint8", SHOW_KEPT_2}, {"uint16", SHOW_KEPT_4},
	};

	if (field->kind == ARROW_TEXT)
		return SHOW_KEPT_TEXT;
	if (field->kind == ARROW_BOOL)
		return SHOW_KEPT_1;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (field->kind == ARROW_INT && strcmp(field->type_name, widths[i].type) == 0)
			return widths[i].kept;
	}
	return SHOW_KEPT_8;
}

void show_kept_fill(const struct arrow_reader *reader, const bool *needed, uint8_t *kept)
{
	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++)
		kept[i] =
			needed[i] ? (uint8_t)kept_of(arrow_reader_field(reader, i)) : SHOW_KEPT_NOT;
}

struct show_store *show_store_create(const uint8_t *kept, size_t nb_fields)
{
	struct show_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	keyed_hash_init(&store->hash);
	store->nb_fields = nb_fields;
	store->kept = malloc(nb_fields + 1);
	if (!store->kept) {
		free(store);
		return NULL;
	}
	memcpy(store->kept, kept, nb_fields);
	store->null_size = (nb_fields + 7) / 8;
	store->row_size = store->null_size;
	for (size_t i = 0; i < nb_fields; i++)
		store->row_size += kept_size[kept[i]];
	if (store->row_size == 0)
		store->row_size = 1; /* a file without fields still has rows */
	return store;
}

void show_store_destroy(struct show_store *store)
{
	if (!store)
		return;
	free(store->kept);
	free(store->rows);
	free(store->pool);
	free(store->index);
	free(store);
}

static const char *pool_text(const struct show_store *store, uint32_t place, size_t *len)
{
	uint32_t length;

	memcpy(&length, store->pool + place, sizeof(length));
	*len = length;
	return store->pool + place + sizeof(length);
}

/* Where in the index a text is or belongs. */
static size_t index_find(const struct show_store *store, const char *s, size_t len)
{
	size_t mask = store->index_size - 1;
	size_t at = (size_t)keyed_hash_of(&store->hash, 0, s, len) & mask;

	for (; store->index[at] != 0; at = (at + 1) & mask) {
		size_t known_len;
		const char *known = pool_text(store, store->index[at] - 1, &known_len);

		if (known_len == len && memcmp(known, s, len) == 0)
			break;
	}
	return at;
}

/* Doubles the index when it is half full. */
static int index_grow(struct show_store *store)
{
	size_t old_size = store->index_size;
	uint32_t *old = store->index;

	if (store->index_used * 2 < old_size)
		return 0;
	store->index_size = old_size ? old_size * 2 : 1024;
	store->index = calloc(store->index_size, sizeof(*store->index));
	if (!store->index) {
		store->index = old;
		store->index_size = old_size;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old_size; i++) {
		size_t len;
		const char *s;

		if (old[i] == 0)
			continue;
		s = pool_text(store, old[i] - 1, &len);
		store->index[index_find(store, s, len)] = old[i];
	}
	free(old);
	return 0;
}

/* Makes room for need more bytes behind used. */
static int grow(void **memory, size_t *size, size_t used, size_t need)
{
	size_t new_size = *size ? *size : 4096;
	void *p;

	if (need > SIZE_MAX / 4 || used > SIZE_MAX / 4)
		return -ENOMEM;
	while (new_size < used + need)
		new_size += new_size / 2;
	if (new_size == *size)
		return 0;
	p = realloc(*memory, new_size);
	if (!p)
		return -ENOMEM;
	*memory = p;
	*size = new_size;
	return 0;
}

static int pool_add(struct show_store *store, const char *s, size_t len, uint32_t *place)
{
	uint32_t length = (uint32_t)len;
	void *pool = store->pool;
	size_t at;
	int rc = index_grow(store);

	if (rc)
		return rc;
	at = index_find(store, s, len);
	if (store->index[at] != 0) {
		*place = store->index[at] - 1;
		return 0;
	}
	if (len >= UINT32_MAX - sizeof(length) - 1 ||
	    store->pool_used > UINT32_MAX - 1 - sizeof(length) - len)
		return -EFBIG;
	rc = grow(&pool, &store->pool_size, store->pool_used, len + sizeof(length));
	if (rc)
		return rc;
	store->pool = pool;
	*place = (uint32_t)store->pool_used;
	memcpy(store->pool + store->pool_used, &length, sizeof(length));
	memcpy(store->pool + store->pool_used + sizeof(length), s, len);
	store->pool_used += sizeof(length) + len;
	store->index[at] = *place + 1;
	store->index_used++;
	return 0;
}

static void put_number(uint8_t *at, enum show_kept kept, int64_t n)
{
	int8_t n1 = (int8_t)n;
	int16_t n2 = (int16_t)n;
	int32_t n4 = (int32_t)n;

	if (kept == SHOW_KEPT_1)
		memcpy(at, &n1, sizeof(n1));
	else if (kept == SHOW_KEPT_2)
		memcpy(at, &n2, sizeof(n2));
	else if (kept == SHOW_KEPT_4)
		memcpy(at, &n4, sizeof(n4));
	else if (kept == SHOW_KEPT_8)
		memcpy(at, &n, sizeof(n));
}

static int64_t get_number(const uint8_t *at, enum show_kept kept)
{
	int8_t n1;
	int16_t n2;
	int32_t n4;
	int64_t n8 = 0;

	switch (kept) {
	case SHOW_KEPT_1:
		memcpy(&n1, at, sizeof(n1));
		return n1;
	case SHOW_KEPT_2:
		memcpy(&n2, at, sizeof(n2));
		return n2;
	case SHOW_KEPT_4:
		memcpy(&n4, at, sizeof(n4));
		return n4;
	case SHOW_KEPT_8:
		memcpy(&n8, at, sizeof(n8));
		return n8;
	case SHOW_KEPT_NOT:
	case SHOW_KEPT_TEXT:
		break;
	}
	return 0;
}

int show_store_add(struct show_store *store, const struct show_cell *cells)
{
	size_t size = store->max_rows * store->row_size;
	void *rows = store->rows;
	uint8_t *row, *at;
	int rc;

	if (store->nb_rows >= UINT32_MAX)
		return -EFBIG;
	rc = grow(&rows, &size, store->nb_rows * store->row_size, store->row_size);
	if (rc)
		return rc;
	store->rows = rows;
	store->max_rows = size / store->row_size;
	row = store->rows + store->nb_rows * store->row_size;
	memset(row, 0, store->row_size);
	at = row + store->null_size;
	for (size_t i = 0; i < store->nb_fields; i++) {
		enum show_kept kept = store->kept[i];

		if (kept == SHOW_KEPT_NOT)
			continue;
		if (cells[i].is_null) {
			row[i / 8] = (uint8_t)(row[i / 8] | 1u << (i % 8));
		} else if (kept == SHOW_KEPT_TEXT) {
			uint32_t place = 0;

			rc = pool_add(store, cells[i].s, cells[i].len, &place);
			if (rc)
				return rc;
			memcpy(at, &place, sizeof(place));
		} else {
			put_number(at, kept, cells[i].n);
		}
		at += kept_size[kept];
	}
	store->nb_rows++;
	return 0;
}

void show_store_get(const struct show_store *store, size_t row, struct show_cell *cells)
{
	const uint8_t *bits = store->rows + row * store->row_size;
	const uint8_t *at = bits + store->null_size;

	for (size_t i = 0; i < store->nb_fields; i++) {
		enum show_kept kept = store->kept[i];
		struct show_cell *cell = &cells[i];
		uint32_t place;

		if (kept == SHOW_KEPT_NOT)
			continue;
		*cell = (struct show_cell){.is_null = (bits[i / 8] >> (i % 8) & 1) != 0};
		if (!cell->is_null && kept == SHOW_KEPT_TEXT) {
			memcpy(&place, at, sizeof(place));
			cell->s = pool_text(store, place, &cell->len);
		} else if (!cell->is_null) {
			cell->n = get_number(at, kept);
		}
		at += kept_size[kept];
	}
}

size_t show_store_nb_rows(const struct show_store *store)
{
	return store->nb_rows;
}

void show_store_clear(struct show_store *store)
{
	store->nb_rows = 0;
	store->pool_used = 0;
	store->index_used = 0;
	if (store->index)
		memset(store->index, 0, store->index_size * sizeof(*store->index));
}
