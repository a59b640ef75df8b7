/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Several inputs as one, by time (definitions 1.3): the next packet is the earliest head of
 * any input; of equal ones that of the input named earlier. Inside an input the order stays.
 *
 * Each input is a lane: a small block of its file, cut into frames. The cut of a chunk copies
 * frames from the lanes into the chunk, so what comes behind it knows nothing of lanes. A heap
 * has the heads of all lanes. That of a file that is not open yet is the stamp of its first
 * packet, known from a look at it; so files one behind the other are open one at a time.
 * Lanes know nothing of the chunk's size: it has no say in the order.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_priv.h"

#define MANY_LANES 64u         /* with more, blocks are small, and files closed between them */
#define LANE_BLOCK (64u << 10) /* bytes of a file that a lane has at a time */
#define SMALL_BLOCK (8u << 10)
#define LEAST_BLOCK (2u << 10) /* where memory is short */
#define PAGE_BYTES 4096u
#define GAP 16u /* between packets: as many bytes as a pcap record's header */

/* What make_ready() finds: the frame; that it is to be called again; a pipe without one yet. */
enum { READY, AGAIN, WAIT };

struct lane {
	struct chunk chunk; /* frames from next on are still to be taken */
	uint32_t next;
	uint64_t bytes; /* of memory that it takes */
	bool is_open, has_damage;
	struct capture_damage damage; /* behind the frames: told when they are taken */
};

/* The place of a lane in the order. */
struct head {
	int64_t ts_ns;
	uint32_t input;
	bool is_unknown; /* its next frame is not there yet: first of all, to be looked at */
};

struct merge {
	struct lane *lanes; /* [nb_sources] */
	struct head *heap;
	size_t nb; /* of the heap */
	struct budget_lanes lanes_as;
	uint64_t bytes, max_bytes; /* of memory that open lanes take, and may take */
	uint64_t most;             /* that one took so far */
	atomic_bool is_done;
};

/* Pages of the block, and the list of its frames, which has room for the smallest ones. */
uint64_t merge_lane_bytes(size_t block)
{
	return block + 2 * PAGE_BYTES + (block / CAPTURE_MIN_RECORD + 1) * sizeof(struct frame);
}

static bool is_before(const struct head *a, const struct head *b)
{
	if (a->is_unknown != b->is_unknown)
		return a->is_unknown;
	if (a->ts_ns != b->ts_ns && !a->is_unknown)
		return a->ts_ns < b->ts_ns;
	return a->input < b->input;
}

/* The heap but for the head at i, which may have moved back, is in order. */
static void sift_down(struct merge *merge, size_t i)
{
	const struct head head = merge->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= merge->nb)
			break;
		if (child + 1 < merge->nb &&
		    is_before(&merge->heap[child + 1], &merge->heap[child]))
			child++;
		if (!is_before(&merge->heap[child], &head))
			break;
		merge->heap[i] = merge->heap[child];
		i = child;
	}
	merge->heap[i] = head;
}

/* Where the input comes in before it is opened. */
static struct head first_head(const struct capture *capture, uint32_t input)
{
	const char *path = capture->sources[input].info.path;
	struct head head = {.input = input, .is_unknown = true};
	struct stat st;

	/* A pipe gives its first packet only once. */
	if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return head;
	switch (capture_peek(path, &head.ts_ns)) {
	case CAPTURE_PEEKED_PACKET:
		head.is_unknown = false;
		break;
	case CAPTURE_PEEKED_NOTHING:
		head.is_unknown = false;
		head.ts_ns = INT64_MAX;
		break;
	case CAPTURE_PEEKED_OTHER:
	case CAPTURE_PEEKED_FAILED:
		break; /* it is opened at once, then */
	}
	return head;
}

int merge_create(struct capture *capture)
{
	struct merge *merge = calloc(1, sizeof(*merge));
	const bool is_many = capture->nb_sources > MANY_LANES;

	if (merge == NULL)
		return -ENOMEM;
	capture->merge = merge;
	merge->lanes = calloc(capture->nb_sources, sizeof(*merge->lanes));
	merge->heap = calloc(capture->nb_sources, sizeof(*merge->heap));
	if (merge->lanes == NULL || merge->heap == NULL)
		return -ENOMEM;
	merge->lanes_as = (struct budget_lanes){
		.block = is_many ? SMALL_BLOCK : LANE_BLOCK,
		.least_block = LEAST_BLOCK,
		.is_lazy = is_many,
	};
	merge->max_bytes = budget_plan_lanes(capture, &merge->lanes_as);
	for (size_t i = 0; i < capture->nb_sources; i++) {
		merge->heap[i] = first_head(capture, (uint32_t)i);
		/* Each would keep the disk busy far ahead, and have a thread and its queue. */
		if (is_many)
			atomic_store(&capture->sources[i].read_ahead, UINT64_MAX);
		capture->sources[i].is_lazy = merge->lanes_as.is_lazy;
	}
	merge->nb = capture->nb_sources;
	for (size_t i = merge->nb / 2; i-- > 0;)
		sift_down(merge, i);
	return 0;
}

void merge_destroy(struct capture *capture)
{
	struct merge *merge = capture->merge;

	if (merge == NULL)
		return;
	for (size_t i = 0; merge->lanes != NULL && i < capture->nb_sources; i++)
		chunk_fini(&merge->lanes[i].chunk);
	free(merge->lanes);
	free(merge->heap);
	free(merge);
	capture->merge = NULL;
}

bool merge_claim(struct capture *capture, struct chunk *chunk)
{
	if (atomic_load(&capture->merge->is_done) || capture_stopped(capture))
		return false;
	chunk->input = 0;
	chunk->is_merged = true;
	chunk->is_stream = true; /* nothing to read: its cut fills it */
	chunk->offset = 0;
	chunk->limit = capture->chunk_size;
	chunk->len = 0;
	chunk->read_error = 0;
	return true;
}

/* Takes back what the lane's cut noted: its frames come first, or not at all with -c. */
static void put_off_damage(struct capture *capture, struct lane *lane, uint64_t nb_before,
			   const struct capture_damage *last)
{
	const size_t end = CAPTURE_NB_DAMAGE - 1;

	if (capture->totals.nb_damage == nb_before)
		return;
	lane->has_damage = true;
	lane->damage = capture->damage[nb_before < end ? nb_before : end];
	capture->damage[end] = *last;
	capture->totals.nb_damage = nb_before;
}

/* The lane takes so many bytes now. -ENOMEM if that is more than there are. */
static int count_lane(struct capture *capture, struct lane *lane, uint64_t bytes)
{
	struct merge *merge = capture->merge;
	char hint[64];

	merge->bytes += bytes - lane->bytes;
	lane->bytes = bytes;
	if (bytes > merge->most)
		merge->most = bytes;
	if (merge->bytes <= merge->max_bytes)
		return 0;
	/* If all were as large. Half of what inputs have is theirs, decompressors have some of it.
	 */
	budget_hint(capture,
		    2 * merge->lanes_as.sum + (merge->lanes_as.has_unpackers ? 4 : 2) *
						      capture->nb_sources * merge->most,
		    hint, sizeof(hint));
	snprintf(capture->failure, sizeof(capture->failure),
		 "--merge: the captures that overlap need more than %" PRIu64 " MiB of memory%s",
		 merge->max_bytes >> 20, hint);
	return -ENOMEM;
}

static uint64_t bytes_of(const struct capture *capture, const struct source *source)
{
	const struct budget_lanes *as = &capture->merge->lanes_as;

	return merge_lane_bytes(as->block) + budget_input(source, as->is_lazy) + source->room_kept;
}

/* Behind the block itself are pages that only packets larger than it have touched. */
static void give_pages_back(const struct capture *capture, struct lane *lane)
{
	const size_t block = capture->merge->lanes_as.block + CAPTURE_OVERLAP;
	const bool is_limited = capture->max_memory != 0;
	const uintptr_t end = (uintptr_t)lane->chunk.data + lane->chunk.len;
	const uintptr_t from =
		((uintptr_t)lane->chunk.data + block + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	if (is_limited && end / PAGE_BYTES * PAGE_BYTES > from)
		(void)madvise((void *)from, end / PAGE_BYTES * PAGE_BYTES - from, MADV_DONTNEED);
}

/* Another block for the lane, if its source has one. 0 or -errno. */
static int fill(struct capture *capture, struct source *source, struct lane *lane)
{
	const size_t block = capture->merge->lanes_as.block;
	const struct capture_damage last = capture->damage[CAPTURE_NB_DAMAGE - 1];
	const uint64_t nb_damage = capture->totals.nb_damage;
	int rc;

	lane->next = 0;
	lane->chunk.nb_frames = 0;
	give_pages_back(capture, lane);
	if (!source_claim(capture, source, &lane->chunk, block))
		return 0;
	capture_read(capture, &lane->chunk);
	rc = cut_lane(capture, source, &lane->chunk);
	put_off_damage(capture, lane, nb_damage, &last);
	/* They count for their interfaces when they are taken. */
	for (uint32_t i = 0; i < lane->chunk.nb_frames; i++)
		capture->interfaces[lane->chunk.frames[i].interface - capture->interfaces]
			.nb_frames--;
	if (capture->nb_sources > MANY_LANES)
		source_rest(source);
	if (rc == 0)
		rc = count_lane(capture, lane,
				bytes_of(capture, source) +
					(lane->chunk.len > block ? lane->chunk.len - block : 0));
	return rc;
}

/* The lane on top has nothing more. */
static void end_lane(struct capture *capture, struct source *source, struct lane *lane)
{
	struct merge *merge = capture->merge;

	if (lane->has_damage) {
		const uint64_t nb = capture->totals.nb_damage++, end = CAPTURE_NB_DAMAGE - 1;

		capture->damage[nb < end ? nb : end] = lane->damage;
	}
	(void)count_lane(capture, lane, 0);
	chunk_fini(&lane->chunk);
	source_close(source);
	merge->heap[0] = merge->heap[--merge->nb];
	if (merge->nb != 0)
		sift_down(merge, 0);
	else
		atomic_store(&merge->is_done, true);
}

/*
 * Sees to it that the first lane's next frame is there, if it was not; another lane may be the
 * first then, and this one have ended. -errno if the run cannot go on.
 */
static int make_ready(struct capture *capture)
{
	struct merge *merge = capture->merge;
	struct head *head = &merge->heap[0];
	struct source *source = &capture->sources[head->input];
	struct lane *lane = &merge->lanes[head->input];
	int rc;

	if (lane->next < lane->chunk.nb_frames)
		return READY;
	if (!lane->is_open) {
		rc = count_lane(capture, lane, bytes_of(capture, source));
		if (rc != 0)
			return rc;
		rc = chunk_init_block(&lane->chunk, merge->lanes_as.block);
		if (rc != 0) {
			snprintf(capture->failure, sizeof(capture->failure), "out of memory");
			return rc;
		}
		lane->chunk.input = head->input;
		lane->is_open = true;
	}
	rc = fill(capture, source, lane);
	if (rc != 0)
		return rc;
	head->is_unknown = lane->chunk.nb_frames == 0;
	if (!head->is_unknown) {
		head->ts_ns = lane->chunk.frames[0].ts_ns;
		sift_down(merge, 0);
	} else if (source_is_at_end(source)) {
		end_lane(capture, source, lane);
	} else if (source->is_paused) {
		return WAIT;
	}
	return AGAIN;
}

/* The head that the first one has to keep in front of. */
static struct head rival_of(const struct merge *merge)
{
	if (merge->nb < 2)
		return (struct head){.ts_ns = INT64_MAX, .input = UINT32_MAX};
	if (merge->nb < 3 || is_before(&merge->heap[1], &merge->heap[2]))
		return merge->heap[1];
	return merge->heap[2];
}

/*
 * Copies frames of the first lane to data as long as they are the earliest, and there is room.
 * Returns the bytes they take.
 */
static size_t take_run(struct capture *capture, struct cut *cut, uint8_t *data, size_t room)
{
	struct merge *merge = capture->merge;
	struct head *head = &merge->heap[0];
	struct capture_input *input = &capture->sources[head->input].info;
	struct lane *lane = &merge->lanes[head->input];
	const struct frame *const before = cut->next;
	const struct head rival = rival_of(merge);
	size_t pos = 0;

	do {
		const struct frame *frame = &lane->chunk.frames[lane->next++];
		uint8_t *to = data + pos + GAP;

		memcpy(to, frame->data, frame->caplen);
		cut_set_interface(cut,
				  &capture->interfaces[frame->interface - capture->interfaces]);
		cut_add(cut, to, frame->ts_ns, frame->caplen, frame->wire_len);
		pos += GAP + frame->caplen;
		head->is_unknown = lane->next == lane->chunk.nb_frames;
		if (head->is_unknown)
			break;
		head->ts_ns = frame[1].ts_ns;
	} while (pos < room && !cut_is_full(cut) && is_before(head, &rival));
	if (input->nb_frames == 0)
		input->first_frame =
			capture->totals.nb_frames + (uint64_t)(before - cut->frames) + 1;
	input->nb_frames += (uint64_t)(cut->next - before);
	sift_down(merge, 0);
	return pos;
}

int merge_cut(struct capture *capture, struct chunk *chunk, struct cut *cut)
{
	const struct merge *merge = capture->merge;
	size_t pos = 0;

	while (merge->nb != 0 && pos < chunk->limit && !cut_is_full(cut) &&
	       !capture_stopped(capture)) {
		const int rc = make_ready(capture);

		if (rc < 0)
			return rc;
		if (rc == WAIT)
			break;
		if (rc == READY)
			pos += take_run(capture, cut, chunk->data + pos, chunk->limit - pos);
	}
	chunk->len = pos;
	return 0;
}
