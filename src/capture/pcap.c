/* SPDX-License-Identifier: BSD-3-Clause */

/* Classic pcap: cutting blocks into whole records. */

#include <inttypes.h>

#include "capture_priv.h"

/* Says what is wrong with a record that is not whole or not believable. */
static void note_record(struct capture *capture, struct source *source, struct chunk *chunk,
			size_t pos, size_t need, const char *what)
{
	const uint64_t offset = chunk->offset + pos;

	if (source_may_go_on(capture, source) || capture_note_unfollowed(capture, source, offset))
		return;
	if (chunk->read_error != 0)
		capture_note_damage(capture, source, offset, "record %" PRIu64 ": read error: %s",
				    source->record, strerror(chunk->read_error));
	else
		capture_note_damage(capture, source, offset,
				    "record %" PRIu64
				    " is cut short: expected %zu bytes of %s, got %zu",
				    source->record, need, what, chunk->len - pos);
}

/*
 * Makes the record at pos whole in the buffer. False when the input ends here, cleanly or
 * with damage noted.
 */
static bool ensure_record(struct capture *capture, struct source *source, struct chunk *chunk,
			  size_t pos)
{
	const size_t header_len = source->header_len;
	uint32_t caplen;
	size_t end = pos + header_len;

	if (source_ensure(capture, source, chunk, end) < end) {
		if (chunk->len > pos || chunk->read_error != 0)
			note_record(capture, source, chunk, pos, header_len, "header");
		else
			capture_end_input(capture, source, chunk->offset + pos);
		return false;
	}
	caplen = get_u32(chunk->data + pos + 8, source->swapped);
	if (caplen > CAPTURE_MAX_CAPLEN) {
		capture_note_damage(capture, source, chunk->offset + pos,
				    "record %" PRIu64
				    ": expected at most %u captured bytes, found %" PRIu32,
				    source->record, CAPTURE_MAX_CAPLEN, caplen);
		return false;
	}
	end += caplen;
	if (source_ensure(capture, source, chunk, end) < end) {
		note_record(capture, source, chunk, pos, header_len + caplen, "header and packet");
		return false;
	}
	return true;
}

/*
 * Takes the records from pos on that are whole in the buffer. Returns where it stops: at the
 * chunk's limit, when the cut is full, or at a record that ensure_record() must look at.
 * Inlined with swapped known, and on a copy of the books: all of the loop is in registers.
 */
static inline __attribute__((always_inline)) size_t take_records(const struct source *source,
								 const struct chunk *chunk,
								 size_t pos, struct cut *books,
								 bool swapped)
{
	const size_t header_len = source->header_len;
	const uint32_t unit_ns = source->ts_resol == 9 ? 1 : 1000;
	const uint8_t *const end = chunk->data + chunk->len;
	const uint8_t *at = chunk->data + pos, *stop = chunk->data + chunk->limit;
	struct cut cut = *books;

	if (chunk->len < header_len)
		return pos;
	if (chunk->limit > chunk->len - header_len)
		stop = end - header_len + 1;
	while (at < stop && !cut_is_full(&cut)) {
		const uint32_t seconds = get_u32(at, swapped), fraction = get_u32(at + 4, swapped);
		const uint32_t caplen = get_u32(at + 8, swapped);
		const uint8_t *const data = at + header_len;

		if (caplen > CAPTURE_MAX_CAPLEN || caplen > (size_t)(end - data))
			break;
		/* A fraction of a second or more is added as it is. */
		cut_add(&cut, data, (int64_t)seconds * 1000000000 + (int64_t)fraction * unit_ns,
			caplen, get_u32(at + 12, swapped));
		at = data + caplen;
	}
	*books = cut;
	return (size_t)(at - chunk->data);
}

int pcap_cut(struct capture *capture, struct source *source, struct chunk *chunk, struct cut *cut)
{
	size_t pos = chunk->first;

	for (;;) {
		const struct frame *const before = cut->next;

		pos = source->swapped ? take_records(source, chunk, pos, cut, true)
				      : take_records(source, chunk, pos, cut, false);
		source->record += (uint64_t)(cut->next - before);
		if (pos >= chunk->limit || cut_is_full(cut) || capture_stopped(capture) ||
		    !ensure_record(capture, source, chunk, pos))
			break;
	}
	source->next_offset = chunk->offset + pos;
	return 0;
}
