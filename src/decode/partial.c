/* SPDX-License-Identifier: BSD-3-Clause */

/* One incomplete datagram. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reassembly_priv.h"

#define MIN_PIECES 4u
#define MIN_DATA 64u
/* So many bytes of data may be of no use before they are thrown out. */
#define SLACK 4096u

struct partial *partial_create(const struct fragment *f, uint32_t hash)
{
	struct partial *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->hash = hash;
	p->bytes = sizeof(*p);
	memcpy(p->src, f->src, sizeof(p->src));
	memcpy(p->dst, f->dst, sizeof(p->dst));
	p->id = f->id;
	p->is_ipv6 = f->is_ipv6;
	p->ts_ns = f->ts_ns;
	return p;
}

void partial_destroy(struct partial *p)
{
	if (p == NULL)
		return;
	free(p->pieces);
	free(p->data);
	free(p);
}

bool partial_is_of(const struct partial *p, const struct fragment *f)
{
	return p->id == f->id && p->is_ipv6 == f->is_ipv6 &&
	       memcmp(p->src, f->src, sizeof(p->src)) == 0 &&
	       memcmp(p->dst, f->dst, sizeof(p->dst)) == 0;
}

bool partial_is_whole(const struct partial *p)
{
	return p->has_len && p->covered == p->len;
}

/* Sets what it takes, so that the same fragments take the same everywhere. */
static void count_bytes(struct partial *p)
{
	p->bytes = (uint32_t)(sizeof(*p) + p->room_pieces * sizeof(*p->pieces) + p->room_data);
}

/* Throws out the data of pieces that are gone. */
static void compact(struct partial *p, uint8_t *data)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < p->nb_pieces; i++) {
		struct piece *piece = &p->pieces[i];
		const uint32_t n = piece->end - piece->start;

		memcpy(data + len, p->data + piece->at, n);
		piece->at = len;
		len += n;
	}
	free(p->data);
	p->data = data;
	p->data_len = len;
}

static uint32_t data_in_pieces(const struct partial *p)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < p->nb_pieces; i++)
		len += p->pieces[i].end - p->pieces[i].start;
	return len;
}

static int make_room(struct partial *p, uint32_t more)
{
	uint32_t room = p->room_data != 0 ? p->room_data : MIN_DATA;
	uint8_t *data;

	if (p->room_data - p->data_len < more) {
		const uint32_t used = p->data_len > SLACK ? data_in_pieces(p) : p->data_len;
		const bool is_wasted = p->data_len - used > used + SLACK;

		while (room - (is_wasted ? used : p->data_len) < more)
			room *= 2;
		data = is_wasted ? malloc(room) : realloc(p->data, room);
		if (data == NULL)
			return -ENOMEM;
		if (is_wasted)
			compact(p, data);
		p->data = data;
		p->room_data = room;
	}
	if (p->nb_pieces == p->room_pieces) {
		const uint32_t nb = p->room_pieces != 0 ? p->room_pieces * 2 : MIN_PIECES;
		struct piece *pieces = realloc(p->pieces, nb * sizeof(*pieces));

		if (pieces == NULL)
			return -ENOMEM;
		p->pieces = pieces;
		p->room_pieces = nb;
	}
	count_bytes(p);
	return 0;
}

/* The first piece that ends above pos. */
static uint32_t find_piece(const struct partial *p, uint32_t pos)
{
	uint32_t low = 0, high = p->nb_pieces;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (p->pieces[middle].end > pos)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Bytes of [start, end) that count: those behind the end of the datagram do not. */
static uint32_t counted(const struct partial *p, uint32_t start, uint32_t end)
{
	if (p->has_len && end > p->len)
		end = p->len;
	return end > start ? end - start : 0;
}

/* Takes what is below end away from the pieces from i on. */
static void clear(struct partial *p, uint32_t i, uint32_t end)
{
	uint32_t last = i;

	while (last < p->nb_pieces && p->pieces[last].end <= end) {
		p->covered -= counted(p, p->pieces[last].start, p->pieces[last].end);
		last++;
	}
	if (last < p->nb_pieces && p->pieces[last].start < end) {
		struct piece *piece = &p->pieces[last];

		p->covered -= counted(p, piece->start, end);
		piece->at += end - piece->start;
		piece->start = end;
	}
	memmove(&p->pieces[i], &p->pieces[last], (p->nb_pieces - last) * sizeof(*p->pieces));
	p->nb_pieces -= last - i;
}

static void set_len(struct partial *p, uint32_t len)
{
	p->has_len = true;
	p->len = len;
	p->covered = 0;
	for (uint32_t i = 0; i < p->nb_pieces; i++)
		p->covered += counted(p, p->pieces[i].start, p->pieces[i].end);
}

int partial_add(struct partial *p, const struct fragment *f)
{
	const uint32_t end = f->offset + f->len;
	uint32_t start = f->offset, i = find_piece(p, start);

	/* The first of several last fragments tells the length. */
	if (f->is_last && !p->has_len)
		set_len(p, end);
	while (start < end && i < p->nb_pieces && p->pieces[i].start <= start &&
	       p->pieces[i].offset <= f->offset)
		start = p->pieces[i++].end;
	if (start >= end)
		return 0;
	if (make_room(p, end - start) != 0)
		return -ENOMEM;
	clear(p, i, end);
	memmove(&p->pieces[i + 1], &p->pieces[i], (p->nb_pieces - i) * sizeof(*p->pieces));
	p->pieces[i] = (struct piece){start, end, p->data_len, f->offset};
	p->nb_pieces++;
	memcpy(p->data + p->data_len, f->payload + (start - f->offset), end - start);
	p->data_len += end - start;
	p->covered += counted(p, start, end);
	return 0;
}

void partial_copy(const struct partial *p, uint8_t *to)
{
	for (uint32_t i = 0; i < p->nb_pieces && p->pieces[i].start < p->len; i++) {
		const struct piece *piece = &p->pieces[i];

		memcpy(to + piece->start, p->data + piece->at,
		       counted(p, piece->start, piece->end));
	}
}
