/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows in the order of one column; with a top, memory for little more than that many. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show_priv.h"

/* With a top of N, 2 N + this many rows are kept before the rest is thrown out. */
#define PRUNE_SLACK 4096

struct entry {
	int64_t n;    /* numbers: the key */
	char *text;   /* texts: the key, owned; NULL for numbers and nulls */
	uint64_t seq; /* place in the file, which decides ties */
	uint32_t row; /* in the store */
	bool is_null;
};

struct show_sorter {
	struct show_sort_params params;
	uint8_t *kept;
	size_t nb_fields;
	struct show_store *store;
	struct entry *entries;
	size_t nb, max;
	uint64_t next_seq;
};

struct show_sorter *show_sorter_create(const uint8_t *kept, size_t nb_fields,
				       const struct show_sort_params *params)
{
	struct show_sorter *sorter = calloc(1, sizeof(*sorter));

	if (!sorter)
		return NULL;
	sorter->params = *params;
	sorter->nb_fields = nb_fields;
	sorter->kept = malloc(nb_fields + 1);
	sorter->store = show_store_create(kept, nb_fields);
	if (!sorter->kept || !sorter->store) {
		show_sorter_destroy(sorter);
		return NULL;
	}
	memcpy(sorter->kept, kept, nb_fields);
	return sorter;
}

void show_sorter_destroy(struct show_sorter *sorter)
{
	if (!sorter)
		return;
	for (size_t i = 0; i < sorter->nb; i++)
		free(sorter->entries[i].text);
	free(sorter->entries);
	show_store_destroy(sorter->store);
	free(sorter->kept);
	free(sorter);
}

/* Nulls last whatever the direction; digits in texts by value: 10.0.0.9 before 10.0.0.10. */
static int compare(const void *a_entry, const void *b_entry, void *context)
{
	const struct show_sort_params *params = context;
	const struct entry *a = a_entry, *b = b_entry;
	int order;

	if (a->is_null != b->is_null)
		return a->is_null ? 1 : -1;
	order = a->text && b->text ? strverscmp(a->text, b->text) : (a->n > b->n) - (a->n < b->n);
	if (order != 0)
		return (order > 0) != params->descending ? 1 : -1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

static void sort_entries(struct show_sorter *sorter)
{
	if (sorter->nb > 0)
		qsort_r(sorter->entries, sorter->nb, sizeof(*sorter->entries), compare,
			&sorter->params);
}

/* Keeps the first top entries and copies their rows to a new store, so that texts go too. */
static int prune(struct show_sorter *sorter)
{
	struct show_store *store = show_store_create(sorter->kept, sorter->nb_fields);
	struct show_cell *cells = calloc(sorter->nb_fields + 1, sizeof(*cells));
	int rc = store && cells ? 0 : -ENOMEM;

	sort_entries(sorter);
	for (size_t i = 0; rc == 0 && i < sorter->params.top; i++) {
		show_store_get(sorter->store, sorter->entries[i].row, cells);
		rc = show_store_add(store, cells);
		sorter->entries[i].row = (uint32_t)i;
	}
	free(cells);
	if (rc) {
		show_store_destroy(store);
		return rc;
	}
	for (; sorter->nb > sorter->params.top; sorter->nb--)
		free(sorter->entries[sorter->nb - 1].text);
	show_store_destroy(sorter->store);
	sorter->store = store;
	return 0;
}

static int reserve_entry(struct show_sorter *sorter)
{
	size_t max = sorter->max ? sorter->max * 2 : 1024;
	struct entry *entries;

	if (sorter->nb < sorter->max)
		return 0;
	entries = reallocarray(sorter->entries, max, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	sorter->entries = entries;
	sorter->max = max;
	return 0;
}

int show_sorter_add(struct show_sorter *sorter, const struct show_cell *cells)
{
	size_t top = sorter->params.top;
	char text[SHOW_TEXT_MAX];
	struct show_cell key = show_column_value(&sorter->params.column, cells, text);
	struct entry *entry;
	int rc = 0;

	if (top > 0 && top < SIZE_MAX / 4 && sorter->nb >= 2 * top + PRUNE_SLACK)
		rc = prune(sorter);
	if (rc == 0)
		rc = reserve_entry(sorter);
	if (rc)
		return rc;
	entry = &sorter->entries[sorter->nb];
	*entry = (struct entry){
		.n = key.n,
		.seq = sorter->next_seq++,
		.row = (uint32_t)show_store_nb_rows(sorter->store),
		.is_null = key.is_null,
	};
	rc = show_store_add(sorter->store, cells);
	if (rc)
		return rc;
	if (!key.is_null && key.s) {
		entry->text = strndup(key.s, key.len);
		if (!entry->text)
			return -ENOMEM;
	}
	sorter->nb++;
	return 0;
}

size_t show_sorter_finish(struct show_sorter *sorter)
{
	size_t top = sorter->params.top;

	sort_entries(sorter);
	return top > 0 && top < sorter->nb ? top : sorter->nb;
}

void show_sorter_get(const struct show_sorter *sorter, size_t i, struct show_cell *cells)
{
	show_store_get(sorter->store, sorter->entries[i].row, cells);
}
