/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 65700

/* Interfaces of one section of a multi file. */
#define MULTI_INTERFACES 4

#define TICK_NONE 1

static const char *const format_names[] = {
	[CAPTURE_PCAP] = "pcap",
	[CAPTURE_PCAP_NS] = "pcap-ns",
	[CAPTURE_PCAP_BE] = "pcap-be",
	[CAPTURE_PCAP_NS_BE] = "pcap-ns-be",
	[CAPTURE_PCAP_MODIFIED] = "pcap-modified",
	[CAPTURE_PCAPNG] = "pcapng",
	[CAPTURE_PCAPNG_BE] = "pcapng-be",
	[OUTPUT_PCAPNG_MULTI] = "pcapng-multi",
};

/*
 * A packet goes to the next interface in turn whose unit can tell its time
 * exactly, so a multi file has the same times as any other.
 */
struct multi_interface {
	const char *name;
	enum packet_link link;
	uint8_t tsresol;
	int64_t tsoffset_s;
	int64_t tick_ns; /* times must be a multiple of this */
};

static const struct multi_interface multi_sections[2][MULTI_INTERFACES] = {
	{
		{"a-ethernet-us", PACKET_LINK_ETHERNET, CAPTURE_TSRESOL_DEFAULT, 0, 1000},
		{"a-raw-ns", PACKET_LINK_RAW, 9, 0, TICK_NONE},
		{"a-sll-ms", PACKET_LINK_SLL, 3, 0, 1000000},
		{"a-vlan-power-2", PACKET_LINK_VLAN, CAPTURE_TSRESOL_POWER_2 | 30, 0, TICK_NONE},
	},
	{
		{"b-loop-ns", PACKET_LINK_LOOP, 9, 0, TICK_NONE},
		{"b-null-us-offset", PACKET_LINK_NULL_BE, 6, 1000000000, 1000},
		{"b-sll2-ns-minus", PACKET_LINK_SLL2, 9, -3600, TICK_NONE},
		{"b-ppp-power-2", PACKET_LINK_PPP, CAPTURE_TSRESOL_POWER_2 | 30, 5, TICK_NONE},
	},
};

struct output {
	struct capture_file *file;
	struct output_params params;
	bool multi;
	unsigned section;
	uint32_t last_interface;
	uint64_t nb_frames;
	uint64_t captured;
	int64_t last_ts_ns;
	uint8_t frame[FRAME_MAX];
};

int output_format_from_name(const char *name)
{
	int i;

	for (i = 0; i <= OUTPUT_PCAPNG_MULTI; i++) {
		if (strcmp(format_names[i], name) == 0)
			return i;
	}
	return -1;
}

/* ---- the multi file ---------------------------------------------------- */

static struct capture_interface multi_interface(const struct output *output, unsigned section,
						uint32_t i)
{
	const struct multi_interface *multi = &multi_sections[section][i];

	return (struct capture_interface){
		.link_type = packet_link_type(multi->link),
		.snaplen = output->params.snaplen,
		.tsresol = multi->tsresol,
		.tsoffset_s = multi->tsoffset_s,
		.name = multi->name,
	};
}

/* Adds interfaces [1, end) of the current section. */
static void multi_add_interfaces(struct output *output, uint32_t start, uint32_t end)
{
	struct capture_interface interface;
	uint32_t i;

	for (i = start; i < end; i++) {
		interface = multi_interface(output, output->section, i);
		capture_file_add_interface(output->file, &interface);
	}
}

/* A frame of a block without a time stamp; it is not TCP, so no flow sees it. */
static void multi_write_simple(struct output *output)
{
	static const uint8_t words[] = "a datagram in a Simple Packet Block";
	struct packet packet;
	struct capture_frame frame = {.block = CAPTURE_BLOCK_SIMPLE};
	size_t wire_len = 0;

	packet_init(&packet, 4);
	packet_set_addresses(&packet, "192.0.2.1", "192.0.2.2");
	packet.protocol = PACKET_PROTOCOL_UDP;
	packet.src_port = 9;
	packet.dst_port = 9;
	packet.payload = words;
	packet.payload_len = sizeof(words) - 1;
	frame.caplen = (uint32_t)packet_build(&packet, multi_sections[output->section][0].link,
					      output->frame, sizeof(output->frame), &wire_len);
	frame.data = output->frame;
	frame.wire_len = (uint32_t)wire_len;
	capture_file_write(output->file, &frame);
}

static void multi_end_section(struct output *output)
{
	static const uint8_t localhost[4] = {127, 0, 0, 1};
	/* A Custom Block that readers skip: the example enterprise number, then anything. */
	static const uint8_t custom[] = {0, 0, 0x7e, 0xd9, 't', 'c', 'p'};

	capture_file_write_name(output->file, localhost, "localhost.example");
	capture_file_write_block(output->file, 0x40000bad, custom, sizeof(custom));
	capture_file_write_statistics(output->file, 0, output->last_ts_ns, output->nb_frames, 3);
	capture_file_write_statistics(output->file, 1, output->last_ts_ns, 5, 0);
}

/* Things that come at certain places: late interfaces, simple blocks, the second section. */
static void multi_prepare(struct output *output)
{
	struct capture_interface interface;

	if (output->nb_frames == 2)
		multi_write_simple(output);
	if (output->nb_frames == 3)
		multi_add_interfaces(output, 2, MULTI_INTERFACES);
	if (output->section == 0 && output->nb_frames > 3 &&
	    output->nb_frames >= output->params.nb_frames / 2) {
		multi_end_section(output);
		output->section = 1;
		interface = multi_interface(output, 1, 0);
		capture_file_begin_section(output->file, true, &interface);
		multi_add_interfaces(output, 1, MULTI_INTERFACES);
		multi_write_simple(output);
	}
}

static uint32_t multi_choose_interface(struct output *output, int64_t ts_ns)
{
	uint32_t nb = output->section == 0 && output->nb_frames < 3 ? 2 : MULTI_INTERFACES;
	uint32_t i = output->last_interface;

	do {
		i = (i + 1) % nb;
	} while (ts_ns % multi_sections[output->section][i].tick_ns != 0);
	output->last_interface = i;
	return i;
}

/* ---- both -------------------------------------------------------------- */

struct output *output_create(const struct output_params *params)
{
	struct output *output = calloc(1, sizeof(*output));
	struct capture_interface interface;
	enum capture_format format;
	int error;

	if (output == NULL)
		return NULL;
	output->params = *params;
	output->multi = params->format == OUTPUT_PCAPNG_MULTI;
	if (params->link == PACKET_LINK_NULL &&
	    (params->format == CAPTURE_PCAP_BE || params->format == CAPTURE_PCAP_NS_BE ||
	     params->format == CAPTURE_PCAPNG_BE))
		output->params.link = PACKET_LINK_NULL_BE;
	if (output->multi) {
		format = CAPTURE_PCAPNG;
		interface = multi_interface(output, 0, 0);
	} else {
		format = (enum capture_format)params->format;
		interface = (struct capture_interface){
			.link_type = packet_link_type(params->link),
			.snaplen = params->snaplen,
			.tsresol = 9,
		};
	}
	output->file = capture_file_create(params->path, format, &interface);
	if (output->file == NULL) {
		error = errno;
		free(output);
		errno = error;
		return NULL;
	}
	if (output->multi)
		multi_add_interfaces(output, 1, 2);
	return output;
}

size_t output_write(struct output *output, int64_t ts_ns, const struct packet *packet,
		    uint32_t keep)
{
	struct capture_frame frame = {.ts_ns = ts_ns};
	enum packet_link link = output->params.link;
	size_t size = sizeof(output->frame), wire_len;

	if (output->multi) {
		multi_prepare(output);
		frame.interface = multi_choose_interface(output, ts_ns);
		link = multi_sections[output->section][frame.interface].link;
		if (output->nb_frames % 5 == 3)
			frame.block = CAPTURE_BLOCK_OBSOLETE;
	}
	if (keep != 0)
		size = packet_link_len(packet, link) + keep;
	if (output->params.snaplen != 0 && size > output->params.snaplen)
		size = output->params.snaplen;
	if (size > sizeof(output->frame))
		size = sizeof(output->frame);

	if (link == PACKET_LINK_ETHERNET && packet_is_plain(packet))
		frame.caplen = (uint32_t)packet_build_plain(packet, output->frame, size, &wire_len);
	else
		frame.caplen = (uint32_t)packet_build(packet, link, output->frame, size, &wire_len);
	if (frame.caplen == 0)
		return 0;
	frame.data = output->frame;
	frame.wire_len = (uint32_t)wire_len;
	capture_file_write(output->file, &frame);
	output->nb_frames++;
	output->captured += frame.caplen;
	output->last_ts_ns = ts_ns;
	return wire_len;
}

uint64_t output_bytes(const struct output *output)
{
	return capture_file_bytes(output->file);
}

uint64_t output_captured(const struct output *output)
{
	return output->captured;
}

int output_destroy(struct output *output)
{
	int error;

	if (output == NULL)
		return 0;
	if (output->multi)
		multi_end_section(output);
	error = capture_file_close(output->file);
	free(output);
	return error;
}
