/* SPDX-License-Identifier: BSD-3-Clause */

/* See talk.h. */

#include "talk.h"

#include <string.h>

#include "tcpmill/segment.h"

#define START_NS INT64_C(1700000000000000000)

enum {
	HAS_SEQ = 0x10,
	HAS_ACK = 0x20,
	HAS_OPTIONS = 0x40,
	HAS_MORE = 0x80,
};

enum {
	MORE_WINDOW = 0x08,
	MORE_ID = 0x10,
	MORE_WIDE_SEQ = 0x20,
	MORE_WIDE_ACK = 0x40,
	MORE_ODD = 0x80,
};

enum {
	ODD_CUT = 0x03,
	ODD_SHORT = 0x04,
	ODD_RECORD = 0x08,
	ODD_OFFSET = 0x10,
	ODD_FLAGS = 0x20,
	ODD_TIME = 0x40,
	ODD_NOTE = 0x80,
};

static const uint8_t flags_of[8] = {
	TCP_ACK,           TCP_ACK | TCP_PSH, TCP_SYN,           TCP_SYN | TCP_ACK,
	TCP_FIN | TCP_ACK, TCP_RST,           TCP_RST | TCP_ACK, 0};

static const int64_t steps_ns[8] = {1000000,  0,         100000,     3000000,
				    20000000, 250000000, 2500000000, -1000000};

void talk_begin(struct talk *talk, const uint8_t *data, size_t size)
{
	*talk = (struct talk){.bytes = {data, size}, .now_ns = START_NS, .window = {1000, 2000}};
	talk->next[0] = fuzz_take32(&talk->bytes);
	talk->next[1] = fuzz_take32(&talk->bytes);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t take_distance(struct talk *talk, bool is_wide)
{
	if (is_wide)
		return fuzz_take32(&talk->bytes);
	return (uint32_t)(int32_t)(int16_t)fuzz_take16(&talk->bytes);
}

/* The headers, but for the numbers of the segment. Returns the TCP header's length. */
static size_t put_headers(struct talk *talk, uint8_t *packet, int from, uint8_t head, uint8_t odd)
{
	static const uint8_t ip[20] = {0x45, 0, 0,  0, 0, 0, 0x40, 0, 64, 6,
				       0,    0, 10, 0, 0, 1, 10,   0, 0,  2};
	uint8_t *tcp = packet + 20;
	size_t header_len = 20;

	memset(packet, 0, 20 + 60);
	memcpy(packet, ip, sizeof(ip));
	packet[15] = (uint8_t)(1 + from);
	packet[19] = (uint8_t)(2 - from);
	put16(tcp, from ? 80 : 40000);
	put16(tcp + 2, from ? 40000 : 80);
	if (head & HAS_OPTIONS) {
		const size_t len = fuzz_take8(&talk->bytes) % 41;

		for (size_t i = 0; i < len; i++)
			tcp[20 + i] = fuzz_take8(&talk->bytes);
		header_len += (len + 3) / 4 * 4;
	}
	tcp[12] = (uint8_t)(odd & ODD_OFFSET ? 4 << 4 : header_len / 4 << 4);
	return header_len;
}

/* Sequence numbers as said, and what comes next behind them. */
static void put_numbers(struct talk *talk, uint8_t *tcp, int from, uint8_t head, uint8_t more,
			uint32_t len)
{
	const uint8_t flags = tcp[13];
	uint32_t seq = talk->next[from], ack = talk->next[!from], end;

	if (head & HAS_SEQ)
		seq += take_distance(talk, more & MORE_WIDE_SEQ);
	if (head & HAS_ACK)
		ack += take_distance(talk, more & MORE_WIDE_ACK);
	put32(tcp + 4, seq);
	put32(tcp + 8, flags & TCP_ACK ? ack : 0);
	end = seq + len + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
	if ((int32_t)(end - talk->next[from]) > 0 || (flags & TCP_SYN))
		talk->next[from] = end;
}

bool talk_next(struct talk *talk, struct talk_segment *segment)
{
	struct fuzz_bytes *bytes = &talk->bytes;
	uint8_t *tcp = segment->packet + 20, head, more = 0, odd = 0, flags;
	uint32_t len;
	size_t header_len;
	int from;

	if (bytes->left == 0)
		return false;
	head = fuzz_take8(bytes);
	from = head & 1;
	len = fuzz_take8(bytes);
	len = len == 255 ? fuzz_take16(bytes) : len * 6;
	if (head & HAS_MORE)
		more = fuzz_take8(bytes);
	if (more & MORE_ODD)
		odd = fuzz_take8(bytes);
	flags = odd & ODD_FLAGS ? fuzz_take8(bytes) : flags_of[head >> 1 & 7];
	talk->now_ns +=
		odd & ODD_TIME ? (int64_t)(int32_t)fuzz_take32(bytes) * 1000 : steps_ns[more & 7];
	if (more & MORE_WINDOW)
		talk->window[from] = fuzz_take16(bytes);
	talk->id = more & MORE_ID ? fuzz_take16(bytes) : (uint16_t)(talk->id + 1);
	header_len = put_headers(talk, segment->packet, from, head, odd);
	if (len > 65535 - 20 - header_len)
		len = (uint32_t)(65535 - 20 - header_len);
	tcp[13] = flags;
	put16(tcp + 14, talk->window[from]);
	put16(segment->packet + 4, talk->id);
	put_numbers(talk, tcp, from, head, more, len);
	segment->wire_len = (uint32_t)(20 + header_len + len);
	put16(segment->packet + 2,
	      odd & ODD_SHORT ? (uint32_t)(20 + header_len - 8) : segment->wire_len);
	segment->caplen = (uint32_t)(20 + header_len);
	if ((odd & ODD_CUT) == 1)
		segment->caplen = 20 + 16;
	if ((odd & ODD_CUT) == 2)
		segment->caplen = 20 + 20;
	segment->ts_ns = talk->now_ns;
	segment->is_told = (odd & ODD_NOTE) != 0;
	segment->ends_record = (odd & ODD_RECORD) != 0;
	return true;
}
