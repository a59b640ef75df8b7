/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_INPUT_PRIV_H
#define TCPMILL_ARROW_INPUT_PRIV_H

/*
 * Messages out of a file or a stream that nobody vouches for. Memory grows with
 * the bytes that really come, never with a length that is only claimed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flatbuffer_priv.h"

struct arrow_bytes {
	uint8_t *data;
	size_t len, capacity;
};

/* Makes room for len bytes and forgets the content; false when out of memory. */
bool arrow_bytes_reserve(struct arrow_bytes *bytes, size_t len);
void arrow_bytes_fini(struct arrow_bytes *bytes);

struct arrow_input {
	const char *name; /* for messages */
	int fd;
	bool owns_fd;
	bool is_file;    /* began with the magic: a footer may follow the stream */
	bool ended_well; /* the end-of-stream mark was met */
	uint64_t offset; /* of the next byte */
	uint64_t end;    /* where messages must end: file size or footer; UINT64_MAX unknown */
	uint8_t head[8]; /* read to tell file from stream, and given back */
	size_t nb_head;
	struct arrow_bytes footer; /* empty: none found */
	bool is_damaged;           /* error is about the bytes, not about reading them */
	char error[512];
};

/* One message. */
struct arrow_incoming {
	uint64_t offset; /* of its first byte in the file */
	struct arrow_bytes metadata, body;
	struct flatview view;         /* of the metadata */
	unsigned int type;            /* enum arrow_header */
	struct flatview_table header; /* the table of that type */
};

/* Opens path ("-" = stdin), tells file from stream, finds the footer. 0, or -1 with in->error. */
int arrow_input_open(struct arrow_input *in, const char *path);
void arrow_input_close(struct arrow_input *in);

/* 1: msg is the next message; 0: the end, or a message cut short; -1 with in->error. */
int arrow_input_next(struct arrow_input *in, struct arrow_incoming *msg);

/* After the end of an unseekable file: reads the rest and looks for the footer there. */
int arrow_input_read_tail(struct arrow_input *in);

void arrow_incoming_fini(struct arrow_incoming *msg);

/* Fills in->error with "NAME: damaged at byte N: ..."; -1. */
__attribute__((format(printf, 3, 4))) int
arrow_input_damaged(struct arrow_input *in, uint64_t offset, const char *format, ...);
/* The same with "NAME: ..." only. */
__attribute__((format(printf, 2, 3))) int arrow_input_failed(struct arrow_input *in,
							     const char *format, ...);

#endif
