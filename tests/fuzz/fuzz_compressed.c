/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Compressed input: the bytes are a file. What comes out does not depend on how much is asked for
 * at a time, nor on whether it is a file or a pipe, nor on the number of threads; damage is told
 * in words; and a capture in it reads the same both ways, with the decompressor's own thread.
 */

#include <stdlib.h>
#include <string.h>

#include "capture/decompress.h"
#include "fuzz.h"
#include "pass.h"

/* Out of a few bytes can come gigabytes: so much is looked at. */
#define OUT_MAX (1u << 20)

struct outcome {
	uint8_t *out; /* [OUT_MAX] */
	size_t nb_bytes;
	uint64_t taken;
	char error[160];
};

static void decompress(struct outcome *outcome, const struct fuzz_file *file, bool is_pipe,
		       size_t step, uint32_t nb_threads)
{
	struct decompressor d;
	ssize_t n = 0;

	*outcome = (struct outcome){.out = malloc(OUT_MAX)};
	fuzz_check(outcome->out != NULL && decompressor_init(&d, file->fd, is_pipe, NULL, 0));
	d.limits.nb_threads = nb_threads;
	while (outcome->nb_bytes < OUT_MAX) {
		const size_t left = OUT_MAX - outcome->nb_bytes, room = left < step ? left : step;

		n = decompressor_read(&d, outcome->out + outcome->nb_bytes, room);
		if (n <= 0)
			break;
		fuzz_check((size_t)n <= room);
		outcome->nb_bytes += (size_t)n;
	}
	fuzz_check(d.out_bytes == outcome->nb_bytes);
	fuzz_check((n < 0) == (d.error[0] != '\0') || outcome->nb_bytes == OUT_MAX);
	memcpy(outcome->error, d.error, sizeof(outcome->error));
	outcome->taken = decompressor_taken(&d);
	decompressor_fini(&d);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
	fuzz_check(a->nb_bytes == b->nb_bytes);
	fuzz_check(memcmp(a->out, b->out, a->nb_bytes) == 0);
	/* Where it was cut off here is not where it ends. */
	if (a->nb_bytes == OUT_MAX)
		return;
	fuzz_check_text(strcmp(a->error, b->error) == 0, b->error);
	fuzz_check(a->taken == b->taken);
}

static bool is_capture(const struct outcome *outcome)
{
	static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
	static const uint8_t us[4] = {0xd4, 0xc3, 0xb2, 0xa1};

	return outcome->nb_bytes >= 24 && outcome->nb_bytes < OUT_MAX &&
	       (memcmp(outcome->out, section, 4) == 0 || memcmp(outcome->out, us, 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces, piped;
	struct pass pass = {0}, other = {0};
	struct fuzz_file file, from;

	if (size < 4 || size > FUZZ_PIPE_MAX || decompress_detect(data, size) == NULL)
		return 0;
	fuzz_file_open(&file, data, size);
	decompress(&whole, &file, false, OUT_MAX, 1);
	decompress(&pieces, &file, false, 1 + data[size - 1], 1);
	check_same(&whole, &pieces);
	fuzz_pipe_open(&from, data, size);
	decompress(&piped, &from, true, 4096, 1 + data[size - 1] % 4);
	check_same(&whole, &piped);
	fuzz_file_close(&from);
	if (is_capture(&whole)) {
		pass_run(&pass, &(struct pass_params){file.path, PASS_WHOLE, true});
		pass_run(&other, &(struct pass_params){file.path, 4096, false});
		fuzz_check(pass.is_open == other.is_open && pass.nb_frames == other.nb_frames);
		fuzz_check(pass_begins_alike(&pass, &other, pass.nb_frames));
		fuzz_check(pass.records == other.records);
		fuzz_check_text(strcmp(pass.damage, other.damage) == 0, other.damage);
	}
	fuzz_file_close(&file);
	free(whole.out);
	free(pieces.out);
	free(piped.out);
	pass_fini(&pass);
	pass_fini(&other);
	return 0;
}
