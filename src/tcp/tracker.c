/* SPDX-License-Identifier: BSD-3-Clause */

/* What the flows of one worker share: memory for what few of them need. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_priv.h"

static const struct tcp_trouble no_trouble = {.rto_max_ns = INT64_MIN};

struct tcp_tracker *tcp_tracker_create(bool wants_details)
{
	struct tcp_tracker *tracker = aligned_alloc(64, sizeof(*tracker));

	if (tracker == NULL)
		return NULL;
	memset(tracker, 0, sizeof(*tracker));
	tracker->wants_details = wants_details;
	tracker->scratch = calloc(1, sizeof(*tracker->scratch));
	if (tracker->scratch == NULL) {
		free(tracker);
		return NULL;
	}
	return tracker;
}

void tcp_tracker_only_count(struct tcp_tracker *tracker)
{
	assert(!tracker->wants_details);
	tracker->only_counts = true;
}

void tcp_tracker_destroy(struct tcp_tracker *tracker)
{
	if (tracker == NULL)
		return;
	pool_fini(&tracker->pool);
	free(tracker->scratch);
	free(tracker);
}

bool tcp_tracker_failed(const struct tcp_tracker *tracker)
{
	return tracker->failed;
}

const struct tcp_trouble *tcp_side_trouble(const struct tcp_side *side)
{
	return side->trouble != NULL ? side->trouble : &no_trouble;
}

static size_t trouble_size(uint32_t room)
{
	return sizeof(struct tcp_trouble) + room * sizeof(struct tcp_hole);
}

struct tcp_trouble *tracker_trouble(struct tcp_tracker *tracker, struct tcp_side *side)
{
	const size_t size = pool_block_size(sizeof(struct tcp_trouble));

	if (side->trouble != NULL)
		return side->trouble;
	side->trouble = pool_take(&tracker->pool, size);
	if (side->trouble == NULL) {
		tracker->failed = true; /* the run ends; until then somebody may write here */
		return tracker->scratch;
	}
	memset(side->trouble, 0, sizeof(*side->trouble));
	side->trouble->rto_max_ns = INT64_MIN;
	side->trouble->room =
		(uint16_t)((size - sizeof(struct tcp_trouble)) / sizeof(struct tcp_hole));
	return side->trouble;
}

struct tcp_trouble *tracker_grow_holes(struct tcp_tracker *tracker, struct tcp_side *side)
{
	struct tcp_trouble *old = tracker_trouble(tracker, side), *new;
	size_t size;

	if (old->nb_holes < old->room)
		return old;
	size = pool_block_size(trouble_size(old->room + 1u));
	new = side->trouble == NULL ? NULL : pool_take(&tracker->pool, size);
	if (new == NULL) {
		tracker->failed = true;
		return NULL;
	}
	memcpy(new, old, trouble_size(old->nb_holes));
	pool_give(&tracker->pool, old, trouble_size(old->room));
	new->room = (uint16_t)((size - sizeof(*new)) / sizeof(struct tcp_hole));
	side->trouble = new;
	return new;
}

void tracker_give_trouble(struct tcp_tracker *tracker, struct tcp_trouble *trouble)
{
	if (trouble != NULL)
		pool_give(&tracker->pool, trouble, trouble_size(trouble->room));
}
