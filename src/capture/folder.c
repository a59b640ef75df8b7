/* SPDX-License-Identifier: BSD-3-Clause */

/* The captures of a folder, found by what is in the files, in the order of their packets. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_priv.h"

/* One of the folder's captures. */
struct entry {
	char *path;
	int64_t first_ts_ns;
	bool has_packets;
};

struct listing {
	const char *folder;
	struct entry *entries;
	size_t nb, room;
	struct capture_folder *set;
	char *error;
	size_t error_size;
};

/* Cuts it until there is a packet. What it could not do is in errno. */
static enum capture_peeked find_packet(struct capture *capture, int64_t *first_ts_ns)
{
	enum capture_peeked peeked = CAPTURE_PEEKED_NOTHING;
	struct chunk chunk;

	if (chunk_init(&chunk, capture) != 0)
		return CAPTURE_PEEKED_FAILED;
	/* What lies behind the first packet is not needed yet. */
	atomic_store(&capture->sources[0].read_ahead, UINT64_MAX);
	capture->sources[0].is_lazy = true;
	while (peeked == CAPTURE_PEEKED_NOTHING && capture_claim(capture, &chunk)) {
		capture_read(capture, &chunk);
		if (capture_cut(capture, &chunk) != 0) {
			peeked = CAPTURE_PEEKED_FAILED;
		} else if (chunk.nb_frames != 0) {
			*first_ts_ns = chunk.frames[0].ts_ns;
			peeked = CAPTURE_PEEKED_PACKET;
		}
	}
	chunk_fini(&chunk);
	return peeked;
}

/* True if it was not the file's fault. */
static bool is_our_trouble(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE || error == EIO ||
	       error == EACCES;
}

static enum capture_peeked peek_within(const char *path, uint64_t max_memory, int64_t *first_ts_ns)
{
	const bool is_found = true;
	const struct capture_params params = {
		.paths = &path,
		.nb_paths = 1,
		.is_found = &is_found,
		.chunk_size = CAPTURE_MIN_CHUNK,
		.max_frames = 1,
		.max_memory = max_memory,
	};
	char error[CAPTURE_ERROR_SIZE];
	bool usage;
	enum capture_peeked peeked;
	struct capture *capture;
	int why;

	errno = 0;
	capture = capture_open(&params, error, sizeof(error), &usage);
	if (capture == NULL)
		return is_our_trouble(errno) ? CAPTURE_PEEKED_FAILED : CAPTURE_PEEKED_OTHER;
	peeked = find_packet(capture, first_ts_ns);
	why = errno;
	if (peeked == CAPTURE_PEEKED_NOTHING && is_our_trouble(why))
		peeked = CAPTURE_PEEKED_FAILED;
	if (peeked == CAPTURE_PEEKED_FAILED && !is_our_trouble(why))
		why = ENOMEM;
	capture_close(capture);
	errno = why;
	return peeked;
}

enum capture_peeked capture_peek(const char *path, int64_t *first_ts_ns)
{
	/* It looks at a few bytes: of a window no more is touched, however large it is. */
	const enum capture_peeked peeked = peek_within(path, UINT64_MAX, first_ts_ns);

	/* But one that is larger than the machine is no reason to do without the others. */
	if (peeked == CAPTURE_PEEKED_FAILED && errno == ENOMEM)
		return peek_within(path, 0, first_ts_ns);
	return peeked;
}

/* By time of the first packet, then by name; those without packets last. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->has_packets != y->has_packets)
		return x->has_packets ? -1 : 1;
	if (x->has_packets && x->first_ts_ns != y->first_ts_ns)
		return x->first_ts_ns < y->first_ts_ns ? -1 : 1;
	return strcmp(x->path, y->path);
}

static char *join(const char *folder, const char *name)
{
	const size_t len = strlen(folder);
	const char *slash = len != 0 && folder[len - 1] == '/' ? "" : "/";
	char *path;

	return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

enum { PASS_OVER, COUNT_AS_OTHER, LOOK_INSIDE };

/* LOOK_INSIDE of a regular file that can be read and is none that we write; or -errno. */
static int look_at(const char *path)
{
	/* Opening a pipe would wait for its writer. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[6] = "";
	struct stat st;
	int rc = PASS_OVER;

	if (fd < 0 && errno == ENXIO)
		return PASS_OVER; /* a socket */
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? COUNT_AS_OTHER : -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (S_ISREG(st.st_mode) && (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
					 memcmp(magic, "ARROW1", sizeof(magic)) != 0))
		rc = LOOK_INSIDE;
	(void)close(fd);
	return rc;
}

static int add(struct listing *listing, const struct entry *entry)
{
	if (listing->nb == listing->room) {
		const size_t room = listing->room == 0 ? 64 : listing->room * 2;
		struct entry *entries = realloc(listing->entries, room * sizeof(*entries));

		if (entries == NULL)
			return -ENOMEM;
		listing->entries = entries;
		listing->room = room;
	}
	listing->entries[listing->nb++] = *entry;
	return 0;
}

/* Looks inside. LOOK_INSIDE if it is a capture, damaged or not; COUNT_AS_OTHER; or -errno. */
static int peek(struct entry *entry)
{
	switch (capture_peek(entry->path, &entry->first_ts_ns)) {
	case CAPTURE_PEEKED_FAILED:
		return -errno;
	case CAPTURE_PEEKED_OTHER:
		return COUNT_AS_OTHER;
	case CAPTURE_PEEKED_PACKET:
		entry->has_packets = true;
		break;
	case CAPTURE_PEEKED_NOTHING:
		break;
	}
	return LOOK_INSIDE;
}

static void count_other(struct capture_folder *set, const char *name)
{
	if (set->nb_others++ == 0)
		snprintf(set->other, sizeof(set->other), "%s", name);
}

/* Takes path, which is malloc'ed, or frees it. 0 or -errno. */
static int take(struct listing *listing, char *path, const char *name)
{
	struct entry entry = {.path = path};
	int rc = path == NULL ? -ENOMEM : look_at(path);

	if (rc == LOOK_INSIDE)
		rc = peek(&entry);
	if (rc == LOOK_INSIDE) {
		rc = add(listing, &entry);
		if (rc == 0)
			return 0;
	}
	if (rc < 0)
		snprintf(listing->error, listing->error_size, "%s: cannot open: %s",
			 path != NULL ? path : name, strerror(-rc));
	else if (rc == COUNT_AS_OTHER)
		count_other(listing->set, name);
	free(path);
	return rc < 0 ? rc : 0;
}

static int list(struct listing *listing)
{
	DIR *folder = opendir(listing->folder);
	const struct dirent *entry;
	int rc = 0;

	if (folder == NULL) {
		snprintf(listing->error, listing->error_size, "%s: cannot open: %s",
			 listing->folder, strerror(errno));
		return -1;
	}
	while (rc == 0 && (errno = 0, entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.')
			rc = take(listing, join(listing->folder, entry->d_name), entry->d_name);
	}
	if (rc == 0 && entry == NULL && errno != 0) {
		snprintf(listing->error, listing->error_size, "%s: cannot read: %s",
			 listing->folder, strerror(errno));
		rc = -1;
	}
	(void)closedir(folder);
	return rc;
}

/* Hands the sorted paths over to the set. */
static int finish(struct listing *listing)
{
	struct capture_folder *set = listing->set;

	if (listing->nb == 0) {
		snprintf(listing->error, listing->error_size,
			 "%s: expected captures in the folder, found none%s", listing->folder,
			 set->nb_others != 0 ? " (other files only)" : "");
		return -1;
	}
	set->paths = calloc(listing->nb, sizeof(*set->paths));
	if (set->paths == NULL) {
		snprintf(listing->error, listing->error_size, "out of memory");
		return -1;
	}
	qsort(listing->entries, listing->nb, sizeof(*listing->entries), compare);
	for (; set->nb < listing->nb; set->nb++) {
		set->paths[set->nb] = listing->entries[set->nb].path;
		listing->entries[set->nb].path = NULL;
	}
	return 0;
}

int capture_folder_list(const char *folder, struct capture_folder *set, char *error,
			size_t error_size)
{
	struct listing listing = {
		.folder = folder, .set = set, .error = error, .error_size = error_size};
	int rc;

	*set = (struct capture_folder){0};
	rc = list(&listing);
	if (rc == 0)
		rc = finish(&listing);
	for (size_t i = 0; i < listing.nb; i++)
		free(listing.entries[i].path);
	free(listing.entries);
	return rc == 0 ? 0 : -1;
}

void capture_folder_free(struct capture_folder *set)
{
	for (size_t i = 0; i < set->nb; i++)
		free(set->paths[i]);
	free(set->paths);
	*set = (struct capture_folder){0};
}
