/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP fragments. By the first byte, the rest is either a row of fragments of a few datagrams, put
 * together by the reassembly and by a model that has every byte of every fragment; or a row of
 * packets (16 bits of length, and the packet), decoded one after the other with one reassembly
 * that has little memory.
 */

#include <stdlib.h>
#include <string.h>

#include "decode/decode_priv.h"
#include "fuzz.h"
#include "tcpmill/capture.h"
#include "tcpmill/reassembly.h"

#define LINK_RAW 101
#define NB_IDS 4
#define MAX_FRAGMENTS 512
#define MAX_LEN (8 * 255 + 255)
#define HEADER_LEN 20

/* ---- the model --------------------------------------------------------------- */

/* Every byte of a datagram, of the fragments so far. */
struct model {
	struct {
		uint16_t
			from; /* where the fragment begins that it is of, and 1; 0: nobody has it */
		uint8_t value;
	} bytes[MAX_LEN];
	uint32_t len;
	bool has_len;
};

static uint8_t content_at(uint8_t content, uint32_t at)
{
	return (uint8_t)(content * 31 + at * 7 + (at >> 8));
}

static bool is_whole(const struct model *model)
{
	for (uint32_t at = 0; model->has_len && at < model->len; at++) {
		if (model->bytes[at].from == 0)
			return false;
	}
	return model->has_len;
}

/* Of bytes that several have, that of the lowest offset counts, then of the first. */
static void model_add(struct model *model, const struct fragment *fragment)
{
	const uint16_t from = (uint16_t)(fragment->offset + 1);

	fuzz_check(fragment->offset + fragment->len <= MAX_LEN);
	for (uint32_t i = 0; i < fragment->len; i++) {
		if (model->bytes[fragment->offset + i].from != 0 &&
		    model->bytes[fragment->offset + i].from <= from)
			continue;
		model->bytes[fragment->offset + i].from = from;
		model->bytes[fragment->offset + i].value = fragment->payload[i];
	}
	if (!fragment->is_last || model->has_len)
		return;
	model->has_len = true;
	model->len = fragment->offset + fragment->len;
}

static void check_whole(const struct model *model, const uint8_t *payload, uint32_t len)
{
	fuzz_check(len == model->len);
	for (uint32_t at = 0; at < len; at++)
		fuzz_check(model->bytes[at].from != 0 && payload[at] == model->bytes[at].value);
	for (uint32_t i = 0; i < HEADER_LEN; i++)
		fuzz_check(payload[-HEADER_LEN + (int)i] == i);
}

/* id and last, offset / 8, length; content is the fragment's number. */
static void add_fragment(struct reassembly *reassembly, struct model models[NB_IDS],
			 struct fuzz_bytes *bytes, uint8_t content)
{
	const uint8_t head = fuzz_take8(bytes);
	struct model *model = &models[head % NB_IDS];
	struct fragment fragment = {.id = head % NB_IDS,
				    .is_last = (head & 0x80) != 0,
				    .offset = fuzz_take8(bytes) * 8u,
				    .len = fuzz_take8(bytes),
				    .header_len = HEADER_LEN};
	uint8_t *payload = malloc(fragment.len + 1), header[HEADER_LEN], *whole;
	uint32_t len;

	fuzz_check(payload != NULL);
	for (uint32_t i = 0; i < fragment.len; i++)
		payload[i] = content_at(content, fragment.offset + i);
	for (uint8_t i = 0; i < HEADER_LEN; i++)
		header[i] = i;
	fragment.payload = payload;
	fragment.header = header;
	whole = reassembly_add(reassembly, &fragment, &len);
	if (fragment.len != 0)
		model_add(model, &fragment);
	free(payload);
	if (fragment.len == 0) {
		fuzz_check(whole == NULL);
		return;
	}
	fuzz_check((whole != NULL) == is_whole(model));
	if (whole == NULL)
		return;
	check_whole(model, whole, len);
	*model = (struct model){0};
	datagrams_free(reassembly_take(reassembly));
}

static void put_together(struct fuzz_bytes *bytes)
{
	struct decode_keys keys;
	const struct reassembly_params params = {.keys = &keys, .max_bytes = UINT64_C(1) << 40};
	struct reassembly *reassembly;
	struct model *models = calloc(NB_IDS, sizeof(*models));
	struct reassembly_stats stats;

	decode_keys_init(&keys, 5);
	reassembly = reassembly_create(&params);
	fuzz_check(reassembly != NULL && models != NULL);
	for (int i = 0; i < MAX_FRAGMENTS && bytes->left != 0; i++)
		add_fragment(reassembly, models, bytes, (uint8_t)i);
	reassembly_get_stats(reassembly, &stats);
	fuzz_check(stats.given_up == 0 && stats.incomplete <= NB_IDS);
	fuzz_check(!reassembly_failed(reassembly));
	reassembly_destroy(reassembly);
	free(models);
}

/* ---- packets ----------------------------------------------------------------- */

static bool is_inside(const uint8_t *at, size_t len, const uint8_t *begin, size_t size)
{
	return at >= begin && at <= begin + size && len <= (size_t)(begin + size - at);
}

/* Where it points to is the packet, or a datagram that is whole now. */
static void check_segment(const struct segment *s, const struct frame *frame,
			  const struct datagram *datagrams)
{
	const size_t len = (size_t)s->tcp_off + s->tcp_caplen;
	bool is_known = is_inside(s->ip_header, len, frame->data, frame->caplen);

	/* How long a datagram's block is only ASan knows: both ends are read. */
	for (; datagrams != NULL && !is_known; datagrams = datagrams->next)
		is_known = is_inside(s->ip_header, len, datagrams->bytes, 65535 + 60);
	fuzz_check(is_known);
	fuzz_check(s->tcp_caplen >= 16 && s->tcp_caplen <= 60);
	fuzz_check(s->ip_header[0] >> 4 == (s->bits & SEGMENT_IPV6 ? 6 : 4));
	(void)*(const volatile uint8_t *)(s->ip_header + len - 1);
	fuzz_check((s->bits & SEGMENT_SHORT) == 0 || s->payload_len == 0);
}

static void take_packet(const struct decode_context *context, const uint8_t *data, uint32_t len,
			int64_t ts_ns)
{
	const struct capture_interface interface = {.link_type = LINK_RAW};
	struct segment segments[DECODE_MAX_SEGMENTS];
	uint8_t *copy = malloc(len != 0 ? len : 1);
	const struct frame frame = {.data = copy,
				    .caplen = len,
				    .wire_len = len,
				    .ts_ns = ts_ns,
				    .interface = &interface};
	struct datagram *datagrams;
	enum fate fate;
	uint32_t nb;

	fuzz_check(copy != NULL);
	memcpy(copy, data, len);
	fate = decode_frame(context, &frame, segments, &nb);
	fuzz_check(fate < NB_FATES);
	datagrams = reassembly_take(context->reassembly);
	for (uint32_t i = 0; fate == FATE_TRACKED && i < nb; i++)
		check_segment(&segments[i], &frame, datagrams);
	datagrams_free(datagrams);
	free(copy);
}

static void take_packets(struct fuzz_bytes *bytes, uint8_t choice)
{
	struct decode_keys keys;
	const struct reassembly_params params = {
		.keys = &keys,
		.max_bytes = UINT64_C(256) << (choice >> 1 & 7),
		.timeout_ns = choice & 0x10 ? 3000000 : 0,
	};
	struct decode_context context = {.keys = &keys};
	struct reassembly_stats stats;
	int64_t ts_ns = 0;

	decode_keys_init(&keys, 5);
	context.reassembly = reassembly_create(&params);
	fuzz_check(context.reassembly != NULL);
	while (bytes->left > 2) {
		uint32_t len = fuzz_take16(bytes);

		if (len > bytes->left)
			len = (uint32_t)bytes->left;
		take_packet(&context, bytes->at, len, ts_ns);
		bytes->at += len;
		bytes->left -= len;
		ts_ns += 1000000;
		reassembly_get_stats(context.reassembly, &stats);
		fuzz_check(stats.bytes <= params.max_bytes);
		fuzz_check((stats.incomplete == 0) == (stats.bytes == 0));
	}
	fuzz_check(!reassembly_failed(context.reassembly));
	reassembly_destroy(context.reassembly);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};
	const uint8_t choice = fuzz_take8(&bytes);

	if (choice & 1)
		put_together(&bytes);
	else
		take_packets(&bytes, choice);
	return 0;
}
