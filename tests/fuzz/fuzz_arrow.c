/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The reader of our own files, and show and recover on top of it: the first byte chooses what is
 * done, the rest is the file. Whoever wrote it, it is read to its end or refused in one line; and
 * what was recovered is whole.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "fuzz.h"
#include "tcpmill/arrow.h"

/* The arguments of show, in place of the reader alone (0). */
static const char *const pages[][8] = {
	{NULL},
	{"--width=100"},
	{"--format=json"},
	{"--format=tsv", "--sort=packets"},
	{"--format=csv", "--columns=flow,packets,bytes,anomalies"},
	{"--schema"},
	{"--books"},
	{"--by=dst_port,handshake"},
	{"--by=verdict,cause"},
	{"--wireshark"},
	{"--stream=0"},
	{"--where=packets > 1", "--where=ip in 10.0.0.0/8", "--top=2"},
	{"--sort=+ts", "--top=3", "--width=0"},
};
#define NB_PAGES (sizeof(pages) / sizeof(pages[0]))

static uint64_t read_batch(const struct arrow_reader *reader, const struct arrow_batch *batch)
{
	uint64_t digest = FUZZ_DIGEST_START;

	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		for (uint32_t row = 0; row < arrow_batch_nb_rows(batch); row++) {
			const bool is_null = arrow_batch_is_null(batch, i, row);
			const int64_t number = arrow_batch_int(batch, i, row);
			size_t len;
			const char *text = arrow_batch_text(batch, i, row, &len);

			digest = fuzz_digest(digest, &is_null, sizeof(is_null));
			digest = fuzz_digest(digest, &number, sizeof(number));
			digest = fuzz_digest(digest, text, len);
		}
	}
	return digest;
}

static void check_strings(const struct arrow_kv *kv, size_t nb)
{
	for (size_t i = 0; i < nb; i++)
		fuzz_check(kv[i].key != NULL && kv[i].value != NULL &&
			   strlen(kv[i].key) + strlen(kv[i].value) < SIZE_MAX / 2);
}

/* Everything that the reader tells of the table is there to be looked at. */
static void check_table(const struct arrow_reader *reader)
{
	const struct arrow_kv *kv;
	size_t nb;

	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		const struct arrow_field *field = arrow_reader_field(reader, i);

		fuzz_check(field->kind <= ARROW_TEXT && strlen(field->type_name) > 0);
		fuzz_check(arrow_reader_find(reader, field->name) <= (int)i);
		check_strings(field->metadata, field->nb_metadata);
	}
	kv = arrow_reader_metadata(reader, &nb);
	check_strings(kv, nb);
	kv = arrow_reader_footer(reader, &nb);
	check_strings(kv, nb);
}

static void check_said(const char *error)
{
	fuzz_check(*error != '\0');
	fuzz_check_text(strchr(error, '\n') == NULL, error);
}

static uint64_t read_table(const char *path)
{
	uint64_t digest = FUZZ_DIGEST_START, of_batch;
	const struct arrow_batch *batch;
	char error[512] = "";
	struct arrow_reader *reader = arrow_reader_open(path, error, sizeof(error));
	int rc;

	if (reader == NULL) {
		check_said(error);
		return 0;
	}
	check_table(reader);
	while ((rc = arrow_reader_next(reader, &batch)) == 1) {
		of_batch = read_batch(reader, batch);
		digest = fuzz_digest(digest, &of_batch, sizeof(of_batch));
	}
	fuzz_check(rc == 0 || rc == -1);
	fuzz_check(rc == 0 || !arrow_reader_is_complete(reader));
	if (rc == -1)
		check_said(arrow_reader_error(reader));
	check_table(reader);
	arrow_reader_close(reader);
	return digest;
}

/* No byte of the file ends a line or steers a terminal; but raw values for machines may. */
static void check_shown(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)text[i];

		fuzz_check_text((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t', text);
	}
}

/* What is shown goes to memory: glibc lets both streams be set. */
static void show(const char *path, const char *const *page)
{
	const bool is_raw = strstr(*page, "=csv") != NULL || strstr(*page, "=tsv") != NULL;
	char words[8][64] = {"show"}, *argv[9] = {words[0]}, *texts[2] = {NULL, NULL};
	FILE *const out = stdout, *const err = stderr;
	int argc = 1, status;
	size_t sizes[2];

	for (; *page != NULL; page++, argc++) {
		snprintf(words[argc], sizeof(words[argc]), "%s", *page);
		argv[argc] = words[argc];
	}
	snprintf(words[argc], sizeof(words[argc]), "%s", path);
	argv[argc] = words[argc];
	stdout = open_memstream(&texts[0], &sizes[0]);
	stderr = open_memstream(&texts[1], &sizes[1]);
	fuzz_check(stdout != NULL && stderr != NULL);
	status = cmd_show(argc + 1, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = out;
	stderr = err;
	fuzz_check(status == EXIT_OK || status == EXIT_FAILED || status == EXIT_USAGE ||
		   status == EXIT_DAMAGED);
	fuzz_check((status == EXIT_OK) || sizes[1] != 0);
	if (!is_raw)
		check_shown(texts[0], sizes[0]);
	check_shown(texts[1], sizes[1]);
	free(texts[0]);
	free(texts[1]);
}

static size_t describe(void *context, const struct arrow_recovered *result,
		       struct arrow_kv kv[ARROW_RECOVERED_KV_MAX])
{
	(void)context, (void)result;
	kv[0] = (struct arrow_kv){"recovered", "true"};
	return 1;
}

static void check_recovered(const char *path, const struct arrow_recovered *result)
{
	const struct arrow_batch *batch;
	char error[512] = "";
	struct arrow_reader *reader = arrow_reader_open(path, error, sizeof(error));
	uint64_t nb_rows = 0, nb_batches = 0;
	int rc;

	fuzz_check_text(reader != NULL, error);
	while ((rc = arrow_reader_next(reader, &batch)) == 1) {
		nb_rows += arrow_batch_nb_rows(batch);
		nb_batches++;
	}
	fuzz_check_text(rc == 0, arrow_reader_error(reader));
	fuzz_check(arrow_reader_is_complete(reader));
	fuzz_check(nb_rows == result->nb_rows && nb_batches == result->nb_batches);
	arrow_reader_close(reader);
}

static void recover(const char *path)
{
	struct arrow_recovered result;
	char to[64], error[512] = "";

	snprintf(to, sizeof(to), "/dev/shm/fuzz-recover-%d", (int)getpid());
	if (arrow_recover(path, to, describe, NULL, &result, error, sizeof(error)) != 0) {
		check_said(error);
		fuzz_check(access(to, F_OK) != 0);
		return;
	}
	check_recovered(to, &result);
	fuzz_check(unlink(to) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_file file;
	uint64_t digest;
	size_t page;

	if (size < 1 || size > FUZZ_PIPE_MAX)
		return 0;
	page = data[0] % (NB_PAGES + 1);
	fuzz_file_open(&file, data + 1, size - 1);
	if (page != 0) {
		if (page < NB_PAGES)
			show(file.path, pages[page]);
		else
			recover(file.path);
		fuzz_file_close(&file);
		return 0;
	}
	digest = read_table(file.path);
	fuzz_check(digest == read_table(file.path));
	fuzz_file_close(&file);
	fuzz_pipe_open(&file, data + 1, size - 1);
	(void)read_table(file.path);
	fuzz_file_close(&file);
	return 0;
}
