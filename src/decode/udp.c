/* SPDX-License-Identifier: BSD-3-Clause */

/* UDP, and which tunnels are in it. */

#include "decode_priv.h"

/* Ascending. 12000 and four more are for high performance routing (RFC 2353). */
static const struct opener {
	uint16_t port;
	uint8_t tunnel; /* enum tunnel, as far as the port alone tells */
	enum fate (*decode)(struct cursor *c);
} openers[] = {
	{434, TUNNEL_OTHER, decode_mobile_ip},     {1701, TUNNEL_L2TP, decode_l2tp},
	{2123, TUNNEL_GTPU, decode_gtp},           {2152, TUNNEL_GTPU, decode_gtp},
	{2268, TUNNEL_OTHER, decode_amt},          {3386, TUNNEL_GTPU, decode_gtp},
	{3544, TUNNEL_TEREDO, decode_teredo},      {4341, TUNNEL_OTHER, decode_lisp_data},
	{4342, TUNNEL_OTHER, decode_lisp_control}, {4754, TUNNEL_GRE, decode_gre},
	{4789, TUNNEL_VXLAN, decode_vxlan},        {4790, TUNNEL_VXLAN, decode_vxlan_gpe},
	{5072, TUNNEL_OTHER, decode_ayiya},        {5247, TUNNEL_CAPWAP, decode_capwap},
	{6081, TUNNEL_GENEVE, decode_geneve},      {6343, TUNNEL_OTHER, decode_sflow},
	{6635, TUNNEL_MPLS, decode_mpls},          {12000, TUNNEL_OTHER, decode_llc},
	{12001, TUNNEL_OTHER, decode_llc},         {12002, TUNNEL_OTHER, decode_llc},
	{12003, TUNNEL_OTHER, decode_llc},         {12004, TUNNEL_OTHER, decode_llc},
	{12222, TUNNEL_CAPWAP, decode_lwapp},      {30030, TUNNEL_OTHER, decode_jmirror},
	{37008, TUNNEL_OTHER, decode_tzsp},
};

static const struct opener peekremote = {0, TUNNEL_OTHER, decode_peekremote};

static const struct opener *find_opener(uint16_t port)
{
	size_t first = 0, end = sizeof(openers) / sizeof(openers[0]);

	while (first < end) {
		const size_t middle = (first + end) / 2;

		if (openers[middle].port == port)
			return &openers[middle];
		if (openers[middle].port < port)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

/* The lower port says what it is, if both could. */
static const struct opener *choose_opener(uint16_t a, uint16_t b)
{
	const struct opener *opener = find_opener(a < b ? a : b);

	return opener != NULL ? opener : find_opener(a < b ? b : a);
}

/* The checksum is not looked at: tunnels may leave it out, and offload leaves it wrong. */
enum fate decode_udp(struct cursor *c, uint64_t payload)
{
	const struct opener *opener;
	uint16_t len;
	enum fate fate;

	if (cursor_left(c) < 4)
		return FATE_NOT_TCP;
	opener = choose_opener(get_be16(c->at), get_be16(c->at + 2));
	if (opener == NULL && cursor_left(c) > 8 && is_peekremote(c->at + 8, cursor_left(c) - 8))
		opener = &peekremote;
	if (opener == NULL)
		return FATE_NOT_TCP;
	if (cursor_left(c) < 8 || payload < 8)
		return FATE_TUNNEL;
	len = get_be16(c->at + 4);
	/* No length is IPv6's way to say that it does not fit (RFC 2675). */
	if (len < 8 && (len != 0 || !(c->segment->bits & SEGMENT_IPV6)))
		return FATE_NOT_TCP;
	cursor_limit(c, payload);
	if (len != 0)
		cursor_limit(c, len);
	cursor_skip(c, 8);
	if (!cursor_enter(c))
		return FATE_TUNNEL;
	c->segment->tunnel = opener->tunnel;
	fate = opener->decode(c);
	/* It was opened, and what it carries is something else. */
	return fate == FATE_NOT_IP ? FATE_NOT_TCP : fate;
}
