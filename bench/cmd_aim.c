/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tcpmill-bench aim: traces of tuples that were chosen for where they fall in the flow table: in
 * the same buckets, for whoever knows the key of the run, or all in one partition, whose hash has
 * no key.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "decode/decode_priv.h"
#include "output.h"
#include "tcpmill/flow.h"

#define START_NS INT64_C(1767225600000000000)
#define SERVER 0xc6120001u /* 198.18.0.1:443 */
#define PORT 443u

/* Low bits of the bucket that all tuples share: of indexes of up to 2^BITS buckets, all of it. */
#define BUCKET_BITS 14u

struct tuple {
	uint32_t address; /* of the client, 10.x.y.z */
	uint16_t port;
};

/* The clients are the lower endpoints. */
static struct key_ipv4 key_of(struct tuple tuple)
{
	return (struct key_ipv4){.addr_lo = tuple.address,
				 .addr_hi = SERVER,
				 .ports = (uint32_t)tuple.port << 16 | PORT};
}

static bool hits(const struct decode_keys *keys, bool at_partition, struct tuple tuple)
{
	const struct key_ipv4 key = key_of(tuple);

	if (at_partition)
		return hash_ipv4(&decode_partition_keys, key) / (UINT64_MAX / FLOW_NB_PARTITIONS) ==
		       0;
	return (hash_ipv4(keys, key) >> 32 & ((1u << BUCKET_BITS) - 1)) == 0;
}

static void choose(const struct decode_keys *keys, bool at_partition, struct tuple *tuples,
		   uint64_t nb)
{
	uint64_t i = 0;

	for (uint64_t found = 0; found < nb; i++) {
		const struct tuple tuple = {.address = 0x0a000000u | (uint32_t)(i & 0xffffff),
					    .port = (uint16_t)(1024 + (i >> 24))};

		if (hits(keys, at_partition, tuple))
			tuples[found++] = tuple;
	}
}

static void fill(struct packet *packet, struct tuple tuple, uint64_t turn)
{
	static const uint8_t server[4] = {198, 18, 0, 1};

	packet_init(packet, 4);
	for (unsigned int i = 0; i < 4; i++)
		packet->src[i] = (uint8_t)(tuple.address >> (24 - 8 * i));
	memcpy(packet->dst, server, sizeof(server));
	packet->src_port = tuple.port;
	packet->dst_port = PORT;
	packet->flags = turn == 0 ? PACKET_SYN : PACKET_ACK;
	packet->payload_len = turn == 0 ? 0 : 10;
	packet->seq = turn == 0 ? 1000 : 1001 + (uint32_t)turn * 10;
	packet->ack = turn == 0 ? 0 : 1;
}

static int write_trace(const char *path, const struct tuple *tuples, uint64_t nb_flows,
		       uint64_t nb_packets)
{
	const struct output_params params = {.path = path,
					     .format = CAPTURE_PCAP,
					     .link = PACKET_LINK_ETHERNET,
					     .nb_frames = nb_packets};
	struct output *output = output_create(&params);
	int error;

	if (output == NULL)
		return bench_fail(1, path, strerror(errno));
	for (uint64_t i = 0; i < nb_packets; i++) {
		struct packet packet;

		fill(&packet, tuples[i % nb_flows], i / nb_flows);
		(void)output_write(output, START_NS + (int64_t)i * 1000, &packet, 0);
	}
	error = output_destroy(output);
	return error == 0 ? 0 : bench_fail(1, path, strerror(-error));
}

int cmd_aim(int argc, char **argv)
{
	const char *path = NULL, *name = NULL;
	uint64_t nb_packets = 1000000, nb_flows = 20000, key = 1;
	const struct bench_option table[] = {
		{"-o", BENCH_TEXT, 0, &path},
		{"--packets", BENCH_NUMBER, 1u << 30, &nb_packets},
		{"--flows", BENCH_NUMBER, 1u << 26, &nb_flows},
		{"--key", BENCH_NUMBER, INT64_MAX, &key},
	};
	struct decode_keys keys;
	struct tuple *tuples;
	int status = bench_parse(argv, table, sizeof(table) / sizeof(table[0]), &name, 1);

	(void)argc;
	if (status != 0)
		return status;
	if (path == NULL || (strcmp(name, "buckets") != 0 && strcmp(name, "partition") != 0))
		return bench_fail(2, "aim", "expected buckets or partition, and -o FILE");
	tuples = malloc(nb_flows * sizeof(*tuples));
	if (tuples == NULL)
		return bench_fail(1, "aim", "out of memory");
	decode_keys_init(&keys, key);
	choose(&keys, strcmp(name, "partition") == 0, tuples, nb_flows);
	status = write_trace(path, tuples, nb_flows, nb_packets);
	free(tuples);
	return status;
}
