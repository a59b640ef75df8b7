/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "live.h"

void live_engine_run(const struct live_job *job, struct live_outcome *outcome)
{
	(void)job;
	snprintf(outcome->error, sizeof(outcome->error), "live capture is not in this build");
}
