/* SPDX-License-Identifier: BSD-3-Clause */

/* What is said of the ports when they are open, before the first packet. */

#include <string.h>

#include "live_cli.h"
#include "tcpmill/capture.h"
#include "text.h"

#define DOT " \xc2\xb7 "

static const char *const clock_words[] = {
	[PORT_CLOCK_KERNEL] = "stamps of the kernel",
	[PORT_CLOCK_HARDWARE] = "stamps of the NIC",
	[PORT_CLOCK_FILE] = "stamps of the file",
	[PORT_CLOCK_BURST] = "stamps of ours, one a burst",
};

static void print_port(const struct port_info *info, uint32_t nb_workers, FILE *out)
{
	const char *link_type = capture_link_type_name(info->link_type);
	struct live_line line = {.out = out};

	live_line_put(&line, "", "%s", info->name);
	live_line_put(&line, DOT, "%s", info->driver);
	if (link_type == NULL)
		live_line_put(&line, DOT, "link type %u", info->link_type);
	else
		live_line_put(&line, DOT, "%s",
			      strcmp(link_type, "EN10MB") == 0 ? "Ethernet" : link_type);
	live_line_put(&line, DOT, "%u queue%s", info->nb_queues, info->nb_queues == 1 ? "" : "s");
	/* One queue says that by itself, and one worker needs no more. */
	if (info->why[0] != '\0' && nb_workers > 1 && strcmp(info->why, "one queue") != 0)
		live_line_put(&line, ", ", "%s", info->why);
	live_line_put(&line, DOT, "%s", clock_words[info->clock]);
	live_line_put(&line, DOT, "%s", info->is_promiscuous ? "promiscuous" : "not promiscuous");
	live_line_end(&line);
}

/* Who looks at packets, and how both directions of a flow come together. */
static void print_workers(const struct live_ports *ports, FILE *out)
{
	struct live_line line = {.out = out};

	live_line_put(&line, "", "%u worker%s", ports->nb_workers,
		      ports->nb_workers == 1 ? "" : "s");
	for (uint32_t i = 0; i < ports->nb_workers; i++)
		live_line_put(&line, i == 0 ? " on CPU " : ", ", "%d", ports->cpus[i]);
	if (ports->is_exchanged)
		live_line_put(&line, DOT, "%s",
			      ports->nb_workers > 1
				      ? "software brings the two directions of a flow together"
				      : "software brings the ports into one order by time");
	else if (ports->nb_workers > 1)
		live_line_put(&line, DOT, "%s", "RSS brings the two directions of a flow together");
	live_line_end(&line);
}

void live_print_started(const struct live_report *report, FILE *out)
{
	const struct live_ports *ports = report->ports;
	bool has_dpdk = false;

	for (uint32_t i = 0; i < ports->nb; i++) {
		print_port(&ports->infos[i], ports->nb_workers, out);
		has_dpdk |= ports->infos[i].kind == PORT_DPDK;
	}
	print_workers(ports, out);
	for (uint32_t i = 0; i < ports->nb; i++) {
		if (ports->infos[i].warning[0] != '\0')
			fprintf(out, "tcpmill: warning: %s: %s\n", ports->infos[i].name,
				ports->infos[i].warning);
	}
	/* The kernel's own rings do not need them. */
	if (has_dpdk && !ports->has_hugepages)
		fputs("tcpmill: warning: no hugepages: buffers lie in 4 KiB pages, which costs "
		      "TLB misses, and\n  drivers of real NICs may refuse to start "
		      "(docs/live.md)\n",
		      out);
}
