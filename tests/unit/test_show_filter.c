/* SPDX-License-Identifier: BSD-3-Clause */

/* Conditions of `tcpmill show --where` and networks in CIDR notation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/show_priv.h"

static bool contains(const char *network, const char *ip)
{
	struct show_network n;

	assert_true(show_network_parse(network, &n));
	return show_network_contains(&n, ip, strlen(ip));
}

static void networks_contain_addresses(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.0.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.1"));
	assert_true(contains("10.1.2.3/8", "10.9.9.9")); /* bits behind the prefix are ignored */
	assert_true(contains("192.168.0.128/25", "192.168.0.129"));
	assert_false(contains("192.168.0.128/25", "192.168.0.127"));
	assert_true(contains("192.168.0.7", "192.168.0.7"));
	assert_false(contains("192.168.0.7", "192.168.0.70"));
	assert_true(contains("0.0.0.0/0", "255.255.255.255"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_true(contains("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(contains("2001:db8::/32", "2001:db9::1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(contains("::/0", "fe80::1"));
	assert_true(contains("2001:0DB8::0:1", "2001:db8::1")); /* however it is spelled */
	assert_false(contains("10.0.0.0/8", "10.0.0.300"));
	assert_false(contains("10.0.0.0/8", ""));
	assert_false(contains("10.0.0.0/8",
			      "a text that is much longer than any address there is: 10.0.0.1"));
}

static void an_address_ends_where_its_text_ends(void **state)
{
	struct show_network n;

	(void)state;
	assert_true(show_network_parse("10.0.0.1", &n));
	assert_true(show_network_contains(&n, "10.0.0.12", 8));
	assert_false(show_network_contains(&n, "10.0.0.1\0x", 10));
}

static void what_is_no_network(void **state)
{
	static const char *const bad[] = {"",
					  "10",
					  "10.0.0/8",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.0/-1",
					  "10.0.0.0/8 ",
					  "10.0.0.0/08",
					  "::/129",
					  "2001:db8::/3x",
					  "host",
					  "10.0.0.0/8/8",
					  "/8",
					  "10.0.0.0/4294967304"};
	struct show_network n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(show_network_parse(bad[i], &n));
}

static void conditions_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *column, *value;
		enum show_operator op;
	} cases[] = {
		{"syn_rtt_ns > 20ms", "syn_rtt_ns", "20ms", SHOW_GREATER},
		{"o_rst>=1", "o_rst", "1", SHOW_GREATER_EQUAL},
		{"  a  ==  b  ", "a", "b", SHOW_EQUAL},
		{"a=b", "a", "b", SHOW_EQUAL},
		{"a!=b", "a", "b", SHOW_NOT_EQUAL},
		{"a<b", "a", "b", SHOW_LESS},
		{"a <= b", "a", "b", SHOW_LESS_EQUAL},
		{"history =~ hAd", "history", "hAd", SHOW_CONTAINS},
		{"history == ' x '", "history", " x ", SHOW_EQUAL},
		{"history == \"\"", "history", "", SHOW_EQUAL},
		{"ip in 10.0.0.0/8", "ip", "10.0.0.0/8", SHOW_IN},
		{"ip not in 10.0.0.0/8", "ip", "10.0.0.0/8", SHOW_NOT_IN},
		{"vlan is null", "vlan", "", SHOW_IS_NULL},
		{"vlan is not null ", "vlan", "", SHOW_IS_NOT_NULL},
		{"ts < 2026-11-20 09:00:00", "ts", "2026-11-20 09:00:00", SHOW_LESS},
	};
	struct show_condition c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(show_condition_parse(cases[i].text, &c));
		assert_string_equal(c.column, cases[i].column);
		assert_string_equal(c.value, cases[i].value);
		assert_int_equal(c.op, cases[i].op);
	}
}

static void broken_conditions_are_refused(void **state)
{
	static const char *const bad[] = {"",     "a",    "a b",        "a ==", "== b",      "a > ",
					  "a in", "a is", "a is nullx", "a !b", "a inside b"};
	char long_text[SHOW_WORD_MAX + 32];
	struct show_condition c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(show_condition_parse(bad[i], &c));
	memset(long_text, 'a', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_non_null(show_condition_parse(long_text, &c));
	memcpy(long_text, "a ==", 4);
	assert_non_null(show_condition_parse(long_text, &c));
}

/* A condition on field 0 (and field 1) of a row, without a file. */
static const char *bind(const char *text, enum show_look look, struct show_condition *c,
			size_t nb_sides)
{
	assert_null(show_condition_parse(text, c));
	c->nb_sides = nb_sides;
	for (uint32_t i = 0; i < nb_sides; i++)
		c->sides[i] = (struct show_column){
			.name = "x", .look = look, .nb_fields = 1, .fields = {i}};
	return show_condition_type(c);
}

static bool number_holds(const char *text, enum show_look look, int64_t n)
{
	struct show_cell cell = {.n = n};
	struct show_condition c;

	assert_null(bind(text, look, &c, 1));
	return show_condition_holds(&c, &cell);
}

static bool text_holds(const char *text, const char *value)
{
	struct show_cell cell = {.s = value, .len = strlen(value)};
	struct show_condition c;

	assert_null(bind(text, SHOW_TEXT, &c, 1));
	return show_condition_holds(&c, &cell);
}

static void numbers_have_suffixes_and_units(void **state)
{
	struct show_condition c;

	(void)state;
	assert_true(number_holds("x == 2k", SHOW_COUNT, 2000));
	assert_true(number_holds("x < -1", SHOW_PLAIN, -2));
	assert_true(number_holds("x == 1MiB", SHOW_COUNT, 1048576));
	assert_true(number_holds("x == 1.5MB", SHOW_BYTES, 1500000));
	assert_true(number_holds("x > 20ms", SHOW_DURATION, 20000001));
	assert_false(number_holds("x > 20ms", SHOW_DURATION, 20000000));
	assert_true(number_holds("x >= 20 ms", SHOW_DURATION, 20000000));
	assert_true(number_holds("x == 1.5s", SHOW_DURATION, 1500000000));
	assert_true(number_holds("x == 20", SHOW_DURATION, 20)); /* ns, as in the column */
	assert_true(number_holds("x >= 2026-11-20", SHOW_TIME, INT64_C(1795132800000000000)));
	assert_true(number_holds("x == true", SHOW_BOOL, 1));
	assert_true(number_holds("x != yes", SHOW_BOOL, 0));
	assert_non_null(bind("x > 1.5", SHOW_DURATION, &c, 1));
	assert_non_null(bind("x > 1.5", SHOW_PLAIN, &c, 1));
	assert_non_null(bind("x > 20ms", SHOW_COUNT, &c, 1));
	assert_non_null(bind("x > true", SHOW_BOOL, &c, 1));
	assert_non_null(bind("x == maybe", SHOW_BOOL, &c, 1));
	assert_non_null(bind("x =~ 1", SHOW_COUNT, &c, 1));
	assert_non_null(bind("x in 10.0.0.0/8", SHOW_COUNT, &c, 1));
	assert_non_null(bind("x in somewhere", SHOW_TEXT, &c, 1));
	assert_non_null(bind("x > yesterday", SHOW_TIME, &c, 1));
	assert_non_null(bind("x == 99999999999999999999", SHOW_COUNT, &c, 1));
}

static void texts_are_compared(void **state)
{
	(void)state;
	assert_true(text_holds("x == SF", "SF"));
	assert_false(text_holds("x == SF", "S"));
	assert_false(text_holds("x == SF", "SFx"));
	assert_true(text_holds("x != SF", "S0"));
	assert_true(text_holds("x =~ hA", "ShADad"));
	assert_false(text_holds("x =~ ha", "ShADad"));
	assert_true(text_holds("x < b", "a"));
	assert_true(text_holds("x > a", "ab"));
	assert_true(text_holds("x == ''", ""));
	assert_true(text_holds("x in 10.0.0.0/8", "10.1.1.1"));
	assert_true(text_holds("x not in 10.0.0.0/8", "11.1.1.1"));
}

static void both_ends_are_asked(void **state)
{
	struct show_cell ends[2] = {{.n = 50122}, {.n = 443}};
	struct show_condition c;

	(void)state;
	assert_null(bind("port == 443", SHOW_PLAIN, &c, 2));
	assert_true(show_condition_holds(&c, ends));
	assert_null(bind("port != 443", SHOW_PLAIN, &c, 2));
	assert_false(show_condition_holds(&c, ends));
	assert_null(bind("port != 80", SHOW_PLAIN, &c, 2));
	assert_true(show_condition_holds(&c, ends));
	assert_null(bind("port < 1024", SHOW_PLAIN, &c, 2));
	assert_true(show_condition_holds(&c, ends));
}

static void only_is_null_holds_for_null(void **state)
{
	static const char *const lines[] = {"x == 1", "x != 1", "x < 1", "x >= 1", "x is not null"};
	struct show_cell null = {.is_null = true};
	struct show_condition c;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_null(bind(lines[i], SHOW_COUNT, &c, 1));
		assert_false(show_condition_holds(&c, &null));
	}
	assert_null(bind("x is null", SHOW_COUNT, &c, 1));
	assert_true(show_condition_holds(&c, &null));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_contain_addresses),
		cmocka_unit_test(an_address_ends_where_its_text_ends),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(conditions_are_taken_apart),
		cmocka_unit_test(broken_conditions_are_refused),
		cmocka_unit_test(numbers_have_suffixes_and_units),
		cmocka_unit_test(texts_are_compared),
		cmocka_unit_test(both_ends_are_asked),
		cmocka_unit_test(only_is_null_holds_for_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
