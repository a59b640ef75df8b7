/* SPDX-License-Identifier: BSD-3-Clause */

/* TCP options (RFC 9293 3.2, RFC 7323, RFC 2018, RFC 2883, RFC 7413). */

#include <string.h>

#include "tcp_priv.h"

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WINDOW_SCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_SACK = 5,
	OPT_TIMESTAMPS = 8,
	OPT_MPTCP = 30,
	OPT_FAST_OPEN = 34,
	OPT_EXPERIMENT_1 = 253,
	OPT_EXPERIMENT_2 = 254,
};

#define FAST_OPEN_EXPERIMENT_ID 0xf989u
#define MAX_SHIFT 14 /* RFC 7323 2.3 */

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* RFC 2883 4: the first block lies below the acknowledgement, or inside the second. */
static bool is_dsack(const uint8_t *blocks, size_t nb, uint32_t ack)
{
	const uint32_t left = load32(blocks), right = load32(blocks + 4);

	if (seq_le(right, ack))
		return true;
	return nb > 1 && !seq_lt(left, load32(blocks + 8)) && seq_le(right, load32(blocks + 12));
}

/* The sum of the first three blocks; len is of all of the option that is there. */
static uint32_t sack_sum(const uint8_t *option, uint32_t len)
{
	const uint32_t nb = len < 2 ? 0 : (len - 2) / 8;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < nb && i < 3; i++)
		sum += load32(option + 6 + 8 * i) - load32(option + 2 + 8 * i);
	return sum;
}

/*
 * The blocks of all SACK options of a packet count one behind the other. An option
 * without a whole one goes by those before it: it may pass for a D-SACK (RFC 2883),
 * which tshark then fails to read.
 */
static bool is_broken_sack(const struct tcp_options *options, uint32_t ack)
{
	return seq_le(options->sack_right[0], ack) ||
	       (options->nb_sack > 1 && seq_gt(options->sack_right[0], options->sack_left[1]) &&
		seq_le(options->sack_right[0], options->sack_right[1]));
}

static void read_sack(const struct segment *segment, uint32_t ack_base, const uint8_t *option,
		      uint8_t len, struct tcp_options *options)
{
	const size_t nb = (len - 2u) / 8;

	options->sack_bytes = sack_sum(option, len);
	if (nb == 0) {
		options->is_broken = is_broken_sack(options, segment->tcp_flags & TCP_ACK
								     ? segment->ack - ack_base
								     : segment->ack);
		return;
	}
	for (size_t i = 0; i < nb && options->nb_sack < 2; i++) {
		options->sack_left[options->nb_sack] = load32(option + 2 + 8 * i) - ack_base;
		options->sack_right[options->nb_sack] = load32(option + 6 + 8 * i) - ack_base;
		options->nb_sack++;
	}
	options->dsack = is_dsack(option + 2, nb, segment->ack);
}

/* RFC 8684 3: the subtype is the high half of the third byte. */
static void read_mptcp(const uint8_t *option, uint8_t len, struct tcp_options *options)
{
	enum { MP_CAPABLE, MP_JOIN, NB_SUBTYPES = 8 };
	const uint8_t subtype = len > 2 ? option[2] >> 4 : NB_SUBTYPES;

	if (subtype >= NB_SUBTYPES)
		return;
	options->mptcp_ops |= (uint8_t)(1u << subtype);
	options->makes_mptcp |=
		subtype != MP_CAPABLE || len == 12 || len == 20 || len == 22 || len == 24;
}

static void read_option(const struct segment *segment, uint32_t ack_base, const uint8_t *option,
			uint8_t len, struct tcp_options *options)
{
	const bool is_syn = (segment->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	switch (option[0]) {
	case OPT_MSS:
		if (len == 4) {
			options->mss = (uint16_t)(option[2] << 8 | option[3]);
			options->has_mss = true;
		}
		break;
	case OPT_WINDOW_SCALE:
		if (len == 3)
			options->wscale = option[2] < MAX_SHIFT ? option[2] : MAX_SHIFT;
		break;
	case OPT_SACK_PERMITTED:
		options->sack_permitted |= len == 2;
		break;
	case OPT_SACK:
		read_sack(segment, ack_base, option, len, options);
		break;
	case OPT_TIMESTAMPS:
		options->timestamps |= len == 10;
		break;
	case OPT_MPTCP:
		read_mptcp(option, len, options);
		break;
	case OPT_FAST_OPEN:
		if (is_syn && len > 2)
			options->nb_cookies++;
		break;
	case OPT_EXPERIMENT_1:
	case OPT_EXPERIMENT_2:
		if (is_syn && len > 4 &&
		    (uint32_t)(option[2] << 8 | option[3]) == FAST_OPEN_EXPERIMENT_ID)
			options->nb_cookies++;
		break;
	default:
		break;
	}
}

/* Bytes of an option that tshark reads: of a wrong length for its kind only the first two. */
static uint32_t bytes_read(const uint8_t *option)
{
	static const uint8_t lengths[] = {
		[2] = 4,  [3] = 3,  [4] = 2,  [6] = 6,   [7] = 6,  [8] = 10,
		[11] = 6, [12] = 6, [13] = 6, [19] = 18, [20] = 4, [28] = 4,
	};
	const uint32_t len = option[1];

	if (option[0] == OPT_SACK)
		return 2 + (len - 2) / 8 * 8 + ((len - 2) % 8 < 4 ? (len - 2) % 8 : 4);
	if (option[0] < sizeof(lengths) && lengths[option[0]] != 0 && lengths[option[0]] != len)
		return 2;
	return len;
}

/*
 * A header may end before its data offset says so: by the snaplen, or by the packet. That
 * hides the verdicts only if the list needs a byte that is not there; the cases are tshark's.
 */
void options_read(const struct segment *segment, uint32_t ack_base, struct tcp_options *options)
{
	const uint8_t *list = segment->ip_header + segment->tcp_off + 20;
	const uint32_t len = segment->tcp_hlen - 20u, there = segment->tcp_caplen - 20u;
	/* In a quote an option that ends too early, or is broken, is passed over. */
	const bool ends_quote = segment->is_quoted && !(segment->bits & SEGMENT_CUT);
	uint32_t at = 0;

	memset(options, 0, sizeof(*options));
	options->wscale = 0xff;
	options->timestamps = (segment->bits & SEGMENT_HAS_TSVAL) != 0;
	if (!(segment->bits & (SEGMENT_OPTIONS | SEGMENT_CUT | SEGMENT_SHORT)))
		return;
	while (at < len && !options->is_cut && !options->is_broken) {
		const uint8_t *option = list + at;

		options->is_cut = at >= there || (*option == OPT_END && there < len);
		if (options->is_cut || *option == OPT_END)
			return;
		if (*option == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 == len)
			return;
		options->is_cut = at + 1 >= there;
		if (options->is_cut || option[1] < 2)
			return;
		if (at + option[1] > len) {
			options->is_cut = there + 2 < len;
			return;
		}
		if (at + bytes_read(option) > there) {
			options->is_cut = !ends_quote;
			if (*option == OPT_SACK)
				options->sack_bytes = sack_sum(option, there - at);
			at += option[1];
			continue;
		}
		read_option(segment, ack_base, option, option[1], options);
		options->is_broken &= !ends_quote;
		at += option[1];
	}
}
