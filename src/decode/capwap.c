/* SPDX-License-Identifier: BSD-3-Clause */

/* CAPWAP's data channel (RFC 5415 4.3): frames between an access point and its controller. */

#include "decode_priv.h"

enum {
	CAPWAP_KEEPALIVE = 0x08,
	CAPWAP_FRAGMENT = 0x80,
	CAPWAP_NATIVE = 0x01, /* in the byte before: not bridged to IEEE 802.3 */
	CAPWAP_BINDING = 0x3e,
	CAPWAP_80211 = 1 << 1,
	CAPWAP_DTLS = 1,
	LWAPP_CONTROL = 0x04,
};

enum fate decode_capwap(struct cursor *c)
{
	size_t len;
	bool is_native;
	uint8_t binding;

	if (cursor_left(c) < 8)
		return FATE_TUNNEL;
	if ((c->at[0] & 0xf) == CAPWAP_DTLS)
		return FATE_TUNNEL;
	len = (size_t)(c->at[1] >> 3) * 4;
	is_native = (c->at[2] & CAPWAP_NATIVE) != 0;
	binding = c->at[2] & CAPWAP_BINDING;
	if (c->at[3] & CAPWAP_KEEPALIVE)
		return FATE_NOT_TCP;
	if (c->at[3] & CAPWAP_FRAGMENT)
		return FATE_FRAGMENT;
	if (len < 8 || cursor_left(c) < len)
		return FATE_TUNNEL;
	/* Bridged frames may be bound to nothing. */
	if (binding != CAPWAP_80211 && (is_native || binding != 0))
		return FATE_TUNNEL;
	cursor_skip(c, len);
	return is_native ? decode_80211(c, WLAN_SWAPPED) : decode_ethernet(c);
}

/* CAPWAP's forerunner (RFC 5412 3.3): six bytes, then IEEE 802.11. */
enum fate decode_lwapp(struct cursor *c)
{
	if (cursor_left(c) < 6)
		return FATE_TUNNEL;
	if (c->at[0] & LWAPP_CONTROL)
		return FATE_NOT_TCP;
	cursor_skip(c, 6);
	return decode_80211(c, 0);
}
