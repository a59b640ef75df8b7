/* SPDX-License-Identifier: BSD-3-Clause */

/* Decompression: the members of a compressed input, one behind the other. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decompress.h"

#define PAUSE_MS 20
#define SKIPPABLE_HEADER 8u /* magic, and the length of what follows it */

static const struct decompress_format *const formats[] = {
	&decompress_gzip, &decompress_zstd, &decompress_lz4, &decompress_xz, &decompress_bzip2,
};

const struct decompress_format *decompress_detect(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i]->matches(head, len))
			return formats[i];
	}
	return NULL;
}

bool decompress_is_skippable(const uint8_t *head, size_t len)
{
	return len >= 4 && (head[0] & 0xf0) == 0x50 && head[1] == 0x2a && head[2] == 0x4d &&
	       head[3] == 0x18;
}

bool decompressor_init(struct decompressor *d, int fd, bool is_pipe, const uint8_t *head,
		       size_t nb_head)
{
	*d = (struct decompressor){.fd = fd,
				   .is_pipe = is_pipe,
				   .limits = {DECOMPRESS_MEMORY, DECOMPRESS_MEMORY, 1},
				   .in_max = DECOMPRESS_IN,
				   .in_limit = UINT64_MAX,
				   .in = malloc(DECOMPRESS_IN)};
	if (d->in == NULL)
		return false;
	if (nb_head != 0)
		memcpy(d->in, head, nb_head);
	d->len = nb_head;
	return true;
}

void decompressor_fini(struct decompressor *d)
{
	if (d->decoder != NULL)
		d->format->close(d->decoder);
	free(d->in);
	*d = (struct decompressor){0};
}

static bool __attribute__((format(printf, 2, 3)))
fail(struct decompressor *d, const char *format, ...)
{
	va_list args;

	d->error_offset = decompressor_taken(d);
	d->failed = true;
	va_start(args, format);
	(void)vsnprintf(d->error, sizeof(d->error), format, args);
	va_end(args);
	return false;
}

static const char *name_of(const struct decompressor *d)
{
	return d->format != NULL ? d->format->name : "zstd or lz4";
}

static const char *member_of(const struct decompressor *d)
{
	return d->format != NULL ? d->format->member : "frame";
}

static bool has_quit(const struct decompressor *d)
{
	return d->quit != NULL && atomic_load_explicit(d->quit, memory_order_relaxed);
}

/* True if a pipe has nothing to be read within so many ms. */
static bool is_waiting(const struct decompressor *d, int ms)
{
	struct pollfd pfd = {.fd = d->fd, .events = POLLIN};

	return d->is_pipe && poll(&pfd, 1, ms) == 0;
}

/* Reads more behind what is there. False at the end, when it failed, or was told to quit. */
static bool fill(struct decompressor *d)
{
	size_t room;
	ssize_t n;

	memmove(d->in, d->in + d->at, d->len - d->at);
	d->in_offset += d->at;
	d->len -= d->at;
	d->at = 0;
	if (d->in_offset + d->len >= d->in_limit)
		return fail(d, "expected a capture to begin within %" PRIu64 " bytes of %s",
			    d->in_limit, name_of(d));
	room = DECOMPRESS_IN - d->len < d->in_max ? DECOMPRESS_IN - d->len : d->in_max;
	do {
		while (!has_quit(d) && is_waiting(d, 100))
			;
		if (has_quit(d))
			return false;
		if (d->is_pipe)
			n = read(d->fd, d->in + d->len, room);
		else
			n = pread(d->fd, d->in + d->len, room, (off_t)(d->in_offset + d->len));
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	/* What is there may give something yet, and threads have parts of what came before. */
	d->in_ended = n <= 0;
	d->read_error = n < 0 ? errno : 0;
	d->len += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Something lacks: false if that is because the input ends there. */
static bool note_read_error(struct decompressor *d)
{
	if (d->read_error != 0)
		fail(d, "read error: %s", strerror(d->read_error));
	return d->failed;
}

/* Makes as many bytes as tell a format present, as far as there are any. */
static bool peek(struct decompressor *d)
{
	while (d->len - d->at < DECOMPRESS_MAGIC && !d->in_ended) {
		if (!fill(d) && !d->in_ended)
			return false;
	}
	return true;
}

/* Passes over what is there of a skippable frame. */
static void skip(struct decompressor *d)
{
	const size_t here = d->len - d->at;
	const size_t n = d->skip < here ? (size_t)d->skip : here;

	d->at += n;
	d->skip -= n;
	if (d->skip != 0 && !fill(d) && d->in_ended && !note_read_error(d))
		fail(d, "cut short: expected %" PRIu64 " more bytes of a skippable frame, got none",
		     d->skip);
}

/* Passes over zeros behind a member; true if there was one. */
static bool skip_zeros(struct decompressor *d)
{
	const size_t from = d->at;

	if (d->nb_members == 0 || d->format->padding == 0)
		return false;
	while (d->at < d->len && d->in[d->at] == 0)
		d->at++;
	d->nb_zeros += d->at - from;
	return d->at != from;
}

static void note_garbage(struct decompressor *d)
{
	const uint8_t *const p = d->in + d->at;
	char found[3 * 4] = "";

	for (size_t i = 0; i < 4 && d->at + i < d->len; i++)
		(void)snprintf(found + 2 * i, sizeof(found) - 2 * i, "%02x", p[i]);
	fail(d, "expected another %s %s or the end, found %s", name_of(d), member_of(d), found);
}

const char decompress_no_memory[] = "out of memory";

void decompressor_fail_memory(struct decompressor *d)
{
	d->no_memory = true;
	fail(d, "%s", decompress_no_memory);
}

/* Opens the decoder, or makes it ready for one more member. */
static void begin_member(struct decompressor *d, const struct decompress_format *format)
{
	bool ok = true;

	if (d->decoder == NULL) {
		d->format = format;
		d->decoder = format->open(&d->limits);
		ok = d->decoder != NULL;
	} else {
		ok = format->reopen(d->decoder);
	}
	if (!ok)
		decompressor_fail_memory(d);
	d->in_member = ok;
	d->member_offset = decompressor_taken(d);
	d->nb_members++;
	d->nb_zeros = 0;
}

/* Between members: one step towards the next one, or the end. */
static void find_member(struct decompressor *d)
{
	const struct decompress_format *format;
	const uint8_t *p;
	size_t n;

	if (!peek(d) || skip_zeros(d))
		return;
	p = d->in + d->at;
	n = d->len - d->at;
	if (n < DECOMPRESS_MAGIC && note_read_error(d))
		return;
	if (d->nb_zeros != 0 && d->nb_zeros % d->format->padding != 0) {
		fail(d, "expected padding of a multiple of %" PRIu32 " zeros, found %" PRIu64,
		     d->format->padding, d->nb_zeros);
		return;
	}
	d->ended = n == 0;
	if (n == 0)
		return;
	if (n >= SKIPPABLE_HEADER && decompress_is_skippable(p, n) &&
	    (d->format == NULL || d->format->may_skip)) {
		d->skip = SKIPPABLE_HEADER + ((uint64_t)p[4] | (uint64_t)p[5] << 8 |
					      (uint64_t)p[6] << 16 | (uint64_t)p[7] << 24);
		return;
	}
	format = decompress_detect(p, n);
	if (format == NULL || (d->format != NULL && format != d->format))
		note_garbage(d);
	else
		begin_member(d, format);
}

/* The library found damage in what it was given. */
static void note_damage(struct decompressor *d, const char *why, uint64_t nb_behind)
{
	fail(d, "expected sound data%s, found: %s",
	     d->format->runs_ahead ? " in the part that begins there" : "", why);
	d->error_offset -= nb_behind;
}

static void note_too_large(struct decompressor *d)
{
	const uint64_t needed = d->format->needs(d->decoder), mib = UINT64_C(1) << 20;

	d->refused_bytes = needed;
	fail(d, "needs %" PRIu64 " MiB of memory, there are %" PRIu64 " for it",
	     needed / mib + (needed % mib != 0), d->limits.max_bytes / mib);
	d->error_offset = d->member_offset;
}

uint64_t decompressor_needs(const struct decompressor *d)
{
	return d->decoder != NULL ? d->format->needs(d->decoder) : 0;
}

/* Inside a member: one call of the library. False if it needs more input. */
static bool step(struct decompressor *d, struct decompress_io *io)
{
	enum decompress_step step;
	const char *why = "";

	io->in = d->in + d->at;
	io->nb_in = d->len - d->at;
	io->is_last = d->in_ended;
	io->max_bytes = d->limits.max_bytes;
	step = d->format->step(d->decoder, io, &why);
	d->at = d->len - io->nb_in;
	io->is_all = false;
	d->in_member = step != STEP_END;
	if (step == STEP_FAILED && why == decompress_no_memory)
		decompressor_fail_memory(d);
	else if (step == STEP_FAILED)
		note_damage(d, why, io->nb_behind);
	if (step == STEP_TOO_LARGE)
		note_too_large(d);
	if (step == STEP_STARVED && d->in_ended && !note_read_error(d))
		fail(d, "cut short: expected more of the %s, got the end of the input",
		     d->format->member);
	return step != STEP_STARVED || d->failed;
}

/* Threads have something to do while the pipe is quiet for a moment. */
static bool runs_ahead(const struct decompressor *d)
{
	return d->limits.nb_threads > 1 && d->format != NULL && d->format->runs_ahead;
}

ssize_t decompressor_read(struct decompressor *d, uint8_t *out, size_t room)
{
	struct decompress_io io = {.out = out, .nb_out = room};

	while (io.nb_out > 0 && !d->ended && !d->failed && !has_quit(d)) {
		if (d->in_member && step(d, &io))
			continue;
		/* More is needed. Who reads a pipe wants what is there. */
		if (!d->in_ended && is_waiting(d, runs_ahead(d) ? PAUSE_MS : 0)) {
			if (io.nb_out < room)
				break;
			io.is_all = d->in_member && d->at < d->len;
		}
		if (io.is_all)
			(void)step(d, &io);
		else if (d->in_member)
			(void)fill(d);
		else if (d->skip != 0)
			skip(d);
		else
			find_member(d);
	}
	d->out_bytes += room - io.nb_out;
	if (io.nb_out < room)
		return (ssize_t)(room - io.nb_out);
	return d->failed ? -1 : 0;
}
