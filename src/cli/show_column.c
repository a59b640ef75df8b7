/* SPDX-License-Identifier: BSD-3-Clause */

/* Names to columns: the fields of the file, and the ones made of several fields. */

#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "show_priv.h"
#include "tcpmill/arrow.h"

struct composite {
	const char *name, *heading;
	enum show_look look;
	enum show_combine combine;
	unsigned int keep;
	const char *fields[SHOW_COLUMN_FIELDS_MAX]; /* a leading '*' stands for o_ and r_ */
};

/* Those with keep > 0 are shown by default, in this order. */
static const struct composite composites[] = {
	{"stream", "stream", SHOW_PLAIN, SHOW_FIRST, 11, {"stream"}},
	{"first_seen", "first seen", SHOW_TIME_OF_DAY, SHOW_FIRST, 1, {"ts"}},
	{"flow", "flow", SHOW_TEXT, SHOW_FLOW, 12, {"src_ip", "src_port", "dst_ip", "dst_port"}},
	{"state", "state", SHOW_TEXT, SHOW_FIRST, 3, {"conn_state"}},
	{"rtt", "rtt", SHOW_DURATION, SHOW_FIRST, 5, {"initial_rtt_ns", "syn_rtt_ns"}},
	{"packets", "packets", SHOW_COUNT, SHOW_SUM, 10, {"*pkts"}},
	{"bytes", "bytes", SHOW_BYTES, SHOW_SUM, 7, {"*bytes"}},
	{"retx",
	 "retx",
	 SHOW_COUNT,
	 SHOW_SUM,
	 9,
	 {"*retransmission", "*fast_retransmission", "*spurious_retransmission"}},
	{"ooo", "ooo", SHOW_COUNT, SHOW_SUM, 4, {"*out_of_order"}},
	{"dup", "dup#", SHOW_COUNT, SHOW_MAX, 2, {"*duplicate_ack_max"}},
	{"lost", "lost", SHOW_COUNT, SHOW_SUM, 6, {"*lost_segment"}},
	{"anomaly", "first anomaly", SHOW_FRAME, SHOW_FIRST, 8, {"first_anomaly_frame"}},
	{"anomalies",
	 "anomalies",
	 SHOW_COUNT,
	 SHOW_SUM,
	 0,
	 {"*retransmission", "*fast_retransmission", "*spurious_retransmission", "*out_of_order",
	  "*lost_segment", "*ack_lost_segment", "*duplicate_ack", "*zero_window", "*window_full",
	  "*zero_window_probe", "reused_ports"}},
};

#define NB_COMPOSITES (sizeof(composites) / sizeof(composites[0]))

const char *show_field_metadata(const struct arrow_field *field, const char *key)
{
	for (size_t i = 0; i < field->nb_metadata; i++) {
		if (strcmp(field->metadata[i].key, key) == 0)
			return field->metadata[i].value;
	}
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static enum show_look look_of(const struct arrow_field *field)
{
	const char *unit = show_field_metadata(field, "unit");

	switch (field->kind) {
	case ARROW_TEXT:
		return SHOW_TEXT;
	case ARROW_BOOL:
		return SHOW_BOOL;
	case ARROW_TIMESTAMP:
		return SHOW_TIME;
	case ARROW_INT:
		break;
	}
	if (unit && strcmp(unit, "ns") == 0)
		return SHOW_DURATION;
	if (unit && (strcmp(unit, "bytes") == 0 || strcmp(unit, "packets") == 0))
		return SHOW_COUNT;
	return ends_with(field->name, "_frame") ? SHOW_COUNT : SHOW_PLAIN;
}

void show_column_from_field(const struct arrow_reader *reader, size_t field,
			    struct show_column *column)
{
	const struct arrow_field *f = arrow_reader_field(reader, field);

	*column = (struct show_column){
		.name = f->name,
		.heading = f->name,
		.look = look_of(f),
		.combine = SHOW_FIRST,
		.nb_fields = 1,
		.fields = {(uint32_t)field},
	};
}

/* Adds a field, or with '*' in front o_ and r_ of it, if the file has them as numbers should be. */
static void add_fields(const struct arrow_reader *reader, struct show_column *column,
		       const char *name, bool want_text)
{
	static const char *const prefixes[] = {"o_", "r_"};
	bool both = name[0] == '*';
	char full[80];

	for (size_t i = 0; i < (both ? 2u : 1u); i++) {
		int field;

		if (snprintf(full, sizeof(full), "%s%s", both ? prefixes[i] : "",
			     both ? name + 1 : name) >= (int)sizeof(full))
			return;
		field = arrow_reader_find(reader, full);
		if (field >= 0 &&
		    (arrow_reader_field(reader, (size_t)field)->kind == ARROW_TEXT) == want_text)
			column->fields[column->nb_fields++] = (uint32_t)field;
	}
}

static bool set_composite(const struct arrow_reader *reader, const struct composite *c,
			  struct show_column *column)
{
	*column = (struct show_column){
		.name = c->name,
		.heading = c->heading,
		.look = c->look,
		.combine = c->combine,
		.keep = c->keep,
	};
	for (size_t i = 0; i < SHOW_COLUMN_FIELDS_MAX && c->fields[i]; i++) {
		bool want_text = c->combine == SHOW_FLOW ? i % 2 == 0 : c->look == SHOW_TEXT;

		add_fields(reader, column, c->fields[i], want_text);
	}
	return c->combine == SHOW_FLOW ? column->nb_fields == 4 : column->nb_fields > 0;
}

/* How o_x and r_x make one number; false where they make none. */
static bool pair_combine(const char *name, enum show_combine *combine)
{
	static const char *const apart[] = {"isn", "mss", "wscale", "rtt_mean_ns"};

	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		if (strcmp(name, apart[i]) == 0)
			return false;
	}
	*combine = strstr(name, "_max") ? SHOW_MAX : strstr(name, "_min") ? SHOW_MIN : SHOW_SUM;
	return true;
}

static bool set_pair(const struct arrow_reader *reader, const char *name,
		     struct show_column *column)
{
	char orig[80], resp[80];
	enum show_combine combine;
	int o, r;

	if (strlen(name) > sizeof(orig) - 3 || !pair_combine(name, &combine))
		return false;
	snprintf(orig, sizeof(orig), "o_%.70s", name);
	snprintf(resp, sizeof(resp), "r_%.70s", name);
	o = arrow_reader_find(reader, orig);
	r = arrow_reader_find(reader, resp);
	if (o < 0 || r < 0 || arrow_reader_field(reader, (size_t)o)->kind != ARROW_INT ||
	    arrow_reader_field(reader, (size_t)r)->kind != ARROW_INT)
		return false;
	show_column_from_field(reader, (size_t)o, column);
	column->name += 2; /* behind "o_": lives as long as the reader */
	column->heading = column->name;
	column->combine = combine;
	column->nb_fields = 2;
	column->fields[1] = (uint32_t)r;
	return true;
}

bool show_column_find(const struct arrow_reader *reader, const char *name,
		      struct show_column *column)
{
	int field = arrow_reader_find(reader, name);

	if (field >= 0) {
		show_column_from_field(reader, (size_t)field, column);
		return true;
	}
	for (size_t i = 0; i < NB_COMPOSITES; i++) {
		if (strcmp(composites[i].name, name) == 0)
			return set_composite(reader, &composites[i], column);
	}
	return set_pair(reader, name, column);
}

bool show_column_are_events(const struct arrow_reader *reader)
{
	return arrow_reader_find(reader, "verdict") >= 0 && arrow_reader_find(reader, "o_pkts") < 0;
}

/* What an event is told by; keep as for the composites. */
static size_t event_defaults(const struct arrow_reader *reader, struct show_column *columns,
			     size_t max)
{
	static const struct {
		const char *name, *heading;
		unsigned int keep;
	} defaults[] = {
		{"frame", "frame", 12},
		{"first_seen", "time", 1},
		{"stream", "stream", 7},
		{"flow", "flow", 10},
		{"direction", "from", 9},
		{"verdict", "verdict", 11},
		{"duplicate_ack_num", "dup#", 6},
		{"rto_ns", "rto", 5},
		{"cause", "cause", 8},
		{"seq", "seq", 3},
		{"ack", "ack", 2},
		{"len", "len", 4},
	};
	size_t nb = 0;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && nb < max; i++) {
		if (!show_column_find(reader, defaults[i].name, &columns[nb]))
			continue;
		columns[nb].heading = defaults[i].heading;
		columns[nb].keep = defaults[i].keep;
		nb++;
	}
	return nb;
}

size_t show_column_defaults(const struct arrow_reader *reader, struct show_column *columns,
			    size_t max)
{
	size_t nb = 0;

	if (show_column_are_events(reader))
		return event_defaults(reader, columns, max);
	for (size_t i = 0; i < NB_COMPOSITES && nb < max; i++) {
		if (composites[i].keep > 0 && set_composite(reader, &composites[i], &columns[nb]))
			nb++;
	}
	/* A table of another kind: its own columns. */
	if (arrow_reader_find(reader, "o_pkts") < 0) {
		nb = 0;
		for (size_t i = 0; i < arrow_reader_nb_fields(reader) && nb < max; i++)
			show_column_from_field(reader, i, &columns[nb++]);
	}
	return nb;
}

#define NB_SUGGESTIONS 5

struct suggestions {
	const char *names[NB_SUGGESTIONS];
	unsigned int distances[NB_SUGGESTIONS];
	size_t nb;
};

/* Keeps the nearest names, nearest first. */
static void suggest(struct suggestions *s, const char *typed, const char *known)
{
	unsigned int distance = near_distance(typed, known);
	size_t at = s->nb;

	if (distance >= NEAR_FAR)
		return;
	while (at > 0 && s->distances[at - 1] > distance)
		at--;
	if (at == NB_SUGGESTIONS)
		return;
	if (s->nb < NB_SUGGESTIONS)
		s->nb++;
	for (size_t i = s->nb - 1; i > at; i--) {
		s->names[i] = s->names[i - 1];
		s->distances[i] = s->distances[i - 1];
	}
	s->names[at] = known;
	s->distances[at] = distance;
}

void show_column_suggest(const struct arrow_reader *reader, const char *name, char *out,
			 size_t size)
{
	struct suggestions s = {.nb = 0};
	size_t used = 0;

	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		const char *field = arrow_reader_field(reader, i)->name;
		struct show_column pair;

		/* "x" before "o_x" and "r_x", unless that is how the name begins. */
		if (name[0] != '\0' && name[1] != '_' && strncmp(field, "o_", 2) == 0 &&
		    set_pair(reader, field + 2, &pair))
			suggest(&s, name, field + 2);
	}
	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++)
		suggest(&s, name, arrow_reader_field(reader, i)->name);
	for (size_t i = 0; i < NB_COMPOSITES; i++) {
		if (arrow_reader_find(reader, composites[i].name) < 0)
			suggest(&s, name, composites[i].name);
	}
	out[0] = '\0';
	for (size_t i = 0; i < s.nb && used < size; i++) {
		const char *before = i == 0 ? "; is it " : i + 1 == s.nb ? " or " : ", ";

		used += (size_t)snprintf(out + used, size - used, "%s%s", before, s.names[i]);
	}
	if (s.nb > 0 && used < size)
		snprintf(out + used, size - used, "?");
}
