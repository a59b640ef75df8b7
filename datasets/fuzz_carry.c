/* SPDX-License-Identifier: BSD-3-Clause */
/* How fuzzed packets travel: as they are, in fragments, in tunnels, quoted, late. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_carry.h"

#define LATE_MAX 32
/* Not more than a length of 16 bits can say, whatever is around it. */
#define WRAP_MAX 60000

/* A frame that waits until so many others are written. */
struct late {
	uint64_t due;
	struct cargo frame;
};

struct fuzz_carry {
	struct late late[LATE_MAX];
	unsigned nb_late;
	/* A packet, an error that quotes it, the pieces of one, and those of a piece's tunnel. */
	struct cargo packet, error, pieces[CARGO_PIECES_MAX], outer[CARGO_PIECES_MAX];
};

struct fuzz_carry *fuzz_carry_create(void)
{
	return calloc(1, sizeof(struct fuzz_carry));
}

void fuzz_carry_destroy(struct fuzz_carry *carry)
{
	free(carry);
}

static void write_now(struct fuzz *fuzz, const struct cargo *cargo, int64_t ts_ns)
{
	const struct capture_frame frame = {
		.ts_ns = ts_ns < 0 ? 0 : ts_ns,
		.data = cargo->bytes,
		.caplen = (uint32_t)cargo->len,
		.wire_len = (uint32_t)cargo_len(cargo),
	};

	if (fuzz->nb_written == fuzz->params->nb_packets)
		return;
	capture_file_write(fuzz->file, &frame);
	fuzz->nb_written++;
}

void fuzz_carry_late(struct fuzz *fuzz)
{
	struct fuzz_carry *carry = fuzz->carry;
	unsigned i = 0;

	while (i < carry->nb_late) {
		if (carry->late[i].due > fuzz->nb_written) {
			i++;
			continue;
		}
		write_now(fuzz, &carry->late[i].frame, fuzz->now_ns);
		carry->nb_late--;
		memmove(&carry->late[i], &carry->late[i + 1],
			(carry->nb_late - i) * sizeof(carry->late[0]));
	}
}

/* The snaplen, or a trailer. */
static void cut_or_pad(struct fuzz *fuzz, const struct fuzz_flow *flow, struct cargo *frame)
{
	static const size_t missing[] = {1, 4, 8, 20, 21, 24, 25, 30};
	size_t keep = frame->len, less;

	switch (fuzz_below(fuzz, 50)) {
	case 0:
		less = missing[fuzz_below(fuzz, sizeof(missing) / sizeof(missing[0]))];
		keep -= less < keep ? less : keep;
		break;
	case 1:
		keep = fuzz_below(fuzz, frame->len + 1);
		break;
	case 2:
	case 3:
		if (frame->more == 0)
			frame->len += 1 + fuzz_below(fuzz, 30);
		return;
	default:
		if (frame->more == 0 && frame->len < flow->min_frame)
			frame->len = flow->min_frame;
		return;
	}
	frame->more += frame->len - keep;
	frame->len = keep;
}

/* A piece of the way to the capture. is_first: it comes at once. */
static void send_cargo(struct fuzz *fuzz, const struct fuzz_flow *flow, struct cargo *cargo,
		       int64_t ts_ns, bool is_first)
{
	struct fuzz_carry *carry = fuzz->carry;
	uint8_t *at;

	if (flow->vlan != 0 && cargo->type != CARGO_FRAME) {
		const uint16_t inside = cargo->type;

		at = cargo_put_front(cargo, 4);
		cargo_store16(at, flow->vlan);
		cargo_store16(at + 2, inside);
		cargo->type = 0x8100;
	}
	cargo_wrap_ethernet(fuzz, cargo);
	cut_or_pad(fuzz, flow, cargo);
	if (is_first || fuzz_chance(fuzz, 500) || carry->nb_late == LATE_MAX) {
		write_now(fuzz, cargo, ts_ns);
		return;
	}
	carry->late[carry->nb_late].frame = *cargo;
	carry->late[carry->nb_late++].due = fuzz->nb_written + 1 + fuzz_below(fuzz, 8);
}

/* Into the flow's tunnel, or now and then into another. */
static void send_in_tunnel(struct fuzz *fuzz, const struct fuzz_flow *flow, struct cargo *cargo,
			   int64_t ts_ns, bool is_first)
{
	struct fuzz_carry *carry = fuzz->carry;
	unsigned i, nb, kind = flow->tunnel;

	if (fuzz_chance(fuzz, 30))
		kind = fuzz_below(fuzz, CARGO_TUNNELS + 1);
	if (cargo_len(cargo) > WRAP_MAX)
		kind = CARGO_TUNNELS;
	if (kind < CARGO_TUNNELS)
		cargo_wrap_tunnel(fuzz, cargo, kind);
	if (kind >= CARGO_TUNNELS || !cargo_is_ip(cargo) || !fuzz_chance(fuzz, 60)) {
		send_cargo(fuzz, flow, cargo, ts_ns, is_first);
		return;
	}
	nb = cargo_split(fuzz, cargo, (uint16_t)fuzz_below(fuzz, 16), carry->outer);
	for (i = 0; i < nb; i++)
		send_cargo(fuzz, flow, &carry->outer[i], ts_ns, is_first && i == 0);
}

static void send_packet(struct fuzz *fuzz, const struct fuzz_flow *flow, struct cargo *packet,
			int64_t ts_ns, uint16_t id)
{
	struct fuzz_carry *carry = fuzz->carry;
	unsigned i, nb;

	if (!fuzz_chance(fuzz, 120) || packet->len < 60 || cargo_len(packet) > WRAP_MAX) {
		send_in_tunnel(fuzz, flow, packet, ts_ns, true);
		return;
	}
	if (fuzz_chance(fuzz, 300)) /* that others have, too */
		id = (uint16_t)fuzz_below(fuzz, 4);
	nb = cargo_split(fuzz, packet, id, carry->pieces);
	for (i = 0; i < nb; i++)
		send_in_tunnel(fuzz, flow, &carry->pieces[i], ts_ns, i == 0);
}

void fuzz_carry_packet(struct fuzz *fuzz, const struct fuzz_flow *flow,
		       const struct fuzz_segment *segment, size_t caplen, size_t wire_len)
{
	struct cargo *packet = &fuzz->carry->packet, *error = &fuzz->carry->error;
	const bool is_quoted = caplen >= 40 && caplen <= CARGO_KEEP && fuzz_chance(fuzz, 60) &&
			       flow->mptcp == FUZZ_MPTCP_NEVER;

	memset(packet, 0, sizeof(*packet));
	packet->type = flow->version == 6 ? CARGO_IPV6 : CARGO_IPV4;
	packet->len = caplen < CARGO_KEEP ? caplen : CARGO_KEEP;
	packet->more = wire_len - packet->len;
	memcpy(packet->bytes, fuzz->frame, packet->len);
	/* Of MPTCP nothing may be missing or late: tshark would stop with an assertion. */
	if (flow->mptcp != FUZZ_MPTCP_NEVER) {
		cargo_wrap_ethernet(fuzz, packet);
		write_now(fuzz, packet, segment->ts_ns);
		return;
	}
	if (is_quoted)
		cargo_quote(fuzz, packet, error);
	if (!is_quoted || fuzz_chance(fuzz, 800))
		send_packet(fuzz, flow, packet, segment->ts_ns, segment->ip_id);
	if (is_quoted)
		send_packet(fuzz, flow, error, segment->ts_ns, (uint16_t)(segment->ip_id ^ 0x5a5a));
}
