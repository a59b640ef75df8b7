/* SPDX-License-Identifier: BSD-3-Clause */

/* See layout.h. */

#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_CAPLEN 262144u

/* is_swapped: the file is big-endian. */
static uint32_t number(const struct layout *l, size_t at, unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value = value << 8 | l->data[l->is_swapped ? at + i : at + width - 1 - i];
	return value;
}

static void add_field(struct layout *l, size_t at, uint8_t width, const char *name)
{
	l->fields[l->nb_fields++] = (struct layout_field){at, width, name};
}

static void end_record(struct layout *l, size_t at, bool is_frame)
{
	l->borders[l->nb_borders++] = at;
	if (is_frame)
		l->frame_ends[l->nb_frames++] = at;
	l->sound = at;
}

/* ---- pcap ---------------------------------------------------------------- */

static void read_pcap(struct layout *l, size_t header_len)
{
	size_t at = 24;

	add_field(l, 16, 4, "snaplen");
	end_record(l, 24, false);
	while (l->size - at >= header_len) {
		const uint32_t caplen = number(l, at + 8, 4);

		if (caplen > MAX_CAPLEN || caplen > l->size - at - header_len)
			break;
		add_field(l, at + 8, 4, "captured length");
		add_field(l, at + 12, 4, "wire length");
		at += header_len + caplen;
		end_record(l, at, true);
	}
}

/* ---- pcapng -------------------------------------------------------------- */

/* The length fields of a list of options. False if they leave it. */
static bool read_options(struct layout *l, size_t at, size_t end)
{
	while (end - at >= 4 && number(l, at, 2) != 0) {
		const size_t len = (number(l, at + 2, 2) + 3u) & ~(size_t)3;

		if (len > end - at - 4)
			return false;
		add_field(l, at + 2, 2, "option length");
		at += 4 + len;
	}
	return true;
}

/* A packet block, whose packet begins behind fixed bytes. */
static bool read_packet(struct layout *l, size_t at, uint32_t total, bool is_enhanced)
{
	const uint32_t caplen = number(l, at + 20, 4);
	const size_t packed = 28 + (((size_t)caplen + 3) & ~(size_t)3);

	if (total < 32 || caplen > MAX_CAPLEN || packed > total - 4)
		return false;
	add_field(l, at + 8, is_enhanced ? 4 : 2, "interface id");
	add_field(l, at + 20, 4, "captured length");
	add_field(l, at + 24, 4, "wire length");
	return read_options(l, at + packed, at + total - 4);
}

/* False if the block cannot be. *is_frame: it is a packet. */
static bool read_block(struct layout *l, size_t at, uint32_t total, bool *is_frame)
{
	const uint32_t type = number(l, at, 4);
	const size_t end = at + total - 4;

	*is_frame = type == 2 || type == 3 || type == 6;
	add_field(l, at + 4, 4, "block length");
	add_field(l, end, 4, "trailing length");
	switch (type) {
	case 0x0a0d0d0a:
		add_field(l, at + 16, 4, "section length");
		return total >= 28 && number(l, at + 12, 2) == 1 && read_options(l, at + 24, end);
	case 1:
		add_field(l, at + 12, 4, "snaplen");
		return total >= 20 && read_options(l, at + 16, end);
	case 2:
	case 6:
		return read_packet(l, at, total, type == 6);
	case 3:
		add_field(l, at + 8, 4, "wire length");
		return total >= 16;
	case 5:
		add_field(l, at + 8, 4, "interface id");
		return total < 24 || read_options(l, at + 20, end);
	default:
		return true;
	}
}

static void read_pcapng(struct layout *l)
{
	size_t at = 0;

	while (l->size - at >= 12) {
		bool is_frame;
		uint32_t total;

		if (memcmp(l->data + at, "\n\r\r\n", 4) == 0)
			l->is_swapped = l->data[at + 8] == 0x1a;
		total = number(l, at + 4, 4);
		if (total < 12 || (total & 3) != 0 || total > l->size - at ||
		    number(l, at + total - 4, 4) != total || !read_block(l, at, total, &is_frame))
			break;
		at += total;
		end_record(l, at, is_frame);
	}
}

/* ---- both ---------------------------------------------------------------- */

void layout_read(struct layout *l, const uint8_t *data, size_t size)
{
	uint32_t magic = 0;

	*l = (struct layout){.data = data, .size = size};
	/* No record is shorter than 12 bytes, no option than 4. */
	l->frame_ends = calloc(size / 12 + 2, sizeof(*l->frame_ends));
	l->borders = calloc(size / 12 + 2, sizeof(*l->borders));
	l->fields = calloc(size / 2 + 8, sizeof(*l->fields));
	fuzz_check(l->frame_ends != NULL && l->borders != NULL && l->fields != NULL);
	if (size < 24)
		return;
	memcpy(&magic, data, sizeof(magic));
	l->is_swapped = data[0] == 0xa1;
	if (magic == 0x0a0d0d0a) {
		l->is_known = l->is_pcapng = true;
		read_pcapng(l);
		return;
	}
	magic = number(l, 0, 4);
	l->is_known = (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d || magic == 0xa1b2cd34) &&
		      number(l, 4, 2) == 2 && number(l, 6, 2) >= 4;
	if (l->is_known)
		read_pcap(l, magic == 0xa1b2cd34 ? 24 : 16);
}

void layout_fini(struct layout *l)
{
	free(l->frame_ends);
	free(l->borders);
	free(l->fields);
}

size_t layout_frames_before(const struct layout *l, size_t at)
{
	size_t nb = 0;

	while (nb < l->nb_frames && l->frame_ends[nb] <= at)
		nb++;
	return nb;
}

bool layout_is_border(const struct layout *l, size_t at)
{
	for (size_t i = 0; i < l->nb_borders; i++) {
		if (l->borders[i] == at)
			return true;
	}
	return false;
}
