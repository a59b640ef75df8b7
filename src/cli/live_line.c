/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines of live capture that may grow long: many ports, many fates, long names. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "live_cli.h"
#include "text.h"

#define WIDTH 100 /* the last column is kept for a comma */
#define INDENT 4

void live_line_put(struct live_line *line, const char *separator, const char *format, ...)
{
	char raw[512], part[3 * sizeof(raw)];
	va_list args;
	size_t columns;

	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	/* Names of ports are whatever was typed. */
	text_clean(part, sizeof(part), raw, strlen(raw));
	columns = text_width(part, strlen(part)) + text_width(separator, strlen(separator));
	if (line->columns > INDENT && line->columns + columns >= WIDTH) {
		/* A comma ends a line, any other sign begins one. */
		if (*separator == ',')
			fputc(*separator++, line->out);
		fprintf(line->out, "\n%*s", INDENT, "");
		line->columns = INDENT;
		if (*separator == ' ')
			separator++;
	} else if (line->columns == 0) {
		separator = "";
	}
	fprintf(line->out, "%s%s", separator, part);
	line->columns += text_width(part, strlen(part)) + text_width(separator, strlen(separator));
}

void live_line_end(struct live_line *line)
{
	fputc('\n', line->out);
	line->columns = 0;
}
