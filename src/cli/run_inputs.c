/* SPDX-License-Identifier: BSD-3-Clause */

/* The inputs of a run: folders give way to the captures that are in them. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "run_common.h"
#include "tcpmill/capture.h"
#include "text.h"

static bool is_folder(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One line about files that are no captures: whoever expected one looks there. */
static void tell_others(const char *folder, const struct capture_folder *set)
{
	char name[3 * sizeof(set->other)]; /* nobody typed it: it may have escape sequences */

	text_clean(name, sizeof(name), set->other, strlen(set->other));
	fprintf(stderr, "tcpmill: %s: %s capture%s; passed over %s file%s that %s (%s%s)\n", folder,
		text_ucount(set->nb).s, set->nb == 1 ? "" : "s", text_ucount(set->nb_others).s,
		set->nb_others == 1 ? "" : "s", set->nb_others == 1 ? "is none" : "are none", name,
		set->nb_others == 1 ? "" : " ...");
}

/* Lists the folder and appends it to options->folders. */
static struct capture_folder *list_folder(struct run_options *options, const char *path)
{
	struct capture_folder *set = &options->folders[options->nb_folders];
	char error[CAPTURE_ERROR_SIZE];

	if (capture_folder_list(path, set, error, sizeof(error)) != 0) {
		run_print_error(error);
		capture_folder_free(set);
		return NULL;
	}
	options->nb_folders++;
	if (set->nb_others != 0 && !options->quiet)
		tell_others(path, set);
	return set;
}

/* Puts the folder's captures in the place of paths[at]. False without memory. */
static bool put_in_place(struct run_options *options, size_t at, const struct capture_folder *set)
{
	const size_t behind = options->nb_paths - at - 1;
	const size_t nb = options->nb_paths + set->nb;
	const char **paths = realloc(options->paths, nb * sizeof(*paths));
	bool *is_found;

	if (paths == NULL)
		return false;
	options->paths = paths;
	is_found = realloc(options->is_found, nb * sizeof(*is_found));
	if (is_found == NULL)
		return false;
	options->is_found = is_found;
	memmove(&paths[at + set->nb], &paths[at + 1], behind * sizeof(*paths));
	memmove(&is_found[at + set->nb], &is_found[at + 1], behind * sizeof(*is_found));
	for (size_t i = 0; i < set->nb; i++) {
		paths[at + i] = set->paths[i];
		is_found[at + i] = true;
	}
	options->nb_paths += set->nb - 1;
	return true;
}

int run_inputs_expand(struct run_options *options)
{
	options->folders = calloc(options->nb_paths, sizeof(*options->folders));
	options->is_found = calloc(options->nb_paths, sizeof(*options->is_found));
	if (options->folders == NULL || options->is_found == NULL)
		goto no_memory;
	for (size_t at = 0; at < options->nb_paths;) {
		const struct capture_folder *set;

		if (!is_folder(options->paths[at])) {
			at++;
			continue;
		}
		set = list_folder(options, options->paths[at]);
		if (set == NULL)
			return EXIT_FAILED;
		if (!put_in_place(options, at, set))
			goto no_memory;
		at += set->nb;
	}
	return OPTIONS_GO_ON;
no_memory:
	fputs("tcpmill: out of memory\n", stderr);
	return EXIT_FAILED;
}

void run_inputs_free(struct run_options *options)
{
	for (size_t i = 0; i < options->nb_folders; i++)
		capture_folder_free(&options->folders[i]);
	free(options->folders);
	free(options->is_found);
}
