/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A file that is not in the page cache is read ahead of the chunks, and not all of it at
 * once. Needs a file system on a disk: what lies in memory cannot be dropped from there.
 */

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "capture_support.h"

#define MIB (1u << 20)
#define FILE_LEN (160u * MIB)
/* More than the kernel reads ahead for one reader in a row, on common settings. */
#define FAR_AHEAD (30u * MIB)
#define NB_CHUNKS 8

struct cold_file {
	char *path;
	int fd;
	uint8_t *map;
};

/* A pcap header and a hole: nothing here looks at the records. */
static struct cold_file make_cold_file(void **state)
{
	struct bytes b = {0};
	struct cold_file file;

	put_pcap_header(&b, MAGIC_US, 2, 4, 1);
	file.path = write_file(state, "cold.pcap", &b);
	bytes_fini(&b);
	file.fd = open(file.path, O_RDWR | O_CLOEXEC);
	assert_true(file.fd >= 0);
	assert_int_equal(ftruncate(file.fd, FILE_LEN), 0);
	file.map = mmap(NULL, FILE_LEN, PROT_READ, MAP_SHARED, file.fd, 0);
	assert_ptr_not_equal(file.map, MAP_FAILED);
	return file;
}

static void drop_from_cache(const struct cold_file *file)
{
	assert_int_equal(fsync(file->fd), 0);
	assert_int_equal(posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static void cold_file_fini(struct cold_file *file)
{
	munmap(file->map, FILE_LEN);
	close(file->fd);
	unlink(file->path);
	free(file->path);
}

static bool is_cached(const struct cold_file *file, size_t offset)
{
	unsigned char page;

	assert_int_equal(mincore(file->map + offset, 1, &page), 0);
	return (page & 1) != 0;
}

/* Reading ahead goes on while nobody waits for it. */
static bool becomes_cached(const struct cold_file *file, size_t offset)
{
	const struct timespec step = {.tv_nsec = 10000000};

	for (int i = 0; i < 1000 && !is_cached(file, offset); i++)
		nanosleep(&step, NULL);
	return is_cached(file, offset);
}

static bool is_on_disk(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
}

static struct capture *open_capture(const char *path)
{
	const struct capture_params params = {.paths = &path, .nb_paths = 1, .chunk_size = MIB};
	char error[256];
	bool usage;
	struct capture *capture = capture_open(&params, error, sizeof(error), &usage);

	assert_non_null(capture);
	return capture;
}

static void read_chunks(struct capture *capture, size_t nb)
{
	struct chunk chunk = {0};

	assert_int_equal(chunk_init(&chunk, capture), 0);
	for (size_t i = 0; i < nb; i++) {
		assert_true(capture_claim(capture, &chunk));
		capture_read(capture, &chunk);
		assert_int_equal(chunk.read_error, 0);
	}
	chunk_fini(&chunk);
}

static void the_disk_is_ahead_of_the_readers(void **state)
{
	const size_t read_to = NB_CHUNKS * MIB;
	struct cold_file file;
	struct capture *capture;

	if (!is_on_disk(*state)) {
		print_message("%s is not on a disk: not tested\n", (char *)*state);
		skip();
		return;
	}
	file = make_cold_file(state);
	capture = open_capture(file.path);
	drop_from_cache(&file);
	assert_false(is_cached(&file, read_to + FAR_AHEAD));
	read_chunks(capture, NB_CHUNKS);
	assert_true(becomes_cached(&file, read_to));
	assert_true(becomes_cached(&file, read_to + FAR_AHEAD));
	/* It is a window, and a run that stops has not read the file. */
	assert_false(is_cached(&file, FILE_LEN - MIB));
	capture_close(capture);
	cold_file_fini(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_disk_is_ahead_of_the_readers),
	};

	return cmocka_run_group_tests_name("reading ahead", tests, folder_setup, folder_teardown);
}
