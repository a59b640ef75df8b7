/* SPDX-License-Identifier: BSD-3-Clause */

/* Inputs: told apart by their first bytes, opened, and read in whole spans. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_priv.h"
#include "follow.h"
#include "unpack.h"

#define PCAP_HEADER_LEN 24u
#define PCAPNG_HEADER_LEN 28u
#define PCAPNG_MIN_LEN 12u /* of it, to be known */

/* pcap-savefile(5) magics as read on a little-endian machine. */
#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

#define FCS_IS_KNOWN (1u << 26)

static bool sniff_pcap(struct source *source, const uint8_t *head, size_t len)
{
	uint32_t magic;
	bool swapped = false;
	uint16_t major, minor;
	uint32_t link;

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
	/* Low 16 bits: the link type; above, and if bit 26 says so, 16-bit words of FCS. */
	link = get_u32(head + 20, swapped);
	source->link_type = (uint16_t)(link & 0xffffu);
	source->fcs_len = link & FCS_IS_KNOWN ? (uint8_t)((link >> 28) * 2) : 0;
	source->next_offset = PCAP_HEADER_LEN;
	return true;
}

static bool sniff_pcapng(struct source *source, const uint8_t *head, size_t len)
{
	uint32_t type, magic;

	if (len < PCAPNG_MIN_LEN)
		return false;
	memcpy(&type, head, sizeof(type));
	memcpy(&magic, head + 8, sizeof(magic));
	if (type != PCAPNG_SECTION || (magic != 0x1A2B3C4Du && magic != 0x4D3C2B1Au))
		return false;
	source->kind = SOURCE_PCAPNG;
	source->info.format = "pcapng";
	return true;
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
	size_t room;
	ssize_t n;

	if (need <= chunk->len || chunk->read_error != 0)
		return chunk->len;
	if (need > chunk->capacity)
		need = chunk->capacity;
	/* Of a stream never more than the chunk has records for: nothing is left over. */
	room = need < chunk->limit ? chunk->limit : need;
	if (chunk->is_stream)
		n = stream_read(capture, source, chunk->data + chunk->len, need - chunk->len,
				room - chunk->len);
	else
		n = file_read(source->fd, chunk->data + chunk->len, need - chunk->len,
			      chunk->offset + chunk->len);
	if (n < 0)
		chunk->read_error = (int)-n;
	else
		chunk->len += (size_t)n;
	if (chunk->is_stream && chunk->len < need)
		(void)stream_note_damage(capture, source);
	return chunk->len;
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

/* Is all that is there (zeros stand behind it) the beginning of a header? Says so, then. */
static bool is_cut_header(struct source *source, size_t nb_head, const char *name, char *error,
			  size_t error_size)
{
	static const uint8_t section[] = {0x0a, 0x0d, 0x0d, 0x0a};
	const bool is_pcapng = nb_head >= sizeof(section) && nb_head < PCAPNG_MIN_LEN &&
			       memcmp(source->head, section, sizeof(section)) == 0;
	struct source whole = {0};

	source->is_broken = is_pcapng || (nb_head < PCAP_HEADER_LEN &&
					  sniff_pcap(&whole, source->head, sizeof(source->head)));
	if (source->is_broken)
		snprintf(error, error_size,
			 "%s: cut short: expected a %s header of %u bytes%s%s, got %zu", name,
			 is_pcapng ? "pcapng" : "pcap",
			 is_pcapng ? PCAPNG_HEADER_LEN : PCAP_HEADER_LEN,
			 source->unpacker != NULL ? " in " : " at byte 0",
			 source->unpacker != NULL ? unpacker_name(source->unpacker) : "", nb_head);
	return source->is_broken;
}

/* Hands an input that is neither pcap nor pcapng to libpcap. */
static int open_with_libpcap(struct source *source, const char *name, size_t nb_head, char *error,
			     size_t error_size)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = NULL;

	if (is_cut_header(source, nb_head, name, error, error_size))
		return -1;
	/* A pipe's first bytes are gone: libpcap cannot have them. */
	if (!source->is_stream)
		pcap = pcap_open_offline_with_tstamp_precision(source->info.path,
							       PCAP_TSTAMP_PRECISION_NANO, why);
	if (pcap == NULL && source->format_is_old) {
		snprintf(error, error_size,
			 "%s: expected pcap 2.4 or pcapng, found an older pcap that libpcap %s",
			 name,
			 source->is_stream ? "can read from a file only, not from a pipe"
					   : "does not read");
		return -1;
	}
	if (pcap == NULL && foreign_format_tell(source->head, nb_head, why, sizeof(why))) {
		snprintf(error, error_size, "%s: expected pcap or pcapng, found %s", name, why);
		return -1;
	}
	if (pcap == NULL) {
		snprintf(error, error_size,
			 "%s: not a capture: expected pcap or pcapng, found %02x%02x%02x%02x at "
			 "byte 0",
			 name, source->head[0], nb_head > 1 ? source->head[1] : 0,
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
	int fd, rc = 0;

	if (source->kind == SOURCE_LIBPCAP)
		return 0;
	if (source->fd < 0) {
		fd = open(source->info.path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		source->fd = fd;
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	if (source->unpacker != NULL)
		rc = source->is_lazy ? unpacker_start_lazy(source->unpacker, source->fd)
				     : unpacker_start(source->unpacker, source->fd);
	if (rc != 0)
		errno = -rc;
	return rc;
}

const char *source_name(const struct source *source)
{
	return strcmp(source->info.path, "-") == 0 ? "stdin" : source->info.path;
}

static int open_file(struct source *source, char *error, size_t error_size)
{
	struct stat st;
	const char *const path = source->info.path, *const name = source_name(source);
	const bool is_stdin = strcmp(path, "-") == 0;
	/* A pipe cannot be followed: not a reason to wait for its writer. */
	const int flags = O_RDONLY | O_CLOEXEC | (source->follow != NULL ? O_NONBLOCK : 0);

	source->fd = is_stdin ? STDIN_FILENO : open(path, flags);
	if (source->fd < 0 || fstat(source->fd, &st) != 0) {
		snprintf(error, error_size, "%s: cannot open: %s", name, strerror(errno));
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(error, error_size, "%s: expected a capture, found a directory", name);
		return -1;
	}
	if (source->follow != NULL && !S_ISREG(st.st_mode)) {
		snprintf(error, error_size, "%s: --follow: expected a file, found a pipe or device",
			 name);
		source->cannot_follow = true;
		return -1;
	}
	source->is_stream = !S_ISREG(st.st_mode) || source->follow != NULL;
	/* Standard input that was redirected from the middle of a file starts there. */
	if (is_stdin && !source->is_stream && lseek(source->fd, 0, SEEK_CUR) != 0)
		source->is_stream = true;
	source->info.size = source->is_stream ? 0 : (uint64_t)st.st_size;
	return 0;
}

/* The name of a format inside another: these strings outlive the source. */
static const char *packed_format(const char *inner, const char *outer)
{
	static const char *const names[][6] = {
		{"pcap", "pcap, gzip", "pcap, zstd", "pcap, lz4", "pcap, xz", "pcap, bzip2"},
		{"pcap, ns", "pcap, ns, gzip", "pcap, ns, zstd", "pcap, ns, lz4", "pcap, ns, xz",
		 "pcap, ns, bzip2"},
		{"pcap, modified", "pcap, modified, gzip", "pcap, modified, zstd",
		 "pcap, modified, lz4", "pcap, modified, xz", "pcap, modified, bzip2"},
		{"pcapng", "pcapng, gzip", "pcapng, zstd", "pcapng, lz4", "pcapng, xz",
		 "pcapng, bzip2"},
	};
	const size_t len = strlen(inner);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i][0], inner) != 0)
			continue;
		for (size_t j = 1; j < 6; j++) {
			if (strcmp(names[i][j] + len + 2, outer) == 0)
				return names[i][j];
		}
	}
	return inner;
}

/* What was found in a compressed input is no capture, or none that is read from there. */
static int refuse_packed(struct source *source, const char *name, size_t nb_head, char *error,
			 size_t error_size)
{
	const char *const outer = unpacker_name(source->unpacker);
	const struct decompress_format *inner = decompress_detect(source->head, nb_head);
	const uint8_t *const p = source->head;
	char what[128];

	if (is_cut_header(source, nb_head, name, error, error_size))
		return -1;
	if (nb_head == 0)
		snprintf(error, error_size, "%s: expected a capture in %s, found nothing", name,
			 outer);
	else if (inner != NULL)
		snprintf(error, error_size,
			 "%s: expected a capture in %s, found %s: only one is decompressed", name,
			 outer, inner->name);
	else if (source->format_is_old)
		snprintf(
			error, error_size,
			"%s: expected pcap 2.4 or pcapng in %s, found an older pcap: decompress it "
			"first",
			name, outer);
	else if (foreign_format_tell(p, nb_head, what, sizeof(what)))
		snprintf(error, error_size, "%s: expected pcap or pcapng in %s, found %s", name,
			 outer, what);
	else
		snprintf(error, error_size,
			 "%s: not a capture: expected pcap or pcapng in %s, found %02x%02x%02x%02x",
			 name, outer, p[0], p[1], p[2], p[3]);
	return -1;
}

/* A compressed input: sniffs what is in it. Nothing but a pipe stays open. */
static int open_packed(const struct capture *capture, struct source *source,
		       const struct decompress_limits *limits, const char *name, size_t nb_head,
		       char *error, size_t error_size)
{
	uint8_t packed[sizeof(source->head)];
	uint64_t in_offset, out_bytes;
	bool is_pcap, is_pcapng;
	const char *why;
	ssize_t n;

	memcpy(packed, source->head, nb_head);
	memset(source->head, 0, sizeof(source->head));
	source->unpacker = unpacker_create(source->is_stream, limits);
	if (source->unpacker == NULL) {
		snprintf(error, error_size, "%s: out of memory", name);
		return -1;
	}
	n = unpacker_sniff(source->unpacker, source->fd, packed, nb_head, source->head,
			   sizeof(source->head));
	why = unpacker_error(source->unpacker, &in_offset, &out_bytes);
	is_pcap = n > 0 && sniff_pcap(source, source->head, (size_t)n);
	is_pcapng = n > 0 && !is_pcap && sniff_pcapng(source, source->head, (size_t)n);
	/* Of a whole head it is known that no capture begins there. */
	if (unpacker_no_memory(source->unpacker)) {
		snprintf(error, error_size, "%s: out of memory", name);
		return -1;
	}
	source->is_broken =
		why != NULL && !is_pcap && !is_pcapng && n < (ssize_t)sizeof(source->head);
	if (source->is_broken) {
		const uint64_t refused = unpacker_refused(source->unpacker);
		char hint[64];

		if (refused != 0)
			snprintf(error, error_size, "%s: %s %s%s", name,
				 unpacker_name(source->unpacker), why,
				 budget_hint(capture, refused + UNPACK_MEMORY, hint, sizeof(hint)));
		else
			snprintf(error, error_size, "%s: damaged at byte %" PRIu64 ": %s: %s", name,
				 in_offset, unpacker_name(source->unpacker), why);
		return -1;
	}
	source->nb_head = is_pcap ? 0 : (uint8_t)n;
	if (!is_pcap && !is_pcapng)
		return refuse_packed(source, name, (size_t)n, error, error_size);
	source->info.format = packed_format(source->info.format, unpacker_name(source->unpacker));
	if (!source->is_stream && source->fd != STDIN_FILENO)
		source_close_file(source);
	else if (!source->is_stream)
		unpacker_stop(source->unpacker);
	source->is_stream = true;
	return 0;
}

/* What is read in order and from the start only: not if it is compressed, or old. */
static int refuse_to_follow(struct source *source, const char *name, size_t nb_head, char *error,
			    size_t error_size)
{
	const struct decompress_format *packed = decompress_detect(source->head, nb_head);

	source->cannot_follow = packed != NULL;
	if (packed != NULL)
		snprintf(error, error_size,
			 "%s: --follow: expected pcap or pcapng, found %s: what is compressed "
			 "cannot be followed",
			 name, packed->name);
	else
		snprintf(error, error_size,
			 "%s: --follow: expected pcap 2.4 or pcapng, found %02x%02x%02x%02x at "
			 "byte 0",
			 name, source->head[0], source->head[1], source->head[2], source->head[3]);
	return -1;
}

int source_open(const struct capture *capture, struct source *source, size_t nb_inputs,
		const char *path, char *error, size_t error_size)
{
	struct decompress_limits limits = budget_limits(capture, nb_inputs);
	const char *name;
	ssize_t n;

	source->info.path = path;
	name = source_name(source);
	if (open_file(source, error, error_size) != 0)
		return -1;
	n = source->is_stream ? stream_read(NULL, source, source->head, sizeof(source->head),
					    sizeof(source->head))
			      : file_read(source->fd, source->head, sizeof(source->head), 0);
	if (n < 0) {
		snprintf(error, error_size, "%s: cannot read: %s", name, strerror((int)-n));
		return -1;
	}
	if (n == 0) {
		snprintf(error, error_size, "%s: expected a capture, found an empty file", name);
		return -1;
	}
	source->nb_head = (uint8_t)n;
	if (sniff_pcap(source, source->head, (size_t)n))
		source->nb_head = 0;
	else if (sniff_pcapng(source, source->head, (size_t)n))
		source->nb_head = source->is_stream ? source->nb_head : 0;
	else if (source->follow != NULL)
		return refuse_to_follow(source, name, (size_t)n, error, error_size);
	else if (decompress_detect(source->head, (size_t)n) != NULL ||
		 decompress_is_skippable(source->head, (size_t)n))
		return open_packed(capture, source, &limits, name, (size_t)n, error, error_size);
	else
		return open_with_libpcap(source, name, (size_t)n, error, error_size);
	if (!source->is_stream && source->fd != STDIN_FILENO)
		source_close(source);
	return 0;
}

void source_rest(struct source *source)
{
	/* The size of a pipe is 0. A decompressor goes on where it was. */
	const bool can_rest = source->is_stream ? source->is_lazy && source->unpacker != NULL &&
							  source->info.size != 0
						: true;
	int fd;

	if (!can_rest || source->fd <= STDIN_FILENO)
		return;
	fd = atomic_exchange(&source->fd, -1);
	(void)close(fd);
}

void source_close_file(struct source *source)
{
	const int fd = atomic_exchange(&source->fd, -1);

	if (source->unpacker != NULL && (fd >= 0 || source->is_lazy))
		unpacker_stop(source->unpacker);
	if (fd > STDIN_FILENO)
		(void)close(fd);
}

void source_close(struct source *source)
{
	source_close_file(source);
	unpacker_destroy(source->unpacker);
	source->unpacker = NULL;
	follow_destroy(source->follow);
	source->follow = NULL;
	free(source->kept);
	source->kept = NULL;
	if (source->pcap != NULL)
		pcap_close(source->pcap);
	source->pcap = NULL;
}
