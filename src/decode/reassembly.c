/* SPDX-License-Identifier: BSD-3-Clause */

/* The table of incomplete datagrams, in the order in which they were begun. */

#include <stdlib.h>
#include <string.h>

#include "decode_priv.h"
#include "reassembly_priv.h"

#define MIN_BUCKETS 64u

struct reassembly {
	struct reassembly_params params;
	struct partial **buckets; /* [nb_buckets], a power of two */
	size_t nb_buckets;
	struct partial *oldest, *youngest;
	struct datagram *done, **done_end;
	struct reassembly_stats stats;
	bool failed;
};

struct reassembly *reassembly_create(const struct reassembly_params *params)
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->params = *params;
	r->nb_buckets = MIN_BUCKETS;
	r->buckets = calloc(r->nb_buckets, sizeof(struct partial *));
	r->done_end = &r->done;
	if (r->buckets == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void reassembly_destroy(struct reassembly *r)
{
	if (r == NULL)
		return;
	for (struct partial *p = r->oldest, *next; p != NULL; p = next) {
		next = p->younger;
		partial_destroy(p);
	}
	datagrams_free(r->done);
	free(r->buckets);
	free(r);
}

struct datagram *reassembly_take(struct reassembly *r)
{
	struct datagram *done = r->done;

	r->done = NULL;
	r->done_end = &r->done;
	return done;
}

void datagrams_free(struct datagram *datagrams)
{
	for (struct datagram *next; datagrams != NULL; datagrams = next) {
		next = datagrams->next;
		free(datagrams);
	}
}

bool reassembly_failed(const struct reassembly *r)
{
	return r->failed;
}

void reassembly_get_stats(const struct reassembly *r, struct reassembly_stats *stats)
{
	*stats = r->stats;
}

static uint32_t hash_of(const struct reassembly *r, const struct fragment *f)
{
	uint64_t src[2], dst[2];

	memcpy(src, f->src, sizeof(src));
	memcpy(dst, f->dst, sizeof(dst));
	return (uint32_t)(hash_ipv6(r->params.keys, src, dst, f->id) >> 32);
}

static struct partial **bucket_of(struct reassembly *r, uint32_t hash)
{
	return &r->buckets[hash & (r->nb_buckets - 1)];
}

static struct partial *find(struct reassembly *r, const struct fragment *f, uint32_t hash)
{
	struct partial *p = *bucket_of(r, hash);

	while (p != NULL && !partial_is_of(p, f))
		p = p->in_bucket;
	return p;
}

/* Twice the buckets; without memory for them the chains grow. */
static void grow(struct reassembly *r)
{
	const size_t nb = r->nb_buckets * 2;
	struct partial **buckets = calloc(nb, sizeof(struct partial *));

	if (buckets == NULL)
		return;
	free(r->buckets);
	r->buckets = buckets;
	r->nb_buckets = nb;
	for (struct partial *p = r->oldest; p != NULL; p = p->younger) {
		struct partial **bucket = bucket_of(r, p->hash);

		p->in_bucket = *bucket;
		*bucket = p;
	}
}

static struct partial *begin(struct reassembly *r, const struct fragment *f, uint32_t hash)
{
	struct partial *p = partial_create(f, hash), **bucket;

	if (p == NULL)
		return NULL;
	if (r->stats.incomplete == r->nb_buckets)
		grow(r);
	bucket = bucket_of(r, hash);
	p->in_bucket = *bucket;
	*bucket = p;
	p->older = r->youngest;
	*(p->older != NULL ? &p->older->younger : &r->oldest) = p;
	r->youngest = p;
	r->stats.incomplete++;
	r->stats.bytes += p->bytes;
	return p;
}

static void end(struct reassembly *r, struct partial *p)
{
	struct partial **link = bucket_of(r, p->hash);

	while (*link != p)
		link = &(*link)->in_bucket;
	*link = p->in_bucket;
	*(p->older != NULL ? &p->older->younger : &r->oldest) = p->younger;
	*(p->younger != NULL ? &p->younger->older : &r->youngest) = p->older;
	r->stats.incomplete--;
	r->stats.bytes -= p->bytes;
	partial_destroy(p);
}

static void give_up(struct reassembly *r, struct partial *p)
{
	r->stats.given_up++;
	end(r, p);
}

/* The datagram of a fragment, or NULL when memory is short. */
static struct partial *find_or_begin(struct reassembly *r, const struct fragment *f)
{
	const uint32_t hash = hash_of(r, f);
	struct partial *p = find(r, f, hash);

	if (p != NULL && r->params.timeout_ns != 0 && f->ts_ns > p->ts_ns &&
	    (uint64_t)f->ts_ns - (uint64_t)p->ts_ns > r->params.timeout_ns) {
		give_up(r, p);
		p = NULL;
	}
	return p != NULL ? p : begin(r, f, hash);
}

static uint8_t *finish(struct reassembly *r, struct partial *p, const struct fragment *f,
		       uint32_t *len)
{
	struct datagram *whole = malloc(sizeof(*whole) + f->header_len + p->len);

	*len = p->len;
	if (whole == NULL) {
		r->failed = true;
		end(r, p);
		return NULL;
	}
	whole->next = NULL;
	memcpy(whole->bytes, f->header, f->header_len);
	partial_copy(p, whole->bytes + f->header_len);
	*r->done_end = whole;
	r->done_end = &whole->next;
	r->stats.completed++;
	end(r, p);
	return whole->bytes + f->header_len;
}

uint8_t *reassembly_add(struct reassembly *r, const struct fragment *f, uint32_t *len)
{
	struct partial *p;
	uint32_t before;

	if (f->len == 0)
		return NULL;
	p = find_or_begin(r, f);
	if (p == NULL) {
		r->failed = true;
		return NULL;
	}
	before = p->bytes;
	if (partial_add(p, f) != 0)
		r->failed = true;
	r->stats.bytes += p->bytes;
	r->stats.bytes -= before;
	if (partial_is_whole(p))
		return finish(r, p, f, len);
	if (r->stats.bytes > r->stats.max_bytes)
		r->stats.max_bytes = r->stats.bytes;
	while (r->stats.bytes > r->params.max_bytes)
		give_up(r, r->oldest);
	return NULL;
}
