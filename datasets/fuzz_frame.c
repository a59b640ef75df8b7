/* SPDX-License-Identifier: BSD-3-Clause */
/* From a segment to a frame in the file, whole or damaged. */
#include <errno.h>
#include <string.h>

#include "fuzz_priv.h"

/* Payload bytes kept of most frames: nobody reads them. */
#define KEEP_PAYLOAD 6

/* A frame under the knife; bytes[] are there up to size, zero behind what was built. */
struct knife {
	struct fuzz *fuzz;
	uint8_t *bytes;
	size_t ip, tcp; /* where these headers start */
	size_t header_end;
	size_t caplen, wire_len;
	bool is_ipv6;
};

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void store16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The field that says how long the packet is; IPv6 does not count its own header. */
static uint8_t *length_field(const struct knife *k)
{
	return k->bytes + k->ip + (k->is_ipv6 ? 4 : 2);
}

static size_t ip_header_len(const struct knife *k)
{
	return k->tcp - k->ip;
}

/* ---- damages ----------------------------------------------------------- */

/* The snaplen ends somewhere behind the first 16 bytes of the TCP header. */
static void cut_in_options(struct knife *k)
{
	size_t room = k->header_end - k->tcp - 16;

	k->caplen = k->tcp + 16 + fuzz_below(k->fuzz, room + 1);
}

static void cut_anywhere(struct knife *k)
{
	k->caplen = fuzz_below(k->fuzz, k->header_end + 1);
}

/* The IP length leaves less than the TCP header says it has. */
static void make_short(struct knife *k)
{
	size_t payload = fuzz_below(k->fuzz, k->header_end - k->tcp);

	store16(length_field(k), payload + (k->is_ipv6 ? 0 : ip_header_len(k)));
}

static void set_data_offset(struct knife *k, unsigned words)
{
	uint8_t *at = k->bytes + k->tcp + 12;

	*at = (uint8_t)(words << 4 | (*at & 0x0f));
}

static void lower_offset(struct knife *k)
{
	set_data_offset(k, fuzz_below(k->fuzz, 5));
}

static void change_offset(struct knife *k)
{
	set_data_offset(k, fuzz_below(k->fuzz, 16));
}

/* Segmentation offload: IPv4 says nothing, the frame may be larger than IP can say. */
static void zero_length(struct knife *k)
{
	store16(length_field(k), 0);
	if (fuzz_chance(k->fuzz, 500))
		k->wire_len += fuzz_below(k->fuzz, 150000);
}

static void length_beyond_frame(struct knife *k)
{
	size_t said = load16(length_field(k)) + 1 + fuzz_below(k->fuzz, 2000);

	store16(length_field(k), said < UINT16_MAX ? said : UINT16_MAX);
}

static void length_below_header(struct knife *k)
{
	store16(length_field(k), 1 + fuzz_below(k->fuzz, 19));
}

/* Accurate ECN and the reserved bits of RFC 9293. */
static void set_reserved_bits(struct knife *k)
{
	k->bytes[k->tcp + 12] |= (uint8_t)(1 + fuzz_below(k->fuzz, 15));
}

/* A trailer behind the IP packet. */
static void add_trailer(struct knife *k)
{
	k->wire_len += 1 + fuzz_below(k->fuzz, 100);
}

static void damage(struct knife *k)
{
	static void (*const kinds[])(struct knife *) = {
		cut_in_options,      cut_in_options,      cut_in_options, cut_anywhere,
		make_short,          make_short,          lower_offset,   change_offset,
		zero_length,         length_beyond_frame, add_trailer,    set_reserved_bits,
		length_below_header,
	};

	kinds[fuzz_below(k->fuzz, sizeof(kinds) / sizeof(kinds[0]))](k);
}

/* ---- frames ------------------------------------------------------------ */

static void fill_packet(struct packet *packet, const struct fuzz_flow *flow,
			const struct fuzz_segment *segment)
{
	const struct fuzz_side *me = &flow->side[segment->side];
	const struct fuzz_side *peer = &flow->side[!segment->side];

	packet_init(packet, flow->version);
	memcpy(packet->src, me->address, sizeof(packet->src));
	memcpy(packet->dst, peer->address, sizeof(packet->dst));
	packet->src_port = me->port;
	packet->dst_port = peer->port;
	packet->reverse = segment->side == 1;
	packet->ip_id = segment->ip_id;
	packet->vlan = flow->vlan;
	packet->min_frame = flow->min_frame;
	packet->seq = segment->seq;
	packet->ack = segment->ack;
	packet->flags = segment->flags;
	packet->window = segment->win;
	packet->urgent = segment->flags & PACKET_URG ? 1 : 0;
	memcpy(packet->options, segment->options, segment->options_len);
	packet->options_len = segment->options_len;
	packet->payload_len = segment->len;
}

static int write_frame(struct fuzz *fuzz, const struct fuzz_flow *flow,
		       const struct fuzz_segment *segment)
{
	struct capture_frame frame = {.ts_ns = segment->ts_ns, .data = fuzz->frame};
	struct knife k = {
		.fuzz = fuzz,
		.bytes = fuzz->frame,
		.is_ipv6 = flow->version == 6,
	};
	const enum packet_link link = fuzz->carry != NULL ? PACKET_LINK_RAW : fuzz->params->link;
	struct packet packet;
	size_t keep;

	fill_packet(&packet, flow, segment);
	k.ip = packet_link_len(&packet, link);
	k.tcp = k.ip + (k.is_ipv6 ? 40 : 20);
	k.header_end = k.tcp + 20 + ((segment->options_len + 3u) & ~3u);
	keep = k.header_end + KEEP_PAYLOAD;
	if (fuzz_chance(fuzz, 20) || fuzz->carry != NULL)
		keep = 1500; /* fragments need their bytes */
	k.caplen = packet_build(&packet, link, fuzz->frame, keep, &k.wire_len);
	if (k.caplen == 0)
		return -EPROTOTYPE;
	if (!flow->is_gentle && flow->mptcp == FUZZ_MPTCP_NEVER && fuzz_chance(fuzz, 40))
		damage(&k);
	if (fuzz->carry != NULL) {
		fuzz_carry_packet(fuzz, flow, segment, k.caplen, k.wire_len);
		return 0;
	}
	if (frame.ts_ns < 0) /* a file has no times before the epoch */
		frame.ts_ns = 0;
	frame.caplen = (uint32_t)k.caplen;
	frame.wire_len = (uint32_t)k.wire_len;
	capture_file_write(fuzz->file, &frame);
	fuzz->nb_written++;
	return 0;
}

/* ---- what the capture saw ----------------------------------------------- */

static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) < 0;
}

static void note_times(struct fuzz_flow *flow, const struct fuzz_segment *segment)
{
	if ((segment->flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN)
		flow->syn_ts_ns = segment->ts_ns;
	if ((segment->flags & (PACKET_SYN | PACKET_ACK)) == PACKET_ACK && flow->syn_ts_ns != 0 &&
	    flow->rtt_ns == 0)
		flow->rtt_ns = segment->ts_ns - flow->syn_ts_ns;
}

static void note_ends(struct fuzz_side *me, const struct fuzz_segment *segment, uint32_t end)
{
	if (me->next == 0 || is_after(end, me->next)) {
		me->next = end;
		me->next_ts_ns = segment->ts_ns;
	}
	if (me->contig == 0 || segment->seq == me->contig)
		me->contig = me->next;
}

static void note_segment(struct fuzz_flow *flow, const struct fuzz_segment *segment)
{
	struct fuzz_side *me = &flow->side[segment->side];
	uint32_t space = segment->len + ((segment->flags & (PACKET_SYN | PACKET_FIN)) != 0);
	uint32_t end = segment->seq + space;

	if ((segment->flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN) {
		me->next = segment->seq;
		me->contig = segment->seq;
		me->nb_holes = 0;
	}
	/* A probe of a closed window moves nothing. */
	if (segment->len != 1 || segment->seq != me->next || flow->side[!segment->side].win != 0)
		note_ends(me, segment, end);
	if (space != 0)
		me->sent[me->nb_sent++ % FUZZ_SENT_MAX] = (struct fuzz_range){segment->seq, space};
	me->ack = segment->ack;
	me->win = segment->win;
	if (segment->win != 0)
		me->open_win = segment->win;
	me->last_ts_ns = segment->ts_ns;
	note_times(flow, segment);
	flow->last = *segment;
}

int fuzz_send(struct fuzz *fuzz, struct fuzz_flow *flow, struct fuzz_segment *segment)
{
	int error;

	if (!segment->is_copy) {
		segment->ip_id = ++flow->side[segment->side].ip_id;
		fuzz_add_options(fuzz, flow, segment);
	}
	error = write_frame(fuzz, flow, segment);
	if (error == 0)
		note_segment(flow, segment);
	return error;
}
