/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The filter of a packet socket. It runs in the kernel alone, so that every packet which the
 * kernel counts is one that a poll gives: libpcap would filter what is in the ring already by
 * itself, knowing less than the kernel ("inbound"), and skip one of the two packets that the
 * kernel hands over for each one of the loopback interface.
 *
 * A filter that lets nothing pass closes the socket: before the start, and from the stop on,
 * while what is in the ring can still be polled. Attaching is one call of the kernel's, and
 * may happen while another thread polls.
 */

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture_priv.h"
#include "kernel_port_priv.h"

#define AUXILIARY(what) ((uint32_t)(SKF_AD_OFF + (what)))

static int attach(int fd, const struct sock_fprog *program)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)) == 0
		       ? 0
		       : -errno;
}

int kernel_filter_open(const struct kernel_port *port)
{
	return attach(port->fd, &port->filter);
}

int kernel_filter_shut(const struct kernel_port *port)
{
	struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};

	return attach(port->fd, &(struct sock_fprog){.len = 1, .filter = &nothing});
}

/*
 * Hands the program to the kernel. On a cooked socket the kernel sees no link header, and
 * libpcap knows how to rewrite the program for that.
 */
static int install(struct kernel_port *port, struct bpf_program *program, char *why, size_t size)
{
	struct sock_filter *insns;
	int rc;

	if (port->port.info.link_type != 1) {
		rc = pcap_setfilter(port->pcap, program);
		if (rc != 0)
			snprintf(why, size, "%s", pcap_geterr(port->pcap));
		return rc;
	}
	if (program->bf_len > BPF_MAXINSNS) {
		snprintf(why, size, "%u instructions, the kernel takes %d", program->bf_len,
			 BPF_MAXINSNS);
		return -1;
	}
	insns = calloc(program->bf_len, sizeof(*insns));
	if (insns == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	for (u_int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *from = &program->bf_insns[i];

		insns[i] = (struct sock_filter){from->code, from->jt, from->jf, from->k};
	}
	rc = attach(port->fd, &(struct sock_fprog){(unsigned short)program->bf_len, insns});
	if (rc != 0)
		snprintf(why, size, "the kernel does not take it: %s%s", strerror(-rc),
			 rc == -ENOMEM ? " (see net.core.optmem_max)" : "");
	free(insns);
	return rc;
}

/*
 * Reads back what the kernel has, behind a prologue for sockets that see the loopback interface:
 * there each packet passes twice, going out and coming in, and the first is not wanted.
 */
static int keep(struct kernel_port *port, char *why, size_t size)
{
	const unsigned int lo = if_nametoindex("lo");
	const struct sock_filter prologue[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, AUXILIARY(SKF_AD_PKTTYPE)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 3, PACKET_OUTGOING},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, AUXILIARY(SKF_AD_IFINDEX)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, lo},
		{BPF_RET | BPF_K, 0, 0, 0},
	};
	const bool sees_lo = lo != 0 && (port->ifindex == 0 || port->ifindex == lo);
	const size_t nb_prologue = sees_lo ? sizeof(prologue) / sizeof(prologue[0]) : 0;
	socklen_t nb = 0; /* instructions, not bytes */

	if (getsockopt(port->fd, SOL_SOCKET, SO_GET_FILTER, NULL, &nb) != 0 || nb == 0 ||
	    nb + nb_prologue > BPF_MAXINSNS) {
		snprintf(why, size, "too long for the kernel");
		return -1;
	}
	port->filter.filter = calloc(nb + nb_prologue, sizeof(*port->filter.filter));
	if (port->filter.filter == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	if (getsockopt(port->fd, SOL_SOCKET, SO_GET_FILTER, port->filter.filter + nb_prologue,
		       &nb) != 0) {
		snprintf(why, size, "cannot be read back: %s", strerror(errno));
		return -1;
	}
	memcpy(port->filter.filter, prologue, nb_prologue * sizeof(prologue[0]));
	port->filter.len = (unsigned short)(nb + nb_prologue);
	return 0;
}

int kernel_filter_prepare(struct kernel_port *port, const char *text, char *error,
			  size_t error_size, bool *usage)
{
	const char *link = capture_link_type_name(port->port.info.link_type);
	char why[PCAP_ERRBUF_SIZE], shown[64];
	struct bpf_program program;
	int rc;

	snprintf(shown, sizeof(shown), "%.56s%s", text != NULL ? text : "",
		 text != NULL && strlen(text) > 56 ? " ..." : "");
	/* Without a text too: only a filter makes the kernel cut packets at the snaplen. */
	if (pcap_compile(port->pcap, &program, text != NULL ? text : "", 1, PCAP_NETMASK_UNKNOWN) !=
	    0) {
		snprintf(error, error_size, "filter '%s' (link type %s): %s", shown, link,
			 pcap_geterr(port->pcap));
		*usage = true;
		return -1;
	}
	rc = install(port, &program, why, sizeof(why));
	pcap_freecode(&program);
	if (rc == 0)
		rc = keep(port, why, sizeof(why));
	if (rc == 0) {
		/* Now with the prologue: it may be that which is too much. */
		rc = kernel_filter_open(port);
		if (rc == 0)
			rc = kernel_filter_shut(port);
		if (rc != 0)
			snprintf(why, sizeof(why), "the kernel does not take it: %s",
				 strerror(-rc));
	}
	if (rc == 0)
		return 0;
	snprintf(error, error_size, "%s: filter '%s': %s", port->name, shown, why);
	*usage = text != NULL;
	return -1;
}
