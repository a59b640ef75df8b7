/* SPDX-License-Identifier: BSD-3-Clause */

/* Link types, each with what reads it; and those that need no file of their own. */

#include "decode_priv.h"
#include "tcpmill/capture.h"

#define SLL_LEN 16
#define SLL2_LEN 20
#define DIRECTION_LEN 1
#define SLIP_LEN 16

/* ARPHRD_ types of Linux that say more than a low protocol number (tcpdump.org). */
enum {
	ARPHRD_FRAME_RELAY = 770,
	ARPHRD_GRE = 778, /* the protocol is GRE's, too */
	ARPHRD_RADIOTAP = 803,
	ARPHRD_NETLINK = 824,
};

/* LINUX_SLL_P_: protocols below the ethertypes. */
enum {
	SLL_ETHERNET = 0x0003,
	SLL_802_2 = 0x0004,
	SLL_PPP = 0x0007,
};

enum fate decode_ip_of_type(struct cursor *c, uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return decode_ip(c);
	case ETHERTYPE_IPV6:
		return decode_ipv6_only(c);
	default:
		return FATE_NOT_IP;
	}
}

/* Linux cooked captures, behind their header. */
static enum fate decode_cooked(struct cursor *c, uint16_t hardware, uint16_t protocol)
{
	if (hardware == ARPHRD_NETLINK)
		return FATE_NOT_IP;
	if (protocol > ETHERTYPE_MAX_LENGTH)
		return hardware == ARPHRD_GRE ? decode_gre_type(c, protocol, 0)
					      : decode_ethertype(c, protocol);
	if (hardware == ARPHRD_FRAME_RELAY)
		return decode_frame_relay(c);
	if (hardware == ARPHRD_RADIOTAP)
		return decode_radiotap(c);
	switch (protocol) {
	case SLL_ETHERNET:
		return decode_ethernet(c);
	case SLL_802_2:
		return decode_llc(c);
	case SLL_PPP:
		return decode_ppp_link(c);
	default:
		return FATE_NOT_IP;
	}
}

static enum fate decode_sll(struct cursor *c)
{
	uint16_t hardware, protocol;

	if (cursor_left(c) < SLL_LEN)
		return FATE_NOT_IP;
	hardware = get_be16(c->at + 2);
	protocol = get_be16(c->at + 14);
	cursor_skip(c, SLL_LEN);
	return decode_cooked(c, hardware, protocol);
}

static enum fate decode_sll2(struct cursor *c)
{
	uint16_t hardware, protocol;

	if (cursor_left(c) < SLL2_LEN)
		return FATE_NOT_IP;
	hardware = get_be16(c->at + 8);
	protocol = get_be16(c->at);
	cursor_skip(c, SLL2_LEN);
	return decode_cooked(c, hardware, protocol);
}

/* IP; or what dial-up drivers had in front of it: a PPP header, or ten bytes of nothing. */
enum fate decode_raw(struct cursor *c)
{
	static const uint8_t nothing[10];

	if (cursor_left(c) >= 2 && c->at[0] == 0xff && c->at[1] == 0x03)
		return decode_ppp_link(c);
	if (cursor_left(c) >= sizeof(nothing) &&
	    __builtin_memcmp(c->at, nothing, sizeof(nothing)) == 0)
		cursor_skip(c, sizeof(nothing));
	return decode_ip(c);
}

/* libpcap's header: a direction and room for what compression took. */
static enum fate decode_slip(struct cursor *c)
{
	if (cursor_left(c) < SLIP_LEN)
		return FATE_NOT_IP;
	cursor_skip(c, SLIP_LEN);
	return decode_ip(c);
}

/* A byte in front tells who sent the frame. */
static enum fate decode_with_direction(struct cursor *c, enum fate (*reader)(struct cursor *))
{
	if (cursor_left(c) < DIRECTION_LEN)
		return FATE_NOT_IP;
	cursor_skip(c, DIRECTION_LEN);
	return reader(c);
}

static enum fate decode_ppp_with_direction(struct cursor *c)
{
	return decode_with_direction(c, decode_ppp_link);
}

static enum fate decode_chdlc_with_direction(struct cursor *c)
{
	return decode_with_direction(c, decode_chdlc);
}

static enum fate decode_frame_relay_with_direction(struct cursor *c)
{
	return decode_with_direction(c, decode_frame_relay);
}

/* Linux's pppd: the direction stands where the address was; control is there. */
static enum fate decode_pppd(struct cursor *c)
{
	if (cursor_left(c) < 2 || c->at[1] != 0x03)
		return FATE_NOT_IP;
	cursor_skip(c, 2);
	return decode_ppp(c);
}

static enum fate decode_80211_plain(struct cursor *c)
{
	return decode_80211(c, 0);
}

/* What the file says of check sequences holds for Ethernet, and for nothing else. */
static enum fate decode_ethernet_link(struct cursor *c)
{
	cursor_trim(c, c->layers->frame->interface->fcs_len);
	return decode_ethernet(c);
}

/* By LINKTYPE_ value (tcpdump.org/linktypes.html); docs/formats.md has the same table. */
static enum fate (*const readers[])(struct cursor *) = {
	[0] = decode_null,
	[DECODE_LINK_ETHERNET] = decode_ethernet_link,
	[6] = decode_token_ring,
	[7] = decode_arcnet,
	[8] = decode_slip,
	[9] = decode_ppp_link,
	[10] = decode_fddi,
	[11] = decode_llc,
	[12] = decode_raw, /* DLT_RAW of most systems, and of OpenBSD */
	[13] = decode_enc,
	[14] = decode_raw,
	[16] = decode_ip, /* classical IP over ATM: DLT_ values of several systems */
	[18] = decode_ip,
	[19] = decode_ip,
	[50] = decode_ppp_link,
	[51] = decode_pppoe,
	[100] = decode_llc,
	[101] = decode_raw,
	[104] = decode_chdlc,
	[DECODE_LINK_80211] = decode_80211_plain,
	[106] = decode_ip,
	[107] = decode_frame_relay,
	[108] = decode_loop,
	[109] = decode_enc,
	[112] = decode_chdlc, /* DLT_CHDLC of BSD/OS */
	[113] = decode_sll,
	[117] = decode_pflog,
	[119] = decode_prism,
	[122] = decode_ipfc,
	[123] = decode_sunatm,
	[127] = decode_radiotap,
	[128] = decode_tzsp,
	[129] = decode_arcnet_linux,
	[130] = decode_juniper_mlppp,
	[131] = decode_juniper_mlfr,
	[133] = decode_juniper_ggsn,
	[135] = decode_juniper_atm2,
	[136] = decode_juniper_services,
	[137] = decode_juniper_atm1,
	[138] = decode_ap1394,
	[143] = decode_docsis,
	[149] = decode_pktap, /* DLT_USER2, macOS before it had a number */
	[163] = decode_avs,
	[166] = decode_pppd,
	[167] = decode_juniper_ethernet, /* PPPoE */
	[178] = decode_juniper_ethernet,
	[179] = decode_juniper_ppp,
	[180] = decode_juniper_frame_relay,
	[181] = decode_juniper_chdlc,
	[183] = decode_juniper_voice,
	[192] = decode_ppi,
	[197] = decode_erf,
	[204] = decode_ppp_with_direction,
	[205] = decode_chdlc_with_direction,
	[206] = decode_frame_relay_with_direction,
	[226] = decode_ipnet,
	[228] = decode_ip,
	[229] = decode_ipv6_only,
	[239] = decode_nflog,
	[242] = decode_ipoib,
	[258] = decode_pktap,
	[259] = decode_epon,
	[274] = decode_mpacket,
	[276] = decode_sll2,
	[281] = decode_dsa_broadcom,
	[282] = decode_dsa_prepended,
	[284] = decode_dsa_marvell,
	[285] = decode_dsa_marvell_ether,
};

#define NB_READERS (sizeof(readers) / sizeof(readers[0]))

enum fate decode_link(struct cursor *c, uint16_t link_type)
{
	if (link_type >= NB_READERS || readers[link_type] == NULL)
		return FATE_LINK_UNKNOWN;
	return readers[link_type](c);
}

bool decode_knows_link_type(uint16_t link_type)
{
	return link_type < NB_READERS && readers[link_type] != NULL;
}
