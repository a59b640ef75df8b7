/* SPDX-License-Identifier: BSD-3-Clause */

/* The inputs as one stream of chunks: claims, cuts, and the walk over a chunk. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "capture_priv.h"

#define EPOCH_SHIFT 20 /* definitions 1.6 */

static const size_t interfaces_bytes = CAPTURE_MAX_INTERFACES * sizeof(struct capture_interface);

struct capture *capture_open(const struct capture_params *params, char *error, size_t error_size,
			     bool *usage)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	*usage = false;
	if (capture == NULL)
		goto no_memory;
	capture->sources = calloc(params->nb_paths, sizeof(*capture->sources));
	capture->interfaces = mmap(NULL, interfaces_bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (capture->interfaces == MAP_FAILED)
		capture->interfaces = NULL;
	if (capture->sources == NULL || capture->interfaces == NULL)
		goto no_memory;
	capture->chunk_size = params->chunk_size;
	capture->max_frames = params->max_frames;
	capture->totals.first_ts_ns = INT64_MAX;
	capture->totals.last_ts_ns = INT64_MIN;
	if (params->filter != NULL && (capture->filter = strdup(params->filter)) == NULL)
		goto no_memory;
	for (size_t i = 0; i < params->nb_paths; i++)
		capture->sources[i].fd = -1;
	for (; capture->nb_sources < params->nb_paths; capture->nb_sources++) {
		struct source *source = &capture->sources[capture->nb_sources];

		if (source_open(source, params->paths[capture->nb_sources], error, error_size)) {
			source_close(source);
			goto fail;
		}
	}
	if (filter_check(capture, error, error_size) != 0) {
		*usage = true;
		goto fail;
	}
	return capture;
no_memory:
	snprintf(error, error_size, "out of memory");
fail:
	capture_close(capture);
	return NULL;
}

void capture_close(struct capture *capture)
{
	if (capture == NULL)
		return;
	for (size_t i = 0; i < capture->nb_sources; i++)
		source_close(&capture->sources[i]);
	filter_free(capture);
	if (capture->interfaces != NULL)
		munmap(capture->interfaces, interfaces_bytes);
	free(capture->sources);
	free(capture->filter);
	free(capture);
}

size_t capture_chunk_capacity(const struct capture *capture)
{
	return capture->chunk_size + CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS + CAPTURE_OVERLAP;
}

/* True if the source has another block. */
static bool claim_block(struct capture *capture, struct source *source, struct chunk *chunk)
{
	if (atomic_load_explicit(&source->ended, memory_order_relaxed) || capture_stopped(capture))
		return false;
	if (!source->is_stream && source->next_claim >= source->info.size)
		return false;
	if (source_reopen(source) != 0)
		chunk->read_error = errno;
	chunk->offset = source->next_claim;
	chunk->limit = capture->chunk_size;
	if (!source->is_stream && source->info.size - chunk->offset < chunk->limit)
		chunk->limit = (size_t)(source->info.size - chunk->offset);
	source->next_claim += chunk->limit;
	atomic_fetch_add(&source->nb_chunks, 1);
	return true;
}

/* Whoever sees both conditions closes: the last cut, or the claim that moves on. */
static void close_if_done(struct source *source)
{
	if (atomic_load(&source->claimed_all) && atomic_load(&source->nb_chunks) == 0 &&
	    source->kind != SOURCE_LIBPCAP)
		source_close(source);
}

bool capture_claim(struct capture *capture, struct chunk *chunk)
{
	while (capture->claim_source < capture->nb_sources) {
		struct source *source = &capture->sources[capture->claim_source];

		chunk->input = (uint32_t)capture->claim_source;
		chunk->len = 0;
		chunk->read_error = 0;
		chunk->is_stream = source->is_stream;
		if (claim_block(capture, source, chunk))
			return true;
		atomic_store(&source->claimed_all, true);
		close_if_done(source);
		capture->claim_source++;
	}
	return false;
}

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

static int cut_records(struct capture *capture, struct source *source, struct chunk *chunk)
{
	switch (source->kind) {
	case SOURCE_PCAP:
		return pcap_cut(capture, source, chunk);
	case SOURCE_PCAPNG:
		return pcapng_cut(capture, source, chunk);
	case SOURCE_LIBPCAP:
		return libpcap_cut(capture, source, chunk);
	}
	return -EINVAL;
}

int capture_cut(struct capture *capture, struct chunk *chunk)
{
	struct source *source = &capture->sources[chunk->input];
	bool starts; /* a record or block, in this chunk */
	int rc = 0;

	if (!source->begun)
		rc = begin_source(capture, source);
	if (chunk->is_stream)
		chunk->offset = source->next_offset;
	chunk->nb_frames = 0;
	chunk->first_frame = capture->totals.nb_frames + 1;
	chunk->clock = capture->clock;
	chunk->interface_base = source->interface_base;
	chunk->nb_interfaces = capture->nb_interfaces;
	chunk->swapped = source->swapped;
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
	source->info.nb_frames += chunk->nb_frames;
	capture->totals.file_bytes +=
		chunk->is_stream ? source->next_offset - chunk->offset : chunk->limit;
	atomic_fetch_sub(&source->nb_chunks, 1);
	close_if_done(source);
	return rc;
}

void capture_count_frame(struct capture *capture, struct capture_interface *interface,
			 struct chunk *chunk, int64_t ts_ns, uint32_t caplen, uint32_t wire_len)
{
	struct capture_totals *totals = &capture->totals;
	uint64_t frame = totals->nb_frames + 1;

	if ((frame & ((1u << EPOCH_SHIFT) - 1)) == 0) {
		chunk->border_frame = frame;
		chunk->border_clock_ns = capture->clock.elapsed_ns;
	}
	if (capture_clock_tick(&capture->clock, ts_ns))
		totals->time_jumps++;
	totals->nb_frames = frame;
	totals->captured_bytes += caplen;
	totals->wire_bytes += wire_len;
	if (ts_ns < totals->first_ts_ns)
		totals->first_ts_ns = ts_ns;
	if (ts_ns > totals->last_ts_ns)
		totals->last_ts_ns = ts_ns;
	chunk->nb_frames++;
	interface->nb_frames++;
	if (frame == capture->max_frames)
		atomic_store(&capture->stop, true);
}

void capture_note_damage(struct capture *capture, struct source *source, uint64_t offset,
			 const char *format, ...)
{
	struct capture_damage *damage = &capture->damage[CAPTURE_NB_DAMAGE - 1];
	va_list args;
	int n;

	atomic_store(&source->ended, true);
	if (capture->totals.nb_damage < CAPTURE_NB_DAMAGE)
		damage = &capture->damage[capture->totals.nb_damage];
	capture->totals.nb_damage++;
	damage->input = (uint32_t)(source - capture->sources);
	n = snprintf(damage->text, sizeof(damage->text), "damaged at byte %" PRIu64 ": ", offset);
	va_start(args, format);
	(void)vsnprintf(damage->text + n, sizeof(damage->text) - (size_t)n, format, args);
	va_end(args);
}

void capture_end_input(struct capture *capture, struct source *source, uint64_t offset)
{
	if (!source->is_stream && offset < source->info.size)
		capture_note_damage(capture, source, offset,
				    "expected %" PRIu64
				    " bytes as at the start, the file is shorter now",
				    source->info.size);
	atomic_store(&source->ended, true);
}

int capture_add_interface(struct capture *capture, struct source *source,
			  const struct capture_interface *interface)
{
	struct capture_interface *slot = &capture->interfaces[capture->nb_interfaces];
	int rc;

	if (capture->nb_interfaces == CAPTURE_MAX_INTERFACES) {
		capture_note_damage(capture, source, source->next_offset,
				    "expected at most %u interfaces in a run, found more",
				    CAPTURE_MAX_INTERFACES);
		return 0;
	}
	*slot = *interface;
	slot->input = (uint32_t)(source - capture->sources);
	rc = filter_compile(capture, slot->link_type, source->swapped, &slot->filter);
	if (rc == -ENOMEM)
		snprintf(capture->failure, sizeof(capture->failure), "out of memory");
	if (rc != 0)
		return rc;
	capture->nb_interfaces++;
	return 0;
}

void chunk_walk_init(struct chunk_walk *walk, const struct capture *capture,
		     const struct chunk *chunk)
{
	const struct source *source = &capture->sources[chunk->input];

	*walk = (struct chunk_walk){
		.at = chunk->data + chunk->first,
		.end = chunk->data + chunk->len,
		.capture = capture,
		.chunk = chunk,
		.clock = chunk->clock,
		.interface_base = chunk->interface_base,
		.nb_interfaces = chunk->nb_interfaces,
		.nb_left = chunk->nb_frames,
		.header_len = source->header_len,
		.swapped = chunk->swapped,
		.is_pcapng = source->kind == SOURCE_PCAPNG,
	};
}

static bool walk_pcapng(struct chunk_walk *walk, struct frame *frame)
{
	for (;;) {
		const uint8_t *block = walk->at;
		const uint32_t type = get_u32(block, false);
		const struct capture_interface *first;
		struct pcapng_packet packet;
		uint32_t total;

		if (type == BLOCK_SECTION)
			walk->swapped = get_u32(block + 8, false) == 0x4D3C2B1Au;
		total = get_u32(block + 4, walk->swapped);
		walk->at += total;
		if (type == BLOCK_SECTION)
			walk->interface_base = walk->nb_interfaces;
		if (get_u32(block, walk->swapped) == BLOCK_INTERFACE)
			walk->nb_interfaces++;
		if (!pcapng_is_packet(get_u32(block, walk->swapped)))
			continue;
		first = &walk->capture->interfaces[walk->interface_base];
		packet = pcapng_packet_get(block, get_u32(block, walk->swapped), total,
					   first->snaplen, walk->swapped);
		frame->interface = first + packet.interface;
		frame->data = block + packet.fixed_len;
		frame->caplen = packet.caplen;
		frame->wire_len = packet.wire_len;
		frame->ts_ns =
			packet.has_ts ? pcapng_ticks_to_ns(packet.ticks, frame->interface) : 0;
		return true;
	}
}

bool chunk_walk_next(struct chunk_walk *walk, struct frame *frame)
{
	if (walk->nb_left == 0)
		return false;
	walk->nb_left--;
	if (walk->is_pcapng) {
		(void)walk_pcapng(walk, frame);
	} else {
		const struct source *source = &walk->capture->sources[walk->chunk->input];
		const struct pcap_record record = pcap_record_get(source, walk->at);

		frame->interface = &walk->capture->interfaces[walk->interface_base];
		frame->data = walk->at + walk->header_len;
		frame->caplen = record.caplen;
		frame->wire_len = record.wire_len;
		frame->ts_ns = record.ts_ns;
		walk->at = frame->data + record.caplen;
	}
	(void)capture_clock_tick(&walk->clock, frame->ts_ns);
	frame->clock_ns = walk->clock.elapsed_ns;
	return true;
}

void capture_stop(struct capture *capture)
{
	atomic_store(&capture->stop, true);
}

const char *capture_failure(const struct capture *capture)
{
	return capture->failure;
}

size_t capture_nb_inputs(const struct capture *capture)
{
	return capture->nb_sources;
}

const struct capture_input *capture_input(const struct capture *capture, size_t i)
{
	return &capture->sources[i].info;
}

size_t capture_nb_interfaces(const struct capture *capture)
{
	return capture->nb_interfaces;
}

const struct capture_interface *capture_interface(const struct capture *capture, size_t i)
{
	return &capture->interfaces[i];
}

const struct capture_totals *capture_totals(const struct capture *capture)
{
	return &capture->totals;
}

const struct capture_damage *capture_damage(const struct capture *capture, size_t i)
{
	return &capture->damage[i];
}
