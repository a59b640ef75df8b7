/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A fuzz target as a test: every file of the folders given, in the order of their names, goes
 * through it once; with --damage in front of the folders also cut at every byte, and with a bit of
 * every byte flipped. Folders that are not there are passed over: a target need not have any.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

/* A crash must say which file it was; seconds are bounded so that a hang is one, too. */
#define SECONDS_MAX 60

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "rb");
	size_t size = 0;

	if (file != NULL) {
		size = fread(data, 1, INPUT_MAX, file);
		(void)fclose(file);
	}
	return size;
}

/* The bytes in a block of their own size: what lies behind them is not to be read. */
static void run_bytes(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size != 0 ? size : 1);

	fuzz_check(exact != NULL);
	memcpy(exact, data, size);
	alarm(SECONDS_MAX);
	(void)LLVMFuzzerTestOneInput(exact, size);
	alarm(0);
	free(exact);
}

/* Cut at every byte, and with a bit of every byte flipped. */
static void run_damaged(uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size; at++) {
		const uint8_t bit = (uint8_t)(1u << at % 8);

		run_bytes(data, at);
		data[at] ^= bit;
		run_bytes(data, size);
		data[at] ^= bit;
	}
}

/* The number of inputs that were made of it. */
static unsigned long run_file(const char *path, bool damages)
{
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;

	fuzz_check(data != NULL);
	size = read_file(path, data);
	dprintf(STDERR_FILENO, "# %s\n", path);
	run_bytes(data, size);
	if (damages)
		run_damaged(data, size);
	free(data);
	return damages ? 1 + 2 * size : 1;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned long run_folder(const char *folder, bool damages)
{
	struct dirent **entries;
	const int nb = scandir(folder, &entries, is_visible, alphasort);
	unsigned long nb_run = 0;

	for (int i = 0; i < nb; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		nb_run += run_file(path, damages);
		free(entries[i]);
	}
	if (nb >= 0)
		free(entries);
	return nb_run;
}

int main(int argc, char **argv)
{
	const bool damages = argc > 1 && strcmp(argv[1], "--damage") == 0;
	unsigned long nb = 0;

	for (int i = 1 + damages; i < argc; i++)
		nb += run_folder(argv[i], damages);
	dprintf(STDERR_FILENO, "# %lu inputs\n", nb);
	if (nb == 0)
		dprintf(STDERR_FILENO, "%s: expected folders with inputs, found none\n", argv[0]);
	return nb == 0;
}
