/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1 << 20)

#define NS_PER_S 1000000000u

#define BLOCK_INTERFACE 1u
#define BLOCK_OBSOLETE 2u
#define BLOCK_SIMPLE 3u
#define BLOCK_NAMES 4u
#define BLOCK_STATISTICS 5u
#define BLOCK_ENHANCED 6u
#define BLOCK_SECTION 0x0a0d0d0au

#define OPTION_END 0u
#define OPTION_USER_APPL 4u
#define OPTION_IF_NAME 2u
#define OPTION_IF_TSRESOL 9u
#define OPTION_IF_TSOFFSET 14u
#define OPTION_ISB_IFRECV 4u
#define OPTION_ISB_IFDROP 5u

#define INTERFACES_MAX 16

struct capture_file {
	int fd;
	int error; /* -errno of the first failure */
	bool pcapng, big_endian, nanoseconds, modified;
	uint64_t bytes_flushed;
	size_t len;
	uint32_t nb_interfaces; /* of the current section */
	struct capture_interface interfaces[INTERFACES_MAX];
	uint8_t *buf; /* [BUFFER_SIZE] */
};

static void flush(struct capture_file *file)
{
	size_t done = 0;

	while (file->error == 0 && done < file->len) {
		ssize_t n = write(file->fd, file->buf + done, file->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			file->error = -errno;
	}
	file->bytes_flushed += file->len;
	file->len = 0;
}

static void put_bytes(struct capture_file *file, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len > BUFFER_SIZE - file->len) {
		size_t room = BUFFER_SIZE - file->len;

		memcpy(file->buf + file->len, from, room);
		file->len += room;
		from += room;
		len -= room;
		flush(file);
	}
	if (len != 0)
		memcpy(file->buf + file->len, from, len);
	file->len += len;
}

static void put_zeros(struct capture_file *file, size_t len)
{
	static const uint8_t zeros[4];

	put_bytes(file, zeros, len);
}

static void put16(struct capture_file *file, uint16_t value)
{
	uint8_t low = (uint8_t)value, high = (uint8_t)(value >> 8);
	uint8_t bytes[2];

	bytes[file->big_endian] = low;
	bytes[!file->big_endian] = high;
	put_bytes(file, bytes, sizeof(bytes));
}

static void put32(struct capture_file *file, uint32_t value)
{
	uint8_t bytes[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		bytes[file->big_endian ? 3 - i : i] = (uint8_t)(value >> (8 * i));
	put_bytes(file, bytes, sizeof(bytes));
}

static void put64(struct capture_file *file, uint64_t value)
{
	put32(file, (uint32_t)(file->big_endian ? value >> 32 : value));
	put32(file, (uint32_t)(file->big_endian ? value : value >> 32));
}

/* The two halves of a pcapng time stamp: the high one comes first in either byte order. */
static void put_stamp(struct capture_file *file, uint64_t stamp)
{
	put32(file, (uint32_t)(stamp >> 32));
	put32(file, (uint32_t)stamp);
}

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

/* ---- classic pcap ------------------------------------------------------ */

static void write_pcap_header(struct capture_file *file)
{
	const struct capture_interface *interface = &file->interfaces[0];

	if (file->modified)
		put32(file, 0xa1b2cd34);
	else
		put32(file, file->nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
	put16(file, 2);
	put16(file, 4);
	put32(file, 0);
	put32(file, 0);
	put32(file, interface->snaplen != 0 ? interface->snaplen : 262144);
	put32(file, interface->link_type);
}

static void write_pcap_record(struct capture_file *file, const struct capture_frame *frame)
{
	uint32_t fraction = (uint32_t)(frame->ts_ns % NS_PER_S);
	const uint32_t header[4] = {
		(uint32_t)(frame->ts_ns / NS_PER_S),
		file->nanoseconds ? fraction : fraction / 1000,
		frame->caplen,
		frame->wire_len,
	};

	/* Most are written so: the words are as the machine has them. */
	if (BYTE_ORDER == LITTLE_ENDIAN && !file->big_endian && !file->modified &&
	    sizeof(header) + frame->caplen <= BUFFER_SIZE - file->len) {
		memcpy(file->buf + file->len, header, sizeof(header));
		memcpy(file->buf + file->len + sizeof(header), frame->data, frame->caplen);
		file->len += sizeof(header) + frame->caplen;
		return;
	}

	for (size_t i = 0; i < 4; i++)
		put32(file, header[i]);
	if (file->modified) {
		put32(file, 2);                                               /* interface index */
		put16(file, file->interfaces[0].link_type == 1 ? 0x0800 : 0); /* protocol */
		put16(file, 0); /* packet type, padding */
	}
	put_bytes(file, frame->data, frame->caplen);
}

/* ---- pcapng ------------------------------------------------------------ */

static void begin_block(struct capture_file *file, uint32_t type, size_t body_len)
{
	put32(file, type);
	put32(file, (uint32_t)(12 + body_len));
}

static void end_block(struct capture_file *file, size_t body_len)
{
	put32(file, (uint32_t)(12 + body_len));
}

static size_t option_len(size_t len)
{
	return 4 + len + padding(len);
}

static void put_option(struct capture_file *file, uint16_t code, const void *value, size_t len)
{
	put16(file, code);
	put16(file, (uint16_t)len);
	put_bytes(file, value, len);
	put_zeros(file, padding(len));
}

static void put_option_64(struct capture_file *file, uint16_t code, uint64_t value)
{
	put16(file, code);
	put16(file, 8);
	put64(file, value);
}

static void put_option_end(struct capture_file *file)
{
	put16(file, OPTION_END);
	put16(file, 0);
}

/* Ticks of an interface's unit, for a time in ns after its offset is taken away. */
static uint64_t stamp_of(const struct capture_interface *interface, int64_t ts_ns)
{
	uint64_t ns = (uint64_t)(ts_ns - interface->tsoffset_s * (int64_t)NS_PER_S);
	uint64_t seconds = ns / NS_PER_S, fraction = ns % NS_PER_S, unit = NS_PER_S;
	uint8_t tsresol = interface->tsresol;
	unsigned i, exponent;

	if (tsresol == CAPTURE_TSRESOL_DEFAULT)
		tsresol = 6;
	if (tsresol & CAPTURE_TSRESOL_POWER_2) {
		/*
		 * Rounding up makes 2^-30 s exact: a tick is 0.93 ns, so the reader,
		 * who rounds down, lands on the same nanosecond.
		 */
		exponent = tsresol & 0x1f;
		fraction = ((fraction << exponent) + NS_PER_S - 1) / NS_PER_S;
		return (seconds << exponent) + fraction;
	}
	for (i = 0; i < tsresol && unit > 1; i++)
		unit /= 10;
	return seconds * (NS_PER_S / unit) + fraction / unit;
}

static void write_section(struct capture_file *file)
{
	static const char program[] = "tcpmill-generate";
	size_t body_len = 16 + option_len(sizeof(program) - 1) + 4;

	file->nb_interfaces = 0;
	begin_block(file, BLOCK_SECTION, body_len);
	put32(file, 0x1a2b3c4d);
	put16(file, 1);
	put16(file, 0);
	put64(file, UINT64_MAX); /* section length: not said */
	put_option(file, OPTION_USER_APPL, program, sizeof(program) - 1);
	put_option_end(file);
	end_block(file, body_len);
}

uint32_t capture_file_add_interface(struct capture_file *file,
				    const struct capture_interface *interface)
{
	size_t name_len = interface->name != NULL ? strlen(interface->name) : 0;
	size_t body_len = 8 + 4;

	if (!file->pcapng || file->nb_interfaces == INTERFACES_MAX)
		return 0;
	body_len += name_len != 0 ? option_len(name_len) : 0;
	body_len += interface->tsresol != CAPTURE_TSRESOL_DEFAULT ? option_len(1) : 0;
	body_len += interface->tsoffset_s != 0 ? option_len(8) : 0;

	begin_block(file, BLOCK_INTERFACE, body_len);
	put16(file, interface->link_type);
	put16(file, 0);
	put32(file, interface->snaplen);
	if (name_len != 0)
		put_option(file, OPTION_IF_NAME, interface->name, name_len);
	if (interface->tsresol != CAPTURE_TSRESOL_DEFAULT)
		put_option(file, OPTION_IF_TSRESOL, &interface->tsresol, 1);
	if (interface->tsoffset_s != 0)
		put_option_64(file, OPTION_IF_TSOFFSET, (uint64_t)interface->tsoffset_s);
	put_option_end(file);
	end_block(file, body_len);

	file->interfaces[file->nb_interfaces] = *interface;
	return file->nb_interfaces++;
}

static void write_simple(struct capture_file *file, const struct capture_frame *frame)
{
	uint32_t snaplen = file->interfaces[0].snaplen;
	uint32_t caplen = frame->wire_len;
	size_t body_len;

	/* The block has no captured length: the reader works it out like this. */
	if (snaplen != 0 && caplen > snaplen)
		caplen = snaplen;
	if (caplen > frame->caplen)
		return;
	body_len = 4 + caplen + padding(caplen);
	begin_block(file, BLOCK_SIMPLE, body_len);
	put32(file, frame->wire_len);
	put_bytes(file, frame->data, caplen);
	put_zeros(file, padding(caplen));
	end_block(file, body_len);
}

static void write_pcapng_frame(struct capture_file *file, const struct capture_frame *frame)
{
	bool obsolete = frame->block == CAPTURE_BLOCK_OBSOLETE;
	size_t body_len = 20 + frame->caplen + padding(frame->caplen);

	if (frame->interface >= file->nb_interfaces)
		return;
	begin_block(file, obsolete ? BLOCK_OBSOLETE : BLOCK_ENHANCED, body_len);
	if (obsolete) {
		put16(file, (uint16_t)frame->interface);
		put16(file, 0xffff); /* drop count not known */
	} else {
		put32(file, frame->interface);
	}
	put_stamp(file, stamp_of(&file->interfaces[frame->interface], frame->ts_ns));
	put32(file, frame->caplen);
	put32(file, frame->wire_len);
	put_bytes(file, frame->data, frame->caplen);
	put_zeros(file, padding(frame->caplen));
	end_block(file, body_len);
}

void capture_file_begin_section(struct capture_file *file, bool big_endian,
				const struct capture_interface *interface)
{
	if (!file->pcapng)
		return;
	file->big_endian = big_endian;
	write_section(file);
	capture_file_add_interface(file, interface);
}

void capture_file_write_statistics(struct capture_file *file, uint32_t interface, int64_t ts_ns,
				   uint64_t received, uint64_t dropped)
{
	size_t body_len = 12 + 2 * option_len(8) + 4;

	if (interface >= file->nb_interfaces)
		return;
	begin_block(file, BLOCK_STATISTICS, body_len);
	put32(file, interface);
	put_stamp(file, stamp_of(&file->interfaces[interface], ts_ns));
	put_option_64(file, OPTION_ISB_IFRECV, received);
	put_option_64(file, OPTION_ISB_IFDROP, dropped);
	put_option_end(file);
	end_block(file, body_len);
}

void capture_file_write_name(struct capture_file *file, const uint8_t address[4], const char *name)
{
	size_t len = 4 + strlen(name) + 1;
	size_t body_len = 4 + len + padding(len) + 4;

	if (!file->pcapng)
		return;
	begin_block(file, BLOCK_NAMES, body_len);
	put16(file, 1); /* an IPv4 address and its name */
	put16(file, (uint16_t)len);
	put_bytes(file, address, 4);
	put_bytes(file, name, len - 4);
	put_zeros(file, padding(len));
	put_option_end(file); /* of records; the block has no options */
	end_block(file, body_len);
}

void capture_file_write_block(struct capture_file *file, uint32_t type, const uint8_t *body,
			      size_t len)
{
	size_t body_len = len + padding(len);

	if (!file->pcapng)
		return;
	begin_block(file, type, body_len);
	put_bytes(file, body, len);
	put_zeros(file, padding(len));
	end_block(file, body_len);
}

/* ---- both -------------------------------------------------------------- */

struct capture_file *capture_file_create(const char *path, enum capture_format format,
					 const struct capture_interface *interface)
{
	struct capture_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->buf = malloc(BUFFER_SIZE);
	if (file->buf == NULL)
		goto free_file;
	if (strcmp(path, "-") == 0)
		file->fd = dup(STDOUT_FILENO);
	else
		file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file->fd < 0)
		goto free_buf;

	file->pcapng = format == CAPTURE_PCAPNG || format == CAPTURE_PCAPNG_BE;
	file->big_endian = format == CAPTURE_PCAP_BE || format == CAPTURE_PCAP_NS_BE ||
			   format == CAPTURE_PCAPNG_BE;
	file->nanoseconds = format == CAPTURE_PCAP_NS || format == CAPTURE_PCAP_NS_BE;
	file->modified = format == CAPTURE_PCAP_MODIFIED;
	if (file->pcapng) {
		capture_file_begin_section(file, file->big_endian, interface);
	} else {
		file->interfaces[0] = *interface;
		write_pcap_header(file);
	}
	return file;

free_buf:
	free(file->buf);
free_file:
	free(file);
	return NULL;
}

void capture_file_write(struct capture_file *file, const struct capture_frame *frame)
{
	if (!file->pcapng)
		write_pcap_record(file, frame);
	else if (frame->block == CAPTURE_BLOCK_SIMPLE)
		write_simple(file, frame);
	else
		write_pcapng_frame(file, frame);
}

uint64_t capture_file_bytes(const struct capture_file *file)
{
	return file->bytes_flushed + file->len;
}

int capture_file_close(struct capture_file *file)
{
	int error;

	if (file == NULL)
		return 0;
	flush(file);
	if (close(file->fd) != 0 && file->error == 0)
		file->error = -errno;
	error = file->error;
	free(file->buf);
	free(file);
	return error;
}
