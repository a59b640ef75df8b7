/* SPDX-License-Identifier: BSD-3-Clause */

/* What the commands share: arguments, clock, spread. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "bulk.h"

int bench_fail(int status, const char *what, const char *why)
{
	fprintf(stderr, "tcpmill-bench: %s: %s\n", what, why);
	return status;
}

static bool parse_list(const char *text, uint64_t max, struct bench_list *list)
{
	char one[32];

	list->nb = 0;
	for (;;) {
		const size_t len = strcspn(text, ",");
		uint64_t *to = &list->values[list->nb];

		if (len >= sizeof(one) || list->nb == BENCH_LIST_MAX)
			return false;
		memcpy(one, text, len);
		one[len] = '\0';
		if (!bulk_parse_number(one, max, to) || *to == 0)
			return false;
		list->nb++;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static bool set_value(const struct bench_option *option, const char *text)
{
	uint64_t *number = option->to;
	const char **word = option->to;

	switch (option->kind) {
	case BENCH_NUMBER:
		return bulk_parse_number(text, option->max, number) && *number != 0;
	case BENCH_LIST:
		return parse_list(text, option->max, option->to);
	default:
		*word = text;
		return true;
	}
}

static const struct bench_option *find(const struct bench_option *options, size_t nb,
				       const char *name)
{
	for (size_t i = 0; i < nb; i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

int bench_parse(char **argv, const struct bench_option *options, size_t nb_options,
		const char **names, size_t nb_names)
{
	size_t nb = 0;

	for (size_t i = 0; argv[i] != NULL; i++) {
		const struct bench_option *option = find(options, nb_options, argv[i]);

		if (option == NULL) {
			if (argv[i][0] == '-' && argv[i][1] != '\0')
				return bench_fail(2, argv[i], "no such option");
			if (nb == nb_names)
				return bench_fail(2, argv[i], "one word too many");
			names[nb++] = argv[i];
			continue;
		}
		if (option->kind == BENCH_FLAG) {
			*(bool *)option->to = true;
			continue;
		}
		if (argv[i + 1] == NULL)
			return bench_fail(2, argv[i], "a value is missing");
		if (!set_value(option, argv[++i]))
			return bench_fail(2, argv[i - 1], "no such value");
	}
	if (nb < nb_names)
		return bench_fail(2, "a word is missing", "see tcpmill-bench --help");
	return 0;
}

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct bench_spread bench_spread(double *values, uint32_t nb)
{
	qsort(values, nb, sizeof(*values), compare);
	return (struct bench_spread){
		.median = (values[(nb - 1) / 2] + values[nb / 2]) / 2,
		.min = values[0],
		.max = values[nb - 1],
	};
}
