/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATASETS_CAPTURE_FILE_H
#define DATASETS_CAPTURE_FILE_H

/*
 * Writes capture files: classic pcap in its five dialects, and pcapng with every
 * block that matters to a reader of packets.
 * Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 *
 * Frames are copied into one buffer and written when it is full; errors are
 * sticky and reported by capture_file_close(), so callers may ignore the rest.
 * One thread per file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_file;

enum capture_format {
	CAPTURE_PCAP,    /* microseconds, little-endian */
	CAPTURE_PCAP_NS, /* magic a1b23c4d */
	CAPTURE_PCAP_BE, /* as a big-endian machine writes it */
	CAPTURE_PCAP_NS_BE,
	CAPTURE_PCAP_MODIFIED, /* Kuznetzov's: magic a1b2cd34, record headers of 24 bytes */
	CAPTURE_PCAPNG,
	CAPTURE_PCAPNG_BE,
	NB_CAPTURE_FORMATS,
};

/* Which pcapng block a frame goes into. */
enum capture_block {
	CAPTURE_BLOCK_ENHANCED,
	CAPTURE_BLOCK_SIMPLE,   /* no time stamp, always interface 0 */
	CAPTURE_BLOCK_OBSOLETE, /* the Packet Block of old drafts */
};

#define CAPTURE_TSRESOL_DEFAULT 0u    /* no option: microseconds */
#define CAPTURE_TSRESOL_POWER_2 0x80u /* | n: units of 2^-n s; else 10^-n s */

struct capture_interface {
	uint16_t link_type; /* LINKTYPE_ */
	uint32_t snaplen;   /* 0: none; classic pcap then says 262,144 */
	uint8_t tsresol;    /* pcapng: the if_tsresol byte; classic pcap ignores it */
	int64_t tsoffset_s; /* pcapng: added to every time stamp by the reader */
	const char *name;   /* pcapng: if_name, or NULL */
};

struct capture_frame {
	int64_t ts_ns; /* since the Unix epoch, not negative */
	const uint8_t *data;
	uint32_t caplen, wire_len;
	uint32_t interface; /* pcapng: as given by capture_file_add_interface() */
	enum capture_block block;
};

/*
 * Starts a file; "-" = stdout. interface becomes number 0. Returns NULL with
 * errno set.
 */
struct capture_file *capture_file_create(const char *path, enum capture_format format,
					 const struct capture_interface *interface);

/* Time stamps are cut to the interface's unit, a power of two rounds up (see capture_file.c). */
void capture_file_write(struct capture_file *file, const struct capture_frame *frame);

/* ---- pcapng only ------------------------------------------------------- */

/* A new section, which may be of the other byte order, with its interface 0. */
void capture_file_begin_section(struct capture_file *file, bool big_endian,
				const struct capture_interface *interface);
/* Returns the interface's number in this section. */
uint32_t capture_file_add_interface(struct capture_file *file,
				    const struct capture_interface *interface);
/* Interface Statistics Block. */
void capture_file_write_statistics(struct capture_file *file, uint32_t interface, int64_t ts_ns,
				   uint64_t received, uint64_t dropped);
/* Name Resolution Block with one IPv4 name. */
void capture_file_write_name(struct capture_file *file, const uint8_t address[4], const char *name);
/* Any other block: type and body, which is padded to 32 bits. */
void capture_file_write_block(struct capture_file *file, uint32_t type, const uint8_t *body,
			      size_t len);

/* Bytes so far, buffered ones too. */
uint64_t capture_file_bytes(const struct capture_file *file);

/* Returns 0, or -errno of the first failed write. Frees the file; NULL is fine. */
int capture_file_close(struct capture_file *file);

#endif
