/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of fuzzed packets: mostly right, some over one another, of odd lengths, or damaged. */
#include <string.h>

#include "fuzz_carry.h"

#define PROTOCOL_FRAGMENT 44
#define CUTS_MAX 5

/* A range of a packet's payload as one fragment tells it. */
struct piece {
	size_t start, end;
	bool more;
};

static size_t header_len(const struct cargo *cargo)
{
	return cargo->type == CARGO_IPV6 ? 40 : 20;
}

static void write_header(const struct cargo *cargo, const struct piece *piece, uint16_t id,
			 struct cargo *out)
{
	const size_t front = header_len(cargo), len = piece->end - piece->start;
	uint8_t *at = out->bytes;

	memcpy(at, cargo->bytes, front);
	out->type = cargo->type;
	if (cargo->type == CARGO_IPV6) {
		at[6] = PROTOCOL_FRAGMENT;
		cargo_store16(at + 4, 8 + len);
		at[40] = cargo->bytes[6];
		cargo_store16(at + 42, piece->start | piece->more);
		cargo_store16(at + 46, id);
		out->len = front + 8;
		return;
	}
	cargo_store16(at + 2, front + len);
	cargo_store16(at + 4, id);
	cargo_store16(at + 6, piece->start / 8 | (piece->more ? 0x2000 : 0));
	out->len = front;
}

/* What was captured of the packet is captured of its fragment. */
static void write_piece(const struct cargo *cargo, const struct piece *piece, uint16_t id,
			struct cargo *out)
{
	const size_t start = header_len(cargo) + piece->start;
	const size_t len = piece->end - piece->start;
	const size_t there = cargo->len > start ? cargo->len - start : 0;
	const size_t keep = there < len ? there : len;

	memset(out, 0, sizeof(*out));
	write_header(cargo, piece, id, out);
	memcpy(out->bytes + out->len, cargo->bytes + start, keep);
	out->len += keep;
	out->more = len - keep;
}

static void bend(struct fuzz *fuzz, struct piece *piece, size_t total)
{
	size_t more = 8 * (size_t)fuzz_below(fuzz, 4);

	switch (fuzz_below(fuzz, 32)) {
	case 0:
	case 1: /* into the next one */
		piece->end = piece->end + more < total ? piece->end + more : total;
		break;
	case 2: /* into the one before */
		piece->start -= piece->start >= more ? more : 0;
		break;
	case 3:
		piece->more = !piece->more;
		break;
	case 4: /* of nothing */
		piece->end = piece->start;
		break;
	case 5: /* of a length that no other can follow */
		piece->end -= piece->end > piece->start + 3 ? 3 : 0;
		break;
	default:
		break;
	}
}

static void bend_bytes(struct fuzz *fuzz, const struct cargo *cargo, struct cargo *piece)
{
	size_t at = header_len(cargo) + (cargo->type == CARGO_IPV6 ? 8 : 0);

	if (!fuzz_chance(fuzz, 40))
		return;
	/* Mostly behind ports, of which others would be new flows. */
	for (at += fuzz_chance(fuzz, 900) ? 4 : 0; at < piece->len; at++)
		piece->bytes[at] ^= (uint8_t)(fuzz_chance(fuzz, 100) ? fuzz_random(fuzz) : 0);
	if (fuzz_chance(fuzz, 100)) /* the header of one fragment need not be the others' */
		piece->bytes[cargo->type == CARGO_IPV6 ? 40 : 8] ^= 1;
}

/* Ends of pieces, ascending, the last one total; returns how many. */
static unsigned choose_cuts(struct fuzz *fuzz, size_t total, size_t *cuts)
{
	unsigned i, nb = 1 + fuzz_below(fuzz, CUTS_MAX - 1);
	size_t at = 0;

	for (i = 0; i < nb; i++) {
		/* Often within the TCP header. */
		size_t reach = fuzz_chance(fuzz, 400) ? 5 : total / 8 + 1;

		at += 8 * (size_t)(1 + fuzz_below(fuzz, reach));
		if (at >= total)
			break;
		cuts[i] = at;
	}
	cuts[i] = total;
	return i + 1;
}

unsigned cargo_split(struct fuzz *fuzz, const struct cargo *cargo, uint16_t id,
		     struct cargo *pieces)
{
	const size_t total = cargo_len(cargo) - header_len(cargo);
	size_t cuts[CUTS_MAX], start = 0;
	unsigned i, nb_cuts, nb = 0;

	nb_cuts = choose_cuts(fuzz, total, cuts);
	for (i = 0; i < nb_cuts; i++) {
		struct piece piece = {start, cuts[i], cuts[i] < total};

		start = cuts[i];
		if (fuzz_chance(fuzz, 15)) /* lost */
			continue;
		bend(fuzz, &piece, total);
		write_piece(cargo, &piece, id, &pieces[nb]);
		bend_bytes(fuzz, cargo, &pieces[nb++]);
		if (fuzz_chance(fuzz, 30)) {
			pieces[nb] = pieces[nb - 1];
			nb++;
		}
	}
	for (i = nb; i > 1 && nb > 1 && fuzz_chance(fuzz, 300); i--) {
		const unsigned k = fuzz_below(fuzz, i);
		const struct cargo last = pieces[i - 1];

		pieces[i - 1] = pieces[k];
		pieces[k] = last;
	}
	return nb;
}
