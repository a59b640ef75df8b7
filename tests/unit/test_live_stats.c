/* SPDX-License-Identifier: BSD-3-Clause */

/* Sums over the parts of a snapshot, and what happened between two of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcpmill/live.h"

static struct live_stats *new_stats(void)
{
	struct live_stats *stats = calloc(1, sizeof(*stats));

	assert_non_null(stats);
	return stats;
}

static void every_drop_has_its_place_and_its_name(void **state)
{
	struct live_stats *stats = new_stats();
	struct live_sum sum;

	(void)state;
	stats->nb_ports = 2;
	stats->nb_workers = 3;
	stats->ports[0] = (struct port_counters){.received = 1000,
						 .missed = 1,
						 .no_mbuf = 20,
						 .errors = 300,
						 .kernel_drops = 4000,
						 .interface_drops = 50000};
	stats->ports[1] = (struct port_counters){.missed = 2, .kernel_drops = 1000};
	stats->ports[2].missed = 77; /* is not there */
	stats->workers[0].exchange_full = 5;
	stats->workers[2].exchange_full = 6;
	stats->workers[0].fates[FATE_UNTRACKED] = 7;
	stats->workers[1].records_dropped = 8;
	stats->workers[3].records_dropped = 99; /* is not there */
	stats->writer.rows_lost = 9;
	live_sum(stats, &sum);
	assert_int_equal(sum.drops[LIVE_DROP_NIC], 3);
	assert_int_equal(sum.drops[LIVE_DROP_NO_MBUF], 20);
	assert_int_equal(sum.drops[LIVE_DROP_ERRORS], 300);
	assert_int_equal(sum.drops[LIVE_DROP_KERNEL], 5000);
	assert_int_equal(sum.drops[LIVE_DROP_INTERFACE], 50000);
	assert_int_equal(sum.drops[LIVE_DROP_EXCHANGE], 11);
	assert_int_equal(sum.drops[LIVE_DROP_TABLE], 7);
	assert_int_equal(sum.drops[LIVE_DROP_RECORDS], 8);
	assert_int_equal(sum.drops[LIVE_DROP_DISK], 9);
	for (int i = 0; i < NB_LIVE_DROPS; i++)
		assert_non_null(live_drop_names[i]);
	assert_null(live_drop_names[NB_LIVE_DROPS]);
	assert_string_equal(live_drop_names[LIVE_DROP_NO_MBUF], "no_mbuf");
	free(stats);
}

/* Each word of a worker its own value: none is left out, none taken for its neighbour. */
static void workers_are_summed_word_by_word(void **state)
{
	enum { NB = sizeof(struct live_worker_stats) / sizeof(uint64_t) };
	const size_t cpu = offsetof(struct live_worker_stats, cpu) / sizeof(uint64_t);
	struct live_stats *stats = new_stats();
	uint64_t words[NB], summed[NB];
	struct live_sum sum;

	(void)state;
	stats->nb_workers = 2;
	for (uint64_t w = 0; w < 2; w++) {
		for (uint64_t i = 0; i < NB; i++)
			words[i] = (w + 1) << 32 | i;
		memcpy(&stats->workers[w], words, sizeof(words));
	}
	live_sum(stats, &sum);
	memcpy(summed, &sum.all, sizeof(summed));
	for (uint64_t i = 0; i < NB; i++)
		assert_int_equal(summed[i], i == cpu ? 0 : (UINT64_C(3) << 32 | 2 * i));
	free(stats);
}

static void counters_are_subtracted_and_levels_are_the_laters(void **state)
{
	struct live_stats *from = new_stats(), *to = new_stats(), *difference = new_stats();

	(void)state;
	to->nb_ports = from->nb_ports = 1;
	to->nb_workers = from->nb_workers = 2;
	from->now_ns = 100;
	to->now_ns = 160;
	from->elapsed_ns = 10;
	to->elapsed_ns = 70;
	from->ports[0].received = 5;
	to->ports[0].received = 12;
	from->ports[0].missed = 9; /* the driver began anew */
	to->ports[0].missed = 4;
	from->workers[1] = (struct live_worker_stats){.received = 50,
						      .live_flows = 30,
						      .max_live_flows = 40,
						      .flow_bytes = 64,
						      .datagrams_held = 9,
						      .datagrams = 4,
						      .cpu = 3};
	to->workers[1] = (struct live_worker_stats){.received = 80,
						    .live_flows = 20,
						    .max_live_flows = 45,
						    .flow_bytes = 128,
						    .datagrams_held = 6,
						    .datagrams = 10,
						    .cpu = 3};
	from->workers[1].fates[NB_FATES - 1] = 1;
	to->workers[1].fates[NB_FATES - 1] = 5;
	from->writer.rows = 7;
	to->writer.rows = 17;
	from->clock_steps = 1;
	to->clock_steps = 3;
	from->clock_error_ns = 1000;
	to->clock_error_ns = -20;
	live_stats_since(from, to, difference);
	assert_int_equal(difference->nb_ports, 1);
	assert_int_equal(difference->nb_workers, 2);
	assert_int_equal(difference->now_ns, 160);
	assert_int_equal(difference->elapsed_ns, 60);
	assert_int_equal(difference->ports[0].received, 7);
	assert_int_equal(difference->ports[0].missed, 0);
	assert_int_equal(difference->workers[0].received, 0);
	assert_int_equal(difference->workers[1].received, 30);
	assert_int_equal(difference->workers[1].fates[NB_FATES - 1], 4);
	assert_int_equal(difference->workers[1].live_flows, 20);
	assert_int_equal(difference->workers[1].max_live_flows, 45);
	assert_int_equal(difference->workers[1].flow_bytes, 128);
	assert_int_equal(difference->workers[1].datagrams_held, 6);
	assert_int_equal(difference->workers[1].datagrams, 6);
	assert_int_equal(difference->workers[1].cpu, 3);
	assert_int_equal(difference->writer.rows, 10);
	assert_int_equal(difference->clock_steps, 2);
	assert_int_equal(difference->clock_error_ns, -20);
	free(from);
	free(to);
	free(difference);
}

/* A flow's worker had no room for what another one received, and had counted as tracked. */
static void books_of_an_interval_balance_when_tracked_goes_back(void **state)
{
	struct live_stats *from = new_stats(), *to = new_stats(), *difference = new_stats();
	struct live_sum sum;

	(void)state;
	to->nb_workers = from->nb_workers = 2;
	from->workers[0].received = from->workers[0].fates[FATE_TRACKED] = 100;
	to->workers[0].received = to->workers[0].fates[FATE_TRACKED] = 150;
	from->workers[1].fates[FATE_TRACKED] = -(uint64_t)4;
	from->workers[1].fates[FATE_UNTRACKED] = 4;
	to->workers[1].fates[FATE_TRACKED] = -(uint64_t)11;
	to->workers[1].fates[FATE_UNTRACKED] = 11;
	live_stats_since(from, to, difference);
	live_sum(difference, &sum);
	assert_int_equal(sum.all.received, 50);
	assert_int_equal(sum.all.fates[FATE_TRACKED], 43);
	assert_int_equal(sum.all.fates[FATE_UNTRACKED], 7);
	free(from);
	free(to);
	free(difference);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_drop_has_its_place_and_its_name),
		cmocka_unit_test(workers_are_summed_word_by_word),
		cmocka_unit_test(books_of_an_interval_balance_when_tracked_goes_back),
		cmocka_unit_test(counters_are_subtracted_and_levels_are_the_laters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
