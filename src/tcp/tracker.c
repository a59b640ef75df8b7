/* SPDX-License-Identifier: BSD-3-Clause */

/* What the flows of one worker share. */

#include <stdlib.h>

#include "tcp_priv.h"

struct tcp_tracker *tcp_tracker_create(bool wants_details)
{
	struct tcp_tracker *tracker = calloc(1, sizeof(*tracker));

	if (tracker != NULL)
		tracker->wants_details = wants_details;
	return tracker;
}

void tcp_tracker_destroy(struct tcp_tracker *tracker)
{
	free(tracker);
}

bool tcp_tracker_failed(const struct tcp_tracker *tracker)
{
	return tracker->failed;
}

void tcp_flow_release(struct tcp_tracker *tracker, struct tcp_flow *flow)
{
	(void)tracker;
	(void)flow;
}
