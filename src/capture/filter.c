/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * BPF filters, compiled by libpcap once per link type and byte order. bpf_filter() gets wire
 * and captured length; DPDK 22.11's BPF is wrong on optimised programs and has
 * no wire length (compared on 2048 packets), so it is not used.
 */

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture_priv.h"

struct filter_program {
	struct filter_program *next;
	struct bpf_program program;
	uint16_t link_type;
	bool swapped;
};

/* A file's LINKTYPE_ is libpcap's DLT_ but for a few that differ between systems. */
static int link_type_to_dlt(uint16_t link_type)
{
	switch (link_type) {
	case 100:
		return DLT_ATM_RFC1483;
	case 101:
		return DLT_RAW;
	case 102:
		return DLT_SLIP_BSDOS;
	case 103:
		return DLT_PPP_BSDOS;
	default:
		return link_type;
	}
}

const char *capture_link_type_name(uint16_t link_type)
{
	return pcap_datalink_val_to_name(link_type_to_dlt(link_type));
}

/*
 * An empty capture file for libpcap to compile for. pcap_open_dead() would not do:
 * it stands for this machine, whose AF_INET6 (in link type NULL) is not the
 * writer's, and on which "inbound" asks the kernel.
 */
static pcap_t *open_empty_file(uint16_t link_type, bool swapped, char why[PCAP_ERRBUF_SIZE])
{
	uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, CAPTURE_MAX_CAPLEN, link_type};
	pcap_t *pcap;
	FILE *file;

	if (swapped) {
		for (int i = 0; i < 6; i++)
			header[i] = __builtin_bswap32(header[i]);
		header[1] = header[1] >> 16 | header[1] << 16; /* two numbers of 16 bits */
	}
	file = fmemopen(header, sizeof(header), "rb");
	if (file == NULL)
		return NULL;
	pcap = pcap_fopen_offline(file, why);
	if (pcap == NULL)
		(void)fclose(file);
	return pcap;
}

static int compile(const char *filter, uint16_t link_type, bool swapped,
		   struct bpf_program *program, char *error, size_t error_size)
{
	char why[PCAP_ERRBUF_SIZE] = "out of memory";
	pcap_t *empty = open_empty_file(link_type, swapped, why);
	int rc = -1;

	if (empty == NULL) {
		snprintf(error, error_size, "filter '%s' (link type %u): %s", filter, link_type,
			 why);
		return -1;
	}
	if (pcap_compile(empty, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0)
		rc = 0;
	else
		snprintf(error, error_size, "filter '%s' (link type %u): %s", filter, link_type,
			 pcap_geterr(empty));
	pcap_close(empty);
	return rc;
}

int filter_compile_text(const char *filter, uint16_t link_type, struct bpf_program *program,
			char *error, size_t error_size)
{
	return compile(filter, link_type, false, program, error, error_size);
}

int filter_check(struct capture *capture, char *error, size_t error_size)
{
	/* Of pcapng the link types come later: Ethernet, cooked, 802.11 and raw stand for them. */
	static const uint16_t common[] = {1, 113, 276, 105, 127, 101};
	const struct source *first = &capture->sources[0];
	const size_t nb = first->kind == SOURCE_PCAPNG ? sizeof(common) / sizeof(common[0]) : 1;

	for (size_t i = 0; capture->filter != NULL && i < nb; i++) {
		struct bpf_program program;
		char why[256];

		if (compile(capture->filter,
			    first->kind == SOURCE_PCAPNG ? common[i] : first->link_type, false,
			    &program, why, sizeof(why)) == 0) {
			pcap_freecode(&program);
			return 0;
		}
		if (i == 0)
			snprintf(error, error_size, "%s", why);
		if (i + 1 == nb)
			return -1;
	}
	return 0;
}

int filter_compile(struct capture *capture, uint16_t link_type, bool swapped,
		   const struct bpf_insn **insns)
{
	struct filter_program *p;

	*insns = NULL;
	if (capture->filter == NULL)
		return 0;
	for (p = capture->programs; p != NULL; p = p->next) {
		if (p->link_type == link_type && p->swapped == swapped) {
			*insns = p->program.bf_insns;
			return 0;
		}
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->link_type = link_type;
	p->swapped = swapped;
	if (compile(capture->filter, link_type, swapped, &p->program, capture->failure,
		    sizeof(capture->failure)) != 0) {
		free(p);
		return -EINVAL;
	}
	p->next = capture->programs;
	capture->programs = p;
	*insns = p->program.bf_insns;
	return 0;
}

void filter_free(struct capture *capture)
{
	while (capture->programs != NULL) {
		struct filter_program *next = capture->programs->next;

		pcap_freecode(&capture->programs->program);
		free(capture->programs);
		capture->programs = next;
	}
}

bool capture_filter_match(const struct frame *frame)
{
	const struct bpf_insn *insns = frame->interface->filter;

	return insns == NULL || bpf_filter(insns, frame->data, frame->wire_len, frame->caplen) != 0;
}
