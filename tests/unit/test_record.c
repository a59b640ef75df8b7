/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record room: what is written is read back, whatever the batch size; what
 * is cut or damaged is never taken for more than it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <tcpmill/arrow.h>
#include <tcpmill/record.h>
#include <tcpmill/segment.h>
#include <tcpmill/tcp_words.h>

/* ---- a table with every type, nullable and not ------------------------- */

struct row {
	int8_t i8, n8;
	int16_t i16, n16;
	int32_t i32, n32;
	int64_t i64, n64;
	uint16_t u16;
	int8_t flag, nflag;
	int64_t ts, nts;
	int8_t word, nword;
	char text[12], ntext[12];
	struct record_address ip, nip;
};

static const char *const words[] = {"zero", "", "two words", "drei", NULL};

#define COLUMN(member, type_, nullable_, ...)                                                      \
	{                                                                                          \
		.name = #member, .type = type_, .nullable = nullable_,                             \
		.offset = offsetof(struct row, member), .help = "help of " #member, __VA_ARGS__    \
	}

static const struct column row_columns[] = {
	COLUMN(i8, COLUMN_INT8, false, .unit = "ns"),
	COLUMN(n8, COLUMN_INT8, true, .zeek = "z", .ipfix = "i", .ecs = "e"),
	COLUMN(i16, COLUMN_INT16, false, .unit = NULL),
	COLUMN(n16, COLUMN_INT16, true, .unit = NULL),
	COLUMN(i32, COLUMN_INT32, false, .unit = NULL),
	COLUMN(n32, COLUMN_INT32, true, .unit = NULL),
	COLUMN(i64, COLUMN_INT64, false, .unit = NULL),
	COLUMN(n64, COLUMN_INT64, true, .unit = NULL),
	COLUMN(u16, COLUMN_UINT16, false, .unit = NULL),
	COLUMN(flag, COLUMN_BOOL, false, .unit = NULL),
	COLUMN(nflag, COLUMN_BOOL, true, .unit = NULL),
	COLUMN(ts, COLUMN_TIMESTAMP, false, .unit = NULL),
	COLUMN(nts, COLUMN_TIMESTAMP, true, .unit = NULL),
	COLUMN(word, COLUMN_DICT, false, .values = words),
	COLUMN(nword, COLUMN_DICT, true, .values = words),
	COLUMN(text, COLUMN_TEXT, false, .unit = NULL),
	COLUMN(ntext, COLUMN_TEXT, true, .unit = NULL),
	COLUMN(ip, COLUMN_ADDRESS, false, .unit = NULL),
	COLUMN(nip, COLUMN_ADDRESS, true, .unit = NULL),
};

#define NB_COLUMNS (sizeof(row_columns) / sizeof(row_columns[0]))

static const struct table_format row_format = {
	.name = "rows",
	.columns = row_columns,
	.nb_columns = NB_COLUMNS,
	.row_size = sizeof(struct row),
};

static const struct arrow_kv schema_kv[] = {{"program", "tcpmill"}, {"empty", ""}};
static const struct arrow_kv footer_kv[] = {{"books", "{\"frames\": 9}"}};

/* xorshift64: the same rows in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

enum nulls { NO_NULLS, SOME_NULLS, ALL_NULLS };

static struct record_address make_address(uint64_t *seed)
{
	struct record_address address = {.version = next_random(seed) & 1 ? 4 : 6};

	for (int i = 0; i < (address.version == 4 ? 4 : 16); i++)
		address.bytes[i] = (uint8_t)(next_random(seed) % 3 ? next_random(seed) : 0);
	return address;
}

/* A row of noise; one in nine values is one of the ends of its type. */
static struct row make_row(uint64_t *seed, enum nulls nulls)
{
	static const int64_t ends[] = {INT64_MAX, INT64_MIN + 1, -1, 0};
	const uint64_t n = next_random(seed);
	const int64_t value = n % 9 ? (int64_t)next_random(seed) : ends[n / 9 % 4];
	struct row row;

	memset(&row, 0, sizeof(row));
	row.i8 = row.n8 = n % 9 ? (int8_t)value : (int8_t)(value > 0 ? INT8_MAX : INT8_MIN + 1);
	row.i16 = row.n16 =
		n % 9 ? (int16_t)value : (int16_t)(value > 0 ? INT16_MAX : INT16_MIN + 1);
	row.i32 = row.n32 = n % 9 ? (int32_t)value : (value > 0 ? INT32_MAX : INT32_MIN + 1);
	row.i64 = row.n64 = row.ts = row.nts = value;
	row.u16 = n % 9 ? (uint16_t)value : UINT16_MAX;
	row.flag = row.nflag = (int8_t)(n >> 20 & 1);
	row.word = row.nword = (int8_t)(n >> 24 & 3);
	row.ip = row.nip = make_address(seed);
	for (size_t i = 0; i < n % sizeof(row.text); i++)
		row.text[i] = row.ntext[i] = (char)(1 + next_random(seed) % 255);
	if (row.ntext[0] == 0)
		row.ntext[0] = 'x';
	if (n % 11 == 0) { /* the lowest value is a value where nothing is null */
		row.i8 = INT8_MIN;
		row.i16 = INT16_MIN;
		row.i32 = INT32_MIN;
		row.i64 = row.ts = INT64_MIN;
	}
	if (nulls == ALL_NULLS || (nulls == SOME_NULLS && n >> 30 & 1)) {
		row.n8 = row.nflag = row.nword = RECORD_NULL_8;
		row.n16 = RECORD_NULL_16;
		row.n32 = RECORD_NULL_32;
		row.n64 = row.nts = RECORD_NULL_64;
		memset(row.ntext, 0, sizeof(row.ntext));
		memset(&row.nip, 0, sizeof(row.nip));
	}
	if (row.n8 == RECORD_NULL_8 && nulls == NO_NULLS)
		row.n8 = 1;
	if (row.n16 == RECORD_NULL_16 && nulls == NO_NULLS)
		row.n16 = 1;
	return row;
}

static struct row *make_rows(uint32_t nb, enum nulls nulls, uint64_t seed)
{
	struct row *rows = calloc(nb + 1u, sizeof(*rows));

	assert_non_null(rows);
	for (uint32_t i = 0; i < nb; i++)
		rows[i] = make_row(&seed, nulls);
	return rows;
}

/* ---- scratch files ----------------------------------------------------- */

struct scratch {
	char dir[64];
	char path[128], part[136];
};

static int setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	if (!scratch)
		return -1;
	snprintf(scratch->dir, sizeof(scratch->dir), "%s/test_record.XXXXXX", base);
	if (!mkdtemp(scratch->dir))
		return -1;
	snprintf(scratch->path, sizeof(scratch->path), "%s/t.arrow", scratch->dir);
	snprintf(scratch->part, sizeof(scratch->part), "%s.part", scratch->path);
	*state = scratch;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *scratch = *state;

	unlink(scratch->path);
	unlink(scratch->part);
	rmdir(scratch->dir);
	free(scratch);
	return 0;
}

static uint8_t *read_all(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	struct stat st;

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

/* ---- writing and comparing --------------------------------------------- */

static struct arrow_writer *open_writer(const char *path)
{
	char error[256] = "";
	struct arrow_writer *writer =
		arrow_writer_open(path, &row_format, schema_kv, 2, error, sizeof(error));

	if (!writer)
		fail_msg("%s", error);
	return writer;
}

/* Appends rows in batches of batch_size, given to the encoder in runs of run rows. */
static void write_rows(struct arrow_writer *writer, const struct row *rows, uint32_t nb,
		       uint32_t batch_size, uint32_t run)
{
	struct arrow_encoder *encoder = arrow_encoder_create(&row_format, batch_size);
	struct arrow_message msg;

	assert_non_null(encoder);
	for (uint32_t at = 0; at < nb;) {
		const uint32_t end = nb - at < batch_size ? nb : at + batch_size;
		const uint32_t nb_rows = end - at;

		while (at < end) {
			const uint32_t n = end - at < run ? end - at : run;

			arrow_encoder_append(encoder, rows + at, n);
			at += n;
		}
		assert_int_equal(arrow_encoder_finish(encoder, &msg), 0);
		assert_int_equal(msg.nb_rows, nb_rows);
		assert_int_equal(msg.len % 8, 0);
		assert_int_equal(arrow_writer_append(writer, &msg), 0);
		free(msg.data);
	}
	arrow_encoder_destroy(encoder);
}

static void write_file(const char *path, const struct row *rows, uint32_t nb, uint32_t batch_size,
		       uint32_t run)
{
	struct arrow_writer *writer = open_writer(path);

	write_rows(writer, rows, nb, batch_size, run);
	assert_int_equal(arrow_writer_commit(writer, footer_kv, 1), 0);
}

static void expect_int(const struct arrow_batch *batch, size_t column, uint32_t row, int64_t value,
		       bool is_null)
{
	assert_int_equal(arrow_batch_is_null(batch, column, row), is_null);
	if (arrow_batch_int(batch, column, row) != (is_null ? 0 : value))
		fail_msg("column %zu row %u: %lld, expected %lld", column, row,
			 (long long)arrow_batch_int(batch, column, row), (long long)value);
}

static void expect_text(const struct arrow_batch *batch, size_t column, uint32_t row,
			const char *value, bool is_null)
{
	size_t len;
	const char *text = arrow_batch_text(batch, column, row, &len);

	assert_int_equal(arrow_batch_is_null(batch, column, row), is_null);
	assert_int_equal(len, is_null ? 0 : strlen(value));
	assert_memory_equal(text, value, len);
}

static void expect_address(const struct arrow_batch *batch, size_t column, uint32_t row,
			   const struct record_address *address, bool is_null)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (address->version)
		assert_non_null(inet_ntop(address->version == 4 ? AF_INET : AF_INET6,
					  address->bytes, text, sizeof(text)));
	expect_text(batch, column, row, text, is_null);
}

static void expect_row(const struct arrow_batch *batch, uint32_t i, const struct row *row)
{
	expect_int(batch, 0, i, row->i8, false);
	expect_int(batch, 1, i, row->n8, row->n8 == RECORD_NULL_8);
	expect_int(batch, 2, i, row->i16, false);
	expect_int(batch, 3, i, row->n16, row->n16 == RECORD_NULL_16);
	expect_int(batch, 4, i, row->i32, false);
	expect_int(batch, 5, i, row->n32, row->n32 == RECORD_NULL_32);
	expect_int(batch, 6, i, row->i64, false);
	expect_int(batch, 7, i, row->n64, row->n64 == RECORD_NULL_64);
	expect_int(batch, 8, i, row->u16, false);
	expect_int(batch, 9, i, row->flag, false);
	expect_int(batch, 10, i, row->nflag, row->nflag == RECORD_NULL_8);
	expect_int(batch, 11, i, row->ts, false);
	expect_int(batch, 12, i, row->nts, row->nts == RECORD_NULL_64);
	expect_text(batch, 13, i, words[row->word], false);
	expect_text(batch, 14, i, row->nword < 0 ? "" : words[row->nword], row->nword < 0);
	expect_text(batch, 15, i, row->text, false);
	expect_text(batch, 16, i, row->ntext, row->ntext[0] == 0);
	expect_address(batch, 17, i, &row->ip, false);
	expect_address(batch, 18, i, &row->nip, row->nip.version == 0);
}

static struct arrow_reader *open_reader(const char *path)
{
	char error[256] = "";
	struct arrow_reader *reader = arrow_reader_open(path, error, sizeof(error));

	if (!reader)
		fail_msg("%s", error);
	return reader;
}

/* Reads to the end and compares; the number of batches. */
static uint32_t expect_rows(struct arrow_reader *reader, const struct row *rows, uint32_t nb)
{
	const struct arrow_batch *batch;
	uint32_t at = 0, nb_batches = 0;
	int ret;

	while ((ret = arrow_reader_next(reader, &batch)) == 1) {
		nb_batches++;
		assert_true(arrow_batch_nb_rows(batch) <= nb - at);
		for (uint32_t i = 0; i < arrow_batch_nb_rows(batch); i++)
			expect_row(batch, i, &rows[at + i]);
		at += arrow_batch_nb_rows(batch);
	}
	if (ret != 0)
		fail_msg("%s", arrow_reader_error(reader));
	assert_int_equal(at, nb);
	return nb_batches;
}

static void round_trip(struct scratch *scratch, uint32_t nb, uint32_t batch_size, uint32_t run,
		       enum nulls nulls)
{
	struct row *rows = make_rows(nb, nulls, 1 + nb);
	struct arrow_reader *reader;

	write_file(scratch->path, rows, nb, batch_size, run);
	reader = open_reader(scratch->path);
	assert_int_equal(expect_rows(reader, rows, nb), (nb + batch_size - 1) / batch_size);
	assert_true(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	free(rows);
}

/* ---- tests ------------------------------------------------------------- */

static void every_type_comes_back_at_every_batch_size(void **state)
{
	round_trip(*state, 20, 1, 1, SOME_NULLS);
	round_trip(*state, 100, 7, 7, SOME_NULLS);
	round_trip(*state, 100, 8, 8, SOME_NULLS);
	round_trip(*state, 2500, 1000, 512, SOME_NULLS);
	round_trip(*state, 70000, 65536, 512, SOME_NULLS);
}

static void runs_that_share_a_byte_of_validity_keep_their_bits(void **state)
{
	static const uint32_t runs[] = {1, 7, 8, 9, 63, 64, 65, 130};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		round_trip(*state, 777, 300, runs[i], SOME_NULLS);
}

static void columns_all_null_and_never_null_come_back(void **state)
{
	round_trip(*state, 1003, 500, 100, ALL_NULLS);
	round_trip(*state, 1003, 500, 100, NO_NULLS);
}

/* Rows that hold for a while: each column changes after about `hold` rows, all in one of 500. */
static struct row *make_slow_rows(uint32_t nb, uint64_t hold, enum nulls nulls, uint64_t seed)
{
	struct row *rows = make_rows(nb, nulls, seed);

	for (uint32_t i = 1; i < nb; i++) {
		if (next_random(&seed) % 500 == 0)
			continue;
		for (size_t c = 0; c < NB_COLUMNS; c++) {
			const size_t at = row_columns[c].offset;
			const size_t end =
				c + 1 < NB_COLUMNS ? row_columns[c + 1].offset : sizeof(struct row);

			if (next_random(&seed) % hold != 0)
				memcpy((char *)&rows[i] + at, (char *)&rows[i - 1] + at, end - at);
		}
	}
	return rows;
}

static void columns_that_seldom_change_come_back(void **state)
{
	static const uint64_t holds[] = {3, 70, 1000, 100000};
	struct scratch *scratch = *state;
	struct arrow_reader *reader;

	for (size_t h = 0; h < sizeof(holds) / sizeof(holds[0]); h++) {
		for (uint32_t run = 1; run <= 2048; run = run * 7 + 1) {
			struct row *rows = make_slow_rows(3001, holds[h], SOME_NULLS, 99 + h);

			write_file(scratch->path, rows, 3001, 1500, run);
			reader = open_reader(scratch->path);
			assert_int_equal(expect_rows(reader, rows, 3001), 3);
			arrow_reader_close(reader);
			free(rows);
		}
	}
}

static void a_table_without_rows_has_no_batch_and_is_complete(void **state)
{
	round_trip(*state, 0, 1000, 1, NO_NULLS);
}

static void an_empty_batch_reads_as_no_rows(void **state)
{
	struct scratch *scratch = *state;
	struct arrow_writer *writer = open_writer(scratch->path);
	struct arrow_encoder *encoder = arrow_encoder_create(&row_format, 8);
	struct arrow_message msg;
	struct arrow_reader *reader;

	assert_non_null(encoder);
	assert_int_equal(arrow_encoder_finish(encoder, &msg), 0);
	assert_int_equal(arrow_writer_append(writer, &msg), 0);
	free(msg.data);
	arrow_encoder_destroy(encoder);
	assert_int_equal(arrow_writer_commit(writer, NULL, 0), 0);
	reader = open_reader(scratch->path);
	assert_int_equal(expect_rows(reader, NULL, 0), 1);
	arrow_reader_close(reader);
}

static void encoder_refuses_impossible_sizes(void **state)
{
	(void)state;
	errno = 0;
	assert_null(arrow_encoder_create(&row_format, 0));
	assert_int_equal(errno, EINVAL);
	assert_null(arrow_encoder_create(&row_format, UINT32_MAX));
	arrow_encoder_destroy(NULL);
	arrow_writer_abandon(NULL);
	arrow_reader_close(NULL);
}

static void same_rows_give_same_bytes_however_they_are_appended(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(5000, SOME_NULLS, 5);
	uint8_t *one, *two;
	size_t len_one, len_two;

	write_file(scratch->path, rows, 5000, 1000, 512);
	one = read_all(scratch->path, &len_one);
	mallopt(M_PERTURB, 0x55); /* what memory held before must not show */
	write_file(scratch->path, rows, 5000, 1000, 9);
	mallopt(M_PERTURB, 0);
	two = read_all(scratch->path, &len_two);
	assert_int_equal(len_one, len_two);
	assert_memory_equal(one, two, len_one);
	free(one);
	free(two);
	free(rows);
}

static void fields_and_metadata_say_what_the_table_of_columns_says(void **state)
{
	struct scratch *scratch = *state;
	struct arrow_reader *reader;
	const struct arrow_field *field;
	const struct arrow_kv *kv;
	size_t nb;

	write_file(scratch->path, NULL, 0, 1, 1);
	reader = open_reader(scratch->path);
	assert_int_equal(arrow_reader_nb_fields(reader), NB_COLUMNS);
	for (size_t i = 0; i < NB_COLUMNS; i++) {
		field = arrow_reader_field(reader, i);
		assert_string_equal(field->name, row_columns[i].name);
		assert_int_equal(field->nullable, row_columns[i].nullable);
		assert_string_equal(field->metadata[0].key, "help");
		assert_string_equal(field->metadata[0].value, row_columns[i].help);
	}
	field = arrow_reader_field(reader, 1);
	assert_int_equal(field->nb_metadata, 4);
	assert_string_equal(field->metadata[3].key, "ecs");
	assert_string_equal(field->metadata[3].value, "e");
	assert_string_equal(arrow_reader_field(reader, 8)->type_name, "uint16");
	assert_string_equal(arrow_reader_field(reader, 9)->type_name, "bool");
	assert_string_equal(arrow_reader_field(reader, 11)->type_name, "timestamp[ns, UTC]");
	assert_string_equal(arrow_reader_field(reader, 13)->type_name, "dictionary<int8, utf8>");
	assert_string_equal(arrow_reader_field(reader, 15)->type_name, "utf8");
	assert_int_equal(arrow_reader_field(reader, 13)->kind, ARROW_TEXT);
	assert_int_equal(arrow_reader_find(reader, "nts"), 12);
	assert_int_equal(arrow_reader_find(reader, "none"), -1);
	kv = arrow_reader_metadata(reader, &nb);
	assert_int_equal(nb, 2);
	assert_string_equal(kv[0].value, "tcpmill");
	assert_string_equal(kv[1].value, "");
	kv = arrow_reader_footer(reader, &nb);
	assert_int_equal(nb, 1);
	assert_string_equal(kv[0].key, "books");
	assert_string_equal(kv[0].value, footer_kv[0].value);
	arrow_reader_close(reader);
}

static void addresses_are_written_as_inet_ntop_writes_them(void **state)
{
	static const char *const special[] = {
		"::",
		"::1",
		"1::",
		"::ffff:1.2.3.4",
		"::1.2.3.4",
		"1:0:0:2::3",
		"1::2:0:0:3:4:5",
		"2001:db8::1:0:0:1",
		"1:0:2:3:4:5:6:7",
		"::1:2:3:4:5:6:7",
		"fe80::a:b:c:d",
	};
	const uint32_t nb = 20000, nb_special = sizeof(special) / sizeof(special[0]);
	struct scratch *scratch = *state;
	struct row *rows = make_rows(nb, NO_NULLS, 77);
	struct arrow_reader *reader;
	uint64_t seed = 3;

	for (uint32_t i = 0; i < nb; i++) { /* runs of zero words */
		rows[i].ip.version = i % 256 < 128 ? 6 : 4;
		for (int b = 0; b < 16; b += 2)
			if (next_random(&seed) & 1)
				rows[i].ip.bytes[b] = rows[i].ip.bytes[b + 1] = 0;
	}
	for (uint32_t i = 0; i < nb_special; i++)
		assert_int_equal(inet_pton(AF_INET6, special[i], rows[i].ip.bytes), 1);
	for (uint32_t i = 0; i < 256; i++) { /* every octet */
		rows[nb_special + i].ip = (struct record_address){
			.bytes = {(uint8_t)i, 255, (uint8_t)i, (uint8_t)i}, .version = 4};
	}
	write_file(scratch->path, rows, nb, 8192, 512);
	reader = open_reader(scratch->path);
	expect_rows(reader, rows, nb);
	arrow_reader_close(reader);
	free(rows);
}

/* Where message i of a file begins; its end when it is not there. */
static size_t message_at(const uint8_t *data, size_t len, unsigned int i, size_t *nb)
{
	size_t at = 8;

	for (*nb = 0; *nb < i && at + 8 <= len; (*nb)++) {
		uint32_t metadata_len, root, slot_table;
		uint16_t slot;
		int32_t vtable;
		int64_t body_len;

		memcpy(&metadata_len, data + at + 4, 4);
		if (metadata_len == 0)
			break;
		memcpy(&root, data + at + 8, 4);
		slot_table = root;
		memcpy(&vtable, data + at + 8 + slot_table, 4);
		memcpy(&slot, data + at + 8 + slot_table - (size_t)vtable + 4 + 2 * 3, 2);
		memcpy(&body_len, data + at + 8 + slot_table + slot, 8);
		at += 8 + metadata_len + (size_t)body_len;
	}
	return at;
}

static void a_cut_file_gives_exactly_its_whole_batches(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(40, SOME_NULLS, 9);
	size_t len, nb, third, fourth, end;
	uint8_t *data;

	write_file(scratch->path, rows, 40, 10, 10);
	data = read_all(scratch->path, &len);
	message_at(data, len, 1000, &nb);
	assert_int_equal(nb, 1 + 2 + 4); /* schema, dictionaries, batches */
	third = message_at(data, len, 5, &nb);
	fourth = message_at(data, len, 6, &nb);
	end = message_at(data, len, 7, &nb);
	for (size_t cut = third; cut < len; cut++) {
		const uint32_t whole = cut < fourth ? 20 : cut < end ? 30 : 40;
		struct arrow_reader *reader;

		write_all(scratch->part, data, cut);
		reader = open_reader(scratch->part);
		assert_int_equal(expect_rows(reader, rows, whole), whole / 10);
		assert_false(arrow_reader_is_complete(reader));
		arrow_reader_close(reader);
	}
	free(data);
	free(rows);
}

static void a_message_whose_prefix_is_not_yet_written_is_the_end(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(40, SOME_NULLS, 9);
	struct arrow_reader *reader;
	size_t len, nb, fourth;
	uint8_t *data;

	write_file(scratch->path, rows, 40, 10, 10);
	data = read_all(scratch->path, &len);
	fourth = message_at(data, len, 6, &nb);
	memset(data + fourth, 0, 8);
	write_all(scratch->part, data, fourth + 200);
	reader = open_reader(scratch->part);
	assert_int_equal(expect_rows(reader, rows, 30), 3);
	assert_false(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	free(data);
	free(rows);
}

static void a_file_cut_inside_its_schema_is_refused(void **state)
{
	struct scratch *scratch = *state;
	size_t len, nb, schema_end;
	uint8_t *data;

	write_file(scratch->path, NULL, 0, 1, 1);
	data = read_all(scratch->path, &len);
	schema_end = message_at(data, len, 1, &nb);
	for (size_t cut = 0; cut < schema_end; cut++) {
		char error[256] = "";

		write_all(scratch->part, data, cut);
		assert_null(arrow_reader_open(scratch->part, error, sizeof(error)));
		assert_true(strlen(error) > 0);
	}
	free(data);
}

/* Touches every value, so that a sanitizer sees any that lies outside. */
static uint64_t read_everything(const char *path)
{
	char error[256];
	struct arrow_reader *reader = arrow_reader_open(path, error, sizeof(error));
	const struct arrow_batch *batch;
	uint64_t sum = 0;
	size_t len;

	if (!reader)
		return 0;
	while (arrow_reader_next(reader, &batch) == 1)
		for (size_t c = 0; c < arrow_reader_nb_fields(reader); c++)
			for (uint32_t i = 0; i < arrow_batch_nb_rows(batch); i++) {
				const char *text = arrow_batch_text(batch, c, i, &len);

				if (arrow_batch_is_null(batch, c, i))
					continue;
				sum += (uint64_t)arrow_batch_int(batch, c, i);
				for (size_t b = 0; b < len; b++)
					sum += (uint8_t)text[b];
			}
	arrow_reader_close(reader);
	return sum;
}

static void damaged_bytes_never_crash_the_reader(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(60, SOME_NULLS, 11);
	uint64_t seed = 20261122, sum = 0;
	size_t len;
	uint8_t *data;

	write_file(scratch->path, rows, 60, 20, 20);
	data = read_all(scratch->path, &len);
	for (int round = 0; round < 6000; round++) {
		uint8_t saved[8];
		size_t at[8];
		const size_t nb = 1 + next_random(&seed) % 8;

		for (size_t i = 0; i < nb; i++) {
			at[i] = next_random(&seed) % len;
			saved[i] = data[at[i]];
			data[at[i]] = (uint8_t)(next_random(&seed) & 1
							? saved[i] ^ 1u << next_random(&seed) % 8
							: next_random(&seed));
		}
		write_all(scratch->part, data, len);
		sum += read_everything(scratch->part);
		for (size_t i = nb; i-- > 0;)
			data[at[i]] = saved[i];
	}
	assert_int_not_equal(sum, 0); /* many damaged files can be read in part */
	free(data);
	free(rows);
}

static void damage_inside_a_batch_is_an_error_with_its_place(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(30, SOME_NULLS, 9);
	const struct arrow_batch *batch;
	struct arrow_reader *reader;
	size_t len, nb, second;
	char where[32];
	uint8_t *data;

	write_file(scratch->path, rows, 30, 10, 10);
	data = read_all(scratch->path, &len);
	second = message_at(data, len, 4, &nb);
	data[second] = 0x41; /* no marker */
	write_all(scratch->path, data, len);
	reader = open_reader(scratch->path);
	assert_int_equal(arrow_reader_next(reader, &batch), 1);
	assert_int_equal(arrow_reader_next(reader, &batch), -1);
	assert_null(batch);
	snprintf(where, sizeof(where), "byte %zu", second);
	assert_non_null(strstr(arrow_reader_error(reader), where));
	assert_int_equal(arrow_reader_next(reader, &batch), -1);
	assert_false(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	free(data);
	free(rows);
}

/* The prefix of a compressed buffer says one byte more, or less, than the frame holds. */
static void a_length_that_is_not_the_frames_is_damage(void **state)
{
	static const uint8_t lz4_magic[4] = {0x04, 0x22, 0x4d, 0x18};
	struct scratch *scratch = *state;
	struct row *rows = make_rows(1000, ALL_NULLS, 9);
	const struct arrow_batch *batch;
	size_t len, nb_frames = 0;
	uint8_t *data, *at;

	write_file(scratch->path, rows, 1000, 1000, 100);
	data = read_all(scratch->path, &len);
	at = data;
	while ((at = memmem(at, len - (size_t)(at - data), lz4_magic, 4)) != NULL) {
		for (int delta = -1; delta <= 1; delta += 2) {
			struct arrow_reader *reader;

			at[-8] = (uint8_t)(at[-8] + delta);
			write_all(scratch->part, data, len);
			at[-8] = (uint8_t)(at[-8] - delta);
			reader = open_reader(scratch->part);
			assert_int_equal(arrow_reader_next(reader, &batch), -1);
			arrow_reader_close(reader);
		}
		nb_frames++;
		at += 4;
	}
	assert_true(nb_frames > 10);
	free(data);
	free(rows);
}

static void bytes_that_do_not_shrink_are_stored_as_they_are(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(1000, NO_NULLS, 9);
	struct arrow_reader *reader;
	uint64_t seed = 4;
	uint8_t want[8 + 16];
	uint8_t *data;
	size_t len;

	for (int i = 0; i < 1000; i++)
		rows[i].i64 = (int64_t)next_random(&seed);
	memset(want, 0xff, 8);
	memcpy(want + 8, &rows[0].i64, 8);
	memcpy(want + 16, &rows[1].i64, 8);
	write_file(scratch->path, rows, 1000, 1000, 100);
	data = read_all(scratch->path, &len);
	assert_non_null(memmem(data, len, want, sizeof(want)));
	reader = open_reader(scratch->path);
	expect_rows(reader, rows, 1000);
	arrow_reader_close(reader);
	free(data);
	free(rows);
}

static void other_files_are_refused_with_a_reason(void **state)
{
	struct scratch *scratch = *state;
	char error[256] = "";

	assert_null(arrow_reader_open(scratch->path, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
	assert_null(arrow_reader_open(scratch->dir, error, sizeof(error)));
	assert_non_null(strstr(error, "Is a directory"));
	write_all(scratch->path, (const uint8_t *)"", 0);
	assert_null(arrow_reader_open(scratch->path, error, sizeof(error)));
	assert_non_null(strstr(error, "only 0 bytes"));
	write_all(scratch->path, (const uint8_t *)"\x0a\x0d\x0d\x0a lots of pcapng", 20);
	assert_null(arrow_reader_open(scratch->path, error, sizeof(error)));
	assert_non_null(strstr(error, "found 0a0d0d0a"));
}

static void output_appears_under_its_name_only_when_committed(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(10, SOME_NULLS, 2);
	struct arrow_writer *writer = open_writer(scratch->path);
	struct arrow_reader *reader;

	assert_string_equal(arrow_writer_path(writer), scratch->part);
	assert_false(arrow_writer_is_stream(writer));
	write_rows(writer, rows, 10, 5, 5);
	assert_int_not_equal(access(scratch->path, F_OK), 0);

	/* What is committed can be read while the writer lives, and after it died. */
	reader = open_reader(scratch->part);
	assert_int_equal(expect_rows(reader, rows, 10), 2);
	assert_false(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	arrow_writer_abandon(writer);
	assert_int_not_equal(access(scratch->path, F_OK), 0);
	assert_int_equal(access(scratch->part, F_OK), 0);

	write_file(scratch->path, rows, 10, 5, 5);
	assert_int_equal(access(scratch->path, F_OK), 0);
	assert_int_not_equal(access(scratch->part, F_OK), 0);
	free(rows);
}

static void unwritable_places_are_refused_with_a_reason(void **state)
{
	struct scratch *scratch = *state;
	char path[200], error[256] = "";

	assert_null(arrow_writer_open(scratch->dir, &row_format, NULL, 0, error, sizeof(error)));
	assert_non_null(strstr(error, "Is a directory"));
	snprintf(path, sizeof(path), "%s/none/t.arrow", scratch->dir);
	assert_null(arrow_writer_open(path, &row_format, NULL, 0, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file or directory"));
	assert_null(arrow_writer_open("", &row_format, NULL, 0, error, sizeof(error)));
	assert_null(arrow_writer_open("/proc/t.arrow", &row_format, NULL, 0, error, sizeof(error)));
	assert_non_null(strstr(error, "/proc/t.arrow.part: cannot write: "));
}

static void a_full_device_is_an_error_at_once(void **state)
{
	char error[256] = "";

	(void)state;
	assert_null(arrow_writer_open("/dev/full", &row_format, NULL, 0, error, sizeof(error)));
	assert_non_null(strstr(error, "No space left on device"));
}

static void a_full_disk_is_sticky_and_leaves_the_whole_batches(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(200, SOME_NULLS, 2);
	struct arrow_writer *writer = open_writer(scratch->path);
	struct arrow_encoder *encoder = arrow_encoder_create(&row_format, 100);
	struct arrow_message msg;
	struct arrow_reader *reader;
	struct rlimit old, limit;
	uint64_t committed;
	struct stat st;

	assert_non_null(encoder);
	write_rows(writer, rows, 100, 100, 100);
	arrow_encoder_append(encoder, rows + 100, 100);
	assert_int_equal(arrow_encoder_finish(encoder, &msg), 0);

	/* A size limit stands in for the full disk: a short write, then an error. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	committed = arrow_writer_bytes(writer);
	limit = old;
	limit.rlim_cur = committed + msg.len / 2;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(arrow_writer_append(writer, &msg), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(arrow_writer_append(writer, &msg), -EFBIG);
	assert_int_equal(arrow_writer_commit(writer, footer_kv, 1), -EFBIG);
	assert_int_equal(stat(scratch->part, &st), 0);
	assert_int_equal(st.st_size, committed);
	free(msg.data);
	arrow_encoder_destroy(encoder);

	assert_int_not_equal(access(scratch->path, F_OK), 0);
	reader = open_reader(scratch->part);
	assert_int_equal(expect_rows(reader, rows, 100), 1);
	assert_false(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	free(rows);
}

/* The kernel kills the child in the middle of its second batch. */
static void a_writer_killed_inside_a_message_leaves_zeros_at_its_start(void **state)
{
	static const uint8_t zeros[8] = {0};
	struct scratch *scratch = *state;
	struct row *rows = make_rows(200, SOME_NULLS, 2);
	struct arrow_reader *reader;
	size_t len, nb, second;
	uint8_t *data;
	pid_t child;
	int status;

	write_file(scratch->path, rows, 200, 100, 100);
	data = read_all(scratch->path, &len);
	second = message_at(data, len, 4, &nb);
	free(data);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit limit = {second + 1000, second + 1000};
		const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		setrlimit(RLIMIT_FSIZE, &limit);
		signal(SIGXFSZ, SIG_DFL);
		write_file(scratch->path, rows, 200, 100, 100);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	data = read_all(scratch->part, &len);
	assert_int_equal(len, second + 1000);
	assert_memory_equal(data + second, zeros, 8);
	reader = open_reader(scratch->part);
	assert_int_equal(expect_rows(reader, rows, 100), 1);
	assert_false(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	free(data);
	free(rows);
}

/* A FIFO is no regular file: a stream goes straight into it. */
static void a_fifo_carries_a_stream(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(3000, SOME_NULLS, 2);
	struct arrow_reader *reader;
	size_t nb;
	pid_t child;
	int status;

	assert_int_equal(mkfifo(scratch->path, 0600), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct arrow_writer *writer = open_writer(scratch->path);
		const bool is_stream = arrow_writer_is_stream(writer);

		write_rows(writer, rows, 3000, 1000, 512);
		_exit(arrow_writer_commit(writer, footer_kv, 1) == 0 && is_stream ? 0 : 1);
	}
	reader = open_reader(scratch->path);
	assert_int_equal(expect_rows(reader, rows, 3000), 3);
	assert_true(arrow_reader_is_complete(reader));
	assert_null(arrow_reader_footer(reader, &nb));
	arrow_reader_close(reader);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(rows);
}

/* "-" at both ends: writes to fd 1, reads from fd 0. */
static void standard_output_and_input_work_through_a_pipe(void **state)
{
	struct row *rows = make_rows(3000, SOME_NULLS, 2);
	struct arrow_reader *reader;
	int fds[2], saved, status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct arrow_writer *writer;

		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		writer = open_writer("-");
		write_rows(writer, rows, 3000, 1000, 512);
		_exit(arrow_writer_commit(writer, NULL, 0) == 0 ? 0 : 1);
	}
	close(fds[1]);
	saved = dup(STDIN_FILENO);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	reader = open_reader("-");
	assert_int_equal(expect_rows(reader, rows, 3000), 3);
	assert_true(arrow_reader_is_complete(reader));
	arrow_reader_close(reader);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(rows);
}

/* A whole file that comes through a pipe still gives its footer, after the last batch. */
static void a_file_through_a_pipe_gives_its_footer_at_the_end(void **state)
{
	struct scratch *scratch = *state;
	struct row *rows = make_rows(300, SOME_NULLS, 2);
	struct arrow_reader *reader;
	size_t len, nb;
	uint8_t *data;
	pid_t child;

	write_file(scratch->part, rows, 300, 100, 100);
	data = read_all(scratch->part, &len);
	assert_int_equal(mkfifo(scratch->path, 0600), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		write_all(scratch->path, data, len);
		_exit(0);
	}
	reader = open_reader(scratch->path);
	assert_false(arrow_reader_is_complete(reader));
	expect_rows(reader, rows, 300);
	assert_true(arrow_reader_is_complete(reader));
	assert_non_null(arrow_reader_footer(reader, &nb));
	assert_int_equal(nb, 1);
	arrow_reader_close(reader);
	waitpid(child, NULL, 0);
	free(data);
	free(rows);
}

/* ---- the flow table ---------------------------------------------------- */

static size_t nb_values(const char *const *values)
{
	size_t nb = 0;

	while (values[nb])
		nb++;
	return nb;
}

static void the_flow_table_is_whole(void **state)
{
	const struct table_format *format = flow_record_format();

	(void)state;
	assert_int_equal(format->row_size, sizeof(struct flow_record));
	for (size_t i = 0; i < format->nb_columns; i++) {
		const struct column *column = &format->columns[i];

		assert_true(column->help && strlen(column->help) > 0 && strlen(column->help) < 100);
		assert_int_equal(table_format_find(format, column->name), i);
		assert_true(column->offset < format->row_size);
		assert_int_equal(column->type == COLUMN_DICT, column->values != NULL);
		/* A unit in the name is the unit. */
		if (strlen(column->name) > 3 &&
		    strcmp(column->name + strlen(column->name) - 3, "_ns") == 0)
			assert_string_equal(column->unit, "ns");
		/* No two columns show the same member. */
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(column->offset, format->columns[k].offset);
	}
	assert_int_equal(table_format_find(format, "ts"), 0);
	assert_int_equal(table_format_find(format, "completeness"), format->nb_columns - 1);
	assert_int_equal(table_format_find(format, "nonsense"), -1);
}

static void every_word_has_a_name(void **state)
{
	(void)state;
	assert_int_equal(nb_values(handshake_names), NB_HANDSHAKES);
	assert_int_equal(nb_values(conn_state_names), NB_CONN_STATES);
	assert_int_equal(nb_values(end_reason_names), NB_END_REASONS);
	assert_int_equal(nb_values(verdict_names), NB_VERDICTS);
	assert_int_equal(nb_values(tunnel_names), NB_TUNNELS);
}

static void verdict_columns_follow_the_verdicts(void **state)
{
	const struct table_format *format = flow_record_format();

	(void)state;
	for (size_t v = 0; v < NB_COUNTED_VERDICTS; v++) {
		for (size_t side = 0; side < 2; side++) {
			char name[64];
			int i;

			snprintf(name, sizeof(name), "%c_%s", side ? 'r' : 'o', verdict_names[v]);
			i = table_format_find(format, name);
			assert_true(i >= 0);
			assert_int_equal(format->columns[i].offset,
					 offsetof(struct flow_record, side) +
						 side * sizeof(struct flow_record_side) +
						 offsetof(struct flow_record_side, verdicts) +
						 v * sizeof(int32_t));
			assert_true(format->columns[i].nullable);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_type_comes_back_at_every_batch_size),
		TEST(runs_that_share_a_byte_of_validity_keep_their_bits),
		TEST(columns_all_null_and_never_null_come_back),
		TEST(columns_that_seldom_change_come_back),
		TEST(a_table_without_rows_has_no_batch_and_is_complete),
		TEST(an_empty_batch_reads_as_no_rows),
		TEST(encoder_refuses_impossible_sizes),
		TEST(same_rows_give_same_bytes_however_they_are_appended),
		TEST(fields_and_metadata_say_what_the_table_of_columns_says),
		TEST(addresses_are_written_as_inet_ntop_writes_them),
		TEST(a_cut_file_gives_exactly_its_whole_batches),
		TEST(a_message_whose_prefix_is_not_yet_written_is_the_end),
		TEST(a_file_cut_inside_its_schema_is_refused),
		TEST(damaged_bytes_never_crash_the_reader),
		TEST(damage_inside_a_batch_is_an_error_with_its_place),
		TEST(a_length_that_is_not_the_frames_is_damage),
		TEST(bytes_that_do_not_shrink_are_stored_as_they_are),
		TEST(other_files_are_refused_with_a_reason),
		TEST(output_appears_under_its_name_only_when_committed),
		TEST(unwritable_places_are_refused_with_a_reason),
		TEST(a_full_device_is_an_error_at_once),
		TEST(a_full_disk_is_sticky_and_leaves_the_whole_batches),
		TEST(a_writer_killed_inside_a_message_leaves_zeros_at_its_start),
		TEST(a_fifo_carries_a_stream),
		TEST(standard_output_and_input_work_through_a_pipe),
		TEST(a_file_through_a_pipe_gives_its_footer_at_the_end),
		TEST(the_flow_table_is_whole),
		TEST(every_word_has_a_name),
		TEST(verdict_columns_follow_the_verdicts),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
