/* SPDX-License-Identifier: BSD-3-Clause */

/* What a live worker keeps is within its memory also where no packet asks for it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_priv.h"
#include "live/worker_priv.h"
#include "packet.h"
#include "tcpmill/decode.h"

#define START_NS INT64_C(1700000000000000000)
#define SECOND INT64_C(1000000000)
#define NB_FLOWS 60u

struct bed {
	struct live_config config;
	struct live live;
	struct live_worker *worker;
	struct capture_interface interface;
	uint32_t nb_flows, next_port;
};

static void bed_init(struct bed *bed)
{
	*bed = (struct bed){
		.config =
			{
				.nb_workers = 1,
				.max_flows = 100000,
				.max_bytes = 1, /* the least that there is: 64 flows a partition */
				.active_timeout_ns = 10 * SECOND,
				.record_blocks = 4,
			},
		.interface = {.link_type = packet_link_type(PACKET_LINK_ETHERNET)},
	};
	bed->live.config = &bed->config;
	bed->live.nb_workers = 1;
	decode_keys_init(&bed->live.keys, 42);
	bed->worker = aligned_alloc(64, sizeof(*bed->worker));
	assert_non_null(bed->worker);
	memset(bed->worker, 0, sizeof(*bed->worker));
	assert_int_equal(live_worker_init(bed->worker, &bed->live, 0), 0);
}

static void bed_fini(struct bed *bed)
{
	live_worker_fini(bed->worker);
	free(bed->worker);
}

/* A SYN of another flow, at that time; tracked only if it is of partition 0. */
static bool open_flow(struct bed *bed, int64_t ts_ns)
{
	const struct decode_context context = {.keys = &bed->live.keys,
					       .reassembly = bed->worker->reassembly};
	struct segment segments[DECODE_MAX_SEGMENTS], *segment = segments;
	struct packet packet;
	uint8_t data[160];
	struct frame frame = {.data = data, .ts_ns = ts_ns, .interface = &bed->interface};
	uint32_t nb;

	packet_init(&packet, 4);
	packet.src_port = (uint16_t)(1024 + bed->next_port++);
	packet.flags = PACKET_SYN;
	frame.caplen =
		(uint32_t)packet_build(&packet, PACKET_LINK_ETHERNET, data, sizeof(data), NULL);
	frame.wire_len = frame.caplen;
	assert_int_equal(decode_frame(&context, &frame, segments, &nb), FATE_TRACKED);
	if (segment->partition != 0)
		return false;
	live_track(bed->worker, &segment, 1);
	return true;
}

static uint64_t bytes_of(const struct bed *bed)
{
	return bed->worker->stats.live_flows * FLOW_BYTES +
	       flow_table_beside(bed->worker->table)[0];
}

/*
 * 60 flows of 448 bytes are within the 64 * 448 of a partition. What their active records told
 * takes 384 more of each: 4 have room for that, then others have to go.
 */
static void active_records_make_room_for_what_they_take(void **state)
{
	struct bed bed;

	(void)state;
	bed_init(&bed);
	while (bed.nb_flows < NB_FLOWS)
		bed.nb_flows += open_flow(&bed, START_NS + bed.nb_flows);
	live_expire(bed.worker, START_NS + SECOND);
	assert_int_equal(bed.worker->stats.live_flows, NB_FLOWS);
	assert_int_equal(bytes_of(&bed), NB_FLOWS * FLOW_BYTES);
	live_expire(bed.worker, START_NS + 11 * SECOND);
	assert_true(bytes_of(&bed) <= flow_partition_bytes(1));
	/* 28,672 / (448 + 384) = 34 flows. */
	assert_int_equal(bed.worker->stats.live_flows, 34);
	assert_int_equal(bed.worker->stats.evicted[FLOW_HALF_OPEN], NB_FLOWS - 34);
	assert_int_equal(bed.worker->stats.records,
			 bed.worker->stats.active_records + NB_FLOWS - 34);
	bed_fini(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_records_make_room_for_what_they_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
