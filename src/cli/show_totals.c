/* SPDX-License-Identifier: BSD-3-Clause */

/* Totals of flows, or of events, by the value of some columns. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyed_hash.h"
#include "show_priv.h"
#include "tcpmill/arrow.h"

enum { TOTAL_FLOWS, TOTAL_PACKETS, TOTAL_BYTES, TOTAL_ANOMALIES };

static_assert(TOTAL_ANOMALIES + 1 == SHOW_NB_TOTALS, "one name each");

static const char *const flow_totals[SHOW_NB_TOTALS] = {"flows", "packets", "bytes", "anomalies"};
static const char *const event_totals[SHOW_NB_TOTALS] = {"events", "packets", "bytes", "anomalies"};

struct group {
	uint32_t row; /* in the store of keys */
	int64_t totals[SHOW_NB_TOTALS];
	bool has[SHOW_NB_TOTALS];
};

struct order {
	int total;
	bool descending;
};

struct show_totals {
	struct order order;
	const char *const *names; /* [SHOW_NB_TOTALS] */
	struct show_column by[SHOW_TOTALS_BY_MAX];
	size_t nb_by;
	struct show_column sources[SHOW_NB_TOTALS]; /* [TOTAL_FLOWS] is not used */
	bool has_source[SHOW_NB_TOTALS];
	/* A line: the nb_by keys, then the totals the file can give. */
	struct show_column line[SHOW_TOTALS_BY_MAX + SHOW_NB_TOTALS];
	uint8_t kept[SHOW_TOTALS_BY_MAX + SHOW_NB_TOTALS];
	size_t nb_line;
	struct show_store *keys;
	struct group *groups;
	size_t nb, max;
	uint32_t *index; /* open addressing: group + 1, 0 = free */
	size_t index_size;
	struct keyed_hash hash;
};

static void add_line(struct show_totals *totals, const char *name, enum show_look look)
{
	totals->line[totals->nb_line] = (struct show_column){
		.name = name,
		.heading = name,
		.look = look,
		.nb_fields = 1,
		.fields = {(uint32_t)totals->nb_line},
		/* Of too many the later keys go first; the flows stay to the last. */
		.keep = (unsigned int)(100 - totals->nb_line),
	};
	totals->kept[totals->nb_line] = look == SHOW_TEXT ? SHOW_KEPT_TEXT : SHOW_KEPT_8;
	totals->nb_line++;
}

struct show_totals *show_totals_create(const struct arrow_reader *reader,
				       const struct show_column *by, size_t nb_by)
{
	struct show_totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return NULL;
	keyed_hash_init(&totals->hash);
	totals->order = (struct order){TOTAL_FLOWS, true};
	totals->names = show_column_are_events(reader) ? event_totals : flow_totals;
	for (size_t i = 0; i < nb_by && i < SHOW_TOTALS_BY_MAX; i++) {
		totals->by[totals->nb_by++] = by[i];
		/* A group of one day's times needs the date. */
		add_line(totals, by[i].name,
			 by[i].look == SHOW_TIME_OF_DAY ? SHOW_TIME : by[i].look);
	}
	for (int i = 0; i < SHOW_NB_TOTALS; i++) {
		totals->has_source[i] =
			i == TOTAL_FLOWS ||
			show_column_find(reader, totals->names[i], &totals->sources[i]);
		if (totals->has_source[i])
			add_line(totals, totals->names[i],
				 i == TOTAL_BYTES ? SHOW_BYTES : SHOW_COUNT);
	}
	totals->keys = show_store_create(totals->kept, totals->nb_by);
	if (totals->keys)
		return totals;
	free(totals);
	return NULL;
}

void show_totals_destroy(struct show_totals *totals)
{
	if (!totals)
		return;
	show_store_destroy(totals->keys);
	free(totals->groups);
	free(totals->index);
	free(totals);
}

void show_totals_mark(const struct show_totals *totals, bool *needed)
{
	for (size_t i = 0; i < totals->nb_by; i++) {
		for (size_t f = 0; f < totals->by[i].nb_fields; f++)
			needed[totals->by[i].fields[f]] = true;
	}
	for (int i = TOTAL_PACKETS; i < SHOW_NB_TOTALS; i++) {
		for (size_t f = 0; totals->has_source[i] && f < totals->sources[i].nb_fields; f++)
			needed[totals->sources[i].fields[f]] = true;
	}
}

/* Over all that tells keys apart. */
static uint64_t hash_key(const struct show_totals *totals, const struct show_cell *key)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < totals->nb_by; i++) {
		const struct {
			int64_t n;
			uint64_t is_null;
		} number = {key[i].is_null ? 0 : key[i].n, key[i].is_null};

		if (key[i].s && !key[i].is_null)
			hash = keyed_hash_of(&totals->hash, hash, key[i].s, key[i].len);
		else
			hash = keyed_hash_of(&totals->hash, hash, &number, sizeof(number));
	}
	return hash;
}

static bool same_cell(const struct show_cell *a, const struct show_cell *b)
{
	if (a->is_null || b->is_null)
		return a->is_null == b->is_null;
	if (a->s && b->s)
		return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
	return a->n == b->n;
}

static size_t find_slot(const struct show_totals *totals, const struct show_cell *key)
{
	size_t mask = totals->index_size - 1;
	size_t at = (size_t)hash_key(totals, key) & mask;

	for (; totals->index[at] != 0; at = (at + 1) & mask) {
		struct show_cell known[SHOW_TOTALS_BY_MAX];
		size_t i = 0;

		show_store_get(totals->keys, totals->groups[totals->index[at] - 1].row, known);
		while (i < totals->nb_by && same_cell(&known[i], &key[i]))
			i++;
		if (i == totals->nb_by)
			break;
	}
	return at;
}

/* Doubles groups and index together: the index stays at most half full. */
static int grow(struct show_totals *totals)
{
	size_t max = totals->max ? totals->max * 2 : 512;
	struct show_cell key[SHOW_TOTALS_BY_MAX];
	struct group *groups;
	uint32_t *index;

	if (totals->nb < totals->max)
		return 0;
	if (max > UINT32_MAX / 2)
		return -EFBIG;
	groups = reallocarray(totals->groups, max, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	totals->groups = groups;
	index = calloc(max * 2, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(totals->index);
	totals->index = index;
	totals->index_size = max * 2;
	totals->max = max;
	for (size_t i = 0; i < totals->nb; i++) {
		show_store_get(totals->keys, groups[i].row, key);
		index[find_slot(totals, key)] = (uint32_t)i + 1;
	}
	return 0;
}

static struct group *find_group(struct show_totals *totals, const struct show_cell *key, int *rc)
{
	size_t at;

	*rc = grow(totals);
	if (*rc)
		return NULL;
	at = find_slot(totals, key);
	if (totals->index[at] == 0) {
		*rc = show_store_add(totals->keys, key);
		if (*rc)
			return NULL;
		totals->groups[totals->nb] = (struct group){.row = (uint32_t)totals->nb};
		totals->index[at] = (uint32_t)++totals->nb;
	}
	return &totals->groups[totals->index[at] - 1];
}

int show_totals_add(struct show_totals *totals, const struct show_cell *cells)
{
	char texts[SHOW_TOTALS_BY_MAX][SHOW_TEXT_MAX];
	struct show_cell key[SHOW_TOTALS_BY_MAX];
	struct group *group;
	int rc;

	for (size_t i = 0; i < totals->nb_by; i++)
		key[i] = show_column_value(&totals->by[i], cells, texts[i]);
	group = find_group(totals, key, &rc);
	if (!group)
		return rc;
	group->totals[TOTAL_FLOWS]++;
	group->has[TOTAL_FLOWS] = true;
	for (int i = TOTAL_PACKETS; i < SHOW_NB_TOTALS; i++) {
		struct show_cell value;

		if (!totals->has_source[i])
			continue;
		value = show_column_value(&totals->sources[i], cells, texts[0]);
		if (value.is_null)
			continue;
		group->has[i] = true;
		if (__builtin_add_overflow(group->totals[i], value.n, &group->totals[i]))
			group->totals[i] = INT64_MAX;
	}
	return 0;
}

/* Ties in the order in which the groups first came. */
static int compare(const void *a_group, const void *b_group, void *context)
{
	const struct order *order = context;
	const struct group *a = a_group, *b = b_group;
	int64_t x = a->totals[order->total], y = b->totals[order->total];

	if (x != y)
		return (x > y) != order->descending ? 1 : -1;
	return (a->row > b->row) - (a->row < b->row);
}

bool show_totals_order(struct show_totals *totals, const char *name, bool descending)
{
	for (int i = 0; i < SHOW_NB_TOTALS; i++) {
		if (strcmp(totals->names[i], name) == 0 && totals->has_source[i]) {
			totals->order = (struct order){i, descending};
			return true;
		}
	}
	return false;
}

size_t show_totals_finish(struct show_totals *totals)
{
	if (totals->nb > 0)
		qsort_r(totals->groups, totals->nb, sizeof(*totals->groups), compare,
			&totals->order);
	return totals->nb;
}

const struct show_column *show_totals_columns(const struct show_totals *totals, size_t *nb)
{
	*nb = totals->nb_line;
	return totals->line;
}

const uint8_t *show_totals_kept(const struct show_totals *totals)
{
	return totals->kept;
}

void show_totals_get(const struct show_totals *totals, size_t i, struct show_cell *cells)
{
	const struct group *group = &totals->groups[i];
	size_t at = totals->nb_by;

	show_store_get(totals->keys, group->row, cells);
	for (int t = 0; t < SHOW_NB_TOTALS; t++) {
		if (totals->has_source[t])
			cells[at++] = (struct show_cell){.n = group->totals[t],
							 .is_null = !group->has[t]};
	}
}
