/* SPDX-License-Identifier: BSD-3-Clause */

/* What is not TCP in a bulk trace: datagrams to nobody, and DNS (RFC 1035 section 4). */

#include <string.h>

#include "bulk_priv.h"

#define DNS_PORT 53
#define DNS_HEADER 12
#define DNS_ANSWERS_MAX 4
#define DNS_ANSWER 16

/* A flow that nobody keeps: only its number is looked at. */
static void set_peers(uint32_t random, unsigned side, struct packet *packet)
{
	const struct bulk_flow peers = {.id = random & 0xff};

	packet_init(packet, 4);
	bulk_set_addresses(&peers, random, side, packet);
	packet->protocol = PACKET_PROTOCOL_UDP;
	packet->ip_id = (uint16_t)random;
}

int bulk_send_udp(struct bulk *bulk)
{
	struct packet packet;
	uint32_t random = (uint32_t)bulk_random(bulk);

	set_peers(random, 0, &packet);
	packet.dst_port = 9; /* discard */
	packet.payload_len = bulk->params->size == BULK_SMALL ? 18 : 20 + (random >> 8 & 0x1ff);
	return bulk_write_packet(bulk, &packet);
}

/* The question "hNNN.example.org, A, IN" and, in an answer, one to four addresses. */
static uint32_t make_message(uint32_t random, bool is_answer, uint8_t *message)
{
	static const uint8_t question[] = "\4h000\7example\3org\0\0\1\0\1";
	static const uint8_t answer[DNS_ANSWER] = {0xc0, DNS_HEADER, 0, 1, 0,   1, 0, 0,
						   1,    44,         0, 4, 192, 0, 2, 0};
	size_t len = DNS_HEADER, nb_answers = is_answer ? 1 + (random >> 28) % DNS_ANSWERS_MAX : 0;
	size_t i;

	memset(message, 0, DNS_HEADER);
	message[0] = (uint8_t)(random >> 8);
	message[1] = (uint8_t)random;
	message[2] = is_answer ? 0x81 : 0x01; /* answer; recursion desired */
	message[3] = is_answer ? 0x80 : 0;
	message[5] = 1;
	message[7] = (uint8_t)nb_answers;
	memcpy(message + len, question, sizeof(question) - 1);
	for (i = 0; i < 3; i++)
		message[len + 2 + i] = (uint8_t)('0' + (random >> (16 + 3 * i) & 7));
	len += sizeof(question) - 1;
	for (i = 0; i < nb_answers; i++) {
		memcpy(message + len, answer, DNS_ANSWER);
		message[len + DNS_ANSWER - 1] = (uint8_t)(1 + i);
		len += DNS_ANSWER;
	}
	return (uint32_t)len;
}

int bulk_send_dns(struct bulk *bulk)
{
	uint8_t message[DNS_HEADER + 32 + DNS_ANSWERS_MAX * DNS_ANSWER];
	struct packet packet;
	bool is_answer = bulk->dns_is_asked;
	uint16_t *client, *server;

	if (!is_answer)
		bulk->dns_random = (uint32_t)bulk_random(bulk);
	bulk->dns_is_asked = !is_answer;
	set_peers(bulk->dns_random, is_answer, &packet);
	packet.reverse = is_answer;
	client = is_answer ? &packet.dst_port : &packet.src_port;
	server = is_answer ? &packet.src_port : &packet.dst_port;
	/* Of the ports for such use: no tunnel has its number there. */
	*client = (uint16_t)(0xc000 | bulk->dns_random >> 8);
	*server = DNS_PORT;
	packet.payload_len = make_message(bulk->dns_random, is_answer, message);
	packet.payload = message;
	bulk->counts->dns++;
	return bulk_write_packet(bulk, &packet);
}
