/* SPDX-License-Identifier: BSD-3-Clause */

/* pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, loss reports. */

#include <inttypes.h>

#include "capture_priv.h"

#define BLOCK_MIN 12u /* type, length, trailing length */

/* Options of an interface description and of interface statistics. */
#define OPT_END 0u
#define OPT_IF_TSRESOL 9u
#define OPT_IF_TSOFFSET 14u
#define OPT_ISB_IFDROP 5u
#define OPT_ISB_OSDROP 7u

struct pcapng_packet pcapng_packet_get(const uint8_t *block, uint32_t type, uint32_t total,
				       uint32_t snaplen, bool swapped)
{
	struct pcapng_packet packet = {0};

	if (type == BLOCK_SIMPLE_PACKET) {
		packet.fixed_len = 12;
		packet.wire_len = get_u32(block + 8, swapped);
		packet.caplen = packet.wire_len;
		if (snaplen != 0 && packet.caplen > snaplen)
			packet.caplen = snaplen;
		if (packet.caplen > total - 16)
			packet.caplen = total - 16;
		return packet;
	}
	packet.interface =
		type == BLOCK_PACKET ? get_u16(block + 8, swapped) : get_u32(block + 8, swapped);
	packet.ticks = (uint64_t)get_u32(block + 12, swapped) << 32 | get_u32(block + 16, swapped);
	packet.caplen = get_u32(block + 20, swapped);
	packet.wire_len = get_u32(block + 24, swapped);
	packet.fixed_len = 28;
	packet.has_ts = true;
	return packet;
}

__extension__ typedef unsigned __int128 uint128; /* gcc and clang have it on 64 bits */

int64_t pcapng_ticks_to_ns(uint64_t ticks, const struct capture_interface *interface)
{
	const uint8_t power = interface->ts_resol & 0x7f;
	uint128 ns = ticks;

	if (interface->ts_resol == 6) {
		ns *= 1000;
	} else if (interface->ts_resol & 0x80) {
		/* Units of 2^-power s: whole seconds and fraction apart, or 128 bits overflow. */
		ns = power > 63 ? 0 : (ns * 1000000000u) >> power;
	} else {
		for (uint8_t i = power; i < 9; i++)
			ns *= 10;
		for (uint8_t i = 9; i < power && ns != 0; i++)
			ns /= 10;
	}
	return (int64_t)((uint64_t)ns + (uint64_t)interface->offset_ns);
}

/* Everything a cut of one chunk carries from block to block. */
struct cutter {
	struct capture *capture;
	struct source *source;
	struct chunk *chunk;
	struct cut *cut;
	size_t pos;
	uint32_t type, total;
};

static void note_cut_short(const struct cutter *c, size_t need, uint64_t got)
{
	const uint64_t offset = c->chunk->offset + c->pos;

	if (c->chunk->is_stream && capture_stopped(c->capture))
		return; /* the rest was not waited for */
	if (c->chunk->read_error != 0)
		capture_note_damage(c->capture, c->source, offset,
				    "block %" PRIu64 ": read error: %s", c->source->record,
				    strerror(c->chunk->read_error));
	else
		capture_note_damage(c->capture, c->source, offset,
				    "block %" PRIu64
				    " is cut short: expected %zu bytes, got %" PRIu64,
				    c->source->record, need, got);
}

/*
 * Walks an option list in [p, end). Returns the next option's value and length,
 * or NULL at the end; *bad is set when an option runs past the block.
 */
static const uint8_t *next_option(const uint8_t **p, const uint8_t *end, bool swapped,
				  uint16_t *code, uint16_t *len, bool *bad)
{
	const uint8_t *value;

	if (end - *p < 4)
		return NULL;
	*code = get_u16(*p, swapped);
	*len = get_u16(*p + 2, swapped);
	if (*code == OPT_END)
		return NULL;
	value = *p + 4;
	if (end - value < *len) {
		*bad = true;
		return NULL;
	}
	*p = value + ((*len + 3u) & ~3u);
	if (*p > end)
		*p = end;
	return value;
}

static bool note_bad_option(const struct cutter *c, uint16_t len)
{
	capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
			    "block %" PRIu64 ": expected options inside the block of %" PRIu32
			    " bytes, found one of %u bytes that leaves it",
			    c->source->record, c->total, len);
	return false;
}

static bool cut_section(struct cutter *c, const uint8_t *block)
{
	const uint8_t *p = block + 24, *end = block + c->total - 4;
	const uint16_t major = get_u16(block + 12, c->source->swapped);
	uint16_t code, len = 0;
	bool bad = false;

	if (c->total < 28) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "section header: expected at least 28 bytes, found %" PRIu32,
				    c->total);
		return false;
	}
	if (major != 1) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "section header: expected pcapng version 1, found %u", major);
		return false;
	}
	while (next_option(&p, end, c->source->swapped, &code, &len, &bad) != NULL)
		;
	if (bad)
		return note_bad_option(c, len);
	c->source->interface_base = c->capture->nb_interfaces;
	return true;
}

static int cut_interface(struct cutter *c, const uint8_t *block)
{
	const bool swapped = c->source->swapped;
	struct capture_interface interface = {.ts_resol = 6, .drops = UINT64_MAX};
	const uint8_t *p = block + 16, *end = block + c->total - 4, *value;
	uint16_t code, len = 0;
	bool bad = false;

	if (c->total < 20) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "interface block: expected at least 20 bytes, found %" PRIu32,
				    c->total);
		return 0;
	}
	interface.link_type = get_u16(block + 8, swapped);
	interface.snaplen = get_u32(block + 12, swapped);
	while ((value = next_option(&p, end, swapped, &code, &len, &bad)) != NULL) {
		if (code == OPT_IF_TSRESOL && len == 1)
			interface.ts_resol = value[0];
		if (code == OPT_IF_TSOFFSET && len == 8) {
			uint64_t seconds = (uint64_t)get_u32(value + (swapped ? 0 : 4), swapped)
						   << 32 |
					   get_u32(value + (swapped ? 4 : 0), swapped);

			interface.offset_ns = (int64_t)(seconds * 1000000000u);
		}
	}
	if (bad) {
		(void)note_bad_option(c, len);
		return 0;
	}
	return capture_add_interface(c->capture, c->source, &interface);
}

/* The capture's own loss report; the last one of an interface counts. */
static void cut_statistics(struct cutter *c, const uint8_t *block)
{
	const bool swapped = c->source->swapped;
	const uint8_t *p = block + 20, *end = block + c->total - 4, *value;
	uint64_t drops = UINT64_MAX;
	uint32_t id;
	uint16_t code, len = 0;
	bool bad = false;

	if (c->total < 24)
		return;
	id = get_u32(block + 8, swapped);
	if (id >= c->capture->nb_interfaces - c->source->interface_base)
		return;
	while ((value = next_option(&p, end, swapped, &code, &len, &bad)) != NULL) {
		const bool counts = code == OPT_ISB_IFDROP || code == OPT_ISB_OSDROP;

		if (!counts || len != 8)
			continue;
		if (drops == UINT64_MAX)
			drops = 0;
		drops += (uint64_t)get_u32(value + (swapped ? 0 : 4), swapped) << 32 |
			 get_u32(value + (swapped ? 4 : 0), swapped);
	}
	if (drops != UINT64_MAX)
		c->capture->interfaces[c->source->interface_base + id].drops = drops;
}

/* False when the input ends here. */
static bool cut_packet(struct cutter *c, const uint8_t *block)
{
	const uint32_t nb = c->capture->nb_interfaces - c->source->interface_base;
	struct capture_interface *interface;
	struct pcapng_packet packet;
	uint64_t offset = c->chunk->offset + c->pos;

	if (c->total < (c->type == BLOCK_SIMPLE_PACKET ? 16u : 32u)) {
		capture_note_damage(c->capture, c->source, offset,
				    "packet block %" PRIu64
				    ": expected at least 32 bytes, found %" PRIu32,
				    c->source->record, c->total);
		return false;
	}
	packet = pcapng_packet_get(
		block, c->type, c->total,
		nb > 0 ? c->capture->interfaces[c->source->interface_base].snaplen : 0,
		c->source->swapped);
	if (packet.interface >= nb) {
		capture_note_damage(c->capture, c->source, offset,
				    "block %" PRIu64 ": expected an interface below %" PRIu32
				    ", found %" PRIu32,
				    c->source->record, nb, packet.interface);
		return false;
	}
	if (packet.caplen > c->total - packet.fixed_len - 4 || packet.caplen > CAPTURE_MAX_CAPLEN) {
		capture_note_damage(c->capture, c->source, offset,
				    "block %" PRIu64 ": expected at most %" PRIu32
				    " captured bytes, found %" PRIu32,
				    c->source->record, c->total - packet.fixed_len - 4,
				    packet.caplen);
		return false;
	}
	interface = &c->capture->interfaces[c->source->interface_base + packet.interface];
	cut_set_interface(c->cut, interface);
	cut_add(c->cut, block + packet.fixed_len,
		packet.has_ts ? pcapng_ticks_to_ns(packet.ticks, interface) : 0, packet.caplen,
		packet.wire_len);
	return true;
}

/*
 * Reads type and length of the block at pos, and checks them. 1: there is one;
 * 0: the input ends here, cleanly or with damage noted.
 */
static int block_header(struct cutter *c)
{
	struct source *source = c->source;
	struct chunk *chunk = c->chunk;
	const uint8_t *p = chunk->data + c->pos;

	if (source_ensure(c->capture, source, chunk, c->pos + BLOCK_MIN) < c->pos + BLOCK_MIN) {
		if (chunk->len > c->pos || chunk->read_error != 0)
			note_cut_short(c, BLOCK_MIN, chunk->len - c->pos);
		else
			capture_end_input(c->capture, source, chunk->offset + c->pos);
		return 0;
	}
	c->type = get_u32(p, source->swapped);
	if (c->type == BLOCK_SECTION) { /* reads the same both ways */
		uint32_t order;

		memcpy(&order, p + 8, sizeof(order));
		if (order != 0x1A2B3C4Du && order != 0x4D3C2B1Au) {
			capture_note_damage(c->capture, source, chunk->offset + c->pos,
					    "section header: expected byte-order magic 1a2b3c4d, "
					    "found %08" PRIx32,
					    order);
			return 0;
		}
		source->swapped = order == 0x4D3C2B1Au;
	}
	c->total = get_u32(p + 4, source->swapped);
	if (c->total < BLOCK_MIN || (c->total & 3) != 0 || c->total > CAPTURE_MAX_BLOCK) {
		capture_note_damage(
			c->capture, source, chunk->offset + c->pos,
			"block %" PRIu64 " (type %" PRIu32
			"): expected a length of 12 to %u that 4 divides, found %" PRIu32,
			source->record, c->type, CAPTURE_MAX_BLOCK, c->total);
		return 0;
	}
	return 1;
}

static bool block_fits(const struct cutter *c)
{
	return c->total <= c->chunk->capacity - c->pos &&
	       c->total <= CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS;
}

/* A block too large for the buffer: skipped, unless it should have been read. */
static bool skip_large_block(struct cutter *c)
{
	struct chunk *chunk = c->chunk;
	const bool needed =
		pcapng_is_packet(c->type) || c->type == BLOCK_SECTION || c->type == BLOCK_INTERFACE;

	if (needed) {
		capture_note_damage(c->capture, c->source, chunk->offset + c->pos,
				    "block %" PRIu64 " (type %" PRIu32
				    "): expected at most %u bytes, found %" PRIu32,
				    c->source->record, c->type,
				    CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS, c->total);
		return false;
	}
	if (chunk->is_stream) {
		const uint64_t here = chunk->len - c->pos, left = c->total - here;
		const uint64_t got = source_discard(c->capture, c->source, left);

		if (got < left)
			note_cut_short(c, c->total, here + got);
		return got == left;
	}
	if (chunk->offset + c->pos + c->total > c->source->info.size) {
		note_cut_short(c, c->total, c->source->info.size - chunk->offset - c->pos);
		return false;
	}
	return true;
}

/* One whole block in the buffer. 1: go on, 0: the input ends, -errno. */
static int cut_block(struct cutter *c)
{
	const uint8_t *block = c->chunk->data + c->pos;
	const uint32_t trailer = get_u32(block + c->total - 4, c->source->swapped);
	int rc;

	if (trailer != c->total) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "block %" PRIu64 ": expected its length %" PRIu32
				    " again at its end, found %" PRIu32,
				    c->source->record, c->total, trailer);
		return 0;
	}
	if (pcapng_is_packet(c->type))
		return cut_packet(c, block);
	switch (c->type) {
	case BLOCK_SECTION:
		return cut_section(c, block);
	case BLOCK_INTERFACE:
		rc = cut_interface(c, block);
		return rc < 0 ? rc : !atomic_load(&c->source->ended);
	case BLOCK_STATISTICS:
		cut_statistics(c, block);
		return 1;
	default:
		return 1;
	}
}

int pcapng_cut(struct capture *capture, struct source *source, struct chunk *chunk, struct cut *cut)
{
	struct cutter c = {.capture = capture,
			   .source = source,
			   .chunk = chunk,
			   .cut = cut,
			   .pos = chunk->first};
	int rc = 1;

	while (rc == 1 && c.pos < chunk->limit && !cut_is_full(cut) && !capture_stopped(capture)) {
		if (block_header(&c) == 0)
			break;
		if (!block_fits(&c)) {
			if (!skip_large_block(&c))
				break;
			if (chunk->is_stream) {
				/* What was skipped is not in the buffer: the chunk ends here. */
				chunk->limit = c.pos;
			}
		} else if (source_ensure(capture, source, chunk, c.pos + c.total) <
			   c.pos + c.total) {
			note_cut_short(&c, c.total, chunk->len - c.pos);
			break;
		} else {
			rc = cut_block(&c);
		}
		if (rc == 1) {
			source->record++;
			c.pos += c.total;
		}
	}
	source->next_offset = chunk->offset + c.pos;
	return rc < 0 ? rc : 0;
}
