/* SPDX-License-Identifier: BSD-3-Clause */

/* IEEE 802.11 data frames (IEEE 802.11-2020, 9.2 and 9.3.2). */

#include <string.h>

#include "decode_priv.h"

/* Frame control: the first byte has version, type and subtype, the second one flags. */
#define VERSION_AND_TYPE 0x0fu
#define DATA 0x08u
#define SUBTYPE_NO_DATA 0x40u
#define SUBTYPE_QOS 0x80u

#define TO_DS 0x01u
#define FROM_DS 0x02u
#define MORE_FRAGMENTS 0x04u
#define PROTECTED 0x40u
#define ORDER 0x80u /* in a QoS frame: HT control is there */

#define QOS_AMSDU 0x80u

#define ADDRESS_LEN 6
#define SUBFRAME_LEN 14 /* destination, source, length */

/* A mesh control field in front of the LLC header: its length, or 0 (9.2.4.7.3). */
static size_t mesh_control_len(const struct cursor *c, uint8_t flags)
{
	const uint8_t *at = c->at;
	size_t len;

	if (!(flags & FROM_DS) || cursor_left(c) < 6 || at[0] > 2)
		return 0;
	len = 6 + (size_t)at[0] * ADDRESS_LEN;
	if (cursor_left(c) < len + 3 || memcmp(at + len, "\xaa\xaa\x03", 3) != 0)
		return 0;
	return len;
}

/*
 * Some drivers write an Ethernet header behind that of 802.11; then one of the two
 * addresses is there again. header: that of 802.11.
 */
static bool is_ethernet(const struct cursor *c, const uint8_t *header, uint8_t flags)
{
	/* Destination and source in the header, by the two bits. */
	static const uint8_t places[4][2] = {{4, 10}, {16, 10}, {4, 16}, {16, 24}};
	const uint8_t *place = places[flags & (TO_DS | FROM_DS)];

	return cursor_left(c) >= 14 &&
	       (memcmp(c->at, header + place[0], ADDRESS_LEN) == 0 ||
		memcmp(c->at + ADDRESS_LEN, header + place[1], ADDRESS_LEN) == 0);
}

/* What is behind the header of a frame that has one MSDU. */
static enum fate decode_msdu(struct cursor *c, const uint8_t *header, uint8_t flags)
{
	cursor_skip(c, mesh_control_len(c, flags));
	if (cursor_left(c) < 3)
		return FATE_NOT_IP;
	if (is_ethernet(c, header, flags))
		return decode_ethernet(c);
	if (c->at[0] == 0 && c->at[1] == 0) {
		cursor_skip(c, 2); /* padding that nothing announces */
		return decode_llc(c);
	}
	if (c->at[0] >= 0x08 && get_be16(c->at) != 0xaaaa) {
		const uint16_t type = get_be16(c->at); /* and no LLC header */

		cursor_skip(c, 2);
		return decode_ethertype(c, type);
	}
	return decode_llc(c);
}

/* Several MSDUs in one frame, each with its addresses and length (9.3.2.2.2). */
static enum fate decode_amsdu(struct cursor *c)
{
	const struct segment outer = *c->segment;
	enum fate fate = FATE_NOT_IP;

	while (cursor_left(c) >= SUBFRAME_LEN) {
		const size_t len = get_be16(c->at + 12), padded = (len + 2 + 3) / 4 * 4 - 2;
		struct cursor inner;
		enum fate one;

		cursor_skip(c, SUBFRAME_LEN);
		if (len < 3)
			break;
		inner = cursor_fork(c, len < cursor_left(c) ? len : cursor_left(c),
				    len < c->wire_left ? len : c->wire_left);
		inner.segment->vlan = outer.vlan;
		inner.segment->tunnel = outer.tunnel;
		one = decode_llc(&inner);
		/* One with TCP decides; else the first. */
		if (fate == FATE_NOT_IP)
			fate = one;
		if (padded > cursor_left(c))
			break;
		cursor_skip(c, padded);
	}
	return fate;
}

/* The header's length, or 0 if it is not all there. */
static size_t header_len(const struct cursor *c, uint8_t subtype, uint8_t flags, uint32_t how)
{
	size_t len = 24;

	if ((flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS))
		len += ADDRESS_LEN;
	if (subtype & SUBTYPE_QOS)
		len += flags & ORDER ? 2 + 4 : 2;
	if (how & WLAN_PADDED)
		len = (len + 3) / 4 * 4;
	return len <= cursor_left(c) ? len : 0;
}

enum fate decode_80211(struct cursor *c, uint32_t how)
{
	const uint8_t *header = c->at;
	uint8_t subtype, flags;
	size_t len;
	bool amsdu;

	if (cursor_left(c) < 24)
		return FATE_NOT_IP;
	subtype = header[how & WLAN_SWAPPED ? 1 : 0];
	flags = header[how & WLAN_SWAPPED ? 0 : 1];
	if ((subtype & VERSION_AND_TYPE) != DATA || subtype & SUBTYPE_NO_DATA || flags & PROTECTED)
		return FATE_NOT_IP;
	len = header_len(c, subtype, flags, how);
	if (len == 0)
		return FATE_NOT_IP;
	/* Fragments are not put together. A last one may be all that access points send on. */
	if (flags & MORE_FRAGMENTS)
		return FATE_FRAGMENT;
	if (how & WLAN_FCS)
		cursor_limit(c, c->wire_left > len + 4 ? c->wire_left - 4 : len);
	amsdu = subtype & SUBTYPE_QOS &&
		header[24 + ((flags & 3) == 3 ? ADDRESS_LEN : 0)] & QOS_AMSDU;
	cursor_skip(c, len);
	return amsdu ? decode_amsdu(c) : decode_msdu(c, header, flags);
}
