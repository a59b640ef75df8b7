/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What inputs take beside chunks (definitions 2.8): what is told of it, what is refused, and in
 * which words. That the process stays within its memory: tests/e2e/input_memory.py.
 */

#define ZSTD_STATIC_LINKING_ONLY /* what the library itself says that it takes */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/capture_priv.h"
#include "capture/unpack.h"
#include "pack_support.h"

#define MIB (UINT64_C(1) << 20)
/* What a decoder says it needs once the first bytes came out. */
static uint64_t needs_of(void **state, const struct bytes *packed)
{
	char *path = write_file(state, "packed", packed);
	const int fd = open(path, O_RDONLY);
	struct decompressor d;
	uint64_t needs;
	uint8_t out[24];

	assert_true(fd >= 0);
	assert_true(decompressor_init(&d, fd, false, NULL, 0));
	assert_int_equal(decompressor_read(&d, out, sizeof(out)), sizeof(out));
	needs = decompressor_needs(&d);
	decompressor_fini(&d);
	close(fd);
	free(path);
	return needs;
}

static void zstd_needs_what_the_library_takes(void **state)
{
	struct bytes b = {0};

	put_plain(&b);
	for (int log = 10; log <= 27; log++) {
		const size_t takes = ZSTD_estimateDStreamSize((size_t)1 << log);
		struct bytes packed = {0};

		put_zstd_window(&packed, log, b.data, b.len);
		assert_in_range(needs_of(state, &packed), takes, takes + MIB);
		bytes_fini(&packed);
	}
	bytes_fini(&b);
}

/* A header that tells the content's length needs no window larger than that. */
static void zstd_needs_no_more_than_the_content(void **state)
{
	for (size_t len = 25; len < 4 * MIB; len = len * 7 + 1) {
		struct bytes b = {0}, packed = {0};

		put_zeros(&b, len);
		put_packed(&packed, PACK_ZSTD, b.data, b.len);
		assert_in_range(needs_of(state, &packed),
				ZSTD_estimateDStreamSize_fromFrame(packed.data, packed.len),
				len + MIB);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

/* ---- limits ---------------------------------------------------------------------------------- */

static uint64_t asked; /* of enough_of() */

static uint64_t enough_of(uint64_t bytes)
{
	asked = bytes;
	return 3072 * MIB;
}

static struct capture_params params_of(const char *const *path, uint64_t max_memory)
{
	return (struct capture_params){
		.paths = path,
		.nb_paths = 1,
		.chunk_size = 4096,
		.max_memory = max_memory,
		.enough = enough_of,
	};
}

/* A window of 16 MiB, half a MiB for the library, the queue in front of the cut. */
static void what_does_not_fit_is_refused_with_what_would_do(void **state)
{
	const uint64_t needs = 16 * MIB + MIB / 2, all = needs + UNPACK_MEMORY + 1024;
	struct bytes b = {0}, packed = {0};
	char error[512], want[512], *path;
	struct capture_params params;
	struct capture *capture;
	bool usage;

	put_plain(&b);
	put_zstd_window(&packed, 24, b.data, b.len);
	path = write_file(state, "packed", &packed);
	params = params_of((const char *const *)&path, all - 1);
	assert_null(capture_open(&params, error, sizeof(error), &usage));
	(void)snprintf(want, sizeof(want),
		       "%s: zstd needs 17 MiB of memory, there are 16 for it: --max-memory "
		       "3072MiB would do",
		       path);
	assert_string_equal(error, want);
	assert_false(usage);
	assert_int_equal(asked, needs + UNPACK_MEMORY);
	params = params_of((const char *const *)&path, all);
	capture = capture_open(&params, error, sizeof(error), &usage);
	assert_non_null(capture);
	assert_int_equal(capture_memory(capture), all);
	capture_close(capture);
	free(path);
	bytes_fini(&b);
	bytes_fini(&packed);
}

/* Pipes are all open at once, and their threads run before it is known what the others take. */
static void threads_of_all_pipes_share_a_quarter(void **state)
{
	const struct capture capture = {.max_memory = 400 * MIB + 4 * 1024};
	const struct decompress_limits limits = budget_limits(&capture, 4);

	(void)state;
	assert_int_equal(limits.max_bytes, 400 * MIB - UNPACK_MEMORY);
	assert_int_equal(limits.threads_bytes, 25 * MIB - UNPACK_MEMORY);
}

/* A quarter is there for any member; what is not compressed leaves all but its place. */
static void a_quarter_is_set_aside(void **state)
{
	for (int is_packed = 0; is_packed < 2; is_packed++) {
		struct bytes b = {0}, packed = {0};
		struct reading r;
		char *path;
		struct capture_params params;

		put_plain(&b);
		put_packed(&packed, PACK_GZIP, b.data, b.len);
		path = write_file(state, "packed", is_packed ? &packed : &b);
		params = params_of((const char *const *)&path, 400 * MIB + 1024);
		reading_open(&r, &params);
		assert_int_equal(capture_memory(r.capture), is_packed ? 100 * MIB + 1024 : 1024);
		reading_run(&r);
		assert_int_equal(r.nb_frames, PLAIN_RECORDS);
		reading_fini(&r);
		free(path);
		bytes_fini(&b);
		bytes_fini(&packed);
	}
}

/* 8 of 32 MiB for any member: what came before it is kept. */
static void a_later_member_that_needs_more_ends_the_input(void **state)
{
	struct bytes b = {0}, packed = {0};
	size_t first_len;
	char want[256];

	put_plain(&b);
	put_zstd_window(&packed, 20, b.data, PLAIN_BYTES - 2 * (16 + PLAIN_CAPLEN));
	first_len = packed.len;
	put_zstd_window(&packed, 24, b.data + PLAIN_BYTES - 2 * (16 + PLAIN_CAPLEN),
			2 * (16 + PLAIN_CAPLEN));
	(void)snprintf(want, sizeof(want),
		       "stopped at byte %zu decompressed: byte %zu of the zstd: needs 17 MiB of "
		       "memory, there are 3 for it: --max-memory 3072MiB would do",
		       (size_t)PLAIN_BYTES - 2 * (16 + PLAIN_CAPLEN), first_len);
	for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
		char *path = write_file(state, "packed", &packed);
		struct feeder *feeder = is_pipe ? feeder_start(state, "fifo", &packed) : NULL;
		const char *at = feeder != NULL ? feeder_path(feeder) : path;
		const struct capture_params params = params_of(&at, 32 * MIB + 1024);
		struct reading r;

		reading_open(&r, &params);
		reading_run(&r);
		assert_int_equal(r.nb_frames, PLAIN_RECORDS - 2);
		assert_int_equal(capture_totals(r.capture)->nb_damage, 1);
		assert_string_equal(capture_damage(r.capture, 0)->text, want);
		/* So that a quarter of what would do is enough. */
		assert_int_equal(asked, 4 * (16 * MIB + MIB / 2 + UNPACK_MEMORY));
		reading_fini(&r);
		if (feeder != NULL)
			feeder_stop(feeder);
		free(path);
	}
	bytes_fini(&b);
	bytes_fini(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zstd_needs_what_the_library_takes),
		cmocka_unit_test(zstd_needs_no_more_than_the_content),
		cmocka_unit_test(what_does_not_fit_is_refused_with_what_would_do),
		cmocka_unit_test(threads_of_all_pipes_share_a_quarter),
		cmocka_unit_test(a_quarter_is_set_aside),
		cmocka_unit_test(a_later_member_that_needs_more_ends_the_input),
	};

	return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
