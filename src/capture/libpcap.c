/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Formats that only libpcap reads. Its packets are laid into the chunk as native
 * nanosecond pcap records, so that the walk needs to know nothing of it.
 */

#include <inttypes.h>
#include <pcap/pcap.h>

#include "capture_priv.h"

static void put_record(uint8_t *to, const struct pcap_pkthdr *header, const uint8_t *packet)
{
	/* libpcap was asked for nanoseconds: they stand in tv_usec. */
	const uint32_t fields[4] = {(uint32_t)header->ts.tv_sec, (uint32_t)header->ts.tv_usec,
				    header->caplen, header->len};

	memcpy(to, fields, sizeof(fields));
	memcpy(to + sizeof(fields), packet, header->caplen);
}

int libpcap_cut(struct capture *capture, struct source *source, struct chunk *chunk)
{
	size_t pos = 0;

	while (pos < chunk->limit && !capture_stopped(capture)) {
		struct pcap_pkthdr *header;
		const uint8_t *packet;
		struct pcap_record record;
		const int rc = pcap_next_ex(source->pcap, &header, &packet);

		if (rc == PCAP_ERROR_BREAK) {
			atomic_store(&source->ended, true);
			break;
		}
		if (rc != 1 || header->caplen > CAPTURE_MAX_CAPLEN) {
			capture_note_damage(capture, source, source->next_offset,
					    "packet %" PRIu64 " (bytes counted as pcap): %s",
					    source->record,
					    rc != 1 ? pcap_geterr(source->pcap)
						    : "more captured bytes than can be");
			break;
		}
		put_record(chunk->data + pos, header, packet);
		chunk->len = pos + 16 + header->caplen;
		record = pcap_record_get(source, chunk->data + pos);
		capture_count_frame(capture, &capture->interfaces[source->interface_base], chunk,
				    record.ts_ns, record.caplen, record.wire_len);
		source->record++;
		source->next_offset += 16 + header->caplen;
		pos = chunk->len;
	}
	return 0;
}
