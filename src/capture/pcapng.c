/* SPDX-License-Identifier: BSD-3-Clause */

/* pcapng (draft-ietf-opsawg-pcapng): blocks, and the packets in them. */

#include <inttypes.h>

#include "pcapng_priv.h"

#define BLOCK_MIN 12u    /* type, length, trailing length */
#define PACKET_MIN 32u   /* an enhanced packet block without options */
#define PACKET_FIXED 28u /* bytes of one in front of the packet */

static inline bool is_packet(uint32_t type)
{
	return type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_PACKET;
}

/* Fixed part of a packet block, block header included; the packet follows it. */
struct pcapng_packet {
	uint32_t interface; /* in its section */
	uint32_t caplen, wire_len;
	uint64_t ticks;
	uint32_t fixed_len;
	bool has_ts;
};

static struct pcapng_packet packet_get(const uint8_t *block, uint32_t type, uint32_t total,
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
	packet.fixed_len = PACKET_FIXED;
	packet.has_ts = true;
	return packet;
}

static void note_cut_short(const struct cutter *c, size_t need, uint64_t got)
{
	const uint64_t offset = c->chunk->offset + c->pos;

	if (source_may_go_on(c->capture, c->source) ||
	    capture_note_unfollowed(c->capture, c->source, offset))
		return;
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

/* Ticks of an interface to ns since the epoch. */
static inline int64_t ticks_to_ns(uint64_t ticks, const struct capture_interface *interface)
{
	const uint64_t ns = interface->ns_per_tick != 0
				    ? ticks * interface->ns_per_tick
				    : pcapng_odd_ticks_to_ns(ticks, interface->ts_resol);

	return (int64_t)(ns + (uint64_t)interface->offset_ns);
}

/* False when the input ends here. */
static bool cut_packet(struct cutter *c, const uint8_t *block)
{
	const uint32_t nb = c->capture->nb_interfaces - c->source->interface_base;
	struct capture_interface *interface;
	struct pcapng_packet packet;
	uint64_t offset = c->chunk->offset + c->pos;

	if (c->total < (c->type == BLOCK_SIMPLE_PACKET ? 16u : PACKET_MIN)) {
		capture_note_damage(c->capture, c->source, offset,
				    "packet block %" PRIu64
				    ": expected at least 32 bytes, found %" PRIu32,
				    c->source->record, c->total);
		return false;
	}
	packet = packet_get(block, c->type, c->total,
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
		packet.has_ts ? ticks_to_ns(packet.ticks, interface) : 0, packet.caplen,
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
	if (c->type == PCAPNG_SECTION) { /* reads the same both ways */
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
		is_packet(c->type) || c->type == PCAPNG_SECTION || c->type == BLOCK_INTERFACE;

	if (needed) {
		capture_note_damage(c->capture, c->source, chunk->offset + c->pos,
				    "block %" PRIu64 " (type %" PRIu32
				    "): expected at most %u bytes, found %" PRIu32,
				    c->source->record, c->type,
				    CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS, c->total);
		return false;
	}
	if (chunk->is_stream) {
		const uint64_t here = chunk->len - c->pos;
		uint64_t left, got;

		if (here >= c->total)
			return true;
		left = c->total - here;
		got = source_discard(c->capture, c->source, left);
		/* What was skipped is not in the buffer: the chunk ends here. */
		chunk->limit = c->pos;
		if (got < left && !stream_note_damage(c->capture, c->source))
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

	if (trailer != c->total) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "block %" PRIu64 ": expected its length %" PRIu32
				    " again at its end, found %" PRIu32,
				    c->source->record, c->total, trailer);
		return 0;
	}
	if (is_packet(c->type))
		return cut_packet(c, block);
	switch (c->type) {
	case PCAPNG_SECTION:
		return pcapng_cut_section(c, block);
	case BLOCK_INTERFACE:
		return pcapng_cut_interface(c, block);
	case BLOCK_STATISTICS:
		return pcapng_cut_statistics(c, block);
	default:
		return 1;
	}
}

/*
 * Takes the enhanced packet blocks from c->pos on that are whole in the buffer and without
 * fault, up to the chunk's limit: nearly all blocks there are. Stops at any other, which
 * cut_block() and those before it look at closely. Inlined with swapped known.
 */
static inline __attribute__((always_inline)) void take_packets(struct cutter *c, bool swapped)
{
	struct capture_interface *const interfaces =
		&c->capture->interfaces[c->source->interface_base];
	const uint32_t nb_interfaces = c->capture->nb_interfaces - c->source->interface_base;
	const struct chunk *const chunk = c->chunk;
	const uint8_t *const end = chunk->data + chunk->len;
	const uint8_t *at = chunk->data + c->pos, *stop = chunk->data + chunk->limit;
	const struct frame *const before = c->cut->next;
	struct cut cut = *c->cut; /* in registers */

	if (chunk->len < PACKET_MIN)
		return;
	if (chunk->limit > chunk->len - PACKET_MIN)
		stop = end - PACKET_MIN + 1;
	while (at < stop && !cut_is_full(&cut)) {
		const uint32_t total = get_u32(at + 4, swapped), id = get_u32(at + 8, swapped);
		const uint32_t caplen = get_u32(at + 20, swapped);

		if (get_u32(at, swapped) != BLOCK_ENHANCED_PACKET || total < PACKET_MIN ||
		    (total & 3) != 0 || total > CAPTURE_MAX_CAPLEN + CAPTURE_MAX_OPTIONS ||
		    total > (size_t)(end - at) || get_u32(at + total - 4, swapped) != total ||
		    id >= nb_interfaces || caplen > total - PACKET_MIN ||
		    caplen > CAPTURE_MAX_CAPLEN)
			break;
		cut_set_interface(&cut, &interfaces[id]);
		cut_add(&cut, at + PACKET_FIXED,
			ticks_to_ns((uint64_t)get_u32(at + 12, swapped) << 32 |
					    get_u32(at + 16, swapped),
				    &interfaces[id]),
			caplen, get_u32(at + 24, swapped));
		at += total;
	}
	*c->cut = cut;
	c->source->record += (uint64_t)(cut.next - before);
	c->pos = (size_t)(at - chunk->data);
}

int pcapng_cut(struct capture *capture, struct source *source, struct chunk *chunk, struct cut *cut)
{
	struct cutter c = {.capture = capture,
			   .source = source,
			   .chunk = chunk,
			   .cut = cut,
			   .pos = chunk->first};
	int rc = 1;

	while (rc == 1) {
		if (source->swapped)
			take_packets(&c, true);
		else
			take_packets(&c, false);
		if (c.pos >= chunk->limit || cut_is_full(cut) || capture_stopped(capture) ||
		    block_header(&c) == 0)
			break;
		if (!block_fits(&c)) {
			if (!skip_large_block(&c))
				break;
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
