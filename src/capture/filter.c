/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * BPF filters, compiled by libpcap once per link type. bpf_filter() gets wire
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

static int compile(const char *filter, uint16_t link_type, struct bpf_program *program, char *error,
		   size_t error_size)
{
	pcap_t *dead = pcap_open_dead(link_type_to_dlt(link_type), CAPTURE_MAX_CAPLEN);
	int rc = -1;

	if (dead == NULL) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (pcap_compile(dead, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0)
		rc = 0;
	else
		snprintf(error, error_size, "filter '%s' (link type %u): %s", filter, link_type,
			 pcap_geterr(dead));
	pcap_close(dead);
	return rc;
}

int filter_check(struct capture *capture, uint16_t link_type, char *error, size_t error_size)
{
	struct bpf_program program;

	if (capture->filter == NULL)
		return 0;
	if (compile(capture->filter, link_type, &program, error, error_size) != 0)
		return -1;
	pcap_freecode(&program);
	return 0;
}

int filter_compile(struct capture *capture, uint16_t link_type, const struct bpf_insn **insns)
{
	struct filter_program *p;

	*insns = NULL;
	if (capture->filter == NULL)
		return 0;
	for (p = capture->programs; p != NULL; p = p->next) {
		if (p->link_type == link_type) {
			*insns = p->program.bf_insns;
			return 0;
		}
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->link_type = link_type;
	if (compile(capture->filter, link_type, &p->program, capture->failure,
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
