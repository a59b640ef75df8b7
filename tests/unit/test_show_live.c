/* SPDX-License-Identifier: BSD-3-Clause */

/* `tcpmill show` of a file that live capture wrote: no streams, no frames, ports as inputs. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/cli.h"
#include "script.h"
#include "tcpmill/arrow.h"

/* A file, and what the last command said of it. */
struct bed {
	char path[64], said[64], grumbled[64];
	char out[65536], err[4096];
};

/* Two active parts of a flow with a resend, and its end. */
static void put_rows(struct arrow_encoder *encoder)
{
	struct tcp_script *s = script_create(false);
	struct flow_record rows[3];

	script_handshake(s);
	script_data(s, FWD, LEN(100));
	rows[0] = *script_active(s);
	script_data(s, FWD, SEQ(1001), LEN(100), AFTER_US(300000));
	rows[1] = *script_active(s);
	script_rst(s, REV);
	rows[2] = *script_finish(s);
	for (int i = 0; i < 3; i++) {
		flow_record_make_live(&rows[i]);
		assert_int_equal(rows[i].stream, RECORD_NULL_64);
	}
	arrow_encoder_append(encoder, rows, 3);
	script_destroy(s);
}

static void write_file(const char *path)
{
	static const struct arrow_kv metadata[] = {
		{"program", "tcpmill"}, {"inputs", "[\"eth0\",\"eth1\"]"}, {"capture", "{}"}};
	const struct table_format *format = flow_record_format();
	struct arrow_encoder *encoder = arrow_encoder_create(format, 16);
	char error[256];
	struct arrow_writer *writer =
		arrow_writer_open(path, format, metadata, 3, error, sizeof(error));
	struct arrow_message message;

	assert_non_null(encoder);
	assert_non_null(writer);
	put_rows(encoder);
	assert_int_equal(arrow_encoder_finish(encoder, &message), 0);
	assert_int_equal(arrow_writer_append(writer, &message), 0);
	assert_int_equal(arrow_writer_commit(writer, NULL, 0), 0);
	free(message.data);
	arrow_encoder_destroy(encoder);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	snprintf(bed->path, sizeof(bed->path), "/tmp/tcpmill-show-live-%d.arrow", (int)getpid());
	snprintf(bed->said, sizeof(bed->said), "/tmp/tcpmill-show-live-%d.out", (int)getpid());
	snprintf(bed->grumbled, sizeof(bed->grumbled), "/tmp/tcpmill-show-live-%d.err",
		 (int)getpid());
	write_file(bed->path);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	unlink(bed->path);
	unlink(bed->said);
	unlink(bed->grumbled);
	free(bed);
	return 0;
}

/* Sends what goes to a descriptor into the file; returns the descriptor as it was. */
static int divert(FILE *stream, const char *path)
{
	const int kept = dup(fileno(stream));
	const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	fflush(stream);
	assert_true(kept >= 0 && fd >= 0 && dup2(fd, fileno(stream)) >= 0);
	close(fd);
	return kept;
}

static void take_back(FILE *stream, int kept, const char *path, char *text, size_t size)
{
	FILE *file;

	fflush(stream);
	assert_true(dup2(kept, fileno(stream)) >= 0);
	close(kept);
	file = fopen(path, "re");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* tcpmill show FILE OPTION VALUE; what it says where. */
static int show(struct bed *bed, const char *option, const char *value)
{
	const char *argv[] = {"show", bed->path, option, value, NULL};
	const int argc = option == NULL ? 2 : value == NULL ? 3 : 4;
	int out_fd, err_fd, status;

	out_fd = divert(stdout, bed->said);
	err_fd = divert(stderr, bed->grumbled);
	status = cmd_show(argc, (char **)(uintptr_t)argv);
	take_back(stderr, err_fd, bed->grumbled, bed->err, sizeof(bed->err));
	take_back(stdout, out_fd, bed->said, bed->out, sizeof(bed->out));
	return status;
}

static void the_table_has_no_streams_or_frames(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, NULL, NULL), EXIT_OK);
	assert_non_null(strstr(bed->out, ":40000"));
	assert_null(strstr(bed->out, "stream"));
	assert_null(strstr(bed->out, "frame"));
}

static void what_is_asked_for_is_a_dash(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, "--columns", "stream,first_frame,anomaly,end_reason"), EXIT_OK);
	assert_string_equal(bed->out, "stream  first_frame  first anomaly  end_reason\n"
				      "     -            -  -              active_timeout\n"
				      "     -            -  -              active_timeout\n"
				      "     -            -  -              rst_resp\n");
}

static void a_stream_is_refused_in_one_line(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, "--stream", "0"), EXIT_FAILED);
	assert_string_equal(bed->out, "");
	assert_non_null(strstr(bed->err, "live capture have no stream numbers"));
	assert_ptr_equal(strchr(bed->err, '\n'), bed->err + strlen(bed->err) - 1);
}

/* Each record of the flow is a page; which of the ends is A does not matter. */
static void a_flow_is_found_by_its_ends(void **state)
{
	static const struct {
		const char *flow;
		int status;
		size_t pages;
	} cases[] = {
		{"192.0.2.1:40000-198.51.100.2:80", EXIT_OK, 3},
		{"198.51.100.2:80-192.0.2.1:40000", EXIT_OK, 3},
		{"192.0.2.1:80-198.51.100.2:40000", EXIT_FAILED, 0},
		{"192.0.2.1:4000-198.51.100.2:80", EXIT_FAILED, 0},
		{"192.0.2.1-198.51.100.2", EXIT_USAGE, 0},
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t pages = 0;

		assert_int_equal(show(bed, "--flow", cases[i].flow), cases[i].status);
		for (const char *p = bed->out; (p = strstr(p, "Flow \xc2\xb7 ")) != NULL; p++)
			pages++;
		assert_int_equal(pages, cases[i].pages);
	}
	assert_int_equal(show(bed, "--flow", "192.0.2.1:80-198.51.100.2:40000"), EXIT_FAILED);
	assert_non_null(strstr(bed->err, "no such flow"));
}

/* A port is nothing that Wireshark could open. */
static void wireshark_gets_a_filter_and_no_file(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, "--wireshark", NULL), EXIT_OK);
	assert_int_equal(strncmp(bed->out, "wireshark -Y 'ip.addr == ", 25), 0);
	assert_non_null(strstr(bed->out, "tcp.port == 40000 && tcp.port == 80'\n"));
	assert_null(strstr(bed->out, "eth0"));
	assert_null(strstr(bed->out, "tcp.stream"));
}

static void other_formats_have_nulls(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, "--format", "json"), EXIT_OK);
	assert_non_null(strstr(bed->out, "\"stream\":null,\"first_frame\":null,"
					 "\"last_frame\":null,\"input_file\":0,"));
	assert_non_null(strstr(bed->out, "\"first_anomaly_frame\":null"));
	assert_null(strstr(bed->out, "9223372036854775808"));
}

static void parts_add_up_in_totals(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(show(bed, "--by", "dst_port"), EXIT_OK);
	/* Handshake, data, its resend, RST; 100 bytes of data, and one anomaly. */
	assert_non_null(strstr(bed->out, "6  100 B          1"));
	assert_int_equal(show(bed, "--where", "anomalies > 0"), EXIT_OK);
	assert_non_null(strstr(bed->out, "wireshark -Y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_table_has_no_streams_or_frames, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_asked_for_is_a_dash, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_is_refused_in_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flow_is_found_by_its_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(wireshark_gets_a_filter_and_no_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_formats_have_nulls, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_add_up_in_totals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
