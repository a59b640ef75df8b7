/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_DECOMPRESS_H
#define TCPMILL_DECOMPRESS_H

/*
 * A compressed input as one stream of bytes, by the libraries of its format.
 *
 * A file is a row of members (gzip's word; streams of xz and bzip2, frames of zstd and
 * lz4), each decompressed by itself and given out one behind the other. Skippable frames
 * and padding are passed over.
 *
 * Threads: a decompressor belongs to one thread at a time.
 * Memory:  DECOMPRESS_IN bytes of input, and what the library keeps: within the limits,
 *          whatever the input asks for.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DECOMPRESS_IN (256u << 10)
/* Bytes that tell a format from others. */
#define DECOMPRESS_MAGIC 10u
/* What a decoder may take unless somebody says otherwise, all of its threads together. */
#define DECOMPRESS_MEMORY (UINT64_C(256) << 20)

struct decompress_limits {
	uint64_t max_bytes;     /* a member that needs more is refused */
	uint64_t threads_bytes; /* there are several threads only as far as they fit into so much */
	uint32_t nb_threads;
};

/* What a step may read and write; it moves the pointers on. */
struct decompress_io {
	const uint8_t *in;
	size_t nb_in;
	uint8_t *out;
	size_t nb_out;
	bool is_last;       /* nothing comes behind what is in */
	bool is_all;        /* nor is anything there for now: a pipe */
	uint64_t max_bytes; /* as of the limits */
	/* STEP_FAILED: bytes that were taken behind the beginning of the damaged part. */
	uint64_t nb_behind;
};

/*
 * Bytes of the input that a decoder may take which has threads. Not the last one as long as more
 * can come: a pipe that has none for now is told (is_all) only of a decoder that left something.
 */
static inline size_t decompress_usable(const struct decompress_io *io, bool is_paused)
{
	return io->is_last || is_paused || io->nb_in == 0 ? io->nb_in : io->nb_in - 1;
}

enum decompress_step {
	STEP_MORE,      /* go on */
	STEP_STARVED,   /* nothing goes on without more input */
	STEP_END,       /* of the member */
	STEP_FAILED,    /* what came before is in out */
	STEP_TOO_LARGE, /* likewise: the member needs more memory than there may be */
};

/* A format: "open" makes a decoder, "step" is one call of the library. */
struct decompress_format {
	const char *name;
	const char *member; /* the format's word for it */
	bool (*matches)(const uint8_t *head, size_t len);
	bool may_skip;    /* skippable frames may stand between members */
	bool runs_ahead;  /* it may have threads, which take more than they give */
	uint32_t padding; /* zeros behind a member come in multiples of this; 0: never */
	/* NULL if memory does not suffice. */
	void *(*open)(const struct decompress_limits *limits);
	/* Gets ready for another member. */
	bool (*reopen)(void *decoder);
	/* On STEP_FAILED *why has the library's words, or is decompress_no_memory itself. */
	enum decompress_step (*step)(void *decoder, struct decompress_io *io, const char **why);
	/*
	 * Bytes of memory that a decoder has, or would need for a member that it refused, as far
	 * as the member was read.
	 */
	uint64_t (*needs)(const void *decoder);
	void (*close)(void *decoder);
};

extern const struct decompress_format decompress_gzip, decompress_zstd, decompress_lz4,
	decompress_xz, decompress_bzip2;

extern const char decompress_no_memory[];

/* The format that the bytes begin, or NULL. */
const struct decompress_format *decompress_detect(const uint8_t *head, size_t len);

/* True if a skippable frame of zstd or lz4 begins here: what follows tells which it is. */
bool decompress_is_skippable(const uint8_t *head, size_t len);

struct decompressor {
	const struct decompress_format *format; /* NULL until the first member begins */
	void *decoder;
	struct decompress_limits
		limits; /* their owner's: set before the first read, or lowered later */
	int fd;         /* borrowed */
	bool is_pipe;
	const atomic_bool *quit; /* makes a read return early; may be NULL */

	uint8_t *in; /* [DECOMPRESS_IN], of which [at, len) is to be decompressed */
	size_t at, len;
	size_t in_max;      /* bytes that are read at a time */
	uint64_t in_offset; /* of in[0] in the input */
	uint64_t in_limit;  /* fails when this many were read; UINT64_MAX = no limit */
	uint64_t out_bytes; /* given out so far */
	uint64_t skip;      /* bytes of a skippable frame to be passed over */
	uint64_t nb_zeros;  /* of padding */
	uint64_t nb_members;
	bool in_member, in_ended, ended, failed;
	bool no_memory;         /* that is why it failed: the input may be sound */
	int read_error;         /* in_ended: why it could not be read on; or 0 */
	uint64_t member_offset; /* of the member in the input */
	uint64_t error_offset;  /* in the input; the same however many threads there are */
	uint64_t refused_bytes; /* that a member would need: too many; 0: there was none */
	char error[160];
};

/*
 * The limits are DECOMPRESS_MEMORY and one thread. What was read of it already comes first. False
 * if memory does not suffice.
 */
bool decompressor_init(struct decompressor *d, int fd, bool is_pipe, const uint8_t *head,
		       size_t nb_head);
void decompressor_fini(struct decompressor *d);

/*
 * Fills out, less at the end of the input or when a pipe has nothing for now. Returns the
 * bytes; 0 at the end and when *quit is set; -1 when the input is damaged, in words in
 * d->error, after all that came before was given out.
 */
ssize_t decompressor_read(struct decompressor *d, uint8_t *out, size_t room);

/* It goes no further: there is no memory for it. */
void decompressor_fail_memory(struct decompressor *d);

/* Bytes of memory that it takes beside DECOMPRESS_IN, as far as it was read. */
uint64_t decompressor_needs(const struct decompressor *d);

/* Bytes of the input that were decompressed. */
static inline uint64_t decompressor_taken(const struct decompressor *d)
{
	return d->failed ? d->error_offset : d->in_offset + d->at;
}

#endif
