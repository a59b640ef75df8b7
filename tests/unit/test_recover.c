/* SPDX-License-Identifier: BSD-3-Clause */

/* What a crash left becomes a whole file, or nothing; and tables that are made to hurt readers. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/arrow_priv.h"
#include "record/flatbuffer_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/record.h"

#define BATCH_ROWS 10
#define NB_BATCHES 4

/* ---- a small table ----------------------------------------------------- */

struct row {
	int64_t n;
	int8_t word;
	char text[16];
};

static const char *const words[] = {"yes", "no", NULL};

static const struct column columns[] = {
	{.name = "n", .type = COLUMN_INT64, .offset = offsetof(struct row, n), .help = "number"},
	{.name = "word",
	 .type = COLUMN_DICT,
	 .offset = offsetof(struct row, word),
	 .values = words,
	 .help = "word"},
	{.name = "text", .type = COLUMN_TEXT, .offset = offsetof(struct row, text), .help = "text"},
};

static const struct table_format format = {
	.name = "rows", .columns = columns, .nb_columns = 3, .row_size = sizeof(struct row)};

static const struct arrow_kv schema_kv[] = {{"program", "a test"}};

struct bed {
	char folder[64];
	char whole[128], part[128], made[128], temporary[160];
	uint8_t *data; /* of the whole file */
	size_t len;
	size_t ends[1 + NB_BATCHES]; /* of the dictionary, and of each batch */
};

static uint8_t *read_all(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	*len = (size_t)st.st_size;
	data = malloc(*len + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, *len, file), *len);
	fclose(file);
	return data;
}

static void write_all(const char *path, const uint8_t *data, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void append_batch(struct arrow_writer *writer, struct arrow_encoder *encoder, int first)
{
	struct arrow_message msg;

	for (int i = first; i < first + BATCH_ROWS; i++) {
		struct row row = {.n = INT64_C(0x0123456789abcd) * (i + 1), .word = i & 1};

		snprintf(row.text, sizeof(row.text), "t%d", i);
		arrow_encoder_append(encoder, &row, 1);
	}
	assert_int_equal(arrow_encoder_finish(encoder, &msg), 0);
	assert_int_equal(arrow_writer_append(writer, &msg), 0);
	free(msg.data);
}

static void write_whole(struct bed *bed)
{
	char error[256];
	struct arrow_encoder *encoder = arrow_encoder_create(&format, BATCH_ROWS);
	struct arrow_writer *writer =
		arrow_writer_open(bed->whole, &format, schema_kv, 1, error, sizeof(error));

	assert_non_null(encoder);
	assert_non_null(writer);
	bed->ends[0] = arrow_writer_bytes(writer);
	for (int i = 0; i < NB_BATCHES; i++) {
		append_batch(writer, encoder, i * BATCH_ROWS);
		bed->ends[i + 1] = arrow_writer_bytes(writer);
	}
	assert_int_equal(arrow_writer_commit(writer, NULL, 0), 0);
	arrow_encoder_destroy(encoder);
	bed->data = read_all(bed->whole, &bed->len);
}

static int setup(void **state)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct bed *bed = calloc(1, sizeof(*bed));

	if (!bed)
		return -1;
	snprintf(bed->folder, sizeof(bed->folder), "%s/test_recover.XXXXXX", base);
	if (!mkdtemp(bed->folder))
		return -1;
	snprintf(bed->whole, sizeof(bed->whole), "%s/whole.arrow", bed->folder);
	snprintf(bed->part, sizeof(bed->part), "%s/t.arrow.part", bed->folder);
	snprintf(bed->made, sizeof(bed->made), "%s/t.arrow", bed->folder);
	snprintf(bed->temporary, sizeof(bed->temporary), "%s.recovering", bed->made);
	write_whole(bed);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	int ret;

	unlink(bed->whole);
	unlink(bed->part);
	unlink(bed->made);
	ret = rmdir(bed->folder); /* nothing else was left in it */
	free(bed->data);
	free(bed);
	return ret;
}

/* ---- recovering -------------------------------------------------------- */

static size_t describe(void *context, const struct arrow_recovered *result,
		       struct arrow_kv kv[ARROW_RECOVERED_KV_MAX])
{
	(void)result;
	kv[0] = (struct arrow_kv){"recovered", context};
	return 1;
}

static char said[] = "so it is";

static int recover(struct bed *bed, struct arrow_recovered *result, char error[512])
{
	const int ret = arrow_recover(bed->part, bed->made, describe, said, result, error, 512);

	assert_int_not_equal(access(bed->temporary, F_OK), 0);
	return ret;
}

/* The file made is whole, holds the first nb batches as they were, and says what it is. */
static void expect_made(const struct bed *bed, int nb)
{
	char error[512];
	struct arrow_reader *reader = arrow_reader_open(bed->made, error, sizeof(error));
	const struct arrow_batch *batch;
	const struct arrow_kv *kv;
	size_t len, nb_kv;
	uint8_t *data = read_all(bed->made, &len);

	assert_non_null(reader);
	assert_true(len > bed->ends[nb]);
	assert_memory_equal(data, bed->data, bed->ends[nb]);
	assert_true(arrow_reader_is_complete(reader));
	kv = arrow_reader_footer(reader, &nb_kv);
	assert_int_equal(nb_kv, 1);
	assert_string_equal(kv[0].key, "recovered");
	assert_string_equal(kv[0].value, said);
	kv = arrow_reader_metadata(reader, &nb_kv);
	assert_int_equal(nb_kv, 1);
	assert_string_equal(kv[0].value, "a test");
	for (int i = 0; i < nb; i++) {
		assert_int_equal(arrow_reader_next(reader, &batch), 1);
		assert_int_equal(arrow_batch_nb_rows(batch), BATCH_ROWS);
		assert_int_equal(arrow_batch_int(batch, 0, 9),
				 INT64_C(0x0123456789abcd) * (i + 1) * BATCH_ROWS);
	}
	assert_int_equal(arrow_reader_next(reader, &batch), 0);
	arrow_reader_close(reader);
	free(data);
}

static void cut_anywhere_the_whole_batches_are_saved(void **state)
{
	struct bed *bed = *state;
	struct arrow_recovered result;
	char error[512];

	/* Behind the last batch there is a footer that is cut: all batches are whole. */
	for (size_t cut = 0; cut < bed->len; cut++) {
		int nb = 0;

		while (nb < NB_BATCHES && cut >= bed->ends[nb + 1])
			nb++;
		write_all(bed->part, bed->data, cut);
		if (nb == 0) {
			assert_int_equal(recover(bed, &result, error), -1);
			assert_int_not_equal(access(bed->made, F_OK), 0);
			assert_non_null(strstr(error, bed->part));
			continue;
		}
		assert_int_equal(recover(bed, &result, error), 0);
		assert_false(result.is_damaged);
		assert_int_equal(result.nb_batches, nb);
		assert_int_equal(result.nb_rows, nb * BATCH_ROWS);
		assert_int_equal(result.nb_bytes, bed->ends[nb]);
		if (cut == bed->ends[nb] || cut + 1 == bed->len)
			expect_made(bed, nb);
		assert_int_equal(unlink(bed->made), 0);
	}
}

static void damage_ends_what_is_saved(void **state)
{
	struct bed *bed = *state;
	struct arrow_recovered result;
	char error[512];

	bed->data[bed->ends[2]] ^= 0x55; /* where the third batch begins */
	write_all(bed->part, bed->data, bed->len);
	bed->data[bed->ends[2]] ^= 0x55;
	assert_int_equal(recover(bed, &result, error), 0);
	assert_true(result.is_damaged);
	assert_non_null(strstr(result.damage, "expected a message"));
	expect_made(bed, 2);
}

static void a_stream_becomes_a_file(void **state)
{
	struct bed *bed = *state;
	struct arrow_recovered result;
	char error[512];

	write_all(bed->part, bed->data + ARROW_MAGIC_LEN, bed->ends[3] - ARROW_MAGIC_LEN + 100);
	assert_int_equal(recover(bed, &result, error), 0);
	expect_made(bed, 3);
}

static void what_is_whole_is_left_alone(void **state)
{
	struct bed *bed = *state;
	struct arrow_recovered result;
	char error[512];

	write_all(bed->part, bed->data, bed->len);
	assert_int_equal(recover(bed, &result, error), -1);
	assert_non_null(strstr(error, "is whole"));
	assert_int_not_equal(access(bed->made, F_OK), 0);
}

static void what_is_there_is_not_overwritten(void **state)
{
	struct bed *bed = *state;
	struct arrow_recovered result;
	char error[512];
	uint8_t *data;
	size_t len;

	write_all(bed->part, bed->data, bed->ends[2]);
	write_all(bed->made, (const uint8_t *)"mine", 4);
	assert_int_equal(recover(bed, &result, error), -1);
	assert_non_null(strstr(error, "not overwritten"));
	data = read_all(bed->made, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "mine", 4);
	free(data);
	unlink(bed->made);

	/* Nor what another recovery is writing. */
	write_all(bed->temporary, (const uint8_t *)"yours", 5);
	assert_int_equal(
		arrow_recover(bed->part, bed->made, describe, said, &result, error, sizeof(error)),
		-1);
	assert_non_null(strstr(error, "File exists"));
	data = read_all(bed->temporary, &len);
	assert_memory_equal(data, "yours", 5);
	free(data);
	assert_int_equal(unlink(bed->temporary), 0);
	assert_int_not_equal(access(bed->made, F_OK), 0);
}

/* ---- tables made to hurt ----------------------------------------------- */

/* Reads to the end: 0, or -1 with what the reader says. */
static int read_table(const char *path, uint64_t *nb_rows, char error[512])
{
	struct arrow_reader *reader = arrow_reader_open(path, error, 512);
	const struct arrow_batch *batch;
	int ret;

	*nb_rows = 0;
	if (!reader)
		return -1;
	while ((ret = arrow_reader_next(reader, &batch)) == 1)
		*nb_rows += arrow_batch_nb_rows(batch);
	snprintf(error, 512, "%s", arrow_reader_error(reader));
	arrow_reader_close(reader);
	return ret;
}

struct numbers {
	int64_t n[3];
};

static const struct column number_columns[] = {
	{.name = "a", .type = COLUMN_INT64, .offset = 0, .help = "noise"},
	{.name = "b", .type = COLUMN_INT64, .offset = 8, .help = "always 1"},
	{.name = "c", .type = COLUMN_INT64, .offset = 16, .help = "always 2"},
};

static const struct table_format number_format = {
	.name = "numbers",
	.columns = number_columns,
	.nb_columns = 3,
	.row_size = sizeof(struct numbers),
};

/* A stream of one batch of 100 rows; the caller frees it. *batch is where its metadata begins. */
static uint8_t *make_numbers(size_t *len, size_t *batch)
{
	struct arrow_encoder *encoder = arrow_encoder_create(&number_format, 100);
	struct arrow_message schema, msg;
	uint8_t *data;

	assert_non_null(encoder);
	for (int i = 0; i < 100; i++) {
		const struct numbers row = {
			{(int64_t)((uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15)), 1, 2}};

		arrow_encoder_append(encoder, &row, 1);
	}
	assert_int_equal(arrow_encoder_finish(encoder, &msg), 0);
	assert_int_equal(arrow_schema_message(&number_format, NULL, 0, &schema), 0);
	*len = schema.len + msg.len;
	*batch = schema.len + ARROW_PREFIX_LEN;
	data = malloc(*len);
	assert_non_null(data);
	memcpy(data, schema.data, schema.len);
	memcpy(data + schema.len, msg.data, msg.len);
	free(schema.data);
	free(msg.data);
	arrow_encoder_destroy(encoder);
	return data;
}

/* Else a few bytes unpack to gigabytes, once for each of ten thousand columns. */
static void buffers_on_top_of_each_other_are_refused(void **state)
{
	struct bed *bed = *state;
	size_t len, at;
	uint8_t *data = make_numbers(&len, &at);
	struct flatview view = {.data = data + at, .len = len - at};
	const struct flatview_table message = flatview_root(&view);
	const struct flatview_table batch = flatview_sub(&view, &message, MESSAGE_HEADER);
	const struct flatview_vector buffers =
		flatview_elements(&view, &batch, BATCH_BUFFERS, ARROW_BUFFER_LEN);
	uint8_t *first = data + at + buffers.pos; /* validity and values of each column */
	uint64_t nb_rows;
	char error[512];

	assert_false(view.bad);
	assert_int_equal(buffers.nb, 6);
	write_all(bed->part, data, len);
	assert_int_equal(read_table(bed->part, &nb_rows, error), 0);
	assert_int_equal(nb_rows, 100);
	/* Each buffer alone is as right as before. */
	memcpy(first + 3 * ARROW_BUFFER_LEN, first + ARROW_BUFFER_LEN, ARROW_BUFFER_LEN);
	memcpy(first + 5 * ARROW_BUFFER_LEN, first + ARROW_BUFFER_LEN, ARROW_BUFFER_LEN);
	write_all(bed->part, data, len);
	assert_int_equal(read_table(bed->part, &nb_rows, error), -1);
	assert_int_equal(nb_rows, 0);
	assert_non_null(strstr(error, "on top of each other"));
	free(data);
}

/* A stream of a table without columns whose only batch claims to have rows. */
static void rows_of_nothing_are_refused(void **state)
{
	static const struct table_format nothing = {.name = "nothing"};
	struct bed *bed = *state;
	struct arrow_batch_places places;
	struct arrow_message schema;
	struct flatbuffer fb;
	uint64_t nb_rows;
	char error[512];
	uint8_t *data;
	size_t len;

	assert_int_equal(arrow_schema_message(&nothing, NULL, 0, &schema), 0);
	arrow_build_batch(&fb, &nothing, &places);
	flatbuffer_put(&fb, places.nb_rows, 1000000000, 8);
	len = schema.len + arrow_metadata_len(&fb);
	data = malloc(len);
	assert_non_null(data);
	memcpy(data, schema.data, schema.len);
	arrow_put_metadata(&fb, data + schema.len);
	write_all(bed->part, data, len);
	assert_int_equal(read_table(bed->part, &nb_rows, error), -1);
	assert_int_equal(nb_rows, 0);
	assert_non_null(strstr(error, "1000000000 rows"));
	free(data);
	free(schema.data);
	flatbuffer_fini(&fb);
}

/* The end of the stream is cut in half: what is behind it is the footer, no message's length. */
static void a_footer_is_not_read_as_a_message(void **state)
{
	struct bed *bed = *state;
	const size_t end = bed->ends[NB_BATCHES] + 4;
	uint64_t nb_rows;
	char error[512];

	memmove(bed->data + end, bed->data + end + 4, bed->len - end - 4);
	write_all(bed->part, bed->data, bed->len - 4);
	assert_int_equal(read_table(bed->part, &nb_rows, error), 0);
	assert_int_equal(nb_rows, NB_BATCHES * BATCH_ROWS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut_anywhere_the_whole_batches_are_saved),
		TEST(damage_ends_what_is_saved),
		TEST(a_stream_becomes_a_file),
		TEST(what_is_whole_is_left_alone),
		TEST(what_is_there_is_not_overwritten),
		TEST(buffers_on_top_of_each_other_are_refused),
		TEST(rows_of_nothing_are_refused),
		TEST(a_footer_is_not_read_as_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
