/* SPDX-License-Identifier: BSD-3-Clause */

/* See capture_support.h. */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_support.h"

#define NB_SLOTS 3
#define FEED_PIECE 1000

/* ---- bytes ------------------------------------------------------------- */

static uint8_t *room_for(struct bytes *b, size_t len)
{
	uint8_t *at;

	if (b->data == NULL || b->size - b->len < len) {
		b->size = 2 * b->size + len + 4096;
		b->data = realloc(b->data, b->size);
		assert_non_null(b->data);
	}
	at = b->data + b->len;
	b->len += len;
	return at;
}

void bytes_fini(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

void put_raw(struct bytes *b, const void *data, size_t len)
{
	uint8_t *to = room_for(b, len);

	if (len != 0)
		memcpy(to, data, len);
}

void put_zeros(struct bytes *b, size_t len)
{
	uint8_t *to = room_for(b, len);

	if (len != 0)
		memset(to, 0, len);
}

static void put_number(uint8_t *to, uint64_t value, unsigned len, bool big_endian)
{
	for (unsigned i = 0; i < len; i++)
		to[big_endian ? len - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

void put8(struct bytes *b, uint8_t value)
{
	put_number(room_for(b, 1), value, 1, b->big_endian);
}

void put16(struct bytes *b, uint16_t value)
{
	put_number(room_for(b, 2), value, 2, b->big_endian);
}

void put32(struct bytes *b, uint32_t value)
{
	put_number(room_for(b, 4), value, 4, b->big_endian);
}

void put64(struct bytes *b, uint64_t value)
{
	put_number(room_for(b, 8), value, 8, b->big_endian);
}

void set32(struct bytes *b, size_t at, uint32_t value)
{
	assert_true(at + 4 <= b->len);
	put_number(b->data + at, value, 4, b->big_endian);
}

uint8_t packet_byte(uint32_t seed, size_t i)
{
	return (uint8_t)(seed * 37 + i * 11 + (i >> 8));
}

void put_packet(struct bytes *b, uint32_t seed, size_t len)
{
	uint8_t *to = room_for(b, len);

	for (size_t i = 0; i < len; i++)
		to[i] = packet_byte(seed, i);
}

/* ---- pcap -------------------------------------------------------------- */

void put_pcap_header(struct bytes *b, uint32_t magic, uint16_t major, uint16_t minor,
		     uint32_t link_type)
{
	put32(b, magic);
	put16(b, major);
	put16(b, minor);
	put64(b, 0);
	put32(b, 65535);
	put32(b, link_type);
}

void put_pcap_record(struct bytes *b, uint32_t seconds, uint32_t fraction, uint32_t length_a,
		     uint32_t length_b, uint32_t caplen, uint32_t seed)
{
	put32(b, seconds);
	put32(b, fraction);
	put32(b, length_a);
	put32(b, length_b);
	put_packet(b, seed, caplen);
}

/* ---- pcapng ------------------------------------------------------------ */

static void pad(struct bytes *b, size_t from)
{
	put_zeros(b, (4 - (b->len - from) % 4) % 4);
}

size_t block_begin(struct bytes *b, uint32_t type)
{
	const size_t at = b->len;

	put32(b, type);
	put32(b, 0);
	return at;
}

void block_end(struct bytes *b, size_t at)
{
	uint32_t total;

	pad(b, at);
	total = (uint32_t)(b->len - at + 4);
	put32(b, total);
	set32(b, at + 4, total);
}

void put_option(struct bytes *b, uint16_t code, const void *value, uint16_t len)
{
	const size_t from = b->len;

	put16(b, code);
	put16(b, len);
	put_raw(b, value, len);
	pad(b, from);
}

void put_option_64(struct bytes *b, uint16_t code, uint64_t value)
{
	put16(b, code);
	put16(b, 8);
	put64(b, value);
}

void put_section(struct bytes *b, bool big_endian)
{
	size_t at;

	b->big_endian = big_endian;
	at = block_begin(b, BLOCK_SECTION);
	put32(b, 0x1a2b3c4d);
	put16(b, 1);
	put16(b, 0);
	put64(b, UINT64_MAX);
	block_end(b, at);
}

void put_interface(struct bytes *b, uint16_t link_type, uint32_t snaplen, int ts_resol,
		   int64_t offset_s)
{
	const size_t at = block_begin(b, BLOCK_INTERFACE);
	const uint8_t resol = (uint8_t)ts_resol;

	put16(b, link_type);
	put16(b, 0);
	put32(b, snaplen);
	put_option(b, 2, "eth0", 4);
	if (ts_resol >= 0)
		put_option(b, 9, &resol, 1);
	if (offset_s != 0)
		put_option_64(b, 14, (uint64_t)offset_s);
	put_option(b, 0, "", 0);
	block_end(b, at);
}

void put_enhanced(struct bytes *b, uint32_t interface, uint64_t ticks, uint32_t caplen,
		  uint32_t wire_len, uint32_t seed)
{
	const size_t at = block_begin(b, BLOCK_ENHANCED);

	put32(b, interface);
	put32(b, (uint32_t)(ticks >> 32));
	put32(b, (uint32_t)ticks);
	put32(b, caplen);
	put32(b, wire_len);
	put_packet(b, seed, caplen);
	block_end(b, at);
}

void put_custom(struct bytes *b, size_t len)
{
	const size_t at = block_begin(b, BLOCK_CUSTOM);

	/* Looks like section headers, to whoever loses his place. */
	while (b->len - at < len + 8)
		put32(b, BLOCK_SECTION);
	block_end(b, at);
}

/* ---- files ------------------------------------------------------------- */

int folder_setup(void **state)
{
	char path[] = "/tmp/tcpmill-test-XXXXXX";

	(void)signal(SIGPIPE, SIG_IGN); /* a feeder whose reader left */
	if (mkdtemp(path) == NULL)
		return -1;
	*state = strdup(path);
	return *state == NULL ? -1 : 0;
}

int folder_teardown(void **state)
{
	DIR *folder = opendir(*state);
	const struct dirent *entry;

	if (folder == NULL)
		return -1;
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
	(void)closedir(folder);
	(void)rmdir(*state);
	free(*state);
	return 0;
}

static char *path_in(void **state, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", (const char *)*state, name) > 0);
	return path;
}

char *write_file(void **state, const char *name, const struct bytes *b)
{
	char *path = path_in(state, name);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	if (b->len != 0)
		assert_int_equal(fwrite(b->data, 1, b->len, file), b->len);
	assert_int_equal(fclose(file), 0);
	return path;
}

struct feeder {
	pthread_t thread;
	char *path;
	const struct bytes *bytes;
	bool held;
	int wake[2]; /* the reading end gives a byte when a held feeder may close */
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	const int fd = open(f->path, O_WRONLY | O_CLOEXEC);
	char byte;

	for (size_t at = 0; fd >= 0 && at < f->bytes->len;) {
		const size_t left = f->bytes->len - at;
		const ssize_t n =
			write(fd, f->bytes->data + at, left < FEED_PIECE ? left : FEED_PIECE);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (f->held)
		(void)!read(f->wake[0], &byte, 1);
	if (fd >= 0)
		(void)close(fd);
	return NULL;
}

static struct feeder *start(void **state, const char *name, const struct bytes *b, bool held)
{
	struct feeder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->path = path_in(state, name);
	f->bytes = b;
	f->held = held;
	assert_int_equal(pipe(f->wake), 0);
	(void)unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, feed, f), 0);
	return f;
}

struct feeder *feeder_start(void **state, const char *name, const struct bytes *b)
{
	return start(state, name, b, false);
}

struct feeder *feeder_start_held(void **state, const char *name, const struct bytes *b)
{
	return start(state, name, b, true);
}

const char *feeder_path(const struct feeder *feeder)
{
	return feeder->path;
}

void feeder_stop(struct feeder *feeder)
{
	(void)!write(feeder->wake[1], "", 1);
	(void)pthread_join(feeder->thread, NULL);
	(void)close(feeder->wake[0]);
	(void)close(feeder->wake[1]);
	(void)unlink(feeder->path);
	free(feeder->path);
	free(feeder);
}

/* ---- reading ----------------------------------------------------------- */

void reading_open(struct reading *r, const struct capture_params *params)
{
	char error[256] = "";
	bool usage;

	*r = (struct reading){0};
	r->capture = capture_open(params, error, sizeof(error), &usage);
	assert_string_equal(error, "");
	assert_non_null(r->capture);
}

/* Frame numbers start at 1. */
static struct got_frame *slot_of(struct reading *r, uint64_t number)
{
	assert_true(number >= 1);
	while (number > r->size) {
		const size_t size = 2 * r->size + 64;

		r->frames = realloc(r->frames, size * sizeof(*r->frames));
		assert_non_null(r->frames);
		memset(r->frames + r->size, 0, (size - r->size) * sizeof(*r->frames));
		r->size = size;
	}
	if (number > r->nb_frames)
		r->nb_frames = number;
	return &r->frames[number - 1];
}

static void take_frame(struct reading *r, uint64_t number, const struct frame *frame)
{
	struct got_frame *got = slot_of(r, number);

	assert_false(got->seen);
	*got = (struct got_frame){
		.ts_ns = frame->ts_ns,
		.clock_ns = frame->clock_ns,
		.caplen = frame->caplen,
		.wire_len = frame->wire_len,
		.interface = (uint32_t)(frame->interface - capture_interface(r->capture, 0)),
		.link_type = frame->interface->link_type,
		.passes = capture_filter_match(frame),
		.seen = true,
	};
	if (frame->caplen == 0)
		return;
	got->data = malloc(frame->caplen);
	assert_non_null(got->data);
	memcpy(got->data, frame->data, frame->caplen);
}

static void walk(struct reading *r, const struct chunk *chunk)
{
	for (uint32_t i = 0; i < chunk->nb_frames; i++)
		take_frame(r, chunk->first_frame + i, &chunk->frames[i]);
	if (chunk->border_frame != 0) {
		r->border_frame = chunk->border_frame;
		r->border_clock_ns = chunk->border_clock_ns;
	}
}

void reading_run(struct reading *r)
{
	struct chunk chunks[NB_SLOTS] = {0};
	size_t nb;

	for (int i = 0; i < NB_SLOTS; i++)
		assert_int_equal(chunk_init(&chunks[i], r->capture), 0);
	do {
		nb = 0;
		while (nb < NB_SLOTS && capture_claim(r->capture, &chunks[nb]))
			nb++;
		for (size_t i = nb; i-- > 0;)
			capture_read(r->capture, &chunks[i]);
		for (size_t i = 0; i < nb && r->rc == 0; i++)
			r->rc = capture_cut(r->capture, &chunks[i]);
		for (size_t i = nb; i-- > 0 && r->rc == 0;)
			walk(r, &chunks[i]);
	} while (nb > 0 && r->rc == 0);
	for (int i = 0; i < NB_SLOTS; i++)
		chunk_fini(&chunks[i]);
}

void reading_fini(struct reading *r)
{
	for (size_t i = 0; i < r->nb_frames; i++)
		free(r->frames[i].data);
	free(r->frames);
	capture_close(r->capture);
	*r = (struct reading){0};
}

void reading_of(struct reading *r, const char *path, size_t chunk_size)
{
	reading_open(r, &(struct capture_params){
				.paths = &path, .nb_paths = 1, .chunk_size = chunk_size});
	reading_run(r);
	assert_int_equal(r->rc, 0);
}

void assert_frame(const struct reading *r, size_t number, const struct want_frame *want)
{
	const struct got_frame *got = &r->frames[number - 1];

	assert_true(number >= 1 && number <= r->nb_frames);
	assert_true(got->seen);
	assert_int_equal(got->ts_ns, want->ts_ns);
	assert_int_equal(got->caplen, want->caplen);
	assert_int_equal(got->wire_len, want->wire_len);
	assert_int_equal(got->link_type, want->link_type);
	for (size_t i = 0; i < want->caplen; i++) {
		if (got->data[i] != packet_byte(want->seed, i))
			fail_msg("frame %zu: byte %zu is not its own", number, i);
	}
}

void assert_frames(const struct reading *r, const struct want_frame *want, size_t nb)
{
	for (size_t i = 0; i < nb && i < r->nb_frames; i++)
		assert_frame(r, i + 1, &want[i]);
	assert_int_equal(r->nb_frames, nb);
	assert_int_equal(capture_totals(r->capture)->nb_frames, nb);
}
