/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_CAPTURE_SUPPORT_H
#define TESTS_CAPTURE_SUPPORT_H

/*
 * Capture files byte by byte, and a reader that drives the capture room the way
 * the engine does: several chunks claimed, read in any order, cut in order,
 * walked in any order.
 *
 * Nothing here shares code with what it tests. Failures are cmocka failures.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcpmill/capture.h"

/* A growing file image; numbers are put in its byte order. */
struct bytes {
	uint8_t *data;
	size_t len, size;
	bool big_endian;
};

void bytes_fini(struct bytes *b);
void put_raw(struct bytes *b, const void *data, size_t len);
void put_zeros(struct bytes *b, size_t len);
void put8(struct bytes *b, uint8_t value);
void put16(struct bytes *b, uint16_t value);
void put32(struct bytes *b, uint32_t value);
void put64(struct bytes *b, uint64_t value);
/* Overwrites the number at an offset. */
void set32(struct bytes *b, size_t at, uint32_t value);

/* Packets' bytes: different for each seed and place. */
uint8_t packet_byte(uint32_t seed, size_t i);
void put_packet(struct bytes *b, uint32_t seed, size_t len);

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

void put_pcap_header(struct bytes *b, uint32_t magic, uint16_t major, uint16_t minor,
		     uint32_t link_type);
/* Header and packet; length_a and length_b as they stand in the file. */
void put_pcap_record(struct bytes *b, uint32_t seconds, uint32_t fraction, uint32_t length_a,
		     uint32_t length_b, uint32_t caplen, uint32_t seed);

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_OBSOLETE 2u
#define BLOCK_SIMPLE 3u
#define BLOCK_NAMES 4u
#define BLOCK_STATISTICS 5u
#define BLOCK_ENHANCED 6u
#define BLOCK_CUSTOM 0xbadu

/* Type and room for the length; block_end() pads, patches it and repeats it. */
size_t block_begin(struct bytes *b, uint32_t type);
void block_end(struct bytes *b, size_t at);
void put_option(struct bytes *b, uint16_t code, const void *value, uint16_t len);
void put_option_64(struct bytes *b, uint16_t code, uint64_t value);
void put_section(struct bytes *b, bool big_endian);
/* ts_resol -1: no option; offset_s 0: no option. */
void put_interface(struct bytes *b, uint16_t link_type, uint32_t snaplen, int ts_resol,
		   int64_t offset_s);
void put_enhanced(struct bytes *b, uint32_t interface, uint64_t ticks, uint32_t caplen,
		  uint32_t wire_len, uint32_t seed);
/* A block that says nothing about packets, len bytes of body. */
void put_custom(struct bytes *b, size_t len);

/* A temporary folder: cmocka group fixtures; *state is its path. */
int folder_setup(void **state);
int folder_teardown(void **state);
/* Writes the image to a file of the folder. The path is the caller's to free. */
char *write_file(void **state, const char *name, const struct bytes *b);

/* Feeds a FIFO from a thread, in small pieces. */
struct feeder;
struct feeder *feeder_start(void **state, const char *name, const struct bytes *b);
/* As above, and then holds the FIFO open until feeder_stop(). */
struct feeder *feeder_start_held(void **state, const char *name, const struct bytes *b);
const char *feeder_path(const struct feeder *feeder);
void feeder_stop(struct feeder *feeder);

struct got_frame {
	int64_t ts_ns;
	uint64_t clock_ns;
	uint32_t caplen, wire_len;
	uint32_t interface; /* number in the run */
	uint16_t link_type;
	bool passes; /* the filter */
	bool seen;
	uint8_t *data;
};

struct reading {
	struct capture *capture;
	struct got_frame *frames; /* [nb_frames], by frame number - 1 */
	_Atomic size_t nb_frames; /* who stops it may look */
	size_t size;
	uint64_t border_frame, border_clock_ns;
	int rc; /* of the cut that failed, or 0 */
};

/* Opens; the run fails here if that does. */
void reading_open(struct reading *r, const struct capture_params *params);
/* Reads all that is there. */
void reading_run(struct reading *r);
void reading_fini(struct reading *r);
/* Both, for one path. */
void reading_of(struct reading *r, const char *path, size_t chunk_size);

/* One frame as the file was made: its packet comes from the seed. */
struct want_frame {
	int64_t ts_ns;
	uint32_t caplen, wire_len, seed;
	uint16_t link_type;
};

void assert_frame(const struct reading *r, size_t number, const struct want_frame *want);
/* These frames and no others. */
void assert_frames(const struct reading *r, const struct want_frame *want, size_t nb);

#endif
