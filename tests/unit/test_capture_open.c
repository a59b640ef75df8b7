/* SPDX-License-Identifier: BSD-3-Clause */

/* Inputs that cannot be opened, and the filter. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_support.h"

static void three_records(struct bytes *b)
{
	put_pcap_header(b, MAGIC_US, 2, 4, 1);
	for (uint32_t i = 1; i <= 3; i++)
		put_pcap_record(b, i, 0, 60, 60, 60, i);
}

/* ---- what cannot be opened --------------------------------------------- */

/* The message is the path and this text. */
static void assert_refused(const char *path, const char *text)
{
	char error[512] = "", want[512];
	bool usage = true;

	assert_null(capture_open(
		&(struct capture_params){.paths = &path, .nb_paths = 1, .chunk_size = 4096}, error,
		sizeof(error), &usage));
	(void)snprintf(want, sizeof(want), "%s: %s", path, text);
	assert_string_equal(error, want);
	assert_false(usage);
}

static void assert_refused_bytes(void **state, const void *data, size_t len, const char *text)
{
	struct bytes b = {0};
	struct feeder *feeder;
	char *path;

	put_raw(&b, data, len);
	path = write_file(state, "refused", &b);
	assert_refused(path, text);
	free(path);
	feeder = feeder_start(state, "fifo", &b);
	assert_refused(feeder_path(feeder), text);
	feeder_stop(feeder);
	bytes_fini(&b);
}

static void what_is_no_capture_is_refused(void **state)
{
	static const char text[] = "hello, this is a text and no capture\n";
	const char *folder = *state;
	char *missing;

	assert_true(asprintf(&missing, "%s/missing", folder) > 0);
	assert_refused(missing, "cannot open: No such file or directory");
	free(missing);
	assert_refused(folder, "expected a capture, found a directory");
	assert_refused_bytes(state, "", 0, "expected a capture, found an empty file");
	assert_refused_bytes(state, text, sizeof(text) - 1,
			     "not a capture: expected pcap or pcapng, found 68656c6c at byte 0");
	assert_refused_bytes(state, "x", 1,
			     "not a capture: expected pcap or pcapng, found 78000000 at byte 0");
}

static void formats_of_other_programs_are_named(void **state)
{
	/* As editcap 4.0.17 writes them. */
	static const struct {
		const char *head;
		const char *name;
	} others[] = {
		{"snoop\0\0\0\0\0\0\2\0\0\0\4", "a capture of Solaris' snoop"},
		{"GMBU\0\2\1\0\xce\7\x0a\0\5\0\x09", "a capture of Network Monitor 2"},
		{"TRSNIFF data    ", "a capture of Network General's Sniffer"},
		{"XCP\0"
		 "002.001\0\0\0\0\0",
		 "a capture of NetXRay or Windows Sniffer"},
		{"TR\0d\0\0\0\0\0\0\0\x80/tmp", "a capture of HP-UX's nettl"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "expected pcap or pcapng, found %s; editcap -F pcapng converts it",
			       others[i].name);
		assert_refused_bytes(state, others[i].head, 16, text);
	}
	assert_refused_bytes(
		state, "ARROW1\0\0", 8,
		"expected pcap or pcapng, found an Arrow file; tcpmill show reads flow records");
	/* One byte less is anything. */
	assert_refused_bytes(state, "snoop\0\0", 7,
			     "not a capture: expected pcap or pcapng, found 736e6f6f at byte 0");
}

static void pcap_cut_in_its_own_header_is_refused(void **state)
{
	static const uint32_t magics[] = {MAGIC_US, MAGIC_NS, MAGIC_MODIFIED};

	for (size_t i = 0; i < 6; i++) {
		struct bytes b = {.big_endian = i % 2 == 1};
		char text[128];

		put_pcap_header(&b, magics[i / 2], 2, 4, 1);
		for (size_t len = 4; len < 24; len += 19) {
			(void)snprintf(
				text, sizeof(text),
				"cut short: expected a pcap header of 24 bytes at byte 0, got %zu",
				len);
			assert_refused_bytes(state, b.data, len, text);
		}
		bytes_fini(&b);
	}
}

static void one_bad_input_among_good_ones_refuses_them_all(void **state)
{
	struct bytes b = {0};
	char error[512] = "", want[512], *good, *missing;
	const char *paths[3];
	bool usage;

	three_records(&b);
	good = write_file(state, "good", &b);
	assert_true(asprintf(&missing, "%s/missing", (const char *)*state) > 0);
	paths[0] = good;
	paths[1] = missing;
	paths[2] = good;
	assert_null(capture_open(
		&(struct capture_params){.paths = paths, .nb_paths = 3, .chunk_size = 4096}, error,
		sizeof(error), &usage));
	(void)snprintf(want, sizeof(want), "%s: cannot open: No such file or directory", missing);
	assert_string_equal(error, want);
	assert_false(usage);
	bytes_fini(&b);
	free(good);
	free(missing);
}

/* ---- the filter -------------------------------------------------------- */

static void open_with_filter(struct reading *r, const char *const *path, const char *filter)
{
	reading_open(r,
		     &(struct capture_params){
			     .paths = path, .nb_paths = 1, .chunk_size = 4096, .filter = filter});
	reading_run(r);
}

static void the_filter_sees_the_wire_length(void **state)
{
	struct bytes b = {0};
	struct reading r;
	const char *path;

	put_pcap_header(&b, MAGIC_US, 2, 4, 1);
	put_pcap_record(&b, 1, 0, 20, 1000, 20, 1);
	put_pcap_record(&b, 2, 0, 20, 999, 20, 2);
	put_pcap_record(&b, 3, 0, 60, 60, 60, 3);
	path = write_file(state, "greater", &b);
	open_with_filter(&r, &path, "greater 1000");
	assert_int_equal(r.nb_frames, 3); /* filtered frames have numbers too */
	assert_true(r.frames[0].passes);
	assert_false(r.frames[1].passes);
	assert_false(r.frames[2].passes);
	reading_fini(&r);

	/* A byte that was not captured matches nothing. */
	open_with_filter(&r, &path, "ether[30] >= 0");
	assert_false(r.frames[0].passes);
	assert_true(r.frames[2].passes);
	reading_fini(&r);
	open_with_filter(&r, &path, NULL);
	assert_true(r.frames[0].passes && r.frames[1].passes && r.frames[2].passes);
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

/* An IPv4 header with this protocol, behind link_len zero bytes and an ethertype. */
static void put_ipv4_packet(struct bytes *b, uint32_t interface, size_t link_len, uint8_t protocol)
{
	const size_t at = block_begin(b, BLOCK_ENHANCED);
	const uint32_t len = (uint32_t)link_len + 20;

	put32(b, interface);
	put64(b, 0);
	put32(b, len);
	put32(b, len);
	if (link_len != 0) {
		put_zeros(b, link_len - 2);
		put_raw(b, "\x08\x00", 2);
	}
	put_raw(b, "\x45\x00\x00\x14\x00\x00\x00\x00\x40", 9);
	put8(b, protocol);
	put_zeros(b, 10);
	block_end(b, at);
}

static void the_filter_is_made_for_each_link_type(void **state)
{
	struct bytes b = {0};
	struct reading r;
	const char *path;

	put_section(&b, false);
	put_interface(&b, 1, 0, -1, 0);
	put_interface(&b, 101, 0, -1, 0);
	put_interface(&b, 113, 0, -1, 0);
	put_ipv4_packet(&b, 0, 14, 6);
	put_ipv4_packet(&b, 0, 14, 17);
	put_ipv4_packet(&b, 1, 0, 6);
	put_ipv4_packet(&b, 1, 0, 17);
	put_ipv4_packet(&b, 2, 16, 6);
	put_ipv4_packet(&b, 2, 16, 17);
	path = write_file(state, "links", &b);
	open_with_filter(&r, &path, "tcp");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.nb_frames, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(r.frames[i].passes, i % 2 == 0);
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

/* One IPv6 header behind a family of the writer's system, in its byte order. */
static size_t nb_ipv6_found(void **state, uint32_t family, bool big_endian, bool pcapng)
{
	struct bytes b = {.big_endian = big_endian};
	struct reading r;
	const char *path;
	size_t at, nb;

	if (pcapng) {
		put_section(&b, big_endian);
		put_interface(&b, 0, 0, -1, 0);
		put_enhanced(&b, 0, 0, 44, 44, 0);
		at = b.len - 4 - 44;
	} else {
		put_pcap_header(&b, MAGIC_US, 2, 4, 0);
		put_pcap_record(&b, 1, 0, 44, 44, 44, 0);
		at = b.len - 44;
	}
	memset(b.data + at, 0, 44);
	set32(&b, at, family);
	b.data[at + 4] = 0x60;
	b.data[at + 4 + 6] = 6;
	path = write_file(state, "loopback", &b);
	open_with_filter(&r, &path, "ip6 and tcp");
	assert_int_equal(r.nb_frames, 1);
	nb = r.frames[0].passes;
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
	return nb;
}

/* NetBSD's, FreeBSD's and Apple's number for IPv6; this machine's has no say. */
static void the_filter_knows_ipv6_of_other_systems_in_loopback(void **state)
{
	static const uint32_t families[] = {24, 28, 30};

	for (size_t i = 0; i < 3; i++) {
		for (int big_endian = 0; big_endian < 2; big_endian++) {
			assert_int_equal(nb_ipv6_found(state, families[i], big_endian, false), 1);
			assert_int_equal(nb_ipv6_found(state, families[i], big_endian, true), 1);
		}
	}
	assert_int_equal(nb_ipv6_found(state, 2, false, false), 0);
}

static void a_filter_text_that_is_wrong_is_the_users_to_mend(void **state)
{
	struct bytes b = {0};
	char error[512] = "", *path;
	const char *paths[1];
	bool usage = false;

	three_records(&b);
	paths[0] = path = write_file(state, "filter", &b);
	assert_null(capture_open(&(struct capture_params){.paths = paths,
							  .nb_paths = 1,
							  .chunk_size = 4096,
							  .filter = "tcp port and"},
				 error, sizeof(error), &usage));
	assert_true(usage);
	assert_non_null(strstr(error, "filter 'tcp port and' (link type 1): "));
	/* A file does not tell it. */
	usage = false;
	assert_null(capture_open(
		&(struct capture_params){
			.paths = paths, .nb_paths = 1, .chunk_size = 4096, .filter = "inbound"},
		error, sizeof(error), &usage));
	assert_true(usage);
	bytes_fini(&b);
	free(path);
}

/* "wlan type" means nothing on Ethernet, nor "ether host" on raw IP: the run stops there. */
static void a_filter_that_does_not_fit_a_later_link_type_fails_the_run(void **state)
{
	struct bytes b = {0};
	struct reading r;
	const char *path;

	put_section(&b, false);
	put_interface(&b, 1, 0, -1, 0);
	put_enhanced(&b, 0, 1, 20, 20, 1);
	put_interface(&b, 101, 0, -1, 0);
	put_enhanced(&b, 1, 2, 20, 20, 2);
	path = write_file(state, "no-fit", &b);
	open_with_filter(&r, &path, "ether host 02:00:00:00:00:01");
	assert_true(r.rc < 0);
	assert_non_null(strstr(capture_failure(r.capture),
			       "filter 'ether host 02:00:00:00:00:01' (link type 101): "));
	reading_fini(&r);
	bytes_fini(&b);
	free((char *)(uintptr_t)path);
}

static void link_types_have_names(void **state)
{
	(void)state;
	assert_string_equal(capture_link_type_name(1), "EN10MB");
	assert_string_equal(capture_link_type_name(101), "RAW");
	assert_string_equal(capture_link_type_name(113), "LINUX_SLL");
	assert_string_equal(capture_link_type_name(276), "LINUX_SLL2");
	assert_null(capture_link_type_name(65000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(formats_of_other_programs_are_named),
		cmocka_unit_test(pcap_cut_in_its_own_header_is_refused),
		cmocka_unit_test(one_bad_input_among_good_ones_refuses_them_all),
		cmocka_unit_test(the_filter_sees_the_wire_length),
		cmocka_unit_test(the_filter_is_made_for_each_link_type),
		cmocka_unit_test(the_filter_knows_ipv6_of_other_systems_in_loopback),
		cmocka_unit_test(a_filter_text_that_is_wrong_is_the_users_to_mend),
		cmocka_unit_test(a_filter_that_does_not_fit_a_later_link_type_fails_the_run),
		cmocka_unit_test(link_types_have_names),
	};

	return cmocka_run_group_tests_name("capture open", tests, folder_setup, folder_teardown);
}
