/* SPDX-License-Identifier: BSD-3-Clause */

/* What capture drivers put in front of IEEE 802.11 frames: radiotap, PPI, Prism, AVS. */

#include "decode_priv.h"

/* radiotap.org: the first words of the bitmap, and the flags field. */
#define PRESENT_TSFT (1u << 0)
#define PRESENT_FLAGS (1u << 1)
#define PRESENT_NO_PSDU (1u << 26)
#define PRESENT_MORE (1u << 31)
#define RADIOTAP_FCS 0x10u
#define RADIOTAP_PADDED 0x20u

#define PPI_MIN_LEN 8
#define PPI_ALIGNED 0x01u
#define PPI_80211_COMMON 2
#define PPI_COMMON_FLAGS_AT 12 /* in the field, its header included */
#define PPI_FCS 0x0001u

#define PRISM_LEN 144
#define AVS_MIN_LEN 8
#define AVS_MAGIC 0x80211000u /* the version is in the last 12 bits */

/* The flags field of a radiotap header of len bytes, or 0 when it is not there. */
static uint8_t radiotap_flags(const uint8_t *header, size_t len)
{
	const uint32_t present = get_le32(header + 4);
	size_t at = 4;

	if (!(present & PRESENT_FLAGS))
		return 0;
	for (uint32_t word = PRESENT_MORE; word & PRESENT_MORE; at += 4) {
		if (at + 4 > len)
			return 0;
		word = get_le32(header + at);
	}
	if (present & PRESENT_TSFT)
		at = (at + 7) / 8 * 8 + 8;
	return at < len ? header[at] : 0;
}

enum fate decode_radiotap(struct cursor *c)
{
	uint32_t how = 0;
	uint8_t flags;
	size_t len;

	if (cursor_left(c) < 8)
		return FATE_NOT_IP;
	len = get_le16(c->at + 2);
	if (len < 8 || cursor_left(c) < len || get_le32(c->at + 4) & PRESENT_NO_PSDU)
		return FATE_NOT_IP;
	flags = radiotap_flags(c->at, len);
	if (flags & RADIOTAP_FCS)
		how |= WLAN_FCS;
	if (flags & RADIOTAP_PADDED)
		how |= WLAN_PADDED;
	cursor_skip(c, len);
	return decode_80211(c, how);
}

/*
 * Skips the header of len bytes, and the padding of its fields, which the length does not
 * count. False if it is not all there, or a field runs out of it.
 */
static bool skip_ppi_header(struct cursor *c, size_t len, bool *fcs)
{
	const bool aligned = c->at[1] & PPI_ALIGNED;
	size_t at = PPI_MIN_LEN, padding = 0;

	while (at + 4 <= len) {
		const uint8_t *field = c->at + at + padding;
		size_t size;

		if (cursor_left(c) < at + padding + 4)
			return false;
		size = 4 + (size_t)get_le16(field + 2);
		if (size > len - at || cursor_left(c) < at + padding + size)
			return false;
		if (get_le16(field) == PPI_80211_COMMON && size >= PPI_COMMON_FLAGS_AT + 2)
			*fcs = get_le16(field + PPI_COMMON_FLAGS_AT) & PPI_FCS;
		at += size;
		padding += aligned ? (4 - size % 4) % 4 : 0;
	}
	if (cursor_left(c) < len + padding)
		return false;
	cursor_skip(c, len + padding);
	return true;
}

/* Per-packet information (CACE Technologies, 2007): any link type may be behind it. */
enum fate decode_ppi(struct cursor *c)
{
	uint32_t link_type;
	bool fcs = false;
	size_t len;

	if (cursor_left(c) < PPI_MIN_LEN)
		return FATE_NOT_IP;
	len = get_le16(c->at + 2);
	link_type = get_le32(c->at + 4);
	if (!skip_ppi_header(c, len < PPI_MIN_LEN ? PPI_MIN_LEN : len, &fcs))
		return FATE_NOT_IP;
	if (link_type == DECODE_LINK_80211)
		return decode_80211(c, fcs ? WLAN_FCS : 0);
	return decode_inner_link(c, link_type);
}

/* The AVS header of 2001: its length is in it. */
enum fate decode_avs(struct cursor *c)
{
	uint32_t len;

	if (cursor_left(c) < AVS_MIN_LEN)
		return FATE_NOT_IP;
	len = get_be32(c->at + 4);
	if (len < AVS_MIN_LEN || cursor_left(c) < len)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	return decode_80211(c, 0);
}

/* The Prism header, in the byte order of the writer's machine; or AVS; or none. */
enum fate decode_prism(struct cursor *c)
{
	uint32_t code;

	if (cursor_left(c) < 8)
		return FATE_NOT_IP;
	code = get_be32(c->at);
	if ((code & 0xfffff000) == AVS_MAGIC)
		return decode_avs(c);
	if (code > 0xffff)
		code = __builtin_bswap32(code);
	if (code != 0x41 && code != 0x44)
		return decode_80211(c, 0);
	if (cursor_left(c) < PRISM_LEN)
		return FATE_NOT_IP;
	cursor_skip(c, PRISM_LEN);
	return decode_80211(c, 0);
}
