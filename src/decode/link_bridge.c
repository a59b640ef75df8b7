/* SPDX-License-Identifier: BSD-3-Clause */

/* Ethernet frames inside the frames and tags of other equipment. */

#include "decode_priv.h"

#define FCS_LEN 4
#define ADDRESSES_LEN 12
#define IPFC_LEN 16
#define AP1394_LEN 18
#define SUNATM_LEN 4
#define EPON_LEN 8
#define DOCSIS_LEN 6

#define PREAMBLE 0x55u
#define LINK_ID_FOLLOWS 0xd5u

/* Switch tags (DSA): Broadcom's and Marvell's, and Marvell's with an ethertype. */
#define SWITCH_TAG_LEN 4
#define SWITCH_ETHER_TAG_LEN 8
#define MARVELL_TAGGED 0x20u

/* RFC 2625: IP over Fibre Channel; two addresses with their padding. */
enum fate decode_ipfc(struct cursor *c)
{
	if (cursor_left(c) < IPFC_LEN)
		return FATE_NOT_IP;
	cursor_skip(c, IPFC_LEN);
	return decode_llc(c);
}

/* Apple's IP over IEEE 1394: two addresses of eight bytes, an ethertype. */
enum fate decode_ap1394(struct cursor *c)
{
	uint16_t type;

	if (cursor_left(c) < AP1394_LEN)
		return FATE_NOT_IP;
	type = get_be16(c->at + AP1394_LEN - 2);
	cursor_skip(c, AP1394_LEN);
	return decode_ethertype(c, type);
}

/* SunATM: traffic type in the low bits of the first byte, then path and channel. */
enum fate decode_sunatm(struct cursor *c)
{
	uint8_t traffic;

	if (cursor_left(c) < SUNATM_LEN)
		return FATE_NOT_IP;
	traffic = c->at[0] & 0xf;
	cursor_skip(c, SUNATM_LEN);
	switch (traffic) {
	case 1: /* LAN emulation: two bytes name the client */
		if (cursor_left(c) < 2)
			return FATE_NOT_IP;
		cursor_skip(c, 2);
		return decode_ethernet(c);
	case 5: /* ILMI */
	case 6: /* signalling */
		return FATE_NOT_IP;
	default:
		return decode_llc(c);
	}
}

/*
 * IEEE 802.3 clause 65: a preamble of eight bytes, or of seven when one was lost, in whose
 * third byte the link id is announced.
 */
enum fate decode_epon(struct cursor *c)
{
	size_t len = EPON_LEN;

	if (cursor_left(c) < EPON_LEN)
		return FATE_NOT_IP;
	if (c->at[1] == LINK_ID_FOLLOWS)
		len--;
	else if (c->at[2] != LINK_ID_FOLLOWS)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	return decode_ethernet(c);
}

/* The check sequence of IEEE 802.3 (3.2.9). */
static uint32_t frame_check(const uint8_t *at, size_t len)
{
	uint32_t sum = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		sum ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
	}
	return ~sum;
}

/* True for express frames, and for the four that start a frame which may be preempted. */
static bool is_start(uint8_t delimiter)
{
	switch (delimiter) {
	case 0xd5:
	case 0xe6:
	case 0x4c:
	case 0x7f:
	case 0xb3:
		return true;
	default:
		return false;
	}
}

/*
 * IEEE 802.3br: preamble, delimiter, frame, check sequence. The sequence of a fragment is
 * another one: frames that were preempted, and damaged ones, are not read.
 */
enum fate decode_mpacket(struct cursor *c)
{
	size_t len = 0, frame_len;

	while (len < 8 && len < cursor_left(c) && c->at[len] == PREAMBLE)
		len++;
	if (len == cursor_left(c))
		return FATE_NOT_IP;
	if (!is_start(c->at[len]))
		return decode_ethernet(c); /* neither preamble nor delimiter */
	cursor_skip(c, len + 1);
	if (cursor_left(c) < FCS_LEN || c->wire_left != cursor_left(c))
		return FATE_NOT_IP;
	frame_len = cursor_left(c) - FCS_LEN;
	if (get_le32(c->at + frame_len) != frame_check(c->at, frame_len))
		return FATE_FRAGMENT;
	cursor_limit(c, frame_len);
	return decode_ethernet(c);
}

/* A switch's tag of len bytes between the addresses and the type. */
static enum fate decode_switch_tag(struct cursor *c, size_t len)
{
	uint16_t type;

	if (cursor_left(c) < ADDRESSES_LEN + len + 2)
		return FATE_NOT_IP;
	type = get_be16(c->at + ADDRESSES_LEN + len);
	cursor_skip(c, ADDRESSES_LEN + len + 2);
	return decode_type_or_length(c, type);
}

enum fate decode_dsa_broadcom(struct cursor *c)
{
	return decode_switch_tag(c, SWITCH_TAG_LEN);
}

/* Marvell's tag of four bytes at the end of len can stand for a VLAN tag. */
static enum fate decode_marvell(struct cursor *c, size_t len)
{
	const uint8_t *tag = c->at + ADDRESSES_LEN + len - SWITCH_TAG_LEN;

	if (cursor_left(c) >= ADDRESSES_LEN + len && tag[0] & MARVELL_TAGGED)
		c->segment->vlan = (uint16_t)((get_be16(tag + 2) & 0xfff) + 1);
	return decode_switch_tag(c, len);
}

enum fate decode_dsa_marvell(struct cursor *c)
{
	return decode_marvell(c, SWITCH_TAG_LEN);
}

enum fate decode_dsa_marvell_ether(struct cursor *c)
{
	return decode_marvell(c, SWITCH_ETHER_TAG_LEN);
}

/* The tag is in front of the whole frame. */
enum fate decode_dsa_prepended(struct cursor *c)
{
	if (cursor_left(c) < SWITCH_TAG_LEN)
		return FATE_NOT_IP;
	cursor_skip(c, SWITCH_TAG_LEN);
	return decode_ethernet(c);
}

/* ITU-T X.25's check sequence, as DOCSIS has it over its header. */
static uint16_t header_check(const uint8_t *at, size_t len)
{
	uint32_t sum = 0xffff;

	for (size_t i = 0; i < len; i++) {
		sum ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0x8408 : sum >> 1;
	}
	return (uint16_t)~sum;
}

/* A privacy element of an extended header says whether the frame is encrypted. */
static bool is_encrypted(const uint8_t *at, size_t len)
{
	while (len >= 1) {
		const size_t size = 1 + (at[0] & 0xfu);
		const uint8_t type = at[0] >> 4;

		if ((type == 3 || type == 4) && len >= 3 && at[2] & 0x80)
			return true;
		if (size > len)
			return false;
		at += size;
		len -= size;
	}
	return false;
}

/* DOCSIS MAC header: frame control, parameter, length, extended header, check sequence. */
enum fate decode_docsis(struct cursor *c)
{
	const uint8_t *header = c->at;
	size_t extended = 0;

	if (cursor_left(c) < DOCSIS_LEN || header[0] >> 6 & 1) /* ATM, MAC specific */
		return FATE_NOT_IP;
	if (header[0] & 1)
		extended = header[1];
	if (cursor_left(c) < DOCSIS_LEN + extended ||
	    get_le16(header + 4 + extended) != header_check(header, 4 + extended) ||
	    is_encrypted(header + 4, extended))
		return FATE_NOT_IP;
	cursor_skip(c, DOCSIS_LEN + extended);
	return decode_ethernet(c);
}
