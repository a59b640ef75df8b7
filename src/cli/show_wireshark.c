/* SPDX-License-Identifier: BSD-3-Clause */

/* The command line that opens a flow in Wireshark. */

#include <string.h>

#include "show_json.h"
#include "show_priv.h"
#include "tcpmill/arrow.h"
#include "text.h"

#define PATH_MAX_SHOWN 4096

static const char *const fields[] = {"stream",   "input_file", "src_ip",
				     "src_port", "dst_ip",     "dst_port"};

void show_wireshark_mark(const struct arrow_reader *reader, bool *needed)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int field = arrow_reader_find(reader, fields[i]);

		if (field >= 0)
			needed[field] = true;
	}
}

bool show_input_find(const struct arrow_reader *reader, const struct show_cell *cells, char *path,
		     size_t size, size_t *nb)
{
	const struct show_cell *file = show_cell_find(reader, cells, "input_file");
	size_t nb_metadata;
	const struct arrow_kv *metadata = arrow_reader_metadata(reader, &nb_metadata);
	size_t index = file && file->n > 0 ? (size_t)file->n : 0;

	*nb = 0;
	for (size_t i = 0; i < nb_metadata; i++) {
		if (strcmp(metadata[i].key, "inputs") == 0)
			return show_json_array_string(metadata[i].value, index, path, size, nb) &&
			       (file || *nb == 1); /* the events do not say which file */
	}
	return false;
}

/* "ip.addr == A && ip.addr == B && tcp.port == x && tcp.port == y" */
static bool put_endpoints(FILE *out, const struct arrow_reader *reader,
			  const struct show_cell *cells)
{
	const struct show_cell *src_ip = show_cell_find(reader, cells, "src_ip");
	const struct show_cell *dst_ip = show_cell_find(reader, cells, "dst_ip");
	const struct show_cell *src_port = show_cell_find(reader, cells, "src_port");
	const struct show_cell *dst_port = show_cell_find(reader, cells, "dst_port");
	struct show_network network;
	char src[64], dst[64];
	const char *field;

	if (!src_ip || !dst_ip || !src_port || !dst_port || !src_ip->s || !dst_ip->s)
		return false;
	/* Only what is an address may enter a line that people paste into a shell. */
	text_clean(src, sizeof(src), src_ip->s, src_ip->len);
	text_clean(dst, sizeof(dst), dst_ip->s, dst_ip->len);
	if (!show_network_parse(src, &network) || !show_network_parse(dst, &network) ||
	    strchr(src, '/') || strchr(dst, '/'))
		return false;
	field = strchr(src, ':') ? "ipv6.addr" : "ip.addr";
	fprintf(out, "%s == %s && %s == %s && tcp.port == %lld && tcp.port == %lld", field, src,
		field, dst, (long long)src_port->n, (long long)dst_port->n);
	return true;
}

void show_wireshark_print(FILE *out, const struct arrow_reader *reader,
			  const struct show_cell *cells)
{
	const struct show_cell *stream = show_cell_find(reader, cells, "stream");
	char path[PATH_MAX_SHOWN], clean[PATH_MAX_SHOWN];
	size_t nb_inputs;
	bool has_path = show_input_find(reader, cells, path, sizeof(path), &nb_inputs) &&
			!show_is_live(reader);

	fputs("wireshark", out);
	if (has_path && strcmp(path, "-") != 0) {
		text_clean(clean, sizeof(clean), path, strlen(path));
		fputs(" -r ", out);
		text_put_shell_word(out, clean);
	}
	fputs(" -Y '", out);
	/* Stream numbers run over all inputs; Wireshark's over one. */
	if (stream && !stream->s && nb_inputs <= 1)
		fprintf(out, "tcp.stream == %lld", (long long)stream->n);
	else if (!put_endpoints(out, reader, cells))
		fputs("tcp", out);
	fputs("'\n", out);
}
