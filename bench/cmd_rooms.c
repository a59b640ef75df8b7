/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench rooms: what each room takes alone, on the packets of a real file. Each step
 * is given as much at a time as a worker gives it, so that it finds in the cache what it
 * would find in the program: a chunk to read and to cut, a burst to decode, groups of
 * segments for their flows (rooms_flows.c).
 */

#include "rooms.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"
#include "tcpmill/capture.h"
#include "tcpmill/decode.h"
#include "tcpmill/segment.h"

#define CHUNK_SIZE ((size_t)1 << 20)

#define BURST 256u

/* One pass over the file. */
struct pass {
	struct rooms_flows *flows;
	struct rooms_times times;
	struct decode_keys keys;
	struct chunk chunk;
	uint64_t packets, tcp;
	double ns_per_tick;
};

/* Decodes nb frames from at on; returns the number of segments. */
static uint32_t decode(const struct pass *pass, uint32_t at, uint32_t nb, struct segment *segments)
{
	const struct decode_context context = {.keys = &pass->keys};
	struct segment *segment = segments;
	uint32_t nb_tcp;

	for (uint32_t i = at; i < at + nb; i++) {
		const struct frame *frame = &pass->chunk.frames[i];

		if (decode_frame(&context, frame, segment, &nb_tcp) == FATE_TRACKED)
			segment++->frame = i; /* the outermost TCP header alone */
	}
	return (uint32_t)(segment - segments);
}

/* Returns 0 or -errno. */
static int do_chunk(struct pass *pass)
{
	struct segment segments[BURST + DECODE_MAX_SEGMENTS];
	int rc = 0;

	for (uint32_t at = 0; rc == 0 && at < pass->chunk.nb_frames; at += BURST) {
		const uint32_t left = pass->chunk.nb_frames - at;
		const uint64_t start = rooms_ticks();
		const uint32_t nb = decode(pass, at, left < BURST ? left : BURST, segments);

		pass->times.ticks[ROOM_DECODE] += rooms_ticks() - start;
		pass->tcp += nb;
		rc = rooms_flows_add(pass->flows, segments, nb, pass->chunk.first_frame,
				     &pass->times);
	}
	pass->packets += pass->chunk.nb_frames;
	return rc;
}

static int do_file(struct pass *pass, struct capture *capture)
{
	int rc = chunk_init(&pass->chunk, capture);

	while (rc == 0 && capture_claim(capture, &pass->chunk)) {
		const uint64_t start = rooms_ticks();
		uint64_t read;

		capture_read(capture, &pass->chunk);
		read = rooms_ticks();
		rc = capture_cut(capture, &pass->chunk);
		pass->times.ticks[ROOM_READ] += read - start;
		pass->times.ticks[ROOM_CUT] += rooms_ticks() - read;
		if (rc == 0)
			rc = do_chunk(pass);
	}
	chunk_fini(&pass->chunk);
	return rc == 0 ? rooms_flows_finish(pass->flows, &pass->times) : rc;
}

/* Returns 0, or 1 after a message. */
static int run_pass(const char *path, uint64_t max_packets, struct pass *pass)
{
	const struct capture_params params = {
		.paths = &path,
		.nb_paths = 1,
		.chunk_size = CHUNK_SIZE,
		.max_frames = max_packets,
	};
	char error[256];
	bool usage;
	struct capture *capture = capture_open(&params, error, sizeof(error), &usage);
	uint64_t start_ns, start_ticks;
	int rc;

	if (capture == NULL)
		return bench_fail(1, "rooms", error);
	memset(pass, 0, sizeof(*pass));
	decode_keys_init(&pass->keys, 1);
	pass->flows = rooms_flows_create();
	start_ns = bench_now_ns();
	start_ticks = rooms_ticks();
	rc = pass->flows != NULL ? do_file(pass, capture) : -ENOMEM;
	pass->ns_per_tick =
		(double)(bench_now_ns() - start_ns) / (double)(rooms_ticks() - start_ticks);
	if (rc != 0)
		bench_fail(1, path,
			   capture_failure(capture) != NULL && rc != -ENOMEM
				   ? capture_failure(capture)
				   : strerror(-rc));
	rooms_flows_destroy(pass->flows);
	capture_close(capture);
	return rc == 0 ? 0 : 1;
}

/* ---- the table ----------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *unit;
	const char *what;
} rooms[NB_ROOMS] = {
	[ROOM_READ] = {"read", "packet", "the file into a chunk's buffer"},
	[ROOM_CUT] = {"cut", "packet", "walk over a chunk's records, one after the other"},
	[ROOM_DECODE] = {"decode", "packet", "frame to segment"},
	[ROOM_TABLE] = {"table", "segment", "prefetch, lookup, touch, in groups of 32"},
	[ROOM_VERDICTS] = {"verdicts", "segment", "the rules of TCP"},
	[ROOM_FILL] = {"fill", "row", "flow to row"},
	[ROOM_ENCODE] = {"encode", "row", "rows to Arrow, LZ4"},
};

static double items_of(const struct pass *pass, enum room room)
{
	if (room == ROOM_FILL || room == ROOM_ENCODE)
		return (double)pass->times.rows;
	return (double)(room == ROOM_TABLE || room == ROOM_VERDICTS ? pass->tcp : pass->packets);
}

static void tell_room(struct report *report, const struct pass *last, enum room room,
		      double *ns_per_item, uint64_t rounds)
{
	const struct bench_spread ns = bench_spread(ns_per_item, (uint32_t)rounds);
	double bytes = (double)NAN;

	if (room == ROOM_ENCODE)
		bytes = (double)last->times.encoded_bytes / items_of(last, room);
	report_row(report);
	report_text(report, "room", "room", rooms[room].name);
	report_text(report, "what", "what", rooms[room].what);
	report_text(report, "unit", "unit", rooms[room].unit);
	report_number(report, "items", "items", items_of(last, room), 0);
	report_number(report, "ns_per_item", "ns", ns.median, 2);
	report_number(report, "ns_per_item_min", "min", ns.min, 2);
	report_number(report, "ns_per_item_max", "max", ns.max, 2);
	report_number(report, "per_second", "per second", 1e9 / ns.median, 0);
	report_number(report, "bytes_per_item", "bytes", bytes, 1);
	report_number(report, "mb_per_s", "MB/s", bytes * 1e3 / ns.median, 1);
}

static int tell(const char *path, const struct pass *last, double ns[][BENCH_ROUNDS_MAX],
		uint64_t rounds, bool json)
{
	struct report report;
	int status;

	if (!report_init(&report, "rooms"))
		return bench_fail(1, path, "out of memory");
	report_fact_text(&report, "file", "file", path);
	report_fact(&report, "rounds", "rounds", (double)rounds, 0);
	report_fact(&report, "packets", "packets", (double)last->packets, 0);
	report_fact(&report, "tcp_packets", "TCP packets", (double)last->tcp, 0);
	report_fact(&report, "flows", "flows", (double)last->times.rows, 0);
	for (enum room room = 0; room < NB_ROOMS; room++)
		tell_room(&report, last, room, ns[room], rounds);
	status = report_print(&report, json, stdout);
	report_fini(&report);
	return status;
}

int cmd_rooms(int argc, char **argv)
{
	double ns[NB_ROOMS][BENCH_ROUNDS_MAX];
	uint64_t rounds = BENCH_ROUNDS, max_packets = 10000000;
	struct pass pass;
	const char *path;
	bool json = false;
	const struct bench_option table[] = {
		{"--rounds", BENCH_NUMBER, BENCH_ROUNDS_MAX, &rounds},
		{"--packets", BENCH_NUMBER, UINT64_MAX, &max_packets},
		{"--json", BENCH_FLAG, 0, &json},
	};
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), &path, 1);

	(void)argc;
	for (uint64_t round = 0; status == 0 && round < rounds; round++) {
		status = run_pass(path, max_packets, &pass);
		if (status == 0 && pass.times.rows == 0)
			status = bench_fail(1, path, "no TCP in it");
		for (enum room room = 0; status == 0 && room < NB_ROOMS; room++)
			ns[room][round] = (double)pass.times.ticks[room] * pass.ns_per_tick /
					  items_of(&pass, room);
	}
	return status == 0 ? tell(path, &pass, ns, rounds, json) : status;
}
