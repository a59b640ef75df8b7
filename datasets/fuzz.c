/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 2026-01-01 00:00:00 UTC */
#define START_NS (INT64_C(1767225600) * FUZZ_NS_PER_S)

#define LIVE_SHORT 200
#define LIVE_LONG 3

/* A pcap file counts seconds in 32 bits. */
#define END_NS (INT64_C(4000000000) * FUZZ_NS_PER_S)

enum fuzz_profile fuzz_profile_from_name(const char *name)
{
	static const char *const names[NB_FUZZ_PROFILES] = {
		[FUZZ_MIXED] = "mixed",
		[FUZZ_WILD] = "wild",
		[FUZZ_BULK] = "bulk",
		[FUZZ_CARRIED] = "carried",
	};
	enum fuzz_profile profile;

	for (profile = 0; profile < NB_FUZZ_PROFILES; profile++) {
		if (strcmp(names[profile], name) == 0)
			break;
	}
	return profile;
}

/* Mostly forward by some microseconds; sometimes still, far, or back. */
static int64_t clock_step(struct fuzz *fuzz)
{
	uint32_t kind = fuzz_below(fuzz, 1000);

	if (fuzz->params->profile == FUZZ_BULK)
		return fuzz_below(fuzz, 20000);
	if (kind < 100)
		return 0;
	if (kind < 700)
		return fuzz_below(fuzz, 200000);
	if (kind < 900)
		return fuzz_below(fuzz, 4000000);
	if (kind < 970)
		return fuzz_below(fuzz, 40000000);
	if (kind < 985)
		return -(int64_t)fuzz_below(fuzz, 10000000);
	if (kind < 998)
		return fuzz_below(fuzz, 2000000000);
	return ((int64_t)fuzz_below(fuzz, 20000) - 5000) * FUZZ_NS_PER_S;
}

static void advance_clock(struct fuzz *fuzz)
{
	fuzz->now_ns += clock_step(fuzz);
	if (fuzz->params->profile == FUZZ_BULK)
		return;
	if (fuzz->now_ns < 0 || fuzz->now_ns > END_NS || fuzz_below(fuzz, 20000) == 0)
		fuzz->now_ns = START_NS;
	else if (fuzz_below(fuzz, 10000) == 0)
		fuzz->now_ns = 0; /* the epoch itself */
}

/* Runs of packets of one flow; a few flows come more often than the others. */
static void choose_flow(struct fuzz *fuzz)
{
	if (fuzz_chance(fuzz, 850))
		return;
	fuzz->current = fuzz_below(fuzz, fuzz->nb_flows);
	if (fuzz_chance(fuzz, 400))
		fuzz->current = fuzz->nb_flows == LIVE_SHORT ? fuzz_below(fuzz, 16) : 0;
}

static int write_packets(struct fuzz *fuzz)
{
	bool is_long = fuzz->params->profile == FUZZ_BULK;
	int error = 0;
	uint64_t i;

	for (i = 0; i < fuzz->nb_flows; i++) {
		if (is_long)
			fuzz_start_long(fuzz, &fuzz->flows[i]);
		else
			fuzz_start_flow(fuzz, &fuzz->flows[i]);
	}
	while (error == 0 && fuzz->nb_written < fuzz->params->nb_packets) {
		if (fuzz->carry != NULL)
			fuzz_carry_late(fuzz);
		choose_flow(fuzz);
		if (is_long)
			error = fuzz_step_long(fuzz, &fuzz->flows[fuzz->current]);
		else
			error = fuzz_step_script(fuzz, &fuzz->flows[fuzz->current]);
		advance_clock(fuzz);
	}
	return error;
}

int fuzz_write(const struct fuzz_params *params, struct capture_file *file)
{
	struct fuzz *fuzz;
	int error;

	if (params->profile == FUZZ_CARRIED && params->link != PACKET_LINK_ETHERNET)
		return -EPROTOTYPE;
	fuzz = calloc(1, sizeof(*fuzz));
	if (fuzz == NULL)
		return -ENOMEM;
	fuzz->params = params;
	fuzz->file = file;
	fuzz->random = fuzz_mix(params->seed);
	fuzz->now_ns = START_NS;
	fuzz->nb_flows = params->profile == FUZZ_BULK ? LIVE_LONG : LIVE_SHORT;
	fuzz->flows = calloc(fuzz->nb_flows, sizeof(*fuzz->flows));
	if (params->profile == FUZZ_CARRIED)
		fuzz->carry = fuzz_carry_create();
	if (fuzz->flows == NULL || (params->profile == FUZZ_CARRIED && fuzz->carry == NULL))
		error = -ENOMEM;
	else
		error = write_packets(fuzz);
	fuzz_carry_destroy(fuzz->carry);
	free(fuzz->flows);
	free(fuzz);
	return error;
}
