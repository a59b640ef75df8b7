/* SPDX-License-Identifier: BSD-3-Clause */

/* Conditions: "COL OP VALUE", taken apart, given types, and asked of each row. */

#include <string.h>

#include "show_priv.h"
#include "tcpmill/arrow.h"
#include "tcpmill/record.h"

/* Longer ones first where one begins another. */
static const struct {
	const char *word;
	enum show_operator op;
} operators[] = {
	{"==", SHOW_EQUAL},         {"!=", SHOW_NOT_EQUAL},   {"<=", SHOW_LESS_EQUAL},
	{">=", SHOW_GREATER_EQUAL}, {"=~", SHOW_CONTAINS},    {"<", SHOW_LESS},
	{">", SHOW_GREATER},        {"=", SHOW_EQUAL},        {"is not null", SHOW_IS_NOT_NULL},
	{"is null", SHOW_IS_NULL},  {"not in ", SHOW_NOT_IN}, {"in ", SHOW_IN},
};

static const char syntax[] =
	"expected COLUMN OPERATOR VALUE, such as 'syn_rtt_ns > 20ms'; operators are == != < <= > "
	">= =~ in, 'is null' and 'is not null'";

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '#';
}

static bool copy_word(char out[SHOW_WORD_MAX], const char *text, size_t len)
{
	if (len >= SHOW_WORD_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* The value: blanks around it and one pair of quotes are no part of it. */
static const char *parse_value(const char *text, struct show_condition *condition)
{
	size_t len;

	text += strspn(text, " ");
	len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len == 0)
		return syntax;
	if (len >= 2 && (text[0] == '"' || text[0] == '\'') && text[len - 1] == text[0]) {
		text++;
		len -= 2;
	}
	return copy_word(condition->value, text, len) ? NULL : "the value is too long";
}

const char *show_condition_parse(const char *text, struct show_condition *condition)
{
	size_t len = 0;

	memset(condition, 0, sizeof(*condition));
	text += strspn(text, " ");
	while (is_name(text[len]))
		len++;
	if (len == 0)
		return syntax;
	if (!copy_word(condition->column, text, len))
		return "the column's name is too long";
	text += len;
	text += strspn(text, " ");
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		const char *word = operators[i].word;

		if (strncmp(text, word, strlen(word)) != 0)
			continue;
		condition->op = operators[i].op;
		text += strlen(word);
		if (condition->op != SHOW_IS_NULL && condition->op != SHOW_IS_NOT_NULL)
			return parse_value(text, condition);
		return text[strspn(text, " ")] == '\0' ? NULL : syntax;
	}
	return syntax;
}

static const char *type_number(struct show_condition *condition)
{
	char *value = condition->value;
	size_t len = strlen(value);
	const char *refusal;
	uint64_t n = 0;

	/* "20 ms" is "20ms". */
	for (char *blank = strchr(value, ' '); blank; blank = strchr(value, ' '))
		memmove(blank, blank + 1, strlen(blank));
	len = strlen(value);
	refusal = parse_integer(value, &condition->number);
	if (!refusal)
		return NULL;
	if (condition->sides[0].look == SHOW_DURATION) {
		/* A number without a unit is in ns, as in the column, and so is whole. */
		if (len > 0 && value[len - 1] >= '0' && value[len - 1] <= '9')
			return "expected whole nanoseconds, or a unit as in 1.5ms";
		refusal = parse_duration(value, &n);
	} else if (condition->sides[0].look == SHOW_PLAIN ||
		   condition->sides[0].look == SHOW_FRAME) {
		return refusal;
	} else {
		if (parse_bytes(value, &n) || n > INT64_MAX)
			return refusal;
		refusal = NULL;
	}
	condition->number = (int64_t)n;
	return refusal;
}

static const char *type_bool(struct show_condition *condition)
{
	static const char *const words[2][3] = {{"false", "no", "0"}, {"true", "yes", "1"}};

	if (condition->op != SHOW_EQUAL && condition->op != SHOW_NOT_EQUAL)
		return "a yes/no column is compared with == or !=";
	for (int truth = 0; truth < 2; truth++) {
		for (size_t i = 0; i < 3; i++) {
			if (strcmp(words[truth][i], condition->value) == 0) {
				condition->number = truth;
				return NULL;
			}
		}
	}
	return "expected true or false";
}

static bool is_address_column(const char *name)
{
	size_t len = strlen(name);

	return strcmp(name, "ip") == 0 || (len > 3 && strcmp(name + len - 3, "_ip") == 0);
}

/* A word that no row can hold is a slip of the finger, not an empty answer. */
static const char *check_word(const struct show_condition *condition)
{
	const struct table_format *format = flow_record_format();
	const char *name = condition->column;
	const struct column *column;
	int i;

	if (condition->op != SHOW_EQUAL && condition->op != SHOW_NOT_EQUAL)
		return NULL;
	i = table_format_find(format, strcmp(name, "state") == 0 ? "conn_state" : name);
	if (i < 0 || format->columns[i].type != COLUMN_DICT)
		return NULL;
	column = &format->columns[i];
	for (const char *const *value = column->values; *value; value++) {
		if (strcmp(*value, condition->value) == 0)
			return NULL;
	}
	return "no flow ever has this value; --by lists those there are";
}

static const char *type_text(struct show_condition *condition)
{
	bool in = condition->op == SHOW_IN || condition->op == SHOW_NOT_IN;

	if (condition->op == SHOW_CONTAINS)
		return NULL;
	if (in || (is_address_column(condition->column) &&
		   (condition->op == SHOW_EQUAL || condition->op == SHOW_NOT_EQUAL))) {
		if (!show_network_parse(condition->value, &condition->network))
			return "expected an address or a network such as 10.0.0.0/8 or "
			       "2001:db8::/32";
		condition->is_network = true;
		return NULL;
	}
	return check_word(condition);
}

const char *show_condition_type(struct show_condition *condition)
{
	if (condition->op == SHOW_IS_NULL || condition->op == SHOW_IS_NOT_NULL)
		return NULL;
	if (show_column_is_text(&condition->sides[0]))
		return type_text(condition);
	if (condition->op == SHOW_CONTAINS)
		return "=~ looks into text, and this column is none";
	if (condition->op == SHOW_IN || condition->op == SHOW_NOT_IN)
		return "'in' asks for a network, and this column is no address";
	if (condition->sides[0].look == SHOW_BOOL)
		return type_bool(condition);
	if (condition->sides[0].look == SHOW_TIME || condition->sides[0].look == SHOW_TIME_OF_DAY)
		return parse_time(condition->value, &condition->number);
	return type_number(condition);
}

bool show_condition_bind(struct show_condition *condition, const struct arrow_reader *reader,
			 char *error, size_t error_size)
{
	static const char *const ends[2][3] = {{"ip", "src_ip", "dst_ip"},
					       {"port", "src_port", "dst_port"}};
	const char *refusal;

	condition->nb_sides = 0;
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(condition->column, ends[i][0]) == 0 &&
		    show_column_find(reader, ends[i][1], &condition->sides[0]) &&
		    show_column_find(reader, ends[i][2], &condition->sides[1]))
			condition->nb_sides = 2;
	}
	if (condition->nb_sides == 0) {
		char near[SHOW_TEXT_MAX];

		if (!show_column_find(reader, condition->column, &condition->sides[0])) {
			show_column_suggest(reader, condition->column, near, sizeof(near));
			snprintf(error, error_size, "there is no column '%s'%s", condition->column,
				 near);
			return false;
		}
		condition->nb_sides = 1;
	}
	refusal = show_condition_type(condition);
	if (refusal)
		snprintf(error, error_size, "'%s' for %s: %s", condition->value, condition->column,
			 refusal);
	return refusal == NULL;
}

static bool order_holds(enum show_operator op, int order)
{
	switch (op) {
	case SHOW_EQUAL:
		return order == 0;
	case SHOW_NOT_EQUAL:
		return order != 0;
	case SHOW_LESS:
		return order < 0;
	case SHOW_LESS_EQUAL:
		return order <= 0;
	case SHOW_GREATER:
		return order > 0;
	case SHOW_GREATER_EQUAL:
		return order >= 0;
	default:
		return false;
	}
}

static bool text_holds(const struct show_condition *condition, const struct show_cell *value)
{
	size_t len = strlen(condition->value);
	size_t common = len < value->len ? len : value->len;
	int order;

	if (condition->is_network)
		return show_network_contains(&condition->network, value->s, value->len) ==
		       (condition->op == SHOW_EQUAL || condition->op == SHOW_IN);
	if (condition->other[0] != '\0' && value->len == strlen(condition->other) &&
	    memcmp(value->s, condition->other, value->len) == 0)
		return condition->op == SHOW_EQUAL;
	if (condition->op == SHOW_CONTAINS)
		return memmem(value->s, value->len, condition->value, len) != NULL;
	order = memcmp(value->s, condition->value, common);
	if (order == 0)
		order = (value->len > len) - (value->len < len);
	return order_holds(condition->op, order);
}

/* As in SQL, nothing but "is null" holds for a null. */
static bool side_holds(const struct show_condition *condition, const struct show_column *column,
		       const struct show_cell *cells)
{
	char text[SHOW_TEXT_MAX];
	struct show_cell value = show_column_value(column, cells, text);

	if (condition->op == SHOW_IS_NULL || condition->op == SHOW_IS_NOT_NULL)
		return value.is_null == (condition->op == SHOW_IS_NULL);
	if (value.is_null)
		return false;
	if (value.s)
		return text_holds(condition, &value);
	return order_holds(condition->op,
			   (value.n > condition->number) - (value.n < condition->number));
}

bool show_condition_holds(const struct show_condition *condition, const struct show_cell *cells)
{
	/* "port != 80" means that neither end has it: all sides must hold, else any. */
	bool all = condition->op == SHOW_NOT_EQUAL || condition->op == SHOW_NOT_IN;

	for (size_t i = 0; i < condition->nb_sides; i++) {
		if (side_holds(condition, &condition->sides[i], cells) != all)
			return !all;
	}
	return all;
}
