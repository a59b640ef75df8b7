/* SPDX-License-Identifier: BSD-3-Clause */

/* What a file says about itself: its columns and its books. */

#include <string.h>

#include "cli.h"
#include "show_json.h"
#include "show_priv.h"
#include "tcpmill/arrow.h"
#include "text.h"

static const char *clean(const char *s, char out[SHOW_TEXT_MAX])
{
	text_clean(out, SHOW_TEXT_MAX, s ? s : "", s ? strlen(s) : 0);
	return out;
}

static void print_metadata(const struct arrow_kv *metadata, size_t nb, FILE *out)
{
	char text[SHOW_TEXT_MAX];

	for (size_t i = 0; i < nb; i++) {
		const char *value = metadata[i].value;

		if (value[0] == '{' || value[0] == '[') {
			fprintf(out, "%s\n", clean(metadata[i].key, text));
			show_json_print(out, value, 2);
		} else {
			text_put_left(out, clean(metadata[i].key, text), 30);
			fprintf(out, " %s\n", clean(value, text));
		}
	}
}

static size_t widest(const struct arrow_reader *reader, bool of_types)
{
	size_t width = of_types ? strlen("type") : strlen("column");

	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		const struct arrow_field *f = arrow_reader_field(reader, i);
		const char *s = of_types ? f->type_name : f->name;
		size_t w = text_width(s, strlen(s));

		width = w > width && w <= 40 ? w : width;
	}
	return width;
}

int show_schema(const struct arrow_reader *reader, FILE *out)
{
	size_t name_width = widest(reader, false) + 2, type_width = widest(reader, true) + 2;
	size_t nb_metadata;
	const struct arrow_kv *metadata = arrow_reader_metadata(reader, &nb_metadata);
	char text[SHOW_TEXT_MAX];

	text_put_left(out, "column", name_width);
	text_put_left(out, "type", type_width);
	fputs("unit     help\n", out);
	for (size_t i = 0; i < arrow_reader_nb_fields(reader); i++) {
		const struct arrow_field *f = arrow_reader_field(reader, i);

		text_put_left(out, clean(f->name, text), name_width);
		text_put_left(out, clean(f->type_name, text), type_width);
		text_put_left(out, clean(show_field_metadata(f, "unit"), text), 9);
		fprintf(out, "%s\n", clean(show_field_metadata(f, "help"), text));
	}
	if (nb_metadata > 0)
		putc('\n', out);
	print_metadata(metadata, nb_metadata, out);
	return EXIT_OK;
}

int show_books(struct arrow_reader *reader, const char *name, FILE *out)
{
	const struct arrow_batch *batch;
	const struct arrow_kv *footer;
	size_t nb;
	int rc;

	/* A stream is known to be whole only at its end; a file's footer is read at once. */
	footer = arrow_reader_footer(reader, &nb);
	if (footer && nb > 0) {
		print_metadata(footer, nb, out);
		return EXIT_OK;
	}
	do {
		rc = arrow_reader_next(reader, &batch);
	} while (rc == 1);
	if (rc < 0)
		fprintf(stderr, "tcpmill: %s: %s\n", name, arrow_reader_error(reader));
	else if (arrow_reader_is_complete(reader))
		fprintf(stderr,
			"tcpmill: %s: no books: a stream has no place for them (tcpmill run "
			"printed them on stderr), and other programs' files have none\n",
			name);
	else
		fprintf(stderr, "tcpmill: %s: no books: this file was not finished\n", name);
	return EXIT_DAMAGED;
}
