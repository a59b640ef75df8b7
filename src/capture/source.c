/* SPDX-License-Identifier: BSD-3-Clause */

/* Inputs: told apart by their first bytes, opened, and read in whole spans. */

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_priv.h"

#define PCAP_HEADER_LEN 24u
#define STREAM_AHEAD 65536u /* bytes; what a pipe holds on Linux */

/* pcap-savefile(5) magics as read on a little-endian machine. */
#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

static bool sniff_pcap(struct source *source, const uint8_t *head, size_t len)
{
	uint32_t magic;
	bool swapped = false;
	uint16_t major, minor;

	if (len < PCAP_HEADER_LEN)
		return false;
	memcpy(&magic, head, sizeof(magic));
	if (magic != MAGIC_US && magic != MAGIC_NS && magic != MAGIC_MODIFIED) {
		magic = __builtin_bswap32(magic);
		swapped = true;
	}
	switch (magic) {
	case MAGIC_US:
		source->info.format = "pcap";
		source->ts_resol = 6;
		source->header_len = 16;
		break;
	case MAGIC_NS:
		source->info.format = "pcap, ns";
		source->ts_resol = 9;
		source->header_len = 16;
		break;
	case MAGIC_MODIFIED:
		source->info.format = "pcap, modified";
		source->ts_resol = 6;
		source->header_len = 24;
		break;
	default:
		return false;
	}
	/* Before 2.4, and in DG/UX's 543, the two lengths may be swapped: libpcap knows when. */
	major = get_u16(head + 4, swapped);
	minor = get_u16(head + 6, swapped);
	source->format_is_old = major == 543 || (major == 2 && minor < 4);
	if (source->format_is_old)
		return false;
	source->kind = SOURCE_PCAP;
	source->swapped = swapped;
	source->snaplen = get_u32(head + 16, swapped);
	/* The upper bits tell of frame check sequences; the low 16 are the link type. */
	source->link_type = (uint16_t)(get_u32(head + 20, swapped) & 0xffffu);
	source->next_offset = PCAP_HEADER_LEN;
	return true;
}

static bool sniff_pcapng(struct source *source, const uint8_t *head, size_t len)
{
	uint32_t type, magic;

	if (len < 12)
		return false;
	memcpy(&type, head, sizeof(type));
	memcpy(&magic, head + 8, sizeof(magic));
	if (type != PCAPNG_SECTION || (magic != 0x1A2B3C4Du && magic != 0x4D3C2B1Au))
		return false;
	source->kind = SOURCE_PCAPNG;
	source->info.format = "pcapng";
	return true;
}

/* Takes up to want bytes that were read ahead. */
static size_t take_ahead(struct source *source, uint8_t *to, size_t want)
{
	const size_t n = want < source->nb_ahead ? want : source->nb_ahead;

	memcpy(to, source->ahead + source->ahead_at, n);
	source->ahead_at += n;
	source->nb_ahead -= n;
	return n;
}

/*
 * Reads up to want bytes, waiting on a pipe in steps so that a stop is seen. A record is far
 * smaller than what one call can give: the rest is kept for the next ones.
 */
static ssize_t stream_read(struct capture *capture, struct source *source, uint8_t *to, size_t want)
{
	size_t got = 0;

	while (got < want) {
		struct pollfd pfd = {.fd = source->fd, .events = POLLIN};
		ssize_t n;

		if (source->nb_head > 0) {
			n = want - got < source->nb_head ? (ssize_t)(want - got) : source->nb_head;
			memcpy(to + got, source->head, (size_t)n);
			source->nb_head = (uint8_t)(source->nb_head - n);
			memmove(source->head, source->head + n, source->nb_head);
			got += (size_t)n;
			continue;
		}
		if (source->nb_ahead > 0) {
			got += take_ahead(source, to + got, want - got);
			continue;
		}
		if (capture != NULL && atomic_load_explicit(&capture->stop, memory_order_relaxed))
			break;
		if (poll(&pfd, 1, 100) == 0)
			continue;
		if (source->ahead != NULL)
			n = read(source->fd, source->ahead, STREAM_AHEAD);
		else
			n = read(source->fd, to + got, want - got);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (source->ahead != NULL) {
			source->ahead_at = 0;
			source->nb_ahead = (size_t)n;
		} else {
			got += (size_t)n;
		}
	}
	return (ssize_t)got;
}

static ssize_t file_read(int fd, uint8_t *to, size_t want, uint64_t offset)
{
	size_t got = 0;

	while (got < want) {
		ssize_t n = pread(fd, to + got, want - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

size_t source_ensure(struct capture *capture, struct source *source, struct chunk *chunk,
		     size_t need)
{
	ssize_t n;

	if (need <= chunk->len || chunk->read_error != 0)
		return chunk->len;
	if (need > chunk->capacity)
		need = chunk->capacity;
	if (chunk->is_stream)
		n = stream_read(capture, source, chunk->data + chunk->len, need - chunk->len);
	else
		n = file_read(source->fd, chunk->data + chunk->len, need - chunk->len,
			      chunk->offset + chunk->len);
	if (n < 0)
		chunk->read_error = (int)-n;
	else
		chunk->len += (size_t)n;
	return chunk->len;
}

uint64_t source_discard(struct capture *capture, struct source *source, uint64_t n)
{
	uint8_t waste[4096];
	uint64_t done = 0;

	while (done < n) {
		const size_t want = n - done < sizeof(waste) ? (size_t)(n - done) : sizeof(waste);
		const ssize_t got = stream_read(capture, source, waste, want);

		if (got <= 0)
			break;
		done += (uint64_t)got;
	}
	return done;
}

void capture_read(struct capture *capture, struct chunk *chunk)
{
	struct source *source = &capture->sources[chunk->input];
	ssize_t n;

	if (chunk->is_stream || chunk->read_error != 0 ||
	    atomic_load_explicit(&source->ended, memory_order_relaxed))
		return;
	source_read_ahead(source, chunk);
	n = file_read(source->fd, chunk->data, chunk->limit + CAPTURE_OVERLAP, chunk->offset);
	if (n < 0)
		chunk->read_error = (int)-n;
	else
		chunk->len = (size_t)n;
}

/* True if what is there (zeros stand behind it) begins a pcap header. */
static bool is_cut_header(const struct source *source, size_t nb_head)
{
	struct source whole = {0};

	return nb_head < PCAP_HEADER_LEN && sniff_pcap(&whole, source->head, sizeof(source->head));
}

/* Hands an input that is neither pcap nor pcapng to libpcap. */
static int open_with_libpcap(struct source *source, const char *path, size_t nb_head, char *error,
			     size_t error_size)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = NULL;

	if (is_cut_header(source, nb_head)) {
		snprintf(error, error_size,
			 "%s: cut short: expected a pcap header of %u bytes at byte 0, got %zu",
			 path, PCAP_HEADER_LEN, nb_head);
		return -1;
	}
	/* A pipe's first bytes are gone: libpcap cannot have them. */
	if (!source->is_stream)
		pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
							       why);
	if (pcap == NULL && source->format_is_old) {
		snprintf(error, error_size,
			 "%s: expected pcap 2.4 or pcapng, found an older pcap that libpcap %s",
			 path,
			 source->is_stream ? "can read from a file only, not from a pipe"
					   : "does not read");
		return -1;
	}
	if (pcap == NULL) {
		snprintf(error, error_size,
			 "%s: not a capture: expected pcap or pcapng, found %02x%02x%02x%02x at "
			 "byte 0",
			 path, source->head[0], nb_head > 1 ? source->head[1] : 0,
			 nb_head > 2 ? source->head[2] : 0, nb_head > 3 ? source->head[3] : 0);
		return -1;
	}
	source->pcap = pcap;
	source->kind = SOURCE_LIBPCAP;
	source->is_stream = true;
	source->info.format = source->format_is_old ? "old pcap" : "read by libpcap";
	source->link_type = (uint16_t)pcap_datalink(pcap);
	source->snaplen = (uint32_t)pcap_snapshot(pcap);
	source->header_len = 16;
	source->ts_resol = 9;
	return 0;
}

int source_reopen(struct source *source)
{
	int fd;

	if (source->fd >= 0 || source->kind == SOURCE_LIBPCAP)
		return 0;
	fd = open(source->info.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	source->fd = fd;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

static int open_file(struct source *source, const char *path, char *error, size_t error_size)
{
	struct stat st;
	const bool is_stdin = strcmp(path, "-") == 0;

	source->info.path = path;
	source->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &st) != 0) {
		snprintf(error, error_size, "%s: cannot open: %s", path, strerror(errno));
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(error, error_size, "%s: expected a capture, found a directory", path);
		return -1;
	}
	source->is_stream = !S_ISREG(st.st_mode);
	/* Standard input that was redirected from the middle of a file starts there. */
	if (is_stdin && !source->is_stream && lseek(source->fd, 0, SEEK_CUR) != 0)
		source->is_stream = true;
	source->info.size = source->is_stream ? 0 : (uint64_t)st.st_size;
	return 0;
}

int source_open(struct source *source, const char *path, char *error, size_t error_size)
{
	ssize_t n;

	if (open_file(source, path, error, error_size) != 0)
		return -1;
	n = source->is_stream ? stream_read(NULL, source, source->head, sizeof(source->head))
			      : file_read(source->fd, source->head, sizeof(source->head), 0);
	if (n < 0) {
		snprintf(error, error_size, "%s: cannot read: %s", path, strerror((int)-n));
		return -1;
	}
	if (n == 0) {
		snprintf(error, error_size, "%s: expected a capture, found an empty file", path);
		return -1;
	}
	source->nb_head = (uint8_t)n;
	if (sniff_pcap(source, source->head, (size_t)n)) {
		source->nb_head = 0;
	} else if (!sniff_pcapng(source, source->head, (size_t)n)) {
		return open_with_libpcap(source, path, (size_t)n, error, error_size);
	}
	if (source->is_stream) {
		source->ahead = malloc(STREAM_AHEAD); /* without it, just slower */
		return 0;
	}
	source->nb_head = 0;
	if (source->fd != STDIN_FILENO)
		source_close(source);
	return 0;
}

void source_close_file(struct source *source)
{
	const int fd = atomic_exchange(&source->fd, -1);

	if (fd > STDIN_FILENO)
		(void)close(fd);
}

void source_close(struct source *source)
{
	source_close_file(source);
	if (source->pcap != NULL)
		pcap_close(source->pcap);
	source->pcap = NULL;
}
