/* SPDX-License-Identifier: BSD-3-Clause */

/* Cutting a chunk into frames: what is the same for every format. */

#include <errno.h>
#include <stdio.h>

#include "capture_priv.h"

/* Starts a source: the interface of a pcap file exists from its first byte. */
static int begin_source(struct capture *capture, struct source *source)
{
	struct capture_interface interface = {
		.link_type = source->link_type,
		.fcs_len = source->fcs_len,
		.snaplen = source->snaplen,
		.drops = UINT64_MAX,
	};

	source->begun = true;
	source->record = 1;
	source->info.first_frame = capture->totals.nb_frames + 1;
	source->interface_base = capture->nb_interfaces;
	if (source->kind == SOURCE_PCAPNG)
		return 0;
	return capture_add_interface(capture, source, &interface);
}

static struct cut begin_cut(const struct capture *capture, const struct source *source,
			    const struct chunk *chunk)
{
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
	if (source != NULL && source->kind != SOURCE_PCAPNG)
		cut_set_interface(&cut, &capture->interfaces[source->interface_base]);
	return cut;
}

/* Not more frames than -c leaves. */
static void bound_cut(const struct capture *capture, const struct chunk *chunk, struct cut *cut)
{
	const uint64_t left = capture->max_frames - capture->totals.nb_frames;

	if (capture->max_frames != 0 && left < chunk->room)
		cut->end = chunk->frames + left;
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
	const uint64_t in_epoch = chunk->first_frame % capture->epoch_frames;
	const uint64_t at = in_epoch == 0 ? 0 : capture->epoch_frames - in_epoch;

	chunk->border_frame = 0;
	if (at >= chunk->nb_frames)
		return;
	chunk->border_frame = chunk->first_frame + at;
	chunk->border_clock_ns =
		at == 0 ? capture->clock.elapsed_ns : chunk->frames[at - 1].clock_ns;
}

/* Adds the books of the cut to those of the capture. */
static void end_cut(struct capture *capture, struct chunk *chunk, struct cut *cut)
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

static int cut_records(struct capture *capture, struct source *source, struct chunk *chunk,
		       struct cut *cut)
{
	switch (source->kind) {
	case SOURCE_PCAP:
		return pcap_cut(capture, source, chunk, cut);
	case SOURCE_PCAPNG:
		return pcapng_cut(capture, source, chunk, cut);
	case SOURCE_LIBPCAP:
		return libpcap_cut(capture, source, chunk, cut);
	}
	return -EINVAL;
}

/* Finds the chunk's first record. False if there is none in it that shall be cut. */
static bool begin_chunk(const struct capture *capture, struct source *source, struct chunk *chunk)
{
	bool starts; /* a record or block, in this chunk */

	if (chunk->is_stream) {
		chunk->offset = source->next_offset;
		waiting_begin(source, chunk);
	}
	/* A large record reaches over whole chunks; an input that ended stays behind. */
	starts = source->next_offset >= chunk->offset &&
		 source->next_offset - chunk->offset < chunk->limit;
	chunk->first = starts ? (size_t)(source->next_offset - chunk->offset) : 0;
	return starts && !atomic_load(&source->ended) && !capture_stopped(capture);
}

/* 0, or -errno if a sound input could not be decompressed for want of memory or a thread. */
static int missed(const struct source *source, const struct chunk *chunk)
{
	if (source->unpacker == NULL)
		return 0;
	if (chunk->read_error == ENOMEM || chunk->read_error == EAGAIN)
		return -chunk->read_error;
	return source->no_memory ? -ENOMEM : 0;
}

/* The chunk is cut, with rc. Returns that or -errno. */
static int end_chunk(struct capture *capture, struct source *source, const struct chunk *chunk,
		     int rc)
{
	uint64_t bytes;

	if (rc == 0 && !chunk->is_stream && !atomic_load(&source->ended) &&
	    chunk->offset + chunk->limit == source->info.size &&
	    source->next_offset >= source->info.size)
		atomic_store(&source->ended, true);
	bytes = chunk->is_stream ? source->next_offset - chunk->offset : chunk->limit;
	capture->totals.file_bytes += bytes;
	capture->totals.input_bytes += source_input_bytes(source, bytes);
	if (rc == 0 && chunk->is_stream && source->kind != SOURCE_LIBPCAP)
		rc = waiting_end(source, chunk);
	if (rc == 0)
		rc = missed(source, chunk);
	if (rc == -ENOMEM)
		snprintf(capture->failure, sizeof(capture->failure), "out of memory");
	else if (rc == -EAGAIN)
		snprintf(capture->failure, sizeof(capture->failure),
			 "%s: cannot start the thread that decompresses it: %s",
			 source_name(source), strerror(EAGAIN));
	atomic_fetch_sub(&source->nb_chunks, 1);
	capture_close_if_done(source);
	return rc;
}

int cut_lane(struct capture *capture, struct source *source, struct chunk *chunk)
{
	struct cut cut;
	int rc = source->begun ? 0 : begin_source(capture, source);

	cut = begin_cut(capture, source, chunk);
	if (begin_chunk(capture, source, chunk) && rc == 0)
		rc = cut_records(capture, source, chunk, &cut);
	cut_set_interface(&cut, NULL);
	chunk->nb_frames = (uint32_t)(cut.next - chunk->frames);
	return end_chunk(capture, source, chunk, rc);
}

static int cut_merged(struct capture *capture, struct chunk *chunk)
{
	struct cut cut = begin_cut(capture, NULL, chunk);
	int rc;

	bound_cut(capture, chunk, &cut);
	rc = merge_cut(capture, chunk, &cut);
	end_cut(capture, chunk, &cut);
	return rc;
}

static int cut_source(struct capture *capture, struct chunk *chunk)
{
	struct source *source = &capture->sources[chunk->input];
	int rc = source->begun ? 0 : begin_source(capture, source);

	if (begin_chunk(capture, source, chunk) && rc == 0) {
		struct cut cut = begin_cut(capture, source, chunk);

		bound_cut(capture, chunk, &cut);
		rc = cut_records(capture, source, chunk, &cut);
		end_cut(capture, chunk, &cut);
		source->info.nb_frames += chunk->nb_frames;
	}
	return end_chunk(capture, source, chunk, rc);
}

int capture_cut(struct capture *capture, struct chunk *chunk)
{
	chunk->nb_frames = 0;
	chunk->first_frame = capture->totals.nb_frames + 1;
	chunk->border_frame = 0;
	return chunk->is_merged ? cut_merged(capture, chunk) : cut_source(capture, chunk);
}
