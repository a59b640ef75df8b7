/* SPDX-License-Identifier: BSD-3-Clause */

/* pcapng: sections, interfaces and loss reports, whose options hold what packets need. */

#include <inttypes.h>

#include "pcapng_priv.h"

/* Options of an interface description and of interface statistics. */
#define OPT_END 0u
#define OPT_IF_TSRESOL 9u
#define OPT_IF_FCSLEN 13u
#define OPT_IF_TSOFFSET 14u
#define OPT_ISB_IFDROP 5u
#define OPT_ISB_OSDROP 7u

/* The ns of a tick, or 0 if that is no whole number: 10^-n or 2^-n seconds. */
static uint32_t ns_per_tick(uint8_t ts_resol)
{
	uint32_t ns = 1;

	if (ts_resol > 9)
		return 0;
	for (uint8_t i = ts_resol; i < 9; i++)
		ns *= 10;
	return ns;
}

__extension__ typedef unsigned __int128 uint128; /* gcc and clang have it on 64 bits */

uint64_t pcapng_odd_ticks_to_ns(uint64_t ticks, uint8_t ts_resol)
{
	const uint8_t power = ts_resol & 0x7f;
	uint128 ns = ticks;

	/* Units of 2^-power s: whole seconds and fraction apart, or 128 bits overflow. */
	if (ts_resol & 0x80)
		return power > 63 ? 0 : (uint64_t)((ns * 1000000000u) >> power);
	for (uint8_t i = 9; i < power && ticks != 0; i++)
		ticks /= 10;
	return ticks;
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

static int note_bad_option(const struct cutter *c, uint16_t len)
{
	capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
			    "block %" PRIu64 ": expected options inside the block of %" PRIu32
			    " bytes, found one of %u bytes that leaves it",
			    c->source->record, c->total, len);
	return 0;
}

int pcapng_cut_section(struct cutter *c, const uint8_t *block)
{
	const uint8_t *p = block + 24, *end = block + c->total - 4;
	const uint16_t major = get_u16(block + 12, c->source->swapped);
	uint16_t code, len = 0;
	bool bad = false;

	if (c->total < 28) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "section header: expected at least 28 bytes, found %" PRIu32,
				    c->total);
		return 0;
	}
	if (major != 1) {
		capture_note_damage(c->capture, c->source, c->chunk->offset + c->pos,
				    "section header: expected pcapng version 1, found %u", major);
		return 0;
	}
	while (next_option(&p, end, c->source->swapped, &code, &len, &bad) != NULL)
		;
	if (bad)
		return note_bad_option(c, len);
	c->source->interface_base = c->capture->nb_interfaces;
	return 1;
}

int pcapng_cut_interface(struct cutter *c, const uint8_t *block)
{
	const bool swapped = c->source->swapped;
	struct capture_interface interface = {.ts_resol = 6, .drops = UINT64_MAX};
	const uint8_t *p = block + 16, *end = block + c->total - 4, *value;
	uint16_t code, len = 0;
	bool bad = false;
	int rc;

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
		/* In bits; some write bytes. */
		if (code == OPT_IF_FCSLEN && len == 1)
			interface.fcs_len = value[0] < 8 ? value[0] : value[0] / 8;
		if (code == OPT_IF_TSOFFSET && len == 8) {
			uint64_t seconds = (uint64_t)get_u32(value + (swapped ? 0 : 4), swapped)
						   << 32 |
					   get_u32(value + (swapped ? 4 : 0), swapped);

			interface.offset_ns = (int64_t)(seconds * 1000000000u);
		}
	}
	if (bad)
		return note_bad_option(c, len);
	interface.ns_per_tick = ns_per_tick(interface.ts_resol);
	rc = capture_add_interface(c->capture, c->source, &interface);
	return rc < 0 ? rc : !atomic_load(&c->source->ended);
}

/* The capture's own loss report; the last one of an interface counts. */
int pcapng_cut_statistics(struct cutter *c, const uint8_t *block)
{
	const bool swapped = c->source->swapped;
	const uint8_t *p = block + 20, *end = block + c->total - 4, *value;
	uint64_t drops = UINT64_MAX;
	uint32_t id;
	uint16_t code, len = 0;
	bool bad = false;

	if (c->total < 24)
		return 1;
	id = get_u32(block + 8, swapped);
	if (id >= c->capture->nb_interfaces - c->source->interface_base)
		return 1;
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
	return 1;
}
