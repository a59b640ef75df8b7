/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that were sent on to somebody who analyses them: TZSP and sFlow. */

#include "decode_priv.h"

enum {
	TZSP_KEEPALIVE = 4,
	TZSP_PORT_OPENER = 5,
	TZSP_TAG_PADDING = 0,
	TZSP_TAG_END = 1,
	TZSP_ETHERNET = 1,
	TZSP_PPP = 4,
	TZSP_FDDI = 5,
	TZSP_IP = 7,
	TZSP_80211 = 18,
	TZSP_PRISM = 119,
	TZSP_AVS = 127,
};

static bool skip_tzsp_tags(struct cursor *c)
{
	while (cursor_left(c) >= 1) {
		const uint8_t tag = c->at[0];
		size_t len = 1;

		if (tag != TZSP_TAG_PADDING && tag != TZSP_TAG_END) {
			if (cursor_left(c) < 2)
				return false;
			len = 2u + c->at[1];
		}
		if (cursor_left(c) < len)
			return false;
		cursor_skip(c, len);
		if (tag == TZSP_TAG_END)
			return true;
	}
	return false;
}

enum fate decode_tzsp(struct cursor *c)
{
	uint16_t encapsulation;

	if (cursor_left(c) < 4)
		return FATE_TUNNEL;
	if (c->at[1] == TZSP_KEEPALIVE || c->at[1] == TZSP_PORT_OPENER)
		return FATE_NOT_TCP;
	encapsulation = get_be16(c->at + 2);
	cursor_skip(c, 4);
	if (!skip_tzsp_tags(c))
		return FATE_TUNNEL;
	switch (encapsulation) {
	case TZSP_ETHERNET:
		return decode_ethernet(c);
	case TZSP_PPP:
		return decode_ppp_link(c);
	case TZSP_FDDI:
		return decode_fddi(c);
	case TZSP_IP:
		return decode_raw(c);
	case TZSP_80211:
		return decode_80211(c, 0);
	case TZSP_PRISM:
		return decode_prism(c);
	case TZSP_AVS:
		return decode_avs(c);
	default:
		return FATE_TUNNEL;
	}
}

/* OmniPeek's remote adapters: known by its magic, on any port. */
bool is_peekremote(const uint8_t *at, size_t len)
{
	return len >= 9 && get_be32(at) == 0x00ffabcd && at[4] == 2;
}

/* The header says how long it is; then IEEE 802.11 with its check sequence. */
enum fate decode_peekremote(struct cursor *c)
{
	const uint32_t len = get_be32(c->at + 5);

	if (len < 9 || cursor_left(c) < len)
		return FATE_TUNNEL;
	cursor_skip(c, len);
	return decode_80211(c, WLAN_FCS);
}

enum {
	SFLOW_VERSION = 5,
	SFLOW_FLOW_SAMPLE = 1,
	SFLOW_FLOW_SAMPLE_LONG = 3,
	SFLOW_RAW_HEADER = 1,
	SFLOW_ETHERNET = 1,
	SFLOW_FRAME_RELAY = 5,
	SFLOW_PPP = 7,
	SFLOW_IPV4 = 11,
	SFLOW_IPV6 = 12,
	SFLOW_MPLS = 13,
	SFLOW_80211 = 15,
};

/* The next word of a datagram; 0 where nothing more was captured. */
static uint32_t take_word(struct cursor *c)
{
	uint32_t word;

	if (cursor_left(c) < 4) {
		c->at = c->end;
		return 0;
	}
	word = get_be32(c->at);
	cursor_skip(c, 4);
	return word;
}

static void skip_words(struct cursor *c, size_t nb)
{
	if (cursor_left(c) < nb * 4)
		c->at = c->end;
	else
		cursor_skip(c, nb * 4);
}

/* The part that starts at c->at and has len bytes, and c behind it. */
static struct cursor take_part(struct cursor *c, uint64_t len)
{
	struct cursor part = *c;

	cursor_limit(&part, len);
	c->at = part.end;
	return part;
}

/* A sampled packet's first bytes, of which the sample says how long they are. */
static enum fate decode_sampled(struct cursor *record)
{
	const uint32_t protocol = take_word(record);
	struct cursor c;
	uint32_t len;

	skip_words(record, 2); /* its length on the wire, bytes removed from its end */
	len = take_word(record);
	/* The oracle reads none that is not there whole, with its padding to words of 4 bytes. */
	if (((uint64_t)len + 3) / 4 * 4 > cursor_left(record))
		return FATE_NOT_TCP;
	c = cursor_fork(record, len, len);
	c.is_quoted = true; /* nobody's order of packets: the oracle does not analyse them either */
	c.segment->tunnel = TUNNEL_OTHER;
	switch (protocol) {
	case SFLOW_ETHERNET:
		return decode_ethernet(&c);
	case SFLOW_PPP:
		return decode_ppp_link(&c);
	case SFLOW_IPV4:
		return decode_ip(&c);
	case SFLOW_IPV6:
		return decode_ipv6_only(&c);
	case SFLOW_MPLS:
		return decode_mpls(&c);
	case SFLOW_FRAME_RELAY:
		return decode_frame_relay(&c);
	case SFLOW_80211:
		return decode_80211(&c, 0);
	default:
		return FATE_TUNNEL;
	}
}

static void decode_sample(struct cursor *c, bool is_long)
{
	uint32_t nb;

	skip_words(c, is_long ? 10 : 7);
	nb = take_word(c);
	while (nb-- != 0 && cursor_left(c) >= 8) {
		const uint32_t kind = take_word(c);
		const uint32_t len = take_word(c);
		struct cursor record = take_part(c, len);

		if (kind == SFLOW_RAW_HEADER)
			(void)decode_sampled(&record);
	}
}

/* Each sampled header is a packet of its own: decode_general() counts what they became. */
enum fate decode_sflow(struct cursor *c)
{
	uint32_t nb;

	if (take_word(c) != SFLOW_VERSION)
		return FATE_NOT_TCP;
	skip_words(c, take_word(c) == 2 ? 4 : 1); /* the agent's address */
	skip_words(c, 3);
	nb = take_word(c);
	while (nb-- != 0 && cursor_left(c) >= 8) {
		const uint32_t kind = take_word(c);
		const uint32_t len = take_word(c);
		struct cursor sample = take_part(c, len);

		if (kind == SFLOW_FLOW_SAMPLE || kind == SFLOW_FLOW_SAMPLE_LONG)
			decode_sample(&sample, kind == SFLOW_FLOW_SAMPLE_LONG);
	}
	return FATE_NOT_TCP;
}
