/* SPDX-License-Identifier: BSD-3-Clause */

/* What --follow means for the other options, and the timeouts that it shares with live capture. */

#include <string.h>

#include "run_common.h"

void run_live_timeouts(uint64_t timeout_ns[NB_FLOW_CLASSES], const bool given[NB_FLOW_CLASSES])
{
	static const uint64_t seconds[NB_FLOW_CLASSES] = {
		[FLOW_HALF_OPEN] = 30, [FLOW_CLOSED] = 5, [FLOW_OPEN] = 300};

	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		if (!given[c])
			timeout_ns[c] = seconds[c] * 1000000000u;
	}
	for (int c = 0; c < NB_FLOW_CLASSES; c++) {
		if (!given[c] && timeout_ns[FLOW_OPEN] != 0 &&
		    timeout_ns[c] > timeout_ns[FLOW_OPEN])
			timeout_ns[c] = timeout_ns[FLOW_OPEN];
	}
}

int run_follow_finish(const struct command_spec *command, struct run_options *options)
{
	bool given[NB_FLOW_CLASSES];

	if (!options->follow)
		return options->follow_timeout_ns == 0
			       ? OPTIONS_GO_ON
			       : options_usage_error(command, "--follow-timeout is for --follow");
	if (options->merge)
		return options_usage_error(command,
					   "--follow and --merge: the next packet by time is not "
					   "known while a file is written");
	if (strcmp(options->paths[options->nb_paths - 1], "-") == 0)
		return options_usage_error(command,
					   "--follow is for a file: a pipe is waited for without");
	memcpy(given, options->has_timeout, sizeof(given));
	given[FLOW_OPEN] = options->has_idle_timeout;
	run_live_timeouts(options->config.timeout_ns, given);
	options->has_timeout[FLOW_HALF_OPEN] = true;
	options->has_timeout[FLOW_CLOSED] = true;
	return OPTIONS_GO_ON;
}
