/* SPDX-License-Identifier: BSD-3-Clause */

/* The command line that opens the flow in Wireshark. */

#include <string.h>

#include "explain_priv.h"

#define PATH_MAX_SHOWN 4096

/*
 * Stream numbers are Wireshark's only if it reads the same packets: with a filter or
 * several inputs, addresses and ports name the flow.
 */
static void print_display_filter(const struct explain *e)
{
	const struct flow_record *record = &e->record;
	const char *field = record->ip_version == 6 ? "ipv6.addr" : "ip.addr";

	if (e->request->run.nb_paths == 1 && e->request->run.config.filter == NULL)
		fprintf(e->out, "tcp.stream == %lld", (long long)record->stream);
	else
		fprintf(e->out, "%s == %s && %s == %s && tcp.port == %u && tcp.port == %u", field,
			text_address(&record->src).s, field, text_address(&record->dst).s,
			record->src_port, record->dst_port);
}

void explain_print_wireshark(const struct explain *e)
{
	const struct run_options *run = &e->request->run;
	char clean[PATH_MAX_SHOWN];

	if (e->quoted_frame != 0)
		fprintf(e->out,
			"ICMP errors or samples of sFlow quote %s of its headers, the first in "
			"frame %s: see there why.\n",
			text_count(e->record.icmp_errors).s, text_ucount(e->quoted_frame).s);
	fputs("A full look: wireshark", e->out);
	if (run->nb_paths == 1 && strcmp(run->paths[0], "-") != 0) {
		text_clean(clean, sizeof(clean), run->paths[0], strlen(run->paths[0]));
		fputs(" -r ", e->out);
		text_put_shell_word(e->out, clean);
	}
	fputs(" -Y '", e->out);
	print_display_filter(e);
	fputs("'\n", e->out);
}
