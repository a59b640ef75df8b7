/* SPDX-License-Identifier: BSD-3-Clause */

/* The words of the bulk generator: its parameters from text, its counts by name. */

#include "bulk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool set_size(enum bulk_size *size, const char *text)
{
	static const char *const names[] = {
		[BULK_96SNAP] = "96snap",
		[BULK_FULL] = "full",
		[BULK_SMALL] = "small",
		[BULK_1500] = "1500",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0) {
			*size = (enum bulk_size)i;
			return true;
		}
	}
	return false;
}

/* A number in front of text, up to 2^32 - 1. NULL when there is none. */
static const char *take_number(const char *text, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	*number = strtoull(text, &end, 10);
	return *number <= UINT32_MAX ? end : NULL;
}

/* "P", or "A-B": from A to B frames a flow, evenly spread. */
static bool set_packets_per_flow(struct bulk_params *params, const char *text)
{
	uint64_t low = 0, high;

	text = take_number(text, &low);
	high = low;
	if (text != NULL && *text == '-')
		text = take_number(text + 1, &high);
	/* The mean must be whole: what one flow has more, its neighbour has less. */
	if (text == NULL || *text != '\0' || low == 0 || high < low || (high - low) % 2 != 0)
		return false;
	params->packets_per_flow = low + (high - low) / 2;
	params->packets_spread = (high - low) / 2;
	return true;
}

/* One of two words: the usual one, or the other, which sets *other. */
static bool set_choice(bool *other, const char *text, const char *usual, const char *word)
{
	*other = strcmp(text, word) == 0;
	return *other || strcmp(text, usual) == 0;
}

bool bulk_parse_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *number <= max;
}

bool bulk_set_option(struct bulk_params *params, const char *option, const char *text)
{
	const struct {
		const char *name;
		uint64_t max;
		uint64_t *number;
	} numbers[] = {
		{"--packets", UINT64_C(1) << 48, &params->nb_packets},
		{"--flows", UINT32_MAX, &params->nb_flows},
		{"--live", 1 << 28, &params->nb_live},
		{"--ipv6", 100, &params->ipv6_percent},
		{"--loss", 100, &params->loss_percent},
		{"--reorder", 100, &params->reorder_percent},
		{"--duplicates", 100, &params->duplicate_percent},
		{"--non-tcp", 100, &params->not_tcp_percent},
		{"--dns", 100, &params->dns_percent},
		{"--tick", 1000000000, &params->tick_ns},
		{"--seed", UINT64_MAX, &params->seed},
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(numbers[i].name, option) == 0)
			return bulk_parse_number(text, numbers[i].max, numbers[i].number);
	}
	if (strcmp(option, "--packets-per-flow") == 0)
		return set_packets_per_flow(params, text);
	if (strcmp(option, "--size") == 0)
		return set_size(&params->size, text);
	if (strcmp(option, "--order") == 0)
		return set_choice(&params->round_robin, text, "random", "round-robin");
	if (strcmp(option, "--sides") == 0)
		return set_choice(&params->one_side, text, "both", "one");
	if (strcmp(option, "--end") == 0)
		return set_choice(&params->endless, text, "fin", "none");
	return false;
}

void bulk_name_counts(const struct bulk_counts *counts,
		      struct bulk_named_count named[BULK_NB_COUNTS])
{
	const struct bulk_named_count all[BULK_NB_COUNTS] = {
		{"packets", counts->packets},
		{"tcp_packets", counts->tcp},
		{"not_tcp", counts->not_tcp},
		{"ipv6_packets", counts->ipv6},
		{"flows", counts->flows},
		{"complete_flows", counts->complete_flows},
		{"syn", counts->syn},
		{"syn_ack", counts->syn_ack},
		{"fin", counts->fin},
		{"data_packets", counts->data},
		{"payload_bytes", counts->payload_bytes},
		{"lost", counts->lost},
		{"reordered", counts->reordered},
		{"duplicates", counts->duplicates},
		{"wire_bytes", counts->wire_bytes},
	};

	memcpy(named, all, sizeof(all));
}

void bulk_print_counts(FILE *to, const struct bulk_counts *counts, uint64_t captured,
		       uint64_t file_bytes)
{
	struct bulk_named_count named[BULK_NB_COUNTS];
	size_t i;

	bulk_name_counts(counts, named);
	for (i = 0; i < BULK_NB_COUNTS; i++)
		fprintf(to, "%s=%" PRIu64 " ", named[i].key, named[i].value);
	fprintf(to, "captured_bytes=%" PRIu64 " file_bytes=%" PRIu64 "\n", captured, file_bytes);
}
