/* SPDX-License-Identifier: BSD-3-Clause */

/* Ethernet types whose header only stands in front of another type, or of a whole frame. */

#include "decode_priv.h"

/* What stands at the end of the header. */
enum tag_next {
	NEXT_TYPE,
	NEXT_TYPE_OR_LENGTH,
	NEXT_FRAME,
};

static const struct tag {
	uint16_t type;
	uint8_t len; /* bytes, the next type included */
	uint8_t next;
	bool is_tunnel;
} tags[] = {
	{0x22f3, 6, NEXT_FRAME, true},           /* TRILL (RFC 6325); options: see below */
	{0x4305, 10, NEXT_FRAME, true},          /* B.A.T.M.A.N. advanced; see below */
	{0x88e5, 8, NEXT_TYPE, false},           /* MACsec; see below */
	{0x88e7, 18, NEXT_TYPE, true},           /* IEEE 802.1ah: I-TAG and addresses */
	{0x8909, 8, NEXT_TYPE, false},           /* Cisco metadata (SGT) */
	{0x8926, 6, NEXT_TYPE_OR_LENGTH, false}, /* VN-tag */
	{0x892f, 6, NEXT_TYPE, false},           /* HSR */
	{0x893f, 8, NEXT_TYPE, false},           /* IEEE 802.1BR E-TAG */
	{0xd28b, 14, NEXT_TYPE, false},          /* Arista's time stamps; see below */
	{0xf1c1, 6, NEXT_TYPE, false},           /* IEEE 802.1CB R-TAG */
};

enum {
	TYPE_TRILL = 0x22f3,
	TYPE_MACSEC = 0x88e5,
	TYPE_BATMAN = 0x4305,
	BATMAN_VERSION = 15,
	BATMAN_BROADCAST = 0x01,
	BATMAN_UNICAST = 0x40,
	BATMAN_UNICAST_4 = 0x42, /* with the originator's address */
	TYPE_STAMP = 0xd28b,
	STAMP_64_BITS = 0x00010010, /* subtype and version */
	MACSEC_CODED = 0x8c,        /* no version 0, encrypted, or changed by the integrity check */
	MACSEC_SCI = 0x20,
};

static size_t measure_batman(const struct cursor *c)
{
	if (c->at[1] != BATMAN_VERSION)
		return 0;
	switch (c->at[0]) {
	case BATMAN_BROADCAST:
		return 14;
	case BATMAN_UNICAST:
		return 10;
	case BATMAN_UNICAST_4:
		return 18;
	default:
		return 0;
	}
}

/* Bytes of this header, or 0 if what is behind cannot be read. The tag's len bytes are there. */
static size_t measure_tag(const struct cursor *c, const struct tag *tag)
{
	switch (tag->type) {
	case TYPE_TRILL: /* 5 bits over two bytes: options in 4-byte words */
		return tag->len + (size_t)(get_be16(c->at) >> 6 & 0x1f) * 4;
	case TYPE_MACSEC:
		if (c->at[0] & MACSEC_CODED)
			return 0;
		return c->at[0] & MACSEC_SCI ? 16 : 8;
	case TYPE_BATMAN:
		return measure_batman(c);
	case TYPE_STAMP:
		return get_be32(c->at) == STAMP_64_BITS ? tag->len : 0;
	default:
		return tag->len;
	}
}

static enum fate decode_after(struct cursor *c, const struct tag *tag)
{
	size_t len;
	uint16_t type;

	if (cursor_left(c) < tag->len)
		return tag->is_tunnel ? FATE_TUNNEL : FATE_NOT_IP;
	len = measure_tag(c, tag);
	if (len == 0 || cursor_left(c) < len)
		return FATE_TUNNEL;
	if (tag->is_tunnel)
		c->segment->tunnel = TUNNEL_OTHER;
	type = get_be16(c->at + len - 2);
	cursor_skip(c, len);
	switch ((enum tag_next)tag->next) {
	case NEXT_FRAME:
		return decode_ethernet(c);
	case NEXT_TYPE_OR_LENGTH:
		return decode_type_or_length(c, type);
	default:
		return type > ETHERTYPE_MAX_LENGTH ? decode_ethertype(c, type) : FATE_NOT_IP;
	}
}

static const struct tag *find_tag(uint16_t type)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (tags[i].type == type)
			return &tags[i];
	}
	return NULL;
}

bool tag_is_known(uint16_t type)
{
	return find_tag(type) != NULL;
}

enum fate decode_tag(struct cursor *c, uint16_t type)
{
	const struct tag *tag = find_tag(type);

	return tag != NULL ? decode_after(c, tag) : FATE_NOT_IP;
}
