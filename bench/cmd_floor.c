/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench floor: what the file and the machine allow, whoever reads. The loop is
 * its own and as short as can be: no clock, no tables, no tunnels, one dialect.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "report.h"

#define READ_SIZE ((size_t)1 << 20) /* as dd bs=1M */
#define WALK_SIZE ((size_t)4 << 20)
#define RECORD_MAX ((size_t)1 << 18)

#define FILE_HEADER 24
#define RECORD_HEADER 16

#define ETHERNET_HEADER 14

struct floor {
	int fd;
	uint64_t file_bytes;
	uint8_t *
		buffer; /* [RECORD_MAX + WALK_SIZE]: a record's first part stands before the rest */
	uint64_t packets, tcp, hash;
};

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool fill(int fd, uint8_t *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		const ssize_t n = read(fd, to + done, len - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* The same for both directions, as a flow table would need it. */
static uint64_t hash_key(uint64_t addresses, uint32_t ports)
{
	const uint32_t both = (uint32_t)addresses ^ (uint32_t)(addresses >> 32);
	const uint32_t port = (ports ^ ports >> 16) & 0xffff;

	return ((uint64_t)both << 16 | port) * UINT64_C(0x9e3779b97f4a7c15);
}

static void parse(struct floor *floor, const uint8_t *frame, uint32_t caplen)
{
	const uint8_t *ip = frame + ETHERNET_HEADER, *tcp;
	uint64_t addresses;

	if (caplen < ETHERNET_HEADER + 40)
		return;
	if (frame[12] == 0x08 && frame[13] == 0x00) {
		tcp = ip + (size_t)(ip[0] & 15) * 4;
		if (ip[9] != 6 || tcp + 20 > frame + caplen)
			return;
		addresses = get64(ip + 12);
	} else if (frame[12] == 0x86 && frame[13] == 0xdd) {
		tcp = ip + 40;
		if (ip[6] != 6 || tcp + 20 > frame + caplen)
			return;
		addresses = get64(ip + 8) ^ get64(ip + 16) ^ get64(ip + 24) ^ get64(ip + 32);
	} else {
		return;
	}
	floor->tcp++;
	floor->hash += hash_key(addresses, get32(tcp)) ^ get32(tcp + 4) ^ get32(tcp + 8);
}

/* Returns the bytes of whole records; SIZE_MAX when one is too long to be true. */
static size_t walk(struct floor *floor, const uint8_t *at, size_t len)
{
	size_t done = 0;

	while (len - done >= RECORD_HEADER) {
		const uint32_t caplen = get32(at + done + 8);

		if (caplen > RECORD_MAX - RECORD_HEADER)
			return SIZE_MAX;
		if (caplen > len - done - RECORD_HEADER)
			break;
		parse(floor, at + done + RECORD_HEADER, caplen);
		floor->packets++;
		done += RECORD_HEADER + caplen;
	}
	return done;
}

static int walk_file(struct floor *floor)
{
	uint8_t *const blocks = floor->buffer + RECORD_MAX;
	uint64_t offset = FILE_HEADER;
	size_t rest = 0;

	floor->packets = 0;
	floor->tcp = 0;
	for (;;) {
		const ssize_t n = pread(floor->fd, blocks, WALK_SIZE, (off_t)offset);
		size_t done;

		if (n < 0)
			return -errno;
		if (n == 0)
			return rest == 0 ? 0 : -EBADMSG;
		offset += (uint64_t)n;
		done = walk(floor, blocks - rest, rest + (size_t)n);
		if (done == SIZE_MAX)
			return -EBADMSG;
		rest = rest + (size_t)n - done;
		memmove(blocks - rest, blocks + n - rest, rest);
	}
}

static int read_file(struct floor *floor)
{
	ssize_t n;

	if (lseek(floor->fd, 0, SEEK_SET) < 0)
		return -errno;
	do {
		n = read(floor->fd, floor->buffer, READ_SIZE);
	} while (n > 0);
	return n == 0 ? 0 : -errno;
}

static const struct {
	const char *what;
	int (*run)(struct floor *floor);
} ways[] = {{"read 1 MiB", read_file}, {"walk+parse", walk_file}};

#define NB_WAYS (sizeof(ways) / sizeof(ways[0]))

/* Native pcap, us or ns, Ethernet: what the generator writes. */
static int open_capture(struct floor *floor, const char *path)
{
	uint8_t header[FILE_HEADER];
	struct stat st;

	floor->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (floor->fd < 0 || fstat(floor->fd, &st) != 0)
		return bench_fail(1, path, strerror(errno));
	floor->file_bytes = (uint64_t)st.st_size;
	if (!fill(floor->fd, header, sizeof(header)) ||
	    (get32(header) != 0xa1b2c3d4 && get32(header) != 0xa1b23c4d) || get32(header + 20) != 1)
		return bench_fail(1, path, "only classic pcap of this byte order, with Ethernet");
	floor->buffer = malloc(RECORD_MAX + WALK_SIZE);
	return floor->buffer != NULL ? 0 : bench_fail(1, path, "out of memory");
}

static int tell(const struct floor *floor, const char *path, double seconds[][BENCH_ROUNDS_MAX],
		uint64_t rounds, bool json)
{
	const double packets = (double)floor->packets, bytes = (double)floor->file_bytes;
	struct report report;
	int status;

	if (!report_init(&report, "floor"))
		return bench_fail(1, path, "out of memory");
	report_fact_text(&report, "file", "file", path);
	report_fact(&report, "file_bytes", "bytes", bytes, 0);
	report_fact(&report, "packets", "packets", packets, 0);
	report_fact(&report, "tcp_packets", "TCP packets", (double)floor->tcp, 0);
	for (size_t i = 0; i < NB_WAYS; i++) {
		const struct bench_spread s = bench_spread(seconds[i], (uint32_t)rounds);

		report_row(&report);
		report_text(&report, "what", "what", ways[i].what);
		report_number(&report, "seconds", "seconds", s.median, 6);
		report_number(&report, "seconds_min", "min", s.min, 6);
		report_number(&report, "seconds_max", "max", s.max, 6);
		report_number(&report, "ns_per_packet", "ns/packet", s.median / packets * 1e9, 2);
		report_number(&report, "mpps", "Mpps", packets / s.median / 1e6, 2);
		report_number(&report, "gb_per_s", "GB/s", bytes / s.median / 1e9, 3);
	}
	/* Nobody reads it; who prints it must compute it. */
	report_fact(&report, "hash", NULL, (double)(floor->hash >> 12), 0);
	status = report_print(&report, json, stdout);
	report_fini(&report);
	return status;
}

int cmd_floor(int argc, char **argv)
{
	struct floor floor = {.fd = -1};
	double seconds[NB_WAYS][BENCH_ROUNDS_MAX];
	uint64_t rounds = BENCH_ROUNDS;
	const char *path;
	bool json = false;
	const struct bench_option table[] = {
		{"--rounds", BENCH_NUMBER, BENCH_ROUNDS_MAX, &rounds},
		{"--json", BENCH_FLAG, 0, &json},
	};
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), &path, 1);

	(void)argc;
	if (status == 0)
		status = open_capture(&floor, path);
	for (uint64_t round = 0; status == 0 && round < rounds; round++) {
		for (size_t i = 0; status == 0 && i < NB_WAYS; i++) {
			const uint64_t start = bench_now_ns();
			const int rc = ways[i].run(&floor);

			seconds[i][round] = (double)(bench_now_ns() - start) / 1e9;
			if (rc != 0)
				status = bench_fail(1, path, strerror(-rc));
		}
	}
	if (status == 0)
		status = tell(&floor, path, seconds, rounds, json);
	free(floor.buffer);
	if (floor.fd >= 0)
		close(floor.fd);
	return status;
}
