/* SPDX-License-Identifier: BSD-3-Clause */

/* The inputs as one stream of chunks: opening, claims, and what is known of the inputs. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "capture_priv.h"
#include "follow.h"
#include "unpack.h"

static const size_t interfaces_bytes = CAPTURE_MAX_INTERFACES * sizeof(struct capture_interface);

/* The next one may begin once this is seen: what this one took for decompression is free then. */
static void end_source(struct source *source)
{
	if (source->unpacker != NULL)
		unpacker_stop(source->unpacker);
	atomic_store(&source->ended, true);
}

/* Of too many the last one is told. */
static struct capture_damage *add_damage(struct capture *capture, struct source *source)
{
	struct capture_damage *damage = &capture->damage[CAPTURE_NB_DAMAGE - 1];

	if (capture->totals.nb_damage < CAPTURE_NB_DAMAGE)
		damage = &capture->damage[capture->totals.nb_damage];
	capture->totals.nb_damage++;
	damage->input = (uint32_t)(source - capture->sources);
	return damage;
}

/* It was found, not named, and is damaged before anything in it can be read. */
static void note_broken(struct capture *capture, struct source *source, const char *what)
{
	source->info.format =
		source->unpacker != NULL ? unpacker_name(source->unpacker) : "cut short";
	source_close(source);
	snprintf(add_damage(capture, source)->text, sizeof(capture->damage[0].text), "%s", what);
	end_source(source);
}

/* Opens input i. 0, or -1 with one line in error. */
static int open_input(struct capture *capture, const struct capture_params *params, size_t i,
		      char *error, size_t error_size)
{
	struct source *source = &capture->sources[i];
	char text[CAPTURE_ERROR_SIZE]; /* of one that could be opened it has the whole name */

	source->pause_at_ns = UINT64_MAX;
	if (params->follow && i + 1 == params->nb_paths) {
		source->follow = follow_create(params->paths[i], params->follow_timeout_ns,
					       params->is_stopped);
		if (source->follow == NULL) {
			snprintf(error, error_size, "out of memory");
			return -1;
		}
	}
	if (source_open(capture, source, params->nb_paths, params->paths[i], text, sizeof(text)) ==
	    0)
		return 0;
	if (!source->is_broken || params->is_found == NULL || !params->is_found[i]) {
		snprintf(error, error_size, "%s", text);
		return -1;
	}
	note_broken(capture, source, text + strlen(source_name(source)) + 2);
	return 0;
}

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
	capture->max_memory = params->max_memory;
	capture->enough = params->enough;
	capture->epoch_frames =
		1ull << (params->epoch_shift != 0 ? params->epoch_shift : CAPTURE_EPOCH_SHIFT);
	capture->totals.first_ts_ns = INT64_MAX;
	capture->totals.last_ts_ns = INT64_MIN;
	if (params->filter != NULL && (capture->filter = strdup(params->filter)) == NULL)
		goto no_memory;
	for (size_t i = 0; i < params->nb_paths; i++)
		capture->sources[i].fd = -1;
	while (capture->nb_sources < params->nb_paths) {
		const size_t i = capture->nb_sources++; /* to be closed, whatever happens */

		if (open_input(capture, params, i, error, error_size) != 0) {
			*usage = capture->sources[i].cannot_follow;
			goto fail;
		}
	}
	if (filter_check(capture, error, error_size) != 0) {
		*usage = true;
		goto fail;
	}
	if (params->merge && params->nb_paths > 1) {
		if (merge_create(capture) != 0)
			goto no_memory;
	} else {
		budget_plan(capture);
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
	merge_destroy(capture);
	for (size_t i = 0; i < capture->nb_sources; i++)
		source_close(&capture->sources[i]);
	filter_free(capture);
	if (capture->interfaces != NULL)
		munmap(capture->interfaces, interfaces_bytes);
	free(capture->sources);
	free(capture->filter);
	free(capture);
}

uint64_t capture_memory(const struct capture *capture)
{
	return capture->memory;
}

int chunk_init(struct chunk *chunk, const struct capture *capture)
{
	return chunk_init_block(chunk, capture->chunk_size);
}

int chunk_init_block(struct chunk *chunk, size_t size)
{
	/* No record of any format is shorter; each that starts in the block may be one frame. */
	const size_t room = size / CAPTURE_MIN_RECORD + 1;

	*chunk = (struct chunk){
		.capacity = size + CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS + CAPTURE_OVERLAP,
		.room = (uint32_t)room,
	};
	chunk->data = malloc(chunk->capacity);
	chunk->frames = malloc(room * sizeof(*chunk->frames));
	if (chunk->data != NULL && chunk->frames != NULL)
		return 0;
	chunk_fini(chunk);
	return -ENOMEM;
}

void chunk_fini(struct chunk *chunk)
{
	free(chunk->data);
	free(chunk->frames);
	*chunk = (struct chunk){0};
}

bool source_is_at_end(const struct source *source)
{
	return atomic_load_explicit(&source->ended, memory_order_relaxed) ||
	       (!source->is_stream && source->next_claim >= source->info.size);
}

bool source_claim(struct capture *capture, struct source *source, struct chunk *chunk, size_t size)
{
	if (source_is_at_end(source) || capture_stopped(capture))
		return false;
	chunk->len = 0;
	chunk->read_error = 0;
	chunk->is_stream = source->is_stream;
	if (source_reopen(source) != 0)
		chunk->read_error = errno;
	chunk->offset = source->next_claim;
	chunk->limit = size;
	if (!source->is_stream && source->info.size - chunk->offset < chunk->limit)
		chunk->limit = (size_t)(source->info.size - chunk->offset);
	source->next_claim += chunk->limit;
	atomic_fetch_add(&source->nb_chunks, 1);
	return true;
}

void capture_close_if_done(struct source *source)
{
	/* The last claim and the last cut may both come here, at the same time. */
	if (atomic_load(&source->claimed_all) && atomic_load(&source->nb_chunks) == 0)
		source_close_file(source);
}

bool capture_claim(struct capture *capture, struct chunk *chunk)
{
	if (capture->merge != NULL)
		return merge_claim(capture, chunk);
	while (capture->claim_source < capture->nb_sources) {
		struct source *source = &capture->sources[capture->claim_source];

		chunk->input = (uint32_t)capture->claim_source;
		if (source_claim(capture, source, chunk, capture->chunk_size))
			return true;
		atomic_store(&source->claimed_all, true);
		capture_close_if_done(source);
		capture->claim_source++;
	}
	return false;
}

void capture_note_damage(struct capture *capture, struct source *source, uint64_t offset,
			 const char *format, ...)
{
	const bool is_unfollowed = source->follow != NULL && follow_trouble(source->follow) != NULL;
	struct capture_damage *damage = add_damage(capture, source);
	va_list args;
	int n;

	n = snprintf(damage->text, sizeof(damage->text), "%s at byte %" PRIu64 "%s: ",
		     is_unfollowed || source->is_refused ? "stopped" : "damaged", offset,
		     source->unpacker != NULL ? " decompressed" : "");
	va_start(args, format);
	(void)vsnprintf(damage->text + n, sizeof(damage->text) - (size_t)n, format, args);
	va_end(args);
	end_source(source);
}

bool capture_note_unfollowed(struct capture *capture, struct source *source, uint64_t offset)
{
	const char *trouble = source->follow != NULL ? follow_trouble(source->follow) : NULL;

	if (trouble != NULL)
		capture_note_damage(capture, source, offset, "%s", trouble);
	return trouble != NULL;
}

void capture_end_input(struct capture *capture, struct source *source, uint64_t offset)
{
	if (source->is_paused || capture_note_unfollowed(capture, source, offset))
		return;
	if (!source->is_stream && offset < source->info.size)
		capture_note_damage(capture, source, offset,
				    "expected %" PRIu64
				    " bytes as at the start, the file is shorter now",
				    source->info.size);
	end_source(source);
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
