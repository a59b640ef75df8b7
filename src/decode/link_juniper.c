/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures made on Juniper routers: a header, then what the link type says. The cookies
 * between them are not documented; their lengths are those that tshark 4.0.17 is seen to use.
 */

#include "decode_priv.h"

#define MAGIC 0x4d4743u /* "MGC" */
#define HEADER_LEN 4
#define FLAG_TO_ROUTER 0x01u
#define FLAG_NO_LINK 0x02u /* no link layer: a protocol number instead */
#define FLAG_EXTENSIONS 0x80u

#define PROTOCOL_LEN 4
#define ATM1_COOKIE_LEN 4
#define ATM2_COOKIE_LEN 8
#define VOICE_HEADER_LEN 18
#define SERVICES_COOKIE_LEN 12
#define SERVICES_COOKIE_TO_ROUTER_LEN 16

/* The first byte behind the header, where there is no link layer. */
enum {
	PROTOCOL_IP = 2,
	PROTOCOL_IP_MPLS = 3, /* IP that came out of MPLS */
	PROTOCOL_MPLS = 4,
	PROTOCOL_MPLS_IP = 5,
	PROTOCOL_IPV6 = 6,
	PROTOCOL_IPV6_MPLS = 7,
	PROTOCOL_MPLS_PPP = 8,
	PROTOCOL_MPLS_CLNP = 32,
	PROTOCOL_PPP = 200,
	PROTOCOL_ISO = 201,
	PROTOCOL_LLC = 202,
	PROTOCOL_LLC_SNAP = 203,
	PROTOCOL_ETHERNET = 204,
};

static enum fate decode_protocol(struct cursor *c)
{
	uint8_t protocol;

	if (cursor_left(c) < PROTOCOL_LEN)
		return FATE_NOT_IP;
	protocol = c->at[0];
	cursor_skip(c, PROTOCOL_LEN);
	switch (protocol) {
	case PROTOCOL_IP:
	case PROTOCOL_IP_MPLS:
		return decode_ip(c);
	case PROTOCOL_IPV6:
	case PROTOCOL_IPV6_MPLS:
		return decode_ipv6_only(c);
	case PROTOCOL_MPLS:
	case PROTOCOL_MPLS_IP:
	case PROTOCOL_MPLS_PPP:
	case PROTOCOL_MPLS_CLNP:
		return decode_mpls(c);
	case PROTOCOL_PPP:
		return decode_ppp_link(c);
	case PROTOCOL_ISO:
		return decode_nlpid(c);
	case PROTOCOL_LLC:
	case PROTOCOL_LLC_SNAP:
		return decode_llc(c);
	case PROTOCOL_ETHERNET:
		return decode_ethernet(c);
	default:
		return FATE_NOT_IP;
	}
}

/* Skips the header, if there is one; false if it is cut. */
static bool skip_header(struct cursor *c, uint8_t *flags)
{
	size_t len = HEADER_LEN;

	*flags = 0;
	if (cursor_left(c) < HEADER_LEN || get_be32(c->at) >> 8 != MAGIC)
		return true;
	*flags = c->at[3];
	if (*flags & FLAG_EXTENSIONS) {
		if (cursor_left(c) < HEADER_LEN + 2)
			return false;
		len += 2 + (size_t)get_be16(c->at + HEADER_LEN);
	}
	if (cursor_left(c) < len)
		return false;
	cursor_skip(c, len);
	return true;
}

/* The header, then len bytes, then reader; or what the header says. */
static enum fate decode_behind(struct cursor *c, size_t len, enum fate (*reader)(struct cursor *))
{
	uint8_t flags;

	if (!skip_header(c, &flags))
		return FATE_NOT_IP;
	if (flags & FLAG_NO_LINK)
		return decode_protocol(c);
	if (cursor_left(c) < len)
		return FATE_NOT_IP;
	cursor_skip(c, len);
	return reader(c);
}

/* Nothing says which of its encapsulations a virtual circuit of ATM has. */
static enum fate decode_atm_guess(struct cursor *c)
{
	if (cursor_left(c) < 3)
		return FATE_NOT_IP;
	if (c->at[0] == 0x03) { /* control: a network layer protocol id follows */
		cursor_skip(c, 1);
		return decode_nlpid(c);
	}
	if (c->at[0] >> 4 == 4 || c->at[0] >> 4 == 6)
		return decode_ip(c);
	return c->at[2] == 0x03 ? decode_llc(c) : FATE_NOT_IP;
}

static bool is_ppp(const struct cursor *c)
{
	if (cursor_left(c) < 2)
		return false;
	switch (get_be16(c->at)) {
	case 0x0021: /* IPv4 */
	case 0x0057: /* IPv6 */
	case 0x0281: /* MPLS */
	case 0x0283:
		return true;
	default:
		return false;
	}
}

static enum fate decode_atm2_guess(struct cursor *c)
{
	return is_ppp(c) ? decode_ppp(c) : decode_atm_guess(c);
}

/* Multilink PPP: there may be a cookie of two bytes. */
static enum fate decode_mlppp_guess(struct cursor *c)
{
	if (cursor_left(c) >= 2 && get_be16(c->at) == 0xff03)
		return decode_ppp_link(c);
	if (!is_ppp(c)) {
		if (cursor_left(c) < 2)
			return FATE_NOT_IP;
		cursor_skip(c, 2);
	}
	return is_ppp(c) ? decode_ppp(c) : FATE_NOT_IP;
}

/* Multilink Frame Relay: control, which padding may precede, and a protocol id. */
static enum fate decode_mlfr_rest(struct cursor *c)
{
	if (cursor_left(c) >= 1 && c->at[0] == 0)
		cursor_skip(c, 1);
	if (cursor_left(c) < 1 || c->at[0] != 0x03)
		return FATE_NOT_IP;
	cursor_skip(c, 1);
	return decode_nlpid(c);
}

enum fate decode_juniper_mlppp(struct cursor *c)
{
	return decode_behind(c, 0, decode_mlppp_guess);
}

enum fate decode_juniper_mlfr(struct cursor *c)
{
	return decode_behind(c, 2, decode_mlfr_rest);
}

enum fate decode_juniper_ggsn(struct cursor *c)
{
	return decode_behind(c, 0, decode_protocol);
}

enum fate decode_juniper_atm1(struct cursor *c)
{
	return decode_behind(c, ATM1_COOKIE_LEN, decode_atm_guess);
}

enum fate decode_juniper_atm2(struct cursor *c)
{
	return decode_behind(c, ATM2_COOKIE_LEN, decode_atm2_guess);
}

enum fate decode_juniper_services(struct cursor *c)
{
	size_t len = SERVICES_COOKIE_LEN;

	if (cursor_left(c) >= HEADER_LEN && get_be32(c->at) >> 8 == MAGIC &&
	    c->at[3] & FLAG_TO_ROUTER)
		len = SERVICES_COOKIE_TO_ROUTER_LEN;
	return decode_behind(c, len, decode_ip);
}

enum fate decode_juniper_ethernet(struct cursor *c)
{
	return decode_behind(c, 0, decode_ethernet);
}

enum fate decode_juniper_ppp(struct cursor *c)
{
	return decode_behind(c, 2, decode_ppp); /* address and control are always there */
}

enum fate decode_juniper_frame_relay(struct cursor *c)
{
	return decode_behind(c, 0, decode_frame_relay);
}

enum fate decode_juniper_chdlc(struct cursor *c)
{
	return decode_behind(c, 0, decode_chdlc);
}

enum fate decode_juniper_voice(struct cursor *c)
{
	return decode_behind(c, VOICE_HEADER_LEN, decode_ip);
}
