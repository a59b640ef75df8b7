/* SPDX-License-Identifier: BSD-3-Clause */

/* Cutting a chunk into frames: what is the same for every format. */

#include <errno.h>

#include "capture_priv.h"

#define EPOCH_FRAMES (1u << 20) /* definitions 1.6 */

/* Starts a source: the interface of a pcap file exists from its first byte. */
static int begin_source(struct capture *capture, struct source *source)
{
	struct capture_interface interface = {
		.link_type = source->link_type, .snaplen = source->snaplen, .drops = UINT64_MAX};

	source->begun = true;
	source->record = 1;
	source->info.first_frame = capture->totals.nb_frames + 1;
	source->interface_base = capture->nb_interfaces;
	if (source->kind == SOURCE_PCAPNG)
		return 0;
	return capture_add_interface(capture, source, &interface);
}

static struct cut begin_cut(const struct capture *capture, const struct source *source,
			    struct chunk *chunk)
{
	const uint64_t left = capture->max_frames - capture->totals.nb_frames;
	struct cut cut = {
		.frames = chunk->frames,
		.next = chunk->frames,
		.end = chunk->frames + chunk->room,
		.counted = chunk->frames,
		.clock = capture->clock,
		.first_ts_ns = INT64_MAX,
		.last_ts_ns = INT64_MIN,
	};

	if (!cut.clock.started)
		cut.clock.reference_ns = INT64_MAX;
	if (capture->max_frames != 0 && left < chunk->room)
		cut.end = chunk->frames + left;
	if (source->kind != SOURCE_PCAPNG)
		cut_set_interface(&cut, &capture->interfaces[source->interface_base]);
	return cut;
}

void cut_odd_stamp(struct cut *cut, int64_t ts_ns)
{
	int64_t so_far;

	/* The very first stamp may have been INT64_MAX, which followed the reference. */
	cut->clock.started |= cut->next != cut->frames;
	so_far = cut->clock.started ? cut->clock.reference_ns : ts_ns;
	if (so_far > cut->last_ts_ns)
		cut->last_ts_ns = so_far;
	if (ts_ns > cut->last_ts_ns)
		cut->last_ts_ns = ts_ns;
	if (ts_ns < cut->first_ts_ns)
		cut->first_ts_ns = ts_ns;
	cut->time_jumps += capture_clock_tick(&cut->clock, ts_ns);
}

/* The border in front of the first frame whose number an epoch's length divides. */
static void find_border(const struct capture *capture, struct chunk *chunk)
{
	const uint64_t in_epoch = chunk->first_frame % EPOCH_FRAMES;
	const uint64_t at = in_epoch == 0 ? 0 : EPOCH_FRAMES - in_epoch;

	chunk->border_frame = 0;
	if (at >= chunk->nb_frames)
		return;
	chunk->border_frame = chunk->first_frame + at;
	chunk->border_clock_ns =
		at == 0 ? capture->clock.elapsed_ns : chunk->frames[at - 1].clock_ns;
}

/* Adds the books of the cut to those of the capture. */
static void end_cut(struct capture *capture, struct source *source, struct chunk *chunk,
		    struct cut *cut)
{
	struct capture_totals *totals = &capture->totals;

	cut_set_interface(cut, NULL);
	chunk->nb_frames = (uint32_t)(cut->next - chunk->frames);
	find_border(capture, chunk);
	if (chunk->nb_frames == 0)
		return;
	if (cut->clock.reference_ns > cut->last_ts_ns)
		cut->last_ts_ns = cut->clock.reference_ns;
	cut->clock.started = true;
	capture->clock = cut->clock;
	source->info.nb_frames += chunk->nb_frames;
	totals->nb_frames += chunk->nb_frames;
	totals->captured_bytes += cut->captured_bytes;
	totals->wire_bytes += cut->wire_bytes;
	totals->time_jumps += cut->time_jumps;
	if (cut->first_ts_ns < totals->first_ts_ns)
		totals->first_ts_ns = cut->first_ts_ns;
	if (cut->last_ts_ns > totals->last_ts_ns)
		totals->last_ts_ns = cut->last_ts_ns;
	if (totals->nb_frames == capture->max_frames)
		capture_stop(capture);
}

static int cut_records(struct capture *capture, struct source *source, struct chunk *chunk)
{
	struct cut cut = begin_cut(capture, source, chunk);
	int rc = -EINVAL;

	switch (source->kind) {
	case SOURCE_PCAP:
		rc = pcap_cut(capture, source, chunk, &cut);
		break;
	case SOURCE_PCAPNG:
		rc = pcapng_cut(capture, source, chunk, &cut);
		break;
	case SOURCE_LIBPCAP:
		rc = libpcap_cut(capture, source, chunk, &cut);
		break;
	}
	end_cut(capture, source, chunk, &cut);
	return rc;
}

int capture_cut(struct capture *capture, struct chunk *chunk)
{
	struct source *source = &capture->sources[chunk->input];
	bool starts; /* a record or block, in this chunk */
	uint64_t bytes;
	int rc = 0;

	if (!source->begun)
		rc = begin_source(capture, source);
	if (chunk->is_stream)
		chunk->offset = source->next_offset;
	chunk->nb_frames = 0;
	chunk->first_frame = capture->totals.nb_frames + 1;
	chunk->border_frame = 0;
	/* A large record reaches over whole chunks; an input that ended stays behind. */
	starts = source->next_offset >= chunk->offset &&
		 source->next_offset - chunk->offset < chunk->limit;
	chunk->first = starts ? (size_t)(source->next_offset - chunk->offset) : 0;
	if (rc == 0 && starts && !atomic_load(&source->ended) && !capture_stopped(capture))
		rc = cut_records(capture, source, chunk);
	if (rc == 0 && !chunk->is_stream && !atomic_load(&source->ended) &&
	    chunk->offset + chunk->limit == source->info.size &&
	    source->next_offset >= source->info.size)
		atomic_store(&source->ended, true);
	bytes = chunk->is_stream ? source->next_offset - chunk->offset : chunk->limit;
	capture->totals.file_bytes += bytes;
	capture->totals.input_bytes += source_input_bytes(source, bytes);
	atomic_fetch_sub(&source->nb_chunks, 1);
	capture_close_if_done(source);
	return rc;
}
