/* SPDX-License-Identifier: BSD-3-Clause */

/* See small_table.h. */

#include "small_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tcpmill/arrow.h"
#include "tcpmill/record.h"
#include "tcpmill/tcp_words.h"

static const char *const names[] = {
	"ts",        "duration_ns", "src_ip", "dst_ip",     "src_port", "dst_port",
	"vlan",      "stream",      "tfo",    "end_reason", "history",  "syn_rtt_ns",
	"midstream", "handshake",   "o_pkts", "r_pkts",     "o_bytes",  "r_bytes",
};
#define NB_COLUMNS (sizeof(names) / sizeof(names[0]))

static const struct flow_record rows[] = {
	{
		.ts_ns = INT64_C(1700000000000000000),
		.duration_ns = 1500000000,
		.src = {.bytes = {10, 0, 0, 1}, .version = 4},
		.dst = {.bytes = {192, 0, 2, 7}, .version = 4},
		.src_port = 40000,
		.dst_port = 80,
		.vlan = RECORD_NULL_16,
		.syn_rtt_ns = 20000000,
		.tfo = 1,
		.history = "ShADadFf",
		.side = {{.pkts = 5, .bytes = 1000}, {.pkts = 4, .bytes = INT64_C(1) << 40}},
	},
	{
		.ts_ns = 0,
		.duration_ns = INT64_MAX,
		.src = {.bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, .version = 6},
		.dst = {.bytes = {[15] = 1}, .version = 6},
		.src_port = 65535,
		.dst_port = 0,
		.vlan = 4095,
		.stream = INT64_MAX,
		.handshake = HANDSHAKE_MIDSTREAM,
		.end_reason = END_OF_INPUT,
		.syn_rtt_ns = RECORD_NULL_64,
		.tfo = RECORD_NULL_8,
		.midstream = 1,
		.side = {{.pkts = 1, .bytes = RECORD_NULL_64}, {.bytes = RECORD_NULL_64}},
	},
};
#define NB_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct arrow_kv metadata[] = {
	{"program", "tcpmill 0.1.0"},
	{"inputs", "[{\"path\":\"a.pcap\",\"format\":\"pcap\"}]"},
};
static const struct arrow_kv footer[] = {
	{"books", "{\"frames\":10,\"tracked\":9,\"not_ip\":1}"},
	{"damage", "[\"a.pcap: damaged at byte 24: record 1 is cut short\"]"},
};

/* Two batches of a row each. */
static int append_rows(struct arrow_writer *writer, const struct table_format *format)
{
	struct arrow_encoder *encoder = arrow_encoder_create(format, 1);
	int rc = encoder != NULL ? 0 : -1;

	for (size_t i = 0; i < NB_ROWS && rc == 0; i++) {
		struct arrow_message message = {0};

		arrow_encoder_append(encoder, &rows[i], 1);
		rc = arrow_encoder_finish(encoder, &message);
		if (rc == 0)
			rc = arrow_writer_append(writer, &message);
		free(message.data);
	}
	arrow_encoder_destroy(encoder);
	return rc;
}

bool small_table_write(const char *path)
{
	const struct table_format *all = flow_record_format();
	struct column columns[NB_COLUMNS];
	const struct table_format format = {.name = all->name,
					    .columns = columns,
					    .nb_columns = NB_COLUMNS,
					    .row_size = all->row_size};
	struct arrow_writer *writer;
	char error[512];

	for (size_t i = 0; i < NB_COLUMNS; i++) {
		const int at = table_format_find(all, names[i]);

		fuzz_check_text(at >= 0, names[i]);
		columns[i] = all->columns[at];
		columns[i].help = "h";
		columns[i].zeek = columns[i].ipfix = columns[i].ecs = NULL;
	}
	writer = arrow_writer_open(path, &format, metadata, 2, error, sizeof(error));
	if (writer == NULL) {
		dprintf(STDERR_FILENO, "%s\n", error);
		return false;
	}
	if (append_rows(writer, &format) != 0) {
		arrow_writer_abandon(writer);
		return false;
	}
	return arrow_writer_commit(writer, footer, 2) == 0;
}

void small_table_open(struct fuzz_file *file)
{
	char path[32];
	int ends[2];

	/* It fits into the pipe: nobody reads yet. */
	fuzz_check(pipe(ends) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	fuzz_check(small_table_write(path));
	close(ends[1]);
	file->fd = ends[0];
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", ends[0]);
}
