/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Inputs that cannot be read at any place: pipes, and what is decompressed. The cut reads
 * them, in order.
 */

#include <errno.h>
#include <inttypes.h>

#include "capture_priv.h"
#include "unpack.h"

/* Sniffed bytes come first. */
static size_t take_head(struct source *source, uint8_t *to, size_t room)
{
	const size_t n = room < source->nb_head ? room : source->nb_head;

	memcpy(to, source->head, n);
	source->nb_head = (uint8_t)(source->nb_head - n);
	memmove(source->head, source->head + n, source->nb_head);
	return n;
}

ssize_t stream_read(struct capture *capture, struct source *source, uint8_t *to, size_t need,
		    size_t room)
{
	size_t got = take_head(source, to, room);

	if (got < need && source->unpacker != NULL)
		return (ssize_t)(got + unpacker_read(source->unpacker, to + got, need - got,
						     room - got, &capture->stop));
	while (got < need) {
		const ssize_t n = waiting_read(capture, source, to + got, room - got);

		if (n == 0 || n == -EAGAIN)
			break;
		if (n < 0)
			return n;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

bool stream_note_damage(struct capture *capture, struct source *source)
{
	const size_t nb_open = capture->merge != NULL ? capture->nb_sources : 1;
	uint64_t in_offset, out_bytes, refused;
	const char *error;
	char hint[64] = "";

	if (source->unpacker == NULL || capture_stopped(capture))
		return false;
	error = unpacker_error(source->unpacker, &in_offset, &out_bytes);
	if (unpacker_no_memory(source->unpacker))
		source->no_memory = true; /* for good: what is told frees the unpacker's own */
	refused = unpacker_refused(source->unpacker);
	source->is_refused = refused != 0;
	/* Not a file's first member: such may have a quarter of what there is. */
	if (source->is_refused)
		budget_hint(capture, 4 * nb_open * (refused + UNPACK_MEMORY), hint, sizeof(hint));
	if (error != NULL)
		capture_note_damage(capture, source, out_bytes, "byte %" PRIu64 " of the %s: %s%s",
				    in_offset, unpacker_name(source->unpacker), error, hint);
	return error != NULL;
}

uint64_t source_discard(struct capture *capture, struct source *source, uint64_t n)
{
	uint8_t waste[4096];
	uint64_t done = 0;

	source->pause_at_ns = UINT64_MAX; /* a block is skipped as a whole */
	while (done < n) {
		const size_t want = n - done < sizeof(waste) ? (size_t)(n - done) : sizeof(waste);
		const ssize_t got = stream_read(capture, source, waste, want, want);

		if (got <= 0)
			break;
		done += (uint64_t)got;
	}
	return done;
}

uint64_t source_input_bytes(struct source *source, uint64_t cut_bytes)
{
	uint64_t so_far;

	if (source->unpacker == NULL)
		return cut_bytes;
	so_far = source->input_bytes;
	source->input_bytes = unpacker_taken(source->unpacker);
	return source->input_bytes - so_far;
}
