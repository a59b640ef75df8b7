/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Live workers on threads, fed by ports whose frames the test deals: whatever queue or port a
 * frame comes through, its flow is one record, and its segments were tracked in their order.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_port.h"
#include "live/worker_priv.h"
#include "packet.h"

#define NB_FLOWS 2000u
#define NB_STEPS 12u
#define NB_FRAMES (NB_FLOWS * NB_STEPS)

/* One flow, step by step: who sends what. Data is 100 bytes. */
struct step {
	bool from_server;
	uint8_t flags;
	bool has_data;
};
static const struct step steps[NB_STEPS] = {
	{false, PACKET_SYN, false},
	{true, PACKET_SYN | PACKET_ACK, false},
	{false, PACKET_ACK, false},
	{false, PACKET_PSH | PACKET_ACK, true},
	{true, PACKET_ACK, false},
	{true, PACKET_PSH | PACKET_ACK, true},
	{true, PACKET_PSH | PACKET_ACK, true},
	{false, PACKET_ACK, false},
	{false, PACKET_PSH | PACKET_ACK, true},
	{true, PACKET_FIN | PACKET_ACK, false},
	{false, PACKET_FIN | PACKET_ACK, false},
	{true, PACKET_ACK, false},
};

#define STEP_NS 1000
#define ROUND_NS ((uint64_t)NB_FLOWS * STEP_NS) /* from a flow's frame to its next */

#define CLIENT_PKTS 6
#define SERVER_PKTS 6
#define DATA 20u

/* By which queue the frame at hand comes. */
typedef uint32_t deal_fn(uint32_t flow, uint32_t step);

static uint32_t by_direction(uint32_t flow, uint32_t step)
{
	(void)flow;
	return steps[step].from_server;
}

static uint32_t anyhow(uint32_t flow, uint32_t step)
{
	return ((flow * 7919 + step * 104729) >> 3) % 3;
}

static void make_packet(struct packet *packet, uint32_t flow, const struct step *step)
{
	const bool v6 = flow % 5 == 0;
	uint8_t client[16] = {10, 1, (uint8_t)(flow >> 8), (uint8_t)flow},
		server[16] = {10, 2, 0, 1};

	packet_init(packet, v6 ? 6 : 4);
	if (v6) {
		client[0] = server[0] = 0x20;
		client[15] = 1;
	}
	memcpy(packet->src, step->from_server ? server : client, 16);
	memcpy(packet->dst, step->from_server ? client : server, 16);
	packet->src_port = step->from_server ? 443 : (uint16_t)(20000 + flow);
	packet->dst_port = step->from_server ? (uint16_t)(20000 + flow) : 443;
	packet->reverse = step->from_server;
	packet->flags = step->flags;
	packet->payload_len = step->has_data ? DATA : 0;
}

/* All frames in order of time: step by step, flow by flow. */
static struct fake_frame *make_frames(void)
{
	struct fake_frame *frames = calloc(NB_FRAMES, sizeof(*frames));
	uint32_t *next = calloc(2 * NB_FLOWS, sizeof(*next)), nb = 0;

	assert_non_null(frames);
	assert_non_null(next);
	for (uint32_t f = 0; f < 2 * NB_FLOWS; f++)
		next[f] = f * 1000003;
	for (uint32_t s = 0; s < NB_STEPS; s++) {
		for (uint32_t f = 0; f < NB_FLOWS; f++, nb++) {
			uint32_t *seq = &next[2 * f + steps[s].from_server];
			struct packet packet;

			make_packet(&packet, f, &steps[s]);
			packet.seq = *seq;
			if (steps[s].flags & PACKET_ACK)
				packet.ack = next[2 * f + !steps[s].from_server];
			*seq += packet.payload_len +
				((steps[s].flags & (PACKET_SYN | PACKET_FIN)) != 0);
			frames[nb].ts_ns = 1700000000000000000 + (int64_t)nb * STEP_NS;
			frames[nb].len = (uint32_t)packet_build(&packet, PACKET_LINK_ETHERNET,
								frames[nb].data,
								sizeof(frames[nb].data), NULL);
		}
	}
	free(next);
	return frames;
}

/* Both queues keep pace. */
static uint32_t by_turns(uint32_t flow, uint32_t step)
{
	return (flow + step) & 1;
}

/* Everything of one run. */
struct bed {
	struct live_config config;
	struct live_hooks hooks;
	struct live live;
	struct fake_port ports[2];
	struct fake_frame *frames, *dealt[3];
	struct flow_record *rows;
	uint32_t nb_rows;
	uint32_t worker[NB_FLOWS * 8]; /* that made the row */
};

static void deal_frames(struct bed *bed, deal_fn *deal, uint32_t nb_queues, bool two_ports)
{
	uint32_t nb[3] = {0};

	bed->frames = make_frames();
	for (uint32_t q = 0; q < nb_queues; q++) {
		bed->dealt[q] = calloc(NB_FRAMES, sizeof(struct fake_frame));
		assert_non_null(bed->dealt[q]);
	}
	for (uint32_t i = 0; i < NB_FRAMES; i++) {
		const uint32_t q = deal(i % NB_FLOWS, i / NB_FLOWS);

		bed->dealt[q][nb[q]++] = bed->frames[i];
	}
	for (uint32_t q = 0; q < nb_queues; q++) {
		struct fake_port *port = &bed->ports[two_ports ? q : 0];
		const uint32_t at = two_ports ? 0 : q;

		port->frames[at] = bed->dealt[q];
		port->nb[at] = nb[q];
	}
}

static struct bed *bed_create(deal_fn *deal, uint32_t nb_queues, bool two_ports,
			      uint32_t nb_workers)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	const int cpus[8] = {0};

	assert_non_null(bed);
	bed->config.nb_workers = nb_workers;
	bed->config.max_flows = 100000;
	bed->config.exchange_cells = 65536;
	bed->config.record_blocks = 128;
	bed->live.config = &bed->config;
	bed->live.hooks = &bed->hooks;
	bed->live.nb_workers = nb_workers;
	bed->live.stop_ns = INT64_MAX;
	pthread_mutex_init(&bed->live.snapshot_lock, NULL);
	decode_keys_init(&bed->live.keys, 42);
	wall_clock_init(&bed->live.clock);
	fake_port_init(&bed->ports[0], two_ports ? 1 : (uint16_t)nb_queues, 7);
	fake_port_init(&bed->ports[1], 1, 64);
	deal_frames(bed, deal, nb_queues, two_ports);
	bed->live.nb_ports = two_ports ? 2 : 1;
	bed->live.nb_queues = nb_queues;
	for (uint32_t i = 0; i < bed->live.nb_ports; i++) {
		bed->live.ports[i] = &bed->ports[i].port;
		bed->live.infos[i] = &bed->ports[i].port.info;
	}
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	bed->rows = calloc(NB_FLOWS * 8, sizeof(*bed->rows));
	assert_non_null(bed->rows);
	return bed;
}

static void *thread_main(void *worker)
{
	(void)live_worker_main(worker);
	return NULL;
}

static void bed_run(struct bed *bed)
{
	pthread_t threads[8];

	bed->live.nb_running = bed->live.nb_workers;
	for (uint32_t i = 0; i < bed->live.nb_workers; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, thread_main, &bed->live.workers[i]), 0);
	for (uint32_t i = 0; i < bed->live.nb_workers; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < bed->live.nb_workers; i++) {
		void *block;

		while (rte_ring_dequeue(bed->live.workers[i].outbox.full, &block) == 0) {
			const struct live_block *rows = block;

			assert_true(bed->nb_rows + rows->nb <= NB_FLOWS * 8);
			for (uint32_t r = 0; r < rows->nb; r++) {
				bed->worker[bed->nb_rows] = i;
				bed->rows[bed->nb_rows++] = rows->rows[r];
			}
		}
	}
}

static void bed_destroy(struct bed *bed)
{
	live_unplan(&bed->live);
	pthread_mutex_destroy(&bed->live.snapshot_lock);
	for (int q = 0; q < 3; q++)
		free(bed->dealt[q]);
	free(bed->frames);
	free(bed->rows);
	free(bed);
}

static void assert_whole(const struct flow_record *row)
{
	assert_int_equal(row->handshake, HANDSHAKE_COMPLETE);
	assert_int_equal(row->conn_state, CONN_SF);
	assert_int_equal(row->end_reason, END_FIN);
	assert_int_equal(row->dst_port, 443);
	assert_int_equal(row->side[0].pkts, CLIENT_PKTS);
	assert_int_equal(row->side[1].pkts, SERVER_PKTS);
	assert_int_equal(row->side[0].bytes, 2 * DATA);
	assert_int_equal(row->side[1].bytes, 2 * DATA);
	assert_int_equal(row->stream, RECORD_NULL_64);
	/* Out of order, something would have been late or lost. */
	for (int d = 0; d < 2; d++) {
		for (int v = 0; v < NB_COUNTED_VERDICTS; v++)
			assert_int_equal(row->side[d].verdicts[v], 0);
	}
}

static void run_whole(deal_fn *deal, uint32_t nb_queues, bool two_ports)
{
	for (uint32_t nb_workers = 1; nb_workers <= 3; nb_workers++) {
		struct bed *bed = bed_create(deal, nb_queues, two_ports, nb_workers);
		uint64_t tracked = 0, received = 0, fates = 0;

		bed_run(bed);
		for (uint32_t i = 0; i < nb_workers; i++) {
			const struct live_worker_stats *stats = &bed->live.workers[i].stats;

			assert_int_equal(stats->exchange_full, 0);
			assert_int_equal(stats->records_dropped, 0);
			assert_true(stats->tracked != 0); /* everybody had some flows */
			tracked += stats->tracked;
			received += stats->received;
			fates += stats->fates[FATE_TRACKED];
		}
		assert_int_equal(received, NB_FRAMES);
		assert_int_equal(fates, NB_FRAMES);
		assert_int_equal(tracked, NB_FRAMES);
		assert_int_equal(bed->nb_rows, NB_FLOWS);
		for (uint32_t i = 0; i < bed->nb_rows; i++)
			assert_whole(&bed->rows[i]);
		bed_destroy(bed);
	}
}

static void two_ports_with_one_direction_each(void **state)
{
	(void)state;
	run_whole(by_direction, 2, true);
}

static void two_queues_with_one_direction_each(void **state)
{
	(void)state;
	run_whole(by_direction, 2, false);
}

static void three_queues_that_deal_anyhow(void **state)
{
	(void)state;
	run_whole(anyhow, 3, false);
}

static uint32_t all_to_first(uint32_t flow, uint32_t step)
{
	(void)flow;
	(void)step;
	return 0;
}

static void one_queue_for_all_workers(void **state)
{
	(void)state;
	run_whole(all_to_first, 1, false);
}

/*
 * A port that says it deals by the symmetric key, and does it: nothing goes through the
 * exchange. Then one that says so and does not: everything goes where it belongs all the same.
 */
static struct port_rss nic_rss;

static uint32_t by_key(uint32_t flow, uint32_t step)
{
	const struct step *of = &steps[step];
	struct packet packet;
	uint16_t folded;

	make_packet(&packet, flow, of);
	folded = packet.src_port ^ packet.dst_port;
	for (int i = 0; i < (packet.version == 6 ? 16 : 4); i += 2) {
		folded ^= (uint16_t)(packet.src[i] << 8 | packet.src[i + 1]);
		folded ^= (uint16_t)(packet.dst[i] << 8 | packet.dst[i + 1]);
	}
	return (port_rss_hash(&nic_rss, folded) & 127) % 3;
}

static struct bed *run_affine(deal_fn *deal, uint64_t *forwarded)
{
	struct bed *bed;
	const int cpus[8] = {0};

	port_rss_init(&nic_rss, 0x6d5a);
	bed = bed_create(deal, 3, false, 3);
	live_unplan(&bed->live);
	bed->ports[0].port.info.is_affine = true;
	bed->ports[0].port.info.reta_size = 128;
	bed->live.rss = nic_rss;
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	assert_true(bed->live.is_affine);
	bed_run(bed);
	*forwarded = 0;
	for (uint32_t i = 0; i < 3; i++)
		*forwarded += bed->live.workers[i].stats.forwarded;
	return bed;
}

static void a_nic_deals_by_the_key(void **state)
{
	uint64_t forwarded;
	struct bed *bed = run_affine(by_key, &forwarded);

	(void)state;
	assert_int_equal(forwarded, 0);
	assert_int_equal(bed->nb_rows, NB_FLOWS);
	for (uint32_t i = 0; i < bed->nb_rows; i++)
		assert_whole(&bed->rows[i]);
	bed_destroy(bed);
}

/* Then queues run ahead of each other, and order is lost; but never a direction. */
static void a_nic_does_not_do_as_it_says(void **state)
{
	uint64_t forwarded, pkts[NB_FLOWS] = {0};
	uint32_t worker[NB_FLOWS];
	struct bed *bed = run_affine(anyhow, &forwarded);

	(void)state;
	assert_true(forwarded > NB_FRAMES / 2);
	for (uint32_t i = 0; i < bed->nb_rows; i++) {
		const struct flow_record *row = &bed->rows[i];
		const uint32_t flow =
			(row->src_port == 443 ? row->dst_port : row->src_port) - 20000u;

		if (pkts[flow] != 0)
			assert_int_equal(worker[flow], bed->worker[i]);
		worker[flow] = bed->worker[i];
		pkts[flow] += (uint64_t)(row->side[0].pkts + row->side[1].pkts);
	}
	for (uint32_t f = 0; f < NB_FLOWS; f++)
		assert_int_equal(pkts[f], NB_STEPS);
	bed_destroy(bed);
}

/* Nobody waits: what does not fit a ring of 63 cells is counted, and the books balance. */
static void a_full_ring_drops_and_counts(void **state)
{
	struct bed *bed = bed_create(by_direction, 2, true, 2);
	struct live_worker_stats all = {0};
	const int cpus[8] = {0};

	(void)state;
	live_unplan(&bed->live);
	bed->config.exchange_cells = 64;
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	bed->live.workers[1].nb_queues =
		0; /* one worker polls both; the other one's threads never run */
	bed->live.workers[0].queues[1] = bed->live.workers[1].queues[0];
	bed->live.workers[0].nb_queues = 2;
	bed->live.nb_running = 1;
	(void)live_worker_main(&bed->live.workers[0]);
	all = bed->live.workers[0].stats;
	assert_int_equal(all.received, NB_FRAMES);
	assert_true(all.exchange_full > 0);
	assert_int_equal(all.fates[FATE_TRACKED] + all.exchange_full, NB_FRAMES);
	/* Two rings of 63 wait for a worker that never comes. */
	assert_int_equal(all.fates[FATE_TRACKED] - all.tracked, 2 * 63);
	bed_destroy(bed);
}

/* Two files: one waits for the other, however short the rings are. */
static void a_file_waits_for_room(void **state)
{
	struct bed *bed = bed_create(by_direction, 2, true, 2);
	const int cpus[8] = {0};

	(void)state;
	live_unplan(&bed->live);
	bed->config.exchange_cells = 256;
	for (int i = 0; i < 2; i++)
		bed->ports[i].port.info.clock = PORT_CLOCK_FILE;
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	bed_run(bed);
	assert_int_equal(bed->live.workers[0].stats.exchange_full, 0);
	assert_int_equal(bed->live.workers[1].stats.exchange_full, 0);
	assert_int_equal(bed->nb_rows, NB_FLOWS);
	for (uint32_t i = 0; i < bed->nb_rows; i++)
		assert_whole(&bed->rows[i]);
	bed_destroy(bed);
}

/* A ring that never has room for a burst is waited for, but not after the stop. */
static void a_stop_ends_a_wait(void **state)
{
	struct bed *bed = bed_create(by_direction, 2, true, 1);
	const int cpus[8] = {0};
	const struct live_worker_stats *stats;

	(void)state;
	live_unplan(&bed->live);
	bed->config.exchange_cells = 64;
	for (int i = 0; i < 2; i++)
		bed->ports[i].port.info.clock = PORT_CLOCK_FILE;
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	bed->live.stop_ns = wall_clock_now(&bed->live.clock);
	bed_run(bed);
	stats = &bed->live.workers[0].stats;
	assert_int_equal(stats->received, stats->fates[FATE_TRACKED]);
	assert_true(stats->received < NB_FRAMES);
	bed_destroy(bed);
}

/*
 * The system's clock is set back by two hours: nothing waits until it comes round again, nobody
 * takes it for two hours that went by.
 */
static void the_clock_is_set_back(void **state)
{
	struct bed *bed = bed_create(by_turns, 2, true, 1);
	struct live_worker *worker;
	const int cpus[8] = {0};

	(void)state;
	live_unplan(&bed->live);
	bed->config.exchange_cells = 256;
	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		bed->config.timeout_ns[c] = 60000000000;
	for (int i = 0; i < 2; i++) {
		struct fake_frame *frames = bed->dealt[i];

		bed->ports[i].burst = 16;
		bed->ports[i].pause = 50;
		for (uint32_t f = bed->ports[i].nb[0] / 2; f < bed->ports[i].nb[0]; f++)
			frames[f].ts_ns -= 7200000000000;
	}
	assert_int_equal(live_plan(&bed->live, cpus), 0);
	worker = &bed->live.workers[0];
	worker->next_chore_ns = wall_clock_now(&bed->live.clock) + 7200000000000;
	bed_run(bed);
	assert_true(worker->next_chore_ns < wall_clock_now(&bed->live.clock) + 1000000000);
	assert_int_equal(worker->stats.exchange_full, 0);
	assert_int_equal(worker->stats.tracked, NB_FRAMES);
	assert_int_equal(bed->nb_rows, NB_FLOWS);
	for (uint32_t i = 0; i < bed->nb_rows; i++) {
		assert_int_equal(bed->rows[i].side[0].pkts, CLIENT_PKTS);
		assert_int_equal(bed->rows[i].side[1].pkts, SERVER_PKTS);
	}
	bed_destroy(bed);
}

/* For a second stamps and our own clock are hours apart, one before or behind the other. */
static void two_times_of_day_are_no_time(void **state)
{
	static const int64_t steps_ns[] = {-7200000000000, 7200000000000};
	const int64_t from_ns = 1700000000000000000, ms = 1000000;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bed *bed = bed_create(by_turns, 2, true, 1);
		struct live_worker *worker = &bed->live.workers[0];
		/* A step forward is time that passed, once. */
		const uint64_t most_ns = (uint64_t)(steps_ns[i] > 0 ? steps_ns[i] : 0);
		uint64_t elapsed_ns;

		(void)capture_clock_tick(&worker->clock, from_ns);
		live_expire(worker, from_ns);
		for (int64_t at_ns = ms; at_ns <= 1000 * ms; at_ns += ms) {
			(void)capture_clock_tick(&worker->clock, from_ns + at_ns + steps_ns[i]);
			live_expire(worker, from_ns + at_ns);
		}
		elapsed_ns = worker->clock.elapsed_ns;
		assert_in_range(elapsed_ns, most_ns, most_ns + 2000 * (uint64_t)ms);
		/* Then they agree, and time goes on without segments. */
		for (int64_t at_ns = 1001 * ms; at_ns <= 61001 * ms; at_ns += ms)
			live_expire(worker, from_ns + at_ns + steps_ns[i]);
		assert_in_range(worker->clock.elapsed_ns, elapsed_ns + 60000 * (uint64_t)ms,
				elapsed_ns + 60002 * (uint64_t)ms);
		bed_destroy(bed);
	}
}

/* -c is exact, whoever receives the last one. */
static void so_many_frames_and_no_more(void **state)
{
	for (uint64_t n = 1; n < NB_FRAMES; n = n * 5 + 3) {
		struct bed *bed = bed_create(anyhow, 3, false, 3);
		uint64_t received = 0;

		bed->config.max_frames = n;
		bed->live.frames_left = (int64_t)n;
		bed_run(bed);
		for (uint32_t i = 0; i < 3; i++)
			received += bed->live.workers[i].stats.received;
		assert_int_equal(received, n);
		bed_destroy(bed);
	}
	(void)state;
}

/* The parts of a flow add up to it, and every part says whose it is. */
static void long_flows_report_in_parts(void **state)
{
	struct bed *bed = bed_create(all_to_first, 1, false, 1);
	uint32_t pkts[NB_FLOWS] = {0}, bytes[NB_FLOWS] = {0}, last[NB_FLOWS] = {0};
	uint64_t active = 0;

	(void)state;
	bed->config.active_timeout_ns = 5 * ROUND_NS / 2;
	bed->ports[0].pause = 100;
	bed_run(bed);
	for (uint32_t i = 0; i < bed->nb_rows; i++) {
		const struct flow_record *row = &bed->rows[i];
		const uint32_t flow = row->src_port - 20000u;

		assert_int_equal(row->dst_port, 443);
		assert_int_equal(row->ts_ns, 1700000000000000000 + (int64_t)flow * STEP_NS);
		assert_int_equal(row->side[0].isn, (uint32_t)(2 * flow * 1000003u));
		pkts[flow] += (uint32_t)(row->side[0].pkts + row->side[1].pkts);
		bytes[flow] += (uint32_t)(row->side[0].bytes + row->side[1].bytes);
		active += row->end_reason == END_ACTIVE_TIMEOUT;
		last[flow] += row->end_reason == END_FIN;
	}
	assert_int_equal(active, bed->live.workers[0].stats.active_records);
	assert_true(active > 0);
	for (uint32_t f = 0; f < NB_FLOWS; f++) {
		assert_int_equal(pkts[f], NB_STEPS);
		assert_int_equal(bytes[f], 4 * DATA);
		assert_int_equal(last[f], 1);
	}
	bed_destroy(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_ports_with_one_direction_each),
		cmocka_unit_test(two_queues_with_one_direction_each),
		cmocka_unit_test(three_queues_that_deal_anyhow),
		cmocka_unit_test(one_queue_for_all_workers),
		cmocka_unit_test(a_nic_deals_by_the_key),
		cmocka_unit_test(a_nic_does_not_do_as_it_says),
		cmocka_unit_test(a_full_ring_drops_and_counts),
		cmocka_unit_test(a_file_waits_for_room),
		cmocka_unit_test(a_stop_ends_a_wait),
		cmocka_unit_test(the_clock_is_set_back),
		cmocka_unit_test(two_times_of_day_are_no_time),
		cmocka_unit_test(so_many_frames_and_no_more),
		cmocka_unit_test(long_flows_report_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
