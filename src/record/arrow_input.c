/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow_input_priv.h"
#include "arrow_priv.h"

#define METADATA_MAX ((size_t)256 << 20)
#define BODY_MAX ((size_t)4 << 30)
#define STEP ((size_t)1 << 20)

bool arrow_bytes_reserve(struct arrow_bytes *bytes, size_t len)
{
	if (len > bytes->capacity) {
		free(bytes->data);
		bytes->data = malloc(len);
		bytes->capacity = bytes->data ? len : 0;
	}
	bytes->len = 0;
	return len <= bytes->capacity;
}

void arrow_bytes_fini(struct arrow_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct arrow_bytes){0};
}

/*
 * Puts the text behind the first n bytes of the error. Names of columns are the file's: what
 * would end the line, or steer a terminal, becomes a question mark.
 */
static void __attribute__((format(printf, 3, 0)))
say(struct arrow_input *in, int n, const char *format, va_list args)
{
	vsnprintf(in->error + n, sizeof(in->error) - (size_t)n, format, args);
	for (char *at = in->error + n; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
}

int arrow_input_damaged(struct arrow_input *in, uint64_t offset, const char *format, ...)
{
	va_list args;
	int n = snprintf(in->error, sizeof(in->error), "%.200s: damaged at byte %" PRIu64 ": ",
			 in->name, offset);

	in->is_damaged = true;
	va_start(args, format);
	say(in, n, format, args);
	va_end(args);
	return -1;
}

int arrow_input_failed(struct arrow_input *in, const char *format, ...)
{
	va_list args;
	int n = snprintf(in->error, sizeof(in->error), "%.200s: ", in->name);

	va_start(args, format);
	say(in, n, format, args);
	va_end(args);
	return -1;
}

/* ---- bytes ------------------------------------------------------------- */

/* Reads up to len bytes, fewer only at the end. The number, or -1. */
static ssize_t read_bytes(struct arrow_input *in, uint8_t *out, size_t len)
{
	size_t got = len < in->nb_head ? len : in->nb_head;

	if (got) {
		memcpy(out, in->head, got);
		memmove(in->head, in->head + got, in->nb_head - got);
		in->nb_head -= got;
	}
	while (got < len) {
		const ssize_t n = read(in->fd, out + got, len - got);

		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return arrow_input_failed(in, "cannot read at byte %" PRIu64 ": %s",
						  in->offset + got, strerror(errno));
		got += (size_t)n;
	}
	in->offset += got;
	return (ssize_t)got;
}

/* Reads len bytes, taking memory as they come. 1 all, 0 cut short, -1 failed. */
static int read_into(struct arrow_input *in, struct arrow_bytes *bytes, size_t len)
{
	bytes->len = 0;
	while (bytes->len < len) {
		const size_t left = len - bytes->len;
		const size_t step = bytes->len > STEP ? bytes->len : STEP;
		const size_t want = left < step ? left : step;
		ssize_t n;

		if (bytes->len + want > bytes->capacity) {
			uint8_t *data = realloc(bytes->data, bytes->len + want);

			if (!data)
				return arrow_input_failed(in, "out of memory");
			bytes->data = data;
			bytes->capacity = bytes->len + want;
		}
		n = read_bytes(in, bytes->data + bytes->len, want);
		if (n < 0)
			return -1;
		bytes->len += (size_t)n;
		if ((size_t)n < want)
			return 0;
	}
	return 1;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* ---- opening ----------------------------------------------------------- */

/* Length of the footer that ends with these 10 bytes and lies in room bytes, or 0. */
static size_t footer_len(const uint8_t tail[ARROW_TAIL_LEN], uint64_t room)
{
	const uint32_t len = get32(tail);

	if (memcmp(tail + 4, ARROW_MAGIC, 6) != 0 || len < 8 || len > METADATA_MAX || len > room)
		return 0;
	return len;
}

/* Reads len bytes anywhere. 0, 1 when there are fewer, -1. */
static int read_at(struct arrow_input *in, uint8_t *out, size_t len, uint64_t offset)
{
	for (size_t got = 0; got < len;) {
		const ssize_t n = pread(in->fd, out + got, len - got, (off_t)(offset + got));

		if (n == 0)
			return 1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return arrow_input_failed(in, "cannot read at byte %" PRIu64 ": %s",
						  offset + got, strerror(errno));
		got += (size_t)n;
	}
	return 0;
}

/* Looks at the end of a seekable file. 0 or -1. */
static int find_footer(struct arrow_input *in, uint64_t start)
{
	uint8_t tail[ARROW_TAIL_LEN];
	uint64_t end;
	size_t len;
	int ret;

	if (in->end < start + ARROW_MAGIC_LEN + ARROW_TAIL_LEN)
		return 0;
	end = in->end - ARROW_TAIL_LEN;
	ret = read_at(in, tail, sizeof(tail), end);
	if (ret != 0)
		return ret < 0 ? -1 : 0;
	len = footer_len(tail, end - ARROW_MAGIC_LEN - start);
	if (len == 0)
		return 0;
	if (!arrow_bytes_reserve(&in->footer, len))
		return arrow_input_failed(in, "out of memory");
	ret = read_at(in, in->footer.data, len, end - len);
	if (ret != 0)
		return ret < 0 ? -1 : 0;
	in->footer.len = len;
	in->end = end - len;
	return 0;
}

int arrow_input_open(struct arrow_input *in, const char *path)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	off_t start;
	ssize_t n;

	*in = (struct arrow_input){.name = is_stdin ? "stdin" : path, .end = UINT64_MAX};
	in->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	in->owns_fd = !is_stdin;
	if (in->fd < 0)
		return arrow_input_failed(in, "cannot open: %s", strerror(errno));
	start = lseek(in->fd, 0, SEEK_CUR);
	if (start >= 0 && fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= start) {
		in->offset = (uint64_t)start;
		in->end = (uint64_t)st.st_size;
	}
	n = read_bytes(in, in->head, sizeof(in->head));
	if (n < 0)
		return -1;
	if (n == ARROW_MAGIC_LEN && memcmp(in->head, ARROW_MAGIC, 6) == 0) {
		in->is_file = true;
		return in->end != UINT64_MAX ? find_footer(in, (uint64_t)start) : 0;
	}
	if (n < 8)
		return arrow_input_failed(in, "not an Arrow table: it has only %zd bytes", n);
	if (get32(in->head) != ARROW_CONTINUATION)
		return arrow_input_failed(in,
					  "not an Arrow table: expected ARROW1 or the bytes "
					  "ffffffff at byte 0, found %02x%02x%02x%02x",
					  in->head[0], in->head[1], in->head[2], in->head[3]);
	in->nb_head = sizeof(in->head);
	in->offset -= sizeof(in->head);
	return 0;
}

void arrow_input_close(struct arrow_input *in)
{
	if (in->owns_fd && in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	arrow_bytes_fini(&in->footer);
}

void arrow_incoming_fini(struct arrow_incoming *msg)
{
	arrow_bytes_fini(&msg->metadata);
	arrow_bytes_fini(&msg->body);
}

/* ---- messages ---------------------------------------------------------- */

/* The metadata's length into *len. 1, 0 at the end, -1. */
static int read_prefix(struct arrow_input *in, const struct arrow_incoming *msg, size_t *len)
{
	uint8_t prefix[ARROW_PREFIX_LEN];
	ssize_t n;

	/* Less room than a prefix needs: the footer begins in its middle. */
	if (in->end - in->offset < ARROW_PREFIX_LEN)
		return 0;
	n = read_bytes(in, prefix, sizeof(prefix));
	if (n < 0)
		return -1;
	/* Zeros are where a writer that died had not yet committed. */
	if (n < 4 || get32(prefix) == 0)
		return 0;
	if (get32(prefix) != ARROW_CONTINUATION)
		return arrow_input_damaged(in, msg->offset,
					   "expected a message (ffffffff), found %02x%02x%02x%02x",
					   prefix[0], prefix[1], prefix[2], prefix[3]);
	if (n < ARROW_PREFIX_LEN)
		return 0;
	*len = get32(prefix + 4);
	if (*len == 0) {
		in->ended_well = true;
		return 0;
	}
	if (*len > METADATA_MAX)
		return arrow_input_damaged(in, msg->offset + 4,
					   "metadata of %zu bytes, at most %zu are read", *len,
					   METADATA_MAX);
	return 1;
}

static int parse_message(struct arrow_input *in, struct arrow_incoming *msg, uint64_t *body_len)
{
	struct flatview *view = &msg->view;
	struct flatview_table message;
	uint64_t version;

	*view = (struct flatview){.data = msg->metadata.data, .len = msg->metadata.len};
	message = flatview_root(view);
	version = flatview_scalar(view, &message, MESSAGE_VERSION, 2, 0);
	msg->type = (unsigned int)flatview_scalar(view, &message, MESSAGE_TYPE, 1, 0);
	msg->header = flatview_sub(view, &message, MESSAGE_HEADER);
	*body_len = flatview_scalar(view, &message, MESSAGE_BODY_LEN, 8, 0);
	if (view->bad || msg->header.pos == 0)
		return arrow_input_damaged(in, msg->offset, "the metadata points outside itself");
	if (version != ARROW_VERSION_4 && version != ARROW_VERSION_5)
		return arrow_input_damaged(in, msg->offset,
					   "metadata version V%" PRIu64 ", expected V4 or V5",
					   version + 1);
	if (*body_len > BODY_MAX)
		return arrow_input_damaged(in, msg->offset,
					   "a body of %" PRIu64 " bytes, at most %zu are read",
					   *body_len, BODY_MAX);
	return 1;
}

int arrow_input_next(struct arrow_input *in, struct arrow_incoming *msg)
{
	uint64_t body_len;
	size_t len = 0;
	int ret;

	msg->offset = in->offset;
	ret = read_prefix(in, msg, &len);
	if (ret <= 0)
		return ret;
	if (len > in->end - in->offset)
		return 0;
	ret = read_into(in, &msg->metadata, len);
	if (ret <= 0)
		return ret;
	ret = parse_message(in, msg, &body_len);
	if (ret <= 0)
		return ret;
	if (body_len > in->end - in->offset)
		return 0;
	return read_into(in, &msg->body, (size_t)body_len);
}

int arrow_input_read_tail(struct arrow_input *in)
{
	const int ret = read_into(in, &in->footer, METADATA_MAX);
	size_t len = 0;

	if (ret < 0)
		return -1;
	if (ret == 0 && in->footer.len > ARROW_TAIL_LEN)
		len = footer_len(in->footer.data + in->footer.len - ARROW_TAIL_LEN,
				 in->footer.len - ARROW_TAIL_LEN);
	if (len)
		memmove(in->footer.data, in->footer.data + in->footer.len - ARROW_TAIL_LEN - len,
			len);
	in->footer.len = len;
	return 0;
}
