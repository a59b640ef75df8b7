/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "near.h"
#include "options.h"
#include "text.h"

#define HELP_WIDTH 100
/* Help texts start here, or on the next line when the option reaches further. */
#define HELP_COLUMN 27

/* ids of what every command understands; a command's own are >= 0. */
enum {
	ID_HELP = -2,
	ID_HELP_ALL = -3,
};

static const struct option_spec common_options[] = {
	{"help", 'h', NULL, "print this help", NULL, OPTION_EVERYBODY, ID_HELP},
	{"help-all", 0, NULL, "print every option, those for experts and tests too", NULL,
	 OPTION_EVERYBODY, ID_HELP_ALL},
};

#define NB_COMMON_OPTIONS (sizeof(common_options) / sizeof(common_options[0]))

struct parser {
	const struct command_spec *command;
	int argc;
	char **argv;
	int at; /* the argument being read */
	option_take_fn *take;
	void *context;
};

int options_usage_error(const struct command_spec *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "tcpmill %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (see tcpmill %s --help)\n", command->name);
	return EXIT_USAGE;
}

/* Option i of the command, its own options first, then the common ones; NULL behind the last. */
static const struct option_spec *option_at(const struct command_spec *command, size_t i)
{
	if (i < command->nb_options)
		return &command->options[i];
	i -= command->nb_options;
	return i < NB_COMMON_OPTIONS ? &common_options[i] : NULL;
}

static const struct option_spec *find_long(const struct command_spec *command, const char *name,
					   size_t len)
{
	const struct option_spec *option;

	for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
		if (strncmp(option->long_name, name, len) == 0 && option->long_name[len] == '\0')
			return option;
	}
	return NULL;
}

static const struct option_spec *find_short(const struct command_spec *command, char name)
{
	const struct option_spec *option;

	for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
		if (option->short_name != 0 && option->short_name == name)
			return option;
	}
	return NULL;
}

static int unknown_option(const struct command_spec *command, const char *name, size_t len)
{
	const struct option_spec *option, *nearest = NULL;
	unsigned int smallest = NEAR_FAR;
	char typed[41];

	snprintf(typed, sizeof(typed), "%.*s", len < 40 ? (int)len : 40, name);
	for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
		unsigned int distance = near_distance(typed, option->long_name);

		if (distance < smallest) {
			smallest = distance;
			nearest = option;
		}
	}
	if (nearest)
		return options_usage_error(command, "unknown option '--%.*s'; is it '--%s'?",
					   (int)len, name, nearest->long_name);
	return options_usage_error(command, "unknown option '--%.*s'", (int)len, name);
}

/* Acts on one option with its value, NULL for a flag. */
static int take_option(struct parser *p, const struct option_spec *option, const char *value)
{
	const char *refusal;

	if (option->id == ID_HELP || option->id == ID_HELP_ALL) {
		options_print_help(p->command, option->id == ID_HELP_ALL, stdout);
		if (fflush(stdout) == 0 && !ferror(stdout))
			return EXIT_OK;
		fprintf(stderr, "tcpmill: stdout: cannot write: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	refusal = p->take(p->context, option->id, value);
	if (!refusal)
		return OPTIONS_GO_ON;
	if (!value)
		return options_usage_error(p->command, "--%s: %s", option->long_name, refusal);
	return options_usage_error(p->command, "--%s '%s': %s", option->long_name, value, refusal);
}

static int take_operand(struct parser *p, int id, const char *value)
{
	const char *refusal = p->take(p->context, id, value);

	return refusal ? options_usage_error(p->command, "'%s': %s", value, refusal)
		       : OPTIONS_GO_ON;
}

/* The argument behind the option at hand, or NULL at the end of the line. */
static const char *next_argument(struct parser *p)
{
	return p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
}

static int missing_value(const struct parser *p, const struct option_spec *option)
{
	return options_usage_error(p->command, "option '--%s' needs a value: --%s=%s",
				   option->long_name, option->long_name, option->argument);
}

/* "--name", "--name=value" or "--name value"; text begins behind the dashes. */
static int parse_long(struct parser *p, const char *text)
{
	size_t len = strcspn(text, "=");
	const struct option_spec *option = find_long(p->command, text, len);
	const char *value = text[len] == '=' ? text + len + 1 : NULL;

	if (!option)
		return unknown_option(p->command, text, len);
	if (!option->argument) {
		if (value)
			return options_usage_error(p->command, "option '--%s' takes no value",
						   option->long_name);
		return take_option(p, option, NULL);
	}
	if (!value)
		value = next_argument(p);
	return value ? take_option(p, option, value) : missing_value(p, option);
}

/* "-f", "-fg", "-wVALUE" or "-w VALUE"; text begins behind the dash. */
static int parse_short(struct parser *p, const char *text)
{
	int status = OPTIONS_GO_ON;

	for (; *text != '\0' && status == OPTIONS_GO_ON; text++) {
		const struct option_spec *option = find_short(p->command, *text);
		const char *value;

		if (!option) {
			/* A byte above 0x7f begins a character that is shown whole. */
			int len = (*text & 0x80) ? (int)strlen(text) : 1;

			return options_usage_error(p->command, "unknown option '-%.*s'", len, text);
		}
		if (!option->argument) {
			status = take_option(p, option, NULL);
			continue;
		}
		value = text[1] != '\0' ? text + 1 : next_argument(p);
		return value ? take_option(p, option, value) : missing_value(p, option);
	}
	return status;
}

int options_parse(const struct command_spec *command, int argc, char **argv, option_take_fn *take,
		  void *context)
{
	struct parser p = {command, argc, argv, 1, take, context};
	bool options_ended = false;
	int status = OPTIONS_GO_ON;

	for (; p.at < p.argc && status == OPTIONS_GO_ON; p.at++) {
		const char *text = p.argv[p.at];

		if (options_ended && command->has_rest)
			status = take_operand(&p, OPTION_REST, text);
		else if (options_ended || text[0] != '-' || text[1] == '\0')
			status = take_operand(&p, OPTION_OPERAND, text);
		else if (text[1] != '-')
			status = parse_short(&p, text + 1);
		else if (text[2] != '\0')
			status = parse_long(&p, text + 2);
		else
			options_ended = true;
	}
	return status;
}

/* Writes help from column at on, wrapped between words. */
static void print_wrapped(FILE *out, const char *help, size_t at)
{
	size_t column = at;

	while (*help != '\0') {
		size_t len = strcspn(help, " ");
		size_t width = text_width(help, len);

		if (column > HELP_COLUMN && column + 1 + width > HELP_WIDTH) {
			putc('\n', out);
			text_put_left(out, "", HELP_COLUMN);
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			putc(' ', out);
			column++;
		}
		fwrite(help, 1, len, out);
		column += width;
		help += len;
		help += strspn(help, " ");
	}
	putc('\n', out);
}

static void print_option(FILE *out, const struct option_spec *option)
{
	char left[128];
	size_t width;

	snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", option->short_name ? '-' : ' ',
		 option->short_name ? option->short_name : ' ', option->short_name ? ", " : "  ",
		 option->long_name, option->argument ? "=" : "",
		 option->argument ? option->argument : "");
	width = text_width(left, strlen(left));
	fputs(left, out);
	if (width + 1 > HELP_COLUMN) {
		putc('\n', out);
		width = 0;
	}
	text_put_left(out, "", HELP_COLUMN - width);
	print_wrapped(out, option->help, HELP_COLUMN);
}

void options_print_help(const struct command_spec *command, bool everything, FILE *out)
{
	const struct option_spec *option;
	const char *group = NULL;
	bool has_groups = everything;

	fprintf(out, "Usage: %s\n", command->synopsis);
	if (command->summary)
		fprintf(out, "%s\n", command->summary);
	putc('\n', out);
	for (size_t i = 0; (option = option_at(command, i)) != NULL; i++) {
		/* A heading is printed with the first shown option of its group. */
		if (i == command->nb_options)
			group = has_groups ? "Help" : NULL;
		if (option->group)
			group = option->group;
		if (option->audience == OPTION_EXPERT && !everything)
			continue;
		if (group)
			fprintf(out, "%s:\n", group);
		has_groups |= group != NULL;
		group = NULL;
		print_option(out, option);
	}
	if (command->notes)
		fprintf(out, "\n%s\n", command->notes);
}
