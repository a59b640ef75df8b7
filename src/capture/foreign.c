/* SPDX-License-Identifier: BSD-3-Clause */

/* Formats of other programs, told by their first bytes: not read, but named. */

#include <stdio.h>
#include <string.h>

#include "capture_priv.h"

#define MAGIC(string) (string), sizeof(string) - 1

static const struct {
	const char *magic;
	size_t len;
	const char *name;
	bool is_capture; /* editcap reads it */
} formats[] = {
	{MAGIC("snoop\0\0\0"), "a capture of Solaris' snoop", true},
	{MAGIC("GMBU"), "a capture of Network Monitor 2", true},
	{MAGIC("RTSS"), "a capture of Network Monitor 1", true},
	{MAGIC("TRSNIFF data"), "a capture of Network General's Sniffer", true},
	{MAGIC("XCP\0"), "a capture of NetXRay or Windows Sniffer", true},
	{MAGIC("iptrace "), "a capture of AIX's iptrace", true},
	{MAGIC("TR\0d\0"), "a capture of HP-UX's nettl", true},
	{MAGIC("btsnoop\0"), "a capture of Bluetooth", true},
	{MAGIC("\005VNF"), "a capture of Visual Networks", true},
	{MAGIC("\xaa\xaa\xaa\xaa"), "a capture of InfoVista 5View", true},
	{MAGIC("\001\020L\000"), "a capture of Novell LANalyzer", true},
	{MAGIC("ARROW1\0\0"), "an Arrow file; tcpmill show reads flow records", false},
};

bool foreign_format_tell(const uint8_t *head, size_t len, char *text, size_t text_size)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (len < formats[i].len || memcmp(head, formats[i].magic, formats[i].len) != 0)
			continue;
		snprintf(text, text_size, "%s%s", formats[i].name,
			 formats[i].is_capture ? "; editcap -F pcapng converts it" : "");
		return true;
	}
	return false;
}
