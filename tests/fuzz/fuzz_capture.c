/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The capture readers: the bytes are a file. FUZZ_PCAPNG: one that begins as pcapng, else one
 * that does not. Whatever is in it, chunks of any size and a pipe give the same frames, the
 * same flows and the same words about the damage.
 */

#include <string.h>

#include "capture/decompress.h"
#include "fuzz.h"
#include "pass.h"

#ifndef FUZZ_PCAPNG
#define FUZZ_PCAPNG 0
#endif

static void check_same(const struct pass *a, const struct pass *b)
{
	fuzz_check(a->is_open == b->is_open);
	fuzz_check(a->nb_frames == b->nb_frames);
	fuzz_check(pass_begins_alike(a, b, a->nb_frames));
	fuzz_check(a->records == b->records);
	fuzz_check_text(strcmp(a->damage, b->damage) == 0, b->damage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
	const bool is_pcapng = size >= 4 && memcmp(data, section, 4) == 0;
	struct pass whole = {0}, other = {0};
	struct fuzz_file file;

	/* What is compressed is another target's. */
	if (is_pcapng != FUZZ_PCAPNG || size > FUZZ_PIPE_MAX ||
	    decompress_detect(data, size) != NULL || decompress_is_skippable(data, size))
		return 0;
	fuzz_file_open(&file, data, size);
	pass_run(&whole, &(struct pass_params){file.path, PASS_WHOLE, true});
	pass_run(&other, &(struct pass_params){file.path, 4096, false});
	check_same(&whole, &other);
	fuzz_file_close(&file);
	/* libpcap reads old formats, and them from files only. */
	fuzz_pipe_open(&file, data, size);
	pass_run(&other, &(struct pass_params){file.path, 4096, false});
	if (other.is_open)
		check_same(&whole, &other);
	fuzz_file_close(&file);
	pass_fini(&whole);
	pass_fini(&other);
	return 0;
}
