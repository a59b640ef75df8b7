/* SPDX-License-Identifier: BSD-3-Clause */

/* Classic pcap: cutting blocks into whole records. */

#include <inttypes.h>

#include "capture_priv.h"

/* Says what is wrong with a record that is not whole or not believable. */
static void note_record(struct capture *capture, struct source *source, struct chunk *chunk,
			size_t pos, size_t need, const char *what)
{
	const uint64_t offset = chunk->offset + pos;

	if (chunk->is_stream && capture_stopped(capture))
		return; /* the rest was not waited for */
	if (chunk->read_error != 0)
		capture_note_damage(capture, source, offset, "record %" PRIu64 ": read error: %s",
				    source->record, strerror(chunk->read_error));
	else
		capture_note_damage(capture, source, offset,
				    "record %" PRIu64
				    " is cut short: expected %zu bytes of %s, got %zu",
				    source->record, need, what, chunk->len - pos);
}

int pcap_cut(struct capture *capture, struct source *source, struct chunk *chunk)
{
	const size_t header_len = source->header_len;
	size_t pos = chunk->first;

	while (pos < chunk->limit && !capture_stopped(capture)) {
		struct pcap_record record;
		size_t end = pos + header_len;

		if (end > chunk->len && source_ensure(capture, source, chunk, end) < end) {
			if (chunk->len > pos || chunk->read_error != 0)
				note_record(capture, source, chunk, pos, header_len, "header");
			else
				capture_end_input(capture, source, chunk->offset + pos);
			break;
		}
		record = pcap_record_get(source, chunk->data + pos);
		if (record.caplen > CAPTURE_MAX_CAPLEN) {
			capture_note_damage(capture, source, chunk->offset + pos,
					    "record %" PRIu64
					    ": expected at most %u captured bytes, found %" PRIu32,
					    source->record, CAPTURE_MAX_CAPLEN, record.caplen);
			break;
		}
		end += record.caplen;
		if (end > chunk->len && source_ensure(capture, source, chunk, end) < end) {
			note_record(capture, source, chunk, pos, header_len + record.caplen,
				    "header and packet");
			break;
		}
		capture_count_frame(capture, &capture->interfaces[source->interface_base], chunk,
				    record.ts_ns, record.caplen, record.wire_len);
		source->record++;
		pos = end;
	}
	source->next_offset = chunk->offset + pos;
	return 0;
}
