/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Formats that only libpcap reads. Its packets are copied into the chunk, each with as much
 * room in front as a pcap record's header takes: so bytes are counted as in a pcap file.
 */

#include <inttypes.h>
#include <pcap/pcap.h>

#include "capture_priv.h"

#define HEADER_LEN 16u

int libpcap_cut(struct capture *capture, struct source *source, struct chunk *chunk,
		struct cut *cut)
{
	size_t pos = 0;

	while (pos < chunk->limit && !cut_is_full(cut) && !capture_stopped(capture)) {
		struct pcap_pkthdr *header;
		const uint8_t *packet;
		const int rc = pcap_next_ex(source->pcap, &header, &packet);
		uint8_t *to = chunk->data + pos + HEADER_LEN;

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
		memcpy(to, packet, header->caplen);
		/* libpcap was asked for nanoseconds: they stand in tv_usec. */
		cut_add(cut, to,
			(int64_t)(uint32_t)header->ts.tv_sec * 1000000000 +
				(uint32_t)header->ts.tv_usec,
			header->caplen, header->len);
		source->record++;
		source->next_offset += HEADER_LEN + header->caplen;
		pos += HEADER_LEN + header->caplen;
		chunk->len = pos;
	}
	return 0;
}
