/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The decoder: two bytes choose the link type, two say how much longer the frame was on the wire,
 * the rest is what was captured. The short way and the general one agree; what a segment points
 * to was captured.
 */

#include <stdlib.h>
#include <string.h>

#include "decode/decode_priv.h"
#include "fuzz.h"
#include "tcpmill/capture.h"
#include "tcpmill/reassembly.h"
#include "tcpmill/tcp_words.h"

#define LINK_TYPES 512 /* no registered one is above */

/* Any number, but mostly one that is decoded: the low byte counts those. */
static uint16_t choose_link_type(uint32_t choice)
{
	uint32_t nb = 0;

	if (choice >= 0x8000)
		return choice & 0x7fff;
	for (uint32_t type = 0; type < LINK_TYPES; type++)
		nb += decode_knows_link_type((uint16_t)type);
	choice = (choice & 0xff) % nb;
	for (uint32_t type = 0; type < LINK_TYPES; type++) {
		if (decode_knows_link_type((uint16_t)type) && choice-- == 0)
			return (uint16_t)type;
	}
	return 0;
}

static void check_segment(const struct segment *s, const struct frame *frame)
{
	const uint8_t *end = frame->data + frame->caplen;
	size_t left;

	fuzz_check(s->ip_header >= frame->data && s->ip_header < end);
	left = (size_t)(end - s->ip_header);
	fuzz_check(s->tcp_caplen >= 16 && s->tcp_caplen <= 60);
	fuzz_check((size_t)s->tcp_off + s->tcp_caplen <= left);
	fuzz_check(s->tcp_off >= (s->bits & SEGMENT_IPV6 ? 40 : 20));
	fuzz_check(s->ip_header[0] >> 4 == (s->bits & SEGMENT_IPV6 ? 6 : 4));
	/* A compressed packet (IPComp) is longer inside, and at most what one can be. */
	fuzz_check(s->payload_len <= s->ip_len || s->payload_len <= 65536u - s->tcp_hlen);
	fuzz_check((s->bits & SEGMENT_SHORT) == 0 || s->payload_len == 0);
	fuzz_check(s->partition < 64 && s->tunnel < NB_TUNNELS && s->vlan <= 4096);
	fuzz_check((s->bits & SEGMENT_IPV6) != 0 || s->addr_lo <= s->addr_hi);
}

/* The frame in a block of its own size, as nobody has seen it yet. */
static uint8_t *fresh_copy(const struct frame *frame)
{
	uint8_t *copy = malloc(frame->caplen != 0 ? frame->caplen : 1);

	fuzz_check(copy != NULL);
	memcpy(copy, frame->data, frame->caplen);
	return copy;
}

/* Segments are the same but for where they point to. */
static void check_same(struct segment a, const struct frame *in_a, struct segment b,
		       const struct frame *in_b)
{
	fuzz_check(a.ip_header - in_a->data == b.ip_header - in_b->data);
	a.ip_header = b.ip_header = NULL;
	fuzz_check(memcmp(&a, &b, sizeof(a)) == 0);
}

/* One frame, decoded in a block of its own size. */
struct decoded {
	struct frame frame;
	uint8_t *copy;
	struct reassembly *reassembly;
	struct datagram *datagrams; /* that the frame alone completed */
	struct segment segments[DECODE_MAX_SEGMENTS];
	uint32_t nb;
	uint64_t nb_unread;
	enum fate fate;
};

/*
 * at_once: as one worker does. Else as several do: the general way, and once more if the frame
 * is one for later.
 */
static void decode(struct decoded *d, const struct frame *original, bool at_once)
{
	struct decode_keys keys;
	const struct reassembly_params params = {.keys = &keys, .max_bytes = 1 << 20};
	struct decode_context context = {.keys = &keys, .nb_unread = &d->nb_unread};

	decode_keys_init(&keys, 5);
	memset(d->segments, 0, sizeof(d->segments));
	d->nb_unread = 0;
	d->copy = fresh_copy(original);
	d->frame = *original;
	d->frame.data = d->copy;
	d->reassembly = reassembly_create(&params);
	fuzz_check(d->reassembly != NULL);
	if (!at_once)
		d->fate = decode_general(&context, &d->frame, d->segments, &d->nb);
	context.reassembly = d->reassembly;
	if (at_once || d->fate == FATE_LATER)
		d->fate = decode_frame(&context, &d->frame, d->segments, &d->nb);
	d->datagrams = reassembly_take(d->reassembly);
}

static void decoded_fini(struct decoded *d)
{
	datagrams_free(d->datagrams);
	reassembly_destroy(d->reassembly);
	free(d->copy);
}

static void check(const struct frame *original)
{
	struct decoded any, general;

	decode(&any, original, true);
	decode(&general, original, false);
	fuzz_check(any.fate < NB_FATES);
	fuzz_check(any.fate != FATE_FILTERED && any.fate != FATE_UNTRACKED);
	fuzz_check(any.fate == general.fate && any.nb_unread == general.nb_unread);
	fuzz_check(any.nb_unread == 0 ||
		   (any.fate == FATE_TRACKED && any.nb == DECODE_MAX_SEGMENTS));
	fuzz_check((any.fate == FATE_LINK_UNKNOWN) ==
		   !decode_knows_link_type(original->interface->link_type));
	if (any.fate == FATE_TRACKED) {
		fuzz_check(any.nb >= 1 && any.nb <= DECODE_MAX_SEGMENTS && any.nb == general.nb);
		fuzz_check((any.datagrams == NULL) == (general.datagrams == NULL));
		for (uint32_t i = 0; i < any.nb; i++) {
			fuzz_check(any.segments[i].layer == i);
			/* Some may point into what was put together: fuzz_fragments checks those.
			 */
			if (any.datagrams != NULL)
				continue;
			check_segment(&any.segments[i], &any.frame);
			check_same(any.segments[i], &any.frame, general.segments[i],
				   &general.frame);
		}
	}
	decoded_fini(&any);
	decoded_fini(&general);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	const struct capture_interface interface = {.link_type =
							    choose_link_type(fuzz_take16(&bytes))};
	const uint16_t beyond = fuzz_take16(&bytes);
	struct frame frame = {.interface = &interface};

	if (size < 4 || bytes.left > CAPTURE_MAX_CAPLEN)
		return 0;
	frame.data = bytes.at;
	frame.caplen = (uint32_t)bytes.left;
	/* Captured less than was sent, or all, or (some tools write this) more. */
	frame.wire_len = beyond >= 0xff00 ? beyond & 0xff : frame.caplen + beyond;
	check(&frame);
	return 0;
}
